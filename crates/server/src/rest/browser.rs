//! What comes with a request from a browser: the cookie, the site that asked, the address behind proxies.
//!
//! The cookie is `__Host-windlass`, which a browser keeps for TLS and for this machine only; where the console is
//! served without TLS it is `windlass`, and the console says so. Knows neither users nor rights.

use std::net::IpAddr;

use aide::OperationInput;
use axum::extract::{FromRequestParts, Request};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use windlass_app::access::Visitor;
use windlass_domain::ids::ConsoleSessionId;

use super::Rest;
use super::error::Refusal;
use crate::console::Origin;

/// The name of the cookie where only TLS, or this machine, carries it.
const SECURE_COOKIE: &str = "__Host-windlass";
/// Its name elsewhere.
const PLAIN_COOKIE: &str = "windlass";
/// Seconds that a browser keeps it; the server ends the session earlier.
const KEPT: u32 = 30 * 24 * 3600;

/// Which site made a browser ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
    /// This one.
    Own,
    /// Another one.
    Other,
    /// Nothing says it is a browser.
    Unknown,
}

/// What a request says of where it comes from; an argument of handlers.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    /// The client's address, as far as can be known.
    pub(crate) address: IpAddr,
    /// What the browser calls itself; may be empty.
    pub(crate) user_agent: String,
    /// Who made it ask.
    pub(crate) site: Site,
    /// Whether the cookie cannot be read on the way.
    pub(crate) secure: bool,
    /// The start of links to this server, as the client wrote it: scheme and host.
    pub(crate) base: String,
    /// The session that it signed in with.
    pub(crate) session: Option<ConsoleSessionId>,
}

impl OperationInput for Browser {}

impl<S: Sync> FromRequestParts<S> for Browser {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let unknown = std::io::Error::other("an operation was reached without its access layer");
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Refusal::internal(&unknown))
    }
}

impl Browser {
    pub(crate) fn of(rest: &Rest, request: &Request) -> Self {
        let origin = request.extensions().get::<Origin>().copied();
        Self::read(rest, request.headers(), request.uri(), origin)
    }

    pub(crate) fn read(rest: &Rest, headers: &HeaderMap, uri: &Uri, origin: Option<Origin>) -> Self {
        let peer = origin.map_or(IpAddr::from([0, 0, 0, 0]), |origin| origin.address);
        let relayed = rest.trusts(peer);
        let host = host(headers, uri, relayed);
        let tls = origin.is_some_and(|origin| origin.tls)
            || (relayed && text(headers, "x-forwarded-proto").is_some_and(|proto| first(proto) == "https"));
        let public = rest.app.config.public_url.as_deref().and_then(authority_of);
        Self {
            address: client_address(rest, headers, peer),
            user_agent: text(headers, "user-agent").unwrap_or_default().to_owned(),
            site: site(headers, &[host.as_deref(), public]),
            secure: tls || host.as_deref().is_some_and(is_this_machine),
            base: format!(
                "{}://{}",
                if tls { "https" } else { "http" },
                host.as_deref().unwrap_or("localhost")
            ),
            session: None,
        }
    }

    pub(crate) fn visitor(&self) -> Visitor {
        Visitor { address: self.address, user_agent: self.user_agent.clone() }
    }

    fn name(&self) -> &'static str {
        if self.secure { SECURE_COOKIE } else { PLAIN_COOKIE }
    }

    /// What our cookie holds.
    pub(crate) fn cookie(&self, headers: &HeaderMap) -> Option<String> {
        cookies(headers).find(|(name, _)| *name == self.name()).map(|(_, value)| value.to_owned())
    }

    /// The header that gives the cookie to a browser.
    pub(crate) fn give(&self, secret: &str) -> Option<HeaderValue> {
        self.header(secret, KEPT)
    }

    /// The header that takes it away.
    pub(crate) fn take(&self) -> Option<HeaderValue> {
        self.header("", 0)
    }

    fn header(&self, value: &str, seconds: u32) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let text =
            format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", self.name());
        HeaderValue::try_from(text).ok()
    }
}

/// Whether a browser asked, which would show a window of its own for a `Basic` challenge. Browsers that were not given
/// TLS say less of themselves.
pub(crate) fn is_browser(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-fetch-mode")
        || text(headers, "user-agent").is_some_and(|agent| agent.starts_with("Mozilla/"))
}

/// Whether a page of another site could have made a browser send this change only after asking (a preflight), which is
/// allowed to none. Not relied upon where the browser itself says which site it was, or where our cookie comes along.
pub(crate) fn had_to_ask(method: &Method, headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter().filter_map(|value| value.to_str().ok());
    let is_json = |kind: &str| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    };
    let asked = matches!(*method, Method::PUT | Method::DELETE)
        || matches!((kinds.next(), kinds.next()), (Some(kind), None) if is_json(kind));
    asked
        && !headers.contains_key("sec-fetch-site")
        && !cookies(headers).any(|(name, _)| [SECURE_COOKIE, PLAIN_COOKIE].contains(&name))
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs.flat_map(|pairs| pairs.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn first(list: &str) -> &str {
    list.split(',').next().unwrap_or_default().trim()
}

/// The name and port under which the client reached us.
fn host(headers: &HeaderMap, uri: &Uri, relayed: bool) -> Option<String> {
    let forwarded = text(headers, "x-forwarded-host").filter(|_| relayed).map(first);
    let named = forwarded.or_else(|| text(headers, "host")).or_else(|| uri.authority().map(|a| a.as_str()));
    named.map(str::to_lowercase)
}

/// Name and port of an origin or URL.
fn authority_of(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())
}

/// Browsers keep secure cookies without TLS for these, as nobody else is on the way.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Newer browsers say it; of older ones, and without TLS, `Origin` is compared with the name we were reached under.
fn site(headers: &HeaderMap, own: &[Option<&str>]) -> Site {
    if let Some(said) = headers.get("sec-fetch-site") {
        return if matches!(said.as_bytes(), b"same-origin" | b"none") { Site::Own } else { Site::Other };
    }
    let Some(origin) = headers.get("origin") else { return Site::Unknown };
    let authority = origin.to_str().ok().and_then(authority_of).map(str::to_lowercase);
    let is_own = authority.is_some_and(|authority| own.iter().flatten().any(|own| *own == authority));
    if is_own { Site::Own } else { Site::Other }
}

/// The client's address: what trusted proxies say of it, else the other end of the connection.
fn client_address(rest: &Rest, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    if !rest.trusts(peer) {
        return peer;
    }
    let chain = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let mut hops: Vec<&str> = chain.flat_map(|value| value.split(',')).map(str::trim).collect();
    // From the nearest outwards: the first one that is no proxy of ours is the client, as far as we can know.
    let mut client = peer;
    while let Some(hop) = hops.pop() {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !rest.trusts(client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_site_that_asks_is_told_by_the_browser_or_by_its_origin() {
        let own = [Some("fleet.example:8443"), Some("public.example")];
        for (given, expected) in [
            (headers(&[]), Site::Unknown),
            (headers(&[("sec-fetch-site", "same-origin")]), Site::Own),
            (headers(&[("sec-fetch-site", "none")]), Site::Own),
            (headers(&[("sec-fetch-site", "same-site")]), Site::Other),
            (headers(&[("sec-fetch-site", "cross-site"), ("origin", "https://public.example")]), Site::Other),
            (headers(&[("origin", "https://fleet.example:8443")]), Site::Own),
            (headers(&[("origin", "https://Public.Example")]), Site::Own),
            (headers(&[("origin", "https://fleet.example")]), Site::Other),
            (headers(&[("origin", "https://fleet.example:8443.evil.example")]), Site::Other),
            (headers(&[("origin", "https://evil.example/fleet.example:8443")]), Site::Other),
            (headers(&[("origin", "https://fleet.example:8443@evil.example")]), Site::Other),
            (headers(&[("origin", "null")]), Site::Other),
            (headers(&[("origin", "")]), Site::Other),
        ] {
            assert_eq!(site(&given, &own), expected, "{given:?}");
        }
    }

    #[test]
    fn this_machine_has_few_names() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "wind.localhost:1"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in
            ["", "10.0.0.1", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]", "notlocalhost"]
        {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}

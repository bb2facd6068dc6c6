//! Sign-in and permission, decided before body and query are looked at.
//!
//! Every route names its [`Access`]; [`super::routes`] builds none without.

use std::net::IpAddr;

use aide::OperationInput;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use windlass_api::problem::code;
use windlass_app::AppError;
use windlass_domain::credential::ConnectRefusal;
use windlass_domain::permission::{Permission, Principal, allows};

use super::Rest;
use super::error::Refusal;
use crate::console::Origin;

/// Who may use an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, without signing in.
    Anyone,
    /// Everybody who signed in.
    SignedIn,
    /// Those whose role has this permission.
    Needs(Permission),
}

impl From<Permission> for Access {
    fn from(permission: Permission) -> Self {
        Self::Needs(permission)
    }
}

/// Who signed in; an argument of handlers.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Principal);

impl OperationInput for Caller {}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        // Only a route for anyone that asks for a caller gets here without one.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Refusal::unauthenticated(HOW))
    }
}

const HOW: &str = "Send an API token as Authorization: Bearer, or user and password as Authorization: Basic.";

/// The layer around one operation.
pub(crate) async fn decide(
    State((rest, access)): State<(Rest, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    if access == Access::Anyone {
        return next.run(request).await;
    }
    let principal = match sign_in(&rest, request.headers(), origin(request.extensions())).await {
        Ok(principal) => principal,
        Err(refusal) => return refusal.into_response(),
    };
    if let Access::Needs(permission) = access
        && !allows(&principal, permission)
    {
        return Refusal::from(AppError::Forbidden(permission.as_str())).into_response();
    }
    if is_forged(request.method(), request.headers()) {
        const DETAIL: &str = "A page of another site may not change anything here.";
        return Refusal::new(StatusCode::FORBIDDEN, code::FORBIDDEN, "Not allowed", DETAIL).into_response();
    }
    request.extensions_mut().insert(Caller(principal));
    next.run(request).await
}

/// A browser that remembers a password sends it along with what other sites ask of it.
fn is_forged(method: &Method, headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes);
    !method.is_safe() && !matches!(site, None | Some(b"same-origin" | b"none"))
}

/// What an `Authorization` header says.
#[derive(Debug, PartialEq, Eq)]
enum Presented {
    Bearer(String),
    Basic { user: String, password: String },
}

fn read(header: &[u8]) -> Option<Presented> {
    let text = std::str::from_utf8(header).ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
        Some(Presented::Bearer(rest.to_owned()))
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some(Presented::Basic { user: user.to_owned(), password: password.to_owned() })
    } else {
        None
    }
}

/// Where a request came from.
pub(crate) fn origin(extensions: &http::Extensions) -> Option<Origin> {
    extensions.get::<Origin>().copied()
}

pub(crate) async fn sign_in(
    rest: &Rest,
    headers: &HeaderMap,
    origin: Option<Origin>,
) -> Result<Principal, Refusal> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(header), None) = (given.next(), given.next()) else {
        return Err(Refusal::unauthenticated(HOW));
    };
    let presented = read(header.as_bytes()).ok_or_else(|| {
        Refusal::unauthenticated(&format!("The Authorization header cannot be read. {HOW}"))
    })?;
    match presented {
        Presented::Bearer(secret) => match rest.app.identify_token(&secret).await {
            Ok(principal) => Ok(principal),
            Err(ConnectRefusal::Unavailable) => {
                Err(AppError::Unavailable("the token could not be checked; try again".to_owned()).into())
            }
            Err(_) => Err(Refusal::unauthenticated(
                "The token is not good: unknown, expired or revoked. Make another one.",
            )),
        },
        Presented::Basic { user, password } => {
            let address = client_address(rest, headers, origin);
            let (tenant, user) = rest.tenant_of(&user).await?;
            Ok(rest.app.identify_password(tenant, &user, &password, address).await?)
        }
    }
}

/// The client's address: what trusted proxies say of it, else the other end of the connection.
fn client_address(rest: &Rest, headers: &HeaderMap, origin: Option<Origin>) -> IpAddr {
    let unknown = IpAddr::from([0, 0, 0, 0]);
    let peer = origin.map_or(unknown, |origin| origin.address);
    let trusted = |address: &IpAddr| rest.config.trusted_proxies.iter().any(|range| range.contains(*address));
    if !trusted(&peer) {
        return peer;
    }
    let chain = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let mut hops: Vec<&str> = chain.flat_map(|value| value.split(',')).map(str::trim).collect();
    // From the nearest outwards: the first one that is no proxy of ours is the client, as far as we can know.
    let mut client = peer;
    while let Some(hop) = hops.pop() {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !trusted(&client) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorization_headers_are_read_or_refused() {
        let bearer = |text: &str| Some(Presented::Bearer(text.to_owned()));
        assert_eq!(read(b"Bearer wl_abc"), bearer("wl_abc"));
        assert_eq!(read(b"bearer wl_abc "), bearer("wl_abc"));
        let basic = Presented::Basic { user: "anna".to_owned(), password: "a:b".to_owned() };
        assert_eq!(read(format!("Basic {}", STANDARD.encode("anna:a:b")).as_bytes()), Some(basic));
        for garbage in [
            &b""[..],
            b"Bearer",
            b"Bearer ",
            b"Basic ???",
            b"Digest x",
            b"Basic YQ==",
            b"\xff\xfe x",
            b"Basic //8=",
        ] {
            assert_eq!(read(garbage), None, "{garbage:?}");
        }
    }

    #[test]
    fn pages_of_other_sites_change_nothing() {
        let with =
            |site: &str| HeaderMap::from_iter([("sec-fetch-site".parse().unwrap(), site.parse().unwrap())]);
        assert!(is_forged(&Method::POST, &with("cross-site")));
        assert!(is_forged(&Method::DELETE, &with("same-site")));
        assert!(!is_forged(&Method::GET, &with("cross-site")));
        assert!(!is_forged(&Method::POST, &with("same-origin")));
        assert!(!is_forged(&Method::POST, &HeaderMap::new()));
    }
}

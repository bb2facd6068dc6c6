//! `/{tenant}/controller/v1/…`: hawkBit's device interface, answered as on the device port. Devices prove themselves with
//! tokens here, or behind a trusted proxy that checked their certificates.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::{HeaderMap, Uri};
use windlass_gateway::ddi::{Around, is_authority};

use super::Rest;
use super::browser::Browser;
use crate::console::Origin;

pub(super) fn routes(router: Router<Rest>) -> Router<Rest> {
    router
        .route("/{tenant}/controller/v1/{*rest}", any(answer))
        .route("/{tenant}/rauc/v1/{controller}", any(answer))
}

async fn answer(State(rest): State<Rest>, request: Request) -> Response {
    let origin = request.extensions().get::<Origin>().copied();
    let relayed = origin.is_some_and(|origin| rest.trusts(origin.address));
    let base = base(request.headers(), request.uri(), relayed, origin.is_some_and(|origin| origin.tls));
    let public = || rest.app.config.public_url.clone().unwrap_or_default();
    let around = Around {
        address: SocketAddr::new(Browser::of(&rest, &request).address, 0),
        certificate: None,
        chain: None,
        relayed,
        base: base.unwrap_or_else(public),
    };
    rest.ddi.answer(request, around).await.map(Body::new)
}

/// Start of links, by the name under which the device reached us or our trusted proxy.
fn base(headers: &HeaderMap, uri: &Uri, relayed: bool, tls: bool) -> Option<String> {
    let said = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok())?;
        Some(value.split(',').next().unwrap_or_default().trim())
    };
    let forwarded = |name: &str| said(name).filter(|value| relayed && !value.is_empty());
    let host = forwarded("x-forwarded-host")
        .or_else(|| uri.authority().map(|one| one.as_str()))
        .or_else(|| said("host"));
    let host = host.filter(|host| is_authority(host))?;
    let scheme = match forwarded("x-forwarded-proto") {
        Some("https") => "https",
        Some("http") => "http",
        Some(_) | None if tls => "https",
        Some(_) | None => "http",
    };
    let usual = if scheme == "https" { "443" } else { "80" };
    let has_port =
        host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = forwarded("x-forwarded-port")
        .filter(|port| !has_port && *port != usual && port.parse::<u16>().is_ok());
    Some(match port {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn linked(pairs: &[(&'static str, &'static str)], relayed: bool) -> Option<String> {
        let headers =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        base(&headers.collect(), &Uri::from_static("/x"), relayed, false)
    }

    #[test]
    fn links_begin_where_the_device_came_in() {
        let plain = [("host", "10.0.0.1:8080")];
        assert_eq!(linked(&plain, false).as_deref(), Some("http://10.0.0.1:8080"));
        let proxied = [
            ("host", "10.0.0.1:8080"),
            ("x-forwarded-host", "updates.example.com"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", "8443"),
        ];
        assert_eq!(linked(&proxied, true).as_deref(), Some("https://updates.example.com:8443"));
        assert_eq!(
            linked(&proxied, false).as_deref(),
            Some("http://10.0.0.1:8080"),
            "nobody trusted says so"
        );
        let usual = [("host", "h"), ("x-forwarded-proto", "https"), ("x-forwarded-port", "443")];
        assert_eq!(linked(&usual, true).as_deref(), Some("https://h"));
        assert_eq!(linked(&[("host", "a/b")], false), None);
        assert_eq!(linked(&[], false), None);
    }
}

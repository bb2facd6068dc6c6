//! What the head of a request says: who sent it, under which name it reached us, and which form it speaks. Pure.

use http::header::{HeaderMap, HeaderName};
use http::request;
use windlass_app::ddi::{ProxyWord, Shown};
use windlass_wire::ddi::Format;

use super::Around;
use super::path::{Place, decode};

pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// What a request shows of who sent it; none if its path cannot be read.
pub(super) fn shown(headers: &HeaderMap, place: &Place<'_>, around: &Around) -> Option<Shown> {
    let proxy = text(headers, "x-controller-id").filter(|id| around.relayed && !id.is_empty());
    let authorities = || {
        let is_one = |name: &HeaderName| {
            let number = name.as_str().strip_prefix("x-authority-");
            name == "x-authority"
                || number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let values =
            headers.iter().filter(|(name, _)| is_one(name)).filter_map(|(_, value)| value.to_str().ok());
        let each =
            values.flat_map(|value| value.split([',', ';'])).map(|one| one.trim().to_ascii_lowercase());
        each.filter(|one| !one.is_empty()).take(100).collect()
    };
    Some(Shown {
        tenant: decode(place.tenant)?,
        controller: decode(place.controller)?,
        authorization: text(headers, "authorization").map(ToOwned::to_owned),
        certificate: around.certificate.clone(),
        proxy: proxy.map(|id| ProxyWord { controller: id.to_owned(), authorities: authorities() }),
        address: around.address,
        agent: text(headers, "user-agent").unwrap_or_default().chars().take(128).collect(),
    })
}

pub(super) fn format_of_body(headers: &HeaderMap) -> Format {
    let cbor =
        text(headers, "content-type").is_some_and(|kind| kind.trim_start().starts_with("application/cbor"));
    if cbor { Format::Cbor } else { Format::Json }
}

pub(super) fn format_of_answer(headers: &HeaderMap) -> Format {
    let accept = text(headers, "accept").unwrap_or_default();
    let cbor = accept.contains("application/cbor") && !accept.contains("json");
    if cbor { Format::Cbor } else { Format::Json }
}

pub(super) fn type_of_answer(headers: &HeaderMap, format: Format) -> &'static str {
    let accept = text(headers, "accept").unwrap_or_default();
    match format {
        Format::Cbor => "application/cbor",
        Format::Json if accept.contains("application/hal+json") => "application/hal+json;charset=UTF-8",
        Format::Json => "application/json;charset=UTF-8",
    }
}

/// Whether a text may stand in a link as host and port.
pub fn is_authority(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !text.is_empty() && text.len() <= 255 && text.chars().all(allowed)
}

/// The name under which the device reached this server.
pub(crate) fn host(request: &request::Parts) -> Option<&str> {
    let host =
        request.uri.authority().map(http::uri::Authority::as_str).or_else(|| text(&request.headers, "host"));
    host.filter(|host| is_authority(host))
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::super::path;
    use super::*;

    #[test]
    fn only_what_is_a_host_gets_into_links() {
        for good in ["localhost:8080", "updates.example.com", "[::1]:8443", "10.0.0.1"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in ["", "a/b", "a b", "a\"b", "a@b", "é", &"x".repeat(256)] {
            assert!(!is_authority(bad), "{bad}");
        }
    }

    #[test]
    fn a_proxy_is_believed_only_where_it_is_trusted() {
        let mut headers = HeaderMap::new();
        headers.insert("x-controller-id", HeaderValue::from_static("d"));
        headers.insert("x-authority-0", HeaderValue::from_static("AB"));
        headers.insert("x-authority", HeaderValue::from_static("cd; EF"));
        headers.insert("x-authority-x", HeaderValue::from_static("no"));
        let place = path::place("/t/controller/v1/d").unwrap();
        let around = |relayed| Around {
            address: "127.0.0.1:1".parse().unwrap(),
            certificate: None,
            relayed,
            base: String::new(),
        };
        assert_eq!(shown(&headers, &place, &around(false)).unwrap().proxy, None);
        let mut word = shown(&headers, &place, &around(true)).unwrap().proxy.unwrap();
        word.authorities.sort();
        assert_eq!(
            word,
            ProxyWord {
                controller: "d".to_owned(),
                authorities: vec!["ab".into(), "cd".into(), "ef".into()]
            }
        );
    }
}

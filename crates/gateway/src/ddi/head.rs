//! What the head of a request says: who sent it, under which name it reached us, and which form it speaks. Pure.

use http::header::HeaderMap;
use http::{Method, request};
use windlass_app::ddi::{ProxyWord, Shown};
use windlass_wire::ddi::Format;
use windlass_wire::hawkbit::{Accepted, accepted};

use super::Around;
use super::path::{Place, decode};

/// Issuers that are looked at in one request.
const MOST_AUTHORITIES: usize = 100;

pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// What a request shows of who sent it; none if its path cannot be read.
pub(super) fn shown(head: &request::Parts, place: &Place<'_>, around: &Around) -> Option<Shown> {
    let (headers, reads) = (&head.headers, matches!(head.method, Method::GET | Method::HEAD));
    let proxy = text(headers, "x-controller-id").filter(|id| around.relayed && !id.is_empty());
    Some(Shown {
        tenant: decode(place.tenant)?,
        controller: decode(place.controller)?,
        authorization: text(headers, "authorization").map(ToOwned::to_owned),
        certificate: around.certificate.clone(),
        chain: around.chain.clone(),
        proxy: proxy.map(|id| ProxyWord { controller: id.to_owned(), authorities: authorities(headers) }),
        address: around.address,
        is_poll: place.is_base() && reads,
        agent: text(headers, "user-agent").unwrap_or_default().chars().take(128).collect(),
    })
}

/// The issuers that a proxy names: in `X-Authority`, or in `X-Authority-0`, `X-Authority-1` and so on without a gap. A
/// proxy writes one form, and each header once; whoever sends more adds to its word, and no issuer is taken.
fn authorities(headers: &HeaderMap) -> Vec<String> {
    let is_repeated = |name: &str| headers.get_all(name).iter().nth(1).is_some();
    let repeats = (0..MOST_AUTHORITIES).any(|number| is_repeated(&format!("x-authority-{number}")));
    if repeats || is_repeated("x-controller-id") || is_repeated("x-authority") {
        return Vec::new();
    }
    let numbered = |number: usize| text(headers, &format!("x-authority-{number}"));
    let mut values: Vec<&str> = (0..MOST_AUTHORITIES).map_while(numbered).collect();
    if headers.contains_key("x-authority") {
        if !values.is_empty() {
            return Vec::new();
        }
        let whole = headers.get_all("x-authority").iter();
        values = whole.filter_map(|value| value.to_str().ok()).collect();
    }
    let each = values.iter().flat_map(|value| value.split([',', ';']));
    let each = each.map(|one| one.trim().to_ascii_lowercase()).filter(|one| !one.is_empty());
    each.take(MOST_AUTHORITIES).collect()
}

/// How a document is written, and its type.
pub(super) type Form = (Format, &'static str);

/// What hawkBit answers with where nothing is asked for.
pub(super) const HAL: Form = (Format::Json, "application/hal+json");

/// How a body is written, by its type; none if it is of another. Small clients leave the type out of JSON.
pub(super) fn format_of_body(headers: &HeaderMap) -> Option<Format> {
    let kind = text(headers, "content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    if kind.is_empty() || is("application/json") {
        Some(Format::Json)
    } else {
        is("application/cbor").then_some(Format::Cbor)
    }
}

/// The form of documents that is wanted most; none if it is none of ours.
pub(super) fn form_of_answer(headers: &HeaderMap) -> Option<Form> {
    let said: Vec<&str> = headers.get_all("accept").iter().filter_map(|value| value.to_str().ok()).collect();
    let said = said.join(",");
    if said.trim().is_empty() {
        return Some(HAL);
    }
    let mut best: Option<(f32, Form)> = None;
    for Accepted { kind, weight, charset } in accepted(&said) {
        let form = match kind.as_str() {
            "*/*" | "*" | "application/*" | "application/*+json" | "application/hal+json" => HAL,
            "application/json" if charset => (Format::Json, "application/json;charset=UTF-8"),
            "application/json" => (Format::Json, "application/json"),
            "application/cbor" => (Format::Cbor, "application/cbor"),
            _ => continue,
        };
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, form));
        }
    }
    best.map(|(_, form)| form)
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
    fn documents_come_in_the_form_that_is_wanted_most() {
        let json = (Format::Json, "application/json");
        let cases = [
            ("", Some(HAL)),
            ("*/*", Some(HAL)),
            ("application/hal+json,application/json", Some(HAL)),
            ("application/json", Some(json)),
            ("application/json, */*;q=0.1", Some(json)),
            ("application/hal+json;q=0.5, application/json;q=0.9", Some(json)),
            ("application/json;charset=UTF-8", Some((Format::Json, "application/json;charset=UTF-8"))),
            ("Application/CBOR", Some((Format::Cbor, "application/cbor"))),
            ("application/cbor;q=0, application/json", Some(json)),
            ("text/html, image/gif, *; q=.2, */*; q=.2", Some(HAL)),
            ("application/atom+xml", None),
            ("application/json;q=0", None),
            (";,;q=", None),
        ];
        for (accept, form) in cases {
            let mut headers = HeaderMap::new();
            headers.insert("accept", HeaderValue::from_static(accept));
            assert_eq!(form_of_answer(&headers), form, "{accept}");
        }
        assert_eq!(form_of_answer(&HeaderMap::new()), Some(HAL));
    }

    #[test]
    fn bodies_are_json_or_cbor() {
        let of = |kind: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", HeaderValue::from_static(kind));
            format_of_body(&headers)
        };
        for json in
            ["application/json", "application/json;charset=UTF-8", "Application/JSON ; charset=utf-8", ""]
        {
            assert_eq!(of(json), Some(Format::Json), "{json}");
        }
        assert_eq!(of("application/cbor"), Some(Format::Cbor));
        for other in ["application/hal+json", "application/atom+xml", "text/plain", "application/jsonx"] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(format_of_body(&HeaderMap::new()), Some(Format::Json));
    }

    fn proxy_word(headers: &[(&'static str, &'static str)], relayed: bool) -> Option<ProxyWord> {
        let (mut head, ()) = http::Request::new(()).into_parts();
        for (name, value) in headers {
            head.headers.append(*name, HeaderValue::from_static(value));
        }
        let place = path::place("/t/controller/v1/d").unwrap();
        let address = "127.0.0.1:1".parse().unwrap();
        let around = Around { address, certificate: None, chain: None, relayed, base: String::new() };
        shown(&head, &place, &around).unwrap().proxy
    }

    #[test]
    fn a_proxy_is_believed_only_where_it_is_trusted() {
        let headers = [("x-controller-id", "d"), ("x-authority", "cd; EF"), ("x-authority-x", "no")];
        assert_eq!(proxy_word(&headers, false), None);
        let authorities = vec!["cd".to_owned(), "ef".to_owned()];
        assert_eq!(proxy_word(&headers, true), Some(ProxyWord { controller: "d".to_owned(), authorities }));
    }

    #[test]
    fn issuers_are_taken_in_one_form_and_without_gaps() {
        let issuers = |headers: &[(&'static str, &'static str)]| {
            proxy_word(&[&[("x-controller-id", "d")], headers].concat(), true).unwrap().authorities
        };
        assert_eq!(issuers(&[("x-authority-0", "AB"), ("x-authority-1", "cd")]), ["ab", "cd"]);
        assert_eq!(issuers(&[("x-authority-0", "ab"), ("x-authority-2", "cd")]), ["ab"]);
        assert_eq!(issuers(&[("x-authority", "ab"), ("x-authority-1", "cd")]), ["ab"]);
        let added: [&str; 0] = [];
        for repeated in [
            [("x-controller-id", "d"), ("x-authority", "ab")],
            [("x-authority", "ab"), ("x-authority", "ab")],
            [("x-authority-0", "ab"), ("x-authority-0", "cd")],
        ] {
            assert_eq!(issuers(&repeated), added, "{repeated:?}");
        }
        assert_eq!(issuers(&[("x-authority", "ab"), ("x-authority-0", "cd")]), added);
    }
}

//! Sign-in as hawkBit's clients do it: HTTP Basic with a user of ours, written `user`, `tenant\user` or `tenant/user`, or
//! with one of our API tokens in place of the password. What REST v1 takes is taken too.
//!
//! UIs of others stand behind proxies of their own, which often drop the name that the browser wrote: a change that no page
//! of another site could have sent without asking before is let through then, if the console's cookie is not with it.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, header};
use windlass_app::access::TOKEN_PREFIX;

use crate::rest::Rest;
use crate::rest::access::{self, Access, Way};
use crate::rest::browser::had_to_ask;

/// The layer around one route: as in REST v1, after the header is put in its words.
pub(crate) async fn decide(
    State((rest, access)): State<(Rest, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(header) = request.headers().get(header::AUTHORIZATION)
        && let Some(plain) = translated(header.as_bytes())
    {
        match HeaderValue::try_from(plain) {
            Ok(value) => drop(request.headers_mut().insert(header::AUTHORIZATION, value)),
            Err(_) => {
                return crate::rest::error::Refusal::unauthenticated("The password cannot be read.")
                    .into_response();
            }
        }
    }
    let way = if had_to_ask(request.method(), request.headers()) { Way::Asked } else { Way::Plain };
    access::decide_by(&rest, access, way, request, next).await
}

/// The header in the words of REST v1, if it is in others.
fn translated(header: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(header).ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    if password.starts_with(TOKEN_PREFIX) {
        return Some(format!("Bearer {password}"));
    }
    let (tenant, name) = user.split_once('\\')?;
    Some(format!("Basic {}", STANDARD.encode(format!("{tenant}/{name}:{password}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_other_words_is_translated() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(translated(basic("anna:secret").as_bytes()), None);
        assert_eq!(translated(basic("ACME\\anna:a:b").as_bytes()), Some(basic("ACME/anna:a:b")));
        assert_eq!(translated(basic("any:wl_abc").as_bytes()), Some("Bearer wl_abc".to_owned()));
        for garbage in [&b""[..], b"Basic", b"Basic ???", b"Bearer x", b"\xff x", b"Basic YQ=="] {
            assert_eq!(translated(garbage), None, "{garbage:?}");
        }
    }
}

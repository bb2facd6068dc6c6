//! The console: the page, its scripts and pictures, embedded in the binary. A development build reads them from disk.
//!
//! Answers a GET that wants HTML, outside of what programs and devices ask for, with the page; the page's own router
//! does the rest. Nothing here redirects. Knows nothing of who asks.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use rust_embed::Embed;

use super::error::Refusal;

/// What `npm run build` in `web/` made; empty where it was not run.
#[derive(Debug, Embed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// One of them.
struct File {
    data: Cow<'static, [u8]>,
    digest: [u8; 32],
}

const PAGE: &str = "index.html";

/// What the page may do: everything from here, nothing from elsewhere. Charts set styles on elements.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'self'";

/// Paths below these are for programs and devices, and so are their refusals.
const NOT_FOR_PEOPLE: [&str; 8] =
    ["api", "rest", "things", ".well-known", "healthz", "readyz", "metrics", "downloads"];

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Windlass</title>\
    <h1>The console was not built</h1><p>This binary was built without its web console. Build both from the source \
    with <code>cargo xtask web</code> and <code>cargo build --release</code>. The API works: see \
    <a href=\"/api/v1/openapi.json\">/api/v1/openapi.json</a>.</p></html>";

/// Whatever no operation is at.
pub(super) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if !matches!(method, Method::GET | Method::HEAD) || !is_for_people(path) {
        return Refusal::no_such_path().into_response();
    }
    let name = path.trim_start_matches('/');
    if name != PAGE
        && let Some(file) = find(name)
    {
        return answer(name, file, &headers);
    }
    if !wants_html(&headers) || name.starts_with("assets/") {
        return Refusal::no_such_path().into_response();
    }
    match find(PAGE) {
        Some(page) => answer(PAGE, page, &headers),
        None => {
            let mut response = (StatusCode::SERVICE_UNAVAILABLE, NOT_BUILT).into_response();
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
    }
}

fn is_for_people(path: &str) -> bool {
    let mut parts = path.trim_start_matches('/').split('/');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    !NOT_FOR_PEOPLE.contains(&first) && second != Some("controller")
}

fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|list| list.split(',')).any(|kind| kind.trim().starts_with("text/html"))
}

fn find(name: &str) -> Option<File> {
    let plain = !name.is_empty() && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    let file = if plain { Files::get(name)? } else { return None };
    Some(File { digest: file.metadata.sha256_hash(), data: file.data })
}

/// The form in which a file was compressed when it was built, of those that the client takes.
fn compressed(name: &str, headers: &HeaderMap) -> Option<(&'static str, File)> {
    let taken = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let takes = |encoding: &str| {
        taken.split(',').any(|one| {
            let mut parts = one.split(';').map(str::trim);
            parts.next() == Some(encoding) && !parts.any(|part| part == "q=0")
        })
    };
    [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(encoding, _)| takes(encoding))
        .find_map(|(encoding, ending)| Some((encoding, find(&format!("{name}.{ending}"))?)))
}

fn answer(name: &str, file: File, headers: &HeaderMap) -> Response {
    let (encoding, file) = match compressed(name, headers) {
        Some((encoding, file)) => (Some(encoding), file),
        None => (None, file),
    };
    let tag = format!("\"{}\"", hex::encode(file.digest.get(..12).unwrap_or_default()));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let unchanged = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let bytes = match file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Body::from(bytes).into_response()
    };
    // The name of a file in assets/ changes with what is in it.
    let cache = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let answered = response.headers_mut();
    answered.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind_of(name)));
    answered.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    answered.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    answered.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        answered.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        answered.insert(header::ETAG, tag);
    }
    response
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::fixture::{Answer, Fixture};

    async fn look(server: &Fixture, path: &str, accept: &str) -> Answer {
        server.anonymous().outside_with("GET", path, &[("accept", accept)]).await
    }

    #[tokio::test]
    async fn a_page_is_for_people_who_want_html_and_nobody_else() {
        let server = Fixture::new("assets").await;
        let html = "text/html,application/xhtml+xml,*/*;q=0.8";
        let status = if Files::get(PAGE).is_some() { 200 } else { 503 };
        for path in ["/", "/devices/pump.1", "/setup", "/groups/eu/berlin"] {
            let page = look(&server, path, html).await;
            assert_eq!(page.status, status, "{path}");
            assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
            assert_eq!(page.header("x-frame-options"), Some("DENY"));
            look(&server, path, "*/*").await.problem(404, "path.not_found");
            let posted = server.outside_with("POST", path, &[("accept", html)]).await;
            posted.problem(404, "path.not_found");
        }
        for path in [
            "/assets/none-1234.js",
            "/api/v1/none",
            "/api",
            "/rest/v2/targets",
            "/things/pump-1/none",
            "/.well-known/none",
            "/default/controller/v2/pump-1",
            "/healthz/none",
        ] {
            look(&server, path, html).await.problem(404, "path.not_found");
        }
    }

    #[tokio::test]
    async fn nothing_sends_a_browser_elsewhere_or_out_of_the_folder() {
        let server = Fixture::new("assets-redirects").await;
        for path in [
            "//evil.example",
            "//evil.example/%2e%2e",
            "/\\evil.example",
            "/setup?next=https://evil.example",
            "/session?return=//evil.example",
            "/assets/../../../Cargo.toml",
            "/assets/..%2f..%2f..%2fCargo.toml",
            "/../Cargo.toml",
        ] {
            let answer = look(&server, path, "text/html").await;
            assert!(matches!(answer.status, 200 | 404 | 503), "{path}: {}", answer.status);
            assert_eq!(answer.header("location"), None, "{path}");
            assert!(!answer.text().contains("[package]"), "{path}");
        }
    }

    #[test]
    fn files_are_cached_by_their_digest_and_assets_for_good() {
        let file = || File { data: Cow::Borrowed(b"x"), digest: [7; 32] };
        let first = answer("assets/main-1.js", file(), &HeaderMap::new());
        let tag = first.headers().get("etag").unwrap().clone();
        assert!(first.headers().get("cache-control").unwrap().to_str().unwrap().contains("immutable"));
        let policy = first.headers().get("content-security-policy").unwrap().to_str().unwrap();
        assert!(
            policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        let again = answer(PAGE, file(), &HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers().get("cache-control").unwrap(), "no-cache");
    }
}

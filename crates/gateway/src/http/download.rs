//! Downloads over HTTP (RFC 9110, sections 13 and 14): ranges, conditions, and the bytes. Used on both ports.
//!
//! Whether a link is good is asked of the application for every request. Knows nothing of artifacts.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, request};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio_util::io::ReaderStream;
use windlass_app::App;
use windlass_app::links::DownloadGrant;

pub use super::Body;
use super::{full, problem};

/// Bytes read from the disk at once.
const CHUNK: usize = 64 * 1024;

/// What part of a file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// All of it.
    Whole,
    /// From this byte on, so many.
    Part { offset: u64, length: u64 },
    /// Nothing that the file has.
    Nothing,
}

/// Answers GET and HEAD of a signed link. `head` is the request's, of which the path and query are used as given.
pub async fn answer(app: &App, head: &request::Parts) -> Response<Body> {
    if head.method != Method::GET && head.method != Method::HEAD {
        let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, "method", "downloads take GET and HEAD");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    let path_and_query = head.uri.path_and_query().map_or("", |whole| whole.as_str());
    match app.download_open(path_and_query).await {
        Ok(grant) => send(app, head, &grant).await,
        Err(refusal) => refuse(&refusal),
    }
}

fn refuse(refusal: &windlass_app::links::DownloadRefusal) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::FORBIDDEN);
    problem(status, refusal.code(), &refusal.to_string())
}

async fn send(app: &App, head: &request::Parts, grant: &DownloadGrant) -> Response<Body> {
    let DownloadGrant { artifact: _, sha256, size, name, etag } = grant;
    let mut answer = Response::new(full(""));
    let headers = answer.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-transform"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    if text(&head.headers, &header::IF_NONE_MATCH).is_some_and(|tags| none_match(tags, etag)) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return answer;
    }
    let range = text(&head.headers, &header::RANGE);
    let (offset, length) = match wanted(range, text(&head.headers, &header::IF_RANGE), etag, *size) {
        Wanted::Whole => (0, *size),
        Wanted::Part { offset, length } => {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            let last = offset + length - 1;
            insert(&mut answer, header::CONTENT_RANGE, &format!("bytes {offset}-{last}/{size}"));
            (offset, length)
        }
        Wanted::Nothing => {
            *answer.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            insert(&mut answer, header::CONTENT_RANGE, &format!("bytes */{size}"));
            insert(&mut answer, header::CONTENT_LENGTH, "0");
            return answer;
        }
    };
    insert(&mut answer, header::CONTENT_TYPE, "application/octet-stream");
    insert(&mut answer, header::CONTENT_DISPOSITION, &disposition(name));
    insert(&mut answer, header::CONTENT_LENGTH, &length.to_string());
    if head.method == Method::HEAD || length == 0 {
        return answer;
    }
    match app.download_range(sha256, offset, length).await {
        Ok(reader) => {
            use futures_util::StreamExt;
            let frames = ReaderStream::with_capacity(reader, CHUNK).map(|chunk| chunk.map(Frame::data));
            *answer.body_mut() = BodyExt::boxed_unsync(StreamBody::new(frames));
            answer
        }
        Err(refusal) => refuse(&refusal),
    }
}

fn insert(answer: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Section 13.1.2, compared weakly.
fn none_match(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

/// Section 14.2. A range that cannot be read, several at once, or a condition that does not hold mean the whole.
fn wanted(range: Option<&str>, if_range: Option<&str>, etag: &str, size: u64) -> Wanted {
    let Some(range) = range else { return Wanted::Whole };
    if if_range.is_some_and(|condition| condition.trim() != etag) {
        return Wanted::Whole;
    }
    let Some((unit, set)) = range.split_once('=') else { return Wanted::Whole };
    let Some((first, last)) = set.trim().split_once('-') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Wanted::Whole;
    }
    let (first, last) = (first.trim(), last.trim());
    if !first.bytes().chain(last.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Wanted::Whole;
    }
    // More digits than fit mean a byte that no file has.
    let number = |digits: &str| digits.parse::<u64>().unwrap_or(u64::MAX);
    match (first, last) {
        ("", "") => Wanted::Whole,
        ("", suffix) => match number(suffix).min(size) {
            0 => Wanted::Nothing,
            length => Wanted::Part { offset: size - length, length },
        },
        (first, last) => {
            let offset = number(first);
            let last = if last.is_empty() { u64::MAX } else { number(last) };
            if last < offset {
                Wanted::Whole
            } else if offset >= size {
                Wanted::Nothing
            } else {
                Wanted::Part { offset, length: last.min(size - 1) - offset + 1 }
            }
        }
    }
}

/// Always an attachment; the name in ASCII, and in full by RFC 8187.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '/' | '%') { c } else { '_' })
        .collect();
    let mut exact = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            exact.push(char::from(byte));
        } else {
            exact.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let part = |offset, length| Wanted::Part { offset, length };
        let cases = [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-99", part(0, 100)),
            ("bytes=0-100", part(0, 100)),
            ("bytes=90-", part(90, 10)),
            ("bytes=99-", part(99, 1)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=100-200", Wanted::Nothing),
            ("bytes=-1", part(99, 1)),
            ("bytes=-100", part(0, 100)),
            ("bytes=-1000", part(0, 100)),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=10-99999999999999999999999", part(10, 90)),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("Bytes = 5 - 9", part(5, 5)),
            ("bytes=9-5", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-5", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
            ("bytes 0-1", Wanted::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(wanted(Some(range), None, "\"e\"", 100), expected, "{range}");
        }
        assert_eq!(wanted(None, None, "\"e\"", 100), Wanted::Whole);
    }

    #[test]
    fn an_empty_file_has_no_range() {
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(wanted(Some(range), None, "\"e\"", 0), Wanted::Nothing, "{range}");
        }
        assert_eq!(wanted(None, None, "\"e\"", 0), Wanted::Whole);
    }

    #[test]
    fn a_range_of_another_version_gets_the_whole() {
        let range = Some("bytes=5-");
        assert_eq!(wanted(range, Some("\"e\""), "\"e\"", 10), Wanted::Part { offset: 5, length: 5 });
        for other in ["\"f\"", "W/\"e\"", "Tue, 15 Nov 1994 12:45:26 GMT"] {
            assert_eq!(wanted(range, Some(other), "\"e\"", 10), Wanted::Whole, "{other}");
        }
    }

    #[test]
    fn a_copy_that_is_still_good_is_recognised() {
        assert!(none_match("\"e\"", "\"e\""));
        assert!(none_match("\"a\", W/\"e\"", "\"e\""));
        assert!(none_match("*", "\"e\""));
        assert!(!none_match("\"a\"", "\"e\""));
    }

    #[test]
    fn file_names_cannot_break_out_of_their_header() {
        assert_eq!(
            disposition("a\"b\r\nü.bin"),
            "attachment; filename=\"a_b___.bin\"; filename*=UTF-8''a%22b%0D%0A%C3%BC.bin"
        );
    }
}

//! Downloads over HTTP (RFC 9110, sections 13 and 14): ranges, conditions, and the bytes. Used on both ports.
//!
//! Knows neither links nor artifacts: whoever may have a file hands in what was granted.

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, request};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio_util::io::ReaderStream;
use windlass_app::App;
use windlass_app::downloads::Place;
use windlass_app::links::{DownloadGrant, DownloadRefusal, in_path};
use windlass_domain::time::Timestamp;

pub use super::Body;
use super::range::{self, Part, Wanted};
use super::{full, problem};

/// Bytes read from the disk at once.
const CHUNK: usize = 64 * 1024;
/// What all files are.
const OCTETS: &str = "application/octet-stream";

/// Says why a link opens nothing.
pub(super) fn refuse(refusal: &DownloadRefusal) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::FORBIDDEN);
    let mut answer = problem(status, refusal.code(), &refusal.to_string());
    if let DownloadRefusal::Busy(seconds) = refusal {
        insert(&mut answer, header::RETRY_AFTER, &seconds.to_string());
    }
    answer
}

/// Sends what a request asks for of a file that it may have.
pub async fn send(app: &App, head: &request::Parts, grant: &DownloadGrant) -> Response<Body> {
    let DownloadGrant { artifact: _, sha256: _, size, name, etag, modified, account: _ } = grant;
    let mut answer = Response::new(full(""));
    let headers = answer.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-transform"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let modified = http_date(*modified);
    insert(&mut answer, header::ETAG, etag);
    insert(&mut answer, header::LAST_MODIFIED, &modified);
    let said = |name| text(&head.headers, name);
    if said(&header::IF_MATCH).is_some_and(|tags| !one_matches(tags, etag)) {
        *answer.status_mut() = StatusCode::PRECONDITION_FAILED;
        insert(&mut answer, header::CONTENT_LENGTH, "0");
        return answer;
    }
    if said(&header::IF_NONE_MATCH).is_some_and(|tags| none_match(tags, etag)) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return answer;
    }
    let same = said(&header::IF_RANGE).is_none_or(|condition| holds(condition, etag, &modified));
    let wanted = match said(&header::RANGE).filter(|_| same) {
        Some(range) => range::wanted(range, *size),
        None => Wanted::Whole,
    };
    let parts = match wanted {
        Wanted::Whole => vec![Part { offset: 0, length: *size }],
        Wanted::Parts(parts) => {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            parts
        }
        Wanted::Nothing => {
            *answer.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            insert(&mut answer, header::CONTENT_TYPE, OCTETS);
            insert(&mut answer, header::CONTENT_DISPOSITION, &disposition(name));
            insert(&mut answer, header::CONTENT_RANGE, &format!("bytes */{size}"));
            insert(&mut answer, header::CONTENT_LENGTH, "0");
            return answer;
        }
    };
    insert(&mut answer, header::CONTENT_DISPOSITION, &disposition(name));
    let wants_bytes = head.method != Method::HEAD;
    let [Part { offset, length }] = parts[..] else {
        let place = match wants_bytes.then(|| app.download_place(grant)).transpose() {
            Ok(place) => place,
            Err(refusal) => return refuse(&refusal),
        };
        return several(app, answer, grant, &parts, place);
    };
    insert(&mut answer, header::CONTENT_TYPE, OCTETS);
    if answer.status() == StatusCode::PARTIAL_CONTENT {
        let last = offset + length - 1;
        insert(&mut answer, header::CONTENT_RANGE, &format!("bytes {offset}-{last}/{size}"));
    }
    insert(&mut answer, header::CONTENT_LENGTH, &length.to_string());
    if !wants_bytes || length == 0 {
        return answer;
    }
    match app.download_part(grant, offset, length).await {
        Ok(reader) => {
            let frames = ReaderStream::with_capacity(reader, CHUNK).map(|chunk| chunk.map(Frame::data));
            *answer.body_mut() = BodyExt::boxed_unsync(StreamBody::new(frames));
            answer
        }
        Err(refusal) => refuse(&refusal),
    }
}

/// Section 14.6: several parts as one body, whose length is known before.
fn several(
    app: &App,
    mut answer: Response<Body>,
    grant: &DownloadGrant,
    parts: &[Part],
    place: Option<Place>,
) -> Response<Body> {
    let (digest, size) = (grant.sha256.to_string(), grant.size);
    let boundary = format!("windlass-{}", digest.get(..32).unwrap_or_default());
    let head = |Part { offset, length }: Part| {
        let last = offset + length - 1;
        format!(
            "\r\n--{boundary}\r\nContent-Type: {OCTETS}\r\nContent-Range: bytes {offset}-{last}/{size}\r\n\r\n"
        )
    };
    let end = format!("\r\n--{boundary}--\r\n");
    let bytes = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
    let length: u64 = parts.iter().map(|part| bytes(&head(*part)) + part.length).sum::<u64>() + bytes(&end);
    insert(&mut answer, header::CONTENT_TYPE, &format!("multipart/byteranges; boundary={boundary}"));
    insert(&mut answer, header::CONTENT_LENGTH, &length.to_string());
    let Some(place) = place else { return answer };
    let (app, grant) = (app.clone(), grant.clone());
    let parts: Vec<(Part, Bytes)> = parts.iter().map(|part| (*part, Bytes::from(head(*part)))).collect();
    let sent = stream::iter(parts).then(move |(Part { offset, length }, head)| {
        let (app, grant, place) = (app.clone(), grant.clone(), place.clone());
        async move {
            let reader = app.download_part_at(&grant, place, offset, length).await;
            let reader = reader.map_err(io::Error::other)?;
            Ok::<_, io::Error>(stream::iter([Ok(head)]).chain(ReaderStream::with_capacity(reader, CHUNK)))
        }
    });
    let frames = sent.try_flatten().chain(stream::iter([Ok(Bytes::from(end))]));
    *answer.body_mut() = BodyExt::boxed_unsync(StreamBody::new(frames.map(|chunk| chunk.map(Frame::data))));
    answer
}

/// Section 5.6.7.
fn http_date(at: Timestamp) -> String {
    match jiff::Timestamp::from_second(at.seconds()) {
        Ok(at) => at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        Err(_) => String::new(),
    }
}

/// Compared strongly. Clients of hawkBit keep its tags as they come, which is without quotes.
fn same_tag(tag: &str, etag: &str) -> bool {
    tag == etag || tag == etag.trim_matches('"')
}

/// Section 13.1.5: the tag, or exactly the time of the last change.
fn holds(condition: &str, etag: &str, modified: &str) -> bool {
    let condition = condition.trim();
    same_tag(condition, etag) || (!modified.is_empty() && condition == modified)
}

/// Section 13.1.1.
fn one_matches(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || same_tag(tag, etag))
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
pub(crate) fn none_match(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || same_tag(tag.trim_start_matches("W/"), etag))
}

/// Always an attachment. A name that is one word of the header goes as hawkBit sends it; any other in ASCII, and in
/// full by RFC 8187.
pub fn disposition(name: &str) -> String {
    if !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+'))
    {
        return format!("attachment;filename={name}");
    }
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '/' | '%') { c } else { '_' })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", in_path(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_another_version_gets_the_whole() {
        let modified = http_date(Timestamp::from_seconds(784_887_151));
        assert_eq!(modified, "Tue, 15 Nov 1994 08:12:31 GMT");
        for same in ["\"e\"", " \"e\" ", "e", &modified] {
            assert!(holds(same, "\"e\"", &modified), "{same}");
        }
        for other in ["\"f\"", "f", "\"e", "W/\"e\"", "W/e", "Tue, 15 Nov 1994 08:12:32 GMT", ""] {
            assert!(!holds(other, "\"e\"", &modified), "{other}");
        }
        assert!(!holds("", "\"e\"", ""));
    }

    #[test]
    fn a_condition_on_the_version_is_compared_strongly() {
        for same in ["\"a\", \"e\"", "*", "e", "a, e"] {
            assert!(one_matches(same, "\"e\""), "{same}");
        }
        for other in ["W/\"e\"", "W/e", "\"a\"", "a", "\"e", ""] {
            assert!(!one_matches(other, "\"e\""), "{other}");
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
    fn plain_names_are_sent_as_hawkbit_sends_them() {
        assert_eq!(disposition("os-1.0+2.swu"), "attachment;filename=os-1.0+2.swu");
        assert_eq!(disposition("a b.swu"), "attachment; filename=\"a_b.swu\"; filename*=UTF-8''a%20b.swu");
    }

    #[test]
    fn file_names_cannot_break_out_of_their_header() {
        assert_eq!(
            disposition("a\"b\r\nü.bin"),
            "attachment; filename=\"a_b___.bin\"; filename*=UTF-8''a%22b%0D%0A%C3%BC.bin"
        );
    }
}

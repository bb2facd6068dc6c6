//! What a refused request is answered with: RFC 9457 problem details with a stable code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The media type of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// The header that carries [`Problem::request_id`] on every answer.
pub const REQUEST_ID: &str = "x-request-id";

/// One thing wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldProblem {
    /// Where: `name`, `waves.0.percent`, a query parameter, or a header. Empty for the body as a whole.
    pub field: String,
    /// What is wrong: a phrase that follows the field's name, or one that says itself what it is about.
    pub problem: String,
}

/// How phrases begin that need the field's name before them.
const PREDICATES: [&str; 13] =
    ["must", "is", "are", "has", "have", "may", "does", "do", "cannot", "can", "needs", "goes", "would"];

/// Whether a problem says among its first words itself what it is about: `device name must be …` of `name`.
fn says_what(field: &str, problem: &str) -> bool {
    let is_place = |part: &&str| part.parse::<u64>().is_err();
    let Some(last) = field.rsplit('.').find(is_place) else { return false };
    // `deviceTypes` is about a type, as is `type`.
    let word = last
        .rsplit_once(char::is_uppercase)
        .map_or(last, |(before, _)| last.get(before.len()..).unwrap_or(last));
    let word = word.to_lowercase();
    let single = word.strip_suffix('s').unwrap_or(&word);
    let words: Vec<&str> = problem.split(' ').take(3).collect();
    words.first().is_some_and(|first| !PREDICATES.contains(first))
        && words.iter().any(|one| *one == word || *one == single)
}

impl FieldProblem {
    /// The field and what is wrong with it in one sentence, without its full stop. Names the field once.
    pub fn sentence(&self) -> String {
        let Self { field, problem } = self;
        match field.as_str() {
            "" => format!("The request {problem}"),
            field if !says_what(field, problem) => format!("{field} {problem}"),
            // Only what is a word by itself is said by a word of the problem.
            field if field.contains(|c: char| !c.is_lowercase()) => format!("{field}: {problem}"),
            _ => problem.clone(),
        }
    }
}

/// An error answer (RFC 9457), sent as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `urn:windlass:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, in a few words; the same for every problem of this code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable, for programs: `device.not_found`, `request.invalid`, …
    pub code: String,
    /// A sentence about this case that says what to do.
    pub detail: String,
    /// Names this request in the server's log.
    pub request_id: String,
    /// Every bad field, for `request.invalid`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

impl Problem {
    /// A problem without fields and request id; `kind` follows from the code.
    pub fn new(status: u16, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:windlass:problem:{code}"),
            title: title.to_owned(),
            status,
            code: code.to_owned(),
            detail: detail.into(),
            request_id: String::new(),
            errors: Vec::new(),
        }
    }
}

/// Codes that do not depend on a resource. A resource adds `<what>.not_found` and `<what>.exists`.
pub mod code {
    /// 401: no credential, or one that is not good.
    pub const UNAUTHENTICATED: &str = "auth.required";
    /// 403: signed in, but the role does not allow this.
    pub const FORBIDDEN: &str = "auth.forbidden";
    /// 429: too many failed sign-ins from this address for this user.
    pub const THROTTLED: &str = "auth.throttled";
    /// 404: nothing is served at this path.
    pub const NO_SUCH_PATH: &str = "path.not_found";
    /// 405: the path exists, not with this method.
    pub const NO_SUCH_METHOD: &str = "path.method_not_allowed";
    /// 400: body or query is not what the operation takes; `errors` lists every field.
    pub const INVALID: &str = "request.invalid";
    /// 400: the body is not JSON.
    pub const NOT_JSON: &str = "request.not_json";
    /// 415: the body is of another media type.
    pub const MEDIA_TYPE: &str = "request.media_type";
    /// 413: the body is larger than allowed.
    pub const TOO_LARGE: &str = "request.too_large";
    /// 400: the body ended before its announced length.
    pub const INCOMPLETE: &str = "request.incomplete";
    /// 400: the uploaded bytes do not have the digest that was announced.
    pub const DIGEST_MISMATCH: &str = "artifact.digest_mismatch";
    /// 400: `q` or `sort` cannot be read; the detail says at which character.
    pub const BAD_QUERY: &str = "query.invalid";
    /// 400: the cursor was not made by this list.
    pub const BAD_CURSOR: &str = "cursor.invalid";
    /// 412: `If-Match` names another version than the present one.
    pub const VERSION_MISMATCH: &str = "version.mismatch";
    /// 422: the `Idempotency-Key` was used before with another request.
    pub const KEY_REUSED: &str = "idempotency.key_reused";
    /// 507: free disk space is too low for this write.
    pub const DISK_FULL: &str = "server.disk_full";
    /// 503: try again.
    pub const UNAVAILABLE: &str = "server.unavailable";
    /// 500: a fault of the server; the request id finds it in the log.
    pub const INTERNAL: &str = "server.internal";
    /// 403: the signature of a download link is past its end; fetch the job document again.
    pub const URL_EXPIRED: &str = "url.expired";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_without_fields_has_no_errors_member() {
        let text = serde_json::to_string(&Problem::new(404, "device.not_found", "Not found", "x")).unwrap();
        assert!(!text.contains("errors"), "{text}");
        assert!(text.contains(r#""type":"urn:windlass:problem:device.not_found""#), "{text}");
    }

    #[test]
    fn a_sentence_names_its_field_once() {
        for (field, problem, said) in [
            ("name", "name must be short", "name must be short"),
            ("name", "device name must be short", "device name must be short"),
            ("group", "group path must be up to 8 parts", "group path must be up to 8 parts"),
            ("release", "release X 3.0 does not exist", "release X 3.0 does not exist"),
            ("tags.0", "tag must be short", "tags.0: tag must be short"),
            (
                "currentPassword",
                "say the password that you have now",
                "currentPassword: say the password that you have now",
            ),
            ("rules.step", "version must be short", "rules.step version must be short"),
            (
                "deviceTypes.1",
                "device type ghost does not exist",
                "deviceTypes.1: device type ghost does not exist",
            ),
            ("name", "is the name of a decommissioned device", "name is the name of a decommissioned device"),
            ("components", "must name at least one component", "components must name at least one component"),
            ("waves.0.count", "must be at least 1", "waves.0.count must be at least 1"),
            ("", "has a query that cannot be read", "The request has a query that cannot be read"),
            ("0", "must be a name", "0 must be a name"),
        ] {
            let one = FieldProblem { field: field.to_owned(), problem: problem.to_owned() };
            assert_eq!(one.sentence(), said);
        }
    }
}

//! The HTTPS twin of the device API: requests become MQTT topics, replies become status codes. Pure.
//!
//! Contract: `contracts/aws-iot-device-api.md`, sections 2 and 3.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

/// What an HTTP request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A request of the device API that is answered on `{topic}/accepted` or `{topic}/rejected`.
    Request { topic: String, payload: Payload },
    /// Any message; only its acknowledgement matters.
    Message { topic: String },
    /// The names of a device's shadows, a page of them.
    ShadowNames { thing: String, page_size: Option<String>, next_token: Option<String> },
}

/// Where the payload of a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payload {
    /// The body, as it is.
    Body,
    /// The body, or an empty object where there is none.
    BodyOrEmpty,
    /// This.
    Made(String),
}

/// Why a request is none of the twin's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAsked {
    /// No such path.
    Path,
    /// The path takes these methods.
    Method(&'static str),
    /// A path or query that cannot be decoded.
    Encoding,
}

/// Whether a path belongs to the twin.
pub(crate) fn is_twin(path: &str) -> bool {
    ["/things/", "/topics/", "/api/things/shadow/"].iter().any(|start| path.starts_with(start))
}

/// Reads method, path and query.
///
/// # Errors
/// Why it is none of the twin's requests.
pub(crate) fn read(method: &Method, path: &str, query: &str) -> Result<Asked, NotAsked> {
    if let Some(topic) = path.strip_prefix("/topics/") {
        return match *method {
            Method::POST => Ok(Asked::Message { topic: decode(topic)? }),
            _ => Err(NotAsked::Method("POST")),
        };
    }
    let segments: Vec<String> =
        path.trim_start_matches('/').split('/').map(decode).collect::<Result<_, _>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["api", "things", "shadow", "ListNamedShadowsForThing", thing] => match *method {
            Method::GET => Ok(Asked::ShadowNames {
                thing: name(thing)?,
                page_size: parameter(query, "pageSize")?,
                next_token: parameter(query, "nextToken")?,
            }),
            _ => Err(NotAsked::Method("GET")),
        },
        ["things", thing, "shadow"] => shadow(method, &name(thing)?, query),
        ["things", thing, "jobs"] => match *method {
            Method::GET => {
                request(format!("$aws/things/{}/jobs/get", name(thing)?), Payload::Made("{}".to_owned()))
            }
            _ => Err(NotAsked::Method("GET")),
        },
        ["things", thing, "jobs", job] => job_request(method, &name(thing)?, &name(job)?, query),
        _ => Err(NotAsked::Path),
    }
}

fn request(topic: String, payload: Payload) -> Result<Asked, NotAsked> {
    Ok(Asked::Request { topic, payload })
}

fn shadow(method: &Method, thing: &str, query: &str) -> Result<Asked, NotAsked> {
    let shadow = parameter(query, "name")?.filter(|name| !name.is_empty());
    let prefix = match shadow {
        Some(shadow) => format!("$aws/things/{thing}/shadow/name/{}", name(&shadow)?),
        None => format!("$aws/things/{thing}/shadow"),
    };
    match *method {
        Method::GET => request(format!("{prefix}/get"), Payload::Made(String::new())),
        Method::POST => request(format!("{prefix}/update"), Payload::Body),
        Method::DELETE => request(format!("{prefix}/delete"), Payload::Made(String::new())),
        _ => Err(NotAsked::Method("GET, POST, DELETE")),
    }
}

fn job_request(method: &Method, thing: &str, job: &str, query: &str) -> Result<Asked, NotAsked> {
    let prefix = format!("$aws/things/{thing}/jobs");
    match *method {
        Method::PUT if job == "$next" => request(format!("{prefix}/start-next"), Payload::BodyOrEmpty),
        Method::GET => {
            let mut body = Map::new();
            if let Some(number) = parameter(query, "executionNumber")? {
                body.insert(
                    "executionNumber".to_owned(),
                    number.parse::<i64>().map_or(json!(number), |n| json!(n)),
                );
            }
            if let Some(include) = parameter(query, "includeJobDocument")? {
                body.insert("includeJobDocument".to_owned(), json!(include == "true"));
            }
            request(format!("{prefix}/{job}/get"), Payload::Made(Value::Object(body).to_string()))
        }
        Method::POST if job != "$next" => request(format!("{prefix}/{job}/update"), Payload::Body),
        _ if job == "$next" => Err(NotAsked::Method("GET, PUT")),
        _ => Err(NotAsked::Method("GET, POST")),
    }
}

/// A name becomes one level of a topic and must not become more.
fn name(text: &str) -> Result<String, NotAsked> {
    if text.is_empty() || text.contains(['/', '+', '#', '\0']) {
        Err(NotAsked::Path)
    } else {
        Ok(text.to_owned())
    }
}

fn parameter(query: &str, name: &str) -> Result<Option<String>, NotAsked> {
    let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    found.map(|(_, value)| decode(&value.replace('+', " "))).transpose()
}

fn decode(text: &str) -> Result<String, NotAsked> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(NotAsked::Encoding) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| NotAsked::Encoding)?);
    }
    String::from_utf8(bytes).map_err(|_| NotAsked::Encoding)
}

/// The status for a body that came on `…/rejected`.
pub(crate) fn status_of_rejection(body: &[u8]) -> StatusCode {
    let code = serde_json::from_slice::<Value>(body).ok().and_then(|body| body.get("code").cloned());
    match code {
        Some(Value::Number(number)) => number
            .as_u64()
            .and_then(|number| u16::try_from(number).ok())
            .filter(|number| (400..600).contains(number))
            .and_then(|number| StatusCode::from_u16(number).ok())
            .unwrap_or(StatusCode::BAD_REQUEST),
        Some(Value::String(word)) => match word.as_str() {
            "ResourceNotFound" => StatusCode::NOT_FOUND,
            "InvalidStateTransition" | "VersionMismatch" => StatusCode::CONFLICT,
            "TerminalStateReached" => StatusCode::GONE,
            "RequestThrottled" => StatusCode::TOO_MANY_REQUESTS,
            "InternalError" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        },
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, uri: &str) -> Result<(String, Option<Payload>), NotAsked> {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        read(&method.parse().unwrap(), path, query).map(|asked| match asked {
            Asked::Request { topic, payload } => (topic, Some(payload)),
            Asked::Message { topic } => (topic, None),
            Asked::ShadowNames { thing, page_size, next_token } => {
                (format!("names of {thing}, {page_size:?} after {next_token:?}"), None)
            }
        })
    }

    #[test]
    fn every_request_of_the_contract_has_its_topic() {
        let made = |text: &str| Some(Payload::Made(text.to_owned()));
        let cases = [
            ("GET", "/things/pump/shadow", "$aws/things/pump/shadow/get", made("")),
            ("GET", "/things/pump/shadow?name=", "$aws/things/pump/shadow/get", made("")),
            ("GET", "/things/pump/shadow?name=net", "$aws/things/pump/shadow/name/net/get", made("")),
            ("POST", "/things/pump/shadow", "$aws/things/pump/shadow/update", Some(Payload::Body)),
            ("DELETE", "/things/a%3Ab/shadow", "$aws/things/a:b/shadow/delete", made("")),
            ("GET", "/things/pump/jobs", "$aws/things/pump/jobs/get", made("{}")),
            (
                "PUT",
                "/things/pump/jobs/$next",
                "$aws/things/pump/jobs/start-next",
                Some(Payload::BodyOrEmpty),
            ),
            (
                "PUT",
                "/things/pump/jobs/%24next",
                "$aws/things/pump/jobs/start-next",
                Some(Payload::BodyOrEmpty),
            ),
            ("GET", "/things/pump/jobs/$next", "$aws/things/pump/jobs/$next/get", made("{}")),
            (
                "GET",
                "/things/pump/jobs/7?includeJobDocument=false&executionNumber=2",
                "$aws/things/pump/jobs/7/get",
                made(r#"{"executionNumber":2,"includeJobDocument":false}"#),
            ),
            ("POST", "/things/pump/jobs/7", "$aws/things/pump/jobs/7/update", Some(Payload::Body)),
            ("POST", "/topics/devices%2Fpump%2Ftelemetry?qos=1", "devices/pump/telemetry", None),
            ("POST", "/topics/devices/pump/telemetry", "devices/pump/telemetry", None),
            (
                "GET",
                "/api/things/shadow/ListNamedShadowsForThing/pump",
                "names of pump, None after None",
                None,
            ),
            (
                "GET",
                "/api/things/shadow/ListNamedShadowsForThing/pump?pageSize=5&nextToken=a",
                "names of pump, Some(\"5\") after Some(\"a\")",
                None,
            ),
        ];
        for (method, uri, topic, payload) in cases {
            assert_eq!(asked(method, uri), Ok((topic.to_owned(), payload)), "{method} {uri}");
        }
    }

    #[test]
    fn what_is_none_of_the_twins_requests_says_why() {
        let cases = [
            ("PATCH", "/things/pump/shadow", NotAsked::Method("GET, POST, DELETE")),
            ("POST", "/things/pump/jobs", NotAsked::Method("GET")),
            ("PUT", "/things/pump/jobs/7", NotAsked::Method("GET, POST")),
            ("POST", "/things/pump/jobs/$next", NotAsked::Method("GET, PUT")),
            ("GET", "/topics/a", NotAsked::Method("POST")),
            ("GET", "/things/pump", NotAsked::Path),
            ("GET", "/things//shadow", NotAsked::Path),
            ("GET", "/things/a%2Fb/shadow", NotAsked::Path),
            ("GET", "/things/+/shadow", NotAsked::Path),
            ("GET", "/things/pump/shadow?name=a%2F%2F", NotAsked::Path),
            ("GET", "/things/%zz/shadow", NotAsked::Encoding),
            ("GET", "/things/%ff/shadow", NotAsked::Encoding),
        ];
        for (method, uri, why) in cases {
            assert_eq!(asked(method, uri), Err(why), "{method} {uri}");
        }
    }

    #[test]
    fn rejections_become_the_status_that_clients_of_the_twin_know() {
        let cases = [
            (r#"{"code":409,"message":"Version conflict"}"#, 409),
            (r#"{"code":404,"message":"x"}"#, 404),
            (r#"{"code":413}"#, 413),
            (r#"{"code":99999}"#, 400),
            (r#"{"code":200}"#, 400),
            (r#"{"code":"InvalidJson"}"#, 400),
            (r#"{"code":"ResourceNotFound"}"#, 404),
            (r#"{"code":"VersionMismatch"}"#, 409),
            (r#"{"code":"InvalidStateTransition"}"#, 409),
            (r#"{"code":"TerminalStateReached"}"#, 410),
            (r#"{"code":"RequestThrottled"}"#, 429),
            (r#"{"code":"InternalError"}"#, 500),
            ("not json", 400),
        ];
        for (body, status) in cases {
            assert_eq!(status_of_rejection(body.as_bytes()).as_u16(), status, "{body}");
        }
    }
}

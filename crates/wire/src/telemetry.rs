//! Telemetry messages, in JSON and CBOR.
//!
//! ```json
//! {"temp": 21.5, "door": {"open": false}}                      stamped by the server; the second is named door.open
//! {"ts": 1767225600000, "values": {"temp": 21.5}}              ts is milliseconds since 1970
//! [{"ts": 1767225600000, "values": {"temp": 21.5}}, {"temp": 22}]
//! ```
//!
//! Values are numbers, booleans and texts. A `null` means "no reading" and is left out, since many devices send it for
//! a sensor that is not there. Whole numbers beyond 64 bits are refused; those between 2^63 and 2^64 become the nearest
//! floating-point number. An object with `values` is the second form and may have nothing but `ts` beside it.
//!
//! Knows neither the server's time, nor how many bytes a text may have, nor what is done with a reading.

mod tree;

use std::collections::HashSet;

use tree::Node;

/// Levels of objects within objects, the names' dots included in none of them.
pub const NESTING: usize = 8;

/// Bytes of a metric's full, dotted name.
pub const NAME_BYTES: usize = 128;

/// One value of a message. Numbers are finite.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number with a fraction or exponent, or a whole one beyond 64 bits with sign.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Bool(bool),
    /// A text, of any length that fits the message.
    Text(String),
}

/// One measured value as written by the device.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Dotted name: 1 to 128 bytes without control characters.
    pub metric: String,
    /// Microseconds since 1970, saturated; none if the message says nothing.
    pub at_micros: Option<i64>,
    /// What was measured.
    pub value: Value,
}

/// Why a message cannot be read. `Display` is a sentence for the device's maker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryError {
    /// The bytes are not what the topic says.
    #[error("the payload is not valid {format}: {problem}")]
    Syntax {
        /// JSON or CBOR.
        format: &'static str,
        /// Where and what.
        problem: String,
    },
    /// Neither an object nor an array of objects.
    #[error("telemetry is an object such as {{\"temp\":21.5}} or an array of them, not {0}")]
    Shape(&'static str),
    /// `ts` without `values`, or something beside them.
    #[error("write {{\"ts\":<milliseconds since 1970>,\"values\":{{…}}}}: {0}")]
    Envelope(&'static str),
    /// A value that is none of the allowed ones.
    #[error("metric {metric} {problem}")]
    Value {
        /// Its dotted name, shortened.
        metric: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A name that no metric can have.
    #[error("metric {metric} {problem}")]
    Name {
        /// Its dotted name, shortened.
        metric: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The same key twice in an object, or two ways to write the same dotted name.
    #[error("{0} occurs twice in one object")]
    Duplicate(String),
    /// More values than a message may have.
    #[error("the message has more than {0} points")]
    TooManyPoints(usize),
    /// Objects within objects beyond the limit.
    #[error("objects are nested more than {NESTING} levels deep")]
    TooDeep,
}

/// Reads a JSON message of at most `most` points.
///
/// # Errors
/// Says what is wrong with the message; nothing of it is to be used then.
pub fn decode_json(payload: &[u8], most: usize) -> Result<Vec<Reading>, TelemetryError> {
    readings(tree::json(payload, most)?)
}

/// Reads a CBOR message (RFC 8949, untagged) of at most `most` points; same shapes as in JSON, keys are texts.
///
/// # Errors
/// Says what is wrong with the message; nothing of it is to be used then.
pub fn decode_cbor(payload: &[u8], most: usize) -> Result<Vec<Reading>, TelemetryError> {
    readings(tree::cbor(payload, most)?)
}

fn readings(root: Node) -> Result<Vec<Reading>, TelemetryError> {
    let mut found = Vec::new();
    match root {
        Node::List(items) => {
            for item in items {
                match item {
                    Node::Map(entries) => object(entries, &mut found)?,
                    Node::Null
                    | Node::Bool(_)
                    | Node::Integer(_)
                    | Node::Float(_)
                    | Node::NotFinite
                    | Node::Text(_)
                    | Node::List(_) => return Err(TelemetryError::Shape(item.called_in_array())),
                }
            }
        }
        Node::Map(entries) => object(entries, &mut found)?,
        Node::Null | Node::Bool(_) | Node::Integer(_) | Node::Float(_) | Node::NotFinite | Node::Text(_) => {
            return Err(TelemetryError::Shape(root.called()));
        }
    }
    Ok(found)
}

fn object(entries: Vec<(String, Node)>, found: &mut Vec<Reading>) -> Result<(), TelemetryError> {
    let enveloped = entries.iter().any(|(key, node)| key == "values" && matches!(node, Node::Map(_)));
    let timed = entries.iter().any(|(key, _)| key == "ts");
    let mut names = HashSet::new();
    if !enveloped {
        if timed {
            return Err(TelemetryError::Envelope("\"ts\" needs an object \"values\" beside it"));
        }
        return flatten("", entries, None, &mut names, found);
    }
    let (mut at_micros, mut values) = (None, Vec::new());
    for (key, node) in entries {
        match (key.as_str(), node) {
            ("values", Node::Map(inner)) => values = inner,
            ("ts", node) => at_micros = time(&node)?,
            _ => return Err(TelemetryError::Envelope("nothing else may stand beside \"values\"")),
        }
    }
    flatten("", values, at_micros, &mut names, found)
}

/// Milliseconds to microseconds; a null is no time.
fn time(node: &Node) -> Result<Option<i64>, TelemetryError> {
    match node {
        Node::Integer(millis) => Ok(Some(millis.saturating_mul(1_000))),
        Node::Float(millis) => Ok(Some(saturating_micros(*millis))),
        Node::Null => Ok(None),
        Node::Bool(_) | Node::Text(_) | Node::List(_) | Node::Map(_) => {
            Err(TelemetryError::Envelope("\"ts\" is a number"))
        }
        Node::NotFinite => Err(TelemetryError::Envelope("\"ts\" is a finite number")),
    }
}

#[expect(clippy::as_conversions, reason = "a cast from float to integer saturates, which is what is wanted")]
fn saturating_micros(millis: f64) -> i64 {
    (millis * 1_000.0) as i64
}

fn flatten(
    prefix: &str,
    entries: Vec<(String, Node)>,
    at_micros: Option<i64>,
    names: &mut HashSet<String>,
    found: &mut Vec<Reading>,
) -> Result<(), TelemetryError> {
    for (key, node) in entries {
        let metric = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        if let Some(problem) = name_problem(&key, &metric) {
            return Err(TelemetryError::Name { metric: shortened(&metric), problem });
        }
        let bad = |problem| TelemetryError::Value { metric: shortened(&metric), problem };
        let value = match node {
            Node::Map(inner) => {
                flatten(&metric, inner, at_micros, names, found)?;
                continue;
            }
            Node::Null => continue,
            Node::Integer(number) => Value::Integer(number),
            Node::Float(number) => Value::Number(number),
            Node::Bool(flag) => Value::Bool(flag),
            Node::Text(text) => Value::Text(text),
            Node::List(_) => {
                return Err(bad("is an array; a value is a number, true, false or a text"));
            }
            Node::NotFinite => return Err(bad("is not a finite number")),
        };
        if !names.insert(metric.clone()) {
            return Err(TelemetryError::Duplicate(shortened(&metric)));
        }
        found.push(Reading { metric, at_micros, value });
    }
    Ok(())
}

fn name_problem(key: &str, metric: &str) -> Option<&'static str> {
    if key.is_empty() {
        Some("has an empty name")
    } else if metric.len() > NAME_BYTES {
        Some("has a name of more than 128 bytes, dots included")
    } else if key.chars().any(char::is_control) {
        Some("has control characters in its name")
    } else {
        None
    }
}

/// Device texts are hostile: short and without control characters before they go into a sentence.
fn shortened(name: &str) -> String {
    let mut short: String =
        name.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if name.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;

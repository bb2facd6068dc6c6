//! The right side of a clause: a text with wildcards that may also read as a number, a time or a truth value.

use std::borrow::Cow;

use windlass_domain::time::Timestamp;

/// What a clause compares with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operand {
    /// The literal parts between the wildcards, in lower case; one part means no wildcard.
    parts: Vec<String>,
    pub(crate) number: Option<f64>,
    pub(crate) time: Option<Timestamp>,
}

/// One character of a value as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(char),
    Wildcard,
}

impl Operand {
    pub(crate) fn new(pieces: &[Piece]) -> Self {
        let mut parts = Vec::new();
        let mut part = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(character) => part.push(*character),
                Piece::Wildcard => parts.push(std::mem::take(&mut part).to_lowercase()),
            }
        }
        let plain = parts.is_empty();
        let number = if plain { part.parse::<f64>().ok().filter(|number| number.is_finite()) } else { None };
        let time = if plain { read_time(&part) } else { None };
        parts.push(part.to_lowercase());
        Self { parts, number, time }
    }

    /// The text, where it has no wildcard.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// What every matching text begins with, in lower case, where there is a wildcard after it; none where any text
    /// may match.
    pub(crate) fn beginning(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [first, _, ..] if !first.is_empty() => Some(first),
            _ => None,
        }
    }

    /// Whether a text matches, whatever its case.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text = lower(text);
        match self.parts.as_slice() {
            [] => false,
            [only] => *only == *text,
            [first, middle @ .., last] => {
                let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
                for part in middle {
                    match rest.find(part.as_str()) {
                        Some(at) => rest = rest.get(at.saturating_add(part.len())..).unwrap_or_default(),
                        None => return false,
                    }
                }
                rest.ends_with(last.as_str())
            }
        }
    }
}

/// Lower case without a copy where it is that already.
pub(crate) fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

fn read_time(text: &str) -> Option<Timestamp> {
    if let Ok(millis) = text.parse::<i64>() {
        return Some(Timestamp::from_millis(millis));
    }
    text.parse().ok()
}

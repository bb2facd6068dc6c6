//! The right side of a clause: a text with wildcards that may also read as a number, a time or a truth value.

use std::borrow::Cow;

use windlass_domain::spelling::composed;
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
                Piece::Wildcard => parts.push(lower(&std::mem::take(&mut part)).into_owned()),
            }
        }
        let plain = parts.is_empty();
        let number = if plain { part.parse::<f64>().ok().filter(|number| number.is_finite()) } else { None };
        let time = if plain { read_time(&part) } else { None };
        parts.push(lower(&part).into_owned());
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

/// A text as a value of a query that means just it: in quotes where it has to be.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | ':');
    if !text.is_empty() && text != "null" && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('\'');
    for c in text.chars() {
        if matches!(c, '\'' | '\\' | '*') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// Lower case, letters and their marks put together, and every blank a plain one: what makes no difference. Without a
/// copy where it is that already.
pub(crate) fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(composed(text).to_lowercase().replace('\u{a0}', " "))
    }
}

fn read_time(text: &str) -> Option<Timestamp> {
    if let Ok(millis) = text.parse::<i64>() {
        return Some(Timestamp::from_millis(millis));
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Field, Fields, Value, parse};

    struct Only<'a>(&'a str);

    impl Fields for Only<'_> {
        fn each(&self, _field: &Field, each: &mut dyn FnMut(Value<'_>)) {
            each(self.0.into());
        }
    }

    fn holds(query: &str, value: &str) -> bool {
        parse(query).unwrap().matches(&Only(value))
    }

    #[test]
    fn what_is_quoted_means_just_that_text() {
        for text in [
            "a",
            "my tag",
            "",
            "null",
            "it's",
            "\"x\"",
            "a\\b",
            "a*",
            "a;b,c(d)",
            "펌웨어",
            "\\",
            "'",
            "x==y",
        ] {
            assert!(holds(&format!("x=={}", quoted(text)), text), "{text}");
            assert!(!holds(&format!("x=={}", quoted(text)), &format!("{text}z")), "{text}");
        }
        assert_eq!(quoted("pump-1.2"), "pump-1.2");
    }

    #[test]
    fn neither_the_kind_of_a_blank_nor_how_marks_are_written_makes_a_difference() {
        assert!(holds("x=='My App 1.0 beta'", "My\u{a0}App 1.0 beta"));
        assert!(holds("x=='my\u{a0}app*'", "My App 1"));
        assert!(holds("x=='Pu\u{308}mpe'", "Pümpe") && holds("x=='pümpe'", "Pu\u{308}mpe"));
        assert!(!holds("x=='My App'", "MyApp"));
    }
}

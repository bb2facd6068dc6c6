//! One bounded tree for JSON and CBOR: depth, number of values and duplicate keys are checked while reading,
//! before anything grows with what the bytes claim.
//!
//! Knows nothing of metrics.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::{NESTING, TelemetryError, shortened};

/// What was written, without its syntax.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    NotFinite,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(super) const fn called(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float(_) | Self::NotFinite => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "an array",
            Self::Map(_) => "an object",
        }
    }

    pub(super) const fn called_in_array(&self) -> &'static str {
        match self {
            Self::Null => "an array with null in it",
            Self::Bool(_) => "an array of booleans",
            Self::Integer(_) | Self::Float(_) | Self::NotFinite => "an array of numbers",
            Self::Text(_) => "an array of texts",
            Self::List(_) => "an array of arrays",
            Self::Map(_) => "an array of objects",
        }
    }
}

/// What one reading of a message may use up, and why it ended early.
struct Budget {
    values: Cell<usize>,
    most: usize,
    refused: RefCell<Option<TelemetryError>>,
}

impl Budget {
    fn new(most: usize) -> Self {
        // Keys, `ts` and nulls use it up too, but are no points: a point in an envelope of its own takes five.
        Self { values: Cell::new(most.saturating_mul(8)), most, refused: RefCell::new(None) }
    }

    fn refuse<E: serde::de::Error>(&self, error: TelemetryError) -> E {
        let text = error.to_string();
        *self.refused.borrow_mut() = Some(error);
        E::custom(text)
    }

    fn take<E: serde::de::Error>(&self) -> Result<(), E> {
        match self.values.get().checked_sub(1) {
            Some(left) => {
                self.values.set(left);
                Ok(())
            }
            None => Err(self.refuse(TelemetryError::TooManyPoints(self.most))),
        }
    }

    /// Decides what is told: our own sentence if we stopped, else the parser's.
    fn judge(
        self,
        format: &'static str,
        read: Result<Node, String>,
        most: usize,
    ) -> Result<Node, TelemetryError> {
        match (self.refused.into_inner(), read) {
            (Some(refused), _) => Err(refused),
            (None, Err(problem)) => Err(TelemetryError::Syntax { format, problem: readable(&problem) }),
            (None, Ok(node)) if points(&node) > most => Err(TelemetryError::TooManyPoints(most)),
            (None, Ok(node)) => Ok(node),
        }
    }
}

/// Leaves that become points; an upper bound, since `ts` is counted too unless there are `values` beside it.
fn points(node: &Node) -> usize {
    match node {
        Node::Null => 0,
        Node::List(items) => items.iter().map(points).sum(),
        Node::Map(entries) => {
            let enveloped = entries.iter().any(|(key, _)| key == "values");
            entries
                .iter()
                .filter(|(key, _)| !(enveloped && key == "ts"))
                .map(|(_, inner)| points(inner))
                .sum()
        }
        Node::Bool(_) | Node::Integer(_) | Node::Float(_) | Node::NotFinite | Node::Text(_) => 1,
    }
}

/// A parser's message may quote the device's text.
fn readable(problem: &str) -> String {
    let line: String =
        problem.chars().take(160).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    line
}

pub(super) fn json(payload: &[u8], most: usize) -> Result<Node, TelemetryError> {
    let syntax = |problem: String| TelemetryError::Syntax { format: "JSON", problem };
    let text = std::str::from_utf8(payload)
        .map_err(|error| syntax(format!("not UTF-8 from byte {} on", error.valid_up_to())))?;
    let budget = Budget::new(most);
    let mut parser = serde_json::Deserializer::from_str(text);
    let read = Seed { budget: &budget, depth: 0 }
        .deserialize(&mut parser)
        .and_then(|node| parser.end().map(|()| node))
        .map_err(|error| error.to_string());
    budget.judge("JSON", read, most)
}

struct Seed<'b> {
    budget: &'b Budget,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seed<'_> {
    /// Arrays count as levels too, so that an array of arrays of … is no way around.
    fn deeper<E: serde::de::Error>(&self) -> Result<Seed<'_>, E> {
        if self.depth > NESTING {
            return Err(self.budget.refuse(TelemetryError::TooDeep));
        }
        Ok(Seed { budget: self.budget, depth: self.depth + 1 })
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, array, number, boolean, text or null")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Node, E> {
        self.budget.take()?;
        Ok(Node::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Node, E> {
        self.budget.take()?;
        Ok(Node::Bool(flag))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Node, E> {
        self.budget.take()?;
        Ok(Node::Integer(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Node, E> {
        self.budget.take()?;
        Ok(unsigned(number))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Node, E> {
        self.budget.take()?;
        Ok(float(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Node, E> {
        self.budget.take()?;
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        loop {
            match items.next_element_seed(self.deeper()?)? {
                Some(item) => list.push(item),
                None => return Ok(Node::List(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if !keys.insert(key.clone()) {
                return Err(self.budget.refuse(TelemetryError::Duplicate(shortened(&key))));
            }
            // Empty objects cost a key each, so that they are bounded like values.
            self.budget.take()?;
            let value = entries.next_value_seed(self.deeper()?)?;
            map.push((key, value));
        }
        Ok(Node::Map(map))
    }
}

fn float(number: f64) -> Node {
    if number.is_finite() { Node::Float(number) } else { Node::NotFinite }
}

#[expect(clippy::as_conversions, reason = "the nearest floating-point number is what is wanted")]
fn unsigned(number: u64) -> Node {
    i64::try_from(number).map_or_else(|_| Node::Float(number as f64), Node::Integer)
}

pub(super) fn cbor(payload: &[u8], most: usize) -> Result<Node, TelemetryError> {
    let budget = Budget::new(most);
    let mut bytes = Bytes { rest: payload, budget: &budget };
    let read = bytes.item(0).and_then(|node| match (node, bytes.rest.len()) {
        (Some(node), 0) => Ok(node),
        (Some(_), left) => Err(format!("{left} bytes follow the value")),
        (None, _) => Err("a break outside of any item".to_owned()),
    });
    budget.judge("CBOR", read, most)
}

/// A reader of RFC 8949 for the few kinds of item that telemetry has.
struct Bytes<'a, 'b> {
    rest: &'a [u8],
    budget: &'b Budget,
}

impl<'a> Bytes<'a, '_> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("it ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn unsigned(&mut self, count: usize) -> Result<u64, String> {
        Ok(self.take(count)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Major type, additional information, and the argument; none for an indefinite length or a break.
    fn head(&mut self) -> Result<(u8, u8, Option<u64>), String> {
        let first = self.unsigned(1)?;
        let (major, information) = (first >> 5, first & 31);
        let argument = match information {
            0..=23 => Some(information),
            24 => Some(self.unsigned(1)?),
            25 => Some(self.unsigned(2)?),
            26 => Some(self.unsigned(4)?),
            27 => Some(self.unsigned(8)?),
            31 => None,
            _ => return Err("a reserved length".to_owned()),
        };
        let small = |number: u64| u8::try_from(number).map_err(|error| error.to_string());
        Ok((small(major)?, small(information)?, argument))
    }

    /// One item; none for a break.
    fn item(&mut self, depth: usize) -> Result<Option<Node>, String> {
        let (major, information, argument) = self.head()?;
        if depth > NESTING + 1 {
            return Err(self.refuse(TelemetryError::TooDeep));
        }
        if major < 4 || major == 7 {
            self.budget.take::<Refused>().map_err(|refused| refused.0)?;
        }
        let node = match (major, argument) {
            (0, Some(number)) => unsigned(number),
            (1, Some(number)) => match i64::try_from(number) {
                Ok(number) => Node::Integer(!number),
                Err(_) => return Err("a whole number below -2^63".to_owned()),
            },
            (3, length) => Node::Text(self.text(length)?),
            (4, length) => Node::List(self.list(length, depth)?),
            (5, length) => Node::Map(self.map(length, depth)?),
            (7, None) => return Ok(None),
            (7, Some(argument)) => simple(information, argument)?,
            (2, _) => return Err("byte strings are not telemetry; send a text".to_owned()),
            (6, _) => return Err("tags are not supported".to_owned()),
            _ => return Err("an integer of indefinite length".to_owned()),
        };
        Ok(Some(node))
    }

    fn refuse(&self, error: TelemetryError) -> String {
        self.budget.refuse::<Refused>(error).0
    }

    fn text(&mut self, length: Option<u64>) -> Result<String, String> {
        let utf8 = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec()).map_err(|_| "a text that is not UTF-8".to_owned())
        };
        if let Some(length) = length {
            return utf8(self.take(usize::try_from(length).map_err(|error| error.to_string())?)?);
        }
        let mut whole = String::new();
        loop {
            match self.head()? {
                (3, _, Some(length)) => {
                    let chunk = self.take(usize::try_from(length).map_err(|error| error.to_string())?)?;
                    whole.push_str(&utf8(chunk)?);
                }
                (7, 31, None) => return Ok(whole),
                _ => return Err("a text in pieces that are no texts".to_owned()),
            }
        }
    }

    fn list(&mut self, length: Option<u64>, depth: usize) -> Result<Vec<Node>, String> {
        let mut list = Vec::new();
        let mut left = length;
        while left != Some(0) {
            match (self.item(depth + 1)?, &mut left) {
                (Some(item), left) => {
                    list.push(item);
                    *left = left.map(|left| left - 1);
                }
                (None, None) => break,
                (None, Some(_)) => return Err("a break in an array of known length".to_owned()),
            }
        }
        Ok(list)
    }

    fn map(&mut self, length: Option<u64>, depth: usize) -> Result<Vec<(String, Node)>, String> {
        let mut map = Vec::new();
        let mut keys = HashSet::new();
        let mut left = length;
        while left != Some(0) {
            let key = match (self.head()?, left) {
                ((3, _, length), _) => self.text(length)?,
                ((7, 31, None), None) => break,
                _ => return Err("a key that is no text".to_owned()),
            };
            if !keys.insert(key.clone()) {
                return Err(self.refuse(TelemetryError::Duplicate(shortened(&key))));
            }
            self.budget.take::<Refused>().map_err(|refused| refused.0)?;
            let value = self.item(depth + 1)?.ok_or("a key without a value")?;
            map.push((key, value));
            left = left.map(|left| left - 1);
        }
        Ok(map)
    }
}

/// Floats, booleans and null.
fn simple(information: u8, argument: u64) -> Result<Node, String> {
    let four = || u32::try_from(argument).map_err(|error| error.to_string());
    match (information, argument) {
        (20, _) => Ok(Node::Bool(false)),
        (21, _) => Ok(Node::Bool(true)),
        (22 | 23, _) => Ok(Node::Null),
        (25, _) => Ok(float(half(argument))),
        (26, _) => Ok(float(f64::from(f32::from_bits(four()?)))),
        (27, _) => Ok(float(f64::from_bits(argument))),
        _ => Err("an unknown simple value".to_owned()),
    }
}

/// RFC 8949, appendix D.
fn half(bits: u64) -> f64 {
    let part = |shift: u64, mask: u64| u16::try_from(bits >> shift & mask).unwrap_or_default();
    let (exponent, mantissa) = (i32::from(part(10, 0x1f)), f64::from(part(0, 0x3ff)));
    let size = match exponent {
        0 => mantissa * (-24_f64).exp2(),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * f64::from(exponent - 25).exp2(),
    };
    if part(15, 1) == 1 { -size } else { size }
}

/// Carries a sentence out of [`Budget`] where no serde parser is at work.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl serde::de::Error for Refused {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self(text.to_string())
    }
}

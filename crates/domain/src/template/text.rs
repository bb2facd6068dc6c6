//! Text in a template: a string, `Ref`, `Fn::Join` or `Fn::Sub`, nested at most eight deep.

use std::collections::BTreeMap;

use serde_json::Value;

use super::EvaluateError;

const DEEPEST: usize = 8;
const LONGEST: usize = 4096;

/// A text with places for parameters, flattened to its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Ref(String),
}

impl Text {
    pub(super) fn literal(text: &str) -> Self {
        Self(vec![Part::Literal(text.to_owned())])
    }

    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let mut parts = Vec::new();
        read(value, DEEPEST, &mut parts)?;
        Ok(Self(parts))
    }

    pub(super) fn references(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Ref(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    pub(super) fn fill(&self, values: &BTreeMap<String, String>) -> Result<String, EvaluateError> {
        let mut text = String::new();
        for part in &self.0 {
            text.push_str(match part {
                Part::Literal(literal) => literal,
                Part::Ref(name) => {
                    values.get(name).ok_or_else(|| EvaluateError::MissingParameter(name.clone()))?
                }
            });
            if text.len() > LONGEST {
                let problem = format!("at most {LONGEST} bytes");
                return Err(EvaluateError::BadValue { field: "a text of the template", problem });
            }
        }
        Ok(text)
    }
}

fn read(value: &Value, deeper: usize, parts: &mut Vec<Part>) -> Result<(), String> {
    const ALLOWED: &str = r#"must be a string, {"Ref": …}, {"Fn::Join": …} or {"Fn::Sub": …}"#;
    if deeper == 0 {
        return Err(format!("is nested deeper than {DEEPEST}"));
    }
    let object = match value {
        Value::String(text) => {
            parts.push(Part::Literal(text.clone()));
            return Ok(());
        }
        Value::Object(object) if object.len() == 1 => object,
        Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {
            return Err(ALLOWED.to_owned());
        }
    };
    match object.iter().next().map(|(function, argument)| (function.as_str(), argument)) {
        Some(("Ref", Value::String(name))) => {
            parts.push(Part::Ref(name.clone()));
            Ok(())
        }
        Some(("Fn::Join", Value::Array(arguments))) => match arguments.as_slice() {
            [Value::String(separator), Value::Array(items)] => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 && !separator.is_empty() {
                        parts.push(Part::Literal(separator.clone()));
                    }
                    read(item, deeper - 1, parts)?;
                }
                Ok(())
            }
            _ => Err("Fn::Join takes a separator and an array".to_owned()),
        },
        Some(("Fn::Sub", Value::String(pattern))) => substitute(pattern, parts),
        Some(("Ref", _)) => Err("Ref takes the name of a parameter".to_owned()),
        Some(("Fn::Join", _)) => Err("Fn::Join takes a separator and an array".to_owned()),
        Some(("Fn::Sub", _)) => Err("Fn::Sub takes one string".to_owned()),
        _ => Err(ALLOWED.to_owned()),
    }
}

/// `${Name}` is a parameter, `${!Name}` is the text `${Name}`.
fn substitute(pattern: &str, parts: &mut Vec<Part>) -> Result<(), String> {
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').ok_or("Fn::Sub has a ${ without }")?;
        parts.push(Part::Literal(before.to_owned()));
        match name.strip_prefix('!') {
            Some(literal) => parts.push(Part::Literal(format!("${{{literal}}}"))),
            None if name.is_empty() => return Err("Fn::Sub has an empty ${}".to_owned()),
            None => parts.push(Part::Ref(name.to_owned())),
        }
        rest = tail;
    }
    parts.push(Part::Literal(rest.to_owned()));
    Ok(())
}

//! Names in bodies: read by the domain's own rules, every bad one named.

use std::fmt::Display;
use std::str::FromStr;

use windlass_api::problem::FieldProblem;

use super::error::Refusal;

/// Reads one field.
pub(crate) fn one<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|problem| Refusal::field(field, problem))
}

/// Reads a list.
pub(crate) fn each<'t, T: FromStr<Err: Display>>(
    field: &str,
    texts: impl IntoIterator<Item = &'t String>,
) -> Result<Vec<T>, Refusal> {
    let mut problems = Problems::default();
    let items = texts
        .into_iter()
        .enumerate()
        .filter_map(|(index, text)| problems.keep(format!("{field}.{index}"), text.parse()))
        .collect();
    problems.none_or(items)
}

/// Gathers what is wrong, so that everything is named at once.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<FieldProblem>);

impl Problems {
    /// The value, or a note of why there is none.
    pub(crate) fn keep<T, E: Display>(&mut self, field: impl Into<String>, read: Result<T, E>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(problem) => {
                self.add(field, problem.to_string());
                None
            }
        }
    }

    /// Notes a problem.
    pub(crate) fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(FieldProblem { field: field.into(), problem: problem.into() });
    }

    /// The value if nothing was wrong.
    pub(crate) fn none_or<T>(self, value: T) -> Result<T, Refusal> {
        if self.0.is_empty() { Ok(value) } else { Err(Refusal::invalid(self.0)) }
    }
}

//! One value, two forms: a table for people or the API's own JSON for programs.

use serde::Serialize;
use windlass_api::page::Page;

use crate::terminal::{self, Output};

/// Prints data in the form that was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    output: Output,
}

impl Printer {
    /// Prints in this form.
    pub(crate) const fn new(output: Output) -> Self {
        Self { output }
    }

    /// Whether programs read along.
    pub(crate) fn is_json(self) -> bool {
        self.output == Output::Json
    }

    /// One thing: names and values, or its JSON.
    pub(crate) fn pairs<T: Serialize>(
        self,
        value: &T,
        pairs: impl FnOnce(&T) -> Vec<(&'static str, String)>,
    ) -> anyhow::Result<()> {
        match self.output {
            Output::Json => terminal::print_json(value),
            Output::Table => terminal::print_pairs(&pairs(value)),
        }
    }

    /// Many things: a table, or a JSON array.
    pub(crate) fn rows<T: Serialize>(
        self,
        items: &[T],
        heading: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> anyhow::Result<()> {
        match self.output {
            Output::Json => terminal::print_json(&items),
            Output::Table if items.is_empty() => {
                terminal::note("nothing found");
                Ok(())
            }
            Output::Table => terminal::print_table(heading, items.iter().map(row).collect()),
        }
    }

    /// A page of a list; says on standard error when there is more.
    pub(crate) fn page<T: Serialize>(
        self,
        page: &Page<T>,
        heading: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> anyhow::Result<()> {
        match self.output {
            Output::Json => terminal::print_json(page),
            Output::Table => {
                self.rows(&page.items, heading, row)?;
                for (facet, counts) in page.facets.iter().flatten() {
                    let counts: Vec<String> =
                        counts.iter().map(|count| format!("{} {}", count.value, count.count)).collect();
                    terminal::note(&format!("{facet}: {}", counts.join(", ")));
                }
                match (page.total, &page.cursor) {
                    (Some(total), Some(_)) => {
                        terminal::note(&format!(
                            "{} of {total} shown; raise --limit for more",
                            page.items.len()
                        ));
                    }
                    (None, Some(_)) => terminal::note("there is more; raise --limit to see it"),
                    (_, None) => {}
                }
                Ok(())
            }
        }
    }

    /// Anything whose shape only programs care for: always JSON.
    pub(crate) fn json(self, value: &impl Serialize) -> anyhow::Result<()> {
        terminal::print_json(value)
    }
}

/// A value that may be absent.
pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Second precision is enough for people.
pub(crate) fn time(at: windlass_api::Time) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time that may be absent.
pub(crate) fn time_or_dash(at: Option<windlass_api::Time>) -> String {
    or_dash(at.map(time))
}

/// Words in one cell, as files of devices have them: one with blanks, semicolons or quotes stands in quotes, and its own
/// are doubled.
pub(crate) fn words<T: ToString>(words: impl IntoIterator<Item = T>) -> String {
    let quoted = |word: String| {
        if word.contains([' ', ';', '"']) { format!("\"{}\"", word.replace('"', "\"\"")) } else { word }
    };
    words.into_iter().map(|word| quoted(word.to_string())).collect::<Vec<_>>().join(" ")
}

/// `key=value` pairs in one cell.
pub(crate) fn assignments(pairs: &std::collections::BTreeMap<String, String>) -> String {
    words(pairs.iter().map(|(key, value)| format!("{key}={value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_blanks_are_told_from_several() {
        assert_eq!(words(["lab", "my tag", "eu"]), "lab \"my tag\" eu");
        assert_eq!(words(["a \"b\" c", "d\"e", "f;g"]), r#""a ""b"" c" "d""e" "f;g""#);
        assert_eq!(words(Vec::<String>::new()), "");
    }
}

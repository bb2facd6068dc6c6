//! The topic map of a device type: which of a fleet's own topics are telemetry, events and logs.
//!
//! Placeholders are filled with a device's own name or client id, so that no row lets one device speak for
//! another. Knows nothing of who publishes or of what the payload says.

use crate::device_type::{TopicMapping, TopicTarget};

/// Most rows of one map.
pub const MOST_ROWS: usize = 50;

/// A topic map that is ready for matching. The first row that matches decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopicMap {
    rows: Vec<(Vec<Level>, TopicTarget)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Level {
    Word(String),
    Name,
    ClientId,
    One,
    Rest,
}

/// Why a filter cannot be a row. `Display` is a sentence for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicMapError {
    /// Too many rows.
    #[error("a topic map has at most {MOST_ROWS} rows")]
    TooManyRows,
    /// No characters.
    #[error("the filter is empty")]
    Empty,
    /// Longer than any topic may be.
    #[error("the filter is longer than {most} bytes")]
    TooLong {
        /// Bytes allowed.
        most: usize,
    },
    /// Longer than any topic may be.
    #[error("the filter has more than {most} levels; levels are what / separates")]
    TooManyLevels {
        /// Levels allowed.
        most: usize,
    },
    /// A control character.
    #[error("the filter contains a control character")]
    Control,
    /// `#` before the end.
    #[error("# may only be the last level: it stands for all levels that follow")]
    RestNotLast,
    /// A wildcard or placeholder that shares its level.
    #[error("{part} must be a whole level, not a part of {level:?}")]
    PartOfLevel {
        /// The wildcard or placeholder.
        part: &'static str,
        /// The level it is in.
        level: String,
    },
    /// Braces with something else in them.
    #[error("{level:?} is no placeholder; there are {{name}} and {{clientId}}")]
    UnknownPlaceholder {
        /// The level it is in.
        level: String,
    },
    /// The device API's own topics.
    #[error("topics that begin with $ belong to the device API; only $aws/rules/… may be mapped")]
    Reserved,
    /// The topics that every device has anyway.
    #[error("devices/… has its meaning already and cannot be mapped")]
    Native,
}

impl TopicMap {
    /// Reads a map. On the first row that cannot be used: its position and why.
    ///
    /// `bytes` and `levels` are the bounds on topics.
    pub fn compile(
        rows: &[TopicMapping],
        bytes: usize,
        levels: usize,
    ) -> Result<Self, (usize, TopicMapError)> {
        if rows.len() > MOST_ROWS {
            return Err((MOST_ROWS, TopicMapError::TooManyRows));
        }
        let mut compiled = Vec::with_capacity(rows.len());
        for (position, TopicMapping { filter, target }) in rows.iter().enumerate() {
            let filter = compile_filter(filter, bytes, levels).map_err(|error| (position, error))?;
            compiled.push((filter, *target));
        }
        Ok(Self { rows: compiled })
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Where a publish of the device with this name and client id goes; None if no row covers the topic.
    /// Reserved topics (`$…` but for `$aws/rules/…`) are never covered.
    pub fn target(&self, topic: &str, name: &str, client_id: &str) -> Option<TopicTarget> {
        if topic.starts_with('$') && !topic.starts_with("$aws/rules/") {
            return None;
        }
        self.rows
            .iter()
            .find(|(filter, _)| matches(filter, topic, name, client_id))
            .map(|(_, target)| *target)
    }
}

fn compile_filter(filter: &str, bytes: usize, most_levels: usize) -> Result<Vec<Level>, TopicMapError> {
    if filter.is_empty() {
        return Err(TopicMapError::Empty);
    }
    if filter.len() > bytes {
        return Err(TopicMapError::TooLong { most: bytes });
    }
    if filter.chars().any(char::is_control) {
        return Err(TopicMapError::Control);
    }
    if filter.starts_with('$') && !filter.starts_with("$aws/rules/") {
        return Err(TopicMapError::Reserved);
    }
    if filter == "devices" || filter.starts_with("devices/") {
        return Err(TopicMapError::Native);
    }
    let words: Vec<&str> = filter.split('/').collect();
    if words.len() > most_levels {
        return Err(TopicMapError::TooManyLevels { most: most_levels });
    }
    let last = words.len().saturating_sub(1);
    words.iter().enumerate().map(|(position, word)| compile_level(word, position == last)).collect()
}

fn compile_level(word: &str, is_last: bool) -> Result<Level, TopicMapError> {
    match word {
        "{name}" => return Ok(Level::Name),
        "{clientId}" => return Ok(Level::ClientId),
        "+" => return Ok(Level::One),
        "#" if is_last => return Ok(Level::Rest),
        "#" => return Err(TopicMapError::RestNotLast),
        _ => {}
    }
    for part in ["{name}", "{clientId}", "+", "#"] {
        if word.contains(part) {
            return Err(TopicMapError::PartOfLevel { part, level: word.to_owned() });
        }
    }
    if word.contains(['{', '}']) {
        return Err(TopicMapError::UnknownPlaceholder { level: word.to_owned() });
    }
    Ok(Level::Word(word.to_owned()))
}

fn matches(filter: &[Level], topic: &str, name: &str, client_id: &str) -> bool {
    let mut words = topic.split('/');
    for level in filter {
        let word = match level {
            Level::Rest => return true,
            Level::Word(_) | Level::Name | Level::ClientId | Level::One => words.next(),
        };
        let fits = match (level, word) {
            (_, None) => false,
            (Level::Word(expected), Some(word)) => expected == word,
            (Level::Name, Some(word)) => !name.is_empty() && word == name,
            (Level::ClientId, Some(word)) => !client_id.is_empty() && word == client_id,
            (Level::One | Level::Rest, Some(_)) => true,
        };
        if !fits {
            return false;
        }
    }
    words.next().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(rows: &[(&str, TopicTarget)]) -> Result<TopicMap, (usize, TopicMapError)> {
        let rows: Vec<_> = rows
            .iter()
            .map(|(filter, target)| TopicMapping { filter: (*filter).to_owned(), target: *target })
            .collect();
        TopicMap::compile(&rows, 256, 8)
    }

    #[test]
    fn placeholders_stand_for_the_device_itself_and_nobody_else() {
        let map = map(&[
            ("dt/app/{name}/#", TopicTarget::Telemetry),
            ("log/{clientId}", TopicTarget::Log),
            ("$aws/rules/+/{name}/event", TopicTarget::Event),
            ("v1/devices/me/telemetry", TopicTarget::Telemetry),
        ])
        .unwrap();
        let target = |topic| map.target(topic, "pump-1", "c-1");
        assert_eq!(target("dt/app/pump-1"), Some(TopicTarget::Telemetry));
        assert_eq!(target("dt/app/pump-1/a/b"), Some(TopicTarget::Telemetry));
        assert_eq!(target("dt/app/pump-2/a"), None);
        assert_eq!(target("log/c-1"), Some(TopicTarget::Log));
        assert_eq!(target("log/pump-1"), None);
        assert_eq!(target("$aws/rules/any/pump-1/event"), Some(TopicTarget::Event));
        assert_eq!(target("$aws/rules/any/pump-2/event"), None);
        assert_eq!(target("v1/devices/me/telemetry"), Some(TopicTarget::Telemetry));
        assert_eq!(target("v1/devices/me/telemetry/x"), None);
        assert_eq!(map.target("log/", "pump-1", ""), None);
    }

    #[test]
    fn the_first_row_that_matches_decides() {
        let map = map(&[("a/log", TopicTarget::Log), ("a/+", TopicTarget::Telemetry)]).unwrap();
        assert_eq!(map.target("a/log", "d", "c"), Some(TopicTarget::Log));
        assert_eq!(map.target("a/b", "d", "c"), Some(TopicTarget::Telemetry));
    }

    #[test]
    fn no_wildcard_reaches_reserved_topics() {
        let map = map(&[("#", TopicTarget::Telemetry)]).unwrap();
        assert_eq!(map.target("a", "d", "c"), Some(TopicTarget::Telemetry));
        assert_eq!(map.target("$aws/things/d/shadow/update", "d", "c"), None);
        assert_eq!(map.target("$SYS/x", "d", "c"), None);
        assert_eq!(map.target("$aws/rules/r/x", "d", "c"), Some(TopicTarget::Telemetry));
    }

    #[test]
    fn what_cannot_be_a_row_is_said_in_a_sentence() {
        let long = "x".repeat(257);
        for (filter, expected) in [
            ("", "the filter is empty"),
            ("a/#/b", "# may only be the last level: it stands for all levels that follow"),
            ("a/b#", "# must be a whole level, not a part of \"b#\""),
            ("a/+b", "+ must be a whole level, not a part of \"+b\""),
            ("a/x-{name}", "{name} must be a whole level, not a part of \"x-{name}\""),
            ("a/{clientId}.log", "{clientId} must be a whole level, not a part of \"{clientId}.log\""),
            ("a/{serial}", "\"{serial}\" is no placeholder; there are {name} and {clientId}"),
            ("a/}", "\"}\" is no placeholder; there are {name} and {clientId}"),
            (
                "$aws/things/{name}/x",
                "topics that begin with $ belong to the device API; only $aws/rules/… may be mapped",
            ),
            ("$SYS/#", "topics that begin with $ belong to the device API; only $aws/rules/… may be mapped"),
            (
                "$share/g/t",
                "topics that begin with $ belong to the device API; only $aws/rules/… may be mapped",
            ),
            ("devices/{name}/x", "devices/… has its meaning already and cannot be mapped"),
            ("a/\0", "the filter contains a control character"),
            ("1/2/3/4/5/6/7/8/9", "the filter has more than 8 levels; levels are what / separates"),
            (&long, "the filter is longer than 256 bytes"),
        ] {
            let (position, error) =
                map(&[("fine", TopicTarget::Log), (filter, TopicTarget::Log)]).unwrap_err();
            assert_eq!((position, error.to_string().as_str()), (1, expected), "{filter}");
        }
        let many = vec![("a", TopicTarget::Log); MOST_ROWS + 1];
        assert_eq!(map(&many), Err((MOST_ROWS, TopicMapError::TooManyRows)));
        assert!(map(&many[..MOST_ROWS]).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_makes_compiling_or_matching_panic(filter in "[a+#{}$/]{0,12}|\\PC{0,12}", topic in "[a$/]{0,12}|\\PC{0,12}") {
            if let Ok(map) = map(&[(filter.as_str(), TopicTarget::Event)]) {
                let target = map.target(&topic, "a", "");
                prop_assert!(target.is_none() || !topic.starts_with('$') || topic.starts_with("$aws/rules/"));
            }
        }
    }
}

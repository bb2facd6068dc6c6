//! The names of settings: which there are, which of them are text, and which one somebody may have meant.
//!
//! Reads nothing, and knows no value but the defaults.

use super::{Config, ConfigError};

/// Settings that are text even where a variable's value looks like a number.
pub(super) const TEXTS: [&str; 8] =
    ["data", "public_url", "tls_cert", "tls_key", "database", "admin_password_file", "log", "hostname"];

pub(super) fn keys() -> Vec<String> {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    defaults.as_object().into_iter().flat_map(serde_json::Map::keys).cloned().collect()
}

/// The keys of a table inside the configuration; none if there is no such table.
pub(super) fn keys_of(section: &str) -> Option<Vec<String>> {
    let defaults = serde_json::to_value(Config::default()).ok()?;
    Some(defaults.get(section)?.as_object()?.keys().cloned().collect())
}

/// Whether a setting inside a table is text even where a variable's value looks like a number.
pub(super) fn is_text(section: &str, key: &str) -> bool {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    defaults
        .get(section)
        .and_then(|table| table.get(key))
        .is_none_or(|value| value.is_null() || value.is_string())
}

pub(super) fn known<'a>(
    place: &str,
    found: impl Iterator<Item = &'a String>,
    allowed: &[String],
) -> Result<(), ConfigError> {
    for key in found {
        if !allowed.contains(key) {
            let nearest = allowed
                .iter()
                .map(|candidate| (distance(key, candidate), candidate))
                .filter(|(far, candidate)| *far <= candidate.len().max(key.len()) / 2)
                .min()
                .map(|(_, candidate)| candidate.clone());
            return Err(ConfigError::UnknownKey { place: place.to_owned(), key: key.clone(), nearest });
        }
    }
    Ok(())
}

/// How many letters must be changed, added or taken away to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        let mut next = vec![left];
        for (b, above) in to.chars().zip(row.iter().skip(1)) {
            let best = (diagonal.saturating_add(usize::from(a != b)))
                .min(left.saturating_add(1))
                .min(above.saturating_add(1));
            diagonal = *above;
            left = best;
            next.push(best);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_words_counts_letters() {
        assert_eq!(distance("hostname", "hostnames"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}

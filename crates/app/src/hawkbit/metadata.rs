//! Entries of metadata: set, removed and bounded in the same way whatever has them.

use std::collections::BTreeMap;

use super::{ENTRIES, NAME, VALUE, bounded, needed, refuse};
use crate::error::AppError;

/// Sets entries, and removes those that are none. `text`: what of an entry is bounded.
///
/// # Errors
/// A key or a value that cannot be taken, an entry to remove that is not there, or too many.
pub(super) fn change_metadata<E: Clone>(
    known: &mut BTreeMap<String, E>,
    changes: &[(String, Option<E>)],
    text: impl Fn(&E) -> &str,
) -> Result<(), AppError> {
    for (key, entry) in changes {
        let mut problems = Vec::new();
        needed("key", Some(key), NAME, &mut problems);
        bounded("value", entry.as_ref().map(&text), VALUE, &mut problems);
        refuse(problems)?;
        match entry {
            Some(entry) => drop(known.insert(key.clone(), entry.clone())),
            None => {
                known.remove(key).ok_or_else(|| AppError::not_found("metadata", key))?;
            }
        }
    }
    if known.len() > ENTRIES {
        let detail = format!("at most {ENTRIES} entries of metadata; remove some first");
        return Err(AppError::Quota { code: "hawkbit.metadata", detail });
    }
    Ok(())
}

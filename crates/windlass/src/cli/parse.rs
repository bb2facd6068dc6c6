//! Small languages of the command line: `key=value`, `20%`, `name@version`. Pure.

use std::time::Duration;

use windlass_api::jobs::WaveSize;
use windlass_api::releases::{ComponentName, NameVersion};

/// A key and its value.
pub(crate) type Assignment = (String, String);
/// A key and its new value; `None` removes it.
pub(crate) type Change = (String, Option<String>);

/// Reads `key=value`.
pub(crate) fn assignment(text: &str) -> Result<Assignment, String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not key=value"))?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Reads `key=value`, or `key=` for removal.
pub(crate) fn change(text: &str) -> Result<Change, String> {
    let (key, value) = assignment(text)?;
    Ok((key, (!value.is_empty()).then_some(value)))
}

/// `-` stands for none.
pub(crate) fn none_if_dash(text: String) -> Option<String> {
    (text != "-").then_some(text)
}

/// Reads `5`, `20%` or `rest`.
pub(crate) fn wave(text: &str) -> Result<WaveSize, String> {
    let wrong = || format!("{text:?} is neither a count such as 5, nor a share such as 20%, nor `rest`");
    if text == "rest" {
        return Ok(WaveSize::Rest);
    }
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent: u8 = percent.parse().map_err(|_| wrong())?;
            if (1..=100).contains(&percent) { Ok(WaveSize::Percent(percent)) } else { Err(wrong()) }
        }
        None => match text.parse() {
            Ok(count) if count > 0 => Ok(WaveSize::Count(count)),
            _ => Err(wrong()),
        },
    }
}

/// Reads `90s` or `90`.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let digits = text.strip_suffix('s').unwrap_or(text);
    match digits.parse() {
        Ok(seconds) if digits.bytes().all(|c| c.is_ascii_digit()) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("{text:?} is no number of seconds such as 90s")),
    }
}

/// Reads `name@version`.
pub(crate) fn name_version(text: &str) -> Result<NameVersion, String> {
    let (name, version) =
        text.split_once('@').ok_or_else(|| format!("{text:?} is not NAME@VERSION, such as pump@2.0"))?;
    Ok(NameVersion { name: name.to_owned(), version: version.to_owned() })
}

/// Reads `name@version`, with `type/` before it where there are several of them.
pub(crate) fn component(text: &str) -> Result<ComponentName, String> {
    let (component_type, named) = match text.split_once('/') {
        Some((component_type, named)) => (Some(component_type.to_owned()), named),
        None => (None, text),
    };
    Ok(ComponentName { component_type, ..name_version(named)?.into() })
}

/// Writes a component as [`component`] reads it.
pub(crate) fn component_text(component: &ComponentName) -> String {
    let ComponentName { name, version, component_type } = component;
    let before = component_type.as_ref().map(|named| format!("{named}/")).unwrap_or_default();
    format!("{before}{name}@{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_named_with_or_without_their_type() {
        let read = component("os/app@1.0@2").unwrap();
        assert_eq!((read.name.as_str(), read.version.as_str()), ("app", "1.0@2"));
        assert_eq!(read.component_type.as_deref(), Some("os"));
        assert_eq!(component("app@1").unwrap().component_type, None);
        assert!(component("os/app").is_err());
        for text in ["os/app@1.0@2", "app@1"] {
            assert_eq!(component_text(&component(text).unwrap()), text);
        }
    }

    #[test]
    fn assignments_split_at_the_first_equals_sign() {
        assert_eq!(assignment("site=a=b"), Ok(("site".to_owned(), "a=b".to_owned())));
        assert!(assignment("site").is_err());
        assert_eq!(change("site="), Ok(("site".to_owned(), None)));
        assert_eq!(change("site=x"), Ok(("site".to_owned(), Some("x".to_owned()))));
    }

    #[test]
    fn waves_are_counts_shares_or_the_rest() {
        assert_eq!(wave("5"), Ok(WaveSize::Count(5)));
        assert_eq!(wave("20%"), Ok(WaveSize::Percent(20)));
        assert_eq!(wave("rest"), Ok(WaveSize::Rest));
        for wrong in ["0", "0%", "101%", "-1", "half", "", "%"] {
            assert!(wave(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_may_have_their_unit() {
        assert_eq!(seconds("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        for wrong in ["", "s", "-1s", "+1", "1m", "1.5s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_component_is_a_name_and_a_version() {
        let parsed = name_version("app@2.0@rc1").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.version.as_str()), ("app", "2.0@rc1"));
        assert!(name_version("app").is_err());
    }
}

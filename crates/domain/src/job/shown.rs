//! Every version that a device shows, by component, whether a job is about it or not.
//!
//! By the same places and the same reading as verdicts ([`super::verdict`]). Knows no release: components are those that
//! the device names, or that its type's places are about. What an inventory has under a key that is only like a name
//! ([`AttributeKey::like`]) is told by its name where that is known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::device_type::VersionSource;
use crate::ids::{AttributeKey, ItemName};
use crate::job::verdict::{Said, inventory_key, seen_at};
use crate::spelling::composed;

/// Most components of one device that are told; the first ones by name.
pub const MOST: usize = 50;
/// Most characters of a version that is told; a longer text is no version.
pub const LONGEST: usize = 100;

const COMPONENT: &str = "{component}";

/// What a place without a component is about: `firmware.version` is about the firmware, and `version` says no more.
fn about(place: &str) -> &str {
    place.rsplit(['.', '_', '-']).find(|part| !part.is_empty() && *part != "version").unwrap_or(place)
}

/// The part of `name` that stands for a component where `pattern` has its mark.
fn component<'n>(pattern: &str, name: &'n str) -> Option<&'n str> {
    let (before, after) = pattern.split_once(COMPONENT)?;
    name.strip_prefix(before)?.strip_suffix(after).filter(|component| !component.is_empty())
}

/// The key under which a device's inventory keeps what the device calls so: one for each component that has a place of
/// these, so that no two are taken for one another.
pub fn kept_under(sources: &[VersionSource], text: &str) -> Option<AttributeKey> {
    let text = composed(text);
    let is_by_name = sources.iter().any(|source| match source {
        VersionSource::Inventory(place) => {
            component(place, &text).is_some_and(|name| name.parse::<AttributeKey>().is_err())
        }
        VersionSource::Reported(_) | VersionSource::Nowhere => false,
    });
    if is_by_name { AttributeKey::like(&text) } else { AttributeKey::replaced(&text) }
}

/// Whether a key may be one that is only like a name: such a one ends in 12 digits of a digest.
fn is_like(key: &AttributeKey) -> bool {
    let digit = |c: char| c.is_ascii_digit() || matches!(c, 'a'..='f');
    key.as_str().rsplit_once('-').is_some_and(|(_, end)| end.len() == 12 && end.chars().all(digit))
}

/// Whether it needs the names of components ([`shown`]) to tell what an inventory has.
pub fn needs_names(sources: &[VersionSource], inventory: &BTreeMap<AttributeKey, String>) -> bool {
    let has_mark = |source: &VersionSource| matches!(source, VersionSource::Inventory(place) if place.contains(COMPONENT));
    sources.iter().any(has_mark) && inventory.keys().any(is_like)
}

/// The components that a device names at a place which has a mark for them.
fn named(source: &VersionSource, said: Said<'_>, known: &[String]) -> BTreeSet<String> {
    let found = |pattern: &str, names: &mut dyn Iterator<Item = &str>| {
        names.filter_map(|name| component(pattern, name)).map(|name| composed(name).into_owned()).collect()
    };
    match source {
        VersionSource::Nowhere => BTreeSet::new(),
        VersionSource::Inventory(place) => {
            let mut keys: BTreeSet<&str> = said.inventory.keys().map(AttributeKey::as_str).collect();
            let mut names = BTreeSet::new();
            for name in known {
                let Some(key) = inventory_key(place, name).filter(is_like) else { continue };
                if keys.remove(key.as_str()) {
                    names.insert(name.clone());
                }
            }
            names.append(&mut found(place, &mut keys.into_iter()));
            names
        }
        VersionSource::Reported(path) => {
            let Some(section) = said.reported else { return BTreeSet::new() };
            let mut here = &section.values;
            for part in path.split('.') {
                if part.contains(COMPONENT) {
                    return found(part, &mut here.keys().map(String::as_str));
                }
                let Some(Value::Object(inner)) = here.get(part) else { break };
                here = inner;
            }
            BTreeSet::new()
        }
    }
}

/// A component and its version in one text, which [`apart`] takes apart: blanks of the name become no-break ones, which
/// queries do not tell from others.
pub fn together(component: &str, version: &str) -> String {
    format!("{} {version}", component.replace(' ', "\u{a0}"))
}

/// What [`together`] put together.
pub fn apart(text: &str) -> Option<(String, &str)> {
    let (component, version) = text.split_once(' ')?;
    Some((component.replace('\u{a0}', " "), version))
}

/// The versions that show, by component: the first place that has one for a component decides. `known`: names of
/// components, for what an inventory has under keys that are only like them.
pub fn shown(sources: &[VersionSource], said: Said<'_>, known: &[String]) -> BTreeMap<String, String> {
    let mut shown = BTreeMap::new();
    for source in sources {
        let (VersionSource::Reported(place) | VersionSource::Inventory(place)) = source else { break };
        let components = if place.contains(COMPONENT) {
            named(source, said, known)
        } else {
            BTreeSet::from([about(place).to_owned()])
        };
        for component in components {
            // What is no name is none of a component's.
            if shown.contains_key(&component) || component.parse::<ItemName>().is_err() {
                continue;
            }
            let seen =
                seen_at(source, &component, said).filter(|seen| seen.version.chars().count() <= LONGEST);
            if let Some(seen) = seen {
                shown.insert(component, seen.version);
            }
        }
    }
    shown.into_iter().take(MOST).collect()
}

/// Whether something that was just reported may change what shows.
pub fn may_change(sources: &[VersionSource], reported: &crate::shadow::Object) -> bool {
    sources.iter().any(|source| match source {
        VersionSource::Reported(path) => {
            let first = path.split('.').next().unwrap_or_default();
            first.contains(COMPONENT) || reported.contains_key(first)
        }
        VersionSource::Inventory(_) | VersionSource::Nowhere => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::device_type::TypeSpec;
    use crate::shadow::Section;

    fn of(sources: &[VersionSource], reported: &Value) -> Vec<(String, String)> {
        let inventory = [("fw.app", "7"), ("fw.", "8"), ("os_version", "12")];
        let inventory =
            inventory.iter().filter_map(|(key, v)| Some((key.parse().ok()?, (*v).to_owned()))).collect();
        let section = Section { values: reported.as_object().unwrap().clone(), ..Section::default() };
        shown(sources, Said { reported: Some(&section), inventory: &inventory }, &[]).into_iter().collect()
    }

    fn pair(component: &str, version: &str) -> (String, String) {
        (component.to_owned(), version.to_owned())
    }

    #[test]
    fn what_a_device_shows_is_read_at_the_places_of_its_type() {
        let reported = json!({"firmware": {"version": "1.2"}, "components": {"app": "3", "modem": 4}});
        let all = [pair("app", "3"), pair("firmware", "1.2"), pair("modem", "4")];
        assert_eq!(of(&TypeSpec::default().version_sources, &reported), all);
        let inventory = [
            VersionSource::Inventory("fw.{component}".to_owned()),
            VersionSource::Reported("components.{component}".to_owned()),
            VersionSource::Inventory("os_version".to_owned()),
        ];
        let first = [pair("app", "7"), pair("modem", "4"), pair("os", "12")];
        assert_eq!(of(&inventory, &reported), first, "the first place decides");
        assert_eq!(of(&[VersionSource::Nowhere], &reported), []);
        let plain = [VersionSource::Reported("version".to_owned())];
        assert_eq!(of(&plain, &json!({"version": "5"})), [pair("version", "5")]);
    }

    #[test]
    fn what_is_no_name_or_no_version_is_not_told_and_there_is_a_bound() {
        let long = "9".repeat(LONGEST + 1);
        let odd = json!({
            "firmware": {"version": {"major": 1}},
            "components": {"two  <b>": "1", "\u{a0}": "1", "a\nb": "1", "": "2", "list": [1], "no": null, "yes": true, "long": long, "empty": ""},
        });
        assert_eq!(of(&TypeSpec::default().version_sources, &odd), []);
        let many: serde_json::Map<String, Value> = (0..200).map(|n| (format!("c{n}"), json!("1"))).collect();
        let told = of(&TypeSpec::default().version_sources, &json!({"components": many}));
        assert_eq!(told.len(), MOST);
        assert_eq!(of(&TypeSpec::default().version_sources, &json!({"components": "1"})), []);
    }

    #[test]
    fn names_with_blanks_show_at_every_place_and_can_be_told_from_versions() {
        let name = "Firmware for Pump 펌웨어";
        let reported = of(&TypeSpec::default().version_sources, &json!({"components": {name: "1.0 beta"}}));
        assert_eq!(reported, [pair(name, "1.0 beta")]);
        let key = AttributeKey::like("fw.Firmware for Pump 펌웨어").unwrap();
        let inventory = [(key, "1.0 beta".to_owned()), ("fw.app".parse().unwrap(), "7".to_owned())].into();
        let said = Said { reported: None, inventory: &inventory };
        let source = [VersionSource::Inventory("fw.{component}".to_owned())];
        assert!(needs_names(&source, &inventory));
        let known = ["app".to_owned(), name.to_owned(), "Firmware for Pump 밸브웨".to_owned()];
        let told: Vec<_> = shown(&source, said, &known).into_iter().collect();
        assert_eq!(told, [pair(name, "1.0 beta"), pair("app", "7")], "as it is called, not as its key is");
        let told = together(name, "1.0 beta");
        assert_eq!(apart(&told), Some((name.to_owned(), "1.0 beta")));
        assert_eq!(apart("app 2.0 beta"), Some(("app".to_owned(), "2.0 beta")));
        assert_eq!(apart("none"), None);
    }

    #[test]
    fn only_keys_that_are_like_names_need_them() {
        let source = [VersionSource::Inventory("fw.{component}".to_owned())];
        let of = |key: &str| BTreeMap::from([(key.parse().unwrap(), "1".to_owned())]);
        assert!(
            !needs_names(&source, &of("fw.app-2")) && !needs_names(&source, &of("fw.App_2-0123456789AB"))
        );
        assert!(needs_names(&source, &of("fw.App_2-0123456789ab")));
        assert!(!needs_names(&[VersionSource::Nowhere], &of("fw.App_2-0123456789ab")));
        let plain = VersionSource::Inventory("version".to_owned());
        assert!(!needs_names(&[plain], &of("fw.App_2-0123456789ab")));
    }

    #[test]
    fn names_show_with_their_marks_put_together_however_devices_spell_them() {
        let reported = json!({"components": {"Pu\u{308}mpe": "1.0 be\u{301}"}});
        assert_eq!(of(&TypeSpec::default().version_sources, &reported), [pair("Pümpe", "1.0 bé")]);
    }

    #[test]
    fn only_what_is_at_a_place_of_the_type_may_change_it() {
        let sources = TypeSpec::default().version_sources;
        let said = |value: Value| may_change(&sources, value.as_object().unwrap());
        assert!(said(json!({"firmware": {"version": "2"}})) && said(json!({"components": null})));
        assert!(!said(json!({"temperature": 4})) && !said(json!({})));
    }
}

//! What is true of an update: the versions that are seen running, against those that should run.
//!
//! Where a version shows is said by the device type. Knows no protocol: it is handed the reported side of the
//! classic shadow, with the times at which its members were reported, and the inventory.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::device_type::VersionSource;
use crate::ids::AttributeKey;
use crate::job::states::Verdict;
use crate::shadow::{Object, Section, Stamp};
use crate::spelling::composed;
use crate::time::Timestamp;

/// Most components that are named of which something else shows.
const INSTEAD: usize = 3;

/// What should run after an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The release's version.
    pub release: String,
    /// Components by name, with their versions.
    pub components: Vec<(String, String)>,
}

/// A version that a device was seen running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// As the device wrote it, with letters and marks put together.
    pub version: String,
    /// When the device said so, to the second; unknown for inventory.
    pub reported_at: Option<Timestamp>,
    /// Whether it is that of this component, or of the device's firmware as a whole.
    pub own: bool,
}

/// Where the versions of a release's components stand on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Running {
    /// The type has no place where they show.
    Nowhere,
    /// Those that show, by component.
    Shown(BTreeMap<String, Seen>),
}

/// What a device has said of itself.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The reported side of the classic shadow.
    pub reported: Option<&'a Section>,
    /// Its inventory.
    pub inventory: &'a BTreeMap<AttributeKey, String>,
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(composed(text).into_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The member of that name, and as the device spells it: names are compared with letters and marks put together.
fn member<'v>(values: &'v Object, name: &str) -> Option<(&'v str, &'v Value)> {
    let exact = values.get_key_value(name);
    let found = exact.or_else(|| {
        if name.is_ascii() { None } else { values.iter().find(|(key, _)| composed(key) == name) }
    });
    found.map(|(key, value)| (key.as_str(), value))
}

/// The value at a dotted path, with the time at which it was reported.
fn reported(section: &Section, path: &str, component: &str) -> Option<(String, Option<Timestamp>)> {
    let mut parts = path.split('.').map(|part| part.replace("{component}", component));
    let (first, mut value) = member(&section.values, &parts.next()?)?;
    let mut stamp = section.stamps.get(first);
    for part in parts {
        let (key, inner) = member(value.as_object()?, &part)?;
        value = inner;
        stamp = match stamp {
            Some(Stamp::Keys(keys)) => keys.get(key),
            Some(Stamp::At(_)) | None => None,
        };
    }
    let at = match stamp {
        Some(Stamp::At(at)) => Some(*at),
        Some(Stamp::Keys(_)) | None => None,
    };
    Some((text(value)?, at))
}

fn names_component(source: &VersionSource) -> bool {
    match source {
        VersionSource::Reported(place) | VersionSource::Inventory(place) => place.contains("{component}"),
        VersionSource::Nowhere => false,
    }
}

/// The key at which inventories have a component's version: one for each component. None where it is too long for one.
pub(super) fn inventory_key(place: &str, component: &str) -> Option<AttributeKey> {
    let text = place.replace("{component}", component);
    let is_by_name = place.contains("{component}") && component.parse::<AttributeKey>().is_err();
    if is_by_name { AttributeKey::like(&text) } else { AttributeKey::replaced(&text) }
}

/// What a device shows of a component at one place. Of a name that is no key its inventory has one like it.
pub(super) fn seen_at(source: &VersionSource, component: &str, said: Said<'_>) -> Option<Seen> {
    let own = names_component(source);
    match source {
        VersionSource::Nowhere => None,
        VersionSource::Reported(path) => {
            let (version, reported_at) = reported(said.reported?, path, component)?;
            Some(Seen { version, reported_at, own })
        }
        VersionSource::Inventory(key) => {
            let version = said.inventory.get(&inventory_key(key, component)?)?;
            Some(Seen { version: composed(version).into_owned(), reported_at: None, own })
        }
    }
}

impl Expected {
    /// Finds what runs, as the device type's sources say: in order, the first that has a value decides. For a release of
    /// several components, sources that name the component come before those that tell one version for all.
    pub fn look(&self, sources: &[VersionSource], said: Said<'_>) -> Running {
        let mut sources: Vec<&VersionSource> = sources.iter().collect();
        if self.components.len() > 1 {
            sources.sort_by_key(|source| !names_component(source));
        }
        let mut shown = BTreeMap::new();
        for (component, _) in &self.components {
            let mut nowhere = true;
            for source in &sources {
                if **source == VersionSource::Nowhere {
                    nowhere = true;
                    break;
                }
                nowhere = false;
                if let Some(seen) = seen_at(source, component, said) {
                    shown.insert(component.clone(), seen);
                    break;
                }
            }
            if nowhere {
                return Running::Nowhere;
            }
        }
        Running::Shown(shown)
    }

    fn is_new(&self, wanted: &str, seen: &Seen) -> bool {
        seen.version == wanted || (!seen.own && seen.version == self.release)
    }

    /// Whether every component was seen in its new version.
    pub fn is_running(&self, running: &Running) -> bool {
        match running {
            Running::Nowhere => false,
            Running::Shown(shown) => {
                !self.components.is_empty()
                    && self.components.iter().all(|(component, wanted)| {
                        shown.get(component).is_some_and(|seen| self.is_new(wanted, seen))
                    })
            }
        }
    }

    /// The verdict at the moment at which the device says that it succeeded. What it reported before says nothing
    /// against it: it may be about to restart.
    pub fn at_success(&self, running: &Running) -> (Verdict, String) {
        if *running == Running::Nowhere {
            let reason = "the device type has no place where a version shows";
            return (Verdict::Unverifiable, reason.to_owned());
        }
        if self.is_running(running) {
            (Verdict::Verified, String::new())
        } else {
            (Verdict::Pending, String::new())
        }
    }

    /// The verdict on what is seen after success. `just_said`: what the report says that is being looked at, which came
    /// after the success whatever the clock says; `before`: the versions seen at the offer; `succeeded_at`: of the rest,
    /// only what was reported in a later second counts against it. Of a component that showed no version at the offer any
    /// but the new one counts: none is known that it could have had beside the old one.
    pub fn after_success(
        &self,
        running: &Running,
        just_said: &Running,
        before: &BTreeMap<String, String>,
        succeeded_at: Timestamp,
    ) -> (Verdict, String) {
        let (verdict, reason) = self.at_success(running);
        if verdict != Verdict::Pending {
            return (verdict, reason);
        }
        let old = self.shown(running).find(|(component, wanted, seen)| {
            let fresh = just_said.version_of(component) == Some(&seen.version)
                || seen.reported_at.is_some_and(|at| at.seconds() > succeeded_at.seconds());
            fresh && self.is_old(component, wanted, seen, before)
        });
        old.map_or((Verdict::Pending, String::new()), |(component, wanted, seen)| {
            let again = if before.contains_key(component) { " again" } else { "" };
            (Verdict::RolledBack, format!("{component} runs {}{again} instead of {wanted}", seen.version))
        })
    }

    /// What speaks against success in what a device says that may not have restarted yet. Empty if nothing does; none if
    /// it says nothing of this.
    pub fn doubt(
        &self,
        running: &Running,
        just_said: &Running,
        before: &BTreeMap<String, String>,
    ) -> Option<String> {
        let is_said =
            |component: &String, seen: &Seen| just_said.version_of(component) == Some(&seen.version);
        let mut said = self.shown(running).filter(|(component, _, seen)| is_said(component, seen)).peekable();
        said.peek()?;
        let old = said.find(|(component, wanted, seen)| self.is_old(component, wanted, seen, before));
        Some(old.map_or(String::new(), |(component, wanted, seen)| {
            let still = if before.contains_key(component) { " still" } else { "" };
            format!("{component}{still} says {} instead of {wanted}", seen.version)
        }))
    }

    /// What shows in place of the new versions, in words; none if nothing else shows.
    pub fn instead(&self, running: &Running) -> Option<String> {
        let others = self.shown(running).filter(|(_, wanted, seen)| !self.is_new(wanted, seen));
        let words: Vec<String> = others
            .take(INSTEAD)
            .map(|(component, wanted, seen)| {
                format!("{component} shows {} instead of {wanted}", seen.version)
            })
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// Components that show, with the version that they should have and the one that was seen.
    fn shown<'a>(&'a self, running: &'a Running) -> impl Iterator<Item = (&'a String, &'a String, &'a Seen)> {
        self.components.iter().filter_map(move |(component, wanted)| match running {
            Running::Nowhere => None,
            Running::Shown(shown) => shown.get(component).map(|seen| (component, wanted, seen)),
        })
    }

    fn is_old(&self, component: &str, wanted: &str, seen: &Seen, before: &BTreeMap<String, String>) -> bool {
        let was_there = before.get(component).is_none_or(|before| *before == seen.version);
        was_there && !self.is_new(wanted, seen)
    }
}

impl Running {
    fn version_of(&self, component: &str) -> Option<&String> {
        match self {
            Self::Nowhere => None,
            Self::Shown(shown) => shown.get(component).map(|seen| &seen.version),
        }
    }

    /// The versions by component, to be remembered at the offer.
    pub fn versions(&self) -> BTreeMap<String, String> {
        match self {
            Self::Nowhere => BTreeMap::new(),
            Self::Shown(shown) => {
                shown.iter().map(|(component, seen)| (component.clone(), seen.version.clone())).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::device_type::TypeSpec;
    use crate::shadow::Stamps;

    fn expected(components: &[(&str, &str)]) -> Expected {
        Expected {
            release: "2.0".to_owned(),
            components: components.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        }
    }

    fn stamps(values: &Map<String, Value>, at: i64) -> Stamps {
        values
            .iter()
            .map(|(key, value)| {
                let stamp = match value {
                    Value::Object(inner) => Stamp::Keys(stamps(inner, at)),
                    _ => Stamp::At(Timestamp::from_seconds(at)),
                };
                (key.clone(), stamp)
            })
            .collect()
    }

    fn look_at(expected: &Expected, sources: &[VersionSource], reported: &Value, at: i64) -> Running {
        let inventory = BTreeMap::from([("fw.app".parse().unwrap(), "7".to_owned())]);
        let values = reported.as_object().unwrap().clone();
        let section = Section { stamps: stamps(&values, at), values };
        expected.look(sources, Said { reported: Some(&section), inventory: &inventory })
    }

    fn look(expected: &Expected, sources: &[VersionSource], reported: &Value) -> Running {
        look_at(expected, sources, reported, 0)
    }

    #[test]
    fn the_first_source_with_a_value_decides() {
        let app = expected(&[("app", "2.0")]);
        let sources = TypeSpec::default().version_sources;
        let both = json!({"firmware": {"version": "2.0"}, "components": {"app": "1.0"}});
        assert!(app.is_running(&look(&app, &sources, &both)));
        let second = json!({"components": {"app": "2.0"}});
        assert!(app.is_running(&look(&app, &sources, &second)));
        assert_eq!(look(&app, &sources, &json!({})), Running::Shown(BTreeMap::new()));
        let inventory = [VersionSource::Inventory("fw.{component}".to_owned())];
        assert_eq!(look(&app, &inventory, &json!({})).versions()["app"], "7");
    }

    #[test]
    fn a_dot_in_a_components_name_is_part_of_the_name() {
        let odd = expected(&[("a.b", "2.0")]);
        let running =
            look(&odd, &TypeSpec::default().version_sources, &json!({"components": {"a.b": "2.0"}}));
        assert!(odd.is_running(&running));
    }

    #[test]
    fn components_of_equal_length_are_seen_each_under_its_own_key() {
        let sources = [VersionSource::Inventory("fw.{component}".to_owned())];
        let said = [("fw.밸브", "1.0"), ("fw.펌프", "2.0"), ("fw.app 2", "3.0")];
        let inventory = said.map(|(name, version)| (AttributeKey::like(name).unwrap(), version.to_owned()));
        let inventory = BTreeMap::from(inventory);
        let seen = |component: &str| {
            let running = expected(&[(component, "2.0")])
                .look(&sources, Said { reported: None, inventory: &inventory });
            running.versions().get(component).cloned()
        };
        assert_eq!(seen("밸브").as_deref(), Some("1.0"));
        assert_eq!(seen("펌프").as_deref(), Some("2.0"));
        assert_eq!((seen("app 2").as_deref(), seen("app_2")), (Some("3.0"), None));
    }

    #[test]
    fn names_and_versions_are_compared_with_their_marks_put_together() {
        let pump = expected(&[("Pümpe", "1.0 bé")]);
        let reported = json!({"components": {"Pu\u{308}mpe": "1.0 be\u{301}"}});
        let running = look_at(&pump, &TypeSpec::default().version_sources, &reported, 200);
        assert!(pump.is_running(&running));
        let Running::Shown(shown) = &running else { panic!("nowhere") };
        assert_eq!(shown["Pümpe"].reported_at, Some(Timestamp::from_seconds(200)));
        let inventory = [(AttributeKey::like("fw.Pu\u{308}mpe").unwrap(), "1.0 be\u{301}".to_owned())].into();
        let sources = [VersionSource::Inventory("fw.{component}".to_owned())];
        assert!(pump.is_running(&pump.look(&sources, Said { reported: None, inventory: &inventory })));
    }

    #[test]
    fn one_version_for_all_may_be_the_releases() {
        let two = expected(&[("os", "11"), ("app", "5")]);
        let sources = TypeSpec::default().version_sources;
        assert!(two.is_running(&look(&two, &sources, &json!({"firmware": {"version": "2.0"}}))));
        let own = json!({"firmware": {"version": "9"}, "components": {"os": "11", "app": "5"}});
        assert!(two.is_running(&look(&two, &sources, &own)));
        let half = json!({"components": {"os": "11", "app": "4"}});
        assert!(!two.is_running(&look(&two, &sources, &half)));
    }

    #[test]
    fn nowhere_to_look_is_unverifiable_at_once() {
        let app = expected(&[("app", "2.0")]);
        for sources in [&[][..], &[VersionSource::Nowhere][..]] {
            let running = look(&app, sources, &json!({}));
            assert_eq!(app.at_success(&running).0, Verdict::Unverifiable);
        }
    }

    #[test]
    fn only_an_old_version_reported_after_success_is_a_rollback() {
        let app = expected(&[("app", "2.0")]);
        let sources = TypeSpec::default().version_sources;
        let before = BTreeMap::from([("app".to_owned(), "1.0".to_owned())]);
        let seen =
            |version: &str, at: i64| look_at(&app, &sources, &json!({"firmware": {"version": version}}), at);
        let (done, silent) = (Timestamp::from_seconds(100), Running::Shown(BTreeMap::new()));
        assert_eq!(app.after_success(&seen("1.0", 99), &silent, &before, done).0, Verdict::Pending);
        assert_eq!(app.after_success(&seen("1.0", 100), &silent, &before, done).0, Verdict::Pending);
        let (verdict, reason) = app.after_success(&seen("1.0", 101), &silent, &before, done);
        assert_eq!((verdict, reason.as_str()), (Verdict::RolledBack, "app runs 1.0 again instead of 2.0"));
        let same_second = app.after_success(&seen("1.0", 100), &seen("1.0", 100), &before, done);
        assert_eq!(same_second.0, Verdict::RolledBack, "the report itself is newer than the success");
        assert_eq!(app.after_success(&seen("3.0", 101), &silent, &before, done).0, Verdict::Pending);
        assert_eq!(app.after_success(&seen("2.0", 90), &silent, &before, done).0, Verdict::Verified);
    }

    #[test]
    fn where_none_was_known_before_any_other_version_that_is_said_after_success_is_the_old_one() {
        let app = expected(&[("app", "2.0")]);
        let sources = TypeSpec::default().version_sources;
        let seen =
            |version: &str, at: i64| look_at(&app, &sources, &json!({"firmware": {"version": version}}), at);
        let (done, silent) = (Timestamp::from_seconds(100), Running::Shown(BTreeMap::new()));
        let unknown = BTreeMap::new();
        assert_eq!(app.after_success(&seen("1.0", 100), &silent, &unknown, done).0, Verdict::Pending);
        assert_eq!(app.after_success(&silent, &silent, &unknown, done).0, Verdict::Pending);
        let (verdict, reason) = app.after_success(&seen("1.0", 101), &silent, &unknown, done);
        assert_eq!((verdict, reason.as_str()), (Verdict::RolledBack, "app runs 1.0 instead of 2.0"));
        assert_eq!(app.after_success(&seen("2.0", 101), &silent, &unknown, done).0, Verdict::Verified);
        let said = seen("1.0", 101);
        assert_eq!(app.doubt(&said, &said, &unknown).unwrap(), "app says 1.0 instead of 2.0");
    }

    #[test]
    fn what_shows_in_place_of_new_versions_is_named_and_nothing_else() {
        let two = expected(&[("app", "2.0"), ("os", "11")]);
        let sources = [VersionSource::Inventory("fw.{component}".to_owned())];
        let instead = |said: &[(&str, &str)]| {
            let said = said.iter().map(|(key, version)| (key.parse().unwrap(), (*version).to_owned()));
            two.instead(&two.look(&sources, Said { reported: None, inventory: &said.collect() }))
        };
        assert_eq!(instead(&[("fw.app", "1.5"), ("fw.os", "11")]).unwrap(), "app shows 1.5 instead of 2.0");
        let both = instead(&[("fw.app", "1.5"), ("fw.os", "10")]).unwrap();
        assert_eq!(both, "app shows 1.5 instead of 2.0, os shows 10 instead of 11");
        assert_eq!(instead(&[("fw.app", "2.0"), ("fw.os", "11")]), None);
        assert_eq!(instead(&[]), None);
        assert_eq!(two.instead(&Running::Nowhere), None);
    }

    #[test]
    fn an_old_version_that_is_said_before_a_restart_is_a_doubt_and_silence_is_none() {
        let two = expected(&[("app", "2.0"), ("os", "11")]);
        let sources = [VersionSource::Inventory("fw.{component}".to_owned())];
        let look = |said: &[(&str, &str)]| {
            let said = said.iter().map(|(key, version)| (key.parse().unwrap(), (*version).to_owned()));
            two.look(&sources, Said { reported: None, inventory: &said.collect() })
        };
        let before =
            BTreeMap::from([("app".to_owned(), "1.0".to_owned()), ("os".to_owned(), "10".to_owned())]);
        let running = look(&[("fw.app", "1.0"), ("fw.os", "11")]);
        assert_eq!(two.doubt(&running, &look(&[("hw", "r1")]), &before), None);
        assert_eq!(two.doubt(&running, &look(&[("fw.os", "11")]), &before).unwrap(), "");
        let both = two.doubt(&running, &look(&[("fw.app", "1.0"), ("fw.os", "11")]), &before);
        assert_eq!(both.unwrap(), "app still says 1.0 instead of 2.0");
        assert_eq!(two.doubt(&running, &Running::Nowhere, &before), None);
        let third = look(&[("fw.app", "3.0")]);
        assert_eq!(two.doubt(&third, &third, &before).unwrap(), "", "a third version is no fall back");
    }

    #[test]
    fn a_forced_reinstall_of_the_same_version_is_no_rollback() {
        let app = expected(&[("app", "2.0")]);
        let before = BTreeMap::from([("app".to_owned(), "2.0".to_owned())]);
        let reported = json!({"firmware": {"version": "2.0"}});
        let running = look_at(&app, &TypeSpec::default().version_sources, &reported, 200);
        assert_eq!(
            app.after_success(&running, &running, &before, Timestamp::from_seconds(100)).0,
            Verdict::Verified
        );
    }
}

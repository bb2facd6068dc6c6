//! What devices say of themselves: attributes, which are their inventory, and what they run. Both may prove an update.

use std::collections::BTreeMap;

use windlass_domain::device_type::VersionSource;
use windlass_domain::ids::AttributeKey;
use windlass_domain::job::shown::kept_under;
use windlass_domain::job::{ExecutionState, Handling, Word};
use windlass_domain::spelling::composed;
use windlass_domain::time::Timestamp;
use windlass_store::ddi::{AutoConfirm, Installed, Target};
use windlass_store::{StoreError, Tx, ddi as table, devices, executions, jobs, releases};
use windlass_wire::ddi::{ConfigData, Initiator, InstalledBase, Mode};

use super::action::Failed;
use super::installed::{self, LOOKED_AT};
use super::peer::DdiPeer;
use super::poll::{Open, agree, open};
use super::report::busy;
use crate::app::App;
use crate::jobs::verify::{self, JustSaid};
use crate::jobs::{ends, release_of, versions};
use crate::message::Effects;

/// Most characters of a key and of a value.
const LONGEST: usize = 128;
/// Most attributes of a device, beside those two that say what it runs.
const MOST: usize = 100;
/// What a device says that it runs is kept under two keys that begin so: attributes that are sent anew leave them.
const INSTALLED: &str = "installedBase.";
/// How the two go on.
const NAME: &str = "name";
const VERSION: &str = "version";

/// A key as the inventory of a device has it, whose type has these places.
fn key(text: &str, places: &[VersionSource]) -> Result<AttributeKey, Failed> {
    let text = composed(text);
    let bad = || Failed::Bad(format!("a key has 1 to {LONGEST} characters"));
    if text.is_empty() || text.chars().count() > LONGEST {
        return Err(bad());
    }
    kept_under(places, &text).ok_or_else(bad)
}

/// Whether a key is one of those that say what a device runs.
fn is_installed(key: &AttributeKey) -> bool {
    key.as_str().strip_prefix(INSTALLED).is_some_and(|rest| rest == NAME || rest == VERSION)
}

/// The inventory after what the device says.
fn applied(
    before: &BTreeMap<AttributeKey, String>,
    said: &ConfigData,
    places: &[VersionSource],
) -> Result<BTreeMap<AttributeKey, String>, Failed> {
    let ConfigData { mode, data } = said;
    let mut after = match mode {
        Mode::Replace => {
            let installed = before.iter().filter(|(key, _)| is_installed(key));
            installed.map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        Mode::Merge | Mode::Remove => before.clone(),
    };
    let mut names: BTreeMap<AttributeKey, &String> = BTreeMap::new();
    for (name, value) in data {
        let key = key(name, places)?;
        if let Some(other) = names.insert(key.clone(), name).filter(|other| *other != name) {
            return Err(Failed::Bad(format!(
                "{other} and {name} would both be kept as {key}: only letters, digits and : _ . - tell keys apart"
            )));
        }
        // Under what a component was kept while its name had no key of its own.
        let before = AttributeKey::replaced(name).filter(|before| *before != key);
        if let Some(before) = before.filter(|before| !data.iter().any(|(name, _)| name == before.as_str())) {
            after.remove(&before);
        }
        match value {
            Some(value) if value.chars().count() > LONGEST => {
                return Err(Failed::Bad(format!("the value of {name} has more than {LONGEST} characters")));
            }
            Some(value) if *mode != Mode::Remove => drop(after.insert(key, value.clone())),
            Some(_) | None => drop(after.remove(&key)),
        }
    }
    if after.keys().filter(|key| !is_installed(key)).count() > MOST {
        return Err(Failed::TooMany(format!("a device has at most {MOST} attributes")));
    }
    Ok(after)
}

/// What this message says, and nothing that the device said before: what it takes away it says nothing of.
fn just_said(said: &ConfigData, places: &[VersionSource]) -> Result<BTreeMap<AttributeKey, String>, Failed> {
    let ConfigData { mode, data } = said;
    let told = data.iter().filter(|_| *mode != Mode::Remove);
    told.filter_map(|(name, value)| Some((name, value.clone()?)))
        .map(|(name, value)| Ok((key(name, places)?, value)))
        .collect()
}

async fn config_data_in(
    tx: &mut Tx<'_>,
    peer: &DdiPeer,
    said: &ConfigData,
    now: Timestamp,
) -> Result<(Effects, bool), Failed> {
    let mut device = devices::device_by_id(tx, peer.device).await?.ok_or(Failed::NotFound)?;
    let places = verify::places(tx, &device).await?;
    let inventory = applied(&device.inventory, said, &places)?;
    let changed = inventory != device.inventory;
    if changed {
        device.inventory.clone_from(&inventory);
        if !devices::device_save(tx, &mut device, now).await? {
            return Err(Failed::Conflict("somebody else changed the device just now; send it again"));
        }
    }
    let effects =
        verify::observe(tx, peer.device, JustSaid::Attributes(&just_said(said, &places)?), now).await?;
    // It may have answered before its restart: until its new version shows there, it is asked at each poll.
    let attributes_wanted = verify::looks_at_attributes(tx, &device).await?
        && !executions::verifying(tx, peer.device).await?.is_empty();
    let target = table::target(tx, peer.device).await?;
    if target.attributes_wanted != attributes_wanted {
        table::target_put(tx, peer.device, &Target { attributes_wanted, ..target }).await?;
    }
    if changed {
        versions::note(tx, peer.device).await?;
    }
    Ok((effects, changed))
}

/// Whether what the device says that it runs is what it is at work on: after its restart, before it closed that.
async fn is_under_way(
    tx: &mut Tx<'_>,
    peer: &DdiPeer,
    said: &InstalledBase,
    now: Timestamp,
) -> Result<bool, StoreError> {
    for Open { execution, job } in open(tx, peer.device, now).await? {
        let has_begun = execution.state == ExecutionState::InProgress
            || table::served(tx, execution.id).await?.retrieved_at.is_some();
        if !has_begun {
            continue;
        }
        let Some(release) = release_of(tx, &job).await? else { continue };
        if release.name.as_str() == said.name && release.version.as_str() == said.version {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Judges what the device finished by what it says that it runs. That speaks of nothing but its own name, and against
/// the newest update of that name only: the earlier ones made room for it, as the newest does for one under way.
async fn judge(
    tx: &mut Tx<'_>,
    peer: &DdiPeer,
    said: &InstalledBase,
    now: Timestamp,
) -> Result<Effects, StoreError> {
    let (mut effects, mut is_newest) = (Effects::default(), !is_under_way(tx, peer, said, now).await?);
    for execution in executions::finished_updates(tx, peer.device, LOOKED_AT).await? {
        let Some(job) = jobs::get_any(tx, execution.job).await? else { continue };
        let Some(release) = release_of(tx, &job).await? else { continue };
        if release.name.as_str() != said.name || job.spec.rollout.handling == Handling::DownloadOnly {
            continue;
        }
        let wanted = release.version.as_str();
        let InstalledBase { name, version } = said;
        let doubt = format!("the device still says that it runs {name} {version} instead of {wanted}");
        let word = if wanted == version { Word::This } else { Word::Other(&doubt) };
        let counts = word == Word::This || is_newest;
        is_newest = false;
        let until = verify::counts_until(tx, &job, &execution).await?;
        let told = execution.told(word, until, now).filter(|_| counts);
        if let Some(told) = told
            && executions::update(tx, &execution, &told).await?
            && told.verdict != execution.verdict
        {
            ends::tell(tx, &job, &execution, &told, now).await?;
            effects.reconcile.push(job.id);
        }
    }
    Ok(effects)
}

/// What came of what a device says that it runs.
#[derive(Debug)]
struct Told {
    effects: Effects,
    /// It is another one than was known.
    is_news: bool,
    /// The inventory says something else than before.
    changed: bool,
    /// There is such a release.
    is_known: bool,
}

async fn installed_in(
    tx: &mut Tx<'_>,
    peer: &DdiPeer,
    said: &InstalledBase,
    now: Timestamp,
) -> Result<Told, Failed> {
    let mut device = devices::device_by_id(tx, peer.device).await?.ok_or(Failed::NotFound)?;
    let target = table::target(tx, peer.device).await?;
    let same = |one: &Installed| one.name == said.name && one.version == said.version;
    let is_news = !target.installed.as_ref().is_some_and(same);
    if is_news {
        let InstalledBase { name, version } = said.clone();
        let brought = installed::last(tx, peer.device, Some((name.as_str(), version.as_str()))).await?;
        let execution = brought.and_then(|brought| brought.execution);
        let installed = Installed { name, version, execution, at: now };
        table::target_put(tx, peer.device, &Target { installed: Some(installed), ..target }).await?;
    }
    // A success that was believed made it known already, and never went into the inventory, which is the device's word.
    let before = device.inventory.clone();
    for (name, value) in [(NAME, &said.name), (VERSION, &said.version)] {
        device.inventory.insert(key(&format!("{INSTALLED}{name}"), &[])?, value.clone());
    }
    let changed = device.inventory != before;
    if changed {
        if !devices::device_save(tx, &mut device, now).await? {
            return Err(Failed::Conflict("somebody else changed the device just now; send it again"));
        }
        versions::note(tx, peer.device).await?;
    }
    let is_known = releases::release(tx, device.tenant, &said.name, &said.version).await?.is_some();
    Ok(Told { effects: judge(tx, peer, said, now).await?, is_news, changed, is_known })
}

impl App {
    /// Takes the attributes of a device.
    ///
    /// # Errors
    /// `Bad` for keys and values that are too long, `TooMany`, or `Unavailable`.
    pub async fn ddi_config_data(&self, peer: &DdiPeer, said: ConfigData) -> Result<(), Failed> {
        self.ddi_seen(peer).await.map_err(|_| Failed::Unavailable(busy()))?;
        let (who, now) = (peer.clone(), self.clock.now());
        let (effects, changed) = self
            .store
            .write(move |tx| {
                let (peer, said) = (who.clone(), said.clone());
                Box::pin(async move { config_data_in(tx, &peer, &said, now).await })
            })
            .await?;
        if changed {
            self.fleet.refresh_devices(&self.store, [peer.device]).await?;
        }
        self.ddi_settle(peer, effects);
        Ok(())
    }

    /// Takes what a device says that it runs. True if that is news.
    ///
    /// # Errors
    /// `Bad` for names that are too long, `UnknownRelease` once it is noted what the device said, or `Unavailable`.
    pub async fn ddi_installed_base(&self, peer: &DdiPeer, said: InstalledBase) -> Result<bool, Failed> {
        self.ddi_seen(peer).await.map_err(|_| Failed::Unavailable(busy()))?;
        let InstalledBase { name, version } = &said;
        let said =
            InstalledBase { name: composed(name).into_owned(), version: composed(version).into_owned() };
        if said.name.chars().count() > LONGEST || said.version.chars().count() > LONGEST {
            return Err(Failed::Bad(format!("name and version have at most {LONGEST} characters")));
        }
        let (who, now) = (peer.clone(), self.clock.now());
        let it = said.clone();
        let Told { effects, is_news, changed, is_known } = self
            .store
            .write(move |tx| {
                let (peer, said) = (who.clone(), it.clone());
                Box::pin(async move { installed_in(tx, &peer, &said, now).await })
            })
            .await?;
        if changed {
            self.fleet.refresh_devices(&self.store, [peer.device]).await?;
        }
        self.ddi_settle(peer, effects);
        if is_known {
            Ok(is_news)
        } else {
            let InstalledBase { name, version } = said;
            Err(Failed::UnknownRelease { name, version })
        }
    }

    /// Lets the updates of a device go on by themselves, or not any longer.
    ///
    /// # Errors
    /// `Conflict` where that is so already, or `Unavailable`.
    pub async fn ddi_auto_confirm(&self, peer: &DdiPeer, by: Option<Initiator>) -> Result<(), Failed> {
        let (device, now) = (peer.device, self.clock.now());
        self.store
            .write(move |tx| {
                let by = by.clone();
                Box::pin(async move {
                    let target = table::target(tx, device).await?;
                    let auto_confirm = match (by, &target.auto_confirm) {
                        (Some(_), Some(_)) => {
                            return Err(Failed::Conflict("confirming by itself is on already"));
                        }
                        (None, None) => return Ok(()),
                        (Some(Initiator { initiator, remark }), None) => {
                            let short =
                                |text: Option<String>| text.map(|text| text.chars().take(LONGEST).collect());
                            Some(AutoConfirm {
                                initiator: short(initiator),
                                remark: short(remark),
                                since: now,
                            })
                        }
                        (None, Some(_)) => None,
                    };
                    let on = auto_confirm.is_some();
                    table::target_put(tx, device, &Target { auto_confirm, ..target }).await?;
                    if on {
                        agree(tx, device, now).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.ddi_settle(peer, Effects { wake: vec![device], ..Effects::default() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(mode: Mode, data: &[(&str, Option<&str>)]) -> ConfigData {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), value.map(ToOwned::to_owned)));
        ConfigData { mode, data: data.collect() }
    }

    fn before() -> BTreeMap<AttributeKey, String> {
        BTreeMap::from([("a".parse().unwrap(), "1".to_owned()), ("b".parse().unwrap(), "2".to_owned())])
    }

    fn after(mode: Mode, data: &[(&str, Option<&str>)]) -> Vec<String> {
        let after = applied(&before(), &said(mode, data), &[]).unwrap();
        after.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn attributes_are_merged_replaced_and_removed() {
        assert_eq!(after(Mode::Merge, &[("b", Some("3")), ("c", Some("4"))]), ["a=1", "b=3", "c=4"]);
        assert_eq!(after(Mode::Merge, &[("a", None)]), ["b=2"]);
        assert_eq!(after(Mode::Replace, &[("c", Some("4"))]), ["c=4"]);
        assert_eq!(after(Mode::Remove, &[("a", Some(""))]), ["b=2"]);
        let installed = BTreeMap::from([("installedBase.version".parse().unwrap(), "1".to_owned())]);
        let replaced = applied(&installed, &said(Mode::Replace, &[("c", Some("4"))]), &[]).unwrap();
        let keys: Vec<&str> = replaced.keys().map(AttributeKey::as_str).collect();
        assert_eq!(keys, ["c", "installedBase.version"], "attributes do not speak of what is installed");
        assert_eq!(after(Mode::Merge, &[("HW Revision", Some("x"))]), ["HW_Revision=x", "a=1", "b=2"]);
    }

    #[test]
    fn two_keys_of_one_message_that_would_be_kept_as_one_are_refused_by_name() {
        for mode in [Mode::Merge, Mode::Replace, Mode::Remove] {
            let both =
                said(mode, &[("HW Revision", Some("1")), ("c", Some("2")), ("HW_Revision", Some("3"))]);
            let Err(Failed::Bad(sentence)) = applied(&before(), &both, &[]) else { panic!("{mode:?}") };
            assert!(sentence.starts_with("HW Revision and HW_Revision would both be kept as HW_Revision"));
        }
        assert_eq!(after(Mode::Merge, &[("c", Some("1")), ("c", Some("2"))]), ["a=1", "b=2", "c=2"]);
    }

    #[test]
    fn components_have_a_key_each_and_leave_the_one_that_they_shared() {
        let places = [VersionSource::Inventory("fw.{component}".to_owned())];
        let before = BTreeMap::from([("fw.__".parse().unwrap(), "1".to_owned())]);
        let data =
            [("fw.밸브", Some("1")), ("fw.펌프", Some("2")), ("fw.a", Some("3")), ("HW Revision", Some("b"))];
        let after = applied(&before, &said(Mode::Merge, &data), &places).unwrap();
        let keys: Vec<&str> = after.keys().map(AttributeKey::as_str).collect();
        let ["HW_Revision", valve, pump, "fw.a"] = keys[..] else { panic!("{keys:?}") };
        assert!(valve != pump && valve.starts_with("fw.__-") && pump.starts_with("fw.__-"), "{keys:?}");
        let told = just_said(&said(Mode::Merge, &data), &places).unwrap();
        assert_eq!(told, after);
        let gone = applied(&after, &said(Mode::Remove, &data), &places).unwrap();
        assert!(gone.is_empty(), "{gone:?}");
    }

    #[test]
    fn a_message_says_what_is_in_it_and_nothing_of_what_it_takes_away() {
        let said_of = |mode, data: &[(&str, Option<&str>)]| {
            let told = just_said(&said(mode, data), &[]).unwrap();
            told.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(said_of(Mode::Merge, &[("b", Some("3")), ("a", None)]), ["b=3"]);
        assert_eq!(said_of(Mode::Replace, &[("HW Revision", Some("x"))]), ["HW_Revision=x"]);
        assert!(said_of(Mode::Remove, &[("a", Some("1"))]).is_empty());
    }

    #[test]
    fn long_keys_long_values_and_too_many_are_refused() {
        let long = "k".repeat(129);
        let merged = |data: &[(&str, Option<&str>)]| applied(&before(), &said(Mode::Merge, data), &[]);
        assert!(matches!(merged(&[(&long, Some("x"))]), Err(Failed::Bad(_))));
        assert!(matches!(merged(&[("k", Some(&long))]), Err(Failed::Bad(_))));
        assert!(merged(&[("k", Some(&"ü".repeat(128)))]).is_ok());
        let many: Vec<String> = (0..99).map(|number| format!("k{number}")).collect();
        let many: Vec<(&str, Option<&str>)> = many.iter().map(|key| (key.as_str(), Some("x"))).collect();
        assert!(matches!(merged(&many), Err(Failed::TooMany(_))));
    }
}

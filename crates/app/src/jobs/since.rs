//! What became of devices since a job brought them an update: whether they run something else by now.
//!
//! Knows nothing of where they are to go.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::{DeviceId, JobId, TypeId};
use windlass_domain::job::{Execution, Handling, Job};
use windlass_domain::software::Release;
use windlass_store::executions::OfferFacts;
use windlass_store::{StoreError, Tx, executions, jobs, types};

use super::downloads::release_of;
use super::verify;

/// The components of a release that a device showed in another version when it was offered it, with that version.
pub(super) fn changed<'a>(own: &'a Release, execution: &'a Execution) -> Vec<(&'a str, &'a str)> {
    let before = |name: &str| execution.before.get(name).map(String::as_str);
    let of = own.components.iter().filter_map(|component| {
        let before = before(component.name.as_str())?;
        (before != component.version.as_str()).then_some((component.name.as_str(), before))
    });
    of.collect()
}

/// What is asked about devices of a job.
pub(super) struct Since<'j> {
    job: &'j Job,
    types: HashMap<TypeId, TypeSpec>,
    /// What later jobs brought, once it was asked; none where that is nothing that counts.
    brought: HashMap<JobId, Option<Release>>,
}

impl<'j> Since<'j> {
    pub(super) async fn of(tx: &mut Tx<'_>, job: &'j Job) -> Result<Self, StoreError> {
        let types = types::types(tx, job.tenant).await?.into_iter().map(|one| (one.id, one.spec)).collect();
        Ok(Self { job, types, brought: HashMap::new() })
    }

    /// What a later job installed.
    async fn brought(&mut self, tx: &mut Tx<'_>, id: JobId) -> Result<Option<&Release>, StoreError> {
        if !self.brought.contains_key(&id) {
            let later = jobs::get_any(tx, id).await?.filter(|later| {
                later.spec.rollout.handling != Handling::DownloadOnly
                    && (later.started_at, later.id) > (self.job.started_at, self.job.id)
            });
            let release = match later {
                Some(later) => release_of(tx, &later).await?,
                None => None,
            };
            self.brought.insert(id, release);
        }
        Ok(self.brought.get(&id).and_then(Option::as_ref))
    }

    /// What a device shows of a release.
    fn shown(&self, own: &Release, facts: &OfferFacts) -> BTreeMap<String, String> {
        let default = TypeSpec::default();
        let spec = facts.device_type.and_then(|id| self.types.get(&id)).unwrap_or(&default);
        let expected = verify::expected(own);
        verify::running_by(&expected, spec, facts.shadow.as_ref(), &facts.inventory).versions()
    }

    /// Those of these devices that run something else by now in place of what the job changed: they show it, or a later
    /// update ended well there and they do not show that they run this one all the same. `parts`: their parts in the job.
    pub(super) async fn further(
        &mut self,
        tx: &mut Tx<'_>,
        own: &Release,
        devices: &[DeviceId],
        parts: impl Iterator<Item = &Execution>,
    ) -> Result<BTreeSet<DeviceId>, StoreError> {
        let facts = executions::offer_facts(tx, self.job.tenant, devices).await?;
        let mut later: HashMap<DeviceId, Vec<JobId>> = HashMap::new();
        for (device, job) in executions::later_updates(tx, self.job, devices).await? {
            later.entry(device).or_default().push(job);
        }
        let mut further = BTreeSet::new();
        for part in parts {
            let changed = changed(own, part);
            let shown = facts.get(&part.device).map(|facts| self.shown(own, facts)).unwrap_or_default();
            let of_own = |name: &str, version: &str| {
                // Where one version shows for all it may be that of the release.
                let wanted = own.components.iter().find(|component| component.name.as_str() == name);
                version == own.version.as_str() || wanted.is_some_and(|one| one.version.as_str() == version)
            };
            let is_else = changed.iter().any(|(name, before)| {
                shown.get(*name).is_some_and(|seen| !of_own(name, seen) && seen.as_str() != *before)
            });
            let runs_it =
                changed.iter().all(|(name, _)| shown.get(*name).is_some_and(|seen| of_own(name, seen)));
            let mut is_replaced = false;
            if !is_else && !runs_it {
                for id in later.get(&part.device).into_iter().flatten() {
                    let Some(release) = self.brought(tx, *id).await? else { continue };
                    is_replaced |= release.id != own.id
                        && changed.iter().any(|(name, _)| {
                            release.components.iter().any(|component| component.name.as_str() == *name)
                        });
                }
            }
            if is_else || is_replaced {
                further.insert(part.device);
            }
        }
        Ok(further)
    }
}

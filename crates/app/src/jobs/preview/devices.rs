//! The dry run as a list: each device in the order of the waves, page by page.
//!
//! A page looks at a bounded number of devices, whatever is asked for; where few of them match, the next page goes on.

use windlass_domain::ids::DeviceId;
use windlass_domain::job::Outcome;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, devices};

use super::look::{Looker, Seen};
use super::{BATCH, Dry, Foreseen, survey};
use crate::jobs::create::NewJob;
use crate::permit::demand;
use crate::{App, AppError};

/// Most devices that one page looks at.
const LOOKED_AT: u64 = 5_000;

/// Which devices of a dry run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PreviewPick {
    /// Only those on which it would count so.
    pub outcome: Option<Outcome>,
    /// Only those for which this is why, word by word.
    pub reason: Option<String>,
    /// From here on; none: from the first.
    pub after: Option<PreviewPlace>,
    /// Most devices, at least 1.
    pub limit: usize,
}

/// A place in the list. Whoever goes on from one passes it back as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewPlace {
    /// The wave of the last device that was looked at, from 0.
    pub wave: u32,
    /// That device.
    pub device: DeviceId,
    /// When each wave was foreseen to begin; later ones begin with the last of these.
    pub begins: Vec<Timestamp>,
    /// Of how many waves that is known.
    pub known: usize,
}

/// What would come of a job on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewDevice {
    /// Its name.
    pub device: String,
    /// Its wave, from 0.
    pub wave: u32,
    /// How it would count at once.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// What an operator can do; may be empty.
    pub action: &'static str,
    /// When it may begin at the earliest. None without work, and where nobody can tell.
    pub begins: Option<Timestamp>,
    /// Bytes that it would download.
    pub bytes: u64,
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewPage {
    /// In the order of waves, then of registration.
    pub devices: Vec<PreviewDevice>,
    /// All devices of the job, where every one of them is asked for.
    pub total: Option<u64>,
    /// Where the next page begins; none after the last device.
    pub next: Option<PreviewPlace>,
}

impl PreviewPick {
    fn is_everybody(&self) -> bool {
        self.outcome.is_none() && self.reason.is_none()
    }

    fn takes(&self, seen: &Seen) -> bool {
        self.outcome.is_none_or(|outcome| outcome == seen.outcome)
            && self.reason.as_ref().is_none_or(|reason| *reason == seen.reason)
    }
}

/// A device's name; none if it is gone. The index may not know it yet.
async fn name(tx: &mut Tx<'_>, app: &App, device: DeviceId) -> Result<Option<String>, StoreError> {
    if let Some(name) = app.fleet.name_of(device) {
        return Ok(Some(name.into_string()));
    }
    Ok(devices::device_by_id(tx, device).await?.map(|device| device.name.into_string()))
}

async fn page(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    new: &NewJob,
    pick: &PreviewPick,
    now: Timestamp,
) -> Result<PreviewPage, AppError> {
    let dry = Dry::of(tx, app, by, new, now).await?;
    let Dry { job, targets, bytes_per_device, first: _ } = &dry;
    let mut looker = Looker::new(tx, app, job, now).await?;
    let ranges = job.wave_ranges();
    let foreseen = match &pick.after {
        Some(place) => Foreseen { begins: place.begins.clone(), known: place.known },
        // One wave begins when the job does.
        None if ranges.len() < 2 => Foreseen::default(),
        None => survey(tx, app, &dry, &mut looker).await?.foreseen,
    };
    let start = pick.after.as_ref().map_or(0, |place| {
        let index = ranges.iter().position(|(wave, _)| *wave == place.wave).unwrap_or(usize::MAX);
        targets.rank_after(job, index, place.device)
    });
    let (mut rank, mut looked_at, mut last) = (start, 0, None);
    let mut found = Vec::new();
    'waves: for (wave, range) in ranges {
        let begins = dry.begins(&foreseen, wave);
        while range.contains(&rank) {
            let wanted = u64::try_from(pick.limit.saturating_sub(found.len())).unwrap_or(u64::MAX);
            let most = if pick.is_everybody() { wanted.clamp(1, BATCH) } else { BATCH };
            let devices = targets.at_ranks(job, wave, &(rank..range.end.min(rank + most)))?;
            if devices.is_empty() {
                break 'waves;
            }
            for seen in looker.look(tx, wave, &devices, begins).await? {
                (rank, looked_at) = (rank + 1, looked_at + 1);
                last = Some((wave, seen.device));
                if !pick.takes(&seen) {
                    continue;
                }
                let Some(device) = name(tx, app, seen.device).await? else { continue };
                let Seen { device: _, outcome, reason, action, work } = seen;
                let bytes = if work.is_some() { *bytes_per_device } else { 0 };
                let begins = work.and_then(|work| work.begins);
                found.push(PreviewDevice { device, wave, outcome, reason, action, begins, bytes });
                if found.len() >= pick.limit {
                    break 'waves;
                }
            }
            if looked_at >= LOOKED_AT {
                break 'waves;
            }
        }
    }
    let Foreseen { begins, known } = foreseen;
    let next = last.filter(|_| rank < job.target_count).map(|(wave, device)| PreviewPlace {
        wave,
        device,
        begins,
        known,
    });
    let total = pick.is_everybody().then_some(job.target_count);
    Ok(PreviewPage { devices: found, total, next })
}

impl App {
    /// Says what a job would do on each device, without making it: those that the caller may see, in the order of waves.
    /// Each page is as of its own moment; where devices come, go or change their wave meanwhile, so does the list.
    ///
    /// # Errors
    /// As [`App::job_create`].
    pub async fn job_preview_devices(
        &self,
        by: &Principal,
        new: NewJob,
        pick: PreviewPick,
    ) -> Result<PreviewPage, AppError> {
        demand(by, Permission::JobCreate)?;
        let (app, by, now) = (self.clone(), by.clone(), self.clock.now());
        self.store
            .read(move |tx| {
                let (app, by, new, pick) = (app.clone(), by.clone(), new.clone(), pick.clone());
                Box::pin(async move { page(tx, &app, &by, &new, &pick, now).await })
            })
            .await
    }
}

//! Continuous jobs: devices that match later become the next wave, once everybody before them was offered work.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use roaring::RoaringTreemap;
use windlass_domain::ids::JobId;
use windlass_domain::job::{Job, JobState};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, jobs};

use crate::fleet::parse_query;
use crate::{App, AppError};

/// How long a look holds though nothing in the index changed: presence moves without it.
const HOLDS: Duration = Duration::from_secs(30);
/// Jobs whose last look is remembered.
const REMEMBERED: usize = 10_000;

/// When each continuous job was last looked at: the index's position, and the time.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<HashMap<JobId, (i64, Timestamp)>>);

impl Looks {
    fn is_fresh(&self, job: JobId, seq: i64, now: Timestamp) -> bool {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(&job).is_some_and(|(at, when)| *at == seq && now.since(*when) < HOLDS)
    }

    fn note(&self, job: JobId, seq: i64, now: Timestamp) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.len() >= REMEMBERED {
            looks.clear();
        }
        looks.insert(job, (seq, now));
    }
}

/// Takes devices in as one more wave. Those that the job has already are left out.
async fn join(tx: &mut Tx<'_>, id: JobId, matching: &RoaringTreemap, most: u64) -> Result<u64, StoreError> {
    let Some(mut job) = jobs::get_any(tx, id).await? else { return Ok(0) };
    if !waits_for_more(&job) {
        return Ok(0);
    }
    let whole = jobs::frozen_targets(tx, id).await?;
    let wanted = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
    let new: RoaringTreemap = (matching - &whole).into_iter().take(wanted).collect();
    if new.is_empty() {
        return Ok(0);
    }
    let wave = u32::try_from(job.wave_sizes.len()).unwrap_or(u32::MAX);
    jobs::waves::insert(tx, id, wave, &new).await?;
    jobs::waves::set_targets(tx, id, &(whole | &new)).await?;
    job.wave_sizes.push(new.len());
    job.target_count += new.len();
    if !jobs::update(tx, &job).await? {
        let text = "the job was changed meanwhile; devices join it at the next look";
        return Err(StoreError::new(windlass_store::StoreErrorKind::Busy, text));
    }
    Ok(new.len())
}

/// Whether a job takes in devices now: it is continuous, and everybody before them was offered work.
pub(super) fn waits_for_more(job: &Job) -> bool {
    job.state == JobState::Running
        && job.spec.rollout.continuous.is_some()
        && job.progress.offered >= job.target_count
}

impl App {
    /// Looks for devices that a continuous job should take in. True if some joined.
    pub(super) async fn join_later_devices(&self, job: &Job) -> Result<bool, AppError> {
        let (id, now) = (job.id, self.clock.now());
        let Some(continuous) = &job.spec.rollout.continuous else { return Ok(false) };
        if self.continuous.is_fresh(id, self.fleet.seq(), now) {
            return Ok(false);
        }
        let query = parse_query("targets.query", &continuous.query)?;
        let selection = self.fleet.select(job.tenant, &query, self, now);
        let (matching, most) = (selection.devices, continuous.wave_size);
        let joined = self
            .store
            .write(move |tx| {
                let matching = matching.clone();
                Box::pin(async move { join(tx, id, &matching, most).await })
            })
            .await?;
        if joined == 0 {
            self.continuous.note(id, selection.seq, now);
        }
        Ok(joined > 0)
    }
}

//! Continuous jobs: devices that match later become the next wave, once everybody before them was offered work. Devices that
//! were left out are offered it once the job means work for them, a few of them at a time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use roaring::RoaringTreemap;
use windlass_domain::ids::{DeviceId, ExecutionId, JobId};
use windlass_domain::job::plan::room;
use windlass_domain::job::{Job, JobState, Outcome, Standing};
use windlass_domain::time::Timestamp;
use windlass_store::executions::ExecutionPick;
use windlass_store::{StoreError, Tx, executions, jobs};

use super::judge::{self, Judged};
use super::offer;
use crate::fleet::{number, parse_query};
use crate::{App, AppError};

/// How long a look holds though nothing in the index changed: presence moves without it.
const HOLDS: Duration = Duration::from_secs(30);
/// Jobs whose last look is remembered.
const REMEMBERED: usize = 10_000;

/// Devices left out that one look judges anew.
const JUDGED: u32 = 200;

/// How far a continuous job was looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    /// Everything, at this position of the index and at this time.
    whole: Option<(i64, Timestamp)>,
    /// Those that were left out, up to this execution; 0: from the start.
    left_out: i64,
}

/// How far each continuous job was looked at.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<HashMap<JobId, Look>>);

impl Looks {
    fn of(&self, job: JobId) -> Look {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(&job).copied().unwrap_or_default()
    }

    fn is_fresh(&self, job: JobId, seq: i64, now: Timestamp) -> bool {
        self.of(job).whole.is_some_and(|(at, when)| at == seq && now.since(when) < HOLDS)
    }

    fn note(&self, job: JobId, look: Look) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.len() >= REMEMBERED {
            looks.clear();
        }
        looks.insert(job, look);
    }
}

/// What a look at those that were left out found.
#[derive(Debug, Default)]
struct LeftOut {
    /// For whom it means work by now.
    ready: Vec<ExecutionId>,
    /// Where the next look goes on; 0: this one came to the end.
    next: i64,
}

/// Looks at some of those that a job left out and that match, as many as may have work at once.
async fn left_out(
    tx: &mut Tx<'_>,
    job: &Job,
    matching: &RoaringTreemap,
    after: i64,
    most_open: usize,
    now: Timestamp,
) -> Result<LeftOut, StoreError> {
    let mut found = LeftOut::default();
    let pick = ExecutionPick { outcome: Some(Outcome::Skipped), after, ..ExecutionPick::default() };
    let page = executions::list(tx, job.id, &pick, JUDGED).await?;
    if page.is_empty() {
        return Ok(found);
    }
    found.next = after;
    let most = places(tx, job).await?;
    let catalogue = judge::catalogue(tx, job, most_open, now).await?;
    let devices: Vec<DeviceId> = page.iter().map(|execution| execution.device).collect();
    let facts = judge::facts(tx, job, &devices).await?;
    for execution in &page {
        if found.ready.len() >= most {
            return Ok(found);
        }
        if !matching.contains(number(execution.device)) {
            continue;
        }
        let known = facts.get(&execution.device);
        if matches!(catalogue.judge(tx, job, known).await?, Judged::Work { .. }) {
            found.ready.push(execution.id);
        }
        found.next = execution.id.get();
    }
    let is_full = page.len() >= usize::try_from(JUDGED).unwrap_or(usize::MAX);
    found.next = page.last().filter(|_| is_full).map_or(0, |last| last.id.get());
    Ok(found)
}

/// How many more devices a continuous job may give work at once: those of one of its waves.
async fn places(tx: &mut Tx<'_>, job: &Job) -> Result<usize, StoreError> {
    let everybody = Standing::of(&executions::tallies(tx, job.id).await?, |_| true);
    let open = everybody.queued + everybody.in_progress + everybody.verifying;
    let wave = job.spec.rollout.continuous.as_ref().map_or(0, |continuous| continuous.wave_size.max(1));
    let most = wave.saturating_sub(open).min(room(job, everybody));
    Ok(usize::try_from(most).unwrap_or(usize::MAX))
}

/// Offers work to those that were left out. Returns who has some.
async fn offer_anew(
    tx: &mut Tx<'_>,
    id: JobId,
    ready: &[ExecutionId],
    most_open: usize,
    now: Timestamp,
) -> Result<Vec<DeviceId>, StoreError> {
    let mut offered = Vec::new();
    let Some(job) = jobs::get_any(tx, id).await? else { return Ok(offered) };
    if !waits_for_more(&job) {
        return Ok(offered);
    }
    let most = places(tx, &job).await?;
    let catalogue = judge::catalogue(tx, &job, most_open, now).await?;
    let way = offer::displaced_by(tx, &job).await?;
    for id in ready.iter().take(most) {
        if let Some(left_out) = executions::latest_by_id(tx, *id).await?
            && offer::anew(tx, &job, &catalogue, way, &left_out, now).await?
        {
            offered.push(left_out.device);
        }
    }
    Ok(offered)
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
        let (matching, most) = (selection.devices.clone(), continuous.wave_size);
        let joined = self
            .store
            .write(move |tx| {
                let matching = matching.clone();
                Box::pin(async move { join(tx, id, &matching, most).await })
            })
            .await?;
        if joined > 0 {
            return Ok(true);
        }
        let (next, offered) = self.offer_to_left_out(job, selection.devices, now).await?;
        let whole = (next == 0 && !offered).then_some((selection.seq, now));
        self.continuous.note(id, Look { whole, left_out: next });
        Ok(offered)
    }

    /// Offers work to some of those that a continuous job left out. Where the next look goes on, and whether anybody
    /// has some.
    async fn offer_to_left_out(
        &self,
        job: &Job,
        matching: RoaringTreemap,
        now: Timestamp,
    ) -> Result<(i64, bool), AppError> {
        let (id, after, most_open) =
            (job.id, self.continuous.of(job.id).left_out, self.limits.open_executions);
        let job = job.clone();
        let found = self
            .store
            .read(move |tx| {
                let (job, matching) = (job.clone(), matching.clone());
                Box::pin(async move { left_out(tx, &job, &matching, after, most_open, now).await })
            })
            .await?;
        if found.ready.is_empty() {
            return Ok((found.next, false));
        }
        let ready = found.ready;
        let offered = self
            .store
            .write(move |tx| {
                let ready = ready.clone();
                Box::pin(async move { offer_anew(tx, id, &ready, most_open, now).await })
            })
            .await?;
        for device in &offered {
            self.wake_device(*device);
        }
        Ok((found.next, !offered.is_empty()))
    }
}

//! Continuous jobs: devices that match later become the next wave, once everybody before them was offered work. Devices that
//! were left out are offered it once the job means work for them, a few of them at a time, in a wave of their own.
//! Waves long settled are counted in one, so that there are never many; see `domain::job::past`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use roaring::RoaringTreemap;
use windlass_domain::ids::{DeviceId, ExecutionId, JobId};
use windlass_domain::job::eligible::{NOT_FOUND_ANY_MORE, RUNS_BY_NOW, WAITS_FOR_A_PLACE};
use windlass_domain::job::plan::{self, room};
use windlass_domain::job::{Execution, FrozenWave, Job, JobState, Outcome, Standing, Tally, past};
use windlass_domain::time::Timestamp;
use windlass_store::executions::ExecutionPick;
use windlass_store::management::{JobExtra, extras};
use windlass_store::{StoreError, Tx, executions, jobs};

use super::judge::{self, Judged};
use super::offer;
use crate::fleet::{number, parse_query};
use crate::{App, AppError};

/// How long a look holds though nothing in the index changed: presence moves without it.
const HOLDS: Duration = Duration::from_secs(30);
/// A look that found nobody holds so long at least, whatever changed in the index.
const PACE: Duration = Duration::from_secs(1);
/// Jobs whose last look is remembered.
const REMEMBERED: usize = 10_000;

/// Devices of which one question asks what else they have to do.
const ASKED: usize = 1_000;
/// Devices left out that one look judges anew.
const JUDGED: u32 = 200;

/// How far a continuous job was looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    /// Everything, at this position of the index and at this time; all that there is to see while there is no place.
    whole: Option<(i64, Timestamp)>,
    /// When that look was made; none: the next one is not to wait for [`PACE`].
    made: Option<Timestamp>,
    /// Whether there was no place for anybody then: with one, those that were left out are looked at again.
    is_full: bool,
    /// Those that were left out, up to this execution; 0: from the start.
    left_out: i64,
    /// When what speaks against them was looked at while there was no place for any.
    renewed: Option<Timestamp>,
}

/// How far each continuous job was looked at.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<HashMap<JobId, Look>>);

impl Looks {
    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Look>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, job: JobId) -> Look {
        self.lock().get(&job).copied().unwrap_or_default()
    }

    /// The next look at a job waits for no time to pass since the last one.
    pub(super) fn hurry(&self) {
        self.lock().values_mut().for_each(|look| look.made = None);
    }

    /// Whether a look would find nothing new, or is to wait.
    pub(super) fn is_fresh(&self, job: JobId, seq: i64, has_place: bool, now: Timestamp) -> bool {
        let look = self.of(job);
        let Some((at, when)) = look.whole.filter(|_| !(look.is_full && has_place)) else { return false };
        let is_soon = look.made.is_some_and(|made| made <= now && now.since(made) < PACE);
        is_soon || (at == seq && now.since(when) < HOLDS)
    }

    fn note(&self, job: JobId, look: Look) {
        let mut looks = self.lock();
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
    /// What speaks against the others, where that is not what their parts say.
    against: Vec<(ExecutionId, String)>,
    /// Where the next look goes on; 0: this one came to the end.
    next: i64,
    /// Whether the job may give nobody work now.
    is_full: bool,
}

/// Looks at some of those that a job left out and that match, as many as may have work at once. Where there is no place
/// for any, it looks only at what speaks against them, and not at every look.
async fn left_out(
    tx: &mut Tx<'_>,
    job: &Job,
    matching: &RoaringTreemap,
    look: Look,
    most_open: usize,
    now: Timestamp,
) -> Result<LeftOut, StoreError> {
    let after = look.left_out;
    let mut found = LeftOut::default();
    let pick = ExecutionPick { outcome: Some(Outcome::Skipped), after, ..ExecutionPick::default() };
    let page = executions::list(tx, job.id, &pick, JUDGED).await?;
    if page.is_empty() {
        return Ok(found);
    }
    found.next = after;
    let tallies = executions::tallies(tx, job.id).await?;
    let most = places(job, &tallies);
    found.is_full = most == 0;
    if found.is_full && look.renewed.is_some_and(|at| now.since(at) < HOLDS) {
        return Ok(found);
    }
    let mut catalogue = judge::catalogue(tx, job, most_open, now).await?;
    let devices: Vec<DeviceId> = page.iter().map(|execution| execution.device).collect();
    let facts = catalogue.facts(tx, job, &devices).await?;
    for execution in &page {
        if !found.is_full && found.ready.len() >= most {
            return Ok(found);
        }
        found.next = execution.id.get();
        if !matching.contains(number(execution.device)) {
            if execution.reason == WAITS_FOR_A_PLACE {
                found.against.push((execution.id, NOT_FOUND_ANY_MORE.to_owned()));
            }
            continue;
        }
        let known = facts.get(&execution.device);
        match catalogue.judge(tx, job, known).await? {
            Judged::Work { .. } if !found.is_full => found.ready.push(execution.id),
            Judged::Work { .. } if execution.reason != WAITS_FOR_A_PLACE => {
                found.against.push((execution.id, WAITS_FOR_A_PLACE.to_owned()));
            }
            Judged::Skip(skip) if skip.to_string() != execution.reason => {
                found.against.push((execution.id, skip.to_string()));
            }
            Judged::Runs { .. } | Judged::InPlace if execution.reason != RUNS_BY_NOW => {
                found.against.push((execution.id, RUNS_BY_NOW.to_owned()));
            }
            Judged::Work { .. } | Judged::Skip(_) | Judged::Runs { .. } | Judged::InPlace => {}
        }
    }
    let is_long = page.len() >= usize::try_from(JUDGED).unwrap_or(usize::MAX);
    found.next = page.last().filter(|_| is_long).map_or(0, |last| last.id.get());
    Ok(found)
}

/// How many more devices a continuous job may give work at once: those of one of its waves. None while the wave under way
/// is owed anything: it is judged and paused after as such, and not to be overtaken before.
fn places(job: &Job, tallies: &[Tally]) -> usize {
    if !plan::is_free(job, tallies) {
        return 0;
    }
    let everybody = Standing::of(tallies, |_| true);
    let open = everybody.queued + everybody.in_progress + everybody.verifying;
    let wave = job.spec.rollout.continuous.as_ref().map_or(0, |continuous| continuous.wave_size.max(1));
    let most = wave.saturating_sub(open).min(room(job, everybody));
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Says of devices that were left out what speaks against them now.
async fn say_why(tx: &mut Tx<'_>, against: &[(ExecutionId, String)]) -> Result<(), StoreError> {
    for (id, reason) in against {
        let found = executions::latest_by_id(tx, *id).await?;
        if let Some(left_out) = found.filter(|one| one.outcome() == Outcome::Skipped) {
            let now_said = Execution { reason: reason.clone(), ..left_out.clone() };
            executions::update(tx, &left_out, &now_said).await?;
        }
    }
    Ok(())
}

/// Offers work to those that were left out, as one more wave. Returns who has some.
async fn offer_anew(
    tx: &mut Tx<'_>,
    id: JobId,
    ready: &[ExecutionId],
    most_open: usize,
    now: Timestamp,
) -> Result<Vec<DeviceId>, StoreError> {
    let Some(job) = jobs::get_any(tx, id).await? else { return Ok(Vec::new()) };
    if !waits_for_more(&job) || !past::has_room(&job) {
        return Ok(Vec::new());
    }
    let most = places(&job, &executions::tallies(tx, id).await?);
    let mut catalogue = judge::catalogue(tx, &job, most_open, now).await?;
    let mut work = Vec::new();
    for id in ready.iter().take(most) {
        if let Some(left_out) = executions::latest_by_id(tx, *id).await? {
            work.extend(offer::anew(tx, &job, &mut catalogue, left_out).await?);
        }
    }
    if work.is_empty() {
        return Ok(Vec::new());
    }
    let from: Vec<u32> = work.iter().map(|one| job.counts_in(one.left_out.wave)).collect();
    let devices: Vec<DeviceId> = work.iter().map(|one| one.left_out.device).collect();
    let set: RoaringTreemap = devices.iter().map(|device| number(*device)).collect();
    let wave = job.next_wave();
    jobs::waves::regroup(tx, id, &from.iter().copied().collect(), wave, &set).await?;
    let way = offer::displaced_by(tx, &job).await?;
    for one in work {
        one.offer(tx, &job, wave, way, now).await?;
    }
    save(tx, &job.regrouped(&from)).await?;
    Ok(devices)
}

async fn save(tx: &mut Tx<'_>, job: &Job) -> Result<(), StoreError> {
    if jobs::update(tx, job).await? {
        return Ok(());
    }
    let text = "the job was changed meanwhile; devices join it at the next look";
    Err(StoreError::new(windlass_store::StoreErrorKind::Busy, text))
}

/// Who of those that match and are not in the job may join, as many as can at once. As upstream, a dynamic rollout of hawkBit's
/// interface takes in nobody who has an action of its weight or a greater one; it looks again once that is over.
async fn may_join(
    tx: &mut Tx<'_>,
    job: &Job,
    matching: &RoaringTreemap,
    most: u64,
) -> Result<RoaringTreemap, StoreError> {
    let new = matching - jobs::frozen_targets(tx, job.id).await?;
    let extra: JobExtra = extras::get(tx, job.tenant, job.id.get()).await?;
    if extra.query.is_none() {
        return Ok(new);
    }
    let (mut free, mut left) = (RoaringTreemap::new(), new.into_iter());
    while free.len() < most {
        let some: RoaringTreemap = left.by_ref().take(ASKED).collect();
        if some.is_empty() {
            break;
        }
        let devices = some.iter().filter_map(|id| i64::try_from(id).ok()).map(DeviceId::new);
        let devices: Vec<DeviceId> = devices.collect();
        let busy = executions::outranked(tx, &devices, job.spec.rollout.priority).await?;
        let busy: RoaringTreemap = busy.into_iter().map(number).collect();
        free |= some - busy;
    }
    Ok(free)
}

/// Who may join a job. None: nobody, or there is no room, and there is nothing to fold either.
async fn to_join(
    tx: &mut Tx<'_>,
    id: JobId,
    matching: &RoaringTreemap,
    most: u64,
) -> Result<Option<RoaringTreemap>, StoreError> {
    let Some(job) = jobs::get_any(tx, id).await?.filter(waits_for_more) else { return Ok(None) };
    let new = may_join(tx, &job, matching, most).await?;
    let tallies = executions::tallies(tx, id).await?;
    let is_anything = (!new.is_empty() && past::has_room(&job)) || past::fold(&job, &tallies).is_some();
    Ok(is_anything.then_some(new))
}

/// Takes devices in as one more wave. Those that the job has already are left out. True if there may be more to do at once:
/// some joined, or there is more to fold.
async fn join(tx: &mut Tx<'_>, id: JobId, matching: &RoaringTreemap, most: u64) -> Result<bool, StoreError> {
    let Some(mut job) = jobs::get_any(tx, id).await? else { return Ok(false) };
    if !waits_for_more(&job) {
        return Ok(false);
    }
    let tallies = executions::tallies(tx, id).await?;
    let fold = past::fold(&job, &tallies);
    if let Some(fold) = &fold {
        jobs::waves::fold(tx, id, fold).await?;
        job = job.folded(fold);
    }
    let mut new = RoaringTreemap::new();
    if past::has_room(&job) {
        let whole = jobs::frozen_targets(tx, id).await?;
        let wanted = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
        new.extend((matching - &whole).into_iter().take(wanted));
        if !new.is_empty() {
            let wave = job.next_wave();
            jobs::waves::insert(tx, id, wave, &new).await?;
            jobs::waves::set_targets(tx, id, &(whole | &new)).await?;
            job.frozen_waves.push(FrozenWave { number: wave, size: new.len() });
            job.target_count += new.len();
        }
    }
    if fold.is_some() || !new.is_empty() {
        save(tx, &job).await?;
    }
    Ok(!new.is_empty() || fold.is_some_and(|fold| fold.is_full()))
}

/// A job that takes in devices now.
#[derive(Debug)]
pub(super) struct Waiting {
    job: Job,
    /// Whether it has a place for one that was left out.
    pub(super) has_place: bool,
}

/// The job, if it takes in devices now.
pub(super) fn waiting(job: &Job, tallies: &[Tally]) -> Option<Waiting> {
    if !waits_for_more(job) {
        return None;
    }
    let has_place = places(job, tallies) > 0;
    Some(Waiting { job: job.clone(), has_place })
}

/// Whether a job takes in devices now: it is continuous, and everybody before them was offered work.
fn waits_for_more(job: &Job) -> bool {
    job.state == JobState::Running
        && job.spec.rollout.continuous.is_some()
        && job.progress.offered >= job.target_count
}

impl App {
    /// Looks for devices that a continuous job should take in, and after a look that found nobody not before [`PACE`], unless
    /// the job has a place since. True if some joined.
    pub(super) async fn join_later_devices(&self, waiting: &Waiting) -> Result<bool, AppError> {
        let Waiting { job, has_place } = waiting;
        let (id, now) = (job.id, self.clock.now());
        let Some(continuous) = &job.spec.rollout.continuous else { return Ok(false) };
        if self.continuous.is_fresh(id, self.fleet.seq(), *has_place, now) {
            return Ok(false);
        }
        let query = parse_query("targets.query", &continuous.query)?;
        let selection = self.fleet.select(job.tenant, &query, self, now);
        let (matching, most) = (selection.devices.clone(), continuous.wave_size.max(1));
        let new = self
            .store
            .read(move |tx| {
                let matching = matching.clone();
                Box::pin(async move { to_join(tx, id, &matching, most).await })
            })
            .await?;
        // The writer is everybody's: where nobody joins, it is left alone.
        if let Some(new) = new {
            let goes_on = self.store.write(move |tx| {
                let new = new.clone();
                Box::pin(async move { join(tx, id, &new, most).await })
            });
            if goes_on.await? {
                return Ok(true);
            }
        }
        let (found, offered) = self.offer_to_left_out(job, selection.devices, now).await?;
        let LeftOut { next, is_full, .. } = found;
        let renewed = self.continuous.of(id).renewed.filter(|at| is_full && now.since(*at) < HOLDS);
        let renewed = renewed.or(is_full.then_some(now));
        // While there is no place, the rest of those that were left out has time.
        let whole = (next == 0 || is_full) && !offered;
        let whole = whole.then(|| (selection.seq, renewed.unwrap_or(now)));
        self.continuous.note(id, Look { whole, made: Some(now), is_full, left_out: next, renewed });
        Ok(offered)
    }

    /// Offers work to some of those that a continuous job left out. What was found, and whether anybody has some.
    async fn offer_to_left_out(
        &self,
        job: &Job,
        matching: RoaringTreemap,
        now: Timestamp,
    ) -> Result<(LeftOut, bool), AppError> {
        let (id, look, most_open) = (job.id, self.continuous.of(job.id), self.limits.open_executions);
        let job = job.clone();
        let found = self
            .store
            .read(move |tx| {
                let (job, matching) = (job.clone(), matching.clone());
                Box::pin(async move { left_out(tx, &job, &matching, look, most_open, now).await })
            })
            .await?;
        if found.ready.is_empty() && found.against.is_empty() {
            return Ok((found, false));
        }
        let (ready, against) = (found.ready.clone(), found.against.clone());
        let offered = self
            .store
            .write(move |tx| {
                let (ready, against) = (ready.clone(), against.clone());
                Box::pin(async move {
                    say_why(tx, &against).await?;
                    offer_anew(tx, id, &ready, most_open, now).await
                })
            })
            .await?;
        for device in &offered {
            self.wake_device(*device);
        }
        Ok((found, !offered.is_empty()))
    }
}

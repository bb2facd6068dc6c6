//! The planner against a small model of a fleet: devices that obey, fail, lie, fall silent or come back.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::ids::{DeviceId, JobId, TenantId};
use crate::job::execution::{Consent, DeviceReport, Execution, ReportedStatus, StepTimer};
use crate::job::past::FrozenWave;
use crate::job::rollout::{RolloutPolicy, Wave};
use crate::job::spec::{Amount, FailureThreshold, JobSpec, Retry, ShareOf, ThresholdScope, Timeouts, What};
use crate::job::states::{Begun, Verdict};

const TIMEOUTS: Timeouts = Timeouts {
    queued: Duration::from_secs(100),
    download: None,
    in_progress: Duration::from_secs(50),
    verify: Some(Duration::from_secs(20)),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    Obeys,
    Unverifiable,
    Fails,
    Rejects,
    RollsBack,
    NeverPicksUp,
    NeverFinishes,
    NeverComesBack,
    Gone,
}

fn any_habit() -> impl Strategy<Value = Habit> {
    prop_oneof![
        4 => Just(Habit::Obeys),
        1 => Just(Habit::Unverifiable),
        1 => Just(Habit::Fails),
        1 => Just(Habit::Rejects),
        1 => Just(Habit::RollsBack),
        1 => Just(Habit::NeverPicksUp),
        1 => Just(Habit::NeverFinishes),
        1 => Just(Habit::NeverComesBack),
        1 => Just(Habit::Gone),
    ]
}

fn any_amount() -> impl Strategy<Value = Amount> {
    prop_oneof![(1_u64..6).prop_map(Amount::Count), (1_u8..60).prop_map(Amount::Percent)]
}

fn any_threshold() -> impl Strategy<Value = Option<FailureThreshold>> {
    let bounds = prop_oneof![
        (1_u64..6).prop_map(|count| (Some(count), None)),
        (1_u8..60).prop_map(|percent| (None, Some(percent))),
        (1_u64..6, 1_u8..60).prop_map(|(count, percent)| (Some(count), Some(percent))),
    ];
    proptest::option::of((bounds, any::<bool>(), 1_u64..6).prop_map(|((count, percent), wave, minimum)| {
        FailureThreshold {
            count,
            percent,
            of: ShareOf::Finished,
            minimum,
            scope: if wave { ThresholdScope::Wave } else { ThresholdScope::Job },
        }
    }))
}

/// The store and the executor of plans, in memory.
#[derive(Debug, Clone, PartialEq)]
struct Model {
    job: Job,
    habits: Vec<Habit>,
    executions: BTreeMap<u64, Execution>,
    now: Timestamp,
}

impl Model {
    fn new(
        habits: Vec<Habit>,
        waves: Vec<Amount>,
        threshold: Option<FailureThreshold>,
        retries: u32,
    ) -> Self {
        let now = Timestamp::from_seconds(1_000);
        let job = Job {
            id: JobId::new(1),
            tenant: TenantId::new(1),
            state: JobState::Scheduled { start_at: Some(now) },
            spec: JobSpec {
                name: String::new(),
                what: What::Document("{}".to_owned()),
                targets: String::new(),
                waves: waves.into_iter().map(Wave::from).collect(),
                threshold,
                timeouts: TIMEOUTS,
                retries,
                rollout: RolloutPolicy::default(),
            },
            progress: Progress::default(),
            target_count: u64::try_from(habits.len()).unwrap(),
            frozen_waves: vec![],
            past: None,
            decision: None,
            target_seq: 0,
            version: 1,
            revision: 1,
            created_at: now,
            created_by: String::new(),
            started_at: None,
            ended_at: None,
        };
        Self { job, habits, executions: BTreeMap::new(), now }
    }

    fn tallies(&self) -> Vec<Tally> {
        self.executions
            .values()
            .map(|e| Tally { wave: e.wave, state: e.state, verdict: e.verdict, count: 1, again: 0 })
            .collect()
    }

    fn plan(&self, batch: u64) -> Plan {
        let due: Vec<_> = self
            .executions
            .values()
            .filter(|e| e.due().is_some_and(|due| due <= self.now))
            .filter(|e| self.job.state == JobState::Running || e.state != ExecutionState::Queued)
            .map(|e| e.id)
            .collect();
        let up_to = self.job.progress.retry.map_or(0, |retry| retry.up_to.get());
        let retryable: Vec<_> = self
            .executions
            .values()
            .filter(|e| e.outcome() == Outcome::Failed && e.id.get() <= up_to)
            .map(|e| e.id)
            .collect();
        let again: Vec<_> = self
            .executions
            .values()
            .filter(|e| self.job.progress.retry.is_some() && e.id.get() > up_to)
            .map(|e| Tally { wave: e.wave, state: e.state, verdict: e.verdict, count: 1, again: 0 })
            .collect();
        let in_progress_too = self.job.state == JobState::Stopping { begun: Begun::Withdraw };
        let withdrawable: Vec<_> = self
            .executions
            .values()
            .filter(|e| e.state == ExecutionState::Queued || (in_progress_too && e.state.is_open()))
            .map(|e| e.id)
            .collect();
        let tallies = self.tallies();
        plan(
            &self.job,
            &Observed {
                tallies: &tallies,
                due: &due,
                retryable: &retryable,
                again: &again,
                withdrawable: &withdrawable,
                batch,
            },
            self.now,
        )
    }

    fn by_id(&mut self, id: ExecutionId) -> &mut Execution {
        self.executions.values_mut().find(|e| e.id == id).unwrap()
    }

    fn fresh(&self, rank: u64, wave: u32, number: i64) -> Execution {
        Execution {
            id: ExecutionId::new(i64::try_from(rank).unwrap() + 1 + number * 1_000),
            tenant: TenantId::new(1),
            job: JobId::new(1),
            device: DeviceId::new(i64::try_from(rank).unwrap() + 1),
            number,
            wave,
            state: ExecutionState::Queued,
            verdict: Verdict::Pending,
            reason: String::new(),
            details: BTreeMap::new(),
            version: 1,
            before: BTreeMap::new(),
            queued_at: self.now,
            started_at: None,
            updated_at: self.now,
            ended_at: None,
            phase_due: Some(self.now.plus(TIMEOUTS.queued)),
            step_due: None,
            expires_at: None,
            held_until: None,
            closes_at: None,
            cancel_asked_at: None,
            consent: Consent::NotNeeded,
            status_code: None,
        }
    }

    fn again(&mut self, id: ExecutionId) {
        let old = self.by_id(id).clone();
        let rank = u64::try_from(old.device.get() - 1).unwrap();
        let next = self.fresh(rank, old.wave, old.number + 1);
        self.executions.insert(rank, next);
    }

    /// Carries a step out if it still holds, as the application does.
    fn carry_out(&mut self, step: &Step) {
        match step {
            Step::Start => {
                if matches!(self.job.state, JobState::Scheduled { .. }) {
                    self.job.state = JobState::Running;
                }
            }
            Step::Offer { wave, ranks } => {
                if self.job.progress.offered != ranks.start {
                    return;
                }
                for rank in ranks.clone() {
                    let mut execution = self.fresh(rank, *wave, 1);
                    if self.habits[usize::try_from(rank).unwrap()] == Habit::Gone {
                        execution.state = ExecutionState::Removed;
                        execution.phase_due = None;
                    }
                    assert!(
                        self.executions.insert(rank, execution).is_none(),
                        "a device is offered work once"
                    );
                }
                self.job.progress = offered(self.job.progress, ranks);
            }
            Step::TimeOut(id) => {
                let (now, resumed, retries) = (self.now, self.job.progress.resumed_at, self.job.spec.retries);
                let execution = self.by_id(*id);
                if let Some(next) = execution.timed_out(&TIMEOUTS, resumed, None, now) {
                    *execution = next.clone();
                    if next.is_retried(retries) {
                        self.again(*id);
                    }
                }
            }
            Step::Retry(id) => {
                if self.executions.values().any(|e| e.id == *id && e.outcome() == Outcome::Failed) {
                    self.again(*id);
                }
            }
            Step::RetriesDone => self.job.progress.retry = None,
            Step::Withdraw(id) => {
                let now = self.now;
                let execution = self.by_id(*id);
                if let Some(next) = execution.withdrawn("canceled", now) {
                    *execution = next;
                }
            }
            Step::Halt(halt) => self.job.state = JobState::Halted(halt.clone()),
            Step::PauseAfter(wave) => {
                self.job.progress.passed = wave + 1;
                self.job.state = JobState::Paused;
            }
            Step::End => {
                self.job.progress.is_over = true;
                self.job.state = JobState::Stopping { begun: Begun::Finish };
            }
            Step::Complete => self.job.state = JobState::Completed,
            Step::JudgePast(judged) => {
                self.job.past = self.job.past.map(|past| past.judged_as(*judged));
            }
            Step::EndCanceled => self.job.state = JobState::Canceled,
        }
    }

    fn settle(&mut self, batch: u64) {
        for _ in 0..1_000 {
            let plan = self.plan(batch);
            if plan.steps.is_empty() {
                return;
            }
            self.check_offers(&plan);
            for step in &plan.steps {
                self.carry_out(step);
            }
            let after = self.clone();
            if plan
                .steps
                .iter()
                .all(|step| !matches!(step, Step::TimeOut(_) | Step::Retry(_) | Step::Withdraw(_)))
            {
                for step in &plan.steps {
                    self.carry_out(step);
                }
                assert_eq!(*self, after, "carrying a plan out twice does nothing new");
            }
        }
        panic!("the planner goes round in circles: {:?}", self.plan(batch));
    }

    fn check_offers(&self, plan: &Plan) {
        let waves = self.job.wave_ranges();
        for step in &plan.steps {
            let Step::Offer { wave, ranks } = step else { continue };
            let (_, range) = waves.iter().find(|(number, _)| number == wave).unwrap();
            assert!(ranks.start >= range.start && ranks.end <= range.end, "never more than the wave");
            assert_eq!(ranks.start, self.job.progress.offered);
            assert!(!ranks.is_empty());
            let earlier = Standing::of(&self.tallies(), |w| w < *wave);
            let waits = self.job.spec.waves.iter().all(|wave| wave.success.is_none());
            assert!(!waits || earlier.is_settled(), "a wave begins when those before it are settled");
            assert_eq!(
                halt(&self.job, &Standings::of(&self.tallies())),
                None,
                "nothing is offered over the threshold"
            );
        }
    }

    /// Every device does what it does, once.
    fn devices_act(&mut self) {
        let now = self.now;
        let retries = self.job.spec.retries;
        let visible = self.job.state == JobState::Running;
        let mut again = Vec::new();
        for (rank, execution) in &mut self.executions {
            let habit = self.habits[usize::try_from(*rank).unwrap()];
            if execution.state == ExecutionState::Queued && !visible {
                continue;
            }
            let says = |status| DeviceReport {
                status,
                details: None,
                expected_version: None,
                step: StepTimer::Keep,
            };
            let status = match (execution.state, habit) {
                (ExecutionState::Queued, Habit::NeverPicksUp | Habit::Gone) => None,
                (ExecutionState::Queued, Habit::Rejects) => Some(ReportedStatus::Rejected),
                (ExecutionState::Queued, _) => Some(ReportedStatus::InProgress),
                (ExecutionState::InProgress, Habit::Fails) => Some(ReportedStatus::Failed),
                (ExecutionState::InProgress, Habit::NeverFinishes) => None,
                (ExecutionState::InProgress, _) => Some(ReportedStatus::Succeeded),
                (ExecutionState::Succeeded, _) if execution.verdict == Verdict::Pending => {
                    match habit {
                        Habit::Obeys => *execution = execution.clone().judged(Verdict::Verified, "", now),
                        Habit::RollsBack => {
                            *execution = execution.clone().judged(Verdict::RolledBack, "old", now)
                        }
                        _ => {}
                    }
                    None
                }
                _ => None,
            };
            let Some(status) = status else { continue };
            let Ok(mut next) = execution.report(&says(status), &TIMEOUTS, now) else { continue };
            if next.outcome() == Outcome::Verifying {
                next = match habit {
                    Habit::Unverifiable => next.judged(Verdict::Unverifiable, "", now),
                    _ => next.verifying_until(now.plus(TIMEOUTS.verify.unwrap())),
                };
            }
            *execution = next;
            if execution.is_retried(retries) {
                again.push(execution.id);
            }
        }
        for id in again {
            self.again(id);
        }
    }

    fn run(&mut self, batch: u64) {
        for _ in 0..10_000 {
            self.settle(batch);
            if matches!(
                self.job.state,
                JobState::Completed | JobState::Canceled | JobState::Halted(_) | JobState::Paused
            ) {
                return;
            }
            self.now = self.now.plus(Duration::from_secs(7));
            self.devices_act();
        }
        panic!("the job never ends: {:?}", self.job);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_job_always_ends_and_a_completed_one_has_settled_every_target(
        habits in proptest::collection::vec(any_habit(), 1..30),
        waves in proptest::collection::vec(any_amount(), 0..4),
        threshold in any_threshold(),
        retries in 0_u32..3,
        batch in 1_u64..12,
    ) {
        let mut model = Model::new(habits.clone(), waves, threshold, retries);
        model.run(batch);
        match &model.job.state {
            JobState::Completed => {
                prop_assert_eq!(model.executions.len(), habits.len());
                prop_assert!(model.executions.values().all(|e| e.outcome().is_settled()));
                for (rank, execution) in &model.executions {
                    let expected = match habits[usize::try_from(*rank).unwrap()] {
                        Habit::Obeys | Habit::Unverifiable => Outcome::Succeeded,
                        Habit::Gone => Outcome::Skipped,
                        _ => Outcome::Failed,
                    };
                    prop_assert_eq!(execution.outcome(), expected);
                    prop_assert!(execution.number <= i64::from(retries) + 1);
                }
                prop_assert_eq!(halt(&model.job, &Standings::of(&model.tallies())), None);
            }
            JobState::Halted(halt) => {
                prop_assert!(threshold.is_some());
                prop_assert!(halt.failed > 0);
            }
            other => prop_assert!(false, "ended as {other:?}"),
        }
    }

    #[test]
    fn a_canceled_job_withdraws_what_is_open_and_ends(
        habits in proptest::collection::vec(any_habit(), 1..30),
        waves in proptest::collection::vec(any_amount(), 0..4),
        rounds in 0_usize..6,
        in_progress_too: bool,
    ) {
        let mut model = Model::new(habits, waves, None, 1);
        for _ in 0..rounds {
            model.settle(5);
            model.now = model.now.plus(Duration::from_secs(7));
            model.devices_act();
        }
        prop_assume!(model.job.state.allows(crate::job::states::JobAction::Cancel));
        let offered_before = model.job.progress.offered;
        let begun = if in_progress_too { Begun::Withdraw } else { Begun::Finish };
        model.job.state = JobState::Stopping { begun };
        // No try follows a cancellation.
        model.job.spec.retries = 0;
        model.run(5);
        prop_assert_eq!(&model.job.state, &JobState::Canceled);
        prop_assert_eq!(model.job.progress.offered, offered_before);
        prop_assert!(model.executions.values().all(|e| e.outcome().is_settled()));
    }

    #[test]
    fn resuming_and_retrying_until_done_gets_every_target_settled(
        habits in proptest::collection::vec(any_habit(), 1..30),
        waves in proptest::collection::vec(any_amount(), 0..4),
        threshold in any_threshold(),
        retry: bool,
    ) {
        let mut model = Model::new(habits, waves, threshold, 0);
        for round in 0..200 {
            model.run(4);
            let JobState::Halted(_) = model.job.state else { break };
            model.job.progress.resumed_at = Some(model.now);
            // An operator who retries for ever what can only fail would be at it for ever.
            if retry && round < 6 && round % 2 == 0 {
                model.job.progress.accepted = Accepted::default();
                let up_to = model.executions.values().map(|e| e.id).max().unwrap();
                model.job.progress.retry = Some(Retry { after: ExecutionId::new(0), up_to });
            } else {
                model.job.progress.accepted = accept(&model.job, &model.tallies());
            }
            model.job.state = JobState::Running;
        }
        prop_assert_eq!(&model.job.state, &JobState::Completed);
        prop_assert!(model.executions.values().all(|e| e.outcome().is_settled()));
    }
}

#[test]
fn bad_firmware_is_stopped_in_the_first_wave() {
    let threshold = FailureThreshold {
        count: None,
        percent: Some(20),
        of: ShareOf::Finished,
        scope: ThresholdScope::Wave,
        minimum: 3,
    };
    let mut model = Model::new(vec![Habit::RollsBack; 25], vec![Amount::Count(5)], Some(threshold), 0);
    model.run(100);
    let JobState::Halted(halt) = &model.job.state else { panic!("{:?}", model.job.state) };
    assert_eq!((halt.wave, model.job.progress.offered), (0, 5));
    assert_eq!(halt.to_string(), "stopped in wave 1: 5 of 5 finished devices failed; at most 20 % may");
}

#[test]
fn tries_again_that_fail_again_stop_before_the_last_of_them() {
    let threshold = FailureThreshold {
        count: Some(2),
        percent: None,
        of: ShareOf::Finished,
        minimum: 0,
        scope: ThresholdScope::Job,
    };
    let mut model = Model::new(vec![Habit::Fails; 10], vec![], Some(threshold), 0);
    model.run(100);
    assert!(matches!(model.job.state, JobState::Halted(_)));
    model.job.spec.rollout.concurrency = Some(2);
    let up_to = model.executions.values().map(|e| e.id).max().unwrap();
    model.job.progress.retry = Some(Retry { after: ExecutionId::new(0), up_to });
    model.job.progress.accepted = Accepted::default();
    model.job.state = JobState::Running;
    model.run(100);
    let tried = |model: &Model| model.executions.values().filter(|e| e.number == 2).count();
    let JobState::Halted(halt) = &model.job.state else { panic!("{:?}", model.job.state) };
    assert_eq!((halt.failed, tried(&model)), (4, 4), "the other six were not tried again");
    assert!(model.plan(100).steps.is_empty(), "a halted job hands out nothing");
    // Whoever goes on accepts those four.
    model.job.progress.accepted = Accepted { job_failed: 4, job_finished: 4, ..Accepted::default() };
    model.job.state = JobState::Running;
    model.run(100);
    assert!(matches!(model.job.state, JobState::Halted(_)));
    assert_eq!(tried(&model), 8);
}

#[test]
fn tries_again_are_judged_in_each_wave_also_after_somebody_resumed_them() {
    let waves = vec![Amount::Count(5); 10];
    let mut model = Model::new(vec![Habit::Fails; 50], waves, None, 0);
    model.run(100);
    assert_eq!(model.job.state, JobState::Completed);
    model.job.spec.threshold = Some(FailureThreshold {
        count: Some(2),
        percent: None,
        of: ShareOf::Finished,
        minimum: 0,
        scope: ThresholdScope::Wave,
    });
    model.job.spec.rollout.concurrency = Some(2);
    let up_to = model.executions.values().map(|e| e.id).max().unwrap();
    model.job.progress.retry = Some(Retry { after: ExecutionId::new(0), up_to });
    model.job.progress.accepted = Accepted::default();
    model.job.state = JobState::Running;
    let mut tried = Vec::new();
    for wave in 0..4 {
        model.run(100);
        let JobState::Halted(halt) = &model.job.state else { panic!("{:?}", model.job.state) };
        assert_eq!((halt.wave, halt.failed > 2), (wave, true), "{halt}");
        let again: Vec<Tally> = model
            .executions
            .values()
            .filter(|e| e.number == 2)
            .map(|e| Tally { wave: e.wave, state: e.state, verdict: e.verdict, count: 1, again: 0 })
            .collect();
        tried.push(again.len());
        model.job.progress.accepted = accept(&model.job, &again);
        model.job.state = JobState::Running;
    }
    assert_eq!(tried, [4, 8, 14, 18], "each wave stops it before the next one is through");
}

#[test]
fn a_paused_or_halted_job_offers_nothing_but_still_lets_timers_run_out() {
    let mut model = Model::new(vec![Habit::NeverFinishes; 3], vec![], None, 0);
    model.settle(2);
    model.devices_act();
    model.job.state = JobState::Paused;
    model.now = model.now.plus(Duration::from_secs(50));
    model.settle(2);
    assert!(model.executions.values().all(|e| e.state == ExecutionState::TimedOut));
    assert_eq!(model.job.state, JobState::Paused);
}

#[test]
fn a_job_for_the_future_waits_for_its_time() {
    let mut model = Model::new(vec![Habit::Obeys], vec![], None, 0);
    model.job.state = JobState::Scheduled { start_at: Some(model.now.plus(Duration::from_secs(1))) };
    assert_eq!(model.plan(1).steps, []);
    model.now = model.now.plus(Duration::from_secs(1));
    assert_eq!(model.plan(1).steps, [Step::Start]);
    model.job.state = JobState::Scheduled { start_at: None };
    assert_eq!(model.plan(1).steps, []);
}

fn with_policy(habits: Vec<Habit>, waves: Vec<Wave>, rollout: RolloutPolicy) -> Model {
    let mut model = Model::new(habits, vec![], None, 0);
    model.job.spec.waves = waves;
    model.job.spec.rollout = rollout;
    model
}

#[test]
fn a_wave_that_succeeded_well_enough_does_not_wait_for_its_last_device() {
    let half = RolloutPolicy { success: Some(SuccessThreshold { percent: 50 }), ..RolloutPolicy::default() };
    let habits = vec![Habit::Unverifiable, Habit::NeverPicksUp, Habit::Unverifiable];
    let mut model = with_policy(habits, vec![Amount::Count(2).into()], half);
    model.job.state = JobState::Running;
    let step = model.plan(100).steps.pop().unwrap();
    model.carry_out(&step);
    assert_eq!(model.plan(100).steps, [], "nobody succeeded yet");
    model.devices_act();
    model.devices_act();
    assert_eq!(model.plan(100).steps, [Step::Offer { wave: 1, ranks: 2..3 }]);
}

#[test]
fn a_wave_that_falls_short_of_its_success_halts_until_an_operator_goes_on() {
    let most = RolloutPolicy { success: Some(SuccessThreshold { percent: 80 }), ..RolloutPolicy::default() };
    let habits = vec![Habit::Unverifiable, Habit::Fails, Habit::Unverifiable];
    let mut model = with_policy(habits, vec![Amount::Count(2).into()], most);
    model.run(100);
    let JobState::Halted(halt) = &model.job.state else { panic!("{:?}", model.job.state) };
    assert!(halt.to_string().ends_with("at least 80 % of the wave must succeed"), "{halt}");
    model.job.progress.accepted = accept(&model.job, &model.tallies());
    model.job.state = JobState::Running;
    model.run(100);
    assert_eq!(model.job.state, JobState::Completed);
}

/// Waves of four and of one of which half must succeed and no more than half may fail, with this habit of each device.
/// Stands where an operator went on with what stopped it, if anything did.
fn resumed(habits: [Habit; 4]) -> Model {
    let half = Wave {
        success: Some(SuccessThreshold { percent: 50 }),
        failure: Some(FailureThreshold {
            count: None,
            percent: Some(50),
            of: ShareOf::All,
            minimum: 0,
            scope: ThresholdScope::Wave,
        }),
        ..Amount::Count(4).into()
    };
    let habits = habits.into_iter().chain([Habit::Unverifiable]).collect();
    let mut model = with_policy(habits, vec![half], RolloutPolicy::default());
    for _ in 0..2 {
        model.settle(100);
        model.devices_act();
    }
    model.settle(100);
    if matches!(model.job.state, JobState::Halted(_)) {
        model.job.progress.accepted = accept(&model.job, &model.tallies());
        model.job.progress.resumed_at = Some(model.now);
        model.job.state = JobState::Running;
    }
    model
}

#[test]
fn a_wave_that_an_operator_goes_on_with_is_passed_where_it_can_succeed_no_more() {
    let mut model = resumed([Habit::Fails, Habit::Fails, Habit::Fails, Habit::NeverPicksUp]);
    assert_eq!(model.job.progress.accepted.wave_failed, 3);
    assert_eq!(model.plan(100).steps, [Step::Offer { wave: 1, ranks: 4..5 }], "nobody waits for the fourth");
    // That one is judged by itself, and only once.
    model.run(100);
    assert!(matches!(&model.job.state, JobState::Halted(halt) if halt.wave == 0), "{:?}", model.job.state);
    assert_eq!(model.job.progress.offered, 5);
    model.job.progress.accepted = accept(&model.job, &model.tallies());
    model.job.state = JobState::Running;
    model.run(100);
    assert_eq!(model.job.state, JobState::Completed);
}

#[test]
fn a_last_wave_that_an_operator_gave_up_ends_the_job_when_it_is_settled() {
    let mut model = resumed([Habit::Fails, Habit::Fails, Habit::Fails, Habit::NeverFinishes]);
    model.job.target_count = 4;
    let last = model.by_id(ExecutionId::new(1_004)).clone();
    *model.by_id(ExecutionId::new(1_004)) = last.judged(Verdict::Unverifiable, "", model.now);
    assert_eq!(model.plan(100).steps, [Step::Complete], "that it fell short is nothing new");
}

#[test]
fn a_wave_that_nobody_stopped_or_that_may_succeed_yet_is_waited_for() {
    let model = resumed([Habit::Fails, Habit::Fails, Habit::NeverFinishes, Habit::NeverPicksUp]);
    assert_eq!(
        (&model.job.state, model.plan(100).steps),
        (&JobState::Running, vec![]),
        "half may yet do well"
    );
    let mut tried = resumed([Habit::Fails, Habit::Fails, Habit::Fails, Habit::NeverPicksUp]);
    tried.again(ExecutionId::new(1_001));
    assert_eq!(tried.plan(100).steps, [], "one of those that failed is at it again");
}

#[test]
fn a_job_pauses_after_a_wave_that_says_so_and_only_once() {
    let first = Wave { pause_after: true, ..Amount::Count(1).into() };
    let mut model = with_policy(vec![Habit::Unverifiable; 2], vec![first], RolloutPolicy::default());
    model.run(100);
    assert_eq!((&model.job.state, model.job.progress.offered), (&JobState::Paused, 1));
    model.job.state = JobState::Running;
    model.run(100);
    assert_eq!(model.job.state, JobState::Completed);
}

#[test]
fn no_more_devices_have_work_than_the_cap_allows() {
    let capped = RolloutPolicy { concurrency: Some(2), ..RolloutPolicy::default() };
    let mut model = with_policy(vec![Habit::Unverifiable; 5], vec![], capped);
    model.job.state = JobState::Running;
    for _ in 0..5 {
        for step in model.plan(100).steps {
            model.carry_out(&step);
        }
        assert!(model.executions.values().filter(|e| !e.outcome().is_settled()).count() <= 2);
        model.devices_act();
    }
    model.run(100);
    assert_eq!(model.job.state, JobState::Completed);
}

#[test]
fn at_its_end_time_a_job_withdraws_what_was_not_begun_and_is_over() {
    let mut model = with_policy(
        vec![Habit::NeverPicksUp, Habit::Unverifiable],
        vec![Amount::Count(1).into()],
        RolloutPolicy { ends_at: Some(Timestamp::from_seconds(1_010)), ..RolloutPolicy::default() },
    );
    model.settle(100);
    assert_eq!(model.job.progress.offered, 1);
    model.now = Timestamp::from_seconds(1_010);
    model.settle(100);
    assert_eq!((&model.job.state, model.job.progress.offered), (&JobState::Completed, 1));
    assert!(model.executions.values().all(|e| e.state == ExecutionState::Canceled));
}

#[test]
fn a_continuous_job_is_never_complete_and_a_wave_of_nobody_is_passed_over() {
    let later = RolloutPolicy {
        continuous: Some(crate::job::rollout::Continuous { query: "tag==a".to_owned(), wave_size: 10 }),
        ..RolloutPolicy::default()
    };
    let mut model = with_policy(vec![Habit::Unverifiable; 3], vec![], later);
    model.job.frozen_waves = FrozenWave::in_order(vec![1, 0, 1]);
    for _ in 0..8 {
        model.settle(100);
        model.devices_act();
    }
    model.settle(100);
    assert_eq!((&model.job.state, model.job.progress.offered), (&JobState::Running, 2));
    model.job.frozen_waves.push(FrozenWave { number: 3, size: 1 });
    assert_eq!(model.plan(100).steps, [Step::Offer { wave: 3, ranks: 2..3 }]);
}

#[test]
fn failures_of_an_earlier_wave_stop_the_job_as_well() {
    let first = Wave {
        success: Some(SuccessThreshold { percent: 50 }),
        failure: Some(FailureThreshold {
            count: Some(0),
            percent: None,
            of: ShareOf::Finished,
            minimum: 0,
            scope: ThresholdScope::Wave,
        }),
        ..Amount::Count(2).into()
    };
    let habits = vec![Habit::Unverifiable, Habit::NeverFinishes, Habit::NeverPicksUp];
    let mut model = with_policy(habits, vec![first], RolloutPolicy::default());
    model.settle(100);
    model.devices_act();
    model.devices_act();
    model.settle(100);
    assert_eq!(model.job.progress.offered, 3, "half of the first wave is enough");
    model.now = model.now.plus(TIMEOUTS.in_progress);
    model.settle(100);
    assert!(matches!(&model.job.state, JobState::Halted(halt) if halt.wave == 0), "{:?}", model.job.state);
}

#[test]
fn a_command_that_expired_is_offered_to_nobody_else() {
    let command = crate::job::command::Command {
        name: "reboot".parse().unwrap(),
        arguments: serde_json::Map::new(),
        expires_in: Duration::from_secs(60),
        template: None,
        device_types: Vec::new(),
    };
    let plain = crate::job::fixture::job();
    let mut job = Job {
        started_at: Some(Timestamp::from_seconds(0)),
        target_count: 2,
        spec: JobSpec {
            what: What::Command(command),
            waves: vec![Amount::Count(1).into()],
            ..plain.spec.clone()
        },
        ..plain
    };
    job.progress.offered = 1;
    let open =
        [Tally { wave: 0, state: ExecutionState::InProgress, verdict: Verdict::Pending, again: 0, count: 1 }];
    let done = [Tally {
        wave: 0,
        state: ExecutionState::Succeeded,
        verdict: Verdict::Unverifiable,
        again: 0,
        count: 1,
    }];
    let steps = |job: &Job, tallies: &[Tally], seconds: i64| {
        let observed =
            Observed { tallies, due: &[], retryable: &[], again: &[], withdrawable: &[], batch: 10 };
        plan(job, &observed, Timestamp::from_seconds(seconds)).steps
    };
    assert_eq!(steps(&job, &done, 59), [Step::Offer { wave: 1, ranks: 1..2 }]);
    assert_eq!(steps(&job, &done, 60), [Step::End]);
    job.progress.offered = 2;
    assert_eq!(steps(&job, &open, 60), [], "nobody is left; who is at it goes on");
    let query = "tag==a".to_owned();
    job.spec.rollout.continuous = Some(crate::job::rollout::Continuous { query, wave_size: 1 });
    assert_eq!(steps(&job, &done, 59), [], "it waits for more");
    assert_eq!(steps(&job, &done, 60), [Step::End], "whoever comes later would only be counted as failed");
}

//! Continuous jobs over many waves: those long settled are told as one, and nothing of them is lost.

use serde_json::json;
use windlass_app::ddi::Failed;
use windlass_app::devices::LifecycleChange;
use windlass_app::jobs::{NewJob, NewTargets};
use windlass_domain::ids::JobId;
use windlass_domain::job::past::LATEST;
use windlass_domain::job::{
    Continuous, ExecutionState, FailureThreshold, JobState, Outcome, RolloutPolicy, ShareOf, Standing,
    ThresholdScope, Verdict,
};
use windlass_domain::permission::{Principal, Role};
use windlass_wire::ddi::{Execution as Said, Finished, InstalledBase};

use crate::ddi::{RAUC, says, shown, worlds};
use crate::world::{World, update_job};

/// More waves than are kept on their own.
const WAVES: usize = 2 * LATEST + 3;

/// A job that stops at the first failure of a wave, for devices that join one at a time in order of their numbers.
async fn one_by_one(world: &mut World, count: usize) -> (JobId, Vec<String>) {
    world.release("2.0", &[]).await;
    let names = world.devices(count).await;
    world.attribute(&names[0], "ring", "early").await;
    world.refresh().await;
    let query = "attribute.ring==early".to_owned();
    let continuous = Some(Continuous { query: query.clone(), wave_size: 1 });
    let threshold = FailureThreshold {
        count: Some(0),
        percent: None,
        of: ShareOf::Finished,
        minimum: 0,
        scope: ThresholdScope::Wave,
    };
    let new = NewJob {
        targets: NewTargets::Query(query),
        rollout: RolloutPolicy { continuous, ..RolloutPolicy::default() },
        threshold: Some(threshold),
        ..update_job("2.0", &[])
    };
    let id = world.create(new).await;
    for name in &names[1..] {
        world.attribute(name, "ring", "early").await;
    }
    world.refresh().await;
    world.settle().await;
    (id, names)
}

#[tokio::test]
async fn waves_long_settled_are_told_as_one_and_a_late_wave_is_still_judged_on_its_own() {
    for mut world in World::each("past-waves").await {
        let (id, names) = one_by_one(&mut world, WAVES).await;
        let (last, rest) = names.split_last().unwrap();
        for (done, name) in rest.iter().enumerate() {
            world.work(name, "SUCCEEDED", "").await;
            world.reports_version(name, "2.0").await;
            world.settle().await;
            let view = world.job(id).await;
            assert_eq!(usize::try_from(view.current_wave).unwrap(), done + 1, "each is a wave of its own");
            assert!(view.waves.len() <= 2 * LATEST + 2, "{} waves are listed", view.waves.len());
        }
        world.restart().await;
        world.settle().await;
        let view = world.job(id).await;
        let told: u32 = view.waves.iter().map(|wave| wave.counts).sum();
        let past = view.waves.iter().find(|wave| wave.counts > 1).unwrap();
        assert_eq!((usize::try_from(told).unwrap(), past.number), (WAVES, 1));
        assert_eq!(past.standing.succeeded, u64::from(past.counts));
        let all = u64::try_from(rest.len()).unwrap();
        assert_eq!(view.standing, Standing { succeeded: all, queued: 1, ..Standing::default() });
        world.work(last, "FAILED", "battery low").await;
        world.settle().await;
        let view = world.job(id).await;
        let JobState::Halted(halt) = &view.job.state else { panic!("{:?}", view.job.state) };
        assert_eq!(usize::try_from(halt.wave).unwrap(), WAVES - 1);
        let said = halt.to_string();
        assert_eq!(said, format!("stopped in wave {WAVES}: 1 of 1 finished devices failed; at most 0 may"));
    }
}

#[tokio::test]
async fn what_still_moves_in_a_folded_wave_is_counted_in_the_past() {
    let mut world = World::new().await;
    let (id, names) = one_by_one(&mut world, WAVES).await;
    for name in &names {
        world.work(name, "FAILED", "battery low").await;
        world.settle().await;
        world.app().job_resume(&world.by, id, None).await.unwrap();
        world.settle().await;
    }
    let all = u64::try_from(names.len()).unwrap();
    assert_eq!(world.job(id).await.standing, Standing { failed: all, ..Standing::default() });
    assert!(world.job(id).await.waves.iter().any(|wave| wave.counts > 1), "what was forgiven is folded too");
    world.app().job_retry_failed(&world.by, id, None).await.unwrap();
    world.settle().await;
    assert!(world.accepted(&names[2], "start-next", json!({})).await.get("execution").is_some());
    let view = world.job(id).await;
    let past = view.waves.iter().find(|wave| wave.counts > 1).unwrap();
    assert_eq!(past.standing.in_progress, 1);
    assert_eq!(past.standing.queued + 1, u64::from(past.counts), "each was offered it again");
    let tries = world.executions(id).await;
    let again = tries.iter().find(|one| one.number == 2 && one.state == ExecutionState::InProgress).unwrap();
    assert_eq!(again.wave, 2, "an execution keeps the number of its wave");
    let judged = async |world: &World| world.job(id).await.job.past.unwrap().judged.unwrap().failed;
    let before = judged(&world).await;
    world.accepted(&names[2], &format!("{id}/update"), json!({ "status": "SUCCEEDED" })).await;
    world.reports_version(&names[2], "2.0").await;
    world.settle().await;
    world.restart().await;
    assert_eq!(judged(&world).await, before - 1, "it makes no room for another failure");
}

#[tokio::test]
async fn a_fold_stands_where_no_device_joins_with_it() {
    let mut world = World::new().await;
    // The first wave, and as many more as are folded at once.
    let (id, names) = one_by_one(&mut world, 2 * LATEST + 1).await;
    for name in &names {
        world.work(name, "SUCCEEDED", "").await;
        world.reports_version(name, "2.0").await;
        world.settle().await;
    }
    world.advance(60);
    world.settle().await;
    let folded = world.job(id).await;
    let told: u32 = folded.waves.iter().map(|wave| wave.counts).sum();
    let targets: u64 = folded.waves.iter().map(|wave| wave.targets).sum();
    assert!(folded.waves.len() < names.len(), "{} waves are listed", folded.waves.len());
    assert_eq!((usize::try_from(told).unwrap(), targets), (names.len(), folded.job.target_count));
    let listed = folded.waves.len();
    // Whoever joins next is the only one in the next wave.
    world.device("late", None).await;
    world.attribute("late", "ring", "early").await;
    world.refresh().await;
    world.settle().await;
    let view = world.job(id).await;
    assert_eq!((view.waves.len(), view.standing.queued), (listed + 1, 1));
    let last = view.waves.last().unwrap();
    assert_eq!((usize::try_from(last.number).unwrap(), last.standing.queued), (names.len(), 1));
}

#[tokio::test]
async fn a_device_left_out_in_a_folded_wave_is_offered_it_in_a_wave_of_its_own_that_still_stops_the_job() {
    for mut world in World::each("past-anew").await {
        let (id, names) = one_by_one(&mut world, 2 * LATEST + 2).await;
        let admin = Principal::user(world.tenant, "anna", Role::Admin);
        let suspended = names[1].clone();
        let change = async |world: &World, change: LifecycleChange| {
            let name = suspended.parse().unwrap();
            world.app().device_lifecycle(&admin, &name, change, None).await.unwrap();
        };
        change(&world, LifecycleChange::Suspend).await;
        for name in names.iter().filter(|name| **name != suspended) {
            world.work(name, "SUCCEEDED", "").await;
            world.reports_version(name, "2.0").await;
            world.settle().await;
        }
        world.advance(60);
        world.settle().await;
        let before = world.job(id).await;
        let past = before.waves.iter().find(|wave| wave.counts > 1).unwrap();
        assert_eq!((past.number, past.standing.skipped), (1, 1), "whom it left out is counted in the past");
        change(&world, LifecycleChange::Resume).await;
        world.advance(60);
        world.settle().await;
        let view = world.job(id).await;
        let last = view.waves.last().unwrap();
        assert_eq!((last.number, last.targets, last.standing.queued), (before.current_wave + 1, 1, 1));
        let sizes: u64 = view.waves.iter().map(|wave| wave.targets).sum();
        assert_eq!((sizes, view.standing.skipped), (view.job.target_count, 0));
        let now_past = view.waves.iter().find(|wave| wave.number == 1).unwrap();
        assert_eq!((now_past.targets, now_past.standing.skipped), (past.targets - 1, 0));
        world.restart().await;
        world.settle().await;
        world.work(&suspended, "FAILED", "battery low").await;
        world.settle().await;
        let JobState::Halted(halt) = world.job(id).await.job.state else { panic!("it goes on") };
        assert_eq!(halt.wave, before.current_wave + 1);
    }
}

#[tokio::test]
async fn a_device_of_a_folded_wave_that_falls_back_stops_the_job_and_an_operator_goes_on() {
    for mut world in worlds("past-falls-back").await {
        let (id, names) = one_by_one(&mut world, 2 * LATEST + 3).await;
        // An early one speaks hawkBit's interface and is believed; the others show what they run.
        let early = names[4].as_str();
        let peer = world.app().ddi_identify(shown(early, RAUC)).await.unwrap();
        for name in &names {
            if name == early {
                let action = world.executions(id).await.iter().map(|one| one.id).max().unwrap();
                world.app().ddi_feedback(&peer, action, says(Said::Closed, Finished::Success)).await.unwrap();
            } else {
                world.work(name, "SUCCEEDED", "").await;
                world.reports_version(name, "2.0").await;
            }
            world.settle().await;
        }
        let view = world.job(id).await;
        assert!(view.waves.iter().all(|wave| wave.number != 4), "its wave is folded");
        let old = InstalledBase { name: "fw".to_owned(), version: "1.0".to_owned() };
        let told = world.app().ddi_installed_base(&peer, old).await;
        assert!(matches!(told, Err(Failed::UnknownRelease { .. })), "{told:?}");
        world.settle().await;
        assert_eq!(world.job(id).await.job.state, JobState::Running, "it may not have restarted yet");
        world.advance(31 * 60);
        world.settle().await;
        let fell = world.executions(id).await.into_iter().find(|one| one.device == peer.device).unwrap();
        assert_eq!((fell.verdict, fell.outcome()), (Verdict::RolledBack, Outcome::Failed));
        world.restart().await;
        let view = world.job(id).await;
        let JobState::Halted(halt) = &view.job.state else { panic!("{:?}", view.job.state) };
        assert_eq!((halt.wave, halt.failed), (1, 1));
        assert!(halt.to_string().ends_with("they failed after their waves had been settled"), "{halt}");
        world.app().job_resume(&world.by, id, None).await.unwrap();
        world.settle().await;
        assert_eq!(world.job(id).await.job.state, JobState::Running, "that was gone on with");
    }
}

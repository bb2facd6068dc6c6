//! Second chances: devices that were left out, tries after a failure, and rollouts that end while devices are at work.

use std::time::Duration;

use serde_json::json;
use windlass_app::AppError;
use windlass_app::access::NewToken;
use windlass_app::ddi::{DdiPeer, Next, Wanted};
use windlass_app::devices::LifecycleChange;
use windlass_app::jobs::{Approval, NewJob, NewTargets};
use windlass_app::types::NewTypeSpec;
use windlass_domain::device_type::{Signing, VersionSource};
use windlass_domain::ids::{ExecutionId, JobId, TokenId};
use windlass_domain::job::{
    Amount, Begun, Consent, Continuous, Execution, ExecutionState, FailureThreshold, Handling, JobState,
    RolloutPolicy, ShareOf, SuccessThreshold, ThresholdScope, Timeouts, Verdict, Wave,
};
use windlass_domain::limits::Limits;
use windlass_domain::permission::{Actor, Principal, Role};
use windlass_store::ChangeKind;
use windlass_store::testing::feed_is_whole;
use windlass_wire::ddi::{Execution as Said, Finished};

use crate::ddi::{RAUC, job, peer, poll, says, state, worlds};
use crate::world::{World, update_job};

fn admin(world: &World) -> Principal {
    Principal::user(world.tenant, "anna", Role::Admin)
}

async fn change(world: &World, name: &str, change: LifecycleChange) {
    world.app().device_lifecycle(&admin(world), &name.parse().unwrap(), change, None).await.unwrap();
}

/// The latest try of each device, in their order.
async fn latest(world: &World, id: JobId) -> Vec<Execution> {
    let mut all = world.executions(id).await;
    all.sort_by_key(|execution| (execution.device, execution.number));
    let last = all
        .iter()
        .enumerate()
        .filter(|(place, execution)| all.get(place + 1).is_none_or(|next| next.device != execution.device));
    last.map(|(_, execution)| execution.clone()).collect()
}

fn continuous(names: &[String], wave_size: u64) -> NewJob {
    let query = "attribute.ring==early".to_owned();
    let rollout = RolloutPolicy {
        continuous: Some(Continuous { query: query.clone(), wave_size }),
        ..RolloutPolicy::default()
    };
    NewJob { targets: NewTargets::Query(query), rollout, ..update_job("2.0", names) }
}

#[tokio::test]
async fn a_continuous_job_takes_devices_in_that_it_left_out_once_nothing_speaks_against_them() {
    for mut world in World::each("again-continuous").await {
        let names = world.devices(4).await;
        for name in &names {
            world.attribute(name, "ring", "early").await;
        }
        world.refresh().await;
        for name in &names[1..] {
            change(&world, name, LifecycleChange::Suspend).await;
        }
        world.release("2.0", &[]).await;
        let id = world.create(continuous(&names, 1)).await;
        world.settle().await;
        let open = async |world: &World| -> usize {
            latest(world, id).await.iter().filter(|one| one.state.is_open()).count()
        };
        assert_eq!(open(&world).await, 1);
        world.work(&names[0], "SUCCEEDED", "").await;
        world.reports_version(&names[0], "2.0").await;
        world.advance(60);
        world.settle().await;
        assert_eq!(open(&world).await, 0, "they are suspended still");
        for name in &names[1..3] {
            change(&world, name, LifecycleChange::Resume).await;
        }
        world.refresh().await;
        world.advance(60);
        world.settle().await;
        assert_eq!(open(&world).await, 1, "no more at once than a wave of it holds");
        let again = latest(&world, id).await[1].clone();
        assert_eq!((again.number, again.state), (1, ExecutionState::Queued), "it was not tried before");
        world.work(&names[1], "SUCCEEDED", "").await;
        world.reports_version(&names[1], "2.0").await;
        world.advance(60);
        world.settle().await;
        world.work(&names[2], "SUCCEEDED", "").await;
        world.reports_version(&names[2], "2.0").await;
        world.advance(60);
        world.restart().await;
        world.settle().await;
        let standing = world.job(id).await.standing;
        assert_eq!((standing.succeeded, standing.skipped, standing.queued), (3, 1, 0), "{standing:?}");
        assert_eq!(world.executions(id).await.len(), 6, "nobody gets it twice");
    }
}

#[tokio::test]
async fn the_first_failure_of_a_device_that_was_left_out_is_its_first_try() {
    for mut world in World::each("again-first").await {
        let names = world.devices(2).await;
        for name in &names {
            world.attribute(name, "ring", "early").await;
        }
        world.refresh().await;
        change(&world, &names[1], LifecycleChange::Suspend).await;
        world.release("2.0", &[]).await;
        let id = world.create(NewJob { retries: 1, ..continuous(&names, 5) }).await;
        world.settle().await;
        world.work(&names[0], "SUCCEEDED", "").await;
        world.reports_version(&names[0], "2.0").await;
        change(&world, &names[1], LifecycleChange::Resume).await;
        world.refresh().await;
        world.advance(60);
        world.settle().await;
        world.work(&names[1], "FAILED", "battery low").await;
        world.settle().await;
        let last = latest(&world, id).await[1].clone();
        assert_eq!((last.number, last.state), (2, ExecutionState::Queued), "it has the one try again");
        world.work(&names[1], "FAILED", "battery low").await;
        world.settle().await;
        let tries = world.executions(id).await;
        let of_it = tries.iter().filter(|one| one.device == last.device);
        assert_eq!(of_it.map(|one| one.number).collect::<Vec<_>>(), [0, 1, 2], "no more than that");
    }
}

/// A rollout of 1.0, also to devices that run something newer, that goes on taking devices in.
fn older(names: &[String]) -> NewJob {
    let later = continuous(names, 1);
    let rollout = RolloutPolicy { allow_downgrade: true, ..later.rollout };
    NewJob { what: update_job("1.0", &[]).what, rollout, ..later }
}

/// A rollout of 1.0 that goes on taking devices in, and a later one of 2.0 that takes its place on the second device.
async fn overtaken(world: &mut World) -> (JobId, JobId, Vec<String>) {
    overtaken_by(world, "2.0", Handling::Forced).await
}

async fn overtaken_by(world: &mut World, version: &str, handling: Handling) -> (JobId, JobId, Vec<String>) {
    let names = world.devices(2).await;
    world.release("1.0", &[]).await;
    world.release("2.0", &[]).await;
    for name in &names {
        world.attribute(name, "ring", "early").await;
    }
    world.refresh().await;
    let old = world.create(older(&names)).await;
    world.advance(1);
    let rollout = RolloutPolicy { supersede: true, handling, ..RolloutPolicy::default() };
    let new = world.create(NewJob { rollout, ..update_job(version, &names[1..]) }).await;
    (old, new, names)
}

#[tokio::test]
async fn what_was_only_downloaded_or_brought_the_same_release_is_in_place_of_nothing() {
    for (version, handling) in [("2.0", Handling::DownloadOnly), ("1.0", Handling::Forced)] {
        for mut world in World::each("again-not-outdone").await {
            let (old, new, names) = overtaken_by(&mut world, version, handling).await;
            while world.app().job_step(new).await.unwrap() {}
            world.settle().await;
            world.work(&names[0], "SUCCEEDED", "").await;
            world.reports_version(&names[0], "1.0").await;
            world.work(&names[1], "SUCCEEDED", "").await;
            if handling == Handling::Forced {
                world.reports_version(&names[1], "1.0").await;
                // It is reset to what it left the factory with.
                world.reports_version(&names[1], "0.9").await;
            }
            for _ in 0..3 {
                world.advance(60);
                world.settle().await;
            }
            let offered = latest(&world, old).await[1].clone();
            assert_eq!(offered.state, ExecutionState::Queued, "{version}: {}", offered.reason);
        }
    }
}

#[tokio::test]
async fn who_was_left_out_waits_until_the_wave_under_way_has_done_what_it_owes() {
    for mut world in World::each("again-owed").await {
        let names = world.devices(3).await;
        for name in &names {
            world.attribute(name, "ring", "early").await;
        }
        world.refresh().await;
        change(&world, &names[2], LifecycleChange::Suspend).await;
        world.release("2.0", &[]).await;
        let mut new = continuous(&names, 3);
        new.rollout.success = Some(SuccessThreshold { percent: 100 });
        let id = world.create(new).await;
        world.settle().await;
        world.work(&names[0], "FAILED", "battery low").await;
        change(&world, &names[2], LifecycleChange::Resume).await;
        world.refresh().await;
        world.advance(60);
        world.settle().await;
        assert_eq!(latest(&world, id).await[2].state, ExecutionState::Removed, "one is still at work");
        world.work(&names[1], "FAILED", "battery low").await;
        world.settle().await;
        let JobState::Halted(halt) = world.job(id).await.job.state else { panic!("it goes on") };
        assert_eq!((halt.wave, halt.failed), (0, 2));
    }
}

#[tokio::test]
async fn whether_a_device_that_was_left_out_is_asked_hangs_on_the_wave_it_belongs_to() {
    for mut world in World::each("again-asked").await {
        let names = world.devices(1).await;
        world.attribute(&names[0], "ring", "early").await;
        world.refresh().await;
        change(&world, &names[0], LifecycleChange::Suspend).await;
        world.release("2.0", &[]).await;
        let wave = Wave { consent: Some(true), ..Wave::from(Amount::Percent(100)) };
        let id = world.create(NewJob { waves: vec![wave], ..continuous(&names, 1) }).await;
        world.settle().await;
        change(&world, &names[0], LifecycleChange::Resume).await;
        world.refresh().await;
        world.advance(60);
        world.settle().await;
        let offered = latest(&world, id).await[0].clone();
        assert_eq!((offered.wave, offered.consent), (1, Consent::Awaited));
    }
}

#[tokio::test]
async fn a_device_that_a_later_rollout_brought_further_is_not_offered_the_older_release_anew() {
    for mut world in World::each("again-outdone").await {
        let (old, new, names) = overtaken(&mut world).await;
        // The later one is offered first; then it is the turn of the older one.
        while world.app().job_step(new).await.unwrap() {}
        world.settle().await;
        world.work(&names[0], "SUCCEEDED", "").await;
        world.reports_version(&names[0], "1.0").await;
        world.settle().await;
        let why = async |world: &World| world.app().job_why(&world.by, old, &names[1]).await.unwrap().why;
        world.work(&names[1], "SUCCEEDED", "").await;
        world.reports_version(&names[1], "2.0").await;
        for _ in 0..3 {
            world.advance(60);
            world.settle().await;
        }
        let left_out = latest(&world, old).await[1].clone();
        assert_eq!((left_out.number, left_out.state), (1, ExecutionState::Removed), "{}", left_out.reason);
        let reason = format!("the device has what the later job {new} brings in place of this one");
        assert_eq!(why(&world).await.sentence, format!("Skipped: {reason}."));
        assert!(world.accepted(&names[1], "start-next", json!({})).await.get("execution").is_none());
    }
}

#[tokio::test]
async fn a_device_that_a_later_rollout_brought_further_joins_no_older_one() {
    for mut world in World::each("again-outdone-join").await {
        let names = world.devices(2).await;
        world.release("1.0", &[]).await;
        world.release("2.0", &[]).await;
        world.attribute(&names[0], "ring", "early").await;
        world.refresh().await;
        let old = world.create(older(&names)).await;
        world.settle().await;
        world.work(&names[0], "SUCCEEDED", "").await;
        world.reports_version(&names[0], "1.0").await;
        world.advance(1);
        let rollout = RolloutPolicy { supersede: true, ..RolloutPolicy::default() };
        let new = world.create(NewJob { rollout, ..update_job("2.0", &names[1..]) }).await;
        world.settle().await;
        world.work(&names[1], "SUCCEEDED", "").await;
        world.reports_version(&names[1], "2.0").await;
        world.attribute(&names[1], "ring", "early").await;
        world.refresh().await;
        world.advance(60);
        world.settle().await;
        let left_out = latest(&world, old).await[1].clone();
        assert_eq!(left_out.state, ExecutionState::Removed);
        assert!(left_out.reason.contains(&format!("the later job {new}")), "{}", left_out.reason);
    }
}

#[tokio::test]
async fn a_device_that_failed_is_tried_again_though_it_shows_the_version_and_only_an_operator_takes_that_for_done()
 {
    let mut world = World::new().await;
    let names = world.pumps(&["p1"]).await;
    let id = world.create(NewJob { retries: 1, ..update_job("2.0", &names) }).await;
    world.settle().await;
    world.start_next(&names[0]).await;
    world.reports_version(&names[0], "2.0").await;
    world.accepted(&names[0], &format!("{id}/update"), json!({ "status": "FAILED" })).await;
    world.settle().await;
    let again = latest(&world, id).await[0].clone();
    assert_eq!((again.number, again.state, again.verdict), (2, ExecutionState::Queued, Verdict::Pending));
    world.work(&names[0], "FAILED", "no").await;
    world.settle().await;
    assert_eq!(latest(&world, id).await[0].number, 2);
    world.app().job_retry_failed(&world.by, id, None).await.unwrap();
    world.settle().await;
    let asked = latest(&world, id).await[0].clone();
    assert_eq!((asked.number, asked.verdict), (3, Verdict::Verified), "{}", asked.reason);
}

#[tokio::test]
async fn a_device_that_ran_out_of_time_is_tried_again_though_it_has_much_to_do_by_then() {
    let limits =
        Limits { open_executions: 1, free_disk_per_mille: 0, free_disk_bytes: 0, ..Limits::default() };
    let mut world = World::with(limits).await;
    let names = world.devices(1).await;
    world.release("1.0", &[]).await;
    world.release("2.0", &[]).await;
    let timeouts = Timeouts { in_progress: Duration::from_secs(60), ..Timeouts::default() };
    let id = world.create(NewJob { retries: 1, timeouts, ..update_job("1.0", &names) }).await;
    world.settle().await;
    world.start_next(&names[0]).await;
    world.limits.open_executions = 5;
    world.restart().await;
    world.rollout("2.0", &names).await;
    world.settle().await;
    world.limits.open_executions = 1;
    world.restart().await;
    world.advance(61);
    world.settle().await;
    let again = latest(&world, id).await[0].clone();
    assert_eq!((again.number, again.state), (2, ExecutionState::Queued), "{}", again.reason);
}

#[tokio::test]
async fn a_failure_is_not_tried_again_against_a_rule_that_came_since() {
    let mut world = World::new().await;
    let pump = world.device_type("pump", vec![VersionSource::Nowhere]).await;
    let names: Vec<String> = ["p1", "p2"].map(str::to_owned).to_vec();
    for name in &names {
        world.device(name, Some(pump)).await;
    }
    world.release("2.0", &[]).await;
    let id = world.create(NewJob { retries: 1, ..update_job("2.0", &names) }).await;
    world.settle().await;
    world.work("p1", "FAILED", "power cut").await;
    assert_eq!(latest(&world, id).await[0].number, 2, "as long as nothing speaks against it");
    world.start_next("p2").await;

    let name = "pump".parse().unwrap();
    let by = admin(&world);
    let version = world.app().type_get(&by, &name).await.unwrap().version;
    let signer = include_str!("../../src/artifacts/inspect/fixtures/release.pem").to_owned();
    let signing = Signing { signers: vec![signer], required: true };
    let spec = NewTypeSpec { signing, ..NewTypeSpec::default() };
    world.app().type_put(&by, &name, spec, Some(version)).await.unwrap();
    let failed = json!({ "status": "FAILED", "statusDetails": { "reason": "power cut" } });
    world.accepted("p2", &format!("{id}/update"), failed).await;
    world.settle().await;
    let of_p2 = latest(&world, id).await[1].clone();
    assert_eq!((of_p2.number, of_p2.state), (1, ExecutionState::Failed), "{of_p2:?}");
    assert!(
        of_p2.reason.starts_with("power cut; not tried again: the release is not signed as it must be"),
        "{}",
        of_p2.reason
    );
    world.app().job_retry_failed(&world.by, id, None).await.unwrap();
    world.settle().await;
    let of_p2 = latest(&world, id).await[1].clone();
    assert_eq!(of_p2.number, 1, "nor when an operator asks");
    assert_eq!(of_p2.reason.matches("not tried again").count(), 1, "{}", of_p2.reason);
}

#[tokio::test]
async fn devices_that_had_begun_a_canceled_rollout_go_back_with_the_others() {
    let mut world = World::new().await;
    let names = world.pumps(&["a", "b", "c"]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    world.start_next("a").await;
    world.start_next("b").await;
    world.app().job_cancel(&world.by, id, Begun::Ask, None).await.unwrap();
    world.settle().await;
    assert_eq!(world.job(id).await.job.state, JobState::Canceled);
    // One of them had been through with it by then.
    world.reports_version("a", "2.0").await;
    let back = world.app().job_roll_back(&world.by, id).await.unwrap();
    assert_eq!(back.job.target_count, 2, "the third had not begun");
    world.settle().await;
    let standing = world.job(back.job.id).await.standing;
    assert_eq!((standing.queued, standing.succeeded), (1, 1), "the other one runs the old one still");
}

/// A rollout that is canceled while a device that speaks hawkBit's interface works on it.
async fn canceled_at_work(world: &World, rauc: &DdiPeer) -> (JobId, ExecutionId) {
    let (id, action) = job(world, RolloutPolicy::default()).await;
    world.app().ddi_action(rauc, action, Wanted::Deployment, None).await.unwrap();
    world.app().ddi_feedback(rauc, action, says(Said::Proceeding, Finished::None)).await.unwrap();
    world.app().job_cancel(&world.by, id, Begun::Ask, None).await.unwrap();
    world.settle().await;
    (id, action)
}

#[tokio::test]
async fn a_canceled_rollout_asks_hawkbits_devices_to_stop_and_waits_for_their_answer() {
    for world in worlds("again-stop").await {
        let rauc = peer(&world, RAUC).await;
        let (id, action) = canceled_at_work(&world, &rauc).await;
        assert_eq!(poll(&world, RAUC).await.next, Some(Next::Cancel { action }));
        assert_eq!(state(&world, id).await.0, ExecutionState::InProgress);
        assert_eq!(world.job(id).await.job.state, JobState::Stopping { begun: Begun::Ask });
        world.app().ddi_cancel(&rauc, action).await.unwrap();
        world.app().ddi_cancel_feedback(&rauc, action, says(Said::Closed, Finished::Success)).await.unwrap();
        world.settle().await;
        assert_eq!(state(&world, id).await.0, ExecutionState::Canceled);
        assert_eq!(world.job(id).await.job.state, JobState::Canceled);
        assert_eq!(poll(&world, RAUC).await.next, None);
    }
}

#[tokio::test]
async fn a_device_that_refuses_to_stop_is_not_asked_again_and_may_finish() {
    for world in worlds("again-refuse").await {
        let rauc = peer(&world, RAUC).await;
        let (id, action) = canceled_at_work(&world, &rauc).await;
        world.app().ddi_cancel(&rauc, action).await.unwrap();
        world.app().ddi_cancel_feedback(&rauc, action, says(Said::Rejected, Finished::None)).await.unwrap();
        world.settle().await;
        assert!(matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { .. })), "it goes on");
        world.app().ddi_feedback(&rauc, action, says(Said::Closed, Finished::Success)).await.unwrap();
        world.settle().await;
        assert_eq!(state(&world, id).await.0, ExecutionState::Succeeded);
        assert_eq!(world.job(id).await.job.state, JobState::Canceled);
    }
}

#[tokio::test]
async fn a_device_that_says_nothing_to_being_asked_to_stop_runs_out_of_time_or_is_forced() {
    let world = crate::ddi::world().await;
    let rauc = peer(&world, RAUC).await;
    let begin = async || {
        let (id, action) = job(&world, RolloutPolicy::default()).await;
        // Fetched and perhaps under way, though nothing was said of it.
        world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
        world.app().job_cancel(&world.by, id, Begun::Ask, None).await.unwrap();
        world.settle().await;
        assert_eq!(poll(&world, RAUC).await.next, Some(Next::Cancel { action }));
        id
    };
    let silent = begin().await;
    world.advance(24 * 3600 - 1);
    world.settle().await;
    assert_eq!(world.job(silent).await.job.state, JobState::Stopping { begun: Begun::Ask });
    world.advance(1);
    world.settle().await;
    assert_eq!(world.job(silent).await.job.state, JobState::Canceled);
    assert_eq!(world.executions(silent).await[0].reason, "the device did not answer the request to stop");
    let forced = begin().await;
    let weaker = world.app().job_cancel(&world.by, forced, Begun::Finish, None).await.unwrap();
    assert_eq!(weaker.job.state, JobState::Stopping { begun: Begun::Ask }, "it goes no less far");
    world.app().job_cancel(&world.by, forced, Begun::Withdraw, None).await.unwrap();
    world.settle().await;
    assert_eq!(world.job(forced).await.job.state, JobState::Canceled);
    assert_eq!(state(&world, forced).await, (ExecutionState::Canceled, Verdict::Pending));
    let more = world.app().job_cancel(&world.by, forced, Begun::Withdraw, None).await.map(drop);
    assert!(matches!(more, Err(AppError::Conflict { code: "job.state", .. })), "{more:?}");
}

#[tokio::test]
async fn what_a_hawkbit_device_has_not_fetched_is_withdrawn_without_asking() {
    let world = crate::ddi::world().await;
    let (id, _) = job(&world, RolloutPolicy::default()).await;
    world.app().job_cancel(&world.by, id, Begun::Ask, None).await.unwrap();
    world.settle().await;
    assert_eq!(state(&world, id).await.0, ExecutionState::Canceled);
    assert_eq!(poll(&world, RAUC).await.next, None);
}

#[tokio::test]
async fn nobody_approves_their_own_job_with_a_token_nor_with_a_token_made_by_that() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let anna = admin(&world);
    let token = async |by: &Principal, name: &str| {
        let new = NewToken { name: name.to_owned(), role: Role::Admin, scope: None, expires_at: None };
        let made = world.app().token_create(by, new).await.unwrap();
        Principal { actor: Actor::token(name, made.token.id), ..by.clone() }
    };
    let first = token(&anna, "anna at vm").await;
    let second = token(&first, "ci").await;
    let peters = Principal::user(world.tenant, "peter", Role::Admin);
    let peters = token(&peters, "ci").await;
    let new = NewJob {
        rollout: RolloutPolicy { approval: true, ..RolloutPolicy::default() },
        ..update_job("2.0", &names)
    };
    for maker in [&anna, &first, &second] {
        let id = world.app().job_create(maker, new.clone()).await.unwrap().job.id;
        for decider in [&anna, &first, &second] {
            let said = world.app().job_get(decider, id).await.unwrap().approval;
            assert!(matches!(said, Some(Approval::Deny { .. })), "{said:?}");
            let own = world.app().job_decide(decider, id, true, "", None).await.map(drop);
            assert!(matches!(own, Err(AppError::Conflict { code: "job.own_approval", .. })), "{own:?}");
        }
        assert_eq!(world.app().job_get(&peters, id).await.unwrap().approval, Some(Approval::Both));
        let view = world.app().job_decide(&peters, id, true, "", None).await.unwrap();
        assert_eq!((view.job.state, view.approval), (JobState::Running, None));
    }
    // Whom the server's own tokens were handed to is not known: two of them are two.
    let system = Principal::system(world.tenant, "data directory");
    let (one, other) = (token(&system, "one").await, token(&system, "other").await);
    let id = world.app().job_create(&one, new).await.unwrap().job.id;
    assert!(world.app().job_decide(&one, id, true, "", None).await.is_err());
    assert!(world.app().job_decide(&token(&one, "more").await, id, true, "", None).await.is_err());
    world.app().job_decide(&other, id, true, "", None).await.unwrap();
}

#[tokio::test]
async fn nobody_approves_a_job_of_whom_cannot_be_told_that_they_did_not_make_it() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let anna = admin(&world);
    let mut last = anna.clone();
    for number in 0..20 {
        let name = format!("t{number}");
        let new = NewToken { name: name.clone(), role: Role::Admin, scope: None, expires_at: None };
        let made = world.app().token_create(&last, new).await.unwrap();
        last = Principal { actor: Actor::token(&name, made.token.id), ..anna.clone() };
    }
    let gone = Principal { actor: Actor::token("gone", TokenId::new(1_000_000)), ..anna.clone() };
    let new = NewJob {
        rollout: RolloutPolicy { approval: true, ..RolloutPolicy::default() },
        ..update_job("2.0", &names)
    };
    let id = world.app().job_create(&anna, new.clone()).await.unwrap().job.id;
    let of_gone = world.app().job_create(&gone, new).await.unwrap().job.id;
    let peter = Principal::user(world.tenant, "peter", Role::Admin);
    let (signed_in, again) = ("let somebody who signed in decide", "deny it, and make it again");
    for (decider, job, what_to_do) in
        [(&last, id, signed_in), (&gone, id, signed_in), (&peter, of_gone, again), (&gone, of_gone, again)]
    {
        let denied = world.app().job_decide(decider, job, true, "", None).await.map(drop);
        let Err(AppError::Conflict { code: "job.own_approval", detail }) = denied else {
            panic!("{denied:?}");
        };
        assert!(detail.contains(what_to_do), "{detail}");
        let approval = world.app().job_get(decider, job).await.unwrap().approval;
        let nobody = matches!(approval, Some(Approval::Deny { nobody_approves: true, .. }));
        assert_eq!(nobody, job == of_gone, "{approval:?}");
    }
    let denied = world.app().job_decide(&peter, of_gone, false, "nobody's", None).await.unwrap();
    assert_eq!(denied.job.state, JobState::Denied, "that does no harm");
    world.app().job_decide(&peter, id, true, "", None).await.unwrap();
}

/// How often the change feed has told of an execution. On a server, a transaction of anybody that is still open holds the
/// feed back: asked until a later mark is there.
async fn told_of(world: &World, id: ExecutionId) -> usize {
    let store = &world.app().store;
    feed_is_whole(store).await.unwrap();
    let changes = store.changes_after(0, 10_000).await.unwrap();
    changes.iter().filter(|one| (one.kind, one.id) == (ChangeKind::Execution, id.get())).count()
}

#[tokio::test]
async fn what_speaks_against_a_device_that_was_left_out_is_renewed_while_there_is_no_place_for_it() {
    for mut world in World::each("again-renewed").await {
        let names = world.devices(4).await;
        for name in &names {
            world.attribute(name, "ring", "early").await;
        }
        world.refresh().await;
        for name in &names[1..] {
            change(&world, name, LifecycleChange::Suspend).await;
        }
        world.release("2.0", &[]).await;
        let id = world.create(continuous(&names, 1)).await;
        world.settle().await;
        // The first one works on it, and there is no place for another.
        for name in &names[2..] {
            change(&world, name, LifecycleChange::Resume).await;
        }
        world.reports_version(&names[2], "2.0").await;
        world.refresh().await;
        let said =
            async |world: &World, name: &str| world.app().job_why(&world.by, id, name).await.unwrap().why;
        assert_eq!(said(&world, &names[2]).await.sentence, "Skipped: the device is suspended.");
        let left_out: Vec<ExecutionId> = latest(&world, id).await.iter().map(|one| one.id).collect();
        let before = told_of(&world, left_out[2]).await;
        world.advance(60);
        world.settle().await;
        let why = said(&world, &names[2]).await;
        assert_eq!(why.sentence, "Left out when its turn came; the device runs this version by now.");
        assert_eq!(why.action, "", "nothing is to be mended");
        assert_eq!(told_of(&world, left_out[2]).await, before + 1, "who watches hears of it");
        let why = said(&world, &names[3]).await;
        assert!(why.sentence.ends_with("it has its turn once there is a place."), "{}", why.sentence);
        assert_eq!(why.action, "Wait for others to finish.");
        let why = said(&world, &names[1]).await;
        assert_eq!(why.sentence, "Skipped: the device is suspended.");
        assert_eq!(why.action, "Mend that; the job takes the device in by itself.");
        world.advance(60);
        world.settle().await;
        let again = told_of(&world, left_out[2]).await;
        assert_eq!(again, before + 1, "what is said already is not written again");
        assert_eq!(latest(&world, id).await.iter().filter(|one| one.state.is_open()).count(), 1);
        // Whoever waits for a place and is not what the job looks for any more has none to wait for, until it is again.
        for (ring, said_then) in
            [("late", "Skipped: the job's query does not find it any more."), ("early", "place.")]
        {
            world.attribute(&names[3], "ring", ring).await;
            world.refresh().await;
            world.advance(60);
            world.settle().await;
            let why = said(&world, &names[3]).await;
            assert!(why.sentence.ends_with(said_then), "{ring}: {}", why.sentence);
        }
    }
}

#[tokio::test]
async fn a_job_without_a_place_writes_nothing_while_it_looks_and_gives_a_place_away_at_once() {
    for mut world in World::each("again-full").await {
        let names = world.devices(2).await;
        for name in &names {
            world.attribute(name, "ring", "early").await;
        }
        world.refresh().await;
        change(&world, &names[1], LifecycleChange::Suspend).await;
        world.release("2.0", &[]).await;
        let id = world.create(continuous(&names, 1)).await;
        world.settle().await;
        change(&world, &names[1], LifecycleChange::Resume).await;
        world.refresh().await;
        world.advance(60);
        world.settle().await;
        let committed = *world.app().store.committed().borrow();
        for _ in 0..10 {
            world.advance(1);
            assert!(!world.app().jobs_activate().await.unwrap());
        }
        assert_eq!(*world.app().store.committed().borrow(), committed, "nothing changed");
        assert_eq!(latest(&world, id).await[1].state, ExecutionState::Removed);
        world.work(&names[0], "SUCCEEDED", "").await;
        world.reports_version(&names[0], "2.0").await;
        world.settle().await;
        assert_eq!(latest(&world, id).await[1].state, ExecutionState::Queued, "there is a place");
    }
}

#[tokio::test]
async fn tries_again_under_a_cap_stop_by_the_threshold_before_all_have_failed_twice() {
    for mut world in World::each("again-threshold").await {
        world.release("2.0", &[]).await;
        let names = world.devices(6).await;
        let threshold = FailureThreshold {
            count: Some(1),
            percent: None,
            of: ShareOf::Finished,
            minimum: 0,
            scope: ThresholdScope::Job,
        };
        let rollout = RolloutPolicy { concurrency: Some(2), ..RolloutPolicy::default() };
        let new = NewJob { threshold: Some(threshold), rollout, ..update_job("2.0", &names) };
        let id = world.create(new).await;
        let two_fail = async |world: &World, names: &[String]| {
            world.settle().await;
            for name in names {
                world.work(name, "FAILED", "battery low").await;
            }
            world.settle().await;
            assert!(matches!(world.job(id).await.job.state, JobState::Halted(_)));
        };
        let tried = async |world: &World| {
            world.executions(id).await.iter().filter(|execution| execution.number == 2).count()
        };
        two_fail(&world, &names[..2]).await;
        for pair in names[2..].chunks(2) {
            world.app().job_resume(&world.by, id, None).await.unwrap();
            two_fail(&world, pair).await;
        }
        assert_eq!(world.app().job_retry_failed(&world.by, id, None).await.unwrap(), 6);
        two_fail(&world, &names[..2]).await;
        assert_eq!(tried(&world).await, 2, "two failed again; the other four are not tried");
        // Whoever goes on accepts those two and no more.
        world.app().job_resume(&world.by, id, None).await.unwrap();
        two_fail(&world, &names[2..4]).await;
        assert_eq!(tried(&world).await, 4);
        world.app().job_resume(&world.by, id, None).await.unwrap();
        world.settle().await;
        for name in &names[4..] {
            world.work(name, "SUCCEEDED", "").await;
            world.reports_version(name, "2.0").await;
        }
        world.settle().await;
        let standing = world.job(id).await.standing;
        assert_eq!((standing.failed, standing.succeeded, tried(&world).await), (4, 2, 6));
        assert_eq!(world.job(id).await.job.state, JobState::Completed);
    }
}

//! Rollouts with a policy: windows, consent, approval, priorities, continuous jobs, dry runs, the way back.

use std::time::Duration;

use serde_json::json;
use windlass_app::AppError;
use windlass_app::jobs::{Begin, NewJob, NewTargets};
use windlass_domain::device_type::VersionSource;
use windlass_domain::job::{
    Amount, Backoff, Continuous, ExecutionState, Handling, JobState, MaintenanceWindow, Order, Outcome,
    Priority, RolloutPolicy, SuccessThreshold, Timeouts, Verdict, Wave,
};
use windlass_domain::permission::{Principal, Role};

use crate::world::{START, World, update_job};

fn policy() -> RolloutPolicy {
    RolloutPolicy::default()
}

async fn offered(world: &World, name: &str) -> bool {
    world.accepted(name, "start-next", json!({})).await.get("execution").is_some()
}

/// Two hours a night from 02:00 on. The tests begin at midnight.
fn nights() -> Option<MaintenanceWindow> {
    Some(MaintenanceWindow {
        schedule: "0 2 * * *".parse().unwrap(),
        duration: Duration::from_secs(2 * 3600),
        zone: None,
    })
}

#[tokio::test]
async fn a_device_sees_an_update_in_its_own_maintenance_window_only() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.attribute(&names[1], "timezone", "Asia/Tokyo").await;
    world.release("2.0", &[]).await;
    let rollout = RolloutPolicy { window: nights(), ..policy() };
    let id = world.create(NewJob { rollout, ..update_job("2.0", &names) }).await;
    world.settle().await;
    assert!(!offered(&world, &names[0]).await, "midnight");
    let view = world.app().job_why(&world.by, id, &names[0]).await.unwrap();
    let said = view.why.sentence;
    assert!(said.contains("for 120 min in") && said.contains("opens at 2026-01-01 02:00 UTC"), "{said}");
    world.advance(2 * 3600);
    world.settle().await;
    assert!(offered(&world, &names[0]).await, "02:00 in UTC");
    assert!(!offered(&world, &names[1]).await, "11:00 in Tokyo");
    world.advance(15 * 3600);
    world.settle().await;
    assert!(offered(&world, &names[1]).await, "02:00 in Tokyo");
}

#[tokio::test]
async fn a_clock_that_jumps_over_a_window_waits_for_the_next_one() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let rollout = RolloutPolicy { window: nights(), ..policy() };
    let id = world.create(NewJob { rollout, ..update_job("2.0", &names) }).await;
    world.settle().await;
    world.advance(5 * 3600);
    world.restart().await;
    assert!(!offered(&world, &names[0]).await, "nobody looked yet, and the window is closed");
    world.settle().await;
    assert!(!offered(&world, &names[0]).await);
    let waiting = &world.executions(id).await[0];
    assert_eq!(waiting.held_until, Some(START.plus(Duration::from_secs(26 * 3600))));
    world.advance(21 * 3600);
    world.settle().await;
    assert!(offered(&world, &names[0]).await);
}

#[tokio::test]
async fn a_window_without_an_occurrence_left_is_refused_and_one_that_runs_out_says_so() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let window = |schedule: &str| {
        Some(MaintenanceWindow {
            schedule: schedule.parse().unwrap(),
            duration: Duration::from_secs(60),
            zone: Some("UTC".parse().unwrap()),
        })
    };
    let past = RolloutPolicy { window: window("0 0 2 1 1 ? 2020"), ..policy() };
    let error =
        world.app().job_create(&world.by, NewJob { rollout: past, ..update_job("2.0", &names) }).await;
    let Err(AppError::Invalid(problems)) = error else { panic!("{error:?}") };
    assert_eq!(problems[0].field, "rollout.window.schedule");
    let once = RolloutPolicy { window: window("0 0 2 1 1 ? 2026"), ..policy() };
    let id = world.create(NewJob { rollout: once, ..update_job("2.0", &names) }).await;
    world.settle().await;
    world.advance(3 * 3600);
    world.settle().await;
    let over = &world.executions(id).await[0];
    assert_eq!(over.state, ExecutionState::Canceled);
    assert!(over.reason.contains("no maintenance window is left"), "{}", over.reason);
}

#[tokio::test]
async fn consent_is_waited_for_and_may_be_given_by_an_operator() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let rollout = RolloutPolicy { consent: true, ..policy() };
    let id = world.create(NewJob { rollout, ..update_job("2.0", &names) }).await;
    world.settle().await;
    assert!(!offered(&world, &names[0]).await);
    let execution = world.executions(id).await[0].id;
    let view = world.app().execution_confirm(&world.by, execution).await.unwrap();
    assert_eq!(view.execution.state, ExecutionState::Queued);
    assert!(offered(&world, &names[0]).await);
    let again = world.app().execution_confirm(&world.by, execution).await;
    assert!(matches!(again, Err(AppError::Conflict { code: "execution.no_consent", .. })), "{again:?}");
}

#[tokio::test]
async fn time_that_a_device_waits_for_consent_does_not_count_against_it() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let rollout = RolloutPolicy { consent: true, ..policy() };
    let timeouts = Timeouts { queued: Duration::from_secs(600), ..Timeouts::default() };
    let id = world.create(NewJob { rollout, timeouts, ..update_job("2.0", &names) }).await;
    for _ in 0..5 {
        world.settle().await;
        world.advance(601);
    }
    world.settle().await;
    let execution = world.executions(id).await[0].clone();
    assert_eq!(execution.state, ExecutionState::Queued, "{execution:?}");
    world.app().execution_confirm(&world.by, execution.id).await.unwrap();
    world.settle().await;
    world.advance(599);
    world.settle().await;
    assert_eq!(world.executions(id).await[0].state, ExecutionState::Queued);
    world.advance(1);
    world.settle().await;
    assert_eq!(world.executions(id).await[0].reason, "not picked up within 10 min");
}

#[tokio::test]
async fn somebody_else_must_approve_a_job_that_asks_for_it() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let new =
        || NewJob { rollout: RolloutPolicy { approval: true, ..policy() }, ..update_job("2.0", &names) };
    let id = world.create(new()).await;
    world.settle().await;
    assert_eq!(world.job(id).await.job.state, JobState::AwaitingApproval { then: Begin::Now });
    assert!(!offered(&world, &names[0]).await);
    let own = world.app().job_decide(&world.by, id, true, "", None).await;
    assert!(matches!(own, Err(AppError::Conflict { code: "job.own_approval", .. })), "{own:?}");
    let viewer = Principal::user(world.tenant, "vera", Role::Viewer);
    assert!(world.app().job_decide(&viewer, id, true, "", None).await.is_err());
    let peter = Principal::user(world.tenant, "peter", Role::Operator);
    let view = world.app().job_decide(&peter, id, true, "looks good", None).await.unwrap();
    assert_eq!(view.job.state, JobState::Running);
    assert_eq!(view.job.decision.unwrap().remark, "looks good");
    world.settle().await;
    assert!(offered(&world, &names[0]).await);

    let denied = world.create(new()).await;
    let view = world.app().job_decide(&peter, denied, false, "not today", None).await.unwrap();
    assert_eq!(view.job.state, JobState::Denied);
    assert!(world.app().job_start(&world.by, denied, None).await.is_err());
    world.app().job_delete(&world.by, denied, None).await.unwrap();
}

#[tokio::test]
async fn a_job_that_supersedes_takes_the_place_of_what_was_not_begun_and_priority_decides() {
    let mut world = World::new().await;
    let names = world.devices(3).await;
    world.release("2.0", &[]).await;
    world.release("3.0", &[]).await;
    let urgent = NewJob {
        rollout: RolloutPolicy { priority: Priority::new(900).unwrap(), ..policy() },
        ..update_job("2.0", &names[..1])
    };
    let urgent = world.create(urgent).await;
    let low = |names: &[String]| NewJob {
        rollout: RolloutPolicy { priority: Priority::new(100).unwrap(), ..policy() },
        ..update_job("2.0", names)
    };
    let old = world.create(low(&names[1..])).await;
    world.settle().await;
    world.start_next(&names[2]).await;
    let new = NewJob {
        rollout: RolloutPolicy { priority: Priority::new(100).unwrap(), supersede: true, ..policy() },
        ..update_job("3.0", &names)
    };
    let new = world.create(new).await;
    world.settle().await;
    let states: Vec<ExecutionState> = world.executions(old).await.iter().map(|e| e.state).collect();
    assert_eq!(states, [ExecutionState::Canceled, ExecutionState::InProgress], "what was begun goes on");
    assert_eq!(world.executions(old).await[0].reason, format!("superseded by job {new}"));
    assert_eq!(world.executions(urgent).await[0].state, ExecutionState::Queued, "it outranks the new one");
    let first = world.start_next(&names[0]).await;
    assert_eq!(first["jobId"], urgent.to_string(), "the higher priority comes first");
}

#[tokio::test]
async fn what_a_device_runs_already_takes_the_place_of_an_older_update_that_waits_there() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    world.release("3.0", &[]).await;
    world.reports_version(&names[0], "2.0").await;
    let older = world.create(NewJob { rollout: policy(), ..update_job("3.0", &names) }).await;
    world.settle().await;
    world.advance(1);
    let rollout = RolloutPolicy { supersede: true, ..policy() };
    let newer = world.create(NewJob { rollout, ..update_job("2.0", &names) }).await;
    world.settle().await;
    assert_eq!(world.executions(newer).await[0].verdict, Verdict::Verified);
    let of_older = world.executions(older).await;
    assert_eq!(of_older[0].state, ExecutionState::Canceled, "else it would be installed after all");
}

#[tokio::test]
async fn a_late_wave_of_a_job_that_ranks_higher_takes_the_place_of_a_newer_one() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2.0", &[]).await;
    world.release("3.0", &[]).await;
    let ranked = |priority: u16| RolloutPolicy {
        priority: Priority::new(priority).unwrap(),
        supersede: true,
        ..policy()
    };
    let waves = vec![Wave::from(Amount::Count(1))];
    let high = NewJob { rollout: ranked(900), waves, ..update_job("3.0", &names) };
    let high = world.create(high).await;
    world.settle().await;
    world.advance(1);
    let low = world.create(NewJob { rollout: ranked(100), ..update_job("2.0", &names[1..]) }).await;
    world.settle().await;
    world.work(&names[0], "SUCCEEDED", "").await;
    world.reports_version(&names[0], "3.0").await;
    world.settle().await;
    let of_low = world.executions(low).await;
    assert_eq!(of_low[0].state, ExecutionState::Canceled);
    assert_eq!(of_low[0].reason, format!("superseded by job {high}"));
    let next = world.start_next(&names[1]).await;
    assert_eq!(next["jobId"], high.to_string());
}

#[tokio::test]
async fn a_late_wave_of_an_older_job_does_not_displace_a_newer_update_nor_bring_an_old_one_after_it() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2.0", &[]).await;
    world.release("3.0", &[]).await;
    let supersede = || RolloutPolicy { supersede: true, ..policy() };
    let waves = vec![Wave::from(Amount::Count(1))];
    let old = NewJob { rollout: supersede(), waves, ..update_job("2.0", &names) };
    let old = world.create(old).await;
    world.settle().await;
    world.advance(1);
    let preview = NewJob { rollout: supersede(), ..update_job("3.0", &names[1..]) };
    let new = world.create(preview.clone()).await;
    world.settle().await;
    let dry = world.app().job_preview(&world.by, preview).await.unwrap();
    let counts: Vec<_> = dry.clusters.iter().map(|cluster| (cluster.outcome, cluster.count)).collect();
    assert_eq!(counts, [(Outcome::Open, 1)], "{dry:?}");
    // The first wave is over: the second of the older job has its turn.
    world.work(&names[0], "SUCCEEDED", "").await;
    world.advance(2);
    world.reports_version(&names[0], "2.0").await;
    world.settle().await;
    let of_old = world.executions(old).await;
    assert_eq!(of_old[1].state, ExecutionState::Removed);
    assert_eq!(of_old[1].reason, format!("the device has the update of the later job {new} to do"));
    assert_eq!(world.executions(new).await[0].state, ExecutionState::Queued);
    assert_eq!(world.start_next(&names[1]).await["jobId"], new.to_string());
}

#[tokio::test]
async fn a_failure_is_not_tried_again_after_a_later_update_that_displaces_it() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    world.release("3.0", &[]).await;
    let old = world.create(NewJob { rollout: policy(), retries: 1, ..update_job("2.0", &names) }).await;
    world.settle().await;
    world.start_next(&names[0]).await;
    world.advance(1);
    let rollout = RolloutPolicy { supersede: true, ..policy() };
    let new = world.create(NewJob { rollout, ..update_job("3.0", &names) }).await;
    world.settle().await;
    let body = json!({ "status": "FAILED" });
    world.accepted(&names[0], &format!("{old}/update"), body).await;
    world.settle().await;
    assert_eq!(world.executions(old).await.len(), 1, "another try would bring the older software back");
    assert_eq!(world.start_next(&names[0]).await["jobId"], new.to_string());
    world.app().job_retry_failed(&world.by, old, None).await.unwrap();
    world.settle().await;
    assert_eq!(world.executions(old).await.len(), 1, "nor does an operator who does not look");
}

#[tokio::test]
async fn failures_are_tried_again_after_a_growing_pause_and_only_with_the_right_code() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2.0", &[]).await;
    let backoff = Backoff {
        first: Duration::from_secs(60),
        longest: Duration::from_secs(3600),
        codes: vec!["busy".to_owned()],
    };
    let rollout = RolloutPolicy { backoff: Some(backoff), ..policy() };
    let id = world.create(NewJob { rollout, retries: 3, ..update_job("2.0", &names) }).await;
    world.settle().await;
    let fails = async |world: &World, name: &str, code: &str| {
        let execution = world.start_next(name).await;
        let job = execution["jobId"].as_str().unwrap().to_owned();
        let body = json!({ "status": "FAILED", "statusDetails": { "reason": "no", "code": code } });
        world.accepted(name, &format!("{job}/update"), body).await;
    };
    fails(&world, &names[0], "busy").await;
    fails(&world, &names[1], "broken").await;
    assert!(!offered(&world, &names[0]).await, "the pause is on");
    world.advance(60);
    world.settle().await;
    fails(&world, &names[0], "busy").await;
    world.advance(60);
    world.settle().await;
    assert!(!offered(&world, &names[0]).await, "the second pause is longer");
    world.advance(60);
    world.settle().await;
    assert!(offered(&world, &names[0]).await);
    let tries = world.executions(id).await;
    assert_eq!(tries.iter().filter(|e| e.number > 1).count(), 2, "the other code is not tried again");
}

#[tokio::test]
async fn a_continuous_job_takes_in_devices_that_match_later() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    for name in &names {
        world.attribute(name, "ring", "early").await;
    }
    world.refresh().await;
    world.release("2.0", &[]).await;
    let query = "attribute.ring==early".to_owned();
    let rollout =
        RolloutPolicy { continuous: Some(Continuous { query: query.clone(), wave_size: 1 }), ..policy() };
    let new = NewJob { targets: NewTargets::Query(query), rollout, ..update_job("2.0", &names) };
    let id = world.create(new).await;
    world.settle().await;
    for name in &names {
        world.work(name, "SUCCEEDED", "").await;
        world.reports_version(name, "2.0").await;
    }
    world.settle().await;
    assert_eq!(world.job(id).await.job.state, JobState::Running, "it is never complete");
    for name in ["late-1", "late-2"] {
        world.device(name, None).await;
        world.attribute(name, "ring", "early").await;
    }
    world.refresh().await;
    world.settle().await;
    assert_eq!(sizes(&world, id).await, [2, 1, 1], "one at a time");
    assert_eq!(world.executions(id).await.len(), 3, "the second waits for the first");
    world.work("late-1", "SUCCEEDED", "").await;
    world.reports_version("late-1", "2.0").await;
    world.settle().await;
    assert_eq!(world.executions(id).await.len(), 4);
    world.restart().await;
    world.settle().await;
    assert_eq!(world.executions(id).await.len(), 4, "nobody joins twice");
}

async fn sizes(world: &World, id: windlass_domain::ids::JobId) -> Vec<u64> {
    world.job(id).await.waves.iter().map(|wave| wave.targets).collect()
}

#[tokio::test]
async fn a_continuous_job_may_begin_before_any_device_matches() {
    let mut world = World::new().await;
    world.release("2.0", &[]).await;
    let query = "attribute.ring==early".to_owned();
    let rollout =
        RolloutPolicy { continuous: Some(Continuous { query: query.clone(), wave_size: 5 }), ..policy() };
    let new = NewJob { targets: NewTargets::Query(query), ..update_job("2.0", &[]) };
    let refused = world.app().job_create(&world.by, new.clone()).await;
    assert!(matches!(refused, Err(AppError::Invalid(_))), "{refused:?}");
    let id = world.create(NewJob { rollout, ..new }).await;
    world.settle().await;
    assert_eq!(world.job(id).await.job.state, JobState::Running);
    world.device("late", None).await;
    world.attribute("late", "ring", "early").await;
    world.refresh().await;
    world.settle().await;
    assert!(offered(&world, "late").await);
    world.work("late", "SUCCEEDED", "").await;
    world.reports_version("late", "2.0").await;
    world.settle().await;
    assert_eq!(world.job(id).await.job.state, JobState::Running, "more may come");
}

#[tokio::test]
async fn waves_by_query_hold_only_what_matches_and_the_rest_comes_last() {
    let mut world = World::new().await;
    let names = world.devices(4).await;
    world.attribute(&names[3], "ring", "lab").await;
    world.refresh().await;
    world.release("2.0", &[]).await;
    let lab = Wave {
        query: Some("attribute.ring==lab".to_owned()),
        success: Some(SuccessThreshold { percent: 100 }),
        ..Amount::Percent(100).into()
    };
    let id = world.create(NewJob { waves: vec![lab], ..update_job("2.0", &names) }).await;
    world.settle().await;
    assert_eq!(sizes(&world, id).await, [1, 3]);
    assert!(offered(&world, &names[3]).await);
    assert!(!offered(&world, &names[0]).await);
    let why = world.app().job_why(&world.by, id, &names[0]).await.unwrap().why;
    assert!(why.sentence.starts_with("It is in wave 2; wave 1 is under way"), "{}", why.sentence);
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_does_nothing() {
    let mut world = World::new().await;
    let reported = VersionSource::Reported("firmware.version".to_owned());
    let pump = world.device_type("pump", vec![reported]).await;
    let mut names = Vec::new();
    for name in ["runs-it", "newer", "older", "suspended"] {
        world.device(name, Some(pump)).await;
        names.push(name.to_owned());
    }
    world.device("valve", None).await;
    names.push("valve".to_owned());
    world.refresh().await;
    world.reports_version("runs-it", "2.0").await;
    world.reports_version("newer", "2.1").await;
    world.reports_version("older", "1.0").await;
    let admin = Principal::user(world.tenant, "anna", Role::Admin);
    world
        .app()
        .device_lifecycle(
            &admin,
            &"suspended".parse().unwrap(),
            windlass_app::devices::LifecycleChange::Suspend,
            None,
        )
        .await
        .unwrap();
    world.release("2.0", &[]).await;
    let preview = world.app().job_preview(&world.by, update_job("2.0", &names)).await.unwrap();
    let of = |outcome: Outcome| -> Vec<(&str, u64)> {
        let mut found: Vec<_> = preview
            .clusters
            .iter()
            .filter(|cluster| cluster.outcome == outcome)
            .map(|cluster| (cluster.reason.as_str(), cluster.count))
            .collect();
        found.sort_unstable();
        found
    };
    assert_eq!(of(Outcome::Succeeded), [("runs this version already", 1)]);
    assert_eq!(
        of(Outcome::Skipped),
        [("the device is suspended", 1), ("the device runs 2.1, which is newer than 2.0", 1)]
    );
    assert_eq!(of(Outcome::Open), [("would be offered work at once, but was not heard for long", 2)]);
    assert_eq!((preview.targets, preview.bytes_per_device, preview.bytes), (5, 3, 6));
    assert_eq!(preview.silent, 2);
    let none =
        world.app().job_list(&world.by, windlass_app::jobs::JobPick::default(), 10).await.unwrap().views;
    assert!(none.is_empty(), "nothing was made");
    // What really happens is what was said.
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    let standing = world.job(id).await.standing;
    assert_eq!((standing.queued, standing.succeeded, standing.skipped), (2, 1, 2));
}

#[tokio::test]
async fn devices_go_back_to_the_release_that_they_ran_before() {
    let mut world = World::new().await;
    let names = world.pumps(&["a", "b", "c"]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    for name in &names[..2] {
        world.work(name, "SUCCEEDED", "").await;
        world.advance(2);
        world.reports_version(name, "2.0").await;
    }
    let back = world.app().job_roll_back(&world.by, id).await.unwrap();
    assert_eq!(back.release, Some(crate::world::fw("1.0")));
    assert_eq!(back.job.target_count, 2, "the third never had it");
    assert_eq!(back.job.spec.targets, format!("devices that ran fw 1.0 before job {id}"));
    world.settle().await;
    let stopped = world.job(id).await;
    assert_eq!(stopped.job.state, JobState::Canceled, "both would fight over the devices");
    assert_eq!((stopped.standing.succeeded, stopped.standing.queued), (2, 0), "the third never gets it");
    assert!(!offered(&world, "c").await, "what had not begun is hidden");
    for name in &names[..2] {
        world.work(name, "SUCCEEDED", "").await;
        world.advance(2);
        world.reports_version(name, "1.0").await;
    }
    let done = world.executions(back.job.id).await;
    assert!(done.iter().all(|e| e.verdict == Verdict::Verified), "{done:?}");
    let nothing = world.app().job_roll_back(&world.by, back.job.id).await.map(|view| view.release);
    assert_eq!(nothing.unwrap(), Some(crate::world::fw("2.0")), "and forth again");
}

#[tokio::test]
async fn the_way_back_gives_devices_as_much_time_as_the_way_there() {
    let mut world = World::new().await;
    let names = world.pumps(&["a"]).await;
    let timeouts = Timeouts {
        download: Some(Duration::from_secs(24 * 3600)),
        in_progress: Duration::from_secs(1800),
        ..Timeouts::default()
    };
    let id = world.create(NewJob { timeouts, ..update_job("2.0", &names) }).await;
    world.settle().await;
    world.work("a", "SUCCEEDED", "").await;
    world.advance(2);
    world.reports_version("a", "2.0").await;
    let back = world.app().job_roll_back(&world.by, id).await.unwrap();
    assert_eq!(back.job.spec.timeouts, timeouts, "its link is as slow");
}

#[tokio::test]
async fn a_rollout_that_changed_nobody_says_so_and_what_newer_devices_need() {
    let mut world = World::new().await;
    let names = world.pumps(&["a", "b"]).await;
    for name in &names {
        world.reports_version(name, "2.1").await;
    }
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    let refused = world.app().job_roll_back(&world.by, id).await.map(|view| view.job.id).unwrap_err();
    let words = format!("job {id} changed no device, so there is nothing to go back from");
    assert!(matches!(&refused, AppError::Conflict { detail, .. } if *detail == words), "{refused:?}");
    let why = world.app().job_why(&world.by, id, &names[0]).await.unwrap().why;
    assert_eq!(why.sentence, "Skipped: the device runs 2.1, which is newer than 2.0.");
    assert!(why.action.contains("--allow-downgrade"), "{}", why.action);
    assert!(why.action.contains("Also over newer versions"), "{}", why.action);
}

#[tokio::test]
async fn a_rollout_without_anything_to_go_back_to_goes_on() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2.0", &[]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    world.start_next(&names[0]).await;
    let refused = world.app().job_roll_back(&world.by, id).await.map(|view| view.job.id);
    assert!(matches!(refused, Err(AppError::Conflict { code: "job.no_previous", .. })), "{refused:?}");
    world.settle().await;
    assert_eq!(world.job(id).await.job.state, JobState::Running, "it was not stopped for nothing");
    assert!(offered(&world, &names[1]).await);
}

#[tokio::test]
async fn a_device_that_was_asked_to_stop_ends_only_when_it_agrees_or_an_operator_insists() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    world.start_next(&names[0]).await;
    let execution = world.executions(id).await[0].id;
    let view = world.app().execution_cancel(&world.by, execution, false).await.unwrap();
    assert_eq!(view.execution.state, ExecutionState::InProgress);
    assert!(view.why.sentence.starts_with("The device was asked to stop"), "{}", view.why.sentence);
    let twice = world.app().execution_cancel(&world.by, execution, false).await;
    assert!(matches!(twice, Err(AppError::Conflict { code: "execution.canceling", .. })), "{twice:?}");
    let view = world.app().execution_cancel(&world.by, execution, true).await.unwrap();
    assert_eq!(view.execution.state, ExecutionState::Canceled);
    let over = world.app().execution_cancel(&world.by, execution, true).await;
    assert!(matches!(over, Err(AppError::Conflict { code: "execution.over", .. })), "{over:?}");
}

#[tokio::test]
async fn every_bad_part_of_a_policy_is_named() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let bad = NewJob {
        waves: vec![Wave {
            query: Some("nope==1".to_owned()),
            success: Some(SuccessThreshold { percent: 0 }),
            ..Amount::Count(1).into()
        }],
        timeouts: Timeouts::default(),
        rollout: RolloutPolicy {
            window: Some(MaintenanceWindow {
                schedule: "0 2 * * *".parse().unwrap(),
                duration: Duration::ZERO,
                zone: None,
            }),
            ends_at: Some(START),
            concurrency: Some(0),
            success: Some(SuccessThreshold { percent: 101 }),
            continuous: Some(Continuous { query: String::new(), wave_size: 0 }),
            backoff: Some(Backoff {
                first: Duration::from_secs(9),
                longest: Duration::from_secs(1),
                codes: vec![String::new()],
            }),
            order: Order::Random,
            ..policy()
        },
        ..update_job("2.0", &names)
    };
    let error = world.app().job_create(&world.by, bad).await;
    let Err(AppError::Invalid(problems)) = error else { panic!("{error:?}") };
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    for field in [
        "rollout.waveTerms.0.query",
        "rollout.waveTerms.0.successPercent",
        "rollout.window.durationSeconds",
        "rollout.endsAt",
        "rollout.concurrency",
        "rollout.successPercent",
        "rollout.continuous.waveSize",
        "rollout.continuous",
        "rollout.backoff.firstSeconds",
        "rollout.backoff.codes",
    ] {
        assert!(fields.contains(&field), "{field} in {fields:?}");
    }
    assert!(!fields.contains(&"waves.0.query"), "a query is told once, of {fields:?}");
}

#[tokio::test]
async fn the_document_of_an_update_says_its_window_and_whether_it_is_only_to_be_fetched() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let rollout = RolloutPolicy { window: nights(), handling: Handling::DownloadOnly, ..policy() };
    let id = world.create(NewJob { rollout, ..update_job("2.0", &names) }).await;
    world.settle().await;
    world.advance(2 * 3600);
    world.settle().await;
    let document = world.start_next(&names[0]).await["jobDocument"].clone();
    assert_eq!(document["downloadOnly"], true);
    let opens = START.seconds() + 2 * 3600;
    assert_eq!(document["window"], json!({ "opens": opens, "closes": opens + 2 * 3600 }));
    world.accepted(&names[0], &format!("{id}/update"), json!({ "status": "SUCCEEDED" })).await;
    let done = &world.executions(id).await[0];
    assert_eq!(done.verdict, Verdict::Unverifiable, "nothing was to be installed: {}", done.reason);
}

//! Rollouts: waves, thresholds, verdicts, retries, time-outs.

use std::time::Duration;

use windlass_app::jobs::{Begin, NewJob, NewTargets};
use windlass_domain::device::Lifecycle;
use windlass_domain::device_type::VersionSource;
use windlass_domain::job::{
    Amount, ExecutionState, FailureThreshold, JobState, Outcome, ShareOf, Standing, ThresholdScope, Timeouts,
    Verdict,
};
use windlass_store::devices;

use crate::world::{START, World, update_job};

fn more_than_20_percent() -> Option<FailureThreshold> {
    Some(FailureThreshold {
        count: None,
        percent: Some(20),
        of: ShareOf::Finished,
        minimum: 3,
        scope: ThresholdScope::Wave,
    })
}

/// Reports success and then comes up with a version.
async fn installs(world: &World, name: &str, comes_up_with: &str) {
    world.work(name, "SUCCEEDED", "").await;
    world.advance(2);
    world.reports_version(name, comes_up_with).await;
}

#[tokio::test]
async fn a_good_release_goes_through_its_waves_and_is_verified_on_every_device() {
    let mut world = World::new().await;
    let names = world.devices(10).await;
    for name in &names {
        world.reports_version(name, "1.0").await;
    }
    world.release("2.0", &[]).await;
    let waves = vec![Amount::Count(1).into(), Amount::Percent(30).into()];
    let job = NewJob { waves, threshold: more_than_20_percent(), ..update_job("2.0", &names) };
    let id = world.create(job).await;
    for (wave, range) in [(0, 0..1), (1, 1..4), (2, 4..10)] {
        world.settle().await;
        let view = world.job(id).await;
        assert_eq!((view.current_wave, view.job.progress.offered), (wave, range.end));
        for name in &names[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()] {
            installs(&world, name, "2.0").await;
        }
    }
    world.settle().await;
    let view = world.job(id).await;
    assert_eq!(view.job.state, JobState::Completed);
    assert_eq!(view.standing, Standing { succeeded: 10, ..Standing::default() });
    assert!(world.executions(id).await.iter().all(|e| e.verdict == Verdict::Verified));
    assert!(view.job.ended_at.is_some());
}

#[tokio::test]
async fn bad_firmware_is_halted_by_its_threshold_in_the_second_of_two_waves() {
    let mut world = World::new().await;
    let names = world.devices(12).await;
    for name in &names {
        world.reports_version(name, "1.0").await;
    }
    world.release("2.0", &[]).await;
    let job = NewJob {
        waves: vec![Amount::Count(4).into()],
        threshold: more_than_20_percent(),
        ..update_job("2.0", &names)
    };
    let id = world.create(job).await;
    world.settle().await;
    for name in &names[..4] {
        installs(&world, name, "2.0").await;
    }
    world.settle().await;
    assert_eq!(world.job(id).await.job.progress.offered, 12, "the first wave was good");
    // The second falls back to what ran before.
    for name in &names[4..7] {
        installs(&world, name, "1.0").await;
    }
    world.settle().await;
    let view = world.job(id).await;
    let JobState::Halted(halt) = &view.job.state else { panic!("{:?}", view.job.state) };
    assert_eq!((halt.wave, halt.failed, halt.finished), (1, 3, 3));
    let rolled = &world.executions(id).await[4];
    assert_eq!((rolled.state, rolled.verdict), (ExecutionState::Succeeded, Verdict::RolledBack));
    assert_eq!(rolled.reason, "app runs 1.0 again instead of 2.0");
    let next = world.accepted(&names[8], "start-next", serde_json::json!({})).await;
    assert_eq!(next.get("execution"), None, "a halted job gives nothing more to devices");
    assert_eq!(view.waves[1].standing.queued, 5);
    let failures = world.app().job_failures(&world.by, id).await.unwrap();
    assert_eq!((failures.len(), failures[0].count), (1, 3));
}

#[tokio::test]
async fn a_wrong_hash_that_devices_report_is_the_reason_that_operators_see() {
    let mut world = World::new().await;
    let names = world.devices(3).await;
    world.release("2.0", &[]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    world.work(&names[0], "FAILED", "sha256 of app.bin does not match").await;
    world.work(&names[1], "FAILED", "sha256 of app.bin does not match").await;
    world.work(&names[2], "FAILED", "").await;
    let failures = world.app().job_failures(&world.by, id).await.unwrap();
    assert_eq!((failures[0].reason.as_str(), failures[0].count), ("sha256 of app.bin does not match", 2));
    let first = world.executions(id).await[0].id;
    let view = world.app().execution_get(&world.by, first).await.unwrap();
    assert_eq!(view.why.sentence, "Failed: sha256 of app.bin does not match.");
    assert_eq!(view.device.as_deref(), Some("d000"));
}

#[tokio::test]
async fn a_device_that_reports_success_and_never_comes_back_is_a_failure_after_the_deadline() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.reports_version("d000", "1.0").await;
    world.release("2.0", &[]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    world.work("d000", "SUCCEEDED", "").await;
    world.settle().await;
    assert_eq!(world.job(id).await.standing.verifying, 1);
    world.advance(30 * 60 - 1);
    world.settle().await;
    assert_eq!(world.job(id).await.job.state, JobState::Running);
    world.advance(1);
    world.settle().await;
    let view = world.job(id).await;
    assert_eq!((view.job.state, view.standing.failed), (JobState::Completed, 1));
    let execution = world.executions(id).await.remove(0);
    assert_eq!(execution.verdict, Verdict::Expired);
    assert!(execution.reason.ends_with("in time: app shows 1.0 instead of 2.0"), "{}", execution.reason);
}

#[tokio::test]
async fn a_device_that_showed_no_version_before_falls_back_like_any_other() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2.0", &[]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    for name in &names {
        world.work(name, "SUCCEEDED", "").await;
    }
    world.advance(2);
    world.reports_version(&names[0], "1.0").await;
    let both = world.executions(id).await;
    assert_eq!((both[0].verdict, both[1].verdict), (Verdict::RolledBack, Verdict::Pending));
    assert_eq!(both[0].reason, "app runs 1.0 instead of 2.0");
    let why = world.app().job_why(&world.by, id, &names[0]).await.unwrap().why;
    assert_eq!(why.sentence, "The device reported success, then app runs 1.0 instead of 2.0.");
    world.advance(30 * 60);
    world.settle().await;
    let silent = world.executions(id).await.remove(1);
    assert_eq!(silent.verdict, Verdict::Expired);
    assert!(silent.reason.ends_with("was not seen running in time"), "{}", silent.reason);
}

#[tokio::test]
async fn a_third_version_is_no_fall_back_and_is_named_once_the_time_is_over() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.reports_version("d000", "1.0").await;
    world.release("2.0", &[]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    installs(&world, "d000", "1.5").await;
    assert_eq!(world.executions(id).await[0].verdict, Verdict::Pending);
    world.advance(30 * 60);
    world.settle().await;
    let why = world.app().job_why(&world.by, id, "d000").await.unwrap().why;
    let instead = "the new version was not seen running in time: app shows 1.5 instead of 2.0.";
    assert!(why.sentence.ends_with(instead), "{}", why.sentence);
}

#[tokio::test]
async fn an_old_version_reported_before_the_restart_is_no_rollback() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.reports_version("d000", "1.0").await;
    world.release("2.0", &[]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    world.reports_version("d000", "1.0").await;
    world.work("d000", "SUCCEEDED", "").await;
    assert_eq!(world.executions(id).await[0].verdict, Verdict::Pending, "what it said before proves nothing");
    world.advance(1);
    world.reports_version("d000", "2.0").await;
    assert_eq!(world.executions(id).await[0].verdict, Verdict::Verified);
}

#[tokio::test]
async fn a_version_seen_before_the_device_says_so_is_verified_at_once() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    world.start_next("d000").await;
    world.reports_version("d000", "2.0").await;
    world.work("d000", "SUCCEEDED", "").await;
    assert_eq!(world.executions(id).await[0].verdict, Verdict::Verified);
}

#[tokio::test]
async fn a_type_that_never_shows_a_version_is_unverifiable_and_counts_as_success() {
    let mut world = World::new().await;
    let blind = world.device_type("blind", vec![VersionSource::Nowhere]).await;
    world.device("b", Some(blind)).await;
    world.release("2.0", &["blind"]).await;
    let id = world.rollout("2.0", &["b".to_owned()]).await;
    world.settle().await;
    world.work("b", "SUCCEEDED", "").await;
    world.settle().await;
    let view = world.job(id).await;
    assert_eq!((view.job.state, view.standing.succeeded), (JobState::Completed, 1));
    assert_eq!(world.executions(id).await[0].verdict, Verdict::Unverifiable);
}

#[tokio::test]
async fn a_device_that_runs_the_release_already_is_done_before_it_begins() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.reports_version("d000", "2.0").await;
    world.release("2.0", &[]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    let executions = world.executions(id).await;
    assert_eq!((executions[0].outcome(), executions[1].outcome()), (Outcome::Succeeded, Outcome::Open));
    let view = world.app().execution_get(&world.by, executions[0].id).await.unwrap();
    assert_eq!(view.why.sentence, "The device ran this version already; nothing was offered.");
    let nothing = world.accepted("d000", "start-next", serde_json::json!({})).await;
    assert_eq!(nothing.get("execution"), None);
}

#[tokio::test]
async fn devices_that_are_gone_or_of_another_type_are_skipped_and_say_why() {
    let mut world = World::new().await;
    let pump = world.device_type("pump", vec![]).await;
    let valve = world.device_type("valve", vec![]).await;
    let gone = world.device("gone", Some(pump)).await;
    let resting = world.device("resting", Some(pump)).await;
    let moved = world.device("moved", Some(pump)).await;
    world.release("2.0", &["pump"]).await;
    let targets = NewTargets::Type("pump".to_owned());
    let job = NewJob { targets, begin: Begin::Manually, ..update_job("2.0", &[]) };
    let id = world.create(job).await;
    world
        .write(move |tx| {
            Box::pin(async move {
                devices::device_delete(tx, gone).await?;
                let mut device = devices::device_by_id(tx, resting).await?.unwrap();
                device.lifecycle = Lifecycle::Decommissioned;
                devices::device_save(tx, &mut device, START).await?;
                let mut device = devices::device_by_id(tx, moved).await?.unwrap();
                device.device_type = Some(valve);
                devices::device_save(tx, &mut device, START).await
            })
        })
        .await;
    world.app().job_start(&world.by, id, None).await.unwrap();
    world.settle().await;
    let reasons: Vec<_> = world.executions(id).await.into_iter().map(|e| e.reason).collect();
    assert_eq!(
        reasons,
        ["the device is gone", "the device is decommissioned", "the release is not for devices of valve",]
    );
    let view = world.job(id).await;
    assert_eq!((view.job.state, view.standing.skipped), (JobState::Completed, 3));
}

#[tokio::test]
async fn a_silent_device_does_not_hold_its_wave_for_ever() {
    let mut world = World::new().await;
    let names = world.devices(3).await;
    world.release("2.0", &[]).await;
    let timeouts = Timeouts {
        queued: Duration::from_secs(60),
        download: None,
        in_progress: Duration::from_secs(30),
        verify: Some(Duration::from_secs(10)),
    };
    let job = NewJob { waves: vec![Amount::Count(2).into()], timeouts, ..update_job("2.0", &names) };
    let id = world.create(job).await;
    world.settle().await;
    world.start_next("d000").await;
    world.advance(30);
    world.settle().await;
    let first = &world.executions(id).await[0];
    assert_eq!(first.reason, "not finished within 30 s (last heard: in progress)");
    world.advance(30);
    world.settle().await;
    let second = &world.executions(id).await[1];
    assert_eq!(
        (second.state, second.reason.as_str()),
        (ExecutionState::TimedOut, "not picked up within 1 min")
    );
    assert_eq!(world.job(id).await.job.progress.offered, 3, "the next wave began");
}

#[tokio::test]
async fn a_device_that_did_the_work_and_fell_silent_is_judged_by_what_it_shows() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.reports_version("d000", "1.0").await;
    world.release("2.0", &[]).await;
    let id = world.rollout("2.0", &names).await;
    world.settle().await;
    world.start_next("d000").await;
    world.reports_version("d000", "2.0").await;
    world.advance(3 * 3600);
    world.settle().await;
    let done = &world.executions(id).await[0];
    assert_eq!((done.state, done.verdict), (ExecutionState::TimedOut, Verdict::Verified));
    assert_eq!(world.job(id).await.standing.succeeded, 1);
}

#[tokio::test]
async fn a_device_tries_again_as_often_as_the_job_allows_and_each_try_has_its_number() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0", &[]).await;
    let id = world.create(NewJob { retries: 2, ..update_job("2.0", &names) }).await;
    world.settle().await;
    for number in 1..=3 {
        assert_eq!(world.start_next("d000").await["executionNumber"], number);
        world.work("d000", "FAILED", "no space").await;
        world.settle().await;
    }
    let view = world.job(id).await;
    assert_eq!((view.job.state, view.standing.failed), (JobState::Completed, 1));
    assert_eq!(world.executions(id).await.len(), 3, "earlier tries stay as history");
    let body = serde_json::json!({ "executionNumber": 1 });
    assert_eq!(world.rejected("d000", &format!("{id}/get"), body).await.0, "TerminalStateReached");
}

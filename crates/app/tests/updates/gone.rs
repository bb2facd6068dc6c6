//! What ends without anybody's word: work of devices that are gone, and jobs whose time in the books is over.

use std::time::Duration;

use windlass_app::devices::LifecycleChange;
use windlass_app::jobs::{JobPick, NewJob};
use windlass_domain::ids::JobId;
use windlass_domain::job::{Amount, Begun, ExecutionState, JobState, Outcome, Verdict};
use windlass_domain::limits::Limits;
use windlass_store::executions::{self, ExecutionPick};
use windlass_store::jobs;

use crate::world::{World, update_job};

#[tokio::test]
async fn a_device_that_is_decommissioned_or_removed_does_not_hold_its_wave() {
    let mut world = World::new().await;
    let names = world.devices(3).await;
    world.refresh().await;
    world.release("2", &[]).await;
    let id = world.create(NewJob { waves: vec![Amount::Count(2).into()], ..update_job("2", &names) }).await;
    world.settle().await;
    world.start_next("d000").await;
    assert_eq!(world.executions(id).await.len(), 2, "the third device waits for the first wave");

    let app = world.app();
    let decommission = LifecycleChange::Decommission;
    app.device_lifecycle(&world.by, &"d000".parse().unwrap(), decommission, None).await.unwrap();
    app.device_delete(&world.by, &"d001".parse().unwrap(), None).await.unwrap();
    world.settle().await;
    let ends: Vec<_> = world.executions(id).await.into_iter().map(|e| (e.state, e.reason)).collect();
    assert_eq!(ends[0], (ExecutionState::Removed, "the device was decommissioned".to_owned()));
    assert_eq!(ends[1], (ExecutionState::Removed, "the device was removed".to_owned()));
    assert_eq!(ends[2].0, ExecutionState::Queued, "the next wave went on at once");
    assert_eq!(world.job(id).await.standing.skipped, 2);
}

#[tokio::test]
async fn what_a_decommissioned_device_said_it_finished_is_waited_for_no_longer() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.refresh().await;
    world.release("2", &[]).await;
    let id = world.rollout("2", &names).await;
    world.settle().await;
    world.work("d000", "SUCCEEDED", "").await;
    assert_eq!(world.executions(id).await[0].outcome(), Outcome::Verifying);
    let name = "d000".parse().unwrap();
    world.app().device_lifecycle(&world.by, &name, LifecycleChange::Decommission, None).await.unwrap();
    world.settle().await;
    assert_eq!(world.executions(id).await[0].verdict, Verdict::Unverifiable);
    assert_eq!(world.job(id).await.job.state, JobState::Completed);
}

#[tokio::test]
async fn the_old_version_right_after_success_is_a_rollback_within_one_second_too() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2", &[]).await;
    for name in &names {
        world.reports_version(name, "1").await;
    }
    let id = world.rollout("2", &names).await;
    world.settle().await;
    // All of it within one second, in this order.
    world.reports_version("d000", "1").await;
    world.work("d000", "SUCCEEDED", "").await;
    world.work("d001", "SUCCEEDED", "").await;
    assert_eq!(world.executions(id).await[0].verdict, Verdict::Pending, "what came before says nothing");
    world.reports_version("d000", "1").await;
    let verdicts: Vec<_> = world.executions(id).await.iter().map(|e| e.verdict).collect();
    assert_eq!(verdicts, [Verdict::RolledBack, Verdict::Pending]);
}

#[tokio::test]
async fn jobs_that_are_long_over_are_forgotten_with_their_executions() {
    let mut world = World::with(Limits {
        job_history: Duration::from_secs(1_000),
        free_disk_per_mille: 0,
        free_disk_bytes: 0,
        ..Limits::default()
    })
    .await;
    let names = world.devices(2).await;
    world.release("2", &[]).await;
    let old = world.rollout("2", &names[..1]).await;
    let open = world.rollout("2", &names[1..]).await;
    world.settle().await;
    world.work("d000", "REJECTED", "no").await;
    world.settle().await;
    let execution = world.executions(old).await[0].id;
    world.advance(1_000);
    world.app().jobs_forget_bygone().await.unwrap();
    assert_eq!(world.job(old).await.job.state, JobState::Completed, "not yet");
    world.advance(1);
    world.app().jobs_forget_bygone().await.unwrap();
    let left = world.app().job_list(&world.by, JobPick::default(), 10).await.unwrap().views;
    assert_eq!(left.iter().map(|view| view.job.id).collect::<Vec<_>>(), [open]);
    assert!(world.app().execution_get(&world.by, execution).await.is_err());
}

/// How many executions of a job are stored, whether anybody sees them or not.
async fn stored(world: &World, job: JobId) -> usize {
    let pick = ExecutionPick::default();
    let list = world.write(move |tx| Box::pin(async move { executions::list(tx, job, &pick, 1_000).await }));
    list.await.len()
}

#[tokio::test]
async fn a_deleted_job_is_gone_at_once_and_its_executions_go_bite_by_bite_also_after_a_restart() {
    for mut world in World::each("gone-remnants").await {
        // More than one bite.
        let names = world.devices(501).await;
        world.refresh().await;
        world.release("2", &[]).await;
        let (cut, whole) = (world.rollout("2", &names).await, world.rollout("2", &names[..1]).await);
        world.settle().await;
        for job in [cut, whole] {
            world.app().job_cancel(&world.by, job, Begun::Withdraw, None).await.unwrap();
        }
        world.settle().await;
        assert_eq!(stored(&world, cut).await, 501);
        world.app().job_delete(&world.by, whole, None).await.unwrap();
        assert_eq!(stored(&world, whole).await, 0);
        // The server ends before the first bite.
        world.write(move |tx| Box::pin(async move { jobs::delete(tx, cut).await })).await;
        assert_eq!(stored(&world, cut).await, 501);
        let listed = world.app().job_list(&world.by, JobPick::default(), 10).await.unwrap().views;
        assert!(listed.is_empty());
        let seen = world.app().device_executions(&world.by, &names[0], None, 10).await;
        assert_eq!(seen.unwrap().len(), 0);
        world.restart().await;
        world.app().jobs_clear_remnants().await.unwrap();
        assert_eq!(stored(&world, cut).await, 0);
        let left = world.write(|tx| Box::pin(async move { jobs::remnants(tx, 10).await })).await;
        assert!(left.is_empty(), "{left:?}");
    }
}

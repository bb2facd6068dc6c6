//! hawkBit's devices that fetch and install without a word: how long they have for it.

use std::time::Duration;

use windlass_app::ddi::DdiPeer;
use windlass_app::downloads::{Account, Whose};
use windlass_app::jobs::NewJob;
use windlass_domain::ids::{ArtifactId, ExecutionId, JobId};
use windlass_domain::job::{Execution, ExecutionState, Timeouts};
use windlass_wire::ddi::{Execution as Said, Finished};

use crate::ddi::{peer, says, worlds};
use crate::world::{World, update_job};

const HOUR: u64 = 3600;

/// A job of two hours that its device has begun by its first byte, and of which it fetches a file.
async fn begun(world: &World) -> (JobId, DdiPeer, Account) {
    let timeouts = Timeouts { in_progress: Duration::from_secs(2 * HOUR), ..Timeouts::default() };
    let job = world.create(NewJob { timeouts, ..update_job("1", &["d1".to_owned()]) }).await;
    world.settle().await;
    let device = peer(world, "home-made").await;
    let id = world.executions(job).await[0].id;
    world.app().ddi_begins(&device, id, "Target downloads app.bin.").await.unwrap();
    (job, device, account(world, id).await)
}

/// What its downloads count for.
async fn account(world: &World, id: ExecutionId) -> Account {
    let device = world.peer("d1").device;
    let files = world.app().artifact_list(&world.by, None, 10).await.unwrap();
    let artifact: ArtifactId = files[0].id;
    Account { whose: Whose::Execution { id, device }, artifact, pace: None }
}

/// So long after the last byte another one goes out.
async fn fetches(world: &World, account: &Account, seconds: u64) {
    world.advance(seconds);
    world.app().downloads.count(account, 0, 1);
    world.app().downloads_save().await.unwrap();
    world.settle().await;
}

async fn execution(world: &World, job: JobId) -> Execution {
    world.executions(job).await.remove(0)
}

#[tokio::test]
async fn bytes_that_go_out_are_a_sign_of_life_of_a_device_that_says_nothing() {
    for world in worlds("ddi-silent-bytes").await {
        let (job, _, account) = begun(&world).await;
        for _ in 0..4 {
            fetches(&world, &account, HOUR).await;
            assert_eq!(execution(&world, job).await.state, ExecutionState::InProgress);
        }
        world.advance(2 * HOUR - 1);
        world.settle().await;
        assert_eq!(execution(&world, job).await.state, ExecutionState::InProgress);
        world.advance(1);
        world.settle().await;
        let over = execution(&world, job).await;
        assert_eq!(over.state, ExecutionState::TimedOut);
        let reason = "not finished within 2 h of what it fetched last; the device itself said nothing";
        assert_eq!(over.reason, reason);
    }
}

#[tokio::test]
async fn they_are_noted_every_few_minutes_and_not_for_each_range() {
    for world in worlds("ddi-silent-noted").await {
        let (job, _, account) = begun(&world).await;
        let due = async || execution(&world, job).await.phase_due.unwrap();
        let first = due().await;
        fetches(&world, &account, 60).await;
        fetches(&world, &account, 60).await;
        assert_eq!(due().await, first);
        fetches(&world, &account, 240).await;
        assert_eq!(due().await, first.plus(Duration::from_secs(360)));
    }
}

#[tokio::test]
async fn a_device_that_reports_keeps_the_time_of_its_reports_however_much_it_fetches() {
    for world in worlds("ddi-silent-reports").await {
        let (job, device, account) = begun(&world).await;
        let action = execution(&world, job).await.id;
        let due = execution(&world, job).await.phase_due;
        world.app().ddi_feedback(&device, action, says(Said::Proceeding, Finished::None)).await.unwrap();
        fetches(&world, &account, HOUR).await;
        assert_eq!(execution(&world, job).await.phase_due, due);
        fetches(&world, &account, HOUR).await;
        let over = execution(&world, job).await;
        assert_eq!(over.state, ExecutionState::TimedOut);
        assert_eq!(over.reason, "not finished within 2 h (last heard: in progress)");
    }
}

#[tokio::test]
async fn who_fetches_its_files_over_and_over_does_not_live_by_that() {
    for world in worlds("ddi-silent-again").await {
        let (job, _, account) = begun(&world).await;
        // The file has one byte.
        for _ in 0..4 {
            fetches(&world, &account, HOUR).await;
        }
        fetches(&world, &account, HOUR).await;
        assert_eq!(execution(&world, job).await.state, ExecutionState::InProgress);
        fetches(&world, &account, HOUR).await;
        assert_eq!(execution(&world, job).await.state, ExecutionState::TimedOut);
    }
}

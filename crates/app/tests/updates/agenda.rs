//! When the reconciler looks at a job: while nothing happens hardly ever, and yet in time.

use std::time::Duration;

use serde_json::json;
use windlass_app::jobs::{Begin, NewJob};
use windlass_domain::ids::JobId;
use windlass_domain::job::{ExecutionState, JobState, RolloutPolicy, Timeouts};

use crate::world::{START, World, update_job};

async fn world_with_device(name: &str) -> Vec<World> {
    let mut all = World::each(name).await;
    for world in &mut all {
        world.devices(1).await;
        world.release("2.0.0", &[]).await;
    }
    all
}

fn job() -> NewJob {
    update_job("2.0.0", &["d000".to_owned()])
}

async fn state(world: &World, job: JobId) -> ExecutionState {
    world.executions(job).await[0].state
}

/// Lets so many seconds pass, with a turn in each; how often a job was looked at.
async fn pass(world: &World, seconds: u64) -> usize {
    let mut looked = 0;
    for _ in 0..seconds {
        world.advance(1);
        let mut turn = world.app().jobs_turn().await.unwrap();
        looked += turn.looked;
        while turn.more {
            turn = world.app().jobs_turn().await.unwrap();
            looked += turn.looked;
        }
    }
    looked
}

/// Turns without any time that passes, until one looks at a job.
async fn woken(world: &World) {
    let turns = async {
        while world.app().jobs_turn().await.unwrap().looked == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), turns).await.unwrap();
}

/// Follows the change feed from here on.
async fn follow(world: &World) {
    world.refresh().await;
    world.app().tasks.spawn_until_stopped(world.app().clone().follow_changes());
}

#[tokio::test]
async fn a_job_that_waits_is_hardly_looked_at_and_ends_to_the_second() {
    for world in world_with_device("agenda-timeout").await {
        let timeouts = Timeouts { queued: Duration::from_secs(900), ..Timeouts::default() };
        let job = world.create(NewJob { timeouts, ..job() }).await;
        world.settle().await;
        assert_eq!(world.app().jobs_turn().await.unwrap().looked, 0);
        let looked = pass(&world, 800).await;
        assert!((10..=30).contains(&looked), "{looked}");
        pass(&world, 99).await;
        assert_eq!(state(&world, job).await, ExecutionState::Queued);
        pass(&world, 1).await;
        assert_eq!(state(&world, job).await, ExecutionState::TimedOut);
    }
}

#[tokio::test]
async fn a_job_begins_and_ends_when_it_is_to() {
    for world in world_with_device("agenda-begins").await {
        let begin = Begin::At(START.plus(Duration::from_secs(300)));
        let ends_at = Some(START.plus(Duration::from_secs(500)));
        let rollout = RolloutPolicy { ends_at, ..RolloutPolicy::default() };
        let id = world.create(NewJob { begin, rollout, ..job() }).await;
        world.settle().await;
        assert!(pass(&world, 230).await < 10);
        pass(&world, 69).await;
        assert!(matches!(world.job(id).await.job.state, JobState::Scheduled { .. }));
        pass(&world, 1).await;
        assert_eq!(state(&world, id).await, ExecutionState::Queued);
        pass(&world, 199).await;
        assert_eq!(world.job(id).await.job.state, JobState::Running);
        pass(&world, 1).await;
        assert_eq!(world.job(id).await.job.state, JobState::Completed);
    }
}

#[tokio::test]
async fn what_a_device_says_wakes_its_job_by_the_change_feed() {
    for world in world_with_device("agenda-feed").await {
        let id = world.create(job()).await;
        world.settle().await;
        assert_eq!(world.app().jobs_turn().await.unwrap().looked, 0);
        follow(&world).await;
        world.work("d000", "FAILED", "no space").await;
        while world.job(id).await.job.state == JobState::Running {
            woken(&world).await;
        }
        assert_eq!(world.job(id).await.job.state, JobState::Completed);
    }
}

#[tokio::test]
async fn a_timer_that_its_device_sets_counts_though_it_runs_out_before_all_others() {
    for world in world_with_device("agenda-step").await {
        let id = world.create(job()).await;
        world.settle().await;
        world.start_next("d000").await;
        world.settle().await;
        assert_eq!(world.app().jobs_turn().await.unwrap().looked, 0);
        follow(&world).await;
        let body = json!({ "status": "IN_PROGRESS", "stepTimeoutInMinutes": 1 });
        world.accepted("d000", &format!("{id}/update"), body).await;
        woken(&world).await;
        pass(&world, 59).await;
        assert_eq!(state(&world, id).await, ExecutionState::InProgress);
        pass(&world, 1).await;
        assert_eq!(state(&world, id).await, ExecutionState::TimedOut);
    }
}

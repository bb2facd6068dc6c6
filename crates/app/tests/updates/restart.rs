//! A crash between any two steps: the server starts again, looks at what is stored, and goes on.

use serde_json::json;
use windlass_app::jobs::NewJob;
use windlass_domain::job::{
    Amount, Begun, ExecutionState, FailureThreshold, JobState, ShareOf, Standing, ThresholdScope, Verdict,
};

use crate::world::{World, update_job};

/// Carries out one plan of one job at a time, with a new server for each.
async fn settle_with_a_crash_between_any_two_plans(world: &mut World, id: windlass_domain::ids::JobId) {
    for _ in 0..100 {
        if !world.app().job_step(id).await.unwrap() {
            return;
        }
        world.restart().await;
    }
    panic!("the job does not come to rest");
}

/// The whole story of a rollout with a threshold, retries and a resume. `crash`: the server dies after every step.
async fn story(crash: bool) -> (JobState, Standing, Vec<(i64, i64, ExecutionState, Verdict)>) {
    let mut world = World::new().await;
    let names = world.devices(6).await;
    for name in &names {
        world.reports_version(name, "1").await;
    }
    world.release("2", &[]).await;
    let job = NewJob {
        waves: vec![Amount::Count(2).into(), Amount::Count(2).into()],
        threshold: Some(FailureThreshold {
            count: Some(1),
            percent: None,
            of: ShareOf::Finished,
            minimum: 1,
            scope: ThresholdScope::Wave,
        }),
        retries: 1,
        ..update_job("2", &names)
    };
    let id = world.create(job).await;
    for round in 0..12 {
        if crash {
            world.restart().await;
            settle_with_a_crash_between_any_two_plans(&mut world, id).await;
        } else {
            world.settle().await;
        }
        if matches!(world.job(id).await.job.state, JobState::Halted(_)) {
            world.app().job_resume(&world.by, id, None).await.unwrap();
            continue;
        }
        for (index, name) in names.iter().enumerate() {
            let pending = world.accepted(name, "get", json!({})).await;
            let open = pending["queuedJobs"].as_array().unwrap().len()
                + pending["inProgressJobs"].as_array().unwrap().len();
            if open == 0 {
                continue;
            }
            match index {
                0 => world.work(name, "FAILED", "flash worn out").await,
                2 | 3 => {
                    world.work(name, "SUCCEEDED", "").await;
                    world.advance(1);
                    world.reports_version(name, "1").await;
                }
                _ => {
                    world.work(name, "SUCCEEDED", "").await;
                    if crash {
                        world.restart().await;
                    }
                    world.advance(1);
                    world.reports_version(name, "2").await;
                }
            }
        }
        if round == 11 {
            assert!(!world.job(id).await.job.state.is_open(), "the story ends");
        }
    }
    let view = world.job(id).await;
    let executions = world.executions(id).await;
    let told = executions.iter().map(|e| (e.device.get(), e.number, e.state, e.verdict)).collect();
    (view.job.state, view.standing, told)
}

#[tokio::test]
async fn a_crash_between_any_two_steps_changes_nothing_of_how_a_rollout_ends() {
    let smooth = story(false).await;
    assert_eq!(smooth.0, JobState::Completed);
    assert_eq!(smooth.1, Standing { succeeded: 3, failed: 3, ..Standing::default() });
    assert_eq!(story(true).await, smooth);
}

#[tokio::test]
async fn looking_again_at_a_job_at_rest_does_nothing() {
    let mut world = World::new().await;
    let names = world.devices(3).await;
    world.release("2", &[]).await;
    let id = world.rollout("2", &names).await;
    world.settle().await;
    let before = (world.job(id).await, world.app().store.latest_change().await.unwrap());
    for _ in 0..5 {
        assert!(!world.app().jobs_activate().await.unwrap());
    }
    assert_eq!((world.job(id).await, world.app().store.latest_change().await.unwrap()), before);
}

#[tokio::test]
async fn a_large_job_starts_at_once_and_is_offered_in_batches() {
    let mut world = World::new().await;
    let names = world.devices(1_200).await;
    world.release("2", &[]).await;
    let id = world.rollout("2", &names).await;
    assert_eq!(world.job(id).await.job.state, JobState::Running);
    assert!(world.executions(id).await.is_empty(), "nothing is offered in the request itself");
    assert!(world.app().job_step(id).await.unwrap());
    assert_eq!(world.job(id).await.standing.queued, 500);
    world.settle().await;
    assert_eq!(world.job(id).await.standing.queued, 1_200);
    world.app().job_cancel(&world.by, id, Begun::Finish, None).await.unwrap();
    world.settle().await;
    let view = world.job(id).await;
    assert_eq!((view.job.state, view.standing.canceled), (JobState::Canceled, 1_200));
}

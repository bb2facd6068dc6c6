//! What operators may ask, and what they are told when they may not.

use std::time::Duration;

use serde_json::json;
use windlass_app::AppError;
use windlass_app::jobs::{Begin, ExecutionFilter, JobPick, NewJob, NewTargets, NewWhat, ReleaseLabel};
use windlass_app::releases::ReleaseJobs;
use windlass_domain::ids::JobId;
use windlass_domain::job::{
    Amount, Begun, Continuous, ExecutionState, FailureThreshold, JobState, RolloutPolicy, ShareOf,
    ThresholdScope, Timeouts,
};
use windlass_domain::permission::{Principal, Role};

use crate::world::{START, World, fw, update_job};

fn problems(error: AppError) -> Vec<(String, String)> {
    match error {
        AppError::Invalid(problems) => {
            problems.into_iter().map(|problem| (problem.field, problem.problem)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn fields(error: AppError) -> Vec<String> {
    problems(error).into_iter().map(|(field, _)| field).collect()
}

#[tokio::test]
async fn a_job_names_every_field_that_cannot_be_taken() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    let bad = NewJob {
        description: "x".repeat(600),
        what: NewWhat::Update { name: "fw".to_owned(), version: "9".to_owned(), force: false },
        targets: NewTargets::Devices(vec!["d000".to_owned(), "ghost".to_owned(), "a b".to_owned()]),
        waves: vec![Amount::Count(0).into(), Amount::Percent(0).into(), Amount::Percent(101).into()],
        threshold: Some(FailureThreshold {
            count: None,
            percent: Some(101),
            of: ShareOf::Finished,
            minimum: 1,
            scope: ThresholdScope::Wave,
        }),
        timeouts: Timeouts {
            queued: Duration::ZERO,
            download: Some(Duration::from_secs(366 * 24 * 3600)),
            in_progress: Duration::from_secs(400 * 24 * 3600),
            verify: Some(Duration::ZERO),
        },
        retries: 11,
        begin: Begin::Now,
        rollout: windlass_domain::job::RolloutPolicy::default(),
    };
    let found = problems(world.app().job_create(&world.by, bad).await.unwrap_err());
    let named: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        named,
        [
            "description",
            "waves.0.count",
            "waves.1.percent",
            "waves.2.percent",
            "failureThreshold.percent",
            "timeouts.queued",
            "timeouts.download",
            "timeouts.inProgress",
            "timeouts.verify",
            "retries",
            "release",
            "targets.devices",
        ]
    );
    assert!(found.last().unwrap().1.ends_with("ghost, a b"), "{found:?}");

    world.release("1", &[]).await;
    for (targets, field) in [
        (NewTargets::Tag("nobody".to_owned()), "targets"),
        (NewTargets::Tag("a\nb".to_owned()), "targets.tag"),
        (NewTargets::Type("ghost".to_owned()), "targets.type"),
        (NewTargets::Group("ghost".to_owned()), "targets.group"),
        (NewTargets::Query("((".to_owned()), "targets.query"),
        (NewTargets::Devices(vec![]), "targets"),
    ] {
        let job = NewJob { targets: targets.clone(), ..update_job("1", &names) };
        assert_eq!(fields(world.app().job_create(&world.by, job).await.unwrap_err()), [field], "{targets:?}");
    }
    assert!(world.app().job_list(&world.by, JobPick::default(), 10).await.unwrap().views.is_empty());
}

#[tokio::test]
async fn a_release_is_not_offered_to_types_that_it_is_not_for() {
    let mut world = World::new().await;
    world.device_type("pump", vec![]).await;
    let valve = world.device_type("valve", vec![]).await;
    world.device("v", Some(valve)).await;
    world.release("1", &["pump"]).await;
    let job = update_job("1", &["v".to_owned()]);
    assert_eq!(fields(world.app().job_create(&world.by, job).await.unwrap_err()), ["targets.devices"]);
    let job = NewJob { targets: NewTargets::Type("valve".to_owned()), ..update_job("1", &[]) };
    assert_eq!(fields(world.app().job_create(&world.by, job).await.unwrap_err()), ["targets.type"]);
}

#[tokio::test]
async fn documents_over_the_limit_are_refused_when_the_job_is_made() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    let long = json!({ "text": "x".repeat(40_000) }).as_object().unwrap().clone();
    let job = NewJob { what: NewWhat::Document(long), ..update_job("1", &names) };
    assert_eq!(fields(world.app().job_create(&world.by, job).await.unwrap_err()), ["document"]);
}

#[tokio::test]
async fn a_paused_job_hides_what_was_not_begun_and_shows_it_again_with_its_whole_time() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2", &[]).await;
    let timeouts = Timeouts { queued: Duration::from_secs(100), ..Timeouts::default() };
    let id = world.create(NewJob { timeouts, ..update_job("2", &names) }).await;
    world.settle().await;
    world.start_next("d000").await;
    world.app().job_pause(&world.by, id, None).await.unwrap();
    let hidden = world.accepted("d001", "get", json!({})).await;
    assert_eq!(hidden["queuedJobs"], json!([]));
    let code = world.rejected("d001", &format!("{id}/update"), json!({ "status": "IN_PROGRESS" })).await.0;
    assert_eq!(code, "ResourceNotFound");
    let still = world.accepted("d000", "get", json!({})).await;
    assert_eq!(still["inProgressJobs"].as_array().unwrap().len(), 1, "what was begun goes on");

    world.advance(1_000);
    world.settle().await;
    assert_eq!(world.executions(id).await[1].state, ExecutionState::Queued);
    world.app().job_resume(&world.by, id, None).await.unwrap();
    world.settle().await;
    world.advance(99);
    world.settle().await;
    assert_eq!(world.executions(id).await[1].state, ExecutionState::Queued);
    world.advance(1);
    world.settle().await;
    assert_eq!(world.executions(id).await[1].state, ExecutionState::TimedOut);
}

#[tokio::test]
async fn cancel_withdraws_what_was_not_begun_and_lets_the_rest_finish() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2", &[]).await;
    let id = world.rollout("2", &names).await;
    world.settle().await;
    world.start_next("d000").await;
    let view = world.app().job_cancel(&world.by, id, Begun::Finish, None).await.unwrap();
    assert_eq!(view.job.state, JobState::Stopping { begun: Begun::Finish });
    world.settle().await;
    let states: Vec<_> = world.executions(id).await.iter().map(|e| e.state).collect();
    assert_eq!(states, [ExecutionState::InProgress, ExecutionState::Canceled]);
    world.work("d000", "FAILED", "late").await;
    world.settle().await;
    assert_eq!(world.job(id).await.job.state, JobState::Canceled);
    let code = world.rejected("d001", &format!("{id}/update"), json!({ "status": "IN_PROGRESS" })).await.0;
    assert_eq!(code, "InvalidStateTransition");
}

#[tokio::test]
async fn retrying_what_failed_runs_a_finished_job_again_on_those_devices_only() {
    let mut world = World::new().await;
    let names = world.devices(3).await;
    world.release("2", &[]).await;
    let id = world.rollout("2", &names).await;
    world.settle().await;
    world.work("d000", "SUCCEEDED", "").await;
    world.reports_version("d000", "2").await;
    world.work("d001", "FAILED", "no space").await;
    world.work("d002", "REJECTED", "busy").await;
    world.settle().await;
    assert_eq!(world.job(id).await.job.state, JobState::Completed);
    assert_eq!(world.app().job_retry_failed(&world.by, id, None).await.unwrap(), 2);
    world.settle().await;
    let view = world.job(id).await;
    assert_eq!((view.job.state, view.standing.queued, view.standing.succeeded), (JobState::Running, 2, 1));
    assert_eq!(world.start_next("d001").await["executionNumber"], 2);
    for name in ["d001", "d002"] {
        world.work(name, "SUCCEEDED", "").await;
        world.reports_version(name, "2").await;
    }
    world.settle().await;
    assert_eq!(world.job(id).await.job.state, JobState::Completed);
    let error = world.app().job_retry_failed(&world.by, id, None).await.unwrap_err();
    assert_eq!(error.code(), "job.nothing_failed");
}

#[tokio::test]
async fn a_halted_job_resumes_with_the_failures_so_far_forgiven() {
    let mut world = World::new().await;
    let names = world.devices(4).await;
    world.release("2", &[]).await;
    let threshold = Some(FailureThreshold {
        count: Some(0),
        percent: None,
        of: ShareOf::Finished,
        minimum: 1,
        scope: ThresholdScope::Job,
    });
    let id = world.create(NewJob { threshold, ..update_job("2", &names) }).await;
    world.settle().await;
    world.work("d000", "FAILED", "").await;
    world.settle().await;
    assert!(matches!(world.job(id).await.job.state, JobState::Halted(_)));
    world.app().job_resume(&world.by, id, None).await.unwrap();
    world.settle().await;
    assert_eq!(world.job(id).await.job.state, JobState::Running);
    world.work("d001", "FAILED", "").await;
    world.settle().await;
    assert!(matches!(world.job(id).await.job.state, JobState::Halted(_)), "a new failure counts");
}

#[tokio::test]
async fn jobs_start_by_hand_or_at_their_time() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2", &[]).await;
    let by_hand = world.create(NewJob { begin: Begin::Manually, ..update_job("2", &names) }).await;
    let at = Begin::At(START.plus(Duration::from_secs(50)));
    let at_time = world.create(NewJob { begin: at, ..update_job("2", &names) }).await;
    world.advance(49);
    world.settle().await;
    assert!(world.executions(at_time).await.is_empty());
    world.advance(1);
    world.settle().await;
    assert_eq!(world.executions(at_time).await.len(), 1);
    assert!(world.executions(by_hand).await.is_empty());
    world.app().job_start(&world.by, by_hand, None).await.unwrap();
    world.settle().await;
    assert_eq!(world.executions(by_hand).await.len(), 1);
}

#[tokio::test]
async fn actions_that_do_not_fit_the_state_or_the_version_are_refused() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2", &[]).await;
    let id = world.rollout("2", &names).await;
    let error = world.app().job_start(&world.by, id, None).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        ("job.state", "job 1 is running, so it cannot be started".to_owned())
    );
    assert_eq!(world.app().job_delete(&world.by, id, None).await.unwrap_err().code(), "job.state");
    assert_eq!(world.app().job_pause(&world.by, id, Some(7)).await.unwrap_err().code(), "version_mismatch");
    assert_eq!(world.app().job_pause(&world.by, JobId::new(99), None).await.unwrap_err().code(), "not_found");
    assert_eq!(
        world.app().release_delete(&world.by, "fw", "2", false).await.unwrap_err().code(),
        "release.in_use"
    );
    let kept = Some(ReleaseJobs { count: 1, open: Some(id.get()) });
    assert_eq!(world.app().release_get(&world.by, "fw", "2").await.unwrap().jobs, kept);
    let viewer = Principal::user(world.tenant, "vera", Role::Viewer);
    assert_eq!(world.app().job_pause(&viewer, id, None).await.unwrap_err().code(), "forbidden");
    assert_eq!(
        world.app().job_create(&viewer, update_job("2", &names)).await.unwrap_err().code(),
        "forbidden"
    );
    assert_eq!(world.app().job_get(&viewer, id).await.unwrap().job.id, id);
    let stranger = Principal::user(windlass_domain::ids::TenantId::new(2), "sven", Role::Admin);
    assert_eq!(world.app().job_get(&stranger, id).await.unwrap_err().code(), "not_found");
    assert!(world.app().job_list(&stranger, JobPick::default(), 10).await.unwrap().views.is_empty());

    world.app().job_cancel(&world.by, id, Begun::Ask, Some(1)).await.unwrap();
    world.settle().await;
    world.app().release_delete(&world.by, "fw", "2", false).await.unwrap();
    world.app().job_delete(&world.by, id, None).await.unwrap();
    assert_eq!(world.app().job_get(&world.by, id).await.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn a_job_tells_what_it_installed_when_that_is_deleted() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2", &[]).await;
    let id = world.rollout("2", &names).await;
    world.settle().await;
    world.start_next("d000").await;
    world.work("d000", "FAILED", "no space").await;
    world.settle().await;
    let job = world.job(id).await;
    assert_eq!((job.job.state.clone(), job.release), (JobState::Completed, Some(fw("2"))));
    let jobs = |version: &'static str| {
        let (app, by) = (world.app().clone(), world.by.clone());
        async move { app.release_get(&by, "fw", version).await.unwrap().jobs.map(|jobs| jobs.count) }
    };
    assert_eq!(jobs("2").await, Some(1));

    world.app().release_delete(&world.by, "fw", "2", false).await.unwrap();
    let past = Some(ReleaseLabel { deleted: true, ..fw("2") });
    assert_eq!(world.job(id).await.release, past);
    let text = |text: &str| JobPick { text: text.to_owned(), ..JobPick::default() };
    let listed = world.app().job_list(&world.by, text("FW 2"), 10).await.unwrap().views;
    assert!(listed.len() == 1 && listed[0].release == past, "{listed:?}");
    assert_eq!(world.app().job_why(&world.by, id, "d000").await.unwrap().release, past);
    let told = world.app().device_updates(&world.by, "d000").await.unwrap();
    assert!(told.len() == 1 && told[0].release == past, "{told:?}");
    let error = world.app().job_retry_failed(&world.by, id, None).await.unwrap_err();
    assert_eq!(error.code(), "release.gone");
    assert!(error.to_string().contains("release fw 2 of job 1 was deleted"), "{error}");

    // Another release of the same name and version is another release.
    world.release_again("2", &[]).await;
    assert_eq!(jobs("2").await, Some(0));
    assert_eq!(world.job(id).await.release, past);
    world.app().job_delete(&world.by, id, None).await.unwrap();
    assert!(world.app().job_list(&world.by, text("fw 2"), 10).await.unwrap().views.is_empty());
}

#[tokio::test]
async fn whoever_sees_some_devices_only_is_not_told_how_many_jobs_there_are() {
    let world = World::new().await;
    world.release("2", &[]).await;
    let limited = Principal { scope: Some("name==d000".to_owned()), ..world.by.clone() };
    assert_eq!(world.app().release_get(&limited, "fw", "2").await.unwrap().jobs, None);
    let none = Some(ReleaseJobs { count: 0, open: None });
    assert_eq!(world.app().release_get(&world.by, "fw", "2").await.unwrap().jobs, none);
}

#[tokio::test]
async fn jobs_are_listed_newest_first_in_pages() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2", &[]).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.rollout("2", &names).await);
    }
    ids.reverse();
    let page = world.app().job_list(&world.by, JobPick::default(), 2).await.unwrap().views;
    assert_eq!(page.iter().map(|view| view.job.id).collect::<Vec<_>>(), ids[..2]);
    assert_eq!(page[0].release, Some(fw("2")));
    let rest = world
        .app()
        .job_list(&world.by, JobPick { before: ids[1].get(), ..JobPick::default() }, 2)
        .await
        .unwrap()
        .views;
    assert_eq!(rest.iter().map(|view| view.job.id).collect::<Vec<_>>(), ids[2..]);
}

#[tokio::test]
async fn a_job_that_reaches_beyond_a_scope_does_not_exist_there() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2", &[]).await;
    let both = world.rollout("2", &names).await;
    world.refresh().await;
    let berlin = Principal { scope: Some(format!("name=={}", names[0])), ..world.by.clone() };
    let app = world.app();
    for refused in [
        app.job_pause(&berlin, both, None).await.map(drop),
        app.job_cancel(&berlin, both, Begun::Ask, None).await.map(drop),
        app.job_get(&berlin, both).await.map(drop),
        app.job_failures(&berlin, both).await.map(drop),
    ] {
        assert!(matches!(refused, Err(AppError::NotFound { .. })), "{refused:?}");
    }
    assert!(app.job_list(&berlin, JobPick::default(), 10).await.unwrap().views.is_empty());

    world.release("3", &[]).await;
    let own = world.app().job_create(&berlin, update_job("3", &names[..1])).await.unwrap().job.id;
    let seen: Vec<_> = world.app().job_list(&berlin, JobPick::default(), 1).await.unwrap().views;
    assert_eq!(seen.iter().map(|view| view.job.id).collect::<Vec<_>>(), [own]);
    world.app().job_pause(&berlin, own, None).await.unwrap();
}

#[tokio::test]
async fn a_job_that_may_take_in_devices_beyond_a_scope_does_not_exist_there_though_all_it_has_lie_within() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.attribute(&names[0], "ring", "early").await;
    world.release("2", &[]).await;
    world.refresh().await;
    let query = "attribute.ring==early".to_owned();
    let continuous = Some(Continuous { query: query.clone(), wave_size: 1 });
    let rollout = RolloutPolicy { continuous, ..RolloutPolicy::default() };
    let new = NewJob { targets: NewTargets::Query(query), rollout, ..update_job("2", &[]) };
    let id = world.create(new).await;
    world.settle().await;
    let berlin = Principal { scope: Some(format!("name=={}", names[0])), ..world.by.clone() };
    let app = world.app();
    for refused in [
        app.job_get(&berlin, id).await.map(drop),
        app.job_failures(&berlin, id).await.map(drop),
        app.job_downloads(&berlin, id).await.map(drop),
        app.job_why(&berlin, id, &names[0]).await.map(drop),
        app.execution_list(&berlin, id, ExecutionFilter::default(), 10).await.map(drop),
        app.job_pause(&berlin, id, None).await.map(drop),
        app.job_resume(&berlin, id, None).await.map(drop),
        app.job_retry_failed(&berlin, id, None).await.map(drop),
        app.job_cancel(&berlin, id, Begun::Ask, None).await.map(drop),
        app.job_roll_back(&berlin, id).await.map(drop),
        app.job_delete(&berlin, id, None).await,
    ] {
        assert!(matches!(refused, Err(AppError::NotFound { .. })), "{refused:?}");
    }
    assert!(app.job_list(&berlin, JobPick::default(), 10).await.unwrap().views.is_empty());
    let seen = app.device_executions(&berlin, &names[0], None, 10).await.unwrap();
    assert_eq!(seen.len(), 1, "what a device within has to do shows");
    assert_eq!(world.job(id).await.job.state, JobState::Running, "nothing was changed");
}

#[tokio::test]
async fn a_job_stays_with_a_scope_when_a_device_of_it_is_deleted() {
    let mut world = World::new().await;
    let names = world.devices(4).await;
    for name in &names[..3] {
        world.attribute(name, "site", "berlin").await;
    }
    world.release("2", &[]).await;
    world.refresh().await;
    let berlin = Principal { scope: Some("attribute.site==berlin".to_owned()), ..world.by.clone() };
    let own = world.app().job_create(&berlin, update_job("2", &names[..2])).await.unwrap().job.id;
    let beyond = world.rollout("2", &names[2..]).await;
    world.settle().await;
    let delete = async |world: &World, name: &str| {
        world.app().device_delete(&world.by, &name.parse().unwrap(), None).await.unwrap();
        world.refresh().await;
    };
    delete(&world, &names[0]).await;
    delete(&world, &names[2]).await;
    let listed = async |world: &World| {
        let seen = world.app().job_list(&berlin, JobPick::default(), 10).await.unwrap().views;
        seen.iter().map(|view| view.job.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(&world).await, [own], "what is left of the other one lies beyond");
    let hidden = world.app().job_get(&berlin, beyond).await.map(drop);
    assert!(matches!(hidden, Err(AppError::NotFound { .. })), "{hidden:?}");
    world.app().job_cancel(&berlin, own, Begun::Ask, None).await.unwrap();
    delete(&world, &names[1]).await;
    assert!(listed(&world).await.is_empty(), "nobody can tell whom it was for");
}

#[tokio::test]
async fn nothing_goes_on_with_a_job_that_was_to_end() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2", &[]).await;
    let rollout =
        RolloutPolicy { ends_at: Some(START.plus(Duration::from_secs(3600))), ..RolloutPolicy::default() };
    let new = NewJob { rollout, ..update_job("2", &names) };
    let failed = world.create(new.clone()).await;
    let waits = world.create(NewJob { begin: Begin::Manually, ..new }).await;
    world.settle().await;
    world.work(&names[0], "FAILED", "battery low").await;
    world.settle().await;
    world.advance(3601);
    world.settle().await;
    let app = world.app();
    for (refused, id) in [
        (app.job_retry_failed(&world.by, failed, None).await.map(drop), failed),
        (app.job_start(&world.by, waits, None).await.map(drop), waits),
    ] {
        let Err(AppError::Conflict { code: "job.ended", detail }) = refused else { panic!("{refused:?}") };
        assert_eq!(detail, format!("job {id} was to end at 2026-01-01 01:00 UTC; make another one"));
    }
    let stays = world.job(failed).await;
    assert_eq!((stays.job.state, stays.job.progress.retry), (JobState::Completed, None));
}

#[tokio::test]
async fn what_a_device_has_to_do_is_told_however_many_jobs_there_are_for_others() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2", &[]).await;
    let own = world.rollout("2", &names[..1]).await;
    for _ in 0..51 {
        world.create(NewJob { begin: Begin::Manually, ..update_job("2", &names[1..]) }).await;
    }
    world.settle().await;
    let told = world.app().device_updates(&world.by, &names[0]).await.unwrap();
    assert_eq!(told.iter().map(|one| one.job.id).collect::<Vec<_>>(), [own]);
}

#[tokio::test]
async fn a_scope_that_sees_few_jobs_looks_at_so_many_and_goes_on_from_there() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2", &[]).await;
    let manually = |names: &[String]| NewJob { begin: Begin::Manually, ..update_job("2", names) };
    let own = world.create(manually(&names[..1])).await;
    for _ in 0..1_001 {
        world.create(manually(&names[1..])).await;
    }
    world.refresh().await;
    let berlin = Principal { scope: Some(format!("name=={}", names[0])), ..world.by.clone() };
    let first = world.app().job_list(&berlin, JobPick::default(), 10).await.unwrap();
    assert!(first.views.is_empty());
    let before = first.next.unwrap().get();
    let second = world.app().job_list(&berlin, JobPick { before, ..JobPick::default() }, 10).await.unwrap();
    assert_eq!(second.views.iter().map(|view| view.job.id).collect::<Vec<_>>(), [own]);
    assert_eq!(second.next, None);
}

//! Back to what devices ran before: to which release, for which of them, and what becomes of who may be at work.

use serde_json::{Map, Value, json};
use windlass_app::AppError;
use windlass_app::ddi::{Next, Wanted};
use windlass_app::jobs::{JobView, NewJob, NewWhat};
use windlass_app::releases::{NewComponent, NewRelease, NewRules};
use windlass_domain::device_type::VersionSource;
use windlass_domain::ids::JobId;
use windlass_domain::job::{Begun, ExecutionState, JobState, Verdict};
use windlass_store::management::{SetExtra, extras};
use windlass_store::releases;
use windlass_wire::ddi::{Execution as Said, Finished, Mode};

use crate::ddi::{says, state};
use crate::ddi_truth::{attributes, d2, offered, typed};
use crate::world::{World, fw, update_job};

/// A release of several components, which are made if they are not there.
async fn bundle(world: &World, name: &str, version: &str, parts: &[(&str, &str)]) {
    for (part, version) in parts {
        let bytes = format!("{part} {version}");
        let artifact = world.artifact("part.bin", bytes.as_bytes()).await.unwrap();
        let component = NewComponent {
            name: (*part).to_owned(),
            version: (*version).to_owned(),
            component_type: "application".to_owned(),
            artifacts: vec![artifact.id.get()],
        };
        let made = world.app().component_create(&world.by, component).await;
        assert!(matches!(made, Ok(_) | Err(AppError::Exists { .. })), "{made:?}");
    }
    let components = parts.iter().map(|(part, version)| ((*part).to_owned(), (*version).to_owned()).into());
    let release = NewRelease {
        name: name.to_owned(),
        version: version.to_owned(),
        components: components.collect(),
        device_types: Vec::new(),
        notes: String::new(),
        rules: NewRules::default(),
    };
    world.app().release_create(&world.by, release).await.unwrap();
}

/// The device says which components it runs.
async fn runs(world: &World, name: &str, parts: &[(&str, &str)]) {
    let firmware: Map<String, Value> =
        parts.iter().map(|(part, version)| ((*part).to_owned(), json!(version))).collect();
    world.reports(name, json!({ "firmware": firmware })).await;
}

/// Has a release of this name be one that nobody is to get any more, or one as before.
async fn invalid(world: &World, name: &'static str, version: &'static str, invalid: bool) {
    let tenant = world.tenant;
    world
        .write(move |tx| {
            Box::pin(async move {
                let release = releases::release(tx, tenant, name, version).await?.unwrap();
                let extra = SetExtra { invalid, ..SetExtra::default() };
                extras::put(tx, tenant, release.id.get(), &extra).await
            })
        })
        .await;
}

async fn back(world: &World, id: JobId) -> JobView {
    let told = world.app().job_way_back_of(&world.by, id).await.unwrap();
    assert_eq!(told.looked_at, None, "all were looked at");
    let told = told.job.unwrap();
    let made = world.app().job_roll_back(&world.by, id).await.unwrap();
    let release = made.release.clone().unwrap();
    assert_eq!((told.name, told.version), (release.name, release.version));
    let devices = u64::try_from(told.devices).unwrap();
    assert_eq!((devices, &told.words), (made.job.target_count, &made.job.spec.targets));
    made
}

async fn no_way_back(world: &World, id: JobId) -> String {
    let told = world.app().job_way_back_of(&world.by, id).await.map(|back| back.job);
    match world.app().job_roll_back(&world.by, id).await {
        Err(AppError::Conflict { code: "job.no_previous", detail }) => {
            assert_eq!(told.unwrap_err().to_string(), detail, "it is told before as it is then");
            detail
        }
        other => panic!("{:?}", other.map(|view| view.release)),
    }
}

#[tokio::test]
async fn a_release_that_shares_what_did_not_change_is_no_way_back() {
    for mut world in World::each("back-shared").await {
        let place = vec![VersionSource::Reported("firmware.{component}".to_owned())];
        let board = world.device_type("box", place).await;
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        for name in &names {
            world.device(name, Some(board)).await;
        }
        world.refresh().await;
        bundle(&world, "fw", "1.0", &[("app", "1.0"), ("kernel", "5")]).await;
        bundle(&world, "fw", "2.0", &[("app", "2.0"), ("kernel", "5")]).await;
        bundle(&world, "app-only", "1.0", &[("app", "1.0")]).await;
        bundle(&world, "kernel-only", "5", &[("kernel", "5")]).await;
        bundle(&world, "fw-eu", "2.0", &[("app", "2.0"), ("kernel", "5")]).await;
        for name in &names[..2] {
            runs(&world, name, &[("app", "1.0"), ("kernel", "5")]).await;
        }
        runs(&world, "c", &[("app", "2.0"), ("kernel", "5")]).await;
        let id = world.rollout("2.0", &names).await;
        world.settle().await;
        for name in &names[..2] {
            world.work(name, "SUCCEEDED", "").await;
            world.advance(2);
            runs(&world, name, &[("app", "2.0"), ("kernel", "5")]).await;
        }
        world.settle().await;
        assert_eq!(world.job(id).await.standing.succeeded, 3);
        for version in ["fw", "app-only"] {
            invalid(&world, version, "1.0", true).await;
        }
        let said = no_way_back(&world, id).await;
        assert!(said.starts_with("no release holds what the devices"), "{said}");
        for version in ["fw", "app-only"] {
            invalid(&world, version, "1.0", false).await;
        }
        let back = back(&world, id).await;
        assert_eq!(back.release, Some(fw("1.0")), "not one with less of it");
        assert_eq!(back.job.target_count, 2, "nothing was changed on the third");
        world.settle().await;
        assert_eq!(world.job(back.job.id).await.standing.queued, 2, "they are told to install it");
    }
}

#[tokio::test]
async fn a_way_back_says_how_many_ran_another_release_and_brings_those_back_when_asked_again() {
    for mut world in World::each("back-others").await {
        let names = world.pumps(&["a", "b", "c"]).await;
        world.release("1.5", &[]).await;
        world.reports_version("c", "1.5").await;
        let id = world.rollout("2.0", &names).await;
        let installs = async |world: &World, name: &str, version: &str| {
            world.work(name, "SUCCEEDED", "").await;
            world.advance(2);
            world.reports_version(name, version).await;
            world.settle().await;
        };
        world.settle().await;
        for name in &names {
            installs(&world, name, "2.0").await;
        }
        let most = back(&world, id).await;
        let words = format!(
            "devices that ran fw 1.0 before job {id}, without 1 that ran another release: roll back again for those"
        );
        assert_eq!((most.job.target_count, &most.job.spec.targets), (2, &words));
        world.settle().await;
        for name in &names[..2] {
            installs(&world, name, "1.0").await;
        }
        let rest = back(&world, id).await;
        let words = format!("devices that ran fw 1.5 before job {id}");
        assert_eq!((rest.job.target_count, &rest.job.spec.targets), (1, &words));
    }
}

#[tokio::test]
async fn devices_that_are_further_by_now_stay_where_they_are() {
    for mut world in World::each("back-further").await {
        let names = world.pumps(&["a", "b"]).await;
        world.release("3.0", &[]).await;
        let installs = async |world: &World, version: &str, names: &[String]| {
            let id = world.rollout(version, names).await;
            world.settle().await;
            for name in names {
                world.work(name, "SUCCEEDED", "").await;
                world.advance(2);
                world.reports_version(name, version).await;
            }
            world.settle().await;
            id
        };
        let second = installs(&world, "2.0", &names).await;
        installs(&world, "3.0", &names[..1]).await;
        let one_back = back(&world, second).await;
        let words =
            format!("devices that ran fw 1.0 before job {second}, without 1 that run something else by now");
        assert_eq!((one_back.job.target_count, &one_back.job.spec.targets), (1, &words));
        world.settle().await;
        world.work("b", "SUCCEEDED", "").await;
        world.advance(2);
        world.reports_version("b", "1.0").await;
        world.settle().await;
        let done = world.executions(one_back.job.id).await;
        assert_eq!(done[0].verdict, Verdict::Verified);
        let said = no_way_back(&world, second).await;
        assert!(said.starts_with("all 2 devices"), "{said}");
        // What fell back to it since goes with the others.
        world.reports_version("a", "2.0").await;
        assert_eq!(back(&world, second).await.job.target_count, 1);
    }
}

#[tokio::test]
async fn who_fetched_an_update_and_said_nothing_goes_back_once_it_is_through() {
    for world in typed("back-fetched").await {
        let device = d2(&world).await;
        let (job, parts) = offered(&world, "2.0", &["d2"]).await;
        let action = parts[0].id;
        world.app().ddi_action(&device, action, Wanted::Deployment, None).await.unwrap();
        let back = back(&world, job).await;
        assert_eq!((back.release, back.job.target_count), (Some(fw("1")), 1));
        world.settle().await;
        let next = world.app().ddi_poll(&device).await.unwrap().next;
        assert_eq!(next, Some(Next::Cancel { action }), "it is asked, and nothing is taken from it");
        // It was at work on it all the time.
        world.app().ddi_feedback(&device, action, says(Said::Closed, Finished::Success)).await.unwrap();
        attributes(&world, &device, Mode::Merge, &[("version", "2.0")]).await;
        world.settle().await;
        assert_eq!(state(&world, job).await, (ExecutionState::Succeeded, Verdict::Verified));
        let to_do = world.executions(back.job.id).await.remove(0);
        let Some(Next::Deploy { action, .. }) = world.app().ddi_poll(&device).await.unwrap().next else {
            panic!("it stays with what the rollout brought");
        };
        assert_eq!(action, to_do.id);
    }
}

#[tokio::test]
async fn a_canceled_job_lets_who_fetched_it_finish_and_takes_it_from_who_did_not() {
    for is_fetched in [true, false] {
        for world in typed("back-canceled").await {
            let device = d2(&world).await;
            let (job, parts) = offered(&world, "2.0", &["d2"]).await;
            let action = parts[0].id;
            if is_fetched {
                world.app().ddi_action(&device, action, Wanted::Deployment, None).await.unwrap();
            }
            world.app().job_cancel(&world.by, job, Begun::Finish, None).await.unwrap();
            world.settle().await;
            if !is_fetched {
                assert_eq!(world.job(job).await.job.state, JobState::Canceled);
                assert_eq!(world.app().ddi_poll(&device).await.unwrap().next, None);
                continue;
            }
            assert_eq!(world.job(job).await.job.state, JobState::Stopping { begun: Begun::Finish });
            let next = world.app().ddi_poll(&device).await.unwrap().next;
            assert_eq!(next, Some(Next::Cancel { action }));
            world.app().ddi_cancel(&device, action).await.unwrap();
            let refuses = says(Said::Rejected, Finished::None);
            world.app().ddi_cancel_feedback(&device, action, refuses).await.unwrap();
            world.settle().await;
            assert_eq!(state(&world, job).await.0, ExecutionState::InProgress, "who cannot stop is at work");
            world.app().ddi_feedback(&device, action, says(Said::Closed, Finished::Success)).await.unwrap();
            attributes(&world, &device, Mode::Merge, &[("version", "2.0")]).await;
            world.settle().await;
            assert_eq!(state(&world, job).await, (ExecutionState::Succeeded, Verdict::Verified));
            assert_eq!(world.job(job).await.job.state, JobState::Canceled);
        }
    }
}

#[tokio::test]
async fn who_refused_to_stop_and_falls_silent_does_not_hold_a_canceled_job_for_ever() {
    for world in typed("back-silent").await {
        let device = d2(&world).await;
        let (job, parts) = offered(&world, "2.0", &["d2"]).await;
        let action = parts[0].id;
        world.app().ddi_action(&device, action, Wanted::Deployment, None).await.unwrap();
        world.app().job_cancel(&world.by, job, Begun::Finish, None).await.unwrap();
        world.settle().await;
        let refuses = says(Said::Rejected, Finished::None);
        world.app().ddi_cancel_feedback(&device, action, refuses).await.unwrap();
        let timeouts = world.job(job).await.job.spec.timeouts;
        world.advance(timeouts.in_progress.as_secs() + 1);
        world.settle().await;
        assert_eq!(state(&world, job).await.0, ExecutionState::TimedOut);
        assert_eq!(world.job(job).await.job.state, JobState::Canceled);
    }
}

#[tokio::test]
async fn a_release_that_was_made_invalid_or_deleted_over_hawkbits_interface_is_not_rolled_out() {
    for world in typed("back-invalid").await {
        for (extra, word) in [
            (SetExtra { invalid: true, ..SetExtra::default() }, "made invalid"),
            (SetExtra { deleted: true, ..SetExtra::default() }, "deleted"),
        ] {
            let tenant = world.tenant;
            world
                .write(move |tx| {
                    let extra = extra.clone();
                    Box::pin(async move {
                        let release = releases::release(tx, tenant, "fw", "2.0").await?.unwrap();
                        extras::put(tx, tenant, release.id.get(), &extra).await
                    })
                })
                .await;
            let what = NewWhat::Update { name: "fw".to_owned(), version: "2.0".to_owned(), force: false };
            let new = NewJob { what, ..update_job("2.0", &["d2".to_owned()]) };
            let Err(AppError::Invalid(problems)) = world.app().job_create(&world.by, new).await else {
                panic!("it was made");
            };
            assert_eq!(problems.len(), 1);
            assert_eq!(problems[0].field, "release");
            assert!(problems[0].problem.contains(word), "{}", problems[0].problem);
        }
    }
}

#[tokio::test]
async fn a_release_is_for_so_many_device_types_and_no_more_are_looked_at() {
    let world = World::new().await;
    world.release("1.0", &[]).await;
    let release = NewRelease {
        name: "fw".to_owned(),
        version: "9".to_owned(),
        components: vec![("app".to_owned(), "1.0".to_owned()).into()],
        device_types: vec!["nosuchtype".to_owned(); 5_000],
        notes: String::new(),
        rules: NewRules::default(),
    };
    let Err(AppError::Invalid(problems)) = world.app().release_create(&world.by, release).await else {
        panic!("it was made");
    };
    assert_eq!(problems.len(), 101, "one for too many, one for each that was looked at");
    assert_eq!(
        (problems[0].field.as_str(), problems[0].problem.as_str()),
        ("deviceTypes", "at most 100 device types")
    );
}

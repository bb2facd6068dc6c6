//! That a look for the way back goes no further than it is to, and that whoever is told so is told what was looked at.

use serde_json::json;
use windlass_domain::job::{Begin, Execution, ExecutionState, RolloutPolicy, Timeouts};
use windlass_domain::shadow::{Patch, Shadow, Update, update};
use windlass_store::executions::ExecutionPick;
use windlass_store::testing::feed_is_whole;
use windlass_store::{StoreError, devices, executions, shadows};

use super::{BackJob, WayBack, back_job};
use crate::artifacts::NewArtifact;
use crate::enrol::bench::Bench;
use crate::hawkbit::{NewTarget, TargetChange};
use crate::jobs::{NewJob, NewTargets, NewWhat};
use crate::releases::{NewComponent, NewRelease, NewRules};

async fn release(bench: &Bench, version: &str) {
    let (app, by) = (&bench.app, &bench.admin);
    let named = NewArtifact { name: "app.bin".to_owned(), ..NewArtifact::default() };
    let mut upload = app.artifact_upload(by, named).await.unwrap();
    upload.write(version.as_bytes()).await.unwrap();
    let artifact = upload.finish().await.unwrap();
    let component = NewComponent {
        name: "app".to_owned(),
        version: version.to_owned(),
        component_type: "application".to_owned(),
        artifacts: vec![artifact.id.get()],
    };
    app.component_create(by, component).await.unwrap();
    let release = NewRelease {
        name: "fw".to_owned(),
        version: version.to_owned(),
        components: vec![("app".to_owned(), version.to_owned()).into()],
        device_types: Vec::new(),
        notes: String::new(),
        rules: NewRules::default(),
    };
    app.release_create(by, release).await.unwrap();
}

/// A device that shows this version.
async fn device(bench: &Bench, name: &'static str, version: &'static str) {
    let change = TargetChange::default();
    let target = NewTarget { controller_id: Some(name.to_owned()), token: None, change };
    bench.app.hawkbit_targets_create(&bench.admin, vec![target]).await.unwrap();
    let (tenant, now) = (bench.admin.tenant, bench.app.clock.now());
    let shown = bench.app.store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            let name = name.parse().unwrap();
            let device = devices::device_by_name(tx, tenant, &name).await?.unwrap();
            let values = json!({ "firmware": { "version": version } }).as_object().unwrap().clone();
            let change =
                Update { desired: Patch::Keep, reported: Patch::Merge(values), expected_version: None };
            let done = update(None, &change, 8_192, now).unwrap();
            let after = Shadow::Live { documents: done.current, version: done.version, updated_at: now };
            shadows::put(tx, device.id, None, &after).await?;
            Ok(())
        })
    });
    shown.await.unwrap();
}

#[tokio::test]
async fn a_large_job_is_looked_at_a_share_at_a_time_and_rolled_back_as_a_whole() {
    for bench in Bench::each("jobs-way-back").await {
        let (app, by) = (&bench.app, &bench.admin);
        for version in ["1.0", "2.0"] {
            release(&bench, version).await;
        }
        for (name, version) in [("pump-1", "0.9"), ("pump-2", "1.0"), ("pump-3", "1.0")] {
            device(&bench, name, version).await;
        }
        feed_is_whole(&app.store).await.unwrap();
        app.fleet.catch_up(&app.store).await.unwrap();
        let new = NewJob {
            description: String::new(),
            what: NewWhat::Update { name: "fw".to_owned(), version: "2.0".to_owned(), force: false },
            targets: NewTargets::Query("name==pump-*".to_owned()),
            waves: Vec::new(),
            threshold: None,
            timeouts: Timeouts::default(),
            retries: 0,
            begin: Begin::Now,
            rollout: RolloutPolicy::default(),
        };
        let id = app.job_create(by, new).await.unwrap().job.id;
        while app.job_step(id).await.unwrap() {}
        let now = app.clock.now();
        let begun = app.store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                let all = executions::list(tx, id, &ExecutionPick::default(), 9).await?;
                for queued in &all {
                    let (state, version) = (ExecutionState::InProgress, queued.version + 1);
                    let begun = Execution { state, version, started_at: Some(now), ..queued.clone() };
                    assert!(executions::update(tx, queued, &begun).await?);
                }
                Ok(all.len())
            })
        });
        assert_eq!(begun.await.unwrap(), 3);

        let to = |devices: usize| BackJob {
            name: "fw".to_owned(),
            version: "1.0".to_owned(),
            devices,
            words: format!("devices that ran fw 1.0 before job {id}"),
        };
        let within = async |most: u64| app.job_way_back_within(by, id, most).await.unwrap();
        let nobody = WayBack { job: None, looked_at: Some(1) };
        assert_eq!(within(1).await, nobody, "no release holds what the first one ran, and there are more");
        assert_eq!(within(2).await, WayBack { job: Some(to(1)), looked_at: Some(2) });
        assert_eq!(within(3).await, WayBack { job: Some(to(2)), looked_at: None }, "those are all");
        for at_once in [1, 2, 9] {
            let new = app.job_way_back(by, id, at_once, now).await.unwrap();
            assert_eq!(back_job(id, new).unwrap(), to(2), "{at_once}");
        }
    }
}

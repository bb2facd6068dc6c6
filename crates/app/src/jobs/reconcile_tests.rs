//! That plans are carried out on what is, whatever another node did since it was read.

use std::sync::Arc;

use serde_json::Map;
use windlass_domain::ids::JobId;
use windlass_domain::job::{Begin, Continuous, RolloutPolicy, Timeouts};
use windlass_store::testing::feed_is_whole;
use windlass_store::{devices, executions};

use super::{Next, targets};
use crate::enrol::bench::Bench;
use crate::hawkbit::{NewTarget, TargetChange};
use crate::jobs::{NewJob, NewTargets, NewWhat};

async fn device(bench: &Bench, name: &str) {
    let change = TargetChange::default();
    let target = NewTarget { controller_id: Some(name.to_owned()), token: None, change };
    bench.app.hawkbit_targets_create(&bench.admin, vec![target]).await.unwrap();
}

/// A job that takes in every pump, as far as it goes by itself.
async fn continuous(bench: &Bench) -> JobId {
    let query = "name==pump-*".to_owned();
    let new = NewJob {
        description: String::new(),
        what: NewWhat::Document(Map::from_iter([("do".to_owned(), "it".into())])),
        targets: NewTargets::Query(query.clone()),
        waves: Vec::new(),
        threshold: None,
        timeouts: Timeouts::default(),
        retries: 0,
        begin: Begin::Now,
        rollout: RolloutPolicy {
            continuous: Some(Continuous { query, wave_size: 1 }),
            ..RolloutPolicy::default()
        },
    };
    let id = bench.app.job_create(&bench.admin, new).await.unwrap().job.id;
    while bench.app.job_step(id).await.unwrap() {}
    id
}

#[tokio::test]
async fn latecomers_are_looked_for_once_a_second_and_nothing_is_written_where_there_are_none() {
    for bench in Bench::each("jobs-pace").await {
        let (app, by) = (&bench.app, &bench.admin);
        device(&bench, "pump-1").await;
        let id = continuous(&bench).await;
        let commits = || *app.store.committed().borrow();
        let before = commits();
        assert_ne!(app.job_activate(id).await.unwrap(), Next::AtOnce);
        assert_eq!(commits(), before, "nobody joins");
        device(&bench, "pump-2").await;
        feed_is_whole(&app.store).await.unwrap();
        app.fleet.catch_up(&app.store).await.unwrap();
        let size = async || app.job_get(by, id).await.unwrap().job.target_count;
        assert_ne!(app.job_activate(id).await.unwrap(), Next::AtOnce);
        assert_eq!(size().await, 1, "it was looked at this very second");
        bench.advance(1);
        assert_eq!(app.job_activate(id).await.unwrap(), Next::AtOnce);
        assert_eq!(size().await, 2);
    }
}

#[tokio::test]
async fn who_joined_on_another_node_since_the_targets_were_read_is_offered_work() {
    for bench in Bench::each("jobs-joined").await {
        let (app, by) = (&bench.app, &bench.admin);
        device(&bench, "pump-1").await;
        let id = continuous(&bench).await;
        // Its wave is over, so that the next one need not wait.
        app.hawkbit_target_delete(by, "pump-1").await.unwrap();
        while app.job_step(id).await.unwrap() {}
        let read = app.store.read(move |tx| Box::pin(targets::as_read(tx, id))).await.unwrap();
        device(&bench, "pump-2").await;
        assert_eq!(app.job_activate(id).await.unwrap(), Next::AtOnce, "it joins");
        assert_eq!(app.job_get(by, id).await.unwrap().job.target_count, 2);
        assert!(app.carry_out_plan(id, Arc::new(read), app.clock.now()).await.unwrap() > 0);
        let tenant = by.tenant;
        let offered = app.store.read(move |tx| {
            Box::pin(async move {
                let name = "pump-2".parse().unwrap();
                let device = devices::device_by_name(tx, tenant, &name).await?.unwrap();
                executions::latest(tx, device.id, id).await
            })
        });
        assert!(offered.await.unwrap().is_some(), "it is offered to whoever joined");
        assert!(!app.job_step(id).await.unwrap(), "and to nobody else");
    }
}

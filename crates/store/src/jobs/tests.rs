//! What operators look jobs up by, commands as they are kept, and what goes when its time is over.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use windlass_domain::ids::{ExecutionId, ReleaseId, Sha256};
use windlass_domain::job::{
    Command, Consent, Execution, ExecutionState, JobSpec, JobState, Progress, RolloutPolicy, Timeouts,
    Verdict,
};

use super::*;
use crate::audit::{self, NewRecord};
use crate::management::{JobExtra, extras};
use crate::store::Store;
use crate::testing::{START, on_each_engine};
use crate::{executions, releases};

const TENANT: TenantId = TenantId::new(1);

fn command() -> What {
    What::Command(Command {
        name: "reboot".parse().unwrap(),
        arguments: json!({"delay": 5, "why": {"a": [1.5, null]}}).as_object().unwrap().clone(),
        expires_in: Duration::from_secs(60),
        template: Some("gently".parse().unwrap()),
        device_types: vec!["pump".parse().unwrap()],
    })
}

fn a_job(name: &str, what: What, state: JobState, ended: Option<u64>) -> Job {
    Job {
        id: JobId::new(0),
        tenant: TENANT,
        state,
        spec: JobSpec {
            name: name.to_owned(),
            what,
            targets: "tag lab_1".to_owned(),
            waves: vec![],
            threshold: None,
            timeouts: Timeouts::default(),
            retries: 0,
            rollout: RolloutPolicy::default(),
        },
        progress: Progress::default(),
        target_count: 1,
        frozen_waves: vec![],
        past: None,
        decision: None,
        target_seq: 0,
        version: 1,
        revision: 1,
        created_at: START,
        created_by: "user olga".to_owned(),
        started_at: Some(START),
        ended_at: ended.map(|seconds| START.plus(Duration::from_secs(seconds))),
    }
}

async fn stored(store: &Store, job: Job) -> JobId {
    store
        .write::<_, StoreError, _>(move |tx| {
            let job = job.clone();
            Box::pin(async move { insert(tx, &job, &std::iter::once(1_u64).collect()).await })
        })
        .await
        .unwrap()
}

fn document() -> What {
    What::Document("{}".to_owned())
}

#[tokio::test]
async fn a_command_reads_back_as_it_was_stored() {
    on_each_engine("job-command", |store| async move {
        let id = stored(&store, a_job("", command(), JobState::Running, None)).await;
        let found = store.read(move |tx| Box::pin(get(tx, TENANT, id))).await.unwrap().unwrap();
        assert_eq!(found.spec.what, command());
        assert_eq!(found.expires_at(), Some(START.plus(Duration::from_secs(60))));
    })
    .await;
}

#[tokio::test]
async fn jobs_are_looked_up_by_state_kind_and_any_part_of_their_words() {
    on_each_engine("job-pick", |store| async move {
        let first = stored(&store, a_job("Night Run 100%", document(), JobState::Running, None)).await;
        let second = stored(&store, a_job("", command(), JobState::Completed, Some(1))).await;
        let third = stored(&store, a_job("night", document(), JobState::Completed, Some(1))).await;
        let found = |pick: JobPick| {
            let store = store.clone();
            async move {
                let list = store
                    .read::<_, StoreError, _>(move |tx| {
                        let pick = pick.clone();
                        Box::pin(async move { list(tx, TENANT, &pick, 10).await })
                    })
                    .await;
                list.unwrap().into_iter().map(|job| job.id).collect::<Vec<_>>()
            }
        };
        let text = |text: &str| JobPick { text: text.to_owned(), ..JobPick::default() };
        assert_eq!(found(JobPick::default()).await, [third, second, first]);
        assert_eq!(found(JobPick { before: third.get(), ..JobPick::default() }).await, [second, first]);
        let completed = JobPick { state: Some(StateWord::Completed), ..JobPick::default() };
        assert_eq!(found(completed.clone()).await, [third, second]);
        assert_eq!(found(JobPick { kind: Some(JobKind::Command), ..completed }).await, [second]);
        assert_eq!(found(text("NIGHT")).await, [third, first]);
        assert_eq!(found(text("reboo")).await, [second]);
        assert_eq!(found(text("100%")).await, [first], "a percent sign is a percent sign");
        assert_eq!(found(text("lab_1")).await, [third, second, first]);
        assert_eq!(found(text("lab%1")).await, []);
        assert_eq!(found(text("' OR 1=1 --")).await, []);
        for (job, extra) in [
            (
                first,
                JobExtra { description: Some(r#"{"assignment":true"#.to_owned()), ..JobExtra::default() },
            ),
            (second, JobExtra { assignment: true, ..JobExtra::default() }),
        ] {
            let put = store.write::<_, StoreError, _>(move |tx| {
                let extra = extra.clone();
                Box::pin(async move { extras::put(tx, TENANT, job.get(), &extra).await })
            });
            put.await.unwrap();
        }
        let rollouts = JobPick { no_assignments: true, ..JobPick::default() };
        assert_eq!(found(rollouts).await, [third, first], "what somebody assigned is no rollout");
    })
    .await;
}

/// What fills in the releases that were deleted before the names of deleted ones were kept.
fn filling(tx: &Tx<'_>) -> &'static str {
    let whole = match tx.engine {
        Engine::Sqlite(_) => include_str!("../../migrations/sqlite/0026_past_releases.sql"),
        Engine::Postgres(_) => include_str!("../../migrations/postgres/0026_past_releases.sql"),
    };
    whole.find("WITH lost").map(|start| &whole[start..]).unwrap()
}

#[tokio::test]
async fn what_jobs_installed_that_was_deleted_long_ago_is_read_from_the_audit_log() {
    on_each_engine("past-releases", |store| async move {
        let update = |release| What::Update { release: ReleaseId::new(release), force: false };
        let job = stored(&store, a_job("", update(7), JobState::Completed, Some(1))).await;
        let untold = stored(&store, a_job("", update(8), JobState::Completed, Some(1))).await;
        store
            .write(move |tx| {
                Box::pin(async move {
                    let record = |action: &str, target: String, details: serde_json::Value| NewRecord {
                        tenant: TENANT,
                        at: START,
                        action: action.to_owned(),
                        target,
                        body: json!({"actor": "user", "details": details}).to_string(),
                        personal: "{}".to_owned(),
                        personal_hash: Sha256::of(b""),
                    };
                    let made = json!({"kind": "update", "release": "my fw 2 beta"});
                    audit::append(tx, &record("job.create", format!("job/{job}"), made)).await?;
                    for gone in ["release/my fw/2 beta", "release/other/1", "release/my fw/2 beta"] {
                        audit::append(tx, &record("release.delete", gone.to_owned(), json!({}))).await?;
                    }
                    let sql = filling(tx);
                    assert_eq!(execute!(tx, sql)?, 1);
                    let label = releases::release_label(tx, TENANT, ReleaseId::new(7)).await?.unwrap();
                    assert_eq!((label.name.as_str(), label.version.as_str()), ("my fw", "2 beta"));
                    assert!(label.deleted);
                    assert_eq!(releases::release_label(tx, TenantId::new(2), ReleaseId::new(7)).await?, None);
                    assert_eq!(releases::release_label(tx, TENANT, ReleaseId::new(8)).await?, None);
                    let pick = JobPick { text: "MY FW 2".to_owned(), ..JobPick::default() };
                    let found = list(tx, TENANT, &pick, 10).await?;
                    assert_eq!(found.iter().map(|job| job.id).collect::<Vec<_>>(), [job]);
                    delete(tx, untold).await?;
                    assert!(releases::release_label(tx, TENANT, ReleaseId::new(7)).await?.is_some());
                    delete(tx, job).await?;
                    assert!(clear_remnant(tx, job, 9, "").await?);
                    assert_eq!(releases::release_label(tx, TENANT, ReleaseId::new(7)).await?, None);
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn jobs_that_are_over_go_when_they_are_old_or_too_many_and_open_ones_stay() {
    on_each_engine("job-bygone", |store| async move {
        let old = stored(&store, a_job("", document(), JobState::Completed, Some(10))).await;
        let open = stored(&store, a_job("", document(), JobState::Running, None)).await;
        let newer = stored(&store, a_job("", document(), JobState::Canceled, Some(20))).await;
        let newest = stored(&store, a_job("", document(), JobState::Completed, Some(30))).await;
        let gone = |seconds: u64, keep: u64| {
            let store = store.clone();
            let before = START.plus(Duration::from_secs(seconds));
            async move { store.read(move |tx| Box::pin(bygone(tx, before, keep, 10))).await.unwrap() }
        };
        assert_eq!(gone(10, 100).await, []);
        assert_eq!(gone(11, 100).await, [old]);
        assert_eq!(gone(0, 2).await, [old]);
        let theirs = TenantId::new(2);
        for end in [40, 41, 42] {
            let job = a_job("", document(), JobState::Completed, Some(end));
            stored(&store, Job { tenant: theirs, ..job }).await;
        }
        assert_eq!(gone(0, 3).await, [], "what another tenant has does not count");
        assert_eq!(gone(11, 1).await, [old], "what is old goes first");
        let aged = gone(41, 100).await;
        assert_eq!(aged[..3], [old, newer, newest]);
        assert_eq!(gone(0, 1).await.len(), 4, "two of each");
        assert!(!gone(1_000, 1).await.contains(&open));
    })
    .await;
}

#[tokio::test]
async fn an_expired_command_is_not_among_what_a_device_may_take_up() {
    on_each_engine("command-expiry", |store| async move {
        let job = stored(&store, a_job("", command(), JobState::Running, None)).await;
        let other = stored(&store, a_job("", document(), JobState::Running, None)).await;
        let device = DeviceId::new(1);
        let expires_at = Some(START.plus(Duration::from_secs(60)));
        let execution = move |job: JobId, expires_at| Execution {
            id: ExecutionId::new(0),
            tenant: TENANT,
            job,
            device,
            number: 1,
            wave: 0,
            state: ExecutionState::Queued,
            verdict: Verdict::Pending,
            reason: String::new(),
            details: BTreeMap::new(),
            version: 1,
            before: BTreeMap::new(),
            queued_at: START,
            started_at: None,
            updated_at: START,
            ended_at: None,
            phase_due: expires_at,
            step_due: None,
            expires_at,
            held_until: None,
            closes_at: None,
            cancel_asked_at: None,
            consent: Consent::NotNeeded,
            status_code: None,
        };
        store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    executions::insert(tx, &execution(job, expires_at)).await?;
                    executions::insert(tx, &execution(other, None)).await?;
                    Ok(())
                })
            })
            .await
            .unwrap();
        let pending = |seconds: u64| {
            let store = store.clone();
            let now = START.plus(Duration::from_secs(seconds));
            async move {
                let found = store.read(move |tx| Box::pin(executions::pending(tx, device, now))).await;
                found.unwrap().into_iter().map(|execution| execution.job).collect::<Vec<_>>()
            }
        };
        assert_eq!(pending(59).await, [job, other]);
        assert_eq!(pending(60).await, [other]);
        let commands =
            store.read(move |tx| Box::pin(executions::commands_of_device(tx, device, i64::MAX, 9))).await;
        let commands = commands.unwrap();
        assert_eq!(
            commands.iter().map(|each| (each.job, each.expires_at)).collect::<Vec<_>>(),
            [(job, expires_at)]
        );
    })
    .await;
}

//! Executions and their counters on both engines.

use std::time::Duration;

use futures_util::future::BoxFuture;
use roaring::RoaringTreemap;
use windlass_domain::device::Lifecycle;
use windlass_domain::ids::{DeviceName, GroupPath, ReleaseId, Tag};
use windlass_domain::job::past::Judged;
use windlass_domain::job::spec::Accepted;
use windlass_domain::job::{
    Amount, Backoff, Begun, Continuous, Decision, DownloadRate, ExecutionState, FailureThreshold, Fold,
    FrozenWave, Halt, Handling, Job, JobSpec, JobState, MaintenanceWindow, Order, Outcome, Past, Priority,
    Progress, Retry, RolloutPolicy, ShareOf, SuccessThreshold, ThresholdScope, Timeouts, Verdict, Wave, What,
};
use windlass_domain::software::{Release, ReleaseRules};

use super::*;
use crate::ddi::{Installed, Served, Target, served_put, target, target_put};
use crate::devices::{NewDevice, device_by_id, device_delete, device_insert, device_save};
use crate::management::actions::{Alike, alike, before, count, count_of_device, of_device, one, page};
use crate::management::actions::{devices_of_release, given_among};
use crate::management::hidden::{hide, rest_of_device};
use crate::management::software::was_assigned;
use crate::store::Store;
use crate::testing::{START, on_each_engine};
use crate::tx::fetch_all;
use crate::{groups, jobs, releases};

const TENANT: TenantId = TenantId::new(1);

async fn write<T: Send + 'static>(
    store: &Store,
    work: impl for<'t> FnMut(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
) -> T {
    store.write(work).await.unwrap()
}

fn a_job(targets: u64) -> Job {
    Job {
        id: JobId::new(0),
        tenant: TENANT,
        state: JobState::Running,
        spec: JobSpec {
            name: "é".to_owned(),
            what: What::Update { release: ReleaseId::new(5), force: true },
            targets: "tag lab".to_owned(),
            waves: vec![
                Amount::Count(2).into(),
                Wave {
                    name: "lab".to_owned(),
                    query: Some("tag==lab".to_owned()),
                    amount: Amount::Percent(30),
                    success: Some(SuccessThreshold { percent: 60 }),
                    failure: Some(FailureThreshold {
                        count: None,
                        percent: Some(7),
                        of: ShareOf::All,
                        minimum: 1,
                        scope: ThresholdScope::Wave,
                    }),
                    pause_after: true,
                    consent: Some(true),
                },
            ],
            threshold: Some(FailureThreshold {
                count: Some(4),
                percent: Some(20),
                of: ShareOf::Finished,
                minimum: 3,
                scope: ThresholdScope::Job,
            }),
            timeouts: Timeouts {
                download: Some(Duration::from_secs(77)),
                verify: Some(Duration::from_secs(9)),
                ..Timeouts::default()
            },
            retries: 2,
            rollout: RolloutPolicy {
                handling: Handling::TimeForced { at: START },
                priority: Priority::new(7).unwrap(),
                supersede: true,
                consent: true,
                window: Some(MaintenanceWindow {
                    schedule: "0 2 * * SAT".parse().unwrap(),
                    duration: Duration::from_secs(3600),
                    zone: Some("+02:00".parse().unwrap()),
                }),
                ends_at: Some(START),
                concurrency: Some(9),
                download_rate: Some(DownloadRate {
                    bytes_per_second: 4096,
                    by: Some("site".parse().unwrap()),
                }),
                order: Order::Spread { key: "site".parse().unwrap() },
                of_canceled_too: true,
                success: Some(SuccessThreshold { percent: 50 }),
                continuous: Some(Continuous { query: "tag==lab".to_owned(), wave_size: 5 }),
                approval: true,
                allow_downgrade: true,
                backoff: Some(Backoff {
                    first: Duration::from_secs(5),
                    longest: Duration::from_secs(50),
                    codes: vec!["7".to_owned()],
                }),
            },
        },
        progress: Progress {
            offered: 7,
            accepted: Accepted { wave: 1, wave_failed: 2, wave_finished: 3, job_failed: 4, job_finished: 5 },
            resumed_at: Some(START),
            retry: Some(Retry { after: ExecutionId::new(1), up_to: ExecutionId::new(9) }),
            passed: 1,
            is_over: true,
        },
        target_count: targets,
        frozen_waves: [0, 3, 7]
            .into_iter()
            .zip([2, 0, 5])
            .map(|(number, size)| FrozenWave { number, size })
            .collect(),
        past: Some(Past { number: 0, judged: Some(Judged { failed: 2, size: 9 }) }),
        decision: Some(Decision {
            approved: true,
            by: "user olga".to_owned(),
            at: START,
            remark: "ok".to_owned(),
        }),
        target_seq: 3,
        version: 1,
        revision: 1,
        created_at: START,
        created_by: "user admin".to_owned(),
        started_at: Some(START),
        ended_at: None,
    }
}

fn an_execution(job: JobId, device: i64) -> Execution {
    Execution {
        id: ExecutionId::new(0),
        tenant: TENANT,
        job,
        device: DeviceId::new(device),
        number: 1,
        wave: 0,
        state: ExecutionState::Queued,
        verdict: Verdict::Pending,
        reason: String::new(),
        details: BTreeMap::from([("phase".to_owned(), "downloading".to_owned())]),
        version: 1,
        before: BTreeMap::from([("app".to_owned(), "1.0".to_owned())]),
        queued_at: START,
        started_at: None,
        updated_at: START,
        ended_at: None,
        phase_due: Some(START.plus(Duration::from_secs(60))),
        step_due: None,
        expires_at: None,
        held_until: None,
        closes_at: None,
        cancel_asked_at: None,
        consent: Consent::NotNeeded,
        status_code: None,
    }
}

async fn stored_job(store: &Store, targets: u64) -> JobId {
    write(store, move |tx| {
        Box::pin(async move { jobs::insert(tx, &a_job(targets), &(1..=targets).collect()).await })
    })
    .await
}

async fn stored(store: &Store, execution: Execution) -> Execution {
    let id = write(store, {
        let execution = execution.clone();
        move |tx| {
            let execution = execution.clone();
            Box::pin(async move { insert(tx, &execution).await })
        }
    })
    .await;
    Execution { id, ..execution }
}

async fn change(store: &Store, before: &Execution, after: &Execution) -> bool {
    let (before, after) = (before.clone(), after.clone());
    write(store, move |tx| {
        let (before, after) = (before.clone(), after.clone());
        Box::pin(async move { update(tx, &before, &after).await })
    })
    .await
}

async fn counted(store: &Store, job: JobId) -> Vec<(ExecutionState, Verdict, u64)> {
    let tallies = store.read(move |tx| Box::pin(tallies(tx, job))).await.unwrap();
    tallies.into_iter().map(|tally| (tally.state, tally.verdict, tally.count)).collect()
}

#[tokio::test]
async fn a_job_reads_back_as_it_was_stored_in_every_state() {
    on_each_engine("job-round-trip", |store| async move {
        let id = stored_job(&store, 10).await;
        let states = [
            JobState::Scheduled { start_at: Some(START) },
            JobState::Scheduled { start_at: None },
            JobState::Running,
            JobState::Paused,
            JobState::Halted(Halt { wave: 1, failed: 2, finished: 3, threshold: "x".to_owned() }),
            JobState::Stopping { begun: Begun::Ask },
            JobState::Canceled,
            JobState::Completed,
        ];
        let mut expected = Job { id, ..a_job(10) };
        for state in states {
            expected.state = state;
            let job = expected.clone();
            assert!(
                write(&store, move |tx| {
                    let job = job.clone();
                    Box::pin(async move { jobs::update(tx, &job).await })
                })
                .await
            );
            expected.revision += 1;
            let found = store.read(move |tx| Box::pin(jobs::get(tx, TENANT, id))).await.unwrap();
            assert_eq!(found.as_ref(), Some(&expected));
        }
        let other = store.read(move |tx| Box::pin(jobs::get(tx, TenantId::new(2), id))).await.unwrap();
        assert_eq!(other, None, "another tenant's job is not there");
        assert!(store.read(|tx| Box::pin(jobs::open(tx))).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_job_that_somebody_else_wrote_is_not_overwritten() {
    on_each_engine("job-revision", |store| async move {
        let id = stored_job(&store, 1).await;
        let stale = Job { id, revision: 0, state: JobState::Completed, ..a_job(1) };
        let written = write(&store, move |tx| {
            let stale = stale.clone();
            Box::pin(async move { jobs::update(tx, &stale).await })
        })
        .await;
        assert!(!written);
        let found = store.read(move |tx| Box::pin(jobs::get_any(tx, id))).await.unwrap().unwrap();
        assert_eq!(found.state, JobState::Running);
    })
    .await;
}

#[tokio::test]
async fn a_million_targets_are_small_and_read_back() {
    on_each_engine("job-targets", |store| async move {
        let set: RoaringTreemap = (1..=1_000_000_u64).collect();
        let id = write(&store, move |tx| {
            let set = set.clone();
            Box::pin(async move { jobs::insert(tx, &a_job(set.len()), &set).await })
        })
        .await;
        let found = store.read(move |tx| Box::pin(jobs::frozen_targets(tx, id))).await.unwrap();
        assert_eq!((found.len(), found.max()), (1_000_000, Some(1_000_000)));
    })
    .await;
}

#[tokio::test]
async fn counters_follow_every_change_of_an_execution() {
    use ExecutionState as S;
    use Verdict as V;
    on_each_engine("job-tally", |store| async move {
        let job = stored_job(&store, 3).await;
        let first = stored(&store, an_execution(job, 1)).await;
        let second = stored(&store, an_execution(job, 2)).await;
        assert_eq!(counted(&store, job).await, [(S::Queued, V::Pending, 2)]);

        let began = Execution { state: S::InProgress, version: 2, ..first.clone() };
        assert!(change(&store, &first, &began).await);
        assert!(!change(&store, &first, &began).await, "what is not stored any more is not changed");
        let more = Execution { version: 3, reason: "half".to_owned(), ..began.clone() };
        assert!(change(&store, &began, &more).await);
        assert_eq!(counted(&store, job).await, [(S::InProgress, V::Pending, 1), (S::Queued, V::Pending, 1)]);

        let failed = Execution { state: S::Failed, version: 4, ..more.clone() };
        assert!(change(&store, &more, &failed).await);
        let again = failed.clone();
        write(&store, move |tx| {
            let again = again.clone();
            Box::pin(async move {
                assert!(supersede(tx, &again).await?);
                assert!(!supersede(tx, &again).await?, "history is not superseded twice");
                insert(tx, &Execution { number: 2, ..an_execution(again.job, 1) }).await
            })
        })
        .await;
        assert_eq!(counted(&store, job).await, [(S::Queued, V::Pending, 2)]);
        assert!(!change(&store, &failed, &second).await, "history does not change");
        let latest =
            store.read(move |tx| Box::pin(latest(tx, DeviceId::new(1), job))).await.unwrap().unwrap();
        assert_eq!((latest.number, latest.state), (2, S::Queued));
    })
    .await;
}

#[tokio::test]
async fn devices_of_one_job_that_report_at_the_same_time_are_all_heard() {
    use ExecutionState as S;
    const DEVICES: u64 = 200;
    on_each_engine("job-tally-many", |store| async move {
        let job = stored_job(&store, DEVICES).await;
        let offered: Vec<_> =
            (1..=DEVICES).map(|device| an_execution(job, device.try_into().unwrap())).collect();
        write(&store, {
            let offered = offered.clone();
            move |tx| {
                let offered = offered.clone();
                Box::pin(async move { insert_all(tx, &offered).await })
            }
        })
        .await;
        let report = async |device: DeviceId| {
            let before = store.read(move |tx| Box::pin(latest(tx, device, job))).await.unwrap().unwrap();
            let began = Execution { state: S::InProgress, version: 2, ..before.clone() };
            assert!(change(&store, &before, &began).await);
            let done = Execution { state: S::Succeeded, version: 3, ..began.clone() };
            assert!(change(&store, &began, &done).await);
        };
        futures_util::future::join_all(offered.iter().map(|one| report(one.device))).await;
        assert_eq!(counted(&store, job).await, [(S::Succeeded, Verdict::Pending, DEVICES)]);
        write(&store, move |tx| {
            Box::pin(async move { insert_all(tx, &[Execution { wave: 1, ..an_execution(job, 999) }]).await })
        })
        .await;
        let slots = store
            .read::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    const SQL: &str =
                        "SELECT slot FROM job_tally WHERE job_id = $1 AND wave = 0 GROUP BY slot";
                    fetch_all!(tx, (i64,), SQL, job.get())
                })
            })
            .await
            .unwrap();
        assert_eq!(slots, [(0,)], "once the next wave is offered, the counters of this one are put together");
        let expected = [(S::Queued, Verdict::Pending, 1), (S::Succeeded, Verdict::Pending, DEVICES)];
        let mut found = counted(&store, job).await;
        found.sort_by_key(|(_, _, count)| *count);
        assert_eq!(found, expected);
    })
    .await;
}

#[tokio::test]
async fn updates_that_bring_a_release_are_counted_by_what_their_words_hang_on() {
    on_each_engine("executions-alike", |store| async move {
        let job = stored_job(&store, 6).await;
        for device in 1..=3 {
            stored(&store, an_execution(job, device)).await;
        }
        let stopping = Execution { cancel_asked_at: Some(START), ..an_execution(job, 4) };
        stored(&store, stopping).await;
        stored(&store, Execution { consent: Consent::Awaited, ..an_execution(job, 5) }).await;
        let agreed = Execution { consent: Consent::Given { at: START }, ..an_execution(job, 6) };
        let agreed = stored(&store, agreed).await;
        write(&store, move |tx| {
            Box::pin(async move {
                let served = Served { retrieved_at: Some(START), forced: true, ..Served::default() };
                served_put(tx, agreed.id, &served).await
            })
        })
        .await;
        let goes_on = stored(&store, an_execution(job, 7)).await;
        write(&store, move |tx| {
            Box::pin(async move {
                let refused = Served {
                    retrieved_at: Some(START),
                    cancel_retrieved_at: Some(START),
                    ..Served::default()
                };
                served_put(tx, goes_on.id, &refused).await
            })
        })
        .await;
        let found = store.read(|tx| Box::pin(alike(tx, TENANT, ReleaseId::new(5)))).await.unwrap();
        let plain = Alike {
            job,
            state: ExecutionState::Queued,
            verdict: Verdict::Pending,
            is_stopping: false,
            waits_for_consent: false,
            retrieved: false,
            forced: false,
            count: 4,
        };
        let wanted = [
            plain,
            Alike { retrieved: true, forced: true, count: 1, ..plain },
            Alike { waits_for_consent: true, count: 1, ..plain },
            Alike { is_stopping: true, count: 1, ..plain },
        ];
        assert_eq!(found, wanted);
        for (tenant, release) in [(TENANT, 6), (TenantId::new(2), 5)] {
            let other = store.read(move |tx| Box::pin(alike(tx, tenant, ReleaseId::new(release))));
            let other = other.await.unwrap();
            assert!(other.is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn a_device_sees_what_it_works_on_first_and_nothing_new_of_a_job_that_is_held() {
    on_each_engine("execution-pending", |store| async move {
        let (one, two, held) =
            (stored_job(&store, 1).await, stored_job(&store, 1).await, stored_job(&store, 1).await);
        stored(&store, an_execution(one, 1)).await;
        let working = Execution { state: ExecutionState::InProgress, ..an_execution(two, 1) };
        stored(&store, working).await;
        stored(&store, an_execution(held, 1)).await;
        stored(&store, an_execution(held, 2)).await;
        write(&store, move |tx| {
            Box::pin(async move {
                let job = jobs::get_any(tx, held).await?.unwrap();
                jobs::update(tx, &Job { state: JobState::Paused, ..job }).await
            })
        })
        .await;
        let device = DeviceId::new(1);
        let seen = store.read(move |tx| Box::pin(pending(tx, device, START))).await.unwrap();
        assert_eq!(seen.iter().map(|e| e.job).collect::<Vec<_>>(), [two, one]);
        assert_eq!(store.read(move |tx| Box::pin(open_count(tx, device))).await.unwrap(), 3);
        let updates = || store.read(move |tx| Box::pin(open_updates(tx, device, START)));
        assert_eq!(updates().await.unwrap().iter().map(|e| e.job).collect::<Vec<_>>(), [two, one]);
        write(&store, move |tx| {
            Box::pin(async move {
                let hidden = latest(tx, device, held).await?.unwrap();
                served_put(tx, hidden.id, &Served { retrieved_at: Some(START), ..Served::default() }).await
            })
        })
        .await;
        let after: Vec<_> = updates().await.unwrap().iter().map(|e| e.job).collect();
        assert_eq!(after, [two, one, held], "it may be at work on what it fetched");
    })
    .await;
}

#[tokio::test]
async fn lists_failures_and_due_timers_are_found_by_key() {
    on_each_engine("execution-lists", |store| async move {
        let job = stored_job(&store, 6).await;
        let mut ids = Vec::new();
        for device in 1..=6 {
            let mut execution = an_execution(job, device);
            if device <= 2 {
                execution.state = ExecutionState::Failed;
                execution.reason = "sha256 does not match".to_owned();
            }
            if device == 3 {
                execution.state = ExecutionState::Succeeded;
                execution.verdict = Verdict::RolledBack;
                execution.reason = "app runs 1.0 again".to_owned();
            }
            if device <= 3 {
                execution.phase_due = None;
            }
            ids.push(stored(&store, execution).await.id);
        }
        let list_of = |pick: ExecutionPick, limit: u32| {
            let store = store.clone();
            async move {
                let found =
                    store.read(move |tx| Box::pin(async move { list(tx, job, &pick, limit).await })).await;
                found.unwrap().into_iter().map(|e| e.device.get()).collect::<Vec<_>>()
            }
        };
        assert_eq!(list_of(ExecutionPick::default(), 4).await, [1, 2, 3, 4]);
        let after = ids[3].get();
        assert_eq!(list_of(ExecutionPick { after, ..ExecutionPick::default() }, 4).await, [5, 6]);
        let failed = ExecutionPick { outcome: Some(Outcome::Failed), ..ExecutionPick::default() };
        assert_eq!(list_of(failed, 10).await, [1, 2, 3]);
        assert_eq!(list_of(failed, 2).await, [1, 2]);
        let rolled = ExecutionPick { verdict: Some(Verdict::RolledBack), ..ExecutionPick::default() };
        assert_eq!(list_of(rolled, 10).await, [3]);
        let queued = ExecutionPick { state: Some(ExecutionState::Queued), ..ExecutionPick::default() };
        assert_eq!(list_of(queued, 10).await, [4, 5, 6]);
        let fifth = ExecutionPick { device: Some(DeviceId::new(5)), ..queued };
        assert_eq!(list_of(fifth, 10).await, [5]);
        let failed_fifth = ExecutionPick { device: Some(DeviceId::new(5)), ..failed };
        assert!(list_of(failed_fifth, 10).await.is_empty());

        let clusters = store.read(move |tx| Box::pin(failures(tx, job, 10))).await.unwrap();
        let told: Vec<_> = clusters.iter().map(|(_, _, reason, count)| (reason.as_str(), *count)).collect();
        assert_eq!(told, [("sha256 does not match", 2), ("app runs 1.0 again", 1)]);

        let due_at = |state: JobState, seconds: u64| {
            let store = store.clone();
            async move {
                let now = START.plus(Duration::from_secs(seconds));
                let found = store
                    .read(move |tx| {
                        let state = state.clone();
                        Box::pin(async move { due(tx, job, &state, now, 2).await })
                    })
                    .await;
                found.unwrap().len()
            }
        };
        assert_eq!(due_at(JobState::Running, 59).await, 0);
        assert_eq!(due_at(JobState::Running, 60).await, 2, "no more than asked for");
        assert_eq!(due_at(JobState::Paused, 60).await, 0, "a held job does not time out what was not begun");

        let (low, high) = (ids[0], ids[5]);
        let between = store.read(move |tx| Box::pin(failed_between(tx, job, low, high, 10))).await.unwrap();
        assert_eq!(between, [ids[1], ids[2]]);
        let open = store.read(move |tx| Box::pin(withdrawable(tx, job, Begun::Ask, 10))).await.unwrap();
        assert_eq!(open, [ids[3], ids[4], ids[5]]);
    })
    .await;
}

async fn a_device(store: &Store, name: &str, tag: Option<&str>) -> DeviceId {
    let name: DeviceName = name.parse().unwrap();
    let tag: Option<Tag> = tag.map(|tag| tag.parse().unwrap());
    write(store, move |tx| {
        let new = NewDevice { tags: tag.iter().cloned().collect(), ..NewDevice::named(TENANT, name.clone()) };
        Box::pin(async move { Ok(device_insert(tx, &new, START).await?.unwrap().id) })
    })
    .await
}

#[tokio::test]
async fn targets_are_found_by_exact_tag_and_by_group_with_those_below() {
    on_each_engine("job-target-sets", |store| async move {
        let red = a_device(&store, "a", Some("red")).await;
        let redder = a_device(&store, "b", Some("redder")).await;
        let plain = a_device(&store, "c", None).await;
        let tag: Tag = "red".parse().unwrap();
        let found = store
            .read(move |tx| {
                let tag = tag.clone();
                Box::pin(async move { jobs::targets::of_tag(tx, TENANT, &tag).await })
            })
            .await
            .unwrap();
        assert_eq!(found, [red].iter().map(|id| u64::try_from(id.get()).unwrap()).collect());

        let (eu, berlin, europe): (GroupPath, GroupPath, GroupPath) =
            ("eu".parse().unwrap(), "eu/berlin".parse().unwrap(), "europe".parse().unwrap());
        let eu_set = write(&store, move |tx| {
            let (eu, berlin, europe) = (eu.clone(), berlin.clone(), europe.clone());
            Box::pin(async move {
                for (path, device) in [(&eu, red), (&berlin, redder), (&europe, plain)] {
                    let group = groups::group_insert(tx, TENANT, path, "", START).await?.unwrap();
                    groups::member_insert(tx, group.id, device).await?;
                }
                let none = "asia".parse().unwrap();
                assert_eq!(jobs::targets::of_group(tx, TENANT, &none).await?, None);
                jobs::targets::of_group(tx, TENANT, &eu).await
            })
        })
        .await;
        assert_eq!(eu_set.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn facts_for_an_offer_leave_out_devices_that_are_gone_and_strangers_between() {
    on_each_engine("offer-facts", |store| async move {
        let mut ids = Vec::new();
        for index in 0..8 {
            ids.push(a_device(&store, &format!("d{index}"), None).await);
        }
        let suspended = ids[2];
        write(&store, move |tx| {
            Box::pin(async move {
                let mut device = device_by_id(tx, suspended).await?.unwrap();
                device.lifecycle = Lifecycle::Suspended;
                device_save(tx, &mut device, START).await
            })
        })
        .await;
        let asked = vec![ids[0], ids[2], ids[7], DeviceId::new(1_000_000)];
        let expected = vec![ids[0], ids[2], ids[7]];
        let facts = store
            .read(move |tx| {
                let asked = asked.clone();
                Box::pin(async move { offer_facts(tx, TENANT, &asked).await })
            })
            .await
            .unwrap();
        assert_eq!(facts.keys().copied().collect::<Vec<_>>(), expected);
        assert_eq!(facts[&suspended].lifecycle, Lifecycle::Suspended);
    })
    .await;
}

/// Writes a mark into the change feed.
async fn mark(store: &Store, number: i64) {
    write(store, move |tx| {
        Box::pin(async move {
            tx.changed(ChangeKind::Series, number);
            Ok(())
        })
    })
    .await;
}

/// What the change feed tells between two marks. On a server, a transaction of anybody that is still open holds the feed
/// back: asked until the later mark is there.
async fn told_between(store: &Store, first: i64, last: i64) -> Vec<(ChangeKind, i64)> {
    loop {
        let changes = store.changes_after(0, 1_000).await.unwrap();
        let told = changes.iter().map(|change| (change.kind, change.id));
        let since: Vec<_> = told.skip_while(|one| *one != (ChangeKind::Series, first)).collect();
        if since.contains(&(ChangeKind::Series, last)) {
            return since;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whoever_watches_hears_of_all_that_says_why_a_device_waits() {
    on_each_engine("executions-watched", |store| async move {
        let job = stored_job(&store, 1).await;
        let first = stored(&store, an_execution(job, 1)).await;
        let marks = std::cell::Cell::new(0);
        let told = async |before: &Execution, after: &Execution| {
            let first = marks.replace(marks.get() + 2);
            mark(&store, first).await;
            assert!(change(&store, before, after).await);
            mark(&store, first + 1).await;
            let told = told_between(&store, first, first + 1).await;
            told.iter().any(|(kind, _)| *kind == ChangeKind::Execution)
        };
        let held = Execution { held_until: Some(START.plus(Duration::from_secs(9))), ..first.clone() };
        assert!(told(&first, &held).await, "a closed window");
        let asked = Execution { cancel_asked_at: Some(START), ..held.clone() };
        assert!(told(&held, &asked).await, "a question to stop");
        let refused = Execution { cancel_asked_at: None, ..asked.clone() };
        assert!(told(&asked, &refused).await, "the answer to it");
        let agreed = Execution { consent: Consent::Given { at: START }, ..refused.clone() };
        assert!(told(&refused, &agreed).await, "consent");
        let counted = Execution { details: BTreeMap::new(), ..agreed.clone() };
        assert!(!told(&agreed, &counted).await, "each percent of progress would be too much");
    })
    .await;
}

#[tokio::test]
async fn nodes_that_share_the_store_hear_of_a_job_that_is_held() {
    for test in crate::testing::stores("executions-held").await {
        let store = &test.store;
        let job = stored_job(store, 1).await;
        mark(store, 0).await;
        write(store, move |tx| {
            Box::pin(async move {
                jobs::tell_held(tx, job);
                Ok(())
            })
        })
        .await;
        mark(store, 1).await;
        let heard = told_between(store, 0, 1).await.contains(&(ChangeKind::Held, job.get()));
        assert_eq!(heard, test.engine != "sqlite", "an embedded store has one node");
        test.remove().await;
    }
}

#[tokio::test]
async fn many_are_stored_at_once_as_each_would_be_and_all_or_none() {
    on_each_engine("insert-all", |store| async move {
        let job = stored_job(&store, 200).await;
        let all: Vec<Execution> = (1..=103)
            .map(|device| {
                let gone = device % 2 == 0;
                let state = if gone { ExecutionState::Removed } else { ExecutionState::Queued };
                Execution { state, reason: format!("{device}"), ..an_execution(job, device) }
            })
            .collect();
        let given = all.clone();
        write(&store, move |tx| {
            let given = given.clone();
            Box::pin(async move { insert_all(tx, &given).await })
        })
        .await;
        let pending = Verdict::Pending;
        let expected = vec![(ExecutionState::Queued, pending, 52), (ExecutionState::Removed, pending, 51)];
        let mut tallies = counted(&store, job).await;
        tallies.sort_by_key(|(state, ..)| state.as_str());
        assert_eq!(tallies, expected);
        for device in [1, 40, 41, 103] {
            let found = store.read(move |tx| Box::pin(latest(tx, DeviceId::new(device), job))).await;
            let found = found.unwrap().unwrap();
            let wanted = all.iter().find(|one| one.device == found.device).unwrap();
            assert_eq!(found, Execution { id: found.id, ..wanted.clone() });
        }

        let again = vec![an_execution(job, 150), an_execution(job, 1)];
        let refused = store
            .write(move |tx| {
                let again = again.clone();
                Box::pin(async move { insert_all(tx, &again).await })
            })
            .await;
        assert!(refused.is_err(), "device 1 has this try");
        let found = store.read(move |tx| Box::pin(latest(tx, DeviceId::new(150), job))).await.unwrap();
        assert_eq!((found, counted(&store, job).await.len()), (None, 2));
    })
    .await;
}

#[tokio::test]
async fn what_is_over_goes_out_of_sight_once_and_only_for_its_own_tenant() {
    on_each_engine("executions-hidden", |store| async move {
        let job = stored_job(&store, 2).await;
        let done = stored(&store, an_execution(job, 1)).await;
        let other = stored(&store, an_execution(job, 2)).await;
        let hidden = async |tenant: TenantId, id: ExecutionId| {
            write(&store, move |tx| Box::pin(hide(tx, tenant, id, START))).await
        };
        assert!(!hidden(TENANT, done.id).await, "it is not over");
        let over = Execution { state: ExecutionState::Failed, version: 2, ..done.clone() };
        assert!(change(&store, &done, &over).await);
        assert!(!hidden(TenantId::new(2), done.id).await);
        assert!(hidden(TENANT, done.id).await);
        assert!(!hidden(TENANT, done.id).await, "it is out of sight already");
        let device = DeviceId::new(1);
        let read = store.read(move |tx| {
            Box::pin(async move {
                assert_eq!(count(tx, TENANT).await?, 1);
                assert_eq!(count_of_device(tx, TENANT, device).await?, 0);
                assert!(one(tx, TENANT, over.id.get()).await?.is_none());
                assert!(rest_of_device(tx, TENANT, device, 9).await?.is_empty());
                for left in [page(tx, TENANT, false, 0, 9).await?, before(tx, TENANT, i64::MAX, 9).await?] {
                    assert_eq!(left.iter().map(|step| step.execution.id).collect::<Vec<_>>(), [other.id]);
                }
                let kept = of_device(tx, TENANT, device, 9).await?;
                assert_eq!(kept.iter().map(|step| step.execution.id).collect::<Vec<_>>(), [over.id]);
                assert_eq!(alike(tx, TENANT, ReleaseId::new(5)).await?.len(), 1);
                assert_eq!(get(tx, TENANT, over.id).await?.map(|found| found.state), Some(over.state));
                Ok::<_, StoreError>(())
            })
        });
        read.await.unwrap();
    })
    .await;
}

/// An execution that ended so many seconds after the start.
fn ended(job: JobId, device: DeviceId, state: ExecutionState, at: u64) -> Execution {
    let ended_at = Some(START.plus(Duration::from_secs(at)));
    Execution { state, ended_at, ..an_execution(job, device.get()) }
}

#[tokio::test]
async fn what_devices_were_given_is_known_once_the_jobs_are_gone() {
    on_each_engine("executions-past", |store| async move {
        let (one, two) = (a_device(&store, "one", None).await, a_device(&store, "two", None).await);
        let release = ReleaseId::new(5);
        let (old, new) = (stored_job(&store, 2).await, stored_job(&store, 2).await);
        let first = stored(&store, ended(old, one, ExecutionState::Succeeded, 10)).await;
        let newer = stored(&store, ended(new, one, ExecutionState::Succeeded, 20)).await;
        let fetched =
            Execution { reason: "fetched".to_owned(), ..ended(new, two, ExecutionState::Succeeded, 30) };
        let fetched = stored(&store, fetched).await;
        stored(&store, ended(old, DeviceId::new(99), ExecutionState::Succeeded, 10)).await;
        let left_out = a_device(&store, "three", None).await;
        stored(&store, ended(old, left_out, ExecutionState::Removed, 10)).await;
        let given = store.read(move |tx| Box::pin(devices_of_release(tx, TENANT, release))).await.unwrap();
        assert_eq!(given, [one, two, DeviceId::new(99)].into(), "who was left out was given nothing");
        let of = [left_out, two];
        let among =
            store.read(move |tx| Box::pin(async move { given_among(tx, TENANT, release, &of).await }));
        assert_eq!(among.await.unwrap(), [two].into());
        let runs = Installed {
            name: "fw".to_owned(),
            version: "2".to_owned(),
            execution: Some(newer.id),
            at: START,
        };
        let outlines = write(&store, move |tx| {
            let runs = runs.clone();
            Box::pin(async move {
                let installed = Some(runs.clone());
                target_put(tx, one, &Target { installed, ..Target::default() }).await?;
                // The newer one goes first, and what is older takes nothing of it back.
                for job in [new, old] {
                    jobs::delete(tx, job).await?;
                    let given = devices_of_release(tx, TENANT, release).await?;
                    assert!(given.is_superset(&[one, two].into()), "also while executions are still to go");
                    assert_eq!(past::of_device(tx, two, "fetched").await?.len(), 1);
                    assert_eq!(given_among(tx, TENANT, release, &[one, left_out]).await?, [one].into());
                    while !jobs::clear_remnant(tx, job, 1, "fetched").await? {}
                }
                let now = target(tx, one).await?.installed;
                assert_eq!(now, Some(Installed { execution: None, ..runs }), "its action is gone");
                assert_eq!(devices_of_release(tx, TENANT, release).await?, [one, two].into());
                assert!(devices_of_release(tx, TenantId::new(2), release).await?.is_empty());
                let among = given_among(tx, TENANT, release, &[one, left_out]).await?;
                assert_eq!(among, [one].into(), "gone jobs count, too");
                assert!(was_assigned(tx, release).await?);
                let mut left = past::of_device(tx, one, "fetched").await?;
                left.extend(past::of_device(tx, two, "fetched").await?);
                assert_eq!(past::between(tx, TENANT, DeviceId::new(0), two, "fetched").await?, left);
                assert!(past::of_device(tx, left_out, "fetched").await?.is_empty());
                assert!(past::between(tx, TENANT, two, DeviceId::new(i64::MAX), "fetched").await?.is_empty());
                assert!(device_delete(tx, one).await?);
                assert!(past::of_device(tx, one, "fetched").await?.is_empty(), "it goes with its device");
                Ok((left, devices_of_release(tx, TENANT, release).await?))
            })
        })
        .await;
        let (left, devices) = outlines;
        let seen: Vec<_> = left.iter().map(|left| (left.id, left.device, left.is_reason)).collect();
        assert_eq!(seen, [(newer.id, one, false), (fetched.id, two, true)], "not {}", first.id);
        assert!(left.iter().all(|left| (left.job, left.outcome) == (None, Outcome::Verifying)));
        assert_eq!(left[0].ended_at, newer.ended_at);
        assert_eq!(devices, [two].into());
    })
    .await;
}

/// A release, and a job that installed it on a device so many seconds after the start.
async fn given(store: &Store, version: &str, device: DeviceId, at: u64) -> (ReleaseId, JobId) {
    let release = Release {
        id: ReleaseId::new(0),
        name: "fw".parse().unwrap(),
        version: version.parse().unwrap(),
        device_types: Vec::new(),
        components: Vec::new(),
        notes: String::new(),
        rules: ReleaseRules::default(),
        created_at: START,
        created_by: "anna".to_owned(),
    };
    let (release, job) = write(store, move |tx| {
        let release = release.clone();
        Box::pin(async move {
            let id = releases::insert_release(tx, TENANT, &release).await?.unwrap();
            let mut job = a_job(1);
            job.spec.what = What::Update { release: id, force: true };
            Ok((id, jobs::insert(tx, &job, &(1..=1).collect()).await?))
        })
    })
    .await;
    let seen = Execution { verdict: Verdict::Verified, ..ended(job, device, ExecutionState::Succeeded, at) };
    stored(store, seen).await;
    (release, job)
}

/// Deletes a job with all that is left of it.
async fn gone(store: &Store, job: JobId) {
    write(store, move |tx| {
        Box::pin(async move {
            jobs::delete(tx, job).await?;
            while !jobs::clear_remnant(tx, job, 9, "fetched").await? {}
            Ok(())
        })
    })
    .await;
}

async fn delete_release(store: &Store, release: ReleaseId) {
    write(store, move |tx| Box::pin(async move { releases::delete_release(tx, release, "fetched").await }))
        .await;
}

/// The version of a release, and whether it is deleted.
async fn label(store: &Store, release: ReleaseId) -> Option<(String, bool)> {
    let found = store.read(move |tx| Box::pin(releases::release_label(tx, TENANT, release))).await;
    found.unwrap().map(|label| (label.version, label.deleted))
}

#[tokio::test]
async fn a_deleted_release_keeps_its_name_while_a_device_was_given_nothing_after_it() {
    on_each_engine("executions-past-release", |store| async move {
        let device = a_device(&store, "one", None).await;
        let mut releases = Vec::new();
        for (version, at) in [("1", 10), ("2", 20)] {
            let (release, job) = given(&store, version, device, at).await;
            gone(&store, job).await;
            releases.push(release);
        }
        for release in &releases {
            delete_release(&store, *release).await;
        }
        assert_eq!(label(&store, releases[0]).await, None, "the device has another one by now");
        assert_eq!(label(&store, releases[1]).await, Some(("2".to_owned(), true)), "the device tells of it");
        write(&store, move |tx| Box::pin(device_delete(tx, device))).await;
        assert_eq!(label(&store, releases[1]).await, None);
    })
    .await;
}

#[tokio::test]
async fn what_a_deleted_release_was_to_a_device_goes_with_a_later_one_whatever_is_deleted_first() {
    on_each_engine("executions-past-order", |store| async move {
        for (number, order) in ["both releases", "the newer job", "the older job"].into_iter().enumerate() {
            let device = a_device(&store, &format!("d{number}"), None).await;
            let (older, before) = given(&store, &format!("{number}.1"), device, 10).await;
            let (newer, after) = given(&store, &format!("{number}.2"), device, 20).await;
            match order {
                "both releases" => {
                    delete_release(&store, older).await;
                    delete_release(&store, newer).await;
                    gone(&store, before).await;
                }
                "the newer job" => {
                    gone(&store, after).await;
                    delete_release(&store, older).await;
                    delete_release(&store, newer).await;
                    gone(&store, before).await;
                }
                _ => {
                    gone(&store, before).await;
                    delete_release(&store, older).await;
                    delete_release(&store, newer).await;
                }
            }
            let left = store.read(move |tx| Box::pin(past::of_device(tx, device, "fetched"))).await.unwrap();
            assert!(left.iter().all(|left| left.release != older), "{order} first: {left:?}");
            assert_eq!(label(&store, older).await, None, "{order} first");
            assert_eq!(label(&store, newer).await, Some((format!("{number}.2"), true)), "{order} first");
        }
        // It was kept as the last one, until a newer one is known by what was kept only.
        let device = a_device(&store, "last", None).await;
        let (older, before) = given(&store, "9.1", device, 10).await;
        gone(&store, before).await;
        delete_release(&store, older).await;
        assert_eq!(label(&store, older).await, Some(("9.1".to_owned(), true)), "nothing came after it");
        let (_, after) = given(&store, "9.2", device, 20).await;
        gone(&store, after).await;
        assert_eq!(label(&store, older).await, None);
    })
    .await;
}

#[tokio::test]
async fn counters_of_a_folded_wave_go_on_in_the_past_and_no_others_do() {
    on_each_engine("execution-past", |store| async move {
        let job = stored_job(&store, 4).await;
        let mut ours = Vec::new();
        for wave in 0..4_u32 {
            let set: RoaringTreemap = std::iter::once(u64::from(wave) + 1).collect();
            write(&store, move |tx| {
                let set = set.clone();
                Box::pin(async move { jobs::waves::insert(tx, job, wave, &set).await })
            })
            .await;
            ours.push(stored(&store, Execution { wave, ..an_execution(job, i64::from(wave) + 1) }).await);
        }
        let fold = Fold { into: 1, waves: vec![2], judged: Judged { failed: 0, size: 2 } };
        write(&store, move |tx| {
            let fold = fold.clone();
            Box::pin(async move { jobs::waves::fold(tx, job, &fold).await })
        })
        .await;
        let waves = store.read(move |tx| Box::pin(jobs::waves::of_job(tx, job))).await.unwrap();
        let waves: Vec<Vec<u64>> = waves.iter().map(|wave| wave.iter().collect()).collect();
        assert_eq!(waves, [vec![1], vec![2, 3], vec![4]]);
        for before in [&ours[2], &ours[3]] {
            let mut after = before.clone();
            (after.state, after.version) = (ExecutionState::InProgress, after.version + 1);
            assert!(change(&store, before, &after).await);
        }
        let tallies = store.read(move |tx| Box::pin(tallies(tx, job))).await.unwrap();
        let counted: Vec<_> = tallies.iter().map(|one| (one.wave, one.state, one.count)).collect();
        assert_eq!(
            counted,
            [
                (0, ExecutionState::Queued, 1),
                (1, ExecutionState::InProgress, 1),
                (1, ExecutionState::Queued, 1),
                (3, ExecutionState::InProgress, 1),
            ]
        );
        // One of the past tries again, one of it and one of a later wave are looked at for the first time.
        for (index, number) in [(1, 1), (2, 2), (3, 2)] {
            let id: ExecutionId = ours[index].id;
            let before = store.read(move |tx| Box::pin(get(tx, TENANT, id))).await.unwrap().unwrap();
            let mut after = before.clone();
            (after.state, after.version) = (ExecutionState::Succeeded, after.version + 1);
            assert!(change(&store, &before, &after).await);
            let id = before.id.get();
            write(&store, move |tx| {
                Box::pin(async move {
                    execute!(tx, "UPDATE execution SET number = $2 WHERE id = $1", id, i64::from(number))?;
                    Ok::<_, StoreError>(())
                })
            })
            .await;
        }
        let tallies = store.read(move |tx| Box::pin(super::tallies(tx, job))).await.unwrap();
        let counted: Vec<_> = tallies.iter().map(|one| (one.wave, one.count, one.again)).collect();
        assert_eq!(counted, [(0, 1, 0), (1, 2, 1), (3, 1, 0)]);
    })
    .await;
}

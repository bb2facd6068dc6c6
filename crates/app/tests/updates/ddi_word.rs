//! Whose word of an update is taken, and which of it is believed: credentials, windows that close in between, bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_app::ddi::{Failed, Next, RaucSays, Turned, Urgency, Wanted};
use windlass_domain::device::Presence;
use windlass_domain::hawkbit::{SecretText, SettingKey, SettingValue};
use windlass_domain::ids::ExecutionId;
use windlass_domain::job::gates::NO_WINDOW_LEFT;
use windlass_domain::job::{ExecutionState, Handling, Outcome, RolloutPolicy, Verdict};
use windlass_domain::permission::{Principal, Role};
use windlass_query::parse;
use windlass_store::ddi::{self as table, ActionStatus, NewStatus};
use windlass_store::devices::NewDevice;
use windlass_store::{device_tokens, devices};
use windlass_wire::ddi::{Execution as Said, Feedback, Finished};

use crate::ddi::{
    RAUC, SWUPDATE, asked_to_stop, job, nightly, peer, poll, says, shown, state, within, world, worlds,
};
use crate::world::{BASE, START, World, update_job};

pub(crate) async fn history(world: &World, action: ExecutionId) -> Vec<ActionStatus> {
    world.write(move |tx| Box::pin(async move { table::statuses(tx, action, true, 0, 2_000).await })).await
}

async fn fill_history(world: &World, action: ExecutionId) {
    world
        .write(move |tx| {
            Box::pin(async move {
                for _ in 0..windlass_app::ddi::MOST_ENTRIES {
                    let new = NewStatus {
                        execution: action,
                        kind: "running",
                        code: None,
                        messages: Vec::new(),
                        reported_at: None,
                        credential: None,
                    };
                    table::status_insert(tx, &new, START).await?;
                }
                Ok(())
            })
        })
        .await;
}

fn with_words(execution: Said, finished: Finished, words: &str) -> Feedback {
    Feedback { details: vec![words.to_owned()], ..says(execution, finished) }
}

/// A window that opens once, at 02:00 of the first day, for an hour.
fn once() -> RolloutPolicy {
    within("0 0 2 1 1 ? 2026")
}

#[tokio::test]
async fn rauc_goes_on_with_a_bundle_that_it_was_sent_to_after_its_window() {
    for world in worlds("ddi-rauc-window").await {
        let (job, _) = job(&world, once()).await;
        let rauc = peer(&world, RAUC).await;
        let runs = |version: &str| RaucSays { version: Some(version.to_owned()), ..RaucSays::default() };
        assert_eq!(world.app().ddi_rauc(&rauc, runs("0"), BASE).await.unwrap(), None, "its window is closed");
        world.advance(2 * 3600);
        world.settle().await;
        let bundle = world.app().ddi_rauc(&rauc, runs("0"), BASE).await.unwrap().unwrap();
        world.app().ddi_rauc_sent(&rauc, bundle.begins.unwrap()).await.unwrap();
        assert_eq!(state(&world, job).await.0, ExecutionState::InProgress);
        let again = world.app().ddi_rauc(&rauc, runs("0"), BASE).await.unwrap().unwrap();
        assert_eq!(again.begins, None, "it has begun");
        world.advance(3600 + 60);
        world.settle().await;
        world.app().download_open(bundle.url.strip_prefix(BASE).unwrap()).await.unwrap();
        assert_eq!(world.app().ddi_rauc(&rauc, runs("1"), BASE).await.unwrap(), None);
        assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded);
    }
}

#[tokio::test]
async fn what_rauc_says_that_it_runs_counts_also_where_nothing_is_shown_to_it_now() {
    let only_download = RolloutPolicy { handling: Handling::DownloadOnly, ..RolloutPolicy::default() };
    for (name, rollout) in [("ddi-rauc-closed", once()), ("ddi-rauc-download", only_download)] {
        for world in worlds(name).await {
            let (job, _) = job(&world, rollout.clone()).await;
            let rauc = peer(&world, RAUC).await;
            let runs = |version: &str| RaucSays { version: Some(version.to_owned()), ..RaucSays::default() };
            assert_eq!(world.app().ddi_rauc(&rauc, runs("0"), BASE).await.unwrap(), None);
            assert_eq!(state(&world, job).await.0, ExecutionState::Queued, "{name}");
            assert_eq!(world.app().ddi_rauc(&rauc, runs("1"), BASE).await.unwrap(), None);
            assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded, "{name}");
        }
    }
}

#[tokio::test]
async fn rauc_gets_its_next_bundle_where_others_before_it_are_canceled() {
    for world in worlds("ddi-rauc-cancel").await {
        let (first_job, first) = job(&world, RolloutPolicy::default()).await;
        let rauc = peer(&world, RAUC).await;
        let says_nothing = || world.app().ddi_rauc(&rauc, RaucSays::default(), BASE);
        let one = says_nothing().await.unwrap().unwrap();
        asked_to_stop(&world, first).await;
        assert_eq!(says_nothing().await.unwrap(), None, "nothing else is to be done");
        assert_eq!(state(&world, first_job).await.0, ExecutionState::Canceled);
        assert_eq!(history(&world, first).await[0].kind, "canceled");
        let (second_job, second) = job(&world, RolloutPolicy::default()).await;
        world.release("2", &[]).await;
        asked_to_stop(&world, second).await;
        let third = world.create(update_job("2", &["d1".to_owned()])).await;
        world.settle().await;
        assert_eq!(world.executions(third).await.len(), 1);
        let bundle = says_nothing().await.unwrap().expect("the one after the canceled one");
        assert_ne!(bundle.etag, one.etag);
        assert_eq!(state(&world, second_job).await.0, ExecutionState::Canceled);
    }
}

#[tokio::test]
async fn a_gateway_token_does_not_do_for_a_device_with_its_own_that_memory_has_not_seen() {
    for world in worlds("ddi-unseen").await {
        let tenant = world.tenant;
        world
            .write(move |tx| {
                Box::pin(async move {
                    for (name, binding) in [("own", true), ("idle", false)] {
                        let new = NewDevice::named(tenant, name.parse().unwrap());
                        let device = devices::device_insert(tx, &new, START).await?.unwrap().id;
                        let token = SecretText::from_random([7; 32]);
                        device_tokens::device_token_put(tx, tenant, device, Some((&token, binding)), START)
                            .await?;
                    }
                    Ok(())
                })
            })
            .await;
        let come = |controller: &str| world.app().ddi_identify(shown(controller, ""));
        assert!(matches!(come("own").await, Err(Turned::Denied)), "its token binds");
        world.refresh().await;
        assert!(matches!(come("own").await, Err(Turned::Denied)), "also once memory has seen it");
        assert_eq!(come("idle").await.unwrap().name.as_str(), "idle", "an offered token does not bind yet");
        assert_eq!(come("new").await.unwrap().name.as_str(), "new");
    }
}

#[tokio::test]
async fn the_last_word_on_a_download_is_taken_where_the_history_is_full_and_once() {
    let world = world().await;
    let policy = RolloutPolicy { handling: Handling::DownloadOnly, ..RolloutPolicy::default() };
    let (job, action) = job(&world, policy).await;
    let rauc = peer(&world, RAUC).await;
    world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
    fill_history(&world, action).await;
    let say = |execution| world.app().ddi_feedback(&rauc, action, says(execution, Finished::Success));
    assert!(matches!(say(Said::Proceeding).await, Err(Failed::TooMany(_))));
    say(Said::Downloaded).await.unwrap();
    assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded);
    say(Said::Closed).await.unwrap();
    assert!(matches!(say(Said::Closed).await, Err(Failed::Closed)));
    assert!(matches!(say(Said::Downloaded).await, Err(Failed::Closed)));
}

#[tokio::test]
async fn a_last_word_of_more_messages_than_an_entry_has_is_taken_and_cut() {
    let world = world().await;
    let (job, action) = job(&world, RolloutPolicy::default()).await;
    let rauc = peer(&world, RAUC).await;
    let many = |execution, finished| Feedback {
        details: (0..60).map(|number| number.to_string()).collect(),
        ..says(execution, finished)
    };
    let refused = world.app().ddi_feedback(&rauc, action, many(Said::Proceeding, Finished::None)).await;
    assert!(matches!(refused, Err(Failed::TooMany(_))));
    world.app().ddi_feedback(&rauc, action, many(Said::Closed, Finished::Success)).await.unwrap();
    assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded);
    let said = history(&world, action).await.remove(0).messages;
    assert_eq!((said.len(), said[48].as_str()), (50, "48"));
    assert!(said[49].contains("11 more"), "{}", said[49]);
}

#[tokio::test]
async fn closing_again_and_again_what_was_to_be_skipped_does_not_fill_a_history_without_end() {
    let world = world().await;
    let (job, action) = job(&world, nightly()).await;
    let unknown = peer(&world, "home-made").await;
    world.app().ddi_action(&unknown, action, Wanted::Deployment, None).await.unwrap();
    fill_history(&world, action).await;
    let before = history(&world, action).await.len();
    for _ in 0..3 {
        world.app().ddi_feedback(&unknown, action, says(Said::Closed, Finished::Success)).await.unwrap();
    }
    assert_eq!(history(&world, action).await.len(), before);
    assert_eq!(state(&world, job).await.0, ExecutionState::Queued);
}

#[tokio::test]
async fn an_installation_that_its_window_closes_on_counts_though_the_device_was_told_to_skip_since() {
    for world in worlds("ddi-closing").await {
        let (job, action) = job(&world, nightly()).await;
        world.advance(2 * 3600);
        world.settle().await;
        let rauc = peer(&world, RAUC).await;
        let fetch = || world.app().ddi_action(&rauc, action, Wanted::Deployment, None);
        assert_eq!(fetch().await.unwrap().update, Urgency::Forced);
        let going = says(Said::Proceeding, Finished::None);
        world.app().ddi_feedback(&rauc, action, going.clone()).await.unwrap();
        world.advance(2 * 3600);
        world.settle().await;
        assert_eq!(fetch().await.unwrap().update, Urgency::Skip, "nothing is begun outside of the window");
        world.app().ddi_feedback(&rauc, action, going).await.unwrap();
        world.app().ddi_feedback(&rauc, action, says(Said::Closed, Finished::Success)).await.unwrap();
        assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded);
        let target = world.app().ddi_target(rauc.device).await.unwrap();
        assert_eq!(target.installed.as_ref().and_then(|one| one.execution), Some(action));
    }
}

#[tokio::test]
async fn what_was_fetched_in_the_window_and_closed_after_it_counts_without_a_word_in_between() {
    let world = world().await;
    let (job, action) = job(&world, nightly()).await;
    world.advance(2 * 3600);
    world.settle().await;
    let rauc = peer(&world, RAUC).await;
    world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
    world.advance(2 * 3600);
    world.settle().await;
    poll(&world, RAUC).await;
    world.app().ddi_feedback(&rauc, action, says(Said::Closed, Finished::Success)).await.unwrap();
    assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded, "a poll tells no device to skip");
}

#[tokio::test]
async fn what_was_fetched_before_the_window_and_closed_in_it_was_skipped() {
    let world = world().await;
    let (job, action) = job(&world, nightly()).await;
    let unknown = peer(&world, "home-made").await;
    let shown = world.app().ddi_action(&unknown, action, Wanted::Deployment, None).await.unwrap();
    assert_eq!(shown.update, Urgency::Skip);
    world.advance(2 * 3600);
    world.settle().await;
    world.app().ddi_feedback(&unknown, action, says(Said::Closed, Finished::Success)).await.unwrap();
    assert_eq!(state(&world, job).await, (ExecutionState::Queued, Verdict::Pending));
    assert!(matches!(poll(&world, "home-made").await.next, Some(Next::Deploy { .. })), "it is offered again");
}

#[tokio::test]
async fn swupdates_own_words_for_skipping_are_believed_whatever_it_was_told() {
    let world = world().await;
    let (job, action) = job(&world, nightly()).await;
    world.advance(2 * 3600);
    world.settle().await;
    let swupdate = peer(&world, SWUPDATE).await;
    world.app().ddi_action(&swupdate, action, Wanted::Deployment, None).await.unwrap();
    let skipped = with_words(Said::Closed, Finished::Success, "Skipped Update.");
    world.app().ddi_feedback(&swupdate, action, skipped).await.unwrap();
    assert_eq!(state(&world, job).await, (ExecutionState::Queued, Verdict::Pending));
    let installed = with_words(Said::Closed, Finished::Success, "Update Installed.");
    world.app().ddi_feedback(&swupdate, action, installed).await.unwrap();
    assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded);
}

#[tokio::test]
async fn an_update_whose_last_window_has_closed_is_canceled_and_says_why() {
    for world in worlds("ddi-last-window").await {
        let (job, action) = job(&world, once()).await;
        let rauc = peer(&world, RAUC).await;
        assert!(matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { .. })));
        world.advance(4 * 3600);
        assert_eq!(poll(&world, RAUC).await.next, None, "also before the server has looked at it");
        world.settle().await;
        assert_eq!(poll(&world, RAUC).await.next, None);
        let over = world.executions(job).await.remove(0);
        assert_eq!((over.state, over.reason.as_str()), (ExecutionState::Canceled, NO_WINDOW_LEFT));
        assert_eq!(over.outcome(), Outcome::Canceled, "it counts neither as success nor as failure");
        let last = history(&world, action).await.remove(0);
        assert_eq!(
            (last.kind.as_str(), last.messages),
            ("canceled", vec![format!("Update Server: {NO_WINDOW_LEFT}")])
        );
        let late = world.app().ddi_feedback(&rauc, action, says(Said::Closed, Finished::Success)).await;
        assert!(matches!(late, Err(Failed::Closed)));
        assert!(!world.job(job).await.job.state.is_open(), "nothing keeps the rollout open");
    }
}

#[tokio::test]
async fn feedback_says_which_credential_spoke() {
    for world in worlds("ddi-credential").await {
        let (job, action) = job(&world, RolloutPolicy::default()).await;
        let rauc = peer(&world, RAUC).await;
        world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
        world.app().ddi_feedback(&rauc, action, says(Said::Proceeding, Finished::None)).await.unwrap();
        let said = history(&world, action).await;
        let by: Vec<Option<&str>> = said.iter().map(|one| one.credential.as_deref()).collect();
        assert_eq!(by, [Some("gateway token"), Some("gateway token")], "whoever fetches it shows one, too");
        let execution = world.executions(job).await.remove(0);
        assert_eq!(execution.details.get("credential").map(String::as_str), Some("gateway token"));
    }
}

#[tokio::test]
async fn the_word_canceled_to_a_cancelation_is_only_written_down() {
    let world = world().await;
    let (job, action) = job(&world, RolloutPolicy::default()).await;
    let rauc = peer(&world, RAUC).await;
    asked_to_stop(&world, action).await;
    world.app().ddi_cancel_feedback(&rauc, action, says(Said::Canceled, Finished::None)).await.unwrap();
    assert_eq!(history(&world, action).await[0].kind, "warning");
    assert_eq!(poll(&world, RAUC).await.next, Some(Next::Cancel { action }), "it is still to be canceled");
    world.app().ddi_cancel_feedback(&rauc, action, says(Said::Closed, Finished::Success)).await.unwrap();
    assert_eq!(state(&world, job).await.0, ExecutionState::Canceled);
}

#[tokio::test]
async fn a_device_without_a_type_is_overdue_by_the_time_that_it_was_told_to_come_again() {
    let world = world().await;
    let admin = Principal::user(world.tenant, "root", Role::Admin);
    let hours = Some(SettingValue::Text("06:00:00, name==d1 -> 08:00:00".to_owned()));
    world.app().settings_set(&admin, BTreeMap::from([(SettingKey::PollingTime, hours)])).await.unwrap();
    let shown = || {
        let seen = world.app().device_get(&admin, &"d1".parse().unwrap()).unwrap().presence;
        let now = windlass_app::clock::Clock::now(&*world.clock);
        let query = parse(&format!("presence=={}", seen.as_str())).unwrap();
        let found = world.app().fleet.select(world.tenant, &query, world.app(), now).devices.len();
        assert_eq!(found, 1, "lists and views say the same");
        seen
    };
    assert_eq!(shown(), Presence::Never);
    assert_eq!(poll(&world, RAUC).await.sleep, Duration::from_secs(8 * 3600));
    world.advance(19 * 3600);
    assert_eq!(shown(), Presence::Reachable, "it may miss one poll");
    world.advance(3600 + 60);
    assert_eq!(shown(), Presence::Overdue);
}

#[tokio::test]
async fn who_was_told_to_skip_and_begins_in_the_open_window_all_the_same_never_ends_as_finished() {
    for world in worlds("ddi-told-to-skip").await {
        let (job, action) = job(&world, nightly()).await;
        let unknown = peer(&world, "home-made").await;
        let fetch = || world.app().ddi_action(&unknown, action, Wanted::Deployment, None);
        assert_eq!(fetch().await.unwrap().update, Urgency::Skip);
        world.advance(2 * 3600);
        world.settle().await;
        // It never looked again: what it acts on is the document that told it to skip.
        let say = |said, finished| world.app().ddi_feedback(&unknown, action, says(said, finished));
        say(Said::Proceeding, Finished::None).await.unwrap();
        assert_eq!(state(&world, job).await.0, ExecutionState::Queued, "nothing was begun");
        world.advance(2 * 3600);
        world.settle().await;
        say(Said::Closed, Finished::Success).await.unwrap();
        assert_eq!(state(&world, job).await, (ExecutionState::Queued, Verdict::Pending));
        assert_eq!(world.app().ddi_target(unknown.device).await.unwrap().installed, None);
        // In the next window it looks, is told to install, and is believed.
        world.advance(22 * 3600);
        world.settle().await;
        assert_eq!(fetch().await.unwrap().update, Urgency::Forced);
        say(Said::Proceeding, Finished::None).await.unwrap();
        say(Said::Closed, Finished::Success).await.unwrap();
        assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded);
    }
}

#[tokio::test]
async fn who_fetches_when_the_last_window_closes_is_asked_to_stop_once_and_hears_why() {
    for world in worlds("ddi-last-fetch").await {
        let (job, action) = job(&world, once()).await;
        let rauc = peer(&world, RAUC).await;
        world.advance(2 * 3600);
        world.settle().await;
        world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
        world.app().ddi_feedback(&rauc, action, says(Said::Download, Finished::None)).await.unwrap();
        assert!(matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { .. })), "its window is open");
        world.advance(3600 + 60);
        world.settle().await;
        assert_eq!(poll(&world, RAUC).await.next, Some(Next::Cancel { action }));
        let last = history(&world, action).await.remove(0);
        let text = format!("Update Server: {NO_WINDOW_LEFT}; the device is asked to stop");
        assert_eq!((last.kind.as_str(), last.messages), ("canceling", vec![text]));
        let refuses = says(Said::Closed, Finished::Failure);
        world.app().ddi_cancel_feedback(&rauc, action, refuses).await.unwrap();
        assert!(matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { .. })), "it said that it cannot");
        assert_eq!(state(&world, job).await.0, ExecutionState::InProgress);
    }
}

#[tokio::test]
async fn who_installs_when_the_last_window_closes_is_left_to_it() {
    let world = world().await;
    let (job, action) = job(&world, once()).await;
    let rauc = peer(&world, RAUC).await;
    world.advance(2 * 3600);
    world.settle().await;
    world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
    for said in [Said::Download, Said::Downloaded, Said::Proceeding] {
        world.app().ddi_feedback(&rauc, action, says(said, Finished::None)).await.unwrap();
    }
    world.advance(3600 + 60);
    world.settle().await;
    assert!(matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { .. })));
    world.app().ddi_feedback(&rauc, action, says(Said::Closed, Finished::Success)).await.unwrap();
    assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded);
}

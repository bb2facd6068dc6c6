//! hawkBit's devices: windows, consent and cancelation as they are told of them, and what of their word is believed.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_app::ddi::{DdiFile, DdiPeer, Failed, Next, Poll, Shown, Urgency, Wanted};
use windlass_app::jobs::NewJob;
use windlass_domain::hawkbit::{SettingKey, SettingValue};
use windlass_domain::ids::{ExecutionId, JobId};
use windlass_domain::job::{
    Begun, Consent, ExecutionState, Handling, MaintenanceWindow, RolloutPolicy, Timeouts, Verdict,
};
use windlass_domain::permission::{Principal, Role};
use windlass_wire::ddi::{Confirmation, ConfirmationWord, Execution as Said, Feedback, Finished};

use crate::ddi_word::history;
use crate::world::{World, update_job};

pub(crate) const SWUPDATE: &str = "libcurl-agent/1.0";
pub(crate) const RAUC: &str = "rauc-hawkbit-c-agent/1.0";

pub(crate) async fn world() -> World {
    settled(World::new().await).await
}

/// The same on each engine that this machine offers.
pub(crate) async fn worlds(name: &str) -> Vec<World> {
    let mut all = Vec::new();
    for world in World::each(name).await {
        all.push(settled(world).await);
    }
    all
}

async fn settled(mut world: World) -> World {
    let admin = Principal::user(world.tenant, "root", Role::Admin);
    let on = Some(SettingValue::Flag(true));
    let key = Some(SettingValue::Text("gateway".to_owned()));
    let values = BTreeMap::from([(SettingKey::GatewayTokenEnabled, on), (SettingKey::GatewayTokenKey, key)]);
    world.app().settings_set(&admin, values).await.unwrap();
    let id = world.device("d1", None).await;
    world.app().fleet.refresh_devices(&world.app().store, [id]).await.unwrap();
    world.release("1", &[]).await;
    world
}

/// What a device shows that polls with the tenant's token.
pub(crate) fn shown(controller: &str, agent: &str) -> Shown {
    Shown {
        tenant: "DEFAULT".to_owned(),
        controller: controller.to_owned(),
        authorization: Some("GatewayToken gateway".to_owned()),
        certificate: None,
        chain: None,
        proxy: None,
        address: "192.0.2.1:1".parse().unwrap(),
        agent: agent.to_owned(),
        is_poll: true,
    }
}

pub(crate) async fn peer(world: &World, agent: &str) -> DdiPeer {
    world.app().ddi_identify(shown("d1", agent)).await.unwrap()
}

pub(crate) async fn poll(world: &World, agent: &str) -> Poll {
    world.app().ddi_poll(&peer(world, agent).await).await.unwrap()
}

pub(crate) async fn job(world: &World, rollout: RolloutPolicy) -> (JobId, ExecutionId) {
    let timeouts = Timeouts {
        queued: Duration::from_secs(30 * 24 * 3600),
        in_progress: Duration::from_secs(24 * 3600),
        ..Timeouts::default()
    };
    let new = NewJob { rollout, timeouts, ..update_job("1", &["d1".to_owned()]) };
    let job = world.create(new).await;
    world.settle().await;
    (job, world.executions(job).await[0].id)
}

pub(crate) fn says(execution: Said, finished: Finished) -> Feedback {
    Feedback { execution, finished, progress: None, code: None, details: Vec::new(), timestamp: None }
}

pub(crate) async fn state(world: &World, job: JobId) -> (ExecutionState, Verdict) {
    let execution = world.executions(job).await.remove(0);
    (execution.state, execution.verdict)
}

pub(crate) async fn asked_to_stop(world: &World, action: ExecutionId) {
    world.app().execution_cancel(&world.by, action, false).await.unwrap();
}

/// From 02:00 UTC for an hour each night; tests begin at midnight.
pub(crate) fn nightly() -> RolloutPolicy {
    within("0 0 2 * * ?")
}

/// A window of an hour.
pub(crate) fn within(schedule: &str) -> RolloutPolicy {
    let window = MaintenanceWindow {
        schedule: schedule.parse().unwrap(),
        duration: Duration::from_secs(3600),
        zone: Some("UTC".parse().unwrap()),
    };
    RolloutPolicy { window: Some(window), ..RolloutPolicy::default() }
}

/// The only file of the release `1`, for a device.
async fn file(world: &World, device: &DdiPeer, action: ExecutionId) -> Result<DdiFile, Failed> {
    let shown = world.app().ddi_action(device, action, Wanted::Deployment, None).await?;
    let module = &shown.modules[0];
    world.app().ddi_file(device, module.id, &module.files[0].name).await
}

#[tokio::test]
async fn zephyr_installs_what_it_is_shown_and_is_shown_nothing_else() {
    for world in worlds("ddi-zephyr").await {
        world.attribute("d1", "hawkbit.client", "zephyr").await;
        world.refresh().await;
        let policy = RolloutPolicy { handling: Handling::DownloadOnly, ..RolloutPolicy::default() };
        let (staged, first) = job(&world, policy).await;
        assert_eq!(poll(&world, "").await.next, None, "it would install what is to be staged");
        asked_to_stop(&world, first).await;
        let zephyr = peer(&world, "").await;
        world.app().ddi_cancel_feedback(&zephyr, first, says(Said::Closed, Finished::Success)).await.unwrap();
        assert_eq!(state(&world, staged).await.0, ExecutionState::Canceled);
        let (job, action) = job(&world, nightly()).await;
        assert_eq!(poll(&world, "").await.next, None, "it would install hours early");
        world.advance(2 * 3600);
        world.settle().await;
        let shown = poll(&world, "").await.next;
        assert!(matches!(shown, Some(Next::Deploy { .. })));
        let begins = file(&world, &zephyr, action).await.unwrap().begins;
        world.app().ddi_begins(&zephyr, begins.unwrap(), "it fetches").await.unwrap();
        world.advance(3600 + 60);
        world.settle().await;
        assert_eq!(poll(&world, "").await.next, shown, "it restarts, and its window is closed by now");
        world.app().ddi_action(&zephyr, action, Wanted::Deployment, None).await.unwrap();
        world.app().ddi_feedback(&zephyr, action, says(Said::Closed, Finished::Success)).await.unwrap();
        assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded);
    }
}

#[tokio::test]
async fn who_fetches_without_a_word_has_begun_and_goes_on_while_the_job_is_paused() {
    for world in worlds("ddi-silent-fetch").await {
        let (job, action) = job(&world, RolloutPolicy::default()).await;
        let silent = peer(&world, "home-made").await;
        let begins = file(&world, &silent, action).await.unwrap().begins;
        assert_eq!((begins, state(&world, job).await.0), (Some(action), ExecutionState::Queued));
        world.advance(60);
        world.app().ddi_begins(&silent, action, "it fetches").await.unwrap();
        assert_eq!(state(&world, job).await.0, ExecutionState::InProgress);
        world.app().job_pause(&world.by, job, None).await.unwrap();
        assert_eq!(file(&world, &silent, action).await.unwrap().begins, None);
        let seen = world.app().live.last_seen(silent.device);
        assert_eq!(seen, Some(windlass_app::clock::Clock::now(&*world.clock)), "it was heard");
        world.app().ddi_begins(&silent, action, "it fetches").await.unwrap();
        assert_eq!(world.executions(job).await[0].version, 2, "once");
    }
}

#[tokio::test]
async fn a_pause_takes_nothing_from_who_fetched_the_document_and_hides_the_rest() {
    for mut world in worlds("ddi-paused-fetched").await {
        world.device("d2", None).await;
        world.refresh().await;
        let job = world.rollout("1", &["d1".to_owned(), "d2".to_owned()]).await;
        world.settle().await;
        let executions = world.executions(job).await;
        let fetched = peer(&world, "home-made").await;
        let other = world.app().ddi_identify(shown("d2", "home-made")).await.unwrap();
        let of = |peer: &DdiPeer| executions.iter().find(|one| one.device == peer.device).unwrap().id;
        let (begun, hidden) = (of(&fetched), of(&other));
        world.app().ddi_action(&fetched, begun, Wanted::Deployment, None).await.unwrap();
        for device in [&fetched, &other] {
            assert!(matches!(world.app().ddi_poll(device).await.unwrap().next, Some(Next::Deploy { .. })));
        }
        world.app().job_pause(&world.by, job, None).await.unwrap();
        for device in [&fetched, &other] {
            world.app().wake_device(device.device);
        }
        let next = world.app().ddi_poll(&fetched).await.unwrap().next;
        assert!(matches!(next, Some(Next::Deploy { action, .. }) if action == begun), "{next:?}");
        let document = world.app().ddi_action(&fetched, begun, Wanted::Deployment, None).await.unwrap();
        let module = &document.modules[0];
        world.app().ddi_file(&fetched, module.id, &module.files[0].name).await.unwrap();
        assert_eq!(world.app().ddi_poll(&other).await.unwrap().next, None, "it fetched nothing");
        let refused = world.app().ddi_action(&other, hidden, Wanted::Deployment, None).await;
        assert!(matches!(refused, Err(Failed::NotFound)));
        let refused = world.app().ddi_file(&other, module.id, &module.files[0].name).await;
        assert!(matches!(refused, Err(Failed::NotFound)));
        world.app().ddi_feedback(&fetched, begun, says(Said::Closed, Finished::Success)).await.unwrap();
        let done = world.executions(job).await.into_iter().find(|one| one.id == begun).unwrap();
        assert_eq!(done.state, ExecutionState::Succeeded);
        // Nobody goes on with what is to end.
        world.app().job_cancel(&world.by, job, Begun::Finish, None).await.unwrap();
        assert_eq!(world.app().ddi_poll(&other).await.unwrap().next, None);
    }
}

#[tokio::test]
async fn who_is_told_only_to_fetch_has_not_begun_by_that() {
    let world = world().await;
    let (_, action) = job(&world, nightly()).await;
    let rauc = peer(&world, RAUC).await;
    assert_eq!(file(&world, &rauc, action).await.unwrap().begins, None);
}

#[tokio::test]
async fn a_closed_window_lets_rauc_fetch_and_shows_swupdate_nothing() {
    for world in worlds("ddi-window").await {
        let (job, action) = job(&world, nightly()).await;
        assert_eq!(poll(&world, SWUPDATE).await.next, None, "SWUpdate would say that it is done");
        let hidden =
            world.app().ddi_action(&peer(&world, SWUPDATE).await, action, Wanted::Deployment, None).await;
        assert!(matches!(hidden, Err(Failed::NotFound)));
        let Some(Next::Deploy { action: offered, revision }) = poll(&world, RAUC).await.next else {
            panic!("nothing")
        };
        assert_eq!(offered, action);
        let rauc = peer(&world, RAUC).await;
        let closed = world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
        assert_eq!(
            (closed.download, closed.update, closed.window),
            (Urgency::Forced, Urgency::Skip, Some(false))
        );
        world.app().ddi_feedback(&rauc, action, says(Said::Downloaded, Finished::None)).await.unwrap();
        assert_eq!(state(&world, job).await.0, ExecutionState::Queued, "it has not begun");
        world.advance(2 * 3600);
        world.settle().await;
        let Some(Next::Deploy { revision: opened, .. }) = poll(&world, RAUC).await.next else {
            panic!("nothing")
        };
        assert_ne!(opened, revision, "the link changes with the document");
        let open = world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
        assert_eq!((open.update, open.window), (Urgency::Forced, Some(true)));
        assert!(matches!(poll(&world, SWUPDATE).await.next, Some(Next::Deploy { .. })));
        world.app().ddi_feedback(&rauc, action, says(Said::Closed, Finished::Success)).await.unwrap();
        assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded);
    }
}

#[tokio::test]
async fn the_poll_time_shrinks_before_a_window_opens() {
    let world = world().await;
    job(&world, nightly()).await;
    assert_eq!(poll(&world, SWUPDATE).await.sleep, Duration::from_secs(300));
    world.advance(2 * 3600 - 120);
    assert_eq!(poll(&world, SWUPDATE).await.sleep, Duration::from_secs(40), "a third of what is left");
    world.advance(119);
    assert_eq!(poll(&world, SWUPDATE).await.sleep, Duration::from_secs(30), "never less than that");
}

#[tokio::test]
async fn swupdate_finishes_in_a_closed_window_what_it_began_in_the_open_one() {
    let world = world().await;
    let (job, action) = job(&world, nightly()).await;
    world.advance(2 * 3600);
    world.settle().await;
    let swupdate = peer(&world, SWUPDATE).await;
    world.app().ddi_action(&swupdate, action, Wanted::Deployment, None).await.unwrap();
    world.app().ddi_feedback(&swupdate, action, says(Said::Proceeding, Finished::None)).await.unwrap();
    world.advance(2 * 3600);
    world.settle().await;
    assert!(matches!(poll(&world, SWUPDATE).await.next, Some(Next::Deploy { .. })), "or it cannot confirm");
    let shown = world.app().ddi_action(&swupdate, action, Wanted::Deployment, None).await.unwrap();
    assert_eq!(shown.update, Urgency::Forced);
    world.app().ddi_feedback(&swupdate, action, says(Said::Closed, Finished::Success)).await.unwrap();
    assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded);
}

#[tokio::test]
async fn closing_what_was_to_be_skipped_never_counts_as_installed() {
    let world = world().await;
    let (job, action) = job(&world, nightly()).await;
    let unknown = peer(&world, "home-made").await;
    world.app().ddi_action(&unknown, action, Wanted::Deployment, None).await.unwrap();
    world.app().ddi_feedback(&unknown, action, says(Said::Closed, Finished::Success)).await.unwrap();
    assert_eq!(state(&world, job).await, (ExecutionState::Queued, Verdict::Pending));
    assert_eq!(poll(&world, "home-made").await.next, None, "it is held back from now on");
    let target = world.app().ddi_target(unknown.device).await.unwrap();
    assert_eq!(target.installed, None);
}

#[tokio::test]
async fn a_download_only_update_ends_when_it_is_fetched_and_proves_nothing() {
    let world = world().await;
    let policy = RolloutPolicy { handling: Handling::DownloadOnly, ..RolloutPolicy::default() };
    let (job, action) = job(&world, policy).await;
    let rauc = peer(&world, RAUC).await;
    let shown = world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
    assert_eq!((shown.download, shown.update, shown.window), (Urgency::Forced, Urgency::Skip, None));
    world.app().ddi_feedback(&rauc, action, says(Said::Downloaded, Finished::Success)).await.unwrap();
    assert_eq!(state(&world, job).await, (ExecutionState::Succeeded, Verdict::Unverifiable));
    world.app().ddi_feedback(&rauc, action, says(Said::Closed, Finished::Success)).await.unwrap();
    let again = world.app().ddi_feedback(&rauc, action, says(Said::Proceeding, Finished::None)).await;
    assert!(matches!(again, Err(Failed::Closed)));
    assert_eq!(world.app().ddi_target(rauc.device).await.unwrap().installed, None);
}

#[tokio::test]
async fn soft_and_time_forced_updates_are_told_as_attempts_until_their_time() {
    let world = world().await;
    let at = windlass_app::clock::Clock::now(&*world.clock).plus(Duration::from_secs(100));
    let policy = RolloutPolicy { handling: Handling::TimeForced { at }, ..RolloutPolicy::default() };
    let (_, action) = job(&world, policy).await;
    let rauc = peer(&world, RAUC).await;
    let before = world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
    assert_eq!((before.download, before.update), (Urgency::Attempt, Urgency::Attempt));
    let first = poll(&world, RAUC).await.next;
    world.advance(100);
    let after = world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
    assert_eq!((after.download, after.update), (Urgency::Forced, Urgency::Forced));
    assert_ne!(poll(&world, RAUC).await.next, first, "the link changes with the document");
}

#[tokio::test]
async fn a_device_that_is_asked_to_stop_agrees_refuses_or_ends_well_all_the_same() {
    for world in worlds("ddi-stop").await {
        let rauc = peer(&world, RAUC).await;
        let (job, action) = job(&world, RolloutPolicy::default()).await;
        let closed = says(Said::Closed, Finished::Success);
        let early = world.app().ddi_cancel_feedback(&rauc, action, closed.clone()).await;
        assert!(matches!(early, Err(Failed::NotCanceling)));
        world.app().ddi_feedback(&rauc, action, says(Said::Proceeding, Finished::None)).await.unwrap();
        asked_to_stop(&world, action).await;
        assert_eq!(poll(&world, RAUC).await.next, Some(Next::Cancel { action }));
        let hidden = world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await;
        assert!(matches!(hidden, Err(Failed::NotFound)));
        world.app().ddi_cancel(&rauc, action).await.unwrap();
        world.app().ddi_cancel_feedback(&rauc, action, says(Said::Rejected, Finished::None)).await.unwrap();
        assert!(matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { .. })), "it goes on");
        asked_to_stop(&world, action).await;
        world.app().ddi_feedback(&rauc, action, says(Said::Proceeding, Finished::None)).await.unwrap();
        world.app().ddi_cancel_feedback(&rauc, action, closed.clone()).await.unwrap();
        assert_eq!(state(&world, job).await.0, ExecutionState::Canceled);
        let late = world.app().ddi_feedback(&rauc, action, closed).await;
        assert!(matches!(late, Err(Failed::Closed)));
        assert_eq!(poll(&world, RAUC).await.next, None);
    }
}

#[tokio::test]
async fn the_last_word_of_a_device_that_is_asked_to_stop_wins() {
    let world = world().await;
    let rauc = peer(&world, RAUC).await;
    let (job, action) = job(&world, RolloutPolicy::default()).await;
    world.app().ddi_feedback(&rauc, action, says(Said::Proceeding, Finished::None)).await.unwrap();
    asked_to_stop(&world, action).await;
    world.app().ddi_feedback(&rauc, action, says(Said::Closed, Finished::Success)).await.unwrap();
    assert_eq!(state(&world, job).await.0, ExecutionState::Succeeded);
}

/// Somebody must agree on the device.
fn with_consent() -> RolloutPolicy {
    RolloutPolicy { consent: true, ..RolloutPolicy::default() }
}

#[tokio::test]
async fn an_update_that_waits_for_consent_goes_on_when_the_device_says_so() {
    let world = world().await;
    let rauc = peer(&world, RAUC).await;
    let (_, action) = job(&world, with_consent()).await;
    assert!(matches!(poll(&world, RAUC).await.next, Some(Next::Confirm { .. })));
    let hidden = world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await;
    assert!(matches!(hidden, Err(Failed::NotFound)));
    let early = world.app().ddi_feedback(&rauc, action, says(Said::Proceeding, Finished::None)).await;
    assert!(matches!(early, Err(Failed::NotFound)));
    assert!(world.app().ddi_action(&rauc, action, Wanted::Confirmation, None).await.unwrap().waits);
    let word = |word| Confirmation { word, code: None, details: vec!["by the driver".to_owned()] };
    world.app().ddi_confirm(&rauc, action, word(ConfirmationWord::Denied)).await.unwrap();
    assert!(matches!(poll(&world, RAUC).await.next, Some(Next::Confirm { .. })), "it keeps waiting");
    world.app().ddi_confirm(&rauc, action, word(ConfirmationWord::Confirmed)).await.unwrap();
    assert!(matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { .. })));
    let again = world.app().ddi_confirm(&rauc, action, word(ConfirmationWord::Confirmed)).await;
    assert!(matches!(again, Err(Failed::NotFound)));
}

#[tokio::test]
async fn an_operator_agrees_in_the_place_of_a_device() {
    let world = world().await;
    let (_, action) = job(&world, with_consent()).await;
    assert!(matches!(poll(&world, RAUC).await.next, Some(Next::Confirm { .. })));
    world.app().execution_confirm(&world.by, action).await.unwrap();
    assert!(matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { .. })));
}

#[tokio::test]
async fn a_device_that_confirms_by_itself_is_not_asked() {
    let world = world().await;
    let rauc = peer(&world, RAUC).await;
    world.app().ddi_auto_confirm(&rauc, Some(windlass_wire::ddi::Initiator::default())).await.unwrap();
    let (job, action) = job(&world, with_consent()).await;
    let consent = world.executions(job).await[0].consent;
    assert!(matches!(consent, Consent::Given { .. }), "before it polls: {consent:?}");
    let said = history(&world, action).await;
    assert_eq!(said.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>(), ["running"], "and says so");
    assert!(
        matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { action: offered, .. }) if offered == action)
    );
}

#[tokio::test]
async fn the_action_of_the_highest_priority_goes_first_and_then_the_oldest() {
    for world in worlds("ddi-first").await {
        let rauc = peer(&world, RAUC).await;
        assert_eq!(poll(&world, RAUC).await.next, None);
        let low = windlass_domain::job::Priority::new(10).unwrap();
        let (_, first) = job(&world, RolloutPolicy { priority: low, ..RolloutPolicy::default() }).await;
        assert!(
            matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { action, .. }) if action == first)
        );
        world.release("2", &[]).await;
        let second = world.create(update_job("2", &["d1".to_owned()])).await;
        world.settle().await;
        let second = world.executions(second).await[0].id;
        assert!(
            matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { action, .. }) if action == second)
        );
        world.app().ddi_feedback(&rauc, second, says(Said::Closed, Finished::Failure)).await.unwrap();
        assert!(
            matches!(poll(&world, RAUC).await.next, Some(Next::Deploy { action, .. }) if action == first)
        );
    }
}

/// A job whose devices have ten minutes to download and one to install; its action.
async fn timed_job(world: &World, rollout: RolloutPolicy) -> (JobId, ExecutionId) {
    let timeouts = Timeouts {
        download: Some(Duration::from_secs(600)),
        in_progress: Duration::from_secs(60),
        ..Timeouts::default()
    };
    let job = world.create(NewJob { timeouts, rollout, ..update_job("1", &["d1".to_owned()]) }).await;
    world.settle().await;
    (job, world.executions(job).await[0].id)
}

#[tokio::test]
async fn download_and_installation_run_out_each_by_itself_and_the_reason_names_which() {
    for world in worlds("ddi-phases").await {
        let rauc = peer(&world, RAUC).await;
        let say = async |action, word: Said| {
            world.app().ddi_feedback(&rauc, action, says(word, Finished::None)).await.unwrap();
        };
        let after = async |job, seconds| {
            world.advance(seconds);
            world.settle().await;
            (state(&world, job).await.0, world.app().job_why(&world.by, job, "d1").await.unwrap().why)
        };
        let (job, action) = timed_job(&world, RolloutPolicy::default()).await;
        say(action, Said::Download).await;
        let (at_work, why) = after(job, 590).await;
        assert_eq!(at_work, ExecutionState::InProgress);
        assert_eq!(why.sentence, "The device is downloading. Time left: 10 s.");
        let (ended, why) = after(job, 10).await;
        assert_eq!(ended, ExecutionState::TimedOut);
        assert_eq!(why.sentence, "Timed out: the download did not end within 10 min.");
        assert!(why.action.contains("download rate"), "{}", why.action);

        let (job, action) = timed_job(&world, RolloutPolicy::default()).await;
        say(action, Said::Download).await;
        world.advance(590);
        say(action, Said::Downloaded).await;
        say(action, Said::Proceeding).await;
        let (at_work, why) = after(job, 59).await;
        assert_eq!(at_work, ExecutionState::InProgress);
        assert_eq!(why.sentence, "The device is installing. Time left: 1 s.");
        let (ended, why) = after(job, 1).await;
        assert_eq!(ended, ExecutionState::TimedOut);
        let said = "Timed out: the installation did not end within 1 min (last heard: installing).";
        assert_eq!(why.sentence, said);
        assert!(why.action.contains("log"), "{}", why.action);

        let (job, action) = timed_job(&world, RolloutPolicy::default()).await;
        say(action, Said::Proceeding).await;
        assert_eq!(after(job, 659).await.0, ExecutionState::InProgress, "it never says that it downloads");
        let (ended, why) = after(job, 1).await;
        assert_eq!(ended, ExecutionState::TimedOut);
        assert!(why.sentence.contains("download and installation together"), "{}", why.sentence);
    }
}

#[tokio::test]
async fn who_says_that_a_download_goes_on_has_not_begun_to_install() {
    for world in worlds("ddi-goes-on").await {
        let rauc = peer(&world, RAUC).await;
        let say = async |action, word: Said| {
            world.app().ddi_feedback(&rauc, action, says(word, Finished::None)).await.unwrap();
        };
        let after = async |job, seconds| {
            world.advance(seconds);
            world.settle().await;
            (state(&world, job).await.0, world.app().job_why(&world.by, job, "d1").await.unwrap().why)
        };
        // The power went, and it downloads on.
        let (job, action) = timed_job(&world, RolloutPolicy::default()).await;
        say(action, Said::Download).await;
        world.advance(300);
        say(action, Said::Resumed).await;
        let (at_work, why) = after(job, 299).await;
        assert_eq!(at_work, ExecutionState::InProgress);
        assert_eq!(why.sentence, "The device is downloading. Time left: 1 s.");
        say(action, Said::Downloaded).await;
        say(action, Said::Resumed).await;
        let (ended, why) = after(job, 60).await;
        assert_eq!(ended, ExecutionState::TimedOut);
        assert!(why.sentence.contains("the installation did not end within 1 min"), "{}", why.sentence);

        // Its client tells the progress of whatever it does so.
        let (job, action) = timed_job(&world, RolloutPolicy::default()).await;
        say(action, Said::Download).await;
        world.advance(300);
        say(action, Said::Proceeding).await;
        world.advance(200);
        say(action, Said::Proceeding).await;
        let (at_work, why) = after(job, 159).await;
        assert_eq!(at_work, ExecutionState::InProgress);
        assert_eq!(why.sentence, "The device is proceeding. Time left: 1 s.");
        let (ended, why) = after(job, 1).await;
        assert_eq!(ended, ExecutionState::TimedOut);
        let said = "Timed out: download and installation together did not end within 11 min (last heard: proceeding).";
        assert_eq!(why.sentence, said);
    }
}

#[tokio::test]
async fn who_is_only_to_download_never_installs_however_it_says_that_it_goes_on() {
    let world = world().await;
    let rauc = peer(&world, RAUC).await;
    let rollout = RolloutPolicy { handling: Handling::DownloadOnly, ..RolloutPolicy::default() };
    let (job, action) = timed_job(&world, rollout).await;
    for word in [Said::Download, Said::Proceeding] {
        world.app().ddi_feedback(&rauc, action, says(word, Finished::None)).await.unwrap();
    }
    world.advance(599);
    world.settle().await;
    assert_eq!(state(&world, job).await.0, ExecutionState::InProgress);
    world.advance(1);
    world.settle().await;
    let why = world.app().job_why(&world.by, job, "d1").await.unwrap().why;
    assert_eq!(why.sentence, "Timed out: the download did not end within 10 min.");
}

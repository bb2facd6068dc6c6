//! What a hawkBit device says of what it runs, before and after its restart, and what that proves.

use std::time::Duration;

use windlass_app::ddi::{DdiPeer, Failed, Next, Wanted};
use windlass_app::jobs::NewJob;
use windlass_domain::device_type::VersionSource;
use windlass_domain::ids::{ExecutionId, JobId};
use windlass_domain::job::{
    Execution, ExecutionState, Handling, Outcome, Priority, RolloutPolicy, Timeouts, Verdict,
};
use windlass_wire::ddi::{ConfigData, Execution as Said, Feedback, Finished, InstalledBase, Mode};

use crate::ddi::{RAUC, SWUPDATE, asked_to_stop, job, peer, poll, says, shown, state, world, worlds};
use crate::ddi_word::history;
use crate::world::{World, update_job};

/// How long a new version may take to show, unless somebody says otherwise.
const VERIFY: u64 = 30 * 60;

/// Worlds with a device `d2` whose type finds its version in the attribute `version`, and that runs 1.
pub(crate) async fn typed(name: &str) -> Vec<World> {
    let all = silent(name).await;
    for world in &all {
        attributes(world, &d2(world).await, Mode::Merge, &[("version", "1")]).await;
    }
    all
}

/// The same before the device said what it runs.
async fn silent(name: &str) -> Vec<World> {
    let mut all = worlds(name).await;
    for world in &mut all {
        let place = vec![VersionSource::Inventory("version".to_owned())];
        let board = world.device_type("board", place).await;
        world.device("d2", Some(board)).await;
        world.refresh().await;
        world.release("2.0", &[]).await;
    }
    all
}

pub(crate) async fn d2(world: &World) -> DdiPeer {
    world.app().ddi_identify(shown("d2", RAUC)).await.unwrap()
}

pub(crate) async fn attributes(world: &World, peer: &DdiPeer, mode: Mode, said: &[(&str, &str)]) {
    let data = said.iter().map(|(key, value)| ((*key).to_owned(), Some((*value).to_owned()))).collect();
    world.app().ddi_config_data(peer, ConfigData { mode, data }).await.unwrap();
}

async fn runs(world: &World, peer: &DdiPeer, name: &str, version: &str) {
    let said = InstalledBase { name: name.to_owned(), version: version.to_owned() };
    let told = world.app().ddi_installed_base(peer, said).await;
    assert!(matches!(told, Ok(_) | Err(Failed::UnknownRelease { .. })), "{told:?}");
}

/// Has devices install a release.
pub(crate) async fn offered(world: &World, version: &str, devices: &[&str]) -> (JobId, Vec<Execution>) {
    let names: Vec<String> = devices.iter().map(|name| (*name).to_owned()).collect();
    let job = world.rollout(version, &names).await;
    world.settle().await;
    (job, world.executions(job).await)
}

async fn closes(world: &World, peer: &DdiPeer, action: ExecutionId) {
    world.app().ddi_feedback(peer, action, says(Said::Closed, Finished::Success)).await.unwrap();
    world.settle().await;
}

/// `d2` says that it installed 2.0.
async fn succeeded(world: &World) -> JobId {
    let (job, offered) = offered(world, "2.0", &["d2"]).await;
    closes(world, &d2(world).await, offered[0].id).await;
    assert_eq!(state(world, job).await, (ExecutionState::Succeeded, Verdict::Pending));
    job
}

async fn verdict(world: &World, job: JobId) -> (Verdict, String) {
    let execution = world.executions(job).await.remove(0);
    (execution.verdict, execution.reason)
}

fn is(verdict: Verdict, reason: &str) -> (Verdict, String) {
    (verdict, reason.to_owned())
}

#[tokio::test]
async fn attributes_that_are_sent_before_the_restart_do_not_make_a_fall_back() {
    for world in typed("ddi-before-restart").await {
        let job = succeeded(&world).await;
        let device = d2(&world).await;
        attributes(&world, &device, Mode::Merge, &[("version", "1")]).await;
        assert_eq!(verdict(&world, job).await, is(Verdict::Pending, "app still says 1 instead of 2.0"));
        let why = world.app().job_why(&world.by, job, "d2").await.unwrap();
        assert!(why.why.sentence.contains("app still says 1 instead of 2.0"), "{}", why.why.sentence);
        attributes(&world, &device, Mode::Merge, &[("version", "2.0")]).await;
        assert_eq!(verdict(&world, job).await, is(Verdict::Verified, ""));
    }
}

#[tokio::test]
async fn a_device_is_asked_for_its_attributes_until_its_new_version_shows() {
    for world in typed("ddi-asked-again").await {
        let device = d2(&world).await;
        let asked = || async { world.app().ddi_poll(&device).await.unwrap().attributes_wanted };
        assert!(!asked().await);
        let job = succeeded(&world).await;
        assert!(asked().await);
        attributes(&world, &device, Mode::Merge, &[("version", "1")]).await;
        assert!(asked().await, "it has not restarted yet, and tells nothing unless it is asked");
        attributes(&world, &device, Mode::Merge, &[("version", "2.0")]).await;
        assert!(!asked().await);
        assert_eq!(verdict(&world, job).await.0, Verdict::Verified);
    }
}

#[tokio::test]
async fn a_type_that_looks_only_where_these_devices_never_write_leaves_their_word() {
    for mut world in worlds("ddi-default-type").await {
        let places = windlass_domain::device_type::TypeSpec::default().version_sources;
        let plain = world.device_type("plain", places).await;
        world.device("d2", Some(plain)).await;
        world.refresh().await;
        world.release("2.0", &[]).await;
        let (job, offered) = offered(&world, "2.0", &["d2"]).await;
        closes(&world, &d2(&world).await, offered[0].id).await;
        let (found, reason) = verdict(&world, job).await;
        assert_eq!(found, Verdict::Unverifiable, "{reason}");
        assert!(reason.contains("version source"), "{reason}");
    }
}

#[tokio::test]
async fn a_device_that_reports_to_its_shadow_is_not_believed_there() {
    for mut world in worlds("ddi-both").await {
        let places = windlass_domain::device_type::TypeSpec::default().version_sources;
        let plain = world.device_type("plain", places).await;
        world.device("d2", Some(plain)).await;
        world.refresh().await;
        world.release("2.0", &[]).await;
        world.reports_version("d2", "1").await;
        let job = succeeded(&world).await;
        world.advance(60);
        world.reports_version("d2", "2.0").await;
        assert_eq!(verdict(&world, job).await.0, Verdict::Verified);
    }
}

#[tokio::test]
async fn attributes_without_a_version_say_nothing_of_it() {
    for (name, mode) in [("ddi-merged", Mode::Merge), ("ddi-replaced", Mode::Replace)] {
        for world in typed(name).await {
            let job = succeeded(&world).await;
            attributes(&world, &d2(&world).await, mode, &[("hw", "r1")]).await;
            assert_eq!(verdict(&world, job).await, is(Verdict::Pending, ""));
            world.advance(VERIFY);
            world.settle().await;
            assert_eq!(verdict(&world, job).await.0, Verdict::Expired, "silence is no fall back");
        }
    }
}

#[tokio::test]
async fn taking_the_version_away_says_nothing_of_it() {
    let world = typed("ddi-removed").await.remove(0);
    let job = succeeded(&world).await;
    attributes(&world, &d2(&world).await, Mode::Remove, &[("version", "1")]).await;
    assert_eq!(verdict(&world, job).await, is(Verdict::Pending, ""));
    attributes(&world, &d2(&world).await, Mode::Replace, &[("version", "2.0")]).await;
    assert_eq!(verdict(&world, job).await, is(Verdict::Verified, ""));
}

#[tokio::test]
async fn another_set_that_a_device_runs_says_nothing_of_this_one() {
    for world in typed("ddi-other-set").await {
        let job = succeeded(&world).await;
        runs(&world, &d2(&world).await, "other-set", "2.0").await;
        assert_eq!(verdict(&world, job).await, is(Verdict::Pending, ""));
        runs(&world, &d2(&world).await, "other-set", "1").await;
        assert_eq!(verdict(&world, job).await, is(Verdict::Pending, ""));
    }
}

#[tokio::test]
async fn an_installed_base_that_is_put_before_the_restart_is_not_the_last_word() {
    for world in typed("ddi-base-before").await {
        let job = succeeded(&world).await;
        runs(&world, &d2(&world).await, "fw", "1").await;
        let still = is(Verdict::Pending, "the device still says that it runs fw 1 instead of 2.0");
        assert_eq!(verdict(&world, job).await, still);
        runs(&world, &d2(&world).await, "fw", "2.0").await;
        assert_eq!(verdict(&world, job).await.0, Verdict::Verified);
    }
}

#[tokio::test]
async fn an_old_version_that_is_all_there_is_at_the_end_is_a_fall_back_and_says_so() {
    for world in typed("ddi-fell-back").await {
        let job = succeeded(&world).await;
        let device = d2(&world).await;
        attributes(&world, &device, Mode::Merge, &[("version", "1")]).await;
        world.advance(VERIFY - 1);
        world.settle().await;
        assert_eq!(verdict(&world, job).await.0, Verdict::Pending, "its time is not over");
        world.advance(1);
        world.settle().await;
        let fell_back = is(Verdict::RolledBack, "app still says 1 instead of 2.0");
        assert_eq!(verdict(&world, job).await, fell_back);
        assert_eq!(world.executions(job).await[0].outcome(), Outcome::Failed);
        attributes(&world, &device, Mode::Merge, &[("version", "2.0")]).await;
        assert_eq!(verdict(&world, job).await, fell_back, "too late");
    }
}

#[tokio::test]
async fn an_old_version_that_is_said_for_the_first_time_after_success_is_a_fall_back_too() {
    for world in silent("ddi-first-said").await {
        let job = succeeded(&world).await;
        let device = d2(&world).await;
        for _ in 0..2 {
            attributes(&world, &device, Mode::Merge, &[("version", "1")]).await;
            assert_eq!(verdict(&world, job).await, is(Verdict::Pending, "app says 1 instead of 2.0"));
        }
        world.advance(VERIFY);
        world.settle().await;
        assert_eq!(verdict(&world, job).await, is(Verdict::RolledBack, "app says 1 instead of 2.0"));
    }
}

#[tokio::test]
async fn an_old_version_that_was_followed_by_a_third_is_no_fall_back() {
    let world = typed("ddi-third").await.remove(0);
    let job = succeeded(&world).await;
    for version in ["1", "3.0"] {
        attributes(&world, &d2(&world).await, Mode::Merge, &[("version", version)]).await;
    }
    assert_eq!(verdict(&world, job).await, is(Verdict::Pending, ""));
    world.advance(VERIFY);
    world.settle().await;
    let (found, reason) = verdict(&world, job).await;
    assert_eq!(found, Verdict::Expired);
    assert!(reason.ends_with("in time: app shows 3.0 instead of 2.0"), "{reason}");
}

#[tokio::test]
async fn an_update_that_a_later_one_followed_before_it_was_seen_is_no_failure() {
    for world in typed("ddi-went-through").await {
        let first = succeeded(&world).await;
        world.release("3.0", &[]).await;
        world.advance(60);
        let (second, offered) = offered(&world, "3.0", &["d2"]).await;
        closes(&world, &d2(&world).await, offered[0].id).await;
        attributes(&world, &d2(&world).await, Mode::Merge, &[("version", "3.0")]).await;
        assert_eq!(verdict(&world, second).await.0, Verdict::Verified);
        world.advance(VERIFY);
        world.settle().await;
        let went_through = is(Verdict::Unverifiable, "fw 3.0, installed after it, was seen running");
        assert_eq!(verdict(&world, first).await, went_through);
        let action = world.executions(first).await.remove(0);
        assert_eq!(action.outcome(), Outcome::Succeeded);
        assert!(history(&world, action.id).await.iter().all(|entry| entry.kind != "error"));
    }
}

#[tokio::test]
async fn a_fall_back_that_swupdate_reports_after_its_restart_counts_at_once() {
    for world in typed("ddi-swupdate-back").await {
        let (job, offered) = offered(&world, "2.0", &["d2"]).await;
        let device = world.app().ddi_identify(shown("d2", SWUPDATE)).await.unwrap();
        world
            .app()
            .ddi_feedback(&device, offered[0].id, says(Said::Proceeding, Finished::None))
            .await
            .unwrap();
        attributes(&world, &device, Mode::Merge, &[("version", "1")]).await;
        let back = Feedback {
            details: vec!["Update failed: fell back".to_owned()],
            ..says(Said::Closed, Finished::Failure)
        };
        world.app().ddi_feedback(&device, offered[0].id, back).await.unwrap();
        let execution = world.executions(job).await.remove(0);
        assert_eq!(
            (execution.state, execution.reason.as_str()),
            (ExecutionState::Failed, "Update failed: fell back")
        );
    }
}

/// `d1`, which nobody gave a type, says that it installed a release.
async fn believed(world: &World, version: &str, devices: &[&str]) -> JobId {
    let (job, offered) = offered(world, version, devices).await;
    let d1 = peer(world, RAUC).await;
    let own = offered.iter().find(|one| one.device == d1.device).unwrap();
    closes(world, &d1, own.id).await;
    assert_eq!(own_verdict(world, job).await.0, Verdict::Unverifiable);
    job
}

async fn own_verdict(world: &World, job: JobId) -> (Verdict, String) {
    let d1 = peer(world, RAUC).await.device;
    let own = world.executions(job).await.into_iter().find(|one| one.device == d1).unwrap();
    (own.verdict, own.reason)
}

#[tokio::test]
async fn what_a_device_without_a_type_says_that_it_runs_proves_and_disproves_its_update() {
    for world in worlds("ddi-believed").await {
        world.release("2.0", &[]).await;
        let d1 = peer(&world, RAUC).await;
        let job = believed(&world, "2.0", &["d1"]).await;
        assert!(!world.job(job).await.job.state.is_open());
        runs(&world, &d1, "other-set", "1.0").await;
        assert_eq!(own_verdict(&world, job).await.0, Verdict::Unverifiable);
        runs(&world, &d1, "fw", "1.0").await;
        let still = is(Verdict::Pending, "the device still says that it runs fw 1.0 instead of 2.0");
        assert_eq!(own_verdict(&world, job).await, still);
        assert_eq!(poll(&world, RAUC).await.installed, None, "no update brought that");
        runs(&world, &d1, "fw", "2.0").await;
        assert_eq!(own_verdict(&world, job).await.0, Verdict::Verified, "it had not restarted yet");
        assert_eq!(poll(&world, RAUC).await.installed, Some(world.executions(job).await[0].id));
        runs(&world, &d1, "fw", "1.0").await;
        assert_eq!(own_verdict(&world, job).await.0, Verdict::Verified, "what was seen was seen");
    }
}

#[tokio::test]
async fn an_old_version_that_is_said_once_the_rollout_is_over_counts_when_its_time_is_over() {
    for world in worlds("ddi-believed-over").await {
        world.release("2.0", &[]).await;
        let d1 = peer(&world, RAUC).await;
        let job = believed(&world, "2.0", &["d1"]).await;
        let action = world.executions(job).await[0].id;
        world.advance(60);
        runs(&world, &d1, "fw", "1.0").await;
        let still = "the device still says that it runs fw 1.0 instead of 2.0";
        world.advance(VERIFY - 61);
        world.settle().await;
        assert_eq!(own_verdict(&world, job).await, is(Verdict::Pending, still));
        assert_eq!(history(&world, action).await[0].kind, "finished");
        world.advance(1);
        world.settle().await;
        assert_eq!(own_verdict(&world, job).await, is(Verdict::RolledBack, still));
        assert!(!world.job(job).await.job.state.is_open(), "nothing is offered for that");
        let last = history(&world, action).await.remove(0);
        assert_eq!((last.kind.as_str(), last.messages), ("error", vec![format!("Update Server: {still}")]));
        world.settle().await;
        assert_eq!(history(&world, action).await.iter().filter(|one| one.kind == "error").count(), 1);
    }
}

#[tokio::test]
async fn what_is_not_seen_in_time_ends_its_history_with_an_error_that_says_why() {
    for world in typed("ddi-error-told").await {
        let job = succeeded(&world).await;
        let action = world.executions(job).await[0].id;
        assert_eq!(history(&world, action).await[0].kind, "finished");
        world.advance(VERIFY);
        world.settle().await;
        let last = history(&world, action).await.remove(0);
        assert_eq!((last.kind.as_str(), last.credential), ("error", None));
        assert!(last.messages[0].contains("not seen running in time"), "{:?}", last.messages);
    }
}

#[tokio::test]
async fn a_device_that_is_to_stop_is_not_asked_for_its_attributes_beside() {
    for world in typed("ddi-stop-alone").await {
        let first = succeeded(&world).await;
        let device = d2(&world).await;
        let poll = || async { world.app().ddi_poll(&device).await.unwrap() };
        assert!(poll().await.attributes_wanted);
        world.release("3.0", &[]).await;
        let (_, second) = offered(&world, "3.0", &["d2"]).await;
        let action = second.iter().find(|one| one.device == device.device).unwrap().id;
        world.app().ddi_action(&device, action, Wanted::Deployment, None).await.unwrap();
        assert!(poll().await.attributes_wanted);
        asked_to_stop(&world, action).await;
        let told = poll().await;
        assert_eq!((told.next, told.attributes_wanted), (Some(Next::Cancel { action }), false));
        world
            .app()
            .ddi_cancel_feedback(&device, action, says(Said::Closed, Finished::Success))
            .await
            .unwrap();
        assert!(poll().await.attributes_wanted, "it is still waited for");
        assert_eq!(verdict(&world, first).await.0, Verdict::Pending);
    }
}

#[tokio::test]
async fn while_a_rollout_goes_on_an_old_version_is_given_the_time_to_change() {
    for mut world in worlds("ddi-believed-open").await {
        world.device("d3", None).await;
        world.refresh().await;
        world.release("2.0", &[]).await;
        let d1 = peer(&world, RAUC).await;
        let job = believed(&world, "2.0", &["d1", "d3"]).await;
        runs(&world, &d1, "fw", "1.0").await;
        let still = "the device still says that it runs fw 1.0 instead of 2.0";
        assert_eq!(own_verdict(&world, job).await, is(Verdict::Pending, still));
        attributes(&world, &d1, Mode::Merge, &[("hw", "r1")]).await;
        assert_eq!(own_verdict(&world, job).await, is(Verdict::Pending, still));
        world.advance(VERIFY);
        world.settle().await;
        assert_eq!(own_verdict(&world, job).await, is(Verdict::RolledBack, still));
    }
}

#[tokio::test]
async fn after_the_time_to_verify_a_believed_success_stands() {
    let world = world().await;
    world.release("2.0", &[]).await;
    let job = believed(&world, "2.0", &["d1"]).await;
    world.advance(VERIFY);
    runs(&world, &peer(&world, RAUC).await, "fw", "1.0").await;
    assert_eq!(own_verdict(&world, job).await.0, Verdict::Unverifiable);
}

#[tokio::test]
async fn an_installed_base_disproves_only_the_newest_update_of_its_name() {
    let world = world().await;
    for version in ["2.0", "3.0"] {
        world.release(version, &[]).await;
    }
    let first = believed(&world, "2.0", &["d1"]).await;
    world.advance(60);
    let second = believed(&world, "3.0", &["d1"]).await;
    runs(&world, &peer(&world, RAUC).await, "fw", "3.0").await;
    assert_eq!(own_verdict(&world, second).await.0, Verdict::Verified);
    assert_eq!(own_verdict(&world, first).await.0, Verdict::Unverifiable);
}

#[tokio::test]
async fn an_installed_base_of_the_update_under_way_disproves_nothing_that_came_before_it() {
    for says_that_it_began in [true, false] {
        for world in worlds("ddi-base-under-way").await {
            for version in ["2.0", "3.0"] {
                world.release(version, &[]).await;
            }
            let d1 = peer(&world, RAUC).await;
            let first = believed(&world, "2.0", &["d1"]).await;
            world.advance(60);
            let (second, offered) = offered(&world, "3.0", &["d1"]).await;
            let action = offered[0].id;
            if says_that_it_began {
                let begins = says(Said::Proceeding, Finished::None);
                world.app().ddi_feedback(&d1, action, begins).await.unwrap();
            } else {
                world.app().ddi_action(&d1, action, Wanted::Deployment, None).await.unwrap();
            }
            runs(&world, &d1, "fw", "3.0").await;
            assert_eq!(own_verdict(&world, first).await.0, Verdict::Unverifiable, "it made room");
            runs(&world, &d1, "fw", "1.0").await;
            assert_eq!(own_verdict(&world, first).await.0, Verdict::Pending, "neither of the two");
            closes(&world, &d1, action).await;
            runs(&world, &d1, "fw", "3.0").await;
            assert_eq!(own_verdict(&world, second).await.0, Verdict::Verified);
        }
    }
}

#[tokio::test]
async fn what_a_device_is_yet_to_fetch_excuses_nothing() {
    let world = world().await;
    for version in ["2.0", "3.0"] {
        world.release(version, &[]).await;
    }
    let first = believed(&world, "2.0", &["d1"]).await;
    offered(&world, "3.0", &["d1"]).await;
    runs(&world, &peer(&world, RAUC).await, "fw", "3.0").await;
    assert_eq!(own_verdict(&world, first).await.0, Verdict::Pending);
}

#[tokio::test]
async fn what_was_only_fetched_is_not_disproved_by_what_runs() {
    let world = world().await;
    let policy = RolloutPolicy { handling: Handling::DownloadOnly, ..RolloutPolicy::default() };
    let (job, action) = job(&world, policy).await;
    let rauc = peer(&world, RAUC).await;
    world.app().ddi_feedback(&rauc, action, says(Said::Downloaded, Finished::Success)).await.unwrap();
    runs(&world, &rauc, "fw", "0.9").await;
    assert_eq!(state(&world, job).await, (ExecutionState::Succeeded, Verdict::Unverifiable));
}

#[tokio::test]
async fn what_a_device_began_is_not_hidden_behind_what_goes_first() {
    for world in worlds("ddi-begun-first").await {
        let at =
            |number| RolloutPolicy { priority: Priority::new(number).unwrap(), ..RolloutPolicy::default() };
        let (low_job, low) = job(&world, at(10)).await;
        let swupdate = peer(&world, SWUPDATE).await;
        world.app().ddi_action(&swupdate, low, Wanted::Deployment, None).await.unwrap();
        let begun = Feedback {
            details: vec!["All Chunks Installed.".to_owned()],
            ..says(Said::Proceeding, Finished::None)
        };
        world.app().ddi_feedback(&swupdate, low, begun).await.unwrap();
        world.release("2", &[]).await;
        let high = world.create(NewJob { rollout: at(900), ..update_job("2", &["d1".to_owned()]) }).await;
        world.settle().await;
        let high = world.executions(high).await[0].id;
        let next = || async { poll(&world, SWUPDATE).await.next };
        assert!(
            matches!(next().await, Some(Next::Deploy { action, .. }) if action == low),
            "it confirms that"
        );
        world.app().execution_cancel(&world.by, low, false).await.unwrap();
        assert!(
            matches!(next().await, Some(Next::Deploy { action, .. }) if action == high),
            "what is to be stopped goes by its priority"
        );
        world.app().ddi_cancel_feedback(&swupdate, low, says(Said::Rejected, Finished::None)).await.unwrap();
        assert!(matches!(next().await, Some(Next::Deploy { action, .. }) if action == low), "it goes on");
        closes(&world, &swupdate, low).await;
        assert_eq!(state(&world, low_job).await.0, ExecutionState::Succeeded);
        assert!(matches!(next().await, Some(Next::Deploy { action, .. }) if action == high));
    }
}

#[tokio::test]
async fn a_download_that_takes_longer_than_the_time_to_begin_is_under_way_all_the_same() {
    for world in worlds("ddi-long-download").await {
        let rollout = RolloutPolicy { handling: Handling::DownloadOnly, ..RolloutPolicy::default() };
        let timeouts = Timeouts { queued: Duration::from_secs(600), ..Timeouts::default() };
        let new = NewJob { rollout, timeouts, ..update_job("1", &["d1".to_owned()]) };
        let job = world.create(new).await;
        world.settle().await;
        let action = world.executions(job).await[0].id;
        let rauc = peer(&world, RAUC).await;
        world.app().ddi_action(&rauc, action, Wanted::Deployment, None).await.unwrap();
        for minute in 1..=11 {
            world.advance(60);
            let fetched = vec![format!(" {}% Downloading bundle", minute * 4)];
            let progress = Feedback { details: fetched, ..says(Said::Proceeding, Finished::None) };
            world.app().ddi_feedback(&rauc, action, progress).await.unwrap();
            world.settle().await;
        }
        let execution = world.executions(job).await.remove(0);
        assert_eq!(execution.state, ExecutionState::InProgress);
        assert_eq!(execution.details["progress"], "44");
        world.app().ddi_feedback(&rauc, action, says(Said::Downloaded, Finished::Success)).await.unwrap();
        assert_eq!(state(&world, job).await, (ExecutionState::Succeeded, Verdict::Unverifiable));
        assert_eq!(world.app().ddi_target(rauc.device).await.unwrap().installed, None);
    }
}

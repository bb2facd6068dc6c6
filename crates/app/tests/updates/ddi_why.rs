//! Why a hawkBit device is not updated, as operators read it.

use std::time::Duration;

use windlass_app::ddi::Wanted;
use windlass_app::jobs::preview::PreviewPick;
use windlass_app::jobs::{ExecutionFilter, NewJob};
use windlass_domain::ids::JobId;
use windlass_domain::job::{Begun, Handling, MaintenanceWindow, RolloutPolicy, Why};
use windlass_wire::ddi::{Execution as Said, Finished};

use crate::ddi::{RAUC, SWUPDATE, job, peer, poll, says, world, worlds};
use crate::ddi_word::history;
use crate::world::{World, update_job};

async fn why(world: &World, job: JobId) -> Why {
    let alone = world.app().job_why(&world.by, job, "d1").await.unwrap().why;
    let listed = world.app().execution_list(&world.by, job, ExecutionFilter::default(), 10).await.unwrap();
    assert_eq!(alone, listed[0].why, "one device and lists say the same");
    alone
}

#[tokio::test]
async fn a_device_that_polls_is_online_until_it_should_have_been_here_again() {
    for world in worlds("why-online").await {
        let (job, _) = job(&world, RolloutPolicy::default()).await;
        assert!(why(&world, job).await.sentence.contains("the device is not online"));
        poll(&world, RAUC).await;
        let polls = why(&world, job).await;
        assert!(polls.sentence.contains("the device is online and has not picked it up"), "{polls:?}");
        world.advance(24 * 3600);
        assert!(why(&world, job).await.sentence.contains("the device is not online"));
    }
}

#[tokio::test]
async fn what_is_not_shown_to_a_client_that_cannot_only_download_says_so_and_what_to_do() {
    let world = world().await;
    let policy = RolloutPolicy { handling: Handling::DownloadOnly, ..RolloutPolicy::default() };
    let (job, _) = job(&world, policy).await;
    assert_eq!(poll(&world, SWUPDATE).await.next, None);
    let hidden = why(&world, job).await;
    assert!(hidden.sentence.contains("cannot only download"), "{hidden:?}");
    assert!(hidden.action.contains("hawkbit.client"), "{hidden:?}");
    world.attribute("d1", "hawkbit.client", "generic").await;
    world.refresh().await;
    assert_ne!(poll(&world, SWUPDATE).await.next, None);
    assert!(why(&world, job).await.sentence.contains("has not picked it up"));
}

#[tokio::test]
async fn an_update_that_comes_after_another_names_that_one_until_it_ended() {
    let world = world().await;
    world.release("2.0", &[]).await;
    let (first, action) = job(&world, RolloutPolicy::default()).await;
    let rollout = RolloutPolicy { supersede: false, ..RolloutPolicy::default() };
    let second = world.create(NewJob { rollout, ..update_job("2.0", &["d1".to_owned()]) }).await;
    world.settle().await;
    poll(&world, RAUC).await;
    let waits = why(&world, second).await;
    assert!(waits.sentence.starts_with(&format!("Another update goes first: job {first}")), "{waits:?}");
    assert!(waits.action.contains("cancel it"), "{waits:?}");
    assert!(why(&world, first).await.sentence.contains("has not picked it up"));
    world.app().execution_cancel(&world.by, action, false).await.unwrap();
    assert!(why(&world, second).await.sentence.contains("goes first"), "it is asked to stop before that");
    let device = peer(&world, RAUC).await;
    let agrees = says(Said::Closed, Finished::Success);
    world.app().ddi_cancel_feedback(&device, action, agrees).await.unwrap();
    assert!(why(&world, second).await.sentence.contains("has not picked it up"));
}

#[tokio::test]
async fn a_window_names_the_zone_that_counts_where_that_of_the_device_is_unknown() {
    let world = world().await;
    world.attribute("d1", "timezone", "Europe/Berln").await;
    world.refresh().await;
    let window = MaintenanceWindow {
        schedule: "0 2 * * *".parse().unwrap(),
        duration: Duration::from_secs(3600),
        zone: None,
    };
    let (job, _) = job(&world, RolloutPolicy { window: Some(window), ..RolloutPolicy::default() }).await;
    let held = why(&world, job).await;
    assert!(
        held.sentence.contains("in UTC, since the device's time zone `Europe/Berln` is unknown"),
        "{held:?}"
    );
    assert!(held.action.contains("Europe/Berlin"), "{held:?}");
}

#[tokio::test]
async fn an_action_that_is_taken_off_its_device_unfetched_ends_with_the_reason_in_its_history() {
    for world in worlds("ddi-withdrawn").await {
        let said = |reason: &str| ("canceled".to_owned(), vec![format!("Update Server: {reason}")]);
        let (first, action) = job(&world, RolloutPolicy::default()).await;
        world.app().job_cancel(&world.by, first, Begun::Finish, None).await.unwrap();
        world.settle().await;
        let last = history(&world, action).await.remove(0);
        assert_eq!((last.kind, last.messages), said("the job was canceled"));

        let (_, action) = job(&world, RolloutPolicy::default()).await;
        world.app().execution_cancel(&world.by, action, true).await.unwrap();
        let last = history(&world, action).await.remove(0);
        assert_eq!((last.kind, last.messages), said("an operator ended it without asking the device"));

        let (_, action) = job(&world, RolloutPolicy::default()).await;
        world.release("2.0", &[]).await;
        let rollout = RolloutPolicy { supersede: true, ..RolloutPolicy::default() };
        let newer = world.create(NewJob { rollout, ..update_job("2.0", &["d1".to_owned()]) }).await;
        world.settle().await;
        let last = history(&world, action).await.remove(0);
        assert_eq!((last.kind, last.messages), said(&format!("superseded by job {newer}")));
    }
}

#[tokio::test]
async fn a_dry_run_has_what_a_device_fetched_go_first_though_its_job_is_paused() {
    for is_fetched in [true, false] {
        let world = world().await;
        world.release("2.0", &[]).await;
        let (held, action) = job(&world, RolloutPolicy::default()).await;
        if is_fetched {
            let device = peer(&world, RAUC).await;
            world.app().ddi_action(&device, action, Wanted::Deployment, None).await.unwrap();
        }
        world.app().job_pause(&world.by, held, None).await.unwrap();
        let rollout = RolloutPolicy { supersede: false, ..RolloutPolicy::default() };
        let new = NewJob { rollout, ..update_job("2.0", &["d1".to_owned()]) };
        let pick = PreviewPick { limit: 10, ..PreviewPick::default() };
        let seen = world.app().job_preview_devices(&world.by, new, pick).await.unwrap();
        let waits = seen.devices[0].reason.contains(&format!("waits for job {held}, which goes first"));
        assert_eq!(waits, is_fetched, "{:?}", seen.devices[0]);
        assert!(why(&world, held).await.sentence.contains("not begun or fetched"));
    }
}

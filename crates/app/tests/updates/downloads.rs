//! Download links: what they open, for whom, and for how long.

use tokio::io::AsyncReadExt;
use windlass_app::clock::Clock;
use windlass_app::devices::LifecycleChange;
use windlass_app::links::DownloadRefusal;
use windlass_domain::device::Lifecycle;
use windlass_domain::job::{Consent, Execution, ExecutionState};
use windlass_domain::permission::{Principal, Role};
use windlass_store::{devices, executions};

use crate::world::{BASE, START, World};

async fn link(world: &World) -> String {
    link_of(world, "d000").await
}

async fn link_of(world: &World, name: &str) -> String {
    let execution = world.start_next(name).await;
    let url = execution["jobDocument"]["components"][0]["artifacts"][0]["url"].as_str().unwrap();
    url.strip_prefix(BASE).unwrap().to_owned()
}

async fn offered() -> (World, windlass_domain::ids::JobId, String) {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("2.0.0", &[]).await;
    let id = world.rollout("2.0.0", &names).await;
    world.settle().await;
    let link = link(&world).await;
    (world, id, link)
}

#[tokio::test]
async fn a_link_opens_its_artifact_and_any_range_of_it() {
    let (world, _, link) = offered().await;
    let grant = world.app().download_open(&link).await.unwrap();
    assert_eq!((grant.size, grant.name.as_str()), (5, "app.bin"));
    assert_eq!(grant.etag, format!("\"{}\"", grant.sha256));
    let mut reader = world.app().download_range(&grant.sha256, 2, 3).await.unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "0.0");
}

#[tokio::test]
async fn a_link_that_was_changed_in_any_part_is_not_valid() {
    let (world, _, link) = offered().await;
    for (from, to) in [("/v1/1/", "/v1/2/"), ("execution=1", "execution=2"), ("expires=1", "expires=2")] {
        let changed = link.replacen(from, to, 1);
        assert_ne!(changed, link);
        assert_eq!(world.app().download_open(&changed).await, Err(DownloadRefusal::Invalid), "{changed}");
    }
    let unsigned = link.split("&signature").next().unwrap();
    assert_eq!(world.app().download_open(unsigned).await, Err(DownloadRefusal::Invalid));
    let refusal = DownloadRefusal::Invalid;
    assert_eq!((refusal.code(), refusal.http_status()), ("url.invalid", 403));
}

#[tokio::test]
async fn a_link_expires_after_a_day_and_fetching_the_job_again_gives_a_fresh_one() {
    let (world, _, old) = offered().await;
    world.clock.set(START.plus(std::time::Duration::from_secs(24 * 3600 - 1)));
    world.app().download_open(&old).await.unwrap();
    world.advance(1);
    let refusal = world.app().download_open(&old).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.http_status()), ("url.expired", 403));
    let fresh = link(&world).await;
    world.app().download_open(&fresh).await.unwrap();
}

#[tokio::test]
async fn a_canceled_execution_may_not_go_on_downloading() {
    let (world, id, link) = offered().await;
    world.app().download_open(&link).await.unwrap();
    world.app().job_cancel(&world.by, id, windlass_domain::job::Begun::Ask, None).await.unwrap();
    world.settle().await;
    let refusal = world.app().download_open(&link).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.http_status()), ("url.not_allowed", 403));
    assert!(refusal.to_string().contains("canceled"), "{refusal}");
}

#[tokio::test]
async fn a_device_that_finished_needs_its_link_no_more() {
    let (world, _, link) = offered().await;
    world.app().download_open(&link).await.unwrap();
    world.work("d000", "FAILED", "no space").await;
    world.advance(1);
    let refusal = world.app().download_open(&link).await.unwrap_err();
    assert_eq!(refusal.code(), "url.not_allowed");
}

#[tokio::test]
async fn a_suspended_device_may_not_download_within_a_second() {
    let (world, _, link) = offered().await;
    world.app().download_open(&link).await.unwrap();
    let device = world.peer("d000").device;
    world
        .write(move |tx| {
            Box::pin(async move {
                let mut device = devices::device_by_id(tx, device).await?.unwrap();
                device.lifecycle = Lifecycle::Suspended;
                devices::device_save(tx, &mut device, START).await
            })
        })
        .await;
    world.advance(1);
    let refusal = world.app().download_open(&link).await.unwrap_err();
    assert!(refusal.to_string().contains("out of service"), "{refusal}");
}

/// The next byte of a download that is read slowly.
async fn next_byte(reader: &mut (impl tokio::io::AsyncRead + Unpin)) -> Result<u8, std::io::ErrorKind> {
    reader.read_u8().await.map_err(|error| error.kind())
}

#[tokio::test]
async fn a_download_that_runs_ends_with_the_right_to_it() {
    let ended = Err(std::io::ErrorKind::PermissionDenied);
    for mut world in World::each("downloads-running").await {
        let names = world.devices(3).await;
        world.release("2.0.0", &[]).await;
        let job = world.rollout("2.0.0", &names).await;
        world.settle().await;
        world.refresh().await;
        let app = world.app();
        let mut readers = Vec::new();
        for name in &names {
            let grant = app.download_open(&link_of(&world, name).await).await.unwrap();
            let mut reader = app.download_part(&grant, 0, 5).await.unwrap();
            assert_eq!(next_byte(&mut reader).await, Ok(b'2'));
            readers.push(reader);
        }
        app.job_pause(&world.by, job, None).await.unwrap();
        for reader in &mut readers {
            assert_eq!(next_byte(reader).await, Ok(b'.'), "what was begun goes on");
        }
        let (admin, suspend) = (Principal::user(world.tenant, "root", Role::Admin), LifecycleChange::Suspend);
        app.device_lifecycle(&admin, &"d000".parse().unwrap(), suspend, None).await.unwrap();
        assert_eq!(next_byte(&mut readers[0]).await, ended);
        assert_eq!(next_byte(&mut readers[0]).await, ended, "for good");
        assert_eq!(next_byte(&mut readers[1]).await, Ok(b'0'));
        for (name, force) in [("d001", true), ("d002", false)] {
            let device = world.peer(name).device;
            let canceled = world.executions(job).await.into_iter().find(|one| one.device == device).unwrap();
            app.execution_cancel(&world.by, canceled.id, force).await.unwrap();
        }
        assert_eq!(next_byte(&mut readers[1]).await, ended);
        assert_eq!(next_byte(&mut readers[2]).await, Ok(b'0'), "who is asked to stop has the word");
    }
}

#[tokio::test]
async fn links_outlive_a_restart_and_one_new_key_but_not_two() {
    let (mut world, _, link) = offered().await;
    world.restart().await;
    world.app().download_open(&link).await.unwrap();
    world.app().links_rotate().await.unwrap();
    world.app().download_open(&link).await.unwrap();
    world.app().links_rotate().await.unwrap();
    assert_eq!(world.app().download_open(&link).await, Err(DownloadRefusal::Invalid));
}

#[tokio::test]
async fn a_key_that_another_node_made_is_not_followed_by_one_more() {
    let (world, _, _) = offered().await;
    world.advance(windlass_app::links::KEY_AGE.as_secs());
    let before = link(&world).await;
    let now = world.clock.now();
    world
        .write(move |tx| {
            Box::pin(async move {
                windlass_store::keys::secret_key_add(tx, "download-link", &[7; 32], now).await.map(drop)
            })
        })
        .await;
    world.app().links_rotate_if_due().await.unwrap();
    world.app().download_open(&before).await.unwrap();
    assert_ne!(key_of(&link(&world).await), key_of(&before), "the other node's key signs");
    world.app().links_rotate_if_due().await.unwrap();
    world.app().download_open(&before).await.unwrap();
}

/// Which key signed a link.
fn key_of(link: &str) -> &str {
    link.split_once("&signature=").unwrap().1.split_once('.').unwrap().0
}

#[tokio::test]
async fn what_is_not_there_any_more_is_gone() {
    let (world, _, _) = offered().await;
    let missing = windlass_domain::ids::Sha256::of(b"never uploaded");
    assert!(matches!(world.app().download_range(&missing, 0, 1).await, Err(DownloadRefusal::Gone)));
}

#[tokio::test]
async fn bytes_that_went_out_count_for_the_execution_also_after_a_restart() {
    let (mut world, id, link) = offered().await;
    let execution = world.executions(id).await[0].id;
    for (offset, length) in [(0, 2), (1, 3)] {
        let grant = world.app().download_open(&link).await.unwrap();
        let mut part = world.app().download_part(&grant, offset, length).await.unwrap();
        let mut text = String::new();
        part.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, &"2.0.0"[usize::try_from(offset).unwrap()..][..usize::try_from(length).unwrap()]);
    }
    world.app().downloads.save(&world.app().store).await.unwrap();
    world.restart().await;
    let grant = world.app().download_open(&link).await.unwrap();
    world.app().downloads.count(&grant.account, 0, 1);
    let mut sent = world
        .write(move |tx| {
            Box::pin(async move { windlass_store::downloads::of_execution(tx, execution).await })
        })
        .await;
    world.app().downloads.complete(execution, &mut sent);
    assert_eq!(sent.values().map(|sent| (sent.reached, sent.bytes)).collect::<Vec<_>>(), [(4, 6)]);
    let view = world.app().execution_get(&world.by, execution).await.unwrap();
    let downloaded = view.downloaded.unwrap();
    assert_eq!((downloaded.bytes, downloaded.of), (4, 5));
    let all = world.app().job_downloads(&world.by, id).await.unwrap();
    assert_eq!((all.full, all.sent, all.saved, all.linked), (5, 5, 0, 0), "of what is saved");
}

#[tokio::test]
async fn a_client_that_begins_at_the_end_is_not_there_yet_and_saves_nothing_until_it_is_done() {
    let (world, id, link) = offered().await;
    let execution = world.executions(id).await[0].id;
    let grant = world.app().download_open(&link).await.unwrap();
    world.app().downloads.count(&grant.account, 4, 1);
    let save = async || world.app().downloads.save(&world.app().store).await.unwrap();
    save().await;
    let downloaded = world.app().execution_get(&world.by, execution).await.unwrap().downloaded.unwrap();
    assert_eq!((downloaded.bytes, downloaded.of), (1, 5));
    let all = async || world.app().job_downloads(&world.by, id).await.unwrap();
    assert_eq!((all().await.sent, all().await.saved), (1, 0), "it is still to come");
    world.app().downloads.count(&grant.account, 0, 2);
    save().await;
    world.work("d000", "SUCCEEDED", "").await;
    assert_eq!((all().await.sent, all().await.saved), (3, 2));
}

#[tokio::test]
async fn a_device_that_failed_saved_nothing() {
    let (world, id, link) = offered().await;
    let grant = world.app().download_open(&link).await.unwrap();
    world.app().downloads.count(&grant.account, 0, 1);
    world.app().downloads.save(&world.app().store).await.unwrap();
    world.work("d000", "FAILED", "no space").await;
    let all = world.app().job_downloads(&world.by, id).await.unwrap();
    assert_eq!((all.full, all.sent, all.saved), (5, 1, 0));
}

#[tokio::test]
async fn what_a_device_is_asked_to_stop_or_is_not_shown_yet_does_not_download() {
    let (world, id, link) = offered().await;
    let stopped = world.executions(id).await[0].clone();
    let set = async |execution: Execution| {
        world
            .write(move |tx| {
                let changed = execution.clone();
                Box::pin(async move {
                    let before = executions::get(tx, changed.tenant, changed.id).await?.unwrap();
                    assert!(executions::update(tx, &before, &changed).await?);
                    Ok(())
                })
            })
            .await;
        world.advance(1);
    };
    for state in [ExecutionState::InProgress, ExecutionState::Queued] {
        set(Execution { state, ..stopped.clone() }).await;
        world.app().download_open(&link).await.unwrap();
        set(Execution { state, cancel_asked_at: Some(START), ..stopped.clone() }).await;
        let refusal = world.app().download_open(&link).await.unwrap_err();
        assert!(refusal.to_string().contains("asked to stop"), "{refusal}");
    }
    let queued = Execution { state: ExecutionState::Queued, ..stopped };
    for held in [
        Execution { consent: Consent::Awaited, ..queued.clone() },
        Execution { held_until: Some(START.plus(std::time::Duration::from_secs(3600))), ..queued.clone() },
    ] {
        set(held).await;
        let refusal = world.app().download_open(&link).await.unwrap_err();
        assert!(refusal.to_string().contains("held back"), "{refusal}");
        let (word, body) = crate::streams::described(&world, id).await;
        assert!(word == "rejected" && body.contains("held back"), "{word}: {body}");
    }
}

#[tokio::test]
async fn a_rollout_downloads_no_faster_than_its_policy_says() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    let artifact = world.artifact("big.bin", &[7; 4096]).await.unwrap();
    let component = windlass_app::releases::NewComponent {
        name: "app".to_owned(),
        version: "1".to_owned(),
        component_type: "os".to_owned(),
        artifacts: vec![artifact.id.get()],
    };
    world.app().component_create(&world.by, component).await.unwrap();
    let release = windlass_app::releases::NewRelease {
        name: "fw".to_owned(),
        version: "1".to_owned(),
        components: vec![("app".to_owned(), "1".to_owned()).into()],
        device_types: vec![],
        notes: String::new(),
        rules: windlass_app::releases::NewRules::default(),
    };
    world.app().release_create(&world.by, release).await.unwrap();
    let mut job = crate::world::update_job("1", &names);
    let by = Some("site".parse().unwrap());
    job.rollout.download_rate =
        Some(windlass_domain::job::rollout::DownloadRate { bytes_per_second: 1024, by });
    let id = world.create(job).await;
    world.settle().await;
    let grant = world.app().download_open(&link(&world).await).await.unwrap();
    let pace = windlass_app::downloads::Pace { job: id, share: Some(String::new()), rate: 1024 };
    assert_eq!(grant.account.pace, Some(pace), "devices without the attribute share a rate");
    // Time stands still but for whoever waits.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    // No longer than what a download may last before it is looked at again: the store knows no such time.
    let mut part = world.app().download_part(&grant, 0, 1536).await.unwrap();
    part.read_exact(&mut [0; 1536]).await.unwrap();
    assert_eq!(part.read(&mut [0; 1]).await.unwrap(), 0);
    assert!((1500..1600).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    // Small ranges one after the other: each is read by a reader of its own.
    let began = tokio::time::Instant::now();
    for offset in (0..4096).step_by(512) {
        let mut part = world.app().download_part(&grant, offset, 512).await.unwrap();
        part.read_exact(&mut [0; 512]).await.unwrap();
    }
    assert!(began.elapsed().as_millis() >= 3500, "{:?}", began.elapsed());
}

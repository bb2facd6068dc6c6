//! Download links: what they open, for whom, and for how long.

use tokio::io::AsyncReadExt;
use windlass_app::links::DownloadRefusal;
use windlass_domain::device::Lifecycle;
use windlass_store::devices;

use crate::world::{BASE, START, World};

async fn link(world: &World) -> String {
    let execution = world.start_next("d000").await;
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
    world.app().job_cancel(&world.by, id, true, None).await.unwrap();
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
async fn what_is_not_there_any_more_is_gone() {
    let (world, _, _) = offered().await;
    let missing = windlass_domain::ids::Sha256::of(b"never uploaded");
    assert!(matches!(world.app().download_range(&missing, 0, 1).await, Err(DownloadRefusal::Gone)));
}

//! Uploads in parts: cut, raced, restarted, forgotten.

use windlass_app::AppError;
use windlass_app::uploads::{NewUpload, PartUpload};
use windlass_domain::ids::{Sha256, UploadId};
use windlass_domain::limits::Limits;

use crate::world::World;

fn new(size: u64, sha256: Option<Sha256>) -> NewUpload {
    NewUpload { name: "fw.bin".to_owned(), size, sha256, signature: None }
}

async fn announce(world: &World, size: u64, sha256: Option<Sha256>) -> UploadId {
    world.app().upload_create(&world.by, new(size, sha256)).await.unwrap().id
}

async fn add(world: &World, id: UploadId, offset: u64, bytes: &[u8]) -> Result<PartUpload, AppError> {
    let mut append = world.app().upload_append(&world.by, id, offset).await?;
    append.write(bytes).await?;
    Ok(append.end().await?.0)
}

async fn at(world: &World, id: UploadId) -> u64 {
    world.app().upload_get(&world.by, id).await.unwrap().received
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_from_what_was_acknowledged() {
    let mut world = World::new().await;
    let id = announce(&world, 12, Some(Sha256::of(b"firmware 1.0"))).await;
    add(&world, id, 0, b"firm").await.unwrap();
    // Bytes that were never acknowledged: the request was killed.
    let mut append = world.app().upload_append(&world.by, id, 4).await.unwrap();
    append.write(b"WARE").await.unwrap();
    drop(append);
    world.restart().await;
    assert_eq!(at(&world, id).await, 4);
    add(&world, id, 4, b"ware ").await.unwrap();
    world.restart().await;
    let done = add(&world, id, 9, b"1.0").await.unwrap();
    let artifact = world.app().artifact_get(&world.by, done.artifact.unwrap()).await.unwrap();
    assert_eq!((artifact.sha256, artifact.size), (Sha256::of(b"firmware 1.0"), 12));
    assert_eq!(world.blob_count(), 1, "nothing but the blob is left");
}

#[tokio::test]
async fn two_that_add_at_once_do_not_mix() {
    let world = World::new().await;
    let id = announce(&world, 8, None).await;
    let mut first = world.app().upload_append(&world.by, id, 0).await.unwrap();
    first.write(b"wind").await.unwrap();
    let second = world.app().upload_append(&world.by, id, 0).await.unwrap_err();
    assert_eq!(second.code(), "upload.busy");
    assert_eq!(world.app().upload_delete(&world.by, id).await.unwrap_err().code(), "upload.busy");
    first.end().await.unwrap();
    let late = add(&world, id, 0, b"WIND").await.unwrap_err();
    assert_eq!(late.code(), "upload.offset");
    assert!(late.to_string().contains("stands at byte 4 of 8"), "{late}");
    let done = add(&world, id, 4, b"lass").await.unwrap();
    let artifact = world.app().artifact_get(&world.by, done.artifact.unwrap()).await.unwrap();
    assert_eq!(artifact.sha256, Sha256::of(b"windlass"));
}

#[tokio::test]
async fn a_whole_that_is_not_what_was_announced_is_given_up() {
    let world = World::new().await;
    let id = announce(&world, 5, Some(Sha256::of(b"other"))).await;
    let error = add(&world, id, 0, b"these").await.unwrap_err();
    assert!(error.to_string().contains(&Sha256::of(b"other").to_string()), "{error}");
    assert_eq!(world.app().upload_get(&world.by, id).await.unwrap_err().code(), "not_found");
    assert_eq!(world.blob_count(), 0);
}

#[tokio::test]
async fn uploads_that_nobody_goes_on_with_are_forgotten_with_their_bytes() {
    let world = World::new().await;
    let id = announce(&world, 8, None).await;
    add(&world, id, 0, b"wind").await.unwrap();
    world.advance(23 * 3600);
    add(&world, id, 4, b"la").await.unwrap();
    world.advance(23 * 3600);
    world.app().uploads_expire().await.unwrap();
    world.app().parts_sweep().await.unwrap();
    assert_eq!((at(&world, id).await, world.blob_count()), (6, 1));
    world.advance(3600);
    assert_eq!(add(&world, id, 6, b"ss").await.unwrap_err().code(), "not_found");
    world.app().uploads_expire().await.unwrap();
    world.app().parts_sweep().await.unwrap();
    assert_eq!(world.blob_count(), 0);
}

#[tokio::test]
async fn as_many_uploads_may_wait_as_the_limit_says() {
    let limits = Limits { uploads_open: 2, free_disk_per_mille: 0, free_disk_bytes: 0, ..Limits::default() };
    let world = World::with(limits).await;
    let first = announce(&world, 8, None).await;
    announce(&world, 8, None).await;
    let error = world.app().upload_create(&world.by, new(8, None)).await.unwrap_err();
    assert_eq!(error.code(), "upload.open");
    world.app().upload_delete(&world.by, first).await.unwrap();
    announce(&world, 8, None).await;
}

#[tokio::test]
async fn what_claims_more_than_an_artifact_may_have_is_refused_at_once() {
    let world = World::new().await;
    let error =
        world.app().upload_create(&world.by, new(10 * 1024 * 1024 * 1024 + 1, None)).await.unwrap_err();
    assert!(matches!(error, AppError::TooLarge { .. }), "{error:?}");
    let error = world.app().upload_create(&world.by, new(0, None)).await.unwrap_err();
    assert!(matches!(&error, AppError::Invalid(problems) if problems[0].field == "size"), "{error:?}");
}

#[tokio::test]
async fn a_sweep_takes_blobs_that_nothing_refers_to_and_no_others() {
    let world = World::new().await;
    let kept = world.artifact("a.bin", b"kept").await.unwrap();
    let mut stray = world.app().blobs.begin().await.unwrap();
    stray.write(b"stray").await.unwrap();
    stray.close().await.unwrap().keep().await.unwrap();
    let id = announce(&world, 8, None).await;
    add(&world, id, 0, b"wind").await.unwrap();
    assert_eq!(world.blob_count(), 3);
    world.app().blobs_sweep().await.unwrap();
    assert_eq!(world.blob_count(), 2);
    assert_eq!(world.app().blobs.size(&kept.sha256).await.unwrap(), Some(4));
    add(&world, id, 4, b"lass").await.unwrap();
}

#[tokio::test]
async fn an_upload_whose_bytes_are_not_here_says_what_to_do_where_there_may_be_another_node() {
    for world in World::each("upload-elsewhere").await {
        let id = announce(&world, 8, None).await;
        add(&world, id, 0, b"wind").await.unwrap();
        world.lose_blobs();
        let error = add(&world, id, 4, b"lass").await.unwrap_err();
        if world.app().is_one_of_several() {
            assert_eq!(error.code(), "upload.elsewhere");
            assert!(error.to_string().contains("make a new upload if there is no other node"), "{error}");
        } else {
            assert_eq!(error.code(), "not_found");
        }
    }
}

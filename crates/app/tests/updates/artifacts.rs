//! Uploads, components and releases: what is refused, and what must not be left behind.

use std::sync::Arc;

use tokio::sync::Notify;
use windlass_app::AppError;
use windlass_app::artifacts::NewArtifact;
use windlass_app::releases::{NewComponent, NewRelease};
use windlass_domain::ids::{ArtifactId, Md5, Sha1, Sha256};
use windlass_domain::limits::Limits;
use windlass_domain::permission::{Principal, Role};

use crate::world::World;

fn named(name: &str) -> NewArtifact {
    NewArtifact { name: name.to_owned(), ..NewArtifact::default() }
}

fn fields(error: AppError) -> Vec<String> {
    match error {
        AppError::Invalid(problems) => problems.into_iter().map(|problem| problem.field).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_upload_is_known_by_its_digest_when_it_is_finished() {
    let world = World::new().await;
    let artifact = world.artifact("fw.bin", b"firmware bytes").await.unwrap();
    assert_eq!((artifact.sha256, artifact.size), (Sha256::of(b"firmware bytes"), 14));
    assert_eq!(world.app().artifact_get(&world.by, artifact.id).await.unwrap(), artifact);
    assert_eq!(
        world.app().artifact_list(&world.by, None, 10).await.unwrap(),
        std::slice::from_ref(&artifact)
    );
    assert!(world.app().artifact_list(&world.by, Some(artifact.id), 10).await.unwrap().is_empty());
    assert_eq!(world.blob_count(), 1);
}

#[tokio::test]
async fn an_upload_that_is_cut_in_the_middle_leaves_nothing() {
    let world = World::new().await;
    let mut upload = world.app().artifact_upload(&world.by, named("fw.bin")).await.unwrap();
    upload.write(b"half of the").await.unwrap();
    drop(upload);
    assert!(world.app().artifact_list(&world.by, None, 10).await.unwrap().is_empty());
    assert_eq!(world.blob_count(), 0);
}

#[tokio::test]
async fn an_upload_whose_client_goes_away_while_it_is_stored_keeps_its_bytes() {
    let world = World::new().await;
    let mut upload = world.app().artifact_upload(&world.by, named("fw.bin")).await.unwrap();
    upload.write(b"all of the firmware").await.unwrap();
    // The writer is busy, as in the middle of a backup.
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, waits) = (Arc::clone(&begun), Arc::clone(&go_on));
    let mut busy = Box::pin(world.write(move |_| {
        let (told, waits) = (Arc::clone(&told), Arc::clone(&waits));
        Box::pin(async move {
            told.notify_one();
            waits.notified().await;
            Ok(())
        })
    }));
    tokio::select! {
        () = begun.notified() => {}
        () = &mut busy => panic!("it waits"),
    }
    let mut finishing = Box::pin(upload.finish());
    let digest = Sha256::of(b"all of the firmware");
    while world.app().download_range(&digest, 0, 1).await.is_err() {
        assert!(futures_util::poll!(&mut finishing).is_pending());
        tokio::task::yield_now().await;
    }
    drop(finishing);
    let mut sweep = Box::pin(world.app().blobs_sweep());
    let mut swept = false;
    for _ in 0..1_000 {
        swept = swept || futures_util::poll!(&mut sweep).is_ready();
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    busy.await;
    if !swept {
        sweep.await.unwrap();
    }
    let stored = world.app().artifact_list(&world.by, None, 10).await.unwrap();
    assert_eq!(stored.len(), 1);
    assert!(world.app().download_range(&digest, 0, 1).await.is_ok(), "what is known has its bytes");
}

#[tokio::test]
async fn fewer_bytes_than_announced_are_an_upload_that_was_cut() {
    let world = World::new().await;
    let new = NewArtifact { size: Some(20), ..named("fw.bin") };
    let mut upload = world.app().artifact_upload(&world.by, new).await.unwrap();
    upload.write(b"half of the").await.unwrap();
    assert_eq!(fields(upload.finish().await.unwrap_err()), ["size"]);
    assert_eq!(world.blob_count(), 0);
}

#[tokio::test]
async fn bytes_with_another_digest_than_expected_are_refused_and_gone() {
    let world = World::new().await;
    let new = NewArtifact { sha256: Some(Sha256::of(b"other")), ..named("fw.bin") };
    let mut upload = world.app().artifact_upload(&world.by, new.clone()).await.unwrap();
    upload.write(b"these").await.unwrap();
    assert_eq!(fields(upload.finish().await.unwrap_err()), ["sha256"]);
    assert_eq!(world.blob_count(), 0);

    // The same bytes under a name that is known stay.
    world.artifact("good.bin", b"these").await.unwrap();
    let mut upload = world.app().artifact_upload(&world.by, new).await.unwrap();
    upload.write(b"these").await.unwrap();
    upload.finish().await.unwrap_err();
    assert_eq!(world.blob_count(), 1);
}

#[tokio::test]
async fn every_announced_digest_that_does_not_hold_is_named() {
    let world = World::new().await;
    let new = NewArtifact { sha1: Some(Sha1::new([0; 20])), md5: Some(Md5::new([0; 16])), ..named("fw.bin") };
    let mut upload = world.app().artifact_upload(&world.by, new).await.unwrap();
    upload.write(b"abc").await.unwrap();
    assert_eq!(fields(upload.finish().await.unwrap_err()), ["sha1", "md5"]);
    assert_eq!(world.blob_count(), 0);
}

#[tokio::test]
async fn sha1_and_md5_are_kept_and_an_older_artifact_gets_them_when_asked() {
    let world = World::new().await;
    let artifact = world.artifact("fw.bin", b"abc").await.unwrap();
    let sums = artifact.sums.unwrap();
    assert_eq!(sums.sha1.to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(sums.md5.to_string(), "900150983cd24fb0d6963f7d28e17f72");
    let older = windlass_app::artifacts::Artifact { sums: None, ..artifact };
    let tenant = world.tenant;
    let insert = older.clone();
    let store = &world.app().store;
    let id = store
        .write(move |tx| {
            let insert = insert.clone();
            Box::pin(async move { windlass_store::artifacts::insert(tx, tenant, &insert).await })
        })
        .await
        .unwrap();
    let older = world.app().artifact_get(&world.by, id).await.unwrap();
    assert_eq!(older.sums, None);
    assert_eq!(world.app().artifact_sums(&older).await.unwrap(), sums);
    assert_eq!(world.app().artifact_get(&world.by, id).await.unwrap().sums, Some(sums));
}

#[tokio::test]
async fn an_upload_ends_at_the_limit_announced_or_not() {
    let limits = Limits { artifact: 10, free_disk_per_mille: 0, free_disk_bytes: 0, ..Limits::default() };
    let world = World::with(limits).await;
    let new = NewArtifact { size: Some(11), ..named("fw.bin") };
    let error = world.app().artifact_upload(&world.by, new).await.unwrap_err();
    assert!(matches!(error, AppError::TooLarge { limit: 10, .. }), "{error:?}");
    let mut upload = world.app().artifact_upload(&world.by, named("fw.bin")).await.unwrap();
    upload.write(b"0123456789").await.unwrap();
    assert!(matches!(upload.write(b"!").await, Err(AppError::TooLarge { limit: 10, .. })));
    drop(upload);
    assert_eq!(world.blob_count(), 0);
}

#[tokio::test]
async fn names_and_signatures_are_checked_before_a_byte_is_read() {
    let world = World::new().await;
    let new = NewArtifact { signature: Some("x".repeat(9_000)), ..named("a/b") };
    let error = world.app().artifact_upload(&world.by, new).await.unwrap_err();
    assert_eq!(fields(error), ["name", "signature"]);
}

#[tokio::test]
async fn an_artifact_goes_when_nothing_has_it_and_its_bytes_when_no_artifact_does() {
    let world = World::new().await;
    let one = world.artifact("a.bin", b"same").await.unwrap();
    let two = world.artifact("b.bin", b"same").await.unwrap();
    assert_eq!(world.blob_count(), 1);
    let component = NewComponent {
        name: "app".to_owned(),
        version: "1".to_owned(),
        component_type: "os".to_owned(),
        artifacts: vec![one.id.get()],
    };
    world.app().component_create(&world.by, component).await.unwrap();
    let error = world.app().artifact_delete(&world.by, one.id).await.unwrap_err();
    assert_eq!(error.code(), "artifact.in_use");
    world.app().component_delete(&world.by, &("app", "1").into()).await.unwrap();
    world.app().artifact_delete(&world.by, one.id).await.unwrap();
    assert_eq!(world.blob_count(), 1, "the other artifact has the same bytes");
    world.app().artifact_delete(&world.by, two.id).await.unwrap();
    assert_eq!(world.blob_count(), 0);
    let error = world.app().artifact_delete(&world.by, two.id).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
}

#[tokio::test]
async fn a_component_names_every_field_that_cannot_be_taken() {
    let world = World::new().await;
    let good = world.artifact("a.bin", b"1").await.unwrap().id.get();
    let twin = world.artifact("a.bin", b"2").await.unwrap().id.get();
    let component = NewComponent {
        name: "a/b".to_owned(),
        version: String::new(),
        component_type: "a/b".to_owned(),
        artifacts: vec![good, 99, twin],
    };
    let error = world.app().component_create(&world.by, component).await.unwrap_err();
    assert_eq!(fields(error), ["name", "version", "type", "artifacts.1", "artifacts.2"]);
}

#[tokio::test]
async fn a_release_is_made_once_of_components_and_types_that_exist() {
    let world = World::new().await;
    world.device_type("pump", vec![]).await;
    let bad = NewRelease {
        name: "fw".to_owned(),
        version: "1\t2".to_owned(),
        components: vec![("app".to_owned(), "1".to_owned()).into()],
        device_types: vec!["pump".to_owned(), "valve".to_owned()],
        notes: String::new(),
        rules: windlass_app::releases::NewRules::default(),
    };
    let error = world.app().release_create(&world.by, bad.clone()).await.unwrap_err();
    assert_eq!(fields(error), ["version", "components.0", "deviceTypes.1"]);
    let none = NewRelease { components: vec![], device_types: vec![], version: "1".to_owned(), ..bad };
    assert_eq!(fields(world.app().release_create(&world.by, none).await.unwrap_err()), ["components"]);

    world.release("1", &["pump"]).await;
    let found = world.app().release_get(&world.by, "fw", "1").await.unwrap().release;
    assert_eq!(found.components[0].artifacts[0].name.as_str(), "app.bin");
    assert_eq!(found.device_types[0].as_str(), "pump");
    let again = NewRelease {
        name: "fw".to_owned(),
        version: "1".to_owned(),
        components: vec![("app".to_owned(), "1".to_owned()).into()],
        device_types: vec![],
        notes: String::new(),
        rules: windlass_app::releases::NewRules::default(),
    };
    let error = world.app().release_create(&world.by, again).await.unwrap_err();
    assert_eq!(error.code(), "exists");
    let error = world.app().component_delete(&world.by, &("app", "1").into()).await.unwrap_err();
    assert_eq!(error.code(), "component.in_use");
    world.app().release_delete(&world.by, "fw", "1", false).await.unwrap();
    assert_eq!(world.app().release_get(&world.by, "fw", "1").await.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn a_viewer_looks_and_changes_nothing() {
    let world = World::new().await;
    let viewer = Principal::user(world.tenant, "vera", Role::Viewer);
    let error = world.app().artifact_upload(&viewer, named("a.bin")).await.unwrap_err();
    assert_eq!(error.code(), "forbidden");
    assert!(world.app().artifact_list(&viewer, None, 1).await.unwrap().is_empty());
    let error = world.app().artifact_delete(&viewer, ArtifactId::new(1)).await.unwrap_err();
    assert_eq!(error.code(), "forbidden");
    let installer = Principal::user(world.tenant, "ines", Role::Installer);
    assert_eq!(world.app().artifact_list(&installer, None, 1).await.unwrap_err().code(), "forbidden");
}

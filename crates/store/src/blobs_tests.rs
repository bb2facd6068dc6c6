use std::io::ErrorKind;

use tokio::io::AsyncReadExt;
use windlass_domain::ids::Sha256;

use crate::blobs::{Blobs, Kept};

async fn put(blobs: &Blobs, parts: &[&[u8]]) -> (Sha256, u64) {
    let mut writer = blobs.begin().await.unwrap();
    for part in parts {
        writer.write(part).await.unwrap();
    }
    let written = writer.close().await.unwrap();
    let Kept { sha256, sums: _, size } = written.kept();
    written.keep().await.unwrap();
    (sha256, size)
}

async fn get(blobs: &Blobs, digest: &Sha256, offset: u64, length: u64) -> Vec<u8> {
    let mut reader = blobs.open_range(digest, offset, length).await.unwrap();
    let mut bytes = vec![0; 64];
    let mut filled = 0;
    loop {
        let read = reader.read(&mut bytes[filled..]).await.unwrap();
        if read == 0 {
            bytes.truncate(filled);
            return bytes;
        }
        filled += read;
    }
}

fn unfinished(directory: &tempfile::TempDir) -> usize {
    std::fs::read_dir(directory.path().join("unfinished")).unwrap().count()
}

#[tokio::test]
async fn a_blob_is_found_by_its_digest_as_a_whole_and_in_ranges() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(directory.path()).unwrap();
    let (digest, size) = put(&blobs, &[b"wind", b"lass"]).await;
    assert_eq!((digest, size), (Sha256::of(b"windlass"), 8));
    assert_eq!(get(&blobs, &digest, 0, u64::MAX).await, b"windlass");
    assert_eq!(get(&blobs, &digest, 4, 2).await, b"la");
    assert_eq!(get(&blobs, &digest, 6, 100).await, b"ss");
    assert_eq!(get(&blobs, &digest, 100, 1).await, b"");
    assert_eq!(blobs.size(&digest).await.unwrap(), Some(8));
}

#[tokio::test]
async fn other_digests_are_the_same_read_or_written() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(directory.path()).unwrap();
    let mut writer = blobs.begin().await.unwrap();
    for part in vec![7_u8; 600_000].chunks(1_000) {
        writer.write(part).await.unwrap();
    }
    let written = writer.close().await.unwrap();
    let Kept { sha256, sums, size: _ } = written.kept();
    written.keep().await.unwrap();
    assert_eq!(blobs.sums(&sha256).await.unwrap(), sums);
    let missing = blobs.sums(&Sha256::of(b"no")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn bytes_that_went_bad_are_mended_by_the_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(directory.path()).unwrap();
    let (digest, _) = put(&blobs, &[b"good"]).await;
    let name = digest.to_string();
    std::fs::write(directory.path().join(&name[..2]).join(&name), b"goat").unwrap();
    assert_eq!(get(&blobs, &digest, 0, u64::MAX).await, b"goat");
    put(&blobs, &[b"good"]).await;
    assert_eq!(get(&blobs, &digest, 0, u64::MAX).await, b"good");
}

#[tokio::test]
async fn the_same_bytes_are_kept_once() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(directory.path()).unwrap();
    let first = put(&blobs, &[b"same"]).await;
    assert_eq!(put(&blobs, &[b"sa", b"me"]).await, first);
    assert_eq!(unfinished(&directory), 0);
    assert!(blobs.remove(&first.0).await.unwrap());
    assert!(!blobs.remove(&first.0).await.unwrap());
    assert_eq!(blobs.size(&first.0).await.unwrap(), None);
}

#[tokio::test]
async fn an_upload_that_is_cut_leaves_nothing_and_neither_does_a_killed_server() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(directory.path()).unwrap();
    let mut writer = blobs.begin().await.unwrap();
    writer.write(b"half").await.unwrap();
    assert_eq!(unfinished(&directory), 1);
    drop(writer);
    assert_eq!(unfinished(&directory), 0);
    std::fs::write(directory.path().join("unfinished/left"), "by a kill").unwrap();
    Blobs::open(directory.path()).unwrap();
    assert_eq!(unfinished(&directory), 0);
}

#[tokio::test]
async fn a_blob_that_is_not_there_is_not_found() {
    let directory = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(directory.path()).unwrap();
    let missing = blobs.open_range(&Sha256::of(b"no"), 0, 1).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

//! What comes back from a backup, and from which nothing does.

use std::io::Write;

use age::secrecy::ExposeSecret;
use sha2::Digest;
use windlass_store::snapshot::{SchemaVersions, known_schemas};

use super::*;
use crate::backup::manifest::{Manifest, Member};
use crate::backup::restore::restore_as;

#[tokio::test]
async fn what_was_backed_up_is_all_there_in_a_new_directory_under_every_seal() {
    let bench = Bench::fresh().await;
    let (identity, to_recipient) = recipient();
    let text = format!("# kept by ann\n{}\n", identity.to_string().expose_secret());
    for (name, seal, key) in [
        ("plain", Seal::Plain, Key::None),
        ("passphrase", Seal::passphrase(PASSPHRASE).unwrap(), Key::passphrase(PASSPHRASE)),
        ("recipient", to_recipient, Key::identities(&text).unwrap()),
    ] {
        let backup = bench.backup(name, &seal).await;
        assert_eq!(sealed(&backup).unwrap(), Some(seal.kind()));
        let target = bench.path(&format!("{name}-restored"));
        let restored = restore(&backup, &key, &target).unwrap();
        assert!(restored.holds_state);
        assert_eq!(restored.members, 2 + 1 + 4, "two databases, one blob, four key files");
        for file in files(&target) {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o777,
                0o600,
                "{}",
                file.display()
            );
        }
        let keys = |data: &Path| -> Vec<Vec<u8>> {
            files(&data.join("keys")).iter().map(|file| fs::read(file).unwrap()).collect()
        };
        assert_eq!(keys(&target), keys(&bench.path("data")));
        let app = start(&target, &bench.clock).await;
        let device = app.device_get(&bench.by, &"pump-1".parse().unwrap()).unwrap().device;
        assert_eq!(app.live.last_values(device.id).len(), 1);
        assert_eq!(app.artifact_list(&bench.by, None, 10).await.unwrap()[0].size, 8);
        let digest = Sha256::of(b"firmware");
        assert_eq!(app.blobs.size(&digest).await.unwrap(), Some(8));
        assert_eq!(app.authority.root_fingerprint(), bench.app.authority.root_fingerprint());
        app.close().await;
    }
    assert!(!bench.path("data/backup-staging").exists());
}

#[tokio::test]
async fn without_the_right_key_nothing_is_restored_and_the_sentence_says_which_is_missing() {
    let bench = Bench::fresh().await;
    let (_, to_recipient) = recipient();
    let (other, _) = recipient();
    let other = Key::Identities(vec![other]);
    let by_passphrase = bench.backup("passphrase", &Seal::passphrase(PASSPHRASE).unwrap()).await;
    let by_recipient = bench.backup("recipient", &to_recipient).await;
    let before = bench.beside();
    for (backup, key, says) in [
        (&by_passphrase, Key::passphrase("correct horse batterY"), "the passphrase is wrong"),
        (&by_passphrase, Key::None, "--passphrase-file"),
        (&by_passphrase, other.clone(), "--passphrase-file"),
        (&by_recipient, other, "not sealed to this identity"),
        (&by_recipient, Key::None, "--identity"),
        (&by_recipient, Key::passphrase(PASSPHRASE), "--identity"),
    ] {
        let error = restore(backup, &key, &bench.path("target")).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(bench.beside(), before);
    assert!(Key::identities("AGE-SECRET-KEY-1NONSENSE").is_none());
    assert!(Key::identities("# nothing\n").is_none());
    assert!(matches!(Seal::passphrase("short"), Err(BackupError::Passphrase { .. })));
}

#[tokio::test]
async fn a_backup_that_was_cut_or_changed_anywhere_restores_nothing() {
    let bench = Bench::fresh().await;
    let (identity, to_recipient) = recipient();
    for (seal, key) in [(Seal::Plain, Key::None), (to_recipient, Key::Identities(vec![identity]))] {
        let backup = bench.backup("whole", &seal).await;
        let whole = fs::read(&backup).unwrap();
        restore(&backup, &key, &bench.path("target")).unwrap();
        let unchanged = content(&bench.path("target"));
        fs::remove_dir_all(bench.path("target")).unwrap();
        let before = bench.beside();
        let broken = bench.path("whole");
        let places: Vec<usize> =
            (0..40).map(|step| whole.len() * step / 40).chain([whole.len() - 1]).collect();
        for place in places {
            fs::write(&broken, &whole[..place]).unwrap();
            let error = restore(&broken, &key, &bench.path("target")).unwrap_err();
            assert!(
                matches!(error, RestoreError::Damaged { .. } | RestoreError::NotABackup { .. }),
                "{place}: {error}"
            );
            let mut changed = whole.clone();
            changed[place] ^= 0x40;
            fs::write(&broken, &changed).unwrap();
            if let Err(error) = restore(&broken, &key, &bench.path("target")) {
                assert!(!matches!(error, RestoreError::Io { .. }), "{place}: {error}");
            } else {
                // Compression has bits that mean nothing: then what is restored is the same. Under a seal no bit is free.
                assert_eq!(seal.kind(), Sealed::Plain, "a change at {place} went unnoticed");
                assert!(
                    content(&bench.path("target")) == unchanged,
                    "a change at {place} changed what is restored"
                );
                fs::remove_dir_all(bench.path("target")).unwrap();
            }
            assert_eq!(bench.beside(), before, "{place}");
        }
        let mut longer = whole.clone();
        longer.extend_from_slice(b"more");
        fs::write(&broken, &longer).unwrap();
        assert!(restore(&broken, &key, &bench.path("target")).is_err());
        fs::remove_file(&broken).unwrap();
    }
}

#[tokio::test]
async fn an_older_program_refuses_the_backup_of_a_newer_one() {
    let bench = Bench::fresh().await;
    let backup = bench.backup("plain", &Seal::Plain).await;
    let known = known_schemas();
    let older = SchemaVersions { state: known.state - 1, ..known };
    for (program, known) in [("0.0.9", known), ("0.1.0", older)] {
        let error = restore_as(&backup, &Key::None, &bench.path("target"), program, known).unwrap_err();
        assert!(matches!(error, RestoreError::Newer { .. }), "{error}");
    }
    assert!(!bench.path("target").exists());
}

#[tokio::test]
async fn a_target_that_holds_something_and_a_file_that_is_no_backup_are_refused() {
    let bench = Bench::fresh().await;
    let backup = bench.backup("plain", &Seal::Plain).await;
    let full = bench.path("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("precious"), "x").unwrap();
    let file = bench.path("file");
    fs::write(&file, "x").unwrap();
    for target in [&full, &file, &bench.path("data")] {
        let error = restore(&backup, &Key::None, target).unwrap_err();
        assert!(matches!(error, RestoreError::NotEmpty { .. }), "{error}");
    }
    assert_eq!(fs::read_to_string(full.join("precious")).unwrap(), "x");
    let error = restore(&file, &Key::None, &bench.path("target")).unwrap_err();
    assert!(error.to_string().ends_with("is not a Windlass backup"), "{error}");
    assert!(matches!(
        restore(&bench.path("missing"), &Key::None, &bench.path("target")),
        Err(RestoreError::Io { .. })
    ));
    let empty = bench.path("empty");
    fs::create_dir(&empty).unwrap();
    restore(&backup, &Key::None, &empty).unwrap();
    assert!(empty.join("state.db").exists());
    let held = bench.backups(None).stage().await.unwrap();
    let again = write(held.snapshot(), &backup, &Seal::Plain, || false).await.unwrap_err();
    assert!(matches!(again, BackupError::Exists { .. }), "{again}");
}

/// An archive as somebody with bad intentions would make it.
fn forged(path: &Path, listed: &[(&str, &[u8])], entries: &[(tar::EntryType, &str, &[u8])]) {
    let members = listed
        .iter()
        .map(|(path, bytes)| Member {
            path: (*path).to_owned(),
            size: u64::try_from(bytes.len()).unwrap(),
            sha256: hex::encode(sha2::Sha256::digest(bytes)),
        })
        .collect();
    let manifest = Manifest {
        format: 1,
        program: "0.1.0".to_owned(),
        created_at: String::new(),
        state_schema: None,
        telemetry_schema: None,
        members,
    };
    let list = serde_json::to_vec(&manifest).unwrap();
    let mut tar = tar::Builder::new(zstd::Encoder::new(fs::File::create(path).unwrap(), 1).unwrap());
    let all = [(tar::EntryType::Regular, "manifest.json", &list[..])];
    for (kind, name, bytes) in all.iter().chain(entries) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        // Past the checks of the builder.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_link_name("/etc/passwd").unwrap();
        header.set_size(u64::try_from(bytes.len()).unwrap());
        header.set_mode(0o777);
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap().flush().unwrap();
}

#[test]
fn no_path_in_a_forged_archive_leads_out_of_the_directory() {
    use tar::EntryType::{Directory, GNULongName, Link, Regular, Symlink, XHeader};
    let directory = tempfile::tempdir().unwrap();
    let (archive, target) = (directory.path().join("forged"), directory.path().join("in/target"));
    let key: &[(&str, &[u8])] = &[("keys/a.pem", b"x")];
    let good = [(Regular, "keys/a.pem", &b"x"[..])];
    forged(&archive, key, &good);
    restore(&archive, &Key::None, &target).unwrap();
    assert_eq!(fs::read(target.join("keys/a.pem")).unwrap(), b"x");
    fs::remove_dir_all(&target).unwrap();
    let evil: &[(&str, &[u8])] = &[("../../evil", b"x")];
    let absolute: &[(&str, &[u8])] = &[("/tmp/evil", b"x")];
    for (listed, entries) in [
        (evil, vec![(Regular, "../../evil", &b"x"[..])]),
        (absolute, vec![(Regular, "/tmp/evil", b"x")]),
        (key, vec![(Regular, "../keys/a.pem", b"x")]),
        (key, vec![(Regular, "keys/../keys/a.pem", b"x")]),
        (key, vec![(Symlink, "keys/a.pem", b"")]),
        (key, vec![(Link, "keys/a.pem", b"x")]),
        (key, vec![(Directory, "keys/a.pem", b"x")]),
        (key, vec![(Symlink, "keys", b""), good[0]]),
        (key, vec![(GNULongName, "././@LongLink", b"keys/a.pem\0"), good[0]]),
        (key, vec![(XHeader, "pax", b"20 path=../../evil0\n"), good[0]]),
        (key, vec![good[0], good[0]]),
        (key, vec![good[0], (Regular, "keys/b.pem", b"x")]),
        (key, vec![]),
        (key, vec![(Regular, "keys/a.pem", b"y")]),
        (key, vec![(Regular, "keys/a.pem", b"xx")]),
        (key, vec![(Regular, "keys/a.pem", b"")]),
    ] {
        forged(&archive, listed, &entries);
        let error = restore(&archive, &Key::None, &target).unwrap_err();
        assert!(matches!(error, RestoreError::Damaged { .. }), "{entries:?}: {error}");
        assert_eq!(files(directory.path()), std::slice::from_ref(&archive), "{entries:?}");
    }
    assert!(!Path::new("/tmp/evil").exists());
}

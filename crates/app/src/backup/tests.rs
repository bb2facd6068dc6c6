use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use age::secrecy::ExposeSecret;
use sha2::Digest;
use windlass_domain::ids::Sha256;
use windlass_domain::limits::Limits;
use windlass_domain::permission::{Principal, Role};
use windlass_domain::telemetry::{Point, Stamp, Value};
use windlass_store::Location;
use windlass_store::snapshot::{SchemaVersions, known_schemas};
use windlass_store::telemetry::Received;
use windlass_store::tenants::tenant_default;
use windlass_store::testing::START;

use super::manifest::{Manifest, Member};
use super::restore::restore_as;
use super::*;
use crate::App;
use crate::app::AppConfig;
use crate::artifacts::NewArtifact;
use crate::clock::{Clock, FixedClock, SystemEntropy};
use crate::devices::{DeviceSpec, NewDevice};
use crate::error::AppError;
use crate::tasks::Tasks;

const PASSPHRASE: &str = "correct horse battery";

struct Bench {
    app: App,
    clock: Arc<FixedClock>,
    by: Principal,
    directory: Arc<tempfile::TempDir>,
}

async fn start(data: &Path, clock: &Arc<FixedClock>) -> App {
    let config = AppConfig {
        location: Location::Sqlite { directory: data.to_owned() },
        directory: data.to_owned(),
        limits: Limits { free_disk_per_mille: 0, free_disk_bytes: 0, ..Limits::default() },
        hostnames: Vec::new(),
        public_url: None,
        server_side_keys: false,
    };
    let clock: Arc<dyn Clock> = Arc::<FixedClock>::clone(clock);
    App::start(config, clock, Arc::new(SystemEntropy), Tasks::new("test")).await.unwrap()
}

impl Bench {
    /// A node with one device, one artifact and one point.
    async fn fresh() -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let clock = Arc::new(FixedClock::new(START));
        let app = start(&directory.path().join("data"), &clock).await;
        let tenant = app.store.read(|tx| Box::pin(tenant_default(tx))).await.unwrap().id;
        let by = Principal::user(tenant, "ann", Role::Admin);
        let bench = Self { app, clock, by, directory };
        bench.device("pump-1").await;
        bench.upload(b"firmware").await;
        bench.point("pump-1", 1).await;
        bench
    }

    async fn device(&self, name: &str) {
        let new = NewDevice { name: name.to_owned(), spec: DeviceSpec::default() };
        self.app.device_create(&self.by, new).await.unwrap();
    }

    async fn upload(&self, bytes: &[u8]) -> windlass_domain::ids::ArtifactId {
        let new = NewArtifact { name: "fw.bin".to_owned(), ..NewArtifact::default() };
        let mut upload = self.app.artifact_upload(&self.by, new).await.unwrap();
        upload.write(bytes).await.unwrap();
        upload.finish().await.unwrap().id
    }

    async fn point(&self, device: &str, second: u64) {
        let at = START.plus(Duration::from_secs(second));
        let device = self.app.device_get(&self.by, &device.parse().unwrap()).unwrap().device.id;
        let point = Point {
            metric: "temp".parse().unwrap(),
            at,
            value: Value::Number(f64::from(u32::try_from(second).unwrap())),
            stamp: Stamp::Device,
        };
        let message = Received { device, received_at: at, points: vec![point] };
        self.app.telemetry.append(vec![message.clone()]).await.unwrap();
        self.app.live.apply(&message);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn backups(&self, settings: Option<Settings>) -> Backups {
        Backups::new(self.app.clone(), settings)
    }

    async fn backup(&self, name: &str, seal: &Seal) -> PathBuf {
        let out = self.path(name);
        let held = self.backups(None).stage().await.unwrap();
        write(held.snapshot(), &out, seal, || false).await.unwrap();
        out
    }

    fn settings(&self, keep: usize) -> Settings {
        let folder = self.path("shelf");
        fs::create_dir_all(&folder).unwrap();
        Settings {
            directory: folder,
            every: Some(Duration::from_secs(86_400)),
            keep,
            seal: SealSource::Plain,
        }
    }

    /// What lies beside the data directory.
    fn beside(&self) -> BTreeSet<String> {
        let names = fs::read_dir(self.directory.path()).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// Every file below a folder, with its bytes.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(folder).into_iter().map(|file| (file.clone(), fs::read(&file).unwrap())).collect()
}

fn recipient() -> (age::x25519::Identity, Seal) {
    let identity = age::x25519::Identity::generate();
    let seal = Seal::Recipient(identity.to_public());
    (identity, seal)
}

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

#[tokio::test]
async fn a_blob_that_is_deleted_while_it_is_backed_up_is_in_the_backup() {
    let bench = Bench::fresh().await;
    let id = bench.upload(b"second").await;
    let held = bench.backups(None).stage().await.unwrap();
    bench.app.artifact_delete(&bench.by, id).await.unwrap();
    assert_eq!(bench.app.blobs.size(&Sha256::of(b"second")).await.unwrap(), None);
    let out = bench.path("plain");
    write(held.snapshot(), &out, &Seal::Plain, || false).await.unwrap();
    drop(held);
    restore(&out, &Key::None, &bench.path("target")).unwrap();
    let app = start(&bench.path("target"), &bench.clock).await;
    assert_eq!(app.artifact_list(&bench.by, None, 10).await.unwrap().len(), 2);
    assert_eq!(app.blobs.size(&Sha256::of(b"second")).await.unwrap(), Some(6));
}

#[tokio::test]
async fn a_damaged_blob_gives_no_backup_at_all() {
    let bench = Bench::fresh().await;
    let digest = Sha256::of(b"firmware").to_string();
    fs::write(bench.path("data/blobs").join(&digest[..2]).join(&digest), b"firmwarE").unwrap();
    let held = bench.backups(None).stage().await.unwrap();
    let error = write(held.snapshot(), &bench.path("plain"), &Seal::Plain, || false).await.unwrap_err();
    assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
    let stopped = write(held.snapshot(), &bench.path("plain"), &Seal::Plain, || true).await.unwrap_err();
    assert!(matches!(stopped, BackupError::Stopped), "{stopped}");
    assert_eq!(bench.beside(), BTreeSet::from(["data".to_owned()]));
}

#[tokio::test]
async fn a_stopped_directory_is_backed_up_without_being_changed() {
    let bench = Bench::fresh().await;
    bench.app.close().await;
    let data = bench.path("data");
    let staged = stage_alone(&data, true, START).await.unwrap();
    let second = stage_alone(&data, true, START).await.unwrap_err();
    assert!(second.to_string().contains("in use"), "{second}");
    let out = bench.path("plain");
    write(&staged.snapshot, &out, &Seal::Plain, || false).await.unwrap();
    drop(staged);
    restore(&out, &Key::None, &bench.path("target")).unwrap();
    let app = start(&bench.path("target"), &bench.clock).await;
    assert_eq!(app.device_get(&bench.by, &"pump-1".parse().unwrap()).unwrap().device.name.as_str(), "pump-1");
    assert!(stage_alone(&bench.path("missing/data"), true, START).await.is_err());
}

#[tokio::test]
async fn beside_a_database_server_artifacts_and_keys_are_backed_up_and_the_restored_says_so() {
    let bench = Bench::fresh().await;
    bench.app.close().await;
    let staged = stage_alone(&bench.path("data"), false, START).await.unwrap();
    let out = bench.path("plain");
    write(&staged.snapshot, &out, &Seal::Plain, || false).await.unwrap();
    let restored = restore(&out, &Key::None, &bench.path("target")).unwrap();
    assert!(!restored.holds_state);
    assert_eq!(restored.members, 1 + 4, "one blob, four key files");
    assert!(!bench.path("target/state.db").exists() && !bench.path("target/telemetry.db").exists());
}

#[tokio::test]
async fn last_values_are_not_lost_when_the_telemetry_is_older_than_the_state() {
    let bench = Bench::fresh().await;
    let held = bench.backups(None).stage().await.unwrap();
    let older = bench.path("telemetry.db");
    fs::copy(held.snapshot().directory.join("telemetry.db"), &older).unwrap();
    drop(held);
    for second in 2..6 {
        bench.point("pump-1", second).await;
    }
    bench.app.telemetry_upkeep().await.unwrap();
    let staged = bench.backups(None).stage().await.unwrap();
    let data = bench.path("mixed");
    fs::rename(&staged.snapshot().directory, &data).unwrap();
    fs::copy(&older, data.join("telemetry.db")).unwrap();
    let app = start(&data, &bench.clock).await;
    let device = app.device_get(&bench.by, &"pump-1".parse().unwrap()).unwrap().device.id;
    assert_eq!(app.live.last_values(device)[0].at, START.plus(Duration::from_secs(5)));
    let mixed = Bench {
        app,
        clock: Arc::clone(&bench.clock),
        by: bench.by.clone(),
        directory: Arc::clone(&bench.directory),
    };
    mixed.point("pump-1", 9).await;
    mixed.app.close().await;
    let app = start(&data, &bench.clock).await;
    assert_eq!(
        app.live.last_values(device)[0].at,
        START.plus(Duration::from_secs(9)),
        "the log was replayed"
    );
}

#[tokio::test]
async fn the_schedule_makes_backups_keeps_some_and_tells_of_failures() {
    let bench = Bench::fresh().await;
    let settings = bench.settings(2);
    let backups = bench.backups(Some(settings.clone()));
    for _ in 0..4 {
        assert!(backups.follow_schedule().await.unwrap());
        assert!(!backups.follow_schedule().await.unwrap(), "not due again");
        bench.clock.advance(Duration::from_secs(86_400));
    }
    let listed = backups.list(&bench.by).await.unwrap();
    assert_eq!(listed.items.len(), 2);
    assert!(
        listed
            .items
            .iter()
            .all(|item| item.state == ShownState::Complete { warning: None } && item.version == "0.1.0")
    );
    assert_eq!(listed.items[0].created_at, START.plus(Duration::from_secs(3 * 86_400)));
    assert_eq!(backups.outcome().await.unwrap().unwrap().succeeded_at, Some(listed.items[0].created_at));
    let gone = bench.path("elsewhere");
    fs::rename(&settings.directory, &gone).unwrap();
    assert!(backups.follow_schedule().await.unwrap());
    assert!(!backups.follow_schedule().await.unwrap(), "a failure is not tried again at once");
    let outcome = backups.outcome().await.unwrap().unwrap();
    assert!(outcome.problem.is_some() && outcome.succeeded_at.is_some(), "{outcome:?}");
    let failed = &backups.list(&bench.by).await.unwrap().items[0];
    assert!(matches!(&failed.state, ShownState::Failed { detail } if detail.contains("shelf")), "{failed:?}");
    fs::rename(&gone, &settings.directory).unwrap();
    bench.clock.advance(Duration::from_secs(3_600));
    assert!(backups.follow_schedule().await.unwrap());
    assert_eq!(backups.outcome().await.unwrap().unwrap().problem, None);
    let listed = backups.list(&bench.by).await.unwrap();
    assert_eq!(listed.items.len(), 2);
    let newest = settings.directory.join(&listed.items[0].name);
    restore(&newest, &Key::None, &bench.path("target")).unwrap();
    let audit = bench.app.audit_list(&bench.by, Default::default(), 100).await.unwrap();
    let count = |action: &str| audit.iter().filter(|record| record.action == action).count();
    assert_eq!((count("backup.create"), count("backup.fail")), (5, 1));
}

#[tokio::test]
async fn a_backup_is_good_though_an_old_one_cannot_be_deleted_and_the_warning_is_shown_until_it_can() {
    let bench = Bench::fresh().await;
    let settings = bench.settings(1);
    let backups = Backups::removing_with(bench.app.clone(), Some(settings.clone()), |_| {
        Err(std::io::ErrorKind::ReadOnlyFilesystem.into())
    });
    assert!(backups.follow_schedule().await.unwrap());
    bench.clock.advance(Duration::from_secs(86_400));
    assert!(backups.follow_schedule().await.unwrap());
    let listed = backups.list(&bench.by).await.unwrap();
    let ShownState::Complete { warning: Some(warning) } = &listed.items[0].state else {
        panic!("{:?}", listed.items)
    };
    assert!(warning.contains(&listed.items[1].name) && warning.contains("delete them by hand"), "{warning}");
    assert_eq!(listed.items[1].state, ShownState::Complete { warning: None });
    let outcome = backups.outcome().await.unwrap().unwrap();
    assert_eq!((outcome.problem, outcome.succeeded_at), (None, Some(listed.items[0].created_at)));
    let audit = bench.app.audit_list(&bench.by, Default::default(), 100).await.unwrap();
    assert!(audit.iter().any(|record| record.details.to_string().contains("delete them by hand")));
    let backups = bench.backups(Some(settings));
    bench.clock.advance(Duration::from_secs(86_400));
    assert!(backups.follow_schedule().await.unwrap());
    let listed = backups.list(&bench.by).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(listed.items[0].state, ShownState::Complete { warning: None });
}

#[tokio::test]
async fn backups_are_deleted_by_name_but_never_the_last_one() {
    let bench = Bench::fresh().await;
    let settings = bench.settings(5);
    let backups = bench.backups(Some(settings.clone()));
    backups.follow_schedule().await.unwrap();
    bench.clock.advance(Duration::from_secs(86_400));
    backups.follow_schedule().await.unwrap();
    fs::write(settings.directory.join("windlass-0.1.0-20200101T000000Z.backup"), b"").unwrap();
    let names: Vec<_> =
        backups.list(&bench.by).await.unwrap().items.into_iter().map(|item| item.name).collect();
    for bad in [
        "../data/state.db",
        "windlass-0.1.0-20000101T000000Z.backup",
        "windlass-0.1.0-20200101T000000Z.backup",
    ] {
        assert!(matches!(backups.delete(&bench.by, bad).await, Err(AppError::NotFound { .. })), "{bad}");
    }
    backups.delete(&bench.by, &names[1]).await.unwrap();
    let last = backups.delete(&bench.by, &names[0]).await.unwrap_err();
    assert_eq!(last.code(), "backup.last");
    assert_eq!(backups.list(&bench.by).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn one_backup_is_made_at_a_time_and_only_by_the_tenant_that_runs_the_server() {
    let bench = Bench::fresh().await;
    let none = bench.backups(None);
    assert_eq!(none.start(&bench.by).await.unwrap_err().code(), "backup.not_configured");
    assert_eq!(none.list(&bench.by).await.unwrap(), Listed::default());
    let backups = bench.backups(Some(bench.settings(2)));
    let held = backups.stage().await.unwrap();
    assert_eq!(backups.start(&bench.by).await.unwrap_err().code(), "backup.running");
    assert!(matches!(backups.stage().await, Err(BackupError::Running)));
    assert!(!backups.follow_schedule().await.unwrap());
    drop(held);
    let stranger = Principal { tenant: windlass_domain::ids::TenantId::new(77), ..bench.by.clone() };
    assert_eq!(backups.start(&stranger).await.unwrap_err().code(), "forbidden");
    assert_eq!(backups.list(&stranger).await.unwrap(), Listed::default());
    let shown = backups.start(&bench.by).await.unwrap();
    assert_eq!(shown.state, ShownState::Running);
    assert!(bench.app.tasks.drain(Duration::from_secs(60)).await);
    let viewer = Principal { role: Role::Viewer, ..bench.by.clone() };
    assert_eq!(backups.start(&viewer).await.unwrap_err().code(), "forbidden");
}

#[tokio::test]
async fn what_a_killed_process_left_staged_goes_at_the_next_backup() {
    let bench = Bench::fresh().await;
    let stale = bench.path("data/backup-staging");
    fs::create_dir(&stale).unwrap();
    fs::write(stale.join("state.db"), vec![0; 1_000]).unwrap();
    let backup = bench.backup("plain", &Seal::Plain).await;
    restore(&backup, &Key::None, &bench.path("target")).unwrap();
    assert!(!stale.exists());
}

#[tokio::test]
async fn copies_that_would_fill_the_disk_are_not_begun() {
    let bench = Bench::fresh().await;
    let limits = Limits { free_disk_bytes: u64::MAX, ..Limits::default() };
    let error =
        super::stage::stage(&bench.path("data"), true, &tokio::sync::Mutex::default(), &limits, START)
            .await
            .unwrap_err();
    assert!(matches!(error, BackupError::Space { .. }), "{error}");
    assert!(!bench.path("data/backup-staging").exists());
}

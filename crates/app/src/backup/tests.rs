use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use windlass_domain::ids::Sha256;
use windlass_domain::limits::Limits;
use windlass_domain::permission::{Principal, Role};
use windlass_domain::telemetry::{Point, Stamp, Value};
use windlass_store::Location;
use windlass_store::telemetry::Received;
use windlass_store::tenants::tenant_default;
use windlass_store::testing::START;

use super::*;
use crate::App;
use crate::app::AppConfig;
use crate::artifacts::NewArtifact;
use crate::clock::{Clock, FixedClock, SystemEntropy};
use crate::devices::{DeviceSpec, NewDevice};
use crate::tasks::Tasks;

mod keeping;
mod restoring;

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

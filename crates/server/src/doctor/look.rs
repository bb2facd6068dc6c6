//! Gathers facts about a server, from its files or from inside. Judges nothing.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::net::UnixStream;
use tokio::time::Instant;
use windlass_app::App;
use windlass_app::authority::inspect;
use windlass_app::backup::{BackupName, Backups};
use windlass_app::error::chain;
use windlass_app::telemetry::{DiskProbe, DiskSpace, FileSystem, is_low};
use windlass_domain::limits::Limits;
use windlass_domain::time::Timestamp;
use windlass_store::backups::BackupOutcome;
use windlass_store::snapshot::{self, STATE, TELEMETRY, known_schemas};
use windlass_store::{StoreError, devices};

use super::{BackupFacts, ClockFacts, Facts, Permissions, PlainFacts, Port, PortFound, Presented, Schema};
use crate::admin::SOCKET;
use crate::config::Config;
use crate::node::host_of;

/// Small synced writes that are timed.
const WRITES: usize = 9;

/// What the disk has, held against the limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    pub(super) free: u64,
    pub(super) total: u64,
    pub(super) low: bool,
    pub(super) nearly_low: bool,
}

/// What a node says that only it knows.
struct Inside {
    devices: Option<u64>,
    outcome: Result<Option<BackupOutcome>, String>,
    database: Result<(), String>,
    ports: Vec<Port>,
    node: Option<Timestamp>,
}

/// From the files of the data directory, beside a running node or without one.
pub(super) async fn from_outside(config: &Config, now: Timestamp) -> Facts {
    let runs = UnixStream::connect(config.data.join(SOCKET)).await.is_ok();
    let state = config.data.join(STATE);
    let text = |error: StoreError| chain(&error);
    let (devices, outcome, database) = match &config.database {
        Some(url) => {
            let answers = windlass_store::reachable(url).await.map_err(|error| chain(&error));
            (None, Ok(newest_in(config)), answers)
        }
        None if state.exists() => {
            let answers = snapshot::schema_version(&state).await.map(drop).map_err(text);
            let outcome = snapshot::last_backup(&state, "local").await.map_err(text);
            (snapshot::device_count(&state).await.ok(), outcome, answers)
        }
        None => (Some(0), Ok(None), Ok(())),
    };
    let ports = listeners(config).into_iter().map(|(what, address)| port(what, address, runs)).collect();
    gather(config, Inside { devices, outcome, database, ports, node: None }, now).await
}

/// From inside the node.
pub(super) async fn from_inside(
    app: &App,
    backups: &Backups,
    config: &Config,
    device_addresses: &[SocketAddr],
    now: Timestamp,
) -> Facts {
    let count: Result<u64, StoreError> = app.store.read(|tx| Box::pin(devices::device_count(tx))).await;
    let inside = Inside {
        database: count.as_ref().map(drop).map_err(|error| chain(error)),
        devices: count.ok(),
        outcome: backups.outcome().await.map_err(|error| chain(&error)),
        ports: device_addresses
            .iter()
            .map(|address| Port { what: "device port", address: *address, found: PortFound::Ours })
            .collect(),
        node: Some(app.clock.now()),
    };
    gather(config, inside, now).await
}

/// The newest backup in the configured folder, where no state says when one was made.
fn newest_in(config: &Config) -> Option<BackupOutcome> {
    let names = std::fs::read_dir(config.backup.directory.as_deref()?).ok()?;
    let newest = names
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<BackupName>().ok())
        .map(|name| name.created_at)
        .max()?;
    Some(BackupOutcome { attempted_at: newest, succeeded_at: Some(newest), name: None, problem: None })
}

async fn gather(config: &Config, inside: Inside, now: Timestamp) -> Facts {
    let Inside { devices, outcome, database, ports, node } = inside;
    let embedded = config.database.is_none();
    let schemas = if embedded { schemas(&config.data).await } else { Vec::new() };
    let own = config.clone();
    let waiting = tokio::task::spawn_blocking(move || files(&own)).await;
    let found = waiting.unwrap_or_else(|_| Files::unknown());
    let mut promised = config.hostname.clone();
    promised.extend(config.public_url.as_deref().and_then(host_of).map(str::to_owned));
    let exposed = config.http_plain && !config.http.ip().is_loopback();
    let local = |url: &&String| {
        host_of(url).is_some_and(|host| {
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        })
    };
    Facts {
        now,
        certificates: found.certificates,
        promised,
        clock: ClockFacts { newest: found.newest, node },
        space: found.space,
        sync: found.sync,
        files: found.limit,
        devices,
        permissions: found.permissions,
        ports,
        schemas,
        backup: backup(config, outcome),
        plain: PlainFacts {
            exposed: exposed.then_some(config.http),
            public_url: config
                .public_url
                .as_ref()
                .filter(|url| url.starts_with("http://") && !local(url))
                .cloned(),
        },
        database: (if embedded { "SQLite" } else { "PostgreSQL" }, database),
    }
}

/// What the file system says.
struct Files {
    certificates: Vec<Presented>,
    newest: Option<Timestamp>,
    space: Result<Space, String>,
    sync: Result<Duration, String>,
    limit: Option<u64>,
    permissions: Permissions,
}

impl Files {
    fn unknown() -> Self {
        let broke_off = || "looking broke off".to_owned();
        Self {
            certificates: Vec::new(),
            newest: None,
            space: Err(broke_off()),
            sync: Err(broke_off()),
            limit: None,
            permissions: Permissions { loose: Vec::new(), error: Some(broke_off()) },
        }
    }
}

fn files(config: &Config) -> Files {
    Files {
        certificates: certificates(config),
        newest: newest(&config.data),
        space: space(&config.data, &config.limits),
        sync: synced_write(&config.data).map_err(|error| error.to_string()),
        limit: open_files(),
        permissions: permissions(&config.data),
    }
}

fn certificates(config: &Config) -> Vec<Presented> {
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        inspect(&text).ok_or_else(|| format!("{} holds no certificate", path.display()))
    };
    let own = config.data.join("keys/server.pem");
    let mut all = Vec::new();
    // Before the first start there is none, and nothing wrong with that.
    if own.exists() {
        all.push(Presented { what: "device port", facts: read(&own) });
    }
    if let Some(path) = &config.tls_cert {
        all.push(Presented { what: "console", facts: read(path) });
    }
    all
}

fn timestamp(time: SystemTime) -> Option<Timestamp> {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since_1970.as_micros()).ok().map(Timestamp::from_micros)
}

/// The newest time that the databases bear.
fn newest(data: &Path) -> Option<Timestamp> {
    let names = [STATE, TELEMETRY].into_iter().flat_map(|name| [name.to_owned(), format!("{name}-wal")]);
    names.filter_map(|name| timestamp(std::fs::metadata(data.join(name)).ok()?.modified().ok()?)).max()
}

fn space(data: &Path, limits: &Limits) -> Result<Space, String> {
    let found = FileSystem(data.to_owned()).space().map_err(|error| error.to_string())?;
    let DiskSpace { free, total } = found;
    let half = DiskSpace { free: free / 2, total };
    Ok(Space { free, total, low: is_low(found, limits), nearly_low: is_low(half, limits) })
}

/// The median time of a small write that is made durable.
fn synced_write(data: &Path) -> std::io::Result<Duration> {
    let mut file = tempfile::tempfile_in(data)?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let began = Instant::now();
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(WRITES / 2).copied().unwrap_or_default())
}

/// How many files a process like this one may open once it has raised its own limit, where the system tells.
fn open_files() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().nth(1)? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

fn permissions(data: &Path) -> Permissions {
    let mut all = Permissions::default();
    let mut look = |path: &Path| match std::fs::metadata(path) {
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                all.loose.push((path.to_owned(), mode));
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => all.error = Some(format!("{}: {error}", path.display())),
    };
    look(data);
    let keys = data.join("keys");
    look(&keys);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&keys).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    for file in files {
        look(&file);
    }
    all
}

fn listeners(config: &Config) -> Vec<(&'static str, SocketAddr)> {
    let mut all = vec![("console", config.http)];
    all.extend(config.mqtt.iter().chain(&config.mqtt_plain).map(|address| ("device port", *address)));
    // Port 0 is any free one.
    all.retain(|(_, address)| address.port() != 0);
    all
}

fn port(what: &'static str, address: SocketAddr, runs: bool) -> Port {
    let found = match TcpListener::bind(address) {
        Ok(_) if runs => PortFound::NotOurs,
        Ok(_) => PortFound::Free,
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            if runs {
                PortFound::Ours
            } else {
                PortFound::Taken
            }
        }
        Err(error) => PortFound::Refused(error.to_string()),
    };
    Port { what, address, found }
}

async fn schemas(data: &Path) -> Vec<Schema> {
    let known = known_schemas();
    let mut all = Vec::new();
    for (file, known) in [(STATE, known.state), (TELEMETRY, known.telemetry)] {
        let path = data.join(file);
        if path.exists() {
            let found = snapshot::schema_version(&path).await.map_err(|error| chain(&error));
            all.push(Schema { file, found, known });
        }
    }
    all
}

fn backup(config: &Config, outcome: Result<Option<BackupOutcome>, String>) -> BackupFacts {
    let (outcome, error) = match outcome {
        Ok(outcome) => (outcome, None),
        Err(error) => (None, Some(error)),
    };
    let directory = config.backup.directory.clone();
    let disk_of = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.dev());
    let shelf = directory.as_deref().map(disk_of);
    BackupFacts {
        every: config.backup.every.map(crate::config::Interval::duration),
        same_disk: match (&shelf, disk_of(&config.data)) {
            (Some(Ok(shelf)), Ok(data)) => *shelf == data,
            _ => false,
        },
        directory_error: shelf.and_then(Result::err).map(|error| error.to_string()),
        directory,
        succeeded_at: outcome.as_ref().and_then(|outcome| outcome.succeeded_at),
        problem: outcome.and_then(|outcome| outcome.problem),
        error,
    }
}

//! The application: what every use case shares, put together once at start.

use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, broadcast};
use windlass_domain::limits::Limits;
use windlass_store::telemetry::Telemetry;
use windlass_store::{Blobs, Change, Location, OpenError, Store};

use crate::access::passwords::Passwords;
use crate::alerts::Alerts;
use crate::audit::AuditKey;
use crate::authority::names::ServerNames;
use crate::authority::{Authority, AuthorityError};
use crate::clock::{Clock, Entropy};
use crate::ddi;
use crate::downloads::Downloads;
use crate::enrol::Limited;
use crate::events::EventKinds;
use crate::fleet::Fleet;
use crate::hawkbit::FilterLooks;
use crate::hub::Hub;
use crate::jobs::agenda::Agenda;
use crate::jobs::joining::Looks;
use crate::jobs::waits::Waits;
use crate::leases::Leases;
use crate::links::Links;
use crate::live::Live;
use crate::refusals::Refusals;
use crate::snapshot::Snapshots;
use crate::storage::Storage;
use crate::streams::StreamRates;
use crate::tasks::Tasks;
use crate::telemetry::{DiskGuard, FileSystem};
use crate::uploads::Busy;

/// Looks at the change feed that wait for whoever follows [`Inner::changes`].
const CHANGES_WAITING: usize = 256;

/// What an application is started with.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// The data directory: keys, telemetry, blobs, and the state where it is embedded.
    pub directory: PathBuf,
    /// Where the state is.
    pub location: Location,
    /// Bounds.
    pub limits: Limits,
    /// Names and addresses for the server certificate, besides those of this machine.
    pub hostnames: Vec<String>,
    /// Start of links that answer no HTTP request, without a final slash; none means the name a device used.
    pub public_url: Option<String>,
    /// Whether `$aws/certificates/create` may make keys on the server.
    pub server_side_keys: bool,
}

/// Why the application did not start. Every sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state or the telemetry could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The folder of artifacts could not be opened.
    #[error("the folder {} of artifacts cannot be used: {source}", path.display())]
    Blobs {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The keys could not be opened.
    #[error(transparent)]
    Keys(#[from] AuthorityError),
}

/// Everything that use cases share.
pub struct Inner {
    /// The state.
    pub store: Store,
    /// Points of all devices.
    pub telemetry: Telemetry,
    /// Artifacts by digest.
    pub blobs: Blobs,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Bounds.
    pub limits: Limits,
    /// Root, issuing CA and the server's certificate.
    pub authority: Authority,
    /// Signs audit seals.
    pub audit_key: AuditKey,
    /// Password checks.
    pub(crate) passwords: Passwords,
    /// Live connections.
    pub hub: Hub,
    /// Every device's searchable view.
    pub fleet: Fleet,
    /// Last contacts and last values.
    pub live: Live,
    /// Why peers did not get in.
    pub refusals: Refusals,
    /// Device types, ready for connections.
    pub(crate) snapshots: Snapshots,
    /// What hawkBit's clients ask at every poll.
    pub(crate) ddi: ddi::Memory,
    /// Claims that reached a limit lately.
    pub(crate) claims_limited: Limited,
    /// How many kinds of events devices told of lately.
    pub(crate) event_kinds: EventKinds,
    /// Watches free disk space.
    pub disk: DiskGuard,
    /// What the files and the telemetry were counted to be lately.
    pub(crate) storage: Storage,
    /// Held while an upload becomes known or a blob is collected, so that none goes that is being referred to.
    pub(crate) uploads: tokio::sync::Mutex<()>,
    /// Uploads in parts that a request adds to just now.
    pub(crate) uploads_busy: Busy,
    /// How far downloads came, and how fast they may go.
    pub downloads: Downloads,
    /// How much devices took over MQTT lately.
    pub(crate) stream_rates: StreamRates,
    /// Signs download links and judges them.
    pub links: Links,
    /// Under which name this node saves what it alone knows.
    pub node: String,
    /// What the change feed brings, as it comes. Who is too slow misses some and is told so.
    pub changes: broadcast::Sender<Arc<[Change]>>,
    /// Told when this node missed a part of the change feed: it cannot know any more who may be here, and is to end.
    pub fell_behind: Notify,
    /// When the reconciler looks at which job.
    pub(crate) agenda: Agenda,
    /// What alerts and notifications share.
    pub alerts: Alerts,
    /// Told when a filter may have something to assign.
    pub(crate) hawkbit_filters_due: Notify,
    /// Requests that wait for the end of a command.
    pub(crate) command_waits: Waits,
    /// How far targets of filters were looked at.
    pub(crate) filter_looks: FilterLooks,
    /// When continuous jobs were last looked at.
    pub(crate) continuous: Looks,
    /// Tasks that this node does for all of them.
    pub(crate) leases: Leases,
    /// Owner of background tasks.
    pub tasks: Tasks,
    /// What it was started with.
    pub config: AppConfig,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("directory", &self.config.directory).finish_non_exhaustive()
    }
}

/// The application. Clones share everything.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Opens or makes everything in the data directory. Background tasks start with [`App::start_tasks`].
    ///
    /// # Errors
    /// Says which part could not be opened and what to do.
    pub async fn start(
        config: AppConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        tasks: Tasks,
    ) -> Result<Self, StartError> {
        let store = Store::open(&config.location, clock.now()).await?;
        let telemetry = Telemetry::open(&store, config.limits.metrics_per_device).await?;
        let live = Live::default();
        live.load(&store, &telemetry).await.map_err(OpenError::from)?;
        let path = config.directory.join("blobs");
        let blobs = Blobs::open(&path).map_err(|source| StartError::Blobs { path, source })?;
        let links = Links::open(&store, &*entropy, clock.now()).await.map_err(OpenError::Store)?;
        let keys = config.directory.join("keys");
        let names = ServerNames::of_this_machine(&config.hostnames, config.public_url.as_deref());
        let authority = Authority::open(&keys, &names, &*entropy, clock.now())?;
        let audit_key = AuditKey::open(&keys, &*entropy)?;
        let passwords = Passwords::new(&*entropy);
        let leases = Leases::new(&node_name(&config.location), &config.location, &*entropy);
        let fleet = Fleet::default();
        fleet.load(&store).await.map_err(OpenError::Store)?;
        let alerts = Alerts::new(clock.now());
        let refusals = Refusals::open(&store, &authority).await.map_err(OpenError::Store)?;
        Ok(Self(Arc::new(Inner {
            store,
            telemetry,
            blobs,
            clock,
            entropy,
            limits: config.limits.clone(),
            authority,
            audit_key,
            passwords,
            hub: Hub::default(),
            fleet,
            uploads: tokio::sync::Mutex::default(),
            uploads_busy: Busy::default(),
            downloads: Downloads::new(config.limits.slow_downloads),
            stream_rates: StreamRates::default(),
            links,
            live,
            refusals,
            snapshots: Snapshots::default(),
            ddi: ddi::Memory::default(),
            claims_limited: Limited::default(),
            event_kinds: EventKinds::default(),
            storage: Storage::default(),
            disk: DiskGuard::new(Box::new(FileSystem(config.directory.clone())), &config.limits),
            node: node_name(&config.location),
            changes: broadcast::Sender::new(CHANGES_WAITING),
            fell_behind: Notify::new(),
            agenda: Agenda::default(),
            alerts,
            hawkbit_filters_due: Notify::new(),
            command_waits: Waits::new(config.limits.command_waits),
            filter_looks: FilterLooks::default(),
            continuous: Looks::default(),
            leases,
            tasks,
            config,
        })))
    }

    /// Starts what runs in the background. Each helper task watches the group's stop token.
    pub fn start_tasks(&self) {
        self.start_telemetry_tasks(&self.tasks);
        self.tasks.spawn_until_stopped(self.clone().follow_changes());
        self.tasks.spawn_until_stopped(self.clone().housekeeper());
        self.tasks.spawn_until_stopped(self.clone().jobs_keeper());
        self.tasks.spawn_until_stopped(self.clone().audit_sealer());
        self.tasks.spawn_until_stopped(self.clone().enrolment_keeper());
        self.tasks.spawn_until_stopped(self.clone().alerts_keeper());
        self.tasks.spawn_until_stopped(self.clone().outbox_keeper());
        self.tasks.spawn_until_stopped(self.clone().leaving_keeper());
        self.tasks.spawn_until_stopped(self.clone().downloads_keeper());
        self.tasks.spawn_until_stopped(self.clone().hawkbit_keeper());
    }

    /// Writes what waits and closes the files. Everything that uses the application must have ended.
    pub async fn close(&self) {
        self.leases_release().await;
        if let Err(error) = self.downloads.save(&self.store).await {
            tracing::warn!(error = %crate::error::chain(&error), "the progress of downloads was not saved");
        }
        self.telemetry.close().await;
        self.store.close().await;
    }
}

/// Several nodes on one server need a name each; an embedded store has one node.
fn node_name(location: &Location) -> String {
    let host = match location {
        Location::Sqlite { .. } => None,
        Location::Postgres { .. } => crate::authority::names::host_name(),
    };
    host.unwrap_or_else(|| "local".to_owned())
}

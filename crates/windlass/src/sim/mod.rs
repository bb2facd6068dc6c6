//! Simulated devices over real MQTT and TLS: demonstration, test driver and load generator in one.
//!
//! Knows the device protocols only; what operators do is not its business.

mod command;
mod device;
pub(crate) mod enrol;
pub(crate) mod firmware;
pub(crate) mod hosted;
pub(crate) mod identity;
pub(crate) mod job;
pub(crate) mod measure;
pub(crate) mod mqtt;
pub(crate) mod options;
pub(crate) mod profile;
mod report;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use futures_util::stream;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use windlass_app::clock::{Clock, SystemClock};
use windlass_app::tasks::Tasks;

use self::device::Device;
use self::enrol::{Enrolled, Enroller};
use self::identity::Identity;
use self::measure::{Counters, Histogram};
use self::mqtt::{Endpoint, Lost};
use self::profile::{Profile, Readings};
pub(crate) use self::report::Report;

/// How often a device measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// Never: connected and idle.
    Silent,
    /// Once per interval.
    Every(Duration),
    /// As soon as the window has room.
    Unbounded,
}

/// Everything that shapes a run.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Host and port of the device listener.
    pub(crate) server: Target,
    /// Loopback addresses to connect from, in turn.
    pub(crate) sources: u32,
    /// Which MQTT.
    pub(crate) protocol: mqtt::Protocol,
    /// How many devices.
    pub(crate) devices: u64,
    /// Their names are this and a number.
    pub(crate) prefix: String,
    /// Decides everything that looks like chance.
    pub(crate) seed: u64,
    /// Provisioning template.
    pub(crate) template: String,
    /// Where identities are kept between runs.
    pub(crate) state: Option<PathBuf>,
    /// Claim connections at once.
    pub(crate) enrollers: usize,
    /// Handshakes at once.
    pub(crate) handshakes: usize,
    /// What is measured.
    pub(crate) profile: Profile,
    /// How often.
    pub(crate) pace: Pace,
    /// Readings in one message.
    pub(crate) batch: usize,
    /// Time between the readings of one message.
    pub(crate) spacing: Duration,
    /// Start this long ago and go on from there without gaps, instead of measuring now.
    pub(crate) backfill: Option<Duration>,
    /// Topic of telemetry; `{name}` stands for the device.
    pub(crate) topic: String,
    /// Quality of service of telemetry.
    pub(crate) qos: u8,
    /// Unacknowledged messages per device.
    pub(crate) window: usize,
    /// Whether devices follow shadow and jobs.
    pub(crate) manages: bool,
    /// Forget sessions.
    pub(crate) clean: bool,
    /// Seconds; 0 sends no signs of life.
    pub(crate) keep_alive: u16,
    /// The version that devices start with.
    pub(crate) firmware: String,
    /// Time an installation takes.
    pub(crate) install: Duration,
    /// Time a restart takes.
    pub(crate) restart: Duration,
    /// Shares of devices on which good firmware gets into trouble.
    pub(crate) trouble: firmware::Trouble,
}

/// A listener to connect to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Its address.
    pub(crate) address: std::net::SocketAddr,
    /// The name its certificate shows.
    pub(crate) name: ServerName<'static>,
}

/// What all devices of a run share.
pub(crate) struct Shared {
    /// The run's shape.
    pub(crate) options: Options,
    /// What happened.
    pub(crate) counters: Counters,
    /// PUBACK latencies of telemetry.
    pub(crate) acknowledging: Histogram,
    /// TCP, TLS and CONNECT together.
    pub(crate) connecting: Histogram,
    /// Connected now.
    pub(crate) online: Gauge,
    http: reqwest::Client,
    storms: watch::Sender<u64>,
    handshakes: Semaphore,
    clock: SystemClock,
    /// The last few troubles, for people.
    troubles: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn sub(&self, less: u64) {
        self.0.fetch_sub(less, Ordering::Relaxed);
    }

    /// Now.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many different troubles are remembered.
const TROUBLES: usize = 8;

impl Shared {
    fn endpoint_of(&self, number: u64) -> Endpoint {
        let server = &self.options.server;
        let many = u64::from(self.options.sources.max(1));
        let source = (many > 1 && server.address.ip().is_loopback() && server.address.is_ipv4()).then(|| {
            let last = u32::try_from(number % many).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + last))
        });
        Endpoint { address: server.address, name: server.name.clone(), source }
    }

    fn now_millis(&self) -> i64 {
        self.clock.now().millis()
    }

    fn points_per_message(&self) -> u64 {
        Readings::points_per_reading(self.options.profile) * u64::try_from(self.options.batch).unwrap_or(1)
    }

    fn remember(&self, device: &str, lost: &Lost) {
        let mut troubles = self.troubles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if troubles.len() < TROUBLES {
            troubles.push(format!("{device}: {lost}"));
        }
    }

    /// The first few troubles of the run.
    pub(crate) fn troubles(&self) -> Vec<String> {
        self.troubles.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// Devices that run; dropping it does not end them, [`Fleet::stop`] does.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// What they share.
    pub(crate) shared: Arc<Shared>,
    roots: RootCertStore,
    tasks: Tasks,
}

impl Fleet {
    /// Nothing runs yet.
    pub(crate) fn new(options: Options, ca_pem: &str) -> anyhow::Result<Self> {
        let roots = identity::roots(ca_pem)?;
        let http = reqwest::Client::builder()
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(ca_pem.as_bytes())?)
            .pool_max_idle_per_host(4)
            .build()
            .context("the download client cannot be made")?;
        let shared = Shared {
            handshakes: Semaphore::new(options.handshakes.max(1)),
            options,
            counters: Counters::default(),
            acknowledging: Histogram::default(),
            connecting: Histogram::default(),
            online: Gauge::default(),
            http,
            storms: watch::Sender::new(0),
            clock: SystemClock::default(),
            troubles: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), roots, tasks: Tasks::new("simulated devices") })
    }

    /// The name of device number `number`, before the server has its say.
    pub(crate) fn name_of(&self, number: u64) -> String {
        format!("{}{number:05}", self.shared.options.prefix)
    }

    /// Enrols every device that has no saved identity, several at once; `progress` hears of each one.
    pub(crate) async fn enrol(
        &self,
        claim: &Identity,
        progress: impl Fn() + Sync,
    ) -> anyhow::Result<Vec<Enrolled>> {
        let options = &self.shared.options;
        let tls = identity::tls(&self.roots, claim, true)?;
        let workers = u64::try_from(options.enrollers.max(1)).unwrap_or(1).min(options.devices.max(1));
        let groups = stream::iter((0..workers).map(|worker| {
            let numbers: Vec<u64> =
                (0..options.devices).filter(|number| number % workers == worker).collect();
            self.enrol_some(&tls, worker, numbers, &progress)
        }));
        let mut groups = groups.buffer_unordered(usize::try_from(workers).unwrap_or(1));
        let mut all = Vec::new();
        while let Some(group) = groups.next().await {
            all.extend(group?);
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    async fn enrol_some(
        &self,
        claim: &Arc<ClientConfig>,
        worker: u64,
        numbers: Vec<u64>,
        progress: &(impl Fn() + Sync),
    ) -> anyhow::Result<Vec<Enrolled>> {
        let options = &self.shared.options;
        let mut enroller = None;
        let mut all = Vec::new();
        for number in numbers {
            let wanted = self.name_of(number);
            if let Some(state) = &options.state
                && let Some(identity) = Identity::load(state, &wanted)?
            {
                all.push(Enrolled { name: wanted, identity });
                progress();
                continue;
            }
            let enroller = match &mut enroller {
                Some(enroller) => enroller,
                none => {
                    let client_id = format!("{}claim-{worker}", options.prefix);
                    let endpoint = self.shared.endpoint_of(worker);
                    none.insert(Enroller::connect(&endpoint, claim, &options.template, client_id).await?)
                }
            };
            let enrolled = enroller.enrol(&json!({ "SerialNumber": wanted }), &wanted).await?;
            if let Some(state) = &options.state {
                enrolled.identity.save(state, &wanted)?;
            }
            self.shared.counters.enrolled.one();
            all.push(enrolled);
            progress();
        }
        if let Some(enroller) = enroller {
            enroller.close().await;
        }
        Ok(all)
    }

    /// Starts the devices. Their connections come up at the pace of [`Options::handshakes`].
    pub(crate) fn start(&self, devices: &[Enrolled]) -> anyhow::Result<()> {
        for (number, enrolled) in (0..).zip(devices) {
            // Without kept sessions a fleet of ten thousand needs no ticket store.
            let device = self.device(number, enrolled, devices.len() <= 1_000)?;
            self.tasks.spawn(Box::pin(device.run(self.tasks.stop().clone())));
        }
        Ok(())
    }

    /// One device, ready to run; `resume` keeps its TLS sessions.
    fn device(&self, number: u64, enrolled: &Enrolled, resume: bool) -> anyhow::Result<Device> {
        let tls = identity::tls(&self.roots, &enrolled.identity, resume)?;
        Ok(Device::new(Arc::clone(&self.shared), number, enrolled.name.clone(), tls))
    }

    /// Where device number `number` connects and with which settings, for one connection with a full handshake.
    pub(crate) fn way_in(
        &self,
        number: u64,
        enrolled: &Enrolled,
    ) -> anyhow::Result<(Endpoint, Arc<ClientConfig>)> {
        let tls = identity::tls(&self.roots, &enrolled.identity, false)?;
        Ok((self.shared.endpoint_of(number), tls))
    }

    /// Cuts every connection at once; the devices come back by themselves.
    pub(crate) fn storm(&self) {
        self.shared.storms.send_modify(|storms| *storms += 1);
    }

    /// How many devices still run.
    pub(crate) fn running(&self) -> usize {
        self.tasks.len()
    }

    /// Told when the fleet should end.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        self.tasks.stop()
    }

    /// Lets every device say goodbye.
    pub(crate) async fn stop(&self) {
        self.tasks.drain(Duration::from_secs(15)).await;
    }
}

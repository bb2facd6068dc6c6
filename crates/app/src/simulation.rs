//! Simulated devices that this process runs, for a first look: real devices, with certificates, over the device port.
//!
//! What is wanted is a number; [`keeper`] brings what runs to it. Nothing of it outlives the process: keys are in memory
//! only, and certificates are revoked when the devices end. Knows no protocol of devices: a [`Simulator`] does, which
//! whoever starts the node hands in.

mod keeper;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use windlass_domain::ids::DeviceId;
use windlass_domain::permission::{Permission, Principal};
use windlass_store::StoreError;

use crate::error::AppError;
use crate::permit::{demand, demand_operator};
use crate::tasks::Tasks;
use crate::{App, audit};

/// Most devices that one server simulates.
pub const MOST: u16 = 1_000;

/// Where simulated devices connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePort {
    /// A TLS listener, as reached from this machine.
    pub address: SocketAddr,
    /// What devices trust, PEM.
    pub ca_pem: String,
}

/// A device that is known to the server and has a certificate.
#[derive(Clone)]
pub struct SimulatedDevice {
    /// Its place in the row, from 1.
    pub number: u16,
    /// Public id.
    pub name: String,
    /// Its certificate and the issuing CA's, PEM.
    pub certificate_pem: String,
    /// PKCS #8, PEM.
    pub key_pem: String,
}

impl fmt::Debug for SimulatedDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedDevice").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A device that runs until it is told to end.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who plays a device.
pub trait Simulator: fmt::Debug + Send + Sync {
    /// The device connects, measures and obeys until `stop`; then it says goodbye and ends.
    ///
    /// # Errors
    /// Says what cannot be made of its certificate.
    fn play(
        &self,
        device: &SimulatedDevice,
        port: &DevicePort,
        stop: CancellationToken,
    ) -> Result<Running, String>;
}

/// How it stands, as shown to operators.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// Whether this server can simulate devices.
    pub available: bool,
    /// How many are wanted; none are while it is not running.
    pub devices: u16,
    /// How many are connected now.
    pub connected: u64,
    /// Why there are fewer than wanted, where something is in the way.
    pub problem: Option<String>,
}

#[derive(Debug)]
struct Inner {
    app: App,
    stage: Option<(Arc<dyn Simulator>, DevicePort)>,
    wanted: watch::Sender<u16>,
    playing: Mutex<Vec<DeviceId>>,
    problem: Mutex<Option<String>>,
    tasks: Tasks,
}

/// The simulated devices of this process. Clones share them.
#[derive(Debug, Clone)]
pub struct Simulation(Arc<Inner>);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Simulation {
    /// For a node; without a simulator and a port there is none to be had.
    pub fn new(app: App, stage: Option<(Arc<dyn Simulator>, DevicePort)>) -> Self {
        let tasks = app.tasks.child("simulated devices");
        let wanted = watch::Sender::new(0);
        Self(Arc::new(Inner {
            app,
            stage,
            wanted,
            playing: Mutex::default(),
            problem: Mutex::default(),
            tasks,
        }))
    }

    /// Follows what is wanted in the background.
    pub fn start_tasks(&self) {
        if let Some((simulator, port)) = self.0.stage.clone() {
            self.0.tasks.spawn(Box::pin(keeper::keep(self.clone(), simulator, port)));
        }
    }

    /// Lets every device say goodbye, before the device port goes. True if all ended in time.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.0.tasks.drain(deadline).await
    }

    /// How it stands. Another tenant than the one that runs the server sees none.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn shown(&self, by: &Principal) -> Result<Shown, AppError> {
        demand(by, Permission::ServerRead)?;
        match demand_operator(&self.0.app, by).await {
            Ok(()) => Ok(self.look()),
            Err(AppError::Forbidden(_)) => Ok(Shown::default()),
            Err(error) => Err(error),
        }
    }

    fn look(&self) -> Shown {
        let connected =
            locked(&self.0.playing).iter().filter(|id| self.0.app.hub.connections(**id) > 0).count();
        Shown {
            available: self.0.stage.is_some(),
            devices: *self.0.wanted.borrow(),
            connected: u64::try_from(connected).unwrap_or(u64::MAX),
            problem: locked(&self.0.problem).clone(),
        }
    }

    /// Wants this many devices, more or fewer than before. They come and go after this answers.
    ///
    /// # Errors
    /// Forbidden, the field `devices`, `simulation.unavailable` where this server has no simulator, or that the store
    /// failed.
    pub async fn want(&self, by: &Principal, devices: u64) -> Result<Shown, AppError> {
        demand(by, Permission::ServerManage)?;
        demand_operator(&self.0.app, by).await?;
        let devices = u16::try_from(devices).ok().filter(|devices| (1..=MOST).contains(devices));
        let devices =
            devices.ok_or_else(|| AppError::invalid("devices", format!("must be from 1 to {MOST}")))?;
        if self.0.stage.is_none() {
            return Err(AppError::Conflict {
                code: "simulation.unavailable",
                detail: "this server has no device port with TLS that it could simulate devices on; \
                         use windlass sim instead"
                    .to_owned(),
            });
        }
        self.record(by, "simulation.start", json!({ "devices": devices })).await?;
        self.0.wanted.send_replace(devices);
        Ok(self.look())
    }

    /// Wants no devices any more. Those that run say goodbye, and their certificates are revoked; what they were and
    /// sent stays. Doing it again changes nothing.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn end(&self, by: &Principal) -> Result<(), AppError> {
        demand(by, Permission::ServerManage)?;
        demand_operator(&self.0.app, by).await?;
        let devices = *self.0.wanted.borrow();
        if devices > 0 {
            self.record(by, "simulation.stop", json!({ "devices": devices })).await?;
            self.0.wanted.send_replace(0);
        }
        Ok(())
    }

    async fn record(
        &self,
        by: &Principal,
        action: &'static str,
        details: serde_json::Value,
    ) -> Result<(), AppError> {
        let (by, now) = (by.clone(), self.0.app.clock.now());
        let recorded: Result<(), StoreError> = self
            .0
            .app
            .store
            .write(move |tx| {
                let (by, details) = (by.clone(), details.clone());
                Box::pin(async move { audit::record(tx, &by, action, "simulation", details, now).await })
            })
            .await;
        Ok(recorded?)
    }
}

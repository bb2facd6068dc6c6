//! Simulated devices inside a server's own process: the same devices as `windlass sim` has, played when an operator asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use rustls_pki_types::ServerName;
use tokio_util::sync::CancellationToken;
use windlass_app::simulation::{DevicePort, Running, SimulatedDevice, Simulator};

use super::enrol::Enrolled;
use super::firmware::Trouble;
use super::identity::Identity;
use super::mqtt::Protocol;
use super::profile::Profile;
use super::{Fleet, Options, Pace, Target};

/// Plays devices on a server's own device port.
#[derive(Debug, Default)]
pub(crate) struct Hosted {
    /// What the devices share, made for the first of them.
    fleet: Mutex<Option<Arc<Fleet>>>,
}

/// A pump that measures often enough to look at and seldom enough for a thousand of them beside a server.
fn options(server: Target) -> Options {
    Options {
        server,
        sources: 1,
        protocol: Protocol::V5,
        devices: 0,
        prefix: "sim-".to_owned(),
        seed: 1,
        template: String::new(),
        state: None,
        enrollers: 1,
        handshakes: 16,
        profile: Profile::Pump,
        pace: Pace::Every(Duration::from_secs(10)),
        batch: 1,
        spacing: Duration::from_secs(1),
        backfill: None,
        topic: "devices/{name}/telemetry".to_owned(),
        qos: 1,
        window: 4,
        manages: true,
        clean: false,
        keep_alive: 60,
        firmware: "1.0.0".to_owned(),
        install: Duration::from_secs(2),
        restart: Duration::from_secs(1),
        trouble: Trouble::default(),
    }
}

/// By the name that stands in every certificate of a server, unless only one of its addresses is listened to.
fn target(port: &DevicePort) -> anyhow::Result<Target> {
    let ip = port.address.ip();
    let name = if ip.is_loopback() { "localhost".to_owned() } else { ip.to_string() };
    let name = ServerName::try_from(name).context("the device port has no name")?;
    Ok(Target { address: port.address, name })
}

impl Hosted {
    fn fleet(&self, port: &DevicePort) -> anyhow::Result<Arc<Fleet>> {
        let mut fleet = self.fleet.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fleet) = &*fleet {
            return Ok(Arc::clone(fleet));
        }
        let made = Arc::new(Fleet::new(options(target(port)?), &port.ca_pem)?);
        *fleet = Some(Arc::clone(&made));
        Ok(made)
    }

    fn ready(
        &self,
        device: &SimulatedDevice,
        port: &DevicePort,
        stop: CancellationToken,
    ) -> anyhow::Result<Running> {
        let SimulatedDevice { number, name, certificate_pem, key_pem } = device.clone();
        let enrolled = Enrolled { name, identity: Identity { certificate_pem, key_pem } };
        let device = self.fleet(port)?.device(u64::from(number), &enrolled, true)?;
        Ok(Box::pin(device.run(stop)))
    }
}

impl Simulator for Hosted {
    fn play(
        &self,
        device: &SimulatedDevice,
        port: &DevicePort,
        stop: CancellationToken,
    ) -> Result<Running, String> {
        self.ready(device, port, stop).map_err(|error| format!("{error:#}"))
    }
}

//! `windlass sim` on the command line.

use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use rustls_pki_types::ServerName;
use tokio::time::Instant;
use windlass_app::clock::{SystemEntropy, random};

use super::firmware::Trouble;
use super::identity::Identity;
use super::mqtt::Protocol;
use super::profile::Profile;
use super::{Fleet, Options, Pace, Report, Target};
use crate::terminal::{self, Exit, Output};

/// Simulated devices over real MQTT and TLS.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Host and port of the server's device listener.
    #[arg(long, default_value = "localhost:8883")]
    server: String,
    /// Directory with `claim.pem`, `claim.key` and `ca.pem`, as `windlass claim create --out` makes it.
    #[arg(long)]
    claim: PathBuf,
    /// Provisioning template.
    #[arg(long, default_value = "default")]
    template: String,
    /// How many devices.
    #[arg(long, default_value_t = 25)]
    devices: u64,
    /// Names are this and a number; without it, a fresh prefix for every run.
    #[arg(long)]
    prefix: Option<String>,
    /// Directory in which identities are kept, so that the same devices come back in the next run.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Decides everything that looks like chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What they measure.
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
    /// Messages per second and device; `max` sends whenever the window has room, 0 stays silent.
    #[arg(long, default_value = "0.2")]
    rate: String,
    /// Readings in one message.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Seconds between the readings of one message.
    #[arg(long, default_value_t = 1.0)]
    spacing: f64,
    /// Start this many seconds ago and go on from there without gaps, instead of measuring now.
    #[arg(long)]
    backfill: Option<f64>,
    /// Topic of telemetry; `{name}` stands for the device.
    #[arg(long, default_value = "devices/{name}/telemetry")]
    topic: String,
    /// Quality of service of telemetry.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: u8,
    /// Unacknowledged messages per device.
    #[arg(long, default_value_t = 1)]
    window: usize,
    /// Seconds to run; without it, until Ctrl-C.
    #[arg(long)]
    duration: Option<f64>,
    /// MQTT version.
    #[arg(long, value_enum, default_value_t)]
    mqtt: Protocol,
    /// Seconds between signs of life; 0 sends none.
    #[arg(long, default_value_t = 60)]
    keep_alive: u16,
    /// Forget the session with every connection.
    #[arg(long)]
    clean: bool,
    /// Only telemetry: neither shadow nor jobs.
    #[arg(long)]
    telemetry_only: bool,
    /// Firmware version that devices start with.
    #[arg(long, default_value = "1.0.0")]
    firmware: String,
    /// Share of devices (0 to 1) on which an installation fails.
    #[arg(long, default_value_t = 0.0)]
    fail: f64,
    /// Share of devices that report success and come back with the old version.
    #[arg(long, default_value_t = 0.0)]
    fall_back: f64,
    /// Share of devices that restart and are never heard of again.
    #[arg(long, default_value_t = 0.0)]
    never_return: f64,
    /// Seconds that an installation takes.
    #[arg(long, default_value_t = 1.0)]
    install: f64,
    /// Seconds that a restart takes.
    #[arg(long, default_value_t = 1.0)]
    restart: f64,
    /// Cut every connection this often (seconds).
    #[arg(long)]
    storm: Option<f64>,
    /// TLS handshakes at once.
    #[arg(long, default_value_t = 32)]
    handshakes: usize,
    /// Claim connections at once.
    #[arg(long, default_value_t = 4)]
    enrollers: usize,
    /// Loopback addresses to connect from, for more than 25,000 connections.
    #[arg(long, default_value_t = 1)]
    sources: u32,
}

impl Arguments {
    fn options(&self) -> anyhow::Result<Options> {
        let prefix = self.prefix.clone().unwrap_or_else(|| {
            let bytes: [u8; 2] = random(&SystemEntropy);
            format!("sim-{}-", hex::encode(bytes))
        });
        Ok(Options {
            server: target(&self.server)?,
            sources: self.sources,
            protocol: self.mqtt,
            devices: self.devices,
            prefix,
            seed: self.seed,
            template: self.template.clone(),
            state: self.state.clone(),
            enrollers: self.enrollers,
            handshakes: self.handshakes,
            profile: self.profile,
            pace: pace(&self.rate)?,
            batch: self.batch.max(1),
            spacing: seconds(self.spacing)?,
            backfill: self.backfill.map(seconds).transpose()?,
            topic: self.topic.clone(),
            qos: self.qos,
            window: self.window.max(1),
            manages: !self.telemetry_only,
            clean: self.clean,
            keep_alive: self.keep_alive,
            firmware: self.firmware.clone(),
            install: seconds(self.install)?,
            restart: seconds(self.restart)?,
            trouble: Trouble { fail: self.fail, fall_back: self.fall_back, never_return: self.never_return },
        })
    }
}

/// Enrols and runs the devices, then prints rates and percentiles.
pub(crate) async fn run(arguments: &Arguments, output: Output) -> anyhow::Result<Exit> {
    let ca = arguments.claim.join("ca.pem");
    let ca_pem = std::fs::read_to_string(&ca).with_context(|| format!("{} cannot be read", ca.display()))?;
    let claim = Identity::load(&arguments.claim, "claim")?
        .with_context(|| format!("{} has no claim.pem", arguments.claim.display()))?;
    let fleet = Fleet::new(arguments.options()?, &ca_pem)?;

    let bar = terminal::progress(arguments.devices, "enrolling devices");
    let devices = fleet.enrol(&claim, || bar.inc(1)).await?;
    bar.finish_and_clear();
    terminal::note(&format!(
        "{} devices are enrolled, {} of them new",
        devices.len(),
        fleet.shared.counters.enrolled.get()
    ));

    fleet.start(&devices)?;
    let started = Instant::now();
    let storm_every = arguments.storm.map(seconds).transpose()?;
    let storms = async {
        match storm_every {
            None => std::future::pending().await,
            Some(every) => loop {
                tokio::time::sleep(every).await;
                fleet.storm();
            },
        }
    };
    let end = async {
        match arguments.duration.map(seconds).transpose()? {
            Some(duration) => tokio::time::sleep(duration).await,
            None => tokio::signal::ctrl_c().await?,
        }
        anyhow::Ok(())
    };
    let line = terminal::spinner("running");
    let watching = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let shared = &fleet.shared;
            line.set_message(format!(
                "{} of {} devices online, {} messages acknowledged, {} lost connections",
                shared.online.get(),
                fleet.running(),
                shared.counters.acknowledged.get(),
                shared.counters.lost.get(),
            ));
        }
    };
    tokio::select! {
        ended = end => ended?,
        () = storms => {},
        () = watching => {},
        () = fleet.stopping().cancelled() => {},
    }
    line.finish_and_clear();
    let mut report = Report::of(&fleet.shared, started.elapsed());
    fleet.stop().await;
    // What was acknowledged while saying goodbye counts, too.
    let last = Report::of(&fleet.shared, started.elapsed());
    report.acknowledged = last.acknowledged;
    report.refused = last.refused;
    report.published = last.published;
    match output {
        Output::Json => terminal::print_json(&report)?,
        Output::Table => terminal::print_pairs(&report.rows())?,
    }
    Ok(Exit::Success)
}

/// Resolves `host:port`, IPv4 first since that is where several source addresses are to be had.
pub(crate) fn target(server: &str) -> anyhow::Result<Target> {
    let wrong = || format!("{server:?} is not HOST:PORT");
    let (host, _) = server.rsplit_once(':').with_context(wrong)?;
    let mut addresses: Vec<_> =
        server.to_socket_addrs().with_context(|| format!("{server} has no address"))?.collect();
    addresses.sort_by_key(std::net::SocketAddr::is_ipv6);
    let address = addresses.into_iter().next().with_context(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Target { address, name: ServerName::try_from(host).with_context(wrong)? })
}

fn pace(rate: &str) -> anyhow::Result<Pace> {
    if rate == "max" {
        return Ok(Pace::Unbounded);
    }
    let rate: f64 = rate.parse().with_context(|| format!("--rate {rate:?} is neither a number nor `max`"))?;
    anyhow::ensure!((0.0..=1e6).contains(&rate), "--rate must lie between 0 and 1000000");
    Ok(if rate == 0.0 { Pace::Silent } else { Pace::Every(Duration::from_secs_f64(1.0 / rate)) })
}

fn seconds(value: f64) -> anyhow::Result<Duration> {
    Duration::try_from_secs_f64(value).with_context(|| format!("{value} is not a number of seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_intervals_zero_is_silence_and_max_is_unbounded() {
        assert_eq!(pace("0.2").unwrap(), Pace::Every(Duration::from_secs(5)));
        assert_eq!(pace("0").unwrap(), Pace::Silent);
        assert_eq!(pace("max").unwrap(), Pace::Unbounded);
        assert!(pace("-1").is_err());
        assert!(pace("fast").is_err());
        assert!(pace("NaN").is_err());
    }

    #[test]
    fn servers_are_named_by_host_or_address_with_a_port() {
        assert_eq!(target("127.0.0.1:8883").unwrap().address.port(), 8883);
        assert_eq!(target("[::1]:8883").unwrap().address.port(), 8883);
        assert!(target("localhost").is_err());
    }
}

//! `windlass bench`: what the budgets are about, measured on this machine against the real binary in its own process.
//!
//! Figures are printed, never asserted.

mod artifact;
mod ddi;
mod figures;
mod fleet;
mod groups;
mod mosquitto;
mod peer;
mod poller;
mod rollout;
mod turns;

use std::path::PathBuf;

use anyhow::Context;

use self::figures::Figures;
use self::rollout::Parts;
use crate::terminal::{self, Exit, Output};

/// A group of measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Group {
    /// Time to ready on an empty directory, memory at rest.
    Startup,
    /// Memory of idle mutual-TLS connections.
    Connections,
    /// Durable QoS 1 messages, one and sixteen in flight, beside mosquitto.
    Messages,
    /// Durable points in batches, bytes on disk, a day's range read.
    Points,
    /// An update job over the whole simulated fleet.
    Job,
    /// hawkBit's device interface: polls with nothing to do and with an action open, reports on installations.
    Ddi,
    /// A dry run and a rollout over a large fleet that polls.
    Rollout,
    /// The same over a fleet of which a part speaks MQTT, to its very end.
    Mixed,
    /// Lists of a large registered fleet through HTTP, the start with it, and a job over all of it.
    Fleet,
    /// Downloads beside nginx, and memory while a large file comes and goes.
    Artifact,
}

impl Group {
    const ALL: [Self; 10] = [
        Self::Startup,
        Self::Connections,
        Self::Messages,
        Self::Points,
        Self::Job,
        Self::Ddi,
        Self::Rollout,
        Self::Mixed,
        Self::Fleet,
        Self::Artifact,
    ];
}

/// Measure this build on this machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Groups to measure; all of them when none is named.
    #[arg(value_enum)]
    groups: Vec<Group>,
    /// Devices for `connections` and `job`.
    #[arg(long, default_value_t = 10_000)]
    devices: u64,
    /// Devices for `rollout`.
    #[arg(long, default_value_t = 100_000)]
    polling: u64,
    /// Devices for `mixed`.
    #[arg(long, default_value_t = 100_000)]
    mixed: u64,
    /// How many of these speak MQTT; half when absent.
    #[arg(long)]
    mixed_mqtt: Option<u64>,
    /// How many of those are connected at once; the others wait for their turn.
    #[arg(long, default_value_t = 1_000)]
    mqtt_connected: usize,
    /// Measure hawkBit in `ddi`, too: the directory where `mvn package` built it (see `tests/peers/hawkbit`).
    #[arg(long)]
    peer_hawkbit: Option<PathBuf>,
    /// MiB of the large file of `artifact`.
    #[arg(long, default_value_t = 2_048)]
    large: u64,
    /// Sizes of the registered fleets of `fleet`.
    #[arg(long, default_values_t = [100_000, 1_000_000], value_delimiter = ',')]
    fleets: Vec<u64>,
    /// Seconds of each load.
    #[arg(long, default_value_t = 15.0)]
    seconds: f64,
    /// Keep data and simulated identities here, and use those that are there already.
    #[arg(long)]
    keep: Option<PathBuf>,
}

impl Arguments {
    fn mixed_parts(&self) -> anyhow::Result<Parts> {
        let mqtt = self.mixed_mqtt.unwrap_or(self.mixed / 2);
        let polling = self.mixed.checked_sub(mqtt).context("--mixed-mqtt is more than --mixed")?;
        anyhow::ensure!(self.mqtt_connected > 0, "--mqtt-connected must not be 0");
        Ok(Parts { polling, mqtt, connected: self.mqtt_connected })
    }
}

/// Measures and prints a table or JSON.
pub(crate) async fn run(arguments: &Arguments, output: Output) -> anyhow::Result<Exit> {
    rlimit::increase_nofile_limit(u64::MAX).context("the limit of open files could not be raised")?;
    let throw_away;
    let directory = match &arguments.keep {
        Some(directory) => directory.clone(),
        None => {
            throw_away = tempfile::Builder::new().prefix("windlass-bench-").tempdir()?;
            throw_away.path().to_owned()
        }
    };
    let mut figures = Figures::default();
    let asked = |group: &Group| arguments.groups.is_empty() || arguments.groups.contains(group);
    let seconds =
        std::time::Duration::try_from_secs_f64(arguments.seconds).context("--seconds is no time")?;
    for group in Group::ALL.iter().filter(|group| asked(group)) {
        let own = directory.join(format!("{group:?}").to_lowercase());
        std::fs::create_dir_all(&own).with_context(|| format!("{} cannot be made", own.display()))?;
        let measured = match group {
            Group::Startup => groups::startup(&own, &mut figures).await,
            Group::Connections => Box::pin(groups::connections(&own, arguments.devices, &mut figures)).await,
            Group::Messages => Box::pin(groups::messages(&own, seconds, &mut figures)).await,
            Group::Points => Box::pin(groups::points(&own, seconds, &mut figures)).await,
            Group::Job => Box::pin(groups::job(&own, arguments.devices, &mut figures)).await,
            Group::Ddi => {
                let peer = arguments.peer_hawkbit.as_deref();
                Box::pin(ddi::ddi(&own, seconds, peer, &mut figures)).await
            }
            Group::Rollout => {
                let parts = Parts { polling: arguments.polling, mqtt: 0, connected: 0 };
                Box::pin(rollout::rollout(&own, parts, &mut figures)).await
            }
            Group::Mixed => Box::pin(rollout::rollout(&own, arguments.mixed_parts()?, &mut figures)).await,
            Group::Fleet => Box::pin(fleet::fleet(&own, &arguments.fleets, &mut figures)).await,
            Group::Artifact => {
                Box::pin(artifact::artifact(&own, seconds, arguments.large, &mut figures)).await
            }
        };
        if let Err(error) = measured {
            // The other groups still have something to say.
            terminal::note(&format!("{group:?} could not be measured: {error:#}"));
            figures.incomplete = true;
        }
    }
    let complete = !figures.incomplete;
    match output {
        Output::Json => terminal::print_json(&figures.with_machine())?,
        Output::Table => figures.print()?,
    }
    Ok(if complete { Exit::Success } else { Exit::Failure })
}

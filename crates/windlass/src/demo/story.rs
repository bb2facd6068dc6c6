//! The story itself, told over REST while devices live it over MQTT. Every step checks that it really came out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use windlass_api::jobs::{
    Begin, FailureThreshold, Job, JobKind, JobState, NewJob, Targets, Timeouts, WaveSize,
};
use windlass_api::releases::{Component, NameVersion, NewComponent, NewRelease, Release, ReleaseRules};
use windlass_api::shadows::Shadow;
use windlass_api::telemetry::{LastValues, Series};
use windlass_api::types::DeviceType;

use crate::cli::{artifact, job, registry};
use crate::place::{self, Place};
use crate::sim::enrol::Enrolled;
use crate::sim::firmware::Trouble;
use crate::sim::mqtt::Protocol;
use crate::sim::profile::Profile;
use crate::sim::{Fleet, Options, Pace, Report};
use crate::terminal;

const TYPE: &str = "pump";
const TEMPLATE: &str = "pumps";
const FIRMWARE: &str = "pump-fw";
const OLD: &str = "1.0.0";
const GOOD: &str = "2.0.0";
const BAD: &str = "2.1.0";
/// How long one chapter may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often things are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A server, a fleet, and where the demonstration keeps its files.
pub(super) struct Story {
    place: Place,
    fleet: Fleet,
    directory: PathBuf,
}

impl Story {
    pub(super) fn new(place: Place, devices: u64, seed: u64, directory: &Path) -> anyhow::Result<Self> {
        let options = Options {
            server: place.devices.clone(),
            sources: 1,
            protocol: Protocol::V5,
            devices,
            prefix: "pump-".to_owned(),
            seed,
            template: TEMPLATE.to_owned(),
            state: Some(directory.join("devices")),
            enrollers: 4,
            handshakes: 16,
            profile: Profile::Pump,
            pace: Pace::Every(Duration::from_secs(2)),
            batch: 1,
            spacing: Duration::from_secs(1),
            backfill: None,
            topic: "devices/{name}/telemetry".to_owned(),
            qos: 1,
            window: 4,
            manages: true,
            clean: false,
            keep_alive: 60,
            firmware: OLD.to_owned(),
            install: Duration::from_millis(800),
            restart: Duration::from_millis(400),
            trouble: Trouble::default(),
        };
        let fleet = Fleet::new(options, &place.ca_pem)?;
        Ok(Self { place, fleet, directory: directory.to_owned() })
    }

    pub(super) async fn tell(&self) -> anyhow::Result<()> {
        let count = self.fleet.shared.options.devices;
        terminal::note(&format!(
            "A Windlass server runs at {}. {count} pumps are about to meet it.\n",
            self.place.url
        ));
        let devices = self.enrol().await.context("enrolment did not come out")?;
        self.configure(&devices).await.context("configuration did not come out")?;
        self.monitor(&devices).await.context("telemetry did not come out")?;
        self.update(&devices).await.context("the good update did not come out")?;
        self.stop_bad_update(&devices).await.context("the bad update did not come out")?;
        terminal::note("\nThe whole fleet as its devices saw it:");
        for (name, value) in Report::of(&self.fleet.shared, PATIENCE).rows() {
            if matches!(name, "telemetry" | "PUBACK" | "connections" | "jobs" | "shadow deltas obeyed") {
                terminal::note(&format!("  {name}: {value}"));
            }
        }
        Ok(())
    }

    /// Chapter 1: a claim certificate, and devices that make their own keys.
    async fn enrol(&self) -> anyhow::Result<Vec<Enrolled>> {
        let options = &self.fleet.shared.options;
        chapter(
            1,
            "Enrolment. Every pump has the same claim certificate, which can do nothing but provision.",
        );
        let api = &self.place.api;
        let spec = json!({ "description": "Centrifugal pump", "contactIntervalSeconds": 60, "verifyTimeoutSeconds": 60 });
        let _type: DeviceType = api.write(Method::PUT, &["types", TYPE], &spec).await?;
        let claim = self.place.open_enrolment(TEMPLATE, TEMPLATE, TYPE).await?;
        registry::save_claim(&self.directory.join("claim"), &claim)?;
        terminal::note(&format!("   The claim is {}.", place::describe(&claim.claim)));
        let bar = terminal::progress(options.devices, "   keys, requests, certificates");
        let devices = self.fleet.enrol(&place::identity(&claim)?, || bar.inc(1)).await?;
        bar.finish();
        self.fleet.start(&devices)?;
        let bar = terminal::progress(options.devices, "   online with own certificate");
        self.wait(&bar, || self.fleet.shared.online.get(), options.devices).await?;
        Ok(devices)
    }

    /// Chapter 2: what operators want, as desired state.
    async fn configure(&self, devices: &[Enrolled]) -> anyhow::Result<()> {
        chapter(2, "Configuration. Operators say what they want; each pump says when it is so.");
        for device in devices {
            let wish = json!({ "desired": { "settings": { "intervalSeconds": 0.5, "mode": "eco" } } });
            let _: Shadow =
                self.place.api.write(Method::PATCH, &["devices", &device.name, "shadow"], &wish).await?;
        }
        let bar = terminal::progress(count(devices), "   settings reported back");
        let deadline = Instant::now() + PATIENCE;
        for device in devices {
            loop {
                let shadow: Shadow = self.place.api.show(&["devices", &device.name, "shadow"]).await?;
                let reported =
                    shadow.state.reported.as_ref().and_then(|reported| reported.pointer("/settings/mode"));
                if shadow.state.delta.is_none() && reported == Some(&json!("eco")) {
                    break;
                }
                ensure!(Instant::now() < deadline, "{} never reported its settings", device.name);
                tokio::time::sleep(LOOK).await;
            }
            bar.inc(1);
        }
        bar.finish();
        Ok(())
    }

    /// Chapter 3: telemetry that is on disk before it is acknowledged.
    async fn monitor(&self, devices: &[Enrolled]) -> anyhow::Result<()> {
        chapter(3, "Monitoring. A message is acknowledged once it is on disk, never before.");
        let counters = &self.fleet.shared.counters;
        let wanted = counters.acknowledged.get() + 5 * count(devices);
        let bar = terminal::progress(wanted, "   messages acknowledged");
        self.wait(&bar, || counters.acknowledged.get(), wanted).await?;
        ensure!(
            counters.refused.get() == 0,
            "some telemetry was refused: {:?}",
            self.fleet.shared.troubles()
        );
        let first = devices.first().context("there are no devices")?;
        let last: LastValues = self.place.api.show(&["devices", &first.name, "telemetry"]).await?;
        let values: Vec<String> = last
            .items
            .iter()
            .map(|last| format!("{} {}", last.metric, serde_json::to_string(&last.value).unwrap_or_default()))
            .collect();
        ensure!(!values.is_empty(), "{} has no last values", first.name);
        terminal::note(&format!("   {} now: {}", first.name, terminal::printable(&values.join(", "))));
        let series: Series = self.place.api.show(&["devices", &first.name, "telemetry", "pressure"]).await?;
        ensure!(!series.points.is_empty(), "{} has no history of its pressure", first.name);
        terminal::note(&format!("   and {} readings of its pressure so far", series.points.len()));
        Ok(())
    }

    /// Chapter 4: a good release, in waves, believed only when it is seen running.
    async fn update(&self, devices: &[Enrolled]) -> anyhow::Result<()> {
        chapter(
            4,
            &format!("Update. {FIRMWARE} {GOOD} goes out in waves and counts only when it is seen running."),
        );
        let job = self.roll_out(GOOD, "quality: good\n", devices).await?;
        ensure!(job.state == JobState::Completed, "the rollout is {}, not completed", job.state);
        ensure!(job.counts.succeeded == count(devices), "only {} devices succeeded", job.counts.succeeded);
        for device in devices {
            self.expect_version(device, GOOD).await?;
        }
        terminal::note(&format!(
            "   Job {}: {} of {} pumps verified on {GOOD}.",
            job.id,
            job.counts.succeeded,
            count(devices)
        ));
        Ok(())
    }

    /// Chapter 5: a bad release, which must not get beyond its first wave.
    async fn stop_bad_update(&self, devices: &[Enrolled]) -> anyhow::Result<()> {
        chapter(
            5,
            &format!("Failure. {FIRMWARE} {BAD} fails on most pumps; its failure threshold must stop it."),
        );
        let job = self.roll_out(BAD, "quality: bad\n", devices).await?;
        ensure!(job.state == JobState::Halted, "the rollout is {}, not stopped", job.state);
        let touched = job.counts.failed
            + job.counts.succeeded
            + job.counts.in_progress
            + job.counts.verifying
            + job.counts.queued;
        ensure!(job.counts.failed > 0, "nothing failed");
        ensure!(touched < count(devices), "every device was offered the bad version");
        let untouched = count(devices) - touched;
        terminal::note(&format!(
            "   Job {} stopped itself: {} pumps failed, {untouched} were never offered {BAD} and run {GOOD}.",
            job.id, job.counts.failed
        ));
        if let Some(reason) = &job.reason {
            terminal::note(&format!("   Its reason: {reason}"));
        }
        Ok(())
    }

    async fn roll_out(&self, version: &str, mark: &str, devices: &[Enrolled]) -> anyhow::Result<Job> {
        let api = &self.place.api;
        let file = self.directory.join(format!("{FIRMWARE}-{version}.bin"));
        std::fs::write(&file, firmware(version, mark))?;
        let artifact = artifact::upload(api, &file, None, None).await?;
        let (name, version) = (FIRMWARE.to_owned(), version.to_owned());
        let component = NewComponent {
            name: name.clone(),
            version: version.clone(),
            component_type: "firmware".to_owned(),
            artifacts: vec![artifact.id],
        };
        let _: Component = api.write(Method::POST, &["components"], &component).await?;
        let this = NameVersion { name: name.clone(), version: version.clone() };
        let release = NewRelease {
            name,
            version,
            components: vec![this.clone().into()],
            device_types: vec![TYPE.to_owned()],
            notes: String::new(),
            rules: ReleaseRules::default(),
        };
        let _: Release = api.write(Method::POST, &["releases"], &release).await?;
        let new = NewJob {
            kind: JobKind::Update,
            description: String::new(),
            targets: Targets::Type(TYPE.to_owned()),
            release: Some(this),
            force: false,
            command: None,
            document: None,
            begin: Begin::Now,
            waves: vec![WaveSize::Count(4), WaveSize::Percent(40), WaveSize::Rest],
            failure_threshold: Some(FailureThreshold {
                percent: Some(25),
                minimum: 3,
                ..FailureThreshold::default()
            }),
            timeouts: Timeouts::default(),
            retries: 0,
            rollout: windlass_api::rollouts::Rollout::default(),
        };
        let made: Job = api.write(Method::POST, &["jobs"], &new).await?;
        let bar = terminal::progress(count(devices), "");
        let followed = job::follow(api, made.id, |job| {
            bar.set_position(job::done(&job.counts));
            let last = job.waves.last().map_or(0, |wave| wave.number);
            bar.set_message(format!("   wave {} of {last}, {}", job.current_wave, job.state));
        });
        let job = tokio::time::timeout(PATIENCE, followed).await.context("the rollout never ended")?;
        bar.finish();
        job
    }

    async fn expect_version(&self, device: &Enrolled, version: &str) -> anyhow::Result<()> {
        let shadow: Shadow = self.place.api.show(&["devices", &device.name, "shadow"]).await?;
        let reported =
            shadow.state.reported.as_ref().and_then(|reported| reported.pointer("/firmware/version"));
        ensure!(
            reported == Some(&Value::from(version)),
            "{} reports {reported:?}, not {version}",
            device.name
        );
        Ok(())
    }

    async fn wait(&self, bar: &ProgressBar, now: impl Fn() -> u64, wanted: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while now() < wanted {
            bar.set_position(now());
            ensure!(
                Instant::now() < deadline,
                "only {} of {wanted} after {} s; troubles: {:?}",
                now(),
                PATIENCE.as_secs(),
                self.fleet.shared.troubles()
            );
            tokio::time::sleep(LOOK).await;
        }
        bar.set_position(wanted);
        bar.finish();
        Ok(())
    }

    /// How to look further.
    pub(super) fn show_the_way(&self) -> anyhow::Result<()> {
        terminal::note("\nThe pumps go on. Look around from another terminal:");
        for line in [
            format!("export WINDLASS_URL={} WINDLASS_TOKEN={}", self.place.url, self.place.token),
            "windlass device list --query 'type==pump' --facets lifecycle,presence".to_owned(),
            "windlass device shadow get pump-00000".to_owned(),
            "windlass device telemetry pump-00000 pressure --step 10".to_owned(),
            "windlass job list; windlass job show 2".to_owned(),
            "windlass audit list; windlass audit verify".to_owned(),
            format!(
                "curl -H \"Authorization: Bearer $WINDLASS_TOKEN\" {}/api/v1/devices?limit=2",
                self.place.url
            ),
        ] {
            terminal::print(&format!("  {line}"))?;
        }
        Ok(())
    }

    /// Lets every pump say goodbye.
    pub(super) async fn end(&self) {
        self.fleet.stop().await;
    }
}

fn chapter(number: u8, title: &str) {
    terminal::note(&format!("{number}. {title}"));
}

fn count(devices: &[Enrolled]) -> u64 {
    u64::try_from(devices.len()).unwrap_or(u64::MAX)
}

/// An image of 256 KiB whose first lines say what becomes of it on a simulated device.
fn firmware(version: &str, mark: &str) -> Vec<u8> {
    let head = format!("windlass demonstration firmware\nversion: {version}\n{mark}");
    let body = (0_u32..).flat_map(|word| word.wrapping_mul(2_654_435_761).to_le_bytes());
    head.bytes().chain(body).take(256 * 1024).collect()
}

#[cfg(test)]
mod tests {
    use crate::sim::firmware::{Quality, quality};

    use super::*;

    #[test]
    fn demonstration_firmware_carries_its_quality() {
        assert_eq!(quality(&firmware(BAD, "quality: bad\n")), Quality::Bad);
        assert_eq!(quality(&firmware(GOOD, "quality: good\n")), Quality::Good);
        assert_eq!(firmware(GOOD, "").len(), 256 * 1024);
    }
}

//! What `windlass job create` takes, and the job that it says.

use std::path::PathBuf;

use anyhow::Context;
use clap::{ArgGroup, Args};
use serde_json::Value;
use windlass_api::Time;
use windlass_api::jobs::{Begin, FailureThreshold, JobKind, NewJob, Outcome, Targets, Timeouts, WaveSize};
use windlass_api::releases::NameVersion;

use crate::cli::parse;
use crate::cli::rollout::RolloutArgs;

/// A job to make.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["release", "document"])))]
#[command(group(ArgGroup::new("where").required(true).args(["devices", "device_type", "tag", "group", "query"])))]
pub(crate) struct Create {
    /// NAME@VERSION of a release to install.
    #[arg(long, value_parser = parse::name_version)]
    release: Option<NameVersion>,
    /// A JSON file that devices get as it is.
    #[arg(long)]
    document: Option<PathBuf>,
    /// A device; repeat for more.
    #[arg(long = "device")]
    devices: Vec<String>,
    /// Every device of this type.
    #[arg(long = "type")]
    device_type: Option<String>,
    /// Every device with this tag.
    #[arg(long)]
    tag: Option<String>,
    /// Every device in this group.
    #[arg(long)]
    group: Option<String>,
    /// Every device that matches.
    #[arg(long, short)]
    query: Option<String>,
    /// Size of a wave: `5`, `20%` or `rest`; repeat in order.
    #[arg(long = "wave", value_parser = parse::wave)]
    waves: Vec<WaveSize>,
    /// Stop when more devices than this fail in a wave.
    #[arg(long)]
    stop_after_failures: Option<u64>,
    /// Stop when more than this share of a wave fails (percent).
    #[arg(long)]
    stop_after_percent: Option<u8>,
    /// Look at that share only once so many devices of the wave have finished.
    #[arg(long, value_name = "DEVICES", default_value_t = 1, requires = "stop_after_percent")]
    minimum: u64,
    /// Tries per device after the first.
    #[arg(long, default_value_t = 0)]
    retries: u32,
    /// Seconds a device has to take the job up.
    #[arg(long)]
    start_timeout: Option<u64>,
    /// Seconds a device has to download it; the time to finish it then begins with the installation.
    #[arg(long)]
    download_timeout: Option<u64>,
    /// Seconds a device has to finish it.
    #[arg(long)]
    progress_timeout: Option<u64>,
    /// Seconds a device that finished has to show that it runs what was brought.
    #[arg(long)]
    verify_timeout: Option<u64>,
    /// For people.
    #[arg(long, default_value = "")]
    description: String,
    /// Begin only when somebody starts it.
    #[arg(long)]
    manually: bool,
    /// Begin at this time, such as 2026-12-01T02:00:00Z.
    #[arg(long, value_name = "TIME", conflicts_with = "manually")]
    begin_at: Option<Time>,
    /// Also to devices that run the release already.
    #[arg(long)]
    force: bool,
    /// How it is rolled out.
    #[command(flatten)]
    rollout: RolloutArgs,
    /// Only say what would happen, on how many devices and why not.
    #[arg(long, conflicts_with = "watch")]
    pub(super) dry_run: bool,
    /// With --dry-run: what would happen on each device, in the order of waves (--random: drawn anew for the job).
    #[arg(long, requires = "dry_run")]
    pub(super) each_device: bool,
    /// With --each-device: only those on which it would count so: open, succeeded, skipped or canceled.
    #[arg(long, requires = "each_device")]
    pub(super) outcome: Option<Outcome>,
    /// With --each-device: most devices.
    #[arg(long, default_value_t = 100_000, requires = "each_device")]
    pub(super) limit: u32,
    /// Follow it until it ends.
    #[arg(long)]
    pub(super) watch: bool,
}

impl Create {
    /// The job, as the API takes it.
    pub(super) fn into_job(self) -> anyhow::Result<NewJob> {
        let document = match &self.document {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("{} cannot be read", file.display()))?;
                Some(
                    serde_json::from_str::<Value>(&text)
                        .with_context(|| format!("{} is not JSON", file.display()))?,
                )
            }
            None => None,
        };
        let targets = match (self.device_type, self.tag, self.group, self.query) {
            (Some(device_type), ..) => Targets::Type(device_type),
            (_, Some(tag), ..) => Targets::Tag(tag),
            (_, _, Some(group), _) => Targets::Group(group),
            (.., Some(query)) => Targets::Query(query),
            (None, None, None, None) => Targets::Devices(self.devices),
        };
        let threshold = FailureThreshold {
            count: self.stop_after_failures,
            percent: self.stop_after_percent,
            minimum: self.minimum,
            ..FailureThreshold::default()
        };
        Ok(NewJob {
            kind: if self.release.is_some() { JobKind::Update } else { JobKind::Custom },
            description: self.description,
            targets,
            release: self.release,
            command: None,
            document,
            waves: self.waves,
            failure_threshold: (threshold.count.is_some() || threshold.percent.is_some())
                .then_some(threshold),
            timeouts: Timeouts {
                queued_seconds: self.start_timeout,
                download_seconds: self.download_timeout,
                in_progress_seconds: self.progress_timeout,
                verify_seconds: self.verify_timeout,
            },
            retries: self.retries,
            force: self.force,
            begin: match self.begin_at {
                Some(at) => Begin::At(at),
                None if self.manually => Begin::Manually,
                None => Begin::Now,
            },
            rollout: self.rollout.into_rollout()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use windlass_api::rollouts::{Backoff, Order, OrderBy};

    use super::*;
    use crate::cli::job::shown::timeouts;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        create: Create,
    }

    fn job(line: &str) -> Result<NewJob, String> {
        let words = std::iter::once("create").chain(line.split_whitespace());
        Line::try_parse_from(words).map_err(|e| e.to_string())?.create.into_job().map_err(|e| e.to_string())
    }

    #[test]
    fn a_rollout_by_tag_in_waves_with_a_threshold_becomes_the_job_it_says() {
        let job =
            job("--release fw@2.0 --tag outdoor --wave 5 --wave 20% --wave rest --stop-after-percent 10")
                .unwrap();
        assert_eq!(job.kind, JobKind::Update);
        assert_eq!(job.targets, Targets::Tag("outdoor".to_owned()));
        assert_eq!(job.waves, [WaveSize::Count(5), WaveSize::Percent(20), WaveSize::Rest]);
        assert_eq!(
            job.failure_threshold,
            Some(FailureThreshold { percent: Some(10), ..FailureThreshold::default() })
        );
    }

    #[test]
    fn the_order_the_pauses_of_tries_and_the_smallest_sample_are_flags() {
        let line = "--release fw@2.0 --tag a";
        let job = |flags: &str| job(&format!("{line} {flags}"));
        let ordered = job("--order-by rank").unwrap().rollout.order;
        let rank = Some("rank".to_owned());
        assert_eq!(ordered, Order { by: OrderBy::Attribute, attribute: rank, descending: false });
        assert!(job("--order-by rank --random").is_err());
        assert!(job("--order-by rank --spread site").is_err());
        let backoff =
            job("--retries 3 --retry-after 60 --retry-code net --retry-code 7").unwrap().rollout.backoff;
        let codes = vec!["net".to_owned(), "7".to_owned()];
        assert_eq!(backoff, Some(Backoff { first_seconds: 60, longest_seconds: 86_400, codes }));
        let long = job("--retries 1 --retry-after 100000").unwrap().rollout.backoff.unwrap();
        assert_eq!((long.first_seconds, long.longest_seconds), (100_000, 100_000));
        assert!(job("--retry-code net").is_err());
        let sampled = job("--stop-after-percent 10 --minimum 20").unwrap().failure_threshold.unwrap();
        assert_eq!((sampled.percent, sampled.minimum), (Some(10), 20));
        assert!(job("--minimum 20").is_err(), "there is no share to look at");
    }

    #[test]
    fn time_outs_are_said_as_they_were_asked_for() {
        let options = "--start-timeout 90 --download-timeout 600 --progress-timeout 60 --verify-timeout 30";
        let all = job(&format!("--release fw@2.0 --tag a {options}")).unwrap().timeouts;
        assert_eq!(timeouts(&all), "start 90s, download 600s, progress 60s, verify 30s");
        let shown = Timeouts { download_seconds: None, verify_seconds: Some(5), ..all };
        assert_eq!(timeouts(&shown), "start 90s, progress 60s, verify 5s");
    }

    #[test]
    fn several_devices_may_be_named() {
        let job = job("--release fw@2.0 --device a --device b").unwrap();
        assert_eq!(job.targets, Targets::Devices(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(job.failure_threshold, None);
    }

    #[test]
    fn a_job_needs_something_to_do_and_somebody_to_do_it_but_not_two_of_either() {
        assert!(job("--release fw@2.0").is_err());
        assert!(job("--tag outdoor").is_err());
        assert!(job("--release fw@2.0 --tag a --group b").is_err());
        assert!(job("--release fw@2.0 --document x.json --tag a").is_err());
    }

    #[test]
    fn a_list_of_devices_goes_with_a_dry_run_only() {
        let line = "--release fw@2.0 --tag a";
        assert!(job(&format!("{line} --dry-run --each-device --outcome skipped --limit 5")).is_ok());
        let refused = job(&format!("{line} --each-device")).unwrap_err();
        assert!(refused.contains("--dry-run"), "{refused}");
        let refused = job(&format!("{line} --dry-run --outcome open")).unwrap_err();
        assert!(refused.contains("--each-device"), "{refused}");
    }
}

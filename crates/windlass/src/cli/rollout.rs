//! How a job is rolled out, as flags, and what a dry run and a reason look like.

use anyhow::Context as _;
use clap::Args;
use windlass_api::Time;
use windlass_api::page::Page;
use windlass_api::rollouts::{
    Backoff, Continuous, DeviceUpdate, DownloadRate, Handling, JobPreview, MaintenanceWindow, Order, OrderBy,
    PreviewDevice, Rollout,
};

use super::printer::{Printer, time_or_dash};
use crate::terminal::{self, Exit};

/// Seconds of the longest pause before another try, unless the first is longer.
const DAY: u64 = 86_400;

/// How a job is rolled out.
#[derive(Debug, Args)]
pub(crate) struct RolloutArgs {
    /// A JSON file with a whole policy, as the API writes it; flags win over it.
    #[arg(long, value_name = "FILE")]
    policy: Option<std::path::PathBuf>,
    /// What devices are told: soft, timeForced, forced or downloadOnly.
    #[arg(long)]
    handling: Option<Handling>,
    /// Devices install it when they like until this time such as 2026-12-01T02:00:00Z, and at once from then on.
    #[arg(long, value_name = "TIME")]
    forced_at: Option<Time>,
    /// When nothing more is offered and what devices have not begun is withdrawn.
    #[arg(long, value_name = "TIME")]
    ends_at: Option<Time>,
    /// Take in devices that match the query later, in waves of at most so many.
    #[arg(long, value_name = "WAVE", num_args = 0..=1, default_missing_value = "1", requires = "query")]
    continuous: Option<u64>,
    /// When it may be installed: cron fields such as `0 2 * * SAT`.
    #[arg(long, value_name = "SCHEDULE")]
    window: Option<String>,
    /// How long the window stays open, in minutes.
    #[arg(long, default_value_t = 120, requires = "window")]
    window_minutes: u64,
    /// Whose clock the window means; the device's own when absent.
    #[arg(long, requires = "window")]
    timezone: Option<String>,
    /// 0 to 1000; of two jobs a device works on the one with the higher number first.
    #[arg(long)]
    priority: Option<u16>,
    /// Take the place of other updates that devices have not begun.
    #[arg(long)]
    supersede: bool,
    /// Wait until each device's user agrees.
    #[arg(long)]
    consent: bool,
    /// Most devices that have work at once.
    #[arg(long)]
    concurrency: Option<u64>,
    /// Bytes per second that all devices may download together from one node.
    #[arg(long)]
    download_rate: Option<u64>,
    /// Take devices by chance.
    #[arg(long, conflicts_with = "spread")]
    random: bool,
    /// Spread every wave over the values of this attribute.
    #[arg(long, value_name = "ATTRIBUTE")]
    spread: Option<String>,
    /// Take devices by the value of this attribute, the lowest first.
    #[arg(long, value_name = "ATTRIBUTE", conflicts_with_all = ["random", "spread"])]
    order_by: Option<String>,
    /// Seconds before the second try; each pause is twice as long as the one before, up to a day.
    #[arg(long, value_name = "SECONDS")]
    retry_after: Option<u64>,
    /// Try again only after failures with this code; repeat for more.
    #[arg(long = "retry-code", value_name = "CODE", requires = "retry_after")]
    retry_codes: Vec<String>,
    /// A wave has succeeded once this share of it did (percent).
    #[arg(long)]
    success_percent: Option<u8>,
    /// Somebody else must approve it.
    #[arg(long)]
    approval: bool,
    /// Devices may be brought back to an older version.
    #[arg(long)]
    allow_downgrade: bool,
}

impl RolloutArgs {
    /// The policy.
    pub(crate) fn into_rollout(self) -> anyhow::Result<Rollout> {
        let mut rollout = match &self.policy {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("{} cannot be read", file.display()))?;
                serde_json::from_str(&text).with_context(|| format!("{} is no policy", file.display()))?
            }
            None => Rollout::default(),
        };
        if self.forced_at.is_some() {
            (rollout.handling, rollout.forced_at) = (Handling::TimeForced, self.forced_at);
        }
        rollout.handling = self.handling.unwrap_or(rollout.handling);
        rollout.ends_at = self.ends_at.or(rollout.ends_at);
        if let Some(wave_size) = self.continuous {
            rollout.continuous = Some(Continuous { wave_size });
        }
        rollout.priority = self.priority.unwrap_or(rollout.priority);
        rollout.supersede |= self.supersede;
        rollout.consent |= self.consent;
        rollout.approval |= self.approval;
        rollout.allow_downgrade |= self.allow_downgrade;
        rollout.concurrency = self.concurrency.or(rollout.concurrency);
        rollout.success_percent = self.success_percent.or(rollout.success_percent);
        if let Some(schedule) = self.window {
            let (duration_seconds, timezone) = (self.window_minutes.saturating_mul(60), self.timezone);
            rollout.window = Some(MaintenanceWindow { schedule, duration_seconds, timezone });
        }
        if let Some(bytes_per_second) = self.download_rate {
            rollout.download_rate = Some(DownloadRate { bytes_per_second, by: None });
        }
        if self.random {
            rollout.order = Order { by: OrderBy::Random, ..Order::default() };
        }
        if let Some(attribute) = self.spread {
            rollout.order = Order { by: OrderBy::Spread, attribute: Some(attribute), descending: false };
        }
        if let Some(attribute) = self.order_by {
            rollout.order = Order { by: OrderBy::Attribute, attribute: Some(attribute), descending: false };
        }
        if let Some(first_seconds) = self.retry_after {
            let longest_seconds = first_seconds.max(DAY);
            rollout.backoff = Some(Backoff { first_seconds, longest_seconds, codes: self.retry_codes });
        }
        Ok(rollout)
    }
}

/// Prints what a dry run found.
pub(crate) fn show_preview(preview: &JobPreview, printer: Printer) -> anyhow::Result<Exit> {
    printer.pairs(preview, |preview| {
        let mut pairs = vec![
            ("summary", preview.summary.clone()),
            ("bytes per device", preview.bytes_per_device.to_string()),
            ("bytes", preview.bytes.to_string()),
            ("expected end", time_or_dash(preview.expected_end)),
            ("note", preview.expected_end_note.clone()),
        ];
        pairs.extend(preview.clusters.iter().map(|cluster| {
            let some = cluster.devices.join(", ");
            let text = format!("{} devices ({some}): {}. {}", cluster.count, cluster.reason, cluster.action);
            (cluster.outcome.as_str(), text)
        }));
        pairs
    })?;
    Ok(Exit::Success)
}

/// Prints what a dry run found device by device, and that it does not bind a job whose order is left to chance.
pub(crate) fn show_preview_devices(
    page: &Page<PreviewDevice>,
    order: OrderBy,
    printer: Printer,
) -> anyhow::Result<()> {
    if order == OrderBy::Random {
        terminal::note(
            "The order is random: the wave of each device, and with it when it begins, is drawn anew when the job is made.",
        );
    }
    printer.page(page, &["device", "wave", "outcome", "begins", "bytes", "why", "what to do"], |one| {
        let PreviewDevice { device, wave, outcome, reason, action, begins, bytes } = one;
        vec![
            device.clone(),
            wave.to_string(),
            outcome.to_string(),
            time_or_dash(*begins),
            bytes.to_string(),
            reason.clone(),
            action.clone(),
        ]
    })
}

/// Prints why a device stands where it stands.
pub(crate) fn show_why(why: &DeviceUpdate, printer: Printer) -> anyhow::Result<()> {
    printer.pairs(why, |why| vec![("why", why.why.clone()), ("what to do", why.action.clone())])
}

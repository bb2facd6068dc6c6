//! How something is assigned, from the words of clients to the policy of a job. Pure.

use windlass_domain::hawkbit::parse_duration;
use windlass_domain::job::{Handling, MaintenanceWindow, Priority, RolloutPolicy, WindowState};
use windlass_domain::time::Timestamp;

use crate::error::AppError;

/// When devices may install, as a client wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Quartz cron.
    pub schedule: Option<String>,
    /// HH:mm:ss.
    pub duration: Option<String>,
    /// +HH:mm.
    pub timezone: Option<String>,
}

/// How something is assigned, as a client wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// `forced`, `soft`, `timeforced` or `downloadonly`.
    pub action_type: Option<String>,
    /// From when on it is forced.
    pub force_time: Option<i64>,
    /// Which goes first.
    pub weight: Option<i64>,
    /// When devices may install.
    pub window: Option<Window>,
    /// Whether devices ask first, where the tenant wants them to at all.
    pub confirmation_required: Option<bool>,
}

impl Terms {
    /// The policy that they ask for. `confirmation`: whether the tenant has devices ask first.
    ///
    /// # Errors
    /// The first term that cannot be used.
    pub fn policy(&self, confirmation: bool, now: Timestamp) -> Result<RolloutPolicy, AppError> {
        let word = self.action_type.as_deref().unwrap_or("forced").to_ascii_lowercase();
        let handling = match word.as_str() {
            "forced" => Handling::Forced,
            "soft" => Handling::Soft,
            "timeforced" => Handling::TimeForced { at: self.force_time.map_or(now, Timestamp::from_millis) },
            "downloadonly" => Handling::DownloadOnly,
            other => {
                let problem = format!("must be forced, soft, timeforced or downloadonly, not {other}");
                return Err(AppError::invalid("type", problem));
            }
        };
        let priority = match self.weight {
            None => Priority::default(),
            Some(weight) => {
                let read = u16::try_from(weight).ok().and_then(Priority::new);
                read.ok_or_else(|| AppError::invalid("weight", "must be from 0 to 1000"))?
            }
        };
        Ok(RolloutPolicy {
            handling,
            priority,
            consent: confirmation && self.confirmation_required.unwrap_or(true),
            window: self.window.as_ref().map(|window| window.read(now)).transpose()?.flatten(),
            // hawkBit knows no order of versions: whatever is assigned is installed.
            allow_downgrade: true,
            ..RolloutPolicy::default()
        })
    }
}

impl Window {
    fn read(&self, now: Timestamp) -> Result<Option<MaintenanceWindow>, AppError> {
        let bad = |detail: String| AppError::Conflict { code: "hawkbit.schedule", detail };
        // Forms send empty texts where nobody wrote anything.
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (schedule, duration, zone) =
            match (said(&self.schedule), said(&self.duration), said(&self.timezone)) {
                (None, None, None) => return Ok(None),
                (Some(schedule), Some(duration), Some(zone)) => (schedule, duration, zone),
                _ => {
                    let detail =
                        "a maintenance window needs schedule, duration and timezone, or none of them";
                    return Err(bad(detail.to_owned()));
                }
            };
        let duration = parse_duration(&duration).map_err(|problem| bad(format!("duration {problem}")))?;
        if duration.is_zero() {
            return Err(bad("the maintenance window must last at least one second".to_owned()));
        }
        let window = MaintenanceWindow {
            schedule: schedule.parse().map_err(|problem| bad(format!("{problem}")))?,
            duration,
            zone: Some(zone.parse().map_err(|problem| bad(format!("{problem}")))?),
        };
        if window.state(None, now) == WindowState::NoneLeft {
            return Err(bad("the schedule of the maintenance window never comes again".to_owned()));
        }
        Ok(Some(window))
    }
}

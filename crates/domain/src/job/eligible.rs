//! Whether a device may get an update now, and if not, why and what to do about it. The same answer serves the offer, the
//! dry run and whoever asks why a device was left out.
//!
//! Knows neither storage nor protocols; what is known of the device is handed in.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use crate::device::Lifecycle;
use crate::ids::{JobId, TypeName};
use crate::software::Release;
use crate::version::compare;

/// Attribute or inventory key that says what hardware a device is.
pub const HARDWARE_KEY: &str = "hardware";

/// What is said of a device that was left out and that needs nothing any more.
pub const RUNS_BY_NOW: &str = "the device runs this version by now";

/// What is said of a device that was left out and that the job means work for by now.
pub const WAITS_FOR_A_PLACE: &str =
    "nothing speaks against it any more; it has its turn once there is a place";

/// What is said of a device that waited for a place and that the job's query does not find any more.
pub const NOT_FOUND_ANY_MORE: &str = "the job's query does not find it any more";

/// What stands between the versions of a device that runs something newer.
const NEWER: &str = ", which is newer than ";

/// What can be done for a device that was left out because it runs something newer.
pub const ALLOW_DOWNGRADE: &str = "If going back is meant, make a job that allows it: --allow-downgrade, or in the console “Also over newer versions”.";

/// Whether a device was left out because it runs something newer.
pub fn is_downgrade(reason: &str) -> bool {
    reason.contains(NEWER)
}

/// What is known of a device.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Where it stands in its life.
    pub lifecycle: Lifecycle,
    /// Its model.
    pub device_type: Option<&'a TypeName>,
    /// What hardware it says, or an operator says, it is.
    pub hardware: Option<&'a str>,
    /// Versions seen running, by component; none where nothing shows.
    pub running: &'a BTreeMap<String, String>,
    /// How many jobs it has open.
    pub open: u64,
}

/// Why a device gets nothing. `Display` is the reason that is kept with its execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// It is not there any more.
    Gone,
    /// It is out of service.
    NotInService(Lifecycle),
    /// It has as much to do as it may have.
    TooManyOpen(u64),
    /// The release was deleted.
    ReleaseGone,
    /// Its type is not one of the release's.
    OtherType(Option<TypeName>),
    /// Its type is not one of the command's.
    NotForCommand(Option<TypeName>),
    /// The release is for some hardware, and nobody says what this device is.
    HardwareUnknown(Vec<String>),
    /// The release is for other hardware.
    OtherHardware {
        /// What it is.
        is: String,
        /// What it should be.
        needs: Vec<String>,
    },
    /// The release asks for a version to start from, and none was seen.
    VersionUnknown,
    /// It runs something older than the release may replace.
    TooOld {
        /// What it runs.
        runs: String,
        /// The oldest that may be replaced.
        minimum: String,
    },
    /// It runs something newer than the release may replace.
    TooNew {
        /// What it runs.
        runs: String,
        /// The newest that may be replaced.
        maximum: String,
    },
    /// Another version must be installed first.
    StepNeeded {
        /// What it runs.
        runs: String,
        /// What must run first.
        step: String,
    },
    /// It runs something newer, and the job does not allow downgrades.
    Downgrade {
        /// What it runs.
        runs: String,
        /// What it would get.
        to: String,
    },
    /// Its type takes signed software only, and the release is not signed as it demands: who signed, and what is missing.
    NotSigned(String),
    /// A later job that takes the place of this one's update has an update under way on it.
    Displaced(JobId),
    /// A later job that takes the place of this one's update has brought its own to the device.
    Outdone(JobId),
}

fn type_words(name: Option<&TypeName>) -> &str {
    name.map_or("no type", |name| name.as_str())
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("the device is gone"),
            Self::NotInService(lifecycle) => write!(f, "the device is {lifecycle}"),
            Self::TooManyOpen(open) => {
                write!(f, "the device has {open} open jobs, the most that it may have")
            }
            Self::ReleaseGone => f.write_str("the release is gone"),
            Self::OtherType(name) => {
                write!(f, "the release is not for devices of {}", type_words(name.as_ref()))
            }
            Self::NotForCommand(name) => {
                write!(f, "the command is not for devices of {}", type_words(name.as_ref()))
            }
            Self::HardwareUnknown(needs) => write!(
                f,
                "the release is for hardware {}, and the device does not say what it is",
                needs.join(" or ")
            ),
            Self::OtherHardware { is, needs } => {
                write!(f, "the release is for hardware {}, the device is {is}", needs.join(" or "))
            }
            Self::VersionUnknown => {
                f.write_str("the release asks for a version to start from, and none was seen running")
            }
            Self::TooOld { runs, minimum } => {
                write!(f, "the device runs {runs}; the release needs at least {minimum} to start from")
            }
            Self::TooNew { runs, maximum } => {
                write!(f, "the device runs {runs}; the release starts from {maximum} at most")
            }
            Self::StepNeeded { runs, step } => {
                write!(f, "the device runs {runs}; it must be brought to {step} first")
            }
            Self::Downgrade { runs, to } => {
                write!(f, "the device runs {runs}{NEWER}{to}")
            }
            Self::NotSigned(fault) => write!(f, "the release is not signed as it must be: {fault}"),
            Self::Displaced(job) => write!(f, "the device has the update of the later job {job} to do"),
            Self::Outdone(job) => {
                write!(f, "the device has what the later job {job} brings in place of this one")
            }
        }
    }
}

impl Skip {
    /// What an operator can do.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Gone => "",
            Self::NotInService(_) => "Bring the device back into service, then make a job for it.",
            Self::TooManyOpen(_) => "Finish or cancel some of the device's jobs.",
            Self::ReleaseGone => "Make the release again, or choose another one.",
            Self::OtherType(_) => "Change the device's type, or make a release for that type.",
            Self::NotForCommand(_) => "Choose another command, or change the device's type.",
            Self::HardwareUnknown(_) => "Set the device's attribute hardware, or let it report it.",
            Self::OtherHardware { .. } => "Choose a release for this hardware.",
            Self::VersionUnknown => "Let the device report its version, or make a release without that rule.",
            Self::TooOld { .. } | Self::StepNeeded { .. } => "Roll out the version in between first.",
            Self::TooNew { .. } => "Choose a newer release.",
            Self::Downgrade { .. } => ALLOW_DOWNGRADE,
            Self::NotSigned(_) => {
                "Let a signer that the device's type or the tenant trusts sign the software, or add the signer there."
            }
            Self::Displaced(_) => "Cancel the later job, then make another one with this release.",
            Self::Outdone(_) => "Make another job with this release if the device is to go back.",
        }
    }
}

/// Whether a device may get this release.
///
/// # Errors
/// Why it may not.
pub fn eligible(
    release: &Release,
    device: Candidate<'_>,
    most_open: u64,
    allow_downgrade: bool,
) -> Result<(), Skip> {
    in_service(device, most_open)?;
    if !release.fits(device.device_type) {
        return Err(Skip::OtherType(device.device_type.cloned()));
    }
    let rules = &release.rules;
    if !rules.hardware.is_empty() {
        let needs = || rules.hardware.clone();
        let is = device.hardware.ok_or_else(|| Skip::HardwareUnknown(needs()))?;
        if !rules.hardware.iter().any(|one| one == is) {
            return Err(Skip::OtherHardware { is: is.to_owned(), needs: needs() });
        }
    }
    let asks = rules.minimum_source.is_some() || rules.maximum_source.is_some() || rules.step.is_some();
    let mut seen = false;
    for component in &release.components {
        let Some(runs) = device.running.get(component.name.as_str()) else { continue };
        seen = true;
        let (runs, to) = (runs.as_str(), component.version.as_str());
        let is_below = |bound: &str| compare(runs, bound) == Ordering::Less;
        if runs == to {
            continue;
        }
        if let Some(minimum) = rules.minimum_source.as_ref().filter(|bound| is_below(bound.as_str())) {
            return Err(Skip::TooOld { runs: runs.to_owned(), minimum: minimum.as_str().to_owned() });
        }
        if let Some(step) = rules.step.as_ref().filter(|bound| is_below(bound.as_str())) {
            return Err(Skip::StepNeeded { runs: runs.to_owned(), step: step.as_str().to_owned() });
        }
        if let Some(maximum) = &rules.maximum_source
            && compare(runs, maximum.as_str()) == Ordering::Greater
        {
            return Err(Skip::TooNew { runs: runs.to_owned(), maximum: maximum.as_str().to_owned() });
        }
        if !allow_downgrade && compare(runs, to) == Ordering::Greater {
            return Err(Skip::Downgrade { runs: runs.to_owned(), to: to.to_owned() });
        }
    }
    if asks && !seen {
        return Err(Skip::VersionUnknown);
    }
    Ok(())
}

/// Whether a device may get anything.
///
/// # Errors
/// Why it may not.
pub fn in_service(device: Candidate<'_>, most_open: u64) -> Result<(), Skip> {
    if !device.lifecycle.may_connect() {
        return Err(Skip::NotInService(device.lifecycle));
    }
    if device.open >= most_open {
        return Err(Skip::TooManyOpen(device.open));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ComponentId, ReleaseId};
    use crate::software::{Component, ReleaseRules};
    use crate::time::Timestamp;

    fn release(rules: ReleaseRules) -> Release {
        let now = Timestamp::from_seconds(0);
        Release {
            id: ReleaseId::new(1),
            name: "fw".parse().unwrap(),
            version: "2.0".parse().unwrap(),
            device_types: vec!["pump".parse().unwrap()],
            components: vec![Component {
                id: ComponentId::new(1),
                name: "app".parse().unwrap(),
                version: "2.0".parse().unwrap(),
                component_type: "application".parse().unwrap(),
                artifacts: vec![],
                created_at: now,
            }],
            notes: String::new(),
            rules,
            created_at: now,
            created_by: String::new(),
        }
    }

    fn ask(rules: ReleaseRules, hardware: Option<&str>, runs: Option<&str>, down: bool) -> Result<(), Skip> {
        let pump: TypeName = "pump".parse().unwrap();
        let running = runs.map(|version| ("app".to_owned(), version.to_owned())).into_iter().collect();
        let device = Candidate {
            lifecycle: Lifecycle::Active,
            device_type: Some(&pump),
            hardware,
            running: &running,
            open: 0,
        };
        eligible(&release(rules), device, 10, down)
    }

    fn version(text: &str) -> Option<crate::ids::VersionText> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_release_without_rules_goes_up_but_not_down() {
        let plain = ReleaseRules::default;
        assert_eq!(ask(plain(), None, None, false), Ok(()));
        assert_eq!(ask(plain(), None, Some("1.9"), false), Ok(()));
        assert_eq!(ask(plain(), None, Some("2.0"), false), Ok(()));
        let down = Skip::Downgrade { runs: "2.1".to_owned(), to: "2.0".to_owned() };
        assert_eq!(ask(plain(), None, Some("2.1"), false), Err(down));
        assert_eq!(ask(plain(), None, Some("2.1"), true), Ok(()));
    }

    #[test]
    fn hardware_must_be_known_and_fit() {
        let rules =
            || ReleaseRules { hardware: vec!["r1".to_owned(), "r2".to_owned()], ..ReleaseRules::default() };
        assert!(matches!(ask(rules(), None, None, false), Err(Skip::HardwareUnknown(_))));
        assert!(matches!(ask(rules(), Some("r3"), None, false), Err(Skip::OtherHardware { .. })));
        assert_eq!(ask(rules(), Some("r2"), None, false), Ok(()));
    }

    #[test]
    fn a_version_to_start_from_is_held_and_must_have_been_seen() {
        let rules = || ReleaseRules {
            minimum_source: version("1.2"),
            maximum_source: version("1.9"),
            step: version("1.5"),
            ..ReleaseRules::default()
        };
        assert_eq!(ask(rules(), None, None, false), Err(Skip::VersionUnknown));
        assert!(matches!(ask(rules(), None, Some("1.1"), false), Err(Skip::TooOld { .. })));
        assert!(matches!(ask(rules(), None, Some("1.2"), false), Err(Skip::StepNeeded { .. })));
        assert_eq!(ask(rules(), None, Some("1.5"), false), Ok(()));
        assert!(matches!(ask(rules(), None, Some("1.10"), false), Err(Skip::TooNew { .. })));
    }

    #[test]
    fn every_reason_reads_as_a_sentence_and_says_what_to_do() {
        let reasons = [
            Skip::NotInService(Lifecycle::Suspended),
            Skip::TooManyOpen(3),
            Skip::ReleaseGone,
            Skip::OtherType(None),
            Skip::NotForCommand(None),
            Skip::HardwareUnknown(vec!["r1".to_owned()]),
            Skip::OtherHardware { is: "r2".to_owned(), needs: vec!["r1".to_owned()] },
            Skip::VersionUnknown,
            Skip::TooOld { runs: "1".to_owned(), minimum: "2".to_owned() },
            Skip::TooNew { runs: "3".to_owned(), maximum: "2".to_owned() },
            Skip::StepNeeded { runs: "1".to_owned(), step: "2".to_owned() },
            Skip::Downgrade { runs: "3".to_owned(), to: "2".to_owned() },
            Skip::NotSigned("it is not signed".to_owned()),
            Skip::Displaced(JobId::new(7)),
            Skip::Outdone(JobId::new(7)),
        ];
        for reason in reasons {
            assert!(reason.to_string().starts_with("the "), "{reason}");
            assert!(reason.action().ends_with('.'), "{reason}");
        }
    }
}

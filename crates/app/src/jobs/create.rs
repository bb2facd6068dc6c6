//! Making a job: every field checked, targets frozen, nothing offered yet.

use serde_json::{Map, Value};
use windlass_domain::job::{Amount, FailureThreshold, Timeouts};
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;

use super::list::JobView;
use crate::App;
use crate::error::AppError;

/// Which devices; frozen when the job is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewTargets {
    /// These, by name or alias.
    Devices(Vec<String>),
    /// Every device with this tag.
    Tag(String),
    /// Every device of this type.
    Type(String),
    /// Every device in this static group or below it.
    Group(String),
    /// Every device that matches this query.
    Query(String),
}

/// What the devices get.
#[derive(Debug, Clone, PartialEq)]
pub enum NewWhat {
    /// A release.
    Update {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// Also for devices that run it already.
        force: bool,
    },
    /// A document as it is.
    Document(Map<String, Value>),
}

/// When a job begins to offer work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At once.
    Now,
    /// When an operator starts it.
    Manually,
    /// At this time.
    At(Timestamp),
}

/// A job to make.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// For people.
    pub description: String,
    /// What the devices get.
    pub what: NewWhat,
    /// Which devices.
    pub targets: NewTargets,
    /// Sizes of the waves; what they leave over is one more. Empty: everybody at once.
    pub waves: Vec<Amount>,
    /// When failures stop it.
    pub threshold: Option<FailureThreshold>,
    /// How long phases may last.
    pub timeouts: Timeouts,
    /// How often a device that failed is tried again by itself, 0 to 10.
    pub retries: u32,
    /// When it begins.
    pub begin: Begin,
}

impl App {
    /// Makes a job and freezes its targets. Devices that are gone, out of service or of another type when their turn
    /// comes are skipped with that reason.
    ///
    /// # Errors
    /// `Invalid` naming every field: unknown devices, types, groups, releases; no device at all; sizes and times out of
    /// bounds; a document over the limit.
    pub async fn job_create(&self, by: &Principal, new: NewJob) -> Result<JobView, AppError> {
        unimplemented!("job_create")
    }
}

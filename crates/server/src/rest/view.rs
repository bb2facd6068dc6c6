//! From what use cases answer to what REST shows, and back. Every structure is taken apart, every word matched, so
//! that a new field or word stops the build until someone decides.

use windlass_api as api;
use windlass_domain as domain;
use windlass_domain::time::Timestamp;

/// A time as REST writes it; beyond what RFC 3339 can say it stays at the border.
pub(crate) fn time(at: Timestamp) -> api::Time {
    let edge = if at.micros() < 0 { api::Time::MIN } else { api::Time::MAX };
    api::Time::from_microsecond(at.micros()).unwrap_or(edge)
}

/// A time as use cases take it.
pub(crate) fn timestamp(at: api::Time) -> Timestamp {
    Timestamp::from_micros(at.as_microsecond())
}

macro_rules! words {
    ($($name:ident: $from:path => $to:path [$($word:ident),+];)+) => {
        $(pub(crate) const fn $name(word: $from) -> $to {
            use $from as From;
            use $to as To;
            match word { $(From::$word => To::$word),+ }
        })+
    };
}

words! {
    role: domain::permission::Role => api::tokens::Role [Admin, Operator, Viewer, Installer];
    role_in: api::tokens::Role => domain::permission::Role [Admin, Operator, Viewer, Installer];
    actor_kind: domain::permission::ActorKind => api::users::ActorKind [User, Token, System, Device];
    credential_status: domain::credential::CredentialStatus => api::credentials::CredentialStatus
        [Pending, Active, Superseded, Revoked, Expired];
    pending_state: domain::enrol::PendingState => api::onboarding::PendingState [Open, Accepted, Rejected];
    pending_state_in: api::onboarding::PendingState => domain::enrol::PendingState [Open, Accepted, Rejected];
    pending_source: domain::enrol::PendingSource => api::onboarding::PendingSource [Claim, Certificate];
    data_fate_in: api::onboarding::DataFate => domain::device::DataFate [Keep, Erase];
    device_kind: domain::device::DeviceKind => api::devices::DeviceKind [Device, Gateway];
    device_kind_in: api::devices::DeviceKind => domain::device::DeviceKind [Device, Gateway];
    lifecycle: domain::device::Lifecycle => api::devices::Lifecycle [Registered, Active, Suspended, Decommissioned];
    presence: domain::device::Presence => api::devices::Presence [Connected, Reachable, Overdue, Never];
    topic_target: domain::device_type::TopicTarget => api::types::TopicTarget [Telemetry, Event, Log];
    topic_target_in: api::types::TopicTarget => domain::device_type::TopicTarget [Telemetry, Event, Log];
    severity: domain::event::Severity => api::events::Severity [Info, Warning, Error];
    severity_in: api::events::Severity => domain::event::Severity [Info, Warning, Error];
    alert_kind: domain::alert::AlertKind => api::alerts::AlertKind
        [DeviceOverdue, RolloutStopped, CertificateExpiring, DiskLow, DevicePending, BackupFailed];
    alert_kind_in: api::alerts::AlertKind => domain::alert::AlertKind
        [DeviceOverdue, RolloutStopped, CertificateExpiring, DiskLow, DevicePending, BackupFailed];
    telling: domain::notify::Telling => api::notifications::Telling [Opened, Closed, More, Test];
    delivery_state: domain::notify::DeliveryState => api::notifications::DeliveryState [Waiting, Delivered, Failed];
    job_kind: domain::job::JobKind => api::jobs::JobKind [Update, Command, Custom];
    job_kind_in: api::jobs::JobKind => domain::job::JobKind [Update, Command, Custom];
    job_state: domain::job::StateWord => api::jobs::JobState
        [AwaitingApproval, Denied, Scheduled, Running, Paused, Halted, Stopping, Canceled, Completed];
    job_state_in: api::jobs::JobState => domain::job::StateWord
        [AwaitingApproval, Denied, Scheduled, Running, Paused, Halted, Stopping, Canceled, Completed];
    execution_state: domain::job::ExecutionState => api::jobs::ExecutionState
        [Queued, InProgress, Succeeded, Failed, Rejected, TimedOut, Canceled, Removed];
    execution_state_in: api::jobs::ExecutionState => domain::job::ExecutionState
        [Queued, InProgress, Succeeded, Failed, Rejected, TimedOut, Canceled, Removed];
    verdict: domain::job::Verdict => api::jobs::Verdict
        [Pending, Verified, RolledBack, Unverifiable, Expired, Refuted];
    verdict_in: api::jobs::Verdict => domain::job::Verdict
        [Pending, Verified, RolledBack, Unverifiable, Expired, Refuted];
    outcome: domain::job::Outcome => api::jobs::Outcome [Open, Verifying, Succeeded, Failed, Canceled, Skipped];
    outcome_in: api::jobs::Outcome => domain::job::Outcome [Open, Verifying, Succeeded, Failed, Canceled, Skipped];
    parameter_kind: domain::job::command::ParameterKind => api::commands::ParameterType [Text, Number, Truth];
    parameter_kind_in: api::commands::ParameterType => domain::job::command::ParameterKind [Text, Number, Truth];
    threshold_scope: domain::job::ThresholdScope => api::jobs::ThresholdScope [Wave, Job];
    threshold_scope_in: api::jobs::ThresholdScope => domain::job::ThresholdScope [Wave, Job];
}

//! What devices that speak hawkBit's Direct Device Integration need beside the rules of jobs: a tenant's settings
//! under hawkBit's keys, the poll time, and tokens.
//!
//! Knows neither HTTP nor JSON.

mod polling;
mod settings;
mod token;

pub use polling::{PollInterval, PollSchedule, Window, clock_time, parse_duration};
pub use settings::{Authentication, SettingKey, SettingKind, SettingProblem, SettingValue, Settings};
pub use token::{InvalidToken, SecretText};

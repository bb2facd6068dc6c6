//! REST v1: the shapes of requests and answers, problem codes, pages. Shared by the server and the command line.
//!
//! Knows no transport and no rule: names are plain text here, and the server says what is wrong with one.
//! JSON is camelCase; times are RFC 3339 in UTC; a request with a member that is not listed is refused.
//!
//! `mod` order is reading order.

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        pub enum $type { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        impl $type {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word as it is written in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::UnknownWord;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::UnknownWord { allowed: concat!($(" ", $word),+) }),
                }
            }
        }
    };
}

/// A word that is not one of those allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of:{allowed}")]
pub struct UnknownWord {
    /// The allowed words, each after a space.
    pub allowed: &'static str,
}

pub mod problem;

pub mod page;

pub mod devices;

pub mod types;

pub mod groups;

pub mod credentials;

pub mod onboarding;

pub mod hawkbit;

pub mod auto_assignments;

pub mod claims;

pub mod templates;

pub mod shadows;

pub mod telemetry;

pub mod events;

pub mod alerts;

pub mod notifications;
pub mod refusals;

pub mod artifacts;
pub mod uploads;

pub mod releases;
pub mod rollouts;

pub mod jobs;

pub mod commands;

pub mod tokens;

pub mod users;

pub mod sessions;

pub mod audit;

pub mod server;

pub mod backups;

pub mod simulation;

pub mod checks;

/// Where every resource lives.
pub const BASE: &str = "/api/v1";

/// A point in time, RFC 3339 in UTC.
pub type Time = jiff::Timestamp;

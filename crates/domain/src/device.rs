//! The logical thing being managed: its lifecycle and its presence.
//!
//! Knows no protocol and no storage.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::ids::{AttributeKey, DeviceId, DeviceName, InvalidName, JobId, Tag, TenantId, TypeId};
use crate::time::Timestamp;

/// Most characters of one attribute's value, in any script.
pub const ATTRIBUTE_CHARACTERS: usize = 4_000;
/// Most bytes of a device's attributes together, keys and values.
pub const ATTRIBUTE_BYTES: usize = 100 * (1_024 + 128);

/// How many bytes attributes have together.
pub fn attribute_bytes<K: AsRef<str>>(attributes: &BTreeMap<K, String>) -> usize {
    attributes.iter().map(|(key, value)| key.as_ref().len().saturating_add(value.len())).sum()
}

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$vdoc])* $variant),+ }

        impl $type {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word that is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(InvalidName { what: stringify!($type), rule: concat!("one of:", $(" ", $word),+) }),
                }
            }
        }
    };
}
pub(crate) use words;

words!(
    /// Where a device stands in its life: `registered` → `active` ⇄ `suspended` → `decommissioned`.
    Lifecycle {
        /// Known, never seen.
        Registered = "registered",
        /// Has been seen and may connect.
        Active = "active",
        /// May not connect for now.
        Suspended = "suspended",
        /// Out of service for good.
        Decommissioned = "decommissioned",
    }
);

impl Lifecycle {
    /// Whether a device in this state may connect.
    pub const fn may_connect(self) -> bool {
        match self {
            Self::Registered | Self::Active => true,
            Self::Suspended | Self::Decommissioned => false,
        }
    }

    /// Whether an operator may move a device from here to `next`.
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Registered | Self::Active, Self::Suspended)
            | (Self::Suspended, Self::Active | Self::Registered)
            | (Self::Registered, Self::Active)
            | (Self::Registered | Self::Active | Self::Suspended, Self::Decommissioned) => true,
            (Self::Registered | Self::Active | Self::Suspended | Self::Decommissioned, _) => false,
        }
    }
}

words!(
    /// What a device is to others.
    DeviceKind {
        /// Connects for itself.
        Device = "device",
        /// Connects for its children too.
        Gateway = "gateway",
    }
);

words!(
    /// Whether a device can be reached. Online means `connected` or `reachable`.
    Presence {
        /// Has a live connection.
        Connected = "connected",
        /// Last contact is younger than 2.5 times the expected interval.
        Reachable = "reachable",
        /// Last contact is older than that.
        Overdue = "overdue",
        /// Never had contact.
        Never = "never",
    }
);

impl Presence {
    /// Decides presence from connections, last contact and the expected contact interval of the type.
    pub fn of(
        connections: usize,
        last_contact: Option<Timestamp>,
        interval: Duration,
        now: Timestamp,
    ) -> Self {
        match last_contact {
            _ if connections > 0 => Self::Connected,
            None => Self::Never,
            Some(last) if now.since(last) < interval.saturating_mul(5) / 2 => Self::Reachable,
            Some(_) => Self::Overdue,
        }
    }

    /// Connected or reachable.
    pub const fn is_online(self) -> bool {
        match self {
            Self::Connected | Self::Reachable => true,
            Self::Overdue | Self::Never => false,
        }
    }
}

words!(
    /// What becomes of a device's telemetry, shadows and events when it goes out of service. Audit records stay.
    DataFate {
        /// Stays readable.
        Keep = "keep",
        /// Is deleted.
        Erase = "erase",
    }
);

/// A device on its way out of service: it is to wipe itself first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    /// Since when.
    pub since: Timestamp,
    /// Until when the wipe is awaited; then the device goes without it.
    pub until: Timestamp,
    /// The job that carries the wipe.
    pub wipe: JobId,
    /// What becomes of its data.
    pub data: DataFate,
}

/// One managed thing. Attributes are set by operators, inventory is reported by the device.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Row id.
    pub id: DeviceId,
    /// Owner.
    pub tenant: TenantId,
    /// Public id.
    pub name: DeviceName,
    /// Model, if any.
    pub device_type: Option<TypeId>,
    /// Whether it speaks for children.
    pub kind: DeviceKind,
    /// The gateway it hangs on, if any.
    pub parent: Option<DeviceId>,
    /// Where it stands in its life.
    pub lifecycle: Lifecycle,
    /// Set by operators. At most 100 entries, values of at most [`ATTRIBUTE_CHARACTERS`] characters, and
    /// [`ATTRIBUTE_BYTES`] together.
    pub attributes: BTreeMap<AttributeKey, String>,
    /// Reported by the device; same bounds.
    pub inventory: BTreeMap<AttributeKey, String>,
    /// Bare words. At most 100.
    pub tags: BTreeSet<Tag>,
    /// Rises by one with every change of this record.
    pub version: i64,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
    /// First contact, if there was one.
    pub first_seen_at: Option<Timestamp>,
    /// Until when an enrolment may replace its credential, where an operator opened such a window.
    pub reprovision_until: Option<Timestamp>,
    /// Set while it is to wipe itself before it goes out of service.
    pub leaving: Option<Leaving>,
}

impl Device {
    /// Whether an enrolment may replace the credential now, because an operator opened a window for it.
    pub fn may_reprovision(&self, now: Timestamp) -> bool {
        self.reprovision_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_follows_connection_then_age() {
        let now = Timestamp::from_seconds(1_000);
        let minute = Duration::from_secs(60);
        assert_eq!(Presence::of(1, None, minute, now), Presence::Connected);
        assert_eq!(Presence::of(0, None, minute, now), Presence::Never);
        assert_eq!(Presence::of(0, Some(Timestamp::from_seconds(851)), minute, now), Presence::Reachable);
        assert_eq!(Presence::of(0, Some(Timestamp::from_seconds(850)), minute, now), Presence::Overdue);
    }

    #[test]
    fn nothing_leaves_decommissioned() {
        for next in Lifecycle::ALL {
            assert!(!Lifecycle::Decommissioned.may_become(*next));
        }
    }

    #[test]
    fn words_read_back_as_written() {
        for state in Lifecycle::ALL {
            assert_eq!(state.as_str().parse::<Lifecycle>().unwrap(), *state);
        }
    }
}

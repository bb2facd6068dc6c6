//! The one decision behind every way of enrolment: create, attach, or refuse. Never a take-over.
//!
//! Knows neither certificates nor protocols nor who asks.

use crate::device::Lifecycle;
use crate::ids::DeviceId;

/// What is known of the device that carries the wanted name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Which device.
    pub device: DeviceId,
    /// Where it stands in its life.
    pub lifecycle: Lifecycle,
    /// Whether it has a credential that is active and not past its end.
    pub has_live_credential: bool,
}

/// What is known of the public key that is to be bound to the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Never seen, or seen only in the pending certificate that is being provisioned.
    Fresh,
    /// Bound to a device or claim before, whatever became of it.
    Used,
}

/// What enrolment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Make a device of this name and bind the credential to it.
    Create,
    /// Bind the credential to the device that has the name and no live credential.
    Attach(DeviceId),
    /// Do nothing.
    Refuse(Refusal),
}

/// Why enrolment refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else is that device.
    #[error(
        "a device of this name is enrolled already; revoke its certificate first if its hardware was replaced"
    )]
    NameLives,
    /// Out of service for good.
    #[error("the device of this name is decommissioned")]
    Decommissioned,
    /// May not connect for now.
    #[error("the device of this name is suspended")]
    Suspended,
    /// The key belonged to a device before.
    #[error("the key of the certificate was used before; make a new one")]
    KeyUsed,
}

/// Decides one enrolment: `known` is the device that has the wanted name, if any.
pub const fn decide(known: Option<Known>, key: Key) -> Decision {
    match (key, known) {
        (Key::Used, _) => Decision::Refuse(Refusal::KeyUsed),
        (Key::Fresh, None) => Decision::Create,
        (Key::Fresh, Some(Known { device, lifecycle, has_live_credential })) => match lifecycle {
            Lifecycle::Decommissioned => Decision::Refuse(Refusal::Decommissioned),
            Lifecycle::Suspended => Decision::Refuse(Refusal::Suspended),
            Lifecycle::Registered | Lifecycle::Active if has_live_credential => {
                Decision::Refuse(Refusal::NameLives)
            }
            Lifecycle::Registered | Lifecycle::Active => Decision::Attach(device),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(lifecycle: Lifecycle, has_live_credential: bool) -> Option<Known> {
        Some(Known { device: DeviceId::new(7), lifecycle, has_live_credential })
    }

    #[test]
    fn a_new_name_is_created() {
        assert_eq!(decide(None, Key::Fresh), Decision::Create);
    }

    #[test]
    fn a_known_name_without_a_live_credential_is_attached() {
        for lifecycle in [Lifecycle::Registered, Lifecycle::Active] {
            assert_eq!(decide(known(lifecycle, false), Key::Fresh), Decision::Attach(DeviceId::new(7)));
        }
    }

    #[test]
    fn a_name_with_a_live_credential_is_never_taken_over() {
        for lifecycle in Lifecycle::ALL {
            assert!(matches!(decide(known(*lifecycle, true), Key::Fresh), Decision::Refuse(_)));
        }
        assert_eq!(decide(known(Lifecycle::Active, true), Key::Fresh), Decision::Refuse(Refusal::NameLives));
    }

    #[test]
    fn suspended_and_decommissioned_names_are_refused_whatever_they_hold() {
        for live in [false, true] {
            assert_eq!(
                decide(known(Lifecycle::Suspended, live), Key::Fresh),
                Decision::Refuse(Refusal::Suspended)
            );
            assert_eq!(
                decide(known(Lifecycle::Decommissioned, live), Key::Fresh),
                Decision::Refuse(Refusal::Decommissioned)
            );
        }
    }

    #[test]
    fn a_used_key_is_refused_for_every_name() {
        assert_eq!(decide(None, Key::Used), Decision::Refuse(Refusal::KeyUsed));
        for lifecycle in Lifecycle::ALL {
            assert_eq!(decide(known(*lifecycle, false), Key::Used), Decision::Refuse(Refusal::KeyUsed));
        }
    }
}

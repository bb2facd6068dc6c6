//! The one decision behind every way of enrolment: create, attach, replace where an operator said so, ask one, or
//! refuse. Never a take-over.
//!
//! Knows neither certificates nor protocols nor who asks.

use std::fmt;
use std::str::FromStr;

use crate::device::{Lifecycle, words};
use crate::ids::{DeviceId, InvalidName};

/// What is known of the device that carries the wanted name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Which device.
    pub device: DeviceId,
    /// Where it stands in its life.
    pub lifecycle: Lifecycle,
    /// Whether it has a credential that is active and not past its end.
    pub has_live_credential: bool,
    /// Whether an operator opened a window in which its credential may be replaced.
    pub window_open: bool,
}

/// What is known of the public key that is to be bound to the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Never seen, or seen only in the pending certificate that is being provisioned.
    Fresh,
    /// Bound to a device or claim before, whatever became of it.
    Used,
}

/// What an operator said of exactly this key for exactly this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Nothing yet.
    Silent,
    /// Let it in.
    Accepted,
    /// Do not.
    Rejected,
}

words!(
    /// Where an enrolment stands that an operator is asked about.
    PendingState {
        /// Nobody decided yet.
        Open = "open",
        /// Let in, on its next attempt.
        Accepted = "accepted",
        /// Refused, also on later attempts.
        Rejected = "rejected",
    }
);

words!(
    /// How an enrolment came that an operator is asked about.
    PendingSource {
        /// Through a claim, for a name that lives.
        Claim = "claim",
        /// With a certificate that our authority signed and the state does not know, as after a restore.
        Certificate = "certificate",
    }
);

/// What enrolment does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Make a device of this name and bind the credential to it.
    Create,
    /// Bind the credential to the device that has the name and no live credential.
    Attach(DeviceId),
    /// Bind the credential to the device that has the name; its other credentials are superseded.
    Replace(DeviceId),
    /// Ask an operator; the device comes back later.
    Pend(DeviceId),
    /// Do nothing.
    Refuse(Refusal),
}

/// Why enrolment refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else is that device, and an operator has to decide.
    #[error(
        "a device of this name is enrolled already; an operator must accept this request first, or revoke the \
         device's certificate if its hardware was replaced; then ask again with the same key"
    )]
    NameLives,
    /// As before, and too many wait for an operator already.
    #[error(
        "a device of this name is enrolled already, and too many requests wait for an operator; ask again later \
         with the same key"
    )]
    QueueFull,
    /// An operator said no.
    #[error("an operator refused this key for this name")]
    Rejected,
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
pub const fn decide(known: Option<Known>, key: Key, word: Word) -> Decision {
    let (device, lifecycle, live, window) = match (key, word, known) {
        (Key::Used, _, _) => return Decision::Refuse(Refusal::KeyUsed),
        (Key::Fresh, Word::Rejected, _) => return Decision::Refuse(Refusal::Rejected),
        (Key::Fresh, Word::Silent | Word::Accepted, None) => return Decision::Create,
        (Key::Fresh, Word::Silent | Word::Accepted, Some(known)) => {
            (known.device, known.lifecycle, known.has_live_credential, known.window_open)
        }
    };
    match lifecycle {
        Lifecycle::Decommissioned => Decision::Refuse(Refusal::Decommissioned),
        Lifecycle::Suspended => Decision::Refuse(Refusal::Suspended),
        Lifecycle::Registered | Lifecycle::Active => match (live, word) {
            (false, _) => Decision::Attach(device),
            (true, Word::Accepted) => Decision::Replace(device),
            (true, Word::Silent | Word::Rejected) if window => Decision::Replace(device),
            (true, Word::Silent | Word::Rejected) => Decision::Pend(device),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: DeviceId = DeviceId::new(7);

    fn known(lifecycle: Lifecycle, has_live_credential: bool) -> Option<Known> {
        Some(Known { device: DEVICE, lifecycle, has_live_credential, window_open: false })
    }

    fn in_window(lifecycle: Lifecycle) -> Option<Known> {
        Some(Known { device: DEVICE, lifecycle, has_live_credential: true, window_open: true })
    }

    #[test]
    fn an_unknown_name_with_a_fresh_key_is_created() {
        assert_eq!(decide(None, Key::Fresh, Word::Silent), Decision::Create);
    }

    #[test]
    fn a_known_name_without_a_live_credential_is_attached() {
        for lifecycle in [Lifecycle::Registered, Lifecycle::Active] {
            let decision = decide(known(lifecycle, false), Key::Fresh, Word::Silent);
            assert_eq!(decision, Decision::Attach(DEVICE));
        }
    }

    #[test]
    fn a_name_with_a_live_credential_is_never_taken_over_without_an_operators_word() {
        for lifecycle in Lifecycle::ALL {
            let decision = decide(known(*lifecycle, true), Key::Fresh, Word::Silent);
            assert!(matches!(decision, Decision::Refuse(_) | Decision::Pend(_)), "{decision:?}");
        }
        let decision = decide(known(Lifecycle::Active, true), Key::Fresh, Word::Silent);
        assert_eq!(decision, Decision::Pend(DEVICE));
    }

    #[test]
    fn an_accepted_key_and_an_open_window_replace_the_credential() {
        let accepted = decide(known(Lifecycle::Active, true), Key::Fresh, Word::Accepted);
        assert_eq!(accepted, Decision::Replace(DEVICE));
        assert_eq!(decide(in_window(Lifecycle::Active), Key::Fresh, Word::Silent), Decision::Replace(DEVICE));
    }

    #[test]
    fn a_rejected_key_is_refused_whatever_else_is_true() {
        for known in [None, known(Lifecycle::Active, false), in_window(Lifecycle::Active)] {
            let decision = decide(known, Key::Fresh, Word::Rejected);
            assert_eq!(decision, Decision::Refuse(Refusal::Rejected));
        }
    }

    #[test]
    fn suspended_and_decommissioned_names_are_refused_whatever_they_hold_and_whoever_accepts() {
        for word in [Word::Silent, Word::Accepted] {
            for live in [false, true] {
                assert_eq!(
                    decide(known(Lifecycle::Suspended, live), Key::Fresh, word),
                    Decision::Refuse(Refusal::Suspended)
                );
                assert_eq!(
                    decide(known(Lifecycle::Decommissioned, live), Key::Fresh, word),
                    Decision::Refuse(Refusal::Decommissioned)
                );
            }
        }
        let decision = decide(in_window(Lifecycle::Suspended), Key::Fresh, Word::Silent);
        assert_eq!(decision, Decision::Refuse(Refusal::Suspended));
    }

    #[test]
    fn a_used_key_is_refused_for_every_name_whoever_accepts() {
        for word in [Word::Silent, Word::Accepted, Word::Rejected] {
            assert_eq!(decide(None, Key::Used, word), Decision::Refuse(Refusal::KeyUsed));
            for lifecycle in Lifecycle::ALL {
                assert_eq!(
                    decide(known(*lifecycle, false), Key::Used, word),
                    Decision::Refuse(Refusal::KeyUsed)
                );
            }
        }
    }
}

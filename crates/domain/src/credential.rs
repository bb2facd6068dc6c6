//! Credentials of devices and claims: their states and when one is good.
//!
//! Knows no certificate format.

use std::fmt;
use std::str::FromStr;

use crate::device::{Lifecycle, words};
use crate::ids::InvalidName;
use crate::time::Timestamp;

words!(
    /// Where a credential stands.
    CredentialStatus {
        /// Made, not yet provisioned to a device.
        Pending = "pending",
        /// Good.
        Active = "active",
        /// Replaced by a newer one of the same device.
        Superseded = "superseded",
        /// Withdrawn by an operator.
        Revoked = "revoked",
        /// Past its end.
        Expired = "expired",
    }
);

words!(
    /// What a credential is for.
    CredentialPurpose {
        /// Signs one device in.
        Device = "device",
        /// May do nothing but provision.
        Claim = "claim",
    }
);

/// Why a peer may not connect, as logged, shown to operators, and told to the peer where the protocol can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectRefusal {
    /// No certificate and no token was presented.
    #[error("no credential was presented; connect with a client certificate or an API token")]
    NoCredential,
    /// The certificate is not known here.
    #[error("the certificate is not known to this server; enrol the device again")]
    Unknown,
    /// The certificate was issued by another authority.
    #[error("the certificate was not issued by this server's authority")]
    WrongIssuer,
    /// The certificate cannot be used by a client, or cannot be read.
    #[error("the certificate cannot be used to sign in: {0}")]
    Unusable(&'static str),
    /// Not valid yet: one of the two clocks is wrong.
    #[error(
        "the certificate is not valid yet; check the clocks of the server and of the machine that signed it"
    )]
    NotYetValid,
    /// Past its end.
    #[error("the certificate has expired; enrol the device again")]
    Expired,
    /// Withdrawn.
    #[error("the certificate was revoked; enrol the device again or use its newer certificate")]
    Revoked,
    /// Replaced by a newer one.
    #[error("the certificate was replaced by a newer one of the same device")]
    Superseded,
    /// Provisioned to nothing yet.
    #[error("the certificate is not activated yet; finish provisioning first")]
    Pending,
    /// The device is out of service.
    #[error("the device is {0}; an operator must make it active first")]
    Lifecycle(Lifecycle),
    /// A token that is unknown, expired or revoked.
    #[error("the token is not valid")]
    BadToken,
    /// The store does not answer, so nobody can be judged.
    #[error("the server cannot check credentials now; try again later")]
    Unavailable,
}

/// Decides whether a certificate credential is good now. The chain was checked before.
///
/// # Errors
/// The first reason why it is not.
pub fn check(
    status: CredentialStatus,
    not_before: Timestamp,
    not_after: Timestamp,
    now: Timestamp,
) -> Result<(), ConnectRefusal> {
    match status {
        CredentialStatus::Revoked => return Err(ConnectRefusal::Revoked),
        CredentialStatus::Superseded => return Err(ConnectRefusal::Superseded),
        CredentialStatus::Expired => return Err(ConnectRefusal::Expired),
        CredentialStatus::Pending => return Err(ConnectRefusal::Pending),
        CredentialStatus::Active => {}
    }
    if now < not_before {
        Err(ConnectRefusal::NotYetValid)
    } else if now >= not_after {
        Err(ConnectRefusal::Expired)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_active_credential_inside_its_time_is_good() {
        let (from, to) = (Timestamp::from_seconds(10), Timestamp::from_seconds(20));
        let at = Timestamp::from_seconds;
        assert_eq!(check(CredentialStatus::Active, from, to, at(10)), Ok(()));
        assert_eq!(check(CredentialStatus::Active, from, to, at(9)), Err(ConnectRefusal::NotYetValid));
        assert_eq!(check(CredentialStatus::Active, from, to, at(20)), Err(ConnectRefusal::Expired));
        for status in CredentialStatus::ALL.iter().filter(|s| **s != CredentialStatus::Active) {
            assert!(check(*status, from, to, at(15)).is_err(), "{status}");
        }
    }
}

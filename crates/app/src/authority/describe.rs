//! What a certificate says of itself, for people to read. Nobody vouches for it; judges nothing.

use windlass_domain::ids::Sha256;
use windlass_domain::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::refusals::Certificate;

/// Reads a certificate (DER); none if it cannot be read.
pub(crate) fn describe(der: &[u8]) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let subject = certificate.subject();
    let common_name = subject.iter_common_name().next().and_then(|name| name.as_str().ok());
    let validity = certificate.validity();
    Some(Certificate {
        subject: subject.to_string(),
        common_name: common_name.map(str::to_owned),
        issuer: certificate.issuer().to_string(),
        fingerprint: Sha256::of(der).to_string(),
        not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
        not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
    })
}

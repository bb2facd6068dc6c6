//! What a certificate file says: for diagnosis. Judges nothing.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use windlass_domain::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::names::from_general;

/// The first certificate of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Host names and addresses, as text.
    pub names: Vec<String>,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
}

/// Reads the first certificate of a PEM text; none if there is no readable one.
pub fn inspect(pem: &str) -> Option<CertificateFacts> {
    let der = CertificateDer::pem_slice_iter(pem.as_bytes()).next()?.ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|extension| from_general(&extension.value.general_names)).unwrap_or_default();
    let text = |name: rcgen::SanType| match name {
        rcgen::SanType::DnsName(name) => Some(name.as_str().to_owned()),
        rcgen::SanType::IpAddress(address) => Some(address.to_string()),
        _ => None,
    };
    let validity = certificate.validity();
    Some(CertificateFacts {
        names: names.into_iter().filter_map(text).collect(),
        not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
        not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Authority;
    use super::super::names::ServerNames;
    use super::*;
    use crate::clock::SystemEntropy;

    #[test]
    fn the_servers_own_certificate_says_its_names_and_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let keys = directory.path().join("keys");
        let now = Timestamp::from_seconds(1_767_225_600);
        let names = ServerNames::only(&["fleet.example", "192.0.2.7"]);
        let authority = Authority::open(&keys, &names, &SystemEntropy, now).unwrap();
        let facts = inspect(&std::fs::read_to_string(keys.join("server.pem")).unwrap()).unwrap();
        assert_eq!(facts.names, ["fleet.example", "192.0.2.7"]);
        assert_eq!(facts.not_after, authority.server_identity().borrow().not_after);
        assert!(facts.not_before < now);
        for bad in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(inspect(bad), None, "{bad}");
        }
    }
}

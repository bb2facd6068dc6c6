//! Keys and certificates of simulated devices, and the TLS settings made from them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate chain with its key, both in PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    /// Leaf first.
    pub(crate) certificate_pem: String,
    /// PKCS #8.
    pub(crate) key_pem: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads `NAME.pem` and `NAME.key` in `directory`; `None` if the certificate is not there.
    pub(crate) fn load(directory: &Path, name: &str) -> anyhow::Result<Option<Self>> {
        let (certificate, key) = files(directory, name);
        if !certificate.exists() {
            return Ok(None);
        }
        let read = |path: &Path| {
            std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
        };
        Ok(Some(Self { certificate_pem: read(&certificate)?, key_pem: read(&key)? }))
    }

    /// Writes both files, the key for its owner only.
    pub(crate) fn save(&self, directory: &Path, name: &str) -> anyhow::Result<()> {
        let (certificate, key) = files(directory, name);
        std::fs::create_dir_all(directory)
            .with_context(|| format!("{} cannot be made", directory.display()))?;
        crate::private_file::write(&key, self.key_pem.as_bytes())?;
        std::fs::write(&certificate, &self.certificate_pem)
            .with_context(|| format!("{} cannot be written", certificate.display()))
    }
}

fn files(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    (directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")))
}

/// A P-256 key and a signing request for it: key in PEM, request in PEM.
pub(crate) fn key_and_request(common_name: &str) -> anyhow::Result<(String, String)> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    let request = parameters.serialize_request(&key)?.pem()?;
    Ok((key.serialize_pem(), request))
}

/// The certificates to trust, from PEM text.
pub(crate) fn roots(pem: &str) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots
            .add(certificate.context("the CA file is not PEM")?)
            .context("the CA file has an unusable certificate")?;
    }
    anyhow::ensure!(!roots.is_empty(), "the CA file has no certificate");
    Ok(roots)
}

/// TLS settings of a client with its own certificate. `resume` keeps session tickets for the next connection.
pub(crate) fn tls(
    roots: &RootCertStore,
    identity: &Identity,
    resume: bool,
) -> anyhow::Result<Arc<rustls::ClientConfig>> {
    let chain = CertificateDer::pem_slice_iter(identity.certificate_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .context("the certificate is not PEM")?;
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).context("the key is not PEM")?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots.clone())
        .with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![b"mqtt".to_vec()];
    if !resume {
        config.resumption = rustls::client::Resumption::disabled();
    }
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn self_signed() -> Identity {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }

    #[test]
    fn an_identity_survives_being_saved_and_the_key_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let identity = self_signed();
        identity.save(directory.path(), "pump-1").unwrap();
        let loaded = Identity::load(directory.path(), "pump-1").unwrap().unwrap();
        assert_eq!(loaded.key_pem, identity.key_pem);
        assert_eq!(loaded.certificate_pem, identity.certificate_pem);
        let mode = std::fs::metadata(directory.path().join("pump-1.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(Identity::load(directory.path(), "pump-2").unwrap().is_none());
    }

    #[test]
    fn an_identity_makes_tls_settings_and_nonsense_does_not() {
        let identity = self_signed();
        let roots = roots(&identity.certificate_pem).unwrap();
        assert!(tls(&roots, &identity, true).is_ok());
        let broken = Identity { key_pem: "no key".to_owned(), ..identity };
        assert!(tls(&roots, &broken, true).is_err());
        assert!(super::roots("").is_err());
    }

    #[test]
    fn a_signing_request_names_the_device() {
        let (key, request) = key_and_request("pump-1").unwrap();
        assert!(key.contains("PRIVATE KEY"));
        assert!(request.contains("CERTIFICATE REQUEST"));
    }
}

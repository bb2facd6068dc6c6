//! CA certificates of a fleet's own, and the chains that they vouch for.
//!
//! Knows neither tenants nor devices: whose name a certificate has is the caller's affair.

use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};
use windlass_domain::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// CA certificates of one tenant.
const MOST: usize = 16;
/// Certificates between the leaf and a CA certificate. Every order of them is tried, before anybody proved anything.
const MOST_BETWEEN: usize = 3;

/// Said of a certificate whose extended key usage is another one, or none.
const NOT_FOR_CLIENTS: &str = "the certificate is not made for clients (extended key usage clientAuth)";

/// Reads CA certificates, PEM; an empty text holds none.
///
/// # Errors
/// What is wrong, and what is allowed.
pub(crate) fn read_authorities(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = || "must be certificates in PEM".to_owned();
    let read = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let certificates = read.map_err(|_| unreadable())?;
    if certificates.is_empty() && !pem.trim().is_empty() {
        return Err(unreadable());
    }
    if pem.matches("-----BEGIN").count() != certificates.len() {
        return Err("must hold nothing but certificates, and above all no key".to_owned());
    }
    if certificates.len() > MOST {
        return Err(format!("must be at most {MOST} certificates"));
    }
    for (place, der) in certificates.iter().enumerate() {
        let number = place.saturating_add(1);
        let (_, certificate) = X509Certificate::from_der(der)
            .map_err(|_| format!("certificate {number} of it cannot be read"))?;
        if !certificate.is_ca() {
            return Err(format!("certificate {number} of it, {}, is not a CA's", certificate.subject()));
        }
        if anchor_from_trusted_cert(der).is_err() {
            return Err(format!("certificate {number} of it, {}, cannot be used", certificate.subject()));
        }
    }
    Ok(certificates)
}

/// The name in a client certificate (the leaf of `chain`) that one of `authorities`, PEM, vouches for now, by itself or by
/// what else is in the chain: its common name, or where it has none the one name of its extension.
///
/// # Errors
/// Why it proves nothing, as a sentence.
pub(crate) fn name_vouched_for(
    chain: &[CertificateDer<'static>],
    authorities: &str,
    now: Timestamp,
) -> Result<String, String> {
    let authorities = read_authorities(authorities)?;
    let anchors: Vec<TrustAnchor<'_>> = authorities
        .iter()
        .filter(|authority| is_in_time(authority, now))
        .filter_map(|authority| anchor_from_trusted_cert(authority).ok())
        .collect();
    let Some((leaf, between)) = chain.split_first() else {
        return Err("there is no certificate".to_owned());
    };
    if between.len() > MOST_BETWEEN {
        return Err(format!("the client sends more than {MOST_BETWEEN} certificates beside its own"));
    }
    let seconds = u64::try_from(now.seconds()).unwrap_or_default();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    verify(leaf, between, &anchors, time).map_err(|error| match error {
        Error::UnknownIssuer => {
            "no CA certificate of the setting authentication.certificate.authorities that is valid now vouches for \
             the certificate"
                .to_owned()
        }
        Error::CertExpired { .. } => "the certificate, or one between it and its CA, has expired".to_owned(),
        Error::CertNotValidYet { .. } => {
            "the certificate, or one between it and its CA, is not valid yet; check the clocks".to_owned()
        }
        Error::RequiredEkuNotFoundContext(_) => NOT_FOR_CLIENTS.to_owned(),
        other => format!("the certificate cannot be used to sign in: {other}"),
    })?;
    let (_, certificate) =
        X509Certificate::from_der(leaf).map_err(|_| "the certificate cannot be read".to_owned())?;
    match certificate.extended_key_usage() {
        Ok(Some(usage)) if usage.value.client_auth => {}
        _ => return Err(NOT_FOR_CLIENTS.to_owned()),
    }
    name_of(&certificate).ok_or_else(|| "the certificate has no name, or more than one".to_owned())
}

fn verify(
    leaf: &CertificateDer<'_>,
    between: &[CertificateDer<'_>],
    anchors: &[TrustAnchor<'_>],
    time: UnixTime,
) -> Result<(), Error> {
    let certificate = EndEntityCert::try_from(leaf)?;
    let client = KeyUsage::client_auth();
    certificate.verify_for_usage(ALL_VERIFICATION_ALGS, anchors, between, time, client, None, None)?;
    Ok(())
}

fn is_in_time(der: &CertificateDer<'_>, now: Timestamp) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(_, certificate)| {
        let validity = certificate.validity();
        let (first, last) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        (first..=last).contains(&now.seconds())
    })
}

fn name_of(certificate: &X509Certificate<'_>) -> Option<String> {
    let mut common = certificate.subject().iter_common_name();
    match (common.next(), common.next()) {
        (Some(name), None) => return name.as_str().ok().map(ToOwned::to_owned),
        (Some(_), Some(_)) => return None,
        (None, _) => {}
    }
    let names = certificate.subject_alternative_name().ok().flatten()?;
    match names.value.general_names.as_slice() {
        [GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name)] => {
            Some((*name).to_owned())
        }
        _ => None,
    }
}

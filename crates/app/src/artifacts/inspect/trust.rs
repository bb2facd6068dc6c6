//! Whom a signature is trusted for: certificates that an operator named, either of signers or of authorities that certified
//! them. Pure.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use windlass_domain::software::inspection::{Seal, Standing, Unnamed};
use windlass_domain::time::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::{digest, text};
use crate::error::FieldProblem;

/// Most certificates that may be named.
pub(crate) const SIGNERS: usize = 16;
/// Most bytes of one, as PEM.
pub(crate) const SIGNER_BYTES: usize = 16 * 1024;
/// Longest chain from a signer to an authority that is named.
const CHAIN: usize = 5;

/// A certificate that is trusted to sign, or to certify who signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signer(Vec<u8>);

impl Signer {
    /// Reads a certificate from its PEM text.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub(crate) fn read(pem: &str) -> Result<Self, String> {
        if pem.len() > SIGNER_BYTES {
            return Err(format!("at most {SIGNER_BYTES} bytes"));
        }
        let mut found = CertificateDer::pem_slice_iter(pem.as_bytes());
        let first = found.next().and_then(Result::ok).ok_or("not a certificate in PEM")?;
        if found.next().is_some() {
            return Err("one certificate each".to_owned());
        }
        X509Certificate::from_der(&first).map_err(|_| "not an X.509 certificate")?;
        Ok(Self(first.as_ref().to_vec()))
    }
}

/// What is wrong with certificates that somebody names under `signers`, each by its place.
pub(crate) fn problems(signers: &[String]) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if signers.len() > SIGNERS {
        problems.push(FieldProblem::new("signers", format!("must be at most {SIGNERS}")));
    }
    for (position, pem) in signers.iter().take(SIGNERS).enumerate() {
        if let Err(problem) = Signer::read(pem) {
            problems.push(FieldProblem::new(format!("signers.{position}"), problem));
        }
    }
    problems
}

/// Whose names certificates have, for people.
pub(crate) fn names(signers: &[String]) -> Vec<String> {
    let read_one = |pem: &String| Signer::read(pem).ok().and_then(|signer| Some(name(&read(&signer.0)?)));
    signers.iter().filter_map(read_one).collect()
}

/// What a signature is worth to whoever trusts these.
pub(crate) fn judge(seal: &Seal, trusted: &[Signer], now: Timestamp) -> Standing {
    let named: Vec<X509Certificate<'_>> = trusted.iter().filter_map(|signer| read(&signer.0)).collect();
    match seal {
        Seal::None => Standing::Unsigned,
        Seal::Unreadable(why) => Standing::Unreadable(why.clone()),
        Seal::Unnamed(signatures) => signatures
            .iter()
            .find_map(|signature| by_known_key(signature, &named, now))
            .unwrap_or(Standing::UnknownSigner),
        Seal::Certified { signers, others } => {
            let others: Vec<X509Certificate<'_>> = others.iter().filter_map(|other| read(other)).collect();
            let standings = signers.iter().filter_map(|signer| read(signer)).map(|signer| {
                let (by, until) = (name(&signer), end(&signer));
                match doubt(&signer, &named, &others, now) {
                    None => Standing::Valid { by, until },
                    Some(why) => Standing::Untrusted { by, until, why },
                }
            });
            let mut standings: Vec<Standing> = standings.collect();
            let best = standings.iter().position(|standing| standing.fault().is_none()).unwrap_or_default();
            if best < standings.len() { standings.swap_remove(best) } else { Standing::UnknownSigner }
        }
    }
}

fn read(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate)
}

fn name(certificate: &X509Certificate<'_>) -> String {
    let common = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    text(&common.map_or_else(|| certificate.subject().to_string(), ToOwned::to_owned))
}

fn end(certificate: &X509Certificate<'_>) -> Timestamp {
    Timestamp::from_seconds(certificate.validity().not_after.timestamp())
}

/// Why the certificate itself may not sign now.
fn unfit(certificate: &X509Certificate<'_>, now: Timestamp) -> Option<String> {
    if now > end(certificate) {
        return Some("its certificate has ended".to_owned());
    }
    if now < Timestamp::from_seconds(certificate.validity().not_before.timestamp()) {
        return Some("its certificate is not valid yet".to_owned());
    }
    None
}

/// Extended key usage, where there is any, must be for mail (as SWUpdate and RAUC demand it) or for code.
fn unusable(certificate: &X509Certificate<'_>) -> bool {
    match certificate.extended_key_usage() {
        Ok(None) => false,
        Ok(Some(usage)) => !(usage.value.email_protection || usage.value.code_signing || usage.value.any),
        Err(_) => true,
    }
}

fn by_known_key(signature: &Unnamed, named: &[X509Certificate<'_>], now: Timestamp) -> Option<Standing> {
    let Unnamed { digest: kind, value, signature } = signature;
    let signer =
        named.iter().find(|signer| digest::signed(signer.public_key().raw, *kind, value, signature))?;
    let (by, until) = (name(signer), end(signer));
    Some(match unfit(signer, now) {
        None => Standing::Valid { by, until },
        Some(why) => Standing::Untrusted { by, until, why },
    })
}

/// Why a signer whose signature holds is not trusted; none if it is.
fn doubt(
    signer: &X509Certificate<'_>,
    named: &[X509Certificate<'_>],
    others: &[X509Certificate<'_>],
    now: Timestamp,
) -> Option<String> {
    if let Some(why) = unfit(signer, now) {
        return Some(why);
    }
    if unusable(signer) {
        return Some("its certificate is for neither e-mail nor code".to_owned());
    }
    let mut last = signer;
    for _ in 0..CHAIN {
        if named.iter().any(|trusted| trusted.as_raw() == last.as_raw()) {
            return None;
        }
        let issued = |issuer: &&X509Certificate<'_>| {
            issuer.is_ca()
                && issuer.subject() == last.issuer()
                && unfit(issuer, now).is_none()
                && last.verify_signature(Some(issuer.public_key())).is_ok()
        };
        if named.iter().any(|trusted| issued(&trusted)) {
            return None;
        }
        match others.iter().find(issued) {
            Some(issuer) => last = issuer,
            None => break,
        }
    }
    Some("neither it nor an authority that certified it is among the trusted signers".to_owned())
}

//! What a refused peer and its listener say, cleaned and cut: all of it is hostile until then.
//!
//! Knows neither devices nor the log that keeps it.

use std::net::SocketAddr;

use rustls_pki_types::CertificateDer;
use windlass_domain::ids::{DeviceId, TenantId};
use windlass_domain::time::Timestamp;

use crate::authority::{self};
use crate::message::Peer;
use crate::refusals::cause::{Cause, Stage};

/// Most bytes of a name or an id that a peer gives itself.
pub(super) const SHORT: usize = 128;
/// Most bytes of a subject, a topic, or a sentence of a library.
pub(super) const LONG: usize = 256;

/// What a certificate says of itself. Nobody vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// All of the subject: `CN=pump-1, O=Acme`.
    pub subject: String,
    /// Its common name.
    pub common_name: Option<String>,
    /// All of the issuer.
    pub issuer: String,
    /// SHA-256 of the certificate (DER), hex.
    pub fingerprint: String,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
}

/// What a refused peer said of itself. Nobody vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claimed {
    /// Its client certificate.
    pub certificate: Option<Certificate>,
    /// Client id of its CONNECT.
    pub client_id: Option<String>,
    /// User name of its CONNECT.
    pub user_name: Option<String>,
    /// The server name that it asked for.
    pub server_name: Option<String>,
}

impl Claimed {
    /// Reads what a client certificate says, leaf first.
    pub fn of_chain(chain: &[CertificateDer<'_>]) -> Self {
        Self { certificate: chain.first().and_then(|leaf| authority::describe(leaf)), ..Self::default() }
    }

    /// Whom the peer says to be: by certificate, else by client id, else by user name.
    pub fn name(&self) -> Option<&str> {
        let certificate = self.certificate.as_ref().and_then(|own| own.common_name.as_deref());
        certificate
            .or(self.client_id.as_deref())
            .or(self.user_name.as_deref())
            .filter(|name| !name.is_empty())
    }

    /// What tells two peers of one address apart.
    pub(super) fn identity(&self) -> String {
        let fingerprint = self.certificate.as_ref().map_or("", |own| own.fingerprint.as_str());
        format!(
            "{fingerprint} {}",
            self.client_id.as_deref().or(self.user_name.as_deref()).unwrap_or_default()
        )
    }

    pub(super) fn cleaned(self) -> Self {
        let Self { certificate, client_id, user_name, server_name } = self;
        let short =
            |text: Option<String>| text.map(|text| clean(&text, SHORT)).filter(|text| !text.is_empty());
        Self {
            certificate: certificate.map(|own| {
                let Certificate { subject, common_name, issuer, fingerprint, not_before, not_after } = own;
                Certificate {
                    subject: clean(&subject, LONG),
                    common_name: short(common_name),
                    issuer: clean(&issuer, LONG),
                    fingerprint: clean(&fingerprint, SHORT),
                    not_before,
                    not_after,
                }
            }),
            client_id: short(client_id),
            user_name: short(user_name),
            server_name: server_name.map(|name| clean(&name, LONG)),
        }
    }
}

/// Whose refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Whose server the peer wanted.
    pub tenant: TenantId,
    /// Which device it is, or says to be.
    pub device: Option<DeviceId>,
}

impl Owner {
    /// Of a peer that signed in.
    pub fn of(peer: &Peer) -> Self {
        match peer {
            Peer::Device(device) => Self { tenant: device.tenant, device: Some(device.device) },
            Peer::Claim(claim) => Self { tenant: claim.tenant, device: None },
            Peer::Application(application) => Self { tenant: application.principal.tenant, device: None },
        }
    }
}

/// A refusal, as a listener tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// How far the peer had come.
    pub stage: Stage,
    /// Why.
    pub cause: Cause,
    /// Where it connected from.
    pub address: SocketAddr,
    /// What was spoken, as far as that was known: `mqtt 5`, `https`, …
    pub protocol: Option<&'static str>,
    /// What it said of itself.
    pub claimed: Claimed,
    /// Whose it is, where the peer had signed in.
    pub owner: Option<Owner>,
    /// How many refusals this tells of at once.
    pub count: u32,
}

impl Refused {
    pub(super) fn cleaned(self) -> Self {
        let long = |text: String| clean(&text, LONG);
        let cause = match self.cause {
            Cause::ServerNotTrusted(text) => Cause::ServerNotTrusted(long(text)),
            Cause::ClientAlert(text) => Cause::ClientAlert(long(text)),
            Cause::NothingInCommon(text) => Cause::NothingInCommon(long(text)),
            Cause::BadHandshake(text) => Cause::BadHandshake(long(text)),
            Cause::BadCertificate(text) => Cause::BadCertificate(long(text)),
            Cause::Request(code, text) => Cause::Request(code, long(text)),
            Cause::Filter(text) => Cause::Filter(long(text)),
            Cause::BadFilter(text) => Cause::BadFilter(long(text)),
            Cause::TooManySubscriptions(text) => Cause::TooManySubscriptions(long(text)),
            Cause::Topic(text, refusal) => Cause::Topic(long(text), refusal),
            Cause::BadTopic(text) => Cause::BadTopic(long(text)),
            said @ (Cause::PlainMqtt
            | Cause::PlainHttp
            | Cause::NotTls
            | Cause::KeyNotProven
            | Cause::BrokenOff
            | Cause::TooSlow(_)
            | Cause::Busy
            | Cause::UnknownProtocol
            | Cause::BadConnect(_)
            | Cause::MqttVersion
            | Cause::Credential(_)) => said,
        };
        Self { cause, claimed: self.claimed.cleaned(), ..self }
    }
}

/// Text of strangers that people can look at: without control characters and marks that change the direction of
/// writing or cannot be seen, and not longer than `most` bytes.
pub(super) fn clean(text: &str, most: usize) -> String {
    let mut cleaned = String::new();
    for c in text.chars() {
        let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        let c = if c.is_control() || hidden { char::REPLACEMENT_CHARACTER } else { c };
        if cleaned.len() + c.len_utf8() > most {
            break;
        }
        cleaned.push(c);
    }
    cleaned
}

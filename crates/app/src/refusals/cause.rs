//! Why a peer was refused: a stable code, a sentence, and what to do about it. Pure; knows neither where refusals are
//! kept nor who reads them.

use windlass_domain::credential::ConnectRefusal;
use windlass_domain::device::Lifecycle;
use windlass_domain::time::Timestamp;

use super::{Certificate, Claimed};
use crate::message::TopicRefusal;

/// How far a peer had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Before the end of the TLS handshake.
    Tls,
    /// MQTT CONNECT, or what came in its place.
    Connect,
    /// A subscription.
    Subscribe,
    /// A message.
    Publish,
    /// An HTTP request on the device port.
    Http,
}

/// Why. Texts come from peers and were not cleaned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// MQTT without TLS on a port that speaks TLS.
    PlainMqtt,
    /// HTTP without TLS on a port that speaks TLS.
    PlainHttp,
    /// Neither TLS nor a protocol that is known here.
    NotTls,
    /// The client does not accept this server's certificate; the alert that it sent.
    ServerNotTrusted(String),
    /// Another alert of the client.
    ClientAlert(String),
    /// No version, cipher suite or signature scheme that both sides know.
    NothingInCommon(String),
    /// The client could not show that it holds the key of its certificate.
    KeyNotProven,
    /// The client's certificate cannot be read, as one of X.509 version 1.
    BadCertificate(String),
    /// The connection ended before the handshake did.
    BrokenOff,
    /// The client broke the rules of TLS.
    BadHandshake(String),
    /// TLS and CONNECT took too long; the seconds that were granted.
    TooSlow(u64),
    /// Too many peers at once.
    Busy,
    /// Neither MQTT nor HTTP inside TLS.
    UnknownProtocol,
    /// No CONNECT, or one that cannot be read.
    BadConnect(&'static str),
    /// Neither MQTT 3.1.1 nor 5.
    MqttVersion,
    /// The credential.
    Credential(ConnectRefusal),
    /// Something that CONNECT asked for; a stable code and the sentence that the client got.
    Request(&'static str, String),
    /// A filter that the peer may not subscribe to.
    Filter(String),
    /// A filter that no client can subscribe to here.
    BadFilter(String),
    /// More subscriptions than one connection may have.
    TooManySubscriptions(String),
    /// A topic that the peer may not publish to.
    Topic(String, TopicRefusal),
    /// A topic that no client can publish to here.
    BadTopic(String),
}

/// What this server says of itself in sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Here {
    /// Subject of the CA that signs devices' certificates.
    pub issuer: String,
    /// Fingerprint of the root that clients are to trust.
    pub root: String,
}

/// A sentence, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What happened.
    pub detail: String,
    /// What to do.
    pub action: String,
}

impl Cause {
    /// Stable, for programs and for counting together.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PlainMqtt => "tls.plainMqtt",
            Self::PlainHttp => "tls.plainHttp",
            Self::NotTls => "tls.notTls",
            Self::ServerNotTrusted(_) => "tls.serverNotTrusted",
            Self::ClientAlert(_) => "tls.clientAlert",
            Self::NothingInCommon(_) => "tls.nothingInCommon",
            Self::KeyNotProven => "tls.keyNotProven",
            Self::BadCertificate(_) => "tls.badCertificate",
            Self::BrokenOff => "tls.brokenOff",
            Self::BadHandshake(_) => "tls.badHandshake",
            Self::TooSlow(_) => "timeout",
            Self::Busy => "busy",
            Self::UnknownProtocol => "protocol.unknown",
            Self::BadConnect(_) => "protocol.badConnect",
            Self::MqttVersion => "protocol.version",
            Self::Credential(refusal) => credential_code(refusal),
            Self::Request(code, _) => code,
            Self::Filter(_) => "filter.notAuthorized",
            Self::BadFilter(_) => "filter.invalid",
            Self::TooManySubscriptions(_) => "filter.tooMany",
            Self::Topic(_, TopicRefusal::NotAuthorized) => "topic.notAuthorized",
            Self::Topic(_, TopicRefusal::Unmapped) => "topic.unmapped",
            Self::BadTopic(_) => "topic.invalid",
        }
    }

    /// Says it for people. `claimed` is what the peer said of itself.
    pub fn explain(&self, claimed: &Claimed, here: &Here, at: Timestamp) -> Explained {
        let say = |detail: String, action: &str| Explained { detail, action: action.to_owned() };
        match self {
            Self::PlainMqtt => say(
                "the client speaks MQTT without TLS on a port that speaks TLS only".to_owned(),
                "switch TLS on in the client (often mqtts:// or ssl://) and give it this server's CA",
            ),
            Self::PlainHttp => say(
                "the client speaks HTTP without TLS on a port that speaks TLS only".to_owned(),
                "use https:// in the client, with this server's CA",
            ),
            Self::NotTls => say(
                "the first bytes were no TLS handshake".to_owned(),
                "check that the client speaks MQTT or HTTPS over TLS and means this port",
            ),
            Self::ServerNotTrusted(alert) => Explained {
                detail: format!("the client does not accept this server's certificate (alert {alert})"),
                action: format!(
                    "give the client the CA from /api/v1/ca.pem (root SHA-256 {}) and let it connect by a name \
                     that is in the server's certificate (add one with --hostname); check the client's clock",
                    here.root
                ),
            },
            Self::ClientAlert(alert) => say(
                format!("the client ended the TLS handshake (alert {alert})"),
                "look into the client's own log; a library may be too old or its settings too strict",
            ),
            Self::NothingInCommon(what) => say(
                format!("client and server have nothing in common: {what}"),
                "let the client offer TLS 1.2 or 1.3 with an ECDHE suite and P-256 or X25519",
            ),
            Self::KeyNotProven => say(
                "the client could not prove that it holds the key of its certificate".to_owned(),
                "the certificate and the key in the client do not belong together; install both again",
            ),
            Self::BadCertificate(what) => say(
                format!("the client's certificate cannot be used: {what}"),
                "give the client a certificate of X.509 version 3 (one with extensions) whose key is RSA, P-256 or P-384",
            ),
            Self::BrokenOff => say(
                "the client ended the connection in the middle of the TLS handshake".to_owned(),
                "most often it does not trust this server's CA, or its network broke; look into its own log",
            ),
            Self::BadHandshake(what) => say(
                format!("the TLS handshake failed: {what}"),
                "look into the client's own log; something between may also change what is sent",
            ),
            Self::TooSlow(seconds) => say(
                format!("TLS handshake and CONNECT were not done within {seconds} s"),
                "the client connects but says nothing or too little: check its network, and that it sends CONNECT",
            ),
            Self::Busy => say(
                "too many peers were connecting at once".to_owned(),
                "the client may try again; let fleets wait a random time before they come back",
            ),
            Self::UnknownProtocol => say(
                "neither MQTT nor HTTP was spoken inside TLS".to_owned(),
                "check that the client is an MQTT 3.1.1 or 5 or an HTTP client",
            ),
            Self::BadConnect(what) => say(
                (*what).to_owned(),
                "check the client's MQTT library: it has to begin with a CONNECT of 3.1.1 or 5",
            ),
            Self::MqttVersion => say(
                "the client speaks neither MQTT 3.1.1 nor 5".to_owned(),
                "set the client's protocol version to 3.1.1 (level 4) or 5",
            ),
            Self::Credential(refusal) => explain_credential(refusal, claimed, here, at),
            Self::Request(_, sentence) => {
                say(sentence.clone(), "change what the client asks for in its CONNECT")
            }
            Self::Filter(filter) => say(
                format!("subscription refused: {filter} is not a filter of this client's own topics"),
                "a device may subscribe below $aws/things/<its name>/ and devices/<its name>/ only",
            ),
            Self::BadFilter(filter) => say(
                format!("subscription refused: {filter} is not a filter that can be used here"),
                "filters are at most 256 bytes and 8 levels, # comes last, and shared subscriptions are not offered",
            ),
            Self::TooManySubscriptions(filter) => say(
                format!("subscription refused: {filter} would be one more than a connection may have"),
                "subscribe with wildcards, or unsubscribe from what is not needed",
            ),
            Self::Topic(topic, TopicRefusal::Unmapped) => say(
                format!("topic refused: nothing maps {topic} to telemetry, events or logs"),
                "add the topic to the topic map of the device's type, or let the device publish elsewhere",
            ),
            Self::Topic(topic, TopicRefusal::NotAuthorized) => say(
                format!("topic refused: {topic} is not one of this client's own topics"),
                "check the name in the topic: a device may publish under its own name or alias only, a gateway also under \
                 its children's",
            ),
            Self::BadTopic(topic) => say(
                format!("topic refused: {topic} is longer or deeper than topics may be"),
                "topics are at most 256 bytes and 8 levels",
            ),
        }
    }
}

const fn credential_code(refusal: &ConnectRefusal) -> &'static str {
    match refusal {
        ConnectRefusal::NoCredential => "credential.missing",
        ConnectRefusal::Unknown => "credential.unknown",
        ConnectRefusal::WrongIssuer => "credential.wrongIssuer",
        ConnectRefusal::Unusable(_) => "credential.unusable",
        ConnectRefusal::NotYetValid => "credential.notYetValid",
        ConnectRefusal::Expired => "credential.expired",
        ConnectRefusal::Revoked => "credential.revoked",
        ConnectRefusal::Superseded => "credential.superseded",
        ConnectRefusal::Pending => "credential.pending",
        ConnectRefusal::Lifecycle(Lifecycle::Decommissioned) => "device.decommissioned",
        ConnectRefusal::Lifecycle(_) => "device.suspended",
        ConnectRefusal::BadToken => "credential.badToken",
        ConnectRefusal::Unavailable => "unavailable",
    }
}

fn explain_credential(refusal: &ConnectRefusal, claimed: &Claimed, here: &Here, at: Timestamp) -> Explained {
    let certificate = claimed.certificate.as_ref();
    let detail = |more: Option<String>| more.unwrap_or_else(|| refusal.to_string());
    let validity = |what: fn(&Certificate, Timestamp) -> String| certificate.map(|own| what(own, at));
    let (detail, action) = match refusal {
        ConnectRefusal::NoCredential => (
            detail(None),
            "give the device its certificate and key; an application uses an API token as its password"
                .to_owned(),
        ),
        ConnectRefusal::Unknown => (
            detail(certificate.map(|own| {
                format!("the certificate of {} was signed here but is not known any more", own.subject)
            })),
            "sign a new certificate for the device or let it enrol again; was an older backup restored?"
                .to_owned(),
        ),
        ConnectRefusal::WrongIssuer => (
            detail(certificate.map(|own| {
                format!("the certificate was issued by {}; this server's CA is {}", own.issuer, here.issuer)
            })),
            "sign it here (windlass device cert sign NAME CSR) or let the device enrol with a claim"
                .to_owned(),
        ),
        ConnectRefusal::Unusable(_) => (
            detail(None),
            "make a certificate for clients (extended key usage clientAuth) that is no authority's"
                .to_owned(),
        ),
        ConnectRefusal::NotYetValid => (
            detail(validity(|own, at| {
                format!(
                    "the certificate is not valid before {}; the server's clock says {at}",
                    own.not_before
                )
            })),
            "the clock of this server or of the machine that signed it is wrong: correct it".to_owned(),
        ),
        ConnectRefusal::Expired => (
            detail(validity(|own, at| {
                format!("the certificate ended at {}; the server's clock says {at}", own.not_after)
            })),
            "sign a new certificate for the device or let it enrol again; check the server's clock"
                .to_owned(),
        ),
        ConnectRefusal::Revoked => (
            detail(None),
            "if it was revoked by mistake, sign a new certificate for the device; else find out who uses it"
                .to_owned(),
        ),
        ConnectRefusal::Superseded => (
            detail(None),
            "the device uses an old certificate: install its newer one, or sign another".to_owned(),
        ),
        ConnectRefusal::Pending => {
            (detail(None), "let the device finish provisioning, which activates the certificate".to_owned())
        }
        ConnectRefusal::Lifecycle(Lifecycle::Decommissioned) => (
            detail(None),
            "the device was taken out of service; register the hardware anew if it is to be used again"
                .to_owned(),
        ),
        ConnectRefusal::Lifecycle(_) => {
            (detail(None), "resume the device (windlass device resume NAME) if it may connect".to_owned())
        }
        ConnectRefusal::BadToken => (
            detail(None),
            "make a new API token; a device signs in with its certificate, not with a password".to_owned(),
        ),
        ConnectRefusal::Unavailable => (
            detail(None),
            "look into the server's log: its database does not answer or it lags behind the other nodes"
                .to_owned(),
        ),
    };
    Explained { detail, action }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed() -> Claimed {
        Claimed {
            certificate: Some(Certificate {
                subject: "CN=pump-1".to_owned(),
                common_name: Some("pump-1".to_owned()),
                issuer: "CN=Another CA".to_owned(),
                fingerprint: "ab".to_owned(),
                not_before: Timestamp::from_seconds(100),
                not_after: Timestamp::from_seconds(200),
            }),
            ..Claimed::default()
        }
    }

    #[test]
    fn a_sentence_names_what_the_reader_has_to_compare() {
        let here = Here { issuer: "CN=Windlass Issuing CA 1".to_owned(), root: "c0ffee".to_owned() };
        let at = Timestamp::from_seconds(50);
        for (refusal, parts) in [
            (ConnectRefusal::WrongIssuer, ["CN=Another CA", "CN=Windlass Issuing CA 1"]),
            (ConnectRefusal::NotYetValid, ["1970-01-01T00:01:40Z", "1970-01-01T00:00:50Z"]),
            (ConnectRefusal::Expired, ["1970-01-01T00:03:20Z", "1970-01-01T00:00:50Z"]),
        ] {
            let said = Cause::Credential(refusal).explain(&claimed(), &here, at);
            assert!(parts.iter().all(|part| said.detail.contains(part)), "{said:?}");
        }
        let said = Cause::ServerNotTrusted("UnknownCA".to_owned()).explain(&claimed(), &here, at);
        assert!(said.detail.contains("UnknownCA") && said.action.contains("c0ffee"), "{said:?}");
    }

    #[test]
    fn without_a_certificate_the_sentence_is_the_one_that_the_client_got() {
        for refusal in [ConnectRefusal::WrongIssuer, ConnectRefusal::Expired, ConnectRefusal::NoCredential] {
            let said = Cause::Credential(refusal.clone()).explain(
                &Claimed::default(),
                &Here::default(),
                Timestamp::from_seconds(0),
            );
            assert_eq!(said.detail, refusal.to_string());
            assert!(!said.action.is_empty());
        }
    }
}

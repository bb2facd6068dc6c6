//! Mail by SMTP, to the one server that the configuration names. That server counts as listed: it may be inside.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use rustls::CertificateError;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use windlass_app::error::chain;
use windlass_app::outbound::Mail;

/// How long the mail server may be silent.
const SILENCE: Duration = Duration::from_secs(10);

/// How the mail server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// In the clear.
    None,
    /// In the clear at first, then TLS or nothing.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// The section `[smtp]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Name or address of the mail server.
    pub host: String,
    /// Absent: 25, 587 or 465, by `tls`.
    #[serde(default)]
    pub port: Option<u16>,
    /// How it is spoken to.
    #[serde(default)]
    pub tls: SmtpTls,
    /// A file with certificates (PEM) that are trusted besides those of the machine.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who signs in, if anybody has to.
    #[serde(default)]
    pub user: Option<String>,
    /// A file that holds the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Who mails come from: `windlass@example.com`, or `Windlass <windlass@example.com>`.
    pub from: String,
}

/// Told to other programs that answer mail: nobody reads it.
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Sends mails.
#[derive(Debug)]
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    pub(super) fn new(smtp: &Smtp) -> Result<Self, String> {
        let Smtp { host, port, tls, ca_file, user, password_file, from } = smtp;
        let from: Mailbox = from
            .parse()
            .map_err(|_| "smtp.from must be an address such as windlass@example.com".to_owned())?;
        let parameters = || {
            let mut builder = TlsParameters::builder(host.clone());
            if let Some(path) = ca_file {
                let pem = std::fs::read(path)
                    .map_err(|error| format!("smtp.ca_file {} cannot be read: {error}", path.display()))?;
                let none = || format!("smtp.ca_file {} holds no certificate", path.display());
                if CertificateDer::pem_slice_iter(&pem).next().is_none() {
                    return Err(none());
                }
                let certificate = Certificate::from_pem(&pem).map_err(|_| none())?;
                builder = builder.add_root_certificate(certificate);
            }
            builder.build().map_err(|error| format!("smtp: TLS cannot be used: {}", chain(&error)))
        };
        let (usual, tls) = match tls {
            SmtpTls::None => (25, Tls::None),
            SmtpTls::StartTls => (587, Tls::Required(parameters()?)),
            SmtpTls::Tls => (465, Tls::Wrapper(parameters()?)),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.as_str())
            .port(port.unwrap_or(usual))
            .tls(tls)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(SILENCE));
        match (user, password_file) {
            (Some(user), Some(path)) => {
                let password = std::fs::read_to_string(path).map_err(|error| {
                    format!("smtp.password_file {} cannot be read: {error}", path.display())
                })?;
                let password = password.trim_end_matches(['\r', '\n']).to_owned();
                transport = transport.credentials(Credentials::new(user.clone(), password));
            }
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => {
                return Err("smtp.user and smtp.password_file go together; give both or neither".to_owned());
            }
        }
        Ok(Self { transport: transport.build(), from })
    }

    /// One try; taken when the mail server says so.
    pub(super) async fn send(&self, mail: Mail) -> Result<(), String> {
        let message = compose(&self.from, &mail)?;
        // The error's own text has its cause in it.
        self.transport.send(message).await.map(drop).map_err(|error| match advice(&error) {
            Some(advice) => format!("{error}; {advice}"),
            None => error.to_string(),
        })
    }
}

/// What to do where the mail server offers no TLS, or its certificate is not believed.
fn advice(error: &lettre::transport::smtp::Error) -> Option<&'static str> {
    if error.is_client() && error.to_string().contains("STARTTLS") {
        return Some("set smtp.tls to \"tls\" and its port, or to \"none\" where nobody can listen");
    }
    let first: &(dyn std::error::Error + 'static) = error;
    let mut links = std::iter::successors(Some(first), |link| link.source());
    let refused = links.find_map(|link| {
        let inside = link.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let refused = inside.map_or(link.downcast_ref(), |inside| inside.downcast_ref());
        match refused {
            Some(rustls::Error::InvalidCertificate(refused)) => Some(refused),
            _ => None,
        }
    })?;
    Some(match refused {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "smtp.host must be a name that the mail server's certificate is for"
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "the mail server's certificate does not hold today; renew it, or set the clocks"
        }
        _ => {
            "the mail server's certificate is of nobody trusted; name its authority's certificate in smtp.ca_file"
        }
    })
}

fn compose(from: &Mailbox, mail: &Mail) -> Result<Message, String> {
    let Mail { id, at, to, subject, text } = mail;
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(at.seconds().unsigned_abs());
    let domain = from.email.domain();
    let mut builder = Message::builder()
        .from(from.clone())
        .date(date)
        .subject(subject.as_str())
        .message_id(Some(format!("<{id}@{domain}>")))
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN);
    for address in to {
        let address: Address = address.as_str().parse().map_err(|_| format!("{address} is no address"))?;
        builder = builder.to(Mailbox::new(None, address));
    }
    builder.body(text.clone()).map_err(|error| format!("the mail cannot be written: {}", chain(&error)))
}

#[cfg(test)]
mod tests {
    use windlass_domain::time::Timestamp;

    use super::*;

    #[test]
    fn a_mail_has_the_headers_it_should_and_no_others() {
        let mail = Mail {
            id: "msg_1".to_owned(),
            at: Timestamp::from_seconds(1_767_225_600),
            to: vec!["ops@example.com".parse().unwrap(), "eve@example.com".parse().unwrap()],
            subject: "pump-ä\r\nBcc: all@example.com".to_owned(),
            text: "line\r\n.\r\nRCPT TO:<all@example.com>\nBcc: all@example.com\n".to_owned(),
        };
        let from = "Windlass <windlass@example.com>".parse().unwrap();
        let message = compose(&from, &mail).unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        let (head, _body) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split_once(": ").unwrap().0)
            .collect();
        let wanted = [
            "From",
            "Date",
            "Subject",
            "Message-ID",
            "Auto-Submitted",
            "Content-Type",
            "To",
            "Content-Transfer-Encoding",
        ];
        assert_eq!(names, wanted, "{head}");
        assert!(head.contains("<msg_1@example.com>") && head.contains("Thu, 01 Jan 2026"), "{head}");
        assert_eq!(message.envelope().to().len(), 2);
    }

    #[test]
    fn settings_that_cannot_be_used_are_named() {
        let smtp = Smtp {
            host: "mail.example".to_owned(),
            port: None,
            tls: SmtpTls::None,
            ca_file: None,
            user: None,
            password_file: None,
            from: "windlass@example.com".to_owned(),
        };
        assert!(Mailer::new(&smtp).is_ok());
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        for (bad, setting) in [
            (Smtp { from: "nobody".to_owned(), ..smtp.clone() }, "smtp.from"),
            (Smtp { from: "a@b.c\r\nBcc: d@e.f".to_owned(), ..smtp.clone() }, "smtp.from"),
            (Smtp { user: Some("u".to_owned()), ..smtp.clone() }, "smtp.password_file"),
            (
                Smtp { user: Some("u".to_owned()), password_file: Some("/nowhere".into()), ..smtp.clone() },
                "smtp.password_file",
            ),
            (Smtp { tls: SmtpTls::Tls, ca_file: Some("/nowhere".into()), ..smtp.clone() }, "smtp.ca_file"),
            (Smtp { tls: SmtpTls::Tls, ca_file: Some(here), ..smtp }, "holds no certificate"),
        ] {
            let problem = Mailer::new(&bad).unwrap_err();
            assert!(problem.contains(setting), "{problem}");
        }
    }
}

//! `windlass login`, `logout`, `whoami`: a password becomes an API token, the server's authority becomes trusted.

use std::io::{BufRead, IsTerminal, Write};
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use reqwest::{Method, Url};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use windlass_api::tokens::{CreatedToken, NewToken, Role};
use windlass_api::users::Me;
use windlass_app::clock::{Clock, SystemClock};

use super::api::{Api, Proof, Trust};
use super::config::{Connection, SignIn, trust};
use super::printer::Printer;
use crate::terminal::{self, Exit, Trouble};

/// Sign in with a password; leaves an API token behind.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// The server's console URL.
    #[arg(default_value = "https://localhost:8080")]
    server: String,
    /// Who.
    #[arg(long, default_value = "admin")]
    user: String,
    /// Read the password from this file instead of asking.
    #[arg(long, env = "WINDLASS_ADMIN_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// The SHA-256 of the server's authority, as it prints it; without it and --ca you are asked.
    #[arg(long)]
    fingerprint: Option<String>,
    /// What the new token may do.
    #[arg(long, default_value = "admin")]
    role: Role,
    /// Days until the new token ends.
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// Send the password in the clear to a server on another machine.
    #[arg(long)]
    plain: bool,
}

/// Signs in and keeps the token.
pub(crate) async fn login(
    connection: &Connection,
    arguments: &Login,
    printer: Printer,
) -> anyhow::Result<Exit> {
    let url = connection.url.clone().unwrap_or_else(|| arguments.server.clone());
    if !arguments.plain && is_overheard(&url) {
        return Err(Trouble {
            exit: Exit::NotAllowed,
            message: format!(
                "{url} would send the password, and later the token, in the clear over the network"
            ),
            hint: Some(
                "use the server's https:// address, or pass --plain if nobody can listen in".to_owned(),
            ),
        }
        .into());
    }
    let ca_pem = authority(connection, arguments, &url).await?;
    let password = match &arguments.password_file {
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("{} cannot be read", file.display()))?
            .trim_end_matches(['\r', '\n'])
            .to_owned(),
        None => ask_password(&arguments.user)?,
    };
    let proof = Proof::Password { user: arguments.user.clone(), password };
    let api = Api::new(&url, &trust(&url, ca_pem.clone())?, proof)?;
    let now = SystemClock::default().now();
    let end = now.plus(std::time::Duration::from_secs(u64::from(arguments.days) * 86_400));
    let wanted = NewToken {
        name: format!("{} at {}", arguments.user, host_name()),
        role: arguments.role,
        scope: None,
        expires_at: Some(jiff::Timestamp::from_microsecond(end.micros())?),
    };
    let created: CreatedToken = api.write(Method::POST, &["tokens"], &wanted).await?;
    let file = connection.save(&SignIn { url: url.clone(), token: created.secret, ca_pem })?;
    terminal::note(&format!("Signed in to {url} as {}; the token is in {}", arguments.user, file.display()));
    printer.pairs(&created.token, |token| {
        let end = token.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        vec![("token", token.name.clone()), ("role", token.role.to_string()), ("ends", end)]
    })?;
    Ok(Exit::Success)
}

/// Forgets the token here; the server still knows it.
pub(crate) fn logout(connection: &Connection) -> anyhow::Result<Exit> {
    let was = connection.forget()?;
    terminal::note(if was {
        "Signed out here. `windlass token list` shows tokens that the server still takes."
    } else {
        "You were not signed in."
    });
    Ok(Exit::Success)
}

/// Shows who one is.
pub(crate) async fn whoami(connection: &Connection, printer: Printer) -> anyhow::Result<Exit> {
    let me: Me = connection.api()?.show(&["me"]).await?;
    printer.pairs(&me, |me| {
        vec![
            ("name", me.name.clone()),
            ("signed in with", me.kind.to_string()),
            ("role", me.role.to_string()),
            ("devices", me.scope.clone().unwrap_or_else(|| "all".to_owned())),
            ("tenant", me.tenant.clone()),
            ("may", me.permissions.join(" ")),
        ]
    })?;
    Ok(Exit::Success)
}

/// Whether what is sent there can be read on the way: plain HTTP to anything but this machine.
fn is_overheard(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let here = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    };
    url.scheme() == "http" && !here
}

/// The authority to trust: from a file, or fetched and confirmed by its fingerprint.
async fn authority(connection: &Connection, arguments: &Login, url: &str) -> anyhow::Result<Option<String>> {
    if url.starts_with("http://") {
        return Ok(None);
    }
    if let Some(file) = &connection.ca {
        let pem =
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        return Ok(Some(pem));
    }
    let api = Api::new(url, &Trust::Anything, Proof::Nobody)?;
    let response = api.send(api.request(Method::GET, api.url(&["ca.pem"])?)).await?;
    let pem = response.text().await.context("the authority could not be fetched")?;
    let found = fingerprint(&pem)?;
    match &arguments.fingerprint {
        Some(wanted) if plain(wanted) == found => {}
        Some(wanted) => {
            return Err(Trouble {
                exit: Exit::NotAllowed,
                message: format!("the server's authority has fingerprint {found}, not {}", plain(wanted)),
                hint: Some("this may be another server, or somebody in between".to_owned()),
            }
            .into());
        }
        None if std::io::stdin().is_terminal() => {
            terminal::note(&format!("{url} has an authority with SHA-256 fingerprint\n  {found}"));
            terminal::note("It must be the one that the server printed at its start.");
            if !confirmed("Trust it? [y/N] ")? {
                bail!("not signed in");
            }
        }
        None => {
            return Err(Trouble {
                exit: Exit::NotAllowed,
                message: format!("nobody confirmed that {url} is the right server"),
                hint: Some(format!("pass --ca FILE, or --fingerprint {found} if the server printed that")),
            }
            .into());
        }
    }
    Ok(Some(pem))
}

/// SHA-256 of the first certificate, lower-case hex.
fn fingerprint(pem: &str) -> anyhow::Result<String> {
    let certificate =
        CertificateDer::from_pem_slice(pem.as_bytes()).context("the server's authority is not PEM")?;
    Ok(hex::encode(Sha256::digest(&certificate)))
}

/// Fingerprints are written with and without colons and in either case.
fn plain(fingerprint: &str) -> String {
    fingerprint.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_lowercase()
}

fn confirmed(question: &str) -> anyhow::Result<bool> {
    let mut error = std::io::stderr().lock();
    write!(error, "{question}")?;
    error.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn ask_password(user: &str) -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        return Err(Trouble {
            exit: Exit::NotAllowed,
            message: "there is no terminal to ask for the password".to_owned(),
            hint: Some("pass --password-file".to_owned()),
        }
        .into());
    }
    rpassword::prompt_password(format!("Password of {user}: ")).context("the password could not be read")
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "this machine".to_owned(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_overheard_unless_it_stays_on_this_machine() {
        for there in [
            "http://fleet.example.com:8080",
            "HTTP://10.0.0.1",
            "http://[2001:db8::1]:80",
            "http://localhost.example.com",
        ] {
            assert!(is_overheard(there), "{there}");
        }
        for here in [
            "https://fleet.example.com",
            "http://localhost:8080",
            "http://LOCALHOST",
            "http://127.0.0.1:80",
            "http://127.8.0.1",
            "http://[::1]:8080",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(!is_overheard(here), "{here}");
        }
    }

    #[test]
    fn fingerprints_are_compared_without_colons_and_case() {
        assert_eq!(plain("AB:cd:01"), "abcd01");
        assert_eq!(plain("  abCD01\n"), "abcd01");
    }

    #[test]
    fn the_fingerprint_is_that_of_the_certificate_itself() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["a".to_owned()]).unwrap().self_signed(&key).unwrap();
        assert_eq!(fingerprint(&certificate.pem()).unwrap(), hex::encode(Sha256::digest(certificate.der())));
        assert!(fingerprint("no certificate").is_err());
    }
}

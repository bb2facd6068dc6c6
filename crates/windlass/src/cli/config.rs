//! Which server the commands talk to: options first, then the file that `windlass login` wrote.

use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::api::{Api, Proof, Trust};
use crate::private_file;
use crate::terminal::{Exit, Trouble};

/// Options of every command that talks to a server.
#[derive(Debug, clap::Args)]
pub(crate) struct Connection {
    /// The server's console URL; the one of the last sign-in when absent.
    #[arg(long, global = true, env = "WINDLASS_URL", help_heading = "Connection")]
    pub(crate) url: Option<String>,
    /// An API token, instead of the one of the last sign-in.
    #[arg(long, global = true, env = "WINDLASS_TOKEN", hide_env_values = true, help_heading = "Connection")]
    token: Option<String>,
    /// A PEM file with the authority that the server's certificate leads to.
    #[arg(long, global = true, env = "WINDLASS_CA", help_heading = "Connection")]
    pub(crate) ca: Option<PathBuf>,
    /// Where sign-ins are kept; ~/.config/windlass when absent.
    #[arg(long, global = true, env = "WINDLASS_CONFIG_DIR", help_heading = "Connection")]
    config_dir: Option<PathBuf>,
}

/// What a sign-in leaves behind.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The server's console URL.
    pub(crate) url: String,
    /// An API token.
    pub(crate) token: String,
    /// The authority it trusts, PEM; absent for a plain connection.
    pub(crate) ca_pem: Option<String>,
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SignIn").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Connection {
    fn file(&self) -> anyhow::Result<PathBuf> {
        let directory = match &self.config_dir {
            Some(directory) => directory.clone(),
            None => std::env::home_dir()
                .context("there is no home directory; pass --config-dir")?
                .join(".config/windlass"),
        };
        Ok(directory.join("sign-in.json"))
    }

    fn load(&self) -> anyhow::Result<Option<SignIn>> {
        let file = self.file()?;
        match std::fs::read(&file) {
            Ok(content) => {
                let sign_in = serde_json::from_slice(&content);
                Ok(Some(
                    sign_in.with_context(|| {
                        format!("{} is damaged; run `windlass login` again", file.display())
                    })?,
                ))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
        }
    }

    /// Keeps a sign-in, for its owner only.
    pub(crate) fn save(&self, sign_in: &SignIn) -> anyhow::Result<PathBuf> {
        let file = self.file()?;
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("{} cannot be made", directory.display()))?;
        }
        private_file::write(&file, &serde_json::to_vec_pretty(sign_in)?)?;
        Ok(file)
    }

    /// Forgets a sign-in; true if there was one.
    pub(crate) fn forget(&self) -> anyhow::Result<bool> {
        let file = self.file()?;
        match std::fs::remove_file(&file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| format!("{} cannot be removed", file.display())),
        }
    }

    /// A client for the server that was asked for.
    pub(crate) fn api(&self) -> anyhow::Result<Api> {
        let saved = self.load()?;
        // A token is only ever sent to the server that it was made by.
        let saved = saved.filter(|saved| self.url.as_ref().is_none_or(|url| same(url, &saved.url)));
        let url = self
            .url
            .clone()
            .or_else(|| saved.as_ref().map(|saved| saved.url.clone()))
            .ok_or_else(not_signed_in)?;
        let token = self
            .token
            .clone()
            .or_else(|| saved.as_ref().map(|saved| saved.token.clone()))
            .ok_or_else(not_signed_in)?;
        let ca = match &self.ca {
            Some(file) => Some(
                std::fs::read_to_string(file)
                    .with_context(|| format!("{} cannot be read", file.display()))?,
            ),
            None => saved.and_then(|saved| saved.ca_pem),
        };
        Api::new(&url, &trust(&url, ca)?, Proof::Token(token))
    }
}

/// What to trust for this URL: nothing needed for plain HTTP, an authority for HTTPS.
pub(crate) fn trust(url: &str, ca_pem: Option<String>) -> anyhow::Result<Trust> {
    if url.starts_with("http://") {
        return Ok(Trust::Plain);
    }
    match ca_pem {
        Some(pem) => Ok(Trust::Authority(pem)),
        None => Err(Trouble {
            exit: Exit::NotAllowed,
            message: format!("there is no authority to check {url} with"),
            hint: Some("run `windlass login`, or pass --ca with the server's ca.pem".to_owned()),
        }
        .into()),
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn not_signed_in() -> Trouble {
    Trouble {
        exit: Exit::NotAllowed,
        message: "you are not signed in to this server".to_owned(),
        hint: Some(
            "run `windlass login https://HOST:8080`, or set WINDLASS_URL and WINDLASS_TOKEN".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(directory: &std::path::Path) -> Connection {
        Connection { url: None, token: None, ca: None, config_dir: Some(directory.to_owned()) }
    }

    fn sign_in() -> SignIn {
        SignIn { url: "http://one:8080".into(), token: "secret".into(), ca_pem: None }
    }

    #[test]
    fn a_sign_in_is_kept_privately_and_forgotten_on_demand() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let connection = connection(&directory.path().join("new"));
        assert_eq!(connection.load().unwrap(), None);
        let file = connection.save(&sign_in()).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(connection.load().unwrap(), Some(sign_in()));
        assert!(connection.forget().unwrap());
        assert!(!connection.forget().unwrap());
    }

    #[test]
    fn a_saved_token_is_never_sent_to_another_server() {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = connection(directory.path());
        connection.save(&sign_in()).unwrap();
        assert!(connection.api().is_ok());
        connection.url = Some("http://one:8080/".into());
        assert!(connection.api().is_ok());
        connection.url = Some("http://two:8080".into());
        assert!(connection.api().unwrap_err().downcast_ref::<Trouble>().unwrap().hint.is_some());
    }

    #[test]
    fn a_damaged_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("sign-in.json"), "{").unwrap();
        assert!(connection(directory.path()).api().unwrap_err().to_string().contains("sign-in.json"));
    }

    #[test]
    fn https_without_an_authority_is_refused() {
        assert!(trust("https://one:8080", None).is_err());
        assert!(matches!(trust("http://one:8080", None).unwrap(), Trust::Plain));
    }
}

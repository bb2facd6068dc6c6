//! `windlass artifact terms`: who may sign artifacts, and how many bytes there may be of all of them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use reqwest::{Method, header};
use windlass_api::artifacts::{ArtifactTerms, NewArtifactTerms};

use super::api::Api;
use super::printer::{Printer, or_dash, time_or_dash};
use crate::terminal::Exit;

const PLACE: &[&str] = &["settings", "artifacts"];

/// What the tenant wants of all its artifacts.
#[derive(Debug, Subcommand)]
pub(crate) enum TermsCommand {
    /// Show it, and how much of the quota is used.
    Show,
    /// Change some of it; what is not named stays.
    Set {
        /// A file with the certificate (PEM) of a signer, or of an authority that certifies signers; repeat for more. Those
        /// named take the place of those before.
        #[arg(long = "signer", conflicts_with = "no_signers")]
        signers: Vec<PathBuf>,
        /// Name no signers for the whole tenant.
        #[arg(long)]
        no_signers: bool,
        /// Whether every device takes signed software only.
        #[arg(long)]
        require_signature: Option<bool>,
        /// Most bytes of all artifacts together; 0 for what the server allows.
        #[arg(long)]
        quota: Option<u64>,
    },
}

fn print(terms: &ArtifactTerms, printer: Printer) -> anyhow::Result<()> {
    printer.pairs(terms, |terms| {
        vec![
            ("signers", terms.signers.len().to_string()),
            ("require signature", terms.require_signature.to_string()),
            ("quota", or_dash(terms.quota_bytes)),
            ("server allows", terms.allowed_bytes.to_string()),
            ("used", terms.used_bytes.to_string()),
            ("changed", time_or_dash(terms.updated_at)),
        ]
    })
}

/// What a file says, if it is text.
fn certificate(file: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    String::from_utf8(bytes).map_err(|_| {
        let name = file.display();
        anyhow::anyhow!(
            "{name} is no certificate in PEM; one in DER becomes one by: openssl x509 -inform DER -in {name} -out signer.pem"
        )
    })
}

/// Shows or changes the terms.
pub(crate) async fn run(api: &Api, command: TermsCommand, printer: Printer) -> anyhow::Result<Exit> {
    let before: ArtifactTerms = api.show(PLACE).await?;
    let TermsCommand::Set { signers, no_signers, require_signature, quota } = command else {
        print(&before, printer)?;
        return Ok(Exit::Success);
    };
    let named = signers.iter().map(|file| certificate(file)).collect::<Result<Vec<String>, _>>()?;
    let wanted = NewArtifactTerms {
        signers: if no_signers || !named.is_empty() { named } else { before.signers },
        require_signature: require_signature.unwrap_or(before.require_signature),
        quota_bytes: quota.map_or(before.quota_bytes, |quota| Some(quota).filter(|quota| *quota > 0)),
    };
    // What somebody else changes meanwhile is not wiped.
    let version = format!("\"{}\"", before.version);
    let request = api.request(Method::PUT, api.url(PLACE)?).header(header::IF_MATCH, version).json(&wanted);
    print(&api.ask(request).await?, printer)?;
    Ok(Exit::Success)
}

//! `windlass type`, `group`, `claim`, `template`: what the fleet is made of and how devices come in.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::json;
use windlass_api::claims::{Claim, CreatedClaim, NewClaim};
use windlass_api::groups::{Group, Membership, NewGroup};
use windlass_api::templates::{Template, TemplateSpec};
use windlass_api::types::{DeviceType, TypeSpec, VersionSource};

use super::api::Api;
use super::printer::{Printer, assignments, or_dash, time, words};
use crate::private_file;
use crate::terminal::{self, Exit};

/// Device types.
#[derive(Debug, Subcommand)]
pub(crate) enum TypeCommand {
    /// Show all.
    List,
    /// Show one.
    Show {
        /// Its name.
        name: String,
    },
    /// Make or replace a type from a JSON file (`-` is standard input).
    Apply {
        /// Its name.
        name: String,
        /// What is known of its devices; `{}` takes every default.
        file: PathBuf,
    },
    /// Remove a type that no device has.
    Delete {
        /// Its name.
        name: String,
    },
}

/// Static groups.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Show all.
    List,
    /// Make a group.
    Create {
        /// Its place in the tree: `eu/berlin/plant-3`.
        path: String,
        /// For people.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Add devices, by name or by query.
    Add {
        /// The group.
        path: String,
        /// Names.
        devices: Vec<String>,
        /// Every device that matches.
        #[arg(long, short)]
        query: Option<String>,
    },
    /// Take devices out.
    Remove {
        /// The group.
        path: String,
        /// Names.
        devices: Vec<String>,
    },
    /// Remove a group; its devices stay.
    Delete {
        /// The group.
        path: String,
    },
}

/// Claim certificates: they may do nothing but provision.
#[derive(Debug, Subcommand)]
pub(crate) enum ClaimCommand {
    /// Show all.
    List,
    /// Make one; its key is shown this once.
    Create {
        /// For people.
        name: String,
        /// Templates it may use; all of them when none is named.
        #[arg(long = "template")]
        templates: Vec<String>,
        /// A directory for claim.pem, claim.key and ca.pem.
        #[arg(long)]
        out: PathBuf,
    },
    /// Withdraw one.
    Revoke {
        /// Its name.
        name: String,
    },
}

/// Provisioning templates.
#[derive(Debug, Subcommand)]
pub(crate) enum TemplateCommand {
    /// Show all.
    List,
    /// Show one.
    Show {
        /// Its name.
        name: String,
    },
    /// Make or replace a template from a JSON file (`-` is standard input).
    Apply {
        /// Its name.
        name: String,
        /// `Parameters` and `Resources`.
        file: PathBuf,
        /// Devices may not use it for now.
        #[arg(long)]
        disabled: bool,
    },
    /// Remove one.
    Delete {
        /// Its name.
        name: String,
    },
}

/// Where a version shows, as one word.
fn source(source: &VersionSource) -> String {
    match source {
        VersionSource::Reported(path) => format!("reported.{path}"),
        VersionSource::Inventory(key) => format!("inventory.{key}"),
        VersionSource::Nowhere => "nowhere".to_owned(),
    }
}

/// Device types.
pub(crate) async fn types(api: &Api, command: TypeCommand, printer: Printer) -> anyhow::Result<Exit> {
    let show = |shown: &DeviceType| {
        printer.pairs(shown, |shown| {
            vec![
                ("name", shown.name.clone()),
                ("called", or_dash(shown.display_name.as_ref())),
                ("description", shown.spec.description.clone()),
                (
                    "expected contact",
                    or_dash(shown.spec.contact_interval_seconds.map(|s| format!("every {s} s"))),
                ),
                ("verified within", or_dash(shown.spec.verify_timeout_seconds.map(|s| format!("{s} s")))),
                (
                    "topic map",
                    words(shown.spec.topic_map.iter().map(|m| format!("{}→{}", m.filter, m.target))),
                ),
                ("default attributes", assignments(&shown.spec.default_attributes)),
                ("version shows in", words(shown.spec.version_sources.iter().flatten().map(source))),
                ("signers of its own", shown.spec.signers.len().to_string()),
                ("signed software only", shown.spec.require_signature.to_string()),
                ("version", shown.version.to_string()),
            ]
        })
    };
    match command {
        TypeCommand::List => {
            let page = api.all::<DeviceType>(&["types"], &json!({}), usize::MAX).await?;
            printer.page(&page, &["name", "called", "description", "topic maps"], |shown| {
                vec![
                    shown.name.clone(),
                    or_dash(shown.display_name.as_ref()),
                    shown.spec.description.clone(),
                    shown.spec.topic_map.len().to_string(),
                ]
            })?;
        }
        TypeCommand::Show { name } => show(&api.show(&["types", &name]).await?)?,
        TypeCommand::Apply { name, file } => {
            let spec: TypeSpec = read_json(&file)?;
            show(&api.write(Method::PUT, &["types", &name], &spec).await?)?;
        }
        TypeCommand::Delete { name } => delete(api, &["types", &name], &format!("type {name}")).await?,
    }
    Ok(Exit::Success)
}

/// Static groups.
pub(crate) async fn groups(api: &Api, command: GroupCommand, printer: Printer) -> anyhow::Result<Exit> {
    let show = |group: &Group| {
        printer.pairs(group, |group| {
            vec![
                ("path", group.path.clone()),
                ("description", group.description.clone()),
                ("devices", group.device_count.to_string()),
            ]
        })
    };
    match command {
        GroupCommand::List => {
            let page = api.all::<Group>(&["groups"], &json!({}), usize::MAX).await?;
            printer.page(&page, &["path", "devices", "description"], |group| {
                vec![group.path.clone(), group.device_count.to_string(), group.description.clone()]
            })?;
        }
        GroupCommand::Create { path, description } => {
            show(&api.write(Method::POST, &["groups"], &NewGroup { path, description }).await?)?;
        }
        GroupCommand::Add { path, devices, query } => {
            let change = Membership {
                add: devices.into_iter().collect(),
                add_matching: query,
                ..Membership::default()
            };
            printer.json(
                &api.write::<serde_json::Value>(Method::POST, &["groups", &path, "members"], &change).await?,
            )?;
        }
        GroupCommand::Remove { path, devices } => {
            let change = Membership { remove: devices.into_iter().collect(), ..Membership::default() };
            printer.json(
                &api.write::<serde_json::Value>(Method::POST, &["groups", &path, "members"], &change).await?,
            )?;
        }
        GroupCommand::Delete { path } => delete(api, &["groups", &path], &format!("group {path}")).await?,
    }
    Ok(Exit::Success)
}

/// Claims.
pub(crate) async fn claims(api: &Api, command: ClaimCommand, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        ClaimCommand::List => {
            let page = api.all::<Claim>(&["claims"], &json!({}), usize::MAX).await?;
            printer.page(&page, &["name", "status", "templates", "good until"], |claim| {
                vec![
                    claim.name.clone(),
                    claim.status.to_string(),
                    if claim.templates.is_empty() { "all".to_owned() } else { words(&claim.templates) },
                    time(claim.not_after),
                ]
            })?;
        }
        ClaimCommand::Create { name, templates, out } => {
            private_file::folder(&out)?;
            let created: CreatedClaim = api
                .write(Method::POST, &["claims"], &NewClaim { name, templates, expires_at: None, csr: None })
                .await?;
            save_claim(&out, &created)?;
            terminal::note(&format!("claim.pem, claim.key and ca.pem are in {}", out.display()));
            printer.pairs(&created.claim, |claim| {
                vec![
                    ("name", claim.name.clone()),
                    ("fingerprint", claim.fingerprint.clone()),
                    ("good until", time(claim.not_after)),
                ]
            })?;
        }
        ClaimCommand::Revoke { name } => {
            let claim: Claim = api.invoke(&["claims", &name, "revoke"]).await?;
            printer.pairs(&claim, |claim| {
                vec![("name", claim.name.clone()), ("status", claim.status.to_string())]
            })?;
        }
    }
    Ok(Exit::Success)
}

/// Writes what a device needs to use a claim.
pub(crate) fn save_claim(directory: &Path, created: &CreatedClaim) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    let key = created.private_key_pem.as_deref().context("the server made no key for the claim")?;
    private_file::write(&directory.join("claim.key"), key.as_bytes())?;
    for (file, content) in [("claim.pem", &created.certificate_pem), ("ca.pem", &created.ca_pem)] {
        let path = directory.join(file);
        std::fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// Templates.
pub(crate) async fn templates(api: &Api, command: TemplateCommand, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        TemplateCommand::List => {
            let page = api.all::<Template>(&["templates"], &json!({}), usize::MAX).await?;
            printer.page(&page, &["name", "enabled", "version", "changed"], |template| {
                vec![
                    template.name.clone(),
                    template.enabled.to_string(),
                    template.version.to_string(),
                    time(template.updated_at),
                ]
            })?;
        }
        TemplateCommand::Show { name } => {
            printer.json(&api.show::<Template>(&["templates", &name]).await?)?
        }
        TemplateCommand::Apply { name, file, disabled } => {
            let spec = TemplateSpec { body: read_json(&file)?, enabled: !disabled };
            let template: Template = api.write(Method::PUT, &["templates", &name], &spec).await?;
            printer.pairs(&template, |template| {
                vec![("name", template.name.clone()), ("version", template.version.to_string())]
            })?;
        }
        TemplateCommand::Delete { name } => {
            delete(api, &["templates", &name], &format!("template {name}")).await?
        }
    }
    Ok(Exit::Success)
}

pub(crate) async fn delete(api: &Api, parts: &[&str], what: &str) -> anyhow::Result<()> {
    api.act(Method::DELETE, parts).await?;
    terminal::note(&format!("{what} is gone"));
    Ok(())
}

/// Reads a JSON file; `-` is standard input.
pub(crate) fn read_json<T: DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("standard input cannot be read")?
    } else {
        std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?
    };
    serde_json::from_str(&text).with_context(|| format!("{} is not what is expected here", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_unknown_members_is_refused_before_it_is_sent() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("type.json");
        std::fs::write(&file, r#"{"contactIntervalSeconds":60,"colour":"red"}"#).unwrap();
        let error = format!("{:#}", read_json::<TypeSpec>(&file).unwrap_err());
        assert!(error.contains("colour"), "{error}");
        std::fs::write(&file, r#"{"contactIntervalSeconds":60}"#).unwrap();
        assert_eq!(read_json::<TypeSpec>(&file).unwrap().contact_interval_seconds, Some(60));
    }
}

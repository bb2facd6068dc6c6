//! `windlass release` and `component`: what is made of artifacts, and rolled out.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;
use windlass_api::artifacts::Artifact;
use windlass_api::releases::{
    Component, ComponentName, ComponentQuery, DeleteReleaseQuery, NameVersion, NewComponent, NewRelease,
    Release, ReleaseRules,
};
use windlass_domain::ids::{ItemName, VersionText};

use super::api::Api;
use super::artifact::{described, upload};
use super::parse;
use super::printer::{Printer, time, words};
use crate::terminal::{self, Exit, Trouble};

/// Sets of components that belong together.
#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Make a release from files, from components that exist, or both.
    Create {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// A file to upload into a component of the release's name and version; repeat for more.
        #[arg(long = "artifact", visible_alias = "file")]
        artifacts: Vec<PathBuf>,
        /// NAME@VERSION or TYPE/NAME@VERSION of a component that exists; repeat for more.
        #[arg(long = "component", value_parser = parse::component)]
        components: Vec<ComponentName>,
        /// What kind of component the files make.
        #[arg(long, default_value = "application")]
        kind: String,
        /// A device type it is for; any when none is named.
        #[arg(long = "type")]
        device_types: Vec<String>,
        /// For people.
        #[arg(long, default_value = "")]
        notes: String,
        /// What devices must be before they may get it.
        #[command(flatten)]
        rules: Box<RuleArgs>,
    },
    /// Show all.
    List,
    /// Show one.
    Show(Named),
    /// Delete one that no job brings.
    Delete {
        /// Which one.
        #[command(flatten)]
        named: Named,
        /// Also those of its components that no other release has.
        #[arg(long)]
        components_too: bool,
    },
}

/// A command line that cannot be meant so, seen only once it was read.
fn usage(message: impl Into<String>, hint: Option<&str>) -> anyhow::Error {
    Trouble { exit: Exit::Usage, message: message.into(), hint: hint.map(str::to_owned) }.into()
}

/// One version of something, named in one word or two.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// NAME@VERSION, or its name.
    #[arg(value_name = "NAME[@VERSION]")]
    name: String,
    /// Its version, where it is not in the name.
    version: Option<String>,
}

impl Named {
    fn read(self) -> anyhow::Result<NameVersion> {
        match self.version {
            Some(version) => Ok(NameVersion { name: self.name, version }),
            None => parse::name_version(&self.name).map_err(|problem| {
                usage(problem, Some("name it as NAME@VERSION; `windlass release list` shows what there is"))
            }),
        }
    }
}

/// Single pieces of software, each in one version.
#[derive(Debug, Subcommand)]
pub(crate) enum ComponentCommand {
    /// Make one from files.
    Create {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// A file to upload; repeat for more, in order.
        #[arg(long = "artifact", visible_alias = "file", required = true)]
        artifacts: Vec<PathBuf>,
        /// What kind it is: `application`, `os`, `firmware` or any word.
        #[arg(long, default_value = "application")]
        kind: String,
    },
    /// Show all.
    List,
    /// Show one and its files.
    Show {
        /// NAME@VERSION, or TYPE/NAME@VERSION where there are several.
        #[arg(value_parser = parse::component)]
        component: ComponentName,
    },
    /// Delete one that no release is made of.
    Delete {
        /// NAME@VERSION, or TYPE/NAME@VERSION where there are several.
        #[arg(value_parser = parse::component)]
        component: ComponentName,
    },
}

/// Components.
pub(crate) async fn components(
    api: &Api,
    command: ComponentCommand,
    printer: Printer,
) -> anyhow::Result<Exit> {
    match command {
        ComponentCommand::Create { name, version, artifacts, kind } => {
            let component = create(api, name, version, kind, &artifacts).await?;
            printer.pairs(&component, |one| {
                vec![("component", parse::component_text(&named(one))), ("made", time(one.created_at))]
            })?;
        }
        ComponentCommand::List => {
            let page = api.all::<Component>(&["components"], &json!({}), usize::MAX).await?;
            printer.page(&page, &["name", "version", "type", "files", "made"], |one| {
                vec![
                    one.name.clone(),
                    one.version.clone(),
                    one.component_type.clone(),
                    words(one.artifacts.iter().map(|file| &file.name)),
                    time(one.created_at),
                ]
            })?;
        }
        ComponentCommand::Show { component } => {
            let component = get(api, &component).await?;
            printer.pairs(&component, |one| {
                vec![("component", parse::component_text(&named(one))), ("made", time(one.created_at))]
            })?;
            if !printer.is_json() {
                files(api, [component], printer).await?;
            }
        }
        ComponentCommand::Delete { component } => {
            delete_component(api, &component).await?;
            terminal::note(&format!("component {} is gone", parse::component_text(&component)));
        }
    }
    Ok(Exit::Success)
}

/// Uploads files and makes a component of them. If that is refused, none of them stays.
async fn create(
    api: &Api,
    name: String,
    version: String,
    component_type: String,
    files: &[PathBuf],
) -> anyhow::Result<Component> {
    let mut uploaded = Vec::new();
    let made = async {
        for file in files {
            uploaded.push(upload(api, file, None, None).await?.id);
        }
        let new = NewComponent { name, version, component_type, artifacts: uploaded.clone() };
        api.write(Method::POST, &["components"], &new).await
    }
    .await;
    if made.is_err() {
        forget(api, &uploaded).await;
    }
    made
}

/// Deletes what this command uploaded. Each upload is an artifact of its own: one of the same bytes from before stays.
async fn forget(api: &Api, uploaded: &[i64]) {
    for id in uploaded {
        if let Err(problem) = remove(api, &["artifacts", &id.to_string()]).await {
            terminal::note(&format!("artifact {id} was uploaded and stays: {problem}"));
        }
    }
}

async fn remove(api: &Api, path: &[&str]) -> anyhow::Result<()> {
    api.send(api.request(Method::DELETE, api.url(path)?)).await?;
    Ok(())
}

/// Deletes a component that this command made, with its files. The server keeps what is in use.
async fn take_back(api: &Api, component: &Component) {
    let named = named(component);
    match delete_component(api, &named).await {
        Ok(()) => {
            let files: Vec<i64> = component.artifacts.iter().map(|file| file.id).collect();
            forget(api, &files).await;
        }
        Err(problem) => {
            let text = parse::component_text(&named);
            terminal::note(&format!("component {text} was made and stays: {problem}"));
        }
    }
}

async fn delete_component(api: &Api, component: &ComponentName) -> anyhow::Result<()> {
    let ComponentName { name, version, component_type } = component;
    let url = api.url(&["components", name, version])?;
    let query = ComponentQuery { component_type: component_type.clone() };
    api.send(api.request(Method::DELETE, url).query(&query)).await?;
    Ok(())
}

/// Refuses before anything is uploaded what no release can be called, or another one is.
async fn is_free(api: &Api, name: &str, version: &str) -> anyhow::Result<()> {
    let refused = |message: String| Trouble { exit: Exit::Refused, message, hint: None };
    name.parse::<ItemName>().map_err(|problem| refused(problem.to_string()))?;
    version.parse::<VersionText>().map_err(|problem| refused(problem.to_string()))?;
    // Who may not look, or cannot, learns from the server what is in the way.
    if api.show::<Release>(&["releases", name, version]).await.is_ok() {
        return Err(refused(format!("release {name} {version} exists already")).into());
    }
    Ok(())
}

async fn get(api: &Api, component: &ComponentName) -> anyhow::Result<Component> {
    let ComponentName { name, version, component_type } = component;
    let query = ComponentQuery { component_type: component_type.clone() };
    api.get(&["components", name, version], &query).await
}

fn named(Component { name, version, component_type, .. }: &Component) -> ComponentName {
    let (name, version) = (name.clone(), version.clone());
    ComponentName { name, version, component_type: Some(component_type.clone()) }
}

/// Releases.
pub(crate) async fn releases(api: &Api, command: ReleaseCommand, printer: Printer) -> anyhow::Result<Exit> {
    let show = |release: &Release| {
        printer.pairs(release, |release| {
            vec![
                ("release", format!("{} {}", release.name, release.version)),
                ("components", words(release.components.iter().map(parse::component_text))),
                (
                    "for types",
                    if release.device_types.is_empty() {
                        "any".to_owned()
                    } else {
                        words(&release.device_types)
                    },
                ),
                ("which devices", required(&release.rules)),
                ("notes", release.notes.clone()),
                ("made", format!("{} by {}", time(release.created_at), release.created_by)),
            ]
        })
    };
    match command {
        ReleaseCommand::Create {
            name,
            version,
            artifacts,
            mut components,
            kind,
            device_types,
            notes,
            rules,
        } => {
            if components.is_empty() && artifacts.is_empty() {
                return Err(usage("a release needs at least one --artifact or --component", None));
            }
            is_free(api, &name, &version).await?;
            let made = match artifacts.as_slice() {
                [] => None,
                files => Some(create(api, name.clone(), version.clone(), kind, files).await?),
            };
            components.extend(made.as_ref().map(named));
            let new =
                NewRelease { name, version, components, device_types, notes, rules: rules.into_rules() };
            match api.write(Method::POST, &["releases"], &new).await {
                Ok(release) => show(&release)?,
                Err(refused) => {
                    if let Some(component) = &made {
                        take_back(api, component).await;
                    }
                    return Err(refused);
                }
            }
        }
        ReleaseCommand::List => {
            let page = api.all::<Release>(&["releases"], &json!({}), usize::MAX).await?;
            printer.page(&page, &["name", "version", "components", "for types", "made"], |release| {
                vec![
                    release.name.clone(),
                    release.version.clone(),
                    release.components.len().to_string(),
                    words(&release.device_types),
                    time(release.created_at),
                ]
            })?;
        }
        ReleaseCommand::Delete { named, components_too } => {
            let NameVersion { name, version } = named.read()?;
            let request = api.request(Method::DELETE, api.url(&["releases", &name, &version])?);
            api.send(request.query(&DeleteReleaseQuery { components_too })).await?;
            terminal::note(&format!("release {name} {version} is gone"));
        }
        ReleaseCommand::Show(named) => {
            let NameVersion { name, version } = named.read()?;
            let release: Release = api.show(&["releases", &name, &version]).await?;
            show(&release)?;
            if !printer.is_json() {
                let mut components = Vec::new();
                for component in &release.components {
                    components.push(get(api, component).await?);
                }
                files(api, components, printer).await?;
            }
        }
    }
    Ok(Exit::Success)
}

/// What a device must be, in a few words.
fn required(rules: &ReleaseRules) -> String {
    let ReleaseRules { hardware, minimum_source, maximum_source, step } = rules;
    let mut words = Vec::new();
    if !hardware.is_empty() {
        words.push(format!("hardware {}", hardware.join(" or ")));
    }
    words.extend(minimum_source.as_ref().map(|version| format!("over versions from {version}")));
    words.extend(maximum_source.as_ref().map(|version| format!("over versions up to {version}")));
    words.extend(step.as_ref().map(|version| format!("only after {version}")));
    if words.is_empty() { "any".to_owned() } else { words.join(", ") }
}

/// Prints the files that components are made of.
async fn files(
    api: &Api,
    components: impl IntoIterator<Item = Component>,
    printer: Printer,
) -> anyhow::Result<()> {
    let mut found = Vec::new();
    for file in components.into_iter().flat_map(|one| one.artifacts) {
        found.push(api.show::<Artifact>(&["artifacts", &file.id.to_string()]).await?);
    }
    printer.rows(&found, &["file", "size", "sha256", "content"], |file| {
        vec![
            file.name.clone(),
            file.size.to_string(),
            file.sha256.clone(),
            file.content.as_ref().map(described).unwrap_or_default(),
        ]
    })
}

/// What a device must be before it may get a release.
#[derive(Debug, clap::Args)]
pub(crate) struct RuleArgs {
    /// Hardware it is for, as devices say it under `hardware`; repeat for more.
    #[arg(long)]
    hardware: Vec<String>,
    /// The oldest version that it may replace.
    #[arg(long)]
    minimum_source: Option<String>,
    /// The newest version that it may replace.
    #[arg(long)]
    maximum_source: Option<String>,
    /// The version that must have been installed before.
    #[arg(long)]
    step: Option<String>,
}

impl RuleArgs {
    fn into_rules(self) -> ReleaseRules {
        let Self { hardware, minimum_source, maximum_source, step } = self;
        ReleaseRules { hardware, minimum_source, maximum_source, step }
    }
}

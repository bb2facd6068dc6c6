//! `windlass device`: the registry, shadows, telemetry, events and certificates.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};
use windlass_api::credentials::{Credential, NewCredential, Revocation, SignedCredential};
use windlass_api::devices::{BulkResult, BulkTags, Device, DeviceKind, DevicePatch, DeviceSpec, NewDevice};
use windlass_api::events::Event;
use windlass_api::page::{ListQuery, MOST, PageQuery};
use windlass_api::shadows::{DesiredPatch, Shadow};
use windlass_api::telemetry::{LastValues, RangeQuery, Series, Value as Measured};

use super::api::Api;
use super::hawkbit;
use super::onboard;
use super::parse::{self, Assignment, Change};
use super::printer::{Printer, assignments, or_dash, time, time_or_dash, words};
use super::refusal;
use super::versions;
use crate::terminal::{self, Exit};

/// Devices and what belongs to them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show devices, all or those that match.
    List(List),
    /// Show one device.
    Show {
        /// Its name.
        name: String,
    },
    /// Register a device before it connects.
    Create(Create),
    /// Change type, attributes and tags of a device.
    Edit(Edit),
    /// Add and remove tags on every device that matches a query.
    Tag {
        /// Which devices, in the query language.
        #[arg(long, short)]
        query: String,
        /// Tags to add.
        #[arg(long)]
        add: Vec<String>,
        /// Tags to remove.
        #[arg(long)]
        remove: Vec<String>,
    },
    /// Close a device's connections and refuse new ones.
    Suspend {
        /// Its name.
        name: String,
    },
    /// Let a suspended device connect again.
    Resume {
        /// Its name.
        name: String,
    },
    /// In and out by hand.
    #[command(flatten)]
    Onboard(onboard::Command),
    /// Look at and change shadows.
    #[command(subcommand)]
    Shadow(ShadowCommand),
    /// Show last values, or a range of one metric.
    Telemetry(Telemetry),
    /// Show what happened to a device.
    Events {
        /// Its name.
        name: String,
        /// Most events.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show why a device does not connect, or what it publishes in vain.
    Why {
        /// Its name.
        name: String,
    },
    /// Count what devices run: versions of each component, most frequent first.
    Versions {
        /// Of which devices, in the query language; all without it.
        #[arg(long, short)]
        query: Option<String>,
    },
    /// Certificates of a device.
    #[command(subcommand)]
    Cert(CertCommand),
    /// The token of a device, for hawkBit's interface.
    #[command(subcommand)]
    Token(hawkbit::TokenCommand),
}

/// Which devices to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// In the query language: `type==pump;tag==outdoor`.
    #[arg(long, short)]
    query: Option<String>,
    /// A field, with `-` before it for descending.
    #[arg(long, allow_hyphen_values = true)]
    sort: Option<String>,
    /// Most devices.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Fields to count values of: `type,lifecycle,tag`.
    #[arg(long)]
    facets: Option<String>,
}

/// A device to register.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Its name.
    name: String,
    /// An existing device type.
    #[arg(long = "type")]
    device_type: Option<String>,
    /// It speaks for children.
    #[arg(long)]
    gateway: bool,
    /// The gateway it hangs on.
    #[arg(long)]
    parent: Option<String>,
    /// `key=value`; repeat for more.
    #[arg(long = "attribute", value_parser = parse::assignment)]
    attributes: Vec<Assignment>,
    /// A tag, which may have spaces; repeat for more.
    #[arg(long = "tag")]
    tags: Vec<String>,
}

/// A change of a device.
#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// Its name.
    name: String,
    /// An existing device type; `-` for none.
    #[arg(long = "type", allow_hyphen_values = true)]
    device_type: Option<String>,
    /// An existing gateway; `-` for none.
    #[arg(long, allow_hyphen_values = true)]
    parent: Option<String>,
    /// Whether it speaks for children: `device` or `gateway`.
    #[arg(long)]
    kind: Option<DeviceKind>,
    /// `key=value` sets, `key=` removes; repeat for more.
    #[arg(long = "attribute", value_parser = parse::change)]
    attributes: Vec<Change>,
    /// A word to add; repeat for more.
    #[arg(long)]
    add_tag: Vec<String>,
    /// A word to remove; repeat for more.
    #[arg(long)]
    remove_tag: Vec<String>,
}

/// Shadows of a device.
#[derive(Debug, Subcommand)]
pub(crate) enum ShadowCommand {
    /// Show a shadow.
    Get {
        /// The device.
        name: String,
        /// A named shadow; the classic one when absent.
        #[arg(long)]
        shadow: Option<String>,
    },
    /// Merge into what is desired; `null` removes a member.
    Set {
        /// The device.
        name: String,
        /// A JSON object such as `{"settings":{"intervalSeconds":5}}`.
        desired: String,
        /// A named shadow; the classic one when absent.
        #[arg(long)]
        shadow: Option<String>,
        /// Refuse if the shadow has another version by now.
        #[arg(long)]
        if_version: Option<i64>,
    },
}

/// Which values.
#[derive(Debug, Args)]
pub(crate) struct Telemetry {
    /// The device.
    name: String,
    /// A metric; without it, the last value of every metric.
    metric: Option<String>,
    /// First moment, RFC 3339; a day before the end when absent.
    #[arg(long)]
    from: Option<jiff::Timestamp>,
    /// Moment after the last; now when absent.
    #[arg(long)]
    to: Option<jiff::Timestamp>,
    /// Seconds per step: minimum, maximum, mean and count of each.
    #[arg(long)]
    step: Option<u32>,
}

/// Certificates of a device.
#[derive(Debug, Subcommand)]
pub(crate) enum CertCommand {
    /// Show a device's certificates.
    List {
        /// The device.
        name: String,
    },
    /// Sign a request that the device made.
    Sign {
        /// The device.
        name: String,
        /// A PKCS #10 request in PEM.
        csr: PathBuf,
        /// Where the certificate goes; standard output when absent.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Have the server make a key and a certificate, for a device that cannot make its own.
    Generate {
        /// The device.
        name: String,
        /// A directory for device.key, device.pem and ca.pem. The key is given this once.
        #[arg(long)]
        out: PathBuf,
    },
    /// Withdraw a certificate; its connections end within a second.
    Revoke {
        /// Its id, as `list` shows it.
        id: i64,
        /// Kept with it.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// Carries the command out.
pub(crate) async fn run(api: &Api, command: Command, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        Command::List(list) => {
            let query = ListQuery {
                q: list.query,
                sort: list.sort,
                limit: Some(list.limit.clamp(1, MOST)),
                cursor: None,
                facets: list.facets,
            };
            let most = usize::try_from(list.limit).unwrap_or(usize::MAX);
            let page = api.all::<Device>(&["devices"], &query, most).await?;
            printer.page(
                &page,
                &["name", "type", "lifecycle", "presence", "last contact", "tags"],
                |device| {
                    vec![
                        device.name.clone(),
                        or_dash(device.device_type.as_ref()),
                        device.lifecycle.to_string(),
                        device.presence.to_string(),
                        time_or_dash(device.last_contact_at),
                        words(&device.tags),
                    ]
                },
            )?;
        }
        Command::Versions { query } => versions::show(api, query, printer).await?,
        Command::Show { name } => show(&api.show(&["devices", &name]).await?, printer)?,
        Command::Create(create) => {
            let new = NewDevice {
                name: create.name,
                spec: DeviceSpec {
                    device_type: create.device_type,
                    kind: create.gateway.then_some(DeviceKind::Gateway),
                    parent: create.parent,
                    attributes: create.attributes.into_iter().collect(),
                    tags: create.tags.into_iter().collect(),
                },
            };
            show(&api.write(Method::POST, &["devices"], &new).await?, printer)?;
        }
        Command::Edit(edit) => {
            let patch = DevicePatch {
                device_type: edit.device_type.map(parse::none_if_dash),
                parent: edit.parent.map(parse::none_if_dash),
                kind: edit.kind,
                attributes: edit.attributes.into_iter().collect(),
                add_tags: edit.add_tag.into_iter().collect(),
                remove_tags: edit.remove_tag.into_iter().collect(),
            };
            show(&api.write(Method::PATCH, &["devices", &edit.name], &patch).await?, printer)?;
        }
        Command::Tag { query, add, remove } => {
            let tags =
                BulkTags { q: query, add: add.into_iter().collect(), remove: remove.into_iter().collect() };
            let result: BulkResult = api.write(Method::POST, &["devices", "tags"], &tags).await?;
            printer.pairs(&result, |result| {
                vec![("matched", result.matched.to_string()), ("changed", result.changed.to_string())]
            })?;
        }
        Command::Suspend { name } => show(&api.invoke(&["devices", &name, "suspend"]).await?, printer)?,
        Command::Resume { name } => show(&api.invoke(&["devices", &name, "resume"]).await?, printer)?,
        Command::Onboard(command) => return onboard::run(api, command, printer).await,
        Command::Shadow(command) => shadow(api, command, printer).await?,
        Command::Telemetry(telemetry) => measured(api, telemetry, printer).await?,
        Command::Events { name, limit } => {
            let query = PageQuery { limit: Some(limit.clamp(1, MOST)), cursor: None };
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let page = api.all::<Event>(&["devices", &name, "events"], &query, most).await?;
            printer.page(&page, &["last time", "severity", "what", "times", "detail"], |event| {
                vec![
                    time(event.last_at),
                    event.severity.to_string(),
                    event.kind.clone(),
                    event.count.to_string(),
                    event.detail.clone(),
                ]
            })?;
        }
        Command::Why { name } => refusal::why(api, &name, printer).await?,
        Command::Cert(command) => certificates(api, command, printer).await?,
        Command::Token(command) => return hawkbit::tokens(api, command, printer).await,
    }
    Ok(Exit::Success)
}

pub(crate) fn show(device: &Device, printer: Printer) -> anyhow::Result<()> {
    printer.pairs(device, |device| {
        vec![
            ("name", device.name.clone()),
            ("type", or_dash(device.device_type.as_ref())),
            ("lifecycle", device.lifecycle.to_string()),
            ("presence", device.presence.to_string()),
            ("last contact", time_or_dash(device.last_contact_at)),
            ("last disconnect", or_dash(device.last_disconnect.as_ref())),
            ("kind", device.kind.to_string()),
            ("parent", or_dash(device.parent.as_ref())),
            ("children", device.children.to_string()),
            ("may enrol anew until", time_or_dash(device.reprovision_until)),
            (
                "leaves service at the latest",
                time_or_dash(device.decommissioning.as_ref().map(|leaving| leaving.until)),
            ),
            ("attributes", assignments(&device.attributes)),
            ("inventory", assignments(&device.inventory)),
            ("tags", words(&device.tags)),
            ("groups", words(&device.groups)),
            (
                "aliases",
                words(device.aliases.iter().map(|alias| format!("{}:{}", alias.protocol, alias.external_id))),
            ),
            ("registered", time(device.created_at)),
            ("first seen", time_or_dash(device.first_seen_at)),
            ("version", device.version.to_string()),
        ]
    })
}

/// Where a shadow lives: the classic one has no name.
fn shadow_path<'a>(name: &'a str, shadow: Option<&'a str>) -> Vec<&'a str> {
    match shadow {
        None => vec!["devices", name, "shadow"],
        Some(shadow) => vec!["devices", name, "shadows", shadow],
    }
}

async fn shadow(api: &Api, command: ShadowCommand, printer: Printer) -> anyhow::Result<()> {
    let shown: Shadow = match command {
        ShadowCommand::Get { name, shadow } => api.show(&shadow_path(&name, shadow.as_deref())).await?,
        ShadowCommand::Set { name, desired, shadow, if_version } => {
            let desired: Value = serde_json::from_str(&desired)
                .with_context(|| format!("{desired:?} is not JSON; an example: '{{\"mode\":\"eco\"}}'"))?;
            let url = api.url(&shadow_path(&name, shadow.as_deref()))?;
            let request = api.request(Method::PATCH, url).json(&DesiredPatch { desired });
            let request = match if_version {
                Some(version) => request.header(reqwest::header::IF_MATCH, format!("\"{version}\"")),
                None => request,
            };
            api.send(request).await?.json().await.context("the server's answer is not a shadow")?
        }
    };
    printer.pairs(&shown, |shadow| {
        let section = |section: &Option<Value>| {
            section.as_ref().map_or_else(|| "-".to_owned(), |value| format!("{value:#}"))
        };
        vec![
            ("desired", section(&shadow.state.desired)),
            ("reported", section(&shadow.state.reported)),
            ("differs", section(&shadow.state.delta)),
            ("version", shadow.version.to_string()),
            ("changed", time(shadow.updated_at)),
        ]
    })
}

async fn measured(api: &Api, telemetry: Telemetry, printer: Printer) -> anyhow::Result<()> {
    let Some(metric) = &telemetry.metric else {
        let values: LastValues = api.show(&["devices", &telemetry.name, "telemetry"]).await?;
        return printer.rows(&values.items, &["metric", "value", "measured"], |value| {
            vec![value.metric.clone(), number(&value.value), time(value.at)]
        });
    };
    let query = RangeQuery { from: telemetry.from, to: telemetry.to, step: telemetry.step };
    let series: Series = api.get(&["devices", &telemetry.name, "telemetry", metric], &query).await?;
    if series.truncated {
        terminal::note("this is only the first part; ask for a larger --step or a shorter range");
    }
    if series.step.is_some_and(|step| step > 0) {
        printer.rows(&series.steps, &["from", "min", "mean", "max", "points"], |step| {
            vec![
                time(step.at),
                step.min.to_string(),
                format!("{:.3}", step.mean),
                step.max.to_string(),
                step.count.to_string(),
            ]
        })
    } else {
        printer.rows(&series.points, &["measured", "value"], |point| {
            vec![point.at.to_string(), number(&point.value)]
        })
    }
}

fn number(value: &Measured) -> String {
    match value {
        Measured::Bool(value) => value.to_string(),
        Measured::Integer(value) => value.to_string(),
        Measured::Number(value) => value.to_string(),
        Measured::Text(value) => value.clone(),
    }
}

async fn certificates(api: &Api, command: CertCommand, printer: Printer) -> anyhow::Result<()> {
    match command {
        CertCommand::List { name } => {
            let page =
                api.all::<Credential>(&["devices", &name, "credentials"], &json!({}), usize::MAX).await?;
            printer.page(
                &page,
                &["id", "status", "good until", "fingerprint", "why it ended"],
                |credential| {
                    vec![
                        credential.id.to_string(),
                        credential.status.to_string(),
                        time(credential.not_after),
                        credential.fingerprint.clone(),
                        or_dash(credential.end_reason.as_ref()),
                    ]
                },
            )
        }
        CertCommand::Sign { name, csr, out } => {
            let csr =
                std::fs::read_to_string(&csr).with_context(|| format!("{} cannot be read", csr.display()))?;
            let signed: SignedCredential =
                api.write(Method::POST, &["devices", &name, "credentials"], &NewCredential { csr }).await?;
            match out {
                Some(file) => {
                    std::fs::write(&file, &signed.certificate_pem)
                        .with_context(|| format!("{} cannot be written", file.display()))?;
                    terminal::note(&format!("The certificate of {name} is in {}", file.display()));
                    Ok(())
                }
                None => match printer.is_json() {
                    true => printer.json(&signed),
                    false => terminal::print(signed.certificate_pem.trim_end()),
                },
            }
        }
        CertCommand::Generate { name, out } => onboard::generate(api, &name, &out, printer).await,
        CertCommand::Revoke { id, reason } => {
            let credential: Credential = api
                .write(Method::POST, &["credentials", &id.to_string(), "revoke"], &Revocation { reason })
                .await?;
            printer.pairs(&credential, |credential| {
                vec![("id", credential.id.to_string()), ("status", credential.status.to_string())]
            })
        }
    }
}

//! `windlass alert` and `notify`: what is wrong, and who is told.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;
use windlass_api::alerts::{Alert, AlertKind, AlertQuery, AlertState, Closing};
use windlass_api::events::Severity;
use windlass_api::notifications::{Channel, ChannelKind, ChannelSpec, DeliveryState, Tested};
use windlass_api::page::Page;

use super::api::Api;
use super::printer::{Printer, or_dash, time, time_or_dash, words};
use crate::terminal::{self, Exit};

/// What is wrong and open.
#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    /// Show open alerts, newest first.
    List {
        /// Closed ones too.
        #[arg(long)]
        all: bool,
        /// Only of this kind, such as deviceOverdue.
        #[arg(long)]
        kind: Option<AlertKind>,
        /// Only about this device.
        #[arg(long)]
        device: Option<String>,
        /// Most alerts.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Show one, with what to do.
    Show {
        /// Its number.
        id: i64,
    },
    /// Say that you look after it.
    Ack {
        /// Its number.
        id: i64,
    },
    /// Close it; it does not open again while its cause goes on.
    Close {
        /// Its number.
        id: i64,
        /// Kept with the alert.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// Who is told of alerts, and how.
#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Show every channel and how its last message went.
    List,
    /// Tell a program, by signed messages.
    SetWebhook {
        /// The channel; made or replaced.
        name: String,
        /// Where to: https://…
        #[arg(value_name = "URL")]
        address: String,
        /// A file with the signing secret (whsec_…); without it the server makes one and shows it once.
        #[arg(long)]
        secret_file: Option<PathBuf>,
        #[command(flatten)]
        interest: Interest,
    },
    /// Tell people, by mail.
    SetEmail {
        /// The channel; made or replaced.
        name: String,
        /// Addresses.
        #[arg(required = true)]
        to: Vec<String>,
        #[command(flatten)]
        interest: Interest,
    },
    /// Send a test and say how it went.
    Test {
        /// The channel.
        name: String,
    },
    /// Remove a channel, and what is on its way to it.
    Delete {
        /// The channel.
        name: String,
    },
}

/// What a channel wants to hear of.
#[derive(Debug, clap::Args)]
pub(crate) struct Interest {
    /// Only alerts of this kind; repeat for more.
    #[arg(long = "alert")]
    alerts: Vec<AlertKind>,
    /// Nothing that matters less: info, warning or error.
    #[arg(long, default_value_t = Severity::Info)]
    minimum: Severity,
    /// Keep the channel, but send nothing.
    #[arg(long)]
    disabled: bool,
}

/// Alerts.
pub(crate) async fn alerts(api: &Api, command: AlertCommand, printer: Printer) -> anyhow::Result<Exit> {
    let show = |alert: &Alert| {
        printer.pairs(alert, |alert| {
            vec![
                ("id", alert.id.to_string()),
                ("kind", alert.kind.to_string()),
                ("severity", alert.severity.to_string()),
                ("state", alert.state.to_string()),
                ("subject", alert.subject.clone()),
                ("detail", alert.detail.clone()),
                ("what to do", alert.action.clone()),
                ("opened", time(alert.opened_at)),
                ("looked after by", or_dash(alert.acknowledged_by.as_ref())),
                ("closed", time_or_dash(alert.closed_at)),
                ("because", or_dash(alert.closed_reason.as_ref())),
            ]
        })
    };
    match command {
        AlertCommand::List { all, kind, device, limit } => {
            let state = (!all).then_some(AlertState::Open);
            let query = AlertQuery { state, kind, device, limit: Some(limit), cursor: None };
            let page: Page<Alert> = api.get(&["alerts"], &query).await?;
            let heading = ["id", "severity", "state", "opened", "subject", "looked after by"];
            printer.page(&page, &heading, |alert| {
                vec![
                    alert.id.to_string(),
                    alert.severity.to_string(),
                    alert.state.to_string(),
                    time(alert.opened_at),
                    alert.subject.clone(),
                    or_dash(alert.acknowledged_by.as_ref()),
                ]
            })?;
        }
        AlertCommand::Show { id } => show(&api.show(&["alerts", &id.to_string()]).await?)?,
        AlertCommand::Ack { id } => show(&api.invoke(&["alerts", &id.to_string(), "acknowledge"]).await?)?,
        AlertCommand::Close { id, reason } => {
            let parts = ["alerts", &id.to_string(), "close"];
            show(&api.write(Method::POST, &parts, &Closing { reason }).await?)?;
        }
    }
    Ok(Exit::Success)
}

fn spec(kind: ChannelKind, interest: Interest) -> ChannelSpec {
    let Interest { alerts, minimum, disabled } = interest;
    ChannelSpec {
        kind,
        url: None,
        secret: None,
        to: None,
        alerts,
        minimum_severity: minimum,
        enabled: !disabled,
    }
}

fn leads_to(channel: &Channel) -> String {
    match (&channel.url, &channel.to) {
        (Some(url), _) => url.clone(),
        (None, Some(to)) => words(to),
        (None, None) => "-".to_owned(),
    }
}

/// Channels.
pub(crate) async fn channels(api: &Api, command: NotifyCommand, printer: Printer) -> anyhow::Result<Exit> {
    let show = |channel: &Channel| {
        printer.pairs(channel, |channel| {
            vec![
                ("name", channel.name.clone()),
                ("kind", channel.kind.to_string()),
                ("leads to", leads_to(channel)),
                ("alerts", if channel.alerts.is_empty() { "all".to_owned() } else { words(&channel.alerts) }),
                ("from severity", channel.minimum_severity.to_string()),
                ("enabled", channel.enabled.to_string()),
            ]
        })
    };
    match command {
        NotifyCommand::List => {
            let page = api.all::<Channel>(&["notifications"], &json!({}), usize::MAX).await?;
            printer.page(&page, &["name", "kind", "leads to", "enabled", "last message"], |channel| {
                let last = channel.last_delivery.as_ref();
                vec![
                    channel.name.clone(),
                    channel.kind.to_string(),
                    leads_to(channel),
                    channel.enabled.to_string(),
                    or_dash(last.map(|last| format!("{} {}: {}", time(last.at), last.outcome, last.detail))),
                ]
            })?;
        }
        NotifyCommand::SetWebhook { name, address, secret_file, interest } => {
            let secret = match secret_file {
                None => None,
                Some(path) => {
                    let text = std::fs::read_to_string(&path)
                        .with_context(|| format!("{} cannot be read", path.display()))?;
                    Some(text.trim().to_owned())
                }
            };
            let spec = ChannelSpec { url: Some(address), secret, ..spec(ChannelKind::Webhook, interest) };
            let channel: Channel = api.write(Method::PUT, &["notifications", &name], &spec).await?;
            show(&channel)?;
            if let Some(secret) = channel.secret.as_ref().filter(|_| !printer.is_json()) {
                terminal::note("Messages are signed with this secret. Keep it; it is not shown again.");
                terminal::print(secret)?;
            }
        }
        NotifyCommand::SetEmail { name, to, interest } => {
            let spec = ChannelSpec { to: Some(to), ..spec(ChannelKind::Email, interest) };
            show(&api.write(Method::PUT, &["notifications", &name], &spec).await?)?;
        }
        NotifyCommand::Test { name } => {
            let tested: Tested = api.invoke(&["notifications", &name, "test"]).await?;
            printer.pairs(&tested, |tested| {
                vec![("outcome", tested.outcome.to_string()), ("detail", tested.detail.clone())]
            })?;
            if tested.outcome != DeliveryState::Delivered {
                return Ok(Exit::Failure);
            }
        }
        NotifyCommand::Delete { name } => {
            api.act(Method::DELETE, &["notifications", &name]).await?;
            terminal::note(&format!("channel {name} is gone"));
        }
    }
    Ok(Exit::Success)
}

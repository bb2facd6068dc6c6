//! `windlass settings` and `device token`: what lets hawkBit's clients in.

use std::collections::BTreeMap;

use clap::Subcommand;
use reqwest::Method;
use serde_json::Value;
use windlass_api::hawkbit::{DeviceToken, HawkbitSettings, HawkbitSettingsChange, NewDeviceToken};

use super::api::Api;
use super::parse::{self, Change};
use super::printer::{Printer, time};
use crate::terminal::{self, Exit};

const SETTINGS: &[&str] = &["settings", "hawkbit"];

/// Settings for hawkBit's clients.
#[derive(Debug, Subcommand)]
pub(crate) enum SettingsCommand {
    /// Show all.
    List,
    /// Change some.
    Set {
        /// `key=value` sets, `key=` goes back to the default; repeat for more.
        #[arg(required = true, value_parser = parse::change)]
        changes: Vec<Change>,
    },
}

/// The token that a device shows to hawkBit's interface.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Show it.
    Show {
        /// The device.
        name: String,
    },
    /// Give the device another one; the one before is good no longer.
    Set {
        /// The device.
        name: String,
        /// The token; 32 random characters if absent.
        #[arg(long)]
        token: Option<String>,
    },
    /// Take it away.
    Remove {
        /// The device.
        name: String,
    },
}

fn show(settings: &HawkbitSettings, printer: Printer) -> anyhow::Result<()> {
    if printer.is_json() {
        return printer.json(settings);
    }
    printer.rows(&settings.settings, &["key", "value", "default"], |setting| {
        let value = match &setting.value {
            None => "(secret)".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        vec![setting.key.clone(), value, if setting.is_default { "yes" } else { "" }.to_owned()]
    })
}

/// Text as the kind of value that a setting has: only flags and numbers are written bare.
fn value(text: String) -> Value {
    match text.as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => text.parse::<i64>().map_or(Value::String(text), Value::from),
    }
}

/// Settings.
pub(crate) async fn settings(api: &Api, command: SettingsCommand, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        SettingsCommand::List => show(&api.show(SETTINGS).await?, printer)?,
        SettingsCommand::Set { changes } => {
            let values: BTreeMap<String, Value> =
                changes.into_iter().map(|(key, text)| (key, text.map_or(Value::Null, value))).collect();
            show(&api.write(Method::PUT, SETTINGS, &HawkbitSettingsChange { values }).await?, printer)?;
        }
    }
    Ok(Exit::Success)
}

/// Tokens of devices.
pub(crate) async fn tokens(api: &Api, command: TokenCommand, printer: Printer) -> anyhow::Result<Exit> {
    let print = |token: &DeviceToken| {
        printer.pairs(token, |token| vec![("token", token.token.clone()), ("since", time(token.created_at))])
    };
    match command {
        TokenCommand::Show { name } => print(&api.show(&["devices", &name, "token"]).await?)?,
        TokenCommand::Set { name, token } => {
            print(&api.write(Method::PUT, &["devices", &name, "token"], &NewDeviceToken { token }).await?)?;
        }
        TokenCommand::Remove { name } => {
            api.act(Method::DELETE, &["devices", &name, "token"]).await?;
            terminal::note(&format!("{name} has no token any more"));
        }
    }
    Ok(Exit::Success)
}

//! `windlass token` and `user`: who may do what.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;
use windlass_api::tokens::{CreatedToken, NewToken, Role, Token};
use windlass_api::users::{NewPassword, NewUser, User};

use super::api::Api;
use super::printer::{Printer, time, time_or_dash};
use crate::terminal::{self, Exit};

/// API tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Show all, without their secrets.
    List,
    /// Make one; its secret is shown this once.
    Create {
        /// For people.
        name: String,
        /// What it may do.
        #[arg(long, default_value = "viewer")]
        role: Role,
        /// A fleet query: it sees and changes only devices that match.
        #[arg(long)]
        scope: Option<String>,
        /// When it ends, RFC 3339; when it is revoked if absent.
        #[arg(long)]
        expires: Option<jiff::Timestamp>,
    },
    /// Withdraw one.
    Revoke {
        /// Its number.
        id: i64,
    },
}

/// People who sign in with a password.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Show all.
    List,
    /// Add one.
    Create {
        /// Their name.
        name: String,
        /// What they may do.
        #[arg(long, default_value = "viewer")]
        role: Role,
        /// A file with their password, at least 12 characters.
        #[arg(long)]
        password_file: PathBuf,
    },
    /// Set another password: one's own, or anybody's with the permission user.manage.
    Password {
        /// Whose.
        name: String,
        /// A file with the new password, at least 12 characters.
        #[arg(long)]
        password_file: PathBuf,
        /// A file with the password so far; one's own is changed only with it.
        #[arg(long)]
        current_password_file: Option<PathBuf>,
    },
    /// Somebody may no longer sign in.
    Disable {
        /// Who.
        name: String,
    },
    /// Somebody may sign in again.
    Enable {
        /// Who.
        name: String,
    },
}

/// Tokens.
pub(crate) async fn tokens(api: &Api, command: TokenCommand, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        TokenCommand::List => {
            let page = api.all::<Token>(&["tokens"], &json!({}), usize::MAX).await?;
            printer.page(
                &page,
                &["id", "name", "starts with", "role", "devices", "ends", "revoked"],
                |token| {
                    vec![
                        token.id.to_string(),
                        token.name.clone(),
                        token.hint.clone(),
                        token.role.to_string(),
                        token.scope.clone().unwrap_or_else(|| "all".to_owned()),
                        time_or_dash(token.expires_at),
                        time_or_dash(token.revoked_at),
                    ]
                },
            )?;
        }
        TokenCommand::Create { name, role, scope, expires } => {
            let new = NewToken { name, role, scope, expires_at: expires };
            let created: CreatedToken = api.write(Method::POST, &["tokens"], &new).await?;
            if printer.is_json() {
                printer.json(&created)?;
            } else {
                terminal::note(&format!(
                    "Token {} may do what {} may. Keep the secret; it is not shown again.",
                    created.token.id, created.token.role
                ));
                terminal::print(&created.secret)?;
            }
        }
        TokenCommand::Revoke { id } => {
            api.act(Method::DELETE, &["tokens", &id.to_string()]).await?;
            terminal::note(&format!("token {id} is revoked"));
        }
    }
    Ok(Exit::Success)
}

/// Users.
pub(crate) async fn users(api: &Api, command: UserCommand, printer: Printer) -> anyhow::Result<Exit> {
    let show = |user: &User| {
        printer.pairs(user, |user| vec![("name", user.name.clone()), ("role", user.role.to_string())])
    };
    match command {
        UserCommand::List => {
            let page = api.all::<User>(&["users"], &json!({}), usize::MAX).await?;
            printer.page(&page, &["name", "role", "added", "disabled"], |user| {
                vec![
                    user.name.clone(),
                    user.role.to_string(),
                    time(user.created_at),
                    time_or_dash(user.disabled_at),
                ]
            })?;
        }
        UserCommand::Create { name, role, password_file } => {
            let new = NewUser { name, password: password(&password_file)?, role };
            show(&api.write(Method::POST, &["users"], &new).await?)?;
        }
        UserCommand::Password { name, password_file, current_password_file } => {
            let current_password = current_password_file.as_ref().map(password).transpose()?;
            let new = NewPassword { password: password(&password_file)?, current_password };
            let request = api.request(Method::PUT, api.url(&["users", &name, "password"])?).json(&new);
            api.send(request).await?;
            terminal::note(&format!("{name} has a new password"));
        }
        UserCommand::Disable { name } => show(&api.invoke(&["users", &name, "disable"]).await?)?,
        UserCommand::Enable { name } => show(&api.invoke(&["users", &name, "enable"]).await?)?,
    }
    Ok(Exit::Success)
}

fn password(file: &PathBuf) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

//! Channels: who is told of alerts. Set by administrators, tried out, removed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use windlass_domain::alert::AlertKind;
use windlass_domain::event::Severity;
use windlass_domain::ids::{ChannelName, DeliveryId};
use windlass_domain::notify::{DeliveryState, EmailAddress, Interest, Telling};
use windlass_domain::permission::{Permission, Principal};
use windlass_store::StoreError;
use windlass_store::outbox::{self, Channel, ChannelSpec, Delivery, NewDelivery, SigningKey, Target};

use super::tell::message_id;
use super::words;
use crate::app::App;
use crate::audit::record;
use crate::clock::random;
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;

/// Most channels of a tenant.
const MOST: usize = 20;
/// Most addresses of a channel.
const ADDRESSES: usize = 20;
/// Most bytes of a URL.
const URL: usize = 2_048;
/// The start of a signing secret in text, by the Standard Webhooks specification.
const PREFIX: &str = "whsec_";

/// Where a channel is to lead.
#[derive(Clone, PartialEq, Eq)]
pub enum TargetInput {
    /// Signed messages by HTTP.
    Webhook {
        /// Where to.
        url: String,
        /// `whsec_…`; absent: the one there is, or else a new one that is shown once.
        secret: Option<String>,
    },
    /// Mail.
    Email {
        /// To whom.
        to: Vec<String>,
    },
}

impl std::fmt::Debug for TargetInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Webhook { .. } => "Webhook",
            Self::Email { .. } => "Email",
        })
    }
}

/// What an operator says of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelInput {
    /// Where it leads.
    pub target: TargetInput,
    /// Only these kinds; empty is all.
    pub alerts: Vec<AlertKind>,
    /// Nothing that matters less.
    pub minimum: Severity,
    /// Whether anything is sent.
    pub enabled: bool,
}

/// A channel that was made or replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelPut {
    /// As it is now.
    pub channel: Channel,
    /// The signing secret, if the server made it just now; it is never shown again.
    pub secret: Option<String>,
}

impl std::fmt::Debug for ChannelPut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelPut").field("channel", &self.channel.name).finish_non_exhaustive()
    }
}

/// How a try-out went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// Delivered or failed.
    pub state: DeliveryState,
    /// A sentence.
    pub detail: String,
}

fn read_secret(text: &str) -> Option<SigningKey> {
    let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
    (24..=64).contains(&bytes.len()).then_some(SigningKey(bytes))
}

/// A target whose key may have to come from elsewhere.
enum Checked {
    Webhook { url: String, key: Option<SigningKey> },
    Email { to: Vec<EmailAddress> },
}

impl App {
    fn check_target(&self, target: &TargetInput) -> Result<Checked, AppError> {
        let mut problems = Vec::new();
        let courier = self.alerts.courier()?;
        let checked = match target {
            TargetInput::Webhook { url, secret } => {
                if url.len() > URL {
                    problems.push(FieldProblem::new("url", format!("must be at most {URL} bytes")));
                } else if let Err(problem) = courier.may_call(url) {
                    problems.push(FieldProblem::new("url", problem));
                }
                let key = secret.as_deref().map(read_secret);
                if key == Some(None) {
                    let rule =
                        "must be whsec_ and the base64 of 24 to 64 bytes; leave it out to have one made";
                    problems.push(FieldProblem::new("secret", rule));
                }
                Checked::Webhook { url: url.clone(), key: key.flatten() }
            }
            TargetInput::Email { to } => {
                if !courier.has_mail() {
                    let problem = "cannot be email before the server knows a mail server; set [smtp] in its configuration";
                    problems.push(FieldProblem::new("kind", problem));
                }
                if to.is_empty() || to.len() > ADDRESSES {
                    problems.push(FieldProblem::new("to", format!("must be 1 to {ADDRESSES} addresses")));
                }
                let mut read = Vec::new();
                for (index, text) in to.iter().enumerate().take(ADDRESSES) {
                    match text.parse::<EmailAddress>() {
                        Ok(address) => read.push(address),
                        Err(problem) => problems.push(FieldProblem::new(format!("to.{index}"), problem)),
                    }
                }
                Checked::Email { to: read }
            }
        };
        if problems.is_empty() { Ok(checked) } else { Err(AppError::Invalid(problems)) }
    }

    /// Makes or replaces a channel. `if_version` refuses if somebody else changed it first (0: only if it is new).
    ///
    /// # Errors
    /// Forbidden, every bad field, too many channels, a version mismatch, or that the store failed.
    pub async fn channel_put(
        &self,
        by: &Principal,
        name: &ChannelName,
        input: &ChannelInput,
        if_version: Option<i64>,
    ) -> Result<ChannelPut, AppError> {
        demand(by, Permission::NotificationManage)?;
        let checked = std::sync::Arc::new(self.check_target(&input.target)?);
        let fresh = random::<32>(&*self.entropy);
        let interest = Interest { alerts: input.alerts.clone(), minimum: input.minimum };
        let (by, name, enabled, now) = (by.clone(), name.clone(), input.enabled, self.clock.now());
        self.store
            .write(move |tx| {
                let (by, name, interest) = (by.clone(), name.clone(), interest.clone());
                let checked = std::sync::Arc::clone(&checked);
                Box::pin(async move {
                    let before = outbox::channel_by_name(tx, by.tenant, &name).await?;
                    let current = before.as_ref().map_or(0, |channel| channel.version);
                    if if_version.is_some_and(|wanted| wanted != current) {
                        return Err(AppError::VersionMismatch { current });
                    }
                    if before.is_none() && outbox::channel_list(tx, by.tenant).await?.len() >= MOST {
                        return Err(AppError::Quota {
                            code: "notification.limit",
                            detail: format!("there are {MOST} channels already; remove one first"),
                        });
                    }
                    let (target, secret) = match &*checked {
                        Checked::Email { to } => (Target::Email { to: to.clone() }, None),
                        Checked::Webhook { url, key } => {
                            let kept = before.as_ref().and_then(|channel| match &channel.spec.target {
                                Target::Webhook { key, .. } => Some(key.clone()),
                                Target::Email { .. } => None,
                            });
                            let (key, made) = match (key.clone(), kept) {
                                (Some(given), _) => (given, None),
                                (None, Some(kept)) => (kept, None),
                                (None, None) => {
                                    let text = format!("{PREFIX}{}", STANDARD.encode(fresh));
                                    (SigningKey(fresh.to_vec()), Some(text))
                                }
                            };
                            (Target::Webhook { url: url.clone(), key }, made)
                        }
                    };
                    let kind = match &target {
                        Target::Webhook { .. } => "webhook",
                        Target::Email { .. } => "email",
                    };
                    let spec = ChannelSpec { target, interest, enabled };
                    let channel = outbox::channel_put(tx, by.tenant, &name, &spec, now).await?;
                    let details = json!({"kind": kind, "version": channel.version, "enabled": enabled});
                    record(tx, &by, "notification.put", &format!("notification:{name}"), details, now)
                        .await?;
                    Ok(ChannelPut { channel, secret })
                })
            })
            .await
    }

    /// Every channel of the tenant, by name.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn channel_list(&self, by: &Principal) -> Result<Vec<Channel>, AppError> {
        demand(by, Permission::NotificationManage)?;
        let tenant = by.tenant;
        Ok(self.store.read(move |tx| Box::pin(outbox::channel_list(tx, tenant))).await?)
    }

    /// One channel.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn channel_get(&self, by: &Principal, name: &ChannelName) -> Result<Channel, AppError> {
        demand(by, Permission::NotificationManage)?;
        let (tenant, wanted) = (by.tenant, name.clone());
        let found = self
            .store
            .read(move |tx| {
                let wanted = wanted.clone();
                Box::pin(async move { outbox::channel_by_name(tx, tenant, &wanted).await })
            })
            .await?;
        found.ok_or_else(|| AppError::not_found("notification", name))
    }

    /// Removes a channel, and what is on its way to it.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn channel_delete(&self, by: &Principal, name: &ChannelName) -> Result<(), AppError> {
        demand(by, Permission::NotificationManage)?;
        let (by, name, now) = (by.clone(), name.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, name) = (by.clone(), name.clone());
                Box::pin(async move {
                    let Some(channel) = outbox::channel_by_name(tx, by.tenant, &name).await? else {
                        return Err(AppError::not_found("notification", &name));
                    };
                    outbox::channel_delete(tx, channel.id).await?;
                    let target = format!("notification:{name}");
                    record(tx, &by, "notification.delete", &target, json!({}), now).await?;
                    Ok(())
                })
            })
            .await
    }

    /// What was and is on its way to a channel, newest first; one more than `limit` if there are more.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn channel_deliveries(
        &self,
        by: &Principal,
        name: &ChannelName,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Delivery>, AppError> {
        let channel = self.channel_get(by, name).await?.id;
        let (before, limit) = (before.unwrap_or(i64::MAX), limit.saturating_add(1));
        Ok(self.store.read(move |tx| Box::pin(outbox::list(tx, channel, before, limit))).await?)
    }

    /// Sends a test, once, and says how it went. Also to a channel that is switched off.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn channel_test(&self, by: &Principal, name: &ChannelName) -> Result<Tested, AppError> {
        let channel = self.channel_get(by, name).await?;
        let now = self.clock.now();
        let new = NewDelivery {
            tenant: channel.tenant,
            channel: channel.id,
            alert: None,
            message: message_id(&*self.entropy),
            telling: Telling::Test,
            payload: "{}".to_owned(),
            tries: 1,
            not_before: now,
        };
        let delivery = Delivery {
            id: DeliveryId::new(0),
            tenant: new.tenant,
            channel: new.channel,
            alert: None,
            message: new.message.clone(),
            telling: new.telling,
            payload: new.payload.clone(),
            state: DeliveryState::Waiting,
            tries: 1,
            next_at: now,
            last_error: None,
            created_at: now,
            ended_at: None,
        };
        let outcome = self.alerts.courier()?.carry(words::outgoing(&channel, &delivery, now)).await;
        let (state, error) = match outcome {
            Ok(()) => (DeliveryState::Delivered, None),
            Err(error) => (DeliveryState::Failed, Some(error.to_string())),
        };
        let detail = error.clone().unwrap_or_else(|| "taken by the receiver".to_owned());
        let (by, name, told, now) = (by.clone(), name.clone(), detail.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, name, new) = (by.clone(), name.clone(), new.clone());
                let (error, told) = (error.clone(), told.clone());
                Box::pin(async move {
                    if outbox::channel_by_id(tx, new.channel).await?.is_some() {
                        let id = outbox::put(tx, &new, now).await?;
                        outbox::finish(tx, id, state, now, error.as_deref(), now).await?;
                        outbox::channel_tried(tx, new.channel, state, &told, now).await?;
                    }
                    let details = json!({"outcome": state.as_str()});
                    let target = format!("notification:{name}");
                    record(tx, &by, "notification.test", &target, details, now).await?;
                    Ok::<_, StoreError>(())
                })
            })
            .await?;
        Ok(Tested { state, detail })
    }
}

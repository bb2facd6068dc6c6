//! Who is told of alerts, and how: `/notifications`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::alerts::AlertKind;
use crate::events::Severity;

words!(
    /// How a channel reaches people.
    ChannelKind {
        /// Signed messages by HTTP.
        Webhook = "webhook",
        /// Mail.
        Email = "email",
    }
);

words!(
    /// What a notification tells.
    Telling {
        /// An alert opened.
        Opened = "opened",
        /// An alert closed.
        Closed = "closed",
        /// How many more opened and closed than were told one by one.
        More = "more",
        /// Somebody tried the channel.
        Test = "test",
    }
);

words!(
    /// Where a notification stands.
    DeliveryState {
        /// Not taken yet; tried again.
        Waiting = "waiting",
        /// Taken by the receiver.
        Delivered = "delivered",
        /// Given up.
        Failed = "failed",
    }
);

/// What a channel is to be (`PUT /notifications/{name}`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChannelSpec {
    /// How it reaches people.
    pub kind: ChannelKind,
    /// Of a webhook: where to, `https://…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Of a webhook: what messages are signed with, `whsec_` and the base64 of 24 to 64 bytes. Absent: the present one
    /// stays, and a new webhook gets one that the answer shows this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Of mail: 1 to 20 addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    /// Only these kinds of alerts; empty is all.
    #[serde(default)]
    pub alerts: Vec<AlertKind>,
    /// Nothing that matters less; `info` when absent.
    #[serde(default = "info")]
    pub minimum_severity: Severity,
    /// Whether anything is sent; true when absent.
    #[serde(default = "yes")]
    pub enabled: bool,
}

impl std::fmt::Debug for ChannelSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelSpec").field("kind", &self.kind).finish_non_exhaustive()
    }
}

const fn info() -> Severity {
    Severity::Info
}

const fn yes() -> bool {
    true
}

/// How the latest try to reach a channel went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastDelivery {
    /// When.
    pub at: Time,
    /// Where it left the notification.
    pub outcome: DeliveryState,
    /// A sentence.
    pub detail: String,
}

/// A way by which people are told of alerts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// 1 to 64 of letters, digits, `: _ . -`.
    pub name: String,
    /// How it reaches people.
    pub kind: ChannelKind,
    /// Of a webhook: where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The signing secret, only in the answer to the request by which the server made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Of mail: to whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<String>>,
    /// Only these kinds of alerts; empty is all.
    pub alerts: Vec<AlertKind>,
    /// Nothing that matters less.
    pub minimum_severity: Severity,
    /// Whether anything is sent.
    pub enabled: bool,
    /// How the latest try went; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_delivery: Option<LastDelivery>,
    /// Rises by one with every change; the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How a try-out went (`POST /notifications/{name}/test`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    /// `delivered` or `failed`.
    pub outcome: DeliveryState,
    /// A sentence.
    pub detail: String,
}

/// A notification on its way to a channel, or at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Public number; rises with time.
    pub id: i64,
    /// The id that the receiver sees, the same for every try.
    pub message_id: String,
    /// Of which alert, if it is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<i64>,
    /// What it tells.
    pub event: Telling,
    /// Where it stands.
    pub state: DeliveryState,
    /// Tries that were begun.
    pub attempts: u32,
    /// When it is tried next, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Time>,
    /// Why the last try failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: Time,
    /// When it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Time>,
}

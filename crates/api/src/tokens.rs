//! API tokens: `/tokens`, `/tokens/{id}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

words!(
    /// What somebody may do: a named set of permissions.
    Role {
        /// Everything.
        Admin = "admin",
        /// Runs the fleet: devices, software, jobs.
        Operator = "operator",
        /// Looks.
        Viewer = "viewer",
        /// Brings devices in.
        Installer = "installer",
    }
);

/// A token to make (`POST /tokens`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewToken {
    /// For people.
    pub name: String,
    /// What it may do; no more than its maker may.
    pub role: Role,
    /// A fleet query: it sees and changes matching devices only. Absent: the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When it ends; absent: when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// An API token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Public id.
    pub id: i64,
    /// For people.
    pub name: String,
    /// The first characters of the secret, to tell tokens apart.
    pub hint: String,
    /// What it may do.
    pub role: Role,
    /// Which devices; absent: the whole tenant.
    pub scope: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// By whom.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

/// A new token. The secret is shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedToken {
    /// What was made.
    pub token: Token,
    /// For `Authorization: Bearer …`, or as the password of an MQTT application client.
    pub secret: String,
}

//! First run and people in browsers: `/setup`, `/session`, `/sessions`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;

/// Whether somebody has to set the server up (`GET /setup`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetupState {
    /// True while there is no user.
    pub needed: bool,
    /// Of the program.
    pub version: String,
}

/// The first administrator (`POST /setup`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Setup {
    /// What the set-up link ends with.
    pub token: String,
    /// 1 to 64 of letters, digits, `.`, `_`, `@` and `-`.
    pub user: String,
    /// 12 to 256 characters.
    pub password: String,
}

/// Who signs in (`POST /session`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSession {
    /// Sign-in name; `tenant/name` in another tenant than `default`.
    pub user: String,
    /// Their password.
    pub password: String,
}

/// A link that signs in (`POST /session/link`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionLink {
    /// What the link ends with.
    pub token: String,
}

/// One of one's sessions in browsers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Its number.
    pub id: i64,
    /// When it began.
    pub created_at: Time,
    /// When it was last used, to within a minute.
    pub last_used_at: Time,
    /// When it ends if it is not used any more.
    pub expires_at: Time,
    /// Where it began.
    pub address: String,
    /// In which browser, as that said itself.
    pub user_agent: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

//! People who sign in with a password: `/users`, `/users/{name}`; and who one is: `/me`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::tokens::Role;

/// A user to make (`POST /users`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// 1 to 64 of letters, digits, `.`, `_`, `@` and `-`.
    pub name: String,
    /// 12 to 256 characters.
    pub password: String,
    /// What they may do.
    pub role: Role,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Unique in the tenant.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When they were added.
    pub created_at: Time,
    /// Since when they may not sign in.
    pub disabled_at: Option<Time>,
}

/// A new password (`PUT /users/{name}/password`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPassword {
    /// 12 to 256 characters.
    pub password: String,
    /// The one so far; needed for one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_password: Option<String>,
}

words!(
    /// How somebody signed in.
    ActorKind {
        /// With a password.
        User = "user",
        /// With an API token.
        Token = "token",
        /// The server itself.
        System = "system",
        /// With a device credential.
        Device = "device",
    }
);

/// Who one is (`GET /me`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The tenant one acts in.
    pub tenant: String,
    /// How one signed in.
    pub kind: ActorKind,
    /// Name of the user or token.
    pub name: String,
    /// What one may do.
    pub role: Role,
    /// Which devices; absent: the whole tenant.
    pub scope: Option<String>,
    /// What the role allows, by name.
    pub permissions: Vec<String>,
    /// Whether one signed in with a cookie that others on the network can read: the console is served without TLS.
    #[serde(default)]
    pub insecure_cookie: bool,
}

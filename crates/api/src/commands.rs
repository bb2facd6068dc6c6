//! Commands: `/devices/{name}/commands`; and what fills their arguments in: `/command-templates`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Time;
use crate::jobs::{ExecutionState, Outcome};

/// A command to send: exactly one of `command` and `template`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCommand {
    /// What is to be done: 1 to 64 of letters, digits, `: _ . -`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The name of a template that says what is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// How; with a template: what its parameters take.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// How long it is good: a device that has not taken it up by then does not get it any more. The template's, or one
    /// hour, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub expires_in_seconds: Option<u64>,
}

/// What a job tells devices to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// What is to be done.
    pub command: String,
    /// How.
    pub arguments: Map<String, Value>,
    /// From when on no device gets it any more; absent while its job has not begun.
    pub expires_at: Option<Time>,
    /// The template that it was made with.
    pub template: Option<String>,
}

/// The query of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandQuery {
    /// How long to wait for the end of it: `0s` to `60s`; no wait when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
}

/// A command on one device, and what the device answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandResult {
    /// The job that carries it.
    pub job: i64,
    /// That job's life on the device.
    pub execution: i64,
    /// Which device; absent if it is gone.
    pub device: Option<String>,
    /// What is to be done.
    pub command: String,
    /// How.
    pub arguments: Map<String, Value>,
    /// What the protocol said.
    pub state: ExecutionState,
    /// How it counts: a command whose device gave another exit code than 0 has failed, whatever its state.
    pub outcome: Outcome,
    /// The exit code, if the device gave one.
    pub exit_code: Option<i64>,
    /// What the command printed, at most 4 KiB.
    pub output: Option<String>,
    /// Where longer output is.
    pub output_url: Option<String>,
    /// Why it ended as it did; empty while open.
    pub reason: String,
    /// One sentence on why it stands where it stands.
    pub why: String,
    /// What an operator can do about it; may be empty.
    pub action: String,
    /// When it was sent.
    pub queued_at: Time,
    /// From when on the device does not get it any more.
    pub expires_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
}

words!(
    /// What values a parameter takes.
    ParameterType {
        /// Text, at most 4 KiB.
        Text = "string",
        /// A number.
        Number = "number",
        /// `true` or `false`.
        Truth = "boolean",
    }
);

/// One argument that whoever uses a template may give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameter {
    /// Its name among the arguments.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What values it takes.
    #[serde(rename = "type")]
    pub kind: ParameterType,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// What it is if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The only values that it takes; any of its type when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Value>,
}

/// What a command template says (`PUT /command-templates/{name}`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandTemplateSpec {
    /// For people.
    #[serde(default)]
    pub description: String,
    /// What it tells devices to do.
    pub command: String,
    /// What may be given.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// What is always sent.
    #[serde(default)]
    pub fixed_arguments: Map<String, Value>,
    /// How long its commands are good if whoever sends one does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub expires_in_seconds: Option<u64>,
    /// The types that it is for; all when absent.
    #[serde(default)]
    pub device_types: Vec<String>,
}

/// A command template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandTemplate {
    /// 1 to 64 of letters, digits, `: _ . -`.
    pub name: String,
    /// For people.
    pub description: String,
    /// What it tells devices to do.
    pub command: String,
    /// What may be given.
    pub parameters: Vec<Parameter>,
    /// What is always sent.
    pub fixed_arguments: Map<String, Value>,
    /// How long its commands are good if whoever sends one does not say.
    pub expires_in_seconds: Option<u64>,
    /// The types that it is for; empty: all.
    pub device_types: Vec<String>,
    /// Rises by one with every change; the `ETag`.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

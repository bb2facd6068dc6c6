//! Simulated devices that the server runs itself: `/simulation`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many simulated devices there should be (`POST /simulation`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartSimulation {
    /// 1 to 1000. Asking again changes the number.
    #[schemars(range(min = 1, max = 1000))]
    pub devices: u64,
}

/// Simulated devices of this server. They are real to it: registered, certified, connected to the device port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Simulation {
    /// Whether this server can simulate devices.
    pub available: bool,
    /// Whether some are wanted. After a restart of the server none are.
    pub running: bool,
    /// How many are wanted.
    pub devices: u64,
    /// How many of them are connected now.
    pub connected: u64,
    /// Why there are fewer than wanted, where something is in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

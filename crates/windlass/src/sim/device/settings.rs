//! What the operator wants of a simulated device: settings that come as its shadow's delta, and what it says of itself.
//!
//! Knows nothing of firmware: only an installation changes that.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Device;
use crate::sim::mqtt::{Client, Lost};

impl Device {
    /// Applies what the operator wants and says so.
    pub(super) fn obey(&mut self, client: &mut Client, delta: &Value) -> Result<(), Lost> {
        let Some(state) = delta.get("state").and_then(Value::as_object) else { return Ok(()) };
        if let Some(settings) = state.get("settings") {
            merge(&mut self.settings, settings);
        }
        self.shared.counters.deltas.one();
        // Everything but the firmware, which only an installation changes.
        let mut reported = state.clone();
        reported.remove("firmware");
        if reported.is_empty() { Ok(()) } else { self.report_shadow(client, Value::Object(reported)) }
    }

    pub(super) fn report_shadow(&self, client: &mut Client, reported: Value) -> Result<(), Lost> {
        let topic = format!("$aws/things/{}/shadow/update", self.name);
        let body = json!({ "state": { "reported": reported } });
        client.publish(&topic, Bytes::from(body.to_string()), 1)?;
        Ok(())
    }
}

/// Lays `wanted` over `settings`; `null` takes a setting away.
fn merge(settings: &mut Map<String, Value>, wanted: &Value) {
    let Some(wanted) = wanted.as_object() else { return };
    for (key, value) in wanted {
        if value.is_null() {
            settings.remove(key);
        } else {
            settings.insert(key.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanted_settings_are_laid_over_the_old_ones_and_null_removes() {
        let mut settings = Map::new();
        merge(&mut settings, &json!({ "intervalSeconds": 5, "mode": "eco" }));
        merge(&mut settings, &json!({ "mode": null, "limit": 3 }));
        assert_eq!(Value::Object(settings), json!({ "intervalSeconds": 5, "limit": 3 }));
    }

    #[test]
    fn settings_that_are_no_object_change_nothing() {
        let mut settings = Map::new();
        merge(&mut settings, &json!([1, 2]));
        assert!(settings.is_empty());
    }
}

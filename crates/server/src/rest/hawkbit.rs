//! `/settings/hawkbit` and `/devices/{name}/token`: what lets hawkBit's clients in.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use windlass_api::hawkbit::{
    DeviceToken, HawkbitSetting, HawkbitSettings, HawkbitSettingsChange, NewDeviceToken,
};
use windlass_app::ddi::{DeviceTokenView, SettingView};
use windlass_domain::hawkbit::{SettingKey, SettingValue};
use windlass_domain::permission::Permission;

use super::Rest;
use super::access::Caller;
use super::credentials::device_name;
use super::error::Refusal;
use super::fields::Problems;
use super::io::{At, Body, Done};
use super::routes::Routes;
use super::view::time;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("hawkBit")
        .get(
            "/api/v1/settings/hawkbit",
            Permission::ServerRead,
            "getHawkbitSettings",
            "Show the settings for hawkBit's clients",
            settings,
        )
        .put(
            "/api/v1/settings/hawkbit",
            Permission::ServerManage,
            "putHawkbitSettings",
            "Change settings for hawkBit's clients",
            change,
        )
        .get(
            "/api/v1/devices/{name}/token",
            Permission::CredentialIssue,
            "getDeviceToken",
            "Show the token of a device",
            token,
        )
        .put(
            "/api/v1/devices/{name}/token",
            Permission::CredentialIssue,
            "putDeviceToken",
            "Give a device another token",
            set_token,
        )
        .delete(
            "/api/v1/devices/{name}/token",
            Permission::CredentialRevoke,
            "deleteDeviceToken",
            "Take the token of a device away",
            remove_token,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct DevicePath {
    /// Name of the device.
    name: String,
}

fn show(settings: Vec<SettingView>) -> Json<HawkbitSettings> {
    let one = |SettingView { key, value, is_default }| HawkbitSetting {
        key: key.to_string(),
        value: value.map(|value| match value {
            SettingValue::Flag(flag) => Value::from(flag),
            SettingValue::Number(number) => Value::from(number),
            SettingValue::Text(text) => Value::from(text),
        }),
        is_default,
    };
    Json(HawkbitSettings { settings: settings.into_iter().map(one).collect() })
}

/// Reads a value as its kind; what kind a key must have is checked with the rest.
fn read(value: Value) -> Result<Option<SettingValue>, &'static str> {
    let kinds = "must be true, false, a whole number, text or null";
    Ok(match value {
        Value::Null => None,
        Value::Bool(flag) => Some(SettingValue::Flag(flag)),
        Value::Number(number) => Some(SettingValue::Number(number.as_i64().ok_or(kinds)?)),
        Value::String(text) => Some(SettingValue::Text(text)),
        Value::Array(_) | Value::Object(_) => return Err(kinds),
    })
}

async fn settings(State(rest): State<Rest>, Caller(by): Caller) -> Result<Json<HawkbitSettings>, Refusal> {
    Ok(show(rest.app.settings_list(&by).await?))
}

async fn change(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(HawkbitSettingsChange { values }): Body<HawkbitSettingsChange>,
) -> Result<Json<HawkbitSettings>, Refusal> {
    let mut problems = Problems::default();
    let mut changes = BTreeMap::new();
    for (name, value) in values {
        let field = format!("values.{name}");
        let key = problems.keep(field.clone(), name.parse::<SettingKey>().map_err(|_| no_such_setting()));
        let value = problems.keep(field, read(value));
        if let (Some(key), Some(value)) = (key, value) {
            changes.insert(key, value);
        }
    }
    let changes = problems.none_or(changes)?;
    Ok(show(rest.app.settings_set(&by, changes).await?))
}

/// What there is instead of a setting that there is not.
fn no_such_setting() -> String {
    let names: Vec<&str> = SettingKey::ALL.iter().map(|key| key.as_str()).collect();
    format!("is no setting; there are {}", names.join(", "))
}

fn show_token(DeviceTokenView { token, created_at }: DeviceTokenView) -> Json<DeviceToken> {
    Json(DeviceToken { token: token.reveal().to_owned(), created_at: time(created_at) })
}

async fn token(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
) -> Result<Json<DeviceToken>, Refusal> {
    let name = device_name(&name)?;
    let found = rest.app.device_token_get(&by, &name).await?;
    found.map(show_token).ok_or_else(|| Refusal::not_found("token", name.as_str()))
}

async fn set_token(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Body(NewDeviceToken { token }): Body<NewDeviceToken>,
) -> Result<Json<DeviceToken>, Refusal> {
    let name = device_name(&name)?;
    Ok(show_token(rest.app.device_token_set(&by, &name, token.as_deref()).await?))
}

async fn remove_token(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
) -> Result<Done, Refusal> {
    rest.app.device_token_remove(&by, &device_name(&name)?).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::rest::fixture::Fixture;

    fn value(settings: &Value, key: &str) -> Value {
        let all = settings["settings"].as_array().unwrap();
        all.iter().find(|one| one["key"] == key).unwrap()["value"].clone()
    }

    #[tokio::test]
    async fn settings_are_changed_together_and_every_bad_one_is_named() {
        let server = Fixture::new("hawkbit-settings").await;
        let shown = server.get("/settings/hawkbit").await.expect(200);
        assert_eq!(value(&shown, "pollingTime"), "00:05:00");
        assert_eq!(value(&shown, "authentication.targettoken.enabled"), false);
        let bad = json!({"values": {"pollingTime": "soon", "authentication.targettoken.enabled": "yes"}});
        let problem = server.put("/settings/hawkbit", bad).await.problem(400, "request.invalid");
        assert_eq!(problem.fields().len(), 2, "{:?}", problem.fields());
        let bad = json!({"values": {"color": "red", "pollingTime": []}});
        let problem = server.put("/settings/hawkbit", bad).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["values.color", "values.pollingTime"]);
        let query = json!({"values": {"pollingTime": "00:05:00, tag=== -> 00:01:00"}});
        server.put("/settings/hawkbit", query).await.problem(400, "request.invalid");
        let good =
            json!({"values": {"pollingTime": "00:10:00", "authentication.gatewaytoken.key": "secret"}});
        let shown = server.put("/settings/hawkbit", good).await.expect(200);
        assert_eq!(value(&shown, "pollingTime"), "00:10:00");
        let back =
            server.put("/settings/hawkbit", json!({"values": {"pollingTime": null}})).await.expect(200);
        assert_eq!(value(&back, "pollingTime"), "00:05:00");
        assert_eq!(value(&back, "authentication.gatewaytoken.key"), "secret");
        let viewer = server.as_role("viewer").await;
        let seen = viewer.get("/settings/hawkbit").await.expect(200);
        assert_eq!(value(&seen, "authentication.gatewaytoken.key"), Value::Null);
        let audit = server.get("/audit").await.expect(200).to_string();
        assert!(audit.contains("settings.change") && !audit.contains("\"secret\""), "{audit}");
        let other = server.in_another_tenant("acme").await;
        let theirs = other.get("/settings/hawkbit").await.expect(200);
        assert_eq!(value(&theirs, "authentication.gatewaytoken.key"), "");
    }

    #[tokio::test]
    async fn a_device_has_one_token_which_is_shown_again_to_those_who_set_devices_up() {
        let server = Fixture::new("hawkbit-token").await;
        server.post("/devices", json!({"name": "thing-1"})).await.expect(201);
        server.get("/devices/thing-1/token").await.problem(404, "token.not_found");
        let made = server.put("/devices/thing-1/token", json!({})).await.expect(200);
        assert_eq!(made["token"].as_str().unwrap().len(), 32);
        assert_eq!(server.get("/devices/thing-1/token").await.expect(200), made);
        let set = server.put("/devices/thing-1/token", json!({"token": "mine"})).await.expect(200);
        assert_eq!(set["token"], "mine");
        let problem = server.put("/devices/thing-1/token", json!({"token": "a b"})).await;
        assert_eq!(problem.problem(400, "request.invalid").fields(), ["token"]);
        server.put("/devices/nobody/token", json!({})).await.problem(404, "device.not_found");
        server.as_role("viewer").await.get("/devices/thing-1/token").await.problem(403, "auth.forbidden");
        let audit = server.get("/audit").await.expect(200).to_string();
        assert!(audit.contains("device.token.set") && !audit.contains("mine"), "{audit}");
        server.delete("/devices/thing-1/token").await.expect(204);
        server.get("/devices/thing-1/token").await.problem(404, "token.not_found");
    }
}

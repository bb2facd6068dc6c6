//! `userinfo`, which is how clients check that they can sign in, and `system/configs`: the tenant's settings.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use windlass_app::AppError;
use windlass_app::ddi::SettingView;
use windlass_domain::hawkbit::{SettingKey, SettingValue};
use windlass_domain::permission::{Permission, Principal};
use windlass_wire::management::actions::ConfigValue;

use super::io::{Answer, At, Body, done, ok};
use super::routes::Routes;
use super::view::Base;
use crate::rest::Rest;
use crate::rest::access::{Access, Caller};
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, write) = (Permission::ServerRead, Permission::ServerManage);
    routes
        .get("/userinfo", Access::SignedIn, userinfo)
        .get("/system/configs", read, configs)
        .put("/system/configs", write, set_configs)
        .get("/system/configs/{key}", read, config)
        .put("/system/configs/{key}", write, set_config)
        .delete("/system/configs/{key}", write, reset)
}

/// What clients know as a value that cannot be taken.
const BAD_VALUE: &str = "hawkbit.config_value";

/// Settings to set; none takes one back to its default.
type Changes = BTreeMap<SettingKey, Option<SettingValue>>;

async fn userinfo(State(rest): State<Rest>, Caller(by): Caller) -> Answer {
    let tenant = rest.tenant_name(by.tenant).await?;
    // Clients know the tenant that is there from the start in capitals.
    let tenant = if rest.app.runs_server(&by).await? { tenant.to_ascii_uppercase() } else { tenant };
    ok(&json!({"tenant": tenant, "username": by.actor.name}))
}

fn shown(view: SettingView, base: &Base) -> Value {
    let SettingView { key, value, is_default } = view;
    let value = value.map(|value| match value {
        SettingValue::Flag(flag) => Value::from(flag),
        SettingValue::Number(number) => Value::from(number),
        SettingValue::Text(text) => Value::from(text),
    });
    let path = format!("/system/configs/{key}");
    json!({"value": value, "global": is_default, "_links": base.links(&path, [("self", "")])})
}

/// A refusal with a code of its own.
fn unusable(code: &str, field: &str, problem: impl ToString) -> Refusal {
    let mut refusal = Refusal::field(field, problem);
    refusal.problem.code = code.to_owned();
    refusal
}

fn known(name: &str) -> Result<SettingKey, Refusal> {
    name.parse().map_err(|_| {
        let names: Vec<&str> = SettingKey::ALL.iter().map(|key| key.as_str()).collect();
        let problem = format!("{name} is not known; it must be one of {}", names.join(", "));
        unusable("hawkbit.config_key", "key", problem)
    })
}

/// Reads a value; clients send flags and numbers as text, too.
fn value(key: SettingKey, value: &Value) -> Result<SettingValue, Refusal> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            let problem = "must be true, false, a whole number or text";
            return Err(unusable(BAD_VALUE, key.as_str(), problem));
        }
    };
    key.read(&text).map_err(|problem| unusable(BAD_VALUE, key.as_str(), problem))
}

/// As upstream: assignments beside each other are not taken back, nor does the way that they end change meanwhile.
async fn is_fixed(rest: &Rest, by: &Principal, changes: &Changes) -> Result<(), Refusal> {
    let settings = rest.app.settings_of(by.tenant).await?;
    for (key, stays) in [(SettingKey::MultiAssignments, true), (SettingKey::AutoClose, settings.auto_close)] {
        let to = changes.get(&key).and_then(Option::as_ref);
        if settings.multi_assignments && to.is_some_and(|to| *to != SettingValue::Flag(stays)) {
            let detail = format!("{key} stays {stays} while multi.assignments.enabled is on.");
            return Err(Refusal::new(StatusCode::FORBIDDEN, "hawkbit.setting_fixed", "Not changed", detail));
        }
    }
    Ok(())
}

/// Sets what was read; a value that does not fit is told as clients know it.
async fn set(rest: &Rest, by: &Principal, changes: Changes) -> Answer {
    is_fixed(rest, by, &changes).await?;
    rest.app.hawkbit_defaults(by).await?;
    rest.app.settings_set(by, changes).await.map_err(|error| {
        let does_not_fit = matches!(error, AppError::Invalid(_));
        let mut refusal = Refusal::from(error);
        if does_not_fit {
            refusal.problem.code = BAD_VALUE.to_owned();
        }
        refusal
    })?;
    done()
}

async fn configs(State(rest): State<Rest>, Caller(by): Caller, base: Base) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let all = rest.app.settings_list(&by).await?;
    let all: BTreeMap<String, Value> =
        all.into_iter().map(|view| (view.key.to_string(), shown(view, &base))).collect();
    ok(&all)
}

async fn config(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(key): At<String>) -> Answer {
    let key = known(&key)?;
    rest.app.hawkbit_defaults(&by).await?;
    let view = rest.app.settings_get(&by, key).await?;
    ok(&shown(view, &base))
}

async fn set_configs(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(asked): Body<BTreeMap<String, Value>>,
) -> Answer {
    let mut changes = BTreeMap::new();
    for (name, asked) in &asked {
        let key = known(name)?;
        changes.insert(key, Some(value(key, asked)?));
    }
    set(&rest, &by, changes).await
}

async fn set_config(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(key): At<String>,
    Body(asked): Body<ConfigValue>,
) -> Answer {
    let key = known(&key)?;
    let asked = asked.value.ok_or_else(|| unusable(BAD_VALUE, "value", "is missing"))?;
    set(&rest, &by, BTreeMap::from([(key, Some(value(key, &asked)?))])).await
}

async fn reset(State(rest): State<Rest>, Caller(by): Caller, At(key): At<String>) -> Answer {
    rest.app.settings_set(&by, BTreeMap::from([(known(&key)?, None)])).await?;
    done()
}

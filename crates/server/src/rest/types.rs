//! `/types`: models of device and their defaults.

use std::collections::HashMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::page::{Page, PageQuery};
use windlass_api::types::{DeviceType, NewType, TopicMapping, TypeSpec, VersionSource};
use windlass_app::types::NewTypeSpec;
use windlass_domain::device_type as domain;
use windlass_domain::ids::{AttributeKey, TypeId, TypeName};
use windlass_domain::permission::Permission;
use windlass_store::types::DeviceTypeRecord;

use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Body, Created, Done, IfMatch, Put, Query, Versioned, part};
use super::page::by_name;
use super::routes::Routes;
use super::view::{time, topic_target, topic_target_in};
use super::{Rest, fields};

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::{TypeRead, TypeWrite};
    const ONE: &str = "/api/v1/types/{name}";
    routes
        .tag("types")
        .get("/api/v1/types", TypeRead, "listTypes", "List device types", list)
        .create("/api/v1/types", TypeWrite, "createType", "Make a device type", create)
        .get(ONE, TypeRead, "getType", "Get a device type", get)
        .put(ONE, TypeWrite, "putType", "Make or replace a device type", put)
        .delete(ONE, TypeWrite, "deleteType", "Remove a device type that no device is of", delete)
}

#[derive(Debug, Deserialize, JsonSchema)]
struct TypePath {
    /// Name of the device type.
    name: String,
}

fn show(record: DeviceTypeRecord) -> DeviceType {
    let DeviceTypeRecord { id: _, tenant: _, name, spec, version, created_at, updated_at } = record;
    let domain::TypeSpec {
        description,
        contact_interval,
        version_sources,
        verify_timeout,
        topic_map,
        renews_certificate,
        default_attributes,
        signing: domain::Signing { signers, required },
    } = spec;
    let sources = version_sources.into_iter().map(|source| match source {
        domain::VersionSource::Reported(path) => VersionSource::Reported(path),
        domain::VersionSource::Inventory(key) => VersionSource::Inventory(key),
        domain::VersionSource::Nowhere => VersionSource::Nowhere,
    });
    let mappings = topic_map
        .into_iter()
        .map(|domain::TopicMapping { filter, target }| TopicMapping { filter, target: topic_target(target) });
    let attributes: fn((AttributeKey, String)) -> (String, String) =
        |(key, value)| (key.into_string(), value);
    DeviceType {
        name: name.into_string(),
        display_name: None,
        spec: TypeSpec {
            description,
            contact_interval_seconds: Some(contact_interval.as_secs()),
            version_sources: Some(sources.collect()),
            verify_timeout_seconds: Some(verify_timeout.as_secs()),
            topic_map: mappings.collect(),
            renews_certificate,
            default_attributes: default_attributes.into_iter().map(attributes).collect(),
            signers,
            require_signature: required,
        },
        version,
        created_at: time(created_at),
        updated_at: time(updated_at),
    }
}

/// With what people call it, if that is another name.
fn labelled(record: DeviceTypeRecord, labels: &HashMap<TypeId, String>) -> DeviceType {
    let label = labels.get(&record.id).filter(|label| *label != record.name.as_str()).cloned();
    DeviceType { display_name: label, ..show(record) }
}

fn wanted(spec: TypeSpec) -> NewTypeSpec {
    let TypeSpec {
        description,
        contact_interval_seconds,
        version_sources,
        verify_timeout_seconds,
        topic_map,
        renews_certificate,
        default_attributes,
        signers,
        require_signature,
    } = spec;
    let source = |source| match source {
        VersionSource::Reported(path) => domain::VersionSource::Reported(path),
        VersionSource::Inventory(key) => domain::VersionSource::Inventory(key),
        VersionSource::Nowhere => domain::VersionSource::Nowhere,
    };
    let mappings = topic_map.into_iter().map(|TopicMapping { filter, target }| domain::TopicMapping {
        filter,
        target: topic_target_in(target),
    });
    NewTypeSpec {
        description,
        contact_interval: contact_interval_seconds.map(Duration::from_secs),
        version_sources: version_sources.map(|sources| sources.into_iter().map(source).collect()),
        verify_timeout: verify_timeout_seconds.map(Duration::from_secs),
        topic_map: mappings.collect(),
        renews_certificate,
        default_attributes,
        signing: domain::Signing { signers, required: require_signature },
    }
}

fn named(name: &str) -> Result<TypeName, Refusal> {
    name.parse().map_err(|_| Refusal::not_found("device type", name))
}

fn created(record: DeviceTypeRecord) -> Created<DeviceType> {
    let location = format!("/types/{}", part(record.name.as_str()));
    Created { location, version: Some(record.version), body: show(record) }
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<DeviceType>>, Refusal> {
    let labels = rest.app.type_labels(&by).await?;
    let types = rest.app.type_list(&by).await?;
    Ok(Json(by_name(types, &query, |one| one.name.to_string(), |one| labelled(one, &labels))?))
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(NewType { name, spec }): Body<NewType>,
) -> Result<Created<DeviceType>, Refusal> {
    Ok(created(rest.app.type_create(&by, &name, wanted(spec)).await?))
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(TypePath { name }): At<TypePath>,
) -> Result<Versioned<DeviceType>, Refusal> {
    let record = rest.app.type_get(&by, &named(&name)?).await?;
    let labels = rest.app.type_labels(&by).await?;
    Ok(Versioned { version: record.version, body: labelled(record, &labels) })
}

async fn put(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(TypePath { name }): At<TypePath>,
    IfMatch(version): IfMatch,
    Body(spec): Body<TypeSpec>,
) -> Result<Put<DeviceType>, Refusal> {
    let name: TypeName = fields::one("name", &name)?;
    let (record, made) = rest.app.type_put(&by, &name, wanted(spec), version).await?;
    Ok(if made {
        Put::Made(created(record))
    } else {
        Put::Replaced(Versioned { version: record.version, body: show(record) })
    })
}

async fn delete(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(TypePath { name }): At<TypePath>,
    IfMatch(version): IfMatch,
) -> Result<Done, Refusal> {
    rest.app.type_delete(&by, &named(&name)?, version).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn a_type_that_hawkbit_calls_otherwise_is_told_by_both_names() {
        let server = Fixture::new("types-labels").await;
        let new = json!([{"name": "Pumpe \"groß\" 펌프"}, {"name": "plain"}]);
        let made = server.hawkbit("POST", "/targettypes", Some(new)).await.expect(201);
        let key = made[0]["key"].as_str().unwrap().to_owned();
        let shown = server.get(&format!("/types/{key}")).await.expect(200);
        assert_eq!(shown["displayName"], "Pumpe \"groß\" 펌프");
        let listed = server.get("/types").await.expect(200);
        let names: Vec<_> =
            listed["items"].as_array().unwrap().iter().map(|one| &one["displayName"]).collect();
        assert!(names.contains(&&json!("Pumpe \"groß\" 펌프")), "{listed}");
        assert!(server.get("/types/plain").await.expect(200).get("displayName").is_none());
        let viewer = server.in_another_tenant("other").await;
        assert!(viewer.get("/types").await.expect(200)["items"].as_array().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_type_is_made_replaced_and_removed_while_nothing_is_of_it() {
        let server = Fixture::new("types").await;
        let made = server.put("/types/pump", json!({"description": "a pump"})).await.expect(201);
        assert_eq!(made["contactIntervalSeconds"], 3600);
        assert_eq!(made["versionSources"][0], json!({"reported": "firmware.version"}));
        let spec = json!({
            "contactIntervalSeconds": 60,
            "versionSources": [{"inventory": "fw"}, "nowhere"],
            "topicMap": [{"filter": "dt/app/{name}/#", "target": "telemetry"}],
            "defaultAttributes": {"vendor": "acme"}
        });
        let replaced = server.put_if("/types/pump", "\"1\"", spec).await.expect(200);
        assert_eq!(replaced["version"], 2);
        assert_eq!(replaced["versionSources"], json!([{"inventory": "fw"}, "nowhere"]));
        server.post("/types", json!({"name": "pump"})).await.problem(409, "device_type.exists");
        server.post("/devices", json!({"name": "pump-1", "type": "pump"})).await.expect(201);
        assert_eq!(server.get("/devices/pump-1").await.expect(200)["attributes"]["vendor"], "acme");
        assert_eq!(server.delete("/types/pump").await.status, 409);
        server.delete("/devices/pump-1").await.expect(204);
        server.delete("/types/pump").await.expect(204);
        server.get("/types/pump").await.problem(404, "device_type.not_found");
    }

    #[tokio::test]
    async fn every_bad_part_of_a_type_is_named() {
        let server = Fixture::new("types-bad").await;
        let spec = json!({
            "contactIntervalSeconds": "often",
            "topicMap": [{"filter": 3, "target": "nowhere"}],
            "versionSources": [{"reported": 1}, "somewhere"]
        });
        let problem = server.put("/types/pump", spec).await.problem(400, "request.invalid");
        let wanted = [
            "contactIntervalSeconds",
            "topicMap.0.filter",
            "topicMap.0.target",
            "versionSources.0.reported",
            "versionSources.1",
        ];
        assert_eq!(problem.fields(), wanted);
    }
}

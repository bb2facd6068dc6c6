//! `/templates`: how a device that presents a claim becomes a device.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::page::{Page, PageQuery};
use windlass_api::templates::{Template, TemplateSpec};
use windlass_app::enrol::TemplateView;
use windlass_domain::ids::TemplateName;
use windlass_domain::permission::Permission;

use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Body, Done, IfMatch, Put, Query, Versioned};
use super::page::by_name;
use super::routes::Routes;
use super::view::time;
use super::{Rest, fields};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("templates")
        .get(
            "/api/v1/templates",
            Permission::TemplateRead,
            "listTemplates",
            "List provisioning templates",
            list,
        )
        .get(
            "/api/v1/templates/{name}",
            Permission::TemplateRead,
            "getTemplate",
            "Get a provisioning template",
            get,
        )
        .put(
            "/api/v1/templates/{name}",
            Permission::TemplateWrite,
            "putTemplate",
            "Make or replace a provisioning template",
            put,
        )
        .delete(
            "/api/v1/templates/{name}",
            Permission::TemplateWrite,
            "deleteTemplate",
            "Remove a provisioning template; devices that used it stay",
            delete,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct TemplatePath {
    /// Name of the template.
    name: String,
}

fn show(template: TemplateView) -> Template {
    let TemplateView { name, body, enabled, version, created_at, updated_at } = template;
    Template {
        name: name.into_string(),
        body,
        enabled,
        version,
        created_at: time(created_at),
        updated_at: time(updated_at),
    }
}

fn named(name: &str) -> Result<TemplateName, Refusal> {
    name.parse().map_err(|_| Refusal::not_found("template", name))
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Template>>, Refusal> {
    Ok(Json(by_name(rest.app.template_list(&by).await?, &query, |one| one.name.to_string(), show)?))
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(TemplatePath { name }): At<TemplatePath>,
) -> Result<Versioned<Template>, Refusal> {
    let template = rest.app.template_get(&by, &named(&name)?).await?;
    Ok(Versioned { version: template.version, body: show(template) })
}

async fn put(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(TemplatePath { name }): At<TemplatePath>,
    IfMatch(version): IfMatch,
    Body(TemplateSpec { body, enabled }): Body<TemplateSpec>,
) -> Result<Put<Template>, Refusal> {
    let name: TemplateName = fields::one("name", &name)?;
    let template = rest.app.template_put(&by, &name, &body, enabled, version).await?;
    let version = template.version;
    let made = template.created_at == template.updated_at && version == 1;
    let body = show(template);
    Ok(Put::of(made, "templates", name.as_str(), version, body))
}

async fn delete(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(TemplatePath { name }): At<TemplatePath>,
) -> Result<Done, Refusal> {
    rest.app.template_delete(&by, &named(&name)?).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::rest::fixture::Fixture;

    fn body() -> Value {
        json!({"body": {
            "Parameters": {"SerialNumber": {"Type": "String"}},
            "Resources": {
                "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "SerialNumber"}}},
                "certificate": {
                    "Type": "AWS::IoT::Certificate",
                    "Properties": {
                        "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                        "Status": "Active"
                    }
                }
            }
        }})
    }

    #[tokio::test]
    async fn a_template_is_made_replaced_and_removed_by_name() {
        let server = Fixture::new("templates").await;
        let made = server.put("/templates/line", body()).await;
        assert_eq!(made.header("location"), Some("/api/v1/templates/line"));
        let made = made.expect(201);
        assert_eq!(made["enabled"], true);
        let mut off = body();
        off["enabled"] = json!(false);
        let replaced = server.put("/templates/line", off).await.expect(200);
        assert_eq!(replaced["version"], 2);
        let got = server.get("/templates/line").await;
        assert_eq!(got.header("etag"), Some("\"2\""));
        server.put_if("/templates/line", "\"1\"", body()).await.problem(412, "version.mismatch");
        server.put_if("/templates/line", "\"2\"", body()).await.expect(200);
        server.delete("/templates/line").await.expect(204);
        server.get("/templates/line").await.problem(404, "template.not_found");
    }

    #[tokio::test]
    async fn a_bad_template_is_refused_with_the_place_of_its_problem() {
        let server = Fixture::new("templates-bad").await;
        let problem = server.put("/templates/line", json!({"body": {"Resources": 3}})).await;
        let problem = problem.problem(400, "request.invalid");
        assert!(problem.fields().iter().any(|field| field.contains("Resources")), "{:?}", problem.fields());
        let problem = server.put("/templates/no%20name", body()).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["name"]);
    }
}

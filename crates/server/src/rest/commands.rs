//! `/devices/{name}/commands`, `/command-templates`: devices told to do something now.

use std::time::Duration;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as Described};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::commands::{
    CommandQuery, CommandResult, CommandTemplate, CommandTemplateSpec, NewCommand, Parameter,
};
use windlass_api::page::{Page, PageQuery};
use windlass_app::jobs::commands::LONGEST_WAIT;
use windlass_app::jobs::{self as app, ExecutionView, TemplateView, Waited};
use windlass_domain::ids::{CommandTemplateName, ExecutionId};
use windlass_domain::job::command::{self as domain, Answer};
use windlass_domain::permission::Permission::{JobCreate, JobRead, TemplateWrite};

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::fields::{self, Problems};
use super::io::{At, Body, Done, IfMatch, Put, Query, Versioned};
use super::page::{after_number, by_name, fetched, limit};
use super::routes::Routes;
use super::view::{execution_state, outcome, parameter_kind, parameter_kind_in, time};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("commands")
        .get(
            "/api/v1/devices/{name}/commands",
            JobRead,
            "listDeviceCommands",
            "List what a device was told to do, newest first",
            of_device,
        )
        .create(
            "/api/v1/devices/{name}/commands",
            JobCreate,
            "sendCommand",
            "Tell a device to do something, and wait for its answer",
            send,
        )
        .get("/api/v1/command-templates", JobRead, "listCommandTemplates", "List command templates", list)
        .get("/api/v1/command-templates/{name}", JobRead, "getCommandTemplate", "Get a command template", get)
        .put(
            "/api/v1/command-templates/{name}",
            TemplateWrite,
            "putCommandTemplate",
            "Make or replace a command template",
            put,
        )
        .delete(
            "/api/v1/command-templates/{name}",
            TemplateWrite,
            "deleteCommandTemplate",
            "Remove a command template; commands that were sent stay",
            delete,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct DevicePath {
    /// Name of the device.
    name: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct TemplatePath {
    /// Name of the command template.
    name: String,
}

/// 200 with the answer, or 202 if there is none yet.
#[derive(Debug)]
struct Answered {
    has_ended: bool,
    result: CommandResult,
}

impl IntoResponse for Answered {
    fn into_response(self) -> Response {
        let status = if self.has_ended { StatusCode::OK } else { StatusCode::ACCEPTED };
        (status, Json(self.result)).into_response()
    }
}

impl OperationOutput for Answered {
    type Inner = CommandResult;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Described> {
        Json::<CommandResult>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Described)> {
        let described = Self::operation_response(ctx, operation);
        described
            .into_iter()
            .flat_map(|described| [(Some(200), described.clone()), (Some(202), described)])
            .collect()
    }
}

/// A command as use cases take it.
pub(super) fn wanted(new: NewCommand) -> app::NewCommand {
    let NewCommand { command, template, arguments, expires_in_seconds } = new;
    let expires_in = expires_in_seconds.map(Duration::from_secs);
    app::NewCommand { command, template, arguments, expires_in }
}

fn show(view: ExecutionView) -> CommandResult {
    let ExecutionView { execution, device, command, why, downloaded: _ } = view;
    let Answer { exit_code, output, output_url } = domain::answer(&execution.details);
    let counts_as = execution.outcome();
    let (name, arguments) =
        command.map(|command| (command.name.into_string(), command.arguments)).unwrap_or_default();
    CommandResult {
        job: execution.job.get(),
        execution: execution.id.get(),
        device,
        command: name,
        arguments,
        state: execution_state(execution.state),
        outcome: outcome(counts_as),
        exit_code,
        output,
        output_url,
        reason: execution.reason,
        why: why.sentence,
        action: why.action.to_owned(),
        queued_at: time(execution.queued_at),
        expires_at: execution.expires_at.map(time),
        ended_at: execution.ended_at.map(time),
    }
}

/// Reads `10s`; the unit may be left out.
fn wait_of(text: Option<&str>) -> Result<Duration, Refusal> {
    let Some(text) = text else { return Ok(Duration::ZERO) };
    let digits = text.strip_suffix('s').unwrap_or(text);
    let seconds = digits.bytes().all(|c| c.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    seconds
        .map(Duration::from_secs)
        .filter(|wait| *wait <= LONGEST_WAIT)
        .ok_or_else(|| Refusal::field("wait", "must be 0s to 60s, such as 10s"))
}

async fn send(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Query(CommandQuery { wait }): Query<CommandQuery>,
    Body(new): Body<NewCommand>,
) -> Result<Answered, Refusal> {
    let wait = wait_of(wait.as_deref())?;
    let Waited { view, has_ended } = rest.app.command_send(&by, &name, wanted(new), wait).await?;
    Ok(Answered { has_ended, result: show(view) })
}

async fn of_device(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<CommandResult>>, Refusal> {
    let limit = limit(query.limit);
    let before = after_number(query.cursor.as_deref())?.map(ExecutionId::new);
    let items = rest.app.device_commands(&by, &name, before, limit.saturating_add(1)).await?;
    Ok(Json(fetched(items, limit, |view| view.execution.id.get(), show)))
}

fn show_template(stored: TemplateView) -> CommandTemplate {
    let TemplateView { name, template, version, created_at, updated_at } = stored;
    let domain::CommandTemplate { description, command, parameters, fixed, expires_in, device_types } =
        template;
    let parameter = |parameter| {
        let domain::Parameter { name, description, kind, required, default, choices } = parameter;
        Parameter { name, description, kind: parameter_kind(kind), required, default, choices }
    };
    CommandTemplate {
        name: name.into_string(),
        description,
        command: command.into_string(),
        parameters: parameters.into_iter().map(parameter).collect(),
        fixed_arguments: fixed,
        expires_in_seconds: expires_in.map(|span| span.as_secs()),
        device_types: device_types.into_iter().map(|name| name.into_string()).collect(),
        version,
        created_at: time(created_at),
        updated_at: time(updated_at),
    }
}

fn template_of(spec: CommandTemplateSpec) -> Result<domain::CommandTemplate, Refusal> {
    let CommandTemplateSpec {
        description,
        command,
        parameters,
        fixed_arguments,
        expires_in_seconds,
        device_types,
    } = spec;
    let mut problems = Problems::default();
    let command = problems.keep("command", command.parse());
    let mut types = Vec::new();
    for (index, name) in device_types.iter().enumerate() {
        types.extend(problems.keep(format!("deviceTypes.{index}"), name.parse()));
    }
    let parameter = |parameter| {
        let Parameter { name, description, kind, required, default, choices } = parameter;
        domain::Parameter { name, description, kind: parameter_kind_in(kind), required, default, choices }
    };
    let template = command.map(|command| domain::CommandTemplate {
        description,
        command,
        parameters: parameters.into_iter().map(parameter).collect(),
        fixed: fixed_arguments,
        expires_in: expires_in_seconds.map(Duration::from_secs),
        device_types: types,
    });
    match problems.none_or(template)? {
        Some(template) => Ok(template),
        None => Err(Refusal::field("command", "is missing")),
    }
}

fn named(name: &str) -> Result<CommandTemplateName, Refusal> {
    name.parse().map_err(|_| Refusal::not_found("command template", name))
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<CommandTemplate>>, Refusal> {
    let all = rest.app.command_template_list(&by).await?;
    Ok(Json(by_name(all, &query, |one| one.name.to_string(), show_template)?))
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(TemplatePath { name }): At<TemplatePath>,
) -> Result<Versioned<CommandTemplate>, Refusal> {
    let template = rest.app.command_template_get(&by, &named(&name)?).await?;
    Ok(Versioned { version: template.version, body: show_template(template) })
}

async fn put(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(TemplatePath { name }): At<TemplatePath>,
    IfMatch(version): IfMatch,
    Body(spec): Body<CommandTemplateSpec>,
) -> Result<Put<CommandTemplate>, Refusal> {
    let name: CommandTemplateName = fields::one("name", &name)?;
    let stored = rest.app.command_template_put(&by, &name, template_of(spec)?, version).await?;
    let version = stored.version;
    let body = show_template(stored);
    Ok(Put::of(version == 1, "command-templates", name.as_str(), version, body))
}

async fn delete(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(TemplatePath { name }): At<TemplatePath>,
) -> Result<Done, Refusal> {
    rest.app.command_template_delete(&by, &named(&name)?).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::rest::fixture::Fixture;

    async fn with_device(name: &str) -> Fixture {
        let server = Fixture::new(name).await;
        server.post("/devices", json!({"name": "pump-1", "tags": ["pump"]})).await.expect(201);
        server
    }

    fn template() -> Value {
        json!({
            "description": "Restarts the application",
            "command": "restart",
            "fixedArguments": {"service": "app"},
            "parameters": [
                {"name": "delay", "type": "number", "default": 5},
                {"name": "mode", "type": "string", "required": true, "choices": ["soft", "hard"]},
            ],
            "expiresInSeconds": 60,
        })
    }

    #[tokio::test]
    async fn a_command_that_nobody_answers_in_time_is_accepted_and_kept() {
        let server = with_device("commands").await;
        let sent =
            server.post("/devices/pump-1/commands?wait=0s", json!({"command": "reboot"})).await.expect(202);
        assert_eq!(
            (&sent["state"], &sent["outcome"], &sent["command"]),
            (&json!("queued"), &json!("open"), &json!("reboot"))
        );
        assert!(sent["why"].as_str().unwrap().contains("not online"), "{sent}");
        let job = server.get(&format!("/jobs/{}", sent["job"])).await.expect(200);
        assert_eq!((&job["kind"], &job["command"]["command"]), (&json!("command"), &json!("reboot")));
        assert_eq!(job["command"]["expiresAt"], sent["expiresAt"]);
        let listed = server.get("/devices/pump-1/commands").await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert_eq!(listed["items"][0]["execution"], sent["execution"]);
        let found = server.get("/jobs?kind=command&state=running&q=REBOOT").await.expect(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        for nothing in ["kind=update", "state=completed", "q=shutdown"] {
            assert_eq!(
                server.get(&format!("/jobs?{nothing}")).await.expect(200)["items"],
                json!([]),
                "{nothing}"
            );
        }
        let executions = format!("/jobs/{}/executions", sent["job"]);
        let on = server.get(&format!("{executions}?device=pump-1")).await.expect(200);
        assert_eq!(on["items"][0]["id"], sent["execution"]);
        assert_eq!(server.get(&format!("{executions}?device=ghost")).await.expect(200)["items"], json!([]));
    }

    #[tokio::test]
    async fn a_command_that_makes_no_sense_is_refused_by_its_fields() {
        let server = with_device("commands-bad").await;
        for (body, fields) in [
            (json!({}), vec!["command"]),
            (json!({"command": "a b"}), vec!["command"]),
            (json!({"command": "reboot", "template": "x"}), vec!["template"]),
            (json!({"template": "ghost"}), vec!["template"]),
            (json!({"command": "reboot", "expiresInSeconds": 0}), vec!["expiresInSeconds"]),
            (json!({"command": "reboot", "arguments": [1]}), vec!["arguments"]),
            (json!({"command": "reboot", "arguments": {"x": "y".repeat(40_000)}}), vec!["arguments"]),
            (json!({"command": "reboot", "shell": true}), vec!["shell"]),
        ] {
            let problem = server.post("/devices/pump-1/commands", body.clone()).await;
            assert_eq!(problem.problem(400, "request.invalid").fields(), fields, "{body}");
        }
        for wait in ["61s", "-1s", "soon", "1.5s", "%2B5s", ""] {
            let problem =
                server.post(&format!("/devices/pump-1/commands?wait={wait}"), json!({"command": "x"})).await;
            assert_eq!(problem.problem(400, "request.invalid").fields(), ["wait"], "{wait}");
        }
        server
            .post("/devices/ghost/commands", json!({"command": "x"}))
            .await
            .problem(404, "device.not_found");
        assert_eq!(server.get("/jobs").await.expect(200)["items"], json!([]), "nothing was sent");

        let targets = json!({"tag": "pump"});
        let two = json!({"kind": "command", "targets": targets, "command": {"command": "a"}, "document": {}});
        assert_eq!(server.post("/jobs", two).await.problem(400, "request.invalid").fields(), ["document"]);
        let none = json!({"kind": "command", "targets": targets});
        assert_eq!(server.post("/jobs", none).await.problem(400, "request.invalid").fields(), ["command"]);
        let waiting = json!({"kind": "command", "targets": targets, "command": {"command": "a"}, "timeouts": {"queuedSeconds": 5, "downloadSeconds": 5}});
        assert_eq!(
            server.post("/jobs", waiting).await.problem(400, "request.invalid").fields(),
            ["timeouts.downloadSeconds", "timeouts.queuedSeconds"]
        );
        let bad = json!({"kind": "command", "targets": targets, "command": {"command": "a b"}});
        assert_eq!(
            server.post("/jobs", bad).await.problem(400, "request.invalid").fields(),
            ["command.command"]
        );
    }

    #[tokio::test]
    async fn a_repeated_command_with_one_key_is_sent_once() {
        let server = with_device("commands-key").await;
        let body = json!({"command": "reboot"});
        let first = server.post_with_key("/devices/pump-1/commands", "once", &body).await.expect(202);
        let again = server.post_with_key("/devices/pump-1/commands", "once", &body).await.expect(202);
        assert_eq!(first["job"], again["job"]);
        assert_eq!(server.get("/jobs").await.expect(200)["items"].as_array().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_template_fills_a_command_in_and_names_every_argument_that_it_does_not_take() {
        let server = with_device("commands-template").await;
        let made = server.put("/command-templates/restart-app", template()).await;
        assert_eq!(made.header("location"), Some("/api/v1/command-templates/restart-app"));
        let made = made.expect(201);
        assert_eq!((&made["version"], &made["parameters"][1]["type"]), (&json!(1), &json!("string")));
        let body = json!({"template": "restart-app", "arguments": {"mode": "loud", "delay": "x", "ghost": 1, "service": "b"}});
        let problem = server.post("/devices/pump-1/commands", body).await;
        assert_eq!(
            problem.problem(400, "request.invalid").fields(),
            ["arguments.delay", "arguments.ghost", "arguments.mode", "arguments.service"]
        );
        let problem = server.post("/devices/pump-1/commands", json!({"template": "restart-app"})).await;
        assert_eq!(problem.problem(400, "request.invalid").fields(), ["arguments.mode"]);

        let body = json!({"template": "restart-app", "arguments": {"mode": "soft"}});
        let sent = server.post("/devices/pump-1/commands", body).await.expect(202);
        assert_eq!(sent["command"], "restart");
        assert_eq!(sent["arguments"], json!({"service": "app", "delay": 5, "mode": "soft"}));
        let job = server.get(&format!("/jobs/{}", sent["job"])).await.expect(200);
        assert_eq!(job["command"]["template"], "restart-app");

        server
            .put_if("/command-templates/restart-app", "\"7\"", template())
            .await
            .problem(412, "version.mismatch");
        assert_eq!(server.put("/command-templates/restart-app", template()).await.expect(200)["version"], 2);
        assert_eq!(server.get("/command-templates").await.expect(200)["total"], 1);
        server.delete("/command-templates/restart-app").await.expect(204);
        server.get("/command-templates/restart-app").await.problem(404, "command_template.not_found");
        server.delete("/command-templates/restart-app").await.problem(404, "command_template.not_found");
    }

    #[tokio::test]
    async fn whose_rights_end_at_a_part_of_the_fleet_uses_templates_and_changes_none() {
        let server = with_device("commands-template-scope").await;
        server.put("/command-templates/restart-app", template()).await.expect(201);
        let token = json!({"name": "lab", "role": "operator", "scope": "tag==pump"});
        let made = server.post("/tokens", token).await.expect(201);
        let scoped = server.with_token(made["secret"].as_str().unwrap());
        let other = json!({"command": "factory-reset"});
        scoped.put("/command-templates/restart-app", other).await.problem(403, "auth.forbidden");
        scoped.delete("/command-templates/restart-app").await.problem(403, "auth.forbidden");
        let body = json!({"template": "restart-app", "arguments": {"mode": "soft"}});
        let sent = scoped.post("/devices/pump-1/commands", body).await.expect(202);
        assert_eq!(sent["command"], "restart");
    }

    #[tokio::test]
    async fn a_template_that_contradicts_itself_is_refused_with_every_place() {
        let server = with_device("commands-template-bad").await;
        let bad = json!({
            "command": "a b",
            "deviceTypes": ["no such"],
            "parameters": [{"name": "x", "type": "number", "default": "y"}],
        });
        let problem = server.put("/command-templates/t", bad).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["command", "deviceTypes.0"]);
        let bad = json!({
            "command": "a",
            "deviceTypes": ["ghost"],
            "parameters": [{"name": "x", "type": "number", "default": "y"}, {"name": "x", "type": "boolean"}],
        });
        let problem = server.put("/command-templates/t", bad).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["deviceTypes.0", "parameters.0.default", "parameters.1.name"]);
        let problem = server
            .put(
                "/command-templates/t",
                json!({"command": "a", "parameters": [{"name": "x", "type": "date"}]}),
            )
            .await;
        assert_eq!(problem.problem(400, "request.invalid").fields(), ["parameters.0.type"]);
        let problem =
            server.put("/command-templates/no%20name", template()).await.problem(400, "request.invalid");
        assert_eq!(problem.fields(), ["name"]);
    }
}

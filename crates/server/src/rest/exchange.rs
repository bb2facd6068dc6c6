//! `/devices/import` and `/devices/export`: devices as files.

use std::collections::BTreeSet;
use std::sync::Arc;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, RequestBody};
use aide::operation::set_body;
use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::{FromRequest, Request, State};
use axum::response::IntoResponse;
use futures_util::stream;
use http::{HeaderMap, StatusCode, header};
use windlass_api::devices::Device;
use windlass_api::onboarding::{
    ExportQuery, ImportAction, ImportProblem, ImportQuery, ImportReport, ImportRow, OnError,
};
use windlass_api::problem::code;
use windlass_app::devices::{self as app, Import, ImportOutcome, ImportSource};
use windlass_app::fleet::{self, ListRequest};
use windlass_app::{AppError, FieldProblem};
use windlass_domain::permission::{Permission, Principal};

use super::Rest;
use super::access::Caller;
use super::devices::show;
use super::error::Refusal;
use super::io::{Query, Raw, read};
use super::routes::Routes;
use super::table::{CsvTable, CsvWriter, JsonTable, utf8};

/// Most bytes of a file.
const MOST_BYTES: usize = 64 * 1024 * 1024;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("devices")
        .post(
            "/api/v1/devices/import",
            Permission::DeviceWrite,
            "importDevices",
            "Register and change many devices from a file (CSV or JSON), or say what that would do",
            import,
        )
        .get(
            "/api/v1/devices/export",
            Permission::DeviceRead,
            "exportDevices",
            "Devices as CSV, in the columns that an import takes",
            export,
        )
}

/// A file, still to come.
struct File {
    headers: HeaderMap,
    body: RawBody,
}

impl<S: Sync> FromRequest<S> for File {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        Ok(Self { headers: parts.headers, body })
    }
}

impl OperationInput for File {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let kinds = ["text/csv", "application/json"];
        let content = kinds.into_iter().map(|kind| (kind.to_owned(), MediaType::default())).collect();
        set_body(ctx, operation, RequestBody { content, required: true, ..RequestBody::default() });
    }
}

fn source(kind: &str, bytes: &[u8]) -> Result<Arc<dyn ImportSource>, Refusal> {
    let text = utf8(bytes).map_err(|problem| Refusal::field("body", problem))?;
    match kind {
        "text/csv" => {
            let table =
                CsvTable::read(text).map_err(|problems| Refusal::from(AppError::Invalid(problems)))?;
            Ok(Arc::new(table))
        }
        _ => Ok(Arc::new(JsonTable::read(text).map_err(|problem| Refusal::field("body", problem))?)),
    }
}

async fn import(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(ImportQuery { dry_run, on_error }): Query<ImportQuery>,
    File { headers, body }: File,
) -> Result<Json<ImportReport>, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_lowercase();
    if !matches!(kind.as_str(), "text/csv" | "application/json") {
        const DETAIL: &str = "Send the file as Content-Type: text/csv or application/json.";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Refusal::new(status, code::MEDIA_TYPE, "Neither CSV nor JSON", DETAIL));
    }
    let Ok(_turn) = rest.imports.try_acquire() else {
        let detail = "another import is under way; send the file again when it is done".to_owned();
        return Err(AppError::Quota { code: "import.busy", detail }.into());
    };
    // Read whole before anything is done: an upload that breaks off imports nothing.
    let bytes = read(body, MOST_BYTES).await?;
    let source = source(&kind, &bytes)?;
    drop(bytes);
    let how = Import { dry_run, skip_bad: on_error == Some(OnError::Skip) };
    Ok(Json(report(dry_run, rest.app.device_import(&by, source, how).await?)))
}

fn action(action: app::ImportAction) -> ImportAction {
    match action {
        app::ImportAction::Create => ImportAction::Create,
        app::ImportAction::Update => ImportAction::Update,
        app::ImportAction::Unchanged => ImportAction::Unchanged,
        app::ImportAction::Error => ImportAction::Error,
    }
}

fn report(dry_run: bool, outcome: ImportOutcome) -> ImportReport {
    let ImportOutcome {
        rows,
        to_create,
        to_update,
        created,
        updated,
        unchanged,
        failed,
        aborted,
        stopped,
        problems,
        problems_omitted,
        preview,
    } = outcome;
    let problems = problems.into_iter().map(|app::ImportProblem { row, line, name, problem }| {
        let FieldProblem { field, problem } = problem;
        ImportProblem { row, line, name, field, problem }
    });
    let preview = preview.into_iter().map(|app::ImportPreview { row, name, action: does, spec }| {
        let app::ImportSpec { device_type, kind: _, parent: _, attributes, tags, groups: _ } = spec;
        let (action, tags) = (action(does), tags.into_iter().collect());
        ImportRow { row, name, action, device_type, tags, attributes }
    });
    ImportReport {
        dry_run,
        rows,
        valid: rows.saturating_sub(failed),
        to_create,
        to_update,
        created,
        updated,
        unchanged,
        failed,
        aborted,
        stopped,
        problems: problems.collect(),
        problems_omitted,
        preview: preview.collect(),
    }
}

/// Devices of a query, page by page.
#[derive(Clone)]
struct Walk {
    rest: Rest,
    by: Principal,
    q: Option<String>,
}

impl Walk {
    fn page(&self, cursor: Option<String>) -> Result<(Vec<Device>, Option<String>), Refusal> {
        let request = ListRequest {
            q: self.q.clone(),
            sort: Some("name".to_owned()),
            limit: Some(self.rest.app.limits.page),
            cursor,
            facets: Vec::new(),
        };
        let fleet::Page { items, total: _, cursor, facets: _ } =
            self.rest.app.device_list(&self.by, &request)?;
        Ok((items.into_iter().map(show).collect(), cursor))
    }

    /// Every attribute that one of the devices has.
    fn keys(&self) -> Result<BTreeSet<String>, Refusal> {
        let (mut keys, mut place) = (BTreeSet::new(), None);
        loop {
            let (devices, next) = self.page(place)?;
            for device in devices {
                keys.extend(device.attributes.into_keys());
            }
            match next {
                Some(next) => place = Some(next),
                None => return Ok(keys),
            }
        }
    }
}

/// What is left of an export.
enum Left {
    Heading,
    From(Option<String>),
    Nothing,
}

async fn export(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(ExportQuery { q }): Query<ExportQuery>,
) -> Result<Raw, Refusal> {
    let walk = Walk { rest, by, q };
    let writer = CsvWriter::new(walk.keys()?);
    let pieces = stream::unfold((Left::Heading, walk, writer), |(state, walk, writer)| async move {
        let (piece, next) = match state {
            Left::Nothing => return None,
            Left::Heading => (writer.heading().map_err(std::io::Error::other), Left::From(None)),
            Left::From(place) => match walk.page(place) {
                Ok((devices, next)) => {
                    let next = next.map_or(Left::Nothing, |next| Left::From(Some(next)));
                    (writer.devices(&devices).map_err(std::io::Error::other), next)
                }
                // The answer breaks off, so that nobody takes a part for the whole.
                Err(refusal) => (Err(std::io::Error::other(refusal.problem.detail)), Left::Nothing),
            },
        };
        Some((piece, (next, walk, writer)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"devices.csv\""),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok(Raw { response: (headers, RawBody::from_stream(pieces)).into_response() })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use bytes::Bytes;
    use serde_json::{Value, json};

    use crate::rest::fixture::{Answer, Fixture};

    async fn send(server: &Fixture, query: &str, kind: &str, body: impl Into<Body>) -> Answer {
        server.send("POST", &format!("/devices/import{query}"), &[("content-type", kind)], body).await
    }

    async fn csv(server: &Fixture, query: &str, body: &str) -> Value {
        send(server, query, "text/csv", body.to_owned()).await.expect(200)
    }

    #[tokio::test]
    async fn a_file_is_previewed_then_imported_and_again_changes_nothing() {
        let server = Fixture::new("import").await;
        server.post("/types", json!({"name": "pump"})).await.expect(201);
        server.post("/groups", json!({"path": "eu/berlin"})).await.expect(201);
        server.post("/devices", json!({"name": "p-2", "tags": ["old"]})).await.expect(201);
        let file = "name,type,kind,parent,tags,groups,attribute.site\n\
                    p-1,pump,,gw-1,a b,eu/berlin,\"Berlin, Nord\"\n\
                    p-2,pump,,,new,,\n\
                    gw-1,,gateway,,,,\n";
        let seen = csv(&server, "?dryRun=true", file).await;
        assert_eq!(
            (&seen["toCreate"], &seen["toUpdate"], &seen["failed"]),
            (&json!(2), &json!(1), &json!(0))
        );
        assert_eq!(seen["preview"][0]["action"], "create");
        assert_eq!(seen["created"], 0);
        server.get("/devices/p-1").await.problem(404, "device.not_found");
        let done = csv(&server, "", file).await;
        assert_eq!((&done["created"], &done["updated"]), (&json!(2), &json!(1)), "{done}");
        let made = server.get("/devices/p-1").await.expect(200);
        assert_eq!((&made["parent"], &made["groups"]), (&json!("gw-1"), &json!(["eu/berlin"])));
        assert_eq!(made["attributes"]["site"], "Berlin, Nord");
        assert_eq!(server.get("/devices/p-2").await.expect(200)["tags"], json!(["new", "old"]));
        let again = csv(&server, "", file).await;
        assert_eq!((&again["unchanged"], &again["updated"]), (&json!(3), &json!(0)));
        let audit = server.get("/audit").await.expect(200);
        let acts: Vec<_> = audit["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["action"] == "device.import")
            .collect();
        assert_eq!(acts.len(), 1, "one record for one act");
    }

    #[tokio::test]
    async fn bad_rows_are_named_and_stop_everything_unless_they_are_to_be_skipped() {
        let server = Fixture::new("import-bad").await;
        let file = "name,type,parent,attribute.a\n\
                    good-1,,,1\n\
                    <img src=x onerror=alert(1)>,,,\n\
                    good-1,,,2\n\
                    p-1,ghost,nobody,\n\
                    export,,,\n\
                    good-2,,,=1+1\n";
        let seen = csv(&server, "", file).await;
        assert_eq!(
            (&seen["aborted"], &seen["failed"], &seen["created"]),
            (&json!(true), &json!(4), &json!(0))
        );
        let named: Vec<(u64, &str)> = seen["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["row"].as_u64().unwrap(), one["field"].as_str().unwrap()))
            .collect();
        assert_eq!(named, [(2, "name"), (3, "name"), (4, "type"), (4, "parent"), (5, "name")]);
        assert_eq!(seen["problems"][0]["line"], 3);
        server.get("/devices/good-1").await.problem(404, "device.not_found");
        let done = csv(&server, "?onError=skip", file).await;
        assert_eq!((&done["created"], &done["failed"]), (&json!(2), &json!(4)));
        let formula = server.get("/devices/good-2").await.expect(200);
        assert_eq!(formula["attributes"]["a"], "=1+1", "a formula is data");
        let out = server.get("/devices/export").await;
        assert!(out.text().contains("good-2,,device,,,,'=1+1\r\n"), "{}", out.text());
        let back = csv(&server, "", &out.text()).await;
        assert_eq!((&back["unchanged"], &back["failed"]), (&json!(2), &json!(0)), "{back}");
    }

    #[tokio::test]
    async fn many_rows_go_in_several_transactions_around_the_bad_ones() {
        let server = Fixture::new("import-many").await;
        let mut file = String::from("name,tags\n");
        for row in 1..=1_200 {
            file.push_str(&if row == 700 { "b d,x\n".to_owned() } else { format!("d-{row},x\n") });
        }
        let done = csv(&server, "?onError=skip", &file).await;
        assert_eq!((&done["created"], &done["failed"]), (&json!(1_199), &json!(1)));
        assert_eq!((&done["problems"][0]["row"], &done["problems"][0]["line"]), (&json!(700), &json!(701)));
        assert_eq!(done["preview"].as_array().unwrap().len(), 20);
        assert_eq!(server.get("/devices?limit=1").await.expect(200)["total"], 1_199);
        let out = server.get("/devices/export?q=tag%3D%3Dx").await;
        assert_eq!(out.text().lines().count(), 1_200, "a heading and every page of devices");
    }

    #[tokio::test]
    async fn a_hundred_thousand_rows_with_bad_ones_in_the_middle_are_imported_but_for_those() {
        let server = Fixture::new("import-most").await;
        let mut file = String::from("name\n");
        for row in 1..=100_000 {
            file.push_str(&if (50_000..50_100).contains(&row) {
                format!("b d {row}\n")
            } else {
                format!("d-{row}\n")
            });
        }
        let done = csv(&server, "?onError=skip", &file).await;
        assert_eq!((&done["rows"], &done["stopped"]), (&json!(100_000), &Value::Null), "{}", done["stopped"]);
        assert_eq!((&done["created"], &done["failed"]), (&json!(99_900), &json!(100)));
        let named: Vec<u64> =
            done["problems"].as_array().unwrap().iter().map(|one| one["row"].as_u64().unwrap()).collect();
        assert_eq!(named, (50_000..50_100).collect::<Vec<u64>>());
        assert_eq!(done["problems"][99]["line"], 50_100, "under the heading");
        assert_eq!(server.get("/devices?limit=1").await.expect(200)["total"], 99_900);
        server.get("/devices/d-49999").await.expect(200);
        server.get("/devices/d-50100").await.expect(200);
        server.get("/devices/d-100000").await.expect(200);
    }

    #[tokio::test]
    async fn files_that_cannot_be_read_are_refused_whole() {
        let server = Fixture::new("import-unreadable").await;
        let latin = send(&server, "", "text/csv", Bytes::from_static(b"name\nM\xfcller\n")).await;
        let problem = latin.problem(400, "request.invalid");
        assert!(problem.detail().contains("byte 7"), "{}", problem.detail());
        let header = send(&server, "", "text/csv", "colour\nred\n").await.problem(400, "request.invalid");
        assert_eq!(header.fields(), ["header", "header"]);
        send(&server, "", "application/json", "[{\"name\":\"a\"}").await.problem(400, "request.invalid");
        send(&server, "", "text/html", "name\na\n").await.problem(415, "request.media_type");
        let pieces =
            [Ok(Bytes::from_static(b"name\na\nb\n")), Err(std::io::Error::other("connection reset"))];
        let cut = Body::from_stream(futures_util::stream::iter(pieces));
        send(&server, "", "text/csv", cut).await.problem(400, "request.incomplete");
        assert_eq!(server.get("/devices").await.expect(200)["total"], 0);
        let many = format!("name\n{}", "x\n".repeat(100_001));
        let many = send(&server, "", "text/csv", many).await.problem(400, "request.invalid");
        assert_eq!(many.fields(), ["body"]);
    }

    #[tokio::test]
    async fn json_takes_what_creating_one_device_takes() {
        let server = Fixture::new("import-json").await;
        let file =
            json!([{"name": "a", "attributes": {"emoji": "🚰".repeat(4_000)}}, {"name": "b", "kind": 7}]);
        let done = send(&server, "?onError=skip", "application/json", file.to_string()).await.expect(200);
        assert_eq!((&done["created"], &done["failed"]), (&json!(1), &json!(1)));
        assert_eq!(done["problems"][0]["field"], "kind");
        let long = json!({"attributes": {"a": "🚰".repeat(4_001)}});
        let refused = server.put("/devices/c", long).await.problem(400, "request.invalid");
        assert_eq!(refused.fields(), ["attributes.a"]);
    }

    #[tokio::test]
    async fn an_import_reaches_no_further_than_rights_and_scope() {
        let server = Fixture::new("import-scope").await;
        server.post("/groups", json!({"path": "eu"})).await.expect(201);
        server.post("/devices", json!({"name": "hidden"})).await.expect(201);
        let token = json!({"name": "lab", "role": "operator", "scope": "tag==lab"});
        let made = server.post("/tokens", token).await.expect(201);
        let lab = server.with_token(made["secret"].as_str().unwrap());
        let seen =
            csv(&lab, "?onError=skip", "name,tags,groups\nhidden,lab,\nfree,,\nmine,lab,\nours,lab,eu\n")
                .await;
        assert_eq!((&seen["created"], &seen["failed"]), (&json!(1), &json!(3)), "{seen}");
        assert_eq!(lab.get("/devices/export").await.text().lines().count(), 2);
        server
            .as_role("viewer")
            .await
            .send("POST", "/devices/import", &[], "")
            .await
            .problem(403, "auth.forbidden");
    }
}

//! `/uploads`: artifacts that come in parts, over cut connections and restarts.

use aide::OperationInput;
use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, RequestBody, Response as Described};
use aide::operation::{add_parameters, set_body};
use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::page::{Page, PageQuery};
use windlass_api::uploads::{NewUpload, OFFSET_HEADER, Upload};
use windlass_app::AppError;
use windlass_app::uploads::{self, PartUpload, digest_of};
use windlass_domain::ids::{Sha256, UploadId};
use windlass_domain::permission::{Permission, Principal};

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Body, Created, Done, Query, header_parameter};
use super::page::{after_number, fetched, limit};
use super::routes::Routes;
use super::view::time;

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::ArtifactWrite;
    const ONE: &str = "/api/v1/uploads/{id}";
    routes
        .tag("artifacts")
        .get("/api/v1/uploads", ArtifactWrite, "listUploads", "List uploads in parts", list)
        .create("/api/v1/uploads", ArtifactWrite, "createUpload", "Announce an upload in parts", create)
        .get(ONE, ArtifactWrite, "getUpload", "See where an upload stands", get)
        .patch(ONE, ArtifactWrite, "continueUpload", "Go on with an upload: the bytes are the body", append)
        .delete(ONE, ArtifactWrite, "deleteUpload", "Give an upload up", delete)
}

#[derive(Debug, Deserialize, JsonSchema)]
struct UploadPath {
    /// Id of the upload.
    id: i64,
}

fn show(upload: PartUpload) -> Upload {
    let PartUpload {
        id,
        name,
        size,
        sha256,
        signature: _,
        received,
        artifact,
        created_at,
        created_by,
        expires_at,
    } = upload;
    Upload {
        id: id.get(),
        name: name.into_string(),
        size,
        sha256: sha256.map(|digest| digest.to_string()),
        offset: received,
        artifact: artifact.map(|id| id.get()),
        created_at: time(created_at),
        created_by,
        expires_at: time(expires_at),
    }
}

/// An answer that says where the upload stands.
struct Standing<T> {
    offset: Option<u64>,
    artifact: Option<i64>,
    answer: T,
}

impl<T: IntoResponse> IntoResponse for Standing<T> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        if let Some(offset) = self.offset {
            response.headers_mut().insert(OFFSET_HEADER, HeaderValue::from(offset));
        }
        if let Some(id) = self.artifact
            && let Ok(place) = HeaderValue::try_from(format!("{}/artifacts/{id}", windlass_api::BASE))
        {
            response.headers_mut().insert(header::LOCATION, place);
        }
        response
    }
}

impl<T: OperationOutput> OperationOutput for Standing<T> {
    type Inner = T::Inner;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Described> {
        T::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Described)> {
        T::inferred_responses(ctx, operation)
    }
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Upload>>, Refusal> {
    let limit = limit(query.limit);
    let after = after_number(query.cursor.as_deref())?.map(UploadId::new);
    let items = rest.app.upload_list(&by, after, limit.saturating_add(1)).await?;
    Ok(Json(fetched(items, limit, |one| one.id.get(), show)))
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(NewUpload { name, size, sha256, sums, signature }): Body<NewUpload>,
) -> Result<Created<Upload>, Refusal> {
    let sha256 = announced(&name, sha256.as_deref(), sums.as_deref())?;
    let upload = rest.app.upload_create(&by, uploads::NewUpload { name, size, sha256, signature }).await?;
    let body = show(upload);
    Ok(Created { location: format!("/uploads/{}", body.id), version: None, body })
}

/// The digest that somebody announces, by itself or in a list.
pub(super) fn announced(
    name: &str,
    sha256: Option<&str>,
    sums: Option<&str>,
) -> Result<Option<Sha256>, Refusal> {
    match (sha256, sums) {
        (Some(_), Some(_)) => Err(Refusal::field("sums", "give either a digest or a list of digests")),
        (Some(text), None) => text.parse().map(Some).map_err(|problem| Refusal::field("sha256", problem)),
        (None, Some(list)) => {
            digest_of(list, name).map(Some).map_err(|problem| AppError::Invalid(vec![problem]).into())
        }
        (None, None) => Ok(None),
    }
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(UploadPath { id }): At<UploadPath>,
) -> Result<Standing<Json<Upload>>, Refusal> {
    let upload = show(rest.app.upload_get(&by, UploadId::new(id)).await?);
    Ok(Standing { offset: Some(upload.offset), artifact: upload.artifact, answer: Json(upload) })
}

/// The bytes of a part, still to come.
struct Part {
    headers: HeaderMap,
    body: RawBody,
}

impl<S: Sync> FromRequest<S> for Part {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        Ok(Self { headers: parts.headers, body })
    }
}

impl OperationInput for Part {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let text = "The byte that the body begins at: where the upload stands, or it is refused with 409.";
        add_parameters(ctx, operation, [header_parameter(OFFSET_HEADER, text)]);
        let content =
            [("application/offset+octet-stream".to_owned(), MediaType::default())].into_iter().collect();
        set_body(ctx, operation, RequestBody { content, required: true, ..RequestBody::default() });
    }
}

async fn append(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(UploadPath { id }): At<UploadPath>,
    Part { headers, body }: Part,
) -> Result<Standing<Done>, Standing<Refusal>> {
    let id = UploadId::new(id);
    let refusal = match added(&rest, &by, id, &headers, body).await {
        Ok(answer) => return Ok(answer),
        Err(refusal) => refusal,
    };
    // Whoever is refused goes on from where it stands.
    let (offset, artifact) = match rest.app.upload_get(&by, id).await {
        Ok(PartUpload { received, artifact, .. }) => (Some(received), artifact.map(|id| id.get())),
        Err(_) => (None, None),
    };
    Err(Standing { offset, artifact, answer: refusal })
}

async fn added(
    rest: &Rest,
    by: &Principal,
    id: UploadId,
    headers: &HeaderMap,
    mut body: RawBody,
) -> Result<Standing<Done>, Refusal> {
    let offset = headers.get(OFFSET_HEADER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let offset = offset.ok_or_else(|| {
        Refusal::field(OFFSET_HEADER, "must be the byte that the body begins at, a whole number")
    })?;
    let mut append = rest.app.upload_append(by, id, offset).await?;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            // What came before the connection broke counts.
            append.end().await?;
            return Err(Refusal::incomplete());
        };
        if let Some(chunk) = frame.data_ref() {
            append.write(chunk).await?;
        }
    }
    let (upload, _) = append.end().await?;
    Ok(Standing { offset: Some(upload.received), artifact: upload.artifact.map(|id| id.get()), answer: Done })
}

async fn delete(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(UploadPath { id }): At<UploadPath>,
) -> Result<Done, Refusal> {
    rest.app.upload_delete(&by, UploadId::new(id)).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use windlass_domain::ids::Sha256;

    use crate::rest::fixture::{Answer, Fixture};

    async fn announce(server: &Fixture, size: usize, sha256: Option<String>) -> String {
        let new = json!({"name": "app.bin", "size": size, "sha256": sha256});
        let new: serde_json::Map<String, Value> =
            new.as_object().unwrap().clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
        let made = server.post("/uploads", Value::Object(new)).await.expect(201);
        assert_eq!(made["offset"], 0);
        format!("/uploads/{}", made["id"])
    }

    async fn part(server: &Fixture, path: &str, offset: usize, bytes: &'static [u8]) -> Answer {
        server.send("PATCH", path, &[("upload-offset", &offset.to_string())], bytes).await
    }

    #[tokio::test]
    async fn an_upload_in_parts_becomes_an_artifact_with_its_last_byte() {
        let server = Fixture::new("uploads").await;
        let path = announce(&server, 8, Some(Sha256::of(b"windlass").to_string())).await;
        let first = part(&server, &path, 0, b"wind").await;
        assert_eq!((first.status, first.header("upload-offset")), (204, Some("4")), "{}", first.text());
        assert_eq!(server.get(&path).await.expect(200)["offset"], 4);
        let last = part(&server, &path, 4, b"lass").await;
        assert_eq!((last.status, last.header("upload-offset")), (204, Some("8")), "{}", last.text());
        let artifact = last.header("location").unwrap().strip_prefix("/api/v1").unwrap().to_owned();
        assert_eq!(server.get(&artifact).await.expect(200)["name"], "app.bin");
        assert!(server.get(&format!("{artifact}/content")).await.bytes == b"windlass"[..]);
        // Whoever missed that answer asks.
        let seen = server.get(&path).await;
        assert_eq!(seen.header("location").map(|place| place.ends_with(&artifact)), Some(true));
        part(&server, &path, 8, b"").await.problem(409, "upload.finished");
    }

    #[tokio::test]
    async fn a_wrong_place_is_refused_with_the_right_one() {
        let server = Fixture::new("uploads-offset").await;
        let path = announce(&server, 8, None).await;
        part(&server, &path, 0, b"wind").await;
        for wrong in [0, 3, 5, 8] {
            let refused = part(&server, &path, wrong, b"lass").await;
            assert_eq!(refused.header("upload-offset"), Some("4"));
            refused.problem(409, "upload.offset");
        }
        let nowhere = server.send("PATCH", &path, &[], "lass").await;
        assert_eq!(nowhere.problem(400, "request.invalid").fields(), ["upload-offset"]);
    }

    #[tokio::test]
    async fn more_or_other_bytes_than_announced_are_refused_and_say_what_was_expected() {
        let server = Fixture::new("uploads-bytes").await;
        let path = announce(&server, 4, Some(Sha256::of(b"wind").to_string())).await;
        let more = part(&server, &path, 0, b"windl").await;
        assert_eq!(more.header("upload-offset"), Some("0"));
        assert_eq!(more.problem(400, "request.invalid").fields(), ["size"]);
        let other = part(&server, &path, 0, b"lass").await;
        assert!(other.text().contains(&Sha256::of(b"wind").to_string()), "{}", other.text());
        assert_eq!(other.problem(400, "request.invalid").fields(), ["sha256"]);
        server.get(&path).await.problem(404, "upload.not_found");
        assert_eq!(server.get("/artifacts").await.expect(200)["items"], json!([]));
    }

    #[tokio::test]
    async fn what_is_announced_is_checked_before_a_byte_comes() {
        let server = Fixture::new("uploads-bad").await;
        let huge = json!({"name": "app.bin", "size": 11_000_000_000_u64});
        server.post("/uploads", huge).await.problem(413, "request.too_large");
        let bad = json!({"name": "a/b", "size": 1, "signature": "x".repeat(9000)});
        assert_eq!(
            server.post("/uploads", bad).await.problem(400, "request.invalid").fields(),
            ["name", "signature"]
        );
        for (member, value) in [("sha256", "zz"), ("sums", "zz app.bin"), ("sums", "no list"), ("sums", "")] {
            let bad = json!({"name": "app.bin", "size": 1, member: value});
            assert_eq!(server.post("/uploads", bad).await.problem(400, "request.invalid").fields(), [member]);
        }
        let list = format!("{}  other\n{} *dist/app.bin\n", Sha256::of(b"x"), Sha256::of(b"wind"));
        let made =
            server.post("/uploads", json!({"name": "app.bin", "size": 4, "sums": list})).await.expect(201);
        assert_eq!(made["sha256"], Sha256::of(b"wind").to_string());
    }

    #[tokio::test]
    async fn an_upload_that_is_given_up_is_gone() {
        let server = Fixture::new("uploads-gone").await;
        let path = announce(&server, 8, None).await;
        part(&server, &path, 0, b"wind").await;
        server.delete(&path).await.expect(204);
        part(&server, &path, 4, b"lass").await.problem(404, "upload.not_found");
        assert_eq!(server.get("/uploads").await.expect(200)["items"], json!([]));
    }
}

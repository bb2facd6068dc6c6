//! `/artifacts`: files that devices download. Bytes are streamed in and out, never held.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, RequestBody};
use aide::operation::{add_parameters, set_body};
use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::{FromRequest, Request, State};
use axum::response::IntoResponse;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio_util::io::ReaderStream;
use windlass_api::artifacts::{Artifact, SHA256_HEADER, UploadQuery};
use windlass_api::page::{Page, PageQuery};
use windlass_app::AppError;
use windlass_app::artifacts::NewArtifact;
use windlass_domain::ids::{ArtifactId, Sha256};
use windlass_domain::permission::Permission;
use windlass_domain::software;

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Created, Done, Query, Raw, header_parameter};
use super::page::{after_number, fetched, limit};
use super::routes::Routes;
use super::view::time;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("artifacts")
        .get("/api/v1/artifacts", Permission::ArtifactRead, "listArtifacts", "List artifacts", list)
        .post(
            "/api/v1/artifacts",
            Permission::ArtifactWrite,
            "uploadArtifact",
            "Upload an artifact: the bytes are the body",
            upload,
        )
        .get("/api/v1/artifacts/{id}", Permission::ArtifactRead, "getArtifact", "Get an artifact", get)
        .get(
            "/api/v1/artifacts/{id}/content",
            Permission::ArtifactRead,
            "downloadArtifact",
            "Download the bytes of an artifact",
            content,
        )
        .delete(
            "/api/v1/artifacts/{id}",
            Permission::ArtifactWrite,
            "deleteArtifact",
            "Delete an artifact that no component has",
            delete,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct ArtifactPath {
    /// Id of the artifact.
    id: i64,
}

pub(super) fn show(artifact: software::Artifact) -> Artifact {
    let software::Artifact { id, name, sha256, sums, size, signature, created_at, created_by } = artifact;
    Artifact {
        id: id.get(),
        name: name.into_string(),
        sha256: sha256.to_string(),
        sha1: sums.map(|sums| sums.sha1.to_string()),
        md5: sums.map(|sums| sums.md5.to_string()),
        size,
        signature,
        created_at: time(created_at),
        created_by,
    }
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Artifact>>, Refusal> {
    let limit = limit(query.limit);
    let after = after_number(query.cursor.as_deref())?.map(ArtifactId::new);
    let items = rest.app.artifact_list(&by, after, limit.saturating_add(1)).await?;
    Ok(Json(fetched(items, limit, |one| one.id.get(), show)))
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ArtifactPath { id }): At<ArtifactPath>,
) -> Result<Json<Artifact>, Refusal> {
    let artifact = rest.app.artifact_get(&by, ArtifactId::new(id)).await?;
    let sums = Some(rest.app.artifact_sums(&artifact).await?);
    Ok(Json(show(software::Artifact { sums, ..artifact })))
}

/// The bytes of an upload, still to come.
struct Bytes {
    headers: HeaderMap,
    body: RawBody,
}

impl<S: Sync> FromRequest<S> for Bytes {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        Ok(Self { headers: parts.headers, body })
    }
}

impl OperationInput for Bytes {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let text = "Refuse with 400 unless the bytes have this SHA-256 (64 hex characters).";
        add_parameters(ctx, operation, [header_parameter(SHA256_HEADER, text)]);
        let content = [("application/octet-stream".to_owned(), MediaType::default())].into_iter().collect();
        set_body(ctx, operation, RequestBody { content, required: true, ..RequestBody::default() });
    }
}

async fn upload(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(UploadQuery { name, signature }): Query<UploadQuery>,
    Bytes { headers, mut body }: Bytes,
) -> Result<Created<Artifact>, Refusal> {
    let sha256 = match headers.get(SHA256_HEADER) {
        None => None,
        Some(value) => {
            let digest = value.to_str().unwrap_or_default().trim().parse::<Sha256>();
            Some(digest.map_err(|problem| Refusal::field(SHA256_HEADER, problem))?)
        }
    };
    let size = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut upload = rest
        .app
        .artifact_upload(&by, NewArtifact { name, sha256, size, signature, ..NewArtifact::default() })
        .await?;
    while let Some(frame) = body.frame().await {
        // Dropping the upload discards what came so far.
        let frame = frame.map_err(|_| Refusal::incomplete())?;
        if let Some(chunk) = frame.data_ref() {
            upload.write(chunk).await?;
        }
    }
    let body = show(upload.finish().await.map_err(|error| match error {
        AppError::Invalid(fields) if fields.iter().any(|field| field.field == "sha256") => {
            const DETAIL: &str =
                "The bytes that came have another SHA-256 than was announced; nothing was stored.";
            let code = windlass_api::problem::code::DIGEST_MISMATCH;
            Refusal::new(StatusCode::BAD_REQUEST, code, "Wrong digest", DETAIL)
        }
        error => error.into(),
    })?);
    let location = format!("/artifacts/{}", body.id);
    Ok(Created { location, version: None, body })
}

async fn content(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ArtifactPath { id }): At<ArtifactPath>,
) -> Result<Raw, Refusal> {
    let artifact = rest.app.artifact_get(&by, ArtifactId::new(id)).await?;
    let bytes = rest.app.download_range(&artifact.sha256, 0, artifact.size).await.map_err(|refusal| {
        let status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        Refusal::new(status, refusal.code(), "Not available", refusal.to_string())
    })?;
    let mut response = RawBody::from_stream(ReaderStream::new(bytes)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(artifact.size));
    // The name is of safe characters only, by the domain's rule for names.
    let disposition = format!("attachment; filename=\"{}\"", artifact.name);
    if let Ok(value) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(Raw { response })
}

async fn delete(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ArtifactPath { id }): At<ArtifactPath>,
) -> Result<Done, Refusal> {
    rest.app.artifact_delete(&by, ArtifactId::new(id)).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use windlass_domain::ids::Sha256;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn an_upload_larger_than_other_bodies_comes_back_as_it_was() {
        let server = Fixture::new("artifacts").await;
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let made = server.upload("app.bin", &bytes).await.expect(201);
        assert_eq!(made["size"], bytes.len());
        assert_eq!(made["sha256"], Sha256::of(&bytes).to_string());
        assert_eq!(made["sha1"].as_str().map(str::len), Some(40));
        assert_eq!(made["md5"].as_str().map(str::len), Some(32));
        let got = server.get(&format!("/artifacts/{}/content", made["id"])).await;
        assert_eq!(got.header("content-disposition"), Some("attachment; filename=\"app.bin\""));
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
        assert!(got.bytes == bytes);
        server.delete(&format!("/artifacts/{}", made["id"])).await.expect(204);
        server.get(&format!("/artifacts/{}", made["id"])).await.problem(404, "artifact.not_found");
    }

    #[tokio::test]
    async fn bytes_with_another_digest_than_announced_are_not_kept() {
        let server = Fixture::new("artifacts-digest").await;
        let other = Sha256::of(b"other").to_string();
        let upload = server.upload_with("app.bin", b"these", &[("x-content-sha256", &other)]).await;
        upload.problem(400, "artifact.digest_mismatch");
        let upload = server.upload_with("app.bin", b"these", &[("x-content-sha256", "zz")]).await;
        assert_eq!(upload.problem(400, "request.invalid").fields(), ["x-content-sha256"]);
        assert_eq!(server.get("/artifacts").await.expect(200)["items"].as_array().unwrap().len(), 0);
    }

    #[tokio::test]
    async fn an_upload_that_is_cut_leaves_nothing() {
        let server = Fixture::new("artifacts-cut").await;
        server.upload_cut("app.bin", b"the first half").await.problem(400, "request.incomplete");
        assert_eq!(server.get("/artifacts").await.expect(200)["items"].as_array().unwrap().len(), 0);
    }

    #[tokio::test]
    async fn an_upload_without_a_usable_name_is_refused() {
        let server = Fixture::new("artifacts-name").await;
        assert_eq!(server.upload("..%2Fetc", b"x").await.problem(400, "request.invalid").fields(), ["name"]);
        let nameless = server.send("POST", "/artifacts", &[], b"x".to_vec()).await;
        assert_eq!(nameless.problem(400, "request.invalid").fields(), ["name"]);
    }
}

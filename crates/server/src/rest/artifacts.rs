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
use windlass_api::artifacts::{
    self as api, Artifact, ArtifactContent, ArtifactFormat, ArtifactLink, ArtifactPart, SHA256_HEADER,
    SignatureState, UploadQuery, ZchunkHeader,
};
use windlass_api::page::{Page, PageQuery};
use windlass_api::releases::{ComponentName, NameVersion};
use windlass_app::AppError;
use windlass_app::artifacts::inspection::{Format, Inspection, Part, Standing, Zchunk};
use windlass_app::artifacts::{ArtifactUses, Findings, LastingLink, NewArtifact, TrustedBy};
use windlass_domain::ids::{ArtifactId, Sha256, TypeName};
use windlass_domain::permission::Permission;
use windlass_domain::software;
use windlass_gateway::download::disposition;

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Created, Done, Query, Raw, header_parameter};
use super::page::{after_number, fetched, limit};
use super::routes::Routes;
use super::uploads::announced;
use super::view::time;

const LINK: &str = "/api/v1/artifacts/{id}/link";

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
        .get(LINK, Permission::ArtifactWrite, "getArtifactLink", "Show an artifact's lasting link", get_link)
        .put(LINK, Permission::ArtifactWrite, "putArtifactLink", "Give an artifact a lasting link", put_link)
        .delete(
            LINK,
            Permission::ArtifactWrite,
            "deleteArtifactLink",
            "Take an artifact's lasting link away",
            delete_link,
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
        content: None,
        used_by: None,
        created_at: time(created_at),
        created_by,
    }
}

/// With what was found in it, and what needs it.
fn full(artifact: software::Artifact, findings: Option<Findings>, uses: Option<ArtifactUses>) -> Artifact {
    Artifact { content: findings.map(found), used_by: uses.map(show_uses), ..show(artifact) }
}

fn show_uses(ArtifactUses { components, releases, more }: ArtifactUses) -> api::ArtifactUses {
    let component = |(name, version, kind)| ComponentName { name, version, component_type: Some(kind) };
    api::ArtifactUses {
        components: components.into_iter().map(component).collect(),
        releases: releases.into_iter().map(|(name, version)| NameVersion { name, version }).collect(),
        more,
    }
}

fn found(Findings { inspection, standing, trusted_by }: Findings) -> ArtifactContent {
    let TrustedBy { tenant, types } = trusted_by;
    let Inspection { format, version, compatible, components, listed: _, seal: _ } = inspection;
    let (format, zchunk) = match format {
        Format::Plain => (ArtifactFormat::Plain, None),
        Format::SwUpdate => (ArtifactFormat::SwUpdate, None),
        Format::Rauc => (ArtifactFormat::Rauc, None),
        Format::Zchunk(Zchunk { header, header_sha256: _, chunks, unpacked }) => {
            let header = ZchunkHeader { header_size: header, chunks, unpacked_size: unpacked };
            (ArtifactFormat::Zchunk, Some(header))
        }
    };
    let (signature, signed_by, not_after, reason) = match standing {
        Standing::Unsigned => (SignatureState::None, None, None, None),
        Standing::Valid { by, until } => (SignatureState::Valid, Some(by), Some(time(until)), None),
        Standing::Untrusted { by, until, why } => {
            (SignatureState::Untrusted, Some(by), Some(time(until)), Some(why))
        }
        Standing::UnknownSigner => (SignatureState::UnknownSigner, None, None, None),
        Standing::Unreadable(why) => (SignatureState::Unreadable, None, None, Some(why)),
    };
    let part = |Part { name, version }| ArtifactPart { name, version };
    ArtifactContent {
        format,
        version,
        compatible,
        components: components.into_iter().map(part).collect(),
        signature,
        signed_by,
        not_after,
        reason,
        trusted_by_tenant: tenant,
        trusted_by_types: types.into_iter().map(TypeName::into_string).collect(),
        zchunk,
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
    let ids: Vec<ArtifactId> = items.iter().map(|artifact| artifact.id).collect();
    let mut findings = rest.app.artifact_findings(&by, ids.clone()).await?;
    let mut uses = rest.app.artifact_uses(&by, ids).await?;
    let show = |artifact: software::Artifact| {
        let (found, uses) = (findings.remove(&artifact.id), uses.remove(&artifact.id));
        full(artifact, found, uses)
    };
    Ok(Json(fetched(items, limit, |one| one.id.get(), show)))
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ArtifactPath { id }): At<ArtifactPath>,
) -> Result<Json<Artifact>, Refusal> {
    let artifact = rest.app.artifact_get(&by, ArtifactId::new(id)).await?;
    let sums = Some(rest.app.artifact_sums(&artifact).await?);
    let found = rest.app.artifact_findings(&by, vec![artifact.id]).await?.remove(&artifact.id);
    let uses = rest.app.artifact_uses(&by, vec![artifact.id]).await?.remove(&artifact.id);
    Ok(Json(full(software::Artifact { sums, ..artifact }, found, uses)))
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
    Query(UploadQuery { name, signature, sums }): Query<UploadQuery>,
    Bytes { headers, mut body }: Bytes,
) -> Result<Created<Artifact>, Refusal> {
    let sha256 = match headers.get(SHA256_HEADER) {
        None => announced(&name, None, sums.as_deref())?,
        Some(_) if sums.is_some() => {
            return Err(Refusal::field("sums", "give either a digest or a list of digests"));
        }
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
    let artifact = upload.finish().await.map_err(|error| match error {
        AppError::Invalid(fields) if fields.iter().any(|field| field.field == "sha256") => {
            const DETAIL: &str =
                "The bytes that came have another SHA-256 than was announced; nothing was stored.";
            let code = windlass_api::problem::code::DIGEST_MISMATCH;
            Refusal::new(StatusCode::BAD_REQUEST, code, "Wrong digest", DETAIL)
        }
        error => Refusal::from(error),
    })?;
    let found = rest.app.artifact_findings(&by, vec![artifact.id]).await?.remove(&artifact.id);
    let body = full(artifact, found, None);
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
    if let Ok(value) = HeaderValue::try_from(disposition(artifact.name.as_str())) {
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

fn linked(LastingLink { path, url, sent }: LastingLink) -> ArtifactLink {
    ArtifactLink { path, url, sent_bytes: sent }
}

async fn get_link(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ArtifactPath { id }): At<ArtifactPath>,
) -> Result<Json<ArtifactLink>, Refusal> {
    Ok(Json(linked(rest.app.artifact_link_get(&by, ArtifactId::new(id)).await?)))
}

async fn put_link(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ArtifactPath { id }): At<ArtifactPath>,
) -> Result<Json<ArtifactLink>, Refusal> {
    Ok(Json(linked(rest.app.artifact_link(&by, ArtifactId::new(id)).await?)))
}

async fn delete_link(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(ArtifactPath { id }): At<ArtifactPath>,
) -> Result<Done, Refusal> {
    rest.app.artifact_unlink(&by, ArtifactId::new(id)).await?;
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
        assert_eq!(got.header("content-disposition"), Some("attachment;filename=app.bin"));
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
    async fn a_lasting_link_needs_no_credential_until_it_is_taken_away() {
        let server = Fixture::new("artifacts-link").await;
        let made = server.upload("image.zck.bin", b"chunks").await.expect(201);
        let path = format!("/artifacts/{}/link", made["id"]);
        server.get(&path).await.problem(404, "link.not_found");
        let link =
            server.put(&path, serde_json::json!({})).await.expect(200)["path"].as_str().unwrap().to_owned();
        assert_eq!(
            server.put(&path, serde_json::json!({})).await.expect(200)["path"],
            link.as_str(),
            "it stays"
        );
        let stranger = server.anonymous();
        let part = stranger.outside_with("GET", &link, &[("range", "bytes=1-2")]).await;
        assert_eq!((part.status, &part.bytes[..]), (206, &b"hu"[..]));
        assert_eq!(server.get(&path).await.expect(200)["sentBytes"], 2);
        let forged = link.replace("/link/", "/link/0");
        assert_eq!(stranger.outside("GET", &forged).await.status, 403);
        server.delete(&path).await.expect(204);
        assert_eq!(stranger.outside("GET", &link).await.status, 403);
        let fresh =
            server.put(&path, serde_json::json!({})).await.expect(200)["path"].as_str().unwrap().to_owned();
        assert_ne!(fresh, link, "what was taken away does not come back");
        server.delete(&format!("/artifacts/{}", made["id"])).await.expect(204);
        assert_eq!(stranger.outside("GET", &fresh).await.status, 403, "nor does it outlive its artifact");
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

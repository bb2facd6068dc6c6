//! `softwaremodules/{id}/artifacts`: files by multipart, streamed in and out, never held.

use std::str::FromStr;

use axum::body::Body as RawBody;
use axum::extract::{FromRequestParts, Request, State};
use http::request::Parts;
use http::{StatusCode, header};
use multer::{Constraints, Multipart, SizeLimit};
use percent_encoding::percent_decode_str;
use windlass_app::AppError;
use windlass_app::artifacts::{NewArtifact, Upload};
use windlass_app::downloads::{Account, Whose};
use windlass_app::links::DownloadGrant;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Artifact;
use windlass_gateway::download;
use windlass_wire::management::software as wire;

use super::io::{Answer, At, created, done, ok};
use super::list::ListQuery;
use super::routes::Routes;
use super::view::{self, Base};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

/// Most bytes of what goes before and after the file: boundaries, headers and other parts.
const AROUND: u64 = 64 * 1024;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/softwaremodules/{id}/artifacts", Permission::ReleaseRead, list)
        .post("/softwaremodules/{id}/artifacts", Permission::ArtifactWrite, upload)
        .get("/softwaremodules/{id}/artifacts/{artifact}", Permission::ReleaseRead, get)
        .delete("/softwaremodules/{id}/artifacts/{artifact}", Permission::ArtifactWrite, delete)
        .get("/softwaremodules/{id}/artifacts/{artifact}/download", Permission::ArtifactRead, download)
}

/// What query and form say of the file, in whatever order.
#[derive(Debug, Default)]
struct Said {
    filename: Option<String>,
    md5sum: Option<String>,
    sha1sum: Option<String>,
    sha256sum: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Said {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Refusal::field("", "has a query that cannot be read"))?;
        let mut said = Self::default();
        for (name, text) in pairs.0 {
            said.take(&name, text);
        }
        Ok(said)
    }
}

impl Said {
    fn take(&mut self, name: &str, text: String) {
        let slot = match name {
            "filename" => &mut self.filename,
            "md5sum" => &mut self.md5sum,
            "sha1sum" => &mut self.sha1sum,
            "sha256sum" => &mut self.sha256sum,
            _ => return,
        };
        if !text.is_empty() {
            *slot = Some(text);
        }
    }
}

fn unreadable(error: &multer::Error) -> Refusal {
    match error {
        multer::Error::FieldSizeExceeded { limit, .. } | multer::Error::StreamSizeExceeded { limit } => {
            Refusal::too_large("The upload", *limit)
        }
        multer::Error::IncompleteStream
        | multer::Error::IncompleteFieldData { .. }
        | multer::Error::IncompleteHeaders
        | multer::Error::StreamReadFailed(_) => Refusal::incomplete(),
        other => Refusal::field("file", format!("cannot be read: {other}")),
    }
}

fn wrong(code: &str, which: &str) -> Refusal {
    let detail = format!("The bytes that came have another {which} than was announced; nothing was stored.");
    Refusal::new(StatusCode::BAD_REQUEST, code, "Wrong digest", detail)
}

/// A file name that cannot be taken, with the words that clients look for.
fn unnamed(error: AppError) -> Refusal {
    match error {
        AppError::Invalid(fields) if fields.iter().all(|one| one.field == "name") => {
            let allowed = fields.into_iter().next().map(|one| one.problem).unwrap_or_default();
            Refusal::field("filename", format!("is not usable: Invalid characters in string; {allowed}"))
        }
        other => other.into(),
    }
}

/// What is over a bound is a quota here, as upstream; whoever asks for it again later asks in the same way.
fn quota(refusal: Refusal) -> Refusal {
    use windlass_api::problem::code;
    let known = match refusal.problem.code.as_str() {
        code::TOO_LARGE => "hawkbit.file_size",
        code::DISK_FULL | "artifact.quota" => "hawkbit.storage",
        _ => return refusal,
    };
    let Refusal { mut problem, operator, retry_after } = refusal;
    problem.code = known.to_owned();
    problem.status = StatusCode::TOO_MANY_REQUESTS.as_u16();
    Refusal { problem, operator, retry_after }
}

async fn upload(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    said: Said,
    request: Request,
) -> Answer {
    let artifact = take(&rest, &by, id, said, request).await.map_err(quota)?;
    created(&shown(&rest, artifact, id, false, &base).await?)
}

/// Takes the file out of a form. What stands in the form counts also where it comes after the file, so nothing is kept
/// before the form ends.
async fn take(
    rest: &Rest,
    by: &Principal,
    id: i64,
    mut said: Said,
    request: Request,
) -> Result<Artifact, Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = kind.and_then(|kind| multer::parse_boundary(kind).ok()).ok_or_else(|| {
        const DETAIL: &str = "Send the file as the part \"file\" of multipart/form-data.";
        let code = windlass_api::problem::code::MEDIA_TYPE;
        Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, "Not multipart", DETAIL)
    })?;
    let most = rest.app.limits.artifact.saturating_add(AROUND);
    let limits = SizeLimit::new().whole_stream(most).for_field("filename", 1024).for_field("md5sum", 1024);
    let stream = request.into_body().into_data_stream();
    let mut parts = Multipart::with_constraints(stream, boundary, Constraints::new().size_limit(limits));
    let mut came = None;
    while let Some(mut part) = parts.next_field().await.map_err(|error| unreadable(&error))? {
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            // As upstream: of several files the first counts.
            if came.is_none() {
                let own = file_name(&part);
                came = Some((receive(rest, by, id, &said, &mut part).await?, own));
            }
            continue;
        }
        let mut text = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(|error| unreadable(&error))? {
            if text.len().saturating_add(chunk.len()) > 4096 {
                return Err(Refusal::field(&name, "must be at most 4096 bytes"));
            }
            text.extend_from_slice(&chunk);
        }
        said.take(&name, String::from_utf8_lossy(&text).into_owned());
    }
    let (upload, own) = came.ok_or_else(|| Refusal::field("file", "is missing"))?;
    said.filename = said.filename.or(own).filter(|name| !name.is_empty());
    keep(rest, by, id, said, upload).await
}

/// What a part says that its file is called; in full by RFC 8187 where it says both.
fn file_name(part: &multer::Field<'_>) -> Option<String> {
    let said = part.headers().get(header::CONTENT_DISPOSITION)?.as_bytes();
    let exact = extended(std::str::from_utf8(said).ok()?, "filename*");
    exact.or_else(|| part.file_name().map(str::to_owned))
}

/// A parameter of a header that is written by RFC 8187 in UTF-8; what stands in quotes is none.
fn extended(header: &str, wanted: &str) -> Option<String> {
    let mut quoted = false;
    let mut outside = header.split(|c: char| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    let (_, value) = outside.find_map(|parameter| {
        parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
    })?;
    let (charset, value) = value.trim().split_once('\'')?;
    let (_, value) = value.split_once('\'')?;
    let text = percent_decode_str(value).decode_utf8().ok()?;
    charset.eq_ignore_ascii_case("utf-8").then(|| text.into_owned())
}

/// A digest as the client announced it. As upstream: one that is none is that of other bytes.
fn digest<T: FromStr>(code: &str, which: &str, text: Option<&str>) -> Result<Option<T>, Refusal> {
    let read = |text: &str| text.trim().to_lowercase().parse().map_err(|_| wrong(code, which));
    text.map(read).transpose()
}

async fn shown(
    rest: &Rest,
    file: Artifact,
    module: i64,
    is_gone: bool,
    base: &Base,
) -> Result<wire::Artifact, Refusal> {
    let sums = rest.app.artifact_sums(&file).await?;
    let mut shown = view::artifact(file, sums, module, base);
    if is_gone {
        shown.links.remove("download");
    }
    Ok(shown)
}

/// Takes in the bytes of a file. Its name is asked for first where it is known; what was sent with the file's part may
/// yet be replaced. Dropping the upload discards what came.
async fn receive(
    rest: &Rest,
    by: &Principal,
    module: i64,
    said: &Said,
    part: &mut multer::Field<'_>,
) -> Result<Upload, Refusal> {
    rest.app.hawkbit_module_takes(by, module, said.filename.as_deref()).await?;
    let name = said.filename.clone().unwrap_or_else(|| "file".to_owned());
    let new = NewArtifact { name, ..NewArtifact::default() };
    let mut upload = rest.app.artifact_upload(by, new).await.map_err(unnamed)?;
    let mut is_empty = true;
    while let Some(chunk) = part.chunk().await.map_err(|error| unreadable(&error))? {
        is_empty &= chunk.is_empty();
        upload.write(&chunk).await?;
    }
    if is_empty {
        return Err(Refusal::field("file", "is empty"));
    }
    Ok(upload)
}

/// Keeps a file that came whole, if it is what was said of it.
async fn keep(
    rest: &Rest,
    by: &Principal,
    module: i64,
    said: Said,
    mut upload: Upload,
) -> Result<Artifact, Refusal> {
    let Said { filename, md5sum, sha1sum, sha256sum } = said;
    let name = filename.ok_or_else(|| Refusal::field("filename", "is missing"))?;
    rest.app.hawkbit_module_takes(by, module, Some(&name)).await?;
    let new = NewArtifact {
        name,
        sha256: digest("hawkbit.checksum_sha256", "SHA-256", sha256sum.as_deref())?,
        sha1: digest("hawkbit.checksum_sha1", "SHA-1", sha1sum.as_deref())?,
        md5: digest("hawkbit.checksum_md5", "MD5", md5sum.as_deref())?,
        size: None,
        signature: None,
    };
    upload.describe(&new).map_err(unnamed)?;
    let artifact = upload.finish().await.map_err(|error| match error {
        AppError::Invalid(fields) => match fields.first().map(|field| field.field.as_str()) {
            Some("sha256") => wrong("hawkbit.checksum_sha256", "SHA-256"),
            Some("sha1") => wrong("hawkbit.checksum_sha1", "SHA-1"),
            Some("md5") => wrong("hawkbit.checksum_md5", "MD5"),
            Some(_) | None => AppError::Invalid(fields).into(),
        },
        other => other.into(),
    })?;
    rest.app.hawkbit_artifact_attach(by, module, &artifact).await?;
    Ok(artifact)
}

/// A file of a module that exists for the caller, and whether the module was deleted.
async fn find(rest: &Rest, by: &Principal, id: i64, artifact: i64) -> Result<(Artifact, bool), Refusal> {
    let module = rest.app.hawkbit_module(by, id).await?;
    let is_gone = module.extra.deleted;
    let found = module.component.artifacts.into_iter().find(|one| one.id.get() == artifact);
    let found = found.ok_or_else(|| AppError::not_found("artifact", artifact))?;
    Ok((found, is_gone))
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    _query: ListQuery,
) -> Answer {
    let module = rest.app.hawkbit_module(&by, id).await?;
    let is_gone = module.extra.deleted;
    let mut files = Vec::new();
    for file in module.component.artifacts {
        files.push(shown(&rest, file, id, is_gone, &base).await?);
    }
    ok(&files)
}

async fn get(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At((id, artifact)): At<(i64, i64)>,
) -> Answer {
    let (file, is_gone) = find(&rest, &by, id, artifact).await?;
    ok(&shown(&rest, file, id, is_gone, &base).await?)
}

async fn delete(State(rest): State<Rest>, Caller(by): Caller, At((id, artifact)): At<(i64, i64)>) -> Answer {
    rest.app.hawkbit_artifact_detach(&by, id, artifact).await?;
    done()
}

async fn download(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, artifact)): At<(i64, i64)>,
    request: Request,
) -> Answer {
    let (file, is_gone) = find(&rest, &by, id, artifact).await?;
    if is_gone {
        const DETAIL: &str = "The software module was deleted; its files are kept for devices only.";
        return Err(Refusal::new(StatusCode::GONE, "hawkbit.binary_deleted", "Deleted", DETAIL));
    }
    let sums = rest.app.artifact_sums(&file).await?;
    let grant = DownloadGrant {
        artifact: file.id,
        sha256: file.sha256,
        size: file.size,
        name: file.name.to_string(),
        etag: format!("\"{}\"", sums.sha1),
        modified: file.created_at,
        account: Account { whose: Whose::Nobody, artifact: file.id, pace: None },
    };
    let (head, _) = request.into_parts();
    Ok(download::send(&rest.app, &head, &grant).await.map(RawBody::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_full_are_read_where_they_stand_outside_of_quotes() {
        for (header, name) in [
            ("form-data; name=\"file\"; filename*=UTF-8''%C3%9Cber%20%26.swu", Some("Über &.swu")),
            ("form-data; filename=\"x\"; FILENAME* = utf-8'de'a%27b", Some("a'b")),
            ("form-data; filename=\"a; filename*=UTF-8''b\"", None),
            ("form-data; filename*=UTF-8''%FF", None),
            ("form-data; filename*=ISO-8859-1''%DC", None),
            ("form-data; filename*=plain", None),
            ("form-data; filename=\"x\"", None),
        ] {
            assert_eq!(extended(header, "filename*").as_deref(), name, "{header}");
        }
    }
}

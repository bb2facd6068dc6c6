//! The OpenAPI document: generated from the types and the table of operations, served at `/api/v1/openapi.json`,
//! committed as `docs/openapi.json`.

use std::sync::Arc;

use aide::openapi::{Info, OpenApi, SecurityScheme, Tag};
use axum::Router;
use axum::extract::Extension;
use axum::response::IntoResponse;
use http::header;
use indexmap::IndexMap;

use super::access::Access;
use super::io::Raw;
use super::routes::Routes;
use super::{Rest, operations};

/// The document as text.
#[derive(Debug, Clone)]
pub(crate) struct Document(pub(crate) Arc<str>);

const DESCRIPTION: &str = "Windlass manages fleets of connected devices. JSON is camelCase, times are RFC 3339 in \
UTC. Lists take `limit` and `cursor`; fleets also `q`, `sort` and `facets`. Errors are RFC 9457 problems with a stable \
`code`. Records with a `version` answer with an `ETag`; writes honour `If-Match`. POSTs that make something honour \
`Idempotency-Key`.";

pub(super) fn routes(routes: Routes) -> Routes {
    routes.tag("server").get("/api/v1/openapi.json", Access::Anyone, "getOpenApi", "This document", serve)
}

async fn serve(Extension(Document(text)): Extension<Document>) -> Raw {
    Raw { response: ([(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response() }
}

/// The router of all operations, and the document about them.
pub(crate) fn build(rest: &Rest) -> (Router<Rest>, Document) {
    let mut document = OpenApi {
        info: Info {
            title: "Windlass".to_owned(),
            version: "1".to_owned(),
            description: Some(DESCRIPTION.to_owned()),
            license: Some(aide::openapi::License {
                name: "Apache-2.0".to_owned(),
                identifier: Some("Apache-2.0".to_owned()),
                ..aide::openapi::License::default()
            }),
            ..Info::default()
        },
        ..OpenApi::default()
    };
    let (router, table) = operations(rest).finish();
    drop(table);
    let scheme = |scheme: &str, description: &str| SecurityScheme::Http {
        scheme: scheme.to_owned(),
        bearer_format: None,
        description: Some(description.to_owned()),
        extensions: IndexMap::new(),
    };
    let router = router.finish_api_with(&mut document, |api| {
        api.security_scheme("token", scheme("bearer", "An API token"))
            .security_scheme("password", scheme("basic", "A user and their password"))
            .security_scheme(
                "session",
                SecurityScheme::ApiKey {
                    location: aide::openapi::ApiKeyLocation::Cookie,
                    name: "__Host-windlass".to_owned(),
                    description: Some(
                        "A browser's session; named windlass where the console is served without TLS"
                            .to_owned(),
                    ),
                    extensions: IndexMap::new(),
                },
            )
            .security_requirement("session")
            .security_requirement("token")
            .security_requirement("password")
    });
    let mut tags: Vec<String> = Vec::new();
    if let Some(paths) = &mut document.paths {
        paths.paths.sort_keys();
        let items = paths.paths.values().filter_map(|item| item.as_item());
        for operation in items.flat_map(|item| item.iter().map(|(_, operation)| operation)) {
            tags.extend(operation.tags.iter().cloned());
        }
    }
    tags.sort();
    tags.dedup();
    document.tags = tags.into_iter().map(|name| Tag { name, ..Tag::default() }).collect();
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    (router, Document(format!("{text}\n").into()))
}

//! What handlers take and give: bodies, queries and paths that name every bad field; versions and locations.

use aide::generate::GenContext;
use aide::openapi::{
    HeaderStyle, Operation, Parameter, ParameterData, ParameterSchemaOrContent, ReferenceOr,
    Response as Described, SchemaObject,
};
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use aide::{OperationInput, OperationOutput};
use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, StatusCode, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use schemars::{JsonSchema, json_schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use windlass_api::problem::code;

use super::error::Refusal;
use super::{Rest, check, schema};

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read(body: RawBody, limit: usize) -> Result<Bytes, Refusal> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Refusal::too_large("The body", u64::try_from(limit).unwrap_or(u64::MAX)))
        }
        Err(_) => Err(Refusal::incomplete()),
    }
}

/// A JSON body, checked against the schema of `T` before serde sees it.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + 'static> FromRequest<Rest> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, rest: &Rest) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim().to_lowercase();
        if essence != "application/json" && !essence.ends_with("+json") {
            const DETAIL: &str = "Send the body as Content-Type: application/json.";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Refusal::new(status, code::MEDIA_TYPE, "Not JSON", DETAIL));
        }
        let bytes = read(request.into_body(), rest.app.limits.rest_body).await?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
            let detail = format!("The body is not JSON: {error}.");
            Refusal::new(StatusCode::BAD_REQUEST, code::NOT_JSON, "Not JSON", detail)
        })?;
        convert(value).map(Self)
    }
}

/// As [`Body`], where no body at all means the defaults.
#[derive(Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + Default + 'static> FromRequest<Rest> for OptionalBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, rest: &Rest) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, rest.app.limits.rest_body).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let request = Request::from_parts(parts, RawBody::from(bytes));
        Body::from_request(request, rest).await.map(|Body(value)| Self(value))
    }
}

impl<T: JsonSchema> OperationInput for OptionalBody<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Json::<T>::operation_input(ctx, operation);
        if let Some(ReferenceOr::Item(body)) = &mut operation.request_body {
            body.required = false;
        }
    }
}

pub(crate) fn convert<T: DeserializeOwned + JsonSchema + 'static>(value: Value) -> Result<T, Refusal> {
    let problems = check::check(&schema::of::<T>(), &value);
    if !problems.is_empty() {
        return Err(Refusal::invalid(problems));
    }
    serde_json::from_value(value).map_err(|error| Refusal::field("", error))
}

impl<T: JsonSchema> OperationInput for Body<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Json::<T>::operation_input(ctx, operation);
    }
}

/// The query of a URL; every bad parameter is named.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + JsonSchema + 'static, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        parse_query(&parts.uri).map(Self)
    }
}

fn parse_query<T: DeserializeOwned + JsonSchema + 'static>(uri: &Uri) -> Result<T, Refusal> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| Refusal::field("", "has a query that cannot be read"))?;
    let schema = schema::of::<T>();
    let mut members = Map::new();
    for (name, text) in pairs.0 {
        let kinds = schema.pointer(&format!("/properties/{name}/type"));
        let wants = |kind: &str| match kinds {
            Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
            Some(one) => one == kind,
            None => false,
        };
        let value = match (text.parse::<serde_json::Number>(), text.parse::<bool>()) {
            (Ok(number), _) if wants("integer") || wants("number") => Value::from(number),
            (_, Ok(truth)) if wants("boolean") => Value::from(truth),
            _ => Value::from(text),
        };
        if members.insert(name.clone(), value).is_some() {
            return Err(Refusal::field(&name, "is given twice"));
        }
    }
    convert(Value::Object(members))
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let schema = ctx.schema.subschema_for::<T>();
        let parameters = parameters_from_schema(ctx, schema, ParamLocation::Query);
        add_parameters(ctx, operation, parameters);
    }
}

/// The placeholders of a path. What cannot be read names nothing: 404.
#[derive(Debug)]
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(placeholders)) => Ok(Self(placeholders)),
            Err(_) => Err(Refusal::no_such_path()),
        }
    }
}

impl<T: JsonSchema> OperationInput for At<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Path::<T>::operation_input(ctx, operation);
    }
}

/// The version that a write asks for in `If-Match`, as an `ETag` of an earlier answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IfMatch(pub(crate) Option<i64>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(None));
        }
        let inner = text.strip_prefix("W/").unwrap_or(text);
        let number = inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(inner);
        match number.parse::<i64>() {
            Ok(version) if version >= 0 => Ok(Self(Some(version))),
            _ => Err(Refusal::field("If-Match", "must be the ETag of an earlier answer, such as \"3\"")),
        }
    }
}

impl OperationInput for IfMatch {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let text = "Refuse with 412 unless this is the present version (the ETag of an earlier answer).";
        add_parameters(ctx, operation, [header_parameter("If-Match", text)]);
    }
}

/// Describes an optional request header.
pub(crate) fn header_parameter(name: &str, description: &str) -> Parameter {
    let json_schema = json_schema!({"type": "string"});
    Parameter::Header {
        parameter_data: ParameterData {
            name: name.to_owned(),
            description: Some(description.to_owned()),
            required: false,
            deprecated: None,
            format: ParameterSchemaOrContent::Schema(SchemaObject {
                json_schema,
                external_docs: None,
                example: None,
            }),
            example: None,
            examples: indexmap::IndexMap::default(),
            explode: None,
            extensions: indexmap::IndexMap::default(),
        },
        style: HeaderStyle::Simple,
    }
}

fn etag(version: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// 200 with the version as `ETag`.
#[derive(Debug)]
pub(crate) struct Versioned<T> {
    pub(crate) version: i64,
    pub(crate) body: T,
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        ([(header::ETAG, etag(self.version))], Json(self.body)).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for Versioned<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Described> {
        Json::<T>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Described)> {
        Self::operation_response(ctx, operation).into_iter().map(|described| (Some(200), described)).collect()
    }
}

/// 201 with the place of what was made.
#[derive(Debug)]
pub(crate) struct Created<T> {
    /// Path below the API's base, each part encoded.
    pub(crate) location: String,
    /// Where it has one.
    pub(crate) version: Option<i64>,
    pub(crate) body: T,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, Json(self.body)).into_response();
        if let Ok(place) = HeaderValue::try_from(format!("{}{}", windlass_api::BASE, self.location)) {
            response.headers_mut().insert(header::LOCATION, place);
        }
        if let Some(version) = self.version {
            response.headers_mut().insert(header::ETAG, etag(version));
        }
        response
    }
}

impl<T: JsonSchema> OperationOutput for Created<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Described> {
        Json::<T>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Described)> {
        Self::operation_response(ctx, operation).into_iter().map(|described| (Some(201), described)).collect()
    }
}

/// PUT by name: 201 when it made, 200 when it replaced.
#[derive(Debug)]
pub(crate) enum Put<T> {
    Made(Created<T>),
    Replaced(Versioned<T>),
}

impl<T> Put<T> {
    /// What a PUT of `name` into `collection` came to.
    pub(crate) fn of(made: bool, collection: &str, name: &str, version: i64, body: T) -> Self {
        if made {
            let location = format!("/{collection}/{}", part(name));
            Self::Made(Created { location, version: Some(version), body })
        } else {
            Self::Replaced(Versioned { version, body })
        }
    }
}

impl<T: Serialize> IntoResponse for Put<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Made(created) => created.into_response(),
            Self::Replaced(replaced) => replaced.into_response(),
        }
    }
}

impl<T: JsonSchema> OperationOutput for Put<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Described> {
        Json::<T>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Described)> {
        let described = Self::operation_response(ctx, operation);
        described
            .into_iter()
            .flat_map(|described| [(Some(200), described.clone()), (Some(201), described)])
            .collect()
    }
}

/// 204.
#[derive(Debug)]
pub(crate) struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl OperationOutput for Done {
    type Inner = ();

    fn inferred_responses(
        _ctx: &mut GenContext,
        _operation: &mut Operation,
    ) -> Vec<(Option<u16>, Described)> {
        vec![(Some(204), Described { description: "Done".to_owned(), ..Described::default() })]
    }
}

/// 202: begun, and goes on after this answer.
#[derive(Debug)]
pub(crate) struct Accepted<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self.0)).into_response()
    }
}

impl<T: JsonSchema> OperationOutput for Accepted<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<Described> {
        Json::<T>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Described)> {
        Self::operation_response(ctx, operation).into_iter().map(|described| (Some(202), described)).collect()
    }
}

/// Bytes of a fixed media type.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) response: Response,
}

impl IntoResponse for Raw {
    fn into_response(self) -> Response {
        self.response
    }
}

impl OperationOutput for Raw {
    type Inner = ();

    fn inferred_responses(
        _ctx: &mut GenContext,
        _operation: &mut Operation,
    ) -> Vec<(Option<u16>, Described)> {
        vec![(Some(200), Described { description: "The content".to_owned(), ..Described::default() })]
    }
}

/// One part of a path, with everything encoded that is not plainly safe.
pub(crate) fn part(text: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b':') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use windlass_api::page::{ListQuery, PageQuery};

    use super::*;

    fn query<T: DeserializeOwned + JsonSchema + 'static>(text: &str) -> Result<T, Vec<String>> {
        let uri: Uri = format!("/x?{text}").parse().unwrap();
        parse_query(&uri).map_err(|refusal| {
            let errors = refusal.problem.errors.iter();
            errors.map(|error| format!("{} {}", error.field, error.problem)).collect()
        })
    }

    #[test]
    fn queries_are_read_by_the_type_they_are_for() {
        let list: ListQuery = query("q=tag%3D%3D7&limit=5&sort=-name").unwrap();
        assert_eq!(list.q.as_deref(), Some("tag==7"));
        assert_eq!(list.limit, Some(5));
        let cancel: windlass_api::jobs::CancelQuery = query("inProgressToo=true").unwrap();
        assert!(cancel.in_progress_too);
        let list: ListQuery = query("q=7").unwrap();
        assert_eq!(list.q.as_deref(), Some("7"), "text stays text where it looks like a number");
    }

    #[test]
    fn every_bad_parameter_is_named() {
        let problems = query::<ListQuery>("limit=many&page=2").unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems.iter().any(|p| p == "limit must be a whole number, not text"), "{problems:?}");
        assert!(problems.iter().any(|p| p.starts_with("page is not known here")), "{problems:?}");
        assert_eq!(query::<PageQuery>("limit=1001").unwrap_err(), ["limit must be from 1 to 1000"]);
        assert_eq!(query::<PageQuery>("limit=0").unwrap_err(), ["limit must be from 1 to 1000"]);
        assert_eq!(query::<PageQuery>("limit=1&limit=2").unwrap_err(), ["limit is given twice"]);
    }

    #[test]
    fn parts_of_a_path_are_encoded() {
        assert_eq!(part("eu/berlin"), "eu%2Fberlin");
        assert_eq!(part("AA:bb_c.d-e"), "AA:bb_c.d-e");
        assert_eq!(part("ä ?"), "%C3%A4%20%3F");
    }
}

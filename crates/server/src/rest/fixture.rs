//! For tests: the whole router in this process, on a real store in a temporary place, with a clock that stands.
//!
//! Every JSON answer is held against the OpenAPI document.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use windlass_app::access::NewToken;
use windlass_app::clock::{Clock, FixedClock, SystemEntropy};
use windlass_app::simulation::Simulation;
use windlass_app::tasks::Tasks;
use windlass_app::{App, AppConfig, AppError};
use windlass_domain::ids::TenantName;
use windlass_domain::limits::Limits;
use windlass_domain::permission::{Principal, Role};
use windlass_domain::time::Timestamp;
use windlass_store::{Location, tenants};

use super::conformance;
use super::{Rest, RestConfig, router};
use crate::console::Origin;

/// A server and somebody who talks to it: an administrator at first.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) rest: Rest,
    pub(crate) clock: Arc<FixedClock>,
    router: Router,
    authorization: Option<String>,
    address: IpAddr,
    _directory: Arc<tempfile::TempDir>,
}

impl Fixture {
    pub(crate) async fn new(name: &str) -> Self {
        Self::behind(name, Vec::new()).await
    }

    /// A server that believes these proxies.
    pub(crate) async fn behind(name: &str, trusted_proxies: Vec<crate::config::Cidr>) -> Self {
        Self::with(name, trusted_proxies, Limits::default()).await
    }

    /// A server with these bounds, whatever is left on the disk.
    pub(crate) async fn limited(name: &str, limits: Limits) -> Self {
        Self::with(name, Vec::new(), limits).await
    }

    async fn with(name: &str, trusted_proxies: Vec<crate::config::Cidr>, limits: Limits) -> Self {
        let directory = tempfile::Builder::new().prefix(&format!("windlass-{name}-")).tempdir().unwrap();
        let data = directory.path().join("data");
        crate::node::prepare_directory(&data).unwrap();
        let config = AppConfig {
            directory: data.clone(),
            location: Location::Sqlite { directory: data },
            limits: Limits { free_disk_per_mille: 0, free_disk_bytes: 0, ..limits },
            hostnames: Vec::new(),
            public_url: None,
            server_side_keys: false,
        };
        // 2026-01-01T00:00:00Z
        let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_767_225_600)));
        let app =
            App::start(config, Arc::<FixedClock>::clone(&clock), Arc::new(SystemEntropy), Tasks::new("test"))
                .await
                .unwrap();
        let allow: Vec<crate::config::Cidr> = vec!["127.0.0.1".parse().unwrap()];
        app.alerts.use_courier(Arc::new(crate::outbound::Outbound::new(&allow, None).unwrap()));
        let secret = app.bootstrap_token("test", None).await.unwrap().secret;
        let shelf = directory.path().join("backups");
        std::fs::create_dir(&shelf).unwrap();
        let settings = windlass_app::backup::Settings {
            directory: shelf,
            every: None,
            keep: 3,
            seal: windlass_app::backup::SealSource::Plain,
        };
        let node = crate::config::Config { data: directory.path().join("data"), ..Default::default() };
        let backups = windlass_app::backup::Backups::new(app.clone(), Some(settings));
        let rest = Rest::new(
            app.clone(),
            RestConfig {
                database: "sqlite",
                gateway_metrics: Some(Arc::default()),
                device_endpoints: vec!["mqtts://localhost:8883".to_owned()],
                device_port: Some(8883),
                plain_http: true,
                trusted_proxies,
                doctor: crate::doctor::Doctor::new(app.clone(), backups.clone(), node, Vec::new()),
                backups,
                simulation: Simulation::new(app.clone(), None),
            },
        );
        Self {
            router: router(&rest),
            rest,
            clock,
            authorization: Some(format!("Bearer {secret}")),
            address: IpAddr::from([127, 0, 0, 1]),
            _directory: Arc::new(directory),
        }
    }

    pub(crate) fn anonymous(&self) -> Self {
        Self { authorization: None, ..self.clone() }
    }

    pub(crate) fn with_authorization(&self, header: &str) -> Self {
        Self { authorization: Some(header.to_owned()), ..self.clone() }
    }

    pub(crate) fn with_token(&self, secret: &str) -> Self {
        self.with_authorization(&format!("Bearer {secret}"))
    }

    pub(crate) fn with_password(&self, user: &str, password: &str) -> Self {
        self.with_authorization(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    pub(crate) fn from(&self, address: &str) -> Self {
        Self { address: address.parse().unwrap(), ..self.clone() }
    }

    /// Somebody else with a token of that role.
    pub(crate) async fn as_role(&self, role: &str) -> Self {
        let app = &self.rest.app;
        let tenant = app.store.read(|tx| Box::pin(tenants::tenant_default(tx))).await.unwrap();
        let by = Principal::system(tenant.id, "test");
        let (name, role) = (role.to_owned(), role.parse().unwrap());
        let made =
            app.token_create(&by, NewToken { name, role, scope: None, expires_at: None }).await.unwrap();
        self.with_token(&made.secret)
    }

    /// An administrator of another tenant of the same server.
    pub(crate) async fn in_another_tenant(&self, tenant: &str) -> Self {
        let name: TenantName = tenant.parse().unwrap();
        let now = self.clock.now();
        let made: Result<_, AppError> = self
            .rest
            .app
            .store
            .write(move |tx| {
                let name = name.clone();
                Box::pin(async move { Ok(tenants::tenant_ensure(tx, &name, now).await?) })
            })
            .await;
        let by = Principal::system(made.unwrap().id, "test");
        let new = NewToken { name: "test".to_owned(), role: Role::Admin, scope: None, expires_at: None };
        self.with_token(&self.rest.app.token_create(&by, new).await.unwrap().secret)
    }

    /// Sends a request below `/api/v1`.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        self.raw(method, &format!("/api/v1{path}"), headers, body.into()).await
    }

    /// Sends a request outside of the API.
    pub(crate) async fn outside(&self, method: &str, path: &str) -> Answer {
        self.raw(method, path, &[], Body::empty()).await
    }

    /// Sends a request outside of the API with these headers.
    pub(crate) async fn outside_with(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.raw(method, path, headers, Body::empty()).await
    }

    /// Sends a request outside of the API with these headers and a body.
    pub(crate) async fn outside_body(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        self.raw(method, path, headers, body).await
    }

    /// The body of an answer that does not end by itself.
    pub(crate) async fn stream(&self, path: &str) -> Body {
        let uri = format!("/api/v1{path}");
        let response =
            self.router.clone().oneshot(self.request("GET", &uri, &[], Body::empty())).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.into_body()
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Request {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(Origin { address: self.address, tls: false });
        request
    }

    pub(crate) async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Answer {
        let request = self.request(method, path, headers, body);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let answer = Answer {
            asked: format!("{method} {path}"),
            status: parts.status.as_u16(),
            headers: parts.headers,
            bytes,
        };
        conformance::check(method, path, &answer);
        answer
    }

    /// Sends a request of a hawkBit client below `/rest/v1`.
    pub(crate) async fn hawkbit(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let path = format!("/rest/v1{path}");
        match body {
            Some(body) => {
                let headers = [("content-type", "application/json")];
                self.raw(method, &path, &headers, body.to_string().into()).await
            }
            None => self.raw(method, &path, &[], Body::empty()).await,
        }
    }

    /// Sends bytes of some kind below `/rest/v1`.
    pub(crate) async fn hawkbit_raw(&self, method: &str, path: &str, kind: &str, body: Body) -> Answer {
        self.raw(method, &format!("/rest/v1{path}"), &[("content-type", kind)], body).await
    }

    async fn json(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        self.send(method, path, &all, body.to_string()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], Body::empty()).await
    }

    /// A POST without a body.
    pub(crate) async fn act(&self, path: &str) -> Answer {
        self.send("POST", path, &[], Body::empty()).await
    }

    pub(crate) async fn act_if(&self, path: &str, version: &str) -> Answer {
        self.send("POST", path, &[("if-match", version)], Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.json("POST", path, &[], &body).await
    }

    pub(crate) async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.json("POST", path, &[("idempotency-key", key)], body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.json("PUT", path, &[], &body).await
    }

    pub(crate) async fn put_if(&self, path: &str, version: &str, body: Value) -> Answer {
        self.json("PUT", path, &[("if-match", version)], &body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.json("PATCH", path, &[], &body).await
    }

    pub(crate) async fn patch_if(&self, path: &str, version: &str, body: Value) -> Answer {
        self.json("PATCH", path, &[("if-match", version)], &body).await
    }

    pub(crate) async fn upload(&self, name: &str, bytes: &[u8]) -> Answer {
        self.upload_with(name, bytes, &[]).await
    }

    pub(crate) async fn upload_with(&self, name: &str, bytes: &[u8], headers: &[(&str, &str)]) -> Answer {
        let length = bytes.len().to_string();
        let mut all = vec![("content-length", length.as_str())];
        all.extend_from_slice(headers);
        // In pieces, as a network brings them.
        let pieces: Vec<Result<Bytes, std::io::Error>> =
            bytes.chunks(65_536).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        self.send("POST", &format!("/artifacts?name={name}"), &all, body).await
    }

    /// An upload whose connection breaks after these bytes.
    pub(crate) async fn upload_cut(&self, name: &str, bytes: &'static [u8]) -> Answer {
        let pieces = [Ok(Bytes::from_static(bytes)), Err(std::io::Error::other("connection reset"))];
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let length = (bytes.len() * 2).to_string();
        let headers = [("content-length", length.as_str())];
        self.send("POST", &format!("/artifacts?name={name}"), &headers, body).await
    }
}

/// What came back.
pub(crate) struct Answer {
    asked: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Answer {
    /// The body, after a check of the status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text());
        if self.bytes.is_empty() { Value::Null } else { serde_json::from_slice(&self.bytes).unwrap() }
    }

    /// The code of a refusal in hawkBit's words, after a check of status and form.
    #[track_caller]
    pub(crate) fn hawkbit_error(&self, status: u16) -> String {
        let body = self.expect(status);
        assert!(body["exceptionClass"].as_str().is_some_and(|class| class.contains('.')), "{body}");
        assert!(!body["message"].as_str().unwrap().is_empty(), "{body}");
        assert!(body["info"].is_object(), "{body}");
        body["errorCode"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn bytes_of(&self, status: u16) -> &Bytes {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text());
        &self.bytes
    }

    /// The problem, after a check of status, code and form.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Refused {
        let body = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.asked);
        assert_eq!(body["code"], code, "{}: {body}", self.asked);
        assert_eq!(body["status"], status);
        assert_eq!(body["requestId"].as_str(), self.header("x-request-id"));
        assert!(!body["detail"].as_str().unwrap().is_empty());
        Refused(body)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// A problem.
pub(crate) struct Refused(Value);

impl Refused {
    /// The named fields in order of their names.
    pub(crate) fn fields(&self) -> Vec<String> {
        let errors = self.0["errors"].as_array().cloned().unwrap_or_default();
        let mut fields: Vec<String> =
            errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect();
        fields.sort();
        fields
    }

    pub(crate) fn detail(&self) -> &str {
        self.0["detail"].as_str().unwrap()
    }
}

/// A certificate request with a new key.
pub(crate) fn csr(name: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    parameters.serialize_request(&key).unwrap().pem().unwrap()
}

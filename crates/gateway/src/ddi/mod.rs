//! hawkBit's Direct Device Integration, answered on both ports: `/{tenant}/controller/v1/{controllerId}/…`. Beside it
//! RAUC's own polling, for devices that need no more: `/{tenant}/rauc/v1/{controllerId}`.
//!
//! Who asks is decided before path, body and query are looked at; whoever is not let in gets 401 without a word.
//! Answers have a length and are never chunked: small clients want it so.
//!
//! Source: eclipse-hawkbit/hawkbit, `hawkbit-ddi-api`.

mod path;
mod shape;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Limited};
use tokio::time::Instant;
use windlass_app::App;
use windlass_app::ddi::{Bundle, DdiPeer, Failed, ProxyWord, RaucSays, Shown, Turned, Wanted};
use windlass_app::message::DevicePeer;
use windlass_domain::ids::Sha256;
use windlass_wire::ddi as wire;
use windlass_wire::ddi::Format;

use self::path::{Asked, NotAsked, Place, decode, parameter};
use self::shape::Links;
use crate::http::{Body, download, full, problem};
use crate::rate::{Pace, Rates, Sender};

/// Bytes of a body.
const BODY: usize = 256 * 1024;
/// Time for a body to come.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How often full buckets are forgotten, in requests.
const TIDY: u64 = 4_096;

/// In the extensions of an answer: its asker proved who it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known;

/// Whether a path is of this interface.
pub fn is_ddi(path: &str) -> bool {
    path::place(path).is_some() || path::rauc(path).is_some()
}

/// What a port knows of a request beside the request.
#[derive(Debug, Clone)]
pub struct Around {
    /// Where it comes from.
    pub address: SocketAddr,
    /// The device whose client certificate our own TLS checked.
    pub certificate: Option<Arc<DevicePeer>>,
    /// Whether what the headers say of others is believed: it comes from a trusted proxy.
    pub relayed: bool,
    /// Start of links, without a final slash.
    pub base: String,
}

/// The interface on one port.
#[derive(Debug)]
pub struct Ddi {
    app: App,
    rates: Rates,
    started: Instant,
    served: std::sync::atomic::AtomicU64,
}

/// What one request is about.
struct Served<'r> {
    app: &'r App,
    peer: DdiPeer,
    head: &'r request::Parts,
    links: Links,
    format: Format,
}

type Answered = Result<Response<Body>, Response<Body>>;

impl Ddi {
    /// Serves this application.
    pub fn new(app: App) -> Self {
        let rates = Rates::new(&app.limits);
        Self { app, rates, started: Instant::now(), served: std::sync::atomic::AtomicU64::new(0) }
    }

    /// Answers one request.
    pub async fn answer<B>(&self, request: Request<B>, around: Around) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        match self.serve(&head, body, around).await {
            Ok(answer) | Err(answer) => answer,
        }
    }

    async fn serve<B>(&self, head: &request::Parts, body: B, around: Around) -> Answered
    where
        B: hyper::body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Some(place) = path::rauc(head.uri.path()) {
            return self.rauc(head, &place, &around).await;
        }
        let Some(place) = path::place(head.uri.path()) else { return Err(nothing_here()) };
        let shown = shown(&head.headers, &place, &around).ok_or_else(silent_refusal)?;
        let peer = self.app.ddi_identify(shown).await.map_err(turned)?;
        let mut answer = match self.known(head, body, &place, &around, peer).await {
            Ok(answer) | Err(answer) => answer,
        };
        answer.extensions_mut().insert(Known);
        Ok(answer)
    }

    async fn known<B>(
        &self,
        head: &request::Parts,
        body: B,
        place: &Place<'_>,
        around: &Around,
        peer: DdiPeer,
    ) -> Answered
    where
        B: hyper::body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let asked = path::read(&head.method, place).map_err(not_asked)?;
        // Ranges of one file are many, and cost little.
        if !matches!(asked, Asked::File(..)) && !self.may(&peer) {
            return Err(problem(
                StatusCode::TOO_MANY_REQUESTS,
                "rate",
                "the device asks too often; slow down",
            ));
        }
        let Place { tenant, controller, .. } = place;
        let links = Links(format!("{}/{tenant}/controller/v1/{controller}", around.base));
        let served = Served { app: &self.app, peer, head, links, format: format_of_answer(&head.headers) };
        match asked {
            Asked::Feedback(_)
            | Asked::CancelFeedback(_)
            | Asked::ConfigData
            | Asked::InstalledBase
            | Asked::Confirm(_)
            | Asked::AutoConfirm(_) => {
                let said = collect(body).await?;
                served.take(asked, format_of_body(&head.headers), &said).await
            }
            Asked::Poll
            | Asked::Deployment(_)
            | Asked::Cancel(_)
            | Asked::Installed(_)
            | Asked::ConfirmationBase
            | Asked::Confirmation(_)
            | Asked::Files(_)
            | Asked::File(..) => served.show(asked).await,
        }
    }

    /// RAUC's own polling: nothing to do, the same bundle as before, or where it is.
    async fn rauc(&self, head: &request::Parts, place: &Place<'_>, around: &Around) -> Answered {
        let shown = shown(&head.headers, place, around).ok_or_else(silent_refusal)?;
        let peer = self.app.ddi_identify(shown).await.map_err(turned)?;
        if head.method != Method::GET {
            return Err(not_asked(NotAsked::Method("GET")));
        }
        if !self.may(&peer) {
            return Err(problem(
                StatusCode::TOO_MANY_REQUESTS,
                "rate",
                "the device asks too often; slow down",
            ));
        }
        let said = |name: &str| text(&head.headers, name).map(ToOwned::to_owned);
        let says = RaucSays {
            version: said("rauc-system-version"),
            variant: said("rauc-variant"),
            machine: said("rauc-machine-id"),
        };
        let bundle = self.app.ddi_rauc(&peer, says, &around.base).await.map_err(failed)?;
        let mut answer = Response::new(full(""));
        answer.extensions_mut().insert(Known);
        let Some(Bundle { url, etag }) = bundle else {
            *answer.status_mut() = StatusCode::NO_CONTENT;
            return Ok(answer);
        };
        let same = text(&head.headers, "if-none-match").is_some_and(|tags| download::none_match(tags, &etag));
        *answer.status_mut() = if same { StatusCode::NOT_MODIFIED } else { StatusCode::FOUND };
        set(&mut answer, header::ETAG, &etag);
        if !same {
            set(&mut answer, header::LOCATION, &url);
        }
        Ok(answer)
    }

    fn may(&self, peer: &DdiPeer) -> bool {
        use std::sync::atomic::Ordering;
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if self.served.fetch_add(1, Ordering::Relaxed) % TIDY == TIDY - 1 {
            self.rates.tidy(now);
        }
        self.rates.take(Sender::Device(peer.device), 1, now) == Pace::Free
    }
}

impl Served<'_> {
    /// Answers a question.
    async fn show(&self, asked: Asked) -> Answered {
        let (app, peer) = (self.app, &self.peer);
        let document = match asked {
            Asked::Poll => {
                let poll = app.ddi_poll(peer).await.map_err(turned)?;
                wire::base(self.format, &shape::base(&poll, &self.links))
            }
            Asked::Deployment(id) => self.action(id, Wanted::Deployment).await?,
            Asked::Confirmation(id) => self.action(id, Wanted::Confirmation).await?,
            Asked::Installed(id) => self.action(id, Wanted::Installed).await?,
            Asked::Cancel(id) => {
                app.ddi_cancel(peer, id).await.map_err(failed)?;
                wire::cancel(self.format, &id.to_string())
            }
            Asked::ConfirmationBase => self.confirmation_base().await?,
            Asked::Files(module) => {
                let files = app.ddi_files(peer, module).await.map_err(failed)?;
                wire::artifacts(self.format, &shape::files(module, files, &self.links))
            }
            Asked::File(module, name) => return self.file(module, &name).await,
            Asked::Feedback(_)
            | Asked::CancelFeedback(_)
            | Asked::ConfigData
            | Asked::InstalledBase
            | Asked::Confirm(_)
            | Asked::AutoConfirm(_) => return Err(nothing_here()),
        };
        Ok(self.document(document))
    }

    async fn action(
        &self,
        id: windlass_domain::ids::ExecutionId,
        wanted: Wanted,
    ) -> Result<Bytes, Response<Body>> {
        let query = self.head.uri.query().unwrap_or_default();
        // -1 means all that are kept for this.
        let messages = parameter(query, "actionHistory").and_then(|text| text.parse::<i64>().ok());
        let messages =
            messages.map(|wanted| u32::try_from(wanted).unwrap_or(u32::MAX)).filter(|wanted| *wanted > 0);
        let action = self.app.ddi_action(&self.peer, id, wanted, messages).await.map_err(failed)?;
        Ok(wire::deployment(self.format, &shape::action(action, &self.links)))
    }

    async fn confirmation_base(&self) -> Result<Bytes, Response<Body>> {
        let unavailable = |error: windlass_app::AppError| failed(Failed::from(error));
        let target = self.app.ddi_target(self.peer.device).await;
        let target = target.map_err(|error| unavailable(error.into()))?;
        let poll = self.app.ddi_poll(&self.peer).await.map_err(turned)?;
        let base = shape::base(&poll, &self.links);
        let word =
            if target.auto_confirm.is_some() { "deactivateAutoConfirm" } else { "activateAutoConfirm" };
        let active = target.auto_confirm.as_ref();
        Ok(wire::auto_confirm(
            self.format,
            &wire::AutoConfirmDoc {
                active: active.map(|on| (on.since.millis(), on.initiator.clone(), on.remark.clone())),
                switch: self.links.to(&format!("/confirmationBase/{word}")),
                confirmation: base.links.confirmation,
            },
        ))
    }

    async fn file(&self, module: windlass_domain::ids::ComponentId, name: &str) -> Answered {
        let plain = self.app.ddi_file(&self.peer, module, name).await;
        let sum = name.strip_suffix(".MD5SUM");
        match (plain, sum) {
            (Ok((grant, _)), _) => Ok(download::send(self.app, self.head, &grant).await),
            (Err(Failed::NotFound), Some(name)) => {
                let (_, file) = self.app.ddi_file(&self.peer, module, name).await.map_err(failed)?;
                let mut answer = Response::new(full(format!("{}  {}", file.md5, file.name)));
                set(&mut answer, header::CONTENT_TYPE, "text/plain;charset=UTF-8");
                let name = format!("{}.MD5SUM", file.name);
                set(&mut answer, header::CONTENT_DISPOSITION, &download::disposition(&name));
                Ok(answer)
            }
            (Err(error), _) => Err(failed(error)),
        }
    }

    /// Takes what the device says.
    async fn take(&self, asked: Asked, format: Format, said: &[u8]) -> Answered {
        let (app, peer) = (self.app, &self.peer);
        let bad = |error: wire::BadBody| problem(StatusCode::BAD_REQUEST, "body", &error.to_string());
        let done = match asked {
            Asked::Feedback(id) => {
                app.ddi_feedback(peer, id, wire::feedback(format, said).map_err(bad)?).await
            }
            Asked::CancelFeedback(id) => {
                app.ddi_cancel_feedback(peer, id, wire::feedback(format, said).map_err(bad)?).await
            }
            Asked::ConfigData => {
                app.ddi_config_data(peer, wire::config_data(format, said).map_err(bad)?).await
            }
            Asked::InstalledBase => {
                let runs = wire::installed_base(format, said).map_err(bad)?;
                let first = app.ddi_installed_base(peer, runs).await.map_err(failed)?;
                let mut answer = Response::new(full(""));
                *answer.status_mut() = if first { StatusCode::CREATED } else { StatusCode::OK };
                return Ok(answer);
            }
            Asked::Confirm(id) => {
                app.ddi_confirm(peer, id, wire::confirmation(format, said).map_err(bad)?).await
            }
            Asked::AutoConfirm(true) => {
                app.ddi_auto_confirm(peer, Some(wire::initiator(format, said).map_err(bad)?)).await
            }
            Asked::AutoConfirm(false) => app.ddi_auto_confirm(peer, None).await,
            Asked::Poll
            | Asked::Deployment(_)
            | Asked::Cancel(_)
            | Asked::Installed(_)
            | Asked::ConfirmationBase
            | Asked::Confirmation(_)
            | Asked::Files(_)
            | Asked::File(..) => return Err(nothing_here()),
        };
        done.map(|()| Response::new(full(""))).map_err(failed)
    }

    /// A document with its tag, or that the device has it already.
    fn document(&self, document: Bytes) -> Response<Body> {
        let digest = Sha256::of(&document).to_string();
        let tag = format!("\"{}\"", digest.get(..32).unwrap_or_default());
        let has = |tags: &str| tags.split(',').map(str::trim).any(|one| one.trim_start_matches("W/") == tag);
        let same = self
            .head
            .headers
            .get(header::IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok())
            .is_some_and(has);
        let mut answer = if same { Response::new(full("")) } else { Response::new(full(document)) };
        if same {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            set(&mut answer, header::CONTENT_TYPE, type_of_answer(&self.head.headers, self.format));
        }
        set(&mut answer, header::ETAG, &tag);
        answer
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// What a request shows of who sent it; none if its path cannot be read.
fn shown(headers: &HeaderMap, place: &Place<'_>, around: &Around) -> Option<Shown> {
    let proxy = text(headers, "x-controller-id").filter(|id| around.relayed && !id.is_empty());
    let authorities = || {
        let is_one = |name: &HeaderName| {
            let number = name.as_str().strip_prefix("x-authority-");
            name == "x-authority"
                || number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let values =
            headers.iter().filter(|(name, _)| is_one(name)).filter_map(|(_, value)| value.to_str().ok());
        let each =
            values.flat_map(|value| value.split([',', ';'])).map(|one| one.trim().to_ascii_lowercase());
        each.filter(|one| !one.is_empty()).take(100).collect()
    };
    Some(Shown {
        tenant: decode(place.tenant)?,
        controller: decode(place.controller)?,
        authorization: text(headers, "authorization").map(ToOwned::to_owned),
        certificate: around.certificate.clone(),
        proxy: proxy.map(|id| ProxyWord { controller: id.to_owned(), authorities: authorities() }),
        address: around.address,
        agent: text(headers, "user-agent").unwrap_or_default().chars().take(128).collect(),
    })
}

fn format_of_body(headers: &HeaderMap) -> Format {
    let cbor =
        text(headers, "content-type").is_some_and(|kind| kind.trim_start().starts_with("application/cbor"));
    if cbor { Format::Cbor } else { Format::Json }
}

fn format_of_answer(headers: &HeaderMap) -> Format {
    let accept = text(headers, "accept").unwrap_or_default();
    let cbor = accept.contains("application/cbor") && !accept.contains("json");
    if cbor { Format::Cbor } else { Format::Json }
}

fn type_of_answer(headers: &HeaderMap, format: Format) -> &'static str {
    let accept = text(headers, "accept").unwrap_or_default();
    match format {
        Format::Cbor => "application/cbor",
        Format::Json if accept.contains("application/hal+json") => "application/hal+json;charset=UTF-8",
        Format::Json => "application/json;charset=UTF-8",
    }
}

fn set(answer: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

/// Not let in: nothing is said of why.
fn silent_refusal() -> Response<Body> {
    let mut answer = Response::new(full(""));
    *answer.status_mut() = StatusCode::UNAUTHORIZED;
    answer
}

fn turned(turned: Turned) -> Response<Body> {
    match turned {
        Turned::Denied => silent_refusal(),
        Turned::TooMany => problem(StatusCode::TOO_MANY_REQUESTS, "rate", &turned.to_string()),
        Turned::Unavailable => problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &turned.to_string()),
    }
}

fn failed(failed: Failed) -> Response<Body> {
    let (status, code) = match &failed {
        Failed::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        Failed::Closed => (StatusCode::GONE, "action.closed"),
        Failed::NotCanceling => (StatusCode::METHOD_NOT_ALLOWED, "action.not_canceling"),
        Failed::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
        Failed::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "quota"),
        Failed::Bad(_) => (StatusCode::BAD_REQUEST, "invalid"),
        Failed::Unavailable(error) => {
            tracing::error!(error = %windlass_app::error::chain(error), "a device's request could not be served");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    };
    problem(status, code, &failed.to_string())
}

fn nothing_here() -> Response<Body> {
    problem(StatusCode::NOT_FOUND, "not_found", "hawkBit's interface has nothing at this path")
}

fn not_asked(why: NotAsked) -> Response<Body> {
    match why {
        NotAsked::Path => nothing_here(),
        NotAsked::Method(allowed) => {
            let sentence = format!("this path takes {allowed}");
            let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, "method", &sentence);
            set(&mut answer, header::ALLOW, allowed);
            answer
        }
    }
}

async fn collect<B>(body: B) -> Result<Bytes, Response<Body>>
where
    B: hyper::body::Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match tokio::time::timeout(BODY_TIME, Limited::new(body, BODY).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let sentence = format!("the body is larger than {BODY} bytes");
            Err(problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &sentence))
        }
        Ok(Err(_)) => Err(problem(StatusCode::BAD_REQUEST, "body", "the body broke off")),
        Err(_) => Err(problem(StatusCode::REQUEST_TIMEOUT, "timeout", "the body took too long")),
    }
}

/// Whether a text may stand in a link as host and port.
pub fn is_authority(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    !text.is_empty() && text.len() <= 255 && text.chars().all(allowed)
}

/// The name under which the device reached this server.
pub(crate) fn host(request: &request::Parts) -> Option<&str> {
    let host =
        request.uri.authority().map(http::uri::Authority::as_str).or_else(|| text(&request.headers, "host"));
    host.filter(|host| is_authority(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_host_gets_into_links() {
        for good in ["localhost:8080", "updates.example.com", "[::1]:8443", "10.0.0.1"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in ["", "a/b", "a b", "a\"b", "a@b", "é", &"x".repeat(256)] {
            assert!(!is_authority(bad), "{bad}");
        }
    }

    #[test]
    fn a_proxy_is_believed_only_where_it_is_trusted() {
        let mut headers = HeaderMap::new();
        headers.insert("x-controller-id", HeaderValue::from_static("d"));
        headers.insert("x-authority-0", HeaderValue::from_static("AB"));
        headers.insert("x-authority", HeaderValue::from_static("cd; EF"));
        headers.insert("x-authority-x", HeaderValue::from_static("no"));
        let place = path::place("/t/controller/v1/d").unwrap();
        let around = |relayed| Around {
            address: "127.0.0.1:1".parse().unwrap(),
            certificate: None,
            relayed,
            base: String::new(),
        };
        assert_eq!(shown(&headers, &place, &around(false)).unwrap().proxy, None);
        let mut word = shown(&headers, &place, &around(true)).unwrap().proxy.unwrap();
        word.authorities.sort();
        assert_eq!(
            word,
            ProxyWord {
                controller: "d".to_owned(),
                authorities: vec!["ab".into(), "cd".into(), "ef".into()]
            }
        );
    }
}

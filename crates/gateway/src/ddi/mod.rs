//! hawkBit's Direct Device Integration, answered on both ports: `/{tenant}/controller/v1/{controllerId}/…`. Beside it
//! RAUC's own polling, for devices that need no more: `/{tenant}/rauc/v1/{controllerId}`.
//!
//! Who asks is decided before path, body and query are looked at; whoever is not let in gets 401 without a word.
//! Answers have a length and are never chunked: small clients want it so.
//!
//! Source: eclipse-hawkbit/hawkbit, `hawkbit-ddi-api`.

mod head;
mod path;
mod refuse;
mod shape;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header;
use http::{Method, Request, Response, StatusCode, request};
use rustls_pki_types::CertificateDer;
use tokio::time::{Instant, timeout};
use windlass_app::App;
use windlass_app::ddi::{Bundle, DdiFile, DdiPeer, Failed, LONGEST_CONTROLLER_ID, RaucSays, Wanted};
use windlass_app::message::DevicePeer;
use windlass_domain::ids::{ExecutionId, Sha256};
use windlass_wire::ddi as wire;
use windlass_wire::ddi::Format;

pub(crate) use self::head::host;
pub use self::head::is_authority;
use self::head::{Form, HAL, form_of_answer, format_of_body, shown, text};
use self::path::{Asked, NotAsked, Place, parameter};
use self::refuse::{
    collect, failed, not_acceptable, not_asked, nothing_here, set, silent_refusal, too_often, turned,
    unreadable, unsupported,
};
use self::shape::Links;
use crate::http::{Body, Known, download, full};
use crate::rate::{Pace, Rates, Sender};

/// How often full buckets are forgotten, in requests.
const TIDY: u64 = 4_096;

/// Whoever fetches waits no longer than this for the note that it has begun.
const NOTED: Duration = Duration::from_secs(1);

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
    /// A chain that our own TLS was shown, for the tenant's CA certificates to judge.
    pub chain: Option<Arc<[CertificateDer<'static>]>>,
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
    /// Ranges of one file are many, and cost little.
    files: Rates,
    started: Instant,
    served: std::sync::atomic::AtomicU64,
}

/// What one request is about.
struct Served<'r> {
    app: &'r App,
    peer: DdiPeer,
    head: &'r request::Parts,
    links: Links,
    form: Form,
}

type Answered = Result<Response<Body>, Response<Body>>;

impl Ddi {
    /// Serves this application.
    pub fn new(app: App) -> Self {
        let (rates, files) = (Rates::new(&app.limits), Rates::files(&app.limits));
        Self { app, rates, files, started: Instant::now(), served: std::sync::atomic::AtomicU64::new(0) }
    }

    /// Whether a chain that a client presented is for the CA certificates of the tenant to judge that a path names.
    ///
    /// # Errors
    /// The answer, when the store fails.
    pub(crate) async fn is_foreign(
        &self,
        asked: &str,
        chain: &[CertificateDer<'static>],
    ) -> Result<bool, Response<Body>> {
        let tenant =
            path::rauc(asked).or_else(|| path::place(asked)).and_then(|place| path::decode(place.tenant));
        match tenant {
            Some(tenant) => self.app.ddi_is_foreign(&tenant, chain).await.map_err(turned),
            None => Ok(false),
        }
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
        let shown = shown(head, &place, &around).ok_or_else(silent_refusal)?;
        if shown.controller.len() > LONGEST_CONTROLLER_ID {
            let sentence = format!("a controller id has at most {LONGEST_CONTROLLER_ID} bytes");
            return Err(failed(Failed::Bad(sentence)));
        }
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
        let rates = if matches!(asked, Asked::File(..)) { &self.files } else { &self.rates };
        if !self.may(rates, &peer) {
            return Err(too_often());
        }
        let Place { tenant, controller, .. } = place;
        let links = Links(format!("{}/{tenant}/controller/v1/{controller}", around.base));
        let form = form_of_answer(&head.headers);
        let served = Served { app: &self.app, peer, head, links, form: form.unwrap_or(HAL) };
        match asked {
            // Whatever comes with it is of no use.
            Asked::AutoConfirm(false) => {
                collect(body).await?;
                served.take(asked, Format::Json, &[]).await
            }
            Asked::Feedback(_)
            | Asked::CancelFeedback(_)
            | Asked::ConfigData
            | Asked::InstalledBase
            | Asked::Confirm(_)
            | Asked::AutoConfirm(true) => {
                let format = format_of_body(&head.headers).ok_or_else(unsupported)?;
                let said = collect(body).await?;
                served.take(asked, format, &said).await
            }
            Asked::File(..) => served.show(asked).await,
            Asked::Poll
            | Asked::Deployment(_)
            | Asked::Cancel(_)
            | Asked::Installed(_)
            | Asked::ConfirmationBase
            | Asked::Confirmation(_)
            | Asked::Files(_) => {
                form.ok_or_else(not_acceptable)?;
                served.show(asked).await
            }
        }
    }

    /// RAUC's own polling: nothing to do, the same bundle as before, or where it is.
    async fn rauc(&self, head: &request::Parts, place: &Place<'_>, around: &Around) -> Answered {
        let shown = shown(head, place, around).ok_or_else(silent_refusal)?;
        let peer = self.app.ddi_identify(shown).await.map_err(turned)?;
        if head.method != Method::GET {
            return Err(not_asked(NotAsked::Method("GET")));
        }
        if !self.may(&self.rates, &peer) {
            return Err(too_often());
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
        let Some(Bundle { url, etag, begins }) = bundle else {
            *answer.status_mut() = StatusCode::NO_CONTENT;
            return Ok(answer);
        };
        let same = text(&head.headers, "if-none-match").is_some_and(|tags| download::none_match(tags, &etag));
        if let Some(action) = begins.filter(|_| !same) {
            self.app.ddi_rauc_sent(&peer, action).await.map_err(failed)?;
        }
        *answer.status_mut() = if same { StatusCode::NOT_MODIFIED } else { StatusCode::FOUND };
        set(&mut answer, header::ETAG, &etag);
        if !same {
            set(&mut answer, header::LOCATION, &url);
        }
        Ok(answer)
    }

    /// Counts a request of the device; false where there were too many.
    fn may(&self, rates: &Rates, peer: &DdiPeer) -> bool {
        use std::sync::atomic::Ordering;
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if self.served.fetch_add(1, Ordering::Relaxed) % TIDY == TIDY - 1 {
            self.rates.tidy(now);
            self.files.tidy(now);
        }
        rates.take(Sender::Device(peer.device), 1, now) == Pace::Free
    }
}

impl Served<'_> {
    /// Answers a question.
    async fn show(&self, asked: Asked) -> Answered {
        let (app, peer) = (self.app, &self.peer);
        let document = match asked {
            Asked::Poll => {
                let poll = app.ddi_poll(peer).await.map_err(turned)?;
                wire::base(self.form.0, &shape::base(&poll, &self.links))
            }
            Asked::Deployment(id) => self.action(id, Wanted::Deployment).await?,
            Asked::Confirmation(id) => self.action(id, Wanted::Confirmation).await?,
            Asked::Installed(id) => self.action(id, Wanted::Installed).await?,
            Asked::Cancel(id) => {
                app.ddi_cancel(peer, id).await.map_err(failed)?;
                wire::cancel(self.form.0, &id.to_string())
            }
            Asked::ConfirmationBase => self.confirmation_base().await?,
            Asked::Files(module) => {
                let files = app.ddi_files(peer, module).await.map_err(failed)?;
                wire::artifacts(self.form.0, &shape::files(module, files, &self.links))
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
        Ok(wire::deployment(self.form.0, &shape::action(action, &self.links)))
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
            self.form.0,
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
            (Ok(DdiFile { grant, begins, .. }), _) => {
                let answer = download::send(self.app, self.head, &grant).await;
                let fetches = self.head.method == Method::GET && answer.status().is_success();
                if let Some(action) = begins.filter(|_| fetches) {
                    self.begins(action, &grant.name).await?;
                }
                Ok(answer)
            }
            (Err(Failed::NotFound), Some(name)) => {
                let file = self.app.ddi_file(&self.peer, module, name).await.map_err(failed)?.view;
                let mut answer = Response::new(full(format!("{}  {}", file.md5, file.name)));
                set(&mut answer, header::CONTENT_TYPE, "text/plain;charset=UTF-8");
                let name = format!("{}.MD5SUM", file.name);
                set(&mut answer, header::CONTENT_DISPOSITION, &download::disposition(&name));
                Ok(answer)
            }
            (Err(error), _) => Err(failed(error)),
        }
    }

    /// Notes that the device begins by what it fetches. Bytes are read, so that they need not wait for a store that cannot be
    /// written: the next range notes it then.
    async fn begins(&self, action: ExecutionId, name: &str) -> Result<(), Response<Body>> {
        let how = format!("Target downloads {name}.");
        match timeout(NOTED, self.app.ddi_begins(&self.peer, action, &how)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(Failed::Unavailable(error))) => {
                tracing::warn!(
                    error = %windlass_app::error::chain(&error),
                    "that a device began to download could not be noted; its next range is"
                );
            }
            Ok(Err(refused)) => return Err(failed(refused)),
            Err(_) => tracing::warn!(
                "the store took too long to note that a device began to download; its bytes do not wait for it"
            ),
        }
        Ok(())
    }

    /// Takes what the device says.
    async fn take(&self, asked: Asked, format: Format, said: &[u8]) -> Answered {
        let (app, peer) = (self.app, &self.peer);
        let bad = |error: wire::BadBody| unreadable(&error.to_string());
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
            set(&mut answer, header::CONTENT_TYPE, self.form.1);
        }
        set(&mut answer, header::ETAG, &tag);
        answer
    }
}

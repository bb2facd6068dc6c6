//! Why did this device not connect? What listeners refused, in words that help, for whoever may see the device.
//!
//! In memory, of this node, and bounded: see [`log`](self). What peers say of themselves is hostile; it is cleaned
//! and cut before it is kept. Knows no sockets.

mod cause;
mod log;
mod unmapped;
mod waiting;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls_pki_types::CertificateDer;
use tokio::sync::watch;
use windlass_domain::ids::{DeviceId, DeviceName, Sha256, TenantId};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::{Store, StoreError, credentials, tenants};

use crate::app::App;
use crate::authority::{self, Authority};
use crate::error::{AppError, chain};
use crate::message::{DevicePeer, Peer};
use crate::permit::demand;

pub use cause::{Cause, Explained, Here, Stage};
pub use unmapped::UnmappedTopic;

use log::{Entry, Log};
use unmapped::Unmapped;

/// Most bytes of a name or an id that a peer gives itself.
const SHORT: usize = 128;
/// Most bytes of a subject, a topic, or a sentence of a library.
const LONG: usize = 256;

/// What a certificate says of itself. Nobody vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// All of the subject: `CN=pump-1, O=Acme`.
    pub subject: String,
    /// Its common name.
    pub common_name: Option<String>,
    /// All of the issuer.
    pub issuer: String,
    /// SHA-256 of the certificate (DER), hex.
    pub fingerprint: String,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
}

/// What a refused peer said of itself. Nobody vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claimed {
    /// Its client certificate.
    pub certificate: Option<Certificate>,
    /// Client id of its CONNECT.
    pub client_id: Option<String>,
    /// User name of its CONNECT.
    pub user_name: Option<String>,
    /// The server name that it asked for.
    pub server_name: Option<String>,
}

impl Claimed {
    /// Reads what a client certificate says, leaf first.
    pub fn of_chain(chain: &[CertificateDer<'_>]) -> Self {
        Self { certificate: chain.first().and_then(|leaf| authority::describe(leaf)), ..Self::default() }
    }

    /// Whom the peer says to be: by certificate, else by client id, else by user name.
    pub fn name(&self) -> Option<&str> {
        let certificate = self.certificate.as_ref().and_then(|own| own.common_name.as_deref());
        certificate
            .or(self.client_id.as_deref())
            .or(self.user_name.as_deref())
            .filter(|name| !name.is_empty())
    }

    /// What tells two peers of one address apart.
    fn identity(&self) -> String {
        let fingerprint = self.certificate.as_ref().map_or("", |own| own.fingerprint.as_str());
        format!(
            "{fingerprint} {}",
            self.client_id.as_deref().or(self.user_name.as_deref()).unwrap_or_default()
        )
    }

    fn cleaned(self) -> Self {
        let Self { certificate, client_id, user_name, server_name } = self;
        let short =
            |text: Option<String>| text.map(|text| clean(&text, SHORT)).filter(|text| !text.is_empty());
        Self {
            certificate: certificate.map(|own| {
                let Certificate { subject, common_name, issuer, fingerprint, not_before, not_after } = own;
                Certificate {
                    subject: clean(&subject, LONG),
                    common_name: short(common_name),
                    issuer: clean(&issuer, LONG),
                    fingerprint: clean(&fingerprint, SHORT),
                    not_before,
                    not_after,
                }
            }),
            client_id: short(client_id),
            user_name: short(user_name),
            server_name: server_name.map(|name| clean(&name, LONG)),
        }
    }
}

/// Whose refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Whose server the peer wanted.
    pub tenant: TenantId,
    /// Which device it is, or says to be.
    pub device: Option<DeviceId>,
}

impl Owner {
    /// Of a peer that signed in.
    pub fn of(peer: &Peer) -> Self {
        match peer {
            Peer::Device(device) => Self { tenant: device.tenant, device: Some(device.device) },
            Peer::Claim(claim) => Self { tenant: claim.tenant, device: None },
            Peer::Application(application) => Self { tenant: application.principal.tenant, device: None },
        }
    }
}

/// A refusal, as a listener tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// How far the peer had come.
    pub stage: Stage,
    /// Why.
    pub cause: Cause,
    /// Where it connected from.
    pub address: SocketAddr,
    /// What was spoken, as far as that was known: `mqtt 5`, `https`, …
    pub protocol: Option<&'static str>,
    /// What it said of itself.
    pub claimed: Claimed,
    /// Whose it is, where the peer had signed in.
    pub owner: Option<Owner>,
    /// How many refusals this tells of at once.
    pub count: u32,
}

impl Refused {
    fn cleaned(self) -> Self {
        let long = |text: String| clean(&text, LONG);
        let cause = match self.cause {
            Cause::ServerNotTrusted(text) => Cause::ServerNotTrusted(long(text)),
            Cause::ClientAlert(text) => Cause::ClientAlert(long(text)),
            Cause::NothingInCommon(text) => Cause::NothingInCommon(long(text)),
            Cause::BadHandshake(text) => Cause::BadHandshake(long(text)),
            Cause::Request(code, text) => Cause::Request(code, long(text)),
            Cause::Filter(text) => Cause::Filter(long(text)),
            Cause::BadFilter(text) => Cause::BadFilter(long(text)),
            Cause::TooManySubscriptions(text) => Cause::TooManySubscriptions(long(text)),
            Cause::Topic(text, refusal) => Cause::Topic(long(text), refusal),
            Cause::BadTopic(text) => Cause::BadTopic(long(text)),
            said @ (Cause::PlainMqtt
            | Cause::PlainHttp
            | Cause::NotTls
            | Cause::KeyNotProven
            | Cause::BrokenOff
            | Cause::TooSlow(_)
            | Cause::Busy
            | Cause::UnknownProtocol
            | Cause::BadConnect(_)
            | Cause::MqttVersion
            | Cause::Credential(_)) => said,
        };
        Self { cause, claimed: self.claimed.cleaned(), ..self }
    }
}

/// Text of strangers that people can look at: without control characters and marks that change the direction of
/// writing or cannot be seen, and not longer than `most` bytes.
fn clean(text: &str, most: usize) -> String {
    let mut cleaned = String::new();
    for c in text.chars() {
        let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        let c = if c.is_control() || hidden { char::REPLACEMENT_CHARACTER } else { c };
        if cleaned.len() + c.len_utf8() > most {
            break;
        }
        cleaned.push(c);
    }
    cleaned
}

/// A refusal as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalView {
    /// Stays the same while it is repeated.
    pub id: i64,
    /// How far the peer had come.
    pub stage: Stage,
    /// Stable.
    pub code: &'static str,
    /// What happened, and what to do.
    pub explained: Explained,
    /// Where it connected from.
    pub address: IpAddr,
    /// What was spoken.
    pub protocol: Option<&'static str>,
    /// What the peer said of itself.
    pub claimed: Claimed,
    /// The device that it is, or says to be.
    pub device: Option<DeviceName>,
    /// How often.
    pub count: u64,
    /// First time.
    pub first_at: Timestamp,
    /// Last time.
    pub last_at: Timestamp,
}

/// Which refusals are asked for. All that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RefusalFilter {
    /// Of this device.
    pub device: Option<String>,
    /// From addresses that begin like this.
    pub address: Option<String>,
    /// With this somewhere in what the peer said of itself, in whatever case.
    pub claimed: Option<String>,
    /// At this stage.
    pub stage: Option<Stage>,
    /// With this anywhere, in whatever case.
    pub text: Option<String>,
}

/// Refusals, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalPage {
    /// The refusals.
    pub items: Vec<RefusalView>,
    /// Pass it as `before` to go on; absent at the end.
    pub next: Option<i64>,
}

/// What was refused on this node.
#[derive(Debug)]
pub struct Refusals {
    log: Mutex<Log>,
    unmapped: Mutex<Unmapped>,
    told: watch::Sender<u64>,
    here: Here,
    /// Strangers knock at the door of this tenant.
    default_tenant: TenantId,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Refusals {
    /// Nothing was refused yet.
    pub(crate) async fn open(store: &Store, authority: &Authority) -> Result<Self, StoreError> {
        let tenant = store.read(|tx| Box::pin(tenants::tenant_default(tx))).await?;
        Ok(Self {
            log: Mutex::default(),
            unmapped: Mutex::default(),
            told: watch::Sender::new(0),
            here: Here { issuer: authority.issuing_subject(), root: authority.root_fingerprint() },
            default_tenant: tenant.id,
        })
    }

    /// Changes whenever something was refused.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }

    /// Says for the log what a refusal is about: whom the peer says to be, and why it was refused.
    pub fn sentence(&self, refused: &Refused, now: Timestamp) -> (String, String) {
        let name = clean(refused.claimed.name().unwrap_or_default(), SHORT);
        let explained = refused.clone().cleaned();
        (name, explained.cause.explain(&explained.claimed, &self.here, now).detail)
    }

    fn note(&self, refused: Refused, now: Timestamp) {
        lock(&self.log).note(refused, now);
        self.told.send_modify(|told| *told = told.wrapping_add(1));
    }
}

impl App {
    /// Notes a refusal whose peer is known, or of which nothing is known.
    pub fn refused(&self, refused: Refused) {
        self.refusals.note(refused.cleaned(), self.clock.now());
    }

    /// Notes the refusal of a stranger, and finds out whose device it may be: by its certificate, else by the name it
    /// gives itself. What was noted before is only counted.
    pub async fn refused_stranger(&self, refused: Refused) {
        let mut refused = refused.cleaned();
        if refused.owner.is_none() && !lock(&self.refusals.log).knows(&refused) {
            refused.owner = self.owner_of(&refused.claimed).await;
        }
        self.refusals.note(refused, self.clock.now());
    }

    async fn owner_of(&self, claimed: &Claimed) -> Option<Owner> {
        let fingerprint = claimed.certificate.as_ref().and_then(|own| own.fingerprint.parse::<Sha256>().ok());
        if let Some(fingerprint) = fingerprint {
            let found = self
                .store
                .read(move |tx| Box::pin(async move { credentials::by_fingerprint(tx, &fingerprint).await }));
            match found.await {
                Ok(Some(credential)) => {
                    return Some(Owner { tenant: credential.tenant, device: credential.device });
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(error = %chain(&error), "it could not be found out whose certificate was refused");
                }
            }
        }
        let tenant = self.refusals.default_tenant;
        let names = [claimed.name(), claimed.client_id.as_deref()];
        let device = names
            .into_iter()
            .flatten()
            .filter_map(|name| name.parse::<DeviceName>().ok())
            .find_map(|name| self.fleet.id_of(tenant, &name));
        Some(Owner { tenant, device })
    }

    /// Notes a message to a topic that nothing maps.
    pub fn unmapped(&self, peer: &DevicePeer, client_id: &str, topic: &str, bytes: usize) {
        let now = self.clock.now();
        let cleaned = clean(topic, 2 * LONG);
        lock(&self.refusals.unmapped).note(
            peer.device,
            (peer.name.as_str(), client_id),
            &cleaned,
            bytes,
            now,
        );
    }

    /// What was refused on this node, newest first. Whoever is limited to a part of the fleet sees what is about
    /// devices of that part.
    ///
    /// # Errors
    /// Forbidden, or a limit that cannot be used.
    pub fn refusal_list(
        &self,
        by: &Principal,
        filter: &RefusalFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<RefusalPage, AppError> {
        demand(by, Permission::EventRead)?;
        self.refusal_page(by, filter, None, before, limit)
    }

    /// What was refused of one device, or of somebody who gave its name.
    ///
    /// # Errors
    /// Forbidden, not found, or a limit that cannot be used.
    pub fn device_refusals(
        &self,
        by: &Principal,
        name: &DeviceName,
        before: Option<i64>,
        limit: usize,
    ) -> Result<RefusalPage, AppError> {
        demand(by, Permission::EventRead)?;
        let device = self.visible(by, name)?;
        self.refusal_page(by, &RefusalFilter::default(), Some((device, name)), before, limit)
    }

    /// Topics that a device publishes to and nothing maps, latest first. What was mapped since is left out.
    ///
    /// # Errors
    /// Forbidden or not found.
    pub fn unmapped_topics(&self, by: &Principal, name: &DeviceName) -> Result<Vec<UnmappedTopic>, AppError> {
        demand(by, Permission::EventRead)?;
        let device = self.visible(by, name)?;
        let mut topics = lock(&self.refusals.unmapped).of(device);
        let entry = self.fleet.entry(device).ok_or_else(|| AppError::not_found("device", name))?;
        let (_, map) = self.type_of(entry.device.device_type);
        topics.retain(|known| map.target(&known.topic, name.as_str(), &known.client_id).is_none());
        Ok(topics)
    }

    fn visible(&self, by: &Principal, name: &DeviceName) -> Result<DeviceId, AppError> {
        self.fleet
            .id_of(by.tenant, name)
            .filter(|id| self.fleet.is_visible(by, *id))
            .ok_or_else(|| AppError::not_found("device", name))
    }

    fn refusal_page(
        &self,
        by: &Principal,
        filter: &RefusalFilter,
        device: Option<(DeviceId, &DeviceName)>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<RefusalPage, AppError> {
        let most = self.limits.page;
        if limit == 0 || limit > most {
            return Err(AppError::invalid("limit", format!("must be from 1 to {most}")));
        }
        // Copied, so that whoever is refused does not wait for whoever reads.
        let entries: Vec<Entry> = lock(&self.refusals.log).newest(before).cloned().collect();
        let mut items = Vec::new();
        let mut last = 0;
        for entry in entries {
            if !self.may_see(by, &entry, device) {
                continue;
            }
            let turn = entry.turn;
            let view = self.refusal_view(entry);
            if !filter.matches(&view) {
                continue;
            }
            if items.len() == limit {
                return Ok(RefusalPage { items, next: Some(last) });
            }
            items.push(view);
            last = turn;
        }
        Ok(RefusalPage { items, next: None })
    }

    fn may_see(&self, by: &Principal, entry: &Entry, only: Option<(DeviceId, &DeviceName)>) -> bool {
        let owner = entry.refused.owner;
        if owner.map_or(self.refusals.default_tenant, |owner| owner.tenant) != by.tenant {
            return false;
        }
        let device = owner.and_then(|owner| owner.device);
        match (only, device) {
            // Whoever may see the device may see who gave its name, also before it was registered.
            (Some((_, name)), None) => is_named(entry, name),
            (Some((id, _)), Some(device)) => device == id,
            (None, Some(device)) => {
                self.fleet.is_visible(by, device)
                    || (by.scope.is_none() && self.fleet.entry(device).is_none())
            }
            (None, None) => by.scope.is_none(),
        }
    }

    fn refusal_view(&self, entry: Entry) -> RefusalView {
        let refused = &*entry.refused;
        let device = refused.owner.and_then(|owner| owner.device);
        RefusalView {
            id: entry.id,
            stage: refused.stage,
            code: refused.cause.code(),
            explained: refused.cause.explain(&refused.claimed, &self.refusals.here, entry.last_at),
            address: refused.address.ip(),
            protocol: refused.protocol,
            claimed: refused.claimed.clone(),
            device: device.and_then(|device| self.fleet.name_of(device)),
            count: entry.count,
            first_at: entry.first_at,
            last_at: entry.last_at,
        }
    }
}

fn is_named(entry: &Entry, name: &DeviceName) -> bool {
    let claimed = &entry.refused.claimed;
    claimed.name() == Some(name.as_str()) || claimed.client_id.as_deref() == Some(name.as_str())
}

impl RefusalFilter {
    fn matches(&self, view: &RefusalView) -> bool {
        let Self { device, address, claimed, stage, text } = self;
        let certificate = view.claimed.certificate.as_ref();
        let said = [
            view.claimed.client_id.as_deref(),
            view.claimed.user_name.as_deref(),
            view.claimed.server_name.as_deref(),
            certificate.map(|own| own.subject.as_str()),
            certificate.map(|own| own.issuer.as_str()),
            certificate.map(|own| own.fingerprint.as_str()),
        ];
        let shown = view.address.to_string();
        let rest = [
            Some(view.code),
            Some(view.explained.detail.as_str()),
            Some(view.explained.action.as_str()),
            Some(shown.as_str()),
            view.device.as_ref().map(DeviceName::as_str),
        ];
        device.as_ref().is_none_or(|wanted| view.device.as_ref().is_some_and(|name| name.as_str() == wanted))
            && address.as_ref().is_none_or(|wanted| shown.starts_with(wanted.as_str()))
            && claimed.as_ref().is_none_or(|wanted| contains(said.into_iter(), wanted))
            && stage.is_none_or(|wanted| view.stage == wanted)
            && text.as_ref().is_none_or(|wanted| contains(said.into_iter().chain(rest), wanted))
    }
}

fn contains<'a>(mut texts: impl Iterator<Item = Option<&'a str>>, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    texts.any(|text| text.is_some_and(|text| text.to_lowercase().contains(&wanted)))
}

#[cfg(test)]
mod tests;

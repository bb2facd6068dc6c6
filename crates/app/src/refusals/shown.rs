//! Refusals as shown: whoever may see a device sees what was refused of it, newest first.
//!
//! Reads copies, so that whoever is refused does not wait for whoever reads; notes nothing.

use std::net::IpAddr;

use windlass_domain::ids::{DeviceId, DeviceName};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;

use super::lock;
use super::said::Claimed;
use crate::app::App;
use crate::error::AppError;
use crate::permit::demand;
use crate::refusals::cause::{Explained, Stage};
use crate::refusals::log::Entry;
use crate::refusals::unmapped::UnmappedTopic;

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

impl App {
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

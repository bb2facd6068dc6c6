//! What a device should hear, derived from state: `delta`, `notify` and `notify-next`, once per change.
//!
//! Asked on resume, on SUBSCRIBE and when a connection is woken. Nothing queues payloads for a device.

use std::collections::{BTreeMap, BTreeSet};

use windlass_domain::device::DeviceKind;
use windlass_domain::ids::DeviceId;
use windlass_store::StoreError;
use windlass_wire::{filter, topic};

use crate::authorise::Children;
use crate::jobs::notify::{Notified, pending_notifications};
use crate::message::{DevicePeer, Outbound};
use crate::shadow::{SentVersions, could_match_delta, note_sent, pending_deltas};
use crate::{App, AppError};

/// What a connection was told already. Lives as long as the connection.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    deltas: SentVersions,
    jobs: BTreeMap<String, Notified>,
}

impl Sent {
    /// Notes a message that was sent live, so that a wake-up does not send it again.
    pub fn note(&mut self, message: &Outbound) {
        note_sent(&mut self.deltas, message);
    }
}

/// The names under which filters ask for messages: of the device itself, and of children that they name.
fn asked_names(app: &App, peer: &DevicePeer, filters: &[String]) -> Vec<(String, DeviceId)> {
    let own = std::iter::once(peer.name.as_str()).chain(peer.aliases.iter().map(String::as_str));
    let mut names: Vec<_> = own
        .filter(|name| filters.iter().any(|asked| asked.split('/').nth(2) == Some(*name)))
        .map(|name| (name.to_owned(), peer.device))
        .collect();
    if peer.kind == DeviceKind::Gateway {
        let children: BTreeSet<_> = filters.iter().filter_map(|asked| asked.split('/').nth(2)).collect();
        names.extend(
            children
                .into_iter()
                .filter_map(|name| app.child_of(peer, name).map(|device| (name.to_owned(), device))),
        );
    }
    names
}

impl App {
    /// What is pending for a connection with these subscriptions, apart from what it was sent already.
    ///
    /// # Errors
    /// When the store fails; `sent` is unchanged then.
    pub async fn pending_messages(
        &self,
        peer: &DevicePeer,
        filters: &[String],
        sent: &mut Sent,
    ) -> Result<Vec<Outbound>, AppError> {
        let names = asked_names(self, peer, filters);
        let wants_jobs: Vec<bool> = names
            .iter()
            .map(|(name, _)| {
                let (notify, next) = (topic::jobs_notify(name), topic::jobs_notify_next(name));
                filters.iter().any(|asked| filter::matches(asked, &notify) || filter::matches(asked, &next))
            })
            .collect();
        let wants_deltas = filters.iter().any(|asked| could_match_delta(asked));
        if names.is_empty() || (!wants_deltas && !wants_jobs.contains(&true)) {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let question =
            (self.clone(), names, wants_jobs, filters.to_vec(), peer.link_base.clone(), sent.clone());
        let (messages, told) = self
            .store
            .read(move |tx| {
                let (app, names, wants_jobs, filters, link_base, mut sent) = question.clone();
                Box::pin(async move {
                    let mut messages = Vec::new();
                    for ((name, device), wants_jobs) in names.iter().zip(wants_jobs) {
                        messages.extend(
                            pending_deltas(tx, *device, &[name], &filters, &mut sent.deltas, now).await?,
                        );
                        if !wants_jobs {
                            continue;
                        }
                        let told = sent.jobs.entry(name.clone()).or_default();
                        let news =
                            pending_notifications(tx, &app, *device, name, &link_base, told, now).await?;
                        *told = news.told;
                        let subscribed = |message: &Outbound| {
                            filters.iter().any(|asked| filter::matches(asked, &message.topic))
                        };
                        messages.extend(news.notify.into_iter().chain(news.notify_next).filter(subscribed));
                    }
                    Ok::<_, StoreError>((messages, sent))
                })
            })
            .await?;
        *sent = told;
        Ok(messages)
    }

    /// Asks the connections of a device, and those of its gateway, to look at its state.
    pub fn wake_device(&self, device: DeviceId) {
        self.ddi.woken(device);
        self.hub.wake(device);
        if let Some(parent) = self.fleet.parent_of(device) {
            self.hub.wake(parent);
        }
    }
}

//! A poll: what the device is to do next, and when it is to come again. With nothing to do it costs no query.

use std::sync::Arc;
use std::time::Duration;

use windlass_domain::ids::{AttributeKey, DeviceId, ExecutionId, Sha256, TenantId};
use windlass_domain::job::gates::NO_WINDOW_LEFT;
use windlass_domain::job::phase::{DOWNLOADED, PHASE};
use windlass_domain::job::window::ZONE_ATTRIBUTE;
use windlass_domain::job::{Execution, Handling, Job, What};
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;
use windlass_store::ddi::{NewStatus, Target};
use windlass_store::{StoreError, Tx, ddi as table, executions, jobs};

use super::memory::Contact;
use super::peer::{DdiPeer, Turned, unavailable};
use super::stand::{CLIENT_ATTRIBUTE, SkipMeans, Stand, nearest, skip_means, stand};
use crate::app::App;

/// What a device is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// An action waits for its word.
    Confirm {
        /// Which.
        action: ExecutionId,
        /// Changes with its document.
        revision: u32,
    },
    /// An action is to be canceled.
    Cancel {
        /// Which.
        action: ExecutionId,
    },
    /// An action is to be carried out.
    Deploy {
        /// Which.
        action: ExecutionId,
        /// Changes with its document.
        revision: u32,
    },
}

/// The answer to a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// When to come again.
    pub sleep: Duration,
    /// What to do.
    pub next: Option<Next>,
    /// The last action that was carried out.
    pub installed: Option<ExecutionId>,
    /// Whether the device is to send its attributes.
    pub attributes_wanted: bool,
}

/// An update that is not over, with its job.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) execution: Execution,
    pub(super) job: Job,
}

/// What an operator had this one device do at once is forced, whatever its job leaves to devices.
pub(super) async fn force(tx: &mut Tx<'_>, execution: &Execution, job: &mut Job) -> Result<(), StoreError> {
    if job.spec.rollout.handling != Handling::Forced && table::served(tx, execution.id).await?.forced {
        job.spec.rollout.handling = Handling::Forced;
    }
    Ok(())
}

/// Updates of a device that are not over: the one that goes first first.
pub(super) async fn open(tx: &mut Tx<'_>, device: DeviceId, now: Timestamp) -> Result<Vec<Open>, StoreError> {
    let mut open = Vec::new();
    for execution in executions::open_updates(tx, device, now).await? {
        if let Some(mut job) = jobs::get_any(tx, execution.job).await?
            && matches!(job.spec.what, What::Update { .. })
        {
            force(tx, &execution, &mut job).await?;
            open.push(Open { execution, job });
        }
    }
    Ok(open)
}

/// What an operator said of the device, as far as actions need it.
#[derive(Debug, Clone)]
pub(super) struct Traits {
    zone: Option<String>,
    skip: SkipMeans,
}

impl Traits {
    pub(super) fn stand(&self, open: &Open, now: Timestamp) -> Stand {
        stand(&open.execution, &open.job, self.zone.as_deref(), self.skip, now)
    }
}

impl App {
    pub(super) fn ddi_traits(&self, peer: &DdiPeer) -> Traits {
        self.traits(peer.device, &peer.agent)
    }

    /// Whether nothing that is not to be installed is shown to a device, by what is known of its client.
    pub(crate) fn ddi_closes_skipped(&self, device: DeviceId) -> bool {
        let agent = self.ddi.contact(device).map(|contact| contact.agent).unwrap_or_default();
        self.traits(device, &agent).skip != SkipMeans::Fetch
    }

    fn traits(&self, device: DeviceId, agent: &str) -> Traits {
        let entry = self.fleet.entry(device);
        let attribute = |key: &str| {
            let key = key.parse::<AttributeKey>().ok()?;
            entry.as_ref().and_then(|entry| entry.device.attributes.get(&key)).cloned()
        };
        // Devices get the defaults of their type when they are made; this one counts whenever a type says it.
        let of_type = || {
            let record = self.fleet.type_record(entry.as_ref()?.device.device_type?)?;
            record.spec.default_attributes.get(&CLIENT_ATTRIBUTE.parse::<AttributeKey>().ok()?).cloned()
        };
        let client = attribute(CLIENT_ATTRIBUTE).or_else(of_type);
        let skip = skip_means(client.as_deref(), agent, self.ddi.is_closer(device));
        Traits { zone: attribute(ZONE_ATTRIBUTE), skip }
    }

    /// What is known of a device as a target, from memory.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ddi_target(&self, device: DeviceId) -> Result<Arc<Target>, StoreError> {
        let generation = match self.ddi.targets.get(&device) {
            Ok(known) => return Ok(known),
            Err(generation) => generation,
        };
        let target =
            self.store.read(move |tx| Box::pin(async move { table::target(tx, device).await })).await?;
        let target = Arc::new(target);
        self.ddi.targets.keep(device, Arc::clone(&target), generation);
        Ok(target)
    }

    /// What a device was last seen with over hawkBit's interface, as far as this run of the server knows.
    pub fn ddi_contact(&self, device: DeviceId) -> Option<Contact> {
        self.ddi.contact(device)
    }

    /// Asks a device for its attributes at its next poll.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ddi_want_attributes(&self, device: DeviceId) -> Result<(), StoreError> {
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let target = table::target(tx, device).await?;
                    table::target_put(tx, device, &Target { attributes_wanted: true, ..target }).await
                })
            })
            .await?;
        self.ddi.targets.forget(&device);
        Ok(())
    }

    /// Answers a poll.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn ddi_poll(&self, peer: &DdiPeer) -> Result<Poll, Turned> {
        let failed = |error: StoreError| unavailable(error.into());
        self.ddi_seen(peer).await?;
        let (device, now) = (peer.device, self.clock.now());
        let target = self.ddi_target(device).await.map_err(failed)?;
        let stands = match self.ddi.is_idle(device, now) {
            Ok(()) => Vec::new(),
            Err(generation) => {
                let mut open = self.ddi_open(peer, &target, now).await.map_err(failed)?;
                if open.is_empty() {
                    self.ddi.idle(device, now, generation);
                }
                let traits = self.ddi_traits(peer);
                if open.iter().any(|open| traits.stand(open, now).lapsed) {
                    open = self.ddi_lapse(device, &traits, now).await.map_err(failed)?;
                }
                open.iter().map(|open| traits.stand(open, now)).collect()
            }
        };
        let sleep = self.ddi_sleep(peer, &stands, now);
        self.ddi.note_next(device, now, sleep);
        let next = stands.iter().find(|stand| !stand.hidden || stand.canceling || stand.waits).map(next);
        // There are clients that follow one link a poll, and that to their attributes first: they would never hear of it.
        let is_to_stop = matches!(next, Some(Next::Cancel { .. }));
        Ok(Poll {
            sleep,
            next,
            installed: target.installed.as_ref().and_then(|installed| installed.execution),
            attributes_wanted: target.attributes_wanted && !is_to_stop,
        })
    }

    /// What is open. Where somebody agreed to all updates in advance, those that wait go on.
    async fn ddi_open(
        &self,
        peer: &DdiPeer,
        target: &Target,
        now: Timestamp,
    ) -> Result<Vec<Open>, StoreError> {
        let device = peer.device;
        let open = self.store.read(move |tx| Box::pin(async move { open(tx, device, now).await })).await?;
        let waits = |open: &Open| open.execution.agreed(now).is_some();
        if target.auto_confirm.is_none() || !open.iter().any(waits) {
            return Ok(open);
        }
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    agree(tx, device, now).await?;
                    self::open(tx, device, now).await
                })
            })
            .await
    }

    /// Asks a device to stop what it fetches and may never install any more. Gives what is open then.
    async fn ddi_lapse(
        &self,
        device: DeviceId,
        traits: &Traits,
        now: Timestamp,
    ) -> Result<Vec<Open>, StoreError> {
        let traits = traits.clone();
        self.store
            .write(move |tx| {
                let traits = traits.clone();
                Box::pin(async move {
                    lapse(tx, device, &traits, now).await?;
                    self::open(tx, device, now).await
                })
            })
            .await
    }

    fn ddi_sleep(&self, peer: &DdiPeer, stands: &[Stand], now: Timestamp) -> Duration {
        let settings = &peer.settings;
        let matches = |query: &String| {
            let scope = Some(query.clone());
            let those = Principal { scope, ..Principal::system(peer.tenant, "hawkbit") };
            self.fleet.is_visible(&those, peer.device)
        };
        let own = settings.polling.overrides.iter().find(|(query, _)| matches(query));
        let interval = own.map_or(settings.polling.base, |(_, interval)| *interval);
        let chance = if interval.jitter == 0 { 0 } else { chance(peer.device, now) };
        let window = nearest(stands, settings.window_polls);
        interval.sleep(window, settings.least_polling, chance, now)
    }

    /// When a device that polled at `last` should be here again, and from when on it is overdue.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ddi_expected(
        &self,
        tenant: TenantId,
        device: DeviceId,
        last: Timestamp,
    ) -> Result<(Timestamp, Timestamp), crate::AppError> {
        let settings = self.settings_of(tenant).await?;
        let next = self.ddi.contact(device).and_then(|contact| contact.next);
        let next = next.unwrap_or_else(|| last.plus(settings.polling.base.base));
        Ok((next, next.plus(settings.overdue)))
    }
}

/// A number for one device and hour: who asks again within it and knows the answer is told that nothing changed.
fn chance(device: DeviceId, now: Timestamp) -> u64 {
    let hour = now.micros().div_euclid(3_600_000_000);
    let drawn = Sha256::of(&[device.get().to_le_bytes(), hour.to_le_bytes()].concat());
    u64::from_le_bytes(std::array::from_fn(|index| drawn.as_bytes().get(index).copied().unwrap_or_default()))
}

fn next(stand: &Stand) -> Next {
    let (action, revision) = (stand.action, stand.revision());
    match (stand.waits, stand.canceling) {
        (true, false) => Next::Confirm { action, revision },
        (_, true) => Next::Cancel { action },
        (false, false) => Next::Deploy { action, revision },
    }
}

async fn lapse(tx: &mut Tx<'_>, device: DeviceId, traits: &Traits, now: Timestamp) -> Result<(), StoreError> {
    for lapsed in open(tx, device, now).await? {
        if !traits.stand(&lapsed, now).lapsed {
            continue;
        }
        let Open { execution, job } = &lapsed;
        // Who has the whole file and was last told to install may be at it.
        let has_all = execution.details.get(PHASE).is_some_and(|phase| phase == DOWNLOADED);
        if has_all && !table::served(tx, execution.id).await?.skip {
            continue;
        }
        let Some(asked) = execution.asked_to_cancel(&job.spec.timeouts, now) else { continue };
        if executions::update(tx, execution, &asked).await? {
            let text = format!("{NO_WINDOW_LEFT}; the device is asked to stop");
            table::status_insert(tx, &NewStatus::by_server(execution.id, "canceling", &text), now).await?;
        }
    }
    Ok(())
}

/// Lets the updates of a device go on that wait for somebody to agree, where somebody did in advance.
///
/// # Errors
/// When the store fails.
pub(crate) async fn agree_in_advance(
    tx: &mut Tx<'_>,
    device: DeviceId,
    now: Timestamp,
) -> Result<(), StoreError> {
    match table::target(tx, device).await?.auto_confirm {
        Some(_) => agree(tx, device, now).await,
        None => Ok(()),
    }
}

/// Lets the updates of a device go on that wait for somebody to agree.
pub(crate) async fn agree(tx: &mut Tx<'_>, device: DeviceId, now: Timestamp) -> Result<(), StoreError> {
    for Open { execution, .. } in open(tx, device, now).await? {
        let Some(agreed) = execution.agreed(now) else { continue };
        if executions::update(tx, &execution, &agreed).await? {
            let text = "confirmed by itself, as the device is set up";
            table::status_insert(tx, &NewStatus::by_server(execution.id, "running", text), now).await?;
        }
    }
    Ok(())
}

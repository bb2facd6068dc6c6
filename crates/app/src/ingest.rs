//! From a batch of device messages to durable facts: telemetry to its log, then state in one transaction per
//! device, then effects. An answer is given only when everything the message did is committed.
//!
//! Knows no sockets: a listener hands in a batch and carries out the outcomes in the same order.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use windlass_domain::device_type::TopicTarget;
use windlass_domain::event::Severity;
use windlass_domain::ids::DeviceId;
use windlass_domain::time::Timestamp;
use windlass_store::events::{NewEvent, event_record};
use windlass_store::{StoreError, Tx, devices, sessions};
use windlass_wire::topic::{DeviceTopic, Format, JobTopic, ProvisioningTopic, ShadowTopic, StreamTopic};

use crate::authorise::{self, Route};
use crate::message::{
    Acknowledgement, DevicePeer, Effects, Inbound, Outbound, Outcome, Peer, RequestContext, TopicRefusal,
};
use crate::telemetry::{Appended, Prepared};
use crate::{App, AppError, enrol, events, jobs, shadow, streams, telemetry};

/// What one message asks of the state.
#[derive(Debug, Clone)]
enum StateWork {
    Shadow(DeviceId, ShadowTopic),
    Jobs(DeviceId, JobTopic),
    Event(DeviceId),
    Log(DeviceId),
    /// Nothing but remembering the packet id of a QoS 2 publish.
    PacketIdOnly,
    /// A message refused for its content, kept as an event.
    Refusal(DeviceId, String),
    /// The first that is ever heard of a device that did not connect itself.
    FirstContact(DeviceId),
}

impl StateWork {
    /// Whom the message is about: the peer's own device, or a child of it.
    const fn subject(&self, own: DeviceId) -> DeviceId {
        match self {
            Self::Shadow(device, _)
            | Self::Jobs(device, _)
            | Self::Event(device)
            | Self::Log(device)
            | Self::Refusal(device, _)
            | Self::FirstContact(device) => *device,
            Self::PacketIdOnly => own,
        }
    }
}

/// What a message is, before anything is stored.
enum Sorted {
    State(StateWork),
    Telemetry(DeviceId, Format),
    Stream(DeviceId, StreamTopic),
    Provisioning(ProvisioningTopic),
    Refused(TopicRefusal),
}

fn sort(app: &App, inbound: &Inbound) -> Sorted {
    let route = authorise::publish(&inbound.peer, &inbound.client_id, &inbound.topic, app);
    let own = match &inbound.peer {
        Peer::Device(peer) => peer.device,
        Peer::Claim(_) | Peer::Application(_) => DeviceId::new(0),
    };
    match route {
        Err(refusal) => Sorted::Refused(refusal),
        Ok(Route::Provisioning(topic)) => Sorted::Provisioning(topic),
        Ok(Route::Mapped(TopicTarget::Telemetry)) => Sorted::Telemetry(own, Format::Json),
        Ok(Route::Mapped(TopicTarget::Event)) => Sorted::State(StateWork::Event(own)),
        Ok(Route::Mapped(TopicTarget::Log)) => Sorted::State(StateWork::Log(own)),
        Ok(Route::Device { device, topic }) => match topic {
            DeviceTopic::Shadow(topic) => Sorted::State(StateWork::Shadow(device, topic)),
            DeviceTopic::Jobs(topic) => Sorted::State(StateWork::Jobs(device, topic)),
            DeviceTopic::Stream(topic) => Sorted::Stream(device, topic),
            DeviceTopic::Provisioning(topic) => Sorted::Provisioning(topic),
            DeviceTopic::Telemetry { format, .. } => Sorted::Telemetry(device, format),
            DeviceTopic::Events { .. } => Sorted::State(StateWork::Event(device)),
            DeviceTopic::Logs { .. } => Sorted::State(StateWork::Log(device)),
        },
    }
}

/// One device's share of a batch, in order: position in the batch and what it asks.
type DeviceShare = Vec<(usize, StateWork)>;

impl App {
    /// Decides whether a peer may publish to a topic.
    ///
    /// # Errors
    /// Why not.
    pub fn authorise_publish(&self, peer: &Peer, client_id: &str, topic: &str) -> Result<(), TopicRefusal> {
        authorise::publish(peer, client_id, topic, self).map(drop)
    }

    /// Decides whether a peer may subscribe to a filter.
    pub fn authorise_filter(&self, peer: &Peer, filter: &str) -> bool {
        authorise::subscribe(peer, filter, self)
    }

    /// Makes a batch of messages durable and answers them: same length, same order. Messages of one device are
    /// carried out in their order; a failure of one device's share leaves the others' standing.
    pub async fn handle(&self, batch: Vec<Inbound>) -> Vec<Outcome> {
        let batch: Arc<[Inbound]> = batch.into();
        let mut outcomes: Vec<Outcome> = batch.iter().map(|_| Outcome::accepted(Vec::new())).collect();
        let mut points = Vec::new();
        let mut shares: BTreeMap<DeviceId, DeviceShare> = BTreeMap::new();
        let mut provisioning = Vec::new();
        let mut streamed = Vec::new();

        for (position, (inbound, outcome)) in batch.iter().zip(&mut outcomes).enumerate() {
            let mut state = None;
            match sort(self, inbound) {
                Sorted::State(work) => state = Some(work),
                Sorted::Refused(refusal) => *outcome = Outcome::rejected(refusal.to_string()),
                Sorted::Provisioning(topic) => provisioning.push((position, topic)),
                Sorted::Stream(device, topic) => streamed.push((position, device, topic)),
                Sorted::Telemetry(device, format) => match self.prepare_telemetry(inbound, device, format) {
                    Ok(prepared) => points.push((position, prepared)),
                    Err(refused) => {
                        if let Acknowledgement::PayloadRejected(problem) = &refused.acknowledgement {
                            state = Some(StateWork::Refusal(device, problem.clone()));
                        }
                        *outcome = refused;
                    }
                },
            }
            if let Peer::Device(peer) = &inbound.peer {
                let subject = match (&state, points.last()) {
                    (Some(work), _) => work.subject(peer.device),
                    (None, Some((of, prepared))) if *of == position => prepared.message.device,
                    (None, _) => peer.device,
                };
                let share = shares.entry(peer.device).or_default();
                if self.note_contact(peer.device, subject, inbound.received_at) {
                    share.push((position, StateWork::FirstContact(subject)));
                }
                if let Some(work) = state.or_else(|| inbound.qos2_id.map(|_| StateWork::PacketIdOnly)) {
                    share.push((position, work));
                }
            }
        }

        self.store_telemetry(&batch, points, &mut outcomes).await;
        // A message that was not stored must not have its packet id remembered: the id is free for another one.
        for share in shares.values_mut() {
            share.retain(|(position, work)| {
                !matches!(work, StateWork::PacketIdOnly)
                    || outcomes
                        .get(*position)
                        .is_some_and(|outcome| outcome.acknowledgement == Acknowledgement::Accepted)
            });
        }
        shares.retain(|_, share| !share.is_empty());
        let shares = shares.into_values().map(|share| self.carry_out(&batch, share));
        for (position, outcome) in join_all(shares).await.into_iter().flatten() {
            if let Some(slot) = outcomes.get_mut(position) {
                slot.replies.extend(outcome.replies);
                if slot.acknowledgement == Acknowledgement::Accepted
                    || matches!(outcome.acknowledgement, Acknowledgement::Unavailable(_))
                {
                    slot.acknowledgement = outcome.acknowledgement;
                }
            }
        }
        let answers = join_all(provisioning.iter().map(|(position, topic)| async {
            match batch.get(*position) {
                Some(Inbound { peer: Peer::Claim(peer), payload, received_at, .. }) => {
                    enrol::handle(self, peer, topic, payload, *received_at).await
                }
                Some(_) | None => Vec::new(),
            }
        }));
        for ((position, _), replies) in provisioning.iter().zip(answers.await) {
            if let Some(slot) = outcomes.get_mut(*position) {
                slot.replies = replies;
            }
        }
        let mut room = streams::AT_ONCE;
        for (position, device, topic) in streamed {
            // One after the other: blocks are held in memory until they are sent.
            if let (Some(slot), Some(inbound)) = (outcomes.get_mut(position), batch.get(position))
                && slot.acknowledgement == Acknowledgement::Accepted
            {
                slot.replies = streams::handle(self, device, &topic, inbound, &mut room).await;
            }
        }
        outcomes
    }

    /// Notes that a peer was heard, and whom it spoke for. True if nothing was ever heard of the subject.
    fn note_contact(&self, peer: DeviceId, subject: DeviceId, now: Timestamp) -> bool {
        self.live.seen(peer, now);
        if subject != peer {
            self.live.seen(subject, now);
        }
        self.fleet.entry(subject).is_some_and(|entry| entry.device.first_seen_at.is_none())
    }

    fn prepare_telemetry(
        &self,
        inbound: &Inbound,
        device: DeviceId,
        format: Format,
    ) -> Result<Prepared, Outcome> {
        if self.disk.is_low() {
            return Err(Outcome::unavailable(AppError::DiskFull.to_string()));
        }
        telemetry::prepare(self, device, &inbound.payload, format, inbound.received_at)
            .map_err(Outcome::rejected)
    }

    async fn store_telemetry(
        &self,
        batch: &[Inbound],
        points: Vec<(usize, Prepared)>,
        outcomes: &mut [Outcome],
    ) {
        if points.is_empty() {
            return;
        }
        let subjects: Vec<(usize, DeviceId)> =
            points.iter().map(|(position, prepared)| (*position, prepared.message.device)).collect();
        let prepared: Vec<Prepared> = points.into_iter().map(|(_, prepared)| prepared).collect();
        match self.append_telemetry(prepared).await {
            Ok(answers) => {
                for ((position, subject), answer) in subjects.into_iter().zip(answers) {
                    match answer {
                        Appended::Stored => {
                            if let Some(inbound) = batch.get(position) {
                                self.show_applications(inbound, subject);
                            }
                        }
                        Appended::TooManyMetrics { limit } => {
                            if let Some(outcome) = outcomes.get_mut(position) {
                                *outcome = Outcome::rejected(format!(
                                    "the device would have more than {limit} metrics; send fewer different names"
                                ));
                            }
                        }
                    }
                }
            }
            Err(error) => {
                tracing::error!(error = %crate::error::chain(&error), "telemetry could not be stored");
                for (position, _) in subjects {
                    if let Some(outcome) = outcomes.get_mut(position) {
                        *outcome = Outcome::unavailable(error.to_string());
                    }
                }
            }
        }
    }

    /// Runs one device's share of a batch in one transaction, then its effects.
    async fn carry_out(&self, batch: &Arc<[Inbound]>, share: DeviceShare) -> Vec<(usize, Outcome)> {
        let app = self.clone();
        let messages = Arc::clone(batch);
        let positions: Vec<usize> = share.iter().map(|(position, _)| *position).collect();
        let share: Arc<[(usize, StateWork)]> = share.into();
        let done = self
            .store
            .write(move |tx| {
                let (app, messages, share) = (app.clone(), Arc::clone(&messages), Arc::clone(&share));
                let work: BoxFuture<'_, Result<_, StoreError>> =
                    Box::pin(async move { share_in_transaction(&app, tx, &messages, &share).await });
                work
            })
            .await;
        match done {
            Ok(effects) => effects
                .into_iter()
                .map(|(position, subject, effects)| {
                    (position, self.after_commit(batch.get(position), subject, effects))
                })
                .collect(),
            Err(error) => {
                tracing::error!(
                    error = %crate::error::chain(&error),
                    "a device's messages could not be stored"
                );
                let sentence = error.to_string();
                positions
                    .into_iter()
                    .map(|position| (position, Outcome::unavailable(sentence.clone())))
                    .collect()
            }
        }
    }

    fn after_commit(&self, inbound: Option<&Inbound>, subject: DeviceId, effects: Effects) -> Outcome {
        let Effects { replies, broadcasts, wake, reconcile, observe: _, rejected } = effects;
        if let Some(Inbound { peer: Peer::Device(peer), .. }) = inbound {
            self.broadcast(peer, subject, broadcasts);
            if let Some(inbound) = inbound
                && replies.is_empty()
                && rejected.is_none()
            {
                self.show_applications(inbound, subject);
            }
        }
        for device in wake {
            self.wake_device(device);
        }
        if !reconcile.is_empty() {
            self.agenda.wake(reconcile.iter().copied());
            self.command_waits.jobs_changed(&reconcile);
        }
        match rejected {
            None => Outcome::accepted(replies),
            Some(problem) => Outcome { replies, ..Outcome::rejected(problem) },
        }
    }

    /// Notes that a device published where it may not, so that an operator can map the topic or mend the device.
    pub async fn topic_refused(&self, peer: &DevicePeer, topic: &str, refusal: &TopicRefusal) {
        let kind = match refusal {
            TopicRefusal::NotAuthorized => "topicRefused",
            TopicRefusal::Unmapped => "topicUnmapped",
        };
        let event = NewEvent {
            tenant: peer.tenant,
            device: peer.device,
            kind: kind.to_owned(),
            severity: Severity::Warning,
            detail: format!("published to {topic}: {refusal}"),
        };
        self.event_note(event, peer.name.as_str()).await;
    }

    /// Hands live-only messages about `subject` to its connections, to the peer's that spoke for it, and to the
    /// application clients that may see it.
    fn broadcast(&self, peer: &DevicePeer, subject: DeviceId, messages: Vec<Outbound>) {
        for message in messages {
            let message = Arc::new(message);
            self.hub.broadcast(peer.device, &message);
            if subject != peer.device {
                self.hub.broadcast(subject, &message);
            }
            self.show(peer, subject, &message);
        }
    }

    fn show_applications(&self, inbound: &Inbound, subject: DeviceId) {
        if let Peer::Device(peer) = &inbound.peer
            && self.hub.has_applications(peer.tenant)
            && inbound.topic.starts_with("devices/")
        {
            let message =
                Arc::new(Outbound { topic: inbound.topic.clone(), payload: inbound.payload.clone() });
            self.show(peer, subject, &message);
        }
    }

    fn show(&self, peer: &DevicePeer, subject: DeviceId, message: &Arc<Outbound>) {
        for (principal, link) in self.hub.applications(peer.tenant) {
            if self.fleet.is_visible(&principal, subject) {
                link.deliver(message);
            }
        }
    }
}

async fn share_in_transaction(
    app: &App,
    tx: &mut Tx<'_>,
    batch: &[Inbound],
    share: &[(usize, StateWork)],
) -> Result<Vec<(usize, DeviceId, Effects)>, StoreError> {
    let mut done = Vec::with_capacity(share.len());
    for (position, work) in share {
        let Some(inbound) = batch.get(*position) else { continue };
        let Peer::Device(peer) = &inbound.peer else { continue };
        if is_repetition(tx, peer, inbound).await? {
            done.push((*position, work.subject(peer.device), Effects::default()));
            continue;
        }
        let mut effects = one_in_transaction(app, tx, peer, inbound, work).await?;
        for (device, said) in std::mem::take(&mut effects.observe) {
            if app.fleet.may_show(device, &said) {
                jobs::versions::note(tx, device).await?;
            }
            let said = jobs::verify::JustSaid::Reported(&said);
            let seen = jobs::verify::observe(tx, device, said, inbound.received_at).await?;
            effects.absorb(seen);
        }
        let refused =
            effects.rejected.is_some() || matches!(work, StateWork::Refusal(..) | StateWork::FirstContact(_));
        if let Some(packet_id) = inbound.qos2_id.filter(|_| !refused) {
            sessions::open_qos2(tx, peer.device, &inbound.client_id, packet_id, inbound.received_at).await?;
        }
        done.push((*position, work.subject(peer.device), effects));
    }
    Ok(done)
}

/// Whether a QoS 2 publish was stored before and not released yet: it is acknowledged again and nothing more.
async fn is_repetition(tx: &mut Tx<'_>, peer: &DevicePeer, inbound: &Inbound) -> Result<bool, StoreError> {
    match inbound.qos2_id {
        Some(packet_id) => {
            sessions::is_open(tx, peer.device, &inbound.client_id, packet_id, inbound.received_at).await
        }
        None => Ok(false),
    }
}

async fn one_in_transaction(
    app: &App,
    tx: &mut Tx<'_>,
    peer: &DevicePeer,
    inbound: &Inbound,
    work: &StateWork,
) -> Result<Effects, StoreError> {
    let context = |device, thing| RequestContext {
        app,
        peer,
        device,
        thing,
        payload: &inbound.payload,
        now: inbound.received_at,
    };
    match work {
        StateWork::Shadow(device, topic) => shadow::handle(tx, &context(*device, &topic.thing), topic).await,
        StateWork::Jobs(device, topic) => {
            jobs::device::handle(tx, &context(*device, &topic.thing), topic).await
        }
        StateWork::Event(device) => events::from_device(tx, &context(*device, peer.name.as_str())).await,
        StateWork::Log(device) => events::log_from_device(tx, &context(*device, peer.name.as_str())).await,
        StateWork::PacketIdOnly => Ok(Effects::default()),
        StateWork::FirstContact(device) => {
            devices::device_seen(tx, *device, inbound.received_at).await?;
            Ok(Effects::default())
        }
        StateWork::Refusal(device, problem) => {
            let event = NewEvent {
                tenant: peer.tenant,
                device: *device,
                kind: "payloadRejected".to_owned(),
                severity: Severity::Warning,
                detail: format!("a message on {} was rejected: {problem}", inbound.topic),
            };
            event_record(tx, &event, inbound.received_at).await?;
            Ok(Effects::default())
        }
    }
}

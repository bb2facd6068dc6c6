//! What a connection asked for and may not have, told to those who look for it: refused topics and filters.
//!
//! Decides nothing: the session has answered its client already.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use windlass_app::message::{Peer, TopicRefusal};
use windlass_app::refusals::{Cause, Claimed, Owner, Refused, Stage};

use super::Connection;
use crate::mqtt::packet::reason;
use crate::mqtt::session::Unwanted;

/// How often a connection notes that a publish was refused, at most.
const REFUSALS_EVERY_MS: u64 = 10_000;

impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    pub(super) fn note_unwanted(&mut self, unwanted: Vec<Unwanted>) {
        let mut causes: Vec<(Cause, u32)> = Vec::new();
        let mut event = None;
        for Unwanted { topic, refusal, bytes } in unwanted {
            if let (Peer::Device(device), Some(TopicRefusal::Unmapped)) = (&self.parts.peer, &refusal) {
                self.core.app.unmapped(device, &self.parts.client_id, &topic, bytes);
            }
            if event.is_none() {
                event = Some((topic.clone(), refusal.clone().unwrap_or(TopicRefusal::NotAuthorized)));
            }
            let cause = match refusal {
                Some(refusal) => Cause::Topic(topic, refusal),
                None => Cause::BadTopic(topic),
            };
            match causes.iter_mut().find(|(have, _)| have.code() == cause.code()) {
                Some((have, count)) => {
                    *have = cause;
                    *count += 1;
                }
                None => causes.push((cause, 1)),
            }
        }
        for (cause, count) in causes {
            self.core.app.refused(Refused { count, ..self.refused(Stage::Publish, cause) });
        }
        if let Some((topic, refusal)) = event {
            self.note_refusal(topic, refusal);
        }
    }

    pub(super) fn note_filter(&self, filter: String, code: u8) {
        let cause = match code {
            reason::NOT_AUTHORIZED => Cause::Filter(filter),
            reason::QUOTA => Cause::TooManySubscriptions(filter),
            _ => Cause::BadFilter(filter),
        };
        self.core.app.refused(self.refused(Stage::Subscribe, cause));
    }

    fn refused(&self, stage: Stage, cause: Cause) -> Refused {
        Refused {
            stage,
            cause,
            address: self.parts.address,
            protocol: Some(self.parts.protocol),
            claimed: Claimed { client_id: Some(self.parts.client_id.to_string()), ..Claimed::default() },
            owner: Some(Owner::of(&self.parts.peer)),
            count: 1,
        }
    }

    // Operators see that a device uses a topic that nothing maps; once in a while is enough.
    fn note_refusal(&mut self, topic: String, refusal: TopicRefusal) {
        let Peer::Device(device) = &self.parts.peer else { return };
        let now = self.core.now();
        if self.refusal_noted.is_some_and(|noted| now.saturating_sub(noted) < REFUSALS_EVERY_MS) {
            return;
        }
        self.refusal_noted = Some(now);
        let (core, device) = (Arc::clone(&self.core), Arc::clone(device));
        self.core.tasks.spawn(async move { core.app.topic_refused(&device, &topic, &refusal).await });
    }
}

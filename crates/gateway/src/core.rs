//! What all connections share, and the one task that looks after them: keep-alive, expiry, late wills.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use windlass_app::App;
use windlass_app::connections::{Abandoned, SavedWill};
use windlass_app::hub::{CloseReason, Link};
use windlass_app::message::{DevicePeer, Inbound, Peer};
use windlass_app::refusals::{Cause, Claimed, Refused, Stage};
use windlass_app::tasks::Tasks;
use windlass_domain::limits::Limits;

use crate::ddi::Ddi;
use crate::ingest::{Delivery, Ingest};
use crate::metrics::Metrics;
use crate::mqtt::link::Links;
use crate::mqtt::packet::Will;
use crate::mqtt::wills::{Late, Wills};
use crate::rate::Rates;

/// How often the sweeper looks.
const SWEEP: Duration = Duration::from_millis(500);

/// Shared by all connections of a gateway.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) app: App,
    pub(crate) limits: Arc<Limits>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ingest: Ingest,
    pub(crate) rates: Rates,
    pub(crate) links: Links,
    pub(crate) wills: Wills,
    pub(crate) ddi: Ddi,
    pub(crate) files: crate::http::links::Links,
    pub(crate) tasks: Tasks,
    started: Instant,
}

impl Core {
    /// Starts the ingest shards and the sweeper on `tasks`.
    pub(crate) fn start(app: App, metrics: Arc<Metrics>, tasks: Tasks) -> Arc<Self> {
        let core = Arc::new(Self {
            limits: Arc::new(app.limits.clone()),
            ingest: Ingest::start(&app, &metrics, &tasks),
            rates: Rates::new(&app.limits),
            links: Links::default(),
            wills: Wills::default(),
            ddi: Ddi::new(app.clone()),
            files: crate::http::links::Links::new(app.clone()),
            started: Instant::now(),
            app,
            metrics,
            tasks,
        });
        core.tasks.spawn(sweep(Arc::clone(&core)));
        core
    }

    /// Told when the gateway ends.
    pub(crate) const fn stop(&self) -> &CancellationToken {
        self.tasks.stop()
    }

    /// Milliseconds since the gateway started.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Publishes a will if its device may still do so. Nobody waits for the outcome; the message is kept like any
    /// other once it is queued.
    pub(crate) fn publish_will(self: &Arc<Self>, peer: &Arc<DevicePeer>, client_id: &Arc<str>, will: Will) {
        let Will { topic, payload, delay: _, retain: _ } = will;
        let peer = Peer::Device(Arc::clone(peer));
        if self.app.authorise_publish(&peer, client_id, &topic).is_err() {
            self.metrics.refused_topics.one();
            return;
        }
        let message = Inbound {
            peer: peer.clone(),
            client_id: Arc::clone(client_id),
            topic,
            payload,
            received_at: self.app.clock.now(),
            qos2_id: None,
            largest_reply: usize::MAX,
        };
        let delivery = Delivery { messages: vec![message], to: None };
        if let Err(delivery) = self.ingest.try_give(&peer, delivery) {
            self.tasks.spawn(self.ingest.give(&peer, delivery));
        }
    }

    /// Keeps and says once, at info, that somebody did not get in; finds out whose device it may be.
    pub(crate) async fn refuse(&self, refused: Refused) {
        self.log_refusal(&refused);
        self.app.refused_stranger(refused).await;
    }

    /// As [`Core::refuse`], where nothing is known that could be looked up, or nobody can wait.
    pub(crate) fn refuse_now(&self, refused: Refused) {
        self.log_refusal(&refused);
        self.app.refused(refused);
    }

    fn log_refusal(&self, refused: &Refused) {
        let (identity, why) = self.app.refusals.sentence(refused, self.app.clock.now());
        tracing::info!(
            peer.address = %refused.address,
            peer.identity = %printable(&identity),
            refusal.code = refused.cause.code(),
            reason = %printable(&why),
            "a connection was refused"
        );
    }
}

/// A refusal of somebody of whom nothing is known but the address.
pub(crate) fn unknown(address: SocketAddr, cause: Cause) -> Refused {
    Refused {
        stage: Stage::Tls,
        cause,
        address,
        protocol: None,
        claimed: Claimed::default(),
        owner: None,
        count: 1,
    }
}

/// An error with all that caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        chain.push_str(": ");
        chain.push_str(&error.to_string());
        cause = error.source();
    }
    chain
}

/// What strangers say, fit for a log line.
pub(crate) fn printable(text: &str) -> String {
    let mut printable: String = text.chars().take(160).flat_map(char::escape_debug).collect();
    if text.chars().nth(160).is_some() {
        printable.push('…');
    }
    printable
}

/// Sessions that the last run left connected begin to expire; their wills are published, since their connections
/// are lost. Must run before anybody can connect.
pub(crate) async fn adopt_sessions(core: &Core) {
    let abandoned = match core.app.sessions_abandoned().await {
        Ok(abandoned) => abandoned,
        Err(error) => {
            tracing::error!(error = %chain(&error), "sessions of the last run could not be read; they stay as they are");
            return;
        }
    };
    for Abandoned { device, client_id, session } in abandoned {
        let Some(SavedWill { topic, payload, delay_seconds }) = session.will else { continue };
        let will = Will { topic, payload: payload.into(), delay: delay_seconds, retain: false };
        match core.app.peer_of_device(device).await {
            Ok(Some(peer)) => {
                let wait = u64::from(delay_seconds.min(session.expiry_seconds)) * 1_000;
                let late = Late { peer: Arc::new(peer), client_id: client_id.into(), will };
                drop(core.wills.keep(late, core.now() + wait));
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(error = %chain(&error), "a will of the last run could not be published")
            }
        }
    }
}

async fn sweep(core: Arc<Core>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = core.stop().cancelled() => break,
            _ = ticks.tick() => {}
        }
        let (now, time) = (core.now(), core.app.clock.now());
        core.links.each(|link| link.sweep(now, time));
        core.rates.tidy(now);
        for Late { peer, client_id, will } in core.wills.due(now) {
            core.publish_will(&peer, &client_id, will);
        }
    }
    core.links.each(|link| link.close(CloseReason::ShuttingDown));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_say_cannot_break_a_log_line() {
        assert_eq!(printable("pump\n\u{1b}[31mroot"), "pump\\n\\u{1b}[31mroot");
        assert_eq!(printable(&"x".repeat(500)).chars().count(), 161);
    }
}

//! One simulated device: connects, reports, measures, obeys its shadow, carries out updates and commands, comes back.
//!
//! One task, no shared state but counters. Knows no protocol but the topics it uses.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustls::ClientConfig;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::job::{self};
use super::mqtt::{Client, Endpoint, Hello, Incoming, Lost};
use super::profile::Readings;

mod readings;
mod settings;
mod work;

use readings::{InFlight, due};
use work::Work;

/// A device that has its identity and is ready to run.
pub(super) struct Device {
    shared: Arc<Shared>,
    number: u64,
    name: String,
    tls: Arc<ClientConfig>,
    endpoint: Endpoint,
    version: String,
    settings: Map<String, Value>,
    started: Instant,
    /// What it did lately, with the seconds since its start.
    log: VecDeque<String>,
    readings: Readings,
    /// The time of the last reading, where history is made up.
    history_millis: Option<i64>,
    random: StdRng,
    /// Sent but not acknowledged; sent again on the next connection.
    unacknowledged: VecDeque<Bytes>,
    /// To be said after a restart that followed an installation.
    to_confirm: Option<(String, String)>,
    storms: tokio::sync::watch::Receiver<u64>,
}

/// What ended a connection.
enum End {
    /// The run is over.
    Stopped,
    /// The device restarts after an installation.
    Restart,
    /// It restarts and never comes back.
    Gone,
    /// Something else broke it.
    Lost(Lost),
}

/// Lines of its log that a device remembers.
const LOG_LINES: usize = 100;

impl Device {
    pub(super) fn new(shared: Arc<Shared>, number: u64, name: String, tls: Arc<ClientConfig>) -> Self {
        let options = &shared.options;
        let endpoint = shared.endpoint_of(number);
        Self {
            number,
            name,
            tls,
            endpoint,
            version: options.firmware.clone(),
            settings: Map::new(),
            started: Instant::now(),
            log: VecDeque::new(),
            history_millis: options
                .backfill
                .map(|span| shared.now_millis() - i64::try_from(span.as_millis()).unwrap_or(0)),
            readings: Readings::new(options.profile, options.seed, number),
            random: StdRng::seed_from_u64(options.seed.wrapping_add(number)),
            unacknowledged: VecDeque::new(),
            to_confirm: None,
            storms: shared.storms.subscribe(),
            shared,
        }
    }

    /// Runs until told to stop or gone for good.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut failures = 0_u32;
        loop {
            let started = Instant::now();
            let end = match self.connect().await {
                Ok(client) => {
                    failures = 0;
                    self.shared.counters.connected.one();
                    self.shared.connecting.record(started.elapsed());
                    self.shared.online.add(1);
                    let end = Box::pin(self.session(client, &stop)).await;
                    self.shared.online.sub(1);
                    end
                }
                Err(lost) => End::Lost(lost),
            };
            let pause = match end {
                End::Stopped | End::Gone => return,
                End::Restart => {
                    self.started = Instant::now();
                    self.log.clear();
                    self.shared.options.restart
                }
                End::Lost(lost) => {
                    self.shared.counters.lost.one();
                    self.shared.remember(&self.name, &lost);
                    failures = failures.saturating_add(1);
                    self.backoff(failures)
                }
            };
            let stopped = stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none();
            if stopped {
                return;
            }
        }
    }

    /// Full jitter, so that a fleet that lost its server does not come back in one wave.
    fn backoff(&mut self, failures: u32) -> Duration {
        let ceiling = Duration::from_millis(200) * 2_u32.saturating_pow(failures.min(8));
        ceiling.min(Duration::from_secs(20)).mul_f64(self.random.random::<f64>())
    }

    async fn connect(&self) -> Result<Client, Lost> {
        let options = &self.shared.options;
        let hello = Hello {
            protocol: options.protocol,
            client_id: self.name.clone(),
            clean: options.clean,
            keep_alive: options.keep_alive,
        };
        let _permit = self.shared.handshakes.acquire().await;
        let (client, _) = Client::connect(&self.endpoint, &self.tls, &hello, Duration::from_secs(60)).await?;
        Ok(client)
    }

    async fn session(&mut self, mut client: Client, stop: &CancellationToken) -> End {
        match self.converse(&mut client, stop).await {
            Ok(end @ (End::Restart | End::Gone | End::Stopped)) => {
                client.disconnect().await;
                end
            }
            Ok(end) => end,
            Err(lost) => End::Lost(lost),
        }
    }

    async fn converse(&mut self, client: &mut Client, stop: &CancellationToken) -> Result<End, Lost> {
        let mut in_flight = InFlight::default();
        let end = self.serve(client, stop, &mut in_flight).await;
        self.unacknowledged.extend(in_flight.sent.into_values().map(|(_, payload)| payload));
        end
    }

    async fn serve(
        &mut self,
        client: &mut Client,
        stop: &CancellationToken,
        in_flight: &mut InFlight,
    ) -> Result<End, Lost> {
        let manages = self.shared.options.manages;
        if manages {
            self.introduce(client)?;
        }
        let mut work = Work::Idle;
        let mut next_reading = self.first_reading();
        self.storms.mark_unchanged();
        loop {
            while in_flight.sent.len() < self.shared.options.window && !self.unacknowledged.is_empty() {
                if let Some(payload) = self.unacknowledged.pop_front() {
                    self.send_readings(client, in_flight, payload)?;
                }
            }
            let may_measure = in_flight.sent.len() < self.shared.options.window;
            tokio::select! {
                biased;
                () = stop.cancelled() => {
                    self.settle(client, in_flight).await;
                    return Ok(End::Stopped);
                }
                incoming = client.next() => match incoming? {
                    Incoming::Acknowledged { id, refused } => self.acknowledged(in_flight, id, refused),
                    Incoming::Message { topic, payload } => {
                        self.message(client, &mut work, &topic, &payload)?;
                    }
                    Incoming::Subscribed { refused: 0 } | Incoming::Connected { .. } => {}
                    Incoming::Subscribed { refused } => {
                        return Err(Lost::Refused(format!("{refused} subscriptions were refused")));
                    }
                },
                done = work.step() => {
                    if let Some(end) = self.worked(client, &mut work, done)? {
                        client.flush().await?;
                        self.settle(client, in_flight).await;
                        return Ok(end);
                    }
                }
                () = due(next_reading), if may_measure => {
                    let options = &self.shared.options;
                    let step = i64::try_from(options.spacing.as_millis()).unwrap_or(1_000).max(1);
                    let batch = options.batch;
                    let now = self.reading_time(batch, step);
                    let payload = self.readings.message(batch, now, step);
                    self.send_readings(client, in_flight, payload)?;
                    next_reading = self.reading_after(next_reading);
                }
                changed = self.storms.changed() => {
                    return match changed {
                        Ok(()) => Err(Lost::Broken("a storm cut the line".to_owned())),
                        Err(_) => Ok(End::Stopped),
                    };
                }
            }
        }
    }

    /// Subscribes, reports what runs, asks for work.
    fn introduce(&mut self, client: &mut Client) -> Result<(), Lost> {
        let things = format!("$aws/things/{}", self.name);
        client.subscribe(&[
            format!("{things}/shadow/update/delta"),
            format!("{things}/jobs/notify-next"),
            format!("{things}/jobs/start-next/accepted"),
            format!("{things}/jobs/+/update/rejected"),
        ])?;
        self.note("connected");
        let reported = json!({ "firmware": { "version": self.version }, "settings": self.settings });
        self.report_shadow(client, reported)?;
        if let Some((job, version)) = self.to_confirm.take() {
            let details = [("phase", "verifying"), ("progress", "100"), ("version", version.as_str())];
            self.report_job(client, &job, "SUCCEEDED", &details)?;
            self.shared.counters.succeeded.one();
        }
        client.publish(&format!("{things}/jobs/start-next"), Bytes::from_static(b"{}"), 1)?;
        Ok(())
    }

    fn message(
        &mut self,
        client: &mut Client,
        work: &mut Work,
        topic: &str,
        payload: &[u8],
    ) -> Result<(), Lost> {
        let Ok(document) = serde_json::from_slice::<Value>(payload) else { return Ok(()) };
        let operation = topic.rsplit_once(&format!("{}/", self.name)).map_or("", |(_, operation)| operation);
        match operation {
            "shadow/update/delta" => self.obey(client, &document),
            "jobs/notify-next" if matches!(work, Work::Idle) && document.get("execution").is_some() => {
                let topic = format!("$aws/things/{}/jobs/start-next", self.name);
                client.publish(&topic, Bytes::from_static(b"{}"), 1)?;
                Ok(())
            }
            "jobs/start-next/accepted" if matches!(work, Work::Idle) => match job::execution(&document) {
                Some(execution) => self.take_on(client, work, execution),
                None => Ok(()),
            },
            _ if operation.ends_with("/update/rejected") => {
                // Canceled or removed under way: the server's word is final. What comes next may have been announced
                // while this one was at work, so it is asked for.
                let was_idle = matches!(work, Work::Idle);
                *work = Work::Idle;
                if was_idle {
                    return Ok(());
                }
                let next = format!("$aws/things/{}/jobs/start-next", self.name);
                client.publish(&next, Bytes::from_static(b"{}"), 1).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Notes what it does; the oldest is forgotten.
    fn note(&mut self, what: &str) {
        if self.log.len() >= LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(format!("[{:>6}] {what}", self.started.elapsed().as_secs()));
    }
}

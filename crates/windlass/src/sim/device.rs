//! One simulated device: connects, reports, measures, obeys its shadow, carries out updates and commands, comes back.
//!
//! One task, no shared state but counters. What it decides about firmware is in [`super::firmware`], what it answers to
//! commands in [`super::command`].

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustls::ClientConfig;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use windlass_domain::job::command::{EXIT_CODE, OUTPUT};

use super::command::{self, Answer, Facts};
use super::firmware::{self, Fate};
use super::job::{self, Downloaded, Execution, Task};
use super::mqtt::{Client, Endpoint, Hello, Incoming, Lost};
use super::profile::Readings;
use super::{Pace, Shared};

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

/// What goes on inside the device beside its connection.
enum Work {
    Idle,
    Downloading { execution: Execution, version: String, download: Boxed<anyhow::Result<Downloaded>> },
    Installing { execution: Execution, version: String, fate: Fate, done: Boxed<()> },
    Restarting,
}

/// Lines of its log that a device remembers.
const LOG_LINES: usize = 100;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Messages in flight on one connection.
#[derive(Default)]
struct InFlight {
    sent: BTreeMap<u16, (Instant, Bytes)>,
}

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

    /// Applies what the operator wants and says so.
    fn obey(&mut self, client: &mut Client, delta: &Value) -> Result<(), Lost> {
        let Some(state) = delta.get("state").and_then(Value::as_object) else { return Ok(()) };
        if let Some(settings) = state.get("settings") {
            merge(&mut self.settings, settings);
        }
        self.shared.counters.deltas.one();
        // Everything but the firmware, which only an installation changes.
        let mut reported = state.clone();
        reported.remove("firmware");
        if reported.is_empty() { Ok(()) } else { self.report_shadow(client, Value::Object(reported)) }
    }

    /// Notes what it does; the oldest is forgotten.
    fn note(&mut self, what: &str) {
        if self.log.len() >= LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(format!("[{:>6}] {what}", self.started.elapsed().as_secs()));
    }

    fn obey_command(&mut self, client: &mut Client, job: &str, answer: Answer) -> Result<Work, Lost> {
        match answer {
            Answer::Ran { exit_code, output, restarts } => {
                let (status, counter) = if exit_code == 0 {
                    ("SUCCEEDED", &self.shared.counters.succeeded)
                } else {
                    ("FAILED", &self.shared.counters.failed)
                };
                counter.one();
                let code = exit_code.to_string();
                let details = [(EXIT_CODE, code.as_str()), (OUTPUT, output.as_str())];
                self.report_job(client, job, status, &details)?;
                Ok(if restarts { Work::Restarting } else { Work::Idle })
            }
            Answer::Rejected(reason) => {
                self.shared.counters.failed.one();
                self.report_job(client, job, "REJECTED", &[("reason", &reason)])?;
                Ok(Work::Idle)
            }
        }
    }

    fn take_on(&mut self, client: &mut Client, work: &mut Work, execution: Execution) -> Result<(), Lost> {
        self.shared.counters.jobs.one();
        match execution.task.clone() {
            Task::Command { command, arguments, expires } => {
                self.note(&format!("job {}: {command}", execution.job));
                let facts = Facts {
                    uptime: self.started.elapsed(),
                    version: &self.version,
                    log: self.log.make_contiguous(),
                    now: self.shared.now_millis().div_euclid(1_000),
                };
                let answer = command::answer(&command, &arguments, expires, facts);
                *work = self.obey_command(client, &execution.job, answer)?;
                Ok(())
            }
            Task::Update { version, artifacts } => {
                self.note(&format!("job {}: installs {version}", execution.job));
                let details = [("phase", "downloading"), ("progress", "0")];
                self.report_job(client, &execution.job, "IN_PROGRESS", &details)?;
                let download = Box::pin(job::download(self.shared.http.clone(), artifacts));
                *work = Work::Downloading { execution, version, download };
                Ok(())
            }
            Task::Unknown(operation) => {
                self.shared.counters.failed.one();
                let reason = format!("this device cannot do {operation}");
                self.report_job(client, &execution.job, "REJECTED", &[("reason", &reason)])
            }
        }
    }

    fn worked(&mut self, client: &mut Client, work: &mut Work, done: Done) -> Result<Option<End>, Lost> {
        match (std::mem::replace(work, Work::Idle), done) {
            (Work::Downloading { execution, version, .. }, Done::Downloaded(Ok(downloaded))) => {
                self.shared.counters.downloaded.add(downloaded.bytes);
                let options = &self.shared.options;
                let fate =
                    firmware::fate(options.seed, self.number, &version, downloaded.quality, options.trouble);
                let details = [("phase", "installing"), ("progress", "100")];
                self.report_job(client, &execution.job, "IN_PROGRESS", &details)?;
                let done = Box::pin(tokio::time::sleep(self.shared.options.install));
                *work = Work::Installing { execution, version, fate, done };
                Ok(None)
            }
            (Work::Downloading { execution, .. }, Done::Downloaded(Err(error))) => {
                self.fail(client, &execution, &format!("{error:#}"))?;
                Ok(None)
            }
            (Work::Installing { execution, version, fate, .. }, Done::Installed) => match fate {
                Fate::Fails => {
                    self.fail(client, &execution, &format!("{version} does not start on this hardware"))?;
                    Ok(None)
                }
                Fate::Succeeds => {
                    self.report_job(client, &execution.job, "IN_PROGRESS", &[("phase", "rebooting")])?;
                    self.version.clone_from(&version);
                    self.to_confirm = Some((execution.job, version));
                    Ok(Some(End::Restart))
                }
                Fate::FallsBack => {
                    // Says that all went well, but starts the old version again.
                    let details = [("phase", "rebooting"), ("version", version.as_str())];
                    self.report_job(client, &execution.job, "SUCCEEDED", &details)?;
                    self.shared.counters.succeeded.one();
                    Ok(Some(End::Restart))
                }
                Fate::NeverReturns => {
                    self.report_job(client, &execution.job, "IN_PROGRESS", &[("phase", "rebooting")])?;
                    Ok(Some(End::Gone))
                }
            },
            (Work::Restarting, Done::Restarted) => Ok(Some(End::Restart)),
            // The work was given up while its last step ended.
            (_, _) => Ok(None),
        }
    }

    fn fail(&self, client: &mut Client, execution: &Execution, reason: &str) -> Result<(), Lost> {
        self.shared.counters.failed.one();
        self.report_job(
            client,
            &execution.job,
            "FAILED",
            &[("reason", reason), ("version", self.version.as_str())],
        )
    }

    fn report_job(
        &self,
        client: &mut Client,
        job: &str,
        status: &str,
        details: &[(&str, &str)],
    ) -> Result<(), Lost> {
        let topic = format!("$aws/things/{}/jobs/{job}/update", self.name);
        client.publish(&topic, Bytes::from(job::report(status, details).to_string()), 1)?;
        Ok(())
    }

    fn report_shadow(&self, client: &mut Client, reported: Value) -> Result<(), Lost> {
        let topic = format!("$aws/things/{}/shadow/update", self.name);
        let body = json!({ "state": { "reported": reported } });
        client.publish(&topic, Bytes::from(body.to_string()), 1)?;
        Ok(())
    }

    fn send_readings(
        &self,
        client: &mut Client,
        in_flight: &mut InFlight,
        payload: Bytes,
    ) -> Result<(), Lost> {
        let topic = self.shared.options.topic.replace("{name}", &self.name);
        let id = client.publish(&topic, payload.clone(), self.shared.options.qos)?;
        self.shared.counters.published.one();
        if let Some(id) = id {
            in_flight.sent.insert(id, (Instant::now(), payload));
        }
        Ok(())
    }

    fn acknowledged(&self, in_flight: &mut InFlight, id: u16, refused: Option<String>) {
        // Other ids belong to shadow and job messages.
        if let Some((sent, _)) = in_flight.sent.remove(&id) {
            self.shared.acknowledging.record(sent.elapsed());
            match refused {
                None => {
                    self.shared.counters.acknowledged.one();
                    self.shared.counters.points.add(self.shared.points_per_message());
                }
                Some(reason) => {
                    self.shared.counters.refused.one();
                    self.shared.remember(&self.name, &Lost::Refused(reason));
                }
            }
        }
    }

    /// Waits a moment for what is still unacknowledged, so that a run that ends has fair counts.
    async fn settle(&self, client: &mut Client, in_flight: &mut InFlight) {
        let patience = Instant::now() + Duration::from_secs(5);
        while !in_flight.sent.is_empty() {
            let Ok(Ok(incoming)) = tokio::time::timeout_at(patience, client.next()).await else { return };
            if let Incoming::Acknowledged { id, refused } = incoming {
                self.acknowledged(in_flight, id, refused);
            }
        }
    }

    /// When the last reading of the next message is taken.
    fn reading_time(&mut self, batch: usize, step: i64) -> i64 {
        match &mut self.history_millis {
            None => self.shared.now_millis(),
            Some(last) => {
                *last += i64::try_from(batch).unwrap_or(1) * step;
                *last
            }
        }
    }

    /// Devices do not measure in step with each other.
    fn first_reading(&mut self) -> Option<Instant> {
        match self.interval() {
            Pace::Silent => None,
            Pace::Unbounded => Some(Instant::now()),
            Pace::Every(interval) => Some(Instant::now() + interval.mul_f64(self.random.random::<f64>())),
        }
    }

    fn reading_after(&self, last: Option<Instant>) -> Option<Instant> {
        match self.interval() {
            Pace::Silent => None,
            Pace::Unbounded => last,
            // Readings that could not be sent in time are not made up for.
            Pace::Every(interval) => last.map(|last| (last + interval).max(Instant::now())),
        }
    }

    /// The operator's word first, then the run's.
    fn interval(&self) -> Pace {
        match self.settings.get("intervalSeconds").and_then(Value::as_f64) {
            Some(seconds) if seconds >= 0.05 && self.shared.options.manages => {
                Pace::Every(Duration::from_secs_f64(seconds.min(86_400.0)))
            }
            _ => self.shared.options.pace,
        }
    }
}

/// A step of [`Work`] that came to its end.
enum Done {
    Downloaded(anyhow::Result<Downloaded>),
    Installed,
    Restarted,
}

impl Work {
    async fn step(&mut self) -> Done {
        match self {
            Self::Idle => std::future::pending().await,
            Self::Restarting => Done::Restarted,
            Self::Downloading { download, .. } => Done::Downloaded(download.as_mut().await),
            Self::Installing { done, .. } => {
                done.as_mut().await;
                Done::Installed
            }
        }
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Lays `wanted` over `settings`; `null` takes a setting away.
fn merge(settings: &mut Map<String, Value>, wanted: &Value) {
    let Some(wanted) = wanted.as_object() else { return };
    for (key, value) in wanted {
        if value.is_null() {
            settings.remove(key);
        } else {
            settings.insert(key.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanted_settings_are_laid_over_the_old_ones_and_null_removes() {
        let mut settings = Map::new();
        merge(&mut settings, &json!({ "intervalSeconds": 5, "mode": "eco" }));
        merge(&mut settings, &json!({ "mode": null, "limit": 3 }));
        assert_eq!(Value::Object(settings), json!({ "intervalSeconds": 5, "limit": 3 }));
    }

    #[test]
    fn settings_that_are_no_object_change_nothing() {
        let mut settings = Map::new();
        merge(&mut settings, &json!([1, 2]));
        assert!(settings.is_empty());
    }
}

//! Files over MQTT (device API contract, part 5): a stream is what an open execution of the device installs, named by its job.
//! Answers come from the store and the blobs, outside of any transaction.
//!
//! Knows no MQTT. How much a device may ask for is bounded here, besides the rate of its messages.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::Instant;
use windlass_domain::device::Device;
use windlass_domain::ids::{DeviceId, JobId};
use windlass_domain::job::{Execution, Job, What};
use windlass_domain::software::{Artifact, Release};
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, devices, executions, jobs, releases};
use windlass_wire::streams::{
    self as wire, Envelope, ErrorCode, GetBlocks, Refused, StreamFile, StreamRequest,
};
use windlass_wire::topic::StreamTopic;

use crate::App;
use crate::downloads::Account;
use crate::links::allowed;
use crate::message::{Inbound, Outbound};

/// What is installed does not change, so that every stream stays at its first version.
const VERSION: i64 = 1;
/// Bytes a second that a device gets over MQTT, and how many at once after a silence.
const RATE: u64 = 1024 * 1024;
const BURST: Duration = Duration::from_secs(4);
/// Bytes that all requests which came together are answered with: they are read before anybody's next message is looked at,
/// and are in memory until the last of them is.
pub(crate) const AT_ONCE: u64 = 8 * 1024 * 1024;
/// Most devices whose rate is remembered; those that rest are forgotten first.
const DEVICES: usize = 50_000;
/// Most bytes of a PUBLISH beside its topic and its payload: header and length, length of the topic, packet id, properties.
const PACKET: usize = 5 + 2 + 2 + 1;

/// When each device's bytes are paid off.
#[derive(Debug, Default)]
pub(crate) struct StreamRates(Mutex<HashMap<DeviceId, Instant>>);

impl StreamRates {
    /// Takes so many bytes; false while too many were taken before.
    fn take(&self, device: DeviceId, bytes: u64, now: Instant) -> bool {
        let mut paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paid.len() >= DEVICES {
            paid.retain(|_, until| *until > now);
        }
        let until = paid.get(&device).copied().filter(|until| *until > now).unwrap_or(now);
        if until - now > BURST {
            return false;
        }
        paid.insert(device, until + Duration::from_millis(bytes.saturating_mul(1_000) / RATE));
        true
    }
}

/// What a stream holds for a device now.
struct Stream {
    execution: Execution,
    job: Job,
    device: Device,
    release: Release,
}

impl Stream {
    /// Its files, in the order of the job's document.
    fn files(&self) -> impl Iterator<Item = &Artifact> {
        self.release.components.iter().flat_map(|component| &component.artifacts)
    }
}

fn refuse(code: ErrorCode, message: impl Into<String>) -> Refused {
    Refused { code, message: message.into() }
}

async fn find(
    tx: &mut Tx<'_>,
    device: DeviceId,
    id: &str,
    now: Timestamp,
) -> Result<Result<Stream, Refused>, StoreError> {
    let none = || {
        refuse(ErrorCode::ResourceNotFound, "this device has no open job of that number that installs files")
    };
    let Ok(id) = id.parse::<JobId>() else { return Ok(Err(none())) };
    let Some(execution) = executions::latest(tx, device, id).await? else { return Ok(Err(none())) };
    let Some(job) = jobs::get_any(tx, id).await? else { return Ok(Err(none())) };
    if let Err(why) = allowed(tx, &execution, &job, now).await? {
        return Ok(Err(refuse(ErrorCode::ResourceNotFound, why.to_string())));
    }
    let What::Update { release, .. } = job.spec.what else { return Ok(Err(none())) };
    let Some(device) = devices::device_by_id(tx, device).await? else { return Ok(Err(none())) };
    Ok(match releases::release_by_id(tx, job.tenant, release).await? {
        Some(release) => Ok(Stream { execution, job, device, release }),
        None => Err(none()),
    })
}

/// What an answer has to keep to.
#[derive(Clone, Copy)]
struct Back<'a> {
    topic: &'a StreamTopic,
    token: Option<&'a str>,
    /// Bytes of the largest packet that the connection takes.
    largest: usize,
}

impl Back<'_> {
    /// Whether the connection takes a packet with a block of so many bytes.
    fn fits(&self, file: i64, number: u64, length: u64) -> bool {
        if self.largest == usize::MAX {
            return true;
        }
        let block = vec![0; usize::try_from(length).unwrap_or_default()];
        let payload = wire::data(self.topic.format, file, number, &block, self.token);
        PACKET + self.topic.data().len() + payload.len() <= self.largest
    }
}

/// Answers one request on a stream's topic. `room`: how many bytes may still be answered with; what goes is taken off.
pub(crate) async fn handle(
    app: &App,
    device: DeviceId,
    topic: &StreamTopic,
    inbound: &Inbound,
    room: &mut u64,
) -> Vec<Outbound> {
    let Envelope { request, client_token } =
        wire::parse(topic.operation, topic.format, &inbound.payload, app.limits.client_token);
    let token = client_token.as_deref();
    let back = Back { topic, token, largest: inbound.largest_reply };
    let answer = match request {
        Ok(request) => serve(app, device, request, back, room).await,
        Err(refused) => Err(refused),
    };
    match answer {
        Ok(replies) => replies,
        Err(refused) => {
            let payload = wire::rejected(topic.format, &refused, token);
            vec![Outbound { topic: topic.rejected(), payload }]
        }
    }
}

async fn serve(
    app: &App,
    device: DeviceId,
    request: StreamRequest,
    back: Back<'_>,
    room: &mut u64,
) -> Result<Vec<Outbound>, Refused> {
    let Back { topic, token, largest: _ } = back;
    let failed = |error: &(dyn std::error::Error + 'static)| {
        tracing::error!(error, "a stream could not be read");
        refuse(ErrorCode::InternalError, "the server failed; ask again")
    };
    let (id, now) = (topic.stream.clone(), app.clock.now());
    let found = app
        .store
        .read(move |tx| {
            let id = id.clone();
            Box::pin(async move { find(tx, device, &id, now).await })
        })
        .await
        .map_err(|error| failed(&error))?;
    let stream = found?;
    match request {
        StreamRequest::Describe => {
            let files: Vec<StreamFile> = stream
                .files()
                .zip(0..)
                .map(|(artifact, file)| StreamFile { file, size: artifact.size })
                .collect();
            let text = format!("{} {}", stream.release.name, stream.release.version);
            let payload = wire::description(topic.format, VERSION, &text, &files, token);
            Ok(vec![Outbound { topic: topic.description(), payload }])
        }
        StreamRequest::Get(request) => {
            if request.version.is_some_and(|version| version != VERSION) {
                return Err(refuse(
                    ErrorCode::VersionMismatch,
                    format!("the stream is at version {VERSION}"),
                ));
            }
            let file = usize::try_from(request.file).ok().and_then(|file| stream.files().nth(file));
            let Some(artifact) = file else {
                return Err(refuse(ErrorCode::ResourceNotFound, "f: the stream has no such file"));
            };
            blocks(app, device, &stream, Wanted { artifact, request: &request }, back, room).await
        }
    }
}

/// Blocks of a file.
struct Wanted<'a> {
    artifact: &'a Artifact,
    request: &'a GetBlocks,
}

async fn blocks(
    app: &App,
    device: DeviceId,
    stream: &Stream,
    wanted: Wanted<'_>,
    back: Back<'_>,
    room: &mut u64,
) -> Result<Vec<Outbound>, Refused> {
    let Back { topic, token, largest } = back;
    let Wanted { artifact, request } = wanted;
    let GetBlocks { version: _, file, block, blocks } = request;
    let block = u64::from(*block);
    let place = |number: u64| number.checked_mul(block).filter(|offset| *offset < artifact.size);
    if blocks.first().is_none_or(|first| place(*first).is_none()) {
        return Err(refuse(ErrorCode::OffsetOutOfBounds, format!("the file has {} bytes", artifact.size)));
    }
    // Blocks behind the end of the file are not there; those before it are sent.
    let there: Vec<(u64, u64)> =
        blocks.iter().filter_map(|number| Some((*number, place(*number)?))).collect();
    if there
        .first()
        .is_some_and(|(number, offset)| !back.fits(*file, *number, block.min(artifact.size - offset)))
    {
        return Err(refuse(
            ErrorCode::BlockSizeOutOfBounds,
            format!("l: the connection takes packets of at most {largest} bytes; ask for smaller blocks"),
        ));
    }
    let bytes = u64::try_from(there.len()).unwrap_or(u64::MAX).saturating_mul(block);
    let Stream { execution, job, device: of, release: _ } = stream;
    let account = Account::of(execution, job, of, artifact.id);
    // Messages of other devices wait behind this one: it is refused rather than held back.
    let late = account.pace.as_ref().is_some_and(|pace| app.downloads.debt(pace) > BURST);
    let left = room.checked_sub(bytes);
    if late || left.is_none() || !app.stream_rates.take(device, bytes, Instant::now()) {
        let text = "too much in too short a time; ask again in a second";
        return Err(refuse(ErrorCode::RequestThrottled, text));
    }
    *room = left.unwrap_or_default();
    let mut replies = Vec::with_capacity(there.len());
    for (number, offset) in there {
        let length = block.min(artifact.size - offset);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        let read = async {
            let reader = app.download_range(&artifact.sha256, offset, length).await;
            reader.map_err(std::io::Error::other)?.read_exact(&mut bytes).await
        };
        if let Err(error) = read.await {
            let source: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(error = source, "a block of a stream could not be read");
            return Err(refuse(ErrorCode::InternalError, "the file cannot be read; ask again"));
        }
        app.downloads.count(&account, offset, length);
        if let Some(pace) = &account.pace {
            app.downloads.book(pace, length);
        }
        let payload = wire::data(topic.format, *file, number, &bytes, token);
        replies.push(Outbound { topic: topic.data(), payload });
    }
    Ok(replies)
}

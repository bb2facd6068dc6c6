//! How far downloads came, and how fast they may go. Counted where bytes are read for whoever downloads, in memory; saved every
//! few seconds, never for each range.
//!
//! Knows neither links nor who may download what.

mod life;
mod metered;
mod running;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use windlass_domain::device::Device;
use windlass_domain::ids::{ArtifactId, DeviceId, ExecutionId, JobId};
use windlass_domain::job::rollout::DownloadRate;
use windlass_domain::job::{Execution, Job};
use windlass_store::downloads::{self, Sent};
use windlass_store::{Change, Store, StoreError};

use self::life::Lives;
pub use self::metered::Metered;
use self::running::Running;

/// How often progress is saved.
const SAVED: Duration = Duration::from_secs(5);
/// Most executions of which something waits to be saved; what more of them download is not counted until then.
const HELD: usize = 50_000;
/// Most buckets; those that rest are dropped first.
const BUCKETS: usize = 50_000;
/// A limited reader reads as much at once as may go in this part of a second, within bounds.
const SLICES: u64 = 20;
const SLICE: std::ops::RangeInclusive<u64> = 512..=64 * 1024;

/// How fast: bytes a second, shared by everybody with the same key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pace {
    /// The rollout.
    pub job: JobId,
    /// The value of the attribute that the rate is per, if it is.
    pub share: Option<String>,
    /// Bytes a second.
    pub rate: u64,
}

impl Pace {
    /// How fast a device may download for a job, if its policy says anything.
    fn of(job: &Job, device: &Device) -> Option<Self> {
        let DownloadRate { bytes_per_second, by } = job.spec.rollout.download_rate.as_ref()?;
        // Devices without the attribute share a rate too.
        let share = by.as_ref().map(|key| device.attributes.get(key).cloned().unwrap_or_default());
        Some(Self { job: job.id, share, rate: *bytes_per_second })
    }
}

/// For whom a download counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// An execution, whose device fetches what it installs.
    Execution {
        /// Which.
        id: ExecutionId,
        /// Whose.
        device: DeviceId,
    },
    /// Whoever has the lasting link of the artifact.
    Linked,
    /// Nobody: an operator looks at a file.
    Nobody,
}

/// What is downloaded, and for whom it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// For whom it counts.
    pub whose: Whose,
    /// Which artifact.
    pub artifact: ArtifactId,
    /// How fast it may go.
    pub pace: Option<Pace>,
}

impl Account {
    /// A download of what a job installs on a device.
    pub fn of(execution: &Execution, job: &Job, device: &Device, artifact: ArtifactId) -> Self {
        let whose = Whose::Execution { id: execution.id, device: execution.device };
        Self { whose, artifact, pace: Pace::of(job, device) }
    }
}

/// When the next byte of a shared rate may go.
#[derive(Debug, Default)]
struct Bucket(Mutex<Option<Instant>>);

impl Bucket {
    /// Books so many bytes and says how long to wait after them.
    fn book(&self, bytes: u64, rate: u64, now: Instant) -> Duration {
        let mut next = lock(&self.0);
        let start = next.filter(|next| *next > now).unwrap_or(now);
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
        let end = start + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX / 4));
        *next = Some(end);
        end - now
    }

    /// How long until everything that was booked is through.
    fn debt(&self, now: Instant) -> Duration {
        lock(&self.0).map_or(Duration::ZERO, |next| next.saturating_duration_since(now))
    }
}

/// Whose rate a bucket is.
type Share = (JobId, Option<String>);

/// A place among the downloads that are held back; others have one without end. Leaving is dropping every clone.
#[derive(Debug, Clone)]
pub struct Place {
    _held: Option<Arc<OwnedSemaphorePermit>>,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Downloads {
    /// Places of those that are held back.
    slow: Arc<Semaphore>,
    /// What was not saved yet.
    fresh: Mutex<HashMap<ExecutionId, BTreeMap<ArtifactId, Sent>>>,
    linked: Mutex<BTreeMap<ArtifactId, u64>>,
    buckets: Mutex<HashMap<Share, Arc<Bucket>>>,
    /// Those that go on just now.
    running: Running,
    /// Of which executions it was looked at lately whether what they fetch lengthens their time.
    lives: Lives,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Downloads {
    /// Nothing is counted yet, and never more than `slow` are held back at once.
    pub(crate) fn new(slow: usize) -> Self {
        let slow = Arc::new(Semaphore::new(slow.min(Semaphore::MAX_PERMITS)));
        Self {
            slow,
            fresh: Mutex::default(),
            linked: Mutex::default(),
            buckets: Mutex::default(),
            running: Running::default(),
            lives: Lives::default(),
        }
    }

    /// A place for a download, or how long it will be until what was booked of its rate is through.
    pub(crate) fn place(&self, account: &Account) -> Result<Place, Duration> {
        let Some(pace) = &account.pace else { return Ok(Place { _held: None }) };
        match Arc::clone(&self.slow).try_acquire_owned() {
            Ok(held) => Ok(Place { _held: Some(Arc::new(held)) }),
            Err(_) => Err(self.debt(pace)),
        }
    }

    /// Counts bytes that went out: from this place of the file on, so many.
    pub fn count(&self, account: &Account, offset: u64, bytes: u64) {
        match account.whose {
            Whose::Nobody => {}
            Whose::Linked => {
                let mut linked = lock(&self.linked);
                let sum = linked.entry(account.artifact).or_default();
                *sum = sum.saturating_add(bytes);
            }
            Whose::Execution { id: execution, device: _ } => {
                let mut all = lock(&self.fresh);
                if all.len() < HELD || all.contains_key(&execution) {
                    let sent = Sent { reached: offset.saturating_add(bytes), bytes };
                    all.entry(execution).or_default().entry(account.artifact).or_default().add(sent);
                }
            }
        }
    }

    /// Bytes that went out over the lasting links of an artifact since this node started.
    pub fn linked(&self, artifact: ArtifactId) -> u64 {
        lock(&self.linked).get(&artifact).copied().unwrap_or_default()
    }

    /// Adds to what was saved of an execution what was not saved yet.
    pub fn complete(&self, execution: ExecutionId, saved: &mut BTreeMap<ArtifactId, Sent>) {
        for (artifact, sent) in lock(&self.fresh).get(&execution).into_iter().flatten() {
            saved.entry(*artifact).or_default().add(*sent);
        }
    }

    fn bucket(&self, pace: &Pace) -> Arc<Bucket> {
        let mut buckets = lock(&self.buckets);
        if buckets.len() >= BUCKETS {
            let now = Instant::now();
            buckets.retain(|_, bucket| !bucket.debt(now).is_zero());
        }
        Arc::clone(buckets.entry((pace.job, pace.share.clone())).or_default())
    }

    /// How long to wait before so many bytes more may go.
    pub fn book(&self, pace: &Pace, bytes: u64) -> Duration {
        self.bucket(pace).book(bytes, pace.rate, Instant::now())
    }

    /// How long until everything is through that may go no faster, for whoever cannot wait.
    pub fn debt(&self, pace: &Pace) -> Duration {
        self.bucket(pace).debt(Instant::now())
    }

    /// Has those that go on looked at again before their next bytes go, of what the change feed names.
    pub(crate) fn follow(&self, changes: &[Change]) {
        self.running.follow(changes);
    }

    /// Has all that go on looked at again before their next bytes go.
    pub(crate) fn doubt_all(&self) {
        self.running.doubt_all();
    }

    /// Ends those of a device that lost a credential: whoever has another one goes on with the next range.
    pub(crate) fn end_of(&self, device: DeviceId) {
        self.running.end_of(device);
    }

    /// Saves what changed, and says of which executions. What fails is tried again with the next round.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn save(&self, store: &Store) -> Result<Vec<ExecutionId>, StoreError> {
        let fresh = std::mem::take(&mut *lock(&self.fresh));
        if fresh.is_empty() {
            return Ok(Vec::new());
        }
        let executions = fresh.keys().copied().collect();
        let rows = fresh.clone();
        let saved = store
            .write(move |tx| {
                let rows = rows.clone();
                Box::pin(async move {
                    for (execution, files) in &rows {
                        downloads::add(tx, *execution, files).await?;
                    }
                    Ok(())
                })
            })
            .await;
        if saved.is_err() {
            let mut all = lock(&self.fresh);
            for (execution, files) in fresh {
                let entry = all.entry(execution).or_default();
                for (artifact, sent) in files {
                    entry.entry(artifact).or_default().add(sent);
                }
            }
        }
        saved.map(|()| executions)
    }
}

impl crate::App {
    /// Saves how far downloads came, and notes of devices that never say a word that they live.
    ///
    /// # Errors
    /// When the store fails: what was not saved is tried again with the next round.
    pub async fn downloads_save(&self) -> Result<(), StoreError> {
        let fetched = self.downloads.save(&self.store).await?;
        self.note_lives(fetched).await
    }

    /// Saves how far downloads came, until it is dropped.
    pub(crate) async fn downloads_keeper(self) {
        let mut ticks = tokio::time::interval(SAVED);
        loop {
            ticks.tick().await;
            if let Err(error) = self.downloads_save().await {
                tracing::warn!(error = %crate::error::chain(&error), "the progress of downloads could not be saved; it is tried again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_shared_by_all_with_the_same_key() {
        let downloads = Downloads::new(1);
        let pace = |share: &str| Pace { job: JobId::new(1), share: Some(share.to_owned()), rate: 1_000 };
        assert_eq!(downloads.book(&pace("berlin"), 500), Duration::from_millis(500));
        assert_eq!(downloads.book(&pace("berlin"), 500), Duration::from_secs(1));
        assert_eq!(downloads.book(&pace("paris"), 500), Duration::from_millis(500));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(downloads.book(&pace("berlin"), 500), Duration::from_millis(500), "no credit for silence");
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_held_back_at_once_and_whoever_leaves_makes_room() {
        let downloads = Downloads::new(1);
        let free = Account { whose: Whose::Linked, artifact: ArtifactId::new(2), pace: None };
        let pace = Pace { job: JobId::new(1), share: None, rate: 1_000 };
        let slow = Account { pace: Some(pace.clone()), ..free.clone() };
        let place = downloads.place(&slow).unwrap();
        let other = place.clone();
        downloads.book(&pace, 5_000);
        assert_eq!(downloads.place(&slow).unwrap_err(), Duration::from_secs(5));
        downloads.place(&free).unwrap();
        drop(place);
        downloads.place(&slow).unwrap_err();
        drop(other);
        downloads.place(&slow).unwrap();
    }

    #[test]
    fn progress_is_the_furthest_byte_and_the_sum_of_all_bytes() {
        let downloads = Downloads::new(1);
        let (execution, artifact) = (ExecutionId::new(1), ArtifactId::new(2));
        let account = Account {
            whose: Whose::Execution { id: execution, device: DeviceId::new(3) },
            artifact,
            pace: None,
        };
        downloads.count(&account, 100, 50);
        downloads.count(&account, 0, 50);
        let mut sent = BTreeMap::from([(artifact, Sent { reached: 200, bytes: 1 })]);
        downloads.complete(execution, &mut sent);
        assert_eq!(sent[&artifact], Sent { reached: 200, bytes: 101 });
        downloads.count(&Account { whose: Whose::Linked, ..account.clone() }, 0, 7);
        downloads.count(&Account { whose: Whose::Nobody, ..account }, 0, 9);
        assert_eq!((downloads.linked(artifact), downloads.linked(ArtifactId::new(9))), (7, 0));
        downloads.complete(execution, &mut sent);
        assert_eq!(sent[&artifact].bytes, 201, "what a link brings counts for nobody");
    }
}

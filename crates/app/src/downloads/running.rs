//! Downloads of executions that go on just now, so that whoever loses the right to one loses it while it runs. What happened
//! comes from the change feed; each is then looked at again before its next bytes go.
//!
//! Knows neither the store nor sockets.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use windlass_domain::ids::{DeviceId, ExecutionId};
use windlass_store::{Change, ChangeKind};

use super::lock;

/// All of them, by a number of their own.
#[derive(Debug, Default)]
pub(super) struct Running(Arc<Mutex<All>>);

#[derive(Debug, Default)]
struct All {
    last: u64,
    streams: HashMap<u64, Arc<Stream>>,
}

#[derive(Debug)]
struct Stream {
    execution: ExecutionId,
    device: DeviceId,
    doubtful: AtomicBool,
    ended: AtomicBool,
    waker: AtomicWaker,
}

impl Stream {
    fn doubt(&self) {
        self.doubtful.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// A download among those that go on, until this is dropped.
#[derive(Debug)]
pub(super) struct Watched {
    number: u64,
    stream: Arc<Stream>,
    all: Arc<Mutex<All>>,
}

impl Watched {
    /// Has whoever reads it read again once something happened.
    pub(super) fn wakes(&self, waker: &Waker) {
        self.stream.waker.register(waker);
    }

    /// Whether something happened since this was last asked.
    pub(super) fn take_doubt(&self) -> bool {
        self.stream.doubtful.swap(false, Ordering::AcqRel)
    }

    /// Whether no more bytes may go.
    pub(super) fn is_ended(&self) -> bool {
        self.stream.ended.load(Ordering::Acquire)
    }

    /// No more bytes may go.
    pub(super) fn end(&self) {
        self.stream.end();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        lock(&self.all).streams.remove(&self.number);
    }
}

impl Running {
    /// One more begins.
    pub(super) fn enter(&self, execution: ExecutionId, device: DeviceId) -> Watched {
        let stream = Arc::new(Stream {
            execution,
            device,
            doubtful: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let mut all = lock(&self.0);
        all.last = all.last.wrapping_add(1);
        let number = all.last;
        all.streams.insert(number, Arc::clone(&stream));
        Watched { number, stream, all: Arc::clone(&self.0) }
    }

    fn each(&self, act: impl Fn(&Stream)) {
        lock(&self.0).streams.values().for_each(|stream| act(stream));
    }

    /// Doubts those of which the feed names the execution or the device, and ends those whose device lost its token.
    pub(super) fn follow(&self, changes: &[Change]) {
        if lock(&self.0).streams.is_empty() {
            return;
        }
        let of = |kind: ChangeKind| -> BTreeSet<i64> {
            changes.iter().filter(|change| change.kind == kind).map(|change| change.id).collect()
        };
        let (executions, devices) = (of(ChangeKind::Execution), of(ChangeKind::Device));
        let lost = of(ChangeKind::DeviceTokenLost);
        self.each(|stream| {
            let device = stream.device.get();
            if lost.contains(&device) {
                stream.end();
            } else if executions.contains(&stream.execution.get()) || devices.contains(&device) {
                stream.doubt();
            }
        });
    }

    /// Doubts all.
    pub(super) fn doubt_all(&self) {
        self.each(Stream::doubt);
    }

    /// Ends those of a device.
    pub(super) fn end_of(&self, device: DeviceId) {
        self.each(|stream| {
            if stream.device == device {
                stream.end();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: ChangeKind, id: i64) -> Change {
        Change { seq: 1, kind, id }
    }

    #[test]
    fn what_the_feed_names_is_doubted_once_and_nothing_else_is() {
        let running = Running::default();
        let one = running.enter(ExecutionId::new(1), DeviceId::new(11));
        let two = running.enter(ExecutionId::new(2), DeviceId::new(12));
        for named in [change(ChangeKind::Execution, 1), change(ChangeKind::Device, 11)] {
            running.follow(&[named, change(ChangeKind::Job, 2), change(ChangeKind::Shadow, 12)]);
            assert!(one.take_doubt() && !one.take_doubt(), "{named:?}");
            assert!(!two.take_doubt(), "{named:?}");
        }
        running.follow(&[change(ChangeKind::DeviceToken, 11), change(ChangeKind::DeviceTokenLost, 12)]);
        assert!(two.is_ended() && !one.is_ended(), "a first token takes nothing away");
        running.end_of(DeviceId::new(11));
        assert!(one.is_ended());
        drop((one, two));
        assert!(lock(&running.0).streams.is_empty());
    }
}

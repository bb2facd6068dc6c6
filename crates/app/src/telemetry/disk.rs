//! The disk-space policy: below a share or a number of free bytes, telemetry and uploads are refused and never
//! acknowledged; state, revocation and jobs go on.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use windlass_domain::limits::Limits;

/// What a file system has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that we may still write.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Where [`DiskSpace`] comes from.
pub trait DiskProbe: Send + Sync + fmt::Debug {
    /// Looks.
    ///
    /// # Errors
    /// When the system does not say.
    fn space(&self) -> io::Result<DiskSpace>;
}

/// The file system that a path is on.
#[derive(Debug, Clone)]
pub struct FileSystem(pub PathBuf);

impl DiskProbe for FileSystem {
    fn space(&self) -> io::Result<DiskSpace> {
        let found = rustix::fs::statvfs(&self.0)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(DiskSpace { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
    }
}

/// Whether this is too little.
pub fn is_low(space: DiskSpace, limits: &Limits) -> bool {
    let least = u128::from(space.total) * u128::from(limits.free_disk_per_mille) / 1_000;
    u128::from(space.free) < least || space.free < limits.free_disk_bytes
}

/// Remembers what the last look said, so that asking costs nothing.
#[derive(Debug)]
pub struct DiskGuard {
    probe: Box<dyn DiskProbe>,
    limits: Limits,
    low: AtomicBool,
}

impl DiskGuard {
    /// Looks once at the start.
    pub fn new(probe: Box<dyn DiskProbe>, limits: &Limits) -> Self {
        let guard = Self { probe, limits: limits.clone(), low: AtomicBool::new(false) };
        guard.look();
        guard
    }

    /// Whether telemetry and uploads are refused for now.
    pub fn is_low(&self) -> bool {
        self.low.load(Ordering::Relaxed)
    }

    /// What there is now; none if the system does not say.
    pub fn space(&self) -> Option<DiskSpace> {
        self.probe.space().ok()
    }

    /// Looks again; what the system does not say stays as it was.
    pub fn look(&self) {
        match self.probe.space() {
            Ok(space) => {
                let low = is_low(space, &self.limits);
                if self.low.swap(low, Ordering::Relaxed) != low {
                    if low {
                        tracing::error!(
                            disk.free = space.free,
                            disk.total = space.total,
                            "the disk is almost full: telemetry and uploads are refused until space is freed"
                        );
                    } else {
                        tracing::info!(disk.free = space.free, "there is enough free disk space again");
                    }
                }
            }
            Err(error) => tracing::warn!(
                error = %crate::error::chain(&error),
                "the free disk space could not be found out"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::Mutex;

    const GIB: u64 = 1 << 30;

    #[test]
    fn little_is_less_than_five_percent_or_one_gibibyte() {
        let limits = Limits::default();
        let low = |free, total| is_low(DiskSpace { free, total }, &limits);
        assert!(!low(5 * GIB, 100 * GIB));
        assert!(low(5 * GIB - 1, 100 * GIB));
        assert!(!low(GIB, 10 * GIB));
        assert!(low(GIB - 1, 10 * GIB));
        assert!(low(0, 0));
        assert!(!low(u64::MAX, u64::MAX));
    }

    #[derive(Debug, Clone)]
    struct Told(Arc<Mutex<Option<u64>>>);

    impl DiskProbe for Told {
        fn space(&self) -> io::Result<DiskSpace> {
            let free = self.0.lock().unwrap().ok_or(io::ErrorKind::Other)?;
            Ok(DiskSpace { free, total: 10 * GIB })
        }
    }

    #[test]
    fn the_guard_follows_the_disk_and_keeps_its_word_when_the_system_is_silent() {
        let told = Told(Arc::new(Mutex::new(Some(2 * GIB))));
        let guard = DiskGuard::new(Box::new(told.clone()), &Limits::default());
        assert!(!guard.is_low());
        for (space, low) in [(Some(0), true), (None, true), (Some(2 * GIB), false), (None, false)] {
            *told.0.lock().unwrap() = space;
            guard.look();
            assert_eq!(guard.is_low(), low, "{space:?}");
        }
    }

    #[test]
    fn this_machine_says_how_much_it_has() {
        let space = FileSystem(std::env::temp_dir()).space().unwrap();
        assert!(space.total > 0 && space.free <= space.total);
        assert!(FileSystem("/does/not/exist".into()).space().is_err());
    }
}

//! What becomes of an update on a simulated device: decided from a seed, the device's number, and marks that
//! the artifact itself carries, so that the same run comes out the same and a bad version is bad almost everywhere.
//!
//! An artifact is bad if it contains the line `quality: bad`, flaky with `quality: flaky`; everything else is good.

use rand::SeedableRng;
use rand::rngs::StdRng;

/// What the artifact's marks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    /// Only the run's own shares of trouble apply.
    Good,
    /// Fails on every third device.
    Flaky,
    /// Fails on nine of ten devices.
    Bad,
}

/// How an installation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Installed, restarted, running, and said so.
    Succeeds,
    /// The installer reports a failure.
    Fails,
    /// Reported as a success, but the device comes back with the old version.
    FallsBack,
    /// The device restarts and is never heard of again.
    NeverReturns,
}

/// Shares of devices, each between 0 and 1, on which even good firmware gets into trouble.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Trouble {
    /// Share that reports a failure.
    pub(crate) fail: f64,
    /// Share that falls back.
    pub(crate) fall_back: f64,
    /// Share that never returns.
    pub(crate) never_return: f64,
}

/// Looks for marks in the artifact's first bytes.
pub(crate) fn quality(artifact: &[u8]) -> Quality {
    let marked = |mark: &[u8]| artifact.windows(mark.len()).take(4096).any(|window| window == mark);
    if marked(b"quality: bad\n") {
        Quality::Bad
    } else if marked(b"quality: flaky\n") {
        Quality::Flaky
    } else {
        Quality::Good
    }
}

/// What happens when `device` installs `version`; always the same for the same arguments.
pub(crate) fn fate(seed: u64, device: u64, version: &str, quality: Quality, trouble: Trouble) -> Fate {
    let mixed = version.bytes().fold(seed ^ device.wrapping_mul(0x9E37_79B9_7F4A_7C15), |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let mut random = StdRng::seed_from_u64(mixed);
    let fail = match quality {
        Quality::Good => trouble.fail,
        Quality::Flaky => 0.34_f64.max(trouble.fail),
        Quality::Bad => 0.9_f64.max(trouble.fail),
    };
    let drawn: f64 = rand::Rng::random(&mut random);
    if drawn < fail {
        Fate::Fails
    } else if drawn < fail + trouble.fall_back {
        Fate::FallsBack
    } else if drawn < fail + trouble.fall_back + trouble.never_return {
        Fate::NeverReturns
    } else {
        Fate::Succeeds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(quality: Quality, trouble: Trouble, wanted: Fate) -> usize {
        (0..1_000).filter(|device| fate(7, *device, "2.0.0", quality, trouble) == wanted).count()
    }

    #[test]
    fn good_firmware_without_trouble_always_succeeds() {
        assert_eq!(count(Quality::Good, Trouble::default(), Fate::Succeeds), 1_000);
    }

    #[test]
    fn a_bad_version_fails_on_nine_of_ten_devices() {
        let failed = count(Quality::Bad, Trouble::default(), Fate::Fails);
        assert!((860..=940).contains(&failed), "{failed} of 1000 failed");
    }

    #[test]
    fn shares_of_trouble_come_out_as_asked() {
        let trouble = Trouble { fail: 0.1, fall_back: 0.2, never_return: 0.05 };
        for (fate, share) in [(Fate::Fails, 100), (Fate::FallsBack, 200), (Fate::NeverReturns, 50)] {
            let found = count(Quality::Good, trouble, fate);
            assert!(found.abs_diff(share) < 45, "{fate:?}: {found} of 1000");
        }
    }

    #[test]
    fn the_same_seed_device_and_version_always_meet_the_same_fate() {
        let trouble = Trouble { fail: 0.5, fall_back: 0.2, never_return: 0.1 };
        let draw = |seed| (0..100).map(|d| fate(seed, d, "1.0", Quality::Good, trouble)).collect::<Vec<_>>();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn marks_in_the_artifact_decide_its_quality() {
        assert_eq!(quality(b"firmware\nquality: bad\nxyz"), Quality::Bad);
        assert_eq!(quality(b"quality: flaky\n"), Quality::Flaky);
        assert_eq!(quality(b"quality: badly documented"), Quality::Good);
        assert_eq!(quality(b""), Quality::Good);
    }
}

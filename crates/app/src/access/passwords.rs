//! Checking passwords: how many at once, what is remembered, and who has to wait.
//!
//! Knows neither users nor the store: the stored hash is handed in.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, Mac};
use tokio::sync::Semaphore;
use windlass_domain::ids::{Sha256, TenantId};
use windlass_domain::time::Timestamp;

use crate::clock::{Entropy, random};

/// Hashes computed at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// Callers that may wait for their turn, computing ones included.
const IN_LINE: usize = 32;
const REMEMBERED_FOR: Duration = Duration::from_secs(300);
const MOST_REMEMBERED: usize = 1_000;
/// Wrong tries before anybody has to wait.
const FREE_TRIES: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(900);
const MOST_TRACKED: usize = 10_000;

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    /// The pair is good.
    Good,
    /// It is not, or there is no such user.
    Wrong,
    /// Too many wrong tries: wait so many seconds.
    Throttled(u64),
    /// Too many checks at once.
    Busy,
}

struct Remembered {
    stored: Sha256,
    until: Timestamp,
}

#[derive(Clone, Copy)]
struct Tries {
    count: u32,
    last: Timestamp,
}

impl Tries {
    fn blocked_until(self, free: u32) -> Timestamp {
        let over = self.count.saturating_sub(free);
        let wait = match over {
            0 => Duration::ZERO,
            over => Duration::from_secs(1_u64 << (over - 1).min(16)).min(LONGEST_WAIT),
        };
        self.last.plus(wait)
    }
}

/// The state of password checks. One for the process.
pub(crate) struct Passwords {
    key: [u8; 32],
    turns: Arc<Semaphore>,
    line: Semaphore,
    good: Mutex<HashMap<Sha256, Remembered>>,
    tries: Mutex<HashMap<(IpAddr, Sha256), Tries>>,
    /// Verified against when there is no user, so that the answer takes as long.
    nobody: String,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// argon2id with the parameters that OWASP recommends: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

fn hash(password: &str, salt: &[u8; 16]) -> Option<String> {
    let salt = SaltString::encode_b64(salt).ok()?;
    argon2().hash_password(password.as_bytes(), &salt).ok().map(|hash| hash.to_string())
}

/// A whole site of IPv6 counts as one address.
fn site(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Passwords {
    /// Nothing remembered.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        // A hash of nothing that anybody knows, made with the parameters in use; only its cost matters.
        let params = Params::default();
        let nobody = format!(
            "$argon2id$v=19$m={},t={},p={}$d2luZGxhc3N3aW5kbGFzcw${}",
            params.m_cost(),
            params.t_cost(),
            params.p_cost(),
            "A".repeat(43)
        );
        Self {
            key: random(entropy),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            line: Semaphore::new(IN_LINE),
            good: Mutex::default(),
            tries: Mutex::default(),
            nobody,
        }
    }

    fn keyed(&self, tenant: TenantId, user: &str, password: &str) -> Sha256 {
        let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(&self.key) else {
            unreachable!("HMAC takes keys of every length")
        };
        mac.update(&tenant.get().to_be_bytes());
        mac.update(&u64::try_from(user.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(user.as_bytes());
        mac.update(password.as_bytes());
        Sha256::new(mac.finalize().into_bytes().into())
    }

    /// Hashes a new password; none if too many wait.
    pub(crate) async fn hash(&self, password: &str, entropy: &dyn Entropy) -> Option<String> {
        let (password, salt) = (password.to_owned(), random::<16>(entropy));
        self.in_turn(move || hash(&password, &salt)).await.flatten()
    }

    /// Runs costly work when it is its turn; none if too many wait. Work goes on if the caller goes away, and keeps
    /// its turn until it is done.
    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _place = self.line.try_acquire().ok()?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.ok()
    }

    /// Checks a pair against the stored hash (none: no such user, or one that may not sign in).
    pub(crate) async fn check(
        &self,
        tenant: TenantId,
        user: &str,
        password: &str,
        stored: Option<&str>,
        address: IpAddr,
        now: Timestamp,
    ) -> Checked {
        let pair = self.keyed(tenant, user, password);
        let digest = stored.map(|stored| Sha256::of(stored.as_bytes()));
        if digest.is_some() && self.remembers(&pair, digest, now) {
            return Checked::Good;
        }
        let who = (site(address), self.keyed(tenant, user, ""));
        if let Err(seconds) = self.charge(who, FREE_TRIES, now) {
            return Checked::Throttled(seconds);
        }
        let hash = stored.unwrap_or(&self.nobody).to_owned();
        let password = password.to_owned();
        let verified = self.in_turn(move || {
            PasswordHash::new(&hash)
                .is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
        });
        match verified.await {
            None => {
                self.refund(who);
                Checked::Busy
            }
            Some(true) if digest.is_some() => {
                lock(&self.tries).remove(&who);
                self.remember(pair, digest, now);
                Checked::Good
            }
            Some(_) => Checked::Wrong,
        }
    }

    fn remembers(&self, pair: &Sha256, stored: Option<Sha256>, now: Timestamp) -> bool {
        lock(&self.good).get(pair).is_some_and(|good| now < good.until && Some(good.stored) == stored)
    }

    fn remember(&self, pair: Sha256, stored: Option<Sha256>, now: Timestamp) {
        let Some(stored) = stored else { return };
        let mut good = lock(&self.good);
        if good.len() >= MOST_REMEMBERED {
            good.retain(|_, good| now < good.until);
        }
        if good.len() < MOST_REMEMBERED {
            good.insert(pair, Remembered { stored, until: now.plus(REMEMBERED_FOR) });
        }
    }

    /// Counts a try before it is known to be wrong, so that many at once gain nothing.
    fn charge(&self, who: (IpAddr, Sha256), free: u32, now: Timestamp) -> Result<(), u64> {
        let mut all = lock(&self.tries);
        let fresh = |tries: &Tries| now.since(tries.last) < FORGOTTEN_AFTER;
        let tries = all.get(&who).copied().filter(fresh).unwrap_or(Tries { count: 0, last: now });
        let until = tries.blocked_until(free);
        if now < until {
            return Err(until.since(now).as_secs().max(1));
        }
        if all.len() >= MOST_TRACKED && !all.contains_key(&who) {
            all.retain(|_, tries| fresh(tries));
            if all.len() >= MOST_TRACKED {
                let oldest = all.iter().min_by_key(|(_, tries)| tries.last).map(|(who, _)| *who);
                oldest.and_then(|oldest| all.remove(&oldest));
            }
        }
        all.insert(who, Tries { count: tries.count.saturating_add(1), last: now });
        Ok(())
    }

    /// Counts a wrong secret of a kind that names no user, such as a cookie; an error says how many seconds to wait.
    pub(crate) fn wrong_guess(
        &self,
        kind: &str,
        free: u32,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), u64> {
        self.charge((site(address), Sha256::of(kind.as_bytes())), free, now)
    }

    fn refund(&self, who: (IpAddr, Sha256)) {
        if let Some(tries) = lock(&self.tries).get_mut(&who) {
            tries.count = tries.count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);
    const PASSWORD: &str = "correct horse battery";

    struct Bench {
        passwords: Passwords,
        stored: String,
    }

    impl Bench {
        async fn new() -> Self {
            let passwords = Passwords::new(&SystemEntropy);
            let stored = passwords.hash(PASSWORD, &SystemEntropy).await.unwrap();
            Self { passwords, stored }
        }

        async fn check(&self, password: &str, address: &str, now: Timestamp) -> Checked {
            let (tenant, address) = (TenantId::new(1), address.parse().unwrap());
            let stored = Some(self.stored.as_str());
            self.passwords.check(tenant, "anna", password, stored, address, now).await
        }
    }

    #[tokio::test]
    async fn hashes_are_argon2id_and_salted() {
        let bench = Bench::new().await;
        assert!(bench.stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", bench.stored);
        assert_ne!(bench.passwords.hash(PASSWORD, &SystemEntropy).await.unwrap(), bench.stored);
    }

    #[tokio::test]
    async fn the_stand_in_for_nobody_costs_the_same_and_is_never_good() {
        let passwords = Passwords::new(&SystemEntropy);
        let parsed = PasswordHash::new(&passwords.nobody).unwrap();
        assert_eq!(parsed.params.get_decimal("m"), Some(19456));
        let address = "10.0.0.1".parse().unwrap();
        let check = passwords.check(TenantId::new(1), "x", "", None, address, NOW);
        assert_eq!(check.await, Checked::Wrong);
    }

    #[tokio::test]
    async fn wrong_tries_slow_down_their_address_only_and_a_remembered_pair_never() {
        let bench = Bench::new().await;
        assert_eq!(bench.check(PASSWORD, "10.0.0.1", NOW).await, Checked::Good);
        for _ in 0..=FREE_TRIES {
            assert_eq!(bench.check("wrong", "10.0.0.1", NOW).await, Checked::Wrong);
        }
        assert_eq!(bench.check("wrong", "10.0.0.1", NOW).await, Checked::Throttled(1));
        assert_eq!(bench.check("another", "10.0.0.1", NOW).await, Checked::Throttled(1));
        assert_eq!(bench.check(PASSWORD, "10.0.0.1", NOW).await, Checked::Good, "remembered");
        assert_eq!(bench.check("wrong", "10.0.0.2", NOW).await, Checked::Wrong);
        let later = NOW.plus(Duration::from_secs(1));
        assert_eq!(bench.check("wrong", "10.0.0.1", later).await, Checked::Wrong);
        assert_eq!(bench.check("wrong", "10.0.0.1", later).await, Checked::Throttled(2));
        assert_eq!(bench.check("wrong", "10.0.0.1", later.plus(FORGOTTEN_AFTER)).await, Checked::Wrong);
    }

    #[tokio::test]
    async fn a_good_password_is_throttled_too_until_the_wait_is_over_and_then_clears_it() {
        let bench = Bench::new().await;
        for _ in 0..=FREE_TRIES {
            bench.check("wrong", "10.0.0.1", NOW).await;
        }
        assert_eq!(bench.check(PASSWORD, "10.0.0.1", NOW).await, Checked::Throttled(1));
        let later = NOW.plus(Duration::from_secs(1));
        assert_eq!(bench.check(PASSWORD, "10.0.0.1", later).await, Checked::Good);
        assert_eq!(bench.check("wrong", "10.0.0.1", later).await, Checked::Wrong);
    }

    #[tokio::test]
    async fn a_remembered_pair_is_forgotten_in_time_and_with_the_stored_hash() {
        let mut bench = Bench::new().await;
        assert_eq!(bench.check(PASSWORD, "10.0.0.1", NOW).await, Checked::Good);
        let pair = bench.passwords.keyed(TenantId::new(1), "anna", PASSWORD);
        let digest = Some(Sha256::of(bench.stored.as_bytes()));
        assert!(bench.passwords.remembers(&pair, digest, NOW));
        assert!(!bench.passwords.remembers(&pair, digest, NOW.plus(REMEMBERED_FOR)));
        bench.stored = bench.passwords.hash("a new password", &SystemEntropy).await.unwrap();
        assert_eq!(bench.check(PASSWORD, "10.0.0.1", NOW).await, Checked::Wrong);
    }

    #[test]
    fn an_ipv6_site_counts_as_one_and_mapped_addresses_as_ipv4() {
        let parse = |text: &str| site(text.parse().unwrap());
        assert_eq!(parse("2001:db8:1:2:3::4"), parse("2001:db8:1:2:ffff::1"));
        assert_ne!(parse("2001:db8:1:2::1"), parse("2001:db8:1:3::1"));
        assert_eq!(parse("::ffff:10.0.0.1"), parse("10.0.0.1"));
    }

    #[test]
    fn what_is_tracked_is_bounded() {
        let passwords = Passwords::new(&SystemEntropy);
        for number in 0..u32::try_from(MOST_TRACKED).unwrap() + 10 {
            let address = IpAddr::from(std::net::Ipv4Addr::from(number));
            passwords.charge((address, Sha256::of(b"x")), FREE_TRIES, NOW).unwrap();
        }
        assert!(lock(&passwords.tries).len() <= MOST_TRACKED);
    }
}

//! What a download link says, and the keys that prove that this server said it: signed, expiring, bound to an execution (and
//! so to its device) and an artifact.
//!
//! `{base}/downloads/v1/{artifact}/{file name}?execution=…&expires=…&signature={key}.{mac}`. Keys are in the store; the
//! newest signs, the one before still verifies. Knows nothing of what a link may open.

use std::sync::Mutex;
use std::time::Duration;

use hmac::{Hmac, Mac};
use windlass_domain::ids::{ArtifactId, ExecutionId};
use windlass_domain::software::Artifact;
use windlass_domain::time::Timestamp;
use windlass_store::{Store, StoreError, Tx, keys};

use super::{LIFETIME, Links, PATH, in_path, lock};
use crate::App;
use crate::clock::{Entropy, random};

/// How old a key for links becomes before a new one signs.
pub const KEY_AGE: Duration = Duration::from_secs(30 * 24 * 3600);
const PURPOSE: &str = "download-link";

#[derive(Clone)]
pub(super) struct LinkKey {
    id: i64,
    value: Vec<u8>,
    created_at: Timestamp,
}

/// What a link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claimed<'a> {
    pub(super) execution: ExecutionId,
    pub(super) artifact: ArtifactId,
    pub(super) expires: i64,
    key: i64,
    mac: &'a str,
}

pub(super) fn parse(path_and_query: &str) -> Option<Claimed<'_>> {
    let (path, query) = path_and_query.split_once('?')?;
    let (artifact, file) = path.strip_prefix(PATH)?.split_once('/')?;
    if file.is_empty() || file.contains('/') {
        return None;
    }
    let (mut execution, mut expires, mut signature) = (None, None, None);
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=')?;
        let slot = match name {
            "execution" => &mut execution,
            "expires" => &mut expires,
            "signature" => &mut signature,
            _ => return None,
        };
        if slot.replace(value).is_some() {
            return None;
        }
    }
    let (key, mac) = signature?.split_once('.')?;
    Some(Claimed {
        execution: execution?.parse().ok()?,
        artifact: artifact.parse().ok()?,
        expires: expires?.parse().ok()?,
        key: key.parse().ok()?,
        mac,
    })
}

fn mac(key: &[u8], execution: ExecutionId, artifact: ArtifactId, expires: i64) -> Option<Hmac<sha2::Sha256>> {
    let mut mac = <Hmac<sha2::Sha256> as Mac>::new_from_slice(key).ok()?;
    mac.update(format!("windlass download 1\n{execution}\n{artifact}\n{expires}").as_bytes());
    Some(mac)
}

pub(super) async fn load(tx: &mut Tx<'_>) -> Result<Vec<LinkKey>, StoreError> {
    let newest = keys::secret_keys(tx, PURPOSE).await?.into_iter().take(2);
    Ok(newest.map(|key| LinkKey { id: key.id, value: key.value, created_at: key.created_at }).collect())
}

impl Links {
    /// Reads the keys; makes the first one in a fresh store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(store: &Store, entropy: &dyn Entropy, now: Timestamp) -> Result<Self, StoreError> {
        let fresh: [u8; 32] = random(entropy);
        let keys = store
            .write(move |tx| {
                Box::pin(async move {
                    keys::secret_key_ensure(tx, PURPOSE, &fresh, now).await?;
                    load(tx).await
                })
            })
            .await?;
        Ok(Self { keys: Mutex::new(keys), answers: Mutex::default() })
    }

    /// A link for one artifact of one execution, good for [`LIFETIME`] from `now`.
    pub fn mint(&self, base: &str, execution: ExecutionId, artifact: &Artifact, now: Timestamp) -> String {
        self.mint_for(base, execution, artifact.id, artifact.name.as_str(), now)
    }

    /// As [`Links::mint`], by what a link says of an artifact.
    pub fn mint_for(
        &self,
        base: &str,
        execution: ExecutionId,
        id: ArtifactId,
        name: &str,
        now: Timestamp,
    ) -> String {
        let expires = now.plus(LIFETIME).seconds();
        let name = in_path(name);
        let newest = lock(&self.keys).first().cloned();
        let signature = newest
            .and_then(|key| mac(&key.value, execution, id, expires).map(|mac| (key.id, mac)))
            .map(|(key, mac)| format!("{key}.{}", hex::encode(mac.finalize().into_bytes())))
            .unwrap_or_default();
        format!("{base}{PATH}{id}/{name}?execution={execution}&expires={expires}&signature={signature}")
    }

    /// None if the key is not known here.
    pub(super) fn verify(&self, claimed: &Claimed<'_>) -> Option<bool> {
        let key = lock(&self.keys).iter().find(|key| key.id == claimed.key).cloned()?;
        let Ok(given) = hex::decode(claimed.mac) else { return Some(false) };
        let mac = mac(&key.value, claimed.execution, claimed.artifact, claimed.expires);
        Some(mac.is_some_and(|mac| mac.verify_slice(&given).is_ok()))
    }
}

/// When a new key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renew {
    /// In any case.
    Now,
    /// Unless another node made one that this one has not heard of.
    IfDue,
}

impl App {
    /// Makes a new key for links when the newest is [`KEY_AGE`] old.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn links_rotate_if_due(&self) -> Result<(), StoreError> {
        let newest = lock(&self.links.keys).first().map(|key| key.created_at);
        let due = newest.is_none_or(|made| self.clock.now().since(made) >= KEY_AGE);
        if due { self.links_renew(Renew::IfDue).await } else { Ok(()) }
    }

    /// Makes a new key for links. Links of the key before stay good until they expire; older ones are refused.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn links_rotate(&self) -> Result<(), StoreError> {
        self.links_renew(Renew::Now).await
    }

    async fn links_renew(&self, renew: Renew) -> Result<(), StoreError> {
        let (fresh, now) = (random::<32>(&*self.entropy), self.clock.now());
        let keys = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let known = load(tx).await?;
                    let is_due = known.first().is_none_or(|newest| now.since(newest.created_at) >= KEY_AGE);
                    if renew == Renew::IfDue && !is_due {
                        return Ok(known);
                    }
                    let newest = keys::secret_key_add(tx, PURPOSE, &fresh, now).await?;
                    keys::secret_keys_retire(tx, PURPOSE, newest.id, now).await?;
                    keys::secret_keys_drop(tx, PURPOSE, now.minus(LIFETIME)).await?;
                    load(tx).await
                })
            })
            .await?;
        *lock(&self.links.keys) = keys;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use windlass_domain::ids::Sha256;

    use super::*;

    #[test]
    fn a_link_reads_back_as_minted_and_nothing_else_is_read() {
        let good = "/downloads/v1/7/app.bin?execution=3&expires=100&signature=1.ab";
        let claimed = parse(good).unwrap();
        assert_eq!((claimed.execution.get(), claimed.artifact.get(), claimed.key), (3, 7, 1));
        for bad in [
            "",
            "/downloads/v1/7/app.bin",
            "/downloads/v1/7?execution=3&expires=100&signature=1.ab",
            "/downloads/v1/7/?execution=3&expires=100&signature=1.ab",
            "/downloads/v1/7/a/b?execution=3&expires=100&signature=1.ab",
            "/downloads/v2/7/app.bin?execution=3&expires=100&signature=1.ab",
            "/downloads/v1/x/app.bin?execution=3&expires=100&signature=1.ab",
            "/downloads/v1/7/app.bin?execution=-3&expires=100&signature=1.ab",
            "/downloads/v1/7/app.bin?execution=3&expires=soon&signature=1.ab",
            "/downloads/v1/7/app.bin?execution=3&expires=100&signature=ab",
            "/downloads/v1/7/app.bin?execution=3&execution=4&expires=100&signature=1.ab",
            "/downloads/v1/7/app.bin?execution=3&expires=100&signature=1.ab&more=1",
            "/downloads/v1/7/app.bin?execution=3&expires=100",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        assert_eq!(in_path("os-1.0_~.swu").to_string(), "os-1.0_~.swu");
        let name = "Ü & ?#=1'%/+.swu";
        assert_eq!(in_path(name).to_string(), "%C3%9C%20%26%20%3F%23%3D1%27%25%2F%2B.swu");
        let link = format!("{PATH}7/{}?execution=3&expires=100&signature=1.ab", in_path(name));
        assert!(parse(&link).is_some());
    }

    #[test]
    fn a_signature_covers_execution_artifact_and_time() {
        let links = Links {
            keys: Mutex::new(vec![LinkKey {
                id: 5,
                value: vec![1; 32],
                created_at: Timestamp::from_seconds(0),
            }]),
            answers: Mutex::default(),
        };
        let artifact = Artifact {
            id: ArtifactId::new(7),
            name: "app.bin".parse().unwrap(),
            sha256: Sha256::of(b""),
            sums: None,
            size: 0,
            signature: None,
            created_at: Timestamp::from_seconds(0),
            created_by: String::new(),
        };
        let link = links.mint("https://h", ExecutionId::new(3), &artifact, Timestamp::from_seconds(1));
        let path = link.strip_prefix("https://h").unwrap();
        assert_eq!(links.verify(&parse(path).unwrap()), Some(true));
        for (from, to) in [
            ("execution=3", "execution=4"),
            ("/v1/7/", "/v1/8/"),
            ("expires=86401", "expires=86402"),
            ("signature=5.", "signature=5.00"),
        ] {
            let changed = path.replace(from, to);
            assert_ne!(changed, path);
            assert_eq!(links.verify(&parse(&changed).unwrap()), Some(false), "{changed}");
        }
        let other_key = path.replace("signature=5.", "signature=6.");
        assert_eq!(links.verify(&parse(&other_key).unwrap()), None);
    }
}

//! Audit records: written in the change's own transaction, chained and signed by the sealer, read, exported, verified.
//!
//! A person's name stands apart from the rest and can be erased; see [`windlass_domain::audit`] for what is chained.
//! What nobody inside can prove is that the *end* of the chain was not cut off together with its seals: whoever must
//! know keeps an exported seal elsewhere.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use p256::ecdsa::signature::{Signer, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use serde_json::{Value, json};
use windlass_domain::audit::{Entry, GENESIS, Report, Seal, Verifier, link, personal_hash};
use windlass_domain::ids::{Sha256, TenantId};
use windlass_domain::permission::{Actor, Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::audit as table;
use windlass_store::{StoreError, Tx};

use crate::app::App;
use crate::authority::{AuthorityError, read_or_make};
use crate::clock::{Entropy, SystemEntropy, random};
use crate::error::AppError;
use crate::permit::demand;

mod export;

pub use export::{ExportError, verify};
pub use windlass_store::audit::Filter;

/// Records that one seal covers at most; also the page of exports.
const BATCH: u32 = 500;
const SEAL_EVERY: Duration = Duration::from_secs(1);

/// The key that seals are signed with: P-256, in `keys/audit.pem`. Clones share it.
#[derive(Clone)]
pub struct AuditKey(Arc<SigningKey>);

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditKey").finish_non_exhaustive()
    }
}

impl AuditKey {
    /// Opens the key in `directory` (the `keys` of the data directory), or makes it.
    ///
    /// # Errors
    /// A file that others may read, or that holds no key.
    pub fn open(directory: &Path, entropy: &dyn Entropy) -> Result<Self, AuthorityError> {
        let path = directory.join("audit.pem");
        let unreadable =
            || AuthorityError::Unreadable { path: path.clone(), problem: "it holds no P-256 key".to_owned() };
        let text = read_or_make::<AuthorityError>(&path, || {
            let key = loop {
                if let Ok(key) = SigningKey::from_slice(&random::<32>(entropy)) {
                    break key;
                }
            };
            key.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.to_string()).map_err(|_| unreadable())
        })?;
        let key = SigningKey::from_pkcs8_pem(&text).map_err(|_| unreadable())?;
        Ok(Self(Arc::new(key)))
    }

    /// The public half, PEM (SubjectPublicKeyInfo), for verification elsewhere.
    pub fn public_pem(&self) -> String {
        self.0.verifying_key().to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(message);
        signature.to_der().as_bytes().to_vec()
    }
}

/// Judges a signature by a public key.
fn is_signed(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    Signature::from_der(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
}

/// A record as shown to operators.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditView {
    /// Row number.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// `user:anna`, `token:ci#3`, `system:…`; `user:(erased)` once the name was erased.
    pub actor: String,
    /// `noun.verb`.
    pub action: String,
    /// `device:pump-1` and the like.
    pub target: String,
    /// The rest of what was done.
    pub details: Value,
    /// Its link in the chain; none until it is sealed, within seconds.
    pub hash: Option<Sha256>,
}

/// Records an action in the transaction that carries it out. `action` is `noun.verb` such as `device.create`;
/// `target` names what was changed, never a person (`user:12`); `details` hold no secret and no personal field.
///
/// # Errors
/// When the store fails.
pub async fn record(
    tx: &mut Tx<'_>,
    by: &Principal,
    action: &str,
    target: &str,
    details: Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Principal { tenant, actor: Actor { kind, name }, role, scope } = by;
    // The salt keeps the name from being guessed out of its hash after erasure; no decision hangs on it.
    let salt = hex::encode(random::<16>(&SystemEntropy));
    let personal = json!({"salt": salt, "actor": name}).to_string();
    let mut body = json!({"actor": kind.as_str(), "role": role.as_str(), "details": details});
    if let (Some(scope), Some(object)) = (scope, body.as_object_mut()) {
        object.insert("scope".to_owned(), Value::from(scope.as_str()));
    }
    let new = table::NewRecord {
        tenant: *tenant,
        at: now,
        action: action.to_owned(),
        target: target.to_owned(),
        body: body.to_string(),
        personal_hash: personal_hash(&personal),
        personal,
    };
    table::append(tx, &new).await
}

fn view(stored: table::Stored) -> AuditView {
    let table::Stored { record, sealed } = stored;
    let mut body: Value = serde_json::from_str(&record.body).unwrap_or_default();
    let kind = body.get("actor").and_then(Value::as_str).unwrap_or("unknown").to_owned();
    let personal: Option<Value> = record.personal.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let name = personal.as_ref().and_then(|personal| personal.get("actor")).and_then(Value::as_str);
    AuditView {
        seq: record.seq,
        at: record.at,
        actor: format!("{kind}:{}", name.unwrap_or("(erased)")),
        action: record.action,
        target: record.target,
        details: body.get_mut("details").map(Value::take).unwrap_or_default(),
        hash: sealed.map(|(_, hash)| hash),
    }
}

/// How far a reader of the whole chain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Sealed(i64),
    Unsealed(i64),
    Done,
}

/// An export under way: pages of JSON lines.
#[derive(Debug)]
pub struct Export {
    app: App,
    tenant: TenantId,
    header: Option<String>,
    progress: Progress,
}

impl Export {
    /// The next page of lines; none at the end.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_page(&mut self) -> Result<Option<String>, AppError> {
        if let Some(header) = self.header.take() {
            return Ok(Some(header));
        }
        let Some(entries) = self.app.audit_entries(&mut self.progress).await? else { return Ok(None) };
        Ok(Some(entries.into_iter().filter_map(|entry| export::line(entry, self.tenant)).collect()))
    }
}

impl App {
    /// Records of the tenant, newest first.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn audit_list(
        &self,
        by: &Principal,
        filter: Filter,
        limit: u32,
    ) -> Result<Vec<AuditView>, AppError> {
        demand(by, Permission::AuditRead)?;
        let tenant = by.tenant;
        let rows = self
            .store
            .read(move |tx| {
                let filter = filter.clone();
                Box::pin(async move { table::list(tx, tenant, &filter, limit).await })
            })
            .await
            .map_err(AppError::Store)?;
        Ok(rows.into_iter().map(view).collect())
    }

    /// Everything that offline verification needs, as JSON lines. Records of other tenants appear as digests only.
    ///
    /// # Errors
    /// Forbidden.
    pub fn audit_export(&self, by: &Principal) -> Result<Export, AppError> {
        demand(by, Permission::AuditRead)?;
        let header = Some(export::header(&self.audit_key.public_pem()));
        Ok(Export { app: self.clone(), tenant: by.tenant, header, progress: Progress::Sealed(0) })
    }

    /// Verifies the whole chain in the store with this server's own key.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn audit_verify(&self, by: &Principal) -> Result<Report, AppError> {
        demand(by, Permission::AuditRead)?;
        let key = *self.audit_key.0.verifying_key();
        let (mut verifier, mut progress) = (Verifier::default(), Progress::Sealed(0));
        while let Some(entries) = self.audit_entries(&mut progress).await? {
            for entry in &entries {
                verifier.take(entry, |message, signature| is_signed(&key, message, signature));
            }
        }
        Ok(verifier.finish())
    }

    /// The public key of the seals, PEM.
    pub fn audit_public_key(&self) -> String {
        self.audit_key.public_pem()
    }

    /// Erases a person's name from every record of the tenant. The chain stays good. Returns how many records.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn audit_erase(&self, by: &Principal, name: &str) -> Result<u64, AppError> {
        demand(by, Permission::AuditErase)?;
        let (by, name, now) = (by.clone(), name.to_owned(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, name) = (by.clone(), name.clone());
                Box::pin(async move {
                    let (mut after, mut erased) = (0, 0_u64);
                    loop {
                        let page = table::personal(tx, by.tenant, after, BATCH).await?;
                        let Some((last, _)) = page.last() else { break };
                        after = *last;
                        for (seq, personal) in &page {
                            let personal: Value = serde_json::from_str(personal).unwrap_or_default();
                            if personal.get("actor").and_then(Value::as_str) == Some(name.as_str()) {
                                table::erase(tx, *seq).await?;
                                erased += 1;
                            }
                        }
                    }
                    record(tx, &by, "audit.erase", "audit", json!({"records": erased}), now).await?;
                    Ok(erased)
                })
            })
            .await
    }

    /// Chains and signs what waits, one seal for a batch. Returns how many records were sealed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit_seal(&self) -> Result<u64, AppError> {
        let mut sealed = 0;
        loop {
            let (key, now) = (self.audit_key.clone(), self.clock.now());
            let count: u64 = self
                .store
                .write(move |tx| {
                    let key = key.clone();
                    Box::pin(async move { seal_batch(tx, &key, now).await })
                })
                .await
                .map_err(AppError::Store)?;
            sealed += count;
            if count < u64::from(BATCH) {
                return Ok(sealed);
            }
        }
    }

    /// Seals every second until stopped, on the node that holds the lease. Should two seal at once, transactions are
    /// serializable: one of them gives each record its place.
    pub async fn audit_sealer(self) {
        loop {
            if self.leads("audit").await
                && let Err(error) = self.audit_seal().await
            {
                tracing::error!(error = %crate::error::chain(&error), "audit records could not be sealed");
            }
            tokio::time::sleep(SEAL_EVERY).await;
        }
    }

    /// The next entries of the chain; none at the end.
    async fn audit_entries(&self, progress: &mut Progress) -> Result<Option<Vec<Entry>>, AppError> {
        let at = *progress;
        let (entries, next) = self
            .store
            .read(move |tx| Box::pin(async move { read_entries(tx, at).await }))
            .await
            .map_err(AppError::Store)?;
        *progress = next;
        Ok((at != Progress::Done).then_some(entries))
    }
}

async fn read_entries(tx: &mut Tx<'_>, at: Progress) -> Result<(Vec<Entry>, Progress), StoreError> {
    let mut entries = Vec::new();
    match at {
        Progress::Sealed(after) => {
            let rows = table::sealed(tx, after, BATCH).await?;
            let Some(last) = rows.last().and_then(|row| row.sealed).map(|(position, _)| position) else {
                return Ok((entries, Progress::Unsealed(0)));
            };
            let mut seals = table::seals(tx, after, last).await?.into_iter().peekable();
            for table::Stored { record, sealed } in rows {
                let Some((position, hash)) = sealed else { continue };
                // A seal whose last record is missing comes before the next record, and does not fit there.
                entries.extend(
                    std::iter::from_fn(|| seals.next_if(|seal| seal.last < position)).map(Entry::Seal),
                );
                entries.push(Entry::Sealed { position, hash, record });
                entries.extend(
                    std::iter::from_fn(|| seals.next_if(|seal| seal.last == position)).map(Entry::Seal),
                );
            }
            Ok((entries, Progress::Sealed(last)))
        }
        Progress::Unsealed(after) => {
            let rows = table::unsealed(tx, after, BATCH).await?;
            let next = rows.last().map_or(Progress::Done, |row| Progress::Unsealed(row.record.seq));
            entries.extend(rows.into_iter().map(|row| Entry::Unsealed(row.record)));
            Ok((entries, next))
        }
        Progress::Done => Ok((entries, Progress::Done)),
    }
}

async fn seal_batch(tx: &mut Tx<'_>, key: &AuditKey, now: Timestamp) -> Result<u64, StoreError> {
    let waiting = table::unsealed(tx, 0, BATCH).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let (before, mut hash) = match table::last_seal(tx).await? {
        Some(seal) => (seal.last, seal.hash),
        None => (0, GENESIS),
    };
    let mut position = before;
    for table::Stored { record, .. } in &waiting {
        position += 1;
        hash = link(&hash, position, &record.digest());
        table::place(tx, record.seq, position, &hash).await?;
    }
    let signature = key.sign(&Seal::message(before + 1, position, now, &hash));
    table::add_seal(tx, &Seal { first: before + 1, last: position, at: now, hash, signature }).await?;
    Ok(u64::try_from(waiting.len()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;

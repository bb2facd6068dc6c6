//! Alerts: what is wrong and open, what was, and what the reconciler must see to find out.

use windlass_domain::alert::{About, AlertKind, Condition};
use windlass_domain::event::Severity;
use windlass_domain::ids::{AlertId, ClaimId, CredentialId, DeviceId, JobId, TenantId};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::row::{read, time};
use crate::tx::{Tx, execute, fetch_all, fetch_one, fetch_optional};

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Public number; rises with the time of opening.
    pub id: AlertId,
    /// Owner.
    pub tenant: TenantId,
    /// What is wrong.
    pub kind: AlertKind,
    /// With what.
    pub about: About,
    /// How much it matters.
    pub severity: Severity,
    /// One line that reads alone.
    pub subject: String,
    /// What is known.
    pub detail: String,
    /// What to do.
    pub action: String,
    /// When it opened.
    pub opened_at: Timestamp,
    /// When what is known last changed.
    pub last_at: Timestamp,
    /// How often that was, the opening included.
    pub count: i64,
    /// Since when somebody looks after it, and who.
    pub acknowledged: Option<(Timestamp, String)>,
    /// When it closed, and why.
    pub closed: Option<(Timestamp, String)>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    tenant_id: i64,
    kind: String,
    about: String,
    severity: String,
    subject: String,
    detail: String,
    action: String,
    opened_at: i64,
    last_at: i64,
    count: i64,
    acknowledged_at: Option<i64>,
    acknowledged_by: Option<String>,
    closed_at: Option<i64>,
    closed_reason: Option<String>,
}

impl Row {
    fn read(self) -> Result<Alert, StoreError> {
        let Self {
            id,
            tenant_id,
            kind,
            about,
            severity,
            subject,
            detail,
            action,
            opened_at,
            last_at,
            count,
            acknowledged_at,
            acknowledged_by,
            closed_at,
            closed_reason,
        } = self;
        Ok(Alert {
            id: AlertId::new(id),
            tenant: TenantId::new(tenant_id),
            kind: read("alert.kind", &kind)?,
            about: read("alert.about", &about)?,
            severity: read("alert.severity", &severity)?,
            subject,
            detail,
            action,
            opened_at: Timestamp::from_micros(opened_at),
            last_at: Timestamp::from_micros(last_at),
            count,
            acknowledged: time(acknowledged_at).map(|at| (at, acknowledged_by.unwrap_or_default())),
            closed: time(closed_at).map(|at| (at, closed_reason.unwrap_or_default())),
        })
    }
}

macro_rules! columns {
    () => {
        "id, tenant_id, kind, about, severity, subject, detail, action, opened_at, last_at, count, \
         acknowledged_at, acknowledged_by, closed_at, closed_reason"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM alert ", $rest)
    };
}

/// Changes an alert, if the condition after WHERE still holds. What it is then.
macro_rules! change {
    ($tx:expr, $set:literal, $($bind:expr),+ $(,)?) => {{
        let row = fetch_optional!($tx, Row, concat!("UPDATE alert SET ", $set, " RETURNING ", columns!()), $($bind),+)?;
        written($tx, row).await
    }};
}

async fn written(tx: &mut Tx<'_>, row: Option<Row>) -> Result<Option<Alert>, StoreError> {
    match row {
        Some(row) => {
            tx.changed(ChangeKind::Alert, row.id);
            row.read().map(Some)
        }
        None => Ok(None),
    }
}

/// Opens an alert for a condition; none if the condition has one already, open or closed by hand.
///
/// # Errors
/// When the database fails.
pub async fn open(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    condition: &Condition,
    now: Timestamp,
) -> Result<Option<Alert>, StoreError> {
    let Condition { kind, about, severity, subject, detail, action } = condition;
    let row = fetch_optional!(
        tx,
        Row,
        concat!(
            "INSERT INTO alert (tenant_id, kind, about, device_id, severity, subject, detail, action, standing, \
               opened_at, last_at, count) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9, 1) \
             ON CONFLICT (tenant_id, kind, about) WHERE standing = 1 DO NOTHING RETURNING ",
            columns!()
        ),
        tenant.get(),
        kind.as_str(),
        about.to_string(),
        about.device().map(DeviceId::get),
        severity.as_str(),
        subject.as_str(),
        detail.as_str(),
        action.as_str(),
        now.micros()
    )?;
    written(tx, row).await
}

/// Conditions of one kind that are noted, with the detail that is noted, by number: those above `after`.
///
/// # Errors
/// When the database fails.
pub async fn standing(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    kind: AlertKind,
    after: i64,
    limit: u32,
) -> Result<Vec<(AlertId, About, String)>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64, String, String),
        "SELECT id, about, detail FROM alert WHERE tenant_id = $1 AND kind = $2 AND standing = 1 AND id > $3
         ORDER BY id LIMIT $4",
        tenant.get(),
        kind.as_str(),
        after,
        i64::from(limit)
    )?;
    rows.into_iter()
        .map(|(id, about, detail)| Ok((AlertId::new(id), read("alert.about", &about)?, detail)))
        .collect()
}

/// Notes what a condition reads like now.
///
/// # Errors
/// When the database fails.
pub async fn amend(
    tx: &mut Tx<'_>,
    id: AlertId,
    condition: &Condition,
    now: Timestamp,
) -> Result<Option<Alert>, StoreError> {
    change!(
        tx,
        "severity = $1, subject = $2, detail = $3, action = $4, last_at = $5, count = count + 1
         WHERE id = $6 AND standing = 1",
        condition.severity.as_str(),
        condition.subject.as_str(),
        condition.detail.as_str(),
        condition.action.as_str(),
        now.micros(),
        id.get()
    )
}

/// Notes that a condition has ended. The alert, if that closed it; none if it was closed by hand before.
///
/// # Errors
/// When the database fails.
pub async fn end(
    tx: &mut Tx<'_>,
    id: AlertId,
    reason: &str,
    now: Timestamp,
) -> Result<Option<Alert>, StoreError> {
    let closed = change!(
        tx,
        "closed_at = $1, closed_reason = $2 WHERE id = $3 AND standing = 1 AND closed_at IS NULL",
        now.micros(),
        reason,
        id.get()
    )?;
    execute!(tx, "UPDATE alert SET standing = 0 WHERE id = $1", id.get())?;
    Ok(closed)
}

/// One alert of a tenant.
///
/// # Errors
/// When the database fails.
pub async fn by_id(tx: &mut Tx<'_>, tenant: TenantId, id: AlertId) -> Result<Option<Alert>, StoreError> {
    let row = fetch_optional!(tx, Row, select!("WHERE tenant_id = $1 AND id = $2"), tenant.get(), id.get())?;
    row.map(Row::read).transpose()
}

/// Notes who looks after an open alert. None if it is closed, or noted already.
///
/// # Errors
/// When the database fails.
pub async fn acknowledge(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: AlertId,
    by: &str,
    now: Timestamp,
) -> Result<Option<Alert>, StoreError> {
    change!(
        tx,
        "acknowledged_at = $1, acknowledged_by = $2
         WHERE tenant_id = $3 AND id = $4 AND closed_at IS NULL AND acknowledged_at IS NULL",
        now.micros(),
        by,
        tenant.get(),
        id.get()
    )
}

/// Closes an open alert by hand; it does not open again while its condition goes on. None if it is closed.
///
/// # Errors
/// When the database fails.
pub async fn close(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: AlertId,
    reason: &str,
    now: Timestamp,
) -> Result<Option<Alert>, StoreError> {
    change!(
        tx,
        "closed_at = $1, closed_reason = $2 WHERE tenant_id = $3 AND id = $4 AND closed_at IS NULL",
        now.micros(),
        reason,
        tenant.get(),
        id.get()
    )
}

/// Which alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pick {
    /// Only open, or only closed ones.
    pub open: Option<bool>,
    /// Only of this kind.
    pub kind: Option<AlertKind>,
    /// Only about this device.
    pub device: Option<DeviceId>,
}

/// Alerts of a tenant with numbers below `before`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    pick: &Pick,
    before: i64,
    limit: u32,
) -> Result<Vec<Alert>, StoreError> {
    let sql = match (pick.device, pick.open) {
        (Some(_), _) => {
            select!(
                "WHERE tenant_id = $1 AND id < $2 AND ($3 = '' OR kind = $3) AND device_id = $4
                 AND ($5 < 0 OR (CASE WHEN closed_at IS NULL THEN 1 ELSE 0 END) = $5) ORDER BY id DESC LIMIT $6"
            )
        }
        (None, Some(true)) => {
            select!(
                "WHERE tenant_id = $1 AND id < $2 AND ($3 = '' OR kind = $3) AND ($4 = 0 OR device_id = $4)
                 AND $5 = 1 AND closed_at IS NULL ORDER BY id DESC LIMIT $6"
            )
        }
        (None, Some(false) | None) => {
            select!(
                "WHERE tenant_id = $1 AND id < $2 AND ($3 = '' OR kind = $3) AND ($4 = 0 OR device_id = $4)
                 AND ($5 < 0 OR closed_at IS NOT NULL) ORDER BY id DESC LIMIT $6"
            )
        }
    };
    let rows = fetch_all!(
        tx,
        Row,
        sql,
        tenant.get(),
        before,
        pick.kind.map_or("", AlertKind::as_str),
        pick.device.map_or(0, DeviceId::get),
        pick.open.map_or(-1_i64, i64::from),
        i64::from(limit)
    )?;
    rows.into_iter().map(Row::read).collect()
}

/// How many alerts of a tenant are open.
///
/// # Errors
/// When the database fails.
pub async fn count_open(tx: &mut Tx<'_>, tenant: TenantId) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM alert WHERE tenant_id = $1 AND closed_at IS NULL";
    Ok(fetch_one!(tx, (i64,), sql, tenant.get())?.0)
}

/// How many alerts are open in all tenants.
///
/// # Errors
/// When the database fails.
pub async fn count_all_open(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    Ok(fetch_one!(tx, (i64,), "SELECT COUNT(*) FROM alert WHERE closed_at IS NULL")?.0)
}

/// Drops alerts that closed before `before` and whose condition has ended, at most `limit`. Returns how many went.
///
/// # Errors
/// When the database fails.
pub async fn expire(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    execute!(
        tx,
        "DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE closed_at < $1 AND standing = 0
         ORDER BY closed_at LIMIT $2)",
        before.micros(),
        i64::from(limit)
    )
}

/// Jobs that their failure threshold stopped, in all tenants.
///
/// # Errors
/// When the database fails.
pub async fn jobs_halted(tx: &mut Tx<'_>) -> Result<Vec<JobId>, StoreError> {
    let rows = fetch_all!(tx, (i64,), "SELECT id FROM job WHERE state = 'halted' ORDER BY id")?;
    Ok(rows.into_iter().map(|(id,)| JobId::new(id)).collect())
}

/// A certificate near its end that nothing has replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndingCertificate {
    /// Which.
    pub id: CredentialId,
    /// Owner.
    pub tenant: TenantId,
    /// Whose: a device's, or else a claim's.
    pub whose: CertificateOf,
    /// Begin of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
}

/// Whose a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateOf {
    /// A device's.
    Device(DeviceId),
    /// A claim's own.
    Claim(ClaimId),
}

/// Active certificates that end before `before` and have no active successor that lasts longer, by number: those
/// above `after`. One for each device at most.
///
/// # Errors
/// When the database fails.
pub async fn certificates_ending(
    tx: &mut Tx<'_>,
    before: Timestamp,
    after: i64,
    limit: u32,
) -> Result<Vec<EndingCertificate>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64, i64, Option<i64>, Option<i64>, String, i64, i64),
        "SELECT c.id, c.tenant_id, c.device_id, c.claim_id, c.purpose, c.not_before, c.not_after FROM credential c
         WHERE c.status = 'active' AND c.not_after < $1 AND c.id > $2
           AND (c.purpose = 'claim' OR (c.device_id IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM credential n WHERE n.device_id = c.device_id AND n.status = 'active'
               AND (n.not_after > c.not_after OR (n.not_after = c.not_after AND n.id > c.id)))))
         ORDER BY c.id LIMIT $3",
        before.micros(),
        after,
        i64::from(limit)
    )?;
    rows.into_iter()
        .map(|(id, tenant, device, claim, purpose, not_before, not_after)| {
            let whose = match (purpose.as_str(), device, claim) {
                ("device", Some(device), _) => CertificateOf::Device(DeviceId::new(device)),
                (_, _, Some(claim)) => CertificateOf::Claim(ClaimId::new(claim)),
                (_, _, None) => return Err(StoreError::corrupt("credential.claim_id", "is missing")),
            };
            Ok(EndingCertificate {
                id: CredentialId::new(id),
                tenant: TenantId::new(tenant),
                whose,
                not_before: Timestamp::from_micros(not_before),
                not_after: Timestamp::from_micros(not_after),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;

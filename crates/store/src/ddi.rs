//! What is known of devices as hawkBit targets, what was served of their actions, and the history of actions.

use std::collections::{HashMap, HashSet};

use windlass_domain::ids::{DeviceId, ExecutionId, TenantId};
use windlass_domain::time::Timestamp;

use crate::changes::ChangeKind;
use crate::error::StoreError;
use crate::row::{read_json, time, write_json};
use crate::tx::{Tx, among, execute, fetch_all, fetch_one, fetch_optional};

/// What a device runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Name of the set.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The action that brought it, if one did.
    pub execution: Option<ExecutionId>,
    /// Since when.
    pub at: Timestamp,
}

/// Who lets updates of a device go on by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoConfirm {
    /// A name, as it was given.
    pub initiator: Option<String>,
    /// Why.
    pub remark: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// A device as a hawkBit target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether the device is to send its attributes.
    pub attributes_wanted: bool,
    /// Set while updates go on without being confirmed.
    pub auto_confirm: Option<AutoConfirm>,
    /// What it runs, as far as it told.
    pub installed: Option<Installed>,
}

impl Default for Target {
    fn default() -> Self {
        Self { attributes_wanted: true, auto_confirm: None, installed: None }
    }
}

#[derive(sqlx::FromRow)]
struct TargetRow {
    attributes_wanted: i64,
    auto_confirm: Option<String>,
    installed_execution: Option<i64>,
    installed_name: Option<String>,
    installed_version: Option<String>,
    installed_at: Option<i64>,
}

type AutoConfirmRow = (Option<String>, Option<String>, i64);

/// A device as a target; one that was never written wants attributes and has nothing else.
///
/// # Errors
/// When the database fails.
pub async fn target(tx: &mut Tx<'_>, device: DeviceId) -> Result<Target, StoreError> {
    let row = fetch_optional!(
        tx,
        TargetRow,
        "SELECT attributes_wanted, auto_confirm, installed_execution, installed_name, installed_version, installed_at
         FROM ddi_target WHERE device_id = $1",
        device.get()
    )?;
    row.map_or_else(|| Ok(Target::default()), TargetRow::read)
}

/// Every device of a tenant that was ever written as a target.
///
/// # Errors
/// When the database fails.
pub async fn targets_of_tenant(
    tx: &mut Tx<'_>,
    tenant: TenantId,
) -> Result<HashMap<DeviceId, Target>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        device_id: i64,
        #[sqlx(flatten)]
        target: TargetRow,
    }
    let rows = fetch_all!(
        tx,
        Row,
        "SELECT t.device_id, t.attributes_wanted, t.auto_confirm, t.installed_execution, t.installed_name,
           t.installed_version, t.installed_at
         FROM ddi_target t JOIN device d ON d.id = t.device_id WHERE d.tenant_id = $1",
        tenant.get()
    )?;
    rows.into_iter().map(|row| Ok((DeviceId::new(row.device_id), row.target.read()?))).collect()
}

impl TargetRow {
    fn read(self) -> Result<Target, StoreError> {
        let TargetRow {
            attributes_wanted,
            auto_confirm,
            installed_execution,
            installed_name,
            installed_version,
            installed_at,
        } = self;
        let auto_confirm = auto_confirm
            .map(|text| read_json::<AutoConfirmRow>("ddi_target.auto_confirm", &text))
            .transpose()?
            .map(|(initiator, remark, since)| AutoConfirm {
                initiator,
                remark,
                since: Timestamp::from_micros(since),
            });
        let installed = match (installed_name, installed_version, time(installed_at)) {
            (Some(name), Some(version), Some(at)) => {
                Some(Installed { name, version, execution: installed_execution.map(ExecutionId::new), at })
            }
            _ => None,
        };
        Ok(Target { attributes_wanted: attributes_wanted != 0, auto_confirm, installed })
    }
}

/// Writes a device as a target.
///
/// # Errors
/// When the database fails.
pub async fn target_put(tx: &mut Tx<'_>, device: DeviceId, target: &Target) -> Result<(), StoreError> {
    let Target { attributes_wanted, auto_confirm, installed } = target;
    let auto_confirm = match auto_confirm {
        Some(AutoConfirm { initiator, remark, since }) => {
            let row: AutoConfirmRow = (initiator.clone(), remark.clone(), since.micros());
            Some(write_json("ddi_target.auto_confirm", &row)?)
        }
        None => None,
    };
    let installed = installed.as_ref();
    execute!(
        tx,
        "INSERT INTO ddi_target (device_id, attributes_wanted, auto_confirm, installed_execution, installed_name,
           installed_version, installed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (device_id) DO UPDATE SET attributes_wanted = excluded.attributes_wanted,
           auto_confirm = excluded.auto_confirm, installed_execution = excluded.installed_execution,
           installed_name = excluded.installed_name, installed_version = excluded.installed_version,
           installed_at = excluded.installed_at",
        device.get(),
        i64::from(*attributes_wanted),
        auto_confirm,
        installed.and_then(|one| one.execution).map(ExecutionId::get),
        installed.map(|one| one.name.as_str()),
        installed.map(|one| one.version.as_str()),
        installed.map(|one| one.at.micros())
    )?;
    tx.changed(ChangeKind::DdiTarget, device.get());
    Ok(())
}

/// Takes back that a device runs what an update brought it: it fell back.
///
/// # Errors
/// When the database fails.
pub async fn installed_forget(
    tx: &mut Tx<'_>,
    device: DeviceId,
    brought: ExecutionId,
) -> Result<(), StoreError> {
    let written = execute!(
        tx,
        "UPDATE ddi_target SET installed_execution = NULL, installed_name = NULL, installed_version = NULL,
           installed_at = NULL WHERE device_id = $1 AND installed_execution = $2",
        device.get(),
        brought.get(),
    )?;
    if written > 0 {
        tx.changed(ChangeKind::DdiTarget, device.get());
    }
    Ok(())
}

/// What was served of an action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Served {
    /// When its document was first fetched.
    pub retrieved_at: Option<Timestamp>,
    /// When its cancelation was first fetched.
    pub cancel_retrieved_at: Option<Timestamp>,
    /// Whether the device was last told not to install.
    pub skip: bool,
    /// Whether an operator had this device act at once, whatever the job says.
    pub forced: bool,
}

/// What was served of an action so far.
///
/// # Errors
/// When the database fails.
pub async fn served(tx: &mut Tx<'_>, execution: ExecutionId) -> Result<Served, StoreError> {
    let row = fetch_optional!(
        tx,
        (Option<i64>, Option<i64>, i64, i64),
        "SELECT retrieved_at, cancel_retrieved_at, skip_served, forced FROM ddi_action WHERE execution_id = $1",
        execution.get()
    )?;
    Ok(row.map_or_else(Served::default, |(retrieved, cancel, skip, forced)| Served {
        retrieved_at: time(retrieved),
        cancel_retrieved_at: time(cancel),
        skip: skip != 0,
        forced: forced != 0,
    }))
}

/// Those of these actions whose documents were fetched.
///
/// # Errors
/// When the database fails.
pub async fn retrieved(tx: &mut Tx<'_>, actions: &[ExecutionId]) -> Result<HashSet<ExecutionId>, StoreError> {
    if actions.is_empty() {
        return Ok(HashSet::new());
    }
    let list = serde_json::Value::from_iter(actions.iter().map(|id| id.get())).to_string();
    let sql = among!(
        tx,
        "SELECT execution_id FROM ddi_action WHERE retrieved_at IS NOT NULL AND execution_id",
        "$1",
        ""
    );
    let rows = fetch_all!(tx, (i64,), sql, list.as_str())?;
    Ok(rows.into_iter().map(|(id,)| ExecutionId::new(id)).collect())
}

/// Writes what was served of an action.
///
/// # Errors
/// When the database fails.
pub async fn served_put(tx: &mut Tx<'_>, execution: ExecutionId, served: &Served) -> Result<(), StoreError> {
    let Served { retrieved_at, cancel_retrieved_at, skip, forced } = served;
    execute!(
        tx,
        "INSERT INTO ddi_action (execution_id, retrieved_at, cancel_retrieved_at, skip_served, forced)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (execution_id) DO UPDATE SET retrieved_at = excluded.retrieved_at,
           cancel_retrieved_at = excluded.cancel_retrieved_at, skip_served = excluded.skip_served,
           forced = excluded.forced",
        execution.get(),
        retrieved_at.map(Timestamp::micros),
        cancel_retrieved_at.map(Timestamp::micros),
        i64::from(*skip),
        i64::from(*forced)
    )
    .map(drop)
}

/// Something to be said of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewStatus {
    /// Which action.
    pub execution: ExecutionId,
    /// hawkBit's word in lower case: `retrieved`, `running`, `finished`, …
    pub kind: &'static str,
    /// A number of the device's own.
    pub code: Option<i64>,
    /// Texts, in order.
    pub messages: Vec<String>,
    /// When it was, by the device's clock.
    pub reported_at: Option<Timestamp>,
    /// How the device proved who it is; none where the server speaks.
    pub credential: Option<&'static str>,
}

impl NewStatus {
    /// What the server itself says, in the form that hawkBit gives it.
    pub fn by_server(execution: ExecutionId, kind: &'static str, text: &str) -> Self {
        let messages = vec![format!("Update Server: {text}")];
        Self { execution, kind, code: None, messages, reported_at: None, credential: None }
    }
}

/// What was said of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionStatus {
    /// Row id; rises.
    pub id: i64,
    /// hawkBit's word in lower case.
    pub kind: String,
    /// A number of the device's own.
    pub code: Option<i64>,
    /// Texts, in order.
    pub messages: Vec<String>,
    /// When it was, by the device's clock.
    pub reported_at: Option<Timestamp>,
    /// How the device proved who it is; none where the server speaks, or nobody noted it.
    pub credential: Option<String>,
    /// When it came.
    pub at: Timestamp,
}

/// Adds to the history of an action.
///
/// # Errors
/// When the database fails.
pub async fn status_insert(tx: &mut Tx<'_>, new: &NewStatus, now: Timestamp) -> Result<(), StoreError> {
    let NewStatus { execution, kind, code, messages, reported_at, credential } = new;
    execute!(
        tx,
        "INSERT INTO action_status (execution_id, kind, code, messages, reported_at, at, credential)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        execution.get(),
        *kind,
        *code,
        write_json("action_status.messages", messages)?,
        reported_at.map(Timestamp::micros),
        now.micros(),
        *credential
    )
    .map(drop)
}

/// How much was said of an action.
///
/// # Errors
/// When the database fails.
pub async fn status_count(tx: &mut Tx<'_>, execution: ExecutionId) -> Result<u64, StoreError> {
    let (count,) = fetch_one!(
        tx,
        (i64,),
        "SELECT CAST(COUNT(*) AS BIGINT) FROM action_status WHERE execution_id = $1",
        execution.get()
    )?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Whether an action began by what its device fetches, and the device itself said nothing of it.
///
/// # Errors
/// When the database fails.
pub async fn began_without_a_word(tx: &mut Tx<'_>, execution: ExecutionId) -> Result<bool, StoreError> {
    let (fetched, said) = fetch_one!(
        tx,
        (i64, i64),
        "SELECT CAST(COUNT(*) AS BIGINT), CAST(COUNT(credential) AS BIGINT) FROM action_status
         WHERE execution_id = $1 AND kind <> 'retrieved' AND (kind = 'download' OR credential IS NOT NULL)",
        execution.get()
    )?;
    Ok(fetched > 0 && said == 0)
}

/// A page of what was said of an action.
///
/// # Errors
/// When the database fails.
pub async fn statuses(
    tx: &mut Tx<'_>,
    execution: ExecutionId,
    newest_first: bool,
    offset: u32,
    limit: u32,
) -> Result<Vec<ActionStatus>, StoreError> {
    type Row = (i64, String, Option<i64>, String, Option<i64>, i64, Option<String>);
    let sql = if newest_first {
        "SELECT id, kind, code, messages, reported_at, at, credential FROM action_status WHERE execution_id = $1
         ORDER BY id DESC LIMIT $2 OFFSET $3"
    } else {
        "SELECT id, kind, code, messages, reported_at, at, credential FROM action_status WHERE execution_id = $1
         ORDER BY id LIMIT $2 OFFSET $3"
    };
    let rows = fetch_all!(tx, Row, sql, execution.get(), i64::from(limit), i64::from(offset))?;
    rows.into_iter()
        .map(|(id, kind, code, messages, reported_at, at, credential)| {
            Ok(ActionStatus {
                id,
                kind,
                code,
                messages: read_json("action_status.messages", &messages)?,
                reported_at: time(reported_at),
                credential,
                at: Timestamp::from_micros(at),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn targets_and_what_was_served_read_back_as_written() {
        on_each_engine("ddi-target", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let (device, execution) = (DeviceId::new(3), ExecutionId::new(9));
                        assert_eq!(target(tx, device).await?, Target::default());
                        let full = Target {
                            attributes_wanted: false,
                            auto_confirm: Some(AutoConfirm {
                                initiator: Some("anna".to_owned()),
                                remark: None,
                                since: START,
                            }),
                            installed: Some(Installed {
                                name: "linux".to_owned(),
                                version: "1".to_owned(),
                                execution: Some(execution),
                                at: START,
                            }),
                        };
                        target_put(tx, device, &full).await?;
                        assert_eq!(target(tx, device).await?, full);
                        let less = Target { auto_confirm: None, installed: None, ..full };
                        target_put(tx, device, &less).await?;
                        assert_eq!(target(tx, device).await?, less);
                        assert_eq!(served(tx, execution).await?, Served::default());
                        let now = Served {
                            retrieved_at: Some(START),
                            skip: true,
                            forced: true,
                            ..Served::default()
                        };
                        served_put(tx, execution, &now).await?;
                        assert_eq!(served(tx, execution).await?, now);
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn the_history_of_an_action_is_paged_both_ways() {
        on_each_engine("ddi-history", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let execution = ExecutionId::new(9);
                        for number in 0..5_i64 {
                            let new = NewStatus {
                                execution,
                                kind: "running",
                                code: (number == 3).then_some(-7),
                                messages: vec![format!("message {number}")],
                                reported_at: None,
                                credential: None,
                            };
                            status_insert(tx, &new, START).await?;
                        }
                        assert_eq!(status_count(tx, execution).await?, 5);
                        assert_eq!(status_count(tx, ExecutionId::new(8)).await?, 0);
                        let texts = |page: Vec<ActionStatus>| -> Vec<String> {
                            page.into_iter().flat_map(|one| one.messages).collect()
                        };
                        assert_eq!(
                            texts(statuses(tx, execution, false, 1, 2).await?),
                            ["message 1", "message 2"]
                        );
                        let newest = statuses(tx, execution, true, 0, 2).await?;
                        assert_eq!(newest[1].code, Some(-7));
                        assert_eq!(texts(newest), ["message 4", "message 3"]);
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}

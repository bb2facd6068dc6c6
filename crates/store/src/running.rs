//! The versions that devices show, as they were last read at the places of their types. What was read under another type,
//! or before the type changed, is to be read again.

use std::collections::BTreeSet;

use windlass_domain::ids::DeviceId;

use crate::ChangeKind;
use crate::error::StoreError;
use crate::row::{read_json, write_ids, write_json};
use crate::tx::{Tx, among, execute, fetch_all, fetch_optional};

/// The type by which versions were read: its number and its version, or 0 and 0 of a device that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBy {
    /// Which.
    pub type_id: i64,
    /// As it was then.
    pub type_version: i64,
}

/// The versions that a device was last seen to show, each as `component version`.
///
/// # Errors
/// When the database fails.
pub async fn running(tx: &mut Tx<'_>, device: DeviceId) -> Result<BTreeSet<String>, StoreError> {
    let sql = "SELECT shown FROM device_running WHERE device_id = $1";
    let row = fetch_optional!(tx, (String,), sql, device.get())?;
    row.map_or_else(|| Ok(BTreeSet::new()), |(shown,)| read_json("device_running.shown", &shown))
}

/// Stores the versions that a device shows; nothing happens where those are stored already.
///
/// # Errors
/// When the database fails.
pub async fn running_put(
    tx: &mut Tx<'_>,
    device: DeviceId,
    shown: &BTreeSet<String>,
    by: ReadBy,
) -> Result<(), StoreError> {
    let sql = "SELECT shown, type_id, type_version FROM device_running WHERE device_id = $1";
    let row = fetch_optional!(tx, (String, i64, i64), sql, device.get())?;
    let (before, known) = match row {
        Some((shown, type_id, type_version)) => (
            read_json::<BTreeSet<String>>("device_running.shown", &shown)?,
            Some(ReadBy { type_id, type_version }),
        ),
        None => (BTreeSet::new(), None),
    };
    if before == *shown && known == Some(by) {
        return Ok(());
    }
    execute!(
        tx,
        "INSERT INTO device_running (device_id, shown, type_id, type_version) VALUES ($1, $2, $3, $4)
         ON CONFLICT (device_id) DO UPDATE SET shown = excluded.shown, type_id = excluded.type_id,
           type_version = excluded.type_version",
        device.get(),
        write_json("device_running.shown", shown)?,
        by.type_id,
        by.type_version,
    )?;
    if before != *shown {
        tx.changed(ChangeKind::Device, device.get());
    }
    Ok(())
}

/// The versions that all devices with an id above `after` and up to `last` show: goes with
/// [`crate::devices::devices_after`].
///
/// # Errors
/// When the database fails.
pub async fn running_between(
    tx: &mut Tx<'_>,
    after: DeviceId,
    last: DeviceId,
) -> Result<Vec<(DeviceId, BTreeSet<String>)>, StoreError> {
    let sql = "SELECT device_id, shown FROM device_running WHERE device_id > $1 AND device_id <= $2";
    let rows = fetch_all!(tx, (i64, String), sql, after.get(), last.get())?;
    rows.into_iter().map(of_device).collect()
}

/// The versions that these devices show.
///
/// # Errors
/// When the database fails.
pub async fn running_among(
    tx: &mut Tx<'_>,
    ids: &[DeviceId],
) -> Result<Vec<(DeviceId, BTreeSet<String>)>, StoreError> {
    let sql = among!(tx, "SELECT device_id, shown FROM device_running WHERE device_id", "$1", "");
    let rows = fetch_all!(tx, (i64, String), sql, write_ids(ids))?;
    rows.into_iter().map(of_device).collect()
}

fn of_device((device, shown): (i64, String)) -> Result<(DeviceId, BTreeSet<String>), StoreError> {
    Ok((DeviceId::new(device), read_json("device_running.shown", &shown)?))
}

/// The first devices above `after` whose versions were read by another type than theirs is now, or never though they said
/// something.
///
/// # Errors
/// When the database fails.
pub async fn unread(tx: &mut Tx<'_>, after: DeviceId, limit: u32) -> Result<Vec<DeviceId>, StoreError> {
    let sql = "SELECT d.id FROM device d
         LEFT JOIN device_type t ON t.id = d.type_id
         LEFT JOIN device_running r ON r.device_id = d.id
         WHERE d.id > $1
           AND CASE WHEN r.device_id IS NULL
             THEN d.inventory <> '{}' OR EXISTS (SELECT 1 FROM shadow s WHERE s.device_id = d.id AND s.name = '')
             ELSE r.type_id <> COALESCE(d.type_id, 0) OR r.type_version <> COALESCE(t.version, 0) END
         ORDER BY d.id LIMIT $2";
    let rows = fetch_all!(tx, (i64,), sql, after.get(), i64::from(limit))?;
    Ok(rows.into_iter().map(|(id,)| DeviceId::new(id)).collect())
}

#[cfg(test)]
mod tests {
    use windlass_domain::ids::TenantId;

    use super::*;
    use crate::devices::{NewDevice, device_by_id, device_insert, device_save};
    use crate::testing::{START, on_each_engine};

    #[tokio::test]
    async fn versions_are_unread_until_they_are_stored_and_again_when_the_type_is_another() {
        on_each_engine("running", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let new = NewDevice::named(TenantId::new(1), "d1".parse().unwrap());
                        let device = device_insert(tx, &new, START).await?.unwrap().id;
                        let first = DeviceId::new(0);
                        assert!(unread(tx, first, 10).await?.is_empty(), "it said nothing yet");
                        let mut said = device_by_id(tx, device).await?.unwrap();
                        said.inventory.insert("fw".parse().unwrap(), "1".to_owned());
                        assert!(device_save(tx, &mut said, START).await?);
                        assert_eq!(unread(tx, first, 10).await?, [device]);
                        assert!(unread(tx, device, 10).await?.is_empty());
                        assert!(running(tx, device).await?.is_empty());
                        let none = ReadBy { type_id: 0, type_version: 0 };
                        let shown = BTreeSet::from(["app 2.0".to_owned(), "os 12".to_owned()]);
                        running_put(tx, device, &shown, none).await?;
                        running_put(tx, device, &shown, none).await?;
                        assert!(unread(tx, first, 10).await?.is_empty());
                        assert_eq!(running(tx, device).await?, shown);
                        let all = running_between(tx, DeviceId::new(0), device).await?;
                        assert_eq!(all, [(device, shown.clone())]);
                        assert!(running_between(tx, device, DeviceId::new(i64::MAX)).await?.is_empty());
                        running_put(tx, device, &shown, ReadBy { type_id: 7, type_version: 1 }).await?;
                        assert_eq!(unread(tx, first, 10).await?, [device], "it is of no type");
                        running_put(tx, device, &BTreeSet::new(), none).await?;
                        assert!(
                            unread(tx, first, 10).await?.is_empty() && running(tx, device).await?.is_empty()
                        );
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}

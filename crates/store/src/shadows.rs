//! Shadows: one row per device and shadow, read and written whole.
//!
//! Knows the form in which documents are kept, not what an update does. The classic shadow is kept under the
//! empty name.

use serde::{Deserialize, Serialize};
use windlass_domain::ids::{DeviceId, ShadowName};
use windlass_domain::shadow::{Documents, Object, Section, Shadow, Stamp, Stamps};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::tx::{Tx, among, execute, fetch_all, fetch_one, fetch_optional};

/// One line of a device's list of shadows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowLine {
    /// None is the classic one.
    pub name: Option<ShadowName>,
    /// Its version.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Timestamp,
}

type Row = (String, i64, i64, Option<i64>);

/// The shadow of a device, live or deleted.
///
/// # Errors
/// When the database fails or what it holds cannot be read.
pub async fn shadow(
    tx: &mut Tx<'_>,
    device: DeviceId,
    name: Option<&ShadowName>,
) -> Result<Option<Shadow>, StoreError> {
    let row = fetch_optional!(
        tx,
        Row,
        "SELECT document, version, updated_at, deleted_at FROM shadow WHERE device_id = $1 AND name = $2",
        device.get(),
        key(name)
    )?;
    row.map(read).transpose()
}

/// The classic shadows of devices, live or deleted. `list`: their ids as a JSON array.
pub(crate) async fn classic_of(tx: &mut Tx<'_>, list: &str) -> Result<Vec<(DeviceId, Shadow)>, StoreError> {
    let sql = among!(
        tx,
        "SELECT device_id, document, version, updated_at, deleted_at FROM shadow WHERE device_id",
        "$1",
        " AND name = ''"
    );
    let rows = fetch_all!(tx, (i64, String, i64, i64, Option<i64>), sql, list)?;
    rows.into_iter()
        .map(|(device, document, version, updated_at, deleted_at)| {
            Ok((DeviceId::new(device), read((document, version, updated_at, deleted_at))?))
        })
        .collect()
}

/// Every live shadow of a device with its documents, the classic one first.
///
/// # Errors
/// When the database fails or what it holds cannot be read.
pub async fn live_shadows(
    tx: &mut Tx<'_>,
    device: DeviceId,
) -> Result<Vec<(Option<ShadowName>, Shadow)>, StoreError> {
    let rows = fetch_all!(
        tx,
        (String, String, i64, i64),
        "SELECT name, document, version, updated_at FROM shadow
         WHERE device_id = $1 AND deleted_at IS NULL ORDER BY name",
        device.get()
    )?;
    rows.into_iter()
        .map(|(name, document, version, updated_at)| {
            Ok((read_name(&name)?, read((document, version, updated_at, None))?))
        })
        .collect()
}

/// The live shadows of a device without their documents, the classic one first.
///
/// # Errors
/// When the database fails or what it holds cannot be read.
pub async fn shadow_lines(tx: &mut Tx<'_>, device: DeviceId) -> Result<Vec<ShadowLine>, StoreError> {
    let rows = fetch_all!(
        tx,
        (String, i64, i64),
        "SELECT name, version, updated_at FROM shadow
         WHERE device_id = $1 AND deleted_at IS NULL ORDER BY name",
        device.get()
    )?;
    rows.into_iter()
        .map(|(name, version, updated_at)| {
            Ok(ShadowLine {
                name: read_name(&name)?,
                version,
                updated_at: Timestamp::from_micros(updated_at),
            })
        })
        .collect()
}

/// The names of a device's live named shadows after `after` (empty for the start), at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn named_after(
    tx: &mut Tx<'_>,
    device: DeviceId,
    after: &str,
    limit: u32,
) -> Result<Vec<String>, StoreError> {
    let rows = fetch_all!(
        tx,
        (String,),
        "SELECT name FROM shadow
         WHERE device_id = $1 AND name > $2 AND deleted_at IS NULL ORDER BY name LIMIT $3",
        device.get(),
        after,
        i64::from(limit)
    )?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// How many live named shadows a device has.
///
/// # Errors
/// When the database fails.
pub async fn named_count(tx: &mut Tx<'_>, device: DeviceId) -> Result<i64, StoreError> {
    let (count,) = fetch_one!(
        tx,
        (i64,),
        "SELECT COUNT(*) FROM shadow WHERE device_id = $1 AND name <> '' AND deleted_at IS NULL",
        device.get()
    )?;
    Ok(count)
}

/// Keeps a shadow as it is now, whatever was there.
///
/// # Errors
/// When the database fails.
pub async fn put(
    tx: &mut Tx<'_>,
    device: DeviceId,
    name: Option<&ShadowName>,
    shadow: &Shadow,
) -> Result<(), StoreError> {
    let (document, version, updated_at, deleted_at) = match shadow {
        Shadow::Live { documents, version, updated_at } => (write(documents)?, *version, *updated_at, None),
        Shadow::Deleted { version, at } => (String::from("{}"), *version, *at, Some(at.micros())),
    };
    execute!(
        tx,
        "INSERT INTO shadow (device_id, name, document, version, updated_at, deleted_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (device_id, name) DO UPDATE SET document = excluded.document,
           version = excluded.version, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at",
        device.get(),
        key(name),
        document,
        version,
        updated_at.micros(),
        deleted_at
    )
    .map(drop)
}

/// Forgets shadows that were deleted before `before`. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn forget_deleted(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64, StoreError> {
    execute!(tx, "DELETE FROM shadow WHERE deleted_at < $1", before.micros())
}

fn key(name: Option<&ShadowName>) -> &str {
    name.map_or("", ShadowName::as_str)
}

fn read_name(name: &str) -> Result<Option<ShadowName>, StoreError> {
    if name.is_empty() {
        return Ok(None);
    }
    name.parse().map(Some).map_err(|problem| StoreError::corrupt("shadow.name", problem))
}

fn read((document, version, updated_at, deleted_at): Row) -> Result<Shadow, StoreError> {
    if let Some(at) = deleted_at {
        return Ok(Shadow::Deleted { version, at: Timestamp::from_micros(at) });
    }
    let stored: StoredDocuments =
        serde_json::from_str(&document).map_err(|problem| StoreError::corrupt("shadow.document", problem))?;
    Ok(Shadow::Live { documents: stored.into(), version, updated_at: Timestamp::from_micros(updated_at) })
}

fn write(documents: &Documents) -> Result<String, StoreError> {
    let Documents { desired, reported } = documents;
    let stored = StoredDocuments { desired: desired.into(), reported: reported.into() };
    serde_json::to_string(&stored).map_err(|problem| StoreError::corrupt("shadow.document", problem))
}

/// The column `document`.
#[derive(Serialize, Deserialize)]
struct StoredDocuments {
    #[serde(default)]
    desired: StoredSection,
    #[serde(default)]
    reported: StoredSection,
}

#[derive(Default, Serialize, Deserialize)]
struct StoredSection {
    values: Object,
    stamps: serde_json::Map<String, serde_json::Value>,
}

impl From<StoredDocuments> for Documents {
    fn from(StoredDocuments { desired, reported }: StoredDocuments) -> Self {
        Self { desired: desired.into(), reported: reported.into() }
    }
}

impl From<StoredSection> for Section {
    fn from(StoredSection { values, stamps }: StoredSection) -> Self {
        Self { values, stamps: read_stamps(&stamps) }
    }
}

impl From<&Section> for StoredSection {
    fn from(Section { values, stamps }: &Section) -> Self {
        Self { values: values.clone(), stamps: write_stamps(stamps) }
    }
}

/// A leaf is a number of seconds since 1970, all else an object.
fn read_stamps(stored: &Object) -> Stamps {
    stored
        .iter()
        .filter_map(|(key, value)| {
            let stamp = match value.as_object() {
                Some(keys) => Stamp::Keys(read_stamps(keys)),
                None => Stamp::At(Timestamp::from_seconds(value.as_i64()?)),
            };
            Some((key.clone(), stamp))
        })
        .collect()
}

fn write_stamps(stamps: &Stamps) -> Object {
    stamps
        .iter()
        .map(|(key, stamp)| {
            let value = match stamp {
                Stamp::At(at) => at.seconds().into(),
                Stamp::Keys(keys) => write_stamps(keys).into(),
            };
            (key.clone(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use windlass_domain::shadow::{Patch, Update, delete, update};

    use super::*;
    use crate::testing::{START, on_each_engine};

    fn object(value: serde_json::Value) -> Object {
        value.as_object().unwrap().clone()
    }

    fn live(desired: serde_json::Value, reported: serde_json::Value, version: i64) -> Shadow {
        let change = Update {
            desired: Patch::Merge(object(desired)),
            reported: Patch::Merge(object(reported)),
            expected_version: None,
        };
        let done = update(None, &change, 10_000, START).unwrap();
        Shadow::Live { documents: done.current, version, updated_at: START }
    }

    fn named(name: &str) -> ShadowName {
        name.parse().unwrap()
    }

    const PUMP: DeviceId = DeviceId::new(1);
    const VALVE: DeviceId = DeviceId::new(2);

    #[tokio::test]
    async fn a_shadow_reads_back_as_it_was_put_with_every_time() {
        on_each_engine("shadow-round-trip", |store| async move {
            let shadow = live(
                json!({"a": 1, "n": {"x": [1, {"y": "é\u{0}"}], "e": {}}, "big": 9_007_199_254_740_993_i64}),
                json!({"a": 1.5}),
                7,
            );
            let (put_it, expected) = (shadow.clone(), shadow);
            store
                .write(move |tx| {
                    let shadow = put_it.clone();
                    Box::pin(async move {
                        put(tx, PUMP, None, &live(json!({"old": true}), json!({}), 6)).await?;
                        put(tx, PUMP, None, &shadow).await
                    })
                })
                .await
                .unwrap();
            let found = store
                .read(|tx| {
                    Box::pin(async move {
                        Ok::<_, StoreError>((
                            super::shadow(tx, PUMP, None).await?,
                            super::shadow(tx, PUMP, Some(&named("config"))).await?,
                            super::shadow(tx, VALVE, None).await?,
                        ))
                    })
                })
                .await
                .unwrap();
            assert_eq!(found, (Some(expected), None, None));
        })
        .await;
    }

    #[tokio::test]
    async fn a_deleted_shadow_keeps_its_version_until_it_is_forgotten() {
        on_each_engine("shadow-deleted", |store| async move {
            let found = store
                .write(|tx| {
                    Box::pin(async move {
                        let shadow = live(json!({"secret": 1}), json!({}), 4);
                        put(tx, PUMP, None, &delete(Some(&shadow), START).unwrap()).await?;
                        let after_delete = super::shadow(tx, PUMP, None).await?;
                        let kept = forget_deleted(tx, START).await?;
                        let gone = forget_deleted(tx, Timestamp::from_micros(START.micros() + 1)).await?;
                        Ok::<_, StoreError>((after_delete, kept, gone, super::shadow(tx, PUMP, None).await?))
                    })
                })
                .await
                .unwrap();
            assert_eq!(found, (Some(Shadow::Deleted { version: 4, at: START }), 0, 1, None));
        })
        .await;
    }

    #[tokio::test]
    async fn lists_show_live_shadows_of_one_device_in_order_of_name() {
        on_each_engine("shadow-lists", |store| async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let shadow = live(json!({"a": 1}), json!({}), 3);
                        for name in ["b", "a-2", "B"] {
                            put(tx, PUMP, Some(&named(name)), &shadow).await?;
                        }
                        put(tx, PUMP, None, &shadow).await?;
                        put(tx, VALVE, Some(&named("other")), &shadow).await?;
                        let deleted = delete(Some(&shadow), START).unwrap();
                        put(tx, PUMP, Some(&named("deleted")), &deleted).await
                    })
                })
                .await
                .unwrap();
            let (lines, live, count, first, rest) = store
                .read(|tx| {
                    Box::pin(async move {
                        Ok::<_, StoreError>((
                            shadow_lines(tx, PUMP).await?,
                            live_shadows(tx, PUMP).await?,
                            named_count(tx, PUMP).await?,
                            named_after(tx, PUMP, "", 2).await?,
                            named_after(tx, PUMP, "a-2", 10).await?,
                        ))
                    })
                })
                .await
                .unwrap();
            let names = [None, Some(named("B")), Some(named("a-2")), Some(named("b"))];
            assert_eq!(lines.iter().map(|line| line.name.clone()).collect::<Vec<_>>(), names);
            assert!(lines.iter().all(|line| line.version == 3 && line.updated_at == START));
            assert_eq!(live.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), names);
            assert_eq!(count, 3);
            assert_eq!(first, ["B", "a-2"]);
            assert_eq!(rest, ["b"]);
        })
        .await;
    }
}

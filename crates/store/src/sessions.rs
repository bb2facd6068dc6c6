//! What an MQTT session keeps while its device is away: subscriptions, will, open QoS 2 packet ids. Never payloads
//! that wait for a device.

use serde::{Deserialize, Serialize};
use windlass_domain::ids::DeviceId;
use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all, fetch_optional};

/// A will message, as given at CONNECT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedWill {
    /// Where it goes.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// Seconds to wait after the connection is lost.
    pub delay_seconds: u32,
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SavedSession {
    /// Filters and the QoS granted for each.
    pub subscriptions: Vec<(String, u8)>,
    /// Packet ids of QoS 2 publishes whose PUBREL has not come yet.
    pub qos2_open: Vec<u16>,
    /// Fired when the device is lost.
    pub will: Option<SavedWill>,
    /// Seconds to keep the session after the connection ends.
    pub expiry_seconds: u32,
}

/// Reads a session that has not expired at `now`.
///
/// # Errors
/// When the database fails or the row cannot be read.
pub async fn load(
    tx: &mut Tx<'_>,
    device: DeviceId,
    client_id: &str,
    now: Timestamp,
) -> Result<Option<SavedSession>, StoreError> {
    let row = fetch_optional!(
        tx,
        (String,),
        "SELECT state FROM mqtt_session WHERE device_id = $1 AND client_id = $2 AND (expires_at IS NULL OR expires_at > $3)",
        device.get(),
        client_id,
        now.micros(),
    )?;
    row.map(|(state,)| {
        serde_json::from_str(&state).map_err(|problem| StoreError::corrupt("an MQTT session", problem))
    })
    .transpose()
}

/// Writes a session. `expires_at` is None while it is connected.
///
/// # Errors
/// When the database fails.
pub async fn save(
    tx: &mut Tx<'_>,
    device: DeviceId,
    client_id: &str,
    session: &SavedSession,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let state =
        serde_json::to_string(session).map_err(|problem| StoreError::corrupt("an MQTT session", problem))?;
    execute!(
        tx,
        "INSERT INTO mqtt_session (device_id, client_id, state, expires_at, updated_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (device_id, client_id) DO UPDATE SET state = excluded.state, expires_at = excluded.expires_at, \
         updated_at = excluded.updated_at",
        device.get(),
        client_id,
        state,
        expires_at.map(Timestamp::micros),
        now.micros(),
    )?;
    Ok(())
}

/// Forgets a session.
///
/// # Errors
/// When the database fails.
pub async fn remove(tx: &mut Tx<'_>, device: DeviceId, client_id: &str) -> Result<(), StoreError> {
    execute!(
        tx,
        "DELETE FROM mqtt_session WHERE device_id = $1 AND client_id = $2",
        device.get(),
        client_id
    )?;
    Ok(())
}

/// Forgets the sessions of a device that were left longest ago, so that with the one of `client_id` there are at most
/// `most`. Connected ones stay. Returns how many went.
///
/// # Errors
/// When the database fails.
pub async fn trim(
    tx: &mut Tx<'_>,
    device: DeviceId,
    client_id: &str,
    most: usize,
) -> Result<u64, StoreError> {
    execute!(
        tx,
        "DELETE FROM mqtt_session WHERE device_id = $1 AND expires_at IS NOT NULL AND client_id IN \
         (SELECT client_id FROM mqtt_session WHERE device_id = $1 AND client_id <> $2 \
          ORDER BY CASE WHEN expires_at IS NULL THEN 0 ELSE 1 END, updated_at DESC, client_id LIMIT 1000 OFFSET $3)",
        device.get(),
        client_id,
        i64::try_from(most.saturating_sub(1)).unwrap_or(i64::MAX),
    )
}

async fn change_open_ids(
    tx: &mut Tx<'_>,
    device: DeviceId,
    client_id: &str,
    now: Timestamp,
    change: impl FnOnce(&mut Vec<u16>),
) -> Result<(), StoreError> {
    let row = fetch_optional!(
        tx,
        (String, Option<i64>),
        "SELECT state, expires_at FROM mqtt_session WHERE device_id = $1 AND client_id = $2",
        device.get(),
        client_id,
    )?;
    // A session that ends with its connection has no row: its open ids live with the connection.
    let Some((state, expires_at)) = row else { return Ok(()) };
    let mut session: SavedSession =
        serde_json::from_str(&state).map_err(|problem| StoreError::corrupt("an MQTT session", problem))?;
    change(&mut session.qos2_open);
    save(tx, device, client_id, &session, expires_at.map(Timestamp::from_micros), now).await
}

/// Whether the session of a device knows this packet id as that of a QoS 2 publish whose PUBREL has not come yet.
///
/// # Errors
/// When the database fails or the row cannot be read.
pub async fn is_open(
    tx: &mut Tx<'_>,
    device: DeviceId,
    client_id: &str,
    packet_id: u16,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let session = load(tx, device, client_id, now).await?;
    Ok(session.is_some_and(|session| session.qos2_open.contains(&packet_id)))
}

/// Remembers the packet id of a QoS 2 publish, in the commit that holds the message.
///
/// # Errors
/// When the database fails.
pub async fn open_qos2(
    tx: &mut Tx<'_>,
    device: DeviceId,
    client_id: &str,
    packet_id: u16,
    now: Timestamp,
) -> Result<(), StoreError> {
    change_open_ids(tx, device, client_id, now, |open| {
        if !open.contains(&packet_id) {
            open.push(packet_id);
        }
    })
    .await
}

/// Forgets the packet id of a QoS 2 publish that was released.
///
/// # Errors
/// When the database fails.
pub async fn close_qos2(
    tx: &mut Tx<'_>,
    device: DeviceId,
    client_id: &str,
    packet_id: u16,
    now: Timestamp,
) -> Result<(), StoreError> {
    change_open_ids(tx, device, client_id, now, |open| open.retain(|id| *id != packet_id)).await
}

/// A session whose connection ended with the server: it never got an end of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abandoned {
    /// Whose session.
    pub device: DeviceId,
    /// Its client id.
    pub client_id: String,
    /// What it keeps.
    pub session: SavedSession,
}

/// Sessions that are marked as connected, in order of device and client id, after the given one.
///
/// # Errors
/// When the database fails or a row cannot be read.
pub async fn connected_after(
    tx: &mut Tx<'_>,
    device: DeviceId,
    client_id: &str,
    most: i64,
) -> Result<Vec<Abandoned>, StoreError> {
    let rows = fetch_all!(
        tx,
        (i64, String, String),
        "SELECT device_id, client_id, state FROM mqtt_session WHERE expires_at IS NULL \
         AND (device_id > $1 OR (device_id = $1 AND client_id > $2)) ORDER BY device_id, client_id LIMIT $3",
        device.get(),
        client_id,
        most,
    )?;
    rows.into_iter()
        .map(|(device, client_id, state)| {
            let session = serde_json::from_str(&state)
                .map_err(|problem| StoreError::corrupt("an MQTT session", problem))?;
            Ok(Abandoned { device: DeviceId::new(device), client_id, session })
        })
        .collect()
}

/// Forgets sessions that expired before `now`, about `most` of them. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn remove_expired(tx: &mut Tx<'_>, now: Timestamp, most: i64) -> Result<u64, StoreError> {
    execute!(
        tx,
        "DELETE FROM mqtt_session WHERE (device_id, client_id) IN \
         (SELECT device_id, client_id FROM mqtt_session WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        now.micros(),
        most,
    )
}

/// Forgets every session of a device.
///
/// # Errors
/// When the database fails.
pub async fn remove_all(tx: &mut Tx<'_>, device: DeviceId) -> Result<(), StoreError> {
    execute!(tx, "DELETE FROM mqtt_session WHERE device_id = $1", device.get()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{START, on_each_engine};
    use std::time::Duration;

    fn session() -> SavedSession {
        SavedSession {
            subscriptions: vec![("$aws/things/a/#".to_owned(), 1)],
            qos2_open: vec![3],
            will: Some(SavedWill { topic: "t".to_owned(), payload: vec![0, 255], delay_seconds: 5 }),
            expiry_seconds: 60,
        }
    }

    #[tokio::test]
    async fn a_session_is_kept_until_it_expires_and_remembers_open_packet_ids() {
        on_each_engine("sessions", |store| async move {
            let device = DeviceId::new(1);
            let later = START.plus(Duration::from_secs(60));
            store
                .write::<_, StoreError, _>(move |tx| {
                    Box::pin(async move {
                        save(tx, device, "c", &session(), None, START).await?;
                        assert_eq!(connected_after(tx, DeviceId::new(0), "", 10).await?.len(), 1);
                        assert!(connected_after(tx, device, "c", 10).await?.is_empty());
                        open_qos2(tx, device, "c", 9, START).await?;
                        close_qos2(tx, device, "c", 3, START).await?;
                        open_qos2(tx, device, "never saved", 9, START).await?;
                        assert!(is_open(tx, device, "c", 9, START).await?);
                        assert!(!is_open(tx, device, "c", 3, START).await?);
                        assert!(!is_open(tx, device, "never saved", 9, START).await?);
                        let kept = load(tx, device, "c", later).await?.unwrap();
                        assert_eq!(kept, SavedSession { qos2_open: vec![9], ..session() });
                        save(tx, device, "c", &kept, Some(later), START).await?;
                        assert!(load(tx, device, "c", START).await?.is_some());
                        assert!(load(tx, device, "c", later).await?.is_none());
                        assert!(load(tx, device, "never saved", START).await?.is_none());
                        assert_eq!(remove_expired(tx, START, 10).await?, 0);
                        assert_eq!(remove_expired(tx, later, 10).await?, 1);
                        Ok(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn the_sessions_left_longest_ago_go_when_a_device_has_too_many() {
        on_each_engine("sessions-trim", |store| async move {
            let (device, other) = (DeviceId::new(1), DeviceId::new(2));
            store
                .write::<_, StoreError, _>(move |tx| {
                    Box::pin(async move {
                        let at = |seconds| START.plus(Duration::from_secs(seconds));
                        save(tx, device, "live", &session(), None, START).await?;
                        save(tx, other, "old", &session(), Some(at(900)), START).await?;
                        for (seconds, client) in [(1, "old"), (2, "new"), (3, "newer")] {
                            save(tx, device, client, &session(), Some(at(900)), at(seconds)).await?;
                        }
                        save(tx, device, "now", &session(), None, at(4)).await?;
                        assert_eq!(trim(tx, device, "now", 5).await?, 0);
                        assert_eq!(trim(tx, device, "now", 3).await?, 2);
                        for (client, stays) in
                            [("live", true), ("old", false), ("new", false), ("newer", true)]
                        {
                            assert_eq!(load(tx, device, client, START).await?.is_some(), stays, "{client}");
                        }
                        assert_eq!(trim(tx, device, "now", 1).await?, 1);
                        assert!(load(tx, device, "live", START).await?.is_some(), "connected");
                        assert!(load(tx, other, "old", START).await?.is_some(), "another device's");
                        Ok(())
                    })
                })
                .await
                .unwrap();
        })
        .await;
    }
}

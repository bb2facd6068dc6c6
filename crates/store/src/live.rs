//! Live state (last seen, last values, online) as blobs of one node and one block of devices. Knows no content.

use windlass_domain::time::Timestamp;

use crate::error::StoreError;
use crate::tx::{Tx, execute, fetch_all};

/// What one node knew of one block of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveBlock {
    /// Which node saved it.
    pub node: String,
    /// Which devices: id divided by the block's size.
    pub block: i64,
    /// When.
    pub saved_at: Timestamp,
    /// What; the application's format.
    pub data: Vec<u8>,
}

/// Keeps a block in place of the node's older one.
///
/// # Errors
/// When the database fails.
pub async fn live_block_save(tx: &mut Tx<'_>, block: &LiveBlock) -> Result<(), StoreError> {
    let LiveBlock { node, block, saved_at, data } = block;
    execute!(
        tx,
        "INSERT INTO live_block (node, block, saved_at, data) VALUES ($1, $2, $3, $4)
         ON CONFLICT (node, block) DO UPDATE SET saved_at = excluded.saved_at, data = excluded.data",
        node.as_str(),
        *block,
        saved_at.micros(),
        data.as_slice()
    )
    .map(drop)
}

/// Every block of every node, to be merged by newest.
///
/// # Errors
/// When the database fails.
pub async fn live_blocks(tx: &mut Tx<'_>) -> Result<Vec<LiveBlock>, StoreError> {
    let rows = fetch_all!(
        tx,
        (String, i64, i64, Vec<u8>),
        "SELECT node, block, saved_at, data FROM live_block ORDER BY block, saved_at"
    )?;
    Ok(rows
        .into_iter()
        .map(|(node, block, saved_at, data)| LiveBlock {
            node,
            block,
            saved_at: Timestamp::from_micros(saved_at),
            data,
        })
        .collect())
}

/// Forgets what a node that is gone had saved.
///
/// # Errors
/// When the database fails.
pub async fn live_blocks_delete_of(tx: &mut Tx<'_>, node: &str) -> Result<u64, StoreError> {
    execute!(tx, "DELETE FROM live_block WHERE node = $1", node)
}

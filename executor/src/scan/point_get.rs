//! Rows by whole key: no scan, no worker, one round trip per partition (two through a unique index that does not hold every
//! wanted column).

use allod_planner::physical::PointGet;
use allod_storage::client::Client;
use allod_storage::key::{Key, encode_datums};
use allod_storage::schema::{SpaceId, Timestamp};
use arrow::array::ArrayRef;

use crate::batch::Batch;
use crate::build::partitions;
use crate::error::Result;
use crate::values;

/// The rows that exist, partition by partition.
pub(crate) fn point_get(get: &PointGet, client: &mut Client, ts: Timestamp) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    for p in partitions(&get.table, get.partitions.as_deref()) {
        let partition = &get.table.partitions[p];
        let batch = match get.index {
            None => {
                let keys: Vec<Key> = get.keys.iter().map(|k| encode_datums(partition.records, k)).collect();
                fetch(client, partition.records, keys, ts, &get.ordinals)?
            }
            Some(index) => {
                let space = partition.indexes[index];
                let keys: Vec<Key> = get.keys.iter().map(|k| encode_datums(space, k)).collect();
                let (_, held) = get.table.index_space(index, space);
                let in_index = |ordinals: &[usize]| -> Option<Vec<usize>> {
                    ordinals.iter().map(|o| held.iter().position(|h| h == o)).collect()
                };
                match (in_index(&get.ordinals), in_index(&get.table.key)) {
                    (Some(positions), _) => fetch(client, space, keys, ts, &positions)?,
                    (None, handle) => {
                        // Every index holds the columns of the table's key.
                        let entries = fetch(client, space, keys, ts, &handle.unwrap_or_default())?;
                        let keys = handles(&entries, partition.records)?;
                        fetch(client, partition.records, keys, ts, &get.ordinals)?
                    }
                }
            }
        };
        if batch.rows > 0 {
            batches.push(batch);
        }
    }
    Ok(batches)
}

fn fetch(
    client: &mut Client,
    space: SpaceId,
    mut keys: Vec<Key>,
    ts: Timestamp,
    ordinals: &[usize],
) -> Result<Batch> {
    keys.sort();
    keys.dedup();
    if keys.is_empty() {
        return Ok(Batch::new(Vec::new(), 0));
    }
    let runtime = client.runtime();
    let found = runtime.block_on(client.get(space, &keys, ts, ordinals))?;
    Ok(Batch { columns: found.columns, rows: found.rows })
}

fn handles(entries: &Batch, records: SpaceId) -> Result<Vec<Key>> {
    let key = |row: usize| {
        let datums = entries.columns.iter().map(|c: &ArrayRef| values::datum(c, row));
        Ok(encode_datums(records, &datums.collect::<Result<Vec<_>>>()?))
    };
    (0..entries.rows).map(key).collect()
}

//! Rows by whole key: no scan, no worker, one round trip per partition (two through a unique index that does not hold every
//! wanted column).

use std::sync::Arc;
use std::time::Instant;

use allod_planner::physical::PointGet;
use allod_storage::client::Client;
use allod_storage::key::{Key, encode_datums};
use allod_storage::schema::{SpaceId, Timestamp};
use arrow::array::ArrayRef;

use crate::batch::Batch;
use crate::build::partitions;
use crate::error::{Error, Result};
use crate::metrics::{CopTasks, Detail};
use crate::values;

/// The rows that exist, partition by partition, each asked for its own keys alone; if `analyze`, what was done for them.
pub(crate) fn point_get(
    get: &PointGet,
    client: &mut Client,
    ts: Timestamp,
    analyze: bool,
) -> Result<(Vec<Batch>, Detail)> {
    let before = analyze.then(|| client.stats().clone());
    let mut batches = Vec::new();
    let mut fetcher = Fetcher { client, ts, cop: analyze.then(CopTasks::default) };
    for p in partitions(&get.table, get.partitions().as_deref()) {
        let partition = &get.table.partitions[p];
        let here = |at: usize| get.places.as_ref().is_none_or(|places| places.get(at) == Some(&p));
        let asked = || get.keys.iter().enumerate().filter(|(at, _)| here(*at)).map(|(_, key)| key);
        let batch = match get.index {
            None => {
                let keys: Vec<Key> = asked().map(|k| encode_datums(partition.records, k)).collect();
                fetcher.fetch(p, partition.records, keys, &get.ordinals)?
            }
            Some(index) => {
                let space = partition.indexes[index];
                let keys: Vec<Key> = asked().map(|k| encode_datums(space, k)).collect();
                let (_, held) = get.table.index_space(index, space);
                let in_index = |ordinals: &[usize]| -> Option<Vec<usize>> {
                    ordinals.iter().map(|o| held.iter().position(|h| h == o)).collect()
                };
                match (in_index(&get.ordinals), in_index(&get.table.key)) {
                    (Some(positions), _) => fetcher.fetch(p, space, keys, &positions)?,
                    (None, handle) => {
                        let lacks = || Error::Plan("an index holds the columns of its table's key".into());
                        let entries = fetcher.fetch(p, space, keys, &handle.ok_or_else(lacks)?)?;
                        let keys = handles(&entries, partition.records)?;
                        let found = fetcher.fetch(p, partition.records, keys, &get.ordinals)?;
                        // Both are read at one timestamp: an entry without a row is damage.
                        if found.rows != entries.rows {
                            return Err(Error::LostRows {
                                table: Arc::clone(&get.table.name),
                                index: Arc::clone(&get.table.indexes[index].name),
                                entries: entries.rows as u64,
                                rows: found.rows as u64,
                            });
                        }
                        found
                    }
                }
            }
        };
        if batch.rows > 0 {
            batches.push(batch);
        }
    }
    let cop = fetcher.cop;
    let rpc = before.map(|before| client.stats().since(&before));
    Ok((batches, Detail { cop, rpc, ..Detail::default() }))
}

/// Reads, and notes what it touches if somebody wants to know.
struct Fetcher<'a> {
    client: &'a mut Client,
    ts: Timestamp,
    cop: Option<CopTasks>,
}

impl Fetcher<'_> {
    fn fetch(
        &mut self,
        partition: usize,
        space: SpaceId,
        mut keys: Vec<Key>,
        ordinals: &[usize],
    ) -> Result<Batch> {
        keys.sort();
        keys.dedup();
        if keys.is_empty() {
            return Ok(Batch::new(Vec::new(), 0));
        }
        let started = self.cop.is_some().then(Instant::now);
        let runtime = self.client.runtime();
        let found = runtime.block_on(self.client.get(space, &keys, self.ts, ordinals))?;
        if let (Some(cop), Some(started)) = (&mut self.cop, started) {
            let time = started.elapsed();
            cop.times.push(time);
            cop.requests += time;
            cop.rows += found.rows as u64;
            cop.partitions.insert(partition);
            cop.regions.extend(found.regions.iter().copied());
        }
        Ok(Batch { columns: found.columns, rows: found.rows })
    }
}

fn handles(entries: &Batch, records: SpaceId) -> Result<Vec<Key>> {
    let key = |row: usize| {
        let datums = entries.columns.iter().map(|c: &ArrayRef| values::datum(c, row));
        Ok(encode_datums(records, &datums.collect::<Result<Vec<_>>>()?))
    };
    (0..entries.rows).map(key).collect()
}

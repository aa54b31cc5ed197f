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
use crate::lock::Locking;
use crate::metrics::{CopTasks, Detail};
use crate::values;

/// Which keys of a point read are to be locked.
pub(crate) struct PointLocks<'a> {
    pub wanted: Locking,
    pub keys: &'a mut Vec<Key>,
}

/// The rows that exist, partition by partition, each asked for its own keys alone; if `analyze`, what was done for them.
pub(crate) fn point_get(
    get: &PointGet,
    client: &mut Client,
    ts: Timestamp,
    analyze: bool,
    locks: PointLocks<'_>,
) -> Result<(Vec<Batch>, Detail)> {
    let before = analyze.then(|| client.stats().clone());
    let mut batches = Vec::new();
    let mut fetcher = Fetcher { client, ts, cop: analyze.then(CopTasks::default) };
    for p in partitions(&get.table, get.partitions().as_deref()) {
        let partition = &get.table.partitions[p];
        let here = |at: usize| get.places.as_ref().is_none_or(|places| places.get(at) == Some(&p));
        let asked = get.keys.iter().enumerate().filter(|(at, _)| here(*at)).map(|(_, key)| key);
        let space = get.index.map_or(partition.records, |index| partition.indexes[index]);
        let keys: Vec<Key> = asked.map(|k| encode_datums(space, k)).collect();
        if locks.wanted == Locking::Keys {
            locks.keys.extend(keys.iter().cloned());
        }
        // Rows that are there are locked by the keys of their records.
        let records = match (locks.wanted, get.index) {
            (Locking::Off, _) | (Locking::Keys, None) => None,
            (Locking::Rows, _) | (Locking::Keys, Some(_)) => Some(partition.records),
        };
        let batch = match get.index {
            None => match records {
                None => fetcher.fetch(p, space, keys, &get.ordinals)?,
                Some(records) => {
                    let handle = (&*get.table.key, records);
                    fetcher.fetch_with_handles(p, space, keys, &get.ordinals, handle, locks.keys)?
                }
            },
            Some(index) => {
                let (_, held) = get.table.index_space(index, space);
                let in_index = |ordinals: &[usize]| -> Option<Vec<usize>> {
                    ordinals.iter().map(|o| held.iter().position(|h| h == o)).collect()
                };
                let lacks = || Error::Plan("an index holds the columns of its table's key".into());
                match (in_index(&get.ordinals), records) {
                    (Some(positions), None) => fetcher.fetch(p, space, keys, &positions)?,
                    (Some(positions), Some(records)) => {
                        let handle = in_index(&get.table.key).ok_or_else(lacks)?;
                        let handle = (&*handle, records);
                        fetcher.fetch_with_handles(p, space, keys, &positions, handle, locks.keys)?
                    }
                    (None, _) => {
                        let handle = in_index(&get.table.key).ok_or_else(lacks)?;
                        let entries = fetcher.fetch(p, space, keys, &handle)?;
                        let keys = handles(&entries.columns, entries.rows, partition.records)?;
                        if records.is_some() {
                            locks.keys.extend(keys.iter().cloned());
                        }
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

    /// The same, and the keys of the records of the rows that are there: the columns `handle` are those of the table's key.
    fn fetch_with_handles(
        &mut self,
        partition: usize,
        space: SpaceId,
        keys: Vec<Key>,
        ordinals: &[usize],
        (handle, records): (&[usize], SpaceId),
        found: &mut Vec<Key>,
    ) -> Result<Batch> {
        let mut batch = self.fetch(partition, space, keys, &[ordinals, handle].concat())?;
        if batch.rows > 0 {
            let handle = batch.columns.split_off(ordinals.len());
            found.extend(handles(&handle, batch.rows, records)?);
        }
        Ok(batch)
    }
}

fn handles(columns: &[ArrayRef], rows: usize, records: SpaceId) -> Result<Vec<Key>> {
    let key = |row: usize| {
        let datums = columns.iter().map(|c: &ArrayRef| values::datum(c, row));
        Ok(encode_datums(records, &datums.collect::<Result<Vec<_>>>()?))
    };
    (0..rows).map(key).collect()
}

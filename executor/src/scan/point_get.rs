//! Rows by whole key: no scan, no worker, one round trip (two through a unique index that does not hold every
//! wanted column).

use std::sync::Arc;
use std::time::Instant;

use allod_planner::physical::PointGet;
use allod_storage::client::Client;
use allod_storage::key::{Key, encode_datums};
use allod_storage::schema::{SpaceId, Timestamp};
use arrow::array::ArrayRef;
use futures_util::future::join_all;

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
/// Where answers take time all partitions are asked at the same time.
pub(crate) fn point_get(
    get: &PointGet,
    client: &mut Client,
    ts: Timestamp,
    analyze: bool,
    locks: PointLocks<'_>,
) -> Result<(Vec<Batch>, Detail)> {
    let before = analyze.then(|| client.stats().clone());
    let runtime = client.runtime();
    let fetcher = Fetcher { get, ts, analyze, locks: locks.wanted };
    let wanted = partitions(&get.table, get.partitions().as_deref());
    let mut parts = Vec::with_capacity(wanted.len());
    if wanted.len() <= 1 || runtime.is_direct() {
        for p in wanted {
            parts.push(runtime.block_on(fetcher.partition(client, p))?);
        }
    } else {
        let branches = wanted.into_iter().map(|p| {
            let (fetcher, mut fork) = (&fetcher, client.fork());
            async move {
                let part = fetcher.partition(&mut fork, p).await;
                (fork, part)
            }
        });
        // What each of them met is told even if another fails.
        let (forks, results): (Vec<_>, Vec<_>) = runtime.block_on(join_all(branches)).into_iter().unzip();
        forks.into_iter().for_each(|fork| client.absorb(fork));
        parts = results.into_iter().collect::<Result<_>>()?;
    }
    let mut batches = Vec::with_capacity(parts.len());
    let mut detail = Detail { cop: analyze.then(CopTasks::default), ..Detail::default() };
    for part in parts {
        locks.keys.extend(part.locks);
        detail.merge(Detail { cop: part.cop, ..Detail::default() });
        if part.batch.rows > 0 {
            batches.push(part.batch);
        }
    }
    detail.rpc = before.map(|before| client.stats().since(&before));
    Ok((batches, detail))
}

/// What is asked of each partition.
struct Fetcher<'a> {
    get: &'a PointGet,
    ts: Timestamp,
    analyze: bool,
    locks: Locking,
}

/// What came of it.
struct Part {
    batch: Batch,
    /// Keys to be locked.
    locks: Vec<Key>,
    /// What was touched, if somebody wants to know.
    cop: Option<CopTasks>,
}

impl Fetcher<'_> {
    async fn partition(&self, client: &mut Client, partition: usize) -> Result<Part> {
        let (locks, cop) = (Vec::new(), self.analyze.then(CopTasks::default));
        let mut reader = PartitionReader { fetcher: self, client, partition, locks, cop };
        let batch = reader.read().await?;
        Ok(Part { batch, locks: reader.locks, cop: reader.cop })
    }
}

/// Reads one partition, and notes what it touches.
struct PartitionReader<'a> {
    fetcher: &'a Fetcher<'a>,
    client: &'a mut Client,
    partition: usize,
    locks: Vec<Key>,
    cop: Option<CopTasks>,
}

impl PartitionReader<'_> {
    async fn read(&mut self) -> Result<Batch> {
        let (get, p) = (self.fetcher.get, self.partition);
        let partition = &get.table.partitions[p];
        let here = |at: usize| get.places.as_ref().is_none_or(|places| places.get(at) == Some(&p));
        let asked = get.keys.iter().enumerate().filter(|(at, _)| here(*at)).map(|(_, key)| key);
        let space = get.index.map_or(partition.records, |index| partition.indexes[index]);
        let keys: Vec<Key> = asked.map(|k| encode_datums(space, k)).collect();
        if self.fetcher.locks == Locking::Keys {
            self.locks.extend(keys.iter().cloned());
        }
        // Rows that are there are locked by the keys of their records.
        let records = match (self.fetcher.locks, get.index) {
            (Locking::Off, _) | (Locking::Keys, None) => None,
            (Locking::Rows, _) | (Locking::Keys, Some(_)) => Some(partition.records),
        };
        match get.index {
            None => match records {
                None => self.fetch(space, keys, &get.ordinals).await,
                Some(records) => {
                    let handle = (&*get.table.key, records);
                    self.fetch_with_handles(space, keys, &get.ordinals, handle).await
                }
            },
            Some(index) => {
                let (_, held) = get.table.index_space(index, space);
                let in_index = |ordinals: &[usize]| -> Option<Vec<usize>> {
                    ordinals.iter().map(|o| held.iter().position(|h| h == o)).collect()
                };
                let lacks = || Error::Plan("an index holds the columns of its table's key".into());
                match (in_index(&get.ordinals), records) {
                    (Some(positions), None) => self.fetch(space, keys, &positions).await,
                    (Some(positions), Some(records)) => {
                        let handle = in_index(&get.table.key).ok_or_else(lacks)?;
                        let handle = (&*handle, records);
                        self.fetch_with_handles(space, keys, &positions, handle).await
                    }
                    (None, _) => {
                        let handle = in_index(&get.table.key).ok_or_else(lacks)?;
                        let entries = self.fetch(space, keys, &handle).await?;
                        let keys = handles(&entries.columns, entries.rows, partition.records)?;
                        if records.is_some() {
                            self.locks.extend(keys.iter().cloned());
                        }
                        let found = self.fetch(partition.records, keys, &get.ordinals).await?;
                        // Both are read at one timestamp: an entry without a row is damage.
                        if found.rows != entries.rows {
                            return Err(Error::LostRows {
                                table: Arc::clone(&get.table.name),
                                index: Arc::clone(&get.table.indexes[index].name),
                                entries: entries.rows as u64,
                                rows: found.rows as u64,
                            });
                        }
                        Ok(found)
                    }
                }
            }
        }
    }

    async fn fetch(&mut self, space: SpaceId, mut keys: Vec<Key>, ordinals: &[usize]) -> Result<Batch> {
        keys.sort();
        keys.dedup();
        if keys.is_empty() {
            return Ok(Batch::new(Vec::new(), 0));
        }
        let started = self.cop.is_some().then(Instant::now);
        let found = self.client.get(space, &keys, self.fetcher.ts, ordinals).await?;
        if let (Some(cop), Some(started)) = (&mut self.cop, started) {
            let time = started.elapsed();
            cop.times.push(time);
            cop.requests += time;
            cop.rows += found.rows as u64;
            cop.partitions.insert(self.partition);
            cop.regions.extend(found.regions.iter().copied());
        }
        Ok(Batch { columns: found.columns, rows: found.rows })
    }

    /// The same, and the keys of the records of the rows that are there: the columns `handle` are those of the table's key.
    async fn fetch_with_handles(
        &mut self,
        space: SpaceId,
        keys: Vec<Key>,
        ordinals: &[usize],
        (handle, records): (&[usize], SpaceId),
    ) -> Result<Batch> {
        let mut batch = self.fetch(space, keys, &[ordinals, handle].concat()).await?;
        if batch.rows > 0 {
            let handle = batch.columns.split_off(ordinals.len());
            self.locks.extend(handles(&handle, batch.rows, records)?);
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

//! Snapshot reads of single rows: keys are sorted and cut by region, and the rows put together in the order of the keys.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array, new_empty_array};
use arrow::compute::{concat, take};

use super::backoff::{Backoff, BackoffKind, Budget};
use super::locks::Reading;
use super::region_cache::CachedRegion;
use super::sender::Sent;
use super::{Client, unexpected};
use crate::chunk::dictionary;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::mvcc::GetResult;
use crate::rpc::{Body, GetBody, Read, Reply};
use crate::schema::{SpaceId, Timestamp};

/// Keys of one region, as far as the client knows, ascending.
struct Group {
    region: CachedRegion,
    keys: Arc<[Key]>,
    /// Their positions in the request; `None` = they are the request.
    positions: Option<Vec<u32>>,
}

impl Client {
    /// The rows with these keys at a timestamp. A key without a row is missing in the result.
    pub async fn get(
        &mut self,
        space: SpaceId,
        keys: &[Key],
        ts: Timestamp,
        ordinals: &[usize],
    ) -> Result<GetResult> {
        let mut backoff = self.backoff("point get", Budget::Read);
        let ordinals: Arc<[usize]> = ordinals.into();
        let sorted = keys.is_sorted();
        let groups = self.groups(&mut backoff, keys, sorted).await?;
        let mut parts = self
            .read_past_locks(&mut backoff, ts, groups, async |client, backoff, reading, ignore| {
                client.get_groups(backoff, reading, ts, &ordinals, ignore).await
            })
            .await?;
        if parts.is_empty() {
            let schema = self.schema_of(&mut backoff, space).await?;
            let empty = |&o: &usize| schema.columns.get(o).map(|c| new_empty_array(&c.ty.arrow()));
            let columns = ordinals.iter().filter_map(empty).collect();
            return Ok(GetResult { columns, rows: 0, positions: Vec::new(), regions: Vec::new() });
        }
        if parts.len() == 1 && sorted {
            return Ok(parts.swap_remove(0));
        }
        join(parts, ordinals.len())
    }
}

/// One result of many: rows in ascending order of their positions.
fn join(parts: Vec<GetResult>, columns: usize) -> Result<GetResult> {
    let positions: Vec<u32> = parts.iter().flat_map(|p| p.positions.iter().copied()).collect();
    let mut order: Vec<u32> = (0..positions.len() as u32).collect();
    order.sort_by_key(|&i| positions[i as usize]);
    let in_order = order.is_sorted();
    let order = UInt32Array::from(order);
    let failed = |e| Error::Internal(format!("rows of several regions do not fit together: {e}"));
    let column = |i: usize| -> Result<ArrayRef> {
        let pieces = dictionary::agree(parts.iter().map(|p| Arc::clone(&p.columns[i])).collect());
        let arrays: Vec<&dyn Array> = pieces.iter().map(|p| p.as_ref()).collect();
        let joined = concat(&arrays).map_err(failed)?;
        if in_order { Ok(joined) } else { take(&joined, &order, None).map_err(failed) }
    };
    let columns = (0..columns).map(column).collect::<Result<_>>()?;
    let rows = positions.len();
    Ok(GetResult {
        columns,
        rows,
        positions: order.values().iter().map(|&i| positions[i as usize]).collect(),
        regions: parts.into_iter().flat_map(|part| part.regions).collect(),
    })
}

impl Client {
    /// The keys of a request, by region.
    async fn groups(&mut self, backoff: &mut Backoff, keys: &[Key], sorted: bool) -> Result<Vec<Group>> {
        if let (true, [first, .., last] | [first @ last]) = (sorted, keys) {
            let region = self.locate(backoff, first).await?;
            if *last < region.info.range.end {
                // As nearly always: all of them lie in one region.
                return Ok(vec![Group { region, keys: keys.into(), positions: None }]);
            }
        }
        let mut wanted: Vec<(u32, Key)> = (0..).zip(keys.iter().cloned()).collect();
        wanted.sort_by(|a, b| a.1.cmp(&b.1));
        self.split_wanted(backoff, wanted).await
    }

    /// Numbered keys, by region.
    async fn split_wanted(&mut self, backoff: &mut Backoff, wanted: Vec<(u32, Key)>) -> Result<Vec<Group>> {
        let groups = self.split_keys(backoff, wanted, |(_, key)| key).await?;
        let group = |(region, wanted): (CachedRegion, Vec<(u32, Key)>)| {
            let (positions, keys): (Vec<u32>, Vec<Key>) = wanted.into_iter().unzip();
            Group { region, keys: keys.into(), positions: Some(positions) }
        };
        Ok(groups.into_iter().map(group).collect())
    }

    /// The rows of one region's keys, in as many parts as it has been split into meanwhile.
    async fn get_groups(
        &mut self,
        backoff: &mut Backoff,
        reading: &mut Reading<Group, GetResult>,
        ts: Timestamp,
        ordinals: &Arc<[usize]>,
        ignore: &[Timestamp],
    ) -> Result<()> {
        while let Some(mut group) = reading.todo.pop() {
            let body = Body::Get(Arc::new(GetBody {
                keys: Arc::clone(&group.keys),
                ts,
                ordinals: Arc::clone(ordinals),
                ignore: ignore.to_vec(),
                own: self.own.clone(),
            }));
            match self.send(backoff, &mut group.region, &body).await? {
                Sent::Reply(Reply::Get(Read::Rows(mut rows))) => {
                    if let Some(positions) = &group.positions {
                        rows.positions.iter_mut().for_each(|at| *at = positions[*at as usize]);
                    }
                    rows.regions.push(group.region.info.id);
                    reading.done.push(rows);
                }
                Sent::Reply(Reply::Get(Read::Locked(locks))) => {
                    reading.locks = locks;
                    reading.todo.push(group);
                    break;
                }
                Sent::Reply(Reply::Get(Read::Ingesting)) => {
                    self.wait(backoff, BackoffKind::RegionScheduling, "an ingest under way").await?;
                    reading.todo.push(group);
                }
                Sent::Reply(Reply::Get(Read::TooOld { safe_ts })) => {
                    return Err(Error::SnapshotTooOld { ts, safe_ts });
                }
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => {
                    let Group { keys, positions, .. } = group;
                    let numbers = positions.unwrap_or_else(|| (0..keys.len() as u32).collect());
                    let wanted = numbers.into_iter().zip(keys.iter().cloned()).collect();
                    reading.todo.extend(self.split_wanted(backoff, wanted).await?.into_iter().rev());
                }
            }
        }
        Ok(())
    }
}

//! Snapshot reads of single rows: keys are sorted and cut by region, and the rows put together in the order of the keys.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array, new_empty_array};
use arrow::compute::{concat, take};

use super::backoff::{Backoff, BackoffKind, Budget};
use super::locks::LockWaits;
use super::region_cache::CachedRegion;
use super::sender::Sent;
use super::{Client, unexpected};
use crate::chunk::dictionary;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::mvcc::GetResult;
use crate::rpc::{Body, GetBody, Read, Reply};
use crate::schema::{SpaceId, Timestamp};

/// Keys with their positions in the request.
type Wanted = Vec<(u32, Key)>;

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
        let mut wanted: Wanted = (0..).zip(keys.iter().cloned()).collect();
        let sorted = wanted.is_sorted_by(|a, b| a.1 <= b.1);
        if !sorted {
            wanted.sort_by(|a, b| a.1.cmp(&b.1));
        }
        let groups = self.split_keys(&mut backoff, wanted, |(_, key)| key).await?;
        let parts = self
            .fan_out(&mut backoff, groups, async |client, backoff, group| {
                client.get_group(backoff, group, ts, &ordinals).await
            })
            .await?;
        let mut parts: Vec<GetResult> = parts.into_iter().flatten().collect();
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
    /// The rows of one group of keys, in as many parts as its region has been split into meanwhile.
    async fn get_group(
        &mut self,
        backoff: &mut Backoff,
        group: (CachedRegion, Wanted),
        ts: Timestamp,
        ordinals: &Arc<[usize]>,
    ) -> Result<Vec<GetResult>> {
        let mut parts = Vec::with_capacity(1);
        let mut ignore = Vec::new();
        let mut waits = LockWaits::default();
        let mut groups = vec![group];
        while let Some((mut region, wanted)) = groups.pop() {
            let body = Body::Get(Arc::new(GetBody {
                keys: wanted.iter().map(|(_, key)| key.clone()).collect(),
                ts,
                ordinals: Arc::clone(ordinals),
                ignore: ignore.clone(),
                own: self.own.clone(),
            }));
            match self.send(backoff, &mut region, &body).await? {
                Sent::Reply(Reply::Get(Read::Rows(mut rows))) => {
                    for position in &mut rows.positions {
                        *position = wanted[*position as usize].0;
                    }
                    rows.regions.push(region.info.id);
                    parts.push(rows);
                }
                Sent::Reply(Reply::Get(Read::Locked(locks))) => {
                    self.resolve_for_read(backoff, locks, ts, &mut ignore, &mut waits).await?;
                    groups.push((region, wanted));
                }
                Sent::Reply(Reply::Get(Read::Ingesting)) => {
                    self.wait(backoff, BackoffKind::RegionScheduling, "an ingest under way").await?;
                    groups.push((region, wanted));
                }
                Sent::Reply(Reply::Get(Read::TooOld { safe_ts })) => {
                    return Err(Error::SnapshotTooOld { ts, safe_ts });
                }
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => {
                    let split = self.split_keys(backoff, wanted, |(_, key)| key).await?;
                    groups.extend(split.into_iter().rev());
                }
            }
        }
        Ok(parts)
    }
}

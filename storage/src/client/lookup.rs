//! Lookups: for each of many keys (or prefixes of keys) all the rows that have it.
//!
//! This is how index joins and double reads fetch: a batch of keys goes out as Arrow columns, sorted, is cut by region, and
//! comes back as columns, with the number of the lookup that each row belongs to. No key is encoded, compared or answered by
//! itself.
//!
//! **Cutting.** Lookups ascend, so a region's are a run of them, found by searching for the region's end. All keys of a
//! prefix may lie on one side of a boundary or on both; in that case the lookup goes to both regions, and each answers for
//! its own range of keys. A part remembers that range: when its region has changed it is cut again within it, so that no
//! row is fetched twice or missed, however regions split and merge meanwhile.

use std::cmp::Ordering;
use std::ops::Range;
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
use crate::key::{Bound, Key, KeyRange, RowKeys, halve};
use crate::mvcc::Lookups;
use crate::rpc::{Body, LookupBody, Read, Reply};
use crate::schema::{SpaceId, Timestamp};

pub use crate::mvcc::LookupResult;

/// Keys to look up.
#[derive(Clone, Debug)]
pub struct LookupRequest {
    /// The space.
    pub space: SpaceId,
    /// Values of the leading columns of the space's key, a column of the stored type for each (strings also as dictionary
    /// codes), as many rows as there are lookups; in ascending order of keys. NULL is a value like any other.
    pub prefix: Vec<ArrayRef>,
    /// Lower bounds of the next column of the key, one for each lookup.
    pub low: Option<LookupBound>,
    /// Upper bounds of the next column of the key.
    pub high: Option<LookupBound>,
    /// Number of lookups (for a request without prefix columns).
    pub lookups: usize,
    /// As of when.
    pub ts: Timestamp,
    /// Columns to return.
    pub ordinals: Arc<[usize]>,
    /// Whether one row of each lookup is enough (the first in key order): existence.
    pub first_only: bool,
}

/// Bounds of one column, one for each lookup; no bound where it is NULL. A lookup with any bound finds no row that is NULL there.
#[derive(Clone, Debug)]
pub struct LookupBound {
    /// Of the stored type.
    pub values: ArrayRef,
    /// Whether the value itself is within.
    pub inclusive: bool,
}

/// Lookups of one region, as far as the client knows.
struct Part {
    region: CachedRegion,
    /// Which of the request's.
    rows: Range<usize>,
    /// Where their keys are looked for; `None` = wherever they are in the region.
    within: Option<KeyRange>,
}

impl Client {
    /// The rows with these keys at a timestamp.
    ///
    /// # Errors
    ///
    /// [`Error::TypeMismatch`] if the keys are not of the stored types, or there are more of them than key columns.
    pub async fn lookup(&mut self, request: &LookupRequest) -> Result<LookupResult> {
        let mut backoff = self.backoff("lookup", Budget::Read);
        let mut lookups = self.typed(request)?;
        if request.lookups == 0 {
            return self.nothing(&mut backoff, request).await;
        }
        let mut first = lookups.prefixes.key(0);
        let region = self.locate(&mut backoff, &first).await?;
        if region.info.unique_prefix.is_some() {
            // Known only now: keys may be shorter than the prefixes.
            lookups.prefixes.set_unique_prefix(region.info.unique_prefix);
            first = lookups.prefixes.key(0);
        }
        let rows = 0..request.lookups;
        let last = rows.end - 1;
        let end = region.info.range.end.as_bytes();
        let is_whole = |row| lookups.prefixes.compare_prefix(row, end) == Some(Ordering::Less);
        let parts = if first >= region.info.range.start && is_whole(last) {
            // As nearly always: all of them lie in one region.
            vec![Part { region, rows, within: None }]
        } else {
            self.split_lookups(&mut backoff, &lookups.prefixes, rows, None).await?
        };
        let lookups = Arc::new(lookups);
        let mut found = self
            .read_past_locks(&mut backoff, request.ts, parts, async |client, backoff, reading, ignore| {
                client.lookup_parts(backoff, &lookups, reading, ignore).await
            })
            .await?;
        match found.len() {
            0 => self.nothing(&mut backoff, request).await,
            1 => Ok(found.swap_remove(0)),
            _ => join(found, request),
        }
    }

    fn typed(&self, request: &LookupRequest) -> Result<Lookups> {
        let bounds = request.low.iter().chain(&request.high).map(|bound| &bound.values);
        if request.prefix.iter().chain(bounds).any(|values| values.len() < request.lookups) {
            return Err(Error::Internal("there are more lookups than keys".into()));
        }
        let next = request.prefix.len();
        let bound = |bound: &Option<LookupBound>| {
            bound.as_ref().map(|bound| Bound::new(next, &bound.values, bound.inclusive)).transpose()
        };
        Ok(Lookups {
            prefixes: RowKeys::prefixes(request.space, &request.prefix)?,
            low: bound(&request.low)?,
            high: bound(&request.high)?,
            ordinals: Arc::clone(&request.ordinals),
            first_only: request.first_only,
            ts: request.ts,
            own: self.own.clone(),
        })
    }

    async fn nothing(&mut self, backoff: &mut Backoff, request: &LookupRequest) -> Result<LookupResult> {
        let schema = self.schema_of(backoff, request.space).await?;
        let empty = |&o: &usize| schema.columns.get(o).map(|c| new_empty_array(&c.ty.arrow()));
        let columns = request.ordinals.iter().filter_map(empty).collect();
        Ok(LookupResult { columns, rows: 0, positions: Vec::new(), regions: Vec::new() })
    }

    /// Cuts lookups by region, within a range of keys.
    async fn split_lookups(
        &mut self,
        backoff: &mut Backoff,
        prefixes: &RowKeys,
        rows: Range<usize>,
        within: Option<KeyRange>,
    ) -> Result<Vec<Part>> {
        let within = within
            .unwrap_or_else(|| KeyRange { start: Key::from_bytes(&[]), end: Key::from_bytes(&[0xFF; 9]) });
        let mut parts = Vec::with_capacity(1);
        let mut next = rows.start;
        // Regions as they are found may overlap, for they change: what is asked of one is not asked of the next.
        let mut floor = within.start.clone();
        let mut start: Key = prefixes.key(next).max(floor.clone());
        while next < rows.end && start < within.end {
            let region = self.locate(backoff, &start).await?;
            let within = KeyRange {
                start: region.info.range.start.clone().max(floor),
                end: region.info.range.end.clone().min(within.end.clone()),
            };
            let end = within.end.as_bytes();
            // Those of which some keys are below the end, and those of which all are.
            let is_here = |row| prefixes.compare_prefix(row, end) != Some(Ordering::Greater);
            let is_done = |row| prefixes.compare_prefix(row, end) == Some(Ordering::Less);
            let here = next..first_not(next..rows.end, is_here);
            next = first_not(here.clone(), is_done);
            floor = within.end.clone();
            if next < rows.end {
                start = prefixes.key(next).max(floor.clone());
            }
            parts.push(Part { region, rows: here, within: Some(within) });
        }
        Ok(parts)
    }

    /// The rows of one region's lookups, in as many parts as it has been split into meanwhile.
    async fn lookup_parts(
        &mut self,
        backoff: &mut Backoff,
        lookups: &Arc<Lookups>,
        reading: &mut Reading<Part, LookupResult>,
        ignore: &[Timestamp],
    ) -> Result<()> {
        while let Some(Part { mut region, rows, within }) = reading.todo.pop() {
            let body = Body::Lookup(Arc::new(LookupBody {
                lookups: Arc::clone(lookups),
                rows: rows.clone(),
                within: within.clone(),
                ignore: ignore.to_vec(),
            }));
            match self.send(backoff, &mut region, &body).await? {
                Sent::Reply(Reply::Lookup(Read::Rows(mut rows))) => {
                    rows.regions.push(region.info.id);
                    reading.done.push(rows);
                }
                Sent::Reply(Reply::Lookup(Read::Locked(locks))) => {
                    reading.locks = locks;
                    reading.todo.push(Part { region, rows, within });
                    break;
                }
                Sent::Reply(Reply::Lookup(Read::Ingesting)) => {
                    self.wait(backoff, BackoffKind::RegionScheduling, "an ingest under way").await?;
                    reading.todo.push(Part { region, rows, within });
                }
                Sent::Reply(Reply::Lookup(Read::TooOld { safe_ts })) => {
                    return Err(Error::SnapshotTooOld { ts: lookups.ts, safe_ts });
                }
                Sent::Reply(Reply::Unfit(mismatch)) => return Err(mismatch.into()),
                Sent::Reply(other) => return Err(unexpected(&other)),
                Sent::Relocate => {
                    let split = self.split_lookups(backoff, &lookups.prefixes, rows, within).await?;
                    reading.todo.extend(split.into_iter().rev());
                }
            }
        }
        Ok(())
    }
}

/// The first of these rows for which `holds` is false; it is true up to there.
fn first_not(rows: Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    // Nearly always all of them: a space is one region, or the keys are few.
    if rows.start < rows.end && holds(rows.end - 1) {
        return rows.end;
    }
    halve(rows, holds)
}

/// One result of many, which come in key order.
fn join(parts: Vec<LookupResult>, request: &LookupRequest) -> Result<LookupResult> {
    let positions = parts.iter().map(|part| part.positions.as_slice()).collect::<Vec<_>>().concat();
    let in_order = |pair: &[u32]| pair[0] < pair[1] || (pair[0] == pair[1] && !request.first_only);
    // Nearly always nothing is to be moved: only lookups at a boundary find rows in two regions.
    let order = (!positions.windows(2).all(in_order)).then(|| {
        let mut order: Vec<u32> = (0..positions.len() as u32).collect();
        // Stable: rows of one lookup keep the order of the regions.
        order.sort_by_key(|&row| positions[row as usize]);
        if request.first_only {
            order.dedup_by_key(|row| positions[*row as usize]);
        }
        UInt32Array::from(order)
    });
    let failed = |e| Error::Internal(format!("rows of several regions do not fit together: {e}"));
    let column = |i: usize| -> Result<ArrayRef> {
        let pieces = dictionary::agree(parts.iter().map(|p| Arc::clone(&p.columns[i])).collect());
        let arrays: Vec<&dyn Array> = pieces.iter().map(|p| p.as_ref()).collect();
        let joined = concat(&arrays).map_err(failed)?;
        match &order {
            Some(order) => take(&joined, order, None).map_err(failed),
            None => Ok(joined),
        }
    };
    let columns = (0..request.ordinals.len()).map(column).collect::<Result<_>>()?;
    let positions = match order {
        Some(order) => order.values().iter().map(|&row| positions[row as usize]).collect(),
        None => positions,
    };
    let regions = parts.into_iter().flat_map(|part| part.regions).collect();
    Ok(LookupResult { columns, rows: positions.len(), positions, regions })
}

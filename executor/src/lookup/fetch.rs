//! From keys to rows: requests to the store, one for each partition, and what comes back put together.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allod_storage::client::{LookupBound, LookupRequest, LookupResult};
use allod_storage::schema::{RegionId, SpaceId, SqlType, Timestamp};
use arrow::array::ArrayRef;
use futures_util::future::join_all;

use super::keys::Keys;
use super::lane::Lane;
use crate::batch::{concat, null_column, take};
use crate::error::Result;
use crate::metrics::CopTasks;

/// The records of a table or the entries of an index, in all partitions.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// Plan node of the scan.
    pub plan: u32,
    /// By position of the partition.
    pub spaces: Vec<SpaceId>,
    /// What is read, as positions in the space.
    pub ordinals: Arc<[usize]>,
    /// The types of these columns.
    pub types: Vec<SqlType>,
}

/// Rows that were found, and which lookups found them.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The columns.
    pub columns: Vec<ArrayRef>,
    /// Number of rows.
    pub rows: usize,
    /// The key of each find, ascending.
    pub lookups: Vec<u32>,
    /// The row of each find; `None` = finds are rows, in order.
    pub order: Option<Vec<u32>>,
    /// By row the position of its partition, if asked for and there is more than one.
    pub partitions: Option<Vec<u32>>,
}

/// What fetching cost; nothing is counted unless the statement is analyzed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cost {
    /// Whether anything is counted.
    pub counts: bool,
    /// Time of each request.
    pub times: Vec<Duration>,
    /// Rows that came back.
    pub rows: u64,
    /// Different regions.
    pub regions: BTreeSet<RegionId>,
    /// Different partitions.
    pub partitions: BTreeSet<usize>,
}

impl Cost {
    /// Of nothing yet.
    pub fn new(counts: bool) -> Cost {
        Cost { counts, ..Cost::default() }
    }

    fn clock(&self) -> Option<Instant> {
        self.counts.then(Instant::now)
    }

    fn count(&mut self, keys: &Keys, results: &[LookupResult]) {
        self.regions.extend(results.iter().flat_map(|r| r.regions.iter().copied()));
        self.partitions.extend(keys.groups.iter().map(|(p, _)| *p));
        self.rows += results.iter().map(|r| r.rows as u64).sum::<u64>();
    }

    fn took(&mut self, started: Option<Instant>) {
        self.times.extend(started.map(|started| started.elapsed()));
    }

    /// Moves what another counted to this one.
    pub fn take_from(&mut self, other: &mut Cost) {
        self.times.append(&mut other.times);
        self.rows += std::mem::take(&mut other.rows);
        self.regions.append(&mut other.regions);
        self.partitions.append(&mut other.partitions);
    }

    /// As EXPLAIN ANALYZE shows it.
    pub fn shown(self) -> CopTasks {
        let Cost { times, rows, regions, partitions, counts: _ } = self;
        CopTasks { requests: times.iter().sum(), times, rows, regions, partitions }
    }
}

impl Access {
    /// The rows of all keys, for scan number `scan` of the lane. Requests to several partitions are under way at the same
    /// time if they take time at all.
    pub async fn fetch(&self, keys: &Keys, first_only: bool, scan: usize, lane: &mut Lane) -> Result<Found> {
        let ts = lane.lookups.ts();
        let (client, cost) = lane.way(scan);
        let requests: Vec<LookupRequest> = keys
            .groups
            .iter()
            .map(|(p, lookups)| self.request(*p, lookups.as_deref(), keys, first_only, ts))
            .collect();
        let mut results = Vec::with_capacity(requests.len());
        if requests.len() <= 1 || client.runtime().is_direct() {
            for request in &requests {
                let started = cost.clock();
                results.push(client.lookup(request).await?);
                cost.took(started);
            }
        } else {
            let branches = requests.iter().map(|request| {
                let mut fork = client.fork();
                async move {
                    let started = Instant::now();
                    let result = fork.lookup(request).await;
                    (fork, result, started.elapsed())
                }
            });
            let mut first_error = None;
            for (fork, result, time) in join_all(branches).await {
                client.absorb(fork);
                cost.times.push(time);
                match result {
                    Ok(result) => results.push(result),
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
            if let Some(error) = first_error {
                return Err(error.into());
            }
        }
        if cost.counts {
            cost.count(keys, &results);
        }
        Ok(self.together(keys, results))
    }

    fn request(
        &self,
        partition: usize,
        lookups: Option<&[u32]>,
        keys: &Keys,
        first_only: bool,
        ts: Timestamp,
    ) -> LookupRequest {
        let pick = |column: &ArrayRef| match lookups {
            Some(lookups) => take(column, lookups),
            None => Arc::clone(column),
        };
        let bound = |bound: &Option<LookupBound>| {
            bound.as_ref().map(|b| LookupBound { values: pick(&b.values), inclusive: b.inclusive })
        };
        LookupRequest {
            space: self.spaces[partition],
            prefix: keys.prefix.iter().map(pick).collect(),
            low: bound(&keys.low),
            high: bound(&keys.high),
            lookups: lookups.map_or(keys.lookups(), <[u32]>::len),
            ts,
            ordinals: Arc::clone(&self.ordinals),
            first_only,
        }
    }

    /// The results of all partitions as one.
    fn together(&self, keys: &Keys, mut results: Vec<LookupResult>) -> Found {
        if let ([result], [(_, lookups)]) = (&mut results[..], &keys.groups[..]) {
            let mut found = std::mem::take(&mut result.positions);
            if let Some(lookups) = lookups {
                found.iter_mut().for_each(|at| *at = lookups[*at as usize]);
            }
            keys.to_keys(&mut found);
            let columns = std::mem::take(&mut result.columns);
            let partitions = (self.spaces.len() > 1).then(|| vec![keys.groups[0].0 as u32; result.rows]);
            return Found { columns, rows: result.rows, lookups: found, order: None, partitions };
        }
        let mut lookups = Vec::new();
        let mut partitions = Vec::new();
        for ((partition, group), result) in keys.groups.iter().zip(&results) {
            match group {
                Some(group) => lookups.extend(result.positions.iter().map(|&at| group[at as usize])),
                None => lookups.extend_from_slice(&result.positions),
            }
            partitions.resize(lookups.len(), *partition as u32);
        }
        keys.to_keys(&mut lookups);
        results.retain(|r| r.rows > 0);
        let column = |at: usize| {
            let parts: Vec<ArrayRef> = results.iter().map(|r| Arc::clone(&r.columns[at])).collect();
            if parts.is_empty() { null_column(&self.types[at], 0) } else { concat(&parts) }
        };
        let columns = (0..self.ordinals.len()).map(column).collect();
        let rows = lookups.len();
        let order = in_order(&mut lookups, keys.count);
        Found { columns, rows, lookups, order, partitions: Some(partitions) }
    }
}

/// Sorts numbers below `count`, stably, and says where each came from; `None` if they were in order.
fn in_order(numbers: &mut Vec<u32>, count: usize) -> Option<Vec<u32>> {
    if numbers.is_sorted() {
        return None;
    }
    let mut next = starts(numbers, count);
    let mut order = vec![0; numbers.len()];
    let mut sorted = vec![0; numbers.len()];
    for (from, &number) in numbers.iter().enumerate() {
        let at = next[number as usize] as usize;
        next[number as usize] += 1;
        order[at] = from as u32;
        sorted[at] = number;
    }
    *numbers = sorted;
    Some(order)
}

/// For each number below `count` how many of `numbers` are less, and behind them how many there are.
pub(crate) fn starts(numbers: &[u32], count: usize) -> Vec<u32> {
    let mut starts = vec![0u32; count + 1];
    for &number in numbers {
        starts[number as usize + 1] += 1;
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    starts
}

impl Found {
    /// The row of a find.
    #[inline]
    pub fn row(&self, find: usize) -> u32 {
        self.order.as_ref().map_or(find as u32, |order| order[find])
    }

    /// Finds as rows of their own.
    pub fn straighten(&mut self) {
        if let Some(order) = self.order.take() {
            self.columns = self.columns.iter().map(|c| take(c, &order)).collect();
            self.partitions =
                self.partitions.take().map(|p| order.iter().map(|&row| p[row as usize]).collect());
            self.rows = order.len();
        }
    }

    /// Keeps only these rows (ascending) and their finds.
    pub fn keep(&mut self, rows: &[u32]) {
        self.columns = self.columns.iter().map(|c| take(c, rows)).collect();
        if let Some(partitions) = &mut self.partitions {
            *partitions = rows.iter().map(|&row| partitions[row as usize]).collect();
        }
        match &mut self.order {
            None => self.lookups = rows.iter().map(|&row| self.lookups[row as usize]).collect(),
            Some(order) => {
                let mut place = vec![u32::MAX; self.rows];
                rows.iter().zip(0..).for_each(|(&row, at)| place[row as usize] = at);
                let mut kept = 0;
                for find in 0..order.len() {
                    let at = place[order[find] as usize];
                    if at != u32::MAX {
                        order[kept] = at;
                        self.lookups[kept] = self.lookups[find];
                        kept += 1;
                    }
                }
                order.truncate(kept);
                self.lookups.truncate(kept);
            }
        }
        self.rows = rows.len();
    }
}

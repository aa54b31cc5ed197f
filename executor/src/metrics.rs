//! What EXPLAIN ANALYZE shows of a run.
//!
//! Workers count in meters of their own; when a run ends its meters are added to a map that the statement's thread owns, if
//! somebody asked for it: a point query's share of that would be as long as the query.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use allod_planner::physical::{Node, Plan, Query};
use allod_storage::client::ClientStats;
use allod_storage::schema::RegionId;

use crate::pipeline::Measured;

/// What was measured of one operator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperatorMetrics {
    /// Rows that came out, of all runs.
    pub rows: u64,
    /// Batches that came out.
    pub loops: u64,
    /// Time spent in the operator and its inputs: each operator's own time is divided by the workers that spent it, so
    /// that the root's time is about what the clock on the wall says.
    pub time: Duration,
    /// The most workers that ran it at a time.
    pub workers: u64,
    /// Tasks that ran it.
    pub tasks: u64,
    /// Bytes that it kept.
    pub memory_bytes: u64,
    /// What only some operators have.
    pub detail: Detail,
}

/// What was measured of operators that read from the store (tidb.md B, the columns of EXPLAIN ANALYZE).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    /// Of a reader: the tasks that its scans were cut into, one a region.
    pub cop: Option<CopTasks>,
    /// What its clients did: requests, region errors, and backoff, summed over all workers.
    pub rpc: Option<ClientStats>,
    /// Of an index join.
    pub index_join: Option<IndexJoinRun>,
    /// Of a double read.
    pub index_lookup: Option<IndexLookUpRun>,
}

impl Detail {
    /// Adds what another worker measured of the same operator.
    pub(crate) fn merge(&mut self, other: Detail) {
        fn join<T>(sum: &mut Option<T>, part: Option<T>, add: impl FnOnce(&mut T, T)) {
            match (sum, part) {
                (_, None) => {}
                (Some(sum), Some(part)) => add(sum, part),
                (sum, part) => *sum = part,
            }
        }
        join(&mut self.cop, other.cop, |sum, part| {
            sum.times.extend(part.times);
            sum.rows += part.rows;
            sum.regions.extend(part.regions);
            sum.partitions.extend(part.partitions);
        });
        join(&mut self.rpc, other.rpc, |sum, part| sum.merge(&part));
        join(&mut self.index_join, other.index_join, |sum, part| {
            sum.total += part.total;
            sum.concurrency = sum.concurrency.max(part.concurrency);
            sum.tasks += part.tasks;
            sum.construct += part.construct;
            sum.fetch += part.fetch;
            sum.build += part.build;
            sum.probe += part.probe;
            sum.keys += part.keys;
        });
        join(&mut self.index_lookup, other.index_lookup, |sum, part| {
            sum.fetch_handles += part.fetch_handles;
            sum.table_total += part.table_total;
            sum.tasks += part.tasks;
            sum.concurrency = sum.concurrency.max(part.concurrency);
        });
    }
}

/// The regions that a reader's scans or lookups touched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CopTasks {
    /// Time of each task, in any order.
    pub times: Vec<Duration>,
    /// Rows that tasks looked at.
    pub rows: u64,
    /// Different regions.
    pub regions: BTreeSet<RegionId>,
    /// Different partitions.
    pub partitions: BTreeSet<usize>,
}

/// `inner:{total, concurrency, task, construct, fetch, build}, probe` of an index join; times are sums over workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexJoinRun {
    /// All the work on the inner side.
    pub total: Duration,
    /// Lookups under way at the same time, at most.
    pub concurrency: usize,
    /// Batches of outer rows.
    pub tasks: u64,
    /// Making keys: evaluating, converting, sorting, removing duplicates.
    pub construct: Duration,
    /// Fetching inner rows.
    pub fetch: Duration,
    /// Bringing inner rows into the form to be joined.
    pub build: Duration,
    /// Joining.
    pub probe: Duration,
    /// Keys that were looked up, after duplicates were removed.
    pub keys: u64,
}

/// `index_task: {…}, table_task: {…}` of a double read; times are sums over workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexLookUpRun {
    /// Reading the index.
    pub fetch_handles: Duration,
    /// Reading rows.
    pub table_total: Duration,
    /// Batches of handles.
    pub tasks: u64,
    /// Batches under way at the same time, at most.
    pub concurrency: usize,
}

/// The metrics of every operator that ran, by plan id.
pub(crate) fn collect(query: &Query, measured: &BTreeMap<u32, Measured>) -> BTreeMap<u32, OperatorMetrics> {
    let mut out = BTreeMap::new();
    for plan in query.ctes.iter().chain([&query.root]) {
        walk(plan, measured, &mut out);
    }
    out
}

/// What the scan that a reader's chain stands on did, with the rows that it looked at.
fn of_scan(plan: &Plan, measured: &BTreeMap<u32, Measured>) -> Detail {
    if let Some(input) = plan.children().first() {
        return of_scan(input, measured);
    }
    let Some(own) = measured.get(&plan.id) else { return Detail::default() };
    let mut detail = own.detail.clone();
    if let Some(cop) = &mut detail.cop {
        cop.rows = own.meter.rows;
    }
    detail
}

/// Fills in a plan's metrics and returns its time, inputs included.
fn walk(
    plan: &Plan,
    measured: &BTreeMap<u32, Measured>,
    out: &mut BTreeMap<u32, OperatorMetrics>,
) -> Duration {
    let below: Duration = plan.children().into_iter().map(|child| walk(child, measured, out)).sum();
    // A reader is a border on paper: it runs nothing of its own.
    if let Node::TableReader { input } | Node::IndexReader { input } = &plan.node {
        if let Some(mut own) = out.get(&input.id).cloned() {
            own.detail = of_scan(input, measured);
            out.insert(plan.id, own);
        }
        return below;
    }
    let Some(own) = measured.get(&plan.id) else { return below };
    let workers = own.workers.max(1);
    let time = below + own.meter.time / u32::try_from(workers).unwrap_or(u32::MAX);
    out.insert(
        plan.id,
        OperatorMetrics {
            rows: own.meter.rows,
            loops: own.meter.batches,
            time,
            workers,
            tasks: own.tasks,
            memory_bytes: own.memory_bytes,
            detail: own.detail.clone(),
        },
    );
    time
}

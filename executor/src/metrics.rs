//! What EXPLAIN ANALYZE shows of a run.
//!
//! Workers count in meters of their own; when a run ends its meters are added to a map that the statement's thread owns, if
//! somebody asked for it: a point query's share of that would be as long as the query.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use allod_planner::physical::{Node, Plan, Query, Side};
use allod_storage::client::{ClientStats, Tally};
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
    /// that the root's time is about what the clock on the wall says. Of the inner side of an index join, and of the rows of
    /// a double read, what is divided is the time of lookups, by how many were under way at the same time; the operator above
    /// waits for them, so it is within that operator's own time.
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
///
/// Tasks and requests are told by whoever asked the store: a reader, and each side of a double read or an index merge (its
/// uppermost operator). The scan at the bottom tells only how long the reading itself took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    /// The tasks that the reading was cut into.
    pub cop: Option<CopTasks>,
    /// What its clients did: requests, region errors, and backoff, summed over all workers.
    pub rpc: Option<ClientStats>,
    /// Of a scan: the time that each of its regions took to be read, requests left out.
    pub processed: Vec<Duration>,
    /// Of an index join.
    pub index_join: Option<IndexJoinRun>,
    /// Of a double read.
    pub index_lookup: Option<IndexLookUpRun>,
    /// Of an index merge.
    pub index_merge: Option<IndexMergeRun>,
    /// Of a change of rows.
    pub commit: Option<CommitRun>,
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
            sum.requests += part.requests;
            sum.rows += part.rows;
            sum.regions.extend(part.regions);
            sum.partitions.extend(part.partitions);
        });
        join(&mut self.rpc, other.rpc, |sum, part| sum.merge(&part));
        self.processed.extend(other.processed);
        join(&mut self.index_join, other.index_join, |sum, part| {
            sum.total += part.total;
            sum.concurrency += part.concurrency;
            sum.tasks += part.tasks;
            sum.construct += part.construct;
            sum.fetch += part.fetch;
            sum.build += part.build;
            sum.probe += part.probe;
            sum.keys += part.keys;
        });
        join(&mut self.index_lookup, other.index_lookup, |sum, part| {
            sum.build += part.build;
            sum.table_total += part.table_total;
            sum.tasks += part.tasks;
            sum.concurrency += part.concurrency;
        });
        join(&mut self.index_merge, other.index_merge, |sum, part| {
            sum.fetch_handles += part.fetch_handles;
            sum.merge += part.merge;
            sum.fetch_rows += part.fetch_rows;
            sum.tasks += part.tasks;
        });
        join(&mut self.commit, other.commit, |sum, part| {
            sum.time += part.time;
            sum.keys += part.keys;
        });
    }
}

/// The tasks of a reader: of a scan one for each region, of lookups one for each request (the keys of one batch in one
/// partition).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CopTasks {
    /// Time of each task, in any order, from its request to its last row.
    pub times: Vec<Duration>,
    /// Time from requests to answers, a sum over all that were under way at the same time.
    pub requests: Duration,
    /// Rows that tasks looked at.
    pub rows: u64,
    /// Different regions.
    pub regions: BTreeSet<RegionId>,
    /// Different partitions.
    pub partitions: BTreeSet<usize>,
}

/// What the regions of a scan took; a region may be read by several workers.
pub(crate) type RegionTimes = BTreeMap<RegionId, RegionTime>;

/// What one region of a scan took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RegionTime {
    /// From the request to open it to the answer.
    pub opening: Duration,
    /// Reading what was opened.
    pub reading: Duration,
}

/// `inner:{total, concurrency, task, construct, fetch, build}, probe` of an index join; times are sums over workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexJoinRun {
    /// All the work on the inner side.
    pub total: Duration,
    /// Lookups that could be under way at the same time, of all workers together: as many as the setting says for each where
    /// answers take time, one for each where they are immediate.
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

/// `index_task: {…}, table_task: {…}, next: {…}` of a double read. Those of the tasks are sums over workers; those of `next`
/// are what the operator above waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexLookUpRun {
    /// Reading the index.
    pub fetch_handles: Duration,
    /// Making keys of index entries.
    pub build: Duration,
    /// Reading rows, and what runs above the scan of them.
    pub table_total: Duration,
    /// Batches of handles.
    pub tasks: u64,
    /// Batches that could be under way at the same time, of all workers together.
    pub concurrency: usize,
    /// Until index entries were there.
    pub wait_index: Duration,
    /// Until keys were made of them.
    pub wait_build: Duration,
    /// Until their rows were there.
    pub wait_response: Duration,
}

/// `index_task:{…}, table_task:{…}` of an index merge, which goes from partition to partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexMergeRun {
    /// Reading the indexes.
    pub fetch_handles: Duration,
    /// Uniting or intersecting their handles.
    pub merge: Duration,
    /// Reading rows.
    pub fetch_rows: Duration,
    /// Partitions of which rows were read.
    pub tasks: u64,
}

/// `commit_txn: {…}` of a change of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitRun {
    /// From the first request to the last answer.
    pub time: Duration,
    /// Keys that were written or deleted.
    pub keys: u64,
}

/// The metrics of every operator that ran, by plan id. `tallies` are what lookups counted, by the plan id of the scan.
pub(crate) fn collect(
    query: &Query,
    measured: &BTreeMap<u32, Measured>,
    tallies: &[(u32, Tally)],
) -> BTreeMap<u32, OperatorMetrics> {
    let mut rpc: BTreeMap<u32, ClientStats> = BTreeMap::new();
    for (plan, tally) in tallies {
        rpc.entry(*plan).or_default().merge(&tally.sum());
    }
    let mut walker = Walker { measured, rpc, out: BTreeMap::new() };
    for plan in query.ctes.iter().chain([&query.root]) {
        walker.walk(plan);
    }
    walker.out
}

struct Walker<'a> {
    measured: &'a BTreeMap<u32, Measured>,
    rpc: BTreeMap<u32, ClientStats>,
    out: BTreeMap<u32, OperatorMetrics>,
}

impl Walker<'_> {
    /// Fills in a plan's metrics and returns its time, inputs included.
    fn walk(&mut self, plan: &Plan) -> Duration {
        match &plan.node {
            // A reader is a border on paper: it runs nothing of its own.
            Node::TableReader { input } | Node::IndexReader { input } => {
                let below = self.walk(input);
                if let Some(mut own) = self.out.get(&input.id).cloned() {
                    own.detail = self.take_tasks(input);
                    self.out.insert(plan.id, own);
                }
                below
            }
            Node::IndexLookUp(lookup) => {
                let index = self.walk(&lookup.index);
                let table = self.walk(&lookup.table);
                self.tell_tasks(&lookup.index);
                self.tell_tasks(&lookup.table);
                if self.measured.get(&plan.id).is_some_and(|own| own.detail.index_lookup.is_some()) {
                    return self.double_read(plan, index);
                }
                // The inner side of an index join, which fetches by itself: what comes out is what the table side yields.
                if let Some(rows) = self.out.get(&lookup.table.id).cloned() {
                    let time = index + table;
                    let run = IndexLookUpRun {
                        fetch_handles: index,
                        table_total: table,
                        tasks: rows.detail.cop.as_ref().map_or(0, |cop| cop.times.len() as u64),
                        concurrency: rows.workers as usize,
                        wait_index: index,
                        wait_response: table,
                        ..IndexLookUpRun::default()
                    };
                    let detail = Detail { index_lookup: Some(run), ..Detail::default() };
                    self.out.insert(plan.id, OperatorMetrics { time, detail, ..rows });
                }
                index + table
            }
            Node::IndexMerge(merge) => {
                let mut below = Duration::ZERO;
                for side in merge.partial.iter().map(|part| &part.plan).chain([&*merge.table]) {
                    below += self.walk(side);
                    self.tell_tasks(side);
                }
                self.own(plan, below)
            }
            // The join waits for its inner side, so the time of that is in its own.
            Node::IndexJoin(join) => {
                let (outer, inner) = match join.outer {
                    Side::Left => (&join.left, &join.right),
                    Side::Right => (&join.right, &join.left),
                };
                let below = self.walk(outer);
                self.walk(inner);
                self.own(plan, below)
            }
            _ => {
                let below = plan.children().into_iter().map(|child| self.walk(child)).sum();
                self.own(plan, below)
            }
        }
    }

    /// Fills in what an operator measured itself, above inputs that took `below`.
    fn own(&mut self, plan: &Plan, below: Duration) -> Duration {
        let Some(own) = self.measured.get(&plan.id) else { return below };
        let workers = own.workers.max(1);
        let time = below + own.elapsed + own.meter.time / u32::try_from(workers).unwrap_or(u32::MAX);
        let mut detail = own.detail.clone();
        if let Some(cop) = &mut detail.cop {
            cop.rows = cop.rows.max(own.meter.rows);
            cop.times.extend(own.regions.values().map(|region| region.opening + region.reading));
        }
        detail.processed.extend(own.regions.values().map(|region| region.reading));
        if let Some(rpc) = self.rpc.get(&plan.id) {
            detail.rpc.get_or_insert_default().merge(rpc);
        }
        self.out.insert(
            plan.id,
            OperatorMetrics {
                rows: own.meter.rows,
                loops: own.meter.batches,
                time,
                workers,
                tasks: own.tasks,
                memory_bytes: own.memory_bytes,
                detail,
            },
        );
        time
    }

    /// A double read that reads its index side as a pipeline of its own, and waits for the rows.
    fn double_read(&mut self, plan: &Plan, index: Duration) -> Duration {
        let time = self.own(plan, index);
        if let Some(OperatorMetrics { workers, detail, .. }) = self.out.get_mut(&plan.id)
            && let Some(run) = &mut detail.index_lookup
        {
            run.fetch_handles = index;
            run.wait_index = index;
            run.wait_build = run.build / u32::try_from(*workers).unwrap_or(u32::MAX);
            run.wait_response = time.saturating_sub(index).saturating_sub(run.wait_build);
        }
        time
    }

    /// Takes from the scan that a chain stands on what it knows of tasks and requests.
    fn take_tasks(&mut self, plan: &Plan) -> Detail {
        if let Some(input) = plan.children().first() {
            return self.take_tasks(input);
        }
        let Some(scan) = self.out.get_mut(&plan.id) else { return Detail::default() };
        Detail { cop: scan.detail.cop.take(), rpc: scan.detail.rpc.take(), ..Detail::default() }
    }

    /// Lets the uppermost operator of a side tell of its tasks, as no reader stands above it.
    fn tell_tasks(&mut self, side: &Plan) {
        if matches!(side.node, Node::TableReader { .. } | Node::IndexReader { .. }) {
            return;
        }
        let tasks = self.take_tasks(side);
        if let Some(top) = self.out.get_mut(&side.id) {
            top.detail.merge(tasks);
        }
    }
}

//! What EXPLAIN ANALYZE shows of a run.
//!
//! Workers count in meters of their own; when a run ends its meters are added to a map that the statement's thread owns.
//! Rows are always counted, once per batch; times are taken only when asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use allod_planner::physical::{Node, Plan, Query};

use crate::pipeline::Measured;

/// What was measured of one operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
}

/// The metrics of every operator that ran, by plan id.
pub(crate) fn collect(query: &Query, measured: &BTreeMap<u32, Measured>) -> BTreeMap<u32, OperatorMetrics> {
    let mut out = BTreeMap::new();
    for plan in query.ctes.iter().chain([&query.root]) {
        walk(plan, measured, &mut out);
    }
    out
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
        if let Some(&input) = out.get(&input.id) {
            out.insert(plan.id, input);
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
        },
    );
    time
}

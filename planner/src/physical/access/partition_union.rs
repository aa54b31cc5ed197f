//! Static pruning (`tidb_partition_prune_mode = 'static'`): a plan of its own for each partition that is left, under a
//! PartitionUnion.
//!
//! What would break it: the order of a union of partitions is the order of none of them.

use super::hints::Allowed;
use super::site::{Site, operator};
use super::{Path, dual, within};
use crate::options::PruneMode;
use crate::physical::Node;

/// The partitions, each to be read by itself; `None` if the table is read as one.
pub(super) fn parts(site: &Site) -> Option<Vec<usize>> {
    let table = &site.scan.table;
    if site.cx.options.prune_mode != PruneMode::Static || table.partitioning.is_none() {
        return None;
    }
    let left = site.partitions.clone().unwrap_or_else(|| (0..table.partitions.len()).collect());
    (left.len() != 1).then_some(left)
}

/// One way: the cheapest of each partition; nothing at all if there is none.
pub(super) fn paths(site: &Site, parts: &[usize], allowed: &Allowed) -> Vec<Path> {
    if parts.is_empty() {
        return vec![dual(site)];
    }
    let mut inputs = Vec::with_capacity(parts.len());
    let (mut cost, mut rows) = (0.0, 0.0);
    let mut index = None;
    for &part in parts {
        let of_part = site.within(vec![part]);
        let ways = within(&of_part, allowed);
        let Some(way) = ways.into_iter().min_by(|a, b| a.cost.total_cmp(&b.cost)) else { continue };
        cost += way.cost;
        rows += way.plan.rows;
        index = way.index;
        let mut plan = way.plan;
        plan.cost = way.cost;
        inputs.push(plan);
    }
    let Some(first) = inputs.first() else { return vec![] };
    let columns = first.columns.clone();
    let plan = operator(rows, columns, Node::PartitionUnion { inputs });
    vec![Path { plan, cost, order: vec![], index }]
}

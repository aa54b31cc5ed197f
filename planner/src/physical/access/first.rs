//! The first rows of a table.
//!
//! ```text
//! IndexLookUp   limit embedded(offset:10, count:3)       PartitionUnion, under a Limit or a TopN
//! ├─Limit(Build)   offset:0, count:13                    ├─Limit 13
//! │ └─IndexRangeScan                                     │ └─IndexLookUp, in the order of an index of p0
//! └─TableRowIDScan(Probe)                                └─TopN 13
//!                                                          └─TableReader, all rows of p1
//! ```
//! A double read whose table side filters nothing finds a row for each entry, so entries are counted instead of rows, and the rows
//! that are skipped are never fetched. What would break it: a filter on the table side, and a global index, of whose entries
//! some may be of partitions that are not asked for.

use super::hints::Allowed;
use super::partition_union::parts;
use super::site::{Site, operator};
use super::{AccessContext, Path, within};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::cost;
use crate::logical::{Scan, SortKey};
use crate::physical::{IndexLookUp, Node, Plan};

/// These rows of a plan, `rows` by estimate.
pub(crate) fn limited(mut input: Plan, offset: u64, count: Option<u64>, rows: f64) -> Plan {
    match (&mut input.node, count) {
        (Node::IndexLookUp(lookup), Some(count)) if counts_entries(lookup) => {
            let enough = offset.saturating_add(count);
            let wanted = (rows + offset as f64).min(input.rows);
            stopped(&mut lookup.index, wanted / input.rows.max(f64::MIN_POSITIVE));
            lookup.table.rows = rows;
            lookup.limit = Some((offset, count));
            let index =
                std::mem::replace(&mut *lookup.index, operator(0.0, vec![], Node::Values { rows: vec![] }));
            let columns = index.columns.clone();
            let limit = Node::Limit { input: Box::new(index), offset: 0, count: Some(enough) };
            *lookup.index = operator(wanted, columns, limit);
            Plan { rows, ..input }
        }
        _ => {
            if matches!(input.node, Node::IndexLookUp(_)) {
                let wanted = (rows + offset as f64).min(input.rows);
                let part = wanted / input.rows.max(f64::MIN_POSITIVE);
                stopped(&mut input, part);
            }
            let (cost, columns) = (input.cost, input.columns.clone());
            let node = Node::Limit { input: Box::new(input), offset, count };
            Plan { cost, ..operator(rows, columns, node) }
        }
    }
}

/// Whether each entry that the index side yields is a row.
fn counts_entries(lookup: &IndexLookUp) -> bool {
    lookup.routing.is_none() && lookup.limit.is_none() && matches!(lookup.table.node, Node::TableScan(_))
}

/// What is expected of a chain, and of both sides of a double read, if only this part of it is read.
fn stopped(plan: &mut Plan, part: f64) {
    plan.rows *= part;
    plan.children_mut().into_iter().for_each(|child| stopped(child, part));
}

/// The first rows of each partition by these keys (of none: any), under static pruning; whoever wants the first of all finds
/// them among these. `order` is that of the keys, if an index may have it.
pub(crate) fn of_partitions(
    cx: &AccessContext,
    scan: &Scan,
    needed: &ColumnSet,
    keys: &[SortKey],
    order: &[(ColumnId, bool)],
    enough: u64,
) -> Option<Plan> {
    let site = Site::new(cx, scan, needed, order, Some(enough as f64));
    let parts = parts(&site).filter(|parts| !parts.is_empty())?;
    let allowed = Allowed::of(cx, scan);
    let mut inputs = Vec::with_capacity(parts.len());
    for part in parts {
        let first = |path: Path| {
            let serves = keys.is_empty() || !order.is_empty() && path.order.starts_with(order);
            let rows = path.plan.rows.min(enough as f64);
            if serves {
                return Plan { cost: path.cost, ..limited(path.plan, 0, Some(enough), rows) };
            }
            let cost = path.cost + cost::top_n(path.plan.rows, enough as f64);
            let columns = path.plan.columns.clone();
            let input = Box::new(path.plan);
            let node = Node::TopN { input, keys: keys.to_vec(), offset: 0, count: enough };
            Plan { cost, ..operator(rows, columns, node) }
        };
        let of_part = site.within(vec![part]);
        let ways = within(&of_part, &allowed).into_iter().map(first);
        inputs.push(ways.min_by(|a, b| a.cost.total_cmp(&b.cost))?);
    }
    let (rows, cost) = (inputs.iter().map(|p| p.rows).sum(), inputs.iter().map(|p| p.cost).sum());
    let columns = inputs.first()?.columns.clone();
    Some(Plan { cost, ..operator(rows, columns, Node::PartitionUnion { inputs }) })
}

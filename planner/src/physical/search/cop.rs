//! Work that is moved towards the data: by AGG_TO_COP and LIMIT_TO_COP, and groupings into partitions that are read one by one.
//!
//! ```text
//! HashAgg   sum(#9)->#5                    Limit 10
//! └─TableReader                            └─TableReader
//!   └─HashAgg   count(1)->#9   cop[tikv]     └─Limit 10   cop[tikv]
//! ```
//! Workers group and limit what they read by themselves anyway, so without a hint nothing is moved. What would break it:
//! a DISTINCT aggregate, or one that is not made of parts (deviations, GROUP_CONCAT), has to see all rows at once.

use super::{Candidate, operator};
use crate::column::{ColumnId, Columns};
use crate::cost;
use crate::expr::{AggregateCall, AggregateFunction, Expr};
use crate::physical::{Aggregation, Node, Plan};

/// Partitions are grouped by themselves if their groups are at most this part of their rows.
const GROUPS_MAX: f64 = 0.5;

/// The grouping in two phases, the first below the reader; `None` if it cannot be split or there is no reader.
pub(super) fn aggregate_below(hashed: &Plan, columns: &mut Columns) -> Option<Candidate> {
    let Node::HashAgg(aggregation) = &hashed.node else { return None };
    let split = Split::of(aggregation, columns)?;
    let read = below_reader(&aggregation.input, |below| split.first(below.clone(), hashed.rows))?;
    Some(Candidate::unordered(split.last(read, hashed)))
}

/// The grouping in two phases, the first of each partition that is read by itself; `None` if it cannot be split, or if most of
/// the rows would be groups.
pub(super) fn aggregate_partitions(hashed: &Plan, columns: &mut Columns) -> Option<Candidate> {
    let Node::HashAgg(aggregation) = &hashed.node else { return None };
    let Node::PartitionUnion { inputs } = &aggregation.input.node else { return None };
    let groups =
        |input: &Plan| if aggregation.group_by.is_empty() { 1.0 } else { hashed.rows.min(input.rows) };
    let rows: f64 = inputs.iter().map(groups).sum();
    if !aggregation.group_by.is_empty() && rows > aggregation.input.rows * GROUPS_MAX {
        return None;
    }
    let split = Split::of(aggregation, columns)?;
    let inputs: Vec<Plan> = inputs.iter().map(|input| split.first(input.clone(), groups(input))).collect();
    let columns = inputs.first()?.columns.clone();
    let union = operator(rows, aggregation.input.cost, columns, Node::PartitionUnion { inputs });
    Some(Candidate::unordered(split.last(union, hashed)))
}

/// Whether these aggregates can be made of those of parts of the rows.
pub(super) fn splits(aggregates: &[(ColumnId, AggregateCall)]) -> bool {
    aggregates.iter().all(|(_, call)| of_parts(call).is_some())
}

/// A grouping by what is done to parts of its rows, and then to the groups of all parts.
struct Split<'a> {
    group_by: &'a [(ColumnId, Expr)],
    parts: Vec<(ColumnId, AggregateCall)>,
    whole: Vec<(ColumnId, AggregateCall)>,
}

impl<'a> Split<'a> {
    fn of(aggregation: &'a Aggregation, columns: &mut Columns) -> Option<Split<'a>> {
        let functions = aggregation.aggregates.iter().map(|(_, call)| of_parts(call));
        let functions: Vec<AggregateFunction> = functions.collect::<Option<_>>()?;
        // Of a part without rows, where groups are not asked for, any value is NULL.
        if aggregation.group_by.is_empty() && functions.contains(&AggregateFunction::AnyValue) {
            return None;
        }
        let (mut parts, mut whole) = (Vec::new(), Vec::new());
        for ((id, call), function) in aggregation.aggregates.iter().zip(functions) {
            let part = columns.add_computed(columns.get(*id).name.clone(), call.ty.clone());
            let args = vec![Expr::column(part, call.ty.clone())];
            whole.push((*id, AggregateCall { function, args, ..call.clone() }));
            parts.push((part, call.clone()));
        }
        Some(Split { group_by: &aggregation.group_by, parts, whole })
    }

    fn first(&self, input: Plan, groups: f64) -> Plan {
        let ids =
            self.group_by.iter().map(|(id, _)| *id).chain(self.parts.iter().map(|(id, _)| *id)).collect();
        let (group_by, aggregates) = (self.group_by.to_vec(), self.parts.clone());
        let cost = input.cost + cost::hash_aggregate(input.rows, groups);
        operator(
            groups,
            cost,
            ids,
            Node::HashAgg(Aggregation { input: Box::new(input), group_by, aggregates }),
        )
    }

    fn last(self, input: Plan, hashed: &Plan) -> Plan {
        let groups = |(id, e): &(ColumnId, Expr)| (*id, Expr::column(*id, e.ty().clone()));
        let group_by = self.group_by.iter().map(groups).collect();
        let last = Aggregation { input: Box::new(input), group_by, aggregates: self.whole };
        operator(hashed.rows, hashed.cost, hashed.columns.clone(), Node::HashAgg(last))
    }
}

/// What makes the aggregate of all rows from the aggregates of parts of them.
fn of_parts(call: &AggregateCall) -> Option<AggregateFunction> {
    use AggregateFunction as F;
    if call.distinct {
        return None;
    }
    match call.function {
        F::CountAll | F::Count | F::Sum => Some(F::Sum),
        F::Min | F::Max | F::AnyValue | F::BitAnd | F::BitOr | F::BitXor => Some(call.function),
        F::Avg
        | F::StdDevPop
        | F::StdDevSamp
        | F::VarPop
        | F::VarSamp
        | F::GroupConcat(_)
        | F::JsonArrayAgg
        | F::JsonObjectAgg
        | F::ApproxCountDistinct
        | F::ApproxPercentile { .. } => None,
    }
}

/// A Limit, or a TopN, with the same once more below the reader: each part need not hand over more than all of them together.
/// `None` if there is no reader.
pub(super) fn limit_below(limited: &Plan) -> Option<Plan> {
    let read = match &limited.node {
        Node::Limit { input, offset, count: Some(count) } => {
            let count = Some(offset.saturating_add(*count));
            below_reader(input, |below| {
                let (rows, columns) = (limited.rows, below.columns.clone());
                let node = Node::Limit { input: Box::new(below.clone()), offset: 0, count };
                operator(rows, below.cost, columns, node)
            })
        }
        Node::TopN { input, keys, offset, count } => {
            let count = offset.saturating_add(*count);
            below_reader(input, |below| {
                let (rows, columns) = (limited.rows, below.columns.clone());
                let node =
                    Node::TopN { input: Box::new(below.clone()), keys: keys.clone(), offset: 0, count };
                operator(rows, below.cost, columns, node)
            })
        }
        _ => None,
    };
    let input = Box::new(read?);
    let node = match &limited.node {
        Node::Limit { offset, count, .. } => Node::Limit { input, offset: *offset, count: *count },
        Node::TopN { keys, offset, count, .. } => {
            Node::TopN { input, keys: keys.clone(), offset: *offset, count: *count }
        }
        _ => return None,
    };
    Some(operator(limited.rows, limited.cost, limited.columns.clone(), node))
}

/// A reader with something put on top of what it reads.
fn below_reader(reader: &Plan, put: impl FnOnce(&Plan) -> Plan) -> Option<Plan> {
    let (Node::TableReader { input } | Node::IndexReader { input }) = &reader.node else { return None };
    let below = put(input);
    let (rows, columns) = (below.rows, below.columns.clone());
    let input = Box::new(below);
    let node = match reader.node {
        Node::IndexReader { .. } => Node::IndexReader { input },
        _ => Node::TableReader { input },
    };
    Some(operator(rows, reader.cost, columns, node))
}

//! Work that hints move beside the data: AGG_TO_COP and LIMIT_TO_COP.
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
use crate::expr::{AggregateCall, AggregateFunction, Expr};
use crate::physical::{Aggregation, Node, Plan};

/// The grouping in two phases, the first below the reader; `None` if it cannot be split or there is no reader.
pub(super) fn aggregate_below(hashed: &Plan, columns: &mut Columns) -> Option<Candidate> {
    let Node::HashAgg(Aggregation { input, group_by, aggregates }) = &hashed.node else { return None };
    let mut parts: Vec<(ColumnId, AggregateCall)> = Vec::new();
    let mut whole: Vec<(ColumnId, AggregateCall)> = Vec::new();
    for (id, call) in aggregates {
        let function = of_parts(call)?;
        let part = columns.add_computed(columns.get(*id).name.clone(), call.ty.clone());
        let args = vec![Expr::column(part, call.ty.clone())];
        whole.push((*id, AggregateCall { function, args, ..call.clone() }));
        parts.push((part, call.clone()));
    }
    let ids = group_by.iter().map(|(id, _)| *id).chain(parts.iter().map(|(id, _)| *id)).collect();
    let groups = group_by.iter().map(|(id, e)| (*id, Expr::column(*id, e.ty().clone()))).collect();
    let under = |below: &Plan| {
        let first = Aggregation {
            input: Box::new(below.clone()),
            group_by: group_by.clone(),
            aggregates: parts.clone(),
        };
        operator(hashed.rows, hashed.cost, ids, Node::HashAgg(first))
    };
    let read = below_reader(input, under)?;
    let last = Aggregation { input: Box::new(read), group_by: groups, aggregates: whole };
    let plan = operator(hashed.rows, hashed.cost, hashed.columns.clone(), Node::HashAgg(last));
    Some(Candidate::unordered(plan))
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

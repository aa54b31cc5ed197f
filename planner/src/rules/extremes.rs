//! MIN of a column, without groups, has no use for NULLs.
//!
//! ```sql
//! select min(a), max(a) from t    -- the rows where a is not null: the first and the last in the order of an index on (a)
//! ```
//! What would break it: an aggregate over another column or of another kind, which counts those rows; a group that has
//! nothing but NULLs would be gone, but without groups there is a row in any case.

use super::Context;
use crate::column::ColumnId;
use crate::expr::{AggregateCall, AggregateFunction, Expr, Function};
use crate::logical::Plan;
use crate::logical::predicate::boolean_call;

pub(super) fn apply(plan: Plan, _cx: &mut Context) -> Plan {
    plan.transform_up(&mut |node| match node {
        Plan::Aggregate { input, group_by, aggregates } if group_by.is_empty() => {
            let input = match lowest(&aggregates) {
                Some(arg) if arg.ty().nullable => {
                    let null = boolean_call(Function::IsNull, vec![arg.clone()]);
                    let predicates = vec![boolean_call(Function::Not, vec![null])];
                    Box::new(Plan::Filter { input, predicates })
                }
                _ => input,
            };
            Plan::Aggregate { input, group_by, aggregates }
        }
        other => other,
    })
}

/// The column, if MIN is asked for.
fn lowest(aggregates: &[(ColumnId, AggregateCall)]) -> Option<&Expr> {
    let (_, directions) = extremes(aggregates)?;
    if directions.contains(&false) { aggregates.first()?.1.args.first() } else { None }
}

/// The one column whose MIN and MAX are all that is asked for, and whether they are the first (false) or the last (true) in
/// its order.
pub(crate) fn extremes(aggregates: &[(ColumnId, AggregateCall)]) -> Option<(ColumnId, Vec<bool>)> {
    let mut column = None;
    let mut directions = Vec::new();
    for (_, call) in aggregates {
        let last = match call.function {
            AggregateFunction::Min => false,
            AggregateFunction::Max => true,
            _ => return None,
        };
        let [arg] = call.args.as_slice() else { return None };
        let id = arg.as_column()?;
        if *column.get_or_insert(id) != id {
            return None;
        }
        if !directions.contains(&last) {
            directions.push(last);
        }
    }
    Some((column?, directions))
}

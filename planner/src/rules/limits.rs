//! LIMIT, and ORDER BY with LIMIT, move towards the rows.
//!
//! - Through projections, so that expressions are computed for the rows that are shown; through locks, so that only those
//!   rows are locked.
//! - Into the inputs of UNION ALL and the left side of a left join, as a further limit: each left row has at least one row
//!   above, so `offset + count` left rows are enough.
//!
//! What would break it: an inner join may drop rows, so a limit below it could leave too few; through a left join only if
//! the order is by left columns.

use hashbrown::HashMap;

use super::Context;
use crate::column::ColumnId;
use crate::expr::Expr;
use crate::logical::{Join, JoinKind, Plan, SortKey};

pub(super) fn apply(plan: Plan, _cx: &mut Context) -> Plan {
    down(plan)
}

fn down(plan: Plan) -> Plan {
    let plan = match plan {
        Plan::Limit { input, offset, count } => limit(*input, offset, count),
        other => other,
    };
    plan.map_children(&mut down)
}

fn limit(input: Plan, offset: u64, count: Option<u64>) -> Plan {
    match input {
        Plan::Project { input, exprs } => {
            Plan::Project { input: Box::new(limit(*input, offset, count)), exprs }
        }
        // Rows that are not wanted are not locked.
        Plan::Lock { input, lock } => Plan::Lock { input: Box::new(limit(*input, offset, count)), lock },
        // Order by what a projection makes: the projection goes on top if the keys can be written with its inputs.
        Plan::Sort { input, keys } => match *input {
            Plan::Project { input, exprs } if count.is_some() && cheap_keys(&keys, &exprs) => {
                let by: HashMap<ColumnId, Expr> = exprs.iter().cloned().collect();
                let keys =
                    keys.into_iter().map(|key| SortKey { expr: key.expr.substitute(&by), ..key }).collect();
                let sort = Plan::Sort { input, keys };
                Plan::Project { input: Box::new(limit(sort, offset, count)), exprs }
            }
            Plan::Lock { input, lock } => {
                let input = Box::new(limit(Plan::Sort { input, keys }, offset, count));
                Plan::Lock { input, lock }
            }
            Plan::Join(join) if join.kind == JoinKind::Left && sorted_by_left(&keys, &join) => {
                let Some(enough) = count.and_then(|n| n.checked_add(offset)) else {
                    return plain(Plan::Sort { input: Box::new(Plan::Join(join)), keys }, offset, count);
                };
                let below = Plan::Sort { input: join.left, keys: keys.clone() };
                let left = Box::new(Plan::Limit { input: Box::new(below), offset: 0, count: Some(enough) });
                let sort = Plan::Sort { input: Box::new(Plan::Join(Join { left, ..join })), keys };
                plain(sort, offset, count)
            }
            input => plain(Plan::Sort { input: Box::new(input), keys }, offset, count),
        },
        Plan::Join(join) if join.kind == JoinKind::Left && count.is_some() => {
            let enough = count.map(|n| n.saturating_add(offset));
            let left = Box::new(limit(*join.left, 0, enough));
            plain(Plan::Join(Join { left, ..join }), offset, count)
        }
        Plan::Union { inputs, columns, recursion: None } if count.is_some() => {
            let enough = count.map(|n| n.saturating_add(offset));
            let inputs = inputs.into_iter().map(|(p, ids)| (limit(p, 0, enough), ids)).collect();
            plain(Plan::Union { inputs, columns, recursion: None }, offset, count)
        }
        Plan::Limit { input, offset: inner, count: inner_count } => {
            // Skip and take of what was skipped and taken.
            let left = inner_count.map(|n| n.saturating_sub(offset));
            let count = match (left, count) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            limit(*input, inner.saturating_add(offset), count)
        }
        other => plain(other, offset, count),
    }
}

fn plain(input: Plan, offset: u64, count: Option<u64>) -> Plan {
    if offset == 0 && count.is_none() {
        return input;
    }
    Plan::Limit { input: Box::new(input), offset, count }
}

fn sorted_by_left(keys: &[SortKey], join: &Join) -> bool {
    let left = join.left.column_set();
    keys.iter().all(|key| key.expr.column_set().is_subset(&left))
}

/// Whether the keys are columns that the projection passes through: nothing would be computed twice, nor in another order.
fn cheap_keys(keys: &[SortKey], exprs: &[(ColumnId, Expr)]) -> bool {
    !exprs.iter().any(|(_, e)| e.in_turn())
        && keys.iter().all(|key| {
            let of = |id: ColumnId| exprs.iter().find(|(out, _)| *out == id);
            key.expr.as_column().and_then(of).is_some_and(|(_, e)| e.as_column().is_some())
        })
}

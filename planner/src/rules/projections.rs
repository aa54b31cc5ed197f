//! Projections that compute nothing go, and two in a row become one.
//!
//! A projection whose columns are all plain input columns under their own ids only narrows the row, which
//! `prune_columns` and the operators' own column lists do anyway. What would break merging: a column that is used twice
//! above would be computed twice, so only cheap or once-used expressions move up; and what is computed in turn (user variables,
//! sequences) stays where it is.

use hashbrown::HashMap;

use super::Context;
use crate::column::ColumnId;
use crate::expr::Expr;
use crate::logical::Plan;

pub(super) fn apply(plan: Plan, _cx: &mut Context) -> Plan {
    plan.transform_up(&mut |node| match node {
        Plan::Project { input, exprs } => {
            if exprs.iter().all(|(id, e)| e.as_column() == Some(*id)) && has_all(&input, &exprs) {
                return *input;
            }
            match *input {
                Plan::Project { input: below, exprs: inner } if merges(&exprs, &inner) => {
                    let by: HashMap<ColumnId, Expr> = inner.into_iter().collect();
                    let exprs = exprs.into_iter().map(|(id, e)| (id, e.substitute(&by))).collect();
                    Plan::Project { input: below, exprs }
                }
                input => Plan::Project { input: Box::new(input), exprs },
            }
        }
        other => other,
    })
}

/// Whether nothing is lost: the columns all come from the input and not from an outer row.
fn has_all(input: &Plan, exprs: &[(ColumnId, Expr)]) -> bool {
    let columns = input.column_set();
    exprs.iter().all(|(id, _)| columns.contains(*id))
}

fn merges(outer: &[(ColumnId, Expr)], inner: &[(ColumnId, Expr)]) -> bool {
    let mut uses: HashMap<ColumnId, usize> = HashMap::new();
    for id in outer.iter().flat_map(|(_, e)| e.columns()) {
        *uses.entry(id).or_default() += 1;
    }
    inner.iter().all(|(id, e)| {
        matches!(e, Expr::Column { .. } | Expr::Constant { .. })
            || uses.get(id).is_none_or(|n| *n <= 1) && !e.in_turn()
    })
}

//! What can have no rows is not read.
//!
//! ```sql
//! select * from t where 1 = 0                       -- no scan
//! select count(*) from t where false                -- still one row: 0
//! select * from a left join b on false              -- b is never read, a is
//! select * from a where x not in (select … where false)   -- everything of a
//! ```

use super::Context;
use crate::column::ColumnId;
use crate::expr::Expr;
use crate::logical::predicate::constant_truth;
use crate::logical::{JoinKind, Plan};

pub(super) fn apply(plan: Plan, cx: &mut Context) -> Plan {
    plan.transform_up(&mut |node| one(node, cx))
}

fn one(plan: Plan, cx: &Context) -> Plan {
    let never =
        |conjuncts: &[Expr]| conjuncts.iter().any(|e| matches!(constant_truth(e), Some(None | Some(false))));
    let gone = match &plan {
        Plan::Filter { input, predicates } => is_empty(input) || never(predicates),
        Plan::Scan(scan) => never(&scan.predicates) || scan.partitions.as_ref().is_some_and(Vec::is_empty),
        Plan::Project { input, .. }
        | Plan::Sort { input, .. }
        | Plan::Window { input, .. }
        | Plan::Lock { input, .. } => is_empty(input),
        Plan::Limit { input, count, .. } => is_empty(input) || *count == Some(0),
        Plan::Aggregate { input, group_by, .. } => !group_by.is_empty() && is_empty(input),
        Plan::Join(join) | Plan::Apply { join, .. } => match join.kind {
            JoinKind::Inner | JoinKind::Semi => {
                is_empty(&join.left) || is_empty(&join.right) || never(&join.on)
            }
            JoinKind::Left | JoinKind::Anti | JoinKind::Mark(_) => is_empty(&join.left),
        },
        // Without a row to begin with there is none.
        Plan::Union { inputs, recursion: Some(_), .. } => {
            inputs.first().is_some_and(|(seed, _)| is_empty(seed))
        }
        Plan::Union { inputs, .. } => inputs.iter().all(|(input, _)| is_empty(input)),
        Plan::Values { .. } | Plan::MaxOneRow { .. } | Plan::CteScan { .. } => false,
    };
    if gone {
        return Plan::Values { rows: vec![], columns: plan.columns() };
    }
    match plan {
        Plan::Join(join) if is_empty(&join.right) || never(&join.on) => match join.kind {
            JoinKind::Anti => *join.left,
            JoinKind::Left => {
                let mut exprs = passed(&join.left, cx);
                for id in join.right.columns() {
                    let sql = cx.columns.ty(id).sql.clone();
                    exprs.push((id, Expr::constant(allod_storage::schema::Datum::Null, sql)));
                }
                Plan::Project { input: join.left, exprs }
            }
            JoinKind::Mark(mark) => {
                let mut exprs = passed(&join.left, cx);
                exprs.push((mark, Expr::boolean(false)));
                Plan::Project { input: join.left, exprs }
            }
            JoinKind::Inner | JoinKind::Semi => Plan::Join(join),
        },
        Plan::Union { mut inputs, columns, recursion: None } => {
            inputs.retain(|(input, _)| !is_empty(input));
            Plan::Union { inputs, columns, recursion: None }
        }
        other => other,
    }
}

fn is_empty(plan: &Plan) -> bool {
    matches!(plan, Plan::Values { rows, .. } if rows.is_empty())
}

fn passed(plan: &Plan, cx: &Context) -> Vec<(ColumnId, Expr)> {
    plan.columns().into_iter().map(|id| (id, Expr::column(id, cx.columns.ty(id).clone()))).collect()
}

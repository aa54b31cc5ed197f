//! A mark that is only filtered on is a semi join or an anti join.
//!
//! ```sql
//! where exists (select …)        -- Filter(mark) over Mark: Semi
//! where not (a in (select …))    -- Filter(NOT mark) over Mark: Anti, with the IN's equality null aware
//! ```
//! What would break it: `select exists (…) … where exists (…) or x = 1` needs the mark itself.

use super::Context;
use crate::column::ColumnId;
use crate::expr::{Expr, Function};
use crate::logical::predicate::args_of;
use crate::logical::{Join, JoinKind, Plan};

pub(super) fn apply(plan: Plan, cx: &mut Context) -> Plan {
    let mut uses = Vec::new();
    plan.walk(&mut |node| node.visit_own_exprs(&mut |e| uses.extend(e.columns())));
    uses.extend(cx.required.iter());
    let used_once = |mark: ColumnId| uses.iter().filter(|id| **id == mark).count() == 1;
    plan.transform_up(&mut |node| match node {
        Plan::Filter { input, mut predicates } => {
            // A filter may ask for several marks that are stacked below it.
            let mut wanted = Vec::new();
            predicates.retain(|e| match mark_of(e) {
                Some((mark, kind)) if used_once(mark) && has_mark(&input, mark) => {
                    wanted.push((mark, kind));
                    false
                }
                Some(_) | None => true,
            });
            let input = wanted.into_iter().fold(*input, |plan, (mark, kind)| settle(plan, mark, kind));
            if predicates.is_empty() { input } else { Plan::Filter { input: Box::new(input), predicates } }
        }
        same => same,
    })
}

/// `mark` or `NOT mark`.
fn mark_of(e: &Expr) -> Option<(ColumnId, JoinKind)> {
    match args_of(e, &Function::Not) {
        Some([arg]) => arg.as_column().map(|id| (id, JoinKind::Anti)),
        Some(_) => None,
        None => e.as_column().map(|id| (id, JoinKind::Semi)),
    }
}

/// Whether the mark is made by the joins right below.
fn has_mark(plan: &Plan, mark: ColumnId) -> bool {
    match plan {
        Plan::Join(join) | Plan::Apply { join, .. } => {
            join.kind == JoinKind::Mark(mark) || (!join.kind.keeps_right() && has_mark(&join.left, mark))
        }
        _ => false,
    }
}

fn settle(plan: Plan, mark: ColumnId, kind: JoinKind) -> Plan {
    let change = |join: Join| -> Join {
        if join.kind != JoinKind::Mark(mark) {
            return Join { left: Box::new(settle(*join.left, mark, kind)), ..join };
        }
        match kind {
            // A row passes only if the answer is TRUE: that NULL means "perhaps" no longer matters.
            JoinKind::Semi => {
                let on = join.on.into_iter().chain(join.null_aware).collect();
                Join { kind, on, null_aware: vec![], ..join }
            }
            JoinKind::Inner | JoinKind::Left | JoinKind::Anti | JoinKind::Mark(_) => Join { kind, ..join },
        }
    };
    match plan {
        Plan::Join(join) => Plan::Join(change(join)),
        Plan::Apply { join, correlated } => Plan::Apply { join: change(join), correlated },
        other => other,
    }
}

//! Common table expressions, once the whole statement is bound: those that nothing reads are dropped, those that one place
//! reads are put there, the others stay and are computed once.

use crate::column::Columns;
use crate::expr::Expr;
use crate::logical::Plan;

/// Returns the plan and the expressions that stay, in an order in which each comes before any that uses it.
pub(super) fn settle(plan: Plan, ctes: Vec<Plan>, columns: &Columns) -> (Plan, Vec<Plan>) {
    // A definition reads only earlier ones, so going backwards every reader of a definition is known before it.
    let mut readers = vec![0usize; ctes.len()];
    count(&plan, &mut readers);
    for at in (0..ctes.len()).rev() {
        if readers[at] > 0 {
            count(&ctes[at], &mut readers);
        }
    }
    let mut kept = Vec::new();
    let mut settled: Vec<Settled> = Vec::with_capacity(ctes.len());
    for (cte, readers) in ctes.into_iter().zip(readers) {
        let here = match readers {
            0 => Settled::Dropped,
            1 => Settled::Inlined(replace(cte, &mut settled, columns)),
            _ => {
                kept.push(replace(cte, &mut settled, columns));
                Settled::Kept(kept.len() - 1)
            }
        };
        settled.push(here);
    }
    (replace(plan, &mut settled, columns), kept)
}

enum Settled {
    Dropped,
    Inlined(Plan),
    Kept(usize),
}

fn count(plan: &Plan, readers: &mut [usize]) {
    if let Plan::CteScan { cte, .. } = plan {
        readers[*cte] += 1;
    }
    for child in plan.children() {
        count(child, readers);
    }
}

fn replace(plan: Plan, settled: &mut [Settled], columns: &Columns) -> Plan {
    let Plan::CteScan { cte, columns: ids } = plan else {
        return plan.map_children(&mut |child| replace(child, settled, columns));
    };
    match std::mem::replace(&mut settled[cte], Settled::Dropped) {
        Settled::Kept(at) => {
            settled[cte] = Settled::Kept(at);
            Plan::CteScan { cte: at, columns: ids }
        }
        Settled::Inlined(input) => {
            let exprs =
                ids.into_iter().map(|(own, source)| (own, Expr::column(source, columns.ty(source).clone())));
            Plan::Project { exprs: exprs.collect(), input: Box::new(input) }
        }
        // Only what nothing reads is dropped, and here is a reader.
        Settled::Dropped => Plan::CteScan { cte, columns: ids },
    }
}

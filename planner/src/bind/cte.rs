//! Common table expressions, once the whole statement is bound: those that nothing reads are dropped, those that one place
//! reads are put there, the others stay and are computed once.

use super::expression::not_supported;
use crate::column::Columns;
use crate::error::Error;
use crate::expr::Expr;
use crate::logical::Plan;
use crate::physical::Recursion;

/// Returns the plan and the expressions that stay, in an order in which each comes before any that uses it.
///
/// # Errors
/// 1235: an expression that is read in several places uses columns of the query around it.
pub(super) fn settle(plan: Plan, ctes: Vec<Plan>, columns: &Columns) -> Result<(Plan, Vec<Plan>), Error> {
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
                let cte = replace(cte, &mut settled, columns);
                if !cte.free_columns().is_empty() {
                    return Err(not_supported("common table expressions that use columns of an outer query"));
                }
                kept.push(cte);
                Settled::Kept(kept.len() - 1)
            }
        };
        settled.push(here);
    }
    Ok((replace(plan, &mut settled, columns), kept))
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
    // It is filled from outside, so it stays whatever reads it.
    if let Plan::Union { recursion: Some(recursion), .. } = plan {
        readers[recursion.working] += 2;
    }
    for child in plan.children() {
        count(child, readers);
    }
}

fn replace(plan: Plan, settled: &mut [Settled], columns: &Columns) -> Plan {
    if let Plan::Union { inputs, columns: ids, recursion: Some(recursion) } = plan {
        let inputs = inputs.into_iter().map(|(plan, ids)| (replace(plan, settled, columns), ids)).collect();
        let working = match settled[recursion.working] {
            Settled::Kept(at) => at,
            // It was counted as read twice.
            Settled::Inlined(_) | Settled::Dropped => recursion.working,
        };
        return Plan::Union { inputs, columns: ids, recursion: Some(Recursion { working, ..recursion }) };
    }
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

//! Columns that nothing above uses are not produced.
//!
//! A left join whose right side nobody reads, and which can match at most one row, is its left side.
//!
//! What would break it: DISTINCT compares all its columns, so group columns stay even if nobody reads them (dropping one
//! would merge groups); a UNION's inputs must keep their columns in step; what assigns to a user variable is evaluated though
//! nobody reads it.

use super::Context;
use crate::column_set::ColumnSet;
use crate::expr::Expr;
use crate::logical::keys::bound_columns;
use crate::logical::{Join, JoinKind, Plan};

pub(super) fn apply(plan: Plan, cx: &mut Context) -> Plan {
    let required = cx.required.clone();
    prune(plan, &required, cx)
}

fn with<'e>(required: &ColumnSet, exprs: impl IntoIterator<Item = &'e Expr>) -> ColumnSet {
    let mut needed = required.clone();
    exprs.into_iter().for_each(|e| needed.union_with(&e.column_set()));
    needed
}

fn prune(plan: Plan, required: &ColumnSet, cx: &Context) -> Plan {
    match plan {
        Plan::Scan(mut scan) => {
            // The key's columns stay: a double read finds rows by them. Whoever reads the table reads only what it needs.
            let needed = with(required, &scan.predicates);
            // And where a global index names them, those that say in which partition they are.
            let table = &scan.table;
            let has_global = (0..table.indexes.len()).any(|i| table.is_global(i));
            let dealt_by = table.partitioning.as_ref().filter(|_| has_global).map(|s| s.columns.as_slice());
            let finds = |o: &usize| table.key.contains(o) || dealt_by.is_some_and(|d| d.contains(o));
            scan.columns.retain(|(id, ordinal)| needed.contains(*id) || finds(ordinal));
            Plan::Scan(scan)
        }
        Plan::Values { rows, columns } => {
            let assigns = |at: usize| rows.iter().any(|row| row[at].assigns());
            let keep: Vec<bool> =
                columns.iter().enumerate().map(|(at, id)| required.contains(*id) || assigns(at)).collect();
            let kept = |i: &usize| keep[*i];
            let rows = rows
                .into_iter()
                .map(|row| row.into_iter().enumerate().filter(|(i, _)| kept(i)).map(|(_, e)| e).collect())
                .collect();
            let columns =
                columns.into_iter().enumerate().filter(|(i, _)| kept(i)).map(|(_, id)| id).collect();
            Plan::Values { rows, columns }
        }
        Plan::Filter { input, predicates } => {
            let needed = with(required, &predicates);
            Plan::Filter { input: Box::new(prune(*input, &needed, cx)), predicates }
        }
        Plan::Project { input, mut exprs } => {
            exprs.retain(|(id, e)| required.contains(*id) || e.assigns());
            let needed = with(&ColumnSet::new(), exprs.iter().map(|(_, e)| e));
            Plan::Project { input: Box::new(prune(*input, &needed, cx)), exprs }
        }
        Plan::Join(join) if is_unused(&join, required, cx) => prune(*join.left, required, cx),
        Plan::Join(join) => Plan::Join(prune_join(join, required, cx)),
        Plan::Apply { join, correlated } => {
            let mut needed = required.clone();
            needed.extend(correlated.iter().copied());
            let join = prune_join(join, &needed, cx);
            let free = join.right.free_columns();
            let correlated = correlated.into_iter().filter(|id| free.contains(*id)).collect();
            Plan::Apply { join, correlated }
        }
        Plan::Aggregate { input, group_by, mut aggregates } => {
            aggregates.retain(|(id, call)| required.contains(*id) || call.args.iter().any(Expr::assigns));
            let args = aggregates.iter().flat_map(|(_, call)| &call.args);
            let needed = with(&ColumnSet::new(), group_by.iter().map(|(_, e)| e).chain(args));
            Plan::Aggregate { input: Box::new(prune(*input, &needed, cx)), group_by, aggregates }
        }
        Plan::Sort { input, keys } => {
            let needed = with(required, keys.iter().map(|key| &key.expr));
            Plan::Sort { input: Box::new(prune(*input, &needed, cx)), keys }
        }
        Plan::Window { input, mut window } => {
            window.calls.retain(|(id, _)| required.contains(*id));
            if window.calls.is_empty() {
                // Nobody asks for the order of its rows either: who does sorts above.
                let input = match *input {
                    Plan::Sort { input, .. } => input,
                    other => Box::new(other),
                };
                return prune(*input, required, cx);
            }
            let needed = with(required, window.exprs());
            Plan::Window { input: Box::new(prune(*input, &needed, cx)), window }
        }
        Plan::Limit { input, offset, count } => {
            Plan::Limit { input: Box::new(prune(*input, required, cx)), offset, count }
        }
        Plan::MaxOneRow { input } => Plan::MaxOneRow { input: Box::new(prune(*input, required, cx)) },
        Plan::Lock { input, lock } => {
            let mut needed = required.clone();
            needed.extend(lock.columns());
            Plan::Lock { input: Box::new(prune(*input, &needed, cx)), lock }
        }
        Plan::Union { inputs, columns, recursion } => {
            // The rows of a round are as wide as those of the last one.
            let keep: Vec<bool> =
                columns.iter().map(|id| recursion.is_some() || required.contains(*id)).collect();
            let inputs = inputs
                .into_iter()
                .map(|(input, ids)| {
                    let ids: Vec<_> =
                        ids.into_iter().zip(&keep).filter(|(_, k)| **k).map(|(id, _)| id).collect();
                    (prune(input, &ids.iter().copied().collect(), cx), ids)
                })
                .collect();
            let columns = columns.into_iter().zip(&keep).filter(|(_, k)| **k).map(|(id, _)| id).collect();
            Plan::Union { inputs, columns, recursion }
        }
        Plan::CteScan { cte, mut columns } => {
            columns.retain(|(id, _)| required.contains(*id));
            Plan::CteScan { cte, columns }
        }
    }
}

/// A left join that neither adds nor drops rows, for columns that nobody reads.
fn is_unused(join: &Join, required: &ColumnSet, cx: &Context) -> bool {
    let right = join.right.column_set();
    let bound = || bound_columns(&join.on, &right, &join.left.column_set());
    join.kind == JoinKind::Left
        && !right.intersects(required)
        && !join.right.assigns()
        && cx.unique_keys(&join.right).iter().any(|key| key.is_subset(&bound()))
}

fn prune_join(join: Join, required: &ColumnSet, cx: &Context) -> Join {
    let needed = with(required, join.on.iter().chain(&join.null_aware));
    let left = Box::new(prune(*join.left, &needed, cx));
    let right = Box::new(prune(*join.right, &needed, cx));
    Join { left, right, ..join }
}

/// The columns of a common table expression that any of the plans read.
pub(crate) fn cte_columns<'p>(cte: usize, readers: impl IntoIterator<Item = &'p Plan>) -> ColumnSet {
    let mut read = ColumnSet::new();
    for plan in readers {
        plan.walk(&mut |node| {
            if let Plan::CteScan { cte: which, columns } = node
                && *which == cte
            {
                read.extend(columns.iter().map(|(_, source)| *source));
            }
        });
    }
    read
}

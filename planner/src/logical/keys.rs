//! Unique keys of a plan's rows.
//!
//! A *unique key* is a set of output columns on which no two rows agree (the columns are not NULL, so SQL's equality is
//! meant); the empty key says that there is at most one row. What columns determine besides: [`super::dependencies`].

use super::{JoinKind, Plan};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::expr::Expr;
use crate::logical::predicate::equality;

/// More keys than this are not worth carrying.
const KEYS_MAX: usize = 6;

/// Unique keys of the rows that the plan yields; `ctes` holds the keys of the common table expressions' plans.
pub(crate) fn unique_keys(plan: &Plan, ctes: &[Vec<ColumnSet>]) -> Vec<ColumnSet> {
    match plan {
        Plan::Scan(scan) => {
            let id_of = |ordinal: usize| scan.columns.iter().find(|(_, o)| *o == ordinal).map(|(id, _)| *id);
            let never_null = |key: &[usize]| key.iter().all(|&o| !scan.table.columns[o].ty.nullable);
            let unique = scan.table.indexes.iter().filter(|i| i.unique && never_null(&i.columns));
            std::iter::once(&scan.table.key)
                .chain(unique.map(|i| &i.columns))
                .filter_map(|key| key.iter().map(|&o| id_of(o)).collect::<Option<ColumnSet>>())
                .collect()
        }
        Plan::Values { rows, .. } if rows.len() <= 1 => vec![ColumnSet::new()],
        Plan::Values { .. } | Plan::Union { .. } => vec![],
        Plan::CteScan { cte, columns } => ctes.get(*cte).map_or(vec![], |keys| {
            let renamed = |id: ColumnId| columns.iter().find(|(_, source)| *source == id).map(|(id, _)| *id);
            keys.iter().filter_map(|key| key.iter().map(renamed).collect()).collect()
        }),
        Plan::Filter { input, .. }
        | Plan::Sort { input, .. }
        | Plan::Window { input, .. }
        | Plan::Lock { input, .. } => unique_keys(input, ctes),
        Plan::Limit { input, count, .. } => match count {
            Some(0 | 1) => vec![ColumnSet::new()],
            Some(_) | None => unique_keys(input, ctes),
        },
        Plan::MaxOneRow { .. } => vec![ColumnSet::new()],
        Plan::Project { input, exprs } => {
            let renamed =
                |id: ColumnId| exprs.iter().find(|(_, e)| e.as_column() == Some(id)).map(|(out, _)| *out);
            unique_keys(input, ctes).iter().filter_map(|key| key.iter().map(renamed).collect()).collect()
        }
        Plan::Aggregate { group_by, .. } => vec![group_by.iter().map(|(id, _)| *id).collect()],
        Plan::Join(join) | Plan::Apply { join, .. } => {
            let left = unique_keys(&join.left, ctes);
            if !join.kind.keeps_right() {
                return left;
            }
            let right = unique_keys(&join.right, ctes);
            let (left_columns, right_columns) = (join.left.column_set(), join.right.column_set());
            let bound = |columns: &ColumnSet, other: &ColumnSet| bound_columns(&join.on, columns, other);
            let mut keys = Vec::new();
            let right_bound = bound(&right_columns, &left_columns);
            if right.iter().any(|key| key.is_subset(&right_bound)) {
                keys.extend(left.iter().cloned());
            }
            let left_bound = bound(&left_columns, &right_columns);
            if join.kind == JoinKind::Inner && left.iter().any(|key| key.is_subset(&left_bound)) {
                keys.extend(right.iter().cloned());
            }
            // A right key is NULL throughout in a padded row, and a left row is padded at most once: still unique.
            for (l, r) in left.iter().flat_map(|l| right.iter().map(move |r| (l, r))) {
                let mut both = l.clone();
                both.union_with(r);
                keys.push(both);
            }
            keys.truncate(KEYS_MAX);
            keys
        }
    }
}

/// The columns of one side that equalities among `on` tie to an expression over the other side (or over constants).
pub(crate) fn bound_columns(on: &[Expr], columns: &ColumnSet, other: &ColumnSet) -> ColumnSet {
    let mut bound = ColumnSet::new();
    for (a, b) in on.iter().filter_map(equality) {
        for (column, by) in [(a, b), (b, a)] {
            if let Some(id) = column.as_column()
                && columns.contains(id)
                && by.column_set().is_subset(other)
            {
                bound.insert(id);
            }
        }
    }
    bound
}

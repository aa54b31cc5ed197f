//! Is a logical plan well formed? Debug builds ask after every rule, so that a broken rule is named at once.

use super::{JoinKind, Plan, Query};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;

/// Checks a query: every column that is used is produced below (or by the outer side of an Apply), no two inputs
/// produce the same column, and the root still produces what the query shows.
pub(crate) fn check(query: &Query) -> Result<(), String> {
    for cte in &query.ctes {
        check_plan(cte, &ColumnSet::new(), &query.ctes)?;
    }
    let produced = check_plan(&query.plan, &ColumnSet::new(), &query.ctes)?;
    match query.output.iter().find(|column| !produced.contains(column.id)) {
        Some(column) => Err(format!("the root no longer produces {} ({})", column.id, column.name)),
        None => Ok(()),
    }
}

/// `outer`: the columns of the rows around an Apply's right side.
fn check_plan(plan: &Plan, outer: &ColumnSet, ctes: &[Plan]) -> Result<ColumnSet, String> {
    let mut visible = outer.clone();
    match plan {
        Plan::Apply { join, correlated } => {
            let left = check_plan(&join.left, outer, ctes)?;
            require(correlated.iter().copied(), &left, "an Apply's correlated column")?;
            visible.union_with(&left);
            let right = check_plan(&join.right, &visible, ctes)?;
            disjoint(&left, &right)?;
            visible.union_with(&right);
        }
        Plan::Join(join) => {
            let left = check_plan(&join.left, outer, ctes)?;
            let right = check_plan(&join.right, outer, ctes)?;
            disjoint(&left, &right)?;
            visible.union_with(&left);
            visible.union_with(&right);
        }
        Plan::Union { inputs, columns, .. } => {
            for (input, ids) in inputs {
                let produced = check_plan(input, outer, ctes)?;
                require(ids.iter().copied(), &produced, "a column of a UNION")?;
                if ids.len() != columns.len() {
                    return Err("an input of a UNION has another number of columns".into());
                }
            }
            return Ok(plan.column_set());
        }
        Plan::Scan(scan) => visible.extend(scan.columns.iter().map(|(id, _)| *id)),
        Plan::CteScan { cte, columns } => {
            let source = ctes.get(*cte).ok_or_else(|| format!("there is no CTE {cte}"))?.column_set();
            require(columns.iter().map(|(_, source)| *source), &source, "a column of a CTE")?;
        }
        Plan::Values { rows, columns } => {
            if rows.iter().any(|row| row.len() != columns.len()) {
                return Err("a row of VALUES has another number of columns".into());
            }
        }
        Plan::Filter { .. }
        | Plan::Project { .. }
        | Plan::Aggregate { .. }
        | Plan::Sort { .. }
        | Plan::Window { .. }
        | Plan::Limit { .. }
        | Plan::Lock { .. }
        | Plan::MaxOneRow { .. } => {
            for child in plan.children() {
                visible.union_with(&check_plan(child, outer, ctes)?);
            }
        }
    }
    require(plan.used_columns().iter(), &visible, "a column")?;
    let columns = plan.columns();
    let produced: ColumnSet = columns.iter().copied().collect();
    if produced.len() != columns.len() {
        return Err(format!("a column is produced twice: {columns:?}"));
    }
    if let Plan::Join(join) | Plan::Apply { join, .. } = plan {
        let needs_pair = matches!(join.kind, JoinKind::Anti | JoinKind::Mark(_));
        if !join.null_aware.is_empty() && !needs_pair {
            return Err("only Anti and Mark joins are null aware".into());
        }
    }
    Ok(produced)
}

fn require(used: impl IntoIterator<Item = ColumnId>, visible: &ColumnSet, what: &str) -> Result<(), String> {
    match used.into_iter().find(|id| !visible.contains(*id)) {
        Some(id) => Err(format!("{what} is used that nothing produces: {id}")),
        None => Ok(()),
    }
}

fn disjoint(left: &ColumnSet, right: &ColumnSet) -> Result<(), String> {
    if left.intersects(right) { Err("both sides of a join produce the same column".into()) } else { Ok(()) }
}

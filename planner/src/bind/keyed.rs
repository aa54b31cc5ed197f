//! Whether the parameters of a statement do nothing but name a row by key, and say what to write into it.

use sqlparser::ast::{self, AssignmentTarget, BinaryOperator, Expr, FromTable, SetExpr, TableFactor, Value};

use super::expression::unnested;
use crate::parse::{Parsed, Statement};

/// What a parameter is for; with the name of a column, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParameterUse {
    /// `WHERE column = ?`.
    Key(String),
    /// `SET column = ?`.
    Set(String),
}

/// What each parameter is for, in their order, if that is all that is said of the columns of the key: a SELECT, UPDATE or
/// DELETE of one table whose WHERE is a conjunction of `column = ?` and `column = literal` with every column once, and
/// whose assignments are plain arithmetic of other columns, or `column = ?`. Then no value of a parameter can make the
/// planner see a contradiction or an implication.
pub(crate) fn parameter_uses(parsed: &Parsed) -> Option<Vec<ParameterUse>> {
    let Statement::Sql(statement) = &parsed.statement else { return None };
    let mut uses = vec![];
    let mut seen = vec![];
    match &**statement {
        ast::Statement::Query(query) => {
            let SetExpr::Select(select) = &*query.body else { return None };
            let [table] = select.from.as_slice() else { return None };
            // What the key implies of a HAVING is folded away, and would be missed with another key.
            if query.with.is_some() || select.having.is_some() || !is_plain(table) {
                return None;
            }
            keys(select.selection.as_ref()?, &mut seen, &mut uses)?;
        }
        ast::Statement::Update(update) => {
            if !is_plain(&update.table) || !update.order_by.is_empty() || update.limit.is_some() {
                return None;
            }
            let (mut named, mut targets, mut set) = (vec![], vec![], vec![]);
            for assignment in &update.assignments {
                let AssignmentTarget::ColumnName(target) = &assignment.target else { return None };
                let column = target.0.last()?.as_ident()?.value.to_lowercase();
                if targets.contains(&column) {
                    return None;
                }
                match unnested(&assignment.value) {
                    value if is_placeholder(value) => {
                        uses.push(ParameterUse::Set(column.clone()));
                        set.push(column.clone());
                    }
                    value => {
                        let mut own = vec![];
                        names(value, &mut own)?;
                        // Assignments take effect from left to right: this one would have the parameter's value in it.
                        if own.iter().any(|name| set.contains(name)) {
                            return None;
                        }
                        named.extend(own);
                    }
                }
                targets.push(column);
            }
            keys(update.selection.as_ref()?, &mut seen, &mut uses)?;
            if named.iter().chain(&targets).any(|name| seen.contains(name)) {
                return None;
            }
        }
        ast::Statement::Delete(delete) => {
            let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
            let [table] = tables.as_slice() else { return None };
            if !is_plain(table) || !delete.order_by.is_empty() || delete.limit.is_some() {
                return None;
            }
            keys(delete.selection.as_ref()?, &mut seen, &mut uses)?;
        }
        _ => return None,
    }
    (uses.len() == parsed.param_count).then_some(uses)
}

fn is_plain(table: &ast::TableWithJoins) -> bool {
    let TableFactor::Table { partitions, .. } = &table.relation else { return false };
    table.joins.is_empty() && partitions.is_empty()
}

fn is_placeholder(e: &Expr) -> bool {
    matches!(e, Expr::Value(value) if matches!(value.value, Value::Placeholder(_)))
}

/// The columns of a conjunction of equalities, and what its parameters are for.
fn keys(condition: &Expr, seen: &mut Vec<String>, uses: &mut Vec<ParameterUse>) -> Option<()> {
    let mut rest = vec![condition];
    while let Some(e) = rest.pop() {
        let Expr::BinaryOp { left, op, right } = unnested(e) else { return None };
        match op {
            // From left to right, as parameters are numbered.
            BinaryOperator::And => rest.extend([&**right, &**left]),
            BinaryOperator::Eq => {
                let name = column(unnested(left))?;
                let right = unnested(right);
                if seen.contains(&name) || !matches!(right, Expr::Value(_)) {
                    return None;
                }
                if is_placeholder(right) {
                    uses.push(ParameterUse::Key(name.clone()));
                }
                seen.push(name);
            }
            _ => return None,
        }
    }
    Some(())
}

/// The columns that plain arithmetic names; `None` if it is anything else, or has parameters.
fn names(e: &Expr, out: &mut Vec<String>) -> Option<()> {
    match unnested(e) {
        Expr::BinaryOp { left, right, .. } => {
            names(left, out)?;
            names(right, out)
        }
        Expr::UnaryOp { expr, .. } => names(expr, out),
        value @ Expr::Value(_) => (!is_placeholder(value)).then_some(()),
        e => {
            out.push(column(e)?);
            Some(())
        }
    }
}

fn column(e: &Expr) -> Option<String> {
    let name = match e {
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(parts) => parts.last()?,
        _ => return None,
    };
    Some(name.value.to_lowercase())
}

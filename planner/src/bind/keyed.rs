//! Whether the parameters of a statement do nothing but name a row by key.

use sqlparser::ast::{self, BinaryOperator, Expr, SetExpr, TableFactor, Value};

use super::expression::unnested;
use crate::parse::{Parsed, Statement};

/// The columns that the parameters are compared with, in their order, if that is all that is said of those columns: a
/// SELECT from one table whose WHERE is a conjunction of `column = ?` and `column = literal`, with every parameter there
/// and every column once. Then no value of a parameter can make the planner see a contradiction or an implication.
pub(crate) fn parameter_keys(parsed: &Parsed) -> Option<Vec<String>> {
    let Statement::Sql(statement) = &parsed.statement else { return None };
    let ast::Statement::Query(query) = &**statement else { return None };
    let SetExpr::Select(select) = &*query.body else { return None };
    let [table] = select.from.as_slice() else { return None };
    let TableFactor::Table { partitions, .. } = &table.relation else { return None };
    if query.with.is_some() || !table.joins.is_empty() || !partitions.is_empty() {
        return None;
    }
    let mut rest = vec![select.selection.as_ref()?];
    let mut seen: Vec<String> = vec![];
    let mut keys = vec![];
    while let Some(e) = rest.pop() {
        let Expr::BinaryOp { left, op, right } = unnested(e) else { return None };
        match op {
            // From left to right, as parameters are numbered.
            BinaryOperator::And => rest.extend([&**right, &**left]),
            BinaryOperator::Eq => {
                let name = match unnested(left) {
                    Expr::Identifier(name) => name,
                    Expr::CompoundIdentifier(parts) => parts.last()?,
                    _ => return None,
                };
                let Expr::Value(value) = unnested(right) else { return None };
                let name = name.value.to_lowercase();
                if seen.contains(&name) {
                    return None;
                }
                if let Value::Placeholder(_) = &value.value {
                    keys.push(name.clone());
                }
                seen.push(name);
            }
            _ => return None,
        }
    }
    (keys.len() == parsed.param_count).then_some(keys)
}

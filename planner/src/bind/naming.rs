//! What columns of results are called that nobody gave a name, and columns of views that would be called the same.
//!
//! ```text
//! select 'a', (1), null             a, 1, NULL: a literal is what it says, as in MySQL
//! create view v as select 1, 1, 'x', 2 as x      1, Name_exp_1, Name_exp_x, x: who has a name keeps it
//! ```

use std::collections::HashSet;
use std::sync::Arc;

use sqlparser::ast::{self, SelectItem, SetExpr, UnaryOperator, Value};

use crate::logical::OutputColumn;

/// Characters of a column's name at most.
const NAME_MAX: usize = 64;

/// What the column of a literal is called, perhaps in parentheses or behind a plus; `None` = it is none, or goes by its text.
/// `text`: the item as written.
pub(super) fn literal(e: &ast::Expr, text: &str) -> Option<String> {
    match e {
        ast::Expr::Nested(inner) | ast::Expr::UnaryOp { op: UnaryOperator::Plus, expr: inner } => {
            literal(inner, text)
        }
        ast::Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(content) | Value::DoubleQuotedString(content) => {
                Some(content.trim_start_matches(|c: char| c.is_whitespace() || c.is_control()).to_owned())
            }
            Value::Null => Some("NULL".into()),
            Value::Boolean(true) => Some("TRUE".into()),
            Value::Boolean(false) => Some("FALSE".into()),
            Value::Number(..) => {
                let text = text.trim_start_matches(['\t', '\n', ' ', '+', '(']);
                Some(text.trim_end_matches(['\t', '\n', ' ', ')']).to_owned())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Names for the columns of a view that has no list of them.
pub(super) fn of_view(query: &ast::Query, output: &[OutputColumn]) -> Vec<Arc<str>> {
    let unnamed = unnamed(&query.body, output.len());
    let lower = |name: &str| name.to_lowercase();
    let named = output.iter().zip(&unnamed).filter(|(_, unnamed)| !**unnamed);
    let mut taken: HashSet<String> = named.map(|(o, _)| lower(&o.name)).collect();
    let name = |(at, (o, unnamed)): (usize, (&OutputColumn, &bool))| -> Arc<str> {
        if o.name.chars().count() > NAME_MAX {
            return format!("name_exp_{}", at + 1).into();
        }
        if !unnamed || taken.insert(lower(&o.name)) {
            return Arc::clone(&o.name);
        }
        let mut name = format!("Name_exp_{}", o.name);
        let mut more = 1;
        while !taken.insert(lower(&name)) {
            name = format!("Name_exp_{more}_{}", o.name);
            more += 1;
        }
        name.into()
    };
    output.iter().zip(&unnamed).enumerate().map(name).collect()
}

/// Which of a query's columns are expressions without a name. What stands between two stars is taken to have one.
fn unnamed(body: &SetExpr, columns: usize) -> Vec<bool> {
    let items = match body {
        SetExpr::Select(select) => &select.projection,
        SetExpr::Query(query) => return unnamed(&query.body, columns),
        SetExpr::SetOperation { left, .. } => return unnamed(left, columns),
        _ => return vec![false; columns],
    };
    let is_star =
        |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    let is_unnamed = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(e) => !is_column(e),
        _ => false,
    };
    let first = items.iter().position(is_star).unwrap_or(items.len());
    let last = items.iter().rposition(is_star).map_or(items.len(), |at| at + 1);
    let mut out: Vec<bool> = items[..first].iter().map(is_unnamed).collect();
    let behind: Vec<bool> = items[last..].iter().map(is_unnamed).collect();
    out.resize(columns.saturating_sub(behind.len()).max(out.len()), false);
    out.extend(behind);
    out.resize(columns, false);
    out
}

fn is_column(e: &ast::Expr) -> bool {
    match e {
        ast::Expr::Nested(inner) => is_column(inner),
        ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) => true,
        _ => false,
    }
}

//! The text of a partition expression as the descriptor keeps it and as SHOW CREATE TABLE shows it: columns without their table
//! and between backticks, as TiDB writes them, so that neither a new name of the table nor a keyword that comes later changes
//! what it means. `HASH (db.t.a + 1)` is kept as `` `a` + 1 ``.

use allod_storage::schema::ColumnDef;
use sqlparser::ast::{self, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident};

use crate::parse::{self, Text};

/// The text to keep. What cannot be spelled anew so that it means the same stays as it was written.
pub(super) fn respelled(text: &Text, columns: &[ColumnDef]) -> String {
    let mut expr = text.expr.clone();
    respell(&mut expr, columns);
    let spelled = expr.to_string();
    match parse::parse_expression(&spelled) {
        Ok(again) if again == expr => spelled,
        _ => text.text.clone(),
    }
}

fn respell(expr: &mut Expr, columns: &[ColumnDef]) {
    let quoted = |name: &Ident| {
        let known = columns.iter().find(|c| c.name.eq_ignore_ascii_case(&name.value));
        Ident::with_quote('`', known.map_or(name.value.clone(), |c| c.name.to_string()))
    };
    match expr {
        Expr::Identifier(name) => *name = quoted(name),
        Expr::CompoundIdentifier(parts) => {
            if let Some(last) = parts.last() {
                *expr = Expr::Identifier(quoted(last));
            }
        }
        Expr::BinaryOp { left, right, .. } => {
            respell(left, columns);
            respell(right, columns);
        }
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Extract { expr: inner, .. }
        | Expr::Ceil { expr: inner, .. }
        | Expr::Floor { expr: inner, .. } => respell(inner, columns),
        Expr::Function(ast::Function { name, args: FunctionArguments::List(list), .. }) => {
            for part in &mut name.0 {
                if let ast::ObjectNamePart::Identifier(name) = part {
                    name.value = name.value.to_uppercase();
                }
            }
            for arg in &mut list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(inner)) = arg {
                    respell(inner, columns);
                }
            }
        }
        // Nothing else is allowed in a partition expression.
        _ => {}
    }
}

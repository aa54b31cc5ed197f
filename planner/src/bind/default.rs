//! DEFAULT CURRENT_TIMESTAMP, and what no default of a type can be.

use allod_storage::schema::{ColumnDefault, Datum, SqlType};
use sqlparser::ast;

use super::binder::Binder;
use crate::error::Error;
use crate::physical::PlanWarning;

/// MySQL's code for a default of a type that has none.
const NOT_ALLOWED: u16 = 1101;

impl Binder<'_> {
    /// A literal that a TEXT, BLOB or JSON column has as its DEFAULT: an error (1101), or of a text where `sql_mode` is not
    /// strict and it is empty a warning, and the column has none. `None` = the type has defaults.
    pub(super) fn default_of_large(
        &mut self,
        value: &Datum,
        column: &str,
        ty: &SqlType,
    ) -> Option<Result<ColumnDefault, Error>> {
        if !is_large(ty) {
            return None;
        }
        let refused = Error::DefaultNotAllowed(column.into());
        let is_empty = matches!(value, Datum::String(text) if text.is_empty());
        if self.mode.strict || *ty == SqlType::Json || !is_empty {
            return Some(Err(refused));
        }
        let message = refused.to_string();
        self.warnings.push(PlanWarning { code: NOT_ALLOWED, message });
        Some(Ok(ColumnDefault::Value(Datum::Null)))
    }
}

/// TEXT, BLOB, JSON.
pub(super) fn is_large(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Text(..) | SqlType::Blob(_) | SqlType::Json)
}

/// The digits behind the point that a call of CURRENT_TIMESTAMP or one of its other names asks for.
pub(super) fn now_precision(e: &ast::Expr) -> Option<u8> {
    const NAMES: [&str; 4] = ["CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"];
    let ast::Expr::Function(f) = e else { return None };
    if !NAMES.iter().any(|name| f.name.to_string().eq_ignore_ascii_case(name)) {
        return None;
    }
    match &f.args {
        ast::FunctionArguments::None => Some(0),
        ast::FunctionArguments::List(list) => match list.args.as_slice() {
            [] => Some(0),
            [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(digits))] => {
                digits.to_string().parse().ok()
            }
            _ => None,
        },
        ast::FunctionArguments::Subquery(_) => None,
    }
}

/// Whether it is CURRENT_TIMESTAMP, just as exact as a column of this type.
pub(super) fn is_now(e: &ast::Expr, ty: &SqlType) -> bool {
    match ty {
        SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) => now_precision(e) == Some(*fsp),
        _ => false,
    }
}

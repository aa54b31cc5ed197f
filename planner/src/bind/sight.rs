//! What a session sees of what columns hold.
//!
//! ```text
//! PAD_CHAR_TO_FULL_LENGTH     c      is read as    rpad(c, n, ' ')
//! ```
//! That is a function around the column, which it gets where it is named, in this session only; what is below knows nothing of
//! it. Columns of derived tables are made of what was seen already.

use allod_storage::schema::{ColumnType, Datum, SqlType};
use sqlparser::ast;

use super::binder::Binder;
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::{Expr, Function, types};

impl Binder<'_> {
    /// Notes that a column is one of a table's rows.
    pub(super) fn note_held(&mut self, id: ColumnId, ty: &ColumnType) {
        let pads = self.mode.pad_char_to_full_length && matches!(ty.sql, SqlType::Char(..));
        if pads {
            self.held.insert(id);
        }
    }

    /// A column as who names it sees it.
    pub(super) fn seen(&mut self, id: ColumnId) -> Expr {
        let column = self.column(id);
        self.seen_in(column, id)
    }

    /// The same where the column has a type of its own.
    pub(super) fn seen_in(&mut self, column: Expr, id: ColumnId) -> Expr {
        if !self.held.contains(&id) {
            return column;
        }
        let ColumnType { sql, nullable } = column.ty().clone();
        match sql {
            SqlType::Char(length, _) => {
                let length = Expr::constant(Datum::Int(length.into()), SqlType::BIGINT);
                let blank = Expr::constant(Datum::string(" "), types::string(1));
                self.rw.call(Function::Rpad, vec![column, length, blank], sql, nullable)
            }
            _ => column,
        }
    }

    /// The column of a table or of a query that an expression is, whatever is seen of it; `None` if it is no column.
    pub(super) fn named_column(&mut self, e: &ast::Expr) -> Result<Option<ColumnId>, Error> {
        let expr = self.expr(e)?;
        Ok(match expr.columns().as_slice() {
            [id] if expr == self.seen(*id) => Some(*id),
            _ => None,
        })
    }
}

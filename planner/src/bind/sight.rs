//! What a session sees of what columns hold.
//!
//! ```text
//! PAD_CHAR_TO_FULL_LENGTH     c      is read as    rpad(c, n, ' ')
//! time_zone = '+08:00'        ts     is read as    clock_of(ts, +08:00)
//! ```
//! That is a function around the column, which it gets where it is named, in this session only; what is below knows nothing of
//! it. Columns of derived tables are made of what was seen already. A session in UTC sees moments as they are held.
//!
//! So every expression of the type TIMESTAMP is what clocks show, unless it is a column that nobody named: of the row that is
//! there, of one that comes, a default.

use allod_storage::schema::{ColumnDef, ColumnType, Datum, SqlType};
use sqlparser::ast;

use super::binder::Binder;
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::{Expr, Function, types};

impl Binder<'_> {
    /// Notes that a column is one of a table's rows.
    pub(super) fn note_held(&mut self, id: ColumnId, ty: &ColumnType) {
        let differs = match ty.sql {
            SqlType::Char(..) => self.mode.pad_char_to_full_length,
            SqlType::Timestamp(_) => !self.rw.zone.is_utc(),
            _ => false,
        };
        if differs {
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
            _ => self.rw.clock_of(column),
        }
    }

    /// What a column of a table holds, where that is to be said of it.
    pub(super) fn told(&mut self, held: Expr) -> Expr {
        match held.ty().sql {
            SqlType::Timestamp(_) => self.rw.clock_of(held),
            _ => held,
        }
    }

    /// The value as a column holds it, of one that another column of the table, or this one, holds.
    pub(super) fn kept(&mut self, held: Expr, column: &ColumnDef) -> Result<Expr, Error> {
        match (&held.ty().sql, &column.ty.sql) {
            (SqlType::Timestamp(_), SqlType::Timestamp(_)) => {
                let zone = std::mem::take(&mut self.rw.zone);
                let kept = self.stored(held, column);
                self.rw.zone = zone;
                kept
            }
            _ => {
                let told = self.told(held);
                self.stored(told, column)
            }
        }
    }

    /// The column of a table or of a query that an expression is, whatever is seen of it; `None` if it is no column.
    pub(super) fn named_column(&mut self, e: &ast::Expr) -> Result<Option<ColumnId>, Error> {
        let expr = self.expr(e)?;
        Ok(self.shown_column(&expr))
    }

    /// The same of an expression that is bound.
    pub(super) fn shown_column(&mut self, e: &Expr) -> Option<ColumnId> {
        let [id] = e.columns().try_into().ok()?;
        // Where groups are rolled up every column may be NULL.
        let as_it_is = self.columns.ty(id).clone();
        let rolled_up = ColumnType { nullable: true, ..as_it_is.clone() };
        let is_it = |ty: ColumnType| self.seen_in(Expr::column(id, ty), id) == *e;
        [as_it_is, rolled_up].into_iter().any(is_it).then_some(id)
    }
}

//! Values from elsewhere as a column of a table holds them.

use allod_storage::schema::{ColumnDef, ColumnType, SqlType};

use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::{Expr, Rewriter};
use crate::zone::Zone;

/// What a column stores of values of the type `from`, which are column 0: what INSERT would in a session whose clocks are in this
/// zone. That it is not NULL is for whoever writes the row to see.
///
/// # Errors
/// If values of that type are none for the column.
pub fn bind_stored(from: SqlType, column: &ColumnDef, zone: Zone) -> Result<Expr, Error> {
    let value = Expr::column(ColumnId(0), ColumnType::nullable(from));
    let nullable = ColumnDef { ty: ColumnType::nullable(column.ty.sql.clone()), ..column.clone() };
    Rewriter::new(0).in_zone(zone, zone).assign(value, &nullable)
}

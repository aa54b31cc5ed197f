//! Columns from elsewhere as a table holds them.

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use allod_storage::schema::{ColumnType, SqlType};
use arrow::array::ArrayRef;

use crate::batch::{Batch, to_door};
use crate::error::Result;
use crate::kernel::Scratch;
use crate::key::Exprs;

/// The values of an expression over one column, which is column 0, in the form in which a column of this type is stored.
///
/// # Errors
/// A value that its column does not take, as for an INSERT in strict mode.
pub fn stored(expr: &Expr, ty: &SqlType, values: ArrayRef) -> Result<ArrayRef> {
    let rows = values.len();
    let batch = Batch::new(vec![values], rows);
    let mut computed = Exprs::compile([expr], &[ColumnId(0)])?.eval(&batch, &mut Scratch::default())?;
    to_door(&computed.remove(0), &ColumnType::nullable(ty.clone()))
}

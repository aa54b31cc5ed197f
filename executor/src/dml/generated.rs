//! Generated columns of rows that are being written.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::generated::GeneratedColumns;
use allod_storage::schema::TableDescriptor;
use arrow::array::{Array, ArrayRef};

use crate::batch::{Batch, to_door};
use crate::error::{Error, Result};
use crate::kernel::Scratch;
use crate::key::Exprs;

/// The rows with their generated columns computed, one after the other, for each may use those before it. `columns` are all
/// columns of the table, in the forms that are stored; what stands in generated ones does not matter.
///
/// # Errors
/// A value that its column does not take, as for an INSERT in strict mode.
pub fn generate(
    table: &TableDescriptor,
    generated: Option<&GeneratedColumns>,
    columns: Vec<ArrayRef>,
) -> Result<Vec<ArrayRef>> {
    generate_by(table, generated, columns, &mut Scratch::default())
}

/// The same by the rules of a statement.
pub(super) fn generate_by(
    table: &TableDescriptor,
    generated: Option<&GeneratedColumns>,
    columns: Vec<ArrayRef>,
    scratch: &mut Scratch,
) -> Result<Vec<ArrayRef>> {
    let Some(GeneratedColumns { columns: generated, .. }) = generated else { return Ok(columns) };
    let ids: Vec<ColumnId> = (0..columns.len() as u32).map(ColumnId).collect();
    let rows = columns.first().map_or(0, |column| column.len());
    let mut batch = Batch::new(columns, rows);
    for (ordinal, expr) in generated {
        let computed = Exprs::compile([expr], &ids)?.eval(&batch, scratch)?;
        for column in computed {
            let def = &table.columns[*ordinal];
            let column = to_door(&column, &def.ty)?;
            if !def.ty.nullable && column.logical_null_count() > 0 {
                return Err(Error::AssignNull { column: Arc::clone(&def.name) });
            }
            batch.columns[*ordinal] = column;
        }
    }
    Ok(batch.columns)
}

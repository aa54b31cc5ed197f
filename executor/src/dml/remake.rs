//! Rows of a table under a new definition: ALTER TABLE.

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use allod_planner::generated::GeneratedColumns;
use allod_storage::schema::TableDescriptor;
use arrow::array::ArrayRef;

use super::insert::number;
use crate::batch::Batch;
use crate::error::Result;
use crate::execute::RowIds;
use crate::kernel::{Rules, Scratch};
use crate::key::Exprs;
use crate::pipeline::Cancel;

/// Rows of `table` made of old rows, in the forms that are stored. `old`: all columns of the old rows; `rows`: what each declared
/// column is made of, where `ColumnId(i)` is column `i` of `old`. Rows that have no number of their own get one from `row_ids`;
/// `generated` columns are computed.
///
/// # Errors
/// A value that its column does not take, in TiDB's words for ALTER TABLE.
pub fn remake(
    table: &TableDescriptor,
    rows: &[Expr],
    old: Vec<ArrayRef>,
    row_ids: &dyn RowIds,
    generated: Option<&GeneratedColumns>,
) -> Result<Vec<ArrayRef>> {
    let ids: Vec<ColumnId> = (0..old.len() as u32).map(ColumnId).collect();
    let count = old.first().map_or(0, |column| column.len());
    let exprs = Exprs::compile(rows, &ids)?;
    let rules = Rules { remade: true, ..Rules::default() };
    let mut scratch = Scratch::new(Cancel::new(), rules);
    let columns = exprs.eval(&Batch::new(old, count), &mut scratch)?;
    Ok(number(table, Batch::new(columns, count), row_ids, generated, &mut scratch)?.columns)
}

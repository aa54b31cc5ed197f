//! Rows that are being written, held against CHECK constraints.

use std::sync::Arc;

use allod_planner::checks::RowChecks;
use allod_planner::column::ColumnId;
use allod_storage::schema::ColumnType;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Int64Type;

use crate::batch::{Batch, to_door};
use crate::error::{Error, Result};
use crate::kernel::Scratch;
use crate::key::Exprs;

/// The first constraint that each row violates, as an error; empty = none does. `columns` are all columns of the table, in the
/// forms that are stored.
pub(super) fn violations(checks: Option<&RowChecks>, columns: &[ArrayRef]) -> Result<Vec<Option<Error>>> {
    let Some(RowChecks { checks, .. }) = checks else { return Ok(Vec::new()) };
    let ids: Vec<ColumnId> = (0..columns.len() as u32).map(ColumnId).collect();
    let rows = columns.first().map_or(0, |column| column.len());
    let exprs = Exprs::compile(checks.iter().map(|(_, expr)| expr), &ids)?;
    let verdicts = exprs.eval(&Batch::new(columns.to_vec(), rows), &mut Scratch::default())?;
    let mut violations = Vec::new();
    for ((name, expr), verdict) in checks.iter().zip(verdicts) {
        let verdict = to_door(&verdict, &ColumnType::nullable(expr.ty().sql.clone()))?;
        let verdict = verdict
            .as_primitive_opt::<Int64Type>()
            .ok_or_else(|| Error::Plan(format!("constraint {name} is no condition")))?;
        for row in (0..rows).filter(|&row| verdict.is_valid(row) && verdict.value(row) != 0) {
            if violations.is_empty() {
                violations.resize_with(rows, || None);
            }
            violations[row].get_or_insert_with(|| Error::CheckViolated { name: Arc::clone(name) });
        }
    }
    Ok(violations)
}

/// Holds rows against the CHECK constraints of their table: all columns of it, in the forms that are stored.
///
/// # Errors
/// What the first row that violates one violates.
pub fn check(checks: Option<&RowChecks>, columns: &[ArrayRef]) -> Result<()> {
    violations(checks, columns)?.into_iter().flatten().next().map_or(Ok(()), Err)
}

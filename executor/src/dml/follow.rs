//! Rows of a copy of a table, brought up to what its original has become.

use std::sync::Arc;

use allod_planner::partition::PartitionFunction;
use allod_storage::percolator::Mutation;
use allod_storage::schema::TableDescriptor;
use arrow::array::ArrayRef;

use super::changes::Changes;
use super::door;
use super::rows::Rows;
use crate::error::Result;
use crate::pipeline::Memory;

/// The changes of keys by which some rows of a table go and others come, by key. Both are all columns of the table. That the keys
/// of those that come are free is for the commit to find out.
///
/// # Errors
/// A row that no partition takes, or two that come and have one key.
pub fn follow(
    table: &TableDescriptor,
    partition: Option<&PartitionFunction>,
    gone: &[ArrayRef],
    came: &[ArrayRef],
) -> Result<Vec<Mutation>> {
    let mut changes = Changes::new(table, &Memory::new(u64::MAX));
    let stored = |columns: &[ArrayRef]| door(table.columns.iter().map(|column| &column.ty), columns);
    let gone = Arc::new(Rows::new(table, stored(gone)?, partition)?);
    (0..gone.len()).try_for_each(|row| changes.delete(&gone, row).map(drop))?;
    let came = Arc::new(Rows::new(table, stored(came)?, partition)?);
    (0..came.len()).try_for_each(|row| changes.insert(&came, row))?;
    Ok(changes.into_mutations())
}

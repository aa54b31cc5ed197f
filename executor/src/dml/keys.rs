//! The keys of rows that a query returned, for who locks them.

use allod_planner::partition::PartitionFunction;
use allod_storage::key::Key;
use allod_storage::schema::{SpaceId, TableDescriptor};
use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;

use super::rows::Rows;
use crate::error::Result;

/// The key, in the table's records, of each row; `None` where an outer join found no row. `columns` are all columns of the
/// table in the forms that are stored, `partition` says how its rows are dealt.
pub fn record_keys(
    table: &TableDescriptor,
    partition: Option<&PartitionFunction>,
    columns: &[ArrayRef],
) -> Result<Vec<Option<Key>>> {
    let rows = columns.first().map_or(0, |c| c.len());
    // No column of a table's key is ever NULL in a row that is there.
    let key = table.record_space(SpaceId(0)).key;
    let is_there = |row: usize| key.iter().all(|&ordinal| columns[ordinal].is_valid(row));
    let there: Vec<u32> = (0..rows).filter(|&row| is_there(row)).map(|row| row as u32).collect();
    let columns: Vec<ArrayRef> = if there.len() == rows {
        columns.to_vec()
    } else {
        let there = UInt32Array::from(there.clone());
        columns.iter().map(|column| take(column, &there, None)).collect::<Result<_, _>>()?
    };
    let found = Rows::new(table, columns, partition)?;
    let mut keys = vec![None; rows];
    for (at, row) in there.into_iter().enumerate() {
        keys[row as usize] = Some(found.key(at, 0));
    }
    Ok(keys)
}

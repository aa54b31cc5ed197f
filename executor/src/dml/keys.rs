//! The keys of rows that a query found, for who locks them.

use std::sync::Arc;

use allod_planner::partition::PartitionFunction;
use allod_storage::key::{Key, KeyEncoder};
use allod_storage::schema::{SpaceSchema, TableDescriptor};
use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;

use super::{door, plan_error};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::partition::Dealer;

/// The key, in the table's records, of each row; `None` where an outer join found no row. `columns` are those of the key and
/// those that rows are dealt by, `ordinals` which columns of the table they are, `partition` says how its rows are dealt.
pub fn record_keys(
    table: &TableDescriptor,
    partition: Option<&Arc<PartitionFunction>>,
    ordinals: &[usize],
    columns: &[ArrayRef],
) -> Result<Vec<Option<Key>>> {
    let rows = columns.first().map_or(0, |c| c.len());
    let columns = door(ordinals.iter().map(|&o| &table.columns[o].ty), columns)?;
    let place = |ordinal: &usize| ordinals.iter().position(|o| o == ordinal);
    let key: Option<Vec<usize>> = table.key.iter().map(place).collect();
    let key = key.ok_or_else(|| Error::Plan("rows to lock without their keys".into()))?;
    // No column of a table's key is ever NULL in a row that is there.
    let is_there = |row: usize| key.iter().all(|&at| columns[at].is_valid(row));
    let there: Vec<u32> = (0..rows).filter(|&row| is_there(row)).map(|row| row as u32).collect();
    let columns: Vec<ArrayRef> = if there.len() == rows {
        columns
    } else {
        let there = UInt32Array::from(there.clone());
        columns.iter().map(|column| take(column, &there, None)).collect::<Result<_, _>>()?
    };
    let found = Batch::new(columns, there.len());
    let partitions = match (partition, &table.partitioning) {
        (Some(function), Some(_)) => Dealer::new(Arc::clone(function), ordinals)?.place(&found)?,
        (None, Some(_)) => return Err(Error::Plan(format!("no partition expression for {}", table.name))),
        (_, None) => vec![0; found.rows],
    };
    let defs: Vec<_> = key.iter().map(|&at| table.columns[ordinals[at]].clone()).collect();
    let key_columns: Vec<ArrayRef> = key.iter().map(|&at| Arc::clone(&found.columns[at])).collect();
    let encoders: Vec<_> = (table.partitions.iter())
        .map(|spaces| {
            let key = (0..defs.len()).collect();
            let space = SpaceSchema { id: spaces.records, columns: defs.clone(), key, unique_prefix: None };
            KeyEncoder::new(&space).bind(&key_columns).map_err(plan_error)
        })
        .collect::<Result<_>>()?;
    let mut keys = vec![None; rows];
    for (at, row) in there.into_iter().enumerate() {
        keys[row as usize] = Some(encoders[partitions[at]].key(at));
    }
    Ok(keys)
}

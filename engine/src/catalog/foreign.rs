//! Rows that are there, held against a foreign key that is new.

use std::collections::HashSet;

use allod_storage::client::Client;
use allod_storage::key::{Key, KeyEncoder};
use allod_storage::schema::{ForeignKey, SpaceId, SpaceSchema, TableDescriptor};
use arrow::array::{Array, ArrayRef};

use super::partitions::read;
use super::{Entry, Waiting};
use crate::error::{Error, Result, code};

/// Each row of a table has what the keys refer to, or a NULL. Nobody writes to it, nor to `parents`, the other tables that are
/// referred to.
///
/// # Errors
/// 1452.
pub(super) fn refers(
    client: &mut Client,
    table: &TableDescriptor,
    keys: &[ForeignKey],
    parents: &[Entry],
    waiting: &Waiting,
) -> Result<()> {
    for key in keys {
        let parent = parents.iter().map(|entry| &*entry.descriptor);
        let mut parent = parent.chain([table]).filter(|p| key.refers_to(&p.database, &p.name));
        let there = match parent.next() {
            None => HashSet::new(),
            Some(parent) => {
                let columns: Option<Vec<usize>> = key.referenced.iter().map(|c| parent.column(c)).collect();
                let columns = columns.ok_or_else(|| Error::internal("a key refers to no column"))?;
                values(client, parent, &columns, waiting)?
            }
        };
        if !values(client, table, &key.columns, waiting)?.is_subset(&there) {
            let message = format!(
                "Cannot add or update a child row: a foreign key constraint fails (`{}`.`{}`, {})",
                table.database,
                table.name,
                key.clause(table)
            );
            return Err(Error::new(code::NO_PARENT_ROW, message));
        }
    }
    Ok(())
}

/// What stands in some columns of a table, without rows with a NULL there.
fn values(
    client: &mut Client,
    table: &TableDescriptor,
    columns: &[usize],
    waiting: &Waiting,
) -> Result<HashSet<Key>> {
    let defs: Vec<_> = columns.iter().map(|&o| table.columns[o].clone()).collect();
    let key = (0..defs.len()).collect();
    let encoder = KeyEncoder::new(&SpaceSchema { id: SpaceId(0), columns: defs, key, unique_prefix: None });
    let partitions: Vec<_> = table.partitions.iter().collect();
    let mut values = HashSet::new();
    for rows in read(client, table, &partitions)? {
        waiting.check()?;
        let picked: Vec<ArrayRef> = columns.iter().map(|&o| rows[o].clone()).collect();
        let keys = encoder.bind(&picked).map_err(Error::internal)?;
        let whole = |row: &usize| picked.iter().all(|column| column.is_valid(*row));
        let rows = picked.first().map_or(0, |column| column.len());
        values.extend((0..rows).filter(whole).map(|row| keys.key(row)));
    }
    Ok(values)
}

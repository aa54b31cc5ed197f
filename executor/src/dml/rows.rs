//! Rows of a table as its spaces hold them: which partition each is in, and its key and row in every space.

use std::collections::BTreeMap;
use std::sync::Arc;

use allod_planner::partition::PartitionFunction;
use allod_storage::key::{Key, KeyEncoder, RowKeys};
use allod_storage::mvcc::RowRef;
use allod_storage::schema::TableDescriptor;
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::interleave;
use arrow::compute::kernels::cmp::distinct;
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::plan_error;
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::partition::Dealer;

/// Rows of one table.
pub(super) struct Rows {
    partition: Vec<usize>,
    /// The records, then the entries of each index.
    batches: Vec<Arc<RecordBatch>>,
    /// For each partition that a row is in: the keys in the same order.
    keys: BTreeMap<usize, Vec<RowKeys>>,
}

/// The columns of a table's spaces: of its records, then of the entries of each index.
pub(super) struct Schemas(Vec<SchemaRef>);

impl Schemas {
    /// Those of a table. To make them costs as much as to change a row: who runs more than once keeps them.
    pub fn of(table: &TableDescriptor) -> Schemas {
        let indexes = (0..table.indexes.len()).map(|index| schema(table, table.index_ordinals(index)));
        Schemas([schema(table, 0..table.columns.len())].into_iter().chain(indexes).collect())
    }

    /// Those of the same table in a form that has more indexes behind those that it had.
    pub fn of_layout(&self, table: &TableDescriptor) -> Schemas {
        let more = (self.0.len() - 1..table.indexes.len()).map(|at| schema(table, table.index_ordinals(at)));
        Schemas(self.0.iter().cloned().chain(more).collect())
    }
}

impl Rows {
    /// From all columns of the table, in the forms that are stored. `partition` says how rows are dealt.
    pub fn new(
        table: &TableDescriptor,
        columns: Vec<ArrayRef>,
        partition: Option<&PartitionFunction>,
    ) -> Result<Rows> {
        Rows::with_schemas(table, &Schemas::of(table), columns, partition)
    }

    /// The same, with the schemas of the table's spaces.
    pub fn with_schemas(
        table: &TableDescriptor,
        schemas: &Schemas,
        columns: Vec<ArrayRef>,
        partition: Option<&PartitionFunction>,
    ) -> Result<Rows> {
        let rows = columns.first().map_or(0, |c| c.len());
        let all = Batch::new(columns, rows);
        let partition = deal_batch(table, &all, partition)?;
        let mut batches = Vec::with_capacity(1 + table.indexes.len());
        for (space, schema) in schemas.0.iter().enumerate() {
            let columns = match space.checked_sub(1) {
                None => all.columns.clone(),
                Some(index) => {
                    table.index_ordinals(index).iter().map(|&o| Arc::clone(&all.columns[o])).collect()
                }
            };
            batches.push(Arc::new(RecordBatch::try_new(Arc::clone(schema), columns)?));
        }
        let mut keys = BTreeMap::new();
        for &p in &partition {
            if keys.contains_key(&p) {
                continue;
            }
            let spaces = &table.partitions[p];
            let record_keys = KeyEncoder::of_records(table, spaces.records).bind(batches[0].columns());
            let mut in_partition = vec![record_keys.map_err(plan_error)?];
            for (index, &id) in spaces.indexes.iter().enumerate() {
                let encoder = KeyEncoder::of_index(table, index, id);
                in_partition.push(encoder.bind(batches[index + 1].columns()).map_err(plan_error)?);
            }
            keys.insert(p, in_partition);
        }
        Ok(Rows { partition, batches, keys })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.partition.len()
    }

    /// Number of spaces that hold something of each row: the records and the indexes.
    pub fn spaces(&self) -> usize {
        self.batches.len()
    }

    /// All columns of the table.
    pub fn columns(&self) -> &[ArrayRef] {
        self.batches[0].columns()
    }

    /// Key of a row in the records (0) or in index `space - 1`.
    pub fn key(&self, row: usize, space: usize) -> Key {
        self.keys[&self.partition[row]][space].key(row)
    }

    /// What that space holds of the row.
    pub fn row(&self, row: usize, space: usize) -> RowRef {
        RowRef { batch: Arc::clone(&self.batches[space]), row: row as u32 }
    }
}

/// A row that is in the table, as the statement sees it.
#[derive(Clone)]
pub(super) struct Held {
    pub rows: Arc<Rows>,
    pub row: usize,
}

impl Held {
    /// Key in the records (0) or in index `space - 1`.
    pub fn key(&self, space: usize) -> Key {
        self.rows.key(self.row, space)
    }

    /// Whether all that can be seen of it is the same as of a row to insert.
    pub fn is_like(&self, new: &Rows, row: usize, table: &TableDescriptor) -> Result<bool> {
        for ordinal in table.visible_columns() {
            let (a, b) =
                (self.rows.columns()[ordinal].slice(self.row, 1), new.columns()[ordinal].slice(row, 1));
            if distinct(&a, &b)?.value(0) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// All columns of rows that are held.
pub(super) fn gather(table: &TableDescriptor, held: &[Held]) -> Result<Vec<ArrayRef>> {
    // Rows that were read together are in one batch.
    let mut batches: Vec<&Arc<Rows>> = Vec::new();
    let places = held.iter().map(|held| {
        let at = batches.iter().position(|known| Arc::ptr_eq(known, &held.rows)).unwrap_or_else(|| {
            batches.push(&held.rows);
            batches.len() - 1
        });
        (at, held.row)
    });
    let places: Vec<(usize, usize)> = places.collect();
    let columns = (0..table.columns.len()).map(|ordinal| {
        let arrays: Vec<&dyn Array> = batches.iter().map(|rows| &*rows.columns()[ordinal]).collect();
        Ok(interleave(&arrays, &places)?)
    });
    columns.collect()
}

/// The partition of each row, for who loads rows past the executor. `columns` are all columns of the table in the forms
/// that are stored, `partition` its partition function. A row that no partition takes is [`Error::NoPartition`].
pub fn deal(
    table: &TableDescriptor,
    columns: &[ArrayRef],
    partition: Option<&PartitionFunction>,
) -> Result<Vec<usize>> {
    let rows = columns.first().map_or(0, |c| c.len());
    deal_batch(table, &Batch { columns: columns.to_vec(), rows }, partition)
}

/// For each row why no partition takes it, or none that the statement names; nothing at all if all are taken.
pub(super) fn refusals(
    table: &TableDescriptor,
    columns: &[ArrayRef],
    partition: Option<&PartitionFunction>,
) -> Result<Vec<Option<Error>>> {
    let refusal = |dealt: Result<Vec<usize>>| match dealt {
        Ok(_) => Ok(None),
        Err(error @ (Error::NoPartition { .. } | Error::NotInPartitionSet)) => Ok(Some(error)),
        Err(error) => Err(error),
    };
    if refusal(deal(table, columns, partition))?.is_none() {
        return Ok(Vec::new());
    }
    let row = |row| columns.iter().map(|column| column.slice(row, 1)).collect::<Vec<ArrayRef>>();
    let rows = columns.first().map_or(0, |column| column.len());
    (0..rows).map(|at| refusal(deal(table, &row(at), partition))).collect()
}

/// The partition of each row; a table that is not partitioned has one.
fn deal_batch(
    table: &TableDescriptor,
    rows: &Batch,
    partition: Option<&PartitionFunction>,
) -> Result<Vec<usize>> {
    match (partition, &table.partitioning) {
        (Some(function), Some(_)) => {
            let ordinals: Vec<usize> = (0..table.columns.len()).collect();
            Dealer::new(Arc::new(function.clone()), &ordinals)?.place(rows)
        }
        (None, Some(_)) => Err(Error::Plan(format!("no partition expression for {}", table.name))),
        (_, None) => Ok(vec![0; rows.rows]),
    }
}

/// Of batches with these columns of the table.
fn schema(table: &TableDescriptor, ordinals: impl IntoIterator<Item = usize>) -> SchemaRef {
    let fields = ordinals.into_iter().map(|ordinal| {
        let def = &table.columns[ordinal];
        Field::new(&*def.name, def.ty.arrow(), def.ty.nullable)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

//! Rows of one table into its spaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryViewArray, Int64Array, RecordBatch, StringViewArray, UInt32Array, UInt64Array,
    new_null_array,
};
use arrow::compute::take;

use allod_executor::{Cancel, bytes_of};
use allod_planner::bind::{bind_checks, bind_generated};
use allod_planner::checks::RowChecks;
use allod_planner::generated::GeneratedColumns;
use allod_planner::stats::TableStats;
use allod_planner::zone::Zone;
use allod_storage::client::{Bulk, Client};
use allod_storage::error as storage;
use allod_storage::schema::{
    ColumnDef, ColumnDefault, Datum, PartitionDescriptor, SpaceId, SpaceSchema, SqlType, TableDescriptor,
};

use super::convert::to_column;
use crate::catalog::twice::text_among;
use crate::catalog::{Counters, Seen, WriteGuard};
use crate::error::{Error, Result, code};
use crate::rows::{full_batch, space_columns};
use crate::session::Session;

/// Where rows go: a table that is open to this writer until it is dropped.
pub(super) struct Target {
    pub table: Arc<TableDescriptor>,
    counters: Arc<Counters>,
    /// Rows that it was believed to have.
    before: Seen,
    /// Until it leaves.
    pub writing: Option<WriteGuard>,
}

impl Target {
    /// Enters a table of the session's current schema.
    pub fn open(session: &Session, name: &str, cancel: &Cancel) -> Result<Target> {
        let database =
            session.database().ok_or_else(|| Error::new(code::NO_DATABASE, "no database selected"))?;
        Target::open_in(session, database, name, cancel)
    }

    /// Enters a table.
    pub fn open_in(session: &Session, database: &str, name: &str, cancel: &Cancel) -> Result<Target> {
        let missing = || Error::new(code::NO_SUCH_TABLE, format!("table '{database}.{name}' doesn't exist"));
        let catalog = &session.owner().shared().catalog;
        let mut waiting = session.waiting(cancel);
        loop {
            let version = catalog.load();
            let entry = version.entry(database, name).ok_or_else(missing)?;
            if entry.descriptor.temporary.is_some() {
                // Its rows would be everybody's.
                return Err(Error::new(code::UNKNOWN, "IMPORT INTO does not support temporary table"));
            }
            let Some(writing) = catalog.enter_alone(entry, &mut waiting)? else { continue };
            let (table, counters) = (Arc::clone(&entry.descriptor), Arc::clone(&entry.counters));
            let before = counters.growth.seen();
            return Ok(Target { table, counters, before, writing: Some(writing) });
        }
    }
}

impl Target {
    /// Leaves the table, which has so many rows more.
    pub fn leave(self, session: &Session, rows: u64) {
        let Target { table, counters, writing, .. } = self;
        drop(writing);
        if counters.growth.note(rows, 0) {
            session.owner().shared().catalog.publish_rows(&table);
        }
    }

    /// Leaves the table and publishes what was learned of its rows. In this order: who publishes waits for DDL to end, and
    /// DDL waits for writers to leave.
    pub fn finish(self, session: &Session, stats: TableStats) -> Result<()> {
        let Target { table, before, writing, .. } = self;
        drop(writing);
        let mut waiting = session.waiting(&Cancel::new());
        session.owner().shared().catalog.set_stats(&table, stats, before, &mut waiting)
    }
}

/// For each column of the table where it comes from: a column of the file, or a default. Generated columns are computed,
/// whatever the file has for them.
pub(super) struct Mapping {
    sources: Vec<Source>,
    generated: Option<GeneratedColumns>,
    checks: Option<RowChecks>,
    /// Of the session's clocks.
    zone: Zone,
}

enum Source {
    File(usize),
    Default(Datum),
    /// Numbered by the table.
    Numbered,
}

/// The time as a column of this type holds it, in microseconds since 1970.
fn now(ty: &SqlType, zone: Zone) -> i64 {
    let unit = match ty {
        SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) => 10i64.pow(6u32.saturating_sub((*fsp).into())),
        _ => 1_000_000,
    };
    let now_us = chrono::Utc::now().timestamp_micros();
    let shown_us = if matches!(ty, SqlType::Timestamp(_)) { now_us } else { zone.local(now_us) };
    shown_us.div_euclid(unit) * unit
}

impl Mapping {
    /// By name, without regard to case.
    pub fn by_name(table: &TableDescriptor, file: &[&str], zone: Zone) -> Result<Mapping> {
        for (i, name) in file.iter().enumerate() {
            if table.column(name).is_none_or(|c| table.columns[c].hidden) {
                let message = format!(
                    "unknown column '{name}' in 'file': table '{}' has none of this name",
                    table.name
                );
                return Err(Error::new(code::UNKNOWN_COLUMN, message));
            }
            if file[..i].iter().any(|earlier| earlier.eq_ignore_ascii_case(name)) {
                return Err(Error::new(code::COLUMN_TWICE, format!("column '{name}' specified twice")));
            }
        }
        let sources = table.columns.iter().map(|column| {
            if column.generated.is_some() {
                return Ok(Source::Default(Datum::Null));
            }
            if let Some(at) = file.iter().position(|name| column.name.eq_ignore_ascii_case(name)) {
                return Ok(Source::File(at));
            }
            match &column.default {
                _ if column.hidden || column.auto_increment => Ok(Source::Numbered),
                Some(ColumnDefault::Value(value)) => Ok(Source::Default(value.clone())),
                Some(ColumnDefault::Now) => Ok(Source::Default(Datum::DateTime(now(&column.ty.sql, zone)))),
                Some(ColumnDefault::Expr(_)) => {
                    let message = format!(
                        "this version does not yet support loading rows without column '{}', whose default is an expression",
                        column.name
                    );
                    Err(Error::new(code::NOT_SUPPORTED, message))
                }
                None if column.ty.nullable => Ok(Source::Default(Datum::Null)),
                // The first member, as in MySQL.
                None if matches!(column.ty.sql, SqlType::Enum(_)) => Ok(Source::Default(Datum::UInt(1))),
                None => {
                    let message = format!(
                        "field '{}' doesn't have a default value, and the file lacks it",
                        column.name
                    );
                    Err(Error::new(code::NO_DEFAULT, message))
                }
            }
        });
        let sources = sources.collect::<Result<_>>()?;
        Ok(Mapping { sources, generated: bind_generated(table)?, checks: bind_checks(table, zone)?, zone })
    }

    /// All columns of the table, in order, as the store holds them.
    pub fn columns(&self, target: &Target, file: &[ArrayRef], rows: usize) -> Result<Vec<ArrayRef>> {
        let column = |(source, column): (&Source, _)| -> Result<ArrayRef> {
            match source {
                Source::File(at) => {
                    let array = to_column(&file[*at], column, self.zone)?;
                    if column.auto_increment {
                        pass(target, &array);
                    }
                    Ok(array)
                }
                Source::Default(value) => constant(value, column, rows),
                Source::Numbered => {
                    let first = match column.auto_increment {
                        true => target.counters.take(rows as u64)?,
                        false => target.counters.take_rows(rows as u64)?,
                    } as i64;
                    let numbers: ArrayRef =
                        Arc::new(Int64Array::from_iter_values(first..first + rows as i64));
                    to_column(&numbers, column, self.zone)
                }
            }
        };
        let table = &target.table;
        let columns = self.sources.iter().zip(&table.columns).map(column).collect::<Result<_>>()?;
        let columns = allod_executor::generate(table, self.generated.as_ref(), columns)?;
        allod_executor::check(self.checks.as_ref(), &columns)?;
        Ok(columns)
    }
}

/// No later number may be one that the file brought.
fn pass(target: &Target, array: &ArrayRef) {
    let unsigned = array.data_type() == &arrow::datatypes::DataType::UInt64;
    let count = |value| target.table.numbering.random.map_or(value, |random| random.count(value, unsigned));
    let greatest = (0..array.len()).filter_map(|row| match crate::result::datum_at(array, row) {
        Datum::Int(v) => u64::try_from(v).ok(),
        Datum::UInt(v) => Some(v),
        _ => None,
    });
    if let Some(value) = greatest.map(count).max() {
        target.counters.ids.pass(value);
    }
}

fn constant(value: &Datum, column: &ColumnDef, rows: usize) -> Result<ArrayRef> {
    // One value, for all rows.
    let one: ArrayRef = match value {
        Datum::Null => return Ok(new_null_array(&column.ty.arrow(), rows)),
        Datum::Int(value) => Arc::new(Int64Array::from(vec![*value])),
        Datum::UInt(value) => Arc::new(UInt64Array::from(vec![*value])),
        Datum::Bytes(bytes) => Arc::new(BinaryViewArray::from(vec![&**bytes])),
        // A moment is written as clocks in UTC show it.
        value => Arc::new(StringViewArray::from(vec![value.to_string()])),
    };
    let one = to_column(&one, column, Zone::UTC)?;
    take(&one, &UInt32Array::from(vec![0; rows]), None).map_err(Error::internal)
}

/// The rows of each partition.
pub(crate) fn deal(table: &TableDescriptor, rows: Vec<Vec<ArrayRef>>) -> Result<Vec<Vec<Vec<ArrayRef>>>> {
    if table.partitioning.is_none() {
        return Ok(vec![rows]);
    }
    let expr = allod_planner::bind::bind_partition(table)?;
    let mut dealt = vec![Vec::new(); table.partitions.len()];
    for columns in rows {
        let partition = allod_executor::deal(table, &columns, expr.as_ref())?;
        for (p, out) in dealt.iter_mut().enumerate() {
            let picked = partition.iter().zip(0u32..).filter(|(at, _)| **at == p).map(|(_, row)| row);
            let picked = UInt32Array::from_iter_values(picked);
            if !picked.is_empty() {
                let columns = columns.iter().map(|c| take(c, &picked, None).map_err(Error::internal));
                out.push(columns.collect::<Result<Vec<ArrayRef>>>()?);
            }
        }
    }
    Ok(dealt)
}

/// Rows into the spaces of one partition, which come in one piece.
pub(crate) fn ingest(
    client: &mut Client,
    table: &TableDescriptor,
    partition: &PartitionDescriptor,
    rows: Vec<Vec<ArrayRef>>,
) -> Result<()> {
    let mut load = BulkLoad::new(client, table, partition)?;
    load.add(rows)?;
    BulkLoad::finish(vec![load], client)
}

/// Rows on their way into the spaces of one partition.
pub(super) struct BulkLoad<'a> {
    table: &'a TableDescriptor,
    records: (SpaceSchema, Bulk),
    /// Each with the columns that it takes.
    indexes: Vec<(SpaceSchema, Vec<usize>)>,
    /// All of them, if there are indexes: entries are not in order, and built in one go.
    rows: Vec<Vec<ArrayRef>>,
    /// Of memory, that all rows took as they came.
    bytes: u64,
}

impl BulkLoad<'_> {
    pub fn new<'a>(
        client: &mut Client,
        table: &'a TableDescriptor,
        partition: &PartitionDescriptor,
    ) -> Result<BulkLoad<'a>> {
        let records = table.record_space(partition.records);
        let bulk = client.runtime().block_on(client.bulk(records.id))?;
        let indexes = partition.indexes.iter().enumerate();
        let indexes = indexes.map(|(position, &id)| table.index_space(position, id)).collect();
        Ok(BulkLoad { table, records: (records, bulk), indexes, rows: Vec::new(), bytes: 0 })
    }

    /// Adds rows, all columns of the table. They are given away, so that their memory can be returned while chunks are built
    /// of them.
    pub fn add(&mut self, rows: Vec<Vec<ArrayRef>>) -> Result<()> {
        self.bytes += rows.iter().map(|columns| bytes_of(columns)).sum::<u64>();
        if !self.indexes.is_empty() {
            self.rows.extend(rows.iter().cloned());
        }
        let (space, bulk) = &mut self.records;
        bulk.add(batches(space, rows)?).map_err(|error| Error::of_ingest(error, self.table, space))
    }

    /// About the bytes of memory that rows take which wait for the end.
    pub fn held_bytes(&self) -> u64 {
        match self.indexes.is_empty() && self.records.1.is_in_order() {
            true => 0,
            false => self.bytes,
        }
    }

    /// Loads them, in all partitions, records and entries of indexes, or nothing.
    pub fn finish(loads: Vec<BulkLoad<'_>>, client: &mut Client) -> Result<()> {
        let runtime = client.runtime();
        // A global index is that of several partitions.
        let mut bulks: BTreeMap<SpaceId, Bulk> = BTreeMap::new();
        let mut loaded = Vec::with_capacity(loads.len());
        for BulkLoad { table, records: (records, bulk), indexes, rows, bytes: _ } in loads {
            bulks.insert(records.id, bulk);
            let loading = Loading { table, records, indexes, rows };
            for (space, ordinals) in &loading.indexes {
                let pick =
                    |columns: &Vec<ArrayRef>| ordinals.iter().map(|&o| Arc::clone(&columns[o])).collect();
                let entries = batches(space, loading.rows.iter().map(pick).collect())?;
                let mut bulk = match bulks.remove(&space.id) {
                    Some(bulk) => bulk,
                    None => runtime.block_on(client.bulk(space.id))?,
                };
                bulk.add(entries).map_err(|error| loading.told(error).unwrap_or_else(Error::from))?;
                bulks.insert(space.id, bulk);
            }
            loaded.push(loading);
        }
        let Err(mut error) = runtime.block_on(client.ingest_bulk(bulks.into_values().collect())) else {
            return Ok(());
        };
        for loading in &loaded {
            error = match loading.told(error) {
                Ok(told) => return Err(told),
                Err(error) => error,
            };
        }
        Err(error.into())
    }
}

/// What is being loaded into a partition.
struct Loading<'a> {
    table: &'a TableDescriptor,
    records: SpaceSchema,
    indexes: Vec<(SpaceSchema, Vec<usize>)>,
    rows: Vec<Vec<ArrayRef>>,
}

impl Loading<'_> {
    /// What there is to say of a key that is taken, if it is one of these spaces; else the error again.
    fn told(&self, error: storage::Error) -> std::result::Result<Error, storage::Error> {
        let storage::Error::DuplicateKey { space: id, .. } = &error else { return Err(error) };
        if self.records.id == *id {
            return Ok(Error::of_ingest(error, self.table, &self.records));
        }
        let Some((space, ordinals)) = self.indexes.iter().find(|(space, _)| space.id == *id) else {
            return Err(error);
        };
        let text = |of| text_among(&self.rows, (space, ordinals), &error, of);
        Ok(Error::of_ingest_of(error.clone(), self.table, space, text))
    }
}

fn batches(space: &SpaceSchema, rows: Vec<Vec<ArrayRef>>) -> Result<Vec<RecordBatch>> {
    let names = space_columns(space);
    rows.into_iter().map(|columns| full_batch(&names, columns)).collect()
}

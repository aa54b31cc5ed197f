//! INSERT and REPLACE: rows that come.

use std::collections::BTreeMap;
use std::sync::Arc;

use allod_planner::checks::RowChecks;
use allod_planner::column::ColumnId;
use allod_planner::foreign::ForeignKeys;
use allod_planner::generated::GeneratedColumns;
use allod_planner::partition::PartitionFunction;
use allod_planner::physical::OnDuplicate;
use allod_storage::schema::{SqlType, TableDescriptor};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, Int64Type, UInt64Type};

use super::changes::{Changes, into_mutations};
use super::foreign::Heeded;
use super::rows::{Rows, deal};
use super::{Done, check, door, foreign, generate_by, not_null, upsert};
use crate::batch::{Batch, take};
use crate::build::Builder;
use crate::error::{Error, Result};
use crate::execute::{Affected, Destination, RowIds};
use crate::kernel::Scratch;

/// Rows to insert.
pub(super) struct Inserted<'a> {
    pub table: &'a TableDescriptor,
    pub partition: Option<&'a PartitionFunction>,
    /// Generated columns; `None` if the table has none.
    pub generated: Option<&'a GeneratedColumns>,
    /// CHECK constraints; `None` if none is enforced.
    pub checks: Option<&'a RowChecks>,
    /// Foreign keys; `None` if there are none to heed.
    pub foreign: Option<&'a ForeignKeys>,
    /// The visible columns of the table, then what ON DUPLICATE KEY UPDATE needs besides.
    pub all: Batch,
    /// What the plan calls these columns.
    pub ids: &'a [ColumnId],
}

/// Inserts rows.
pub(super) fn run(
    builder: &mut Builder,
    rows: Inserted<'_>,
    on_duplicate: &OnDuplicate,
    row_ids: &dyn RowIds,
    destination: Destination,
) -> Result<Done> {
    let Inserted { table, partition, generated, checks, foreign, all, ids } = rows;
    let memory = &builder.runner.context.memory;
    let mut changes = match foreign {
        Some(_) => Changes::following(table, memory),
        None => Changes::new(table, memory),
    };
    if on_duplicate.looks() {
        let given = all.rows as u64;
        let extra = all.columns[table.visible_columns().count()..].to_vec();
        let numbered = number(table, all, row_ids, generated, &mut builder.scratch)?;
        let (Numbered { columns, numbered, first: _ }, extra) = match on_duplicate.ignores() {
            true => in_partitions(builder, table, partition, numbered, extra)?,
            false => (numbered, extra),
        };
        let rows = upsert::Source { table, partition, generated, checks, columns, extra, ids, numbered };
        let (affected, growth) =
            upsert::insert(builder, rows, on_duplicate, row_ids, destination, &mut changes)?;
        // What no partition takes counts as what meets a key.
        let duplicates = affected.duplicates + given - affected.records;
        let affected = Affected { records: given, duplicates, ..affected };
        return done(builder, (table, changes, foreign), affected, growth);
    }
    let Numbered { columns, first: last_insert_id, numbered: _ } =
        number(table, all, row_ids, generated, &mut builder.scratch)?;
    check(checks, &columns)?;
    let new = Arc::new(Rows::new(table, columns, partition)?);
    for row in 0..new.len() {
        changes.insert(&new, row)?;
    }
    let rows = new.len() as u64;
    let affected = Affected { rows, matched: rows, last_insert_id, records: rows, duplicates: 0 };
    done(builder, (table, changes, foreign), affected, (rows, 0))
}

/// What it comes to, foreign keys included.
fn done<'a>(
    builder: &mut Builder,
    (table, changes, foreign): (&'a TableDescriptor, Changes<'a>, Option<&'a ForeignKeys>),
    affected: Affected,
    growth: (u64, u64),
) -> Result<Done> {
    let mut changes = BTreeMap::from([(table.id, changes)]);
    let heeded = foreign.map(|foreign| foreign::hold(builder, foreign, &mut changes));
    let Heeded { growth: others, relied } = heeded.transpose()?.unwrap_or_default();
    let growth = std::iter::once(growth).chain(others).collect();
    Ok(Done { affected, growth, mutations: into_mutations(changes), relied })
}

/// Only the rows that a partition takes; a warning for each of the others, which INSERT IGNORE leaves out.
fn in_partitions(
    builder: &mut Builder,
    table: &TableDescriptor,
    partition: Option<&PartitionFunction>,
    rows: Numbered,
    extra: Vec<ArrayRef>,
) -> Result<(Numbered, Vec<ArrayRef>)> {
    let is_refusal = |e: &Error| matches!(e, Error::NoPartition { .. } | Error::NotInPartitionSet);
    match deal(table, &rows.columns, partition) {
        Ok(_) => return Ok((rows, extra)),
        Err(error) if !is_refusal(&error) => return Err(error),
        Err(_) => {}
    }
    let count = rows.columns.first().map_or(0, |column| column.len());
    let mut taken: Vec<u32> = Vec::with_capacity(count);
    for row in 0..count {
        let one: Vec<ArrayRef> = rows.columns.iter().map(|column| column.slice(row, 1)).collect();
        match deal(table, &one, partition) {
            Ok(_) => taken.push(row as u32),
            Err(error) if is_refusal(&error) => builder.warnings.push(error),
            Err(error) => return Err(error),
        }
    }
    let pick = |columns: &[ArrayRef]| columns.iter().map(|column| take(column, &taken)).collect();
    let numbered = taken.iter().filter_map(|&row| rows.numbered.get(row as usize).copied()).collect();
    Ok((Numbered { columns: pick(&rows.columns), numbered, ..rows }, pick(&extra)))
}

/// The columns of the table for inserted rows, numbered where the engine numbers them and computed where they are generated.
pub(super) struct Numbered {
    pub columns: Vec<ArrayRef>,
    /// The first number given out for an AUTO_INCREMENT column; 0 if none was.
    pub first: u64,
    /// For each row whether its number was given out; none if there is no such column.
    pub numbered: Vec<bool>,
}

/// Numbers rows that have no number of their own.
pub(super) fn number(
    table: &TableDescriptor,
    all: Batch,
    row_ids: &dyn RowIds,
    generated: Option<&GeneratedColumns>,
    scratch: &mut Scratch,
) -> Result<Numbered> {
    let visible: Vec<usize> = table.visible_columns().collect();
    let given = door(visible.iter().map(|&o| &table.columns[o].ty), &all.columns)?;
    if given.len() != visible.len() {
        return Err(Error::Plan("an insert without all columns".into()));
    }
    let mut given = given.into_iter();
    let mut columns = Vec::with_capacity(table.columns.len());
    let (mut first, mut numbered) = (0, Vec::new());
    for def in &table.columns {
        if def.hidden && def.generated.is_some() {
            columns.push(new_null_array(&def.ty.arrow(), all.rows));
            continue;
        }
        if def.is_row_id() {
            let first = row_ids.allocate(table.id, all.rows as u64);
            columns.push(integers((first..).take(all.rows).map(Some), &def.ty.sql)?);
            continue;
        }
        let Some(column) = given.next() else { continue };
        if !def.auto_increment {
            columns.push(column);
            continue;
        }
        if def.ty.sql.is_integer() {
            numbered = (0..column.len()).map(|row| given_number(&column, row) == 0).collect();
        }
        let (column, first_given) = auto_increment(table, &column, &def.ty.sql, row_ids)?;
        first = first_given;
        columns.push(column);
    }
    let columns = generate_by(table, generated, columns, scratch)?;
    not_null(table, &columns)?;
    Ok(Numbered { columns, first, numbered })
}

/// The number that a row brings along for an AUTO_INCREMENT column, by its bits; 0 if none.
fn given_number(column: &ArrayRef, row: usize) -> u64 {
    if column.is_null(row) {
        return 0;
    }
    match column.data_type() {
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row) as u64,
        _ => 1,
    }
}

/// NULL and 0 get the next numbers; what is given is noted.
fn auto_increment(
    table: &TableDescriptor,
    column: &ArrayRef,
    ty: &SqlType,
    row_ids: &dyn RowIds,
) -> Result<(ArrayRef, u64)> {
    let value = |row: usize| given_number(column, row);
    if !ty.is_integer() {
        return Ok((Arc::clone(column), 0));
    }
    let negative = |v: u64| column.data_type() == &DataType::Int64 && (v as i64) < 0;
    // In order of the rows: a number that a row brings along is passed before the next row is numbered.
    let mut first = 0;
    let mut numbered = Vec::with_capacity(column.len());
    let mut row = 0;
    while row < column.len() {
        let given = value(row);
        if given != 0 {
            if !negative(given) {
                row_ids.observe(table.id, given);
            }
            numbered.push(Some(given));
            row += 1;
            continue;
        }
        let missing = (row..column.len()).take_while(|&r| value(r) == 0).count();
        let next = row_ids.allocate(table.id, missing as u64);
        if first == 0 {
            first = next;
        }
        numbered.extend((next..).take(missing).map(Some));
        row += missing;
    }
    let numbered = numbered.into_iter();
    Ok((integers(numbered, ty)?, first))
}

fn integers(values: impl Iterator<Item = Option<u64>>, ty: &SqlType) -> Result<ArrayRef> {
    match ty.arrow() {
        DataType::Int64 => Ok(Arc::new(values.map(|v| v.map(|v| v as i64)).collect::<Int64Array>())),
        DataType::UInt64 => Ok(Arc::new(values.collect::<UInt64Array>())),
        other => Err(Error::Plan(format!("rows are not numbered in a column of type {other}"))),
    }
}

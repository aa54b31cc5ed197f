//! INSERT and REPLACE: rows that come.

use std::collections::BTreeMap;
use std::sync::Arc;

use allod_planner::checks::RowChecks;
use allod_planner::column::ColumnId;
use allod_planner::foreign::ForeignKeys;
use allod_planner::generated::GeneratedColumns;
use allod_planner::partition::PartitionFunction;
use allod_planner::physical::OnDuplicate;
use allod_storage::schema::{AutoRandom, SqlType, TableDescriptor};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};

use super::changes::{Changes, into_mutations};
use super::foreign::Heeded;
use super::rows::{Rows, Schemas, refusals};
use super::{Done, check, door, foreign, generate_by, not_null, upsert};
use crate::batch::{Batch, take};
use crate::build::Builder;
use crate::error::{Error, Result};
use crate::execute::{Affected, Destination, Numbered as Kind, RowIds};
use crate::kernel::Scratch;

/// Rows to insert.
pub(super) struct Inserted<'a> {
    pub table: &'a TableDescriptor,
    /// Those of its spaces.
    pub schemas: &'a Schemas,
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
    let Inserted { table, schemas, partition, generated, checks, foreign, all, ids } = rows;
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
        let rows =
            upsert::Source { table, partition, generated, checks, foreign, columns, extra, ids, numbered };
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
    let new = Arc::new(Rows::with_schemas(table, schemas, columns, partition)?);
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
    let refused = refusals(table, &rows.columns, partition)?;
    if refused.is_empty() {
        return Ok((rows, extra));
    }
    let taken = refused.iter().enumerate().filter(|(_, refusal)| refusal.is_none());
    let taken: Vec<u32> = taken.map(|(row, _)| row as u32).collect();
    builder.warnings.extend(refused.into_iter().flatten());
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
            let run = row_ids.allocate(Kind::Rows, all.rows as u64, i64::MAX as u64);
            let run = run.ok_or(Error::NoNumberLeft)?;
            columns.push(integers(run.numbers().take(all.rows).map(Some), &def.ty.sql)?);
            continue;
        }
        let Some(column) = given.next() else { continue };
        if !def.auto_increment {
            columns.push(column);
            continue;
        }
        let asks = asking(&column, row_ids);
        let (column, first_given) = auto_column(table, &column, &asks, &def.ty.sql, row_ids)?;
        (first, numbered) = (first_given, asks);
        columns.push(column);
    }
    let columns = generate_by(table, generated, columns, scratch)?;
    not_null(table, &columns)?;
    Ok(Numbered { columns, first, numbered })
}

/// For each row whether it asks for a number.
fn asking(column: &ArrayRef, row_ids: &dyn RowIds) -> Vec<bool> {
    let keeps_zero = row_ids.keeps_zero();
    let is_zero = |row: usize| match column.data_type() {
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row) == 0,
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row) == 0,
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row) == 0.0,
        _ => false,
    };
    (0..column.len()).map(|row| column.is_null(row) || !keeps_zero && is_zero(row)).collect()
}

/// The number that a row brings along; 0 if it is below that.
pub(super) fn given_number(column: &ArrayRef, row: usize) -> u64 {
    if column.is_null(row) {
        return 0;
    }
    match column.data_type() {
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row),
        DataType::Int64 => u64::try_from(column.as_primitive::<Int64Type>().value(row)).unwrap_or(0),
        // Below zero is zero.
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row) as u64,
        _ => 0,
    }
}

/// How an AUTO_INCREMENT or AUTO_RANDOM column of the table is numbered: what it is, its random bits, its greatest number.
pub(super) fn numbering(table: &TableDescriptor, ty: &SqlType) -> (Kind, Option<AutoRandom>, u64) {
    match table.numbering.random {
        Some(random) => (Kind::Random, Some(random), random.count_max(is_unsigned(ty))),
        None => (Kind::Increment, None, if is_unsigned(ty) { u64::MAX } else { i64::MAX as u64 }),
    }
}

pub(super) fn is_unsigned(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Int { unsigned: true, .. })
}

/// The greatest number of a type of columns that are numbered.
fn greatest(ty: &SqlType) -> u64 {
    match ty {
        SqlType::Int { width, unsigned } => u64::MAX >> (64 - 8 * width.bytes() + u32::from(!unsigned)),
        _ => i64::MAX as u64,
    }
}

/// The rows that ask get the next numbers; what is given is noted.
fn auto_column(
    table: &TableDescriptor,
    column: &ArrayRef,
    asks: &[bool],
    ty: &SqlType,
    row_ids: &dyn RowIds,
) -> Result<(ArrayRef, u64)> {
    let (kind, random, max) = numbering(table, ty);
    let unsigned = is_unsigned(ty);
    // In order of the rows: a number that a row brings along is passed before the next row is numbered.
    let mut first = 0;
    let mut given_out: Vec<Option<u64>> = vec![None; column.len()];
    let mut row = 0;
    while row < column.len() {
        if !asks[row] {
            let given = given_number(column, row);
            if random.is_some() && !row_ids.may_give_random() {
                return Err(Error::AutoRandomGiven);
            }
            row_ids.observe(kind, random.map_or(given, |random| random.count(given, unsigned)));
            row += 1;
            continue;
        }
        let missing = asks[row..].iter().take_while(|asks| **asks).count();
        let run = row_ids.allocate(kind, missing as u64, max).ok_or(Error::NoNumberLeft)?;
        let shard: u64 = if random.is_some() { rand::random() } else { 0 };
        for (out, count) in given_out[row..row + missing].iter_mut().zip(run.numbers()) {
            let number = random.map_or(count, |random| random.number(shard, count, unsigned));
            if number > greatest(ty) {
                let ty = ty.to_string().replace(" unsigned", "");
                return Err(Error::ConstantOverflow { value: number.to_string(), ty });
            }
            *out = Some(number);
            if first == 0 {
                first = number;
            }
        }
        row += missing;
    }
    if given_out.iter().all(Option::is_none) {
        return Ok((Arc::clone(column), 0));
    }
    let numbered: ArrayRef = match column.data_type() {
        DataType::Float64 => {
            let given = column.as_primitive::<Float64Type>();
            let values = given_out.iter().enumerate();
            let values = values.map(|(row, out)| out.map_or_else(|| given.value(row), |out| out as f64));
            Arc::new(Float64Array::from_iter_values(values))
        }
        DataType::Int64 => {
            let given = column.as_primitive::<Int64Type>();
            let values = given_out.iter().enumerate();
            let values = values.map(|(row, out)| out.map_or_else(|| given.value(row), |out| out as i64));
            Arc::new(Int64Array::from_iter_values(values))
        }
        DataType::UInt64 => {
            let given = column.as_primitive::<UInt64Type>();
            let values = given_out.iter().enumerate();
            let values = values.map(|(row, out)| out.unwrap_or_else(|| given.value(row)));
            Arc::new(UInt64Array::from_iter_values(values))
        }
        other => return Err(Error::Plan(format!("rows are not numbered in a column of type {other}"))),
    };
    Ok((numbered, first))
}

fn integers(values: impl Iterator<Item = Option<u64>>, ty: &SqlType) -> Result<ArrayRef> {
    match ty.arrow() {
        DataType::Int64 => Ok(Arc::new(values.map(|v| v.map(|v| v as i64)).collect::<Int64Array>())),
        DataType::UInt64 => Ok(Arc::new(values.collect::<UInt64Array>())),
        other => Err(Error::Plan(format!("rows are not numbered in a column of type {other}"))),
    }
}

//! INSERT, UPDATE, DELETE.
//!
//! The rows to change are computed first, to the end, from the statement's snapshot: a statement never sees its own
//! changes. Then every change of a row becomes changes of keys, one in the space of its partition's records and one in the
//! space of each index ([`changes::Changes`]). Either all of them are committed as one transaction, and what the commit came
//! to is an error of the statement where it is not success: a key that is taken (1062), a conflict with another transaction
//! (9007, for the session to try again), or an outcome that nobody knows. Or they are handed to the transaction that the
//! statement is part of, which locks them if it is one that does, and then looks whether the keys of new rows are free
//! ([`check_free`]); so a statement that fails has left nothing there but locks.
//!
//! Generated columns are computed from finished rows, numbers included, before they are dealt to partitions ([`generate`]).

mod changes;
mod generated;
mod keys;
mod remake;
mod rows;
mod upsert;

pub use generated::generate;
pub use keys::record_keys;
pub use remake::remake;
pub use rows::deal;

use std::sync::Arc;
use std::time::Instant;

use allod_planner::generated::GeneratedColumns;
use allod_planner::partition::PartitionFunction;
use allod_planner::physical::{Node, Plan};
use allod_storage::client::CommitOutcome;
use allod_storage::key::Key;
use allod_storage::percolator::{Mutation, MutationOp};
use allod_storage::schema::{Datum, SqlType, TableDescriptor};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, UInt64Array};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::or;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};

use self::changes::Changes;
use self::rows::Rows;
use crate::batch::{Batch, concat_batches, positions, to_door};
use crate::build::Builder;
use crate::error::{Error, Result};
use crate::execute::{Affected, Destination, RowIds};
use crate::metrics::{CommitRun, Detail};

/// Runs a change of rows and commits it, or returns the keys that it changes.
pub(crate) fn run(
    builder: &mut Builder,
    plan: &Plan,
    row_ids: &dyn RowIds,
    destination: Destination,
) -> Result<(Affected, Vec<Mutation>)> {
    let not_dml = || Error::Plan("not a change of rows".into());
    let (Node::Insert { table, partition, source, .. }
    | Node::Update { table, partition, source, .. }
    | Node::Delete { table, partition, source }) = &plan.node
    else {
        return Err(not_dml());
    };
    let (rows, columns) = builder.materialize(source)?;
    let begun = Instant::now();
    if rows.rows == 0 {
        return Ok(Default::default());
    }
    // The source's columns, in its plan's order, are the table's.
    let at = positions(&columns, &source.columns)?;
    let all = concat_batches(&rows.batches);
    let all = Batch { columns: at.iter().map(|&p| Arc::clone(&all.columns[p])).collect(), rows: all.rows };
    let mut changes = Changes::new(table, &builder.runner.context.memory);
    let partition = partition.as_deref();
    let affected = match &plan.node {
        Node::Insert { on_duplicate, generated, .. } if on_duplicate.looks() => {
            let visible = table.visible_columns().count();
            let (extra, ids) = (all.columns[visible..].to_vec(), source.columns.clone());
            let generated = generated.as_deref();
            let Numbered { columns, numbered, first: _ } = number(table, all, row_ids, generated)?;
            let rows = upsert::Source { table, partition, generated, columns, extra, ids, numbered };
            upsert::insert(builder, rows, on_duplicate, row_ids, destination, &mut changes)?
        }
        Node::Insert { generated, .. } => {
            let Numbered { columns, first: last_insert_id, numbered: _ } =
                number(table, all, row_ids, generated.as_deref())?;
            let new = Rows::new(table, columns, partition)?;
            for row in 0..new.len() {
                changes.insert(&new, row)?;
            }
            let rows = new.len() as u64;
            Affected {
                rows,
                matched: rows,
                last_insert_id,
                records: rows,
                inserted: rows,
                ..Affected::default()
            }
        }
        Node::Delete { .. } => {
            let old = Rows::new(table, door(table.columns.iter().map(|c| &c.ty), &all.columns)?, partition)?;
            let mut affected = Affected::default();
            for row in 0..old.len() {
                affected.rows += u64::from(changes.delete(&old, row)?);
            }
            Affected { matched: affected.rows, deleted: affected.rows, ..affected }
        }
        Node::Update { generated, .. } => {
            update(table, all, (partition, generated.as_deref()), destination, &mut changes)?
        }
        _ => return Err(not_dml()),
    };
    let mut mutations = changes.into_mutations();
    builder.runner.context.cancel.check()?;
    match destination {
        Destination::Commit => commit(builder, plan, table, std::mem::take(&mut mutations))?,
        // Whoever takes the changes looks whether the keys of new rows are free, when they are locked.
        Destination::Transaction => {}
    }
    if builder.runner.context.analyze {
        let measured = builder.runner.measured.entry(plan.id).or_default();
        measured.elapsed += begun.elapsed();
        measured.meter.batches += 1;
    }
    Ok((affected, mutations))
}

fn update(
    table: &TableDescriptor,
    all: Batch,
    (partition, generated): (Option<&PartitionFunction>, Option<&GeneratedColumns>),
    destination: Destination,
    changes: &mut Changes<'_>,
) -> Result<Affected> {
    let width = table.columns.len();
    if all.columns.len() < width {
        return Err(Error::Plan("an update without the columns of the old row".into()));
    }
    let old = door(table.columns.iter().map(|c| &c.ty), &all.columns[..width])?;
    let visible: Vec<usize> = table.visible_columns().collect();
    let new_visible = door(visible.iter().map(|&o| &table.columns[o].ty), &all.columns[width..])?;
    let mut new = old.clone();
    for (&ordinal, column) in visible.iter().zip(new_visible) {
        new[ordinal] = column;
    }
    let new = generate(table, generated, new)?;
    let mut changed: Option<BooleanArray> = None;
    for &ordinal in &visible {
        let differs = distinct(&old[ordinal], &new[ordinal])?;
        changed = Some(match changed {
            Some(before) => or(&before, &differs)?,
            None => differs,
        });
    }
    not_null(table, &new)?;
    let old = Rows::new(table, old, partition)?;
    let new = Rows::new(table, new, partition)?;
    let mut affected = Affected::default();
    // All old rows go before any new one comes: a new row may take the key of an old one.
    let mut pending = Vec::new();
    for row in 0..old.len() {
        if !changes.first_sight(&old, row) {
            continue;
        }
        affected.matched += 1;
        if changed.as_ref().is_some_and(|c| c.value(row)) {
            affected.rows += 1;
            changes.replace_old(&old, &new, row)?;
            pending.push(row);
        } else if destination == Destination::Transaction {
            changes.keep(&old, row)?;
        }
    }
    for row in pending {
        changes.replace_new(&old, &new, row)?;
    }
    Ok(affected)
}

fn plan_error(error: impl std::fmt::Display) -> Error {
    Error::Plan(error.to_string())
}

/// Columns in the forms that are stored.
fn door<'a>(
    types: impl Iterator<Item = &'a allod_storage::schema::ColumnType>,
    columns: &[ArrayRef],
) -> Result<Vec<ArrayRef>> {
    types.zip(columns).map(|(ty, column)| to_door(column, ty)).collect()
}

/// The columns of the table for inserted rows, numbered where the engine numbers them and computed where they are generated.
struct Numbered {
    columns: Vec<ArrayRef>,
    /// The first number given out for an AUTO_INCREMENT column; 0 if none was.
    first: u64,
    /// For each row whether its number was given out; none if there is no such column.
    numbered: Vec<bool>,
}

fn number(
    table: &TableDescriptor,
    all: Batch,
    row_ids: &dyn RowIds,
    generated: Option<&GeneratedColumns>,
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
        if def.hidden {
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
    let columns = generate(table, generated, columns)?;
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

fn not_null(table: &TableDescriptor, columns: &[ArrayRef]) -> Result<()> {
    for (def, column) in table.columns.iter().zip(columns) {
        if !def.ty.nullable && column.logical_null_count() > 0 {
            return Err(Error::AssignNull { column: Arc::clone(&def.name) });
        }
    }
    Ok(())
}

/// Whether the keys at which rows are inserted are free, as the statement's transaction sees them; if not `everywhere`, among
/// its own writes alone.
pub(crate) fn check_free(
    builder: &mut Builder,
    table: &TableDescriptor,
    mutations: &[Mutation],
    everywhere: bool,
) -> Result<()> {
    let inserts = mutations.iter().filter(|m| matches!(m.op, MutationOp::Insert(_)));
    let keys: Vec<Key> = inserts.map(|m| m.key.clone()).collect();
    if !everywhere {
        let taken = keys.iter().find(|key| builder.client.has_written(key));
        return taken.map_or(Ok(()), |key| Err(changes::duplicate(table, key)));
    }
    let runtime = builder.client.runtime();
    for keys in keys.chunk_by(|a, b| a.space() == b.space()) {
        let Some(space) = keys[0].space() else { continue };
        let found = runtime.block_on(builder.client.get(space, keys, builder.ts, &[]))?;
        if let Some(&taken) = found.positions.first() {
            return Err(changes::duplicate(table, &keys[taken as usize]));
        }
    }
    Ok(())
}

fn commit(
    builder: &mut Builder,
    plan: &Plan,
    table: &Arc<TableDescriptor>,
    mutations: Vec<Mutation>,
) -> Result<()> {
    if mutations.is_empty() {
        return Ok(());
    }
    let keys = mutations.len() as u64;
    let runtime = builder.client.runtime();
    let before = builder.analyzed();
    let outcome = runtime.block_on(builder.client.commit_at_once(builder.ts, mutations))?;
    if let Some((started, before)) = before {
        let commit = Some(CommitRun { time: started.elapsed(), keys });
        let rpc = Some(builder.client.stats().since(&before));
        let measured = builder.runner.measured.entry(plan.id).or_default();
        measured.detail.merge(Detail { commit, rpc, ..Detail::default() });
    }
    committed(outcome, &[table])
}

/// What became of a transaction that wrote to these tables, as an error if it is not committed.
pub fn committed(outcome: CommitOutcome, tables: &[&Arc<TableDescriptor>]) -> Result<()> {
    let of = |key: &Key| {
        let known = tables.iter().find_map(|table| Some((*table, changes::describe(table, key)?.0)));
        known.ok_or_else(|| Error::Plan(format!("the key {key} is of no table that was written to")))
    };
    match outcome {
        CommitOutcome::Committed(_) => Ok(()),
        CommitOutcome::AlreadyExists { key } => Err(changes::duplicate(of(&key)?.0, &key)),
        CommitOutcome::Conflict(conflict) => {
            let (table, value) = of(&conflict.key)?;
            let table = format!("{}.{}", table.database, table.name);
            Err(Error::WriteConflict { table, key: value })
        }
        CommitOutcome::Undetermined => Err(Error::Undetermined),
    }
}

/// Values of a key, as MySQL shows them: joined by dashes.
fn joined(datums: &[Datum]) -> String {
    datums.iter().map(Datum::to_string).collect::<Vec<_>>().join("-")
}

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
//! Then rows are held against CHECK constraints ([`check`]), and last of all against
//! foreign keys ([`foreign`]).

mod changes;
mod checks;
mod delete;
mod follow;
mod foreign;
mod generated;
mod insert;
mod keys;
mod layout;
mod net;
mod refused;
mod remake;
mod rows;
mod stored;
mod update;
mod upsert;
mod view;

pub use checks::check;
pub use follow::follow;
pub use generated::generate;
use generated::generate_by;
pub use keys::record_keys;
pub use remake::remake;
use rows::Schemas;
pub use rows::deal;
pub use stored::stored;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use allod_planner::physical::{Node, Plan};
use allod_storage::client::CommitOutcome;
use allod_storage::key::Key;
use allod_storage::percolator::{Mutation, MutationOp};
use allod_storage::schema::{Datum, TableDescriptor};
use arrow::array::{Array, ArrayRef};

use self::insert::Inserted;
use self::layout::LaidOut;
use crate::batch::{Batch, concat_batches, positions, to_door};
use crate::build::Builder;
use crate::error::{Error, Result};
use crate::execute::{Affected, Destination, RowIds};
use crate::metrics::{CommitRun, Detail};

/// What became of a change of rows.
#[derive(Default)]
pub(crate) struct Done {
    pub affected: Affected,
    /// For each table that it names to be changed: rows that came, and rows that went.
    pub growth: Vec<(u64, u64)>,
    /// The keys that it changes, in order; none if they are committed.
    pub mutations: Vec<Mutation>,
    /// Those among them whose rows stay as they are, and must: rows of it refer to them.
    pub relied: BTreeSet<Key>,
}

/// Runs a change of rows and commits it, or returns the keys that it changes.
pub(crate) fn run(
    builder: &mut Builder,
    plan: &Plan,
    row_ids: &dyn RowIds,
    destination: Destination,
) -> Result<Done> {
    let (Node::Insert { source, .. } | Node::Update { source, .. } | Node::Delete { source, .. }) =
        &plan.node
    else {
        return Err(Error::Plan("not a change of rows".into()));
    };
    let (rows, columns) = builder.materialize(source)?;
    let begun = Instant::now();
    if rows.rows == 0 {
        return Ok(Done::default());
    }
    // The source's columns, in its plan's order, are those of the tables.
    let at = positions(&columns, &source.columns)?;
    let all = concat_batches(&rows.batches);
    let all = Batch { columns: at.iter().map(|&p| Arc::clone(&all.columns[p])).collect(), rows: all.rows };
    let layouts = Arc::clone(&builder.layouts);
    let laid_out = LaidOut::of(plan, &layouts)?;
    // What is kept is for the tables as the plan knows them.
    let mut schemas = builder.form(plan, &[], || {
        let known = LaidOut::of(plan, &[])?;
        Ok(known.changed().into_iter().map(|table| Schemas::of(table)).collect::<Vec<_>>())
    })?;
    if !layouts.is_empty() {
        schemas = Arc::new(laid_out.schemas(&schemas));
    }
    let mut done = match (&plan.node, &laid_out) {
        (
            Node::Insert { partition, generated, checks, on_duplicate, source, .. },
            LaidOut::Rows { table, foreign, looks: _ },
        ) => {
            let (partition, generated) = (partition.as_deref(), generated.as_deref());
            let (checks, foreign) = (checks.as_deref(), foreign.as_deref());
            // An INSERT changes one table.
            let (schemas, ids) = (&schemas[0], &source.columns);
            let inserted = Inserted { table, schemas, partition, generated, checks, foreign, all, ids };
            insert::run(builder, inserted, on_duplicate, row_ids, destination)?
        }
        (Node::Update { ignore, .. }, LaidOut::Targets { targets, looks: _ }) => {
            update::run(builder, targets, &schemas, (*ignore, row_ids), &all.columns, destination)?
        }
        (Node::Delete { ignore, .. }, LaidOut::Targets { targets, looks: _ }) => {
            delete::run(builder, targets, &schemas, *ignore, &all.columns)?
        }
        _ => return Err(Error::Plan("not a change of rows".into())),
    };
    builder.runner.context.cancel.check()?;
    match destination {
        Destination::Commit => commit(builder, plan.id, &laid_out, std::mem::take(&mut done.mutations))?,
        // Whoever takes the changes looks whether the keys of new rows are free, when they are locked.
        Destination::Transaction => {}
    }
    if builder.runner.context.analyze {
        let measured = builder.runner.measured.entry(plan.id).or_default();
        measured.elapsed += begun.elapsed();
        measured.meter.batches += 1;
    }
    Ok(done)
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

fn not_null(table: &TableDescriptor, columns: &[ArrayRef]) -> Result<()> {
    for (def, column) in table.columns.iter().zip(columns) {
        if !def.ty.nullable && column.logical_null_count() > 0 {
            return Err(Error::AssignNull { column: Arc::clone(&def.name) });
        }
    }
    Ok(())
}

/// Whether the keys at which a plan inserts rows are free, as the statement's transaction sees them; if not `everywhere`, among
/// its own writes alone.
pub(crate) fn check_free(
    builder: &mut Builder,
    plan: &Plan,
    mutations: &[Mutation],
    everywhere: bool,
) -> Result<()> {
    let layouts = Arc::clone(&builder.layouts);
    let laid_out = LaidOut::of(plan, &layouts)?;
    let inserts = mutations.iter().filter(|m| matches!(m.op, MutationOp::Insert(_)));
    let keys: Vec<Key> = inserts.map(|m| m.key.clone()).collect();
    if !everywhere {
        let taken = keys.iter().find(|key| builder.client.has_written(key));
        return taken.map_or(Ok(()), |key| Err(laid_out.taken(key, mutations)));
    }
    let runtime = builder.client.runtime();
    for keys in keys.chunk_by(|a, b| a.space() == b.space()) {
        let Some(space) = keys[0].space() else { continue };
        let found = runtime.block_on(builder.client.get(space, keys, builder.ts, &[]))?;
        if let Some(&taken) = found.positions.first() {
            return Err(laid_out.taken(&keys[taken as usize], mutations));
        }
    }
    Ok(())
}

/// The error of a key that is taken, of one of these tables.
fn duplicate_in(tables: &[&Arc<TableDescriptor>], key: &Key, mutations: &[Mutation]) -> Error {
    match tables.iter().find(|table| changes::describe(table, key, None).is_some()) {
        Some(table) => changes::duplicate(table, key, changes::record_of(table, mutations, key).as_ref()),
        None => Error::Plan(format!("the key {key} is of no table that was written to")),
    }
}

fn commit(builder: &mut Builder, plan: u32, laid_out: &LaidOut<'_>, mutations: Vec<Mutation>) -> Result<()> {
    if mutations.is_empty() {
        return Ok(());
    }
    let keys = mutations.len() as u64;
    // What the rows say, for the message if one of their keys is taken.
    let told =
        if laid_out.changed().iter().any(|table| changes::folds(table)) { mutations.clone() } else { vec![] };
    let runtime = builder.client.runtime();
    let before = builder.analyzed();
    let outcome = runtime.block_on(builder.client.commit_at_once(builder.ts, mutations))?;
    if let Some((started, before)) = before {
        let commit = Some(CommitRun { time: started.elapsed(), keys });
        let rpc = Some(builder.client.stats().since(&before));
        let measured = builder.runner.measured.entry(plan).or_default();
        measured.detail.merge(Detail { commit, rpc, ..Detail::default() });
    }
    match outcome {
        CommitOutcome::AlreadyExists { key } => Err(laid_out.taken(&key, &told)),
        outcome => committed(outcome, &laid_out.tables()),
    }
}

/// What became of a transaction that wrote to these tables, as an error if it is not committed.
pub fn committed(outcome: CommitOutcome, tables: &[&Arc<TableDescriptor>]) -> Result<()> {
    let of = |key: &Key| {
        let known = tables.iter().find_map(|table| Some((*table, changes::describe(table, key, None)?.0)));
        known.ok_or_else(|| Error::Plan(format!("the key {key} is of no table that was written to")))
    };
    match outcome {
        CommitOutcome::Committed(_) => Ok(()),
        CommitOutcome::AlreadyExists { key } => Err(duplicate_in(tables, &key, &[])),
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

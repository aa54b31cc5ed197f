//! The door: a plan and a snapshot in, batches out as the caller asks for them.
//!
//! Nothing runs before the first `next`: then everything below the last breaker runs, and from there on each call runs a
//! bounded piece of the last pipeline (`pipeline::Stream`). Dropping an [`Execution`] is all it takes to stop it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::physical::{Node, Query};
use allod_planner::sequence::SequenceId;
use allod_storage::client::{Client, Committed};
use allod_storage::error as storage;
use allod_storage::key::Key;
use allod_storage::pd::Pin;
use allod_storage::percolator::Mutation;
use allod_storage::schema::{Datum, SqlType, TableDescriptor, Timestamp};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::batch::{Batch, positions, to_door};
use crate::build::Builder;
use crate::dml::{self, Done};
use crate::error::{Error, Result};
use crate::kernel::Rules;
use crate::lock::{Collector, Locking, WantedLocks};
use crate::metrics::{self, OperatorMetrics};
use crate::pipeline::{Cancel, Context, Memory, Runner, Stream, caught};
use crate::prepared::Prepared;

/// What is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// Rows, by the hidden row id.
    Rows,
    /// An AUTO_INCREMENT column.
    Increment,
    /// An AUTO_RANDOM column; the numbers are the counts behind the shard.
    Random,
}

/// Numbers that were given out: `first`, then one `step` further each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first one.
    pub first: u64,
    /// How far it is from one to the next.
    pub step: u64,
}

impl Run {
    /// The numbers, for ever.
    pub fn numbers(self) -> impl Iterator<Item = u64> {
        std::iter::successors(Some(self.first), move |number| number.checked_add(self.step))
    }
}

/// Who numbers rows.
pub trait RowIds: Send + Sync {
    /// `n` numbers that nobody has, none of them above `max`; `None` if there are not that many.
    fn allocate(&self, what: Numbered, n: u64, max: u64) -> Option<Run>;
    /// A statement wrote `value` itself: later numbers must be greater.
    fn observe(&self, what: Numbered, value: u64);
    /// Whether a statement may give AUTO_RANDOM columns values of its own (else error 8216).
    fn may_give_random(&self) -> bool {
        true
    }
    /// Whether 0 in a column that is numbered stays as it is, and only NULL asks for a number.
    fn keeps_zero(&self) -> bool {
        false
    }
}

/// Who gives out the numbers of sequences, and knows what numbers a session got last. The sequences are those that the
/// statement names; to ask for another is an error of whoever made the plan.
pub trait Sequences: Send + Sync + std::fmt::Debug {
    /// A number that nobody has.
    ///
    /// # Errors
    /// [`Error::SequenceRunOut`].
    fn next(&self, sequence: SequenceId) -> Result<i64>;
    /// The number that the session got last, if any.
    fn last(&self, sequence: SequenceId) -> Result<Option<i64>>;
    /// Sees to it that what is given out lies behind `value`; `None` if it does already.
    fn set(&self, sequence: SequenceId, value: i64) -> Result<Option<i64>>;
    /// LAST_INSERT_ID() is this from now on.
    fn note_insert_id(&self, id: u64);
}

/// Who knows which sessions hold the locks that have names (GET_LOCK), on behalf of one of them. Names come in lower case.
pub trait NamedLocks: Send + Sync + std::fmt::Debug {
    /// Takes the lock, perhaps once more; false if another session has it.
    fn take(&self, name: &str) -> bool;
    /// Gives it back as often as it was taken once; false if the session does not have it.
    fn give_back(&self, name: &str) -> bool;
    /// The connection that has it.
    fn holder(&self, name: &str) -> Option<u64>;
    /// Gives all back: how many, counted as often as they were taken.
    fn give_all_back(&self) -> u64;
}

/// Who holds the user variables of a statement that assigns to them. Names come in lower case. One worker asks.
pub trait UserVariables: Send + Sync + std::fmt::Debug {
    /// What a variable holds, and of which type that is; `None` = NULL.
    fn get(&self, name: &str) -> Option<(Datum, SqlType)>;
    /// It holds this from now on.
    fn set(&self, name: &str, value: Datum, ty: &SqlType);
}

/// Where there are no sessions: every lock is free, and nobody has one.
#[derive(Debug)]
pub struct Nobody;

impl NamedLocks for Nobody {
    fn take(&self, _: &str) -> bool {
        true
    }

    fn give_back(&self, _: &str) -> bool {
        false
    }

    fn holder(&self, _: &str) -> Option<u64> {
        None
    }

    fn give_all_back(&self) -> u64 {
        0
    }
}

/// What a statement runs in.
pub struct Environment {
    /// The statement's own client.
    pub client: Client,
    /// The snapshot it reads, and the start of its transaction if it writes.
    pub ts: Timestamp,
    /// Keeps what is seen at `ts` from being compacted away while the statement runs; `None` if somebody else does.
    pub pin: Option<Pin>,
    /// Workers per pipeline.
    pub workers: usize,
    /// Bytes that its operators may keep.
    pub memory_limit_bytes: u64,
    /// The session's wish to stop.
    pub cancel: Cancel,
    /// Who numbers rows.
    pub row_ids: Arc<dyn RowIds>,
    /// Who gives out the numbers of the sequences that it asks; `None` = it asks none, nor does it say LAST_INSERT_ID(n).
    pub sequences: Option<Arc<dyn Sequences>>,
    /// Who knows of the locks that have names.
    pub named_locks: Arc<dyn NamedLocks>,
    /// Who holds its user variables, if it assigns to any; then `workers` is 1.
    pub variables: Option<Arc<dyn UserVariables>>,
    /// What becomes of a change of rows.
    pub destination: Destination,
    /// The tables that it writes to in another form than its plan knows: with more indexes behind those of the plan, none of
    /// them public.
    pub layouts: Arc<[Arc<TableDescriptor>]>,
    /// What becomes of losses.
    pub rules: Rules,
    /// Whether locking clauses lock.
    pub locking: Locking,
    /// Whether to count and take times, for EXPLAIN ANALYZE.
    pub analyze: bool,
    /// Sizes of batches and numbers of workers of lookups.
    pub tuning: Tuning,
}

/// Parameters of index joins and double reads, with TiDB's names and defaults (tidb.md A6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// `tidb_index_join_batch_size`: outer rows in a batch, at most.
    pub index_join_batch_rows: usize,
    /// `tidb_index_lookup_size`: handles in a batch of a double read, at most.
    pub index_lookup_rows: usize,
    /// `tidb_index_lookup_join_concurrency`: lookups of an index join that are under way at the same time.
    pub index_join_concurrency: usize,
    /// `tidb_index_lookup_concurrency`: the same for double reads.
    pub index_lookup_concurrency: usize,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            index_join_batch_rows: 25_000,
            index_lookup_rows: 20_000,
            index_join_concurrency: 5,
            index_lookup_concurrency: 5,
        }
    }
}

/// What becomes of the keys that a statement changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// They are committed: the statement is a transaction of its own.
    Commit,
    /// They are handed out ([`Execution::take_changes`]), for the transaction that the statement is part of.
    Transaction,
}

/// What a change of rows did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// What its client is told: rows inserted, deleted, or changed to something else than they were; a row that was changed
    /// because a key was taken counts twice, and so does one that replaced another.
    pub rows: u64,
    /// Rows that an UPDATE found; for a client that asks for those in place of changed ones, also what an INSERT came to.
    pub matched: u64,
    /// The first number that an AUTO_INCREMENT column was given; 0 if none.
    pub last_insert_id: u64,
    /// Rows that an INSERT had to insert.
    pub records: u64,
    /// Rows of those that met a key which was taken, as MySQL counts them.
    pub duplicates: u64,
}

/// A running statement.
pub struct Execution {
    query: Arc<Query>,
    builder: Builder,
    state: State,
    schema: SchemaRef,
    row_ids: Arc<dyn RowIds>,
    destination: Destination,
    done: Done,
    _pin: Option<Pin>,
}

enum State {
    /// Nothing has run.
    New,
    /// Rows are coming; with the position of each visible column.
    Streaming(Stream, Vec<usize>),
    /// No more rows, or failed.
    Done,
}

/// Prepares a statement to run.
pub fn execute(prepared: Arc<Prepared>, env: Environment) -> Execution {
    let query = Arc::clone(prepared.query());
    let context = Context {
        memory: Memory::new(env.memory_limit_bytes),
        cancel: env.cancel,
        workers: env.workers.max(1),
        analyze: env.analyze,
        columns: Arc::clone(&query.columns),
        rules: env.rules,
        sequences: env.sequences,
        named_locks: Some(env.named_locks),
        variables: env.variables,
    };
    let schema = prepared.schema();
    let locks = Collector::new(env.locking, &context.memory);
    let mut builder = Builder::new(prepared, env.client, env.ts, Runner::new(context), env.tuning, locks);
    builder.layouts = env.layouts;
    Execution {
        query,
        builder,
        state: State::New,
        schema,
        row_ids: env.row_ids,
        destination: env.destination,
        done: Done::default(),
        _pin: env.pin,
    }
}

impl Execution {
    /// The columns of the batches.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// What a change of rows did; meaningful when the iterator has ended.
    pub fn affected(&self) -> Affected {
        self.done.affected
    }

    /// How a change of rows by itself was committed.
    pub fn committed(&self) -> Option<Committed> {
        self.builder.client.committed()
    }

    /// For each table that a change of rows names to be changed, in that order: rows that came, and rows that went. Nothing if it
    /// found no row. Meaningful when the iterator has ended without an error.
    pub fn growth(&self) -> &[(u64, u64)] {
        &self.done.growth
    }

    /// The keys that a change of rows for [`Destination::Transaction`] changes, in order, each once; with `MutationOp::Lock`
    /// the rows that an UPDATE found and left as they are. Meaningful when the iterator has ended without an error.
    pub fn changes(&self) -> &[Mutation] {
        &self.done.mutations
    }

    /// The [`changes`](Execution::changes), by value, and the keys of those rows among them that stay as they are, and must:
    /// foreign keys of what came refer to them.
    pub fn take_changes(&mut self) -> (Vec<Mutation>, BTreeSet<Key>) {
        (std::mem::take(&mut self.done.mutations), std::mem::take(&mut self.done.relied))
    }

    /// What was lost, and what a change of rows passed over, each as the error that it would have been, for SHOW WARNINGS; and
    /// how much there was in all, of which the first are here. Meaningful when the iterator has ended.
    pub fn take_warnings(&mut self) -> (Vec<Error>, u64) {
        let columns = &self.query.columns;
        let mut notices = std::mem::take(&mut self.builder.scratch.notices);
        notices.merge(self.builder.runner.take_notices());
        let (mut said, total) = notices.take();
        let passed_over = std::mem::take(&mut self.builder.warnings);
        let total = total + passed_over.len() as u64;
        said.extend(passed_over);
        let name = |id| columns.knows(ColumnId(id)).then(|| columns.explain_name(ColumnId(id)));
        (said.into_iter().map(|error| error.naming(name)).collect(), total)
    }

    /// What its locking clauses want locked, and what it found by keys to change it. Meaningful when the iterator has ended
    /// without an error.
    pub fn take_locks(&mut self) -> Vec<WantedLocks> {
        self.builder.locks.take()
    }

    /// Whether the keys at which a change of rows for [`Destination::Transaction`] inserts are free in what its transaction sees:
    /// all that is committed, or (not `everywhere`) just its own writes, if somebody looks at the rest when it commits.
    ///
    /// # Errors
    /// [`Error::DuplicateEntry`], and what reading runs into.
    pub fn check_free(&mut self, everywhere: bool) -> Result<()> {
        dml::check_free(&mut self.builder, &self.query.root, &self.done.mutations, everywhere)
    }

    /// What was measured so far, by plan id; nothing unless the environment said so.
    pub fn metrics(&self) -> BTreeMap<u32, OperatorMetrics> {
        let Runner { measured, tallies, .. } = &self.builder.runner;
        metrics::collect(&self.query, measured, tallies)
    }

    /// The most memory that was kept at one time.
    pub fn memory_peak_bytes(&self) -> u64 {
        self.builder.runner.context.memory.peak()
    }

    /// The client, with what it counted.
    pub fn client(&self) -> &Client {
        &self.builder.client
    }

    fn step(&mut self) -> Result<Option<RecordBatch>> {
        if !matches!(self.state, State::Done) {
            self.builder.runner.context.cancel.check()?;
        }
        loop {
            match &mut self.state {
                State::New => self.start()?,
                State::Streaming(stream, positions) => {
                    let Some(batch) = stream.next(&mut self.builder.runner)? else { return Ok(None) };
                    return door(&batch, positions, &self.query, &self.schema).map(Some);
                }
                State::Done => return Ok(None),
            }
        }
    }

    fn start(&mut self) -> Result<()> {
        let query = Arc::clone(&self.query);
        self.state = match &query.root.node {
            Node::Insert { .. } | Node::Update { .. } | Node::Delete { .. } => {
                let row_ids = &*self.row_ids;
                self.done = dml::run(&mut self.builder, &query.root, row_ids, self.destination)?;
                State::Done
            }
            _ => {
                let pipeline = self.builder.build(&query.root)?;
                let ids: Vec<_> = query.output.iter().map(|c| c.id).collect();
                let positions = positions(&pipeline.columns, &ids)?;
                State::Streaming(self.builder.runner.stream(pipeline), positions)
            }
        };
        Ok(())
    }

    /// Ends the statement; what it measured stays.
    fn end(&mut self) {
        if let State::Streaming(stream, _) = &mut self.state {
            stream.close(&mut self.builder.runner);
        }
        self.state = State::Done;
    }
}

impl Iterator for Execution {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = caught(|| self.step()).map_err(|error| match error {
            // Who interrupted the client says why.
            Error::Storage(storage::Error::Interrupted) => {
                self.builder.runner.context.cancel.check().err().unwrap_or(error)
            }
            error => {
                let columns = &self.query.columns;
                error.naming(|id| columns.knows(ColumnId(id)).then(|| columns.explain_name(ColumnId(id))))
            }
        });
        let result = result.transpose();
        if !matches!(result, Some(Ok(_))) {
            self.end();
        }
        result
    }
}

/// A batch in exactly the types of the door.
fn door(batch: &Batch, positions: &[usize], query: &Query, schema: &SchemaRef) -> Result<RecordBatch> {
    let types = query.output_types().map(|(_, ty)| ty);
    let columns = positions.iter().zip(types).map(|(&p, ty)| to_door(&batch.columns[p], ty));
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_>>()?, &options)?)
}

//! The session's transaction: statements that are one.
//!
//! Without a transaction every statement reads a snapshot of its own and is committed by itself, on the shortest way there
//! is. A transaction begins with BEGIN, or under `autocommit = 0` with the first statement that asks for rows. From then on
//! all statements read the one snapshot of its beginning, with its own writes on top (`allod_storage`'s `OwnWrites`: every
//! way to read shows them), and what they write is kept in a buffer of the session until COMMIT:
//!
//! ```text
//! begin                                    a version of the schema, then a timestamp
//! update t set v = v + 1 where id = 7      reads v at the timestamp, buffers the new row
//! select v from t where id = 7             the snapshot, the buffer on top
//! insert into t values (7, 0)              1062: the statement leaves nothing, the transaction goes on
//! savepoint s · … · rollback to s          the buffer as it was
//! commit                                   two phases, or one; 9007 if another transaction changed a row meanwhile
//! ```
//!
//! It is optimistic: nobody waits for it before it commits, and whether it may commit is found out when it does. It is not
//! tried again then, for the statements were decided by what they saw.
//!
//! **The schema** is the version that was newest when the transaction began, for a reader of its snapshot must not be sent
//! to an index that was filled later. A table that the transaction has written to stays entered
//! ([`WriteGuard`]) until it ends, and DDL on that table waits for this; if the table was changed before the transaction came
//! to write to it, the statement fails (8028). DDL of the session itself commits the transaction first.
//!
//! **The rows of tables** are told to the statistics when the transaction commits, not before.

use std::sync::Arc;

use allod_planner::bind::{DmlKind, TransactionControl, TransactionMode};
use allod_storage::client::{Client, Savepoint, Transaction};
use allod_storage::pd::Pin;
use allod_storage::percolator::Mutation;
use allod_storage::schema::{TableDescriptor, Timestamp};

use super::Session;
use crate::catalog::{Counters, Version, WriteGuard};
use crate::error::{Error, Result, code};
use crate::result::ResultSet;

/// A transaction that has begun.
pub(super) struct Active {
    transaction: Transaction,
    /// The schema as all its statements see it.
    version: Arc<Version>,
    tables: Vec<Written>,
    /// By name in lower case, oldest first.
    savepoints: Vec<(String, State)>,
    options: Options,
}

/// What BEGIN says of a transaction.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    read_only: bool,
}

/// A table that it writes to.
struct Written {
    table: Arc<TableDescriptor>,
    counters: Arc<Counters>,
    rows: Rows,
    _guard: WriteGuard,
}

/// Rows that came and went.
#[derive(Clone, Copy, Default)]
struct Rows {
    inserted: u64,
    deleted: u64,
}

/// What a savepoint remembers.
struct State {
    writes: Savepoint,
    /// Of each table that was written to by then.
    rows: Vec<Rows>,
}

impl Active {
    /// What a statement reads with, and at which time.
    pub fn reader(&mut self, client: &Client) -> (Client, Timestamp, Pin) {
        let reader = client.fork().seeing(self.transaction.own_writes());
        (reader, self.transaction.start_ts(), self.transaction.pin())
    }

    /// The counters of a table that a statement is about to write to; `enter` opens it, the first time.
    pub fn enter(
        &mut self,
        table: &Arc<TableDescriptor>,
        enter: impl FnOnce() -> Result<(WriteGuard, Arc<Counters>)>,
    ) -> Result<Arc<Counters>> {
        if self.options.read_only {
            let message = "cannot execute statement in a READ ONLY transaction";
            return Err(Error::new(code::READ_ONLY_TRANSACTION, message));
        }
        // By identity: a descriptor that was changed is another one.
        if let Some(known) = self.tables.iter().find(|written| Arc::ptr_eq(&written.table, table)) {
            return Ok(Arc::clone(&known.counters));
        }
        let (guard, counters) = enter()?;
        let (table, rows) = (Arc::clone(table), Rows::default());
        self.tables.push(Written { table, counters: Arc::clone(&counters), rows, _guard: guard });
        Ok(counters)
    }

    /// Takes over what a statement that has succeeded changed.
    pub fn write(&mut self, table: &TableDescriptor, kind: DmlKind, rows: u64, changes: Vec<Mutation>) {
        self.transaction.write(changes);
        let written = self.tables.iter_mut().find(|written| written.table.id == table.id);
        if let Some(Written { rows: counted, .. }) = written {
            match kind {
                DmlKind::Insert => counted.inserted += rows,
                DmlKind::Delete => counted.deleted += rows,
                DmlKind::Update => {}
            }
        }
    }

    fn place_of(&self, savepoint: &str) -> Result<usize> {
        let name = savepoint.to_lowercase();
        let place = self.savepoints.iter().position(|(known, _)| *known == name);
        place.ok_or_else(|| no_savepoint(savepoint))
    }

    /// SAVEPOINT: one of the same name is no longer.
    fn save(&mut self, name: &str) {
        let name = name.to_lowercase();
        self.savepoints.retain(|(known, _)| *known != name);
        let rows = self.tables.iter().map(|written| written.rows).collect();
        self.savepoints.push((name, State { writes: self.transaction.savepoint(), rows }));
    }

    /// ROLLBACK TO: what was written since is forgotten, and so are later savepoints; this one stays.
    fn roll_back_to(&mut self, name: &str) -> Result<()> {
        let place = self.place_of(name)?;
        self.savepoints.truncate(place + 1);
        if let Some((_, State { writes, rows })) = self.savepoints.last() {
            self.transaction.roll_back_to(writes);
            // Tables that were written to since stay entered, with nothing written.
            let then = rows.iter().copied().chain(std::iter::repeat(Rows::default()));
            self.tables.iter_mut().zip(then).for_each(|(written, rows)| written.rows = rows);
        }
        Ok(())
    }

    /// RELEASE SAVEPOINT: this one and later ones are no longer.
    fn release(&mut self, name: &str) -> Result<()> {
        let place = self.place_of(name)?;
        self.savepoints.truncate(place);
        Ok(())
    }
}

fn no_savepoint(name: &str) -> Error {
    Error::new(code::DOES_NOT_EXIST, format!("SAVEPOINT {name} does not exist"))
}

impl Session {
    /// The schema that a statement sees.
    pub(super) fn version(&self) -> Arc<Version> {
        match &self.transaction {
            Some(active) => Arc::clone(&active.version),
            None => self.database.catalog(),
        }
    }

    /// Whether a transaction has begun and not ended.
    pub fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Runs BEGIN, COMMIT, ROLLBACK and their like.
    pub(super) fn control(&mut self, control: &TransactionControl) -> Result<ResultSet> {
        match control {
            TransactionControl::Begin { mode: Some(TransactionMode::Pessimistic), .. } => {
                return Err(Error::new(code::NOT_SUPPORTED, "transactions are optimistic in this version"));
            }
            TransactionControl::Begin { mode: Some(TransactionMode::Optimistic) | None, read_only } => {
                self.commit()?;
                self.begin(self.database.catalog(), Options { read_only: *read_only })?;
            }
            TransactionControl::Commit { chain } => {
                let options = self.options();
                self.commit()?;
                self.chain(*chain, options)?;
            }
            TransactionControl::Rollback { chain } => {
                let options = self.options();
                self.transaction = None;
                self.chain(*chain, options)?;
            }
            TransactionControl::Savepoint(name) => {
                self.begin_unless_autocommit()?;
                // Without a transaction there is nothing to go back to.
                if let Some(active) = &mut self.transaction {
                    active.save(name);
                }
            }
            TransactionControl::RollbackTo(name) => self.active(name)?.roll_back_to(name)?,
            TransactionControl::Release(name) => self.active(name)?.release(name)?,
        }
        self.row_count = 0;
        Ok(ResultSet::done(0, 0))
    }

    fn active(&mut self, savepoint: &str) -> Result<&mut Active> {
        self.transaction.as_mut().ok_or_else(|| no_savepoint(savepoint))
    }

    fn options(&self) -> Options {
        self.transaction.as_ref().map(|active| active.options).unwrap_or_default()
    }

    fn chain(&mut self, chain: bool, options: Options) -> Result<()> {
        if chain { self.begin(self.database.catalog(), options) } else { Ok(()) }
    }

    /// Begins a transaction that sees this version of the schema.
    fn begin(&mut self, version: Arc<Version>, options: Options) -> Result<()> {
        // After the version was taken: whatever it names was there before.
        let (ts, pin) = self.client.runtime().block_on(self.client.snapshot())?;
        let transaction = self.client.begin(ts);
        drop(pin);
        let (tables, savepoints) = (Vec::new(), Vec::new());
        self.transaction = Some(Active { transaction, version, tables, savepoints, options });
        Ok(())
    }

    /// Under `autocommit = 0` begins a transaction, if there is none, for a statement that needs one.
    pub(super) fn begin_unless_autocommit(&mut self) -> Result<()> {
        if self.transaction.is_some() || self.variables.settings().autocommit {
            return Ok(());
        }
        self.begin(self.database.catalog(), Options::default())
    }

    /// Commits the transaction, if there is one. Whatever happens, there is none afterwards.
    pub(super) fn commit(&mut self) -> Result<()> {
        let Some(Active { transaction, tables, version, savepoints, options: _ }) = self.transaction.take()
        else {
            return Ok(());
        };
        drop(savepoints);
        if transaction.is_empty() {
            return Ok(());
        }
        let outcome = self.client.runtime().block_on(transaction.commit(&mut self.client))?;
        let written: Vec<&Arc<TableDescriptor>> = tables.iter().map(|written| &written.table).collect();
        allod_executor::committed(outcome, &written)?;
        drop(version);
        for Written { table, counters, rows, _guard: guard } in tables {
            // DDL that has the right to publish may be waiting for this.
            drop(guard);
            if counters.growth.note(rows.inserted, rows.deleted) {
                self.database.shared().catalog.publish_rows(&table);
            }
        }
        Ok(())
    }
}

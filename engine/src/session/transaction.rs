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
//! **Pessimistic** transactions, the default as in TiDB, lock what they write when they write it (`lock`): a statement that
//! writes reads what is committed by now, locks the keys that it found, and if one was changed in the meantime, or is being
//! changed by somebody it had to wait for, runs again. So the commit meets no conflict. **Optimistic** ones lock nothing before
//! the commit, which may find out that another was faster (9007); then they are not tried again, for their statements were
//! decided by what they saw. A statement by itself is optimistic, and is tried again.
//!
//! **The schema** is the version that was newest when the transaction began, for a reader of its snapshot must not be sent
//! to an index that was filled later. A table that the transaction has written to, or of which it has locked rows, stays entered
//! ([`WriteGuard`]) until it ends, and DDL on that table waits for this; if the table was changed before the transaction came
//! to write to it, the statement fails (8028), unless nothing but indexes came: those it keeps up and does not read. So does one
//! that reads not the snapshot but the present there: what others write by now is elsewhere. Under READ COMMITTED each
//! statement sees the newest version instead. DDL of the session itself commits the transaction first.
//!
//! **In the past.** A transaction that reads as of a time (START TRANSACTION READ ONLY AS OF TIMESTAMP), and a statement by
//! itself that does (`tidb_snapshot`, FROM t AS OF TIMESTAMP), reads there with the schema of today: tables that were changed
//! since are refused (8135). What garbage collection has taken is not there any more (9006).
//!
//! **The rows of tables** are told to the statistics when the transaction commits, not before.

use std::collections::BTreeSet;
use std::sync::Arc;

use allod_executor::Cancel;
use allod_planner::bind::{
    AfterTransaction, Characteristics, SetTarget, TransactionControl, TransactionMode, TransactionScope,
};
use allod_planner::expr::type_of;
use allod_storage::client::{Client, Interrupt, LockOutcome, LockWait, Savepoint, Transaction, bytes_of};
use allod_storage::error as storage;
use allod_storage::key::Key;
use allod_storage::pd::Pin;
use allod_storage::percolator::{Mutation, MutationOp};
use allod_storage::schema::{Datum, TableDescriptor, Timestamp};

use super::statement::Planned;
use super::{Session, as_of};
use crate::catalog::{Counters, Entered, Version, WriteGuard};
use crate::error::{Error, Result, code};
use crate::result::ResultSet;
use crate::transactions::{Stage, Trx};

/// A transaction that has begun.
pub(super) struct Active {
    transaction: Transaction,
    /// The schema as all its statements see it.
    version: Arc<Version>,
    tables: Vec<Written>,
    /// Tables of which it has locked rows FOR UPDATE.
    locked: Vec<Arc<TableDescriptor>>,
    /// By name in lower case, oldest first.
    savepoints: Vec<(String, State)>,
    options: Options,
}

/// What is said of a transaction: by BEGIN, by SET TRANSACTION, by variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Whether it locks what it writes; `None` = as the session's variable says, and so for the others.
    pub pessimistic: Option<bool>,
    /// Whether each statement reads what is committed when it begins.
    pub read_committed: Option<bool>,
    /// Whether it may write nothing.
    pub read_only: Option<bool>,
    /// It reads what there was at this time.
    pub as_of: Option<Timestamp>,
}

impl Options {
    /// What is said here, and where nothing is, there.
    fn or(self, other: Options) -> Options {
        Options {
            pessimistic: self.pessimistic.or(other.pessimistic),
            read_committed: self.read_committed.or(other.read_committed),
            read_only: self.read_only.or(other.read_only),
            as_of: self.as_of.or(other.as_of),
        }
    }

    /// An error for what writes, if it must not.
    pub fn check_write(&self) -> Result<()> {
        if self.as_of.is_none() && self.read_only != Some(true) {
            return Ok(());
        }
        let message = "cannot execute statement in a READ ONLY transaction";
        Err(Error::new(code::READ_ONLY_TRANSACTION, message))
    }
}

/// A table that it writes to.
struct Written {
    table: Arc<TableDescriptor>,
    counters: Arc<Counters>,
    /// The form in which it is written to, if that is another.
    layout: Option<Arc<TableDescriptor>>,
    rows: Rows,
    _guard: WriteGuard,
}

/// Where rows are written to: what a table counts, and the form that it has if that is not the one of the plan.
pub(super) type Place = (Arc<Counters>, Option<Arc<TableDescriptor>>);

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
    /// When it began.
    pub fn start_ts(&self) -> Timestamp {
        self.transaction.start_ts()
    }

    /// What a statement reads with, and at which time: the snapshot, or if it locks what it finds (and under READ COMMITTED
    /// always) what is committed by now.
    pub fn reader(&mut self, client: &mut Client, locks: bool) -> Result<(Client, Timestamp, Pin)> {
        let ts = match self.reads_the_present(locks) {
            true => client.runtime().block_on(client.see_newest(&mut self.transaction))?,
            false => self.transaction.start_ts(),
        };
        Ok((client.fork().seeing(self.transaction.own_writes()), ts, self.transaction.pin()))
    }

    /// The time at which a statement reads if it sees what was committed then, and nothing of its own transaction; `None` within:
    /// now. Who locks what he finds does more than that.
    pub fn plain_snapshot(&self, locks: bool) -> Option<Option<Timestamp>> {
        let is_plain = !locks && self.transaction.is_empty();
        is_plain.then(|| (!self.reads_the_present(false)).then(|| self.transaction.start_ts()))
    }

    /// Locks what a statement is about, all of it or nothing.
    pub fn lock(&mut self, client: &mut Client, keys: Vec<Key>, wait: LockWait) -> Result<LockOutcome> {
        Ok(client.runtime().block_on(client.lock_keys(&mut self.transaction, keys, wait))?)
    }

    /// Rows of these tables are going to be locked.
    pub fn note_locked<'a>(&mut self, tables: impl Iterator<Item = &'a Arc<TableDescriptor>>) {
        for table in tables {
            if !self.locked.iter().any(|known| Arc::ptr_eq(known, table)) {
                self.locked.push(Arc::clone(table));
            }
        }
    }

    /// Whether a statement reads what is committed by now; `locks`: it locks what it finds.
    pub fn reads_the_present(&self, locks: bool) -> bool {
        (locks || self.is_read_committed()) && self.is_pessimistic()
    }

    /// Whether its statements see the schema as it is when they begin.
    pub fn follows_the_schema(&self) -> bool {
        self.options.as_of.is_none() && self.is_read_committed() && self.is_pessimistic()
    }

    /// Whether it locks what it writes.
    pub fn is_pessimistic(&self) -> bool {
        self.transaction.is_pessimistic()
    }

    /// Whether each of its statements reads what is committed when it begins.
    pub fn is_read_committed(&self) -> bool {
        self.options.read_committed == Some(true)
    }

    /// The time in the past that it reads at, if it does.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.options.as_of
    }

    /// A table that a statement is about to write to; `enter` opens it, the first time.
    pub fn enter(
        &mut self,
        table: &Arc<TableDescriptor>,
        enter: impl FnOnce() -> Result<(Entered, Arc<Counters>)>,
    ) -> Result<Place> {
        // One's own tables are nobody else's business.
        if !table.is_local() || self.options.as_of.is_some() {
            self.options.check_write()?;
        }
        self.stay(table, enter)
    }

    /// A table that is to be as it is until the transaction ends: rows of it are written or locked.
    pub fn stay(
        &mut self,
        table: &Arc<TableDescriptor>,
        enter: impl FnOnce() -> Result<(Entered, Arc<Counters>)>,
    ) -> Result<Place> {
        // By identity: a descriptor that was changed is another one.
        if let Some(known) = self.tables.iter().find(|written| Arc::ptr_eq(&written.table, table)) {
            return Ok((Arc::clone(&known.counters), known.layout.clone()));
        }
        let (Entered { guard, layout }, counters) = enter()?;
        let place = (Arc::clone(&counters), layout.clone());
        let (table, rows) = (Arc::clone(table), Rows::default());
        self.tables.push(Written { table, counters, layout, rows, _guard: guard });
        Ok(place)
    }

    /// Takes over what a statement that has succeeded changed: for each table, so many rows came and went. `relied`: the keys of
    /// rows that stay as they are, and must.
    pub fn write<'a>(
        &mut self,
        growth: impl Iterator<Item = (&'a Arc<TableDescriptor>, (u64, u64))>,
        mut changes: Vec<Mutation>,
        relied: &BTreeSet<Key>,
    ) {
        // Other rows that stay as they are: who locks has locked them, and nobody else need know.
        changes.retain(|change| !matches!(change.op, MutationOp::Lock) || relied.contains(&change.key));
        self.transaction.write(changes);
        for (table, (inserted, deleted)) in growth {
            let written = self.tables.iter_mut().find(|written| written.table.id == table.id);
            if let Some(Written { rows, .. }) = written {
                rows.inserted += inserted;
                rows.deleted += deleted;
            }
        }
    }

    fn place_of(&self, savepoint: &str) -> Result<usize> {
        let name = savepoint.to_lowercase();
        let place = self.savepoints.iter().position(|(known, _)| *known == name);
        place.ok_or_else(|| no_savepoint(savepoint))
    }

    /// SAVEPOINT: one of the same name is no longer.
    pub(super) fn save(&mut self, name: &str) {
        let name = name.to_lowercase();
        self.savepoints.retain(|(known, _)| *known != name);
        let rows = self.tables.iter().map(|written| written.rows).collect();
        self.savepoints.push((name, State { writes: self.transaction.savepoint(), rows }));
    }

    /// ROLLBACK TO: what was written since is forgotten, and so are later savepoints; this one stays.
    pub(super) fn roll_back_to(&mut self, name: &str) -> Result<()> {
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
    pub(super) fn release(&mut self, name: &str) -> Result<()> {
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
    pub(crate) fn version(&self) -> Arc<Version> {
        let version = match &self.transaction {
            Some(active) if !active.follows_the_schema() => Arc::clone(&active.version),
            Some(_) | None => self.database.catalog(),
        };
        match self.temporaries.tables.is_empty() {
            true => version,
            false => Arc::new(version.with_own(self.temporaries.tables.clone())),
        }
    }

    /// The number of that schema.
    pub(super) fn version_number(&self) -> u64 {
        match &self.transaction {
            Some(active) if !active.follows_the_schema() => active.version.number(),
            Some(_) | None => self.database.shared().catalog.number(),
        }
    }

    /// Whether a transaction has begun and not ended.
    pub fn in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Whether queries lock rows FOR UPDATE: within a transaction, unless that is in the past.
    pub(super) fn locks_rows(&self) -> bool {
        self.transaction.as_ref().is_some_and(|active| active.as_of().is_none())
    }

    /// Runs BEGIN, COMMIT, ROLLBACK and their like.
    pub(super) fn control(&mut self, control: &TransactionControl, cancel: &Cancel) -> Result<ResultSet> {
        match control {
            TransactionControl::Begin { mode, characteristics } => {
                self.commit(cancel)?;
                let pessimistic = mode.map(|mode| mode == TransactionMode::Pessimistic);
                let options = self.options_of(characteristics)?;
                self.begin(Options { pessimistic, ..options })?;
            }
            TransactionControl::Commit(after) => {
                let options = self.options();
                self.commit(cancel)?;
                self.forget_next();
                self.go_on(*after, options)?;
            }
            TransactionControl::Rollback(after) => {
                let options = self.options();
                self.roll_back();
                self.forget_next();
                self.go_on(*after, options)?;
            }
            TransactionControl::Set { scope, characteristics } => {
                return self.set_transaction(*scope, characteristics, cancel);
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

    /// Behind the end of a transaction that had these options.
    fn go_on(&mut self, after: AfterTransaction, options: Options) -> Result<()> {
        match after {
            AfterTransaction::Nothing => Ok(()),
            AfterTransaction::Chain => self.begin(options),
            AfterTransaction::Release => {
                self.end_connection();
                Ok(())
            }
        }
    }

    /// SET TRANSACTION.
    fn set_transaction(
        &mut self,
        scope: TransactionScope,
        said: &Characteristics,
        cancel: &Cancel,
    ) -> Result<ResultSet> {
        let mut variables = Vec::new();
        variables.extend(said.isolation.map(|level| ("transaction_isolation", Datum::string(level))));
        variables.extend(said.read_only.map(|on| ("transaction_read_only", Datum::Int(i64::from(on)))));
        let mut warnings = Vec::new();
        match scope {
            TransactionScope::Next if self.transaction.is_some() => {
                let message =
                    "transaction characteristics can't be changed while a transaction is in progress";
                return Err(Error::new(code::IN_TRANSACTION, message));
            }
            TransactionScope::Next => {
                // Tried on a copy, for what is wrong with it.
                for (name, value) in &variables {
                    warnings.extend(self.variables.clone().set(name, Some(value))?);
                }
                self.next = self.options_of(said)?;
            }
            TransactionScope::Session | TransactionScope::Global if said.as_of.is_some() => {
                return Err(Error::new(code::AS_OF, "AS OF TIMESTAMP is said of one transaction"));
            }
            TransactionScope::Session | TransactionScope::Global => {
                for (name, value) in variables {
                    let target = match scope {
                        TransactionScope::Global => SetTarget::Global(name.into()),
                        TransactionScope::Session | TransactionScope::Next => SetTarget::Session(name.into()),
                    };
                    let value = (value.clone(), type_of(&value));
                    warnings.extend(self.assign(&target, Some(value), cancel)?);
                }
            }
        }
        Ok(ResultSet::done(0, 0).with_warnings(warnings))
    }

    /// What is said of a transaction, with the time of AS OF TIMESTAMP found out.
    fn options_of(&self, said: &Characteristics) -> Result<Options> {
        let as_of = said.as_of.as_ref().map(|time| self.time_of(time)).transpose()?;
        let read_committed = said.isolation.map(|level| level == "READ-COMMITTED");
        Ok(Options { pessimistic: None, read_committed, read_only: said.read_only, as_of })
    }

    /// What holds for the next transaction, or for the next statement that is one by itself.
    pub(super) fn next_options(&self) -> Options {
        let snapshot = Options { as_of: self.snapshot, ..Options::default() };
        let settings = self.variables.settings();
        let variables = Options {
            pessimistic: Some(settings.pessimistic),
            read_committed: Some(settings.read_committed),
            read_only: Some(settings.read_only),
            as_of: None,
        };
        self.next.or(snapshot).or(variables)
    }

    /// What SET TRANSACTION said was of a transaction that has ended, though it never began.
    pub(super) fn forget_next(&mut self) {
        self.next = Options::default();
    }

    /// A time to read at: a timestamp of the cluster as a number, or what clocks of the session show.
    pub(super) fn time_of(&self, time: &Datum) -> Result<Timestamp> {
        let ts = as_of::timestamp(time, self.zone())?;
        if ts > self.database.cluster().last_timestamp() {
            // It may be that nobody has asked for the time in a while.
            let mut client = self.client.fork();
            let now = client.runtime().block_on(client.timestamp())?;
            if ts > now {
                return Err(as_of::wrong("cannot set read timestamp to a future time"));
            }
        }
        Ok(ts)
    }

    /// Begins a transaction that sees the newest version of the schema.
    pub(super) fn begin(&mut self, options: Options) -> Result<()> {
        let mut version = self.database.catalog();
        let options = options.or(self.next_options());
        let transaction = match options.as_of {
            Some(ts) => self.client.begin(ts),
            None => {
                let (ts, pin) = loop {
                    // After the version was taken: whatever it names was there before.
                    let snapshot = self.client.runtime().block_on(self.client.snapshot())?;
                    let now = self.database.catalog();
                    // And before another one: what that one names others may have written to elsewhere.
                    if now.number() == version.number() {
                        break snapshot;
                    }
                    version = now;
                };
                let transaction = match options.pessimistic {
                    Some(true) => self.client.begin_pessimistic(ts),
                    Some(false) | None => self.client.begin(ts),
                };
                drop(pin);
                transaction
            }
        };
        self.next = Options::default();
        self.variables.current_ts = transaction.start_ts();
        let (tables, locked, savepoints) = Default::default();
        self.transaction = Some(Active { transaction, version, tables, locked, savepoints, options });
        self.show_transaction(Stage::Running, None);
        Ok(())
    }

    /// Lets others see the transaction as it is now, or that there is none.
    pub(super) fn show_transaction(&mut self, stage: Stage, statement: Option<&str>) {
        let Some(active) = &self.transaction else {
            if let Some(shown) = &self.shown {
                shown.clear();
            }
            return;
        };
        let trx = Trx {
            id: active.transaction.start_ts(),
            user: Arc::clone(&self.identity.user),
            database: self.current.clone(),
            // The server shows what its connections run.
            statement: statement.filter(|_| !self.remote).map(Arc::from),
            tables: active.tables.iter().map(|written| written.table.id).collect(),
        };
        let (keys, bytes) = (active.transaction.len(), active.transaction.bytes());
        let enter = || self.database.shared().transactions.enter(self.id);
        let shown = self.shown.get_or_insert_with(enter);
        shown.count(stage, keys, bytes);
        shown.show(trx);
    }

    /// Bytes of memory that what the transaction has written takes.
    pub(super) fn buffered_bytes(&self) -> u64 {
        self.transaction.as_ref().map_or(0, |active| active.transaction.bytes() as u64)
    }

    /// Bytes of memory that a statement may use, together with what its transaction has written.
    pub(super) fn memory_quota(&self, planned: &Planned) -> u64 {
        let of_hint = planned.query.limits.memory_quota_bytes;
        of_hint.unwrap_or(self.variables.settings().memory_quota)
    }

    /// Whether a statement's changes fit into what its transaction may hold in memory: 8175 if not.
    pub(super) fn check_buffer(&self, planned: &Planned, changes: &[Mutation]) -> Result<()> {
        let limit = self.memory_quota(planned);
        // Without a limit there is nothing to be weighed.
        if self.transaction.is_none() || limit == u64::MAX {
            return Ok(());
        }
        match self.buffered_bytes().saturating_add(bytes_of(changes) as u64) > limit {
            true => Err(allod_executor::Error::Memory { limit }.into()),
            false => Ok(()),
        }
    }

    /// Under `autocommit = 0` begins a transaction, if there is none, for a statement that needs one.
    pub(super) fn begin_unless_autocommit(&mut self) -> Result<()> {
        if self.transaction.is_some() || self.variables.settings().autocommit {
            return Ok(());
        }
        self.begin(Options::default())
    }

    /// Ends the transaction, if there is one, and leaves nothing of it.
    pub(super) fn roll_back(&mut self) {
        if let Some(Active { transaction, tables, .. }) = self.leave_transaction() {
            drop(tables);
            self.client.runtime().block_on(transaction.roll_back(&mut self.client));
            if let Some(shown) = &self.shown {
                shown.clear();
            }
        }
        self.end_rows();
    }

    /// From now on there is no transaction; what it wrote is with the caller.
    fn leave_transaction(&mut self) -> Option<Active> {
        self.variables.current_ts = Timestamp::default();
        self.transaction.take()
    }

    /// Commits the transaction, if there is one. Whatever happens, there is none afterwards. Who cancels it in time, while it
    /// waits for others, has it rolled back.
    pub(crate) fn commit(&mut self, cancel: &Cancel) -> Result<()> {
        let committed = self.commit_transaction(cancel);
        self.end_rows();
        committed
    }

    fn commit_transaction(&mut self, cancel: &Cancel) -> Result<()> {
        let Some(Active { transaction, tables, locked, version, savepoints, options: _ }) =
            self.leave_transaction()
        else {
            return Ok(());
        };
        drop(savepoints);
        if let Some(shown) = &self.shown {
            shown.commits();
        }
        let start_ts = transaction.start_ts();
        self.client.interrupt_by(cancel.into());
        let outcome = self.client.runtime().block_on(transaction.commit(&mut self.client));
        if let Some(committed) = self.client.committed().filter(|committed| committed.start_ts == start_ts) {
            self.variables.last.committed = Some(committed);
        }
        self.client.interrupt_by(Interrupt::default());
        if let Err(storage::Error::Interrupted) = outcome {
            // Who interrupted it says why.
            cancel.check()?;
        }
        let outcome = outcome?;
        let written: Vec<&Arc<TableDescriptor>> =
            tables.iter().map(|w| w.layout.as_ref().unwrap_or(&w.table)).chain(&locked).collect();
        allod_executor::committed(outcome, &written)?;
        drop(version);
        for Written { table, counters, layout: _, rows, _guard: guard } in tables {
            // DDL that has the right to publish may be waiting for this.
            drop(guard);
            if counters.growth.note(rows.inserted, rows.deleted) {
                self.tell_rows(&table);
            }
        }
        Ok(())
    }
}

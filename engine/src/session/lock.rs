//! Statements of pessimistic transactions: they lock what they are about, and run again until that is what they have read.
//!
//! ```text
//! read at the present, own writes on top ── keys ── lock them ── locked: the statement is done
//!          ▲                                            │
//!          └── a key was changed since, or waited for ──┘        no lock: 1205, 1213, 3572
//! ```
//!
//! What is locked are the rows (their keys in the table's records) and the keys of unique indexes: whoever changes an entry of
//! another index changes, and so locks, its row. Where a row is looked for by its whole key, that key is locked even if there
//! is no row (but not under READ COMMITTED), as in TiDB; other gaps are not. A lock is kept until the transaction ends, also if
//! a savepoint is gone back to. After a deadlock the whole transaction is gone, as in MySQL.
//!
//! SELECT … FOR UPDATE is such a statement, too, and so is one with such a query anywhere in it: its plan says which rows it
//! wants locked ([`WantedLocks`]), and its rows are handed out when they are. With SKIP LOCKED its rows are locked as they come
//! ([`SkipLocked`]). Outside of a transaction it locks nothing, as in TiDB.
//!
//! What was left out: locks that several may share: FOR SHARE locks as FOR UPDATE does (`tidb_enable_shared_lock_promotion`).
//!
//! A wait ends when the statement is cancelled or out of time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use allod_executor::{Affected, Cancel, Locking, OperatorMetrics, WantedLocks};
use allod_planner::bind::{Dml, SkipLocked, SkippedTable};
use allod_planner::physical::{LockStrength, LockingWait};
use allod_storage::client::{Interrupt, LockOutcome, LockWait};
use allod_storage::key::Key;
use allod_storage::percolator::Mutation;
use allod_storage::runtime::now;
use allod_storage::schema::{PartitionDescriptor, TableDescriptor};
use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;

use super::Session;
use super::diagnostics::told;
use super::statement::Planned;
use super::transaction::Options;
use crate::error::{Error, Result, code};
use crate::result::Warning;

/// How often a statement is run again because it read what was changed in the meantime (TiDB's `max-retry-count`).
const ATTEMPTS_MAX: usize = 256;
/// Who has lost so often locks what it has found, as it is by then, before it looks again (InnoDB locks what it passes, too).
/// Otherwise short statements of others would keep a long one from ever finding all its rows unchanged.
const LOSSES_MAX: usize = 2;
/// How often it tries that between two looks: the time between a timestamp and its locks is short.
const GRABS_MAX: usize = 8;

/// What became of an attempt to lock.
pub(super) enum Locked {
    /// All is locked, but the keys that were to be skipped.
    Yes {
        /// In order.
        skipped: Vec<Key>,
    },
    /// The statement is to run again.
    Again,
}

/// How long a statement has waited for locks, and how often it still runs.
pub(super) struct Patience {
    waited: Duration,
    attempts: usize,
}

impl Patience {
    pub fn new() -> Patience {
        Patience { waited: Duration::ZERO, attempts: ATTEMPTS_MAX }
    }
}

/// A change of rows that has been done.
pub(super) struct Changed {
    pub affected: Affected,
    /// What there is to say, and how much there was in all.
    pub said: (Vec<Warning>, u64),
    /// What was measured, if it was.
    pub metrics: BTreeMap<u32, OperatorMetrics>,
}

/// A query that has been run to its end.
pub(super) struct Answered {
    pub batches: Vec<RecordBatch>,
    /// What there is to say, and how much there was in all.
    pub said: (Vec<Warning>, u64),
    /// What was measured, if it was.
    pub metrics: BTreeMap<u32, OperatorMetrics>,
}

impl Session {
    /// Whether the locking clauses of a statement lock.
    pub(super) fn locking(&self, planned: &Planned) -> Locking {
        match &self.transaction {
            Some(active) if active.as_of().is_none() => match &planned.dml {
                // What it changes, and only that, conflicts at the commit.
                Some(Dml::Update { .. } | Dml::Delete { .. }) if !active.is_pessimistic() => Locking::Off,
                _ if active.is_pessimistic() && active.is_read_committed() => Locking::Rows,
                _ => Locking::Keys,
            },
            Some(_) | None => Locking::Off,
        }
    }

    /// Runs a change of rows to its end: commits it, or locks what it changes and adds it to the transaction. If it is one by
    /// itself and somebody has locked what it changes, or has changed it meanwhile, it takes its place in the line as a
    /// pessimistic transaction, and waits as long as one does (TiDB also tries a statement optimistically first, and then with
    /// locks). Without locks a long change would lose against short ones for ever: the longer it runs, the more of them come.
    pub(super) fn change(&mut self, planned: &Planned, cancel: &Cancel, analyze: bool) -> Result<Changed> {
        let is_alone = self.transaction.is_none();
        match self.change_within(planned, cancel, analyze) {
            Err(error)
                if is_alone && [code::LOCK_WAIT_TIMEOUT, code::WRITE_CONFLICT].contains(&error.code()) => {}
            ended => return ended,
        }
        self.begin(Options { pessimistic: Some(true), ..Options::default() })?;
        let ended = self.change_within(planned, cancel, analyze).and_then(|changed| {
            self.commit(cancel)?;
            Ok(changed)
        });
        if ended.is_err() {
            self.roll_back();
        }
        ended
    }

    /// The same, once, in the transaction if there is one.
    fn change_within(&mut self, planned: &Planned, cancel: &Cancel, analyze: bool) -> Result<Changed> {
        let mut patience = Patience::new();
        self.note_locked(planned);
        loop {
            // Of a run that counts for nothing.
            self.asks_none.last.take_insert_id();
            let mut running = self.start(planned, cancel, analyze)?;
            running.try_for_each(|batch| batch.map(drop))?;
            let mut wanted = running.execution.take_locks();
            if let (Some(active), Some(_)) = (&self.transaction, &planned.dml)
                && active.is_pessimistic()
            {
                let keys = rows_and_unique(&running.written(), running.execution.changes());
                wanted.push(WantedLocks { strength: LockStrength::Update, wait: LockingWait::Wait, keys });
            }
            if let Locked::Again = self.lock_all(wanted, &mut patience, cancel)? {
                continue;
            }
            if let Some(active) = &self.transaction {
                // What is locked stays as it is seen now; what is not will be looked at again at the commit.
                let settings = self.variables.settings();
                let everywhere = match active.is_pessimistic() {
                    true => settings.checks_in_place_pessimistic,
                    false => settings.checks_in_place,
                };
                match running.execution.check_free(everywhere) {
                    // It looked for what was not shown to it yet, and now is.
                    Err(allod_executor::Error::WriteConflict { .. })
                        if active.is_pessimistic() && patience.attempts > 1 =>
                    {
                        patience.attempts -= 1;
                        continue;
                    }
                    outcome => outcome?,
                }
            }
            self.check_buffer(planned, running.execution.changes())?;
            let affected = running.execution.affected();
            let said = told(&mut running);
            let metrics = if analyze { running.execution.metrics() } else { BTreeMap::new() };
            self.leave(running);
            return Ok(Changed { affected, said, metrics });
        }
    }

    /// Runs a query to its end that locks rows, within a transaction, or that assigns to user variables.
    pub(super) fn query_and_lock(
        &mut self,
        planned: &Planned,
        cancel: &Cancel,
        analyze: bool,
    ) -> Result<Answered> {
        let mut patience = Patience::new();
        self.note_locked(planned);
        loop {
            let mut running = self.start(planned, cancel, analyze)?;
            let batches = running.by_ref().collect::<Result<Vec<_>>>()?;
            let wanted = running.execution.take_locks();
            if let Locked::Yes { .. } = self.lock_all(wanted, &mut patience, cancel)? {
                let metrics = if analyze { running.execution.metrics() } else { BTreeMap::new() };
                self.take_assigned(&running);
                return Ok(Answered { batches, said: told(&mut running), metrics });
            }
        }
    }

    /// Tables of which rows are locked are part of the transaction.
    fn note_locked(&mut self, planned: &Planned) {
        if let Some(active) = &mut self.transaction {
            active.note_locked(planned.locked.iter());
        }
    }

    /// Locks what a statement wants locked; first what it does not want to wait for.
    fn lock_all(
        &mut self,
        mut wanted: Vec<WantedLocks>,
        patience: &mut Patience,
        cancel: &Cancel,
    ) -> Result<Locked> {
        wanted.sort_by_key(|locks| locks.wait);
        for WantedLocks { wait, keys, .. } in wanted {
            let wait = match wait {
                LockingWait::Wait => LockWait::For(self.variables.settings().lock_wait),
                LockingWait::Seconds(seconds) => LockWait::For(Duration::from_secs(seconds)),
                LockingWait::No => LockWait::No,
            };
            if let Locked::Again = self.lock(keys, wait, patience, cancel)? {
                return Ok(Locked::Again);
            }
        }
        Ok(Locked::Yes { skipped: Vec::new() })
    }

    /// Locks keys for the transaction, if there is one.
    fn lock(
        &mut self,
        keys: Vec<Key>,
        wait: LockWait,
        patience: &mut Patience,
        cancel: &Cancel,
    ) -> Result<Locked> {
        let Some(active) = self.transaction.as_mut().filter(|_| !keys.is_empty()) else {
            return Ok(Locked::Yes { skipped: Vec::new() });
        };
        let begun = now();
        let waited = patience.waited;
        let left = || match wait {
            LockWait::For(limit) => LockWait::For(limit.saturating_sub(waited + (now() - begun))),
            LockWait::No | LockWait::Skip => wait,
        };
        self.client.interrupt_by(cancel.into());
        if let Some(shown) = &self.shown {
            shown.locks(Some(chrono::Utc::now().timestamp_micros()));
        }
        let has_lost = ATTEMPTS_MAX - patience.attempts >= LOSSES_MAX;
        let found = has_lost.then(|| keys.clone());
        let mut outcome = active.lock(&mut self.client, keys, left());
        for found in found.iter().flat_map(|found| std::iter::repeat_n(found, GRABS_MAX)) {
            let Ok(LockOutcome::Conflict(conflict)) = outcome else { break };
            outcome = active.lock(&mut self.client, found.clone(), left());
            if let Ok(LockOutcome::Locked { .. }) = outcome {
                // They are its own from now on; what has been read is out of date nevertheless.
                outcome = Ok(LockOutcome::Conflict(conflict));
                break;
            }
        }
        if let Some(shown) = &self.shown {
            shown.locks(None);
        }
        self.client.interrupt_by(Interrupt::default());
        patience.waited += now() - begun;
        let outcome = match outcome {
            Err(error) => {
                // Who interrupted it says why.
                cancel.check()?;
                return Err(error);
            }
            Ok(outcome) => outcome,
        };
        match outcome {
            LockOutcome::Locked { skipped, existing: _ } => Ok(Locked::Yes { skipped }),
            LockOutcome::Conflict(_) if patience.attempts > 1 => {
                patience.attempts -= 1;
                Ok(Locked::Again)
            }
            LockOutcome::Conflict(_) => {
                let message = format!(
                    "write conflict: the statement was run {ATTEMPTS_MAX} times, and others were faster"
                );
                Err(Error::new(code::WRITE_CONFLICT, message))
            }
            LockOutcome::TimedOut { .. } => {
                let message = "lock wait timeout exceeded; try restarting transaction";
                Err(Error::new(code::LOCK_WAIT_TIMEOUT, message))
            }
            LockOutcome::Busy { .. } => {
                let message =
                    "statement aborted because lock(s) could not be acquired immediately and NOWAIT is set";
                Err(Error::new(code::LOCK_NOWAIT, message))
            }
            LockOutcome::Deadlock(_) => {
                self.roll_back();
                let message = "deadlock found when trying to get lock; try restarting transaction";
                Err(Error::new(code::DEADLOCK, message))
            }
            LockOutcome::Aborted { .. } => {
                self.roll_back();
                let message = "write conflict: the transaction took so long that others have rolled it back";
                Err(Error::new(code::WRITE_CONFLICT, message))
            }
        }
    }
}

impl Session {
    /// Runs a query with SKIP LOCKED, within a transaction.
    pub(super) fn query_and_skip(
        &mut self,
        planned: &Planned,
        skip: &SkipLocked,
        cancel: &Cancel,
    ) -> Result<Vec<RecordBatch>> {
        let mut patience = Patience::new();
        if let Some(active) = &mut self.transaction {
            active.note_locked(skip.tables.iter().map(|skipped| &skipped.table));
        }
        loop {
            if let Some(batches) = self.try_lock_rows(planned, skip, cancel, &mut patience)? {
                return Ok(batches);
            }
        }
    }

    /// One run; `None` = once more. What it has locked stays locked.
    fn try_lock_rows(
        &mut self,
        planned: &Planned,
        skip: &SkipLocked,
        cancel: &Cancel,
        patience: &mut Patience,
    ) -> Result<Option<Vec<RecordBatch>>> {
        let mut running = self.start(planned, cancel, false)?;
        let mut kept = Vec::new();
        // Rows are locked a few at a time, no more than are wanted.
        let (offset, mut left) = skip.limit;
        let mut pass = usize::try_from(offset).unwrap_or(usize::MAX);
        while left != Some(0)
            && let Some(batch) = running.next()
        {
            let batch = batch?;
            let mut at = 0;
            while at < batch.num_rows() && left != Some(0) {
                let rest = batch.num_rows() - at;
                let wanted =
                    left.map_or(rest, |left| usize::try_from(left).unwrap_or(rest).saturating_add(pass));
                let piece = batch.slice(at, wanted.min(rest));
                at += piece.num_rows();
                let Some(rows) = self.lock_rows(&piece, skip, patience, cancel)? else { return Ok(None) };
                let passed = pass.min(rows.num_rows());
                pass -= passed;
                let rows = rows.slice(passed, rows.num_rows() - passed);
                left = left.map(|left| left.saturating_sub(rows.num_rows() as u64));
                kept.push(visible(&rows, skip)?);
            }
        }
        Ok(Some(kept))
    }

    /// Locks what the rows are made of; those of which nothing had to be skipped. `None`: the statement is to run again.
    fn lock_rows(
        &mut self,
        rows: &RecordBatch,
        skip: &SkipLocked,
        patience: &mut Patience,
        cancel: &Cancel,
    ) -> Result<Option<RecordBatch>> {
        let mut keys: Vec<Vec<Option<Key>>> = Vec::with_capacity(skip.tables.len());
        for SkippedTable { table, partition, columns } in &skip.tables {
            let (ordinals, at): (Vec<usize>, Vec<usize>) = columns.iter().copied().unzip();
            let columns: Vec<_> = at.iter().map(|&at| Arc::clone(rows.column(at))).collect();
            keys.push(allod_executor::record_keys(table, partition.as_ref(), &ordinals, &columns)?);
        }
        let wanted = keys.iter().flatten().flatten().cloned().collect();
        match self.lock(wanted, LockWait::Skip, patience, cancel)? {
            Locked::Again => Ok(None),
            Locked::Yes { skipped } if skipped.is_empty() => Ok(Some(rows.clone())),
            Locked::Yes { skipped } => {
                let is_skipped =
                    |key: &Option<Key>| key.as_ref().is_some_and(|key| skipped.binary_search(key).is_ok());
                let is_kept = |row: usize| !keys.iter().any(|keys| is_skipped(&keys[row]));
                let mask: BooleanArray = (0..rows.num_rows()).map(|row| Some(is_kept(row))).collect();
                Ok(Some(filter_record_batch(rows, &mask).map_err(Error::internal)?))
            }
        }
    }
}

/// The rows of a query with SKIP LOCKED outside of a transaction: nothing is locked, and so nothing skipped.
pub(super) struct Unlocked<I> {
    batches: I,
    skip: SkipLocked,
}

impl<I> Unlocked<I> {
    pub fn new(batches: I, skip: SkipLocked) -> Unlocked<I> {
        Unlocked { batches, skip }
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> Iterator for Unlocked<I> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let (offset, count) = &mut self.skip.limit;
        if *count == Some(0) {
            return None;
        }
        let rows = match self.batches.next()? {
            Ok(rows) => rows,
            Err(error) => return Some(Err(error)),
        };
        let all = rows.num_rows() as u64;
        let passed = all.min(*offset);
        *offset -= passed;
        let taken = (all - passed).min(count.unwrap_or(u64::MAX));
        if let Some(count) = count {
            *count -= taken;
        }
        // Both are at most the number of rows.
        Some(visible(&rows.slice(passed as usize, taken as usize), &self.skip))
    }
}

/// The columns that the query asked for.
fn visible(rows: &RecordBatch, skip: &SkipLocked) -> Result<RecordBatch> {
    let columns: Vec<usize> = (0..skip.visible).collect();
    rows.project(&columns).map_err(Error::internal)
}

/// The keys of rows and of unique indexes among those that a statement changes.
fn rows_and_unique(tables: &[&Arc<TableDescriptor>], changes: &[Mutation]) -> Vec<Key> {
    let mut keys = Vec::with_capacity(changes.len());
    for changes in changes.chunk_by(|a, b| a.key.space() == b.key.space()) {
        let Some(space) = changes[0].key.space() else { continue };
        let is_plain_index = tables.iter().any(|table| {
            let place = |p: &PartitionDescriptor| p.indexes.iter().position(|id| *id == space);
            table.partitions.iter().find_map(place).is_some_and(|i| !table.indexes[i].unique)
        });
        if !is_plain_index {
            keys.extend(changes.iter().map(|change| change.key.clone()));
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use crate::Database;

    #[test]
    fn changes_by_themselves_end_whoever_they_meet() {
        const WRITERS: usize = 4;
        const ROUNDS: usize = 15;
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id bigint primary key, v bigint, key v (v))").unwrap();
        let rows: Vec<String> = (0..400).map(|id| format!("({id}, 0)")).collect();
        session.run(&format!("insert into t values {}", rows.join(", "))).unwrap();
        drop(session.execute("split table t by (50), (100), (200), (300)").unwrap());
        let together = std::sync::Barrier::new(WRITERS);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (database, together) = (&database, &together);
                scope.spawn(move || {
                    let mut session = database.session();
                    for round in 0..ROUNDS {
                        together.wait();
                        // They go through the same rows by different ways, and meet in each of them.
                        let by = match (writer + round) % 3 {
                            0 => "id >= 0",
                            1 => "v >= 0",
                            _ => "id < 400 order by id desc",
                        };
                        session.run(&format!("update t set v = v + 1 where {by}")).unwrap();
                    }
                });
            }
        });
        let ends = session
            .execute("select min(v), max(v), count(*) from t")
            .unwrap()
            .rows()
            .next()
            .unwrap()
            .unwrap();
        let sum = (WRITERS * ROUNDS) as i64;
        let found = [0, 1, 2].map(|column| ends.get::<i64>(column).unwrap());
        assert_eq!(found, [sum, sum, 400]);
    }
}

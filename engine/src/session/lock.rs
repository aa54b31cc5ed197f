//! Statements of pessimistic transactions: they lock what they are about, and run again until that is what they have read.
//!
//! ```text
//! read at the present, own writes on top ── keys ── lock them ── locked: the statement is done
//!          ▲                                            │
//!          └── a key was changed since, or waited for ──┘        no lock: 1205, 1213, 3572
//! ```
//!
//! What is locked are the rows (their keys in the table's records) and the keys of unique indexes: whoever changes an entry of
//! another index changes, and so locks, its row. A lock is kept until the transaction ends, also if a savepoint is gone back
//! to. A statement that gives up has locked nothing; after a deadlock the whole transaction is gone, as in MySQL.
//!
//! SELECT … FOR UPDATE is such a statement, too: its plan returns the columns of the tables whose rows it locks behind its own
//! ([`Locking`]), which are taken off here. Outside of a transaction it locks nothing, as in TiDB.
//!
//! What was left out: locks on what is not there (MySQL's gaps, TiDB's keys of point reads that find nothing), and locks that
//! several may share: FOR SHARE locks as FOR UPDATE does.
//!
//! A wait is cut into pieces, so that a statement that is waiting can be cancelled; after each piece it runs again, for what it
//! had read is old by then.

use std::collections::BTreeMap;
use std::time::Duration;

use allod_executor::{Affected, Cancel, OperatorMetrics};
use allod_planner::bind::{LockedTable, Locking, LockingWait};
use allod_storage::client::{LockOutcome, LockWait};
use allod_storage::key::Key;
use allod_storage::percolator::Mutation;
use allod_storage::schema::TableDescriptor;
use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};

use super::Session;
use super::statement::Planned;
use crate::error::{Error, Result, code};

/// How often a statement is run again because it read what was changed in the meantime (TiDB's `max-retry-count`).
const ATTEMPTS_MAX: usize = 256;
/// A piece of a wait.
const PIECE: Duration = Duration::from_secs(1);

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

/// What became of a batch of rows.
enum Kept {
    /// These could be locked.
    Rows(RecordBatch),
    /// The statement is to run again.
    Again,
}

/// How long a statement still waits for locks, and how often it still runs.
pub(super) struct Patience {
    wait: LockWait,
    attempts: usize,
}

/// A change of rows that has been done.
pub(super) struct Changed {
    pub affected: Affected,
    /// What was measured, if it was.
    pub metrics: BTreeMap<u32, OperatorMetrics>,
}

impl Session {
    /// The patience of a statement that waits for locks as the session's variable says.
    pub(super) fn patience(&self) -> Patience {
        Patience { wait: LockWait::For(self.variables.settings().lock_wait), attempts: ATTEMPTS_MAX }
    }

    /// Runs a change of rows to its end: commits it, or locks what it changes and adds it to the transaction.
    pub(super) fn change(&mut self, planned: &Planned, cancel: &Cancel, analyze: bool) -> Result<Changed> {
        let mut patience = self.patience();
        loop {
            let mut running = self.start(planned, cancel, analyze)?;
            running.try_for_each(|batch| batch.map(drop))?;
            let keys = match (&self.transaction, &planned.dml) {
                (Some(active), Some(dml)) if active.is_pessimistic() => {
                    rows_and_unique(&dml.table, running.execution.changes())
                }
                _ => Vec::new(),
            };
            if let Locked::Again = self.lock(keys, &mut patience)? {
                // It looks whether it is cancelled when it begins.
                continue;
            }
            let affected = running.execution.affected();
            let metrics = if analyze { running.execution.metrics() } else { BTreeMap::new() };
            self.leave(running);
            return Ok(Changed { affected, metrics });
        }
    }

    /// Locks keys for the transaction, if there is one.
    pub(super) fn lock(&mut self, keys: Vec<Key>, patience: &mut Patience) -> Result<Locked> {
        let Some(active) = self.transaction.as_mut().filter(|_| !keys.is_empty()) else {
            return Ok(Locked::Yes { skipped: Vec::new() });
        };
        let piece = match patience.wait {
            LockWait::For(left) => LockWait::For(left.min(PIECE)),
            other => other,
        };
        match active.lock(&mut self.client, keys, piece)? {
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
            LockOutcome::TimedOut { .. } => match patience.wait {
                LockWait::For(left) if left > PIECE => {
                    patience.wait = LockWait::For(left - PIECE);
                    Ok(Locked::Again)
                }
                LockWait::For(_) | LockWait::No | LockWait::Skip => {
                    let message = "lock wait timeout exceeded; try restarting transaction";
                    Err(Error::new(code::LOCK_WAIT_TIMEOUT, message))
                }
            },
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
    /// Runs a query that locks the rows it returns, within a transaction.
    pub(super) fn query_and_lock(
        &mut self,
        planned: &Planned,
        locking: &Locking,
        cancel: &Cancel,
    ) -> Result<Vec<RecordBatch>> {
        let wait = match locking.wait {
            LockingWait::Wait => self.patience().wait,
            LockingWait::No => LockWait::No,
            LockingWait::Skip => LockWait::Skip,
        };
        let mut patience = Patience { wait, attempts: ATTEMPTS_MAX };
        if let Some(active) = &mut self.transaction {
            active.note_locked(locking.tables.iter().map(|locked| &locked.table));
        }
        loop {
            if let Some(batches) = self.try_lock_rows(planned, locking, cancel, &mut patience)? {
                return Ok(batches);
            }
        }
    }

    /// One run; `None` = once more. What it has locked stays locked.
    fn try_lock_rows(
        &mut self,
        planned: &Planned,
        locking: &Locking,
        cancel: &Cancel,
        patience: &mut Patience,
    ) -> Result<Option<Vec<RecordBatch>>> {
        let mut running = self.start(planned, cancel, false)?;
        let mut kept = Vec::new();
        // Without SKIP LOCKED the plan has the limit, and all rows are locked at once or none.
        let Some((offset, count)) =
            locking.limit.or((locking.wait == LockingWait::Skip).then_some((0, None)))
        else {
            let batches = running.collect::<Result<Vec<_>>>()?;
            if let Some(first) = batches.first() {
                let all = concat_batches(&first.schema(), &batches).map_err(Error::internal)?;
                match self.lock_rows(&all, locking, patience)? {
                    Kept::Rows(rows) => kept.push(visible(&rows, locking)?),
                    Kept::Again => return Ok(None),
                }
            }
            return Ok(Some(kept));
        };
        // Rows are locked a few at a time, no more than are wanted.
        let (mut skip, mut left) = (usize::try_from(offset).unwrap_or(usize::MAX), count);
        while left != Some(0)
            && let Some(batch) = running.next()
        {
            let batch = batch?;
            let mut at = 0;
            while at < batch.num_rows() && left != Some(0) {
                let rest = batch.num_rows() - at;
                let wanted =
                    left.map_or(rest, |left| usize::try_from(left).unwrap_or(rest).saturating_add(skip));
                let piece = batch.slice(at, wanted.min(rest));
                at += piece.num_rows();
                let Kept::Rows(rows) = self.lock_rows(&piece, locking, patience)? else { return Ok(None) };
                let passed = skip.min(rows.num_rows());
                skip -= passed;
                let rows = rows.slice(passed, rows.num_rows() - passed);
                left = left.map(|left| left.saturating_sub(rows.num_rows() as u64));
                kept.push(visible(&rows, locking)?);
            }
        }
        Ok(Some(kept))
    }

    /// Locks what the rows are made of; those of which nothing had to be skipped.
    fn lock_rows(&mut self, rows: &RecordBatch, locking: &Locking, patience: &mut Patience) -> Result<Kept> {
        let mut keys: Vec<Vec<Option<Key>>> = Vec::with_capacity(locking.tables.len());
        for LockedTable { table, partition, first } in &locking.tables {
            let columns = &rows.columns()[*first..*first + table.columns.len()];
            keys.push(allod_executor::record_keys(table, partition.as_deref(), columns)?);
        }
        let wanted = keys.iter().flatten().flatten().cloned().collect();
        match self.lock(wanted, patience)? {
            Locked::Again => Ok(Kept::Again),
            Locked::Yes { skipped } if skipped.is_empty() => Ok(Kept::Rows(rows.clone())),
            Locked::Yes { skipped } => {
                let is_skipped =
                    |key: &Option<Key>| key.as_ref().is_some_and(|key| skipped.binary_search(key).is_ok());
                let is_kept = |row: usize| !keys.iter().any(|keys| is_skipped(&keys[row]));
                let mask: BooleanArray = (0..rows.num_rows()).map(|row| Some(is_kept(row))).collect();
                Ok(Kept::Rows(filter_record_batch(rows, &mask).map_err(Error::internal)?))
            }
        }
    }
}

/// The rows of a query that would lock them, outside of a transaction: nothing is locked, and so nothing skipped.
pub(super) struct Unlocked<I> {
    batches: I,
    locking: Locking,
}

impl<I> Unlocked<I> {
    pub fn new(batches: I, locking: Locking) -> Unlocked<I> {
        Unlocked { batches, locking }
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> Iterator for Unlocked<I> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let Some((offset, count)) = &mut self.locking.limit else {
            return Some(self.batches.next()?.and_then(|rows| visible(&rows, &self.locking)));
        };
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
        Some(visible(&rows.slice(passed as usize, taken as usize), &self.locking))
    }
}

/// The columns that the query asked for.
fn visible(rows: &RecordBatch, locking: &Locking) -> Result<RecordBatch> {
    let columns: Vec<usize> = (0..locking.visible).collect();
    rows.project(&columns).map_err(Error::internal)
}

/// The keys of rows and of unique indexes among those that a statement changes.
fn rows_and_unique(table: &TableDescriptor, changes: &[Mutation]) -> Vec<Key> {
    let mut keys = Vec::with_capacity(changes.len());
    for changes in changes.chunk_by(|a, b| a.key.space() == b.key.space()) {
        let Some(space) = changes[0].key.space() else { continue };
        let is_plain_index = table.partitions.iter().any(|partition| {
            partition.indexes.iter().position(|id| *id == space).is_some_and(|i| !table.indexes[i].unique)
        });
        if !is_plain_index {
            keys.extend(changes.iter().map(|change| change.key.clone()));
        }
    }
    keys
}

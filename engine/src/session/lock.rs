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
//! A wait is cut into pieces, so that a statement that is waiting can be cancelled; after each piece it runs again, for what it
//! had read is old by then.

use std::collections::BTreeMap;
use std::time::Duration;

use allod_executor::{Affected, Cancel, OperatorMetrics};
use allod_storage::client::{LockOutcome, LockWait};
use allod_storage::key::Key;
use allod_storage::percolator::Mutation;
use allod_storage::schema::TableDescriptor;

use super::Session;
use super::statement::Planned;
use crate::error::{Error, Result, code};

/// How often a statement is run again because it read what was changed in the meantime (TiDB's `max-retry-count`).
const ATTEMPTS_MAX: usize = 256;
/// A piece of a wait.
const PIECE: Duration = Duration::from_secs(1);

/// What became of an attempt to lock.
pub(super) enum Locked {
    /// All is locked.
    Yes,
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
            return Ok(Locked::Yes);
        };
        let piece = match patience.wait {
            LockWait::For(left) => LockWait::For(left.min(PIECE)),
            other => other,
        };
        match active.lock(&mut self.client, keys, piece)? {
            LockOutcome::Locked { .. } => Ok(Locked::Yes),
            LockOutcome::Conflict { .. } if patience.attempts > 1 => {
                patience.attempts -= 1;
                Ok(Locked::Again)
            }
            LockOutcome::Conflict { .. } => {
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

//! PessimisticLock: locks keys for a transaction that has not decided yet what to write.
//!
//! Such a lock keeps other writers out, and readers do not mind it. It is taken at a *for-update timestamp*: if anyone has
//! committed a change to the key later than that, the statement has not seen it, and must look again. Once the lock is held,
//! a prewrite of the key cannot fail for what others do.

use std::sync::Arc;

use imbl::OrdMap;

use super::Conflict;
use crate::key::Key;
use crate::mvcc::{Lock, LockInfo, LockOp, Records};
use crate::schema::Timestamp;

/// Locks keys before it is known what they will hold.
#[derive(Clone, Debug)]
pub struct PessimisticLock {
    /// In any order; each key once.
    pub keys: Vec<Key>,
    /// The transaction's primary key, as far as it is known.
    pub primary: Key,
    /// The transaction.
    pub start_ts: Timestamp,
    /// What was committed up to here the statement has seen.
    pub for_update_ts: Timestamp,
    /// How long the locks live, from `start_ts` on.
    pub ttl_ms: u64,
}

/// What became of a [`PessimisticLock`].
#[derive(Clone, Debug, PartialEq)]
pub enum PessimisticLockOutcome {
    /// All keys are locked.
    Done {
        /// Those that hold a row, in the order of the command.
        existing: Vec<Key>,
    },
    /// Other transactions hold these locks.
    Locked(Vec<LockInfo>),
    /// Someone committed a change to the key that the statement has not seen.
    WriteConflict(Conflict),
    /// The transaction is over: it was rolled back by someone who found its lock expired, or this command is very late.
    Aborted {
        /// The key that says so.
        key: Key,
    },
    /// The transaction began before the region's safe timestamp: what it would conflict with may be forgotten.
    TooOld {
        /// The region's safe timestamp.
        safe_ts: Timestamp,
    },
}

/// What a transaction that locks before it writes tells with its prewrites.
#[derive(Clone, Debug, Default)]
pub struct Pessimistic {
    /// What was committed up to here its statements have seen.
    pub for_update_ts: Timestamp,
    /// The keys that it has locked, each with the for-update timestamp at which it did.
    pub locked: OrdMap<Key, Timestamp>,
}

/// Applies a [`PessimisticLock`].
pub(crate) fn pessimistic_lock(records: &mut Records, command: PessimisticLock) -> PessimisticLockOutcome {
    let PessimisticLock { keys, primary, start_ts, for_update_ts, ttl_ms } = command;
    let mut blocking = Vec::new();
    for key in &keys {
        match records.locks.get(key) {
            Some(lock) if lock.start_ts == start_ts => continue,
            Some(lock) => {
                blocking.push(lock.info(key));
                continue;
            }
            None => {}
        }
        if records.record_of(key, start_ts).is_some() {
            return PessimisticLockOutcome::Aborted { key: key.clone() };
        }
        if start_ts < records.safe_ts {
            return PessimisticLockOutcome::TooOld { safe_ts: records.safe_ts };
        }
        if let Some(conflict) = Conflict::since(records, key, for_update_ts) {
            return PessimisticLockOutcome::WriteConflict(conflict);
        }
    }
    if !blocking.is_empty() {
        return PessimisticLockOutcome::Locked(blocking);
    }
    let mut existing = Vec::new();
    for key in keys {
        if records.exists(&key) {
            existing.push(key.clone());
        }
        match records.locks.get_mut(&key) {
            // Prewritten: this command is late, and what is there is more.
            Some(lock) if !lock.is_pessimistic() => {}
            Some(lock) => {
                let lock = Arc::make_mut(lock);
                lock.for_update_ts = lock.for_update_ts.max(for_update_ts);
                lock.ttl_ms = lock.ttl_ms.max(ttl_ms);
                lock.primary = primary.clone();
            }
            None => {
                let lock = Lock {
                    primary: primary.clone(),
                    start_ts,
                    ttl_ms,
                    txn_size: 1,
                    min_commit_ts: Timestamp(start_ts.0 + 1),
                    async_commit: None,
                    for_update_ts,
                    op: LockOp::Pessimistic,
                };
                records.locks.insert(key, Arc::new(lock));
            }
        }
    }
    PessimisticLockOutcome::Done { existing }
}

//! Prewrite: puts a transaction's new values aside in locks, if nothing is in the way.

use std::sync::Arc;

use super::{Mutation, MutationOp};
use crate::key::Key;
use crate::mvcc::{Lock, LockInfo, LockOp, Record, Records};
use crate::schema::Timestamp;

/// Puts locks on keys, with the new values in them.
#[derive(Clone, Debug)]
pub struct Prewrite {
    /// In any order; each key once.
    pub mutations: Vec<Mutation>,
    /// The transaction's primary key.
    pub primary: Key,
    /// The transaction's read timestamp, and its identity.
    pub start_ts: Timestamp,
    /// How long the locks live, from `start_ts` on.
    pub ttl_ms: u64,
    /// Keys that the transaction writes in all.
    pub txn_size: usize,
}

/// What became of a [`Prewrite`].
#[derive(Clone, Debug, PartialEq)]
pub enum PrewriteOutcome {
    /// All keys are locked.
    Done,
    /// Other transactions hold these locks.
    Locked(Vec<LockInfo>),
    /// Someone committed a change to the key after the transaction began.
    WriteConflict {
        /// The first such key.
        key: Key,
        /// Who committed it; zero if it was loaded in bulk or is known only from compacted data.
        conflict_start_ts: Timestamp,
        /// When.
        conflict_commit_ts: Timestamp,
    },
    /// The transaction was rolled back, by itself or by someone who found its lock expired.
    Aborted {
        /// The key with the record of it.
        key: Key,
    },
    /// An insert found a row.
    AlreadyExists {
        /// Its key.
        key: Key,
    },
    /// The transaction began before the region's safe timestamp: what it would conflict with may be forgotten.
    TooOld {
        /// The region's safe timestamp.
        safe_ts: Timestamp,
    },
}

/// Applies a [`Prewrite`].
pub(crate) fn prewrite(records: &mut Records, command: Prewrite) -> PrewriteOutcome {
    let start_ts = command.start_ts;
    let mut blocking = Vec::new();
    let mut to_lock = Vec::with_capacity(command.mutations.len());
    for mutation in command.mutations {
        match check_mutation(records, &mutation, start_ts) {
            Check::Free => to_lock.push(mutation),
            Check::DoneBefore => {}
            Check::Locked(info) => blocking.push(info),
            Check::Failed(outcome) => return outcome,
        }
    }
    if !blocking.is_empty() {
        return PrewriteOutcome::Locked(blocking);
    }
    for Mutation { key, op } in to_lock {
        let op = match op {
            MutationOp::Put(row) | MutationOp::Insert(row) => LockOp::Put(row),
            MutationOp::Delete => LockOp::Delete,
            MutationOp::Lock => LockOp::Lock,
        };
        let lock = Lock {
            primary: command.primary.clone(),
            start_ts,
            ttl_ms: command.ttl_ms,
            txn_size: command.txn_size,
            min_commit_ts: Timestamp(start_ts.0 + 1),
            op,
        };
        records.locks.insert(key, Arc::new(lock));
    }
    PrewriteOutcome::Done
}

enum Check {
    Free,
    DoneBefore,
    Locked(LockInfo),
    Failed(PrewriteOutcome),
}

fn check_mutation(records: &Records, mutation: &Mutation, start_ts: Timestamp) -> Check {
    let key = &mutation.key;
    if let Some(lock) = records.locks.get(key) {
        if lock.start_ts == start_ts {
            return Check::DoneBefore;
        }
        return Check::Locked(lock.info(key));
    }
    match records.record_of(key, start_ts) {
        Some(Record::Committed(_)) => return Check::DoneBefore,
        Some(Record::RolledBack) => return Check::Failed(PrewriteOutcome::Aborted { key: key.clone() }),
        None => {}
    }
    if start_ts < records.safe_ts {
        return Check::Failed(PrewriteOutcome::TooOld { safe_ts: records.safe_ts });
    }
    if let Some((conflict_start_ts, conflict_commit_ts)) = records.newest_commit(key)
        && conflict_commit_ts > start_ts
    {
        let key = key.clone();
        return Check::Failed(PrewriteOutcome::WriteConflict { key, conflict_start_ts, conflict_commit_ts });
    }
    if matches!(mutation.op, MutationOp::Insert(_)) && records.exists(key, start_ts) {
        return Check::Failed(PrewriteOutcome::AlreadyExists { key: key.clone() });
    }
    Check::Free
}

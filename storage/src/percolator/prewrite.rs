//! Prewrite: puts a transaction's new values aside in locks, if nothing is in the way.
//!
//! **Async commit.** The transaction is committed when all of its keys are locked, so the answer must say from when on: at
//! the earliest after everyone who has read here without meeting the lock. The region's owner says who that was
//! ([`AsyncCommit::max_read_ts`]), having shown the locks to readers first. If that is later than the transaction can wait
//! for, the locks are ordinary ones, and the answer says so: this transaction has to commit in two phases.

use std::sync::Arc;

use super::{Conflict, Mutation, MutationOp, Pessimistic};
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
    /// The transaction commits at this time or later; zero = no matter when.
    pub min_commit_ts: Timestamp,
    /// `Some` = the transaction has locked keys before.
    pub pessimistic: Option<Arc<Pessimistic>>,
    /// `Some` = the transaction shall be committed as soon as all of its keys are locked.
    pub async_commit: Option<AsyncCommit>,
}

/// What a [`Prewrite`] needs for an async commit.
#[derive(Clone, Debug)]
pub struct AsyncCommit {
    /// All other keys, in the command that locks the primary; none in the others.
    pub secondaries: Arc<[Key]>,
    /// The transaction cannot commit later than this.
    pub max_commit_ts: Timestamp,
    /// Nobody has read in the region at a later time without seeing the locks. Filled in by the region's owner.
    pub max_read_ts: Timestamp,
}

/// What became of a [`Prewrite`].
#[derive(Clone, Debug, PartialEq)]
pub enum PrewriteOutcome {
    /// All keys are locked.
    Done {
        /// The transaction may commit at this time or later; zero = not by async commit.
        min_commit_ts: Timestamp,
    },
    /// Other transactions hold these locks.
    Locked(Vec<LockInfo>),
    /// Someone committed a change to the key after the transaction began.
    WriteConflict(Conflict),
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
pub(crate) fn prewrite(records: &mut Records, mut command: Prewrite) -> PrewriteOutcome {
    let start_ts = command.start_ts;
    let mut blocking = Vec::new();
    let mut to_lock = Vec::with_capacity(command.mutations.len());
    let mut promised = Timestamp(0);
    let mut is_async = command.async_commit.is_some();
    let pessimistic = command.pessimistic.clone();
    let pessimistic = pessimistic.as_deref();
    for mutation in std::mem::take(&mut command.mutations) {
        match check_mutation(records, &mutation, start_ts, pessimistic) {
            Check::Free => to_lock.push(mutation),
            Check::DoneBefore { min_commit_ts } => {
                is_async &= min_commit_ts.is_some();
                promised = promised.max(min_commit_ts.unwrap_or_default());
            }
            Check::Locked(info) => blocking.push(info),
            Check::Failed(outcome) => return outcome,
        }
    }
    if !blocking.is_empty() {
        return PrewriteOutcome::Locked(blocking);
    }
    // What readers were promised of pessimistic locks holds for what takes their place, and for the answer.
    let held = to_lock.iter().filter(|_| pessimistic.is_some()).filter_map(|m| records.locks.get(&m.key));
    let (pushed, ttl_ms) = held.fold((Timestamp(0), command.ttl_ms), |(pushed, ttl_ms), lock| {
        (lock.min_commit_ts.max(pushed), lock.ttl_ms.max(ttl_ms))
    });
    let (min_commit_ts, async_commit) = commit_time(&command, pushed);
    if !to_lock.is_empty() {
        is_async &= async_commit.is_some();
        promised = promised.max(min_commit_ts);
    }
    let no_keys: Arc<[Key]> = Arc::default();
    for Mutation { key, op } in to_lock {
        let op = match op {
            MutationOp::Put(row) | MutationOp::Insert(row) => LockOp::Put(row),
            MutationOp::Delete => LockOp::Delete,
            MutationOp::Lock | MutationOp::Absent => LockOp::Lock,
        };
        let others = |secondaries| if key == command.primary { secondaries } else { Arc::clone(&no_keys) };
        let lock = Lock {
            primary: command.primary.clone(),
            start_ts,
            ttl_ms,
            txn_size: command.txn_size,
            min_commit_ts,
            for_update_ts: pessimistic.map_or(Timestamp(0), |p| p.for_update_ts),
            async_commit: async_commit.clone().map(others),
            op,
        };
        records.locks.insert(key, Arc::new(lock));
    }
    PrewriteOutcome::Done { min_commit_ts: if is_async { promised } else { Timestamp(0) } }
}

/// From when on the transaction may commit, and its secondaries if that is by async commit.
fn commit_time(command: &Prewrite, pushed: Timestamp) -> (Timestamp, Option<Arc<[Key]>>) {
    let least = command.min_commit_ts.max(pushed).max(Timestamp(command.start_ts.0 + 1));
    let Some(AsyncCommit { secondaries, max_commit_ts, max_read_ts }) = &command.async_commit else {
        return (least, None);
    };
    let after_readers = least.max(Timestamp(max_read_ts.0.saturating_add(1)));
    if after_readers > *max_commit_ts {
        return (least, None);
    }
    (after_readers, Some(Arc::clone(secondaries)))
}

/// What is left to do of a mutation whose transaction has ended, as its key knows.
fn ended(records: &Records, key: &Key, start_ts: Timestamp) -> Option<Check> {
    Some(match records.record_of(key, start_ts)? {
        Record::Committed(commit_ts) => Check::DoneBefore { min_commit_ts: Some(commit_ts) },
        Record::RolledBack => Check::Failed(PrewriteOutcome::Aborted { key: key.clone() }),
    })
}

enum Check {
    Free,
    /// Locked or committed already; when it may be, or was; `None` = not by async commit.
    DoneBefore {
        min_commit_ts: Option<Timestamp>,
    },
    Locked(LockInfo),
    Failed(PrewriteOutcome),
}

fn check_mutation(
    records: &Records,
    mutation: &Mutation,
    start_ts: Timestamp,
    pessimistic: Option<&Pessimistic>,
) -> Check {
    let key = &mutation.key;
    let mut is_own = false;
    match records.locks.get(key) {
        Some(lock) if lock.start_ts != start_ts => {
            // Sent again, the command may find that it was done and committed long ago, and somebody else came since.
            return ended(records, key, start_ts).unwrap_or_else(|| Check::Locked(lock.info(key)));
        }
        Some(lock) if lock.is_pessimistic() => is_own = true,
        Some(lock) => {
            let min_commit_ts = lock.async_commit.as_ref().map(|_| lock.min_commit_ts);
            return Check::DoneBefore { min_commit_ts };
        }
        None => {}
    }
    if let Some(ended) = ended(records, key, start_ts) {
        return ended;
    }
    if start_ts < records.safe_ts {
        return Check::Failed(PrewriteOutcome::TooOld { safe_ts: records.safe_ts });
    }
    // What the statement has seen that wrote the key. Where a lock was taken and is gone, nobody may have used that.
    let seen = pessimistic.map_or(start_ts, |p| p.locked.get(key).copied().unwrap_or(p.for_update_ts));
    if !is_own && let Some(conflict) = Conflict::since(records, key, seen) {
        return Check::Failed(PrewriteOutcome::WriteConflict(conflict));
    }
    // Nobody has changed it since, so what is newest is what was seen.
    if matches!(mutation.op, MutationOp::Insert(_) | MutationOp::Absent) && records.exists(key) {
        return Check::Failed(PrewriteOutcome::AlreadyExists { key: key.clone() });
    }
    Check::Free
}

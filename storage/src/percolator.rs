//! The transaction protocol, one region's part: pure functions from what the region holds and a command to an outcome.
//!
//! A transaction reads at its `start_ts` and buffers its writes. To commit, it *prewrites* every key: the new value is put
//! aside in a lock, and one key, the primary, is named in all of them. Then it takes a `commit_ts` and *commits* the
//! primary: its lock becomes a version. At that moment the transaction is committed; the other locks (the secondaries)
//! follow at leisure. Whoever meets a lock asks the region of its primary what became of the transaction
//! ([`CheckTxnStatus`]) and commits or rolls back the lock accordingly ([`ResolveLock`]); if the lock's time to live has
//! passed, asking rolls the transaction back. A rolled back transaction leaves a record at its `start_ts`, so that a
//! prewrite that was delayed on its way cannot lock the key again.
//!
//! Every command may be delivered twice (a reply was lost, the client sent it again), and answers the same each time:
//! a lock of the same transaction, or its commit record, says that the work was done.
//!
//! What the protocol expects to happen (a lock in the way, a conflict, a transaction gone) is an outcome, never an error.
//! A command is all or nothing: if one key fails, no key of the command is changed.

use std::sync::Arc;

use crate::key::Key;
use crate::mvcc::{Lock, LockInfo, LockOp, Record, Records, RowRef, Version, Write};
use crate::schema::Timestamp;

/// One key's change within a transaction.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// The key.
    pub key: Key,
    /// What happens to it.
    pub op: MutationOp,
}

/// What a transaction does to a key.
#[derive(Clone, Debug)]
pub enum MutationOp {
    /// Write the row, whether or not there is one.
    Put(RowRef),
    /// Write the row; there must be none.
    Insert(RowRef),
    /// Delete the row, if there is one.
    Delete,
    /// Change nothing, but conflict with whoever does.
    Lock,
}

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

/// Turns the locks of a transaction into versions.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Locked keys.
    pub keys: Vec<Key>,
    /// The transaction.
    pub start_ts: Timestamp,
    /// When it commits.
    pub commit_ts: Timestamp,
}

/// What became of a [`Commit`].
#[derive(Clone, Debug, PartialEq)]
pub enum CommitOutcome {
    /// All keys are committed, now or before.
    Done {
        /// The commit timestamp, as recorded.
        commit_ts: Timestamp,
    },
    /// A reader moved the least timestamp at which this transaction may commit: take a later one and try again.
    CommitTsExpired {
        /// The least timestamp allowed.
        min_commit_ts: Timestamp,
    },
    /// The transaction was rolled back.
    RolledBack {
        /// The key with the record of it.
        key: Key,
    },
    /// There is neither lock nor record: the transaction was never here, or is long forgotten.
    NotFound {
        /// The key without a trace.
        key: Key,
    },
}

/// Removes the locks of a transaction and records that it is rolled back.
#[derive(Clone, Debug)]
pub struct Rollback {
    /// Keys, locked or not.
    pub keys: Vec<Key>,
    /// The transaction.
    pub start_ts: Timestamp,
}

/// What became of a [`Rollback`].
#[derive(Clone, Debug, PartialEq)]
pub enum RollbackOutcome {
    /// All keys are rolled back.
    Done,
    /// Too late: the transaction is committed.
    Committed {
        /// When.
        commit_ts: Timestamp,
    },
}

/// Asks the region of a primary key what became of its transaction.
#[derive(Clone, Debug)]
pub struct CheckTxnStatus {
    /// The primary key.
    pub primary: Key,
    /// The transaction.
    pub lock_ts: Timestamp,
    /// The read timestamp of who asks: the transaction must then commit later, so the reader may pass its locks. Zero if
    /// the caller wants no such promise, MAX if it cannot use it.
    pub caller_start_ts: Timestamp,
    /// Now, to judge the time to live.
    pub current_ts: Timestamp,
    /// Whether to roll back a transaction of which there is no trace.
    pub rollback_if_not_exist: bool,
}

/// Answer to a [`CheckTxnStatus`].
#[derive(Clone, Debug, PartialEq)]
pub enum TxnStatus {
    /// The primary's lock is alive.
    Alive {
        /// Its time to live, from its `start_ts` on.
        ttl_ms: u64,
        /// Whether the transaction can now only commit after the caller's read timestamp.
        min_commit_ts_pushed: bool,
    },
    /// It is committed.
    Committed {
        /// When.
        commit_ts: Timestamp,
    },
    /// It is rolled back.
    RolledBack(RolledBackBy),
    /// There is no trace of it, and the caller did not ask to roll it back.
    NotFound,
}

/// Why a transaction is rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolledBackBy {
    /// It was before.
    Earlier,
    /// Its lock had expired.
    TtlExpired,
    /// It had never come, and now cannot any more.
    LockNotExist,
}

/// Finishes locks of a transaction whose fate is known.
#[derive(Clone, Debug)]
pub struct ResolveLock {
    /// The transaction.
    pub start_ts: Timestamp,
    /// Its commit timestamp; `None` = rolled back.
    pub commit_ts: Option<Timestamp>,
    /// Only these keys; `None` = whatever the region holds of it.
    pub keys: Option<Vec<Key>>,
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

/// Applies a [`Commit`].
pub(crate) fn commit(records: &mut Records, command: &Commit) -> CommitOutcome {
    let Commit { keys, start_ts, commit_ts } = command;
    let mut recorded = *commit_ts;
    for key in keys {
        match (own_lock(records, key, *start_ts), records.record_of(key, *start_ts)) {
            (Some(lock), _) if *commit_ts < lock.min_commit_ts => {
                return CommitOutcome::CommitTsExpired { min_commit_ts: lock.min_commit_ts };
            }
            (Some(_), _) => {}
            (None, Some(Record::Committed(at))) => recorded = at,
            (None, Some(Record::RolledBack)) => return CommitOutcome::RolledBack { key: key.clone() },
            (None, None) => return CommitOutcome::NotFound { key: key.clone() },
        }
    }
    for key in keys {
        commit_key(records, key, *start_ts, *commit_ts);
    }
    CommitOutcome::Done { commit_ts: recorded }
}

/// Applies a [`Rollback`].
pub(crate) fn rollback(records: &mut Records, command: &Rollback) -> RollbackOutcome {
    for key in &command.keys {
        if let Some(Record::Committed(commit_ts)) = records.record_of(key, command.start_ts) {
            return RollbackOutcome::Committed { commit_ts };
        }
    }
    for key in &command.keys {
        rollback_key(records, key, command.start_ts);
    }
    RollbackOutcome::Done
}

/// Applies a [`CheckTxnStatus`].
pub(crate) fn check_txn_status(records: &mut Records, command: &CheckTxnStatus) -> TxnStatus {
    let CheckTxnStatus { primary, lock_ts, caller_start_ts, current_ts, rollback_if_not_exist } = command;
    if let Some(lock) = own_lock(records, primary, *lock_ts) {
        let expires_ms = lock_ts.physical_ms().saturating_add(lock.ttl_ms);
        if expires_ms <= current_ts.physical_ms() {
            rollback_key(records, primary, *lock_ts);
            return TxnStatus::RolledBack(RolledBackBy::TtlExpired);
        }
        let ttl_ms = lock.ttl_ms;
        return TxnStatus::Alive {
            ttl_ms,
            min_commit_ts_pushed: push_min_commit_ts(records, primary, *caller_start_ts),
        };
    }
    match records.record_of(primary, *lock_ts) {
        Some(Record::Committed(commit_ts)) => TxnStatus::Committed { commit_ts },
        Some(Record::RolledBack) => TxnStatus::RolledBack(RolledBackBy::Earlier),
        None if *rollback_if_not_exist => {
            rollback_key(records, primary, *lock_ts);
            TxnStatus::RolledBack(RolledBackBy::LockNotExist)
        }
        None => TxnStatus::NotFound,
    }
}

/// Applies a [`ResolveLock`]; how many locks it finished.
pub(crate) fn resolve_lock(records: &mut Records, command: &ResolveLock) -> usize {
    let locked = |records: &Records, key: &Key| own_lock(records, key, command.start_ts).is_some();
    let keys: Vec<Key> = match &command.keys {
        Some(keys) => keys.iter().filter(|&k| locked(records, k)).cloned().collect(),
        None => {
            let of_txn = records.locks.iter().filter(|(_, lock)| lock.start_ts == command.start_ts);
            of_txn.map(|(key, _)| key.clone()).collect()
        }
    };
    for key in &keys {
        match command.commit_ts {
            Some(commit_ts) => commit_key(records, key, command.start_ts, commit_ts),
            None => rollback_key(records, key, command.start_ts),
        }
    }
    keys.len()
}

fn own_lock<'a>(records: &'a Records, key: &Key, start_ts: Timestamp) -> Option<&'a Arc<Lock>> {
    records.locks.get(key).filter(|lock| lock.start_ts == start_ts)
}

/// Turns the transaction's lock into a version; nothing if there is no such lock.
fn commit_key(records: &mut Records, key: &Key, start_ts: Timestamp, commit_ts: Timestamp) {
    if own_lock(records, key, start_ts).is_none() {
        return;
    }
    let Some(lock) = records.locks.remove(key) else { return };
    let write = match &lock.op {
        LockOp::Put(row) => Write::Put(row.clone()),
        LockOp::Delete => Write::Delete,
        LockOp::Lock => Write::Lock,
    };
    records.add_version(key, Version { commit_ts, start_ts, write });
}

/// Removes the transaction's lock, if there is one, and records the rollback, if that is not done yet.
fn rollback_key(records: &mut Records, key: &Key, start_ts: Timestamp) {
    if own_lock(records, key, start_ts).is_some() {
        records.locks.remove(key);
    }
    if records.record_of(key, start_ts).is_none() {
        records.add_version(key, Version { commit_ts: start_ts, start_ts, write: Write::Rollback });
    }
}

/// Makes the transaction commit after `reader`, if the reader asks for that; whether it must.
fn push_min_commit_ts(records: &mut Records, key: &Key, reader: Timestamp) -> bool {
    if reader == Timestamp(0) || reader == Timestamp::MAX {
        return false;
    }
    if let Some(lock) = records.locks.get_mut(key)
        && lock.min_commit_ts <= reader
    {
        Arc::make_mut(lock).min_commit_ts = Timestamp(reader.0 + 1);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use arrow::record_batch::RecordBatch;

    use super::*;
    use crate::key::encode_datums;
    use crate::schema::{Datum, SpaceId};

    fn key(id: i64) -> Key {
        encode_datums(SpaceId(1), &[Datum::Int(id)])
    }

    fn row() -> RowRef {
        let schema = Schema::new(vec![Field::new("id", DataType::Int64, false)]);
        let batch =
            RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(vec![1]))]).unwrap();
        RowRef { batch: Arc::new(batch), row: 0 }
    }

    fn lock_with(records: &mut Records, op: MutationOp, start_ts: Timestamp) -> PrewriteOutcome {
        let mutations = vec![Mutation { key: key(1), op }];
        prewrite(records, Prewrite { mutations, primary: key(1), start_ts, ttl_ms: 1000, txn_size: 1 })
    }

    fn put(records: &mut Records, start_ts: Timestamp) -> PrewriteOutcome {
        lock_with(records, MutationOp::Put(row()), start_ts)
    }

    fn commit_at(records: &mut Records, start_ts: Timestamp, commit_ts: Timestamp) -> CommitOutcome {
        commit(records, &Commit { keys: vec![key(1)], start_ts, commit_ts })
    }

    fn roll_back(records: &mut Records, start_ts: Timestamp) -> RollbackOutcome {
        rollback(records, &Rollback { keys: vec![key(1)], start_ts })
    }

    fn status(
        records: &mut Records,
        lock_ts: Timestamp,
        reader: Timestamp,
        now: Timestamp,
        force: bool,
    ) -> TxnStatus {
        let check = CheckTxnStatus {
            primary: key(1),
            lock_ts,
            caller_start_ts: reader,
            current_ts: now,
            rollback_if_not_exist: force,
        };
        check_txn_status(records, &check)
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_parts(ms, 0)
    }

    const NOBODY: Timestamp = Timestamp(0);

    #[test]
    fn a_late_duplicate_of_a_prewrite_does_not_lock_again() {
        let mut records = Records::new(Vec::new());
        assert_eq!(put(&mut records, at(1)), PrewriteOutcome::Done);
        assert_eq!(commit_at(&mut records, at(1), at(2)), CommitOutcome::Done { commit_ts: at(2) });
        assert_eq!(put(&mut records, at(1)), PrewriteOutcome::Done);
        assert!(records.locks.is_empty());
        // A second commit tells when it was really committed.
        assert_eq!(commit_at(&mut records, at(1), at(9)), CommitOutcome::Done { commit_ts: at(2) });
    }

    #[test]
    fn a_rollback_that_overtakes_its_prewrite_wins() {
        let mut records = Records::new(Vec::new());
        assert_eq!(roll_back(&mut records, at(1)), RollbackOutcome::Done);
        assert_eq!(put(&mut records, at(1)), PrewriteOutcome::Aborted { key: key(1) });
        assert_eq!(commit_at(&mut records, at(1), at(2)), CommitOutcome::RolledBack { key: key(1) });
        // Nobody else minds the record.
        assert_eq!(put(&mut records, at(2)), PrewriteOutcome::Done);
    }

    #[test]
    fn two_transactions_on_one_key_exclude_each_other() {
        let mut records = Records::new(Vec::new());
        assert_eq!(put(&mut records, at(1)), PrewriteOutcome::Done);
        let PrewriteOutcome::Locked(locks) = put(&mut records, at(2)) else { panic!("not locked") };
        assert_eq!((locks[0].start_ts, &locks[0].primary), (at(1), &key(1)));
        commit_at(&mut records, at(1), at(3));
        let conflict = PrewriteOutcome::WriteConflict {
            key: key(1),
            conflict_start_ts: at(1),
            conflict_commit_ts: at(3),
        };
        assert_eq!(put(&mut records, at(2)), conflict);
        assert_eq!(put(&mut records, at(4)), PrewriteOutcome::Done);
    }

    #[test]
    fn an_insert_wants_no_row() {
        let mut records = Records::new(Vec::new());
        put(&mut records, at(1));
        commit_at(&mut records, at(1), at(2));
        let insert = || MutationOp::Insert(row());
        assert_eq!(lock_with(&mut records, insert(), at(3)), PrewriteOutcome::AlreadyExists { key: key(1) });
        lock_with(&mut records, MutationOp::Delete, at(4));
        commit_at(&mut records, at(4), at(5));
        assert_eq!(lock_with(&mut records, insert(), at(6)), PrewriteOutcome::Done);
    }

    #[test]
    fn a_status_check_ends_what_has_expired_and_pushes_what_has_not() {
        let mut records = Records::new(Vec::new());
        assert_eq!(status(&mut records, at(1), NOBODY, at(2), false), TxnStatus::NotFound);
        put(&mut records, at(1));
        let alive = |min_commit_ts_pushed| TxnStatus::Alive { ttl_ms: 1000, min_commit_ts_pushed };
        assert_eq!(status(&mut records, at(1), NOBODY, at(2), true), alive(false));
        // A reader at 5 makes the transaction commit after 5, and may then read past its lock.
        assert_eq!(status(&mut records, at(1), at(5), at(6), true), alive(true));
        let range = crate::key::KeyRange::point(&key(1));
        assert_eq!(records.blocking_lock(&range, at(5), &[]), None);
        assert!(records.blocking_lock(&range, at(7), &[]).is_some());
        assert_eq!(records.blocking_lock(&range, at(7), &[at(1)]), None);
        let min_commit_ts = Timestamp(at(5).0 + 1);
        assert_eq!(commit_at(&mut records, at(1), at(4)), CommitOutcome::CommitTsExpired { min_commit_ts });
        assert_eq!(
            status(&mut records, at(1), NOBODY, at(1001), false),
            TxnStatus::RolledBack(RolledBackBy::TtlExpired)
        );
        assert_eq!(
            status(&mut records, at(1), NOBODY, at(1001), false),
            TxnStatus::RolledBack(RolledBackBy::Earlier)
        );
        assert_eq!(commit_at(&mut records, at(1), at(8)), CommitOutcome::RolledBack { key: key(1) });
    }

    #[test]
    fn a_transaction_without_a_trace_is_kept_out_if_asked() {
        let mut records = Records::new(Vec::new());
        assert_eq!(commit_at(&mut records, at(1), at(2)), CommitOutcome::NotFound { key: key(1) });
        let gone = TxnStatus::RolledBack(RolledBackBy::LockNotExist);
        assert_eq!(status(&mut records, at(1), NOBODY, at(2), true), gone);
        assert_eq!(put(&mut records, at(1)), PrewriteOutcome::Aborted { key: key(1) });
    }

    #[test]
    fn a_committed_lock_conflicts_but_writes_nothing() {
        let mut records = Records::new(Vec::new());
        lock_with(&mut records, MutationOp::Lock, at(1));
        assert_eq!(records.blocking_lock(&crate::key::KeyRange::point(&key(1)), at(9), &[]), None);
        commit_at(&mut records, at(1), at(3));
        assert!(!records.exists(&key(1), at(9)));
        assert!(matches!(put(&mut records, at(2)), PrewriteOutcome::WriteConflict { .. }));
    }

    #[test]
    fn a_transaction_older_than_compaction_is_refused() {
        let mut records = Records::new(Vec::new());
        records.safe_ts = at(5);
        assert_eq!(put(&mut records, at(4)), PrewriteOutcome::TooOld { safe_ts: at(5) });
        assert_eq!(put(&mut records, at(5)), PrewriteOutcome::Done);
    }
}

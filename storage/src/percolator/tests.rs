//! Each command against the states that it may meet.

use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;

use super::*;
use crate::key::{KeyRange, encode_datums};
use crate::mvcc::{RowRef, with_fold};
use crate::schema::{Datum, SpaceId};

fn key(id: i64) -> Key {
    encode_datums(SpaceId(1), &[Datum::Int(id)])
}

fn row() -> RowRef {
    let schema = Schema::new(vec![Field::new("id", DataType::Int64, false)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(vec![1]))]).unwrap();
    RowRef { batch: Arc::new(batch), row: 0 }
}

const DONE: PrewriteOutcome = PrewriteOutcome::Done { min_commit_ts: Timestamp(0) };

fn in_two_phases(mutations: Vec<Mutation>, primary: Key, start_ts: Timestamp) -> Prewrite {
    let (txn_size, min_commit_ts) = (mutations.len(), Timestamp(0));
    Prewrite {
        mutations,
        primary,
        start_ts,
        ttl_ms: 1000,
        txn_size,
        min_commit_ts,
        pessimistic: None,
        async_commit: None,
    }
}

fn lock_with(records: &mut Records, op: MutationOp, start_ts: Timestamp) -> PrewriteOutcome {
    let mutations = vec![Mutation { key: key(1), op }];
    prewrite(records, in_two_phases(mutations, key(1), start_ts))
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
        force_sync_commit: false,
        resolving_pessimistic: false,
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
    assert_eq!(put(&mut records, at(1)), DONE);
    assert_eq!(commit_at(&mut records, at(1), at(2)), CommitOutcome::Done { commit_ts: at(2) });
    assert_eq!(put(&mut records, at(1)), DONE);
    assert!(records.locks.is_empty());
    // A second commit tells when it was really committed.
    assert_eq!(commit_at(&mut records, at(1), at(9)), CommitOutcome::Done { commit_ts: at(2) });
}

#[test]
fn a_prewrite_that_was_committed_is_done_whoever_has_locked_the_key_since() {
    // Found by the simulator: an answer to a commit in one phase is lost, the region is split, and the two phases that follow
    // must not take the next writer's lock for a reason to give up.
    let mut records = Records::new(Vec::new());
    assert_eq!(put(&mut records, at(1)), DONE);
    assert_eq!(commit_at(&mut records, at(1), at(2)), CommitOutcome::Done { commit_ts: at(2) });
    assert_eq!(put(&mut records, at(3)), DONE);
    assert_eq!(put(&mut records, at(1)), DONE);
    assert_eq!(records.locks[&key(1)].start_ts, at(3));
    // One that was rolled back learns it at once, and waits for nobody.
    assert_eq!(roll_back(&mut records, at(2)), RollbackOutcome::Done);
    assert_eq!(put(&mut records, at(2)), PrewriteOutcome::Aborted { key: key(1) });
}

#[test]
fn a_rollback_that_overtakes_its_prewrite_wins() {
    let mut records = Records::new(Vec::new());
    assert_eq!(roll_back(&mut records, at(1)), RollbackOutcome::Done);
    assert_eq!(put(&mut records, at(1)), PrewriteOutcome::Aborted { key: key(1) });
    assert_eq!(commit_at(&mut records, at(1), at(2)), CommitOutcome::RolledBack { key: key(1) });
    // Nobody else minds the record.
    assert_eq!(put(&mut records, at(2)), DONE);
}

#[test]
fn two_transactions_on_one_key_exclude_each_other() {
    let mut records = Records::new(Vec::new());
    assert_eq!(put(&mut records, at(1)), DONE);
    let PrewriteOutcome::Locked(locks) = put(&mut records, at(2)) else { panic!("not locked") };
    assert_eq!((locks[0].start_ts, &locks[0].primary), (at(1), &key(1)));
    commit_at(&mut records, at(1), at(3));
    let conflict =
        PrewriteOutcome::WriteConflict(Conflict { key: key(1), start_ts: at(1), commit_ts: at(3) });
    assert_eq!(put(&mut records, at(2)), conflict);
    assert_eq!(put(&mut records, at(4)), DONE);
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
    assert_eq!(lock_with(&mut records, insert(), at(6)), DONE);
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
    assert_eq!(records.blocking_locks(&range, at(5), &[]), []);
    assert!(!records.blocking_locks(&range, at(7), &[]).is_empty());
    assert_eq!(records.blocking_locks(&range, at(7), &[at(1)]), []);
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
    assert_eq!(records.blocking_locks(&crate::key::KeyRange::point(&key(1)), at(9), &[]), []);
    commit_at(&mut records, at(1), at(3));
    assert!(!records.exists(&key(1)));
    assert!(matches!(put(&mut records, at(2)), PrewriteOutcome::WriteConflict(_)));
}

#[test]
fn a_transaction_older_than_compaction_is_refused() {
    let mut records = Records::new(Vec::new());
    records.safe_ts = at(5);
    assert_eq!(put(&mut records, at(4)), PrewriteOutcome::TooOld { safe_ts: at(5) });
    assert_eq!(put(&mut records, at(5)), DONE);
}

fn pessimistic_at(
    records: &mut Records,
    start_ts: Timestamp,
    for_update_ts: Timestamp,
) -> PessimisticLockOutcome {
    let lock = PessimisticLock { keys: vec![key(1)], primary: key(1), start_ts, for_update_ts, ttl_ms: 1000 };
    pessimistic_lock(records, lock)
}

fn meet(records: &mut Records, primary: i64, lock_ts: Timestamp, now: Timestamp) -> TxnStatus {
    let check = CheckTxnStatus {
        primary: key(primary),
        lock_ts,
        caller_start_ts: NOBODY,
        current_ts: now,
        rollback_if_not_exist: true,
        force_sync_commit: false,
        resolving_pessimistic: true,
    };
    check_txn_status(records, &check)
}

#[test]
fn a_pessimistic_lock_keeps_writers_out_and_readers_do_not_mind() {
    let mut records = Records::new(Vec::new());
    put(&mut records, at(1));
    commit_at(&mut records, at(1), at(4));
    // Somebody has changed the key since: look again, and then it is locked, and there is a row.
    let conflict =
        PessimisticLockOutcome::WriteConflict(Conflict { key: key(1), start_ts: at(1), commit_ts: at(4) });
    assert_eq!(pessimistic_at(&mut records, at(2), at(3)), conflict);
    let locked = PessimisticLockOutcome::Done { existing: vec![key(1)] };
    assert_eq!(pessimistic_at(&mut records, at(2), at(5)), locked);
    assert_eq!(pessimistic_at(&mut records, at(2), at(5)), locked, "sent twice, it answers twice");
    assert_eq!(records.blocking_locks(&crate::key::KeyRange::point(&key(1)), at(9), &[]), []);
    assert!(matches!(put(&mut records, at(6)), PrewriteOutcome::Locked(_)));
    assert!(matches!(pessimistic_at(&mut records, at(6), at(7)), PessimisticLockOutcome::Locked(_)));
    // It cannot be committed before it is prewritten, and the prewrite does not fail for what is older than the lock.
    assert_eq!(commit_at(&mut records, at(2), at(8)), CommitOutcome::NotFound { key: key(1) });
    let locked = imbl::OrdMap::unit(key(1), at(5));
    let mutations = vec![Mutation { key: key(1), op: MutationOp::Put(row()) }];
    let mut prewritten = in_two_phases(mutations, key(1), at(2));
    prewritten.pessimistic = Some(Arc::new(Pessimistic { for_update_ts: at(5), locked }));
    assert_eq!(prewrite(&mut records, prewritten), DONE);
    // A rollback of the statement comes too late to take that away.
    let rollback = PessimisticRollback { keys: vec![key(1)], start_ts: at(2), for_update_ts: at(5) };
    pessimistic_rollback(&mut records, &rollback);
    assert_eq!(commit_at(&mut records, at(2), at(8)), CommitOutcome::Done { commit_ts: at(8) });
}

#[test]
fn a_promise_made_by_a_pessimistic_lock_is_kept_by_the_prewrite() {
    let mut records = Records::new(Vec::new());
    pessimistic_at(&mut records, at(2), at(3));
    // Who met another key of the transaction wants to read at 7.
    let alive = TxnStatus::Alive { ttl_ms: 1000, min_commit_ts_pushed: true };
    assert_eq!(status(&mut records, at(2), at(7), at(8), true), alive);
    let mutations = vec![Mutation { key: key(1), op: MutationOp::Put(row()) }];
    let mut prewritten = in_two_phases(mutations, key(1), at(2));
    let locked = imbl::OrdMap::unit(key(1), at(3));
    prewritten.pessimistic = Some(Arc::new(Pessimistic { for_update_ts: at(3), locked }));
    let window =
        |max_commit_ts| Some(AsyncCommit { secondaries: Arc::default(), max_commit_ts, max_read_ts: NOBODY });
    prewritten.async_commit = window(at(6));
    let mut in_vain = records.clone();
    assert_eq!(prewrite(&mut in_vain, prewritten.clone()), DONE, "not in time: in two phases");
    prewritten.async_commit = window(at(100));
    let min_commit_ts = Timestamp(at(7).0 + 1);
    assert_eq!(prewrite(&mut records, prewritten), PrewriteOutcome::Done { min_commit_ts });
}

#[test]
fn a_pessimistic_lock_says_nothing_about_a_primary_that_knows_nothing() {
    let mut records = Records::new(Vec::new());
    // Its primary is not locked: no record is left, and the transaction may still write that key.
    assert_eq!(meet(&mut records, 1, at(1), at(5000)), TxnStatus::NotFound);
    // Its primary is locked, for another primary.
    pessimistic_at(&mut records, at(1), at(1));
    let Some(lock) = records.locks.get_mut(&key(1)) else { panic!("not locked") };
    Arc::make_mut(lock).primary = key(2);
    assert_eq!(meet(&mut records, 1, at(1), at(2)), TxnStatus::Stale);
    Arc::make_mut(records.locks.get_mut(&key(1)).expect("is locked")).primary = key(1);
    // While it lives it lives; when its time is over it is gone, without a record; a heartbeat makes it live longer.
    assert!(matches!(meet(&mut records, 1, at(1), at(900)), TxnStatus::Alive { .. }));
    let beat = HeartBeat { primary: key(1), start_ts: at(1), ttl_ms: 2000 };
    assert_eq!(heart_beat(&mut records, &beat), Some(2000));
    assert!(matches!(meet(&mut records, 1, at(1), at(1900)), TxnStatus::Alive { .. }));
    assert_eq!(meet(&mut records, 1, at(1), at(2001)), TxnStatus::Stale);
    assert_eq!(heart_beat(&mut records, &beat), None);
    assert_eq!(put(&mut records, at(1)), DONE);
}

#[test]
fn asking_for_a_secondary_settles_it() {
    let mut records = Records::new(Vec::new());
    let check = CheckSecondaryLocks { keys: vec![key(1)], start_ts: at(1) };
    // A key that is only locked pessimistically is not prewritten, and cannot be any more.
    pessimistic_at(&mut records, at(1), at(1));
    assert_eq!(check_secondary_locks(&mut records, &check), SecondaryLocks::RolledBack);
    assert!(records.locks.is_empty());
    assert_eq!(put(&mut records, at(1)), PrewriteOutcome::Aborted { key: key(1) });
    put(&mut records, at(2));
    let check = CheckSecondaryLocks { keys: vec![key(1)], start_ts: at(2) };
    assert_eq!(check_secondary_locks(&mut records, &check), SecondaryLocks::NotAsync);
    commit_at(&mut records, at(2), at(3));
    assert_eq!(check_secondary_locks(&mut records, &check), SecondaryLocks::Committed { commit_ts: at(3) });
}

#[test]
fn a_rollback_at_the_very_time_of_a_fold_is_not_forgotten() {
    let fold = |records: &mut Records, now: u64, safe_ts: Timestamp| {
        let at = records.begin_fold(Timestamp(now)).unwrap();
        let folding = records.folding.clone().unwrap();
        let past = with_fold(&records.past, &folding, &KeyRange::of_space(SpaceId(1)), safe_ts);
        assert!(records.end_fold(&folding, folding.base.clone(), past));
        records.forget(safe_ts);
        at
    };
    for safe_ts in [Timestamp(5), Timestamp(10)] {
        let mut records = Records::new(vec![]);
        let aborted = PrewriteOutcome::Aborted { key: key(1) };
        assert_eq!(roll_back(&mut records, Timestamp(10)), RollbackOutcome::Done);
        // Another lock of the transaction keeps the fold below what it could commit at: at its beginning.
        let other = vec![Mutation { key: key(2), op: MutationOp::Put(row()) }];
        assert_eq!(prewrite(&mut records, in_two_phases(other, key(1), Timestamp(10))), DONE);
        assert_eq!(fold(&mut records, 50, safe_ts), Timestamp(10));
        assert_eq!(put(&mut records, Timestamp(10)), aborted, "a command that was under way");
        // When the lock is gone the next fold takes the record along, into a past if somebody may still ask.
        rollback(&mut records, &Rollback { keys: vec![key(2)], start_ts: Timestamp(10) });
        assert_eq!(fold(&mut records, 60, safe_ts), Timestamp(60));
        assert_eq!(put(&mut records, Timestamp(10)), aborted);
        records.forget(Timestamp(60));
        assert_eq!(put(&mut records, Timestamp(10)), PrewriteOutcome::TooOld { safe_ts: Timestamp(60) });
    }
}

//! CheckTxnStatus: the region of a primary key says what became of its transaction, and ends it if its time is up.
//!
//! A transaction in async commit is not the primary's to end, whatever the time: it may be committed already. Who asks gets
//! the list of the other keys, and has to find out ([`CheckSecondaryLocks`](super::CheckSecondaryLocks)), once its time is
//! up. If one of them says that the transaction has fallen back to two phases, the primary decides after all: that is
//! `force_sync_commit`.

use std::sync::Arc;

use super::{own_lock, rollback_key};
use crate::key::Key;
use crate::mvcc::{Record, Records};
use crate::schema::Timestamp;

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
    /// Treat a transaction in async commit as one in two phases: another of its keys says that it is.
    pub force_sync_commit: bool,
    /// The lock that was met is a pessimistic one: its primary may be a mistake, so nothing is recorded about it.
    pub resolving_pessimistic: bool,
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
    /// It is in async commit: all of its keys together say whether it is committed.
    AsyncCommit {
        /// Its time to live, from its `start_ts` on.
        ttl_ms: u64,
        /// The primary's part of its commit timestamp.
        min_commit_ts: Timestamp,
        /// All keys but the primary.
        secondaries: Arc<[Key]>,
    },
    /// It is committed.
    Committed {
        /// When.
        commit_ts: Timestamp,
    },
    /// It is rolled back.
    RolledBack(RolledBackBy),
    /// There is no trace of it, and the caller did not ask to roll it back; or the lock that was met is a pessimistic one,
    /// which is then worth nothing once its time is over.
    NotFound,
    /// The pessimistic lock that was met is worth nothing: its primary's time was over, too, or is not its primary any more.
    Stale,
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

/// Applies a [`CheckTxnStatus`].
pub(crate) fn check_txn_status(records: &mut Records, command: &CheckTxnStatus) -> TxnStatus {
    let CheckTxnStatus {
        primary,
        lock_ts,
        caller_start_ts,
        current_ts,
        rollback_if_not_exist,
        force_sync_commit,
        resolving_pessimistic,
    } = command;
    if let Some(lock) = own_lock(records, primary, *lock_ts) {
        if *resolving_pessimistic && lock.primary != *primary {
            return TxnStatus::Stale;
        }
        if let Some(secondaries) = lock.async_commit.as_ref().filter(|_| !force_sync_commit) {
            let (ttl_ms, min_commit_ts) = (lock.ttl_ms, lock.min_commit_ts);
            return TxnStatus::AsyncCommit { ttl_ms, min_commit_ts, secondaries: Arc::clone(secondaries) };
        }
        let expires_ms = lock_ts.physical_ms().saturating_add(lock.ttl_ms);
        if expires_ms <= current_ts.physical_ms() {
            // If a reader was promised that it commits later, the promise must not get lost with the lock.
            let is_pushed = lock.min_commit_ts.0 > lock.start_ts.0 + 1;
            if *resolving_pessimistic && lock.is_pessimistic() && !is_pushed {
                records.locks.remove(primary);
                return TxnStatus::Stale;
            }
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
        None if *rollback_if_not_exist && !resolving_pessimistic => {
            rollback_key(records, primary, *lock_ts);
            TxnStatus::RolledBack(RolledBackBy::LockNotExist)
        }
        None => TxnStatus::NotFound,
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

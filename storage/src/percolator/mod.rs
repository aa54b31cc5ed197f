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
//! **Async commit** saves the second phase. The transaction is committed at the moment when all of its keys are locked, at a
//! time that the locks themselves say: the greatest of their `min_commit_ts`, each later than all reads that did not see the
//! lock. The primary's lock names the other keys, so that anybody can find that out when the coordinator is gone
//! ([`CheckSecondaryLocks`]). A region that cannot promise such a time in the near future makes ordinary locks, and the
//! transaction falls back to two phases.
//!
//! Example: T begins at 10 and writes a (primary) and b. Someone has read a at 17. T locks a: "18 or later, and b"; locks b:
//! "11 or later"; answers its user: committed, at 18. Then it dies. A reader at 30 meets the lock of b, asks a's region, asks
//! b's region: both are locked, so T is committed at 18, and the reader finishes the locks. Had b not been locked, its region
//! would have made sure that it never will be, and T would have been rolled back.
//!
//! **Pessimistic transactions** lock keys while their statements run ([`PessimisticLock`]), so that others wait instead of
//! failing at the commit. A prewrite then turns such a lock into an ordinary one. A pessimistic lock holds no value and
//! promises nothing, so whoever finds its transaction dead just takes it away ([`PessimisticRollback`]). Its primary is a guess:
//! a statement that fails gives it back, and another may choose another. So a lock that names a primary which knows nothing of
//! it, or which names another, says nothing about the transaction, and asking about it must not leave a record.
//!
//! What the protocol expects to happen (a lock in the way, a conflict, a transaction gone) is an outcome, never an error.
//! A command is all or nothing: if one key fails, no key of the command is changed.

mod check_secondary_locks;
mod check_txn_status;
mod commit;
mod conflict;
mod heart_beat;
#[cfg(test)]
mod model_tests;
mod mutation;
mod pessimistic_lock;
mod pessimistic_rollback;
mod prewrite;
mod resolve_lock;
mod rollback;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::key::Key;
use crate::mvcc::{Lock, LockOp, Records, Version, Write};
use crate::schema::Timestamp;

pub(crate) use check_secondary_locks::check_secondary_locks;
pub use check_secondary_locks::{CheckSecondaryLocks, SecondaryLocks};
pub(crate) use check_txn_status::check_txn_status;
pub use check_txn_status::{CheckTxnStatus, RolledBackBy, TxnStatus};
pub(crate) use commit::commit;
pub use commit::{Commit, CommitOutcome};
pub use conflict::Conflict;
pub use heart_beat::HeartBeat;
pub(crate) use heart_beat::heart_beat;
pub use mutation::{Mutation, MutationOp};
pub(crate) use pessimistic_lock::pessimistic_lock;
pub use pessimistic_lock::{Pessimistic, PessimisticLock, PessimisticLockOutcome};
pub use pessimistic_rollback::PessimisticRollback;
pub(crate) use pessimistic_rollback::pessimistic_rollback;
pub(crate) use prewrite::prewrite;
pub use prewrite::{AsyncCommit, Prewrite, PrewriteOutcome};
pub use resolve_lock::ResolveLock;
pub(crate) use resolve_lock::resolve_lock;
pub(crate) use rollback::rollback;
pub use rollback::{Rollback, RollbackOutcome};

fn own_lock<'a>(records: &'a Records, key: &Key, start_ts: Timestamp) -> Option<&'a Arc<Lock>> {
    records.locks.get(key).filter(|lock| lock.start_ts == start_ts)
}

/// Turns the transaction's lock into a version; nothing if there is no such lock. A key that is only locked pessimistically
/// was not written in the end: its lock goes away.
fn commit_key(records: &mut Records, key: &Key, start_ts: Timestamp, commit_ts: Timestamp) {
    if own_lock(records, key, start_ts).is_none() {
        return;
    }
    let Some(lock) = records.locks.remove(key) else { return };
    let write = match &lock.op {
        LockOp::Put(row) => Write::Put(row.clone()),
        LockOp::Delete => Write::Delete,
        LockOp::Lock => Write::Lock,
        LockOp::Pessimistic => return,
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

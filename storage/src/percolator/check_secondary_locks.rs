//! CheckSecondaryLocks: are these keys of a transaction in async commit locked?
//!
//! Asking settles it. A key that is locked stays so until somebody who knows the outcome finishes it. One that is not gets
//! a record of a rollback, so that the transaction can never come to have all of its keys locked.

use super::{own_lock, rollback_key};
use crate::key::Key;
use crate::mvcc::{Record, Records};
use crate::schema::Timestamp;

/// Asks the region of some keys of a transaction whether all of them are locked.
#[derive(Clone, Debug)]
pub struct CheckSecondaryLocks {
    /// Keys that the transaction wants to write.
    pub keys: Vec<Key>,
    /// The transaction.
    pub start_ts: Timestamp,
}

/// Answer to a [`CheckSecondaryLocks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondaryLocks {
    /// All of them are locked: if the other keys are, too, the transaction is committed.
    Locked {
        /// At this time or later.
        min_commit_ts: Timestamp,
    },
    /// One of them is locked for a commit in two phases: ask the primary.
    NotAsync,
    /// One of them is committed, so all are, or will be.
    Committed {
        /// When.
        commit_ts: Timestamp,
    },
    /// One of them is not locked, and cannot be any more: the transaction is rolled back.
    RolledBack,
}

/// Applies a [`CheckSecondaryLocks`].
pub(crate) fn check_secondary_locks(records: &mut Records, command: &CheckSecondaryLocks) -> SecondaryLocks {
    let CheckSecondaryLocks { keys, start_ts } = command;
    let mut locked_from = Timestamp(0);
    for key in keys {
        // A key that is only locked pessimistically is not prewritten.
        if let Some(lock) = own_lock(records, key, *start_ts).filter(|lock| !lock.is_pessimistic()) {
            if lock.async_commit.is_none() {
                return SecondaryLocks::NotAsync;
            }
            locked_from = locked_from.max(lock.min_commit_ts);
            continue;
        }
        match records.record_of(key, *start_ts) {
            Some(Record::Committed(commit_ts)) => return SecondaryLocks::Committed { commit_ts },
            Some(Record::RolledBack) => return SecondaryLocks::RolledBack,
            None => {
                rollback_key(records, key, *start_ts);
                return SecondaryLocks::RolledBack;
            }
        }
    }
    SecondaryLocks::Locked { min_commit_ts: locked_from }
}

//! Commit: a transaction's locks become versions.

use super::{commit_key, own_lock};
use crate::key::Key;
use crate::mvcc::{Record, Records};
use crate::schema::Timestamp;

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

/// Applies a [`Commit`].
pub(crate) fn commit(records: &mut Records, command: &Commit) -> CommitOutcome {
    let Commit { keys, start_ts, commit_ts } = command;
    let mut recorded = *commit_ts;
    for key in keys {
        let lock = own_lock(records, key, *start_ts).filter(|lock| !lock.is_pessimistic());
        match (lock, records.record_of(key, *start_ts)) {
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

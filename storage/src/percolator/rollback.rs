//! Rollback: a transaction's locks go away, and a record keeps its late prewrites out.

use super::rollback_key;
use crate::key::Key;
use crate::mvcc::{Record, Records};
use crate::schema::Timestamp;

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

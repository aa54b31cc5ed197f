//! PessimisticRollback: a statement has failed, or its transaction ends without writing; its locks go away.

use crate::key::Key;
use crate::mvcc::Records;
use crate::schema::Timestamp;

/// Takes pessimistic locks away again; keys that are prewritten stay as they are. Leaves no record: the transaction may go on.
#[derive(Clone, Debug)]
pub struct PessimisticRollback {
    /// Keys, locked or not.
    pub keys: Vec<Key>,
    /// The transaction.
    pub start_ts: Timestamp,
    /// Locks taken at a later for-update timestamp are of a later statement, and stay.
    pub for_update_ts: Timestamp,
}

/// Applies a [`PessimisticRollback`].
pub(crate) fn pessimistic_rollback(records: &mut Records, command: &PessimisticRollback) {
    for key in &command.keys {
        let is_meant = records.locks.get(key).is_some_and(|lock| {
            lock.start_ts == command.start_ts
                && lock.is_pessimistic()
                && lock.for_update_ts <= command.for_update_ts
        });
        if is_meant {
            records.locks.remove(key);
        }
    }
}

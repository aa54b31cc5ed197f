//! ResolveLock: finishes what a transaction whose fate is known has left behind.

use super::{commit_key, own_lock, rollback_key};
use crate::key::Key;
use crate::mvcc::Records;
use crate::schema::Timestamp;

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

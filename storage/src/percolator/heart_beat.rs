//! HeartBeat: a transaction that takes its time is still alive.

use std::sync::Arc;

use crate::key::Key;
use crate::mvcc::Records;
use crate::schema::Timestamp;

/// Tells the region of a primary key that its transaction is alive.
#[derive(Clone, Debug)]
pub struct HeartBeat {
    /// The primary key.
    pub primary: Key,
    /// The transaction.
    pub start_ts: Timestamp,
    /// Its time to live shall be this at least, from `start_ts` on.
    pub ttl_ms: u64,
}

/// Applies a [`HeartBeat`]: the time to live, or `None` if the primary is not locked any more.
pub(crate) fn heart_beat(records: &mut Records, command: &HeartBeat) -> Option<u64> {
    let lock = records.locks.get_mut(&command.primary).filter(|lock| lock.start_ts == command.start_ts)?;
    if lock.ttl_ms < command.ttl_ms {
        Arc::make_mut(lock).ttl_ms = command.ttl_ms;
    }
    Some(lock.ttl_ms)
}

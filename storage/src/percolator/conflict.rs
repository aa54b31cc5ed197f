//! Two transactions that changed the same key.

use crate::key::Key;
use crate::mvcc::Records;
use crate::schema::Timestamp;

/// Someone else's change of a key, which a transaction has not seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// The first such key that was met.
    pub key: Key,
    /// Who changed it; zero if that is not known: it was loaded in bulk, or compacted since.
    pub start_ts: Timestamp,
    /// When it was committed; zero if it is not, or if the transaction itself took so long that it was rolled back.
    pub commit_ts: Timestamp,
}

impl Conflict {
    /// One of which nothing else is known.
    pub(crate) fn at(key: Key) -> Conflict {
        Conflict { key, start_ts: Timestamp::default(), commit_ts: Timestamp::default() }
    }

    /// The change of a key that was committed after `seen`, if there is one.
    pub(super) fn since(records: &Records, key: &Key, seen: Timestamp) -> Option<Conflict> {
        let (start_ts, commit_ts) = records.newest_commit(key, seen)?;
        (commit_ts > seen).then(|| Conflict { key: key.clone(), start_ts, commit_ts })
    }
}

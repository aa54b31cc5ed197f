//! What a caller of the client cannot continue from. What the protocol expects (a lock, a conflict, a region that moved) is
//! a value elsewhere and never gets here.

use std::fmt;
use std::sync::Arc;

use crate::chunk::BuildError;
use crate::client::{BackoffKind, BackoffTally};
use crate::key::{Key, TypeMismatch};
use crate::schema::{RegionId, SpaceId, Timestamp};

/// Why the client gave up.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The cluster's trouble: it was retried for as long as the budget allowed.
    #[error("{0}")]
    Exhausted(Box<Exhausted>),
    /// The data's fault: two rows of an ingest, or a row and one that is there, have the same key.
    #[error("two rows of space {space} have the key {key:?}")]
    DuplicateKey {
        /// Their space.
        space: SpaceId,
        /// Their key.
        key: Key,
    },
    /// The caller's fault: there is no such space (any more).
    #[error("there is no space {0}")]
    UnknownSpace(SpaceId),
    /// The caller's fault: the space is there already.
    #[error("space {0} exists already")]
    SpaceExists(SpaceId),
    /// The caller's fault: there is no such store.
    #[error("there is no replica of {region} on the store with id {store}", store = .store.0)]
    NoReplica {
        /// The region that was to move.
        region: RegionId,
        /// Where to.
        store: crate::schema::StoreId,
    },
    /// The caller's fault: it reads at a timestamp whose versions may have been compacted away.
    #[error("cannot read at {ts}: versions before {safe_ts} are compacted away")]
    SnapshotTooOld {
        /// The caller's timestamp.
        ts: Timestamp,
        /// The least that can be read at.
        safe_ts: Timestamp,
    },
    /// The caller's fault: a batch does not have the columns of its space.
    #[error("{0}")]
    TypeMismatch(#[from] TypeMismatch),
    /// The caller's fault: rows that are not what their space declares.
    #[error("{0}")]
    BadRows(BuildError),
    /// The cluster's trouble: loading took so long between two steps that others took it for dead. Nothing was loaded.
    #[error("the load was given up: it was not heard of for too long")]
    IngestAbandoned,
    /// Somebody else has locked a key that a transaction of one statement writes, and may take long
    /// ([`Client::commit_at_once`](crate::client::Client::commit_at_once)). Nothing was changed.
    #[error("lock wait timeout exceeded; try restarting transaction")]
    Blocked {
        /// The key.
        key: Key,
    },
    /// The caller does not want to wait any longer ([`Interrupt`](crate::client::Interrupt)).
    #[error("interrupted")]
    Interrupted,
    /// Nobody's fault but Allod's.
    #[error("internal error: {0}")]
    Internal(String),
}

/// A retry budget that ran out: what was tried, where, how long, how often, and what took longest.
#[derive(Clone, Debug)]
pub struct Exhausted {
    /// What the client was doing.
    pub part: &'static str,
    /// The region it was doing it to, if it got that far.
    pub region: Option<RegionId>,
    /// How long it waited in all.
    pub slept_ms: u64,
    /// The kind of trouble that took longest.
    pub worst: BackoffKind,
    /// Waits by kind.
    pub tally: BackoffTally,
    /// The last troubles met, oldest first.
    pub last: Vec<Arc<str>>,
}

impl Exhausted {
    /// The MySQL error code that TiDB gives for the kind of trouble that took longest.
    pub fn mysql_code(&self) -> u16 {
        self.worst.mysql_code()
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.worst.failure(), self.part)?;
        if let Some(region) = self.region {
            write!(f, " of region {region}")?;
        }
        write!(
            f,
            " gave up after waiting {} ms, longest for {} ({})",
            self.slept_ms, self.worst, self.tally
        )?;
        if !self.last.is_empty() {
            write!(f, "; last met: {}", self.last.join(", "))?;
        }
        Ok(())
    }
}

/// What the client's methods return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Rows of a space that cannot become chunks.
    pub(crate) fn of_build(space: SpaceId, error: BuildError) -> Error {
        match error {
            BuildError::DuplicateKey { key } => Error::DuplicateKey { space, key },
            BuildError::Type(mismatch) => Error::TypeMismatch(mismatch),
            other => Error::BadRows(other),
        }
    }
}

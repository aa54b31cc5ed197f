//! What is asked and answered. Plain data: it could cross a process boundary.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::chunk::Chunk;
use crate::error::Error;
use crate::fault::CommandKind;
use crate::key::{Key, KeyRange, TypeMismatch};
use crate::mvcc::{GetResult, LockInfo, LookupResult, Lookups, OwnWrites, RegionScan, ZoneFilter};
use crate::pd::RegionInfo;
use crate::percolator::{
    CheckSecondaryLocks, CheckTxnStatus, Commit, CommitOutcome, HeartBeat, PessimisticLock,
    PessimisticLockOutcome, PessimisticRollback, Prewrite, PrewriteOutcome, ResolveLock, Rollback,
    SecondaryLocks, TxnStatus,
};
use crate::region::{BackfillOutcome, Epoch, IngestOutcome};
use crate::schema::{RegionId, SpaceId, SpaceSchema, StoreId, Timestamp};
use crate::store::Deadlock;

/// A request to a store about one region.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) to: StoreId,
    pub(crate) region: RegionId,
    /// As the sender knows it.
    pub(crate) epoch: Epoch,
    pub(crate) body: Body,
}

/// What is wanted of a region. Cheap to clone, for it may have to be sent again.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Scan(Arc<ScanBody>),
    Get(Arc<GetBody>),
    Lookup(Arc<LookupBody>),
    Prewrite(Prewrite),
    /// Prewrite and commit in one command: the region holds every key of the transaction.
    OnePhase(Prewrite),
    PessimisticLock(PessimisticLock),
    PessimisticRollback(PessimisticRollback),
    /// Answered when the lock is gone, or when it has waited long enough.
    AwaitLock(AwaitLock),
    HeartBeat(HeartBeat),
    Commit(Commit),
    Rollback(Rollback),
    CheckTxnStatus(CheckTxnStatus),
    CheckSecondaryLocks(CheckSecondaryLocks),
    ResolveLock(ResolveLock),
    /// Locks of transactions that began before this.
    ScanLocks {
        before: Timestamp,
    },
    /// Folds what nobody can tell apart any more.
    Compact,
    /// Announces rows in bulk: from now on the region waits for the outcome of the ingest. Sent again, it renews its life.
    PrepareIngest(PrepareIngest),
    /// Adds the announced rows, committed at this time; `None` = there will be none.
    FinishIngest {
        ingest: Timestamp,
        commit_ts: Option<Timestamp>,
    },
    /// Adds rows as they were at a timestamp, below what was written since: chunks in key order.
    Backfill {
        at: Timestamp,
        chunks: Arc<[Chunk]>,
    },
    /// Splits at these keys, ascending.
    Split(Arc<[Key]>),
    TransferLeader(StoreId),
    /// Takes over the neighbour to the right.
    Merge,
}

impl Body {
    /// What kind of request it is.
    pub(crate) fn kind(&self) -> CommandKind {
        match self {
            Body::Scan(_) => CommandKind::Scan,
            Body::Get(_) => CommandKind::Get,
            Body::Lookup(_) => CommandKind::Lookup,
            Body::Prewrite(_) => CommandKind::Prewrite,
            Body::OnePhase(_) => CommandKind::OnePhase,
            Body::PessimisticLock(_) => CommandKind::PessimisticLock,
            Body::PessimisticRollback(_) => CommandKind::PessimisticRollback,
            Body::AwaitLock(_) => CommandKind::AwaitLock,
            Body::HeartBeat(_) => CommandKind::HeartBeat,
            Body::Commit(_) => CommandKind::Commit,
            Body::Rollback(_) => CommandKind::Rollback,
            Body::CheckTxnStatus(_) => CommandKind::CheckTxnStatus,
            Body::CheckSecondaryLocks(_) => CommandKind::CheckSecondaryLocks,
            Body::ResolveLock(_) => CommandKind::ResolveLock,
            Body::ScanLocks { .. } => CommandKind::ScanLocks,
            Body::Compact => CommandKind::Compact,
            Body::PrepareIngest(_) => CommandKind::PrepareIngest,
            Body::FinishIngest { .. } => CommandKind::FinishIngest,
            Body::Backfill { .. } => CommandKind::Backfill,
            Body::Split(_) => CommandKind::Split,
            Body::TransferLeader(_) => CommandKind::TransferLeader,
            Body::Merge => CommandKind::Merge,
        }
    }

    /// How long the store may take to answer, if it waits for something to happen.
    pub(crate) fn patience(&self) -> Option<Duration> {
        if let Body::AwaitLock(wait) = self { Some(Duration::from_millis(wait.wait_ms)) } else { None }
    }

    /// Whether the replicas have to agree on it.
    pub(crate) fn is_write(&self) -> bool {
        !matches!(
            self.kind(),
            CommandKind::Scan
                | CommandKind::Get
                | CommandKind::Lookup
                | CommandKind::AwaitLock
                | CommandKind::ScanLocks
        )
    }

    /// The last of the keys that it names, if it names some.
    pub(crate) fn last_key(&self) -> Option<Key> {
        match self {
            Body::Get(get) => get.keys.last().cloned(),
            Body::Prewrite(prewrite) | Body::OnePhase(prewrite) => {
                prewrite.mutations.last().map(|mutation| mutation.key.clone())
            }
            Body::PessimisticLock(lock) => lock.keys.last().cloned(),
            Body::PessimisticRollback(rollback) => rollback.keys.last().cloned(),
            Body::AwaitLock(wait) => Some(wait.key.clone()),
            Body::HeartBeat(beat) => Some(beat.primary.clone()),
            Body::Commit(commit) => commit.keys.last().cloned(),
            Body::Rollback(rollback) => rollback.keys.last().cloned(),
            Body::CheckTxnStatus(check) => Some(check.primary.clone()),
            Body::CheckSecondaryLocks(check) => check.keys.last().cloned(),
            Body::ResolveLock(resolve) => resolve.keys.as_ref().and_then(|keys| keys.last().cloned()),
            Body::Split(keys) => keys.last().cloned(),
            Body::Backfill { chunks, .. } => chunks.last().map(|chunk| chunk.last_key().clone()),
            Body::Scan(_)
            | Body::Lookup(_)
            | Body::ScanLocks { .. }
            | Body::Compact
            | Body::PrepareIngest(_)
            | Body::FinishIngest { .. }
            | Body::TransferLeader(_)
            | Body::Merge => None,
        }
    }
}

/// Rows that come in bulk, those of one region.
#[derive(Clone, Debug)]
pub(crate) struct PrepareIngest {
    /// When the ingest began; its identity.
    pub(crate) ingest: Timestamp,
    /// The region of this key decides whether the ingest is committed.
    pub(crate) primary: Key,
    /// When the ingest may be taken for abandoned, if nobody says otherwise.
    pub(crate) until_ms: u64,
    /// In key order, without a commit timestamp so far.
    pub(crate) chunks: Arc<[Chunk]>,
}

/// A transaction waits for another's lock.
#[derive(Clone, Debug)]
pub(crate) struct AwaitLock {
    pub(crate) key: Key,
    /// The transaction that holds it.
    pub(crate) holder: Timestamp,
    /// It does not hold it yet: it goes first of those who waited ([`Awaited::Next`]).
    pub(crate) expected: bool,
    /// The transaction that waits.
    pub(crate) waiter: Timestamp,
    /// No longer than this; then it shall look for itself.
    pub(crate) wait_ms: u64,
}

/// How waiting for a lock ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Awaited {
    /// The lock may be gone: try again.
    Released,
    /// The lock is gone, but this transaction has waited for it, too, and goes first: let it pass.
    Next(Timestamp),
    /// The holder waits for the waiter, by itself or through others.
    Deadlock(Deadlock),
}

/// Rows in key ranges at a timestamp.
#[derive(Clone, Debug)]
pub(crate) struct ScanBody {
    /// Sorted, disjoint, within the region.
    pub(crate) ranges: Arc<[KeyRange]>,
    pub(crate) ts: Timestamp,
    pub(crate) zone: Arc<[ZoneFilter]>,
    pub(crate) descending: bool,
    /// Transactions whose locks the reader may pass.
    pub(crate) ignore: Vec<Timestamp>,
    /// What the reader's transaction wrote.
    pub(crate) own: OwnWrites,
}

/// Rows by key at a timestamp.
#[derive(Clone, Debug)]
pub(crate) struct GetBody {
    pub(crate) keys: Arc<[Key]>,
    pub(crate) ts: Timestamp,
    pub(crate) ordinals: Arc<[usize]>,
    pub(crate) ignore: Vec<Timestamp>,
    pub(crate) own: OwnWrites,
}

/// Rows by many keys or prefixes of keys.
#[derive(Clone, Debug)]
pub(crate) struct LookupBody {
    pub(crate) lookups: Arc<Lookups>,
    /// Which of them.
    pub(crate) rows: Range<usize>,
    /// Only keys in this range, within the region: the rest of a prefix may be in a neighbour. `None` = in all of it.
    pub(crate) within: Option<KeyRange>,
    pub(crate) ignore: Vec<Timestamp>,
}

/// Answer to a read.
#[derive(Debug)]
pub(crate) enum Read<T> {
    Rows(T),
    /// Transactions that may commit before the read's timestamp hold these locks.
    Locked(Vec<LockInfo>),
    /// Rows that come in bulk may become visible before the read's timestamp.
    Ingesting,
    TooOld {
        safe_ts: Timestamp,
    },
}

/// What became of a one-phase commit.
#[derive(Debug)]
pub(crate) enum OnePhaseOutcome {
    Committed(Timestamp),
    /// It did not get beyond the prewrite.
    Refused(PrewriteOutcome),
}

/// Answer to a request that reached the right region.
#[derive(Debug)]
pub(crate) enum Reply {
    Scan(Read<RegionScan>),
    Get(Read<GetResult>),
    Lookup(Read<LookupResult>),
    /// The keys of a lookup are not of the types that the space declares.
    Unfit(TypeMismatch),
    Prewrite(PrewriteOutcome),
    OnePhase(OnePhaseOutcome),
    PessimisticLock(PessimisticLockOutcome),
    PessimisticRolledBack,
    Awaited(Awaited),
    /// The time to live, if the primary is locked.
    HeartBeat(Option<u64>),
    Commit(CommitOutcome),
    /// Or committed before, in which case nothing changed.
    RolledBack,
    TxnStatus(TxnStatus),
    SecondaryLocks(SecondaryLocks),
    Resolved,
    /// The first of them, if there are very many.
    Locks(Vec<LockInfo>),
    IngestPrepared(IngestOutcome),
    /// When it was committed; `None` = it was given up.
    IngestFinished(Option<Timestamp>),
    Backfilled(BackfillOutcome),
    /// The region and those split off it.
    Split(Vec<Arc<RegionInfo>>),
    LeaderMoved(Arc<RegionInfo>),
    /// The region as it is now, if it had a neighbour.
    Merged(Option<Arc<RegionInfo>>),
    NoReplica,
}

/// A store's answer.
pub(crate) type Response = Result<Reply, RegionError>;

/// Why a store refuses a request: it did not reach the right region, or not at the right moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RegionError {
    NotLeader {
        leader: Option<StoreId>,
    },
    EpochNotMatch {
        current: Vec<Arc<RegionInfo>>,
    },
    RegionNotFound,
    KeyNotInRegion,
    ServerIsBusy,
    StaleCommand,
    StoreNotMatch,
    /// The region takes no writes for a moment, because something larger is under way.
    ProposalInMergingMode,
}

/// Why a store refused a request, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegionErrorKind {
    /// Another store leads the region.
    NotLeader,
    /// The region was split, merged or moved.
    EpochNotMatch,
    /// The store has no such region.
    RegionNotFound,
    /// The region does not hold the key.
    KeyNotInRegion,
    /// The store asks for time.
    ServerIsBusy,
    /// The command came too late.
    StaleCommand,
    /// The request reached another store than it named.
    StoreNotMatch,
    /// The region takes no writes for a moment.
    ProposalInMergingMode,
}

impl RegionErrorKind {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            RegionErrorKind::NotLeader => "not leader",
            RegionErrorKind::EpochNotMatch => "epoch not match",
            RegionErrorKind::RegionNotFound => "region not found",
            RegionErrorKind::KeyNotInRegion => "key not in region",
            RegionErrorKind::ServerIsBusy => "server is busy",
            RegionErrorKind::StaleCommand => "stale command",
            RegionErrorKind::StoreNotMatch => "store not match",
            RegionErrorKind::ProposalInMergingMode => "proposal in merging mode",
        }
    }

    pub(crate) const COUNT: usize = 8;
    pub(crate) const ALL: [RegionErrorKind; RegionErrorKind::COUNT] = [
        RegionErrorKind::NotLeader,
        RegionErrorKind::EpochNotMatch,
        RegionErrorKind::RegionNotFound,
        RegionErrorKind::KeyNotInRegion,
        RegionErrorKind::ServerIsBusy,
        RegionErrorKind::StaleCommand,
        RegionErrorKind::StoreNotMatch,
        RegionErrorKind::ProposalInMergingMode,
    ];
}

impl RegionError {
    pub(crate) fn kind(&self) -> RegionErrorKind {
        match self {
            RegionError::NotLeader { .. } => RegionErrorKind::NotLeader,
            RegionError::EpochNotMatch { .. } => RegionErrorKind::EpochNotMatch,
            RegionError::RegionNotFound => RegionErrorKind::RegionNotFound,
            RegionError::KeyNotInRegion => RegionErrorKind::KeyNotInRegion,
            RegionError::ServerIsBusy => RegionErrorKind::ServerIsBusy,
            RegionError::StaleCommand => RegionErrorKind::StaleCommand,
            RegionError::StoreNotMatch => RegionErrorKind::StoreNotMatch,
            RegionError::ProposalInMergingMode => RegionErrorKind::ProposalInMergingMode,
        }
    }
}

/// A request to the placement driver.
#[derive(Clone, Debug)]
pub(crate) enum PdRequest {
    Timestamp,
    /// What nobody reads below.
    SafePoint,
    /// The regions that overlap a range, in key order, at most this many.
    Regions {
        range: KeyRange,
        limit: usize,
    },
    Schema(SpaceId),
    CreateSpace(Arc<SpaceSchema>),
    DropSpace(SpaceId),
}

/// Its answer.
#[derive(Debug)]
pub(crate) enum PdReply {
    Timestamp(Timestamp),
    Regions(Vec<Arc<RegionInfo>>),
    Schema(Option<Arc<SpaceSchema>>),
    Done,
    Refused(Error),
}

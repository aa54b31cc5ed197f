//! The kinds of faults.

use std::time::Duration;

use crate::schema::{RegionId, StoreId};

/// Who sends and receives messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// Whoever has a client: all of them are one machine.
    Client,
    /// The placement driver.
    Pd,
    /// A store.
    Store(StoreId),
}

/// One thing that changes. `None` in the place of a node or a store stands for all of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// All chance comes from this number from now on.
    Seed(u64),
    /// A store behaves differently.
    Store {
        /// Which.
        store: Option<StoreId>,
        /// How.
        change: StoreChange,
    },
    /// Messages from one node to another fare differently. The link from a store to a client carries replies.
    Link {
        /// Who sends.
        from: Option<Node>,
        /// Who receives.
        to: Option<Node>,
        /// Whether it concerns the other direction, too.
        both_ways: bool,
        /// How.
        change: LinkChange,
    },
    /// Nodes of different sides do not hear each other any more. A node that is on no side hears all. No sides = all are
    /// one again.
    Partition(Vec<Vec<Node>>),
    /// The placement driver's clock is off by this many milliseconds.
    Clock {
        /// Positive = it is ahead.
        offset_ms: i64,
    },
    /// A region changes just before it carries out a command.
    Region {
        /// Which; `None` = the one that the command is for.
        region: Option<RegionId>,
        /// How.
        change: RegionChange,
        /// Before the how manieth command from now on: 1 = the next.
        nth: u64,
        /// Counting only commands of this kind; `None` = all.
        command: Option<CommandKind>,
    },
    /// All is well again: stores, links, clock; regions stay as they are.
    Heal,
}

/// How a store behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StoreChange {
    /// It is down: nothing that reaches it is done, and who knocks is refused at once.
    Crash,
    /// It is up again, with all its replicas.
    Restart,
    /// It does nothing, but keeps what reaches it, and does it when it comes to.
    Stall,
    /// It comes to.
    Resume,
    /// This part of requests it answers with "server is busy": 0 to 1.
    Busy(f64),
    /// Each request takes this much longer.
    Slow(Duration),
    /// All of the above ends.
    Recover,
}

/// How a link behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LinkChange {
    /// A message takes at least this long. Between stores: what a write waits for a follower, there and back.
    Latency(Duration),
    /// And up to this much longer.
    Jitter(Duration),
    /// This part of messages is lost: 0 to 1.
    Loss(f64),
    /// This part of requests arrives twice, the second time later: 0 to 1.
    Duplicate(f64),
    /// This part of messages is held back, so that later ones overtake them: 0 to 1.
    Reorder(f64),
    /// Nothing gets through.
    Cut,
    /// As the cluster was made.
    Recover,
}

/// How a region changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionChange {
    /// In two, between the command's keys if there are several, else in the middle.
    Split,
    /// With its neighbour to the right, if there is one.
    Merge,
    /// The next replica leads it.
    MoveLeader,
    /// A replica moves to another store, or only counts as moved if there is no other: the epoch changes, the range does
    /// not.
    MoveReplica,
}

/// A fault and when it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// From the moment at which the plan was handed over.
    pub after: Duration,
    /// The fault.
    pub fault: Fault,
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Kinds of requests to a region.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CommandKind {
            $($(#[$doc])* $name,)*
        }

        impl CommandKind {
            /// All of them.
            pub const ALL: &[CommandKind] = &[$(CommandKind::$name,)*];

            /// Its name in texts.
            pub fn name(self) -> &'static str {
                match self {
                    $(CommandKind::$name => $text,)*
                }
            }
        }
    };
}

commands! {
    /// Rows of key ranges.
    Scan = "SCAN",
    /// Rows by key.
    Get = "GET",
    /// Rows by many keys.
    Lookup = "LOOKUP",
    /// A transaction locks keys to write them.
    Prewrite = "PREWRITE",
    /// Both phases in one.
    OnePhase = "ONE_PHASE",
    /// A transaction locks keys before it knows what to write.
    PessimisticLock = "PESSIMISTIC_LOCK",
    /// And gives them back.
    PessimisticRollback = "PESSIMISTIC_ROLLBACK",
    /// A transaction waits for another's lock.
    AwaitLock = "AWAIT_LOCK",
    /// A transaction is alive.
    HeartBeat = "HEART_BEAT",
    /// A transaction's locks become versions.
    Commit = "COMMIT",
    /// They go away.
    Rollback = "ROLLBACK",
    /// What became of a transaction?
    CheckTxnStatus = "CHECK_TXN_STATUS",
    /// Are the other keys of a transaction locked?
    CheckSecondaryLocks = "CHECK_SECONDARY_LOCKS",
    /// Its locks are finished.
    ResolveLock = "RESOLVE_LOCK",
    /// Which locks are old?
    ScanLocks = "SCAN_LOCKS",
    /// Old versions are folded.
    Compact = "COMPACT",
    /// Rows in bulk are announced.
    PrepareIngest = "PREPARE_INGEST",
    /// And added.
    FinishIngest = "FINISH_INGEST",
    /// Rows of an index are added below what was written since.
    Backfill = "BACKFILL",
    /// A region is split.
    Split = "SPLIT",
    /// A region gets another leader.
    TransferLeader = "TRANSFER_LEADER",
    /// Two regions become one.
    Merge = "MERGE",
}

//! Optimizer hints, `/*+ … */`, as plain data: what they ask for, of which tables, in which query block.
//!
//! TiDB's rules: a hint names tables by alias; a name that no table of the block has, or a method that cannot be used there,
//! does not fail the statement but leaves warning 1815 in the words that TiDB uses. `@sel_2` behind a hint's name or a table
//! speaks of another block than the one the hint stands in; `QB_NAME(x)` gives a block a name.

use std::sync::Arc;

/// The hints of a statement, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// One for each.
    pub list: Vec<Hint>,
}

/// One hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// As TiDB writes it in a warning: `INL_JOIN(t1, t2)`.
    pub text: String,
    /// Number of the query block that it speaks of (see [`crate::logical::Scan::block`]).
    pub block: u32,
    /// What it asks for.
    pub kind: HintKind,
}

/// What a hint asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HintKind {
    /// `INL_JOIN(t)`, `NO_HASH_JOIN(t)`, …: how to join these tables. For the index joins they are the inner side.
    Join {
        /// The method.
        method: JoinMethod,
        /// Whether it is to be used (or, `NO_…`, not to be used).
        wanted: bool,
        /// Tables; for a NO_ form none stands for all of the block.
        tables: Vec<HintTable>,
    },
    /// `LEADING(t1, t2, …)`: join these first, in this order.
    Leading(Vec<HintTable>),
    /// `STRAIGHT_JOIN()`, and SELECT STRAIGHT_JOIN: join in the order of FROM.
    StraightJoin,
    /// `USE_INDEX(t, i, …)` and its relatives, and the table hints `USE INDEX (i)`.
    Index {
        /// Which of them.
        mode: IndexMode,
        /// The table.
        table: HintTable,
        /// Names of indexes; `PRIMARY` is the clustered key. None with Use: no index at all.
        indexes: Vec<Arc<str>>,
    },
    /// `USE_INDEX_MERGE(t, i, …)`.
    UseIndexMerge {
        /// The table.
        table: HintTable,
        /// Names; none = any.
        indexes: Vec<Arc<str>>,
    },
    /// `NO_INDEX_MERGE()`.
    NoIndexMerge,
    /// `HASH_AGG()`.
    HashAgg,
    /// `STREAM_AGG()`.
    StreamAgg,
    /// `AGG_TO_COP()`.
    AggToCop,
    /// `LIMIT_TO_COP()`.
    LimitToCop,
    /// `MEMORY_QUOTA(64 MB)`, in bytes.
    MemoryQuota(u64),
    /// `MAX_EXECUTION_TIME(1000)`, in milliseconds.
    MaxExecutionTime(u64),
}

/// How to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinMethod {
    /// `INL_JOIN`.
    Index,
    /// `INL_HASH_JOIN`.
    IndexHash,
    /// `HASH_JOIN`; `HASH_JOIN_BUILD` and `HASH_JOIN_PROBE` say which side too.
    Hash,
    /// `HASH_JOIN_BUILD(t)`: a hash join, and t builds.
    HashBuild,
    /// `HASH_JOIN_PROBE(t)`: a hash join, and t probes.
    HashProbe,
    /// `MERGE_JOIN`.
    Merge,
}

/// How an index hint speaks of its indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexMode {
    /// Only these, or a full scan if none of them helps.
    Use,
    /// Only these, and no full scan if one of them can be used.
    Force,
    /// None of these.
    Ignore,
    /// Only these, in their order.
    Order,
    /// Only these, not for their order.
    NoOrder,
}

/// A table as a hint names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HintTable {
    /// Database, if it is written.
    pub database: Option<Arc<str>>,
    /// Alias or name.
    pub name: Arc<str>,
    /// Number of the query block it is looked for in.
    pub block: u32,
}

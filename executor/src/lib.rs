//! Physical plan and snapshot in, Arrow batches out.
//!
//! One statement's way, `SELECT s, COUNT(*) FROM t JOIN u ON t.k = u.k WHERE t.v < 5 GROUP BY s`:
//!
//! 1. [`execute`] makes an [`Execution`]; nothing runs before its first `next`.
//! 2. `build` walks the plan. At the join it runs `u`'s pipeline into a hash table; down at `t`'s scan it opens region views
//!    and cuts them into tasks, taking along what the table knows of its keys; at the aggregation it runs scan, probe and
//!    grouping, morsel by morsel on all workers (`pipeline`); the groups are the source of what is left of the plan.
//! 3. Each `next` runs a bounded piece of that last pipeline and hands out its batches, in the types of the door.
//!
//! The operators have a room each. Those that keep rows are sinks (`hash_join`, `aggregate`, `sort`), those that pass them
//! on are operators (`selection`, `projection`, `limit`, `apply`, the probe of `hash_join`), and rows come from sources
//! (`scan`, and whatever a sink made). `kernel` computes; `dml` turns rows into changes of keys and commits them.

mod aggregate;
mod apply;
mod batch;
mod build;
mod dml;
mod error;
mod execute;
mod few;
mod hash_join;
mod index_join;
mod index_lookup;
mod index_merge;
mod kernel;
mod key;
mod limit;
mod lock;
mod lookup;
mod merge_join;
mod metrics;
mod partition;
mod pipeline;
#[cfg(test)]
mod plan_tests;
mod prepared;
mod projection;
mod recursion;
mod scan;
mod selection;
mod sort;
#[cfg(feature = "speed")]
pub mod speed;
#[cfg(feature = "speed")]
mod speed_lookup;
mod values;
mod window;

pub use batch::bytes_of;
pub use dml::{check, committed, deal, follow, generate, record_keys, remake, stored};
pub use error::Error;
pub use execute::{
    Affected, Destination, Environment, Execution, NamedLocks, Nobody, Numbered, RowIds, Run, Sequences,
    Tuning, UserVariables, execute,
};
pub use few::FewRoom;
pub use kernel::{Dates, JsonFault, Rules, Verdict, place_of, statement_digest};
pub use lock::{Locking, WantedLocks};
pub use metrics::{
    CommitRun, CopTasks, Detail, IndexJoinRun, IndexLookUpRun, IndexMergeRun, OperatorMetrics,
};
pub use pipeline::Cancel;
pub use prepared::Prepared;

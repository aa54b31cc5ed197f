//! What the session's variables say of how statements are planned.

use allod_storage::schema::Datum;

use crate::bind::Variables;

/// How a partitioned table is read (`tidb_partition_prune_mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PruneMode {
    /// One scan over all partitions that are left.
    #[default]
    Dynamic,
    /// A scan for each partition, under a PartitionUnion; no index join into more than one partition.
    Static,
}

/// Switches of the planner, with TiDB's names and defaults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// `tidb_partition_prune_mode`.
    pub prune_mode: PruneMode,
    /// `tidb_enable_index_merge`, ON.
    pub index_merge: bool,
    /// `tidb_index_join_batch_size`, 25,000 rows: the largest batch of outer rows, for costs.
    pub index_join_batch_rows: u64,
    /// `tidb_opt_agg_push_down`-like switches are rules, not options; this is `tidb_opt_prefer_range_scan`, ON.
    pub prefer_range_scan: bool,
    /// `tidb_opt_use_invisible_indexes`, OFF.
    pub use_invisible_indexes: bool,
    /// `tidb_skip_missing_partition_stats`, ON: whether partitions are also pruned dynamically where there are no statistics of
    /// their table.
    pub skip_missing_partition_stats: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            prune_mode: PruneMode::Dynamic,
            index_merge: true,
            index_join_batch_rows: 25_000,
            prefer_range_scan: true,
            use_invisible_indexes: false,
            skip_missing_partition_stats: true,
        }
    }
}

impl Options {
    /// As a session has set them; what it does not know has its default.
    pub fn of(variables: &dyn Variables) -> Options {
        let default = Options::default();
        let switch = |name: &str, default: bool| match variables.system(name, false) {
            Some(Datum::Int(v)) => v != 0,
            _ => default,
        };
        let prune_mode = match variables.system("tidb_partition_prune_mode", false) {
            Some(Datum::String(mode)) if mode.eq_ignore_ascii_case("static") => PruneMode::Static,
            _ => PruneMode::Dynamic,
        };
        let index_join_batch_rows = match variables.system("tidb_index_join_batch_size", false) {
            Some(Datum::Int(v)) => u64::try_from(v).unwrap_or(default.index_join_batch_rows).max(1),
            _ => default.index_join_batch_rows,
        };
        Options {
            prune_mode,
            index_merge: switch("tidb_enable_index_merge", default.index_merge),
            index_join_batch_rows,
            prefer_range_scan: switch("tidb_opt_prefer_range_scan", default.prefer_range_scan),
            use_invisible_indexes: use_invisible_indexes(variables),
            skip_missing_partition_stats: switch(
                "tidb_skip_missing_partition_stats",
                default.skip_missing_partition_stats,
            ),
        }
    }
}

/// Whether the session plans with invisible indexes (`tidb_opt_use_invisible_indexes`).
pub(crate) fn use_invisible_indexes(variables: &dyn Variables) -> bool {
    variables.system("tidb_opt_use_invisible_indexes", false) == Some(Datum::Int(1))
}

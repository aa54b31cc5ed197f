//! Which variables there are: what each is called, what it takes, what it is unless somebody sets it, and for whom.

use super::VERSION;
use super::kept::KEPT;
use crate::error::{Error, Result, code};

/// What values a variable takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Domain {
    /// Anything, as text.
    Text,
    /// ON and OFF, in all their spellings.
    Switch,
    /// Words of `sql_mode`.
    Mode,
    /// A time zone.
    Zone,
    /// One of these words, in any case.
    Word(&'static [&'static str]),
    /// A whole number in this range.
    Number(i64, i64),
    /// A whole number of 64 bits without a sign.
    Unsigned,
    /// Any number in this range.
    Real(f64, f64),
    /// A span of time in this range of milliseconds.
    Span(u64, u64),
    /// Cannot be set.
    ReadOnly,
}

/// Who has it for himself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scope {
    /// All together and each session: a new one begins with what all have.
    Both,
    /// All together, and no session.
    Global,
    /// Each session, and nobody else.
    Session,
}

pub(super) struct Definition {
    pub name: &'static str,
    pub domain: Domain,
    pub default: &'static str,
    pub scope: Scope,
}

pub(super) const fn define(name: &'static str, domain: Domain, default: &'static str) -> Definition {
    Definition { name, domain, default, scope: Scope::Both }
}

pub(super) const fn global(name: &'static str, domain: Domain, default: &'static str) -> Definition {
    Definition { name, domain, default, scope: Scope::Global }
}

pub(super) const fn session(name: &'static str, domain: Domain, default: &'static str) -> Definition {
    Definition { name, domain, default, scope: Scope::Session }
}

/// The levels of isolation; the first two there are.
pub(super) const ISOLATION: Domain =
    Domain::Word(&["REPEATABLE-READ", "READ-COMMITTED", "READ-UNCOMMITTED", "SERIALIZABLE"]);

/// The longest span that TiDB allows: 8760 hours.
pub(super) const YEAR_MS: u64 = 8760 * 3_600_000;

/// The largest number that fits TiDB's 32-bit variables.
pub(super) const BIG: i64 = i32::MAX as i64;
/// A number of workers; -1 stands for `tidb_executor_concurrency`.
pub(super) const AUTO: Domain = Domain::Number(-1, 256);

/// Sorted by name.
pub(super) const DEFINITIONS: &[Definition] = &[
    define("allow_auto_random_explicit_insert", Domain::Switch, "OFF"),
    define("auto_increment_increment", Domain::Number(1, 65_535), "1"),
    define("auto_increment_offset", Domain::Number(1, 65_535), "1"),
    define("autocommit", Domain::Switch, "ON"),
    define("character_set_client", Domain::Text, "utf8mb4"),
    define("character_set_connection", Domain::Text, "utf8mb4"),
    define("character_set_database", Domain::Text, "utf8mb4"),
    define("character_set_results", Domain::Text, "utf8mb4"),
    define("collation_connection", Domain::Text, "utf8mb4_bin"),
    define("collation_database", Domain::Text, "utf8mb4_bin"),
    define("cte_max_recursion_depth", Domain::Number(0, u32::MAX as i64), "1000"),
    global(
        "default_authentication_plugin",
        Domain::Word(crate::accounts::DEFAULT_PLUGINS),
        "mysql_native_password",
    ),
    define("default_storage_engine", Domain::Text, "InnoDB"),
    define("default_week_format", Domain::Number(0, 7), "0"),
    define("div_precision_increment", Domain::Number(0, 30), "4"),
    session("error_count", Domain::ReadOnly, "0"),
    define("explicit_defaults_for_timestamp", Domain::Switch, "ON"),
    define("foreign_key_checks", Domain::Switch, "ON"),
    define("group_concat_max_len", Domain::Number(4, i64::MAX), "1048576"),
    define("have_openssl", Domain::ReadOnly, "YES"),
    define("hostname", Domain::ReadOnly, "localhost"),
    session("identity", Domain::Number(0, i64::MAX), "0"),
    global("init_connect", Domain::Text, ""),
    define("innodb_lock_wait_timeout", Domain::Number(1, 3600), "50"),
    define("interactive_timeout", Domain::Number(1, 31_536_000), "28800"),
    session("last_insert_id", Domain::Number(0, i64::MAX), "0"),
    session("last_plan_from_cache", Domain::ReadOnly, "0"),
    define("license", Domain::ReadOnly, "Apache License 2.0"),
    global("local_infile", Domain::Switch, "ON"),
    // A year in MySQL. Here sessions may be of one thread, which would wait for itself.
    define("lock_wait_timeout", Domain::Number(1, 31_536_000), "60"),
    define("lower_case_file_system", Domain::ReadOnly, "OFF"),
    define("lower_case_table_names", Domain::ReadOnly, "2"),
    define("max_allowed_packet", Domain::Number(1024, 1 << 30), "67108864"),
    global("max_connections", Domain::Number(0, 100_000), "0"),
    define("max_error_count", Domain::Number(0, 65_535), "1024"),
    define("max_execution_time", Domain::Number(0, i64::MAX), "0"),
    define("max_prepared_stmt_count", Domain::ReadOnly, "16382"),
    define("net_buffer_length", Domain::Number(1024, 1 << 20), "16384"),
    define("net_read_timeout", Domain::Number(1, 31_536_000), "30"),
    define("net_write_timeout", Domain::Number(1, 31_536_000), "60"),
    define("performance_schema", Domain::ReadOnly, "OFF"),
    define("port", Domain::ReadOnly, "4000"),
    define("protocol_version", Domain::ReadOnly, "10"),
    define("query_cache_size", Domain::ReadOnly, "0"),
    define("query_cache_type", Domain::ReadOnly, "OFF"),
    define("read_only", Domain::ReadOnly, "OFF"),
    define("sql_auto_is_null", Domain::Switch, "OFF"),
    define("sql_big_selects", Domain::Switch, "ON"),
    define(
        "sql_mode",
        Domain::Mode,
        "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
    ),
    define("sql_notes", Domain::Switch, "ON"),
    define("sql_quote_show_create", Domain::Switch, "ON"),
    define("sql_safe_updates", Domain::Switch, "OFF"),
    define("sql_select_limit", Domain::Unsigned, "18446744073709551615"),
    define("sql_warnings", Domain::Switch, "OFF"),
    define("system_time_zone", Domain::ReadOnly, "UTC"),
    define("tidb_backoff_lock_fast", Domain::Number(1, BIG), "10"),
    define("tidb_backoff_weight", Domain::Number(0, BIG), "2"),
    define("tidb_constraint_check_in_place", Domain::Switch, "OFF"),
    define("tidb_constraint_check_in_place_pessimistic", Domain::Switch, "ON"),
    session("tidb_current_ts", Domain::ReadOnly, "0"),
    define("tidb_distsql_scan_concurrency", Domain::Number(1, 256), "15"),
    define("tidb_enable_1pc", Domain::Switch, "ON"),
    define("tidb_enable_async_commit", Domain::Switch, "ON"),
    define("tidb_enable_auto_increment_in_generated", Domain::Switch, "OFF"),
    global("tidb_enable_check_constraint", Domain::Switch, "OFF"),
    define("tidb_enable_clustered_index", Domain::Word(&["OFF", "ON", "INT_ONLY"]), "ON"),
    global("tidb_enable_foreign_key", Domain::Switch, "ON"),
    define("tidb_enable_index_merge", Domain::Switch, "ON"),
    define("tidb_enable_index_merge_join", Domain::Switch, "OFF"),
    define("tidb_enable_inl_join_inner_multi_pattern", Domain::Switch, "ON"),
    define("tidb_enable_non_prepared_plan_cache", Domain::Switch, "ON"),
    define("tidb_enable_noop_functions", Domain::Word(&["OFF", "ON", "WARN"]), "OFF"),
    define("tidb_enable_paging", Domain::Switch, "ON"),
    define("tidb_enable_parallel_apply", Domain::Switch, "OFF"),
    define("tidb_enable_prepared_plan_cache", Domain::Switch, "ON"),
    define("tidb_enable_shared_lock_promotion", Domain::Switch, "ON"),
    define("tidb_enable_slow_log", Domain::Switch, "ON"),
    global("tidb_enable_stmt_summary", Domain::Switch, "ON"),
    define("tidb_executor_concurrency", Domain::Number(1, 256), "5"),
    global("tidb_gc_enable", Domain::Switch, "ON"),
    global("tidb_gc_life_time", Domain::Span(0, YEAR_MS), "5s"),
    global("tidb_gc_run_interval", Domain::Span(100, YEAR_MS), "1m0s"),
    define("tidb_guarantee_linearizability", Domain::Switch, "ON"),
    define("tidb_hash_join_concurrency", AUTO, "-1"),
    define("tidb_hashagg_final_concurrency", AUTO, "-1"),
    define("tidb_hashagg_partial_concurrency", AUTO, "-1"),
    define("tidb_index_join_batch_size", Domain::Number(1, BIG), "25000"),
    define("tidb_index_lookup_concurrency", AUTO, "-1"),
    define("tidb_index_lookup_join_concurrency", AUTO, "-1"),
    define("tidb_index_lookup_size", Domain::Number(1, BIG), "20000"),
    define("tidb_index_serial_scan_concurrency", Domain::Number(1, 256), "1"),
    define("tidb_init_chunk_size", Domain::Number(1, 32), "32"),
    session("tidb_last_ddl_info", Domain::ReadOnly, ""),
    define("tidb_max_chunk_size", Domain::Number(32, BIG), "1024"),
    define("tidb_max_paging_size", Domain::Number(1, i64::MAX), "50000"),
    define("tidb_mem_quota_query", Domain::Number(-1, i64::MAX), "0"),
    define("tidb_min_paging_size", Domain::Number(1, i64::MAX), "128"),
    define("tidb_opt_prefer_range_scan", Domain::Switch, "ON"),
    define("tidb_opt_range_max_size", Domain::Number(0, i64::MAX), "67108864"),
    define("tidb_partition_prune_mode", Domain::Word(&["static", "dynamic"]), "dynamic"),
    define("tidb_projection_concurrency", AUTO, "-1"),
    define("tidb_skip_isolation_level_check", Domain::Switch, "OFF"),
    define("tidb_slow_log_threshold", Domain::Number(-1, BIG), "300"),
    session("tidb_snapshot", Domain::Text, ""),
    define("tidb_store_batch_size", Domain::Number(0, 25_000), "4"),
    define("tidb_sysdate_is_now", Domain::Switch, "OFF"),
    define("tidb_txn_mode", Domain::Word(&["pessimistic", "optimistic", ""]), "pessimistic"),
    define("tidb_window_concurrency", AUTO, "-1"),
    define("time_zone", Domain::Zone, "SYSTEM"),
    session("timestamp", Domain::Real(0.0, i32::MAX as f64), "0"),
    define("transaction_isolation", ISOLATION, "REPEATABLE-READ"),
    define("transaction_read_only", Domain::Switch, "OFF"),
    define("tx_isolation", ISOLATION, "REPEATABLE-READ"),
    define("tx_read_only", Domain::Switch, "OFF"),
    define("unique_checks", Domain::Switch, "ON"),
    define("version", Domain::ReadOnly, VERSION),
    define(
        "version_comment",
        Domain::ReadOnly,
        "Allod: a distributed SQL engine in one process (Apache License 2.0)",
    ),
    define("version_compile_machine", Domain::ReadOnly, std::env::consts::ARCH),
    define("version_compile_os", Domain::ReadOnly, std::env::consts::OS),
    define("wait_timeout", Domain::Number(0, 31_536_000), "28800"),
    session("warning_count", Domain::ReadOnly, "0"),
];

/// The variable of a name, in any case.
///
/// # Errors
/// 1193 if there is none.
pub(super) fn definition(name: &str) -> Result<&'static Definition> {
    let name = name.to_ascii_lowercase();
    let find = |table: &'static [Definition]| {
        let at = table.binary_search_by(|d| d.name.cmp(&name)).ok()?;
        Some(&table[at])
    };
    find(DEFINITIONS)
        .or_else(|| find(KEPT))
        .ok_or_else(|| Error::new(code::UNKNOWN_VARIABLE, format!("unknown system variable '{name}'")))
}

/// All of them.
pub(super) fn definitions() -> impl Iterator<Item = &'static Definition> {
    DEFINITIONS.iter().chain(KEPT)
}

impl Definition {
    /// Refuses SET SESSION (or without a word), or SET GLOBAL, of a variable that is not for that.
    pub fn check_scope(&self, global: bool) -> Result<()> {
        let name = self.name;
        match (self.scope, global) {
            (Scope::Global, false) => {
                let message =
                    format!("Variable '{name}' is a GLOBAL variable and should be set with SET GLOBAL");
                Err(Error::new(code::GLOBAL_VARIABLE, message))
            }
            (Scope::Session, true) => {
                let message =
                    format!("Variable '{name}' is a SESSION variable and can't be used with SET GLOBAL");
                Err(Error::new(code::SESSION_VARIABLE, message))
            }
            (Scope::Both, _) | (Scope::Global, true) | (Scope::Session, false) => Ok(()),
        }
    }
}

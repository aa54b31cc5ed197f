//! What variables say of how statements run.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allod_executor::Tuning;
use allod_planner::KeepRules;
use allod_planner::sql_mode::{Lexing, SqlMode};
use allod_planner::zone::Zone;
use allod_storage::client::{AsyncUse, CommitOptions, RetryPolicy};
use allod_storage::schema::Datum;

use super::charset::Wording;
use super::{SystemValues, definition, time_limit};
use crate::catalog::Stride;
use crate::zone;

/// What the session's variables say of how statements run, looked up once after each SET instead of in each statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The most workers of a pipeline; `None` = nobody said.
    pub workers_max: Option<usize>,
    /// Bytes that a query may use.
    pub memory_quota: u64,
    /// How long a query may run; `None` = for ever.
    pub time_limit: Option<Duration>,
    /// The moment of NOW(); `None` = now.
    pub now: Option<SystemTime>,
    /// Of which zone the session's clocks are.
    pub zone: Zone,
    /// And those of the machine.
    pub system_zone: Zone,
    /// What becomes of values that do not fit.
    pub mode: SqlMode,
    /// Which numbers AUTO_INCREMENT columns are given.
    pub stride: Stride,
    /// Whether AUTO_RANDOM columns may be given values.
    pub may_give_random: bool,
    /// Whether foreign keys are heeded.
    pub heeds_foreign_keys: bool,
    /// How many warnings are kept.
    pub warnings_max: usize,
    /// Sizes and numbers of workers of lookups.
    pub tuning: Tuning,
    /// Whether a statement outside of a transaction is committed by itself.
    pub autocommit: bool,
    /// Whether transactions read only, unless they say otherwise.
    pub read_only: bool,
    /// Whether they lock what they write, unless they say otherwise.
    pub pessimistic: bool,
    /// Whether each of their statements reads what is committed when it begins.
    pub read_committed: bool,
    /// Whether an INSERT in an optimistic transaction looks at once whether its keys are free, and not at the commit.
    pub checks_in_place: bool,
    /// The same in a pessimistic one.
    pub checks_in_place_pessimistic: bool,
    /// How long a statement waits for locks.
    pub lock_wait: Duration,
    /// How long one waits for others to be done with the schema, or with what it changes of it.
    pub schema_wait: Duration,
    /// How transactions commit.
    pub commit: CommitOptions,
    /// How much a statement tries before it gives up.
    pub retry: RetryPolicy,
    /// Whether plans of prepared statements are found again.
    pub keeps_prepared_plans: bool,
    /// Whether plans of statements that come as text are.
    pub keeps_text_plans: bool,
    /// Whether that is told of changes of rows, too.
    pub tells_of_changes: bool,
    /// Of which prepared statements plans are found again.
    pub keeps: KeepRules,
    /// Whether bindings are heeded.
    pub uses_bindings: bool,
    /// How long a connection may be idle.
    pub wait_timeout: Duration,
    /// How long one may be that says that a person is at it.
    pub interactive_timeout: Duration,
    /// The longest packet of a client.
    pub packet_bytes_max: usize,
    /// In which sets the client talks.
    pub wording: Wording,
    /// What takes as long as this is slow; `None` = nothing is.
    pub slow: Option<Duration>,
}

impl Settings {
    pub(super) fn of(values: &SystemValues) -> Settings {
        let number = |name: &str| match definition(name).map(|d| values.get(d)) {
            Ok(Datum::Int(v)) => v,
            _ => 0,
        };
        let word = |name: &str| definition(name).map_or(Datum::Null, |d| values.get(d));
        let seconds = |name: &str| values.0.get(name)?.parse::<f64>().ok();
        let rows = |name| usize::try_from(number(name)).unwrap_or(1).max(1);
        let workers = rows("tidb_executor_concurrency");
        // -1 is none of this variable's own.
        let concurrency = |name| usize::try_from(number(name)).unwrap_or(workers).max(1);
        let time_limit_ms = u64::try_from(number("max_execution_time")).unwrap_or(0);
        let mode = match word("sql_mode") {
            Datum::String(words) => SqlMode::of(&words),
            _ => SqlMode::default(),
        };
        Settings {
            workers_max: values.0.contains_key("tidb_executor_concurrency").then_some(workers),
            // Negative stands for no limit, as in TiDB.
            memory_quota: number("tidb_mem_quota_query").try_into().unwrap_or(u64::MAX),
            time_limit: time_limit(time_limit_ms),
            now: seconds("timestamp").filter(|s| *s > 0.0).map(|s| UNIX_EPOCH + Duration::from_secs_f64(s)),
            zone: match word("time_zone") {
                Datum::String(name) => zone::of_name(&name).unwrap_or_default(),
                _ => Zone::UTC,
            },
            system_zone: zone::system(),
            mode,
            stride: Stride::new(
                number("auto_increment_increment").unsigned_abs(),
                number("auto_increment_offset").unsigned_abs(),
            ),
            may_give_random: number("allow_auto_random_explicit_insert") != 0,
            heeds_foreign_keys: number("foreign_key_checks") != 0 && number("tidb_enable_foreign_key") != 0,
            warnings_max: usize::try_from(number("max_error_count")).unwrap_or(0),
            tuning: Tuning {
                index_join_batch_rows: rows("tidb_index_join_batch_size"),
                index_lookup_rows: rows("tidb_index_lookup_size"),
                index_join_concurrency: concurrency("tidb_index_lookup_join_concurrency"),
                index_lookup_concurrency: concurrency("tidb_index_lookup_concurrency"),
            },
            autocommit: number("autocommit") != 0,
            read_only: number("transaction_read_only") != 0,
            pessimistic: word("tidb_txn_mode") == Datum::string("pessimistic"),
            read_committed: word("transaction_isolation") == Datum::string("READ-COMMITTED"),
            checks_in_place: number("tidb_constraint_check_in_place") != 0,
            checks_in_place_pessimistic: number("tidb_constraint_check_in_place_pessimistic") != 0,
            lock_wait: Duration::from_secs(number("innodb_lock_wait_timeout").unsigned_abs()),
            schema_wait: Duration::from_secs(number("lock_wait_timeout").unsigned_abs()),
            commit: CommitOptions {
                one_phase: number("tidb_enable_1pc") != 0,
                async_commit: match number("tidb_enable_async_commit") {
                    0 => AsyncUse::Never,
                    _ => AsyncUse::WhereItHelps,
                },
                linearizable: number("tidb_guarantee_linearizability") != 0,
            },
            retry: RetryPolicy {
                // Zero stands for the default, as in TiDB.
                weight: match u32::try_from(number("tidb_backoff_weight")) {
                    Ok(0) | Err(_) => RetryPolicy::default().weight,
                    Ok(weight) => weight,
                },
                lock_fast_ms: u32::try_from(number("tidb_backoff_lock_fast")).unwrap_or(u32::MAX),
            },
            keeps_prepared_plans: number("tidb_enable_prepared_plan_cache") != 0,
            keeps_text_plans: number("tidb_enable_non_prepared_plan_cache") != 0
                && mode.lexing == Lexing::default(),
            tells_of_changes: number("tidb_enable_non_prepared_plan_cache_for_dml") != 0,
            keeps: KeepRules {
                limits: number("tidb_enable_plan_cache_for_param_limit") != 0,
                subqueries: number("tidb_enable_plan_cache_for_subquery") != 0,
            },
            uses_bindings: number("tidb_use_plan_baselines") != 0,
            wait_timeout: Duration::from_secs(number("wait_timeout").unsigned_abs()),
            interactive_timeout: Duration::from_secs(number("interactive_timeout").unsigned_abs()),
            packet_bytes_max: rows("max_allowed_packet"),
            wording: Wording::of(values),
            slow: match u64::try_from(number("tidb_slow_log_threshold")) {
                Ok(slow_ms) if number("tidb_enable_slow_log") != 0 => Some(Duration::from_millis(slow_ms)),
                // Negative stands for no limit.
                Ok(_) | Err(_) => None,
            },
        }
    }

    /// The moment of NOW(), in microseconds since 1970.
    pub fn now_us(&self) -> i64 {
        let now: chrono::DateTime<chrono::Utc> = self.now.unwrap_or_else(SystemTime::now).into();
        now.timestamp_micros()
    }
}

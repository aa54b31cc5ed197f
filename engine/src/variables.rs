//! System and user variables of a session.
//!
//! There are three sorts ([`defined`]): those that Allod obeys, those that clients set or read as a matter of
//! course (character sets, autocommit), and those by which TiDB is tuned and Allod need not be (paging, chunk sizes);
//! the last two are kept so that they can be read back (most of them in [`kept`]). A name that is not in the table is an error, so that nobody sets
//! something that nobody knows.
//!
//! Of TiDB's own these are obeyed; [`Settings`] and `allod_planner`'s `Options` say how:
//!
//! | variable | what it does |
//! |---|---|
//! | `tidb_executor_concurrency` | the most workers of a pipeline, of which there is never more than one for each processor; left alone, there are as many as that |
//! | `tidb_index_lookup_concurrency`, `tidb_index_lookup_join_concurrency` | lookups that each worker has under way at the same time, if answers take time; -1 = `tidb_executor_concurrency` |
//! | `tidb_index_lookup_size`, `tidb_index_join_batch_size` | the largest batch of handles, of outer rows |
//! | `tidb_txn_mode`, `transaction_isolation`, `transaction_read_only`, `innodb_lock_wait_timeout` | transactions |
//! | `lock_wait_timeout` | how long a change of a table waits for those who write to it, and who wants to write for a change |
//! | `tidb_constraint_check_in_place`, `tidb_constraint_check_in_place_pessimistic` | whether an INSERT in an optimistic, a pessimistic transaction finds a duplicate at once, or the commit does |
//! | `tidb_enable_1pc`, `tidb_enable_async_commit` | whether a commit may take one step, where that helps: async commit does over a network |
//! | `tidb_guarantee_linearizability` | whether an async commit is later than everything that was committed before it, for which it asks for a timestamp |
//! | `tidb_enable_shared_lock_promotion`, `tidb_enable_noop_functions` | whether FOR SHARE locks as FOR UPDATE does (the default here, not in TiDB); if not, whether it is ignored, with a warning if that is WARN, or refused (1235) |
//! | `tidb_backoff_weight`, `tidb_backoff_lock_fast` | budgets of retries are TiDB's times this; a reader's first wait for a lock, in milliseconds |
//! | `tidb_mem_quota_query`, `max_execution_time` | limits of a statement (errors 8175, 3024), unless a hint sets others |
//! | `tidb_partition_prune_mode`, `tidb_skip_missing_partition_stats`, `tidb_enable_index_merge`, `tidb_opt_prefer_range_scan` | what plans are considered |
//! | `tidb_enable_check_constraint` | whether CHECK means anything; global only, and OFF unless told otherwise |
//! | `foreign_key_checks`, `tidb_enable_foreign_key` | whether foreign keys are heeded; the second global only |
//! | `tidb_gc_enable`, `tidb_gc_life_time`, `tidb_gc_run_interval` | how long what was superseded can be read, and how often somebody sees to it that the rest goes; global only |
//! | `tidb_enable_prepared_plan_cache`, `tidb_enable_plan_cache_for_param_limit`, `tidb_enable_plan_cache_for_subquery`, `tidb_enable_non_prepared_plan_cache` | whether plans are kept |
//! | `tidb_enable_non_prepared_plan_cache_for_dml` | whether `@@last_plan_from_cache` tells of changes of rows that come as text, too |
//! | `sql_select_limit` | how many rows a query answers with that has no LIMIT |
//! | `tidb_sysdate_is_now` | whether SYSDATE() says what NOW() does, which it does here anyway |
//! | `tidb_use_plan_baselines` | whether bindings are heeded |
//! | `tidb_enable_clustered_index` | whether the rows of a new table lie by its primary key, if that does not say so itself |
//! | `tidb_enable_auto_increment_in_generated` | whether a generated column may use an AUTO_INCREMENT column |
//! | `auto_increment_increment`, `auto_increment_offset`, `allow_auto_random_explicit_insert` | how rows are numbered |
//! | `sql_mode` | what becomes of values that do not fit (`STRICT_…`), of division by zero and of 0 where rows are numbered, what stands beside GROUP BY, what a difference of unsigned numbers and a CHAR are (`NO_UNSIGNED_SUBTRACTION`, `PAD_CHAR_TO_FULL_LENGTH`), how texts are read (`ANSI_QUOTES`, `PIPES_AS_CONCAT`, `NO_BACKSLASH_ESCAPES`, `HIGH_NOT_PRECEDENCE`, `REAL_AS_FLOAT`); the rest of its words is kept |
//! | `time_zone` | what clocks show: TIMESTAMPs, NOW(), UNIX_TIMESTAMP() and their like; `system_time_zone` is the machine's |
//! | `tidb_enable_slow_log`, `tidb_slow_log_threshold` | which statements of a server's clients are noted as slow |
//! | `tidb_enable_stmt_summary` | whether what the statements of a server's clients cost is summed up by their shape |
//! | `max_error_count` | how many warnings of a statement are kept |
//! | `div_precision_increment` | how many digits more than what is divided a quotient shows |
//! | `lc_time_names` | whose words DAYNAME, MONTHNAME and DATE_FORMAT use |
//! | `timestamp`, `last_insert_id`, `identity`, `default_week_format` | what NOW(), LAST_INSERT_ID(), WEEK() say |
//!
//! The others are only kept: a pipeline has one number of workers, whatever its operators (`tidb_hash_join_concurrency` and
//! its like, `tidb_distsql_scan_concurrency`); a scan is not sent in pages or chunks (`tidb_enable_paging`,
//! `tidb_init_chunk_size`, `tidb_store_batch_size`, …); ranges are limited by their number, not their bytes
//! (`tidb_opt_range_max_size`); inner sides of index joins may always be filters, projections and groupings
//! (`tidb_enable_inl_join_inner_multi_pattern`).
//!
//! Values are checked as TiDB checks them: a number outside of its range is moved to the nearest end of it, with warning
//! 1292; what is no number at all is error 1232; what is not among the words that a variable takes is error 1231. What no session has
//! for itself, and what only sessions have, can be set in no other way (1229, 1228).

pub(crate) mod charset;
mod defined;
mod info;
mod kept;
mod last;
mod peculiar;
mod settings;
pub(crate) mod user;

use std::sync::Arc;
use std::time::Duration;

use imbl::OrdMap;

use allod_planner::bind::Variables as PlannerView;
use allod_planner::resource::DEFAULT_GROUP;
use allod_planner::sql_mode::SqlMode;
use allod_storage::client::{GarbagePolicy, RetryPolicy};
use allod_storage::schema::{Datum, SqlType, Timestamp};

use crate::error::{Error, Result, code};
use crate::result::Warning;
use crate::{span, zone};

use defined::{DEFINITIONS, Definition, Domain, ISOLATION, Scope, definition, definitions};
pub(crate) use info::Info;
use kept::KEPT;
pub(crate) use settings::Settings;

/// What VERSION() returns: a version of MySQL that clients know, as TiDB writes it, and the name.
pub(crate) const VERSION: &str = concat!("8.0.11-TiDB-v8.5.0-Allod-", env!("CARGO_PKG_VERSION"));

/// What TIDB_VERSION() returns.
pub(crate) const RELEASE: &str = concat!(
    "Release Version: v8.5.0-Allod-",
    env!("CARGO_PKG_VERSION"),
    "\nEdition: Allod\nStore: regions in one process, simulated stores"
);

/// Memory that a query may use unless told otherwise: 1 GiB, as in TiDB.
pub(crate) const MEMORY_QUOTA_DEFAULT: u64 = 1 << 30;

/// Two names of one variable.
const SYNONYMS: &[(&str, &str)] = &[
    ("transaction_isolation", "tx_isolation"),
    ("transaction_read_only", "tx_read_only"),
    ("tidb_prepared_plan_cache_size", "tidb_session_plan_cache_size"),
];

/// What says how garbage is collected.
const GARBAGE: &[&str] = &["tidb_gc_enable", "tidb_gc_life_time", "tidb_gc_run_interval"];

/// Those that say how transactions commit and how long anybody waits. Clients set them in the midst of their work.
const NOT_OF_PLANS: &[&str] = &[
    "innodb_lock_wait_timeout",
    "lock_wait_timeout",
    "max_error_count",
    "tidb_backoff_lock_fast",
    "tidb_backoff_weight",
    "tidb_enable_1pc",
    "tidb_enable_async_commit",
    "tidb_enable_slow_log",
    "tidb_enable_stmt_summary",
    "tidb_guarantee_linearizability",
    "tidb_slow_log_threshold",
];

/// Those that the hint SET_VAR may name without a warning, besides all that begin with `tidb_opt_`.
const HINTED: &[&str] = &[
    "cte_max_recursion_depth",
    "max_execution_time",
    "mpp_exchange_compression_mode",
    "mpp_version",
    "sql_mode",
    "tidb_allow_batch_cop",
    "tidb_allow_fallback_to_tikv",
    "tidb_allow_mpp",
    "tidb_broadcast_join_threshold_count",
    "tidb_broadcast_join_threshold_size",
    "tidb_cost_model_version",
    "tidb_default_string_match_selectivity",
    "tidb_distsql_scan_concurrency",
    "tidb_dml_max_execution_time",
    "tidb_enable_index_merge",
    "tidb_enable_new_only_full_group_by_check",
    "tidb_enable_non_prepared_plan_cache",
    "tidb_enable_null_aware_anti_join",
    "tidb_enable_ordered_result_mode",
    "tidb_enable_outer_join_reorder",
    "tidb_enable_paging",
    "tidb_enable_prepared_plan_cache",
    "tidb_enable_pseudo_for_outdated_stats",
    "tidb_enable_vectorized_expression",
    "tidb_enforce_mpp",
    "tidb_executor_concurrency",
    "tidb_hash_join_version",
    "tidb_index_join_batch_size",
    "tidb_index_lookup_size",
    "tidb_index_merge_intersection_concurrency",
    "tidb_index_serial_scan_concurrency",
    "tidb_init_chunk_size",
    "tidb_isolation_read_engines",
    "tidb_max_chunk_size",
    "tidb_max_paging_size",
    "tidb_merge_join_concurrency",
    "tidb_min_paging_size",
    "tidb_optimizer_selectivity_level",
    "tidb_partition_prune_mode",
    "tidb_plan_cache_max_plan_size",
    "tidb_read_consistency",
    "tidb_replica_read",
    "tidb_session_alias",
    "tidb_stats_load_sync_wait",
    "tidb_store_batch_size",
];

/// Whether a statement may have another plan when this variable has another value. Queries that name a variable are planned
/// each time.
pub(crate) fn is_of_plans(name: &str) -> bool {
    !NOT_OF_PLANS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether SET_VAR does all that SET does, of a variable; `None` = there is no such variable.
pub(crate) fn may_be_hinted(name: &str) -> Option<bool> {
    definition(name).ok().map(|definition| HINTED.contains(&definition.name) || name.starts_with("tidb_opt_"))
}

/// Values that differ from the table above; persistent, so a session begins with the global ones at no cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SystemValues(OrdMap<&'static str, Arc<str>>);

impl SystemValues {
    /// How accounts log in of which nothing is said.
    pub fn default_plugin(&self) -> &str {
        self.0.get("default_authentication_plugin").map_or("mysql_native_password", |name| name)
    }

    /// Days after which passwords expire of whose account nothing is said; 0 = never.
    pub fn password_lifetime(&self) -> u16 {
        self.0.get("default_password_lifetime").and_then(|days| days.parse().ok()).unwrap_or(0)
    }

    /// `secure_file_priv`: the folder of the files that statements may read and write; empty = any.
    pub fn file_folder(&self) -> &str {
        self.0.get("secure_file_priv").map_or("", |folder| folder)
    }

    /// The same with another one.
    pub fn with_file_folder(&self, folder: &str) -> SystemValues {
        SystemValues(self.0.update("secure_file_priv", folder.into()))
    }

    /// The defaults of a database with these limits.
    pub fn new(memory_quota: u64, garbage: GarbagePolicy, retry: RetryPolicy) -> SystemValues {
        let memory = i64::try_from(memory_quota).unwrap_or(i64::MAX).to_string();
        SystemValues(OrdMap::from_iter([
            ("tidb_mem_quota_query", Arc::<str>::from(memory)),
            ("tidb_backoff_weight", retry.weight.to_string().into()),
            ("tidb_gc_enable", if garbage.enabled { "ON" } else { "OFF" }.into()),
            ("tidb_gc_life_time", span::format(garbage.life).into()),
            ("tidb_gc_run_interval", span::format(garbage.interval).into()),
            ("system_time_zone", zone::system().to_string().into()),
        ]))
    }

    /// What they say of garbage, if the variable has to do with that.
    pub fn garbage(&self, name: &str) -> Option<GarbagePolicy> {
        GARBAGE.iter().find(|known| known.eq_ignore_ascii_case(name))?;
        let text = |name: &str| definition(name).map(|d| self.0.get(d.name).map_or(d.default, |v| v)).ok();
        let span = |name: &str| text(name).and_then(span::parse).unwrap_or_default();
        Some(GarbagePolicy {
            enabled: text("tidb_gc_enable") == Some("ON"),
            life: span("tidb_gc_life_time"),
            interval: span("tidb_gc_run_interval"),
        })
    }

    /// Whether what statements cost is summed up, if the variable has to do with that.
    pub fn sums_up(&self, name: &str) -> Option<bool> {
        let definition = definition("tidb_enable_stmt_summary").ok()?;
        let is_it = definition.name.eq_ignore_ascii_case(name);
        is_it.then(|| self.get(definition) != Datum::Int(0))
    }

    /// With what no session has for itself as it is for all.
    fn under(&self, global: &SystemValues) -> SystemValues {
        let all = definitions().filter(|d| d.scope == Scope::Global).map(|d| (d.name, global.0.get(d.name)));
        SystemValues(all.fold(self.0.clone(), |values, (name, text)| match text {
            Some(text) => values.update(name, Arc::clone(text)),
            None => values.without(name),
        }))
    }

    fn get(&self, definition: &Definition) -> Datum {
        let text = self.0.get(definition.name).map_or(definition.default, |v| v);
        match definition.domain {
            Domain::Number(..) => Datum::Int(text.parse().unwrap_or_default()),
            Domain::Unsigned => Datum::UInt(text.parse().unwrap_or_default()),
            Domain::Switch => Datum::Int(i64::from(text == "ON")),
            Domain::Mode | Domain::Zone => Datum::string(text),
            Domain::Text | Domain::Word(_) | Domain::Real(..) | Domain::Span(..) | Domain::ReadOnly => {
                text.parse().map(Datum::Int).unwrap_or_else(|_| Datum::string(text))
            }
        }
    }

    /// With a variable set; `None` = to what `base` has. If the value was moved into the variable's range, what to say.
    pub fn set(
        &self,
        name: &str,
        value: Option<&Datum>,
        base: &SystemValues,
    ) -> Result<(SystemValues, Option<Warning>)> {
        let definition = definition(name)?;
        let Some(value) = value else {
            let inherited = base.0.get(definition.name);
            let set = |values: &OrdMap<&'static str, Arc<str>>, name| match inherited {
                Some(text) => values.update(name, Arc::clone(text)),
                None => values.without(name),
            };
            let mut values = set(&self.0, definition.name);
            for (a, b) in SYNONYMS {
                if [a, b].contains(&&definition.name) {
                    values = set(&set(&values, a), b);
                }
            }
            return Ok((SystemValues(values), None));
        };
        let (text, mut warning) = definition.check(value)?;
        if definition.domain == ISOLATION && !matches!(&*text, "REPEATABLE-READ" | "READ-COMMITTED") {
            warning = Some(self.check_isolation(&text)?);
        }
        let text: Arc<str> = text.into();
        let mut values = self.0.update(definition.name, Arc::clone(&text));
        for (a, b) in SYNONYMS {
            if [a, b].contains(&&definition.name) {
                values = values.update(a, Arc::clone(&text)).update(b, Arc::clone(&text));
            }
        }
        Ok((SystemValues(values), warning))
    }

    /// A level that there is not: an error, or if that is wished a warning, and the transaction reads a snapshot.
    fn check_isolation(&self, level: &str) -> Result<Warning> {
        let skipped = self.0.get("tidb_skip_isolation_level_check").is_some_and(|v| **v == *"ON");
        let code = code::ISOLATION_LEVEL;
        let message = format!(
            "The isolation level '{level}' is not supported. Set tidb_skip_isolation_level_check=1 to skip this error"
        );
        if skipped { Ok(Warning { level: "Warning", code, message }) } else { Err(Error::new(code, message)) }
    }

    /// The global values with a variable set; `None` = to what it is unless somebody sets it.
    pub fn set_global(&self, name: &str, value: Option<&Datum>) -> Result<(SystemValues, Option<Warning>)> {
        definition(name)?.check_scope(true)?;
        charset::set(self, name, value, &SystemValues::default())
    }

    /// How many may be connected; 0 = any number.
    pub fn max_connections(&self) -> u64 {
        match definition("max_connections").map(|d| self.get(d)) {
            Ok(Datum::Int(n)) => n.unsigned_abs(),
            _ => 0,
        }
    }

    /// Names and values, in order; names that match the LIKE pattern.
    pub fn list(&self, pattern: Option<&str>) -> Vec<(&'static str, String)> {
        let mut found: Vec<_> = definitions()
            .filter(|d| pattern.is_none_or(|p| crate::like::matches(p, d.name)))
            .map(|d| (d.name, self.shown(d)))
            .collect();
        found.sort_unstable_by_key(|(name, _)| *name);
        found
    }
}

impl Definition {
    /// The value as text, in its normal form; with a warning if it is another one than was asked for.
    fn check(&self, value: &Datum) -> Result<(String, Option<Warning>)> {
        let text = value.to_string();
        let wrong = || {
            let message = format!("variable '{}' can't be set to the value of '{text}'", self.name);
            Error::new(code::WRONG_VALUE_FOR_VARIABLE, message)
        };
        if let Some(checked) = peculiar::check(self.name, &text) {
            return checked;
        }
        let text = match self.domain {
            Domain::ReadOnly => {
                let message = format!("variable '{}' is a read only variable", self.name);
                return Err(Error::new(code::READ_ONLY_VARIABLE, message));
            }
            Domain::Text if value.is_null() => String::new(),
            Domain::Text => text,
            Domain::Mode => match SqlMode::normal_form(&text) {
                Ok(mode) => mode,
                Err(word) => {
                    let message = format!("variable '{}' can't be set to the value of '{word}'", self.name);
                    return Err(Error::new(code::WRONG_VALUE_FOR_VARIABLE, message));
                }
            },
            Domain::Zone => zone::normal_form(&text)?,
            Domain::Switch => match text.to_ascii_lowercase().as_str() {
                "1" | "on" | "true" => "ON".to_string(),
                "0" | "off" | "false" => "OFF".to_string(),
                _ => return Err(wrong()),
            },
            Domain::Word(words) => {
                // By its word, or by its place among them.
                let word = words.iter().find(|word| text.eq_ignore_ascii_case(word));
                let at = || words.get(text.parse::<usize>().ok()?);
                word.or_else(at).ok_or_else(wrong)?.to_string()
            }
            Domain::Number(low, high) => return self.check_number(&text, low.into(), high.into()),
            Domain::Unsigned => return self.check_number(&text, 0, u64::MAX.into()),
            Domain::Real(low, high) => {
                let number = text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
                let number = number.ok_or_else(|| self.wrong_type())?;
                let kept = number.clamp(low, high);
                return Ok((kept.to_string(), (kept != number).then(|| self.truncated(&text))));
            }
            Domain::Span(low, high) => {
                let span = span::parse(&text).ok_or_else(|| self.wrong_type())?;
                let kept = span.clamp(Duration::from_millis(low), Duration::from_millis(high));
                return Ok((span::format(kept), (kept != span).then(|| self.truncated(&text))));
            }
        };
        Ok((text, None))
    }

    fn wrong_type(&self) -> Error {
        let message = format!("incorrect argument type to variable '{}'", self.name);
        Error::new(code::WRONG_TYPE_FOR_VARIABLE, message)
    }

    fn truncated(&self, text: &str) -> Warning {
        let message = format!("Truncated incorrect {} value: '{text}'", self.name);
        Warning { level: "Warning", code: code::TRUNCATED_WRONG_VALUE, message }
    }

    fn check_number(&self, text: &str, low: i128, high: i128) -> Result<(String, Option<Warning>)> {
        let number = text.parse::<i128>().ok();
        // What no variable could hold is no number to any of them.
        let number = number.filter(|n| (i64::MIN.into()..=u64::MAX.into()).contains(n));
        let number = number.ok_or_else(|| self.wrong_type())?;
        let kept = number.clamp(low, high);
        Ok((kept.to_string(), (kept != number).then(|| self.truncated(text))))
    }
}

/// How long a query may run that is allowed so many milliseconds: 0 is no limit.
pub(crate) fn time_limit(ms: u64) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(ms))
}

/// The variables of one session, with the global ones that it can see.
#[derive(Clone, Debug)]
pub(crate) struct Variables {
    session: SystemValues,
    settings: Settings,
    pub global: Arc<SystemValues>,
    pub user: user::UserValues,
    /// `@@last_plan_from_cache`.
    pub plan_from_cache: bool,
    /// `@@last_plan_from_binding`.
    pub plan_from_binding: bool,
    /// `@@tidb_last_ddl_info`: the session's last change of the schema, as JSON.
    pub last_ddl: Arc<str>,
    /// `@@tidb_last_query_info` and `@@tidb_last_txn_info`.
    pub last: last::Last,
    /// `@@tidb_current_ts`: when the session's transaction began; zero if it has none.
    pub current_ts: Timestamp,
    /// CURRENT_RESOURCE_GROUP(): the group that the session is in, or its statement.
    pub resource_group: Arc<str>,
}

impl Variables {
    /// A new session's: the global values.
    pub fn new(global: Arc<SystemValues>) -> Variables {
        let settings = Settings::of(&global);
        let session = (*global).clone();
        Variables {
            session,
            settings,
            global,
            user: user::UserValues::new(),
            plan_from_cache: false,
            plan_from_binding: false,
            last_ddl: "{\"query\":\"\",\"seq_num\":0}".into(),
            last: last::Last::default(),
            current_ts: Timestamp::default(),
            resource_group: DEFAULT_GROUP.into(),
        }
    }

    /// The session's values.
    pub fn session(&self) -> &SystemValues {
        &self.session
    }

    /// What they say of how statements run.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Looks at the global values again.
    pub fn see_globals(&mut self, global: Arc<SystemValues>) {
        self.session = self.session.under(&global);
        self.global = global;
    }

    /// The session's values are those that it had.
    pub fn keep_values_of(&mut self, before: &Variables) {
        self.session = before.session.clone();
        self.settings = Settings::of(&self.session);
    }

    /// Sets a variable of the session; `None` = to its global value.
    pub fn set(&mut self, name: &str, value: Option<&Datum>) -> Result<Option<Warning>> {
        definition(name)?.check_scope(false)?;
        let (session, warning) = charset::set(&self.session, name, value, &self.global)?;
        self.settings = Settings::of(&session);
        self.session = session;
        Ok(warning)
    }
}

impl PlannerView for Variables {
    fn system(&self, name: &str, global: bool) -> Option<Datum> {
        let definition = definition(name).ok()?;
        match definition.name {
            "last_plan_from_binding" => return Some(Datum::Int(i64::from(self.plan_from_binding))),
            "last_plan_from_cache" => return Some(Datum::Int(i64::from(self.plan_from_cache))),
            "tidb_last_ddl_info" => return Some(Datum::String(Arc::clone(&self.last_ddl))),
            "tidb_last_query_info" => return Some(self.last.query()),
            "tidb_last_txn_info" => return Some(self.last.transaction()),
            "resource_group" => return Some(Datum::String(Arc::clone(&self.resource_group))),
            "tidb_current_ts" => return Some(Datum::UInt(self.current_ts.0)),
            _ => {}
        }
        Some(if global { self.global.get(definition) } else { self.session.get(definition) })
    }

    fn user(&self, name: &str) -> Option<(Datum, SqlType)> {
        self.user.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use allod_executor::Tuning;
    use allod_storage::client::{AsyncUse, CommitOptions};

    use super::*;

    const GARBAGE: GarbagePolicy = GarbagePolicy {
        enabled: true,
        life: Duration::from_secs(600),
        interval: Duration::from_millis(1500),
    };

    #[test]
    fn spans_are_moved_into_their_range_or_refused() {
        let base = SystemValues::new(1 << 20, GARBAGE, RetryPolicy::default());
        let shown = |values: &SystemValues| {
            let all = values.list(Some("tidb\\_gc%")).into_iter();
            all.filter(|(name, _)| super::GARBAGE.contains(&&**name)).map(|v| v.1).collect::<Vec<_>>()
        };
        assert_eq!(shown(&base), ["ON", "10m0s", "1.5s"]);
        assert_eq!(base.garbage("TIDB_GC_ENABLE"), Some(GARBAGE));
        assert_eq!(base.garbage("autocommit"), None);
        let set = |name, value: &str| base.set(name, Some(&Datum::string(value)), &base);
        let (values, warning) = set("tidb_gc_life_time", "1h").unwrap();
        assert_eq!((values.garbage("tidb_gc_enable").unwrap().life.as_secs(), warning), (3600, None));
        let (values, warning) = set("tidb_gc_run_interval", "1ms").unwrap();
        assert_eq!((shown(&values)[2].as_str(), warning.unwrap().code), ("100ms", 1292));
        assert_eq!(set("tidb_gc_life_time", "soon").unwrap_err().code(), 1232);
        let mut session = Variables::new(Arc::new(base.clone()));
        assert_eq!(session.set("tidb_gc_enable", Some(&Datum::Int(0))).unwrap_err().code(), 1229);
        session.see_globals(Arc::new(values));
        assert_eq!(shown(session.session())[2], "100ms");
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(NOT_OF_PLANS.iter().all(|name| definition(name).is_ok()));
        assert!(DEFINITIONS.is_sorted_by(|a, b| a.name < b.name));
        assert!(KEPT.is_sorted_by(|a, b| a.name < b.name));
        let listed = SystemValues::default().list(None);
        assert!(listed.is_sorted_by(|a, b| a.0 < b.0), "a variable is in both tables");
        for definition in definitions() {
            let kept = match definition.domain {
                Domain::ReadOnly => continue,
                _ => definition.check(&Datum::string(definition.default)),
            };
            assert_eq!(kept.unwrap().0, definition.default, "{}", definition.name);
        }
    }

    #[test]
    fn values_are_checked_and_forgotten() {
        let base = SystemValues::new(1 << 20, GARBAGE, RetryPolicy::default());
        let set = |name, value| base.set(name, Some(&value), &base).map(|set| set.0);
        assert_eq!(set("nope", Datum::Int(1)).unwrap_err().code(), 1193);
        assert_eq!(set("version", Datum::Int(1)).unwrap_err().code(), 1238);
        assert_eq!(set("autocommit", Datum::string("maybe")).unwrap_err().code(), 1231);
        assert_eq!(set("sql_select_limit", Datum::string("abc")).unwrap_err().code(), 1232);
        let limit = |value| {
            let (changed, warning) = base.set("sql_select_limit", Some(&value), &base).unwrap();
            (changed.get(definition("sql_select_limit").unwrap()), warning.map(|warning| warning.code))
        };
        assert_eq!(limit(Datum::Int(-1)), (Datum::UInt(0), Some(1292)));
        assert_eq!(limit(Datum::UInt(u64::MAX)), (Datum::UInt(u64::MAX), None));
        let changed = set("TIDB_mem_quota_query", Datum::Int(77)).unwrap();
        let back = changed.set("tidb_mem_quota_query", None, &base).unwrap().0;
        let quota = |s: &SystemValues| Settings::of(s).memory_quota;
        assert_eq!((quota(&changed), quota(&back)), (77, 1 << 20));
        let unlimited = set("tidb_mem_quota_query", Datum::Int(-1)).unwrap();
        assert_eq!(quota(&unlimited), u64::MAX);
    }

    #[test]
    fn values_are_moved_into_their_range_or_refused() {
        let base = SystemValues::default();
        let set = |name, value| base.set(name, Some(&value), &base);
        let (values, warning) = set("tidb_max_chunk_size", Datum::Int(1)).unwrap();
        assert_eq!(warning.unwrap().message, "Truncated incorrect tidb_max_chunk_size value: '1'");
        assert_eq!(values.list(Some("tidb_max_chunk_size")), [("tidb_max_chunk_size", "32".to_string())]);
        assert_eq!(set("tidb_index_lookup_size", Datum::string("many")).unwrap_err().code(), 1232);
        let mode = |value| set("tidb_partition_prune_mode", Datum::string(value));
        assert_eq!(mode("both").unwrap_err().code(), 1231);
        let (values, warning) = mode("STATIC").unwrap();
        assert_eq!((values.list(Some("%prune\\_mode"))[0].1.as_str(), warning), ("static", None));
    }

    #[test]
    fn lookups_are_tuned() {
        let tuning = |values: SystemValues| Settings::of(&values).tuning;
        let base = SystemValues::default();
        assert_eq!(tuning(base.clone()), Tuning::default());
        assert_eq!(Settings::of(&base).time_limit, None);
        let set = |name, value| base.set(name, Some(&Datum::Int(value)), &base).unwrap().0;
        assert_eq!(tuning(set("tidb_index_lookup_join_concurrency", 8)).index_join_concurrency, 8);
        assert_eq!(tuning(set("tidb_index_lookup_concurrency", 2)).index_lookup_concurrency, 2);
        assert_eq!(tuning(set("tidb_index_join_batch_size", 100)).index_join_batch_rows, 100);
        assert_eq!(tuning(set("tidb_index_lookup_size", 0)).index_lookup_rows, 1);
    }

    #[test]
    fn commits_and_retries_are_as_the_cluster_has_them_until_they_are_set() {
        let settings = |values: &SystemValues| {
            let Settings { commit, retry, .. } = Settings::of(values);
            (commit, retry)
        };
        let base = SystemValues::new(0, GARBAGE, RetryPolicy { weight: 5, ..RetryPolicy::default() });
        let (commit, retry) = settings(&base);
        assert_eq!((commit, retry.weight, retry.lock_fast_ms), (CommitOptions::default(), 5, 10));
        let set = |values: SystemValues, (name, value)| {
            values.set(name, Some(&Datum::Int(value)), &base).unwrap().0
        };
        let others = [
            ("tidb_enable_1pc", 0),
            ("tidb_enable_async_commit", 0),
            ("tidb_guarantee_linearizability", 0),
            ("tidb_backoff_weight", 1),
            ("tidb_backoff_lock_fast", 70),
        ];
        let (commit, retry) = settings(&others.into_iter().fold(base.clone(), set));
        let expected = CommitOptions { one_phase: false, async_commit: AsyncUse::Never, linearizable: false };
        assert_eq!((commit, retry), (expected, RetryPolicy { weight: 1, lock_fast_ms: 70 }));
        assert_eq!(settings(&set(base.clone(), ("tidb_backoff_weight", 0))).1.weight, 2);
    }

    #[test]
    fn lists_by_pattern() {
        let names: Vec<&str> = SystemValues::default().list(Some("tx\\_%")).iter().map(|v| v.0).collect();
        assert_eq!(names, ["tx_isolation", "tx_read_only"]);
    }

    #[test]
    fn two_names_are_one_variable_and_levels_are_checked() {
        let base = SystemValues::default();
        let set =
            |values: &SystemValues, name, value: &str| values.set(name, Some(&Datum::string(value)), &base);
        let (values, _) = set(&base, "tx_isolation", "read-committed").unwrap();
        assert_eq!(values.list(Some("%isolation"))[0].1, "READ-COMMITTED");
        let (back, _) = values.set("transaction_isolation", None, &base).unwrap();
        assert_eq!(back.list(Some("tx_isolation"))[0].1, "REPEATABLE-READ");
        assert_eq!(set(&base, "tx_isolation", "serializable").unwrap_err().code(), 8048);
        let (lenient, _) = set(&base, "tidb_skip_isolation_level_check", "on").unwrap();
        let (values, warning) = set(&lenient, "tx_isolation", "serializable").unwrap();
        assert_eq!(
            (values.list(Some("tx_iso%"))[0].1.as_str(), warning.unwrap().code),
            ("SERIALIZABLE", 8048)
        );
        let (values, _) = set(&base, "transaction_read_only", "1").unwrap();
        assert!(Settings::of(&values).read_only);
        assert_eq!(values.list(Some("tx_read_only"))[0].1, "ON");
    }
}

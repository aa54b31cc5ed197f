//! System and user variables of a session.
//!
//! There are two sorts in the one table below: those that Allod obeys, and those that clients set or read as a matter of
//! course (character sets, autocommit), which are kept so that they can be read back. A name that is not in the table is
//! an error, so that nobody sets something that does nothing without being told.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;

use allod_planner::bind::Variables as PlannerView;
use allod_storage::schema::Datum;

use crate::error::{Error, Result, code};

/// What VERSION() returns: a version of MySQL that clients know, and the name.
pub(crate) const VERSION: &str = concat!("8.0.11-Allod-v", env!("CARGO_PKG_VERSION"));

/// Memory that a query may use unless told otherwise: 2 GiB.
pub(crate) const MEMORY_QUOTA_DEFAULT: u64 = 2 << 30;

/// What values a variable takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Domain {
    /// Anything, as text.
    Text,
    /// ON and OFF, in all their spellings.
    Switch,
    /// A whole number in this range.
    Number(i64, i64),
    /// Cannot be set.
    ReadOnly,
}

struct Definition {
    name: &'static str,
    domain: Domain,
    default: &'static str,
}

const fn define(name: &'static str, domain: Domain, default: &'static str) -> Definition {
    Definition { name, domain, default }
}

/// Sorted by name.
const DEFINITIONS: &[Definition] = &[
    define("auto_increment_increment", Domain::ReadOnly, "1"),
    define("auto_increment_offset", Domain::ReadOnly, "1"),
    define("autocommit", Domain::Switch, "ON"),
    define("character_set_client", Domain::Text, "utf8mb4"),
    define("character_set_connection", Domain::Text, "utf8mb4"),
    define("character_set_database", Domain::Text, "utf8mb4"),
    define("character_set_results", Domain::Text, "utf8mb4"),
    define("character_set_server", Domain::Text, "utf8mb4"),
    define("character_set_system", Domain::ReadOnly, "utf8mb4"),
    define("collation_connection", Domain::Text, "utf8mb4_bin"),
    define("collation_database", Domain::Text, "utf8mb4_bin"),
    define("collation_server", Domain::Text, "utf8mb4_bin"),
    define("foreign_key_checks", Domain::Switch, "OFF"),
    define("init_connect", Domain::Text, ""),
    define("interactive_timeout", Domain::Number(1, 31_536_000), "28800"),
    define("last_plan_from_cache", Domain::ReadOnly, "0"),
    define("license", Domain::ReadOnly, "Apache License 2.0"),
    define("lower_case_table_names", Domain::ReadOnly, "2"),
    define("max_allowed_packet", Domain::Number(1024, 1 << 30), "67108864"),
    define("max_execution_time", Domain::Number(0, i64::MAX), "0"),
    define("net_write_timeout", Domain::Number(1, 31_536_000), "60"),
    define("performance_schema", Domain::ReadOnly, "OFF"),
    define(
        "sql_mode",
        Domain::Text,
        "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
    ),
    define("sql_notes", Domain::Switch, "ON"),
    define("sql_quote_show_create", Domain::Switch, "ON"),
    define("sql_safe_updates", Domain::Switch, "OFF"),
    define("sql_select_limit", Domain::Text, "18446744073709551615"),
    define("sql_warnings", Domain::Switch, "OFF"),
    define("system_time_zone", Domain::ReadOnly, "UTC"),
    define("tidb_executor_concurrency", Domain::Number(1, 256), "0"),
    define("tidb_mem_quota_query", Domain::Number(-1, i64::MAX), "0"),
    define("time_zone", Domain::Text, "SYSTEM"),
    define("transaction_isolation", Domain::Text, "REPEATABLE-READ"),
    define("transaction_read_only", Domain::Switch, "OFF"),
    define("tx_isolation", Domain::Text, "REPEATABLE-READ"),
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
    define("warning_count", Domain::ReadOnly, "0"),
];

fn definition(name: &str) -> Result<&'static Definition> {
    let name = name.to_ascii_lowercase();
    let at = DEFINITIONS
        .binary_search_by(|d| d.name.cmp(&name))
        .map_err(|_| Error::new(code::UNKNOWN_VARIABLE, format!("unknown system variable '{name}'")))?;
    Ok(&DEFINITIONS[at])
}

/// Values that differ from the table above; persistent, so a session begins with the global ones at no cost.
#[derive(Clone, Debug, Default)]
pub(crate) struct SystemValues(OrdMap<&'static str, Arc<str>>);

impl SystemValues {
    /// The defaults of a database with these limits.
    pub fn new(workers: usize, memory_quota: u64) -> SystemValues {
        let memory = i64::try_from(memory_quota).unwrap_or(i64::MAX).to_string();
        SystemValues(OrdMap::from_iter([
            ("tidb_executor_concurrency", Arc::<str>::from(workers.to_string())),
            ("tidb_mem_quota_query", memory.into()),
        ]))
    }

    fn get(&self, definition: &Definition) -> Datum {
        let text = self.0.get(definition.name).map_or(definition.default, |v| v);
        match definition.domain {
            Domain::Number(..) => Datum::Int(text.parse().unwrap_or_default()),
            Domain::Switch => Datum::Int(i64::from(text == "ON")),
            Domain::Text | Domain::ReadOnly => {
                text.parse().map(Datum::Int).unwrap_or_else(|_| Datum::string(text))
            }
        }
    }

    /// With a variable set; `None` = to what `base` has.
    pub fn set(&self, name: &str, value: Option<&Datum>, base: &SystemValues) -> Result<SystemValues> {
        let definition = definition(name)?;
        let Some(value) = value else {
            let inherited = base.0.get(definition.name);
            return Ok(SystemValues(match inherited {
                Some(text) => self.0.update(definition.name, Arc::clone(text)),
                None => self.0.without(definition.name),
            }));
        };
        let text = definition.check(value)?;
        Ok(SystemValues(self.0.update(definition.name, text.into())))
    }

    /// Names and values, in order; names that match the LIKE pattern.
    pub fn list(&self, pattern: Option<&str>) -> Vec<(&'static str, String)> {
        DEFINITIONS
            .iter()
            .filter(|d| pattern.is_none_or(|p| crate::like::matches(p, d.name)))
            .map(|d| (d.name, self.0.get(d.name).map_or_else(|| d.default.to_string(), |v| v.to_string())))
            .collect()
    }
}

impl Definition {
    /// The value as text, in its normal form.
    fn check(&self, value: &Datum) -> Result<String> {
        let text = value.to_string();
        let wrong = || {
            let message = format!("variable '{}' can't be set to the value of '{text}'", self.name);
            Error::new(code::WRONG_VALUE_FOR_VARIABLE, message)
        };
        match self.domain {
            Domain::ReadOnly => {
                let message = format!("variable '{}' is a read only variable", self.name);
                Err(Error::new(code::READ_ONLY_VARIABLE, message))
            }
            Domain::Text if value.is_null() => Ok(String::new()),
            Domain::Text => Ok(text),
            Domain::Switch => match text.to_ascii_lowercase().as_str() {
                "1" | "on" | "true" => Ok("ON".to_string()),
                "0" | "off" | "false" => Ok("OFF".to_string()),
                _ => Err(wrong()),
            },
            Domain::Number(low, high) => match text.parse::<i64>() {
                Ok(v) if (low..=high).contains(&v) => Ok(text),
                _ => Err(wrong()),
            },
        }
    }
}

/// The variables of one session, with the global ones that it can see.
#[derive(Clone, Debug)]
pub(crate) struct Variables {
    pub session: SystemValues,
    pub global: Arc<SystemValues>,
    pub user: BTreeMap<String, Datum>,
    /// `@@last_plan_from_cache`.
    pub plan_from_cache: bool,
}

impl Variables {
    /// A new session's: the global values.
    pub fn new(global: Arc<SystemValues>) -> Variables {
        Variables { session: (*global).clone(), global, user: BTreeMap::new(), plan_from_cache: false }
    }

    /// Bytes that a query may use.
    pub fn memory_quota(&self) -> u64 {
        // Negative stands for no limit, as in TiDB.
        self.number("tidb_mem_quota_query").try_into().unwrap_or(u64::MAX)
    }

    /// Workers of a pipeline.
    pub fn workers(&self) -> usize {
        self.number("tidb_executor_concurrency").try_into().unwrap_or(1)
    }

    fn number(&self, name: &str) -> i64 {
        match definition(name).map(|d| self.session.get(d)) {
            Ok(Datum::Int(v)) => v,
            _ => 0,
        }
    }
}

impl PlannerView for Variables {
    fn system(&self, name: &str, global: bool) -> Option<Datum> {
        let definition = definition(name).ok()?;
        if definition.name == "last_plan_from_cache" {
            return Some(Datum::Int(i64::from(self.plan_from_cache)));
        }
        Some(if global { self.global.get(definition) } else { self.session.get(definition) })
    }

    fn user(&self, name: &str) -> Option<Datum> {
        self.user.get(&name.to_lowercase()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(DEFINITIONS.windows(2).all(|w| w[0].name < w[1].name));
    }

    #[test]
    fn values_are_checked_and_forgotten() {
        let base = SystemValues::new(2, 1 << 20);
        let set = |name, value| base.set(name, Some(&value), &base);
        assert_eq!(set("nope", Datum::Int(1)).unwrap_err().code(), 1193);
        assert_eq!(set("version", Datum::Int(1)).unwrap_err().code(), 1238);
        assert_eq!(set("autocommit", Datum::string("maybe")).unwrap_err().code(), 1231);
        let changed = set("TIDB_mem_quota_query", Datum::Int(77)).unwrap();
        let back = changed.set("tidb_mem_quota_query", None, &base).unwrap();
        let quota = |s: &SystemValues| Variables::new(Arc::new(s.clone())).memory_quota();
        assert_eq!((quota(&changed), quota(&back)), (77, 1 << 20));
        let unlimited = set("tidb_mem_quota_query", Datum::Int(-1)).unwrap();
        assert_eq!(quota(&unlimited), u64::MAX);
    }

    #[test]
    fn lists_by_pattern() {
        let names: Vec<&str> = SystemValues::default().list(Some("tx\\_%")).iter().map(|v| v.0).collect();
        assert_eq!(names, ["tx_isolation", "tx_read_only"]);
    }
}

//! Statements that took long: the slow log, in memory.
//!
//! A server's connection knows anyway when it began to do what it does (`crate::processes`) and looks at the clock when it has
//! done it; whether that was long is one comparison. Only what was long is entered, into a history that all sessions share
//! (`crate::history`). Statements of the library's sessions are not: nobody sees when their last row is taken.

use std::sync::Arc;
use std::time::Duration;

use allod_planner::parse::normalized;
use allod_storage::schema::Timestamp;

use crate::history::History;

/// Statements that are remembered.
const SLOW_MAX: usize = 1000;
/// Bytes of a statement that are remembered (TiDB's `tidb_query_log_max_len`).
pub(crate) const TEXT_BYTES_MAX: usize = 4096;

/// The log.
pub(crate) struct SlowLog(pub History<Slow>);

impl Default for SlowLog {
    fn default() -> SlowLog {
        SlowLog(History::new(SLOW_MAX))
    }
}

/// A statement that took long.
pub(crate) struct Slow {
    pub ended_us: i64,
    /// From the moment when it came until its last row was sent.
    pub elapsed: Duration,
    pub connection: u64,
    pub user: String,
    /// Address, without a port.
    pub host: String,
    pub database: Option<Arc<str>>,
    pub statement: Arc<str>,
    pub prepared: bool,
    pub succeeded: bool,
    pub from_cache: bool,
    pub from_binding: bool,
    /// The transaction that it was part of; `None` = it was one by itself.
    pub transaction: Option<Timestamp>,
}

/// As much of a statement as is remembered.
pub(crate) fn shortened(statement: &Arc<str>) -> Arc<str> {
    if statement.len() <= TEXT_BYTES_MAX {
        return Arc::clone(statement);
    }
    let end = statement.floor_char_boundary(TEXT_BYTES_MAX);
    format!("{}(len:{})", &statement[..end], statement.len()).into()
}

/// A statement as others may see it: of one that has a password in it the values are left out.
pub(crate) fn without_secrets(statement: &Arc<str>) -> Arc<str> {
    let mut words = statement.split_ascii_whitespace().map(str::to_ascii_uppercase);
    let begin = [words.next(), words.next()].map(Option::unwrap_or_default);
    let is_secret = match begin.each_ref().map(String::as_str) {
        ["CREATE" | "ALTER", "USER"] | ["SET", "PASSWORD"] | ["GRANT" | "CHANGE", _] => true,
        // Whatever is hidden behind a comment.
        [first, _] if first.starts_with('/') || first.starts_with('-') || first.starts_with('#') => true,
        _ => false,
    };
    if !is_secret {
        return Arc::clone(statement);
    }
    normalized(statement).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_statements_are_cut_between_two_characters() {
        let long: Arc<str> = "ä".repeat(3000).into();
        let cut = shortened(&long);
        assert!(cut.starts_with(&"ä".repeat(TEXT_BYTES_MAX / 2)) && cut.ends_with("(len:6000)"));
        assert_eq!(&*shortened(&"select 1".into()), "select 1");
    }

    #[test]
    fn passwords_are_not_told() {
        for secret in [
            "create user u identified by 'secret'",
            "ALTER USER u IDENTIFIED BY 'secret'",
            "set  password for u = 'secret'",
            "/* hidden */ create user u identified by 'secret'",
            "grant select on *.* to u identified by 'secret'",
        ] {
            assert!(!without_secrets(&secret.into()).contains("secret"), "{secret}");
        }
        assert_eq!(&*without_secrets(&"set names 'utf8'".into()), "set names 'utf8'");
    }
}

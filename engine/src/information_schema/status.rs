//! `session_status`, `global_status`: what SHOW STATUS shows.

use super::Kind::Text;
use super::{Definition, Facts, Kind, Rows, text};

pub(super) const SESSION: Definition =
    Definition { name: "session_status", columns: COLUMNS, rows: |_, facts| Ok(rows(facts, false)) };

pub(super) const GLOBAL: Definition =
    Definition { name: "global_status", columns: COLUMNS, rows: |_, facts| Ok(rows(facts, true)) };

/// Their columns.
pub(crate) const COLUMNS: &[(&str, Kind)] = &[("VARIABLE_NAME", Text(64)), ("VARIABLE_VALUE", Text(1024))];

/// Their rows, of all sessions or of the one.
pub(crate) fn rows(facts: &Facts, global: bool) -> Rows {
    list(facts, global).into_iter().map(|(name, value)| vec![text(name), text(value)]).collect()
}

/// By name.
pub(crate) fn list(facts: &Facts, global: bool) -> Vec<(String, String)> {
    let owner = facts.owner;
    let stats = facts.client.stats();
    let processes = owner.shared().processes.list();
    let running = processes.values().filter(|process| process.doing().command != "Sleep").count();
    let questions = if global { owner.questions() } else { facts.questions };
    let (cipher, protocol) = match facts.cipher {
        Some(cipher) if !global => (cipher.name, cipher.protocol),
        Some(_) | None => ("", ""),
    };
    let own = [
        ("Allod_catalog_version", owner.catalog().number().to_string()),
        ("Allod_session_rpcs", stats.rpcs.to_string()),
        ("Allod_session_rpc_timeouts", stats.timeouts.to_string()),
        ("Compression", "OFF".into()),
        ("Connections", owner.connections().to_string()),
        ("ddl_schema_version", owner.catalog().number().to_string()),
        ("Queries", owner.questions().to_string()),
        ("Questions", questions.to_string()),
        ("Slow_queries", owner.shared().slow.0.entered().to_string()),
        ("Ssl_cipher", cipher.into()),
        ("Ssl_version", protocol.into()),
        ("Threads_connected", processes.len().to_string()),
        ("Threads_running", running.to_string()),
        ("Uptime", owner.uptime().as_secs().to_string()),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    let counted: Vec<(String, u64)> = match global {
        true => owner.shared().counts.list().collect(),
        false => facts.counts.list().collect(),
    };
    let mut all: Vec<_> = own.chain(counted.into_iter().map(|(name, n)| (name, n.to_string()))).collect();
    all.sort_by_cached_key(|(name, _)| name.to_ascii_lowercase());
    all
}

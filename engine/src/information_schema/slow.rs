//! `slow_query`: statements that took longer than `tidb_slow_log_threshold`, in TiDB's columns as far as they are measured here.
//! `cluster_slow_query` is the same with the server in front, of which there is one.

use std::sync::Arc;

use allod_executor::statement_digest;
use allod_planner::account::Privilege;
use allod_storage::schema::Datum;

use super::Kind::{Double, Moment, Number, Text};
use super::{Definition, Facts, INSTANCE, Rows, number, of_cluster, text};
use crate::slow::Slow;

macro_rules! columns {
    ($($first:expr,)*) => {
        &[
            $($first,)*
            ("Time", Moment(6)),
            ("Txn_start_ts", Number),
            ("User", Text(64)),
            ("Host", Text(64)),
            ("Conn_ID", Number),
            ("Query_time", Double),
            ("DB", Text(64)),
            ("Is_internal", Number),
            ("Digest", Text(64)),
            ("Succ", Number),
            ("Prepared", Number),
            ("Plan_from_cache", Number),
            ("Plan_from_binding", Number),
            ("Query", Text(65535)),
        ]
    };
}

pub(super) const TABLE: Definition =
    Definition { name: "slow_query", columns: columns!(), rows: |_, facts| Ok(rows(facts)) };

pub(super) const CLUSTER: Definition = Definition {
    name: "cluster_slow_query",
    columns: columns!(("INSTANCE", Text(64)),),
    rows: |_, facts| Ok(of_cluster(rows(facts), INSTANCE)),
};

fn rows(facts: &Facts) -> Rows {
    let row = |slow: &Slow| {
        vec![
            facts.moment(slow.ended_us),
            number(slow.transaction.map_or(0, |ts| ts.0)),
            text(&slow.user),
            text(&slow.host),
            number(slow.connection),
            Datum::Double(slow.elapsed.as_secs_f64()),
            text(slow.database.as_deref().unwrap_or_default()),
            // None is the server's own.
            number(0),
            statement_digest(&slow.statement).map_or(Datum::Null, text),
            number(u64::from(slow.succeeded)),
            number(u64::from(slow.prepared)),
            number(u64::from(slow.from_cache)),
            number(u64::from(slow.from_binding)),
            text(&slow.statement),
        ]
    };
    seen(facts).iter().map(|slow| row(slow)).collect()
}

/// The statements of all users for who may see them, else of the own one; the oldest first.
fn seen(facts: &Facts) -> Vec<Arc<Slow>> {
    let of_all = facts.rights.has(Privilege::Process);
    let list = facts.slow.0.list();
    list.values().filter(|slow| of_all || slow.user == facts.user).cloned().collect()
}

/// ADMIN SHOW SLOW.
pub(crate) const SHOWN: &[&str] = &[
    "SQL",
    "START",
    "DURATION",
    "DETAILS",
    "SUCC",
    "CONN_ID",
    "TRANSACTION_TS",
    "USER",
    "DB",
    "TABLE_IDS",
    "INDEX_IDS",
    "INTERNAL",
    "DIGEST",
];

/// Rows of ADMIN SHOW SLOW RECENT, the newest first.
pub(crate) fn recent(facts: &Facts, limit: u64) -> Rows {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    seen(facts).iter().rev().take(limit).map(|slow| shown(facts, slow)).collect()
}

/// Rows of ADMIN SHOW SLOW TOP, the slowest first.
pub(crate) fn top(facts: &Facts, limit: u64) -> Rows {
    let mut all = seen(facts);
    all.sort_by_key(|slow| std::cmp::Reverse(slow.elapsed));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    all.iter().take(limit).map(|slow| shown(facts, slow)).collect()
}

fn shown(facts: &Facts, slow: &Slow) -> Vec<Datum> {
    let elapsed_us = i64::try_from(slow.elapsed.as_micros()).unwrap_or(i64::MAX);
    vec![
        text(&slow.statement),
        facts.moment(slow.ended_us.saturating_sub(elapsed_us)),
        Datum::Time(elapsed_us),
        text(""),
        number(u64::from(slow.succeeded)),
        number(slow.connection),
        number(slow.transaction.map_or(0, |ts| ts.0)),
        text(&slow.user),
        text(slow.database.as_deref().unwrap_or_default()),
        text(""),
        text(""),
        number(0),
        statement_digest(&slow.statement).map_or(Datum::Null, text),
    ]
}

//! `tidb_trx`: the transactions of all sessions. `cluster_tidb_trx` is the same with the server in front, of which there is one.
//!
//! The columns are TiDB's. `CURRENT_SQL_DIGEST_TEXT` is the statement as it was sent, for there are no digests.

use std::collections::BTreeSet;
use std::sync::Arc;

use allod_planner::account::Privilege;
use allod_storage::schema::{Datum, Timestamp};
use chrono::{DateTime, Local};
use imbl::OrdMap;

use super::Kind::{Number, Text};
use super::{Definition, Facts, INSTANCE, number, of_cluster, text};
use crate::catalog::Version;
use crate::error::Result;
use crate::processes::Process;
use crate::transactions::{Seen, Stage};

pub(super) const TABLE: Definition = Definition {
    name: "tidb_trx",
    columns: &[
        ("ID", Number),
        ("START_TIME", Text(26)),
        ("CURRENT_SQL_DIGEST", Text(64)),
        ("CURRENT_SQL_DIGEST_TEXT", Text(65535)),
        ("STATE", Text(16)),
        ("WAITING_START_TIME", Text(26)),
        ("MEM_BUFFER_KEYS", Number),
        ("MEM_BUFFER_BYTES", Number),
        ("SESSION_ID", Number),
        ("USER", Text(16)),
        ("DB", Text(64)),
        ("ALL_SQL_DIGESTS", Text(65535)),
        ("RELATED_TABLE_IDS", Text(65535)),
        ("WAITING_TIME", Number),
    ],
    rows,
};

pub(super) const CLUSTER: Definition = Definition {
    name: "cluster_tidb_trx",
    columns: &[
        ("INSTANCE", Text(64)),
        ("ID", Number),
        ("START_TIME", Text(26)),
        ("CURRENT_SQL_DIGEST", Text(64)),
        ("CURRENT_SQL_DIGEST_TEXT", Text(65535)),
        ("STATE", Text(16)),
        ("WAITING_START_TIME", Text(26)),
        ("MEM_BUFFER_KEYS", Number),
        ("MEM_BUFFER_BYTES", Number),
        ("SESSION_ID", Number),
        ("USER", Text(16)),
        ("DB", Text(64)),
        ("ALL_SQL_DIGESTS", Text(65535)),
        ("RELATED_TABLE_IDS", Text(65535)),
        ("WAITING_TIME", Number),
    ],
    rows: |version, facts| Ok(of_cluster(rows(version, facts)?, INSTANCE)),
};

fn rows(_: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    let waits = facts.cluster.lock_waits();
    let waiting: BTreeSet<Timestamp> = waits.waits().map(|wait| wait.waiter).collect();
    let processes = facts.processes.list();
    let now_us = Local::now().timestamp_micros();
    let row = |seen: Seen| {
        let trx = &seen.trx;
        let since = seen.locks_since_us.filter(|_| waiting.contains(&trx.id));
        let state = match seen.stage {
            _ if since.is_some() => "LockWaiting",
            Stage::Idle => "Idle",
            Stage::Running => "Running",
            Stage::Committing => "Committing",
        };
        let optional = |value: Option<&str>| value.map_or(Datum::Null, text);
        let tables: BTreeSet<u64> = trx.tables.iter().map(|table| table.0).collect();
        vec![
            number(trx.id.0),
            time(i64::try_from(trx.id.physical_ms()).unwrap_or(i64::MAX).saturating_mul(1000)),
            Datum::Null,
            optional(statement_of(&seen, &processes).as_deref()),
            text(state),
            since.map_or(Datum::Null, time),
            number(seen.keys as u64),
            number(seen.bytes as u64),
            number(seen.session),
            text(trx.user.split('@').next().unwrap_or_default()),
            optional(trx.database.as_deref()),
            text("[]"),
            text(tables.iter().map(u64::to_string).collect::<Vec<_>>().join(",")),
            since.map_or(Datum::Null, |since| Datum::Int((now_us - since).max(0) / 1_000_000)),
        ]
    };
    let seen = facts.transactions.list().into_iter();
    let seen = seen.filter(|seen| facts.rights.has(Privilege::Process) || seen.session == facts.connection);
    Ok(seen.map(row).collect())
}

/// What a transaction runs, as it was sent; `None` = nothing.
pub(super) fn statement_of(seen: &Seen, processes: &OrdMap<u64, Arc<Process>>) -> Option<Arc<str>> {
    let of_process = || processes.get(&seen.session)?.doing().info.clone();
    match seen.stage {
        Stage::Running => seen.trx.statement.clone().or_else(of_process),
        Stage::Idle | Stage::Committing => None,
    }
}

/// A moment in local time; NULL if there is none such.
pub(crate) fn time(us: i64) -> Datum {
    let moment = DateTime::from_timestamp_micros(us).map(|utc| utc.with_timezone(&Local));
    moment.map_or(Datum::Null, |local| text(local.format("%Y-%m-%d %H:%M:%S%.6f").to_string()))
}

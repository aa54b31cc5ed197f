//! `statements_summary`: what statements that differ in values only have cost, in TiDB's columns as far as they are counted here.
//! `statements_summary_history` is the same, `cluster_statements_summary` with the server in front, and `performance_schema.events_statements_summary_by_digest` the
//! same in MySQL's columns.

use std::time::Duration;

use allod_planner::account::Privilege;
use allod_planner::parse::normalized;
use allod_storage::schema::Datum;

use super::Kind::{Moment, Number, Text};
use super::{Definition, Facts, INSTANCE, Rows, number, of_cluster, text};
use crate::slow::shortened;
use crate::summary::Summed;

macro_rules! columns {
    ($($first:expr,)*) => {
        &[
            $($first,)*
            ("SUMMARY_BEGIN_TIME", Moment(0)),
            ("SUMMARY_END_TIME", Moment(0)),
            ("STMT_TYPE", Text(64)),
            ("SCHEMA_NAME", Text(64)),
            ("DIGEST", Text(64)),
            ("DIGEST_TEXT", Text(65535)),
            ("SAMPLE_USER", Text(64)),
            ("EXEC_COUNT", Number),
            ("SUM_ERRORS", Number),
            ("SUM_WARNINGS", Number),
            ("SUM_LATENCY", Number),
            ("MAX_LATENCY", Number),
            ("MIN_LATENCY", Number),
            ("AVG_LATENCY", Number),
            ("FIRST_SEEN", Moment(0)),
            ("LAST_SEEN", Moment(0)),
            ("PLAN_IN_CACHE", Number),
            ("PLAN_CACHE_HITS", Number),
            ("PREPARED", Number),
            ("QUERY_SAMPLE_TEXT", Text(65535)),
        ]
    };
}

pub(super) const TABLE: Definition =
    Definition { name: "statements_summary", columns: columns!(), rows: |_, facts| Ok(rows(facts)) };

/// There is one window, which is the present one.
pub(super) const HISTORY: Definition =
    Definition { name: "statements_summary_history", columns: columns!(), rows: |_, facts| Ok(rows(facts)) };

pub(super) const CLUSTER: Definition = Definition {
    name: "cluster_statements_summary",
    columns: columns!(("INSTANCE", Text(64)),),
    rows: |_, facts| Ok(of_cluster(rows(facts), INSTANCE)),
};

/// Latencies are nanoseconds, as in TiDB.
fn rows(facts: &Facts) -> Rows {
    let nanos = |time: Duration| number(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    let second = |us: i64| facts.moment(us - us.rem_euclid(1_000_000));
    let now_us = chrono::Utc::now().timestamp_micros();
    let uptime_us = i64::try_from(facts.owner.uptime().as_micros()).unwrap_or(i64::MAX);
    let row = |Summed { database, digest, ran }: Summed| {
        let normal = normalized(&ran.sample).unwrap_or_default();
        let kind = normal.split(' ').next().unwrap_or_default().trim_matches('`').to_owned();
        let average = ran.total.checked_div(u32::try_from(ran.count).unwrap_or(u32::MAX));
        vec![
            second(now_us - uptime_us),
            second(now_us),
            text(capitalized(&kind)),
            database.map_or(Datum::Null, text),
            text(digest),
            text(normal),
            text(&ran.user),
            number(ran.count),
            number(ran.errors),
            number(ran.warnings),
            nanos(ran.total),
            nanos(ran.most),
            nanos(ran.least),
            nanos(average.unwrap_or_default()),
            second(ran.first_us),
            second(ran.last_us),
            number(u64::from(ran.from_cache > 0)),
            number(ran.from_cache),
            number(u64::from(ran.prepared)),
            text(shortened(&ran.sample)),
        ]
    };
    seen(facts).into_iter().map(row).collect()
}

/// Those of all users for who may see them, else those of which the own user was the first.
fn seen(facts: &Facts) -> Vec<Summed> {
    let of_all = facts.rights.has(Privilege::Process);
    let mut all = facts.owner.shared().summary.report(facts.summary);
    all.retain(|summed| of_all || summed.ran.user == facts.user);
    all
}

/// The same in MySQL's columns; its times are picoseconds.
pub(crate) const BY_DIGEST: Definition = Definition {
    name: "events_statements_summary_by_digest",
    columns: &[
        ("SCHEMA_NAME", Text(64)),
        ("DIGEST", Text(64)),
        ("DIGEST_TEXT", Text(65535)),
        ("COUNT_STAR", Number),
        ("SUM_TIMER_WAIT", Number),
        ("MIN_TIMER_WAIT", Number),
        ("AVG_TIMER_WAIT", Number),
        ("MAX_TIMER_WAIT", Number),
        ("SUM_ERRORS", Number),
        ("SUM_WARNINGS", Number),
        ("FIRST_SEEN", Moment(6)),
        ("LAST_SEEN", Moment(6)),
        ("QUERY_SAMPLE_TEXT", Text(65535)),
    ],
    rows: |_, facts| {
        let picos =
            |time: Duration| number(u64::try_from(time.as_nanos().saturating_mul(1000)).unwrap_or(u64::MAX));
        let row = |Summed { database, digest, ran }: Summed| {
            let average = ran.total.checked_div(u32::try_from(ran.count).unwrap_or(u32::MAX));
            vec![
                database.map_or(Datum::Null, text),
                text(digest),
                text(normalized(&ran.sample).unwrap_or_default()),
                number(ran.count),
                picos(ran.total),
                picos(ran.least),
                picos(average.unwrap_or_default()),
                picos(ran.most),
                number(ran.errors),
                number(ran.warnings),
                facts.moment(ran.first_us),
                facts.moment(ran.last_us),
                text(shortened(&ran.sample)),
            ]
        };
        Ok(seen(facts).into_iter().map(row).collect())
    },
};

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

//! The database `performance_schema`: what clients told of themselves when they connected, and what MySQL has here besides.
//!
//! ```sql
//! select attr_name, attr_value from performance_schema.session_account_connect_attrs where processlist_id = connection_id();
//! ```
//!
//! Variables, what SHOW STATUS shows, and connections are here, too, for those who look for them here. Left out: the instruments of
//! MySQL that give the database its name; EXPLAIN ANALYZE, SHOW STATUS and
//! `information_schema.builtin_function_usage` measure here.

use allod_planner::account::Privilege;
use allod_storage::schema::Datum;

use crate::catalog::Version;
use crate::error::Result;
use crate::information_schema::Kind::{Number, Text};
use crate::information_schema::{
    Definition, Facts, Kind, number, processlist, status, summary, text, variables,
};

/// Name of the database.
pub(crate) const DATABASE: &str = "performance_schema";

/// Sorted by name.
pub(crate) const TABLES: &[Definition] = &[
    summary::BY_DIGEST,
    Definition {
        name: "global_status",
        columns: status::COLUMNS,
        rows: |_, facts| Ok(status::rows(facts, true)),
    },
    Definition {
        name: "global_variables",
        columns: variables::COLUMNS,
        rows: |_, facts| Ok(variables::rows(&facts.variables.global)),
    },
    Definition { name: "session_account_connect_attrs", columns: COLUMNS, rows: own },
    Definition { name: "session_connect_attrs", columns: COLUMNS, rows: all },
    Definition {
        name: "session_status",
        columns: status::COLUMNS,
        rows: |_, facts| Ok(status::rows(facts, false)),
    },
    Definition {
        name: "session_variables",
        columns: variables::COLUMNS,
        rows: |_, facts| Ok(variables::rows(facts.variables.session())),
    },
    THREADS,
];

/// Each connection is a thread, which has its number.
const THREADS: Definition = Definition {
    name: "threads",
    columns: &[
        ("THREAD_ID", Number),
        ("NAME", Text(128)),
        ("TYPE", Text(10)),
        ("PROCESSLIST_ID", Number),
        ("PROCESSLIST_USER", Text(32)),
        ("PROCESSLIST_HOST", Text(255)),
        ("PROCESSLIST_DB", Text(64)),
        ("PROCESSLIST_COMMAND", Text(16)),
        ("PROCESSLIST_TIME", Number),
        ("PROCESSLIST_STATE", Text(64)),
        ("PROCESSLIST_INFO", Text(65535)),
    ],
    rows: |_, facts| {
        let row = |process: Vec<Datum>| {
            let id = process.first().cloned().unwrap_or(Datum::Null);
            let thread = [id, text("thread/sql/one_connection"), text("FOREGROUND")];
            thread.into_iter().chain(process).collect()
        };
        Ok(processlist::cells(facts).into_iter().map(row).collect())
    },
};

const COLUMNS: &[(&str, Kind)] = &[
    ("PROCESSLIST_ID", Number),
    ("ATTR_NAME", Text(32)),
    ("ATTR_VALUE", Text(1024)),
    ("ORDINAL_POSITION", Number),
];

/// Of the connections of the same user.
fn own(_: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    Ok(attributes(facts, false))
}

/// Of all connections, for who may see them.
fn all(_: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    Ok(attributes(facts, facts.rights.has(Privilege::Process)))
}

fn attributes(facts: &Facts, of_all: bool) -> Vec<Vec<Datum>> {
    let mut rows = Vec::new();
    for process in facts.processes.list().values() {
        let who = process.who();
        if !of_all && who.user != facts.user {
            continue;
        }
        let told = who.attributes.iter().zip(0u64..);
        rows.extend(told.map(|((name, value), at)| {
            vec![number(process.id), text(name.as_str()), text(value.as_str()), number(at)]
        }));
    }
    rows
}

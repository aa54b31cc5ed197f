//! `processlist`: who is connected, and the session that asks.

use std::sync::Arc;

use allod_planner::account::Privilege;
use allod_storage::schema::Datum;

use super::Kind::{Number, Text};
use super::{Definition, Facts, number, text};
use crate::catalog::Version;
use crate::error::Result;
use crate::processes::Process;

pub(super) const TABLE: Definition = Definition {
    name: "processlist",
    columns: &[
        ("ID", Number),
        ("USER", Text(16)),
        ("HOST", Text(64)),
        ("DB", Text(64)),
        ("COMMAND", Text(16)),
        ("TIME", Number),
        ("STATE", Text(64)),
        ("INFO", Text(65535)),
    ],
    rows,
};

fn rows(_: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    Ok(cells(facts))
}

/// A row for each process, in order of their numbers: of all users for who has the privilege PROCESS, else of the own one. Who asks
/// and is not connected through a server sees itself besides.
pub(crate) fn cells(facts: &Facts) -> Vec<Vec<Datum>> {
    let list = facts.processes.list();
    let may_see =
        |process: &&Arc<Process>| facts.rights.has(Privilege::Process) || process.who().user == facts.user;
    let mut rows: Vec<Vec<Datum>> = list.values().filter(may_see).map(row).collect();
    if !list.contains_key(&facts.connection) {
        rows.push(vec![
            number(facts.connection),
            text(facts.user),
            text("localhost"),
            facts.database.map_or(Datum::Null, text),
            text("Query"),
            number(0),
            text("executing"),
            Datum::Null,
        ]);
    }
    rows
}

fn row(process: &Arc<Process>) -> Vec<Datum> {
    let doing = process.doing();
    let optional = |value: &Option<Arc<str>>| value.as_deref().map_or(Datum::Null, text);
    vec![
        number(process.id),
        text(process.who().user.as_str()),
        text(&process.host),
        optional(&doing.database),
        text(doing.command),
        number(doing.since.elapsed().as_secs()),
        text(if doing.info.is_some() { "executing" } else { "" }),
        optional(&doing.info),
    ]
}

//! `processlist`: the session that asks. Sessions do not know each other.

use allod_storage::schema::Datum;

use super::Kind::{Number, Text};
use super::{Definition, Facts, number, text};
use crate::catalog::Version;
use crate::error::Result;

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
    let row = vec![
        number(facts.connection),
        text("root"),
        text("localhost"),
        facts.database.map_or(Datum::Null, text),
        text("Query"),
        number(0),
        text("executing"),
        Datum::Null,
    ];
    Ok(vec![row])
}

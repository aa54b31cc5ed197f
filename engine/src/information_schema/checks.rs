//! `check_constraints` and `tidb_check_constraints`: the conditions of CHECK, the second with their tables.

use allod_storage::schema::{CheckConstraint, Datum, TableDescriptor};

use super::Kind::{Number, Text};
use super::{Definition, Facts, entries, number, text};
use crate::catalog::Version;
use crate::error::Result;

pub(super) const TABLE: Definition = Definition {
    name: "check_constraints",
    columns: &[
        ("CONSTRAINT_CATALOG", Text(64)),
        ("CONSTRAINT_SCHEMA", Text(64)),
        ("CONSTRAINT_NAME", Text(64)),
        ("CHECK_CLAUSE", Text(16_383)),
    ],
    rows,
};

pub(super) const TIDB_TABLE: Definition = Definition {
    name: "tidb_check_constraints",
    columns: &[
        ("CONSTRAINT_CATALOG", Text(64)),
        ("CONSTRAINT_SCHEMA", Text(64)),
        ("CONSTRAINT_NAME", Text(64)),
        ("CHECK_CLAUSE", Text(16_383)),
        ("TABLE_NAME", Text(64)),
        ("TABLE_ID", Number),
    ],
    rows: rows_with_tables,
};

fn rows(version: &Version, _: &Facts) -> Result<Vec<Vec<Datum>>> {
    Ok(all(version).map(|(table, check)| row(table, check)).collect())
}

fn rows_with_tables(version: &Version, _: &Facts) -> Result<Vec<Vec<Datum>>> {
    let with_table = |(table, check): (&TableDescriptor, &CheckConstraint)| {
        let mut row = row(table, check);
        row.extend([text(&table.name), number(table.id.0)]);
        row
    };
    Ok(all(version).map(with_table).collect())
}

fn all(version: &Version) -> impl Iterator<Item = (&TableDescriptor, &CheckConstraint)> {
    entries(version).flat_map(|entry| {
        let table = &*entry.descriptor;
        table.constraints.checks.iter().map(move |check| (table, check))
    })
}

fn row(table: &TableDescriptor, check: &CheckConstraint) -> Vec<Datum> {
    vec![text("def"), text(&table.database), text(&check.name), text(format!("({})", check.expr))]
}

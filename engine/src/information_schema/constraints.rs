//! `key_column_usage` and `table_constraints`: primary and unique keys, the second CHECK constraints too. There are no
//! foreign keys.

use allod_storage::schema::{Datum, KeyPart};

use super::Kind::{Number, Text};
use super::{Definition, Facts, entries, indexes, number, text};
use crate::catalog::Version;
use crate::error::Result;

pub(super) const KEY_COLUMN_USAGE: Definition = Definition {
    name: "key_column_usage",
    columns: &[
        ("CONSTRAINT_CATALOG", Text(512)),
        ("CONSTRAINT_SCHEMA", Text(64)),
        ("CONSTRAINT_NAME", Text(64)),
        ("TABLE_CATALOG", Text(512)),
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("COLUMN_NAME", Text(64)),
        ("ORDINAL_POSITION", Number),
        ("POSITION_IN_UNIQUE_CONSTRAINT", Number),
        ("REFERENCED_TABLE_SCHEMA", Text(64)),
        ("REFERENCED_TABLE_NAME", Text(64)),
        ("REFERENCED_COLUMN_NAME", Text(64)),
    ],
    rows: columns,
};

pub(super) const TABLE_CONSTRAINTS: Definition = Definition {
    name: "table_constraints",
    columns: &[
        ("CONSTRAINT_CATALOG", Text(512)),
        ("CONSTRAINT_SCHEMA", Text(64)),
        ("CONSTRAINT_NAME", Text(64)),
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("CONSTRAINT_TYPE", Text(64)),
    ],
    rows: keys,
};

fn columns(version: &Version, _: &Facts) -> Result<Vec<Vec<Datum>>> {
    let mut rows = Vec::new();
    for entry in entries(version) {
        let table = &entry.descriptor;
        for (name, _, columns) in indexes(table).filter(|(_, unique, _)| *unique) {
            rows.extend(columns.iter().enumerate().map(|(position, &ordinal)| {
                let column = match table.key_part(ordinal) {
                    KeyPart::Column(of) | KeyPart::Prefix(of, _) | KeyPart::SortKey(of, _) => {
                        text(&table.columns[of].name)
                    }
                    KeyPart::Expression(_) => Datum::Null,
                };
                let mut row = vec![
                    text("def"),
                    text(&table.database),
                    text(name),
                    text("def"),
                    text(&table.database),
                    text(&table.name),
                    column,
                    number(position as u64 + 1),
                ];
                row.resize(KEY_COLUMN_USAGE.columns.len(), Datum::Null);
                row
            }));
        }
    }
    Ok(rows)
}

fn keys(version: &Version, _: &Facts) -> Result<Vec<Vec<Datum>>> {
    let mut rows = Vec::new();
    for entry in entries(version) {
        let table = &entry.descriptor;
        rows.extend(indexes(table).filter(|(_, unique, _)| *unique).map(|(name, ..)| {
            let kind = if name == "PRIMARY" { "PRIMARY KEY" } else { "UNIQUE" };
            let (database, table) = (&table.database, &table.name);
            vec![text("def"), text(database), text(name), text(database), text(table), text(kind)]
        }));
        rows.extend(table.constraints.checks.iter().map(|check| {
            let (database, table, name) = (&table.database, &table.name, &check.name);
            vec![text("def"), text(database), text(name), text(database), text(table), text("CHECK")]
        }));
    }
    Ok(rows)
}

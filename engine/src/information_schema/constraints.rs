//! `key_column_usage`, `table_constraints` and `referential_constraints`: primary, unique and foreign keys; the second has CHECK
//! constraints too, the third nothing but foreign keys.

use std::sync::Arc;

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

pub(super) const REFERENTIAL_CONSTRAINTS: Definition = Definition {
    name: "referential_constraints",
    columns: &[
        ("CONSTRAINT_CATALOG", Text(512)),
        ("CONSTRAINT_SCHEMA", Text(64)),
        ("CONSTRAINT_NAME", Text(64)),
        ("UNIQUE_CONSTRAINT_CATALOG", Text(512)),
        ("UNIQUE_CONSTRAINT_SCHEMA", Text(64)),
        ("UNIQUE_CONSTRAINT_NAME", Text(64)),
        ("MATCH_OPTION", Text(64)),
        ("UPDATE_RULE", Text(64)),
        ("DELETE_RULE", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("REFERENCED_TABLE_NAME", Text(64)),
    ],
    rows: references,
};

fn references(version: &Version, _: &Facts) -> Result<Vec<Vec<Datum>>> {
    let mut rows = Vec::new();
    for entry in entries(version) {
        let table = &entry.descriptor;
        rows.extend(table.constraints.foreign_keys.iter().map(|key| {
            let parent = version.entry(&key.database, &key.table).map(|parent| &parent.descriptor);
            let index = parent.and_then(|parent| {
                let columns: Option<Vec<usize>> = key.referenced.iter().map(|c| parent.column(c)).collect();
                Some(match parent.space_led_by(&columns?)? {
                    0 => "PRIMARY".into(),
                    index => Arc::clone(&parent.indexes[index - 1].name),
                })
            });
            vec![
                text("def"),
                text(&table.database),
                text(&key.name),
                text("def"),
                text(&key.database),
                index.map_or(Datum::Null, text),
                text("NONE"),
                text(key.on_update.words().unwrap_or("NO ACTION")),
                text(key.on_delete.words().unwrap_or("NO ACTION")),
                text(&table.name),
                text(&key.table),
            ]
        }));
    }
    Ok(rows)
}

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
        for key in &table.constraints.foreign_keys {
            let columns = key.columns.iter().zip(&key.referenced).enumerate();
            rows.extend(columns.map(|(position, (&ordinal, referenced))| {
                vec![
                    text("def"),
                    text(&table.database),
                    text(&key.name),
                    text("def"),
                    text(&table.database),
                    text(&table.name),
                    text(&table.columns[ordinal].name),
                    number(position as u64 + 1),
                    number(position as u64 + 1),
                    text(&key.database),
                    text(&key.table),
                    text(referenced),
                ]
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
        let checks = table.constraints.checks.iter().map(|check| (&check.name, "CHECK"));
        let foreign = table.constraints.foreign_keys.iter().map(|key| (&key.name, "FOREIGN KEY"));
        rows.extend(foreign.chain(checks).map(|(name, kind)| {
            let (database, table) = (&table.database, &table.name);
            vec![text("def"), text(database), text(name), text(database), text(table), text(kind)]
        }));
    }
    Ok(rows)
}

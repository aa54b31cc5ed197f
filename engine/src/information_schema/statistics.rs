//! `statistics`: the columns of all indexes.

use allod_storage::schema::{Datum, KeyPart};

use super::Kind::{Number, Text};
use super::{Definition, Facts, entries, indexes, number, text};
use crate::catalog::Version;
use crate::error::Result;

pub(super) const TABLE: Definition = Definition {
    name: "statistics",
    columns: &[
        ("TABLE_CATALOG", Text(512)),
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("NON_UNIQUE", Number),
        ("INDEX_SCHEMA", Text(64)),
        ("INDEX_NAME", Text(64)),
        ("SEQ_IN_INDEX", Number),
        ("COLUMN_NAME", Text(64)),
        ("COLLATION", Text(1)),
        ("CARDINALITY", Number),
        ("SUB_PART", Number),
        ("PACKED", Text(10)),
        ("NULLABLE", Text(3)),
        ("INDEX_TYPE", Text(16)),
        ("COMMENT", Text(16)),
        ("INDEX_COMMENT", Text(1024)),
        ("IS_VISIBLE", Text(3)),
        ("EXPRESSION", Text(1024)),
    ],
    rows,
};

fn rows(version: &Version, _: &Facts) -> Result<Vec<Vec<Datum>>> {
    let mut rows = Vec::new();
    for entry in entries(version) {
        let table = &entry.descriptor;
        for (name, unique, columns) in indexes(table) {
            for (position, &ordinal) in columns.iter().enumerate() {
                let column = &table.columns[ordinal];
                let (of, length, expression) = match table.key_part(ordinal) {
                    KeyPart::Column(of) | KeyPart::SortKey(of, None) => (Some(of), Datum::Null, Datum::Null),
                    KeyPart::Prefix(of, length) | KeyPart::SortKey(of, Some(length)) => {
                        (Some(of), number(u64::from(length)), Datum::Null)
                    }
                    KeyPart::Expression(expr) => (None, Datum::Null, text(expr)),
                };
                let distinct = entry.stats.columns.get(ordinal).map_or(Datum::Null, |c| number(c.distinct));
                rows.push(vec![
                    text("def"),
                    text(&table.database),
                    text(&table.name),
                    number(u64::from(!unique)),
                    text(&table.database),
                    text(name),
                    number(position as u64 + 1),
                    of.map_or(Datum::Null, |of| text(&table.columns[of].name)),
                    text("A"),
                    distinct,
                    length,
                    Datum::Null,
                    text(if column.ty.nullable { "YES" } else { "" }),
                    text("BTREE"),
                    text(""),
                    text(""),
                    text("YES"),
                    expression,
                ]);
            }
        }
    }
    Ok(rows)
}

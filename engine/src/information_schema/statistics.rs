//! `statistics`: the columns of all indexes.

use allod_storage::schema::{Datum, TableDescriptor};

use super::Kind::{Number, Text};
use super::keys::{KeyColumn, key_columns};
use super::{Definition, Facts, entries, number, text, yes_no};
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
    let of = |entry| key_columns(entry).map(move |column| row(&entry.descriptor, &column));
    Ok(entries(version).flat_map(of).collect())
}

fn row(table: &TableDescriptor, of: &KeyColumn<'_>) -> Vec<Datum> {
    vec![
        text("def"),
        text(&table.database),
        text(&table.name),
        number(u64::from(!of.unique)),
        text(&table.database),
        text(of.key),
        number(of.position as u64),
        of.column.map_or(Datum::Null, text),
        text("A"),
        number(of.distinct),
        of.length.map_or(Datum::Null, |n| number(n.into())),
        Datum::Null,
        text(if of.nullable { "YES" } else { "" }),
        text("BTREE"),
        text(""),
        text(&of.options.comment),
        yes_no(!of.options.invisible),
        of.expression.map_or(Datum::Null, text),
    ]
}

//! The columns of keys, as SHOW INDEX, `statistics` and `tidb_indexes` show them; and the last of these.

use allod_storage::schema::{Datum, IndexOptions, KeyPart, TableDescriptor};

use super::Kind::{Number, Text};
use super::{Definition, Facts, entries, number, text, yes_no};
use crate::catalog::{Entry, Version};
use crate::error::Result;

/// One column of a key.
pub(crate) struct KeyColumn<'a> {
    /// The key: its id and its name; 0 = that by which rows are sorted.
    pub id: u64,
    pub key: &'a str,
    pub unique: bool,
    /// Whether rows are sorted by the key.
    pub clustered: bool,
    pub options: IndexOptions,
    /// From 1.
    pub position: usize,
    /// `None` = an expression.
    pub column: Option<&'a str>,
    /// How many characters or bytes of it, unless all.
    pub length: Option<u32>,
    pub expression: Option<&'a str>,
    /// About how many values there are, as statistics have it.
    pub distinct: u64,
    pub nullable: bool,
}

/// The columns of all keys of a table; the key by which rows are sorted comes first.
pub(crate) fn key_columns(entry: &Entry) -> impl Iterator<Item = KeyColumn<'_>> {
    let table: &TableDescriptor = &entry.descriptor;
    let own = (0, "PRIMARY", true, true, table.key.as_slice(), IndexOptions::default());
    let own = table.clustered.then_some(own);
    let others = table
        .indexes
        .iter()
        .map(|i| (i.id.0, &*i.name, i.unique, false, i.columns.as_slice(), i.options.clone()));
    own.into_iter().chain(others).flat_map(move |(id, key, unique, clustered, columns, options)| {
        columns.iter().enumerate().map(move |(at, &ordinal)| {
            let (of, length, expression) = match table.key_part(ordinal) {
                KeyPart::Column(of) | KeyPart::SortKey(of, None) => (Some(of), None, None),
                KeyPart::Prefix(of, length) | KeyPart::SortKey(of, Some(length)) => {
                    (Some(of), Some(length), None)
                }
                KeyPart::Expression(expr) => (None, None, Some(expr)),
            };
            KeyColumn {
                id,
                key,
                unique,
                clustered,
                options: options.clone(),
                position: at + 1,
                column: of.map(|of| &*table.columns[of].name),
                length,
                expression,
                distinct: entry.stats.columns.get(ordinal).map_or(0, |c| c.distinct),
                nullable: table.columns[ordinal].ty.nullable,
            }
        })
    })
}

/// `tidb_indexes`.
pub(super) const TIDB: Definition = Definition {
    name: "tidb_indexes",
    columns: &[
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("NON_UNIQUE", Number),
        ("KEY_NAME", Text(64)),
        ("SEQ_IN_INDEX", Number),
        ("COLUMN_NAME", Text(64)),
        ("SUB_PART", Number),
        ("INDEX_COMMENT", Text(1024)),
        ("Expression", Text(64)),
        ("INDEX_ID", Number),
        ("IS_VISIBLE", Text(64)),
        ("CLUSTERED", Text(64)),
        ("IS_GLOBAL", Number),
    ],
    rows: tidb_rows,
};

fn tidb_rows(version: &Version, _: &Facts) -> Result<Vec<Vec<Datum>>> {
    let of = |entry| key_columns(entry).map(move |column| tidb_row(&entry.descriptor, &column));
    Ok(entries(version).flat_map(of).collect())
}

fn tidb_row(table: &TableDescriptor, of: &KeyColumn<'_>) -> Vec<Datum> {
    vec![
        text(&table.database),
        text(&table.name),
        number(u64::from(!of.unique)),
        text(of.key),
        number(of.position as u64),
        of.column.map_or(Datum::Null, text),
        of.length.map_or(Datum::Null, |n| number(n.into())),
        text(&of.options.comment),
        of.expression.map_or(Datum::Null, text),
        number(of.id),
        yes_no(!of.options.invisible),
        yes_no(of.clustered),
        number(u64::from(of.options.global)),
    ]
}

//! `tables`: the tables of all databases. TABLE_ROWS is what statistics and the changes since say, not a count.

use allod_storage::schema::{AutoRandom, Datum, TableDescriptor};

use super::Kind::{Moment, Number, Text};
use super::{Definition, Facts, entries, kind, names, number, text};
use crate::catalog::{Entry, Version};
use crate::error::Result;

pub(super) const TABLE: Definition = Definition {
    name: "tables",
    columns: &[
        ("TABLE_CATALOG", Text(512)),
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("TABLE_TYPE", Text(64)),
        ("ENGINE", Text(64)),
        ("VERSION", Number),
        ("ROW_FORMAT", Text(10)),
        ("TABLE_ROWS", Number),
        ("AVG_ROW_LENGTH", Number),
        ("DATA_LENGTH", Number),
        ("MAX_DATA_LENGTH", Number),
        ("INDEX_LENGTH", Number),
        ("DATA_FREE", Number),
        ("AUTO_INCREMENT", Number),
        ("CREATE_TIME", Moment(0)),
        ("UPDATE_TIME", Moment(0)),
        ("CHECK_TIME", Moment(0)),
        ("TABLE_COLLATION", Text(32)),
        ("CHECKSUM", Number),
        ("CREATE_OPTIONS", Text(255)),
        ("TABLE_COMMENT", Text(2048)),
        ("TIDB_TABLE_ID", Number),
        ("TIDB_ROW_ID_SHARDING_INFO", Text(255)),
        ("TIDB_PK_TYPE", Text(64)),
        ("TIDB_PLACEMENT_POLICY_NAME", Text(64)),
    ],
    rows,
};

/// ENGINE, VERSION and ROW_FORMAT of every table: those that TiDB says of its own, for tools that ask.
pub(crate) const ENGINE: &str = "InnoDB";
pub(crate) const FORMAT_VERSION: u64 = 10;
pub(crate) const ROW_FORMAT: &str = "Compact";

/// About how many bytes the rows of a table are, and the entries of its indexes, as TiDB reckons: numbers and times are of eight
/// bytes, of texts the average length is known after ANALYZE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Of one row.
    pub average: u64,
    pub data: u64,
    pub indexes: u64,
}

/// Those of so many rows.
pub(crate) fn sizes(entry: &Entry, rows: u64) -> Sizes {
    const NUMBER: f64 = 8.0;
    let table = &entry.descriptor;
    let width = |ordinal: &usize| {
        let ty = &table.columns[*ordinal].ty.sql;
        if ty.is_numeric() || ty.is_temporal() {
            return NUMBER;
        }
        entry.stats.columns.get(*ordinal).map_or(0.0, |stats| stats.width)
    };
    let row: f64 = table.visible_columns().map(|ordinal| width(&ordinal)).sum();
    let entries: f64 = table.indexes.iter().flat_map(|index| &index.columns).map(width).sum();
    // Bytes: far below 2^63, and not negative.
    let bytes = |width: f64| (width * rows as f64) as u64;
    let data = bytes(row);
    Sizes { average: data.checked_div(rows).unwrap_or(0), data, indexes: bytes(entries) }
}

/// CREATE_OPTIONS of a table.
pub(crate) fn create_options(table: &TableDescriptor) -> &'static str {
    match (table.partitioning.is_some(), table.options.cached) {
        (true, _) => "partitioned",
        (false, true) => "cached=on",
        (false, false) => "",
    }
}

fn rows(version: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    let own = super::DATABASES.into_iter().filter(|name| facts.rights.sees_database(name));
    let own = own.flat_map(|database| names(database).map(move |name| (database, name)));
    let own = own.map(|(database, name)| {
        let mut row = vec![Datum::Null; TABLE.columns.len()];
        row[..4].clone_from_slice(&[text("def"), text(database), text(name), text(kind(database))]);
        row
    });
    let others = entries(version).map(|entry| {
        let table = &entry.descriptor;
        let mut row = vec![Datum::Null; TABLE.columns.len()];
        row[..7].clone_from_slice(&[
            text("def"),
            text(&table.database),
            text(&table.name),
            text("BASE TABLE"),
            text(ENGINE),
            number(FORMAT_VERSION),
            text(ROW_FORMAT),
        ]);
        let Sizes { average, data, indexes } = sizes(entry, entry.live_rows());
        let sizes = [entry.live_rows(), average, data, 0, indexes, 0];
        row[7..13].clone_from_slice(&sizes.map(number));
        row[14] = facts.moment_of(entry.since);
        if table.columns.iter().any(|c| c.auto_increment) {
            row[13] = number(entry.counters.ids.peek());
        }
        row[17] = text(table.collation.name());
        row[19] = text(create_options(table));
        row[20] = text(&table.comment);
        row[21] = number(table.id.0);
        row[22] = text(sharding(table));
        row[23] = text(if table.clustered { "CLUSTERED" } else { "NONCLUSTERED" });
        row[24] = table.options.placement.as_deref().map_or(Datum::Null, text);
        row
    });
    let views = version.databases().flat_map(|database| version.views(database)).map(|view| {
        let mut row = vec![Datum::Null; TABLE.columns.len()];
        row[..4].clone_from_slice(&[text("def"), text(&view.database), text(&view.name), text("VIEW")]);
        row[20] = text("VIEW");
        row
    });
    let sequences = version.databases().flat_map(|database| version.sequences(database)).map(|entry| {
        let sequence = &entry.definition;
        let mut row = vec![Datum::Null; TABLE.columns.len()];
        let kind = text("SEQUENCE");
        row[..4].clone_from_slice(&[text("def"), text(&sequence.database), text(&sequence.name), kind]);
        row[20] = text(&sequence.comment);
        row
    });
    Ok(own.chain(others).chain(views).chain(sequences).collect())
}

/// Whether the numbers of rows begin with random bits, in TiDB's words.
fn sharding(table: &TableDescriptor) -> String {
    match table.numbering.random {
        Some(AutoRandom { shard_bits, range_bits: AutoRandom::RANGE_BITS_MAX }) => {
            format!("PK_AUTO_RANDOM_BITS={shard_bits}")
        }
        Some(AutoRandom { shard_bits, range_bits }) => {
            format!("PK_AUTO_RANDOM_BITS={shard_bits}, RANGE BITS={range_bits}")
        }
        None if table.clustered => "NOT_SHARDED(PK_IS_HANDLE)".into(),
        None => match table.options.shard_row_id_bits {
            0 => "NOT_SHARDED".into(),
            bits => format!("SHARD_BITS={bits}"),
        },
    }
}

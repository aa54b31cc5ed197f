//! `tables`: the tables of all databases. TABLE_ROWS is what statistics and the changes since say, not a count.

use allod_storage::schema::{AutoRandom, Datum, TableDescriptor};

use super::Kind::{Number, Text};
use super::{Definition, Facts, entries, kind, names, number, text};
use crate::catalog::Version;
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
        ("CREATE_TIME", Text(32)),
        ("UPDATE_TIME", Text(32)),
        ("CHECK_TIME", Text(32)),
        ("TABLE_COLLATION", Text(32)),
        ("CHECKSUM", Number),
        ("CREATE_OPTIONS", Text(255)),
        ("TABLE_COMMENT", Text(2048)),
        ("TIDB_TABLE_ID", Number),
        ("TIDB_ROW_ID_SHARDING_INFO", Text(255)),
        ("TIDB_PK_TYPE", Text(64)),
    ],
    rows,
};

/// ENGINE, VERSION and ROW_FORMAT of every table: those that TiDB says of its own, for tools that ask.
pub(crate) const ENGINE: &str = "InnoDB";
pub(crate) const FORMAT_VERSION: u64 = 10;
pub(crate) const ROW_FORMAT: &str = "Compact";

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
        row[7] = number(entry.live_rows());
        if table.columns.iter().any(|c| c.auto_increment) {
            row[13] = number(entry.counters.ids.peek());
        }
        row[17] = text(table.collation.name());
        row[19] = text(create_options(table));
        row[20] = text(&table.comment);
        row[21] = number(table.id.0);
        row[22] = text(sharding(table));
        row[23] = text(if table.clustered { "CLUSTERED" } else { "NONCLUSTERED" });
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

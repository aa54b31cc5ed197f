//! `partitions`: one row for each partition, and one with NULLs for a table that has none. Rows are counted by table; of a partition
//! there are about as many as its regions hold.

use allod_storage::client::ScanRequest;
use allod_storage::error::Error as StorageError;
use allod_storage::schema::{Datum, SpaceId};

use super::Kind::{Moment, Number, Text};
use super::tables::{Sizes, sizes};
use super::{Definition, Facts, entries, number, text};
use crate::catalog::{Entry, Version};
use crate::error::Result;
use crate::partitioning;

pub(super) const TABLE: Definition = Definition {
    name: "partitions",
    columns: &[
        ("TABLE_CATALOG", Text(512)),
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("PARTITION_NAME", Text(64)),
        ("SUBPARTITION_NAME", Text(64)),
        ("PARTITION_ORDINAL_POSITION", Number),
        ("SUBPARTITION_ORDINAL_POSITION", Number),
        ("PARTITION_METHOD", Text(18)),
        ("SUBPARTITION_METHOD", Text(12)),
        ("PARTITION_EXPRESSION", Text(2048)),
        ("SUBPARTITION_EXPRESSION", Text(2048)),
        ("PARTITION_DESCRIPTION", Text(65535)),
        ("TABLE_ROWS", Number),
        ("AVG_ROW_LENGTH", Number),
        ("DATA_LENGTH", Number),
        ("MAX_DATA_LENGTH", Number),
        ("INDEX_LENGTH", Number),
        ("DATA_FREE", Number),
        ("CREATE_TIME", Moment(0)),
        ("UPDATE_TIME", Moment(0)),
        ("CHECK_TIME", Moment(0)),
        ("CHECKSUM", Number),
        ("PARTITION_COMMENT", Text(80)),
        ("NODEGROUP", Text(12)),
        ("TABLESPACE_NAME", Text(64)),
        ("TIDB_PARTITION_ID", Number),
        ("TIDB_PLACEMENT_POLICY_NAME", Text(64)),
    ],
    rows,
};

fn rows(version: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    let mut rows = Vec::new();
    for entry in entries(version) {
        let table = &entry.descriptor;
        let blank = || {
            let mut row = vec![Datum::Null; TABLE.columns.len()];
            row[..3].clone_from_slice(&[text("def"), text(&table.database), text(&table.name)]);
            row
        };
        let Some(scheme) = &table.partitioning else {
            let mut row = blank();
            fill(&mut row, entry, entry.live_rows(), facts);
            rows.push(row);
            continue;
        };
        for (at, partition) in table.partitions.iter().enumerate() {
            let mut row = blank();
            row[3] = text(&partition.name);
            row[5] = number(at as u64 + 1);
            row[7] = text(partitioning::method(scheme));
            row[9] = text(partitioning::expression(scheme, table));
            row[11] = partitioning::description(scheme, at).map_or(Datum::Null, text);
            fill(&mut row, entry, rows_of(partition.records, facts)?, facts);
            row[22] = text(&partition.comment);
            row[25] = number(partition.records.0);
            row[26] = partition.placement.as_deref().map_or(Datum::Null, text);
            rows.push(row);
        }
    }
    Ok(rows)
}

/// From TABLE_ROWS to CREATE_TIME.
fn fill(row: &mut [Datum], entry: &Entry, rows: u64, facts: &Facts) {
    let Sizes { average, data, indexes } = sizes(entry, rows);
    row[12..18].clone_from_slice(&[rows, average, data, 0, indexes, 0].map(number));
    row[18] = facts.moment_of(entry.since);
}

/// About how many rows a space has. One that was dropped since the version was made has none.
fn rows_of(space: SpaceId, facts: &Facts) -> Result<u64> {
    let mut client = facts.client.fork();
    let runtime = client.runtime();
    let (ts, _pin) = runtime.block_on(client.snapshot())?;
    match runtime.block_on(client.scan(&ScanRequest::all(space, ts))) {
        Err(StorageError::UnknownSpace(_)) => Ok(0),
        regions => Ok(regions?.iter().map(|region| region.row_count_estimate() as u64).sum()),
    }
}

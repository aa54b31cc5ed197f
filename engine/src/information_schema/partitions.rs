//! `partitions`: one row for each partition, and one with NULLs for a table that has none. TABLE_ROWS of a partition is NULL, not
//! known: rows are counted by table, partitions have no statistics of their own.

use allod_storage::schema::Datum;

use super::Kind::{Number, Text};
use super::{Definition, Facts, entries, number, text};
use crate::catalog::Version;
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
        ("CREATE_TIME", Text(32)),
        ("UPDATE_TIME", Text(32)),
        ("CHECK_TIME", Text(32)),
        ("CHECKSUM", Number),
        ("PARTITION_COMMENT", Text(80)),
        ("NODEGROUP", Text(12)),
        ("TABLESPACE_NAME", Text(64)),
        ("TIDB_PARTITION_ID", Number),
    ],
    rows,
};

fn rows(version: &Version, _: &Facts) -> Result<Vec<Vec<Datum>>> {
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
            row[12] = number(entry.live_rows());
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
            row[22] = text(&partition.comment);
            row[25] = number(partition.records.0);
            rows.push(row);
        }
    }
    Ok(rows)
}

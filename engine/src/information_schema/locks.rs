//! `data_lock_waits`: which transaction waits for a lock of which. `deadlocks`: the last circles of such waits, a row for each.
//!
//! The columns are TiDB's; there are no digests of statements. `KEY_INFO` says in JSON what the key is, as far as the schema of
//! today knows.

use allod_storage::client::Wait;
use allod_storage::key::{Key, decode};
use allod_storage::schema::{Datum, SqlType, TableDescriptor};
use serde_json::{Map, Value, json};

use super::Kind::{Number, Text};
use super::transactions::{statement_of, time};
use super::{Definition, Facts, entries, number, text};
use crate::catalog::Version;
use crate::error::Result;

pub(super) const WAITS: Definition = Definition {
    name: "data_lock_waits",
    columns: &[
        ("KEY", Text(65535)),
        ("KEY_INFO", Text(65535)),
        ("TRX_ID", Number),
        ("CURRENT_HOLDING_TRX_ID", Number),
        ("SQL_DIGEST", Text(64)),
        ("SQL_DIGEST_TEXT", Text(65535)),
    ],
    rows: waits,
};

pub(super) const DEADLOCKS: Definition = Definition {
    name: "deadlocks",
    columns: &[
        ("DEADLOCK_ID", Number),
        ("OCCUR_TIME", Text(26)),
        ("RETRYABLE", Number),
        ("TRY_LOCK_TRX_ID", Number),
        ("CURRENT_SQL_DIGEST", Text(64)),
        ("CURRENT_SQL_DIGEST_TEXT", Text(65535)),
        ("KEY", Text(65535)),
        ("KEY_INFO", Text(65535)),
        ("TRX_HOLDING_LOCK", Number),
    ],
    rows: deadlocks,
};

fn waits(version: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    facts.see_others()?;
    let (transactions, processes) = (facts.transactions.list(), facts.processes.list());
    let statement = |wait: &Wait| {
        let waiter = transactions.iter().find(|seen| seen.trx.id == wait.waiter);
        waiter.and_then(|seen| statement_of(seen, &processes)).as_deref().map_or(Datum::Null, text)
    };
    let row = |wait: &Wait| {
        vec![
            text(hex(&wait.key)),
            info(version, &wait.key),
            number(wait.waiter.0),
            number(wait.holder.0),
            Datum::Null,
            statement(wait),
        ]
    };
    Ok(facts.cluster.lock_waits().waits().map(row).collect())
}

fn deadlocks(version: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    facts.see_others()?;
    let waits = facts.cluster.lock_waits();
    let mut rows = Vec::new();
    for deadlock in waits.deadlocks() {
        let at_us = i64::try_from(deadlock.at_ms).unwrap_or(i64::MAX).saturating_mul(1000);
        rows.extend(deadlock.deadlock.circle.iter().map(|wait| {
            vec![
                number(deadlock.number),
                time(at_us),
                number(0),
                number(wait.waiter.0),
                Datum::Null,
                Datum::Null,
                text(hex(&wait.key)),
                info(version, &wait.key),
                number(wait.holder.0),
            ]
        }));
    }
    Ok(rows)
}

fn hex(key: &Key) -> String {
    key.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect()
}

/// What a key is, in TiDB's words; NULL if no table has it.
fn info(version: &Version, key: &Key) -> Datum {
    let known = entries(version).find_map(|entry| described(&entry.descriptor, key));
    known.map_or(Datum::Null, |info| text(Value::Object(info).to_string()))
}

fn described(table: &TableDescriptor, key: &Key) -> Option<Map<String, Value>> {
    let space = key.space()?;
    let is_of = |partition: &&_| {
        let allod_storage::schema::PartitionDescriptor { records, indexes, .. } = partition;
        *records == space || indexes.contains(&space)
    };
    let partition = table.partitions.iter().find(is_of)?;
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| drop(info.insert(name.to_owned(), value));
    put("db_name", json!(*table.database));
    put("table_id", json!(table.id.0));
    put("table_name", json!(*table.name));
    if table.partitioning.is_some() {
        put("partition_id", json!(partition.records.0));
        put("partition_name", json!(*partition.name));
    }
    let texts = |datums: &[Datum]| datums.iter().map(Datum::to_string).collect::<Vec<_>>();
    match partition.indexes.iter().position(|index| *index == space) {
        None => {
            let datums = decode(&table.record_space(space), key)?;
            let is_int = |ordinal: &usize| matches!(table.columns[*ordinal].ty.sql, SqlType::Int { .. });
            let is_plain = table.key.len() == 1 && table.key.iter().all(is_int);
            put("handle_type", json!(if is_plain { "int" } else { "common" }));
            put("handle_value", json!(texts(&datums).join(", ")));
        }
        Some(at) => {
            let index = &table.indexes[at];
            let mut datums = decode(&table.index_space(at, space).0, key)?;
            datums.truncate(index.columns.len());
            put("index_id", json!(index.id.0));
            put("index_name", json!(*index.name));
            put("index_values", json!(texts(&datums)));
        }
    }
    Some(info)
}

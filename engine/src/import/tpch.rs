//! The tables of TPC-H, generated in this process.
//!
//! The generator makes any part of a table by itself, so parts are made on all cores, converted to the store's types and
//! looked at for statistics while they are in the cache; some parts at a time become chunks and are let go, so that no
//! table is in memory twice. Then a table is ingested as a whole.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use rayon::prelude::*;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow,
    SupplierArrow,
};

use allod_executor::Cancel;
use allod_planner::zone::Zone;
use allod_storage::schema::TableDescriptor;

use super::convert::to_column;
use super::load::{BulkLoad, Target, deal};
use super::progress::Progress;
use crate::catalog::StatsCollector;
use crate::database::Database;
use crate::error::{Error, Result, code};
use crate::session::Session;

/// The tables, each after those that it refers to.
pub const TABLES: [&str; 8] =
    ["region", "nation", "part", "supplier", "partsupp", "customer", "orders", "lineitem"];

const SCHEMA: &str = include_str!("../../bench/tpch/schema.sql");
/// The least scale factor with which every table has rows that fit together.
const SCALE_FACTOR_MIN: f64 = 0.01;
/// The greatest whose keys the generator can count.
const SCALE_FACTOR_MAX: f64 = 1000.0;
/// Rows of a batch that is converted at once.
const BATCH_ROWS: usize = 8192;
/// Parts of a table that are made and built at once: a million rows, which share their dictionaries.
const PARTS_AT_ONCE: usize = 10;

/// Whether tables of this scale factor can be made.
///
/// # Errors
/// 1210 if it is not a number between 0.01 and 1000.
pub fn check_scale_factor(sf: f64) -> Result<()> {
    if (SCALE_FACTOR_MIN..=SCALE_FACTOR_MAX).contains(&sf) {
        return Ok(());
    }
    let message =
        format!("the scale factor must be a number from {SCALE_FACTOR_MIN} to {SCALE_FACTOR_MAX}, not {sf}");
    Err(Error::new(code::WRONG_ARGUMENTS, message))
}

/// Creates the eight tables in a schema (`None` = `test`), fills them, and returns the number of rows.
///
/// # Errors
/// If the scale factor is none, or one of the tables is there already.
pub fn tpch(database: &Database, schema: Option<&str>, sf: f64, progress: &Progress) -> Result<u64> {
    tpch_partitioned(database, schema, sf, None, progress)
}

/// As [`tpch`], with orders and lineitem hash-partitioned by order key into so many partitions.
///
/// # Errors
/// As [`tpch`].
pub fn tpch_partitioned(
    database: &Database,
    schema: Option<&str>,
    sf: f64,
    partitions: Option<u16>,
    progress: &Progress,
) -> Result<u64> {
    check_scale_factor(sf)?;
    let mut session = database.session();
    if let Some(schema) = schema {
        session.run(&format!("use `{}`", schema.replace('`', "``")))?;
    }
    let version = database.catalog();
    for table in TABLES {
        if version.entry(session.database().unwrap_or_default(), table).is_some() {
            return Err(Error::new(code::TABLE_EXISTS, format!("table '{table}' already exists")));
        }
    }
    session.execute_all(&schema_text(partitions), |_| Ok(()))?;
    let mut rows = 0;
    for table in TABLES {
        rows += fill(&mut session, table, sf, progress)?;
    }
    Ok(rows)
}

/// The CREATE TABLE statements.
fn schema_text(partitions: Option<u16>) -> String {
    let Some(partitions) = partitions else { return SCHEMA.to_string() };
    let keys = [
        ("primary key (o_orderkey)", "o_orderkey"),
        ("primary key (l_orderkey, l_linenumber)", "l_orderkey"),
    ];
    keys.iter().fold(SCHEMA.to_string(), |text, (key, column)| {
        let clause = format!("{key}\n) partition by hash ({column}) partitions {partitions};");
        text.replacen(&format!("{key}\n);"), &clause, 1)
    })
}

fn fill(session: &mut Session, name: &str, sf: f64, progress: &Progress) -> Result<u64> {
    let target = Target::open(session, name, &Cancel::new())?;
    let table = Arc::clone(&target.table);
    let parts = parts(name, sf);
    let step = progress.step(&format!("loading {name}"), u64::from(parts));
    let mut stats = StatsCollector::new(&table);
    let mut loads = Vec::new();
    for partition in &table.partitions {
        loads.push(BulkLoad::new(session.client_mut(), &table, partition)?);
    }
    let numbers: Vec<u32> = (1..=parts).collect();
    for some in numbers.chunks(PARTS_AT_ONCE) {
        let made = some.par_iter().map(|&part| {
            let made = generate(&table, sf, part, parts);
            step.advance(1);
            made
        });
        let mut rows = Vec::new();
        for (columns, seen) in made.collect::<Result<Vec<_>>>()? {
            rows.extend(columns);
            stats = stats.merge(seen);
        }
        for (load, rows) in loads.iter_mut().zip(deal(&table, rows)?) {
            load.add(rows)?;
        }
    }
    BulkLoad::finish(loads, session.client_mut())?;
    let stats = stats.finish();
    let count = stats.rows;
    target.finish(session, stats)?;
    Ok(count)
}

/// How many parts a table is made in: some hundred thousand rows each, so that all cores are busy to the end.
fn parts(table: &str, sf: f64) -> u32 {
    let rows = match table {
        "lineitem" => 6e6,
        "orders" => 1.5e6,
        "partsupp" => 8e5,
        "part" => 2e5,
        "customer" => 1.5e5,
        "supplier" => 1e4,
        // Of a fixed size, and not made in parts.
        _ => return 1,
    };
    ((rows * sf / 1e5).ceil() as u32).max(1)
}

/// One part, converted, and what was seen of it.
fn generate(
    table: &TableDescriptor,
    sf: f64,
    part: u32,
    parts: u32,
) -> Result<(Vec<Vec<ArrayRef>>, StatsCollector)> {
    let mut stats = StatsCollector::new(table);
    let mut rows = Vec::new();
    for batch in batches(&table.name, sf, part as i32, parts as i32) {
        let batch = batch.map_err(Error::internal)?;
        let columns = batch
            .columns()
            .iter()
            .zip(&table.columns)
            .map(|(array, column)| to_column(array, column, Zone::UTC));
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        stats.add(&columns);
        rows.push(columns);
    }
    Ok((rows, stats))
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

fn batches(table: &str, sf: f64, part: i32, parts: i32) -> Batches {
    match table {
        "region" => Box::new(RegionArrow::new(RegionGenerator::new(sf, part, parts))),
        "nation" => Box::new(NationArrow::new(NationGenerator::new(sf, part, parts))),
        "part" => Box::new(PartArrow::new(PartGenerator::new(sf, part, parts)).with_batch_size(BATCH_ROWS)),
        "supplier" => {
            Box::new(SupplierArrow::new(SupplierGenerator::new(sf, part, parts)).with_batch_size(BATCH_ROWS))
        }
        "partsupp" => {
            Box::new(PartSuppArrow::new(PartSuppGenerator::new(sf, part, parts)).with_batch_size(BATCH_ROWS))
        }
        "customer" => {
            Box::new(CustomerArrow::new(CustomerGenerator::new(sf, part, parts)).with_batch_size(BATCH_ROWS))
        }
        "orders" => {
            Box::new(OrderArrow::new(OrderGenerator::new(sf, part, parts)).with_batch_size(BATCH_ROWS))
        }
        _ => {
            Box::new(LineItemArrow::new(LineItemGenerator::new(sf, part, parts)).with_batch_size(BATCH_ROWS))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_tables_may_be_partitioned() {
        let text = schema_text(Some(3));
        assert_eq!(text.matches("partitions 3").count(), 2, "{text}");
    }

    #[test]
    fn scale_factors_are_numbers_that_make_sense() {
        for bad in [f64::NAN, -1.0, 0.0, 0.009, 1e9, f64::INFINITY] {
            assert_eq!(check_scale_factor(bad).unwrap_err().code(), 1210, "{bad}");
        }
        assert!(check_scale_factor(0.01).is_ok() && check_scale_factor(1.0).is_ok());
    }
}

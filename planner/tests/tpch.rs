//! The plans of the 22 TPC-H queries: nothing is left to run row by row, nothing is joined without a condition, and the
//! whole plans are kept as text in `plans/tpch`. Statistics are collected from generated data.

#[allow(dead_code, reason = "each test file uses a part of it")]
mod support;

use std::path::Path;
use std::sync::Arc;

use allod_planner::physical::{JoinKind, Node, Side};
use allod_planner::stats::{Bucket, ColumnStats, TableStats, collect};
use allod_storage::schema::Datum;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use support::{Tables, golden, golden_dir, render, walk};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow,
    SupplierArrow,
};

/// What is generated, and how much larger the tables are said to be: plans for SF 1 from data of SF 0.01.
const SCALE: f64 = 0.01;
const TIMES: u64 = 100;

fn tpch() -> Tables {
    tpch_with(include_str!("support/schema.sql"))
}

/// With the secondary indexes of the index join benchmark.
fn indexed() -> Tables {
    let schema = include_str!("support/schema.sql")
        .replace("key (o_orderkey)", "key (o_orderkey), key i_o_custkey (o_custkey)")
        .replace(
            "key (l_orderkey, l_linenumber)",
            "key (l_orderkey, l_linenumber), key i_l_partkey (l_partkey), key i_l_suppkey (l_suppkey)",
        );
    tpch_with(&schema)
}

fn tpch_with(schema: &str) -> Tables {
    let mut tables = Tables::default();
    tables.create(schema);
    let mut fill = |name: &str, batches: Vec<RecordBatch>, grows: bool| {
        let descriptor = tables.descriptor(name);
        let rows: u64 = batches.iter().map(|b| b.num_rows() as u64).sum();
        let times = if grows { TIMES } else { 1 };
        let columns = descriptor.columns.iter().enumerate().map(|(i, column)| {
            let pieces: Vec<ArrayRef> = batches.iter().map(|b| Arc::clone(b.column(i))).collect();
            Arc::new(enlarged(&column.name, collect(&column.ty, &pieces), rows, times))
        });
        let stats = TableStats {
            pseudo: false,
            rows: rows * times,
            columns: columns.collect(),
            ..TableStats::pseudo()
        };
        tables.analyse(name, stats);
    };
    fill("region", all(RegionArrow::new(RegionGenerator::new(SCALE, 1, 1))), false);
    fill("nation", all(NationArrow::new(NationGenerator::new(SCALE, 1, 1))), false);
    fill("supplier", all(SupplierArrow::new(SupplierGenerator::new(SCALE, 1, 1))), true);
    fill("customer", all(CustomerArrow::new(CustomerGenerator::new(SCALE, 1, 1))), true);
    fill("part", all(PartArrow::new(PartGenerator::new(SCALE, 1, 1))), true);
    fill("partsupp", all(PartSuppArrow::new(PartSuppGenerator::new(SCALE, 1, 1))), true);
    fill("orders", all(OrderArrow::new(OrderGenerator::new(SCALE, 1, 1))), true);
    fill("lineitem", all(LineItemArrow::new(LineItemGenerator::new(SCALE, 1, 1))), true);
    tables
}

fn all(batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>) -> Vec<RecordBatch> {
    batches.collect::<Result<_, _>>().expect("the generator does not fail")
}

/// The column of a table that is so many times as large: a column with many values (a key) has that many more of them, a
/// column with few has the same ones more often.
fn enlarged(name: &str, stats: ColumnStats, rows: u64, times: u64) -> ColumnStats {
    let refers = name.ends_with("key") && !name.ends_with("nationkey") && !name.ends_with("regionkey");
    let is_key = refers || stats.distinct * 2 > rows;
    let more = if is_key { times } else { 1 };
    let value = |v: &Datum| match v {
        Datum::Int(v) if is_key => Datum::Int(v * times as i64),
        other => other.clone(),
    };
    let bucket = |b: &Bucket| Bucket {
        lower: value(&b.lower),
        upper: value(&b.upper),
        cumulative: b.cumulative * times,
        repeats: if is_key { b.repeats } else { b.repeats * times },
        distinct: b.distinct * more,
    };
    ColumnStats {
        nulls: stats.nulls * times,
        distinct: stats.distinct * more,
        min: stats.min.as_ref().map(value),
        max: stats.max.as_ref().map(value),
        histogram: stats.histogram.iter().map(bucket).collect(),
        width: stats.width,
    }
}

fn query(number: usize) -> String {
    let path = format!("{}/../engine/bench/tpch/queries/q{number:02}.sql", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn the_queries_have_the_plans_that_are_on_file() {
    let tables = tpch();
    for number in 1..=22 {
        let plan = render(&tables.plan(&query(number)));
        golden(&golden_dir().join(Path::new("tpch")).join(format!("q{number:02}.txt")), &plan);
    }
}

#[test]
fn nothing_runs_row_by_row_or_without_a_condition() {
    let tables = tpch();
    for number in 1..=22 {
        let query = tables.plan(&query(number));
        walk(&query, &mut |plan| match &plan.node {
            Node::Apply(_) => panic!("q{number:02} has an Apply\n{}", render(&query)),
            Node::HashJoin(join) => {
                let one_row = join.left.rows <= 1.0 || join.right.rows <= 1.0;
                assert!(
                    !join.keys.is_empty() || one_row,
                    "q{number:02} has a cross join\n{}",
                    render(&query)
                );
                let (build, probe) = match join.build {
                    Side::Left => (&join.left, &join.right),
                    Side::Right => (&join.right, &join.left),
                };
                let fair = matches!(join.kind, JoinKind::Inner) && build.rows > probe.rows * 1.01;
                assert!(!fair, "q{number:02} builds the larger side\n{}", render(&query));
            }
            _ => {}
        });
    }
}

#[test]
fn the_index_join_benchmark_has_the_plans_that_are_on_file() {
    let tables = indexed();
    let path = golden_dir().join("indexed.txt");
    let script = std::fs::read_to_string(&path).unwrap_or_default();
    let mut actual = String::new();
    for line in script.lines() {
        if line.starts_with('#') {
            actual.push_str(&format!("{line}\n"));
        } else if let Some(statement) = line.strip_prefix("> ") {
            actual.push_str(&format!("{line}\n{}\n", render(&tables.plan(statement))));
        }
    }
    golden(&path, &actual);
}

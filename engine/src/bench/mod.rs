//! `allod bench`: how fast, and whether right.
//!
//! Two commands share everything: [`tpch::run`] makes TPC-H tables, runs the 22 queries and checks their answers;
//! [`script::run`] does the same for the queries of a file. ([`statements::run`] times statements that do next to nothing,
//! [`writes::run`] transactions, [`addindex::run`] ADD INDEX beside them.) What is timed is a statement's whole way, from text to its last batch; what is not: writing
//! rows as text and comparing them. Progress goes to the standard error stream if that is a
//! terminal, figures to the standard output, so that a pipe gets figures alone.

pub mod addindex;
mod answers;
mod cluster;
pub mod indexjoin;
mod report;
pub mod script;
mod sessions;
pub mod statements;
pub mod tpch;
pub mod writes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::format::cell_text;
use crate::import::{self, Progress};
use crate::result::Column;
use crate::session::Session;

pub use cluster::{ClusterOptions, Network};

/// A row as text; `None` is NULL.
type TextRow = Vec<Option<String>>;

/// A result as text.
struct Answer {
    columns: Vec<Column>,
    rows: Vec<TextRow>,
}

/// One query, timed.
struct Timing {
    name: String,
    rows: usize,
    ms: Vec<f64>,
}

impl Timing {
    fn median_ms(&self) -> f64 {
        let mut ms = self.ms.clone();
        ms.sort_by(f64::total_cmp);
        match ms.len() {
            0 => 0.0,
            n if n % 2 == 1 => ms[n / 2],
            n => (ms[n / 2 - 1] + ms[n / 2]) / 2.0,
        }
    }
}

/// A database with TPC-H tables, and how long it took to make them.
fn load_tpch(database: &Database, sf: f64, partitions: Option<u16>, progress: &Progress) -> Result<Duration> {
    let begin = Instant::now();
    import::tpch_partitioned(database, None, sf, partitions, progress)?;
    Ok(begin.elapsed())
}

/// Runs a statement to its last row.
fn run_timed(session: &mut Session, sql: &str) -> Result<(Duration, Arc<[Column]>, Vec<RecordBatch>)> {
    let begin = Instant::now();
    let result = session.execute(sql)?;
    let columns = result.shared_columns();
    let batches = result.collect_batches()?;
    Ok((begin.elapsed(), columns, batches))
}

fn as_text(columns: &[Column], batches: &[RecordBatch]) -> Answer {
    let row = |batch: &RecordBatch, row: usize| {
        let cells = batch.columns().iter().zip(columns);
        cells.map(|(array, c)| cell_text(array, &c.ty.sql, row)).collect()
    };
    let rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |r| (batch, r)));
    let rows = rows.map(|(batch, r)| row(batch, r)).collect();
    Answer { columns: columns.to_vec(), rows }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Prints the plan of a query, as EXPLAIN does.
fn print_plan(session: &mut Session, sql: &str) -> Result<()> {
    let result = session.execute(&format!("explain {sql}"))?;
    let mut out = std::io::stdout().lock();
    let mut writer = crate::format::Format::Table.writer(result.columns().to_vec(), &mut out);
    for batch in result {
        writer.batch(&batch?).map_err(|error| cannot_write(&error))?;
    }
    writer.finish().map_err(|error| cannot_write(&error))
}

fn cannot_write(error: &std::io::Error) -> Error {
    Error::new(crate::error::code::UNKNOWN, format!("cannot write: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let timing = |ms: &[f64]| Timing { name: String::new(), rows: 0, ms: ms.to_vec() };
        assert_eq!(timing(&[3.0, 1.0, 2.0]).median_ms(), 2.0);
        assert_eq!(timing(&[4.0, 1.0, 2.0, 3.0]).median_ms(), 2.5);
        assert_eq!(timing(&[]).median_ms(), 0.0);
    }
}

//! Sort and TopN.
//!
//! Workers keep their batches with normalised keys (`keys`). When all input is there, one array of (key prefix, place) is
//! sorted in parallel; output is then gathered slice by slice, by the workers of the next pipeline, from columns that were
//! put together once. Rows with equal keys come in the order of their tasks, so the same data gives the same result with
//! any number of workers.
//!
//! TopN (`top_n`) keeps only candidates: once a worker has as many as are wanted, the greatest of them is a bound, and rows
//! that are not below it never get further than their key.

pub(crate) mod keys;
mod top_n;

pub(crate) use top_n::TopN;

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::physical::SortKey;
use arrow::array::ArrayRef;
use rayon::prelude::*;

use self::keys::{KeyMaker, KeySpec, Keys};
use crate::batch::{self, Batch};
use crate::error::Result;
use crate::pipeline::{Flow, Memory, Output, Reader, Reservation, Sink, Source, Worker};

/// Rows in a batch of sorted output.
const OUTPUT_ROWS: usize = 8192;

/// ORDER BY.
#[derive(Clone)]
pub(crate) struct Sort {
    spec: Arc<KeySpec>,
    memory: Memory,
}

/// What one worker keeps.
pub(crate) struct SortLocal {
    maker: KeyMaker,
    runs: Vec<Run>,
    reservation: Reservation,
}

/// A batch and its keys.
struct Run {
    task: u64,
    batch: Batch,
    keys: Keys,
}

impl Sort {
    /// Sorts batches of `input`.
    pub fn new(keys: &[SortKey], input: &[ColumnId], memory: &Memory) -> Result<Sort> {
        Ok(Sort { spec: Arc::new(KeySpec::new(keys, input)?), memory: memory.clone() })
    }
}

impl Sink for Sort {
    type Local = SortLocal;
    type Product = Sorted;

    fn local(&self) -> SortLocal {
        SortLocal {
            maker: KeyMaker::new(&self.spec),
            runs: Vec::new(),
            reservation: self.memory.reservation(),
        }
    }

    fn consume(&self, local: &mut SortLocal, worker: &mut Worker, batch: Batch) -> Result<Flow> {
        let columns = local.maker.columns(&batch, &mut worker.scratch)?;
        let keys = local.maker.keys(&columns, batch.rows)?;
        local.reservation.grow(batch.bytes() + keys.bytes())?;
        local.runs.push(Run { task: worker.task, batch, keys });
        Ok(Flow::Continue)
    }

    fn finish(self, locals: Vec<SortLocal>) -> Result<Sorted> {
        let mut reservation = self.memory.reservation();
        let mut runs = Vec::new();
        for local in locals {
            reservation.merge(local.reservation);
            runs.extend(local.runs);
        }
        runs.sort_by_key(|run| run.task);
        let rows: usize = runs.iter().map(|run| run.batch.rows).sum();
        reservation.grow(rows as u64 * 36)?;
        let order = order(&runs);
        Sorted::new(runs.into_iter().map(|run| run.batch).collect(), order, reservation)
    }
}

/// Positions of the rows of all runs, one after another, in the order of their keys.
///
/// What is sorted is (a piece of the key, position): first the first piece, then, among rows that agree on it, the next.
/// So comparisons never leave the array that is sorted, and a key's bytes are fetched once for each piece, not once for
/// each comparison. The position breaks ties by arrival.
fn order(runs: &[Run]) -> Vec<u32> {
    let mut entries: Vec<(u128, u32)> = Vec::with_capacity(runs.iter().map(|r| r.batch.rows).sum());
    let mut starts = Vec::with_capacity(runs.len());
    for run in runs {
        starts.push(entries.len());
        for row in 0..run.batch.rows {
            entries.push((run.keys.get(row).piece(0).unwrap_or(0), entries.len() as u32));
        }
    }
    let piece = |position: u32, piece: usize| {
        let run = starts.partition_point(|&start| start <= position as usize) - 1;
        runs[run].keys.get(position as usize - starts[run]).piece(piece)
    };
    sort_pieces(&mut entries, 0, &piece);
    entries.into_iter().map(|(_, position)| position).collect()
}

/// Sorts entries that agree on all pieces before `depth` and hold this one.
fn sort_pieces(
    entries: &mut [(u128, u32)],
    depth: usize,
    piece: &(impl Fn(u32, usize) -> Option<u128> + Sync),
) {
    entries.par_sort_unstable();
    let ties: Vec<_> = entries.chunk_by_mut(|a, b| a.0 == b.0).filter(|tie| tie.len() > 1).collect();
    ties.into_par_iter().with_min_len(64).for_each(|tie| {
        // No key is a prefix of another: if one ends here, so do the others, and they are equal.
        if piece(tie[0].1, depth + 1).is_some() {
            for (key, position) in tie.iter_mut() {
                *key = piece(*position, depth + 1).unwrap_or(0);
            }
            sort_pieces(tie, depth + 1, piece);
        }
    });
}

/// Sorted rows; a source that gathers a slice of them per task.
pub(crate) struct Sorted(Arc<SortedRows>);

struct SortedRows {
    columns: Vec<ArrayRef>,
    order: Vec<u32>,
    reservation: Reservation,
}

impl Sorted {
    fn new(batches: Vec<Batch>, order: Vec<u32>, mut reservation: Reservation) -> Result<Sorted> {
        let width = batches.first().map_or(0, |b| b.columns.len());
        // A few rows are put together before another thread has woken up.
        let least = if order.len() <= OUTPUT_ROWS { width.max(1) } else { 1 };
        let columns = (0..width)
            .into_par_iter()
            .with_min_len(least)
            .map(|c| {
                batch::concat(&batches.iter().map(|b| Arc::clone(&b.columns[c])).collect::<Vec<ArrayRef>>())
            })
            .collect();
        let sorted = Batch { columns, rows: order.len() };
        // What is kept from here on; keys and prefixes are gone.
        reservation.resize(sorted.bytes() + order.len() as u64 * 4)?;
        Ok(Sorted(Arc::new(SortedRows { columns: sorted.columns, order, reservation })))
    }

    /// Bytes kept.
    pub fn memory_bytes(&self) -> u64 {
        self.0.reservation.bytes()
    }
}

impl Source for Sorted {
    fn tasks(&self) -> usize {
        self.0.order.len().div_ceil(OUTPUT_ROWS)
    }

    fn start(&self) -> Box<dyn Reader> {
        Box::new(SortedReader(Arc::clone(&self.0)))
    }
}

struct SortedReader(Arc<SortedRows>);

impl Reader for SortedReader {
    fn read(&mut self, task: usize, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let start = task * OUTPUT_ROWS;
        let rows = &self.0.order[start..self.0.order.len().min(start + OUTPUT_ROWS)];
        let columns = self.0.columns.iter().map(|c| batch::take(c, rows)).collect();
        out.emit(worker, Batch { columns, rows: rows.len() })
    }
}

#[cfg(test)]
mod tests {
    use allod_planner::expr::Expr;
    use allod_storage::schema::{ColumnType, SqlType};

    use super::*;
    use crate::pipeline::testing::*;
    use crate::pipeline::{Pipeline, Runner};

    pub(super) fn key(column: u32, descending: bool) -> SortKey {
        let ty = ColumnType::nullable(SqlType::BIGINT);
        SortKey { expr: Expr::column(ColumnId(column), ty), descending }
    }

    /// Some rows with many equal keys and NULLs, in batches of uneven size.
    pub(super) fn input() -> Vec<Batch> {
        let mut state = 7u64;
        let mut next = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 33
        };
        (0..40)
            .map(|b| {
                let rows = 1 + next() % 700;
                let a: Vec<_> =
                    (0..rows).map(|_| (next() % 5 != 0).then(|| next() as i64 % 50 - 25)).collect();
                let c: Vec<_> = (0..rows).map(|_| (next() % 7 != 0).then(|| next() as i64 % 3)).collect();
                let id: Vec<_> = (0..rows).map(|i| Some(b * 1000 + i as i64)).collect();
                batch(&[&a, &c, &id])
            })
            .collect()
    }

    /// The same by the standard library's stable sort; `None` < `Some` is NULL first.
    pub(super) fn model(keys: &[(usize, bool)]) -> Vec<Vec<Option<i64>>> {
        let mut all = rows(&input());
        all.sort_by(|x, y| {
            keys.iter()
                .map(|&(c, descending)| {
                    let o = x[c].cmp(&y[c]);
                    if descending { o.reverse() } else { o }
                })
                .fold(std::cmp::Ordering::Equal, |a, b| a.then(b))
        });
        all
    }

    #[test]
    fn sorts_as_the_model_does_with_words_and_with_bytes() {
        // One key fits a word, two BIGINTs with their NULL bits do not.
        for keys in [&[(0, false)][..], &[(0, true)], &[(1, true), (0, false)], &[(0, false), (1, true)]] {
            let sort_keys: Vec<SortKey> = keys.iter().map(|&(c, d)| key(c as u32, d)).collect();
            for workers in [1, 3] {
                let mut runner = Runner::new(context(workers));
                let p = pipeline(input());
                let sink = Sort::new(&sort_keys, &p.columns, &runner.context.memory).unwrap();
                let sorted = runner.run(&p, Some(1), sink).unwrap();
                let out = collect(&Pipeline::new(2, Arc::new(sorted), p.columns), workers).unwrap();
                assert_eq!(rows(&out), model(keys), "{keys:?}");
            }
        }
    }
}

//! TopN: ORDER BY with LIMIT.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::physical::SortKey;

use super::Run;
use super::keys::{KeyMaker, KeySpec, OwnedKey};
use crate::batch::{Batch, concat_batches};
use crate::error::Result;
use crate::kernel::Scratch;
use crate::pipeline::{Batches, Flow, Materialized, Memory, Reservation, Sink, Worker};

/// A worker drops what it does not need when it has this many candidates, or twice what is wanted.
const CANDIDATES_MIN: usize = 8192;

/// The first rows of an order.
pub(crate) struct TopN {
    spec: Arc<KeySpec>,
    offset: usize,
    wanted: usize,
    memory: Memory,
}

/// What one worker keeps.
pub(crate) struct TopNLocal {
    maker: KeyMaker,
    /// In order of arrival.
    runs: Vec<Run>,
    rows: usize,
    /// The greatest key among the `wanted` least so far: rows that are not below it are out. Equal ones too, since they
    /// come later.
    bound: Option<OwnedKey>,
    reservation: Reservation,
}

impl TopN {
    /// Rows `offset .. offset + count` of the order over batches of `input`.
    pub fn new(
        keys: &[SortKey],
        offset: u64,
        count: u64,
        input: &[ColumnId],
        memory: &Memory,
    ) -> Result<TopN> {
        Ok(TopN {
            spec: Arc::new(KeySpec::new(keys, input)?),
            offset: usize::try_from(offset).unwrap_or(usize::MAX),
            wanted: usize::try_from(offset.saturating_add(count)).unwrap_or(usize::MAX),
            memory: memory.clone(),
        })
    }

    /// Keeps the `wanted` least rows.
    fn shrink(&self, local: &mut TopNLocal) -> Result<()> {
        let order = best(&local.runs, self.wanted);
        let Some(&last) = order.last() else { return Ok(()) };
        if order.len() == self.wanted {
            local.bound = Some(key_at(&local.runs, last));
        }
        // Back to the order of arrival, run by run, so that equal keys stay in the order of their tasks.
        let mut kept: Vec<Vec<u32>> = vec![Vec::new(); local.runs.len()];
        for (run, row) in order {
            kept[run as usize].push(row);
        }
        // Runs of one task become one, so that there are never more runs than tasks that matter.
        let mut runs: Vec<Run> = Vec::new();
        let mut open: Option<(u64, Vec<Batch>)> = None;
        for (run, mut rows) in std::mem::take(&mut local.runs).into_iter().zip(kept) {
            if rows.is_empty() {
                continue;
            }
            rows.sort_unstable();
            let part = run.batch.take(&rows);
            match &mut open {
                Some((task, parts)) if *task == run.task => parts.push(part),
                _ => {
                    if let Some((task, parts)) = open.replace((run.task, vec![part])) {
                        runs.push(self.run(local, task, &parts)?);
                    }
                }
            }
        }
        if let Some((task, parts)) = open {
            runs.push(self.run(local, task, &parts)?);
        }
        local.rows = runs.iter().map(|run| run.batch.rows).sum();
        local.runs = runs;
        local.reservation.resize(local.runs.iter().map(|run| run.batch.bytes() + run.keys.bytes()).sum())
    }

    fn run(&self, local: &mut TopNLocal, task: u64, parts: &[Batch]) -> Result<Run> {
        let batch = concat_batches(parts);
        let columns = local.maker.columns(&batch, &mut Scratch::default())?;
        let keys = local.maker.keys(&columns, batch.rows)?;
        Ok(Run { task, batch, keys })
    }
}

impl Sink for TopN {
    type Local = TopNLocal;
    type Product = Batches;

    fn local(&self) -> TopNLocal {
        TopNLocal {
            maker: KeyMaker::new(&self.spec),
            runs: Vec::new(),
            rows: 0,
            bound: None,
            reservation: self.memory.reservation(),
        }
    }

    fn consume(&self, local: &mut TopNLocal, worker: &mut Worker, batch: Batch) -> Result<Flow> {
        if self.wanted == 0 {
            return Ok(Flow::Stop);
        }
        let columns = local.maker.columns(&batch, &mut worker.scratch)?;
        let mut keys = local.maker.keys(&columns, batch.rows)?;
        let mut batch = batch;
        if let Some(bound) = &local.bound {
            let below = keys.below(bound);
            if below.is_empty() {
                return Ok(Flow::Continue);
            }
            if below.len() < batch.rows {
                batch = batch.take(&below);
                let columns: Vec<_> = columns.iter().map(|c| crate::batch::take(c, &below)).collect();
                keys = local.maker.keys(&columns, batch.rows)?;
            }
        }
        local.reservation.grow(batch.bytes() + keys.bytes())?;
        local.rows += batch.rows;
        local.runs.push(Run { task: worker.task, batch, keys });
        if local.rows >= CANDIDATES_MIN.max(self.wanted.saturating_mul(2)) {
            self.shrink(local)?;
        }
        Ok(Flow::Continue)
    }

    fn finish(self, locals: Vec<TopNLocal>) -> Result<Batches> {
        let mut reservation = self.memory.reservation();
        let mut runs = Vec::new();
        for local in locals {
            reservation.merge(local.reservation);
            runs.extend(local.runs);
        }
        runs.sort_by_key(|run| run.task);
        let order = best(&runs, self.wanted);
        let order = order.get(self.offset..).unwrap_or_default();
        if order.is_empty() {
            return Ok(Batches::new(Vec::new()));
        }
        let mut starts = Vec::with_capacity(runs.len());
        let mut start = 0;
        for run in &runs {
            starts.push(start as u32);
            start += run.batch.rows;
        }
        let positions: Vec<u32> = order.iter().map(|&(run, row)| starts[run as usize] + row).collect();
        let all = concat_batches(&runs.into_iter().map(|run| run.batch).collect::<Vec<_>>());
        let batches: Vec<Batch> = positions.chunks(super::OUTPUT_ROWS).map(|rows| all.take(rows)).collect();
        reservation.resize(batches.iter().map(Batch::bytes).sum())?;
        let rows = positions.len();
        Ok(Batches::keeping(Materialized { batches, rows, reservation: Some(reservation) }))
    }
}

/// The `wanted` least rows as (run, row), in order; equal keys in the order of runs and rows.
fn best(runs: &[Run], wanted: usize) -> Vec<(u32, u32)> {
    let mut order: Vec<(u128, u32, u32)> = Vec::with_capacity(runs.iter().map(|r| r.batch.rows).sum());
    for (r, run) in (0..).zip(runs) {
        order.extend(
            (0..run.batch.rows as u32).map(|row| (run.keys.get(row as usize).piece(0).unwrap_or(0), r, row)),
        );
    }
    let compare = |a: &(u128, u32, u32), b: &(u128, u32, u32)| {
        let key = |e: &(u128, u32, u32)| runs[e.1 as usize].keys.get(e.2 as usize);
        a.0.cmp(&b.0).then_with(|| key(a).cmp(&key(b))).then_with(|| (a.1, a.2).cmp(&(b.1, b.2)))
    };
    if wanted < order.len() {
        order.select_nth_unstable_by(wanted, compare);
        order.truncate(wanted);
    }
    order.sort_unstable_by(compare);
    order.into_iter().map(|(_, run, row)| (run, row)).collect()
}

fn key_at(runs: &[Run], (run, row): (u32, u32)) -> OwnedKey {
    runs[run as usize].keys.get(row as usize).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{input, key, model};
    use super::*;
    use crate::pipeline::testing::*;
    use crate::pipeline::{Pipeline, Runner};

    #[test]
    fn gives_the_slice_that_sorting_everything_gives() {
        for keys in [&[(0, false)][..], &[(0, true)], &[(1, true), (0, false)]] {
            let sort_keys: Vec<SortKey> = keys.iter().map(|&(c, d)| key(c as u32, d)).collect();
            let expected = model(keys);
            for (offset, count) in
                [(0, 1), (0, 10), (3, 100), (0, 9000), (13_000, 10_000), (1_000_000, 5), (4, 0)]
            {
                for workers in [1, 3] {
                    let mut runner = Runner::new(context(workers));
                    let p = pipeline(input());
                    let sink =
                        TopN::new(&sort_keys, offset, count, &p.columns, &runner.context.memory).unwrap();
                    let top = runner.run(&p, Some(1), sink).unwrap();
                    let out = collect(&Pipeline::new(2, Arc::new(top), p.columns), workers).unwrap();
                    let end = expected.len().min((offset + count) as usize);
                    let slice = expected.get(offset as usize..end).unwrap_or_default();
                    assert_eq!(rows(&out), slice, "{keys:?} {offset} {count}");
                }
            }
        }
    }
}

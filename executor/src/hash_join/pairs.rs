//! Candidate pairs: rows of the probe side beside rows of the build side whose keys are equal.
//!
//! A probe row may have many candidates, so a batch's pairs come in runs of at most [`PAIRS_MAX`]. What conditions remain
//! is evaluated over a run at a time, on a batch of just the columns that they use.

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Int64Type;

use super::build::boolean;
use super::index::{Index, Rows};
use crate::batch::{Batch, Selection, take};
use crate::error::{Error, Result};
use crate::kernel::{Predicate, Program, Scratch};

/// Pairs in one run.
pub(crate) const PAIRS_MAX: usize = 8192;

/// A run of pairs.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    /// Rows of the probe batch.
    pub probe: Vec<u32>,
    /// Rows of the build side.
    pub build: Vec<u32>,
}

impl Pairs {
    /// Keeps the pairs at these positions.
    pub fn select(&mut self, selection: &Selection) {
        for rows in [&mut self.probe, &mut self.build] {
            match selection {
                Selection::All => {}
                Selection::None => rows.clear(),
                Selection::Rows(kept) => *rows = kept.iter().map(|&at| rows[at as usize]).collect(),
            }
        }
    }
}

/// Which build rows are the candidates of a probe row.
pub(super) enum Candidates<'a> {
    /// Those of an entry each.
    Entries(&'a Index, &'a [u32]),
    /// The same for all.
    All(Rows<'a>),
}

/// Where the enumeration of a batch's pairs stands.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// Position in the list of probe rows.
    position: usize,
    /// Candidates of it that have been taken.
    taken: usize,
}

impl Cursor {
    /// Fills a run with the next pairs of `probe` and its candidates, leaving out probe rows that are `done`. Returns
    /// false, and no pairs, at the end.
    pub fn fill(
        &mut self,
        probe: &[u32],
        candidates: &Candidates<'_>,
        done: impl Fn(u32) -> bool,
        pairs: &mut Pairs,
    ) -> bool {
        pairs.probe.clear();
        pairs.build.clear();
        while self.position < probe.len() && pairs.probe.len() < PAIRS_MAX {
            let row = probe[self.position];
            let room = PAIRS_MAX - pairs.probe.len();
            let total = if done(row) {
                0
            } else {
                match candidates {
                    Candidates::Entries(index, entries) => {
                        self.take(index.rows(entries[self.position]), room, pairs)
                    }
                    Candidates::All(Rows::Range(range)) => self.take(Rows::Range(range.clone()), room, pairs),
                    Candidates::All(Rows::List(list)) => self.take(Rows::List(list), room, pairs),
                }
            };
            pairs.probe.resize(pairs.build.len(), row);
            if self.taken >= total {
                self.position += 1;
                self.taken = 0;
            }
        }
        !pairs.probe.is_empty()
    }

    /// Takes up to `room` more of the rows; returns how many there are in all.
    #[inline]
    fn take(&mut self, rows: Rows<'_>, room: usize, pairs: &mut Pairs) -> usize {
        match rows {
            Rows::Range(range) => {
                let count = (range.len() - self.taken).min(room);
                let start = range.start + self.taken as u32;
                pairs.build.extend(start..start + count as u32);
                self.taken += count;
                range.len()
            }
            Rows::List(list) => {
                let count = (list.len() - self.taken).min(room);
                pairs.build.extend_from_slice(&list[self.taken..self.taken + count]);
                self.taken += count;
                list.len()
            }
        }
    }
}

/// Conditions over pairs, compiled once.
#[derive(Debug)]
pub(crate) struct Conditions {
    probe: Vec<usize>,
    build: Vec<usize>,
    holds: Option<Predicate>,
    /// The null-aware conjuncts as one value.
    perhaps: Option<Program>,
}

impl Conditions {
    /// Of conjuncts that must hold and of null-aware ones.
    pub fn compile(
        conjuncts: &[Expr],
        null_aware: &[Expr],
        probe_columns: &[ColumnId],
        build_columns: &[ColumnId],
    ) -> Result<Conditions> {
        let used: Vec<ColumnId> = conjuncts.iter().chain(null_aware).flat_map(Expr::columns).collect();
        let places = |columns: &[ColumnId]| -> Vec<usize> {
            (0..columns.len()).filter(|&at| used.contains(&columns[at])).collect()
        };
        let (probe, build) = (places(probe_columns), places(build_columns));
        let input: Vec<ColumnId> = probe
            .iter()
            .map(|&at| probe_columns[at])
            .chain(build.iter().map(|&at| build_columns[at]))
            .collect();
        let holds = if conjuncts.is_empty() { None } else { Some(Predicate::compile(conjuncts, &input)?) };
        let perhaps = match null_aware {
            [] => None,
            [one] => Some(Program::compile(one, &input)?),
            many => {
                let all = Expr::call(Function::And, many.to_vec(), boolean());
                Some(Program::compile(&all, &input)?)
            }
        };
        Ok(Conditions { probe, build, holds, perhaps })
    }

    /// Whether some are null-aware.
    pub fn is_null_aware(&self) -> bool {
        self.perhaps.is_some()
    }

    /// The build columns they use.
    pub fn build_columns(&self) -> &[usize] {
        &self.build
    }

    fn batch(&self, pairs: &Pairs, probe: &Batch, build: &[Option<ArrayRef>]) -> Result<Batch> {
        let mut columns = Vec::with_capacity(self.probe.len() + self.build.len());
        for &at in &self.probe {
            columns.push(take(&probe.columns[at], &pairs.probe));
        }
        for &at in &self.build {
            let column =
                build[at].as_ref().ok_or_else(|| Error::Panic("a build column was not kept".into()))?;
            columns.push(take(column, &pairs.build));
        }
        Ok(Batch { columns, rows: pairs.probe.len() })
    }

    /// Drops the pairs for which the conjuncts do not hold. Then, if there are null-aware ones, calls `verdict` with each
    /// pair that is TRUE or NULL: probe row, build row, and whether it is TRUE.
    pub fn apply(
        &self,
        pairs: &mut Pairs,
        probe: &Batch,
        build: &[Option<ArrayRef>],
        scratch: &mut Scratch,
        mut verdict: impl FnMut(u32, u32, bool),
    ) -> Result<()> {
        if self.holds.is_none() && self.perhaps.is_none() {
            return Ok(());
        }
        let mut batch = self.batch(pairs, probe, build)?;
        if let Some(holds) = &self.holds {
            let selection = holds.select(&batch, scratch)?;
            pairs.select(&selection);
            if self.perhaps.is_some() {
                batch = batch.select(&selection);
            }
        }
        let Some(perhaps) = self.perhaps.as_ref().filter(|_| !pairs.probe.is_empty()) else { return Ok(()) };
        let values = perhaps.eval(&batch, scratch)?;
        let truth = truth(&values)?;
        for (at, (&probe, &build)) in pairs.probe.iter().zip(&pairs.build).enumerate() {
            match truth(at) {
                Some(false) => {}
                Some(true) => verdict(probe, build, true),
                None => verdict(probe, build, false),
            }
        }
        Ok(())
    }
}

/// The three truth values of a column of booleans.
fn truth(values: &ArrayRef) -> Result<impl Fn(usize) -> Option<bool> + '_> {
    let numbers = values.as_primitive_opt::<Int64Type>();
    if numbers.is_none() && values.data_type() != &arrow::datatypes::DataType::Null {
        return Err(Error::Plan(format!("a condition of type {}", values.data_type())));
    }
    Ok(move |at: usize| numbers.filter(|n| n.is_valid(at)).map(|n| n.value(at) != 0))
}

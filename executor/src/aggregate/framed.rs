//! An aggregate over a frame of rows for every row: what window functions ask for.
//!
//! Every row is a group of its own at first; the states of these groups are the leaves. A frame's state is then
//!
//! - for counts and exact sums the difference of two running totals, whatever the frame;
//! - for sums of doubles and variances, whose rounding depends on the order, the rows of the frame from left to right, as MySQL
//!   adds them: one step per row while frames only grow, all of the frame when they slide;
//! - otherwise what a tree of merged states gives: the level above holds one state for each two, a frame is made of at most two
//!   nodes per level, and each level is taken in by one loop over arrays.
//!
//! Long frames of doubles that slide use the tree, too: `rows × width` steps would take for ever.

use allod_planner::column::ColumnId;
use allod_planner::expr::AggregateCall;
use allod_storage::schema::SqlType;
use arrow::array::ArrayRef;

use super::accumulator::{Accumulator, CutTexts, Kind, Moments, Moves};
use super::calls::Calls;
use super::groups::Assigned;
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::kernel::Scratch;
use crate::key::Exprs;

/// Steps per row that going over every frame from left to right may take.
const STEPS_MAX: u64 = 64;

/// An aggregate over frames, compiled.
#[derive(Debug)]
pub(crate) struct Framed {
    calls: Calls,
    args: Exprs,
}

/// For every row where its frame begins and ends (exclusive); empty if these are equal.
#[derive(Debug)]
pub(crate) struct Frames {
    pub starts: Vec<u32>,
    pub ends: Vec<u32>,
}

impl Framed {
    /// Over batches whose columns are `input`.
    pub fn new(call: &AggregateCall, input: &[ColumnId]) -> Result<Framed> {
        let calls = Calls::new([call], true)?;
        let args = Exprs::compile(&calls.args, input)?;
        Ok(Framed { calls, args })
    }

    /// The aggregate of each row's frame.
    pub fn eval(&self, batch: &Batch, scratch: &mut Scratch, frames: &Frames) -> Result<ArrayRef> {
        let args = self.args.eval(batch, scratch)?;
        let numbers: Vec<u32> = (0..batch.rows as u32).collect();
        let assigned = Assigned { new_rows: numbers.clone(), numbers, groups: batch.rows };
        let mut lanes = Vec::new();
        let mut accumulators = Vec::with_capacity(self.calls.specs.len());
        for spec in &self.calls.specs {
            let mut leaves = Accumulator::new(&spec.kind, &spec.ty);
            let args: Vec<&ArrayRef> = spec.args.iter().map(|&at| &args[at]).collect();
            leaves.update(&args, batch.rows, &assigned, false, &mut lanes)?;
            accumulators.push(over(leaves, &spec.kind, &spec.ty, frames)?);
        }
        let mut cut = CutTexts::new();
        let column = self.calls.finish(&accumulators, &mut cut)?.pop();
        scratch.notices.cut(&cut)?;
        column.ok_or_else(|| Error::Plan("a window of no aggregate".into()))
    }
}

/// The states of all frames.
fn over(leaves: Accumulator, kind: &Kind, sql: &SqlType, frames: &Frames) -> Result<Accumulator> {
    match leaves {
        Accumulator::Count(counts) => {
            let total = running(&counts, |a: i64, b| a + b);
            Ok(Accumulator::Count(frames.each(|start, end| total[end] - total[start])))
        }
        // Modulo 2^128 the difference is right even if a total is not.
        Accumulator::Sum(sums) => {
            let total = running(&sums, i128::wrapping_add);
            Ok(Accumulator::Sum(frames.each(|start, end| total[end].wrapping_sub(total[start]))))
        }
        Accumulator::SumFloat(sums) if frames.are_short() => {
            Ok(Accumulator::SumFloat(frames.left_to_right(|sum, row| *sum += sums[row])))
        }
        Accumulator::Moments(all) if frames.are_short() => {
            Ok(Accumulator::Moments(frames.left_to_right(|sum: &mut Moments, row| sum.merge(&all[row]))))
        }
        leaves => tree(leaves, kind, sql, frames),
    }
}

/// Totals before each row, and of all.
fn running<T: Copy + Default>(values: &[T], add: impl Fn(T, T) -> T) -> Vec<T> {
    let mut totals = Vec::with_capacity(values.len() + 1);
    let mut total = T::default();
    totals.push(total);
    for &value in values {
        total = add(total, value);
        totals.push(total);
    }
    totals
}

fn tree(leaves: Accumulator, kind: &Kind, sql: &SqlType, frames: &Frames) -> Result<Accumulator> {
    let rows = frames.starts.len();
    let mut out = Accumulator::new(kind, sql);
    out.grow(rows);
    let (mut starts, mut ends) = (frames.starts.clone(), frames.ends.clone());
    let (mut level, mut nodes) = (leaves, rows);
    loop {
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for (row, (start, end)) in starts.iter_mut().zip(&mut ends).enumerate() {
            if start < end && *start % 2 == 1 {
                from.push(*start);
                to.push(row as u32);
                *start += 1;
            }
            if start < end && *end % 2 == 1 {
                *end -= 1;
                from.push(*end);
                to.push(row as u32);
            }
            (*start, *end) = (*start / 2, *end / 2);
        }
        out.take_in(&level, Moves { from: &from, to: &to })?;
        if nodes <= 1 {
            return Ok(out);
        }
        let from: Vec<u32> = (0..nodes as u32).collect();
        let to: Vec<u32> = from.iter().map(|node| node / 2).collect();
        nodes = nodes.div_ceil(2);
        let mut above = Accumulator::new(kind, sql);
        above.grow(nodes);
        above.take_in(&level, Moves { from: &from, to: &to })?;
        level = above;
    }
}

impl Frames {
    fn each<T>(&self, of: impl Fn(usize, usize) -> T) -> Vec<T> {
        self.starts.iter().zip(&self.ends).map(|(&start, &end)| of(start as usize, end as usize)).collect()
    }

    /// Whether a frame that goes on where the one before it ended need only take in what is new.
    fn grows(&self, row: usize) -> bool {
        row > 0 && self.starts[row] == self.starts[row - 1] && self.ends[row] >= self.ends[row - 1]
    }

    /// Whether it is quick to go over all frames from left to right.
    fn are_short(&self) -> bool {
        let steps = |row: usize| {
            let from = if self.grows(row) { self.ends[row - 1] } else { self.starts[row] };
            u64::from(self.ends[row] - from)
        };
        let all: u64 = (0..self.starts.len()).map(steps).sum();
        all <= STEPS_MAX * self.starts.len() as u64
    }

    fn left_to_right<T: Copy + Default>(&self, add: impl Fn(&mut T, usize)) -> Vec<T> {
        let mut state = T::default();
        let frame = |row: usize| {
            let from = if self.grows(row) {
                self.ends[row - 1]
            } else {
                state = T::default();
                self.starts[row]
            };
            (from..self.ends[row]).for_each(|row| add(&mut state, row as usize));
            state
        };
        (0..self.starts.len()).map(frame).collect()
    }
}

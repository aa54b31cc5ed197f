//! Window functions: for every row something about the rows around it.
//!
//! The input comes sorted by the keys of PARTITION BY and ORDER BY (the planner put a sort below, or found the order there). It
//! is kept as one batch, and everything is told in positions of its rows: where a row's partition and its peers begin and end
//! ([`Layout`]), from which row a value comes, from where to where a frame goes ([`Frames`]). So LAG, FIRST_VALUE and the like
//! are one gather of the argument's column, ranks are arithmetic on positions, and aggregates are arrays of states
//! (`aggregate::framed`).
//!
//! ```text
//! row  partition  key   peers    ROWS 1 PRECEDING..CURRENT   RANGE UNBOUNDED..CURRENT
//!  0     a         1    0..2             0..1                        0..2
//!  1     a         1    0..2             0..2                        0..2
//!  2     a         4    2..3             1..3                        0..3
//!  3     b         1    3..4             3..4                        3..4
//! ```
//!
//! Functions of one window are computed side by side. What was left out: to begin before all rows are there, partition by
//! partition, as TiDB's pipelined window does; the sort below keeps all of them anyway.

mod frame;

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::{AggregateCall, Expr, WindowCall, WindowFunction};
use allod_planner::physical::{SortKey, Window};
use arrow::array::{ArrayRef, Float64Array, UInt64Array};
use rayon::prelude::*;

use self::frame::FrameForm;
use crate::aggregate::{Framed, Frames};
use crate::batch::{Batch, NO_ROW, concat, concat_batches, take, take_or_null};
use crate::error::{Error, Result};
use crate::kernel::Scratch;
use crate::key::Exprs;
use crate::pipeline::{Context, Materialized};
use crate::sort::keys::{KeyMaker, KeySpec, Keys};

/// Rows of the batches that come out.
const BATCH_ROWS: usize = 8192;

/// A window, compiled.
pub(crate) struct WindowForm {
    partition_by: Option<Arc<KeySpec>>,
    order_by: Option<Arc<KeySpec>>,
    calls: Vec<CallForm>,
}

struct CallForm {
    function: WindowFunction,
    args: Exprs,
    frame: FrameForm,
    aggregate: Option<Framed>,
}

/// For every row where its partition and its peers begin and end (exclusive).
struct Layout {
    partition: Frames,
    peers: Frames,
}

impl WindowForm {
    /// Over batches whose columns are `input`, sorted as the window says.
    pub fn new(window: &Window, input: &[ColumnId]) -> Result<WindowForm> {
        let spec = |keys: &[SortKey]| match keys {
            [] => Ok(None),
            keys => KeySpec::new(keys, input).map(|spec| Some(Arc::new(spec))),
        };
        let ascending = |expr: &Expr| SortKey { expr: expr.clone(), descending: false };
        let partition_by: Vec<SortKey> = window.partition_by.iter().map(ascending).collect();
        let descending = window.order_by.first().is_some_and(|key| key.descending);
        let call = |(_, call): &(ColumnId, WindowCall)| CallForm::new(call, descending, input);
        Ok(WindowForm {
            partition_by: spec(&partition_by)?,
            order_by: spec(&window.order_by)?,
            calls: window.calls.iter().map(call).collect::<Result<_>>()?,
        })
    }

    /// The rows of the input with a column more for each function.
    pub fn run(&self, input: Materialized, context: &Context, scratch: &mut Scratch) -> Result<Materialized> {
        let rows = input.rows;
        if rows == 0 {
            return Ok(input);
        }
        // A position that means "no row" must stay free.
        if !u32::try_from(rows).is_ok_and(|rows| rows < NO_ROW) {
            return Err(Error::Plan("a window over more than 2^32 rows".into()));
        }
        let Materialized { batches, reservation, .. } = input;
        let mut batch = concat_batches(&batches);
        drop(batches);
        let layout = self.layout(&batch)?;
        let made = self.calls.par_iter().map(|call| {
            context.cancel.check()?;
            let mut own = context.scratch();
            Ok((call.eval(&batch, &layout, &mut own)?, own.notices))
        });
        for (column, notices) in made.collect::<Result<Vec<_>>>()? {
            batch.columns.push(column);
            scratch.notices.merge(notices);
        }
        let mut reservation = reservation.unwrap_or_else(|| context.memory.reservation());
        reservation.resize(batch.bytes())?;
        let slices = (0..rows).step_by(BATCH_ROWS).map(|at| batch.slice(at, BATCH_ROWS.min(rows - at)));
        Ok(Materialized { batches: slices.collect(), rows, reservation: Some(reservation) })
    }

    fn layout(&self, batch: &Batch) -> Result<Layout> {
        let mut starts = vec![false; batch.rows];
        starts[0] = true;
        mark(&mut starts, batch, self.partition_by.as_ref())?;
        let partition = spans(&starts);
        // Without an order all rows of a partition are peers.
        mark(&mut starts, batch, self.order_by.as_ref())?;
        Ok(Layout { peers: spans(&starts), partition })
    }
}

/// The keys of a batch's rows.
fn keys(spec: &Arc<KeySpec>, batch: &Batch) -> Result<Keys> {
    let mut maker = KeyMaker::new(spec);
    let columns = maker.columns(batch, &mut Scratch::default())?;
    maker.keys(&columns, batch.rows)
}

/// Marks the rows whose key is not the one of the row before.
fn mark(starts: &mut [bool], batch: &Batch, spec: Option<&Arc<KeySpec>>) -> Result<()> {
    let Some(spec) = spec else { return Ok(()) };
    let keys = keys(spec, batch)?;
    for (row, start) in starts.iter_mut().enumerate().skip(1) {
        *start |= keys.get(row) != keys.get(row - 1);
    }
    Ok(())
}

/// For every row from where to where the next marks are.
fn spans(marks: &[bool]) -> Frames {
    let rows = marks.len();
    let (mut starts, mut ends) = (vec![0; rows], vec![rows as u32; rows]);
    for row in 0..rows {
        starts[row] = if marks[row] || row == 0 { row as u32 } else { starts[row - 1] };
    }
    for row in (0..rows.saturating_sub(1)).rev() {
        ends[row] = if marks[row + 1] { row as u32 + 1 } else { ends[row + 1] };
    }
    Frames { starts, ends }
}

impl CallForm {
    fn new(call: &WindowCall, descending: bool, input: &[ColumnId]) -> Result<CallForm> {
        let aggregate = match call.function {
            WindowFunction::Aggregate(function) => {
                let args = call.args.clone();
                let call = AggregateCall { function, args, distinct: false, ty: call.ty.clone() };
                Some(Framed::new(&call, input)?)
            }
            _ => None,
        };
        Ok(CallForm {
            function: call.function,
            args: Exprs::compile(&call.args, input)?,
            frame: FrameForm::new(&call.frame, descending, input)?,
            aggregate,
        })
    }

    fn eval(&self, batch: &Batch, layout: &Layout, scratch: &mut Scratch) -> Result<ArrayRef> {
        if let Some(aggregate) = &self.aggregate {
            return aggregate.eval(batch, scratch, &self.frame.frames(batch, layout)?);
        }
        let Layout { partition, peers } = layout;
        let rows = 0..batch.rows;
        let (first, last) = (|row: usize| partition.starts[row], |row: usize| partition.ends[row]);
        // From 0.
        let place = |row: usize| row as u32 - first(row);
        let size = |row: usize| last(row) - first(row);
        let counts = |of: &dyn Fn(usize) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(rows.clone().map(of)))
        };
        let shares = |of: &dyn Fn(usize) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(rows.clone().map(of)))
        };
        let rank = |row: usize| peers.starts[row] - first(row);
        Ok(match self.function {
            WindowFunction::RowNumber => counts(&|row| u64::from(place(row)) + 1),
            WindowFunction::Rank => counts(&|row| u64::from(rank(row)) + 1),
            WindowFunction::DenseRank => {
                let mut dense = 0;
                let next = |row: usize| {
                    if row as u32 == first(row) {
                        dense = 1;
                    } else if row as u32 == peers.starts[row] {
                        dense += 1;
                    }
                    dense
                };
                Arc::new(UInt64Array::from_iter_values(rows.map(next)))
            }
            WindowFunction::PercentRank => shares(&|row| match size(row) {
                1 => 0.0,
                size => f64::from(rank(row)) / f64::from(size - 1),
            }),
            WindowFunction::CumeDist => {
                shares(&|row| f64::from(peers.ends[row] - first(row)) / f64::from(size(row)))
            }
            WindowFunction::Ntile(n) => counts(&|row| ntile(place(row), size(row), n)),
            WindowFunction::Lag(n) => self.shifted(batch, scratch, |row| {
                u32::try_from(n).ok().filter(|n| *n <= place(row)).map(|n| row as u32 - n)
            })?,
            WindowFunction::Lead(n) => self.shifted(batch, scratch, |row| {
                u32::try_from(n).ok().filter(|n| *n < last(row) - row as u32).map(|n| row as u32 + n)
            })?,
            WindowFunction::FirstValue => self.of_frame(batch, layout, scratch, |start, _| Some(start))?,
            WindowFunction::LastValue => self.of_frame(batch, layout, scratch, |_, end| Some(end - 1))?,
            WindowFunction::NthValue(n) => self.of_frame(batch, layout, scratch, |start, end| {
                let at = u32::try_from(n - 1).ok()?.checked_add(start)?;
                (at < end).then_some(at)
            })?,
            WindowFunction::Aggregate(_) => {
                return Err(Error::Plan("an aggregate that was not compiled".into()));
            }
        })
    }

    /// The first argument at another row; where there is none the second one at this row, if there is a second one.
    fn shifted(
        &self,
        batch: &Batch,
        scratch: &mut Scratch,
        from: impl Fn(usize) -> Option<u32>,
    ) -> Result<ArrayRef> {
        let args = self.args.eval(batch, scratch)?;
        let rows = 0..batch.rows;
        match args.as_slice() {
            [value] => {
                let from: Vec<u32> = rows.map(|row| from(row).unwrap_or(NO_ROW)).collect();
                Ok(take_or_null(value, &from))
            }
            [_, _] => {
                let default = |row: usize| (batch.rows + row) as u32;
                let from: Vec<u32> = rows.map(|row| from(row).unwrap_or_else(|| default(row))).collect();
                Ok(take(&concat(&args), &from))
            }
            _ => Err(Error::Plan("LAG or LEAD of nothing".into())),
        }
    }

    /// The argument at some row of the frame; NULL if that has no such row.
    fn of_frame(
        &self,
        batch: &Batch,
        layout: &Layout,
        scratch: &mut Scratch,
        from: impl Fn(u32, u32) -> Option<u32>,
    ) -> Result<ArrayRef> {
        let args = self.args.eval(batch, scratch)?;
        let value = args.first().ok_or_else(|| Error::Plan("a value of nothing".into()))?;
        let frames = self.frame.frames(batch, layout)?;
        let row = |(&start, &end): (&u32, &u32)| match start < end {
            true => from(start, end).unwrap_or(NO_ROW),
            false => NO_ROW,
        };
        let rows: Vec<u32> = frames.starts.iter().zip(&frames.ends).map(row).collect();
        Ok(take_or_null(value, &rows))
    }
}

/// The number, from 1, of a row's group if `size` rows are dealt into `n` groups, the first of which are one longer.
fn ntile(place: u32, size: u32, n: u64) -> u64 {
    let (place, size) = (u64::from(place), u64::from(size));
    let (least, longer) = (size / n, size % n);
    let in_longer = longer * (least + 1);
    match place < in_longer {
        true => place / (least + 1) + 1,
        // Only if there are shorter ones, which are not empty.
        false => (place - in_longer) / least + longer + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_differ_by_one_row_at_most() {
        let tiles = |size: u32, n: u64| (0..size).map(|place| ntile(place, size, n)).collect::<Vec<_>>();
        assert_eq!(tiles(7, 3), [1, 1, 1, 2, 2, 3, 3]);
        assert_eq!(tiles(2, 5), [1, 2]);
        assert_eq!(tiles(4, 1), [1, 1, 1, 1]);
    }

    #[test]
    fn spans_go_from_mark_to_mark() {
        let all = spans(&[true, false, true, true, false, false]);
        assert_eq!(all.starts, [0, 0, 2, 3, 3, 3]);
        assert_eq!(all.ends, [2, 2, 3, 6, 6, 6]);
    }
}

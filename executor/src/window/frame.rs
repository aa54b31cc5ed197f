//! From where to where the frame of each row goes.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::{Bound, Expr, Frame};
use allod_planner::physical::SortKey;

use super::{Layout, keys};
use crate::aggregate::Frames;
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::sort::keys::{KeySpec, Keys};

/// A frame, compiled.
pub(super) struct FrameForm {
    rows: bool,
    start: End,
    end: End,
    /// What bounds by value are compared with.
    key: Option<Arc<KeySpec>>,
}

/// One end of it.
enum End {
    First,
    Last,
    Current,
    Row(i64),
    Value(Arc<KeySpec>),
}

impl FrameForm {
    pub fn new(frame: &Frame, descending: bool, input: &[ColumnId]) -> Result<FrameForm> {
        let spec = |expr: &Expr| {
            let key = SortKey { expr: expr.clone(), descending };
            KeySpec::new(std::slice::from_ref(&key), input).map(Arc::new)
        };
        let end = |bound: &Bound| -> Result<End> {
            Ok(match bound {
                Bound::First => End::First,
                Bound::Last => End::Last,
                Bound::Current => End::Current,
                Bound::Row(n) => End::Row(*n),
                Bound::Value(e) => End::Value(spec(e)?),
            })
        };
        Ok(FrameForm {
            rows: frame.rows,
            start: end(&frame.start)?,
            end: end(&frame.end)?,
            key: frame.key.as_ref().map(spec).transpose()?,
        })
    }

    /// The frames of all rows.
    pub fn frames(&self, batch: &Batch, layout: &Layout) -> Result<Frames> {
        let key = self.key.as_ref().map(|spec| keys(spec, batch)).transpose()?;
        let starts = self.side(&self.start, key.as_ref(), batch, layout, false)?;
        let mut ends = self.side(&self.end, key.as_ref(), batch, layout, true)?;
        for (end, start) in ends.iter_mut().zip(&starts) {
            *end = (*end).max(*start);
        }
        Ok(Frames { starts, ends })
    }

    /// Where frames begin, or behind which row they end.
    fn side(
        &self,
        side: &End,
        key: Option<&Keys>,
        batch: &Batch,
        layout: &Layout,
        is_end: bool,
    ) -> Result<Vec<u32>> {
        let Layout { partition, peers } = layout;
        let behind = i64::from(is_end);
        let at = |row: usize, n: i64| {
            let (first, last) = (i64::from(partition.starts[row]), i64::from(partition.ends[row]));
            // Between two positions, so it is one.
            (row as i64).saturating_add(n).saturating_add(behind).clamp(first, last) as u32
        };
        Ok(match side {
            End::First => partition.starts.clone(),
            End::Last => partition.ends.clone(),
            End::Current if self.rows => (0..batch.rows as u32).map(|row| row + u32::from(is_end)).collect(),
            End::Current if is_end => peers.ends.clone(),
            End::Current => peers.starts.clone(),
            End::Row(n) => (0..batch.rows).map(|row| at(row, *n)).collect(),
            End::Value(spec) => {
                let key = key.ok_or_else(|| Error::Plan("a bound that is compared with nothing".into()))?;
                let bounds = keys(spec, batch)?;
                let place = |row: usize| {
                    let bound = bounds.get(row);
                    let before = |other: u32| {
                        let other = key.get(other as usize);
                        other < bound || is_end && other == bound
                    };
                    partition_point(partition.starts[row], partition.ends[row], before)
                };
                (0..batch.rows).map(place).collect()
            }
        })
    }
}

/// The first row of the range that is not before; its end if all are.
fn partition_point(mut low: u32, mut high: u32, before: impl Fn(u32) -> bool) -> u32 {
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

//! The kept side of a merge join, and how runs of equal keys are found in it.

use std::ops::Range;
use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function};
use allod_planner::physical::{MergeJoin, SortKey};
use allod_storage::schema::{ColumnType, SqlType};
use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;

use crate::batch::{Batch, NO_ROW, concat_batches, null_column};
use crate::error::{Error, Result};
use crate::kernel::Scratch;
use crate::pipeline::{Context, Materialized, Reservation};
use crate::sort::keys::{Key, KeyMaker, KeySpec, Keys};

/// The keys of one side, made so that those of the two sides compare.
pub(super) struct SideKeys(Arc<KeySpec>);

impl SideKeys {
    /// Of the side that `pick` picks, over batches of `columns`.
    pub fn new(join: &MergeJoin, pick: fn(&(Expr, Expr)) -> &Expr, columns: &[ColumnId]) -> Result<SideKeys> {
        let key = |pair: &(Expr, Expr)| SortKey {
            expr: in_common_form(pick(pair), &pair.0.ty().sql, &pair.1.ty().sql),
            descending: join.descending,
        };
        let keys: Vec<SortKey> = join.keys.iter().map(key).collect();
        Ok(SideKeys(Arc::new(KeySpec::new(&keys, columns)?)))
    }

    /// What makes them, for one worker.
    pub fn maker(&self) -> KeyMaker {
        KeyMaker::new(&self.0)
    }

    /// The keys of a batch's rows, and which rows have no NULL among them.
    pub fn keys(
        &self,
        maker: &mut KeyMaker,
        batch: &Batch,
        scratch: &mut Scratch,
    ) -> Result<(Keys, Option<NullBuffer>)> {
        let columns = maker.columns(batch, scratch)?;
        let whole =
            columns.iter().fold(None, |all, c| NullBuffer::union(all.as_ref(), c.logical_nulls().as_ref()));
        Ok((maker.keys(&columns, batch.rows)?, whole))
    }
}

/// Decimals of different scales (the one family whose members do not compare as they are stored) are brought to the
/// greater scale.
fn in_common_form(key: &Expr, left: &SqlType, right: &SqlType) -> Expr {
    match (left, right) {
        (SqlType::Decimal { scale: s, .. }, SqlType::Decimal { scale: t, .. })
            if left.arrow() != right.arrow() =>
        {
            let ty = ColumnType::nullable(SqlType::Decimal { precision: 38, scale: *s.max(t) });
            Expr::call(Function::Cast, vec![key.clone()], ty)
        }
        _ => key.clone(),
    }
}

/// The right side as a whole, sorted by its keys.
pub(crate) struct RightSide {
    /// What its columns are.
    pub columns: Vec<ColumnId>,
    /// They themselves.
    pub arrays: Vec<Option<ArrayRef>>,
    keys: Keys,
    rows: usize,
    _reservation: Reservation,
}

impl RightSide {
    /// Keeps rows, which stay charged to the statement, and their keys with them.
    pub fn new(
        join: &MergeJoin,
        rows: Materialized,
        columns: &[ColumnId],
        context: &Context,
    ) -> Result<RightSide> {
        if u32::try_from(rows.rows).is_ok_and(|rows| rows < NO_ROW) {
            let mut reservation = rows.reservation.unwrap_or_else(|| context.memory.reservation());
            let mut batch = if rows.batches.is_empty() {
                let empty = |id: &ColumnId| null_column(&context.columns.ty(*id).sql, 0);
                Batch::new(columns.iter().map(empty).collect(), 0)
            } else {
                concat_batches(&rows.batches)
            };
            let side = SideKeys::new(join, |(_, right)| right, columns)?;
            let (mut maker, mut scratch) = (side.maker(), Scratch::default());
            let (mut keys, _) = side.keys(&mut maker, &batch, &mut scratch)?;
            if !(1..batch.rows).all(|row| keys.get(row - 1) <= keys.get(row)) {
                let mut order: Vec<u32> = (0..batch.rows as u32).collect();
                order.sort_by(|&a, &b| keys.get(a as usize).cmp(&keys.get(b as usize)));
                batch = batch.take(&order);
                (keys, _) = side.keys(&mut maker, &batch, &mut scratch)?;
            }
            reservation.grow(keys.bytes())?;
            return Ok(RightSide {
                columns: columns.to_vec(),
                rows: batch.rows,
                arrays: batch.columns.into_iter().map(Some).collect(),
                keys,
                _reservation: reservation,
            });
        }
        Err(Error::Plan("the right side of a merge join has more than 2^32 rows".into()))
    }

    /// The first row from `from` on that is not `before`, which all rows up to some point are: by galloping.
    fn gallop(&self, from: usize, before: impl Fn(Key<'_>) -> bool) -> usize {
        let (mut low, mut step) = (from, 1);
        while low + step <= self.rows && before(self.keys.get(low + step - 1)) {
            low += step;
            step *= 2;
        }
        let mut high = (low + step - 1).min(self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(self.keys.get(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// Where one worker stands in the right side.
#[derive(Debug, Default)]
pub(super) struct Position(usize);

impl Position {
    /// The rows whose key is `key`.
    pub fn seek(&mut self, right: &RightSide, key: Key<'_>) -> Range<usize> {
        // Everything before the position was less than the last key; if not less than this one, it is behind.
        let from = match self.0 > 0 && right.keys.get(self.0 - 1) >= key {
            true => 0,
            false => self.0,
        };
        self.0 = right.gallop(from, |other| other < key);
        self.0..right.gallop(self.0, |other| other == key)
    }
}

//! Apply: a right side that depends on the left row.
//!
//! The right side is run once for each *distinct* set of correlated values, with the values in place of the columns
//! (`substitute`), and all it gave is put in one table in which each set has a range of rows. The join itself is then an
//! ordinary operator over the left batches (`nested_loop`), in parallel, in left order. Without correlated columns there is
//! one range, and the same operator is the join without equalities.

mod nested_loop;
mod substitute;

pub(crate) use nested_loop::{Inner, NestedLoop};
pub(crate) use substitute::substitute;

use std::sync::Arc;

use allod_storage::schema::{ColumnType, Datum};
use arrow::array::{ArrayRef, UInt32Array};
use arrow::row::{RowConverter, SortField};
use hashbrown::HashMap;

use crate::batch::{Batch, to_door};
use crate::error::Result;
use crate::values;

/// The distinct sets of correlated values in some batches.
pub(crate) struct Distinct {
    /// The batches, each with one more column: the number of its row's set.
    pub batches: Vec<Batch>,
    /// The sets, by number.
    pub sets: Vec<Vec<Datum>>,
}

/// Numbers the distinct sets of the values in the columns at `positions`.
pub(crate) fn distinct(batches: Vec<Batch>, positions: &[usize], types: &[ColumnType]) -> Result<Distinct> {
    let fields = types.iter().map(|ty| SortField::new(ty.arrow())).collect();
    let converter = RowConverter::new(fields)?;
    let mut numbers: HashMap<Box<[u8]>, u32> = HashMap::new();
    let mut sets = Vec::new();
    let mut numbered = Vec::with_capacity(batches.len());
    for mut batch in batches {
        let columns = positions.iter().zip(types).map(|(&p, ty)| to_door(&batch.columns[p], ty));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        let rows = converter.convert_columns(&columns)?;
        let mut set_of_row = Vec::with_capacity(batch.rows);
        for (row, bytes) in rows.iter().enumerate() {
            let number = match numbers.get(bytes.data()) {
                Some(&number) => number,
                None => {
                    let number = sets.len() as u32;
                    sets.push(columns.iter().map(|c| values::datum(c, row)).collect::<Result<Vec<_>>>()?);
                    numbers.insert(bytes.data().into(), number);
                    number
                }
            };
            set_of_row.push(number);
        }
        batch.columns.push(Arc::new(UInt32Array::from(set_of_row)));
        numbered.push(batch);
    }
    Ok(Distinct { batches: numbered, sets })
}

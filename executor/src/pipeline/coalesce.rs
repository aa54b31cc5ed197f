//! Small batches put together before expensive operators.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_empty_array};
use arrow::compute;
use arrow::datatypes::{DataType, UInt16Type};

use super::{Flow, Output, Worker};
use crate::batch::Batch;
use crate::error::Result;

/// Batches of at least this many rows are handed on as they are.
const BATCH_ROWS_MIN: usize = 2048;

/// Holds back small batches until together they are worth a call. Rows stay in order.
#[derive(Default)]
pub(crate) struct Coalescer {
    held: Vec<Batch>,
    rows: usize,
}

impl Coalescer {
    /// Emits the batch, or keeps it for later.
    pub fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        if self.held.is_empty() && batch.rows >= BATCH_ROWS_MIN {
            return out.emit(worker, batch);
        }
        if batch.rows > 0 {
            self.rows += batch.rows;
            self.held.push(batch);
        }
        if self.rows >= BATCH_ROWS_MIN { self.flush(worker, out) } else { Ok(Flow::Continue) }
    }

    /// Emits what is held.
    pub fn flush(&mut self, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        if self.held.is_empty() {
            return Ok(Flow::Continue);
        }
        self.rows = 0;
        let batch = concat(&std::mem::take(&mut self.held))?;
        out.emit(worker, batch)
    }
}

/// One batch of the rows of all, in order. There must be at least one.
pub(crate) fn concat(batches: &[Batch]) -> Result<Batch> {
    if let [only] = batches {
        return Ok(only.clone());
    }
    let width = batches.first().map_or(0, |b| b.columns.len());
    let columns = (0..width)
        .map(|i| concat_arrays(&batches.iter().map(|b| &b.columns[i]).collect::<Vec<_>>()))
        .collect::<Result<_>>()?;
    Ok(Batch { columns, rows: batches.iter().map(|b| b.rows).sum() })
}

/// One array of all values; the arrays hold one SQL type, perhaps in different physical forms.
pub(crate) fn concat_arrays(arrays: &[&ArrayRef]) -> Result<ArrayRef> {
    let Some(first) = arrays.first() else { return Ok(new_empty_array(&DataType::Null)) };
    let same_type = arrays.iter().all(|a| a.data_type() == first.data_type());
    if same_type && (!matches!(first.data_type(), DataType::Dictionary(_, _)) || share_dictionary(arrays)) {
        let parts: Vec<&dyn Array> = arrays.iter().map(|a| a.as_ref()).collect();
        return Ok(compute::concat(&parts)?);
    }
    let wide =
        arrays.iter().map(|a| widest(a.data_type())).max_by_key(|t| matches!(t, DataType::Decimal128(_, _)));
    let wide = wide.unwrap_or(DataType::Null);
    let cast = arrays.iter().map(|a| crate::door::to_form(a, &wide)).collect::<Result<Vec<_>>>()?;
    let parts: Vec<&dyn Array> = cast.iter().map(|a| a.as_ref()).collect();
    Ok(compute::concat(&parts)?)
}

/// Whether all arrays are codes into one and the same dictionary.
fn share_dictionary(arrays: &[&ArrayRef]) -> bool {
    let values = |a: &ArrayRef| Arc::clone(a.as_dictionary::<UInt16Type>().values());
    arrays.first().is_some_and(|first| {
        let first = values(first);
        arrays.iter().all(|a| Arc::ptr_eq(&values(a), &first))
    })
}

fn widest(form: &DataType) -> DataType {
    match form {
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        other => other.clone(),
    }
}

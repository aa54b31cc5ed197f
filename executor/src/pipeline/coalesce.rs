//! Small batches put together before expensive operators.

use super::{Flow, Output, Worker};
use crate::batch::{Batch, concat_batches};
use crate::error::Result;

/// Batches of at least this many rows are handed on as they are.
const BATCH_ROWS_MIN: usize = 2048;

/// Holds back small batches until together they are worth a call. Rows stay in order.
pub(crate) struct Coalescer {
    held: Vec<Batch>,
    rows: usize,
    /// Rows that are worth a call.
    least: usize,
}

impl Default for Coalescer {
    fn default() -> Coalescer {
        Coalescer { held: Vec::new(), rows: 0, least: BATCH_ROWS_MIN }
    }
}

impl Coalescer {
    /// One that holds back nothing, below a limit: the next rows may never be wanted.
    pub fn immediate() -> Coalescer {
        Coalescer { least: 1, ..Coalescer::default() }
    }

    /// Emits the batch, or keeps it for later.
    pub fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        if self.held.is_empty() && batch.rows >= self.least {
            return out.emit(worker, batch);
        }
        if batch.rows > 0 {
            self.rows += batch.rows;
            self.held.push(batch);
        }
        if self.rows >= self.least { self.flush(worker, out) } else { Ok(Flow::Continue) }
    }

    /// Emits what is held.
    pub fn flush(&mut self, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        if self.held.is_empty() {
            return Ok(Flow::Continue);
        }
        self.rows = 0;
        let batch = concat_batches(&std::mem::take(&mut self.held));
        out.emit(worker, batch)
    }
}

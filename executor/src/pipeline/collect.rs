//! Batches kept for later: the sink that keeps them and the source that hands them out again.

use std::sync::Arc;

use super::{Flow, Output, Reader, Reservation, Sink, Source, Worker};
use crate::batch::Batch;
use crate::error::Result;

/// Keeps every batch, in task order.
pub(crate) struct Collect {
    memory: super::Memory,
}

/// Batches in order, with the memory they are charged for.
#[derive(Debug)]
pub(crate) struct Materialized {
    /// None of them empty.
    pub batches: Vec<Batch>,
    /// Number of rows in all.
    pub rows: usize,
    /// Keeps the account charged while the batches live.
    pub reservation: Reservation,
}

impl Collect {
    /// A sink that charges `memory`.
    pub fn new(memory: &super::Memory) -> Collect {
        Collect { memory: memory.clone() }
    }
}

impl Sink for Collect {
    type Local = (Vec<(u64, Batch)>, Reservation);
    type Product = Materialized;

    fn local(&self) -> Self::Local {
        (Vec::new(), self.memory.reservation())
    }

    fn consume(
        &self,
        (kept, reservation): &mut Self::Local,
        worker: &mut Worker,
        batch: Batch,
    ) -> Result<Flow> {
        reservation.grow(batch.bytes())?;
        kept.push((worker.task, batch));
        Ok(Flow::Continue)
    }

    fn finish(self, locals: Vec<Self::Local>) -> Result<Materialized> {
        let mut reservation = self.memory.reservation();
        let mut all = Vec::new();
        for (kept, bytes) in locals {
            reservation.merge(bytes);
            all.extend(kept);
        }
        // Stable: batches of one task are already in order.
        all.sort_by_key(|(task, _)| *task);
        let batches: Vec<Batch> = all.into_iter().map(|(_, batch)| batch).collect();
        let rows = batches.iter().map(|b| b.rows).sum();
        Ok(Materialized { batches, rows, reservation })
    }
}

/// Batches as a source; each is a task.
pub(crate) struct Batches(Arc<[Batch]>);

impl Batches {
    /// A source of these batches, in this order.
    pub fn new(batches: impl Into<Arc<[Batch]>>) -> Batches {
        Batches(batches.into())
    }
}

impl Source for Batches {
    fn tasks(&self) -> usize {
        self.0.len()
    }

    fn start(&self) -> Box<dyn Reader> {
        Box::new(BatchReader(Arc::clone(&self.0)))
    }
}

struct BatchReader(Arc<[Batch]>);

impl Reader for BatchReader {
    fn read(&mut self, task: usize, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        out.emit(worker, self.0[task].clone())
    }
}

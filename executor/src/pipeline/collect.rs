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
    pub reservation: Option<Reservation>,
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
        Ok(Materialized { batches, rows, reservation: Some(reservation) })
    }
}

impl Materialized {
    /// Batches that somebody else is charged for, if anybody.
    pub fn uncharged(batches: Vec<Batch>) -> Materialized {
        let rows = batches.iter().map(|b| b.rows).sum();
        Materialized { batches, rows, reservation: None }
    }

    /// Bytes charged.
    pub fn bytes(&self) -> u64 {
        self.reservation.as_ref().map_or(0, Reservation::bytes)
    }
}

/// Batches as a source; each is a task.
pub(crate) struct Batches(Arc<Materialized>);

impl Batches {
    /// A source of these batches, in this order; somebody else is charged for them, if anybody.
    pub fn new(batches: Vec<Batch>) -> Batches {
        Batches::keeping(Materialized::uncharged(batches))
    }

    /// A source that keeps what its batches are charged for.
    pub fn keeping(batches: impl Into<Arc<Materialized>>) -> Batches {
        Batches(batches.into())
    }

    /// Bytes charged for them.
    pub fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    /// They themselves.
    pub fn batches(&self) -> &[Batch] {
        &self.0.batches
    }
}

impl Source for Batches {
    fn tasks(&self) -> usize {
        self.0.batches.len()
    }

    fn start(&self) -> Box<dyn Reader> {
        Box::new(BatchReader(Arc::clone(&self.0)))
    }

    fn is_empty(&self) -> bool {
        self.0.batches.is_empty()
    }

    fn ready(&self) -> Option<&[Batch]> {
        Some(&self.0.batches)
    }
}

struct BatchReader(Arc<Materialized>);

impl Reader for BatchReader {
    fn read(&mut self, task: usize, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        out.emit(worker, self.0.batches[task].clone())
    }
}

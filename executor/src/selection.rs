//! Selection: rows where every predicate holds. (Directly above a scan it is part of the scan: see `scan`.)

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;

use crate::batch::{Batch, positions, take_batch};
use crate::error::Result;
use crate::kernel::{Predicate, Scratch};
use crate::pipeline::{Coalescer, Flow, Operator, Output, Stage, Worker};

/// Keeps the rows where all conjuncts hold.
pub(crate) struct Filter(Arc<Shared>);

struct Shared {
    predicate: Predicate,
    output: Vec<usize>,
}

impl Filter {
    /// Compiles the conjuncts over batches of `input`; only the columns `output` come out.
    pub fn new(predicates: &[Expr], input: &[ColumnId], output: &[ColumnId]) -> Result<Filter> {
        let predicate = Predicate::compile(predicates, input)?;
        Ok(Filter(Arc::new(Shared { predicate, output: positions(input, output)? })))
    }

    /// What of a batch passes.
    pub fn apply(&self, batch: &Batch, scratch: &mut Scratch) -> Result<Batch> {
        self.0.apply(batch, scratch)
    }
}

impl Shared {
    fn apply(&self, batch: &Batch, scratch: &mut Scratch) -> Result<Batch> {
        let selection = self.predicate.select(batch, scratch)?;
        Ok(take_batch(batch, &selection, &self.output))
    }
}

impl Operator for Filter {
    fn start(&self) -> Box<dyn Stage> {
        Box::new(FilterStage { shared: Arc::clone(&self.0), small: Coalescer::default() })
    }
}

struct FilterStage {
    shared: Arc<Shared>,
    small: Coalescer,
}

impl Stage for FilterStage {
    fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let passed = self.shared.apply(&batch, &mut worker.scratch)?;
        self.small.push(passed, worker, out)
    }

    fn flush(&mut self, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        self.small.flush(worker, out)
    }
}

//! Selection: rows where every predicate holds. (Directly above a scan it is part of the scan: see `scan`.)

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;

use crate::batch::{Batch, positions, take_batch};
use crate::error::Result;
use crate::kernel::Predicate;
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
        let Shared { predicate, output } = &*self.shared;
        let selection = predicate.select(&batch, &mut worker.scratch)?;
        self.small.push(take_batch(&batch, &selection, output), worker, out)
    }

    fn flush(&mut self, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        self.small.flush(worker, out)
    }
}

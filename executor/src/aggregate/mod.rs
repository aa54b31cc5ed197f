//! GROUP BY.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::physical::Aggregation;

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::pipeline::{Context, Flow, Sink, Source, Worker};

/// Collects groups.
pub(crate) struct AggregateSink {}

impl AggregateSink {
    /// Groups batches whose columns are `input`; the groups come out in any order.
    pub fn new(_aggregation: &Aggregation, _input: &[ColumnId], _context: &Context) -> Result<AggregateSink> {
        Err(Error::Plan("aggregation is not built yet".into()))
    }

    /// As `new`, but groups come out in the order of their first rows.
    pub fn ordered(
        aggregation: &Aggregation,
        input: &[ColumnId],
        context: &Context,
    ) -> Result<AggregateSink> {
        AggregateSink::new(aggregation, input, context)
    }
}

impl Sink for AggregateSink {
    type Local = ();
    type Product = Arc<dyn Source>;

    fn local(&self) {}

    fn consume(&self, _local: &mut (), _worker: &mut Worker, _batch: Batch) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    fn finish(self, _locals: Vec<()>) -> Result<Arc<dyn Source>> {
        Err(Error::Plan("aggregation is not built yet".into()))
    }
}

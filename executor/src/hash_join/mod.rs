//! Hash joins: one side's rows become an index of their keys, which the other side's rows are looked up in.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::physical::HashJoin;

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::pipeline::{Context, Flow, Operator, RuntimeFilter, Sink, Source, Worker};

/// Collects the build side.
pub(crate) struct BuildSink {}

/// The build side, indexed and immutable.
pub(crate) struct Built {}

impl BuildSink {
    /// A sink for batches whose columns are `build_columns`.
    pub fn new(_join: &HashJoin, _build_columns: &[ColumnId], _context: &Context) -> Result<BuildSink> {
        Err(Error::Plan("hash joins are not built yet".into()))
    }
}

impl Sink for BuildSink {
    type Local = ();
    type Product = Built;

    fn local(&self) {}

    fn consume(&self, _local: &mut (), _worker: &mut Worker, _batch: Batch) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    fn finish(self, _locals: Vec<()>) -> Result<Built> {
        Ok(Built {})
    }
}

impl Built {
    /// Filters for the plain columns of the probe side whose rows without a match do not matter.
    pub fn filters(&self) -> Vec<(ColumnId, Arc<dyn RuntimeFilter>)> {
        Vec::new()
    }

    /// Bytes kept.
    pub fn memory_bytes(&self) -> u64 {
        0
    }
}

/// The operator that looks up batches whose columns are `probe_columns`, and the source of the build rows that are due
/// when all have been looked up, if the kind of join has such. Both yield the columns `output`.
pub(crate) fn probe(
    _join: &HashJoin,
    _built: Built,
    _probe_columns: &[ColumnId],
    _output: &[ColumnId],
    _context: &Context,
) -> Result<(Arc<dyn Operator>, Option<Arc<dyn Source>>)> {
    Err(Error::Plan("hash joins are not built yet".into()))
}

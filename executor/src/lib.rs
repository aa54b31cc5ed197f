//! Physical plan and snapshot in, Arrow batches out.
//!
//! `execute` cuts the plan into pipelines (`build`), runs them morsel by morsel on all workers (`pipeline`), and hands out
//! the last one's batches as they come (`execute`). The operators have a room each.

mod batch;
mod door;
mod error;
mod kernel;
mod pipeline;

// What `build` will call:
//   hash_join::BuildSink::new(&HashJoin, build_columns: &[ColumnId], &Context) -> Result<BuildSink>   (Product = Built)
//   Built::filters(&self) -> Vec<(ColumnId, Arc<dyn RuntimeFilter>)>      for keys whose probe side is a plain column
//   Built::memory_bytes(&self) -> u64
//   hash_join::probe(&HashJoin, Built, probe_columns: &[ColumnId], output: &[ColumnId], &Context)
//       -> Result<(Arc<dyn Operator>, Option<Arc<dyn Source>>)>   the source: build rows to emit after all probing
//   aggregate::AggregateSink::new(&Aggregation, input: &[ColumnId], &Context) -> Result<AggregateSink>
//       (Product = Arc<dyn Source>; one row for no groups even without input); output order: group_by, aggregates
//   aggregate::StreamAggSink, the same over input that is sorted in task order (`Worker::task`)

pub use error::Error;
pub use pipeline::Cancel;

//! Physical plan and snapshot in, Arrow batches out.
//!
//! `build` cuts the plan into pipelines, `pipeline` runs them morsel by morsel on all workers, and `execute` hands out the
//! last one's batches as they come. The operators have a room each.

mod aggregate;
mod apply;
mod batch;
mod build;
mod dml;
mod error;
mod execute;
mod hash_join;
mod kernel;
mod key;
mod limit;
mod metrics;
mod pipeline;
mod projection;
mod scan;
mod selection;
mod sort;
mod values;

pub use error::Error;
pub use execute::{Affected, Environment, Execution, RowIds, execute};
pub use metrics::OperatorMetrics;
pub use pipeline::Cancel;

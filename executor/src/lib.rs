//! Physical plan and snapshot in, Arrow batches out.
//!
//! `execute` cuts the plan into pipelines (`build`), runs them morsel by morsel on all workers (`pipeline`), and hands out
//! the last one's batches as they come (`execute`). The operators have a room each.

mod aggregate;
mod batch;
mod door;
mod error;
mod hash_join;
mod kernel;
mod key;
mod pipeline;

pub use error::Error;
pub use pipeline::Cancel;

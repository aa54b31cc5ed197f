//! SQL text, a catalog and statistics in; a physical plan out. Pure: no I/O, no threads, no clock.

pub mod account;
pub mod bind;
pub mod catalog;
pub mod checks;
pub mod column;
mod column_set;
mod cost;
pub mod error;
pub mod explain;
pub mod expr;
pub mod foreign;
pub mod generated;
pub mod hints;
pub mod logical;
mod optimize;
pub mod options;
pub mod parse;
pub mod partition;
pub mod physical;
pub mod placement;
mod prune;
mod ranges;
pub mod resource;
mod rules;
pub mod sequence;
pub mod sql_mode;
mod stack;
pub mod stats;
pub mod template;
#[cfg(test)]
mod testing;
pub mod zone;

pub use bind::{Bound, BoundQuery, PlanContext, bind};
pub use error::{Error, Position};
pub use explain::{ExplainRow, dot as explain_dot, explain, hints as explain_hints};
pub use optimize::optimize;
pub use parse::{KeepRules, KeptText, Parsed, Shape, parse, parse_as, shape};

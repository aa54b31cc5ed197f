//! Hash joins: one side's rows become an index of their keys, which the other side's rows are looked up in.
//!
//! ```text
//! build side -> BuildSink: batches and key words, per worker
//!                  | finish: words packed into keys, keys indexed by one owner per part
//!                  v
//!                Built --> filters for the probe side's scan
//!                  | probe: the columns that are wanted, each in one array
//!                  v
//! probe side -> Probe: look up, check conditions, gather --> output
//!                  | marks of each worker, if the preserved side was built
//!                  v
//!               Remainder: build rows that are due at the end --> output
//! ```
//!
//! Any kind of join may build either side. Whether a pair of rows matches is decided in up to three steps: equal keys
//! (`index`), conditions over the pairs (`pairs`), and for `NOT IN` and its like what NULLs make of it (`probe`). A key that
//! is NULL equals nothing. A join without keys takes every pair for a candidate.
//!
//! Nothing here is shared and changes: the index is published when it is complete, a worker's marks are its own until it
//! sends them.

mod build;
mod filter;
mod index;
pub(crate) mod pairs;
mod probe;
mod remainder;
#[cfg(test)]
mod tests;

pub(crate) use build::{BuildForm, BuildSink};
pub(crate) use pairs::{Conditions, PAIRS_MAX, Pairs};
pub(crate) use probe::{State, mark_column, probe};

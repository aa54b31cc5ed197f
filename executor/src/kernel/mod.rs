//! Expressions over batches: compiled once, evaluated a column at a time.
//!
//! ```text
//! Expr --compile--> Program (nodes, shared, immutable)          program
//! Batch ----------> Frame (the rows looked at, values so far)   program
//!                   Value (a column in its cheapest form)       value, decimal
//! Function -------> a kernel: a typed loop over values          function, then one file per family
//! ```
//!
//! What makes it fast is in three places: truth values stay bitmaps (`bits`), decimals are computed in 64 bits while bounds
//! prove that they fit (`decimal`), and what depends on one dictionary column is evaluated over the dictionary
//! (`program`). What makes it right is MySQL's manual, quoted in each family's tests, and a model that evaluates one row
//! at a time (`model`, in tests only).
//!
//! The only unsafe code of the executor is in `unchecked`.

mod arithmetic;
mod assign;
mod bits;
mod calendar;
mod cast;
mod choice;
mod clock;
mod coding;
mod collate;
mod compare;
mod control;
mod cut;
mod date_reading;
mod dates;
mod decimal;
mod digest;
mod function;
pub mod hash;
mod json;
mod keys;
mod like;
mod list;
mod locale;
mod loss;
mod math;
#[cfg(test)]
mod model;
mod named_lock;
mod names;
mod network;
mod notice;
mod number;
mod password;
mod pattern;
mod plan_text;
mod predicate;
mod program;
mod scratch;
mod sharding;
mod span;
mod string;
mod temporal;
#[cfg(test)]
mod tests;
pub(crate) mod unchecked;
mod user_variable;
mod value;
mod volatile;
mod writing;

pub use dates::Dates;
pub use digest::of_statement as statement_digest;
pub use json::JsonFault;
pub use names::place_of;
pub use notice::{Notices, Rules, Verdict};
pub use predicate::Predicate;
pub use program::Program;
pub use scratch::Scratch;

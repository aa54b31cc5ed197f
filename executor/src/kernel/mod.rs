//! Expression compilation and vector kernels.

pub mod hash;
mod predicate;
mod program;
mod scratch;
pub(crate) mod unchecked;

pub use predicate::Predicate;
pub use program::Program;
pub use scratch::Scratch;

//! SQL text, a catalog and statistics in; a physical plan out. Pure: no I/O, no threads, no clock.

pub mod catalog;
pub mod column;
pub mod expr;
pub mod logical;
pub mod physical;
pub mod stats;

//! Checkers that more than one rule is made of.

pub mod count;
pub mod graph;
pub mod linear;

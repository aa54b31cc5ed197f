//! Compiled filters.

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;

use super::Scratch;
use crate::batch::{Batch, Selection};
use crate::error::{Error, Result};

/// Conjuncts, evaluated in order; later ones see only the rows that are left.
#[derive(Debug)]
pub struct Predicate {}

impl Predicate {
    /// Compiles conjuncts over batches whose columns are `input`.
    pub fn compile(_conjuncts: &[Expr], _input: &[ColumnId]) -> Result<Predicate> {
        Err(Error::Plan("expressions are not compiled yet".into()))
    }

    /// The rows where every conjunct holds (is neither 0 nor NULL).
    pub fn select(&self, _batch: &Batch, _scratch: &mut Scratch) -> Result<Selection> {
        Err(Error::Plan("expressions are not compiled yet".into()))
    }
}

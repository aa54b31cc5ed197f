//! Compiled filters.

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use arrow::buffer::BooleanBuffer;

use super::{Program, Scratch};
use crate::batch::{Batch, Selection};
use crate::error::Result;

/// Conjuncts, evaluated in order; later ones matter only for the rows that are left, and when few are left only those are
/// looked at.
#[derive(Debug)]
pub struct Predicate {
    program: Program,
}

impl Predicate {
    /// Compiles conjuncts over batches whose columns are `input`. No conjuncts hold everywhere.
    pub fn compile(conjuncts: &[Expr], input: &[ColumnId]) -> Result<Predicate> {
        Ok(Predicate { program: Program::compile_all(conjuncts, input)? })
    }

    /// The rows where every conjunct holds (is neither 0 nor NULL).
    pub fn select(&self, batch: &Batch, scratch: &mut Scratch) -> Result<Selection> {
        let mut frame = self.program.frame(batch);
        let mut left: Option<BooleanBuffer> = None;
        for conjunct in 0..self.program.roots() {
            let truth = self.program.truth(conjunct, left.as_ref(), &mut frame, scratch)?;
            let now = match left {
                None => truth.bits,
                Some(left) => &left & &truth.bits,
            };
            if !now.has_true() {
                return Ok(Selection::None);
            }
            left = Some(now);
        }
        Ok(match left {
            None if batch.rows == 0 => Selection::None,
            None => Selection::All,
            Some(bits) => Selection::from_bits(&bits),
        })
    }
}

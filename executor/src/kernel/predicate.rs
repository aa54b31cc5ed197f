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
        if self.program.in_turn() && batch.rows > 1 {
            return self.select_in_turn(batch, scratch);
        }
        let mut left = Left::All;
        let mut frame = self.program.frame(batch);
        for conjunct in 0..self.program.roots() {
            let count = left.count(batch.rows);
            if count == 0 {
                return Ok(Selection::None);
            }
            if let Left::Bits(bits) = &left
                && self.program.is_sparse(conjunct, count, batch.rows)
            {
                left = Left::Rows(bits.set_indices_u32().collect());
            }
            left = match left {
                Left::Rows(rows) => self.narrow(conjunct, batch, rows, scratch)?,
                dense => {
                    let mark = scratch.notices.mark();
                    let truth = self.program.truth(conjunct, &mut frame, scratch);
                    match (truth, dense) {
                        // It may have failed, or complained, only where an earlier conjunct does not hold.
                        (truth, Left::Bits(bits)) if truth.is_err() || scratch.notices.mark() != mark => {
                            scratch.notices.back_to(mark);
                            self.narrow(conjunct, batch, bits.set_indices_u32().collect(), scratch)?
                        }
                        (truth, dense) => dense.and(truth?.bits),
                    }
                }
            };
        }
        Ok(left.into_selection(batch.rows))
    }

    /// The same row by row: all conjuncts of a row have been asked before the next row's are.
    fn select_in_turn(&self, batch: &Batch, scratch: &mut Scratch) -> Result<Selection> {
        let mut kept = Vec::new();
        for row in 0..batch.rows as u32 {
            let conjuncts = 0..self.program.roots();
            let asked = conjuncts.map(|conjunct| self.narrow(conjunct, batch, vec![row], scratch));
            let mut holds = true;
            for left in asked {
                holds = left?.count(batch.rows) > 0;
                if !holds {
                    break;
                }
            }
            if holds {
                kept.push(row);
            }
        }
        Ok(Left::Rows(kept).into_selection(batch.rows))
    }

    /// One conjunct, for these rows only.
    fn narrow(
        &self,
        conjunct: usize,
        batch: &Batch,
        mut rows: Vec<u32>,
        scratch: &mut Scratch,
    ) -> Result<Left> {
        let mut frame = self.program.picked(batch, rows.clone());
        let truth = self.program.truth(conjunct, &mut frame, scratch)?;
        let mut kept = 0;
        for at in truth.bits.set_indices() {
            rows[kept] = rows[at];
            kept += 1;
        }
        rows.truncate(kept);
        Ok(Left::Rows(rows))
    }
}

/// The rows that are left: a bitmap while they are many, their positions when they are few.
enum Left {
    All,
    Bits(BooleanBuffer),
    Rows(Vec<u32>),
}

impl Left {
    fn count(&self, rows: usize) -> usize {
        match self {
            Left::All => rows,
            Left::Bits(bits) => bits.count_set_bits(),
            Left::Rows(rows) => rows.len(),
        }
    }

    fn and(self, bits: BooleanBuffer) -> Left {
        match self {
            Left::Bits(left) => Left::Bits(&left & &bits),
            _ => Left::Bits(bits),
        }
    }

    fn into_selection(self, rows: usize) -> Selection {
        match self {
            Left::All if rows == 0 => Selection::None,
            Left::All => Selection::All,
            Left::Bits(bits) => Selection::from_bits(&bits),
            Left::Rows(picked) if picked.is_empty() => Selection::None,
            Left::Rows(picked) => Selection::Rows(picked),
        }
    }
}

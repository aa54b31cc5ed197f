//! Compiled expressions.

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use arrow::array::ArrayRef;

use super::Scratch;
use crate::batch::{Batch, Selection};
use crate::error::{Error, Result};

/// One or more expressions over the same input, compiled once; what they have in common is computed once.
#[derive(Debug)]
pub struct Program {}

impl Program {
    /// Compiles one expression over batches whose columns are `input`.
    pub fn compile(expr: &Expr, input: &[ColumnId]) -> Result<Program> {
        Program::compile_all(std::slice::from_ref(expr), input)
    }

    /// Compiles several expressions that will be evaluated together.
    pub fn compile_all(_exprs: &[Expr], _input: &[ColumnId]) -> Result<Program> {
        Err(Error::Plan("expressions are not compiled yet".into()))
    }

    /// The first expression's value for every row.
    pub fn eval(&self, _batch: &Batch, _scratch: &mut Scratch) -> Result<ArrayRef> {
        Err(Error::Plan("expressions are not compiled yet".into()))
    }

    /// Every expression's value for every row.
    pub fn eval_all(&self, _batch: &Batch, _scratch: &mut Scratch) -> Result<Vec<ArrayRef>> {
        Err(Error::Plan("expressions are not compiled yet".into()))
    }

    /// Every expression's value for the selected rows; columns are gathered only if an expression uses them.
    pub fn eval_selected(
        &self,
        _batch: &Batch,
        _selection: &Selection,
        _scratch: &mut Scratch,
    ) -> Result<Vec<ArrayRef>> {
        Err(Error::Plan("expressions are not compiled yet".into()))
    }
}

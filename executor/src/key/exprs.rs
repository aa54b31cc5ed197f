//! Expressions that an operator evaluates for every batch.

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use arrow::array::ArrayRef;

use crate::batch::{Batch, position};
use crate::error::Result;
use crate::kernel::{Program, Scratch};

/// Expressions over one input; plain columns are passed on as they are.
#[derive(Debug)]
pub(crate) struct Exprs {
    picks: Vec<Pick>,
    program: Option<Program>,
}

#[derive(Debug)]
enum Pick {
    /// A column of the batch.
    Column(usize),
    /// A result of the program.
    Computed(usize),
}

impl Exprs {
    /// Compiles expressions over batches whose columns are `input`.
    pub fn compile<'a>(exprs: impl IntoIterator<Item = &'a Expr>, input: &[ColumnId]) -> Result<Exprs> {
        let mut computed: Vec<Expr> = Vec::new();
        let mut picks = Vec::new();
        for expr in exprs {
            picks.push(match expr {
                Expr::Column { id, .. } => Pick::Column(position(input, *id)?),
                Expr::Constant { .. } | Expr::Call { .. } => {
                    computed.push(expr.clone());
                    Pick::Computed(computed.len() - 1)
                }
            });
        }
        let program = if computed.is_empty() { None } else { Some(Program::compile_all(&computed, input)?) };
        Ok(Exprs { picks, program })
    }

    /// Their values for every row.
    pub fn eval(&self, batch: &Batch, scratch: &mut Scratch) -> Result<Vec<ArrayRef>> {
        let computed = match &self.program {
            Some(program) => program.eval_all(batch, scratch)?,
            None => Vec::new(),
        };
        let pick = |pick: &Pick| match *pick {
            Pick::Column(at) => batch.columns[at].clone(),
            Pick::Computed(at) => computed[at].clone(),
        };
        Ok(self.picks.iter().map(pick).collect())
    }
}

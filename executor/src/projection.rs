//! Projection: computes columns.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;

use crate::batch::Batch;
use crate::error::Result;
use crate::kernel::Program;
use crate::pipeline::{Flow, Operator, Output, Stage, Worker};

/// Computes expressions over each batch.
pub(crate) struct Project(Arc<Program>);

impl Project {
    /// Compiles the expressions over batches of `input`.
    pub fn new(exprs: &[(ColumnId, Expr)], input: &[ColumnId]) -> Result<Project> {
        let exprs: Vec<Expr> = exprs.iter().map(|(_, expr)| expr.clone()).collect();
        Ok(Project(Arc::new(Program::compile_all(&exprs, input)?)))
    }
}

impl Operator for Project {
    fn start(&self) -> Box<dyn Stage> {
        Box::new(ProjectStage(Arc::clone(&self.0)))
    }
}

struct ProjectStage(Arc<Program>);

impl Stage for ProjectStage {
    fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let columns = self.0.eval_all(&batch, &mut worker.scratch)?;
        out.emit(worker, Batch { columns, rows: batch.rows })
    }
}

/// Picks columns by position.
pub(crate) struct Pick(Arc<[usize]>);

impl Pick {
    /// The columns `positions` of each batch, in this order.
    pub fn new(positions: impl Into<Arc<[usize]>>) -> Pick {
        Pick(positions.into())
    }
}

impl Operator for Pick {
    fn start(&self) -> Box<dyn Stage> {
        Box::new(PickStage(Arc::clone(&self.0)))
    }
}

struct PickStage(Arc<[usize]>);

impl Stage for PickStage {
    fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let columns = self.0.iter().map(|&p| Arc::clone(&batch.columns[p])).collect();
        out.emit(worker, Batch { columns, rows: batch.rows })
    }
}

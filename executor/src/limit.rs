//! LIMIT within a task. The exact slice is cut where a stream's tasks are back in order (`pipeline::Stream`); here a task
//! only stops when it alone has yielded all that can be wanted, and with it every later one.

use crate::batch::Batch;
use crate::error::Result;
use crate::pipeline::{Flow, Operator, Output, Stage, Worker};

/// Lets at most `rows` rows of each task pass.
pub(crate) struct TaskLimit {
    /// How many.
    pub rows: u64,
}

impl Operator for TaskLimit {
    fn start(&self) -> Box<dyn Stage> {
        Box::new(TaskLimitStage { rows: self.rows, left: self.rows })
    }
}

struct TaskLimitStage {
    rows: u64,
    left: u64,
}

impl Stage for TaskLimitStage {
    fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let taken = self.left.min(batch.rows as u64);
        self.left -= taken;
        let flow = out.emit(worker, batch.slice(0, taken as usize))?;
        Ok(if self.left == 0 { Flow::Stop } else { flow })
    }

    fn flush(&mut self, _worker: &mut Worker, _out: &mut Output<'_>) -> Result<Flow> {
        self.left = self.rows;
        Ok(Flow::Continue)
    }
}

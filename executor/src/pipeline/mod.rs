//! Pipelines: how a plan's operators run on all workers without sharing anything that changes.
//!
//! A plan is cut at the operators that must see all of their input (the build side of a hash join, an aggregation, a
//! sort). What lies between two cuts is a [`Pipeline`]: a [`Source`] cut into tasks, a chain of [`Operator`]s, and a
//! [`Sink`]. These three are immutable descriptions, shared by all workers. What runs belongs to one worker:
//!
//! ```text
//! shared, immutable      Source          Operator          Sink
//!                          | start()        | start()        | local()
//! owned by a worker      Reader  --emit-> Stage  --emit-->  Local   --- moved into Sink::finish when all are done
//! ```
//!
//! Workers take task numbers from an atomic cursor; a task is some thousands of rows, so calls through a vtable happen
//! per batch and never per row. When a task ends its worker flushes the chain, so **no stage holds rows across tasks**,
//! and whatever came out of a task can be put in order by task number ([`Worker::task`]): that is how a parallel pipeline
//! still delivers sorted input sorted and gives LIMIT without ORDER BY the same rows every time.
//!
//! A pipeline has one or more branches, run one after another: UNION ALL is a pipeline with a branch for each input, and a
//! hash join that must emit unmatched build rows adds a branch whose source is cut into tasks only when the probing
//! branches have finished.
//!
//! A panic in a worker is caught and becomes [`Error::Panic`] of this statement; the first error stops the others at their
//! next morsel, and is delivered only when all have stopped, so nothing of the statement outlives it.

mod coalesce;
mod collect;
mod filter;
mod memory;
mod run;
#[cfg(test)]
pub(crate) mod testing;
mod worker;

pub(crate) use coalesce::Coalescer;
pub(crate) use collect::{Batches, Collect, Materialized};
pub(crate) use filter::{Bounds, RuntimeFilter};
pub(crate) use memory::{Memory, Reservation};
pub(crate) use run::{Measured, Runner, Stream, caught};
pub use worker::Cancel;
pub(crate) use worker::{Meter, Worker, since};

use std::sync::Arc;
use std::time::{Duration, Instant};

use allod_planner::column::{ColumnId, Columns};
use allod_storage::schema::RegionId;

use crate::batch::Batch;
use crate::error::Result;
use crate::execute::{NamedLocks, Sequences, UserVariables};
use crate::kernel::{Rules, Scratch};

/// Whether whoever received a batch wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Go on.
    Continue,
    /// No row of this task after this one, and none of any later task or branch, is wanted. Tasks that were handed out
    /// earlier run to their end, so what a limit sees does not depend on who was faster.
    Stop,
}

/// Where a pipeline's rows come from, cut into tasks.
pub(crate) trait Source: Send + Sync {
    /// Number of tasks. Called when every earlier branch of the pipeline has finished, and again never.
    fn tasks(&self) -> usize;
    /// The running form, for one worker.
    fn start(&self) -> Box<dyn Reader>;
    /// Whether it is known now, before anything has run, that there are no tasks.
    fn is_empty(&self) -> bool {
        false
    }
    /// What its tasks would emit, a batch each, if it is all there.
    fn ready(&self) -> Option<&[Batch]> {
        None
    }
}

/// A worker's end of a source.
pub(crate) trait Reader: Send {
    /// Emits the rows of one task, in their order. Long tasks call [`Worker::check`] between morsels.
    fn read(&mut self, task: usize, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow>;
    /// Tells how long it has been reading each region, if it was timed. Called once, when the worker is dismissed.
    fn report(&mut self, _book: &mut dyn FnMut(RegionId, Duration)) {}
}

/// A step that takes batches one at a time.
pub(crate) trait Operator: Send + Sync {
    /// The running form, for one worker.
    fn start(&self) -> Box<dyn Stage>;
}

/// A worker's end of an operator.
pub(crate) trait Stage: Send {
    /// Takes a batch (never empty) and emits what it makes of it. See [`Flow`] for what the answer means.
    fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow>;
    /// Emits what is held back; called at the end of each task.
    fn flush(&mut self, _worker: &mut Worker, _out: &mut Output<'_>) -> Result<Flow> {
        Ok(Flow::Continue)
    }
    /// Hands over what it measured that its batches do not tell, by plan node. Called once, when the worker is dismissed.
    fn report(&mut self, _book: &mut dyn FnMut(u32, Measured)) {}
}

/// Where a pipeline ends: worker-local states, combined when all input has been seen.
pub(crate) trait Sink: Send + Sync {
    /// What one worker accumulates.
    type Local: Send;
    /// What it all comes to.
    type Product;
    /// A fresh state for one worker. Workers without tasks get none, so there may be no local at all in `finish`.
    fn local(&self) -> Self::Local;
    /// Takes a batch (never empty).
    fn consume(&self, local: &mut Self::Local, worker: &mut Worker, batch: Batch) -> Result<Flow>;
    /// Combines the states; may itself run in parallel on rayon.
    fn finish(self, locals: Vec<Self::Local>) -> Result<Self::Product>;
}

/// What every operator of a statement may need to know when it is built. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The statement's memory account.
    pub memory: Memory,
    /// The session's wish to stop.
    pub cancel: Cancel,
    /// Workers per pipeline, at least one.
    pub workers: usize,
    /// Whether to count and time each operator.
    pub analyze: bool,
    /// What the statement's column ids stand for: the types of columns of which there may be no batch to look at.
    pub columns: Arc<Columns>,
    /// What becomes of losses.
    pub rules: Rules,
    /// Who gives out the numbers of sequences.
    pub sequences: Option<Arc<dyn Sequences>>,
    /// Who knows of the locks that have names; `None` where nobody asks.
    pub named_locks: Option<Arc<dyn NamedLocks>>,
    /// Where the statement's user variables are; `None` where none is assigned to.
    pub variables: Option<Arc<dyn UserVariables>>,
}

impl Context {
    /// What a worker of the statement keeps between batches.
    pub fn scratch(&self) -> Scratch {
        let (sequences, locks) = (self.sequences.clone(), self.named_locks.clone());
        Scratch::new(self.cancel.clone(), self.rules).asking(sequences, locks, self.variables.clone())
    }

    /// The time, if somebody wants to know how long things take.
    pub fn clock(&self) -> Option<Instant> {
        self.analyze.then(Instant::now)
    }
}

/// Sources, operators, and the columns that come out of them.
pub(crate) struct Pipeline {
    /// Run one after another.
    pub branches: Vec<Branch>,
    /// Columns of the batches, in order.
    pub columns: Vec<ColumnId>,
    /// What of the whole output is wanted; a pipeline with a limit can only be streamed.
    pub limit: Option<Limit>,
}

/// A slice of a pipeline's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Plan node that the rows of the slice are counted for.
    pub plan: u32,
    /// Rows to skip.
    pub offset: u64,
    /// Rows to return; `None` = all.
    pub count: Option<u64>,
}

/// One source and the operators above it.
pub(crate) struct Branch {
    /// Where rows come from.
    pub source: Arc<dyn Source>,
    /// Plan node that the source's rows are counted for, if any.
    pub plan: Option<u32>,
    /// If the source runs a selection fused into the scan below: the plan node of that scan.
    pub scan: Option<u32>,
    /// In the order in which rows meet them, with the plan nodes that they are counted for.
    pub operators: Vec<(Option<u32>, Arc<dyn Operator>)>,
}

impl Pipeline {
    /// A pipeline of one source.
    pub fn new(plan: u32, source: Arc<dyn Source>, columns: Vec<ColumnId>) -> Pipeline {
        Pipeline::of(Branch { source, plan: Some(plan), scan: None, operators: Vec::new() }, columns)
    }

    /// A pipeline of one source that is a scan with the selection above it.
    pub fn fused(scan: u32, selection: u32, source: Arc<dyn Source>, columns: Vec<ColumnId>) -> Pipeline {
        let branch = Branch { source, plan: Some(selection), scan: Some(scan), operators: Vec::new() };
        Pipeline::of(branch, columns)
    }

    /// A pipeline over rows that were counted before.
    pub fn uncounted(source: Arc<dyn Source>, columns: Vec<ColumnId>) -> Pipeline {
        Pipeline::of(Branch { source, plan: None, scan: None, operators: Vec::new() }, columns)
    }

    fn of(branch: Branch, columns: Vec<ColumnId>) -> Pipeline {
        Pipeline { branches: vec![branch], columns, limit: None }
    }

    /// A pipeline without rows.
    pub fn empty(columns: Vec<ColumnId>) -> Pipeline {
        Pipeline { branches: Vec::new(), columns, limit: None }
    }

    /// Whether it is known that no rows come: whoever makes none of none need not even be prepared.
    pub fn is_empty(&self) -> bool {
        self.branches.iter().all(|branch| branch.source.is_empty())
    }

    /// Adds an operator above every branch.
    pub fn push(&mut self, plan: u32, operator: Arc<dyn Operator>, columns: Vec<ColumnId>) {
        self.add(Some(plan), operator, columns);
    }

    /// Adds an operator that no plan node stands for.
    pub fn push_uncounted(&mut self, operator: Arc<dyn Operator>, columns: Vec<ColumnId>) {
        self.add(None, operator, columns);
    }

    fn add(&mut self, plan: Option<u32>, operator: Arc<dyn Operator>, columns: Vec<ColumnId>) {
        for branch in &mut self.branches {
            branch.operators.push((plan, Arc::clone(&operator)));
        }
        self.columns = columns;
    }

    /// Adds a branch that runs after the others and yields the same columns.
    pub fn then(&mut self, plan: u32, source: Arc<dyn Source>) {
        self.branches.push(Branch { source, plan: Some(plan), scan: None, operators: Vec::new() });
    }
}

/// The rest of a worker's chain, as seen by whoever emits into it.
pub(crate) struct Output<'a> {
    meter: &'a mut Meter,
    steps: &'a mut [Step],
    end: &'a mut dyn FnMut(&mut Worker, Batch) -> Result<Flow>,
}

/// A running stage and what was measured of it.
struct Step {
    stage: Box<dyn Stage>,
    meter: Meter,
}

impl<'a> Output<'a> {
    fn new(
        meter: &'a mut Meter,
        steps: &'a mut [Step],
        end: &'a mut dyn FnMut(&mut Worker, Batch) -> Result<Flow>,
    ) -> Output<'a> {
        Output { meter, steps, end }
    }

    /// Runs something whose output goes to `end`, and to no operator.
    pub fn collecting(
        end: &mut dyn FnMut(&mut Worker, Batch) -> Result<Flow>,
        run: impl FnOnce(&mut Output<'_>) -> Result<Flow>,
    ) -> Result<Flow> {
        run(&mut Output::new(&mut Meter::default(), &mut [], end))
    }

    /// Hands a batch on; empty batches vanish.
    pub fn emit(&mut self, worker: &mut Worker, batch: Batch) -> Result<Flow> {
        if batch.rows == 0 {
            return Ok(Flow::Continue);
        }
        self.meter.rows += batch.rows as u64;
        self.meter.batches += 1;
        worker.lap(self.meter);
        match self.steps.split_first_mut() {
            None => (self.end)(worker, batch),
            Some((step, rest)) => {
                let mut out = Output { meter: &mut step.meter, steps: rest, end: self.end };
                let flow = step.stage.push(batch, worker, &mut out)?;
                worker.lap(out.meter);
                Ok(flow)
            }
        }
    }

    /// Flushes every stage, first to last; Stop if any said so.
    fn flush(&mut self, worker: &mut Worker) -> Result<Flow> {
        let Some((step, rest)) = self.steps.split_first_mut() else { return Ok(Flow::Continue) };
        let mut out = Output { meter: &mut step.meter, steps: rest, end: self.end };
        let own = step.stage.flush(worker, &mut out)?;
        worker.lap(out.meter);
        let others = out.flush(worker)?;
        Ok(if own == Flow::Stop { Flow::Stop } else { others })
    }
}

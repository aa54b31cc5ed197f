//! Running a pipeline: crews of workers, tasks from a cursor, and the two ways to end one.
//!
//! [`Runner::run`] drives a pipeline into a sink until its input ends. [`Stream`] drives it a round at a time, when its
//! consumer asks: a round is a run of consecutive tasks, its output is put in task order, and between rounds no thread is
//! held, so a slow consumer blocks nobody and dropping the stream is all it takes to stop. Rounds start at one task per
//! worker and double, so that the first rows come at once and later rounds lose little at their barriers.
//!
//! A branch of one task runs on the caller's own thread: a point query must not pay for a hand-over.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{Branch, Context, Flow, Meter, Output, Pipeline, Reader, Sink, Step, Worker};
use crate::batch::Batch;
use crate::error::{Error, Result};

/// The most tasks in one round of a stream, per worker.
const ROUND_TASKS_PER_WORKER_MAX: usize = 8;

/// Owner of a statement's workers and of what was measured.
pub(crate) struct Runner {
    /// Of the statement.
    pub context: Context,
    /// What every finished run measured, by plan id.
    pub measured: BTreeMap<u32, Measured>,
    idle: Vec<Worker>,
}

/// What was measured of a plan node, over all workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measured {
    /// Sums over workers.
    pub meter: Meter,
    /// The most workers that ran it at a time.
    pub workers: u64,
    /// Tasks that ran it.
    pub tasks: u64,
    /// Bytes it kept at the end.
    pub memory_bytes: u64,
}

/// A worker with its running form of a branch.
struct Crew<L> {
    worker: Worker,
    reader: Box<dyn Reader>,
    source: Meter,
    scanned: u64,
    steps: Vec<Step>,
    end: Meter,
    tasks: u64,
    local: L,
}

impl Runner {
    /// A runner without workers; they are made when first needed.
    pub fn new(context: Context) -> Runner {
        Runner { context, measured: BTreeMap::new(), idle: Vec::new() }
    }

    /// Runs a pipeline to its end; the sink's time is booked to plan node `plan`.
    pub fn run<S: Sink>(&mut self, pipeline: &Pipeline, plan: u32, sink: S) -> Result<S::Product> {
        let mut locals = Vec::new();
        let mut first_task = 0;
        for branch in &pipeline.branches {
            let tasks = caught(|| Ok(branch.source.tasks()))?;
            if tasks == 0 {
                continue;
            }
            let crew_size = self.context.workers.min(tasks);
            let mut crews = self.crews(branch, crew_size, || {
                // Workers of a later branch go on with the states of an earlier one.
                locals.pop().unwrap_or_else(|| sink.local())
            });
            let result =
                round(&mut crews, 0..tasks, first_task, self.context.analyze, &|local, worker, batch| {
                    sink.consume(local, worker, batch)
                });
            locals.extend(self.dismiss(branch, Some(plan), crews));
            result?;
            first_task += tasks as u64;
        }
        let started = std::time::Instant::now();
        let product = caught(|| sink.finish(locals))?;
        self.measured.entry(plan).or_default().meter.time += started.elapsed();
        Ok(product)
    }

    /// Starts a pipeline whose output is asked for round by round.
    pub fn stream(&self, pipeline: Pipeline) -> Stream {
        Stream {
            branches: pipeline.branches.into(),
            running: None,
            ready: VecDeque::new(),
            finished_tasks: 0,
            round_tasks: self.context.workers,
        }
    }

    /// Books bytes that plan node `plan` keeps.
    pub fn book_memory(&mut self, plan: u32, bytes: u64) {
        let measured = self.measured.entry(plan).or_default();
        measured.memory_bytes = measured.memory_bytes.max(bytes);
    }

    fn crews<L>(&mut self, branch: &Branch, count: usize, mut local: impl FnMut() -> L) -> Vec<Crew<L>> {
        (0..count)
            .map(|_| Crew {
                worker: self.idle.pop().unwrap_or_else(|| Worker::new(self.context.cancel.clone())),
                reader: branch.source.start(),
                source: Meter::default(),
                scanned: 0,
                steps: branch
                    .operators
                    .iter()
                    .map(|(_, operator)| Step { stage: operator.start(), meter: Meter::default() })
                    .collect(),
                end: Meter::default(),
                tasks: 0,
                local: local(),
            })
            .collect()
    }

    /// Takes the workers back, books what they measured, and returns their states.
    fn dismiss<L>(&mut self, branch: &Branch, end_plan: Option<u32>, crews: Vec<Crew<L>>) -> Vec<L> {
        let workers = crews.len() as u64;
        let mut locals = Vec::with_capacity(crews.len());
        for crew in crews {
            let mut book = |plan: u32, meter: Meter| {
                let measured = self.measured.entry(plan).or_default();
                measured.meter.add(meter);
                measured.workers = measured.workers.max(workers);
                measured.tasks += crew.tasks;
            };
            book(branch.plan, crew.source);
            if let Some(scan) = branch.scan {
                book(
                    scan,
                    Meter { rows: crew.scanned, batches: crew.source.batches, time: crew.source.time },
                );
            }
            for ((plan, _), step) in branch.operators.iter().zip(&crew.steps) {
                book(*plan, step.meter);
            }
            if let Some(plan) = end_plan {
                self.measured.entry(plan).or_default().meter.time += crew.end.time;
            }
            self.idle.push(crew.worker);
            locals.push(crew.local);
        }
        locals
    }
}

/// A pipeline that is driven by whoever takes its batches.
pub(crate) struct Stream {
    branches: VecDeque<Branch>,
    running: Option<Running>,
    ready: VecDeque<Batch>,
    finished_tasks: u64,
    round_tasks: usize,
}

/// The branch that a stream is in.
struct Running {
    branch: Branch,
    crews: Vec<Crew<Vec<(u64, Batch)>>>,
    next: usize,
    tasks: usize,
}

impl Stream {
    /// The next batch in task order; `None` at the end.
    pub fn next(&mut self, runner: &mut Runner) -> Result<Option<Batch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if runner.context.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let Some(running) = &mut self.running else {
                let Some(branch) = self.branches.pop_front() else { return Ok(None) };
                let tasks = caught(|| Ok(branch.source.tasks()))?;
                let crews = runner.crews(&branch, runner.context.workers.min(tasks), Vec::new);
                self.running = Some(Running { branch, crews, next: 0, tasks });
                continue;
            };
            if running.next == running.tasks {
                self.close(runner);
                continue;
            }
            let range = running.next..running.tasks.min(running.next + self.round_tasks);
            running.next = range.end;
            let flow = round(
                &mut running.crews,
                range,
                self.finished_tasks,
                runner.context.analyze,
                &|local, worker, batch| {
                    local.push((worker.task, batch));
                    Ok(Flow::Continue)
                },
            )?;
            self.round_tasks =
                (self.round_tasks * 2).min(runner.context.workers * ROUND_TASKS_PER_WORKER_MAX);
            let mut out: Vec<(u64, Batch)> =
                running.crews.iter_mut().flat_map(|crew| std::mem::take(&mut crew.local)).collect();
            out.sort_by_key(|(task, _)| *task);
            self.ready.extend(out.into_iter().map(|(_, batch)| batch));
            if flow == Flow::Stop {
                running.next = running.tasks;
            }
        }
    }

    /// Ends the stream early and books what was measured so far.
    pub fn close(&mut self, runner: &mut Runner) {
        if let Some(running) = self.running.take() {
            self.finished_tasks += running.tasks as u64;
            runner.dismiss(&running.branch, None, running.crews);
        }
    }
}

/// Runs the tasks in `range` on all crews; tasks are numbered from `first_task`. Stop if anyone said so.
fn round<L: Send>(
    crews: &mut [Crew<L>],
    range: Range<usize>,
    first_task: u64,
    analyze: bool,
    consume: &(impl Fn(&mut L, &mut Worker, Batch) -> Result<Flow> + Sync),
) -> Result<Flow> {
    let stop = Arc::new(AtomicBool::new(false));
    let cursor = AtomicUsize::new(range.start);
    let busy = crews.len().min(range.len());
    let mut results: Vec<Result<()>> = (0..busy).map(|_| Ok(())).collect();
    let work = |crew: &mut Crew<L>, result: &mut Result<()>| {
        crew.worker.join(&stop);
        *result = caught(|| crew.work(&cursor, range.end, first_task, analyze, consume));
        if result.is_err() {
            crew.worker.halt();
        }
    };
    let mut pairs = crews.iter_mut().zip(&mut results);
    if let Some((own_crew, own_result)) = pairs.next() {
        // The caller's thread is one of the workers: a single task needs no other.
        rayon::in_place_scope(|scope| {
            for (crew, result) in pairs {
                scope.spawn(|_| work(crew, result));
            }
            work(own_crew, own_result);
        });
    }
    // One worker's failure makes others stop early, never fail: the first error is the cause.
    results.into_iter().collect::<Result<()>>()?;
    Ok(if stop.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue })
}

impl<L> Crew<L> {
    /// Takes tasks until there are none, or someone stops.
    fn work(
        &mut self,
        cursor: &AtomicUsize,
        end: usize,
        first_task: u64,
        analyze: bool,
        consume: &impl Fn(&mut L, &mut Worker, Batch) -> Result<Flow>,
    ) -> Result<()> {
        let Crew { worker, reader, source, scanned, steps, end: end_meter, tasks, local } = self;
        worker.start_clock(analyze);
        let mut consume = |worker: &mut Worker, batch: Batch| {
            let flow = consume(local, worker, batch)?;
            worker.lap(end_meter);
            Ok(flow)
        };
        loop {
            if worker.check()? == Flow::Stop {
                return Ok(());
            }
            let task = cursor.fetch_add(1, Ordering::Relaxed);
            if task >= end {
                return Ok(());
            }
            *tasks += 1;
            worker.task = first_task + task as u64;
            let mut out = Output::new(source, steps, &mut consume);
            let mut flow = reader.read(task, worker, &mut out)?;
            worker.lap(out.meter);
            *scanned += std::mem::take(&mut worker.scanned_rows);
            let mut out = Output::new(source, steps, &mut consume);
            if flow == Flow::Continue {
                flow = out.flush(worker)?;
            }
            if flow == Flow::Stop {
                worker.halt();
                return Ok(());
            }
        }
    }
}

impl Meter {
    fn add(&mut self, other: Meter) {
        self.rows += other.rows;
        self.batches += other.batches;
        self.time += other.time;
    }
}

/// Runs `f`; a panic in it is an error of the statement.
pub(crate) fn caught<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| Err(Error::Panic(panic_message(&*panic))))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    if let Some(s) = panic.downcast_ref::<&str>() {
        (*s).to_owned()
    } else if let Some(s) = panic.downcast_ref::<String>() {
        s.clone()
    } else {
        "a worker panicked".to_owned()
    }
}

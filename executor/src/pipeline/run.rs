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
use std::time::Duration;

use allod_storage::client::Tally;
use allod_storage::runtime::aside;

use super::{
    Branch, Context, Flow, Materialized, Meter, Output, Pipeline, Reader, Reservation, Sink, Step, Worker,
};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::kernel::Notices;
use crate::metrics::{Detail, RegionTimes};

/// The most tasks in one round of a stream, per worker.
const ROUND_TASKS_PER_WORKER_MAX: usize = 8;
/// A round that made as much as this is followed by a smaller one.
const ROUND_BYTES: u64 = 32 << 20;

/// Owner of a statement's workers and of what was measured.
pub(crate) struct Runner {
    /// Of the statement.
    pub context: Context,
    /// What every finished run measured, by plan id; nothing unless somebody analyzes.
    pub measured: BTreeMap<u32, Measured>,
    /// What clients of lookups counted, by the plan id of the scan; only if somebody wants to know.
    pub tallies: Vec<(u32, Tally)>,
    idle: Vec<Worker>,
}

/// What was measured of a plan node, over all workers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    /// Sums over workers.
    pub meter: Meter,
    /// Time beside that of workers, as on the wall.
    pub elapsed: Duration,
    /// The most workers that ran it at a time.
    pub workers: u64,
    /// Tasks that ran it.
    pub tasks: u64,
    /// Bytes it kept at the end.
    pub memory_bytes: u64,
    /// Of a scan that was timed: what its regions took.
    pub regions: RegionTimes,
    /// What only some operators have.
    pub detail: Detail,
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
        Runner { context, measured: BTreeMap::new(), tallies: Vec::new(), idle: Vec::new() }
    }

    /// What the workers' kernels had to say, but those that are under way.
    pub fn take_notices(&mut self) -> Notices {
        let mut all = Notices::default();
        for worker in &mut self.idle {
            all.merge(std::mem::take(&mut worker.scratch.notices));
        }
        all
    }

    /// Runs a pipeline to its end; the sink's time is booked to plan node `plan`, if it has one.
    pub fn run<S: Sink>(
        &mut self,
        pipeline: &Pipeline,
        plan: impl Into<Option<u32>>,
        sink: S,
    ) -> Result<S::Product> {
        let plan = plan.into();
        let mut locals = Vec::new();
        let mut first_task = 0;
        for branch in &pipeline.branches {
            let tasks = caught(|| Ok(branch.source.tasks()))?;
            if tasks == 0 {
                continue;
            }
            // A row or two that are there need no crew.
            if let Some([batch]) = branch.source.ready()
                && batch.rows > 0
                && branch.operators.is_empty()
                && !self.context.analyze
            {
                self.context.cancel.check()?;
                let mut local = locals.pop().unwrap_or_else(|| sink.local());
                let mut worker = self.idle.pop().unwrap_or_else(|| Worker::of(&self.context));
                worker.task = first_task;
                let consumed = caught(|| sink.consume(&mut local, &mut worker, batch.clone()));
                locals.push(local);
                self.idle.push(worker);
                if consumed? == Flow::Stop {
                    break;
                }
                first_task += tasks as u64;
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
            locals.extend(self.dismiss(branch, plan, crews));
            if result? == Flow::Stop {
                break;
            }
            first_task += tasks as u64;
        }
        let Some(plan) = plan.filter(|_| self.context.analyze) else { return caught(|| sink.finish(locals)) };
        let started = std::time::Instant::now();
        let product = caught(|| sink.finish(locals))?;
        self.measured.entry(plan).or_default().elapsed += started.elapsed();
        Ok(product)
    }

    /// Starts a pipeline whose output is asked for round by round.
    pub fn stream(&self, pipeline: Pipeline) -> Stream {
        Stream {
            branches: pipeline.branches.into(),
            running: None,
            ready: VecDeque::new(),
            skip: pipeline.limit.map_or(0, |l| l.offset),
            wanted: pipeline.limit.and_then(|l| l.count),
            limit_plan: pipeline.limit.map(|l| l.plan),
            passed: Meter::default(),
            finished_tasks: 0,
            // Whoever stops early shall not have paid for a second task, nor for a thread to run it.
            round_tasks: if pipeline.limit.is_some() { 1 } else { self.context.workers },
        }
    }

    /// Books bytes that plan node `plan` keeps.
    pub fn book_memory(&mut self, plan: u32, bytes: u64) {
        if self.context.analyze {
            let measured = self.measured.entry(plan).or_default();
            measured.memory_bytes = measured.memory_bytes.max(bytes);
        }
    }

    fn crews<L>(&mut self, branch: &Branch, count: usize, mut local: impl FnMut() -> L) -> Vec<Crew<L>> {
        (0..count)
            .map(|_| Crew {
                worker: self.idle.pop().unwrap_or_else(|| Worker::of(&self.context)),
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
        let mut reports: BTreeMap<u32, Measured> = BTreeMap::new();
        for mut crew in crews {
            if !self.context.analyze {
                self.idle.push(crew.worker);
                locals.push(crew.local);
                continue;
            }
            let mut read = Duration::ZERO;
            if let Some(scan) = branch.scan.or(branch.plan) {
                crew.reader.report(&mut |region, time| {
                    read += time;
                    let regions = &mut self.measured.entry(scan).or_default().regions;
                    regions.entry(region).or_default().reading += time;
                });
            }
            let mut book = |plan: Option<u32>, meter: Meter| {
                let Some(plan) = plan else { return };
                let measured = self.measured.entry(plan).or_default();
                measured.meter.add(meter);
                measured.workers = measured.workers.max(workers);
                measured.tasks += crew.tasks;
            };
            match branch.scan {
                None => book(branch.plan, crew.source),
                // Of a fused scan and its selection the time is the one's as far as it has been reading.
                Some(scan) => {
                    let time = read.min(crew.source.time);
                    book(Some(scan), Meter { rows: crew.scanned, batches: crew.source.batches, time });
                    book(branch.plan, Meter { time: crew.source.time - time, ..crew.source });
                }
            }
            for ((plan, _), step) in branch.operators.iter().zip(&crew.steps) {
                book(*plan, step.meter);
            }
            for mut step in crew.steps {
                step.stage.report(&mut |plan, part| reports.entry(plan).or_default().add(part));
            }
            if let Some(plan) = end_plan {
                let time = crew.end.time / u32::try_from(workers).unwrap_or(u32::MAX);
                self.measured.entry(plan).or_default().elapsed += time;
            }
            self.idle.push(crew.worker);
            locals.push(crew.local);
        }
        for (plan, report) in reports {
            self.measured.entry(plan).or_default().merge(report);
        }
        locals
    }
}

/// A pipeline that is driven by whoever takes its batches.
pub(crate) struct Stream {
    branches: VecDeque<Branch>,
    running: Option<Running>,
    ready: VecDeque<Batch>,
    skip: u64,
    wanted: Option<u64>,
    limit_plan: Option<u32>,
    passed: Meter,
    finished_tasks: u64,
    round_tasks: usize,
}

/// The branch that a stream is in.
struct Running {
    branch: Branch,
    crews: Vec<Crew<Outbox>>,
    next: usize,
    tasks: usize,
}

/// What one worker made in a round, on the statement's account until the consumer has taken it.
struct Outbox {
    batches: Vec<(u64, Batch)>,
    held: Reservation,
}

impl Stream {
    /// The next batch in task order, within the limit; `None` at the end.
    pub fn next(&mut self, runner: &mut Runner) -> Result<Option<Batch>> {
        while self.wanted != Some(0) {
            let Some(batch) = self.next_unlimited(runner)? else { break };
            let skipped = self.skip.min(batch.rows as u64);
            self.skip -= skipped;
            let left = batch.rows as u64 - skipped;
            let taken = self.wanted.map_or(left, |w| w.min(left));
            self.wanted = self.wanted.map(|w| w - taken);
            if taken > 0 {
                self.passed.add(Meter { rows: taken, batches: 1, ..Meter::default() });
                return Ok(Some(batch.slice(skipped as usize, taken as usize)));
            }
        }
        self.close(runner);
        Ok(None)
    }

    fn next_unlimited(&mut self, runner: &mut Runner) -> Result<Option<Batch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            runner.context.cancel.check()?;
            let Some(running) = &mut self.running else {
                let Some(branch) = self.branches.pop_front() else { return Ok(None) };
                // Batches that nothing is left to do with are handed out as they are.
                if branch.operators.is_empty()
                    && !runner.context.analyze
                    && let Some(batches) = branch.source.ready()
                {
                    self.finished_tasks += batches.len() as u64;
                    self.ready.extend(batches.iter().cloned());
                    continue;
                }
                let tasks = caught(|| Ok(branch.source.tasks()))?;
                self.running = Some(Running { branch, crews: Vec::new(), next: 0, tasks });
                continue;
            };
            if running.next == running.tasks {
                self.end_branch(runner);
                continue;
            }
            // The last round's batches have been taken.
            for crew in &mut running.crews {
                crew.local.held.resize(0)?;
            }
            let range = running.next..running.tasks.min(running.next + self.round_tasks);
            running.next = range.end;
            let missing = runner.context.workers.min(range.len()).saturating_sub(running.crews.len());
            if missing > 0 {
                let memory = runner.context.memory.clone();
                let outbox = || Outbox { batches: Vec::new(), held: memory.reservation() };
                running.crews.extend(runner.crews(&running.branch, missing, outbox));
            }
            let flow = round(
                &mut running.crews,
                range,
                self.finished_tasks,
                runner.context.analyze,
                &|local, worker, batch| {
                    local.held.grow(batch.bytes())?;
                    local.batches.push((worker.task, batch));
                    Ok(Flow::Continue)
                },
            )?;
            // Rounds grow, so that a long result costs few of them, until one makes as much as should wait at a time.
            let made: u64 = running.crews.iter().map(|crew| crew.local.held.bytes()).sum();
            self.round_tasks = match made {
                0..ROUND_BYTES => {
                    (self.round_tasks * 2).min(runner.context.workers * ROUND_TASKS_PER_WORKER_MAX)
                }
                ROUND_BYTES.. => (self.round_tasks / 2).max(1),
            };
            let mut out: Vec<(u64, Batch)> =
                running.crews.iter_mut().flat_map(|crew| std::mem::take(&mut crew.local.batches)).collect();
            out.sort_by_key(|(task, _)| *task);
            self.ready.extend(out.into_iter().map(|(_, batch)| batch));
            if flow == Flow::Stop {
                running.next = running.tasks;
                self.branches.clear();
            }
        }
    }

    /// Takes what is left.
    pub fn drain(mut self, runner: &mut Runner) -> Result<Materialized> {
        let mut reservation = runner.context.memory.reservation();
        let mut batches = Vec::new();
        while let Some(batch) = self.next(runner)? {
            reservation.grow(batch.bytes())?;
            batches.push(batch);
        }
        let rows = batches.iter().map(|b| b.rows).sum();
        Ok(Materialized { batches, rows, reservation: Some(reservation) })
    }

    /// Ends the stream, early or not, and books what was measured.
    pub fn close(&mut self, runner: &mut Runner) {
        self.branches.clear();
        self.end_branch(runner);
        if let Some(plan) = self.limit_plan.take().filter(|_| runner.context.analyze) {
            runner.measured.entry(plan).or_default().meter.add(self.passed);
        }
    }

    fn end_branch(&mut self, runner: &mut Runner) {
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
    let enough = AtomicBool::new(false);
    let cursor = AtomicUsize::new(range.start);
    let busy = crews.len().min(range.len());
    let mut results: Vec<Result<()>> = (0..busy).map(|_| Ok(())).collect();
    let work = |crew: &mut Crew<L>, result: &mut Result<()>| {
        crew.worker.join(&stop);
        match caught(|| crew.work(&cursor, range.end, first_task, analyze, consume)) {
            Ok(Flow::Continue) => {}
            Ok(Flow::Stop) => {
                enough.store(true, Ordering::Relaxed);
                cursor.fetch_max(range.end, Ordering::Relaxed);
            }
            Err(error) => {
                *result = Err(error);
                crew.worker.halt();
            }
        }
    };
    let mut pairs = crews.iter_mut().zip(&mut results);
    if let Some((first_crew, first_result)) = pairs.next() {
        // A single worker runs here: it needs no other thread, and not even a scope to wait for one. Where there are several
        // the caller's thread sleeps: with it there would be a thread more than there are processors, and the one that
        // shares a processor with it would make all wait for its last task. A thread that serves others lets go of them.
        if busy == 1 {
            work(first_crew, first_result);
        } else {
            aside(|| {
                rayon::scope(|scope| {
                    for (crew, result) in pairs {
                        scope.spawn(|_| work(crew, result));
                    }
                    work(first_crew, first_result);
                });
            });
        }
    }
    // One worker's failure makes others stop early, never fail: the first error is the cause.
    results.into_iter().collect::<Result<()>>()?;
    Ok(if enough.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue })
}

impl<L> Crew<L> {
    /// Takes tasks until there are none, or someone failed, or this one has seen enough (then Stop).
    fn work(
        &mut self,
        cursor: &AtomicUsize,
        end: usize,
        first_task: u64,
        analyze: bool,
        consume: &impl Fn(&mut L, &mut Worker, Batch) -> Result<Flow>,
    ) -> Result<Flow> {
        let Crew { worker, reader, source, scanned, steps, end: end_meter, tasks, local } = self;
        worker.start_clock(analyze);
        let mut consume = |worker: &mut Worker, batch: Batch| {
            let flow = consume(local, worker, batch)?;
            worker.lap(end_meter);
            Ok(flow)
        };
        loop {
            if worker.check()? == Flow::Stop {
                return Ok(Flow::Continue);
            }
            let task = cursor.fetch_add(1, Ordering::Relaxed);
            if task >= end {
                return Ok(Flow::Continue);
            }
            *tasks += 1;
            worker.task = first_task + task as u64;
            let mut out = Output::new(source, steps, &mut consume);
            let read = reader.read(task, worker, &mut out)?;
            worker.lap(out.meter);
            *scanned += std::mem::take(&mut worker.scanned_rows);
            // Even after Stop: what a stage holds back belongs to this task, and it must not meet another one.
            if out.flush(worker)? == Flow::Stop || read == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
    }
}

impl Measured {
    /// Adds what another worker of the same run measured.
    fn add(&mut self, other: Measured) {
        let workers = self.workers + other.workers;
        self.merge(other);
        self.workers = workers;
    }

    /// Adds what another run measured of the same node.
    fn merge(&mut self, other: Measured) {
        self.meter.add(other.meter);
        self.elapsed += other.elapsed;
        self.workers = self.workers.max(other.workers);
        self.tasks += other.tasks;
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.detail.merge(other.detail);
    }
}

impl Meter {
    /// Adds what was measured elsewhere.
    pub(crate) fn add(&mut self, other: Meter) {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::*;
    use super::super::*;
    use crate::error::Error;

    /// Emits its input a row at a time, and panics or fails at chosen values.
    struct Slow;
    struct SlowStage(Coalescer);

    impl Operator for Slow {
        fn start(&self) -> Box<dyn Stage> {
            Box::new(SlowStage(Coalescer::default()))
        }
    }

    impl Stage for SlowStage {
        fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
            for row in 0..batch.rows {
                let one = batch.slice(row, 1);
                match rows(std::slice::from_ref(&one))[0][0] {
                    Some(-1) => panic!("the test asked for it"),
                    Some(-2) => return Err(Error::Cancelled),
                    _ => {}
                }
                if self.0.push(one, worker, out)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
            Ok(Flow::Continue)
        }

        fn flush(&mut self, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
            self.0.flush(worker, out)
        }
    }

    fn numbers(tasks: i64, per_task: i64) -> Vec<Batch> {
        (0..tasks)
            .map(|t| {
                let values: Vec<_> = (0..per_task).map(|i| Some(t * per_task + i)).collect();
                batch(&[&values])
            })
            .collect()
    }

    #[test]
    fn output_is_in_task_order_whatever_the_number_of_workers() {
        for workers in [1, 2, 7] {
            let mut p = pipeline(numbers(50, 33));
            p.push(1, Arc::new(Slow), p.columns.clone());
            let out = collect(&p, workers).unwrap();
            let expected: Vec<_> = (0..50 * 33).map(|i| vec![Some(i)]).collect();
            assert_eq!(rows(&out), expected);
        }
    }

    #[test]
    fn a_stream_gives_the_same_slice_and_meters_agree() {
        for workers in [1, 3] {
            let mut runner = Runner::new(context(workers));
            let mut p = pipeline(numbers(50, 33));
            p.push(1, Arc::new(Slow), p.columns.clone());
            p.then(2, Arc::new(Batches::new(numbers(2, 5))));
            p.limit = Some(Limit { plan: 3, offset: 40, count: Some(1700) });
            let out = runner.stream(p).drain(&mut runner).unwrap();
            let all: Vec<_> = (0..1650).chain(0..10).map(|i| vec![Some(i)]).collect();
            assert_eq!(rows(&out.batches), all[40..]);
            assert_eq!(out.rows, 1620);
            assert_eq!(runner.measured[&1].meter.rows, 1650);
            assert_eq!(runner.measured[&2].meter.rows, 10);
            assert_eq!(runner.measured[&3].meter.rows, 1620);
        }
    }

    #[test]
    fn a_stopped_stream_reads_little() {
        let mut runner = Runner::new(context(2));
        let mut p = pipeline(numbers(1000, 10));
        p.limit = Some(Limit { plan: 3, offset: 0, count: Some(15) });
        let mut stream = runner.stream(p);
        let mut got = 0;
        while let Some(batch) = stream.next(&mut runner).unwrap() {
            got += batch.rows;
        }
        assert_eq!(got, 15);
        assert!(runner.measured[&0].meter.rows <= 60, "{}", runner.measured[&0].meter.rows);
    }

    #[test]
    fn panics_and_errors_of_workers_end_the_statement_and_nothing_else() {
        for workers in [1, 4] {
            let mut bad = numbers(20, 5);
            bad[7] = batch(&[&[Some(3), Some(-1)]]);
            let mut p = pipeline(bad.clone());
            p.push(1, Arc::new(Slow), p.columns.clone());
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(|_| {}));
            let result = collect(&p, workers);
            std::panic::set_hook(hook);
            assert!(matches!(result, Err(Error::Panic(m)) if m.contains("asked for it")));
            bad[7] = batch(&[&[Some(-2)]]);
            let mut p = pipeline(bad);
            p.push(1, Arc::new(Slow), p.columns.clone());
            assert!(matches!(collect(&p, workers), Err(Error::Cancelled)));
        }
    }

    #[test]
    fn cancelling_ends_a_run_and_a_stream() {
        let mut runner = Runner::new(context(2));
        runner.context.cancel.cancel();
        let sink = Collect::new(&runner.context.memory);
        assert!(matches!(runner.run(&pipeline(numbers(3, 3)), Some(9), sink), Err(Error::Cancelled)));
        let mut stream = runner.stream(pipeline(numbers(3, 3)));
        assert!(matches!(stream.next(&mut runner), Err(Error::Cancelled)));
    }

    #[test]
    fn what_is_kept_is_charged() {
        let mut runner = Runner::new(Context { memory: Memory::new(1000), ..context(2) });
        let sink = Collect::new(&runner.context.memory);
        assert!(matches!(
            runner.run(&pipeline(numbers(100, 100)), Some(9), sink),
            Err(Error::Memory { limit: 1000 })
        ));
    }
}

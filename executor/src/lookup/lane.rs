//! What runs lookups: clients, what they count, and batches under way.
//!
//! A worker's stage has [`Lanes`]: as many fetches as are under way at a time each own a [`Lane`], and give it back with what
//! they found. In direct mode there is one lane, and a fetch is done when it has begun. In simulated mode outer rows are held
//! until there is a window of several batches; their fetches are futures that are driven together, and what they find is
//! taken in order. No future outlives the call that made it: if one fails, or nobody wants more, the others are dropped.
//!
//! Lookups begin small, so that whoever wants few rows has them soon, and double.

use std::future::Future;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use allod_storage::client::{Client, ClientSeed, Tally};
use allod_storage::runtime::Runtime;
use allod_storage::schema::Timestamp;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;

use super::fetch::{Cost, Found};
use super::keys::{KeyMaker, Keys};
use crate::batch::{Batch, bytes_of, concat_batches};
use crate::error::Result;
use crate::pipeline::{Coalescer, Context, Flow, Meter, Reservation, Worker, since};

/// What one fetch at a time needs.
pub(crate) struct Lane {
    /// Of the statement.
    pub lookups: Lookups,
    /// Its way to the store.
    pub client: Client,
    /// Another for the table of a double read, if requests are to be told apart.
    table_client: Option<Client>,
    /// Buffers of kernels that run between two reads.
    pub worker: Worker,
    /// Of each scan.
    pub cost: Vec<Cost>,
    /// Of each plan node of the inner side.
    pub meters: Vec<Meter>,
}

impl Lane {
    /// The client and the cost of a scan: 0 is the only one or the index, 1 the table of a double read.
    pub fn way(&mut self, scan: usize) -> (&mut Client, &mut Cost) {
        let client = match &mut self.table_client {
            Some(client) if scan > 0 => client,
            _ => &mut self.client,
        };
        (client, &mut self.cost[scan])
    }
}

/// What the lookups of one operator have in common in one run; it is all that they need beside what the plan says.
#[derive(Clone)]
pub(crate) struct Lookups(Arc<Common>);

struct Common {
    /// Where lanes get their clients: one, or if requests are to be told apart by scan one more for the table of a double
    /// read.
    seed: ClientSeed,
    table: Option<ClientSeed>,
    ts: Timestamp,
    pace: Pace,
    context: Context,
}

impl Lookups {
    /// For lookups in one or two scans, from what this one knows. If the statement is analyzed each scan has its own, and a
    /// tally by its plan node: what is counted is counted there even if the lookup is given up.
    pub fn new(
        client: &Client,
        ts: Timestamp,
        pace: Pace,
        context: &Context,
        scans: &[u32],
    ) -> (Lookups, Vec<(u32, Tally)>) {
        let of = |seed, table| Lookups(Arc::new(Common { seed, table, ts, pace, context: context.clone() }));
        let seed = client.seed();
        let [first, rest @ ..] = scans else { return (of(seed, None), Vec::new()) };
        if !context.analyze {
            return (of(seed, None), Vec::new());
        }
        let (own, tally) = seed.clone().tallied();
        let mut tallies = vec![(*first, tally)];
        let table = rest.first().map(|scan| {
            let (table, tally) = seed.tallied();
            tallies.push((*scan, tally));
            table
        });
        (of(own, table), tallies)
    }

    /// As of when rows are read.
    pub fn ts(&self) -> Timestamp {
        self.0.ts
    }

    /// How batches grow.
    pub fn pace(&self) -> Pace {
        self.0.pace
    }

    /// The statement's.
    pub fn context(&self) -> &Context {
        &self.0.context
    }
}

/// Sizes and numbers of lookups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Outer rows of the first batch.
    pub first_rows: usize,
    /// Outer rows of a batch, at most.
    pub rows_max: usize,
    /// Batches under way at the same time, at most.
    pub concurrency: usize,
    /// A limit above may stop early: batches come one at a time at first, and what they bring goes on at once.
    pub early: bool,
}

impl Pace {
    /// For what the batches bring.
    pub fn coalescer(&self) -> Coalescer {
        if self.early { Coalescer::immediate() } else { Coalescer::default() }
    }
}

/// What is done with a batch's keys.
pub(crate) trait Fetch: Send + Sync + 'static {
    /// From outer rows to keys.
    fn keys(&self) -> &KeyMaker;
    /// Scans that cost, and plan nodes that count.
    fn counters(&self) -> (usize, usize);
    /// The rows of the keys.
    fn fetch(&self, keys: &Keys, lane: &mut Lane) -> impl Future<Output = Result<Found>>;
}

/// A batch that has come back.
pub(crate) struct Fetched {
    /// The outer rows.
    pub batch: Batch,
    /// What they asked for.
    pub keys: Keys,
    /// What was found.
    pub found: Found,
    /// To be given back.
    pub lane: Lane,
}

/// What one worker measured of all its lookups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measures {
    /// Batches.
    pub tasks: u64,
    /// Making keys.
    pub construct: Duration,
    /// Fetching; the time of each batch, whether or not others were under way.
    pub fetch: Duration,
    /// Different keys.
    pub keys: u64,
    /// Of each scan.
    pub cost: Vec<Cost>,
    /// Of each plan node.
    pub meters: Vec<Meter>,
    /// Fetches that may be under way at the same time.
    pub lanes: u64,
    /// The most bytes of outer and inner rows that were held at one time.
    pub memory_bytes: u64,
}

/// A worker's lookups.
pub(crate) struct Lanes<F: Fetch> {
    work: Arc<F>,
    lookups: Lookups,
    runtime: Runtime,
    idle: Vec<Lane>,
    /// Lanes that were made.
    lanes: u64,
    held: Vec<Batch>,
    held_rows: usize,
    pace: Pace,
    next_rows: usize,
    next_window: usize,
    reservation: Reservation,
    measures: Measures,
}

impl<F: Fetch> Lanes<F> {
    /// For one worker.
    pub fn new(work: Arc<F>, lookups: &Lookups) -> Lanes<F> {
        let Common { seed, pace, context, .. } = &*lookups.0;
        Lanes {
            work,
            lookups: lookups.clone(),
            runtime: seed.runtime(),
            idle: Vec::new(),
            lanes: 0,
            held: Vec::new(),
            held_rows: 0,
            next_rows: pace.first_rows.clamp(1, pace.rows_max.max(1)),
            next_window: if pace.early { 1 } else { pace.concurrency.max(1) },
            pace: *pace,
            reservation: context.memory.reservation(),
            measures: Measures::default(),
        }
    }

    /// Takes outer rows. `land` gets what has come back, in the order in which it went out.
    pub fn push(
        &mut self,
        batch: Batch,
        worker: &mut Worker,
        land: &mut dyn FnMut(&mut Fetched, &mut Worker) -> Result<Flow>,
    ) -> Result<Flow> {
        if !self.runtime.is_direct() {
            self.reservation.grow(batch.bytes())?;
            self.held_rows += batch.rows;
            self.held.push(batch);
            return self.run_windows(Lanes::window_rows, worker, land);
        }
        let mut from = 0;
        while from < batch.rows {
            let piece = batch.slice(from, self.next_rows.min(batch.rows - from));
            from += piece.rows;
            self.grow();
            if self.at_once(piece, worker, land)? == Flow::Stop || worker.check()? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    /// Looks up whatever is held.
    pub fn flush(
        &mut self,
        worker: &mut Worker,
        land: &mut dyn FnMut(&mut Fetched, &mut Worker) -> Result<Flow>,
    ) -> Result<Flow> {
        self.run_windows(|_| 1, worker, land)
    }

    /// Looks up windows of what is held for as long as there are `least` rows. After Stop nobody wants what is still held.
    fn run_windows(
        &mut self,
        least: impl Fn(&Self) -> usize,
        worker: &mut Worker,
        land: &mut dyn FnMut(&mut Fetched, &mut Worker) -> Result<Flow>,
    ) -> Result<Flow> {
        while self.held_rows >= least(self) {
            if self.run_window(worker, land)? == Flow::Stop {
                self.held.clear();
                self.held_rows = 0;
                self.reservation.resize(0)?;
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    /// What was measured so far.
    pub fn measures(&mut self) -> Measures {
        let (scans, plans) = self.work.counters();
        let mut sum = std::mem::take(&mut self.measures);
        sum.cost.resize(scans, Cost::default());
        sum.meters.resize(plans, Meter::default());
        for lane in &mut self.idle {
            for (sum, cost) in sum.cost.iter_mut().zip(&mut lane.cost) {
                sum.take_from(cost);
            }
            for (sum, meter) in sum.meters.iter_mut().zip(&mut lane.meters) {
                sum.add(std::mem::take(meter));
            }
        }
        sum.lanes = self.lanes;
        sum
    }

    fn grow(&mut self) {
        self.next_rows = (self.next_rows * 2).min(self.pace.rows_max.max(1));
    }

    /// Rows of the next window's batches together.
    fn window_rows(&self) -> usize {
        let sizes =
            std::iter::successors(Some(self.next_rows), |n| Some((n * 2).min(self.pace.rows_max.max(1))));
        sizes.take(self.next_window).sum()
    }

    fn lane(&mut self) -> Lane {
        if let Some(lane) = self.idle.pop() {
            return lane;
        }
        let (scans, plans) = self.work.counters();
        self.lanes += 1;
        let Common { seed, table, context, .. } = &*self.lookups.0;
        Lane {
            lookups: self.lookups.clone(),
            client: seed.client(),
            table_client: table.as_ref().map(ClientSeed::client),
            worker: Worker::of(context),
            cost: vec![Cost::new(context.analyze); scans],
            meters: vec![Meter::default(); plans],
        }
    }

    fn construct(&mut self, batch: &Batch, worker: &mut Worker) -> Result<Keys> {
        let started = self.lookups.context().clock();
        let keys = self.work.keys().make(batch, &mut worker.scratch)?;
        self.measures.construct += since(started);
        self.measures.tasks += 1;
        self.measures.keys += keys.count as u64;
        Ok(keys)
    }

    /// Fetches a batch on the spot.
    fn at_once(
        &mut self,
        batch: Batch,
        worker: &mut Worker,
        land: &mut dyn FnMut(&mut Fetched, &mut Worker) -> Result<Flow>,
    ) -> Result<Flow> {
        let keys = self.construct(&batch, worker)?;
        let mut lane = self.lane();
        let work = Arc::clone(&self.work);
        let started = self.lookups.context().clock();
        let found = self.runtime.block_on(work.fetch(&keys, &mut lane))?;
        self.measures.fetch += since(started);
        self.land(Fetched { batch, keys, found, lane }, worker, land)
    }

    /// Looks up as much of what is held as a window takes.
    fn run_window(
        &mut self,
        worker: &mut Worker,
        land: &mut dyn FnMut(&mut Fetched, &mut Worker) -> Result<Flow>,
    ) -> Result<Flow> {
        let held = concat_batches(&std::mem::take(&mut self.held));
        let mut from = 0;
        let mut under_way = FuturesOrdered::new();
        for _ in 0..self.next_window {
            if from == held.rows {
                break;
            }
            let batch = held.slice(from, self.next_rows.min(held.rows - from));
            from += batch.rows;
            self.grow();
            let keys = self.construct(&batch, worker)?;
            let mut lane = self.lane();
            let work = Arc::clone(&self.work);
            under_way.push_back(async move {
                let started = lane.lookups.context().clock();
                let found = work.fetch(&keys, &mut lane).await;
                (batch, keys, lane, found, since(started))
            });
        }
        self.next_window = (self.next_window * 2).min(self.pace.concurrency.max(1));
        self.held_rows = held.rows - from;
        if self.held_rows > 0 {
            self.held.push(held.slice(from, self.held_rows));
        }
        let runtime = self.runtime.clone();
        let cancel = self.lookups.context().cancel.clone();
        while !under_way.is_empty() {
            // Nobody waits for an answer that is not wanted any more: the wish to stop is seen whenever anything happens.
            let next = std::future::poll_fn(|cx| {
                if let Err(error) = cancel.check() {
                    return Poll::Ready(Err(error));
                }
                under_way.poll_next_unpin(cx).map(Ok)
            });
            let Some((batch, keys, lane, found, time)) = runtime.block_on(next)? else { break };
            self.measures.fetch += time;
            let flow = self.land(Fetched { batch, keys, found: found?, lane }, worker, land)?;
            if flow == Flow::Stop || worker.check()? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        self.reservation.resize(self.held.iter().map(Batch::bytes).sum())?;
        Ok(Flow::Continue)
    }

    fn land(
        &mut self,
        mut fetched: Fetched,
        worker: &mut Worker,
        land: &mut dyn FnMut(&mut Fetched, &mut Worker) -> Result<Flow>,
    ) -> Result<Flow> {
        let held = self.reservation.bytes();
        self.reservation.grow(bytes_of(&fetched.found.columns))?;
        self.measures.memory_bytes = self.measures.memory_bytes.max(self.reservation.bytes());
        let flow = land(&mut fetched, worker)?;
        worker.scratch.notices.hear(&mut fetched.lane.worker.scratch.notices);
        self.idle.push(fetched.lane);
        self.reservation.resize(held)?;
        Ok(flow)
    }
}

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
use std::time::{Duration, Instant};

use allod_storage::client::{Client, ClientSeed, Tally};
use allod_storage::runtime::Runtime;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;

use super::fetch::{Cost, Found};
use super::keys::{KeyMaker, Keys};
use crate::batch::{Batch, concat_batches};
use crate::error::Result;
use crate::pipeline::{Cancel, Coalescer, Context, Flow, Meter, Reservation, Worker};

/// What one fetch at a time needs.
pub(crate) struct Lane {
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

/// Where lanes get their clients: one, or if requests are to be told apart by scan one more for the table of a double read.
#[derive(Clone)]
pub(crate) struct Clients {
    seed: ClientSeed,
    table: Option<ClientSeed>,
}

impl Clients {
    /// From what this one knows.
    #[cfg(test)]
    pub fn new(client: &Client) -> Clients {
        Clients { seed: client.seed(), table: None }
    }

    /// For lookups in one or two scans, from what this one knows. If the statement is analyzed each scan has its own, and a
    /// tally by its plan node: what is counted is counted there even if the lookup is given up.
    pub fn of_statement(client: &Client, scans: &[u32], context: &Context) -> (Clients, Vec<(u32, Tally)>) {
        let seed = client.seed();
        let [first, rest @ ..] = scans else { return (Clients { seed, table: None }, Vec::new()) };
        if !context.analyze {
            return (Clients { seed, table: None }, Vec::new());
        }
        let (own, tally) = seed.clone().tallied();
        let mut tallies = vec![(*first, tally)];
        let table = rest.first().map(|scan| {
            let (table, tally) = seed.tallied();
            tallies.push((*scan, tally));
            table
        });
        (Clients { seed: own, table }, tallies)
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
    clients: Clients,
    runtime: Runtime,
    cancel: Cancel,
    analyze: bool,
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
    pub fn new(work: Arc<F>, clients: &Clients, pace: Pace, context: &Context) -> Lanes<F> {
        let (scans, plans) = work.counters();
        let measures = Measures {
            cost: vec![Cost::default(); scans],
            meters: vec![Meter::default(); plans],
            ..Measures::default()
        };
        Lanes {
            work,
            clients: clients.clone(),
            runtime: clients.seed.runtime(),
            cancel: context.cancel.clone(),
            analyze: context.analyze,
            idle: Vec::new(),
            lanes: 0,
            held: Vec::new(),
            held_rows: 0,
            next_rows: pace.first_rows.clamp(1, pace.rows_max.max(1)),
            next_window: if pace.early { 1 } else { pace.concurrency.max(1) },
            pace,
            reservation: context.memory.reservation(),
            measures,
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
        Lane {
            client: self.clients.seed.client(),
            table_client: self.clients.table.as_ref().map(ClientSeed::client),
            worker: Worker::new(self.cancel.clone()),
            cost: vec![Cost::new(self.analyze); scans],
            meters: vec![Meter::default(); plans],
        }
    }

    fn construct(&mut self, batch: &Batch, worker: &mut Worker) -> Result<Keys> {
        let started = Instant::now();
        let keys = self.work.keys().make(batch, &mut worker.scratch)?;
        self.measures.construct += started.elapsed();
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
        let started = Instant::now();
        let found = self.runtime.block_on(work.fetch(&keys, &mut lane))?;
        self.measures.fetch += started.elapsed();
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
                let started = Instant::now();
                let found = work.fetch(&keys, &mut lane).await;
                (batch, keys, lane, found, started.elapsed())
            });
        }
        self.next_window = (self.next_window * 2).min(self.pace.concurrency.max(1));
        self.held_rows = held.rows - from;
        if self.held_rows > 0 {
            self.held.push(held.slice(from, self.held_rows));
        }
        let runtime = self.runtime.clone();
        let cancel = self.cancel.clone();
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
        let found = Batch { columns: fetched.found.columns.clone(), rows: fetched.found.rows };
        self.reservation.grow(found.bytes())?;
        self.measures.memory_bytes = self.measures.memory_bytes.max(self.reservation.bytes());
        drop(found);
        let flow = land(&mut fetched, worker)?;
        self.idle.push(fetched.lane);
        self.reservation.resize(held)?;
        Ok(flow)
    }
}

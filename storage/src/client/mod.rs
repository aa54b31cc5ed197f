//! The client: it makes a changing cluster look like one sorted store.
//!
//! A [`Client`] belongs to one worker. It owns its view of the region map, its counters and its random numbers, and it
//! shares nothing with other clients that it could change. A worker that needs help forks it: the forks work, and are given
//! back by value, with what they counted.
//!
//! Every operation is a set of items (ranges, keys, mutations) that is cut by region, sent, and cut again where a region has
//! changed in the meantime. What stores answer to tell the client to look elsewhere or to wait stays in here:
//!
//! * `region_cache`: where the client believes the regions are.
//! * `backoff`: how long it has waited, and how long it still may.
//! * `sender`: one request to one region; what each region error means.
//! * `locks`: what to do about transactions that are in the way; `resolved`: what is known of those that have ended.
//! * `interrupt`: whether it shall still wait.
//! * `pessimistic`: keys locked before they are written; `keep_alive`: heartbeats of those who hold them.
//! * `scan`, `get`, `lookup`, `few`, `transaction` and its `commit`, `ingest`, `backfill`, `admin`: the operations.
//!
//! All of it is `async`, and in direct mode all of it is ready at the first poll.

mod admin;
mod backfill;
mod backoff;
mod collector;
mod commit;
mod few;
mod garbage;
mod get;
mod ingest;
mod interrupt;
mod keep_alive;
mod locks;
mod lookup;
mod pessimistic;
mod region_cache;
mod resolved;
mod scan;
mod sender;
mod stats;
#[cfg(test)]
mod tests;
mod transaction;

pub use crate::chunk::Bulk;
pub use crate::percolator::Conflict;
pub use crate::store::{Deadlock, LockWaits, PastDeadlock, Wait};
pub use backfill::{Backfill, BackfillForm, OvertakenRow};
pub use backoff::{BackoffKind, BackoffTally, RetryPolicy};
pub use collector::GarbagePolicy;
pub use commit::{AsyncUse, CommitOptions, CommitOutcome, CommitWay, Committed};
pub use few::FewReader;
pub use garbage::Garbage;
pub use ingest::IngestSummary;
pub use interrupt::Interrupt;
pub use lookup::{LookupBound, LookupRequest, LookupResult};
pub use pessimistic::{LockOutcome, LockWait};
pub use scan::ScanRequest;
pub use stats::{ClientStats, Tally};
pub use transaction::{Savepoint, Transaction, bytes_of};

pub(crate) use collector::Collector;
pub(crate) use keep_alive::Entrusted;
pub(crate) use region_cache::SharedCache;
pub(crate) use stats::Bequeathed;

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;

use crate::cluster::Shared;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::mvcc::OwnWrites;
use crate::pd::Pin;
use crate::random::Random;
use crate::rpc::{PdReply, PdRequest};
use crate::runtime::Runtime;
use crate::schema::Timestamp;

use backoff::{Backoff, Budget};
use region_cache::RegionView;
use resolved::Resolved;

/// Requests that one operation has under way at the same time, at most.
const CONCURRENCY: usize = 128;

/// For so long a client that commits again and again keeps the processor.
const TURN: Duration = Duration::from_micros(100);

/// A worker's way to the cluster. `Send`, not `Sync`: to share the work, [`fork`](Client::fork), or hand out a
/// [`seed`](Client::seed).
pub struct Client {
    shared: Arc<Shared>,
    view: RegionView,
    stats: ClientStats,
    random: Random,
    /// How transactions ended that were in the way.
    resolved: Resolved,
    /// Clients are counted.
    number: u64,
    /// Who is told, too, what it has counted when it ends.
    tally: Option<Tally>,
    /// What its reads see besides what is committed.
    own: OwnWrites,
    /// Whether it still shall wait.
    interrupt: Interrupt,
    /// How long it waits at most.
    retry: RetryPolicy,
    /// How its transactions commit.
    options: CommitOptions,
    /// Since when it has had the processor to itself; `None` = that is not its affair.
    turn: Option<Instant>,
    /// How far the clock of timestamps was ahead of this client's when it last saw one come over a network. Times to live are
    /// counted by that clock.
    oracle_ahead_ms: i64,
    /// What it has committed last.
    committed: Option<Committed>,
    /// One worker at a time.
    not_sync: PhantomData<Cell<()>>,
}

/// What clients are made from: what one of them knew of the regions at a moment. Immutable, so any number of workers may
/// share it, and each makes a client of its own when it begins.
#[derive(Clone)]
pub struct ClientSeed {
    shared: Arc<Shared>,
    view: RegionView,
    tally: Option<Tally>,
    own: OwnWrites,
    interrupt: Interrupt,
    retry: RetryPolicy,
    options: CommitOptions,
    turn: Option<Instant>,
    oracle_ahead_ms: i64,
}

impl ClientSeed {
    /// A client. Its counters start at zero.
    pub fn client(&self) -> Client {
        let ClientSeed { shared, view, tally, own, interrupt, retry, options, turn, oracle_ahead_ms } =
            self.clone();
        let number = shared.clients.fetch_add(1, Ordering::Relaxed);
        let random = Random::new(shared.seed ^ number.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let (stats, resolved) = Default::default();
        let not_sync = PhantomData;
        Client {
            shared,
            view,
            stats,
            random,
            resolved,
            number,
            tally,
            own,
            interrupt,
            retry,
            options,
            turn,
            oracle_ahead_ms,
            committed: None,
            not_sync,
        }
    }

    /// A seed of clients whose counts, and those of their forks, are in the tally when they have ended, however they end:
    /// work that is given up half-way is not forgotten.
    pub fn tallied(self) -> (ClientSeed, Tally) {
        let tally = Tally::new();
        (ClientSeed { tally: Some(tally.clone()), ..self }, tally)
    }

    /// How to wait for the futures of its clients.
    pub fn runtime(&self) -> Runtime {
        self.shared.runtime.clone()
    }
}

impl Client {
    pub(crate) fn new(shared: Arc<Shared>) -> Client {
        let view = RegionView::clone(&shared.cache.peek());
        let retry = RetryPolicy { weight: shared.backoff_weight, ..RetryPolicy::default() };
        let (own, interrupt, options) = Default::default();
        let (turn, oracle_ahead_ms) = (Some(Instant::now()), 0);
        ClientSeed { shared, view, tally: None, own, interrupt, retry, options, turn, oracle_ahead_ms }
            .client()
    }

    /// What other clients can be made from, with what this one knows.
    pub fn seed(&self) -> ClientSeed {
        ClientSeed {
            shared: Arc::clone(&self.shared),
            view: self.view.clone(),
            tally: self.tally.clone(),
            own: self.own.clone(),
            interrupt: self.interrupt.clone(),
            retry: self.retry,
            options: self.options,
            turn: self.turn,
            oracle_ahead_ms: self.oracle_ahead_ms,
        }
    }

    /// A client for another worker. Its counters start at zero; add them to this one's when it is done, with
    /// [`absorb`](Client::absorb).
    pub fn fork(&self) -> Client {
        let number = self.shared.clients.fetch_add(1, Ordering::Relaxed);
        Client {
            shared: Arc::clone(&self.shared),
            view: self.view.clone(),
            stats: ClientStats::default(),
            random: Random::new(self.random.clone().next() ^ number),
            resolved: self.resolved.clone(),
            number,
            tally: self.tally.clone(),
            own: self.own.clone(),
            interrupt: self.interrupt.clone(),
            retry: self.retry,
            options: self.options,
            turn: self.turn,
            oracle_ahead_ms: self.oracle_ahead_ms,
            committed: None,
            not_sync: PhantomData,
        }
    }

    /// Takes a fork back: its counts are added, and what it had to learn about regions is looked up again.
    pub fn absorb(&mut self, mut fork: Client) {
        let stats = std::mem::take(&mut fork.stats);
        self.stats.merge(&stats);
        if stats.met_region_errors() {
            self.view = RegionView::clone(&self.shared.cache.peek());
        }
    }

    /// This client for a transaction: what it reads from now on, and what its forks and the clients of its seeds read, has
    /// these writes on top.
    pub fn seeing(mut self, own: OwnWrites) -> Client {
        self.own = own;
        self
    }

    /// Whether what its reads see on top of what is committed has a row at this key.
    pub fn has_written(&self, key: &Key) -> bool {
        self.own.has_row(key)
    }

    /// From now on it asks this while it waits, and so do its forks and the clients of its seeds.
    pub fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }

    /// From now on it waits so long at most, and so do its forks and the clients of its seeds.
    pub fn retry_by(&mut self, policy: RetryPolicy) {
        self.retry = policy;
    }

    /// From now on transactions commit so that it commits, unless they say otherwise.
    pub fn commit_by(&mut self, options: CommitOptions) {
        self.options = options;
    }

    /// From now on its commits do not let others have the processor: who runs its statements waits for something between them.
    pub fn keep_turn(&mut self) {
        self.turn = None;
    }

    /// Lets others have the processor after a commit, if it has had a fair share. Sessions that commit one row after the other
    /// never wait for anything, so each would go on for a whole time slice of the operating system, and statements of the
    /// others would take as long: of eight sessions on two processors one update in a hundred took 2.9 ms.
    fn take_turns(&mut self) {
        if let Some(began) = &mut self.turn
            && began.elapsed() >= TURN
        {
            self.shared.runtime.take_turns();
            *began = Instant::now();
        }
    }

    /// How to wait for this client's futures.
    pub fn runtime(&self) -> Runtime {
        self.shared.runtime.clone()
    }

    /// What it has committed last; forks do so for themselves.
    pub fn committed(&self) -> Option<Committed> {
        self.committed
    }

    /// What it counted so far.
    pub fn stats(&self) -> &ClientStats {
        &self.stats
    }

    /// A timestamp later than any that was handed out before.
    pub async fn timestamp(&mut self) -> Result<Timestamp> {
        if let Some(ts) = self.shared.transport.timestamp_in_place() {
            self.stats.rpcs += 1;
            return Ok(ts);
        }
        let mut backoff = self.backoff("timestamp", Budget::Timestamp);
        self.fresh_timestamp(&mut backoff).await
    }

    /// A timestamp to read at, and a pin that keeps what is seen at it from being compacted away. Without a pin a read may
    /// find itself too late once the cluster's `history` has passed.
    pub async fn snapshot(&mut self) -> Result<(Timestamp, Pin)> {
        // Pinned below it first, so that there is no moment at which it could be forgotten.
        let pin = self.shared.pd.pin_last();
        Ok((self.timestamp().await?, pin))
    }

    /// Starts a transaction that reads at `start_ts`, and keeps what is seen at it for as long as it lives.
    pub fn begin(&self, start_ts: Timestamp) -> Transaction {
        Collector::start(&self.shared);
        Transaction::new(start_ts, self.shared.pd.pin(start_ts))
    }

    fn backoff(&self, part: &'static str, budget: Budget) -> Backoff {
        Backoff::new(part, budget, self.retry)
    }

    async fn fresh_timestamp(&mut self, backoff: &mut Backoff) -> Result<Timestamp> {
        match self.ask(backoff, PdRequest::Timestamp).await? {
            PdReply::Timestamp(ts) => {
                let now_ms = self.shared.transport.now_ms();
                self.oracle_ahead_ms = ts.physical_ms().cast_signed().saturating_sub_unsigned(now_ms);
                Ok(ts)
            }
            other => Err(unexpected(&other)),
        }
    }

    /// About what the next timestamp says that the time is.
    fn oracle_ms(&self) -> u64 {
        self.shared.transport.now_ms().saturating_add_signed(self.oracle_ahead_ms)
    }

    /// Does the work for each item with retry state of its own; results in the order of the items. All of it runs to its
    /// end, then the first error wins. Where waiting for one answer could be used to ask for another, each item has its own
    /// client, too; otherwise this one does all the work.
    async fn fan_out<T, R>(
        &mut self,
        backoff: &mut Backoff,
        items: Vec<T>,
        work: impl AsyncFn(&mut Client, &mut Backoff, T) -> Result<R>,
    ) -> Result<Vec<R>> {
        let mut results = Vec::with_capacity(items.len());
        let mut backoffs = Vec::new();
        if self.shared.transport.is_immediate() || items.len() == 1 {
            for item in items {
                let mut branch = backoff.fork();
                results.push(work(self, &mut branch, item).await);
                if branch.has_waited() {
                    backoffs.push(branch);
                }
            }
        } else {
            let branch = |item: T| {
                let (mut client, mut backoff, work) = (self.fork(), backoff.fork(), &work);
                async move {
                    let result = work(&mut client, &mut backoff, item).await;
                    (client, backoff, result)
                }
            };
            let branches: Vec<_> = items.into_iter().map(branch).collect();
            let mut done = stream::iter(branches).buffered(CONCURRENCY);
            while let Some((client, backoff, result)) = done.next().await {
                self.absorb(client);
                backoffs.push(backoff);
                results.push(result);
            }
        }
        backoff.merge(backoffs);
        results.into_iter().collect()
    }
}

/// What it counted is not lost: see [`Cluster::stats`](crate::cluster::Cluster::stats).
impl Drop for Client {
    fn drop(&mut self) {
        if self.stats != ClientStats::default() {
            self.shared.bequeathed.add(&self.stats, self.number);
            if let Some(tally) = &self.tally {
                tally.add(&self.stats, self.number);
            }
        }
    }
}

/// An answer of another kind than the question.
fn unexpected(reply: &impl std::fmt::Debug) -> Error {
    Error::Internal(format!("the answer does not fit the request: {reply:?}"))
}

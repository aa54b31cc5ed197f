//! The placement driver: what the whole cluster has only one of.
//!
//! Timestamps (`oracle`), the timestamps still in use (`pins`), which regions there are and who leads them
//! (`directory`), and fresh ids. Regions are the authority on themselves; the directory is told of their changes and may
//! be behind for a moment, as in TiKV. Clients ask it when they do not know better.

mod directory;
mod oracle;
mod pins;

pub use directory::RegionInfo;
pub(crate) use directory::{Directory, DirectoryCommand, DirectoryReply};
pub use pins::Pin;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::clock::Clock;
use crate::key::KeyRange;
use crate::owner::Owner;
use crate::rpc::Call;
use crate::schema::{RegionId, SpaceId, SpaceSchema, StoreId, Timestamp};
use oracle::Oracle;
use pins::Pins;

/// Replicas of a region, if there are that many stores.
const REPLICAS: usize = 3;

/// The placement driver.
pub struct Pd {
    oracle: Oracle,
    pins: Arc<Pins>,
    directory: Owner<Directory>,
    next_region: AtomicU64,
    /// Counts placements, for the next one's turn.
    placed: AtomicU64,
    stores: Vec<StoreId>,
    /// Versions younger than this are kept even if nobody is known to read them.
    history_ms: AtomicU64,
    /// While nothing is to go: a pin of what could be read when that was said.
    kept: ArcSwapOption<Pin>,
    /// Carries what stores report, where that takes time.
    courier: OnceLock<Courier>,
}

type Courier = Box<dyn Fn(Vec<Arc<RegionInfo>>) + Send + Sync>;

impl Pd {
    pub(crate) fn new(clock: Clock, stores: usize, history_ms: u64) -> Pd {
        Pd {
            oracle: Oracle::new(clock),
            pins: Arc::new(Pins::new()),
            directory: Owner::new(Directory::default()),
            next_region: AtomicU64::new(1),
            placed: AtomicU64::new(0),
            stores: (1..=stores.max(1) as u64).map(StoreId).collect(),
            history_ms: AtomicU64::new(history_ms),
            kept: ArcSwapOption::empty(),
            courier: OnceLock::new(),
        }
    }

    /// A timestamp later than any before.
    pub fn timestamp(&self) -> Timestamp {
        self.oracle.next()
    }

    /// The last timestamp that was handed out: nothing is committed later than that so far.
    pub(crate) fn last_timestamp(&self) -> Timestamp {
        self.oracle.last()
    }

    /// The clock is off by so many milliseconds from now on.
    pub(crate) fn set_clock_offset(&self, ms: i64) {
        self.oracle.set_offset(ms);
    }

    /// Pins the present moment: whatever timestamp is taken after this call can be read at for as long as the pin lives.
    pub fn pin_last(&self) -> Pin {
        // Whoever computes a safe point either sees the slot, or did so before that timestamp existed, and stays below it.
        Pins::pin(&self.pins, self.oracle.last())
    }

    /// Pins a timestamp that was taken before. It may be too late: a read then says so.
    pub fn pin(&self, ts: Timestamp) -> Pin {
        Pins::pin(&self.pins, ts)
    }

    /// No reader needs what was superseded before this: compaction may forget it. Locks are not looked at here.
    pub(crate) fn safe_point(&self) -> Timestamp {
        let now = self.oracle.next();
        let history = self.history_ms.load(Ordering::Relaxed) << Timestamp::LOGICAL_BITS;
        self.pins.least(Timestamp(now.0.saturating_sub(history)))
    }

    /// From now on what was superseded is kept for so long; if it is not to go at all, what can be read now can be read until
    /// it is again.
    pub(crate) fn set_history(&self, history: Duration, goes: bool) {
        if goes {
            let ms = u64::try_from(history.as_millis()).unwrap_or(u64::MAX);
            self.history_ms.store(ms.min(Timestamp::MAX.physical_ms()), Ordering::Relaxed);
            self.kept.store(None);
        } else if self.kept.load().is_none() {
            self.kept.store(Some(Arc::new(self.pin(self.safe_point()))));
        }
    }

    /// How long what was superseded is kept.
    pub(crate) fn history(&self) -> Duration {
        Duration::from_millis(self.history_ms.load(Ordering::Relaxed))
    }

    /// The stores' ids.
    pub fn stores(&self) -> &[StoreId] {
        &self.stores
    }

    pub(crate) fn new_region_id(&self) -> RegionId {
        RegionId(self.next_region.fetch_add(1, Ordering::Relaxed))
    }

    /// Where the replicas of a new region go, the leader first: round robin.
    pub(crate) fn place(&self) -> Arc<[StoreId]> {
        let first = self.placed.fetch_add(1, Ordering::Relaxed) as usize;
        let n = self.stores.len();
        (0..REPLICAS.min(n)).map(|i| self.stores[(first + i) % n]).collect()
    }

    pub(crate) fn update(&self, command: DirectoryCommand) -> Call<DirectoryReply> {
        self.directory.call(command).map(|reply| reply.unwrap_or(DirectoryReply::Gone))
    }

    /// Regions have changed: whoever applied that tells it, and somebody may have to carry it.
    pub(crate) fn report(&self, regions: Vec<Arc<RegionInfo>>) {
        match self.courier.get() {
            Some(carry) => carry(regions),
            None => self.take_in(regions),
        }
    }

    /// A report has arrived.
    pub(crate) fn take_in(&self, regions: Vec<Arc<RegionInfo>>) {
        self.directory.post(DirectoryCommand::Report(regions));
    }

    /// From now on reports go to this one, who sees to it that they arrive ([`Pd::take_in`]). The first one stays.
    pub(crate) fn let_reports_travel(&self, courier: impl Fn(Vec<Arc<RegionInfo>>) + Send + Sync + 'static) {
        // A cluster has one network.
        let _ = self.courier.set(Box::new(courier));
    }

    /// The regions that overlap a range, in key order, at most `limit`.
    pub(crate) fn regions(&self, range: &KeyRange, limit: usize) -> Vec<Arc<RegionInfo>> {
        self.directory.peek().regions(range, limit)
    }

    pub(crate) fn schema(&self, space: SpaceId) -> Option<Arc<SpaceSchema>> {
        self.directory.peek().spaces.get(&space).cloned()
    }
}

//! Who collects garbage unasked: a thread of its own, in direct mode, every so often.
//!
//! How often, and how much history is kept, is a [`GarbagePolicy`], which may change at any time (TiDB's `tidb_gc_enable`,
//! `tidb_gc_life_time` and `tidb_gc_run_interval`). The thread is started by the first transaction and ends with the cluster,
//! which it does not hold. What a round leaves undone, because a region could not be reached, the next one does.
//!
//! Simulated clusters have none: there a round would be one more client, whose requests every seed would have to live with.
//! Whoever wants one asks ([`Client::collect_garbage`]).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::Client;
use crate::cluster::{Cluster, Shared};

/// What is kept of what was superseded, and how often somebody sees to it that the rest goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GarbagePolicy {
    /// Whether anything goes at all. While not, all that could be read when that was said can be read.
    pub enabled: bool,
    /// What was superseded is kept for so long at least, and for as long as it is pinned.
    pub life: Duration,
    /// From the end of one collection to the beginning of the next. Zero = none unless asked for.
    pub interval: Duration,
}

/// What a cluster has for its thread.
pub(crate) struct Collector {
    policy: ArcSwap<GarbagePolicy>,
    /// Wakes the thread, once there is one.
    wake: OnceLock<Sender<()>>,
    rounds: AtomicU64,
}

impl Collector {
    pub(crate) fn new(policy: GarbagePolicy) -> Collector {
        Collector { policy: ArcSwap::from_pointee(policy), wake: OnceLock::new(), rounds: AtomicU64::new(0) }
    }

    /// Sees to it that there is a thread, if the cluster is one that has.
    pub(super) fn start(shared: &Arc<Shared>) {
        if !shared.transport.is_immediate() {
            return;
        }
        shared.collector.wake.get_or_init(|| {
            let (wake, news) = unbounded();
            let cluster = Arc::downgrade(shared);
            let thread = std::thread::Builder::new().name("allod-garbage".into());
            // Without a thread nobody collects unasked: regions fold all the same.
            let _ = thread.spawn(move || run(&cluster, &news));
            wake
        });
    }
}

impl Cluster {
    /// What is kept of what was superseded.
    pub fn garbage_policy(&self) -> GarbagePolicy {
        **self.shared().collector.policy.load()
    }

    /// Changes that, from now on. What is gone does not come back.
    pub fn set_garbage_policy(&self, policy: GarbagePolicy) {
        let shared = self.shared();
        shared.pd.set_history(policy.life, policy.enabled);
        shared.collector.policy.store(Arc::new(policy));
        if let Some(wake) = shared.collector.wake.get() {
            // It has a receiver for as long as the cluster is there.
            let _ = wake.send(());
        }
    }

    /// How many times garbage was collected unasked.
    pub fn garbage_rounds(&self) -> u64 {
        self.shared().collector.rounds.load(Ordering::Relaxed)
    }
}

fn run(cluster: &Weak<Shared>, news: &Receiver<()>) {
    let mut last = Instant::now();
    loop {
        let Some(shared) = cluster.upgrade() else { return };
        let policy = **shared.collector.policy.load();
        drop(shared);
        let woken = match policy.enabled && !policy.interval.is_zero() {
            true => news.recv_timeout(policy.interval.saturating_sub(last.elapsed())),
            false => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match woken {
            Ok(()) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let Some(shared) = cluster.upgrade() else { return };
        let runtime = shared.runtime.clone();
        let mut client = Client::new(Arc::clone(&shared));
        if runtime.block_on(client.collect_garbage()).is_ok() {
            shared.collector.rounds.fetch_add(1, Ordering::Relaxed);
        }
        last = Instant::now();
    }
}

//! The latest timestamp at which anyone has read in a region. See the essay of `group` for what it is good for.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::lanes::Lanes;
use crate::schema::Timestamp;

/// Readers write to it, each time: every thread to its own lane, and the latest of them counts.
#[derive(Default)]
pub(super) struct MaxRead(Lanes<AtomicU64>);

impl MaxRead {
    /// Left by a reader before it loads the region's view.
    pub(super) fn note(&self, ts: Timestamp) {
        let lane = self.0.own();
        // A transaction that reads again, or threads that share the lane: then there is no need to write.
        if lane.load(Ordering::SeqCst) < ts.0 {
            lane.fetch_max(ts.0, Ordering::SeqCst);
        }
        fence(Ordering::SeqCst);
    }

    /// Read by the owner after it has published its locks.
    pub(super) fn get(&self) -> Timestamp {
        fence(Ordering::SeqCst);
        let latest = self.0.all().map(|lane| lane.load(Ordering::SeqCst)).max();
        Timestamp(latest.unwrap_or_default())
    }
}

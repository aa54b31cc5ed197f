//! The latest timestamp at which anyone has read in a region. See the essay of `group` for what it is good for.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::schema::Timestamp;

/// On a cache line of its own: readers write to it.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct MaxRead(AtomicU64);

impl MaxRead {
    /// Left by a reader before it loads the region's view.
    pub(super) fn note(&self, ts: Timestamp) {
        // Most often somebody has read later: then there is no need to write to what all readers share.
        if self.0.load(Ordering::SeqCst) < ts.0 {
            self.0.fetch_max(ts.0, Ordering::SeqCst);
        }
        fence(Ordering::SeqCst);
    }

    /// Read by the owner after it has published its locks.
    pub(super) fn get(&self) -> Timestamp {
        fence(Ordering::SeqCst);
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

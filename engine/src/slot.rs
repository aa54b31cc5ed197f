//! The newest version of something that its one owner replaces all the time and others seldom look at.
//!
//! `ArcSwap`, which publishes everything else, is made for readers: they write nothing that other readers read, and for that a
//! writer goes through the places of all threads that have ever read. A connection says twice for each command what it does, and
//! that was 3 % of a statement of 100 µs. Here a version is a value in a channel with one place. To replace it is to take it out
//! and to put the next one in; to read it is to take it out, keep a reference and put it back. Versions are numbered: who finds
//! the place taken when he puts his back leaves the newer one of the two there. So the newest one stays, though a reader may be
//! shown the one before while another reader has the newest in its hands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// The place.
pub(crate) struct Slot<T> {
    put: Sender<Version<T>>,
    take: Receiver<Version<T>>,
    /// The last version's number; only the owner counts.
    last: AtomicU64,
}

struct Version<T> {
    number: u64,
    value: Arc<T>,
}

impl<T> Slot<T> {
    /// With a first version.
    pub fn new(first: T) -> Slot<T> {
        let (put, take) = bounded(1);
        let slot = Slot { put, take, last: AtomicU64::new(0) };
        slot.set(first);
        slot
    }

    /// For the one owner: the next version.
    pub fn set(&self, next: T) {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        // Out with the last one; if a reader has it there is nothing to take.
        drop(self.take.try_recv());
        self.leave(Version { number, value: Arc::new(next) });
    }

    /// The newest version.
    pub fn get(&self) -> Arc<T> {
        loop {
            if let Ok(version) = self.take.try_recv() {
                let value = Arc::clone(&version.value);
                self.leave(version);
                return value;
            }
            // Somebody is between taking out and putting in.
            std::thread::yield_now();
        }
    }

    /// Puts a version in, unless there is a newer one.
    fn leave(&self, mut version: Version<T>) {
        while let Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) =
            self.put.try_send(version)
        {
            version = match self.take.try_recv() {
                Ok(other) if other.number > back.number => other,
                Ok(_) | Err(_) => back,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_stays_whoever_reads() {
        const LAST: u64 = 20_000;
        let slot = Slot::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| while *slot.get() < LAST {});
            }
            scope.spawn(|| {
                for version in 1..=LAST {
                    slot.set(version);
                    // Nobody but the owner makes versions, and it sees its own at once or one that readers still pass around.
                    assert!(*slot.get() <= version);
                }
            });
        });
        assert_eq!(*slot.get(), LAST);
    }
}

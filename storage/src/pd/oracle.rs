//! Timestamps: milliseconds of the clock, and a counter for those within one.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Clock;
use crate::schema::Timestamp;

/// Hands out timestamps, each greater than all before, on any thread.
pub(super) struct Oracle {
    last: AtomicU64,
    clock: Clock,
}

impl Oracle {
    pub(super) fn new(clock: Clock) -> Oracle {
        let oracle = Oracle { last: AtomicU64::new(0), clock };
        oracle.next();
        oracle
    }

    pub(super) fn next(&self) -> Timestamp {
        let now = Timestamp::from_parts(self.clock.now_ms(), 0).0;
        // A clock that stands still or goes back only makes the counter grow; beyond 2^18 in a millisecond it runs into the
        // milliseconds, which is still greater. Sequentially consistent: pins rely on the order with their slots.
        let mut last = self.last.load(Ordering::SeqCst);
        loop {
            let next = now.max(last + 1);
            match self.last.compare_exchange_weak(last, next, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return Timestamp(next),
                Err(other) => last = other,
            }
        }
    }

    /// The last one handed out.
    pub(super) fn last(&self) -> Timestamp {
        Timestamp(self.last.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_distinct_across_threads_and_grow_on_each() {
        let oracle = Oracle::new(Clock::Wall);
        let mut all: Vec<Timestamp> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let taken: Vec<Timestamp> = (0..5000).map(|_| oracle.next()).collect();
                        assert!(taken.is_sorted());
                        taken
                    })
                })
                .collect();
            threads.into_iter().flat_map(|t| t.join().expect("joins")).collect()
        });
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4 * 5000);
    }
}

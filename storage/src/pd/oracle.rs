//! Timestamps: milliseconds of the clock, and a counter for those within one.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::clock::Clock;
use crate::schema::Timestamp;

/// Hands out timestamps, each greater than all before, on any thread.
pub(super) struct Oracle {
    last: AtomicU64,
    /// How far ahead the clock is, in milliseconds.
    offset_ms: AtomicI64,
    clock: Clock,
}

impl Oracle {
    pub(super) fn new(clock: Clock) -> Oracle {
        let oracle = Oracle { last: AtomicU64::new(0), offset_ms: AtomicI64::new(0), clock };
        oracle.next();
        oracle
    }

    pub(super) fn next(&self) -> Timestamp {
        let now = Timestamp::from_parts(self.now_ms(), 0).0;
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

    fn now_ms(&self) -> u64 {
        self.clock.now_ms().saturating_add_signed(self.offset_ms.load(Ordering::Relaxed))
    }

    /// From now on the clock is off by this. Timestamps go on growing.
    pub(super) fn set_offset(&self, ms: i64) {
        self.offset_ms.store(ms, Ordering::Relaxed);
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
    fn a_clock_that_is_set_back_does_not_take_timestamps_back() {
        let oracle = Oracle::new(Clock::Wall);
        let before = oracle.next();
        oracle.set_offset(60_000);
        let ahead = oracle.next();
        assert!(ahead.physical_ms() >= before.physical_ms() + 60_000);
        oracle.set_offset(-60_000);
        let next = oracle.next();
        assert!(next > ahead && next.physical_ms() == ahead.physical_ms());
    }

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

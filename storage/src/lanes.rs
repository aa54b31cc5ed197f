//! Numbers and mailboxes that every thread writes to, and that are seldom read.
//!
//! Two processors that write to one cache line wait for each other: some fifty nanoseconds each time, a twentieth of a statement
//! that reads three rows. So there are several of a thing, each on lines of its own; a thread writes to its own lane, and who
//! reads goes through all of them. Threads share a lane if there are more than lanes: whatever is in one must bear that.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many there are of each thing: as many as processors that are likely to be at it, for who reads goes through all.
const LANES: usize = 8;

/// The same thing for each lane.
#[derive(Debug, Default)]
pub struct Lanes<T>([Lane<T>; LANES]);

/// On cache lines of its own; processors fetch them by twos.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Lane<T>(T);

/// The lane that the next thread gets.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % LANES);
}

impl<T> Lanes<T> {
    /// The one that this thread writes to.
    pub fn own(&self) -> &T {
        &self.0[OWN.get()].0
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|lane| &lane.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn what_all_threads_leave_is_found() {
        let lanes: Lanes<AtomicU64> = Lanes::default();
        std::thread::scope(|scope| {
            for _ in 0..3 * LANES {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        lanes.own().fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let sum: u64 = lanes.all().map(|n| n.load(Ordering::Relaxed)).sum();
        assert_eq!(sum, 3 * LANES as u64 * 1000);
        assert!(size_of::<Lanes<AtomicU64>>() == LANES * 128);
    }
}

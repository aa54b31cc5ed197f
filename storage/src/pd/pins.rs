//! Which timestamps are still being read at.
//!
//! A fixed array of slots, each an atomic: zero, or the timestamp of one reader. A reader takes a free slot and clears it
//! when its pin is dropped; the least of all slots bounds what compaction may forget. There is no map, so nobody owns one. If
//! all slots are taken, the reader is only counted, and as long as the count is not zero nothing at all may be forgotten.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::schema::Timestamp;

const SLOTS: usize = 1024;
const FREE: u64 = 0;

/// See the module's essay.
pub(super) struct Pins {
    slots: Box<[AtomicU64]>,
    /// Pins beyond the slots.
    overflow: AtomicUsize,
    /// Where to look for a free slot next: a hint.
    next: AtomicUsize,
}

/// A promise that a timestamp can be read at for as long as this lives. Clones share it.
#[derive(Clone)]
pub struct Pin(#[expect(dead_code, reason = "dropped, never read")] Arc<Held>);

struct Held {
    pins: Arc<Pins>,
    /// `None` = counted in `overflow`.
    slot: Option<usize>,
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        match self.slot {
            Some(slot) => self.pins.slots[slot].store(FREE, Ordering::SeqCst),
            None => {
                self.pins.overflow.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }
}

impl Pins {
    pub(super) fn new() -> Pins {
        let slots = (0..SLOTS).map(|_| AtomicU64::new(FREE)).collect();
        Pins { slots, overflow: AtomicUsize::new(0), next: AtomicUsize::new(0) }
    }

    pub(super) fn pin(pins: &Arc<Pins>, ts: Timestamp) -> Pin {
        let value = ts.0.max(FREE + 1);
        let first = pins.next.fetch_add(1, Ordering::Relaxed);
        let taken = (0..SLOTS).map(|i| (first + i) % SLOTS).find(|&slot| {
            pins.slots[slot].compare_exchange(FREE, value, Ordering::SeqCst, Ordering::Relaxed).is_ok()
        });
        if taken.is_none() {
            pins.overflow.fetch_add(1, Ordering::SeqCst);
        }
        Pin(Arc::new(Held { pins: Arc::clone(pins), slot: taken }))
    }

    /// The least pinned timestamp, or `limit` if that is less.
    pub(super) fn least(&self, limit: Timestamp) -> Timestamp {
        let pinned = self.slots.iter().map(|s| s.load(Ordering::SeqCst)).filter(|&v| v != FREE).min();
        match self.overflow.load(Ordering::SeqCst) {
            0 => pinned.map_or(limit, |p| limit.min(Timestamp(p))),
            _ => Timestamp(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_pin_bounds_and_overflow_stops_all() {
        let pins = Arc::new(Pins::new());
        assert_eq!(pins.least(Timestamp(9)), Timestamp(9));
        let five = Pins::pin(&pins, Timestamp(5));
        let shared = five.clone();
        let rest: Vec<Pin> = (0..SLOTS - 1).map(|_| Pins::pin(&pins, Timestamp(7))).collect();
        assert_eq!(pins.least(Timestamp(9)), Timestamp(5));
        let beyond = Pins::pin(&pins, Timestamp(8));
        assert_eq!(pins.least(Timestamp(9)), Timestamp(0));
        drop(beyond);
        drop(five);
        assert_eq!(pins.least(Timestamp(9)), Timestamp(5), "a clone still holds it");
        drop(shared);
        assert_eq!(pins.least(Timestamp(9)), Timestamp(7));
        drop(rest);
        assert_eq!(pins.least(Timestamp(9)), Timestamp(9));
    }
}

//! What happened on the network: counters, and one number that stands for all of it.

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incidents {
    /// Requests sent, also those that the network repeated.
    pub messages: u64,
    /// Senders that heard nothing, whatever the reason.
    pub unanswered: u64,
    /// Requests that arrived twice.
    pub duplicated: u64,
    /// Requests and replies that later ones could overtake.
    pub held_back: u64,
    /// Requests that a store refused to do just then.
    pub refused: u64,
    /// Requests whose sender was gone, or had given up, before their work was done.
    pub orphaned: u64,
    /// Leaders that were replaced because they could not lead.
    pub elections: u64,
    /// Regions that changed at a command.
    pub region_changes: u64,
}

impl Incidents {
    /// Each with its name.
    pub fn iter(self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("messages", self.messages),
            ("unanswered", self.unanswered),
            ("duplicated", self.duplicated),
            ("held back", self.held_back),
            ("refused", self.refused),
            ("orphaned", self.orphaned),
            ("elections", self.elections),
            ("region changes", self.region_changes),
        ]
        .into_iter()
    }
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) messages: AtomicU64,
    pub(super) unanswered: AtomicU64,
    pub(super) duplicated: AtomicU64,
    pub(super) held_back: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) orphaned: AtomicU64,
    pub(super) elections: AtomicU64,
    pub(super) region_changes: AtomicU64,
    trace: AtomicU64,
}

/// Adds one; what it was before.
pub(super) fn count(counter: &AtomicU64) -> u64 {
    counter.fetch_add(1, Ordering::Relaxed)
}

impl Counters {
    pub(super) fn incidents(&self) -> Incidents {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Incidents {
            messages: read(&self.messages),
            unanswered: read(&self.unanswered),
            duplicated: read(&self.duplicated),
            held_back: read(&self.held_back),
            refused: read(&self.refused),
            orphaned: read(&self.orphaned),
            elections: read(&self.elections),
            region_changes: read(&self.region_changes),
        }
    }

    /// Adds an event to the trace: the order of events matters.
    pub(super) fn note(&self, event: impl Hash) {
        let mut hasher = Fnv::default();
        event.hash(&mut hasher);
        let fold =
            |trace: u64| Some((trace.rotate_left(5) ^ hasher.finish()).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        // It always gives a number, so it always succeeds.
        let _ = self.trace.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fold);
    }

    pub(super) fn trace(&self) -> u64 {
        self.trace.load(Ordering::Relaxed)
    }
}

/// Fowler, Noll and Vo's hash, which is the same in every run.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xCBF2_9CE4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_tells_events_and_their_order_apart() {
        let trace = |events: &[u64]| {
            let counters = Counters::default();
            events.iter().for_each(|event| counters.note(event));
            counters.trace()
        };
        assert_eq!(trace(&[1, 2]), trace(&[1, 2]));
        let all = [trace(&[]), trace(&[1]), trace(&[1, 2]), trace(&[2, 1]), trace(&[1, 2, 2])];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }
}

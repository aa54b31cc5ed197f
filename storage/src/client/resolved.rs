//! What a worker knows of transactions that have ended.
//!
//! How a transaction ended never changes, so whoever has asked once need not ask again for its next lock. The last so many
//! are kept, first in, first out. Only ends are kept, never that a transaction was alive; and two different ends of the same
//! transaction are a broken protocol, which is checked here.

use imbl::{OrdMap, Vector};

use crate::schema::Timestamp;

/// Transactions kept (as TiDB does).
const KEPT: usize = 2048;

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Committed(Timestamp),
    RolledBack,
}

impl End {
    /// When it was committed; `None` = rolled back.
    pub(super) fn commit_ts(self) -> Option<Timestamp> {
        match self {
            End::Committed(commit_ts) => Some(commit_ts),
            End::RolledBack => None,
        }
    }
}

/// See the module's essay. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    ends: OrdMap<Timestamp, End>,
    order: Vector<Timestamp>,
}

impl Resolved {
    pub(super) fn get(&self, start_ts: Timestamp) -> Option<End> {
        self.ends.get(&start_ts).copied()
    }

    pub(super) fn insert(&mut self, start_ts: Timestamp, end: End) {
        if let Some(known) = self.ends.insert(start_ts, end) {
            assert_eq!(known, end, "the transaction of {start_ts} has ended in two ways");
            return;
        }
        self.order.push_back(start_ts);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.ends.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut resolved = Resolved::default();
        for start in 0..=KEPT as u64 {
            resolved.insert(Timestamp(start), End::RolledBack);
            resolved.insert(Timestamp(start), End::RolledBack);
        }
        assert_eq!((resolved.get(Timestamp(0)), resolved.get(Timestamp(1))), (None, Some(End::RolledBack)));
        assert_eq!(resolved.ends.len(), KEPT);
    }

    #[test]
    #[should_panic(expected = "two ways")]
    fn nobody_ends_twice_differently() {
        let mut resolved = Resolved::default();
        resolved.insert(Timestamp(1), End::Committed(Timestamp(2)));
        resolved.insert(Timestamp(1), End::RolledBack);
    }
}

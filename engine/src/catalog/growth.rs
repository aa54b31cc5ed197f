//! How many rows a table has between one ANALYZE and the next.
//!
//! A statement that has changed rows adds what it did to two counters that live beside the table's numbering; nobody waits
//! for them. They are not in the published version, for then every statement that writes would make one. When a table has
//! drifted far from what is published, whoever notices first takes the lease (if nobody has it) and publishes a version
//! with the new number of rows, and so plans follow what INSERT and DELETE do:
//!
//! ```text
//! create table t …                 pseudo, 10,000 rows, as in TiDB
//! 999 rows are inserted            the same: what is small is quick whatever the plan
//! one more                         pseudo, 1,000 rows
//! 199 more, one more               pseudo, 1,200 rows after a fifth
//! analyze table t                  counted; 400 rows deleted later: the same histograms of 800 rows
//! ```
//! What was left out: to analyse by itself a table of which half was changed (TiDB's auto analyze), since there is nobody to
//! do it but the statement that noticed, which would have to wait; and to count the rows of partitions that are dropped,
//! truncated or exchanged, which the next ANALYZE does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use allod_planner::stats::TableStats;
use allod_storage::schema::TableDescriptor;

use super::{Catalog, Entry};

/// Rows that may come or go before anybody is told.
const DRIFT_ROWS_MIN: u64 = 1000;
/// The part of a table that may: a fifth.
const DRIFT_PART: u64 = 5;

/// A table's rows, as far as statements told of them.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    live: AtomicI64,
    /// What the published statistics say.
    published: AtomicI64,
    /// Rows that came and went since they were counted.
    changed: AtomicU64,
}

/// A table's rows at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    rows: u64,
    changed: u64,
}

impl Growth {
    /// About how many rows there are.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.live.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// How many rows came and went since they were counted.
    pub fn changed(&self) -> u64 {
        self.changed.load(Ordering::Relaxed)
    }

    /// Both, for who is about to count the rows.
    pub fn seen(&self) -> Seen {
        Seen { rows: self.rows(), changed: self.changed() }
    }

    /// A statement has inserted and deleted rows. Whether that is worth to be published.
    pub fn note(&self, inserted: u64, deleted: u64) -> bool {
        self.changed.fetch_add(inserted.wrapping_add(deleted), Ordering::Relaxed);
        self.moves(inserted, deleted)
    }

    fn moves(&self, inserted: u64, deleted: u64) -> bool {
        // A statement that moves more rows than 2^63 does not exist.
        let net = inserted.cast_signed().wrapping_sub(deleted.cast_signed());
        let live = self.live.fetch_add(net, Ordering::Relaxed).wrapping_add(net);
        let published = self.published.load(Ordering::Relaxed);
        live.abs_diff(published) >= DRIFT_ROWS_MIN.max(published.unsigned_abs() / DRIFT_PART)
    }

    /// How many rows there are, which is soon to be published.
    pub fn publish(&self) -> u64 {
        let rows = self.rows();
        self.published.store(rows.cast_signed(), Ordering::Relaxed);
        rows
    }

    /// The rows were counted: `counted`, when by the statements they were `before`. Both are soon to be published.
    pub fn counted(&self, before: Seen, counted: u64) {
        self.moves(counted, before.rows);
        // What came meanwhile is since.
        self.changed.fetch_sub(before.changed, Ordering::Relaxed);
        self.published.store(counted.cast_signed(), Ordering::Relaxed);
    }
}

impl Catalog {
    /// Publishes how many rows a table has by now, if nobody else is about to publish and the table is still the same.
    pub fn publish_rows(&self, table: &TableDescriptor) {
        let Some(mut lease) = self.lease_if_free() else { return };
        let version = lease.version();
        let entry = version.entry(&table.database, &table.name).filter(|e| e.descriptor.id == table.id);
        let Some(entry) = entry.filter(|e| !e.closed) else { return };
        let rows = entry.counters.growth.publish();
        let told = self.cluster.last_timestamp();
        let stats = Arc::new(TableStats { rows, told, ..(*entry.stats).clone() });
        lease.publish(version.with_table(Entry { stats, ..entry.clone() }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_is_worth_telling() {
        let growth = Growth::default();
        assert!(!growth.note(999, 0));
        assert!(growth.note(1, 0));
        growth.counted(growth.seen(), 10_000);
        assert_eq!(growth.changed(), 0);
        assert_eq!(growth.rows(), 10_000);
        assert!(!growth.note(1000, 0));
        assert!(!growth.note(0, 2500));
        assert!(growth.note(0, 500));
        // Rows that were never counted go too.
        assert!(growth.note(0, 100_000));
        assert_eq!(growth.rows(), 0);
    }

    #[test]
    fn what_happens_while_rows_are_counted_is_not_lost() {
        let growth = Growth::default();
        growth.note(100, 0);
        let before = growth.seen();
        growth.note(5, 0);
        growth.counted(before, 120);
        assert_eq!((growth.rows(), growth.changed()), (125, 5));
    }
}

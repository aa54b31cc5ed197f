//! One region: a key range of one space, what it holds, and the commands that change it.
//!
//! [`RegionState`] is the owner's. It is a state machine without I/O, clock or threads: [`RegionState::apply`] takes a
//! [`Command`], plain data, and returns an [`Outcome`]; the same commands in the same order give the same state. Only the
//! owner calls it, and after a batch of commands it publishes [`RegionState::snapshot`]. Readers keep a [`RegionSnapshot`]
//! for as long as they like; it never changes. Because all maps inside are persistent and chunks are shared, a snapshot is
//! a handful of reference counts.
//!
//! Splitting and merging share chunks and cut the maps, so they take microseconds. Folding delta into base is slow, so it
//! is done on a snapshot, beside the owner ([`Compaction`]); the owner then puts the finished base in place. Writers go on
//! meanwhile, and who reads as of before finds the region as it was.
//!
//! Who checks that a request reached the right region (epoch, range, leader) is the store; here all keys are taken to be in
//! the region's range.

mod backfill;
mod compaction;
mod ingest;
#[cfg(test)]
mod model_tests;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::chunk::Chunk;
use crate::key::{Key, KeyRange};
use crate::mvcc::{
    GetResult, LOCKS_TOLD_MAX, LockInfo, LookupResult, Lookups, OwnWrites, Records, RegionScan, ZoneFilter,
};
use crate::percolator::{
    self, CheckSecondaryLocks, CheckTxnStatus, Commit, CommitOutcome, HeartBeat, PessimisticLock,
    PessimisticLockOutcome, PessimisticRollback, Prewrite, PrewriteOutcome, ResolveLock, Rollback,
    RollbackOutcome, SecondaryLocks, TxnStatus,
};
use crate::schema::{RegionId, SpaceSchema, Timestamp};

pub(crate) use backfill::LONG_AGO;
pub use backfill::{BackfillOutcome, Overtaken};
pub use compaction::{Compacted, Compaction};
pub use ingest::IngestOutcome;

/// How often a region changed: a request that carries another epoch than the region's was sent by someone who has not
/// heard of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Epoch {
    /// Changes of the replicas.
    pub conf_ver: u64,
    /// Splits and merges.
    pub version: u64,
}

/// A change of a region's state.
#[derive(Clone, Debug)]
pub enum Command {
    /// Lock keys for a transaction.
    Prewrite(Prewrite),
    /// Lock keys for a transaction that does not know yet what to write.
    PessimisticLock(PessimisticLock),
    /// Take such locks away.
    PessimisticRollback(PessimisticRollback),
    /// Let a transaction live on.
    HeartBeat(HeartBeat),
    /// Turn a transaction's locks into versions.
    Commit(Commit),
    /// Remove a transaction's locks for good.
    Rollback(Rollback),
    /// Find out what became of a transaction, and end it if its time is up.
    CheckTxnStatus(CheckTxnStatus),
    /// Find out whether keys of a transaction in async commit are locked, and see to it that it stays so.
    CheckSecondaryLocks(CheckSecondaryLocks),
    /// Finish locks of a transaction whose fate is known.
    ResolveLock(ResolveLock),
    /// Add rows in bulk: chunks of [`build_base`](crate::chunk::build_base), in key order, within the region's range.
    Ingest(Vec<Chunk>),
    /// Add rows as they were at a timestamp, below what was written since: chunks as for an ingest, committed long ago.
    Backfill(Timestamp, Arc<[Chunk]>),
    /// Begin to fold what was committed up to this timestamp, or a little less: whatever commits later must commit after it.
    BeginFold(Timestamp),
    /// Put the result of a compaction in place.
    Install(Compacted),
    /// The fold that was begun comes to nothing.
    AbandonFold,
    /// Forget what nobody can ask for who comes at this timestamp or later.
    Forget(Timestamp),
}

/// What became of a [`Command`].
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Of a prewrite.
    Prewrite(PrewriteOutcome),
    /// Of a pessimistic lock.
    PessimisticLock(PessimisticLockOutcome),
    /// Of taking pessimistic locks away.
    PessimisticRolledBack,
    /// Of a heartbeat: the time to live, if the primary is locked.
    HeartBeat(Option<u64>),
    /// Of a commit.
    Commit(CommitOutcome),
    /// Of a rollback.
    Rollback(RollbackOutcome),
    /// Of a check.
    TxnStatus(TxnStatus),
    /// Of a check of secondaries.
    SecondaryLocks(SecondaryLocks),
    /// Of resolving locks: how many were finished.
    Resolved(usize),
    /// Of an ingest.
    Ingest(IngestOutcome),
    /// Of a backfill.
    Backfill(BackfillOutcome),
    /// Of the beginning of a fold: up to when all is folded; `None` if there is nothing to fold.
    FoldBegun(Option<Timestamp>),
    /// Of a compaction: whether it was put in place. If not, base had changed since the fold was begun: begin again.
    Installed(bool),
    /// Nobody asks what became of it.
    Done,
}

/// A region, as its owner holds it.
#[derive(Clone, Debug)]
pub struct RegionState {
    now: RegionSnapshot,
}

impl RegionState {
    /// An empty region.
    pub fn new(id: RegionId, epoch: Epoch, range: KeyRange, schema: Arc<SpaceSchema>) -> RegionState {
        RegionState { now: RegionSnapshot { id, epoch, range, schema, records: Records::new(Vec::new()) } }
    }

    /// An immutable copy of the state.
    pub fn snapshot(&self) -> Arc<RegionSnapshot> {
        Arc::new(self.published())
    }

    /// The same, to be part of something else that is immutable.
    pub(crate) fn published(&self) -> RegionSnapshot {
        let RegionSnapshot { id, epoch, range, schema, records } = &self.now;
        let (range, schema, records) = (range.clone(), Arc::clone(schema), records.published());
        RegionSnapshot { id: *id, epoch: *epoch, range, schema, records }
    }

    /// The state, for the owner to look at.
    pub fn view(&self) -> &RegionSnapshot {
        &self.now
    }

    /// Counts a change of the replicas.
    pub fn bump_conf_ver(&mut self) {
        self.now.epoch.conf_ver += 1;
    }

    /// Applies one command.
    pub fn apply(&mut self, command: Command) -> Outcome {
        let RegionSnapshot { schema, records, .. } = &mut self.now;
        match command {
            Command::Prewrite(c) => Outcome::Prewrite(percolator::prewrite(records, c)),
            Command::PessimisticLock(c) => Outcome::PessimisticLock(percolator::pessimistic_lock(records, c)),
            Command::PessimisticRollback(c) => {
                percolator::pessimistic_rollback(records, &c);
                Outcome::PessimisticRolledBack
            }
            Command::HeartBeat(c) => Outcome::HeartBeat(percolator::heart_beat(records, &c)),
            Command::Commit(c) => Outcome::Commit(percolator::commit(records, &c)),
            Command::Rollback(c) => Outcome::Rollback(percolator::rollback(records, &c)),
            Command::CheckTxnStatus(c) => Outcome::TxnStatus(percolator::check_txn_status(records, &c)),
            Command::CheckSecondaryLocks(c) => {
                Outcome::SecondaryLocks(percolator::check_secondary_locks(records, &c))
            }
            Command::ResolveLock(c) => Outcome::Resolved(percolator::resolve_lock(records, &c)),
            Command::Ingest(chunks) => Outcome::Ingest(ingest::ingest(records, schema, chunks)),
            Command::Backfill(at, chunks) => {
                Outcome::Backfill(backfill::backfill(records, schema, at, &chunks))
            }
            Command::BeginFold(at) => Outcome::FoldBegun(records.begin_fold(at)),
            Command::Install(compacted) => Outcome::Installed(compaction::install(records, compacted)),
            Command::AbandonFold => {
                records.abandon_fold();
                Outcome::Done
            }
            Command::Forget(safe_ts) => {
                records.forget(safe_ts);
                Outcome::Done
            }
        }
    }

    /// Splits at a key: this region keeps what is below it, a new one with this id gets the rest. `None`, and no change, if
    /// one of the two would have no key.
    pub fn split(&mut self, at: &Key, right: RegionId) -> Option<RegionState> {
        if *at <= self.now.range.start || *at >= self.now.range.end {
            return None;
        }
        self.now.epoch.version += 1;
        let rest = RegionSnapshot {
            id: right,
            epoch: self.now.epoch,
            range: KeyRange { start: at.clone(), end: self.now.range.end.clone() },
            schema: Arc::clone(&self.now.schema),
            records: self.now.records.split_off(at),
        };
        self.now.range.end = at.clone();
        Some(RegionState { now: rest })
    }

    /// Takes over the neighbour to the right. Gives it back, and changes nothing, if it is not that.
    pub fn merge(&mut self, right: RegionState) -> Result<(), Box<RegionState>> {
        let right = right.now;
        if right.range.start != self.now.range.end || right.schema.id != self.now.schema.id {
            return Err(Box::new(RegionState { now: right }));
        }
        self.now.epoch.version = self.now.epoch.version.max(right.epoch.version) + 1;
        self.now.range.end = right.range.end;
        self.now.records.append(right.records);
        Ok(())
    }
}

/// A region at one moment. Immutable; cheap to clone; `Send` and `Sync`.
#[derive(Clone, Debug)]
pub struct RegionSnapshot {
    id: RegionId,
    epoch: Epoch,
    range: KeyRange,
    schema: Arc<SpaceSchema>,
    records: Records,
}

impl RegionSnapshot {
    /// Its id.
    pub fn id(&self) -> RegionId {
        self.id
    }

    /// Its epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The keys it is responsible for.
    pub fn range(&self) -> &KeyRange {
        &self.range
    }

    /// The layout of its rows.
    pub fn schema(&self) -> &Arc<SpaceSchema> {
        &self.schema
    }

    /// Reads below this timestamp may miss what compaction has forgotten: do not answer them.
    pub fn safe_ts(&self) -> Timestamp {
        self.records.safe_ts
    }

    /// About how many rows a reader would see now.
    pub fn row_count_estimate(&self) -> usize {
        self.records.base.rows() + self.records.delta.len()
    }

    /// About how many bytes its rows take.
    pub fn bytes_estimate(&self) -> usize {
        const DELTA_ROW_BYTES: usize = 256;
        self.records.base.bytes() + self.records.versions * DELTA_ROW_BYTES
    }

    /// Versions that are not folded into base; many of them make reads slow.
    pub fn delta_versions(&self) -> usize {
        self.records.versions
    }

    /// Rows in base.
    pub fn base_rows(&self) -> usize {
        self.records.base.rows()
    }

    /// Up to when what it was is kept; `None` if all that is kept is the present.
    pub fn oldest_past(&self) -> Option<Timestamp> {
        self.records.past.first().map(|past| past.until)
    }

    /// The newest timestamp at which anything in it was committed.
    pub fn newest_ts(&self) -> Timestamp {
        self.records.newest_ts
    }

    /// A key that leaves about half of the rows on each side; `None` if no key does.
    pub fn middle_key(&self) -> Option<Key> {
        let rows = self.records.base.rows();
        let key = if rows >= self.records.delta.len() {
            let mut before = rows / 2;
            self.records.base.iter().find_map(|chunk| {
                let within = (before < chunk.rows()).then(|| chunk.key(before));
                before = before.saturating_sub(chunk.rows());
                within
            })
        } else {
            self.records.delta.keys().nth(self.records.delta.len() / 2).cloned()
        };
        key.filter(|key| *key > self.range.start)
    }

    /// The rows in these ranges at a timestamp; no range = all. Ranges are sorted and disjoint. The caller has made sure
    /// that no lock blocks it and that `ts` is not below [`safe_ts`](RegionSnapshot::safe_ts).
    pub fn scan(
        &self,
        ranges: &[KeyRange],
        ts: Timestamp,
        zone: &[ZoneFilter],
        descending: bool,
    ) -> RegionScan {
        self.scan_over(&ranges.into(), ts, &zone.into(), descending, &OwnWrites::default())
    }

    /// As [`scan`](RegionSnapshot::scan), with what the reader's transaction wrote on top.
    pub fn scan_over(
        &self,
        ranges: &Arc<[KeyRange]>,
        ts: Timestamp,
        zone: &Arc<[ZoneFilter]>,
        descending: bool,
        own: &OwnWrites,
    ) -> RegionScan {
        let ranges: Arc<[KeyRange]> = match &**ranges {
            [] => [self.range.clone()].into(),
            some if some.iter().all(|r| self.range.covers(r)) => Arc::clone(ranges),
            some => some.iter().filter_map(|r| r.intersect(&self.range)).collect(),
        };
        let mut records = self.records.at(ts, &self.range).into_owned();
        if !own.is_empty() {
            records.delta = own.over(&records.delta, &ranges);
        }
        RegionScan::new(self.id, Arc::clone(&self.schema), records, ranges, ts, Arc::clone(zone), descending)
    }

    /// The rows with these keys at a timestamp. Fast if keys are sorted; any order and repetition will do. The caller has
    /// made sure that no lock blocks it.
    pub fn get(&self, keys: &[Key], ts: Timestamp, ordinals: &[usize]) -> GetResult {
        self.get_over(keys, ts, ordinals, &OwnWrites::default())
    }

    /// As [`get`](RegionSnapshot::get), with what the reader's transaction wrote on top.
    pub fn get_over(&self, keys: &[Key], ts: Timestamp, ordinals: &[usize], own: &OwnWrites) -> GetResult {
        let records = match self.records.is_present(ts) {
            true => Cow::Borrowed(&self.records),
            false => self.records.at(ts, &hull(keys)),
        };
        GetResult::read(&records, &self.schema, keys, ts, ordinals, own)
    }

    /// What these lookups find within a range of keys. The caller has made sure that no lock blocks it.
    pub(crate) fn lookup(&self, lookups: &Lookups, rows: Range<usize>, within: &KeyRange) -> LookupResult {
        match self.records.at(lookups.ts, within) {
            Cow::Borrowed(records) if !within.covers(&self.range) => {
                lookups.read(rows, within, &records.with_base_within(within), &self.schema)
            }
            records => lookups.read(rows, within, &records, &self.schema),
        }
    }

    /// Locks in the ranges (none = all) that keep a reader at `ts` from knowing what is there; if there are very many, the
    /// first of them. Locks of the transactions in `ignore` are passed over: the reader knows that they commit later than
    /// `ts`, or never.
    pub fn blocking_locks(&self, ranges: &[KeyRange], ts: Timestamp, ignore: &[Timestamp]) -> Vec<LockInfo> {
        if self.records.locks.is_empty() {
            return Vec::new();
        }
        let all = [self.range.clone()];
        let ranges = if ranges.is_empty() { &all } else { ranges };
        let within = ranges.iter().filter_map(|range| range.intersect(&self.range));
        let locks = within.flat_map(|range| self.records.blocking_locks(&range, ts, ignore));
        locks.take(LOCKS_TOLD_MAX).collect()
    }

    /// As [`blocking_locks`](RegionSnapshot::blocking_locks), for single keys.
    pub fn blocking_locks_at(&self, keys: &[Key], ts: Timestamp, ignore: &[Timestamp]) -> Vec<LockInfo> {
        if self.records.locks.is_empty() {
            return Vec::new();
        }
        let locks = keys.iter().filter_map(|key| {
            let lock = self.records.locks.get(key)?;
            (lock.blocks(ts) && !ignore.contains(&lock.start_ts)).then(|| lock.info(key))
        });
        locks.take(LOCKS_TOLD_MAX).collect()
    }

    /// The earliest transaction that holds a lock here. Compaction at `safe_ts` forgets how transactions that committed
    /// before it ended, so every lock in the cluster must be later than `safe_ts` (as for TiKV's garbage collection).
    pub fn oldest_lock_ts(&self) -> Option<Timestamp> {
        self.records.locks.values().map(|lock| lock.start_ts).min()
    }

    pub(crate) fn records(&self) -> &Records {
        &self.records
    }
}

/// The range from the least of these keys to the greatest.
fn hull(keys: &[Key]) -> KeyRange {
    match (keys.iter().min(), keys.iter().max()) {
        (Some(least), Some(greatest)) => KeyRange { start: least.clone(), end: greatest.successor() },
        _ => KeyRange { start: Key::from_bytes(&[]), end: Key::from_bytes(&[]) },
    }
}

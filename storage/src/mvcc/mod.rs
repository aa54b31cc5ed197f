//! What a region holds, and how it looks at a timestamp.
//!
//! A region is *base* plus *delta* plus locks. Base is immutable sorted chunks, at most one row a key, each with the
//! timestamp at which it was committed. Delta holds the versions that were committed since, by key, newest first: rows
//! (which point into small batches that came with the transactions), deletions, and the records that transactions leave.
//! Delta is folded into base soon; who reads as of before that finds the region as it was then (`Past`).
//! A transaction that reads brings one more layer along, what it has written itself ([`OwnWrites`]).
//! Whatever a key's newest change at or before a timestamp is, in base or in delta, is what a reader sees there. Locks are
//! values that are not committed yet; a reader that meets one which might commit before its timestamp has to ask first
//! ([`RegionSnapshot::blocking_locks`](crate::region::RegionSnapshot::blocking_locks)).
//!
//! All maps are persistent, so that a copy of the whole is a few reference counts: the owner changes its own, and hands out
//! copies that never change.

mod base;
pub(crate) mod few;
mod gather;
mod lookup;
mod merge;
mod own;
mod past;
mod point;
mod scan;

use std::ops::Bound;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use imbl::OrdMap;

use crate::chunk::Chunk;
use crate::key::{Key, KeyRange};
use crate::schema::Timestamp;

pub(crate) use base::Base;
pub(crate) use few::Few;
pub use few::RowRun;
pub use lookup::LookupResult;
pub(crate) use lookup::Lookups;
pub(crate) use merge::{BaseRows, Pick, Plan, merge_piece};
pub use own::OwnWrites;
pub(crate) use past::{Folding, Past, with_fold};
pub use point::GetResult;
pub use scan::{Morsel, RegionScan, ScanBatch, ZoneFilter};

/// A reader is told of so many locks at a time, or a few more.
pub(crate) const LOCKS_TOLD_MAX: usize = 256;

/// A row of a small batch that holds all columns of its space.
#[derive(Clone, Debug)]
pub struct RowRef {
    /// The batch, shared by the rows in it.
    pub batch: Arc<RecordBatch>,
    /// Which of its rows.
    pub row: u32,
}

/// One change of a key.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// When it was committed; for a rollback the transaction's `start_ts`.
    pub(crate) commit_ts: Timestamp,
    /// The transaction; zero for bulk ingest.
    pub(crate) start_ts: Timestamp,
    pub(crate) write: Write,
}

/// What a change was.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Put(RowRef),
    Delete,
    /// Nothing, but the transaction that locked the key committed.
    Lock,
    /// Nothing: the transaction was rolled back.
    Rollback,
}

impl Version {
    /// Whether it says what a reader sees.
    pub(crate) fn is_data(&self) -> bool {
        matches!(self.write, Write::Put(_) | Write::Delete)
    }
}

/// The versions of one key, newest first. Most keys have one: it lies here, not in a list of its own.
#[derive(Clone, Debug)]
pub(crate) struct Versions {
    newest: Version,
    older: Vec<Version>,
}

impl Versions {
    pub(crate) fn new(version: Version) -> Versions {
        Versions { newest: version, older: Vec::new() }
    }

    /// Newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Version> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    pub(crate) fn len(&self) -> usize {
        1 + self.older.len()
    }

    /// Puts a version in its place.
    pub(crate) fn add(&mut self, version: Version) {
        if version.commit_ts >= self.newest.commit_ts {
            let newest = std::mem::replace(&mut self.newest, version);
            return self.older.insert(0, newest);
        }
        let place = self.older.partition_point(|v| v.commit_ts > version.commit_ts);
        self.older.insert(place, version);
    }

    /// The newest row or deletion at a timestamp; one of the reader's own transaction ([`OwnWrites`]) is that always.
    pub(crate) fn data_at(&self, ts: Timestamp) -> Option<&Version> {
        self.iter().find(|v| (v.commit_ts <= ts || v.commit_ts == Timestamp::MAX) && v.is_data())
    }
}

/// Versions by key.
pub(crate) type Delta = OrdMap<Key, Arc<Versions>>;

/// A transaction's claim on a key, with the value that it will have.
#[derive(Clone, Debug)]
pub(crate) struct Lock {
    pub(crate) primary: Key,
    pub(crate) start_ts: Timestamp,
    /// From `start_ts` on.
    pub(crate) ttl_ms: u64,
    pub(crate) txn_size: usize,
    /// The transaction commits at this time or later.
    pub(crate) min_commit_ts: Timestamp,
    /// `Some` = the transaction is committed as soon as all of its keys are locked like this one; at the primary, the other
    /// keys.
    pub(crate) async_commit: Option<Arc<[Key]>>,
    /// What was committed up to here the transaction has seen when it locked the key; zero = it did not look.
    pub(crate) for_update_ts: Timestamp,
    pub(crate) op: LockOp,
}

/// What a lock's transaction does to the key.
#[derive(Clone, Debug)]
pub(crate) enum LockOp {
    Put(RowRef),
    Delete,
    Lock,
    /// That is not known yet.
    Pessimistic,
}

/// What others are told of a lock.
#[derive(Clone, Debug, PartialEq)]
pub struct LockInfo {
    /// The locked key.
    pub key: Key,
    /// The key that decides whether the transaction is committed.
    pub primary: Key,
    /// The transaction.
    pub start_ts: Timestamp,
    /// Time to live, from `start_ts` on.
    pub ttl_ms: u64,
    /// Keys that the transaction writes in all.
    pub txn_size: usize,
    /// The transaction commits at this time or later.
    pub min_commit_ts: Timestamp,
    /// Whether the transaction is committed as soon as all of its keys are locked.
    pub async_commit: bool,
    /// Whether the transaction has not decided yet what to write.
    pub pessimistic: bool,
    /// What was committed up to here the transaction had seen when it locked the key; zero = it did not look.
    pub for_update_ts: Timestamp,
}

impl Lock {
    pub(crate) fn info(&self, key: &Key) -> LockInfo {
        LockInfo {
            key: key.clone(),
            primary: self.primary.clone(),
            start_ts: self.start_ts,
            ttl_ms: self.ttl_ms,
            txn_size: self.txn_size,
            min_commit_ts: self.min_commit_ts,
            async_commit: self.async_commit.is_some(),
            pessimistic: self.is_pessimistic(),
            for_update_ts: self.for_update_ts,
        }
    }

    /// Whether a reader at `ts` cannot know what the key's value is.
    pub(crate) fn blocks(&self, ts: Timestamp) -> bool {
        self.start_ts <= ts
            && self.min_commit_ts <= ts
            && !matches!(self.op, LockOp::Lock | LockOp::Pessimistic)
    }

    /// Whether the transaction has not decided yet what to write.
    pub(crate) fn is_pessimistic(&self) -> bool {
        matches!(self.op, LockOp::Pessimistic)
    }
}

/// How a transaction ended, as a key remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Committed(Timestamp),
    RolledBack,
}

/// Everything a region holds. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    /// Sorted, disjoint, none empty.
    pub(crate) base: Base,
    pub(crate) delta: Delta,
    /// What was before: see [`Past`]. The one that ends first comes first.
    pub(crate) past: Arc<[Past]>,
    /// When the last fold was made: what is in `delta` was committed after that, save for records of rollbacks.
    pub(crate) folded_ts: Timestamp,
    /// Whether rows have come into `base` since then, by an ingest.
    pub(crate) has_grown: bool,
    /// The fold that is under way.
    pub(crate) folding: Option<Arc<Folding>>,
    /// What has come into `delta` since it began.
    pub(crate) recent: Option<Delta>,
    pub(crate) locks: OrdMap<Key, Arc<Lock>>,
    /// What was superseded before it may be gone: reads below it are not answered.
    pub(crate) safe_ts: Timestamp,
    /// Versions in `delta`.
    pub(crate) versions: usize,
    /// Later than every commit in `base` and `delta` (a rollback's record included), or equal.
    pub(crate) newest_ts: Timestamp,
}

impl Records {
    pub(crate) fn new(base: Vec<Chunk>) -> Records {
        let newest_ts = base.iter().map(Chunk::newest_ts).max().unwrap_or_default();
        Records {
            base: base.into(),
            delta: Delta::new(),
            past: Arc::default(),
            folded_ts: Timestamp(0),
            has_grown: false,
            folding: None,
            recent: None,
            locks: OrdMap::new(),
            safe_ts: Timestamp(0),
            versions: 0,
            newest_ts,
        }
    }

    /// How the transaction ended, if this key knows.
    pub(crate) fn record_of(&self, key: &Key, start_ts: Timestamp) -> Option<Record> {
        let find = |delta: &Delta| {
            let version = delta.get(key)?.iter().find(|v| v.start_ts == start_ts)?;
            Some(match version.write {
                Write::Rollback => Record::RolledBack,
                Write::Put(_) | Write::Delete | Write::Lock => Record::Committed(version.commit_ts),
            })
        };
        find(&self.delta).or_else(|| self.pasts_of(key, start_ts).find_map(|past| find(&past.delta)))
    }

    /// Start and commit of the newest committed change or lock of a key, if it was committed after `seen`; an older one need
    /// not be found.
    pub(crate) fn newest_commit(&self, key: &Key, seen: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let in_delta = self.delta.get(key).and_then(|versions| past::newest_commit(versions));
        if in_delta.is_some() {
            return in_delta;
        }
        let in_past = || {
            let mut known = self.pasts_of(key, seen).filter_map(|past| past.delta.get(key));
            known.find_map(|versions| past::newest_commit(versions))
        };
        let in_base = self.base_row(key).map(|(chunk, row)| (Timestamp(0), self.base[chunk].commit_ts(row)));
        // A row that was loaded in bulk is newer than what a past knows.
        in_base.into_iter().chain(in_past()).max_by_key(|(_, commit_ts)| *commit_ts)
    }

    /// Whether there is a row now.
    pub(crate) fn exists(&self, key: &Key) -> bool {
        !matches!(self.visible(key, Timestamp::MAX), Visible::Nothing)
    }

    /// What a reader at `ts` sees at a key, if these are the records that it has to read ([`Records::at`]).
    pub(crate) fn visible(&self, key: &Key, ts: Timestamp) -> Visible<'_> {
        let version = self.delta.get(key).and_then(|versions| versions.data_at(ts));
        let base = self.base_row(key).filter(|&(chunk, row)| {
            let commit_ts = self.base[chunk].commit_ts(row);
            commit_ts <= ts && version.is_none_or(|v| v.commit_ts < commit_ts)
        });
        match (base, version) {
            (Some((chunk, row)), _) => Visible::Base { chunk, row },
            (None, Some(Version { write: Write::Put(row), .. })) => Visible::Delta(row),
            (None, _) => Visible::Nothing,
        }
    }

    /// Chunk and row of a key in base.
    pub(crate) fn base_row(&self, key: &Key) -> Option<(usize, usize)> {
        let chunk = self.base.partition_point(|c| c.first_key() <= key).checked_sub(1)?;
        Some((chunk, self.base[chunk].find(key.as_bytes())?))
    }

    /// Adds a version in its place.
    pub(crate) fn add_version(&mut self, key: &Key, version: Version) {
        self.newest_ts = self.newest_ts.max(version.commit_ts);
        self.versions += 1;
        if let Some(recent) = &mut self.recent {
            add_to(recent, key, version.clone());
        }
        add_to(&mut self.delta, key, version);
    }

    /// Base cut down to a range of keys; the rest as it is.
    pub(crate) fn with_base_within(&self, range: &KeyRange) -> Records {
        Records { base: self.base.iter().filter_map(|chunk| chunk.within(range)).collect(), ..self.clone() }
    }

    /// Whether any lock in a range keeps a reader at `ts` from knowing what is there.
    pub(crate) fn is_locked(&self, start: &[u8], end: &[u8], ts: Timestamp) -> bool {
        if self.locks.is_empty() || start >= end {
            return false;
        }
        let range = (Bound::Included(start), Bound::Excluded(end));
        self.locks.range::<_, [u8]>(range).any(|(_, lock)| lock.blocks(ts))
    }

    /// Locks in a range that keep a reader at `ts` from knowing what is there: the first of them.
    pub(crate) fn blocking_locks(
        &self,
        range: &KeyRange,
        ts: Timestamp,
        ignore: &[Timestamp],
    ) -> Vec<LockInfo> {
        if self.locks.is_empty() || range.is_empty() {
            return Vec::new();
        }
        let locks = self.locks.range::<_, Key>(&range.start..&range.end);
        let blocking = locks.filter(|(_, lock)| lock.blocks(ts) && !ignore.contains(&lock.start_ts));
        blocking.take(LOCKS_TOLD_MAX).map(|(key, lock)| lock.info(key)).collect()
    }

    /// Cuts at a key: this keeps what is below it, the rest is returned. A fold that is under way comes to nothing.
    pub(crate) fn split_off(&mut self, at: &Key) -> Records {
        self.abandon_fold();
        let mut left = Vec::new();
        let mut right = Vec::new();
        for chunk in self.base.iter() {
            let cut = chunk.lower_bound(at.as_bytes());
            left.extend(chunk.slice(0, cut));
            right.extend(chunk.slice(cut, chunk.rows()));
        }
        let (left_delta, right_delta) = cut(&self.delta, at);
        let (left_locks, right_locks) = cut(&self.locks, at);
        // Of pasts only the ranges are cut: most are not read again before they go.
        let below = |range: &KeyRange| KeyRange { end: at.min(&range.end).clone(), ..range.clone() };
        let above = |range: &KeyRange| KeyRange { start: at.max(&range.start).clone(), ..range.clone() };
        let past = |part: &dyn Fn(&KeyRange) -> KeyRange| {
            let parts = self.past.iter().map(|past| Past { range: part(&past.range), ..past.clone() });
            parts.filter(|past| !past.range.is_empty()).collect::<Arc<[Past]>>()
        };
        let (left_past, right_past) = (past(&below), past(&above));
        let count = |delta: &Delta| delta.values().map(|v| v.len()).sum();
        let rest = Records {
            base: right.into(),
            versions: count(&right_delta),
            delta: right_delta,
            past: right_past,
            locks: right_locks,
            ..self.clone()
        };
        *self = Records {
            base: left.into(),
            versions: count(&left_delta),
            delta: left_delta,
            past: left_past,
            locks: left_locks,
            ..self.clone()
        };
        rest
    }

    /// Takes over what the neighbour to the right holds. Folds that are under way come to nothing.
    pub(crate) fn append(&mut self, right: Records) {
        self.abandon_fold();
        self.base = self.base.iter().chain(right.base.iter()).cloned().collect();
        self.delta.extend(right.delta);
        self.locks.extend(right.locks);
        let mut past: Vec<Past> = self.past.iter().chain(right.past.iter()).cloned().collect();
        past.sort_by_key(|past| past.until);
        self.past = past.into();
        self.folded_ts = self.folded_ts.max(right.folded_ts);
        self.has_grown |= right.has_grown;
        self.versions += right.versions;
        self.safe_ts = self.safe_ts.max(right.safe_ts);
        self.newest_ts = self.newest_ts.max(right.newest_ts);
    }
}

fn add_to(delta: &mut Delta, key: &Key, version: Version) {
    match delta.get_mut(key) {
        Some(versions) => Arc::make_mut(versions).add(version),
        None => {
            delta.insert(key.clone(), Arc::new(Versions::new(version)));
        }
    }
}

/// What is below a key, and the rest. (The map's own `split_lookup` copies a path of the tree for every entry.)
fn cut<V: Clone>(map: &OrdMap<Key, V>, at: &Key) -> (OrdMap<Key, V>, OrdMap<Key, V>) {
    let own = |(key, value): (&Key, &V)| (key.clone(), value.clone());
    (map.range::<_, Key>(..at).map(own).collect(), map.range::<_, Key>(at..).map(own).collect())
}

/// What there is to see at a key.
pub(crate) enum Visible<'a> {
    Nothing,
    Base { chunk: usize, row: usize },
    Delta(&'a RowRef),
}

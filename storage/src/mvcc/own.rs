//! A transaction's own writes, as its reads see them.
//!
//! A statement of a transaction has to see what the statements before it wrote, although none of it is committed and no
//! store knows of it. [`OwnWrites`] is what was written so far, as one more layer on top of base and delta: for each key the
//! row that the transaction put there, or that it deleted it. It is immutable and cheap to clone, so every request of the
//! transaction carries it, and whoever answers lays it over what the region holds:
//!
//! * a point read asks it first, key by key;
//! * lookups go past its keys with a second cursor, in step with the one over delta;
//! * a scan has the two maps made one when it is opened: the smaller of the two, as far as the scan's ranges go, is laid
//!   into (a copy of) the larger. From there on a scan knows nothing of transactions.
//!
//! So every access path sees the writes, and every operator above one does without knowing. A version of an own write has the
//! timestamp [`Timestamp::MAX`]: later than all that anybody committed, and visible whenever the transaction reads.
//! What was left out: own writes as columns. A transaction that has written very many rows reads them back row by row.

use std::sync::Arc;

use super::{Delta, RowRef, Version, Versions, Write};
use crate::key::{Key, KeyRange};
use crate::schema::Timestamp;

/// What a transaction has written, for its reads to see. Immutable for whoever has a copy; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct OwnWrites(Delta);

/// What a transaction did to a key.
#[derive(Debug)]
pub(crate) enum OwnWrite<'a> {
    Row(&'a RowRef),
    Deleted,
}

impl OwnWrites {
    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// From now on the key has this row; `None` = it has none.
    pub(crate) fn set(&mut self, key: Key, row: Option<RowRef>) {
        let write = row.map_or(Write::Delete, Write::Put);
        let version = Version { commit_ts: Timestamp::MAX, start_ts: Timestamp::MAX, write };
        self.0.insert(key, Arc::new(Versions::new(version)));
    }

    /// From now on the key has what it has for all.
    pub(crate) fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }

    /// What was done to a key; `None` = nothing.
    pub(crate) fn at(&self, key: &Key) -> Option<OwnWrite<'_>> {
        let version = self.0.get(key)?.data_at(Timestamp::MAX)?;
        Some(match &version.write {
            Write::Put(row) => OwnWrite::Row(row),
            Write::Delete | Write::Lock | Write::Rollback => OwnWrite::Deleted,
        })
    }

    /// Whether it has written a row at the key.
    pub(crate) fn has_row(&self, key: &Key) -> bool {
        matches!(self.at(key), Some(OwnWrite::Row(_)))
    }

    /// By key, as versions.
    pub(super) fn versions(&self) -> &Delta {
        &self.0
    }

    /// A delta that has, within these ranges, the own writes on top; what it has elsewhere is not said.
    pub(crate) fn over(&self, delta: &Delta, ranges: &[KeyRange]) -> Delta {
        if self.is_empty() || !has_any(&self.0, ranges) {
            return delta.clone();
        }
        if fewer(within(&self.0, ranges), within(delta, ranges)) {
            let mut both = delta.clone();
            both.extend(within(&self.0, ranges).map(|(key, own)| (key.clone(), Arc::clone(own))));
            return both;
        }
        let mut both = self.0.clone();
        for (key, versions) in within(delta, ranges) {
            if !self.0.contains_key(key) {
                both.insert(key.clone(), Arc::clone(versions));
            }
        }
        both
    }
}

fn within<'a>(
    map: &'a Delta,
    ranges: &'a [KeyRange],
) -> impl Iterator<Item = (&'a Key, &'a Arc<Versions>)> + 'a {
    ranges.iter().flat_map(|range| map.range::<_, Key>(&range.start..&range.end))
}

fn has_any(map: &Delta, ranges: &[KeyRange]) -> bool {
    within(map, ranges).next().is_some()
}

/// Whether `a` has at most as many items as `b`; it takes as long as the shorter one is.
fn fewer(mut a: impl Iterator, mut b: impl Iterator) -> bool {
    loop {
        match (a.next(), b.next()) {
            (None, _) => return true,
            (Some(_), None) => return false,
            (Some(_), Some(_)) => {}
        }
    }
}

/// Two ascending runs of versions as one; where both have a key, the first one's count.
pub(super) struct Layered<A: Iterator, B: Iterator> {
    own: std::iter::Peekable<A>,
    delta: std::iter::Peekable<B>,
}

impl<'a, A, B> Layered<A, B>
where
    A: Iterator<Item = (&'a Key, &'a Arc<Versions>)>,
    B: Iterator<Item = (&'a Key, &'a Arc<Versions>)>,
{
    pub(super) fn new(own: A, delta: B) -> Layered<A, B> {
        Layered { own: own.peekable(), delta: delta.peekable() }
    }
}

impl<'a, A, B> Iterator for Layered<A, B>
where
    A: Iterator<Item = (&'a Key, &'a Arc<Versions>)>,
    B: Iterator<Item = (&'a Key, &'a Arc<Versions>)>,
{
    type Item = (&'a Key, &'a Arc<Versions>);

    fn next(&mut self) -> Option<Self::Item> {
        let (Some((own, _)), Some((delta, _))) = (self.own.peek(), self.delta.peek()) else {
            return self.own.next().or_else(|| self.delta.next());
        };
        match own.cmp(delta) {
            std::cmp::Ordering::Less => self.own.next(),
            std::cmp::Ordering::Greater => self.delta.next(),
            std::cmp::Ordering::Equal => {
                self.delta.next();
                self.own.next()
            }
        }
    }
}

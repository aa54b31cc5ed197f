//! All rows of a region that have one of many keys, or prefixes of keys.
//!
//! Lookups come in the order of their keys, so one cursor goes through base: each lookup gallops on from where the last one
//! hit, comparing values, not bytes; those that stay within a chunk are searched for together, in step. Delta, locks and what
//! the reader's transaction wrote are another such cursor each, which stands still while lookups pass below the next key that
//! it knows; only lookups that delta or own writes have a key for are merged. What comes out are runs of rows, and
//! each column is gathered from them at once.

use std::ops::{Bound as End, Range};
use std::sync::Arc;

use arrow::array::ArrayRef;
use imbl::OrdMap;

use super::gather::Runs;
use super::own::Layered;
use super::{LOCKS_TOLD_MAX, LockInfo, OwnWrites, Records, RowRef, Versions, Write};
use crate::chunk::Chunk;
use crate::key::{Bound, Key, KeyEncoder, KeyRange, RowKeys, TypeMismatch, gallop};
use crate::schema::{RegionId, SpaceSchema, Timestamp};

/// What to look up in one region. Plain data.
#[derive(Clone, Debug)]
pub(crate) struct Lookups {
    /// Prefixes of keys, ascending; those that `rows` names are wanted.
    pub(crate) prefixes: RowKeys,
    /// Of the key column behind the prefix.
    pub(crate) low: Option<Bound>,
    pub(crate) high: Option<Bound>,
    pub(crate) ordinals: Arc<[usize]>,
    /// Whether the first row of each lookup is enough.
    pub(crate) first_only: bool,
    pub(crate) ts: Timestamp,
    /// What the reader's transaction wrote.
    pub(crate) own: OwnWrites,
}

/// Rows that were found.
#[derive(Clone, Debug)]
pub struct LookupResult {
    /// The wanted columns.
    pub columns: Vec<ArrayRef>,
    /// Rows found.
    pub rows: usize,
    /// For each row the number of the lookup that found it, ascending; rows of one lookup are in key order.
    pub positions: Vec<u32>,
    /// The regions that were asked, in any order; one twice if it was split meanwhile.
    pub regions: Vec<RegionId>,
}

impl Lookups {
    /// Whether the keys are of the types that a space declares.
    pub(crate) fn fit(&self, schema: &SpaceSchema) -> Result<(), TypeMismatch> {
        self.prefixes.fit(schema, [self.low.as_ref(), self.high.as_ref()])
    }

    /// Which of the keys of a persistent map the lookups touch: see [`Touched`].
    fn touched<'a, V: Clone>(&'a self, map: &'a OrdMap<Key, V>, within: &'a KeyRange) -> Touched<'a, V> {
        let mut touched = Touched { map, prefixes: &self.prefixes, within, next: None, bytes: Vec::new() };
        touched.next = touched.seek(within.start.as_bytes());
        touched
    }

    /// Locks that keep the reader from knowing what is there, among those that could matter to these lookups.
    pub(crate) fn blocking_locks(
        &self,
        rows: Range<usize>,
        within: &KeyRange,
        records: &Records,
        ignore: &[Timestamp],
    ) -> Vec<LockInfo> {
        let mut found = Vec::new();
        if records.locks.is_empty() {
            return found;
        }
        let mut locks = self.touched(&records.locks, within);
        for at in rows {
            let Some(keys) = locks.at(at) else { continue };
            let blocking = keys.filter(|(_, lock)| lock.blocks(self.ts) && !ignore.contains(&lock.start_ts));
            found.extend(blocking.map(|(key, lock)| lock.info(key)));
            if found.len() >= LOCKS_TOLD_MAX {
                break;
            }
        }
        found
    }

    /// The rows, of those within a range of keys.
    pub(crate) fn read(
        &self,
        rows: Range<usize>,
        within: &KeyRange,
        records: &Records,
        schema: &SpaceSchema,
    ) -> LookupResult {
        let mut reader = Reader {
            lookups: self,
            schema,
            base: &records.base,
            chunk: 0,
            row: 0,
            pieces: Vec::new(),
            found: Runs::with_capacity(rows.len()),
            positions: Vec::with_capacity(rows.len()),
        };
        if records.delta.is_empty() && self.own.is_empty() {
            reader.look_up_all(rows);
        } else {
            let mut delta = self.touched(&records.delta, within);
            let mut own = self.touched(self.own.versions(), within);
            let mut untouched = rows.start..rows.start;
            for at in rows {
                let (versions, writes) = (delta.at(at), own.at(at));
                if versions.is_none() && writes.is_none() {
                    untouched.end = at + 1;
                    continue;
                }
                reader.look_up_all(untouched);
                untouched = at + 1..at + 1;
                match (writes, versions) {
                    (None, Some(versions)) => reader.merge(at, versions),
                    (writes, versions) => {
                        let versions = versions.into_iter().flatten();
                        reader.merge(at, Layered::new(writes.into_iter().flatten(), versions));
                    }
                }
            }
            reader.look_up_all(untouched);
        }
        let column = |&ordinal: &usize| reader.found.column(&records.base, ordinal, schema);
        LookupResult {
            columns: self.ordinals.iter().map(column).collect(),
            rows: reader.positions.len(),
            positions: reader.positions,
            regions: Vec::new(),
        }
    }
}

/// A cursor over the keys of a map that lookups go past in ascending order.
struct Touched<'a, V> {
    map: &'a OrdMap<Key, V>,
    prefixes: &'a RowKeys,
    within: &'a KeyRange,
    /// The first key that is not below the last lookup.
    next: Option<&'a Key>,
    bytes: Vec<u8>,
}

impl<'a, V: Clone> Touched<'a, V> {
    fn seek(&self, from: &[u8]) -> Option<&'a Key> {
        let from = from.max(self.within.start.as_bytes());
        let to = self.within.end.as_bytes();
        if from >= to {
            return None;
        }
        let mut range = self.map.range::<_, [u8]>((End::Included(from), End::Excluded(to)));
        range.next().map(|(key, _)| key)
    }

    /// The entries whose keys start with the prefix of this lookup; `None` if there is none.
    fn at(&mut self, at: usize) -> Option<impl Iterator<Item = (&'a Key, &'a V)> + use<'a, V>> {
        let (prefixes, map) = (self.prefixes, self.map);
        loop {
            let next = self.next?;
            match prefixes.compare_prefix(at, next.as_bytes()) {
                Some(std::cmp::Ordering::Less) => return None,
                Some(_) if !prefixes.is_prefix_of(at, next.as_bytes()) => {
                    let mut bytes = std::mem::take(&mut self.bytes);
                    bytes.clear();
                    prefixes.append(at, &mut bytes);
                    self.next = self.seek(&bytes);
                    self.bytes = bytes;
                }
                _ => {
                    let end = End::Excluded(self.within.end.as_bytes());
                    let entries = map.range::<_, [u8]>((End::Included(next.as_bytes()), end));
                    return Some(
                        entries.take_while(move |(key, _)| prefixes.is_prefix_of(at, key.as_bytes())),
                    );
                }
            }
        }
    }
}

/// Goes through a region's rows.
struct Reader<'a> {
    lookups: &'a Lookups,
    schema: &'a SpaceSchema,
    base: &'a [Chunk],
    /// Where the last lookup's rows began: the next one's are not before.
    chunk: usize,
    row: usize,
    /// Base rows of the present lookup: chunk, rows in it. Kept for its memory.
    pieces: Vec<(usize, Range<usize>)>,
    found: Runs,
    positions: Vec<u32>,
}

impl Reader<'_> {
    /// Lookups that delta knows nothing of.
    fn look_up_all(&mut self, mut lookups: Range<usize>) {
        while lookups.start < lookups.end {
            let count = self.look_up_together(lookups.clone());
            lookups.start += count;
            if count == 0 {
                self.look_up(lookups.start);
                lookups.start += 1;
            }
        }
    }

    /// As many of these lookups as surely find all they can in one chunk; how many they were.
    fn look_up_together(&mut self, lookups: Range<usize>) -> usize {
        let Lookups { prefixes, low, high, .. } = self.lookups;
        if !self.pass_chunks(lookups.start) {
            return lookups.len();
        }
        let (number, base) = (self.chunk, self.base);
        let chunk = &base[number];
        let count = chunk.count_within(prefixes, lookups.clone());
        let lookups = lookups.start..lookups.start + count;
        chunk.equal_ranges(self.row..chunk.rows(), prefixes, lookups, |at, rows| {
            let before = self.found.rows();
            self.row = rows.start;
            let rows = chunk.bounded(rows, prefixes.width(), low.as_ref(), high.as_ref(), at);
            self.push_base(number, rows);
            self.close(at, before);
        });
        count
    }

    /// Goes past chunks that are wholly less than a lookup, and so than all to come. Whether one is left.
    fn pass_chunks(&mut self, at: usize) -> bool {
        let prefixes = &self.lookups.prefixes;
        let rest = &self.base[self.chunk..];
        // Mostly none or one.
        let passed = gallop(0..rest.len(), |chunk| rest[chunk].is_before(prefixes, at));
        if passed > 0 {
            (self.chunk, self.row) = (self.chunk + passed, 0);
        }
        self.chunk < self.base.len()
    }

    /// A lookup that delta knows nothing of.
    fn look_up(&mut self, at: usize) {
        let before = self.found.rows();
        self.find_base(at);
        for i in 0..self.pieces.len() {
            let (chunk, rows) = self.pieces[i].clone();
            self.push_base(chunk, rows);
            if self.is_enough(before) {
                break;
            }
        }
        self.close(at, before);
    }

    /// A lookup that delta has versions for.
    fn merge<'v>(&mut self, at: usize, versions: impl Iterator<Item = (&'v Key, &'v Arc<Versions>)>) {
        let before = self.found.rows();
        let ts = self.lookups.ts;
        self.find_base(at);
        let mut pieces = std::mem::take(&mut self.pieces);
        let mut piece = 0;
        for (key, versions) in versions {
            let mut in_base = None;
            while let Some((chunk, rows)) = pieces.get_mut(piece) {
                let (row, is_equal) = self.base[*chunk].seek(key.as_bytes(), rows.clone());
                self.push_base(*chunk, rows.start..row);
                rows.start = row;
                if is_equal {
                    rows.start += 1;
                    in_base = Some((*chunk, row)).filter(|_| self.base[*chunk].commit_ts(row) <= ts);
                }
                if is_equal || row < rows.end {
                    break;
                }
                piece += 1;
            }
            let version = versions.data_at(ts);
            let is_newer = |&(chunk, row): &(usize, usize)| {
                version.is_none_or(|v| v.commit_ts < self.base[chunk].commit_ts(row))
            };
            match (in_base.filter(is_newer), version.map(|v| &v.write)) {
                (Some((chunk, row)), _) => self.found.push_base(chunk, row..row + 1),
                (None, Some(Write::Put(row))) if self.matches(row, at) => self.found.push_delta(row.clone()),
                (None, _) => {}
            }
            if self.is_enough(before) {
                break;
            }
        }
        for (chunk, rows) in pieces.iter().skip(piece) {
            self.push_base(*chunk, rows.clone());
        }
        self.pieces = pieces;
        self.close(at, before);
    }

    /// Finds the base rows of a lookup.
    fn find_base(&mut self, at: usize) {
        let Lookups { prefixes, low, high, .. } = self.lookups;
        self.pieces.clear();
        let base = self.base;
        if !self.pass_chunks(at) {
            return;
        }
        let first = &base[self.chunk];
        let mut rows = first.equal_range(self.row..first.rows(), prefixes, at);
        self.row = rows.start;
        let mut chunk = self.chunk;
        loop {
            let stored = &base[chunk];
            let ends_here = rows.end < stored.rows();
            let rows_in_bounds = stored.bounded(rows, prefixes.width(), low.as_ref(), high.as_ref(), at);
            if !rows_in_bounds.is_empty() {
                self.pieces.push((chunk, rows_in_bounds));
            }
            chunk += 1;
            match base.get(chunk) {
                Some(next) if !ends_here => rows = next.equal_range(0..next.rows(), prefixes, at),
                _ => return,
            }
        }
    }

    /// Those of these rows that the reader sees.
    fn push_base(&mut self, chunk: usize, rows: Range<usize>) {
        let (stored, ts) = (&self.base[chunk], self.lookups.ts);
        if stored.newest_ts() <= ts {
            self.found.push_base(chunk, rows);
        } else if stored.oldest_ts() <= ts {
            for row in rows.filter(|&row| stored.commit_ts(row) <= ts) {
                self.found.push_base(chunk, row..row + 1);
            }
        }
    }

    /// Whether a row of delta, whose key has the right beginning, is what the lookup wants.
    fn matches(&self, row: &RowRef, at: usize) -> bool {
        let Lookups { prefixes, low, high, .. } = self.lookups;
        // What is in the key need not be looked at again.
        let all_in_key = self.schema.unique_prefix.is_none_or(|n| prefixes.width() <= n);
        if all_in_key && low.is_none() && high.is_none() {
            return true;
        }
        let keys = KeyEncoder::new(self.schema).bind(row.batch.columns());
        keys.is_ok_and(|keys| keys.matches(row.row as usize, prefixes, low.as_ref(), high.as_ref(), at))
    }

    fn is_enough(&self, before: usize) -> bool {
        self.lookups.first_only && self.found.rows() > before
    }

    /// Ends a lookup.
    fn close(&mut self, at: usize, before: usize) {
        if self.lookups.first_only {
            self.found.truncate(before + 1);
        }
        self.positions.resize(self.found.rows(), at as u32);
    }
}

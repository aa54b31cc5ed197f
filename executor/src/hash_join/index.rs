//! The index of a build side: from a key to the rows that have it.
//!
//! Keys are `u64`s (see `key`). A lookup gives an *entry*, and an entry has rows. Which form the index takes depends on the
//! keys that are there:
//!
//! - **direct**: an array from key to row, if keys are unique and their range is not much larger than their number;
//! - **ranked**: a bitmap over the range, and how many bits are set before each of its words, so that the entry of a key is
//!   its rank. A selective build side over a wide range (3 % of the orders) stays in the cache, and a miss costs one bit;
//! - **hashed**: for anything else, slots with half of the hash and the entry's number, probed linearly. Looking up a batch
//!   first loads all slots, then compares keys, so that cache misses overlap.
//!
//! The rows of an entry are the entry's own number (unique keys in order), one row, or a slice of an array of rows. Where
//! only existence matters there are no rows, and a bitmap has no ranks.
//!
//! Each part of the index is built by one owner: a range of keys, or of hashes. An owner goes through all keys and takes
//! those of its part; of sorted keys it finds its own by bisection.

use std::ops::Range;

use rayon::prelude::*;

use crate::kernel::hash::mix;
use crate::key::MISS;

/// A direct array may have this many slots, or so many for each key.
const DIRECT_SLOTS_MIN: u128 = 1 << 16;
const DIRECT_SLOTS_PER_KEY: u128 = 8;
/// The same for the bits of a bitmap.
const BITS_MIN: u128 = 1 << 22;
const BITS_PER_KEY: u128 = 256;
/// Keys that are worth another owner.
const KEYS_PER_OWNER: usize = 1 << 16;

/// From keys to rows.
#[derive(Debug)]
pub(super) struct Index {
    lookup: Lookup,
    rows: EntryRows,
    entries: usize,
}

#[derive(Debug)]
enum Lookup {
    /// Entry + 1 by key, 0 = none.
    Direct(Vec<u32>),
    /// A bit for each key, and the number of bits before each word; no ranks if only existence matters.
    Ranked { bits: Vec<u64>, ranks: Vec<u32> },
    /// By a part of the hash.
    Hashed(Vec<Shard>),
}

/// The keys of a range of hashes.
#[derive(Debug, Default)]
struct Shard {
    /// Upper half of the hash, and entry within the shard + 1; 0 = free. A power of two of them, at most half used.
    slots: Vec<u64>,
    keys: Vec<u64>,
    /// The shard's first entry.
    base: u32,
}

#[derive(Debug)]
enum EntryRows {
    /// Nobody asks.
    Unknown,
    /// An entry's row has its number.
    Same,
    /// One row each.
    One(Vec<u32>),
    /// Rows `starts[entry]..starts[entry + 1]` of `rows`.
    Many { starts: Vec<u32>, rows: Vec<u32> },
}

/// The rows of an entry.
pub(super) enum Rows<'a> {
    /// Consecutive.
    Range(Range<u32>),
    /// Any.
    List(&'a [u32]),
}

impl Index {
    /// Indexes `keys`, whose positions are the rows; [`MISS`] is no key, all others are less than `limit`. With `exists`
    /// no rows are kept.
    pub fn build(keys: &[u64], limit: u128, exists: bool, workers: usize) -> Index {
        let count = keys.len() as u128;
        let owners = (keys.len() / KEYS_PER_OWNER).clamp(1, workers);
        let sorted = keys.is_sorted() && keys.last() != Some(&MISS);
        if !exists
            && limit <= DIRECT_SLOTS_MIN.max(count * DIRECT_SLOTS_PER_KEY)
            && let Some(slots) = direct(keys, limit as usize, sorted, owners)
        {
            return Index { lookup: Lookup::Direct(slots), rows: EntryRows::Same, entries: keys.len() };
        }
        if limit <= BITS_MIN.max(count * BITS_PER_KEY).min(1 << 32) {
            return ranked(keys, limit as usize, sorted, exists, owners);
        }
        hashed(keys, exists, owners)
    }

    /// Number of entries.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Whether every entry has one row.
    pub fn is_unique(&self) -> bool {
        matches!(self.rows, EntryRows::Same | EntryRows::One(_))
    }

    /// Bytes kept.
    pub fn memory_bytes(&self) -> u64 {
        let lookup = match &self.lookup {
            Lookup::Direct(slots) => 4 * slots.len(),
            Lookup::Ranked { bits, ranks } => 8 * bits.len() + 4 * ranks.len(),
            Lookup::Hashed(shards) => shards.iter().map(|s| 8 * (s.slots.len() + s.keys.len())).sum(),
        };
        let rows = match &self.rows {
            EntryRows::Unknown | EntryRows::Same => 0,
            EntryRows::One(rows) => 4 * rows.len(),
            EntryRows::Many { starts, rows } => 4 * (starts.len() + rows.len()),
        };
        (lookup + rows) as u64
    }

    /// The positions in `keys` that have an entry, ascending, and their entries.
    pub fn find(&self, keys: &[u64], found: &mut Found) {
        let Found { positions, entries, loaded } = found;
        positions.resize(keys.len(), 0);
        entries.resize(keys.len(), 0);
        let mut n = 0;
        // Every position is written and the end moved on only if it is a hit: no branch to mispredict.
        let mut put = |position: usize, entry: u32, hit: bool| {
            positions[n] = position as u32;
            entries[n] = entry;
            n += usize::from(hit);
        };
        match &self.lookup {
            Lookup::Direct(slots) => {
                for (position, &key) in keys.iter().enumerate() {
                    let slot = slots.get(key as usize).copied().unwrap_or(0);
                    put(position, slot.wrapping_sub(1), slot != 0);
                }
            }
            Lookup::Ranked { bits, ranks } => {
                for (position, &key) in keys.iter().enumerate() {
                    let word = bits.get((key >> 6) as usize).copied().unwrap_or(0);
                    put(position, key as u32, word >> (key & 63) & 1 == 1);
                }
                if !ranks.is_empty() {
                    for entry in &mut entries[..n] {
                        let (at, bit) = (*entry as usize >> 6, *entry & 63);
                        *entry = ranks[at] + (bits[at] & ((1 << bit) - 1)).count_ones();
                    }
                }
            }
            Lookup::Hashed(shards) => {
                loaded.clear();
                loaded.extend(keys.iter().map(|&key| {
                    let hash = mix(key);
                    let shard = &shards[shard_of(hash, shards.len())];
                    let at = hash as usize & (shard.slots.len() - 1);
                    (hash, shard.slots[at])
                }));
                for (position, (&key, &(hash, slot))) in keys.iter().zip(loaded.iter()).enumerate() {
                    if slot != 0 && key != MISS {
                        let entry = shards[shard_of(hash, shards.len())].entry(key, hash);
                        put(position, entry.unwrap_or(0), entry.is_some());
                    }
                }
            }
        }
        positions.truncate(n);
        entries.truncate(n);
    }

    /// The rows of an entry.
    pub fn rows(&self, entry: u32) -> Rows<'_> {
        let at = entry as usize;
        match &self.rows {
            EntryRows::Unknown => Rows::List(&[]),
            EntryRows::Same => Rows::Range(entry..entry + 1),
            EntryRows::One(rows) => Rows::List(&rows[at..=at]),
            EntryRows::Many { starts, rows } => {
                Rows::List(&rows[starts[at] as usize..starts[at + 1] as usize])
            }
        }
    }

    /// Of unique keys: replaces entries by their rows.
    pub fn entries_to_rows(&self, entries: &mut [u32]) {
        if let EntryRows::One(rows) = &self.rows {
            for entry in entries {
                *entry = rows[*entry as usize];
            }
        }
    }
}

/// What a lookup found, and its buffers.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Positions of the keys that have an entry.
    pub positions: Vec<u32>,
    /// Their entries.
    pub entries: Vec<u32>,
    loaded: Vec<(u64, u64)>,
}

impl Shard {
    #[inline]
    fn entry(&self, key: u64, hash: u64) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            let entry = slot as u32 - 1;
            if slot >> 32 == hash >> 32 && self.keys[entry as usize] == key {
                return Some(self.base + entry);
            }
            at = (at + 1) & mask;
        }
    }

    /// The key's entry within the shard, a new one if it has none.
    fn insert(&mut self, key: u64, hash: u64) -> u32 {
        if self.keys.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                self.keys.push(key);
                self.slots[at] = (hash >> 32) << 32 | self.keys.len() as u64;
                return self.keys.len() as u32 - 1;
            }
            let entry = slot as u32 - 1;
            if slot >> 32 == hash >> 32 && self.keys[entry as usize] == key {
                return entry;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let capacity = (self.slots.len() * 2).max(64);
        self.slots = vec![0; capacity];
        for (entry, &key) in self.keys.iter().enumerate() {
            let hash = mix(key);
            let mut at = hash as usize & (capacity - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (capacity - 1);
            }
            self.slots[at] = (hash >> 32) << 32 | (entry as u64 + 1);
        }
    }
}

#[inline]
fn shard_of(hash: u64, shards: usize) -> usize {
    (((hash >> 32) * shards as u64) >> 32) as usize
}

/// Rows whose keys may be in `range`: those alone if keys are sorted, else all.
fn rows_near(keys: &[u64], sorted: bool, range: &Range<usize>) -> Range<usize> {
    if !sorted {
        return 0..keys.len();
    }
    let at = |bound: usize| keys.partition_point(|&key| key < bound as u64);
    at(range.start)..at(range.end)
}

/// An array from key to row + 1; `None` if two rows have one key.
fn direct(keys: &[u64], limit: usize, sorted: bool, owners: usize) -> Option<Vec<u32>> {
    let mut slots = vec![0u32; limit];
    let stride = limit.div_ceil(owners).max(1);
    let unique = slots
        .par_chunks_mut(stride)
        .enumerate()
        .map(|(owner, part)| {
            let range = owner * stride..owner * stride + part.len();
            for row in rows_near(keys, sorted, &range) {
                if let Some(slot) = part.get_mut((keys[row] as usize).wrapping_sub(range.start)) {
                    if *slot != 0 {
                        return false;
                    }
                    *slot = row as u32 + 1;
                }
            }
            true
        })
        .reduce(|| true, |a, b| a && b);
    unique.then_some(slots)
}

fn ranked(keys: &[u64], limit: usize, sorted: bool, exists: bool, owners: usize) -> Index {
    let mut bits = vec![0u64; limit.div_ceil(64)];
    let stride = bits.len().div_ceil(owners).max(1);
    let range_of = |owner: usize, words: usize| owner * stride * 64..(owner * stride + words) * 64;
    bits.par_chunks_mut(stride).enumerate().for_each(|(owner, part)| {
        let range = range_of(owner, part.len());
        for row in rows_near(keys, sorted, &range) {
            let bit = (keys[row] as usize).wrapping_sub(range.start);
            if let Some(word) = part.get_mut(bit >> 6) {
                *word |= 1 << (bit & 63);
            }
        }
    });
    if exists {
        let lookup = Lookup::Ranked { bits, ranks: Vec::new() };
        // An entry is its key.
        return Index { lookup, rows: EntryRows::Unknown, entries: limit };
    }
    let mut ranks = Vec::with_capacity(bits.len());
    let mut entries = 0u32;
    for word in &bits {
        ranks.push(entries);
        entries += word.count_ones();
    }
    let entries = entries as usize;
    let present = if sorted { keys.len() } else { keys.iter().filter(|&&key| key != MISS).count() };
    let rank =
        |key: usize| (ranks[key >> 6] + (bits[key >> 6] & ((1 << (key & 63)) - 1)).count_ones()) as usize;
    // Entries of an owner's keys are consecutive, so what is indexed by entry is cut among the owners too.
    let parts: Vec<(Range<usize>, Range<usize>)> = (0..bits.len().div_ceil(stride))
        .map(|owner| {
            let words = stride.min(bits.len() - owner * stride);
            let start = ranks[owner * stride] as usize;
            let end = ranks.get(owner * stride + words).map_or(entries, |&r| r as usize);
            (range_of(owner, words), start..end)
        })
        .collect();
    let rows = if entries == present {
        if sorted {
            EntryRows::Same
        } else {
            let mut one = vec![0u32; entries];
            cut(&mut one, parts.iter().map(|(_, e)| e.len())).into_par_iter().zip(&parts).for_each(
                |(one, (range, own))| {
                    for (row, &key) in keys.iter().enumerate() {
                        if range.contains(&(key as usize)) {
                            one[rank(key as usize) - own.start] = row as u32;
                        }
                    }
                },
            );
            EntryRows::One(one)
        }
    } else {
        many(keys, sorted, entries, present, &parts, &rank)
    };
    Index { lookup: Lookup::Ranked { bits, ranks }, rows, entries }
}

/// Cuts a slice into pieces of these lengths.
fn cut<T>(mut slice: &mut [T], lengths: impl Iterator<Item = usize>) -> Vec<&mut [T]> {
    lengths
        .map(|len| {
            let (piece, rest) = std::mem::take(&mut slice).split_at_mut(len);
            slice = rest;
            piece
        })
        .collect()
}

/// The rows of each entry, by counting: how many, from where, and then the rows themselves.
fn many(
    keys: &[u64],
    sorted: bool,
    entries: usize,
    present: usize,
    parts: &[(Range<usize>, Range<usize>)],
    rank: &(impl Fn(usize) -> usize + Sync),
) -> EntryRows {
    let mut starts = vec![0u32; entries + 1];
    cut(&mut starts[1..], parts.iter().map(|(_, own)| own.len())).into_par_iter().zip(parts).for_each(
        |(counts, (range, own))| {
            for row in rows_near(keys, sorted, range) {
                if range.contains(&(keys[row] as usize)) {
                    counts[rank(keys[row] as usize) - own.start] += 1;
                }
            }
        },
    );
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut rows = vec![0u32; present];
    let lengths = parts.iter().map(|(_, own)| (starts[own.end] - starts[own.start]) as usize);
    cut(&mut rows, lengths).into_par_iter().zip(parts).for_each(|(rows, (range, own))| {
        let base = starts[own.start];
        let mut next: Vec<u32> = starts[own.clone()].iter().map(|start| start - base).collect();
        for row in rows_near(keys, sorted, range) {
            if range.contains(&(keys[row] as usize)) {
                let at = &mut next[rank(keys[row] as usize) - own.start];
                rows[*at as usize] = row as u32;
                *at += 1;
            }
        }
    });
    EntryRows::Many { starts, rows }
}

fn hashed(keys: &[u64], exists: bool, owners: usize) -> Index {
    struct Part {
        shard: Shard,
        rows: Vec<u32>,
        entries: Vec<u32>,
    }
    let mut parts: Vec<Part> = (0..owners)
        .into_par_iter()
        .map(|owner| {
            let capacity = (keys.len() / owners * 2).next_power_of_two().max(64);
            let shard = Shard { slots: vec![0; capacity], ..Shard::default() };
            let mut part = Part { shard, rows: Vec::new(), entries: Vec::new() };
            for (row, &key) in keys.iter().enumerate() {
                let hash = mix(key);
                if key == MISS || shard_of(hash, owners) != owner {
                    continue;
                }
                let entry = part.shard.insert(key, hash);
                if !exists {
                    part.rows.push(row as u32);
                    part.entries.push(entry);
                }
            }
            part
        })
        .collect();
    let mut entries = 0;
    for part in &mut parts {
        part.shard.base = entries as u32;
        entries += part.shard.keys.len();
    }
    let unique = parts.iter().all(|p| p.rows.len() == p.shard.keys.len());
    let rows = if exists {
        EntryRows::Unknown
    } else if unique {
        // Entries were numbered as their rows came.
        EntryRows::One(parts.iter().flat_map(|p| p.rows.iter().copied()).collect())
    } else {
        let mut starts = vec![0u32; entries + 1];
        let shards = || parts.iter().map(|p| p.shard.keys.len());
        cut(&mut starts[1..], shards()).into_par_iter().zip(&parts).for_each(|(counts, part)| {
            part.entries.iter().for_each(|&entry| counts[entry as usize] += 1);
        });
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut rows = vec![0u32; sum as usize];
        cut(&mut rows, parts.iter().map(|p| p.rows.len())).into_par_iter().zip(&parts).for_each(
            |(rows, part)| {
                let own = part.shard.base as usize..part.shard.base as usize + part.shard.keys.len();
                let base = starts[own.start];
                let mut next: Vec<u32> = starts[own].iter().map(|start| start - base).collect();
                for (&row, &entry) in part.rows.iter().zip(&part.entries) {
                    let at = &mut next[entry as usize];
                    rows[*at as usize] = row;
                    *at += 1;
                }
            },
        );
        EntryRows::Many { starts, rows }
    };
    let shards = parts.into_iter().map(|p| p.shard).collect();
    Index { lookup: Lookup::Hashed(shards), rows, entries }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::key::testing::Random;

    #[test]
    fn every_form_finds_the_rows_that_a_map_finds() {
        for seed in 0..24 {
            let random = &mut Random(seed);
            let count = *random.pick(&[0, 1, 100, 3000, 150_000]);
            let limit = *random.pick(&[1u64, 50, 5000, 150_000, 3_000_000, 1 << 40, 1 << 62]);
            let mut keys: Vec<u64> =
                (0..count).map(|_| if random.chance(1) { MISS } else { random.below(limit) }).collect();
            match random.below(3) {
                0 => keys.sort_unstable(),
                1 => {
                    keys.sort_unstable();
                    keys.dedup();
                    keys.retain(|&key| key != MISS);
                }
                _ => {}
            }
            let mut map: HashMap<u64, Vec<u32>> = HashMap::new();
            for (row, &key) in keys.iter().enumerate().filter(|(_, k)| **k != MISS) {
                map.entry(key).or_default().push(row as u32);
            }
            let mut wanted: Vec<u64> = (0..2000).map(|_| random.below(limit.saturating_mul(2))).collect();
            wanted.extend(keys.iter().step_by(7));
            for exists in [false, true] {
                let index = Index::build(&keys, u128::from(limit), exists, 3);
                let mut found = Found::default();
                index.find(&wanted, &mut found);
                let hits: Vec<u32> =
                    (0..wanted.len() as u32).filter(|&p| map.contains_key(&wanted[p as usize])).collect();
                assert_eq!(found.positions, hits, "seed {seed}");
                for (&position, &entry) in found.positions.iter().zip(&found.entries) {
                    assert!((entry as usize) < index.entries());
                    let rows = match index.rows(entry) {
                        _ if exists => break,
                        Rows::Range(range) => range.collect::<Vec<u32>>(),
                        Rows::List(rows) => rows.to_vec(),
                    };
                    assert_eq!(rows, map[&wanted[position as usize]], "seed {seed}");
                }
                if !exists && index.is_unique() {
                    let mut entries = found.entries.clone();
                    index.entries_to_rows(&mut entries);
                    for (position, row) in found.positions.iter().zip(entries) {
                        assert_eq!(map[&wanted[*position as usize]], [row]);
                    }
                }
            }
        }
    }
}

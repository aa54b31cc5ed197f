//! A worker's groups: which number each row's group has.
//!
//! Groups are numbered 0, 1, … as they come, and accumulators are arrays over these numbers. The index that finds a
//! group's number is chosen from the keys that were seen so far, and chosen again when it has to grow:
//!
//! - **sorted**: as long as no key is less than the one before it, a group is found by comparing with the last. A table
//!   that is clustered by the group column (lineitem by order) is grouped this way without any table.
//! - **direct**: keys of few bits index an array of group numbers: the dictionary codes of q01 as well as 200,000 parts.
//! - **hashed**: slots with 32 bits of the hash and the group's number, probed linearly; first all slots of a batch are
//!   loaded, then the keys compared, so that cache misses overlap.
//!
//! Equal keys in consecutive rows are hashed once.

use std::ops::Range;

use arrow::array::ArrayRef;

use super::spelling::{self, Spelled};
use crate::error::Result;
use crate::kernel::hash::mix;
use crate::key::{self, Encoder, Form, Interner, Layout, WordColumn, fold, unfold};

/// Slots that a direct index may always have, and how many more for each row seen.
const DIRECT_SLOTS_MIN: u64 = 1 << 16;
const DIRECT_SLOTS_PER_ROW: u64 = 8;
const DIRECT_BITS_MAX: u32 = 28;
/// Slots of the least hashed index.
const HASH_SLOTS_MIN: usize = 1 << 10;

/// The groups of one worker's rows.
#[derive(Debug)]
pub(super) struct Groups {
    encoders: Vec<Encoder>,
    /// If keys are folded: the tuples, whose numbers are those of the groups.
    tuples: Option<Interner>,
    layout: Layout,
    keys: Vec<u64>,
    spelled: Vec<Spelled>,
    index: Index,
    rows_seen: u64,
    scratch: Scratch,
}

#[derive(Debug)]
enum Index {
    Sorted,
    /// Group number + 1 by key, 0 = none.
    Direct(Vec<u32>),
    /// Upper half of the hash, and group number + 1; 0 = free. Their number is a power of two, at most half are used.
    Hashed(Vec<u64>),
}

#[derive(Debug, Default)]
struct Scratch {
    packed: Vec<u64>,
    run_keys: Vec<u64>,
    run_ends: Vec<u32>,
    run_numbers: Vec<u32>,
    found: Vec<(u64, u64)>,
}

/// The groups of a batch's rows.
#[derive(Debug, Default)]
pub(super) struct Assigned {
    /// Group of each row.
    pub numbers: Vec<u32>,
    /// Rows that began a group; the groups have consecutive numbers, the last is `groups - 1`.
    pub new_rows: Vec<u32>,
    /// Groups after this batch.
    pub groups: usize,
}

/// What a worker's groups come to: keys of one layout each, to be merged.
pub(super) struct Finished {
    /// By group number.
    pub words: Vec<WordColumn>,
    /// For each key column the strings that were numbered.
    pub strings: Vec<Interner>,
    /// The groups that show other texts.
    pub spelled: Vec<Spelled>,
    /// How many.
    pub groups: usize,
}

impl Groups {
    /// No groups, of key columns of these forms.
    pub fn new(forms: &[Form]) -> Groups {
        let width = forms.iter().map(Form::width).sum();
        Groups {
            encoders: forms.iter().cloned().map(Encoder::new).collect(),
            tuples: None,
            layout: Layout::exact(&vec![key::Range::EMPTY; width]),
            keys: Vec::new(),
            spelled: Vec::new(),
            index: Index::Sorted,
            rows_seen: 0,
            scratch: Scratch::default(),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether their keys have ascended so far.
    pub fn is_ascending(&self) -> bool {
        matches!(self.index, Index::Sorted) && self.tuples.is_none()
    }

    /// Forgets all ascending groups but the last one, which becomes the first.
    pub fn keep_last(&mut self) {
        self.keys.drain(..self.keys.len().saturating_sub(1));
    }

    /// Forgets all ascending groups.
    pub fn clear(&mut self) {
        self.keys.clear();
    }

    /// The key words of some of the ascending groups.
    pub fn words_of(&self, groups: Range<usize>) -> Vec<WordColumn> {
        self.layout.unpack(&self.keys[groups])
    }

    /// Bytes kept.
    pub fn memory_bytes(&self) -> u64 {
        let index = match &self.index {
            Index::Sorted => 0,
            Index::Direct(slots) => 4 * slots.len(),
            Index::Hashed(slots) => 8 * slots.len(),
        };
        let strings: u64 = self.encoders.iter().map(Encoder::memory_bytes).sum();
        let tuples = self.tuples.as_ref().map_or(0, Interner::memory_bytes);
        (8 * self.keys.capacity() + index) as u64 + strings + tuples
    }

    /// Finds or makes the group of each row of the key columns.
    pub fn assign(&mut self, columns: &[ArrayRef], rows: usize, out: &mut Assigned) -> Result<()> {
        let mut words = Vec::with_capacity(columns.len());
        for (encoder, column) in self.encoders.iter_mut().zip(columns) {
            encoder.encode(column, &mut words)?;
        }
        self.assign_words(&words, rows, out);
        // The text of one key is that of its group.
        if columns.len() > 1 {
            spelling::note(&self.encoders, columns, out, &mut self.spelled);
        }
        Ok(())
    }

    /// As `assign`, of words. Strings must have been numbered by one and the same interner.
    pub fn assign_words(&mut self, words: &[WordColumn], rows: usize, out: &mut Assigned) {
        out.new_rows.clear();
        out.numbers.clear();
        self.rows_seen += rows as u64;
        let mut packed = std::mem::take(&mut self.scratch.packed);
        while self.tuples.is_none() && !self.layout.pack(words, rows, &mut packed) {
            self.widen(words);
        }
        match &mut self.tuples {
            Some(tuples) => {
                let numbers = fold(words, rows, |tuple| i64::from(tuples.intern(tuple)));
                for (row, &number) in numbers.values.iter().enumerate() {
                    if number as usize == self.keys.len() {
                        self.keys.push(number as u64);
                        out.new_rows.push(row as u32);
                    }
                    out.numbers.push(number as u32);
                }
            }
            None => self.find(&packed, out),
        }
        out.groups = self.keys.len();
        self.scratch.packed = packed;
    }

    fn find(&mut self, keys: &[u64], out: &mut Assigned) {
        if matches!(self.index, Index::Sorted) {
            let last = self.keys.last().copied().unwrap_or(0);
            if keys.first().is_none_or(|&first| first >= last) && keys.is_sorted() {
                return self.append_sorted(keys, out);
            }
            self.rebuild();
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        // A slot of an array is found sooner than the end of a short run, which no branch predictor knows.
        let hashed = matches!(self.index, Index::Hashed(_));
        if hashed && keys.windows(2).filter(|pair| pair[0] != pair[1]).count() < keys.len() / 2 {
            scratch.cut_runs(keys);
            self.look_up(&scratch.run_keys, &mut scratch.run_numbers, &mut out.new_rows, &mut scratch.found);
            // A new group began with the first row of its run.
            for run in &mut out.new_rows {
                *run = if *run == 0 { 0 } else { scratch.run_ends[*run as usize - 1] };
            }
            for (&number, &end) in scratch.run_numbers.iter().zip(&scratch.run_ends) {
                out.numbers.resize(end as usize, number);
            }
        } else {
            self.look_up(keys, &mut out.numbers, &mut out.new_rows, &mut scratch.found);
        }
        self.scratch = scratch;
    }

    fn append_sorted(&mut self, keys: &[u64], out: &mut Assigned) {
        for (row, &key) in keys.iter().enumerate() {
            if self.keys.last() != Some(&key) {
                self.keys.push(key);
                out.new_rows.push(row as u32);
            }
            out.numbers.push(self.keys.len() as u32 - 1);
        }
    }

    fn look_up(
        &mut self,
        keys: &[u64],
        numbers: &mut Vec<u32>,
        new_rows: &mut Vec<u32>,
        found: &mut Vec<(u64, u64)>,
    ) {
        numbers.clear();
        match &mut self.index {
            Index::Sorted => unreachable!("a sorted index was rebuilt before anything is looked up in it"),
            Index::Direct(slots) => {
                numbers.extend(keys.iter().map(|&key| slots[key as usize].wrapping_sub(1)));
                if !numbers.contains(&u32::MAX) {
                    return;
                }
                for (row, (number, &key)) in numbers.iter_mut().zip(keys).enumerate() {
                    let slot = &mut slots[key as usize];
                    if *slot == 0 {
                        self.keys.push(key);
                        *slot = self.keys.len() as u32;
                        new_rows.push(row as u32);
                    }
                    *number = *slot - 1;
                }
            }
            Index::Hashed(slots) => {
                let mask = slots.len() as u64 - 1;
                found.clear();
                found.extend(keys.iter().map(|&key| {
                    let hash = mix(key);
                    (hash, slots[(hash & mask) as usize])
                }));
                for (row, (&key, &(hash, slot))) in keys.iter().zip(found.iter()).enumerate() {
                    let number = (slot as u32).wrapping_sub(1);
                    if slot >> 32 == hash >> 32 && self.keys.get(number as usize) == Some(&key) {
                        numbers.push(number);
                        continue;
                    }
                    let before = self.keys.len();
                    numbers.push(self.probe(key, hash));
                    if self.keys.len() > before {
                        new_rows.push(row as u32);
                    }
                }
            }
        }
    }

    /// The number of a key's group, which is made if it is new.
    fn probe(&mut self, key: u64, hash: u64) -> u32 {
        loop {
            let slots = match &mut self.index {
                Index::Hashed(slots) => slots,
                Index::Direct(slots) => {
                    // The index was changed while a batch is being looked up.
                    let slot = &mut slots[key as usize];
                    if *slot == 0 {
                        self.keys.push(key);
                        *slot = self.keys.len() as u32;
                    }
                    return *slot - 1;
                }
                Index::Sorted => unreachable!("a hashed index does not become sorted"),
            };
            let mask = slots.len() - 1;
            let mut at = hash as usize & mask;
            loop {
                let slot = slots[at];
                if slot == 0 {
                    break;
                }
                let number = slot as u32 - 1;
                if slot >> 32 == hash >> 32 && self.keys[number as usize] == key {
                    return number;
                }
                at = (at + 1) & mask;
            }
            if self.keys.len() < slots.len() / 2 {
                self.keys.push(key);
                slots[at] = (hash >> 32) << 32 | self.keys.len() as u64;
                return self.keys.len() as u32 - 1;
            }
            self.rebuild();
        }
    }

    /// Indexes all keys anew, in an index with room for as many again.
    fn rebuild(&mut self) {
        let bits = self.layout.bits;
        let room = DIRECT_SLOTS_MIN.max(self.rows_seen.saturating_mul(DIRECT_SLOTS_PER_ROW));
        if bits <= DIRECT_BITS_MAX && 1 << bits <= room {
            let mut slots = vec![0; 1 << bits];
            for (number, &key) in self.keys.iter().enumerate() {
                slots[key as usize] = number as u32 + 1;
            }
            self.index = Index::Direct(slots);
            return;
        }
        let capacity = (self.keys.len() * 4).next_power_of_two().max(HASH_SLOTS_MIN);
        let mut slots = vec![0u64; capacity];
        for (number, &key) in self.keys.iter().enumerate() {
            let hash = mix(key);
            let mut at = hash as usize & (capacity - 1);
            while slots[at] != 0 {
                at = (at + 1) & (capacity - 1);
            }
            slots[at] = (hash >> 32) << 32 | (number as u64 + 1);
        }
        self.index = Index::Hashed(slots);
    }

    /// Makes room in the layout for values that do not fit, and packs the keys of all groups again; folds them if they
    /// become too wide.
    #[cold]
    fn widen(&mut self, words: &[WordColumn]) {
        let ranges: Vec<key::Range> = words.iter().map(key::Range::of).collect();
        // The first layout covers no value: it is none.
        let old = Some(&self.layout).filter(|_| !self.keys.is_empty());
        let layout = Layout::grown(old, &ranges);
        let groups = self.layout.unpack(&self.keys);
        if layout.bits > 64 {
            let mut tuples = Interner::default();
            fold(&groups, self.keys.len(), |tuple| i64::from(tuples.intern(tuple)));
            self.keys = (0..self.keys.len() as u64).collect();
            self.tuples = Some(tuples);
            return;
        }
        let mut keys = Vec::new();
        layout.pack(&groups, self.keys.len(), &mut keys);
        self.layout = layout;
        self.keys = keys;
        // Packing keeps order, so sorted keys stay sorted.
        if !matches!(self.index, Index::Sorted) {
            self.rebuild();
        }
    }

    /// The key words of the groups, by group number.
    fn words(&self) -> Vec<WordColumn> {
        match &self.tuples {
            Some(tuples) => {
                let width = self.encoders.iter().map(|e| e.form().width()).sum();
                unfold(tuples, self.keys.iter().copied(), width)
            }
            None => self.layout.unpack(&self.keys),
        }
    }

    /// The groups' keys as words, and the strings among them.
    pub fn finish(self) -> Finished {
        Finished {
            words: self.words(),
            spelled: self.spelled,
            groups: self.keys.len(),
            strings: self.encoders.into_iter().map(Encoder::into_strings).collect(),
        }
    }
}

impl Scratch {
    /// Cuts the keys into runs of equal ones.
    fn cut_runs(&mut self, keys: &[u64]) {
        self.run_keys.clear();
        self.run_ends.clear();
        let mut last = None;
        for (row, &key) in keys.iter().enumerate() {
            if last != Some(key) {
                if last.is_some() {
                    self.run_ends.push(row as u32);
                }
                self.run_keys.push(key);
                last = Some(key);
            }
        }
        self.run_ends.push(keys.len() as u32);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// A small generator, so that a failure can be repeated from its seed.
    pub struct Random(pub u64);
    impl Random {
        pub fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            mix(self.0) % n
        }
    }

    /// Every way the words of keys may be spread, against a map.
    #[test]
    fn numbers_are_those_of_a_map() {
        for seed in 0..60u64 {
            let mut random = Random(seed);
            let width = 1 + random.below(3) as usize;
            let forms = vec![Form::of(&allod_storage::schema::SqlType::BIGINT); width];
            let mut groups = Groups::new(&forms);
            let mut map: HashMap<Vec<Option<i64>>, u32> = HashMap::new();
            let spread = [3, 1000, 100_000, u64::MAX][random.below(4) as usize];
            let (nulls, sorted, runs) = (random.below(2) == 0, random.below(3) == 0, random.below(3) == 0);
            let mut clock = 0i64;
            for _ in 0..20 {
                let rows = 1 + random.below(700) as usize;
                let mut tuples: Vec<Vec<Option<i64>>> = Vec::new();
                for _ in 0..rows {
                    if runs && random.below(4) > 0 && !tuples.is_empty() {
                        tuples.push(tuples[tuples.len() - 1].clone());
                        continue;
                    }
                    clock += random.below(3) as i64;
                    tuples.push(
                        (0..width)
                            .map(|_| {
                                let v = (random.below(spread) as i64).wrapping_sub((spread / 2) as i64);
                                (!nulls || random.below(5) > 0).then_some(if sorted { clock } else { v })
                            })
                            .collect(),
                    );
                }
                let words: Vec<WordColumn> =
                    (0..width).map(|c| tuples.iter().map(|t| t[c]).collect()).collect();
                let mut out = Assigned::default();
                groups.assign_words(&words, rows, &mut out);
                let mut new = Vec::new();
                for (row, tuple) in tuples.iter().enumerate() {
                    let next = map.len() as u32;
                    let number = *map.entry(tuple.clone()).or_insert_with(|| {
                        new.push(row as u32);
                        next
                    });
                    assert_eq!(out.numbers[row], number, "seed {seed}");
                }
                assert_eq!(out.new_rows, new, "seed {seed}");
                assert_eq!(out.groups, map.len());
            }
            let words = groups.finish().words;
            for (tuple, number) in map {
                let kept: Vec<_> = words.iter().map(|w| w.get(number as usize)).collect();
                assert_eq!(kept, tuple, "seed {seed}");
            }
        }
    }
}

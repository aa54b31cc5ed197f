//! The groups of several workers as one set of groups.
//!
//! Strings are numbered anew over all workers and the keys packed by one layout for all. Then the keys are partitioned, by
//! range or by hash, and each partition has one owner, who goes through every worker's keys and takes those of its
//! partition. Keys that are sorted already (each worker saw ascending tasks of a clustered table) are merged by range
//! without a table; keys of a small range index an array; others are hashed.

use rayon::prelude::*;

use super::groups::Finished;
use super::spelling::{self, Spelled};
use crate::kernel::hash::mix;
use crate::key::{Form, Interner, Layout, Range, WordColumn, fold, unfold};

/// Groups below which one owner merges everything.
const PARTITION_GROUPS_MIN: usize = 1 << 14;

/// One partition of the merged groups.
pub(super) struct Partition {
    /// Key words by group number.
    pub words: Vec<WordColumn>,
    /// How many groups.
    pub groups: usize,
    /// For each worker which of its groups are part of which of these.
    pub moves: Vec<MoveList>,
    /// The groups that show other texts.
    pub spelled: Vec<Spelled>,
}

/// Group `to[i]` takes in a worker's group `from[i]`.
#[derive(Default)]
pub(super) struct MoveList {
    pub from: Vec<u32>,
    pub to: Vec<u32>,
}

impl MoveList {
    fn push(&mut self, from: usize, to: usize) {
        self.from.push(from as u32);
        self.to.push(to as u32);
    }
}

/// Numbers the strings of all workers anew, in their words too. Returns an interner for each key column.
pub(super) fn unify_strings(workers: &mut [Finished], forms: &[Form]) -> Vec<Interner> {
    let mut at = 0;
    let mut all = Vec::new();
    for (column, form) in forms.iter().enumerate() {
        let text = matches!(form, Form::Text { .. });
        // Whoever has most keeps its numbers.
        let most = (0..workers.len()).max_by_key(|&w| workers[w].strings[column].len()).filter(|_| text);
        let own = most.map(|w| std::mem::take(&mut workers[w].strings[column]));
        let mut strings = own.unwrap_or_else(|| form.interner());
        for (w, worker) in workers.iter_mut().enumerate() {
            if !text || Some(w) == most {
                continue;
            }
            let own = std::mem::take(&mut worker.strings[column]);
            let numbers = strings.absorb(&own);
            spelling::note_renumbered(worker, (column, at), &own, &strings, &numbers);
            let words = &mut worker.words[at];
            *words = words.renumber(&numbers);
        }
        all.push(strings);
        at += form.width();
    }
    all
}

/// Merges the groups of all workers; their strings are unified already.
pub(super) fn merge(workers: &[Finished], owners: usize) -> Vec<Partition> {
    let width = workers.first().map_or(0, |w| w.words.len());
    let ranges: Vec<Range> = (0..width)
        .map(|c| workers.iter().map(|w| Range::of(&w.words[c])).fold(Range::EMPTY, Range::union))
        .collect();
    let layout = Layout::exact(&ranges);
    let mut tuples = Interner::default();
    let (keys, limit): (Vec<Vec<u64>>, u128) = if layout.bits <= 64 {
        let pack = |w: &Finished| {
            let mut keys = Vec::new();
            layout.pack(&w.words, w.groups, &mut keys);
            keys
        };
        (workers.par_iter().map(pack).collect(), layout.limit())
    } else {
        let mut number = |w: &Finished| -> Vec<u64> {
            let numbers = fold(&w.words, w.groups, |tuple| i64::from(tuples.intern(tuple)));
            numbers.values.iter().map(|&n| n as u64).collect()
        };
        let keys = workers.iter().map(&mut number).collect();
        (keys, tuples.len() as u128)
    };
    let total: usize = keys.iter().map(Vec::len).sum();
    let owners = if total < PARTITION_GROUPS_MIN { 1 } else { owners };
    let merged: Vec<(Vec<u64>, Vec<MoveList>)> = if keys.iter().all(|k| k.is_sorted()) {
        by_order(&keys, owners)
    } else if limit <= (total as u128 * 8).max(1 << 16) {
        by_range(&keys, limit as u64, owners)
    } else {
        by_hash(&keys, total, owners)
    };
    merged
        .into_par_iter()
        .map(|(keys, moves)| {
            let words = if layout.bits <= 64 {
                layout.unpack(&keys)
            } else {
                unfold(&tuples, keys.iter().copied(), width)
            };
            let spelled = spelling::moved(workers, &moves);
            Partition { words, groups: keys.len(), moves, spelled }
        })
        .collect()
}

/// Merges sorted keys: each owner has a range of keys, cut where the longest list has its quantiles.
fn by_order(workers: &[Vec<u64>], owners: usize) -> Vec<(Vec<u64>, Vec<MoveList>)> {
    let Some(longest) = workers.iter().max_by_key(|k| k.len()) else { return Vec::new() };
    let cut = |owner: usize, keys: &[u64]| {
        if owner == owners || longest.is_empty() {
            return keys.len();
        }
        let bound = longest[longest.len() * owner / owners];
        if owner == 0 { 0 } else { keys.partition_point(|&k| k < bound) }
    };
    (0..owners)
        .into_par_iter()
        .map(|owner| {
            let mut heads: Vec<usize> = workers.iter().map(|k| cut(owner, k)).collect();
            let ends: Vec<usize> = workers.iter().map(|k| cut(owner + 1, k)).collect();
            let mut moves: Vec<MoveList> = workers.iter().map(|_| MoveList::default()).collect();
            let mut keys = Vec::new();
            let head = |w: usize, at: usize| (at < ends[w]).then(|| workers[w][at]);
            while let Some(least) = heads.iter().enumerate().filter_map(|(w, &at)| head(w, at)).min() {
                for (w, at) in heads.iter_mut().enumerate() {
                    if head(w, *at) == Some(least) {
                        moves[w].push(*at, keys.len());
                        *at += 1;
                    }
                }
                keys.push(least);
            }
            (keys, moves)
        })
        .collect()
}

/// Merges keys below `limit`: each owner has a range of keys and an array over it.
fn by_range(workers: &[Vec<u64>], limit: u64, owners: usize) -> Vec<(Vec<u64>, Vec<MoveList>)> {
    let stride = limit.div_ceil(owners as u64).max(1);
    (0..owners as u64)
        .into_par_iter()
        .map(|owner| {
            let start = owner * stride;
            let mut slots = vec![0u32; stride as usize];
            let mut keys: Vec<u64> = Vec::new();
            let take = |list: &Vec<u64>| {
                let mut moves = MoveList::default();
                for (from, &key) in list.iter().enumerate() {
                    let Some(slot) = slots.get_mut(key.wrapping_sub(start) as usize) else { continue };
                    if *slot == 0 {
                        keys.push(key);
                        *slot = keys.len() as u32;
                    }
                    moves.push(from, *slot as usize - 1);
                }
                moves
            };
            let moves = workers.iter().map(take).collect();
            (keys, moves)
        })
        .collect()
}

/// Merges any keys: each owner has a range of hashes and a table.
fn by_hash(workers: &[Vec<u64>], total: usize, owners: usize) -> Vec<(Vec<u64>, Vec<MoveList>)> {
    let capacity = (2 * total / owners).next_power_of_two().max(64);
    (0..owners as u64)
        .into_par_iter()
        .map(|owner| {
            let mut table = Table { slots: vec![0; capacity], keys: Vec::new() };
            let take = |list: &Vec<u64>| {
                let mut moves = MoveList::default();
                for (from, &key) in list.iter().enumerate() {
                    let hash = mix(key);
                    // The upper half picks the owner, the lower half the slot.
                    if ((hash >> 32) * owners as u64) >> 32 == owner {
                        moves.push(from, table.number(key, hash));
                    }
                }
                moves
            };
            let moves = workers.iter().map(take).collect();
            (table.keys, moves)
        })
        .collect()
}

/// Keys and slots with their numbers + 1, probed linearly.
struct Table {
    slots: Vec<u32>,
    keys: Vec<u64>,
}

impl Table {
    fn number(&mut self, key: u64, hash: u64) -> usize {
        if self.keys.len() * 2 > self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.slots[at] {
                0 => {
                    self.keys.push(key);
                    self.slots[at] = self.keys.len() as u32;
                    return self.keys.len() - 1;
                }
                number if self.keys[number as usize - 1] == key => return number as usize - 1,
                _ => at = (at + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 4 - 1;
        self.slots = vec![0; mask + 1];
        for (number, &key) in self.keys.iter().enumerate() {
            let mut at = mix(key) as usize & mask;
            while self.slots[at] != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = number as u32 + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn worker(keys: impl Iterator<Item = i64>) -> Finished {
        let values: Vec<i64> = keys.collect();
        Finished {
            groups: values.len(),
            words: vec![WordColumn::new(values, None)],
            strings: Vec::new(),
            spelled: Vec::new(),
        }
    }

    /// Merged keys are the union, and every move leads from a key to the same key.
    #[test]
    fn every_way_to_merge_is_a_union() {
        let cases: Vec<Vec<Finished>> = vec![
            vec![worker((0..50_000).step_by(3)), worker((0..40_000).step_by(2)), worker(0..1)],
            vec![worker((0..30_000).rev()), worker((0..60_000).step_by(7))],
            vec![
                worker(
                    (0..20_000)
                        .map(|i| i * i * 7_919 % 1_000_000_007 - 5)
                        .collect::<BTreeSet<_>>()
                        .into_iter()
                        .rev(),
                ),
                worker((0..20_000).map(|i| i * 50_021 + 1)),
            ],
            vec![worker((0..10).rev()), worker(0..0), worker(5..7)],
            vec![worker([i64::MIN, 3, i64::MAX].into_iter()), worker([i64::MAX, i64::MIN].into_iter())],
        ];
        for workers in cases {
            for owners in [1, 2, 3] {
                let parts = merge(&workers, owners);
                let mut union = BTreeSet::new();
                let mut moved = 0;
                for part in &parts {
                    for row in 0..part.groups {
                        assert!(union.insert(part.words[0].get(row).unwrap()), "a key in two groups");
                    }
                    for (worker, moves) in workers.iter().zip(&part.moves) {
                        moved += moves.from.len();
                        for (&from, &to) in moves.from.iter().zip(&moves.to) {
                            assert_eq!(worker.words[0].get(from as usize), part.words[0].get(to as usize));
                        }
                    }
                }
                assert_eq!(moved, workers.iter().map(|w| w.groups).sum::<usize>());
                let expected: BTreeSet<i64> =
                    workers.iter().flat_map(|w| w.words[0].values.iter().copied()).collect();
                assert_eq!(union, expected);
            }
        }
    }
}

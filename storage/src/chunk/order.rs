//! Bringing rows into key order.
//!
//! Loaded data is often in order, or in batches that are: that is found in one pass. Otherwise rows are sorted. If the key
//! columns are fixed-width numbers without NULLs, as in nearly every primary key and index, each key is packed into one
//! machine word together with its row number (least value subtracted, as many bits as the range needs), and words are
//! sorted; else encoded keys are, by their first eight bytes as far as those decide.

use rayon::prelude::*;

use super::BuildError;
use crate::key::{Key, RowKeys, Words};

/// Whether the rows are in strictly ascending order, taking the sets one behind the other.
pub(super) fn are_ascending(sets: &[(RowKeys, usize)]) -> bool {
    let boundary = |pair: &[(RowKeys, usize)]| pair[0].0.key(pair[0].1 - 1) < pair[1].0.key(0);
    sets.windows(2).all(boundary) && sets.par_iter().all(|(keys, rows)| keys.are_ascending(*rows))
}

/// The numbers of the rows, counted through all sets, in the order of their keys, which must differ.
pub(super) fn sorted(sets: &[(RowKeys, usize)], rows: usize) -> Result<Vec<u32>, BuildError> {
    if u32::try_from(rows).is_err() {
        return Err(BuildError::TooManyRows { rows });
    }
    let order = match Packing::of(sets, rows) {
        Some(packing) if packing.bits <= 64 => packing.sort::<u64>(rows),
        Some(packing) => packing.sort::<u128>(rows),
        None => sort_encoded(sets, rows),
    };
    order.map_err(|row| BuildError::DuplicateKey { key: key_of(sets, row as usize) })
}

/// The key of a row counted through all sets.
fn key_of(sets: &[(RowKeys, usize)], mut row: usize) -> Key {
    for (keys, rows) in sets {
        match row.checked_sub(*rows) {
            Some(rest) => row = rest,
            None => return keys.key(row),
        }
    }
    unreachable!("a row's number is less than the number of rows")
}

/// How keys and row numbers fit into a word.
struct Packing<'a> {
    /// The key columns of each set, and its rows.
    sets: Vec<(Vec<Words<'a>>, usize)>,
    /// Of each column the least value, and the bits that its values need.
    columns: Vec<(u64, u32)>,
    row_bits: u32,
    bits: u32,
}

/// A word to pack into.
trait Word: Copy + Ord + Send + Default {
    fn push(self, bits: u32, value: u64) -> Self;
    fn shift_right(self, bits: u32) -> Self;
    fn low_u32(self) -> u32;
}

macro_rules! word {
    ($ty:ty) => {
        impl Word for $ty {
            fn push(self, bits: u32, value: u64) -> $ty {
                self.checked_shl(bits).unwrap_or(0) | value as $ty
            }

            fn shift_right(self, bits: u32) -> $ty {
                self.checked_shr(bits).unwrap_or(0)
            }

            fn low_u32(self) -> u32 {
                self as u32
            }
        }
    };
}

word!(u64);
word!(u128);

fn bits_of(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

impl<'a> Packing<'a> {
    fn of(sets: &'a [(RowKeys, usize)], rows: usize) -> Option<Packing<'a>> {
        let sets: Option<Vec<_>> = sets.iter().map(|(keys, rows)| Some((keys.words()?, *rows))).collect();
        let sets = sets?;
        let column = |at: usize| {
            let (mut least, mut greatest) = (u64::MAX, 0);
            for (columns, _) in &sets {
                columns[at].for_each(|_, value| {
                    least = least.min(value);
                    greatest = greatest.max(value);
                });
            }
            (least, bits_of(greatest.saturating_sub(least)))
        };
        let columns: Vec<(u64, u32)> = (0..sets.first()?.0.len()).into_par_iter().map(column).collect();
        let row_bits = bits_of(rows as u64);
        let bits = columns.iter().map(|(_, bits)| bits).sum::<u32>() + row_bits;
        (bits <= u128::BITS).then_some(Packing { sets, columns, row_bits, bits })
    }

    fn pack<W: Word>(&self, rows: usize) -> Vec<W> {
        let mut words = vec![W::default(); rows];
        let mut rest = words.as_mut_slice();
        let mut parts = Vec::with_capacity(self.sets.len());
        let mut first = 0;
        for (columns, rows) in &self.sets {
            let (part, after) = rest.split_at_mut(*rows);
            parts.push((columns, first, part));
            first += rows;
            rest = after;
        }
        parts.into_par_iter().for_each(|(columns, first, words)| {
            for (column, (least, bits)) in columns.iter().zip(&self.columns) {
                column.for_each(|row, value| words[row] = words[row].push(*bits, value - least));
            }
            for (row, word) in words.iter_mut().enumerate() {
                *word = word.push(self.row_bits, (first + row) as u64);
            }
        });
        words
    }

    /// The order of the rows, or a row whose key another one has too.
    fn sort<W: Word + Sync>(&self, rows: usize) -> Result<Vec<u32>, u32> {
        let mut words = self.pack::<W>(rows);
        words.par_sort_unstable();
        let key = |word: W| word.shift_right(self.row_bits);
        let mask = u32::MAX.checked_shr(u32::BITS - self.row_bits.min(u32::BITS)).unwrap_or(0);
        let row = |word: W| word.low_u32() & mask;
        match words.windows(2).find(|pair| key(pair[0]) == key(pair[1])) {
            Some(pair) => Err(row(pair[1])),
            None => Ok(words.iter().map(|&word| row(word)).collect()),
        }
    }
}

fn sort_encoded(sets: &[(RowKeys, usize)], rows: usize) -> Result<Vec<u32>, u32> {
    // What all keys share: the space.
    const SKIP: usize = 8;
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(rows);
    for (keys, rows) in sets {
        for row in 0..*rows {
            keys.append(row, &mut bytes);
            ends.push(bytes.len());
        }
    }
    let encoded = |row: u32| {
        let row = row as usize;
        &bytes[if row == 0 { 0 } else { ends[row - 1] }..ends[row]]
    };
    let head = |row: u32| {
        let tail = &encoded(row)[SKIP..];
        let mut head = [0; 8];
        let len = tail.len().min(8);
        head[..len].copy_from_slice(&tail[..len]);
        u64::from_be_bytes(head)
    };
    let mut order: Vec<(u64, u32)> = (0..rows as u32).map(|row| (head(row), row)).collect();
    order.par_sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| encoded(a.1).cmp(encoded(b.1))));
    match order.windows(2).find(|pair| encoded(pair[0].1) == encoded(pair[1].1)) {
        Some(pair) => Err(pair[1].1),
        None => Ok(order.into_iter().map(|(_, row)| row).collect()),
    }
}

/// Orders sets of rows by their first keys: batches that were made in parallel may come in any order.
pub(super) fn by_first_key<T>(sets: &mut [T], first: impl Fn(&T) -> Key) {
    sets.sort_by_cached_key(first);
}

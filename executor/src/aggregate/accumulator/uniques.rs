//! APPROX_COUNT_DISTINCT: how many different values a group has, nearly.
//!
//! A group keeps the hashes of its values, each once. When there are too many it keeps only those that end in a zero bit,
//! then in two, and so on: a sample of the values by chance, whose size times two for each bit is the count (Bar-Yossef,
//! Jayram, Kumar, Sivakumar and Trevisan, "Counting Distinct Elements in a Data Stream", the third algorithm; TiDB and
//! ClickHouse count this way). The count is exact as long as nothing was left out; after that its standard error is about 1
//! in the root of the hashes kept, 0.5 %. Sets are joined by taking the union at the greater number of bits.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::buffer::NullBuffer;
use arrow::row::{RowConverter, SortField};
use hashbrown::HashSet;

use super::{Moves, Rows};
use crate::batch::{decode, widen};
use crate::error::Result;
use crate::kernel::hash::{hash_bytes, mix};
use crate::key::unpadded_column;

/// Hashes kept of one group.
const HASHES_MAX: usize = 1 << 16;

#[derive(Debug, Default)]
pub(in crate::aggregate) struct Uniques {
    groups: Vec<Sample>,
    /// Bytes kept.
    pub bytes: u64,
}

#[derive(Clone, Debug, Default)]
struct Sample {
    /// How many bits at the end of every kept hash are 0.
    bits: u32,
    hashes: HashSet<u64>,
}

impl Sample {
    fn insert(&mut self, hash: u64) {
        if hash.trailing_zeros() < self.bits || !self.hashes.insert(hash) {
            return;
        }
        while self.hashes.len() > HASHES_MAX {
            self.bits += 1;
            self.hashes.retain(|hash| hash.trailing_zeros() >= self.bits);
        }
    }

    fn take_in(&mut self, other: &Sample) {
        if other.bits > self.bits {
            self.bits = other.bits;
            self.hashes.retain(|hash| hash.trailing_zeros() >= self.bits);
        }
        other.hashes.iter().for_each(|hash| self.insert(*hash));
    }

    fn count(&self) -> i64 {
        (self.hashes.len() as i64) << self.bits
    }

    fn bytes(&self) -> u64 {
        self.hashes.allocation_size() as u64
    }
}

impl Uniques {
    pub fn grow(&mut self, groups: usize) {
        self.bytes += (size_of::<Sample>() * groups.saturating_sub(self.groups.len())) as u64;
        self.groups.resize(groups, Sample::default());
    }

    fn change(&mut self, group: usize, change: impl FnOnce(&mut Sample)) {
        let sample = &mut self.groups[group];
        let before = sample.bytes();
        change(sample);
        self.bytes = (self.bytes + sample.bytes()).saturating_sub(before);
    }

    /// Takes in rows; those where an argument is NULL do not count.
    pub fn update(&mut self, args: &[&ArrayRef], rows: Rows<'_>) -> Result<()> {
        let columns: Vec<ArrayRef> = args.iter().map(|a| unpadded_column(&widen(&decode(a)))).collect();
        let nulls = columns
            .iter()
            .map(|c| c.logical_nulls())
            .fold(None, |all, nulls| NullBuffer::union(all.as_ref(), nulls.as_ref()));
        let fields = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
        let values = RowConverter::new(fields)?.convert_columns(&columns)?;
        rows.each(nulls.as_ref(), |row, group| {
            let hash = mix(hash_bytes(values.row(row).data()));
            self.change(group, |sample| sample.insert(hash));
        });
        Ok(())
    }

    pub fn take_in(&mut self, part: &Uniques, moves: Moves<'_>) {
        moves.each(|from, to| self.change(to, |sample| sample.take_in(&part.groups[from])));
    }

    pub fn finish(&self) -> ArrayRef {
        Arc::new(self.groups.iter().map(|sample| Some(sample.count())).collect::<Int64Array>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: std::ops::Range<u64>) -> Sample {
        let mut sample = Sample::default();
        values.for_each(|v| sample.insert(mix(hash_bytes(&v.to_le_bytes()))));
        sample
    }

    #[test]
    fn few_values_are_counted_exactly_and_many_nearly() {
        assert_eq!(sample(0..0).count(), 0);
        assert_eq!(sample(0..50_000).count(), 50_000);
        let many = sample(0..3_000_000).count();
        // Five standard errors.
        assert!((many - 3_000_000).abs() < 3_000_000 / 40, "{many}");
    }

    /// The union of samples is the sample of the union, in either order.
    #[test]
    fn samples_of_workers_are_joined() {
        let all = sample(0..400_000);
        for (a, b) in [(0..300_000, 100_000..400_000), (0..20_000, 10_000..400_000)] {
            let (a, b) = (sample(a), sample(b));
            let mut joined = a.clone();
            joined.take_in(&b);
            let mut other = b;
            other.take_in(&a);
            assert_eq!((joined.bits, joined.hashes.len()), (other.bits, other.hashes.len()));
            assert_eq!((joined.bits, &joined.hashes), (all.bits, &all.hashes));
        }
    }
}

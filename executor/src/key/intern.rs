//! Byte strings as numbers.

use std::sync::Arc;

use allod_storage::schema::unpadded;
use arrow::array::{ArrayRef, BinaryViewBuilder, StringViewBuilder};
use hashbrown::HashTable;

use crate::error::{Error, Result};
use crate::kernel::hash::hash_bytes;

/// Numbers byte strings 0, 1, … in the order in which they first come. One owner fills it; then it may be shared to look
/// strings up. Texts that differ in blanks at their ends have one number, which stands for the first of them.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    /// Whether blanks at the end do not count.
    padded: bool,
    /// Whether a text came that is equal to another one and not the same.
    respelled: bool,
    table: HashTable<u32>,
    hashes: Vec<u64>,
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

impl Interner {
    /// Of texts.
    pub fn of_texts() -> Interner {
        Interner { padded: true, ..Interner::default() }
    }

    #[inline]
    fn counts<'a>(&self, string: &'a [u8]) -> &'a [u8] {
        if self.padded { unpadded(string) } else { string }
    }

    /// The string's number, a new one if it has none.
    pub fn intern(&mut self, string: &[u8]) -> u32 {
        let hash = hash_bytes(self.counts(string));
        if let Some(number) = self.find(string, hash) {
            self.respelled |= self.padded && self.value(number).len() != string.len();
            return number;
        }
        let number = self.ends.len() as u32;
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len());
        self.hashes.push(hash);
        let hashes = &self.hashes;
        self.table.insert_unique(hash, number, |&n| hashes[n as usize]);
        number
    }

    /// The string's number, if it has one.
    pub fn get(&self, string: &[u8]) -> Option<u32> {
        self.find(string, hash_bytes(self.counts(string)))
    }

    #[inline]
    fn find(&self, string: &[u8], hash: u64) -> Option<u32> {
        let string = self.counts(string);
        let is = |n: u32| self.counts(at(&self.ends, &self.bytes, n)) == string;
        self.table.find(hash, |&n| self.hashes[n as usize] == hash && is(n)).copied()
    }

    /// Whether some number stands for several texts.
    pub fn is_respelled(&self) -> bool {
        self.respelled
    }

    /// The string of a number that was given out.
    pub fn value(&self, number: u32) -> &[u8] {
        at(&self.ends, &self.bytes, number)
    }

    /// Takes in the strings of another; returns for each of its numbers the one here.
    pub fn absorb(&mut self, other: &Interner) -> Vec<i64> {
        (0..other.len() as u32).map(|n| i64::from(self.intern(other.value(n)))).collect()
    }

    /// How many strings there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes kept.
    pub fn memory_bytes(&self) -> u64 {
        (self.bytes.capacity() + 16 * self.ends.capacity() + 5 * self.table.capacity()) as u64
    }

    /// Every string in the order of their numbers, as `Utf8View` or, if `binary`, as `BinaryView`.
    pub fn to_array(&self, binary: bool) -> Result<ArrayRef> {
        let all = (0..self.len() as u32).map(|n| self.value(n));
        if binary {
            let mut builder = BinaryViewBuilder::with_capacity(self.len());
            all.for_each(|s| builder.append_value(s));
            return Ok(Arc::new(builder.finish()));
        }
        let mut builder = StringViewBuilder::with_capacity(self.len());
        for s in all {
            builder.append_value(std::str::from_utf8(s).map_err(|e| Error::Panic(e.to_string()))?);
        }
        Ok(Arc::new(builder.finish()))
    }
}

#[inline]
fn at<'a>(ends: &[usize], bytes: &'a [u8], number: u32) -> &'a [u8] {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &bytes[start..ends[number]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_keeps_its_number() {
        let mut interner = Interner::default();
        let strings: Vec<String> = (0..1000).map(|i| "x".repeat(i % 37) + &(i % 211).to_string()).collect();
        let numbers: Vec<u32> = strings.iter().map(|s| interner.intern(s.as_bytes())).collect();
        for (s, &n) in strings.iter().zip(&numbers) {
            assert_eq!(interner.get(s.as_bytes()), Some(n));
            assert_eq!(interner.value(n), s.as_bytes());
        }
        assert_eq!(interner.get(b"none"), None);
        assert_eq!(interner.to_array(false).unwrap().len(), interner.len());
    }

    #[test]
    fn texts_have_one_number_whatever_blanks_they_end_with() {
        let mut texts = Interner::of_texts();
        assert_eq!([&b"a  "[..], b"a", b" a", b"", b"   "].map(|s| texts.intern(s)), [0, 0, 1, 2, 2]);
        assert_eq!((texts.get(b"a "), texts.get(b"b"), texts.value(0)), (Some(0), None, &b"a  "[..]));
        let mut bytes = Interner::default();
        assert_eq!([&b"a "[..], b"a"].map(|s| bytes.intern(s)), [0, 1]);
    }
}

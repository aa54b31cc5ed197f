//! Keys of joins and groups: any columns as one machine word per row.
//!
//! Whatever the key columns are, the tables that look keys up see only `u64`s, which index arrays, pack into slots and
//! compare in one instruction. Three steps make them:
//!
//! 1. **Words** ([`Encoder`]): a column becomes one or two columns of `i64`. Integers, dates, times and narrow decimals are
//!    their own word; a double is its bits; a wide decimal is its low and its high half. A string is its number in an
//!    [`Interner`], where blanks at the end of a text do not count; a dictionary's strings are interned once, not once per row.
//! 2. **Packing** ([`Layout`]): each word column has a range, and its distance from the least value takes only as many bits
//!    as the range needs. `GROUP BY l_returnflag, l_linestatus` packs into three bits, `(ps_partkey, ps_suppkey)` at scale
//!    factor 1 into 32. NULL is code 0 of a field that has NULLs.
//! 3. **Folding** ([`fold`]): if the ranges need more than 64 bits, the row's words are interned as a string of bytes, and
//!    its number is the key.
//!
//! A join knows all its build keys before it packs one, so its layout is exact and a probe value outside the range has no
//! match. An aggregation learns ranges as it goes and widens its layout when a value does not fit.

mod exprs;
mod intern;
mod layout;
mod padding;
#[cfg(test)]
pub(crate) mod testing;
mod words;

pub(crate) use exprs::Exprs;
pub(crate) use intern::Interner;
pub(crate) use layout::{Layout, MISS, Range};
pub(crate) use padding::unpadded_column;
pub(crate) use words::{Encoder, Form, WordColumn};

/// One word column in place of several: each row's words as one string of bytes, which `number` makes a word of.
pub(crate) fn fold(words: &[WordColumn], rows: usize, mut number: impl FnMut(&[u8]) -> i64) -> WordColumn {
    let mut bytes = Vec::with_capacity(words.len() * 9);
    let numbers: Vec<i64> = (0..rows)
        .map(|row| {
            bytes.clear();
            for word in words {
                match word.get(row) {
                    Some(v) => {
                        bytes.push(1);
                        bytes.extend_from_slice(&v.to_le_bytes());
                    }
                    None => bytes.push(0),
                }
            }
            number(&bytes)
        })
        .collect();
    WordColumn::new(numbers, None)
}

/// The words of tuples that [`fold`] interned, `width` columns.
pub(crate) fn unfold(tuples: &Interner, numbers: impl Iterator<Item = u64>, width: usize) -> Vec<WordColumn> {
    let mut columns: Vec<Vec<Option<i64>>> = vec![Vec::new(); width];
    for number in numbers {
        let mut rest = tuples.value(number as u32);
        for column in &mut columns {
            let (flag, tail) = rest.split_first().expect("a tuple has as many words as were folded");
            rest = tail;
            column.push((*flag == 1).then(|| {
                let (word, tail) = rest.split_first_chunk::<8>().expect("a word has eight bytes");
                rest = tail;
                i64::from_le_bytes(*word)
            }));
        }
    }
    columns.into_iter().map(|c| c.into_iter().collect()).collect()
}

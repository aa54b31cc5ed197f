//! How the words of a row pack into one.

use super::WordColumn;

/// The key of a row that fits no key of its layout.
pub(crate) const MISS: u64 = u64::MAX;

/// The values of a word column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// Least and greatest value, if there is any that is not NULL.
    pub values: Option<(i64, i64)>,
    /// Whether there may be NULLs.
    pub nullable: bool,
}

impl Range {
    /// Of no rows.
    pub const EMPTY: Range = Range { values: None, nullable: false };

    /// Of the rows of a column.
    pub fn of(words: &WordColumn) -> Range {
        let values = &words.values;
        let Some(nulls) = words.nulls.as_ref().filter(|n| n.null_count() > 0) else {
            let bounds = values.first().map(|&first| {
                values.iter().fold((first, first), |(low, high), &v| (low.min(v), high.max(v)))
            });
            return Range { values: bounds, nullable: false };
        };
        let mut bounds = None;
        for row in nulls.valid_indices() {
            let v = values[row];
            let (low, high) = bounds.unwrap_or((v, v));
            bounds = Some((low.min(v), high.max(v)));
        }
        Range { values: bounds, nullable: true }
    }

    /// Covers both.
    pub fn union(self, other: Range) -> Range {
        let values = match (self.values, other.values) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, None) | (None, one) => one,
        };
        Range { values, nullable: self.nullable || other.nullable }
    }
}

/// One word column's place in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    base: i64,
    /// Greatest distance from `base` that fits.
    span: u64,
    /// 1 if code 0 is NULL, else 0.
    one: u64,
    bits: u32,
    shift: u32,
}

/// Where each word column lies in a key: the first in the highest bits, so that rows sorted by the columns have sorted
/// keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    fields: Vec<Field>,
    /// Bits of all fields; packing works only up to 64.
    pub bits: u32,
}

impl Layout {
    /// A layout for exactly these ranges.
    pub fn exact(ranges: &[Range]) -> Layout {
        let fields = ranges
            .iter()
            .map(|range| {
                let (low, high) = range.values.unwrap_or((0, 0));
                let span = high.wrapping_sub(low) as u64;
                let one = u64::from(range.nullable);
                let bits = 128 - (u128::from(span) + u128::from(one)).leading_zeros();
                Field { base: low, span, one, bits, shift: 0 }
            })
            .collect();
        Layout::place(fields)
    }

    /// A layout that covers `old` and the ranges, with room to grow in the direction in which values left the old one.
    pub fn grown(old: Option<&Layout>, ranges: &[Range]) -> Layout {
        let fields = ranges
            .iter()
            .enumerate()
            .map(|(i, range)| {
                let before = old.map(|l| l.fields[i]);
                let known = before.map_or(Range::EMPTY, |f| f.range());
                let covered = known.union(*range);
                let (low, high) = covered.values.unwrap_or((0, 0));
                let one = u64::from(covered.nullable);
                let need = high.wrapping_sub(low) as u64;
                let bits = 128 - (u128::from(need) + u128::from(one)).leading_zeros();
                let room = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 - one };
                let down = known.values.is_some_and(|(least, _)| low < least);
                let base = if down {
                    let slack = i128::from(room - need);
                    i64::try_from(i128::from(low) - slack).unwrap_or(i64::MIN)
                } else {
                    low
                };
                let span = room.min(i64::MAX.wrapping_sub(base) as u64);
                Field { base, span, one, bits, shift: 0 }
            })
            .collect();
        Layout::place(fields)
    }

    fn place(mut fields: Vec<Field>) -> Layout {
        let mut bits = 0;
        for field in fields.iter_mut().rev() {
            field.shift = if field.bits == 0 || bits >= 64 { 0 } else { bits };
            bits += field.bits;
        }
        Layout { fields, bits }
    }

    /// Packs each row's words into `keys`, [`MISS`] where a value does not fit. Returns whether all did.
    pub fn pack(&self, words: &[WordColumn], rows: usize, keys: &mut Vec<u64>) -> bool {
        debug_assert!(self.bits <= 64, "wider keys are folded first");
        keys.clear();
        keys.resize(rows, 0);
        self.pack_into(words, keys)
    }

    /// As `pack`, into a slice of zeros.
    pub fn pack_into(&self, words: &[WordColumn], keys: &mut [u64]) -> bool {
        let mut fits = true;
        for (field, column) in self.fields.iter().zip(words) {
            fits &= field.pack(column, keys);
        }
        fits
    }

    /// The words that were packed.
    pub fn unpack(&self, keys: &[u64]) -> Vec<WordColumn> {
        self.fields
            .iter()
            .map(|f| {
                let mask = if f.bits >= 64 { u64::MAX } else { (1 << f.bits) - 1 };
                let value = |code: u64| f.base.wrapping_add(code.wrapping_sub(f.one) as i64);
                if f.one == 0 {
                    return WordColumn::new(
                        keys.iter().map(|k| value((k >> f.shift) & mask)).collect(),
                        None,
                    );
                }
                let code = |k: &u64| (k >> f.shift) & mask;
                keys.iter().map(|k| Some(code(k)).filter(|&c| c != 0).map(value)).collect()
            })
            .collect()
    }

    /// One more than the greatest key.
    pub fn limit(&self) -> u128 {
        match self.fields[..] {
            [field] => u128::from(field.span) + u128::from(field.one) + 1,
            _ => 1 << self.bits.min(127),
        }
    }
}

impl Field {
    fn range(&self) -> Range {
        Range { values: Some((self.base, self.base.wrapping_add(self.span as i64))), nullable: self.one == 1 }
    }

    fn pack(&self, column: &WordColumn, keys: &mut [u64]) -> bool {
        let Field { base, span, one, shift, .. } = *self;
        let mut fits = true;
        match column.nulls.as_ref().filter(|n| n.null_count() > 0) {
            None => {
                for (key, v) in keys.iter_mut().zip(column.values.iter()) {
                    let distance = v.wrapping_sub(base) as u64;
                    let inside = distance <= span;
                    fits &= inside;
                    *key |= if inside { distance.wrapping_add(one) << shift } else { MISS };
                }
            }
            Some(nulls) => {
                for (row, (key, v)) in keys.iter_mut().zip(column.values.iter()).enumerate() {
                    let distance = v.wrapping_sub(base) as u64;
                    if nulls.is_null(row) {
                        fits &= one == 1;
                        *key |= if one == 1 { 0 } else { MISS };
                    } else {
                        let inside = distance <= span;
                        fits &= inside;
                        *key |= if inside { distance.wrapping_add(one) << shift } else { MISS };
                    }
                }
            }
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[Option<i64>]) -> WordColumn {
        values.iter().copied().collect()
    }

    #[test]
    fn what_is_packed_comes_out_again() {
        let columns = [
            column(&[Some(5), Some(-7), None, Some(100)]),
            column(&[Some(0), Some(0), Some(0), Some(0)]),
            column(&[Some(i64::MAX - 1), Some(i64::MAX), Some(i64::MAX), Some(i64::MAX - 3)]),
        ];
        let ranges: Vec<Range> = columns.iter().map(Range::of).collect();
        for layout in [Layout::exact(&ranges), Layout::grown(None, &ranges)] {
            let mut keys = Vec::new();
            assert!(layout.pack(&columns, 4, &mut keys));
            let unpacked = layout.unpack(&keys);
            for (a, b) in columns.iter().zip(&unpacked) {
                assert!((0..4).all(|row| a.get(row) == b.get(row)));
            }
        }
        assert_eq!(Layout::exact(&ranges).bits, 7 + 2);
    }

    #[test]
    fn values_outside_miss_and_widening_takes_them_in() {
        let first = column(&[Some(10), Some(12)]);
        let mut layout = Layout::grown(None, &[Range::of(&first)]);
        let mut keys = Vec::new();
        for value in [9, 5, 40, i64::MIN] {
            let next = column(&[Some(value), Some(11)]);
            assert!(!layout.pack(std::slice::from_ref(&next), 2, &mut keys));
            assert_eq!(keys[0], MISS);
            assert_ne!(keys[1], MISS);
            layout = Layout::grown(Some(&layout), &[Range::of(&next)]);
            assert!(layout.pack(std::slice::from_ref(&next), 2, &mut keys));
            assert_eq!(layout.unpack(&keys)[0].get(0), Some(value));
        }
        let null = column(&[None]);
        assert!(!layout.pack(std::slice::from_ref(&null), 1, &mut keys));
        assert_eq!(Layout::grown(Some(&layout), &[Range::of(&null)]).bits, 65, "2^64 values and NULL");
    }
}

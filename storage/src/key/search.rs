//! Finding rows by the values of their leading key columns, without encoding a key.
//!
//! Rows that agree in the first `n` key columns lie side by side, and among them the next column ascends, NULL first. So a
//! prefix of values is found column by column: each narrows the rows to those that have its value. Wanted values come in
//! order, so each search begins where the last one ended, and gallops.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;

use super::{Encoded, KeyColumn, RowKeys, SPACE_BYTES, TypeMismatch};
use crate::schema::{SpaceId, SpaceSchema};

/// One end of a range of values of the key column behind a prefix; one value for each lookup.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    column: KeyColumn,
    inclusive: bool,
}

impl Bound {
    /// No bound where the value is NULL.
    pub(crate) fn new(ordinal: usize, values: &ArrayRef, inclusive: bool) -> Result<Bound, TypeMismatch> {
        Ok(Bound { column: key_column(ordinal, values)?, inclusive })
    }
}

fn key_column(ordinal: usize, values: &ArrayRef) -> Result<KeyColumn, TypeMismatch> {
    KeyColumn::new(values).ok_or_else(|| TypeMismatch {
        ordinal,
        expected: DataType::Null,
        found: values.data_type().clone(),
    })
}

impl RowKeys {
    /// Prefixes of keys: values of the leading key columns of a space.
    pub(crate) fn prefixes(space: SpaceId, columns: &[ArrayRef]) -> Result<RowKeys, TypeMismatch> {
        let columns = columns.iter().enumerate().map(|(i, values)| key_column(i, values));
        Ok(RowKeys {
            space: space.0.to_be_bytes() as [u8; SPACE_BYTES],
            columns: columns.collect::<Result<_, _>>()?,
            unique_prefix: None,
        })
    }

    /// Says how the keys of the space are made: prefixes that go beyond what a key holds are then taken for what it does hold.
    pub(crate) fn set_unique_prefix(&mut self, unique_prefix: Option<usize>) {
        self.unique_prefix = unique_prefix.filter(|&n| n <= self.columns.len());
    }

    /// Number of key columns.
    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }

    /// How all keys that start with the prefix in this row compare with a key: `None` = some are less than it, some are not.
    pub(crate) fn compare_prefix(&self, row: usize, key: &[u8]) -> Option<Ordering> {
        let mut rest = key;
        match self.compare_parts(row, &mut rest) {
            Err(decided) => Some(decided),
            Ok(()) if rest.is_empty() => Some(Ordering::Greater),
            Ok(()) => None,
        }
    }

    /// Whether the key starts with the prefix in this row.
    pub(crate) fn is_prefix_of(&self, row: usize, key: &[u8]) -> bool {
        self.compare_parts(row, &mut { key }).is_ok()
    }

    /// Whether these are prefixes (and `next` bounds of the column behind them) of the types that a space declares.
    pub(crate) fn fit(&self, schema: &SpaceSchema, bounds: [Option<&Bound>; 2]) -> Result<(), TypeMismatch> {
        let next = bounds.into_iter().flatten().map(|bound| (self.columns.len(), &bound.column));
        for (i, column) in self.columns.iter().enumerate().chain(next) {
            let ordinal = schema.key.get(i).copied().unwrap_or(usize::MAX);
            let expected = schema.columns.get(ordinal).map_or(DataType::Null, |c| c.ty.arrow());
            if !column.fits(&expected) {
                return Err(TypeMismatch { ordinal, expected, found: column.array().data_type().clone() });
            }
        }
        Ok(())
    }

    /// Of these rows, which are in order, those that start with a prefix. If there are none: the place where they would be.
    pub(crate) fn equal_range(&self, mut rows: Range<usize>, prefixes: &RowKeys, at: usize) -> Range<usize> {
        for (stored, wanted) in self.columns.iter().zip(&prefixes.columns) {
            rows = stored.equal_range(rows, wanted, at);
        }
        rows
    }

    /// Of these rows, which agree in the first `width` key columns, those within bounds of the next.
    pub(crate) fn bounded(
        &self,
        mut rows: Range<usize>,
        width: usize,
        low: Option<&Bound>,
        high: Option<&Bound>,
        at: usize,
    ) -> Range<usize> {
        let Some(column) = self.columns.get(width) else { return rows };
        let is_set = |bound: Option<&Bound>| bound.is_some_and(|b| !b.column.is_null(at));
        if !is_set(low) && !is_set(high) {
            return rows;
        }
        rows.start = column.first_value(&rows);
        if let Some(low) = low.filter(|b| !b.column.is_null(at)) {
            rows.start = column.partition_point(rows.clone(), &low.column, at, !low.inclusive);
        }
        if let Some(high) = high.filter(|b| !b.column.is_null(at)) {
            rows.end = column.partition_point(rows.clone(), &high.column, at, high.inclusive);
        }
        rows
    }

    /// Whether a row's key columns start with a prefix, and its next one is within bounds.
    pub(crate) fn matches(
        &self,
        row: usize,
        prefixes: &RowKeys,
        low: Option<&Bound>,
        high: Option<&Bound>,
        at: usize,
    ) -> bool {
        let rows = self.equal_range(row..row + 1, prefixes, at);
        !self.bounded(rows, prefixes.width(), low, high, at).is_empty()
    }

    /// Whether a row's key is less than every key that starts with the prefix.
    pub(crate) fn is_before(&self, row: usize, prefixes: &RowKeys, at: usize) -> bool {
        for (stored, wanted) in self.columns.iter().zip(&prefixes.columns) {
            match stored.encoded(row).order(&wanted.encoded(at)) {
                Ordering::Equal => {}
                decided => return decided == Ordering::Less,
            }
        }
        false
    }
}

impl Encoded<'_> {
    /// As the bytes would compare. Values of two types that no column holds side by side have some order, too.
    fn order(&self, other: &Encoded<'_>) -> Ordering {
        match (self, other) {
            (Encoded::Word(a), Encoded::Word(b)) => a.cmp(b),
            (Encoded::Wide(a), Encoded::Wide(b)) => a.cmp(b),
            (Encoded::Bytes(a), Encoded::Bytes(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Encoded::Null => 0,
            Encoded::Word(_) => 1,
            Encoded::Wide(_) => 2,
            Encoded::Bytes(_) => 3,
        }
    }
}

impl KeyColumn {
    fn fits(&self, ty: &DataType) -> bool {
        match self {
            KeyColumn::Int(_) => matches!(ty, DataType::Int64),
            KeyColumn::UInt(_) => matches!(ty, DataType::UInt64),
            KeyColumn::Double(_) => matches!(ty, DataType::Float64),
            KeyColumn::Decimal64(_) | KeyColumn::Decimal128(_) => {
                matches!(ty, DataType::Decimal64(..) | DataType::Decimal128(..))
            }
            KeyColumn::Date(_) => matches!(ty, DataType::Date32),
            KeyColumn::DateTime(_) => matches!(ty, DataType::Timestamp(..)),
            KeyColumn::Time(_) => matches!(ty, DataType::Duration(_)),
            KeyColumn::String(_) | KeyColumn::Codes(..) => matches!(ty, DataType::Utf8View),
            KeyColumn::Bytes(_) => matches!(ty, DataType::BinaryView),
        }
    }

    /// The first of these rows, which ascend, that is not NULL.
    fn first_value(&self, rows: &Range<usize>) -> usize {
        match self.array().null_count() {
            0 => rows.start,
            _ => gallop(rows.clone(), |row| self.is_null(row)),
        }
    }

    pub(super) fn equal_range(&self, rows: Range<usize>, wanted: &KeyColumn, at: usize) -> Range<usize> {
        let first = self.first_value(&rows);
        if wanted.is_null(at) {
            return rows.start..first;
        }
        let start = self.partition_point(first..rows.end, wanted, at, false);
        start..self.partition_point(start..rows.end, wanted, at, true)
    }

    /// The first of these rows, which ascend and are not NULL, whose value is not less (or, if equal ones are to be passed
    /// over, is greater).
    fn partition_point(&self, rows: Range<usize>, wanted: &KeyColumn, at: usize, pass_equal: bool) -> usize {
        match (self, wanted) {
            (KeyColumn::Int(s), KeyColumn::Int(w)) => search(s.values(), rows, w.value(at), pass_equal),
            (KeyColumn::UInt(s), KeyColumn::UInt(w)) => search(s.values(), rows, w.value(at), pass_equal),
            (KeyColumn::Date(s), KeyColumn::Date(w)) => search(s.values(), rows, w.value(at), pass_equal),
            (KeyColumn::DateTime(s), KeyColumn::DateTime(w)) => {
                search(s.values(), rows, w.value(at), pass_equal)
            }
            (KeyColumn::Time(s), KeyColumn::Time(w)) => search(s.values(), rows, w.value(at), pass_equal),
            (KeyColumn::Decimal64(s), KeyColumn::Decimal64(w)) => {
                search(s.values(), rows, w.value(at), pass_equal)
            }
            _ => {
                let value = wanted.encoded(at);
                gallop(rows, |row| match self.encoded(row).order(&value) {
                    Ordering::Less => true,
                    Ordering::Equal => pass_equal,
                    Ordering::Greater => false,
                })
            }
        }
    }
}

/// A number whose place among others can be guessed.
pub(super) trait Number: Copy + Ord {
    /// How much greater it is than one that is not greater; only roughly, and never relied on.
    fn above(self, other: Self) -> f64;
}

macro_rules! number {
    ($($ty:ty)*) => {$(
        impl Number for $ty {
            fn above(self, other: $ty) -> f64 {
                self as f64 - other as f64
            }
        }
    )*};
}

number!(i64 u64 i32);

/// So many rows are looked through before a guess is made where the value is.
const NEAR: usize = 16;

/// The first of these rows whose value is not less than the wanted one, or is greater if equal ones are to be passed over.
pub(super) fn search<T: Number>(values: &[T], rows: Range<usize>, value: T, pass_equal: bool) -> usize {
    if pass_equal {
        // Begins at the first row that is not less: equal ones are few.
        return gallop(rows, |row| values[row] <= value);
    }
    let less = |row: usize| values[row] < value;
    if rows.len() <= 2 * NEAR || !less(rows.start + NEAR - 1) {
        return gallop(rows, less);
    }
    let (low, last) = (rows.start + NEAR - 1, rows.end - 1);
    if less(last) {
        return rows.end;
    }
    // As if values grew evenly: keys often do. From there it is a gallop either way, so a wrong guess costs little.
    let part = value.above(values[low]) / values[last].above(values[low]);
    let guess = low + (part.clamp(0.0, 1.0) * (last - low) as f64) as usize;
    let guess = guess.min(last);
    if less(guess) {
        return gallop(guess + 1..rows.end, less);
    }
    let (mut high, mut step) = (guess, 1);
    while high > low + step && !less(high - step) {
        high -= step;
        step *= 2;
    }
    halve(high.saturating_sub(step).max(low)..high, less)
}

/// The first of these rows that is not `less`; quick if that is near the start.
pub(crate) fn gallop(rows: Range<usize>, less: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut step) = (rows.start, 1);
    // `low` is the first row that may not be less.
    while low + step <= rows.end && less(low + step - 1) {
        low += step;
        step *= 2;
    }
    halve(low..rows.end.min(low + step - 1).max(low), less)
}

/// The first of these rows that is not `less`, or their end.
pub(crate) fn halve(rows: Range<usize>, less: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (rows.start, rows.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if less(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_search_finds_the_partition_point(
            mut values in prop_oneof![
                prop::collection::vec(any::<i64>(), 0..300),
                prop::collection::vec(-50..50i64, 0..300),
                prop::collection::vec(prop_oneof![0..200i64, i64::MAX - 3..i64::MAX], 0..300),
            ],
            wanted in prop_oneof![any::<i64>(), -60..260i64, i64::MAX - 5..i64::MAX],
            start in 0..40usize,
        ) {
            values.sort_unstable();
            let start = start.min(values.len());
            for pass_equal in [false, true] {
                let expected = start
                    + values[start..].partition_point(|&v| v < wanted || (pass_equal && v == wanted));
                prop_assert_eq!(search(&values, start..values.len(), wanted, pass_equal), expected);
            }
        }
    }
}

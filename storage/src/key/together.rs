//! Finding the rows of many prefixes at once.
//!
//! One search after another waits for memory at each step: rows that are far apart are in no cache, and where to look next
//! is known only when the last value is there. Searches that have nothing to do with each other need not wait for each
//! other. So they are done a group at a time and in step: each takes its next look, then each the one after that. The looks
//! of a step do not depend on each other, no branch depends on them, and so the processor has them all under way at once.
//!
//! Before that, each search is narrowed to a few neighbouring rows by [`Marks`], every so manieth value of the first key
//! column: a column so short that it stays in the cache. Wanted values ascend, so in it each search goes on from the last.
//!
//! What was left out: columns that are not numbers, or have NULLs, are searched one by one (`equal_range`).

use std::ops::Range;

use arrow::array::UInt32Array;
use arrow::compute::take;

use super::search::{Number, gallop, search};
use super::{KeyColumn, RowKeys};

/// Rows from one mark to the next. Their values are two or four cache lines, which a search looks at in vain at most twice.
const STRIDE: usize = if cfg!(test) { 4 } else { 32 };
/// Searches in a group: about as many as a processor can have reads under way.
const GROUP: usize = 16;

/// The first key column at every [`STRIDE`]th row.
#[derive(Clone, Debug)]
pub(crate) struct Marks(KeyColumn);

/// Calls `$f` with the values of two columns of the same type of numbers.
macro_rules! with_numbers {
    ($stored:expr, $wanted:expr, |$s:ident, $w:ident| $f:expr, else $other:expr) => {
        match ($stored, $wanted) {
            (KeyColumn::Int(s), KeyColumn::Int(w)) => with_numbers!(@ s, w, $s, $w, $f),
            (KeyColumn::UInt(s), KeyColumn::UInt(w)) => with_numbers!(@ s, w, $s, $w, $f),
            (KeyColumn::Date(s), KeyColumn::Date(w)) => with_numbers!(@ s, w, $s, $w, $f),
            (KeyColumn::DateTime(s), KeyColumn::DateTime(w)) => with_numbers!(@ s, w, $s, $w, $f),
            (KeyColumn::Time(s), KeyColumn::Time(w)) => with_numbers!(@ s, w, $s, $w, $f),
            (KeyColumn::Decimal64(s), KeyColumn::Decimal64(w)) => with_numbers!(@ s, w, $s, $w, $f),
            _ => $other,
        }
    };
    (@ $from:ident, $from2:ident, $s:ident, $w:ident, $f:expr) => {{
        let ($s, $w) = ($from.values().as_ref(), $from2.values().as_ref());
        $f
    }};
}

impl RowKeys {
    /// The marks of so many rows; `None` if their first key column is not searched in step.
    pub(crate) fn marks(&self, rows: usize) -> Option<Marks> {
        let column = self.columns.first().filter(|column| column.null_count() == 0)?;
        column.words()?;
        let every = UInt32Array::from_iter_values((0..rows as u32).step_by(STRIDE));
        let marks = take(column.array(), &every, None).ok()?;
        KeyColumn::new(&marks).map(Marks)
    }

    /// How many of these lookups, which ascend, are less in the first key column than `row`: whatever they find is before it.
    /// None if that column is not searched in step.
    pub(crate) fn count_before(&self, row: usize, prefixes: &RowKeys, lookups: Range<usize>) -> usize {
        let (Some(stored), Some(wanted)) = (self.columns.first(), prefixes.columns.first()) else { return 0 };
        if stored.null_count() + wanted.null_count() > 0 {
            return 0;
        }
        with_numbers!(
            stored, wanted,
            |s, w| gallop(lookups.clone(), |at| w[at] < s[row]) - lookups.start,
            else 0
        )
    }

    /// For each of these lookups, which ascend, those of the rows that start with its prefix, or the place where they would
    /// be: as `equal_range` finds them.
    pub(crate) fn equal_ranges(
        &self,
        marks: &Marks,
        rows: Range<usize>,
        prefixes: &RowKeys,
        lookups: Range<usize>,
        mut found: impl FnMut(usize, Range<usize>),
    ) {
        let mut from = rows.start;
        let mut group: [Range<usize>; GROUP] = std::array::from_fn(|_| 0..0);
        for start in lookups.clone().step_by(GROUP) {
            let lookups = start..(start + GROUP).min(lookups.end);
            let group = &mut group[..lookups.len()];
            for (at, (stored, wanted)) in self.columns.iter().zip(&prefixes.columns).enumerate() {
                if at == 0 {
                    marks.narrow(from..rows.end, wanted, lookups.start, group);
                }
                stored.equal_ranges(&rows, wanted, lookups.start, group, at == 0);
            }
            from = group.last().map_or(from, |last| last.start);
            lookups.zip(group).for_each(|(at, rows)| found(at, rows.clone()));
        }
    }
}

impl Marks {
    /// For each lookup from `first` on the few of these rows among which its first one is, if it is not behind them.
    fn narrow(&self, rows: Range<usize>, wanted: &KeyColumn, first: usize, group: &mut [Range<usize>]) {
        with_numbers!(
            &self.0, wanted,
            |marks, wanted| {
                // The marks strictly within the rows.
                let mut from = rows.start / STRIDE + 1;
                let end = rows.end.div_ceil(STRIDE).max(from);
                for (place, &wanted) in group.iter_mut().zip(&wanted[first..]) {
                    // The first row that is not less is behind the last mark that is less, and not behind the next.
                    from = search(marks, from..end, wanted, false);
                    *place = ((from - 1) * STRIDE).max(rows.start)..(from * STRIDE).min(rows.end);
                }
            },
            else group.fill(rows)
        );
    }
}

impl KeyColumn {
    fn null_count(&self) -> usize {
        self.array().null_count()
    }

    /// Narrows the rows of each lookup from `first` on to those that have its value. If they are only where the first such
    /// row is (`open`), those behind them are looked at too, up to the end of `all`.
    fn equal_ranges(
        &self,
        all: &Range<usize>,
        wanted: &KeyColumn,
        first: usize,
        group: &mut [Range<usize>],
        open: bool,
    ) {
        let one_by_one = |group: &mut [Range<usize>]| {
            for (rows, at) in group.iter_mut().zip(first..) {
                *rows = self.equal_range(rows.clone(), wanted, at);
            }
        };
        if self.null_count() + wanted.null_count() > 0 {
            return one_by_one(group);
        }
        with_numbers!(
            self, wanted,
            |values, wanted| {
                let wanted = &wanted[first..];
                in_step(values, wanted, group);
                for (rows, &wanted) in group.iter_mut().zip(wanted) {
                    let end = if open { all.end } else { rows.end };
                    rows.end = gallop(rows.start..end, |row| values[row] <= wanted);
                }
            },
            else one_by_one(group)
        );
    }
}

/// Moves the start of each range to the first of its rows whose value is not less than the wanted one, or to its end.
fn in_step<T: Number>(values: &[T], wanted: &[T], group: &mut [Range<usize>]) {
    let Some(last) = values.len().checked_sub(1) else { return };
    // What is sought is among so many rows from the start on, or right behind them.
    let mut rest = [0; GROUP];
    rest.iter_mut().zip(&*group).for_each(|(rest, rows)| *rest = rows.len());
    let most = rest.iter().max().map_or(0, |rest| usize::BITS - rest.leading_zeros());
    for _ in 0..most {
        for ((rows, rest), wanted) in group.iter_mut().zip(&mut rest).zip(wanted) {
            let half = rest.div_ceil(2);
            // Where nothing is left some row is looked at, and nothing comes of it.
            let look = (rows.start + half).saturating_sub(1).min(last);
            rows.start += half * usize::from(values[look] < *wanted);
            *rest -= half;
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, ArrayRef, Date32Array, Int64Array, StringViewArray};
    use proptest::prelude::*;
    use std::sync::Arc;

    use super::*;
    use crate::schema::SpaceId;

    fn keys(columns: &[ArrayRef]) -> RowKeys {
        RowKeys::prefixes(SpaceId(1), columns).unwrap()
    }

    /// Three columns: a number, a date, and a number or a text.
    fn columns(rows: &[(i64, i32, i64)], text: bool) -> Vec<ArrayRef> {
        let third: ArrayRef = match text {
            true => Arc::new(StringViewArray::from_iter_values(rows.iter().map(|r| format!("{:04}", r.2)))),
            false => Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.2))),
        };
        vec![
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0))),
            Arc::new(Date32Array::from_iter_values(rows.iter().map(|r| r.1))),
            third,
        ]
    }

    fn row() -> impl Strategy<Value = (i64, i32, i64)> {
        (prop_oneof![-30..30i64, any::<i64>()], -3..3i32, 0..5i64)
    }

    proptest! {
        #[test]
        fn searches_in_step_find_what_each_finds_alone(
            mut rows in prop::collection::vec(row(), 1..300),
            mut wanted in prop::collection::vec(row(), 1..100),
            width in 1..4usize,
            text: bool,
            cut in (0..20usize, 0..20usize),
        ) {
            rows.sort_unstable();
            wanted.sort_unstable();
            let stored = keys(&columns(&rows, text));
            let prefixes = keys(&columns(&wanted, text)[..width]);
            let marks = stored.marks(rows.len()).unwrap();
            let within = cut.0.min(rows.len() - 1)..rows.len().saturating_sub(cut.1).max(cut.0.min(rows.len() - 1));
            let before = stored.count_before(rows.len() - 1, &prefixes, 0..wanted.len());
            prop_assert_eq!(before, wanted.iter().filter(|w| w.0 < rows[rows.len() - 1].0).count());
            let mut next = 0;
            stored.equal_ranges(&marks, within.clone(), &prefixes, 0..wanted.len(), |at, found| {
                assert_eq!(at, next);
                next += 1;
                assert_eq!(found, stored.equal_range(within.clone(), &prefixes, at), "{:?}", wanted[at]);
            });
            prop_assert_eq!(next, wanted.len());
        }
    }

    #[test]
    fn columns_with_nulls_and_texts_have_no_marks() {
        let nullable: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(1)]));
        let text: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "b"]));
        assert!(
            nullable.is_nullable()
                && keys(&[nullable]).marks(2).is_none()
                && keys(&[text]).marks(2).is_none()
        );
    }
}

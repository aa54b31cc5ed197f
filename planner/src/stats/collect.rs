//! Statistics from columns, cheaply enough to be collected while a table is loaded.
//!
//! Row and NULL counts, least and greatest value and the number of distinct values come from every row (kernels, and one
//! hash per value). The histogram comes from a sample: one value of each window of `stride` rows, at a place that a hash
//! of the window's number chooses, so that no period in the data meets it. When there are too many samples one of each pair goes,
//! which is chosen in the same way, and the stride doubles. A string column that arrives as dictionary codes costs a hash per dictionary value.

use std::sync::Arc;

use allod_storage::schema::{ColumnType, Datum, SqlType};
use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, PrimitiveArray, StringViewArray};
use arrow::compute;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType,
    Float64Type, Int64Type, TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use super::distinct::{DistinctCounter, hash_bytes, hash_word};
use super::{Bucket, ColumnStats};

/// Values that the histogram is made of, at least if there are so many rows; at most twice as many are kept.
const SAMPLE: usize = 8192;
/// Buckets of a histogram.
const BUCKETS: usize = 128;

/// Collects statistics of one column: feed it the column's arrays in any number of pieces, in any order.
#[derive(Clone, Debug)]
pub struct ColumnCollector {
    ty: ColumnType,
    rows: u64,
    nulls: u64,
    distinct: DistinctCounter,
    min: Option<Datum>,
    max: Option<Datum>,
    sample: Vec<Datum>,
    /// Rows that one sampled value stands for.
    stride: u64,
    /// The dictionary that was counted last: most columns have one for all pieces.
    dictionary: Option<(ArrayRef, Vec<Datum>)>,
}

/// Statistics of a column from all its pieces.
pub fn collect(ty: &ColumnType, pieces: &[ArrayRef]) -> ColumnStats {
    let mut collector = ColumnCollector::new(ty);
    pieces.iter().for_each(|piece| collector.add(piece));
    collector.finish()
}

impl ColumnCollector {
    /// A collector for a column of the type.
    pub fn new(ty: &ColumnType) -> ColumnCollector {
        ColumnCollector {
            ty: ty.clone(),
            rows: 0,
            nulls: 0,
            distinct: DistinctCounter::new(),
            min: None,
            max: None,
            sample: Vec::new(),
            stride: 1,
            dictionary: None,
        }
    }

    /// Takes in a piece of the column, in any of the forms in which such a column travels. A piece of another type is
    /// cast; if it cannot be, it is left out.
    pub fn add(&mut self, array: &ArrayRef) {
        match array.data_type() {
            DataType::Int64 => {
                self.words::<Int64Type>(array, |v| v as u64, Datum::Int);
            }
            DataType::UInt64 => {
                self.words::<UInt64Type>(array, |v| v, Datum::UInt);
            }
            DataType::Float64 => {
                // -0.0 and 0.0 are one value.
                self.words::<Float64Type>(array, |v| (v + 0.0).to_bits(), Datum::Double);
            }
            DataType::Date32 => {
                self.words::<Date32Type>(array, |v| v as u64, Datum::Date);
            }
            DataType::Timestamp(_, None) => {
                self.words::<TimestampMicrosecondType>(array, |v| v as u64, Datum::DateTime);
            }
            DataType::Duration(_) => {
                self.words::<DurationMicrosecondType>(array, |v| v as u64, Datum::Time);
            }
            DataType::Decimal64(_, scale) => {
                let scale = *scale as u8;
                let datum = |v| Datum::Decimal { value: i128::from(v), scale };
                self.words::<Decimal64Type>(array, |v| v as u64, datum);
            }
            DataType::Decimal128(_, scale) => {
                let scale = *scale as u8;
                let datum = |value| Datum::Decimal { value, scale };
                self.words::<Decimal128Type>(array, |v| v as u64 ^ ((v >> 64) as u64).rotate_left(32), datum);
            }
            DataType::Utf8View => self.strings(array.as_string_view()),
            DataType::BinaryView => {
                let values = array.as_binary_view();
                self.begin(array);
                values.iter().flatten().for_each(|v| self.distinct.add(hash_bytes(v)));
                let datum = |v: &[u8]| Datum::Bytes(Arc::from(v));
                self.bound(compute::min_binary_view(values).map(datum));
                self.bound(compute::max_binary_view(values).map(datum));
                self.sample(values.len(), |i| values.is_valid(i).then(|| datum(values.value(i))));
            }
            DataType::Dictionary(key, _) if **key == DataType::UInt16 => {
                self.codes(array.as_dictionary::<UInt16Type>());
            }
            _ => {
                if let Ok(same) = compute::cast(array, &self.ty.arrow())
                    && same.data_type() != array.data_type()
                {
                    self.add(&same);
                }
            }
        }
    }

    /// Adds what another collector of the same column has seen.
    pub fn merge(&mut self, mut other: ColumnCollector) {
        while self.stride < other.stride {
            self.thin();
        }
        while other.stride < self.stride {
            other.thin();
        }
        self.rows += other.rows;
        self.nulls += other.nulls;
        self.distinct.merge(&other.distinct);
        self.bound(other.min);
        self.bound(other.max);
        self.sample.append(&mut other.sample);
        while self.sample.len() >= 2 * SAMPLE {
            self.thin();
        }
    }

    /// What was seen.
    pub fn finish(mut self) -> ColumnStats {
        self.sample.sort_unstable_by(Datum::compare);
        let present = self.rows - self.nulls;
        let distinct = self.distinct.estimate().clamp(u64::from(present > 0), present);
        let width = width(&self.ty.sql, &self.sample);
        let mut histogram = histogram(&self.sample, present, distinct);
        // The sample rarely holds the extremes; the histogram should.
        if let (Some(first), Some(min)) = (histogram.first_mut(), &self.min) {
            first.lower = min.clone();
        }
        if let (Some(last), Some(max)) = (histogram.last_mut(), &self.max)
            && last.upper.compare(max).is_lt()
        {
            last.upper = max.clone();
            last.repeats = 1;
        }
        ColumnStats { nulls: self.nulls, distinct, min: self.min, max: self.max, histogram, width }
    }

    /// Counts the rows and NULLs of a piece.
    fn begin(&mut self, array: &dyn Array) {
        self.rows += array.len() as u64;
        self.nulls += array.logical_null_count() as u64;
    }

    /// A column of machine words (or what becomes one).
    fn words<T: ArrowPrimitiveType>(
        &mut self,
        array: &ArrayRef,
        word: impl Fn(T::Native) -> u64,
        datum: impl Fn(T::Native) -> Datum,
    ) where
        T::Native: PartialOrd,
    {
        let Some(values) = array.as_any().downcast_ref::<PrimitiveArray<T>>() else { return };
        self.begin(array);
        let (mut min, mut max) = (None, None);
        let mut one = |v: T::Native, distinct: &mut DistinctCounter| {
            distinct.add(hash_word(word(v)));
            if min.is_none_or(|m| v < m) {
                min = Some(v);
            }
            if max.is_none_or(|m| v > m) {
                max = Some(v);
            }
        };
        if values.null_count() == 0 {
            values.values().iter().for_each(|v| one(*v, &mut self.distinct));
        } else {
            values.iter().flatten().for_each(|v| one(v, &mut self.distinct));
        }
        self.bound(min.map(&datum));
        self.bound(max.map(&datum));
        self.sample(values.len(), |i| values.is_valid(i).then(|| datum(values.value(i))));
    }

    fn strings(&mut self, values: &StringViewArray) {
        self.begin(values);
        values.iter().flatten().for_each(|v| self.distinct.add(hash_bytes(v.as_bytes())));
        self.bound(compute::min_string_view(values).map(Datum::string));
        self.bound(compute::max_string_view(values).map(Datum::string));
        self.sample(values.len(), |i| values.is_valid(i).then(|| Datum::string(values.value(i))));
    }

    /// Dictionary codes: what is in the dictionary counts as present.
    fn codes(&mut self, array: &DictionaryArray<UInt16Type>) {
        self.begin(array);
        let known = self.dictionary.take().filter(|(values, _)| Arc::ptr_eq(values, array.values()));
        let (values, datums) = known.unwrap_or_else(|| {
            let text = compute::cast(array.values(), &DataType::Utf8View);
            let datums: Vec<Datum> = match &text {
                Ok(text) => {
                    text.as_string_view().iter().map(|v| v.map_or(Datum::Null, Datum::string)).collect()
                }
                Err(_) => vec![Datum::Null; array.values().len()],
            };
            for datum in &datums {
                if let Datum::String(s) = datum {
                    self.distinct.add(hash_bytes(s.as_bytes()));
                }
                self.bound(Some(datum.clone()).filter(|d| !d.is_null()));
            }
            (Arc::clone(array.values()), datums)
        });
        let keys = array.keys();
        self.sample(array.len(), |i| {
            let value = keys.is_valid(i).then(|| datums.get(usize::from(keys.value(i)))).flatten();
            value.filter(|d| !d.is_null()).cloned()
        });
        self.dictionary = Some((values, datums));
    }

    /// Widens the bounds to a value.
    fn bound(&mut self, value: Option<Datum>) {
        let Some(value) = value else { return };
        if self.min.as_ref().is_none_or(|min| value.compare(min).is_lt()) {
            self.min = Some(value.clone());
        }
        if self.max.as_ref().is_none_or(|max| value.compare(max).is_gt()) {
            self.max = Some(value);
        }
    }

    /// Samples the piece that [`Self::begin`] has just counted.
    fn sample(&mut self, len: usize, value: impl Fn(usize) -> Option<Datum>) {
        let start = self.rows - len as u64;
        let mut window = start / self.stride;
        loop {
            let at = window * self.stride + hash_word(window) % self.stride;
            if at >= self.rows {
                return;
            }
            if at >= start {
                self.sample.extend(value((at - start) as usize));
            }
            window += 1;
            if self.sample.len() >= 2 * SAMPLE {
                self.thin();
                window = at / self.stride + 1;
            }
        }
    }

    fn thin(&mut self) {
        let (mut at, salt) = (0, self.stride.rotate_left(32));
        self.sample.retain(|_| {
            let (pair, second) = (at / 2, at % 2);
            at += 1;
            hash_word(pair ^ salt) % 2 == second
        });
        self.stride *= 2;
    }
}

fn width(sql: &SqlType, sample: &[Datum]) -> f64 {
    if sql.is_string() || sql.is_binary() {
        let bytes = sample.iter().map(|d| match d {
            Datum::String(s) => s.len(),
            Datum::Bytes(b) => b.len(),
            _ => 0,
        });
        return bytes.sum::<usize>() as f64 / sample.len().max(1) as f64;
    }
    match sql {
        SqlType::Date => 4.0,
        SqlType::Decimal { precision, .. } if *precision > 18 => 16.0,
        _ => 8.0,
    }
}

/// An equi-depth histogram from a sorted sample of a column of `rows` values, `distinct` of them different. A value that
/// fills a bucket by itself gets one of its own; few values get a bucket each.
fn histogram(sample: &[Datum], rows: u64, distinct: u64) -> Vec<Bucket> {
    if sample.is_empty() {
        return Vec::new();
    }
    let groups: Vec<&[Datum]> = sample.chunk_by(|a, b| a.compare(b).is_eq()).collect();
    let depth = if groups.len() <= BUCKETS { 1 } else { sample.len().div_ceil(BUCKETS) };
    let scale = rows as f64 / sample.len() as f64;
    let per_group = (distinct as f64 / groups.len() as f64).max(1.0);
    let mut out: Vec<Bucket> = Vec::new();
    let (mut seen, mut begun, mut inside) = (0, 0, 0);
    for (i, group) in groups.iter().enumerate() {
        let next_is_heavy = groups.get(i + 1).is_some_and(|next| next.len() >= depth);
        seen += group.len();
        inside += 1;
        if seen - begun >= depth || next_is_heavy || i + 1 == groups.len() {
            out.push(Bucket {
                lower: groups[i + 1 - inside][0].clone(),
                upper: group[0].clone(),
                cumulative: (seen as f64 * scale).round() as u64,
                repeats: (group.len() as f64 * scale).round() as u64,
                distinct: (inside as f64 * per_group).round() as u64,
            });
            (begun, inside) = (seen, 0);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, Int64Array};

    use super::*;
    use crate::stats::histogram::Interval;

    fn ints(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
        Arc::new(values.into_iter().collect::<Int64Array>())
    }

    #[test]
    fn what_is_counted_agrees_with_counting() {
        let ty = ColumnType::nullable(SqlType::BIGINT);
        let values: Vec<Option<i64>> =
            (0..200_000).map(|i| (i % 10 != 3).then_some((i * 7919) % 50_000)).collect();
        let pieces: Vec<ArrayRef> = values.chunks(8192).map(|c| ints(c.iter().copied())).collect();
        let stats = collect(&ty, &pieces);
        assert_eq!(stats.nulls, 20_000);
        assert_eq!((stats.min.clone(), stats.max.clone()), (Some(Datum::Int(0)), Some(Datum::Int(49_999))));
        let true_distinct = values.iter().flatten().collect::<std::collections::HashSet<_>>().len() as f64;
        assert!((stats.distinct as f64 / true_distinct - 1.0).abs() < 0.05, "{}", stats.distinct);
        for (low, high) in [(0, 100), (1000, 9000), (40_000, 49_999)] {
            let interval =
                Interval { low: Some((Datum::Int(low), true)), high: Some((Datum::Int(high), true)) };
            let inside = values.iter().flatten().filter(|v| (low..=high).contains(v)).count();
            let truth = inside as f64 / 180_000.0;
            assert!((stats.fraction_in(&interval) - truth).abs() < 0.01, "{low}..{high}");
        }
    }

    #[test]
    fn what_is_periodic_is_not_sampled_by_its_period() {
        let ty = ColumnType::not_null(SqlType::BIGINT);
        let values = |n: i64| (0..n).map(|i| Some(i % 100)).collect::<Vec<_>>();
        for (rows, piece) in [(40_000, 40_000), (64_000, 4096), (1_000_000, 8192)] {
            let pieces: Vec<ArrayRef> = values(rows).chunks(piece).map(|c| ints(c.iter().copied())).collect();
            // As they are loaded: some by one collector, some by others.
            let mut merged = ColumnCollector::new(&ty);
            for some in pieces.chunks(3) {
                let mut collector = ColumnCollector::new(&ty);
                some.iter().for_each(|piece| collector.add(piece));
                merged.merge(collector);
            }
            for stats in [collect(&ty, &pieces), merged.finish()] {
                let each = (0..100).map(|v| stats.fraction_equal(&Datum::Int(v)));
                assert!(each.into_iter().all(|part| (0.003..0.03).contains(&part)), "{rows} rows by {piece}");
            }
        }
    }

    #[test]
    fn few_values_get_a_bucket_each() {
        let ty = ColumnType::not_null(SqlType::BIGINT);
        let stats = collect(&ty, &[ints((0..10_000).map(|i| Some(if i % 4 == 0 { 1 } else { 2 })))]);
        assert_eq!(stats.histogram.len(), 2);
        assert!((stats.fraction_equal(&Datum::Int(1)) - 0.25).abs() < 0.01);
        assert_eq!(stats.distinct, 2);
    }

    #[test]
    fn codes_count_as_their_strings() {
        let words = ["AIR", "MAIL", "SHIP"];
        let text: StringViewArray = (0..3000).map(|i| Some(words[i % 3])).collect();
        let plain: ArrayRef = Arc::new(text);
        let to = DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8View));
        let coded = compute::cast(&plain, &to).expect("a dictionary");
        let ty = ColumnType::not_null(SqlType::varchar(10));
        assert_eq!(collect(&ty, &[coded]), collect(&ty, &[plain]));
    }

    #[test]
    fn collectors_merge() {
        let ty = ColumnType::not_null(SqlType::Date);
        let days =
            |range: std::ops::Range<i32>| -> ArrayRef { Arc::new(Date32Array::from_iter_values(range)) };
        let mut left = ColumnCollector::new(&ty);
        left.add(&days(0..40_000));
        let mut right = ColumnCollector::new(&ty);
        right.add(&days(40_000..50_000));
        left.merge(right);
        let stats = left.finish();
        assert_eq!(stats.max, Some(Datum::Date(49_999)));
        let interval = Interval { low: Some((Datum::Date(40_000), true)), high: None };
        assert!((stats.fraction_in(&interval) - 0.2).abs() < 0.02, "{}", stats.fraction_in(&interval));
    }

    #[test]
    fn a_column_of_nulls_has_no_values() {
        let stats = collect(&ColumnType::nullable(SqlType::BIGINT), &[ints([None, None])]);
        assert_eq!((stats.nulls, stats.distinct, stats.histogram.len()), (2, 0, 0));
    }
}

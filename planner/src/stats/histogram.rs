//! Reading histograms: which part of a column's values lies in an interval.

use std::cmp::Ordering;

use allod_storage::schema::Datum;

use super::{Bucket, ColumnStats};

/// An interval of values; `None` = open on that side. A bound and whether it is included.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Interval {
    pub(crate) low: Option<(Datum, bool)>,
    pub(crate) high: Option<(Datum, bool)>,
}

impl Interval {
    /// Makes it no wider than `x > value` (or `>=`).
    pub(crate) fn above(&mut self, value: Datum, inclusive: bool) {
        let tighter = match &self.low {
            None => true,
            Some((old, old_inclusive)) => match value.compare(old) {
                Ordering::Greater => true,
                Ordering::Equal => *old_inclusive && !inclusive,
                Ordering::Less => false,
            },
        };
        if tighter {
            self.low = Some((value, inclusive));
        }
    }

    /// Makes it no wider than `x < value` (or `<=`).
    pub(crate) fn below(&mut self, value: Datum, inclusive: bool) {
        let tighter = match &self.high {
            None => true,
            Some((old, old_inclusive)) => match value.compare(old) {
                Ordering::Less => true,
                Ordering::Equal => *old_inclusive && !inclusive,
                Ordering::Greater => false,
            },
        };
        if tighter {
            self.high = Some((value, inclusive));
        }
    }

    /// Whether no value can be in it.
    pub(crate) fn is_empty(&self) -> bool {
        match (&self.low, &self.high) {
            (Some((low, low_in)), Some((high, high_in))) => match low.compare(high) {
                Ordering::Greater => true,
                Ordering::Equal => !(*low_in && *high_in),
                Ordering::Less => false,
            },
            _ => false,
        }
    }

    /// The one value in it, if its bounds say so.
    pub(crate) fn point(&self) -> Option<&Datum> {
        match (&self.low, &self.high) {
            (Some((low, true)), Some((high, true))) if low.compare(high) == Ordering::Equal => Some(low),
            _ => None,
        }
    }
}

/// A value on a line, for interpolation inside a bucket: numbers and times as they are, strings by their first bytes.
fn position(value: &Datum) -> f64 {
    match value {
        Datum::Null => f64::NEG_INFINITY,
        Datum::Int(_) | Datum::UInt(_) | Datum::Double(_) | Datum::Decimal { .. } => {
            value.as_f64().unwrap_or(0.0)
        }
        Datum::Date(days) => f64::from(*days) * 86_400e6,
        Datum::DateTime(us) | Datum::Time(us) => *us as f64,
        Datum::String(s) => bytes_position(s.as_bytes()),
        Datum::Bytes(b) => bytes_position(b),
    }
}

fn bytes_position(bytes: &[u8]) -> f64 {
    let mut first = [0; 8];
    let n = bytes.len().min(8);
    first[..n].copy_from_slice(&bytes[..n]);
    u64::from_be_bytes(first) as f64
}

impl ColumnStats {
    /// The part of the rows that is NULL, as it was when they were counted; `rows` = how many there are now.
    pub(crate) fn null_part(&self, rows: f64) -> f64 {
        let nulls = self.nulls as f64;
        let counted = nulls + self.histogram_rows();
        let of = if self.histogram.is_empty() { rows } else { counted };
        (nulls / of.max(1.0)).min(1.0)
    }

    /// Rows that the histogram speaks of.
    fn histogram_rows(&self) -> f64 {
        self.histogram.last().map_or(0.0, |b| b.cumulative as f64)
    }

    /// The part of the values that are not NULL which equals `value`.
    pub(crate) fn fraction_equal(&self, value: &Datum) -> f64 {
        let outside =
            |bound: &Option<Datum>, order| bound.as_ref().is_some_and(|b| value.compare(b) == order);
        if outside(&self.min, Ordering::Less) || outside(&self.max, Ordering::Greater) {
            return 0.0;
        }
        let average = 1.0 / self.distinct.max(1) as f64;
        let total = self.histogram_rows();
        let at = self.histogram.partition_point(|b| b.upper.compare(value) == Ordering::Less);
        let Some(bucket) = self.histogram.get(at) else { return average };
        if bucket.upper.compare(value) == Ordering::Equal {
            let seen = bucket.repeats as f64 / total;
            // One of many values in its bucket may have been seen by chance: then the average says more.
            return if bucket.distinct <= 1 { seen } else { seen.max(average) };
        }
        if bucket.lower.compare(value) == Ordering::Greater {
            // Between two buckets: it is not there if they hold all values, and else it is one of those that were not met.
            return if self.holds_all() { 0.0 } else { average };
        }
        let before = at.checked_sub(1).map_or(0, |i| self.histogram[i].cumulative);
        let rest = (bucket.cumulative - before).saturating_sub(bucket.repeats) as f64;
        (rest / bucket.distinct.saturating_sub(1).max(1) as f64 / total).min(1.0)
    }

    /// Whether each value has a bucket of its own.
    fn holds_all(&self) -> bool {
        let alone = |b: &Bucket| b.distinct <= 1 && b.lower.compare(&b.upper) == Ordering::Equal;
        self.histogram.len() as u64 >= self.distinct && self.histogram.iter().all(alone)
    }

    /// The part of the values that are not NULL which is less than `value` (or equal, if `or_equal`).
    fn fraction_below(&self, value: &Datum, or_equal: bool) -> f64 {
        let total = self.histogram_rows();
        if total == 0.0 {
            return self.interpolate_min_max(value);
        }
        let at = self.histogram.partition_point(|b| b.upper.compare(value) == Ordering::Less);
        let Some(bucket) = self.histogram.get(at) else { return 1.0 };
        let before = at.checked_sub(1).map_or(0, |i| self.histogram[i].cumulative) as f64;
        let inside = bucket.cumulative as f64 - before;
        let rows = if bucket.upper.compare(value) == Ordering::Equal {
            if or_equal { inside } else { inside - bucket.repeats as f64 }
        } else if bucket.lower.compare(value) == Ordering::Greater {
            0.0
        } else {
            (inside - bucket.repeats as f64) * within(bucket, value)
        };
        ((before + rows) / total).clamp(0.0, 1.0)
    }

    fn interpolate_min_max(&self, value: &Datum) -> f64 {
        match (&self.min, &self.max) {
            (Some(min), Some(max)) => {
                let (low, high) = (position(min), position(max));
                if high <= low { 0.5 } else { ((position(value) - low) / (high - low)).clamp(0.0, 1.0) }
            }
            _ => 0.5,
        }
    }

    /// The part of the values that are not NULL which lies in the interval.
    pub(crate) fn fraction_in(&self, interval: &Interval) -> f64 {
        if interval.is_empty() {
            return 0.0;
        }
        if let Some(value) = interval.point() {
            return self.fraction_equal(value);
        }
        let below = |bound: &Option<(Datum, bool)>, missing: f64, or_equal_if: bool| {
            bound.as_ref().map_or(missing, |(v, inclusive)| self.fraction_below(v, *inclusive == or_equal_if))
        };
        (below(&interval.high, 1.0, true) - below(&interval.low, 0.0, false)).max(0.0)
    }

    /// Values that the histogram happens to hold, with weights that add up to 1: a small sample of the column.
    pub(crate) fn sample(&self) -> impl Iterator<Item = (&Datum, f64)> {
        let total = self.histogram_rows().max(1.0);
        self.histogram.iter().scan(0, move |before, bucket| {
            let rows = bucket.cumulative - *before;
            *before = bucket.cumulative;
            Some((&bucket.upper, rows as f64 / total))
        })
    }
}

/// How far into the bucket a value lies, 0 to 1.
fn within(bucket: &Bucket, value: &Datum) -> f64 {
    let (low, high) = (position(&bucket.lower), position(&bucket.upper));
    if high <= low { 0.5 } else { ((position(value) - low) / (high - low)).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1..=1000, ten buckets.
    fn uniform() -> ColumnStats {
        let bucket = |i: i64| Bucket {
            lower: Datum::Int(i * 100 + 1),
            upper: Datum::Int(i * 100 + 100),
            cumulative: (i as u64 + 1) * 100,
            repeats: 1,
            distinct: 100,
        };
        ColumnStats {
            nulls: 0,
            distinct: 1000,
            min: Some(Datum::Int(1)),
            max: Some(Datum::Int(1000)),
            histogram: (0..10).map(bucket).collect(),
            width: 8.0,
        }
    }

    #[test]
    fn a_uniform_column_reads_as_uniform() {
        let stats = uniform();
        for (low, high) in [(1, 1000), (250, 300), (500, 501), (17, 990)] {
            let interval =
                Interval { low: Some((Datum::Int(low), true)), high: Some((Datum::Int(high), false)) };
            let truth = (high - low) as f64 / 1000.0;
            assert!((stats.fraction_in(&interval) - truth).abs() < 0.005, "{low}..{high}");
        }
        assert!((stats.fraction_equal(&Datum::Int(77)) - 0.001).abs() < 1e-4);
        assert_eq!(stats.fraction_equal(&Datum::Int(5000)), 0.0);
    }

    #[test]
    fn a_value_between_buckets_may_not_have_been_met() {
        let one = |i: i64| Bucket {
            lower: Datum::Int(i * 4),
            upper: Datum::Int(i * 4),
            cumulative: (i as u64 + 1) * 40,
            repeats: 40,
            distinct: 4,
        };
        let histogram: Vec<Bucket> = (0..25).map(one).collect();
        let (min, max) = (Some(Datum::Int(0)), Some(Datum::Int(99)));
        let mut sampled = ColumnStats { distinct: 100, min, max, histogram, ..uniform() };
        assert_eq!(sampled.fraction_equal(&Datum::Int(5)), 0.01);
        assert_eq!(sampled.fraction_equal(&Datum::Int(4)), 0.04);
        assert_eq!(sampled.fraction_equal(&Datum::Int(100)), 0.0);
        sampled.histogram.iter_mut().for_each(|b| b.distinct = 1);
        let complete = ColumnStats { distinct: 25, ..sampled };
        assert_eq!(complete.fraction_equal(&Datum::Int(5)), 0.0);
    }

    #[test]
    fn intervals_tighten() {
        let mut interval = Interval::default();
        interval.above(Datum::Int(3), true);
        interval.above(Datum::Int(1), false);
        interval.below(Datum::Int(3), true);
        assert_eq!(interval.point(), Some(&Datum::Int(3)));
        interval.above(Datum::Int(3), false);
        assert!(interval.is_empty());
    }
}

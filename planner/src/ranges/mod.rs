//! Predicates to key ranges.
//!
//! For each column of a key the conjuncts that compare it with constants say which values it may have: a sorted list of
//! disjoint intervals (a [`ValueSet`]). AND intersects them, OR and IN unite them. As long as the columns of the key have
//! points only, their combinations are prefixes; the first column with a wider interval ends the ranges.
//!
//! ```sql
//! key (a, b, c): a in (1, 2) and b > 5 and c = 7     -- (1, 5)..[1], (2, 5)..[2]; c = 7 is left to a filter
//! ```
//! What would break it: a constant that the key column cannot hold exactly (`int_column < 2.5`) would be a bound at the
//! wrong place, so such a conjunct makes no range.

use std::cmp::Ordering;

use allod_storage::schema::{ColumnType, Datum, SqlType};

use crate::column::ColumnId;
use crate::expr::{Expr, Function};
use crate::physical::Range;
use crate::stats::histogram::Interval;

/// More ranges than this are not made; the columns that would multiply them are left to a filter.
const RANGES_MAX: usize = 4096;

/// The values that a column may have: sorted, disjoint intervals.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueSet {
    pub(crate) intervals: Vec<Interval>,
}

impl ValueSet {
    fn of(interval: Interval) -> ValueSet {
        ValueSet { intervals: if interval.is_empty() { vec![] } else { vec![interval] } }
    }

    fn point(value: Datum) -> ValueSet {
        ValueSet::of(Interval { low: Some((value.clone(), true)), high: Some((value, true)) })
    }

    fn intersect(&self, other: &ValueSet) -> ValueSet {
        let pairs = self.intervals.iter().flat_map(|a| other.intervals.iter().map(move |b| (a, b)));
        let both = pairs.map(|(a, b)| {
            let mut out = a.clone();
            if let Some((value, inclusive)) = &b.low {
                out.above(value.clone(), *inclusive);
            }
            if let Some((value, inclusive)) = &b.high {
                out.below(value.clone(), *inclusive);
            }
            out
        });
        ValueSet { intervals: both.filter(|i| !i.is_empty()).collect() }
    }

    fn unite(mut self, other: ValueSet) -> ValueSet {
        self.intervals.extend(other.intervals);
        self.intervals.sort_by(|a, b| compare_low(&a.low, &b.low));
        let mut out: Vec<Interval> = Vec::new();
        for next in self.intervals {
            match out.last_mut() {
                Some(last) if touches(&last.high, &next.low) => {
                    if compare_high(&next.high, &last.high) == Ordering::Greater {
                        last.high = next.high;
                    }
                }
                Some(_) | None => out.push(next),
            }
        }
        ValueSet { intervals: out }
    }

    /// The values, if every interval is one value.
    pub(crate) fn points(&self) -> Option<Vec<&Datum>> {
        self.intervals.iter().map(Interval::point).collect()
    }
}

type Bound = Option<(Datum, bool)>;

fn compare_low(a: &Bound, b: &Bound) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        // An included bound begins earlier than an excluded one.
        (Some((a, a_in)), Some((b, b_in))) => a.compare(b).then(b_in.cmp(a_in)),
    }
}

fn compare_high(a: &Bound, b: &Bound) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some((a, a_in)), Some((b, b_in))) => a.compare(b).then(a_in.cmp(b_in)),
    }
}

/// Whether an interval that begins at `low` overlaps or adjoins one that ends at `high`.
fn touches(high: &Bound, low: &Bound) -> bool {
    match (high, low) {
        (None, _) | (_, None) => true,
        (Some((high, high_in)), Some((low, low_in))) => match high.compare(low) {
            Ordering::Greater => true,
            Ordering::Equal => *high_in || *low_in,
            Ordering::Less => false,
        },
    }
}

/// A constant as the key column would hold it; `None` if it cannot hold exactly that value.
pub(crate) fn as_column_value(value: &Datum, sql: &SqlType) -> Option<Datum> {
    const DAY_US: i64 = 86_400_000_000;
    match (sql, value) {
        (SqlType::Int { unsigned: false, .. } | SqlType::Year, Datum::Int(_)) => Some(value.clone()),
        (SqlType::Int { unsigned: false, .. } | SqlType::Year, Datum::UInt(v)) => {
            i64::try_from(*v).ok().map(Datum::Int)
        }
        (SqlType::Int { unsigned: true, .. }, Datum::UInt(_)) => Some(value.clone()),
        (SqlType::Int { unsigned: true, .. }, Datum::Int(v)) => u64::try_from(*v).ok().map(Datum::UInt),
        (SqlType::Float | SqlType::Double, Datum::Double(_)) => Some(value.clone()),
        (SqlType::Decimal { scale, .. }, Datum::Int(v)) => rescale(i128::from(*v), 0, *scale),
        (SqlType::Decimal { scale, .. }, Datum::UInt(v)) => rescale(i128::from(*v), 0, *scale),
        (SqlType::Decimal { scale, .. }, Datum::Decimal { value, scale: from }) => {
            rescale(*value, *from, *scale)
        }
        (SqlType::Char(_) | SqlType::VarChar(_) | SqlType::Text(_), Datum::String(_)) => Some(value.clone()),
        (SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_), Datum::Bytes(_)) => {
            Some(value.clone())
        }
        (SqlType::Date, Datum::Date(_)) => Some(value.clone()),
        (SqlType::Date, Datum::DateTime(us)) if us.rem_euclid(DAY_US) == 0 => {
            i32::try_from(us.div_euclid(DAY_US)).ok().map(Datum::Date)
        }
        (SqlType::DateTime(_) | SqlType::Timestamp(_), Datum::DateTime(_)) => Some(value.clone()),
        (SqlType::DateTime(_) | SqlType::Timestamp(_), Datum::Date(days)) => {
            Some(Datum::DateTime(i64::from(*days) * DAY_US))
        }
        (SqlType::Time(_), Datum::Time(_)) => Some(value.clone()),
        _ => None,
    }
}

fn rescale(value: i128, from: u8, to: u8) -> Option<Datum> {
    let value = if to >= from {
        value.checked_mul(10i128.checked_pow(u32::from(to - from))?)?
    } else {
        let by = 10i128.checked_pow(u32::from(from - to))?;
        (value % by == 0).then_some(value / by)?
    };
    Some(Datum::Decimal { value, scale: to })
}

/// The values of `column` for which the predicate holds; `None` if it says nothing about it, or something else besides.
pub(crate) fn value_set(e: &Expr, column: ColumnId, ty: &ColumnType) -> Option<ValueSet> {
    let Expr::Call { function, args, .. } = e else { return None };
    if matches!(function, Function::Or | Function::And) {
        let mut sets = args.iter().map(|a| value_set(a, column, ty));
        let first = sets.next()??;
        return sets.try_fold(first, |set, next| {
            let next = next?;
            Some(if *function == Function::Or { set.unite(next) } else { set.intersect(&next) })
        });
    }
    if args.first()?.as_column() != Some(column) {
        return None;
    }
    let constant = |e: &Expr| match e {
        Expr::Constant { value, .. } if !value.is_null() => as_column_value(value, &ty.sql),
        Expr::Constant { .. } | Expr::Column { .. } | Expr::Call { .. } => None,
    };
    // NULL sorts below every value and satisfies no comparison.
    let mut interval =
        Interval { low: if ty.nullable { Some((Datum::Null, false)) } else { None }, high: None };
    match function {
        Function::Eq => return Some(ValueSet::point(constant(args.get(1)?)?)),
        Function::In => {
            let members = args[1..].iter().map(|a| constant(a).map(ValueSet::point));
            let empty = ValueSet { intervals: vec![] };
            return members
                .collect::<Option<Vec<_>>>()
                .map(|sets| sets.into_iter().fold(empty, ValueSet::unite));
        }
        Function::IsNull if ty.nullable => return Some(ValueSet::point(Datum::Null)),
        Function::Lt => interval.below(constant(args.get(1)?)?, false),
        Function::Le => interval.below(constant(args.get(1)?)?, true),
        Function::Gt => interval.above(constant(args.get(1)?)?, false),
        Function::Ge => interval.above(constant(args.get(1)?)?, true),
        _ => return None,
    }
    Some(ValueSet::of(interval))
}

/// The values that the conjuncts together leave to a column, and which of them said so.
pub(crate) fn column_values(
    conjuncts: &[Expr],
    column: ColumnId,
    ty: &ColumnType,
) -> Option<(ValueSet, Vec<usize>)> {
    let mut found: Option<ValueSet> = None;
    let mut used = Vec::new();
    for (i, e) in conjuncts.iter().enumerate() {
        if let Some(set) = value_set(e, column, ty) {
            found = Some(match found {
                Some(known) => known.intersect(&set),
                None => set,
            });
            used.push(i);
        }
    }
    found.map(|set| (set, used))
}

/// Ranges over the leading columns of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyRanges {
    /// Sorted and disjoint.
    pub(crate) ranges: Vec<Range>,
    /// The conjuncts that hold for every key in the ranges, and need not be checked again.
    pub(crate) covered: Vec<usize>,
    /// If every column of the key has points only: the keys.
    pub(crate) points: Option<Vec<Vec<Datum>>>,
}

/// The ranges of a key that the conjuncts leave; `None` if they leave all of it.
pub(crate) fn key_ranges(key: &[(ColumnId, ColumnType)], conjuncts: &[Expr]) -> Option<KeyRanges> {
    let mut prefixes: Vec<Vec<Datum>> = vec![vec![]];
    let mut covered = Vec::new();
    for (column, ty) in key {
        let Some((values, used)) = column_values(conjuncts, *column, ty) else { break };
        let fits = prefixes.len().saturating_mul(values.intervals.len()) <= RANGES_MAX;
        if !fits {
            break;
        }
        covered.extend(used);
        match values.points() {
            Some(points) => {
                let longer = prefixes.iter().flat_map(|prefix| {
                    points.iter().map(move |p| prefix.iter().cloned().chain([(*p).clone()]).collect())
                });
                prefixes = longer.collect();
            }
            None => {
                let ranges =
                    prefixes.iter().flat_map(|prefix| values.intervals.iter().map(|i| range(prefix, i)));
                return Some(KeyRanges { ranges: ranges.collect(), covered, points: None });
            }
        }
    }
    if covered.is_empty() {
        return None;
    }
    let whole = prefixes.iter().all(|p| p.len() == key.len());
    let ranges = prefixes.iter().map(|p| Range {
        low: p.clone(),
        low_inclusive: true,
        high: p.clone(),
        high_inclusive: true,
    });
    let ranges = ranges.collect();
    Some(KeyRanges { ranges, covered, points: whole.then_some(prefixes) })
}

fn range(prefix: &[Datum], interval: &Interval) -> Range {
    let bound = |bound: &Bound| match bound {
        Some((value, inclusive)) => (prefix.iter().cloned().chain([value.clone()]).collect(), *inclusive),
        None => (prefix.to_vec(), true),
    };
    let (low, low_inclusive) = bound(&interval.low);
    let (high, high_inclusive) = bound(&interval.high);
    Range { low, low_inclusive, high, high_inclusive }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logical::predicate::{boolean_call, conjunction, disjunction};

    fn bigint() -> ColumnType {
        ColumnType::not_null(SqlType::BIGINT)
    }

    fn column(id: u32) -> Expr {
        Expr::column(ColumnId(id), bigint())
    }

    fn compare(function: Function, id: u32, value: i64) -> Expr {
        boolean_call(function, vec![column(id), Expr::constant(Datum::Int(value), SqlType::BIGINT)])
    }

    fn holds(e: &Expr, row: &[i64]) -> bool {
        let Expr::Call { function, args, .. } = e else { unreachable!() };
        let value = |e: &Expr| match e {
            Expr::Column { id, .. } => row[id.0 as usize],
            Expr::Constant { value: Datum::Int(v), .. } => *v,
            _ => unreachable!(),
        };
        match function {
            Function::And => args.iter().all(|a| holds(a, row)),
            Function::Or => args.iter().any(|a| holds(a, row)),
            Function::Eq => value(&args[0]) == value(&args[1]),
            Function::Lt => value(&args[0]) < value(&args[1]),
            Function::Ge => value(&args[0]) >= value(&args[1]),
            Function::In => args[1..].iter().any(|a| value(a) == value(&args[0])),
            _ => unreachable!(),
        }
    }

    fn inside(range: &Range, row: &[i64]) -> bool {
        let compare = |bound: &[Datum]| {
            let pairs = bound.iter().zip(row);
            pairs
                .map(|(b, v)| Datum::Int(*v).compare(b))
                .find(|o| *o != Ordering::Equal)
                .unwrap_or(Ordering::Equal)
        };
        let low = compare(&range.low);
        let high = compare(&range.high);
        (low == Ordering::Greater || low == Ordering::Equal && range.low_inclusive)
            && (high == Ordering::Less || high == Ordering::Equal && range.high_inclusive)
    }

    fn predicate() -> impl Strategy<Value = Expr> {
        let leaf = (0u32..2, 0i64..6, 0usize..4).prop_map(|(id, v, f)| match f {
            0 => compare(Function::Eq, id, v),
            1 => compare(Function::Lt, id, v),
            2 => compare(Function::Ge, id, v),
            _ => {
                let member = |v| Expr::constant(Datum::Int(v), SqlType::BIGINT);
                boolean_call(Function::In, vec![column(id), member(v), member((v * 7) % 5)])
            }
        });
        leaf.prop_recursive(2, 8, 3, |inner| {
            (prop::collection::vec(inner, 1..3), any::<bool>())
                .prop_map(|(args, or)| if or { disjunction(args) } else { conjunction(args) })
        })
    }

    proptest! {
        /// Every row that satisfies the conjuncts lies in exactly one range, and every row in a range satisfies the
        /// conjuncts that the ranges cover.
        #[test]
        fn ranges_hold_what_the_predicates_keep(conjuncts in prop::collection::vec(predicate(), 1..4)) {
            let key = [(ColumnId(0), bigint()), (ColumnId(1), bigint())];
            let Some(ranges) = key_ranges(&key, &conjuncts) else { return Ok(()) };
            for row in (-1..7).flat_map(|a| (-1..7).map(move |b| [a, b])) {
                let hits = ranges.ranges.iter().filter(|r| inside(r, &row)).count();
                let wanted = conjuncts.iter().all(|e| holds(e, &row));
                prop_assert!(hits <= 1, "{row:?} is in {hits} of {ranges:?}");
                prop_assert!(!wanted || hits == 1, "{row:?} is lost by {ranges:?}");
                let covered = ranges.covered.iter().all(|i| holds(&conjuncts[*i], &row));
                prop_assert!(hits == 0 || covered, "{row:?} slipped into {ranges:?}");
                if let Some(points) = &ranges.points {
                    let listed = points.contains(&vec![Datum::Int(row[0]), Datum::Int(row[1])]);
                    prop_assert_eq!(listed, hits == 1);
                }
            }
        }
    }

    #[test]
    fn a_bound_that_the_column_cannot_hold_is_no_bound() {
        let half = Expr::constant(
            Datum::Decimal { value: 25, scale: 1 },
            SqlType::Decimal { precision: 2, scale: 1 },
        );
        let e = boolean_call(Function::Lt, vec![column(0), half]);
        assert_eq!(key_ranges(&[(ColumnId(0), bigint())], &[e]), None);
        let decimal = SqlType::Decimal { precision: 10, scale: 2 };
        let value = Datum::Decimal { value: 25, scale: 1 };
        assert_eq!(as_column_value(&value, &decimal), Some(Datum::Decimal { value: 250, scale: 2 }));
    }
}

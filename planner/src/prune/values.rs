//! What conjuncts leave to the columns of a scheme and to its expression.

use allod_storage::schema::{ColumnType, Datum, SqlType, TableDescriptor};

use super::monotone;
use crate::column::ColumnId;
use crate::expr::{Expr, Rewriter};
use crate::partition::PartitionFunction;
use crate::ranges::{ValueSet, column_values};
use crate::stats::histogram::Interval;

/// Combinations of values that are tried.
const COMBINATIONS_MAX: usize = 4096;

/// Stands for the whole partition expression.
const WHOLE: ColumnId = ColumnId(u32::MAX - 1);

/// For each column of the scheme the values it may have, and the same for the expression; `None` = any.
pub(super) struct Known<'a> {
    function: &'a PartitionFunction,
    /// Ordinal, type, values.
    columns: Vec<(usize, ColumnType, Option<ValueSet>)>,
    whole: Option<ValueSet>,
}

impl Known<'_> {
    /// From conjuncts whose columns are ordinals.
    pub fn new<'a>(
        function: &'a PartitionFunction,
        table: &TableDescriptor,
        conjuncts: &[Expr],
    ) -> Known<'a> {
        let of = |(at, o): (usize, &usize)| {
            // The sort key of a text has another type than the text.
            let ty = match (&function.scheme.expr, function.values.get(at)) {
                (None, Some(value)) => value.ty().clone(),
                _ => table.columns[*o].ty.clone(),
            };
            let values = column_values(conjuncts, ColumnId(*o as u32), &ty).map(|(values, _)| values);
            (*o, ty, values)
        };
        let columns = function.scheme.columns.iter().enumerate().map(of).collect();
        let whole = match (&function.scheme.expr, function.values.as_slice()) {
            (Some(_), [expr]) if expr.as_column().is_none() => {
                let ty = ColumnType { nullable: true, ..expr.ty().clone() };
                let about: Vec<Expr> = conjuncts.iter().map(|e| abstracted(e, expr, &ty)).collect();
                column_values(&about, WHOLE, &ty).map(|(values, _)| values)
            }
            _ => None,
        };
        Known { function, columns, whole }
    }

    /// Whether everything is possible.
    pub fn says_nothing(&self) -> bool {
        self.whole.is_none() && self.columns.iter().all(|(_, _, values)| values.is_none())
    }

    /// The values of the `i`th column of the scheme.
    pub fn column(&self, i: usize) -> Option<&ValueSet> {
        self.columns.get(i).and_then(|(_, _, values)| values.as_ref())
    }

    /// Type and id of the `i`th column.
    pub fn types(&self) -> impl Iterator<Item = (ColumnId, &ColumnType)> {
        self.columns.iter().map(|(o, ty, _)| (ColumnId(*o as u32), ty))
    }

    /// If the columns can only have a few values together: what the function's values are for each combination. Ranges of at
    /// most `width` whole numbers or days count as their members. `None` if there are too many, or one cannot be evaluated.
    pub fn tuples(&self, width: usize) -> Option<Vec<Vec<Datum>>> {
        let mut combinations: Vec<Vec<(usize, Datum)>> = vec![vec![]];
        for (ordinal, ty, values) in &self.columns {
            let values = listed(values.as_ref()?, ty, width)?;
            if combinations.len().saturating_mul(values.len()) > COMBINATIONS_MAX {
                return None;
            }
            combinations = combinations
                .iter()
                .flat_map(|known| {
                    values.iter().map(move |v| known.iter().cloned().chain([(*ordinal, v.clone())]).collect())
                })
                .collect();
        }
        let tuple = |c: &Vec<(usize, Datum)>| self.function.values.iter().map(|e| evaluate(e, c)).collect();
        combinations.iter().map(tuple).collect()
    }

    /// Intervals that hold every value the one partition expression may have; `None` = any value. NULL lies below all others,
    /// in an interval that is open below.
    pub fn image(&self, width: usize) -> Option<Vec<Interval>> {
        let expr = self.function.values.first()?;
        let by_columns = match self.tuples(width) {
            Some(tuples) => Some(tuples.into_iter().flatten().map(point).collect()),
            None => match self.columns.as_slice() {
                [(ordinal, ty, Some(values))] => monotone::image(expr, *ordinal, ty, values),
                _ => None,
            },
        };
        let by_whole = self.whole.as_ref().map(|set| set.intervals.clone());
        match (by_columns, by_whole) {
            (Some(a), Some(b)) => {
                Some(ValueSet { intervals: a }.intersect(&ValueSet { intervals: b }).intervals)
            }
            (one, other) => one.or(other),
        }
    }
}

fn point(value: Datum) -> Interval {
    Interval { low: Some((value.clone(), true)), high: Some((value, true)) }
}

/// The conjunct with the partition expression, where it stands as a whole, as a column.
fn abstracted(e: &Expr, whole: &Expr, ty: &ColumnType) -> Expr {
    e.clone().transform(&mut |e| if same(&e, whole) { Expr::column(WHOLE, ty.clone()) } else { e })
}

/// Equal but for what types promise of NULLs.
fn same(a: &Expr, b: &Expr) -> bool {
    match (a, b) {
        (Expr::Call { function: f, args: x, ty: s }, Expr::Call { function: g, args: y, ty: t }) => {
            f == g && s.sql == t.sql && x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        (Expr::Column { id: a, .. }, Expr::Column { id: b, .. }) => a == b,
        (Expr::Constant { value: a, .. }, Expr::Constant { value: b, .. }) => a == b,
        _ => false,
    }
}

/// The single values of a set; an interval of at most `width` whole numbers or days counts as its members. Whole numbers end
/// where their type does.
fn listed(values: &ValueSet, ty: &ColumnType, width: usize) -> Option<Vec<Datum>> {
    let mut out = Vec::new();
    for interval in &values.intervals {
        match interval.point() {
            Some(value) => out.push(value.clone()),
            None => {
                let interval = Some(within_type(interval, ty)).filter(|interval| !interval.is_empty());
                out.extend(interval.map_or(Some(vec![]), |interval| members(&interval, width))?);
            }
        }
    }
    Some(out)
}

/// An interval of whole numbers, closed where it was open.
fn within_type(interval: &Interval, ty: &ColumnType) -> Interval {
    let SqlType::Int { width, unsigned } = ty.sql else { return interval.clone() };
    let spare = 64 - 8 * width.bytes();
    let (least, most) = match unsigned {
        true => (Datum::UInt(0), Datum::UInt(u64::MAX >> spare)),
        false => (Datum::Int(i64::MIN >> spare), Datum::Int(i64::MAX >> spare)),
    };
    let mut out = interval.clone();
    // NULL lies below all numbers, and is in an interval that is open there.
    if !ty.nullable && out.low.is_none() || out.low == Some((Datum::Null, false)) {
        out.low = Some((least, true));
    }
    out.high.get_or_insert((most, true));
    out
}

/// The whole numbers or days in an interval, if there are at most `width` and neither side is open.
pub(super) fn members(interval: &Interval, width: usize) -> Option<Vec<Datum>> {
    let (low, high) = closed(interval);
    let (low, high) = (low?, high?);
    let within = |low: i128, high: i128| high - low < width as i128;
    match (&low, &high) {
        (Datum::Int(a), Datum::Int(b)) if within(i128::from(*a), i128::from(*b)) => {
            Some((*a..=*b).map(Datum::Int).collect())
        }
        (Datum::UInt(a), Datum::UInt(b)) if within(i128::from(*a), i128::from(*b)) => {
            Some((*a..=*b).map(Datum::UInt).collect())
        }
        (Datum::Date(a), Datum::Date(b)) if within(i128::from(*a), i128::from(*b)) => {
            Some((*a..=*b).map(Datum::Date).collect())
        }
        _ => None,
    }
}

/// Both ends of an interval, included: an end that is excluded moves to its neighbour where values have neighbours, and
/// otherwise is taken in. `None` = open, and so is an end at NULL.
pub(super) fn closed(interval: &Interval) -> (Option<Datum>, Option<Datum>) {
    let moved = |end: &Option<(Datum, bool)>, by: i64| {
        let (value, inclusive) = end.as_ref().filter(|(v, _)| !v.is_null())?;
        if *inclusive {
            return Some(value.clone());
        }
        Some(match value {
            Datum::Int(v) => v.checked_add(by).map_or(value.clone(), Datum::Int),
            Datum::UInt(v) => v.checked_add_signed(by).map_or(value.clone(), Datum::UInt),
            Datum::Date(v) => v.checked_add(by as i32).map_or(value.clone(), Datum::Date),
            Datum::DateTime(v) => v.checked_add(by).map_or(value.clone(), Datum::DateTime),
            Datum::Time(v) => v.checked_add(by).map_or(value.clone(), Datum::Time),
            other => other.clone(),
        })
    };
    (moved(&interval.low, 1), moved(&interval.high, -1))
}

/// An expression for the given values of its columns, by ordinal; `None` if it cannot be evaluated while planning.
pub(super) fn evaluate(expr: &Expr, values: &[(usize, Datum)]) -> Option<Datum> {
    let bound = expr.clone().transform(&mut |e| match &e {
        Expr::Column { id, ty } => match values.iter().find(|(ordinal, _)| *ordinal == id.0 as usize) {
            Some((_, value)) => Expr::constant(value.clone(), ty.sql.clone()),
            None => e,
        },
        Expr::Call { function, args, ty } => {
            Rewriter::new(0).call(function.clone(), args.clone(), ty.sql.clone(), ty.nullable)
        }
        Expr::Constant { .. } => e,
    });
    match bound {
        Expr::Constant { value, .. } => Some(value),
        Expr::Column { .. } | Expr::Call { .. } => None,
    }
}

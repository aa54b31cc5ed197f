//! Intervals of a column through a monotone expression: `YEAR(d)` of a range of dates is a range of years.
//!
//! An end whose value cannot be computed (it overflows) becomes open. Ends are included: where values have neighbours an
//! excluded end has moved to the one beside it before the expression is asked, so that `d < '2005-01-01'` ends in 2004 and not
//! in 2005; and the expressions need not be strictly monotone.

use allod_storage::schema::{ColumnType, Datum, SqlType};

use super::values::{closed, evaluate};
use crate::expr::types::Family;
use crate::expr::{Expr, Function, TimeUnit};
use crate::ranges::ValueSet;
use crate::stats::histogram::Interval;

/// Which way an expression goes as its column grows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Direction {
    fn reversed(self) -> Direction {
        match self {
            Direction::Up => Direction::Down,
            Direction::Down => Direction::Up,
        }
    }
}

/// Intervals that hold the expression's values, given those of its one column; `None` if it is not monotone.
pub(super) fn image(
    expr: &Expr,
    ordinal: usize,
    ty: &ColumnType,
    values: &ValueSet,
) -> Option<Vec<Interval>> {
    let direction = direction(expr)?;
    let mut out = Vec::with_capacity(values.intervals.len());
    for interval in &values.intervals {
        let holds_null =
            ty.nullable && interval.low.as_ref().is_none_or(|(low, inclusive)| low.is_null() && *inclusive);
        if holds_null {
            out.push(Interval { low: Some((Datum::Null, true)), high: Some((Datum::Null, true)) });
        }
        if interval.high.as_ref().is_some_and(|(high, _)| high.is_null()) {
            continue;
        }
        let (low, high) = closed(interval);
        if let (Some(low), Some(high)) = (&low, &high)
            && low.compare(high).is_gt()
        {
            continue;
        }
        let at = |end: Option<Datum>| {
            let value = evaluate(expr, &[(ordinal, end?)])?;
            (!value.is_null()).then_some((value, true))
        };
        let (low, high) = (at(low), at(high));
        let (low, high) = if direction == Direction::Up { (low, high) } else { (high, low) };
        // Of a value that is not NULL none of these is NULL.
        let low = low.or(Some((Datum::Null, false)));
        out.push(Interval { low, high });
    }
    Some(out)
}

fn direction(expr: &Expr) -> Option<Direction> {
    let Expr::Call { function, args, ty } = expr else {
        return matches!(expr, Expr::Column { .. }).then_some(Direction::Up);
    };
    let integer = matches!(Family::of(&ty.sql), Family::Int | Family::UInt);
    let sign = |e: &Expr| match e {
        Expr::Constant { value: Datum::Int(v), .. } => Some(v.signum()),
        Expr::Constant { value: Datum::UInt(v), .. } => Some(i64::from(*v > 0)),
        _ => None,
    };
    let times = |e: &Expr, sign: i64| match sign {
        1 => direction(e),
        -1 => direction(e).map(Direction::reversed),
        _ => None,
    };
    let dated =
        |x: &Expr| matches!(x.ty().sql, SqlType::Date | SqlType::DateTime(_)).then(|| direction(x)).flatten();
    match (function, args.as_slice()) {
        (Function::Plus, [x, c]) | (Function::Plus, [c, x]) if integer && sign(c).is_some() => direction(x),
        (Function::Minus, [x, c]) if integer && sign(c).is_some() => direction(x),
        (Function::Minus, [c, x]) if integer && sign(c).is_some() => direction(x).map(Direction::reversed),
        (Function::Mul, [x, c]) | (Function::Mul, [c, x]) if integer && sign(c).is_some() => {
            times(x, sign(c)?)
        }
        (Function::IntDiv, [x, c]) if integer && sign(c).is_some() => {
            let whole = matches!(Family::of(&x.ty().sql), Family::Int | Family::UInt);
            if whole { times(x, sign(c)?) } else { None }
        }
        (Function::Negate, [x]) if integer => direction(x).map(Direction::reversed),
        (Function::Extract(TimeUnit::Year) | Function::ToDays | Function::ToSeconds, [x])
        | (Function::YearWeek, [x, Expr::Constant { .. }])
        | (Function::DateDiff, [x, Expr::Constant { .. }]) => dated(x),
        (Function::DateDiff, [Expr::Constant { .. }, x]) => dated(x).map(Direction::reversed),
        (Function::UnixTimestamp, [x]) if integer => {
            matches!(x.ty().sql, SqlType::Timestamp(_)).then(|| direction(x)).flatten()
        }
        (Function::TimeToSec | Function::Extract(TimeUnit::Hour), [x]) => {
            matches!(x.ty().sql, SqlType::Time(_)).then(|| direction(x)).flatten()
        }
        (Function::Ceil | Function::Floor, [x]) if integer => direction(x),
        _ => None,
    }
}

//! Calls with constant arguments, evaluated while planning.
//!
//! Only what planning profits from: bounds of ranges, interval arithmetic, conditions that are always true. A call that is
//! not known here, or whose value is an error, a warning or an overflow, stays a call; the kernel decides. So folding can
//! never change what a statement answers.

use std::cmp::Ordering;

use allod_storage::schema::{ColumnType, Datum, SqlType};

use super::calendar::{self, Civil, DAY_US};
use super::convert::{cast_datum, rescale};
use super::exact::is_cut_off;
use super::{Expr, Function, TimeUnit, types};

/// Microseconds of a second.
const SECOND_US: i64 = 1_000_000;

/// The call, or something simpler with the same value.
pub fn call(function: Function, mut args: Vec<Expr>, ty: ColumnType) -> Expr {
    match function {
        Function::And | Function::Or => return logic(function, args, ty),
        Function::Case => {
            if let Some(chosen) = case(&mut args) {
                return chosen.unwrap_or(Expr::Constant { value: Datum::Null, ty });
            }
        }
        Function::If => {
            if let Some(truth) = args.first().and_then(constant) {
                let at = if is_true(truth) { 1 } else { 2 };
                return args.swap_remove(at);
            }
        }
        Function::Coalesce | Function::IfNull => {
            args.retain(|a| !constant(a).is_some_and(Datum::is_null));
            match args.first() {
                None => return Expr::Constant { value: Datum::Null, ty },
                Some(first) if !first.ty().nullable || args.len() == 1 => return args.swap_remove(0),
                Some(_) => {}
            }
            if function == Function::IfNull && args.len() != 2 {
                return args.swap_remove(0);
            }
        }
        Function::IsNull if args.first().is_some_and(|a| !a.ty().nullable) => return Expr::boolean(false),
        _ => {}
    }
    // Documents are read by kernels, who also know what NULL means to them; only text is needed here.
    let reads_json =
        matches!(function, Function::Json(_)) || args.iter().any(|a| a.ty().sql == SqlType::Json);
    if reads_json && !(function == Function::Cast && ty.sql.is_string()) {
        return Expr::Call { function, args, ty };
    }
    // What a number stands for is in its type, which a value by itself does not know.
    if let (Function::Cast, [Expr::Constant { value, ty: from }]) = (&function, args.as_slice())
        && !types::Family::of(&ty.sql).is_number()
        && from.sql != ty.sql
        && let Some(printed) = super::convert::printed(value, &from.sql)
    {
        return match cast_datum(&printed, &ty.sql) {
            Some(value) => Expr::Constant { value, ty },
            None => Expr::Call { function, args, ty },
        };
    }
    let values: Option<Vec<&Datum>> = args.iter().map(constant).collect();
    match values.and_then(|values| evaluate(&function, &values, &ty.sql)) {
        Some(value) => {
            let nullable = value.is_null();
            Expr::Constant { value, ty: ColumnType { nullable, ..ty } }
        }
        None => Expr::Call { function, args, ty },
    }
}

/// The value of a constant expression.
pub fn constant(expr: &Expr) -> Option<&Datum> {
    match expr {
        Expr::Constant { value, .. } => Some(value),
        Expr::Column { .. } | Expr::Call { .. } => None,
    }
}

/// Neither 0 nor NULL.
pub fn is_true(value: &Datum) -> bool {
    value.as_f64().is_some_and(|v| v != 0.0)
}

/// Flattens, drops the neutral element and absorbs.
fn logic(function: Function, args: Vec<Expr>, ty: ColumnType) -> Expr {
    let absorbing = function == Function::Or;
    let mut kept = Vec::with_capacity(args.len());
    let mut null = false;
    for arg in args {
        match arg {
            Expr::Call { function: inner, args, .. } if inner == function => kept.extend(args),
            Expr::Constant { value: Datum::Null, .. } => null = true,
            Expr::Constant { value, .. } if is_true(&value) == absorbing => return Expr::boolean(absorbing),
            Expr::Constant { .. } => {}
            other => kept.push(other),
        }
    }
    if null {
        kept.push(Expr::constant(Datum::Null, SqlType::BOOL));
    }
    match kept.len() {
        0 => Expr::boolean(!absorbing),
        1 if null || is_boolean(&kept[0]) => kept.swap_remove(0),
        // AND and OR take two or more; the neutral element makes 0 or 1 of the other.
        1 => Expr::Call { function, args: vec![kept.swap_remove(0), Expr::boolean(!absorbing)], ty },
        _ => Expr::Call { function, args: kept, ty },
    }
}

/// Whether its values are only 0, 1 and NULL.
pub fn is_boolean(expr: &Expr) -> bool {
    match expr {
        Expr::Call { function, .. } => {
            function.is_comparison()
                || matches!(
                    function,
                    Function::In
                        | Function::Like { .. }
                        | Function::Regexp
                        | Function::IsNull
                        | Function::IsTrue
                        | Function::IsFalse
                        | Function::And
                        | Function::Or
                        | Function::Xor
                        | Function::Not
                )
        }
        Expr::Constant { value, .. } => matches!(value, Datum::Null | Datum::Int(0 | 1)),
        Expr::Column { .. } => false,
    }
}

/// Removes branches that are never taken. `Some(Some(e))`: the value is always `e`; `Some(None)`: always NULL.
fn case(args: &mut Vec<Expr>) -> Option<Option<Expr>> {
    let mut i = 0;
    while i + 1 < args.len() {
        match constant(&args[i]) {
            Some(value) if is_true(value) => {
                let chosen = args.remove(i + 1);
                if i == 0 {
                    return Some(Some(chosen));
                }
                // Taken whenever no earlier one is: it is the ELSE.
                args.truncate(i);
                args.push(chosen);
                return None;
            }
            Some(_) => {
                args.drain(i..i + 2);
            }
            None => i += 2,
        }
    }
    match args.len() {
        0 => Some(None),
        1 => Some(args.pop()),
        _ => None,
    }
}

fn truth(value: bool) -> Option<Datum> {
    Some(Datum::Int(i64::from(value)))
}

fn evaluate(function: &Function, args: &[&Datum], ty: &SqlType) -> Option<Datum> {
    // What is defined for NULL.
    match (function, args) {
        (Function::IsNull, [x]) => return truth(x.is_null()),
        (Function::IsTrue, [x]) => return truth(is_true(x)),
        (Function::IsFalse, [x]) => return truth(!x.is_null() && !is_true(x)),
        (Function::NullEq, [a, b]) => return truth(a.compare(b) == Ordering::Equal),
        (Function::NullIf, [a, b]) => {
            let equal = !a.is_null() && !b.is_null() && a.compare(b) == Ordering::Equal;
            return if equal { Some(Datum::Null) } else { cast_datum(a, ty) };
        }
        (Function::In, [x, list @ ..]) if !x.is_null() => {
            let found = list.iter().any(|v| !v.is_null() && v.compare(x) == Ordering::Equal);
            let unknown = !found && list.iter().any(|v| v.is_null());
            return if unknown { Some(Datum::Null) } else { truth(found) };
        }
        (function, _) if function.takes_null() && !matches!(function, Function::In) => return None,
        _ if args.iter().any(|a| a.is_null()) => return Some(Datum::Null),
        _ => {}
    }
    match (function, args) {
        (Function::Collate(function), [text]) => function.of_constant(text),
        (Function::Eq, [a, b]) => truth(a.compare(b).is_eq()),
        (Function::Ne, [a, b]) => truth(a.compare(b).is_ne()),
        (Function::Lt, [a, b]) => truth(a.compare(b).is_lt()),
        (Function::Le, [a, b]) => truth(a.compare(b).is_le()),
        (Function::Gt, [a, b]) => truth(a.compare(b).is_gt()),
        (Function::Ge, [a, b]) => truth(a.compare(b).is_ge()),
        (Function::Not, [a]) => truth(!is_true(a)),
        (Function::Xor, [a, b]) => truth(is_true(a) != is_true(b)),
        (
            Function::Plus
            | Function::Minus
            | Function::Mul
            | Function::Div
            | Function::Mod
            | Function::IntDiv,
            [a, b],
        ) => arithmetic(function, a, b, ty),
        (Function::Negate, [a]) => match a {
            Datum::Int(v) => v.checked_neg().map(Datum::Int),
            Datum::Double(v) => Some(Datum::Double(-v)),
            Datum::Decimal { value, scale } => Some(Datum::Decimal { value: -value, scale: *scale }),
            _ => None,
        },
        (Function::Abs, [a]) => match a {
            Datum::Int(v) => v.checked_abs().map(Datum::Int),
            Datum::UInt(v) => Some(Datum::UInt(*v)),
            Datum::Double(v) => Some(Datum::Double(v.abs())),
            Datum::Decimal { value, scale } => Some(Datum::Decimal { value: value.abs(), scale: *scale }),
            _ => None,
        },
        (Function::BitAnd, [Datum::UInt(a), Datum::UInt(b)]) => Some(Datum::UInt(a & b)),
        (Function::BitOr, [Datum::UInt(a), Datum::UInt(b)]) => Some(Datum::UInt(a | b)),
        (Function::BitXor, [Datum::UInt(a), Datum::UInt(b)]) => Some(Datum::UInt(a ^ b)),
        (Function::BitNot, [Datum::UInt(a)]) => Some(Datum::UInt(!a)),
        (Function::Cast, [a]) => cast_datum(a, ty),
        (Function::Concat, _) => {
            let mut text = String::new();
            for arg in args {
                match arg {
                    Datum::String(s) => text.push_str(s),
                    _ => return None,
                }
            }
            Some(Datum::string(text))
        }
        (Function::DateAdd(unit), [a, Datum::Int(n)]) => shift(a, *unit, *n, ty),
        (Function::DateSub(unit), [a, Datum::Int(n)]) => shift(a, *unit, n.checked_neg()?, ty),
        (Function::Extract(unit), [Datum::Time(us)]) => {
            let part = |part| match part {
                // A TIME may be longer than a day, but has no days.
                TimeUnit::Hour => Some(us.abs() / 3_600_000_000),
                TimeUnit::Minute | TimeUnit::Second | TimeUnit::Microsecond => {
                    Some(calendar::field(us.abs() % DAY_US, part))
                }
                TimeUnit::Day if unit.ends().is_some() => Some(0),
                _ => None,
            };
            let all = unit.spanned().into_iter().try_fold(0, |all, p| Some(all * p.room() + part(p)?));
            Some(Datum::Int(us.signum() * all?))
        }
        (Function::Extract(unit), [a]) => Some(Datum::Int(calendar::field(moment(a)?, *unit))),
        (Function::DateDiff, [a, b]) => {
            Some(Datum::Int(moment(a)?.div_euclid(DAY_US) - moment(b)?.div_euclid(DAY_US)))
        }
        (Function::ToDays, [a]) => Some(Datum::Int(calendar::day_number(day(a)?))),
        (Function::ToSeconds, [a]) => {
            let us = moment(a)?;
            let day = calendar::day_number(us.div_euclid(DAY_US));
            Some(Datum::Int(day * (DAY_US / SECOND_US) + us.rem_euclid(DAY_US) / SECOND_US))
        }
        (Function::ClockOf(zone), [Datum::DateTime(us)]) => Some(Datum::DateTime(zone.local(*us))),
        (Function::MomentOf(zone), [Datum::DateTime(us)]) => {
            Some(Datum::DateTime(zone.moments(*us).chosen()))
        }
        // Before 1970 it is 0; parts of a second stay for the kernels.
        (Function::UnixTimestamp, [a]) if matches!(ty, SqlType::Int { .. }) => {
            Some(Datum::Int(calendar::unix_us(moment(a)?) / SECOND_US))
        }
        (Function::WeekDay, [a]) => Some(Datum::Int((day(a)? + 3).rem_euclid(7))),
        (Function::DayOfWeek, [a]) => Some(Datum::Int((day(a)? + 4).rem_euclid(7) + 1)),
        (Function::DayOfYear, [a]) => {
            let day = day(a)?;
            let new_year = Civil { month: 1, day: 1, ..Civil::from_days(day) }.days()?;
            Some(Datum::Int(day - new_year + 1))
        }
        (Function::YearWeek, [a, Datum::Int(mode)]) => {
            let (year, week) = calendar::year_and_week(day(a)?, *mode)?;
            Some(Datum::Int(year * 100 + week))
        }
        (Function::TimeToSec, [Datum::Time(us)]) => Some(Datum::Int(us / SECOND_US)),
        (Function::TimeToSec, [Datum::DateTime(us)]) => Some(Datum::Int(us.rem_euclid(DAY_US) / SECOND_US)),
        (Function::Ceil | Function::Floor, [Datum::Int(_) | Datum::UInt(_)]) => cast_datum(args[0], ty),
        (Function::Ceil | Function::Floor, [Datum::Decimal { value, scale }])
            if matches!(ty, SqlType::Int { .. }) =>
        {
            let unit = 10i128.checked_pow(u32::from(*scale))?;
            let down = value.div_euclid(unit);
            let up = *function == Function::Ceil && value.rem_euclid(unit) > 0;
            cast_datum(&Datum::Decimal { value: down + i128::from(up), scale: 0 }, ty)
        }
        _ => None,
    }
}

fn day(value: &Datum) -> Option<i64> {
    moment(value).map(|us| us.div_euclid(DAY_US))
}

fn moment(value: &Datum) -> Option<i64> {
    match value {
        Datum::Date(days) => Some(i64::from(*days) * DAY_US),
        Datum::DateTime(us) => Some(*us),
        _ => None,
    }
}

fn shift(value: &Datum, unit: TimeUnit, n: i64, ty: &SqlType) -> Option<Datum> {
    // What is beyond all dates is for the kernel, which says so.
    let us = calendar::add(moment(value)?, unit, n)?;
    match ty {
        SqlType::Date => i32::try_from(us.div_euclid(DAY_US)).ok().map(Datum::Date),
        SqlType::DateTime(_) | SqlType::Timestamp(_) => Some(Datum::DateTime(us)),
        _ => None,
    }
}

/// Dividing by zero is for the kernel, which says so.
fn arithmetic(function: &Function, a: &Datum, b: &Datum, ty: &SqlType) -> Option<Datum> {
    match ty {
        SqlType::Int { unsigned, .. } => {
            let integer = |d: &Datum| match d {
                Datum::Int(v) => Some(i128::from(*v)),
                Datum::UInt(v) => Some(i128::from(*v)),
                _ => None,
            };
            let (a, b) = (integer(a)?, integer(b)?);
            let v = match function {
                Function::Plus => a + b,
                Function::Minus => a - b,
                Function::Mul => a.checked_mul(b)?,
                Function::IntDiv if b == 0 => return None,
                Function::IntDiv => a / b,
                Function::Mod if b == 0 => return None,
                Function::Mod => a % b,
                _ => return None,
            };
            if *unsigned {
                u64::try_from(v).ok().map(Datum::UInt)
            } else {
                i64::try_from(v).ok().map(Datum::Int)
            }
        }
        SqlType::Double => {
            let (Datum::Double(a), Datum::Double(b)) = (a, b) else { return None };
            let v = match function {
                Function::Plus => a + b,
                Function::Minus => a - b,
                Function::Mul => a * b,
                Function::Div | Function::Mod if *b == 0.0 => return None,
                Function::Div => a / b,
                Function::Mod => a % b,
                _ => return None,
            };
            v.is_finite().then_some(Datum::Double(v))
        }
        SqlType::Decimal { precision, scale } => {
            let (Datum::Decimal { value: a, scale: sa }, Datum::Decimal { value: b, scale: sb }) = (a, b)
            else {
                return None;
            };
            let (a, b, sa, sb) = (*a, *b, *sa, *sb);
            let both = |s: u8| Some((rescale(a, sa, s)?, rescale(b, sb, s)?));
            let value = match function {
                Function::Plus => both(*scale).and_then(|(a, b)| a.checked_add(b))?,
                Function::Minus => both(*scale).and_then(|(a, b)| a.checked_sub(b))?,
                Function::Mul => rescale(a.checked_mul(b)?, sa + sb, *scale)?,
                Function::Div | Function::Mod if b == 0 => return None,
                Function::Div => {
                    // One digit more than wanted, then rounded.
                    let more = u8::from(!is_cut_off(*scale));
                    let up = u32::from(*scale + more + sb).checked_sub(u32::from(sa))?;
                    rescale(a.checked_mul(10i128.checked_pow(up)?)? / b, *scale + more, *scale)?
                }
                Function::Mod => {
                    let (a, b) = both(sa.max(sb))?;
                    rescale(a % b, sa.max(sb), *scale)?
                }
                _ => return None,
            };
            let fits = 10i128.checked_pow(u32::from(*precision)).is_none_or(|limit| value.abs() < limit);
            fits.then_some(Datum::Decimal { value, scale: *scale })
        }
        _ => None,
    }
}

//! Integer, double and decimal arithmetic, and bit operations.

use allod_planner::expr::Function;
use allod_storage::schema::SqlType;
use arrow::buffer::NullBuffer;

use super::bits;
use super::cast;
use super::decimal::{Decimals, whole_quotient};
use super::function::{Failure, Outcome, ints, unfit};
use super::notice::{Notices, Verdict};
use super::number;
use super::value::{Column, Overflow, Value, Values, uniform, zip_checked, zip_map, zip_option};

const BIGINT: Failure = Failure::OutOfRange("BIGINT");
const UNSIGNED: Failure = Failure::OutOfRange("BIGINT UNSIGNED");

/// Evaluates an arithmetic function whose result has type `sql`.
pub(crate) fn apply(function: &Function, args: &[Value], sql: &SqlType, rows: usize) -> Outcome {
    match function {
        Function::BitNot => return Ok(Value::UInt(unsigned_bits(&args[0], rows).map(|v| !v))),
        Function::BitCount => {
            return Ok(Value::Int(unsigned_bits(&args[0], rows).map(|v| i64::from(v.count_ones()))));
        }
        Function::BitAnd
        | Function::BitOr
        | Function::BitXor
        | Function::ShiftLeft
        | Function::ShiftRight => {
            let (a, b) = (unsigned_bits(&args[0], rows), unsigned_bits(&args[1], rows));
            let shift = |by: u64, shifted: Option<u64>| if by < 64 { shifted.unwrap_or(0) } else { 0 };
            return Ok(Value::UInt(match function {
                Function::BitAnd => zip_map(&a, &b, |x, y| x & y),
                Function::BitOr => zip_map(&a, &b, |x, y| x | y),
                Function::BitXor => zip_map(&a, &b, |x, y| x ^ y),
                Function::ShiftLeft => zip_map(&a, &b, |x, y| shift(y, x.checked_shl(y as u32))),
                _ => zip_map(&a, &b, |x, y| shift(y, x.checked_shr(y as u32))),
            }));
        }
        Function::Negate => return negate(&args[0], sql, rows),
        _ => {}
    }
    match sql {
        SqlType::Float | SqlType::Double => {
            let (Some(a), Some(b)) = (args[0].to_double(), args[1].to_double()) else {
                return Err(unfit(function));
            };
            doubles(function, &a, &b, rows)
        }
        SqlType::Decimal { scale, .. } => {
            let (Some(a), Some(b)) = (args[0].to_decimal(), args[1].to_decimal()) else {
                return Err(unfit(function));
            };
            // Digits that the result does not have go first where there is no room for all of them.
            let fewer = |v: &Decimals| v.clone().rescale(v.scale().min(*scale));
            let aligned = |f: fn(&Decimals, &Decimals, usize) -> Result<Decimals, Overflow>| {
                f(&a, &b, rows).or_else(|_| f(&fewer(&a)?, &fewer(&b)?, rows))
            };
            let out = match function {
                Function::Plus => aligned(Decimals::add)?,
                Function::Minus => aligned(Decimals::sub)?,
                Function::Mul => Decimals::mul(&a, &b, rows)
                    .or_else(|_| longest(*scale, |scale| Decimals::mul_rounded(&a, &b, scale, rows)))?,
                Function::Div => longest(*scale, |scale| Decimals::div(&a, &b, scale, rows))?,
                Function::Mod => aligned(Decimals::rem)?,
                _ => return Err(unfit(function)),
            };
            // Who wants as many digits as the type has says so if there is no room for them.
            Ok(Value::Decimal(match out.clone().rescale(*scale) {
                Err(_) if out.scale() < *scale => out,
                rescaled => rescaled?,
            }))
        }
        SqlType::Int { .. } | SqlType::Year => {
            let unsigned = matches!(sql, SqlType::Int { unsigned: true, .. });
            let fractions = args.iter().any(|arg| matches!(arg, Value::Double(_) | Value::Decimal(_)));
            match function {
                Function::IntDiv if fractions => whole_quotients(&args[0], &args[1], unsigned, rows),
                _ => integers(function, &args[0], &args[1], unsigned, rows),
            }
        }
        _ => Err(unfit(function)),
    }
}

/// What `f` makes with as many digits behind the point as there is room for, but no more than `scale`.
fn longest(scale: u8, f: impl Fn(u8) -> Result<Decimals, Overflow>) -> Result<Decimals, Overflow> {
    (0..=scale).rev().find_map(|scale| f(scale).ok()).ok_or(Overflow)
}

/// Tells of the rows that were divided by zero: those whose result is NULL although neither operand is.
pub(crate) fn tell_zeros(
    result: &Value,
    args: &[Value],
    rows: usize,
    notices: &mut Notices,
) -> Result<(), Failure> {
    if notices.rules().divided == Verdict::Ignore || result.nulls().is_none_or(|n| n.null_count() == 0) {
        return Ok(());
    }
    let by_zero = |row: &usize| result.is_null(*row) && args.iter().all(|arg| !arg.is_null(*row));
    (0..rows).filter(by_zero).try_for_each(|row| notices.divided(row))
}

/// An argument of a bit operation: its 64 bits.
fn unsigned_bits(value: &Value, rows: usize) -> Column<u64> {
    match value {
        Value::UInt(v) => v.clone(),
        other => ints(other, rows).map(|v| v as u64),
    }
}

fn negate(value: &Value, sql: &SqlType, rows: usize) -> Outcome {
    match (value, sql) {
        (v, SqlType::Float | SqlType::Double) => {
            let v = v.to_double().ok_or_else(|| unfit(&Function::Negate))?;
            Ok(Value::Double(v.map(|v| -v)))
        }
        (v, SqlType::Decimal { scale, .. }) => {
            let v = v.to_decimal().ok_or_else(|| unfit(&Function::Negate))?;
            Ok(Value::Decimal(v.neg().rescale(*scale)?))
        }
        // -9223372036854775808 is the negation of an unsigned constant.
        (Value::UInt(v), _) => {
            let negated = v.map_checked(|v| ((v as i64).wrapping_neg(), v > 1 << 63));
            Ok(Value::Int(negated.map_err(|_| BIGINT)?))
        }
        (v, _) => Ok(Value::Int(ints(v, rows).map_checked(i64::overflowing_neg).map_err(|_| BIGINT)?)),
    }
}

fn doubles(function: &Function, a: &Column<f64>, b: &Column<f64>, rows: usize) -> Outcome {
    let checked = |f: fn(f64, f64) -> f64| {
        let out = zip_checked(a, b, rows, |x, y| {
            let r = f(x, y);
            (r, !r.is_finite())
        });
        out.map(Value::Double).map_err(|_| Failure::OutOfRange("DOUBLE"))
    };
    match function {
        Function::Plus => checked(|x, y| x + y),
        Function::Minus => checked(|x, y| x - y),
        Function::Mul => checked(|x, y| x * y),
        Function::Div | Function::Mod => {
            // A divisor of 0 gives NULL; dividing by 1 instead keeps the loop free of branches.
            let defined = match &b.values {
                Values::One(y) => uniform(*y != 0.0, rows),
                Values::Many(ys) => bits::of_one(ys, |y| y != 0.0),
            };
            let divisor = b.map(|y| if y == 0.0 { 1.0 } else { y });
            let is_div = *function == Function::Div;
            let out = zip_checked(a, &divisor, rows, |x, y| {
                let r = if is_div { x / y } else { x % y };
                (r, !r.is_finite())
            });
            let mut out = out.map_err(|_| Failure::OutOfRange("DOUBLE"))?;
            out.nulls = NullBuffer::union(out.nulls.as_ref(), Some(&NullBuffer::new(defined)))
                .filter(|n| n.null_count() > 0);
            Ok(Value::Double(out))
        }
        _ => Err(unfit(function)),
    }
}

/// DIV of numbers that are not all integers: as exact as their digits are, whatever form they are in.
fn whole_quotients(a: &Value, b: &Value, unsigned: bool, rows: usize) -> Outcome {
    let digits = |value: &Value, row: usize| -> (i128, i32) {
        match value {
            Value::Double(v) => number::double_digits(v.value(row)),
            Value::Decimal(v) => (v.value(row), -i32::from(v.scale())),
            other => (cast::whole_at(other, row, false).0, 0),
        }
    };
    let overflow = || if unsigned { UNSIGNED } else { BIGINT };
    let mut quotients = Vec::with_capacity(rows);
    for row in 0..rows {
        if a.is_null(row) || b.is_null(row) {
            quotients.push(None);
            continue;
        }
        let ((x, by), (y, of)) = (digits(a, row), digits(b, row));
        let quotient = match y {
            0 => None,
            y => Some(whole_quotient(x, y, by - of).ok_or_else(overflow)?),
        };
        quotients.push(quotient);
    }
    let within = |v: i128| if unsigned { u64::try_from(v).is_ok() } else { i64::try_from(v).is_ok() };
    if !quotients.iter().flatten().all(|v| within(*v)) {
        return Err(overflow());
    }
    Ok(match unsigned {
        true => Value::UInt(Column::from_options(quotients.into_iter().map(|v| v.map(|v| v as u64)))),
        false => Value::Int(Column::from_options(quotients.into_iter().map(|v| v.map(|v| v as i64)))),
    })
}

fn integers(function: &Function, a: &Value, b: &Value, unsigned: bool, rows: usize) -> Outcome {
    match (a, b) {
        (Value::UInt(a), Value::UInt(b)) if unsigned => {
            let checked = |f: fn(u64, u64) -> (u64, bool)| {
                zip_checked(a, b, rows, f).map(Value::UInt).map_err(|_| UNSIGNED)
            };
            match function {
                Function::Plus => checked(u64::overflowing_add),
                Function::Minus => checked(u64::overflowing_sub),
                Function::Mul => checked(u64::overflowing_mul),
                Function::IntDiv => Ok(Value::UInt(zip_option(a, b, rows, u64::checked_div))),
                Function::Mod => Ok(Value::UInt(zip_option(a, b, rows, u64::checked_rem))),
                _ => Err(unfit(function)),
            }
        }
        (Value::Int(_) | Value::Bool(_), Value::Int(_) | Value::Bool(_)) if !unsigned => {
            let (a, b) = (&ints(a, rows), &ints(b, rows));
            let checked = |f: fn(i64, i64) -> (i64, bool)| {
                zip_checked(a, b, rows, f).map(Value::Int).map_err(|_| BIGINT)
            };
            match function {
                Function::Plus => checked(i64::overflowing_add),
                Function::Minus => checked(i64::overflowing_sub),
                Function::Mul => checked(i64::overflowing_mul),
                Function::IntDiv => {
                    let overflow = zip_map(a, b, |x, y| u64::from(x == i64::MIN && y == -1));
                    overflow.map_checked(|v| (v, v != 0)).map_err(|_| BIGINT)?;
                    Ok(Value::Int(zip_option(a, b, rows, i64::checked_div)))
                }
                Function::Mod => Ok(Value::Int(zip_option(a, b, rows, |x, y| {
                    if y == 0 { None } else { Some(x.wrapping_rem(y)) }
                }))),
                _ => Err(unfit(function)),
            }
        }
        // Signed with unsigned: in 128 bits, checked against the result's range.
        _ => {
            let (Some(a), Some(b)) = (a.to_decimal(), b.to_decimal()) else { return Err(unfit(function)) };
            let (a, b) = (a.widened(), b.widened());
            let overflow = || if unsigned { UNSIGNED } else { BIGINT };
            let wide = match function {
                Function::Plus => zip_checked(&a, &b, rows, i128::overflowing_add),
                Function::Minus => zip_checked(&a, &b, rows, i128::overflowing_sub),
                Function::Mul => zip_checked(&a, &b, rows, i128::overflowing_mul),
                Function::IntDiv => Ok(zip_option(&a, &b, rows, i128::checked_div)),
                Function::Mod => Ok(zip_option(&a, &b, rows, i128::checked_rem)),
                _ => return Err(unfit(function)),
            }
            .map_err(|_| overflow())?;
            if unsigned {
                let out = wide.map_checked(|v| (v as u64, u64::try_from(v).is_err()));
                Ok(Value::UInt(out.map_err(|_| overflow())?))
            } else {
                let out = wide.map_checked(|v| (v as i64, i64::try_from(v).is_err()));
                Ok(Value::Int(out.map_err(|_| overflow())?))
            }
        }
    }
}

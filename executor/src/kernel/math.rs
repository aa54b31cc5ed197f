//! Rounding, and the functions of real numbers.

use allod_planner::expr::Function;
use allod_storage::schema::SqlType;

use super::decimal::{Decimals, rescale};
use super::function::{Failure, Outcome, ints, unfit};
use super::number::round_places;
use super::value::{Column, Value, zip_checked, zip_option};
use crate::error::Error;

/// Evaluates a mathematical function whose result has type `sql`.
pub(crate) fn apply(function: &Function, args: &[Value], sql: &SqlType, rows: usize) -> Outcome {
    match function {
        Function::Abs => abs(&args[0], rows),
        Function::Sign => sign(&args[0], rows),
        Function::Ceil | Function::Floor => whole(function, &args[0], sql),
        Function::Round | Function::Truncate => round(function, args, sql, rows),
        _ => real(function, args, rows),
    }
}

fn abs(value: &Value, rows: usize) -> Outcome {
    Ok(match value {
        Value::UInt(v) => Value::UInt(v.clone()),
        Value::Double(v) => Value::Double(v.map(f64::abs)),
        Value::Decimal(v) => Value::Decimal(v.abs()),
        other => {
            let out = ints(other, rows).map_checked(i64::overflowing_abs);
            Value::Int(out.map_err(|_| Failure::OutOfRange("BIGINT"))?)
        }
    })
}

fn sign(value: &Value, rows: usize) -> Outcome {
    Ok(Value::Int(match value {
        Value::UInt(v) => v.map(|v| i64::from(v > 0)),
        Value::Double(v) => v.map(|v| i64::from(v > 0.0) - i64::from(v < 0.0)),
        Value::Decimal(v) => v.widened().map(|v| v.signum() as i64),
        other => ints(other, rows).map(i64::signum),
    }))
}

/// CEIL and FLOOR: integers stay, decimals lose their fraction.
fn whole(function: &Function, value: &Value, sql: &SqlType) -> Outcome {
    let up = *function == Function::Ceil;
    let out = match value {
        Value::Double(v) => Value::Double(v.map(|v| if up { v.ceil() } else { v.floor() })),
        Value::Decimal(v) => {
            let unit = super::decimal::power(v.scale()).unwrap_or(i128::MAX);
            let whole = v.widened().map(|v| {
                let floor = v.div_euclid(unit);
                floor + i128::from(up && v.rem_euclid(unit) != 0)
            });
            match sql {
                SqlType::Int { .. } => {
                    let narrow = whole.map_checked(|v| (v as i64, i64::try_from(v).is_err()));
                    Value::Int(narrow.map_err(|_| Failure::OutOfRange("BIGINT"))?)
                }
                _ => Value::Decimal(Decimals::wide(whole, 0)),
            }
        }
        other => other.clone(),
    };
    Ok(out.conform(sql)?)
}

/// ROUND and TRUNCATE, to `args[1]` digits behind the point (in front of it, if negative).
fn round(function: &Function, args: &[Value], sql: &SqlType, rows: usize) -> Outcome {
    let away = *function == Function::Round;
    let places = match args.get(1) {
        Some(Value::UInt(v)) => v.map(|v| i64::try_from(v).unwrap_or(i64::MAX)),
        Some(v) => ints(v, rows),
        None => Column::one(0),
    };
    match &args[0] {
        Value::Double(v) => {
            let out = zip_option(v, &places, rows, |v, places| Some(round_double(v, places, away)));
            Ok(Value::Double(out).conform(sql)?)
        }
        Value::Decimal(v) => {
            let to = match sql {
                SqlType::Decimal { scale, .. } => *scale,
                _ => 0,
            };
            let from = v.scale();
            let wide = zip_option(&v.widened(), &places, rows, |v, places| {
                let keep = places.clamp(-64, i64::from(from));
                // Blank the digits behind the wanted place, then take the result's scale.
                let v = round_places(v, u32::try_from(i64::from(from) - keep).unwrap_or(0), away);
                rescale(v, from, to)
            });
            let out = super::decimal::narrowed(&wide, rows, to).unwrap_or(Decimals::wide(wide, to));
            match sql {
                SqlType::Int { .. } => {
                    let narrow = out.widened().map_checked(|v| (v as i64, i64::try_from(v).is_err()));
                    Ok(Value::Int(narrow.map_err(|_| Failure::OutOfRange("BIGINT"))?))
                }
                _ => Ok(Value::Decimal(out)),
            }
        }
        Value::UInt(v) => {
            let out = zip_checked(v, &places, rows, |v, places| {
                let unit = u32::try_from(places.min(0).unsigned_abs()).unwrap_or(u32::MAX);
                let rounded = round_places(i128::from(v), unit, away);
                (rounded as u64, u64::try_from(rounded).is_err())
            });
            Ok(Value::UInt(out.map_err(|_| Failure::OutOfRange("BIGINT UNSIGNED"))?))
        }
        other => {
            let v = ints(other, rows);
            let out = zip_checked(&v, &places, rows, |v, places| {
                let unit = u32::try_from(places.min(0).unsigned_abs()).unwrap_or(u32::MAX);
                let rounded = round_places(i128::from(v), unit, away);
                (rounded as i64, i64::try_from(rounded).is_err())
            });
            Ok(Value::Int(out.map_err(|_| Failure::OutOfRange("BIGINT"))?).conform(sql)?)
        }
    }
}

/// Doubles round to even at halves, as the C library does for MySQL.
fn round_double(v: f64, places: i64, nearest: bool) -> f64 {
    let places = i32::try_from(places.clamp(-400, 400)).unwrap_or(0);
    let unit = 10f64.powi(places.abs());
    let step = |v: f64| if nearest { v.round_ties_even() } else { v.trunc() };
    let out = match places {
        0 => step(v),
        1.. if unit.is_infinite() || (v * unit).is_infinite() => v,
        1.. => step(v * unit) / unit,
        _ if unit.is_infinite() => 0.0,
        _ => step(v / unit) * unit,
    };
    if out.is_finite() { out } else { v }
}

fn real(function: &Function, args: &[Value], rows: usize) -> Outcome {
    let number = |i: usize| {
        args[i].to_double().or_else(|| super::cast::to_double(&args[i], rows)).ok_or_else(|| unfit(function))
    };
    let x = number(0)?;
    // NULL outside a function's domain.
    let defined =
        |f: fn(f64) -> f64| Ok(Value::Double(x.map_option(rows, |v| Some(f(v)).filter(|r| r.is_finite()))));
    let checked = |f: fn(f64) -> f64| {
        let out = x.map_checked(|v| {
            let r = f(v);
            (r, !r.is_finite())
        });
        out.map(Value::Double).map_err(|_| Failure::OutOfRange("DOUBLE"))
    };
    match function {
        Function::Sqrt => defined(f64::sqrt),
        Function::Ln if args.len() == 1 => defined(f64::ln),
        Function::Log2 => defined(f64::log2),
        Function::Log10 => defined(f64::log10),
        Function::Exp => checked(f64::exp),
        Function::Sin => checked(f64::sin),
        Function::Cos => checked(f64::cos),
        Function::Tan => checked(f64::tan),
        Function::Asin => defined(f64::asin),
        Function::Acos => defined(f64::acos),
        Function::Cot => checked(|v| 1.0 / v.tan()),
        Function::Degrees => checked(f64::to_degrees),
        Function::Radians => checked(f64::to_radians),
        Function::Atan if args.len() == 1 => checked(f64::atan),
        Function::Atan => Ok(Value::Double(zip_option(&x, &number(1)?, rows, |y, x| Some(y.atan2(x))))),
        Function::Pow => {
            let out = zip_checked(&x, &number(1)?, rows, |x, y| {
                let r = x.powf(y);
                (r, !r.is_finite())
            });
            out.map(Value::Double).map_err(|_| Failure::OutOfRange("DOUBLE"))
        }
        _ => Err(Failure::Other(Error::Plan("no such function of real numbers".into()))),
    }
}

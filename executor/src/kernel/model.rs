//! A second way to evaluate expressions, for tests: one row at a time, over datums, by the definitions and without any
//! cleverness. What it does not know it says by `None`.

use std::cmp::Ordering;

use allod_planner::expr::{Expr, Function, is_cut_off};
use allod_storage::schema::{Datum, SqlType};

/// That the row's value does not fit its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfRange;

/// The value of an expression for one row, given by `column`.
pub(crate) fn eval(expr: &Expr, column: &dyn Fn(u32) -> Datum) -> Result<Datum, OutOfRange> {
    let (function, args, ty) = match expr {
        Expr::Column { id, .. } => return Ok(column(id.0)),
        Expr::Constant { value, .. } => return Ok(value.clone()),
        Expr::Call { function, args, ty } => (function, args, ty),
    };
    let arg = |i: usize| eval(&args[i], column);
    let compared = |test: &dyn Fn(Ordering) -> bool| -> Result<Datum, OutOfRange> {
        let (a, b) = (arg(0)?, arg(1)?);
        Ok(if a.is_null() || b.is_null() { Datum::Null } else { boolean(test(a.compare(&b))) })
    };
    match function {
        Function::Eq => compared(&Ordering::is_eq),
        Function::Ne => compared(&Ordering::is_ne),
        Function::Lt => compared(&Ordering::is_lt),
        Function::Le => compared(&Ordering::is_le),
        Function::Gt => compared(&Ordering::is_gt),
        Function::Ge => compared(&Ordering::is_ge),
        Function::NullEq => {
            let (a, b) = (arg(0)?, arg(1)?);
            Ok(boolean(a.compare(&b).is_eq()))
        }
        Function::In => {
            let probe = arg(0)?;
            let mut unknown = probe.is_null();
            for i in 1..args.len() {
                let member = arg(i)?;
                if member.is_null() {
                    unknown = true;
                } else if !probe.is_null() && probe.compare(&member).is_eq() {
                    return Ok(boolean(true));
                }
            }
            Ok(if unknown { Datum::Null } else { boolean(false) })
        }
        Function::Like { escape: Some('\\') } => Ok(match (arg(0)?, arg(1)?) {
            (Datum::String(s), Datum::String(p)) => {
                boolean(like(&p.chars().collect::<Vec<_>>(), &s.chars().collect::<Vec<_>>()))
            }
            _ => Datum::Null,
        }),
        Function::IsNull => Ok(boolean(arg(0)?.is_null())),
        Function::IsTrue => Ok(boolean(truth(&arg(0)?) == Some(true))),
        Function::IsFalse => Ok(boolean(truth(&arg(0)?) == Some(false))),
        Function::Not => Ok(truth(&arg(0)?).map_or(Datum::Null, |t| boolean(!t))),
        Function::Xor => Ok(match (truth(&arg(0)?), truth(&arg(1)?)) {
            (Some(a), Some(b)) => boolean(a != b),
            _ => Datum::Null,
        }),
        Function::And | Function::Or => {
            let decisive = *function == Function::Or;
            let mut unknown = false;
            for i in 0..args.len() {
                match truth(&arg(i)?) {
                    Some(t) if t == decisive => return Ok(boolean(decisive)),
                    Some(_) => {}
                    None => unknown = true,
                }
            }
            Ok(if unknown { Datum::Null } else { boolean(!decisive) })
        }
        Function::Case | Function::If => {
            let mut i = 0;
            while i + 1 < args.len() {
                if truth(&arg(i)?) == Some(true) {
                    return Ok(shaped(arg(i + 1)?, &ty.sql));
                }
                i += 2;
            }
            Ok(if i < args.len() { shaped(arg(i)?, &ty.sql) } else { Datum::Null })
        }
        Function::Coalesce | Function::IfNull => {
            for i in 0..args.len() {
                let v = arg(i)?;
                if !v.is_null() {
                    return Ok(shaped(v, &ty.sql));
                }
            }
            Ok(Datum::Null)
        }
        Function::NullIf => {
            let (a, b) = (arg(0)?, arg(1)?);
            Ok(if !a.is_null() && a.compare(&b).is_eq() { Datum::Null } else { a })
        }
        Function::Plus
        | Function::Minus
        | Function::Mul
        | Function::Div
        | Function::Mod
        | Function::IntDiv => {
            let (a, b) = (arg(0)?, arg(1)?);
            if a.is_null() || b.is_null() { Ok(Datum::Null) } else { arithmetic(function, &a, &b, &ty.sql) }
        }
        Function::Negate => match arg(0)? {
            Datum::Int(v) => v.checked_neg().map(Datum::Int).ok_or(OutOfRange),
            Datum::UInt(v) => i64::try_from(-i128::from(v)).map(Datum::Int).map_err(|_| OutOfRange),
            Datum::Decimal { value, scale } => Ok(Datum::Decimal { value: -value, scale }),
            Datum::Double(v) => Ok(Datum::Double(-v)),
            _ => Ok(Datum::Null),
        },
        other => panic!("the model does not know {other:?}"),
    }
}

fn boolean(v: bool) -> Datum {
    Datum::Int(i64::from(v))
}

fn truth(v: &Datum) -> Option<bool> {
    match v {
        Datum::Null => None,
        v => v.as_f64().map(|v| v != 0.0),
    }
}

/// With the scale of the result's type.
fn shaped(v: Datum, sql: &SqlType) -> Datum {
    match (v, sql) {
        (Datum::Decimal { value, scale }, SqlType::Decimal { scale: to, .. }) => {
            Datum::Decimal { value: scaled(value, scale, *to), scale: *to }
        }
        (v, _) => v,
    }
}

fn ten(n: u8) -> i128 {
    10i128.pow(u32::from(n))
}

fn scaled(value: i128, from: u8, to: u8) -> i128 {
    if to >= from { value * ten(to - from) } else { rounded(value, ten(from - to)) }
}

/// a / b with halves away from zero, by way of absolute values.
fn rounded(a: i128, b: i128) -> i128 {
    let magnitude = (a.abs() * 2 + b.abs()) / (b.abs() * 2);
    if (a < 0) == (b < 0) { magnitude } else { -magnitude }
}

fn arithmetic(function: &Function, a: &Datum, b: &Datum, sql: &SqlType) -> Result<Datum, OutOfRange> {
    match (a, b, sql) {
        (Datum::Int(a), Datum::Int(b), _) => {
            let (a, b) = (i128::from(*a), i128::from(*b));
            let wide = match function {
                Function::Plus => a + b,
                Function::Minus => a - b,
                Function::Mul => a * b,
                _ if b == 0 => return Ok(Datum::Null),
                Function::IntDiv => a / b,
                _ => a % b,
            };
            i64::try_from(wide).map(Datum::Int).map_err(|_| OutOfRange)
        }
        (Datum::Double(a), Datum::Double(b), _) => {
            let v = match function {
                Function::Plus => a + b,
                Function::Minus => a - b,
                Function::Mul => a * b,
                _ if *b == 0.0 => return Ok(Datum::Null),
                Function::Div => a / b,
                _ => a % b,
            };
            if v.is_finite() { Ok(Datum::Double(v)) } else { Err(OutOfRange) }
        }
        (
            Datum::Decimal { value: a, scale: sa },
            Datum::Decimal { value: b, scale: sb },
            SqlType::Decimal { scale, .. },
        ) => {
            let common = *sa.max(sb);
            let (x, y) = (scaled(*a, *sa, common), scaled(*b, *sb, common));
            let value = match function {
                Function::Plus => scaled(x + y, common, *scale),
                Function::Minus => scaled(x - y, common, *scale),
                Function::Mul => scaled(a * b, sa + sb, *scale),
                _ if *b == 0 => return Ok(Datum::Null),
                Function::Div if is_cut_off(*scale) => x * ten(*scale) / y,
                Function::Div => rounded(x * ten(*scale), y),
                _ => scaled(x % y, common, *scale),
            };
            Ok(Datum::Decimal { value, scale: *scale })
        }
        other => panic!("the model does not know {function:?} of {other:?}"),
    }
}

/// LIKE by its definition.
fn like(pattern: &[char], s: &[char]) -> bool {
    match pattern.split_first() {
        None => s.is_empty(),
        Some(('%', rest)) => (0..=s.len()).any(|n| like(rest, &s[n..])),
        Some(('_', rest)) => !s.is_empty() && like(rest, &s[1..]),
        Some((c, rest)) => s.first() == Some(c) && like(rest, &s[1..]),
    }
}

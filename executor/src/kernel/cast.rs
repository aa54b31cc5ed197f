//! Conversions between types: CAST, and storing into a column.
//!
//! CAST never fails: what does not convert becomes the nearest value of the type, the longest prefix that is one, or NULL
//! for dates and times. Storing under strict mode ([`assign`]) converts the same way but says what was lost, as the error
//! that MySQL gives. Both come from the same conversions of one value, which give a result and the [`Loss`].

use std::sync::Arc;

use allod_storage::schema::{IntWidth, SqlType};
use arrow::array::{BinaryViewBuilder, StringViewBuilder};

use super::calendar::{DAY_US, DAYS_MAX, DAYS_MIN};
use super::choice;
use super::clock;
use super::decimal::{Decimals, NARROW_MAX, WIDE_MAX, narrowed, power, rescale};
use super::function::{Failure, Outcome};
use super::json;
use super::number::{self, Extent};
use super::value::{Binary, Column, Strings, Value};
use crate::error::Error;

/// What a conversion lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing that matters.
    None,
    /// The value is beyond the type's range.
    Range,
    /// Only a prefix of the text counted.
    Truncated,
    /// Nothing of the text counted.
    Incorrect,
    /// The text is longer than the type allows.
    TooLong,
}

/// CAST(value AS to), where the value's type is `from`.
pub(crate) fn cast(value: &Value, from: &SqlType, to: &SqlType, rows: usize) -> Outcome {
    if *from == SqlType::Json && from != to {
        return json::cast(value, to, rows);
    }
    if from != to
        && let Some(printed) = printed(value, from, to, rows)
    {
        return Ok(printed);
    }
    if let Some(fast) = without_loss(value, to) {
        return Ok(fast);
    }
    Ok(match to {
        SqlType::Null => Value::Null,
        SqlType::Json => return json::cast(value, to, rows),
        SqlType::Int { unsigned: false, .. } | SqlType::Year => Value::Int(to_int(value, rows)),
        SqlType::Int { unsigned: true, .. } => Value::UInt(to_uint(value, rows)),
        SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_) => {
            Value::UInt(each(value, rows, |row| Some(choice::number_at(value, row, to).0)))
        }
        SqlType::Float => Value::Double(to_double_column(value, rows).map(|v| f64::from(v as f32))),
        SqlType::Double => Value::Double(to_double_column(value, rows)),
        SqlType::Decimal { precision, scale } => Value::Decimal(to_decimal(value, *precision, *scale, rows)),
        SqlType::Char(n, _) | SqlType::VarChar(n, _) => {
            let fsp = fsp_of(from);
            clip(text_with(value, fsp, rows), *n, rows)
        }
        SqlType::Text(..) => text_with(value, fsp_of(from), rows),
        SqlType::Binary(n) => bytes_of(&text_with(value, fsp_of(from), rows), Some(*n), *n, rows),
        SqlType::VarBinary(n) => bytes_of(&text_with(value, fsp_of(from), rows), None, *n, rows),
        SqlType::Blob(_) => bytes_of(&text_with(value, fsp_of(from), rows), None, u32::MAX, rows),
        SqlType::Date => Value::Date(micros(value, rows).map(|us| clock::split(us).0 as i32)),
        SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) => {
            let fsp = *fsp;
            Value::DateTime(micros(value, rows).map(|us| clock::round_fsp(us, fsp)))
        }
        SqlType::Time(fsp) => {
            let fsp = *fsp;
            Value::Time(times(value, rows).map(|us| clock::round_fsp(us, fsp)))
        }
    })
}

/// Conversions that only change the form.
fn without_loss(value: &Value, to: &SqlType) -> Option<Value> {
    Some(match (value, to) {
        (Value::Null, _) => Value::Null,
        (Value::Bool(_) | Value::Int(_), SqlType::Int { .. } | SqlType::Year)
        | (Value::UInt(_), SqlType::Int { .. } | SqlType::Year)
        | (Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Decimal(_), SqlType::Double)
        | (Value::Double(_), SqlType::Double)
        | (Value::Date(_), SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_)) => {
            value.clone().conform(to).ok()?
        }
        (Value::String(v), SqlType::Text(..)) => Value::String(v.clone()),
        (Value::Bytes(v), SqlType::Blob(_)) => Value::Bytes(v.clone()),
        (Value::Bool(_) | Value::Int(_) | Value::Decimal(_), SqlType::Decimal { precision, scale }) => {
            let out = value.to_decimal()?.rescale(*scale).ok()?.measured();
            match &out {
                Decimals::Narrow(v) if v.bound.is_some_and(|b| fits(i128::from(b), *precision)) => {
                    Value::Decimal(out)
                }
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// The text of members, the bytes of bits, if that is what is wanted of the numbers.
fn printed(value: &Value, from: &SqlType, to: &SqlType, rows: usize) -> Option<Value> {
    let Value::UInt(numbers) = value else { return None };
    if from.is_choice() && to.is_string() {
        return Some(choice::texts(numbers, from, rows));
    }
    match from {
        SqlType::Bit(bits) if to.is_binary() => Some(choice::bytes(numbers, *bits, rows)),
        _ => None,
    }
}

fn fsp_of(sql: &SqlType) -> u8 {
    match sql {
        SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) | SqlType::Time(fsp) => *fsp,
        _ => 0,
    }
}

fn fits(v: i128, precision: u8) -> bool {
    power(precision).is_none_or(|limit| v.abs() < limit)
}

/// The value at a row as a whole number. For a column that is written, text is rounded as a decimal; for CAST it ends at
/// the point.
pub(super) fn whole_at(value: &Value, row: usize, assigned: bool) -> (i128, Loss) {
    let text = |bytes: &[u8]| {
        let (v, extent) = if assigned { number::decimal_prefix(bytes, 0) } else { number::int_prefix(bytes) };
        (v, loss_of(extent))
    };
    match value {
        Value::Null => (0, Loss::None),
        Value::Bool(v) => (i128::from(v.bits.value(row)), Loss::None),
        Value::Int(v) => (i128::from(v.value(row)), Loss::None),
        Value::UInt(v) => (i128::from(v.value(row)), Loss::None),
        Value::Double(v) => {
            let v = v.value(row).round_ties_even();
            (v as i128, if v.abs() > 1e30 { Loss::Range } else { Loss::None })
        }
        Value::Decimal(v) => (rescale(v.value(row), v.scale(), 0).unwrap_or(0), Loss::None),
        Value::Date(v) => (i128::from(clock::date_number(i64::from(v.value(row)))), Loss::None),
        Value::DateTime(v) => {
            (i128::from(clock::datetime_number(clock::round_fsp(v.value(row), 0))), Loss::None)
        }
        Value::Time(v) => (i128::from(clock::time_number(clock::round_fsp(v.value(row), 0))), Loss::None),
        Value::String(v) => text(v.value(row).as_bytes()),
        Value::Bytes(v) => text(v.value(row)),
    }
}

fn loss_of(extent: Extent) -> Loss {
    match extent {
        Extent::Whole => Loss::None,
        Extent::Prefix => Loss::Truncated,
        Extent::Nothing => Loss::Incorrect,
    }
}

/// CAST AS SIGNED.
pub(crate) fn to_int(value: &Value, rows: usize) -> Column<i64> {
    each(value, rows, |row| {
        let v = whole_at(value, row, false).0;
        // An unsigned integer keeps its bits.
        Some(match value {
            Value::UInt(v) => v.value(row) as i64,
            _ => v.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64,
        })
    })
}

/// CAST AS UNSIGNED: a negative number keeps its bits.
fn to_uint(value: &Value, rows: usize) -> Column<u64> {
    each(value, rows, |row| {
        let v = whole_at(value, row, false).0;
        Some(if v < 0 {
            v.max(i128::from(i64::MIN)) as i64 as u64
        } else {
            v.min(i128::from(u64::MAX)) as u64
        })
    })
}

/// Applies `f` to the rows that are not NULL.
fn each<T: arrow::datatypes::ArrowNativeType>(
    value: &Value,
    rows: usize,
    f: impl Fn(usize) -> Option<T>,
) -> Column<T> {
    // A constant converts once.
    if rows > 0 && is_constant(value) {
        return match f(0) {
            Some(v) => Column::one(v),
            None => Column::from_options((0..rows).map(|_| None)),
        };
    }
    match value {
        Value::Null => Column::from_options((0..rows).map(|_| None)),
        _ => Column::from_options((0..rows).map(|row| if value.is_null(row) { None } else { f(row) })),
    }
}

/// Whether it is one value for all rows.
pub(super) fn is_constant(value: &Value) -> bool {
    use super::value::Values::One;
    value.nulls().is_none()
        && match value {
            Value::Null | Value::Bool(_) => false,
            Value::Int(v) => matches!(v.values, One(_)),
            Value::UInt(v) => matches!(v.values, One(_)),
            Value::Double(v) => matches!(v.values, One(_)),
            Value::Decimal(Decimals::Narrow(v)) => matches!(v.column.values, One(_)),
            Value::Decimal(Decimals::Wide(v)) => matches!(v.column.values, One(_)),
            Value::Date(v) => matches!(v.values, One(_)),
            Value::DateTime(v) | Value::Time(v) => matches!(v.values, One(_)),
            Value::String(v) => matches!(v, Strings::One(_)),
            Value::Bytes(v) => matches!(v, Binary::One(_)),
        }
}

fn double_at(value: &Value, row: usize) -> (f64, Loss) {
    let text = |bytes: &[u8]| {
        let (v, extent) = number::double_prefix(bytes);
        (v, loss_of(extent))
    };
    match value {
        Value::String(v) => text(v.value(row).as_bytes()),
        Value::Bytes(v) => text(v.value(row)),
        Value::Double(v) => (v.value(row), Loss::None),
        Value::Decimal(v) => (v.value(row) as f64 / 10f64.powi(i32::from(v.scale())), Loss::None),
        Value::DateTime(v) => {
            let us = v.value(row);
            (clock::datetime_number(us) as f64 + us.rem_euclid(1_000_000) as f64 / 1e6, Loss::None)
        }
        Value::Time(v) => {
            let us = v.value(row);
            (clock::time_number(us) as f64 + (us % 1_000_000) as f64 / 1e6, Loss::None)
        }
        other => (whole_at(other, row, false).0 as f64, Loss::None),
    }
}

/// As doubles, whatever it is; None for a bare NULL.
pub(crate) fn to_double(value: &Value, rows: usize) -> Option<Column<f64>> {
    (!matches!(value, Value::Null)).then(|| to_double_column(value, rows))
}

fn to_double_column(value: &Value, rows: usize) -> Column<f64> {
    match value.to_double() {
        Some(v) => v,
        None => each(value, rows, |row| Some(double_at(value, row).0)),
    }
}

/// The value at a row as a decimal of the given scale; beyond `precision` digits it is the greatest of them.
fn decimal_at(value: &Value, row: usize, precision: u8, scale: u8) -> (i128, Loss) {
    let (v, loss) = match value {
        Value::Decimal(v) => (rescale(v.value(row), v.scale(), scale), Loss::None),
        Value::Double(v) => (number::double_to_decimal(v.value(row), scale), Loss::None),
        Value::String(v) => {
            let (v, extent) = number::decimal_prefix(v.value(row).as_bytes(), scale);
            (Some(v), loss_of(extent))
        }
        Value::Bytes(v) => {
            let (v, extent) = number::decimal_prefix(v.value(row), scale);
            (Some(v), loss_of(extent))
        }
        Value::DateTime(v) => {
            let (us, six) = (v.value(row), i128::from(10).pow(6));
            let exact = i128::from(clock::datetime_number(us)) * six + i128::from(us.rem_euclid(1_000_000));
            (rescale(exact, 6, scale), Loss::None)
        }
        Value::Time(v) => {
            let (us, six) = (v.value(row), i128::from(10).pow(6));
            let exact = i128::from(clock::time_number(us)) * six + i128::from(us % 1_000_000);
            (rescale(exact, 6, scale), Loss::None)
        }
        other => (rescale(whole_at(other, row, false).0, 0, scale), Loss::None),
    };
    let limit = power(precision).map_or(WIDE_MAX, |p| p - 1);
    match v {
        Some(v) if (-limit..=limit).contains(&v) => (v, loss),
        Some(v) => (v.signum() * limit, Loss::Range),
        None => (if double_at(value, row).0 < 0.0 { -limit } else { limit }, Loss::Range),
    }
}

fn to_decimal(value: &Value, precision: u8, scale: u8, rows: usize) -> Decimals {
    let wide = each(value, rows, |row| Some(decimal_at(value, row, precision, scale).0));
    if precision <= 18
        || matches!(wide.values, super::value::Values::One(v) if v.unsigned_abs() <= u128::from(NARROW_MAX))
    {
        if let super::value::Values::One(v) = wide.values
            && wide.nulls.is_none()
        {
            return Decimals::one(v, scale);
        }
        if let Some(narrow) = narrowed(&wide, rows, scale) {
            return narrow;
        }
    }
    Decimals::wide(wide, scale)
}

/// As text, with as many digits of a second's fraction as are not 0.
pub(crate) fn to_text(value: &Value, rows: usize) -> Value {
    let micro = |v: &Column<i64>| (0..rows).any(|row| v.get(row).is_some_and(|us| us % 1_000_000 != 0));
    let fsp = match value {
        Value::DateTime(v) | Value::Time(v) if micro(v) => 6,
        _ => 0,
    };
    text_with(value, fsp, rows)
}

fn text_with(value: &Value, fsp: u8, rows: usize) -> Value {
    match value {
        Value::Null => return Value::Null,
        Value::String(v) => return Value::String(v.clone()),
        _ => {}
    }
    let mut line = String::new();
    if rows > 0 && is_constant(value) {
        write_at(value, 0, fsp, &mut line);
        return Value::String(Strings::One(line.into()));
    }
    let mut out = StringViewBuilder::with_capacity(rows);
    for row in 0..rows {
        if value.is_null(row) {
            out.append_null();
        } else {
            line.clear();
            write_at(value, row, fsp, &mut line);
            out.append_value(&line);
        }
    }
    Value::String(Strings::Views(out.finish()))
}

/// Writes the value at a row as text.
fn write_at(value: &Value, row: usize, fsp: u8, out: &mut String) {
    use std::fmt::Write;
    let written = match value {
        Value::Null => Ok(()),
        Value::Bool(v) => write!(out, "{}", u8::from(v.bits.value(row))),
        Value::Int(v) => write!(out, "{}", v.value(row)),
        Value::UInt(v) => write!(out, "{}", v.value(row)),
        Value::Double(v) => {
            number::write_double(v.value(row), out);
            Ok(())
        }
        Value::Decimal(v) => {
            number::write_decimal(v.value(row), v.scale(), out);
            Ok(())
        }
        Value::Date(v) => {
            clock::write_date(i64::from(v.value(row)), out);
            Ok(())
        }
        Value::DateTime(v) => {
            clock::write_datetime(v.value(row), fsp, out);
            Ok(())
        }
        Value::Time(v) => {
            clock::write_time(v.value(row), fsp, out);
            Ok(())
        }
        Value::String(v) => write!(out, "{}", v.value(row)),
        Value::Bytes(v) => write!(out, "{}", String::from_utf8_lossy(v.value(row))),
    };
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

/// Strings of at most `chars` characters.
fn clip(value: Value, chars: u32, rows: usize) -> Value {
    let limit = chars as usize;
    match value {
        Value::String(v) if (0..rows.min(one_or_all(&v, rows))).any(|row| v.value(row).len() > limit) => {
            super::string::slice(&v.plain(), rows, |_, s| {
                let end = s.char_indices().nth(limit).map_or(s.len(), |(at, _)| at);
                Some(0..end)
            })
        }
        other => other,
    }
}

fn one_or_all(v: &Strings, rows: usize) -> usize {
    if matches!(v, Strings::One(_)) { 1 } else { rows }
}

/// The bytes of strings, at most `limit`, padded with zeros to `width`.
fn bytes_of(value: &Value, width: Option<u32>, limit: u32, rows: usize) -> Value {
    if matches!(value, Value::Null) {
        return Value::Null;
    }
    let mut out = BinaryViewBuilder::with_capacity(rows);
    let mut padded = Vec::new();
    for row in 0..rows {
        let bytes = match value {
            Value::String(v) if !value.is_null(row) => v.value(row).as_bytes(),
            Value::Bytes(v) if !value.is_null(row) => v.value(row),
            _ => {
                out.append_null();
                continue;
            }
        };
        let bytes = &bytes[..bytes.len().min(limit as usize)];
        match width {
            Some(width) if bytes.len() < width as usize => {
                padded.clear();
                padded.extend_from_slice(bytes);
                padded.resize(width as usize, 0);
                out.append_value(&padded);
            }
            _ => out.append_value(bytes),
        }
    }
    Value::Bytes(Binary::Views(out.finish()))
}

/// The value at a row as microseconds since 1970; None if it is no date.
fn micros_at(value: &Value, row: usize) -> Option<i64> {
    match value {
        Value::Date(v) => Some(i64::from(v.value(row)) * DAY_US),
        Value::DateTime(v) => Some(v.value(row)),
        Value::String(v) => clock::parse_datetime(v.value(row)),
        Value::Bytes(v) => clock::parse_datetime(std::str::from_utf8(v.value(row)).ok()?),
        Value::Null | Value::Time(_) => None,
        Value::Double(_) | Value::Decimal(_) | Value::Int(_) | Value::UInt(_) | Value::Bool(_) => {
            clock::datetime_from_number(i64::try_from(whole_at(value, row, false).0).ok()?)
        }
    }
}

/// As microseconds since 1970; NULL where it is no date.
pub(crate) fn micros(value: &Value, rows: usize) -> Column<i64> {
    match value {
        Value::DateTime(v) => v.clone(),
        Value::Date(v) => v.map(|d| i64::from(d) * DAY_US),
        other => each(other, rows, |row| {
            micros_at(other, row).filter(|us| (DAYS_MIN..=DAYS_MAX).contains(&clock::split(*us).0))
        }),
    }
}

fn time_at(value: &Value, row: usize) -> Option<i64> {
    match value {
        Value::Time(v) => Some(v.value(row)),
        Value::DateTime(v) => Some(clock::split(v.value(row)).1),
        Value::Date(_) => Some(0),
        Value::String(v) => clock::parse_time(v.value(row)),
        Value::Bytes(v) => clock::parse_time(std::str::from_utf8(v.value(row)).ok()?),
        Value::Null => None,
        Value::Double(_) | Value::Decimal(_) | Value::Int(_) | Value::UInt(_) | Value::Bool(_) => {
            clock::time_from_number(i64::try_from(whole_at(value, row, false).0).ok()?)
        }
    }
}

/// As a time; NULL where it is none.
pub(crate) fn times(value: &Value, rows: usize) -> Column<i64> {
    match value {
        Value::Time(v) => v.clone(),
        other => each(other, rows, |row| time_at(other, row)),
    }
}

/// Stores into a column of type `to` under strict mode.
pub(crate) fn assign(value: &Value, to: &SqlType, nullable: bool, column: &Arc<str>, rows: usize) -> Outcome {
    if !nullable && (0..rows).any(|row| value.is_null(row)) {
        return Err(Failure::Other(Error::AssignNull { column: Arc::clone(column) }));
    }
    if matches!(value, Value::Null) {
        return Ok(Value::Null);
    }
    let checked = |row: usize, loss: Loss| match loss {
        Loss::None => Ok(()),
        loss => Err(Failure::Other(refused(value, row, loss, to, column))),
    };
    Ok(match to {
        SqlType::Null => Value::Null,
        SqlType::Json => return json::assign(value, column, rows),
        SqlType::Int { width, unsigned } => {
            let (low, high) = int_range(*width, *unsigned);
            let wide = stored(value, rows, checked, |row| in_range(whole_at(value, row, true), low, high))?;
            if *unsigned { Value::UInt(wide.map(|v| v as u64)) } else { Value::Int(wide.map(|v| v as i64)) }
        }
        SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_) => {
            Value::UInt(stored(value, rows, checked, |row| choice::number_at(value, row, to))?)
        }
        SqlType::Year => {
            let wide = stored(value, rows, checked, |row| {
                let (v, loss) = whole_at(value, row, true);
                let digits = match value {
                    Value::String(v) => v.value(row).trim().len(),
                    _ => 4,
                };
                let v = match v {
                    // '0' and '00' are years of two digits, 0 and '0000' are the year 0.
                    0 if digits < 4 && loss == Loss::None => 2000,
                    1..=69 => v + 2000,
                    70..=99 => v + 1900,
                    v => v,
                };
                let in_range = v == 0 || (1901..=2155).contains(&v);
                (v, if in_range || loss != Loss::None { loss } else { Loss::Range })
            })?;
            Value::Int(wide.map(|v| v as i64))
        }
        SqlType::Float => Value::Double(stored(value, rows, checked, |row| {
            let (v, loss) = double_at(value, row);
            let single = f64::from(v as f32);
            (single, if single.is_finite() { loss } else { Loss::Range })
        })?),
        SqlType::Double => Value::Double(stored(value, rows, checked, |row| double_at(value, row))?),
        SqlType::Decimal { precision, scale } => {
            if let Some(fast) = without_loss(value, to) {
                return Ok(fast);
            }
            let wide = stored(value, rows, checked, |row| decimal_at(value, row, *precision, *scale))?;
            Value::Decimal(narrowed(&wide, rows, *scale).unwrap_or(Decimals::wide(wide, *scale)))
        }
        SqlType::Char(n, _) | SqlType::VarChar(n, _) => {
            let text = to_text(value, rows);
            let text = if matches!(to, SqlType::Char(..)) { strip_blanks(text, rows) } else { text };
            fit_text(text, rows, checked, |s| {
                let limit = *n as usize;
                if s.len() <= limit {
                    return Some(s.len());
                }
                match s.char_indices().nth(limit) {
                    None => Some(s.len()),
                    // Blanks beyond the end do not count.
                    Some((end, _)) => s[end..].bytes().all(|b| b == b' ').then_some(end),
                }
            })?
        }
        SqlType::Text(n, _) => {
            fit_text(to_text(value, rows), rows, checked, |s| (s.len() <= *n as usize).then_some(s.len()))?
        }
        SqlType::Binary(n) | SqlType::VarBinary(n) | SqlType::Blob(n) => {
            let bytes = match value {
                Value::Bytes(_) => value.clone(),
                other => to_text(other, rows),
            };
            for row in 0..rows {
                let len = match &bytes {
                    Value::String(v) if !bytes.is_null(row) => v.value(row).len(),
                    Value::Bytes(v) if !bytes.is_null(row) => v.value(row).len(),
                    _ => 0,
                };
                if len > *n as usize {
                    checked(row, Loss::TooLong)?;
                }
            }
            bytes_of(&bytes, matches!(to, SqlType::Binary(_)).then_some(*n), *n, rows)
        }
        SqlType::Date => Value::Date(
            stored(value, rows, checked, |row| found(micros_at(value, row)))?
                .map(|us| clock::split(us).0 as i32),
        ),
        SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) => Value::DateTime(
            stored(value, rows, checked, |row| found(micros_at(value, row)))?
                .map(|us| clock::round_fsp(us, *fsp)),
        ),
        SqlType::Time(fsp) => Value::Time(
            stored(value, rows, checked, |row| found(time_at(value, row)))?
                .map(|us| clock::round_fsp(us, *fsp)),
        ),
    })
}

fn found(us: Option<i64>) -> (i64, Loss) {
    match us {
        Some(us) if (DAYS_MIN..=DAYS_MAX).contains(&clock::split(us).0) => (us, Loss::None),
        _ => (0, Loss::Incorrect),
    }
}

fn in_range((v, loss): (i128, Loss), low: i128, high: i128) -> (i128, Loss) {
    match loss {
        Loss::None if v < low || v > high => (v, Loss::Range),
        loss => (v, loss),
    }
}

/// Range of an integer column.
fn int_range(width: IntWidth, unsigned: bool) -> (i128, i128) {
    let bits = width.bytes() * 8;
    if unsigned { (0, (1 << bits) - 1) } else { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) }
}

/// Converts every row that is not NULL; the first loss is an error.
fn stored<T: arrow::datatypes::ArrowNativeType>(
    value: &Value,
    rows: usize,
    checked: impl Fn(usize, Loss) -> Result<(), Failure>,
    convert: impl Fn(usize) -> (T, Loss),
) -> Result<Column<T>, Failure> {
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        if value.is_null(row) {
            out.push(T::default());
            continue;
        }
        let (v, loss) = convert(row);
        checked(row, loss)?;
        out.push(v);
    }
    Ok(Column::many(out, value.nulls().cloned()))
}

/// Strings cut where `end` says; None is too long.
fn fit_text(
    text: Value,
    rows: usize,
    checked: impl Fn(usize, Loss) -> Result<(), Failure>,
    end: impl Fn(&str) -> Option<usize>,
) -> Outcome {
    let Value::String(strings) = &text else { return Ok(text) };
    let mut cut = false;
    for row in 0..rows {
        if let Some(s) = strings.get(row) {
            match end(s) {
                None => checked(row, Loss::TooLong)?,
                Some(end) => cut |= end < s.len(),
            }
        }
    }
    if !cut {
        return Ok(text);
    }
    Ok(super::string::slice(&strings.plain(), rows, |_, s| end(s).map(|end| 0..end)))
}

/// CHAR columns do not keep blanks at their end.
fn strip_blanks(text: Value, rows: usize) -> Value {
    match &text {
        Value::String(v) if (0..rows).any(|row| v.get(row).is_some_and(|s| s.ends_with(' '))) => {
            super::string::slice(&v.plain(), rows, |_, s| Some(0..s.trim_end_matches(' ').len()))
        }
        _ => text,
    }
}

/// The error for a value that a column does not take.
fn refused(value: &Value, row: usize, loss: Loss, to: &SqlType, column: &Arc<str>) -> Error {
    let mut text = String::new();
    write_at(value, row, fsp_of(to), &mut text);
    let (column, number) = (Arc::clone(column), row as u64 + 1);
    match (loss, to) {
        // What is no member has been cut to nothing.
        (_, SqlType::Enum(_) | SqlType::Set(_)) => Error::AssignTruncated { column, row: number },
        (Loss::TooLong, _) => Error::AssignTooLong { column, row: number },
        (Loss::Range, _) => Error::AssignOutOfRange { column, row: number },
        (_, SqlType::Date) => Error::AssignIncorrectTime { ty: "date", value: text, column, row: number },
        (_, SqlType::DateTime(_) | SqlType::Timestamp(_)) => {
            Error::AssignIncorrectTime { ty: "datetime", value: text, column, row: number }
        }
        (_, SqlType::Time(_)) => Error::AssignIncorrectTime { ty: "time", value: text, column, row: number },
        (Loss::Truncated, _) => Error::AssignTruncated { column, row: number },
        (_, SqlType::Decimal { .. }) => {
            Error::AssignIncorrectNumber { ty: "decimal", value: text, column, row: number }
        }
        (_, SqlType::Float | SqlType::Double) => {
            Error::AssignIncorrectNumber { ty: "double", value: text, column, row: number }
        }
        _ => Error::AssignIncorrectNumber { ty: "integer", value: text, column, row: number },
    }
}

/// A constant in the form its declared type asks for, if it is of another family.
impl Value {
    /// See above; used once per constant when an expression is compiled.
    pub(crate) fn conform_constant(self, sql: &SqlType) -> Result<Value, Error> {
        match (&self, sql) {
            // A decimal constant keeps its own digits; a string constant its own length.
            (Value::Decimal(_), SqlType::Decimal { .. }) | (Value::Null, _) | (_, SqlType::Null) => Ok(self),
            _ => match self.clone().conform(sql) {
                Ok(value) => Ok(value),
                Err(_) => cast(&self, &SqlType::Null, sql, 1)
                    .map_err(|e| e.resolve(|_| Error::Plan("a constant does not fit its type".into()))),
            },
        }
    }
}

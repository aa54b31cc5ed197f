//! Conversions between types: CAST, and of one value what storing into a column ([`super::assign`]) needs, too.
//!
//! What does not convert becomes the nearest value of the type, the longest prefix that is one, or NULL for dates and times.
//! Storing into a column converts the same way. Both come from the same conversions of one value, which give a
//! result and the [`Loss`]; what becomes of that, a warning or an error, the statement's rules say ([`super::notice`]).
//!
//! A CAST to CHAR(n) or BINARY(n) that cuts says so ([`super::cut`]); bytes of a type without padding are cut silently, as those of
//! keys of prefixes are.

use std::cell::RefCell;
use std::fmt::Write;

use allod_storage::schema::{SqlType, nearest_double};
use arrow::array::StringViewBuilder;

use super::calendar::{DAY_US, DAYS_MIN, TIME_US_MAX};
use super::choice;
use super::clock;
use super::cut::{self, bytes_of};
use super::dates::{Dates, rounded_within};
use super::decimal::{Decimals, NARROW_MAX, WIDE_MAX, narrowed, power, rescale};
use super::function::{Failure, Outcome};
use super::json;
pub(super) use super::loss::Loss;
use super::notice::Notices;
use super::number::{self, Extent};
use super::string;
use super::value::{Binary, Column, Strings, Value};
use crate::error::Error;

/// Rows at which a conversion lost something: noted while a column is converted, told when it is.
#[derive(Default)]
struct Lost(RefCell<Vec<usize>>);

impl Lost {
    /// The value, having noted its row if it is not all that it was.
    fn note<T>(&self, row: usize, (value, loss): (T, Loss)) -> T {
        if loss != Loss::None {
            self.0.borrow_mut().push(row);
        }
        value
    }

    /// Says what was lost, with the text that it was lost of.
    fn tell(
        self,
        value: &Value,
        notices: &mut Notices,
        error: impl Fn(String) -> Error,
    ) -> Result<(), Failure> {
        for row in self.0.into_inner() {
            let mut text = String::new();
            write_at(value, row, 0, &mut text);
            notices.converted(row, error(text))?;
        }
        Ok(())
    }

    /// The same for numbers.
    fn tell_number(self, value: &Value, ty: &'static str, notices: &mut Notices) -> Result<(), Failure> {
        self.tell(value, notices, |value| Error::TruncatedWrongValue { ty, value })
    }
}

/// What a text loses that is to be a number; numbers that do not fit are said nothing of.
fn of_text(value: &Value, loss: Loss) -> Loss {
    match value {
        Value::String(_) | Value::Bytes(_) => loss,
        _ => Loss::None,
    }
}

/// CAST(value AS to), where the value's type is `from`.
pub(crate) fn cast(
    value: &Value,
    from: &SqlType,
    to: &SqlType,
    rows: usize,
    notices: &mut Notices,
) -> Outcome {
    if *from == SqlType::Json && from != to {
        return json::cast(value, to, rows, notices);
    }
    if from != to
        && let Some(printed) = printed(value, from, to, rows)
    {
        return Ok(printed);
    }
    if let Some(fast) = without_loss(value, to) {
        return Ok(fast);
    }
    let lost = Lost::default();
    Ok(match to {
        SqlType::Null => Value::Null,
        SqlType::Json => return json::cast(value, to, rows, notices),
        SqlType::Int { unsigned: false, .. } | SqlType::Year => {
            let out = each(value, rows, |row| {
                let (v, loss) = whole_at(value, row, false);
                let loss = of_text(value, in_range((v, loss), i64::MIN.into(), i64::MAX.into()).1);
                let loss = if matches!(value, Value::UInt(_)) { Loss::None } else { loss };
                Some(lost.note(row, (signed(value, row, v), loss)))
            });
            lost.tell_number(value, "INTEGER", notices)?;
            Value::Int(out)
        }
        SqlType::Int { unsigned: true, .. } => {
            let exact = matches!(value, Value::Decimal(_));
            let out = each(value, rows, |row| {
                let (v, loss) = whole_at(value, row, false);
                // Of all that is negative a DECIMAL alone has no bits to keep.
                if exact && v < 0 {
                    return Some(lost.note(row, (0, Loss::Range)));
                }
                let loss = of_text(value, in_range((v, loss), i64::MIN.into(), u64::MAX.into()).1);
                Some(lost.note(row, (unsigned_bits(v), loss)))
            });
            lost.tell_number(value, if exact { "DECIMAL" } else { "INTEGER" }, notices)?;
            Value::UInt(out)
        }
        SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_) => {
            Value::UInt(each(value, rows, |row| Some(choice::number_at(value, row, to).0)))
        }
        SqlType::Float => {
            let singles = doubles_told(value, rows, notices)?.map_checked(|v| {
                let single = f64::from(v as f32);
                (single, !single.is_finite())
            });
            Value::Double(singles.map_err(|_| Failure::OutOfRange("DOUBLE"))?)
        }
        SqlType::Double => Value::Double(doubles_told(value, rows, notices)?),
        SqlType::Decimal { precision, scale } => {
            let beyond = Lost::default();
            let out = to_decimal(value, *precision, *scale, rows, (&lost, &beyond));
            lost.tell_number(value, "DECIMAL", notices)?;
            beyond.tell(value, notices, |_| Error::OutOfRange {
                ty: "DECIMAL",
                expression: format!("({precision}, {scale})").into(),
            })?;
            Value::Decimal(out)
        }
        SqlType::Char(n, _) | SqlType::VarChar(n, _) => {
            let text = text_with(value, fsp_of(from), rows);
            cut::characters(text, *n, rows, notices)?
        }
        SqlType::Text(..) => text_with(value, fsp_of(from), rows),
        SqlType::Binary(n) if u64::from(*n) > PACKET_MAX => {
            // Padded it would be larger than anything that can be sent.
            for row in (0..rows).filter(|row| !value.is_null(*row)) {
                let what = Error::PacketOverflow { function: "cast_as_binary", limit: PACKET_MAX };
                notices.converted(row, what)?;
            }
            Value::Null
        }
        SqlType::Binary(n) => {
            let bytes = bytes_with(value, from, rows);
            cut::tell_bytes(&bytes, *n, rows, notices)?;
            bytes_of(&bytes, Some(*n), *n, rows)
        }
        SqlType::VarBinary(n) => bytes_of(&bytes_with(value, from, rows), None, *n, rows),
        SqlType::Blob(_) => bytes_of(&bytes_with(value, from, rows), None, u32::MAX, rows),
        SqlType::Date => Value::Date(micros_told(value, rows, notices)?.map(|us| clock::split(us).0 as i32)),
        SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) => {
            Value::DateTime(datetimes_told(value, *fsp, rows, notices)?)
        }
        SqlType::Time(fsp) => {
            let fsp = *fsp;
            Value::Time(times_told(value, rows, notices)?.map(|us| clock::round_fsp(us, fsp)))
        }
    })
}

/// The largest text or byte string that a function makes, in bytes: TiDB's `max_allowed_packet`.
pub(super) const PACKET_MAX: u64 = 64 << 20;

/// As doubles, telling of texts that are none; of the empty one nothing is said.
fn doubles_told(value: &Value, rows: usize, notices: &mut Notices) -> Result<Column<f64>, Failure> {
    if let Some(v) = value.to_double() {
        return Ok(v);
    }
    let lost = Lost::default();
    let is_empty = |row: usize| match value {
        Value::String(v) => v.value(row).is_empty(),
        Value::Bytes(v) => v.value(row).is_empty(),
        _ => false,
    };
    let out = each(value, rows, |row| {
        let (v, loss) = double_at(value, row);
        let silent = loss != Loss::None && is_empty(row);
        Some(lost.note(row, (v, if silent { Loss::None } else { of_text(value, loss) })))
    });
    lost.tell_number(value, "DOUBLE", notices)?;
    Ok(out)
}

/// As microseconds since 1970, telling of what is no date.
pub(crate) fn micros_told(value: &Value, rows: usize, notices: &mut Notices) -> Result<Column<i64>, Failure> {
    datetimes_told(value, FSP_MAX, rows, notices)
}

/// Digits of a fraction at which nothing is rounded.
const FSP_MAX: u8 = 6;

/// As DATETIMEs with so many digits of a second's fraction, telling of what is none, or is none when it is rounded.
fn datetimes_told(
    value: &Value,
    fsp: u8,
    rows: usize,
    notices: &mut Notices,
) -> Result<Column<i64>, Failure> {
    let dates = notices.rules().dates;
    let rounded = |us: i64| Some(clock::round_fsp(us, fsp)).filter(|us| dates.has(*us));
    if let Value::String(texts) = value {
        let told = texts_told(texts, rows, ("datetime", notices), |text| {
            let (us, truncated) = clock::parse_datetime_told(text)?;
            Some((rounded(us)?, truncated))
        })?;
        tell_none(value, &told, rows, |row, value| {
            notices.converted(row, Error::WrongValue { ty: "datetime", value })
        })?;
        return Ok(told);
    }
    let out = match value {
        Value::DateTime(v) if fsp == FSP_MAX => v.clone(),
        // A date that is none of the calendar stays what it is, whoever may write it.
        Value::DateTime(v) => v.map_option(rows, |us| {
            if us < DAYS_MIN * DAY_US { Some(rounded_within(us, fsp)) } else { rounded(us) }
        }),
        Value::Date(_) => micros(value, rows),
        other => each(other, rows, |row| micros_at(other, row).and_then(rounded)),
    };
    tell_none(value, &out, rows, |row, value| {
        notices.converted(row, Error::WrongValue { ty: "datetime", value })
    })?;
    Ok(out)
}

/// What texts begin with, saying of those that go on. Whatever the mode is, that is a warning: the moment is there.
fn texts_told(
    texts: &Strings,
    rows: usize,
    (ty, notices): (&'static str, &mut Notices),
    read: impl Fn(&str) -> Option<(i64, bool)>,
) -> Result<Column<i64>, Failure> {
    let cut = RefCell::new(Vec::new());
    let out = each(&Value::String(texts.clone()), rows, |row| {
        let (us, truncated) = read(texts.value(row))?;
        if truncated {
            cut.borrow_mut().push(row);
        }
        Some(us)
    });
    for row in cut.into_inner() {
        notices.warn(row, Error::TruncatedWrongValue { ty, value: texts.value(row).to_owned() });
    }
    Ok(out)
}

/// As a time, telling of what is none.
fn times_told(value: &Value, rows: usize, notices: &mut Notices) -> Result<Column<i64>, Failure> {
    let out = match value {
        Value::String(texts) => texts_told(texts, rows, ("time", notices), clock::parse_time_told)?,
        // A number is a time within its range only, or a moment.
        Value::Int(_) | Value::UInt(_) | Value::Decimal(_) | Value::Double(_) => {
            each(value, rows, |row| time_at(value, row).filter(|_| !is_long_time(value, row)))
        }
        other => times(other, rows),
    };
    let told = |row, value| notices.converted(row, Error::TruncatedWrongValue { ty: "time", value });
    tell_none(value, &out, rows, told)?;
    Ok(out)
}

/// Whether it is a number of a time that is longer than any, and of no moment.
pub(super) fn is_long_time(value: &Value, row: usize) -> bool {
    let is_number = matches!(value, Value::Int(_) | Value::UInt(_) | Value::Decimal(_) | Value::Double(_));
    let number = if is_number { whole_at(value, row, false).0 } else { 0 };
    number.abs() > TIME_NUMBER_MAX && number < MOMENT_NUMBER_MIN
}

/// 838:59:59 as a number.
const TIME_NUMBER_MAX: i128 = 8_385_959;
/// The least number that is a moment with a time.
const MOMENT_NUMBER_MIN: i128 = 10_000_000_000;

/// Tells of rows that have become NULL.
fn tell_none(
    value: &Value,
    out: &Column<i64>,
    rows: usize,
    mut tell: impl FnMut(usize, String) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if out.nulls.as_ref().is_none_or(|n| n.null_count() == 0) {
        return Ok(());
    }
    let rows = if is_constant(value) { rows.min(1) } else { rows };
    for row in (0..rows).filter(|row| out.is_null(*row) && !value.is_null(*row)) {
        let mut text = String::new();
        write_at(value, row, 0, &mut text);
        tell(row, text)?;
    }
    Ok(())
}

/// Conversions that only change the form.
pub(super) fn without_loss(value: &Value, to: &SqlType) -> Option<Value> {
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

/// The text of members and of years, the bytes of bits, if that is what is wanted of the numbers.
fn printed(value: &Value, from: &SqlType, to: &SqlType, rows: usize) -> Option<Value> {
    if *from == SqlType::Year
        && to.is_string()
        && let Value::Int(years) = value
    {
        return Some(string::build(rows, |row, out| {
            let _ = write!(out, "{:04}", years.get(row)?);
            Some(())
        }));
    }
    let Value::UInt(numbers) = value else { return None };
    if from.is_choice() && to.is_string() {
        return Some(choice::texts(numbers, from, rows));
    }
    match from {
        SqlType::Bit(bits) if to.is_binary() => Some(choice::bytes(numbers, *bits, rows)),
        _ => None,
    }
}

pub(super) fn fsp_of(sql: &SqlType) -> u8 {
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
        Extent::Beyond => Loss::Range,
    }
}

/// CAST AS SIGNED.
pub(crate) fn to_int(value: &Value, rows: usize) -> Column<i64> {
    each(value, rows, |row| {
        let v = whole_at(value, row, false).0;
        Some(signed(value, row, v))
    })
}

/// A whole number as a signed one: the nearest, but an unsigned integer keeps its bits, and so do the digits of one; those of
/// a larger number are all ones.
fn signed(value: &Value, row: usize, v: i128) -> i64 {
    // A power of ten, as documents have it, is a number beyond the range like any other.
    let digits = |bytes: &[u8]| bytes.trim_ascii().iter().all(u8::is_ascii_digit);
    let written = || match value {
        Value::String(texts) => digits(texts.value(row).as_bytes()),
        Value::Bytes(bytes) => digits(bytes.value(row)),
        _ => false,
    };
    match value {
        Value::UInt(v) => v.value(row) as i64,
        _ if v > i128::from(i64::MAX) && written() => u64::try_from(v).unwrap_or(u64::MAX) as i64,
        _ => v.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64,
    }
}

/// CAST AS UNSIGNED of what is no DECIMAL: a negative number keeps its bits.
fn unsigned_bits(v: i128) -> u64 {
    if v < 0 { v.max(i128::from(i64::MIN)) as i64 as u64 } else { v.min(i128::from(u64::MAX)) as u64 }
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

pub(super) fn double_at(value: &Value, row: usize) -> (f64, Loss) {
    let text = |bytes: &[u8]| {
        let (v, extent) = number::double_prefix(bytes);
        (v, loss_of(extent))
    };
    match value {
        Value::String(v) => text(v.value(row).as_bytes()),
        Value::Bytes(v) => text(v.value(row)),
        Value::Double(v) => (v.value(row), Loss::None),
        Value::Decimal(v) => (nearest_double(v.value(row), v.scale()), Loss::None),
        Value::DateTime(v) => (nearest_double(datetime_micros(v.value(row)), 6), Loss::None),
        Value::Time(v) => (nearest_double(time_micros(v.value(row)), 6), Loss::None),
        other => (whole_at(other, row, false).0 as f64, Loss::None),
    }
}

/// The number that a moment prints as, in millionths.
fn datetime_micros(us: i64) -> i128 {
    i128::from(clock::datetime_number(us)) * 1_000_000 + i128::from(us.rem_euclid(1_000_000))
}

/// The number that a time prints as, in millionths.
fn time_micros(us: i64) -> i128 {
    i128::from(clock::time_number(us)) * 1_000_000 + i128::from(us % 1_000_000)
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
pub(super) fn decimal_at(value: &Value, row: usize, precision: u8, scale: u8) -> (i128, Loss) {
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
        Value::DateTime(v) => (rescale(datetime_micros(v.value(row)), 6, scale), Loss::None),
        Value::Time(v) => (rescale(time_micros(v.value(row)), 6, scale), Loss::None),
        other => (rescale(whole_at(other, row, false).0, 0, scale), Loss::None),
    };
    let limit = power(precision).map_or(WIDE_MAX, |p| p - 1);
    match v {
        Some(v) if (-limit..=limit).contains(&v) => (v, loss),
        Some(v) => (v.signum() * limit, Loss::Range),
        None => (if double_at(value, row).0 < 0.0 { -limit } else { limit }, Loss::Range),
    }
}

/// `lost`: rows whose text is no number; `beyond`: those whose number the type has no room for.
fn to_decimal(
    value: &Value,
    precision: u8,
    scale: u8,
    rows: usize,
    (lost, beyond): (&Lost, &Lost),
) -> Decimals {
    let wide = each(value, rows, |row| {
        let (v, loss) = decimal_at(value, row, precision, scale);
        Some(match loss {
            Loss::Range => beyond.note(row, (v, loss)),
            loss => lost.note(row, (v, of_text(value, loss))),
        })
    });
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

/// What a value is as bytes: its own, which need not be text, or those of its text.
fn bytes_with(value: &Value, from: &SqlType, rows: usize) -> Value {
    match value {
        Value::Bytes(_) if *from != SqlType::Json => value.clone(),
        _ => text_with(value, fsp_of(from), rows),
    }
}

/// Writes the value at a row as text.
pub(super) fn write_at(value: &Value, row: usize, fsp: u8, out: &mut String) {
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

/// The value at a row as microseconds since 1970; None if it is no date.
pub(super) fn micros_at(value: &Value, row: usize) -> Option<i64> {
    match value {
        Value::Date(v) => Some(i64::from(v.value(row)) * DAY_US),
        Value::DateTime(v) => Some(v.value(row)),
        Value::String(v) => clock::parse_datetime(v.value(row)),
        Value::Bytes(v) => clock::parse_datetime(std::str::from_utf8(v.value(row)).ok()?),
        Value::Null | Value::Time(_) => None,
        Value::Decimal(v) => {
            let micros = rescale(v.value(row), v.scale(), 6)?;
            let whole = i64::try_from(micros / 1_000_000).ok()?;
            // Behind the number of a day a fraction means nothing.
            let fraction = if whole > 99_999_999 { (micros % 1_000_000) as i64 } else { 0 };
            clock::datetime_from_number(whole)?.checked_add(fraction)
        }
        Value::Double(_) | Value::Int(_) | Value::UInt(_) | Value::Bool(_) => {
            clock::datetime_from_number(i64::try_from(whole_at(value, row, false).0).ok()?)
        }
    }
}

/// As microseconds since 1970; NULL where it is no date.
pub(crate) fn micros(value: &Value, rows: usize) -> Column<i64> {
    match value {
        Value::DateTime(v) => v.clone(),
        Value::Date(v) => v.map(|d| i64::from(d) * DAY_US),
        other => each(other, rows, |row| micros_at(other, row).filter(|us| Dates::REGULAR.has(*us))),
    }
}

pub(super) fn time_at(value: &Value, row: usize) -> Option<i64> {
    match value {
        Value::Time(v) => Some(v.value(row)),
        Value::DateTime(v) => Some(clock::split(v.value(row)).1),
        Value::Date(_) => Some(0),
        Value::String(v) => clock::parse_time(v.value(row)),
        Value::Bytes(v) => clock::parse_time(std::str::from_utf8(v.value(row)).ok()?),
        Value::Null => None,
        // hhmmss and a fraction of a second.
        Value::Decimal(v) => {
            let micros = rescale(v.value(row), v.scale(), 6)?;
            let whole = clock::time_from_number(i64::try_from(micros / 1_000_000).ok()?)?;
            Some(whole.checked_add(i64::try_from(micros % 1_000_000).ok()?)?.clamp(-TIME_US_MAX, TIME_US_MAX))
        }
        Value::Double(_) | Value::Int(_) | Value::UInt(_) | Value::Bool(_) => {
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

/// The nearest number in the range.
pub(super) fn in_range((v, loss): (i128, Loss), low: i128, high: i128) -> (i128, Loss) {
    match loss {
        Loss::None if v < low || v > high => (v.clamp(low, high), Loss::Range),
        loss => (v.clamp(low, high), loss),
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
                Err(_) => cast(&self, &SqlType::Null, sql, 1, &mut Notices::default())
                    .map_err(|e| e.resolve(|_| Error::Plan("a constant does not fit its type".into()))),
            },
        }
    }
}

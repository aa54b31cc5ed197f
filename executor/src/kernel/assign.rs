//! Storing values into columns.
//!
//! What does not fit is told to the statement's [`Notices`], which make an error of it or a warning; then the nearest value
//! that the column holds takes its place: the end of a range, the beginning of a text, `0000-00-00`, and for NULL the nothing
//! of the type. ALTER TABLE says the same in other words, TiDB's ([`Rules::remade`]).

use std::sync::Arc;

use allod_planner::zone::{Moments, Zone, is_timestamp};
use allod_storage::schema::json::{Json, encode};
use allod_storage::schema::{Charset, FloatDigits, IntWidth, SqlType, ZERO_DATE, ZERO_DATETIME};

use super::cast::{
    Loss, decimal_at, double_at, fsp_of, in_range, is_long_time, micros_at, time_at, to_text, whole_at,
    without_loss, write_at,
};
use super::choice;
use super::clock;
use super::cut::bytes_of;
use super::dates::Dates;
use super::decimal::{Decimals, narrowed, rescale};
use super::function::{Failure, Outcome, build_bytes};
use super::json;
use super::notice::{Notices, Rules};
use super::number;
use super::value::{Column, Strings, Value};
use crate::error::Error;

/// The column that values are stored into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    /// Its type.
    pub sql: &'a SqlType,
    /// Whether it holds NULL.
    pub nullable: bool,
    /// Whether it holds no negative number, though its type has some.
    pub unsigned: bool,
    /// The digits that a FLOAT or DOUBLE is rounded to.
    pub digits: Option<FloatDigits>,
    /// Of which zone's clocks a TIMESTAMP is given the time.
    pub zone: Zone,
    /// Its name.
    pub column: &'a Arc<str>,
}

/// Stores into a column. What does not fit is told to `notices`; if that is no error the nearest value that the column holds
/// takes its place.
pub(crate) fn assign(value: &Value, target: Target<'_>, rows: usize, notices: &mut Notices) -> Outcome {
    let Target { sql: to, nullable, unsigned, digits, zone, column } = target;
    if !nullable {
        let mut found = false;
        for row in (0..rows).filter(|row| value.is_null(*row)) {
            let column = Arc::clone(column);
            let what = match notices.rules().remade {
                true => Error::AssignTruncated { column, row: (notices.first_row + row) as u64 + 1 },
                false => Error::AssignNull { column },
            };
            notices.null(row, what)?;
            found = true;
        }
        if found {
            let stored = assign(value, Target { nullable: true, ..target }, rows, notices)?;
            return Ok(without_nulls(&stored, to, rows));
        }
    }
    if matches!(value, Value::Null) {
        return Ok(Value::Null);
    }
    let (Rules { stored_dates: dates, remade, .. }, first) = (*notices.rules(), notices.first_row);
    let mut checked = |row: usize, loss: Loss| match loss {
        Loss::None => Ok(()),
        Loss::Unseen => {
            if !remade {
                let row_number = (first + row) as u64 + 1;
                notices.warn(row, Error::AssignUnseen { column: Arc::clone(column), row: row_number });
            }
            Ok(())
        }
        loss if remade => notices.stored(row, unfit_row((value, row), loss, to, column)),
        loss => notices.stored(row, refused((value, row), first, loss, to, column)),
    };
    Ok(match to {
        SqlType::Null => Value::Null,
        SqlType::Json => return json::assign(value, column, rows),
        SqlType::Int { width, unsigned } => {
            let (low, high) = int_range(*width, *unsigned);
            let wide =
                stored(value, rows, &mut checked, |row| in_range(whole_at(value, row, true), low, high))?;
            if *unsigned { Value::UInt(wide.map(|v| v as u64)) } else { Value::Int(wide.map(|v| v as i64)) }
        }
        SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_) => {
            Value::UInt(stored(value, rows, &mut checked, |row| choice::number_at(value, row, to))?)
        }
        SqlType::Year => {
            let wide = stored(value, rows, &mut checked, |row| {
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
                match loss {
                    Loss::None if in_range => (v, loss),
                    Loss::None => (0, Loss::Range),
                    // What begins with a year is that year.
                    _ => (if in_range { v } else { 0 }, loss),
                }
            })?;
            Value::Int(wide.map(|v| v as i64))
        }
        SqlType::Float => Value::Double(stored(value, rows, &mut checked, |row| {
            let (v, loss) = to_digits(double_at(value, row), digits);
            let single = f64::from(v as f32);
            match single.is_finite() {
                true => not_below(0.0, (single, loss), unsigned),
                false => not_below(0.0, (f64::from(f32::MAX).copysign(v), Loss::Range), unsigned),
            }
        })?),
        SqlType::Double => Value::Double(stored(value, rows, &mut checked, |row| {
            not_below(0.0, to_digits(double_at(value, row), digits), unsigned)
        })?),
        SqlType::Decimal { precision, scale } => {
            let longer = matches!(value, Value::Decimal(v) if v.scale() > *scale);
            if !unsigned
                && !longer
                && let Some(fast) = without_loss(value, to)
            {
                return Ok(fast);
            }
            let wide = stored(value, rows, &mut checked, |row| {
                let (v, loss) = not_below(0, decimal_at(value, row, *precision, *scale), unsigned);
                (v, if loss == Loss::None && rounds(value, row, v, *scale) { Loss::Unseen } else { loss })
            })?;
            Value::Decimal(narrowed(&wide, rows, *scale).unwrap_or(Decimals::wide(wide, *scale)))
        }
        SqlType::Char(n, collation) | SqlType::VarChar(n, collation) => {
            let text = in_set(value, collation.charset(), rows, &mut checked)?;
            let text = if matches!(to, SqlType::Char(..)) { strip_blanks(text, rows) } else { text };
            fit_text(text, rows, &mut checked, |s| {
                let limit = *n as usize;
                if s.len() <= limit {
                    return (s.len(), Loss::None);
                }
                match s.char_indices().nth(limit) {
                    None => (s.len(), Loss::None),
                    // Blanks beyond the end do not count.
                    Some((end, _)) if s[end..].bytes().all(|b| b == b' ') => (end, Loss::Unseen),
                    Some((end, _)) => (end, Loss::TooLong),
                }
            })?
        }
        SqlType::Text(n, collation) => {
            let text = in_set(value, collation.charset(), rows, &mut checked)?;
            fit_text(text, rows, &mut checked, |s| match s.len() <= *n as usize {
                true => (s.len(), Loss::None),
                false => (s.floor_char_boundary(*n as usize), Loss::TooLong),
            })?
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
            stored(value, rows, &mut checked, |row| match found(micros_at(value, row), dates) {
                (us, Loss::None) if clock::split(us).1 != 0 => (us, Loss::Unseen),
                found => found,
            })?
            .map(|us| clock::split(us).0 as i32),
        ),
        SqlType::Timestamp(fsp) => Value::DateTime(stored(value, rows, &mut checked, |row| {
            match found(rounded(value, row, *fsp), dates) {
                (us, Loss::None) => moment(us, zone),
                none => none,
            }
        })?),
        SqlType::DateTime(fsp) => {
            Value::DateTime(stored(value, rows, &mut checked, |row| found(rounded(value, row, *fsp), dates))?)
        }
        SqlType::Time(fsp) => Value::Time(
            stored(value, rows, &mut checked, |row| time_stored(value, row))?
                .map(|us| clock::round_fsp(us, *fsp)),
        ),
    })
}

/// The nothing of the type in place of NULL: 0, an empty text, no member.
fn without_nulls(value: &Value, to: &SqlType, rows: usize) -> Value {
    fn filled<T: arrow::datatypes::ArrowNativeType>(v: &Column<T>, nothing: T, rows: usize) -> Column<T> {
        Column::many((0..rows).map(|row| v.get(row).unwrap_or(nothing)).collect(), None)
    }
    let text = |row: usize| match value {
        Value::String(v) => v.get(row).unwrap_or("").to_owned(),
        _ => String::new(),
    };
    match (value, to) {
        (Value::Int(v), _) => Value::Int(filled(v, 0, rows)),
        (Value::UInt(v), _) => Value::UInt(filled(v, 0, rows)),
        (Value::Double(v), _) => Value::Double(filled(v, 0.0, rows)),
        (Value::Decimal(v), _) => Value::Decimal(Decimals::wide(filled(&v.widened(), 0, rows), v.scale())),
        (Value::Date(v), _) => Value::Date(filled(v, ZERO_DATE, rows)),
        (Value::DateTime(v), _) => Value::DateTime(filled(v, ZERO_DATETIME, rows)),
        (Value::Time(v), _) => Value::Time(filled(v, 0, rows)),
        (_, SqlType::Int { unsigned: false, .. } | SqlType::Year) => Value::Int(Column::one(0)),
        (_, SqlType::Int { unsigned: true, .. } | SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_)) => {
            Value::UInt(Column::one(0))
        }
        (_, SqlType::Float | SqlType::Double) => Value::Double(Column::one(0.0)),
        (_, SqlType::Decimal { scale, .. }) => Value::Decimal(Decimals::one(0, *scale)),
        (_, SqlType::Date) => Value::Date(Column::one(ZERO_DATE)),
        (_, SqlType::DateTime(_) | SqlType::Timestamp(_)) => Value::DateTime(Column::one(ZERO_DATETIME)),
        (_, SqlType::Time(_)) => Value::Time(Column::one(0)),
        (_, SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..)) => {
            Value::String(Strings::Views((0..rows).map(|row| Some(text(row))).collect()))
        }
        (_, SqlType::Json) => {
            let null = encode(&Json::Null);
            build_bytes(rows, |row| Some(bytes_at(value, row).map_or(null.clone(), <[u8]>::to_vec)))
        }
        (_, SqlType::Binary(width)) => build_bytes(rows, |row| {
            Some(bytes_at(value, row).map_or(vec![0; *width as usize], <[u8]>::to_vec))
        }),
        (_, SqlType::VarBinary(_) | SqlType::Blob(_)) => {
            build_bytes(rows, |row| Some(bytes_at(value, row).map_or(Vec::new(), <[u8]>::to_vec)))
        }
        (_, SqlType::Null) => value.clone(),
    }
}

/// The bytes at a row, if there are any.
fn bytes_at(value: &Value, row: usize) -> Option<&[u8]> {
    match value {
        Value::Bytes(v) if !value.is_null(row) => Some(v.value(row)),
        _ => None,
    }
}

/// Whether a number has digits that are not in what a DECIMAL column holds of it.
fn rounds(value: &Value, row: usize, held: i128, scale: u8) -> bool {
    match value {
        Value::Decimal(v) => v.scale() > scale && rescale(held, scale, v.scale()) != Some(v.value(row)),
        Value::String(v) => cut_digits(v.value(row).as_bytes(), scale),
        Value::Bytes(v) => cut_digits(v.value(row), scale),
        Value::Double(v) => {
            let mut text = String::new();
            number::write_double(v.value(row), &mut text);
            cut_digits(text.as_bytes(), scale)
        }
        _ => false,
    }
}

/// Whether a number that is written without an exponent has digits other than 0 beyond so many behind the point.
fn cut_digits(text: &[u8], scale: u8) -> bool {
    let mut parts = text.splitn(2, |b| *b == b'.');
    let fraction = parts.nth(1).unwrap_or_default();
    let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).skip(usize::from(scale));
    let is_plain = !fraction.iter().any(|b| matches!(b, b'e' | b'E'));
    is_plain && digits.into_iter().any(|b| *b != b'0')
}

/// The time at a row: the longest one in place of a longer one.
fn time_stored(value: &Value, row: usize) -> (i64, Loss) {
    let clipped = match value {
        Value::String(v) => clock::read_time(v.value(row)).is_some_and(|read| read.clipped),
        other => is_long_time(other, row),
    };
    match time_at(value, row) {
        Some(us) if clipped => (us, Loss::Range),
        Some(us) => (us, if has_date(value, row) { Loss::Unseen } else { Loss::None }),
        None => (0, Loss::Incorrect),
    }
}

/// Whether a time is that of a date, which a TIME column does not hold.
fn has_date(value: &Value, row: usize) -> bool {
    match value {
        Value::DateTime(_) => true,
        Value::String(v) => {
            let (date, clock) = v.value(row).trim().split_once([' ', 'T']).unwrap_or_default();
            clock.contains(':') && date.contains('-') && !date.starts_with('-')
        }
        _ => false,
    }
}

/// The moment at a row with so many digits of a second's fraction.
fn rounded(value: &Value, row: usize, fsp: u8) -> Option<i64> {
    micros_at(value, row).map(|us| clock::round_fsp(us, fsp))
}

/// The moment; the one that is none, if there is no such.
fn found(us: Option<i64>, dates: Dates) -> (i64, Loss) {
    match us {
        Some(us) if dates.has(us) => (us, Loss::None),
        _ => (ZERO_DATETIME, Loss::Incorrect),
    }
}

/// The moment when clocks of the zone show this, if it is one that a TIMESTAMP holds. Where clocks were put forward over it, the
/// moment when they were.
fn moment(us: i64, zone: Zone) -> (i64, Loss) {
    let moments = zone.moments(us);
    match (moments, is_timestamp(moments.chosen())) {
        (_, false) => (ZERO_DATETIME, Loss::Incorrect),
        (Moments::Never(at), true) => (at, Loss::Incorrect),
        (Moments::One(at) | Moments::Two(at, _), true) => (at, Loss::None),
    }
}

/// The nearest number of so many digits.
fn to_digits((v, loss): (f64, Loss), digits: Option<FloatDigits>) -> (f64, Loss) {
    match digits.map(|digits| digits.round(v)) {
        None => (v, loss),
        Some(Ok(rounded)) => (rounded, loss),
        Some(Err(greatest)) => (greatest, Loss::Range),
    }
}

/// Zero in place of what is less, where that is out of range.
fn not_below<T: PartialOrd>(zero: T, (v, loss): (T, Loss), unsigned: bool) -> (T, Loss) {
    if unsigned && v < zero { (zero, Loss::Range) } else { (v, loss) }
}

/// Range of an integer column.
fn int_range(width: IntWidth, unsigned: bool) -> (i128, i128) {
    let bits = width.bytes() * 8;
    if unsigned { (0, (1 << bits) - 1) } else { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) }
}

/// Converts every row that is not NULL.
fn stored<T: arrow::datatypes::ArrowNativeType>(
    value: &Value,
    rows: usize,
    checked: &mut impl FnMut(usize, Loss) -> Result<(), Failure>,
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

/// Strings cut where `end` says.
fn fit_text(
    text: Value,
    rows: usize,
    checked: &mut impl FnMut(usize, Loss) -> Result<(), Failure>,
    end: impl Fn(&str) -> (usize, Loss),
) -> Outcome {
    let Value::String(strings) = &text else { return Ok(text) };
    let mut cut = false;
    for row in 0..rows {
        if let Some(s) = strings.get(row) {
            let (end, loss) = end(s);
            checked(row, loss)?;
            cut |= end < s.len();
        }
    }
    if !cut {
        return Ok(text);
    }
    Ok(super::string::slice(&strings.plain(), rows, |_, s| Some(0..end(s).0)))
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

/// Values as texts of a character set: as far as it has them.
fn in_set(
    value: &Value,
    charset: Charset,
    rows: usize,
    checked: &mut impl FnMut(usize, Loss) -> Result<(), Failure>,
) -> Outcome {
    let mut made: Vec<Option<String>> = Vec::with_capacity(rows);
    match value {
        Value::Bytes(bytes) => {
            for row in 0..rows {
                if value.is_null(row) {
                    made.push(None);
                    continue;
                }
                let (text, rest) = charset.decoded_start(bytes.value(row));
                if !rest.is_empty() {
                    checked(row, Loss::Foreign)?;
                }
                made.push(Some(text));
            }
        }
        Value::String(texts) if matches!(charset, Charset::Utf8 | Charset::Gbk | Charset::Ascii) => {
            let mut changed = false;
            for row in 0..rows {
                let Some(text) = texts.get(row) else {
                    made.push(None);
                    continue;
                };
                let held = charset.held(text);
                if held.is_some() {
                    checked(row, Loss::Foreign)?;
                    changed = true;
                }
                made.push(Some(held.unwrap_or_else(|| text.to_owned())));
            }
            if !changed {
                return Ok(value.clone());
            }
        }
        other => return Ok(to_text(other, rows)),
    }
    Ok(Value::String(Strings::Views(made.into_iter().collect())))
}

/// The bytes of a value from the first one that is no text of a set, as messages show them.
fn foreign_bytes(value: &Value, row: usize, charset: Charset) -> String {
    let bytes: &[u8] = match value {
        Value::Bytes(bytes) => charset.decoded_start(bytes.value(row)).1,
        Value::String(texts) => {
            let text = texts.value(row);
            let start = charset.lacks(text).and_then(|c| text.find(c)).unwrap_or(0);
            &text.as_bytes()[start..]
        }
        _ => &[],
    };
    let shown: String = bytes.iter().take(6).map(|byte| format!("\\x{byte:02X}")).collect();
    if bytes.len() > 6 { shown + "..." } else { shown }
}

/// The error for a value that a column does not take.
fn refused(
    (value, row): (&Value, usize),
    rows_before: usize,
    loss: Loss,
    to: &SqlType,
    column: &Arc<str>,
) -> Error {
    let mut text = String::new();
    write_at(value, row, fsp_of(to), &mut text);
    let (column, number) = (Arc::clone(column), (rows_before + row) as u64 + 1);
    match (loss, to) {
        (Loss::Foreign, _) => {
            let value = foreign_bytes(value, row, to.collation().charset());
            Error::AssignIncorrectText { value, column, row: number }
        }
        // What is no member has been cut to nothing.
        (_, SqlType::Enum(_) | SqlType::Set(_)) => Error::AssignTruncated { column, row: number },
        (Loss::TooLong, _) => Error::AssignTooLong { column, row: number },
        (_, SqlType::Time(_)) => Error::AssignIncorrectTime { ty: "time", value: text, column, row: number },
        (Loss::Range, _) => Error::AssignOutOfRange { column, row: number },
        (_, SqlType::Date) => Error::AssignIncorrectTime { ty: "date", value: text, column, row: number },
        (_, SqlType::Timestamp(_)) => {
            Error::AssignIncorrectTime { ty: "timestamp", value: text, column, row: number }
        }
        (_, SqlType::DateTime(_)) => {
            Error::AssignIncorrectTime { ty: "datetime", value: text, column, row: number }
        }
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

/// The error for a value of a column that is to become one of this type.
fn unfit_row((value, row): (&Value, usize), loss: Loss, to: &SqlType, column: &Arc<str>) -> Error {
    let mut text = String::new();
    write_at(value, row, fsp_of(to), &mut text);
    let is_number = matches!(to, SqlType::Int { .. } | SqlType::Year | SqlType::Float | SqlType::Double);
    match (loss, to) {
        (Loss::Range, SqlType::Decimal { precision, scale }) => {
            Error::OutOfRange { ty: "DECIMAL", expression: format!("({precision}, {scale})").into() }
        }
        (Loss::Range, to) if is_number && *to != SqlType::Year => {
            let ty = to.to_string();
            let ty = ty.trim_end_matches(" unsigned").to_owned();
            Error::ConstantOverflow { value: text, ty }
        }
        (Loss::TooLong, to) if !matches!(to, SqlType::Bit(_)) => {
            Error::AssignLongValue { column: Arc::clone(column), value: text }
        }
        (_, SqlType::Decimal { .. }) => Error::TruncatedWrongValue { ty: "DECIMAL", value: text },
        _ if is_number => Error::TruncatedWrongValue { ty: "DOUBLE", value: text },
        _ => refused((value, row), 0, loss, to, column),
    }
}

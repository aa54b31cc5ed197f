//! Literals to constants.

use allod_storage::schema::{Collation, ColumnType, Datum, SqlType, ZERO_DATETIME};

use super::{Expr, calendar, convert, types};
use crate::error::Error;
use crate::sql_mode::SqlMode;

/// A number: an integer if it is one and fits 64 bits, a double if it has an exponent, else a decimal.
pub fn number(text: &str) -> Result<Expr, Error> {
    let illegal = |kind| Error::IllegalLiteral { kind, value: text.chars().take(80).collect() };
    if text.contains(['e', 'E']) {
        let value: f64 = text.parse().map_err(|_| illegal("double"))?;
        return if value.is_finite() {
            Ok(Expr::constant(Datum::Double(value), SqlType::Double))
        } else {
            Err(illegal("double"))
        };
    }
    if let Ok(v) = text.parse::<i64>() {
        return Ok(Expr::constant(Datum::Int(v), SqlType::BIGINT));
    }
    if let Ok(v) = text.parse::<u64>() {
        return Ok(Expr::constant(Datum::UInt(v), SqlType::BIGINT_UNSIGNED));
    }
    let (value, scale) = convert::nearest_decimal(text).ok_or_else(|| illegal("decimal"))?;
    let whole = types::decimal_digits(value.unsigned_abs()).saturating_sub(u32::from(scale)).max(1);
    Ok(Expr::constant(
        Datum::Decimal { value, scale },
        types::decimal(whole + u32::from(scale), u32::from(scale)),
    ))
}

/// A string of the default collation.
pub fn string(text: &str) -> Expr {
    string_of(text, Collation::default())
}

/// A string.
pub fn string_of(text: &str, collation: Collation) -> Expr {
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    Expr::constant(Datum::string(text), types::string(length).with_collation(collation))
}

/// A hexadecimal literal: a byte string, which is a number where a number is wanted.
pub fn hexadecimal(hex: &str) -> Result<Expr, Error> {
    let padded = if hex.len() % 2 == 1 { format!("0{hex}") } else { hex.to_owned() };
    let bytes: Option<Vec<u8>> =
        (0..padded.len()).step_by(2).map(|i| u8::from_str_radix(padded.get(i..i + 2)?, 16).ok()).collect();
    let bytes = bytes.ok_or_else(|| Error::IllegalLiteral {
        kind: "hexadecimal",
        value: hex.chars().take(80).collect(),
    })?;
    Ok(bytes_or_number(&bytes))
}

/// A literal of bits, `b'101'`: as one of the bytes that they fill.
pub fn bits(digits: &str) -> Result<Expr, Error> {
    let illegal = || Error::IllegalLiteral { kind: "bit", value: digits.chars().take(80).collect() };
    if !digits.bytes().all(|d| matches!(d, b'0' | b'1')) {
        return Err(illegal());
    }
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .rchunks(8)
        .rev()
        .map(|chunk| u8::from_str_radix(std::str::from_utf8(chunk).ok()?, 2).ok())
        .collect();
    bytes.map(|bytes| bytes_or_number(&bytes)).ok_or_else(illegal)
}

/// Up to eight bytes are a BIT of them, which is a number among numbers and these bytes among strings.
fn bytes_or_number(bytes: &[u8]) -> Expr {
    match (bytes.len(), convert::number_of_bytes(bytes)) {
        (1..=8, Some(number)) => Expr::constant(Datum::UInt(number), SqlType::Bit(bytes.len() as u8 * 8)),
        _ => Expr::constant(Datum::Bytes(bytes.into()), SqlType::VarBinary(bytes.len().max(1) as u32)),
    }
}

/// `DATE '…'`.
pub fn date(text: &str, mode: SqlMode) -> Result<Expr, Error> {
    match moment(text, mode) {
        Some((us, false)) => {
            let days = us.div_euclid(calendar::DAY_US) as i32;
            Ok(Expr::constant(Datum::Date(days), SqlType::Date))
        }
        _ => Err(Error::IncorrectLiteral { kind: "date", value: text.into() }),
    }
}

/// A date or a datetime, and whether there was a time: one of the calendar, or one that the mode allows.
fn moment(text: &str, mode: SqlMode) -> Option<(i64, bool)> {
    if calendar::is_zero_date(text) {
        return (!mode.no_zero_date).then_some((ZERO_DATETIME, text.contains(':')));
    }
    let irregular =
        |text| calendar::parse_irregular(text).filter(|(us, _)| mode.allows(us.div_euclid(calendar::DAY_US)));
    calendar::parse_datetime(text).or_else(|| irregular(text))
}

/// `TIMESTAMP '…'`.
pub fn datetime(text: &str, mode: SqlMode) -> Result<Expr, Error> {
    match moment(text, mode) {
        Some((us, _)) => Ok(Expr::constant(Datum::DateTime(us), SqlType::DateTime(fraction_digits(text)))),
        None => Err(Error::IncorrectLiteral { kind: "datetime", value: text.into() }),
    }
}

/// `TIME '…'`.
pub fn time(text: &str) -> Result<Expr, Error> {
    match calendar::parse_time(text) {
        Some(us) => Ok(Expr::constant(Datum::Time(us), SqlType::Time(fraction_digits(text)))),
        None => Err(Error::IncorrectLiteral { kind: "time", value: text.into() }),
    }
}

fn fraction_digits(text: &str) -> u8 {
    text.rsplit_once('.').map_or(0, |(_, f)| f.trim().len().min(6) as u8)
}

/// The type of a value from outside.
pub fn type_of(value: &Datum) -> SqlType {
    datum(value.clone()).ty().sql.clone()
}

/// A value from outside: a parameter or a variable, typed by itself.
pub fn datum(value: Datum) -> Expr {
    let sql = match &value {
        Datum::Null => types::NULL_TYPE,
        Datum::Int(_) => SqlType::BIGINT,
        Datum::UInt(_) => SqlType::BIGINT_UNSIGNED,
        Datum::Double(_) => SqlType::Double,
        Datum::Decimal { value, scale } => types::decimal(
            types::decimal_digits(value.unsigned_abs()).max(u32::from(*scale) + 1),
            u32::from(*scale),
        ),
        Datum::String(s) => return string(s),
        Datum::Bytes(b) => SqlType::VarBinary(b.len().max(1) as u32),
        Datum::Date(_) => SqlType::Date,
        Datum::DateTime(_) => SqlType::DateTime(6),
        Datum::Time(_) => SqlType::Time(6),
    };
    let nullable = value.is_null();
    Expr::Constant { value, ty: ColumnType { sql, nullable } }
}

//! What JSON_VALUE answers by DEFAULT is a value of its type, with nothing lost.

use allod_storage::schema::json::parse_json;
use allod_storage::schema::{Datum, SqlType};

use super::{Expr, calendar, fold};
use crate::error::Error;

const FUNCTION: &str = "json_value";

/// Looks at an answer: a literal, or NULL.
///
/// # Errors
/// 1292, 1690 and 1067, as in MySQL.
pub(super) fn check(answer: &Expr, ty: &SqlType) -> Result<(), Error> {
    let Some(value) = fold::constant(answer).filter(|value| !value.is_null()) else { return Ok(()) };
    let text = match value {
        Datum::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        value => value.to_string(),
    };
    let truncated = |kind| Err(Error::TruncatedLiteral { kind, value: text.clone() });
    let incorrect = |kind| Err(Error::IncorrectLiteral { kind, value: text.clone() });
    let beyond = |sql_type| Err(Error::OutOfRange { sql_type, expression: FUNCTION.into() });
    let too_long = |most: u32| text.chars().count() > most as usize;
    match ty {
        SqlType::Int { unsigned, .. } => match (text.trim_start().parse::<i128>(), unsigned) {
            (Err(_), true) => truncated("INTEGER UNSIGNED"),
            (Err(_), false) => truncated("INTEGER SIGNED"),
            (Ok(v), true) if u64::try_from(v).is_err() => beyond("UNSIGNED DEFAULT"),
            (Ok(v), false) if i64::try_from(v).is_err() => beyond("SIGNED DEFAULT"),
            (Ok(_), _) => Ok(()),
        },
        SqlType::Year => match text.trim_start().parse::<i64>() {
            Err(_) => truncated("YEAR"),
            Ok(0 | 1901..=2155) => Ok(()),
            Ok(_) => beyond("YEAR"),
        },
        SqlType::Float | SqlType::Double => match text.trim().parse::<f64>() {
            Ok(v) if v.is_finite() => Ok(()),
            _ => truncated("DOUBLE"),
        },
        SqlType::Decimal { precision, scale } => {
            let unsigned = text.trim().trim_start_matches(['+', '-']);
            let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
            if unsigned.trim().parse::<f64>().is_err() {
                return truncated("DECIMAL");
            }
            let whole = whole.trim_start_matches('0').len();
            // With an exponent it is looked at when it is converted.
            let is_plain = unsigned.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            match is_plain && (whole > usize::from(precision - scale) || fraction.len() > usize::from(*scale))
            {
                true => beyond("DECIMAL DEFAULT"),
                false => Ok(()),
            }
        }
        SqlType::Date => match calendar::parse_datetime(&text) {
            Some(_) => Ok(()),
            None => incorrect("date"),
        },
        SqlType::DateTime(_) | SqlType::Timestamp(_) => match calendar::parse_datetime(&text) {
            Some((us, _)) if has_digits(us, ty) => Ok(()),
            Some(_) => beyond("TIME DEFAULT"),
            None => incorrect("datetime"),
        },
        SqlType::Time(_) => match calendar::parse_time(&text) {
            Some(us) if has_digits(us, ty) => Ok(()),
            Some(_) => beyond("TIME DEFAULT"),
            None => incorrect("time"),
        },
        SqlType::Char(most, _) | SqlType::VarChar(most, _) if too_long(*most) => beyond("CHAR DEFAULT"),
        SqlType::Binary(most) | SqlType::VarBinary(most) if text.len() > *most as usize => {
            beyond("CHAR DEFAULT")
        }
        SqlType::Json if parse_json(&text).is_err() => Err(Error::InvalidDefault(FUNCTION.into())),
        SqlType::Json
        | SqlType::Char(..)
        | SqlType::VarChar(..)
        | SqlType::Binary(_)
        | SqlType::VarBinary(_)
        | SqlType::Text(..)
        | SqlType::Blob(_)
        | SqlType::Null
        | SqlType::Enum(_)
        | SqlType::Set(_)
        | SqlType::Bit(_) => Ok(()),
    }
}

/// Whether a type of times has the digits behind the point that these microseconds have.
fn has_digits(us: i64, ty: &SqlType) -> bool {
    match ty {
        SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) | SqlType::Time(fsp) => {
            us.rem_euclid(10i64.pow(6u32.saturating_sub((*fsp).into()))) == 0
        }
        _ => true,
    }
}

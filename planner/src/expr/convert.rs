//! Conversion of single values, where nothing is lost that would need a warning.

use allod_storage::schema::json::{JsonRef, encode, parse_json, print_json};
use allod_storage::schema::{DECIMAL_SCALE_MAX, Datum, IntWidth, SqlType, ZERO_DATETIME, nearest_double};

use super::calendar::{self, DAY_US};

/// Whether a column of this type may hold a value with fewer digits, or without its time; of texts and doubles it is enough that
/// they may have more.
pub(super) fn shows_less(value: &Datum, ty: &SqlType) -> bool {
    let fraction = |text: &str| text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    match (ty, value) {
        (SqlType::Decimal { scale, .. }, Datum::Decimal { value, scale: own }) => {
            let beyond = u32::from(own.saturating_sub(*scale));
            10i128.checked_pow(beyond).is_none_or(|unit| value % unit != 0)
        }
        (SqlType::Decimal { scale, .. }, Datum::String(text)) => fraction(text) > usize::from(*scale),
        (SqlType::Decimal { .. }, Datum::Double(v)) => v.fract() != 0.0,
        (SqlType::Date, Datum::Date(_)) => false,
        (SqlType::Date, Datum::String(text)) => text.len() > "2000-01-01".len(),
        (SqlType::Date, Datum::DateTime(us)) => us.rem_euclid(super::calendar::DAY_US) != 0,
        (SqlType::Date, Datum::Int(number)) => *number > 99_991_231,
        (SqlType::Date, Datum::Decimal { .. } | Datum::Double(_)) => true,
        (SqlType::Time(_), Datum::DateTime(_)) => true,
        (SqlType::Time(_), Datum::String(text)) => text.contains([' ', 'T']),
        _ => false,
    }
}

/// The value as the type, as CAST makes it; `None` where CAST would warn, truncate or overflow (the expression then
/// stays as it is and the kernel decides), and for doubles whose text form is the kernel's business.
pub fn cast_datum(value: &Datum, ty: &SqlType) -> Option<Datum> {
    if value.is_null() {
        return Some(Datum::Null);
    }
    match ty {
        SqlType::Null => None,
        SqlType::Int { width, unsigned: false } => {
            let v = i64::try_from(to_integer(value)?).ok()?;
            let bits = width.bytes() * 8;
            (*width == IntWidth::Big || (-(1i64 << (bits - 1))..1i64 << (bits - 1)).contains(&v))
                .then_some(Datum::Int(v))
        }
        SqlType::Int { width, unsigned: true } => {
            let v = u64::try_from(to_integer(value)?).ok()?;
            (*width == IntWidth::Big || v < 1u64 << (width.bytes() * 8)).then_some(Datum::UInt(v))
        }
        // A text of nothing but zeros is 2000, or the year 0 if it has four of them.
        SqlType::Year if matches!(value, Datum::String(_)) && to_integer(value) == Some(0) => None,
        SqlType::Year => {
            let v = to_integer(value)?;
            ((1901..=2155).contains(&v) || v == 0).then_some(Datum::Int(v as i64))
        }
        SqlType::Enum(members) => {
            let number = match value {
                Datum::String(s) => {
                    members.enum_number(s).or_else(|| s.trim().parse().ok().filter(|n| *n > 0))?
                }
                _ => u64::try_from(to_integer(value)?).ok()?,
            };
            (1..=members.len() as u64).contains(&number).then_some(Datum::UInt(number))
        }
        SqlType::Set(members) => {
            let mask = match value {
                Datum::String(s) => members.set_mask(s).or_else(|| s.trim().parse().ok())?,
                _ => u64::try_from(to_integer(value)?).ok()?,
            };
            (mask & !members.set_all() == 0).then_some(Datum::UInt(mask))
        }
        SqlType::Bit(bits) => {
            let v = match value {
                Datum::String(s) => number_of_bytes(s.as_bytes())?,
                Datum::Bytes(b) => number_of_bytes(b)?,
                _ => number_of_bits(to_integer(value)?)?,
            };
            (*bits >= 64 || v >> bits == 0).then_some(Datum::UInt(v))
        }
        SqlType::Float => {
            to_double(value).map(|v| f64::from(v as f32)).filter(|v| v.is_finite()).map(Datum::Double)
        }
        SqlType::Double => to_double(value).map(Datum::Double),
        SqlType::Decimal { precision, scale } => to_decimal(value, *precision, *scale),
        SqlType::Char(n, _) | SqlType::VarChar(n, _) => {
            let text = to_text(value)?;
            // CHAR columns do not keep blanks at their end.
            let text = match ty {
                SqlType::Char(..) => text.trim_end_matches(' ').to_owned(),
                _ => text,
            };
            let held = ty.collation().charset().held(&text).is_none();
            (held && text.chars().count() <= *n as usize).then(|| Datum::string(text))
        }
        SqlType::Text(n, collation) => {
            let text = to_text(value).filter(|t| t.len() <= *n as usize)?;
            collation.charset().held(&text).is_none().then(|| Datum::string(text))
        }
        SqlType::Binary(n) | SqlType::VarBinary(n) | SqlType::Blob(n) => {
            let bytes = match value {
                Datum::Bytes(b) => b.clone(),
                _ => to_text(value)?.into_bytes().into(),
            };
            let fits = bytes.len() <= *n as usize
                && (bytes.len() == *n as usize || !matches!(ty, SqlType::Binary(_)));
            fits.then_some(Datum::Bytes(bytes))
        }
        SqlType::Json => match value {
            Datum::String(text) => Some(Datum::Bytes(encode(&parse_json(text).ok()?).into())),
            _ => None,
        },
        SqlType::Date => {
            // A time of day is dropped without a warning.
            let (us, _) = to_datetime(value)?;
            i32::try_from(us.div_euclid(DAY_US)).ok().map(Datum::Date)
        }
        SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) => {
            let (us, _) = to_datetime(value)?;
            let us = round_to(us, *fsp);
            calendar::in_range(us).then_some(Datum::DateTime(us))
        }
        SqlType::Time(fsp) => {
            let us = match value {
                Datum::Time(us) => *us,
                Datum::DateTime(us) => us.rem_euclid(DAY_US),
                Datum::Date(_) => 0,
                Datum::String(s) => match calendar::parse_time(s) {
                    Some(us) => us,
                    None => {
                        calendar::parse_datetime(s).filter(|(_, has_time)| *has_time)?.0.rem_euclid(DAY_US)
                    }
                },
                Datum::Int(v) => calendar::parse_time(&v.to_string())?,
                _ => return None,
            };
            Some(Datum::Time(round_to(us, *fsp)))
        }
    }
}

/// A byte string as a number, its first byte the highest; `None` beyond 64 bits.
pub fn number_of_bytes(bytes: &[u8]) -> Option<u64> {
    let first = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
    let rest = &bytes[first..];
    (rest.len() <= 8).then(|| rest.iter().fold(0, |v, b| v << 8 | u64::from(*b)))
}

/// A number as 64 bits; a negative one has those of its complement.
pub fn number_of_bits(v: i128) -> Option<u64> {
    u64::try_from(v).ok().or_else(|| i64::try_from(v).ok().map(i64::cast_unsigned))
}

/// A value of an ENUM, a SET, a BIT or a JSON as what it prints as; other values are none of these.
pub fn printed(value: &Datum, ty: &SqlType) -> Option<Datum> {
    if let (Datum::Bytes(bytes), SqlType::Json) = (value, ty) {
        let mut text = String::new();
        print_json(JsonRef::new(bytes), &mut text);
        return Some(Datum::string(text));
    }
    let Datum::UInt(number) = value else { return None };
    let bytes = ty.print_number(*number)?;
    Some(if ty.is_choice() {
        Datum::string(String::from_utf8_lossy(&bytes))
    } else {
        Datum::Bytes(bytes.as_ref().into())
    })
}

/// A constant of one type as one of another, as [`cast_datum`] does it; what members and bits stand for is not lost.
pub fn cast_constant(value: &Datum, from: &SqlType, to: &SqlType) -> Option<Datum> {
    // What other types read in a document is for the kernel to say.
    if *from == SqlType::Json && from != to && !to.is_string() {
        return None;
    }
    let printed =
        if super::types::Family::of(to).is_number() || from == to { None } else { printed(value, from) };
    cast_datum(printed.as_ref().unwrap_or(value), to)
}

/// Rounds microseconds to `fsp` digits of a second, halves away from zero.
fn round_to(us: i64, fsp: u8) -> i64 {
    let unit = 10i64.pow(6 - u32::from(fsp.min(6)));
    let (quotient, rest) = (us / unit, us % unit);
    let up = i64::from(rest.abs() * 2 >= unit && unit > 1) * us.signum();
    (quotient + up) * unit
}

/// Rounded to an integer: halves away from zero for exact numbers, to even for doubles.
fn to_integer(value: &Datum) -> Option<i128> {
    Some(match value {
        Datum::Int(v) => i128::from(*v),
        Datum::UInt(v) => i128::from(*v),
        Datum::Decimal { value, scale } => rescale(*value, *scale, 0)?,
        Datum::Double(v) if v.abs() < 1e19 => v.round_ties_even() as i128,
        Datum::String(s) => s.trim().parse::<i128>().ok()?,
        Datum::Date(_) | Datum::DateTime(_) | Datum::Time(_) => rescale(temporal_number(value)?, 6, 0)?,
        Datum::Double(_) | Datum::Bytes(_) | Datum::Null => return None,
    })
}

/// A temporal value as the number it prints as without punctuation, in millionths.
fn temporal_number(value: &Datum) -> Option<i128> {
    let date = |days: i64| {
        let c = calendar::Civil::from_days(days);
        i128::from(c.year * 10_000 + c.month * 100 + c.day)
    };
    let clock = |us: i64| {
        let s = us / 1_000_000;
        i128::from(s / 3600 * 10_000 + s / 60 % 60 * 100 + s % 60) * 1_000_000 + i128::from(us % 1_000_000)
    };
    Some(match value {
        Datum::Date(days) => date(i64::from(*days)) * 1_000_000,
        Datum::DateTime(us) => {
            date(us.div_euclid(DAY_US)) * 1_000_000 * 1_000_000 + clock(us.rem_euclid(DAY_US))
        }
        Datum::Time(us) => clock(us.abs()) * i128::from(us.signum()),
        _ => return None,
    })
}

fn to_double(value: &Datum) -> Option<f64> {
    match value {
        Datum::String(s) => {
            let s = s.trim();
            // Rust also reads "inf" and "nan".
            let is_number = s.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
            // Of what is beyond all doubles something is lost.
            is_number.then(|| s.parse().ok()).flatten().filter(|v: &f64| v.is_finite())
        }
        Datum::Date(_) | Datum::DateTime(_) | Datum::Time(_) => {
            Some(nearest_double(temporal_number(value)?, 6))
        }
        _ => value.as_f64(),
    }
}

fn to_decimal(value: &Datum, precision: u8, scale: u8) -> Option<Datum> {
    let (digits, from) = match value {
        Datum::Int(v) => (i128::from(*v), 0),
        Datum::UInt(v) => (i128::from(*v), 0),
        Datum::Decimal { value, scale } => (*value, *scale),
        Datum::Double(v) if v.abs() < 1e15 => parse_decimal(&format!("{v}"))?,
        Datum::String(s) => parse_decimal(s.trim())?,
        Datum::Date(_) | Datum::DateTime(_) | Datum::Time(_) => (temporal_number(value)?, 6),
        Datum::Double(_) | Datum::Bytes(_) | Datum::Null => return None,
    };
    let value = rescale(digits, from, scale)?;
    let fits = 10i128.checked_pow(u32::from(precision)).is_none_or(|limit| value.abs() < limit);
    fits.then_some(Datum::Decimal { value, scale })
}

fn to_text(value: &Datum) -> Option<String> {
    match value {
        Datum::Double(v) if *v != 0.0 && !(1e-4..1e15).contains(&v.abs()) => None,
        Datum::Bytes(b) => String::from_utf8(b.to_vec()).ok(),
        other => Some(other.to_string()),
    }
}

/// A date that the calendar does not have as a value of this type, if that is what it stands for, and the number of its day:
/// `0000-00-00` (zeros, and the number), `2020-00-10`.
pub fn irregular_moment(value: &Datum, ty: &SqlType) -> Option<(Datum, i64)> {
    let us = match value {
        Datum::String(text) if calendar::is_zero_date(text) => ZERO_DATETIME,
        Datum::String(text) => calendar::parse_irregular(text)?.0,
        Datum::Int(0) | Datum::UInt(0) | Datum::Decimal { value: 0, .. } => ZERO_DATETIME,
        _ => return None,
    };
    let day = us.div_euclid(DAY_US);
    match ty {
        SqlType::Date => Some((Datum::Date(day as i32), day)),
        SqlType::DateTime(_) => Some((Datum::DateTime(us), day)),
        // A moment is of the calendar, or none at all.
        SqlType::Timestamp(_) if us == ZERO_DATETIME => Some((Datum::DateTime(us), day)),
        _ => None,
    }
}

/// A point in time and whether the value had a time of day.
fn to_datetime(value: &Datum) -> Option<(i64, bool)> {
    match value {
        Datum::Date(days) => Some((i64::from(*days) * DAY_US, false)),
        Datum::DateTime(us) => Some((*us, true)),
        Datum::String(s) => calendar::parse_datetime(s),
        Datum::Int(v) => calendar::number_to_datetime(*v),
        Datum::UInt(v) => calendar::number_to_datetime(i64::try_from(*v).ok()?),
        _ => None,
    }
}

/// Reads `-12.50` as (-1250, 2).
pub fn parse_decimal(text: &str) -> Option<(i128, u8)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 30 {
        return None;
    }
    let mut value: i128 = 0;
    for b in whole.bytes().chain(fraction.bytes()) {
        if !b.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(b - b'0'))?;
    }
    (super::types::decimal_digits(value.unsigned_abs()) <= 38).then_some((value * sign, fraction.len() as u8))
}

/// The decimal that is nearest to a literal of digits and a point: digits behind the point are rounded away that no DECIMAL has
/// room for. `None` = it has too many before it.
pub fn nearest_decimal(text: &str) -> Option<(i128, u8)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole_digits = whole.trim_start_matches('0').len();
    let room = usize::from(DECIMAL_SCALE_MAX).min(38usize.saturating_sub(whole_digits));
    let Some(next) = fraction.get(room..).and_then(|rest| rest.bytes().next()) else {
        return parse_decimal(text);
    };
    let (value, scale) = parse_decimal(&format!("{whole}.{}", &fraction[..room]))?;
    let value = value + i128::from((b'5'..=b'9').contains(&next));
    (super::types::decimal_digits(value.unsigned_abs()) <= 38).then_some((value, scale))
}

/// Changes the scale, halves away from zero; `None` on overflow of 38 digits.
pub fn rescale(value: i128, from: u8, to: u8) -> Option<i128> {
    let out = if to >= from {
        value.checked_mul(10i128.checked_pow(u32::from(to - from))?)?
    } else {
        let unit = 10i128.checked_pow(u32::from(from - to))?;
        let (quotient, rest) = (value / unit, value % unit);
        quotient + if rest.abs() * 2 >= unit { value.signum() } else { 0 }
    };
    (super::types::decimal_digits(out.unsigned_abs()) <= 38).then_some(out)
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::Members;

    use super::*;

    #[test]
    fn only_clean_conversions() {
        let cast = |v: Datum, ty: SqlType| cast_datum(&v, &ty).map(|d| d.to_string());
        let s = |t: &str| Datum::string(t);
        let dec = |p, sc| SqlType::Decimal { precision: p, scale: sc };
        assert_eq!(cast(s("12"), SqlType::BIGINT).as_deref(), Some("12"));
        assert_eq!(cast(s("12x"), SqlType::BIGINT), None);
        assert_eq!(cast(Datum::Int(-1), SqlType::BIGINT_UNSIGNED), None);
        assert_eq!(cast(Datum::Int(128), SqlType::BOOL), None);
        assert_eq!(cast(s("2.345"), dec(5, 2)).as_deref(), Some("2.35"));
        assert_eq!(cast(s("-2.345"), dec(5, 2)).as_deref(), Some("-2.35"));
        assert_eq!(cast(s("1234.5"), dec(4, 1)), None);
        assert_eq!(cast(Datum::Double(0.1), dec(5, 3)).as_deref(), Some("0.100"));
        assert_eq!(cast(s("1994-01-01"), SqlType::Date).as_deref(), Some("1994-01-01"));
        assert_eq!(
            cast(s("1994-01-01 10:00:00.6"), SqlType::DateTime(0)).as_deref(),
            Some("1994-01-01 10:00:01")
        );
        assert_eq!(cast(s("nope"), SqlType::Date), None);
        assert_eq!(cast(Datum::Date(0), SqlType::BIGINT).as_deref(), Some("19700101"));
        assert_eq!(cast(Datum::DateTime(1_500_000), dec(20, 1)).as_deref(), Some("19700101000001.5"));
        assert_eq!(cast(Datum::Int(19_940_101), SqlType::Date).as_deref(), Some("1994-01-01"));
        assert_eq!(cast(s("abc"), SqlType::varchar(2)), None);
        assert_eq!(cast(s("inf"), SqlType::Double), None);
        assert_eq!(cast(s("0"), SqlType::Year), None);
        let members = || Members::new(["a", "b"]);
        assert_eq!(cast(s("b"), SqlType::Enum(members())).as_deref(), Some("2"));
        assert_eq!(cast(s("2"), SqlType::Enum(members())).as_deref(), Some("2"));
        assert_eq!(cast(s("c"), SqlType::Enum(members())), None);
        assert_eq!(cast(Datum::Int(0), SqlType::Enum(members())), None);
        assert_eq!(cast(s("b,a"), SqlType::Set(members())).as_deref(), Some("3"));
        assert_eq!(cast(Datum::Int(4), SqlType::Set(members())), None);
        assert_eq!(cast(s("A"), SqlType::Bit(7)).as_deref(), Some("65"));
        assert_eq!(cast(Datum::Int(-1), SqlType::Bit(64)).as_deref(), Some("18446744073709551615"));
        assert_eq!(cast(Datum::Int(8), SqlType::Bit(3)), None);
        assert_eq!(number_of_bytes(&[0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(number_of_bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 2]), Some(258));
        assert_eq!(printed(&Datum::UInt(3), &SqlType::Set(members())), Some(s("a,b")));
        assert_eq!(printed(&Datum::UInt(3), &SqlType::BIGINT_UNSIGNED), None);
    }
}

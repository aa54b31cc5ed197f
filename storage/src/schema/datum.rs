//! One value of any SQL type: constants, key bounds, statistics, defaults, parameters.
//!
//! Rows never travel as datums; batches of Arrow columns do. A datum is for the places where there is one value.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::{civil_from_days, unpadded};

/// One SQL value. `PartialEq` is structural: `Int(1)` and `Decimal { value: 10, scale: 1 }` differ, and so do texts with more
/// or fewer blanks at the end; NULL equals NULL, NaN equals itself. SQL comparison is `Datum::compare`.
#[derive(Clone, Debug)]
pub enum Datum {
    /// NULL.
    Null,
    /// Any signed integer, BOOL, YEAR.
    Int(i64),
    /// Any unsigned integer.
    UInt(u64),
    /// FLOAT, DOUBLE.
    Double(f64),
    /// `value` x 10^-`scale`.
    Decimal {
        /// The digits, without the point.
        value: i128,
        /// Digits after the point.
        scale: u8,
    },
    /// CHAR, VARCHAR, TEXT.
    String(Arc<str>),
    /// BINARY, VARBINARY, BLOB.
    Bytes(Arc<[u8]>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01 00:00:00, without a time zone.
    DateTime(i64),
    /// Microseconds; may be negative.
    Time(i64),
}

/// The families of datums; values of one family compare with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DatumKey {
    /// NULL sorts first, as MySQL and TiDB order it.
    Null,
    /// Int, UInt, Double, Decimal.
    Number,
    /// String, Bytes.
    Bytes,
    /// Date, DateTime.
    DateTime,
    /// Time.
    Time,
}

impl Datum {
    /// A string datum.
    pub fn string(s: impl Into<Arc<str>>) -> Datum {
        Datum::String(s.into())
    }

    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null)
    }

    /// Whether it is a number below zero.
    pub fn is_negative(&self) -> bool {
        match self {
            Datum::Int(v) => *v < 0,
            Datum::Double(v) => *v < 0.0,
            Datum::Decimal { value, .. } => *value < 0,
            _ => false,
        }
    }

    /// Its family.
    pub fn family(&self) -> DatumKey {
        match self {
            Datum::Null => DatumKey::Null,
            Datum::Int(_) | Datum::UInt(_) | Datum::Double(_) | Datum::Decimal { .. } => DatumKey::Number,
            Datum::String(_) | Datum::Bytes(_) => DatumKey::Bytes,
            Datum::Date(_) | Datum::DateTime(_) => DatumKey::DateTime,
            Datum::Time(_) => DatumKey::Time,
        }
    }

    /// Number as a double; `None` outside the number family.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Datum::Int(v) => Some(*v as f64),
            Datum::UInt(v) => Some(*v as f64),
            Datum::Double(v) => Some(*v),
            Datum::Decimal { value, scale } => Some(nearest_double(*value, *scale)),
            Datum::Null
            | Datum::String(_)
            | Datum::Bytes(_)
            | Datum::Date(_)
            | Datum::DateTime(_)
            | Datum::Time(_) => None,
        }
    }

    /// Total order over all datums: by family, then by value within it (numbers by value across their forms, strings by
    /// bytes, texts without the blanks at their end, dates and datetimes on one time line). NULL is least. Never an error, never
    /// partial: NaN is the greatest number.
    pub fn compare(&self, other: &Datum) -> Ordering {
        const DAY_US: i128 = 86_400_000_000;
        fn exact(d: &Datum) -> Option<(i128, u8)> {
            match d {
                Datum::Int(v) => Some((i128::from(*v), 0)),
                Datum::UInt(v) => Some((i128::from(*v), 0)),
                Datum::Decimal { value, scale } => Some((*value, *scale)),
                _ => None,
            }
        }
        let by_family = self.family().cmp(&other.family());
        if by_family != Ordering::Equal {
            return by_family;
        }
        match (self, other) {
            (Datum::Null, _) => Ordering::Equal,
            (Datum::Date(a), Datum::Date(b)) => a.cmp(b),
            (Datum::Date(a), Datum::DateTime(b)) => (i128::from(*a) * DAY_US).cmp(&i128::from(*b)),
            (Datum::DateTime(a), Datum::Date(b)) => i128::from(*a).cmp(&(i128::from(*b) * DAY_US)),
            (Datum::DateTime(a) | Datum::Time(a), Datum::DateTime(b) | Datum::Time(b)) => a.cmp(b),
            (Datum::String(_) | Datum::Bytes(_), _) => self.compared_bytes().cmp(other.compared_bytes()),
            _ => match (exact(self), exact(other)) {
                (Some((a, sa)), Some((b, sb))) => compare_scaled(a, sa, b, sb),
                _ => {
                    let (a, b) = (self.as_f64().unwrap_or(f64::NAN), other.as_f64().unwrap_or(f64::NAN));
                    // -0.0 equals 0.0; NaN sorts last and equals itself.
                    if a == b { Ordering::Equal } else { a.total_cmp(&b) }
                }
            },
        }
    }

    /// What of a text or a byte string counts in comparisons.
    fn compared_bytes(&self) -> &[u8] {
        match self {
            Datum::String(s) => unpadded(s.as_bytes()),
            Datum::Bytes(b) => b,
            _ => &[],
        }
    }
}

/// The double that is nearest to value x 10^-scale.
pub fn nearest_double(value: i128, scale: u8) -> f64 {
    // Up to these both are doubles themselves, and their quotient is the nearest one.
    const SCALE_MAX: u8 = 22;
    const VALUE_MAX: u128 = 1 << f64::MANTISSA_DIGITS;
    if scale == 0 || (scale <= SCALE_MAX && value.unsigned_abs() <= VALUE_MAX) {
        return value as f64 / 10f64.powi(i32::from(scale));
    }
    // Texts are read as the nearest one, and this is one that can be read.
    format!("{value}e-{scale}").parse().unwrap_or(0.0)
}

/// a x 10^-sa against b x 10^-sb, without overflow.
fn compare_scaled(a: i128, sa: u8, b: i128, sb: u8) -> Ordering {
    let scale = sa.max(sb);
    let up = |v: i128, by: u8| 10i128.checked_pow(u32::from(by)).and_then(|p| v.checked_mul(p));
    match (up(a, scale - sa), up(b, scale - sb)) {
        (Some(a), Some(b)) => a.cmp(&b),
        // Only the one that overflowed can be that large: its sign decides.
        (None, Some(_)) => a.cmp(&0),
        (Some(_), None) => 0.cmp(&b),
        (None, None) => (a as f64 / 10f64.powi(sa as i32)).total_cmp(&(b as f64 / 10f64.powi(sb as i32))),
    }
}

impl PartialEq for Datum {
    fn eq(&self, other: &Datum) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.compare(other) == Ordering::Equal
            && match (self, other) {
                (Datum::Decimal { scale: a, .. }, Datum::Decimal { scale: b, .. }) => a == b,
                (Datum::String(a), Datum::String(b)) => a == b,
                _ => true,
            }
    }
}

impl Eq for Datum {}

/// As MySQL prints the value; strings bare.
impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Datum::Null => write!(f, "NULL"),
            Datum::Int(v) => write!(f, "{v}"),
            Datum::UInt(v) => write!(f, "{v}"),
            Datum::Double(v) => write!(f, "{v}"),
            Datum::Decimal { value, scale: 0 } => write!(f, "{value}"),
            Datum::Decimal { value, scale } => {
                let digits = format!("{:0width$}", value.unsigned_abs(), width = usize::from(*scale) + 1);
                let (whole, fraction) = digits.split_at(digits.len() - usize::from(*scale));
                write!(f, "{}{whole}.{fraction}", if *value < 0 { "-" } else { "" })
            }
            Datum::String(s) => write!(f, "{s}"),
            Datum::Bytes(b) => write!(f, "{}", String::from_utf8_lossy(b)),
            Datum::Date(days) => {
                let (y, m, d) = civil_from_days(i64::from(*days));
                write!(f, "{y:04}-{m:02}-{d:02}")
            }
            Datum::DateTime(us) => {
                let days = us.div_euclid(86_400_000_000);
                let (y, m, d) = civil_from_days(days);
                write!(f, "{y:04}-{m:02}-{d:02} ")?;
                clock(f, us.rem_euclid(86_400_000_000))
            }
            Datum::Time(us) => {
                write!(f, "{}", if *us < 0 { "-" } else { "" })?;
                clock(f, us.saturating_abs())
            }
        }
    }
}

fn clock(f: &mut fmt::Formatter<'_>, us: i64) -> fmt::Result {
    let s = us / 1_000_000;
    write!(f, "{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)?;
    match us % 1_000_000 {
        0 => Ok(()),
        fraction => write!(f, ".{fraction:06}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{FIRST_DAY, ZERO_DATE, ZERO_DATETIME};

    #[test]
    fn numbers_compare_by_value_across_forms() {
        let d = |value, scale| Datum::Decimal { value, scale };
        assert_eq!(Datum::Int(1).compare(&d(10, 1)), Ordering::Equal);
        assert_ne!(Datum::Int(1), d(10, 1));
        assert_eq!(Datum::UInt(u64::MAX).compare(&Datum::Int(-1)), Ordering::Greater);
        assert_eq!(d(i128::MAX, 0).compare(&d(1, 30)), Ordering::Greater);
        assert_eq!(Datum::Double(-0.0).compare(&Datum::Int(0)), Ordering::Equal);
        assert_eq!(Datum::Null.compare(&Datum::Int(i64::MIN)), Ordering::Less);
        assert_eq!(Datum::Date(1).compare(&Datum::DateTime(86_400_000_000)), Ordering::Equal);
    }

    #[test]
    fn blanks_at_the_end_of_a_text_count_for_what_it_is_and_not_where_it_stands() {
        let (short, long) = (Datum::string("a"), Datum::string("a  "));
        assert_eq!(short.compare(&long), Ordering::Equal);
        assert_ne!(short, long);
        assert_eq!(long.compare(&Datum::string("a\t")), Ordering::Less);
        assert_eq!(Datum::Bytes(b"a"[..].into()).compare(&Datum::Bytes(b"a "[..].into())), Ordering::Less);
    }

    #[test]
    fn prints_as_mysql_does() {
        assert_eq!(Datum::Decimal { value: -5, scale: 2 }.to_string(), "-0.05");
        assert_eq!(Datum::Date(0).to_string(), "1970-01-01");
        assert_eq!(Datum::Date(ZERO_DATE).to_string(), "0000-00-00");
        assert_eq!(Datum::Date(FIRST_DAY).to_string(), "0000-01-01");
        assert_eq!(Datum::DateTime(ZERO_DATETIME).to_string(), "0000-00-00 00:00:00");
        assert_eq!(Datum::Date(-719_468).to_string(), "0000-03-01");
        assert_eq!(Datum::DateTime(-1).to_string(), "1969-12-31 23:59:59.999999");
        assert_eq!(Datum::Time(-3_600_000_000).to_string(), "-01:00:00");
    }
}

//! Result types: which family operands agree on, and how many digits a result has.

use allod_storage::schema::{DECIMAL_PRECISION_MAX, DECIMAL_SCALE_MAX, Datum, IntWidth, SqlType};

use super::Expr;

/// What kernels tell apart. Values of one family have one representation, up to the scale of decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A bare NULL, or a column of nothing but NULLs ([`NULL_TYPE`]).
    Null,
    /// Signed integers, YEAR.
    Int,
    /// Unsigned integers.
    UInt,
    /// Decimals.
    Decimal,
    /// FLOAT, DOUBLE.
    Double,
    /// Character strings.
    String,
    /// Byte strings.
    Binary,
    /// DATE.
    Date,
    /// DATETIME, TIMESTAMP.
    DateTime,
    /// TIME.
    Time,
    /// ENUM and SET: unsigned numbers that read as text. Two operands of one comparison are of one type.
    Choice,
    /// JSON documents, in bytes of their own.
    Json,
}

impl Family {
    /// The family of a type.
    pub fn of(ty: &SqlType) -> Family {
        match ty {
            SqlType::Null | SqlType::Binary(0) => Family::Null,
            SqlType::Int { unsigned: false, .. } | SqlType::Year => Family::Int,
            SqlType::Int { unsigned: true, .. } | SqlType::Bit(_) => Family::UInt,
            SqlType::Float | SqlType::Double => Family::Double,
            SqlType::Decimal { .. } => Family::Decimal,
            SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..) => Family::String,
            SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_) => Family::Binary,
            SqlType::Date => Family::Date,
            SqlType::DateTime(_) | SqlType::Timestamp(_) => Family::DateTime,
            SqlType::Time(_) => Family::Time,
            SqlType::Enum(_) | SqlType::Set(_) => Family::Choice,
            SqlType::Json => Family::Json,
        }
    }

    /// Integers, decimals, doubles.
    pub fn is_number(self) -> bool {
        matches!(self, Family::Int | Family::UInt | Family::Decimal | Family::Double)
    }

    /// Dates, datetimes, times.
    pub fn is_temporal(self) -> bool {
        matches!(self, Family::Date | Family::DateTime | Family::Time)
    }

    /// Character or byte strings.
    pub fn is_text(self) -> bool {
        matches!(self, Family::String | Family::Binary)
    }

    /// How signatures of functions over this family are named: `EQInt`.
    pub fn suffix(self) -> &'static str {
        match self {
            Family::Null | Family::Int => "Int",
            Family::UInt | Family::Choice => "UInt",
            Family::Decimal => "Decimal",
            Family::Double => "Real",
            Family::String | Family::Binary => "String",
            Family::Date | Family::DateTime => "Time",
            Family::Time => "Duration",
            Family::Json => "JSON",
        }
    }
}

/// The type of a result column that is NULL in every row; MySQL says the same, BINARY(0).
pub const NULL_TYPE: SqlType = SqlType::Binary(0);

/// DECIMAL(precision, scale) within MySQL's limits.
pub fn decimal(precision: u32, scale: u32) -> SqlType {
    let scale = scale.min(u32::from(DECIMAL_SCALE_MAX));
    let precision = precision.max(scale).max(1).min(u32::from(DECIMAL_PRECISION_MAX));
    SqlType::Decimal { precision: precision as u8, scale: scale as u8 }
}

/// DECIMAL(precision, scale) within the limit of digits, however many of them are behind the point.
pub(super) fn decimal_of(precision: u32, scale: u32) -> SqlType {
    let precision = precision.max(scale).clamp(1, u32::from(DECIMAL_PRECISION_MAX));
    // A scale is at most the precision, which is below 65.
    SqlType::Decimal { precision: precision as u8, scale: scale.min(precision) as u8 }
}

/// DECIMAL that holds every BIGINT, signed or not.
pub const BOTH_INTEGERS: SqlType = SqlType::Decimal { precision: 20, scale: 0 };

/// Digits before and after the point that an exact number needs; for a constant integer, of its value.
pub fn digits(expr: &Expr) -> (u32, u32) {
    if let Expr::Constant { value, .. } = expr {
        match value {
            Datum::Int(v) => return (decimal_digits(u128::from(v.unsigned_abs())), 0),
            Datum::UInt(v) => return (decimal_digits(u128::from(*v)), 0),
            _ => {}
        }
    }
    type_digits(&expr.ty().sql)
}

/// Digits before and after the point of an exact type.
pub fn type_digits(ty: &SqlType) -> (u32, u32) {
    match ty {
        SqlType::Decimal { precision, scale } => (u32::from(*precision - *scale), u32::from(*scale)),
        SqlType::Int { width, unsigned } => {
            let digits = match width {
                IntWidth::Tiny => 3,
                IntWidth::Small => 5,
                IntWidth::Medium => 8,
                IntWidth::Int => 10,
                IntWidth::Big if *unsigned => 20,
                IntWidth::Big => 19,
            };
            (digits, 0)
        }
        SqlType::Year => (4, 0),
        // 2^n - 1 has at most this many; log10 of 2 is 0.30103.
        SqlType::Bit(bits) => (u32::from(*bits) * 30_103 / 100_000 + 1, 0),
        SqlType::Date => (8, 0),
        SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) => (14, u32::from(*fsp)),
        SqlType::Time(fsp) => (7, u32::from(*fsp)),
        _ => (1, 0),
    }
}

/// Number of decimal digits, at least 1.
pub fn decimal_digits(v: u128) -> u32 {
    v.checked_ilog10().map_or(1, |l| l + 1)
}

/// The most characters that the value prints as.
pub fn text_length(ty: &SqlType) -> u32 {
    match ty {
        SqlType::Null => 0,
        SqlType::Char(n, _) | SqlType::VarChar(n, _) | SqlType::Binary(n) | SqlType::VarBinary(n) => *n,
        SqlType::Text(n, _) | SqlType::Blob(n) => *n,
        SqlType::Int { .. } => type_digits(ty).0 + 1,
        SqlType::Year => 4,
        SqlType::Float | SqlType::Double => 23,
        SqlType::Decimal { precision, .. } => u32::from(*precision) + 2,
        SqlType::Date => 10,
        SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) => 19 + fraction_length(*fsp),
        SqlType::Time(fsp) => 10 + fraction_length(*fsp),
        SqlType::Enum(members) => members.enum_length(),
        SqlType::Set(members) => members.set_length(),
        // Its bytes.
        SqlType::Bit(bits) => u32::from(bits.div_ceil(8)),
        SqlType::Json => u32::MAX,
    }
}

fn fraction_length(fsp: u8) -> u32 {
    if fsp == 0 { 0 } else { u32::from(fsp) + 1 }
}

/// A string type for this many characters.
pub fn string(length: u32) -> SqlType {
    // A VARCHAR holds 65,535 bytes, four to a character.
    if length <= 16_383 { SqlType::varchar(length) } else { SqlType::text(u32::MAX) }
}

/// A byte string type for this many bytes.
pub fn binary(length: u32) -> SqlType {
    if length <= 65_535 { SqlType::VarBinary(length.max(1)) } else { SqlType::Blob(u32::MAX) }
}

/// The type that all the values can be cast to: branches of CASE, arguments of COALESCE, columns of UNION. `None` if
/// every one is a bare NULL.
pub fn common(types: &[&SqlType]) -> Option<SqlType> {
    let mut out: Option<SqlType> = None;
    let known = || types.iter().filter(|ty| Family::of(ty) != Family::Null);
    let numbers = known().all(|ty| Family::of(ty).is_number());
    for ty in known() {
        let ty = match ty {
            // What is taken from columns of several members is text; beside what is no number bits are bytes.
            choice if choice.is_choice() => string(text_length(choice)),
            bits @ SqlType::Bit(_) if !numbers => SqlType::VarBinary(text_length(bits)),
            other => (*other).clone(),
        };
        out = Some(match out {
            None => ty,
            Some(so_far) => common_of_two(&so_far, &ty),
        });
    }
    out
}

fn common_of_two(a: &SqlType, b: &SqlType) -> SqlType {
    if a == b {
        return a.clone();
    }
    let (fa, fb) = (Family::of(a), Family::of(b));
    // A document beside what is none: both are text.
    if fa == Family::Json || fb == Family::Json {
        return SqlType::text(u32::MAX);
    }
    let fsp = |t: &SqlType| match t {
        SqlType::DateTime(n) | SqlType::Timestamp(n) | SqlType::Time(n) => *n,
        _ => 0,
    };
    match (fa, fb) {
        (Family::Int, Family::Int) | (Family::UInt, Family::UInt) => {
            let width = |t: &SqlType| match t {
                SqlType::Int { width, .. } => *width,
                SqlType::Bit(_) => IntWidth::Big,
                _ => IntWidth::Small,
            };
            SqlType::Int { width: width(a).max(width(b)), unsigned: fa == Family::UInt }
        }
        (Family::Double, _) if fb.is_number() => SqlType::Double,
        (_, Family::Double) if fa.is_number() => SqlType::Double,
        _ if fa.is_number() && fb.is_number() => {
            let ((wa, sa), (wb, sb)) = (type_digits(a), type_digits(b));
            decimal(wa.max(wb) + sa.max(sb), sa.max(sb))
        }
        (Family::Date | Family::DateTime, Family::Date | Family::DateTime) => {
            SqlType::DateTime(fsp(a).max(fsp(b)))
        }
        (Family::Time, Family::Time) => SqlType::Time(fsp(a).max(fsp(b))),
        _ if fa.is_temporal() && fb.is_temporal() => SqlType::DateTime(fsp(a).max(fsp(b))),
        _ if fa == Family::Binary || fb == Family::Binary => match text_length(a).max(text_length(b)) {
            n if n <= 65_535 => SqlType::VarBinary(n),
            _ => SqlType::Blob(u32::MAX),
        },
        _ => match (a, b) {
            (SqlType::Text(x, _), SqlType::Text(y, _)) => SqlType::text(*x.max(y)),
            (SqlType::Text(x, _), _) | (_, SqlType::Text(x, _)) => SqlType::text(*x),
            _ => string(text_length(a).max(text_length(b))),
        },
    }
}

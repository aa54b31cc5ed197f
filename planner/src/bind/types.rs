//! Types as written to types as meant.

use allod_storage::schema::{
    DECIMAL_PRECISION_MAX, DECIMAL_SCALE_MAX, ENUM_MEMBERS_MAX, FloatDigits, IntWidth, Members,
    SET_MEMBERS_MAX, SqlType,
};
use sqlparser::ast::{BinaryLength, CharacterLength, DataType, EnumMember, ExactNumberInfo};

use super::binder::place;
use crate::error::Error;
use crate::expr::{Expr, types};

/// The type of a column definition.
pub(super) fn column_type(ty: &DataType, column: &str) -> Result<SqlType, Error> {
    let int = |width, unsigned| Ok(SqlType::Int { width, unsigned });
    let fsp = |n: &Option<u64>| match n.unwrap_or(0) {
        n @ 0..=6 => Ok(n as u8),
        n => Err(too_big("precision", n, column, 6)),
    };
    match ty {
        DataType::TinyInt(_) => int(IntWidth::Tiny, false),
        DataType::TinyIntUnsigned(_) => int(IntWidth::Tiny, true),
        DataType::Bool | DataType::Boolean => Ok(SqlType::BOOL),
        DataType::SmallInt(_) | DataType::Int2(_) => int(IntWidth::Small, false),
        DataType::SmallIntUnsigned(_) | DataType::Int2Unsigned(_) => int(IntWidth::Small, true),
        DataType::MediumInt(_) => int(IntWidth::Medium, false),
        DataType::MediumIntUnsigned(_) => int(IntWidth::Medium, true),
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => int(IntWidth::Int, false),
        DataType::IntUnsigned(_) | DataType::IntegerUnsigned(_) | DataType::Int4Unsigned(_) => {
            int(IntWidth::Int, true)
        }
        DataType::BigInt(_) | DataType::Int8(_) | DataType::SignedInteger | DataType::Signed => {
            int(IntWidth::Big, false)
        }
        DataType::BigIntUnsigned(_)
        | DataType::Int8Unsigned(_)
        | DataType::UnsignedInteger
        | DataType::Unsigned => int(IntWidth::Big, true),
        DataType::Float(ExactNumberInfo::PrecisionAndScale(precision, scale))
        | DataType::FloatUnsigned(ExactNumberInfo::PrecisionAndScale(precision, scale))
        | DataType::DoubleUnsigned(ExactNumberInfo::PrecisionAndScale(precision, scale))
        | DataType::Double(ExactNumberInfo::PrecisionAndScale(precision, scale))
            if i64::try_from(*precision).is_ok_and(|precision| precision < *scale) =>
        {
            Err(Error::ScaleAbovePrecision(column.into()))
        }
        DataType::Float(info) | DataType::FloatUnsigned(info) => match info {
            // FLOAT(p): above 24 bits it is a double.
            ExactNumberInfo::Precision(25..) => Ok(SqlType::Double),
            _ => Ok(SqlType::Float),
        },
        DataType::Float4 => Ok(SqlType::Float),
        DataType::Double(_)
        | DataType::DoubleUnsigned(_)
        | DataType::DoublePrecision
        | DataType::DoublePrecisionUnsigned
        | DataType::Real
        | DataType::RealUnsigned
        | DataType::Float8 => Ok(SqlType::Double),
        DataType::Decimal(info)
        | DataType::DecimalUnsigned(info)
        | DataType::Numeric(info)
        | DataType::Dec(info)
        | DataType::DecUnsigned(info) => decimal(info, column),
        DataType::Char(n) | DataType::Character(n) => Ok(SqlType::char(char_length(n, 1, 255, column)?)),
        DataType::Varchar(n)
        | DataType::CharacterVarying(n)
        | DataType::CharVarying(n)
        | DataType::Nvarchar(n) => match n {
            None => Err(Error::syntax(format!("VARCHAR of column '{column}' needs a length"), None)),
            n => Ok(SqlType::varchar(char_length(n, 1, 16_383, column)?)),
        },
        DataType::TinyText => Ok(SqlType::text(255)),
        DataType::Text => Ok(SqlType::text(65_535)),
        DataType::MediumText => Ok(SqlType::text(16_777_215)),
        DataType::LongText => Ok(SqlType::text(u32::MAX)),
        DataType::Binary(n) => match n.unwrap_or(1) {
            // It holds as much as this one, and is no NULL.
            0 => Ok(SqlType::VarBinary(0)),
            n @ 1..=255 => Ok(SqlType::Binary(n as u32)),
            n => Err(too_big("length", n, column, 255)),
        },
        DataType::Varbinary(Some(BinaryLength::IntegerLength { length })) => match *length {
            n @ 0..=65_535 => Ok(SqlType::VarBinary(n as u32)),
            n => Err(too_big("length", n, column, 65_535)),
        },
        DataType::TinyBlob => Ok(SqlType::Blob(255)),
        DataType::Blob(None) => Ok(SqlType::Blob(65_535)),
        DataType::Blob(Some(n)) => Ok(SqlType::Blob(lob_bytes(*n))),
        DataType::MediumBlob => Ok(SqlType::Blob(16_777_215)),
        DataType::LongBlob => Ok(SqlType::Blob(u32::MAX)),
        DataType::Date => Ok(SqlType::Date),
        DataType::Datetime(n) => fsp(n).map(SqlType::DateTime),
        DataType::Timestamp(n, _) => fsp(n).map(SqlType::Timestamp),
        DataType::Time(n, _) => fsp(n).map(SqlType::Time),
        DataType::Custom(name, _) if name.to_string().eq_ignore_ascii_case("year") => Ok(SqlType::Year),
        DataType::Custom(name, length) if name.to_string().eq_ignore_ascii_case("text") => {
            match length.as_slice() {
                // The smallest type that holds so many characters.
                [n] => Ok(SqlType::text(lob_bytes(n.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(4)))),
                _ => Err(Error::syntax("expected TEXT(n)", None)),
            }
        }
        DataType::Bit(n) => match n.unwrap_or(1) {
            0 => Err(Error::InvalidSize(column.into())),
            n @ 1..=64 => Ok(SqlType::Bit(n as u8)),
            _ => Err(Error::TooBigDisplayWidth { column: column.into(), max: 64 }),
        },
        DataType::Enum(written, _) => {
            let names = written.iter().map(|member| match member {
                EnumMember::Name(name) | EnumMember::NamedValue(name, _) => name.as_str(),
            });
            members("ENUM", names, ENUM_MEMBERS_MAX, column).map(SqlType::Enum)
        }
        DataType::Set(written) => {
            let names = written.iter().map(String::as_str);
            let members = members("SET", names, SET_MEMBERS_MAX, column)?;
            let comma = members.iter().find(|m| m.contains(',')).map(String::from);
            match comma {
                Some(value) => Err(Error::IllegalLiteral { kind: "set", value }),
                None => Ok(SqlType::Set(members)),
            }
        }
        DataType::JSON => Ok(SqlType::Json),
        DataType::Custom(name, _) => {
            Err(Error::syntax(format!("unknown type '{name}' of column '{column}'"), place(name)))
        }
        other => Err(Error::NotSupported(format!("the type {other} of column '{column}'"))),
    }
}

/// The digits that a FLOAT or DOUBLE is declared with.
pub(super) fn float_digits(ty: &DataType, column: &str) -> Result<Option<FloatDigits>, Error> {
    let (DataType::Float(info)
    | DataType::FloatUnsigned(info)
    | DataType::Double(info)
    | DataType::DoubleUnsigned(info)) = ty
    else {
        return Ok(None);
    };
    let ExactNumberInfo::PrecisionAndScale(precision, scale) = *info else { return Ok(None) };
    let scale = u64::try_from(scale).unwrap_or(0);
    if scale > u64::from(DECIMAL_SCALE_MAX) {
        return Err(too_big("scale", scale, column, u64::from(DECIMAL_SCALE_MAX)));
    }
    let width = || Error::TooBigDisplayWidth { column: column.into(), max: u8::MAX.into() };
    let precision = u8::try_from(precision).map_err(|_| width())?;
    Ok(Some(FloatDigits { precision, scale: scale as u8 }))
}

/// Whether it is the type by which clients know a boolean: BOOL, TINYINT(1).
pub(super) fn is_boolean(ty: &DataType) -> bool {
    matches!(ty, DataType::Bool | DataType::Boolean | DataType::TinyInt(Some(1)))
}

/// UNSIGNED of a type that has negative values all the same: the column refuses them ([`ColumnDef::unsigned`]).
///
/// [`ColumnDef::unsigned`]: allod_storage::schema::ColumnDef::unsigned
pub(super) fn takes_no_negatives(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::FloatUnsigned(_)
            | DataType::DoubleUnsigned(_)
            | DataType::DoublePrecisionUnsigned
            | DataType::RealUnsigned
            | DataType::DecimalUnsigned(_)
            | DataType::DecUnsigned(_)
    )
}

/// The type of CAST(expr AS …).
pub(super) fn cast_type(ty: &DataType, expr: &Expr) -> Result<SqlType, Error> {
    let length = types::text_length(&expr.ty().sql);
    match ty {
        DataType::Char(None) | DataType::Character(None) | DataType::Text => Ok(types::string(length)),
        DataType::Char(n) | DataType::Character(n) => match n {
            Some(CharacterLength::IntegerLength { length, .. }) => {
                Ok(types::string(u32::try_from(*length).unwrap_or(u32::MAX)))
            }
            _ => Ok(types::string(length)),
        },
        // A CHAR like any other.
        DataType::Custom(name, written) if name.to_string().eq_ignore_ascii_case("nchar") => {
            let written = written.first().and_then(|n| n.parse().ok());
            Ok(types::string(written.unwrap_or(length)))
        }
        DataType::Binary(None) => Ok(SqlType::VarBinary(length.saturating_mul(4).max(1))),
        DataType::Binary(Some(n)) => Ok(SqlType::Binary(u32::try_from(*n).unwrap_or(u32::MAX))),
        DataType::Decimal(ExactNumberInfo::None) => Ok(types::decimal(10, 0)),
        // Nothing is rounded, as in TiDB.
        DataType::Float(_) | DataType::Float4 => Ok(SqlType::Double),
        other => column_type(other, "CAST"),
    }
}

/// The members of an ENUM or a SET.
fn members<'a>(
    kind: &'static str,
    written: impl Iterator<Item = &'a str>,
    most: usize,
    column: &str,
) -> Result<Members, Error> {
    let members = Members::new(written);
    if let Some(value) = members.repeated() {
        return Err(Error::DuplicatedMember { column: column.into(), value: value.into(), kind });
    }
    if members.len() > most {
        return Err(Error::TooManyMembers(column.into()));
    }
    Ok(members)
}

fn decimal(info: &ExactNumberInfo, column: &str) -> Result<SqlType, Error> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => (10, 0),
        ExactNumberInfo::Precision(0) => (10, 0),
        ExactNumberInfo::Precision(p) => (*p, 0),
        ExactNumberInfo::PrecisionAndScale(p, s) => (*p, u64::try_from(*s).unwrap_or(0)),
    };
    if scale > u64::from(DECIMAL_SCALE_MAX) {
        return Err(too_big("scale", scale, column, u64::from(DECIMAL_SCALE_MAX)));
    }
    if precision > u64::from(DECIMAL_PRECISION_MAX) {
        return Err(too_big("precision", precision, column, u64::from(DECIMAL_PRECISION_MAX)));
    }
    if scale > precision {
        return Err(Error::ScaleAbovePrecision(column.into()));
    }
    Ok(types::decimal(precision as u32, scale as u32))
}

/// The most bytes of the smallest TEXT or BLOB that holds so many.
fn lob_bytes(bytes: u64) -> u32 {
    match bytes {
        0..=0xff => 0xff,
        0x100..=0xffff => 0xffff,
        0x1_0000..=0xff_ffff => 0xff_ffff,
        _ => u32::MAX,
    }
}

fn char_length(n: &Option<CharacterLength>, default: u32, max: u64, column: &str) -> Result<u32, Error> {
    match n {
        None => Ok(default),
        Some(CharacterLength::IntegerLength { length, .. }) if *length <= max => Ok(*length as u32),
        Some(CharacterLength::IntegerLength { length, .. }) => Err(too_big("length", *length, column, max)),
        Some(CharacterLength::Max) => Err(Error::NotSupported("a length of MAX".into())),
    }
}

fn too_big(what: &'static str, given: u64, column: &str, max: u64) -> Error {
    Error::TooBig { what, given, column: column.into(), max }
}

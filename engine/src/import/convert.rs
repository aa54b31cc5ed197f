//! Columns from elsewhere as columns of a table: types as the store holds them, values as the declared types allow.
//!
//! What is stored is what INSERT would store. Where a file's column is nothing else in Arrow's eyes either, which is nearly always so,
//! it goes the short way; what does not, and every value that there is something to be said of, goes through the assignment
//! that INSERT has.

use std::sync::Arc;

use allod_planner::bind::bind_stored;
use allod_planner::zone::Zone;
use arrow::array::{Array, ArrayRef, AsArray, BinaryViewBuilder, Decimal64Array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Decimal64Type, Decimal128Type, Float64Type, Int64Type, TimeUnit, UInt64Type,
};
use arrow::error::ArrowError;

use allod_storage::schema::json::{encode, parse_json};
use allod_storage::schema::{Charset, ColumnDef, ColumnType, IntWidth, SqlType};

use crate::error::{Error, Result, code};

/// The column as the store holds it; `zone`: of clocks whose times a TIMESTAMP is made of.
pub(super) fn to_column(array: &ArrayRef, column: &ColumnDef, zone: Zone) -> Result<ArrayRef> {
    let array = match &column.ty.sql {
        SqlType::Json if is_text(array.data_type()) => documents(array, column)?,
        _ => match as_it_is(array, column)? {
            Some(array) => array,
            None => as_inserted(array, column, zone)?,
        },
    };
    if !column.ty.nullable && array.null_count() > 0 {
        let message = format!("column '{}' cannot be null", column.name);
        return Err(Error::new(code::COLUMN_NOT_NULL, message));
    }
    Ok(array)
}

/// The column as Arrow makes it, if that is what INSERT would make of every value.
fn as_it_is(array: &ArrayRef, column: &ColumnDef) -> Result<Option<ArrayRef>> {
    let (from, to) = (array.data_type(), column.ty.arrow());
    if column.unsigned || column.digits.is_some() {
        return Ok(None);
    }
    let cast = || {
        let options = CastOptions { safe: false, ..Default::default() };
        cast_with_options(array, &to, &options).ok()
    };
    Ok(match &column.ty.sql {
        SqlType::Int { .. } if from.is_integer() || is_text(from) => {
            let Some(array) = cast() else { return Ok(None) };
            check_range(&array, column)?;
            Some(array)
        }
        SqlType::Decimal { scale, .. } => {
            let array = match from {
                DataType::Decimal128(_, own) if i16::from(*own) == i16::from(*scale) => {
                    narrow(array, &to, column)?
                }
                DataType::Decimal32(_, own) | DataType::Decimal64(_, own)
                    if i16::from(*own) == i16::from(*scale) =>
                {
                    cast()
                }
                from if is_text(from) => cast(),
                _ => None,
            };
            let Some(array) = array else { return Ok(None) };
            check_range(&array, column)?;
            Some(array)
        }
        SqlType::Double if matches!(from, DataType::Float32 | DataType::Float64) || is_text(from) => {
            cast().filter(|array| array.as_primitive::<Float64Type>().values().iter().all(|v| v.is_finite()))
        }
        SqlType::Date if *from == DataType::Date32 || is_text(from) => cast(),
        // Clocks that show as much as the column does.
        SqlType::DateTime(6) if matches!(from, DataType::Timestamp(_, None)) => cast(),
        SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..) if is_text(from) => {
            cast().filter(|array| fits(array, &column.ty.sql))
        }
        SqlType::VarBinary(most) | SqlType::Blob(most) if is_binary(from) => {
            let is_short = |array: &ArrayRef| {
                array.as_binary_view().lengths().all(|bytes| u64::from(bytes) <= u64::from(*most))
            };
            cast().filter(is_short)
        }
        _ => None,
    })
}

/// Whether a column holds these texts as they are.
fn fits(texts: &ArrayRef, ty: &SqlType) -> bool {
    let texts = texts.as_string_view();
    if !matches!(ty.collation().charset(), Charset::Utf8mb4) {
        return false;
    }
    match ty {
        // It has no blanks at the end.
        SqlType::Char(most, _) => {
            texts.iter().flatten().all(|text| !text.ends_with(' ') && is_short(text, *most))
        }
        SqlType::VarChar(most, _) => texts.iter().flatten().all(|text| is_short(text, *most)),
        SqlType::Text(most, _) => texts.lengths().all(|bytes| bytes <= *most),
        _ => false,
    }
}

/// Whether a text has so many characters at most. One of so many bytes has.
fn is_short(text: &str, most: u32) -> bool {
    text.len() <= most as usize || text.chars().count() <= most as usize
}

/// The column as INSERT makes it.
fn as_inserted(array: &ArrayRef, column: &ColumnDef, zone: Zone) -> Result<ArrayRef> {
    let mismatch = |reason: String| {
        let message =
            format!("incorrect values for column '{}' of type {}: {reason}", column.name, column.ty.sql);
        Error::new(code::ASSIGN_INCORRECT, message)
    };
    let kind = array.data_type();
    let from = column_type(kind, true).map(|ty| ty.sql);
    let from = from.filter(|_| is_text(kind) || !is_text(&column.ty.arrow()));
    let Some(from) = from else { return Err(mismatch(format!("the file has {kind}"))) };
    let cast = |array: &ArrayRef, to: &DataType| {
        let options = CastOptions { safe: false, ..Default::default() };
        cast_with_options(array, to, &options).map_err(|error| mismatch(error.to_string()))
    };
    let to = from.arrow();
    let (plain, zone) = match kind {
        // One with a time zone is a moment, and clocks show it in UTC; the zone itself is dropped.
        DataType::Timestamp(_, Some(_)) => {
            let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            (cast(&cast(array, &utc)?, &to)?, Zone::UTC)
        }
        DataType::Time32(_) | DataType::Time64(_) => {
            let whole = cast(&cast(array, &DataType::Time64(TimeUnit::Microsecond))?, &DataType::Int64)?;
            (cast(&whole, &to)?, zone)
        }
        _ => (cast(array, &to)?, zone),
    };
    let stored = bind_stored(from, column, zone)?;
    Ok(allod_executor::stored(&stored, &column.ty.sql, plain)?)
}

/// Texts as documents.
fn documents(array: &ArrayRef, column: &ColumnDef) -> Result<ArrayRef> {
    let texts =
        cast_with_options(array, &DataType::Utf8View, &CastOptions::default()).map_err(Error::internal)?;
    let texts = texts.as_string_view();
    let mut out = BinaryViewBuilder::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        match text.map(parse_json).transpose() {
            Ok(json) => out.append_option(json.map(|json| encode(&json))),
            Err(_) => {
                let message = format!("invalid JSON text for column '{}' at row {}", column.name, row + 1);
                return Err(Error::new(code::INVALID_JSON_TEXT, message));
            }
        }
    }
    Ok(Arc::new(out.finish()))
}

fn is_text(ty: &DataType) -> bool {
    match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

fn is_binary(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
    )
}

/// The generators and most Parquet files hold DECIMAL(15, 2) in 128 bits; narrowing it is worth a loop of its own. `None` = the
/// column has 128 bits, too.
fn narrow(array: &ArrayRef, target: &DataType, column: &ColumnDef) -> Result<Option<ArrayRef>> {
    let wide = array.as_primitive::<Decimal128Type>();
    if !matches!(target, DataType::Decimal64(..)) {
        return Ok(None);
    }
    let narrow = wide.try_unary(|v| i64::try_from(v).map_err(|_| ArrowError::CastError(String::new())));
    let narrow: Decimal64Array = narrow.map_err(|_| {
        Error::new(code::ASSIGN_OUT_OF_RANGE, format!("out of range value for column '{}'", column.name))
    })?;
    Ok(Some(Arc::new(narrow.with_data_type(target.clone()))))
}

/// Whether whole numbers and decimals are within the declared type, which may be narrower than the physical one.
fn check_range(array: &ArrayRef, column: &ColumnDef) -> Result<()> {
    let bad = match &column.ty.sql {
        SqlType::Int { width: IntWidth::Big, .. } => None,
        SqlType::Int { width, unsigned } => {
            let bits = width.bytes() * 8;
            if *unsigned {
                let values = array.as_primitive::<UInt64Type>();
                values.iter().position(|v| v.is_some_and(|v| v >> bits != 0))
            } else {
                let values = array.as_primitive::<Int64Type>();
                let limit = 1i64 << (bits - 1);
                values.iter().position(|v| v.is_some_and(|v| v < -limit || v >= limit))
            }
        }
        SqlType::Decimal { precision, .. } if array.as_primitive_opt::<Decimal64Type>().is_some() => {
            let limit = 10i64.pow(u32::from((*precision).min(18)));
            let values = array.as_primitive::<Decimal64Type>();
            values.iter().position(|v| v.is_some_and(|v| v <= -limit || v >= limit))
        }
        _ => None,
    };
    match bad {
        Some(row) => {
            let message = format!("out of range value for column '{}' at row {}", column.name, row + 1);
            Err(Error::new(code::ASSIGN_OUT_OF_RANGE, message))
        }
        None => Ok(()),
    }
}

/// The column type that holds a file's column: for tables that are made from a file.
pub(super) fn column_type(ty: &DataType, nullable: bool) -> Option<ColumnType> {
    let int = |width, unsigned| SqlType::Int { width, unsigned };
    let sql = match ty {
        DataType::Boolean => SqlType::BOOL,
        DataType::Int8 => int(IntWidth::Tiny, false),
        DataType::Int16 => int(IntWidth::Small, false),
        DataType::Int32 => int(IntWidth::Int, false),
        DataType::Int64 => SqlType::BIGINT,
        DataType::UInt8 => int(IntWidth::Tiny, true),
        DataType::UInt16 => int(IntWidth::Small, true),
        DataType::UInt32 => int(IntWidth::Int, true),
        DataType::UInt64 => SqlType::BIGINT_UNSIGNED,
        DataType::Float16 | DataType::Float32 => SqlType::Float,
        DataType::Float64 => SqlType::Double,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => {
            SqlType::Decimal { precision: *precision, scale: u8::try_from(*scale).ok()? }
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => SqlType::text(65_535),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => SqlType::Blob(65_535),
        DataType::Date32 | DataType::Date64 => SqlType::Date,
        DataType::Timestamp(_, _) => SqlType::DateTime(6),
        DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_) => SqlType::Time(6),
        DataType::Dictionary(_, value) => return column_type(value, nullable),
        _ => return None,
    };
    Some(ColumnType { sql, nullable })
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal128Array, Int32Array, StringArray};

    use super::*;
    use allod_storage::schema::Members;

    fn column(sql: SqlType) -> ColumnDef {
        let ty = ColumnType::not_null(sql);
        ColumnDef::new("c", ty)
    }

    fn convert(array: impl Array + 'static, sql: SqlType) -> Result<ArrayRef> {
        let array: ArrayRef = Arc::new(array);
        to_column(&array, &column(sql), Zone::UTC)
    }

    #[test]
    fn decimals_are_narrowed_and_checked() {
        let wide = |v| Decimal128Array::from(vec![v]).with_data_type(DataType::Decimal128(15, 2));
        let ty = SqlType::Decimal { precision: 5, scale: 2 };
        let narrow = convert(wide(-12345i128), ty.clone()).unwrap();
        assert_eq!(*narrow.data_type(), ty.arrow());
        assert_eq!(convert(wide(100_000i128), ty.clone()).unwrap_err().code(), 1264);
        assert_eq!(convert(wide(i128::MAX), ty).unwrap_err().code(), 1264);
    }

    #[test]
    fn texts_are_parsed_and_measured() {
        let text = |s| StringArray::from(vec![s]);
        assert_eq!(
            convert(text("1998-12-01"), SqlType::Date)
                .unwrap()
                .as_primitive::<arrow::datatypes::Date32Type>()
                .value(0),
            10_561
        );
        assert_eq!(convert(text("x"), SqlType::INT).unwrap_err().code(), 1366);
        assert_eq!(convert(text("ééé"), SqlType::varchar(3)).unwrap().len(), 1);
        assert_eq!(convert(text("éééé"), SqlType::varchar(3)).unwrap_err().code(), 1406);
    }

    #[test]
    fn numbers_keep_to_their_width() {
        let tiny = SqlType::Int { width: IntWidth::Tiny, unsigned: false };
        assert!(convert(Int32Array::from(vec![-128, 127]), tiny.clone()).is_ok());
        let error = convert(Int32Array::from(vec![0, 128]), tiny).unwrap_err();
        assert_eq!((error.code(), error.message()), (1264, "Out of range value for column 'c' at row 2"));
        assert_eq!(convert(Int32Array::from(vec![None]), SqlType::INT).unwrap_err().code(), 1048);
        // A number is no text, whatever Arrow can make of it.
        assert_eq!(convert(Int32Array::from(vec![1]), SqlType::varchar(9)).unwrap_err().code(), 1366);
    }

    #[test]
    fn texts_become_the_numbers_of_members() {
        let text = |s: &str| StringArray::from(vec![s]);
        let choice = SqlType::Enum(Members::new(["a", "b"]));
        let column = convert(text("b"), choice.clone()).unwrap();
        assert_eq!(column.as_primitive::<UInt64Type>().value(0), 2);
        assert_eq!(convert(text("c"), choice.clone()).unwrap_err().code(), 1265);
        assert_eq!(convert(Int32Array::from(vec![3]), choice.clone()).unwrap_err().code(), 1265);
        assert_eq!(convert(Int32Array::from(vec![1]), choice).unwrap().len(), 1);
        let set = SqlType::Set(Members::new(["a", "b"]));
        let column = convert(text("b,a"), set).unwrap();
        assert_eq!(column.as_primitive::<UInt64Type>().value(0), 3);
        assert_eq!(convert(text("1"), SqlType::Bit(4)).unwrap_err().code(), 1406);
    }
}

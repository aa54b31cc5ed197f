//! Columns from elsewhere as columns of a table: types as the store holds them, values as the declared types allow.

use std::sync::Arc;

use allod_planner::expr::cast_datum;
use arrow::array::{Array, ArrayRef, AsArray, BinaryViewBuilder, Decimal64Array, UInt64Builder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Decimal64Type, Decimal128Type, Float64Type, Int64Type, TimeUnit, UInt64Type,
};
use arrow::error::ArrowError;

use allod_storage::schema::json::{encode, parse_json};
use allod_storage::schema::{ColumnDef, ColumnType, Datum, IntWidth, SqlType};

use crate::error::{Error, Result, code};

/// The column as the store holds it.
pub(super) fn to_column(array: &ArrayRef, column: &ColumnDef) -> Result<ArrayRef> {
    let target = column.ty.arrow();
    let array = match &column.ty.sql {
        SqlType::Json => documents(array, column)?,
        _ if *array.data_type() == target => Arc::clone(array),
        SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_) if is_text(array.data_type()) => {
            numbers(array, column)?
        }
        _ => cast(array, &target, column)?,
    };
    if !column.ty.nullable && array.null_count() > 0 {
        let message = format!("column '{}' cannot be null", column.name);
        return Err(Error::new(code::COLUMN_NOT_NULL, message));
    }
    check_range(&array, column)?;
    Ok(array)
}

/// Texts as documents.
fn documents(array: &ArrayRef, column: &ColumnDef) -> Result<ArrayRef> {
    let texts = cast(array, &DataType::Utf8View, column)?;
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

/// Texts as the numbers of members, or as bits.
fn numbers(array: &ArrayRef, column: &ColumnDef) -> Result<ArrayRef> {
    let texts =
        cast_with_options(array, &DataType::Utf8View, &CastOptions::default()).map_err(Error::internal)?;
    let texts = texts.as_string_view();
    let mut out = UInt64Builder::with_capacity(texts.len());
    for row in 0..texts.len() {
        if texts.is_null(row) {
            out.append_null();
            continue;
        }
        match cast_datum(&Datum::string(texts.value(row)), &column.ty.sql) {
            Some(Datum::UInt(number)) => out.append_value(number),
            _ => return Err(no_member(column, row)),
        }
    }
    Ok(Arc::new(out.finish()))
}

/// What INSERT says of such a value.
fn no_member(column: &ColumnDef, row: usize) -> Error {
    let (code, what) = match column.ty.sql {
        SqlType::Bit(_) => (code::ASSIGN_TOO_LONG, "data too long"),
        _ => (code::ASSIGN_TRUNCATED, "data truncated"),
    };
    Error::new(code, format!("{what} for column '{}' at row {}", column.name, row + 1))
}

fn cast(array: &ArrayRef, target: &DataType, column: &ColumnDef) -> Result<ArrayRef> {
    // The generators and most Parquet files hold DECIMAL(15, 2) in 128 bits; narrowing it is worth a loop of its own.
    if let (DataType::Decimal128(_, from), DataType::Decimal64(_, to)) = (array.data_type(), target)
        && from == to
    {
        return narrow(array, target, column);
    }
    let mismatch = |reason: String| {
        let message =
            format!("incorrect values for column '{}' of type {}: {reason}", column.name, column.ty.sql);
        Error::new(code::ASSIGN_INCORRECT, message)
    };
    if is_text(array.data_type()) != is_text(target) && !is_text(array.data_type()) {
        return Err(mismatch(format!("the file has {}", array.data_type())));
    }
    let options = CastOptions { safe: false, ..Default::default() };
    let failed = |error: ArrowError| mismatch(error.to_string());
    // A timestamp with a time zone is that instant in UTC; the time zone itself is dropped.
    let array = match (array.data_type(), target) {
        (DataType::Timestamp(_, Some(_)), DataType::Timestamp(..)) => {
            let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            cast_with_options(array, &utc, &options).map_err(failed)?
        }
        _ => Arc::clone(array),
    };
    cast_with_options(&array, target, &options).map_err(failed)
}

fn is_text(ty: &DataType) -> bool {
    match ty {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

fn narrow(array: &ArrayRef, target: &DataType, column: &ColumnDef) -> Result<ArrayRef> {
    let wide = array.as_primitive::<Decimal128Type>();
    let out_of_range =
        || Error::new(code::ASSIGN_OUT_OF_RANGE, format!("out of range value for column '{}'", column.name));
    let narrow: Decimal64Array = wide
        .try_unary(|v| i64::try_from(v).map_err(|_| ArrowError::CastError(String::new())))
        .map_err(|_| out_of_range())?;
    Ok(Arc::new(narrow.with_data_type(target.clone())))
}

/// Whether a value of a DECIMAL, FLOAT or DOUBLE is below zero.
fn is_negative(array: &ArrayRef, row: usize) -> bool {
    match array.data_type() {
        DataType::Decimal64(..) => array.as_primitive::<Decimal64Type>().value(row) < 0,
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value(row) < 0,
        _ => array.as_primitive_opt::<Float64Type>().is_some_and(|v| v.value(row) < 0.0),
    }
}

/// Whether the values are within the declared type, which may be narrower than the physical one.
fn check_range(array: &ArrayRef, column: &ColumnDef) -> Result<()> {
    let fail = |number: u16, what: &str, row: usize| {
        Err(Error::new(number, format!("{what} for column '{}' at row {}", column.name, row + 1)))
    };
    let valid = |row: &usize| array.is_valid(*row);
    if column.unsigned
        && let Some(row) = (0..array.len()).filter(valid).find(|row| is_negative(array, *row))
    {
        return fail(code::ASSIGN_OUT_OF_RANGE, "out of range value", row);
    }
    match &column.ty.sql {
        SqlType::Int { width: IntWidth::Big, .. } => Ok(()),
        SqlType::Int { width, unsigned } => {
            let bits = width.bytes() * 8;
            let bad = if *unsigned {
                let values = array.as_primitive::<UInt64Type>().values();
                values.iter().position(|&v| v >> bits != 0)
            } else {
                let values = array.as_primitive::<Int64Type>().values();
                let limit = 1i64 << (bits - 1);
                values.iter().position(|&v| v < -limit || v >= limit)
            };
            match bad.filter(valid) {
                Some(row) => fail(code::ASSIGN_OUT_OF_RANGE, "out of range value", row),
                None => Ok(()),
            }
        }
        SqlType::Decimal { precision, .. } if array.as_primitive_opt::<Decimal128Type>().is_none() => {
            let limit = 10i64.pow(u32::from((*precision).min(18)));
            let values = array.as_primitive::<Decimal64Type>().values();
            match values.iter().position(|&v| v <= -limit || v >= limit).filter(valid) {
                Some(row) => fail(code::ASSIGN_OUT_OF_RANGE, "out of range value", row),
                None => Ok(()),
            }
        }
        SqlType::Char(max, _) | SqlType::VarChar(max, _) => {
            let strings = array.as_string_view();
            let max = *max as usize;
            // A string of so many bytes has at most so many characters.
            let too_long = |row: &usize| {
                array.is_valid(*row)
                    && (strings.views()[*row] as u32) as usize > max
                    && strings.value(*row).chars().count() > max
            };
            match (0..strings.len()).find(too_long) {
                Some(row) => fail(code::ASSIGN_TOO_LONG, "data too long", row),
                None => Ok(()),
            }
        }
        SqlType::Binary(max) | SqlType::VarBinary(max) => {
            let values = array.as_binary_view();
            let too_long = |row: &usize| (values.views()[*row] as u32) as usize > *max as usize;
            match (0..values.len()).filter(valid).find(too_long) {
                Some(row) => fail(code::ASSIGN_TOO_LONG, "data too long", row),
                None => Ok(()),
            }
        }
        SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_) => {
            let values = array.as_primitive::<UInt64Type>().values();
            let is_value = |v: u64| cast_datum(&Datum::UInt(v), &column.ty.sql).is_some();
            match values.iter().enumerate().find(|(row, v)| valid(row) && !is_value(**v)) {
                Some((row, _)) => Err(no_member(column, row)),
                None => Ok(()),
            }
        }
        _ => Ok(()),
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
        to_column(&array, &column(sql))
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

//! Datums to columns and back, for the places where there are few values: literal rows, keys, correlated values.

use std::sync::Arc;

use allod_planner::expr::Expr;
use allod_storage::schema::{Datum, SqlType};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewBuilder, Date32Builder, Decimal64Builder, Decimal128Builder,
    DurationMicrosecondBuilder, Float64Builder, Int64Builder, NullArray, StringViewBuilder,
    TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use crate::batch::{self, Batch, to_door};
use crate::error::{Error, Result};
use crate::kernel::{Program, Scratch};

/// A column of datums, each NULL or of the family of `ty`.
pub(crate) fn column<'a>(datums: impl Iterator<Item = &'a Datum>, ty: &SqlType) -> Result<ArrayRef> {
    macro_rules! build {
        ($builder:expr, $($pattern:pat $(if $guard:expr)? => $value:expr),+) => {{
            let mut builder = $builder;
            for datum in datums {
                match datum {
                    Datum::Null => builder.append_null(),
                    $($pattern $(if $guard)? => builder.append_value($value),)+
                    other => return Err(mismatch(other, ty)),
                }
            }
            Ok(Arc::new(builder.finish()) as ArrayRef)
        }};
    }
    match ty.arrow() {
        DataType::Null => Ok(Arc::new(NullArray::new(datums.count()))),
        DataType::Int64 => build!(Int64Builder::new(), Datum::Int(v) => *v,
            Datum::UInt(v) => i64::try_from(*v).map_err(|_| out_of_range(ty))?),
        DataType::UInt64 => build!(UInt64Builder::new(), Datum::UInt(v) => *v,
            Datum::Int(v) => u64::try_from(*v).map_err(|_| out_of_range(ty))?),
        DataType::Float64 => build!(Float64Builder::new(), Datum::Double(v) => *v),
        DataType::Decimal64(_, scale) => {
            let builder = Decimal64Builder::new().with_data_type(ty.arrow());
            build!(builder, Datum::Decimal { value, scale: s } if i16::from(*s) == i16::from(scale) =>
                i64::try_from(*value).map_err(|_| out_of_range(ty))?)
        }
        DataType::Decimal128(_, scale) => {
            let builder = Decimal128Builder::new().with_data_type(ty.arrow());
            build!(builder, Datum::Decimal { value, scale: s } if i16::from(*s) == i16::from(scale) => *value)
        }
        DataType::Utf8View => build!(StringViewBuilder::new(), Datum::String(s) => s),
        DataType::BinaryView => {
            build!(BinaryViewBuilder::new(), Datum::Bytes(b) => b, Datum::String(s) => s.as_bytes())
        }
        DataType::Date32 => build!(Date32Builder::new(), Datum::Date(v) => *v),
        DataType::Timestamp(_, _) => build!(TimestampMicrosecondBuilder::new(), Datum::DateTime(v) => *v),
        DataType::Duration(_) => build!(DurationMicrosecondBuilder::new(), Datum::Time(v) => *v),
        other => Err(Error::Plan(format!("no column of type {other} is made of datums"))),
    }
}

fn mismatch(datum: &Datum, ty: &SqlType) -> Error {
    Error::Plan(format!("the value {datum} in a column of type {ty}"))
}

fn out_of_range(ty: &SqlType) -> Error {
    Error::Plan(format!("a value beyond the range of type {ty}"))
}

/// The value of a row.
pub(crate) fn datum(array: &ArrayRef, row: usize) -> Result<Datum> {
    if array.is_null(row) || array.data_type() == &DataType::Null {
        return Ok(Datum::Null);
    }
    Ok(match array.data_type() {
        DataType::Int64 => Datum::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => Datum::UInt(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float64 => Datum::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal64(_, scale) => Datum::Decimal {
            value: i128::from(array.as_primitive::<Decimal64Type>().value(row)),
            scale: scale.unsigned_abs(),
        },
        DataType::Decimal128(_, scale) => Datum::Decimal {
            value: array.as_primitive::<Decimal128Type>().value(row),
            scale: scale.unsigned_abs(),
        },
        DataType::Utf8View => Datum::string(array.as_string_view().value(row)),
        DataType::BinaryView => Datum::Bytes(array.as_binary_view().value(row).into()),
        DataType::Dictionary(_, _) => {
            let codes = array.as_dictionary::<UInt16Type>();
            Datum::string(codes.values().as_string_view().value(usize::from(codes.keys().value(row))))
        }
        DataType::Date32 => Datum::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Datum::DateTime(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            Datum::Time(array.as_primitive::<DurationMicrosecondType>().value(row))
        }
        other => return Err(Error::Plan(format!("no datum is made of type {other}"))),
    })
}

/// The rows of a `Values` node. Bare constants become a column at once; anything else is evaluated on its own.
pub(crate) fn literal_rows(rows: &[Vec<Expr>], width: usize) -> Result<Batch> {
    let no_columns = Batch::new(Vec::new(), 1);
    let mut scratch = Scratch::default();
    let mut columns = Vec::with_capacity(width);
    for c in 0..width {
        let constants: Option<Vec<&Datum>> = rows.iter().map(|row| constant(&row[c])).collect();
        let types_agree = rows.windows(2).all(|pair| pair[0][c].ty().arrow() == pair[1][c].ty().arrow());
        columns.push(match (constants, rows.first()) {
            (Some(datums), Some(first)) if types_agree => column(datums.into_iter(), &first[c].ty().sql)?,
            _ => {
                let values = rows.iter().map(|row| {
                    let value = Program::compile(&row[c], &[])?.eval(&no_columns, &mut scratch)?;
                    to_door(&value, row[c].ty())
                });
                batch::concat(&values.collect::<Result<Vec<_>>>()?)
            }
        });
    }
    Ok(Batch { columns, rows: rows.len() })
}

fn constant(expr: &Expr) -> Option<&Datum> {
    match expr {
        Expr::Constant { value, .. } => Some(value),
        Expr::Column { .. } | Expr::Call { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_the_way_into_a_column_and_back() {
        let decimal = |precision, scale| SqlType::Decimal { precision, scale };
        let cases = [
            (SqlType::INT, Datum::Int(-3)),
            (SqlType::BIGINT_UNSIGNED, Datum::UInt(u64::MAX)),
            (SqlType::Double, Datum::Double(0.5)),
            (decimal(15, 2), Datum::Decimal { value: -125, scale: 2 }),
            (decimal(38, 4), Datum::Decimal { value: i128::from(i64::MAX) * 7, scale: 4 }),
            (SqlType::VarChar(9), Datum::string("a string of more than twelve bytes")),
            (SqlType::Blob(9), Datum::Bytes([0, 255][..].into())),
            (SqlType::Date, Datum::Date(-1)),
            (SqlType::DateTime(6), Datum::DateTime(1)),
            (SqlType::Time(0), Datum::Time(-1)),
        ];
        for (ty, value) in cases {
            let array = column([&value, &Datum::Null].into_iter(), &ty).unwrap();
            assert_eq!(array.data_type(), &ty.arrow());
            assert_eq!(datum(&array, 0).unwrap(), value);
            assert_eq!(datum(&array, 1).unwrap(), Datum::Null);
        }
        assert!(column([&Datum::Int(1)].into_iter(), &SqlType::Date).is_err());
    }
}

//! Cells as values.

use arrow::array::{Array, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use allod_storage::schema::Datum;

/// The value of a cell; NULL for a type that no result has.
pub(crate) fn datum_at(array: &dyn Array, row: usize) -> Datum {
    if array.is_null(row) {
        return Datum::Null;
    }
    fn value<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> T::Native {
        array.as_primitive::<T>().value(row)
    }
    match array.data_type() {
        DataType::Int64 => Datum::Int(value::<Int64Type>(array, row)),
        DataType::UInt64 => Datum::UInt(value::<UInt64Type>(array, row)),
        DataType::Float64 => Datum::Double(value::<Float64Type>(array, row)),
        DataType::Decimal64(_, scale) => {
            Datum::Decimal { value: i128::from(value::<Decimal64Type>(array, row)), scale: *scale as u8 }
        }
        DataType::Decimal128(_, scale) => {
            Datum::Decimal { value: value::<Decimal128Type>(array, row), scale: *scale as u8 }
        }
        DataType::Utf8View => Datum::string(array.as_string_view().value(row)),
        DataType::BinaryView => Datum::Bytes(array.as_binary_view().value(row).into()),
        DataType::Date32 => Datum::Date(value::<Date32Type>(array, row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Datum::DateTime(value::<TimestampMicrosecondType>(array, row))
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            Datum::Time(value::<DurationMicrosecondType>(array, row))
        }
        DataType::Dictionary(_, _) => {
            let codes = array.as_dictionary::<UInt16Type>();
            datum_at(codes.values(), usize::from(codes.keys().value(row)))
        }
        _ => Datum::Null,
    }
}

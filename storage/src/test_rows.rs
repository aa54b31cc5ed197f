//! Arrow columns from datums, for tests.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewArray, DictionaryArray, PrimitiveArray,
    StringViewArray, UInt16Array,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimestampMicrosecondType, UInt64Type,
};

use crate::schema::Datum;

/// A column of these values, which are of its type.
pub(crate) fn array_of(ty: &DataType, values: &[Datum]) -> ArrayRef {
    fn primitive<T: ArrowPrimitiveType>(
        ty: &DataType,
        values: &[Datum],
        native: impl Fn(&Datum) -> Option<T::Native>,
    ) -> ArrayRef {
        Arc::new(values.iter().map(native).collect::<PrimitiveArray<T>>().with_data_type(ty.clone()))
    }
    fn word(datum: &Datum) -> Option<i64> {
        match datum {
            Datum::Int(v) | Datum::DateTime(v) | Datum::Time(v) => Some(*v),
            Datum::Decimal { value, .. } => Some(*value as i64),
            _ => None,
        }
    }
    match ty {
        DataType::Int64 => primitive::<Int64Type>(ty, values, word),
        DataType::Decimal64(..) => primitive::<Decimal64Type>(ty, values, word),
        DataType::Timestamp(..) => primitive::<TimestampMicrosecondType>(ty, values, word),
        DataType::Duration(_) => primitive::<DurationMicrosecondType>(ty, values, word),
        DataType::UInt64 => primitive::<UInt64Type>(ty, values, |d| match d {
            Datum::UInt(v) => Some(*v),
            _ => None,
        }),
        DataType::Float64 => primitive::<Float64Type>(ty, values, |d| match d {
            Datum::Double(v) => Some(*v),
            _ => None,
        }),
        DataType::Decimal128(..) => primitive::<Decimal128Type>(ty, values, |d| match d {
            Datum::Decimal { value, .. } => Some(*value),
            _ => None,
        }),
        DataType::Date32 => primitive::<Date32Type>(ty, values, |d| match d {
            Datum::Date(v) => Some(*v),
            _ => None,
        }),
        DataType::Utf8View => Arc::new(StringViewArray::from_iter(values.iter().map(|d| match d {
            Datum::String(s) => Some(s.as_ref()),
            _ => None,
        }))),
        DataType::BinaryView => Arc::new(BinaryViewArray::from_iter(values.iter().map(|d| match d {
            Datum::Bytes(b) => Some(b.as_ref()),
            _ => None,
        }))),
        other => panic!("no column type holds {other}"),
    }
}

/// A string column as codes, in no particular order of values; any other column as it is.
pub(crate) fn dictionary_of(column: ArrayRef) -> ArrayRef {
    let Some(strings) = column.as_string_view_opt() else { return column };
    let codes: UInt16Array = (0..strings.len()).map(|i| strings.is_valid(i).then_some(i as u16)).collect();
    let values = StringViewArray::from_iter_values(strings.iter().map(Option::unwrap_or_default));
    Arc::new(DictionaryArray::new(codes, Arc::new(values)))
}

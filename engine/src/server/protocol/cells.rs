//! The columns of a batch, each seen once as what it is, so that a cell costs no look at a type.

use std::sync::Arc;

use allod_storage::schema::{Charset, ColumnType, SqlType, civil_from_days};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, Decimal64Array, Decimal128Array, Float64Array, Int64Array,
    RecordBatch, StringViewArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimestampMicrosecondType, UInt64Type,
};

use crate::format::cell_text;
use crate::result::Column;

/// One column of a batch.
pub(crate) struct Cells<'a> {
    pub values: Values<'a>,
    nulls: Option<&'a NullBuffer>,
}

/// Its values, by their kind. Those that are NULL mean nothing.
pub(crate) enum Values<'a> {
    Int(&'a Int64Array),
    UInt(&'a UInt64Array),
    /// Numbers that print as what their type says: members, bits.
    Printed(&'a UInt64Array, &'a SqlType),
    Float(&'a Float64Array),
    Double(&'a Float64Array),
    Decimal64(&'a Decimal64Array, u8),
    Decimal128(&'a Decimal128Array, u8),
    Text(&'a StringViewArray),
    Bytes(&'a BinaryViewArray),
    /// Documents, which print as text.
    Json(&'a BinaryViewArray),
    /// Days since 1970.
    Date(&'a [i32]),
    /// Microseconds since 1970; digits of the fraction.
    DateTime(&'a [i64], u8),
    /// Microseconds; digits of the fraction.
    Time(&'a [i64], u8),
    Year(&'a Int64Array),
    /// All of them are NULL.
    Null,
    /// A form that no result should have; printed as Arrow prints it.
    Other(&'a ArrayRef, &'a SqlType),
}

/// The columns of a batch for a client that reads another set: texts are bytes of that.
pub(crate) struct Encoded {
    arrays: Vec<ArrayRef>,
    types: Vec<ColumnType>,
}

impl Encoded {
    /// The columns of a batch in a set.
    pub fn of(batch: &RecordBatch, columns: &[Column], charset: Charset) -> Encoded {
        let (mut arrays, mut types) = (Vec::new(), Vec::new());
        for (array, column) in batch.columns().iter().zip(columns) {
            let sql = &column.ty.sql;
            if !(sql.is_string() || sql.is_choice() || *sql == SqlType::Json) {
                arrays.push(Arc::clone(array));
                types.push(column.ty.clone());
                continue;
            }
            let texts = (0..array.len()).map(|row| {
                let text = if array.is_null(row) { None } else { cell_text(array, sql, row) };
                text.map(|text| charset.written(&text))
            });
            arrays.push(Arc::new(texts.collect::<BinaryViewArray>()));
            types.push(ColumnType { sql: SqlType::Blob(u32::MAX), nullable: column.ty.nullable });
        }
        Encoded { arrays, types }
    }

    /// Each seen as what it is.
    pub fn cells(&self) -> Vec<Cells<'_>> {
        self.arrays.iter().zip(&self.types).map(|(array, ty)| Cells::new(array, ty)).collect()
    }
}

impl<'a> Cells<'a> {
    /// The columns of a batch.
    pub fn of(batch: &'a RecordBatch, columns: &'a [Column]) -> Vec<Cells<'a>> {
        batch.columns().iter().zip(columns).map(|(array, column)| Cells::new(array, &column.ty)).collect()
    }

    fn new(array: &'a ArrayRef, ty: &'a ColumnType) -> Cells<'a> {
        let ty = &ty.sql;
        let values = match (array.data_type(), ty) {
            (DataType::Null, _) => Values::Null,
            (DataType::Int64, SqlType::Year) => Values::Year(array.as_primitive::<Int64Type>()),
            (DataType::Int64, _) => Values::Int(array.as_primitive::<Int64Type>()),
            (DataType::UInt64, SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_)) => {
                Values::Printed(array.as_primitive::<UInt64Type>(), ty)
            }
            (DataType::UInt64, _) => Values::UInt(array.as_primitive::<UInt64Type>()),
            (DataType::Float64, SqlType::Float) => Values::Float(array.as_primitive::<Float64Type>()),
            (DataType::Float64, _) => Values::Double(array.as_primitive::<Float64Type>()),
            (DataType::Decimal64(_, scale), _) => {
                Values::Decimal64(array.as_primitive::<Decimal64Type>(), scale.unsigned_abs())
            }
            (DataType::Decimal128(_, scale), _) => {
                Values::Decimal128(array.as_primitive::<Decimal128Type>(), scale.unsigned_abs())
            }
            (DataType::Utf8View, _) => Values::Text(array.as_string_view()),
            (DataType::BinaryView, SqlType::Json) => Values::Json(array.as_binary_view()),
            (DataType::BinaryView, _) => Values::Bytes(array.as_binary_view()),
            (DataType::Date32, _) => Values::Date(array.as_primitive::<Date32Type>().values()),
            (DataType::Timestamp(..), SqlType::DateTime(fsp) | SqlType::Timestamp(fsp)) => {
                Values::DateTime(array.as_primitive::<TimestampMicrosecondType>().values(), *fsp)
            }
            (DataType::Duration(_), SqlType::Time(fsp)) => {
                Values::Time(array.as_primitive::<DurationMicrosecondType>().values(), *fsp)
            }
            _ => Values::Other(array, ty),
        };
        Cells { values, nulls: array.nulls() }
    }

    /// Whether a row has NULL here.
    pub fn is_null(&self, row: usize) -> bool {
        matches!(self.values, Values::Null) || self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }
}

/// A date and a time of day, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub microsecond: u32,
}

impl Moment {
    /// Of days since 1970.
    pub fn of_days(days: i64) -> Moment {
        let (year, month, day) = civil_from_days(days);
        // Years 0 to 9999.
        let (year, month, day) = (year as u16, month as u8, day as u8);
        Moment { year, month, day, hour: 0, minute: 0, second: 0, microsecond: 0 }
    }

    /// Of microseconds since 1970.
    pub fn of_microseconds(us: i64) -> Moment {
        const DAY_US: i64 = 86_400_000_000;
        let second = us.rem_euclid(DAY_US) / 1_000_000;
        Moment {
            hour: (second / 3600) as u8,
            minute: (second / 60 % 60) as u8,
            second: (second % 60) as u8,
            microsecond: (us.rem_euclid(1_000_000)) as u32,
            ..Moment::of_days(us.div_euclid(DAY_US))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_taken_apart() {
        let at = Moment::of_microseconds(951_827_696_000_007);
        let want = Moment { year: 2000, month: 2, day: 29, hour: 12, minute: 34, second: 56, microsecond: 7 };
        assert_eq!(at, want);
        let before = Moment::of_microseconds(-1);
        assert_eq!((before.year, before.month, before.day, before.microsecond), (1969, 12, 31, 999_999));
    }
}

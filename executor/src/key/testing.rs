//! Random columns, and rows one value at a time, for tests against models.

use std::sync::Arc;

use allod_storage::schema::{ColumnType, SqlType};
use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal64Array, Decimal128Array, DictionaryArray, Float64Array,
    Int64Array, StringViewArray, UInt16Array, UInt64Array,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, Float64Type, Int64Type, UInt64Type,
};

use crate::batch::{Batch, decode};
use crate::kernel::hash::mix;

/// A small generator: the same seed, the same numbers.
pub(crate) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

/// One value, comparable by SQL's equality within a family.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Cell {
    Null,
    Number(i128),
    /// Bits of a double.
    Float(u64),
    Text(String),
}

impl Cell {
    pub fn number(&self) -> Option<i128> {
        match self {
            Cell::Number(n) => Some(*n),
            _ => None,
        }
    }
}

/// What a random column is like.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub ty: ColumnType,
    /// Values are taken from this many.
    pub distinct: u64,
    /// Distance between two neighbouring values.
    pub stride: i64,
    /// The least value.
    pub start: i64,
    /// Strings are codes of this dictionary in some batches.
    dictionary: Arc<StringViewArray>,
}

impl Shape {
    /// A key column of some type and spread.
    pub fn random(random: &mut Random) -> Shape {
        let types = [
            SqlType::BIGINT,
            SqlType::BIGINT,
            SqlType::BIGINT_UNSIGNED,
            SqlType::Date,
            SqlType::Double,
            SqlType::Decimal { precision: 12, scale: 2 },
            SqlType::Decimal { precision: 30, scale: 2 },
            SqlType::varchar(20),
            SqlType::varchar(20),
        ];
        let sql = random.pick(&types).clone();
        let nullable = random.chance(50);
        Shape::new(ColumnType { sql, nullable }, *random.pick(&[1, 3, 40, 1000, 5000]), random)
    }

    pub fn new(ty: ColumnType, distinct: u64, random: &mut Random) -> Shape {
        let wide = matches!(ty.sql, SqlType::Int { .. } | SqlType::Decimal { .. });
        let stride = if wide { *random.pick(&[1, 1, 7, 1 << 40, 1 << 49]) } else { 1 };
        let start: i64 = if wide { *random.pick(&[0, 1, -20, -(1 << 33)]) } else { -3 };
        let unsigned = matches!(ty.sql, SqlType::Int { unsigned: true, .. });
        let start = if unsigned { start.abs() } else { start };
        let texts = (0..distinct.min(60_000)).map(|n| text(n as i64));
        let dictionary = Arc::new(texts.map(Some).collect::<StringViewArray>());
        Shape { ty, distinct, stride, start, dictionary }
    }

    /// Rows of the column, in one of the forms that such a column may have.
    pub fn column(&self, numbers: &[Option<u64>], random: &mut Random) -> ArrayRef {
        let value = |n: u64| self.start.wrapping_add(self.stride.wrapping_mul(n as i64));
        let words = numbers.iter().map(|n| n.map(value));
        match self.ty.arrow() {
            DataType::UInt64 => Arc::new(words.map(|v| v.map(|v| v as u64)).collect::<UInt64Array>()),
            DataType::Date32 => Arc::new(words.map(|v| v.map(|v| v as i32)).collect::<Date32Array>()),
            DataType::Float64 => Arc::new(words.map(|v| v.map(|v| v as f64 / 4.0)).collect::<Float64Array>()),
            DataType::Decimal64(p, s) => {
                Arc::new(words.collect::<Decimal64Array>().with_data_type(DataType::Decimal64(p, s)))
            }
            DataType::Decimal128(_, s) if random.chance(50) => {
                Arc::new(words.collect::<Decimal64Array>().with_data_type(DataType::Decimal64(18, s)))
            }
            ty @ DataType::Decimal128(_, _) => {
                let wide = words.map(|v| v.map(i128::from)).collect::<Decimal128Array>();
                Arc::new(wide.with_data_type(ty))
            }
            DataType::Utf8View if random.chance(50) => {
                let codes = numbers.iter().map(|n| n.map(|n| n as u16)).collect::<UInt16Array>();
                let dictionary: ArrayRef = Arc::clone(&self.dictionary) as ArrayRef;
                Arc::new(DictionaryArray::new(codes, dictionary))
            }
            DataType::Utf8View => {
                Arc::new(numbers.iter().map(|n| n.map(|n| text(n as i64))).collect::<StringViewArray>())
            }
            _ => Arc::new(words.collect::<Int64Array>()),
        }
    }

    /// Numbers of random values; `nulls` percent of them NULL, if the type has NULLs.
    pub fn numbers(&self, rows: usize, nulls: u64, random: &mut Random) -> Vec<Option<u64>> {
        (0..rows)
            .map(|_| {
                // Half of the rows have one of few values.
                let few = self.distinct.min(3);
                let of = if random.chance(30) { few } else { self.distinct };
                let number = random.below(of);
                (!self.ty.nullable || !random.chance(nulls)).then_some(number)
            })
            .collect()
    }
}

fn text(n: i64) -> String {
    // Short ones lie within their views, long ones do not.
    if n % 3 == 0 { format!("t{n}") } else { format!("a string beyond twelve bytes {n}") }
}

/// A row's value.
pub(crate) fn cell(array: &ArrayRef, row: usize) -> Cell {
    if array.data_type() == &DataType::Null || array.is_null(row) {
        return Cell::Null;
    }
    match array.data_type() {
        DataType::Int64 => Cell::Number(array.as_primitive::<Int64Type>().value(row).into()),
        DataType::UInt64 => Cell::Number(array.as_primitive::<UInt64Type>().value(row).into()),
        DataType::Date32 => Cell::Number(array.as_primitive::<Date32Type>().value(row).into()),
        DataType::Decimal64(_, _) => Cell::Number(array.as_primitive::<Decimal64Type>().value(row).into()),
        DataType::Decimal128(_, _) => Cell::Number(array.as_primitive::<Decimal128Type>().value(row)),
        DataType::Float64 => Cell::Float(array.as_primitive::<Float64Type>().value(row).to_bits()),
        DataType::Utf8View => Cell::Text(array.as_string_view().value(row).to_owned()),
        _ => Cell::Text(decode(array).as_string_view().value(row).to_owned()),
    }
}

/// All rows of some batches.
pub(crate) fn rows(batches: &[Batch]) -> Vec<Vec<Cell>> {
    batches
        .iter()
        .flat_map(|b| (0..b.rows).map(move |row| b.columns.iter().map(|c| cell(c, row)).collect()))
        .collect()
}

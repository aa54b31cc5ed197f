//! Rows with typed access, for callers who do not want to work with columns.

use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};

use allod_storage::schema::{Datum, SqlType};

use super::{Column, ResultSet, datum_at};
use crate::error::{Error, Result, code};
use crate::format::json_text;

/// One row of a result. Cheap to clone: it points into a batch.
#[derive(Clone, Debug)]
pub struct Row {
    columns: Arc<[Column]>,
    batch: Arc<RecordBatch>,
    row: usize,
}

impl Row {
    /// The value of a column, by name (without regard to case) or by position from 0.
    ///
    /// # Errors
    /// If there is no such column, or its value cannot be had as a `T` without loss: NULL wants an `Option`.
    pub fn get<T: FromValue>(&self, column: impl ColumnIndex) -> Result<T> {
        let at = column.find(&self.columns)?;
        let value = self.value(at);
        T::from_value(&value).ok_or_else(|| {
            let name = &self.columns[at].name;
            Error::new(
                code::TRUNCATED_WRONG_VALUE,
                format!("column '{name}' is {value}, which is no {}", std::any::type_name::<T>()),
            )
        })
    }

    /// The value of a column by position, whatever its type; a document as its text.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn value(&self, column: usize) -> Datum {
        let value = datum_at(self.batch.column(column), self.row);
        match (&value, &self.columns[column].ty.sql) {
            (Datum::Bytes(document), SqlType::Json) => Datum::string(json_text(document)),
            _ => value,
        }
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
}

/// Iterates over the rows of a result.
pub struct Rows {
    columns: Arc<[Column]>,
    set: ResultSet,
    batch: Option<Arc<RecordBatch>>,
    row: usize,
}

impl Rows {
    pub(super) fn new(set: ResultSet) -> Rows {
        Rows { columns: set.shared_columns(), set, batch: None, row: 0 }
    }
}

impl Iterator for Rows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        loop {
            if let Some(batch) = &self.batch
                && self.row < batch.num_rows()
            {
                self.row += 1;
                let columns = Arc::clone(&self.columns);
                return Some(Ok(Row { columns, batch: Arc::clone(batch), row: self.row - 1 }));
            }
            match self.set.next()? {
                Ok(batch) => (self.batch, self.row) = (Some(Arc::new(batch)), 0),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// What names a column: a position or a name.
pub trait ColumnIndex {
    /// The position of the column.
    ///
    /// # Errors
    /// 1054 if there is none.
    fn find(&self, columns: &[Column]) -> Result<usize>;
}

impl ColumnIndex for usize {
    fn find(&self, columns: &[Column]) -> Result<usize> {
        if *self < columns.len() { Ok(*self) } else { Err(unknown(&self.to_string())) }
    }
}

impl ColumnIndex for &str {
    fn find(&self, columns: &[Column]) -> Result<usize> {
        columns.iter().position(|c| c.name.eq_ignore_ascii_case(self)).ok_or_else(|| unknown(self))
    }
}

fn unknown(name: &str) -> Error {
    Error::new(code::UNKNOWN_COLUMN, format!("unknown column '{name}' in 'result'"))
}

/// A Rust type that a value can be read as.
pub trait FromValue: Sized {
    /// The value as this type; `None` if that is not possible without loss.
    fn from_value(value: &Datum) -> Option<Self>;
}

impl FromValue for Datum {
    fn from_value(value: &Datum) -> Option<Datum> {
        Some(value.clone())
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Datum) -> Option<Option<T>> {
        if value.is_null() { Some(None) } else { T::from_value(value).map(Some) }
    }
}

macro_rules! integers {
    ($($ty:ty),*) => {
        $(impl FromValue for $ty {
            fn from_value(value: &Datum) -> Option<$ty> {
                match value {
                    Datum::Int(v) => (*v).try_into().ok(),
                    Datum::UInt(v) => (*v).try_into().ok(),
                    Datum::Decimal { value, scale } => {
                        let unit = 10i128.checked_pow(u32::from(*scale))?;
                        (value % unit == 0).then(|| (value / unit).try_into().ok()).flatten()
                    }
                    _ => None,
                }
            }
        })*
    };
}

integers!(i8, i16, i32, i64, i128, u8, u16, u32, u64, usize);

impl FromValue for bool {
    fn from_value(value: &Datum) -> Option<bool> {
        i64::from_value(value).map(|v| v != 0)
    }
}

impl FromValue for f64 {
    fn from_value(value: &Datum) -> Option<f64> {
        value.as_f64()
    }
}

/// A FLOAT, or a number that one could hold.
impl FromValue for f32 {
    fn from_value(value: &Datum) -> Option<f32> {
        let wide = value.as_f64()?;
        let narrow = wide as f32;
        (f64::from(narrow) == wide).then_some(narrow)
    }
}

/// Any value but NULL, as text.
impl FromValue for String {
    fn from_value(value: &Datum) -> Option<String> {
        (!value.is_null()).then(|| value.to_string())
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Datum) -> Option<Vec<u8>> {
        match value {
            Datum::Bytes(bytes) => Some(bytes.to_vec()),
            Datum::String(text) => Some(text.as_bytes().to_vec()),
            _ => None,
        }
    }
}

impl FromValue for NaiveDate {
    fn from_value(value: &Datum) -> Option<NaiveDate> {
        match value {
            Datum::Date(days) => {
                NaiveDate::default().checked_add_signed(TimeDelta::try_days((*days).into())?)
            }
            _ => None,
        }
    }
}

impl FromValue for NaiveDateTime {
    fn from_value(value: &Datum) -> Option<NaiveDateTime> {
        match value {
            Datum::Date(_) => NaiveDate::from_value(value)?.and_hms_opt(0, 0, 0),
            Datum::DateTime(us) => DateTime::from_timestamp_micros(*us).map(|t| t.naive_utc()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_without_loss_or_not_at_all() {
        assert_eq!(i32::from_value(&Datum::Int(7)), Some(7));
        assert_eq!(i32::from_value(&Datum::Int(1 << 40)), None);
        assert_eq!(u8::from_value(&Datum::Decimal { value: 700, scale: 2 }), Some(7));
        assert_eq!(u8::from_value(&Datum::Decimal { value: 701, scale: 2 }), None);
        assert_eq!(i64::from_value(&Datum::Null), None);
        assert_eq!(f32::from_value(&Datum::Double(0.5)), Some(0.5));
        assert_eq!(f32::from_value(&Datum::Double(0.1)), None);
        assert_eq!(Option::<i64>::from_value(&Datum::Null), Some(None));
        assert_eq!(String::from_value(&Datum::Decimal { value: 701, scale: 2 }).as_deref(), Some("7.01"));
        assert_eq!(NaiveDate::from_value(&Datum::Date(59)), NaiveDate::from_ymd_opt(1970, 3, 1));
    }

    #[test]
    fn columns_are_found_by_name_and_position() {
        let set = ResultSet::text(&["Name", "B"], vec![vec![Some("x".into()), None]]).unwrap();
        let row = set.rows().next().unwrap().unwrap();
        assert_eq!(row.get::<String>("name").unwrap(), "x");
        assert_eq!(row.get::<Option<String>>(1).unwrap(), None);
        assert_eq!(row.get::<String>("c").unwrap_err().code(), 1054);
        assert_eq!(row.get::<String>(1).unwrap_err().code(), 1292);
    }
}

//! What an expression evaluates to over the rows of a frame.
//!
//! A [`Value`] is a column in whichever form is cheapest to compute with: a constant is one value however many rows there
//! are, a truth value is a bitmap (not yet the 0 and 1 that SQL sees), a decimal is 64 bits wide as long as it fits, a
//! string may be a dictionary code. Values are cheap to clone: buffers are shared. Arrays come in by [`Value::from_array`]
//! without copying and go out by [`Value::into_array`].

use std::sync::Arc;

use allod_storage::schema::{Datum, SqlType};
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewArray, DictionaryArray, PrimitiveArray,
    StringViewArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType,
    Float64Type, Int64Type, TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use super::bits;
use super::decimal::Decimals;
use super::unchecked::{codes_over, views_over};
use crate::batch::{decode, gather, gather_nulls, null_column};
use crate::error::{Error, Result};

/// A column of values of one family.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// NULL in every row.
    Null,
    /// Truth values, which SQL sees as the integers 0 and 1.
    Bool(Bools),
    /// Signed integers.
    Int(Column<i64>),
    /// Unsigned integers.
    UInt(Column<u64>),
    /// Doubles.
    Double(Column<f64>),
    /// Decimals of one scale.
    Decimal(Decimals),
    /// Days since 1970-01-01.
    Date(Column<i32>),
    /// Microseconds since 1970-01-01.
    DateTime(Column<i64>),
    /// Microseconds.
    Time(Column<i64>),
    /// Strings.
    String(Strings),
    /// Binary strings.
    Bytes(Binary),
}

/// Truth values: a set bit is TRUE; an unset bit is FALSE, or NULL if `nulls` says so. NULL rows have their bit unset.
#[derive(Clone, Debug)]
pub(crate) struct Bools {
    pub bits: BooleanBuffer,
    pub nulls: Option<NullBuffer>,
}

/// Values of fixed width.
#[derive(Clone, Debug)]
pub(crate) struct Column<T: ArrowNativeType> {
    pub values: Values<T>,
    /// Which rows are not NULL; what is in `values` for the others means nothing.
    pub nulls: Option<NullBuffer>,
}

/// One value for all rows, or one for each.
#[derive(Clone, Debug)]
pub(crate) enum Values<T: ArrowNativeType> {
    One(T),
    Many(ScalarBuffer<T>),
}

/// Strings.
#[derive(Clone, Debug)]
pub(crate) enum Strings {
    One(Arc<str>),
    Views(StringViewArray),
    Codes(DictionaryArray<UInt16Type>),
}

/// Binary strings.
#[derive(Clone, Debug)]
pub(crate) enum Binary {
    One(Arc<[u8]>),
    Views(BinaryViewArray),
}

/// That some row's result does not fit its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

impl<T: ArrowNativeType> Column<T> {
    /// The same value in every row.
    pub fn one(value: T) -> Column<T> {
        Column { values: Values::One(value), nulls: None }
    }

    /// A value for each row.
    pub fn many(values: Vec<T>, nulls: Option<NullBuffer>) -> Column<T> {
        Column { values: Values::Many(values.into()), nulls: nulls.filter(|n| n.null_count() > 0) }
    }

    fn of<A: ArrowPrimitiveType<Native = T>>(array: &PrimitiveArray<A>) -> Column<T> {
        let nulls = array.nulls().filter(|n| n.null_count() > 0).cloned();
        Column { values: Values::Many(array.values().clone()), nulls }
    }

    /// From one optional value for each row.
    pub fn from_options(options: impl ExactSizeIterator<Item = Option<T>>) -> Column<T> {
        let mut valid = Vec::with_capacity(options.len());
        let mut values = Vec::with_capacity(options.len());
        for option in options {
            valid.push(option.is_some());
            values.push(option.unwrap_or_default());
        }
        Column::many(values, nulls_from(&valid))
    }

    /// The value at a row; meaningless if the row is NULL.
    #[inline]
    pub fn value(&self, row: usize) -> T {
        match &self.values {
            Values::One(v) => *v,
            Values::Many(v) => v[row],
        }
    }

    /// Whether the row is NULL.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|n| n.is_null(row))
    }

    /// The value at a row, or None.
    #[inline]
    pub fn get(&self, row: usize) -> Option<T> {
        if self.is_null(row) { None } else { Some(self.value(row)) }
    }

    /// A buffer of `rows` values.
    pub fn buffer(&self, rows: usize) -> ScalarBuffer<T> {
        match &self.values {
            Values::One(v) => vec![*v; rows].into(),
            Values::Many(v) => v.clone(),
        }
    }

    fn into_array<A: ArrowPrimitiveType<Native = T>>(self, rows: usize, ty: DataType) -> ArrayRef {
        let values = self.buffer(rows);
        Arc::new(PrimitiveArray::<A>::new(values, self.nulls).with_data_type(ty))
    }

    /// The values at these rows.
    pub fn take(&self, rows: &[u32]) -> Column<T> {
        match &self.values {
            // A constant has NULLs only if it came from something that had.
            Values::One(v) => {
                Column { values: Values::One(*v), nulls: gather_nulls(self.nulls.as_ref(), rows) }
            }
            Values::Many(v) => Column::many(gather(v, rows), gather_nulls(self.nulls.as_ref(), rows)),
        }
    }

    /// Applies `f` to every value.
    #[inline]
    pub fn map<R: ArrowNativeType>(&self, f: impl Fn(T) -> R) -> Column<R> {
        let values = match &self.values {
            Values::One(v) => Values::One(f(*v)),
            Values::Many(v) => Values::Many(v.iter().map(|v| f(*v)).collect::<Vec<R>>().into()),
        };
        Column { values, nulls: self.nulls.clone() }
    }

    /// Applies `f`, which gives NULL for some values.
    pub fn map_option<R: ArrowNativeType>(&self, rows: usize, f: impl Fn(T) -> Option<R>) -> Column<R> {
        Column::from_options((0..rows).map(|row| self.get(row).and_then(&f)))
    }

    /// Applies `f`, which says beside each result whether it overflowed. Only rows that are not NULL can fail.
    #[inline]
    pub fn map_checked<R: ArrowNativeType>(&self, f: impl Fn(T) -> (R, bool)) -> Result<Column<R>, Overflow> {
        let mut bad = false;
        let out = self.map(|v| f(v).0);
        match &self.values {
            Values::One(v) => bad |= f(*v).1,
            Values::Many(values) => {
                for v in values.iter() {
                    bad |= f(*v).1;
                }
            }
        }
        if bad && self.any_row(|v| f(v).1) { Err(Overflow) } else { Ok(out) }
    }

    fn any_row(&self, test: impl Fn(T) -> bool) -> bool {
        match (&self.values, &self.nulls) {
            (Values::One(v), _) => test(*v),
            (Values::Many(values), None) => values.iter().any(|v| test(*v)),
            (Values::Many(values), Some(nulls)) => nulls.valid_indices().any(|row| test(values[row])),
        }
    }

    /// The bitmap of `test`, NULL rows unset.
    #[inline]
    pub fn test(&self, rows: usize, test: impl Fn(T) -> bool) -> Bools {
        let bits = match &self.values {
            Values::One(v) => uniform(test(*v), rows),
            Values::Many(v) => bits::of_one(v, test),
        };
        Bools::new(bits, self.nulls.clone())
    }
}

/// Applies `f` to pairs of values.
#[inline]
pub(crate) fn zip_map<A: ArrowNativeType, B: ArrowNativeType, R: ArrowNativeType>(
    a: &Column<A>,
    b: &Column<B>,
    f: impl Fn(A, B) -> R,
) -> Column<R> {
    let values = match (&a.values, &b.values) {
        (Values::One(x), Values::One(y)) => Values::One(f(*x, *y)),
        (Values::One(x), Values::Many(ys)) => Values::Many(map_slice(ys, |y| f(*x, y)).into()),
        (Values::Many(xs), Values::One(y)) => Values::Many(map_slice(xs, |x| f(x, *y)).into()),
        (Values::Many(xs), Values::Many(ys)) => {
            Values::Many(xs.iter().zip(ys.iter()).map(|(x, y)| f(*x, *y)).collect::<Vec<R>>().into())
        }
    };
    Column { values, nulls: NullBuffer::union(a.nulls.as_ref(), b.nulls.as_ref()) }
}

#[inline]
fn map_slice<A: Copy, R>(values: &[A], f: impl Fn(A) -> R) -> Vec<R> {
    values.iter().map(|v| f(*v)).collect()
}

/// Applies `f`, which says beside each result whether it overflowed. Only rows that are not NULL can fail.
#[inline]
pub(crate) fn zip_checked<A: ArrowNativeType, B: ArrowNativeType, R: ArrowNativeType>(
    a: &Column<A>,
    b: &Column<B>,
    rows: usize,
    f: impl Fn(A, B) -> (R, bool),
) -> Result<Column<R>, Overflow> {
    let nulls = NullBuffer::union(a.nulls.as_ref(), b.nulls.as_ref());
    let mut bad = false;
    let mut keep = |(r, overflowed): (R, bool)| {
        bad |= overflowed;
        r
    };
    let values = match (&a.values, &b.values) {
        (Values::One(x), Values::One(y)) => Values::One(keep(f(*x, *y))),
        (Values::One(x), Values::Many(ys)) => {
            Values::Many(ys.iter().map(|y| keep(f(*x, *y))).collect::<Vec<R>>().into())
        }
        (Values::Many(xs), Values::One(y)) => {
            Values::Many(xs.iter().map(|x| keep(f(*x, *y))).collect::<Vec<R>>().into())
        }
        (Values::Many(xs), Values::Many(ys)) => {
            Values::Many(xs.iter().zip(ys.iter()).map(|(x, y)| keep(f(*x, *y))).collect::<Vec<R>>().into())
        }
    };
    let real = |row: usize| nulls.as_ref().is_none_or(|n| n.is_valid(row)) && f(a.value(row), b.value(row)).1;
    if bad && (0..rows).any(real) {
        return Err(Overflow);
    }
    Ok(Column { values, nulls })
}

/// Applies `f`, which gives NULL for some pairs.
#[inline]
pub(crate) fn zip_option<A: ArrowNativeType, B: ArrowNativeType, R: ArrowNativeType>(
    a: &Column<A>,
    b: &Column<B>,
    rows: usize,
    f: impl Fn(A, B) -> Option<R>,
) -> Column<R> {
    if let (Values::One(x), Values::One(y), None, None) = (&a.values, &b.values, &a.nulls, &b.nulls)
        && let Some(r) = f(*x, *y)
    {
        return Column::one(r);
    }
    Column::from_options((0..rows).map(|row| f(a.get(row)?, b.get(row)?)))
}

/// The bitmap of `test` over pairs of values, NULL rows unset.
#[inline]
pub(crate) fn zip_test<A: ArrowNativeType, B: ArrowNativeType>(
    a: &Column<A>,
    b: &Column<B>,
    rows: usize,
    test: impl Fn(A, B) -> bool,
) -> Bools {
    let bits = match (&a.values, &b.values) {
        (Values::One(x), Values::One(y)) => uniform(test(*x, *y), rows),
        (Values::One(x), Values::Many(ys)) => bits::of_one(ys, |y| test(*x, y)),
        (Values::Many(xs), Values::One(y)) => bits::of_one(xs, |x| test(x, *y)),
        (Values::Many(xs), Values::Many(ys)) => bits::of_two(xs, ys, test),
    };
    Bools::new(bits, NullBuffer::union(a.nulls.as_ref(), b.nulls.as_ref()))
}

/// A bitmap of equal bits.
pub(crate) fn uniform(bit: bool, rows: usize) -> BooleanBuffer {
    if bit { BooleanBuffer::new_set(rows) } else { BooleanBuffer::new_unset(rows) }
}

/// A null buffer from which rows are valid, if some are not.
pub(crate) fn nulls_from(valid: &[bool]) -> Option<NullBuffer> {
    if valid.iter().all(|v| *v) {
        return None;
    }
    Some(NullBuffer::new(bits::of_one(valid, |v| v)))
}

impl Bools {
    /// From bits whose NULL rows may be set.
    pub fn new(bits: BooleanBuffer, nulls: Option<NullBuffer>) -> Bools {
        match nulls.filter(|n| n.null_count() > 0) {
            None => Bools { bits, nulls: None },
            Some(nulls) => Bools { bits: &bits & nulls.inner(), nulls: Some(nulls) },
        }
    }

    /// The same truth in every row.
    pub fn uniform(bit: bool, rows: usize) -> Bools {
        Bools { bits: uniform(bit, rows), nulls: None }
    }

    /// NULL in every row.
    pub fn unknown(rows: usize) -> Bools {
        Bools { bits: uniform(false, rows), nulls: (rows > 0).then(|| NullBuffer::new_null(rows)) }
    }

    /// The rows that are FALSE.
    pub fn falses(&self) -> BooleanBuffer {
        match &self.nulls {
            None => !&self.bits,
            Some(nulls) => nulls.inner() & &!&self.bits,
        }
    }

    fn take(&self, rows: &[u32]) -> Bools {
        let bits = bits::of_rows(rows.len(), |i| self.bits.value(rows[i] as usize));
        Bools { bits, nulls: gather_nulls(self.nulls.as_ref(), rows) }
    }

    /// As integers.
    pub fn to_int(&self) -> Column<i64> {
        let mut values = Vec::with_capacity(self.bits.len());
        let chunks = self.bits.bit_chunks();
        for word in chunks.iter() {
            values.extend((0..64).map(|bit| (word >> bit & 1) as i64));
        }
        let rest = chunks.remainder_bits();
        values.extend((0..chunks.remainder_len()).map(|bit| (rest >> bit & 1) as i64));
        Column::many(values, self.nulls.clone())
    }
}

impl Strings {
    /// Whether the row is NULL.
    pub fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Strings::One(_) => None,
            Strings::Views(v) => v.nulls(),
            Strings::Codes(v) => v.nulls(),
        }
        .filter(|n| n.null_count() > 0)
    }

    /// Without dictionary codes: one string, or a view for each row.
    pub fn plain(&self) -> Strings {
        match self {
            Strings::Codes(codes) => {
                let array: ArrayRef = Arc::new(codes.clone());
                Strings::Views(decode(&array).as_string_view().clone())
            }
            other => other.clone(),
        }
    }

    /// The string at a row; meaningless if the row is NULL.
    #[inline]
    pub fn value(&self, row: usize) -> &str {
        match self {
            Strings::One(s) => s,
            Strings::Views(v) => v.value(row),
            Strings::Codes(codes) => {
                let code = codes.keys().values()[row] as usize;
                let values = codes.values().as_string_view();
                // A NULL row's code may be anything.
                if code < values.len() { values.value(code) } else { "" }
            }
        }
    }

    /// The string at a row, or None.
    #[inline]
    pub fn get(&self, row: usize) -> Option<&str> {
        if self.nulls().is_some_and(|n| n.is_null(row)) { None } else { Some(self.value(row)) }
    }

    /// The bitmap of `test`, NULL rows unset.
    pub fn test(&self, rows: usize, test: impl Fn(&str) -> bool) -> Bools {
        let nulls = self.nulls().cloned();
        let bits = match self {
            Strings::One(s) => uniform(test(s), rows),
            Strings::Views(v) => bits::of_rows(rows, |row| test(v.value(row))),
            Strings::Codes(_) => bits::of_rows(rows, |row| test(self.value(row))),
        };
        Bools::new(bits, nulls)
    }

    /// A number for each string.
    pub fn map<R: ArrowNativeType>(&self, rows: usize, f: impl Fn(&str) -> R) -> Column<R> {
        match self {
            Strings::One(s) => Column::one(f(s)),
            _ => Column::many((0..rows).map(|row| f(self.value(row))).collect(), self.nulls().cloned()),
        }
    }

    fn take(&self, rows: &[u32]) -> Strings {
        match self {
            Strings::One(s) => Strings::One(Arc::clone(s)),
            Strings::Views(v) => {
                Strings::Views(views_over(v, gather(v.views(), rows).into(), gather_nulls(v.nulls(), rows)))
            }
            Strings::Codes(v) => {
                let codes = gather(v.keys().values(), rows);
                let array = codes_over(v, codes, gather_nulls(v.nulls(), rows));
                Strings::Codes(array.as_dictionary::<UInt16Type>().clone())
            }
        }
    }

    fn into_array(self, rows: usize) -> ArrayRef {
        match self {
            Strings::One(s) => Arc::new(repeat(&s, rows)),
            Strings::Views(v) => Arc::new(v),
            Strings::Codes(v) => Arc::new(v),
        }
    }
}

/// One string in every row, stored once.
pub(crate) fn repeat(s: &str, rows: usize) -> StringViewArray {
    let single = StringViewArray::from_iter_values([s]);
    views_over(&single, vec![single.views()[0]; rows].into(), None)
}

impl Binary {
    /// Which rows are NULL.
    pub fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Binary::One(_) => None,
            Binary::Views(v) => v.nulls().filter(|n| n.null_count() > 0),
        }
    }

    /// The bytes at a row; meaningless if the row is NULL.
    #[inline]
    pub fn value(&self, row: usize) -> &[u8] {
        match self {
            Binary::One(s) => s,
            Binary::Views(v) => v.value(row),
        }
    }

    fn take(&self, rows: &[u32]) -> Binary {
        match self {
            Binary::One(s) => Binary::One(Arc::clone(s)),
            Binary::Views(v) => {
                Binary::Views(views_over(v, gather(v.views(), rows).into(), gather_nulls(v.nulls(), rows)))
            }
        }
    }

    fn into_array(self, rows: usize) -> ArrayRef {
        match self {
            Binary::One(s) => {
                let single = BinaryViewArray::from_iter_values([&*s]);
                Arc::new(views_over(&single, vec![single.views()[0]; rows].into(), None))
            }
            Binary::Views(v) => Arc::new(v),
        }
    }
}

impl Value {
    /// A constant.
    pub fn from_datum(datum: &Datum) -> Value {
        match datum {
            Datum::Null => Value::Null,
            Datum::Int(v) => Value::Int(Column::one(*v)),
            Datum::UInt(v) => Value::UInt(Column::one(*v)),
            Datum::Double(v) => Value::Double(Column::one(*v)),
            Datum::Decimal { value, scale } => Value::Decimal(Decimals::one(*value, *scale)),
            Datum::String(s) => Value::String(Strings::One(Arc::clone(s))),
            Datum::Bytes(b) => Value::Bytes(Binary::One(Arc::clone(b))),
            Datum::Date(v) => Value::Date(Column::one(*v)),
            Datum::DateTime(v) => Value::DateTime(Column::one(*v)),
            Datum::Time(v) => Value::Time(Column::one(*v)),
        }
    }

    /// A column of a batch; nothing is copied.
    pub fn from_array(array: &ArrayRef) -> Result<Value> {
        Ok(match array.data_type() {
            DataType::Null => Value::Null,
            DataType::Int64 => Value::Int(Column::of(array.as_primitive::<Int64Type>())),
            DataType::UInt64 => Value::UInt(Column::of(array.as_primitive::<UInt64Type>())),
            DataType::Float64 => Value::Double(Column::of(array.as_primitive::<Float64Type>())),
            DataType::Decimal64(_, scale) => Value::Decimal(Decimals::narrow(
                Column::of(array.as_primitive::<Decimal64Type>()),
                *scale as u8,
            )),
            DataType::Decimal128(_, scale) => Value::Decimal(Decimals::wide(
                Column::of(array.as_primitive::<Decimal128Type>()),
                *scale as u8,
            )),
            DataType::Date32 => Value::Date(Column::of(array.as_primitive::<Date32Type>())),
            DataType::Timestamp(_, _) => {
                Value::DateTime(Column::of(array.as_primitive::<TimestampMicrosecondType>()))
            }
            DataType::Duration(_) => Value::Time(Column::of(array.as_primitive::<DurationMicrosecondType>())),
            DataType::Utf8View => Value::String(Strings::Views(array.as_string_view().clone())),
            DataType::BinaryView => Value::Bytes(Binary::Views(array.as_binary_view().clone())),
            DataType::Dictionary(_, _) => match array.as_dictionary_opt::<UInt16Type>() {
                Some(codes) => Value::String(Strings::Codes(codes.clone())),
                None => return Err(Error::Plan("a dictionary with codes that are not 16 bits wide".into())),
            },
            other => return Err(Error::Plan(format!("a column of type {other}"))),
        })
    }

    /// An array for a result of type `sql`: its Arrow type, but a decimal may be in either form and a string may be codes.
    pub fn into_array(self, sql: &SqlType, rows: usize) -> Result<ArrayRef> {
        Ok(match self.conform(sql)? {
            Value::Null => null_column(sql, rows),
            Value::Bool(v) => v.to_int().into_array::<Int64Type>(rows, DataType::Int64),
            Value::Int(v) => v.into_array::<Int64Type>(rows, DataType::Int64),
            Value::UInt(v) => v.into_array::<UInt64Type>(rows, DataType::UInt64),
            Value::Double(v) => v.into_array::<Float64Type>(rows, DataType::Float64),
            Value::Decimal(Decimals::Narrow(v)) => {
                v.column.into_array::<Decimal64Type>(rows, DataType::Decimal64(18, v.scale as i8))
            }
            Value::Decimal(Decimals::Wide(v)) => {
                v.column.into_array::<Decimal128Type>(rows, DataType::Decimal128(38, v.scale as i8))
            }
            Value::Date(v) => v.into_array::<Date32Type>(rows, DataType::Date32),
            Value::DateTime(v) => {
                v.into_array::<TimestampMicrosecondType>(rows, SqlType::DateTime(6).arrow())
            }
            Value::Time(v) => v.into_array::<DurationMicrosecondType>(rows, SqlType::Time(6).arrow()),
            Value::String(v) => v.into_array(rows),
            Value::Bytes(v) => v.into_array(rows),
        })
    }

    /// The same values in the family (and, for decimals, the scale) of `sql`, where that loses nothing.
    pub fn conform(self, sql: &SqlType) -> Result<Value> {
        let unsigned = sql.arrow() == DataType::UInt64;
        Ok(match (self, sql) {
            (Value::Null, _) => Value::Null,
            (Value::Bool(v), _) if unsigned => Value::UInt(v.to_int().map(|v| v as u64)),
            (Value::Int(v), _) if unsigned => Value::UInt(v.map(|v| v as u64)),
            (Value::UInt(v), SqlType::Int { unsigned: false, .. } | SqlType::Year) => {
                Value::Int(v.map(|v| v as i64))
            }
            (v @ Value::UInt(_), _) if unsigned => v,
            (v @ (Value::Bool(_) | Value::Int(_) | Value::UInt(_)), SqlType::Int { .. } | SqlType::Year) => v,
            (v, SqlType::Float | SqlType::Double) => match v.to_double() {
                Some(v) => Value::Double(v),
                None => return Err(mismatch(sql)),
            },
            (v, SqlType::Decimal { scale, .. }) => match v.to_decimal() {
                Some(v) => Value::Decimal(v.rescale(*scale).map_err(|Overflow| Error::OutOfRange {
                    ty: "DECIMAL",
                    expression: sql.to_string().into(),
                })?),
                None => return Err(mismatch(sql)),
            },
            (v @ Value::Date(_), SqlType::Date) => v,
            (Value::Date(v), SqlType::DateTime(_) | SqlType::Timestamp(_)) => {
                Value::DateTime(v.map(|d| i64::from(d) * super::calendar::DAY_US))
            }
            (v @ Value::DateTime(_), SqlType::DateTime(_) | SqlType::Timestamp(_)) => v,
            (v @ Value::Time(_), SqlType::Time(_)) => v,
            (v @ Value::String(_), _) if sql.is_string() => v,
            (v @ Value::Bytes(_), _) if sql.is_binary() || *sql == SqlType::Json => v,
            (Value::String(v), _) if sql.is_binary() => Value::Bytes(match v.plain() {
                Strings::One(s) => Binary::One(s.as_bytes().into()),
                Strings::Views(v) => Binary::Views(v.to_binary_view()),
                Strings::Codes(_) => return Err(mismatch(sql)),
            }),
            // A bare NULL's type says nothing.
            (v, SqlType::Null) => v,
            _ => return Err(mismatch(sql)),
        })
    }

    /// The values at these rows.
    pub fn take(&self, rows: &[u32]) -> Value {
        match self {
            Value::Null => Value::Null,
            Value::Bool(v) => Value::Bool(v.take(rows)),
            Value::Int(v) => Value::Int(v.take(rows)),
            Value::UInt(v) => Value::UInt(v.take(rows)),
            Value::Double(v) => Value::Double(v.take(rows)),
            Value::Decimal(v) => Value::Decimal(v.take(rows)),
            Value::Date(v) => Value::Date(v.take(rows)),
            Value::DateTime(v) => Value::DateTime(v.take(rows)),
            Value::Time(v) => Value::Time(v.take(rows)),
            Value::String(v) => Value::String(v.take(rows)),
            Value::Bytes(v) => Value::Bytes(v.take(rows)),
        }
    }

    /// Which rows are not NULL; `None` if all are, unless the value is NULL altogether.
    pub fn nulls(&self) -> Option<&NullBuffer> {
        match self {
            Value::Null => None,
            Value::Bool(v) => v.nulls.as_ref(),
            Value::Int(v) => v.nulls.as_ref(),
            Value::UInt(v) => v.nulls.as_ref(),
            Value::Double(v) => v.nulls.as_ref(),
            Value::Decimal(v) => v.nulls(),
            Value::Date(v) => v.nulls.as_ref(),
            Value::DateTime(v) | Value::Time(v) => v.nulls.as_ref(),
            Value::String(v) => v.nulls(),
            Value::Bytes(v) => v.nulls(),
        }
    }

    /// Whether the row is NULL.
    pub fn is_null(&self, row: usize) -> bool {
        matches!(self, Value::Null) || self.nulls().is_some_and(|n| n.is_null(row))
    }

    /// Which rows have a value, as a bitmap.
    pub fn valid(&self, rows: usize) -> BooleanBuffer {
        match (self, self.nulls()) {
            (Value::Null, _) => uniform(false, rows),
            (_, None) => uniform(true, rows),
            (_, Some(nulls)) => nulls.inner().clone(),
        }
    }

    /// Truth: a number is true if it is not 0, a string if the number it starts with is not.
    pub fn truth(&self, rows: usize) -> Bools {
        match self {
            Value::Null => Bools::unknown(rows),
            Value::Bool(v) => v.clone(),
            Value::Int(v) | Value::DateTime(v) | Value::Time(v) => v.test(rows, |v| v != 0),
            Value::UInt(v) => v.test(rows, |v| v != 0),
            Value::Double(v) => v.test(rows, |v| v != 0.0),
            Value::Decimal(Decimals::Narrow(v)) => v.column.test(rows, |v| v != 0),
            Value::Decimal(Decimals::Wide(v)) => v.column.test(rows, |v| v != 0),
            Value::Date(v) => v.test(rows, |_| true),
            Value::String(v) => v.test(rows, |s| super::number::double_prefix(s.as_bytes()).0 != 0.0),
            Value::Bytes(v) => {
                let bits = bits::of_rows(rows, |row| {
                    !self.is_null(row) && super::number::double_prefix(v.value(row)).0 != 0.0
                });
                Bools::new(bits, v.nulls().cloned())
            }
        }
    }

    /// As signed integers, if it is one of the integer forms.
    pub fn to_int(&self) -> Option<Column<i64>> {
        match self {
            Value::Bool(v) => Some(v.to_int()),
            Value::Int(v) => Some(v.clone()),
            Value::UInt(v) => Some(v.map(|v| v as i64)),
            _ => None,
        }
    }

    /// As doubles, if it is a number.
    pub fn to_double(&self) -> Option<Column<f64>> {
        match self {
            Value::Double(v) => Some(v.clone()),
            Value::Bool(v) => Some(v.to_int().map(|v| v as f64)),
            Value::Int(v) => Some(v.map(|v| v as f64)),
            Value::UInt(v) => Some(v.map(|v| v as f64)),
            Value::Decimal(v) => Some(v.to_double()),
            _ => None,
        }
    }

    /// As decimals, if it is an exact number.
    pub fn to_decimal(&self) -> Option<Decimals> {
        match self {
            Value::Decimal(v) => Some(v.clone()),
            Value::Bool(v) => Some(Decimals::from_int(&v.to_int())),
            Value::Int(v) => Some(Decimals::from_int(v)),
            Value::UInt(v) => Some(Decimals::wide(v.map(i128::from), 0)),
            _ => None,
        }
    }
}

fn mismatch(sql: &SqlType) -> Error {
    Error::Plan(format!("a value of another family where {sql} is due"))
}

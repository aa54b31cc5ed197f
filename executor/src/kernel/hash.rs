//! Hashing and packing of join and group keys, a column at a time.
//!
//! Equal values hash and pack alike in whichever form their column travels: a string as a view or as a dictionary code, a
//! decimal in its narrow or its wide form (of the same scale). NULL is a value of its own here; a join that must not match
//! NULLs leaves those rows out by their null buffers.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use crate::error::{Error, Result};

/// What NULL hashes to.
const NULL_HASH: u64 = 0x9e37_79b9_7f4a_7c15;
/// Odd constants without structure (the digits of pi).
const K0: u64 = 0x243f_6a88_85a3_08d3;
const K1: u64 = 0x1319_8a2e_0370_7344;
const K2: u64 = 0xa409_3822_299f_31d1;

/// Spreads one word over 64 bits: multiply to 128 bits and fold the halves.
#[inline]
pub fn mix(word: u64) -> u64 {
    fold(word ^ K0, K2)
}

/// Puts a further word into a hash; the order matters.
#[inline]
pub fn combine(hash: u64, word: u64) -> u64 {
    fold(hash ^ word, K2 ^ hash.rotate_left(32))
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ (wide >> 64) as u64
}

/// Hash of a string.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let word = |b: &[u8]| u64::from_le_bytes(b.try_into().expect("the slice has eight bytes"));
    let half = |b: &[u8]| u64::from(u32::from_le_bytes(b.try_into().expect("the slice has four bytes")));
    let n = bytes.len();
    let seed = (n as u64) ^ K1;
    let (a, b) = match n {
        0 => (0, 0),
        // First, middle and last byte cover all of a string of up to three.
        1..=3 => (u64::from(bytes[0]) << 8 | u64::from(bytes[n / 2]), u64::from(bytes[n - 1])),
        4..=8 => (half(&bytes[..4]), half(&bytes[n - 4..])),
        9..=16 => (word(&bytes[..8]), word(&bytes[n - 8..])),
        _ => {
            let mut state = seed;
            let mut rest = bytes;
            while rest.len() > 16 {
                state = fold(word(&rest[..8]) ^ state, word(&rest[8..16]) ^ K2);
                rest = &rest[16..];
            }
            let tail = &bytes[n - 16..];
            return fold(word(&tail[..8]) ^ state ^ K0, word(&tail[8..]) ^ K1);
        }
    };
    fold(a ^ seed ^ K0, b ^ K2)
}

/// Hash of each row of the key columns, into `out`.
pub fn hash_rows(columns: &[ArrayRef], rows: usize, out: &mut Vec<u64>) -> Result<()> {
    out.clear();
    out.resize(rows, 0);
    for (i, column) in columns.iter().enumerate() {
        hash_column(column, i == 0, out)?;
    }
    Ok(())
}

fn hash_column(column: &ArrayRef, first: bool, out: &mut [u64]) -> Result<()> {
    let nulls = column.nulls();
    match column.data_type() {
        DataType::Int64 => {
            hash_words(column.as_primitive::<Int64Type>().values(), |v| *v as u64, nulls, first, out)
        }
        DataType::UInt64 => {
            hash_words(column.as_primitive::<UInt64Type>().values(), |v| *v, nulls, first, out)
        }
        DataType::Float64 => {
            hash_words(column.as_primitive::<Float64Type>().values(), |v| float_word(*v), nulls, first, out);
        }
        DataType::Date32 => {
            hash_words(
                column.as_primitive::<Date32Type>().values(),
                |v| i64::from(*v) as u64,
                nulls,
                first,
                out,
            );
        }
        DataType::Decimal64(_, _) => {
            hash_words(column.as_primitive::<Decimal64Type>().values(), |v| *v as u64, nulls, first, out);
        }
        DataType::Decimal128(_, _) => {
            hash_words(
                column.as_primitive::<Decimal128Type>().values(),
                |v| wide_word(*v),
                nulls,
                first,
                out,
            );
        }
        DataType::Timestamp(_, _) => {
            hash_words(
                column.as_primitive::<TimestampMicrosecondType>().values(),
                |v| *v as u64,
                nulls,
                first,
                out,
            );
        }
        DataType::Duration(_) => {
            hash_words(
                column.as_primitive::<DurationMicrosecondType>().values(),
                |v| *v as u64,
                nulls,
                first,
                out,
            );
        }
        DataType::Utf8View => {
            let strings = column.as_string_view();
            for (row, h) in out.iter_mut().enumerate() {
                let word =
                    if strings.is_null(row) { NULL_HASH } else { hash_bytes(strings.value(row).as_bytes()) };
                *h = if first { word } else { combine(*h, word) };
            }
        }
        DataType::BinaryView => {
            let bytes = column.as_binary_view();
            for (row, h) in out.iter_mut().enumerate() {
                let word = if bytes.is_null(row) { NULL_HASH } else { hash_bytes(bytes.value(row)) };
                *h = if first { word } else { combine(*h, word) };
            }
        }
        DataType::Dictionary(_, _) => {
            let codes = column.as_dictionary::<UInt16Type>();
            let values = codes.values().as_string_view();
            let keys = codes.keys().values();
            // Few rows over a large dictionary: hash the rows' own strings.
            let hashes: Vec<u64> = if values.len() <= 2 * keys.len() {
                (0..values.len()).map(|i| hash_bytes(values.value(i).as_bytes())).collect()
            } else {
                Vec::new()
            };
            for (row, h) in out.iter_mut().enumerate() {
                let word = if nulls.is_some_and(|n| n.is_null(row)) {
                    NULL_HASH
                } else if let Some(known) = hashes.get(keys[row] as usize) {
                    *known
                } else {
                    hash_bytes(values.value(keys[row] as usize).as_bytes())
                };
                *h = if first { word } else { combine(*h, word) };
            }
        }
        DataType::Null => {
            for h in out.iter_mut() {
                *h = if first { NULL_HASH } else { combine(*h, NULL_HASH) };
            }
        }
        other => return Err(Error::Plan(format!("{other} is no key type"))),
    }
    Ok(())
}

#[inline]
fn hash_words<T>(
    values: &[T],
    word: impl Fn(&T) -> u64,
    nulls: Option<&NullBuffer>,
    first: bool,
    out: &mut [u64],
) {
    match (nulls, first) {
        (None, true) => {
            for (h, v) in out.iter_mut().zip(values) {
                *h = mix(word(v));
            }
        }
        (None, false) => {
            for (h, v) in out.iter_mut().zip(values) {
                *h = combine(*h, mix(word(v)));
            }
        }
        (Some(nulls), _) => {
            for (row, (h, v)) in out.iter_mut().zip(values).enumerate() {
                let word = if nulls.is_null(row) { NULL_HASH } else { mix(word(v)) };
                *h = if first { word } else { combine(*h, word) };
            }
        }
    }
}

/// A double as the word that stands for it: -0.0 is 0.0, every NaN is the same.
#[inline]
pub fn float_word(v: f64) -> u64 {
    if v == 0.0 {
        0
    } else if v.is_nan() {
        f64::NAN.to_bits()
    } else {
        v.to_bits()
    }
}

/// A wide decimal as a word: its value if that fits 64 bits, as in the narrow form.
#[inline]
fn wide_word(v: i128) -> u64 {
    match i64::try_from(v) {
        Ok(narrow) => narrow as u64,
        Err(_) => combine((v as u64) ^ K1, (v >> 64) as u64),
    }
}

/// One column's place in a packed key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyField {
    /// The least value; what is packed is the distance from it.
    pub base: i128,
    /// Bits of the greatest distance, the code for NULL included.
    pub bits: u32,
    /// Whether distance 0 stands for NULL and the others are one more.
    pub nullable: bool,
}

impl KeyField {
    /// A field for values from `low` to `high`.
    pub fn new(low: i128, high: i128, nullable: bool) -> KeyField {
        let span = high.wrapping_sub(low) as u128;
        let codes = span.saturating_add(u128::from(nullable));
        KeyField { base: low, bits: 128 - codes.leading_zeros(), nullable }
    }

    /// Greatest value that fits the field.
    fn distance_max(&self) -> u128 {
        let codes = if self.bits >= 128 { u128::MAX } else { (1u128 << self.bits) - 1 };
        codes.saturating_sub(u128::from(self.nullable))
    }
}

/// Packs fixed-width key columns (integers, dates, times, decimals; codes for dictionaries that all share one) into a word
/// per row, the first column in the lowest bits. Returns whether every row fitted its fields; the rows that did not get
/// `false` in `fits`, which is left empty if all did.
///
/// The fields' bits must sum to at most 64.
pub fn pack_u64(
    columns: &[ArrayRef],
    fields: &[KeyField],
    rows: usize,
    out: &mut Vec<u64>,
    fits: &mut Vec<bool>,
) -> Result<bool> {
    out.clear();
    out.resize(rows, 0);
    pack(columns, fields, out, fits, |word, shift, code| *word |= (code as u64) << shift)
}

/// As [`pack_u64`], into 128 bits.
pub fn pack_u128(
    columns: &[ArrayRef],
    fields: &[KeyField],
    rows: usize,
    out: &mut Vec<u128>,
    fits: &mut Vec<bool>,
) -> Result<bool> {
    out.clear();
    out.resize(rows, 0);
    pack(columns, fields, out, fits, |word, shift, code| *word |= code << shift)
}

fn pack<W>(
    columns: &[ArrayRef],
    fields: &[KeyField],
    out: &mut [W],
    fits: &mut Vec<bool>,
    put: impl Fn(&mut W, u32, u128) + Copy,
) -> Result<bool> {
    fits.clear();
    let mut shift = 0;
    for (column, field) in columns.iter().zip(fields) {
        let nulls = column.nulls().filter(|n| n.null_count() > 0);
        match column.data_type() {
            DataType::Int64 => {
                pack_column(column.as_primitive::<Int64Type>().values(), nulls, field, shift, out, fits, put);
            }
            DataType::UInt64 => {
                pack_column(
                    column.as_primitive::<UInt64Type>().values(),
                    nulls,
                    field,
                    shift,
                    out,
                    fits,
                    put,
                );
            }
            DataType::Date32 => {
                pack_column(
                    column.as_primitive::<Date32Type>().values(),
                    nulls,
                    field,
                    shift,
                    out,
                    fits,
                    put,
                );
            }
            DataType::Decimal64(_, _) => {
                pack_column(
                    column.as_primitive::<Decimal64Type>().values(),
                    nulls,
                    field,
                    shift,
                    out,
                    fits,
                    put,
                );
            }
            DataType::Decimal128(_, _) => {
                pack_column(
                    column.as_primitive::<Decimal128Type>().values(),
                    nulls,
                    field,
                    shift,
                    out,
                    fits,
                    put,
                );
            }
            DataType::Timestamp(_, _) => {
                let values = column.as_primitive::<TimestampMicrosecondType>().values();
                pack_column(values, nulls, field, shift, out, fits, put);
            }
            DataType::Duration(_) => {
                let values = column.as_primitive::<DurationMicrosecondType>().values();
                pack_column(values, nulls, field, shift, out, fits, put);
            }
            DataType::Dictionary(_, _) => {
                let codes = column.as_dictionary::<UInt16Type>();
                pack_column(codes.keys().values(), nulls, field, shift, out, fits, put);
            }
            other => return Err(Error::Plan(format!("{other} is not of fixed width"))),
        }
        shift += field.bits;
    }
    Ok(fits.is_empty())
}

#[inline]
fn pack_column<T: Copy + Into<i128>, W>(
    values: &[T],
    nulls: Option<&NullBuffer>,
    field: &KeyField,
    shift: u32,
    out: &mut [W],
    fits: &mut Vec<bool>,
    put: impl Fn(&mut W, u32, u128),
) {
    let (max, one) = (field.distance_max(), u128::from(field.nullable));
    let rows = out.len();
    for (row, (word, v)) in out.iter_mut().zip(values).enumerate() {
        if nulls.is_some_and(|n| n.is_null(row)) {
            if !field.nullable {
                mark(fits, rows, row);
            }
            continue;
        }
        let v: i128 = (*v).into();
        let distance = v.wrapping_sub(field.base) as u128;
        if v < field.base || distance > max {
            mark(fits, rows, row);
        } else if field.bits > 0 {
            put(word, shift, distance + one);
        }
    }
}

#[cold]
fn mark(fits: &mut Vec<bool>, rows: usize, row: usize) {
    if fits.is_empty() {
        fits.resize(rows, true);
    }
    fits[row] = false;
}

/// Least and greatest value of a fixed-width column, NULLs left out; `None` if there is no value.
pub fn min_max(column: &ArrayRef) -> Result<Option<(i128, i128)>> {
    fn of<T: Copy + Into<i128> + Ord>(values: &[T], nulls: Option<&NullBuffer>) -> Option<(i128, i128)> {
        let (low, high) = match nulls.filter(|n| n.null_count() > 0) {
            None => (*values.iter().min()?, *values.iter().max()?),
            Some(nulls) => {
                let mut valid = nulls.valid_indices().map(|i| values[i]);
                let first = valid.next()?;
                valid.fold((first, first), |(low, high), v| (low.min(v), high.max(v)))
            }
        };
        Some((low.into(), high.into()))
    }
    let nulls = column.nulls();
    Ok(match column.data_type() {
        DataType::Int64 => of(column.as_primitive::<Int64Type>().values(), nulls),
        DataType::UInt64 => of(column.as_primitive::<UInt64Type>().values(), nulls),
        DataType::Date32 => of(column.as_primitive::<Date32Type>().values(), nulls),
        DataType::Decimal64(_, _) => of(column.as_primitive::<Decimal64Type>().values(), nulls),
        DataType::Decimal128(_, _) => of(column.as_primitive::<Decimal128Type>().values(), nulls),
        DataType::Timestamp(_, _) => of(column.as_primitive::<TimestampMicrosecondType>().values(), nulls),
        DataType::Duration(_) => of(column.as_primitive::<DurationMicrosecondType>().values(), nulls),
        DataType::Dictionary(_, _) => of(column.as_dictionary::<UInt16Type>().keys().values(), nulls),
        other => return Err(Error::Plan(format!("{other} is not of fixed width"))),
    })
}

/// Keys of any types as bytes: equal rows have equal bytes and different rows different ones. Not ordered.
#[derive(Clone, Debug, Default)]
pub struct KeyBytes {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl KeyBytes {
    /// The key of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Replaces the keys by those of the rows of `columns`.
    pub fn fill(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        self.bytes.clear();
        self.ends.clear();
        let writers: Vec<Writer<'_>> = columns.iter().map(Writer::new).collect::<Result<_>>()?;
        for row in 0..rows {
            for writer in &writers {
                writer.put(row, &mut self.bytes);
            }
            self.ends.push(self.bytes.len());
        }
        Ok(())
    }
}

/// Writes one column's values of a [`KeyBytes`] row.
struct Writer<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Words(&'a [i64]),
    Unsigned(&'a [u64]),
    Doubles(&'a [f64]),
    Days(&'a [i32]),
    Narrow(&'a [i64]),
    Wide(&'a [i128]),
    Strings(&'a arrow::array::StringViewArray),
    Bytes(&'a arrow::array::BinaryViewArray),
    Codes(&'a [u16], &'a arrow::array::StringViewArray),
    Nothing,
}

impl<'a> Writer<'a> {
    fn new(column: &'a ArrayRef) -> Result<Writer<'a>> {
        let values = match column.data_type() {
            DataType::Int64 => Values::Words(column.as_primitive::<Int64Type>().values()),
            DataType::UInt64 => Values::Unsigned(column.as_primitive::<UInt64Type>().values()),
            DataType::Float64 => Values::Doubles(column.as_primitive::<Float64Type>().values()),
            DataType::Date32 => Values::Days(column.as_primitive::<Date32Type>().values()),
            DataType::Decimal64(_, _) => Values::Narrow(column.as_primitive::<Decimal64Type>().values()),
            DataType::Decimal128(_, _) => Values::Wide(column.as_primitive::<Decimal128Type>().values()),
            DataType::Timestamp(_, _) => {
                Values::Words(column.as_primitive::<TimestampMicrosecondType>().values())
            }
            DataType::Duration(_) => Values::Words(column.as_primitive::<DurationMicrosecondType>().values()),
            DataType::Utf8View => Values::Strings(column.as_string_view()),
            DataType::BinaryView => Values::Bytes(column.as_binary_view()),
            DataType::Dictionary(_, _) => {
                let codes = column.as_dictionary::<UInt16Type>();
                Values::Codes(codes.keys().values(), codes.values().as_string_view())
            }
            DataType::Null => Values::Nothing,
            other => return Err(Error::Plan(format!("{other} is no key type"))),
        };
        Ok(Writer { nulls: column.nulls(), values })
    }

    /// One byte that says whether there is a value, then the value: fixed width, or with its length in front. A decimal is
    /// one byte longer than its narrow form only if it needs more than 64 bits.
    #[inline]
    fn put(&self, row: usize, out: &mut Vec<u8>) {
        if self.nulls.is_some_and(|n| n.is_null(row)) || matches!(self.values, Values::Nothing) {
            out.push(0);
            return;
        }
        let string = |out: &mut Vec<u8>, s: &[u8]| {
            out.push(1);
            out.extend_from_slice(&(s.len() as u32).to_le_bytes());
            out.extend_from_slice(s);
        };
        let word = |out: &mut Vec<u8>, w: u64| {
            out.push(1);
            out.extend_from_slice(&w.to_le_bytes());
        };
        match &self.values {
            Values::Words(v) | Values::Narrow(v) => word(out, v[row] as u64),
            Values::Unsigned(v) => word(out, v[row]),
            Values::Doubles(v) => word(out, float_word(v[row])),
            Values::Days(v) => word(out, i64::from(v[row]) as u64),
            Values::Wide(v) => match i64::try_from(v[row]) {
                Ok(narrow) => word(out, narrow as u64),
                Err(_) => {
                    out.push(2);
                    out.extend_from_slice(&v[row].to_le_bytes());
                }
            },
            Values::Strings(v) => string(out, v.value(row).as_bytes()),
            Values::Bytes(v) => string(out, v.value(row)),
            Values::Codes(codes, values) => string(out, values.value(codes[row] as usize).as_bytes()),
            Values::Nothing => {}
        }
    }
}

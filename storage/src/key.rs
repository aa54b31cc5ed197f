//! Keys: byte strings whose order is the order of the rows.
//!
//! A key is eight bytes of [`SpaceId`], big endian, then the key columns one behind the other. Comparing two keys as bytes
//! compares the rows column by column, NULL first, as [`Datum::compare`] does:
//!
//! | value | bytes |
//! |---|---|
//! | NULL | `00` |
//! | integer, date, datetime, time | `01`, then 8 bytes big endian with the sign bit flipped |
//! | unsigned integer | `01`, then 8 bytes big endian |
//! | double | `01`, then its bits, big endian: all flipped if negative, else only the sign; -0 is 0, NaN is greatest |
//! | decimal | `01`, then the digits as 16 bytes big endian with the sign bit flipped; the scale is the column's |
//! | string, bytes | `01`, then the bytes with `00` written as `00 FF`, then `00 01`; a string without the blanks at its end |
//!
//! No encoded value is a prefix of another one, so a prefix of columns is a prefix of bytes: all rows with `a = 7` lie
//! between the encoding of `(7)` and that encoding with one added to its last byte, whatever columns follow. The encoding
//! needs no schema, only values already cast to the types of their columns; decoding needs the schema.
//!
//! Rows are encoded from Arrow columns without going through datums: a [`KeyEncoder`] is made for a space, bound to a set
//! of columns (which finds the types, once), and then appends the key of row `i`, or compares it with a given key without
//! writing it anywhere.

mod search;
mod together;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, Date32Array, Decimal64Array, Decimal128Array,
    DurationMicrosecondArray, Float64Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
    UInt16Array, UInt64Array,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use crate::schema::{Datum, SpaceId, SpaceSchema, SqlType, TableDescriptor, unpadded};

pub(crate) use search::{Bound, gallop, halve};
pub(crate) use together::Marks;

const TAG_NULL: u8 = 0;
const TAG_VALUE: u8 = 1;
const ESCAPED_ZERO: [u8; 2] = [0x00, 0xFF];
const END_OF_BYTES: [u8; 2] = [0x00, 0x01];
const SPACE_BYTES: usize = 8;

/// The encoded key of a row, or a bound between keys. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<[u8]>);

impl Key {
    /// A key of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Key {
        Key(Arc::from(bytes))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The least key of a space, itself the key of no row.
    pub fn space_start(space: SpaceId) -> Key {
        Key::from_bytes(&space.0.to_be_bytes())
    }

    /// The space it belongs to; `None` for a bound shorter than a space id.
    pub fn space(&self) -> Option<SpaceId> {
        let bytes = self.0.get(..SPACE_BYTES)?;
        Some(SpaceId(u64::from_be_bytes(bytes.try_into().ok()?)))
    }

    /// The key of the same values in another space.
    pub fn in_space(&self, space: SpaceId) -> Key {
        let values = self.0.get(SPACE_BYTES..).unwrap_or_default();
        Key([space.0.to_be_bytes().as_slice(), values].concat().into())
    }

    /// The least key that is greater.
    pub fn successor(&self) -> Key {
        let mut bytes = self.0.to_vec();
        bytes.push(0);
        Key(bytes.into())
    }

    /// The least key that is greater than every key that starts with this one.
    pub fn prefix_end(&self) -> Key {
        let mut bytes = self.0.to_vec();
        end_of_prefix(&mut bytes);
        Key(bytes.into())
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// In hexadecimal, as TiDB shows region boundaries.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// The keys from `start` up to, not including, `end`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyRange {
    /// The least key in it.
    pub start: Key,
    /// The least key beyond it.
    pub end: Key,
}

impl KeyRange {
    /// All keys of a space.
    pub fn of_space(space: SpaceId) -> KeyRange {
        let start = Key::space_start(space);
        KeyRange { end: start.prefix_end(), start }
    }

    /// Just this key.
    pub fn point(key: &Key) -> KeyRange {
        KeyRange { start: key.clone(), end: key.successor() }
    }

    /// Whether no key is in it.
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// Whether the key is in it.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_bytes() <= key && key < self.end.as_bytes()
    }

    /// Whether every key of `other` is in it.
    pub fn covers(&self, other: &KeyRange) -> bool {
        other.is_empty() || (self.start <= other.start && other.end <= self.end)
    }

    /// The keys that are in both; `None` if there is none.
    pub fn intersect(&self, other: &KeyRange) -> Option<KeyRange> {
        let range = KeyRange {
            start: self.start.clone().max(other.start.clone()),
            end: self.end.clone().min(other.end.clone()),
        };
        (!range.is_empty()).then_some(range)
    }
}

/// The key of these values of the first key columns, cast to the columns' types: a whole key, or a prefix of keys.
pub fn encode_datums(space: SpaceId, datums: &[Datum]) -> Key {
    let mut out = Vec::with_capacity(SPACE_BYTES + 9 * datums.len());
    begin_key(space, &mut out);
    append_datums(datums, &mut out);
    Key(out.into())
}

/// The bytes that every key of a space begins with.
pub fn begin_key(space: SpaceId, out: &mut Vec<u8>) {
    out.extend_from_slice(&space.0.to_be_bytes());
}

/// Appends the next columns of a key: values cast to the columns' types.
pub fn append_datums(datums: &[Datum], out: &mut Vec<u8>) {
    for datum in datums {
        match datum {
            Datum::Null => out.push(TAG_NULL),
            Datum::Int(v) | Datum::DateTime(v) | Datum::Time(v) => push_u64(out, flip_i64(*v)),
            Datum::Date(v) => push_u64(out, flip_i64(i64::from(*v))),
            Datum::UInt(v) => push_u64(out, *v),
            Datum::Double(v) => push_u64(out, flip_f64(*v)),
            Datum::Decimal { value, .. } => push_u128(out, flip_i128(*value)),
            Datum::String(s) => push_bytes(out, unpadded(s.as_bytes())),
            Datum::Bytes(b) => push_bytes(out, b),
        }
    }
}

/// Makes a prefix of keys the least key that is greater than every key that starts with it.
pub fn end_of_prefix(bytes: &mut Vec<u8>) {
    match bytes.iter().rposition(|&b| b != 0xFF) {
        Some(last) => {
            bytes.truncate(last + 1);
            bytes[last] += 1;
        }
        // Only the very last space has such a prefix; no key that is ever made is as great as this.
        None => bytes.extend([0xFF; 64]),
    }
}

/// The keys between two prefixes of key columns. A prefix stands for every key that starts with it: inclusive, all of them
/// are in; exclusive, none. An empty prefix is a prefix of every key, so an open bound is an empty, inclusive one.
///
/// Bounds on a unique index go no further than its unique prefix: keys there do not hold more.
pub fn range_of(
    space: SpaceId,
    low: &[Datum],
    low_inclusive: bool,
    high: &[Datum],
    high_inclusive: bool,
) -> KeyRange {
    let low = encode_datums(space, low);
    let high = encode_datums(space, high);
    let start = if low_inclusive { low } else { low.prefix_end() };
    let end = if high_inclusive { high.prefix_end() } else { high };
    KeyRange { end: end.max(start.clone()), start }
}

/// The values in a key of this space: all key columns, or only the unique prefix if the key holds no more. `None` if the
/// bytes are not such a key.
pub fn decode(schema: &SpaceSchema, key: &Key) -> Option<Vec<Datum>> {
    let mut rest = key.as_bytes().strip_prefix(schema.id.0.to_be_bytes().as_slice())?;
    let mut datums = Vec::with_capacity(schema.key.len());
    for &ordinal in &schema.key {
        if rest.is_empty() && schema.unique_prefix == Some(datums.len()) {
            break;
        }
        let (&tag, after) = rest.split_first()?;
        rest = after;
        datums.push(match tag {
            TAG_NULL => Datum::Null,
            TAG_VALUE => decode_value(&schema.columns.get(ordinal)?.ty.sql, &mut rest)?,
            _ => return None,
        });
    }
    rest.is_empty().then_some(datums)
}

fn decode_value(ty: &SqlType, rest: &mut &[u8]) -> Option<Datum> {
    Some(match ty {
        SqlType::Null | SqlType::Json => return None,
        SqlType::Int { unsigned: false, .. } | SqlType::Year => Datum::Int(unflip_i64(take_u64(rest)?)),
        SqlType::Int { unsigned: true, .. } | SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_) => {
            Datum::UInt(take_u64(rest)?)
        }
        SqlType::Float | SqlType::Double => Datum::Double(unflip_f64(take_u64(rest)?)),
        SqlType::Decimal { scale, .. } => {
            let (digits, after) = rest.split_first_chunk::<16>()?;
            *rest = after;
            Datum::Decimal { value: (u128::from_be_bytes(*digits) ^ (1 << 127)) as i128, scale: *scale }
        }
        SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..) => {
            Datum::String(String::from_utf8(take_bytes(rest)?).ok()?.into())
        }
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_) => {
            Datum::Bytes(take_bytes(rest)?.into())
        }
        SqlType::Date => Datum::Date(i32::try_from(unflip_i64(take_u64(rest)?)).ok()?),
        SqlType::DateTime(_) | SqlType::Timestamp(_) => Datum::DateTime(unflip_i64(take_u64(rest)?)),
        SqlType::Time(_) => Datum::Time(unflip_i64(take_u64(rest)?)),
    })
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    let (bytes, after) = rest.split_first_chunk::<8>()?;
    *rest = after;
    Some(u64::from_be_bytes(*bytes))
}

fn take_bytes(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let zero = rest.iter().position(|&b| b == 0)?;
        out.extend_from_slice(&rest[..zero]);
        let mark = *rest.get(zero + 1)?;
        *rest = &rest[zero + 2..];
        match mark {
            0xFF => out.push(0),
            0x01 => return Some(out),
            _ => return None,
        }
    }
}

fn flip_i64(v: i64) -> u64 {
    (v as u64) ^ (1 << 63)
}

fn unflip_i64(v: u64) -> i64 {
    (v ^ (1 << 63)) as i64
}

fn flip_i128(v: i128) -> u128 {
    (v as u128) ^ (1 << 127)
}

fn flip_f64(v: f64) -> u64 {
    let v = if v == 0.0 {
        0.0
    } else if v.is_nan() {
        f64::NAN.abs()
    } else {
        v
    };
    let bits = v.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

fn unflip_f64(v: u64) -> f64 {
    f64::from_bits(if v >> 63 == 1 { v & !(1 << 63) } else { !v })
}

fn push_u64(out: &mut Vec<u8>, v: u64) {
    out.extend_from_slice(&tagged_u64(v));
}

fn push_u128(out: &mut Vec<u8>, v: u128) {
    out.extend_from_slice(&tagged_u128(v));
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(TAG_VALUE);
    let mut pieces = bytes.split(|&b| b == 0);
    if let Some(first) = pieces.next() {
        out.extend_from_slice(first);
    }
    for piece in pieces {
        out.extend_from_slice(&ESCAPED_ZERO);
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(&END_OF_BYTES);
}

fn tagged_u64(v: u64) -> [u8; 9] {
    let mut bytes = [TAG_VALUE; 9];
    bytes[1..].copy_from_slice(&v.to_be_bytes());
    bytes
}

fn tagged_u128(v: u128) -> [u8; 17] {
    let mut bytes = [TAG_VALUE; 17];
    bytes[1..].copy_from_slice(&v.to_be_bytes());
    bytes
}

/// A set of columns does not have the types that its space declares.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {ordinal} is held as {found}, but its space declares {expected}")]
pub struct TypeMismatch {
    /// Ordinal in the space; beyond its columns if there are too few or too many.
    pub ordinal: usize,
    /// What the space says.
    pub expected: DataType,
    /// What there is.
    pub found: DataType,
}

/// Makes the keys of a space's rows from their Arrow columns.
#[derive(Clone, Debug)]
pub struct KeyEncoder {
    space: SpaceId,
    columns: Vec<(usize, DataType)>,
    unique_prefix: Option<usize>,
}

impl KeyEncoder {
    /// For rows of this space.
    pub fn new(schema: &SpaceSchema) -> KeyEncoder {
        KeyEncoder {
            space: schema.id,
            columns: schema.key.iter().map(|&o| (o, schema.columns[o].ty.arrow())).collect(),
            unique_prefix: schema.unique_prefix,
        }
    }

    /// For the records of a table's partition, which are in this space. Binds to all columns of the table.
    pub fn of_records(table: &TableDescriptor, space: SpaceId) -> KeyEncoder {
        let columns = table.key.iter().map(|&o| (o, table.columns[o].ty.arrow())).collect();
        KeyEncoder { space, columns, unique_prefix: None }
    }

    /// For the entries of an index in a partition, which are in this space. Binds to the columns of the index
    /// ([`TableDescriptor::index_ordinals`]).
    pub fn of_index(table: &TableDescriptor, index: usize, space: SpaceId) -> KeyEncoder {
        let ordinals = table.index_ordinals(index);
        let columns = ordinals.iter().enumerate().map(|(at, &o)| (at, table.columns[o].ty.arrow())).collect();
        KeyEncoder { space, columns, unique_prefix: table.indexes[index].unique_prefix() }
    }

    /// The keys of the rows of these columns: all columns of the space, in order. A string column may be dictionary codes.
    pub fn bind(&self, columns: &[ArrayRef]) -> Result<RowKeys, TypeMismatch> {
        let bound = self.columns.iter().map(|(ordinal, expected)| {
            let array = columns.get(*ordinal);
            array.and_then(KeyColumn::new).ok_or_else(|| TypeMismatch {
                ordinal: *ordinal,
                expected: expected.clone(),
                found: array.map_or(DataType::Null, |a| a.data_type().clone()),
            })
        });
        let columns = bound.collect::<Result<Vec<_>, _>>()?;
        Ok(RowKeys { space: self.space.0.to_be_bytes(), columns, unique_prefix: self.unique_prefix })
    }
}

/// The keys of the rows of one set of columns. Shares the columns, so it is cheap to make and to clone.
#[derive(Clone, Debug)]
pub struct RowKeys {
    space: [u8; SPACE_BYTES],
    columns: Vec<KeyColumn>,
    unique_prefix: Option<usize>,
}

#[derive(Clone, Debug)]
enum KeyColumn {
    Int(Int64Array),
    UInt(UInt64Array),
    Double(Float64Array),
    Decimal64(Decimal64Array),
    Decimal128(Decimal128Array),
    Date(Date32Array),
    DateTime(TimestampMicrosecondArray),
    Time(DurationMicrosecondArray),
    String(StringViewArray),
    Bytes(BinaryViewArray),
    Codes(UInt16Array, StringViewArray),
}

/// One encoded value, before it is written or compared.
enum Encoded<'a> {
    Null,
    Word(u64),
    Wide(u128),
    Bytes(&'a [u8]),
}

impl KeyColumn {
    fn new(array: &ArrayRef) -> Option<KeyColumn> {
        Some(match array.data_type() {
            DataType::Int64 => KeyColumn::Int(array.as_primitive::<Int64Type>().clone()),
            DataType::UInt64 => KeyColumn::UInt(array.as_primitive::<UInt64Type>().clone()),
            DataType::Float64 => KeyColumn::Double(array.as_primitive::<Float64Type>().clone()),
            DataType::Decimal64(..) => KeyColumn::Decimal64(array.as_primitive::<Decimal64Type>().clone()),
            DataType::Decimal128(..) => KeyColumn::Decimal128(array.as_primitive::<Decimal128Type>().clone()),
            DataType::Date32 => KeyColumn::Date(array.as_primitive::<Date32Type>().clone()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                KeyColumn::DateTime(array.as_primitive::<TimestampMicrosecondType>().clone())
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                KeyColumn::Time(array.as_primitive::<DurationMicrosecondType>().clone())
            }
            DataType::Utf8View => KeyColumn::String(array.as_string_view().clone()),
            DataType::BinaryView => KeyColumn::Bytes(array.as_binary_view().clone()),
            DataType::Dictionary(..) => {
                let codes = array.as_dictionary_opt::<UInt16Type>()?;
                KeyColumn::Codes(codes.keys().clone(), codes.values().as_string_view_opt()?.clone())
            }
            _ => return None,
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            KeyColumn::Int(a) => a,
            KeyColumn::UInt(a) => a,
            KeyColumn::Double(a) => a,
            KeyColumn::Decimal64(a) => a,
            KeyColumn::Decimal128(a) => a,
            KeyColumn::Date(a) => a,
            KeyColumn::DateTime(a) => a,
            KeyColumn::Time(a) => a,
            KeyColumn::String(a) => a,
            KeyColumn::Bytes(a) => a,
            KeyColumn::Codes(a, _) => a,
        }
    }

    fn is_null(&self, row: usize) -> bool {
        self.array().is_null(row)
    }

    fn words(&self) -> Option<Words<'_>> {
        Some(match self {
            KeyColumn::Int(a) => Words::Signed(a.values()),
            KeyColumn::Decimal64(a) => Words::Signed(a.values()),
            KeyColumn::DateTime(a) => Words::Signed(a.values()),
            KeyColumn::Time(a) => Words::Signed(a.values()),
            KeyColumn::UInt(a) => Words::Unsigned(a.values()),
            KeyColumn::Date(a) => Words::Date(a.values()),
            KeyColumn::Double(_)
            | KeyColumn::Decimal128(_)
            | KeyColumn::String(_)
            | KeyColumn::Bytes(_)
            | KeyColumn::Codes(..) => return None,
        })
    }

    fn encoded(&self, row: usize) -> Encoded<'_> {
        if self.is_null(row) {
            return Encoded::Null;
        }
        match self {
            KeyColumn::Int(a) => Encoded::Word(flip_i64(a.value(row))),
            KeyColumn::UInt(a) => Encoded::Word(a.value(row)),
            KeyColumn::Double(a) => Encoded::Word(flip_f64(a.value(row))),
            KeyColumn::Decimal64(a) => Encoded::Wide(flip_i128(i128::from(a.value(row)))),
            KeyColumn::Decimal128(a) => Encoded::Wide(flip_i128(a.value(row))),
            KeyColumn::Date(a) => Encoded::Word(flip_i64(i64::from(a.value(row)))),
            KeyColumn::DateTime(a) => Encoded::Word(flip_i64(a.value(row))),
            KeyColumn::Time(a) => Encoded::Word(flip_i64(a.value(row))),
            KeyColumn::String(a) => Encoded::Bytes(unpadded(a.value(row).as_bytes())),
            KeyColumn::Bytes(a) => Encoded::Bytes(a.value(row)),
            KeyColumn::Codes(codes, values) => {
                Encoded::Bytes(unpadded(values.value(usize::from(codes.value(row))).as_bytes()))
            }
        }
    }
}

/// The values of a key column without NULLs, to be read as numbers that order as the values do.
pub(crate) enum Words<'a> {
    Signed(&'a [i64]),
    Unsigned(&'a [u64]),
    Date(&'a [i32]),
}

impl Words<'_> {
    /// Calls `f` for each row in turn; the type is looked at once.
    pub(crate) fn for_each(&self, mut f: impl FnMut(usize, u64)) {
        match self {
            Words::Signed(values) => values.iter().enumerate().for_each(|(row, &v)| f(row, flip_i64(v))),
            Words::Unsigned(values) => values.iter().enumerate().for_each(|(row, &v)| f(row, v)),
            Words::Date(values) => {
                values.iter().enumerate().for_each(|(row, &v)| f(row, flip_i64(i64::from(v))))
            }
        }
    }
}

impl RowKeys {
    /// Appends the key of a row.
    pub fn append(&self, row: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.space);
        for column in self.columns_of(row) {
            match column.encoded(row) {
                Encoded::Null => out.push(TAG_NULL),
                Encoded::Word(v) => push_u64(out, v),
                Encoded::Wide(v) => push_u128(out, v),
                Encoded::Bytes(b) => push_bytes(out, b),
            }
        }
    }

    /// The key of a row.
    pub fn key(&self, row: usize) -> Key {
        let mut bytes = Vec::with_capacity(SPACE_BYTES + 9 * self.columns.len());
        self.append(row, &mut bytes);
        Key(bytes.into())
    }

    /// How the key of a row compares with `key`, without writing it out.
    pub fn compare(&self, row: usize, key: &[u8]) -> Ordering {
        let mut rest = key;
        self.compare_parts(row, &mut rest).map_or_else(|decided| decided, |()| 0.cmp(&rest.len()))
    }

    /// `Err` with the order as soon as it is known; `Ok` if the row's key is a prefix of the other, whose end is left.
    fn compare_parts(&self, row: usize, rest: &mut &[u8]) -> Result<(), Ordering> {
        advance(rest, &self.space)?;
        for column in self.columns_of(row) {
            match column.encoded(row) {
                Encoded::Null => advance(rest, &[TAG_NULL])?,
                Encoded::Word(v) => advance(rest, &tagged_u64(v))?,
                Encoded::Wide(v) => advance(rest, &tagged_u128(v))?,
                Encoded::Bytes(bytes) => {
                    advance(rest, &[TAG_VALUE])?;
                    for (i, piece) in bytes.split(|&b| b == 0).enumerate() {
                        if i > 0 {
                            advance(rest, &ESCAPED_ZERO)?;
                        }
                        advance(rest, piece)?;
                    }
                    advance(rest, &END_OF_BYTES)?;
                }
            }
        }
        Ok(())
    }

    /// If a key holds just one integer and rows can be compared with it by the values of the first column: these, the integer, and
    /// whether a row with this value has this key, not a longer one.
    pub(crate) fn by_first_int(&self, key: &[u8]) -> Option<(&[i64], i64, bool)> {
        let wanted = int_of(key).filter(|_| key.starts_with(&self.space))?;
        match self.columns.as_slice() {
            [KeyColumn::Int(first), others @ ..] if first.null_count() == 0 => {
                let is_whole = others.is_empty() || self.unique_prefix == Some(1);
                Some((first.values(), wanted, is_whole))
            }
            _ => None,
        }
    }

    /// Of these rows those among which the first one is whose key is not less, or which it is behind, as far as the first
    /// column tells; `None` if that is not an integer column without NULLs, or the key does not begin with an integer.
    pub(crate) fn near(&self, key: &[u8], rows: std::ops::Range<usize>) -> Option<std::ops::Range<usize>> {
        let Some(KeyColumn::Int(first)) = self.columns.first() else { return None };
        let (head, wanted) = first_int_of(key).filter(|_| first.null_count() == 0)?;
        if head != self.space {
            return None;
        }
        let values = &first.values()[rows.clone()];
        let begin = values.partition_point(|&v| v < wanted);
        let equal = gallop(begin..values.len(), |row| values[row] == wanted);
        Some(rows.start + begin..rows.start + equal)
    }

    /// Whether each of the first `rows` rows has a greater key than the one before.
    pub(crate) fn are_ascending(&self, rows: usize) -> bool {
        if let Some(columns) = self.ints() {
            return match columns.as_slice() {
                [a] => a.windows(2).all(|pair| pair[0] < pair[1]),
                [a, b] => (1..rows).all(|row| (a[row - 1], b[row - 1]) < (a[row], b[row])),
                all => (1..rows).all(|row| all.iter().map(|c| c[row - 1]).lt(all.iter().map(|c| c[row]))),
            };
        }
        let (mut last, mut next) = (Vec::new(), Vec::new());
        (0..rows).all(|row| {
            next.clear();
            self.append(row, &mut next);
            std::mem::swap(&mut last, &mut next);
            row == 0 || next < last
        })
    }

    /// The values of the key columns if all of them are signed integers without NULLs.
    fn ints(&self) -> Option<Vec<&[i64]>> {
        let values = self.columns_without_nulls()?.iter().map(|column| match column {
            KeyColumn::Int(array) => Some(array.values().as_ref()),
            _ => None,
        });
        values.collect()
    }

    /// The key columns as numbers that order as they do, if all are fixed width and without NULLs.
    pub(crate) fn words(&self) -> Option<Vec<Words<'_>>> {
        self.columns_without_nulls()?.iter().map(KeyColumn::words).collect()
    }

    /// The columns that make up every key, if there are no NULLs in them.
    fn columns_without_nulls(&self) -> Option<&[KeyColumn]> {
        let columns = &self.columns[..self.unique_prefix.unwrap_or(self.columns.len())];
        columns.iter().all(|c| c.array().null_count() == 0).then_some(columns)
    }

    /// The columns that are part of this row's key.
    fn columns_of(&self, row: usize) -> &[KeyColumn] {
        match self.unique_prefix {
            Some(n) if !self.columns[..n].iter().any(|c| c.is_null(row)) => &self.columns[..n],
            _ => &self.columns,
        }
    }
}

/// The integer in a key that holds exactly one integer column.
fn int_of(key: &[u8]) -> Option<i64> {
    match key.get(SPACE_BYTES..)? {
        [TAG_VALUE, digits @ ..] => Some(unflip_i64(u64::from_be_bytes(digits.try_into().ok()?))),
        _ => None,
    }
}

/// The space of a key, and its first column, if that is an integer.
fn first_int_of(key: &[u8]) -> Option<([u8; SPACE_BYTES], i64)> {
    let (space, rest) = key.split_first_chunk()?;
    let (&tag, rest) = rest.split_first()?;
    let digits = rest.first_chunk().filter(|_| tag == TAG_VALUE)?;
    Some((*space, unflip_i64(u64::from_be_bytes(*digits))))
}

/// Compares `part` with the head of `rest` and, if they are equal, moves `rest` past it.
fn advance(rest: &mut &[u8], part: &[u8]) -> Result<(), Ordering> {
    match rest.split_at_checked(part.len()) {
        Some((head, after)) if head == part => {
            *rest = after;
            Ok(())
        }
        Some((head, _)) => Err(part.cmp(head)),
        // Equal as far as the other goes: this one is longer, hence greater.
        None => Err(part[..rest.len()].cmp(rest).then(Ordering::Greater)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::{ColumnDef, ColumnType, IntWidth, Members};
    use crate::test_rows::{array_of, dictionary_of};

    const SPACE: SpaceId = SpaceId(7);

    fn value(ty: &SqlType) -> BoxedStrategy<Datum> {
        let text = || {
            prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(b' '), Just(0x7F), any::<u8>()], 0..20)
        };
        let some = match ty {
            SqlType::Int { unsigned: false, .. } => {
                prop_oneof![any::<i64>(), -2..3i64].prop_map(Datum::Int).boxed()
            }
            SqlType::Int { unsigned: true, .. } | SqlType::Bit(_) => {
                any::<u64>().prop_map(Datum::UInt).boxed()
            }
            SqlType::Set(members) => (0..=members.set_all()).prop_map(Datum::UInt).boxed(),
            SqlType::Double => prop_oneof![any::<f64>(), Just(0.0), Just(-0.0), Just(f64::NAN), -2.0..2.0f64]
                .prop_map(Datum::Double)
                .boxed(),
            SqlType::Decimal { precision: 15, scale } => {
                let scale = *scale;
                (-1_000..1_000i128).prop_map(move |value| Datum::Decimal { value, scale }).boxed()
            }
            SqlType::Decimal { scale, .. } => {
                let scale = *scale;
                any::<i128>().prop_map(move |v| Datum::Decimal { value: v / 8, scale }).boxed()
            }
            SqlType::Date => any::<i32>().prop_map(Datum::Date).boxed(),
            SqlType::DateTime(_) => any::<i64>().prop_map(Datum::DateTime).boxed(),
            SqlType::Time(_) => any::<i64>().prop_map(Datum::Time).boxed(),
            SqlType::VarBinary(_) => text().prop_map(|b| Datum::Bytes(b.into())).boxed(),
            _ => text().prop_map(|b| Datum::string(String::from_utf8_lossy(&b).into_owned())).boxed(),
        };
        prop_oneof![1 => Just(Datum::Null), 8 => some].boxed()
    }

    fn types() -> Vec<SqlType> {
        vec![
            SqlType::BIGINT,
            SqlType::Int { width: IntWidth::Big, unsigned: true },
            SqlType::Bit(64),
            SqlType::Set(Members::new(["a", "b", "c"])),
            SqlType::Double,
            SqlType::Decimal { precision: 15, scale: 2 },
            SqlType::Decimal { precision: 38, scale: 6 },
            SqlType::varchar(99),
            SqlType::VarBinary(99),
            SqlType::Date,
            SqlType::DateTime(6),
            SqlType::Time(6),
        ]
    }

    fn schema(types: &[SqlType], unique_prefix: Option<usize>) -> SpaceSchema {
        let columns = types.iter().map(|sql| ColumnDef::new("c", ColumnType::nullable(sql.clone())));
        SpaceSchema { id: SPACE, columns: columns.collect(), key: (0..types.len()).collect(), unique_prefix }
    }

    /// Types of three columns and ten rows of them.
    fn rows() -> impl Strategy<Value = (Vec<SqlType>, Vec<Vec<Datum>>)> {
        prop::collection::vec(prop::sample::select(types()), 3).prop_flat_map(|types| {
            let row: Vec<_> = types.iter().map(value).collect();
            (Just(types), prop::collection::vec(row, 10))
        })
    }

    fn compare(a: &[Datum], b: &[Datum]) -> Ordering {
        a.iter().zip(b).map(|(a, b)| a.compare(b)).find(|o| o.is_ne()).unwrap_or(a.len().cmp(&b.len()))
    }

    proptest! {
        #[test]
        fn keys_order_as_rows_do_and_can_be_read_back((types, rows) in rows()) {
            let schema = schema(&types, None);
            for a in &rows {
                let key = encode_datums(SPACE, a);
                let back = decode(&schema, &key).unwrap();
                prop_assert_eq!(compare(a, &back), Ordering::Equal, "{:?} {:?}", a, back);
                for b in &rows {
                    prop_assert_eq!(key.cmp(&encode_datums(SPACE, b)), compare(a, b), "{:?} {:?}", a, b);
                }
            }
        }

        #[test]
        fn columns_give_the_same_keys_as_datums((types, rows) in rows(), unique in prop::option::of(1..3usize)) {
            let schema = schema(&types, unique);
            let column = |i: usize| {
                let values: Vec<Datum> = rows.iter().map(|row| row[i].clone()).collect();
                let plain = array_of(&types[i].arrow(), &values);
                if i % 2 == 1 { dictionary_of(plain) } else { plain }
            };
            let keys = KeyEncoder::new(&schema).bind(&(0..3).map(column).collect::<Vec<_>>()).unwrap();
            for (i, row) in rows.iter().enumerate() {
                let whole = match unique {
                    Some(n) if !row[..n].iter().any(Datum::is_null) => encode_datums(SPACE, &row[..n]),
                    _ => encode_datums(SPACE, row),
                };
                prop_assert_eq!(&keys.key(i), &whole);
                prop_assert!(decode(&schema, &whole).is_some());
                for j in 0..rows.len() {
                    let other = keys.key(j);
                    prop_assert_eq!(keys.compare(i, other.as_bytes()), whole.cmp(&other));
                    let cut = &other.as_bytes()[..other.as_bytes().len() / 2];
                    prop_assert_eq!(keys.compare(i, cut), whole.as_bytes().cmp(cut));
                    prop_assert_eq!(keys.compare(i, other.successor().as_bytes()), whole.cmp(&other.successor()));
                }
            }
        }

        #[test]
        fn ranges_hold_what_their_prefixes_say(
            (_, rows) in rows(),
            low_len in 0..4usize, high_len in 0..4usize,
            low_inclusive: bool, high_inclusive: bool,
        ) {
            let (low, high) = (&rows[0][..low_len], &rows[1][..high_len]);
            let range = range_of(SPACE, low, low_inclusive, high, high_inclusive);
            for row in &rows {
                let above = match compare(&row[..low_len], low) { Ordering::Equal => low_inclusive, o => o.is_gt() };
                let below = match compare(&row[..high_len], high) { Ordering::Equal => high_inclusive, o => o.is_lt() };
                let key = encode_datums(SPACE, row);
                prop_assert_eq!(range.contains(key.as_bytes()), above && below, "{:?} in {:?}..{:?}", row, low, high);
            }
        }
    }

    #[test]
    fn bounds_stay_within_their_space() {
        let all = KeyRange::of_space(SPACE);
        assert_eq!(range_of(SPACE, &[], true, &[], true), all);
        assert!(all.covers(&range_of(SPACE, &[Datum::Int(i64::MAX)], false, &[], true)));
        assert!(range_of(SPACE, &[Datum::Int(2)], true, &[Datum::Int(1)], true).is_empty());
        let last = KeyRange::of_space(SpaceId(u64::MAX));
        assert!(last.contains(encode_datums(SpaceId(u64::MAX), &[Datum::string("\u{10FFFF}")]).as_bytes()));
        assert_eq!(Key::space_start(SPACE).space(), Some(SPACE));
    }
}

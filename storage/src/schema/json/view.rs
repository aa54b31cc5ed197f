//! Documents as bytes.

use super::tree::key_order;
use super::{DEPTH_MAX, Json, kind};

/// A document, or a part of one, in its bytes.
#[derive(Clone, Copy, Debug)]
pub struct JsonRef<'a>(&'a [u8]);

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum View<'a> {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// Any other number.
    Double(f64),
    /// A string.
    String(&'a str),
    /// A type's number, and bytes.
    Opaque(u8, &'a [u8]),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01.
    DateTime(i64),
    /// Microseconds.
    Time(i64),
    /// An array.
    Array(Array<'a>),
    /// An object.
    Object(Object<'a>),
}

/// An array.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a> {
    table: &'a [u8],
    values: &'a [u8],
}

/// An object.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    table: &'a [u8],
    keys: &'a [u8],
    values: &'a [u8],
}

impl<'a> JsonRef<'a> {
    /// The document that these bytes are; any others read as `null`.
    pub fn new(bytes: &'a [u8]) -> JsonRef<'a> {
        JsonRef(bytes)
    }

    /// Its bytes, which are a document of their own.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// What it is.
    pub fn view(self) -> View<'a> {
        self.try_view().unwrap_or(View::Null)
    }

    fn try_view(self) -> Option<View<'a>> {
        let (kind, rest) = self.0.split_first()?;
        let word = || rest.first_chunk::<8>().copied();
        Some(match *kind {
            kind::FALSE => View::Bool(false),
            kind::TRUE => View::Bool(true),
            kind::INT => View::Int(i64::from_le_bytes(word()?)),
            kind::UINT => View::UInt(u64::from_le_bytes(word()?)),
            kind::DOUBLE => View::Double(f64::from_le_bytes(word()?)),
            kind::STRING => View::String(std::str::from_utf8(rest).ok()?),
            kind::OPAQUE => {
                let (ty, bytes) = rest.split_first()?;
                View::Opaque(*ty, bytes)
            }
            kind::DATE => View::Date(i32::try_from(i64::from_le_bytes(word()?)).ok()?),
            kind::DATETIME => View::DateTime(i64::from_le_bytes(word()?)),
            kind::TIME => View::Time(i64::from_le_bytes(word()?)),
            kind::ARRAY => {
                let (count, rest) = rest.split_first_chunk::<4>()?;
                let (table, values) = rest.split_at_checked(4 * u32::from_le_bytes(*count) as usize)?;
                View::Array(Array { table, values })
            }
            kind::OBJECT => {
                let (count, rest) = rest.split_first_chunk::<4>()?;
                let (table, rest) = rest.split_at_checked(8 * u32::from_le_bytes(*count) as usize)?;
                let keys_end = match table.len() {
                    0 => 0,
                    n => end_at(table, n - 8)?,
                };
                let (keys, values) = rest.split_at_checked(keys_end)?;
                View::Object(Object { table, keys, values })
            }
            _ => return None,
        })
    }

    /// The member of an object with this key.
    pub fn member(self, key: &str) -> Option<JsonRef<'a>> {
        match self.view() {
            View::Object(object) => object.get(key),
            _ => None,
        }
    }

    /// As a tree.
    pub fn to_json(self) -> Json {
        match self.view() {
            View::Null => Json::Null,
            View::Bool(v) => Json::Bool(v),
            View::Int(v) => Json::Int(v),
            View::UInt(v) => Json::UInt(v),
            View::Double(v) => Json::Double(v),
            View::String(v) => Json::String(v.into()),
            View::Opaque(ty, bytes) => Json::Opaque { ty, bytes: bytes.into() },
            View::Date(v) => Json::Date(v),
            View::DateTime(v) => Json::DateTime(v),
            View::Time(v) => Json::Time(v),
            View::Array(array) => Json::Array(array.iter().map(JsonRef::to_json).collect()),
            View::Object(object) => {
                Json::Object(object.iter().map(|(key, value)| (key.into(), value.to_json())).collect())
            }
        }
    }

    /// How deeply it is nested: 1 for a scalar and for empty arrays and objects.
    pub fn depth(self) -> usize {
        match self.view() {
            View::Array(array) => 1 + array.iter().map(JsonRef::depth).max().unwrap_or(0),
            View::Object(object) => 1 + object.iter().map(|(_, v)| v.depth()).max().unwrap_or(0),
            _ => 1,
        }
    }

    /// Whether it is nested no deeper than is allowed. Only documents that were put together can be.
    pub fn fits(self) -> bool {
        self.depth() <= DEPTH_MAX
    }
}

impl<'a> Array<'a> {
    /// How many elements it has.
    pub fn len(self) -> usize {
        self.table.len() / 4
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.table.is_empty()
    }

    /// An element, counted from 0.
    pub fn get(self, at: usize) -> Option<JsonRef<'a>> {
        if at >= self.len() {
            return None;
        }
        let start = if at == 0 { 0 } else { end_at(self.table, 4 * (at - 1))? };
        self.values.get(start..end_at(self.table, 4 * at)?).map(JsonRef)
    }

    /// Its elements.
    pub fn iter(self) -> impl ExactSizeIterator<Item = JsonRef<'a>> {
        (0..self.len()).map(move |at| self.get(at).unwrap_or(JsonRef(&[])))
    }
}

impl<'a> Object<'a> {
    /// How many members it has.
    pub fn len(self) -> usize {
        self.table.len() / 8
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.table.is_empty()
    }

    fn key(self, at: usize) -> Option<&'a str> {
        let start = if at == 0 { 0 } else { end_at(self.table, 8 * (at - 1))? };
        std::str::from_utf8(self.keys.get(start..end_at(self.table, 8 * at)?)?).ok()
    }

    fn value(self, at: usize) -> Option<JsonRef<'a>> {
        let start = if at == 0 { 0 } else { end_at(self.table, 8 * at - 4)? };
        self.values.get(start..end_at(self.table, 8 * at + 4)?).map(JsonRef)
    }

    /// The value of a key.
    pub fn get(self, key: &str) -> Option<JsonRef<'a>> {
        self.entry(key).map(|(_, value)| value)
    }

    /// The member with a key.
    pub fn entry(self, key: &str) -> Option<(&'a str, JsonRef<'a>)> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let own = self.key(middle)?;
            match key_order(own, key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some((own, self.value(middle)?)),
            }
        }
        None
    }

    /// Its members in the order of their keys.
    pub fn iter(self) -> impl ExactSizeIterator<Item = (&'a str, JsonRef<'a>)> {
        (0..self.len()).map(move |at| (self.key(at).unwrap_or(""), self.value(at).unwrap_or(JsonRef(&[]))))
    }
}

fn end_at(table: &[u8], at: usize) -> Option<usize> {
    let bytes: [u8; 4] = table.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes) as usize)
}

//! Documents as trees, and their bytes.

use super::kind;

/// A JSON value as a tree.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`, which is not SQL's NULL.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// Any other number; finite.
    Double(f64),
    /// A string.
    String(Box<str>),
    /// Bytes of a MySQL type that JSON has no form for.
    Opaque {
        /// The type's number in the protocol.
        ty: u8,
        /// The bytes.
        bytes: Box<[u8]>,
    },
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01.
    DateTime(i64),
    /// Microseconds.
    Time(i64),
    /// An array.
    Array(Vec<Json>),
    /// An object: keys sorted by [`sort_members`], each one once.
    Object(Vec<(Box<str>, Json)>),
}

impl Json {
    /// A string.
    pub fn string(text: impl Into<Box<str>>) -> Json {
        Json::String(text.into())
    }

    /// An object of members in any order; of those with the same key the last one stays.
    pub fn object(mut members: Vec<(Box<str>, Json)>) -> Json {
        sort_members(&mut members);
        Json::Object(members)
    }

    /// How deeply it is nested: 1 for a scalar and for empty arrays and objects.
    pub fn depth(&self) -> usize {
        match self {
            Json::Array(items) => 1 + items.iter().map(Json::depth).max().unwrap_or(0),
            Json::Object(members) => 1 + members.iter().map(|(_, v)| v.depth()).max().unwrap_or(0),
            _ => 1,
        }
    }
}

/// The order of keys: shorter ones first, then by bytes.
pub(super) fn key_order(a: &str, b: &str) -> std::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Sorts members by key and leaves the last one of each key.
pub fn sort_members(members: &mut Vec<(Box<str>, Json)>) {
    // Stable, so the last of equals is the one that was written last; dedup keeps the first of what is turned around.
    members.sort_by(|(a, _), (b, _)| key_order(a, b));
    members.reverse();
    members.dedup_by(|(a, _), (b, _)| a == b);
    members.reverse();
}

/// The bytes of a document.
pub fn encode(json: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    write(json, &mut out);
    out
}

/// Appends the bytes of a document.
pub(super) fn write(json: &Json, out: &mut Vec<u8>) {
    match json {
        Json::Null => out.push(kind::NULL),
        Json::Bool(false) => out.push(kind::FALSE),
        Json::Bool(true) => out.push(kind::TRUE),
        Json::Int(v) => word(kind::INT, v.to_le_bytes(), out),
        Json::UInt(v) => word(kind::UINT, v.to_le_bytes(), out),
        Json::Double(v) => word(kind::DOUBLE, v.to_le_bytes(), out),
        Json::String(text) => {
            out.push(kind::STRING);
            out.extend_from_slice(text.as_bytes());
        }
        Json::Opaque { ty, bytes } => {
            out.extend_from_slice(&[kind::OPAQUE, *ty]);
            out.extend_from_slice(bytes);
        }
        Json::Date(days) => word(kind::DATE, i64::from(*days).to_le_bytes(), out),
        Json::DateTime(us) => word(kind::DATETIME, us.to_le_bytes(), out),
        Json::Time(us) => word(kind::TIME, us.to_le_bytes(), out),
        Json::Array(items) => {
            out.push(kind::ARRAY);
            length(items.len(), out);
            let table = out.len();
            out.resize(table + 4 * items.len(), 0);
            let start = out.len();
            for (at, item) in items.iter().enumerate() {
                write(item, out);
                patch(table + 4 * at, out.len() - start, out);
            }
        }
        Json::Object(members) => {
            out.push(kind::OBJECT);
            length(members.len(), out);
            let table = out.len();
            out.resize(table + 8 * members.len(), 0);
            let keys = out.len();
            for (at, (key, _)) in members.iter().enumerate() {
                out.extend_from_slice(key.as_bytes());
                patch(table + 8 * at, out.len() - keys, out);
            }
            let values = out.len();
            for (at, (_, value)) in members.iter().enumerate() {
                write(value, out);
                patch(table + 8 * at + 4, out.len() - values, out);
            }
        }
    }
}

fn word(kind: u8, bytes: [u8; 8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&bytes);
}

/// A statement has at most a gigabyte, so lengths fit; what would not is cut to the end and reads as `null`.
fn length(n: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
}

fn patch(at: usize, n: usize, out: &mut [u8]) {
    out[at..at + 4].copy_from_slice(&u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
}

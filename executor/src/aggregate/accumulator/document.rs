//! JSON_ARRAYAGG and JSON_OBJECTAGG. The order of a group's elements is that in which workers met them; of members with
//! the same key the last one met stays.

use std::sync::Arc;

use allod_storage::schema::json::{DEPTH_MAX, Json, JsonRef, encode};
use arrow::array::{Array, ArrayRef, AsArray, BinaryViewBuilder};
use arrow::datatypes::DataType;

use super::{Moves, Rows};
use crate::batch::decode;
use crate::error::{Error, Result};
use crate::kernel::JsonFault;

/// What each group's document will be made of.
#[derive(Debug)]
pub(in crate::aggregate) struct Documents {
    /// Keys and the bytes of values; arrays have no keys. None for a group without rows.
    parts: Vec<Option<Vec<(Box<str>, Box<[u8]>)>>>,
    object: bool,
    /// Bytes kept.
    pub bytes: u64,
}

impl Documents {
    pub fn new(object: bool) -> Documents {
        Documents { parts: Vec::new(), object, bytes: 0 }
    }

    pub fn grow(&mut self, groups: usize) {
        self.bytes += 24 * groups.saturating_sub(self.parts.len()) as u64;
        self.parts.resize(groups, None);
    }

    /// Takes in rows of one argument, or of a key and a value. Values are never NULL; a key that is makes an error.
    pub fn update(&mut self, args: &[&ArrayRef], rows: Rows<'_>) -> Result<()> {
        let (keys, values) = match (args, self.object) {
            ([values], false) => (None, values),
            ([keys, values], true) => (Some(decode(keys)), values),
            _ => return Err(Error::Plan(format!("a document of {} arguments", args.len()))),
        };
        if keys.as_ref().is_some_and(|keys| keys.logical_null_count() > 0 && rows.count > 0) {
            return Err(JsonFault::NullKey.into());
        }
        let foreign = |ty: &DataType| Error::Plan(format!("a document of {ty}"));
        let keys = match &keys {
            None => None,
            Some(keys) => Some(keys.as_string_view_opt().ok_or_else(|| foreign(keys.data_type()))?),
        };
        let values = values.as_binary_view_opt().ok_or_else(|| foreign(values.data_type()))?;
        rows.each(None, |row, group| {
            let key = keys.map_or("", |keys| keys.value(row));
            self.append(group, key, values.value(row));
        });
        Ok(())
    }

    fn append(&mut self, group: usize, key: &str, value: &[u8]) {
        self.bytes += (key.len() + value.len() + 32) as u64;
        self.parts[group].get_or_insert_default().push((key.into(), value.into()));
    }

    pub fn take_in(&mut self, part: &Documents, moves: Moves<'_>) {
        moves.each(|from, to| {
            for (key, value) in part.parts[from].iter().flatten() {
                self.append(to, key, value);
            }
        });
    }

    pub fn finish(&self) -> Result<ArrayRef> {
        let mut out = BinaryViewBuilder::with_capacity(self.parts.len());
        for parts in &self.parts {
            let Some(parts) = parts else {
                out.append_null();
                continue;
            };
            let value = |bytes: &[u8]| JsonRef::new(bytes).to_json();
            let document = if self.object {
                Json::object(parts.iter().map(|(key, bytes)| (key.clone(), value(bytes))).collect())
            } else {
                Json::Array(parts.iter().map(|(_, bytes)| value(bytes)).collect())
            };
            if document.depth() > DEPTH_MAX {
                return Err(JsonFault::TooDeep.into());
            }
            out.append_value(encode(&document));
        }
        Ok(Arc::new(out.finish()))
    }
}

//! GROUP_CONCAT. The order of a group's values is that in which workers met them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::DataType;

use super::{Moves, Rows};
use crate::batch::decode;
use crate::error::{Error, Result};

#[derive(Debug)]
pub(in crate::aggregate) struct Concat {
    separator: Box<[u8]>,
    texts: Vec<Option<Vec<u8>>>,
    /// Bytes kept.
    pub bytes: u64,
}

impl Concat {
    pub fn new(separator: &[u8]) -> Concat {
        Concat { separator: separator.into(), texts: Vec::new(), bytes: 0 }
    }

    pub fn grow(&mut self, groups: usize) {
        self.bytes += 24 * groups.saturating_sub(self.texts.len()) as u64;
        self.texts.resize(groups, None);
    }

    fn append(&mut self, group: usize, value: &[u8]) {
        self.bytes += (value.len() + self.separator.len()) as u64;
        match &mut self.texts[group] {
            Some(text) => {
                text.extend_from_slice(&self.separator);
                text.extend_from_slice(value);
            }
            none => *none = Some(value.to_vec()),
        }
    }

    pub fn update(&mut self, arg: &ArrayRef, rows: Rows<'_>) -> Result<()> {
        if arg.data_type() == &DataType::Null {
            return Ok(());
        }
        let plain = decode(arg);
        let Some(texts) = plain.as_string_view_opt() else {
            return Err(Error::Plan(format!("the concatenation of {}", arg.data_type())));
        };
        rows.each(plain.nulls(), |row, group| self.append(group, texts.value(row).as_bytes()));
        Ok(())
    }

    pub fn take_in(&mut self, part: &Concat, moves: Moves<'_>) {
        moves.each(|from, to| {
            if let Some(text) = &part.texts[from] {
                self.append(to, text);
            }
        });
    }

    pub fn finish(&self) -> Result<ArrayRef> {
        let texts = self.texts.iter().map(|t| t.as_deref().map(std::str::from_utf8).transpose());
        let texts: Result<StringViewArray, _> = texts.collect();
        Ok(Arc::new(texts.map_err(|e| Error::Panic(e.to_string()))?))
    }
}

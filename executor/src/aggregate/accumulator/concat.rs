//! GROUP_CONCAT. Without ORDER BY the order of a group's values is that in which workers met them.

use std::collections::BTreeSet;
use std::sync::Arc;

use allod_storage::schema::SqlType;
use arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, BinaryViewBuilder, StringViewBuilder};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

use super::{Moves, Rows};
use crate::batch::decode;
use crate::error::{Error, Result};

/// How values are put together.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::aggregate) struct Joined {
    /// What stands between two values.
    pub separator: Box<[u8]>,
    /// `group_concat_max_len`: bytes of a result, what is beyond is cut off.
    pub max_bytes: usize,
    /// What is put together, as messages call it.
    pub of: Arc<str>,
}

/// Of which GROUP_CONCATs something was cut off, as messages call what they put together.
pub(in crate::aggregate) type CutTexts = BTreeSet<Arc<str>>;

impl Joined {
    /// Adds a value to what a group has so far. Once the limit is passed nothing more can show.
    pub fn append(&self, text: &mut Option<Vec<u8>>, value: &[u8]) {
        match text {
            Some(text) if text.len() <= self.max_bytes => {
                text.extend_from_slice(&self.separator);
                text.extend_from_slice(value);
            }
            Some(_) => {}
            None => *text = Some(value.to_vec()),
        }
    }

    /// The results, cut to the limit, between two characters if they are of characters.
    pub fn column(
        &self,
        texts: impl Iterator<Item = Option<Vec<u8>>>,
        ty: &SqlType,
        cut_texts: &mut CutTexts,
    ) -> Result<ArrayRef> {
        let mut any_cut = false;
        let mut cut = |text: &[u8]| {
            any_cut |= text.len() > self.max_bytes;
            text.len().min(self.max_bytes)
        };
        let column = self.limited(texts, ty, &mut cut);
        if any_cut {
            cut_texts.insert(Arc::clone(&self.of));
        }
        column
    }

    fn limited(
        &self,
        texts: impl Iterator<Item = Option<Vec<u8>>>,
        ty: &SqlType,
        cut: &mut impl FnMut(&[u8]) -> usize,
    ) -> Result<ArrayRef> {
        if ty.is_binary() {
            let mut out = BinaryViewBuilder::new();
            texts.for_each(|text| out.append_option(text.as_deref().map(|t| &t[..cut(t)])));
            return Ok(Arc::new(out.finish()));
        }
        let mut out = StringViewBuilder::new();
        for text in texts {
            let text = text.map(String::from_utf8).transpose().map_err(|e| Error::Panic(e.to_string()))?;
            out.append_option(text.as_deref().map(|t| &t[..t.floor_char_boundary(cut(t.as_bytes()))]));
        }
        Ok(Arc::new(out.finish()))
    }
}

/// The values of an argument, as bytes.
pub(super) struct Texts(BinaryViewArray);

impl Texts {
    /// Of a column of strings; `None` if it is nothing but NULLs.
    pub fn of(arg: &ArrayRef) -> Result<Option<Texts>> {
        let plain = decode(arg);
        Ok(Some(Texts(match plain.data_type() {
            DataType::Null => return Ok(None),
            DataType::Utf8View => plain.as_string_view().clone().to_binary_view(),
            DataType::BinaryView => plain.as_binary_view().clone(),
            other => return Err(Error::Plan(format!("the concatenation of {other}"))),
        })))
    }

    pub fn nulls(&self) -> Option<&NullBuffer> {
        self.0.nulls()
    }

    pub fn value(&self, row: usize) -> &[u8] {
        self.0.value(row)
    }
}

#[derive(Debug)]
pub(in crate::aggregate) struct Concat {
    joined: Joined,
    texts: Vec<Option<Vec<u8>>>,
    /// Bytes kept.
    pub bytes: u64,
}

impl Concat {
    pub fn new(joined: &Joined) -> Concat {
        Concat { joined: joined.clone(), texts: Vec::new(), bytes: 0 }
    }

    pub fn grow(&mut self, groups: usize) {
        self.bytes += 24 * groups.saturating_sub(self.texts.len()) as u64;
        self.texts.resize(groups, None);
    }

    fn append(&mut self, group: usize, value: &[u8]) {
        let text = &mut self.texts[group];
        let before = text.as_ref().map_or(0, Vec::len);
        self.joined.append(text, value);
        self.bytes += (text.as_ref().map_or(0, Vec::len) - before) as u64;
    }

    pub fn update(&mut self, arg: &ArrayRef, rows: Rows<'_>) -> Result<()> {
        if let Some(texts) = Texts::of(arg)? {
            rows.each(texts.nulls(), |row, group| self.append(group, texts.value(row)));
        }
        Ok(())
    }

    pub fn take_in(&mut self, part: &Concat, moves: Moves<'_>) {
        moves.each(|from, to| {
            if let Some(text) = &part.texts[from] {
                self.append(to, text);
            }
        });
    }

    pub fn finish(&self, ty: &SqlType, cut: &mut CutTexts) -> Result<ArrayRef> {
        self.joined.column(self.texts.iter().cloned(), ty, cut)
    }
}

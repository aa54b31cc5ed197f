//! GROUP_CONCAT with ORDER BY: each group keeps its values with their keys until it is finished.
//!
//! A value's key is all of its ORDER BY as one string of bytes whose order is the keys' order, so workers compare bytes
//! whatever the types are. Values of equal keys stay in the order in which they were met. With DISTINCT the first of equal
//! values stays: which rows of a value are met does not matter, only the least of their keys. Values are equal as texts of their
//! collation are, so without ORDER BY this is also the way of DISTINCT under collations that have sort keys.

use std::borrow::Cow;

use allod_storage::schema::{ColumnType, SqlType, unpadded};
use arrow::array::ArrayRef;
use arrow::compute::SortOptions;
use arrow::row::{RowConverter, SortField};
use hashbrown::HashSet;

use super::concat::{CutTexts, Joined, Texts};
use super::{Moves, Rows};
use crate::batch::to_door;
use crate::error::Result;
use crate::key::unpadded_column;

/// One expression of the ORDER BY.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::aggregate) struct OrderKey {
    /// Its type.
    pub ty: ColumnType,
    /// DESC.
    pub descending: bool,
}

#[derive(Debug)]
pub(in crate::aggregate) struct Ordered {
    keys: Box<[OrderKey]>,
    joined: Joined,
    distinct: bool,
    groups: Vec<Vec<Entry>>,
    /// Bytes kept.
    pub bytes: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    key: Box<[u8]>,
    text: Box<[u8]>,
}

impl Ordered {
    pub fn new(joined: &Joined, keys: &[OrderKey], distinct: bool) -> Ordered {
        Ordered { keys: keys.into(), joined: joined.clone(), distinct, groups: Vec::new(), bytes: 0 }
    }

    pub fn grow(&mut self, groups: usize) {
        self.bytes += 24 * groups.saturating_sub(self.groups.len()) as u64;
        self.groups.resize(groups, Vec::new());
    }

    fn push(&mut self, group: usize, entry: Entry) {
        self.bytes += (size_of::<Entry>() + entry.key.len() + entry.text.len()) as u64;
        self.groups[group].push(entry);
    }

    pub fn update(&mut self, arg: &ArrayRef, keys: &[&ArrayRef], rows: Rows<'_>) -> Result<()> {
        let Some(texts) = Texts::of(arg)? else { return Ok(()) };
        let columns: Vec<ArrayRef> = keys
            .iter()
            .zip(&self.keys)
            .map(|(column, key)| Ok(unpadded_column(&to_door(column, &key.ty)?)))
            .collect::<Result<_>>()?;
        let fields = self.keys.iter().map(|key| {
            let options = SortOptions { descending: key.descending, nulls_first: !key.descending };
            SortField::new_with_options(key.ty.arrow(), options)
        });
        let order = match columns.is_empty() {
            true => None,
            false => Some(RowConverter::new(fields.collect())?.convert_columns(&columns)?),
        };
        rows.each(texts.nulls(), |row, group| {
            let key = order.as_ref().map_or_else(Box::default, |order| order.row(row).data().into());
            let entry = Entry { key, text: texts.value(row).into() };
            self.push(group, entry);
        });
        Ok(())
    }

    pub fn take_in(&mut self, part: &Ordered, moves: Moves<'_>) {
        moves.each(|from, to| {
            for entry in &part.groups[from] {
                self.push(to, entry.clone());
            }
        });
    }

    pub fn finish(&self, ty: &SqlType, cut: &mut CutTexts) -> Result<ArrayRef> {
        let joined = self.groups.iter().map(|entries| {
            let mut sorted: Vec<&Entry> = entries.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            let mut seen: HashSet<Cow<'_, [u8]>> = HashSet::new();
            let mut text = None;
            for entry in sorted {
                if !self.distinct || seen.insert(counted(&entry.text, ty)) {
                    self.joined.append(&mut text, &entry.text);
                }
            }
            text
        });
        self.joined.column(joined, ty, cut)
    }
}

/// What of a value tells it from others.
fn counted<'a>(text: &'a [u8], ty: &SqlType) -> Cow<'a, [u8]> {
    match std::str::from_utf8(text) {
        _ if ty.is_binary() => text.into(),
        Ok(chars) if !ty.collation().is_plain() => ty.collation().sort_key(chars).into(),
        Ok(_) | Err(_) => unpadded(text).into(),
    }
}

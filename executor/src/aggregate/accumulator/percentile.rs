//! APPROX_PERCENTILE: the least value of a group below or at which so many percent of its values are.
//!
//! Values are kept as keys whose order as bytes is theirs, so that one way to sort and to pick serves all types; the picked
//! ones are turned back into a column. As in TiDB nothing is approximate about it but the name.

use allod_storage::schema::{ColumnType, SqlType};
use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::row::{RowConverter, SortField};

use super::{Moves, Rows};
use crate::batch::to_door;
use crate::error::{Error, Result};

#[derive(Debug)]
pub(in crate::aggregate) struct Percentile {
    percent: u8,
    ty: ColumnType,
    groups: Vec<Vec<Box<[u8]>>>,
    /// Bytes kept.
    pub bytes: u64,
}

impl Percentile {
    pub fn new(percent: u8, sql: &SqlType) -> Percentile {
        Percentile { percent, ty: ColumnType::nullable(sql.clone()), groups: Vec::new(), bytes: 0 }
    }

    pub fn grow(&mut self, groups: usize) {
        self.bytes += (size_of::<Vec<Box<[u8]>>>() * groups.saturating_sub(self.groups.len())) as u64;
        self.groups.resize(groups, Vec::new());
    }

    fn converter(&self) -> Result<RowConverter> {
        Ok(RowConverter::new(vec![SortField::new(self.ty.sql.arrow())])?)
    }

    fn push(&mut self, group: usize, key: Box<[u8]>) {
        self.bytes += (size_of::<Box<[u8]>>() + key.len()) as u64;
        self.groups[group].push(key);
    }

    pub fn update(&mut self, arg: &ArrayRef, rows: Rows<'_>) -> Result<()> {
        let column = to_door(arg, &self.ty)?;
        let keys = self.converter()?.convert_columns(std::slice::from_ref(&column))?;
        rows.each(column.logical_nulls().as_ref(), |row, group| {
            self.push(group, keys.row(row).data().into())
        });
        Ok(())
    }

    pub fn take_in(&mut self, part: &Percentile, moves: Moves<'_>) {
        moves.each(|from, to| part.groups[from].iter().for_each(|key| self.push(to, key.clone())));
    }

    pub fn finish(&self) -> Result<ArrayRef> {
        let converter = self.converter()?;
        let null = converter.convert_columns(&[new_null_array(&self.ty.sql.arrow(), 1)])?;
        let picked: Vec<Box<[u8]>> = self
            .groups
            .iter()
            .map(|keys| {
                // The first whose share of the values is large enough.
                let at = (keys.len() * usize::from(self.percent)).div_ceil(100);
                let Some(at) = at.checked_sub(1) else { return null.row(0).data().into() };
                let mut keys: Vec<&Box<[u8]>> = keys.iter().collect();
                let (_, key, _) = keys.select_nth_unstable(at);
                (*key).clone()
            })
            .collect();
        let parser = converter.parser();
        let columns = converter.convert_rows(picked.iter().map(|key| parser.parse(key)))?;
        columns.into_iter().next().ok_or_else(|| Error::Panic("a key has one column".into()))
    }
}

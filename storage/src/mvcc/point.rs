//! Rows by key.
//!
//! Keys are looked up one by one (own writes first, then delta, then base by binary search); then each column is gathered at once. Rows
//! come from at most a few sources: each chunk that was hit is one, and all delta rows together are one more.

use arrow::array::{Array, ArrayRef, UInt32Array, new_empty_array};
use arrow::compute::{concat, take};

use super::merge::gather_rows;
use super::own::OwnWrite;
use super::{OwnWrites, Records, RowRef, Visible};
use crate::chunk::dictionary;
use crate::key::Key;
use crate::schema::{RegionId, SpaceSchema, Timestamp};

/// Rows that were found by key.
#[derive(Clone, Debug)]
pub struct GetResult {
    /// The wanted columns.
    pub columns: Vec<ArrayRef>,
    /// Rows found.
    pub rows: usize,
    /// For each row which of the keys it has, ascending; a key without a row is missing here.
    pub positions: Vec<u32>,
    /// The regions that were read.
    pub regions: Vec<RegionId>,
}

impl GetResult {
    pub(crate) fn read(
        records: &Records,
        schema: &SpaceSchema,
        keys: &[Key],
        ts: Timestamp,
        ordinals: &[usize],
        own: &OwnWrites,
    ) -> GetResult {
        let found = Found::look_up(records, keys, ts, own);
        let columns = ordinals.iter().map(|&ordinal| found.column(records, schema, ordinal)).collect();
        GetResult { columns, rows: found.positions.len(), positions: found.positions, regions: Vec::new() }
    }
}

/// Where the rows are.
struct Found {
    positions: Vec<u32>,
    /// Chunk, rows in it.
    base: Vec<(usize, Vec<u32>)>,
    delta: Vec<RowRef>,
    /// If rows do not lie in the sources in the order of positions: for each position the place in the sources, which
    /// count as one behind the other, delta last.
    order: Option<UInt32Array>,
}

impl Found {
    fn look_up(records: &Records, keys: &[Key], ts: Timestamp, own: &OwnWrites) -> Found {
        let mut found = Found {
            positions: Vec::with_capacity(keys.len()),
            base: Vec::new(),
            delta: Vec::new(),
            order: None,
        };
        // For each row the source (usize::MAX = delta) and the place in it.
        let mut places: Vec<(usize, u32)> = Vec::with_capacity(keys.len());
        let mut source = 0;
        for (position, key) in keys.iter().enumerate() {
            let visible = match own.at(key) {
                Some(OwnWrite::Row(row)) => Visible::Delta(row),
                Some(OwnWrite::Deleted) => Visible::Nothing,
                None => records.visible(key, ts),
            };
            match visible {
                Visible::Nothing => continue,
                Visible::Base { chunk, row } => {
                    // Sorted keys hit the same chunk again and again.
                    if found.base.get(source).is_none_or(|(c, _)| *c != chunk) {
                        source = found.base.iter().position(|(c, _)| *c == chunk).unwrap_or(found.base.len());
                        if source == found.base.len() {
                            found.base.push((chunk, Vec::with_capacity(keys.len() - position)));
                        }
                    }
                    let rows = &mut found.base[source].1;
                    places.push((source, rows.len() as u32));
                    rows.push(row as u32);
                }
                Visible::Delta(row) => {
                    places.push((usize::MAX, found.delta.len() as u32));
                    found.delta.push(row.clone());
                }
            }
            found.positions.push(position as u32);
        }
        if !places.is_sorted() {
            let mut starts = Vec::with_capacity(found.base.len());
            let mut start = 0;
            for (_, rows) in &found.base {
                starts.push(start);
                start += rows.len() as u32;
            }
            let flat = places.iter().map(|&(source, place)| starts.get(source).unwrap_or(&start) + place);
            found.order = Some(flat.collect());
        }
        found
    }

    fn column(&self, records: &Records, schema: &SpaceSchema, ordinal: usize) -> ArrayRef {
        let ty = schema.columns[ordinal].ty.arrow();
        let mut pieces: Vec<ArrayRef> = Vec::with_capacity(self.base.len() + 1);
        for (chunk, rows) in &self.base {
            let chunk = &records.base[*chunk];
            if let [row] = rows.as_slice() {
                pieces.push(chunk.column(ordinal, *row as usize, 1));
                continue;
            }
            let column = chunk.column(ordinal, 0, chunk.rows());
            pieces.push(
                take(&column, &UInt32Array::from(rows.clone()), None)
                    .expect("rows found in a chunk are within it"),
            );
        }
        if !self.delta.is_empty() {
            pieces.push(gather_rows(&self.delta, ordinal, &ty));
        }
        let joined = match pieces.len() {
            0 => return new_empty_array(&ty),
            1 => pieces.swap_remove(0),
            _ => {
                let pieces = dictionary::agree(pieces);
                let arrays: Vec<&dyn Array> = pieces.iter().map(|p| p.as_ref()).collect();
                concat(&arrays).expect("the pieces of a column have one type")
            }
        };
        match &self.order {
            Some(order) => take(&joined, order, None).expect("the order is a permutation of the rows"),
            None => joined,
        }
    }
}

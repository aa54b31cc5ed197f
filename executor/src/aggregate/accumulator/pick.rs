//! ANY_VALUE: what the first row of each group has.
//!
//! Groups are numbered in the order of their first rows, so the values at those rows, batch after batch, are the values by
//! group number: nothing is done for any other row. The one group of an aggregation without GROUP BY may have no row at all; its
//! value is NULL.

use allod_storage::schema::SqlType;
use arrow::array::{Array, ArrayRef, new_null_array};

use super::Moves;
use crate::batch::{concat, take};

#[derive(Debug, Default)]
pub(in crate::aggregate) struct Picked {
    chunks: Vec<ArrayRef>,
    /// Number of groups: of values too, but for a single group without rows.
    groups: usize,
    /// Bytes kept.
    pub bytes: u64,
}

impl Picked {
    pub fn grow(&mut self, groups: usize) {
        self.groups = groups;
    }

    pub fn update(&mut self, arg: &ArrayRef, new_rows: &[u32]) {
        if !new_rows.is_empty() {
            let chunk = take(arg, new_rows);
            self.bytes += chunk.get_array_memory_size().min(new_rows.len() * 32) as u64;
            self.chunks.push(chunk);
        }
    }

    pub fn merge<'a>(parts: impl Iterator<Item = (&'a Picked, Moves<'a>)>, groups: usize) -> Picked {
        let mut chunks = Vec::new();
        let mut rows = vec![0; groups];
        let mut start = 0;
        for (part, moves) in parts.filter(|(part, _)| !part.chunks.is_empty()) {
            // Of several workers' values for a group the last one's stays.
            moves.each(|from, to| rows[to] = start + from as u32);
            start += part.chunks.iter().map(|c| c.len()).sum::<usize>() as u32;
            chunks.extend(part.chunks.iter().cloned());
        }
        if chunks.is_empty() || groups == 0 {
            return Picked { groups, ..Picked::default() };
        }
        let all = take(&concat(&chunks), &rows);
        Picked { bytes: all.get_array_memory_size().min(groups * 32) as u64, chunks: vec![all], groups }
    }

    pub fn finish(&self, ty: &SqlType) -> ArrayRef {
        if self.chunks.is_empty() { new_null_array(&ty.arrow(), self.groups) } else { concat(&self.chunks) }
    }
}

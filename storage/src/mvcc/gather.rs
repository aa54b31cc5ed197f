//! Columns of rows that lie in several chunks and in delta.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, UInt32Array, new_empty_array};
use arrow::compute::{concat, take};

use super::RowRef;
use super::merge::gather_rows;
use crate::chunk::{Chunk, dictionary};
use crate::schema::SpaceSchema;

/// Rows in the order in which they come out, as runs.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
    delta: Vec<RowRef>,
    rows: usize,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    source: Source,
    start: u32,
    len: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    Chunk(u32),
    /// `Runs::delta`.
    Delta,
}

impl Runs {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn push_base(&mut self, chunk: usize, rows: Range<usize>) {
        if !rows.is_empty() {
            self.push(Source::Chunk(chunk as u32), rows.start as u32, rows.len() as u32);
        }
    }

    pub(super) fn push_delta(&mut self, row: RowRef) {
        self.delta.push(row);
        self.push(Source::Delta, self.delta.len() as u32 - 1, 1);
    }

    fn push(&mut self, source: Source, start: u32, len: u32) {
        self.rows += len as usize;
        match self.runs.last_mut() {
            Some(last) if last.source == source && last.start + last.len == start => last.len += len,
            _ => self.runs.push(Run { source, start, len }),
        }
    }

    /// Forgets what is behind so many rows.
    pub(super) fn truncate(&mut self, rows: usize) {
        while self.rows > rows
            && let Some(last) = self.runs.last_mut()
        {
            let less = (self.rows - rows).min(last.len as usize);
            last.len -= less as u32;
            self.rows -= less;
            if last.source == Source::Delta {
                self.delta.truncate((last.start + last.len) as usize);
            }
            if last.len == 0 {
                self.runs.pop();
            }
        }
    }

    /// One column of the rows.
    pub(super) fn column(&self, base: &[Chunk], ordinal: usize, schema: &SpaceSchema) -> ArrayRef {
        let ty = schema.columns[ordinal].ty.arrow();
        let mut pieces: Vec<ArrayRef> = Vec::new();
        for runs in self.runs.chunk_by(|a, b| a.source == b.source) {
            pieces.push(match runs[0].source {
                Source::Chunk(chunk) => {
                    let chunk = &base[chunk as usize];
                    match runs {
                        [run] => chunk.column(ordinal, run.start as usize, run.len as usize),
                        _ => {
                            let column = chunk.column(ordinal, 0, chunk.rows());
                            let rows = runs.iter().flat_map(|run| run.start..run.start + run.len);
                            take(&column, &UInt32Array::from_iter_values(rows), None)
                                .expect("rows found in a chunk are within it")
                        }
                    }
                }
                Source::Delta => {
                    let rows = runs.iter().flat_map(|run| run.start..run.start + run.len);
                    let rows: Vec<RowRef> = rows.map(|row| self.delta[row as usize].clone()).collect();
                    gather_rows(&rows, ordinal, &ty)
                }
            });
        }
        match pieces.len() {
            0 => new_empty_array(&ty),
            1 => pieces.swap_remove(0),
            _ => {
                let pieces = dictionary::agree(pieces);
                let arrays: Vec<&dyn Array> = pieces.iter().map(|p| p.as_ref()).collect();
                concat(&arrays).expect("the pieces of a column have one type")
            }
        }
    }
}

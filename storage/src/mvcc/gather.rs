//! Columns of rows that lie in several chunks and in delta.
//!
//! Which rows come out is known as runs of neighbours. Numbers are copied run by run into one new column, whatever their
//! sources. Strings are taken, chunk by chunk, by their views or codes; only if delta has some of them are they copied.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewBuilder, PrimitiveArray, StringViewBuilder,
    UInt32Array, new_empty_array, new_null_array,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::{concat, take};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimestampMicrosecondType, UInt64Type,
};

use super::RowRef;
use crate::chunk::{Chunk, dictionary, view_block_bytes};
use crate::schema::SpaceSchema;

/// A run of rows that is no longer than this is copied row by row.
const SHORT: usize = 8;

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

impl Run {
    fn range(self) -> Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

impl Runs {
    pub(super) fn with_capacity(runs: usize) -> Runs {
        Runs { runs: Vec::with_capacity(runs), delta: Vec::new(), rows: 0 }
    }

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
        let sources = Sources { runs: self, base, ordinal };
        match &ty {
            DataType::Int64 => sources.numbers::<Int64Type>(&ty),
            DataType::UInt64 => sources.numbers::<UInt64Type>(&ty),
            DataType::Float64 => sources.numbers::<Float64Type>(&ty),
            DataType::Decimal64(..) => sources.numbers::<Decimal64Type>(&ty),
            DataType::Decimal128(..) => sources.numbers::<Decimal128Type>(&ty),
            DataType::Date32 => sources.numbers::<Date32Type>(&ty),
            DataType::Timestamp(..) => sources.numbers::<TimestampMicrosecondType>(&ty),
            DataType::Duration(_) => sources.numbers::<DurationMicrosecondType>(&ty),
            DataType::Utf8View if !self.delta.is_empty() => {
                let mut out = StringViewBuilder::with_capacity(self.rows)
                    .with_fixed_block_size(view_block_bytes(self.rows));
                sources.for_each(|column, row| out.append_option(dictionary::str_at(column, row)));
                Arc::new(out.finish())
            }
            DataType::BinaryView if !self.delta.is_empty() => {
                let mut out = BinaryViewBuilder::with_capacity(self.rows)
                    .with_fixed_block_size(view_block_bytes(self.rows));
                sources.for_each(|column, row| {
                    let array = column.as_binary_view();
                    out.append_option(array.is_valid(row).then(|| array.value(row)));
                });
                Arc::new(out.finish())
            }
            DataType::Utf8View | DataType::BinaryView => sources.views(&ty),
            other => new_null_array(other, self.rows),
        }
    }
}

/// Where the values of one column are.
struct Sources<'a> {
    runs: &'a Runs,
    base: &'a [Chunk],
    ordinal: usize,
}

impl<'a> Sources<'a> {
    /// Calls `f` for each run, with the column it is in.
    fn for_each_run(&self, mut f: impl FnMut(&'a ArrayRef, Range<usize>)) {
        for run in &self.runs.runs {
            match run.source {
                Source::Chunk(chunk) => {
                    let (column, start) = self.base[chunk as usize].whole_column(self.ordinal);
                    let rows = run.range();
                    f(column, start + rows.start..start + rows.end);
                }
                Source::Delta => {
                    for RowRef { batch, row } in &self.runs.delta[run.range()] {
                        let row = *row as usize;
                        f(batch.column(self.ordinal), row..row + 1);
                    }
                }
            }
        }
    }

    fn for_each(&self, mut f: impl FnMut(&'a ArrayRef, usize)) {
        self.for_each_run(|column, rows| rows.for_each(|row| f(column, row)));
    }

    fn numbers<T: ArrowPrimitiveType>(&self, ty: &DataType) -> ArrayRef {
        let mut out: Vec<T::Native> = Vec::with_capacity(self.runs.rows);
        let mut has_nulls = false;
        for runs in self.runs.runs.chunk_by(|a, b| a.source == b.source) {
            match runs[0].source {
                Source::Chunk(chunk) => {
                    let (column, start) = self.base[chunk as usize].whole_column(self.ordinal);
                    let array = column.as_primitive::<T>();
                    has_nulls |= array.null_count() > 0;
                    let values = array.values().as_ref();
                    for run in runs {
                        let rows = run.range();
                        let run = &values[start + rows.start..start + rows.end];
                        if run.len() <= SHORT {
                            run.iter().for_each(|&value| out.push(value));
                        } else {
                            out.extend_from_slice(run);
                        }
                    }
                }
                Source::Delta => {
                    for RowRef { batch, row } in runs.iter().flat_map(|run| &self.runs.delta[run.range()]) {
                        let array = batch.column(self.ordinal).as_primitive::<T>();
                        has_nulls |= array.null_count() > 0;
                        out.push(array.values()[*row as usize]);
                    }
                }
            }
        }
        let nulls = has_nulls.then(|| {
            let mut valid = Vec::with_capacity(self.runs.rows);
            self.for_each(|column, row| valid.push(column.is_valid(row)));
            NullBuffer::from(valid)
        });
        Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(out), nulls).with_data_type(ty.clone()))
    }

    /// Strings, all of base: views or codes are taken, not what they stand for.
    fn views(&self, ty: &DataType) -> ArrayRef {
        let mut pieces: Vec<ArrayRef> = Vec::new();
        for runs in self.runs.runs.chunk_by(|a, b| a.source == b.source) {
            let Source::Chunk(chunk) = runs[0].source else { continue };
            let chunk = &self.base[chunk as usize];
            pieces.push(match runs {
                [run] => chunk.column(self.ordinal, run.start as usize, run.len as usize),
                _ => {
                    let (column, start) = chunk.whole_column(self.ordinal);
                    let rows = runs.iter().flat_map(|run| run.range().map(|row| (start + row) as u32));
                    take(column, &UInt32Array::from_iter_values(rows), None)
                        .expect("rows found in a chunk are within it")
                }
            });
        }
        match pieces.len() {
            0 => new_empty_array(ty),
            1 => pieces.swap_remove(0),
            _ => {
                let pieces = dictionary::agree(pieces);
                let arrays: Vec<&dyn Array> = pieces.iter().map(|p| p.as_ref()).collect();
                concat(&arrays).expect("the pieces of a column have one type")
            }
        }
    }
}

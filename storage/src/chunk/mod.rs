//! Base data: immutable sorted columns.
//!
//! A chunk is a run of rows of one space in key order, one Arrow array a column, cut in thought into blocks of
//! [`BLOCK_ROWS`] rows. For each block it knows the key of the first row (a sparse index: a key is found by searching the
//! blocks, then the rows of one block) and the least and greatest value of each column (a zone map: a block that cannot
//! hold what a scan wants is not read). String columns with few distinct values are dictionary codes, with one sorted
//! dictionary for all chunks that were built together.
//!
//! Chunks are shared, never copied: a [`Chunk`] is a window on one, so that splitting a region cuts a window in two. A
//! window need not begin or end at a block; the blocks at its ends are then read in part, and their zone maps are wider
//! than need be, which is harmless.

mod build;
mod bulk;
pub(crate) mod dictionary;
mod order;
pub(crate) mod patch;
mod zone;

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, UInt16Type};

use crate::key::{Bound, Key, KeyEncoder, KeyRange, Marks, RowKeys, gallop, halve};
use crate::mvcc::ZoneFilter;
use crate::schema::{SpaceSchema, Timestamp};
use zone::Zones;

pub use build::{BuildError, ChunkLimit, build_base};
pub(crate) use build::{CommitColumn, rebuild};
pub use bulk::Bulk;

/// Rows in a block: the unit of zone maps, and the most that a reader gets at a time. Small in this crate's own tests, so
/// that a few hundred rows have many blocks.
pub const BLOCK_ROWS: usize = if cfg!(test) { 32 } else { 8192 };

/// When the rows of a chunk were committed.
#[derive(Clone, Debug)]
pub(crate) enum CommitTimes {
    /// All at once.
    Uniform(Timestamp),
    /// Each at its own time.
    PerRow { times: Arc<[u64]>, oldest: Timestamp, newest: Timestamp },
}

impl CommitTimes {
    pub(crate) fn per_row(times: Vec<u64>) -> CommitTimes {
        let oldest = Timestamp(times.iter().copied().min().unwrap_or(0));
        let newest = Timestamp(times.iter().copied().max().unwrap_or(0));
        if oldest == newest {
            return CommitTimes::Uniform(oldest);
        }
        CommitTimes::PerRow { times: times.into(), oldest, newest }
    }
}

#[derive(Clone, Debug)]
struct ChunkData {
    columns: Vec<ArrayRef>,
    keys: RowKeys,
    /// If many keys can be searched together.
    marks: Option<Marks>,
    rows: usize,
    bytes: usize,
    /// Key of the first row of each block.
    first_keys: Vec<Key>,
    zones: Zones,
    commit: CommitTimes,
}

/// Rows of one space in key order; at least one. A window on shared, immutable data: cheap to clone and to cut.
#[derive(Clone, Debug)]
pub struct Chunk {
    data: Arc<ChunkData>,
    start: usize,
    end: usize,
    first: Key,
    last: Key,
}

/// The columns of a chunk, and of whatever else is a window on the same.
#[derive(Clone, Debug)]
pub(crate) struct Columns(Arc<ChunkData>);

impl Columns {
    pub(crate) fn column(&self, ordinal: usize) -> &ArrayRef {
        &self.0.columns[ordinal]
    }

    /// Whether it is the same.
    pub(crate) fn is(&self, other: &Columns) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Chunk {
    /// Of columns that are sorted by key, without duplicates, and not empty.
    fn new(schema: &SpaceSchema, columns: Vec<ArrayRef>, commit: CommitTimes) -> Result<Chunk, BuildError> {
        let keys = KeyEncoder::new(schema).bind(&columns)?;
        let rows = columns.first().map_or(0, |c| c.len());
        let data = ChunkData {
            rows,
            bytes: columns.iter().map(column_bytes).sum(),
            first_keys: (0..rows).step_by(BLOCK_ROWS).map(|row| keys.key(row)).collect(),
            zones: Zones::of(&columns, rows),
            marks: keys.marks(rows),
            commit,
            columns,
            keys,
        };
        let (first, last) = (data.keys.key(0), data.keys.key(rows - 1));
        Ok(Chunk { data: Arc::new(data), start: 0, end: rows, first, last })
    }

    /// The same rows, all committed at this time. Columns are shared.
    pub(crate) fn committed_at(&self, ts: Timestamp) -> Chunk {
        let mut data = ChunkData::clone(&self.data);
        data.commit = CommitTimes::Uniform(ts);
        Chunk { data: Arc::new(data), ..self.clone() }
    }

    /// Rows in it.
    pub fn rows(&self) -> usize {
        self.end - self.start
    }

    /// About how many bytes its rows take.
    pub fn bytes(&self) -> usize {
        (self.data.bytes as u128 * self.rows() as u128 / self.data.rows as u128) as usize
    }

    /// Key of the first row.
    pub fn first_key(&self) -> &Key {
        &self.first
    }

    /// Key of the last row.
    pub fn last_key(&self) -> &Key {
        &self.last
    }

    /// Key of a row.
    pub fn key(&self, row: usize) -> Key {
        self.data.keys.key(self.start + row)
    }

    /// Appends the key of a row.
    pub(crate) fn append_key(&self, row: usize, out: &mut Vec<u8>) {
        self.data.keys.append(self.start + row, out);
    }

    /// Some of its rows; `None` if they are none.
    pub fn slice(&self, from: usize, to: usize) -> Option<Chunk> {
        if from >= to {
            return None;
        }
        if (from, to) == (0, self.rows()) {
            return Some(self.clone());
        }
        Some(Chunk {
            data: Arc::clone(&self.data),
            start: self.start + from,
            end: self.start + to,
            first: self.key(from),
            last: self.key(to - 1),
        })
    }

    /// The window on these rows and those of the next one, if they lie side by side.
    pub(crate) fn joined(&self, next: &Chunk) -> Option<Chunk> {
        let are_neighbours = Arc::ptr_eq(&self.data, &next.data) && self.end == next.start;
        are_neighbours.then(|| Chunk { end: next.end, last: next.last.clone(), ..self.clone() })
    }

    /// Those of its rows whose keys are in a range; `None` if they are none.
    pub(crate) fn within(&self, range: &KeyRange) -> Option<Chunk> {
        if range.start <= self.first && self.last < range.end {
            return Some(self.clone());
        }
        self.slice(self.lower_bound(range.start.as_bytes()), self.lower_bound(range.end.as_bytes()))
    }

    /// Rows of a column, not copied.
    pub(crate) fn column(&self, ordinal: usize, from: usize, rows: usize) -> ArrayRef {
        let column = &self.data.columns[ordinal];
        if rows == column.len() { Arc::clone(column) } else { column.slice(self.start + from, rows) }
    }

    /// The columns of one row.
    pub(crate) fn row(&self, row: usize) -> Vec<ArrayRef> {
        self.data.columns.iter().map(|column| column.slice(self.start + row, 1)).collect()
    }

    /// A whole column of what this is a window on, and where in it the window begins.
    pub(crate) fn whole_column(&self, ordinal: usize) -> (&ArrayRef, usize) {
        (&self.data.columns[ordinal], self.start)
    }

    /// When a row was committed.
    pub(crate) fn commit_ts(&self, row: usize) -> Timestamp {
        match &self.data.commit {
            CommitTimes::Uniform(ts) => *ts,
            CommitTimes::PerRow { times, .. } => Timestamp(times[self.start + row]),
        }
    }

    /// No row was committed earlier.
    pub(crate) fn oldest_ts(&self) -> Timestamp {
        match &self.data.commit {
            CommitTimes::Uniform(ts) | CommitTimes::PerRow { oldest: ts, .. } => *ts,
        }
    }

    /// No row was committed later.
    pub(crate) fn newest_ts(&self) -> Timestamp {
        match &self.data.commit {
            CommitTimes::Uniform(ts) | CommitTimes::PerRow { newest: ts, .. } => *ts,
        }
    }

    /// The first row whose key is not less; `rows()` if there is none.
    pub(crate) fn lower_bound(&self, key: &[u8]) -> usize {
        let data = &*self.data;
        let at = match data.keys.by_first_int(key) {
            Some((values, wanted, _)) => {
                values[self.start..self.end].partition_point(|&v| v < wanted) + self.start
            }
            None => {
                let near = data.keys.near(key, self.start..self.end).unwrap_or_else(|| {
                    let block = data.first_keys.partition_point(|first| first.as_bytes() < key);
                    block.saturating_sub(1) * BLOCK_ROWS..(block * BLOCK_ROWS).min(data.rows)
                });
                halve(near, |row| data.keys.compare(row, key) == Ordering::Less)
            }
        };
        at.clamp(self.start, self.end) - self.start
    }

    /// The row with this key.
    pub(crate) fn find(&self, key: &[u8]) -> Option<usize> {
        let row = self.lower_bound(key);
        (row < self.rows() && self.is_at(row, key)).then_some(row)
    }

    /// The first of these rows whose key is not less (or the end), and whether it is equal. For keys that come in order,
    /// each search starting where the last one ended: the steps grow from there.
    pub(crate) fn seek(&self, key: &[u8], rows: Range<usize>) -> (usize, bool) {
        if let Some((values, wanted, is_whole)) = self.data.keys.by_first_int(key) {
            let values = &values[self.start..self.end];
            let row = gallop(rows.clone(), |row| values[row] < wanted);
            return (row, is_whole && row < rows.end && values[row] == wanted);
        }
        let less = |row: usize| self.data.keys.compare(self.start + row, key) == Ordering::Less;
        let row = gallop(rows.clone(), less);
        (row, row < rows.end && self.is_at(row, key))
    }

    /// Of these rows those that start with a prefix; if there are none, the place where they would be.
    pub(crate) fn equal_range(&self, rows: Range<usize>, prefixes: &RowKeys, at: usize) -> Range<usize> {
        let rows = self.start + rows.start..self.start + rows.end;
        let found = self.data.keys.equal_range(rows, prefixes, at);
        found.start - self.start..found.end - self.start
    }

    /// Of how many of these lookups, which ascend, all rows there are lie before the last row of this chunk; fewer if that is
    /// dear to find out.
    pub(crate) fn count_within(&self, prefixes: &RowKeys, lookups: Range<usize>) -> usize {
        match &self.data.marks {
            Some(_) => self.data.keys.count_before(self.end - 1, prefixes, lookups),
            None => 0,
        }
    }

    /// As [`equal_range`](Chunk::equal_range), for all of these lookups: `found` gets each with its rows.
    pub(crate) fn equal_ranges(
        &self,
        rows: Range<usize>,
        prefixes: &RowKeys,
        lookups: Range<usize>,
        mut found: impl FnMut(usize, Range<usize>),
    ) {
        let all = self.start + rows.start..self.start + rows.end;
        match &self.data.marks {
            Some(marks) => self.data.keys.equal_ranges(marks, all, prefixes, lookups, |at, rows| {
                found(at, rows.start - self.start..rows.end - self.start);
            }),
            None => lookups.for_each(|at| found(at, self.equal_range(rows.clone(), prefixes, at))),
        }
    }

    /// Of these rows, which agree in the first `width` key columns, those within bounds of the next.
    pub(crate) fn bounded(
        &self,
        rows: Range<usize>,
        width: usize,
        low: Option<&Bound>,
        high: Option<&Bound>,
        at: usize,
    ) -> Range<usize> {
        let rows = self.start + rows.start..self.start + rows.end;
        let found = self.data.keys.bounded(rows, width, low, high, at);
        found.start - self.start..found.end - self.start
    }

    /// Whether all rows are less than every row that starts with a prefix.
    pub(crate) fn is_before(&self, prefixes: &RowKeys, at: usize) -> bool {
        self.data.keys.is_before(self.end - 1, prefixes, at)
    }

    /// The first rows whose keys are not less than `start`, and less than `end`; no more than so many.
    pub(crate) fn few(&self, start: &[u8], end: &[u8], wanted: usize) -> Range<usize> {
        let from = self.lower_bound(start);
        let rows = from..self.rows().min(from.saturating_add(wanted));
        from..self.seek(end, rows).0
    }

    /// How the key of a row compares with another.
    pub(crate) fn compare(&self, row: usize, key: &[u8]) -> Ordering {
        self.data.keys.compare(self.start + row, key)
    }

    /// The columns that this is a window on, and where in them these rows are.
    pub(crate) fn whole(&self, rows: Range<usize>) -> (Columns, Range<usize>) {
        (Columns(Arc::clone(&self.data)), self.start + rows.start..self.start + rows.end)
    }

    fn is_at(&self, row: usize, key: &[u8]) -> bool {
        self.compare(row, key) == Ordering::Equal
    }

    /// These rows, cut at the boundaries of blocks.
    pub(crate) fn blocks(&self, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let (start, mut from) = (self.start, rows.start);
        std::iter::from_fn(move || {
            if from >= rows.end {
                return None;
            }
            let to = ((start + from) / BLOCK_ROWS + 1) * BLOCK_ROWS - start;
            let block = from..to.min(rows.end);
            from = block.end;
            Some(block)
        })
    }

    /// Whether the block that a row is in can have rows that satisfy all filters.
    pub(crate) fn may_contain(&self, row: usize, filters: &[ZoneFilter]) -> bool {
        let block = (self.start + row) / BLOCK_ROWS;
        filters.iter().all(|filter| self.data.zones.may_contain(block, filter))
    }
}

/// What a column takes, not counting what it shares with the other chunks of its ingest.
fn column_bytes(column: &ArrayRef) -> usize {
    let views = |buffers: &[arrow::buffer::Buffer]| {
        buffers.iter().map(|b| b.len()).sum::<usize>() + column.len() * 16
    };
    match column.data_type() {
        DataType::Utf8View => views(column.as_string_view().data_buffers()),
        DataType::BinaryView => views(column.as_binary_view().data_buffers()),
        DataType::Dictionary(..) => column.as_dictionary::<UInt16Type>().keys().len() * 2,
        ty => column.len() * ty.primitive_width().unwrap_or(0),
    }
}

/// Bytes of a block in which a builder of views puts the strings of so many rows. The library's own blocks begin with 16 KB: a
/// row that is written by itself would hold that much for as long as its version lives.
pub fn view_block_bytes(rows: usize) -> u32 {
    const BYTES_A_ROW: usize = 64;
    const BLOCK_BYTES_MAX: usize = 1 << 20;
    rows.saturating_mul(BYTES_A_ROW).clamp(BYTES_A_ROW, BLOCK_BYTES_MAX) as u32
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use arrow::record_batch::RecordBatch;

    use super::*;
    use crate::key::{encode_datums, end_of_prefix};
    use crate::schema::{ColumnDef, ColumnType, Datum, SpaceId, SqlType};

    /// Keys of two integers, asked for by one, which is the whole key of a unique index: against a look at every row.
    #[test]
    fn a_prefix_of_one_integer_is_found_by_the_values() {
        let def = ColumnDef::new("c", ColumnType::not_null(SqlType::BIGINT));
        let id = SpaceId(7);
        for (unique_prefix, alike) in [(None, 5), (Some(1), 1)] {
            let columns = vec![def.clone(), def.clone()];
            let schema = SpaceSchema { id, columns, key: vec![0, 1], unique_prefix };
            let rows: Vec<(i64, i64)> = (0..600).map(|i| (i / alike * 3 - 180, i % 5)).collect();
            let column = |of: fn(&(i64, i64)) -> i64| {
                Arc::new(rows.iter().map(of).collect::<Int64Array>()) as ArrayRef
            };
            let field = |name: &str| Field::new(name, DataType::Int64, false);
            let arrow = Arc::new(Schema::new(vec![field("a"), field("b")]));
            let batch = RecordBatch::try_new(arrow, vec![column(|r| r.0), column(|r| r.1)]).unwrap();
            let limit = ChunkLimit { rows: 10_000, bytes: usize::MAX };
            let chunks = build_base(&schema, vec![batch], limit, Timestamp(5)).unwrap();
            let [chunk] = &chunks[..] else { panic!("one chunk") };
            let chunk = chunk.slice(7, 590).unwrap();
            let ends = [i64::MIN, -1000, 3000, i64::MAX];
            for wanted in (-200..200).chain(ends) {
                for space in [SpaceId(6), id, SpaceId(8)] {
                    let start = encode_datums(space, &[Datum::Int(wanted)]);
                    let start = start.as_bytes();
                    let mut end = start.to_vec();
                    end_of_prefix(&mut end);
                    let below = |key: &[u8]| {
                        (0..chunk.rows()).filter(|&row| chunk.compare(row, key) == Ordering::Less).count()
                    };
                    let (from, to) = (below(start), below(&end));
                    let is_there = from < chunk.rows() && chunk.compare(from, start) == Ordering::Equal;
                    assert_eq!(chunk.lower_bound(start), from, "{wanted} in {space:?}");
                    assert_eq!(chunk.lower_bound(&end), to);
                    assert_eq!(chunk.seek(start, 0..chunk.rows()), (from, is_there));
                    assert_eq!(chunk.find(start), is_there.then_some(from));
                    assert_eq!(chunk.few(start, &end, 3), from..to.min(from + 3));
                }
            }
        }
    }
}

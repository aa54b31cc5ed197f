//! A few rows, where they lie.
//!
//! Who wants three rows spends less on reading them than on asking: a request with a list of keys, an iterator over blocks,
//! Arrow arrays to gather three values into. So there is a short way beside the others. It answers with the places of the
//! first rows of a range (runs of rows of base, single rows of delta), and whoever asked reads the columns there.
//!
//! The short way decides nothing. Whenever a read is not plain (a lock that may matter, a timestamp in the past, a region that
//! was split) there is no answer at all, and who asked goes the long way, which knows what to do.

use std::cmp::Ordering;
use std::ops::{Bound, Range};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;

use super::{Records, RowRef, Versions, Write};
use crate::chunk::{Chunk, Columns};
use crate::key::Key;
use crate::schema::Timestamp;

/// Rows that lie side by side, with all columns of their space.
#[derive(Clone, Debug)]
pub struct RowRun {
    source: Source,
    /// Which rows of its columns.
    pub rows: Range<usize>,
}

#[derive(Clone, Debug)]
enum Source {
    Base(Columns),
    Delta(Arc<RecordBatch>),
}

impl RowRun {
    /// A column of the space that holds the rows of the run, and others.
    pub fn column(&self, ordinal: usize) -> &ArrayRef {
        match &self.source {
            Source::Base(columns) => columns.column(ordinal),
            Source::Delta(batch) => batch.column(ordinal),
        }
    }
}

/// What is wanted: the first `wanted` rows from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Few<'a> {
    pub(crate) start: &'a [u8],
    pub(crate) end: &'a [u8],
    pub(crate) ts: Timestamp,
    pub(crate) wanted: usize,
}

impl Few<'_> {
    /// How many rows of the present there are, appended to `out` in key order: fewer than are wanted if there are no more. Else
    /// `next` becomes the key from which to go on.
    pub(crate) fn read(&self, records: &Records, out: &mut Vec<RowRun>, next: &mut Vec<u8>) -> usize {
        if self.start >= self.end || self.wanted == 0 {
            return 0;
        }
        let mut found = Found { few: self, rows: 0, before: out.len(), out, next };
        let range = (Bound::Included(self.start), Bound::Excluded(self.end));
        let mut delta = match records.delta.is_empty() {
            true => None,
            false => Some(records.delta.range::<_, [u8]>(range).peekable()),
        };
        let first = records.base.partition_point(|chunk| chunk.last_key().as_bytes() < self.start);
        for chunk in &records.base[first..] {
            if found.is_enough() || chunk.first_key().as_bytes() >= self.end {
                break;
            }
            let rows = chunk.few(self.start, self.end, self.wanted - found.rows);
            if delta.is_none() && chunk.newest_ts() <= self.ts {
                found.run(chunk, rows);
                continue;
            }
            // Row by row: those that are hidden make room for others.
            let (mut row, last) = (rows.start, chunk.rows());
            while !found.is_enough() && row < last && chunk.compare(row, self.end) == Ordering::Less {
                let newer = delta.as_mut().and_then(|delta| delta.peek());
                let order = newer.map_or(Ordering::Less, |(key, _)| chunk.compare(row, key.as_bytes()));
                match order {
                    Ordering::Less => {
                        found.base(chunk, row);
                        row += 1;
                    }
                    Ordering::Equal => {
                        let versions =
                            delta.as_mut().and_then(|delta| delta.next()).map(|(_, versions)| &**versions);
                        found.either(chunk, row, versions);
                        row += 1;
                    }
                    Ordering::Greater => {
                        if let Some((key, versions)) = delta.as_mut().and_then(|delta| delta.next()) {
                            found.delta(key, versions);
                        }
                    }
                }
            }
        }
        for (key, versions) in delta.into_iter().flatten() {
            if found.is_enough() {
                break;
            }
            found.delta(key, versions);
        }
        found.rows
    }
}

struct Found<'a> {
    few: &'a Few<'a>,
    rows: usize,
    /// Runs that were there before: they stay as they are.
    before: usize,
    out: &'a mut Vec<RowRun>,
    next: &'a mut Vec<u8>,
}

impl Found<'_> {
    fn is_enough(&self) -> bool {
        self.rows >= self.few.wanted
    }

    /// A row of base, if it is there at the timestamp.
    fn base(&mut self, chunk: &Chunk, row: usize) {
        if chunk.commit_ts(row) <= self.few.ts {
            self.run(chunk, row..row + 1);
        }
    }

    /// Rows of base that are.
    fn run(&mut self, chunk: &Chunk, rows: Range<usize>) {
        if rows.is_empty() {
            return;
        }
        self.rows += rows.len();
        if self.is_enough() {
            self.go_on_behind(|next| chunk.append_key(rows.end - 1, next));
        }
        let (columns, rows) = chunk.whole(rows);
        if let Some(RowRun { source: Source::Base(last), rows: run }) = self.out[self.before..].last_mut()
            && run.end == rows.start
            && last.is(&columns)
        {
            run.end = rows.end;
            return;
        }
        self.out.push(RowRun { source: Source::Base(columns), rows });
    }

    /// The row of base, or what delta has in its place.
    fn either(&mut self, chunk: &Chunk, row: usize, versions: Option<&Versions>) {
        let in_base = chunk.commit_ts(row);
        let newer =
            versions.and_then(|versions| versions.data_at(self.few.ts)).filter(|v| v.commit_ts >= in_base);
        match newer.map(|version| &version.write) {
            Some(Write::Put(put)) => {
                self.row(put);
                if self.is_enough() {
                    self.go_on_behind(|next| chunk.append_key(row, next));
                }
            }
            Some(Write::Delete | Write::Lock | Write::Rollback) => {}
            None => self.base(chunk, row),
        }
    }

    fn delta(&mut self, key: &Key, versions: &Versions) {
        if let Some(Write::Put(row)) = versions.data_at(self.few.ts).map(|version| &version.write) {
            self.row(row);
            if self.is_enough() {
                self.go_on_behind(|next| next.extend_from_slice(key.as_bytes()));
            }
        }
    }

    /// The last row has this key.
    fn go_on_behind(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        self.next.clear();
        append(self.next);
        // The least key that is greater.
        self.next.push(0);
    }

    fn row(&mut self, row: &RowRef) {
        let at = row.row as usize;
        self.rows += 1;
        self.out.push(RowRun { source: Source::Delta(Arc::clone(&row.batch)), rows: at..at + 1 });
    }
}

/// All rows of a range, so many at a time.
#[cfg(test)]
pub(crate) fn in_pieces(
    records: &Records,
    range: &crate::key::KeyRange,
    ts: Timestamp,
    wanted: usize,
) -> Vec<RowRun> {
    let (mut start, mut next, mut out) = (range.start.as_bytes().to_vec(), Vec::new(), Vec::new());
    loop {
        let before: Vec<RowRun> = out.clone();
        let few = Few { start: &start, end: range.end.as_bytes(), ts, wanted };
        let found = few.read(records, &mut out, &mut next);
        assert!(before.iter().zip(&out).all(|(before, after)| before.rows == after.rows));
        assert_eq!(out[before.len()..].iter().map(|run| run.rows.len()).sum::<usize>(), found);
        assert!(found <= wanted);
        if found < wanted {
            return out;
        }
        start.clone_from(&next);
    }
}

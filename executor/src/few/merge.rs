//! Rows of several partitions in the order of their keys: each partition has its own in order, so the least of the first rows
//! that are left is next. A few rows of each partition are read at a time; of those that are not wanted in the end only the
//! places were noted.

use std::cmp::Ordering;
use std::ops;

use allod_planner::physical::Range;
use allod_storage::schema::SpaceId;

use super::compile::At;
use super::keys::{InOrder, Keys};
use super::order::{self, Direction};
use super::walk::{Place, Walk};

/// A merge that goes on.
pub(super) struct Merge<'p> {
    cursors: Vec<Cursor<'p>>,
    /// Those that have rows left; the one whose first row is the least is the last.
    order: Vec<usize>,
    key: &'p [(At, Direction)],
}

impl<'p> Merge<'p> {
    /// Of these spaces, each told with the records that its entries point to. `key` is that of the rows.
    pub fn new(
        walk: &mut Walk<'_>,
        places: &mut dyn Iterator<Item = (SpaceId, SpaceId)>,
        ranges: &'p [Range],
        key: &'p [(At, Direction)],
    ) -> Option<Merge<'p>> {
        let room = places.size_hint().0;
        let mut merge = Merge { cursors: Vec::with_capacity(room), order: Vec::with_capacity(room), key };
        let wanted = walk.wanted_at_first();
        for (space, records) in places {
            let (left, in_order) = (ranges.iter(), InOrder::default());
            let mut cursor =
                Cursor { space, records, ranges, left, in_order, keys: None, wanted, runs: 0..0, row: 0 };
            let has_row = cursor.has_row(walk)?;
            merge.cursors.push(cursor);
            if has_row {
                merge.settle(walk, merge.cursors.len() - 1)?;
            }
        }
        Some(merge)
    }

    /// The next row, and the space of the records beside it.
    pub fn next(&mut self, walk: &mut Walk<'_>) -> Option<Option<(Place, SpaceId)>> {
        let Some(at) = self.order.pop() else { return Some(None) };
        let least = &mut self.cursors[at];
        let next = (Place::new(least.runs.start, least.row)?, least.records);
        least.row += 1;
        if least.has_row(walk)? {
            self.settle(walk, at)?;
        }
        Some(Some(next))
    }

    /// Takes a cursor that has a row in where it belongs.
    fn settle(&mut self, walk: &Walk<'_>, at: usize) -> Option<()> {
        let mut to = self.order.len();
        // What was the least is often the least again.
        while to > 0 && self.compare(walk, at, self.order[to - 1])? == Ordering::Greater {
            to -= 1;
        }
        self.order.insert(to, at);
        Some(())
    }

    fn compare(&self, walk: &Walk<'_>, a: usize, b: usize) -> Option<Ordering> {
        let (a, b) = (&self.cursors[a], &self.cursors[b]);
        let (in_a, in_b) = (&walk.runs[a.runs.start], &walk.runs[b.runs.start]);
        order::compare_by(self.key, |At { ordinal, .. }| {
            (Some((in_a.column(ordinal), a.row)), Some((in_b.column(ordinal), b.row)))
        })
    }

    /// No more rows are wanted.
    pub fn end(self, walk: &mut Walk<'_>) {
        self.cursors.into_iter().filter_map(|cursor| cursor.keys).for_each(|keys| walk.put_back(keys));
    }
}

/// Where a partition is read.
struct Cursor<'p> {
    space: SpaceId,
    records: SpaceId,
    ranges: &'p [Range],
    /// Ranges that are still to be read.
    left: std::slice::Iter<'p, Range>,
    in_order: InOrder,
    /// What is still to be read of a range; `None` = no more.
    keys: Option<Keys>,
    wanted: usize,
    /// What was read of it and not taken.
    runs: ops::Range<usize>,
    /// The first such row, if it is not one before those of the first run.
    row: usize,
}

impl Cursor<'_> {
    /// Goes to the first row that is left, which may be the one it stands at; whether there is one.
    fn has_row(&mut self, walk: &mut Walk<'_>) -> Option<bool> {
        loop {
            while let Some(run) = self.runs.clone().next() {
                let rows = &walk.runs[run].rows;
                self.row = self.row.max(rows.start);
                if self.row < rows.end {
                    return Some(true);
                }
                (self.runs.start, self.row) = (run + 1, 0);
            }
            let mut keys = match self.keys.take() {
                Some(keys) => keys,
                None => match self.left.next() {
                    Some(range) => self.in_order.keys(walk, self.space, range, self.ranges.len())?,
                    None => return Some(false),
                },
            };
            let found;
            (self.runs, found) = walk.read(&mut keys, self.wanted)?;
            self.row = 0;
            if found < self.wanted {
                walk.put_back(keys);
            } else {
                keys.go_on();
                self.keys = Some(keys);
                self.wanted *= 2;
            }
        }
    }
}

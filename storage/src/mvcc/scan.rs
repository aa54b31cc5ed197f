//! Reading a region in morsels.
//!
//! Where delta does not touch a block, a morsel is that block (or the part of it that is in range), and reading it slices
//! columns: nothing is copied. A block that delta touches, or with rows that are too new for the reader, is merged when it
//! is read. Which blocks are touched is found once, when the morsels are made: base rows between two neighbouring block
//! boundaries and the delta keys between the same boundaries belong together.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;

use super::merge::{BaseRows, Pick, Plan, merge_piece};
use super::{Records, Versions, Write};
use crate::chunk::{BLOCK_ROWS, Chunk};
use crate::key::{Key, KeyRange};
use crate::schema::{Datum, RegionId, SpaceId, SpaceSchema, Timestamp};

/// `column BETWEEN low AND high`, both bounds inclusive, `None` = open: a block of which no row can satisfy it may be
/// skipped. It never drops a row of a block that is read. NULL does not satisfy it.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneFilter {
    /// The column.
    pub ordinal: usize,
    /// Least value wanted.
    pub low: Option<Datum>,
    /// Greatest value wanted.
    pub high: Option<Datum>,
}

/// Rows of one morsel.
#[derive(Clone, Debug)]
pub struct ScanBatch {
    /// The wanted columns, of the types that the space declares; a string column may be `Dictionary(UInt16, Utf8View)`.
    pub columns: Vec<ArrayRef>,
    /// Rows in each.
    pub rows: usize,
}

/// A part of a scan that is read in one go: at most [`BLOCK_ROWS`] rows.
#[derive(Clone, Debug)]
pub struct Morsel(Source);

#[derive(Clone, Debug)]
enum Source {
    /// These rows of a chunk of the base, as they are. By position, since most scans that stop early drop most morsels.
    Base(usize, Range<usize>),
    /// Base rows with delta laid over them.
    Merged(Arc<Merged>),
}

#[derive(Debug)]
struct Merged {
    base: BaseRows,
    range: KeyRange,
    /// At most as many rows as come out.
    rows: usize,
    /// Made at the first read, and kept for further columns.
    plan: OnceLock<Plan>,
}

impl Morsel {
    /// At most this many rows will come out.
    pub fn rows_max(&self) -> usize {
        match &self.0 {
            Source::Base(_, rows) => rows.len(),
            Source::Merged(merged) => merged.rows,
        }
    }
}

/// One region's rows at a timestamp: an immutable view. Reading never waits and never fails.
#[derive(Clone, Debug)]
pub struct RegionScan {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    region: RegionId,
    schema: Arc<SpaceSchema>,
    records: Records,
    ranges: Arc<[KeyRange]>,
    ts: Timestamp,
    zone: Arc<[ZoneFilter]>,
    descending: bool,
}

impl RegionScan {
    pub(crate) fn new(
        region: RegionId,
        schema: Arc<SpaceSchema>,
        records: Records,
        ranges: Arc<[KeyRange]>,
        ts: Timestamp,
        zone: Arc<[ZoneFilter]>,
        descending: bool,
    ) -> RegionScan {
        RegionScan { shared: Arc::new(Shared { region, schema, records, ranges, ts, zone, descending }) }
    }

    /// The region.
    pub fn region(&self) -> RegionId {
        self.shared.region
    }

    /// The keys that were changed after `since`, which is pinned, and up to the timestamp of the scan; ascending. `None`: what is
    /// read is past already, and does not tell. A scan at a newer timestamp does.
    pub fn changed_since(&self, since: Timestamp) -> Option<Vec<Key>> {
        let Shared { records, ts, .. } = &*self.shared;
        if records.past.is_empty() && records.folded_ts > since {
            return None;
        }
        let is_between = |at: Timestamp| since < at && at <= *ts;
        let mut keys = BTreeSet::new();
        let pasts = records.past.iter().filter(|past| past.until > since);
        for (range, delta) in
            pasts.map(|past| (Some(&past.range), &past.delta)).chain([(None, &records.delta)])
        {
            for (key, versions) in delta {
                let is_here = range.is_none_or(|range| range.contains(key.as_bytes()));
                if is_here && versions.iter().any(|v| v.is_data() && is_between(v.commit_ts)) {
                    keys.insert(key.clone());
                }
            }
        }
        // What was loaded past the delta, and what was folded since, which is among the others.
        for chunk in records.base.iter().filter(|chunk| chunk.newest_ts() > since) {
            let rows = (0..chunk.rows()).filter(|&row| is_between(chunk.commit_ts(row)));
            keys.extend(rows.map(|row| chunk.key(row)));
        }
        Some(keys.into_iter().collect())
    }

    /// About how many rows there are, zone filters aside.
    pub fn row_count_estimate(&self) -> usize {
        let Shared { records, ranges, .. } = &*self.shared;
        let in_range =
            |range: &KeyRange| base_rows(records, range).map(|(_, _, rows)| rows.len()).sum::<usize>();
        ranges.iter().map(in_range).sum::<usize>() + records.delta.len()
    }

    /// The parts of the scan, in the order in which it was asked for.
    pub fn morsels(&self) -> Vec<Morsel> {
        let mut morsels = Vec::new();
        for range in &*self.shared.ranges {
            self.shared.push_morsels(range, &mut morsels);
        }
        if self.shared.descending {
            morsels.reverse();
        }
        morsels
    }

    /// The parts of the scan that hold keys of this range, in the order in which it was asked for.
    pub fn morsels_within(&self, within: &KeyRange) -> Vec<Morsel> {
        let mut morsels = Vec::new();
        for range in self.shared.ranges.iter().filter_map(|range| range.intersect(within)) {
            self.shared.push_morsels(&range, &mut morsels);
        }
        if self.shared.descending {
            morsels.reverse();
        }
        morsels
    }

    /// Keys that cut the scan, in its order, into parts of about so many rows each, and a last one. What is before a key is
    /// less than it, or if the scan is descending not less. Of base and delta only the larger is counted.
    pub fn cuts(&self, sizes: impl Iterator<Item = usize>) -> Vec<Key> {
        let Shared { records, ranges, descending, .. } = &*self.shared;
        let base = ranges.iter().flat_map(|range| base_rows(records, range));
        let mut base: Vec<(&Chunk, Range<usize>)> = base.map(|(_, chunk, rows)| (chunk, rows)).collect();
        let in_base: usize = base.iter().map(|(_, rows)| rows.len()).sum();
        if records.delta.len() > in_base {
            let within = |r: &KeyRange| records.delta.range::<_, Key>(&r.start..&r.end).map(|(key, _)| key);
            let mut keys: Vec<&Key> = ranges.iter().flat_map(within).collect();
            if *descending {
                keys.reverse();
            }
            let mut at = 0;
            let places = sizes.map_while(|size| {
                at += size;
                // The first of the rest, or the last of the part.
                keys.get(at).and_then(|_| keys.get(at - usize::from(*descending)))
            });
            return places.map(|key| Key::clone(key)).collect();
        }
        if *descending {
            base.reverse();
        }
        let mut base = base.into_iter().peekable();
        let mut cuts = Vec::new();
        for mut size in sizes {
            // Ascending, the cut is the first row behind the part, in the next chunk maybe; descending, the part's last row.
            let is_passed =
                |rows: &Range<usize>, size| rows.len() < size || (!descending && rows.len() == size);
            while let Some((_, rows)) = base.next_if(|(_, rows)| is_passed(rows, size)) {
                size -= rows.len();
            }
            let Some((chunk, rows)) = base.peek_mut() else { break };
            let at = if *descending { &mut rows.end } else { &mut rows.start };
            *at = if *descending { *at - size } else { *at + size };
            cuts.push(chunk.key(*at));
        }
        cuts
    }

    /// The space that it is a scan of.
    pub fn space(&self) -> SpaceId {
        self.shared.schema.id
    }

    /// The first `rows` rows of a morsel, in the order of the scan, and the rest, if there is more: so that a reader that may
    /// soon have enough need not read a whole block. Of a morsel that is merged the first part may have up to twice as
    /// many.
    pub fn cut(&self, morsel: Morsel, rows: usize) -> (Morsel, Option<Morsel>) {
        let Shared { descending, .. } = *self.shared;
        if morsel.rows_max() <= rows || rows == 0 {
            return (morsel, None);
        }
        let cut = match &morsel.0 {
            Source::Base(chunk, all) => {
                let at = if descending { all.end - rows } else { all.start + rows };
                let part = |rows| Morsel(Source::Base(*chunk, rows));
                Some((part(all.start..at), part(at..all.end)))
            }
            Source::Merged(merged) => self.shared.cut_merged(merged, rows),
        };
        match cut {
            None => (morsel, None),
            Some((low, high)) if descending => (high, Some(low)),
            Some((low, high)) => (low, Some(high)),
        }
    }

    /// Reads columns of a morsel; the rows come in the order in which the scan was asked for.
    pub fn read(&self, morsel: &Morsel, ordinals: &[usize]) -> ScanBatch {
        let mut batch = match &morsel.0 {
            Source::Base(chunk, rows) => {
                let chunk = &self.shared.records.base[*chunk];
                ScanBatch {
                    columns: ordinals.iter().map(|&o| chunk.column(o, rows.start, rows.len())).collect(),
                    rows: rows.len(),
                }
            }
            Source::Merged(merged) => self.shared.read_merged(merged, ordinals),
        };
        if self.shared.descending && batch.rows > 1 {
            let reversed = UInt32Array::from_iter_values((0..batch.rows as u32).rev());
            let reverse =
                |column: &ArrayRef| take(column, &reversed, None).expect("the indices are those of the rows");
            batch.columns = batch.columns.iter().map(reverse).collect();
        }
        batch
    }
}

/// The rows of base in a range, chunk by chunk, each with its position.
fn base_rows<'a>(
    records: &'a Records,
    range: &'a KeyRange,
) -> impl Iterator<Item = (usize, &'a Chunk, Range<usize>)> + 'a {
    let first = records.base.partition_point(|c| *c.last_key() < range.start);
    let chunks = records.base.iter().enumerate().skip(first).take_while(|(_, c)| *c.first_key() < range.end);
    chunks.filter_map(|(at, chunk)| {
        let start = chunk.lower_bound(range.start.as_bytes());
        let end = match *chunk.last_key() < range.end {
            true => chunk.rows(),
            // Most likely near: a range of few rows, or one that ends in this chunk.
            false => chunk.seek(range.end.as_bytes(), start..chunk.rows()).0,
        };
        (start < end).then_some((at, chunk, start..end))
    })
}

impl Shared {
    fn push_morsels(&self, range: &KeyRange, out: &mut Vec<Morsel>) {
        let records = &self.records;
        let blocks = base_rows(records, range)
            .flat_map(|(at, chunk, rows)| chunk.blocks(rows).map(move |rows| (at, chunk, rows)));
        if records.delta.range::<_, Key>(&range.start..&range.end).next().is_none() {
            return blocks.for_each(|(at, _, rows)| self.push_block(at, rows, None, out));
        }
        let blocks: Vec<_> = blocks.collect();
        if blocks.is_empty() {
            return self.push_merged(None, range.clone(), out);
        }
        // What is before the first block's rows belongs to it, and what is behind the last one's to that.
        let mut start = range.start.clone();
        for (i, (at, _, rows)) in blocks.iter().enumerate() {
            let end =
                blocks.get(i + 1).map_or_else(|| range.end.clone(), |(_, chunk, rows)| chunk.key(rows.start));
            let segment = KeyRange { start, end };
            start = segment.end.clone();
            self.push_block(*at, rows.clone(), Some(segment), out);
        }
    }

    /// One block, or part of one, with the delta keys in `segment`.
    fn push_block(&self, at: usize, rows: Range<usize>, segment: Option<KeyRange>, out: &mut Vec<Morsel>) {
        let chunk = &self.records.base[at];
        let touched =
            segment.filter(|s| self.records.delta.range::<_, Key>(&s.start..&s.end).next().is_some());
        match touched {
            Some(segment) => self.push_merged(Some((chunk.clone(), rows)), segment, out),
            None if chunk.oldest_ts() > self.ts || !chunk.may_contain(rows.start, &self.zone) => {}
            None if chunk.newest_ts() <= self.ts => out.push(Morsel(Source::Base(at, rows))),
            None => {
                let point = Key::space_start(self.schema.id);
                let nothing = KeyRange { start: point.clone(), end: point };
                self.push_merged(Some((chunk.clone(), rows)), nothing, out);
            }
        }
    }

    /// A piece that has to be merged, cut so that no morsel has more than [`BLOCK_ROWS`] rows.
    fn push_merged(&self, base: BaseRows, range: KeyRange, out: &mut Vec<Morsel>) {
        let base_len = base.as_ref().map_or(0, |(_, rows)| rows.len());
        let delta_len = self.records.delta.range::<_, Key>(&range.start..&range.end).count();
        if base_len + delta_len <= BLOCK_ROWS {
            let merged = Merged { base, range, rows: base_len + delta_len, plan: OnceLock::new() };
            return out.push(Morsel(Source::Merged(Arc::new(merged))));
        }
        let at = match &base {
            Some((chunk, rows)) if base_len >= delta_len => chunk.key(rows.start + base_len / 2),
            _ => {
                let mut keys = self.records.delta.range::<_, Key>(&range.start..&range.end);
                keys.nth(delta_len / 2).map_or_else(|| range.end.clone(), |(key, _)| key.clone())
            }
        };
        let (mut left, mut right) = (None, None);
        if let Some((chunk, rows)) = base {
            let (cut, _) = chunk.seek(at.as_bytes(), rows.clone());
            left = (rows.start < cut).then(|| (chunk.clone(), rows.start..cut));
            right = (cut < rows.end).then_some((chunk, cut..rows.end));
        }
        self.push_merged(left, KeyRange { start: range.start, end: at.clone() }, out);
        self.push_merged(right, KeyRange { start: at, end: range.end }, out);
    }

    /// Two parts by key, the first in scan order with at most `rows` rows of base and as many of delta.
    fn cut_merged(&self, merged: &Merged, rows: usize) -> Option<(Morsel, Morsel)> {
        let Merged { base, range, rows: rows_max, .. } = merged;
        let mut delta = self.records.delta.range::<_, Key>(&range.start..&range.end);
        let at = if self.descending {
            let base =
                base.as_ref().filter(|(_, r)| r.len() > rows).map(|(chunk, r)| chunk.key(r.end - rows));
            base.into_iter().chain(delta.nth_back(rows - 1).map(|(key, _)| key.clone())).max()?
        } else {
            let base =
                base.as_ref().filter(|(_, r)| r.len() > rows).map(|(chunk, r)| chunk.key(r.start + rows));
            base.into_iter().chain(delta.nth(rows).map(|(key, _)| key.clone())).min()?
        };
        if at <= range.start || at >= range.end {
            return None;
        }
        let (mut low, mut high) = (None, None);
        if let Some((chunk, all)) = base {
            let (cut, _) = chunk.seek(at.as_bytes(), all.clone());
            low = (all.start < cut).then(|| (chunk.clone(), all.start..cut));
            high = (cut < all.end).then(|| (chunk.clone(), cut..all.end));
        }
        let len = |base: &BaseRows| base.as_ref().map_or(0, |(_, rows)| rows.len());
        // Only the smaller part is counted.
        let near = match self.descending {
            false => len(&low) + self.records.delta.range::<_, Key>(&range.start..&at).count(),
            true => len(&high) + self.records.delta.range::<_, Key>(&at..&range.end).count(),
        };
        let far = rows_max.saturating_sub(near);
        let (low_rows, high_rows) = if self.descending { (far, near) } else { (near, far) };
        let part = |base, range, rows| {
            Morsel(Source::Merged(Arc::new(Merged { base, range, rows, plan: OnceLock::new() })))
        };
        let (start, end) = (range.start.clone(), range.end.clone());
        let low = part(low, KeyRange { start, end: at.clone() }, low_rows);
        Some((low, part(high, KeyRange { start: at, end }, high_rows)))
    }

    fn read_merged(&self, merged: &Merged, ordinals: &[usize]) -> ScanBatch {
        let plan = merged.plan.get_or_init(|| {
            let pick = |_: &Key, base: Option<Timestamp>, versions: &Versions| match (
                base,
                versions.data_at(self.ts),
            ) {
                (Some(in_base), Some(version)) if in_base > version.commit_ts => Pick::Base,
                (_, None) => Pick::Base,
                (_, Some(version)) => match &version.write {
                    Write::Put(row) => Pick::Delta(row.clone(), version.commit_ts),
                    Write::Delete | Write::Lock | Write::Rollback => Pick::Nothing,
                },
            };
            merge_piece(&merged.base, &self.records.delta, &merged.range, self.ts, pick)
        });
        let ty = |ordinal: usize| self.schema.columns[ordinal].ty.arrow();
        ScanBatch {
            columns: ordinals.iter().map(|&o| plan.column(&merged.base, o, &ty(o))).collect(),
            rows: plan.rows,
        }
    }
}

//! Partitions in one order.
//!
//! Each partition comes in the order of its key, and whoever asks for that order asks for it of all of them together. Keys
//! are cut into ranges, in such a way that each has about as many rows as a task should have, whichever partitions they are
//! in; a task is a range of keys: what the partitions have of it, sorted. So tasks come in order and run on all workers,
//! the first rows are there when few have been read, and no more is held than what is being sorted.
//!
//! ```text
//! partition 0   a . . d | . . . . k | . . p        cuts of each partition, put together: a task ends where
//! partition 1   . b c . | . g h . . | . n .        enough rows of all of them lie before
//! ```

use std::sync::Arc;
use std::time::Duration;

use allod_planner::column::ColumnId;
use allod_planner::physical::SortKey;
use allod_storage::key::{Key, KeyRange};
use allod_storage::mvcc::{Morsel, RegionScan};
use allod_storage::schema::RegionId;

use super::{ScanReader, ScanRun, Shared, TASK_ROWS_MAX};
use crate::error::Result;
use crate::pipeline::{Flow, Memory, Output, Reader, Sink, Source, Worker};
use crate::sort::Sort;

/// The least rows of all partitions that a task has, if few are wanted.
const FIRST_ROWS_MIN: usize = 16;
/// Rows of the largest tasks if few are wanted: somebody may want more than he thought, but hardly all.
const LAST_ROWS_MAX: usize = 8 * TASK_ROWS_MAX;

/// Regions of several partitions as a source of rows in the order of their common key.
pub(crate) struct Ordered {
    shared: Arc<Shared>,
    /// First keys of all tasks but the first; the last keys of all but the last if the scan is descending. In the first
    /// region's space.
    bounds: Arc<[Key]>,
    descending: bool,
    sort: Sort,
}

impl Ordered {
    /// A scan of these regions, which are in key order within each partition. `key` are the key columns, which come out.
    pub fn new(
        regions: Vec<RegionScan>,
        run: ScanRun,
        key: &[SortKey],
        columns: &[ColumnId],
        memory: &Memory,
    ) -> Result<Ordered> {
        let descending = key.first().is_some_and(|key| key.descending);
        let bounds = bounds(&regions, run.wanted_rows, descending).into();
        let sort = Sort::new(key, columns, memory)?;
        Ok(Ordered { shared: Arc::new(Shared::new(regions, run)), bounds, descending, sort })
    }
}

/// Rows of all partitions in each task.
fn sizes(wanted: Option<u64>) -> impl Iterator<Item = usize> + Clone {
    let (first, most) = match wanted {
        Some(rows) => {
            (usize::try_from(rows).unwrap_or(usize::MAX).clamp(FIRST_ROWS_MIN, TASK_ROWS_MAX), LAST_ROWS_MAX)
        }
        None => (TASK_ROWS_MAX, TASK_ROWS_MAX),
    };
    // Few tasks, for each costs a look at every partition, whether it is run or not.
    std::iter::successors(Some(first), move |size| Some((size * 8).min(most)))
}

/// Where tasks begin.
fn bounds(regions: &[RegionScan], wanted: Option<u64>, descending: bool) -> Vec<Key> {
    let Some(space) = regions.first().map(RegionScan::space) else { return Vec::new() };
    let parts = regions.len();
    // If rows are spread evenly each region has its share of each task.
    let shares = sizes(wanted).map(|size| (size / parts).max(1));
    let mut cuts: Vec<(Key, usize)> = regions
        .iter()
        .flat_map(|region| region.cuts(shares.clone()).into_iter().zip(shares.clone()))
        .map(|(key, rows)| (key.in_space(space), rows))
        .collect();
    cuts.sort_unstable_by(|a, b| if descending { b.0.cmp(&a.0) } else { a.0.cmp(&b.0) });
    let mut sizes = sizes(wanted);
    let mut size = sizes.next().unwrap_or(TASK_ROWS_MAX);
    let (mut bounds, mut held) = (Vec::new(), 0);
    for (key, rows) in cuts {
        held += rows;
        if held >= size && bounds.last() != Some(&key) {
            bounds.push(key);
            held = 0;
            size = sizes.next().unwrap_or(size);
        }
    }
    bounds
}

impl Source for Ordered {
    fn tasks(&self) -> usize {
        if self.shared.regions.is_empty() { 0 } else { self.bounds.len() + 1 }
    }

    fn start(&self) -> Box<dyn Reader> {
        Box::new(OrderedReader {
            scan: ScanReader::new(&self.shared),
            bounds: Arc::clone(&self.bounds),
            descending: self.descending,
            sort: self.sort.clone(),
        })
    }
}

struct OrderedReader {
    scan: ScanReader,
    bounds: Arc<[Key]>,
    descending: bool,
    sort: Sort,
}

impl OrderedReader {
    /// The morsels of a task, partition by partition.
    fn morsels(&self, task: usize) -> Vec<(usize, Morsel)> {
        let (before, after) = (task.checked_sub(1).map(|at| &self.bounds[at]), self.bounds.get(task));
        let (low, high) = if self.descending { (after, before) } else { (before, after) };
        let mut morsels = Vec::new();
        for (at, region) in self.scan.shared.regions.iter().enumerate() {
            let mut range = KeyRange::of_space(region.space());
            range.start = low.map_or(range.start, |key| key.in_space(region.space()));
            range.end = high.map_or(range.end, |key| key.in_space(region.space()));
            morsels.extend(region.morsels_within(&range).into_iter().map(|morsel| (at, morsel)));
        }
        morsels
    }
}

impl Reader for OrderedReader {
    fn read(&mut self, task: usize, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let morsels = self.morsels(task);
        let space = |at: usize| self.scan.shared.regions[at].space();
        if morsels.windows(2).all(|pair| space(pair[0].0) == space(pair[1].0)) {
            return self.scan.read_morsels(&morsels, worker, out);
        }
        let mut local = self.sort.local();
        let sort = &self.sort;
        let mut keep = |worker: &mut Worker, batch| sort.consume(&mut local, worker, batch);
        let flow = Output::collecting(&mut keep, |kept| self.scan.read_morsels(&morsels, worker, kept))?;
        if flow == Flow::Stop {
            return Ok(flow);
        }
        let sorted = self.sort.clone().finish(vec![local])?;
        let mut reader = sorted.start();
        for slice in 0..sorted.tasks() {
            if reader.read(slice, worker, out)? == Flow::Stop || worker.check()? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    fn report(&mut self, book: &mut dyn FnMut(RegionId, Duration)) {
        self.scan.report(book);
    }
}

#[cfg(test)]
mod tests {
    use allod_planner::expr::Expr;
    use allod_storage::chunk::{ChunkLimit, build_base};
    use allod_storage::region::{Command, Epoch, RegionState};
    use allod_storage::schema::{ColumnDef, ColumnType, RegionId, SpaceId, SpaceSchema, SqlType, Timestamp};
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;
    use crate::pipeline::Pipeline;
    use crate::pipeline::testing::{collect, context, rows};
    use crate::scan::Reading;

    /// A region of a partition of its own, with these keys.
    fn region(number: u64, keys: Vec<i64>, descending: bool) -> RegionScan {
        let id = SpaceId(number);
        let k = ColumnDef::new("k", ColumnType::not_null(SqlType::BIGINT));
        let schema = Arc::new(SpaceSchema { id, columns: vec![k], key: vec![0], unique_prefix: None });
        let arrow_schema = Arc::new(Schema::new(vec![Field::new("k", DataType::Int64, false)]));
        let column: ArrayRef = Arc::new(Int64Array::from(keys));
        let batch = RecordBatch::try_new(arrow_schema, vec![column]).unwrap();
        let chunks = build_base(&schema, vec![batch], ChunkLimit::default(), Timestamp(1)).unwrap();
        let range = KeyRange::of_space(id);
        let mut region = RegionState::new(RegionId(number), Epoch::default(), range, schema);
        region.apply(Command::Ingest(chunks));
        region.view().scan(&[], Timestamp(2), &[], descending)
    }

    #[test]
    fn partitions_come_in_one_order_and_the_first_rows_with_little_reading() {
        let k = ColumnId(0);
        // Dealt in turns, as by hash; and in ranges, of which one is much the largest.
        let dealt = |key: i64, by_range: bool| if by_range { i64::from(key > 90) } else { key % 3 };
        for by_range in [false, true] {
            for descending in [false, true] {
                for wanted in [None, Some(10)] {
                    let part = |p: i64| {
                        let keys = (0..20_000).filter(|&key| dealt(key, by_range) == p).collect();
                        region(p as u64 + 1, keys, descending)
                    };
                    let reading = Arc::new(Reading::compile(&[k], &[0], &[], &[], &[k]).unwrap());
                    let run = ScanRun { reading, filters: vec![], partition: None, wanted_rows: wanted };
                    let column = Expr::column(k, ColumnType::not_null(SqlType::BIGINT));
                    let key = [SortKey { expr: column, descending }];
                    let regions = (0..if by_range { 2 } else { 3 }).map(part).collect();
                    let memory = context(1).memory;
                    let source = Arc::new(Ordered::new(regions, run, &key, &[k], &memory).unwrap());
                    let case = format!("{by_range} {descending} {wanted:?}");
                    if wanted.is_some() {
                        assert!(source.tasks() > 3, "{case}");
                        let reader = OrderedReader {
                            scan: ScanReader::new(&source.shared),
                            bounds: Arc::clone(&source.bounds),
                            descending,
                            sort: source.sort.clone(),
                        };
                        let first: usize = reader.morsels(0).iter().map(|(_, m)| m.rows_max()).sum();
                        assert!((10..200).contains(&first), "{case}: the first task has {first} rows");
                    }
                    let mut expected: Vec<Vec<Option<i64>>> =
                        (0..20_000).map(|key| vec![Some(key)]).collect();
                    if descending {
                        expected.reverse();
                    }
                    for workers in [1, 3] {
                        let pipeline = Pipeline::new(1, Arc::clone(&source) as Arc<dyn Source>, vec![k]);
                        assert!(rows(&collect(&pipeline, workers).unwrap()) == expected, "{case}");
                    }
                }
            }
        }
    }
}

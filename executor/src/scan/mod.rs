//! Scans: region views cut into tasks, with selection fused in.
//!
//! A task is a run of morsels (a morsel is at most one block of one region). For each morsel the columns that decide which
//! rows survive are read first: the predicate is evaluated over them, then the filters that hash joins above have made,
//! and the other columns are gathered only for the survivors. Where all rows survive nothing is copied: batches are slices
//! of the store's chunks.
//!
//! A filter earns its keep or is dropped: each reader counts what it let pass, and stops asking a filter that passes nearly
//! everything.

mod form;
mod ordered;
mod point_get;
mod reading;

pub(crate) use form::ScanForm;
pub(crate) use ordered::Ordered;
pub(crate) use point_get::{PointLocks, point_get};
pub(crate) use reading::Reading;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use allod_storage::mvcc::{Morsel, RegionScan};
use allod_storage::schema::RegionId;
use arrow::array::{ArrayRef, UInt32Array};

use self::reading::Place;
use crate::batch::{Batch, Selection, take};
use crate::error::Result;
use crate::pipeline::{Coalescer, Flow, Output, Reader, RuntimeFilter, Source, Worker};

/// Rows that a task aims at if there are enough for all workers.
const TASK_ROWS_MAX: usize = 65_536;
/// Rows below which a task is not cut further.
const TASK_ROWS_MIN: usize = 8192;
/// The same below operators that make each row cost much more.
const SMALL_TASK_ROWS: usize = 1024;
/// The least piece that a scan begins with if few rows are wanted of it. What is above it may cost a microsecond a row.
const PIECE_ROWS_MIN: usize = 4;
/// Tasks per worker that leave room for workers of uneven speed.
const TASKS_PER_WORKER: usize = 4;
/// Rows after which a filter is judged.
const FILTER_TRIAL_ROWS: u64 = 65_536;

/// A scan as it runs: how rows are read, and what is known only now.
pub(crate) struct ScanRun {
    /// Of the plan.
    pub reading: Arc<Reading>,
    /// Filters, by the columns that it was compiled for.
    pub filters: Vec<Arc<dyn RuntimeFilter>>,
    /// The position of the partition, by region.
    pub partition: Option<Vec<u32>>,
    /// A limit above stops after about as many rows.
    pub wanted_rows: Option<u64>,
}

/// Regions as a source.
pub(crate) struct Scan(Arc<Shared>);

struct Shared {
    regions: Vec<RegionScan>,
    /// Each with the position of its region.
    morsels: Vec<(usize, Morsel)>,
    tasks: Vec<Range<usize>>,
    reading: Arc<Reading>,
    filters: Vec<Arc<dyn RuntimeFilter>>,
    /// By region.
    partition: Option<Vec<u32>>,
}

impl Scan {
    /// A scan of these regions, in this order.
    /// With `small_tasks` a row is taken to cost much more than to read it.
    pub fn new(regions: Vec<RegionScan>, run: ScanRun, workers: usize, small_tasks: bool) -> Scan {
        let morsels: Vec<(usize, Morsel)> = regions
            .iter()
            .enumerate()
            .flat_map(|(r, region)| region.morsels().into_iter().map(move |m| (r, m)))
            .collect();
        let rows_min = if small_tasks { SMALL_TASK_ROWS } else { TASK_ROWS_MIN };
        let (morsels, pieces) = match run.wanted_rows {
            Some(rows) => in_pieces(&regions, morsels, usize::try_from(rows).unwrap_or(usize::MAX)),
            None if small_tasks => (in_parts(&regions, morsels, workers), 0),
            None => (morsels, 0),
        };
        let tasks = tasks(&morsels, pieces, workers, rows_min);
        Scan(Arc::new(Shared { morsels, tasks, ..Shared::new(regions, run) }))
    }
}

impl Shared {
    /// What is read of regions, without saying in which tasks.
    fn new(regions: Vec<RegionScan>, run: ScanRun) -> Shared {
        let ScanRun { reading, filters, partition, wanted_rows: _ } = run;
        Shared { morsels: Vec::new(), tasks: Vec::new(), regions, reading, filters, partition }
    }
}

/// The morsels with the first of them cut into pieces that double, and how many pieces there are: whoever stops after few
/// rows should not have read a block of them.
fn in_pieces(
    regions: &[RegionScan],
    morsels: Vec<(usize, Morsel)>,
    wanted: usize,
) -> (Vec<(usize, Morsel)>, usize) {
    let mut size = wanted.max(PIECE_ROWS_MIN);
    let mut out = Vec::with_capacity(morsels.len() + 8);
    let mut pieces = 0;
    for (region, morsel) in morsels {
        let mut rest = Some(morsel);
        while let Some(morsel) = rest.take() {
            if size >= TASK_ROWS_MIN {
                out.push((region, morsel));
                break;
            }
            let (piece, others) = regions[region].cut(morsel, size);
            out.push((region, piece));
            (rest, size, pieces) = (others, size * 2, pieces + 1);
        }
    }
    (out, pieces)
}

/// The morsels cut so that there is work for all workers, however few blocks hold it: for rows that cost much each.
fn in_parts(regions: &[RegionScan], morsels: Vec<(usize, Morsel)>, workers: usize) -> Vec<(usize, Morsel)> {
    let rows: usize = morsels.iter().map(|(_, m)| m.rows_max()).sum();
    let size = rows.div_ceil(workers * TASKS_PER_WORKER).max(SMALL_TASK_ROWS);
    let mut out = Vec::with_capacity(morsels.len() + workers * TASKS_PER_WORKER);
    for (region, morsel) in morsels {
        // Parts of one size, not a small one at the end of each block.
        let size = morsel.rows_max().div_ceil(morsel.rows_max().div_ceil(size).max(1));
        let mut rest = Some(morsel);
        while let Some(morsel) = rest {
            let (part, others) = regions[region].cut(morsel, size);
            out.push((region, part));
            rest = others;
        }
    }
    out
}

/// Cuts the morsels into runs that keep all workers busy without being too small; each of the leading `pieces` is a task.
fn tasks(morsels: &[(usize, Morsel)], pieces: usize, workers: usize, rows_min: usize) -> Vec<Range<usize>> {
    let rows: usize = morsels.iter().map(|(_, m)| m.rows_max()).sum();
    let wanted = (rows / (workers * TASKS_PER_WORKER)).clamp(rows_min, TASK_ROWS_MAX);
    let mut tasks: Vec<Range<usize>> = (0..pieces).map(|at| at..at + 1).collect();
    let (mut start, mut held) = (pieces, 0);
    for (i, (_, morsel)) in morsels.iter().enumerate().skip(pieces) {
        held += morsel.rows_max();
        if held >= wanted || i + 1 == morsels.len() {
            tasks.push(start..i + 1);
            (start, held) = (i + 1, 0);
        }
    }
    tasks
}

impl Source for Scan {
    fn tasks(&self) -> usize {
        self.0.tasks.len()
    }

    fn start(&self) -> Box<dyn Reader> {
        Box::new(ScanReader::new(&self.0))
    }

    fn is_empty(&self) -> bool {
        self.0.tasks.is_empty()
    }
}

struct ScanReader {
    shared: Arc<Shared>,
    trials: Vec<Trial>,
    small: Coalescer,
    /// How long it has been reading each region; empty unless timed.
    times: BTreeMap<RegionId, Duration>,
}

/// How a filter has done so far in this worker.
#[derive(Clone, Copy, Default)]
struct Trial {
    seen: u64,
    kept: u64,
}

impl Trial {
    fn is_useless(self) -> bool {
        self.seen >= FILTER_TRIAL_ROWS && self.kept * 10 > self.seen * 9
    }
}

impl Reader for ScanReader {
    fn read(&mut self, task: usize, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let shared = Arc::clone(&self.shared);
        self.read_morsels(&shared.morsels[shared.tasks[task].clone()], worker, out)
    }

    fn report(&mut self, book: &mut dyn FnMut(RegionId, Duration)) {
        std::mem::take(&mut self.times).into_iter().for_each(|(region, time)| book(region, time));
    }
}

impl ScanReader {
    fn new(shared: &Arc<Shared>) -> ScanReader {
        let trials = vec![Trial::default(); shared.filters.len()];
        ScanReader { shared: Arc::clone(shared), trials, small: Coalescer::default(), times: BTreeMap::new() }
    }

    /// Emits the rows of these morsels, each with the position of its region, in their order.
    fn read_morsels(
        &mut self,
        morsels: &[(usize, Morsel)],
        worker: &mut Worker,
        out: &mut Output<'_>,
    ) -> Result<Flow> {
        let shared = Arc::clone(&self.shared);
        let reading = &*shared.reading;
        let mut flow = Flow::Continue;
        for (at, morsel) in morsels {
            let region = &shared.regions[*at];
            let partition = shared.partition.as_ref().map_or(0, |by_region| by_region[*at]);
            // A predicate may decide without any column: `length('') > 3`.
            flow = if shared.reading.predicate.is_some() || !shared.filters.is_empty() {
                self.read_filtered(region, morsel, partition, worker, out)?
            } else {
                let batch = self.timed(region, worker, |region| region.read(morsel, &reading.late));
                worker.scanned_rows += batch.rows as u64;
                // Every output column is a late one, in order, but for the partition, which comes last.
                let mut columns = batch.columns;
                if shared.partition.is_some() {
                    columns.push(partition_column(partition, batch.rows));
                }
                self.small.push(Batch::new(columns, batch.rows), worker, out)?
            };
            if flow == Flow::Stop || worker.check()? == Flow::Stop {
                break;
            }
        }
        let last = self.small.flush(worker, out)?;
        Ok(if flow == Flow::Stop { flow } else { last })
    }
}

/// The position of a partition in every row.
fn partition_column(partition: u32, rows: usize) -> ArrayRef {
    Arc::new(UInt32Array::from(vec![partition; rows]))
}

impl ScanReader {
    /// Reads a region and notes how long that took, if somebody wants to know.
    fn timed<T>(&mut self, region: &RegionScan, worker: &Worker, read: impl FnOnce(&RegionScan) -> T) -> T {
        let started = worker.clock();
        let found = read(region);
        if let Some(started) = started {
            *self.times.entry(region.region()).or_default() += started.elapsed();
        }
        found
    }

    fn read_filtered(
        &mut self,
        region: &RegionScan,
        morsel: &Morsel,
        partition: u32,
        worker: &mut Worker,
        out: &mut Output<'_>,
    ) -> Result<Flow> {
        let shared = Arc::clone(&self.shared);
        let reading = &*shared.reading;
        let early = self.timed(region, worker, |region| region.read(morsel, &reading.early));
        let early = Batch::new(early.columns, early.rows);
        worker.scanned_rows += early.rows as u64;
        let mut selection = match &reading.predicate {
            Some(predicate) => predicate.select(&early, &mut worker.scratch)?,
            None => Selection::All,
        };
        let filters = reading.filtered.iter().zip(&shared.filters);
        for ((column, filter), trial) in filters.zip(&mut self.trials) {
            let before = selection.count(early.rows);
            if before == 0 {
                break;
            }
            if trial.is_useless() {
                continue;
            }
            let among = match selection {
                Selection::Rows(rows) => Some(rows),
                Selection::All | Selection::None => None,
            };
            let kept = filter.retain(&early.columns[*column], among);
            trial.seen += before as u64;
            trial.kept += kept.len() as u64;
            selection = if kept.len() == early.rows { Selection::All } else { Selection::Rows(kept) };
        }
        let rows = selection.count(early.rows);
        if rows == 0 {
            return Ok(Flow::Continue);
        }
        let late = if reading.late.is_empty() {
            Vec::new()
        } else {
            self.timed(region, worker, |region| region.read(morsel, &reading.late)).columns
        };
        let columns = reading.output.iter().map(|place| {
            let column = match *place {
                Place::Early(i) => &early.columns[i],
                Place::Late(i) => &late[i],
                Place::Partition => return partition_column(partition, rows),
            };
            match &selection {
                Selection::Rows(rows) => take(column, rows),
                Selection::All | Selection::None => Arc::clone(column),
            }
        });
        let batch = Batch { columns: columns.collect(), rows };
        self.small.push(batch, worker, out)
    }
}

#[cfg(test)]
mod tests {
    use allod_planner::column::ColumnId;
    use allod_planner::expr::{Expr, Function};
    use allod_storage::chunk::{ChunkLimit, build_base};
    use allod_storage::key::KeyRange;
    use allod_storage::mvcc::ZoneFilter;
    use allod_storage::region::{Command, Epoch, RegionState};
    use allod_storage::schema::{
        ColumnDef, ColumnType, Datum, RegionId, SpaceId, SpaceSchema, SqlType, Timestamp,
    };
    use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;
    use crate::pipeline::testing::{collect, rows};
    use crate::pipeline::{Bounds, Pipeline};

    /// Lets multiples pass, and everything between its bounds is a guess.
    #[derive(Debug)]
    struct Multiples(i64);

    impl RuntimeFilter for Multiples {
        fn bounds(&self) -> Bounds {
            Bounds::Unknown
        }

        fn retain(&self, column: &ArrayRef, among: Option<Vec<u32>>) -> Vec<u32> {
            let values = column.as_primitive::<Int64Type>().values();
            let among = among.unwrap_or_else(|| (0..values.len() as u32).collect());
            among.into_iter().filter(|&row| values[row as usize] % self.0 == 0).collect()
        }
    }

    const ROWS: i64 = 50_000;

    /// Rows `(k, k % 100)` in one region.
    fn region(zone: &[ZoneFilter]) -> RegionScan {
        let def = |name: &str| ColumnDef::new(name, ColumnType::not_null(SqlType::BIGINT));
        let id = SpaceId(1);
        let schema = Arc::new(SpaceSchema {
            id,
            columns: vec![def("k"), def("v")],
            key: vec![0],
            unique_prefix: None,
        });
        let field = |name: &str| Field::new(name, DataType::Int64, false);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(0..ROWS)),
            Arc::new(Int64Array::from_iter_values((0..ROWS).map(|k| k % 100))),
        ];
        let arrow_schema = Arc::new(Schema::new(vec![field("k"), field("v")]));
        let batch = RecordBatch::try_new(arrow_schema, columns).unwrap();
        let limit = ChunkLimit::default();
        let chunks = build_base(&schema, vec![batch], limit, Timestamp(1)).unwrap();
        let mut region = RegionState::new(RegionId(1), Epoch::default(), KeyRange::of_space(id), schema);
        region.apply(Command::Ingest(chunks));
        region.view().scan(&[], Timestamp(2), zone, false)
    }

    fn run(
        reading: Reading,
        filters: &[Arc<dyn RuntimeFilter>],
        wanted_rows: Option<u64>,
        columns: &[ColumnId],
        zone: &[ZoneFilter],
        workers: usize,
    ) -> Vec<Vec<Option<i64>>> {
        let (reading, filters, columns) = (Arc::new(reading), filters.to_vec(), columns.to_vec());
        let run = ScanRun { reading, filters, partition: None, wanted_rows };
        let scan = Scan::new(vec![region(zone)], run, workers, false);
        rows(&collect(&Pipeline::fused(1, 2, Arc::new(scan), columns), workers).unwrap())
    }

    #[test]
    fn filters_and_predicates_leave_the_rows_they_should_in_order() {
        let (k, v) = (ColumnId(10), ColumnId(11));
        let v_below = |n: i64| {
            let ty = ColumnType::not_null(SqlType::BIGINT);
            let constant = Expr::constant(Datum::Int(n), SqlType::BIGINT);
            Expr::call(Function::Lt, vec![Expr::column(v, ty), constant], ColumnType::nullable(SqlType::BOOL))
        };
        for workers in [1, 3] {
            for (predicates, modulus) in
                [(vec![], 1), (vec![], 7), (vec![v_below(5)], 1), (vec![v_below(60)], 3)]
            {
                let below = match predicates.len() {
                    0 => 100,
                    _ if modulus == 3 => 60,
                    _ => 5,
                };
                let filter: Arc<dyn RuntimeFilter> = Arc::new(Multiples(modulus));
                for output in [&[k, v][..], &[v], &[k]] {
                    let filters = if modulus > 1 { std::slice::from_ref(&filter) } else { &[] };
                    let filtered = if modulus > 1 { &[k][..] } else { &[] };
                    let reading =
                        || Reading::compile(&[v, k], &[1, 0], &predicates, filtered, output).unwrap();
                    let wanted = (modulus == 7).then_some(10);
                    let expected: Vec<Vec<Option<i64>>> = (0..ROWS)
                        .filter(|key| key % 100 < below && key % modulus == 0)
                        .map(|key| {
                            output.iter().map(|c| Some(if *c == k { key } else { key % 100 })).collect()
                        })
                        .collect();
                    let got = run(reading(), filters, wanted, output, &[], workers);
                    assert_eq!(got, expected, "{workers} {below} {modulus}");
                }
            }
        }
    }

    #[test]
    fn zone_maps_skip_blocks_before_anything_is_read() {
        let k = ColumnId(10);
        let zone = ZoneFilter { ordinal: 0, low: Some(Datum::Int(20_000)), high: Some(Datum::Int(20_010)) };
        let reading = Reading::compile(&[k], &[0], &[], &[], &[k]).unwrap();
        let rows = run(reading, &[], None, &[k], &[zone], 2);
        assert!(rows.contains(&vec![Some(20_005)]));
        assert!(rows.len() < 20_000, "{}", rows.len());
    }

    #[test]
    fn a_filter_that_lets_everything_pass_is_dropped() {
        let mut trial = Trial { seen: FILTER_TRIAL_ROWS, kept: FILTER_TRIAL_ROWS / 2 };
        assert!(!trial.is_useless());
        trial.kept = FILTER_TRIAL_ROWS - 10;
        assert!(trial.is_useless());
    }
}

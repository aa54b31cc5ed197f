//! Walking a plan row by row.
//!
//! Each operator hands its tuples to whatever is above it, which says whether it wants more. `None` anywhere is the end of it:
//! the plan has to be run the long way.

use std::cmp::Ordering;

use allod_planner::expr::Expr;
use allod_planner::physical::{
    IndexLookUp, IndexScan, Lookup, Node, Plan, PointGet, Query, Ranges, TableScan,
};
use allod_storage::client::FewReader;
use allod_storage::key::{append_datums, begin_key};
use allod_storage::mvcc::RowRun;
use allod_storage::schema::SpaceId;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Int64Type, SchemaRef, UInt64Type};

use super::aggregate::{Running, whole};
use super::compile::{At, Inner, Op, Program, Rest, SOURCES_MAX, Shape};
use super::filter::{Test, selected};
use super::keys::{InOrder, Keys};
use super::merge::Merge;
use super::order::{self, Direction};
use super::output;
use super::{PAIRS_MAX, ROWS_MAX};
use crate::pipeline::Flow;

/// Rows that are sought at first below a limit; each time twice as many.
const FIRST_ROWS: usize = 16;

/// Where a row is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Which of the runs.
    pub run: u32,
    pub row: u32,
}

impl Place {
    /// No row at all.
    pub const NOWHERE: Place = Place { run: u32::MAX, row: 0 };

    pub fn new(run: usize, row: usize) -> Option<Place> {
        Some(Place { run: u32::try_from(run).ok()?, row: u32::try_from(row).ok()? })
    }

    pub fn is_nowhere(self) -> bool {
        self.run == Place::NOWHERE.run
    }
}

/// A row of each table.
pub(super) type Tuple = [Place; SOURCES_MAX];

/// No row of any table.
const NOWHERE: Tuple = [Place::NOWHERE; SOURCES_MAX];

/// What takes the tuples.
type Above<'t> = &'t mut dyn FnMut(&mut Walk<'_>, &mut Tuple) -> Option<Flow>;

/// A plan that is being walked.
pub(super) struct Walk<'a> {
    reader: FewReader<'a>,
    /// Whatever was read.
    pub runs: Vec<RowRun>,
    /// Rows that may still be read.
    left: usize,
    /// Pairs of tuples that may still be compared.
    pairs: usize,
    /// Whether a limit above may want less than there is.
    is_limited: bool,
    /// Room for keys.
    spare: Vec<Keys>,
}

/// What a statement leaves to the next one of its session, emptied: memory for what nearly every one of them needs.
#[derive(Default)]
pub struct FewRoom {
    runs: Vec<RowRun>,
    keys: Vec<Keys>,
    running: Vec<Running>,
}

/// More than this is not left.
const RUNS_LEFT_MAX: usize = 64;

/// All rows of the query; `None` inside if there is none.
pub(super) fn walk(
    program: &Program,
    query: &Query,
    schema: &SchemaRef,
    reader: FewReader<'_>,
    room: &mut FewRoom,
) -> Option<Option<RecordBatch>> {
    let mut walk = Walk {
        reader,
        runs: std::mem::take(&mut room.runs),
        left: ROWS_MAX,
        pairs: PAIRS_MAX,
        is_limited: false,
        spare: std::mem::take(&mut room.keys),
    };
    let batch = walk.batch(program, query, schema, &mut room.running);
    if walk.runs.capacity() <= RUNS_LEFT_MAX {
        walk.runs.clear();
        (room.runs, room.keys) = (walk.runs, walk.spare);
    }
    batch
}

impl Walk<'_> {
    fn batch(
        &mut self,
        program: &Program,
        query: &Query,
        schema: &SchemaRef,
        running: &mut Vec<Running>,
    ) -> Option<Option<RecordBatch>> {
        let mut tuple = NOWHERE;
        match &program.output {
            Shape::Rows(columns) => {
                let mut rows: Vec<Tuple> = Vec::new();
                self.run(&program.root, &query.root, &mut tuple, &mut |_, tuple| {
                    rows.push(*tuple);
                    Some(Flow::Continue)
                })?;
                if rows.is_empty() {
                    return Some(None);
                }
                output::rows(columns, &rows, &self.runs, query, schema).map(Some)
            }
            Shape::Totals(totals) => {
                running.clear();
                running.resize(totals.len(), Running::default());
                self.run(&program.root, &query.root, &mut tuple, &mut |walk, tuple| {
                    for (total, running) in totals.iter().zip(&mut *running) {
                        let value = match total.at() {
                            None => None,
                            Some(at) => match walk.value(tuple, at) {
                                // NULL, which nothing is made of.
                                None => continue,
                                value => value,
                            },
                        };
                        total.add(running, value)?;
                    }
                    Some(Flow::Continue)
                })?;
                output::totals(totals, running, query, schema).map(Some)
            }
        }
    }

    /// The column that holds a value of a tuple, and its row there; `None` = NULL, for there is no row.
    pub fn value(&self, tuple: &Tuple, at: At) -> Option<(&ArrayRef, usize)> {
        let place = tuple[at.source];
        let run = self.runs.get(place.run as usize)?;
        Some((run.column(at.ordinal), place.row as usize))
    }

    fn run(&mut self, op: &Op, plan: &Plan, tuple: &mut Tuple, above: Above<'_>) -> Option<Flow> {
        match (op, &plan.node) {
            (Op::Pass(op), node) => self.run(op, input_of(node)?, tuple, above),
            (Op::Get { source, rest }, Node::PointGet(get)) => {
                self.get(get, *source, rest.as_ref(), tuple, above)
            }
            (Op::Scan { source, tests, merged, rest }, node) => {
                self.scan((*source, tests, merged.as_deref()), rest.as_ref(), node, tuple, above)
            }
            (Op::Filter(op, tests), Node::Selection { input, predicates }) => {
                self.run(op, input, tuple, &mut |walk, tuple| match walk.passes(tuple, tests, predicates)? {
                    true => above(walk, tuple),
                    false => Some(Flow::Continue),
                })
            }
            (Op::Join { outer, outer_is_left, keeps_outer, inner }, Node::IndexJoin(join)) => {
                let (plan, inner_plan) =
                    if *outer_is_left { (&join.left, &join.right) } else { (&join.right, &join.left) };
                let reads = Reads::of(&inner_plan.node)?;
                if !keeps_outer {
                    return self.run(outer, plan, tuple, &mut |walk, tuple| {
                        walk.look_up(inner, &reads, tuple, above)
                    });
                }
                self.run(outer, plan, tuple, &mut |walk, tuple| {
                    let mut is_found = false;
                    let flow = walk.look_up(inner, &reads, tuple, &mut |walk, tuple| {
                        is_found = true;
                        above(walk, tuple)
                    })?;
                    if is_found {
                        return Some(flow);
                    }
                    tuple[inner.source] = Place::NOWHERE;
                    if let Some(rest) = &inner.rest {
                        tuple[rest.source] = Place::NOWHERE;
                    }
                    above(walk, tuple)
                })
            }
            (Op::Pairs { probe, build, build_is_left, keeps_probe, keys }, Node::HashJoin(join)) => {
                let (build_plan, probe_plan) =
                    if *build_is_left { (&join.left, &join.right) } else { (&join.right, &join.left) };
                let mut built: Vec<Tuple> = Vec::new();
                let mut nowhere = NOWHERE;
                self.run(build, build_plan, &mut nowhere, &mut |_, tuple| {
                    built.push(*tuple);
                    Some(Flow::Continue)
                })?;
                if built.is_empty() && !keeps_probe {
                    return Some(Flow::Continue);
                }
                self.run(probe, probe_plan, tuple, &mut |walk, tuple| {
                    let mut is_found = false;
                    for built in &built {
                        walk.pairs = walk.pairs.checked_sub(1)?;
                        let mut both = *tuple;
                        for (both, built) in both.iter_mut().zip(built) {
                            if !built.is_nowhere() {
                                *both = *built;
                            }
                        }
                        if walk.agree(&both, keys)? {
                            is_found = true;
                            if above(walk, &mut both)? == Flow::Stop {
                                return Some(Flow::Stop);
                            }
                        }
                    }
                    if *keeps_probe && !is_found { above(walk, tuple) } else { Some(Flow::Continue) }
                })
            }
            (Op::Sort(op, keys), node) => {
                let (input, skip, most) = match node {
                    Node::Sort { input, .. } => (input, 0, u64::MAX),
                    Node::TopN { input, offset, count, .. } => (input, *offset, *count),
                    _ => return None,
                };
                let tuples = self.all(op, input, tuple)?;
                let mut tuples = self.sorted(tuples, keys)?;
                let end = usize::try_from(skip.saturating_add(most))
                    .map_or(tuples.len(), |end| end.min(tuples.len()));
                let begin = usize::try_from(skip).map_or(end, |begin| begin.min(end));
                self.hand_on(&mut tuples[begin..end], above)
            }
            (Op::Distinct { input: op, of, side_by_side }, Node::HashAgg(agg) | Node::StreamAgg(agg)) => {
                let mut tuples = self.all(op, &agg.input, tuple)?;
                if !side_by_side {
                    tuples = self.sorted(tuples, of)?;
                }
                let mut is_plain = true;
                tuples.dedup_by(|b, a| match order::compare(self, of, a, b) {
                    Some(Ordering::Equal) => {
                        // Which of two texts is shown depends on which row comes first, and rows of a double read do not come
                        // in the order of their entries.
                        is_plain &= order::are_same(self, of, a, b);
                        true
                    }
                    Some(_) => false,
                    None => {
                        is_plain = false;
                        false
                    }
                });
                if is_plain { self.hand_on(&mut tuples, above) } else { None }
            }
            (Op::Limit(op), Node::Limit { input, offset, count }) => {
                self.limited((*offset, *count), above, |walk, above| walk.run(op, input, tuple, above))
            }
            // The form was made from this plan, or from one that differs from it in values.
            _ => None,
        }
    }

    /// All tuples of an operator.
    fn all(&mut self, op: &Op, plan: &Plan, tuple: &mut Tuple) -> Option<Vec<Tuple>> {
        // Whoever is above wants as few as he likes; these are all needed.
        let is_limited = std::mem::replace(&mut self.is_limited, false);
        let mut tuples: Vec<Tuple> = Vec::new();
        self.run(op, plan, tuple, &mut |_, tuple| {
            tuples.push(*tuple);
            Some(Flow::Continue)
        })?;
        self.is_limited = is_limited;
        Some(tuples)
    }

    /// Tuples in order; equal ones stay as they came.
    fn sorted(&self, mut tuples: Vec<Tuple>, keys: &[(At, Direction)]) -> Option<Vec<Tuple>> {
        let mut is_plain = true;
        tuples.sort_by(|a, b| {
            order::compare(self, keys, a, b).unwrap_or_else(|| {
                is_plain = false;
                Ordering::Equal
            })
        });
        is_plain.then_some(tuples)
    }

    fn hand_on(&mut self, tuples: &mut [Tuple], above: Above<'_>) -> Option<Flow> {
        for tuple in tuples {
            if above(self, tuple)? == Flow::Stop {
                return Some(Flow::Stop);
            }
        }
        Some(Flow::Continue)
    }

    /// Some of the tuples that come from below.
    fn limited(
        &mut self,
        (mut skip, mut left): (u64, Option<u64>),
        above: Above<'_>,
        below: impl FnOnce(&mut Self, Above<'_>) -> Option<Flow>,
    ) -> Option<Flow> {
        if left == Some(0) {
            return Some(Flow::Continue);
        }
        self.is_limited = true;
        let mut flow = Flow::Continue;
        below(self, &mut |walk, tuple| {
            if skip > 0 {
                skip -= 1;
                return Some(Flow::Continue);
            }
            flow = above(walk, tuple)?;
            left = left.map(|left| left - 1);
            Some(if left == Some(0) { Flow::Stop } else { flow })
        })?;
        Some(flow)
    }

    /// Whether the values of these pairs of columns are equal, none NULL.
    fn agree(&self, tuple: &Tuple, keys: &[(At, At)]) -> Option<bool> {
        for &(a, b) in keys {
            let (a, b) = (self.word(tuple, a)?, self.word(tuple, b)?);
            if a.is_none() || a != b {
                return Some(false);
            }
        }
        Some(true)
    }

    /// The value of a column whose values are told apart by their bits; inner `None` = NULL.
    fn word(&self, tuple: &Tuple, at: At) -> Option<Option<u64>> {
        let Some((column, row)) = self.value(tuple, at).filter(|(column, row)| !column.is_null(*row)) else {
            return Some(None);
        };
        Some(Some(match column.data_type() {
            DataType::Int64 => column.as_primitive::<Int64Type>().value(row).cast_unsigned(),
            DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row),
            DataType::Date32 => i64::from(column.as_primitive::<Date32Type>().value(row)).cast_unsigned(),
            _ => return None,
        }))
    }

    fn get(
        &mut self,
        get: &PointGet,
        source: usize,
        rest: Option<&Rest>,
        tuple: &mut Tuple,
        above: Above<'_>,
    ) -> Option<Flow> {
        if let [_] = &*get.keys {
            let (records, mut keys) = self.wanted(get, 0)?;
            keys.end_behind_start();
            let rest = rest.map(|rest| (rest, &[][..], records));
            return self.between(keys, (source, &[], &[]), rest, tuple, above);
        }
        let wanted = (0..get.keys.len()).map(|at| self.wanted(get, at));
        let mut wanted = wanted.collect::<Option<Vec<_>>>()?;
        // A key may be asked for more than once.
        wanted.sort_unstable_by(|(_, a), (_, b)| a.start.cmp(&b.start));
        wanted.dedup_by(|(_, a), (_, b)| a.start == b.start);
        for (records, mut keys) in wanted {
            keys.end_behind_start();
            let rest = rest.map(|rest| (rest, &[][..], records));
            if self.between(keys, (source, &[], &[]), rest, tuple, above)? == Flow::Stop {
                return Some(Flow::Stop);
            }
        }
        Some(Flow::Continue)
    }

    /// One of the keys, and where the row is that it stands for.
    fn wanted(&mut self, get: &PointGet, at: usize) -> Option<(SpaceId, Keys)> {
        let partition = match &get.places {
            Some(places) => *places.get(at)?,
            None => 0,
        };
        let place = &get.table.partitions[partition];
        let mut keys = self.keys(get.index.map_or(place.records, |index| place.indexes[index]));
        append_datums(get.keys.get(at)?, &mut keys.start);
        Some((place.records, keys))
    }

    /// Whether these conditions hold for a tuple.
    fn passes(&self, tuple: &Tuple, tests: &[Test], predicates: &[Expr]) -> Option<bool> {
        for (test, predicate) in tests.iter().zip(predicates) {
            let Some((column, row)) =
                self.value(tuple, test.at).filter(|(column, row)| !column.is_null(*row))
            else {
                return Some(false);
            };
            if !Test::holds(predicate, whole(column, row)?)? {
                return Some(false);
            }
        }
        Some(true)
    }

    fn scan(
        &mut self,
        (source, tests, merged): (usize, &[Test], Option<&[(At, Direction)]>),
        rest: Option<&Rest>,
        node: &Node,
        tuple: &mut Tuple,
        above: Above<'_>,
    ) -> Option<Flow> {
        let Reads { scan, predicates, of_rows, limit } = Reads::of(node)?;
        let (table, index, ranges, partitions) = match &scan.node {
            Node::TableScan(scan) => (&*scan.table, None, scan.ranges.fixed()?, &scan.partitions),
            Node::IndexScan(scan) => (&*scan.table, Some(scan.index), scan.ranges.fixed()?, &scan.partitions),
            _ => return None,
        };
        let read: &mut dyn Iterator<Item = usize> = match partitions {
            Some(some) => &mut some.iter().copied(),
            None if index.is_some_and(|index| table.is_global(index)) => &mut (0..1),
            None => &mut (0..table.partitions.len()),
        };
        let mut places = read.map(|partition| {
            let place = &table.partitions[partition];
            (index.map_or(place.records, |index| place.indexes[index]), place.records)
        });
        let what = (source, tests, predicates);
        let mut all = |walk: &mut Walk<'_>, above: Above<'_>| {
            if let Some(key) = merged {
                let mut merge = Merge::new(walk, &mut places, ranges, key)?;
                let mut flow = Flow::Continue;
                while flow == Flow::Continue
                    && let Some((place, records)) = merge.next(walk)?
                {
                    let rest = rest.map(|rest| (rest, of_rows, records));
                    flow = walk.row(place, what, rest, tuple, above)?;
                }
                merge.end(walk);
                return Some(flow);
            }
            for (space, records) in &mut places {
                let mut in_order = InOrder::default();
                for range in ranges {
                    let keys = in_order.keys(walk, space, range, ranges.len())?;
                    let rest = rest.map(|rest| (rest, of_rows, records));
                    if walk.between(keys, what, rest, tuple, above)? == Flow::Stop {
                        return Some(Flow::Stop);
                    }
                }
            }
            Some(Flow::Continue)
        };
        match limit {
            None => all(self, above),
            Some((offset, count)) => self.limited((offset, Some(count)), above, all),
        }
    }

    /// The rows that a tuple asks for.
    fn look_up(
        &mut self,
        inner: &Inner,
        reads: &Reads<'_>,
        tuple: &mut Tuple,
        above: Above<'_>,
    ) -> Option<Flow> {
        // Of each lookup, which nobody plans.
        if reads.limit.is_some() {
            return None;
        }
        let partition = match inner.dealt_by {
            None if inner.is_global => 0,
            None => {
                let read =
                    |partition: &usize| inner.partitions.as_ref().is_none_or(|all| all.contains(partition));
                for partition in (0..inner.table.partitions.len()).filter(read) {
                    // Of many rows in many partitions the long way makes fewer lookups.
                    self.pairs = self.pairs.checked_sub(1)?;
                    if self.look_up_in(partition, inner, reads, tuple, above)? == Flow::Stop {
                        return Some(Flow::Stop);
                    }
                }
                return Some(Flow::Continue);
            }
            Some(at) => {
                let Some(value) = self.word(tuple, at)? else { return Some(Flow::Continue) };
                let partition = remainder(value, inner.table.partitions.len());
                if inner.partitions.as_ref().is_some_and(|read| !read.contains(&partition)) {
                    return Some(Flow::Continue);
                }
                partition
            }
        };
        self.look_up_in(partition, inner, reads, tuple, above)
    }

    /// Those of one partition.
    fn look_up_in(
        &mut self,
        partition: usize,
        inner: &Inner,
        reads: &Reads<'_>,
        tuple: &mut Tuple,
        above: Above<'_>,
    ) -> Option<Flow> {
        let place = &inner.table.partitions[partition];
        let space = inner.index.map_or(place.records, |index| place.indexes[index]);
        let mut keys = self.keys(space);
        for &at in &inner.prefix {
            let Some((column, row)) = self.value(tuple, at).filter(|(column, row)| !column.is_null(*row))
            else {
                self.put_back(keys);
                return Some(Flow::Continue);
            };
            append_datums(&[crate::values::datum(column, row).ok()?], &mut keys.start);
        }
        let rest = inner.rest.as_ref().map(|rest| (rest, reads.of_rows, place.records));
        let lookup = reads.lookup()?;
        if lookup.points.is_empty() {
            keys.end_behind_start();
            let value =
                |at| self.value(tuple, at).and_then(|(column, row)| crate::values::datum(column, row).ok());
            if !inner.bounds.are_none() && !inner.bounds.cut(lookup, value, &mut keys)? {
                self.put_back(keys);
                return Some(Flow::Continue);
            }
            return self.between(keys, (inner.source, &inner.tests, reads.predicates), rest, tuple, above);
        }
        for point in &lookup.points {
            let mut keys = self.keys_like(&keys);
            append_datums(std::slice::from_ref(point), &mut keys.start);
            keys.end_behind_start();
            let what = (inner.source, &*inner.tests, reads.predicates);
            if self.between(keys, what, rest, tuple, above)? == Flow::Stop {
                return Some(Flow::Stop);
            }
        }
        self.put_back(keys);
        Some(Flow::Continue)
    }

    /// The rows between two keys, or what they point to.
    fn between(
        &mut self,
        mut keys: Keys,
        (source, tests, predicates): (usize, &[Test], &[Expr]),
        rest: Option<(&Rest, &[Expr], SpaceId)>,
        tuple: &mut Tuple,
        above: Above<'_>,
    ) -> Option<Flow> {
        let mut wanted = self.wanted_at_first();
        loop {
            let (runs, found) = self.read(&mut keys, wanted)?;
            for run in runs {
                for row in self.runs[run].rows.clone() {
                    let place = Place::new(run, row)?;
                    let flow = self.row(place, (source, tests, predicates), rest, tuple, above)?;
                    if flow == Flow::Stop {
                        self.put_back(keys);
                        return Some(Flow::Stop);
                    }
                }
            }
            if found < wanted {
                self.put_back(keys);
                return Some(Flow::Continue);
            }
            keys.go_on();
            wanted *= 2;
        }
    }

    /// How many rows of a range are read before it is clear how many are.
    pub fn wanted_at_first(&self) -> usize {
        if self.is_limited { FIRST_ROWS } else { ROWS_MAX }
    }

    /// Reads the first rows of a range: the runs they are in, and how many they are; `keys.next` becomes where to go on.
    pub fn read(&mut self, keys: &mut Keys, wanted: usize) -> Option<(std::ops::Range<usize>, usize)> {
        let first = self.runs.len();
        let found = self.reader.read(&keys.start, &keys.end, wanted, &mut self.runs, &mut keys.next)?;
        Some((first..self.runs.len(), found))
    }

    /// A row that was read, or the one that it points to.
    fn row(
        &mut self,
        place: Place,
        (source, tests, predicates): (usize, &[Test], &[Expr]),
        rest: Option<(&Rest, &[Expr], SpaceId)>,
        tuple: &mut Tuple,
        above: Above<'_>,
    ) -> Option<Flow> {
        self.left = self.left.checked_sub(1)?;
        tuple[source] = place;
        if !self.passes(tuple, tests, predicates)? {
            return Some(Flow::Continue);
        }
        match rest {
            None => above(self, tuple),
            Some(rest) => self.rest(rest, source, tuple, above),
        }
    }

    /// The row that an entry of an index points to.
    fn rest(
        &mut self,
        (rest, predicates, records): (&Rest, &[Expr], SpaceId),
        entries: usize,
        tuple: &mut Tuple,
        above: Above<'_>,
    ) -> Option<Flow> {
        let records = match &rest.spread {
            None => records,
            Some(spread) => {
                // NULL is dealt as 0 is.
                let value = self.word(tuple, spread.dealt_by)?.unwrap_or(0);
                *spread.records.get(remainder(value, spread.records.len()))?
            }
        };
        let mut keys = self.keys(records);
        for &ordinal in &rest.handle {
            let (column, row) = self.value(tuple, At { source: entries, ordinal })?;
            append_datums(&[crate::values::datum(column, row).ok()?], &mut keys.start);
        }
        keys.end_behind_start();
        // An entry without a row is damage, and has to be told.
        let (runs, found) = self.read(&mut keys, 2)?;
        self.put_back(keys);
        self.left = self.left.checked_sub(1)?;
        if found != 1 {
            return None;
        }
        let row = self.runs.get(runs.start)?.rows.start;
        tuple[rest.source] = Place::new(runs.start, row)?;
        match self.passes(tuple, &rest.tests, predicates)? {
            true => above(self, tuple),
            false => Some(Flow::Continue),
        }
    }

    /// Room that is not needed any more.
    pub fn put_back(&mut self, keys: Keys) {
        self.spare.push(keys);
    }

    /// Room for keys that begin as these do.
    fn keys_like(&mut self, like: &Keys) -> Keys {
        let mut keys = self.spare.pop().unwrap_or_else(Keys::new);
        keys.start.clone_from(&like.start);
        keys
    }

    /// Room for the keys of a space.
    pub fn keys(&mut self, space: SpaceId) -> Keys {
        let mut keys = self.spare.pop().unwrap_or_else(Keys::new);
        keys.start.clear();
        begin_key(space, &mut keys.start);
        keys
    }
}

/// Which of so many hash partitions has a value.
fn remainder(value: u64, partitions: usize) -> usize {
    (value.cast_signed().unsigned_abs() % partitions as u64) as usize
}

/// What a reader reads.
struct Reads<'p> {
    scan: &'p Plan,
    /// Conditions on what the scan finds.
    predicates: &'p [Expr],
    /// Those on the rows that entries point to.
    of_rows: &'p [Expr],
    /// Rows to skip, and to take.
    limit: Option<(u64, u64)>,
}

impl<'p> Reads<'p> {
    /// What is looked up for a tuple.
    fn lookup(&self) -> Option<&'p Lookup> {
        match &self.scan.node {
            Node::TableScan(TableScan { ranges: Ranges::Lookup(lookup), .. })
            | Node::IndexScan(IndexScan { ranges: Ranges::Lookup(lookup), .. }) => Some(lookup),
            _ => None,
        }
    }

    fn of(node: &'p Node) -> Option<Reads<'p>> {
        match node {
            Node::TableReader { input } | Node::IndexReader { input } => {
                let (scan, predicates, most) = selected(input);
                Some(Reads { scan, predicates, of_rows: &[], limit: most.map(|most| (0, most)) })
            }
            Node::IndexLookUp(IndexLookUp { index, table, limit, .. }) => {
                // The limit of the entries is that of the rows, and what is to be skipped.
                let (scan, predicates, most) = selected(index);
                let limit = limit.or(most.map(|most| (0, most)));
                Some(Reads { scan, predicates, of_rows: selected(table).1, limit })
            }
            _ => None,
        }
    }
}

fn input_of(node: &Node) -> Option<&Plan> {
    match node {
        Node::Projection { input, .. } => Some(input),
        Node::HashAgg(agg) | Node::StreamAgg(agg) => Some(&agg.input),
        _ => None,
    }
}

//! GROUP BY.
//!
//! Each worker groups the rows it sees: [`groups`] numbers the groups by their packed keys, and [`accumulator`]s are arrays
//! over these numbers. When the input has ended, [`merge`] brings the groups of all workers together, partition by
//! partition, each partition by one owner; a worker's accumulators are only read then.
//!
//! ```text
//! batch -> key words -> packed keys -> group numbers --+--> accumulators[number]     a worker
//!          arguments ----------------------------------+
//! workers' keys -> partitions -> moves (from, to) ---------> merged accumulators     an owner per partition
//! ```
//!
//! Arguments of DISTINCT aggregates are grouped once more, by group number and value, so each value is met once per worker;
//! when groups have been merged these sets are merged too, and what is left is fed to plain accumulators.
//!
//! Where the rows of a group come side by side most groups need not wait for the end: see [`settle`].
//!
//! Without group columns there is one group, number 0, and it is there even if no row is.

mod accumulator;
mod calls;
mod framed;
mod groups;
mod merge;
mod settle;
mod spelling;
#[cfg(test)]
mod tests;

pub(crate) use framed::{Framed, Frames};

use std::sync::{Arc, OnceLock};

use allod_planner::column::ColumnId;
use allod_planner::physical::Aggregation;
use arrow::array::{ArrayRef, Int64Array};
use rayon::prelude::*;

use self::accumulator::{Accumulator, CutTexts, Moves};
use self::calls::Calls;
use self::groups::{Assigned, Finished, Groups};
use self::merge::{Partition, merge, unify_strings};
use self::settle::{Open, Settled};
use self::spelling::shown;
use crate::batch::{Batch, concat, take};
use crate::error::Result;
use crate::kernel::Notices;
use crate::key::{Exprs, Form, Interner};
use crate::pipeline::{Batches, Context, Flow, Reader, Reservation, Sink, Source, Worker};
use crate::selection::Filter;

/// Rows of the batches that come out.
const BATCH_ROWS: usize = 8192;

/// A GROUP BY, compiled.
#[derive(Debug)]
pub(crate) struct AggregateForm {
    group_by: Exprs,
    forms: Vec<Form>,
    args: Exprs,
    calls: Calls,
    /// For each distinct set the forms of the group's number and of the arguments.
    set_forms: Vec<Vec<Form>>,
    /// No group columns.
    single: bool,
    /// Groups come out in the order of their first rows.
    ordered: bool,
    /// Groups may be done before the input is.
    settles: bool,
    /// The one group of no rows, if there are no group columns; made when first asked for.
    hollow: OnceLock<Vec<ArrayRef>>,
}

/// Collects groups.
pub(crate) struct AggregateSink {
    context: Context,
    form: Arc<AggregateForm>,
    having: Option<Arc<Filter>>,
}

/// One worker's groups.
pub(crate) struct Local {
    groups: Groups,
    accumulators: Vec<Accumulator>,
    sets: Vec<Groups>,
    /// If ordered: task and row of each group's first row.
    firsts: Vec<u64>,
    task: u64,
    task_rows: u64,
    settled: Settled,
    assigned: Assigned,
    lanes: Vec<i64>,
    reservation: Reservation,
}

impl AggregateForm {
    /// Groups batches whose columns are `input`. If `ordered` the groups come out in the order of their first rows.
    pub fn new(aggregation: &Aggregation, input: &[ColumnId], ordered: bool) -> Result<AggregateForm> {
        let single = aggregation.group_by.is_empty();
        let calls = Calls::new(aggregation.aggregates.iter().map(|(_, call)| call), single)?;
        let form = |arg: &usize| Form::of(&calls.args[*arg].ty().sql);
        let set_forms = calls
            .sets
            .iter()
            .map(|set| {
                std::iter::once(Form::of(&allod_storage::schema::SqlType::BIGINT))
                    .chain(set.iter().map(form))
                    .collect()
            })
            .collect();
        Ok(AggregateForm {
            group_by: Exprs::compile(aggregation.group_by.iter().map(|(_, e)| e), input)?,
            forms: aggregation.group_by.iter().map(|(_, e)| Form::of(&e.ty().sql)).collect(),
            args: Exprs::compile(&calls.args, input)?,
            calls,
            set_forms,
            single,
            ordered,
            settles: false,
            hollow: OnceLock::new(),
        })
    }

    /// For batches in which, task after task, the rows of a group come side by side.
    pub fn side_by_side(self) -> AggregateForm {
        let is_plain = |form: &Form| matches!(form, Form::Word(_));
        let settles =
            !self.single && !self.ordered && self.calls.sets.is_empty() && self.forms.iter().all(is_plain);
        AggregateForm { settles, ..self }
    }

    /// Whether most groups are done before the input is, and HAVING may be left to the sink.
    pub fn settles(&self) -> bool {
        self.settles
    }

    fn accumulators(&self) -> Vec<Accumulator> {
        let mut all: Vec<_> = self.calls.specs.iter().map(|s| Accumulator::new(&s.kind, &s.ty)).collect();
        if self.single {
            all.iter_mut().for_each(|accumulator| accumulator.grow(1));
        }
        all
    }

    /// What no rows at all come to, if that is a row.
    fn hollow(&self) -> Result<Vec<ArrayRef>> {
        if let Some(columns) = self.hollow.get() {
            return Ok(columns.clone());
        }
        let columns = self.calls.finish(&self.accumulators(), &mut CutTexts::new())?;
        Ok(self.hollow.get_or_init(|| columns).clone())
    }
}

impl AggregateSink {
    /// A sink for one run.
    pub fn new(form: Arc<AggregateForm>, context: &Context) -> AggregateSink {
        AggregateSink { context: context.clone(), form, having: None }
    }

    /// Of groups that are done before the end only those are kept that pass.
    pub fn having(self, having: Arc<Filter>) -> AggregateSink {
        AggregateSink { having: Some(having), ..self }
    }
}

impl Sink for AggregateSink {
    type Local = Local;
    type Product = Arc<Grouped>;

    fn local(&self) -> Local {
        let form = &*self.form;
        let mut local = Local {
            groups: Groups::new(&form.forms),
            accumulators: form.accumulators(),
            sets: form.set_forms.iter().map(|forms| Groups::new(forms)).collect(),
            firsts: Vec::new(),
            task: 0,
            task_rows: 0,
            settled: Settled::default(),
            assigned: Assigned::default(),
            lanes: Vec::new(),
            reservation: self.context.memory.reservation(),
        };
        if form.single {
            local.assigned = Assigned { numbers: Vec::new(), new_rows: vec![0], groups: 1 };
        }
        local
    }

    fn consume(&self, local: &mut Local, worker: &mut Worker, batch: Batch) -> Result<Flow> {
        let form = &*self.form;
        let Local { groups, accumulators, sets, firsts, settled, assigned, lanes, reservation, .. } = local;
        // The first row of a single group is not in here.
        if batch.rows == 0 {
            return Ok(Flow::Continue);
        }
        let having = self.having.as_deref();
        if form.settles {
            Open { groups, accumulators, settled, having, scratch: &mut worker.scratch }
                .begin(form, worker.task)?;
        }
        if !form.single {
            let columns = form.group_by.eval(&batch, &mut worker.scratch)?;
            groups.assign(&columns, batch.rows, assigned)?;
        }
        let args = form.args.eval(&batch, &mut worker.scratch)?;
        for (spec, accumulator) in form.calls.specs.iter().zip(accumulators.iter_mut()) {
            if spec.set.is_none() {
                let args: Vec<&ArrayRef> = spec.args.iter().map(|&at| &args[at]).collect();
                accumulator.update(&args, batch.rows, assigned, form.single, lanes)?;
            }
        }
        for (set, groups) in form.calls.sets.iter().zip(sets.iter_mut()) {
            let columns: Vec<ArrayRef> = set.iter().map(|&at| Arc::clone(&args[at])).collect();
            collect_distinct(groups, assigned, columns, batch.rows)?;
        }
        if form.ordered {
            if local.task != worker.task {
                (local.task, local.task_rows) = (worker.task, 0);
            }
            let first = local.task << 32 | local.task_rows;
            firsts.extend(assigned.new_rows.iter().map(|&row| first + u64::from(row)));
            local.task_rows += batch.rows as u64;
        }
        if form.single {
            assigned.new_rows.clear();
        }
        if form.settles {
            Open { groups, accumulators, settled, having, scratch: &mut worker.scratch }.added(form)?;
        }
        let bytes = groups.memory_bytes()
            + settled.memory_bytes()
            + accumulators.iter().map(Accumulator::memory_bytes).sum::<u64>()
            + sets.iter().map(Groups::memory_bytes).sum::<u64>()
            + 8 * firsts.capacity() as u64;
        reservation.resize(bytes)?;
        Ok(Flow::Continue)
    }

    fn finish(self, mut locals: Vec<Local>) -> Result<Arc<Grouped>> {
        let form = &*self.form;
        if locals.is_empty() && form.single {
            let reservation = self.context.memory.reservation();
            let batches = Batches::new(cut(form.hollow()?, true));
            let cut = CutTexts::new();
            let early = Early::default();
            return Ok(Arc::new(Grouped { batches, early, cut, memory_bytes: 0, _reservation: reservation }));
        }
        if form.single && form.calls.sets.is_empty() && locals.len() == 1 {
            // One group of one worker: there is nothing to merge.
            let Local { accumulators, reservation, .. } = locals.swap_remove(0);
            let memory_bytes = reservation.bytes();
            let mut cut_texts = CutTexts::new();
            let batches = Batches::new(cut(form.calls.finish(&accumulators, &mut cut_texts)?, true));
            return Ok(Arc::new(Grouped {
                batches,
                early: Early::default(),
                cut: cut_texts,
                memory_bytes,
                _reservation: reservation,
            }));
        }
        let mut reservation = self.context.memory.reservation();
        let mut finished = Vec::new();
        let mut workers = Vec::new();
        let mut settled = Vec::new();
        let mut sets: Vec<Vec<Finished>> = form.calls.sets.iter().map(|_| Vec::new()).collect();
        for local in locals {
            reservation.merge(local.reservation);
            finished.push(if form.single {
                Finished { words: Vec::new(), strings: Vec::new(), spelled: Vec::new(), groups: 1 }
            } else {
                local.groups.finish()
            });
            for (all, set) in sets.iter_mut().zip(local.sets) {
                all.push(set.finish());
            }
            workers.push((local.accumulators, local.firsts));
            settled.push(local.settled);
        }
        if form.settles {
            let (edges, accumulators) = form.edges(&mut settled)?;
            finished.push(edges);
            workers.push((accumulators, Vec::new()));
        }
        let memory_bytes = reservation.bytes();
        let strings = unify_strings(&mut finished, &form.forms);
        let strings = arrays(&strings, &form.forms)?;
        let partitions = merge(&finished, self.context.workers);
        drop(finished);
        let sets = form.place_sets(sets, &partitions)?;
        let done: Vec<(Vec<ArrayRef>, Vec<u64>, CutTexts)> = partitions
            .into_par_iter()
            .enumerate()
            .map(|(at, partition)| {
                self.context.cancel.check()?;
                form.finish_partition(at, &partition, &workers, &strings, &sets)
            })
            .collect::<Result<_>>()?;
        drop(workers);
        let cut_texts = done.iter().map(|(.., cut)| cut).chain(settled.iter().map(|settled| &settled.cut));
        let cut_texts = cut_texts.flatten().cloned().collect();
        let done: Vec<(Vec<ArrayRef>, Vec<u64>)> =
            done.into_iter().map(|(c, firsts, _)| (c, firsts)).collect();
        let batches = if form.ordered {
            in_order(done)
        } else {
            done.into_iter().flat_map(|(c, _)| cut(c, form.single)).collect()
        };
        let early = Early {
            groups: settled.iter().map(|settled| settled.groups).sum(),
            batches: settled.into_iter().flat_map(|settled| settled.batches).collect(),
        };
        reservation.resize(batches.iter().chain(&early.batches).map(Batch::bytes).sum())?;
        let memory_bytes = memory_bytes.max(reservation.bytes());
        Ok(Arc::new(Grouped {
            batches: Batches::new(batches),
            early,
            cut: cut_texts,
            memory_bytes,
            _reservation: reservation,
        }))
    }
}

impl AggregateForm {
    /// The columns of one partition and, if ordered, the first rows of its groups; and what GROUP_CONCAT has cut.
    fn finish_partition(
        &self,
        at: usize,
        partition: &Partition,
        workers: &[(Vec<Accumulator>, Vec<u64>)],
        strings: &[Option<ArrayRef>],
        sets: &[Placed],
    ) -> Result<(Vec<ArrayRef>, Vec<u64>, CutTexts)> {
        let mut accumulators = Vec::new();
        for (i, spec) in self.calls.specs.iter().enumerate() {
            let moves = partition.moves.iter().map(|m| Moves { from: &m.from, to: &m.to });
            let parts: Vec<_> = workers.iter().map(|(all, _)| &all[i]).zip(moves).collect();
            let parts = if spec.set.is_some() { &[] } else { &parts[..] };
            accumulators.push(Accumulator::merge(parts, &spec.kind, &spec.ty, partition.groups)?);
        }
        for (i, set) in sets.iter().enumerate() {
            set.feed(i, at, partition.groups, &self.calls, &mut accumulators)?;
        }
        let mut columns = Vec::new();
        let mut word = 0;
        for (key, (form, strings)) in self.forms.iter().zip(strings).enumerate() {
            let words = &partition.words[word..word + form.width()];
            let column = form.decode(words, strings.as_ref())?;
            columns.push(shown(column, key, &partition.spelled, |row| row as u32));
            word += form.width();
        }
        let mut cut_texts = CutTexts::new();
        columns.extend(self.calls.finish(&accumulators, &mut cut_texts)?);
        let mut firsts = Vec::new();
        if self.ordered {
            firsts.resize(partition.groups, u64::MAX);
            for ((_, own), moves) in workers.iter().zip(&partition.moves) {
                for (&from, &to) in moves.from.iter().zip(&moves.to) {
                    let first = &mut firsts[to as usize];
                    *first = (*first).min(own.get(from as usize).copied().unwrap_or(u64::MAX));
                }
            }
        }
        Ok((columns, firsts, cut_texts))
    }

    /// Makes the sets of all workers speak of the merged groups.
    fn place_sets(&self, sets: Vec<Vec<Finished>>, partitions: &[Partition]) -> Result<Vec<Placed>> {
        sets.into_iter()
            .zip(&self.set_forms)
            .map(|(mut workers, forms)| {
                let strings = unify_strings(&mut workers, forms);
                let strings = arrays(&strings, forms)?;
                let places = (0..workers.len()).map(|w| places(w, partitions)).collect();
                Ok(Placed { workers, places, forms: forms.clone(), strings })
            })
            .collect()
    }
}

/// Adds the batch's (group, arguments) to a distinct set; rows where an argument is NULL do not count.
fn collect_distinct(
    set: &mut Groups,
    assigned: &Assigned,
    mut columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<()> {
    // Without group columns every row is of group 0.
    let number = |row: usize| assigned.numbers.get(row).map_or(0, |&n| i64::from(n));
    let nulls: Vec<_> =
        columns.iter().filter_map(|c| c.logical_nulls()).filter(|n| n.null_count() > 0).collect();
    let mut numbers: Vec<i64> = (0..rows).map(number).collect();
    if !nulls.is_empty() {
        let kept: Vec<u32> =
            (0..rows as u32).filter(|&row| nulls.iter().all(|n| n.is_valid(row as usize))).collect();
        numbers = kept.iter().map(|&row| numbers[row as usize]).collect();
        columns = columns.iter().map(|c| take(c, &kept)).collect();
    }
    let count = numbers.len();
    columns.insert(0, Arc::new(Int64Array::from(numbers)));
    set.assign(&columns, count, &mut Assigned::default())
}

/// For each group of a worker its partition and its number there.
fn places(worker: usize, partitions: &[Partition]) -> Vec<(u32, u32)> {
    let mut places = Vec::new();
    for (at, partition) in partitions.iter().enumerate() {
        let moves = &partition.moves[worker];
        for (&from, &to) in moves.from.iter().zip(&moves.to) {
            if places.len() <= from as usize {
                places.resize(from as usize + 1, (u32::MAX, 0));
            }
            places[from as usize] = (at as u32, to);
        }
    }
    places
}

/// A distinct set of all workers, and where their groups have gone.
struct Placed {
    workers: Vec<Finished>,
    places: Vec<Vec<(u32, u32)>>,
    forms: Vec<Form>,
    strings: Vec<Option<ArrayRef>>,
}

impl Placed {
    /// Feeds the distinct values of a partition's groups to the accumulators that want them.
    fn feed(
        &self,
        set: usize,
        partition: usize,
        groups: usize,
        calls: &Calls,
        accumulators: &mut [Accumulator],
    ) -> Result<()> {
        let mut merged = Groups::new(&self.forms);
        let mut lanes = Vec::new();
        for (worker, places) in self.workers.iter().zip(&self.places) {
            let place = |row: usize| places[worker.words[0].values[row] as usize];
            let rows: Vec<u32> = (0..worker.groups)
                .filter(|&row| place(row).0 as usize == partition)
                .map(|r| r as u32)
                .collect();
            let mut words: Vec<_> = worker.words.iter().map(|w| w.take(&rows)).collect();
            words[0] = rows.iter().map(|&row| Some(i64::from(place(row as usize).1))).collect();
            let mut assigned = Assigned::default();
            merged.assign_words(&words, rows.len(), &mut assigned);
            // What an earlier worker had is not new.
            let new = &assigned.new_rows;
            let words: Vec<_> = words.iter().map(|w| w.take(new)).collect();
            let numbers = words[0].values.iter().map(|&n| n as u32).collect();
            let mut args = Vec::new();
            let mut word = 1;
            for (key, (form, strings)) in self.forms.iter().zip(&self.strings).enumerate().skip(1) {
                let column = form.decode(&words[word..word + form.width()], strings.as_ref())?;
                args.push(shown(column, key, &worker.spelled, |row| rows[new[row] as usize]));
                word += form.width();
            }
            let assigned = Assigned { numbers, new_rows: Vec::new(), groups };
            for (spec, accumulator) in calls.specs.iter().zip(accumulators.iter_mut()) {
                if spec.set == Some(set) {
                    let args: Vec<&ArrayRef> = args.iter().collect();
                    accumulator.update(&args, assigned.numbers.len(), &assigned, false, &mut lanes)?;
                }
            }
        }
        Ok(())
    }
}

/// The strings of each key column that has any.
fn arrays(strings: &[Interner], forms: &[Form]) -> Result<Vec<Option<ArrayRef>>> {
    strings
        .iter()
        .zip(forms)
        .map(|(strings, form)| match form {
            Form::Text { binary } => strings.to_array(*binary).map(Some),
            Form::Word(_) | Form::Wide(_) => Ok(None),
        })
        .collect()
}

/// Columns as batches of the usual size; a single group without any column is a row all the same.
fn cut(columns: Vec<ArrayRef>, single: bool) -> Vec<Batch> {
    let rows = columns.first().map_or(usize::from(single), |c| c.len());
    if (1..=BATCH_ROWS).contains(&rows) {
        return vec![Batch { columns, rows }];
    }
    let slice = |start: usize| {
        let len = BATCH_ROWS.min(rows - start);
        Batch { columns: columns.iter().map(|c| c.slice(start, len)).collect(), rows: len }
    };
    (0..rows).step_by(BATCH_ROWS).map(slice).collect()
}

/// The groups of all partitions in the order of their first rows.
fn in_order(partitions: Vec<(Vec<ArrayRef>, Vec<u64>)>) -> Vec<Batch> {
    let firsts: Vec<u64> = partitions.iter().flat_map(|(_, firsts)| firsts.iter().copied()).collect();
    let mut order: Vec<u32> = (0..firsts.len() as u32).collect();
    order.sort_unstable_by_key(|&row| firsts[row as usize]);
    let width = partitions.first().map_or(0, |(columns, _)| columns.len());
    let column = |at: usize| {
        let parts: Vec<ArrayRef> = partitions.iter().map(|(columns, _)| Arc::clone(&columns[at])).collect();
        take(&concat(&parts), &order)
    };
    cut((0..width).map(column).collect(), false)
}

/// Groups that were done before the input was.
#[derive(Default)]
pub(crate) struct Early {
    /// How many.
    pub groups: u64,
    /// Those of them that passed HAVING.
    pub batches: Vec<Batch>,
}

/// The groups, and the memory they are charged for.
pub(crate) struct Grouped {
    batches: Batches,
    early: Early,
    /// What `group_concat_max_len` has cut something off.
    cut: CutTexts,
    /// The most that was held: the tables of all workers, or what came of them.
    memory_bytes: u64,
    _reservation: Reservation,
}

impl Grouped {
    /// Bytes that grouping took at its most.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Those that are not among [`Grouped::batches`], nor what it is a source of.
    pub fn early(&self) -> &Early {
        &self.early
    }

    /// Says of which texts something was cut off.
    pub fn tell(&self, notices: &mut Notices) -> Result<()> {
        notices.cut(&self.cut)
    }

    /// The groups, save those that were done early; none of the batches is empty.
    pub fn batches(&self) -> &[Batch] {
        self.batches.batches()
    }
}

impl Source for Grouped {
    fn tasks(&self) -> usize {
        self.batches.tasks()
    }

    fn start(&self) -> Box<dyn Reader> {
        self.batches.start()
    }

    fn ready(&self) -> Option<&[Batch]> {
        self.batches.ready()
    }
}

//! The probe side: batches go by, and each row is looked up in the index of the build side.
//!
//! What a worker does with a batch depends on which side is preserved ([`Role`]). Output columns are gathered last, and
//! only those that somebody above wants; if every row of a batch has exactly one match, its columns are passed on as they
//! are.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function};
use allod_planner::physical::{HashJoin, JoinKind, Side};
use arrow::array::{ArrayRef, Int64Array};
use arrow::buffer::NullBuffer;
use crossbeam_channel::{Sender, unbounded};

use super::build::{Built, Lookup, boolean};
use super::index::{Found, Index, Rows};
use super::pairs::{Candidates, Conditions, Cursor, Pairs};
use super::remainder::{Marks, Remainder};
use crate::batch::{Batch, NO_ROW, take, take_or_null};
use crate::error::{Error, Result};
use crate::key::{Exprs, Form, Interner, Layout};
use crate::pipeline::{Coalescer, Context, Flow, Operator, Output, Reservation, Source, Stage, Worker};

/// What becomes of the rows of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Matching pairs come out; with `outer` also probe rows without a match, beside NULLs.
    Pairs { outer: bool },
    /// Probe rows come out, or not, once: semi, anti and mark joins that build the right side.
    Filter(JoinKind),
    /// Nothing comes out, but build rows are marked: semi, anti and mark joins that build the left side.
    Mark,
}

/// Where an output column comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A column of the probe side.
    Probe(usize),
    /// A column of the build side.
    Build(usize),
    /// Whether there is a match.
    Mark,
}

/// Everything about a join that its workers share.
pub(super) struct Join {
    role: Role,
    pub kind: JoinKind,
    pub build_rows: usize,
    /// Columns of the build side that somebody wants.
    pub columns: Vec<Option<ArrayRef>>,
    pub output: Vec<Place>,
    pub index: Option<Arc<Index>>,
    keys: Exprs,
    forms: Vec<Form>,
    strings: Vec<Arc<Interner>>,
    layout: Arc<Layout>,
    tuples: Option<Arc<Interner>>,
    /// What candidates must satisfy besides equal keys; `None` = nothing.
    conditions: Option<Conditions>,
    /// If null-aware conjuncts are keys.
    null_keys: Option<NullKeys>,
    /// Whether matches of build rows are kept, and then whether by entry of the index or by row.
    marks: Option<MarksBy>,
    _reservation: Reservation,
}

/// What a second look at probe rows needs whose null-aware keys found no match.
struct NullKeys {
    /// The first of them among the keys.
    first: usize,
    /// Build rows with NULL in one of them.
    null_rows: Vec<u32>,
    /// All conditions; `None` if any candidate will do.
    conditions: Option<Conditions>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarksBy {
    Entry,
    Row,
}

/// The operator that looks up batches whose columns are `probe_columns`, and the source of the build rows that are due
/// when all have been looked up, if the kind of join has such. Both yield the columns `output`.
pub(crate) fn probe(
    join: &HashJoin,
    mut built: Built,
    probe_columns: &[ColumnId],
    output: &[ColumnId],
    context: &Context,
) -> Result<(Arc<dyn Operator>, Option<Arc<dyn Source>>)> {
    let build_left = join.build == Side::Left;
    let role = match join.kind {
        JoinKind::Inner => Role::Pairs { outer: false },
        JoinKind::Left => Role::Pairs { outer: !build_left },
        JoinKind::Semi | JoinKind::Anti | JoinKind::Mark(_) if build_left => Role::Mark,
        JoinKind::Semi | JoinKind::Anti | JoinKind::Mark(_) => Role::Filter(join.kind),
    };
    let place = |id: &ColumnId| {
        let at = |columns: &[ColumnId]| columns.iter().position(|have| have == id);
        if join.kind == JoinKind::Mark(*id) {
            return Ok(Place::Mark);
        }
        let found = at(probe_columns).map(Place::Probe).or_else(|| at(&built.form.columns).map(Place::Build));
        found.ok_or_else(|| Error::Plan(format!("column {id} comes from neither side of the join")))
    };
    let places: Vec<Place> = output.iter().map(place).collect::<Result<_>>()?;

    let compile = |conjuncts: &[Expr], null_aware: &[Expr]| {
        let wanted = !conjuncts.is_empty() || !null_aware.is_empty();
        let compile = || Conditions::compile(conjuncts, null_aware, probe_columns, &built.form.columns);
        wanted.then(compile).transpose()
    };
    let with_keys = built.form.keys.null_aware();
    let conditions = compile(&join.residual, if with_keys { &[] } else { &join.null_aware })?;
    let null_keys = if with_keys {
        // One key and no other condition: any candidate is NULL by itself.
        let obvious = join.keys.is_empty() && join.residual.is_empty() && join.null_aware.len() == 1;
        let equal = |(l, r): &(Expr, Expr)| Expr::call(Function::Eq, vec![l.clone(), r.clone()], boolean());
        let all: Vec<Expr> = join.keys.iter().map(equal).chain(join.residual.iter().cloned()).collect();
        let conditions = if obvious { None } else { compile(&all, &join.null_aware)? };
        let null_rows = std::mem::take(&mut built.null_rows);
        Some(NullKeys { first: built.form.keys.plain, null_rows, conditions })
    } else {
        None
    };
    let used = [conditions.as_ref(), null_keys.as_ref().and_then(|n| n.conditions.as_ref())];
    let mut wanted: Vec<ColumnId> = output.to_vec();
    for at in used.into_iter().flatten().flat_map(|c| c.build_columns()) {
        wanted.push(built.form.columns[*at]);
    }
    let columns = built.columns(&wanted);
    let preserved = build_left && join.kind != JoinKind::Inner;
    let by = if built.index.is_some() && conditions.is_none() { MarksBy::Entry } else { MarksBy::Row };
    let shared = Arc::new(Join {
        role,
        kind: join.kind,
        build_rows: built.rows,
        columns,
        output: places,
        index: built.index.take(),
        keys: Exprs::compile(&built.form.keys.probe, probe_columns)?,
        forms: built.form.keys.forms.clone(),
        strings: std::mem::take(&mut built.strings),
        layout: Arc::clone(&built.layout),
        tuples: built.tuples.clone(),
        conditions,
        null_keys,
        marks: preserved.then_some(by),
        _reservation: std::mem::replace(&mut built.reservation, context.memory.reservation()),
    });
    let (sender, receiver) = unbounded();
    let remainder: Option<Arc<dyn Source>> = shared.marks.map(|by| {
        let types = output.iter().map(|id| context.columns.ty(*id).sql.clone()).collect();
        Arc::new(Remainder::new(Arc::clone(&shared), by, receiver, types)) as Arc<dyn Source>
    });
    Ok((Arc::new(Probe { join: shared, marks: sender }), remainder))
}

/// The operator.
struct Probe {
    join: Arc<Join>,
    marks: Sender<Marks>,
}

impl Operator for Probe {
    fn start(&self) -> Box<dyn Stage> {
        let join = Arc::clone(&self.join);
        let lookup = Lookup::new(&join.forms, &join.strings, &join.layout, &join.tuples);
        let marks = join.marks.map(|by| Marks::new(join.marks_len(by)));
        Box::new(ProbeStage {
            lookup,
            found: Found::default(),
            pairs: Pairs::default(),
            marks,
            sender: self.marks.clone(),
            coalescer: Coalescer::default(),
            join,
        })
    }
}

/// A worker's end of the probe.
struct ProbeStage {
    join: Arc<Join>,
    lookup: Lookup,
    found: Found,
    pairs: Pairs,
    marks: Option<Marks>,
    sender: Sender<Marks>,
    coalescer: Coalescer,
}

impl Drop for ProbeStage {
    /// The worker is done: its marks go to whoever emits the build side's rows.
    fn drop(&mut self) {
        if let Some(marks) = self.marks.take() {
            // Nobody may want them: then the statement has failed.
            let _ = self.sender.send(marks);
        }
    }
}

impl Stage for ProbeStage {
    fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let join = Arc::clone(&self.join);
        let keys = join.keys.eval(&batch, &mut worker.scratch)?;
        match &join.index {
            Some(index) => index.find(self.lookup.keys(&keys, batch.rows)?, &mut self.found),
            None => {
                self.found.positions.clear();
                if join.build_rows > 0 {
                    self.found.positions.extend(0..batch.rows as u32);
                }
            }
        }
        match join.role {
            Role::Pairs { outer } => match &join.index {
                Some(index) if index.is_unique() && join.conditions.is_none() => {
                    self.push_unique(index, outer, batch, worker, out)
                }
                _ => self.push_pairs(outer, batch, worker, out),
            },
            Role::Mark => self.push_marks(batch, worker),
            Role::Filter(kind) => self.push_filter(kind, &keys, batch, worker, out),
        }
    }

    fn flush(&mut self, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        self.coalescer.flush(worker, out)
    }
}

impl ProbeStage {
    /// At most one match per row, and no further condition.
    fn push_unique(
        &mut self,
        index: &Index,
        outer: bool,
        batch: Batch,
        worker: &mut Worker,
        out: &mut Output<'_>,
    ) -> Result<Flow> {
        let Found { positions, entries, .. } = &mut self.found;
        if let Some(marks) = &mut self.marks {
            entries.iter().for_each(|&entry| marks.hit(entry));
        }
        index.entries_to_rows(entries);
        let all = positions.len() == batch.rows;
        let batch = if outer && !all {
            let mut rows = vec![NO_ROW; batch.rows];
            positions.iter().zip(entries.iter()).for_each(|(&at, &row)| rows[at as usize] = row);
            self.join.gather(&batch, None, &rows)?
        } else {
            self.join.gather(&batch, Some(positions).filter(|_| !all).map(|p| &p[..]), entries)?
        };
        self.coalescer.push(batch, worker, out)
    }

    /// Any number of matches per row, perhaps under conditions.
    fn push_pairs(
        &mut self,
        outer: bool,
        batch: Batch,
        worker: &mut Worker,
        out: &mut Output<'_>,
    ) -> Result<Flow> {
        let join = Arc::clone(&self.join);
        let mut matched = vec![false; if outer { batch.rows } else { 0 }];
        if let (Some(marks), Some(MarksBy::Entry)) = (&mut self.marks, join.marks) {
            self.found.entries.iter().for_each(|&entry| marks.hit(entry));
        }
        let mut cursor = Cursor::default();
        while cursor.fill(&self.found.positions, &join.candidates(&self.found), |_| false, &mut self.pairs) {
            if worker.check()? == Flow::Stop {
                return Ok(Flow::Stop);
            }
            let pairs = &mut self.pairs;
            if let Some(conditions) = &join.conditions {
                conditions.apply(pairs, &batch, &join.columns, &mut worker.scratch, |_, _, _| {})?;
            }
            if outer {
                pairs.probe.iter().for_each(|&row| matched[row as usize] = true);
            }
            if let (Some(marks), Some(MarksBy::Row)) = (&mut self.marks, join.marks) {
                pairs.build.iter().for_each(|&row| marks.hit(row));
            }
            let joined = join.gather(&batch, Some(&pairs.probe), &pairs.build)?;
            if self.coalescer.push(joined, worker, out)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        let alone: Vec<u32> = (0..batch.rows as u32).filter(|&row| outer && !matched[row as usize]).collect();
        if alone.is_empty() {
            return Ok(Flow::Continue);
        }
        let joined = join.gather(&batch, Some(&alone), &vec![NO_ROW; alone.len()])?;
        self.coalescer.push(joined, worker, out)
    }

    /// Marks the build rows that have a match.
    fn push_marks(&mut self, batch: Batch, worker: &mut Worker) -> Result<Flow> {
        let join = Arc::clone(&self.join);
        let Some(marks) = &mut self.marks else { return Ok(Flow::Continue) };
        if join.marks == Some(MarksBy::Entry) {
            self.found.entries.iter().for_each(|&entry| marks.hit(entry));
            return Ok(Flow::Continue);
        }
        let Some(conditions) = &join.conditions else {
            // No keys and no conditions: any row is a match of all.
            marks.hit_all();
            return Ok(Flow::Continue);
        };
        let mut cursor = Cursor::default();
        while cursor.fill(&self.found.positions, &join.candidates(&self.found), |_| false, &mut self.pairs) {
            if worker.check()? == Flow::Stop {
                return Ok(Flow::Stop);
            }
            let verdict = |_, row, certain| if certain { marks.hit(row) } else { marks.perhaps(row) };
            conditions.apply(&mut self.pairs, &batch, &join.columns, &mut worker.scratch, verdict)?;
            if !conditions.is_null_aware() {
                self.pairs.build.iter().for_each(|&row| marks.hit(row));
            }
        }
        Ok(Flow::Continue)
    }

    /// Lets probe rows through, or not.
    fn push_filter(
        &mut self,
        kind: JoinKind,
        keys: &[ArrayRef],
        batch: Batch,
        worker: &mut Worker,
        out: &mut Output<'_>,
    ) -> Result<Flow> {
        let join = Arc::clone(&self.join);
        if join.conditions.is_none() && join.null_keys.is_none() && kind == JoinKind::Semi {
            let all = self.found.positions.len() == batch.rows;
            let batch = join.gather(&batch, Some(&self.found.positions[..]).filter(|_| !all), &[])?;
            return self.coalescer.push(batch, worker, out);
        }
        let mut states = vec![State::None; batch.rows];
        match &join.conditions {
            None => self.found.positions.iter().for_each(|&row| states[row as usize] = State::Match),
            Some(conditions) => {
                let candidates = join.candidates(&self.found);
                let probe = &self.found.positions;
                judge(conditions, probe, &candidates, &join, &batch, &mut self.pairs, worker, &mut states)?;
            }
        }
        if let Some(null_keys) = &join.null_keys {
            null_keys.second_look(&join, keys, &batch, &mut self.pairs, worker, &mut states)?;
        }
        let batch = match kind {
            JoinKind::Mark(_) => join.marked(&batch, &states),
            _ => {
                let wanted = if kind == JoinKind::Semi { State::Match } else { State::None };
                let rows: Vec<u32> =
                    (0..batch.rows as u32).filter(|&row| states[row as usize] == wanted).collect();
                let all = rows.len() == batch.rows;
                join.gather(&batch, Some(&rows[..]).filter(|_| !all), &[])?
            }
        };
        self.coalescer.push(batch, worker, out)
    }
}

/// What is known of a probe row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// No pair is TRUE or NULL.
    None,
    /// Some pair is NULL.
    Perhaps,
    /// Some pair is TRUE.
    Match,
}

/// Evaluates conditions over all candidates of rows without a match so far.
fn judge(
    conditions: &Conditions,
    probe: &[u32],
    candidates: &Candidates<'_>,
    join: &Join,
    batch: &Batch,
    pairs: &mut Pairs,
    worker: &mut Worker,
    states: &mut [State],
) -> Result<()> {
    let mut cursor = Cursor::default();
    while cursor.fill(probe, candidates, |row| states[row as usize] == State::Match, pairs) {
        worker.check()?;
        let verdict = |row: u32, _, certain| {
            let state = &mut states[row as usize];
            *state = match (certain, *state) {
                (true, _) | (_, State::Match) => State::Match,
                (false, _) => State::Perhaps,
            };
        };
        conditions.apply(pairs, batch, &join.columns, &mut worker.scratch, verdict)?;
        if !conditions.is_null_aware() {
            pairs.probe.iter().for_each(|&row| states[row as usize] = State::Match);
        }
    }
    Ok(())
}

impl NullKeys {
    /// Rows without a match may have a pair that is NULL: with any build row if a key of theirs is NULL, else with those
    /// whose key is.
    fn second_look(
        &self,
        join: &Join,
        keys: &[ArrayRef],
        batch: &Batch,
        pairs: &mut Pairs,
        worker: &mut Worker,
        states: &mut [State],
    ) -> Result<()> {
        let nulls: Vec<NullBuffer> = keys[self.first..].iter().filter_map(|k| k.logical_nulls()).collect();
        let open = (0..batch.rows as u32).filter(|&row| states[row as usize] == State::None);
        let null = |row: &u32| nulls.iter().any(|n| n.is_null(*row as usize));
        let (null, other): (Vec<u32>, Vec<u32>) = open.partition(null);
        let everything = Candidates::All(Rows::Range(0..join.build_rows as u32));
        for (rows, candidates, any) in [
            (null, everything, join.build_rows > 0),
            (other, Candidates::All(Rows::List(&self.null_rows)), !self.null_rows.is_empty()),
        ] {
            if !any {
                continue;
            }
            match &self.conditions {
                None => rows.iter().for_each(|&row| states[row as usize] = State::Perhaps),
                Some(conditions) => {
                    judge(conditions, &rows, &candidates, join, batch, pairs, worker, states)?;
                }
            }
        }
        Ok(())
    }
}

impl Join {
    fn candidates<'a>(&'a self, found: &'a Found) -> Candidates<'a> {
        match &self.index {
            Some(index) => Candidates::Entries(index, &found.entries),
            None => Candidates::All(Rows::Range(0..self.build_rows as u32)),
        }
    }

    /// How many marks there are.
    pub fn marks_len(&self, by: MarksBy) -> usize {
        match (by, &self.index) {
            (MarksBy::Entry, Some(index)) => index.entries(),
            _ => self.build_rows,
        }
    }

    /// The output columns of these probe rows (`None` = all) beside these build rows.
    fn gather(&self, batch: &Batch, probe: Option<&[u32]>, build: &[u32]) -> Result<Batch> {
        let rows = probe.map_or(batch.rows, <[u32]>::len);
        let column = |place: &Place| match *place {
            Place::Probe(at) => Ok(match probe {
                Some(rows) => take(&batch.columns[at], rows),
                None => Arc::clone(&batch.columns[at]),
            }),
            Place::Build(at) => Ok(take_or_null(self.column(at)?, build)),
            Place::Mark => Err(Error::Panic("a mark where there are pairs".into())),
        };
        Ok(Batch { columns: self.output.iter().map(column).collect::<Result<_>>()?, rows })
    }

    /// A column of the build side.
    pub fn column(&self, at: usize) -> Result<&ArrayRef> {
        self.columns[at].as_ref().ok_or_else(|| Error::Panic("a build column was not kept".into()))
    }

    /// All probe rows and whether they have a match.
    fn marked(&self, batch: &Batch, states: &[State]) -> Batch {
        let column = |place: &Place| match *place {
            Place::Probe(at) => Arc::clone(&batch.columns[at]),
            Place::Build(_) | Place::Mark => mark_column(states.iter().copied()),
        };
        Batch { columns: self.output.iter().map(column).collect(), rows: batch.rows }
    }
}

/// TRUE, FALSE and NULL.
pub(crate) fn mark_column(states: impl Iterator<Item = State>) -> ArrayRef {
    let truth = states.map(|state| match state {
        State::None => Some(0),
        State::Perhaps => None,
        State::Match => Some(1),
    });
    Arc::new(truth.collect::<Int64Array>())
}

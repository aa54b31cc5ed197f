//! Merge join: both inputs come sorted by the keys.
//!
//! The right side is kept, in its order, as columns beside normalised keys (`sort::keys`); the left side streams past in a
//! [`Stage`]. A left row's matches are a run of right rows: the stage remembers where the last run began and finds the next
//! by galloping (1, 2, 4, … rows ahead, then halving), so a batch costs about as many comparisons as it has rows, while a
//! worker that takes up a task in the middle finds its place in logarithmic time. Rows come out in the order of the left
//! side: within a task by construction, across tasks by the pipeline's own order.
//!
//! A key that is NULL equals nothing, and is skipped whichever end of the order NULLs are at. If a batch's keys do not
//! ascend, the gallop starts anew: the answer does not depend on the left side's order, only its speed does. On the right
//! the order is a promise of the plan; where it is broken the rows are sorted, since to trust it would be to lose matches.
//!
//! Left out: streaming the right side. It is held as a whole and charged to the statement's account.

mod side;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::physical::{JoinKind, MergeJoin};
use arrow::array::{ArrayRef, Int64Array};

pub(crate) use side::RightSide;
use side::{Position, SideKeys};

use crate::batch::{Batch, NO_ROW, take, take_or_null};
use crate::error::{Error, Result};
use crate::hash_join::pairs::{Conditions, PAIRS_MAX, Pairs};
use crate::pipeline::{Coalescer, Flow, Operator, Output, Stage, Worker};
use crate::sort::keys::KeyMaker;

/// Where an output column comes from.
#[derive(Clone, Copy)]
enum Place {
    Left(usize),
    Right(usize),
    Mark,
}

/// The operator.
pub(crate) struct Merge(Arc<Shared>);

struct Shared {
    kind: JoinKind,
    right: RightSide,
    left: SideKeys,
    conditions: Option<Conditions>,
    output: Vec<Place>,
}

impl Merge {
    /// An operator over batches of `left_columns` that yields `output`.
    pub fn new(
        join: &MergeJoin,
        right: RightSide,
        left_columns: &[ColumnId],
        output: &[ColumnId],
    ) -> Result<Merge> {
        let left = SideKeys::new(join, |(left, _)| left, left_columns)?;
        let wanted = !join.residual.is_empty() || !join.null_aware.is_empty();
        let compile = || Conditions::compile(&join.residual, &join.null_aware, left_columns, &right.columns);
        let conditions = wanted.then(compile).transpose()?;
        let place = |id: &ColumnId| {
            if join.kind == JoinKind::Mark(*id) {
                return Ok(Place::Mark);
            }
            let at = |columns: &[ColumnId]| columns.iter().position(|have| have == id);
            let found = at(left_columns).map(Place::Left).or_else(|| at(&right.columns).map(Place::Right));
            found.ok_or_else(|| Error::Plan(format!("column {id} comes from neither side of the join")))
        };
        let output = output.iter().map(place).collect::<Result<_>>()?;
        Ok(Merge(Arc::new(Shared { kind: join.kind, right, left, conditions, output })))
    }
}

impl Operator for Merge {
    fn start(&self) -> Box<dyn Stage> {
        Box::new(MergeStage {
            maker: self.0.left.maker(),
            shared: Arc::clone(&self.0),
            position: Position::default(),
            pairs: Pairs::default(),
            coalescer: Coalescer::default(),
        })
    }
}

struct MergeStage {
    shared: Arc<Shared>,
    maker: KeyMaker,
    position: Position,
    pairs: Pairs,
    coalescer: Coalescer,
}

/// What is known of a left row: whether it has a match, and if not whether it may have one.
#[derive(Clone, Copy, PartialEq)]
enum State {
    None,
    Perhaps,
    Match,
}

impl Stage for MergeStage {
    fn push(&mut self, batch: Batch, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let shared = Arc::clone(&self.shared);
        let (keys, whole) = shared.left.keys(&mut self.maker, &batch, &mut worker.scratch)?;
        let exists = !shared.kind.keeps_right() && shared.conditions.is_none();
        let mut run = Run { states: vec![State::None; batch.rows], settled: 0, batch };
        for row in 0..run.batch.rows {
            if whole.as_ref().is_some_and(|whole| whole.is_null(row)) {
                continue;
            }
            let mut matches = self.position.seek(&shared.right, keys.get(row));
            if exists {
                if !matches.is_empty() {
                    run.states[row] = State::Match;
                }
                continue;
            }
            while !matches.is_empty() {
                let taken = matches.len().min(PAIRS_MAX - self.pairs.probe.len());
                self.pairs.build.extend((matches.start..matches.start + taken).map(|at| at as u32));
                self.pairs.probe.resize(self.pairs.build.len(), row as u32);
                matches.start += taken;
                if self.pairs.probe.len() == PAIRS_MAX
                    && (worker.check()? == Flow::Stop
                        || self.settle(&mut run, row, worker, out)? == Flow::Stop)
                {
                    self.pairs = Pairs::default();
                    return Ok(Flow::Stop);
                }
            }
        }
        let rows = run.batch.rows;
        if self.settle(&mut run, rows, worker, out)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
        match shared.kind {
            JoinKind::Inner | JoinKind::Left => Ok(Flow::Continue),
            kind => self.emit_left(kind, &run, worker, out),
        }
    }

    fn flush(&mut self, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        self.coalescer.flush(worker, out)
    }
}

/// A batch of the left side on its way.
struct Run {
    batch: Batch,
    states: Vec<State>,
    /// Rows before this one have had their output.
    settled: usize,
}

impl MergeStage {
    /// Checks the pairs that are there and emits what comes of them. All pairs of rows before `complete` have been seen.
    fn settle(
        &mut self,
        run: &mut Run,
        complete: usize,
        worker: &mut Worker,
        out: &mut Output<'_>,
    ) -> Result<Flow> {
        let shared = Arc::clone(&self.shared);
        let pairs = &mut self.pairs;
        let mut decided = false;
        if let Some(conditions) = &shared.conditions {
            decided = conditions.is_null_aware();
            let states = &mut run.states;
            let verdict = |left: u32, _, certain| {
                let state = &mut states[left as usize];
                match certain {
                    true => *state = State::Match,
                    false if *state == State::None => *state = State::Perhaps,
                    false => {}
                }
            };
            conditions.apply(pairs, &run.batch, &shared.right.arrays, &mut worker.scratch, verdict)?;
        }
        let left_joined = shared.kind == JoinKind::Left;
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let unmatched = |run: &mut Run, end: usize, left: &mut Vec<u32>, right: &mut Vec<u32>| {
            for row in run.settled..end.max(run.settled) {
                if left_joined && run.states[row] != State::Match {
                    left.push(row as u32);
                    right.push(NO_ROW);
                }
            }
            run.settled = run.settled.max(end);
        };
        for (&row, &build) in pairs.probe.iter().zip(&pairs.build) {
            if shared.kind.keeps_right() {
                unmatched(run, row as usize, &mut left, &mut right);
                left.push(row);
                right.push(build);
            }
            if !decided {
                run.states[row as usize] = State::Match;
            }
        }
        unmatched(run, complete, &mut left, &mut right);
        pairs.probe.clear();
        pairs.build.clear();
        if left.is_empty() {
            return Ok(Flow::Continue);
        }
        let column = |place: &Place| match *place {
            Place::Left(at) => Ok(take(&run.batch.columns[at], &left)),
            Place::Right(at) => match &shared.right.arrays[at] {
                Some(array) => Ok(take_or_null(array, &right)),
                None => Err(Error::Plan("a column of the right side was not kept".into())),
            },
            Place::Mark => Err(Error::Plan("only a mark join yields a mark".into())),
        };
        let columns = shared.output.iter().map(column).collect::<Result<_>>()?;
        self.coalescer.push(Batch { columns, rows: left.len() }, worker, out)
    }

    /// The left rows of a semi, anti or mark join, once all their pairs have been seen.
    fn emit_left(
        &mut self,
        kind: JoinKind,
        run: &Run,
        worker: &mut Worker,
        out: &mut Output<'_>,
    ) -> Result<Flow> {
        let wanted = |state: State| match kind {
            JoinKind::Semi => state == State::Match,
            JoinKind::Anti => state == State::None,
            JoinKind::Mark(_) | JoinKind::Inner | JoinKind::Left => true,
        };
        let rows: Vec<u32> =
            (0..).zip(&run.states).filter(|(_, state)| wanted(**state)).map(|(row, _)| row).collect();
        if rows.is_empty() {
            return Ok(Flow::Continue);
        }
        let column = |place: &Place| match *place {
            Place::Left(at) => Ok(take(&run.batch.columns[at], &rows)),
            Place::Mark => Ok(mark(&run.states)),
            Place::Right(_) => Err(Error::Plan("a join that tests for matches yields none of them".into())),
        };
        let columns = self.shared.output.iter().map(column).collect::<Result<_>>()?;
        self.coalescer.push(Batch { columns, rows: rows.len() }, worker, out)
    }
}

/// Whether there is a match, as a value.
fn mark(states: &[State]) -> ArrayRef {
    let values = states.iter().map(|state| match state {
        State::None => Some(0),
        State::Perhaps => None,
        State::Match => Some(1),
    });
    Arc::new(values.collect::<Int64Array>())
}

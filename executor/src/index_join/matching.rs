//! Outer rows beside what their lookups found.

use std::sync::Arc;

use allod_planner::column::ColumnId;
use allod_planner::expr::Expr;
use allod_planner::physical::JoinKind;
use arrow::array::ArrayRef;

use super::is_existence;
use crate::batch::{Batch, NO_ROW, take, take_or_null};
use crate::error::{Error, Result};
use crate::hash_join::{Conditions, PAIRS_MAX, Pairs, State, mark_column};
use crate::lookup::{Found, Keys, starts};
use crate::pipeline::{Coalescer, Flow, Output, Worker};

/// How rows are matched and what comes out; immutable, shared by workers.
pub(super) struct Matcher {
    kind: JoinKind,
    conditions: Option<Conditions>,
    output: Vec<Place>,
}

/// Where an output column comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Outer(usize),
    Inner(usize),
    Mark,
}

/// Buffers that are used again.
#[derive(Default)]
pub(super) struct Scratchpad {
    pairs: Pairs,
    merged: Pairs,
}

/// The finds of each outer row.
struct Runs<'a> {
    keys: &'a Keys,
    found: &'a Found,
    /// By lookup, one more than there are.
    starts: Vec<u32>,
}

impl Runs<'_> {
    #[inline]
    fn of(&self, row: usize) -> std::ops::Range<u32> {
        match self.keys.of(row) {
            NO_ROW => 0..0,
            lookup => self.starts[lookup as usize]..self.starts[lookup as usize + 1],
        }
    }
}

/// Where the enumeration of pairs stands.
#[derive(Default)]
struct Cursor {
    row: usize,
    taken: u32,
}

impl Matcher {
    /// Compiles the conditions over both sides' columns.
    pub fn new(
        kind: JoinKind,
        conditions: &[Expr],
        null_aware: &[Expr],
        outer: &[ColumnId],
        inner: &[ColumnId],
        output: &[ColumnId],
    ) -> Result<Matcher> {
        let place = |id: &ColumnId| {
            let at = |columns: &[ColumnId]| columns.iter().position(|have| have == id);
            if kind == JoinKind::Mark(*id) {
                return Ok(Place::Mark);
            }
            let found = at(outer).map(Place::Outer).or_else(|| at(inner).map(Place::Inner));
            found.ok_or_else(|| Error::Plan(format!("column {id} comes from neither side of the join")))
        };
        let output: Vec<Place> = output.iter().map(place).collect::<Result<_>>()?;
        if is_existence(kind) && output.iter().any(|place| matches!(place, Place::Inner(_))) {
            return Err(Error::Plan("a join that only asks for existence has no inner columns".into()));
        }
        let any = !conditions.is_empty() || !null_aware.is_empty();
        let conditions =
            any.then(|| Conditions::compile(conditions, null_aware, outer, inner)).transpose()?;
        Ok(Matcher { kind, conditions, output })
    }

    /// Whether one row of each lookup says everything.
    pub fn is_existence(&self) -> bool {
        is_existence(self.kind) && self.conditions.is_none()
    }

    /// Emits what a batch of outer rows comes to.
    pub fn join(
        &self,
        batch: &Batch,
        keys: &Keys,
        found: &Found,
        pad: &mut Scratchpad,
        coalescer: &mut Coalescer,
        worker: &mut Worker,
        out: &mut Output<'_>,
    ) -> Result<Flow> {
        let runs = Runs { keys, found, starts: starts(&found.lookups, keys.count) };
        if is_existence(self.kind) {
            let states = self.judge(batch, &runs, pad, worker)?;
            return coalescer.push(self.decided(batch, &states), worker, out);
        }
        let outer = self.kind == JoinKind::Left;
        let inner: Option<Vec<Option<ArrayRef>>> =
            self.conditions.is_some().then(|| found.columns.iter().map(|c| Some(Arc::clone(c))).collect());
        let mut cursor = Cursor::default();
        let mut matched = vec![false; if outer && inner.is_some() { batch.rows } else { 0 }];
        // Outer rows before this one have come out, if they are due without a match.
        let mut settled = 0;
        while cursor.row < batch.rows {
            let alone = outer && inner.is_none();
            cursor.fill(batch.rows, &runs, alone, |_| false, &mut pad.pairs);
            let mut pairs = &pad.pairs;
            if let (Some(conditions), Some(inner)) = (&self.conditions, &inner) {
                if !pad.pairs.probe.is_empty() {
                    conditions.apply(&mut pad.pairs, batch, inner, &mut worker.scratch, |_, _, _| {})?;
                }
                pairs = &pad.pairs;
                if outer {
                    pairs.probe.iter().for_each(|&row| matched[row as usize] = true);
                    // The row that the cursor is in is not finished yet.
                    with_unmatched(pairs, &matched, &mut settled, cursor.row as u32, &mut pad.merged);
                    pairs = &pad.merged;
                }
            }
            let joined = self.gather(batch, found, pairs);
            if coalescer.push(joined, worker, out)? == Flow::Stop || worker.check()? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    /// What is known of each outer row when all of its candidates have been looked at.
    fn judge(
        &self,
        batch: &Batch,
        runs: &Runs<'_>,
        pad: &mut Scratchpad,
        worker: &mut Worker,
    ) -> Result<Vec<State>> {
        let mut states = vec![State::None; batch.rows];
        let Some(conditions) = &self.conditions else {
            for (row, state) in states.iter_mut().enumerate() {
                if !runs.of(row).is_empty() {
                    *state = State::Match;
                }
            }
            return Ok(states);
        };
        let inner: Vec<Option<ArrayRef>> = runs.found.columns.iter().map(|c| Some(Arc::clone(c))).collect();
        let mut cursor = Cursor::default();
        while cursor.row < batch.rows {
            let done = |row: u32| states[row as usize] == State::Match;
            cursor.fill(batch.rows, runs, false, done, &mut pad.pairs);
            if pad.pairs.probe.is_empty() {
                continue;
            }
            worker.check()?;
            let verdict = |row: u32, _, certain| {
                let state = &mut states[row as usize];
                *state = if certain || *state == State::Match { State::Match } else { State::Perhaps };
            };
            conditions.apply(&mut pad.pairs, batch, &inner, &mut worker.scratch, verdict)?;
            if !conditions.is_null_aware() {
                pad.pairs.probe.iter().for_each(|&row| states[row as usize] = State::Match);
            }
        }
        Ok(states)
    }

    /// The rows of a semi, anti or mark join.
    fn decided(&self, batch: &Batch, states: &[State]) -> Batch {
        let rows: Option<Vec<u32>> = match self.kind {
            JoinKind::Mark(_) => None,
            kind => {
                // NULL is "perhaps": NOT IN drops the row, and so does IN.
                let wanted = if kind == JoinKind::Anti { State::None } else { State::Match };
                let due = |row: &u32| states[*row as usize] == wanted;
                let rows: Vec<u32> = (0..batch.rows as u32).filter(due).collect();
                Some(rows).filter(|rows| rows.len() < batch.rows)
            }
        };
        let column = |place: &Place| match (*place, &rows) {
            (Place::Outer(at), Some(rows)) => take(&batch.columns[at], rows),
            (Place::Outer(at), None) => Arc::clone(&batch.columns[at]),
            (Place::Mark | Place::Inner(_), _) => mark_column(states.iter().copied()),
        };
        let columns = self.output.iter().map(column).collect();
        Batch { columns, rows: rows.map_or(batch.rows, |rows| rows.len()) }
    }

    /// The output columns of these pairs.
    fn gather(&self, batch: &Batch, found: &Found, pairs: &Pairs) -> Batch {
        let rows = pairs.probe.len();
        let (outer, inner) = (consecutive(&pairs.probe), consecutive(&pairs.build));
        let column = |place: &Place| match *place {
            Place::Outer(at) => pick(&batch.columns[at], &pairs.probe, outer),
            Place::Inner(at) => pick(&found.columns[at], &pairs.build, inner),
            // Only joins that ask for existence have one.
            Place::Mark => mark_column(std::iter::repeat_n(State::Match, rows)),
        };
        Batch { columns: self.output.iter().map(column).collect(), rows }
    }
}

/// The first of rows that follow each other, if they do.
fn consecutive(rows: &[u32]) -> Option<u32> {
    let (&first, &last) = (rows.first()?, rows.last()?);
    // NO_ROW is the greatest number: before row 0 it would look like its neighbour.
    let follow = last != NO_ROW
        && last.checked_sub(first).is_some_and(|span| span as usize == rows.len() - 1)
        && rows.iter().zip(first..=last).all(|(&row, expected)| row == expected);
    follow.then_some(first)
}

fn pick(column: &ArrayRef, rows: &[u32], consecutive: Option<u32>) -> ArrayRef {
    match consecutive {
        Some(first) => column.slice(first as usize, rows.len()),
        None => take_or_null(column, rows),
    }
}

impl Cursor {
    /// Fills a run with the next pairs. With `alone` an outer row without any comes beside no row.
    fn fill(
        &mut self,
        rows: usize,
        runs: &Runs<'_>,
        alone: bool,
        done: impl Fn(u32) -> bool,
        pairs: &mut Pairs,
    ) {
        let Pairs { probe, build } = pairs;
        probe.clear();
        build.clear();
        while self.row < rows && probe.len() < PAIRS_MAX {
            let run = runs.of(self.row);
            let row = self.row as u32;
            if run.is_empty() || done(row) {
                if alone && run.is_empty() {
                    probe.push(row);
                    build.push(NO_ROW);
                }
                (self.row, self.taken) = (self.row + 1, 0);
                continue;
            }
            let from = run.start + self.taken;
            let count = (run.end - from).min((PAIRS_MAX - probe.len()) as u32);
            match &runs.found.order {
                None => build.extend(from..from + count),
                Some(order) => build.extend_from_slice(&order[from as usize..(from + count) as usize]),
            }
            probe.resize(build.len(), row);
            self.taken += count;
            if from + count == run.end {
                (self.row, self.taken) = (self.row + 1, 0);
            }
        }
    }
}

/// Puts the outer rows that turned out to have no match between the pairs, in outer order. Rows before `finished` have seen
/// all their candidates; `settled` is the first that was not looked at yet.
fn with_unmatched(pairs: &Pairs, matched: &[bool], settled: &mut u32, finished: u32, merged: &mut Pairs) {
    merged.probe.clear();
    merged.build.clear();
    let mut skip_to = |to: u32, merged: &mut Pairs| {
        for row in *settled..to {
            if !matched[row as usize] {
                merged.probe.push(row);
                merged.build.push(NO_ROW);
            }
        }
        *settled = to.max(*settled);
    };
    for (&outer, &inner) in pairs.probe.iter().zip(&pairs.build) {
        skip_to(outer, merged);
        merged.probe.push(outer);
        merged.build.push(inner);
    }
    skip_to(finished, merged);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_follow_each_other_are_all_rows() {
        for (rows, first) in [
            (&[][..], None),
            (&[7], Some(7)),
            (&[0, 1, 2], Some(0)),
            (&[4, 5, 7], None),
            (&[5, 4], None),
            (&[NO_ROW], None),
            (&[NO_ROW - 1, NO_ROW], None),
            (&[NO_ROW, 0], None),
            (&[NO_ROW, 0, 1, 2], None),
        ] {
            assert_eq!(consecutive(rows), first, "{rows:?}");
        }
    }
}

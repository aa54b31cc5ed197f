//! What the build side still owes when all probe rows have been looked up.
//!
//! If the preserved side of an outer, semi, anti or mark join is the one that was built, each probing worker marks the
//! entries or rows that it found, in bitmaps of its own. When the last worker is done they are added up, and the rows that
//! are due come out of here.

use std::sync::{Arc, OnceLock};

use allod_planner::physical::JoinKind;
use allod_storage::schema::SqlType;
use crossbeam_channel::Receiver;

use super::index::Rows;
use super::pairs::PAIRS_MAX;
use super::probe::{Join, MarksBy, Place, State, mark_column};
use crate::batch::{Batch, null_column, take};
use crate::error::{Error, Result};
use crate::pipeline::{Flow, Output, Reader, Source, Worker};

/// Which entries or rows of the build side have a match, as far as one worker knows.
#[derive(Debug)]
pub(super) struct Marks {
    hits: Vec<u64>,
    /// Pairs that are NULL; empty until there is one.
    perhaps: Vec<u64>,
}

impl Marks {
    /// None of so many.
    pub fn new(len: usize) -> Marks {
        Marks { hits: vec![0; len.div_ceil(64)], perhaps: Vec::new() }
    }

    /// Has a match.
    #[inline]
    pub fn hit(&mut self, at: u32) {
        self.hits[at as usize >> 6] |= 1 << (at & 63);
    }

    /// All have.
    pub fn hit_all(&mut self) {
        self.hits.fill(u64::MAX);
    }

    /// Has a pair that is NULL.
    pub fn perhaps(&mut self, at: u32) {
        self.perhaps.resize(self.hits.len(), 0);
        self.perhaps[at as usize >> 6] |= 1 << (at & 63);
    }

    fn merge(&mut self, other: &Marks) {
        self.hits.iter_mut().zip(&other.hits).for_each(|(a, b)| *a |= b);
        self.perhaps.resize(self.perhaps.len().max(other.perhaps.len()), 0);
        self.perhaps.iter_mut().zip(&other.perhaps).for_each(|(a, b)| *a |= b);
    }

    fn state(&self, at: usize) -> State {
        let bit = |bits: &[u64]| bits.get(at >> 6).is_some_and(|word| word >> (at & 63) & 1 == 1);
        if bit(&self.hits) {
            State::Match
        } else if bit(&self.perhaps) {
            State::Perhaps
        } else {
            State::None
        }
    }
}

/// The build rows that are due, as a source that runs after the probe.
pub(super) struct Remainder {
    join: Arc<Join>,
    by: MarksBy,
    marks: Receiver<Marks>,
    /// Types of the output columns.
    types: Arc<[SqlType]>,
    /// Known when the probe has ended.
    due: OnceLock<Arc<Due>>,
}

struct Due {
    rows: Vec<u32>,
    /// By row, for mark joins.
    states: Vec<State>,
}

impl Remainder {
    /// Waits for the marks of the join's workers.
    pub fn new(join: Arc<Join>, by: MarksBy, marks: Receiver<Marks>, types: Vec<SqlType>) -> Remainder {
        Remainder { join, by, marks, types: types.into(), due: OnceLock::new() }
    }

    /// The state of each row, from the marks that workers have sent.
    fn states(&self) -> Vec<State> {
        let mut marks = Marks::new(self.join.marks_len(self.by));
        self.marks.try_iter().for_each(|of_worker| marks.merge(&of_worker));
        match (self.by, &self.join.index) {
            (MarksBy::Entry, Some(index)) => {
                let mut states = vec![State::None; self.join.build_rows];
                let matched = (0..index.entries()).filter(|&e| marks.state(e) == State::Match);
                for entry in matched {
                    match index.rows(entry as u32) {
                        Rows::Range(range) => {
                            states[range.start as usize..range.end as usize].fill(State::Match)
                        }
                        Rows::List(rows) => {
                            rows.iter().for_each(|&row| states[row as usize] = State::Match);
                        }
                    }
                }
                states
            }
            _ => (0..self.join.build_rows).map(|row| marks.state(row)).collect(),
        }
    }
}

impl Source for Remainder {
    fn tasks(&self) -> usize {
        let due = self.due.get_or_init(|| {
            let states = self.states();
            let is_due = |row: &u32| {
                let state = states[*row as usize];
                match self.join.kind {
                    JoinKind::Semi => state == State::Match,
                    JoinKind::Inner | JoinKind::Left | JoinKind::Anti => state == State::None,
                    JoinKind::Mark(_) => true,
                }
            };
            let rows = (0..self.join.build_rows as u32).filter(is_due).collect();
            Arc::new(Due { rows, states })
        });
        due.rows.len().div_ceil(PAIRS_MAX)
    }

    fn start(&self) -> Box<dyn Reader> {
        Box::new(RemainderReader {
            join: Arc::clone(&self.join),
            types: Arc::clone(&self.types),
            due: self.due.get().map(Arc::clone),
        })
    }
}

struct RemainderReader {
    join: Arc<Join>,
    types: Arc<[SqlType]>,
    due: Option<Arc<Due>>,
}

impl Reader for RemainderReader {
    fn read(&mut self, task: usize, worker: &mut Worker, out: &mut Output<'_>) -> Result<Flow> {
        let due =
            self.due.as_ref().ok_or_else(|| Error::Panic("read before the tasks were counted".into()))?;
        let rows = &due.rows[task * PAIRS_MAX..due.rows.len().min((task + 1) * PAIRS_MAX)];
        let column = |(place, ty): (&Place, &SqlType)| match *place {
            Place::Build(at) => Ok(take(self.join.column(at)?, rows)),
            Place::Probe(_) => Ok(null_column(ty, rows.len())),
            Place::Mark => Ok(mark_column(rows.iter().map(|&row| due.states[row as usize]))),
        };
        let columns = self.join.output.iter().zip(self.types.iter()).map(column).collect::<Result<_>>()?;
        out.emit(worker, Batch { columns, rows: rows.len() })
    }
}

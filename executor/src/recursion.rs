//! WITH RECURSIVE, round by round.
//!
//! The rows of a recursion are those to begin with, what the step makes of them, what it makes of that, until a round makes
//! nothing (new). The step reads the last round alone, as a common table expression that holds just that. So
//! `WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 3)` has the rounds 1, 2, 3 and an empty one.
//! With UNION DISTINCT a row that has been there is not in its round: a walk along the edges of a graph ends, whatever circles
//! it has. [`Rounds`] keeps what has been made, knows it again, and says when it is over; the builder runs the step.
//!
//! A step is planned once and built anew for each round, over other rows; what its operators are compiled to is kept. Its
//! estimates are those of no rows, for nobody knows them. Left out: pushing a condition on what the step passes on unchanged
//! into the rows to begin with.

use allod_planner::physical::Recursion;
use allod_storage::schema::SqlType;

use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::key::{Encoder, Form, Interner, fold};
use crate::pipeline::{Materialized, Memory, Reservation};

/// What a recursion has made.
pub(crate) struct Rounds {
    rounds_max: u64,
    rows_max: Option<u64>,
    /// The columns that the step reads.
    pick: Vec<usize>,
    /// `None` = the same row may come again.
    seen: Option<Seen>,
    batches: Vec<Batch>,
    rows: usize,
    /// How often the step was run.
    steps: u64,
    reservation: Reservation,
}

impl Rounds {
    /// Of rows that are told apart, if they are, by the columns at these places, of these types. The step reads the columns at
    /// `pick`.
    pub fn new(
        recursion: &Recursion,
        keys: Option<Vec<(usize, &SqlType)>>,
        pick: Vec<usize>,
        memory: &Memory,
    ) -> Rounds {
        let seen = keys.map(|keys| Seen {
            keys: keys.into_iter().map(|(at, ty)| (at, Encoder::new(Form::of(ty)))).collect(),
            rows: Interner::default(),
        });
        let (rounds_max, rows_max) = (recursion.rounds_max, recursion.rows_max);
        let reservation = memory.reservation();
        Rounds { rounds_max, rows_max, pick, seen, batches: Vec::new(), rows: 0, steps: 0, reservation }
    }

    /// Takes the rows of a round. Returns what the step is to be run over next; `None` = it is over.
    ///
    /// # Errors
    /// 3636 if there were too many rounds; if they do not fit into memory.
    pub fn add(&mut self, made: Materialized) -> Result<Option<Materialized>> {
        let mut last = Vec::new();
        for batch in made.batches {
            let batch = match &mut self.seen {
                Some(seen) => seen.fresh(batch, &mut self.reservation)?,
                None => batch,
            };
            if batch.rows == 0 {
                continue;
            }
            self.reservation.grow(batch.bytes())?;
            self.rows += batch.rows;
            let columns = self.pick.iter().map(|&at| batch.columns[at].clone()).collect();
            last.push(Batch::new(columns, batch.rows));
            self.batches.push(batch);
        }
        if last.is_empty() || self.rows_max.is_some_and(|max| self.rows as u64 >= max) {
            return Ok(None);
        }
        self.steps += 1;
        if self.steps > self.rounds_max {
            return Err(Error::RecursionDepth { rounds: self.steps });
        }
        Ok(Some(Materialized::uncharged(last)))
    }

    /// All rows.
    pub fn into_rows(self) -> Materialized {
        Materialized { batches: self.batches, rows: self.rows, reservation: Some(self.reservation) }
    }
}

/// The rows that have been there.
struct Seen {
    keys: Vec<(usize, Encoder)>,
    rows: Interner,
}

impl Seen {
    /// The rows of a batch that have not been there, each once.
    fn fresh(&mut self, batch: Batch, reservation: &mut Reservation) -> Result<Batch> {
        let before = self.memory_bytes();
        let mut words = Vec::with_capacity(self.keys.len());
        for (at, encoder) in &mut self.keys {
            encoder.encode(&batch.columns[*at], &mut words)?;
        }
        let (mut row, mut fresh) = (0, Vec::new());
        fold(&words, batch.rows, |bytes| {
            let known = self.rows.len();
            if self.rows.intern(bytes) as usize == known {
                fresh.push(row);
            }
            row += 1;
            0
        });
        reservation.grow(self.memory_bytes().saturating_sub(before))?;
        Ok(if fresh.len() == batch.rows { batch } else { batch.take(&fresh) })
    }

    fn memory_bytes(&self) -> u64 {
        self.rows.memory_bytes() + self.keys.iter().map(|(_, encoder)| encoder.memory_bytes()).sum::<u64>()
    }
}

//! What SHOW WARNINGS, SHOW ERRORS, `@@warning_count` and `@@error_count` speak of: the warnings and the error of the last
//! statement.
//!
//! What planning has to say is known when a statement returns. What kernels say is not: a query's rows are computed while they
//! are taken, by then the session may be anywhere. So a query that runs carries a slot ([`Late`]) which is written once, when
//! its last row has been taken, or it is dropped, or it fails; the session keeps the other end and looks into it when it is
//! asked. Until then there is what planning said.

use std::sync::{Arc, OnceLock};

use allod_executor::{Dates, Rules, Verdict};
use allod_planner::bind::Dml;
use allod_planner::sql_mode::SqlMode;
use arrow::array::RecordBatch;

use super::running::Running;
use crate::error::{Error, Result};
use crate::result::{Diagnostics, Ended, Late, Warning};

/// The rows of a query that runs, which says at its end what was said.
pub(super) struct Telling {
    running: Running,
    /// What planning said.
    planned: Vec<Warning>,
    /// How many are kept.
    limit: usize,
    /// Rows so far.
    rows: u64,
    late: Late,
}

impl Telling {
    /// Of this query; `planned` is what planning said.
    pub fn new(running: Running, planned: Vec<Warning>, limit: usize) -> Telling {
        Telling { running, planned, limit, rows: 0, late: Arc::new(OnceLock::new()) }
    }

    /// Where it says it.
    pub fn late(&self) -> Late {
        Arc::clone(&self.late)
    }

    fn tell(&mut self, error: Option<&Error>) {
        if self.late.get().is_some() {
            return;
        }
        let (mut list, mut total) = told(&mut self.running);
        list.splice(0..0, std::mem::take(&mut self.planned).into_iter().inspect(|_| total += 1));
        if let Some(error) = error {
            list.push(Warning::error(error));
            total += 1;
        }
        // It is written here and nowhere else.
        let diagnostics = Diagnostics::new(list, total, self.limit);
        let _ = self.late.set(Ended { diagnostics, rows: self.rows });
    }
}

impl Iterator for Telling {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let next = self.running.next();
        match &next {
            Some(Ok(batch)) => self.rows += batch.num_rows() as u64,
            Some(Err(error)) => self.tell(Some(error)),
            None => self.tell(None),
        }
        next
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.tell(None);
    }
}

/// What a statement's kernels said, and how much there was in all.
pub(super) fn told(running: &mut Running) -> (Vec<Warning>, u64) {
    let (said, total) = running.execution.take_warnings();
    (said.into_iter().map(passed_over).collect(), total)
}

/// The warning of what would have been an error.
fn passed_over(error: allod_executor::Error) -> Warning {
    let level = match error {
        allod_executor::Error::AssignUnseen { .. } => "Note",
        _ => "Warning",
    };
    Warning { level, ..Warning::error(&Error::from(error)) }
}

/// What becomes of losses in a statement, as TiDB has it. `values`: rows of an INSERT … VALUES, which with a single one does
/// not take NULL for a column that has none, whatever the mode.
pub(super) fn rules(mode: SqlMode, dml: Option<&Dml>, values: Option<usize>) -> Rules {
    let divided = |verdict| if mode.error_for_division_by_zero { verdict } else { Verdict::Ignore };
    let written =
        Dates { zero: !mode.no_zero_date, zero_in: !mode.no_zero_in_date, invalid: mode.allow_invalid_dates };
    let read = Dates { zero_in: true, ..written };
    let Some(dml) = dml else {
        return Rules {
            divided: divided(Verdict::Warn),
            dates: read,
            stored_dates: written,
            ..Rules::default()
        };
    };
    let ignores = match dml {
        Dml::Insert { on_duplicate, .. } => on_duplicate.ignores(),
        Dml::Update { ignore, .. } | Dml::Delete { ignore, .. } => *ignore,
    };
    let verdict = |lenient: bool| if lenient { Verdict::Warn } else { Verdict::Fail };
    let lenient = ignores || !mode.strict;
    Rules {
        stored: verdict(lenient),
        converted: verdict(lenient),
        divided: divided(verdict(lenient)),
        dates: Dates {
            // Only all of these modes together keep a change of rows from reading such dates.
            zero_in: lenient || !mode.no_zero_date || !mode.no_zero_in_date || mode.allow_invalid_dates,
            ..written
        },
        stored_dates: written,
        null: verdict(ignores || (lenient && values != Some(1))),
        remade: false,
    }
}

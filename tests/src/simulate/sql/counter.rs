//! `sql-counter`: statements that are transactions by themselves among those that hold locks. Each adds once, however often it
//! was tried again, and what is rolled back adds nothing.
//!
//! A statement by itself is committed without locks, becomes a pessimistic transaction if it meets somebody's lock, and is run
//! again by its session when it was overtaken: each of these may lose it or do it twice. The others here lock the same rows,
//! hold them for a while, and roll back, commit, or die with them.

use std::time::Duration;

use allod::{Result, Session};

use super::{int, pause};
use crate::database::rows;
use crate::simulate::check::count::{self, Added, Seen};
use crate::simulate::history::{Op, Outcome};
use crate::simulate::rows::Style;
use crate::simulate::workload::{InSql, Turn, Workload};

const COUNTERS: i64 = 12;
/// Locks are held for so long, at most.
const HOLD_MS_MAX: i64 = 400;

/// See the module's essay.
#[derive(Clone)]
pub struct Counter {
    /// Whether some statements are run twice, to see whether that is noticed.
    pub broken: bool,
}

/// What a process does.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input {
    /// Increments counters in one statement that is a transaction by itself.
    Increment(Vec<i64>),
    /// Increments counters in a transaction that locks them, and ends a while later.
    Hold {
        /// Which.
        counters: Vec<i64>,
        /// Milliseconds between the statement and the end.
        ms: i64,
        /// How it ends.
        commits: bool,
    },
    /// Reads all.
    Read,
}

/// Counters and their values, of a read.
pub type Output = Vec<(i64, i64)>;

fn increment(session: &mut Session, counters: &[i64]) -> Result<()> {
    let sql = match counters {
        [one] => format!("update counters set v = v + 1 where id = {one}"),
        several => {
            let ids: Vec<String> = several.iter().map(i64::to_string).collect();
            format!("update counters set v = v + 1 where id in ({})", ids.join(", "))
        }
    };
    session.run(&sql).map(drop)
}

impl Workload for Counter {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        let first = turn.below(COUNTERS);
        let counters = match turn.below(3) {
            0 => vec![first],
            1 => vec![first, (first + 1 + turn.below(COUNTERS - 1)) % COUNTERS],
            // Neighbours: of one region, or of two.
            _ => vec![first, (first + 1) % COUNTERS],
        };
        match turn.below(10) {
            0..=4 => Input::Increment(counters),
            5..=7 => Input::Hold { counters, ms: turn.below(HOLD_MS_MAX), commits: turn.random.chance(30) },
            _ => Input::Read,
        }
    }

    fn is_write(&self, input: &Input) -> bool {
        matches!(input, Input::Increment(_) | Input::Hold { commits: true, .. })
    }

    fn last(&self) -> Vec<Input> {
        vec![Input::Read]
    }

    fn met(&self, history: &[Op<Input, Output>]) -> Vec<(&'static str, usize)> {
        let held =
            |op: &&Op<Input, Output>| matches!(op.input, Input::Hold { .. }) && op.outcome.ok().is_some();
        let alone =
            |op: &&Op<Input, Output>| matches!(op.input, Input::Increment(_)) && op.outcome.ok().is_some();
        vec![
            ("statements by themselves", history.iter().filter(alone).count()),
            ("transactions with locks", history.iter().filter(held).count()),
        ]
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let (mut added, mut seen) = (Vec::new(), Vec::new());
        let mut wrong = Vec::new();
        for op in history {
            match &op.input {
                Input::Increment(counters) | Input::Hold { counters, commits: true, .. } => {
                    added.extend(counters.iter().filter_map(|counter| Added::of(op, *counter, 1)));
                }
                // However it ended, nobody asked for a commit.
                Input::Hold { commits: false, .. } => {}
                Input::Read => {
                    let Some(values) = op.outcome.ok() else { continue };
                    if !values.iter().map(|(id, _)| *id).eq(0..COUNTERS) {
                        wrong.push(format!("a read at {} us finds {values:?}", op.invoked_us));
                    }
                    let (from_us, to_us) = (op.invoked_us, op.completed_us);
                    seen.extend(values.iter().map(|&(counter, value)| Seen {
                        counter,
                        value,
                        from_us,
                        to_us,
                    }));
                }
            }
        }
        wrong.extend(count::check(&added, &seen));
        wrong
    }
}

impl InSql for Counter {
    fn statements(&self, _run_ms: i64) -> Vec<String> {
        let rows: Vec<String> = (0..COUNTERS).map(|id| format!("({id}, 0)")).collect();
        vec![
            // Two of the partitions have more than one region, by and by.
            "create table counters (id bigint primary key, v bigint not null) partition by range (id) \
             (partition p0 values less than (4), partition p1 values less than (8), partition p2 values less than (99))"
                .to_string(),
            format!("insert into counters values {}", rows.join(", ")),
        ]
    }

    fn act(&self, session: &mut Session, style: Style, input: &Input) -> Result<Outcome<Output>> {
        // Who dies leaves locks for much longer than others want to wait.
        session.run("set innodb_lock_wait_timeout = 1")?;
        match input {
            Input::Increment(counters) => {
                increment(session, counters)?;
                if self.broken && counters.len() == 2 {
                    increment(session, counters)?;
                }
            }
            Input::Hold { counters, ms, commits } => {
                session.run("begin pessimistic")?;
                increment(session, counters)?;
                pause(session, Duration::from_millis(*ms as u64));
                session.run(if *commits { "commit" } else { "rollback" })?;
            }
            Input::Read => {
                let order = if style.options.one_phase { "" } else { " where id >= 0" };
                let found = rows(session, &format!("select id, v from counters{order} order by id"))?;
                return Ok(Outcome::Ok(found.iter().map(|row| (int(&row[0]), int(&row[1]))).collect()));
            }
        }
        Ok(Outcome::Ok(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    #[test]
    fn increments_that_are_lost_done_twice_or_rolled_back_and_there_are_found() {
        let done = || Outcome::Ok(Vec::new());
        let hold = |commits| Input::Hold { counters: vec![1], ms: 5, commits };
        let writes = vec![
            op(Input::Increment(vec![0, 1]), 0, 5, done()),
            op(hold(false), 0, 5, done()),
            op(hold(false), 0, 5, Outcome::Unknown),
            op(hold(true), 0, 5, Outcome::Unknown),
            op(Input::Increment(vec![1]), 0, 5, Outcome::Fail),
        ];
        let check = |zero, one| {
            let mut history = writes.clone();
            let values = (0..COUNTERS).map(|id| (id, if id == 0 { zero } else { i64::from(id == 1) * one }));
            history.push(op(Input::Read, 10, 15, Outcome::Ok(values.collect())));
            Counter { broken: false }.check(&history)
        };
        assert_eq!(check(1, 1), [""; 0]);
        assert_eq!(check(1, 2), [""; 0], "of whose commit nobody heard");
        assert_eq!(check(0, 1), ["counter 0 is 0 at 10 us, when it should be 1 to 1"]);
        assert_eq!(check(2, 1), ["counter 0 is 2 at 10 us, when it should be 1 to 1"]);
        assert_eq!(check(1, 3), ["counter 1 is 3 at 10 us, when it should be 1 to 2"]);
        let short = op(Input::Read, 10, 15, Outcome::Ok(vec![(0, 0)]));
        assert_eq!(Counter { broken: false }.check(&[short]), ["a read at 10 us finds [(0, 0)]"]);
    }
}

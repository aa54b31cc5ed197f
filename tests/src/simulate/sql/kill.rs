//! `sql-kill`: statements that are killed, or run out of time, in their middle. Each is done as a whole or not at all, what its
//! session heard of it is true, and the session goes on.
//!
//! The rows of a group are in all partitions and in an index, and all of them are incremented by one statement: at no time they
//! differ. Within a transaction a killed statement takes back what it did, and what was done before stays.

use std::collections::BTreeMap;

use allod::{Result, Session, code};

use super::{begin, int, killed_after};
use crate::database::rows;
use crate::simulate::check::count::{self, Added, Seen};
use crate::simulate::history::{Op, Outcome};
use crate::simulate::rows::Style;
use crate::simulate::workload::{InSql, Turn, Workload};

const GROUPS: i64 = 4;
/// Rows of a group.
const ROWS: i64 = 6;
/// Statements are killed after so long, at most; and that is about what they take.
const KILL_MS_MAX: i64 = 25;

/// See the module's essay.
#[derive(Clone)]
pub struct Kill {
    /// Whether a killed statement is run again behind its session's back, to see whether that is noticed.
    pub broken: bool,
}

/// What a process does.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input {
    /// Increments a group in a statement that is a transaction by itself and is killed after so many milliseconds, if it takes
    /// as long.
    Statement {
        /// The group.
        group: i64,
        /// When it is killed.
        ms: i64,
    },
    /// Increments two groups in one transaction, of which the second statement is killed.
    Transaction {
        /// The groups.
        groups: (i64, i64),
        /// When the second is killed.
        ms: i64,
    },
    /// Reads all in a statement that is killed.
    KilledRead(i64),
    /// Reads all with so many milliseconds to do it in.
    LimitedRead(i64),
    /// Reads all.
    Read,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Output {
    /// These groups were incremented.
    Incremented(Vec<i64>),
    /// Rows: id, group and value.
    Rows(Vec<(i64, i64, i64)>),
}

fn sql(group: i64) -> String {
    format!("update counts set v = v + 1 where grp = {group}")
}

impl Kill {
    /// Increments a group and is killed; whether it was done. A transaction stays, whatever becomes of the statement.
    fn increment(&self, session: &mut Session, group: i64, ms: i64) -> Result<bool> {
        match killed_after(session, ms as u64, |session| session.run(&sql(group))) {
            Ok(_) => Ok(true),
            Err(error) if error.code() == code::INTERRUPTED => {
                if self.broken {
                    session.run(&sql(group))?;
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

impl Workload for Kill {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        let group = turn.below(GROUPS);
        let ms = turn.below(KILL_MS_MAX);
        match turn.below(10) {
            0..=2 => Input::Statement { group, ms },
            3..=5 => {
                let other = (group + 1 + turn.below(GROUPS - 1)) % GROUPS;
                Input::Transaction { groups: (group, other), ms }
            }
            6 => Input::KilledRead(ms),
            // A limit of zero is none.
            7 => Input::LimitedRead(ms + 1),
            _ => Input::Read,
        }
    }

    fn is_write(&self, input: &Input) -> bool {
        matches!(input, Input::Statement { .. } | Input::Transaction { .. })
    }

    fn last(&self) -> Vec<Input> {
        vec![Input::Read]
    }

    fn met(&self, history: &[Op<Input, Output>]) -> Vec<(&'static str, usize)> {
        let (mut statements, mut reads) = (0, 0);
        for op in history {
            match (&op.input, &op.outcome) {
                (Input::Statement { .. }, Outcome::Ok(Output::Incremented(done))) => {
                    statements += usize::from(done.is_empty());
                }
                (Input::Transaction { .. }, Outcome::Ok(Output::Incremented(done))) => {
                    statements += usize::from(done.len() == 1);
                }
                (Input::KilledRead(_) | Input::LimitedRead(_), Outcome::Fail) => reads += 1,
                _ => {}
            }
        }
        vec![("statements killed", statements), ("reads cut short", reads)]
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let (mut wrong, mut added, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for op in history {
            let asked = match op.input {
                Input::Statement { group, .. } => vec![group],
                Input::Transaction { groups, .. } => vec![groups.0, groups.1],
                Input::KilledRead(_) | Input::LimitedRead(_) | Input::Read => Vec::new(),
            };
            match op.outcome.ok() {
                // Nobody knows what was done of it, or it failed.
                None => added.extend(asked.iter().filter_map(|group| Added::of(op, *group, 1))),
                Some(Output::Incremented(groups)) => {
                    added.extend(groups.iter().filter_map(|group| Added::of(op, *group, 1)));
                }
                Some(Output::Rows(rows)) => {
                    let at = op.invoked_us;
                    if !rows.iter().map(|row| row.0).eq(0..GROUPS * ROWS) {
                        wrong.push(format!("a read at {at} us finds {rows:?}"));
                    }
                    let mut values: BTreeMap<i64, i64> = BTreeMap::new();
                    for (id, group, value) in rows {
                        let first = *values.entry(*group).or_insert(*value);
                        if first != *value {
                            wrong.push(format!(
                                "a read at {at} us finds {value} at {id}, and {first} in the same group {group}"
                            ));
                        }
                    }
                    let (from_us, to_us) = (op.invoked_us, op.completed_us);
                    seen.extend(values.into_iter().map(|(counter, value)| Seen {
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

impl InSql for Kill {
    fn statements(&self, _run_ms: i64) -> Vec<String> {
        // Those of a group are far from each other, and in different partitions.
        let rows: Vec<String> = (0..GROUPS * ROWS).map(|id| format!("({id}, {}, 0)", id % GROUPS)).collect();
        vec![
            "create table counts (id bigint primary key, grp bigint not null, v bigint not null, key by_value (v)) \
             partition by range (id) (partition low values less than (9), partition middle values less than (17), \
             partition high values less than (99))"
                .to_string(),
            format!("insert into counts values {}", rows.join(", ")),
        ]
    }

    fn act(&self, session: &mut Session, style: Style, input: &Input) -> Result<Outcome<Output>> {
        // Who dies leaves locks for much longer than others want to wait.
        session.run("set innodb_lock_wait_timeout = 1")?;
        let query = |limit: Option<i64>| {
            let hint = limit.map_or(String::new(), |ms| format!("/*+ max_execution_time({ms}) */ "));
            let index = if style.options.one_phase { " force index (by_value) where v >= 0" } else { "" };
            format!("select {hint}id, grp, v from counts{index} order by id")
        };
        let found = match *input {
            Input::Statement { group, ms } => {
                let is_done = self.increment(session, group, ms)?;
                return Ok(Outcome::Ok(Output::Incremented(is_done.then_some(group).into_iter().collect())));
            }
            Input::Transaction { groups: (first, second), ms } => {
                begin(session, style)?;
                session.run(&sql(first))?;
                let mut done = vec![first];
                done.extend(self.increment(session, second, ms)?.then_some(second));
                session.run("commit")?;
                return Ok(Outcome::Ok(Output::Incremented(done)));
            }
            Input::Read => rows(session, &query(None)),
            Input::KilledRead(ms) => killed_after(session, ms as u64, |session| rows(session, &query(None))),
            Input::LimitedRead(ms) => rows(session, &query(Some(ms))),
        };
        match found {
            Ok(found) => {
                let rows = found.iter().map(|row| (int(&row[0]), int(&row[1]), int(&row[2]))).collect();
                Ok(Outcome::Ok(Output::Rows(rows)))
            }
            Err(error) if [code::INTERRUPTED, code::TIMED_OUT].contains(&error.code()) => Ok(Outcome::Fail),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    #[test]
    fn halves_of_statements_and_killed_ones_that_are_done_are_found() {
        let statement = |group| Input::Statement { group, ms: 1 };
        let done = |groups: &[i64]| Outcome::Ok(Output::Incremented(groups.to_vec()));
        let both = Input::Transaction { groups: (1, 2), ms: 1 };
        let writes = vec![
            op(statement(0), 0, 5, done(&[0])),
            op(statement(0), 0, 5, done(&[])),
            op(both.clone(), 0, 5, done(&[1])),
            op(statement(3), 0, 5, Outcome::Unknown),
        ];
        let check = |values: [i64; 4], change: Option<usize>| {
            let mut rows: Vec<(i64, i64, i64)> =
                (0..GROUPS * ROWS).map(|id| (id, id % GROUPS, values[(id % GROUPS) as usize])).collect();
            if let Some(id) = change {
                rows[id].2 += 1;
            }
            let mut history = writes.clone();
            history.push(op(Input::Read, 10, 15, Outcome::Ok(Output::Rows(rows))));
            Kill { broken: false }.check(&history)
        };
        assert_eq!(check([1, 1, 0, 0], None), [""; 0]);
        assert_eq!(check([1, 1, 0, 1], None), [""; 0]);
        assert_eq!(check([2, 1, 0, 0], None), ["counter 0 is 2 at 10 us, when it should be 1 to 1"]);
        assert_eq!(check([1, 1, 1, 0], None), ["counter 2 is 1 at 10 us, when it should be 0 to 0"]);
        assert_eq!(check([1, 0, 0, 0], None), ["counter 1 is 0 at 10 us, when it should be 1 to 1"]);
        assert_eq!(check([1, 1, 0, 0], Some(8)), ["a read at 10 us finds 2 at 8, and 1 in the same group 0"]);
        let short = op(Input::Read, 10, 15, Outcome::Ok(Output::Rows(vec![(0, 0, 0)])));
        assert_eq!(Kill { broken: false }.check(&[short]), ["a read at 10 us finds [(0, 0, 0)]"]);
    }
}

//! `sql-queue`: workers take rows with `FOR UPDATE SKIP LOCKED` or `NOWAIT`, and delete them or put them back. Each element is
//! taken once, and nobody has it while somebody else has.
//!
//! A worker that dies with elements in its hands gives them back when its locks have died; so nothing is said of how soon an
//! element is taken, only that none is lost. Half of the workers read what is committed, the others a snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use allod::{Result, Session, code};
use allod_storage::runtime::now;

use super::{int, pause};
use crate::database::rows;
use crate::simulate::history::{Op, Outcome};
use crate::simulate::rows::Style;
use crate::simulate::workload::{InSql, Turn, Workload};

/// A worker takes so many elements, at most.
const TAKEN_MAX: i64 = 3;
/// It holds them for so long, at most.
const HOLD_MS_MAX: i64 = 300;
/// Locks live longer than this by the clock of the cluster, however wrong that is. What a worker that was held up for longer
/// believes to have may be somebody else's.
const SURE_US: u64 = 5_000_000;

/// See the module's essay.
#[derive(Clone)]
pub struct Queue {
    began: Instant,
}

/// What a process does.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input {
    /// Adds elements that nobody added before.
    Add(Vec<i64>),
    /// Takes the first elements that are to be had.
    Take {
        /// So many, at most.
        count: i64,
        /// It holds them for so many milliseconds.
        ms: i64,
        /// It deletes them then; else it puts them back.
        deletes: bool,
        /// If the first is locked, it takes none; else it passes those that are.
        nowait: bool,
        /// It reads what is committed.
        read_committed: bool,
    },
    /// Reads all that are there.
    Read,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Hash, Default)]
pub struct Output {
    /// What was taken or read.
    pub elements: Vec<i64>,
    /// From when to when they were held, in microseconds; of a worker whose transaction had begun not long before.
    pub held_us: Option<(u64, u64)>,
}

impl Queue {
    /// On the clock of the simulation that the caller is in.
    pub fn new() -> Queue {
        Queue { began: now() }
    }

    fn now_us(&self) -> u64 {
        (now() - self.began).as_micros() as u64
    }
}

impl Default for Queue {
    fn default() -> Queue {
        Queue::new()
    }
}

fn ids(found: &[Vec<crate::slt::Value>]) -> Vec<i64> {
    found.iter().map(|row| int(&row[0])).collect()
}

fn list(elements: &[i64]) -> String {
    elements.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

impl Workload for Queue {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        match turn.below(10) {
            0..=3 => {
                let first = TAKEN_MAX * turn.unique();
                Input::Add((first..=first + turn.below(TAKEN_MAX)).collect())
            }
            4 => Input::Read,
            _ => Input::Take {
                count: 1 + turn.below(TAKEN_MAX),
                ms: turn.below(HOLD_MS_MAX),
                deletes: turn.random.chance(70),
                nowait: turn.random.chance(20),
                read_committed: turn.random.chance(50),
            },
        }
    }

    fn is_write(&self, input: &Input) -> bool {
        matches!(input, Input::Add(_) | Input::Take { deletes: true, .. })
    }

    fn last(&self) -> Vec<Input> {
        let take = Input::Take { count: 3, ms: 0, deletes: false, nowait: false, read_committed: true };
        vec![Input::Read, take]
    }

    fn met(&self, history: &[Op<Input, Output>]) -> Vec<(&'static str, usize)> {
        let (mut taken, mut put_back, mut refused) = (0, 0, 0);
        for op in history {
            match (&op.input, &op.outcome) {
                (Input::Take { deletes: true, .. }, Outcome::Ok(output)) => taken += output.elements.len(),
                (Input::Take { .. }, Outcome::Ok(output)) => put_back += output.elements.len(),
                (Input::Take { nowait: true, .. }, Outcome::Fail) => refused += 1,
                _ => {}
            }
        }
        vec![("elements taken", taken), ("put back", put_back), ("refused without a wait", refused)]
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let history = History::of(history);
        let mut wrong = Vec::new();
        history.elements(&mut wrong);
        history.holders(&mut wrong);
        history.losses(&mut wrong);
        wrong
    }
}

/// What was done with the elements.
struct History<'a> {
    ops: &'a [Op<Input, Output>],
    adds: BTreeMap<i64, &'a Op<Input, Output>>,
    /// Who took them, if that is known.
    taken: BTreeMap<i64, Vec<&'a Op<Input, Output>>>,
}

impl History<'_> {
    fn of(ops: &[Op<Input, Output>]) -> History<'_> {
        let (mut adds, mut taken) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        for op in ops {
            match (&op.input, op.outcome.ok()) {
                (Input::Add(elements), _) => adds.extend(elements.iter().map(|element| (*element, op))),
                (Input::Take { deletes: true, .. }, Some(output)) => {
                    output.elements.iter().for_each(|element| taken.entry(*element).or_default().push(op));
                }
                (Input::Take { .. } | Input::Read, _) => {}
            }
        }
        History { ops, adds, taken }
    }

    /// What was found must be there, and once.
    fn elements(&self, wrong: &mut Vec<String>) {
        for op in self.ops {
            let Some(output) = op.outcome.ok() else { continue };
            let at = op.invoked_us;
            if !output.elements.is_sorted_by(|a, b| a < b) {
                wrong.push(format!("{:?} found at {at} us are not in order", output.elements));
            }
            if let Input::Take { count, .. } = op.input
                && output.elements.len() as i64 > count
            {
                wrong.push(format!("{:?} are taken at {at} us, more than {count}", output.elements));
            }
            for element in &output.elements {
                match self.adds.get(element) {
                    None => wrong.push(format!("{element} is found at {at} us, which nobody added")),
                    Some(add) if add.outcome == Outcome::Fail => {
                        wrong.push(format!("{element} is found at {at} us, which had failed"));
                    }
                    Some(add) if op.is_before(add) => {
                        wrong.push(format!("{element} is found at {at} us before it was added"));
                    }
                    Some(_) => {}
                }
                let takers = self.taken.get(element).into_iter().flatten();
                if takers.into_iter().any(|taker| taker.is_before(op)) {
                    wrong.push(format!("{element} is found at {at} us, though it had been taken"));
                }
            }
        }
        for (element, takers) in self.taken.iter().filter(|(_, takers)| takers.len() > 1) {
            let at: Vec<u64> = takers.iter().map(|taker| taker.invoked_us).collect();
            wrong.push(format!("{element} is taken by those of {at:?} us"));
        }
    }

    /// Nobody has what somebody else has.
    fn holders(&self, wrong: &mut Vec<String>) {
        let mut held: Vec<(i64, u64, u64)> = Vec::new();
        for op in self.ops {
            let Some(Output { elements, held_us: Some((from, to)) }) = op.outcome.ok() else { continue };
            held.extend(elements.iter().map(|element| (*element, *from, *to)));
        }
        held.sort_unstable();
        for pair in held.windows(2) {
            let ((element, _, until), (next, from, _)) = (pair[0], pair[1]);
            if element == next && from < until {
                wrong.push(format!(
                    "{element} is held from {from} us by one, and until {until} us by another"
                ));
            }
        }
    }

    /// What was added and not taken is there at the end, but for what those took of whom nobody heard.
    fn losses(&self, wrong: &mut Vec<String>) {
        let Some(last) = self.ops.iter().rfind(|op| op.input == Input::Read && op.outcome.ok().is_some())
        else {
            return;
        };
        let found: BTreeSet<i64> =
            last.outcome.ok().map(|output| output.elements.iter().copied().collect()).unwrap_or_default();
        let unheard = |op: &Op<Input, Output>| match op.input {
            Input::Take { count, deletes: true, .. } if op.outcome == Outcome::Unknown => count,
            _ => 0,
        };
        let excused: i64 = self.ops.iter().filter(|op| !last.is_before(op)).map(unheard).sum();
        let was_added = |add: &Op<Input, Output>| add.outcome.ok().is_some() && add.is_before(last);
        let lost: Vec<i64> = self
            .adds
            .iter()
            .filter(|(element, add)| was_added(add) && !found.contains(element))
            .map(|(element, _)| *element)
            .filter(|element| {
                self.taken.get(element).is_none_or(|takers| takers.iter().all(|t| last.is_before(t)))
            })
            .collect();
        if lost.len() as i64 > excused {
            wrong.push(format!("{lost:?} are lost, and {excused} at most can have been taken unheard of"));
        }
    }
}

impl InSql for Queue {
    fn statements(&self, _run_ms: i64) -> Vec<String> {
        let table = "create table queue (id bigint primary key, twin bigint not null, key (twin))";
        vec![table.to_string()]
    }

    fn act(&self, session: &mut Session, style: Style, input: &Input) -> Result<Outcome<Output>> {
        match input {
            Input::Add(elements) => {
                let rows: Vec<String> = elements.iter().map(|id| format!("({id}, {id})")).collect();
                session.run(&format!("insert into queue values {}", rows.join(", ")))?;
                Ok(Outcome::Ok(Output::default()))
            }
            Input::Read => {
                let by_index = if style.options.one_phase { "" } else { " force index (twin)" };
                let sql = format!("select twin from queue{by_index} where twin >= 0 order by twin");
                Ok(Outcome::Ok(Output { elements: ids(&rows(session, &sql)?), held_us: None }))
            }
            Input::Take { count, ms, deletes, nowait, read_committed } => {
                if *read_committed {
                    session.run("set transaction isolation level read committed")?;
                }
                let began = self.now_us();
                session.run("begin pessimistic")?;
                let others = if *nowait { "nowait" } else { "skip locked" };
                let sql = format!("select id from queue order by id limit {count} for update {others}");
                let elements = match rows(session, &sql) {
                    Ok(found) => ids(&found),
                    Err(error) if *nowait && error.code() == code::LOCK_NOWAIT => {
                        session.run("rollback")?;
                        return Ok(Outcome::Fail);
                    }
                    Err(error) => return Err(error),
                };
                let from = self.now_us();
                pause(session, Duration::from_millis(*ms as u64));
                let to = self.now_us();
                let held_us = (to - began < SURE_US).then_some((from, to));
                if *deletes && !elements.is_empty() {
                    session.run(&format!("delete from queue where id in ({})", list(&elements)))?;
                    session.run("commit")?;
                } else {
                    session.run("rollback")?;
                }
                Ok(Outcome::Ok(Output { elements, held_us }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    fn take(deletes: bool) -> Input {
        Input::Take { count: 2, ms: 0, deletes, nowait: false, read_committed: false }
    }

    fn found(elements: &[i64], held_us: Option<(u64, u64)>) -> Outcome<Output> {
        Outcome::Ok(Output { elements: elements.to_vec(), held_us })
    }

    fn check(more: &[Op<Input, Output>]) -> Vec<String> {
        let mut history = vec![
            op(Input::Add(vec![1, 2, 3]), 0, 5, found(&[], None)),
            op(Input::Add(vec![4]), 0, 5, Outcome::Fail),
            op(Input::Add(vec![5]), 0, 5, Outcome::Unknown),
            op(Input::Add(vec![6]), 50, 60, found(&[], None)),
            op(take(true), 10, 20, found(&[1], Some((12, 18)))),
        ];
        history.extend_from_slice(more);
        Queue { began: Instant::now() }.check(&history)
    }

    #[test]
    fn elements_that_come_from_nowhere_or_are_had_by_two_are_found() {
        for good in [
            op(take(true), 30, 40, found(&[2, 3], Some((32, 38)))),
            op(take(false), 10, 20, found(&[1], Some((18, 19)))),
            op(take(true), 30, 40, found(&[5], None)),
            op(Input::Read, 10, 20, found(&[1, 2, 3], None)),
        ] {
            assert_eq!(check(std::slice::from_ref(&good)), [""; 0], "{good:?}");
        }
        for (bad, why) in [
            (
                op(take(false), 10, 20, found(&[1], Some((17, 19)))),
                "1 is held from 17 us by one, and until 18 us by another",
            ),
            (op(take(true), 10, 20, found(&[1], None)), "1 is taken by those of [10, 10] us"),
            (op(take(false), 30, 40, found(&[1], None)), "1 is found at 30 us, though it had been taken"),
            (op(take(false), 30, 40, found(&[4], None)), "4 is found at 30 us, which had failed"),
            (op(take(false), 30, 40, found(&[6], None)), "6 is found at 30 us before it was added"),
            (op(take(false), 30, 40, found(&[9], None)), "9 is found at 30 us, which nobody added"),
            (op(take(false), 30, 40, found(&[3, 2], None)), "[3, 2] found at 30 us are not in order"),
            (op(take(false), 5, 6, found(&[1, 2, 3], None)), "[1, 2, 3] are taken at 5 us, more than 2"),
        ] {
            assert_eq!(check(&[bad]), [why]);
        }
    }

    #[test]
    fn elements_that_are_lost_are_found() {
        let read = |elements| op(Input::Read, 70, 80, found(elements, None));
        let unheard = |from| op(take(true), from, from + 1, Outcome::Unknown);
        assert_eq!(check(&[read(&[2, 3, 6])]), [""; 0]);
        assert_eq!(check(&[read(&[2, 3, 5, 6])]), [""; 0]);
        assert_eq!(check(&[unheard(30), read(&[6])]), [""; 0]);
        assert_eq!(check(&[read(&[3, 6])]), ["[2] are lost, and 0 at most can have been taken unheard of"]);
        let lost = check(&[unheard(30), unheard(90), read(&[])]);
        assert_eq!(lost, ["[2, 3, 6] are lost, and 2 at most can have been taken unheard of"]);
    }
}

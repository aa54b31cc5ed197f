//! `sql-savepoint`: transactions that go back to savepoints. What is kept is there as a whole, what was given up never is.
//!
//! A transaction inserts, changes and deletes marks of its own and increments slots that all share, sets savepoints in between,
//! goes back to them, releases them. What must come of it is computed beside it, by a model that copies everything at each
//! savepoint. It is compared with what the transaction reads before it commits, and with what others read later.

use std::collections::BTreeMap;

use allod::{Result, Session};

use super::{begin, int};
use crate::database::rows;
use crate::simulate::check::count::{self, Added, Seen};
use crate::simulate::history::{Op, Outcome};
use crate::simulate::rows::Style;
use crate::simulate::workload::{InSql, Turn, Workload};

const SLOTS: i64 = 8;
const NAMES: usize = 3;
/// Steps of a transaction, at most.
const STEPS_MAX: usize = 9;
/// Reads look at so many of the last transactions.
const WINDOW: i64 = 60;

/// See the module's essay.
#[derive(Clone)]
pub struct Savepoints {
    /// Whether ROLLBACK TO is never sent, to see whether that is noticed.
    pub broken: bool,
}

/// A step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Hash)]
pub enum Step {
    /// Inserts a mark with this number.
    Insert(i64),
    /// Adds to the value of a mark, if it is there.
    Change(i64),
    /// Deletes a mark, if it is there.
    Delete(i64),
    /// Increments a slot.
    Slot(i64),
    /// SAVEPOINT. One of the same name is no longer.
    Save(usize),
    /// ROLLBACK TO one that there is.
    Back(usize),
    /// RELEASE SAVEPOINT of one that there is.
    Release(usize),
}

/// What a process does.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input {
    /// A transaction with a number that no other has.
    Change(i64, Vec<Step>),
    /// Reads the slots, and the marks of transactions from this number on.
    Read(i64),
}

/// A mark's transaction, number and value.
pub type Mark = (i64, i64, i64);

/// What was read.
#[derive(Clone, Debug, PartialEq, Hash, Default)]
pub struct Output {
    /// In order. Of a transaction, its own before it commits.
    pub marks: Vec<Mark>,
    /// By slot; of a transaction, nothing.
    pub slots: Vec<(i64, i64)>,
}

/// What a transaction has done so far.
#[derive(Clone, Debug, Default, PartialEq)]
struct Done {
    marks: BTreeMap<i64, i64>,
    slots: BTreeMap<i64, i64>,
}

/// A transaction as it should be: with all savepoints that there are, in order.
#[derive(Default)]
struct Model {
    done: Done,
    savepoints: Vec<(usize, Done)>,
}

impl Model {
    fn of(steps: &[Step]) -> Model {
        let mut model = Model::default();
        steps.iter().for_each(|step| model.take(*step));
        model
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Insert(mark) => drop(self.done.marks.insert(mark, mark)),
            Step::Change(mark) => {
                if let Some(value) = self.done.marks.get_mut(&mark) {
                    *value += 100;
                }
            }
            Step::Delete(mark) => drop(self.done.marks.remove(&mark)),
            Step::Slot(slot) => *self.done.slots.entry(slot).or_default() += 1,
            Step::Save(name) => {
                self.savepoints.retain(|(known, _)| *known != name);
                self.savepoints.push((name, self.done.clone()));
            }
            Step::Back(name) => {
                while let Some((last, done)) = self.savepoints.last() {
                    if *last == name {
                        self.done = done.clone();
                        break;
                    }
                    self.savepoints.pop();
                }
            }
            Step::Release(name) => while self.savepoints.pop().is_some_and(|(last, _)| last != name) {},
        }
    }

    /// What the transaction's marks are.
    fn marks(&self, number: i64) -> Vec<Mark> {
        self.done.marks.iter().map(|(mark, value)| (number, *mark, *value)).collect()
    }
}

/// Steps that are possible one after the other.
fn steps(turn: &mut Turn<'_>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut model = Model::default();
    for mark in 0..3 + turn.random.below(STEPS_MAX - 2) as i64 {
        let name = turn.random.below(NAMES);
        let known: Vec<usize> = model.savepoints.iter().map(|(name, _)| *name).collect();
        let step = match turn.below(10) {
            0 | 1 => Step::Insert(mark),
            2 => Step::Change(turn.below(mark + 1)),
            3 => Step::Delete(turn.below(mark + 1)),
            4 => Step::Slot(turn.below(SLOTS)),
            5 | 6 => Step::Save(name),
            7 | 8 if !known.is_empty() => Step::Back(*turn.random.pick(&known)),
            9 if !known.is_empty() => Step::Release(*turn.random.pick(&known)),
            _ => Step::Insert(mark),
        };
        model.take(step);
        steps.push(step);
    }
    steps
}

impl Workload for Savepoints {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        let number = turn.unique();
        if turn.random.chance(30) { Input::Read(number - WINDOW) } else { Input::Change(number, steps(turn)) }
    }

    fn is_write(&self, input: &Input) -> bool {
        matches!(input, Input::Change(..))
    }

    fn last(&self) -> Vec<Input> {
        vec![Input::Read(0)]
    }

    fn met(&self, history: &[Op<Input, Output>]) -> Vec<(&'static str, usize)> {
        let done = history.iter().filter(|op| op.outcome.ok().is_some());
        let steps = done.filter_map(|op| match &op.input {
            Input::Change(_, steps) => Some(steps),
            Input::Read(_) => None,
        });
        let back = steps.flatten().filter(|step| matches!(step, Step::Back(_))).count();
        vec![("rolled back to a savepoint", back)]
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let mut wrong = Vec::new();
        let (mut added, mut seen) = (Vec::new(), Vec::new());
        let mut changes = BTreeMap::new();
        for op in history {
            match &op.input {
                Input::Change(number, steps) => {
                    let model = Model::of(steps);
                    let slots = model.done.slots.iter();
                    added.extend(slots.filter_map(|(slot, by)| Added::of(op, *slot, *by)));
                    let marks = model.marks(*number);
                    if let Some(output) = op.outcome.ok()
                        && output.marks != marks
                    {
                        let at = op.invoked_us;
                        wrong.push(format!(
                            "that of {at} us reads {:?} of its own, not {marks:?}",
                            output.marks
                        ));
                    }
                    changes.insert(*number, (op, marks));
                }
                Input::Read(_) => {
                    let slots = op.outcome.ok().into_iter().flat_map(|output| &output.slots);
                    let (from_us, to_us) = (op.invoked_us, op.completed_us);
                    seen.extend(slots.map(|&(counter, value)| Seen { counter, value, from_us, to_us }));
                }
            }
        }
        wrong.extend(count::check(&added, &seen));
        for read in history {
            if let (Input::Read(from), Some(output)) = (&read.input, read.outcome.ok()) {
                let mut rest = output.marks.as_slice();
                for (number, (change, marks)) in changes.range(from..) {
                    let length = rest.partition_point(|mark| mark.0 <= *number);
                    let (found, others) = rest.split_at(length);
                    rest = others;
                    if let Some(why) = unfit(read, change, marks, found) {
                        wrong.push(format!("a read at {} us finds {why}", read.invoked_us));
                    }
                }
                if !rest.is_empty() {
                    wrong.push(format!("a read at {} us finds {rest:?}, of nobody", read.invoked_us));
                }
            }
        }
        wrong
    }
}

/// What is wrong with the marks that a read found of a transaction which should have left these.
fn unfit(
    read: &Op<Input, Output>,
    change: &Op<Input, Output>,
    marks: &[Mark],
    found: &[Mark],
) -> Option<String> {
    let at = change.invoked_us;
    if found.is_empty() {
        let is_lost = !marks.is_empty() && change.outcome.ok().is_some() && change.is_before(read);
        return is_lost.then(|| format!("nothing of that of {at} us, which was acknowledged"));
    }
    if change.outcome == Outcome::Fail {
        return Some(format!("{found:?} of that of {at} us, which had failed"));
    }
    if read.is_before(change) {
        return Some(format!("{found:?} of that of {at} us before it began"));
    }
    (found != marks).then(|| format!("{found:?} of that of {at} us, not {marks:?}"))
}

fn marks(session: &mut Session, condition: &str, by_index: bool) -> Result<Vec<Mark>> {
    let index = if by_index { " force index (by_value)" } else { "" };
    let sql = format!("select txn, mark, v from marks{index} where {condition} order by txn, mark");
    let found = rows(session, &sql)?;
    Ok(found.iter().map(|row| (int(&row[0]), int(&row[1]), int(&row[2]))).collect())
}

impl InSql for Savepoints {
    fn statements(&self, _run_ms: i64) -> Vec<String> {
        let slots: Vec<String> = (0..SLOTS).map(|slot| format!("({slot}, 0)")).collect();
        vec![
            "create table marks (txn bigint, mark bigint, v bigint not null, primary key (txn, mark), \
             key by_value (txn, v))"
                .to_string(),
            "create table slots (id bigint primary key, v bigint not null)".to_string(),
            format!("insert into slots values {}", slots.join(", ")),
        ]
    }

    fn act(&self, session: &mut Session, style: Style, input: &Input) -> Result<Outcome<Output>> {
        let by_index = style.options.one_phase;
        match input {
            Input::Read(from) => {
                // One snapshot for both.
                session.run("begin optimistic")?;
                let marks = marks(session, &format!("txn >= {from}"), by_index)?;
                let slots = rows(session, "select id, v from slots order by id")?;
                session.run("commit")?;
                let slots = slots.iter().map(|row| (int(&row[0]), int(&row[1]))).collect();
                Ok(Outcome::Ok(Output { marks, slots }))
            }
            Input::Change(number, steps) => {
                // Who dies leaves locks for much longer than others want to wait.
                session.run("set innodb_lock_wait_timeout = 1")?;
                begin(session, style)?;
                for step in steps {
                    let sql = match *step {
                        Step::Insert(mark) => format!("insert into marks values ({number}, {mark}, {mark})"),
                        Step::Change(mark) => {
                            format!("update marks set v = v + 100 where txn = {number} and mark = {mark}")
                        }
                        Step::Delete(mark) => {
                            format!("delete from marks where txn = {number} and mark = {mark}")
                        }
                        Step::Slot(slot) => format!("update slots set v = v + 1 where id = {slot}"),
                        Step::Save(name) => format!("savepoint s{name}"),
                        Step::Back(_) if self.broken => continue,
                        Step::Back(name) => format!("rollback to s{name}"),
                        Step::Release(name) => format!("release savepoint s{name}"),
                    };
                    session.run(&sql)?;
                }
                let marks = marks(session, &format!("txn = {number}"), by_index)?;
                session.run("commit")?;
                Ok(Outcome::Ok(Output { marks, slots: Vec::new() }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    #[test]
    fn the_model_goes_back_and_forgets_what_is_later() {
        use Step::{Back, Change, Delete, Insert, Release, Save, Slot};
        let marks = |steps: &[Step]| Model::of(steps).done.marks.into_iter().collect::<Vec<_>>();
        assert_eq!(marks(&[Insert(1), Save(0), Insert(2), Back(0), Insert(3)]), [(1, 1), (3, 3)]);
        assert_eq!(marks(&[Insert(1), Save(0), Change(1), Delete(1), Back(0), Change(1)]), [(1, 101)]);
        // Twice to the same; and to the outer one, which is the only one then.
        assert_eq!(marks(&[Save(0), Insert(1), Back(0), Insert(2), Back(0), Insert(3)]), [(3, 3)]);
        let nested = [Save(0), Insert(1), Save(1), Insert(2), Back(0), Insert(3)];
        assert_eq!(marks(&nested), [(3, 3)]);
        assert_eq!(Model::of(&nested).savepoints.len(), 1);
        // A name that is set again is the newer one.
        assert_eq!(marks(&[Save(0), Insert(1), Save(0), Insert(2), Back(0)]), [(1, 1)]);
        let released = Model::of(&[Save(0), Save(1), Save(2), Insert(1), Release(1)]);
        assert_eq!((released.savepoints.len(), released.done.marks.len()), (1, 1));
        assert_eq!(Model::of(&[Slot(2), Save(1), Slot(2), Slot(3), Back(1)]).done.slots, [(2, 1)].into());
    }

    #[test]
    fn parts_of_a_transaction_and_what_was_given_up_are_found() {
        use Step::{Back, Insert, Save, Slot};
        let steps = vec![Insert(1), Slot(0), Save(0), Insert(2), Slot(0), Back(0), Insert(3)];
        let good = vec![(7, 1, 1), (7, 3, 3)];
        let change = |outcome| op(Input::Change(7, steps.clone()), 0, 5, outcome);
        let own = |marks: &[Mark]| Outcome::Ok(Output { marks: marks.to_vec(), slots: Vec::new() });
        let read = |marks: &[Mark], slot| {
            op(Input::Read(0), 10, 15, Outcome::Ok(Output { marks: marks.to_vec(), slots: vec![(0, slot)] }))
        };
        let broken = false;
        let check = |change, read| Savepoints { broken }.check(&[change, read]);
        assert_eq!(check(change(own(&good)), read(&good, 1)), [""; 0]);
        assert_eq!(check(change(Outcome::Unknown), read(&good, 1)), [""; 0]);
        assert_eq!(check(change(Outcome::Unknown), read(&[], 0)), [""; 0]);
        assert_eq!(check(change(Outcome::Fail), read(&[], 0)), [""; 0]);
        let all = [(7, 1, 1), (7, 2, 2), (7, 3, 3)];
        for (change, read, why) in [
            (change(own(&all)), read(&good, 1), "reads [(7, 1, 1), (7, 2, 2), (7, 3, 3)] of its own, not "),
            (
                change(own(&good)),
                read(&all, 1),
                "finds [(7, 1, 1), (7, 2, 2), (7, 3, 3)] of that of 0 us, not ",
            ),
            (change(Outcome::Unknown), read(&good[..1], 1), "finds [(7, 1, 1)] of that of 0 us, not "),
            (change(own(&good)), read(&[], 1), "finds nothing of that of 0 us, which was acknowledged"),
            (change(Outcome::Fail), read(&good, 0), "of that of 0 us, which had failed"),
            (change(own(&good)), read(&good, 2), "counter 0 is 2 at 10 us, when it should be 1 to 1"),
            (change(own(&good)), read(&[good[0], good[1], (8, 0, 0)], 1), "finds [(8, 0, 0)], of nobody"),
        ] {
            let told = check(change, read);
            assert!(told.len() == 1 && told[0].contains(why), "{told:?}, not {why}");
        }
    }
}

//! What kernels have to say besides their values: warnings.
//!
//! A conversion that loses something and a division by zero have a value, and MySQL still says what happened: as a warning,
//! or as the error of a statement that writes under a strict `sql_mode`. The statement's [`Rules`] say which; a worker's
//! [`Notices`] hold what was said, each as the error that it would have been. They belong to the worker's scratch and travel
//! by value: whoever ends the statement merges those of all workers. Kernels write to them only where something was lost, so
//! a column of sound values costs nothing more.
//!
//! **Values that nobody asked for.** Where a program computes a branch for rows that did not choose it, what these rows said
//! must not be heard: it takes back what was said ([`Notices::back_to`]) and computes the rows that matter by themselves.
//!
//! Neither are those heard that a condition before this one has dropped ([`super::Predicate`]).
//!
//! **Constants** say it once for a statement and not once a batch, and before all others ([`Notices::of_constant`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::dates::Dates;
use super::function::Failure;
use crate::error::Error;

/// What becomes of a loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is said.
    Ignore,
    /// A warning.
    #[default]
    Warn,
    /// The statement fails.
    Fail,
}

/// How a statement takes it that something is lost, from `sql_mode` and IGNORE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A column does not hold a value as it is: [`Verdict::Warn`] stores the nearest value that it holds.
    pub stored: Verdict,
    /// A conversion within an expression.
    pub converted: Verdict,
    /// A divisor is zero.
    pub divided: Verdict,
    /// NULL for a column that has none: [`Verdict::Warn`] stores the type's nothing.
    pub null: Verdict,
    /// The dates that conversions within an expression give.
    pub dates: Dates,
    /// The dates that columns take.
    pub stored_dates: Dates,
    /// A column is becoming one of another type: errors are TiDB's of ALTER TABLE, which tell the value and not the row.
    pub remade: bool,
}

/// Those of a query in strict mode.
impl Default for Rules {
    fn default() -> Rules {
        Rules {
            stored: Verdict::Fail,
            converted: Verdict::Warn,
            divided: Verdict::Ignore,
            null: Verdict::Fail,
            // A query may read what it could not write.
            dates: Dates { zero_in: true, ..Dates::REGULAR },
            stored_dates: Dates::REGULAR,
            remade: false,
        }
    }
}

/// How many are kept; `max_error_count` of MySQL goes no further.
pub(crate) const KEPT_MAX: usize = 65_535;

/// What was said so far.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    rules: Rules,
    /// Rows before those that are looked at, for messages that number them.
    pub first_row: usize,
    /// What is evaluated now is evaluated for these rows and never again, constant or not.
    pub once: bool,
    /// With the row of its batch.
    kept: Vec<(usize, Error)>,
    total: u64,
    /// What constant expressions said, by program and node.
    constants: BTreeMap<(u64, usize), Vec<Error>>,
}

/// How much had been said at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    kept: usize,
    total: u64,
}

impl Notices {
    /// Nothing yet, of a statement with these rules.
    pub fn new(rules: Rules) -> Notices {
        Notices { rules, ..Notices::default() }
    }

    /// The statement's rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// A conversion within an expression lost something at this row.
    pub(crate) fn converted(&mut self, row: usize, what: Error) -> Result<(), Failure> {
        self.say(self.rules.converted, row, what)
    }

    /// A column does not hold the value of this row as it is.
    pub(crate) fn stored(&mut self, row: usize, what: Error) -> Result<(), Failure> {
        self.say(self.rules.stored, row, what)
    }

    /// NULL in this row for a column that has none.
    pub(crate) fn null(&mut self, row: usize, what: Error) -> Result<(), Failure> {
        self.say(self.rules.null, row, what)
    }

    /// This row was divided by zero.
    pub(crate) fn divided(&mut self, row: usize) -> Result<(), Failure> {
        self.say(self.rules.divided, row, Error::DivisionByZero)
    }

    /// Something was cut off what GROUP_CONCAT put together, each as messages call it.
    pub(crate) fn cut(&mut self, texts: &BTreeSet<Arc<str>>) -> Result<(), Error> {
        texts.iter().try_for_each(|of| {
            let what = Error::ConcatCut { expression: Arc::clone(of) };
            self.say(self.rules.converted, 0, what.clone()).or(Err(what))
        })
    }

    /// A warning whatever the rules are.
    pub(crate) fn warn(&mut self, row: usize, what: Error) {
        self.total += 1;
        if self.kept.len() < KEPT_MAX {
            self.kept.push((self.first_row + row, what));
        }
    }

    /// Puts what was said since of one batch in the order of its rows: columns are computed one after the other.
    pub(crate) fn order_since(&mut self, mark: Mark) {
        if self.total != mark.total {
            self.kept[mark.kept..].sort_by_key(|(row, _)| *row);
        }
    }

    fn say(&mut self, verdict: Verdict, row: usize, what: Error) -> Result<(), Failure> {
        match verdict {
            Verdict::Ignore => {}
            Verdict::Warn => self.warn(row, what),
            Verdict::Fail => return Err(Failure::Other(what)),
        }
        Ok(())
    }

    /// How much has been said.
    pub(crate) fn mark(&self) -> Mark {
        Mark { kept: self.kept.len(), total: self.total }
    }

    /// Takes back what was said since.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.kept.truncate(mark.kept);
        self.total = mark.total;
    }

    /// What was said since is what this node of this program says, whatever the row.
    pub(crate) fn of_constant(&mut self, program: u64, node: usize, since: Mark) {
        if self.once || self.total == since.total {
            return;
        }
        let said = self.kept.split_off(since.kept).into_iter().map(|(_, what)| what).collect();
        self.total = since.total;
        self.constants.entry((program, node)).or_insert(said);
    }

    /// Adds what another worker was told by now.
    pub(crate) fn hear(&mut self, other: &mut Notices) {
        if other.total > 0 || !other.constants.is_empty() {
            let told = Notices::new(other.rules);
            self.merge(std::mem::replace(other, told));
        }
    }

    /// Adds what another worker was told; what the same constants say to each is said once.
    pub(crate) fn merge(&mut self, other: Notices) {
        for (constant, said) in other.constants {
            self.constants.entry(constant).or_insert(said);
        }
        self.total += other.total;
        let room = KEPT_MAX - self.kept.len();
        self.kept.extend(other.kept.into_iter().take(room));
    }

    /// What was said, and how much there was in all; nothing is left.
    pub fn take(&mut self) -> (Vec<Error>, u64) {
        let mut said: Vec<Error> = std::mem::take(&mut self.constants).into_values().flatten().collect();
        let total = std::mem::take(&mut self.total) + said.len() as u64;
        said.extend(std::mem::take(&mut self.kept).into_iter().map(|(_, what)| what));
        (said, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_decide_what_becomes_of_a_loss() {
        let mut notices = Notices::new(Rules { divided: Verdict::Warn, ..Rules::default() });
        assert!((0..2).try_for_each(|row| notices.divided(row)).is_ok());
        assert!(notices.stored(0, Error::DivisionByZero).is_err());
        let mark = notices.mark();
        assert!(notices.converted(0, Error::DivisionByZero).is_ok());
        assert_ne!(notices.mark(), mark);
        notices.back_to(mark);
        let (kept, total) = notices.take();
        assert_eq!((kept.len(), total), (2, 2));
        assert_eq!(notices.take().1, 0);
    }

    #[test]
    fn rows_speak_in_their_order() {
        let mut notices = Notices::default();
        notices.warn(9, Error::Undetermined);
        let mark = notices.mark();
        for row in [2, 0, 1] {
            notices.warn(row, Error::AssignTruncated { column: "c".into(), row: row as u64 });
        }
        notices.order_since(mark);
        let rows = |error: &Error| match error {
            Error::AssignTruncated { row, .. } => Some(*row),
            _ => None,
        };
        let order: Vec<_> = notices.take().0.iter().map(rows).collect();
        assert_eq!(order, [None, Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn a_constant_says_it_once() {
        let (mut one, mut other) = (Notices::default(), Notices::default());
        for worker in [&mut one, &mut other, &mut Notices::default()] {
            for _ in 0..3 {
                let mark = worker.mark();
                worker.warn(0, Error::DivisionByZero);
                worker.of_constant(1, 2, mark);
            }
        }
        other.warn(0, Error::Undetermined);
        one.merge(other);
        let (kept, total) = one.take();
        assert!(matches!(kept[..], [Error::DivisionByZero, Error::Undetermined]));
        assert_eq!(total, 2);
    }

    #[test]
    fn all_are_counted_and_the_first_are_kept() {
        let mut all = Notices::default();
        let mut worker = Notices::default();
        (0..KEPT_MAX).for_each(|_| all.warn(0, Error::DivisionByZero));
        (0..3).for_each(|_| worker.warn(0, Error::DivisionByZero));
        all.merge(worker);
        let (kept, total) = all.take();
        assert_eq!((kept.len(), total), (KEPT_MAX, KEPT_MAX as u64 + 3));
    }
}

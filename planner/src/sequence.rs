//! Sequences: numbers that are given out under a name, each once.
//!
//! A definition is plain data here; who gives the numbers out is the engine's. `NEXTVAL(s)`, `LASTVAL(s)` and `SETVAL(s, n)` are
//! volatile functions ([`crate::expr::Volatile`]) that hold the id of their sequence, so that no rule takes two calls for one.
//! Limits and defaults are TiDB's: both ends of BIGINT but one, on the side of zero that the increment points to.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;

/// Numbers that a session fetches at a time, if nothing is said.
const CACHE: i64 = 1000;

/// What tells a sequence apart from all others that there ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceId(pub u64);

/// A sequence of one version of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Stays the same when the sequence is altered or renamed.
    pub id: SequenceId,
    /// Database.
    pub database: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Which numbers it gives out.
    pub options: SequenceOptions,
    /// COMMENT.
    pub comment: Arc<str>,
}

/// Which numbers a sequence gives out: `start`, then one `increment` further each time, as long as they are between the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceOptions {
    /// START WITH.
    pub start: i64,
    /// MINVALUE.
    pub min: i64,
    /// MAXVALUE.
    pub max: i64,
    /// INCREMENT BY: not 0.
    pub increment: i64,
    /// CACHE: how many numbers are fetched at a time, of which those are lost that nobody asked for when the definition is
    /// altered; `None` = NOCACHE.
    pub cache: Option<i64>,
    /// CYCLE: behind the last number it begins again, at MINVALUE if it counts up, at MAXVALUE if it counts down.
    pub cycle: bool,
}

/// A clause of CREATE SEQUENCE or ALTER SEQUENCE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceClause {
    /// INCREMENT BY.
    Increment(i64),
    /// START WITH.
    Start(i64),
    /// MINVALUE; `None` = NO MINVALUE.
    Min(Option<i64>),
    /// MAXVALUE; `None` = NO MAXVALUE.
    Max(Option<i64>),
    /// CACHE; `None` = NOCACHE.
    Cache(Option<i64>),
    /// CYCLE, NOCYCLE.
    Cycle(bool),
    /// RESTART WITH; `None` = where it started. Of ALTER SEQUENCE alone.
    Restart(Option<i64>),
}

impl SequenceOptions {
    /// Those of a new sequence. They may contradict each other ([`SequenceOptions::is_consistent`]).
    pub fn defined(clauses: &[SequenceClause]) -> SequenceOptions {
        let increment = clauses.iter().rev().find_map(|clause| match clause {
            SequenceClause::Increment(by) => Some(*by),
            _ => None,
        });
        let increment = increment.unwrap_or(1);
        let (min, max) = SequenceOptions::bounds(increment);
        let options = SequenceOptions { start: 0, min, max, increment, cache: Some(CACHE), cycle: false };
        let mut options = options.with(clauses);
        if !clauses.iter().any(|clause| matches!(clause, SequenceClause::Start(_))) {
            options.start = if increment >= 0 { options.min.max(1) } else { options.max.min(-1) };
        }
        options
    }

    /// The same with these clauses, and where it begins again, if it does.
    pub fn altered(&self, clauses: &[SequenceClause]) -> (SequenceOptions, Option<i64>) {
        let options = self.with(clauses);
        let restart = clauses.iter().rev().find_map(|clause| match clause {
            SequenceClause::Restart(at) => Some(at.unwrap_or(options.start)),
            _ => None,
        });
        (options, restart)
    }

    /// The bounds of a sequence that has none of its own.
    fn bounds(increment: i64) -> (i64, i64) {
        if increment >= 0 { (1, i64::MAX - 1) } else { (i64::MIN + 1, -1) }
    }

    fn with(mut self, clauses: &[SequenceClause]) -> SequenceOptions {
        for clause in clauses {
            match *clause {
                SequenceClause::Increment(by) => self.increment = by,
                SequenceClause::Start(at) => self.start = at,
                SequenceClause::Cache(size) => self.cache = size,
                SequenceClause::Cycle(cycle) => self.cycle = cycle,
                SequenceClause::Min(_) | SequenceClause::Max(_) | SequenceClause::Restart(_) => {}
            }
        }
        // What they are without a value depends on the sign of the increment.
        let (min, max) = SequenceOptions::bounds(self.increment);
        for clause in clauses {
            match *clause {
                SequenceClause::Min(bound) => self.min = bound.unwrap_or(min),
                SequenceClause::Max(bound) => self.max = bound.unwrap_or(max),
                _ => {}
            }
        }
        self
    }

    /// The same, if it is such as the sequence of this name can have.
    ///
    /// # Errors
    /// [`Error::SequenceConflict`].
    pub fn checked(self, database: &str, name: &str) -> Result<SequenceOptions, Error> {
        match self.is_consistent() {
            true => Ok(self),
            false => Err(Error::SequenceConflict { database: database.into(), name: name.into() }),
        }
    }

    /// Whether there are such numbers, and none of them nor what is fetched at a time is beyond BIGINT (else error 4136).
    pub fn is_consistent(&self) -> bool {
        let step = self.increment.unsigned_abs();
        if step == 0 || self.cache.is_some_and(|size| size <= 0) {
            return false;
        }
        let room = (i64::MAX as u64).saturating_sub(step) / step;
        self.min <= self.start
            && self.start <= self.max
            && self.min < self.max
            && self.max != i64::MAX
            && self.min != i64::MIN
            && self.cache.unwrap_or(0).unsigned_abs() < room
    }
}

/// The statement that makes a sequence like this one.
impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SequenceOptions { start, min, max, increment, cache, cycle } = self.options;
        let name = self.name.replace('`', "``");
        write!(f, "CREATE SEQUENCE `{name}` start with {start} minvalue {min} maxvalue {max} ")?;
        write!(f, "increment by {increment} ")?;
        match cache {
            Some(size) => write!(f, "cache {size} ")?,
            None => f.write_str("nocache ")?,
        }
        f.write_str(if cycle { "cycle ENGINE=InnoDB" } else { "nocycle ENGINE=InnoDB" })?;
        match &*self.comment {
            "" => Ok(()),
            comment => write!(f, " COMMENT='{}'", comment.replace('\'', "''")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SequenceClause::{Cache, Increment, Max, Min, Restart, Start};
    use super::*;

    #[test]
    fn what_is_not_said_follows_the_sign_of_the_increment() {
        let bounds = |clauses: &[SequenceClause]| {
            let o = SequenceOptions::defined(clauses);
            (o.start, o.min, o.max)
        };
        assert_eq!(bounds(&[]), (1, 1, i64::MAX - 1));
        assert_eq!(bounds(&[Min(Some(0))]), (1, 0, i64::MAX - 1));
        assert_eq!(bounds(&[Min(Some(5))]), (5, 5, i64::MAX - 1));
        assert_eq!(bounds(&[Max(Some(7)), Max(None)]), (1, 1, i64::MAX - 1));
        assert_eq!(bounds(&[Increment(-2)]), (-1, i64::MIN + 1, -1));
        assert_eq!(bounds(&[Max(Some(-9)), Increment(-2)]), (-9, i64::MIN + 1, -9));
    }

    #[test]
    fn what_contradicts_itself_is_noticed() {
        let fits = |clauses: &[SequenceClause]| SequenceOptions::defined(clauses).is_consistent();
        assert!(fits(&[]) && fits(&[Increment(-3), Cache(None)]));
        assert!(!fits(&[Increment(0)]));
        assert!(!fits(&[Cache(Some(0))]));
        assert!(!fits(&[Increment(i64::MIN)]));
        assert!(!fits(&[Increment(-i64::MAX), Cache(Some(1))]));
        assert!(!fits(&[Max(Some(i64::MAX))]));
        assert!(!fits(&[Start(5), Max(Some(4))]));
        assert!(!fits(&[Min(Some(3)), Max(Some(3))]));
    }

    #[test]
    fn a_change_says_where_to_begin_again() {
        let first = SequenceOptions::defined(&[]);
        assert_eq!(first.altered(&[Increment(2)]), (SequenceOptions { increment: 2, ..first }, None));
        assert_eq!(first.altered(&[Restart(None), Start(4)]).1, Some(4));
        assert_eq!(first.altered(&[Restart(Some(9))]).1, Some(9));
    }
}

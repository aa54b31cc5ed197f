//! A driver for scripts of several sessions: what each sees of the others, who waits, and who fails.
//!
//! ```text
//! # Every line is a step. Sessions are made as they are named.
//! a: create table t (id int primary key, v int)
//! a: insert into t values (1, 10)
//! = 1                                    it changed so many rows
//! a: begin
//! b: update t set v = 20 where id = 1
//! a: select * from t
//! > 1 | 10                               the rows in order; `> (none)` if there are none
//! a: select v from t where id = 1 for update nowait
//! ! 3572                                 it fails with this code
//! b: update t set v = 30 where id = 1
//! ...                                    it waits; other sessions go on
//! a: rollback
//! b:                                     it goes on, and what follows is what it came to
//! = 1
//! b: ^C                                  the same, but it is stopped first, as by KILL QUERY
//! ! 1317
//! ```
//!
//! A statement that has nothing below it must succeed; if it returns rows they must be given. Each session has a thread of its
//! own, and one step is taken after the other, so a script runs the same way each time: who is to wait for a lock is waited for,
//! until `information_schema.data_lock_waits` has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use allod::{Cancel, Database, Session};

use crate::database;
use crate::slt::Value;

/// A statement that is to wait is watched until it is seen to wait for a lock. What it waits for otherwise (a commit, a change of
/// the schema) nobody shows: then it is looked at so often, at so many moments: on a machine that stalls, looks stall as well.
const LOOKS: usize = 60;
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// How long one that is to end may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Stops what waits.
const STOP: &str = "^C";

/// What a statement came to.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Rows(Vec<String>),
    Changed(u64),
    Failed(u16, String),
}

/// What a script says of it.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Success,
    Rows(Vec<String>),
    Changed(u64),
    Failure(u16),
    Waits,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    line: usize,
    session: String,
    /// Empty: what waited goes on; `^C`: it is stopped.
    sql: String,
    expected: Expected,
}

/// Runs a script on a database. One message for each step that did not come to what the script says, with its line.
///
/// # Errors
/// What is wrong with the script.
pub fn run(database: &Database, script: &str) -> Result<Vec<String>, String> {
    let mut failures = Vec::new();
    let mut sessions: BTreeMap<String, Connection> = BTreeMap::new();
    let mut observer = Observer(database.session());
    for step in parse(script)? {
        let session = sessions.entry(step.session.clone()).or_insert_with(|| Connection::new(database));
        if let Err(why) = session.take(&step, &mut observer) {
            failures.push(format!("line {}: {}: {}\n    {why}", step.line, step.session, step.sql));
        }
    }
    for (name, session) in &sessions {
        if session.waiting {
            failures.push(format!("{name} still waits at the end"));
        }
    }
    Ok(failures)
}

/// Sees who waits for a lock.
struct Observer(Session);

impl Observer {
    /// The transactions that wait.
    fn waiters(&mut self) -> Result<BTreeSet<String>, String> {
        match outcome(&mut self.0, "select trx_id from information_schema.data_lock_waits") {
            Outcome::Rows(waiters) => Ok(waiters.into_iter().collect()),
            other => Err(format!("{other:?}")),
        }
    }
}

/// A session, on a thread of its own.
struct Connection {
    statements: Option<Sender<String>>,
    /// How to stop each statement, from before it begins.
    handles: Receiver<Cancel>,
    outcomes: Receiver<Outcome>,
    waiting: bool,
    thread: Option<JoinHandle<()>>,
}

impl Connection {
    fn new(database: &Database) -> Connection {
        let (statements, asked) = channel::<String>();
        let (answer, outcomes) = channel();
        let (handle, handles) = channel();
        let database = database.clone();
        let thread = std::thread::spawn(move || {
            let mut session = database.session();
            for sql in asked {
                let sent = handle.send(session.cancel_handle()).is_ok();
                if !sent || answer.send(outcome(&mut session, &sql)).is_err() {
                    return;
                }
            }
        });
        Connection { statements: Some(statements), handles, outcomes, waiting: false, thread: Some(thread) }
    }

    fn take(&mut self, step: &Step, observer: &mut Observer) -> Result<(), String> {
        let goes_on = step.sql.is_empty() || step.sql == STOP;
        if goes_on != self.waiting {
            return Err(if self.waiting { "it still waits" } else { "nothing waits here" }.into());
        }
        // Of those that are over there is nothing to stop.
        if step.sql == STOP
            && let Some(last) = self.handles.try_iter().last()
        {
            last.cancel();
        }
        let before = observer.waiters()?;
        if !goes_on && let Some(statements) = &self.statements {
            statements.send(step.sql.clone()).map_err(|e| e.to_string())?;
        }
        self.waiting = false;
        let outcome = match (self.next(step, observer, &before)?, &step.expected) {
            (Some(outcome), Expected::Waits) => return Err(format!("did not wait: {outcome:?}")),
            (Some(outcome), _) => outcome,
            (None, Expected::Waits) => {
                self.waiting = true;
                return Ok(());
            }
            (None, _) => {
                self.waiting = true;
                return Err("waits".into());
            }
        };
        let fits = match (&outcome, &step.expected) {
            (Outcome::Changed(_), Expected::Success) => true,
            (Outcome::Changed(rows), Expected::Changed(expected)) => rows == expected,
            (Outcome::Rows(rows), Expected::Rows(expected)) => rows == expected,
            (Outcome::Failed(code, _), Expected::Failure(expected)) => code == expected,
            (Outcome::Rows(_) | Outcome::Changed(_) | Outcome::Failed(..), _) => false,
        };
        if fits { Ok(()) } else { Err(format!("came to {outcome:?}, expected {:?}", step.expected)) }
    }

    /// What a step comes to; `None` = it waits.
    fn next(
        &self,
        step: &Step,
        observer: &mut Observer,
        before: &BTreeSet<String>,
    ) -> Result<Option<Outcome>, String> {
        let within = |patience| match self.outcomes.recv_timeout(patience) {
            Ok(outcome) => Ok(Some(outcome)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err("the session is gone".to_owned()),
        };
        if step.expected != Expected::Waits {
            return within(PATIENCE);
        }
        for _ in 0..LOOKS {
            let outcome = within(BETWEEN_LOOKS)?;
            if outcome.is_some() || !observer.waiters()?.is_subset(before) {
                return Ok(outcome);
            }
        }
        Ok(None)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The thread ends when nothing can be asked any more; one that waits for ever is left alone.
        self.statements = None;
        if let Some(thread) = self.thread.take().filter(|_| !self.waiting) {
            let _ = thread.join();
        }
    }
}

fn outcome(session: &mut Session, sql: &str) -> Outcome {
    let failed = |error: allod::Error| Outcome::Failed(error.code(), error.to_string());
    let result = match session.execute(sql) {
        Ok(result) => result,
        Err(error) => return failed(error),
    };
    if !result.is_query() {
        return Outcome::Changed(result.affected_rows());
    }
    match database::values(result) {
        Ok(rows) => Outcome::Rows(rows.iter().map(|row| line(row)).collect()),
        Err(error) => failed(error),
    }
}

fn line(row: &[Value]) -> String {
    let mut out = String::new();
    for (i, value) in row.iter().enumerate() {
        if i > 0 {
            out.push_str(" | ");
        }
        // Writing to a string does not fail.
        let _ = match value {
            Value::Null => write!(out, "NULL"),
            Value::Int(v) => write!(out, "{v}"),
            Value::Real(v) => write!(out, "{v}"),
            Value::Text(v) => write!(out, "{v}"),
        };
    }
    out
}

fn parse(script: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    for (at, text) in script.lines().enumerate() {
        let (line, text) = (at + 1, text.trim());
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let malformed = || format!("line {line}: {text}");
        let (first, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
        let rest = rest.trim();
        let expected = match first {
            "=" => Expected::Changed(rest.parse().map_err(|_| malformed())?),
            "!" => Expected::Failure(rest.parse().map_err(|_| malformed())?),
            "..." => Expected::Waits,
            ">" => match steps.last().map(|step| &step.expected) {
                Some(Expected::Rows(rows)) if rest != "(none)" => {
                    Expected::Rows(rows.iter().cloned().chain([rest.to_owned()]).collect())
                }
                _ if rest == "(none)" => Expected::Rows(Vec::new()),
                _ => Expected::Rows(vec![rest.to_owned()]),
            },
            _ => {
                let session = first.strip_suffix(':').ok_or_else(malformed)?.to_owned();
                steps.push(Step { line, session, sql: rest.to_owned(), expected: Expected::Success });
                continue;
            }
        };
        let step = steps.last_mut().ok_or_else(malformed)?;
        if step.expected != Expected::Success && !matches!(expected, Expected::Rows(_)) {
            return Err(malformed());
        }
        step.expected = expected;
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read() {
        let script = "# c\n\na: select 1\n> 1 | x\n>  2\nb: q\n! 9007\na: w\n...\na:\n= 3\nc: n\n> (none)\n";
        let steps = parse(script).unwrap();
        let rows = |rows: &[&str]| Expected::Rows(rows.iter().map(|r| r.to_string()).collect());
        let expected = [
            (3, "a", "select 1", rows(&["1 | x", "2"])),
            (6, "b", "q", Expected::Failure(9007)),
            (8, "a", "w", Expected::Waits),
            (10, "a", "", Expected::Changed(3)),
            (12, "c", "n", rows(&[])),
        ];
        for (step, (line, session, sql, expected)) in steps.iter().zip(expected) {
            let (session, sql) = (session.to_owned(), sql.to_owned());
            assert_eq!(*step, Step { line, session, sql, expected });
        }
        assert_eq!(steps.len(), 5);
        for wrong in ["= 1", "a select", "a: x\n= 1\n! 2", "a: x\n! no"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_does_not_come_true_is_told() {
        let fails = |script: &str| run(&Database::new(), script).unwrap();
        assert_eq!(fails("a: select 1\n> 1\nb: select 2 from dual where 0\n> (none)"), Vec::<String>::new());
        assert_eq!(fails("a: create table t (a int)\na: insert into t values (1), (2)\n= 2").len(), 0);
        for wrong in [
            "a: select 1",
            "a: select 1\n> 2",
            "a: select 1\n= 0",
            "a: select nope\n! 1146",
            "a: select nope",
            "a: create table t (a int)\n! 1050",
            "a: select 1\n...",
            "a:",
        ] {
            assert_eq!(fails(wrong).len(), 1, "{wrong}");
        }
    }
}

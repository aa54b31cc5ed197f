//! Workloads whose processes are sessions of a database and speak SQL.
//!
//! Each process has a session on a [`Seat`]: a stack of its own, on the simulation's thread. So statements of
//! different sessions interleave at every message, and what happens is still a function of the seed: sessions have one
//! worker each, times that reach the cluster are the simulated clock's, and what the engine computes with several threads
//! (an index's rows, statistics) it puts in order. A process that dies takes its session with it, in the middle of a
//! statement; what it has locked stays locked until its time is over.
//!
//! What is not a function of the seed: how long something took by the wall clock (EXPLAIN ANALYZE, windows of
//! `CLUSTER_TIDB…` usage tables), which no workload reads.
//!
//! An error that no user should ever see (internal ones, an index that points nowhere) is a violation, whatever the checker
//! says of the history.

mod append;
mod bank;
pub mod counter;
pub mod kill;
pub mod past;
pub mod queue;
mod register;
pub mod savepoint;
mod set;
pub mod table;

use std::cell::RefCell;
use std::time::Duration;

use allod::{Database, Session, code};
use allod_storage::client::{AsyncUse, CommitOptions};
use allod_storage::turn::Seat;

use super::history::Outcome;
use super::rows::Style;
use super::workload::InSql;
use crate::database::rows;
use crate::slt::Value;

/// What processes have who speak SQL.
pub struct Sessions {
    database: Database,
    wrong: RefCell<Vec<String>>,
}

/// A process's session, on its seat.
pub type Connection = Seat<Session>;

impl Sessions {
    /// Of this database.
    pub fn new(database: Database) -> Sessions {
        Sessions { database, wrong: RefCell::default() }
    }

    /// A new session.
    ///
    /// # Panics
    /// If there is no memory for its stack.
    pub fn connect(&self) -> Connection {
        let database = self.database.clone();
        Seat::new(move || database.session())
    }

    /// Makes tables and rows, while all is well.
    ///
    /// # Panics
    /// If a statement fails.
    pub async fn set_up(&self, statements: Vec<String>) {
        let mut seat = self.connect();
        seat.run(move |session| {
            for sql in statements {
                session.run(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
        })
        .await;
    }

    /// Does what a process is told.
    pub async fn perform<W: InSql>(
        &self,
        workload: &W,
        connection: &mut Connection,
        style: Style,
        input: &W::Input,
    ) -> Outcome<W::Output> {
        let (workload, task) = (workload.clone(), input.clone());
        let result = connection
            .run(move |session| {
                let result = workload.act(session, style, &task);
                if result.is_err() {
                    // What was not committed is not done. Whether this succeeds does not matter: the session forgets it.
                    let _ = session.run("rollback");
                }
                result
            })
            .await;
        result.unwrap_or_else(|error| {
            if !is_expected(error.code()) {
                self.wrong.borrow_mut().push(format!("{input:?} fails with {error}"));
            }
            if error.code() == code::UNDETERMINED { Outcome::Unknown } else { Outcome::Fail }
        })
    }

    /// Errors that nobody should have seen.
    pub fn complaints(&self) -> Vec<String> {
        self.wrong.take()
    }
}

/// What a user must be prepared for who shares a cluster that is not well with others.
fn is_expected(error: u16) -> bool {
    const BUDGETS: std::ops::RangeInclusive<u16> = 9001..=9005;
    let codes = [
        code::LOCK_WAIT_TIMEOUT,
        code::DEADLOCK,
        code::SCHEMA_CHANGED,
        code::SNAPSHOT_TOO_OLD,
        code::WRITE_CONFLICT,
        code::UNDETERMINED,
    ];
    BUDGETS.contains(&error) || codes.contains(&error)
}

/// Begins a transaction that commits as it is to.
fn begin(session: &mut Session, style: Style) -> allod::Result<()> {
    let CommitOptions { one_phase, async_commit, linearizable } = style.options;
    session.run(&format!(
        "set tidb_enable_1pc = {one_phase}, tidb_enable_async_commit = {}, tidb_guarantee_linearizability = {linearizable}",
        async_commit != AsyncUse::Never,
    ))?;
    session.run(if style.pessimistic { "begin pessimistic" } else { "begin optimistic" }).map(drop)
}

/// What a query that reads before it writes ends with.
fn lock(style: Style) -> &'static str {
    if style.pessimistic { " for update" } else { "" }
}

/// Lets time pass.
fn pause(session: &Session, duration: Duration) {
    session.owner().cluster().runtime().pause(duration);
}

/// Does something with one statement, which is killed after so many milliseconds if it is not done by then.
fn killed_after<T>(session: &mut Session, ms: u64, statement: impl FnOnce(&mut Session) -> T) -> T {
    let cancel = session.cancel_handle();
    // On the simulation's own thread, when it is its turn.
    let killer = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        cancel.cancel();
    });
    let result = statement(session);
    killer.abort();
    result
}

/// The first column of the first row; `None` = there is no row, or NULL in it.
fn value(session: &mut Session, sql: &str) -> allod::Result<Option<Value>> {
    let first = rows(session, sql)?.into_iter().next().and_then(|row| row.into_iter().next());
    Ok(first.filter(|value| *value != Value::Null))
}

/// A number.
///
/// # Panics
/// If it is none: nobody wrote that.
fn int(value: &Value) -> i64 {
    let number = match value {
        Value::Int(number) => i64::try_from(*number).ok(),
        _ => None,
    };
    number.unwrap_or_else(|| panic!("a row holds {value:?}, which nobody wrote"))
}

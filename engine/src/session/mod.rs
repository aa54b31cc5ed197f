//! A session: one connection's current schema, variables, prepared statements and warnings, and its statements.
//!
//! A statement's way (the names are functions here and in the crates below):
//!
//! ```text
//! execute -> parse -> run -> bind -> optimize -> execute (executor) -> ResultSet
//!     |                ^ retried here, and nowhere else, when a write lost against another
//!     └ plan_cache: a text whose plan is known is neither parsed nor planned
//! ```
//!
//! Everything a statement may depend on is taken once, before it is bound: a version of the catalog, the time, the
//! variables, a timestamp of the cluster. Nothing of it changes while the statement runs. Statements of one transaction
//! (`transaction`) have the version of the catalog and the timestamp in common.

mod absent;
mod accounts;
mod admin;
mod as_of;
mod assign;
mod batch;
mod bindings;
mod connection;
mod create_as;
mod diagnostics;
mod explain;
mod few;
mod hinted;
mod kept;
mod listing;
mod load_data;
mod lock;
mod outfile;
mod plan_cache;
mod planned;
mod prepared;
mod privileges;
mod running;
mod sequences;
mod show;
mod simulate;
mod statement;
mod temporary;
mod trace;
mod transaction;
mod upkeep;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use allod_executor::{Cancel, FewRoom};
use allod_planner::Parsed;
use allod_planner::expr::FunctionUsage;
use allod_planner::parse::Command;
use allod_planner::resource::DEFAULT_GROUP;
use allod_planner::zone::Zone;
use allod_storage::client::Client;
use allod_storage::schema::{Datum, Timestamp};

use crate::accounts::{Account, Accounts, Rights};
use crate::bindings::Bindings;
use crate::catalog::DEFAULT_DATABASE;
use crate::counts::Counts;
use crate::database::Database;
use crate::error::{Error, Result, code};
use crate::named_locks::OfSession;
use crate::processes::{Cipher, Doing};
use crate::result::{Diagnostics, Late, ResultSet, Warning};
use crate::summary::OwnSummary;
use crate::transactions::{Shown, Stage};
use crate::usage::UsageReport;
use crate::variables::{Settings, Variables};

use accounts::Identity;
use assign::Found;
use hinted::Hinted;
use plan_cache::PlanCache;
use sequences::Asked;
use temporary::Temporaries;
use transaction::{Active, Options};

pub(crate) use load_data::Load;
pub use prepared::Prepared;
pub(crate) use show::{default_text, extra_of, key_of};

/// A connection to a database. It belongs to one thread at a time.
pub struct Session {
    database: Database,
    client: Client,
    id: u64,
    identity: Identity,
    /// Whether its client is elsewhere, and so are the client's files.
    remote: bool,
    /// The schema that bare table names belong to.
    current: Option<Arc<str>>,
    variables: Variables,
    last_insert_id: u64,
    /// Through what a statement asks sequences that asks none; and what the session got of them before.
    asks_none: Arc<Asked>,
    /// What it has of the locks that have names.
    named_locks: Arc<OfSession>,
    row_count: i64,
    /// FOUND_ROWS().
    found: Found,
    /// Of the last statement; what SHOW WARNINGS shows.
    diagnostics: Diagnostics,
    /// What a query says when it has ended, which may be by now.
    late: Option<Late>,
    /// By name in lower case: what SQL's PREPARE made.
    prepared: BTreeMap<String, Prepared>,
    /// While a statement runs that was prepared in another database than the current one: that.
    names_in: Option<String>,
    /// What its statements used of functions, all together.
    usage: FunctionUsage,
    plans: PlanCache,
    /// Whether the last statement found its own.
    plan_found: bool,
    /// For queries of few rows.
    few_room: FewRoom,
    /// Its own; they count more than those of all.
    bindings: Bindings,
    temporaries: Temporaries,
    /// `None` = each statement is one by itself.
    transaction: Option<Active>,
    /// What SET TRANSACTION says of the next one.
    next: Options,
    /// `tidb_snapshot`.
    snapshot: Option<Timestamp>,
    /// Counts changes of variables that plans may depend on.
    settings: u64,
    /// Statements that it was asked to run.
    questions: u64,
    counts: Counts,
    /// What its statements have cost, as far as it is not given away.
    summary: OwnSummary,
    /// How what it says to its client is encrypted.
    cipher: Option<Cipher>,
    /// For the statement to come.
    cancel: Cancel,
    /// What the hints of its statement ask of it.
    hinted: Hinted,
    /// What others see of its client's statement.
    doing: Option<Arc<Doing>>,
    /// What others see of its transaction; from its first one on.
    shown: Option<Arc<Shown>>,
}

impl Session {
    pub(crate) fn new(database: Database, id: u64) -> Session {
        let mut client = database.cluster().client();
        let variables = Variables::new(database.shared().globals.load_full());
        client.retry_by(variables.settings().retry);
        client.commit_by(variables.settings().commit);
        let named_locks =
            Arc::new(OfSession { locks: Arc::clone(&database.shared().named_locks), session: id });
        Session {
            database,
            client,
            id,
            named_locks,
            identity: Identity::of_owner(),
            remote: false,
            current: Some(DEFAULT_DATABASE.into()),
            variables,
            last_insert_id: 0,
            asks_none: Arc::default(),
            row_count: -1,
            found: Found::default(),
            diagnostics: Diagnostics::default(),
            late: None,
            prepared: BTreeMap::new(),
            names_in: None,
            usage: FunctionUsage::default(),
            plans: PlanCache::default(),
            plan_found: false,
            few_room: FewRoom::default(),
            bindings: Bindings::default(),
            temporaries: Temporaries::default(),
            transaction: None,
            next: Options::default(),
            snapshot: None,
            settings: 0,
            questions: 0,
            counts: Counts::default(),
            summary: OwnSummary::default(),
            cipher: None,
            cancel: Cancel::default(),
            hinted: Hinted::default(),
            doing: None,
            shown: None,
        }
    }

    /// CONNECTION_ID().
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The database it is a session of.
    pub fn owner(&self) -> &Database {
        &self.database
    }

    /// The schema that bare table names belong to.
    pub fn database(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// A handle that cancels the next statement or load that this session executes, at any time from now on and from any thread.
    pub fn cancel_handle(&self) -> Cancel {
        self.cancel.clone()
    }

    /// The wish to stop what the session does next, which is no statement.
    pub(crate) fn begin_load(&mut self) -> Cancel {
        std::mem::take(&mut self.cancel)
    }

    /// What its variables say of how statements run.
    pub(crate) fn settings(&self) -> &Settings {
        self.variables.settings()
    }

    /// What it may do.
    pub(crate) fn rights(&self) -> &Rights {
        &self.identity.rights
    }

    /// Says that its client is elsewhere: between two statements it waits for that.
    pub(crate) fn set_remote(&mut self) {
        self.remote = true;
        self.client.keep_turn();
    }

    /// Says who it is: a user (`name@host`, as connected), and the account that this is.
    pub(crate) fn log_in(&mut self, user: &str, account: &Account, accounts: &Arc<Accounts>) {
        self.identity = Identity::of_account(user, account, accounts);
        self.variables.resource_group =
            account.resource_group.clone().unwrap_or_else(|| DEFAULT_GROUP.into());
        self.plans.clear();
    }

    pub(crate) fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Warnings of the last statement.
    pub fn warnings(&self) -> &[Warning] {
        &self.diagnostics().list
    }

    /// What there is to say of the last statement.
    fn diagnostics(&self) -> &Diagnostics {
        let ended = self.late.as_ref().and_then(|late| late.get());
        ended.map_or(&self.diagnostics, |ended| &ended.diagnostics)
    }

    /// How often the functions of SQL were used: by the statements of this session that were planned so far, and by those
    /// of all sessions (see [`UsageReport`]).
    pub fn function_usage(&self) -> UsageReport {
        self.database.shared().usage.report(Some(&self.usage))
    }

    /// Runs one statement. A query's rows are computed as they are taken from the result.
    ///
    /// # Errors
    /// Whatever is wrong with the statement, with MySQL's code; the session can be used as before. An error may also come
    /// while rows are taken.
    pub fn execute(&mut self, sql: &str) -> Result<ResultSet> {
        self.asked();
        // The text of a single statement, as it is when it has been parsed.
        let mut counted = false;
        if self.variables.settings().keeps_text_plans {
            match self.execute_cached(sql.trim().trim_end_matches(';').trim_end(), &[], true) {
                ControlFlow::Break(result) => return result,
                ControlFlow::Continue(already) => counted = already,
            }
        }
        let mut statements = self.parse(sql)?;
        match (statements.pop(), statements.is_empty()) {
            (Some(statement), true) => self.execute_parsed(&statement, &[], counted),
            (Some(_), false) => {
                Err(Error::new(code::SYNTAX, "one statement was expected; execute_all takes several"))
            }
            (None, _) => Err(Error::new(code::EMPTY_QUERY, "query was empty")),
        }
    }

    /// Of which zone its clocks are.
    pub(crate) fn zone(&self) -> Zone {
        self.variables.settings().zone
    }

    /// The statements of a text, read as `sql_mode` says.
    fn parse(&mut self, sql: &str) -> Result<Vec<Parsed>> {
        let lexing = self.variables.settings().mode.lexing;
        self.noting(|_| Ok(allod_planner::parse_as(sql, lexing)?))
    }

    /// Runs a statement whose `?` stand for the given values (see [`params!`](crate::params!)).
    ///
    /// # Errors
    /// As [`Session::execute`]; and 1210 if there are more or fewer values than `?`.
    pub fn execute_with(&mut self, sql: &str, params: &[Datum]) -> Result<ResultSet> {
        let prepared = self.prepare(sql)?;
        self.execute_prepared(&prepared, params)
    }

    /// Runs the statements of a text one after another. `each` takes every result before the next statement begins.
    ///
    /// # Errors
    /// The first error of a statement or of `each`; what came before stays done.
    pub fn execute_all(&mut self, sql: &str, mut each: impl FnMut(ResultSet) -> Result<()>) -> Result<()> {
        for statement in self.parse(sql)? {
            self.asked();
            let result = self.execute_parsed(&statement, &[], false)?;
            each(result)?;
        }
        Ok(())
    }

    /// Runs one statement to its end and returns the number of rows it changed.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn run(&mut self, sql: &str) -> Result<u64> {
        let mut result = self.execute(sql)?;
        let affected = result.affected_rows();
        result.try_for_each(|batch| batch.map(drop))?;
        Ok(affected)
    }

    /// Counts a statement of a kind.
    fn count_command(&mut self, command: Command) {
        self.counts.command(command, &self.database.shared().counts);
    }

    /// Counts a statement.
    fn asked(&mut self) {
        self.questions += 1;
        self.hinted.noted = false;
        // What a query said is known when its rows were taken.
        if let Some(id) = self.asks_none.last.take_insert_id() {
            self.last_insert_id = id;
        }
        self.database.asked();
    }

    /// Runs a statement the whole way. `counted`: the functions that it uses are, for it was tried with a kept plan.
    fn execute_parsed(&mut self, parsed: &Parsed, params: &[Datum], counted: bool) -> Result<ResultSet> {
        let cancel = std::mem::take(&mut self.cancel);
        if let Some(command) = parsed.command().filter(|_| !counted) {
            self.count_command(command);
        }
        self.show_transaction(Stage::Running, Some(&parsed.text));
        let before = self.set_hinted(parsed);
        let result = self.noting(|session| session.statement(parsed, params, &cancel, counted));
        self.unset_hinted(before);
        if self.transaction.is_none() {
            self.end_rows();
        }
        self.show_transaction(Stage::Idle, None);
        result
    }

    /// Does something on behalf of a statement and keeps what SHOW WARNINGS wants to know. A panic is an error of this
    /// statement and no more: whatever it was in the middle of belongs to the statement, or is replaced as a whole.
    fn noting<T: Outcome>(&mut self, what: impl FnOnce(&mut Session) -> Result<T>) -> Result<T> {
        let caught = catch_unwind(AssertUnwindSafe(|| what(self)));
        let result = caught.unwrap_or_else(|panic| Err(Error::internal(panic_message(&*panic))));
        let limit = self.variables.settings().warnings_max;
        match &result {
            Ok(outcome) => {
                if let Some((diagnostics, late)) = outcome.diagnostics(limit) {
                    (self.diagnostics, self.late) = (diagnostics, late);
                }
            }
            Err(error) => {
                self.row_count = -1;
                let said = vec![Warning::error(error)];
                (self.diagnostics, self.late) = (Diagnostics::new(said, 1, limit), None);
            }
        }
        result
    }
}

/// A transaction that was not committed is rolled back, and what it has locked is given back at once.
impl Drop for Session {
    fn drop(&mut self) {
        self.roll_back();
        self.leave_temporaries();
        self.summary.give_all(Instant::now(), &self.database.shared().summary);
        if self.shown.is_some() {
            self.database.shared().transactions.leave(self.id);
        }
    }
}

/// What a step of a statement leaves for SHOW WARNINGS.
trait Outcome {
    /// `None` = what is there stays.
    fn diagnostics(&self, limit: usize) -> Option<(Diagnostics, Option<Late>)>;
}

impl Outcome for ResultSet {
    fn diagnostics(&self, limit: usize) -> Option<(Diagnostics, Option<Late>)> {
        let said = || Diagnostics::new(self.warnings().to_vec(), self.warning_count(), limit);
        (!self.keeps_warnings()).then(|| (said(), self.late()))
    }
}

impl Outcome for Vec<Parsed> {
    fn diagnostics(&self, _: usize) -> Option<(Diagnostics, Option<Late>)> {
        None
    }
}

/// A step that is not the last one.
impl Outcome for () {
    fn diagnostics(&self, _: usize) -> Option<(Diagnostics, Option<Late>)> {
        None
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_string())
}

#[cfg(test)]
mod tests {
    use crate::{Database, params};

    #[test]
    fn a_value_comes_back() {
        let mut session = Database::new().session();
        session.run("create table t (id bigint primary key, c varchar(10))").unwrap();
        assert_eq!(session.run("insert into t values (1, 'one'), (2, 'two')").unwrap(), 2);
        let row = session.execute("select c from t where id = 1").unwrap().rows().next().unwrap().unwrap();
        assert_eq!(row.get::<String>("c").unwrap(), "one");
        let set = session.execute_with("select id from t where c = ?", params!["two"]).unwrap();
        let ids: Vec<i64> = set.rows().map(|row| row.unwrap().get("id").unwrap()).collect();
        assert_eq!(ids, [2]);
    }

    #[test]
    fn errors_leave_the_session_usable() {
        let mut session = Database::new().session();
        assert_eq!(session.execute("select * from nope").unwrap_err().code(), 1146);
        assert_eq!(session.execute("selec 1").unwrap_err().code(), 1064);
        assert_eq!(session.execute("").unwrap_err().code(), 1065);
        assert_eq!(session.execute("set nope = 1").unwrap_err().code(), 1193);
        assert_eq!(session.warnings().len(), 1);
        let row = session.execute("select 1 as one").unwrap().rows().next().unwrap().unwrap();
        assert_eq!(row.get::<i64>("one").unwrap(), 1);
    }

    #[test]
    fn a_cancelled_statement_says_so() {
        let mut session = Database::new().session();
        session.cancel_handle().cancel();
        let outcome = session.execute("select 1").and_then(|set| set.collect_batches());
        assert_eq!(outcome.unwrap_err().code(), 1317);
        assert!(session.execute("select 1").unwrap().collect_batches().is_ok());
    }

    #[test]
    fn writes_that_lose_are_tried_again() {
        const WORKERS: i64 = 4;
        const TIMES: i64 = 25;
        let database = Database::new();
        database.session().run("create table n (id bigint primary key, v bigint)").unwrap();
        database.session().run("insert into n values (1, 0)").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    let mut session = database.session();
                    for _ in 0..TIMES {
                        // Even after all attempts it may lose; whoever calls decides then.
                        while let Err(error) = session.run("update n set v = v + 1 where id = 1") {
                            assert!(error.is_retryable(), "{error}");
                        }
                    }
                });
            }
        });
        let mut session = database.session();
        let row = session.execute("select v from n").unwrap().rows().next().unwrap().unwrap();
        assert_eq!(row.get::<i64>(0).unwrap(), WORKERS * TIMES);
    }

    #[test]
    fn a_query_keeps_to_its_memory() {
        let mut session = Database::new().session();
        session.run("create table n (v bigint)").unwrap();
        session.run("insert into n values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)").unwrap();
        let many = "select a.v + 10 * b.v + 100 * c.v + 1000 * d.v as k, count(*) from n a, n b, n c, n d group by k";
        let rows =
            |result: crate::ResultSet| result.collect_batches().map(|b| b.iter().map(|b| b.num_rows()).sum());
        assert_eq!(session.execute(many).and_then(rows), Ok::<usize, _>(10_000));
        session.run("set tidb_mem_quota_query = 1000").unwrap();
        assert_eq!(session.execute(many).and_then(rows).unwrap_err().code(), 8175);
        session.run("set tidb_mem_quota_query = default").unwrap();
        assert_eq!(session.execute(many).and_then(rows), Ok::<usize, _>(10_000));
    }

    #[test]
    fn results_tell_what_was_done() {
        let mut session = Database::new().session();
        session.run("create table t (id int auto_increment primary key, v int)").unwrap();
        let done = session.execute("insert into t (v) values (5), (6)").unwrap();
        assert_eq!((done.affected_rows(), done.last_insert_id(), done.is_query()), (2, 1, false));
        let done = session.execute("update t set v = 6").unwrap();
        assert_eq!(done.affected_rows(), 1);
        assert_eq!(done.info(), "Rows matched: 2  Changed: 1  Warnings: 0");
        assert_eq!(session.run("delete from t").unwrap(), 2);
        session.run("drop table if exists nope").unwrap();
        assert_eq!(session.warnings()[0].code, 1051);
        let warnings = session.execute("show warnings").unwrap().rows().count();
        assert_eq!((warnings, session.warnings().len()), (1, 1));
    }

    #[test]
    fn statements_are_prepared_by_name_and_by_value() {
        let mut session = Database::new().session();
        let sum = session.prepare("select ? + ?").unwrap();
        let mut result = |a: i64, b: i64| {
            let row = session.execute_prepared(&sum, params![a, b]).unwrap().rows().next().unwrap().unwrap();
            row.get::<i64>(0).unwrap()
        };
        assert_eq!((result(1, 2), result(3, 4)), (3, 7));
        assert_eq!(session.execute_prepared(&sum, params![1]).unwrap_err().code(), 1210);
        session.run("prepare s from 'select ? * 2'").unwrap();
        session.run("set @x = 21").unwrap();
        let row = session.execute("execute s using @x").unwrap().rows().next().unwrap().unwrap();
        assert_eq!(row.get::<i64>(0).unwrap(), 42);
        session.run("deallocate prepare s").unwrap();
        assert_eq!(session.execute("execute s using @x").unwrap_err().code(), 1243);
    }
}

//! What a server asks of a session besides to run statements.

use std::sync::Arc;
use std::time::{Duration, Instant};

use allod_planner::Parsed;
use allod_planner::bind::Bound;
use allod_storage::schema::Datum;

use super::{Prepared, Session};
use crate::error::{Error, Result, code};
use crate::information_schema;
use crate::processes::{Cipher, Doing, Process, Wish};
use crate::result::{Column, Diagnostics, Late};
use crate::slow::{Slow, shortened, without_secrets};
use crate::summary::Ran;
use crate::variables::charset::Wording;

/// What a connection does when it runs a statement.
const STATEMENTS: [&str; 2] = ["Query", "Execute"];

impl Session {
    /// The schema that bare table names belong to, to keep.
    pub(crate) fn shared_database(&self) -> Option<Arc<str>> {
        self.current.clone()
    }

    /// Whether a statement outside of a transaction is committed by itself.
    pub fn autocommit(&self) -> bool {
        self.variables.settings().autocommit
    }

    /// How long it may be idle.
    pub(crate) fn idle_limit(&self, interactive: bool) -> Option<Duration> {
        let settings = self.variables.settings();
        let limit = if interactive { settings.interactive_timeout } else { settings.wait_timeout };
        (!limit.is_zero()).then_some(limit)
    }

    /// What its client is told that it does: others see the plan of it there.
    pub(crate) fn is_doing(&mut self, doing: Arc<Doing>) {
        self.doing = Some(doing);
    }

    /// Whether a statement that took so long is slow.
    pub(crate) fn is_slow(&self, elapsed: Duration) -> bool {
        self.hinted.noted || self.variables.settings().slow.is_some_and(|slow| elapsed >= slow)
    }

    /// Counts what a statement of its client has cost, which is done by now.
    pub(crate) fn sum_up(
        &mut self,
        process: &Process,
        doing: &Doing,
        (shape, elapsed): (u64, Duration),
        now: Instant,
    ) {
        let all = &self.database.shared().summary;
        if !all.is_enabled() {
            return self.summary.clear();
        }
        let Some(statement) = doing.info.as_ref().filter(|_| STATEMENTS.contains(&doing.command)) else {
            return;
        };
        let late = self.late.as_ref().and_then(|late| late.get());
        let said = late.map_or(&self.diagnostics, |ended| &ended.diagnostics);
        let ran = || {
            let now_us = chrono::Utc::now().timestamp_micros();
            Ran {
                sample: without_secrets(statement),
                user: process.who().user.clone(),
                count: 0,
                errors: 0,
                warnings: 0,
                from_cache: 0,
                prepared: doing.command == "Execute",
                total: Duration::ZERO,
                least: Duration::MAX,
                most: Duration::ZERO,
                first_us: now_us,
                last_us: now_us,
            }
        };
        let outcome = (said.errors > 0, said.total - said.errors, self.plan_found);
        // What a text of this length is like nobody has looked at.
        if shape != 0 {
            self.summary.note(shape, doing.database.as_ref(), elapsed, outcome, ran);
        }
        self.summary.give(now, all);
    }

    /// Notes that a statement of its client was slow.
    #[cold]
    pub(crate) fn note_slow(&self, process: &Process, doing: &Doing) {
        let (Some(statement), true) = (&doing.info, STATEMENTS.contains(&doing.command)) else { return };
        let host = process.host.rsplit_once(':').map_or(&*process.host, |(host, _)| host);
        let transaction = self.in_transaction().then_some(self.variables.current_ts);
        let slow = Slow {
            ended_us: chrono::Utc::now().timestamp_micros(),
            elapsed: doing.since.elapsed(),
            connection: process.id,
            user: process.who().user.clone(),
            host: host.into(),
            database: doing.database.clone(),
            statement: shortened(&without_secrets(statement)),
            prepared: doing.command == "Execute",
            succeeded: self.diagnostics().errors == 0,
            from_cache: self.plan_found,
            from_binding: self.variables.plan_from_binding,
            transaction,
        };
        self.database.shared().slow.0.enter(slow);
    }

    /// How what it says to its client is encrypted.
    pub(crate) fn set_cipher(&mut self, cipher: Option<Cipher>) {
        self.cipher = cipher;
    }

    /// Bytes that came from its client and went to it.
    pub(crate) fn count_bytes(&mut self, received: u64, sent: u64) {
        self.counts.bytes(received, sent, &self.database.shared().counts);
    }

    /// `max_allowed_packet`.
    pub(crate) fn packet_bytes_max(&self) -> usize {
        self.variables.settings().packet_bytes_max
    }

    /// In which sets its client talks.
    pub(crate) fn wording(&self) -> Wording {
        self.variables.settings().wording
    }

    /// What the client says of them when it comes: the number of a collation.
    ///
    /// # Errors
    /// None: what there is not is left out.
    pub(crate) fn set_names(&mut self, collation: u16) -> Result<()> {
        self.variables.set_names(collation)
    }

    /// USE.
    ///
    /// # Errors
    /// 1049 if there is no such database, 1046 if it has no name, 1044 if it is none of the session's account's business.
    pub fn use_database(&mut self, name: &str) -> Result<()> {
        if name.is_empty() {
            return Err(Error::new(code::NO_DATABASE, "no database selected"));
        }
        self.refresh_rights();
        self.check_database(name)?;
        if let Some(name) = information_schema::named(name) {
            self.current = Some(name.into());
            return self.follow_database();
        }
        let found = self.database.catalog().database_name(name);
        let found =
            found.ok_or_else(|| Error::new(code::UNKNOWN_DATABASE, format!("unknown database '{name}'")))?;
        self.current = Some(found);
        self.follow_database()
    }

    /// The variables that say what the current database's tables are by default.
    pub(super) fn follow_database(&mut self) -> Result<()> {
        let Some(name) = &self.current else { return Ok(()) };
        let own = self.database.catalog().collation(name);
        let settings = [("character_set_database", own.charset().name()), ("collation_database", own.name())];
        for (variable, value) in settings {
            self.variables.set(variable, Some(&Datum::string(value)))?;
        }
        Ok(())
    }

    /// No database is the current one.
    pub(crate) fn leave_database(&mut self) {
        self.current = None;
    }

    /// Makes it as if it had just begun, in the database that it is in: what was not committed is rolled back.
    pub(crate) fn reset(&mut self) {
        let mut fresh = Session::new(self.database.clone(), self.id);
        fresh.identity = self.identity.anew(self.database.catalog().accounts());
        fresh.current = self.current.take();
        fresh.doing = self.doing.take();
        fresh.cipher = self.cipher.take();
        if self.remote {
            fresh.set_remote();
        }
        *self = fresh;
    }

    /// Parses a text of any number of statements.
    ///
    /// # Errors
    /// 1064 for the first that is none.
    pub(crate) fn prepare_all(&mut self, sql: &str) -> Result<Vec<Prepared>> {
        let statements = self.parse(sql)?;
        Ok(statements.into_iter().map(Prepared::from).collect())
    }

    /// The columns that a prepared statement is going to return; none if it returns no rows, or what they are depends on the
    /// values of its parameters.
    ///
    /// # Errors
    /// If it names what there is not.
    pub fn describe(&mut self, prepared: &Prepared) -> Result<Arc<[Column]>> {
        let columns = self.noting(|session| Ok(Described(session.columns_of(&prepared.parsed)?)));
        match columns {
            Ok(Described(columns)) => Ok(columns),
            Err(error) if NAMES.contains(&error.code()) => Err(error),
            // Without values nothing more can be said; executed with some, it may well be right.
            Err(_) => Ok([].into()),
        }
    }

    /// Refuses a prepared statement that names what there is not.
    pub(super) fn check_names(&mut self, prepared: &Prepared) -> Result<()> {
        match self.columns_of(&prepared.parsed) {
            Err(error) if NAMES.contains(&error.code()) => Err(error),
            // Without values nothing more can be said.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn columns_of(&mut self, parsed: &Parsed) -> Result<Arc<[Column]>> {
        let version = self.version();
        self.refresh_rights();
        let params = vec![Datum::Null; parsed.param_count];
        let catalog = self.catalog(&version);
        match allod_planner::bind(parsed, &self.plan_context(&catalog, &params))? {
            Bound::Query(query) if query.dml.is_none() => Ok(self.plan(query, &version, &params)?.columns()),
            Bound::Show(show) => {
                self.check_privileges(&Bound::Show(show.clone()))?;
                Ok(self.show(&show, &version)?.shared_columns())
            }
            _ => Ok([].into()),
        }
    }

    /// KILL: stops the statement of a connection, or ends the connection.
    ///
    /// # Errors
    /// 1094 if there is no such connection, 1095 if it is somebody else's.
    pub fn kill(&self, id: u64, only_statement: bool) -> Result<()> {
        let processes = self.database.shared().processes.list();
        let unknown = || Error::new(code::NO_SUCH_THREAD, format!("unknown thread id: {id}"));
        let process = processes.get(&id).ok_or_else(unknown)?;
        if *process.who().user != *self.identity.login_name()
            && !self.identity.rights.has_dynamic("CONNECTION_ADMIN")
        {
            return Err(Error::new(code::KILL_DENIED, format!("you are not owner of thread {id}")));
        }
        if !only_statement {
            process.end(Wish::Kill);
        }
        process.stop_statement();
        Ok(())
    }

    /// RELEASE: ends this session's own connection when its client has the answer. A session of the library has none.
    pub(super) fn end_connection(&self) {
        if let Some(process) = self.database.shared().processes.list().get(&self.id) {
            process.end(Wish::Kill);
        }
    }
}

/// Errors about names that there are not or that are not for this user, which no value of a parameter can mend.
const NAMES: &[u16] = &[
    code::NO_DATABASE,
    code::UNKNOWN_DATABASE,
    code::UNKNOWN_TABLE,
    code::NO_SUCH_TABLE,
    code::UNKNOWN_COLUMN,
    code::AMBIGUOUS_COLUMN,
    code::DOES_NOT_EXIST,
    code::ACCESS_DENIED,
    code::TABLE_DENIED,
    code::COLUMN_DENIED,
    code::SPECIFIC_ACCESS_DENIED,
];

/// Columns, found without running anything.
struct Described(Arc<[Column]>);

impl super::Outcome for Described {
    fn diagnostics(&self, _: usize) -> Option<(Diagnostics, Option<Late>)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::Database;

    fn names(session: &mut crate::Session, sql: &str) -> Vec<String> {
        let prepared = session.prepare(sql).unwrap();
        session.describe(&prepared).unwrap().iter().map(|c| format!("{} {}", c.name, c.ty.sql)).collect()
    }

    #[test]
    fn columns_are_known_before_a_statement_runs() {
        let mut session = Database::new().session();
        session.run("create table t (id bigint primary key, s varchar(5))").unwrap();
        assert_eq!(
            names(&mut session, "select s, id as i from t where id = ?"),
            ["s varchar(5)", "i bigint"]
        );
        assert_eq!(names(&mut session, "insert into t values (?, ?)"), [""; 0]);
        assert_eq!(names(&mut session, "select id from t limit ?"), [""; 0]);
        assert_eq!(names(&mut session, "show databases"), ["Database varchar(1024)"]);
        for (sql, code) in
            [("select * from nope", 1146), ("select nope from t", 1054), ("select * from d.t", 1049)]
        {
            let prepared = session.prepare(sql).unwrap();
            assert_eq!(session.describe(&prepared).unwrap_err().code(), code, "{sql}");
        }
    }

    #[test]
    fn names_are_set_and_utf_8() {
        let mut session = Database::new().session();
        let mut names = |sql: &str| {
            session.run(sql)?;
            let sql = "select @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection";
            let row = session.execute(sql)?.rows().next().unwrap()?;
            Ok((0..4).map(|at| row.value(at).to_string()).collect::<Vec<_>>().join(" "))
        };
        let want = |names: &str| Ok::<_, crate::Error>(names.to_string());
        assert_eq!(names("set names utf8"), want("utf8 utf8 utf8 utf8_bin"));
        assert_eq!(names("SET NAMES 'latin1' COLLATE 'latin1_bin'"), want("latin1 latin1 latin1 latin1_bin"));
        assert_eq!(names("set names default"), want("utf8mb4 utf8mb4 utf8mb4 utf8mb4_bin"));
        assert_eq!(names("set character set ascii"), want("ascii ascii ascii ascii_bin"));
        assert_eq!(names("set names klingon").unwrap_err().code(), 1115);
    }

    #[test]
    fn a_session_is_reset() {
        let mut session = Database::new().session();
        session.run("create database d").unwrap();
        session.use_database("D").unwrap();
        session.run("create table t (id int)").unwrap();
        session.run("begin").unwrap();
        session.run("insert into t values (1)").unwrap();
        session.run("set @a = 1").unwrap();
        session.run("set max_execution_time = 7").unwrap();
        assert!(session.in_transaction());
        session.reset();
        assert_eq!(
            (session.in_transaction(), session.autocommit(), session.database()),
            (false, true, Some("d"))
        );
        let row = session.execute("select count(*), @a, @@max_execution_time from t").unwrap().rows().next();
        let row = row.unwrap().unwrap();
        assert_eq!((row.get(0), row.get::<Option<i64>>(1), row.get(2)), (Ok(0), Ok(None), Ok(0)));
        assert_eq!(session.use_database("nope").unwrap_err().code(), 1049);
        assert_eq!(session.kill(1 << 40, true).unwrap_err().code(), 1094);
    }
}

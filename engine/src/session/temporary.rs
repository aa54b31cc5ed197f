//! Temporary tables: the session's own part of the schema, and the rows of its transaction in tables of all sessions.
//!
//! `catalog::temporary` says what they are. Here is when they come and go:
//!
//! ```text
//! create temporary table t (…)      an own table, until DROP, or the session ends; no transaction is committed for it
//! truncate table t                  another own table of the same definition
//! create global temporary table g (…) on commit delete rows      a change of the schema like others
//! insert into g …                   the first time in a transaction: an own table like g, and the statement is planned again
//! commit, rollback                  g's own table is forgotten
//! ```
//!
//! A statement by itself is a transaction, so what it writes to `g` is gone when it ends. Plans over temporary tables are not kept
//! (as in TiDB), and CREATE and DROP forget all plans that are, so none is used for a table that is hidden by now.

use std::sync::Arc;

use allod_executor::Cancel;
use allod_planner::Parsed;
use allod_planner::bind::{Ddl, TableName};
use allod_storage::schema::{TableDescriptor, Temporary};

use super::Session;
use super::statement::Planned;
use crate::catalog::{Entry, OwnTables, Retired};
use crate::error::{Error, Result, code};
use crate::result::Warning;

/// What a session has of temporary tables.
#[derive(Debug, Default)]
pub(super) struct Temporaries {
    /// Also the rows of its transaction in tables of all sessions.
    pub tables: OwnTables,
    /// What it has done with, and was still read when it had.
    retired: Vec<Retired>,
}

impl Temporaries {
    /// A table that nobody names any more.
    pub fn retire(&mut self, entry: Entry) {
        self.retired.push(Retired::new(entry));
    }

    /// Whether the session has a table of this name for itself, until it drops it.
    pub fn has_local(&self, name: &TableName) -> bool {
        self.tables.get(&name.database, &name.table).is_some_and(|entry| entry.descriptor.is_local())
    }
}

impl Session {
    /// Changes the schema, or the session's own part of it; returns notes.
    pub(super) fn define(
        &mut self,
        ddl: &Ddl,
        statement: &Arc<str>,
        cancel: &Cancel,
    ) -> Result<Vec<Warning>> {
        match ddl {
            Ddl::CreateTable(create) if create.temporary == Some(Temporary::Local) => {
                if let Some(note) = self.taken(&create.name, create.if_not_exists)? {
                    return Ok(vec![note]);
                }
                let version = self.version();
                let catalog = &self.database.shared().catalog;
                let entry = catalog.create_own(create, &version, &mut self.client)?;
                self.temporaries.tables.insert(entry);
                let said = create.warnings.iter();
                let warning = |w: &allod_planner::physical::PlanWarning| Warning {
                    level: "Warning",
                    code: w.code,
                    message: w.message.clone(),
                };
                Ok(said.map(warning).collect())
            }
            Ddl::CreateTableLike { name, like, if_not_exists, temporary: Some(Temporary::Local) } => {
                if let Some(note) = self.taken(name, *if_not_exists)? {
                    return Ok(vec![note]);
                }
                let version = self.version();
                let model = version.entry(&like.database, &like.table).ok_or_else(|| {
                    let message = format!("table '{}.{}' doesn't exist", like.database, like.table);
                    Error::new(code::NO_SUCH_TABLE, message)
                })?;
                let catalog = &self.database.shared().catalog;
                let entry = catalog.create_own_like(&model.descriptor, name, &version, &mut self.client)?;
                self.temporaries.tables.insert(entry);
                Ok(Vec::new())
            }
            Ddl::DropTables { tables, if_exists, temporary } => {
                self.drop_tables((tables, *if_exists, *temporary), statement, cancel)
            }
            Ddl::Truncate { table } if self.temporaries.has_local(table) => self.truncate_own(table),
            ddl => self.change_schema(ddl, statement, cancel),
        }
    }

    /// Changes the schema that all sessions see.
    fn change_schema(&mut self, ddl: &Ddl, statement: &Arc<str>, cancel: &Cancel) -> Result<Vec<Warning>> {
        let mut waiting = self.waiting(cancel);
        let (notes, job) =
            self.database.shared().catalog.apply(ddl, statement, &mut self.client, &mut waiting)?;
        if let Some(job) = job {
            let info = serde_json::json!({ "query": &**statement, "seq_num": job });
            self.variables.last_ddl = info.to_string().into();
        }
        Ok(notes)
    }

    /// An error if the session has a table of this name for itself, or a note if that does not matter.
    pub(super) fn taken(&self, name: &TableName, excused: bool) -> Result<Option<Warning>> {
        if !self.temporaries.has_local(name) {
            return Ok(None);
        }
        let message = format!("table '{}.{}' already exists", name.database, name.table);
        excuse(excused, Error::new(code::TABLE_EXISTS, message)).map(Some)
    }

    /// Whether a statement commits the transaction first. DROP TABLE does not if it is about own tables only.
    pub(super) fn commits_first(&self, parsed: &Parsed) -> bool {
        if self.temporaries.tables.is_empty() {
            return parsed.commits_implicitly();
        }
        let database = self.names_in.as_deref().or(self.current.as_deref()).unwrap_or_default();
        let is_own = |(of, table): (Option<&str>, &str)| {
            let entry = self.temporaries.tables.get(of.unwrap_or(database), table);
            entry.is_some_and(|entry| entry.descriptor.is_local())
        };
        let dropped = parsed.dropped_tables();
        parsed.commits_implicitly() && (dropped.is_empty() || !dropped.into_iter().all(is_own))
    }

    /// DROP TABLE: a name stands for the session's own table, if it has one. DROP TEMPORARY TABLE drops no other ones, and
    /// nothing at all if one of them does not exist, also IF EXISTS (as TiDB, not as MySQL).
    fn drop_tables(
        &mut self,
        (tables, if_exists, temporary): (&[TableName], bool, Option<Temporary>),
        statement: &Arc<str>,
        cancel: &Cancel,
    ) -> Result<Vec<Warning>> {
        let (mut own, mut others): (Vec<&TableName>, Vec<TableName>) = Default::default();
        for name in tables {
            let same = |known: &&TableName| {
                known.database.eq_ignore_ascii_case(&name.database)
                    && known.table.eq_ignore_ascii_case(&name.table)
            };
            match self.temporaries.has_local(name) && !own.iter().any(same) {
                true => own.push(name),
                false => others.push(name.clone()),
            }
        }
        let mut notes = Vec::new();
        if !others.is_empty() {
            match temporary {
                Some(Temporary::Local) => {
                    let names: Vec<String> =
                        others.iter().map(|name| format!("{}.{}", name.database, name.table)).collect();
                    let message = format!("unknown table '{}'", names.join(","));
                    return Ok(vec![excuse(if_exists, Error::new(code::UNKNOWN_TABLE, message))?]);
                }
                Some(Temporary::Global) | None => {
                    let others = Ddl::DropTables { tables: others, if_exists, temporary };
                    notes = self.change_schema(&others, statement, cancel)?;
                }
            }
        }
        for TableName { database, table } in own {
            let gone = self.temporaries.tables.remove(database, table);
            self.temporaries.retired.extend(gone.map(Retired::new));
        }
        Ok(notes)
    }

    fn truncate_own(&mut self, name: &TableName) -> Result<Vec<Warning>> {
        if let Some(old) = self.temporaries.tables.get(&name.database, &name.table).cloned() {
            let catalog = &self.database.shared().catalog;
            let entry = catalog.create_own_again(&old, 1, &mut self.client)?;
            drop(old);
            let gone = self.temporaries.tables.insert(entry);
            self.temporaries.retired.extend(gone.map(Retired::new));
        }
        Ok(Vec::new())
    }

    /// Sees to it that the transaction has a place for rows of its own in every temporary table of all sessions that a statement
    /// writes to or locks. Whether a place is new: then the statement is to be planned again.
    pub(super) fn make_room(&mut self, planned: &Planned) -> Result<bool> {
        let lacks = |table: &&Arc<TableDescriptor>| {
            table.temporary == Some(Temporary::Global)
                && self.temporaries.tables.get(&table.database, &table.name).is_none()
        };
        let wanted: Vec<Arc<TableDescriptor>> = planned.written().filter(lacks).cloned().collect();
        if wanted.is_empty() {
            return Ok(false);
        }
        let version = self.version();
        for table in wanted {
            if let Some(shared) = version.entry(&table.database, &table.name) {
                let catalog = &self.database.shared().catalog;
                let entry = catalog.create_own_again(shared, shared.counters.ids.peek(), &mut self.client)?;
                self.temporaries.tables.insert(entry);
            }
        }
        Ok(true)
    }

    /// A transaction has ended: its rows in tables of all sessions are no more.
    pub(super) fn end_rows(&mut self) {
        let ended = self.temporaries.tables.end_transaction();
        self.temporaries.retired.extend(ended.into_iter().map(Retired::new));
        self.sweep();
    }

    /// Drops the spaces that it has done with and nobody reads any more.
    fn sweep(&mut self) {
        let unread: Vec<Retired> =
            self.temporaries.retired.extract_if(.., |retired| !retired.is_held()).collect();
        unread.into_iter().for_each(|retired| retired.drop_spaces(&mut self.client));
    }

    /// The session ends, and its own tables with it.
    pub(super) fn leave_temporaries(&mut self) {
        let Temporaries { tables, retired } = std::mem::take(&mut self.temporaries);
        self.temporaries.retired = retired;
        self.temporaries.retired.extend(tables.into_entries().map(Retired::new));
        self.sweep();
        let held = std::mem::take(&mut self.temporaries.retired);
        if !held.is_empty() {
            self.database.shared().catalog.abandon(held, &mut self.client);
        }
    }

    /// The statistics of a table are to say how many rows it has by now.
    pub(super) fn tell_rows(&mut self, table: &TableDescriptor) {
        match table.temporary {
            None => self.database.shared().catalog.publish_rows(table),
            Some(_) => self.temporaries.tables.tell_rows(table),
        }
    }
}

/// The error, or a note that says the same.
pub(super) fn excuse(excused: bool, error: Error) -> Result<Warning> {
    match excused {
        true => Ok(Warning { level: "Note", code: error.code(), message: error.message().to_string() }),
        false => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::SpaceId;

    use crate::{Database, Session};

    /// The spaces of a table as the session sees it, with their indexes.
    fn spaces(session: &Session, table: &str) -> Vec<SpaceId> {
        let version = session.version();
        let partitions = &version.entry("test", table).unwrap().descriptor.partitions;
        partitions.iter().flat_map(|p| std::iter::once(p.records).chain(p.indexes.clone())).collect()
    }

    fn are_there(database: &Database, spaces: &[SpaceId]) -> bool {
        let mut client = database.cluster().client();
        let mut is_there = |space: &SpaceId| client.runtime().block_on(client.regions(*space)).is_ok();
        let there: Vec<bool> = spaces.iter().map(&mut is_there).collect();
        assert!(there.iter().all(|one| *one == there[0]), "some are there, some not");
        there[0]
    }

    #[test]
    fn a_session_takes_its_tables_with_it() {
        let database = Database::new();
        let mut session = database.session();
        let mut gone = Vec::new();
        for end in ["drop table t", "drop temporary table t", "truncate table t"] {
            session
                .run("create temporary table if not exists t (id int primary key, v int, key v (v))")
                .unwrap();
            session.run("insert into t values (1, 1)").unwrap();
            gone.push(spaces(&session, "t"));
            assert!(are_there(&database, gone.last().unwrap()));
            session.run(end).unwrap();
        }
        session.run("create temporary table u (id int primary key, v int)").unwrap();
        session.run("begin").unwrap();
        session.run("insert into u values (1, 1)").unwrap();
        assert!(gone.iter().all(|spaces| !are_there(&database, spaces)));
        let last: Vec<_> = ["t", "u"].map(|table| spaces(&session, table)).concat();
        assert!(are_there(&database, &last));
        drop(session);
        assert!(!are_there(&database, &last));
    }

    #[test]
    fn rows_of_a_transaction_take_their_spaces_with_them() {
        let database = Database::new();
        let mut session = database.session();
        session.run("create global temporary table g (id int primary key, v int, key v (v)) on commit delete rows").unwrap();
        let shared = spaces(&session, "g");
        for end in ["commit", "rollback", "begin", "create table if not exists x (id int)"] {
            session.run("begin").unwrap();
            assert_eq!(session.execute("select * from g").unwrap().rows().count(), 0);
            assert_eq!(spaces(&session, "g"), shared, "who only reads needs none");
            session.run("insert into g values (1, 1)").unwrap();
            let own = spaces(&session, "g");
            assert!(own.iter().all(|space| !shared.contains(space)) && are_there(&database, &own));
            session.run("insert into g values (2, 2)").unwrap();
            assert_eq!(spaces(&session, "g"), own);
            session.run(end).unwrap();
            assert!(!are_there(&database, &own), "{end}");
            assert_eq!(spaces(&session, "g"), shared, "{end}");
        }
        session.run("rollback").unwrap();
        for (sql, code) in
            [("insert into g values (1, 1), (2, 2)", 0), ("insert into g values (1, 1), (1, 2)", 1062)]
        {
            assert_eq!(session.run(sql).map_or_else(|error| error.code(), |_| 0), code);
            assert_eq!(spaces(&session, "g"), shared);
        }
        // None of it was ever written there.
        session.run("begin").unwrap();
        session.run("insert into g values (1, 1)").unwrap();
        let own = spaces(&session, "g");
        drop(session);
        assert!(!are_there(&database, &own) && are_there(&database, &shared));
        assert_eq!(database.session().execute("select * from g").unwrap().rows().count(), 0);
    }

    #[test]
    fn what_is_being_read_stays_to_be_read() {
        for outlives in [false, true] {
            let database = Database::new();
            let mut session = database.session();
            session.run("create temporary table t (id int primary key, s varchar(100))").unwrap();
            let row = |id: i32| format!("({id}, repeat('x', 100))");
            for first in 0..20 {
                let rows: Vec<String> = (0..1000).map(|n| row(first * 1000 + n)).collect();
                session.run(&format!("insert into t values {}", rows.join(","))).unwrap();
            }
            let read = spaces(&session, "t");
            let mut rows = session.execute("select id, s from t").unwrap().rows();
            assert!(rows.next().is_some_and(|row| row.is_ok()));
            session.run("drop table t").unwrap();
            session.run("create temporary table t (id int)").unwrap();
            assert!(are_there(&database, &read));
            let session = (!outlives).then_some(session);
            assert_eq!(rows.filter(|row| row.is_ok()).count(), 19_999);
            let mut other = database.session();
            for _ in 0..2 {
                other.run("create table x (id int)").unwrap();
                other.run("drop table x").unwrap();
            }
            drop(session);
            assert!(!are_there(&database, &read));
        }
    }
}

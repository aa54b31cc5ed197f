//! Tables that were dropped, as FLASHBACK and RECOVER TABLE find them.
//!
//! DROP TABLE, TRUNCATE and DROP DATABASE take tables out of the schema; their spaces stay until their garbage is collected: after
//! `tidb_gc_life_time`, when somebody changes the schema next. Rows take memory here, so no more than so many are kept
//! for that: of what is beyond, the oldest go first. A table comes back as it went, with its indexes and what is known of its
//! rows, but for its foreign keys: rows that these refer to may be gone.

use std::collections::VecDeque;
use std::sync::Arc;

use allod_planner::bind::{StatsChange, TableName};
use allod_planner::stats::TableStats;
use allod_storage::schema::{Constraints, SpaceId, TableDescriptor, TableId, Timestamp};

use super::Lease;
use super::ddl::{Notes, database, entry, no_notes, spaces, taken};
use super::version::{Entry, Whole};
use crate::error::{Error, Result, code};
use crate::information_schema;
use crate::result::Warning;

/// Rows of dropped tables that are kept, in all.
const ROWS_KEPT_MAX: u64 = 1_000_000;
/// Dropped tables that are kept.
const TABLES_KEPT_MAX: usize = 256;
/// Names that are remembered of those that are not.
const FORGOTTEN_MAX: usize = 256;

/// Tables that were dropped, the oldest first.
#[derive(Default)]
pub(super) struct Dropped {
    kept: VecDeque<(Timestamp, What)>,
    /// Those whose rows are gone for good, with their databases; and databases.
    forgotten: VecDeque<(Arc<str>, Option<Arc<str>>)>,
}

enum What {
    Table(Box<Entry>),
    Database(Whole),
}

impl What {
    fn tables(&self) -> Vec<&Entry> {
        match self {
            What::Table(entry) => vec![entry],
            What::Database(whole) => whole.tables().collect(),
        }
    }

    fn is_table(&self, name: &TableName) -> bool {
        matches!(self, What::Table(entry) if is_called(&entry.descriptor, name))
    }

    fn is_database(&self, name: &str) -> bool {
        matches!(self, What::Database(whole) if whole.name().eq_ignore_ascii_case(name))
    }
}

fn is_called(table: &TableDescriptor, name: &TableName) -> bool {
    table.database.eq_ignore_ascii_case(&name.database) && table.name.eq_ignore_ascii_case(&name.table)
}

impl Dropped {
    fn last(&self, is_it: impl Fn(&What) -> bool) -> Option<usize> {
        self.kept.iter().rposition(|(_, what)| is_it(what))
    }

    /// The spaces of those that are too old, or too many.
    fn expire(&mut self, safe: Option<Timestamp>) -> Vec<SpaceId> {
        let (mut rows, mut tables) = (0u64, 0usize);
        let beyond = self.kept.iter().rposition(|(when, what)| {
            let all = what.tables();
            rows = all.iter().map(|entry| entry.live_rows()).fold(rows, u64::saturating_add);
            tables += all.len();
            rows > ROWS_KEPT_MAX || tables > TABLES_KEPT_MAX || safe.is_some_and(|safe| *when <= safe)
        });
        let mut gone = Vec::new();
        for (_, what) in self.kept.drain(..beyond.map_or(0, |at| at + 1)) {
            gone.extend(what.tables().into_iter().flat_map(|entry| spaces(&entry.descriptor)));
            self.forgotten.push_back(match &what {
                What::Table(entry) => {
                    let TableDescriptor { database, name, .. } = &*entry.descriptor;
                    (Arc::clone(database), Some(Arc::clone(name)))
                }
                What::Database(whole) => (Arc::clone(whole.name()), None),
            });
        }
        let old = self.forgotten.len().saturating_sub(FORGOTTEN_MAX);
        self.forgotten.drain(..old);
        gone
    }

    /// Why there is nothing of this name to bring back.
    fn missing(&self, database: &str, table: Option<&str>) -> Error {
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        let is_it = |(its, name): &(Arc<str>, Option<Arc<str>>)| {
            same(its, database)
                && match (name, table) {
                    (Some(name), Some(table)) => same(name, table),
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                }
        };
        if self.forgotten.iter().any(is_it) {
            return Error::new(code::OLDER_THAN_SAFE_POINT, "snapshot is older than GC safe point");
        }
        let message = match table {
            Some(table) => format!("Can't find dropped/truncated table: {table} in DDL history jobs"),
            None => format!("Can't find dropped database: {database} in DDL history jobs"),
        };
        Error::new(code::UNKNOWN, message)
    }
}

impl Lease<'_> {
    /// Keeps what the newest version does not name any more.
    pub(super) fn keep_table(&mut self, entry: Entry) {
        if entry.descriptor.temporary.is_some() {
            return self.retire(spaces(&entry.descriptor));
        }
        self.keep(What::Table(Box::new(entry)));
    }

    /// The same for a database with all of its tables.
    pub(super) fn keep_database(&mut self, whole: Whole) {
        self.keep(What::Database(whole));
    }

    fn keep(&mut self, what: What) {
        let now = self.catalog.cluster.last_timestamp();
        if let Some(gone) = &mut self.gone {
            gone.dropped.kept.push_back((now, what));
        }
    }

    /// Gives up what is not to be kept any longer.
    pub(super) fn expire_dropped(&mut self) {
        let policy = self.catalog.cluster.garbage_policy();
        let now = self.catalog.cluster.last_timestamp();
        let life_ms = u64::try_from(policy.life.as_millis()).unwrap_or(u64::MAX);
        let safe_ms = now.physical_ms().checked_sub(life_ms).filter(|_| policy.enabled);
        // All of that millisecond.
        let safe = safe_ms.map(|ms| Timestamp(((ms + 1) << Timestamp::LOGICAL_BITS) - 1));
        let Some(gone) = &mut self.gone else { return };
        let spaces = gone.dropped.expire(safe);
        gone.retired.extend(spaces);
    }

    fn dropped(&mut self) -> Result<&mut Dropped> {
        self.gone
            .as_mut()
            .map(|gone| &mut gone.dropped)
            .ok_or_else(|| Error::internal("a lease that has ended"))
    }

    /// RECOVER TABLE, FLASHBACK TABLE: the last one that was dropped or emptied under this name.
    pub(super) fn flashback(&mut self, name: &TableName, to: &Arc<str>) -> Notes {
        self.expire_dropped();
        let version = self.version();
        let target = TableName { database: Arc::clone(&name.database), table: Arc::clone(to) };
        let database = database(&version, &target)?;
        let fresh = TableId(self.id());
        let dropped = self.dropped()?;
        let at = dropped.last(|what| what.is_table(name));
        let at = at.ok_or_else(|| dropped.missing(&name.database, Some(&name.table)))?;
        if let Some(error) = taken(&version, &target) {
            return Err(error);
        }
        let Some((_, What::Table(entry))) = dropped.kept.remove(at) else { return no_notes() };
        let (entry, notes) = renewed(*entry, database, Arc::clone(to), fresh);
        self.publish(version.with_table(entry));
        Ok(notes)
    }

    /// FLASHBACK DATABASE.
    pub(super) fn flashback_database(&mut self, name: &str, to: &Arc<str>) -> Notes {
        self.expire_dropped();
        let version = self.version();
        let dropped = self.dropped()?;
        let at = dropped.last(|what| what.is_database(name));
        let at = at.ok_or_else(|| dropped.missing(name, None))?;
        if version.has_database_named(to) || information_schema::is_it(to) {
            let message = format!("can't create database '{to}'; database exists");
            return Err(Error::new(code::DATABASE_EXISTS, message));
        }
        let Some((_, What::Database(whole))) = dropped.kept.remove(at) else { return no_notes() };
        let mut notes = Vec::new();
        let mut back = version.with_whole(&whole, to);
        for entry in whole.tables() {
            let name = Arc::clone(&entry.descriptor.name);
            let (entry, said) = renewed(entry.clone(), Arc::clone(to), name, TableId(self.id()));
            notes.extend(said);
            back = back.with_table(entry);
        }
        self.publish(back);
        Ok(notes)
    }

    /// DROP STATS, LOCK STATS, UNLOCK STATS.
    pub(super) fn change_stats(&mut self, change: StatsChange, tables: &[TableName]) -> Notes {
        let mut version = (*self.version()).clone();
        let mut notes = Vec::new();
        for name in tables {
            let entry = entry(&version, name)?.clone();
            let entry = match change {
                StatsChange::Drop => Entry { stats: Arc::new(TableStats::pseudo()), ..entry },
                StatsChange::Lock | StatsChange::Unlock => {
                    let stats_locked = change == StatsChange::Lock;
                    if entry.stats_locked == stats_locked {
                        let how = if stats_locked { "locking locked" } else { "unlocking unlocked" };
                        let message = format!("skip {how} table: {}.{}", name.database, name.table);
                        notes.push(Warning { level: "Warning", code: code::UNKNOWN, message });
                    }
                    Entry { stats_locked, ..entry }
                }
            };
            version = version.with_table(entry);
        }
        self.publish(version);
        Ok(notes)
    }
}

/// A table that comes back: as it was, but for its name, its number, foreign keys, and placement policies, which may be gone.
fn renewed(entry: Entry, database: Arc<str>, name: Arc<str>, id: TableId) -> (Entry, Vec<Warning>) {
    let old = &*entry.descriptor;
    let mut notes = Vec::new();
    for key in &old.constraints.foreign_keys {
        let message = format!("Foreign key '{}' of table '{name}' is not recovered", key.name);
        notes.push(Warning { level: "Warning", code: code::UNKNOWN, message });
    }
    let constraints = Constraints { foreign_keys: Vec::new(), ..old.constraints.clone() };
    let mut descriptor = TableDescriptor { id, database, name, constraints, ..old.clone() };
    descriptor.options.placement = None;
    descriptor.partitions.iter_mut().for_each(|partition| partition.placement = None);
    (Entry { descriptor: Arc::new(descriptor), closed: false, layouts: None, ..entry }, notes)
}

#[cfg(test)]
mod tests {
    use super::{FORGOTTEN_MAX, TABLES_KEPT_MAX};
    use crate::Database;

    #[test]
    fn of_what_is_not_kept_any_more_it_is_said_that_it_was_there() {
        let mut session = Database::new().session();
        let mut run = |sql: &str| session.run(sql).map_err(|error| error.code());
        run("create table first (id int)").unwrap();
        run("drop table first").unwrap();
        let drop_many = |run: &mut dyn FnMut(&str) -> Result<u64, u16>, many: usize| {
            for _ in 0..many {
                run("create table t (id int)").unwrap();
                run("drop table t").unwrap();
            }
        };
        // It is the one too many as soon as there are so many others.
        drop_many(&mut run, TABLES_KEPT_MAX - 1);
        run("flashback table first to back").unwrap();
        assert_eq!(run("flashback table first"), Err(1105));
        run("create database d").unwrap();
        run("drop database d").unwrap();
        run("create table first (id int)").unwrap();
        run("drop table first").unwrap();
        drop_many(&mut run, TABLES_KEPT_MAX);
        assert_eq!(run("recover table first"), Err(8055));
        assert_eq!(run("flashback table first to another"), Err(8055));
        assert_eq!(run("flashback database d"), Err(8055));
        assert_eq!(run("flashback database other"), Err(1105));
        // Under the same name there may be a younger one.
        run("create table first (id int)").unwrap();
        run("drop table first").unwrap();
        run("recover table first").unwrap();
        run("drop table first").unwrap();
        // Names are forgotten, too.
        drop_many(&mut run, TABLES_KEPT_MAX + FORGOTTEN_MAX);
        assert_eq!(run("flashback database d"), Err(1105));
        run("flashback table t").unwrap();
    }
}

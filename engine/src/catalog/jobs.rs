//! Changes of the schema as jobs: who changes it enters what he is about to do, says when he has the right to, and how it ended.
//!
//! A statement is a job for each table that it drops, else one. What turns out to change nothing (IF NOT EXISTS of what does) was
//! none. TiDB's words are used for what a job does and how far it is.

use std::sync::Arc;

use allod_executor::Cancel;
use allod_planner::bind::{AlterTable, Ddl, PartitionChange, TableName, ViewHow};
use allod_planner::catalog::Catalog as _;
use allod_planner::placement::PolicyChange;
use allod_planner::resource::ResourceChange;

use super::{Catalog, Lease, Version};
use crate::error::{Error, Result, code};
use crate::history::History;

/// Jobs that are remembered.
const JOBS_MAX: usize = 512;

/// A change of the schema.
#[derive(Clone)]
pub(crate) struct Job {
    /// What it does.
    pub kind: &'static str,
    pub database: Arc<str>,
    /// `None` = it is about the database.
    pub table: Option<Arc<str>>,
    /// Of the table; `None` = it has none, or it is not there yet.
    pub table_id: Option<u64>,
    pub statement: Arc<str>,
    pub stage: JobStage,
    /// Rows of which something was made.
    pub rows: u64,
    pub entered_us: i64,
    pub began_us: Option<i64>,
    pub ended_us: Option<i64>,
    cancel: Cancel,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobStage {
    Queueing,
    Running,
    /// Somebody has asked for its end.
    Cancelling,
    Synced,
    /// It had begun to change something, which is as it was.
    RolledBack,
    Cancelled,
}

impl JobStage {
    pub fn name(self) -> &'static str {
        match self {
            JobStage::Queueing => "queueing",
            JobStage::Running => "running",
            JobStage::Cancelling => "cancelling",
            JobStage::Synced => "synced",
            JobStage::RolledBack => "rollback done",
            JobStage::Cancelled => "cancelled",
        }
    }

    pub fn has_ended(self) -> bool {
        match self {
            JobStage::Queueing | JobStage::Running | JobStage::Cancelling => false,
            JobStage::Synced | JobStage::RolledBack | JobStage::Cancelled => true,
        }
    }
}

/// All jobs that are remembered.
pub(crate) struct Jobs(History<Job>);

/// The jobs of one statement. What has not ended when it goes away has failed.
pub(super) struct Entered<'a> {
    jobs: &'a Jobs,
    ids: Vec<u64>,
    /// Of the version before it had the right to change anything.
    before: Option<u64>,
    /// What it has come to.
    after: Option<After>,
}

/// The end of a job: the version then, and the rows of which something was made.
struct After {
    version: Arc<Version>,
    rows: u64,
}

impl Default for Jobs {
    fn default() -> Jobs {
        Jobs(History::new(JOBS_MAX))
    }
}

impl Jobs {
    /// With their numbers, the oldest first.
    pub fn list(&self) -> Vec<(u64, Arc<Job>)> {
        self.0.list().iter().map(|(id, job)| (*id, Arc::clone(job))).collect()
    }

    /// Whether there is, or was, a job with this number.
    pub(super) fn is_known(&self, id: u64) -> bool {
        self.0.get(id).is_some()
    }

    /// Asks a job to end.
    ///
    /// # Errors
    /// 8224 if there is none such, 8225 if it has ended.
    pub fn cancel(&self, id: u64) -> Result<()> {
        let not_found = || Error::new(code::NO_SUCH_JOB, format!("DDL Job:{id} not found"));
        let job = self.0.get(id).ok_or_else(not_found)?;
        if job.stage.has_ended() {
            let message = format!("this job:{id} is finished, so can't be cancelled");
            return Err(Error::new(code::JOB_FINISHED, message));
        }
        self.0.replace(id, Job { stage: JobStage::Cancelling, ..(*job).clone() });
        job.cancel.cancel();
        Ok(())
    }

    /// Enters what a statement is going to do to this version.
    pub(super) fn enter(
        &self,
        ddl: &Ddl,
        statement: &Arc<str>,
        version: &Version,
        cancel: &Cancel,
    ) -> Entered<'_> {
        let job = |(kind, database, table): (&'static str, &Arc<str>, Option<&Arc<str>>)| Job {
            kind,
            database: Arc::clone(database),
            table: table.cloned(),
            table_id: table.and_then(|table| id_of(version, database, table)),
            statement: Arc::clone(statement),
            stage: JobStage::Queueing,
            rows: 0,
            entered_us: now_us(),
            began_us: None,
            ended_us: None,
            cancel: cancel.clone(),
        };
        let ids = targets(ddl, version).into_iter().map(job).map(|job| self.0.enter(job)).collect();
        Entered { jobs: self, ids, before: None, after: None }
    }
}

impl Entered<'_> {
    /// That of the last of them.
    pub fn number(&self) -> Option<u64> {
        self.ids.last().copied()
    }

    /// It has the right to change the schema.
    pub fn begins(&mut self, version: &Version) {
        if self.before.is_none() {
            self.before = Some(version.number());
        }
        self.each(|job| {
            job.began_us.get_or_insert_with(now_us);
            if job.stage == JobStage::Queueing {
                job.stage = JobStage::Running;
            }
        });
    }

    /// It has done what it could.
    pub fn is_done(&mut self, lease: &Lease) {
        self.after = Some(After { version: lease.version(), rows: lease.handled });
    }

    /// It has ended; the error is the statement's.
    pub fn ends<T>(mut self, outcome: Result<T>) -> Result<T> {
        // Who did not get so far has left nothing.
        let after = self.after.take();
        let after = after.filter(|after| self.before != Some(after.version.number()));
        let asked = self.ids.iter().filter_map(|id| self.jobs.0.get(*id));
        let asked = asked.into_iter().any(|job| job.stage == JobStage::Cancelling);
        // DROP TABLE drops what there is, and complains of the rest.
        let done = outcome.as_ref().err().is_none_or(|error| error.code() == code::UNKNOWN_TABLE);
        let stage = match (done, &after) {
            (true, Some(_)) => JobStage::Synced,
            (false, Some(_)) => JobStage::RolledBack,
            (false, None) if asked => JobStage::Cancelled,
            // It never was one.
            (_, None) => return outcome,
        };
        self.each(|job| {
            (job.stage, job.ended_us) = (stage, Some(now_us()));
            let Some(After { version, rows }) = &after else { return };
            job.rows = *rows;
            if let (None, Some(table)) = (job.table_id, &job.table) {
                job.table_id = id_of(version, &job.database, table);
            }
        });
        match outcome {
            Err(error) if asked && error.code() == code::INTERRUPTED => {
                Err(Error::new(code::CANCELLED_JOB, "cancelled DDL job"))
            }
            outcome => outcome,
        }
    }

    fn each(&self, change: impl Fn(&mut Job)) {
        for id in &self.ids {
            if let Some(job) = self.jobs.0.get(*id) {
                let mut job = (*job).clone();
                change(&mut job);
                self.jobs.0.replace(*id, job);
            }
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        for id in &self.ids {
            if self.jobs.0.get(*id).is_some_and(|job| !job.stage.has_ended()) {
                self.jobs.0.forget(*id);
            }
        }
    }
}

impl Catalog {
    /// The states of a table's index that comes or goes while a job runs, in TiDB's words.
    pub fn state_of(version: &Version, job: &Job) -> &'static str {
        use allod_storage::schema::IndexState;
        match job.stage {
            JobStage::Synced if job.kind.starts_with("drop ") => "none",
            JobStage::Synced => "public",
            JobStage::RolledBack | JobStage::Cancelled | JobStage::Queueing => "none",
            JobStage::Running | JobStage::Cancelling => {
                let entry = job.table.as_ref().and_then(|table| version.entry(&job.database, table));
                let layout = entry.and_then(|entry| entry.adding());
                match layout.and_then(|layout| layout.indexes.last()).map(|index| index.state) {
                    Some(IndexState::DeleteOnly) => "delete only",
                    Some(IndexState::WriteOnly) => "write only",
                    Some(IndexState::Public) | None => "none",
                }
            }
        }
    }
}

fn now_us() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

fn id_of(version: &Version, database: &str, table: &str) -> Option<u64> {
    version.entry(database, table).map(|entry| entry.descriptor.id.0)
}

type Target<'a> = (&'static str, &'a Arc<str>, Option<&'a Arc<str>>);

/// What a statement does to what.
fn targets<'a>(ddl: &'a Ddl, version: &Version) -> Vec<Target<'a>> {
    let of = |kind, name: &'a TableName| (kind, &name.database, Some(&name.table));
    let one = |kind, name| vec![of(kind, name)];
    let has_table = |name: &&TableName| version.entry(&name.database, &name.table).is_some();
    match ddl {
        Ddl::CreateDatabase { name, .. } => vec![("create schema", name, None)],
        Ddl::AlterDatabase { name, placement: Some(_), .. } => {
            vec![("modify schema default placement", name, None)]
        }
        Ddl::AlterDatabase { name, .. } => vec![("modify schema charset and collate", name, None)],
        Ddl::Policy(change) => vec![(policy_change(change), change.name(), None)],
        Ddl::Resource(change) => vec![(resource_change(change), change.name(), None)],
        Ddl::DropDatabase { name, .. } => vec![("drop schema", name, None)],
        Ddl::CreateTable(create) => one("create table", &create.name),
        Ddl::CreateTableLike { name, .. } => one("create table", name),
        Ddl::CreateView { view, how } => match how {
            ViewHow::Create | ViewHow::Replace | ViewHow::Alter => {
                vec![("create view", &view.database, Some(&view.name))]
            }
        },
        Ddl::DropViews { views, .. } => {
            let is_there = |name: &&TableName| version.view(&name.database, &name.table).is_some();
            views.iter().filter(is_there).map(|name| of("drop view", name)).collect()
        }
        Ddl::CreateSequence { name, .. } => one("create sequence", name),
        Ddl::AlterSequence { name, .. } => one("alter sequence", name),
        Ddl::DropSequences { sequences, .. } => {
            let is_there = |name: &&TableName| version.sequence(&name.database, &name.table).is_some();
            sequences.iter().filter(is_there).map(|name| of("drop sequence", name)).collect()
        }
        Ddl::DropTables { tables, .. } => {
            tables.iter().filter(has_table).map(|name| of("drop table", name)).collect()
        }
        Ddl::Flashback { table, .. } => one("recover table", table),
        Ddl::FlashbackDatabase { to, .. } => vec![("flashback schema", to, None)],
        // What is known of rows is no part of the schema.
        Ddl::Stats { .. } => Vec::new(),
        Ddl::Truncate { table } => one("truncate table", table),
        Ddl::RenameTables { renames } => match renames.as_slice() {
            [] => Vec::new(),
            [(_, to)] => one("rename table", to),
            [(_, to), ..] => one("rename tables", to),
        },
        Ddl::CreateIndex { table, .. } => one("add index", table),
        Ddl::DropIndex { table, .. } => one("drop index", table),
        Ddl::AlterTable(change) => one(alteration(change), &change.table),
        Ddl::AlterPartitions { table, change } => one(repartition(change), table),
    }
}

fn resource_change(change: &ResourceChange) -> &'static str {
    match change {
        ResourceChange::Create { .. } => "create resource group",
        ResourceChange::Alter { .. } => "alter resource group",
        ResourceChange::Drop { .. } => "drop resource group",
    }
}

fn policy_change(change: &PolicyChange) -> &'static str {
    match change {
        PolicyChange::Create { .. } => "create placement policy",
        PolicyChange::Alter { .. } => "alter placement policy",
        PolicyChange::Drop { .. } => "drop placement policy",
    }
}

fn repartition(change: &PartitionChange) -> &'static str {
    match change {
        PartitionChange::Add(_) | PartitionChange::AddHash(_) => "add partition",
        PartitionChange::Drop { .. } => "drop partition",
        PartitionChange::Truncate(_) => "truncate partition",
        PartitionChange::Coalesce(_) | PartitionChange::Reorganize { .. } => "reorganize partition",
        PartitionChange::Exchange { .. } => "exchange partition",
        PartitionChange::Place { .. } => "alter table partition placement",
        PartitionChange::Remove => "alter table remove partitioning",
        PartitionChange::Repartition { .. } => "alter table partition by",
    }
}

/// What ALTER TABLE does; several things at once have a word of their own.
fn alteration(change: &AlterTable) -> &'static str {
    let old = &change.base;
    let mut kinds: Vec<&'static str> = Vec::new();
    let mut does = |yes: bool, kind| kinds.extend(yes.then_some(kind));
    let kept = |ordinal: &usize| change.from.contains(&Some(*ordinal));
    let is_new = |from: &Option<usize>| from.is_none();
    does(change.from.iter().any(is_new), "add column");
    does(!old.visible_columns().all(|ordinal| kept(&ordinal)), "drop column");
    let modified = |(column, from): (&_, &Option<usize>)| {
        from.is_some_and(|from| old.columns.get(from).is_some_and(|old| old != column))
    };
    does(change.columns.iter().zip(&change.from).any(modified), "modify column");
    let had_primary = old.clustered || old.index("PRIMARY").is_some();
    let primary = |key: &allod_planner::bind::AlteredKey| &*key.spec.name == "PRIMARY";
    let has_primary = !change.key.is_empty() || change.indexes.iter().any(primary);
    does(!had_primary && has_primary, "add primary key");
    does(had_primary && !has_primary, "drop primary key");
    does(change.indexes.iter().any(|key| key.from.is_none() && !primary(key)), "add index");
    let gone = |at: usize| !change.indexes.iter().any(|key| key.from == Some(at));
    let goes = |at: usize| gone(at) && &*old.indexes[at].name != "PRIMARY";
    does((0..old.indexes.len()).any(goes), "drop index");
    let kept = || change.indexes.iter().filter_map(|key| Some((key, &old.indexes[key.from?])));
    does(kept().any(|(key, old)| key.spec.name != old.name), "rename index");
    let hidden = |(key, old): (&allod_planner::bind::AlteredKey, &allod_storage::schema::IndexDescriptor)| {
        key.spec.options.invisible != old.options.invisible
    };
    does(kept().any(hidden), "alter index visibility");
    let (own, before) = (&change.constraints, &old.constraints);
    does(own.foreign_keys.len() > before.foreign_keys.len(), "add foreign key");
    does(own.foreign_keys.len() < before.foreign_keys.len(), "drop foreign key");
    does(own.checks.len() > before.checks.len(), "add check constraint");
    does(own.checks.len() < before.checks.len(), "drop check constraint");
    does(own.checks.len() == before.checks.len() && own.checks != before.checks, "alter check constraint");
    does(change.comment != old.comment, "modify table comment");
    does(change.collation != old.collation, "modify table charset and collate");
    does(change.options.ttl != old.options.ttl, "alter table ttl");
    does(change.options.cached && !old.options.cached, "alter table cache");
    does(!change.options.cached && old.options.cached, "alter table nocache");
    does(change.options.shard_row_id_bits != old.options.shard_row_id_bits, "shard row ID");
    does(change.numbering.cache != old.numbering.cache, "modify auto id cache");
    does(
        change.restarts.iter().any(|restart| restart.option == "AUTO_INCREMENT"),
        "rebase auto_increment ID",
    );
    does(change.restarts.iter().any(|restart| restart.option != "AUTO_INCREMENT"), "rebase auto_random ID");
    does(change.rename.is_some(), "rename table");
    match kinds.as_slice() {
        [one] => one,
        // What changes nothing was no job, whatever it is called.
        [] | [_, _, ..] => "alter table multi-schema change",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Database;

    #[test]
    fn a_job_that_waits_is_cancelled_by_its_number() {
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id int primary key, v int)").unwrap();
        let mut writer = database.session();
        writer.run("begin").unwrap();
        writer.run("insert into t values (1, 1)").unwrap();
        let waiting = std::thread::spawn(move || session.run("alter table t add index v (v)"));
        let jobs = &database.shared().catalog.jobs;
        let id = loop {
            let running = jobs.list().into_iter().find(|(_, job)| job.kind == "add index");
            if let Some((id, _)) = running {
                break id;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let mut other = database.session();
        let row = |session: &mut crate::Session, sql: &str| {
            session.execute(sql).unwrap().rows().next().map(|row| row.unwrap().get::<String>(1).unwrap())
        };
        assert_eq!(row(&mut other, &format!("admin cancel ddl jobs {id}")), Some("successful".into()));
        assert_eq!(waiting.join().unwrap().unwrap_err().code(), 8214);
        assert_eq!(
            row(&mut other, "admin cancel ddl jobs 9999"),
            Some("error: [ddl:8224]DDL Job:9999 not found".into())
        );
        let created = jobs.list()[0].0;
        assert_eq!(jobs.cancel(created).unwrap_err().code(), 8225);
        let kinds: Vec<_> = jobs.list().iter().map(|(_, job)| (job.kind, job.stage)).collect();
        assert_eq!(kinds[0], ("create table", JobStage::Synced));
        assert!(matches!(kinds[1], ("add index", JobStage::RolledBack | JobStage::Cancelled)), "{kinds:?}");
    }
}

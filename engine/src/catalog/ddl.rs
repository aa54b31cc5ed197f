//! Changes of the schema: each makes spaces first, then the version that names them, then leaves the spaces that nobody names
//! to be dropped when nobody can read them any more.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use rayon::prelude::*;

use allod_planner::bind::{CreateTable, Ddl, IndexSpec, PartitionLabel, TableName};
use allod_planner::catalog::{Catalog as _, View};
use allod_planner::physical::PlanWarning;
use allod_planner::sequence::Sequence;
use allod_planner::stats::TableStats;
use allod_storage::client::{Client, ScanRequest};
use allod_storage::schema::{
    CheckConstraint, ColumnDef, ColumnType, Constraints, ForeignKey, IndexDescriptor, IndexId, IndexState,
    PartitionDescriptor, ROW_ID_NAME, SpaceId, SpaceSchema, SqlType, TableDescriptor, TableId, TableOptions,
    Temporary, Timestamp,
};

use super::jobs::Entered;
use super::policies::settle;
use super::twice::told;
use super::version::{Counters, Entry, SequenceEntry, Version};
use super::writers::Writers;
use super::{Catalog, Lease, Waiting};
use crate::error::{Error, Result, code};
use crate::result::Warning;
use crate::rows::{full_batch, space_columns};

impl Catalog {
    /// Applies a change of the schema; returns notes (`IF EXISTS` of what does not). An error means that nothing is changed,
    /// but for what DROP TABLE dropped of the tables that exist. `statement`: the text that asks for it. Beside the notes: the
    /// number of the job that it was.
    pub fn apply(
        &self,
        ddl: &Ddl,
        statement: &Arc<str>,
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Result<(Vec<Warning>, Option<u64>)> {
        let mut job = self.jobs.enter(ddl, statement, &self.load(), waiting.cancel());
        let outcome = self.applied(ddl, &mut job, client, waiting);
        let number = job.number();
        let notes = job.ends(outcome)?;
        // What has changed nothing was no job.
        Ok((notes, number.filter(|number| self.jobs.is_known(*number))))
    }

    fn applied(&self, ddl: &Ddl, job: &mut Entered, client: &mut Client, waiting: &mut Waiting) -> Notes {
        self.leased(waiting, |lease, waiting| {
            job.begins(&lease.version());
            let outcome = lease.apply(ddl, client, waiting);
            if lease.in_the_way.is_none() {
                job.is_done(lease);
                drop_spaces(client, &lease.unreadable());
            }
            outcome
        })
    }
}

/// How long those who write to a table have to leave it, the first time. Twice as long each time.
pub(super) const GRACE_FIRST: Duration = Duration::from_millis(50);

impl Lease<'_> {
    fn apply(&mut self, ddl: &Ddl, client: &mut Client, waiting: &mut Waiting) -> Notes {
        match ddl {
            Ddl::CreateDatabase { name, if_not_exists, collation, placement } => {
                self.create_database(name, *if_not_exists, (*collation, placement.as_ref()))
            }
            Ddl::AlterDatabase { name, collation, placement } => {
                let version = self.version();
                if let Some(collation) = collation.filter(|new| version.collation(name) != *new) {
                    self.publish(version.with_collation(name, collation));
                }
                self.place_database(name, placement.as_ref())
            }
            Ddl::Policy(change) => self.change_policies(change),
            Ddl::Resource(change) => self.change_resources(change),
            Ddl::DropDatabase { name, if_exists } => self.drop_database(name, *if_exists),
            Ddl::CreateTable(create) => self.create_table(create, client, waiting),
            Ddl::CreateTableLike { name, like, if_not_exists, temporary } => {
                self.create_table_like((name, like, *temporary), *if_not_exists, client, waiting)
            }
            Ddl::CreateView { view, how } => self.create_view(view, *how),
            Ddl::DropViews { views, if_exists } => self.drop_views(views, *if_exists),
            Ddl::CreateSequence { name, options, comment, if_not_exists } => {
                self.create_sequence(name, *options, comment, *if_not_exists)
            }
            Ddl::AlterSequence { name, clauses, comment, if_exists } => {
                self.alter_sequence(name, clauses, comment.as_ref(), *if_exists)
            }
            Ddl::DropSequences { sequences, if_exists } => self.drop_sequences(sequences, *if_exists),
            Ddl::DropTables { tables, if_exists, temporary: _ } => {
                self.drop_tables(tables, *if_exists, waiting)
            }
            Ddl::Flashback { table, to } => self.flashback(table, to),
            Ddl::FlashbackDatabase { name, to } => self.flashback_database(name, to),
            Ddl::Stats { change, tables } => self.change_stats(*change, tables),
            Ddl::Truncate { table } => self.truncate(table, client, waiting),
            Ddl::RenameTables { renames } => self.rename(renames),
            Ddl::CreateIndex { table, base, index, if_not_exists } => {
                self.create_index((table, base), index, *if_not_exists, client, waiting)
            }
            Ddl::DropIndex { table, index, if_exists } => self.drop_index(table, index, *if_exists, waiting),
            Ddl::AlterTable(change) => self.alter_table(change, client, waiting),
            Ddl::AlterPartitions { table, change } => self.alter_partitions(table, change, client, waiting),
        }
    }
}

pub(super) type Notes = Result<Vec<Warning>>;

pub(super) fn no_notes() -> Notes {
    Ok(Vec::new())
}

/// The error, or a note of the same text if the statement said that it does not matter.
pub(super) fn unless(excused: bool, error: Error) -> Notes {
    if excused {
        Ok(vec![Warning { level: "Note", code: error.code(), message: error.message().to_string() }])
    } else {
        Err(error)
    }
}

impl Lease<'_> {
    fn create_table(&mut self, create: &CreateTable, client: &mut Client, waiting: &mut Waiting) -> Notes {
        let version = self.version();
        let database = database(&version, &create.name)?;
        if let Some(error) = taken(&version, &create.name) {
            return unless(create.if_not_exists, error);
        }
        let mut descriptor = self.catalog.described(create, database);
        settle(&version, &mut descriptor)?;
        self.add_table(descriptor, create.auto_increment.unwrap_or(1), client, waiting)?;
        let note = |of: &PlanWarning| Warning { level: "Note", ..warning(of) };
        Ok(create.notes.iter().map(note).chain(create.warnings.iter().map(warning)).collect())
    }

    fn create_table_like(
        &mut self,
        (name, like, temporary): (&TableName, &TableName, Option<Temporary>),
        if_not_exists: bool,
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Notes {
        let version = self.version();
        let model = Arc::clone(&entry(&version, like)?.descriptor);
        let database = database(&version, name)?;
        if let Some(error) = taken(&version, name) {
            return unless(if_not_exists, error);
        }
        let descriptor = self.catalog.described_like(&model, database, &name.table, temporary);
        self.add_table(descriptor, 1, client, waiting)
    }

    /// Makes the spaces of a new table, then publishes it. If it refers to others, nobody writes to it before those have had a
    /// moment to leave who are about to take rows from these and do not know of it yet. Who stays longer has taken a snapshot by
    /// then, and meets the locks of those who find parents.
    fn add_table(
        &mut self,
        descriptor: TableDescriptor,
        auto_increment: u64,
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Notes {
        create_spaces(client, schemas(&descriptor))?;
        let counters = Arc::new(Counters::new(auto_increment, descriptor.numbering));
        let refers = !descriptor.constraints.foreign_keys.is_empty();
        let entry = Entry {
            descriptor: Arc::new(descriptor),
            stats: Arc::new(TableStats::pseudo()),
            counters,
            writers: Arc::new(Writers::default()),
            since: Timestamp::default(),
            closed: refers,
            layouts: None,
            own: false,
            stats_locked: false,
        };
        let version = self.version();
        self.publish(version.with_table(entry.clone()));
        if refers {
            let TableDescriptor { database, name, constraints, .. } = &*entry.descriptor;
            self.closed.push((Arc::clone(database), Arc::clone(name)));
            let parents = constraints.foreign_keys.iter();
            let parents = parents.filter_map(|key| version.entry(&key.database, &key.table));
            let parents: Vec<&Entry> = parents.collect();
            let left = || Ok(parents.iter().all(|parent| parent.writers.is_empty()).then_some(()));
            waiting.within(GRACE_FIRST, left)?;
            self.reopen(entry);
        }
        no_notes()
    }

    /// Drops all tables that exist, then complains of those that do not, as MySQL does.
    fn drop_tables(&mut self, tables: &[TableName], if_exists: bool, waiting: &mut Waiting) -> Notes {
        let version = self.version();
        let mut missing = Vec::new();
        let mut there: Vec<&Entry> = Vec::with_capacity(tables.len());
        for name in tables {
            let entry = version.entry(&name.database, &name.table);
            // One that is named twice is not there the second time.
            match entry.filter(|entry| !there.iter().any(|e| Arc::ptr_eq(&e.descriptor, &entry.descriptor))) {
                Some(entry) => there.push(entry),
                None => missing.push(format!("{}.{}", name.database, name.table)),
            }
        }
        for entry in self.close(&there, waiting)? {
            let TableDescriptor { database, name, .. } = &*entry.descriptor;
            let version = self.version().without_table(database, name);
            self.publish(version);
            self.keep_table(entry);
        }
        if missing.is_empty() {
            return no_notes();
        }
        unless(if_exists, Error::new(code::UNKNOWN_TABLE, format!("unknown table '{}'", missing.join(","))))
    }

    /// New spaces, and the old ones are dropped: no row is touched.
    fn truncate(&mut self, table: &TableName, client: &mut Client, waiting: &mut Waiting) -> Notes {
        let version = self.version();
        let old = self.close_one(entry(&version, table)?, waiting)?;
        let partitions = self.partitions(labels(&old.descriptor), &old.descriptor.indexes);
        let descriptor = TableDescriptor { partitions, ..(*old.descriptor).clone() };
        if let Err(error) = create_spaces(client, schemas(&descriptor)) {
            self.reopen(old);
            return Err(error);
        }
        let last = old.clone();
        let counters = Arc::new(Counters::new(1, descriptor.numbering));
        self.reopen(Entry {
            descriptor: Arc::new(descriptor),
            stats: Arc::new(TableStats::pseudo()),
            counters,
            ..old
        });
        self.keep_table(last);
        no_notes()
    }

    pub(super) fn rename(&mut self, renames: &[(TableName, TableName)]) -> Notes {
        let version = self.renames(renames)?;
        self.publish(version);
        no_notes()
    }

    /// The schema with these tables renamed: all or none.
    pub(super) fn renames(&self, renames: &[(TableName, TableName)]) -> Result<Version> {
        let mut version = (*self.version()).clone();
        for (from, to) in renames {
            let database = database(&version, to)?;
            if let Some(view) = version.view(&from.database, &from.table) {
                version = version.without_view(&from.database, &from.table);
                if let Some(error) = taken(&version, to) {
                    return Err(error);
                }
                let view = View { database, name: Arc::clone(&to.table), ..(*view).clone() };
                version = version.with_view(Arc::new(view));
                continue;
            }
            if let Some(entry) = version.sequence_entry(&from.database, &from.table).cloned() {
                version = version.without_sequence(&from.database, &from.table);
                if let Some(error) = taken(&version, to) {
                    return Err(error);
                }
                let definition =
                    Sequence { database, name: Arc::clone(&to.table), ..(*entry.definition).clone() };
                version = version.with_sequence(SequenceEntry { definition: Arc::new(definition), ..entry });
                continue;
            }
            let entry = entry(&version, from)?.clone();
            version = version.without_table(&from.database, &from.table);
            if let Some(error) = taken(&version, to) {
                return Err(error);
            }
            let name = Arc::clone(&to.table);
            version = version.referring_to((&from.database, &from.table), (&database, &name), |_| None);
            let descriptor = TableDescriptor { database, name, ..(*entry.descriptor).clone() };
            version = version.with_table(Entry { descriptor: Arc::new(descriptor), ..entry });
        }
        Ok(version)
    }

    fn create_index(
        &mut self,
        (table, base): (&TableName, &TableDescriptor),
        spec: &IndexSpec,
        if_not_exists: bool,
        client: &mut Client,
        waiting: &mut Waiting,
    ) -> Notes {
        let version = self.version();
        let entry = entry(&version, table)?;
        if entry.descriptor.index(&spec.name).is_some() {
            let message = format!("duplicate key name '{}'", spec.name);
            return unless(if_not_exists, Error::new(code::DUPLICATE_KEY_NAME, message));
        }
        if *entry.descriptor != *base {
            return Err(Error::new(code::SCHEMA_CHANGED, "the table was changed; try again"));
        }
        self.add_indexes(entry, vec![self.index(spec)], client, waiting)?;
        no_notes()
    }

    fn drop_index(
        &mut self,
        table: &TableName,
        index: &str,
        if_exists: bool,
        waiting: &mut Waiting,
    ) -> Notes {
        let version = self.version();
        let entry = entry(&version, table)?;
        let Some(position) = entry.descriptor.index(index) else {
            let message = format!("can't DROP '{index}'; check that column/key exists");
            return unless(if_exists, Error::new(code::CANNOT_DROP, message));
        };
        self.drop_indexes(entry, &[position], waiting)?;
        no_notes()
    }

    /// Publishes that nobody may write to these tables, and gives those who do a while to leave; the tables as they were. An
    /// error, and they are open again, if they do not.
    pub(super) fn close(&mut self, entries: &[&Entry], waiting: &mut Waiting) -> Result<Vec<Entry>> {
        if let (None, Some(busy)) = (self.grace, entries.iter().find(|entry| !entry.writers.is_empty())) {
            return Err(self.blocked_by(busy));
        }
        let open: Vec<Entry> = entries.iter().map(|&entry| entry.clone()).collect();
        for entry in &open {
            let version = self.version().with_table(Entry { closed: true, ..entry.clone() });
            self.publish(version);
            let TableDescriptor { database, name, .. } = &*entry.descriptor;
            self.closed.push((Arc::clone(database), Arc::clone(name)));
        }
        let grace = self.grace.unwrap_or(GRACE_FIRST);
        let is_empty = |entry: &Entry| entry.writers.is_empty();
        let left = waiting.within(grace, || Ok(open.iter().all(is_empty).then_some(())));
        let busy = open.iter().find(|entry| !is_empty(entry));
        let outcome = match (left, busy) {
            (Ok(Some(())), _) | (Ok(None), None) => return Ok(open),
            (Ok(None), Some(busy)) => Err(self.blocked_by(busy)),
            (Err(error), _) => Err(error),
        };
        open.into_iter().for_each(|entry| self.reopen(entry));
        outcome
    }

    /// As `close`, of one table.
    pub(super) fn close_one(&mut self, entry: &Entry, waiting: &mut Waiting) -> Result<Entry> {
        self.close(&[entry], waiting)?.pop().ok_or_else(|| Error::internal("no table was closed"))
    }

    /// Closes a table, and the tables that new foreign keys of it refer to: nobody shall be about to delete what rows refer to
    /// without knowing of it. The table itself comes first.
    pub(super) fn close_with_parents(
        &mut self,
        table: &Entry,
        keys: &[ForeignKey],
        waiting: &mut Waiting,
    ) -> Result<Vec<Entry>> {
        let version = self.version();
        let TableDescriptor { database, name, .. } = &*table.descriptor;
        let mut entries: Vec<&Entry> = vec![table];
        for key in keys.iter().filter(|key| !key.refers_to(database, name)) {
            let parent = version.entry(&key.database, &key.table);
            let known =
                |e: &&Entry| entries.iter().any(|known| Arc::ptr_eq(&known.descriptor, &e.descriptor));
            entries.extend(parent.filter(|e| !known(e)));
        }
        self.close(&entries, waiting)
    }

    /// Opens them again, as other versions: what was planned before does not know who refers to them by now.
    pub(super) fn reopen_parents(&mut self, parents: Vec<Entry>) {
        for entry in parents {
            let descriptor = Arc::new((*entry.descriptor).clone());
            self.reopen(Entry { descriptor, ..entry });
        }
    }

    /// The change is to begin anew when those have left who write to this table now.
    pub(super) fn blocked_by(&mut self, busy: &Entry) -> Error {
        self.in_the_way = Some(Arc::clone(&busy.writers));
        Error::new(code::LOCK_WAIT_TIMEOUT, "others are writing to the table")
    }

    /// Publishes the table, open.
    pub(super) fn reopen(&mut self, entry: Entry) {
        let version = self.version().with_table(Entry { closed: false, ..entry });
        self.publish(version);
    }

    pub(super) fn index(&self, spec: &IndexSpec) -> IndexDescriptor {
        self.catalog.index(spec)
    }

    /// As [`Catalog::index_spaces`].
    pub(super) fn index_spaces(&self, table: &TableDescriptor, index: usize) -> Vec<SpaceId> {
        self.catalog.index_spaces(table, index)
    }

    /// As [`Catalog::partitions`].
    pub(super) fn partitions(
        &self,
        labels: Vec<PartitionLabel>,
        indexes: &[IndexDescriptor],
    ) -> Vec<PartitionDescriptor> {
        self.catalog.partitions(labels, indexes)
    }
}

impl Catalog {
    /// A table that is to be made, with ids.
    pub(super) fn described(&self, create: &CreateTable, database: Arc<str>) -> TableDescriptor {
        let mut columns = create.columns.clone();
        let mut key = create.key.clone();
        if key.is_empty() {
            key.push(columns.len());
            columns.push(row_id_column());
        }
        let partitions = match create.partitions.as_slice() {
            [] => vec![PartitionLabel::new("p0")],
            named => named.to_vec(),
        };
        let indexes: Vec<IndexDescriptor> = create.indexes.iter().map(|spec| self.index(spec)).collect();
        TableDescriptor {
            id: TableId(self.id()),
            database,
            name: Arc::clone(&create.name.table),
            columns,
            key,
            clustered: !create.key.is_empty(),
            partitions: self.partitions(partitions, &indexes),
            indexes,
            partitioning: create.partitioning.clone(),
            comment: Arc::clone(&create.comment),
            constraints: create.constraints.clone(),
            collation: create.collation,
            options: create.options.clone(),
            numbering: create.numbering,
            temporary: create.temporary,
        }
    }

    /// A table that is to be made like another one, with ids.
    pub(super) fn described_like(
        &self,
        model: &TableDescriptor,
        database: Arc<str>,
        name: &Arc<str>,
        temporary: Option<Temporary>,
    ) -> TableDescriptor {
        let indexes = model.indexes.iter().map(|i| IndexDescriptor { id: IndexId(self.id()), ..i.clone() });
        TableDescriptor {
            id: TableId(self.id()),
            database,
            name: Arc::clone(name),
            partitions: self.partitions(labels(model), &model.indexes),
            indexes: indexes.collect(),
            constraints: constraints_like(&model.constraints, name),
            options: TableOptions {
                cached: false,
                placement: model.options.placement.clone().filter(|_| temporary.is_none()),
                ..model.options.clone()
            },
            temporary,
            ..model.clone()
        }
    }

    fn index(&self, spec: &IndexSpec) -> IndexDescriptor {
        IndexDescriptor {
            id: IndexId(self.id()),
            name: Arc::clone(&spec.name),
            unique: spec.unique,
            columns: spec.columns.clone(),
            options: spec.options.clone(),
            state: IndexState::Public,
        }
    }

    /// Fresh space ids for the entries of an index, for each partition: one and the same if it is global.
    fn index_spaces(&self, table: &TableDescriptor, index: usize) -> Vec<SpaceId> {
        let shared = table.is_global(index).then(|| SpaceId(self.id()));
        table.partitions.iter().map(|_| shared.unwrap_or_else(|| SpaceId(self.id()))).collect()
    }

    /// Fresh space ids for partitions of these names, and for their entries of these indexes.
    pub(super) fn partitions(
        &self,
        labels: Vec<PartitionLabel>,
        indexes: &[IndexDescriptor],
    ) -> Vec<PartitionDescriptor> {
        let shared: Vec<Option<SpaceId>> =
            indexes.iter().map(|i| i.options.global.then(|| SpaceId(self.id()))).collect();
        let partition = |PartitionLabel { name, comment, placement }| PartitionDescriptor {
            name,
            records: SpaceId(self.id()),
            indexes: shared.iter().map(|space| space.unwrap_or_else(|| SpaceId(self.id()))).collect(),
            comment,
            placement,
        };
        labels.into_iter().map(partition).collect()
    }
}

/// What a table that is made like another one has of its constraints: the conditions, under names of their own, and no foreign
/// keys, as in MySQL.
fn constraints_like(model: &Constraints, table: &str) -> Constraints {
    let named = |(at, check): (usize, &CheckConstraint)| CheckConstraint {
        name: format!("{table}_chk_{}", at + 1).into(),
        ..check.clone()
    };
    Constraints { checks: model.checks.iter().enumerate().map(named).collect(), foreign_keys: Vec::new() }
}

/// What the planner has to say of a definition.
pub(super) fn warning(warning: &PlanWarning) -> Warning {
    Warning { level: "Warning", code: warning.code, message: warning.message.clone() }
}

/// The names of a table's partitions, and what is said of them.
pub(super) fn labels(table: &TableDescriptor) -> Vec<PartitionLabel> {
    let label = |p: &PartitionDescriptor| PartitionLabel {
        name: Arc::clone(&p.name),
        comment: Arc::clone(&p.comment),
        placement: p.placement.clone(),
    };
    table.partitions.iter().map(label).collect()
}

pub(super) fn database(version: &Version, name: &TableName) -> Result<Arc<str>> {
    let found = version.database_name(&name.database);
    found.ok_or_else(|| Error::new(code::UNKNOWN_DATABASE, format!("unknown database '{}'", name.database)))
}

pub(super) fn entry<'v>(version: &'v Version, name: &TableName) -> Result<&'v Entry> {
    version.entry(&name.database, &name.table).ok_or_else(|| {
        let message = format!("table '{}.{}' doesn't exist", name.database, name.table);
        Error::new(code::NO_SUCH_TABLE, message)
    })
}

pub(super) fn taken(version: &Version, name: &TableName) -> Option<Error> {
    let view = || version.view(&name.database, &name.table).map(drop);
    let sequence = || version.sequence_entry(&name.database, &name.table).map(drop);
    version.entry(&name.database, &name.table).map(drop).or_else(view).or_else(sequence)?;
    Some(Error::new(code::TABLE_EXISTS, format!("table '{}' already exists", name.table)))
}

pub(super) fn row_id_column() -> ColumnDef {
    ColumnDef { hidden: true, ..ColumnDef::new(ROW_ID_NAME, ColumnType::not_null(SqlType::BIGINT)) }
}

/// Layouts of all spaces of a table.
pub(super) fn schemas(table: &TableDescriptor) -> Vec<SpaceSchema> {
    let of_partitions = table.partitions.iter().flat_map(|p| partition_schemas(table, p));
    of_partitions.chain(global_schemas(table)).collect()
}

/// Layouts of the spaces of global indexes.
pub(super) fn global_schemas(table: &TableDescriptor) -> impl Iterator<Item = SpaceSchema> + '_ {
    global_spaces(table).map(|(index, id)| table.index_space(index, id).0)
}

/// Global indexes and their spaces.
pub(super) fn global_spaces(table: &TableDescriptor) -> impl Iterator<Item = (usize, SpaceId)> + '_ {
    let global = (0..table.indexes.len()).filter(|i| table.is_global(*i));
    global.flat_map(|index| table.spaces_of_index(index).map(move |id| (index, id)))
}

/// Layouts of the spaces of one partition that are its own.
pub(super) fn partition_schemas<'a>(
    table: &'a TableDescriptor,
    partition: &'a PartitionDescriptor,
) -> impl Iterator<Item = SpaceSchema> + 'a {
    let indexes = partition.indexes.iter().enumerate().filter(|(i, _)| !table.is_global(*i));
    let indexes = indexes.map(|(i, &id)| table.index_space(i, id).0);
    std::iter::once(table.record_space(partition.records)).chain(indexes)
}

/// All spaces of a table, each once.
pub(super) fn spaces(table: &TableDescriptor) -> Vec<SpaceId> {
    let of_partitions = table.partitions.iter().flat_map(|p| partition_spaces(table, p));
    of_partitions.chain(global_spaces(table).map(|(_, id)| id)).collect()
}

/// The spaces of one partition that are its own.
pub(super) fn partition_spaces<'a>(
    table: &'a TableDescriptor,
    partition: &'a PartitionDescriptor,
) -> impl Iterator<Item = SpaceId> + 'a {
    let indexes = partition.indexes.iter().enumerate().filter(|(i, _)| !table.is_global(*i));
    std::iter::once(partition.records).chain(indexes.map(|(_, &id)| id))
}

/// All of them, or none.
pub(super) fn create_spaces(
    client: &mut Client,
    schemas: impl IntoIterator<Item = SpaceSchema>,
) -> Result<()> {
    let runtime = client.runtime();
    let mut made = Vec::new();
    for schema in schemas {
        let id = schema.id;
        if let Err(error) = runtime.block_on(client.create_space(Arc::new(schema))) {
            drop_spaces(client, &made);
            return Err(error.into());
        }
        made.push(id);
    }
    Ok(())
}

/// Nobody names these spaces any more. One that cannot be dropped costs memory and nothing else, so the statement that
/// changed the schema, which is published already, does not fail for it.
pub(super) fn drop_spaces(client: &mut Client, spaces: &[SpaceId]) {
    let runtime = client.runtime();
    for &space in spaces {
        let _ = runtime.block_on(client.drop_space(space));
    }
}

/// Builds an index from the rows that are in these partitions.
pub(super) fn fill_index<'a>(
    client: &mut Client,
    table: &TableDescriptor,
    position: usize,
    partitions: impl IntoIterator<Item = &'a PartitionDescriptor>,
    waiting: &Waiting,
) -> Result<()> {
    let runtime = client.runtime();
    for partition in partitions {
        let (ts, _pin) = runtime.block_on(client.snapshot())?;
        let (space, ordinals) = table.index_space(position, partition.indexes[position]);
        let regions = runtime.block_on(client.scan(&ScanRequest::all(partition.records, ts)))?;
        let names = space_columns(&space);
        let batches: Vec<RecordBatch> = regions
            .par_iter()
            .flat_map(|region| region.morsels().into_par_iter().map(move |morsel| (region, morsel)))
            .map(|(region, morsel)| {
                waiting.check()?;
                full_batch(&names, region.read(&morsel, &ordinals).columns)
            })
            .collect::<Result<_>>()?;
        let ingested = runtime.block_on(client.ingest(space.id, batches, false));
        ingested.map_err(|error| told(client, table, (position, &space, &ordinals), ts, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use crate::Database;

    #[test]
    fn an_index_misses_no_row_that_is_written_while_it_is_built() {
        let database = Database::new();
        let mut session = database.session();
        session.run("create table t (id bigint primary key, v bigint)").unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for worker in 0..3 {
                let (database, stop) = (&database, &stop);
                scope.spawn(move || {
                    let mut session = database.session();
                    for i in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let id = i * 3 + worker;
                        session.run(&format!("insert into t values ({id}, {})", id % 10)).unwrap();
                        session.run(&format!("update t set v = v + 10 where id = {id}")).unwrap();
                    }
                });
            }
            for _ in 0..10 {
                session.run("create index iv on t (v)").unwrap();
                session.run("drop index iv on t").unwrap();
            }
            session.run("create index iv on t (v)").unwrap();
            stop.store(true, Ordering::Relaxed);
        });
        // Once through the index, once through the records.
        let mut count = |sql: &str| {
            let row = session.execute(sql).unwrap().rows().next().unwrap().unwrap();
            (row.get::<i64>(0).unwrap(), row.get::<Option<i64>>(1).unwrap())
        };
        let by_index = count("select count(*), sum(v) from t where v between 0 and 1000000");
        let by_records = count("select count(*), sum(v) from t where id + 0 >= 0");
        assert_eq!(by_index, by_records);
        assert!(by_index.0 > 0);
    }

    #[test]
    fn definitions_come_and_go() {
        let database = Database::new();
        let mut session = database.session();
        let mut code = |sql: &str| session.execute(sql).map_or_else(|error| error.code(), |_| 0);
        assert_eq!(code("create table t (id int primary key, v int)"), 0);
        assert_eq!(code("create table T (id int)"), 1050);
        assert_eq!(code("create table if not exists t (id int)"), 0);
        assert_eq!(code("insert into t values (1, 1), (2, 1)"), 0);
        assert_eq!(code("create unique index u on t (v)"), 1062);
        assert_eq!(code("create index u on t (v)"), 0);
        assert_eq!(code("create index u on t (v)"), 1061);
        assert_eq!(code("drop index nope on t"), 1091);
        assert_eq!(code("create table l like t"), 0);
        assert_eq!(code("rename table l to m, t to l"), 0);
        assert_eq!(code("insert into l values (1, 1)"), 1062);
        assert_eq!(code("truncate table l"), 0);
        assert_eq!(code("insert into l values (1, 1)"), 0);
        assert_eq!(code("drop table l, nope"), 1051);
        assert_eq!(code("select * from l"), 1146);
        assert_eq!(code("drop table if exists l"), 0);
        assert_eq!(code("create database other"), 0);
        assert_eq!(code("create database other"), 1007);
        assert_eq!(code("create table other.t (id int)"), 0);
        assert_eq!(code("use other"), 0);
        assert_eq!(code("drop database other"), 0);
        assert_eq!(code("select * from t"), 1046);
        assert_eq!(code("drop database other"), 1008);
        assert_eq!(code("use other"), 1049);
    }
}

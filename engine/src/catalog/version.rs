//! One immutable version of the schema.

use std::borrow::Cow;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use allod_executor::{Numbered, RowIds, Run};
use allod_planner::catalog::{Catalog, Table, View};
use allod_planner::sequence::Sequence;
use allod_planner::stats::TableStats;
use allod_storage::schema::{Collation, Numbering, TableDescriptor, Timestamp};

use super::DEFAULT_DATABASE;
use super::growth::Growth;
use super::ids::{Ids, Stride};
use super::numbers::Numbers;
use super::online::Layouts;
use super::policies::Policies;
use super::resources::Resources;
use super::temporary::OwnTables;
use super::writers::Writers;
use crate::accounts::{Accounts, Rights};
use crate::bindings::Bindings;
use crate::error::Result;

/// One version of the schema, with the statistics. Persistent maps: the next version shares all that did not change.
#[derive(Clone, Debug)]
pub struct Version {
    number: u64,
    /// By name in lower case.
    databases: OrdMap<String, Database>,
    accounts: Arc<Accounts>,
    bindings: Bindings,
    policies: Policies,
    resources: Resources,
    /// The temporary tables of the session that sees this; a published version has none.
    own: OwnTables,
}

#[derive(Clone, Debug)]
struct Database {
    name: Arc<str>,
    /// That of tables that say nothing of theirs.
    collation: Collation,
    /// By name in lower case.
    tables: OrdMap<String, Entry>,
    /// By name in lower case; none of them is a table's.
    views: OrdMap<String, Arc<View>>,
    /// By name in lower case; none of them is a table's or a view's.
    sequences: OrdMap<String, SequenceEntry>,
    /// The tables that have foreign keys.
    referring: OrdSet<String>,
}

/// A table in a version.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub descriptor: Arc<TableDescriptor>,
    pub stats: Arc<TableStats>,
    /// Lives as long as the rows do: TRUNCATE makes new ones.
    pub counters: Arc<Counters>,
    pub writers: Arc<Writers>,
    /// When the table came to be as the descriptor has it: a reader of an earlier time would miss what was built since.
    pub since: Timestamp,
    /// Whether DDL is at work on the table, and nobody may write to it.
    pub closed: bool,
    /// What is said to those who write to it, beside the descriptor.
    pub layouts: Option<Arc<Layouts>>,
    /// Whether it is a session's own, and in no published version.
    pub own: bool,
    /// Whether ANALYZE passes over it.
    pub stats_locked: bool,
}

/// A database that is in no version any more.
pub(super) struct Whole(Database);

impl Whole {
    /// What it was called.
    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// Its tables.
    pub fn tables(&self) -> impl Iterator<Item = &Entry> {
        self.0.tables.values()
    }
}

/// A sequence in a version.
#[derive(Clone, Debug)]
pub(crate) struct SequenceEntry {
    pub definition: Arc<Sequence>,
    pub numbers: Arc<Numbers>,
}

/// What a table counts: the numbers that it gives to its rows, and how many rows it has.
#[derive(Debug)]
pub(crate) struct Counters {
    /// AUTO_INCREMENT values or counts of AUTO_RANDOM ones, and hidden row ids: from one sequence, as in TiDB.
    pub ids: Ids,
    /// Hidden row ids where they are numbered apart: with AUTO_ID_CACHE 1.
    rows: Option<Ids>,
    /// How many rows there are.
    pub growth: Growth,
}

impl Counters {
    /// Numbers that begin with `first`.
    pub fn new(first: u64, numbering: Numbering) -> Counters {
        let rows = (numbering.cache == Some(1)).then(|| Ids::new(1, None));
        Counters { ids: Ids::new(first, numbering.cache), rows, growth: Growth::default() }
    }

    /// The same for a table that one session has: nobody else fetches numbers, which go one by one.
    pub fn of_one(first: u64) -> Counters {
        Counters { ids: Ids::new(first, Some(1)), rows: None, growth: Growth::default() }
    }

    /// The numbers of the hidden row ids.
    pub fn rows(&self) -> &Ids {
        self.rows.as_ref().unwrap_or(&self.ids)
    }

    /// The first of `count` consecutive row ids that nobody has.
    pub fn take_rows(&self, count: u64) -> Result<u64> {
        first_of(self.rows(), count)
    }

    /// The first of `count` consecutive numbers of the column that is numbered.
    pub fn take(&self, count: u64) -> Result<u64> {
        first_of(&self.ids, count)
    }

    /// Sees to it that nothing that the other has given is given here.
    pub fn follow(&self, other: &Counters) {
        self.ids.pass(other.ids.peek().saturating_sub(1));
        self.rows().pass(other.rows().peek().saturating_sub(1));
    }

    fn of(&self, what: Numbered) -> &Ids {
        match what {
            Numbered::Rows => self.rows(),
            Numbered::Increment | Numbered::Random => &self.ids,
        }
    }
}

fn first_of(ids: &Ids, count: u64) -> Result<u64> {
    let run = ids.take(count, Stride::ONE, i64::MAX as u64);
    run.map(|run| run.first).ok_or_else(|| allod_executor::Error::NoNumberLeft.into())
}

/// The numbers of a table for a statement of a session.
pub(crate) struct Given {
    pub counters: Arc<Counters>,
    /// What AUTO_INCREMENT columns are given.
    pub stride: Stride,
    /// Whether AUTO_RANDOM columns may be given other values.
    pub may_give_random: bool,
    /// Whether 0 stays what it is.
    pub keeps_zero: bool,
}

impl RowIds for Given {
    // A statement inserts into one table, and is given that table's counters.
    fn allocate(&self, what: Numbered, n: u64, max: u64) -> Option<Run> {
        let stride = if what == Numbered::Rows { Stride::ONE } else { self.stride };
        self.counters.of(what).take(n, stride, max)
    }

    fn observe(&self, what: Numbered, value: u64) {
        self.counters.of(what).pass(value);
    }

    fn may_give_random(&self) -> bool {
        self.may_give_random
    }

    fn keeps_zero(&self) -> bool {
        self.keeps_zero
    }
}

impl Entry {
    /// As the planner sees it.
    fn seen(&self) -> Table {
        Table { descriptor: Arc::clone(&self.descriptor), stats: Arc::clone(&self.stats) }
    }

    /// About how many rows there are: what was counted last, and the changes since.
    pub fn live_rows(&self) -> u64 {
        self.counters.growth.rows()
    }
}

impl RowIds for Counters {
    fn allocate(&self, what: Numbered, n: u64, max: u64) -> Option<Run> {
        self.of(what).take(n, Stride::ONE, max)
    }

    fn observe(&self, what: Numbered, value: u64) {
        self.of(what).pass(value);
    }
}

impl Version {
    pub(super) fn initial() -> Version {
        let accounts = Arc::new(Accounts::initial());
        let (databases, bindings) = (OrdMap::new(), Bindings::default());
        let (policies, resources, own) = (Policies::default(), Resources::initial(), OwnTables::default());
        let nothing = Version { number: 0, databases, accounts, bindings, policies, resources, own };
        nothing.with_database(DEFAULT_DATABASE, Collation::default())
    }

    /// Counts up by one with every change of the schema or of statistics.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Names of the databases, in order.
    pub fn databases(&self) -> impl Iterator<Item = &str> {
        self.databases.values().map(|d| &*d.name)
    }

    /// The database's name as it was created.
    pub(crate) fn database_name(&self, name: &str) -> Option<Arc<str>> {
        self.databases.get(&key(name)).map(|d| Arc::clone(&d.name))
    }

    /// Whether there is a database of this name, without regard to case.
    pub fn has_database_named(&self, name: &str) -> bool {
        self.databases.contains_key(&key(name))
    }

    /// Descriptors of a database's tables, by name.
    pub fn tables(&self, database: &str) -> impl Iterator<Item = &Arc<TableDescriptor>> {
        self.databases.get(&key(database)).into_iter().flat_map(|d| d.tables.values()).map(|e| &e.descriptor)
    }

    /// Entries of a database's tables, by name.
    pub(crate) fn entries(&self, database: &str) -> impl Iterator<Item = &Entry> {
        self.databases.get(&key(database)).into_iter().flat_map(|d| d.tables.values())
    }

    /// All tables.
    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.databases.values().flat_map(|database| database.tables.values())
    }

    /// The table of this name: the session's own, if it has one, or the one that lasts.
    pub(crate) fn entry(&self, database: &str, table: &str) -> Option<&Entry> {
        self.own.get(database, table).or_else(|| self.lasting(database, table))
    }

    /// The table of this name that lasts.
    fn lasting(&self, database: &str, table: &str) -> Option<&Entry> {
        self.databases.get(&key(database))?.tables.get(&key(table))
    }

    /// The same version as a session sees it that has these tables.
    pub(crate) fn with_own(&self, own: OwnTables) -> Version {
        Version { own, ..self.clone() }
    }

    /// Adds an empty database.
    pub(super) fn with_database(&self, name: &str, collation: Collation) -> Version {
        let database = Database {
            name: name.into(),
            collation,
            tables: OrdMap::new(),
            views: OrdMap::new(),
            sequences: OrdMap::new(),
            referring: OrdSet::new(),
        };
        self.next(self.databases.update(key(name), database))
    }

    /// The same database for which tables to come have another collation.
    pub(super) fn with_collation(&self, name: &str, collation: Collation) -> Version {
        let databases = self.databases.alter(|old| Some(Database { collation, ..old? }), key(name));
        self.next(databases)
    }

    /// The collation of tables of the database that say nothing of theirs.
    pub fn collation(&self, name: &str) -> Collation {
        self.databases.get(&key(name)).map(|database| database.collation).unwrap_or_default()
    }

    /// A database with all that is in it.
    pub(super) fn whole(&self, name: &str) -> Option<Whole> {
        self.databases.get(&key(name)).cloned().map(Whole)
    }

    /// The same with the views and sequences of a database that was dropped, under another name perhaps; its tables come one by one.
    pub(super) fn with_whole(&self, Whole(database): &Whole, to: &Arc<str>) -> Version {
        let views = database.views.iter().map(|(key, view)| {
            (key.clone(), Arc::new(View { database: Arc::clone(to), ..(**view).clone() }))
        });
        let sequences = database.sequences.iter().map(|(key, entry)| {
            let definition = Sequence { database: Arc::clone(to), ..(*entry.definition).clone() };
            (key.clone(), SequenceEntry { definition: Arc::new(definition), ..entry.clone() })
        });
        let database = Database {
            name: Arc::clone(to),
            collation: database.collation,
            tables: OrdMap::new(),
            views: views.collect(),
            sequences: sequences.collect(),
            referring: OrdSet::new(),
        };
        self.next(self.databases.update(key(to), database))
    }

    pub(super) fn without_database(&self, name: &str) -> Version {
        self.next(self.databases.without(&key(name)))
    }

    fn next(&self, databases: OrdMap<String, Database>) -> Version {
        Version { number: self.number + 1, databases, ..self.clone() }
    }

    /// The same, but only with the databases, tables and views of which these rights say that they may be seen.
    pub(crate) fn seen_with(&self, rights: &Rights) -> Cow<'_, Version> {
        if !rights.restricts() {
            return Cow::Borrowed(self);
        }
        let databases = self.databases.iter().filter(|(name, _)| rights.sees_database(name));
        let databases = databases.map(|(key, database)| {
            let tables = database.tables.iter().filter(|(name, _)| rights.sees_table(&database.name, name));
            let views = database.views.iter().filter(|(name, _)| rights.sees_table(&database.name, name));
            let sequences = database.sequences.iter();
            let sequences = sequences.filter(|(name, _)| rights.sees_table(&database.name, name));
            let seen = Database {
                name: Arc::clone(&database.name),
                collation: database.collation,
                tables: tables.map(|(key, entry)| (key.clone(), entry.clone())).collect(),
                views: views.map(|(key, view)| (key.clone(), Arc::clone(view))).collect(),
                sequences: sequences.map(|(key, entry)| (key.clone(), entry.clone())).collect(),
                referring: database.referring.clone(),
            };
            (key.clone(), seen)
        });
        Cow::Owned(Version { databases: databases.collect(), ..self.clone() })
    }

    /// Who there is, and what is granted to them.
    pub(crate) fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    pub(super) fn with_accounts(&self, accounts: Accounts) -> Version {
        Version { accounts: Arc::new(accounts), ..self.next(self.databases.clone()) }
    }

    /// With which hints statements are planned, whoever's they are.
    pub(crate) fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    pub(super) fn with_bindings(&self, bindings: Bindings) -> Version {
        Version { bindings, ..self.next(self.databases.clone()) }
    }

    /// Where rows are wished to be.
    pub(crate) fn policies(&self) -> &Policies {
        &self.policies
    }

    /// The resource groups.
    pub(crate) fn resources(&self) -> &Resources {
        &self.resources
    }

    pub(super) fn with_resources(&self, resources: Resources) -> Version {
        Version { resources, ..self.next(self.databases.clone()) }
    }

    pub(super) fn with_policies(&self, policies: Policies) -> Version {
        Version { policies, ..self.next(self.databases.clone()) }
    }

    /// Adds or replaces the table of that database and name. Without the database nothing changes.
    pub(super) fn with_table(&self, entry: Entry) -> Version {
        let database = Arc::clone(&entry.descriptor.database);
        let name = key(&entry.descriptor.name);
        let refers = !entry.descriptor.constraints.foreign_keys.is_empty();
        self.map_tables(&database, |old| Database {
            referring: if refers { old.referring.update(name.clone()) } else { old.referring.without(&name) },
            tables: old.tables.update(name, entry),
            ..old.clone()
        })
    }

    /// The same version with the time noted at which the tables came that are not in `before`, or other ones there.
    pub(super) fn since(&self, before: &Version, now: Timestamp) -> Version {
        let known = |table: &TableDescriptor| before.entry(&table.database, &table.name);
        let is_new = |entry: &&Entry| {
            known(&entry.descriptor).is_none_or(|old| !Arc::ptr_eq(&old.descriptor, &entry.descriptor))
        };
        let entries = self.databases.values().flat_map(|database| database.tables.values());
        entries.filter(is_new).fold(self.clone(), |version, entry| {
            let entry = Entry { since: now, ..entry.clone() };
            Version { number: self.number, ..version.with_table(entry) }
        })
    }

    pub(super) fn without_table(&self, database: &str, table: &str) -> Version {
        let name = key(table);
        self.map_tables(database, |old| Database {
            tables: old.tables.without(&name),
            referring: old.referring.without(&name),
            ..old.clone()
        })
    }

    /// The same version with foreign keys following what they refer to: `name` says what a table is called by now, `columns` what
    /// its columns are.
    pub(super) fn referring_to(
        &self,
        (database, table): (&str, &str),
        name: (&Arc<str>, &Arc<str>),
        columns: impl Fn(&str) -> Option<Arc<str>>,
    ) -> Version {
        let mut version = self.clone();
        for child in self.with_foreign_keys() {
            let Some(entry) = self.entry(&child.database, &child.name) else { continue };
            let mut new = (*child).clone();
            let keys = new.constraints.foreign_keys.iter_mut();
            for key in keys.filter(|key| key.refers_to(database, table)) {
                (key.database, key.table) = (Arc::clone(name.0), Arc::clone(name.1));
                for column in &mut key.referenced {
                    if let Some(now) = columns(column) {
                        *column = now;
                    }
                }
            }
            if new != *child {
                version = version.with_table(Entry { descriptor: Arc::new(new), ..entry.clone() });
            }
        }
        version
    }

    /// A database's views, by name.
    pub(crate) fn views(&self, database: &str) -> impl Iterator<Item = &Arc<View>> {
        self.databases.get(&key(database)).into_iter().flat_map(|d| d.views.values())
    }

    /// Adds or replaces the view of that database and name. Without the database nothing changes.
    pub(super) fn with_view(&self, view: Arc<View>) -> Version {
        let (database, name) = (Arc::clone(&view.database), key(&view.name));
        self.map_views(&database, |views| views.update(name, view))
    }

    pub(super) fn without_view(&self, database: &str, view: &str) -> Version {
        self.map_views(database, |views| views.without(&key(view)))
    }

    fn map_views(
        &self,
        database: &str,
        change: impl FnOnce(&OrdMap<String, Arc<View>>) -> OrdMap<String, Arc<View>>,
    ) -> Version {
        let databases = match self.databases.get(&key(database)) {
            Some(old) => {
                let new = Database { views: change(&old.views), ..old.clone() };
                self.databases.update(key(database), new)
            }
            None => self.databases.clone(),
        };
        self.next(databases)
    }

    /// A database's sequences, by name.
    pub(crate) fn sequences(&self, database: &str) -> impl Iterator<Item = &SequenceEntry> {
        self.databases.get(&key(database)).into_iter().flat_map(|d| d.sequences.values())
    }

    pub(crate) fn sequence_entry(&self, database: &str, sequence: &str) -> Option<&SequenceEntry> {
        self.databases.get(&key(database))?.sequences.get(&key(sequence))
    }

    /// Adds or replaces the sequence of that database and name. Without the database nothing changes.
    pub(super) fn with_sequence(&self, entry: SequenceEntry) -> Version {
        let (database, name) = (Arc::clone(&entry.definition.database), key(&entry.definition.name));
        self.map_tables(&database, |old| Database {
            sequences: old.sequences.update(name, entry),
            ..old.clone()
        })
    }

    pub(super) fn without_sequence(&self, database: &str, sequence: &str) -> Version {
        let name = key(sequence);
        self.map_tables(database, |old| Database { sequences: old.sequences.without(&name), ..old.clone() })
    }

    fn map_tables(&self, database: &str, change: impl FnOnce(&Database) -> Database) -> Version {
        let databases = match self.databases.get(&key(database)) {
            Some(old) => self.databases.update(key(database), change(old)),
            None => self.databases.clone(),
        };
        self.next(databases)
    }
}

impl Catalog for Version {
    fn table(&self, database: &str, table: &str) -> Option<Table> {
        let entry = self.entry(database, table)?;
        Some(entry.seen())
    }

    fn view(&self, database: &str, view: &str) -> Option<Arc<View>> {
        match self.own.get(database, view) {
            Some(_) => None,
            None => self.lasting_view(database, view),
        }
    }

    fn lasting_table(&self, database: &str, table: &str) -> Option<Table> {
        self.lasting(database, table).map(Entry::seen)
    }

    fn lasting_view(&self, database: &str, view: &str) -> Option<Arc<View>> {
        self.databases.get(&key(database))?.views.get(&key(view)).cloned()
    }

    fn sequence(&self, database: &str, sequence: &str) -> Option<Arc<Sequence>> {
        self.sequence_entry(database, sequence).map(|entry| Arc::clone(&entry.definition))
    }

    fn has_database(&self, database: &str) -> bool {
        self.has_database_named(database)
    }

    fn all_tables(&self) -> Vec<Arc<TableDescriptor>> {
        self.all().map(|entry| Arc::clone(&entry.descriptor)).collect()
    }

    fn with_foreign_keys(&self) -> Vec<Arc<TableDescriptor>> {
        let of = |database: &Database| {
            let entries = database.referring.iter().filter_map(|name| database.tables.get(name));
            entries.map(|entry| Arc::clone(&entry.descriptor)).collect::<Vec<_>>()
        };
        self.databases.values().flat_map(of).collect()
    }
}

/// Names compare without regard to case.
pub(super) fn key(name: &str) -> String {
    name.to_lowercase()
}

//! Tables that only one session has.
//!
//! A temporary table is a table like any other: it has spaces, rows are written to it by transactions, every way to read goes to
//! its regions. What makes it temporary is that its entry is in no published version of the schema. It is plain data of its
//! session ([`OwnTables`], a persistent map), and the session lays it over the version that a statement sees:
//!
//! ```text
//! published version      t -> spaces 7, 8      g -> spaces 9 (GLOBAL TEMPORARY: nobody ever writes there)
//! own tables             t -> spaces 12                  g -> spaces 15 while a transaction has rows in it
//! a statement's version  t -> spaces 12        g -> spaces 15
//! ```
//!
//! So nobody else can name these spaces, and nothing below the catalog knows that there are temporary tables: access paths,
//! locks, savepoints and rollback are those of all tables. A table of all sessions (GLOBAL TEMPORARY) is defined in the published
//! version; a transaction's rows in it are an own table of the same definition, made when the transaction first writes to it and
//! forgotten at its end. Whoever has not written reads the spaces of the definition, which are empty.
//!
//! Spaces that a session has done with are dropped by itself, when no result holds their descriptor any more. What was left out:
//! a way around the store for rows that nobody else reads. They are committed like others, in regions that nobody waits for.

use std::sync::{Arc, Weak};

use imbl::OrdMap;

use allod_planner::bind::{CreateTable, TableName};
use allod_planner::stats::TableStats;
use allod_storage::client::Client;
use allod_storage::schema::{SpaceId, TableDescriptor, TableId, Temporary, Timestamp};

use super::analyze::collect;
use super::ddl::{create_spaces, database, drop_spaces, labels, schemas, spaces};
use super::policies::settle;
use super::version::{Counters, Entry, Version, key};
use super::writers::Writers;
use super::{Catalog, Waiting};
use crate::error::Result;

/// The tables that only one session has, by name. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnTables(OrdMap<(String, String), Entry>);

impl OwnTables {
    /// The table of this name, without regard to case.
    pub fn get(&self, database: &str, table: &str) -> Option<&Entry> {
        // Nearly always.
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&(key(database), key(table)))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a table; the one of the same name that it takes the place of.
    pub fn insert(&mut self, entry: Entry) -> Option<Entry> {
        let name = (key(&entry.descriptor.database), key(&entry.descriptor.name));
        self.0.insert(name, entry)
    }

    /// Takes a table away.
    pub fn remove(&mut self, database: &str, table: &str) -> Option<Entry> {
        self.0.remove(&(key(database), key(table)))
    }

    /// Takes those away that are for one transaction only.
    pub fn end_transaction(&mut self) -> Vec<Entry> {
        let of_transaction = |entry: &&Entry| entry.descriptor.temporary == Some(Temporary::Global);
        let ended: Vec<Entry> = self.0.values().filter(of_transaction).cloned().collect();
        for entry in &ended {
            self.remove(&entry.descriptor.database, &entry.descriptor.name);
        }
        ended
    }

    /// All of them.
    pub fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.0.into_iter().map(|(_, entry)| entry)
    }

    /// A table's statistics say from now on how many rows it has.
    pub fn tell_rows(&mut self, table: &TableDescriptor) {
        let Some(entry) = self.get(&table.database, &table.name).filter(|e| e.descriptor.id == table.id)
        else {
            return;
        };
        let rows = entry.counters.growth.publish();
        let stats = Arc::new(TableStats { rows, ..(*entry.stats).clone() });
        self.insert(Entry { stats, ..entry.clone() });
    }

    /// Reads a whole table and keeps what it learned; `None` = it is not one of them.
    pub fn analyze(
        &mut self,
        name: &TableName,
        client: &mut Client,
        waiting: &Waiting,
    ) -> Result<Option<()>> {
        let Some(entry) = self.get(&name.database, &name.table).cloned() else { return Ok(None) };
        let before = entry.counters.growth.seen();
        let stats = collect(&entry.descriptor, client, waiting)?;
        entry.counters.growth.counted(before, stats.rows);
        self.insert(Entry { stats: Arc::new(stats), ..entry });
        Ok(Some(()))
    }
}

/// What a session has done with, and may still be read.
#[derive(Debug)]
pub(crate) struct Retired {
    spaces: Vec<SpaceId>,
    table: Weak<TableDescriptor>,
}

impl Retired {
    /// A table that nobody names any more.
    pub fn new(entry: Entry) -> Retired {
        Retired { spaces: spaces(&entry.descriptor), table: Arc::downgrade(&entry.descriptor) }
    }

    /// Whether a result may still read it.
    pub fn is_held(&self) -> bool {
        self.table.strong_count() > 0
    }

    /// Nobody reads it.
    pub fn drop_spaces(self, client: &mut Client) {
        drop_spaces(client, &self.spaces);
    }
}

impl Catalog {
    /// Makes a session's own table.
    pub fn create_own(&self, create: &CreateTable, version: &Version, client: &mut Client) -> Result<Entry> {
        let mut descriptor = self.described(create, database(version, &create.name)?);
        settle(version, &mut descriptor)?;
        made(descriptor, TableStats::pseudo(), create.auto_increment.unwrap_or(1), client)
    }

    /// Makes a session's own table like another one.
    pub fn create_own_like(
        &self,
        model: &TableDescriptor,
        name: &TableName,
        version: &Version,
        client: &mut Client,
    ) -> Result<Entry> {
        let database = database(version, name)?;
        let descriptor = self.described_like(model, database, &name.table, Some(Temporary::Local));
        made(descriptor, TableStats::pseudo(), 1, client)
    }

    /// Makes an empty table of the same definition, whose numbers begin with `first`.
    pub fn create_own_again(&self, old: &Entry, first: u64, client: &mut Client) -> Result<Entry> {
        let table = &*old.descriptor;
        let partitions = self.partitions(labels(table), &table.indexes);
        let descriptor = TableDescriptor { id: TableId(self.id()), partitions, ..table.clone() };
        made(descriptor, (*old.stats).clone(), first, client)
    }

    /// A session leaves what it has done with while somebody still reads it.
    pub fn abandon(&self, retired: Vec<Retired>, client: &mut Client) {
        let Some(mut lease) = self.lease_if_free() else {
            // A result that outlives its session has an error at worst.
            return retired.into_iter().for_each(|retired| retired.drop_spaces(client));
        };
        for Retired { spaces, table } in retired {
            lease.retire(spaces);
            lease.gone.iter_mut().for_each(|gone| gone.superseded.push(Weak::clone(&table)));
        }
    }
}

/// Makes the spaces of a table.
fn made(descriptor: TableDescriptor, stats: TableStats, first: u64, client: &mut Client) -> Result<Entry> {
    create_spaces(client, schemas(&descriptor))?;
    Ok(Entry {
        descriptor: Arc::new(descriptor),
        stats: Arc::new(stats),
        counters: Arc::new(Counters::of_one(first)),
        writers: Arc::new(Writers::default()),
        since: Timestamp::default(),
        closed: false,
        layouts: None,
        own: true,
        stats_locked: false,
    })
}

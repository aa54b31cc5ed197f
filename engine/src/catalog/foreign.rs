//! Rows held against foreign keys past the executor: those that are there against a key that is new, and those that are loaded.
//!
//! Both are looked at while nobody writes to the tables that are referred to. A lock on each parent, which an INSERT takes, would
//! be as many locks as a load has rows.

use std::collections::HashSet;
use std::sync::Arc;

use allod_executor::bytes_of;
use allod_storage::client::{Client, LookupRequest};
use allod_storage::key::{Key, KeyEncoder};
use allod_storage::schema::{ForeignKey, SpaceId, SpaceSchema, TableDescriptor};
use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;

use super::partitions::read;
use super::writers::WriteGuard;
use super::{Catalog, Entry, Lease, Waiting};
use crate::error::{Error, Result, code};

/// Each row of a table has what the keys refer to, or a NULL. Nobody writes to it, nor to `parents`, the other tables that are
/// referred to.
///
/// # Errors
/// 1452.
pub(super) fn refers(
    client: &mut Client,
    table: &TableDescriptor,
    keys: &[ForeignKey],
    parents: &[Entry],
    waiting: &Waiting,
) -> Result<()> {
    for key in keys {
        let parent = parents.iter().map(|entry| &*entry.descriptor);
        let mut parent = parent.chain([table]).filter(|p| key.refers_to(&p.database, &p.name));
        let there = match parent.next() {
            None => HashSet::new(),
            Some(parent) => {
                let columns: Option<Vec<usize>> = key.referenced.iter().map(|c| parent.column(c)).collect();
                let columns = columns.ok_or_else(|| Error::internal("a key refers to no column"))?;
                values(client, parent, &columns, waiting)?
            }
        };
        if !values(client, table, &key.columns, waiting)?.is_subset(&there) {
            return Err(no_parent(table, key));
        }
    }
    Ok(())
}

fn no_parent(table: &TableDescriptor, key: &ForeignKey) -> Error {
    let message = format!(
        "Cannot add or update a child row: a foreign key constraint fails (`{}`.`{}`, {})",
        table.database,
        table.name,
        key.clause(table)
    );
    Error::new(code::NO_PARENT_ROW, message)
}

/// Columns of these, and how their values are compared, whatever the table.
fn encoder(table: &TableDescriptor, columns: &[usize]) -> KeyEncoder {
    let defs: Vec<_> = columns.iter().map(|&o| table.columns[o].clone()).collect();
    let key = (0..defs.len()).collect();
    KeyEncoder::new(&SpaceSchema { id: SpaceId(0), columns: defs, key, unique_prefix: None })
}

fn pick(rows: &[ArrayRef], columns: &[usize]) -> Vec<ArrayRef> {
    columns.iter().map(|&o| Arc::clone(&rows[o])).collect()
}

/// What the rows of a load refer to.
pub(crate) struct Referring<'a> {
    table: &'a TableDescriptor,
    links: Vec<Link<'a>>,
    bytes: u64,
}

struct Link<'a> {
    key: &'a ForeignKey,
    /// Piece by piece the values of its columns: without those with a NULL, each once, in order.
    wanted: Vec<Vec<ArrayRef>>,
    /// If it refers to its own table: the columns that it refers to,
    referenced: Option<Vec<usize>>,
    /// and what the rows themselves have there.
    brought: Vec<Vec<ArrayRef>>,
}

impl<'a> Referring<'a> {
    /// To rows of this table; `None` if it has no foreign keys.
    pub fn of(table: &'a TableDescriptor) -> Option<Referring<'a>> {
        let own = |key: &ForeignKey| {
            let columns = || key.referenced.iter().map(|c| table.column(c)).collect::<Option<Vec<usize>>>();
            key.refers_to(&table.database, &table.name).then(columns).flatten()
        };
        let link = |key| Link { key, wanted: Vec::new(), referenced: own(key), brought: Vec::new() };
        let links: Vec<Link<'_>> = table.constraints.foreign_keys.iter().map(link).collect();
        (!links.is_empty()).then_some(Referring { table, links, bytes: 0 })
    }

    /// Takes note of rows (all columns of the table).
    pub fn add(&mut self, rows: &[ArrayRef]) -> Result<()> {
        for link in &mut self.links {
            let columns = pick(rows, &link.key.columns);
            let keys = encoder(self.table, &link.key.columns).bind(&columns).map_err(Error::internal)?;
            let count = columns.first().map_or(0, |column| column.len());
            let whole = |row: &usize| columns.iter().all(|column| column.is_valid(*row));
            let mut wanted: Vec<(Key, u32)> =
                (0..count).filter(whole).map(|row| (keys.key(row), row as u32)).collect();
            wanted.sort_unstable();
            wanted.dedup_by(|a, b| a.0 == b.0);
            let at: UInt32Array = wanted.into_iter().map(|(_, row)| row).collect();
            if !at.is_empty() {
                let columns = columns.iter().map(|column| take(column, &at, None));
                let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>().map_err(Error::internal)?;
                self.bytes += bytes_of(&columns);
                link.wanted.push(columns);
            }
            if let Some(referenced) = &link.referenced {
                let columns = pick(rows, referenced);
                self.bytes += bytes_of(&columns);
                link.brought.push(columns);
            }
        }
        Ok(())
    }

    /// Bytes of memory that it holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether all that is referred to is there, or comes with the rows. Nobody writes to `parents`.
    ///
    /// # Errors
    /// 1452.
    fn check(&self, client: &mut Client, parents: &[Entry], waiting: &Waiting) -> Result<()> {
        let runtime = client.runtime();
        let (ts, _pin) = runtime.block_on(client.snapshot())?;
        for link in self.links.iter().filter(|link| !link.wanted.is_empty()) {
            let key = link.key;
            let no_parent = || no_parent(self.table, key);
            let mut named = parents.iter().map(|entry| &*entry.descriptor);
            let parent = named.find(|parent| key.refers_to(&parent.database, &parent.name));
            let parent = parent.filter(|parent| parent.partitioning.is_none()).ok_or_else(no_parent)?;
            let columns: Option<Vec<usize>> = key.referenced.iter().map(|c| parent.column(c)).collect();
            let space = columns.and_then(|columns| parent.space_led_by(&columns)).ok_or_else(no_parent)?;
            let spaces = &parent.partitions[0];
            let space = if space == 0 { spaces.records } else { spaces.indexes[space - 1] };
            let encoder = encoder(self.table, &key.columns);
            let mut missing: HashSet<Key> = HashSet::new();
            for wanted in &link.wanted {
                waiting.check()?;
                let request = LookupRequest {
                    space,
                    prefix: wanted.clone(),
                    low: None,
                    high: None,
                    lookups: wanted[0].len(),
                    ts,
                    ordinals: [].into(),
                    first_only: true,
                };
                let found = runtime.block_on(client.lookup(&request))?.positions;
                if found.len() == wanted[0].len() {
                    continue;
                }
                if link.referenced.is_none() {
                    return Err(no_parent());
                }
                let keys = encoder.bind(wanted).map_err(Error::internal)?;
                let lost = (0..wanted[0].len()).filter(|row| found.binary_search(&(*row as u32)).is_err());
                missing.extend(lost.map(|row| keys.key(row)));
            }
            for brought in &link.brought {
                if missing.is_empty() {
                    break;
                }
                let keys = encoder.bind(brought).map_err(Error::internal)?;
                for row in 0..brought[0].len() {
                    missing.remove(&keys.key(row));
                }
            }
            if !missing.is_empty() {
                return Err(no_parent());
            }
        }
        Ok(())
    }
}

impl Catalog {
    /// Loads rows (`load`) that refer to others, all of which are there. `writing`: the caller's presence in the table.
    ///
    /// # Errors
    /// 1452 if one is not, 8028 if the table is not what it was; and those of `load`.
    pub fn load_referring(
        &self,
        rows: &Referring<'_>,
        writing: &mut Option<WriteGuard>,
        client: &mut Client,
        waiting: &mut Waiting,
        load: impl FnOnce(&mut Client) -> Result<()>,
    ) -> Result<()> {
        let mut load = Some(load);
        self.leased(waiting, |lease, waiting| {
            let parents = lease.close_parents(rows, writing, waiting)?;
            let checked = rows.check(client, &parents, waiting);
            let loaded = checked.and_then(|()| load.take().map_or(Ok(()), |load| load(client)));
            lease.reopen_parents(parents);
            loaded
        })
    }
}

impl Lease<'_> {
    /// Closes the tables that rows refer to. Their own may be among them, and then the caller has to be out of it; nobody can
    /// change what it is while there is a lease.
    fn close_parents(
        &mut self,
        rows: &Referring<'_>,
        writing: &mut Option<WriteGuard>,
        waiting: &mut Waiting,
    ) -> Result<Vec<Entry>> {
        let version = self.version();
        let table = rows.table;
        let now = version.entry(&table.database, &table.name).filter(|entry| *entry.descriptor == *table);
        if now.is_none() {
            return Err(Error::new(code::SCHEMA_CHANGED, "the table was changed; try again"));
        }
        let mut parents: Vec<&Entry> = Vec::new();
        for link in &rows.links {
            let parent = version.entry(&link.key.database, &link.key.table);
            let known = |e: &&Entry| parents.iter().any(|known| known.descriptor.id == e.descriptor.id);
            parents.extend(parent.filter(|e| !known(e)));
        }
        if parents.iter().any(|parent| parent.descriptor.id == table.id) {
            *writing = None;
        }
        self.close(&parents, waiting)
    }
}

/// What stands in some columns of a table, without rows with a NULL there.
fn values(
    client: &mut Client,
    table: &TableDescriptor,
    columns: &[usize],
    waiting: &Waiting,
) -> Result<HashSet<Key>> {
    let encoder = encoder(table, columns);
    let partitions: Vec<_> = table.partitions.iter().collect();
    let mut values = HashSet::new();
    for rows in read(client, table, &partitions)? {
        waiting.check()?;
        let picked = pick(&rows, columns);
        let keys = encoder.bind(&picked).map_err(Error::internal)?;
        let whole = |row: &usize| picked.iter().all(|column| column.is_valid(*row));
        let rows = picked.first().map_or(0, |column| column.len());
        values.extend((0..rows).filter(whole).map(|row| keys.key(row)));
    }
    Ok(values)
}

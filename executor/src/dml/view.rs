//! Which rows are at which keys while a statement changes them one after another: what the store has at the statement's snapshot, as
//! far as it was asked, with the statement's own changes on top.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use allod_planner::partition::PartitionFunction;
use allod_storage::key::Key;
use allod_storage::schema::{IndexState, SpaceId, TableDescriptor};

use super::door;
use super::rows::{Held, Rows};
use crate::batch::bytes_of;
use crate::build::Builder;
use crate::error::{Error, Result};
use crate::pipeline::Reservation;

/// Which rows are at which keys, as far as it is known.
pub(super) struct View<'a> {
    table: &'a TableDescriptor,
    partition: Option<&'a PartitionFunction>,
    /// Spaces (0 = the records) in which two rows cannot have the same key, and that a row to insert may find taken.
    unique: Vec<usize>,
    /// Rows by their keys in the records.
    rows: BTreeMap<Key, Option<Held>>,
    /// By keys of unique indexes: the keys of rows.
    entries: BTreeMap<Key, Option<Key>>,
    /// What the rows that were read take.
    reservation: Reservation,
}

impl<'a> View<'a> {
    pub fn new(
        table: &'a TableDescriptor,
        partition: Option<&'a PartitionFunction>,
        reservation: Reservation,
    ) -> View<'a> {
        // A number that the engine has just given out is nobody's yet.
        let records = table.clustered.then_some(0);
        // One that is write-only does not have all rows yet, but there is a row for each of its entries; that its keys are
        // free is seen when they are written.
        let is_shown =
            |i: &usize| table.indexes[*i].unique && table.indexes[*i].state != IndexState::DeleteOnly;
        let indexes = (0..table.indexes.len()).filter(is_shown).map(|i| i + 1);
        let unique = records.into_iter().chain(indexes).collect();
        View { table, partition, unique, rows: BTreeMap::new(), entries: BTreeMap::new(), reservation }
    }

    /// Whether a column is part of a key that can be taken, or decides where rows are.
    pub fn decides(&self, ordinal: usize) -> bool {
        let dealt = self.table.partitioning.as_ref().is_some_and(|p| p.columns.contains(&ordinal));
        let indexed = |space: &usize| {
            let index = space.checked_sub(1).map(|index| &self.table.indexes[index]);
            index.is_some_and(|index| index.columns.contains(&ordinal))
        };
        dealt || self.unique.iter().any(indexed) || self.table.key.contains(&ordinal)
    }

    /// Asks for what is at the keys of rows, where that is not known.
    pub fn learn(&mut self, builder: &mut Builder, rows: &Rows, which: &[usize]) -> Result<()> {
        let mut records: BTreeSet<Key> = BTreeSet::new();
        let mut entries: BTreeMap<SpaceId, (usize, BTreeSet<Key>)> = BTreeMap::new();
        for &row in which {
            for &space in &self.unique {
                let key = rows.key(row, space);
                if space == 0 {
                    if !self.rows.contains_key(&key) {
                        records.insert(key);
                    }
                } else if !self.entries.contains_key(&key) {
                    let id = key.space().ok_or_else(|| Error::Plan("a key of no space".into()))?;
                    entries.entry(id).or_insert((space - 1, BTreeSet::new())).1.insert(key);
                }
            }
        }
        for (space, (index, keys)) in entries {
            for row in self.entries_at(builder, space, index, keys.into_iter().collect())? {
                if !self.rows.contains_key(&row) {
                    records.insert(row);
                }
            }
        }
        self.rows_at(builder, records.into_iter().collect())
    }

    /// Asks a unique index; returns the keys of the rows that it has.
    fn entries_at(
        &mut self,
        builder: &mut Builder,
        space: SpaceId,
        index: usize,
        keys: Vec<Key>,
    ) -> Result<Vec<Key>> {
        let ordinals = self.table.index_space(index, space).1;
        let all: Vec<usize> = (0..ordinals.len()).collect();
        let runtime = builder.client.runtime();
        let found = runtime.block_on(builder.client.get(space, &keys, builder.ts, &all))?;
        // The row of an entry may be anywhere, whatever partitions the statement is about.
        let anywhere = |function: PartitionFunction| PartitionFunction { allowed: None, ..function };
        let partition = self.partition.cloned().map(|function| Arc::new(anywhere(function)));
        let rows = super::record_keys(self.table, partition.as_ref(), &ordinals, &found.columns)?;
        for (row, &at) in rows.iter().zip(&found.positions) {
            self.entries.insert(keys[at as usize].clone(), row.clone());
        }
        for key in keys {
            self.entries.entry(key).or_insert(None);
        }
        Ok(rows.into_iter().flatten().collect())
    }

    fn rows_at(&mut self, builder: &mut Builder, keys: Vec<Key>) -> Result<()> {
        let all: Vec<usize> = (0..self.table.columns.len()).collect();
        let runtime = builder.client.runtime();
        for keys in keys.chunk_by(|a, b| a.space() == b.space()) {
            let Some(space) = keys[0].space() else { continue };
            let found = runtime.block_on(builder.client.get(space, keys, builder.ts, &all))?;
            if found.rows > 0 {
                let columns = door(self.table.columns.iter().map(|c| &c.ty), &found.columns)?;
                self.reservation.grow(bytes_of(&columns))?;
                let rows = Arc::new(Rows::new(self.table, columns, self.partition)?);
                for (row, &at) in found.positions.iter().enumerate() {
                    let held = Held { rows: Arc::clone(&rows), row };
                    self.rows.insert(keys[at as usize].clone(), Some(held));
                }
            }
            for key in keys {
                self.rows.entry(key.clone()).or_insert(None);
            }
        }
        Ok(())
    }

    /// The row at a key in one of the unique spaces.
    fn at(&self, key: &Key, space: usize) -> Option<&Held> {
        let Some(index) = space.checked_sub(1) else { return self.rows.get(key)?.as_ref() };
        let held = self.rows.get(self.entries.get(key)?.as_ref()?)?.as_ref();
        // An entry that was filled in is older than it looks: at the snapshot its row may have had another value.
        held.filter(|held| self.table.indexes[index].state == IndexState::Public || held.key(space) == *key)
    }

    /// The first key of a row that another row has, and that row.
    pub fn first_taken(&self, rows: &Rows, row: usize) -> Option<(Key, Held)> {
        self.unique.iter().find_map(|&space| {
            let key = rows.key(row, space);
            let held = self.at(&key, space)?.clone();
            Some((key, held))
        })
    }

    /// The rows that have keys of a row, each once.
    pub fn all_taken(&self, rows: &Rows, row: usize) -> Vec<Held> {
        let held = self.unique.iter().filter_map(|&space| self.at(&rows.key(row, space), space));
        let by_key: BTreeMap<Key, &Held> = held.map(|held| (held.key(0), held)).collect();
        by_key.into_values().cloned().collect()
    }

    /// A row has come, or is what another has become.
    pub fn came(&mut self, rows: &Arc<Rows>, row: usize) {
        let record = rows.key(row, 0);
        for &space in self.unique.iter().filter(|&&space| space > 0) {
            self.entries.insert(rows.key(row, space), Some(record.clone()));
        }
        self.rows.insert(record, Some(Held { rows: Arc::clone(rows), row }));
    }

    /// A row has gone.
    pub fn removed(&mut self, held: &Held) {
        for &space in self.unique.iter().filter(|&&space| space > 0) {
            self.entries.insert(held.key(space), None);
        }
        self.rows.insert(held.key(0), None);
    }
}

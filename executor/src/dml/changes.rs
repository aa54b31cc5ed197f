//! The changes of keys that a statement comes to: one for each key, however often it was touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use allod_storage::key::{Key, decode};
use allod_storage::mvcc::RowRef;
use allod_storage::percolator::{Mutation, MutationOp};
use allod_storage::schema::{Datum, IndexState, KeyPart, TableDescriptor, TableId};
use arrow::array::{Array, AsArray};
use arrow::compute::kernels::cmp::distinct;

use super::net::Net;
use super::rows::{Held, Rows};
use crate::error::{Error, Result};
use crate::pipeline::{Memory, Reservation};
use crate::values::datum;

/// What happens to a key.
enum Change {
    /// The row goes.
    Delete,
    /// The row comes or is replaced.
    Put(RowRef),
    /// The row comes, and the key must be free.
    Insert(RowRef),
    /// The row came and went again; the key must be free.
    Absent,
    /// The row stays, but the statement was about it.
    Keep,
}

/// Changes of one statement, by key.
pub(super) struct Changes<'a> {
    table: &'a TableDescriptor,
    changes: BTreeMap<Key, Change>,
    seen: BTreeSet<Key>,
    /// What becomes of each row, if foreign keys ask.
    net: Option<Net>,
    reservation: Reservation,
}

/// About what a change takes beside the bytes of its key: the map's share, the row's place, and the same again in the
/// transaction.
const CHANGE_BYTES: u64 = 160;

impl<'a> Changes<'a> {
    /// None yet.
    pub fn new(table: &'a TableDescriptor, memory: &Memory) -> Changes<'a> {
        let reservation = memory.reservation();
        Changes { table, changes: BTreeMap::new(), seen: BTreeSet::new(), net: None, reservation }
    }

    /// None yet, and foreign keys ask what becomes of rows.
    pub fn following(table: &'a TableDescriptor, memory: &Memory) -> Changes<'a> {
        Changes { net: Some(Net::default()), ..Changes::new(table, memory) }
    }

    /// What has become of rows.
    pub fn net(&mut self) -> &mut Net {
        self.net.get_or_insert_default()
    }

    /// Whether this old row is met for the first time: a join may find a row more than once.
    pub fn first_sight(&mut self, old: &Rows, row: usize) -> bool {
        self.seen.insert(old.key(row, 0))
    }

    /// A new row.
    pub fn insert(&mut self, new: &Arc<Rows>, row: usize) -> Result<()> {
        if let Some(net) = &mut self.net {
            net.came(&Held { rows: Arc::clone(new), row });
        }
        (0..new.spaces()).try_for_each(|space| self.arrive(new, row, space))
    }

    /// An old row goes; false if it went before.
    pub fn delete(&mut self, old: &Arc<Rows>, row: usize) -> Result<bool> {
        let first = self.first_sight(old, row);
        if first {
            if let Some(net) = &mut self.net {
                net.went(&Held { rows: Arc::clone(old), row });
            }
            for space in 0..old.spaces() {
                self.leave(old.key(row, space))?;
            }
        }
        Ok(first)
    }

    fn set(&mut self, key: Key, change: Change) -> Result<()> {
        self.reservation.grow(CHANGE_BYTES + key.as_bytes().len() as u64)?;
        self.changes.insert(key, change);
        Ok(())
    }

    /// An update to what the row is already.
    pub fn keep(&mut self, old: &Held) -> Result<()> {
        self.set(old.key(0), Change::Keep)
    }

    /// First half of an update: the old row goes from where the new one does not come.
    pub fn replace_old(&mut self, old: &Held, new: &Held) -> Result<()> {
        if let Some(net) = &mut self.net {
            net.became(old, new);
        }
        let spaces = differing(self.table, old, new)?;
        spaces.into_iter().try_for_each(|space| self.leave(old.key(space)))
    }

    /// Second half, when all old rows of the statement are gone.
    pub fn replace_new(&mut self, old: &Held, new: &Held) -> Result<()> {
        let spaces = differing(self.table, old, new)?;
        spaces.into_iter().try_for_each(|space| self.arrive(&new.rows, new.row, space))
    }

    /// A row comes to keys of which it is known that they are free.
    pub fn put(&mut self, new: &Arc<Rows>, row: usize) -> Result<()> {
        if let Some(net) = &mut self.net {
            net.came(&Held { rows: Arc::clone(new), row });
        }
        (0..new.spaces()).try_for_each(|space| self.come(new, row, space))
    }

    /// A row goes, perhaps one that this statement has put there.
    pub fn remove(&mut self, old: &Arc<Rows>, row: usize) -> Result<()> {
        if let Some(net) = &mut self.net {
            net.went(&Held { rows: Arc::clone(old), row });
        }
        (0..old.spaces()).try_for_each(|space| self.leave(old.key(row, space)))
    }

    /// A row becomes another one, whose keys are its own or known to be free.
    pub fn alter(&mut self, old: &Held, new: &Held) -> Result<()> {
        if let Some(net) = &mut self.net {
            net.became(old, new);
        }
        for space in differing(self.table, old, new)? {
            self.leave(old.key(space))?;
            self.come(&new.rows, new.row, space)?;
        }
        Ok(())
    }

    /// What is at this key stays as it is, and the statement was about it.
    pub fn keep_key(&mut self, key: Key) -> Result<()> {
        match self.changes.contains_key(&key) {
            true => Ok(()),
            false => self.set(key, Change::Keep),
        }
    }

    /// What writers do to a space.
    fn state(&self, space: usize) -> IndexState {
        space.checked_sub(1).map_or(IndexState::Public, |index| self.table.indexes[index].state)
    }

    /// A row leaves a key.
    fn leave(&mut self, key: Key) -> Result<()> {
        let change = match self.changes.get(&key) {
            Some(Change::Insert(_) | Change::Absent) => Change::Absent,
            Some(Change::Delete | Change::Put(_) | Change::Keep) | None => Change::Delete,
        };
        self.set(key, change)
    }

    /// A row comes to a key of which it is known that it is free, if its space is one that was looked at.
    fn come(&mut self, new: &Rows, row: usize, space: usize) -> Result<()> {
        if self.state(space) != IndexState::Public {
            return self.arrive(new, row, space);
        }
        let (key, row) = (new.key(row, space), new.row(row, space));
        let change = match self.changes.get(&key) {
            Some(Change::Absent) => Change::Insert(row),
            Some(Change::Delete | Change::Put(_) | Change::Insert(_) | Change::Keep) | None => {
                Change::Put(row)
            }
        };
        self.set(key, change)
    }

    /// A row comes to a key.
    fn arrive(&mut self, new: &Rows, at: usize, space: usize) -> Result<()> {
        if self.state(space) == IndexState::DeleteOnly {
            return Ok(());
        }
        let (key, row) = (new.key(at, space), new.row(at, space));
        // Two rows never share a key of an index that is not unique: it ends with the table's key.
        let may_collide = space == 0 || self.table.indexes[space - 1].unique;
        let change = match self.changes.get(&key) {
            Some(Change::Put(_) | Change::Insert(_) | Change::Keep) => {
                return Err(duplicate(self.table, &key, Some(&new.row(at, 0))));
            }
            Some(Change::Delete) => Change::Put(row),
            Some(Change::Absent) => Change::Insert(row),
            None if may_collide => Change::Insert(row),
            None => Change::Put(row),
        };
        self.set(key, change)
    }

    /// The changes, by key.
    pub fn into_mutations(self) -> Vec<Mutation> {
        let op = |change| match change {
            Change::Delete => MutationOp::Delete,
            Change::Put(row) => MutationOp::Put(row),
            Change::Insert(row) => MutationOp::Insert(row),
            Change::Absent => MutationOp::Absent,
            Change::Keep => MutationOp::Lock,
        };
        self.changes.into_iter().map(|(key, change)| Mutation { key, op: op(change) }).collect()
    }
}

/// The spaces in which a row is another one than before. An index entry holds nothing but indexed columns and the table's key:
/// with both the same it is the same, but for blanks at the end of its texts, which keys lack. One of a global index also says where
/// the row is, in columns that its key may lack.
fn differing(table: &TableDescriptor, old: &Held, new: &Held) -> Result<Vec<usize>> {
    let moved = old.key(0) != new.key(0);
    let has_global = (0..table.indexes.len()).any(|index| table.is_global(index));
    let mut dealt_otherwise = false;
    if let Some(scheme) = table.partitioning.as_ref().filter(|_| has_global && !moved) {
        for &ordinal in &scheme.columns {
            let was = old.rows.columns()[ordinal].slice(old.row, 1);
            let is = new.rows.columns()[ordinal].slice(new.row, 1);
            dealt_otherwise |= distinct(&was, &is)?.value(0);
        }
    }
    let told = |space: usize| dealt_otherwise && space > 0 && table.is_global(space - 1);
    let respelled =
        |space: usize| table.index_ordinals(space - 1).iter().any(|&ordinal| is_respelled(ordinal, old, new));
    let differs = |space: &usize| {
        *space == 0 || moved || old.key(*space) != new.key(*space) || told(*space) || respelled(*space)
    };
    Ok((0..old.rows.spaces()).filter(differs).collect())
}

/// Whether a text has other blanks at its end, if it is that.
fn is_respelled(ordinal: usize, old: &Held, new: &Held) -> bool {
    let [a, b] = [old, new].map(|held| (held.rows.columns()[ordinal].as_string_view_opt(), held.row));
    match (a, b) {
        ((Some(a), at), (Some(b), now)) if a.is_valid(at) && b.is_valid(now) => a.value(at) != b.value(now),
        _ => false,
    }
}

/// The changes of several tables, by key.
pub(super) fn into_mutations(changes: BTreeMap<TableId, Changes<'_>>) -> Vec<Mutation> {
    let several = changes.len() > 1;
    let mut mutations: Vec<Mutation> = changes.into_values().flat_map(Changes::into_mutations).collect();
    if several {
        mutations.sort_by(|a, b| a.key.cmp(&b.key));
    }
    mutations
}

/// The error of a key that is taken; `wanted` is the record of the row that wants it, if it is known.
pub(super) fn duplicate(table: &TableDescriptor, key: &Key, wanted: Option<&RowRef>) -> Error {
    let (value, index) =
        describe(table, key, wanted).unwrap_or_else(|| (format!("{key:?}"), "PRIMARY".to_owned()));
    Error::DuplicateEntry { value, key: format!("{}.{index}", table.name) }
}

/// The index that a key is of.
pub(super) fn index_of(table: &TableDescriptor, key: &Key) -> Option<usize> {
    let space = key.space()?;
    table.partitions.iter().find_map(|partition| partition.indexes.iter().position(|id| *id == space))
}

/// The values in a key and the name of its index. Texts that are not in the key itself are those of the record.
pub(super) fn describe(
    table: &TableDescriptor,
    key: &Key,
    record: Option<&RowRef>,
) -> Option<(String, String)> {
    let space = key.space()?;
    for partition in &table.partitions {
        if partition.records == space {
            let datums = decode(&table.record_space(space), key)?;
            return Some((super::joined(&datums), "PRIMARY".to_owned()));
        }
        if let Some(index) = partition.indexes.iter().position(|id| *id == space) {
            let mut datums = decode(&table.index_space(index, space).0, key)?;
            let columns = &table.indexes[index].columns;
            datums.truncate(columns.len());
            for (datum, ordinal) in datums.iter_mut().zip(columns) {
                if let (KeyPart::SortKey(of, characters), Datum::Bytes(key)) =
                    (table.key_part(*ordinal), &*datum)
                {
                    let folded = || table.columns[of].ty.sql.collation().text_of_sort_key(key);
                    let text = record.and_then(|record| text_of(record, of));
                    let text = text.unwrap_or_else(folded);
                    let characters = characters.map_or(usize::MAX, |n| n as usize);
                    *datum = Datum::string(text.chars().take(characters).collect::<String>());
                }
            }
            return Some((super::joined(&datums), table.indexes[index].name.to_string()));
        }
    }
    None
}

/// The text that a record has in a column.
fn text_of(record: &RowRef, ordinal: usize) -> Option<String> {
    match datum(record.batch.columns().get(ordinal)?, record.row as usize) {
        Ok(Datum::String(text)) => Some(text.to_string()),
        _ => None,
    }
}

/// The record of the row whose entry of an index is at this key, among the changes of a statement.
pub(super) fn record_of(table: &TableDescriptor, mutations: &[Mutation], key: &Key) -> Option<RowRef> {
    let comes = |mutation: &Mutation| match &mutation.op {
        MutationOp::Put(row) | MutationOp::Insert(row) => Some(row.clone()),
        _ => None,
    };
    let entry = comes(mutations.iter().find(|mutation| mutation.key == *key)?)?;
    let held = table.index_ordinals(index_of(table, key)?);
    let of_entry = |ordinal: &usize| entry.batch.columns().get(held.iter().position(|o| o == ordinal)?);
    let records = mutations
        .iter()
        .filter(|m| m.key.space().is_some_and(|space| table.partitions.iter().any(|p| p.records == space)));
    records.filter_map(comes).find(|record| {
        table.key.iter().all(|ordinal| {
            let (Some(a), Some(b)) = (of_entry(ordinal), record.batch.columns().get(*ordinal)) else {
                return false;
            };
            let same = distinct(&a.slice(entry.row as usize, 1), &b.slice(record.row as usize, 1));
            same.is_ok_and(|distinct| !distinct.value(0))
        })
    })
}

/// Whether a unique key has something else than the texts that it is about.
pub(super) fn folds(table: &TableDescriptor) -> bool {
    table.indexes.iter().filter(|index| index.unique).any(|index| {
        index.columns.iter().any(|ordinal| matches!(table.key_part(*ordinal), KeyPart::SortKey(..)))
    })
}

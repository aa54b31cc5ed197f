//! Functions of keys: what rows and entries of indexes are stored under, in hexadecimal digits.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use allod_storage::schema::{SpaceId, SpaceSchema, TableDescriptor};

/// What is done with keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyFunction {
    /// TIDB_DECODE_KEY: what a key is of, as JSON; a text that is no key of these spaces stays as it is.
    Decode,
    /// TIDB_ENCODE_RECORD_KEY, TIDB_ENCODE_INDEX_KEY: the key of these values in the one space.
    Encode,
}

/// The spaces that a function of keys knows, as they were when it was bound.
#[derive(Clone, Debug)]
pub struct KeySpaces(Arc<[KeySpace]>);

/// A space, and what lies in it.
#[derive(Clone, Debug)]
pub struct KeySpace {
    /// The columns of its keys, in their order.
    pub schema: SpaceSchema,
    /// The table.
    pub table: u64,
    /// The index; `None` = rows.
    pub index: Option<u64>,
    /// The partition, if there are several.
    pub partition: Option<u64>,
}

/// Two are the same if they are one.
impl PartialEq for KeySpaces {
    fn eq(&self, other: &KeySpaces) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for KeySpaces {}

impl Hash for KeySpaces {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).cast::<()>().hash(state);
    }
}

impl KeySpaces {
    /// Of these spaces.
    pub fn new(spaces: impl IntoIterator<Item = KeySpace>) -> KeySpaces {
        KeySpaces(spaces.into_iter().collect())
    }

    /// The space with this number.
    pub fn get(&self, id: SpaceId) -> Option<&KeySpace> {
        self.0.iter().find(|space| space.schema.id == id)
    }

    /// The only one.
    pub fn first(&self) -> Option<&KeySpace> {
        self.0.first()
    }
}

impl KeySpace {
    /// That of the rows of a table's partition.
    pub fn of_rows(table: &TableDescriptor, partition: usize) -> KeySpace {
        let records = table.partitions[partition].records;
        let columns = table.key.iter().map(|&ordinal| table.columns[ordinal].clone()).collect();
        let key = (0..table.key.len()).collect();
        let schema = SpaceSchema { id: records, columns, key, unique_prefix: None };
        let partition = table.partitioning.is_some().then_some(records.0);
        KeySpace { schema, table: table.id.0, index: None, partition }
    }

    /// That of the entries of an index in a table's partition.
    pub fn of_index(table: &TableDescriptor, index: usize, partition: usize) -> KeySpace {
        let place = &table.partitions[partition];
        let (schema, _) = table.index_space(index, place.indexes[index]);
        let is_part = table.partitioning.is_some() && !table.is_global(index);
        let partition = is_part.then_some(place.records.0);
        KeySpace { schema, table: table.id.0, index: Some(table.indexes[index].id.0), partition }
    }

    /// All of a table.
    pub fn of_table(table: &TableDescriptor) -> impl Iterator<Item = KeySpace> + '_ {
        (0..table.partitions.len()).flat_map(move |partition| {
            let indexes =
                (0..table.indexes.len()).map(move |index| KeySpace::of_index(table, index, partition));
            std::iter::once(KeySpace::of_rows(table, partition)).chain(indexes)
        })
    }
}

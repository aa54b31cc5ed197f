//! Two rows with one value of a key that is being made: which value the error tells.
//!
//! A key on a text whose collation folds it holds sort keys. The error tells the text as the row has it, so the row is looked for
//! once there is an error.

use arrow::array::{Array, ArrayRef};
use arrow::util::display::array_value_to_string;

use allod_storage::client::{Client, ScanRequest};
use allod_storage::error as storage;
use allod_storage::key::{Key, KeyEncoder};
use allod_storage::schema::{KeyPart, SpaceSchema, TableDescriptor, Timestamp};

use crate::error::{Error, Result};

/// The error of a key that two rows have, with the texts of the first of them.
pub(super) fn told(
    client: &mut Client,
    table: &TableDescriptor,
    (index, space, ordinals): (usize, &SpaceSchema, &[usize]),
    at: Timestamp,
    error: storage::Error,
) -> Error {
    let texts: Vec<usize> = table.indexes[index]
        .columns
        .iter()
        .filter_map(|ordinal| match table.key_part(*ordinal) {
            KeyPart::SortKey(of, _) => Some(of),
            _ => None,
        })
        .collect();
    let storage::Error::DuplicateKey { key, .. } = &error else {
        return Error::of_ingest(error, table, space);
    };
    let row = match texts.is_empty() {
        true => None,
        // Without its texts the key is told as it is.
        false => row_of(client, table, (index, space, ordinals), at, (key, &texts)).ok().flatten(),
    };
    let own = |of: usize| row.as_ref()?.get(texts.iter().position(|text| *text == of)?)?.clone();
    Error::of_ingest_of(error, table, space, own)
}

/// What the first row of a key has in these columns of text.
fn row_of(
    client: &mut Client,
    table: &TableDescriptor,
    (index, space, ordinals): (usize, &SpaceSchema, &[usize]),
    at: Timestamp,
    (key, texts): (&Key, &[usize]),
) -> Result<Option<Vec<Option<String>>>> {
    let runtime = client.runtime();
    let encoder = KeyEncoder::new(space);
    let wanted: Vec<usize> = ordinals.iter().chain(texts).copied().collect();
    for partition in table.partitions.iter().filter(|partition| partition.indexes[index] == space.id) {
        for region in runtime.block_on(client.scan(&ScanRequest::all(partition.records, at)))? {
            for morsel in region.morsels() {
                let columns = region.read(&morsel, &wanted).columns;
                let (of_key, of_text) = columns.split_at(ordinals.len());
                let keys = encoder.bind(of_key).map_err(Error::internal)?;
                let rows = of_key.first().map_or(0, |column| column.len());
                if let Some(row) = (0..rows).find(|row| keys.key(*row) == *key) {
                    let text = |column: &ArrayRef| {
                        array_value_to_string(column, row).ok().filter(|_| column.is_valid(row))
                    };
                    return Ok(Some(of_text.iter().map(text).collect()));
                }
            }
        }
    }
    Ok(None)
}

/// The text that the first of these rows with the key has in a column; `ordinals` are the columns of the key's space.
pub(crate) fn text_among(
    rows: &[Vec<ArrayRef>],
    (space, ordinals): (&SpaceSchema, &[usize]),
    error: &storage::Error,
    of: usize,
) -> Option<String> {
    let storage::Error::DuplicateKey { key, .. } = error else { return None };
    let encoder = KeyEncoder::new(space);
    rows.iter().find_map(|columns| {
        let of_key: Vec<ArrayRef> =
            ordinals.iter().map(|&o| columns.get(o).cloned()).collect::<Option<_>>()?;
        let keys = encoder.bind(&of_key).ok()?;
        let row = (0..of_key.first()?.len()).find(|row| keys.key(*row) == *key)?;
        let column = columns.get(of).filter(|column| column.is_valid(row))?;
        array_value_to_string(column, row).ok()
    })
}

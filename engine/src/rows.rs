//! Columns put together to batches as the store takes them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};

use allod_storage::schema::{Datum, KeyPart, SpaceSchema, TableDescriptor};

use crate::error::{Error, Result, code};

/// Names of a space's columns, for batches of its rows. The types are those of the arrays (a string column may be
/// dictionary codes), so they are added batch by batch.
pub(crate) fn space_columns(space: &SpaceSchema) -> Vec<(Arc<str>, bool)> {
    space.columns.iter().map(|c| (Arc::clone(&c.name), c.ty.nullable)).collect()
}

/// A batch of full rows.
pub(crate) fn full_batch(names: &[(Arc<str>, bool)], columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    let fields = names.iter().zip(&columns);
    let fields = fields.map(|((n, nullable), c)| Field::new(n.as_ref(), c.data_type().clone(), *nullable));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(columns.first().map(|c| c.len()));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(Error::internal)
}

impl Error {
    /// An error of a bulk load into a space of a table: a duplicate key is told in MySQL's words.
    pub(crate) fn of_ingest(
        error: allod_storage::error::Error,
        table: &TableDescriptor,
        space: &SpaceSchema,
    ) -> Error {
        Error::of_ingest_of(error, table, space, |_| None)
    }

    /// The same where it is known which text of the row stands behind a sort key, by the column that has it.
    pub(crate) fn of_ingest_of(
        error: allod_storage::error::Error,
        table: &TableDescriptor,
        space: &SpaceSchema,
        text_of: impl Fn(usize) -> Option<String>,
    ) -> Error {
        match &error {
            allod_storage::error::Error::DuplicateKey { key, .. } => {
                let mut values = allod_storage::key::decode(space, key).unwrap_or_default();
                let index = table
                    .partitions
                    .iter()
                    .find_map(|p| p.indexes.iter().position(|&id| id == space.id))
                    .map(|index| &table.indexes[index]);
                for (value, ordinal) in values.iter_mut().zip(index.iter().flat_map(|index| &index.columns)) {
                    if let (KeyPart::SortKey(of, characters), Datum::Bytes(sort_key)) =
                        (table.key_part(*ordinal), &*value)
                    {
                        let folded = || table.columns[of].ty.sql.collation().text_of_sort_key(sort_key);
                        let text = text_of(of).unwrap_or_else(folded);
                        let characters = characters.map_or(usize::MAX, |n| n as usize);
                        *value = Datum::string(text.chars().take(characters).collect::<String>());
                    }
                }
                let mut shown: Vec<String> = values.iter().map(ToString::to_string).collect();
                shown.truncate(space.unique_prefix.unwrap_or(shown.len()));
                let index = index.map_or("PRIMARY", |index| &index.name);
                let message =
                    format!("Duplicate entry '{}' for key '{}.{index}'", shown.join("-"), table.name);
                Error::new(code::DUPLICATE_ENTRY, message)
            }
            _ => error.into(),
        }
    }
}

//! What the planner asks of a catalog. The engine's published catalog version implements it; tests fake it.

use std::sync::Arc;

use allod_storage::schema::{Datum, TableDescriptor};

use crate::error::Error;
use crate::stats::TableStats;

/// A table as the planner sees it: its descriptor and what is known of its rows.
#[derive(Clone, Debug)]
pub struct Table {
    /// The descriptor of the version that this statement uses.
    pub descriptor: Arc<TableDescriptor>,
    /// Statistics; pseudo ones if the table was never loaded in bulk or analysed.
    pub stats: Arc<TableStats>,
}

/// A table whose rows were made for the statement that asks for it (`information_schema`). Nobody writes to it.
#[derive(Clone, Debug)]
pub struct MemoryTable {
    /// Names and types; its one partition names no space.
    pub descriptor: Arc<TableDescriptor>,
    /// Rows, each with a value for every column, of the column's type or NULL.
    pub rows: Arc<Vec<Vec<Datum>>>,
}

/// One immutable version of the schema.
pub trait Catalog {
    /// The table, names compared without regard to case.
    fn table(&self, database: &str, table: &str) -> Option<Table>;
    /// Whether the database exists.
    fn has_database(&self, database: &str) -> bool;
    /// Whether the tables of the database are [`MemoryTable`]s: a statement that would change them is refused (1044).
    fn is_read_only(&self, _database: &str) -> bool {
        false
    }
    /// A table of such a database, with the rows of this moment. An error is Allod's own fault: it could not learn them.
    fn memory_table(&self, _database: &str, _table: &str) -> Result<Option<MemoryTable>, Error> {
        Ok(None)
    }
}

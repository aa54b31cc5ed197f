//! What the planner asks of a catalog. The engine's published catalog version implements it; tests fake it.

use std::sync::Arc;

use allod_storage::schema::TableDescriptor;

use crate::stats::TableStats;

/// A table as the planner sees it: its descriptor and what is known of its rows.
#[derive(Clone, Debug)]
pub struct Table {
    /// The descriptor of the version that this statement uses.
    pub descriptor: Arc<TableDescriptor>,
    /// Statistics; pseudo ones if the table was never loaded in bulk or analysed.
    pub stats: Arc<TableStats>,
}

/// One immutable version of the schema.
pub trait Catalog {
    /// The table, names compared without regard to case.
    fn table(&self, database: &str, table: &str) -> Option<Table>;
    /// Whether the database exists.
    fn has_database(&self, database: &str) -> bool;
}

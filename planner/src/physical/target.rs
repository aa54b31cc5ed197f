//! Whose rows a statement changes.

use std::sync::Arc;

use allod_storage::schema::TableDescriptor;

use crate::checks::RowChecks;
use crate::foreign::ForeignKeys;
use crate::generated::GeneratedColumns;
use crate::partition::PartitionFunction;

/// A table whose rows an UPDATE or a DELETE changes, under one of the names that it has there.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The table.
    pub table: Arc<TableDescriptor>,
    /// How its rows are dealt; `None` if it is not partitioned.
    pub partition: Option<Arc<PartitionFunction>>,
    /// For UPDATE: its generated columns; `None` if it has none.
    pub generated: Option<Arc<GeneratedColumns>>,
    /// For UPDATE: its CHECK constraints; `None` if none is enforced.
    pub checks: Option<Arc<RowChecks>>,
    /// The foreign keys that the statement must heed, the same for all of its targets; `None` if there are none.
    pub foreign: Option<Arc<ForeignKeys>>,
    /// For UPDATE: the ordinals of the columns that it assigns to.
    pub assigned: Vec<usize>,
}

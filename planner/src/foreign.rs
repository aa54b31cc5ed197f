//! Foreign keys that a change of rows has to do with, as plain data that crosses to the executor.

use std::sync::Arc;

use allod_storage::schema::{ReferenceAction, TableDescriptor};

use crate::checks::RowChecks;
use crate::generated::GeneratedColumns;

/// The foreign keys that a statement must heed: those of the tables whose rows it changes, by itself or because an action makes
/// it, and those that refer to them.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKeys {
    /// The tables on both sides, each once.
    pub tables: Vec<ForeignTable>,
    /// The keys.
    pub links: Vec<ForeignLink>,
}

/// A table on one side of a foreign key. It is not partitioned.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignTable {
    /// The table.
    pub table: Arc<TableDescriptor>,
    /// Its generated columns; `None` if it has none.
    pub generated: Option<Arc<GeneratedColumns>>,
    /// Its CHECK constraints; `None` if none is enforced.
    pub checks: Option<Arc<RowChecks>>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignLink {
    /// Which of the tables has it.
    pub child: usize,
    /// Ordinals of its columns there.
    pub columns: Vec<usize>,
    /// The space that finds rows of the child by these: the records (0) or index `space - 1`.
    pub space: usize,
    /// What it refers to; `None` = there is no such table, or it cannot be asked.
    pub parent: Option<ForeignParent>,
    /// What becomes of rows of the child when their parent goes.
    pub on_delete: ReferenceAction,
    /// What becomes of rows of the child when their parent gets other values.
    pub on_update: ReferenceAction,
    /// What errors say of it: `` `db`.`t2`, CONSTRAINT … ``.
    pub text: Arc<str>,
}

/// The side of a foreign key that is referred to.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignParent {
    /// Which of the tables.
    pub table: usize,
    /// Ordinals of the columns there.
    pub columns: Vec<usize>,
    /// The space that finds its rows by these: the records (0) or index `space - 1`.
    pub space: usize,
}

impl ForeignKeys {
    /// The descriptors of the tables.
    pub fn descriptors(&self) -> impl Iterator<Item = &Arc<TableDescriptor>> {
        self.tables.iter().map(|table| &table.table)
    }
}

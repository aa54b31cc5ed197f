//! What the planner asks of a catalog. The engine's published catalog version implements it; tests fake it.

use std::sync::Arc;

use allod_storage::schema::{Collation, ColumnType, Datum, TableDescriptor};

use crate::account::Access;
use crate::error::Error;
use crate::parse::Parsed;
use crate::sequence::Sequence;
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

/// A query with a name. It depends on nothing but what it names: every table has its database, no `*` is left, so that a column
/// that a table gets later is none of the view's.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Database.
    pub database: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// Names of its columns, and their types when it was made.
    pub columns: Vec<(Arc<str>, ColumnType)>,
    /// The query.
    pub query: Parsed,
    /// What its definition says besides.
    pub options: ViewOptions,
}

/// What a view's definition says that its rows do not depend on: it is shown, and that is all, as in TiDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewOptions {
    /// ALGORITHM.
    pub algorithm: &'static str,
    /// DEFINER, `user@host`; `None` = who made it.
    pub definer: Option<String>,
    /// SQL SECURITY.
    pub security: &'static str,
    /// WITH … CHECK OPTION.
    pub check: Option<&'static str>,
}

impl Default for ViewOptions {
    fn default() -> ViewOptions {
        ViewOptions { algorithm: "UNDEFINED", definer: None, security: "DEFINER", check: None }
    }
}

/// One immutable version of the schema.
pub trait Catalog {
    /// The table, names compared without regard to case.
    fn table(&self, database: &str, table: &str) -> Option<Table>;
    /// The view, names compared without regard to case.
    fn view(&self, _database: &str, _view: &str) -> Option<Arc<View>> {
        None
    }
    /// The sequence, names compared without regard to case.
    fn sequence(&self, _database: &str, _sequence: &str) -> Option<Arc<Sequence>> {
        None
    }
    /// All tables whose rows are stored, of which a statement may know.
    fn all_tables(&self) -> Vec<Arc<TableDescriptor>> {
        Vec::new()
    }
    /// The table as views and foreign keys know it, whatever a session's own table hides.
    fn lasting_table(&self, database: &str, table: &str) -> Option<Table> {
        self.table(database, table)
    }
    /// The view as other views know it, whatever a session's own table hides.
    fn lasting_view(&self, database: &str, view: &str) -> Option<Arc<View>> {
        self.view(database, view)
    }
    /// Whether the database exists.
    fn has_database(&self, database: &str) -> bool;
    /// The collation of tables of the database that say nothing of theirs.
    fn collation(&self, _database: &str) -> Collation {
        Collation::default()
    }
    /// The tables that have foreign keys.
    fn with_foreign_keys(&self) -> Vec<Arc<TableDescriptor>> {
        Vec::new()
    }
    /// Whether the tables of the database are [`MemoryTable`]s: a statement that would change them is refused (1044).
    fn is_read_only(&self, _database: &str) -> bool {
        false
    }
    /// A table of such a database, with the rows of this moment. An error is Allod's own fault: it could not learn them.
    fn memory_table(&self, _database: &str, _table: &str) -> Result<Option<MemoryTable>, Error> {
        Ok(None)
    }
    /// Whether there is anything that the session's user may not do: if not, nobody need ask.
    fn restricts(&self) -> bool {
        false
    }
    /// Whether somebody may do this: the account `who` (`user@host`, the DEFINER of a view), or the session's user. Of a table
    /// as a whole also if it may do so with some of its columns and `partly`.
    fn may(&self, _who: Option<&str>, _access: Access<'_>, _partly: bool) -> bool {
        true
    }
}

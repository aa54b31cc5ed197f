//! Limits of definitions: how long names may be and what they may look like, how many columns and keys a table may have.
//! MySQL's, where TiDB has no others.

use crate::error::Error;
use allod_storage::schema::ROW_ID_NAME;

/// Characters of a name.
const NAME_MAX: usize = 64;
/// Columns of a table; TiDB's default.
const COLUMNS_MAX: usize = 1017;
/// Keys of a table beside the one by which rows are sorted; TiDB's default.
const KEYS_MAX: usize = 64;

/// What goes beyond. The numbers are MySQL's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitFault {
    /// 1059.
    #[error("Identifier name '{0}' is too long")]
    Name(String),
    /// 1069.
    #[error("Too many keys specified; max {KEYS_MAX} keys allowed")]
    Keys,
    /// 1102: with a blank at the end, or no name at all.
    #[error("Incorrect database name '{0}'")]
    DatabaseName(String),
    /// 1103: the same.
    #[error("Incorrect table name '{0}'")]
    TableName(String),
    /// 1117.
    #[error("Too many columns")]
    Columns,
    /// 1166: with a blank at the end, or that of the hidden column.
    #[error("Incorrect column name '{0}'")]
    ColumnName(String),
    /// 1280: the primary key's, for another one.
    #[error("Incorrect index name '{0}'")]
    IndexName(String),
}

/// A name of anything.
pub(super) fn name(name: &str) -> Result<(), Error> {
    match name.chars().count() > NAME_MAX {
        true => Err(LimitFault::Name(name.into()).into()),
        false => Ok(()),
    }
}

/// The name of a database.
pub(super) fn database_name(database: &str) -> Result<(), Error> {
    if is_incorrect(database) {
        Err(LimitFault::DatabaseName(database.into()).into())
    } else {
        name(database)
    }
}

/// The name of a table, a view or a sequence.
pub(super) fn table_name(table: &str) -> Result<(), Error> {
    if is_incorrect(table) { Err(LimitFault::TableName(table.into()).into()) } else { name(table) }
}

fn is_incorrect(name: &str) -> bool {
    name.is_empty() || name.ends_with(' ')
}

/// The name of a column.
pub(super) fn column_name(column: &str) -> Result<(), Error> {
    if is_incorrect(column) || column.eq_ignore_ascii_case(ROW_ID_NAME) {
        return Err(LimitFault::ColumnName(column.into()).into());
    }
    name(column)
}

/// The name of a key that is not the primary one.
pub(super) fn index_name(index: &str) -> Result<(), Error> {
    if index.eq_ignore_ascii_case("PRIMARY") {
        return Err(LimitFault::IndexName(index.into()).into());
    }
    name(index)
}

/// How many columns and how many keys a table has.
pub(super) fn counts(columns: usize, keys: usize) -> Result<(), Error> {
    match (columns > COLUMNS_MAX, keys > KEYS_MAX) {
        (true, _) => Err(LimitFault::Columns.into()),
        (_, true) => Err(LimitFault::Keys.into()),
        (false, false) => Ok(()),
    }
}

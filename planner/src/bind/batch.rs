//! BATCH: by which column a change is cut into pieces.

use std::num::NonZeroU64;
use std::sync::Arc;

use allod_storage::schema::{ROW_ID_NAME, SqlType, TableDescriptor};

use super::binder::Binder;
use super::key;
use crate::error::Error;
use crate::parse::{BatchSyntax, DryRun};

/// A change that is done in pieces, each by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Rows of a piece.
    pub rows: NonZeroU64,
    /// What of it is shown instead of done.
    pub dry_run: DryRun,
    /// The query of all values of its column, in order.
    pub query: Arc<str>,
    /// Its column, as it is named in its text.
    pub column: Arc<str>,
    /// The type of that: which of its values are one.
    pub ty: SqlType,
    /// Its text up to WHERE.
    pub head: Arc<str>,
    /// What stands behind WHERE.
    pub condition: Option<Arc<str>>,
    /// What stands behind that.
    pub tail: Arc<str>,
}

impl Binder<'_> {
    /// BATCH.
    pub fn batch(&self, batch: &BatchSyntax) -> Result<Batch, Error> {
        let (name, table) = self.table(&batch.table)?;
        let column = column_of(batch, &table.descriptor)?;
        let ty = table.descriptor.column(&column).map(|o| table.descriptor.columns[o].ty.sql.clone());
        let Some(rows) = NonZeroU64::new(batch.rows) else {
            return Err(Error::Batch("Non-transactional DML, batch size should be positive".into()));
        };
        if batch.assigned.iter().any(|name| name.eq_ignore_ascii_case(&column)) {
            return Err(Error::Batch("Non-transactional DML, shard column cannot be updated".into()));
        }
        let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
        let column = match &batch.alias {
            Some(alias) => format!("{}.{}", quoted(alias), quoted(&column)),
            None => quoted(&column),
        };
        let alias = batch.alias.as_ref().map_or(String::new(), |alias| format!(" AS {}", quoted(alias)));
        let table = format!("{}.{}{alias}", quoted(&name.database), quoted(&name.table));
        let condition =
            batch.condition.as_ref().map_or("TRUE".to_owned(), |condition| format!("({condition})"));
        let query = format!(
            "SELECT {column} FROM {table} WHERE {condition} ORDER BY IF(ISNULL({column}),0,1),{column}"
        );
        Ok(Batch {
            rows,
            dry_run: batch.dry_run,
            query: query.into(),
            column: column.into(),
            ty: ty.unwrap_or(SqlType::BIGINT),
            head: batch.head.as_str().into(),
            condition: batch.condition.as_deref().map(Arc::from),
            tail: batch.tail.as_str().into(),
        })
    }
}

/// The column that is named, which an index must begin with; or else that of the rows' key.
fn column_of(batch: &BatchSyntax, table: &TableDescriptor) -> Result<String, Error> {
    let name_of = |ordinal: usize| table.columns.get(ordinal).map(|column| column.name.to_string());
    let Some(asked) = &batch.column else {
        return match (&table.key[..], table.clustered) {
            ([column], true) => {
                name_of(*column).ok_or_else(|| Error::Internal("a key without a column".into()))
            }
            (_, false) => Ok(ROW_ID_NAME.to_owned()),
            (_, true) => {
                let message = "Non-transactional DML, the clustered index contains multiple columns. Please specify a shard column";
                Err(Error::Batch(message.into()))
            }
        };
    };
    let asked = &asked.value;
    if asked.eq_ignore_ascii_case(ROW_ID_NAME) && !table.clustered {
        return Ok(asked.clone());
    }
    let Some(ordinal) = table.column(asked) else {
        return Err(Error::Batch(format!(
            "Non-transactional DML, shard column {} not found",
            asked.to_lowercase()
        )));
    };
    // A key on the beginning of the column, or on what it is sorted by, is one on the column.
    let is_it = |first: Option<&usize>| first.is_some_and(|&part| key::base(&table.columns, part) == ordinal);
    if is_it(table.key.first()) || table.indexes.iter().any(|index| is_it(index.columns.first())) {
        return Ok(asked.clone());
    }
    Err(Error::Batch(format!("Non-transactional DML, shard column {} is not indexed", asked.to_lowercase())))
}

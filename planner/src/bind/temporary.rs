//! Temporary tables: which tables a name stands for, and what cannot be done with them.
//!
//! A session's own (local) table hides the table or view of the same name, but not from views and foreign keys: those were made
//! when it was not there. That is all that binding knows of them; the catalog of the session says what there is.
//!
//! ```sql
//! create table t (id int); create view v as select id from t;
//! create temporary table t (id int, c int);
//! select * from t             -- the temporary one
//! select * from v             -- the rows of the other
//! create view w as select * from t   -- 1352
//! alter table t add d int     -- 8200
//! ```

use allod_storage::schema::{TableDescriptor, TableOptions, Temporary};
use sqlparser::ast::{self, ObjectName, OnCommit};

use super::binder::Binder;
use super::ddl::{Ddl, TableName};
use crate::catalog::{Table, View};
use crate::error::Error;
use crate::parse::temporary_kind;

/// What cannot be done with temporary tables. The numbers are MySQL's and TiDB's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemporaryFault {
    /// 1215.
    #[error("Cannot add foreign key constraint")]
    ForeignKey,
    /// 1352.
    #[error("View's SELECT refers to a temporary table '{0}'")]
    InView(String),
    /// 1562.
    #[error("Cannot create temporary table with partitions")]
    Partitioned,
    /// 1733.
    #[error("Table to exchange with partition is temporary: '{0}'")]
    Exchanged(String),
    /// 8006.
    #[error("`{0}` is unsupported on temporary tables.")]
    Unsupported(&'static str),
    /// 8007.
    #[error("`drop global temporary table` can only drop global temporary table")]
    NotGlobal,
    /// 8151.
    #[error("Set TTL for temporary table is not allowed")]
    Ttl,
    /// 8200: of a session's own table.
    #[error("TiDB doesn't support {0} for local temporary table")]
    Local(&'static str),
    /// 8200.
    #[error("TiDB doesn't support ON COMMIT PRESERVE ROWS for now")]
    PreserveRows,
}

impl Binder<'_> {
    /// The table of this name, if there is one.
    pub(super) fn found_table(&self, name: &TableName) -> Option<Table> {
        match self.viewed.is_empty() {
            true => self.cx.catalog.table(&name.database, &name.table),
            false => self.cx.catalog.lasting_table(&name.database, &name.table),
        }
    }

    /// The view of this name, if there is one.
    pub(super) fn found_view(&self, name: &TableName) -> Option<std::sync::Arc<View>> {
        match self.viewed.is_empty() {
            true => self.cx.catalog.view(&name.database, &name.table),
            false => self.cx.catalog.lasting_view(&name.database, &name.table),
        }
    }

    /// Whether a name stands for a table that only this session has.
    pub(super) fn is_local(&self, name: &TableName) -> bool {
        self.found_table(name).is_some_and(|table| table.descriptor.is_local())
    }

    /// Refuses to define a view that reads a table which others do not have.
    pub(super) fn check_viewed(&self, table: &TableDescriptor) -> Result<(), Error> {
        if self.defined.is_some() && table.is_local() {
            return Err(TemporaryFault::InView(table.name.to_string()).into());
        }
        Ok(())
    }

    /// `DROP [GLOBAL] TEMPORARY TABLE`. Whether a session's own tables exist is the engine's to say.
    pub(super) fn drop_temporary(
        &self,
        kind: Temporary,
        if_exists: bool,
        names: &[ObjectName],
    ) -> Result<Ddl, Error> {
        let tables: Vec<TableName> =
            names.iter().map(|name| self.table_name(name)).collect::<Result<_, _>>()?;
        tables.iter().try_for_each(|table| self.writable(&table.database))?;
        if kind == Temporary::Global {
            let is_other =
                |name| self.found_table(name).is_some_and(|t| t.descriptor.temporary != Some(kind));
            if tables.iter().any(is_other) {
                return Err(TemporaryFault::NotGlobal.into());
            }
        }
        Ok(Ddl::DropTables { tables, if_exists, temporary: Some(kind) })
    }
}

/// Refuses a change of the definition of a session's own table. `what`: the statement.
pub(super) fn check_alterable(table: &TableDescriptor, what: &'static str) -> Result<(), Error> {
    if table.is_local() { Err(TemporaryFault::Local(what).into()) } else { Ok(()) }
}

/// Refuses what cannot be done with a temporary table.
pub(super) fn check_lasting(table: &TableDescriptor, what: &'static str) -> Result<(), Error> {
    if table.temporary.is_some() { Err(TemporaryFault::Unsupported(what).into()) } else { Ok(()) }
}

/// Which kind of temporary table a definition makes, if it does.
pub(super) fn kind(table: &ast::CreateTable) -> Result<Option<Temporary>, Error> {
    match table.on_commit {
        Some(OnCommit::PreserveRows) => Err(TemporaryFault::PreserveRows.into()),
        Some(OnCommit::DeleteRows | OnCommit::Drop) | None => Ok(temporary_kind(table)),
    }
}

/// Refuses what TiDB refuses of temporary tables, also where it would have no effect here.
pub(super) fn check_options(temporary: Option<Temporary>, options: &TableOptions) -> Result<(), Error> {
    match temporary {
        None => Ok(()),
        Some(_) if options.ttl.is_some() => Err(TemporaryFault::Ttl.into()),
        Some(_) if options.placement.is_some() => Err(TemporaryFault::Unsupported("PLACEMENT").into()),
        Some(_) if options.pre_split_regions > 0 => {
            Err(TemporaryFault::Unsupported("pre split regions").into())
        }
        Some(_) if options.shard_row_id_bits > 0 => {
            Err(TemporaryFault::Unsupported("shard_row_id_bits").into())
        }
        Some(_) => Ok(()),
    }
}

/// Refuses a temporary table with partitions, or with foreign keys.
pub(super) fn check_definition(
    temporary: Option<Temporary>,
    is_partitioned: bool,
    has_foreign_keys: bool,
) -> Result<(), Error> {
    match temporary {
        Some(_) if is_partitioned => Err(TemporaryFault::Partitioned.into()),
        Some(_) if has_foreign_keys => Err(TemporaryFault::ForeignKey.into()),
        Some(_) | None => Ok(()),
    }
}

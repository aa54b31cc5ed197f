//! What the session's user may read and change.
//!
//! Tables are asked about where they are named, columns where a name is found to be one. Who may read a table as a whole is
//! asked no more of it; of who may read some columns only, the columns of that table are *guarded*, and each one that is named
//! is asked about:
//!
//! ```sql
//! grant select (a), update (b) on d.t to u
//! update t set b = 1 where a = 2      -- may
//! update t set b = a + c              -- 1143: SELECT command denied … for column 'c' in table 't'
//! select count(*) from t              -- may: any column will do
//! ```
//!
//! What a view reads its definer must be allowed to, or whoever reads the view if it says SQL SECURITY INVOKER; who may not gets
//! 1356. Nobody asks at all if the catalog restricts nothing, which it says once a statement. Definitions are not asked about here
//! but by the engine, when they are bound. With its own temporary tables a session may do everything.

use std::sync::Arc;

use allod_storage::schema::TableDescriptor;

use super::TableName;
use super::binder::Binder;
use super::scope::Relation;
use crate::account::{Access, AccountName, Privilege};
use crate::column::ColumnId;
use crate::error::Error;

/// A column that not everybody may read.
#[derive(Clone, Debug)]
pub(super) struct Guarded {
    id: ColumnId,
    table: TableName,
    column: Arc<str>,
}

impl Binder<'_> {
    /// Whether nobody need be asked.
    fn is_free(&self) -> bool {
        self.definer.is_none() && !self.cx.catalog.restricts()
    }

    fn may(&self, privilege: Privilege, name: &TableName, column: Option<&str>, partly: bool) -> bool {
        let (database, table) = (&*name.database, &*name.table);
        let access = Access { privilege, database, table, column };
        self.cx.catalog.may(self.definer.as_deref(), access, partly)
    }

    /// Refuses a table with which the user may not do this, not even with some of its columns.
    pub fn check_table(&self, privilege: Privilege, name: &TableName) -> Result<(), Error> {
        if self.is_free() || self.is_local(name) || self.may(privilege, name, None, true) {
            return Ok(());
        }
        Err(self.denied(privilege, name, None))
    }

    /// Guards the columns of a relation, if the user may not read all of it.
    pub fn guard(&mut self, name: &TableName, relations: &[Relation]) {
        if self.is_free() || self.is_local(name) || self.may(Privilege::Select, name, None, false) {
            return;
        }
        for column in relations.iter().flat_map(|relation| &relation.columns) {
            let (table, column, id) = (name.clone(), Arc::clone(&column.name), column.id);
            self.guarded.push(Guarded { id, table, column });
        }
    }

    /// Refuses a column that the user may not read.
    pub fn check_read(&self, id: ColumnId) -> Result<(), Error> {
        let Some(Guarded { table, column, .. }) = self.guarded.iter().find(|g| g.id == id) else {
            return Ok(());
        };
        if self.may(Privilege::Select, table, Some(column), false) {
            return Ok(());
        }
        let partly = self.may(Privilege::Select, table, None, true);
        Err(self.denied(Privilege::Select, table, partly.then_some(column)))
    }

    /// Refuses `*` to who may not read all that it stands for: of the table, for nobody has named a column.
    pub fn check_star(&self, columns: &[(Arc<str>, ColumnId)]) -> Result<(), Error> {
        columns.iter().try_for_each(|(_, id)| self.check_read(*id)).map_err(of_table)
    }

    /// Refuses values for columns that the user may not give them to. `named`: the statement names them.
    pub fn check_given(&self, table: &TableDescriptor, ordinals: &[usize], named: bool) -> Result<(), Error> {
        let all = ordinals.iter().try_for_each(|at| self.check_write(Privilege::Insert, table, *at));
        all.map_err(|error| if named { error } else { of_table(error) })
    }

    /// Refuses to lock the rows of a table to who may only read it, and so could keep others from writing.
    pub fn check_lock(&self, table: &TableDescriptor) -> Result<(), Error> {
        let name = TableName { database: Arc::clone(&table.database), table: Arc::clone(&table.name) };
        let enough = [Privilege::Update, Privilege::Delete, Privilege::LockTables];
        if self.is_free()
            || table.is_local()
            || enough.into_iter().any(|privilege| self.may(privilege, &name, None, true))
        {
            return Ok(());
        }
        Err(self.denied(Privilege::LockTables, &name, None))
    }

    /// Refuses to explain a view to who may not see how it is made.
    pub fn check_explained(&self, view: &TableName) -> Result<(), Error> {
        if !self.explained || self.is_free() || self.may(Privilege::ShowView, view, None, false) {
            return Ok(());
        }
        Err(Error::ViewNotExplained)
    }

    /// Refuses a column that the user may not give values to.
    pub fn check_write(
        &self,
        privilege: Privilege,
        table: &TableDescriptor,
        ordinal: usize,
    ) -> Result<(), Error> {
        if self.is_free() || table.is_local() {
            return Ok(());
        }
        let name = TableName { database: Arc::clone(&table.database), table: Arc::clone(&table.name) };
        let column = &*table.columns[ordinal].name;
        if self.may(privilege, &name, Some(column), false) {
            return Ok(());
        }
        let partly = self.may(privilege, &name, None, true);
        Err(self.denied(privilege, &name, partly.then_some(column)))
    }

    fn denied(&self, privilege: Privilege, name: &TableName, column: Option<&str>) -> Error {
        if let Some(view) = self.viewed.last() {
            return Error::InvalidView(format!("{}.{}", view.database, view.table));
        }
        let user = AccountName::of_text(self.cx.session.account).quoted();
        let (command, table) = (privilege.name(), name.table.to_string());
        match column {
            None => Error::TableDenied { command, user, table },
            Some(column) => Error::ColumnDenied { command, user, table, column: column.into() },
        }
    }
}

/// What is said of a column, said of its table.
fn of_table(error: Error) -> Error {
    match error {
        Error::ColumnDenied { command, user, table, .. } => Error::TableDenied { command, user, table },
        error => error,
    }
}

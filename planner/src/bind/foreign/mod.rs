//! Foreign keys: `FOREIGN KEY (a, b) REFERENCES t (c, d) [ON DELETE action] [ON UPDATE action]`.
//!
//! The descriptor of a table keeps its foreign keys; who refers to a table is asked of the catalog. A statement that changes rows
//! carries [`ForeignKeys`] with it: the keys of its tables, those that refer to them, and on from there as far as actions may
//! reach, with all that it takes to change rows of those tables. So the executor needs no catalog while rows go from table to
//! table:
//!
//! ```text
//! grandchild ── CASCADE ──> child ── SET NULL ──> parent
//! DELETE FROM parent     links child->parent, grandchild->child; tables of all three
//! INSERT INTO child      link child->parent; the child and its parent
//! ```
//!
//! What is referred to must lead an index there (error 1822); the columns that refer lead an index here, which is made if there
//! is none. With `foreign_key_checks` OFF nothing of this is asked, and the table that is referred to need not be there.
//!
//! ```text
//! fault    what can be wrong with all of that
//! ```
//!
//! Left out: a table that comes after one that refers to it is not compared with that one. Columns with a collation that is
//! not plain (`utf8mb4_general_ci`) have no foreign keys: rows are found by their values.

mod fault;

use std::sync::Arc;

use allod_storage::schema::{
    CheckConstraint, ColumnDef, Constraints, Datum, ForeignKey, ReferenceAction, SqlType, TableDescriptor,
};
use sqlparser::ast::{self, ForeignKeyConstraint, ReferentialAction};

use super::binder::Binder;
use super::check::columns_of;
use super::ddl::TableName;
use super::expression::not_supported;
use super::{OptionFault, TemporaryFault, bind_checks, bind_generated};
use crate::account::Privilege;
use crate::error::Error;
use crate::foreign::{ForeignKeys, ForeignLink, ForeignParent, ForeignTable};

pub use fault::ForeignFault;

/// A table whose foreign keys are being defined.
pub(super) struct Defined<'a> {
    /// Its name.
    pub name: &'a TableName,
    /// Its columns.
    pub columns: &'a [ColumnDef],
    /// The columns of its keys: the clustered one, the indexes.
    pub keys: Vec<&'a [usize]>,
    /// Whether it is partitioned.
    pub is_partitioned: bool,
}

impl Binder<'_> {
    /// Whether foreign keys are heeded.
    pub(super) fn foreign_keys_are_on(&self) -> bool {
        let on = |name| self.cx.session.variables.system(name, false) != Some(Datum::Int(0));
        on("foreign_key_checks") && on("tidb_enable_foreign_key")
    }

    /// A foreign key of a table, as it is kept. `known`: those that the table has already.
    pub(super) fn define_foreign_key(
        &mut self,
        written: &ForeignKeyConstraint,
        table: &Defined<'_>,
        known: &[ForeignKey],
    ) -> Result<ForeignKey, Error> {
        let taken = |name: &str| known.iter().any(|key| key.name.eq_ignore_ascii_case(name));
        let name = match written.name.as_ref().or(written.index_name.as_ref()) {
            Some(name) if taken(&name.value) => {
                return Err(ForeignFault::DuplicateName(name.value.clone()).into());
            }
            Some(name) => name.value.clone(),
            None => {
                let mut number = 1;
                while taken(&format!("fk_{number}")) {
                    number += 1;
                }
                format!("fk_{number}")
            }
        };
        if table.is_partitioned {
            return Err(ForeignFault::Partitioned.into());
        }
        if written.columns.len() != written.referred_columns.len() {
            return Err(ForeignFault::CountMismatch(name).into());
        }
        let mut columns = Vec::with_capacity(written.columns.len());
        for column in &written.columns {
            let named = |c: &ColumnDef| !c.hidden && c.name.eq_ignore_ascii_case(&column.value);
            let at = table.columns.iter().position(named);
            columns.push(at.ok_or_else(|| Error::UnknownKeyColumn(column.value.clone()))?);
        }
        let (on_delete, on_update) = (action(written.on_delete)?, action(written.on_update)?);
        for &column in &columns {
            let def = &table.columns[column];
            check_collation(def)?;
            if !def.ty.nullable && [on_delete, on_update].contains(&ReferenceAction::SetNull) {
                return Err(ForeignFault::NotNull { column: def.name.to_string(), key: name }.into());
            }
            if def.generated.is_some() {
                let clauses = [
                    ("ON DELETE SET NULL", on_delete == ReferenceAction::SetNull),
                    ("ON UPDATE CASCADE", on_update == ReferenceAction::Cascade),
                    ("ON UPDATE SET NULL", on_update == ReferenceAction::SetNull),
                ];
                if let Some((clause, _)) = clauses.into_iter().find(|(_, there)| *there) {
                    return Err(ForeignFault::Generated(clause).into());
                }
            }
        }
        let parent = self.table_name(&written.foreign_table)?;
        let is_own = parent.database.eq_ignore_ascii_case(&table.name.database)
            && parent.table.eq_ignore_ascii_case(&table.name.table);
        if !is_own {
            self.check_table(Privilege::References, &parent)?;
        }
        let referenced = written.referred_columns.iter().map(|c| Arc::from(c.value.as_str())).collect();
        let mut key = ForeignKey {
            name: name.into(),
            columns,
            database: parent.database,
            table: parent.table,
            referenced,
            on_delete,
            on_update,
        };
        self.refer(&mut key, table)?;
        Ok(key)
    }

    /// Looks at what a foreign key refers to, and calls its columns as they are called there.
    fn refer(&mut self, key: &mut ForeignKey, child: &Defined<'_>) -> Result<(), Error> {
        let own = key.refers_to(&child.name.database, &child.name.table);
        let found = self.cx.catalog.lasting_table(&key.database, &key.table);
        let there = match &found {
            _ if own => Some((child.columns, child.keys.clone(), child.is_partitioned)),
            Some(table) if table.descriptor.temporary.is_some() => {
                return Err(TemporaryFault::ForeignKey.into());
            }
            Some(table) => Some(described(&table.descriptor)),
            None => None,
        };
        let is_on = self.foreign_keys_are_on();
        let Some((columns, keys, is_partitioned)) = there else {
            return if is_on { Err(ForeignFault::NoTable(key.table.to_string()).into()) } else { Ok(()) };
        };
        if is_partitioned {
            return Err(ForeignFault::Partitioned.into());
        }
        if found.as_ref().is_some_and(|table| !own && table.descriptor.options.ttl.is_some()) {
            return Err(OptionFault::TtlReferred.into());
        }
        let mut ordinals = Vec::with_capacity(key.referenced.len());
        for (name, &own) in key.referenced.iter_mut().zip(&key.columns) {
            let named = |c: &ColumnDef| !c.hidden && c.name.eq_ignore_ascii_case(name);
            let Some(at) = columns.iter().position(named) else {
                let (column, table) = (name.to_string(), key.table.to_string());
                return Err(ForeignFault::NoColumn { column, key: key.name.to_string(), table }.into());
            };
            *name = Arc::clone(&columns[at].name);
            let column = &child.columns[own];
            if !compatible(&column.ty.sql, &columns[at].ty.sql) {
                return Err(ForeignFault::Incompatible {
                    column: column.name.to_string(),
                    referenced: name.to_string(),
                    key: key.name.to_string(),
                }
                .into());
            }
            ordinals.push(at);
        }
        if is_on && !keys.iter().any(|key| key.starts_with(&ordinals)) {
            let (key, table) = (key.name.to_string(), key.table.to_string());
            return Err(ForeignFault::NoIndex { key, table }.into());
        }
        Ok(())
    }

    /// The foreign keys that a change of these tables must heed; `None` = none. `as_parents`: whether rows of them may go or get
    /// other values.
    pub(super) fn foreign_keys(
        &mut self,
        tables: &[&Arc<TableDescriptor>],
        as_parents: bool,
    ) -> Result<Option<Arc<ForeignKeys>>, Error> {
        let all = if self.foreign_keys_are_on() { self.cx.catalog.with_foreign_keys() } else { Vec::new() };
        if all.is_empty() {
            return Ok(None);
        }
        let mut keys = ForeignKeys { tables: Vec::new(), links: Vec::new() };
        // Those whose rows are changed, and those that rows are only looked for in.
        let mut changed = Vec::new();
        // Nothing refers to temporary ones, whatever their names.
        for table in tables.iter().filter(|table| table.temporary.is_none()) {
            changed.push(self.foreign_table(&mut keys, table)?);
        }
        let (mut next, named) = (0, changed.len());
        while let Some(&at) = changed.get(next) {
            next += 1;
            let table = Arc::clone(&keys.tables[at].table);
            for key in &table.constraints.foreign_keys {
                let parent = self.cx.catalog.lasting_table(&key.database, &key.table).map(|t| t.descriptor);
                self.link(&mut keys, &table, key, parent.as_ref())?;
            }
            if next <= named && !as_parents {
                continue;
            }
            for child in &all {
                for key in &child.constraints.foreign_keys {
                    if !key.refers_to(&table.database, &table.name) {
                        continue;
                    }
                    let child = self.link(&mut keys, child, key, Some(&table))?;
                    if (key.on_delete.changes() || key.on_update.changes()) && !changed.contains(&child) {
                        changed.push(child);
                    }
                }
            }
        }
        Ok((!keys.links.is_empty()).then(|| Arc::new(keys)))
    }

    /// Adds a table unless it is there; its place.
    fn foreign_table(
        &mut self,
        keys: &mut ForeignKeys,
        table: &Arc<TableDescriptor>,
    ) -> Result<usize, Error> {
        if let Some(at) = keys.tables.iter().position(|known| known.table.id == table.id) {
            return Ok(at);
        }
        let generated = bind_generated(table)?.map(Arc::new);
        let checks = bind_checks(table, self.cx.zone)?.map(Arc::new);
        keys.tables.push(ForeignTable { table: Arc::clone(table), generated, checks });
        Ok(keys.tables.len() - 1)
    }

    /// Adds a foreign key unless it is there; the place of the table that has it.
    fn link(
        &mut self,
        keys: &mut ForeignKeys,
        child: &Arc<TableDescriptor>,
        key: &ForeignKey,
        parent: Option<&Arc<TableDescriptor>>,
    ) -> Result<usize, Error> {
        let at = self.foreign_table(keys, child)?;
        let text = format!("`{}`.`{}`, {}", child.database, child.name, key.clause(child));
        if keys.links.iter().any(|link| link.child == at && *link.text == text) {
            return Ok(at);
        }
        let parent = match parent {
            None => None,
            Some(table) => {
                let columns: Option<Vec<usize>> = key.referenced.iter().map(|c| table.column(c)).collect();
                let space = columns.as_deref().and_then(|columns| table.space_led_by(columns));
                match columns.zip(space).filter(|_| table.partitioning.is_none()) {
                    Some((columns, space)) => {
                        Some(ForeignParent { table: self.foreign_table(keys, table)?, columns, space })
                    }
                    None => None,
                }
            }
        };
        let space = child.space_led_by(&key.columns);
        let space =
            space.ok_or_else(|| Error::Internal(format!("foreign key {} has no index", key.name).into()))?;
        keys.links.push(ForeignLink {
            child: at,
            columns: key.columns.clone(),
            space,
            parent,
            on_delete: key.on_delete,
            on_update: key.on_update,
            text: text.into(),
        });
        Ok(at)
    }

    /// No other table refers to one that goes (error 3730). `going`: all that go.
    pub(super) fn check_dropped(&self, going: impl Fn(&str, &str) -> bool) -> Result<(), Error> {
        if !self.foreign_keys_are_on() {
            return Ok(());
        }
        for child in self.cx.catalog.with_foreign_keys() {
            for key in &child.constraints.foreign_keys {
                let is_there = || self.cx.catalog.lasting_table(&key.database, &key.table).is_some();
                if !going(&child.database, &child.name) && going(&key.database, &key.table) && is_there() {
                    return Err(ForeignFault::CannotDrop {
                        table: key.table.to_string(),
                        key: key.name.to_string(),
                        child: child.name.to_string(),
                    }
                    .into());
                }
            }
        }
        Ok(())
    }

    /// Foreign keys of the table, and those that refer to it, find rows without this index (error 1553).
    pub(super) fn check_not_needed(
        &self,
        name: &TableName,
        table: &TableDescriptor,
        index: usize,
    ) -> Result<(), Error> {
        let mut without = table.clone();
        let dropped = without.indexes.remove(index).name;
        let found = |table: &TableDescriptor, columns: &[usize]| table.space_led_by(columns).is_some();
        let own = table.constraints.foreign_keys.iter().all(|key| found(&without, &key.columns));
        let referred = |key: &ForeignKey| {
            let columns: Option<Vec<usize>> = key.referenced.iter().map(|c| table.column(c)).collect();
            columns.is_none_or(|columns| found(&without, &columns) || !found(table, &columns))
        };
        match own && self.referring(name).iter().all(|(_, key)| referred(key)) {
            true => Ok(()),
            false => Err(ForeignFault::IndexNeeded(dropped.to_string()).into()),
        }
    }

    /// Nobody refers to a table that is emptied (error 1701).
    pub(super) fn check_truncated(&self, name: &TableName) -> Result<(), Error> {
        let other = |(child, _): &(Arc<TableDescriptor>, ForeignKey)| {
            !(child.database.eq_ignore_ascii_case(&name.database)
                && child.name.eq_ignore_ascii_case(&name.table))
        };
        match self.referring(name).into_iter().find(other).filter(|_| self.foreign_keys_are_on()) {
            None => Ok(()),
            Some((child, key)) => {
                let what = format!("`{}`.`{}`, {}", child.database, child.name, key.clause(&child));
                Err(ForeignFault::CannotTruncate(what).into())
            }
        }
    }

    /// Foreign keys of other tables, or of this one, that refer to a table.
    pub(super) fn referring(&self, name: &TableName) -> Vec<(Arc<TableDescriptor>, ForeignKey)> {
        let of = |child: Arc<TableDescriptor>| {
            let keys = child.constraints.foreign_keys.clone().into_iter();
            keys.filter(|key| key.refers_to(&name.database, &name.table))
                .map(move |key| (Arc::clone(&child), key))
                .collect::<Vec<_>>()
        };
        self.cx.catalog.with_foreign_keys().into_iter().flat_map(of).collect()
    }
}

/// The columns that an action may write to are in no CHECK constraint (error 3823).
pub(super) fn check_actions(constraints: &Constraints, columns: &[ColumnDef]) -> Result<(), Error> {
    for key in constraints.foreign_keys.iter().filter(|key| writes(key)) {
        for check in &constraints.checks {
            let about = columns_of(check, columns)?;
            if let Some(&column) = key.columns.iter().find(|column| about.contains(column)) {
                let CheckConstraint { name, .. } = check;
                let (column, check) = (columns[column].name.to_string(), name.to_string());
                return Err(ForeignFault::Checked { column, check }.into());
            }
        }
    }
    Ok(())
}

/// A foreign key finds rows by their values as they are, not by sort keys.
pub(super) fn check_collation(column: &ColumnDef) -> Result<(), Error> {
    let collation = column.ty.sql.collation();
    match collation.is_plain() {
        true => Ok(()),
        false => Err(not_supported(&format!("foreign keys of columns with collation {}", collation.name()))),
    }
}

fn writes(key: &ForeignKey) -> bool {
    key.on_delete == ReferenceAction::SetNull || key.on_update.changes()
}

fn action(written: Option<ReferentialAction>) -> Result<ReferenceAction, Error> {
    Ok(match written {
        None => ReferenceAction::Unsaid,
        Some(ReferentialAction::Restrict) => ReferenceAction::Restrict,
        Some(ReferentialAction::NoAction) => ReferenceAction::NoAction,
        Some(ReferentialAction::Cascade) => ReferenceAction::Cascade,
        Some(ReferentialAction::SetNull) => ReferenceAction::SetNull,
        Some(ReferentialAction::SetDefault) => return Err(not_supported("SET DEFAULT of a foreign key")),
    })
}

fn described(table: &TableDescriptor) -> (&[ColumnDef], Vec<&[usize]>, bool) {
    let clustered = table.clustered.then_some(table.key.as_slice());
    let keys = clustered.into_iter().chain(table.indexes.iter().map(|i| i.columns.as_slice()));
    (&table.columns, keys.collect(), table.partitioning.is_some())
}

/// Whether values of the two types are encoded alike: the same type and collation, but for the lengths of strings.
pub(super) fn compatible(a: &SqlType, b: &SqlType) -> bool {
    match (a, b) {
        (SqlType::Char(_, a) | SqlType::VarChar(_, a), SqlType::Char(_, b) | SqlType::VarChar(_, b)) => {
            a == b
        }
        (SqlType::Binary(_) | SqlType::VarBinary(_), SqlType::Binary(_) | SqlType::VarBinary(_)) => true,
        (a, b) => a == b,
    }
}

/// The FOREIGN KEY clauses of a table.
pub(super) fn written(constraints: &[ast::TableConstraint]) -> impl Iterator<Item = &ForeignKeyConstraint> {
    constraints.iter().filter_map(|constraint| match constraint {
        ast::TableConstraint::ForeignKey(key) => Some(key),
        _ => None,
    })
}

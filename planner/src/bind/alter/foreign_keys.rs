//! Foreign keys of a table that is being altered, and of those that refer to it.

use std::mem::discriminant;
use std::sync::Arc;

use allod_storage::schema::{ColumnDef, ForeignKey, SqlType};
use sqlparser::ast::{ForeignKeyConstraint, Ident};

use super::{Column, Draft, Key};
use crate::bind::ForeignFault;
use crate::bind::binder::Binder;
use crate::bind::ddl::TableName;
use crate::bind::define::free_name;
use crate::bind::foreign::{Defined, check_collation, compatible};
use crate::bind::temporary;
use crate::error::Error;

impl Binder<'_> {
    /// ADD FOREIGN KEY.
    pub(super) fn add_foreign_key(
        &mut self,
        draft: &mut Draft,
        table: &TableName,
        written: &ForeignKeyConstraint,
    ) -> Result<(), Error> {
        temporary::check_definition(draft.base.temporary, false, true)?;
        let defs = draft.defs();
        let place = |number: &usize| draft.columns.iter().position(|c| c.number == *number);
        let keys = draft.primary.iter().chain(draft.keys.iter().map(|key| &key.columns));
        let keys: Vec<Vec<usize>> = keys.map(|key| key.iter().filter_map(place).collect()).collect();
        let is_partitioned = draft.base.partitioning.is_some();
        let keys_of = keys.iter().map(Vec::as_slice).collect();
        let defined = Defined { name: table, columns: &defs, keys: keys_of, is_partitioned };
        let key = self.define_foreign_key(written, &defined, &draft.foreign_keys)?;
        let is_found = keys.iter().any(|of| of.starts_with(&key.columns));
        let columns: Vec<usize> = key.columns.iter().map(|&at| draft.columns[at].number).collect();
        if !is_found {
            let taken = |n: &str| draft.keys.iter().any(|k| k.name.eq_ignore_ascii_case(n));
            let name = free_name(&key.name, taken);
            let (columns, options) = (columns.clone(), Default::default());
            draft.keys.push(Key { name, unique: false, columns, from: None, options });
        }
        draft.foreign_keys.push(ForeignKey { columns, ..key });
        Ok(())
    }

    /// A column that is dropped is in no foreign key (error 1828), and none refers to it (1829).
    pub(super) fn check_not_referred(
        &self,
        draft: &Draft,
        table: &TableName,
        column: &Ident,
    ) -> Result<(), Error> {
        let at = draft.named(column)?;
        let number = draft.columns[at].number;
        if let Some(key) = draft.foreign_keys.iter().find(|key| key.columns.contains(&number)) {
            let (column, key) = (column.value.clone(), key.name.to_string());
            return Err(ForeignFault::ColumnNeeded { column, key }.into());
        }
        let old = draft.base.columns.get(number).map(|c| Arc::clone(&c.name));
        for (child, key) in self.referring(table) {
            let own = child.id == draft.base.id;
            let dropped = own && !draft.foreign_keys.iter().any(|known| known.name == key.name);
            if !dropped && key.referenced.iter().any(|name| Some(name) == old.as_ref()) {
                return Err(ForeignFault::ColumnReferred {
                    column: column.value.clone(),
                    key: key.name.to_string(),
                    table: child.name.to_string(),
                }
                .into());
            }
        }
        Ok(())
    }

    /// A column that a foreign key has or refers to gets no other type, but for longer strings.
    pub(super) fn check_changed(
        &self,
        draft: &Draft,
        table: &TableName,
        before: &ColumnDef,
        after: &ColumnDef,
        number: usize,
    ) -> Result<(), Error> {
        if grows(&before.ty.sql, &after.ty.sql) || !self.foreign_keys_are_on() {
            return Ok(());
        }
        let other = discriminant(&before.ty.sql) != discriminant(&after.ty.sql)
            || matches!(after.ty.sql, SqlType::Int { .. });
        let incompatible = |column: &str, referenced: &str, key: &ForeignKey| ForeignFault::Incompatible {
            column: column.to_owned(),
            referenced: referenced.to_owned(),
            key: key.name.to_string(),
        };
        for key in &draft.foreign_keys {
            let Some(at) = key.columns.iter().position(|of| *of == number) else { continue };
            return Err(if other && !compatible(&before.ty.sql, &after.ty.sql) {
                incompatible(&before.name, &key.referenced[at], key)
            } else {
                ForeignFault::ColumnUsed { column: before.name.to_string(), key: key.name.to_string() }
            }
            .into());
        }
        for (child, key) in self.referring(table) {
            let Some(at) = key.referenced.iter().position(|name| *name == before.name) else { continue };
            return Err(if other && !compatible(&before.ty.sql, &after.ty.sql) {
                incompatible(&child.columns[key.columns[at]].name, &before.name, &key)
            } else {
                ForeignFault::ColumnUsedBy {
                    column: before.name.to_string(),
                    key: key.name.to_string(),
                    table: format!("{}.{}", child.database, child.name),
                }
            }
            .into());
        }
        Ok(())
    }

    /// What must hold of foreign keys when all changes are made: there are indexes for them (error 1553), and those of the table
    /// that refer to it call its columns by their names.
    pub(super) fn check_foreign_keys(&self, draft: &mut Draft, table: &TableName) -> Result<(), Error> {
        let referring = self.referring(table);
        for Column { number, def } in &draft.columns {
            let old = draft.base.columns.get(*number).map(|c| &c.name);
            let own = draft.foreign_keys.iter().any(|key| key.columns.contains(number));
            if own || referring.iter().any(|(_, key)| key.referenced.iter().any(|name| Some(name) == old)) {
                check_collation(def)?;
            }
        }
        let gone = draft.base.indexes.iter().enumerate();
        let mut gone = gone.filter(|(at, _)| !draft.keys.iter().any(|key| key.from == Some(*at)));
        let Some((_, dropped)) = gone.next() else {
            draft.rename_referenced(table);
            return Ok(());
        };
        let needed = || ForeignFault::IndexNeeded(dropped.name.to_string());
        let found = |columns: &[usize]| {
            draft.primary.iter().chain(draft.keys.iter().map(|k| &k.columns)).any(|k| k.starts_with(columns))
        };
        if !draft.foreign_keys.iter().all(|key| found(&key.columns)) {
            return Err(needed().into());
        }
        for (_, key) in referring {
            let columns: Option<Vec<usize>> = key.referenced.iter().map(|c| draft.base.column(c)).collect();
            if columns.is_some_and(|c| draft.base.space_led_by(&c).is_some() && !found(&c)) {
                return Err(needed().into());
            }
        }
        draft.rename_referenced(table);
        Ok(())
    }
}

impl Draft {
    /// Foreign keys of the table that refer to it know its columns by their new names.
    fn rename_referenced(&mut self, table: &TableName) {
        for key in self.foreign_keys.iter_mut().filter(|key| key.refers_to(&table.database, &table.table)) {
            for name in &mut key.referenced {
                let old = self.base.columns.iter().position(|c| c.name == *name);
                let now = self.columns.iter().find(|c| Some(c.number) == old);
                if let Some(now) = now {
                    *name = Arc::clone(&now.def.name);
                }
            }
        }
    }
}

/// Whether it is the same type, or one of longer strings.
fn grows(before: &SqlType, after: &SqlType) -> bool {
    match (before, after) {
        (SqlType::Char(a, x) | SqlType::VarChar(a, x), SqlType::Char(b, y) | SqlType::VarChar(b, y)) => {
            discriminant(before) == discriminant(after) && a <= b && x == y
        }
        (SqlType::Binary(a) | SqlType::VarBinary(a), SqlType::Binary(b) | SqlType::VarBinary(b)) => {
            discriminant(before) == discriminant(after) && a <= b
        }
        (before, after) => before == after,
    }
}

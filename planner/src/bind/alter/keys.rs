//! Keys of a table that is being altered, and the hidden columns that they bring along and take with them.

use std::sync::Arc;

use allod_storage::schema::{ColumnDefault, Generated, GeneratedKind, IndexOptions};
use sqlparser::ast::{self, Ident, TableConstraint};

use super::{Column, Draft, Key};
use crate::bind::binder::Binder;
use crate::bind::check::Written;
use crate::bind::ddl::TableName;
use crate::bind::define::{Keys, free_name};
use crate::bind::expression::not_supported;
use crate::bind::option::{self, OptionFault};
use crate::bind::{generated, key, limits};
use crate::error::Error;

impl Binder<'_> {
    /// ADD of a key or a constraint.
    pub(super) fn add_constraint(
        &mut self,
        draft: &mut Draft,
        table: &TableName,
        constraint: &TableConstraint,
        clustered: Option<bool>,
    ) -> Result<(), Error> {
        match constraint {
            TableConstraint::PrimaryKey(c) => {
                let parts = key::parts(&c.columns, &draft.defs())?;
                let columns = self.numbers(draft, table, "PRIMARY", &parts)?;
                draft.add_primary(columns, clustered == Some(true), option::of_key(&c.index_options))
            }
            TableConstraint::Unique(c) => {
                let name = c.index_name.as_ref().or(c.name.as_ref());
                self.add_key(draft, table, (name, true), (&c.columns, &c.index_options))
            }
            TableConstraint::Index(c) => {
                self.add_key(draft, table, (c.name.as_ref(), false), (&c.columns, &c.index_options))
            }
            TableConstraint::Check(c) => self.add_checks(draft, table, vec![Written::of_table(c)]),
            TableConstraint::ForeignKey(key) => self.add_foreign_key(draft, table, key),
            other => match key::of_words(other) {
                Some(warning) => {
                    draft.warnings.push(warning);
                    Ok(())
                }
                None => Err(not_supported(&format!("'{other}'"))),
            },
        }
    }

    /// A key that is not the primary one.
    pub(super) fn add_key(
        &mut self,
        draft: &mut Draft,
        table: &TableName,
        (name, unique): (Option<&Ident>, bool),
        (written, options): (&[ast::IndexColumn], &[ast::IndexOption]),
    ) -> Result<(), Error> {
        let defs = draft.defs();
        let parts = key::parts(written, &defs)?;
        let taken = |n: &str| draft.keys.iter().any(|k| k.name.eq_ignore_ascii_case(n));
        let name: Arc<str> = match name {
            Some(name) if taken(&name.value) => return Err(Error::DuplicateKeyName(name.value.clone())),
            Some(name) => {
                limits::index_name(&name.value)?;
                name.value.as_str().into()
            }
            None => free_name(key::first_name(&parts, &defs), taken),
        };
        let columns = self.numbers(draft, table, &name, &parts)?;
        draft.keys.push(Key { name, unique, columns, from: None, options: option::of_key(options) });
        Ok(())
    }

    /// The number that a column has in keys that it is by itself: that of its sort key, if that is another one.
    pub(super) fn number_in_keys(
        &mut self,
        draft: &mut Draft,
        table: &TableName,
        keys: &Keys,
        number: usize,
    ) -> Result<usize, Error> {
        let at = draft.columns.iter().position(|c| c.number == number);
        let name = keys.primary.iter().map(|_| "PRIMARY").chain(keys.indexes.iter().map(|i| &*i.name)).next();
        let (Some(at), Some(name)) = (at, name) else { return Ok(number) };
        let numbers = self.numbers(draft, table, name, &[key::Part::Column(at)])?;
        Ok(numbers.first().copied().unwrap_or(number))
    }

    /// The numbers of a key's columns; hidden ones that it needs are new.
    fn numbers(
        &mut self,
        draft: &mut Draft,
        table: &TableName,
        key: &str,
        parts: &[key::Part],
    ) -> Result<Vec<usize>, Error> {
        let mut defs = draft.defs();
        let ordinals = self.key_columns(key, parts, table, &mut defs)?;
        for def in defs.drain(draft.columns.len()..) {
            draft.columns.push(Column { number: draft.next, def });
            draft.next += 1;
        }
        Ok(ordinals.into_iter().map(|o| draft.columns[o].number).collect())
    }
}

impl Draft {
    /// Whether a key of these columns has the column in it, or the beginning of it.
    pub(super) fn is_of(&self, key: &[usize], number: usize) -> bool {
        let named = |c: &Column| (c.number == number).then(|| Arc::clone(&c.def.name));
        let name = self.columns.iter().find_map(named);
        key.contains(&number)
            || self.columns.iter().filter(|c| key.contains(&c.number)).any(|c| match &c.def.generated {
                Some(Generated {
                    kind: GeneratedKind::KeyPrefix { column, .. } | GeneratedKind::SortKey { column, .. },
                    ..
                }) => name.as_ref() == Some(column),
                Some(_) | None => false,
            })
    }

    /// Keys on the beginning of a column that is about to be renamed know it by its new name, and so does the TTL.
    pub(super) fn follow(&mut self, at: usize, to: &Arc<str>) {
        let from = Arc::clone(&self.columns[at].def.name);
        if let Some(ttl) = self.options.ttl.as_mut().filter(|ttl| ttl.column == from) {
            ttl.column = Arc::clone(to);
        }
        for generated in self.columns.iter_mut().filter_map(|c| c.def.generated.as_mut()) {
            if let GeneratedKind::KeyPrefix { column, .. } | GeneratedKind::SortKey { column, .. } =
                &mut generated.kind
                && *column == from
            {
                *column = Arc::clone(to);
            }
        }
    }

    /// What hidden columns are, now that all columns are known.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        let defs = self.defs();
        for column in &mut self.columns {
            if let Some((ty, generated)) = generated::of_key(&column.def, &defs)? {
                column.def.ty = ty;
                column.def.generated = Some(generated);
            }
        }
        Ok(())
    }

    /// A key goes with its own columns.
    pub(super) fn remove_key(&mut self, name: &str) {
        let Some(at) = self.keys.iter().position(|k| &*k.name == name) else { return };
        let key = self.keys.remove(at);
        self.columns.retain(|c| !(c.def.hidden && key.columns.contains(&c.number)));
    }

    /// The key of ALTER INDEX. A primary key is one too, and stays visible.
    pub(super) fn key_named(&mut self, name: &Ident) -> Result<&mut Key, Error> {
        if self.primary.is_some() && name.value.eq_ignore_ascii_case("PRIMARY") {
            return Err(OptionFault::InvisiblePrimaryKey.into());
        }
        let table = &self.base.name;
        let found = self.keys.iter_mut().find(|k| k.name.eq_ignore_ascii_case(&name.value));
        found.ok_or_else(|| Error::UnknownKey { key: name.value.clone(), table: table.to_string() })
    }

    pub(super) fn rename_key(&mut self, from: &Ident, to: &Ident) -> Result<(), Error> {
        let find = |name: &str| self.keys.iter().position(|k| k.name.eq_ignore_ascii_case(name));
        let at = find(&from.value).ok_or_else(|| Error::UnknownKey {
            key: from.value.clone(),
            table: self.base.name.to_string(),
        })?;
        if find(&to.value).is_some_and(|other| other != at) {
            return Err(Error::DuplicateKeyName(to.value.clone()));
        }
        limits::index_name(&to.value)?;
        self.keys[at].name = to.value.as_str().into();
        Ok(())
    }

    pub(super) fn drop_key(&mut self, name: &str, if_exists: bool) -> Result<(), Error> {
        if let Some(at) = self.keys.iter().position(|k| k.name.eq_ignore_ascii_case(name)) {
            let name = Arc::clone(&self.keys[at].name);
            self.remove_key(&name);
            return Ok(());
        }
        if name.eq_ignore_ascii_case("PRIMARY") && self.primary.is_some() {
            let what = "drop primary key when the table is using clustered index";
            return Err(Error::Unsupported(what.into()));
        }
        self.unless(if_exists, 1091, Error::CannotDrop(name.into()))
    }

    /// Behind a column's definition: PRIMARY KEY, UNIQUE.
    pub(super) fn keys_of_column(&mut self, keys: Keys, number: usize, name: &Arc<str>) -> Result<(), Error> {
        let Keys { primary, indexes, .. } = keys;
        if primary.is_some() {
            self.add_primary(vec![number], false, IndexOptions::default())?;
        }
        for _ in indexes {
            let name = free_name(name, |n| self.keys.iter().any(|k| k.name.eq_ignore_ascii_case(n)));
            let options = IndexOptions::default();
            self.keys.push(Key { name, unique: true, columns: vec![number], from: None, options });
        }
        Ok(())
    }

    fn add_primary(
        &mut self,
        columns: Vec<usize>,
        clustered: bool,
        options: IndexOptions,
    ) -> Result<(), Error> {
        if options.invisible {
            return Err(OptionFault::InvisiblePrimaryKey.into());
        }
        if self.primary.is_some() || self.keys.iter().any(|k| &*k.name == "PRIMARY") {
            return Err(Error::MultiplePrimaryKeys);
        }
        generated::check_primary(
            self.columns.iter().filter(|c| columns.contains(&c.number)).map(|c| &c.def),
        )?;
        let parts: Vec<usize> =
            self.columns.iter().map(|c| c.number).filter(|n| self.is_of(&columns, *n)).collect();
        for column in self.columns.iter_mut().filter(|c| parts.contains(&c.number)) {
            if column.def.default.as_ref().is_some_and(ColumnDefault::is_null) {
                return Err(Error::NullablePrimaryKey);
            }
            column.def.ty.nullable = false;
        }
        // Rows are not sorted by the beginning of a column.
        if clustered && !self.columns.iter().any(|c| c.def.hidden && columns.contains(&c.number)) {
            self.primary = Some(columns);
        } else {
            self.keys.insert(0, Key { name: "PRIMARY".into(), unique: true, columns, from: None, options });
        }
        Ok(())
    }
}

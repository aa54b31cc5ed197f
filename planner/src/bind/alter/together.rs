//! Changes that may not stand in one statement: TiDB makes each of them for the table as it was before, one beside the other, so
//! no two may be of the same column or key (error 8200), and none of what another one makes (errors 1054, 1061).

use std::collections::HashSet;

use allod_storage::schema::TableDescriptor;
use sqlparser::ast::{self, TableConstraint};

use crate::bind::generated;
use crate::error::Error;
use crate::parse::{AlterSyntax, ColumnPlace};

/// The columns and keys that changes touch, in lower case.
#[derive(Default)]
struct Touched {
    added: Vec<String>,
    dropped: Vec<String>,
    /// AFTER.
    beside: Vec<String>,
    modified: Vec<String>,
    /// Of keys and generated columns that are added.
    used: Vec<String>,
    keys_added: Vec<String>,
    keys_dropped: Vec<String>,
    keys_changed: Vec<String>,
}

/// Whether changes may stand together.
pub(super) fn check(changes: &[AlterSyntax], table: &TableDescriptor) -> Result<(), Error> {
    let columns = |change: &AlterSyntax| match change {
        AlterSyntax::AddColumns { columns, .. } => columns.len(),
        AlterSyntax::Keys { .. } | AlterSyntax::Nothing => 0,
        _ => 1,
    };
    if changes.iter().map(columns).sum::<usize>() < 2 {
        return Ok(());
    }
    let mut touched = Touched::default();
    changes.iter().try_for_each(|change| touched.by(change, table))?;
    let Touched { added, dropped, beside, modified, used, keys_added, keys_dropped, keys_changed } = touched;
    let what = |kind: &str, name: &str| Err(Error::Unsupported(format!("operate same {kind} '{name}'")));
    let mut columns = HashSet::new();
    for (names, is_change) in [(&added, true), (&dropped, true), (&beside, false), (&modified, true)] {
        for name in names {
            if columns.contains(name) || is_change && !columns.insert(name.clone()) {
                return what("column", name);
            }
        }
    }
    // A key may be on a column that is new.
    if let Some(name) = used.iter().find(|name| columns.contains(*name) && !added.contains(name)) {
        return what("column", name);
    }
    let mut keys = HashSet::new();
    for name in keys_added.iter().chain(&keys_dropped).chain(&keys_changed) {
        if !keys.insert(name.clone()) {
            return what("index", name);
        }
    }
    Ok(())
}

impl Touched {
    fn by(&mut self, change: &AlterSyntax, table: &TableDescriptor) -> Result<(), Error> {
        let lower = |name: &ast::Ident| name.value.to_lowercase();
        let there = |name: &str| table.column(name).is_some();
        match change {
            AlterSyntax::AddColumns { columns, if_not_exists } => {
                for (def, place) in columns {
                    if *if_not_exists && there(&def.name.value) {
                        continue;
                    }
                    self.added.push(lower(&def.name));
                    self.beside(place.as_ref(), table, None)?;
                    for option in &def.options {
                        if let ast::ColumnOption::Generated { generation_expr: Some(expr), .. } =
                            &option.option
                        {
                            self.uses(expr);
                        }
                    }
                }
            }
            AlterSyntax::DropColumn { name, if_exists } => {
                if !*if_exists || there(&name.value) {
                    self.dropped.push(lower(name));
                }
            }
            AlterSyntax::Change { old, new, place, .. } => {
                if old.value.eq_ignore_ascii_case(&new.name.value) {
                    self.modified.push(lower(old));
                } else {
                    self.added.push(lower(&new.name));
                    self.dropped.push(lower(old));
                }
                self.beside(place.as_ref(), table, Some(old))?;
            }
            AlterSyntax::RenameColumn { from, to } => {
                self.added.push(lower(to));
                self.dropped.push(lower(from));
            }
            AlterSyntax::SetDefault { column, .. } => self.modified.push(lower(column)),
            AlterSyntax::Add(constraint) => {
                let (name, columns) = match constraint {
                    TableConstraint::PrimaryKey(c) => (None, &c.columns),
                    TableConstraint::Unique(c) => (c.index_name.as_ref().or(c.name.as_ref()), &c.columns),
                    TableConstraint::Index(c) => (c.name.as_ref(), &c.columns),
                    _ => return Ok(()),
                };
                if let Some(name) = name {
                    self.add_key(&name.value, table)?;
                }
                columns.iter().for_each(|part| self.uses(&part.column.expr));
            }
            AlterSyntax::AddKey { name, parts, .. } => {
                self.add_key(name, table)?;
                parts.iter().for_each(|part| self.uses(&part.column.expr));
            }
            AlterSyntax::DropKey { name, if_exists } => {
                if !*if_exists || table.index(&name.value).is_some() {
                    self.keys_dropped.push(lower(name));
                }
            }
            AlterSyntax::DropPrimaryKey => self.keys_dropped.push("primary".into()),
            AlterSyntax::RenameKey { from, to } => {
                self.keys_added.push(lower(to));
                self.keys_dropped.push(lower(from));
            }
            AlterSyntax::Visibility { name, .. } => self.keys_changed.push(lower(name)),
            AlterSyntax::DropCheck(_)
            | AlterSyntax::DropForeignKey(_)
            | AlterSyntax::Enforce { .. }
            | AlterSyntax::Rename(_)
            | AlterSyntax::Convert(_)
            | AlterSyntax::ForceAutoIncrement(_)
            | AlterSyntax::Option(_)
            | AlterSyntax::RemoveTtl
            | AlterSyntax::Cache(_)
            | AlterSyntax::Compact(_)
            | AlterSyntax::Keys { .. }
            | AlterSyntax::Nothing => {}
        }
        Ok(())
    }

    /// AFTER a column that is there already; `own`: the column itself may stand behind itself.
    fn beside(
        &mut self,
        place: Option<&ColumnPlace>,
        table: &TableDescriptor,
        own: Option<&ast::Ident>,
    ) -> Result<(), Error> {
        let Some(ColumnPlace::After(name)) = place else { return Ok(()) };
        if table.column(&name.value).is_none() {
            let position = crate::parse::position(name.span.start);
            let name = name.value.clone();
            return Err(Error::UnknownColumn { name, clause: "field list", position });
        }
        if own.is_none_or(|own| !own.value.eq_ignore_ascii_case(&name.value)) {
            self.beside.push(name.value.to_lowercase());
        }
        Ok(())
    }

    /// A key that is not there yet, not even to be dropped.
    fn add_key(&mut self, name: &str, table: &TableDescriptor) -> Result<(), Error> {
        if table.index(name).is_some() {
            return Err(Error::DuplicateKeyName(name.into()));
        }
        self.keys_added.push(name.to_lowercase());
        Ok(())
    }

    /// The columns that an expression names.
    fn uses(&mut self, expr: &ast::Expr) {
        self.used.extend(generated::names_in(expr).iter().map(|name| name.to_lowercase()));
    }
}

//! The table that a list of changes is made on: what it is by now, and what must hold of it.

use std::sync::Arc;

use allod_storage::schema::{
    CheckConstraint, Collation, ColumnDef, ForeignKey, Generated, GeneratedKind, IndexOptions, Numbering,
    SqlType, TableDescriptor, TableOptions,
};
use sqlparser::ast::Ident;

use super::super::check::{self, CheckFault};
use super::super::define::key_type;
use super::super::key::{self, KeyFault};
use super::super::option::OptionFault;
use super::super::{GeneratedFault, collation, generated, limits, partition};
use super::not_added;
use crate::error::Error;
use crate::parse::{self, ColumnPlace};
use crate::physical::PlanWarning;

/// A table as it is becoming.
pub(super) struct Draft {
    pub(super) base: Arc<TableDescriptor>,
    pub(super) columns: Vec<Column>,
    /// The number of the next column that is new.
    pub(super) next: usize,
    /// Numbers of the columns that rows are sorted by, if that is a primary key.
    pub(super) primary: Option<Vec<usize>>,
    pub(super) keys: Vec<Key>,
    pub(super) checks: Vec<CheckConstraint>,
    /// Their columns are numbers.
    pub(super) foreign_keys: Vec<ForeignKey>,
    pub(super) notes: Vec<PlanWarning>,
    pub(super) warnings: Vec<PlanWarning>,
    /// That of columns that say nothing of theirs.
    pub(super) collation: Collation,
    pub(super) options: TableOptions,
    /// The column that was dropped last.
    pub(super) dropped: Option<String>,
    pub(super) numbering: Numbering,
}

/// `number` is the ordinal of an old column, or beyond all of these.
pub(super) struct Column {
    pub(super) number: usize,
    pub(super) def: ColumnDef,
}

impl Column {
    /// Whether its values are computed, and otherwise than those of the old table.
    pub(super) fn is_regenerated(&self, base: &TableDescriptor) -> bool {
        let value = |g: &Generated| match &g.kind {
            // Whatever its column is called.
            GeneratedKind::KeyPrefix { length, .. } => Err(Some(*length)),
            GeneratedKind::SortKey { length, .. } => Err(*length),
            _ => Ok(Arc::clone(&g.expr)),
        };
        let old = base.columns.get(self.number).and_then(|c| c.generated.as_ref());
        self.def.generated.is_some() && old.map(value) != self.def.generated.as_ref().map(value)
    }
}

pub(super) struct Key {
    pub(super) name: Arc<str>,
    pub(super) unique: bool,
    /// Numbers of columns.
    pub(super) columns: Vec<usize>,
    /// Its position in the old table.
    pub(super) from: Option<usize>,
    pub(super) options: IndexOptions,
}

impl Draft {
    pub(super) fn of(base: &Arc<TableDescriptor>) -> Draft {
        let kept = base.columns.iter().enumerate().filter(|(_, c)| !c.is_row_id());
        let key = |(from, index): (usize, &allod_storage::schema::IndexDescriptor)| Key {
            name: Arc::clone(&index.name),
            unique: index.unique,
            columns: index.columns.clone(),
            from: Some(from),
            options: index.options.clone(),
        };
        Draft {
            columns: kept.map(|(number, def)| Column { number, def: def.clone() }).collect(),
            next: base.columns.len(),
            primary: base.clustered.then(|| base.key.clone()),
            keys: base.indexes.iter().enumerate().map(key).collect(),
            checks: base.constraints.checks.clone(),
            foreign_keys: base.constraints.foreign_keys.clone(),
            notes: Vec::new(),
            warnings: Vec::new(),
            collation: base.collation,
            options: base.options.clone(),
            dropped: None,
            numbering: base.numbering,
            base: Arc::clone(base),
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| !c.def.hidden && c.def.name.eq_ignore_ascii_case(name))
    }

    /// How many columns are declared: those of keys stand behind them.
    pub(super) fn declared(&self) -> usize {
        self.columns.iter().filter(|c| !c.def.hidden).count()
    }

    pub(super) fn unknown(&self, name: &Ident) -> Error {
        Error::UnknownColumn {
            name: name.value.clone(),
            clause: "field list",
            position: parse::position(name.span.start),
        }
    }

    pub(super) fn named(&self, name: &Ident) -> Result<usize, Error> {
        self.find(&name.value).ok_or_else(|| self.unknown(name))
    }

    /// The error, or a note if the statement said that it does not matter.
    pub(super) fn unless(&mut self, excused: bool, code: u16, error: Error) -> Result<(), Error> {
        if !excused {
            return Err(error);
        }
        self.notes.push(PlanWarning { code, message: error.to_string() });
        Ok(())
    }

    pub(super) fn place(&self, at: Option<&ColumnPlace>) -> Result<Option<usize>, Error> {
        match at {
            None => Ok(None),
            Some(ColumnPlace::First) => Ok(Some(0)),
            Some(ColumnPlace::After(name)) => Ok(Some(self.named(name)? + 1)),
        }
    }

    pub(super) fn is_dealt_by(&self, number: usize) -> bool {
        self.base.partitioning.as_ref().is_some_and(|scheme| scheme.columns.contains(&number))
    }

    pub(super) fn is_primary(&self, number: usize) -> bool {
        let stored = self.keys.iter().find(|k| &*k.name == "PRIMARY").map(|k| &k.columns);
        self.primary.iter().chain(stored).any(|columns| self.is_of(columns, number))
    }

    pub(super) fn defs(&self) -> Vec<ColumnDef> {
        self.columns.iter().map(|c| c.def.clone()).collect()
    }

    /// A column that is renamed is used by no CHECK and by no generated one.
    pub(super) fn check_renamed(&self, at: usize) -> Result<(), Error> {
        check::check_independent(&self.checks, &self.defs(), at)?;
        self.check_independent(at)
    }

    pub(super) fn check_named(&self, name: &Ident) -> Result<usize, Error> {
        let known = self.checks.iter().map(|check| check.name.to_lowercase());
        let at = known.into_iter().position(|known| known == name.value.to_lowercase());
        at.ok_or_else(|| CheckFault::NotFound(name.value.clone()).into())
    }

    /// A column that is renamed or dropped is used by no generated one.
    pub(super) fn check_independent(&self, at: usize) -> Result<(), Error> {
        let defs = self.defs();
        match generated::dependent(&defs, at)? {
            Some(by) if defs[by].hidden => Err(KeyFault::Dependency(defs[at].name.to_string()).into()),
            Some(_) => Err(GeneratedFault::Dependency(defs[at].name.to_string()).into()),
            None => Ok(()),
        }
    }

    /// ALTER TABLE … CHARACTER SET and COLLATE: for columns to come, and with CONVERT TO for all.
    pub(super) fn become_of(&mut self, to: Collation, convert: bool) -> Result<(), Error> {
        collation::may_become(self.collation, to, None)?;
        self.collation = to;
        if !convert {
            return Ok(());
        }
        let texts = |c: &Column| c.def.ty.sql.is_string() && !c.def.hidden;
        for at in (0..self.columns.len()).filter(|at| texts(&self.columns[*at])).collect::<Vec<_>>() {
            self.check_collation(at, to)?;
            let ty = &mut self.columns[at].def.ty;
            ty.sql = ty.sql.clone().with_collation(to);
        }
        Ok(())
    }

    /// Whether a column may have another collation.
    pub(super) fn check_collation(&self, at: usize, to: Collation) -> Result<(), Error> {
        let Column { number, def } = &self.columns[at];
        let key_has = |key: &Vec<usize>| self.is_of(key, *number);
        let in_key = self.keys.iter().map(|k| &k.columns).chain(&self.primary).any(key_has);
        let in_key = in_key.then_some(&*def.name).filter(|_| def.ty.sql.is_string());
        collation::may_become(def.ty.sql.collation(), to, in_key)
    }

    /// A column may get another expression only if nobody keeps what it was: TiDB's rule, by which nothing but a VIRTUAL
    /// column without a key may.
    pub(super) fn check_regenerated(&self, before: &ColumnDef, at: usize) -> Result<(), Error> {
        let Column { number, def } = &self.columns[at];
        let expr = |def: &ColumnDef| def.generated.as_ref().map(|g| Arc::clone(&g.expr));
        if def.generated.is_none() || expr(before) == expr(def) {
            return Ok(());
        }
        if def.generated.as_ref().is_some_and(|g| g.kind == GeneratedKind::Stored) {
            return Err(GeneratedFault::Unsupported("modifying a stored column").into());
        }
        if self.keys.iter().map(|k| &k.columns).chain(&self.primary).any(|key| key.contains(number)) {
            return Err(GeneratedFault::Unsupported("modifying an indexed column").into());
        }
        Ok(())
    }

    pub(super) fn drop_column(&mut self, name: &Ident, if_exists: bool) -> Result<(), Error> {
        let Some(at) = self.find(&name.value) else {
            return self.unless(if_exists, 1091, Error::CannotDrop(name.value.clone()));
        };
        let number = self.columns[at].number;
        if self.is_dealt_by(number) {
            return Err(Error::PartitionDependency(name.value.clone()));
        }
        let shares = |key: &Key| key.columns.len() > 1 && self.is_of(&key.columns, number);
        if self.is_primary(number) || self.keys.iter().any(shares) {
            let what = format!(
                "drop column: can't drop column {} with composite index covered or Primary Key covered now",
                name.value
            );
            return Err(Error::Unsupported(what));
        }
        self.check_independent(at)?;
        let defs = self.defs();
        check::without_column(&mut self.checks, &defs, at)?;
        if self.options.ttl.as_ref().is_some_and(|ttl| ttl.column.eq_ignore_ascii_case(&name.value)) {
            return Err(OptionFault::TtlColumnNeeded(name.value.clone()).into());
        }
        self.dropped = Some(name.value.clone());
        let gone = |key: &&Key| self.is_of(&key.columns, number);
        let gone: Vec<Arc<str>> = self.keys.iter().filter(gone).map(|key| Arc::clone(&key.name)).collect();
        gone.iter().for_each(|name| self.remove_key(name));
        self.columns.retain(|c| c.number != number);
        Ok(())
    }

    pub(super) fn rename_column(&mut self, from: &Ident, to: &Ident) -> Result<(), Error> {
        let at = self.named(from)?;
        limits::column_name(&to.value)?;
        if self.find(&to.value).is_some_and(|other| other != at) {
            return Err(Error::DuplicateColumn(to.value.clone()));
        }
        if self.is_dealt_by(self.columns[at].number) {
            return Err(Error::PartitionDependency(from.value.clone()));
        }
        if !from.value.eq_ignore_ascii_case(&to.value) {
            self.check_renamed(at)?;
        }
        let to: Arc<str> = to.value.as_str().into();
        self.follow(at, &to);
        self.columns[at].def.name = to;
        Ok(())
    }

    /// What must hold of the whole.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.declared() == 0 {
            let column = self.dropped.clone().unwrap_or_default();
            return Err(Error::LastColumn { column, table: self.base.name.to_string() });
        }
        limits::counts(self.declared(), self.keys.len())?;
        generated::check_order(&self.defs())?;
        check::check_all(&self.checks, &self.defs())?;
        let new_keys = self.keys.iter().filter(|k| k.from.is_none());
        for key in new_keys.clone().map(|k| &k.columns).chain(&self.primary) {
            self.columns.iter().filter(|c| key.contains(&c.number)).try_for_each(|c| key_type(&c.def))?;
        }
        if let Some(scheme) = &self.base.partitioning {
            for key in new_keys.filter(|k| k.unique && !k.options.global) {
                let defs = self.defs();
                let at = |number: &usize| self.columns.iter().position(|c| c.number == *number);
                let whole =
                    key.columns.iter().filter_map(at).map(|at| self.columns[key::whole(&defs, at)].number);
                partition::define::holds_all(&whole.collect::<Vec<_>>(), &scheme.columns, &key.name)?;
            }
        }
        for key in self.keys.iter().map(|k| &k.columns).chain(&self.primary) {
            let parts = self.columns.iter().enumerate().filter(|(_, c)| key.contains(&c.number));
            let defs = self.defs();
            key::check_length(parts.map(|(at, _)| key::counted(&defs, at)))?;
        }
        let mut automatic = self.columns.iter().filter(|c| c.def.auto_increment);
        if let Some(column) = automatic.next() {
            if !column.def.ty.sql.is_numeric() || matches!(column.def.ty.sql, SqlType::Decimal { .. }) {
                return Err(Error::ColumnSpecifier(column.def.name.to_string()));
            }
            if automatic.next().is_some() {
                return Err(Error::AutoColumn);
            }
            // MySQL does not without a key either.
            let mut keys = self.keys.iter().map(|k| &k.columns).chain(&self.primary);
            let is_new = column.number >= self.base.columns.len();
            if is_new && !keys.any(|k| k.first() == Some(&column.number)) {
                let table = (&*self.base.database, &*self.base.name);
                return Err(Error::Unsupported(not_added(&column.def.name, "AUTO_INCREMENT", table)));
            }
        }
        Ok(())
    }
}

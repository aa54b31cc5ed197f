//! Sequences: their definitions, and the functions that ask them for numbers.

use std::sync::Arc;

use allod_storage::schema::{ColumnDefault, ColumnType, Datum, SqlType};
use sqlparser::ast::{self, Ident, ObjectName};

use super::binder::{Binder, place};
use super::ddl::Ddl;
use super::{Bound, TableName};
use crate::account::Privilege;
use crate::error::Error;
use crate::expr::{Expr, Volatile};
use crate::parse::{SequenceSyntax, next_of, sequence_name};
use crate::sequence::{Sequence, SequenceOptions};

/// What a sequence is where it is not one.
const SEQUENCE: &str = "SEQUENCE";

impl Binder<'_> {
    /// CREATE SEQUENCE.
    pub fn create_sequence(&self, syntax: &SequenceSyntax) -> Result<Bound, Error> {
        let name = self.table_name(&syntax.name)?;
        self.database(Some(&Ident::new(&*name.database)))?;
        self.writable(&name.database)?;
        let options = SequenceOptions::defined(&syntax.clauses).checked(&name.database, &name.table)?;
        let comment = syntax.comment.as_deref().unwrap_or_default().into();
        Ok(Bound::Ddl(Ddl::CreateSequence { name, options, comment, if_not_exists: syntax.excused }))
    }

    /// ALTER SEQUENCE. What it is before that is the engine's to know, for it must not change meanwhile.
    pub fn alter_sequence(&self, syntax: &SequenceSyntax) -> Result<Bound, Error> {
        let name = self.table_name(&syntax.name)?;
        self.writable(&name.database)?;
        let (clauses, comment) = (syntax.clauses.clone(), syntax.comment.as_deref().map(Arc::from));
        Ok(Bound::Ddl(Ddl::AlterSequence { name, clauses, comment, if_exists: syntax.excused }))
    }

    /// Whether a sequence has this name.
    pub fn is_sequence(&self, name: &ObjectName) -> Result<bool, Error> {
        let TableName { database, table } = self.table_name(name)?;
        Ok(self.cx.catalog.sequence(&database, &table).is_some())
    }

    /// Refuses to change what is in a table that is a sequence.
    pub fn refuse_sequence(&self, what: &'static str, name: &TableName) -> Result<(), Error> {
        match self.cx.catalog.sequence(&name.database, &name.table) {
            Some(sequence) => Err(Error::SequenceWritten(what, sequence.name.to_string())),
            None => Ok(()),
        }
    }

    /// A sequence that exists.
    pub fn sequence(&self, name: &ObjectName) -> Result<Arc<Sequence>, Error> {
        let full = self.table_name(name)?;
        let TableName { database, table } = &full;
        if let Some(sequence) = self.cx.catalog.sequence(database, table) {
            return Ok(sequence);
        }
        let catalog = self.cx.catalog;
        let other = catalog.table(database, table).is_some() || catalog.view(database, table).is_some();
        match other || self.memory_table(&full)?.is_some() {
            true => {
                let (database, name) = (database.to_string(), table.to_string());
                Err(Error::WrongObject { database, name, wanted: SEQUENCE })
            }
            false => Err(self.no_table(name, &full)),
        }
    }

    /// `NEXTVAL(s)`, `LASTVAL(s)`, `SETVAL(s, n)`: the call, if the name is one of these.
    pub(super) fn sequence_call(&mut self, name: &str, args: &[&ast::Expr]) -> Result<Option<Expr>, Error> {
        let privilege = match (name, args.len()) {
            ("NEXTVAL", 1) | ("SETVAL", 2) => Privilege::Insert,
            ("LASTVAL", 1) => Privilege::Select,
            ("NEXTVAL" | "LASTVAL" | "SETVAL", _) => {
                return Err(Error::ArgumentCount(name.to_ascii_lowercase()));
            }
            _ => return Ok(None),
        };
        let Some(named) = args.first().and_then(|arg| sequence_name(arg)) else {
            let (message, position) = ("expected the name of a sequence", place(args[0]));
            return Err(Error::syntax(message, position));
        };
        let full = self.table_name(&named)?;
        self.note_table(&named, &full);
        let sequence = self.sequence(&named)?;
        self.check_table(privilege, &full)?;
        let id = sequence.id;
        // For whoever reads the plan.
        let shown = Datum::string(format!("{}.{}", sequence.database, sequence.name));
        let mut bound = vec![Expr::constant(shown, SqlType::varchar(129))];
        if let [_, value] = args {
            let value = self.expr(value)?;
            bound.push(self.rw.integer(value));
        }
        let (what, nullable) = match name {
            "NEXTVAL" => (Volatile::NextValue(id), false),
            "LASTVAL" => (Volatile::LastValue(id), true),
            _ => (Volatile::SetValue(id), true),
        };
        if !self.sequences.iter().any(|known| known.id == id) {
            self.sequences.push(sequence);
        }
        Ok(Some(self.rw.volatile(what, bound, SqlType::BIGINT, nullable)))
    }

    /// DEFAULT NEXTVAL(s), if that is what it is.
    pub(super) fn sequence_default(
        &mut self,
        e: &ast::Expr,
        column: &str,
        ty: &ColumnType,
    ) -> Result<Option<ColumnDefault>, Error> {
        let Some(name) = next_of(e) else { return Ok(None) };
        let sequence = self.sequence(&name)?;
        if !ty.sql.is_integer() {
            return Err(Error::SequenceDefaultType(column.into()));
        }
        let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
        let (database, name) = (quoted(&sequence.database), quoted(&sequence.name));
        Ok(Some(ColumnDefault::Expr(format!("nextval({database}.{name})").into())))
    }
}

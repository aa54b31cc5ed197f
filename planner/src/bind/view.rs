//! Views: a query with a name.
//!
//! What is kept is the query as its author wrote it, but for two things that would make it mean something else later or
//! elsewhere: `*` becomes the columns that there were, and every table gets its database. Both are places in the text, noted
//! while the query is bound ([`Edit`]):
//!
//! ```text
//! use shop;  create view v (n, total) as select *, a * 2 from t
//! kept:      select `t`.`a`, a * 2 from `shop`.`t`
//! ```
//!
//! Where the view is read, its query is bound by a binder of its own, which sees nothing of the statement around it (its
//! CTEs, its columns, its parameters) but adds to the same columns, common table expressions and counts. What comes out is a
//! derived table, and rules melt it into its reader. Hints of a view's query are followed, and its reader may have more of them
//! ([`super::hint`]); limits are the reader's alone.
//! Nobody can write through a view, as in TiDB.

use std::sync::Arc;

use sqlparser::ast::{self, ObjectName};

use super::binder::{Binder, place};
use super::ddl::{Ddl, TableName};
use super::from::{From, derived, is_plain, within};
use super::hint::ViewBlock;
use super::{Bound, PlanContext, limits, naming};
use crate::catalog::View;
use crate::error::Error;
use crate::expr::Rewriter;
use crate::parse::{Edit, Statement, ViewSyntax};

/// Views that may be read through each other.
const DEPTH_MAX: usize = 64;

impl<'a> Binder<'a> {
    /// CREATE VIEW, ALTER VIEW.
    pub fn create_view(mut self, syntax: &ViewSyntax) -> Result<Bound, Error> {
        let name = self.table_name(&syntax.name)?;
        self.database(Some(&ast::Ident::new(&*name.database)))?;
        self.writable(&name.database)?;
        limits::table_name(&name.table)?;
        syntax.columns.iter().try_for_each(|column| limits::name(&column.value))?;
        self.defined = Some(name.clone());
        self.edits = Some(vec![]);
        let block = self.query(&syntax.query)?;
        if !syntax.columns.is_empty() && syntax.columns.len() != block.output.len() {
            return Err(Error::ColumnListCount(name.table.to_string()));
        }
        let names = naming::of_view(&syntax.query, &block.output);
        let mut columns: Vec<(Arc<str>, _)> = Vec::with_capacity(block.output.len());
        for (at, (output, own)) in block.output.iter().zip(names).enumerate() {
            let name = syntax.columns.get(at).map_or(own, |c| c.value.as_str().into());
            if columns.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                return Err(Error::DuplicateColumn(name.to_string()));
            }
            columns.push((name, self.columns.ty(output.id).clone()));
        }
        let query = syntax.definition(self.edits.take().unwrap_or_default(), self.parsed.lexing)?;
        let mut options = syntax.options.clone();
        options.definer.get_or_insert_with(|| self.cx.session.account.to_owned());
        let TableName { database, table: name } = name;
        let view = View { database, name, columns, query, options };
        Ok(Bound::Ddl(Ddl::CreateView { view: Arc::new(view), how: syntax.how }))
    }

    /// A view in FROM.
    pub fn view(
        &mut self,
        name: TableName,
        view: &View,
        alias: Option<&ast::TableAlias>,
        partitions: &[ast::Ident],
        hints: &[ast::TableIndexHints],
    ) -> Result<From, Error> {
        if !partitions.is_empty() {
            return Err(super::PartitionFault::ClauseOnNonPartitioned.into());
        }
        if let Some(index) = hints.iter().find_map(|hint| hint.index_names.first()) {
            return Err(Error::UnknownKey { key: index.value.clone(), table: view.name.to_string() });
        }
        if let Some(alias) = alias.filter(|a| !a.columns.is_empty()) {
            return Err(Error::ColumnListCount(alias.name.value.clone()));
        }
        let same = |known: &TableName| {
            known.database.eq_ignore_ascii_case(&name.database)
                && known.table.eq_ignore_ascii_case(&name.table)
        };
        let (database, table) = (name.database.to_string(), name.table.to_string());
        if self.defined.as_ref().is_some_and(same) {
            return Err(Error::UnknownTable { database, table, position: None });
        }
        if self.viewed.iter().any(same) {
            return Err(Error::ViewRecursion { database, name: table });
        }
        if self.viewed.len() >= DEPTH_MAX {
            return Err(Error::TooComplex(format!("more than {DEPTH_MAX} views within each other")));
        }
        let invalid = || Error::InvalidView(format!("{}.{}", view.database, view.name));
        let defines = self.defined.is_some();
        let shown = alias.map_or(&*view.name, |a| &a.name.value);
        let said = self.said_of_view(shown);
        let mut block = self.query_of(name, view, said).map_err(|error| match error {
            // The view that is being defined is not there, for the views that it reads neither.
            Error::UnknownTable { position: None, .. } if defines => error,
            Error::UnknownTable { .. }
            | Error::UnknownColumn { .. }
            | Error::UnknownDatabase(_)
            | Error::UnknownFunction { .. }
            | Error::UnknownRelation(_)
            | Error::UnknownKey { .. } => invalid(),
            other => other,
        })?;
        if block.output.len() != view.columns.len() {
            return Err(invalid());
        }
        for (output, (name, _)) in block.output.iter_mut().zip(&view.columns) {
            output.name = Arc::clone(name);
        }
        let plan = within(block.plan, shown, self.scope().block);
        let mut from = derived(plan, shown, block.output);
        if alias.is_none() {
            from.relations.iter_mut().for_each(|r| r.database = Some(Arc::clone(&view.database)));
        }
        Ok(from)
    }

    /// The view's query, bound by itself.
    fn query_of(
        &mut self,
        name: TableName,
        view: &View,
        said: Vec<ViewBlock>,
    ) -> Result<super::binder::Block, Error> {
        let Statement::Sql(statement) = &view.query.statement else {
            return Err(Error::Internal("a view of something that is no query".into()));
        };
        let ast::Statement::Query(query) = &**statement else {
            return Err(Error::Internal("a view of something that is no query".into()));
        };
        let cx = PlanContext { database: Some(&view.database), params: &[], ..*self.cx };
        let mut inner = Binder::new(&view.query, &cx)?;
        inner.rw = std::mem::replace(&mut self.rw, Rewriter::new(cx.now_us));
        inner.columns = std::mem::take(&mut self.columns);
        inner.ctes = std::mem::take(&mut self.ctes);
        inner.hints = std::mem::take(&mut self.hints);
        inner.warnings = std::mem::take(&mut self.warnings);
        inner.counted = std::mem::take(&mut self.counted);
        inner.viewed = std::mem::take(&mut self.viewed);
        inner.sequences = std::mem::take(&mut self.sequences);
        inner.viewed.push(name);
        inner.defined = self.defined.clone();
        inner.explained = self.explained;
        inner.definer = match (view.options.security, &view.options.definer) {
            ("DEFINER", Some(definer)) => Some(definer.as_str().into()),
            _ => self.definer.clone(),
        };
        inner.volatile = self.volatile;
        inner.blocks_before = self.blocks;
        inner.blocks += self.blocks;
        inner.told_by_reader(said);
        // If it fails, so does the statement, and nobody asks for what was collected.
        inner.derives = is_plain(query);
        inner.all_digits = std::mem::take(&mut self.all_digits);
        let block = inner.query(query)?;
        inner.viewed.pop();
        inner.settle_view_hints();
        let Binder {
            rw,
            columns,
            ctes,
            hints,
            warnings,
            counted,
            viewed,
            volatile,
            blocks,
            sequences,
            all_digits,
            ..
        } = inner;
        self.rw = rw;
        self.columns = columns;
        self.ctes = ctes;
        self.hints = hints;
        self.warnings = warnings;
        self.counted = counted;
        self.viewed = viewed;
        self.volatile = volatile;
        self.blocks = blocks;
        self.sequences = sequences;
        self.all_digits = all_digits;
        Ok(block)
    }

    /// Notes that a table is named without its database, if that is to be kept.
    pub fn note_table(&mut self, name: &ObjectName, full: &TableName) {
        let (Some(edits), [part]) = (&mut self.edits, name.0.as_slice()) else { return };
        let Some(ident) = part.as_ident() else { return };
        edits.push(Edit::new(ident.span, format!("{}.{}", quoted(&full.database), quoted(&full.table))));
    }

    /// Notes which columns `*` stands for, if that is to be kept; `whole` is the item with what stands before the star.
    pub fn note_star(
        &mut self,
        whole: sqlparser::tokenizer::Span,
        columns: &[(Arc<str>, crate::column::ColumnId)],
    ) {
        if self.edits.is_none() {
            return;
        }
        let relations = &self.scope().relations;
        let column = |(name, id): &(Arc<str>, _)| {
            let owner = relations.iter().find(|r| r.columns.iter().any(|c| c.id == *id));
            let owner = owner.map_or_else(String::new, |r| match &r.database {
                Some(database) => format!("{}.{}.", quoted(database), quoted(&r.alias)),
                None => format!("{}.", quoted(&r.alias)),
            });
            format!("{owner}{}", quoted(name))
        };
        let text = columns.iter().map(column).collect::<Vec<_>>().join(", ");
        if let Some(edits) = &mut self.edits {
            edits.push(Edit::new(whole, text));
        }
    }

    /// What there is under a name that is no table's: an error that says so.
    pub fn no_table(&self, name: &ObjectName, full: &TableName) -> Error {
        let (database, table) = (full.database.to_string(), full.table.to_string());
        let catalog = self.cx.catalog;
        if catalog.view(&database, &table).is_some() || catalog.sequence(&database, &table).is_some() {
            Error::WrongObject { database, name: table, wanted: "BASE TABLE" }
        } else if self.cx.catalog.has_database(&database) {
            Error::UnknownTable { database, table, position: place(name) }
        } else {
            Error::UnknownDatabase(database)
        }
    }
}

pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

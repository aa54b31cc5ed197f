//! REPLACE, INSERT IGNORE, INSERT … ON DUPLICATE KEY UPDATE.
//!
//! An assignment of ON DUPLICATE KEY UPDATE is an expression over two rows: the one that is there, whose columns go by their own
//! names, and the one that does not come, whose columns are `VALUES(c)` or go by a row alias. Neither is known before the row is
//! looked for, so the expression is not part of the query: the executor evaluates it ([`RowUpdate`]). What else it names, columns
//! of the SELECT's tables and values of subqueries, the source yields beside the row to insert.
//!
//! Left out: subqueries that use columns of the row that is there.

use std::sync::Arc;

use allod_storage::schema::{Datum, TableDescriptor};
use sqlparser::ast::{self, OnInsert};

use super::super::binder::{Binder, Block};
use super::super::expression::not_supported;
use super::super::scope::{Clause, Relation, RelationColumn};
use super::Assigned;
use super::change::name_of;
use crate::account::Privilege;
use crate::column::{ColumnId, ColumnInfo};
use crate::error::Error;
use crate::expr::Expr;
use crate::logical::{OutputColumn, Plan};
use crate::physical::{OnDuplicate, RowUpdate};

impl Binder<'_> {
    /// What becomes of rows whose keys are taken. `block` is the source, which comes to yield what the assignments need; `sources`
    /// are the tables of its SELECT.
    pub(super) fn on_duplicate(
        &mut self,
        insert: &ast::Insert,
        table: &Arc<TableDescriptor>,
        block: &mut Block,
        sources: Vec<Relation>,
    ) -> Result<OnDuplicate, Error> {
        let assignments = match &insert.on {
            _ if insert.replace_into && (insert.ignore || insert.on.is_some()) => {
                let message = "expected INTO and the name of a table after REPLACE, and no ON DUPLICATE KEY";
                return Err(Error::syntax(message, None));
            }
            None if insert.replace_into => return Ok(OnDuplicate::Replace),
            None if insert.ignore => return Ok(OnDuplicate::Skip),
            None => return Ok(OnDuplicate::Fail),
            Some(OnInsert::DuplicateKeyUpdate(assignments)) => assignments,
            Some(_) => return Err(not_supported("ON CONFLICT")),
        };
        let old = self.row_that_is_there(table);
        let old_ids: Vec<ColumnId> = old.columns.iter().map(|c| c.id).collect();
        self.guard(&name_of(table), std::slice::from_ref(&old));
        for (output, ordinal) in block.output.iter().zip(table.visible_columns()) {
            self.note_held(output.id, &table.columns[ordinal].ty);
        }
        self.in_block(|b| {
            let scope = b.scope();
            scope.clause = Clause::Fields;
            scope.relations = vec![old];
            scope.relations.extend(row_alias(insert, &block.output)?);
            scope.relations.extend(sources);
            scope.inserted = Some(block.output.clone());
            let mut new = b.assigned(assignments, true, |b, target| {
                let ordinal = b.target(table, target)?;
                b.check_write(Privilege::Update, table, ordinal)?;
                Ok(Assigned { id: old_ids[ordinal], table: Arc::clone(table), ordinal, nullable: false })
            })?;
            b.touch_row(table, &old_ids, &mut new)?;
            let pending = std::mem::take(&mut b.scope().pending);
            if pending.iter().any(|p| p.needs(&old_ids, &b.ctes)) {
                return Err(not_supported("subqueries of the present row in ON DUPLICATE KEY UPDATE"));
            }
            for id in pending.iter().flat_map(|p| p.used(&b.ctes).iter().collect::<Vec<_>>()) {
                expose(&mut block.plan, &b.column(id), id);
            }
            let empty = Plan::Values { rows: vec![], columns: vec![] };
            block.plan = b.attach(std::mem::replace(&mut block.plan, empty), pending);
            let ordinal = |id: ColumnId| old_ids.iter().position(|old| *old == id);
            let new: Vec<_> = new.into_iter().filter_map(|(id, e)| Some((ordinal(id)?, e))).collect();
            for id in new.iter().flat_map(|(_, e)| e.columns()) {
                if old_ids.contains(&id) || block.output.iter().any(|o| o.id == id) {
                    continue;
                }
                let name = Arc::clone(&b.columns.get(id).name);
                if !expose(&mut block.plan, &b.column(id), id) {
                    // A column of a table that is grouped, or of one query of a UNION.
                    let (name, clause) = (name.to_string(), Clause::Fields.name());
                    return Err(Error::UnknownColumn { name, clause, position: None });
                }
                block.output.push(OutputColumn { id, name });
            }
            Ok(OnDuplicate::Update(RowUpdate { old: old_ids, new, ignore: insert.ignore }))
        })
    }

    /// The row that has the key, as a relation of the table's name.
    pub(super) fn row_that_is_there(&mut self, table: &Arc<TableDescriptor>) -> Relation {
        let qualifier: Arc<str> = format!("{}.{}", table.database, table.name).into();
        let mut columns = Vec::with_capacity(table.columns.len());
        for def in &table.columns {
            let (name, ty) = (def.name.clone(), def.ty.clone());
            let id =
                self.columns.add(ColumnInfo { qualifier: Some(qualifier.clone()), name, ty, origin: None });
            self.note_held(id, &def.ty);
            columns.push(RelationColumn { name: def.name_in_sql(), id, qualified_only: def.hidden });
        }
        let (alias, database) = (table.name.clone(), Some(table.database.clone()));
        Relation { alias, database, columns, table: Some(Arc::clone(table)) }
    }

    /// `VALUES(c)`: a column of the row that does not come, as far as there is one; else NULL, as in MySQL.
    pub(in super::super) fn inserted_value(&mut self, column: &ast::Expr) -> Result<Expr, Error> {
        let name = match column {
            ast::Expr::Identifier(name) => name,
            ast::Expr::CompoundIdentifier(parts) => {
                parts.last().ok_or(Error::BadArguments("VALUES".into()))?
            }
            _ => return Err(Error::BadArguments("VALUES".into())),
        };
        let Some(inserted) = self.scopes.iter().rev().find_map(|scope| scope.inserted.as_ref()) else {
            // Still a column it has to be.
            let known = self.expr(column)?;
            return Ok(Expr::constant(Datum::Null, known.ty().sql.clone()));
        };
        match inserted.iter().find(|o| o.name.eq_ignore_ascii_case(&name.value)).map(|o| o.id) {
            Some(id) => Ok(self.seen(id)),
            None => Err(Error::UnknownColumn {
                name: name.value.clone(),
                clause: Clause::Fields.name(),
                position: super::super::binder::place(column),
            }),
        }
    }
}

/// `AS new(a, b)`: the row that does not come, under a name of its own.
fn row_alias(insert: &ast::Insert, output: &[OutputColumn]) -> Result<Option<Relation>, Error> {
    let Some(alias) = &insert.insert_alias else { return Ok(None) };
    let name = alias.row_alias.0.last().and_then(|p| p.as_ident()).map_or("", |i| i.value.as_str());
    let names = alias.col_aliases.as_deref().unwrap_or_default();
    if !names.is_empty() && names.len() != given(insert, output) {
        return Err(Error::ColumnListCount(name.into()));
    }
    // Aliases are in the order of the INSERT's own list of columns.
    let place = |at: usize| match insert.columns.get(at) {
        None => output.get(at),
        Some(column) => {
            let column = column.0.last().and_then(|p| p.as_ident()).map_or("", |i| i.value.as_str());
            output.iter().find(|o| o.name.eq_ignore_ascii_case(column))
        }
    };
    let columns = if names.is_empty() {
        // The table's own columns have the same names.
        let own = |o: &OutputColumn| RelationColumn { name: o.name.clone(), id: o.id, qualified_only: true };
        output.iter().map(own).collect()
    } else {
        let named = |(at, name): (usize, &ast::Ident)| {
            let name = name.value.as_str().into();
            place(at).map(|o| RelationColumn { name, id: o.id, qualified_only: false })
        };
        names.iter().enumerate().filter_map(named).collect()
    };
    Ok(Some(Relation { alias: name.into(), database: None, columns, table: None }))
}

/// How many columns the INSERT gives values for.
fn given(insert: &ast::Insert, output: &[OutputColumn]) -> usize {
    if insert.columns.is_empty() { output.len() } else { insert.columns.len() }
}

/// Has a plan yield a column that is there below its projections; whether it does.
fn expose(plan: &mut Plan, column: &Expr, id: ColumnId) -> bool {
    if plan.columns().contains(&id) {
        return true;
    }
    match plan {
        Plan::Project { input, exprs } => {
            let is_there = expose(input, column, id);
            if is_there {
                exprs.push((id, column.clone()));
            }
            is_there
        }
        Plan::Filter { input, .. }
        | Plan::Sort { input, .. }
        | Plan::Window { input, .. }
        | Plan::Limit { input, .. }
        | Plan::Lock { input, .. } => expose(input, column, id),
        Plan::Join(join) | Plan::Apply { join, .. } => {
            expose(&mut join.left, column, id)
                || (join.kind.keeps_right() && expose(&mut join.right, column, id))
        }
        Plan::Scan(_)
        | Plan::Values { .. }
        | Plan::Aggregate { .. }
        | Plan::Union { .. }
        | Plan::MaxOneRow { .. }
        | Plan::CteScan { .. } => false,
    }
}

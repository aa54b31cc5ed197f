//! INSERT, UPDATE, DELETE: the rows they work on, as a query.

mod change;
mod duplicate;

use std::sync::Arc;

use allod_storage::schema::{ColumnDef, ColumnType, Datum, SqlType, TableDescriptor};
use sqlparser::ast::{self, AssignmentTarget, ObjectName, SetExpr, TableObject};

use super::binder::{Binder, Block};
use super::expression::not_supported;
use super::scope::Relation;
use super::{Dml, PartitionFunction, generated};
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::Expr;
use crate::logical::{OutputColumn, Plan};

impl Binder<'_> {
    /// INSERT … VALUES, SELECT, SET.
    pub fn insert(&mut self, insert: &ast::Insert) -> Result<(Block, Dml), Error> {
        if insert.returning.is_some() {
            return Err(not_supported("this form of INSERT"));
        }
        let TableObject::TableName(name) = &insert.table else {
            return Err(not_supported("INSERT into a function"));
        };
        let (_, table) = self.table(name)?;
        let table = table.descriptor;
        let mut dealing = self.partition_function(&table)?;
        if let Some(names) = &insert.partitioned {
            let name = |e: &ast::Expr| match e {
                ast::Expr::Identifier(name) => Ok(name.clone()),
                other => {
                    let message = format!("expected the name of a partition, found {other}");
                    Err(Error::Syntax { message, position: super::binder::place(other) })
                }
            };
            let names: Vec<ast::Ident> = names.iter().map(name).collect::<Result<_, Error>>()?;
            let allowed = self.named_partitions(&table, &names)?;
            dealing = dealing.map(|d| PartitionFunction { allowed, ..d });
        }
        let (mut block, sources) = self.insert_source(insert, &table)?;
        let on_duplicate = self.on_duplicate(insert, &table, &mut block, sources)?;
        let (partition, generated) = (dealing.map(Arc::new), self.generated_columns(&table)?);
        Ok((block, Dml::Insert { table, partition, generated, on_duplicate }))
    }

    /// The rows to insert, and the tables of the SELECT that they come from.
    fn insert_source(
        &mut self,
        insert: &ast::Insert,
        table: &TableDescriptor,
    ) -> Result<(Block, Vec<Relation>), Error> {
        let of_values = |block| Ok((block, Vec::new()));
        if !insert.assignments.is_empty() {
            let mut targets = Vec::new();
            let mut values = Vec::new();
            for assignment in &insert.assignments {
                targets.push(self.target(table, &assignment.target)?);
                values.push(assignment.value.clone());
            }
            each_once(table, &targets)?;
            return of_values(self.insert_values(table, &targets, &[&values])?);
        }
        let targets = match insert.columns.as_slice() {
            [] => table.visible_columns().collect(),
            columns => {
                let mut targets = Vec::with_capacity(columns.len());
                for column in columns {
                    targets.push(self.column_of(table, column)?);
                }
                targets
            }
        };
        each_once(table, &targets)?;
        let Some(source) = &insert.source else {
            // INSERT INTO t () VALUES ()
            return of_values(self.insert_values(table, &[], &[&[]])?);
        };
        match &*source.body {
            SetExpr::Values(values) if source.with.is_none() && source.order_by.is_none() => {
                let rows: Vec<&[ast::Expr]> = values.rows.iter().map(|r| r.content.as_slice()).collect();
                // `VALUES ()` is a row of defaults.
                let targets = if rows.iter().all(|r| r.is_empty()) && insert.columns.is_empty() {
                    &[][..]
                } else {
                    &targets
                };
                of_values(self.insert_values(table, targets, &rows)?)
            }
            _ => {
                self.insert_sources = Some((self.scopes.len() + 1, Vec::new()));
                let block = self.query(source)?;
                let sources = self.insert_sources.take().map(|(_, sources)| sources);
                Ok((self.insert_query(table, &targets, block)?, sources.unwrap_or_default()))
            }
        }
    }

    fn insert_values(
        &mut self,
        table: &TableDescriptor,
        targets: &[usize],
        rows: &[&[ast::Expr]],
    ) -> Result<Block, Error> {
        let visible: Vec<usize> = table.visible_columns().collect();
        let mut nullable = vec![false; visible.len()];
        let mut out = Vec::with_capacity(rows.len());
        let mut attached = None;
        for (i, row) in rows.iter().enumerate() {
            if row.len() != targets.len() {
                return Err(Error::ValueCount { row: i + 1 });
            }
            let (row, pending) = self.in_block(|b| {
                let mut full = Vec::with_capacity(visible.len());
                for ordinal in &visible {
                    let column = &table.columns[*ordinal];
                    let given = targets.iter().position(|t| t == ordinal).map(|at| &row[at]);
                    full.push(match given.filter(|e| !is_default(e)) {
                        Some(e) => {
                            generated::check_given(table, *ordinal)?;
                            let value = b.expr(e)?;
                            b.stored(value, column)?
                        }
                        None => default(column)?,
                    });
                }
                Ok((full, std::mem::take(&mut b.scope().pending)))
            })?;
            for (flag, e) in nullable.iter_mut().zip(&row) {
                *flag |= e.ty().nullable;
            }
            if !pending.is_empty() {
                if rows.len() > 1 {
                    return Err(not_supported("subqueries in VALUES of several rows"));
                }
                let one_row = Plan::Values { rows: vec![vec![]], columns: vec![] };
                attached = Some(self.attach(one_row, pending));
            }
            out.push(row);
        }
        let mut columns = Vec::with_capacity(visible.len());
        let mut output = Vec::with_capacity(visible.len());
        for (ordinal, nullable) in visible.iter().zip(nullable) {
            let def = &table.columns[*ordinal];
            let id = self.columns.add_computed(def.name.clone(), ColumnType { nullable, ..def.ty.clone() });
            columns.push(id);
            output.push(OutputColumn { id, name: def.name.clone() });
        }
        let plan = match (attached, out.pop()) {
            (Some(input), Some(row)) => {
                Plan::Project { input: Box::new(input), exprs: columns.into_iter().zip(row).collect() }
            }
            (_, last) => {
                out.extend(last);
                Plan::Values { rows: out, columns }
            }
        };
        Ok(Block { plan, output })
    }

    fn insert_query(
        &mut self,
        table: &TableDescriptor,
        targets: &[usize],
        block: Block,
    ) -> Result<Block, Error> {
        if block.output.len() != targets.len() {
            return Err(Error::ValueCount { row: 1 });
        }
        let mut exprs = Vec::new();
        let mut output = Vec::new();
        for ordinal in table.visible_columns() {
            let def = &table.columns[ordinal];
            let value = match targets.iter().position(|t| *t == ordinal) {
                Some(at) => {
                    generated::check_given(table, ordinal)?;
                    let value = self.column(block.output[at].id);
                    self.stored(value, def)?
                }
                None => default(def)?,
            };
            let id = self.columns.add_computed(def.name.clone(), value.ty().clone());
            exprs.push((id, value));
            output.push(OutputColumn { id, name: def.name.clone() });
        }
        Ok(Block { plan: Plan::Project { input: Box::new(block.plan), exprs }, output })
    }

    /// The value as the column holds it. NULL asks an AUTO_INCREMENT column for the next number.
    pub fn stored(&mut self, value: Expr, column: &ColumnDef) -> Result<Expr, Error> {
        if !column.auto_increment {
            return self.rw.assign(value, column);
        }
        let mut column = column.clone();
        column.ty.nullable = true;
        self.rw.assign(value, &column)
    }

    /// What assignments come to, for each column that they assign to. `column` finds out which that is. `in_turn`: they take
    /// effect from left to right; else all of them see the rows as they were.
    fn assigned(
        &mut self,
        assignments: &[ast::Assignment],
        in_turn: bool,
        mut column: impl FnMut(&mut Self, &AssignmentTarget) -> Result<Assigned, Error>,
    ) -> Result<Vec<(ColumnId, Expr)>, Error> {
        let mut new: Vec<(ColumnId, Expr)> = Vec::with_capacity(assignments.len());
        for assignment in assignments {
            let Assigned { id, table, ordinal, nullable } = column(self, &assignment.target)?;
            let mut def = table.columns[ordinal].clone();
            def.ty.nullable |= nullable;
            let to_default = is_default(&assignment.value);
            if !to_default {
                generated::check_given(&table, ordinal)?;
            } else if def.generated.is_some() {
                // It is computed anyway.
                continue;
            }
            let value = if to_default { default(&def)? } else { self.expr(&assignment.value)? };
            let value = value.transform(&mut |e| match &e {
                Expr::Column { id, .. } if in_turn => {
                    new.iter().find(|(known, _)| known == id).map_or(e.clone(), |(_, value)| value.clone())
                }
                Expr::Column { .. } | Expr::Constant { .. } | Expr::Call { .. } => e,
            });
            let value = self.rw.assign(value, &def)?;
            match new.iter_mut().find(|(assigned, _)| *assigned == id) {
                Some((_, known)) => *known = value,
                None => new.push((id, value)),
            }
        }
        Ok(new)
    }

    fn target(&self, table: &TableDescriptor, target: &AssignmentTarget) -> Result<usize, Error> {
        match target {
            AssignmentTarget::ColumnName(name) => self.column_of(table, name),
            AssignmentTarget::Tuple(_) => Err(not_supported("assignment to a row")),
        }
    }

    fn column_of(&self, table: &TableDescriptor, name: &ObjectName) -> Result<usize, Error> {
        let column = name.0.last().and_then(|p| p.as_ident());
        let ordinal = column.and_then(|c| table.column(&c.value)).filter(|o| !table.columns[*o].hidden);
        ordinal.ok_or_else(|| Error::UnknownColumn {
            name: name.to_string().replace('`', ""),
            clause: "field list",
            position: super::binder::place(name),
        })
    }
}

/// A column that is assigned to.
struct Assigned {
    /// What it is called before.
    id: ColumnId,
    table: Arc<TableDescriptor>,
    ordinal: usize,
    /// Whether NULL is no error yet.
    nullable: bool,
}

/// Refuses a list that names a column twice.
fn each_once(table: &TableDescriptor, targets: &[usize]) -> Result<(), Error> {
    match targets.iter().enumerate().find(|(i, target)| targets[..*i].contains(target)) {
        Some((_, target)) => Err(Error::ColumnTwice(table.columns[*target].name.to_string())),
        None => Ok(()),
    }
}

/// The DEFAULT keyword, which parses as a name.
fn is_default(e: &ast::Expr) -> bool {
    matches!(e, ast::Expr::Identifier(i) if i.quote_style.is_none() && i.value.eq_ignore_ascii_case("default"))
}

/// What a column holds when nothing is given.
fn default(column: &ColumnDef) -> Result<Expr, Error> {
    let constant = |value: Datum, nullable: bool| Expr::Constant {
        value,
        ty: ColumnType { sql: column.ty.sql.clone(), nullable },
    };
    match &column.default {
        // Until the row is written.
        _ if column.generated.is_some() => Ok(constant(Datum::Null, true)),
        Some(value) => Ok(constant(value.clone(), value.is_null())),
        None if column.auto_increment || column.ty.nullable => Ok(constant(Datum::Null, true)),
        // The first member, as in MySQL.
        None if matches!(column.ty.sql, SqlType::Enum(_)) => Ok(constant(Datum::UInt(1), false)),
        None => Err(Error::NoDefault(column.name.to_string())),
    }
}

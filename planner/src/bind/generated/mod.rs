//! Generated columns: `c INT AS (a + b) [VIRTUAL | STORED]`.
//!
//! The expression is kept as text in the table's descriptor and goes through the same rewriter as everything else, once for
//! each statement that writes to the table: [`bind_generated`] makes [`GeneratedColumns`] of it, plain data that travels with
//! the plan. Whoever writes rows (INSERT, UPDATE, LOAD DATA, ALTER TABLE) computes these columns from the finished row, after
//! numbers were given out and before rows are dealt to partitions, so that a generated column can be indexed, be unique and
//! be dealt by like any other:
//!
//! ```text
//! t (a int, b int as (a + 1), c int as (b * 2), key (c))
//! INSERT INTO t (a) VALUES (3)      3, NULL, NULL  ->  3, 4, NULL  ->  3, 4, 8
//! UPDATE t SET a = 5                5, 4, 8        ->  5, 6, 12
//! ```
//!
//! **VIRTUAL columns are stored too.** MySQL computes them when they are read. Here expressions of the schema are
//! deterministic, so that nobody can tell; rows are columns in compressed chunks, where one more costs little; and no reader
//! (scan, lookup, index build, statistics, zone maps) needs to know that there is such a thing as a generated column. What
//! differs between the two kinds is what ALTER TABLE may do (a VIRTUAL column can be added and get another expression) and
//! whether it may be a primary key (only a STORED one).
//!
//! ```text
//! fault    what can be wrong with all of that      spell    how an expression is kept as text
//! ```
//!
//! **Usage.** A statement that writes to the table counts the functions of its generated columns once.
//!
//! Left out: `tidb_enable_auto_increment_in_generated` is heeded by definitions only, since there is nothing to heed later.

mod fault;
mod spell;

pub(super) use spell::{Offence, names_in, offence, spelled};

use std::sync::Arc;

use allod_storage::schema::{
    ColumnDef, ColumnType, Datum, Generated, GeneratedKind, SqlType, TableDescriptor,
};
use sqlparser::ast;

use super::binder::Binder;
use super::ddl::TableName;
use super::key::{self, KeyFault};
use super::partition::{bind_over, bind_over_for};
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::{Expr, Function, FunctionUsage, Rewriter, collate};
use crate::generated::GeneratedColumns;
use crate::parse;

pub use fault::GeneratedFault;

/// Binds the generated columns of a table: `None` if it has none. The texts were checked when they were defined, so an error
/// means that the descriptor is damaged.
pub fn bind_generated(table: &TableDescriptor) -> Result<Option<GeneratedColumns>, Error> {
    let mut columns = Vec::new();
    let mut usage = FunctionUsage::default();
    for (ordinal, def) in table.columns.iter().enumerate() {
        let Some(generated) = &def.generated else { continue };
        let (expr, used) = match &generated.kind {
            GeneratedKind::Virtual | GeneratedKind::Stored => {
                let syntax = parse::parse_expression(&generated.expr)?;
                bind_over_for(&syntax, names(&table.columns), &def.ty.sql)?
            }
            _ => bound(generated, &table.columns)?,
        };
        usage.merge(&used);
        // That it is not NULL is for whoever writes the row to see.
        let nullable = ColumnDef { ty: ColumnType::nullable(def.ty.sql.clone()), ..def.clone() };
        columns.push((ordinal, Rewriter::new(0).assign(expr, &nullable)?));
    }
    Ok((!columns.is_empty()).then_some(GeneratedColumns { columns, usage }))
}

/// The expression of a column as it was kept.
fn bound(generated: &Generated, columns: &[ColumnDef]) -> Result<(Expr, FunctionUsage), Error> {
    let (column, length) = match &generated.kind {
        GeneratedKind::KeyPrefix { column, length } => (column, Some(*length)),
        GeneratedKind::SortKey { column, length } => (column, *length),
        GeneratedKind::Virtual | GeneratedKind::Stored | GeneratedKind::KeyExpression => {
            return of_text(&generated.expr, columns);
        }
    };
    let of = columns.iter().position(|c| !c.hidden && c.name == *column);
    let of = of.ok_or_else(|| Error::UnknownKeyColumn(column.to_string()))?;
    let (whole, mut rw) = (Expr::column(ColumnId(of as u32), columns[of].ty.clone()), Rewriter::new(0));
    let part = match length {
        Some(length) => match key::prefix_type(&columns[of].ty.sql, length)? {
            // A key says nothing of what it leaves out, as a cast does.
            sql if sql.is_string() => {
                let length = Expr::constant(Datum::Int(i64::from(length)), SqlType::BIGINT);
                Expr::call(Function::Left, vec![whole, length], ColumnType { sql, ..columns[of].ty.clone() })
            }
            sql => rw.explicit_cast(whole, sql),
        },
        None => whole,
    };
    let part = match &generated.kind {
        GeneratedKind::SortKey { .. } => collate::ordered_by(part),
        _ => part,
    };
    Ok((part, rw.usage))
}

pub(super) fn of_text(text: &str, columns: &[ColumnDef]) -> Result<(Expr, FunctionUsage), Error> {
    bind_over(&parse::parse_expression(text)?, None, names(columns))
}

pub(super) fn names(columns: &[ColumnDef]) -> impl Iterator<Item = (Arc<str>, ColumnType)> + '_ {
    columns.iter().map(|c| (c.name_in_sql(), c.ty.clone()))
}

/// Ordinals of the columns that an expression uses.
pub(super) fn used(expr: &Expr) -> impl Iterator<Item = usize> {
    expr.columns().into_iter().map(|ColumnId(id)| id as usize)
}

/// The type of a hidden column of a key, now that its table has these columns; and how it is generated.
pub(super) fn of_key(
    def: &ColumnDef,
    columns: &[ColumnDef],
) -> Result<Option<(ColumnType, Generated)>, Error> {
    let Some(generated) = def.generated.as_ref().filter(|_| def.hidden) else { return Ok(None) };
    Ok(Some(match &generated.kind {
        GeneratedKind::KeyPrefix { column, length } => key::prefix_of(key_column(columns, column)?, *length)?,
        GeneratedKind::SortKey { column, length } => key::sort_key_of(key_column(columns, column)?, *length)?,
        GeneratedKind::KeyExpression | GeneratedKind::Virtual | GeneratedKind::Stored => {
            (bound(generated, columns)?.0.ty().clone(), generated.clone())
        }
    }))
}

/// A column that a key has a part of.
fn key_column<'a>(columns: &'a [ColumnDef], name: &str) -> Result<&'a ColumnDef, Error> {
    let of = columns.iter().find(|c| !c.hidden && &*c.name == name);
    of.ok_or_else(|| Error::UnknownKeyColumn(name.into()))
}

/// The expression of a part of a key: the type of its hidden column, and how that is generated.
pub(super) fn key_expression(
    expr: &ast::Expr,
    key: &str,
    table: &TableName,
    columns: &[ColumnDef],
) -> Result<(ColumnType, Generated), Error> {
    if matches!(expr, ast::Expr::Tuple(_)) {
        return Err(KeyFault::Row(key.into()).into());
    }
    if !spell::is_deterministic(expr) {
        return Err(KeyFault::Function(key.into()).into());
    }
    let bound = bind_over(expr, Some(table), names(columns));
    let (bound, _) = bound.map_err(|error| unknown_in(error, "expression index"))?;
    if bound.as_column().is_some() {
        return Err(KeyFault::Column.into());
    }
    if used(&bound).any(|o| columns[o].auto_increment) {
        return Err(KeyFault::AutoIncrement(key.into()).into());
    }
    let text = spell::spelled(expr, columns);
    match &bound.ty().sql {
        SqlType::Text(..) | SqlType::Blob(_) => return Err(KeyFault::Text.into()),
        SqlType::Json => return Err(KeyFault::Json.into()),
        SqlType::Null
        | SqlType::VarChar(0, _)
        | SqlType::VarBinary(0)
        | SqlType::Char(0, _)
        | SqlType::Binary(0) => {
            return Err(KeyFault::NotIndexable(text).into());
        }
        _ => {}
    }
    kept(&text, &bound, columns, expr)?;
    Ok((bound.ty().clone(), Generated { expr: text.into(), kind: GeneratedKind::KeyExpression }))
}

fn unknown_in(error: Error, clause: &'static str) -> Error {
    match error {
        Error::UnknownColumn { name, position, .. } => Error::UnknownColumn { name, clause, position },
        other => other,
    }
}

/// What cannot be kept so that it means the same is not taken.
fn kept(text: &str, bound: &Expr, columns: &[ColumnDef], written: &ast::Expr) -> Result<(), Error> {
    match of_text(text, columns) {
        Ok((again, _)) if again == *bound => Ok(()),
        _ => Err(super::expression::not_supported(&format!("'{written}' in a generated column"))),
    }
}

/// The first generated column that uses column `at`; a key on the beginning of the column goes with it.
pub(super) fn dependent(columns: &[ColumnDef], at: usize) -> Result<Option<usize>, Error> {
    for (ordinal, def) in columns.iter().enumerate() {
        if let Some(generated) = &def.generated
            && !matches!(generated.kind, GeneratedKind::KeyPrefix { .. } | GeneratedKind::SortKey { .. })
            && used(&bound(generated, columns)?.0).any(|o| o == at)
        {
            return Ok(Some(ordinal));
        }
    }
    Ok(None)
}

/// Generated columns use only such generated ones as stand before them (error 3107).
pub(super) fn check_order(columns: &[ColumnDef]) -> Result<(), Error> {
    for (ordinal, def) in columns.iter().enumerate() {
        if let Some(generated) = &def.generated {
            check_prior(&bound(generated, columns)?.0, columns, ordinal)?;
        }
    }
    Ok(())
}

fn check_prior(expr: &Expr, columns: &[ColumnDef], at: usize) -> Result<(), Error> {
    if used(expr).any(|o| o >= at && columns[o].generated.is_some()) {
        return Err(GeneratedFault::NonPrior.into());
    }
    Ok(())
}

/// A virtual column is no part of a primary key (error 3106).
pub(super) fn check_primary<'a>(mut key: impl Iterator<Item = &'a ColumnDef>) -> Result<(), Error> {
    if key.any(|c| c.generated.as_ref().is_some_and(|g| g.kind == GeneratedKind::Virtual)) {
        return Err(GeneratedFault::Unsupported("Defining a virtual generated column as primary key").into());
    }
    Ok(())
}

/// What a column's definition says of how it is generated.
pub(super) fn syntax(def: &ast::ColumnDef) -> Option<(&ast::Expr, GeneratedKind)> {
    def.options.iter().find_map(|option| match &option.option {
        ast::ColumnOption::Generated { generation_expr: Some(expr), generation_expr_mode, .. } => Some((
            expr,
            match generation_expr_mode {
                Some(ast::GeneratedExpressionMode::Stored) => GeneratedKind::Stored,
                Some(ast::GeneratedExpressionMode::Virtual) | None => GeneratedKind::Virtual,
            },
        )),
        _ => None,
    })
}

impl Binder<'_> {
    /// Checks the expression of column `at` of a table that is being defined, and says how to keep it. The other generated
    /// columns need have no more than their mark.
    pub(super) fn define_generated(
        &mut self,
        expr: &ast::Expr,
        kind: GeneratedKind,
        (table, columns, at): (&TableName, &[ColumnDef], usize),
    ) -> Result<Generated, Error> {
        let name = || columns[at].name.to_string();
        if !spell::is_deterministic(expr) {
            return Err(GeneratedFault::Function(name()).into());
        }
        let bound = bind_over(expr, Some(table), names(columns));
        let (bound, _) = bound.map_err(|error| unknown_in(error, "generated column function"))?;
        let allowed = self.cx.session.variables.system("tidb_enable_auto_increment_in_generated", false);
        if allowed != Some(Datum::Int(1)) && used(&bound).any(|o| columns[o].auto_increment) {
            return Err(GeneratedFault::AutoIncrement(name()).into());
        }
        check_prior(&bound, columns, at)?;
        let text = spelled(expr, columns);
        kept(&text, &bound, columns, expr)?;
        Ok(Generated { expr: text.into(), kind })
    }

    /// The generated columns of a table that the statement writes to; counts the functions that they use.
    pub(super) fn generated_columns(
        &mut self,
        table: &TableDescriptor,
    ) -> Result<Option<Arc<GeneratedColumns>>, Error> {
        let generated = bind_generated(table)?;
        if let Some(generated) = &generated {
            self.rw.usage.merge(&generated.usage);
        }
        Ok(generated.map(Arc::new))
    }
}

/// A generated column is given no value but DEFAULT (error 3105).
pub(super) fn check_given(table: &TableDescriptor, ordinal: usize) -> Result<(), Error> {
    let def = &table.columns[ordinal];
    match def.generated {
        None => Ok(()),
        Some(_) => Err(refused(table, ordinal)),
    }
}

/// A value for a column that must be computed, or one that is not there before it is (error 3105).
pub(super) fn refused(table: &TableDescriptor, ordinal: usize) -> Error {
    let (column, table) = (table.columns[ordinal].name.to_string(), table.name.to_string());
    GeneratedFault::Value { column, table }.into()
}

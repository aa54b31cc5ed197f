//! How rows are dealt to partitions: partition expressions, through the same rewriter as everything else.
//!
//! [`bind_partition`] turns a table's scheme into a [`PartitionFunction`], once per statement; that is plain data, which
//! travels with the plan: the expression is never rewritten again, and no worker counts anything.
//!
//! ```text
//! define   PARTITION BY to a scheme               change   what ALTER TABLE makes of the partitions
//! check    what an expression may be              fault    what can be wrong with all of that
//! spell    how an expression is kept as text
//! ```
//!
//! **Usage.** A statement counts the functions of a partition expression once for each partitioned table that it names,
//! however often and wherever it names it, when it binds the name: `SELECT … FROM t JOIN t AS u` over `HASH (a + 1)` counts one
//! `PlusInt` besides its own functions. Pruning, planning and running count nothing.

mod alter;
mod change;
mod check;
pub(super) mod define;
mod fault;
pub(super) mod interval;
mod spell;

use std::sync::Arc;

use allod_storage::schema::{
    Collation, ColumnDef, Datum, PartitionMethod, RangeBound, SqlType, TableDescriptor,
};

use super::PlanContext;
use super::binder::Binder;
use super::ddl::TableName;
use super::scope::{Clause, Relation, RelationColumn};
use crate::catalog::{Catalog, Table};
use crate::column::{ColumnId, ColumnInfo};
use crate::error::Error;
use crate::expr::{Expr, FunctionUsage, Rewriter, collate};
use crate::parse::{self, Parsed};
use crate::partition::PartitionFunction;
use crate::zone::Zone;

pub use change::{PartitionPlan, PlannedPartition, plan_partitions};
pub(super) use change::{check_named, position};
pub use fault::PartitionFault;

/// Binds the partition function of a table: `None` if it is not partitioned. The text was checked when the table was made,
/// so an error means that the descriptor is damaged.
pub fn bind_partition(table: &TableDescriptor) -> Result<Option<PartitionFunction>, Error> {
    let Some(scheme) = &table.partitioning else { return Ok(None) };
    let mut usage = FunctionUsage::default();
    let values = match &scheme.expr {
        Some(text) => {
            let syntax = parse::parse_expression(text)?;
            let columns = table.columns.iter().map(|c| (c.name_in_sql(), c.ty.clone()));
            let (expr, used) = bind_over(&syntax, None, columns)?;
            usage = used;
            vec![expr]
        }
        None => {
            let column = |&o: &usize| {
                collate::ordered_by(Expr::column(ColumnId(o as u32), table.columns[o].ty.clone()))
            };
            scheme.columns.iter().map(column).collect()
        }
    };
    let (partitions, mut scheme) = (table.partitions.len(), scheme.clone());
    if scheme.expr.is_none() {
        scheme.method = by_sort_keys(scheme.method, &collations(&scheme.columns, &table.columns));
    }
    Ok(Some(PartitionFunction { values, scheme, partitions, allowed: None, usage }))
}

/// The collations of columns.
pub(super) fn collations(ordinals: &[usize], columns: &[ColumnDef]) -> Vec<Collation> {
    ordinals.iter().map(|o| columns[*o].ty.sql.collation()).collect()
}

/// What partitions hold, said of the sort keys of columns of these collations instead of their texts.
pub(super) fn by_sort_keys(method: PartitionMethod, collations: &[Collation]) -> PartitionMethod {
    if collations.iter().all(|c| c.is_plain()) {
        return method;
    }
    let key = |value: Datum, collation: &Collation| match value {
        Datum::String(text) if !collation.is_plain() => Datum::Bytes(collation.sort_key(&text).into()),
        other => other,
    };
    let datums = |tuple: Vec<Datum>| tuple.into_iter().zip(collations).map(|(v, c)| key(v, c)).collect();
    let bound = |(bound, collation): (RangeBound, &Collation)| match bound {
        RangeBound::Value(value) => RangeBound::Value(key(value, collation)),
        RangeBound::MaxValue => RangeBound::MaxValue,
    };
    let bounds = |tuple: Vec<RangeBound>| tuple.into_iter().zip(collations).map(bound).collect();
    match method {
        PartitionMethod::Hash => PartitionMethod::Hash,
        PartitionMethod::Key => PartitionMethod::Key,
        PartitionMethod::Range(tuples) => PartitionMethod::Range(tuples.into_iter().map(bounds).collect()),
        PartitionMethod::List { values, default } => {
            let tuples = |tuples: Vec<Vec<Datum>>| tuples.into_iter().map(datums).collect();
            PartitionMethod::List { values: values.into_iter().map(tuples).collect(), default }
        }
    }
}

/// Binds an expression over columns whose ids are their positions, and says what functions it used. `table`: whose columns
/// they are, if it may be named. What it computes is the same for every session, so its clocks show UTC, and a moment in a row is
/// seen as it is held.
pub(super) fn bind_over(
    syntax: &sqlparser::ast::Expr,
    table: Option<&TableName>,
    columns: impl Iterator<Item = (Arc<str>, allod_storage::schema::ColumnType)>,
) -> Result<(Expr, FunctionUsage), Error> {
    let (bound, rw) = bind_within(&PlanContext::new(&Nothing, None), syntax, table, columns, None)?;
    Ok((bound, rw.usage))
}

/// The same where moments are what clocks of this zone show.
pub(super) fn bind_over_in(
    syntax: &sqlparser::ast::Expr,
    zone: Zone,
    columns: impl Iterator<Item = (Arc<str>, allod_storage::schema::ColumnType)>,
) -> Result<(Expr, FunctionUsage), Error> {
    let cx = PlanContext { zone, ..PlanContext::new(&Nothing, None) };
    let (bound, rw) = bind_within(&cx, syntax, None, columns, None)?;
    Ok((bound, rw.usage))
}

/// The same of an expression whose value becomes one of this type.
pub(super) fn bind_over_for(
    syntax: &sqlparser::ast::Expr,
    columns: impl Iterator<Item = (Arc<str>, allod_storage::schema::ColumnType)>,
    becomes: &SqlType,
) -> Result<(Expr, FunctionUsage), Error> {
    let cx = PlanContext::new(&Nothing, None);
    let (bound, rw) = bind_within(&cx, syntax, None, columns, Some(becomes))?;
    Ok((bound, rw.usage))
}

/// Binds an expression that is computed once and for all, as the session that writes it down means it: its clocks are those of this
/// zone. What is another value each time is an error.
fn bind_constant(syntax: &sqlparser::ast::Expr, zone: Zone) -> Result<Expr, Error> {
    let cx = PlanContext { zone, ..PlanContext::new(&Nothing, None) };
    let (bound, rw) = bind_within(&cx, syntax, None, std::iter::empty(), None)?;
    if rw.asked_now { Err(PartitionFault::ConstantExpression.into()) } else { Ok(bound) }
}

fn bind_within(
    cx: &PlanContext<'_>,
    syntax: &sqlparser::ast::Expr,
    table: Option<&TableName>,
    columns: impl Iterator<Item = (Arc<str>, allod_storage::schema::ColumnType)>,
    becomes: Option<&SqlType>,
) -> Result<(Expr, Rewriter), Error> {
    let parsed = Parsed::empty();
    let mut binder = Binder::new(&parsed, cx)?;
    let mut relation = Relation {
        alias: table.map_or_else(|| "".into(), |t| t.table.clone()),
        database: table.map(|t| t.database.clone()),
        columns: vec![],
        table: None,
    };
    for (name, ty) in columns {
        let held = ty.clone();
        let id = binder.columns.add(ColumnInfo { qualifier: None, name: name.clone(), ty, origin: None });
        binder.note_held(id, &held);
        relation.columns.push(RelationColumn { name, id, qualified_only: false });
    }
    let bound = binder.in_block(|b| {
        b.scope().relations.push(relation);
        b.scope().clause = Clause::Where;
        let bound = match becomes {
            Some(ty) => b.expr_for(syntax, ty)?,
            None => b.expr(syntax)?,
        };
        if b.scope().pending.is_empty() { Ok(bound) } else { Err(Error::PartitionFunction) }
    })?;
    Ok((bound, binder.rw))
}

/// A catalog of nothing: an expression of the schema names only columns of its table.
struct Nothing;

impl Catalog for Nothing {
    fn table(&self, _database: &str, _table: &str) -> Option<Table> {
        None
    }

    fn has_database(&self, _database: &str) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;

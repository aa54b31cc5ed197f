//! What a partition expression may be, and how its values relate.

use std::cmp::Ordering;

use allod_storage::schema::{ColumnDef, Datum, PartitionScheme, RangeBound, SqlType};
use sqlparser::ast;

use super::{PartitionFault as Fault, bind_over};
use crate::bind::ddl::TableName;
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::types::Family;
use crate::expr::{Expr, Function, TimeUnit};
use crate::parse;
use crate::partition::key_bytes;

/// Checks a new partition expression (only what MySQL and TiDB allow, and an integer) and returns the ordinals of its
/// columns, ascending.
pub(super) fn expression(
    syntax: &ast::Expr,
    table: &TableName,
    columns: &[ColumnDef],
) -> Result<Vec<usize>, Error> {
    let bound = bind_over(syntax, Some(table), columns.iter().map(|c| (c.name_in_sql(), c.ty.clone())));
    let (expr, _) = bound.map_err(|e| match e {
        Error::UnknownColumn { name, position, .. } => {
            Error::UnknownColumn { name, clause: "partition function", position }
        }
        other => other,
    })?;
    if let Some(ColumnId(id)) = expr.as_column() {
        let column = &columns[id as usize];
        return if matches!(column.ty.sql, SqlType::Int { .. } | SqlType::Year) {
            Ok(vec![id as usize])
        } else {
            Err(Fault::FieldType(column.name.to_string()).into())
        };
    }
    let (mut allowed, mut steady) = (true, true);
    expr.walk(&mut |e| {
        if let Expr::Call { function, args, .. } = e {
            allowed &= is_allowed(function, args);
            // What depends on the time zone may only be asked of what does as well.
            let of_timestamp = args.first().is_some_and(|a| matches!(a.ty().sql, SqlType::Timestamp(_)));
            steady &= of_timestamp == (*function == Function::UnixTimestamp);
        }
    });
    if !allowed {
        return Err(Error::PartitionFunction);
    }
    let mut used: Vec<usize> = expr.columns().into_iter().map(|ColumnId(id)| id as usize).collect();
    used.sort_unstable();
    used.dedup();
    if used.is_empty() || !steady {
        return Err(Fault::ConstantExpression.into());
    }
    if !matches!(Family::of(&expr.ty().sql), Family::Int | Family::UInt) {
        return Err(Error::PartitionFunctionType);
    }
    Ok(used)
}

/// The operators and functions of MySQL's list; casts are those that the rewriter puts between numbers or moments.
fn is_allowed(function: &Function, args: &[Expr]) -> bool {
    match function {
        Function::Plus
        | Function::Minus
        | Function::Mul
        | Function::IntDiv
        | Function::Mod
        | Function::Negate
        | Function::Abs
        | Function::Ceil
        | Function::Floor
        | Function::DateDiff
        | Function::DayOfWeek
        | Function::DayOfYear
        | Function::WeekDay
        | Function::ToDays
        | Function::ToSeconds
        | Function::TimeToSec
        | Function::YearWeek
        | Function::UnixTimestamp => true,
        Function::Cast => args.first().is_some_and(|a| {
            let family = Family::of(&a.ty().sql);
            family.is_number() || family.is_temporal()
        }),
        Function::Extract(unit) => *unit != TimeUnit::Week && unit.ends().is_none(),
        _ => false,
    }
}

/// Whether the scheme's expression is unsigned.
pub(super) fn is_unsigned(scheme: &PartitionScheme, columns: &[ColumnDef]) -> Result<bool, Error> {
    let Some(text) = &scheme.expr else { return Ok(false) };
    let syntax = parse::parse_expression(text)?;
    let (expr, _) = bind_over(&syntax, None, columns.iter().map(|c| (c.name_in_sql(), c.ty.clone())))?;
    Ok(Family::of(&expr.ty().sql) == Family::UInt)
}

/// Whether a bound lies above the one before.
pub(super) fn increasing(before: &[RangeBound], next: &[RangeBound]) -> bool {
    for pair in before.iter().zip(next) {
        let order = match pair {
            (RangeBound::Value(a), RangeBound::Value(b)) => a.compare(b),
            (RangeBound::Value(_), RangeBound::MaxValue) => Ordering::Less,
            (RangeBound::MaxValue, RangeBound::Value(_)) => Ordering::Greater,
            (RangeBound::MaxValue, RangeBound::MaxValue) => Ordering::Equal,
        };
        if order.is_ne() {
            return order.is_lt();
        }
    }
    false
}

/// Bytes that are the same for the same tuple of values, and for no other.
pub(super) fn tuple_bytes(tuple: &[Datum]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in tuple {
        if value.is_null() {
            out.extend([u8::MAX; 4]);
            continue;
        }
        let mut bytes = Vec::new();
        key_bytes(value, &mut bytes);
        out.extend((bytes.len() as u32).to_le_bytes());
        out.extend(bytes);
    }
    out
}

//! PARTITION BY to a scheme: what may be dealt by, and what each partition takes.

use std::sync::Arc;

use allod_storage::schema::{
    ColumnDef, Datum, PartitionMethod, PartitionScheme, RangeBound, SqlType, ZERO_DATE, ZERO_DATETIME,
};
use sqlparser::ast::{self, Ident};

use super::check::{self, expression};
use super::{PartitionFault as Fault, bind_constant, by_sort_keys, collations, interval, spell};
use crate::bind::ddl::{PartitionBound, PartitionLabel, PartitionSpec, TableName};
use crate::bind::key;
use crate::error::Error;
use crate::expr::{Expr, calendar, cast_constant};
use crate::parse::{PartitionBy, PartitionClause, PartitionDefinition, PartitionValues};
use crate::physical::PlanWarning;
use crate::placement::NO_POLICY;
use crate::zone::Zone;

/// TiDB's limit.
pub(super) const PARTITIONS_MAX: u64 = 8192;

/// TiDB's code for what a definition asks for in vain.
const UNSUPPORTED: u16 = 8200;

/// MySQL's limit.
const FIELDS_MAX: usize = 16;

/// A table's columns and keys, as far as partitions care.
pub(in crate::bind) struct Keys<'a> {
    pub table: &'a TableName,
    pub columns: &'a [ColumnDef],
    pub primary: Option<&'a [usize]>,
    /// The name and the columns of each unique key that is local, but the primary one.
    pub unique: Vec<(&'a str, &'a [usize])>,
}

/// The scheme that a clause defines for a table, and its partitions. `zone`: of which the clocks are by which bounds are written.
pub(in crate::bind) fn scheme(
    clause: &PartitionClause,
    table: &Keys,
    zone: Zone,
) -> Result<(PartitionScheme, Vec<PartitionLabel>), Error> {
    let (expr, columns) = match &clause.by {
        PartitionBy::Hash(text) | PartitionBy::Range(text) | PartitionBy::List(text) => {
            let used = expression(&text.expr, table.table, table.columns)?;
            (Some(spell::respelled(text, table.columns).into()), used)
        }
        PartitionBy::Key(names) if names.is_empty() => (None, default_key(table)?),
        PartitionBy::Key(names) | PartitionBy::RangeColumns(names) | PartitionBy::ListColumns(names) => {
            (None, fields(names, table.columns)?)
        }
    };
    check_fields(&clause.by, &columns, table.columns)?;
    check_unique(table, &columns)?;
    let listed = clause.definitions.len() as u64;
    if clause.count.is_some_and(|n| n != listed && listed > 0) {
        return Err(Fault::CountMismatch.into());
    }
    let count = clause.count.unwrap_or(listed.max(1));
    check_count(count)?;
    let by_values = match clause.by {
        PartitionBy::Range(_) | PartitionBy::RangeColumns(_) => Some("RANGE"),
        PartitionBy::List(_) | PartitionBy::ListColumns(_) => Some("LIST"),
        PartitionBy::Hash(_) | PartitionBy::Key(_) => None,
    };
    if let Some(method) = by_values.filter(|_| listed == 0 && clause.interval.is_none()) {
        return Err(Fault::MustBeDefined(method).into());
    }
    let method = match clause.by {
        PartitionBy::Hash(_) => PartitionMethod::Hash,
        PartitionBy::Key(_) => PartitionMethod::Key,
        PartitionBy::Range(_) | PartitionBy::RangeColumns(_) => PartitionMethod::Range(vec![]),
        PartitionBy::List(_) | PartitionBy::ListColumns(_) => {
            PartitionMethod::List { values: vec![], default: None }
        }
    };
    let mut scheme = PartitionScheme { expr, columns, method };
    let specs = match &clause.interval {
        Some(even) => interval::of_clause(even, &clause.definitions, &scheme, table.columns, zone)?,
        None => specs(&clause.definitions, &scheme, table.columns, zone)?,
    };
    scheme.method = method_of(&scheme, table.columns, specs.iter().map(|s| &s.bound))?;
    let partitions: Vec<PartitionLabel> = match specs.as_slice() {
        [] => (0..count).map(|i| PartitionLabel::new(format!("p{i}"))).collect(),
        specs => specs.iter().map(PartitionLabel::of_spec).collect(),
    };
    check_names(partitions.iter().map(|p| &p.name))?;
    Ok((scheme, partitions))
}

/// What the user should know: LINEAR and SUBPARTITION are not heeded.
pub(in crate::bind) fn warnings(clause: &PartitionClause) -> Vec<PlanWarning> {
    let method = match clause.by {
        PartitionBy::Key(_) => "KEY",
        _ => "HASH",
    };
    let message = format!("LINEAR {method} is not supported, using non-linear {method} instead");
    let linear = clause.linear.then_some(message);
    let method = match clause.by {
        PartitionBy::Range(_) | PartitionBy::RangeColumns(_) => "RANGE",
        PartitionBy::List(_) | PartitionBy::ListColumns(_) => "LIST",
        PartitionBy::Hash(_) | PartitionBy::Key(_) => method,
    };
    let below = format!("Unsupported subpartitioning, only using {method} partitioning");
    let below = clause.subpartitioned.then_some(below);
    linear.into_iter().chain(below).map(|message| PlanWarning { code: UNSUPPORTED, message }).collect()
}

/// Partitions of a scheme as they are written, each value in the type of its column.
pub(super) fn specs(
    definitions: &[PartitionDefinition],
    scheme: &PartitionScheme,
    columns: &[ColumnDef],
    zone: Zone,
) -> Result<Vec<PartitionSpec>, Error> {
    definitions
        .iter()
        .map(|definition| {
            Ok(PartitionSpec {
                name: definition.name.value.as_str().into(),
                bound: bound(definition, scheme, columns, zone)?,
                comment: definition.comment.as_str().into(),
                placement: definition.placement.as_deref().and_then(policy),
            })
        })
        .collect()
}

/// The policy of this name, if it is not the one that stands for none.
pub(in crate::bind) fn policy(name: &str) -> Option<std::sync::Arc<str>> {
    (!name.eq_ignore_ascii_case(NO_POLICY)).then(|| name.into())
}

/// The method of partitions that take this; checks what must hold between them.
pub(super) fn method_of<'a>(
    scheme: &PartitionScheme,
    columns: &[ColumnDef],
    bounds: impl Iterator<Item = &'a PartitionBound>,
) -> Result<PartitionMethod, Error> {
    let method = written(scheme, bounds)?;
    // Texts follow and equal each other as their collations say.
    let keyed = match scheme.expr {
        Some(_) => method.clone(),
        None => by_sort_keys(method.clone(), &collations(&scheme.columns, columns)),
    };
    match &keyed {
        PartitionMethod::Hash | PartitionMethod::Key => {}
        PartitionMethod::Range(bounds) => {
            if !bounds.windows(2).all(|two| check::increasing(&two[0], &two[1])) {
                return Err(Fault::NotIncreasing.into());
            }
        }
        PartitionMethod::List { values, .. } => {
            let mut seen = std::collections::BTreeSet::new();
            if !values.iter().flatten().all(|tuple| seen.insert(check::tuple_bytes(tuple))) {
                return Err(Fault::DuplicateConstant.into());
            }
        }
    }
    Ok(method)
}

/// The bounds as they are written, if they are of the method's kind.
fn written<'a>(
    scheme: &PartitionScheme,
    bounds: impl Iterator<Item = &'a PartitionBound>,
) -> Result<PartitionMethod, Error> {
    match &scheme.method {
        PartitionMethod::Hash => Ok(PartitionMethod::Hash),
        PartitionMethod::Key => Ok(PartitionMethod::Key),
        PartitionMethod::Range(_) => {
            let mut out: Vec<Vec<RangeBound>> = Vec::new();
            for bound in bounds {
                let PartitionBound::Range(bound) = bound else {
                    return Err(Fault::RequiresValues { method: "RANGE", values: "LESS THAN" }.into());
                };
                let after_all = out.last().is_some_and(|last| last.contains(&RangeBound::MaxValue));
                if scheme.expr.is_some() && after_all {
                    return Err(Fault::MaxValueNotLast.into());
                }
                out.push(bound.clone());
            }
            Ok(PartitionMethod::Range(out))
        }
        PartitionMethod::List { .. } => {
            let (mut out, mut default): (Vec<Vec<Vec<Datum>>>, Option<usize>) = (Vec::new(), None);
            for (i, bound) in bounds.enumerate() {
                let PartitionBound::List { values, default: is_default } = bound else {
                    return Err(Fault::RequiresValues { method: "LIST", values: "IN" }.into());
                };
                if *is_default && default.replace(i).is_some() {
                    return Err(Fault::DuplicateConstant.into());
                }
                out.push(values.clone());
            }
            Ok(PartitionMethod::List { values: out, default })
        }
    }
}

/// `number` names that no partition has: `p3`, `p4`, ….
pub(super) fn free_names(taken: &[Arc<str>], number: u64) -> Vec<Arc<str>> {
    let free = (taken.len()..).map(|i| Arc::<str>::from(format!("p{i}")));
    free.filter(|n| !taken.iter().any(|t| t.eq_ignore_ascii_case(n))).take(number as usize).collect()
}

/// No partitions, or too many.
pub(super) fn check_count(count: u64) -> Result<(), Error> {
    match count {
        1..=PARTITIONS_MAX => Ok(()),
        _ => Err(Error::PartitionCount { given: count, max: PARTITIONS_MAX }),
    }
}

/// Names differ, whatever their case.
pub(super) fn check_names<'a>(mut names: impl Iterator<Item = &'a Arc<str>> + Clone) -> Result<(), Error> {
    let mut seen = std::collections::BTreeSet::new();
    if names.clone().any(|name| name.is_empty() || name.ends_with(' ')) {
        return Err(Fault::WrongName.into());
    }
    match names.find(|n| !seen.insert(n.to_ascii_lowercase())) {
        Some(name) => Err(Fault::DuplicateName(name.to_string()).into()),
        None => Ok(()),
    }
}

/// Every unique key must hold all columns of the scheme: uniqueness is only ever checked within a partition.
fn check_unique(table: &Keys, used: &[usize]) -> Result<(), Error> {
    let whole = |key: &[usize]| -> Vec<usize> { key.iter().map(|o| key::whole(table.columns, *o)).collect() };
    if table.primary.is_some_and(|primary| !has_all(&whole(primary), used)) {
        return Err(Error::UniqueKeyWithoutPartitionColumn("PRIMARY KEY"));
    }
    table.unique.iter().try_for_each(|(name, key)| holds_all(&whole(key), used, name))
}

/// Whether the key holds all columns that rows are dealt by.
pub(in crate::bind) fn has_all(key: &[usize], used: &[usize]) -> bool {
    used.iter().all(|p| key.contains(p))
}

/// A key that is added must (8264), unless it is GLOBAL.
pub(in crate::bind) fn holds_all(key: &[usize], used: &[usize], name: &str) -> Result<(), Error> {
    match has_all(key, used) {
        true => Ok(()),
        false => Err(Fault::GlobalNeeded(name.into()).into()),
    }
}

/// KEY (): the primary key, or else a unique key without NULLs.
fn default_key(table: &Keys) -> Result<Vec<usize>, Error> {
    let whole = |(_, key): &&(&str, &[usize])| key.iter().all(|o| !table.columns[*o].ty.nullable);
    let key = table.primary.or_else(|| table.unique.iter().find(whole).map(|(_, key)| *key));
    let key = key.ok_or(Fault::FieldNotFound)?;
    Ok(key.iter().map(|o| key::whole(table.columns, *o)).collect())
}

/// Ordinals of listed columns, in the order of the list.
fn fields(names: &[Ident], columns: &[ColumnDef]) -> Result<Vec<usize>, Error> {
    let mut out = Vec::with_capacity(names.len());
    for name in names {
        let found = columns.iter().position(|c| !c.hidden && c.name.eq_ignore_ascii_case(&name.value));
        let ordinal = found.ok_or(Fault::FieldNotFound)?;
        if out.contains(&ordinal) {
            return Err(Fault::DuplicateField(name.value.clone()).into());
        }
        out.push(ordinal);
    }
    if out.is_empty() { Err(Fault::FieldNotFound.into()) } else { Ok(out) }
}

/// Types that the method can deal by.
fn check_fields(by: &PartitionBy, used: &[usize], columns: &[ColumnDef]) -> Result<(), Error> {
    if used.len() > FIELDS_MAX {
        return Err(Fault::TooManyFields("list of partition fields").into());
    }
    for column in used.iter().map(|o| &columns[*o]) {
        let allowed = match (by, &column.ty.sql) {
            (PartitionBy::Key(_), SqlType::Text(..) | SqlType::Blob(_) | SqlType::Json) => {
                return Err(Fault::BlobField.into());
            }
            (PartitionBy::Key(_), _) => true,
            (PartitionBy::RangeColumns(_) | PartitionBy::ListColumns(_), ty) => matches!(
                ty,
                SqlType::Int { .. }
                    | SqlType::Year
                    | SqlType::Date
                    | SqlType::DateTime(_)
                    | SqlType::Time(_)
                    | SqlType::Char(..)
                    | SqlType::VarChar(..)
                    | SqlType::Binary(_)
                    | SqlType::VarBinary(_)
            ),
            (PartitionBy::Hash(_) | PartitionBy::Range(_) | PartitionBy::List(_), _) => true,
        };
        if !allowed {
            return Err(Fault::FieldType(column.name.to_string()).into());
        }
    }
    Ok(())
}

/// What a partition takes.
fn bound(
    definition: &PartitionDefinition,
    scheme: &PartitionScheme,
    columns: &[ColumnDef],
    zone: Zone,
) -> Result<PartitionBound, Error> {
    let name = &definition.name.value;
    let value = |syntax: &ast::Expr, i| value(bind_constant(syntax, zone)?, i, name, scheme, columns);
    match (&scheme.method, &definition.values) {
        (PartitionMethod::Hash | PartitionMethod::Key, PartitionValues::Unsaid) => Ok(PartitionBound::Hash),
        (PartitionMethod::Range(_), PartitionValues::LessThan(bounds)) => {
            let width = if scheme.expr.is_some() { 1 } else { scheme.columns.len() };
            if bounds.len() != width {
                return Err(Fault::ColumnList.into());
            }
            let bound = |(i, bound): (usize, &Option<ast::Expr>)| match bound {
                None => Ok(RangeBound::MaxValue),
                Some(e) => match value(e, i)? {
                    Datum::Null => Err(Fault::NullBound.into()),
                    value => Ok(RangeBound::Value(value)),
                },
            };
            Ok(PartitionBound::Range(bounds.iter().enumerate().map(bound).collect::<Result<_, Error>>()?))
        }
        (PartitionMethod::List { .. }, PartitionValues::In { tuples, default }) => {
            let tuple = |e: &ast::Expr| {
                let parts = match e {
                    ast::Expr::Tuple(parts) => parts.as_slice(),
                    ast::Expr::Nested(inner) => std::slice::from_ref(&**inner),
                    single => std::slice::from_ref(single),
                };
                let width = if scheme.expr.is_some() { 1 } else { scheme.columns.len() };
                if parts.len() != width {
                    return Err(Fault::ColumnList.into());
                }
                let parts = parts.iter().enumerate();
                parts.map(|(i, e)| value(e, i)).collect::<Result<Vec<_>, Error>>()
            };
            let values = tuples.iter().map(tuple).collect::<Result<_, Error>>()?;
            Ok(PartitionBound::List { values, default: *default })
        }
        (PartitionMethod::Range(_), PartitionValues::Unsaid) => {
            Err(Fault::RequiresValues { method: "RANGE", values: "LESS THAN" }.into())
        }
        (PartitionMethod::List { .. }, PartitionValues::Unsaid) => {
            Err(Fault::RequiresValues { method: "LIST", values: "IN" }.into())
        }
        (_, PartitionValues::LessThan(_)) => {
            Err(Fault::WrongValues { method: "RANGE", values: "LESS THAN" }.into())
        }
        (_, PartitionValues::In { .. }) => Err(Fault::WrongValues { method: "LIST", values: "IN" }.into()),
    }
}

/// A constant of VALUES, as the partition expression's integer or as the `i`th column holds it.
fn value(
    bound: Expr,
    i: usize,
    partition: &str,
    scheme: &PartitionScheme,
    columns: &[ColumnDef],
) -> Result<Datum, Error> {
    let Expr::Constant { value, ty } = bound else {
        return Err(Fault::ConstantExpression.into());
    };
    if value.is_null() {
        return Ok(value);
    }
    if scheme.expr.is_some() {
        let unsigned = check::is_unsigned(scheme, columns)?;
        return match value {
            Datum::Int(v) if unsigned => {
                u64::try_from(v).map(Datum::UInt).or(Err(Fault::ConstantDomain.into()))
            }
            Datum::UInt(v) if !unsigned => {
                i64::try_from(v).map(Datum::Int).or(Err(Fault::ConstantDomain.into()))
            }
            Datum::Int(_) | Datum::UInt(_) => Ok(value),
            _ => Err(Fault::ValueNotInteger(partition.to_owned()).into()),
        };
    }
    let column = &columns[scheme.columns[i]].ty.sql;
    // A bound is before every date, whatever dates `sql_mode` lets into rows.
    match (column, &value) {
        (SqlType::Date, Datum::String(text)) if calendar::is_zero_date(text) => {
            return Ok(Datum::Date(ZERO_DATE));
        }
        (SqlType::DateTime(_), Datum::String(text)) if calendar::is_zero_date(text) => {
            return Ok(Datum::DateTime(ZERO_DATETIME));
        }
        _ => {}
    }
    let alike = match (column, &ty.sql) {
        (SqlType::Int { .. } | SqlType::Year, SqlType::Int { .. } | SqlType::Bit(_)) => true,
        (SqlType::Date | SqlType::DateTime(_) | SqlType::Time(_), given) => given.is_string(),
        (column, given) => {
            (column.is_string() || column.is_binary())
                && (given.is_string() || given.is_binary() || matches!(given, SqlType::Bit(_)))
        }
    };
    let stored = cast_constant(&value, &ty.sql, column).filter(|_| alike);
    stored.filter(|v| !v.is_null()).ok_or(Fault::ColumnValueType.into())
}

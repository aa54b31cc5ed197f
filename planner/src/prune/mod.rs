//! Partition pruning: which partitions can hold rows that satisfy the conjuncts.
//!
//! The result is plain data in the plan, computed once; nothing is counted and nothing but the arguments is read. The
//! conjuncts of an AND are looked at together; each OR among them is the union of its branches, looked at beside the
//! conjuncts that are no OR; all that was found is intersected.
//!
//! ```text
//! values     what the conjuncts leave to the columns, and to the partition expression as a whole
//! monotone   an interval of a column through YEAR, TO_DAYS, + c, …
//! hash       HASH and KEY: single values, short ranges of integers
//! range      RANGE and RANGE COLUMNS: from the first partition to the last
//! list       LIST and LIST COLUMNS: what is listed, and DEFAULT
//! ```
//! An expression that cannot be evaluated prunes nothing: the partitions that are left out surely hold no row that
//! satisfies the conjuncts, and that is what the property test holds against random schemes, rows and predicates.

mod hash;
mod list;
mod monotone;
mod range;
#[cfg(test)]
mod tests;
mod values;

use allod_storage::schema::{Collation, ColumnType, Datum, KeyPart, PartitionMethod, TableDescriptor};

use crate::column::ColumnId;
use crate::expr::collate::SORT_KEY;
use crate::expr::{CollateFunction, Expr, Function};
use crate::partition::PartitionFunction;
use values::{Known, evaluate};

/// ORs with more branches are not taken apart.
const BRANCHES_MAX: usize = 256;

/// ORs within ORs beyond this depth are not taken apart.
const DEPTH_MAX: usize = 4;

/// Stands for every column that the scheme does not use.
const OTHER_COLUMN: ColumnId = ColumnId(u32::MAX);

/// Positions of the partitions that may hold matching rows, ascending; `None` = all of them. `id_of` tells the id that an
/// ordinal of the table has in the conjuncts.
pub(crate) fn partitions(
    function: &PartitionFunction,
    table: &TableDescriptor,
    conjuncts: &[Expr],
    id_of: impl Fn(usize) -> Option<ColumnId>,
) -> Option<Vec<usize>> {
    let ids: Vec<(usize, Option<ColumnId>)> =
        function.scheme.columns.iter().map(|o| (*o, id_of(*o))).collect();
    // Where rows are dealt by the sort key of a text, the key stands for the column here, and the text for no column.
    let keyed = sort_keys(function, table);
    let as_columns;
    let function = match keyed.is_empty() {
        true => function,
        false => {
            as_columns = by_columns(function, &keyed);
            &as_columns
        }
    };
    let ours = |e: &Expr| {
        e.clone().transform(&mut |e| match e {
            Expr::Column { id, .. }
                if keyed.iter().any(|k| k.hidden.iter().any(|o| id_of(*o) == Some(id))) =>
            {
                let of = keyed.iter().find(|k| k.hidden.iter().any(|o| id_of(*o) == Some(id)));
                of.map_or(e, Keyed::column)
            }
            Expr::Column { id, ty } if keyed.iter().any(|k| id_of(k.ordinal) == Some(id)) => {
                let at = keyed.iter().position(|k| id_of(k.ordinal) == Some(id)).unwrap_or_default();
                Expr::Column { id: text_of(at), ty }
            }
            Expr::Call { function: Function::Collate(CollateFunction::SortKey(collation)), args, ty } => {
                let of = keyed.iter().enumerate().find(|(at, k)| {
                    k.collation == collation && args.first().and_then(Expr::as_column) == Some(text_of(*at))
                });
                match of {
                    Some((_, keyed)) => keyed.column(),
                    None => Expr::Call {
                        function: Function::Collate(CollateFunction::SortKey(collation)),
                        args,
                        ty,
                    },
                }
            }
            Expr::Column { id, ty } => {
                let ordinal = ids.iter().find(|(_, own)| *own == Some(id)).map(|(o, _)| *o);
                Expr::Column { id: ordinal.map_or(OTHER_COLUMN, |o| ColumnId(o as u32)), ty }
            }
            other => other,
        })
    };
    let conjuncts: Vec<Expr> = conjuncts.iter().map(ours).collect();
    let found = conjunction(function, table, &conjuncts, DEPTH_MAX)?;
    (found.contains(&false)).then(|| (0..found.len()).filter(|i| found[*i]).collect())
}

/// A column of the scheme whose sort key rows are dealt by.
struct Keyed {
    ordinal: usize,
    collation: Collation,
    /// Columns that hold the sort key.
    hidden: Vec<usize>,
    nullable: bool,
}

impl Keyed {
    /// The sort key, as if it was the column.
    fn column(&self) -> Expr {
        let ty = ColumnType { sql: SORT_KEY, nullable: self.nullable };
        Expr::column(ColumnId(self.ordinal as u32), ty)
    }
}

/// Stands for the text of such a column.
fn text_of(at: usize) -> ColumnId {
    ColumnId(OTHER_COLUMN.0 - 1 - at as u32)
}

/// The columns that rows are dealt by the sort keys of.
fn sort_keys(function: &PartitionFunction, table: &TableDescriptor) -> Vec<Keyed> {
    if function.scheme.expr.is_some() {
        return vec![];
    }
    let keyed = function.scheme.columns.iter().zip(&function.values).filter(|(_, e)| e.as_column().is_none());
    let keyed = keyed.map(|(&ordinal, _)| {
        let holds = |o: &usize| table.key_part(*o) == KeyPart::SortKey(ordinal, None);
        let ty = &table.columns[ordinal].ty;
        let hidden = (0..table.columns.len()).filter(holds).collect();
        Keyed { ordinal, collation: ty.sql.collation(), hidden, nullable: ty.nullable }
    });
    keyed.collect()
}

/// The function of rows that have sort keys in the place of these texts.
fn by_columns(function: &PartitionFunction, keyed: &[Keyed]) -> PartitionFunction {
    let value = |(ordinal, value): (&usize, &Expr)| match keyed.iter().find(|k| k.ordinal == *ordinal) {
        Some(keyed) => keyed.column(),
        None => value.clone(),
    };
    let values = function.scheme.columns.iter().zip(&function.values).map(value).collect();
    PartitionFunction { values, ..function.clone() }
}

/// The partition of the row with this key, whose values are those of `columns` (ordinals), all columns of the scheme among
/// them: `Some(None)` if no partition takes it, `None` if the partition expression cannot be evaluated for it.
pub(crate) fn place(function: &PartitionFunction, columns: &[usize], key: &[Datum]) -> Option<Option<usize>> {
    let known = || columns.iter().zip(key);
    let mut values = Vec::with_capacity(function.values.len());
    for expr in &function.values {
        values.push(match expr.as_column() {
            Some(ColumnId(id)) => known().find(|(o, _)| **o == id as usize)?.1.clone(),
            None => {
                let known: Vec<(usize, Datum)> = known().map(|(o, v)| (*o, v.clone())).collect();
                evaluate(expr, &known)?
            }
        });
    }
    Some(function.locate(&values))
}

/// Which partitions are left; `None` = all of them.
type Found = Option<Vec<bool>>;

fn conjunction(
    function: &PartitionFunction,
    table: &TableDescriptor,
    conjuncts: &[Expr],
    depth: usize,
) -> Found {
    let mut found = together(function, table, conjuncts);
    if depth == 0 {
        return found;
    }
    let (ors, plain): (Vec<&Expr>, Vec<&Expr>) =
        conjuncts.iter().partition(|e| matches!(e, Expr::Call { function: Function::Or, .. }));
    for branches in ors.iter().map(|e| e.children()).filter(|b| b.len() <= BRANCHES_MAX) {
        let mut union: Found = Some(vec![false; function.partitions]);
        for branch in branches {
            let mut all: Vec<Expr> = plain.iter().map(|e| (*e).clone()).collect();
            match branch {
                Expr::Call { function: Function::And, args, .. } => all.extend(args.iter().cloned()),
                other => all.push(other.clone()),
            }
            let of_branch = conjunction(function, table, &all, depth - 1);
            union = union.zip(of_branch).map(|(a, b)| a.iter().zip(&b).map(|(a, b)| *a || *b).collect());
            if union.is_none() {
                break;
            }
        }
        found = match (found, union) {
            (Some(a), Some(b)) => Some(a.iter().zip(&b).map(|(a, b)| *a && *b).collect()),
            (one, other) => one.or(other),
        };
    }
    found
}

/// What the conjuncts say together, ORs only as far as they are about one column.
fn together(function: &PartitionFunction, table: &TableDescriptor, conjuncts: &[Expr]) -> Found {
    if conjuncts.iter().any(is_never) {
        return Some(vec![false; function.partitions]);
    }
    let known = Known::new(function, table, conjuncts);
    if known.says_nothing() {
        return None;
    }
    match &function.scheme.method {
        PartitionMethod::Hash | PartitionMethod::Key => hash::partitions(function, &known),
        PartitionMethod::Range(bounds) => range::partitions(function, bounds, &known),
        PartitionMethod::List { values, default } => list::partitions(function, values, *default, &known),
    }
}

fn is_never(e: &Expr) -> bool {
    matches!(e, Expr::Constant { value, .. } if value.is_null() || value.as_f64() == Some(0.0))
}

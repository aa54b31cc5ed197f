//! Partition pruning: which partitions can hold rows that satisfy the conjuncts.
//!
//! The result is plain data in the plan, computed once. A HASH partitioned table (tidb.md A5) puts a row into partition
//! `|expr mod n|`, NULL into partition 0, and an unsigned value counts as the signed one with the same bits. Equalities
//! and IN lists on all columns of the expression name the partitions; a range of a bare integer column does if it is
//! shorter than the number of partitions. An expression that cannot be evaluated prunes nothing.

use allod_storage::schema::{Datum, PartitionMethod, PartitionScheme, TableDescriptor};

use crate::bind::{bind_partition, hash};
use crate::column::ColumnId;
use crate::expr::{Expr, Rewriter};
use crate::ranges::{ValueSet, column_values};

/// Combinations of values that are tried.
const COMBINATIONS_MAX: usize = 4096;

/// Positions of the partitions that may hold matching rows, ascending; `None` = all of them. `id_of` tells the id that an
/// ordinal of the table has in the conjuncts.
pub(crate) fn partitions(
    table: &TableDescriptor,
    conjuncts: &[Expr],
    id_of: impl Fn(usize) -> Option<ColumnId>,
) -> Option<Vec<usize>> {
    let PartitionScheme { columns, method: PartitionMethod::Hash, .. } = table.partitioning.as_ref()? else {
        return None;
    };
    let expr = bind_partition(table).ok()??.values.swap_remove(0);
    let count = table.partitions.len();
    let mut combinations: Vec<Vec<(usize, Datum)>> = vec![vec![]];
    for &ordinal in columns {
        let (values, _) = column_values(conjuncts, id_of(ordinal)?, &table.columns[ordinal].ty)?;
        let values = listed(&values, expr.as_column().is_some(), count)?;
        if combinations.len().saturating_mul(values.len()) > COMBINATIONS_MAX {
            return None;
        }
        combinations = combinations
            .iter()
            .flat_map(|known| {
                values.iter().map(move |v| known.iter().cloned().chain([(ordinal, v.clone())]).collect())
            })
            .collect();
    }
    let mut hit = vec![false; count];
    for values in combinations {
        hit[hash(&evaluate(&expr, &values)?, count)?] = true;
    }
    Some((0..count).filter(|i| hit[*i]).collect()).filter(|parts: &Vec<usize>| parts.len() < count)
}

/// The single values of a set; a short interval of integers counts as its members.
fn listed(values: &ValueSet, expand: bool, count: usize) -> Option<Vec<Datum>> {
    let mut out = Vec::new();
    for interval in &values.intervals {
        if let Some(value) = interval.point() {
            out.push(value.clone());
            continue;
        }
        let (Some((Datum::Int(low), low_in)), Some((Datum::Int(high), high_in))) =
            (&interval.low, &interval.high)
        else {
            return None;
        };
        let low = low.checked_add(i64::from(!low_in))?;
        let high = high.checked_sub(i64::from(!high_in))?;
        if !expand || high.checked_sub(low)? >= count as i64 {
            return None;
        }
        out.extend((low..=high).map(Datum::Int));
    }
    Some(out)
}

/// The partition expression for the given values of its columns.
fn evaluate(expr: &Expr, values: &[(usize, Datum)]) -> Option<Datum> {
    let bound = expr.clone().transform(&mut |e| match &e {
        Expr::Column { id, ty } => match values.iter().find(|(ordinal, _)| *ordinal == id.0 as usize) {
            Some((_, value)) => Expr::constant(value.clone(), ty.sql.clone()),
            None => e,
        },
        Expr::Call { function, args, ty } => {
            Rewriter::new(0).call(function.clone(), args.clone(), ty.sql.clone(), ty.nullable)
        }
        Expr::Constant { .. } => e,
    });
    match bound {
        Expr::Constant { value, .. } => Some(value),
        Expr::Column { .. } | Expr::Call { .. } => None,
    }
}

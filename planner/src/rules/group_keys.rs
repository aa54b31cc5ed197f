//! Group columns that other group columns determine are not part of the key.
//!
//! ```sql
//! select o_orderkey, o_orderdate, sum(…) … group by o_orderkey, o_orderdate   -- o_orderkey is the primary key
//! -- group by o_orderkey alone; o_orderdate is the value of any row of the group
//! ```
//! What determines what (keys, equalities, generated columns, and which of it holds in the padded rows of outer joins) is for
//! [`crate::logical::dependencies`] to say.

use super::Context;
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::expr::{AggregateCall, AggregateFunction, Expr};
use crate::logical::Plan;
use crate::logical::dependencies::Dependencies;

pub(super) fn apply(plan: Plan, _cx: &mut Context) -> Plan {
    plan.transform_up(&mut |node| match node {
        Plan::Aggregate { input, group_by, aggregates } if group_by.len() > 1 => {
            shrink(*input, group_by, aggregates)
        }
        other => other,
    })
}

fn shrink(
    input: Plan,
    group_by: Vec<(ColumnId, Expr)>,
    mut aggregates: Vec<(ColumnId, AggregateCall)>,
) -> Plan {
    let dependencies = Dependencies::of(&input);
    // The costliest keys are dropped first.
    let mut order: Vec<usize> = (0..group_by.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(key_cost(&group_by[i].1)));
    let mut kept = vec![true; group_by.len()];
    for &candidate in &order {
        if kept.iter().filter(|k| **k).count() == 1 {
            break;
        }
        let others: ColumnSet = (0..group_by.len())
            .filter(|&i| i != candidate && kept[i])
            .filter_map(|i| group_by[i].1.as_column())
            .collect();
        kept[candidate] = !group_by[candidate].1.column_set().is_subset(&dependencies.closure(&others));
    }
    let mut keys = Vec::new();
    for ((id, e), kept) in group_by.into_iter().zip(kept) {
        if kept {
            keys.push((id, e));
        } else {
            let ty = e.ty().clone();
            let function = AggregateFunction::AnyValue;
            aggregates.push((id, AggregateCall { function, args: vec![e], distinct: false, ty }));
        }
    }
    Plan::Aggregate { input: Box::new(input), group_by: keys, aggregates }
}

/// Hashing and comparing a string costs most, an integer least.
fn key_cost(e: &Expr) -> u32 {
    let sql = &e.ty().sql;
    match e {
        Expr::Call { .. } => 4,
        Expr::Column { .. } | Expr::Constant { .. } if sql.is_string() || sql.is_binary() => 3,
        Expr::Column { .. } | Expr::Constant { .. } if sql.is_integer() => 0,
        Expr::Column { .. } | Expr::Constant { .. } if sql.is_temporal() => 1,
        Expr::Column { .. } | Expr::Constant { .. } => 2,
    }
}

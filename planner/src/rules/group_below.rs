//! Groups are made below an outer join (Yan and Larson, "Eager Aggregation and Lazy Aggregation", VLDB 1995).
//!
//! ```sql
//! select c_custkey, count(o_orderkey) from customer left join orders on o_custkey = c_custkey group by c_custkey
//! -- customer left join (select o_custkey, count(o_orderkey) n from orders group by o_custkey) g on …: ifnull(n, 0)
//! ```
//! Where each left row is a group, what the group adds up is what its matches add up. So these are added up first, in one pass
//! over the right side, and the join, which then finds one row at most, has fewer rows to look up and none to group. What would
//! break it: a left side without a unique key among the group columns; conditions other than equalities; an aggregate of
//! something that is not NULL in a row without a match.
//!
//! Inner joins are left out: which side has fewer rows is known only when joins are ordered, and of what a selective side leaves
//! of the other nothing should be added up before.

use allod_storage::schema::{ColumnType, Datum, SqlType};

use super::Context;
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::expr::{AggregateCall, AggregateFunction, Expr, Function};
use crate::logical::predicate::equality;
use crate::logical::{Join, JoinKind, Plan};

/// There are at most so many groups for each row of the right side.
const GROUPS_MAX: f64 = 0.5;
/// And at least so many of its rows have a match: the others are added up for nothing.
const MATCHED_MIN: f64 = 0.5;
/// Decimals of more digits are not summed up: the sum of rows without a match could be too large.
const DIGITS_MAX: u8 = 27;

type Keys = Vec<(ColumnId, Expr)>;
type Calls = Vec<(ColumnId, AggregateCall)>;

pub(super) fn apply(plan: Plan, cx: &mut Context) -> Plan {
    plan.transform_up(&mut |node| match node {
        Plan::Aggregate { input, group_by, aggregates } => {
            let below = match &*input {
                Plan::Join(join) if join.kind == JoinKind::Left => below(join, &group_by, &aggregates, cx),
                _ => None,
            };
            below.unwrap_or(Plan::Aggregate { input, group_by, aggregates })
        }
        other => other,
    })
}

fn below(join: &Join, group_by: &Keys, aggregates: &Calls, cx: &mut Context) -> Option<Plan> {
    // Without group columns there is a group even where no left row is; without aggregates the right side is asked for nothing.
    if group_by.is_empty() || aggregates.is_empty() {
        return None;
    }
    let (left, right) = (join.left.column_set(), join.right.column_set());
    let groups = group_by.iter().map(|(_, e)| e.as_column().filter(|id| left.contains(*id)));
    let groups = groups.collect::<Option<ColumnSet>>()?;
    let keys = keys(join, &right)?;
    if !cx.unique_keys(&join.left).iter().any(|key| key.is_subset(&groups)) || !pays(join, &keys, cx) {
        return None;
    }
    let (mut inner, mut exprs): (Calls, Keys) = (Vec::new(), group_by.clone());
    for (id, call) in aggregates {
        use AggregateFunction as F;
        let columns = call.args.iter().map(Expr::as_column).collect::<Option<Vec<ColumnId>>>()?;
        let is_of = |side: &ColumnSet| !columns.is_empty() && columns.iter().all(|id| side.contains(*id));
        let count_of_none = match call.function {
            // The row itself.
            F::CountAll => Some(1),
            F::Count if is_of(&right) => Some(0),
            F::Min | F::Max | F::AnyValue if is_of(&right) => None,
            F::Sum | F::Avg if is_of(&right) && call.args.iter().all(is_small) => None,
            F::AnyValue if is_of(&left) => {
                exprs.push((*id, call.args.first()?.clone()));
                continue;
            }
            _ => return None,
        };
        match count_of_none {
            Some(count) => {
                let ty = ColumnType::nullable(SqlType::BIGINT);
                let found = cx.columns.add_computed("count", ty.clone());
                let counted =
                    vec![Expr::column(found, ty), Expr::constant(Datum::Int(count), SqlType::BIGINT)];
                exprs.push((*id, Expr::call(Function::IfNull, counted, call.ty.clone())));
                inner.push((found, call.clone()));
            }
            None if call.ty.nullable => {
                exprs.push((*id, Expr::column(*id, call.ty.clone())));
                inner.push((*id, call.clone()));
            }
            None => return None,
        }
    }
    let group_by = keys.iter().map(|&id| (id, Expr::column(id, cx.columns.ty(id).clone()))).collect();
    let right = Plan::Aggregate { input: join.right.clone(), group_by, aggregates: inner };
    let join = Join { right: Box::new(right), ..join.clone() };
    Some(Plan::Project { input: Box::new(Plan::Join(join)), exprs })
}

/// The columns of the right side that must be equal to columns of the left, if that is all there is to the join. Texts that are
/// equal need not be the same, so they are none.
fn keys(join: &Join, right: &ColumnSet) -> Option<Vec<ColumnId>> {
    let mut keys: Vec<ColumnId> = Vec::new();
    for condition in &join.on {
        let (a, b) = equality(condition)?;
        let is_plain = a.ty().sql == b.ty().sql && (a.ty().sql.is_integer() || a.ty().sql.is_temporal());
        let (a, b) = (a.as_column()?, b.as_column()?);
        let key = match (right.contains(a), right.contains(b)) {
            (false, true) => b,
            (true, false) => a,
            _ => return None,
        };
        if !is_plain {
            return None;
        }
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    (!keys.is_empty() && join.null_aware.is_empty()).then_some(keys)
}

fn pays(join: &Join, keys: &[ColumnId], cx: &Context) -> bool {
    let matched = Join { kind: JoinKind::Inner, ..join.clone() };
    let (rows, matched) = (cx.estimate(&join.right), cx.estimate(&Plan::Join(matched)));
    let distinct = keys.iter().map(|id| rows.facet(*id).map_or(rows.rows, |facet| facet.distinct));
    let groups = distinct.product::<f64>().min(rows.rows);
    !rows.pseudo && groups <= rows.rows * GROUPS_MAX && matched.rows >= rows.rows * MATCHED_MIN
}

fn is_small(arg: &Expr) -> bool {
    match arg.ty().sql {
        SqlType::Decimal { precision, .. } => precision <= DIGITS_MAX,
        ref ty => ty.is_integer(),
    }
}

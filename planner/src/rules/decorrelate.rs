//! Subqueries that use columns of the outer row become joins.
//!
//! The predicates that tie the subquery to the outer row are pulled up through it until they are part of the join
//! condition. Through an aggregation they pass as further group columns:
//!
//! ```sql
//! where q < (select avg(q) from l where l.p = o.p)
//! -- join (select p, avg(q) from l group by p) a on a.p = o.p … where q < a.avg
//! where exists (select * from l where l.k = o.k and l.s <> o.s)      -- semi join on l.k = o.k and l.s <> o.s
//! where a not in (select b from t where t.k = o.k)                   -- anti join on t.k = o.k, null aware in a = b
//! ```
//! What would break it:
//! - `select (select count(*) from t where t.k = o.k)`: an outer row without matches must see 0, not NULL, though no group
//!   exists for it. What the subquery yields over no rows is computed from its expressions and put in where the join
//!   found nothing.
//! - `(select b from t where t.k = o.k)` without an aggregate must fail if there are two rows: only if the equalities cover
//!   a unique key can the check go.
//! - `(select sum(x) from t where t.k < o.k)`: no group belongs to the outer row. Such a subquery stays an Apply, as does one
//!   with a LIMIT, a UNION or a lock inside (it must lock what belongs to the outer row alone); the executor runs it once for each distinct set of outer values.

use hashbrown::HashMap;

use allod_storage::schema::{ColumnType, Datum};

use super::Context;
use super::simplify::value;
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::expr::{AggregateCall, AggregateFunction, Expr, Function};
use crate::logical::keys::bound_columns;
use crate::logical::predicate::{boolean_call, equality, is_null_when};
use crate::logical::{Join, JoinKind, Plan};

pub(super) fn apply(plan: Plan, cx: &mut Context) -> Plan {
    plan.transform_up(&mut |node| match node {
        Plan::Apply { join, .. } => one(join, cx),
        // EXISTS over rows that have nothing to do with the outer row: one of them is enough.
        Plan::Join(mut join) if is_existence(&join) => {
            join.right = Box::new(existence(*join.right));
            if yields_exactly_one_row(&join.right) {
                return always(join, cx);
            }
            join.right = Box::new(Plan::Limit { input: join.right, offset: 0, count: Some(1) });
            Plan::Join(join)
        }
        other => other,
    })
}

/// Whether the join asks only if there are rows on its right.
fn is_existence(join: &Join) -> bool {
    matches!(join.kind, JoinKind::Semi | JoinKind::Anti | JoinKind::Mark(_))
        && join.on.is_empty()
        && join.null_aware.is_empty()
}

/// One Apply whose inputs are done.
fn one(mut join: Join, cx: &mut Context) -> Plan {
    if is_existence(&join) {
        join.right = Box::new(existence(*join.right));
        if yields_exactly_one_row(&join.right) {
            return always(join, cx);
        }
    }
    let outer = join.left.column_set();
    if !join.right.free_columns().intersects(&outer) {
        return Plan::Join(join);
    }
    let rewritten = match join.kind {
        JoinKind::Semi => semi(&join, &outer, cx),
        JoinKind::Anti | JoinKind::Mark(_) => matching(&join, &outer, cx),
        JoinKind::Inner | JoinKind::Left => scalar(&join, &outer, cx),
    };
    rewritten.unwrap_or_else(|| {
        let free = join.right.free_columns();
        let correlated = join.left.columns().into_iter().filter(|id| free.contains(*id)).collect();
        Plan::Apply { join, correlated }
    })
}

/// What only has to be asked whether it has rows: columns, order and repeats do not matter.
fn existence(plan: Plan) -> Plan {
    match plan {
        Plan::Project { input, .. } | Plan::Sort { input, .. } | Plan::Window { input, .. } => {
            existence(*input)
        }
        Plan::Limit { input, offset: 0, count } if count != Some(0) => existence(*input),
        Plan::Aggregate { input, group_by, aggregates } if aggregates.is_empty() && !group_by.is_empty() => {
            existence(*input)
        }
        other => other,
    }
}

fn yields_exactly_one_row(plan: &Plan) -> bool {
    match plan {
        Plan::Aggregate { group_by, .. } => group_by.is_empty(),
        Plan::Values { rows, .. } => rows.len() == 1,
        Plan::Project { input, .. } | Plan::Sort { input, .. } => yields_exactly_one_row(input),
        _ => false,
    }
}

/// EXISTS over something that always has a row.
fn always(join: Join, cx: &Context) -> Plan {
    match join.kind {
        JoinKind::Anti => Plan::Filter { input: join.left, predicates: vec![Expr::boolean(false)] },
        JoinKind::Mark(mark) => {
            let columns = join.left.columns().into_iter();
            let mut exprs: Vec<_> =
                columns.map(|id| (id, Expr::column(id, cx.columns.ty(id).clone()))).collect();
            exprs.push((mark, Expr::boolean(true)));
            Plan::Project { input: join.left, exprs }
        }
        JoinKind::Semi | JoinKind::Inner | JoinKind::Left => *join.left,
    }
}

/// Semi joins: a scalar aggregate below loses nothing by becoming a group, since a value over no rows is NULL and matches
/// nothing (a COUNT does not, and stays).
fn semi(join: &Join, outer: &ColumnSet, cx: &mut Context) -> Option<Plan> {
    if let Some(plan) = matching(join, outer, cx) {
        return Some(plan);
    }
    let pulled = pull_scalar(&join.right, outer, cx)?;
    if !pulled.over_nothing.is_empty() || join.on.is_empty() {
        return None;
    }
    let on = join.on.iter().cloned().chain(pulled.predicates).collect();
    Some(Plan::Join(Join { right: Box::new(pulled.plan), on, ..join.clone() }))
}

/// Semi, anti and mark joins: the pulled predicates say which rows are candidates.
fn matching(join: &Join, outer: &ColumnSet, cx: &mut Context) -> Option<Plan> {
    let (right, predicates) = pull(&join.right, outer, cx)?;
    let on = join.on.iter().cloned().chain(predicates).collect();
    Some(Plan::Join(Join { right: Box::new(right), on, ..join.clone() }))
}

/// A scalar subquery: exactly one row, or none, for each outer row.
fn scalar(join: &Join, outer: &ColumnSet, cx: &mut Context) -> Option<Plan> {
    if !join.null_aware.is_empty() {
        return None;
    }
    let Some(pulled) = pull_scalar(&join.right, outer, cx) else {
        let (right, predicates) = pull(&join.right, outer, cx)?;
        let on = join.on.iter().cloned().chain(predicates).collect();
        return Some(Plan::Join(Join { right: Box::new(right), on, ..join.clone() }));
    };
    if !join.on.is_empty() {
        return None;
    }
    // Over no rows an aggregate still yields a row: every outer row stays.
    let kind = if pulled.always_a_row { JoinKind::Left } else { join.kind };
    let Pulled { plan, predicates, over_nothing, .. } = pulled;
    if over_nothing.is_empty() {
        return Some(Plan::Join(Join { kind, right: Box::new(plan), on: predicates, ..join.clone() }));
    }
    let inner = plan.column_set();
    let marker = predicates.iter().filter_map(equality).flat_map(|(a, b)| [a, b]).find_map(|e| {
        e.as_column().filter(|id| inner.contains(*id) && !over_nothing.iter().any(|(other, _)| other == id))
    })?;
    Some(fill_in(join.left.as_ref().clone(), kind, plan, predicates, over_nothing, marker, cx))
}

/// The join, and above it the values that the subquery has over no rows wherever `marker` says that nothing matched.
fn fill_in(
    left: Plan,
    kind: JoinKind,
    right: Plan,
    on: Vec<Expr>,
    over_nothing: Vec<(ColumnId, Expr)>,
    marker: ColumnId,
    cx: &mut Context,
) -> Plan {
    let typed = |id: ColumnId, cx: &Context| {
        let ty = ColumnType { nullable: true, ..cx.columns.ty(id).clone() };
        Expr::column(id, ty)
    };
    let (mut below, mut above) = (Vec::new(), Vec::new());
    for id in left.columns() {
        above.push((id, Expr::column(id, cx.columns.ty(id).clone())));
    }
    for id in right.columns() {
        let Some((_, nothing)) = over_nothing.iter().find(|(wanted, _)| *wanted == id) else {
            below.push((id, Expr::column(id, cx.columns.ty(id).clone())));
            above.push((id, typed(id, cx)));
            continue;
        };
        let info = cx.columns.get(id).clone();
        let matched = cx.columns.add(info);
        below.push((matched, Expr::column(id, cx.columns.ty(id).clone())));
        let unmatched = boolean_call(Function::IsNull, vec![typed(marker, cx)]);
        let unmatched = Expr::call(Function::IsNull, unmatched.children().to_vec(), never_null());
        let ty = cx.columns.ty(id).clone();
        let value = Expr::call(Function::If, vec![unmatched, nothing.clone(), typed(matched, cx)], ty);
        above.push((id, value));
    }
    let right = Plan::Project { input: Box::new(right), exprs: below };
    let join =
        Join { kind, left: Box::new(left), right: Box::new(right), on, null_aware: vec![], mirrored: false };
    Plan::Project { input: Box::new(Plan::Join(join)), exprs: above }
}

fn never_null() -> ColumnType {
    ColumnType::not_null(allod_storage::schema::SqlType::BOOL)
}

/// A subquery without its ties to the outer row.
struct Pulled {
    plan: Plan,
    /// The ties.
    predicates: Vec<Expr>,
    /// Columns that are not NULL over no rows, and what they are.
    over_nothing: Vec<(ColumnId, Expr)>,
    /// Whether the subquery has a row even where nothing matches.
    always_a_row: bool,
}

/// Projections and the check for a single row above an aggregation without groups, or above rows that a unique key
/// makes single.
fn pull_scalar(plan: &Plan, outer: &ColumnSet, cx: &mut Context) -> Option<Pulled> {
    match plan {
        Plan::MaxOneRow { input } => {
            if let Some(pulled) = pull_scalar(input, outer, cx) {
                return Some(pulled);
            }
            let (plan, predicates) = pull(input, outer, cx)?;
            let bound = bound_columns(&predicates, &plan.column_set(), outer);
            let single = cx.unique_keys(&plan).iter().any(|key| key.is_subset(&bound));
            single.then_some(Pulled { plan, predicates, over_nothing: vec![], always_a_row: true })
        }
        Plan::Project { input, exprs } => {
            if exprs.iter().any(|(_, e)| e.column_set().intersects(outer)) {
                return None;
            }
            let below = pull_scalar(input, outer, cx)?;
            let mut nothing: HashMap<ColumnId, Expr> = HashMap::new();
            for id in below.plan.columns() {
                let ty = ColumnType { nullable: true, ..cx.columns.ty(id).clone() };
                nothing.insert(id, Expr::Constant { value: Datum::Null, ty });
            }
            nothing.extend(below.over_nothing.iter().cloned());
            let over_nothing = exprs
                .iter()
                .map(|(id, e)| (*id, value(e.clone().substitute(&nothing))))
                .filter(|(_, e)| !is_null_when(e, &ColumnSet::new()))
                .collect();
            let exprs = with_columns(exprs.clone(), &below.predicates, outer);
            let plan = Plan::Project { input: Box::new(below.plan), exprs };
            Some(Pulled {
                plan,
                predicates: below.predicates,
                over_nothing,
                always_a_row: below.always_a_row,
            })
        }
        Plan::Aggregate { input, group_by, aggregates } if group_by.is_empty() => {
            let (plan, predicates) = pull_aggregate(input, group_by, aggregates, outer, cx)?;
            let over_nothing = aggregates
                .iter()
                .filter_map(|(id, call)| {
                    let value = match call.function {
                        AggregateFunction::Count
                        | AggregateFunction::CountAll
                        | AggregateFunction::ApproxCountDistinct => Datum::Int(0),
                        AggregateFunction::BitAnd => Datum::UInt(u64::MAX),
                        AggregateFunction::BitOr | AggregateFunction::BitXor => Datum::UInt(0),
                        AggregateFunction::Sum
                        | AggregateFunction::Avg
                        | AggregateFunction::Min
                        | AggregateFunction::Max
                        | AggregateFunction::AnyValue
                        | AggregateFunction::StdDevPop
                        | AggregateFunction::StdDevSamp
                        | AggregateFunction::VarPop
                        | AggregateFunction::VarSamp
                        | AggregateFunction::JsonArrayAgg
                        | AggregateFunction::JsonObjectAgg
                        | AggregateFunction::ApproxPercentile { .. }
                        | AggregateFunction::GroupConcat(_) => return None,
                    };
                    Some((*id, Expr::constant(value, call.ty.sql.clone())))
                })
                .collect();
            Some(Pulled { plan, predicates, over_nothing, always_a_row: true })
        }
        _ => None,
    }
}

/// Takes the predicates that use outer columns out of the plan. The plan that is left yields, beside its own columns,
/// those that the predicates need. `None` if they cannot be taken out.
fn pull(plan: &Plan, outer: &ColumnSet, cx: &mut Context) -> Option<(Plan, Vec<Expr>)> {
    if !plan.free_columns().intersects(outer) {
        return Some((plan.clone(), vec![]));
    }
    let uses_outer = |e: &Expr| e.column_set().intersects(outer);
    match plan {
        Plan::Filter { input, predicates } => {
            let (input, mut pulled) = pull(input, outer, cx)?;
            let (tied, own): (Vec<_>, Vec<_>) = predicates.iter().cloned().partition(uses_outer);
            pulled.extend(tied);
            let input = Box::new(input);
            Some((if own.is_empty() { *input } else { Plan::Filter { input, predicates: own } }, pulled))
        }
        Plan::Scan(scan) => {
            let (tied, own): (Vec<_>, Vec<_>) = scan.predicates.iter().cloned().partition(uses_outer);
            let mut scan = scan.clone();
            scan.predicates = own;
            Some((Plan::Scan(scan), tied))
        }
        Plan::Project { input, exprs } => {
            if exprs.iter().any(|(_, e)| uses_outer(e)) {
                return None;
            }
            let (input, pulled) = pull(input, outer, cx)?;
            let exprs = with_columns(exprs.clone(), &pulled, outer);
            Some((Plan::Project { input: Box::new(input), exprs }, pulled))
        }
        Plan::Join(join) if join.kind == JoinKind::Inner => {
            let (left, mut pulled) = pull(&join.left, outer, cx)?;
            let (right, more) = pull(&join.right, outer, cx)?;
            let (tied, on): (Vec<_>, Vec<_>) = join.on.iter().cloned().partition(uses_outer);
            pulled.extend(more);
            pulled.extend(tied);
            let join = Join { left: Box::new(left), right: Box::new(right), on, ..join.clone() };
            Some((Plan::Join(join), pulled))
        }
        Plan::Join(join) => {
            let tied = join.on.iter().chain(&join.null_aware).any(uses_outer);
            if tied || join.right.free_columns().intersects(outer) {
                return None;
            }
            let (left, pulled) = pull(&join.left, outer, cx)?;
            Some((Plan::Join(Join { left: Box::new(left), ..join.clone() }), pulled))
        }
        Plan::Aggregate { input, group_by, aggregates } if !group_by.is_empty() => {
            pull_aggregate(input, group_by, aggregates, outer, cx)
        }
        // Without a LIMIT the order of a subquery means nothing.
        Plan::Sort { input, .. } => pull(input, outer, cx),
        Plan::Aggregate { .. }
        | Plan::Values { .. }
        | Plan::Apply { .. }
        | Plan::Window { .. }
        | Plan::Limit { .. }
        | Plan::Union { .. }
        | Plan::MaxOneRow { .. }
        | Plan::Lock { .. }
        | Plan::CteScan { .. } => None,
    }
}

/// An aggregation with the inner sides of the pulled equalities as further group columns.
fn pull_aggregate(
    input: &Plan,
    group_by: &[(ColumnId, Expr)],
    aggregates: &[(ColumnId, AggregateCall)],
    outer: &ColumnSet,
    cx: &mut Context,
) -> Option<(Plan, Vec<Expr>)> {
    let own = group_by.iter().map(|(_, e)| e).chain(aggregates.iter().flat_map(|(_, call)| &call.args));
    if own.into_iter().any(|e| e.column_set().intersects(outer)) {
        return None;
    }
    let (input, pulled) = pull(input, outer, cx)?;
    let mut group_by = group_by.to_vec();
    let mut predicates = Vec::new();
    // Equalities first: they make the group columns that other predicates may then use.
    let (equalities, others): (Vec<_>, Vec<_>) = pulled.into_iter().partition(|e| equality(e).is_some());
    for e in equalities.into_iter().chain(others) {
        let grouped: ColumnSet = group_by.iter().map(|(id, _)| *id).collect();
        let mut inner = e.column_set();
        inner.subtract(outer);
        if inner.is_subset(&grouped) {
            predicates.push(e);
            continue;
        }
        let (a, b) = equality(&e)?;
        let (inside, outside) = if a.column_set().intersects(outer) { (b, a) } else { (a, b) };
        if inside.column_set().intersects(outer) || !outside.column_set().is_subset(outer) {
            return None;
        }
        let id = match inside.as_column() {
            Some(id) => id,
            None => cx.columns.add_computed("key", inside.ty().clone()),
        };
        if !grouped.contains(id) {
            group_by.push((id, inside.clone()));
        }
        let column = Expr::column(id, inside.ty().clone());
        predicates.push(boolean_call(Function::Eq, vec![outside.clone(), column]));
    }
    let plan = Plan::Aggregate { input: Box::new(input), group_by, aggregates: aggregates.to_vec() };
    Some((plan, predicates))
}

/// A projection that also passes on what the predicates need from below.
fn with_columns(
    mut exprs: Vec<(ColumnId, Expr)>,
    predicates: &[Expr],
    outer: &ColumnSet,
) -> Vec<(ColumnId, Expr)> {
    for e in predicates {
        e.walk(&mut |part| {
            if let Expr::Column { id, .. } = part
                && !outer.contains(*id)
                && !exprs.iter().any(|(known, _)| known == id)
            {
                exprs.push((*id, part.clone()));
            }
        });
    }
    exprs
}

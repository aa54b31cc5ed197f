//! Aggregations that need not be, and aggregates that share their work.
//!
//! ```sql
//! select distinct o_orderkey, o_custkey from orders     -- the primary key is there: every row is its own group
//! select sum(x), avg(x), count(*) …                     -- avg(x) is sum(x) / count(x), and both are there
//! select sum(p * (1 - d)), sum(p * (1 - d) * (1 + t))   -- p * (1 - d) is computed once, below
//! ```
//! What would break it: an expression inside one branch of a CASE must not be computed for rows that take the other one,
//! since it may overflow there; it is shared only if some aggregate computes it for every row anyway.

use allod_storage::schema::{ColumnType, Datum, SqlType};

use super::Context;
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::expr::{AggregateCall, AggregateFunction, Expr, Function};
use crate::logical::Plan;
use crate::logical::predicate::boolean_call;

type Keys = Vec<(ColumnId, Expr)>;
type Calls = Vec<(ColumnId, AggregateCall)>;

pub(super) fn apply(plan: Plan, cx: &mut Context) -> Plan {
    plan.transform_up(&mut |node| match node {
        Plan::Aggregate { input, group_by, aggregates } => {
            if let Some(exprs) = one_row_groups(&input, &group_by, &aggregates, cx) {
                return Plan::Project { input, exprs };
            }
            let (aggregates, above) = split_averages(aggregates, cx);
            let (input, aggregates) = share(*input, &group_by, aggregates, cx);
            let groups = group_by.clone();
            let plan = Plan::Aggregate { input: Box::new(input), group_by, aggregates };
            match above {
                None => plan,
                Some(above) => {
                    let keys = groups.iter().map(|(id, e)| (*id, Expr::column(*id, e.ty().clone())));
                    Plan::Project { input: Box::new(plan), exprs: keys.chain(above).collect() }
                }
            }
        }
        other => other,
    })
}

/// If a unique key is among the group columns: what each group's only row yields.
fn one_row_groups(input: &Plan, group_by: &Keys, aggregates: &Calls, cx: &Context) -> Option<Keys> {
    let groups: ColumnSet = group_by.iter().filter_map(|(_, e)| e.as_column()).collect();
    if group_by.is_empty() || !cx.unique_keys(input).iter().any(|key| key.is_subset(&groups)) {
        return None;
    }
    let mut exprs = group_by.clone();
    for (id, call) in aggregates {
        let arg = call.args.first();
        let value = match (call.function, arg) {
            (AggregateFunction::CountAll, _) => Expr::constant(Datum::Int(1), SqlType::BIGINT),
            (AggregateFunction::Count, Some(x)) if call.args.len() == 1 => {
                let is_null = boolean_call(Function::IsNull, vec![x.clone()]);
                let is_null = Expr::call(
                    Function::IsNull,
                    is_null.children().to_vec(),
                    ColumnType::not_null(SqlType::BOOL),
                );
                let number = |n| Expr::constant(Datum::Int(n), SqlType::BIGINT);
                Expr::call(Function::If, vec![is_null, number(0), number(1)], call.ty.clone())
            }
            (AggregateFunction::Min | AggregateFunction::Max | AggregateFunction::AnyValue, Some(x)) => {
                x.clone()
            }
            (AggregateFunction::Sum | AggregateFunction::Avg, Some(x)) => {
                Expr::call(Function::Cast, vec![x.clone()], call.ty.clone())
            }
            _ => return None,
        };
        exprs.push((*id, value));
    }
    Some(exprs)
}

/// AVG as SUM / COUNT where another aggregate of the list shares one of the two. Returns the projection above, if any.
fn split_averages(aggregates: Calls, cx: &mut Context) -> (Calls, Option<Keys>) {
    let splits = |call: &AggregateCall| {
        call.function == AggregateFunction::Avg
            && !call.distinct
            && call.args.first().is_some_and(|a| matches!(a.ty().sql, SqlType::Decimal { .. }))
            && aggregates.iter().any(|(_, other)| {
                let same = other.args == call.args && !other.distinct;
                match other.function {
                    AggregateFunction::Sum | AggregateFunction::Count => same,
                    AggregateFunction::CountAll => call.args.iter().all(|a| !a.ty().nullable),
                    _ => false,
                }
            })
    };
    if !aggregates.iter().any(|(_, call)| splits(call)) {
        return (aggregates, None);
    }
    let (mut kept, mut above): (Calls, Keys) = (Vec::new(), Vec::new());
    for (id, call) in &aggregates {
        if !splits(call) {
            add_call(&mut kept, Some(*id), call.clone(), cx);
        }
    }
    for (id, call) in &aggregates {
        if !splits(call) {
            above.push((*id, Expr::column(*id, call.ty.clone())));
            continue;
        }
        let SqlType::Decimal { precision, scale } = call.args[0].ty().sql else { continue };
        let precision = precision.saturating_add(22).min(allod_storage::schema::DECIMAL_PRECISION_MAX);
        let sum_ty = ColumnType::nullable(SqlType::Decimal { precision, scale });
        let sum = AggregateCall { function: AggregateFunction::Sum, ty: sum_ty.clone(), ..call.clone() };
        let sum = add_call(&mut kept, None, sum, cx);
        let function =
            if call.args[0].ty().nullable { AggregateFunction::Count } else { AggregateFunction::CountAll };
        let args = if function == AggregateFunction::Count { call.args.clone() } else { vec![] };
        let count_ty = ColumnType::not_null(SqlType::BIGINT);
        let count = AggregateCall { function, args, distinct: false, ty: count_ty.clone() };
        let count = add_call(&mut kept, None, count, cx);
        let divisor = Expr::call(
            Function::Cast,
            vec![Expr::column(count, count_ty)],
            ColumnType::not_null(SqlType::Decimal { precision: 20, scale: 0 }),
        );
        let quotient = Expr::call(Function::Div, vec![Expr::column(sum, sum_ty), divisor], call.ty.clone());
        above.push((*id, quotient));
    }
    (kept, Some(above))
}

/// Adds a call to the list, or finds it there.
fn add_call(calls: &mut Calls, id: Option<ColumnId>, call: AggregateCall, cx: &mut Context) -> ColumnId {
    if id.is_none()
        && let Some((known, _)) = calls
            .iter()
            .find(|(_, c)| (c.function, &c.args, c.distinct) == (call.function, &call.args, call.distinct))
    {
        return *known;
    }
    let id = id.unwrap_or_else(|| cx.columns.add_computed("aggregate", call.ty.clone()));
    calls.push((id, call));
    id
}

/// Computes what several aggregates compute once, in a projection below.
fn share(input: Plan, group_by: &Keys, mut aggregates: Calls, cx: &mut Context) -> (Plan, Calls) {
    let mut shared: Keys = Vec::new();
    loop {
        let mut seen: Vec<(Expr, usize, bool)> = Vec::new();
        for (_, call) in &aggregates {
            call.args.iter().for_each(|arg| count_calls(arg, true, &mut seen));
        }
        let worth = seen.into_iter().filter(|(_, uses, always)| *uses > 1 && *always);
        // The largest first: what is inside it is then shared with it.
        let Some((e, ..)) = worth.max_by_key(|(e, ..)| size(e)) else { break };
        let id = cx.columns.add_computed("shared", e.ty().clone());
        let column = Expr::column(id, e.ty().clone());
        for (_, call) in &mut aggregates {
            for arg in &mut call.args {
                *arg = arg.clone().transform(&mut |part| if part == e { column.clone() } else { part });
            }
        }
        shared.push((id, e));
    }
    if shared.is_empty() {
        return (input, aggregates);
    }
    // A shared expression may hold another one that was found later: each goes on top of what it uses.
    let mut plan = input;
    while let Some(e) = shared.pop() {
        let mut exprs: Keys = Vec::new();
        let mut pass = ColumnSet::new();
        let later = shared.iter().flat_map(|(_, e)| e.columns());
        let used = aggregates.iter().flat_map(|(_, c)| &c.args).chain(group_by.iter().map(|(_, e)| e));
        pass.extend(used.flat_map(Expr::columns).chain(later));
        for id in plan.columns().into_iter().filter(|id| pass.contains(*id)) {
            exprs.push((id, Expr::column(id, cx.columns.ty(id).clone())));
        }
        exprs.push(e);
        plan = Plan::Project { input: Box::new(plan), exprs };
    }
    (plan, aggregates)
}

/// Counts each call below `e`; `always` = it is computed for every row.
fn count_calls(e: &Expr, always: bool, seen: &mut Vec<(Expr, usize, bool)>) {
    let Expr::Call { function, args, .. } = e else { return };
    if args.iter().any(|a| !a.columns().is_empty()) {
        match seen.iter_mut().find(|(known, ..)| known == e) {
            Some((_, uses, unconditional)) => {
                *uses += 1;
                *unconditional |= always;
            }
            None => seen.push((e.clone(), 1, always)),
        }
    }
    let lazy = matches!(
        function,
        Function::Case | Function::If | Function::IfNull | Function::Coalesce | Function::And | Function::Or
    );
    for (i, arg) in args.iter().enumerate() {
        count_calls(arg, always && (!lazy || i == 0), seen);
    }
}

fn size(e: &Expr) -> usize {
    1 + e.children().iter().map(size).sum::<usize>()
}

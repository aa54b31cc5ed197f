//! An aggregation that is joined with few of its groups need not make the others (a "magic set").
//!
//! ```sql
//! select … from lineitem l join part p on p.k = l.k
//!   join (select k, avg(q) from lineitem group by k) a on a.k = p.k where p.brand = 'Brand#23' …
//! -- the subquery becomes: select k, avg(q) from lineitem semi join (part with brand = 'Brand#23') on … group by k
//! ```
//! The filtered relation is read twice, which must cost less than the groups that are saved. What would break it:
//! reducing by a column that is not a group column would change what the groups add up to; a semi join whose own rows
//! depend on the aggregate would go in circles, so only relations beside it are candidates.

use super::Context;
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::cost;
use crate::expr::Expr;
use crate::logical::predicate::{equality, equals};
use crate::logical::{Join, JoinKind, Plan};

/// A reduction must leave at most this part of the groups.
const PART_MAX: f64 = 0.5;

pub(super) fn apply(plan: Plan, cx: &mut Context) -> Plan {
    // From the top, where all relations are in view.
    let plan = match &plan {
        Plan::Join(join) if matches!(join.kind, JoinKind::Inner | JoinKind::Left) => reduce(plan, cx),
        _ => plan,
    };
    plan.map_children(&mut |child| apply(child, cx))
}

/// Looks at one join with everything that inner and semi joins tie to it.
fn reduce(plan: Plan, cx: &mut Context) -> Plan {
    let mut sources = Vec::new();
    let mut ties = Vec::new();
    relations(&plan, true, &mut sources, &mut ties);
    let aggregates: Vec<ColumnId> =
        sources.iter().filter_map(|(relation, _)| aggregate_columns(relation)).flatten().collect();
    let mut plan = plan;
    for group in aggregates {
        let equal = class_of(group, &ties);
        let mut best: Option<(f64, Plan, ColumnId)> = None;
        for (source, usable) in &sources {
            let columns = source.column_set();
            let Some(key) = equal.iter().find(|id| **id != group && columns.contains(**id)) else { continue };
            if !usable || columns.contains(group) || aggregate_columns(source).is_some() {
                continue;
            }
            let rows = cx.estimate(source);
            let part = rows.facet(*key).map_or(1.0, |f| f.distinct);
            if best.as_ref().is_none_or(|(least, ..)| part < *least) {
                best = Some((part, source.clone(), *key));
            }
        }
        if let Some((distinct, source, key)) = best {
            plan = insert(plan, group, distinct, &source, key, cx);
        }
    }
    plan
}

/// The relations that inner joins tie together, and with them the inner sides of semi joins and the whole of left
/// joins; with each whether its rows restrict the others'. A tie leads from a column to one that must be equal where the
/// first matters: both ways, but for a left join only from right to left.
fn relations(
    plan: &Plan,
    restricts: bool,
    out: &mut Vec<(Plan, bool)>,
    ties: &mut Vec<(ColumnId, ColumnId)>,
) {
    let mut tie = |on: &[Expr], to: Option<&ColumnSet>| {
        for (a, b) in on.iter().filter_map(equality) {
            for (from, into) in [(a, b), (b, a)] {
                if let (Some(from), Some(into)) = (from.as_column(), into.as_column())
                    && to.is_none_or(|to| to.contains(into) && !to.contains(from))
                {
                    ties.push((from, into));
                }
            }
        }
    };
    match plan {
        Plan::Join(join) if join.kind != JoinKind::Anti && !matches!(join.kind, JoinKind::Mark(_)) => {
            let left = join.left.column_set();
            tie(&join.on, (join.kind == JoinKind::Left).then_some(&left));
            relations(&join.left, restricts, out, ties);
            relations(&join.right, restricts && join.kind != JoinKind::Left, out, ties);
        }
        Plan::Filter { input, predicates } => {
            tie(predicates, None);
            relations(input, restricts, out, ties);
        }
        relation => out.push((relation.clone(), restricts)),
    }
}

/// Every column that the ties make equal to this one.
fn class_of(column: ColumnId, ties: &[(ColumnId, ColumnId)]) -> Vec<ColumnId> {
    let mut class = vec![column];
    let mut at = 0;
    while at < class.len() {
        for (from, to) in ties {
            if *from == class[at] && !class.contains(to) {
                class.push(*to);
            }
        }
        at += 1;
    }
    class
}

/// Group columns that come out of a relation that is an aggregation, under filters and projections.
fn aggregate_columns(plan: &Plan) -> Option<Vec<ColumnId>> {
    match plan {
        Plan::Aggregate { group_by, .. } => Some(group_by.iter().map(|(id, _)| *id).collect()),
        Plan::Filter { input, .. } => aggregate_columns(input),
        Plan::Project { input, exprs } => {
            let below = aggregate_columns(input)?;
            let passed = |id: &ColumnId| exprs.iter().any(|(out, e)| out == id && e.as_column() == Some(*id));
            Some(below.into_iter().filter(passed).collect())
        }
        _ => None,
    }
}

/// Puts the semi join below the aggregation that makes `group`, if that pays.
fn insert(
    plan: Plan,
    group: ColumnId,
    distinct: f64,
    source: &Plan,
    key: ColumnId,
    cx: &mut Context,
) -> Plan {
    match plan {
        Plan::Aggregate { input, group_by, aggregates } => {
            let wanted = group_by.iter().find(|(id, _)| *id == group).map(|(_, e)| e.clone());
            let input = match wanted {
                Some(e) if pays(&input, &group_by, &e, distinct, source, cx) => {
                    let (copy, renamed) = source.fresh_copy(cx.columns);
                    let key = renamed.get(&key).copied().unwrap_or(key);
                    let on = vec![equals(e, Expr::column(key, cx.columns.ty(key).clone()))];
                    let right = Box::new(copy);
                    Box::new(Plan::Join(Join {
                        kind: JoinKind::Semi,
                        left: input,
                        right,
                        on,
                        null_aware: vec![],
                        mirrored: false,
                    }))
                }
                Some(_) | None => input,
            };
            Plan::Aggregate { input, group_by, aggregates }
        }
        // Only on the way to that aggregation: it is where the column is made.
        node if node.column_set().contains(group) => {
            node.map_children(&mut |child| insert(child, group, distinct, source, key, cx))
        }
        other => other,
    }
}

fn pays(
    input: &Plan,
    group_by: &[(ColumnId, Expr)],
    group: &Expr,
    distinct: f64,
    source: &Plan,
    cx: &Context,
) -> bool {
    // A source that itself depends on an aggregate could be the one that is being reduced.
    if !source.free_columns().is_empty() || contains_semi_on(input, group) {
        return false;
    }
    let below = cx.estimate(input);
    let part = distinct / below.distinct(group).max(1.0);
    if part > PART_MAX {
        return false;
    }
    let (before, after) = (below.groups(group_by), below.groups(group_by) * part);
    let saved = cost::hash_aggregate(below.rows, before) - cost::hash_aggregate(below.rows * part, after);
    let spent = work(source, cx) + cost::hash_join(distinct, below.rows, below.rows * part, false);
    spent < saved
}

/// Whether the input was reduced by this column before.
fn contains_semi_on(input: &Plan, group: &Expr) -> bool {
    match input {
        Plan::Join(join) => {
            join.kind == JoinKind::Semi
                && join.on.iter().filter_map(equality).any(|(a, b)| a == group || b == group)
        }
        _ => false,
    }
}

/// Roughly what it costs to compute a plan once more.
fn work(plan: &Plan, cx: &Context) -> f64 {
    let below: f64 = plan.children().into_iter().map(|child| work(child, cx)).sum();
    let own = match plan {
        Plan::Scan(scan) => {
            let columns: ColumnSet = scan.predicates.iter().flat_map(Expr::columns).collect();
            cost::scan(scan.stats.rows as f64, columns.len() + 1)
        }
        Plan::Join(_) | Plan::Apply { .. } => plan.children().iter().map(|c| 3.0 * cx.estimate(c).rows).sum(),
        Plan::Aggregate { input, .. } => 5.0 * cx.estimate(input).rows,
        Plan::Sort { input, .. } => cost::sort(cx.estimate(input).rows),
        _ => cx.estimate(plan).rows,
    };
    below + own
}

//! Index joins: for batches of outer rows, the inner rows are looked up by a key that the join's equalities begin.
//!
//! The inner side is a table, maybe under filters, projections and groupings whose group columns hold the columns that are
//! looked up by (then all rows of a group are found together). A join that keeps or marks the rows of its left side has
//! its outer side there; an inner join may have it on either.
//!
//! Rows come in the order of the outer side. If no two outer rows agree on what they are sorted by, the rows that one lookup
//! finds are sorted further by what follows in the key.

use allod_storage::schema::SqlType;
use hashbrown::HashMap;

use super::hints::JoinWish;
use super::join::{JoinNode, join_columns};
use super::order::{Order, renamed};
use super::{Candidate, Goal, Search, columns_of, kept, operator, passing};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::cost;
use crate::expr::types::Family;
use crate::expr::{AggregateCall, Expr, Function};
use crate::logical::predicate::{args_of, known};
use crate::logical::{JoinKind, Plan, Scan};
use crate::physical::access::{LookupPath, looked_up, lookup_paths, ordered};
use crate::physical::{Aggregation, IndexJoin, IndexJoinVariant, Node, Ranges, Side};
use crate::stats::selectivity::selectivity;

/// `outer expression = inner column` by value, whatever the join converts the column to; and whether NULL equals NULL.
type Equality = (Expr, ColumnId, bool);

/// What the outer side asks of the inner side.
#[derive(Clone, Copy)]
struct Ask<'a> {
    equalities: &'a [Equality],
    /// Comparisons over both sides.
    bounds: &'a [Expr],
    outer_columns: &'a ColumnSet,
    /// Predicates that hold for every outer row.
    held: &'a [Expr],
}

impl Ask<'_> {
    /// The equality by which a predicate on an inner column follows from one on the outer side.
    fn holds(&self, e: &Expr) -> Option<usize> {
        let columns = e.column_set();
        self.equalities.iter().position(|(outer, inner, _)| {
            let Some(from) = outer.as_column() else { return false };
            columns.len() == 1
                && columns.contains(*inner)
                && same_form(e, &outer.ty().sql)
                && is_comparison(e)
                && {
                    let by = HashMap::from([(*inner, Expr::column(from, outer.ty().clone()))]);
                    self.held.contains(&e.clone().substitute(&by))
                }
        })
    }
}

/// A way to look up the rows of the inner side.
struct Inner {
    plan: crate::physical::Plan,
    rows_per_lookup: f64,
    cost_per_lookup: f64,
    /// Order of the rows that one lookup finds.
    order: Order,
}

impl Search<'_> {
    pub(super) fn index_joins(&mut self, node: &JoinNode, goal: &Goal, wish: &JoinWish) -> Vec<Candidate> {
        let mut ways = self.index_joins_from(node, Side::Left, goal, wish);
        if node.join.kind == JoinKind::Inner {
            ways.extend(self.index_joins_from(node, Side::Right, goal, wish));
        }
        ways
    }

    fn index_joins_from(
        &mut self,
        node: &JoinNode,
        outer: Side,
        goal: &Goal,
        wish: &JoinWish,
    ) -> Vec<Candidate> {
        let join = node.join;
        let (outer_plan, inner_plan, inner_side) = match outer {
            Side::Left => (&*join.left, &*join.right, Side::Right),
            Side::Right => (&*join.right, &*join.left, Side::Left),
        };
        let (outer_columns, inner_columns) = match outer {
            Side::Left => (&node.left_columns, &node.right_columns),
            Side::Right => (&node.right_columns, &node.left_columns),
        };
        let keys: Vec<(Expr, Expr)> = match outer {
            Side::Left => node.keys.clone(),
            Side::Right => node.keys.iter().map(|(l, r)| (r.clone(), l.clone())).collect(),
        };
        let mut equalities: Vec<Equality> =
            keys.iter().filter_map(|(o, i)| Some((o.clone(), looked_up(i)?, false))).collect();
        equalities.extend(node.residual.iter().filter_map(|e| null_safe(e, outer_columns, inner_columns)));
        if equalities.is_empty() {
            return vec![];
        }
        let bounds: Vec<Expr> = node.residual.iter().filter(|e| is_bound(e)).cloned().collect();
        let held = known(outer_plan);
        let ask = Ask { equalities: &equalities, bounds: &bounds, outer_columns, held: &held };
        let inners = self.inners(inner_plan, &node.below, &ask);
        if inners.is_empty() {
            return vec![];
        }
        let profile = if outer == Side::Left { &node.left } else { &node.right };
        let wanted = goal.through(profile.rows, node.rows);
        // The outer side gives the first columns of the order; what it cannot give must come from within the lookups.
        let from_outer: Order =
            goal.order.iter().take_while(|(id, _)| outer_columns.contains(*id)).copied().collect();
        let same = self.facts(node.plan);
        let replaced = goal.order.iter().map_while(|(id, down)| {
            let on_outer = |c: &ColumnId| outer_columns.contains(*c) && same.equal(*c, *id);
            outer_columns.iter().find(on_outer).map(|c| (c, *down))
        });
        let from_outer = if from_outer.is_empty() { replaced.collect() } else { from_outer };
        if !goal.order.is_empty() && from_outer.is_empty() {
            return vec![];
        }
        let below = Goal { order: from_outer, wanted };
        let Candidate { plan: outer_rows, order } = self.best(outer_plan, &node.below, &below);
        let by: ColumnSet = order.iter().map(|(id, _)| *id).collect();
        let one_each = !order.is_empty() && self.facts(outer_plan).is_key(&by);
        let part = goal.part(node.rows);
        let asked = outer_rows.rows * below.part(outer_rows.rows);
        let distinct = equalities.iter().map(|(e, ..)| profile.distinct(e)).product::<f64>();
        let batches = (asked / self.access.options.index_join_batch_rows as f64).ceil();
        let lookups = asked.min(distinct * batches);
        let keep_outer_order = !goal.order.is_empty();
        // Both variants do the same work; the ordered one is what the plan shows unless a hint asks.
        let variant = match wish.index_hash(inner_side) {
            true => IndexJoinVariant::Hash { keep_outer_order },
            false => IndexJoinVariant::Ordered,
        };
        let candidate = |inner: Inner| {
            let own = cost::index_join(asked, node.rows * part)
                + lookups * (inner.cost_per_lookup + inner.rows_per_lookup * cost::GATHERED_ROW);
            let cost = outer_rows.cost + own;
            let within = if one_each && node.join.kind.keeps_right() { &inner.order[..] } else { &[] };
            let order: Order = match variant {
                IndexJoinVariant::Hash { keep_outer_order: false } => Order::new(),
                IndexJoinVariant::Ordered | IndexJoinVariant::Hash { .. } => {
                    order.iter().chain(within).copied().collect()
                }
            };
            let (left, right) = match outer {
                Side::Left => (outer_rows.clone(), inner.plan),
                Side::Right => (inner.plan, outer_rows.clone()),
            };
            let columns = join_columns(join.kind, &left, &right, node.needed);
            let index_join = IndexJoin {
                kind: join.kind,
                left: Box::new(left),
                right: Box::new(right),
                outer,
                variant,
                keys: keys.clone(),
                residual: node.residual.clone(),
                null_aware: join.null_aware.clone(),
                mirrored: join.mirrored,
            };
            let plan = operator(node.rows, cost, columns, Node::IndexJoin(index_join));
            Candidate { plan, order }
        };
        inners.into_iter().map(candidate).collect()
    }

    /// The ways to look up the rows of a plan that stands on the inner side.
    fn inners(&mut self, plan: &Plan, needed: &ColumnSet, ask: &Ask) -> Vec<Inner> {
        match plan {
            Plan::Scan(scan) => {
                let paths = self.scan_lookups(scan, needed, ask);
                let inner = |path: LookupPath| Inner {
                    rows_per_lookup: path.rows_per_lookup,
                    cost_per_lookup: path.cost_per_lookup,
                    // What comes from several partitions, or by way of handles, is in no order that anybody promises.
                    order: if asks_one_partition(&path.plan) && !reads_twice(&path.plan) {
                        path.order.into_iter().map(|id| (id, false)).collect()
                    } else {
                        Order::new()
                    },
                    plan: path.plan,
                };
                paths.into_iter().map(inner).collect()
            }
            // What is looked up is computed as often as it is found, in whatever order.
            Plan::Filter { predicates, .. } if predicates.iter().any(Expr::in_turn) => vec![],
            Plan::Project { exprs, .. } if exprs.iter().any(|(_, e)| e.in_turn()) => vec![],
            Plan::Filter { input, predicates } => {
                let mut below = columns_of(predicates);
                below.union_with(needed);
                let profile = self.profile(input);
                let keeps = selectivity(predicates, &profile);
                let predicates = ordered(predicates.clone(), &profile);
                let under = self.inners(input, &below, ask);
                let filtered = under.into_iter().map(|inner| {
                    let columns = kept(&inner.plan.columns, needed);
                    let (rows, work) =
                        (inner.plan.rows * keeps, passing(inner.rows_per_lookup, predicates.len()));
                    let node =
                        Node::Selection { input: Box::new(inner.plan), predicates: predicates.clone() };
                    Inner {
                        plan: operator(rows, 0.0, columns, node),
                        rows_per_lookup: inner.rows_per_lookup * keeps,
                        cost_per_lookup: inner.cost_per_lookup + work,
                        order: inner.order,
                    }
                });
                filtered.collect()
            }
            Plan::Project { input, exprs } => {
                let exprs: Vec<(ColumnId, Expr)> =
                    exprs.iter().filter(|(id, _)| needed.contains(*id)).cloned().collect();
                let below = columns_of(exprs.iter().map(|(_, e)| e));
                let equalities = below_columns(ask.equalities, &exprs);
                let bounds = below_bounds(ask.bounds, &exprs, ask.outer_columns);
                if equalities.is_empty() {
                    return vec![];
                }
                let ask = Ask { equalities: &equalities, bounds: &bounds, ..*ask };
                let under = self.inners(input, &below, &ask);
                let projected = under.into_iter().map(|inner| {
                    let plain = exprs
                        .iter()
                        .all(|(id, e)| e.as_column() == Some(*id) && inner.plan.columns.contains(id));
                    let shown = |id: ColumnId| {
                        exprs.iter().find(|(_, e)| e.as_column() == Some(id)).map(|(out, _)| *out)
                    };
                    let order = renamed(&inner.order, shown);
                    if plain {
                        return Inner { order, ..inner };
                    }
                    let columns = exprs.iter().map(|(id, _)| *id).collect();
                    let (rows, work) = (inner.plan.rows, passing(inner.rows_per_lookup, exprs.len()));
                    let node = Node::Projection { input: Box::new(inner.plan), exprs: exprs.clone() };
                    Inner {
                        plan: operator(rows, 0.0, columns, node),
                        cost_per_lookup: inner.cost_per_lookup + work,
                        order,
                        ..inner
                    }
                });
                projected.collect()
            }
            Plan::Aggregate { input, group_by, aggregates } => {
                self.grouped(plan, (input, group_by, aggregates), ask)
            }
            Plan::Join(_)
            | Plan::Apply { .. }
            | Plan::Sort { .. }
            | Plan::Window { .. }
            | Plan::Limit { .. }
            | Plan::Union { .. }
            | Plan::Values { .. }
            | Plan::MaxOneRow { .. }
            | Plan::Lock { .. }
            | Plan::CteScan { .. } => vec![],
        }
    }

    /// The ways to look up a table. A predicate on a column that is looked up by, which holds of the outer rows' value already, is
    /// not checked again; partitions are pruned by it.
    fn scan_lookups(&mut self, scan: &Scan, needed: &ColumnSet, ask: &Ask) -> Vec<LookupPath> {
        let paths = |scan: &Scan, implied: &[Expr]| {
            let Ask { equalities, bounds, outer_columns, .. } = *ask;
            lookup_paths(&self.access, scan, needed, equalities, bounds, outer_columns, implied)
        };
        let (mut relied, mut implied): (Vec<usize>, Vec<Expr>) = (Vec::new(), Vec::new());
        let mut less = scan.clone();
        less.predicates.retain(|e| match ask.holds(e) {
            Some(equality) => {
                relied.push(equality);
                implied.push(e.clone());
                false
            }
            None => true,
        });
        if relied.is_empty() {
            return paths(scan, &[]);
        }
        let mut out = paths(&less, &implied);
        out.retain(|path| relied.iter().all(|equality| path.used.contains(equality)));
        let rest =
            paths(scan, &[]).into_iter().filter(|path| !out.iter().any(|known| known.index == path.index));
        let rest: Vec<LookupPath> = rest.collect();
        out.extend(rest);
        out
    }

    /// A grouping below the join: what is looked up by must be group columns, or a lookup would find parts of groups.
    fn grouped(
        &mut self,
        plan: &Plan,
        (input, group_by, aggregates): (&Plan, &[(ColumnId, Expr)], &[(ColumnId, AggregateCall)]),
        ask: &Ask,
    ) -> Vec<Inner> {
        let equalities = below_columns(ask.equalities, group_by);
        let bounds = below_bounds(ask.bounds, group_by, ask.outer_columns);
        if equalities.is_empty() {
            return vec![];
        }
        let used = group_by.iter().map(|(_, e)| e).chain(aggregates.iter().flat_map(|(_, c)| &c.args));
        let below = columns_of(used);
        let (rows, groups) = (self.profile(input).rows, self.profile(plan).rows);
        let part = (groups / rows.max(1.0)).min(1.0);
        let ask = Ask { equalities: &equalities, bounds: &bounds, ..*ask };
        let under = self.inners(input, &below, &ask);
        let grouped = under.into_iter().map(|inner| {
            let aggregation = Aggregation {
                input: Box::new(inner.plan),
                group_by: group_by.to_vec(),
                aggregates: aggregates.to_vec(),
            };
            let found = (inner.rows_per_lookup * part).max(inner.rows_per_lookup.min(1.0));
            Inner {
                plan: operator(found, 0.0, plan.columns(), Node::HashAgg(aggregation)),
                rows_per_lookup: found,
                cost_per_lookup: inner.cost_per_lookup + cost::hash_aggregate(inner.rows_per_lookup, found),
                order: Order::new(),
            }
        });
        grouped.collect()
    }
}

/// The equalities whose inner column an operator passes on, with the column's name below it.
fn below_columns(equalities: &[Equality], passed: &[(ColumnId, Expr)]) -> Vec<Equality> {
    let source = |id: ColumnId| passed.iter().find(|(out, _)| *out == id)?.1.as_column();
    equalities.iter().filter_map(|(e, id, safe)| Some((e.clone(), source(*id)?, *safe))).collect()
}

/// The bounds of which every inner column has the same name below the operator.
fn below_bounds(bounds: &[Expr], passed: &[(ColumnId, Expr)], outer_columns: &ColumnSet) -> Vec<Expr> {
    let same = |id: ColumnId| passed.iter().any(|(out, e)| *out == id && e.as_column() == Some(id));
    let known = |e: &&Expr| e.columns().into_iter().all(|id| outer_columns.contains(id) || same(id));
    bounds.iter().filter(known).cloned().collect()
}

/// Whether the rows of one lookup are all in one partition: there is only one to look in, or the outer row tells it.
fn asks_one_partition(plan: &crate::physical::Plan) -> bool {
    let (table, partitions, ranges) = match &plan.node {
        Node::TableScan(scan) => (&scan.table, &scan.partitions, &scan.ranges),
        Node::IndexScan(scan) => (&scan.table, &scan.partitions, &scan.ranges),
        _ => return plan.children().into_iter().all(asks_one_partition),
    };
    let routed = matches!(ranges, Ranges::Lookup(lookup) if lookup.routing.is_some());
    routed || partitions.as_ref().map_or(table.partitions.len(), Vec::len) <= 1
}

fn reads_twice(plan: &crate::physical::Plan) -> bool {
    matches!(plan.node, Node::IndexLookUp(_)) || plan.children().into_iter().any(reads_twice)
}

/// Whether what `e` says of its columns it says of equal values of the type `ty` too: `length(1.00)` is not `length(1)`.
fn same_form(e: &Expr, ty: &SqlType) -> bool {
    let family = Family::of(ty);
    let plain = matches!(family, Family::Int | Family::UInt | Family::String);
    match e {
        Expr::Column { ty: own, .. } => own.sql == *ty || plain && Family::of(&own.sql) == family,
        Expr::Constant { .. } => true,
        Expr::Call { args, .. } => args.iter().all(|arg| same_form(arg, ty)),
    }
}

/// Equal texts may differ in blanks at their ends, which only a comparison does not see.
fn is_comparison(e: &Expr) -> bool {
    let of_text = |e: &Expr| Family::of(&e.ty().sql) == Family::String;
    match e {
        Expr::Call { function: Function::Eq | Function::In | Function::Ne, .. } => true,
        Expr::Call { args, .. } => is_bound(e) || !args.iter().any(of_text),
        Expr::Column { .. } | Expr::Constant { .. } => true,
    }
}

fn is_bound(e: &Expr) -> bool {
    matches!(e, Expr::Call { function: Function::Lt | Function::Le | Function::Gt | Function::Ge, .. })
}

/// `outer <=> inner column`, the column bare or under a conversion that changes no value.
fn null_safe(e: &Expr, outer: &ColumnSet, inner: &ColumnSet) -> Option<Equality> {
    let [a, b] = args_of(e, &Function::NullEq)? else { return None };
    let of = |from: &Expr, column: &Expr| {
        let id = looked_up(column).filter(|id| inner.contains(*id))?;
        let used = from.column_set();
        (!used.is_empty() && used.is_subset(outer)).then(|| (from.clone(), id, true))
    };
    of(a, b).or_else(|| of(b, a))
}

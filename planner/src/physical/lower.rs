//! From the logical plan to the physical one: an operator for each node, the side that builds, the access path of each
//! table, and of every operator's columns only those that something above it uses.

use std::sync::Arc;

use super::access::{self, AccessContext, ordered};
use super::{Aggregation, Apply, HashJoin, JoinKind, Node, OutputColumn, Plan, Query, Side, StatementLimits};
use crate::bind::{Dml, DmlKind};
use crate::column::{ColumnId, Columns};
use crate::column_set::ColumnSet;
use crate::expr::Expr;
use crate::logical;
use crate::logical::predicate::equality;
use crate::stats::cardinality::{Profile, aggregated, estimate, joined, projected};

/// Chooses how to run a rewritten query.
pub(crate) fn lower(
    query: logical::Query,
    dml: Option<Dml>,
    mut columns: Columns,
    access: AccessContext,
) -> Query {
    let mut lowering = Lowering { access, ctes: Vec::new() };
    let mut ctes = Vec::new();
    for cte in &query.ctes {
        let (plan, profile) = lowering.plan(cte, &cte.column_set());
        lowering.ctes.push(profile);
        ctes.push(plan);
    }
    let needed = query.output.iter().map(|c| c.id).collect();
    let (plan, _) = lowering.plan(&query.plan, &needed);
    let mut root = match dml {
        None => in_order(plan, distinct_ids(&query.output), &columns),
        Some(dml) => change(plan, dml, &query.output, &mut columns),
    };
    let mut next = 1;
    number(&mut root, &mut next);
    ctes.iter_mut().for_each(|cte| number(cte, &mut next));
    let output = if matches!(root.node, Node::Insert { .. } | Node::Update { .. } | Node::Delete { .. }) {
        Vec::new()
    } else {
        query.output
    };
    Query {
        root,
        ctes,
        output,
        columns: Arc::new(columns),
        limits: StatementLimits::default(),
        warnings: Vec::new(),
    }
}

fn number(plan: &mut Plan, next: &mut u32) {
    plan.id = *next;
    *next += 1;
    plan.children_mut().into_iter().for_each(|child| number(child, next));
}

fn distinct_ids(output: &[OutputColumn]) -> Vec<ColumnId> {
    let mut ids = Vec::new();
    for column in output {
        if !ids.contains(&column.id) {
            ids.push(column.id);
        }
    }
    ids
}

/// The plan with its columns in exactly this order.
fn in_order(plan: Plan, ids: Vec<ColumnId>, columns: &Columns) -> Plan {
    if plan.columns == ids {
        return plan;
    }
    // A projection computes its columns in any order.
    if let Node::Projection { input, exprs } = plan.node {
        let of = |id: &ColumnId| exprs.iter().find(|(known, _)| known == id).cloned();
        let ordered = ids.iter().filter_map(of).collect();
        return projection(*input, ordered);
    }
    let exprs = ids.into_iter().map(|id| (id, Expr::column(id, columns.ty(id).clone()))).collect();
    projection(plan, exprs)
}

fn projection(input: Plan, exprs: Vec<(ColumnId, Expr)>) -> Plan {
    let columns = exprs.iter().map(|(id, _)| *id).collect();
    operator(input.rows, columns, Node::Projection { input: Box::new(input), exprs })
}

/// INSERT, UPDATE, DELETE over rows that carry a column for each output, repeats included.
fn change(plan: Plan, dml: Dml, output: &[OutputColumn], columns: &mut Columns) -> Plan {
    let mut exprs: Vec<(ColumnId, Expr)> = Vec::new();
    for column in output {
        let value = Expr::column(column.id, columns.ty(column.id).clone());
        let repeated = exprs.iter().any(|(id, _)| *id == column.id);
        let id = if repeated { columns.add(columns.get(column.id).clone()) } else { column.id };
        exprs.push((id, value));
    }
    let ids: Vec<ColumnId> = exprs.iter().map(|(id, _)| *id).collect();
    let source = if plan.columns == ids { plan } else { projection(plan, exprs) };
    let rows = source.rows;
    let source = Box::new(source);
    let Dml { kind, table, partition } = dml;
    let node = match kind {
        DmlKind::Insert => Node::Insert { table, partition, source },
        DmlKind::Update => Node::Update { table, partition, source },
        DmlKind::Delete => Node::Delete { table, partition, source },
    };
    operator(rows, vec![], node)
}

fn operator(rows: f64, columns: Vec<ColumnId>, node: Node) -> Plan {
    Plan { id: 0, rows, cost: 0.0, columns, node }
}

struct Lowering<'a> {
    /// What access paths depend on.
    access: AccessContext<'a>,
    /// Profiles of the common table expressions before the plan at hand.
    ctes: Vec<Profile>,
}

impl Lowering<'_> {
    /// The physical plan, which yields at least the needed columns that the logical one has, and its profile.
    fn plan(&mut self, plan: &logical::Plan, needed: &ColumnSet) -> (Plan, Profile) {
        match plan {
            logical::Plan::Scan(scan) => self.scan(scan, needed),
            logical::Plan::Filter { input, predicates } => self.filter(input, predicates, needed),
            logical::Plan::Project { input, exprs } => self.project(input, exprs, needed),
            logical::Plan::Join(join) => self.join(join, needed),
            logical::Plan::Apply { join, correlated } => self.apply(join, correlated, needed),
            logical::Plan::Aggregate { input, group_by, aggregates } => {
                let used =
                    group_by.iter().map(|(_, e)| e).chain(aggregates.iter().flat_map(|(_, c)| &c.args));
                let (input, below) = self.plan(input, &columns_of(used));
                let profile = aggregated(&below, group_by, aggregates);
                let columns = plan.columns();
                let aggregation = Aggregation {
                    input: Box::new(input),
                    group_by: group_by.clone(),
                    aggregates: aggregates.clone(),
                };
                (operator(profile.rows, columns, Node::HashAgg(aggregation)), profile)
            }
            logical::Plan::Sort { input, keys } => {
                let (input, profile) = self.sorted(input, keys, needed);
                let columns = kept(&input.columns, needed);
                (
                    operator(
                        profile.rows,
                        columns,
                        Node::Sort { input: Box::new(input), keys: keys.clone() },
                    ),
                    profile,
                )
            }
            logical::Plan::Limit { input, offset, count } => {
                let profile = estimate(plan, &self.ctes);
                let (offset, count) = (*offset, *count);
                if let (logical::Plan::Sort { input, keys }, Some(count)) = (input.as_ref(), count) {
                    let (input, _) = self.sorted(input, keys, needed);
                    let columns = kept(&input.columns, needed);
                    let keys = keys.clone();
                    let node = Node::TopN { input: Box::new(input), keys, offset, count };
                    return (operator(profile.rows, columns, node), profile);
                }
                let (input, _) = self.plan(input, needed);
                let columns = input.columns.clone();
                let node = Node::Limit { input: Box::new(input), offset, count };
                (operator(profile.rows, columns, node), profile)
            }
            logical::Plan::Union { inputs, columns } => {
                let profile = estimate(plan, &self.ctes);
                let inputs = inputs.iter().map(|(input, ids)| {
                    let (input, _) = self.plan(input, &ids.iter().copied().collect());
                    (input, ids.clone())
                });
                let inputs = inputs.collect();
                (operator(profile.rows, columns.clone(), Node::Union { inputs }), profile)
            }
            logical::Plan::MaxOneRow { input } => {
                let profile = estimate(plan, &self.ctes);
                let (input, _) = self.plan(input, needed);
                let columns = input.columns.clone();
                (operator(1.0, columns, Node::MaxOneRow { input: Box::new(input) }), profile)
            }
            logical::Plan::Values { rows, columns } => {
                let profile = estimate(plan, &self.ctes);
                (operator(profile.rows, columns.clone(), Node::Values { rows: rows.clone() }), profile)
            }
            logical::Plan::CteScan { cte, columns } => {
                let profile = estimate(plan, &self.ctes);
                let wanted: Vec<_> = columns.iter().filter(|(id, _)| needed.contains(*id)).collect();
                let source = wanted.iter().map(|(_, source)| *source).collect();
                let columns = wanted.iter().map(|(id, _)| *id).collect();
                (operator(profile.rows, columns, Node::CteScan { cte: *cte, source }), profile)
            }
        }
    }

    /// The input of a sort: what is needed above, and the keys' columns.
    fn sorted(
        &mut self,
        input: &logical::Plan,
        keys: &[super::SortKey],
        needed: &ColumnSet,
    ) -> (Plan, Profile) {
        let mut below = columns_of(keys.iter().map(|key| &key.expr));
        below.union_with(needed);
        self.plan(input, &below)
    }

    fn scan(&mut self, scan: &logical::Scan, needed: &ColumnSet) -> (Plan, Profile) {
        let paths = access::paths(&self.access, scan, needed, &[], None);
        let cheapest = paths.into_iter().min_by(|a, b| a.cost.total_cmp(&b.cost));
        let path = cheapest.expect("a table can always be read somehow");
        (path.plan, path.profile)
    }

    fn filter(&mut self, input: &logical::Plan, predicates: &[Expr], needed: &ColumnSet) -> (Plan, Profile) {
        let mut below = columns_of(predicates);
        below.union_with(needed);
        let (input, profile) = self.plan(input, &below);
        let predicates_ordered = ordered(predicates.to_vec(), &profile);
        let profile = profile.filtered(predicates);
        let columns = kept(&input.columns, needed);
        let node = Node::Selection { input: Box::new(input), predicates: predicates_ordered };
        (operator(profile.rows, columns, node), profile)
    }

    fn project(
        &mut self,
        input: &logical::Plan,
        exprs: &[(ColumnId, Expr)],
        needed: &ColumnSet,
    ) -> (Plan, Profile) {
        let exprs: Vec<(ColumnId, Expr)> =
            exprs.iter().filter(|(id, _)| needed.contains(*id)).cloned().collect();
        let (input, profile) = self.plan(input, &columns_of(exprs.iter().map(|(_, e)| e)));
        let profile = projected(profile, &exprs);
        let plain = exprs.iter().all(|(id, e)| e.as_column() == Some(*id) && input.columns.contains(id));
        if plain {
            return (input, profile);
        }
        (projection(input, exprs), profile)
    }

    fn join(&mut self, join: &logical::Join, needed: &ColumnSet) -> (Plan, Profile) {
        let mut below = columns_of(join.on.iter().chain(&join.null_aware));
        below.union_with(needed);
        let (left, left_profile) = self.plan(&join.left, &below);
        let (right, right_profile) = self.plan(&join.right, &below);
        let profile = joined(join, &left_profile, &right_profile);
        let (left_columns, right_columns) = (join.left.column_set(), join.right.column_set());
        let (mut keys, mut residual) = (Vec::new(), Vec::new());
        for e in &join.on {
            match key_of(e, &left_columns, &right_columns) {
                Some(key) => keys.push(key),
                None => residual.push(e.clone()),
            }
        }
        let build = build_side(join, left.rows, right.rows);
        let columns = join_columns(join.kind, &left, &right, needed);
        let node = Node::HashJoin(HashJoin {
            kind: join.kind,
            left: Box::new(left),
            right: Box::new(right),
            build,
            keys,
            residual,
            null_aware: join.null_aware.clone(),
        });
        (operator(profile.rows, columns, node), profile)
    }

    fn apply(
        &mut self,
        join: &logical::Join,
        correlated: &[ColumnId],
        needed: &ColumnSet,
    ) -> (Plan, Profile) {
        let mut below = columns_of(join.on.iter().chain(&join.null_aware));
        below.union_with(needed);
        below.extend(correlated.iter().copied());
        let (left, left_profile) = self.plan(&join.left, &below);
        let (right, right_profile) = self.plan(&join.right, &below);
        let profile = joined(join, &left_profile, &right_profile);
        let columns = join_columns(join.kind, &left, &right, needed);
        let node = Node::Apply(Apply {
            kind: join.kind,
            left: Box::new(left),
            right: Box::new(right),
            correlated: correlated.to_vec(),
            on: join.on.clone(),
            null_aware: join.null_aware.clone(),
        });
        (operator(profile.rows, columns, node), profile)
    }
}

fn columns_of<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> ColumnSet {
    let mut set = ColumnSet::new();
    exprs.into_iter().for_each(|e| set.union_with(&e.column_set()));
    set
}

fn kept(columns: &[ColumnId], needed: &ColumnSet) -> Vec<ColumnId> {
    columns.iter().copied().filter(|id| needed.contains(*id)).collect()
}

fn join_columns(kind: JoinKind, left: &Plan, right: &Plan, needed: &ColumnSet) -> Vec<ColumnId> {
    let mut columns = kept(&left.columns, needed);
    match kind {
        JoinKind::Inner | JoinKind::Left => columns.extend(kept(&right.columns, needed)),
        JoinKind::Mark(mark) => columns.push(mark),
        JoinKind::Semi | JoinKind::Anti => {}
    }
    columns
}

/// An equality between the sides, left expression first.
fn key_of(e: &Expr, left: &ColumnSet, right: &ColumnSet) -> Option<(Expr, Expr)> {
    let (a, b) = equality(e)?;
    let (ca, cb) = (a.column_set(), b.column_set());
    if ca.is_empty() || cb.is_empty() {
        return None;
    }
    if ca.is_subset(left) && cb.is_subset(right) {
        Some((a.clone(), b.clone()))
    } else if cb.is_subset(left) && ca.is_subset(right) {
        Some((b.clone(), a.clone()))
    } else {
        None
    }
}

/// The smaller side builds. A join that keeps or marks left rows has to remember which ones matched if the left side
/// builds, so there the left side must be clearly smaller; a NULL-aware one always builds right.
fn build_side(join: &logical::Join, left: f64, right: f64) -> Side {
    let left_builds = match join.kind {
        JoinKind::Inner => left < right,
        JoinKind::Left | JoinKind::Semi | JoinKind::Anti => join.null_aware.is_empty() && left * 2.0 < right,
        JoinKind::Mark(_) => false,
    };
    if left_builds { Side::Left } else { Side::Right }
}

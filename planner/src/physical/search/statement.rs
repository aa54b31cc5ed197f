//! A statement around its query: common table expressions, the order of the result's columns, and what INSERT, UPDATE and
//! DELETE do with the rows.

use std::sync::Arc;

use super::super::{
    AccessContext, IndexScan, LockStrength, LockingWait, Node, OutputColumn, Plan, Query, Ranges, TableScan,
};
use super::hints::Wishes;
use super::{Goal, Search, operator, passing};
use crate::bind::Dml;
use crate::column::{ColumnId, Columns};
use crate::cost;
use crate::expr::Expr;
use crate::logical;

/// Chooses how to run a rewritten query; `tables` are those that its hints may name.
pub(crate) fn lower(
    query: logical::Query,
    dml: Option<Dml>,
    mut columns: Columns,
    access: AccessContext,
    wishes: Wishes,
) -> Query {
    let prune_mode = access.options.prune_mode;
    let mut search = Search::new(access, wishes, &mut columns);
    let mut ctes = Vec::new();
    for cte in &query.ctes {
        let best = search.best(cte, &cte.column_set(), &Goal::default());
        let profile = search.profile(cte);
        search.ctes.push((*profile).clone());
        ctes.push(best.plan);
    }
    let needed = query.output.iter().map(|c| c.id).collect();
    let best = search.best(&query.plan, &needed, &Goal::default());
    let wishes = search.wishes;
    let mut root = match dml {
        None => in_order(best.plan, distinct_ids(&query.output), &columns),
        Some(dml) => change(best.plan, dml, &query.output, &mut columns),
    };
    let mut next = 1;
    for plan in std::iter::once(&mut root).chain(&mut ctes) {
        number(plan, &mut next);
        price(plan);
    }
    let output = if matches!(root.node, Node::Insert { .. } | Node::Update { .. } | Node::Delete { .. }) {
        Vec::new()
    } else {
        query.output
    };
    let (limits, warnings) = (wishes.limits(), wishes.warnings());
    Query { root, ctes, output, columns: Arc::new(columns), limits, warnings, prune_mode, blocks: 0 }
}

fn number(plan: &mut Plan, next: &mut u32) {
    plan.id = *next;
    *next += 1;
    plan.children_mut().into_iter().for_each(|child| number(child, next));
}

/// Prices what paths price as a whole: the operators beside the data, inputs included, for EXPLAIN to show.
fn price(plan: &mut Plan) {
    plan.children_mut().into_iter().for_each(price);
    if plan.cost > 0.0 {
        return;
    }
    let below: f64 = plan.children().into_iter().map(|input| input.cost).sum();
    let own = match &plan.node {
        Node::TableScan(TableScan { ranges: Ranges::Handles, .. }) => {
            cost::fetch(plan.rows, plan.rows, plan.columns.len(), 0)
        }
        Node::TableScan(TableScan { ranges: Ranges::Lookup(_), .. })
        | Node::IndexScan(IndexScan { ranges: Ranges::Lookup(_), .. }) => {
            cost::look_up(1.0) + cost::read(plan.rows, plan.columns.len(), 0)
        }
        Node::TableScan(_) | Node::IndexScan(_) => cost::read(plan.rows, plan.columns.len(), 0),
        Node::Selection { input, predicates } => passing(input.rows, predicates.len()),
        _ => 0.0,
    };
    plan.cost = below + own;
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
    operator(input.rows, input.cost, columns, Node::Projection { input: Box::new(input), exprs })
}

/// A row that is changed by its key is locked by it, also if there is none.
fn lock_points(source: &mut Plan, dml: &Dml) {
    match &mut source.node {
        Node::Projection { input, .. } => lock_points(input, dml),
        Node::PointGet(get) if !matches!(dml, Dml::Insert { .. }) => {
            get.lock = Some((LockStrength::Update, LockingWait::Wait));
        }
        _ => {}
    }
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
    let mut source = if plan.columns == ids { plan } else { projection(plan, exprs) };
    lock_points(&mut source, &dml);
    let (rows, cost) = (source.rows, source.cost);
    let source = Box::new(source);
    let node = match dml {
        Dml::Insert { table, partition, generated, checks, foreign, on_duplicate } => {
            Node::Insert { table, partition, generated, checks, foreign, on_duplicate, source }
        }
        Dml::Update { targets, ignore } => Node::Update { targets, ignore, source },
        Dml::Delete { targets, ignore } => Node::Delete { targets, ignore, source },
    };
    operator(rows, cost, vec![], node)
}

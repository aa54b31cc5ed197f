//! A plan with constants in place of the columns of an outer row.

use std::sync::Arc;

use allod_planner::expr::{AggregateCall, Expr};
use allod_planner::physical::{
    Aggregation, Apply, HashJoin, IndexJoin, IndexLookUp, IndexMerge, IndexMergePart, IndexScan, Lookup,
    LookupKey, MergeJoin, Node, Plan, Ranges, Routing, SortKey, TableScan,
};

/// Rebuilds a plan with `f` applied to every expression of every node, inputs included. Keys and ranges that are data stay as
/// they are.
pub(crate) fn substitute(plan: &Plan, f: &impl Fn(Expr) -> Expr) -> Plan {
    let expr = |e: &Expr| e.clone().transform(&mut |e| f(e));
    let exprs = |es: &[Expr]| es.iter().map(expr).collect::<Vec<_>>();
    let named = |es: &[(_, Expr)]| es.iter().map(|(id, e)| (*id, expr(e))).collect::<Vec<_>>();
    let keys = |ks: &[SortKey]| {
        ks.iter().map(|k| SortKey { expr: expr(&k.expr), descending: k.descending }).collect::<Vec<_>>()
    };
    let input = |p: &Plan| Box::new(substitute(p, f));
    let aggregation = |agg: &Aggregation| Aggregation {
        input: input(&agg.input),
        group_by: named(&agg.group_by),
        aggregates: agg
            .aggregates
            .iter()
            .map(|(id, call)| (*id, AggregateCall { args: exprs(&call.args), ..call.clone() }))
            .collect(),
    };
    let node = match &plan.node {
        leaf @ (Node::PointGet(_) | Node::CteScan { .. }) => leaf.clone(),
        Node::TableScan(scan) => {
            Node::TableScan(TableScan { ranges: ranges(&scan.ranges, f), ..scan.clone() })
        }
        Node::IndexScan(scan) => {
            Node::IndexScan(IndexScan { ranges: ranges(&scan.ranges, f), ..scan.clone() })
        }
        Node::Values { rows } => Node::Values { rows: rows.iter().map(|row| exprs(row)).collect() },
        Node::TableReader { input: i } => Node::TableReader { input: input(i) },
        Node::IndexReader { input: i } => Node::IndexReader { input: input(i) },
        Node::Selection { input: i, predicates } => {
            Node::Selection { input: input(i), predicates: exprs(predicates) }
        }
        Node::Projection { input: i, exprs: es } => Node::Projection { input: input(i), exprs: named(es) },
        Node::HashJoin(join) => Node::HashJoin(HashJoin {
            kind: join.kind,
            left: input(&join.left),
            right: input(&join.right),
            build: join.build,
            keys: join.keys.iter().map(|(l, r)| (expr(l), expr(r))).collect(),
            residual: exprs(&join.residual),
            null_aware: exprs(&join.null_aware),
            mirrored: join.mirrored,
        }),
        Node::IndexLookUp(lookup) => Node::IndexLookUp(IndexLookUp {
            index: input(&lookup.index),
            table: input(&lookup.table),
            ..lookup.clone()
        }),
        Node::IndexMerge(merge) => Node::IndexMerge(IndexMerge {
            partial: merge
                .partial
                .iter()
                .map(|part| IndexMergePart { plan: substitute(&part.plan, f), handle: part.handle.clone() })
                .collect(),
            table: input(&merge.table),
            intersection: merge.intersection,
        }),
        Node::PartitionUnion { inputs } => {
            Node::PartitionUnion { inputs: inputs.iter().map(|p| substitute(p, f)).collect() }
        }
        Node::IndexJoin(join) => Node::IndexJoin(IndexJoin {
            kind: join.kind,
            left: input(&join.left),
            right: input(&join.right),
            outer: join.outer,
            variant: join.variant,
            keys: join.keys.iter().map(|(l, r)| (expr(l), expr(r))).collect(),
            residual: exprs(&join.residual),
            null_aware: exprs(&join.null_aware),
            mirrored: join.mirrored,
        }),
        Node::MergeJoin(join) => Node::MergeJoin(MergeJoin {
            kind: join.kind,
            left: input(&join.left),
            right: input(&join.right),
            keys: join.keys.iter().map(|(l, r)| (expr(l), expr(r))).collect(),
            descending: join.descending,
            residual: exprs(&join.residual),
            null_aware: exprs(&join.null_aware),
            mirrored: join.mirrored,
        }),
        Node::Apply(apply) => Node::Apply(Apply {
            kind: apply.kind,
            left: input(&apply.left),
            right: input(&apply.right),
            correlated: apply.correlated.clone(),
            on: exprs(&apply.on),
            null_aware: exprs(&apply.null_aware),
        }),
        Node::HashAgg(agg) => Node::HashAgg(aggregation(agg)),
        Node::StreamAgg(agg) => Node::StreamAgg(aggregation(agg)),
        Node::Sort { input: i, keys: ks } => Node::Sort { input: input(i), keys: keys(ks) },
        Node::Window { input: i, window } => {
            let window = window.clone().map(&mut |e| expr(&e));
            Node::Window { input: input(i), window }
        }
        Node::TopN { input: i, keys: ks, offset, count } => {
            Node::TopN { input: input(i), keys: keys(ks), offset: *offset, count: *count }
        }
        Node::Limit { input: i, offset, count } => {
            Node::Limit { input: input(i), offset: *offset, count: *count }
        }
        Node::Union { inputs, recursion } => {
            let inputs = inputs.iter().map(|(p, ids)| (substitute(p, f), ids.clone())).collect();
            Node::Union { inputs, recursion: recursion.clone() }
        }
        Node::MaxOneRow { input: i } => Node::MaxOneRow { input: input(i) },
        Node::SelectLock { input: i, lock } => Node::SelectLock { input: input(i), lock: lock.clone() },
        Node::Insert { table, partition, generated, checks, foreign, on_duplicate, source } => Node::Insert {
            table: table.clone(),
            partition: partition.clone(),
            generated: generated.clone(),
            checks: checks.clone(),
            foreign: foreign.clone(),
            on_duplicate: on_duplicate.clone(),
            source: input(source),
        },
        Node::Update { targets, ignore, source } => {
            Node::Update { targets: targets.clone(), ignore: *ignore, source: input(source) }
        }
        Node::Delete { targets, ignore, source } => {
            Node::Delete { targets: targets.clone(), ignore: *ignore, source: input(source) }
        }
    };
    Plan { id: plan.id, rows: plan.rows, cost: plan.cost, columns: plan.columns.clone(), node }
}

fn ranges(ranges: &Ranges, f: &impl Fn(Expr) -> Expr) -> Ranges {
    let expr = |e: &Expr| e.clone().transform(&mut |e| f(e));
    let bounds =
        |bounds: &[(Expr, bool)]| bounds.iter().map(|(e, inclusive)| (expr(e), *inclusive)).collect();
    match ranges {
        Ranges::All | Ranges::Fixed(_) | Ranges::Handles => ranges.clone(),
        Ranges::Lookup(lookup) => Ranges::Lookup(Lookup {
            prefix: lookup
                .prefix
                .iter()
                .map(|key| LookupKey { value: expr(&key.value), null_safe: key.null_safe })
                .collect(),
            points: lookup.points.clone(),
            low: bounds(&lookup.low),
            high: bounds(&lookup.high),
            routing: lookup.routing.as_ref().map(|routing| Routing {
                function: Arc::clone(&routing.function),
                values: routing.values.iter().map(|(ordinal, e)| (*ordinal, expr(e))).collect(),
            }),
        }),
    }
}

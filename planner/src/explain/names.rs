//! What operators are called, and in which order and under which labels their inputs are shown.

use crate::physical::{
    IndexJoin, IndexJoinVariant, IndexScan, JoinKind, Node, Plan, Ranges, Side, TableScan,
};

const BUILD: &str = "(Build)";
const PROBE: &str = "(Probe)";

/// TiDB's name of an operator.
pub(super) fn operator_name(node: &Node) -> &'static str {
    match node {
        Node::Values { .. } => "TableDual",
        Node::TableScan(TableScan { ranges: Ranges::All, .. }) => "TableFullScan",
        Node::TableScan(TableScan { ranges: Ranges::Handles, .. }) => "TableRowIDScan",
        Node::TableScan(_) => "TableRangeScan",
        Node::IndexScan(IndexScan { ranges: Ranges::All, .. }) => "IndexFullScan",
        Node::IndexScan(_) => "IndexRangeScan",
        Node::TableReader { .. } => "TableReader",
        Node::IndexReader { .. } => "IndexReader",
        Node::PointGet(get) if get.keys.len() == 1 => "Point_Get",
        Node::PointGet(_) => "Batch_Point_Get",
        Node::Selection { .. } => "Selection",
        Node::Projection { .. } => "Projection",
        Node::IndexLookUp(_) => "IndexLookUp",
        Node::IndexMerge(_) => "IndexMerge",
        Node::PartitionUnion { .. } => "PartitionUnion",
        Node::HashJoin(_) => "HashJoin",
        Node::IndexJoin(IndexJoin { variant: IndexJoinVariant::Ordered, .. }) => "IndexJoin",
        Node::IndexJoin(_) => "IndexHashJoin",
        Node::MergeJoin(_) => "MergeJoin",
        Node::Apply(_) => "Apply",
        Node::HashAgg(_) => "HashAgg",
        Node::StreamAgg(_) => "StreamAgg",
        Node::Sort { .. } => "Sort",
        Node::Window { .. } => "Window",
        Node::TopN { .. } => "TopN",
        Node::Limit { .. } => "Limit",
        Node::Union { recursion: None, .. } => "Union",
        Node::Union { recursion: Some(_), .. } => "RecursiveUnion",
        Node::MaxOneRow { .. } => "MaxOneRow",
        Node::SelectLock { .. } => "SelectLock",
        Node::CteScan { .. } => "CTEFullScan",
        Node::Insert { .. } => "Insert",
        Node::Update { .. } => "Update",
        Node::Delete { .. } => "Delete",
    }
}

/// The inputs of an operator in the order in which they are shown.
pub(super) fn labelled_children(plan: &Plan) -> Vec<(&Plan, &'static str)> {
    match &plan.node {
        Node::HashJoin(join) => match join.build {
            Side::Left => vec![(&join.left, BUILD), (&join.right, PROBE)],
            Side::Right => vec![(&join.right, BUILD), (&join.left, PROBE)],
        },
        Node::IndexJoin(join) => match join.outer {
            Side::Left => vec![(&join.left, BUILD), (&join.right, PROBE)],
            Side::Right => vec![(&join.right, BUILD), (&join.left, PROBE)],
        },
        Node::MergeJoin(join) => vec![(&join.right, BUILD), (&join.left, PROBE)],
        Node::IndexLookUp(lookup) => vec![(&lookup.index, BUILD), (&lookup.table, PROBE)],
        Node::IndexMerge(merge) => {
            merge.partial.iter().map(|part| (&part.plan, BUILD)).chain([(&*merge.table, PROBE)]).collect()
        }
        Node::Apply(apply) => vec![(&apply.left, BUILD), (&apply.right, PROBE)],
        // What a statement lists itself is no input.
        Node::Insert { source, .. } if matches!(source.node, Node::Values { .. }) => vec![],
        _ => plan.children().into_iter().map(|child| (child, "")).collect(),
    }
}

/// TiDB's name of a kind of join.
pub(super) fn join_name(kind: JoinKind, null_aware: bool, mirrored: bool) -> &'static str {
    match (kind, null_aware) {
        (JoinKind::Inner, _) => "inner join",
        (JoinKind::Left, _) if mirrored => "right outer join",
        (JoinKind::Left, _) => "left outer join",
        (JoinKind::Semi, _) => "semi join",
        (JoinKind::Anti, false) => "anti semi join",
        (JoinKind::Anti, true) => "Null-aware anti semi join",
        (JoinKind::Mark(_), false) => "left outer semi join",
        (JoinKind::Mark(_), true) => "Null-aware left outer semi join",
    }
}

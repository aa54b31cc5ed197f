//! Merge joins: both sides come sorted by the keys, from an index or from a Sort.
//!
//! Which equalities are sorted by is up to the join: those that a key of a table below begins with (the sort is then for
//! nothing), or those that the order above begins with. Equalities that are not sorted by are checked on the pairs.

use super::hints::JoinWish;
use super::join::{JoinNode, join_columns};
use super::order::Order;
use super::{Candidate, Goal, Search, operator};
use crate::column::ColumnId;
use crate::cost;
use crate::hints::JoinMethod;
use crate::logical::predicate::equals;
use crate::logical::{JoinKind, Plan};
use crate::physical::{MergeJoin, Node};

/// Sequences of keys to try.
const SEQUENCES_MAX: usize = 4;

impl Search<'_> {
    pub(super) fn merge_joins(&mut self, node: &JoinNode, goal: &Goal, wish: &JoinWish) -> Vec<Candidate> {
        if !node.join.null_aware.is_empty() {
            return vec![];
        }
        // Only columns can be sorted by.
        let pairs: Vec<Option<(ColumnId, ColumnId)>> =
            node.keys.iter().map(|(l, r)| Some((l.as_column()?, r.as_column()?))).collect();
        let descending = goal.order.first().is_some_and(|(_, descending)| *descending);
        let mut ways = Vec::new();
        // Where the usual way is refused, sorting may be the only one that is left.
        let forced = wish.wants(JoinMethod::Merge) || wish.refuses(JoinMethod::Hash);
        for sequence in sequences(node, &pairs, goal, forced) {
            let order = |left: bool| -> Order {
                let columns = sequence.iter().filter_map(|&key| pairs[key]);
                columns.map(|(l, r)| (if left { l } else { r }, descending)).collect()
            };
            let part = goal.part(node.rows);
            // The left side streams past the right one, which is read as a whole.
            let left_goal = Goal { order: order(true), wanted: goal.through(node.left.rows, node.rows) };
            let right_goal = Goal::order(order(false));
            let left = self.best(&node.join.left, &node.below, &left_goal);
            let right = self.best(&node.join.right, &node.below, &right_goal).plan;
            let (left, order) = (left.plan, left.order);
            let own = cost::merge_join(left.rows * part, right.rows, node.rows * part);
            let cost = left.cost + right.cost + own;
            let columns = join_columns(node.join.kind, &left, &right, node.needed);
            let open = (0..node.keys.len()).filter(|key| !sequence.contains(key));
            let open = open.map(|key| equals(node.keys[key].0.clone(), node.keys[key].1.clone()));
            let merge = Node::MergeJoin(MergeJoin {
                kind: node.join.kind,
                left: Box::new(left),
                right: Box::new(right),
                keys: sequence.iter().map(|&key| node.keys[key].clone()).collect(),
                descending,
                residual: open.chain(node.residual.iter().cloned()).collect(),
                null_aware: vec![],
                mirrored: node.join.mirrored,
            });
            ways.push(Candidate { plan: operator(node.rows, cost, columns, merge), order });
        }
        ways
    }
}

/// Which keys to sort by, in order.
fn sequences(
    node: &JoinNode,
    pairs: &[Option<(ColumnId, ColumnId)>],
    goal: &Goal,
    forced: bool,
) -> Vec<Vec<usize>> {
    let mut out: Vec<Vec<usize>> = Vec::new();
    let mut add = |columns: Vec<ColumnId>| {
        let key = |id: &ColumnId| pairs.iter().position(|p| p.is_some_and(|(l, r)| l == *id || r == *id));
        let mut sequence: Vec<usize> = Vec::new();
        for at in columns.iter().map_while(key) {
            if !sequence.contains(&at) {
                sequence.push(at);
            }
        }
        if !sequence.is_empty() && !out.contains(&sequence) {
            out.push(sequence);
        }
    };
    add(goal.order.iter().map(|(id, _)| *id).collect());
    natural(&node.join.left, &mut add);
    natural(&node.join.right, &mut add);
    if forced {
        add(pairs.iter().flatten().map(|(l, _)| *l).collect());
    }
    out.truncate(SEQUENCES_MAX);
    // A mark join's pairs are all looked at anyway.
    if matches!(node.join.kind, JoinKind::Mark(_)) && !forced {
        out.clear();
    }
    out
}

/// The columns by which the rows of the tables below can come sorted without a sort.
fn natural(plan: &Plan, add: &mut impl FnMut(Vec<ColumnId>)) {
    match plan {
        Plan::Scan(scan) => {
            let ids = |ordinals: &[usize]| -> Vec<ColumnId> {
                let id = |o: &usize| scan.columns.iter().find(|(_, known)| known == o).map(|(id, _)| *id);
                ordinals.iter().map_while(id).collect()
            };
            add(ids(&scan.table.key));
            for index in &scan.table.indexes {
                let mut space = index.columns.clone();
                space.extend(scan.table.key.iter().filter(|k| !index.columns.contains(k)));
                add(ids(&space));
            }
        }
        Plan::Filter { input, .. } | Plan::Project { input, .. } | Plan::Lock { input, .. } => {
            natural(input, add);
        }
        Plan::Join(join) => {
            natural(&join.left, add);
            natural(&join.right, add);
        }
        Plan::Sort { .. }
        | Plan::Window { .. }
        | Plan::Limit { .. }
        | Plan::Aggregate { .. }
        | Plan::Apply { .. }
        | Plan::Union { .. }
        | Plan::Values { .. }
        | Plan::MaxOneRow { .. }
        | Plan::CteScan { .. } => {}
    }
}

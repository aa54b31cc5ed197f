//! Hash joins: one side is built, the other probes.
//!
//! The pipeline keeps the order of the probe side where every probe row's output stands in its place: matching pairs of an
//! inner join, and rows that a semi or anti join lets through.

use super::hints::JoinWish;
use super::join::{JoinNode, join_columns};
use super::order::Order;
use super::{Candidate, Goal, Search, operator};
use crate::cost;
use crate::logical::{Join, JoinKind};
use crate::physical::{HashJoin, Node, Side};

impl Search<'_> {
    pub(super) fn hash_joins(&mut self, node: &JoinNode, goal: &Goal, wish: &JoinWish) -> Vec<Candidate> {
        let any = Goal::default();
        let left = self.best(&node.join.left, &node.below, &any);
        let right = self.best(&node.join.right, &node.below, &any);
        let build = wish
            .build
            .filter(|side| *side == Side::Right || may_build_left(node.join))
            .unwrap_or(build_side(node.join, left.plan.rows, right.plan.rows));
        let mut goals = vec![Goal::default()];
        if keeps_order(node.join, build) && (goal.wanted.is_some() || !goal.order.is_empty()) {
            let probe = if build == Side::Left { &node.right } else { &node.left };
            let wanted = goal.through(probe.rows, node.rows);
            goals = vec![Goal { order: goal.order.clone(), wanted }];
            let columns = if build == Side::Left { &node.right_columns } else { &node.left_columns };
            if !goal.order.iter().all(|(id, _)| columns.contains(*id)) {
                goals = if goal.order.is_empty() { goals } else { vec![] };
            }
        }
        let keeps_unmatched = !matches!(node.join.kind, JoinKind::Inner | JoinKind::Semi);
        let ways = goals.into_iter().map(|below| {
            let mut sides = (left.clone(), right.clone());
            let (probing, order) = match build {
                Side::Left => {
                    sides.1 = self.best(&node.join.right, &node.below, &below);
                    (sides.1.plan.rows, sides.1.order.clone())
                }
                Side::Right => {
                    sides.0 = self.best(&node.join.left, &node.below, &below);
                    (sides.0.plan.rows, sides.0.order.clone())
                }
            };
            let order = if keeps_order(node.join, build) { order } else { Order::new() };
            let (left, right) = (sides.0.plan, sides.1.plan);
            let building = if build == Side::Left { left.rows } else { right.rows };
            let part = if keeps_order(node.join, build) { goal.part(node.rows) } else { 1.0 };
            let own = if node.keys.is_empty() {
                cost::nested_loops(building, probing * part, node.rows * part)
            } else {
                cost::hash_join(building, probing * part, node.rows * part, keeps_unmatched)
            };
            let cost = left.cost + right.cost + own;
            let columns = join_columns(node.join.kind, &left, &right, node.needed);
            let join = Node::HashJoin(HashJoin {
                kind: node.join.kind,
                left: Box::new(left),
                right: Box::new(right),
                build,
                keys: node.keys.clone(),
                residual: node.residual.clone(),
                null_aware: node.join.null_aware.clone(),
                mirrored: node.join.mirrored,
            });
            Candidate { plan: operator(node.rows, cost, columns, join), order }
        });
        ways.collect()
    }
}

/// Whether rows come out in the order of the probe side, and a limit above stops it early.
fn keeps_order(join: &Join, build: Side) -> bool {
    match join.kind {
        JoinKind::Inner => true,
        JoinKind::Semi | JoinKind::Anti => build == Side::Right && join.null_aware.is_empty(),
        JoinKind::Left | JoinKind::Mark(_) => false,
    }
}

fn may_build_left(join: &Join) -> bool {
    join.null_aware.is_empty() && !matches!(join.kind, JoinKind::Mark(_))
}

/// The smaller side builds. A join that keeps or marks left rows has to remember which ones matched if the left side
/// builds, so there the left side must be clearly smaller; a NULL-aware one always builds right.
fn build_side(join: &Join, left: f64, right: f64) -> Side {
    let left_builds = match join.kind {
        JoinKind::Inner => left < right,
        JoinKind::Left | JoinKind::Semi | JoinKind::Anti => join.null_aware.is_empty() && left * 2.0 < right,
        JoinKind::Mark(_) => false,
    };
    if left_builds { Side::Left } else { Side::Right }
}

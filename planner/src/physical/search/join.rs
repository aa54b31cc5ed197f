//! Joins: what all methods share. Each method has a file of its own and adds its candidates; hints leave only those of
//! the method that they ask for, if there are any.

use std::rc::Rc;

use super::{Candidate, Goal, Search, columns_of, kept, operator};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::cost;
use crate::expr::Expr;
use crate::logical::predicate::equality;
use crate::logical::{self, Join, JoinKind};
use crate::physical::{Apply, Node, Plan};
use crate::stats::cardinality::Profile;

/// A join with what every method asks about it.
pub(super) struct JoinNode<'p> {
    pub(super) plan: &'p logical::Plan,
    pub(super) join: &'p Join,
    /// Columns that are wanted above.
    pub(super) needed: &'p ColumnSet,
    /// Columns that are wanted of the inputs.
    pub(super) below: ColumnSet,
    pub(super) left: Rc<Profile>,
    pub(super) right: Rc<Profile>,
    pub(super) rows: f64,
    pub(super) left_columns: ColumnSet,
    pub(super) right_columns: ColumnSet,
    /// `a = b` across the sides, left expression first.
    pub(super) keys: Vec<(Expr, Expr)>,
    /// All other conjuncts of the condition.
    pub(super) residual: Vec<Expr>,
}

impl Search<'_> {
    pub(super) fn join(
        &mut self,
        plan: &logical::Plan,
        join: &Join,
        needed: &ColumnSet,
        goal: &Goal,
    ) -> Vec<Candidate> {
        let mut below = columns_of(join.on.iter().chain(&join.null_aware));
        below.union_with(needed);
        let (left_columns, right_columns) = (join.left.column_set(), join.right.column_set());
        let (mut keys, mut residual) = (Vec::new(), Vec::new());
        for e in &join.on {
            match key_of(e, &left_columns, &right_columns) {
                Some(key) => keys.push(key),
                None => residual.push(e.clone()),
            }
        }
        let node = JoinNode {
            plan,
            join,
            needed,
            below,
            left: self.profile(&join.left),
            right: self.profile(&join.right),
            rows: self.profile(plan).rows,
            left_columns,
            right_columns,
            keys,
            residual,
        };
        let wish = self.wishes.of_join(join);
        let mut ways = Vec::new();
        ways.extend(self.hash_joins(&node, goal, &wish));
        ways.extend(self.merge_joins(&node, goal, &wish));
        ways.extend(self.index_joins(&node, goal, &wish));
        self.wishes.choose(&wish, join, ways)
    }

    pub(super) fn apply(
        &mut self,
        plan: &logical::Plan,
        join: &Join,
        correlated: &[ColumnId],
        needed: &ColumnSet,
        goal: &Goal,
    ) -> Vec<Candidate> {
        let mut below = columns_of(join.on.iter().chain(&join.null_aware));
        below.union_with(needed);
        below.extend(correlated.iter().copied());
        let left = self.best(&join.left, &below, &Goal::default()).plan;
        let right = self.best(&join.right, &below, &Goal::default()).plan;
        let rows = self.profile(plan).rows;
        let columns = join_columns(join.kind, &left, &right, needed);
        let runs = left.rows.max(1.0) * goal.part(rows);
        let cost =
            left.cost + runs * right.cost + cost::nested_loops(runs, right.rows, rows * goal.part(rows));
        let node = Node::Apply(Apply {
            kind: join.kind,
            left: Box::new(left),
            right: Box::new(right),
            correlated: correlated.to_vec(),
            on: join.on.clone(),
            null_aware: join.null_aware.clone(),
        });
        vec![Candidate::unordered(operator(rows, cost, columns, node))]
    }
}

/// The columns of a join: the left ones, then the right ones or the mark.
pub(super) fn join_columns(kind: JoinKind, left: &Plan, right: &Plan, needed: &ColumnSet) -> Vec<ColumnId> {
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

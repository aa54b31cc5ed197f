//! ORDER BY and LIMIT: sort everything, keep the first rows, or read in order and stop.

use super::order::{Order, of_keys};
use super::{Candidate, Goal, Search, columns_of, cop, kept, operator};
use crate::column_set::ColumnSet;
use crate::cost;
use crate::expr::Expr;
use crate::hints::HintKind;
use crate::logical::{self, SortKey};
use crate::physical::{Node, Plan};

/// What a Limit costs beside its input.
const STOP: f64 = 0.0;

impl Search<'_> {
    pub(super) fn sort(
        &mut self,
        input: &logical::Plan,
        keys: &[SortKey],
        needed: &ColumnSet,
        goal: &Goal,
    ) -> Vec<Candidate> {
        let below = with_keys(keys, needed);
        let any = self.best(input, &below, &Goal::default());
        let (rows, cost) = (any.plan.rows, any.plan.cost + cost::sort(any.plan.rows));
        let columns = kept(&any.plan.columns, needed);
        let node = Node::Sort { input: Box::new(any.plan), keys: keys.to_vec() };
        let order = of_keys(keys);
        let mut ways = vec![Candidate {
            plan: operator(rows, cost, columns, node),
            order: order.clone().unwrap_or_default(),
        }];
        if let Some(order) = order {
            let in_order = self.best(input, &below, &Goal { order: order.clone(), wanted: goal.wanted });
            // One that sorts below says the same as the one above.
            if !matches!(in_order.plan.node, Node::Sort { .. }) {
                ways.push(Candidate { plan: in_order.plan, order });
            }
        }
        ways
    }

    pub(super) fn limit(
        &mut self,
        plan: &logical::Plan,
        input: &logical::Plan,
        offset: u64,
        count: Option<u64>,
        needed: &ColumnSet,
        goal: &Goal,
    ) -> Vec<Candidate> {
        let rows = self.profile(plan).rows;
        let enough = count.map(|count| count.saturating_add(offset) as f64);
        let to_cop = self.wishes.asks(&HintKind::LimitToCop, plan);
        self.wishes.note_cop(&HintKind::LimitToCop, plan, input);
        let beside = |limited: Plan| match to_cop.then(|| cop::limit_below(&limited)).flatten() {
            Some(both) => both,
            None => limited,
        };
        let limited = |input: Plan| {
            let (cost, columns) = (input.cost + STOP, input.columns.clone());
            beside(operator(rows, cost, columns, Node::Limit { input: Box::new(input), offset, count }))
        };
        let (logical::Plan::Sort { input: unsorted, keys }, Some(enough), Some(count)) =
            (input, enough, count)
        else {
            let fetched = match (enough, goal.wanted) {
                (Some(a), Some(b)) => Some(a.min(b + offset as f64)),
                (a, b) => a.or(b.map(|b| b + offset as f64)),
            };
            let below = self.best(input, needed, &Goal { order: goal.order.clone(), wanted: fetched });
            return vec![Candidate { plan: limited(below.plan), order: below.order }];
        };
        let below = with_keys(keys, needed);
        let any = self.best(unsorted, &below, &Goal::default()).plan;
        let cost = any.cost + cost::top_n(any.rows, enough);
        let columns = kept(&any.columns, needed);
        let node = Node::TopN { input: Box::new(any), keys: keys.clone(), offset, count };
        let order = of_keys(keys);
        let top = beside(operator(rows, cost, columns, node));
        let mut ways = vec![Candidate { plan: top, order: order.clone().unwrap_or_default() }];
        if let Some(order) = order {
            let goal = Goal { order: order.clone(), wanted: Some(enough) };
            let in_order = self.best(unsorted, &below, &goal);
            if !matches!(in_order.plan.node, Node::Sort { .. }) {
                ways.push(Candidate { plan: limited(in_order.plan), order });
            }
        }
        ways
    }
}

/// What is needed above, and the keys' columns.
fn with_keys(keys: &[SortKey], needed: &ColumnSet) -> ColumnSet {
    let mut below = columns_of(keys.iter().map(|key| &key.expr));
    below.union_with(needed);
    below
}

/// The rows of a candidate, sorted.
pub(super) fn sorted(any: Candidate, order: &Order, columns: &crate::column::Columns) -> Candidate {
    let keys = order
        .iter()
        .map(|(id, descending)| SortKey {
            expr: Expr::column(*id, columns.ty(*id).clone()),
            descending: *descending,
        })
        .collect();
    let input = any.plan;
    let (rows, cost, columns) = (input.rows, input.cost + cost::sort(input.rows), input.columns.clone());
    let node = Node::Sort { input: Box::new(input), keys };
    Candidate { plan: operator(rows, cost, columns, node), order: order.clone() }
}

//! ORDER BY and LIMIT: sort everything, keep the first rows, or read in order and stop.

use super::order::{Order, of_keys};
use super::{Candidate, Goal, Search, columns_of, cop, kept, operator};
use crate::column_set::ColumnSet;
use crate::cost;
use crate::expr::Expr;
use crate::hints::HintKind;
use crate::logical::{self, SortKey};
use crate::physical::{Node, Plan, access};

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
        let keys = self.facts(input).deciding(keys);
        if keys.is_empty() {
            return vec![self.best(input, needed, goal)];
        }
        let below = with_keys(&keys, needed);
        let any = self.best(input, &below, &Goal::default());
        let (rows, cost) = (any.plan.rows, any.plan.cost + cost::sort(any.plan.rows));
        let columns = kept(&any.plan.columns, needed);
        let order = of_keys(&keys);
        let node = Node::Sort { input: Box::new(any.plan), keys };
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
        let enough = count.map(|count| count.saturating_add(offset));
        let to_cop = self.wishes.asks(&HintKind::LimitToCop, plan);
        self.wishes.note_cop(&HintKind::LimitToCop, plan, Some(input));
        let beside = |limited: Plan| match to_cop.then(|| cop::limit_below(&limited)).flatten() {
            Some(both) => both,
            None => limited,
        };
        let limited = |input: Plan| {
            let cost = input.cost + STOP;
            beside(Plan { cost, ..access::limited(input, offset, count, rows) })
        };
        let (unsorted, keys) = match input {
            logical::Plan::Sort { input, keys } => (&**input, self.facts(input).deciding(keys)),
            other => (other, Vec::new()),
        };
        let (Some(enough), Some(count), false) = (enough, count, keys.is_empty()) else {
            let input = if keys.is_empty() { unsorted } else { input };
            let fetched = match (enough.map(|rows| rows as f64), goal.wanted) {
                (Some(a), Some(b)) => Some(a.min(b + offset as f64)),
                (a, b) => a.or(b.map(|b| b + offset as f64)),
            };
            let below = self.best(input, needed, &Goal { order: goal.order.clone(), wanted: fetched });
            let parts = enough.and_then(|enough| self.first_of_partitions(input, needed, &[], enough));
            return match parts {
                Some(parts) if goal.order.is_empty() => vec![Candidate::unordered(limited(parts))],
                Some(_) | None => vec![Candidate { plan: limited(below.plan), order: below.order }],
            };
        };
        let below = with_keys(&keys, needed);
        let order = of_keys(&keys);
        let parts = self.first_of_partitions(unsorted, &below, &keys, enough);
        let any = match parts {
            Some(parts) => parts,
            None => self.best(unsorted, &below, &Goal::default()).plan,
        };
        let cost = any.cost + cost::top_n(any.rows, enough as f64);
        let columns = kept(&any.columns, needed);
        let node = Node::TopN { input: Box::new(any), keys, offset, count };
        let top = beside(operator(rows, cost, columns, node));
        let mut ways = vec![Candidate { plan: top, order: order.clone().unwrap_or_default() }];
        if let Some(order) = order {
            let goal = Goal { order: order.clone(), wanted: Some(enough as f64) };
            let in_order = self.best(unsorted, &below, &goal);
            if !matches!(in_order.plan.node, Node::Sort { .. }) {
                ways.push(Candidate { plan: limited(in_order.plan), order });
            }
        }
        ways
    }

    /// The first rows of each partition of a table of which each is read by itself.
    fn first_of_partitions(
        &self,
        input: &logical::Plan,
        needed: &ColumnSet,
        keys: &[SortKey],
        enough: u64,
    ) -> Option<Plan> {
        let logical::Plan::Scan(scan) = input else { return None };
        access::of_partitions(&self.access, scan, needed, keys, &of_keys(keys).unwrap_or_default(), enough)
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

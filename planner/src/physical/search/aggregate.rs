//! GROUP BY: by hashing, or in the order of an input that is sorted by the group columns, which saves a sort above.
//!
//! The executor groups sorted input as it groups any other and puts the groups in the order in which they were met, so the
//! method is for its order and not for its speed.

use super::order::Order;
use super::{Candidate, Goal, Search, columns_of, cop, operator};
use crate::column::ColumnId;
use crate::cost;
use crate::expr::{AggregateCall, Expr};
use crate::hints::HintKind;
use crate::logical;
use crate::physical::{Aggregation, Node};

impl Search<'_> {
    pub(super) fn aggregate(
        &mut self,
        plan: &logical::Plan,
        input: &logical::Plan,
        group_by: &[(ColumnId, Expr)],
        aggregates: &[(ColumnId, AggregateCall)],
        goal: &Goal,
    ) -> Vec<Candidate> {
        let used = group_by.iter().map(|(_, e)| e).chain(aggregates.iter().flat_map(|(_, c)| &c.args));
        let below = columns_of(used);
        let groups = self.profile(plan).rows;
        let columns = plan.columns();
        let aggregation = |input| Aggregation {
            input: Box::new(input),
            group_by: group_by.to_vec(),
            aggregates: aggregates.to_vec(),
        };
        let any = self.best(input, &below, &Goal::default()).plan;
        let cost = any.cost + cost::hash_aggregate(any.rows, groups);
        let hashed = operator(groups, cost, columns.clone(), Node::HashAgg(aggregation(any)));
        let mut ways = vec![Candidate::unordered(hashed)];
        if self.wishes.asks(&HintKind::AggToCop, plan)
            && let Some(split) = cop::aggregate_below(&ways[0].plan, self.columns)
        {
            ways = vec![split];
        }
        let streams = self.wishes.asks(&HintKind::StreamAgg, plan) || !goal.order.is_empty();
        if let Some(order) = sort_of(group_by, &goal.order).filter(|_| streams) {
            let sorted = self.best(input, &below, &Goal::order(order.clone())).plan;
            let cost = sorted.cost + cost::stream_aggregate(sorted.rows, groups);
            let node = Node::StreamAgg(aggregation(sorted));
            let shown =
                |id: ColumnId| group_by.iter().find(|(_, e)| e.as_column() == Some(id)).map(|(out, _)| *out);
            let order = super::order::renamed(&order, shown);
            ways.push(Candidate { plan: operator(groups, cost, columns, node), order });
        }
        self.wishes.choose_aggregation(plan, ways)
    }
}

/// The order of the input by all group columns, those first that the order above begins with; `None` if there are no group
/// columns or one is computed.
fn sort_of(group_by: &[(ColumnId, Expr)], wanted: &[(ColumnId, bool)]) -> Option<Order> {
    if group_by.is_empty() {
        return None;
    }
    let source = |id: ColumnId| group_by.iter().find(|(out, _)| *out == id)?.1.as_column();
    let mut order: Order = wanted.iter().map_while(|(id, down)| Some((source(*id)?, *down))).collect();
    for (_, e) in group_by {
        let id = e.as_column()?;
        if !order.iter().any(|(known, _)| *known == id) {
            order.push((id, false));
        }
    }
    Some(order)
}

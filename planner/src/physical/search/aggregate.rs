//! GROUP BY: by hashing, or in the order of an input that is sorted by the group columns, which saves a sort above.
//!
//! The executor groups sorted input as it groups any other and puts the groups in the order in which they were met, so the
//! method is for its order and not for its speed.
//!
//! MIN and MAX of one column, without groups, look at the first row in the order of that column, and at the last, where an
//! index has them in that order (TiDB's `max_min_eliminate`):
//!
//! ```sql
//! select min(a), max(a) from t     -- HashAgg over the union of (Limit 1 of a ascending) and (Limit 1 of a descending)
//! ```

use super::order::Order;
use super::{Candidate, Goal, Search, columns_of, cop, operator};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::cost;
use crate::expr::{AggregateCall, Expr};
use crate::hints::HintKind;
use crate::logical;
use crate::logical::predicate::{known, rejects_nulls};
use crate::physical::{Aggregation, Node};
use crate::rules::extremes;

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
        let mut split = None;
        if self.wishes.asks(&HintKind::AggToCop, plan) {
            split = cop::aggregate_below(&ways[0].plan, self.columns);
            let splits = split.is_some() || cop::splits(aggregates);
            self.wishes.note_cop(&HintKind::AggToCop, plan, splits.then_some(input));
        }
        if let Some(split) = split.or_else(|| cop::aggregate_partitions(&ways[0].plan, self.columns)) {
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
            ways.push(Candidate { plan: operator(groups, cost, columns.clone(), node), order });
        }
        if group_by.is_empty()
            && let Some(ends) = self.ends(input, aggregates)
        {
            let cost = ends.cost + cost::hash_aggregate(ends.rows, groups);
            ways.push(Candidate::unordered(operator(
                groups,
                cost,
                columns,
                Node::HashAgg(aggregation(ends)),
            )));
        }
        self.wishes.choose_aggregation(plan, ways)
    }

    /// The rows of the input that MIN and MAX of one column come from, if some order gives them without a sort.
    fn ends(
        &mut self,
        input: &logical::Plan,
        aggregates: &[(ColumnId, AggregateCall)],
    ) -> Option<crate::physical::Plan> {
        let (column, directions) = extremes(aggregates)?;
        // NULLs come first, and are no minimum. (The rule `extremes` has excluded them.)
        let nulls: ColumnSet = [column].into_iter().collect();
        if directions.contains(&false)
            && self.columns.ty(column).nullable
            && !known(input).iter().any(|e| rejects_nulls(e, &nulls))
        {
            return None;
        }
        let mut ends = Vec::with_capacity(directions.len());
        for descending in directions {
            let goal = Goal { order: vec![(column, descending)], wanted: Some(1.0) };
            let first = self.best(input, &nulls, &goal).plan;
            if matches!(first.node, Node::Sort { .. }) {
                return None;
            }
            let (cost, columns) = (first.cost, first.columns.clone());
            let limit = Node::Limit { input: Box::new(first), offset: 0, count: Some(1) };
            ends.push(operator(1.0, cost, columns, limit));
        }
        match <[_; 1]>::try_from(ends) {
            Ok([end]) => Some(end),
            Err(ends) => {
                let (rows, cost) = (ends.len() as f64, ends.iter().map(|end| end.cost).sum());
                let inputs = ends.into_iter().map(|end| (end, vec![column])).collect();
                Some(operator(rows, cost, vec![column], Node::Union { inputs, recursion: None }))
            }
        }
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

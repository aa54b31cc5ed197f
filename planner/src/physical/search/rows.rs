//! Operators that let rows through one by one, and leaves that need no choice.

use super::order::{Order, renamed};
use super::{Candidate, Goal, Search, columns_of, kept, operator, passing};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::expr::Expr;
use crate::logical;
use crate::physical::access::ordered;
use crate::physical::{Node, Recursion};

impl Search<'_> {
    pub(super) fn filter(
        &mut self,
        plan: &logical::Plan,
        input: &logical::Plan,
        predicates: &[Expr],
        needed: &ColumnSet,
        goal: &Goal,
    ) -> Vec<Candidate> {
        let mut below = columns_of(predicates);
        below.union_with(needed);
        let (above, profile) = (self.profile(plan), self.profile(input));
        let predicates = ordered(predicates.to_vec(), &profile);
        let goals = self.goals_below(goal, goal.order.clone(), goal.through(profile.rows, above.rows));
        let ways = goals.iter().map(|goal_below| {
            let Candidate { plan: input, order } = self.best(input, &below, goal_below);
            let cost = input.cost + passing(input.rows * goal.part(above.rows), predicates.len());
            let columns = kept(&input.columns, needed);
            let node = Node::Selection { input: Box::new(input), predicates: predicates.clone() };
            Candidate { plan: operator(above.rows, cost, columns, node), order }
        });
        ways.collect()
    }

    pub(super) fn project(
        &mut self,
        input: &logical::Plan,
        exprs: &[(ColumnId, Expr)],
        needed: &ColumnSet,
        goal: &Goal,
    ) -> Vec<Candidate> {
        let exprs: Vec<(ColumnId, Expr)> =
            exprs.iter().filter(|(id, e)| needed.contains(*id) || e.assigns()).cloned().collect();
        let below = columns_of(exprs.iter().map(|(_, e)| e));
        let source = |id: ColumnId| exprs.iter().find(|(out, _)| *out == id)?.1.as_column();
        let order =
            goal.order.iter().map(|(id, down)| Some((source(*id)?, *down))).collect::<Option<Order>>();
        let goals = self.goals_below(goal, order.unwrap_or_default(), goal.wanted);
        let ways = goals.iter().map(|goal_below| {
            let Candidate { plan: input, order } = self.best(input, &below, goal_below);
            let plain = exprs.iter().all(|(id, e)| e.as_column() == Some(*id) && input.columns.contains(id));
            let shown =
                |id: ColumnId| exprs.iter().find(|(_, e)| e.as_column() == Some(id)).map(|(out, _)| *out);
            let order = renamed(&order, shown);
            if plain {
                return Candidate { plan: input, order };
            }
            let computed = exprs.iter().filter(|(_, e)| e.as_column().is_none()).count();
            let cost = input.cost + passing(input.rows * goal.part(input.rows), computed);
            let (rows, columns) = (input.rows, exprs.iter().map(|(id, _)| *id).collect());
            let node = Node::Projection { input: Box::new(input), exprs: exprs.clone() };
            Candidate { plan: operator(rows, cost, columns, node), order }
        });
        ways.collect()
    }

    /// What to ask of an input whose rows are let through in their order: the order, and no order.
    fn goals_below(&self, goal: &Goal, order: Order, wanted: Option<f64>) -> Vec<Goal> {
        if goal.order.is_empty() {
            return vec![Goal::wanted(wanted)];
        }
        // What cannot be had in order below is sorted here, by the caller.
        if order.is_empty() { vec![] } else { vec![Goal { order, wanted }] }
    }

    pub(super) fn union(
        &mut self,
        plan: &logical::Plan,
        inputs: &[(logical::Plan, Vec<ColumnId>)],
        columns: &[ColumnId],
        recursion: Option<&Recursion>,
        goal: &Goal,
    ) -> Vec<Candidate> {
        let rows = self.profile(plan).rows;
        // A round that ends early leaves the next one without its rows.
        let wanted = goal.wanted.filter(|_| recursion.is_none());
        let inputs: Vec<_> = inputs
            .iter()
            .map(|(input, ids)| {
                let needed = ids.iter().copied().collect();
                (self.best(input, &needed, &Goal::wanted(wanted)).plan, ids.clone())
            })
            .collect();
        let cost = inputs.iter().map(|(input, _)| input.cost).sum();
        vec![Candidate::unordered(operator(
            rows,
            cost,
            columns.to_vec(),
            Node::Union { inputs, recursion: recursion.cloned() },
        ))]
    }

    pub(super) fn max_one_row(&mut self, input: &logical::Plan, needed: &ColumnSet) -> Vec<Candidate> {
        // A second row is an error, so there is no need for a third.
        let input = self.best(input, needed, &Goal::wanted(Some(2.0))).plan;
        let (cost, columns) = (input.cost, input.columns.clone());
        vec![Candidate::unordered(operator(1.0, cost, columns, Node::MaxOneRow { input: Box::new(input) }))]
    }

    pub(super) fn values(
        &mut self,
        plan: &logical::Plan,
        rows: &[Vec<Expr>],
        columns: &[ColumnId],
    ) -> Vec<Candidate> {
        let count = self.profile(plan).rows;
        let node = Node::Values { rows: rows.to_vec() };
        vec![Candidate::unordered(operator(count, 0.0, columns.to_vec(), node))]
    }

    pub(super) fn cte_scan(
        &mut self,
        plan: &logical::Plan,
        cte: usize,
        columns: &[(ColumnId, ColumnId)],
        needed: &ColumnSet,
    ) -> Vec<Candidate> {
        let rows = self.profile(plan).rows;
        let wanted: Vec<_> = columns.iter().filter(|(id, _)| needed.contains(*id)).collect();
        let source = wanted.iter().map(|(_, source)| *source).collect();
        let columns: Vec<ColumnId> = wanted.iter().map(|(id, _)| *id).collect();
        let cost = crate::cost::scan(rows, columns.len());
        vec![Candidate::unordered(operator(rows, cost, columns, Node::CteScan { cte, source }))]
    }
}

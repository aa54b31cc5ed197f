//! Window functions: one way, over input that comes in the window's order.

use super::{Candidate, Goal, Search, columns_of, operator, passing};
use crate::column_set::ColumnSet;
use crate::logical::{self, Window};
use crate::physical::Node;

impl Search<'_> {
    /// The sort right below decides whether it sorts or reads in order.
    pub(super) fn window(
        &mut self,
        input: &logical::Plan,
        window: &Window,
        needed: &ColumnSet,
    ) -> Vec<Candidate> {
        let mut below = needed.clone();
        below.union_with(&columns_of(window.exprs()));
        below.subtract(&window.columns().collect());
        let Candidate { plan: input, order } = self.best(input, &below, &Goal::default());
        let rows = input.rows;
        // Each function goes over all rows, once or twice.
        let cost = input.cost + passing(rows, 2 * window.calls.len());
        let columns = input.columns.iter().copied().chain(window.columns()).collect();
        let node = Node::Window { input: Box::new(input), window: window.clone() };
        vec![Candidate { plan: operator(rows, cost, columns, node), order }]
    }
}

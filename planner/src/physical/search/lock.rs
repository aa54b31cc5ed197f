//! FOR UPDATE: rows go through it as they come. A point read locks by itself, for it knows keys that have no row, too.

use super::{Candidate, Goal, Search, operator};
use crate::column_set::ColumnSet;
use crate::logical::{self, RowLock};
use crate::physical::{Node, Plan};

impl Search<'_> {
    pub(super) fn lock(
        &mut self,
        input: &logical::Plan,
        lock: &RowLock,
        needed: &ColumnSet,
        goal: &Goal,
    ) -> Vec<Candidate> {
        let mut below = needed.clone();
        below.extend(lock.columns());
        let Candidate { plan, order } = self.best(input, &below, goal);
        vec![Candidate { plan: locked(plan, lock), order }]
    }
}

fn locked(input: Plan, lock: &RowLock) -> Plan {
    match (input.node, lock.tables.as_slice()) {
        (Node::PointGet(mut get), [_]) => {
            get.lock = Some((lock.strength, lock.wait));
            Plan { node: Node::PointGet(get), ..input }
        }
        (node, _) => {
            let (rows, cost, columns) = (input.rows, input.cost, input.columns.clone());
            let input = Box::new(Plan { node, ..input });
            operator(rows, cost, columns, Node::SelectLock { input, lock: lock.clone() })
        }
    }
}

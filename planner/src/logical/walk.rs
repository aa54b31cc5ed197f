//! Generic walkers over logical plans.

use hashbrown::HashMap;

use super::{Join, JoinKind, Plan, RowLock, Scan};
use crate::column::{ColumnId, Columns};
use crate::column_set::ColumnSet;
use crate::expr::{AggregateCall, Expr};
use crate::physical::Recursion;

impl Plan {
    /// Calls `visit` on every expression of this node, not of its inputs.
    pub(crate) fn visit_own_exprs(&self, visit: &mut impl FnMut(&Expr)) {
        match self {
            Plan::Scan(scan) => scan.predicates.iter().for_each(visit),
            Plan::Values { rows, .. } => rows.iter().flatten().for_each(visit),
            Plan::Filter { predicates, .. } => predicates.iter().for_each(visit),
            Plan::Project { exprs, .. } => exprs.iter().for_each(|(_, e)| visit(e)),
            Plan::Join(join) | Plan::Apply { join, .. } => {
                join.on.iter().chain(&join.null_aware).for_each(visit);
            }
            Plan::Aggregate { group_by, aggregates, .. } => {
                group_by.iter().for_each(|(_, e)| visit(e));
                aggregates.iter().flat_map(|(_, call)| &call.args).for_each(visit);
            }
            Plan::Sort { keys, .. } => keys.iter().for_each(|key| visit(&key.expr)),
            Plan::Window { window, .. } => window.exprs().for_each(visit),
            Plan::Limit { .. }
            | Plan::Union { .. }
            | Plan::MaxOneRow { .. }
            | Plan::Lock { .. }
            | Plan::CteScan { .. } => {}
        }
    }

    /// Rebuilds this node, not its inputs, with every expression replaced by `f` of it.
    pub(crate) fn map_own_exprs(self, f: &mut impl FnMut(Expr) -> Expr) -> Plan {
        let all = |exprs: Vec<Expr>, f: &mut dyn FnMut(Expr) -> Expr| exprs.into_iter().map(f).collect();
        match self {
            Plan::Scan(scan) => {
                let predicates = all(scan.predicates, f);
                Plan::Scan(Scan { predicates, ..scan })
            }
            Plan::Values { rows, columns } => {
                Plan::Values { rows: rows.into_iter().map(|row| all(row, f)).collect(), columns }
            }
            Plan::Filter { input, predicates } => Plan::Filter { input, predicates: all(predicates, f) },
            Plan::Project { input, exprs } => {
                Plan::Project { input, exprs: exprs.into_iter().map(|(id, e)| (id, f(e))).collect() }
            }
            Plan::Join(join) => {
                let (on, null_aware) = (all(join.on, f), all(join.null_aware, f));
                Plan::Join(Join { on, null_aware, ..join })
            }
            Plan::Apply { join, correlated } => {
                let (on, null_aware) = (all(join.on, f), all(join.null_aware, f));
                Plan::Apply { join: Join { on, null_aware, ..join }, correlated }
            }
            Plan::Aggregate { input, group_by, aggregates } => Plan::Aggregate {
                input,
                group_by: group_by.into_iter().map(|(id, e)| (id, f(e))).collect(),
                aggregates: aggregates
                    .into_iter()
                    .map(|(id, call)| (id, AggregateCall { args: all(call.args, f), ..call }))
                    .collect(),
            },
            Plan::Sort { input, mut keys } => {
                for key in &mut keys {
                    key.expr = f(key.expr.clone());
                }
                Plan::Sort { input, keys }
            }
            Plan::Window { input, window } => Plan::Window { input, window: window.map(f) },
            same @ (Plan::Limit { .. }
            | Plan::Union { .. }
            | Plan::MaxOneRow { .. }
            | Plan::Lock { .. }
            | Plan::CteScan { .. }) => same,
        }
    }

    /// Calls `visit` on this node and every node below it, parents first.
    pub(crate) fn walk(&self, visit: &mut impl FnMut(&Plan)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// Whether somewhere in the tree a user variable is assigned to.
    pub(crate) fn assigns(&self) -> bool {
        let mut found = false;
        self.walk(&mut |node| node.visit_own_exprs(&mut |e| found |= e.assigns()));
        found
    }

    /// Rebuilds the tree bottom up: inputs first, then `f` on the node that holds the new inputs.
    pub(crate) fn transform_up(self, f: &mut impl FnMut(Plan) -> Plan) -> Plan {
        let rebuilt = self.map_children(&mut |child| child.transform_up(f));
        f(rebuilt)
    }

    /// The columns it produces, as a set.
    pub(crate) fn column_set(&self) -> ColumnSet {
        self.columns().into_iter().collect()
    }

    /// The columns that its own expressions use.
    pub(crate) fn used_columns(&self) -> ColumnSet {
        let mut used = ColumnSet::new();
        self.visit_own_exprs(&mut |e| used.extend(e.columns()));
        match self {
            Plan::Union { inputs, .. } => inputs.iter().for_each(|(_, ids)| used.extend(ids.iter().copied())),
            Plan::Lock { lock, .. } => used.extend(lock.columns()),
            Plan::Scan(_)
            | Plan::Values { .. }
            | Plan::Filter { .. }
            | Plan::Project { .. }
            | Plan::Join(_)
            | Plan::Apply { .. }
            | Plan::Aggregate { .. }
            | Plan::Sort { .. }
            | Plan::Window { .. }
            | Plan::Limit { .. }
            | Plan::MaxOneRow { .. }
            | Plan::CteScan { .. } => {}
        }
        used
    }

    /// The columns that the tree uses and no node of it produces: what makes it a correlated subquery.
    pub(crate) fn free_columns(&self) -> ColumnSet {
        let (mut used, mut produced) = (ColumnSet::new(), ColumnSet::new());
        self.walk(&mut |node| {
            used.union_with(&node.used_columns());
            produced.extend(node.columns());
        });
        used.subtract(&produced);
        used
    }

    /// The columns that it produces are renamed throughout the tree to fresh ids, which makes the copy independent of
    /// the original; returns the copy and what became of each id.
    pub(crate) fn fresh_copy(&self, columns: &mut Columns) -> (Plan, HashMap<ColumnId, ColumnId>) {
        let mut renamed = HashMap::new();
        self.walk(&mut |node| {
            for id in node.columns() {
                renamed.entry(id).or_insert_with(|| columns.add(columns.get(id).clone()));
            }
        });
        let copy = self.clone().rename(&|id| renamed.get(&id).copied().unwrap_or(id));
        (copy, renamed)
    }

    /// Replaces every column id in the tree, where it is produced and where it is used.
    fn rename(self, to: &impl Fn(ColumnId) -> ColumnId) -> Plan {
        let node = self.map_own_exprs(&mut |e| e.rename(to)).map_children(&mut |child| child.rename(to));
        match node {
            Plan::Scan(mut scan) => {
                scan.columns.iter_mut().for_each(|(id, _)| *id = to(*id));
                Plan::Scan(scan)
            }
            Plan::Values { rows, columns } => {
                Plan::Values { rows, columns: columns.into_iter().map(to).collect() }
            }
            Plan::Project { input, exprs } => {
                Plan::Project { input, exprs: exprs.into_iter().map(|(id, e)| (to(id), e)).collect() }
            }
            Plan::Join(join) => Plan::Join(join.rename_mark(to)),
            Plan::Apply { join, correlated } => Plan::Apply {
                join: join.rename_mark(to),
                correlated: correlated.into_iter().map(to).collect(),
            },
            Plan::Aggregate { input, group_by, aggregates } => Plan::Aggregate {
                input,
                group_by: group_by.into_iter().map(|(id, e)| (to(id), e)).collect(),
                aggregates: aggregates.into_iter().map(|(id, call)| (to(id), call)).collect(),
            },
            Plan::Window { input, mut window } => {
                window.calls.iter_mut().for_each(|(id, _)| *id = to(*id));
                Plan::Window { input, window }
            }
            Plan::Union { inputs, columns, recursion } => Plan::Union {
                recursion: recursion.map(|recursion| Recursion {
                    distinct: recursion.distinct.map(|ids| ids.into_iter().map(to).collect()),
                    ..recursion
                }),
                inputs: inputs
                    .into_iter()
                    .map(|(plan, ids)| (plan, ids.into_iter().map(to).collect()))
                    .collect(),
                columns: columns.into_iter().map(to).collect(),
            },
            Plan::Lock { input, mut lock } => {
                let columns = lock.tables.iter_mut().flat_map(|locked| &mut locked.columns);
                columns.for_each(|(_, id)| *id = to(*id));
                Plan::Lock { input, lock }
            }
            // The second id belongs to the plan of the CTE, which is not part of this tree.
            Plan::CteScan { cte, columns } => Plan::CteScan {
                cte,
                columns: columns.into_iter().map(|(id, source)| (to(id), source)).collect(),
            },
            same
            @ (Plan::Filter { .. } | Plan::Sort { .. } | Plan::Limit { .. } | Plan::MaxOneRow { .. }) => same,
        }
    }
}

impl RowLock {
    /// The columns that tell which rows it locks.
    pub(crate) fn columns(&self) -> impl Iterator<Item = ColumnId> + '_ {
        self.tables.iter().flat_map(|locked| &locked.columns).map(|(_, id)| *id)
    }
}

impl Join {
    fn rename_mark(mut self, to: &impl Fn(ColumnId) -> ColumnId) -> Join {
        if let JoinKind::Mark(id) = self.kind {
            self.kind = JoinKind::Mark(to(id));
        }
        self
    }
}

impl Expr {
    fn rename(self, to: &impl Fn(ColumnId) -> ColumnId) -> Expr {
        self.transform(&mut |e| match e {
            Expr::Column { id, ty } => Expr::Column { id: to(id), ty },
            other @ (Expr::Constant { .. } | Expr::Call { .. }) => other,
        })
    }

    /// The columns it uses, as a set.
    pub(crate) fn column_set(&self) -> ColumnSet {
        let mut set = ColumnSet::new();
        self.walk(&mut |e| {
            if let Expr::Column { id, .. } = e {
                set.insert(*id);
            }
        });
        set
    }

    /// Its id, if it is a column.
    pub(crate) fn as_column(&self) -> Option<ColumnId> {
        match self {
            Expr::Column { id, .. } => Some(*id),
            Expr::Constant { .. } | Expr::Call { .. } => None,
        }
    }

    /// Replaces columns by expressions; columns that `by` does not know stay.
    pub(crate) fn substitute(self, by: &HashMap<ColumnId, Expr>) -> Expr {
        self.transform(&mut |e| match &e {
            Expr::Column { id, .. } => by.get(id).cloned().unwrap_or(e),
            Expr::Constant { .. } | Expr::Call { .. } => e,
        })
    }
}

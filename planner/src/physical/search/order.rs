//! Orders of rows, and what makes one order as good as another.
//!
//! ```sql
//! where a = 5 order by a, b            -- an order by b will do: a is constant
//! order by pk, x                       -- an order by pk will do: no two rows agree on it
//! r join s on r.a = s.b order by s.b   -- an order by r.a will do
//! ```

use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::expr::Expr;
use crate::logical::dependencies::Dependencies;
use crate::logical::keys::unique_keys;
use crate::logical::predicate::equality;
use crate::logical::{JoinKind, Plan, SortKey};

/// Columns and whether descending, most significant first. NULLs come first, last if descending.
pub(super) type Order = Vec<(ColumnId, bool)>;

/// The order that sort keys ask for, if they are all columns.
pub(super) fn of_keys(keys: &[SortKey]) -> Option<Order> {
    keys.iter().map(|key| Some((key.expr.as_column()?, key.descending))).collect()
}

/// What holds of all rows of a plan, as far as orders are concerned.
#[derive(Debug)]
pub(super) struct Facts {
    dependencies: Dependencies,
    /// Pairs of columns that are equal.
    same: Vec<(ColumnId, ColumnId)>,
    /// Sets of columns on which no two rows agree.
    pub(super) keys: Vec<ColumnSet>,
}

impl Facts {
    pub(super) fn of(plan: &Plan) -> Facts {
        let mut same = Vec::new();
        equal_columns(plan, &mut same);
        Facts { dependencies: Dependencies::of(plan), same, keys: unique_keys(plan, &[]) }
    }

    /// Whether rows that come in the order `given` are in the order `wanted`.
    pub(super) fn meets(&self, given: &[(ColumnId, bool)], wanted: &[(ColumnId, bool)]) -> bool {
        let mut decided = self.determined(&ColumnSet::new());
        let mut given = given.iter();
        for (column, descending) in wanted {
            if decided.contains(*column) {
                continue;
            }
            // What is decided already does not order anything.
            let Some((by, down)) = given.find(|(id, _)| !decided.contains(*id)) else { return false };
            if down != descending || !self.equal(*by, *column) {
                return false;
            }
            decided.insert(*by);
            decided.insert(*column);
            decided = self.determined(&decided);
        }
        true
    }

    /// Whether at most one row has each combination of values of these columns.
    pub(super) fn is_key(&self, columns: &ColumnSet) -> bool {
        let decided = self.determined(columns);
        self.keys.iter().any(|key| key.is_subset(&decided))
    }

    /// The keys that are not the same in all rows.
    pub(super) fn deciding(&self, keys: &[SortKey]) -> Vec<SortKey> {
        let same = self.determined(&ColumnSet::new());
        let decides = |e: &Expr| e.is_volatile() || !e.column_set().is_subset(&same);
        keys.iter().filter(|key| decides(&key.expr)).cloned().collect()
    }

    /// All columns that have one value in the rows that agree on the given ones.
    fn determined(&self, by: &ColumnSet) -> ColumnSet {
        self.dependencies.closure(by)
    }

    /// Whether two columns are equal in every row.
    pub(super) fn equal(&self, a: ColumnId, b: ColumnId) -> bool {
        let mut reached: Vec<ColumnId> = vec![a];
        let mut at = 0;
        while at < reached.len() {
            let from = reached[at];
            if from == b {
                return true;
            }
            for (x, y) in &self.same {
                for (near, far) in [(x, y), (y, x)] {
                    if *near == from && !reached.contains(far) {
                        reached.push(*far);
                    }
                }
            }
            at += 1;
        }
        false
    }
}

fn equal_columns(plan: &Plan, out: &mut Vec<(ColumnId, ColumnId)>) {
    let mut add = |predicates: &[Expr]| {
        let pairs = predicates.iter().filter_map(equality);
        out.extend(pairs.filter_map(|(a, b)| Some((a.as_column()?, b.as_column()?))));
    };
    match plan {
        Plan::Scan(scan) => add(&scan.predicates),
        Plan::Filter { input, predicates } => {
            add(predicates);
            equal_columns(input, out);
        }
        Plan::Project { input, exprs } => {
            out.extend(exprs.iter().filter_map(|(id, e)| Some((*id, e.as_column()?))));
            equal_columns(input, out);
        }
        Plan::Join(join) => {
            if join.kind == JoinKind::Inner {
                add(&join.on);
                equal_columns(&join.right, out);
            }
            equal_columns(&join.left, out);
        }
        Plan::Apply { join, .. } => equal_columns(&join.left, out),
        Plan::Aggregate { input, group_by, .. } => {
            out.extend(group_by.iter().filter_map(|(id, e)| Some((*id, e.as_column()?))));
            // Of the rows of a group only the group columns are left, and they were equal in all of them.
            equal_columns(input, out);
        }
        Plan::Sort { input, .. }
        | Plan::Window { input, .. }
        | Plan::Limit { input, .. }
        | Plan::Lock { input, .. } => {
            equal_columns(input, out);
        }
        Plan::Values { .. } | Plan::Union { .. } | Plan::CteScan { .. } | Plan::MaxOneRow { .. } => {}
    }
}

/// The order that is left when columns are renamed or dropped: up to the first that is gone.
pub(super) fn renamed(order: &[(ColumnId, bool)], to: impl Fn(ColumnId) -> Option<ColumnId>) -> Order {
    order.iter().map_while(|(id, descending)| Some((to(*id)?, *descending))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeCatalog, bind_query};

    /// The facts of a query's plan, and the columns of its output.
    fn facts(sql: &str) -> (Facts, Vec<ColumnId>) {
        let catalog = FakeCatalog::new(
            "create table t (a int not null, b int, c int, primary key (a));
             create table u (x int not null, y int not null, z int, primary key (x, y))",
        );
        let mut bound = bind_query(&catalog, sql).expect("it binds");
        let (query, _) = crate::rules::rewrite(bound.query, &mut bound.columns, &bound.hints);
        (Facts::of(&query.plan), query.output.iter().map(|c| c.id).collect())
    }

    fn up(ids: &[ColumnId]) -> Order {
        ids.iter().map(|id| (*id, false)).collect()
    }

    #[test]
    fn constants_and_keys_need_not_be_sorted_by() {
        let (facts, c) = facts("select a, b, c from t where b = 5");
        assert!(facts.meets(&up(&[c[2]]), &up(&[c[1], c[2]])), "b is constant");
        assert!(facts.meets(&up(&[c[0]]), &up(&[c[0], c[2]])), "a is the key");
        assert!(!facts.meets(&up(&[c[2]]), &up(&[c[0]])));
        assert!(!facts.meets(&[(c[0], true)], &up(&[c[0]])), "the other way round");
        assert!(facts.meets(&[(c[2], true), (c[0], false)], &[(c[2], true)]), "more than enough");
        assert!(!facts.meets(&[(c[2], true)], &[(c[2], true), (c[0], false)]));
    }

    #[test]
    fn what_a_join_makes_equal_orders_alike() {
        let (facts, c) = facts("select a, x, y from t join u on a = x");
        assert!(facts.meets(&up(&[c[0], c[2]]), &up(&[c[1], c[2]])));
        assert!(facts.meets(&up(&[c[1], c[2]]), &up(&[c[0], c[1], c[2]])));
        assert!(!facts.meets(&up(&[c[2]]), &up(&[c[0]])));
        assert!(facts.is_key(&[c[0], c[2]].into_iter().collect()));
    }

    #[test]
    fn an_outer_join_makes_nothing_equal() {
        let (facts, c) = facts("select a, x from t left join u on a = x");
        assert!(!facts.meets(&up(&[c[0]]), &up(&[c[1]])));
    }
}

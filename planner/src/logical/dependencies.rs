//! What determines what: functional dependencies among the columns of a plan.
//!
//! A *dependency* `from -> to` says that rows that agree on `from` agree on `to`; two NULLs agree, as they do in GROUP BY. They
//! come from keys of tables, from generated columns, and from equalities of WHERE and ON:
//!
//! ```text
//! t (a primary key, b)                       a -> b
//! t (a, b not null, c, unique (a, b))        a, b -> c     if WHERE or ON lets no NULL of a pass: WHERE a > 3
//! t (a, b as (a + 1))                        a -> b
//! WHERE t.a = u.a + 1                        u.a -> t.a
//! ```
//!
//! **Outer joins.** `l LEFT JOIN r ON p` gives NULLs to the columns of `r` where no row matches. If what stands above lets no
//! such row pass, it is an inner join. Otherwise a dependency of `r` needs to know whether a row was padded: it does if a
//! column of `from` is never NULL in `r`; and what `p` uses of `l` decides it as well:
//!
//! ```text
//! t LEFT JOIN u ON t.a = u.b                 t.a -> u.b     but not: u.b -> t.a
//! t LEFT JOIN u ON t.a = u.b                 u.pk -> u.c
//! t LEFT JOIN u ON t.a = u.b AND u.c = 3     t.a -> u.c     without t.a it may be 3 or NULL
//! ```
//!
//! Left out: `<=>`, and equalities between rows of what a subquery yields.

use std::sync::Arc;

use super::predicate::{equality, rejects_nulls};
use super::{Join, JoinKind, Plan, Scan};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::expr::Expr;
use crate::generated::GeneratedColumns;

/// Functional dependencies among the columns of a plan, those below projections included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dependencies {
    rules: Vec<(ColumnSet, ColumnSet)>,
}

/// Where generated columns of a table are learned.
type Generators<'a> = &'a dyn Fn(&Scan) -> Option<Arc<GeneratedColumns>>;

impl Dependencies {
    /// What holds for the rows that the plan yields.
    pub(crate) fn of(plan: &Plan) -> Dependencies {
        Dependencies::with(plan, &|scan| scan.generated.clone())
    }

    /// The same, where the scans need not know of generated columns that no key has.
    pub(crate) fn with(plan: &Plan, generators: Generators<'_>) -> Dependencies {
        let mut dependencies = Dependencies::default();
        dependencies.collect(plan, &[], generators);
        dependencies
    }

    /// Everything that the given columns determine, they included.
    pub(crate) fn closure(&self, of: &ColumnSet) -> ColumnSet {
        let mut closure = of.clone();
        loop {
            let before = closure.len();
            for (from, to) in &self.rules {
                if from.is_subset(&closure) {
                    closure.union_with(to);
                }
            }
            if closure.len() == before {
                return closure;
            }
        }
    }

    /// Collects what holds for the rows of a plan that `known` lets pass; returns which of its columns are never NULL in them.
    fn collect(&mut self, plan: &Plan, known: &[&Expr], generators: Generators<'_>) -> ColumnSet {
        match plan {
            Plan::Scan(scan) => self.scan(scan, known, generators),
            Plan::Filter { input, predicates } => {
                self.equalities(predicates);
                self.collect(input, &and(known, predicates), generators)
            }
            Plan::Project { input, exprs } => {
                for (id, e) in exprs.iter().filter(|(_, e)| !e.is_volatile()) {
                    self.rules.push((e.column_set(), only(*id)));
                    if let Some(source) = e.as_column() {
                        self.rules.push((only(*id), only(source)));
                    }
                }
                let never = self.collect(input, known, generators);
                outputs(exprs, &never)
            }
            Plan::Join(join) => self.join(join, known, generators),
            Plan::Apply { join, .. } => self.collect(&join.left, known, generators),
            Plan::Aggregate { input, group_by, .. } => {
                let key = group_by.iter().map(|(id, _)| *id).collect();
                self.rules.push((key, plan.column_set()));
                // Only what is said of its keys is said of the rows below.
                let keys: ColumnSet = group_by.iter().map(|(id, _)| *id).collect();
                let known: Vec<&Expr> =
                    known.iter().copied().filter(|e| e.column_set().is_subset(&keys)).collect();
                let never = self.collect(input, &known, generators);
                outputs(group_by, &never)
            }
            Plan::Sort { input, .. } | Plan::Window { input, .. } | Plan::Lock { input, .. } => {
                self.collect(input, known, generators)
            }
            Plan::Limit { input, .. } => self.collect(input, known, generators),
            Plan::MaxOneRow { .. } => {
                self.rules.push((ColumnSet::new(), plan.column_set()));
                ColumnSet::new()
            }
            Plan::Values { .. } | Plan::Union { .. } | Plan::CteScan { .. } => ColumnSet::new(),
        }
    }

    fn scan(&mut self, scan: &Scan, known: &[&Expr], generators: Generators<'_>) -> ColumnSet {
        let known = and(known, &scan.predicates);
        let never: ColumnSet = scan
            .columns
            .iter()
            .filter(|(id, o)| {
                !scan.table.columns[*o].ty.nullable || known.iter().any(|e| rejects_nulls(e, &only(*id)))
            })
            .map(|(id, _)| *id)
            .collect();
        let all: ColumnSet = scan.columns.iter().map(|(id, _)| *id).collect();
        let id_of = |ordinal: usize| scan.columns.iter().find(|(_, o)| *o == ordinal).map(|(id, _)| *id);
        let unique = scan.table.indexes.iter().filter(|i| i.unique).map(|i| &i.columns);
        for key in std::iter::once(&scan.table.key).chain(unique) {
            let key = key.iter().map(|&o| id_of(o)).collect::<Option<ColumnSet>>();
            if let Some(key) = key.filter(|key| key.is_subset(&never)) {
                self.rules.push((key, all.clone()));
            }
        }
        if let Some(generated) = generators(scan) {
            for (ordinal, e) in &generated.columns {
                // Its columns are ordinals.
                let from = e.columns().into_iter().map(|ColumnId(o)| id_of(o as usize));
                if let (Some(from), Some(id)) = (from.collect::<Option<ColumnSet>>(), id_of(*ordinal)) {
                    self.rules.push((from, only(id)));
                }
            }
        }
        self.equalities(&scan.predicates);
        never
    }

    fn join(&mut self, join: &Join, known: &[&Expr], generators: Generators<'_>) -> ColumnSet {
        let right_columns = join.right.column_set();
        match join.kind {
            JoinKind::Left if known.iter().any(|e| rejects_nulls(e, &right_columns)) => {}
            JoinKind::Inner => {}
            JoinKind::Left => {
                let never = self.collect(&join.left, known, generators);
                self.padded(join, &right_columns, generators);
                return never;
            }
            JoinKind::Semi => return self.collect(&join.left, &and(known, &join.on), generators),
            JoinKind::Anti | JoinKind::Mark(_) => return self.collect(&join.left, known, generators),
        }
        self.equalities(&join.on);
        let known = and(known, &join.on);
        let mut never = self.collect(&join.left, &known, generators);
        never.union_with(&self.collect(&join.right, &known, generators));
        never
    }

    /// What of the right side of a left join holds for the padded rows as well.
    fn padded(&mut self, join: &Join, right_columns: &ColumnSet, generators: Generators<'_>) {
        let mut matched = Dependencies::default();
        matched.equalities(&join.on);
        let on: Vec<&Expr> = join.on.iter().collect();
        let never = matched.collect(&join.right, &on, generators);
        let certain = !join.on.iter().any(Expr::is_volatile);
        let mut deciding = ColumnSet::new();
        for id in join.on.iter().flat_map(Expr::columns).filter(|id| !right_columns.contains(*id)) {
            deciding.insert(id);
        }
        for (mut from, to) in matched.rules {
            let told = from.iter().any(|id| never.contains(id) && right_columns.contains(id));
            if !told {
                if !certain {
                    continue;
                }
                from.union_with(&deciding);
            }
            let to: ColumnSet = to.iter().filter(|id| right_columns.contains(*id)).collect();
            self.rules.push((from, to));
        }
    }

    fn equalities(&mut self, predicates: &[Expr]) {
        for (a, b) in
            predicates.iter().filter_map(equality).filter(|(a, b)| !a.is_volatile() && !b.is_volatile())
        {
            for (column, by) in [(a, b), (b, a)] {
                if let Some(id) = column.as_column() {
                    self.rules.push((by.column_set(), only(id)));
                }
            }
        }
    }
}

fn only(id: ColumnId) -> ColumnSet {
    [id].into_iter().collect()
}

fn and<'e>(known: &[&'e Expr], more: &'e [Expr]) -> Vec<&'e Expr> {
    known.iter().copied().chain(more).collect()
}

/// Which of these are never NULL, of columns that never are.
fn outputs(exprs: &[(ColumnId, Expr)], never: &ColumnSet) -> ColumnSet {
    let sure = |e: &Expr| e.as_column().map_or(!e.ty().nullable, |id| never.contains(id));
    exprs.iter().filter(|(_, e)| sure(e)).map(|(id, _)| *id).collect()
}

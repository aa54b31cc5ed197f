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
//! A dependency that knows is *told*: it holds through further outer joins, which give NULLs to all of its columns or to none.
//!
//! **Texts.** Two that agree may differ in blanks at their ends, or more under other collations; what is computed of a text need
//! not agree then. MySQL's rule for what may stand beside GROUP BY does not mind; who leaves out a key because it is determined
//! does ([`Dependencies::of`]).
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
    rules: Vec<Rule>,
    /// Whether only that counts which holds for what is computed of texts, too.
    exact: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    from: ColumnSet,
    to: ColumnSet,
    /// Whether NULLs in `from` tell rows that were padded from others.
    told: bool,
}

/// What is known of tables and of common table expressions.
pub(crate) struct Lore<'a> {
    /// Where generated columns of a table are learned.
    pub generators: &'a dyn Fn(&Scan) -> Option<Arc<GeneratedColumns>>,
    /// The plans of common table expressions, by number.
    pub ctes: &'a [Plan],
}

impl Dependencies {
    /// What holds for the rows that the plan yields.
    pub(crate) fn of(plan: &Plan) -> Dependencies {
        let mut dependencies = Dependencies { exact: true, ..Dependencies::default() };
        dependencies.collect(plan, &[], &Lore { generators: &|scan| scan.generated.clone(), ctes: &[] });
        dependencies
    }

    /// As MySQL's rule for what may stand beside GROUP BY has it, of a plan whose scans need not know of generated columns that no
    /// key has.
    pub(crate) fn with(plan: &Plan, lore: &Lore<'_>) -> Dependencies {
        let mut dependencies = Dependencies::default();
        dependencies.collect(plan, &[], lore);
        dependencies
    }

    fn rule(&mut self, from: ColumnSet, to: ColumnSet) {
        self.rules.push(Rule { from, to, told: false });
    }

    /// That an expression determines a column.
    fn computed(&mut self, e: &Expr, to: ColumnId) {
        if !self.exact || e.as_column().is_some() || !uses_text(e) {
            self.rule(e.column_set(), only(to));
        }
    }

    /// Everything that the given columns determine, they included.
    pub(crate) fn closure(&self, of: &ColumnSet) -> ColumnSet {
        let mut closure = of.clone();
        loop {
            let before = closure.len();
            for Rule { from, to, .. } in &self.rules {
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
    fn collect(&mut self, plan: &Plan, known: &[&Expr], lore: &Lore<'_>) -> ColumnSet {
        match plan {
            Plan::Scan(scan) => self.scan(scan, known, lore),
            Plan::Filter { input, predicates } => {
                self.equalities(predicates);
                self.collect(input, &and(known, predicates), lore)
            }
            Plan::Project { input, exprs } => {
                for (id, e) in exprs.iter().filter(|(_, e)| !e.is_volatile()) {
                    self.computed(e, *id);
                    if let Some(source) = e.as_column() {
                        self.rule(only(*id), only(source));
                    }
                }
                let never = self.collect(input, known, lore);
                outputs(exprs, &never)
            }
            Plan::Join(join) => self.join(join, known, lore),
            Plan::Apply { join, .. } => self.collect(&join.left, known, lore),
            Plan::Aggregate { input, group_by, .. } => {
                let key = group_by.iter().map(|(id, _)| *id).collect();
                self.rule(key, plan.column_set());
                // Only what is said of its keys is said of the rows below.
                let keys: ColumnSet = group_by.iter().map(|(id, _)| *id).collect();
                let known: Vec<&Expr> =
                    known.iter().copied().filter(|e| e.column_set().is_subset(&keys)).collect();
                let never = self.collect(input, &known, lore);
                outputs(group_by, &never)
            }
            Plan::Sort { input, .. } | Plan::Window { input, .. } | Plan::Lock { input, .. } => {
                self.collect(input, known, lore)
            }
            Plan::Limit { input, .. } => self.collect(input, known, lore),
            Plan::MaxOneRow { .. } => {
                self.rule(ColumnSet::new(), plan.column_set());
                ColumnSet::new()
            }
            Plan::CteScan { cte, columns } => match lore.ctes.split_at_checked(*cte) {
                Some((earlier, [definition, ..])) => {
                    self.read(columns, definition, &Lore { ctes: earlier, ..*lore })
                }
                _ => ColumnSet::new(),
            },
            Plan::Values { .. } | Plan::Union { .. } => ColumnSet::new(),
        }
    }

    fn scan(&mut self, scan: &Scan, known: &[&Expr], lore: &Lore<'_>) -> ColumnSet {
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
                self.rule(key, all.clone());
            }
        }
        if let Some(generated) = (lore.generators)(scan) {
            for (ordinal, e) in &generated.columns {
                // Its columns are ordinals.
                let from = e.columns().into_iter().map(|ColumnId(o)| id_of(o as usize));
                if let (Some(from), Some(id)) = (from.collect::<Option<ColumnSet>>(), id_of(*ordinal))
                    && !(self.exact && uses_text(e))
                {
                    self.rule(from, only(id));
                }
            }
        }
        self.equalities(&scan.predicates);
        never
    }

    /// A common table expression whose columns have names of their own here: what its plan says of them alone. Where a
    /// dependency begins with a column that is not among them, one that determines it stands in.
    fn read(&mut self, columns: &[(ColumnId, ColumnId)], definition: &Plan, lore: &Lore<'_>) -> ColumnSet {
        let mut own = Dependencies { exact: self.exact, ..Dependencies::default() };
        let never = own.collect(definition, &[], lore);
        let told: Vec<(ColumnId, ColumnSet)> =
            columns.iter().map(|(_, source)| (*source, own.closure(&only(*source)))).collect();
        let shown = |of: &ColumnSet| -> ColumnSet {
            columns.iter().filter(|(_, source)| of.contains(*source)).map(|(id, _)| *id).collect()
        };
        for rule in &own.rules {
            let stands_in = |id: ColumnId| {
                told.iter().find(|(_, closure)| closure.contains(id)).map(|(source, _)| *source)
            };
            let from: Option<ColumnSet> = rule
                .from
                .iter()
                .map(|id| if told.iter().any(|(source, _)| *source == id) { Some(id) } else { stands_in(id) })
                .collect();
            if let Some(from) = from {
                self.rule(shown(&from), shown(&own.closure(&from)));
            }
        }
        shown(&never)
    }

    fn join(&mut self, join: &Join, known: &[&Expr], lore: &Lore<'_>) -> ColumnSet {
        let right_columns = join.right.column_set();
        match join.kind {
            JoinKind::Left if known.iter().any(|e| rejects_nulls(e, &right_columns)) => {}
            JoinKind::Inner => {}
            JoinKind::Left => {
                let never = self.collect(&join.left, known, lore);
                self.padded(join, &right_columns, lore);
                return never;
            }
            JoinKind::Semi => return self.collect(&join.left, &and(known, &join.on), lore),
            JoinKind::Anti | JoinKind::Mark(_) => return self.collect(&join.left, known, lore),
        }
        self.equalities(&join.on);
        let known = and(known, &join.on);
        let mut never = self.collect(&join.left, &known, lore);
        never.union_with(&self.collect(&join.right, &known, lore));
        never
    }

    /// What of the right side of a left join holds for the padded rows as well.
    fn padded(&mut self, join: &Join, right_columns: &ColumnSet, lore: &Lore<'_>) {
        let mut matched = Dependencies { exact: self.exact, ..Dependencies::default() };
        matched.equalities(&join.on);
        let on: Vec<&Expr> = join.on.iter().collect();
        let never = matched.collect(&join.right, &on, lore);
        let certain = !join.on.iter().any(Expr::is_volatile);
        let mut deciding = ColumnSet::new();
        for id in join.on.iter().flat_map(Expr::columns).filter(|id| !right_columns.contains(*id)) {
            deciding.insert(id);
        }
        for Rule { mut from, to, told } in matched.rules {
            let told = told || from.iter().any(|id| never.contains(id) && right_columns.contains(id));
            if !told {
                if !certain {
                    continue;
                }
                from.union_with(&deciding);
            }
            let to: ColumnSet = to.iter().filter(|id| right_columns.contains(*id)).collect();
            self.rules.push(Rule { from, to, told });
        }
    }

    fn equalities(&mut self, predicates: &[Expr]) {
        for (a, b) in
            predicates.iter().filter_map(equality).filter(|(a, b)| !a.is_volatile() && !b.is_volatile())
        {
            for (column, by) in [(a, b), (b, a)] {
                if let Some(id) = column.as_column() {
                    self.computed(by, id);
                }
            }
        }
    }
}

/// Whether a text is among what an expression is computed of.
fn uses_text(e: &Expr) -> bool {
    match e {
        Expr::Column { ty, .. } => ty.sql.is_string(),
        Expr::Call { args, .. } => args.iter().any(uses_text),
        Expr::Constant { .. } => false,
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

//! FROM: tables, derived tables, joins.

use std::sync::Arc;

use allod_storage::schema::{ColumnDef, Datum, GeneratedKind, TableDescriptor};
use sqlparser::ast::{self, JoinConstraint, JoinOperator, ObjectName, TableFactor, TableWithJoins};

use super::binder::{Binder, Block, correlated};
use super::expression::not_supported;
use super::generated::bind_generated;
use super::query::renamed;
use super::scope::{Clause, Pending, Relation, RelationColumn};
use super::subquery::split;
use crate::account::Privilege;
use crate::catalog::MemoryTable;
use crate::column::{ColumnId, ColumnInfo, Origin};
use crate::error::Error;
use crate::expr::{Expr, Function};
use crate::logical::{Join, JoinKind, OutputColumn, Plan, Scan};
use crate::parse::SHOWN;

/// A bound FROM clause, or a part of one.
pub(super) struct From {
    pub plan: Plan,
    pub relations: Vec<Relation>,
    /// What `*` shows, in order.
    pub star: Vec<(Arc<str>, ColumnId)>,
}

impl Binder<'_> {
    /// Binds a FROM clause; without one there is one row of no columns.
    pub fn from(&mut self, tables: &[TableWithJoins]) -> Result<From, Error> {
        let mut whole: Option<From> = None;
        for table in tables {
            let item = match whole {
                None => self.table_with_joins(table, None)?,
                Some(left) => {
                    let right = self.table_with_joins(table, Some(&left))?;
                    self.product(left, right)?
                }
            };
            whole = Some(item);
        }
        Ok(whole.unwrap_or_else(|| From {
            plan: Plan::Values { rows: vec![vec![]], columns: vec![] },
            relations: vec![],
            star: vec![],
        }))
    }

    fn table_with_joins(&mut self, table: &TableWithJoins, left: Option<&From>) -> Result<From, Error> {
        let mut so_far = self.factor(&table.relation, left)?;
        for join in &table.joins {
            let right = self.factor(&join.relation, Some(&so_far))?;
            so_far = self.join(so_far, right, &join.join_operator)?;
        }
        Ok(so_far)
    }

    /// One relation. `left` is what LATERAL may look at.
    fn factor(&mut self, factor: &TableFactor, left: Option<&From>) -> Result<From, Error> {
        match factor {
            TableFactor::Table { name, alias, args: None, partitions, index_hints, .. } => {
                if let Some(cte) = self.cte_scan(name, alias.as_ref())? {
                    return Ok(cte);
                }
                if alias.is_none() && name.to_string().eq_ignore_ascii_case("dual") {
                    return self.from(&[]);
                }
                self.table_or_rows(name, alias.as_ref(), partitions, index_hints)
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let alias = alias.as_ref().ok_or(Error::DerivedWithoutAlias)?;
                self.derives = is_plain(subquery);
                let block = if *lateral {
                    let outer = left.map(|l| l.relations.clone()).unwrap_or_default();
                    let hidden = std::mem::replace(&mut self.scope().relations, outer);
                    let block = self.query(subquery);
                    self.scope().relations = hidden;
                    block?
                } else {
                    self.query(subquery)?
                };
                let output = renamed(&block.output, &alias.columns, &alias.name.value)?;
                let plan = within(block.plan, &alias.name.value, self.scope().block);
                Ok(derived(plan, &alias.name.value, output))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.table_with_joins(table_with_joins, left)
            }
            other => Err(not_supported(&format!("'{other}' in FROM"))),
        }
    }

    /// Whether a name is that of a common table expression.
    pub(super) fn is_cte(&self, name: &ObjectName) -> bool {
        let [ast::ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return false };
        self.cte_names.iter().any(|cte| cte.name.eq_ignore_ascii_case(&ident.value))
    }

    /// A reference to a common table expression.
    fn cte_scan(
        &mut self,
        name: &ObjectName,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Option<From>, Error> {
        let [ast::ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return Ok(None) };
        let Some(cte) =
            self.cte_names.iter().rev().find(|c| c.name.eq_ignore_ascii_case(&ident.value)).cloned()
        else {
            return Ok(None);
        };
        self.readable(&cte)?;
        let mut columns: Vec<(ColumnId, ColumnId)> = Vec::with_capacity(cte.columns.len());
        let mut output = Vec::with_capacity(cte.columns.len());
        let shown = alias.map_or(ident.value.as_str(), |a| a.name.value.as_str());
        for o in &cte.columns {
            let known = columns.iter().find(|(_, source)| *source == o.id).map(|(own, _)| *own);
            let id = known.unwrap_or_else(|| {
                let ColumnInfo { ty, origin, .. } = self.columns.get(o.id).clone();
                let (qualifier, name) = (Some(shown.into()), o.name.clone());
                let origin = origin.map(|origin| Origin { alias: shown.into(), ..origin });
                self.columns.add(ColumnInfo { qualifier, name, ty, origin })
            });
            if known.is_none() {
                columns.push((id, o.id));
                if let Some(all) = self.all_digits.get(&o.id).copied() {
                    let own = self.columns.add(self.columns.get(all).clone());
                    columns.push((own, all));
                    self.all_digits.insert(id, own);
                }
            }
            output.push(OutputColumn { id, name: o.name.clone() });
        }
        let output = renamed(&output, alias.map_or(&[], |a| &a.columns), shown)?;
        Ok(Some(derived(Plan::CteScan { cte: cte.index, columns }, shown, output)))
    }

    /// A table to read: of the catalog, or one that is made for the statement.
    fn table_or_rows(
        &mut self,
        name: &ObjectName,
        alias: Option<&ast::TableAlias>,
        partitions: &[ast::Ident],
        index_hints: &[ast::TableIndexHints],
    ) -> Result<From, Error> {
        let full = self.table_name(name)?;
        self.note_table(name, &full);
        let view = self.found_view(&full);
        // Of tables that are going to be changed it is asked later which of them are only read.
        if !self.changing || view.is_some() {
            self.check_table(Privilege::Select, &full)?;
        }
        if let Some(view) = view {
            self.check_explained(&full)?;
            let from = self.view(full.clone(), &view, alias, partitions, index_hints)?;
            self.guard(&full, &from.relations);
            return Ok(from);
        }
        // It is no table: one row without columns, for its numbers to be asked for.
        if self.cx.catalog.sequence(&full.database, &full.table).is_some() {
            return self.from(&[]);
        }
        match self.memory_table(&full)? {
            Some(table) if partitions.is_empty() => {
                let from = self.memory_rows(table, alias)?;
                self.guard(&full, &from.relations);
                Ok(from)
            }
            Some(table) => Err(Error::UnknownPartition {
                partition: partitions[0].value.clone(),
                table: table.descriptor.name.to_string(),
            }),
            None => self.scan(name, alias, partitions, index_hints),
        }
    }

    /// The rows of a table in memory, as literal rows.
    fn memory_rows(&mut self, table: MemoryTable, alias: Option<&ast::TableAlias>) -> Result<From, Error> {
        if let Some(alias) = alias.filter(|a| !a.columns.is_empty()) {
            return Err(Error::ColumnListCount(alias.name.value.clone()));
        }
        let MemoryTable { descriptor, rows } = table;
        let qualifier: Arc<str> = format!("{}.{}", descriptor.database, descriptor.name).into();
        let mut columns = Vec::with_capacity(descriptor.columns.len());
        let mut names = Vec::with_capacity(descriptor.columns.len());
        let named = (*descriptor.name != *SHOWN.1).then_some(());
        for def in &descriptor.columns {
            let (qualifier, name, ty) = (Some(qualifier.clone()), def.name.clone(), def.ty.clone());
            let origin = named.map(|()| origin(&descriptor, alias, &name, false));
            let id = self.columns.add(ColumnInfo { qualifier, name: name.clone(), ty, origin });
            columns.push(id);
            names.push(RelationColumn { name, id, qualified_only: false });
        }
        let row = |row: &Vec<Datum>| {
            let cell = |(value, def): (&Datum, &ColumnDef)| Expr::Constant {
                value: value.clone(),
                ty: def.ty.clone(),
            };
            row.iter().zip(&descriptor.columns).map(cell).collect()
        };
        let star = names.iter().map(|n| (n.name.clone(), n.id)).collect();
        let relation = Relation {
            alias: alias.map_or(descriptor.name.clone(), |a| a.name.value.as_str().into()),
            database: alias.is_none().then(|| descriptor.database.clone()),
            columns: names,
            table: None,
        };
        let plan = Plan::Values { rows: rows.iter().map(row).collect(), columns };
        Ok(From { plan, relations: vec![relation], star })
    }

    /// A table of the catalog.
    pub fn scan(
        &mut self,
        name: &ObjectName,
        alias: Option<&ast::TableAlias>,
        partitions: &[ast::Ident],
        index_hints: &[ast::TableIndexHints],
    ) -> Result<From, Error> {
        let (full, table) = self.table(name)?;
        let descriptor = table.descriptor;
        self.check_viewed(&descriptor)?;
        if let Some(alias) = alias.filter(|a| !a.columns.is_empty()) {
            return Err(Error::ColumnListCount(alias.name.value.clone()));
        }
        let qualifier: Arc<str> = format!("{}.{}", descriptor.database, descriptor.name).into();
        let mut columns = Vec::with_capacity(descriptor.columns.len());
        let mut star = Vec::with_capacity(descriptor.columns.len());
        let mut names = Vec::with_capacity(descriptor.columns.len());
        for (ordinal, def) in descriptor.columns.iter().enumerate() {
            // What keys are made of has no name in SQL; plans show what it is.
            let of_key = def.generated.as_ref().filter(|_| def.hidden).map(|g| match &g.kind {
                GeneratedKind::SortKey { column, .. } => column,
                _ => &g.expr,
            });
            let info = ColumnInfo {
                qualifier: Some(qualifier.clone()),
                name: of_key.unwrap_or(&def.name).clone(),
                ty: def.ty.clone(),
                origin: Some(origin(&descriptor, alias, &def.name, def.boolean)),
            };
            let id = self.columns.add(info);
            self.note_held(id, &def.ty);
            columns.push((id, ordinal));
            names.push(RelationColumn { name: def.name_in_sql(), id, qualified_only: false });
            if !def.hidden {
                star.push((def.name.clone(), id));
            }
        }
        let partitions = self.named_partitions(&descriptor, partitions)?;
        let dealing = self.partition_function(&descriptor)?.map(Arc::new);
        let mut in_keys = descriptor.indexes.iter().flat_map(|i| &i.columns);
        let generated = match in_keys.any(|&o| descriptor.columns[o].generated.is_some()) {
            true => bind_generated(&descriptor)?.map(Arc::new),
            false => None,
        };
        let shown: Arc<str> = alias.map_or(descriptor.name.clone(), |a| a.name.value.as_str().into());
        self.table_hints(&descriptor, &shown, index_hints)?;
        let relation = Relation {
            alias: shown.clone(),
            database: alias.is_none().then(|| descriptor.database.clone()),
            columns: names,
            table: Some(descriptor.clone()),
        };
        self.guard(&full, std::slice::from_ref(&relation));
        let plan = Plan::Scan(Scan {
            block: self.scope().block,
            within: vec![],
            table: descriptor,
            stats: table.stats,
            alias: shown,
            columns,
            dealing,
            generated,
            partitions,
            predicates: vec![],
        });
        Ok(From { plan, relations: vec![relation], star })
    }

    /// `a, b`.
    fn product(&mut self, left: From, right: From) -> Result<From, Error> {
        unique(&left.relations, &right.relations)?;
        let plan = join_plan(JoinKind::Inner, left.plan, right.plan, vec![], &self.ctes);
        Ok(From {
            plan,
            relations: [left.relations, right.relations].concat(),
            star: [left.star, right.star].concat(),
        })
    }

    fn join(&mut self, left: From, right: From, operator: &JoinOperator) -> Result<From, Error> {
        use JoinOperator as O;
        unique(&left.relations, &right.relations)?;
        if let O::StraightJoin(_) = operator {
            self.straight_join();
        }
        let (kind, swapped, constraint) = match operator {
            O::Join(c) | O::Inner(c) | O::CrossJoin(c) | O::StraightJoin(c) => (JoinKind::Inner, false, c),
            O::Left(c) | O::LeftOuter(c) => (JoinKind::Left, false, c),
            O::Right(c) | O::RightOuter(c) => (JoinKind::Left, true, c),
            O::FullOuter(_) => return Err(not_supported("FULL OUTER JOIN")),
            _ => return Err(not_supported("this kind of join")),
        };
        let outer_without_condition = kind == JoinKind::Left && matches!(constraint, JoinConstraint::None);
        if outer_without_condition {
            return Err(Error::syntax("expected ON or USING after an outer join", None));
        }
        let mut relations = [left.relations.clone(), right.relations.clone()].concat();
        // `*` shows a RIGHT JOIN's columns as written, but with USING or NATURAL as those of the LEFT JOIN it stands for.
        let common = matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural);
        let sides = if swapped && common { [&right, &left] } else { [&left, &right] };
        let mut star = sides.map(|side| side.star.clone()).concat();
        let (mut on, mut pending) = (Vec::new(), Vec::new());
        match constraint {
            JoinConstraint::None => {}
            JoinConstraint::On(condition) => (on, pending) = self.on(&relations, condition)?,
            JoinConstraint::Using(names) => {
                let names: Vec<Arc<str>> = names
                    .iter()
                    .filter_map(|n| n.0.last().and_then(|p| p.as_ident()))
                    .map(|i| Arc::from(i.value.as_str()))
                    .collect();
                on = self.using(&left, &right, &names, swapped, &mut relations, &mut star)?;
            }
            JoinConstraint::Natural => {
                let names: Vec<Arc<str>> = left
                    .star
                    .iter()
                    .map(|(name, _)| name.clone())
                    .filter(|name| right.star.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)))
                    .collect();
                on = self.using(&left, &right, &names, swapped, &mut relations, &mut star)?;
            }
        }
        let (mut left, mut right) = if swapped { (right.plan, left.plan) } else { (left.plan, right.plan) };
        if kind == JoinKind::Left {
            // The condition belongs to the join, so a subquery in it must be ready on one of the sides.
            for pending in pending.drain(..) {
                let on_left =
                    !correlated(&left, &pending.plan, &self.ctes).is_empty() || uses(&pending, &left);
                let on_right =
                    !correlated(&right, &pending.plan, &self.ctes).is_empty() || uses(&pending, &right);
                match (on_left, on_right) {
                    (true, true) => {
                        return Err(not_supported("a subquery over both sides of an outer join in ON"));
                    }
                    (true, false) => left = self.attach(left, vec![pending]),
                    (false, _) => right = self.attach(right, vec![pending]),
                }
            }
            for id in right.columns() {
                self.columns.set_nullable(id);
            }
        }
        let mut plan = if pending.is_empty() {
            join_plan(kind, left, right, on, &self.ctes)
        } else {
            let joined = join_plan(kind, left, right, vec![], &self.ctes);
            let attached = self.attach(joined, pending);
            if on.is_empty() { attached } else { Plan::Filter { input: Box::new(attached), predicates: on } }
        };
        // A LATERAL right side.
        if let Plan::Join(join) = plan {
            let join = Join { mirrored: swapped, ..join };
            let correlated = correlated(&join.left, &join.right, &self.ctes);
            plan = if correlated.is_empty() { Plan::Join(join) } else { Plan::Apply { join, correlated } };
        }
        Ok(From { plan, relations, star })
    }

    fn on(
        &mut self,
        relations: &[Relation],
        condition: &ast::Expr,
    ) -> Result<(Vec<Expr>, Vec<Pending>), Error> {
        let scope = self.scope();
        let hidden = std::mem::replace(&mut scope.relations, relations.to_vec());
        let clause = std::mem::replace(&mut scope.clause, Clause::On);
        let before = std::mem::take(&mut scope.pending);
        let bound = self.expr(condition);
        let scope = self.scope();
        scope.relations = hidden;
        scope.clause = clause;
        let pending = std::mem::replace(&mut scope.pending, before);
        let bound = bound?;
        Ok((split(self.rw.condition(bound)), pending))
    }

    /// Equalities of the common columns, which are then shown once, first.
    fn using(
        &mut self,
        left: &From,
        right: &From,
        names: &[Arc<str>],
        swapped: bool,
        relations: &mut [Relation],
        star: &mut Vec<(Arc<str>, ColumnId)>,
    ) -> Result<Vec<Expr>, Error> {
        let mut on = Vec::with_capacity(names.len());
        let mut first = Vec::with_capacity(names.len());
        for name in names {
            let find = |from: &From| {
                let mut found =
                    from.star.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, id)| *id);
                match (found.next(), found.next()) {
                    (Some(id), None) => Ok(id),
                    (Some(_), Some(_)) => Err(Error::AmbiguousColumn {
                        name: name.to_string(),
                        clause: "from clause",
                        position: None,
                    }),
                    (None, _) => Err(Error::UnknownColumn {
                        name: name.to_string(),
                        clause: "from clause",
                        position: None,
                    }),
                }
            };
            let (a, b) = (find(left)?, find(right)?);
            [a, b].into_iter().try_for_each(|id| self.check_read(id))?;
            let (a_expr, b_expr) = (self.column(a), self.column(b));
            on.push(self.rw.compare(Function::Eq, a_expr, b_expr)?);
            let (kept, dropped) = if swapped { (b, a) } else { (a, b) };
            for column in relations.iter_mut().flat_map(|r| &mut r.columns).filter(|c| c.id == dropped) {
                column.qualified_only = true;
            }
            star.retain(|(_, id)| *id != a && *id != b);
            first.push((name.clone(), kept));
        }
        star.splice(0..0, first);
        Ok(on)
    }

    /// `TABLE t`.
    pub fn whole_table(&mut self, name: ObjectName) -> Result<Block, Error> {
        let from = self.table_or_rows(&name, None, &[], &[])?;
        self.check_star(&from.star)?;
        let output = from.star.into_iter().map(|(name, id)| OutputColumn { id, name }).collect();
        Ok(Block { plan: from.plan, output })
    }
}

/// Whether a query is one SELECT.
pub(super) fn is_plain(query: &ast::Query) -> bool {
    query.with.is_none() && matches!(*query.body, ast::SetExpr::Select(_))
}

/// Notes at every table of a plan that it is read through a derived table of this name.
pub(super) fn within(plan: Plan, alias: &str, block: u32) -> Plan {
    let name = (Arc::from(alias), block);
    plan.transform_up(&mut |node| match node {
        Plan::Scan(mut scan) => {
            scan.within.push(name.clone());
            Plan::Scan(scan)
        }
        other => other,
    })
}

pub(super) fn derived(plan: Plan, alias: &str, output: Vec<OutputColumn>) -> From {
    let star = output.iter().map(|o| (o.name.clone(), o.id)).collect();
    let columns = output
        .into_iter()
        .map(|o| RelationColumn { name: o.name, id: o.id, qualified_only: false })
        .collect();
    let relation = Relation { alias: alias.into(), database: None, columns, table: None };
    From { plan, relations: vec![relation], star }
}

fn join_plan(kind: JoinKind, left: Plan, right: Plan, on: Vec<Expr>, ctes: &[Plan]) -> Plan {
    let (left, right) = (Box::new(left), Box::new(right));
    let join = Join { kind, left, right, on, null_aware: vec![], mirrored: false };
    let correlated = correlated(&join.left, &join.right, ctes);
    if correlated.is_empty() { Plan::Join(join) } else { Plan::Apply { join, correlated } }
}

/// Whether the conditions of a pending join use columns of a plan.
fn uses(pending: &Pending, plan: &Plan) -> bool {
    let columns = plan.columns();
    pending.on.iter().chain(&pending.null_aware).any(|e| e.columns().iter().any(|id| columns.contains(id)))
}

fn unique(left: &[Relation], right: &[Relation]) -> Result<(), Error> {
    for r in right {
        let same = |l: &&Relation| {
            l.alias.eq_ignore_ascii_case(&r.alias)
                && match (&l.database, &r.database) {
                    (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
                    (None, None) => true,
                    _ => false,
                }
        };
        if left.iter().any(|l| same(&l)) {
            return Err(Error::DuplicateAlias(r.alias.to_string()));
        }
    }
    Ok(())
}

/// What a column of a table says of where it is from.
fn origin(
    table: &TableDescriptor,
    alias: Option<&ast::TableAlias>,
    column: &Arc<str>,
    boolean: bool,
) -> Origin {
    Origin {
        database: table.database.clone(),
        table: table.name.clone(),
        alias: alias.map_or(table.name.clone(), |a| a.name.value.as_str().into()),
        column: column.clone(),
        boolean,
    }
}

//! UPDATE and DELETE, of one table or of several.
//!
//! The query yields, for each table that is changed, its old row and for UPDATE the new one. Of several tables the rows are those of
//! a join, which may find a row of one of them more than once, and where an outer join finds none there are NULLs: the executor
//! changes each row once, and none that is not there. What is assigned is computed of the rows as they were, as in TiDB and in the
//! SQL standard, so that `SET a = b, b = a` swaps (in MySQL the assignments of one table take effect from left to right).

use std::sync::Arc;

use allod_storage::schema::TableDescriptor;
use sqlparser::ast::{
    self, AssignmentTarget, FromTable, ObjectName, SqliteOnConflict, TableFactor, TableWithJoins,
};

use super::super::binder::{Binder, Block, place};
use super::super::expression::not_supported;
use super::super::from::From;
use super::super::scope::{Clause, Found, Relation};
use super::super::{Dml, PartitionFunction, TableName};
use super::Assigned;
use crate::account::Privilege;
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::{Expr, collate};
use crate::logical::{OutputColumn, Plan, SortKey};
use crate::physical::Target;

impl Binder<'_> {
    /// UPDATE.
    pub fn update(&mut self, update: &ast::Update) -> Result<(Block, Dml), Error> {
        self.lenient(update.or.is_some());
        let unknown = update.or.is_some_and(|or| or != SqliteOnConflict::Ignore);
        if update.from.is_some() || update.returning.is_some() || unknown {
            return Err(not_supported("this form of UPDATE"));
        }
        let one = is_one(std::slice::from_ref(&update.table));
        if !one && (!update.order_by.is_empty() || update.limit.is_some()) {
            let clause = if update.limit.is_some() { "LIMIT" } else { "ORDER BY" };
            return Err(Error::IncorrectUsage { of: "UPDATE", and: clause });
        }
        self.in_block(|b| {
            let from = b.changed_tables(std::slice::from_ref(&update.table), one, Privilege::Update)?;
            let From { plan, relations, star: _ } = from;
            let scans = Scans::of(&plan);
            b.scope().relations.clone_from(&relations);
            let plan =
                b.chosen_rows(plan, update.selection.as_ref(), &update.order_by, update.limit.as_ref())?;

            b.scope().clause = Clause::Fields;
            let mut targets: Vec<(usize, Target)> = Vec::new();
            let mut new = b.assigned(&update.assignments, false, |b, target| {
                let (relation, ordinal) = b.assigned_column(&relations, target)?;
                let id = relations[relation].columns[ordinal].id;
                let known = targets.iter().position(|(known, _)| *known == relation);
                let at = match known {
                    Some(at) => at,
                    None => {
                        targets.push((relation, scans.target(&relations[relation], "UPDATE")?));
                        targets.len() - 1
                    }
                };
                let target = &mut targets[at].1;
                b.check_write(Privilege::Update, &target.table, ordinal)?;
                if !target.assigned.contains(&ordinal) {
                    target.assigned.push(ordinal);
                }
                // What an outer join does not find is not updated, whatever it would become.
                let nullable = b.columns.ty(id).nullable;
                Ok(Assigned { id, table: Arc::clone(&target.table), ordinal, nullable })
            })?;
            b.check_read_only(&relations, |at| targets.iter().any(|(target, _)| *target == at))?;
            let pending = std::mem::take(&mut b.scope().pending);
            let plan = b.attach(plan, pending);

            for (_, target) in &mut targets {
                target.generated = b.generated_columns(&target.table)?;
                target.checks = b.row_checks(&target.table)?;
            }
            for (relation, target) in &mut targets {
                b.touch(&relations[*relation], target, &mut new)?;
            }
            targets.sort_by_key(|(relation, _)| *relation);
            refuse_moving_twice(&relations, &targets)?;
            let (mut exprs, mut output): (Vec<(ColumnId, Expr)>, Vec<OutputColumn>) = Default::default();
            for (relation, target) in &targets {
                let old = old_row(&relations[*relation], &target.table);
                exprs.extend(old.iter().map(|o| (o.id, b.column(o.id))));
                output.extend(old.iter().cloned());
                for ordinal in target.table.visible_columns() {
                    let assigned = new.iter().find(|(id, _)| *id == old[ordinal].id);
                    let value =
                        assigned.map_or_else(|| b.column(old[ordinal].id), |(_, value)| value.clone());
                    let name = target.table.columns[ordinal].name.clone();
                    let id = b.columns.add_computed(name.clone(), value.ty().clone());
                    exprs.push((id, value));
                    output.push(OutputColumn { id, name });
                }
            }
            let plan = Plan::Project { input: Box::new(plan), exprs };
            let mut targets: Vec<Target> = targets.into_iter().map(|(_, target)| target).collect();
            b.heed_foreign_keys(&mut targets)?;
            Ok((Block { plan, output }, Dml::Update { targets: targets.into(), ignore: update.or.is_some() }))
        })
    }

    /// DELETE.
    pub fn delete(&mut self, delete: &ast::Delete) -> Result<(Block, Dml), Error> {
        if delete.returning.is_some() {
            return Err(not_supported("this form of DELETE"));
        }
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        // DELETE a, b FROM … names those that lose rows first, DELETE FROM a, b USING … behind FROM.
        let (named, tables) = match &delete.using {
            None => (delete.tables.clone(), tables),
            Some(using) => {
                let name = |t: &TableWithJoins| match &t.relation {
                    TableFactor::Table { name, alias: None, .. } if t.joins.is_empty() => Ok(name.clone()),
                    other => Err(Error::syntax(
                        format!("expected the name of a table, found {other}"),
                        place(other),
                    )),
                };
                (tables.iter().map(name).collect::<Result<Vec<_>, Error>>()?, using)
            }
        };
        let one = is_one(tables);
        if named.is_empty() && !one {
            let message = "expected the names of the tables to delete from before FROM";
            return Err(Error::syntax(message, tables.first().and_then(|t| place(&t.relation))));
        }
        if !named.is_empty() && (!delete.order_by.is_empty() || delete.limit.is_some()) {
            let message = "ORDER BY and LIMIT are for a DELETE of one table";
            return Err(Error::syntax(message, None));
        }
        self.in_block(|b| {
            let From { plan, relations, star: _ } = b.changed_tables(tables, one, Privilege::Delete)?;
            let scans = Scans::of(&plan);
            let mut targets = Vec::new();
            let mut output = Vec::new();
            let all = if named.is_empty() {
                vec![0]
            } else {
                let find = |name: &ObjectName| b.deleted_relation(&relations, name);
                named.iter().map(find).collect::<Result<Vec<_>, Error>>()?
            };
            for (at, relation) in all.iter().enumerate() {
                if all[..at].contains(relation) {
                    return Err(Error::DuplicateAlias(relations[*relation].alias.to_string()));
                }
                let target = scans.target(&relations[*relation], "DELETE")?;
                b.check_table(Privilege::Delete, &name_of(&target.table))?;
                output.extend(old_row(&relations[*relation], &target.table));
                targets.push(target);
            }
            b.check_read_only(&relations, |at| all.contains(&at))?;
            b.scope().relations = relations;
            let plan =
                b.chosen_rows(plan, delete.selection.as_ref(), &delete.order_by, delete.limit.as_ref())?;
            let exprs = output.iter().map(|o| (o.id, b.column(o.id))).collect();
            let plan = Plan::Project { input: Box::new(plan), exprs };
            b.heed_foreign_keys(&mut targets)?;
            let ignore = crate::parse::deletes_ignoring(b.parsed);
            Ok((Block { plan, output }, Dml::Delete { targets: targets.into(), ignore }))
        })
    }

    /// Notes the foreign keys that the statement must heed.
    fn heed_foreign_keys(&mut self, targets: &mut [Target]) -> Result<(), Error> {
        let tables: Vec<_> = targets.iter().map(|target| &target.table).collect();
        let foreign = self.foreign_keys(&tables, true)?;
        for target in targets {
            target.foreign.clone_from(&foreign);
        }
        Ok(())
    }

    /// Adds the columns of a table that have the time of its update.
    fn touch(
        &mut self,
        relation: &Relation,
        target: &mut Target,
        new: &mut Vec<(ColumnId, Expr)>,
    ) -> Result<(), Error> {
        let table = Arc::clone(&target.table);
        let ids: Vec<ColumnId> = relation.columns.iter().map(|c| c.id).collect();
        for ordinal in self.touch_row(&table, &ids, new)? {
            target.assigned.push(ordinal);
        }
        Ok(())
    }

    /// The tables of an UPDATE or DELETE. One table is a table of the catalog.
    fn changed_tables(
        &mut self,
        tables: &[TableWithJoins],
        one: bool,
        privilege: Privilege,
    ) -> Result<From, Error> {
        match tables {
            [
                TableWithJoins {
                    relation: TableFactor::Table { name, alias, partitions, index_hints, .. },
                    ..
                },
            ] if one => {
                if self.is_cte(name) {
                    let statement = if privilege == Privilege::Delete { "DELETE" } else { "UPDATE" };
                    return Err(Error::NotUpdatable { table: name.to_string().replace('`', ""), statement });
                }
                let full = self.table_name(name)?;
                self.check_table(privilege, &full)?;
                let what = if privilege == Privilege::Delete { "delete" } else { "update" };
                self.refuse_sequence(what, &full)?;
                self.scan(name, alias.as_ref(), partitions, index_hints)
            }
            tables => {
                self.changing = true;
                let from = self.from(tables);
                self.changing = false;
                from
            }
        }
    }

    /// The tables that an UPDATE or DELETE of several only reads are such as the user may read.
    fn check_read_only(
        &self,
        relations: &[Relation],
        is_target: impl Fn(usize) -> bool,
    ) -> Result<(), Error> {
        let read = relations.iter().enumerate().filter(|(at, _)| !is_target(*at));
        read.filter_map(|(_, relation)| relation.table.as_ref())
            .try_for_each(|table| self.check_table(Privilege::Select, &name_of(table)))
    }

    /// The relation and the column of it that an assignment names.
    fn assigned_column(
        &mut self,
        relations: &[Relation],
        target: &AssignmentTarget,
    ) -> Result<(usize, usize), Error> {
        let AssignmentTarget::ColumnName(name) = target else {
            return Err(not_supported("assignment to a row"));
        };
        let parts: Vec<&str> = name.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.as_str()).collect();
        let (database, table, column) = match parts.as_slice() {
            [c] => (None, None, *c),
            [t, c] => (None, Some(*t), *c),
            [d, t, c] => (Some(*d), Some(*t), *c),
            _ => return Err(self.no_column(name)),
        };
        let id = match self.scope().find(database, table, column, true) {
            Found::One(id) => id,
            Found::None => return Err(self.no_column(name)),
            Found::Ambiguous => {
                return Err(Error::AmbiguousColumn {
                    name: parts.join("."),
                    clause: Clause::Fields.name(),
                    position: place(name),
                });
            }
        };
        let found = relations
            .iter()
            .enumerate()
            .find_map(|(at, relation)| Some((at, relation.columns.iter().position(|c| c.id == id)?)));
        let (relation, ordinal) = found.ok_or_else(|| self.no_column(name))?;
        match &relations[relation].table {
            Some(table) if table.columns[ordinal].hidden => Err(self.no_column(name)),
            Some(_) => Ok((relation, ordinal)),
            None => {
                let table = relations[relation].alias.to_string();
                Err(Error::NotUpdatable { table, statement: "UPDATE" })
            }
        }
    }

    fn no_column(&self, name: &ObjectName) -> Error {
        Error::UnknownColumn {
            name: name.to_string().replace('`', ""),
            clause: Clause::Fields.name(),
            position: place(name),
        }
    }

    /// The relation that a DELETE names before FROM or before USING: by its alias, if it has one.
    fn deleted_relation(&self, relations: &[Relation], name: &ObjectName) -> Result<usize, Error> {
        let parts: Vec<&str> = name.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.as_str()).collect();
        let (database, table) = match parts.as_slice() {
            [t] => (None, *t),
            [d, t] => (Some(*d), *t),
            _ => (None, ""),
        };
        let of = |database: Option<&str>| {
            relations.iter().position(|relation| {
                let same =
                    |d: &str| relation.database.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(d));
                relation.alias.eq_ignore_ascii_case(table) && database.is_none_or(same)
            })
        };
        let found = match database {
            Some(database) => of(Some(database)),
            // Of tables with the same name that of the current database.
            None => self.cx.database.and_then(|current| of(Some(current))).or_else(|| of(None)),
        };
        found.ok_or_else(|| Error::UnknownTarget(table.to_string()))
    }

    /// WHERE, ORDER BY and LIMIT of UPDATE and DELETE.
    fn chosen_rows(
        &mut self,
        mut plan: Plan,
        selection: Option<&ast::Expr>,
        order: &[ast::OrderByExpr],
        limit: Option<&ast::Expr>,
    ) -> Result<Plan, Error> {
        if let Some(condition) = selection {
            plan = self.filter(plan, condition, Clause::Where)?;
        }
        if !order.is_empty() {
            self.scope().clause = Clause::Order;
            let mut keys = Vec::with_capacity(order.len());
            for item in order {
                keys.push(SortKey {
                    expr: collate::ordered_by(self.expr(&item.expr)?),
                    descending: item.options.asc == Some(false),
                });
            }
            let pending = std::mem::take(&mut self.scope().pending);
            plan = Plan::Sort { input: Box::new(self.attach(plan, pending)), keys };
        }
        if let Some(limit) = limit {
            let count = Some(self.row_count(limit)?);
            plan = Plan::Limit { input: Box::new(plan), offset: 0, count };
        }
        Ok(plan)
    }
}

pub(super) fn name_of(table: &TableDescriptor) -> TableName {
    TableName { database: Arc::clone(&table.database), table: Arc::clone(&table.name) }
}

/// Whether it is one table and no more.
fn is_one(tables: &[TableWithJoins]) -> bool {
    matches!(tables, [TableWithJoins { relation: TableFactor::Table { args: None, .. }, joins }] if joins.is_empty())
}

/// The tables of the catalog that a FROM reads, and how their rows are dealt.
struct Scans(Vec<(ColumnId, Target)>);

impl Scans {
    fn of(plan: &Plan) -> Scans {
        let mut scans = Vec::new();
        plan.walk(&mut |node| {
            if let Plan::Scan(scan) = node
                && let Some((first, _)) = scan.columns.first()
            {
                // Only the partitions that are named, if any.
                let named = |d: &Arc<PartitionFunction>| {
                    Arc::new(PartitionFunction { allowed: scan.partitions.clone(), ..(**d).clone() })
                };
                let partition = scan.dealing.as_ref().map(named);
                let (table, assigned) = (scan.table.clone(), Vec::new());
                scans.push((
                    *first,
                    Target { table, partition, generated: None, checks: None, foreign: None, assigned },
                ));
            }
        });
        Scans(scans)
    }

    /// The table that a relation is; an error if it is a query.
    fn target(&self, relation: &Relation, statement: &'static str) -> Result<Target, Error> {
        let first = relation.columns.first().map(|c| c.id);
        let of = |(id, _): &&(ColumnId, Target)| relation.table.is_some() && Some(*id) == first;
        let found = self.0.iter().find(of).map(|(_, target)| target.clone());
        found.ok_or_else(|| Error::NotUpdatable { table: relation.alias.to_string(), statement })
    }
}

/// Every column of the table, hidden ones included, in order.
fn old_row(relation: &Relation, table: &TableDescriptor) -> Vec<OutputColumn> {
    let named = relation.columns.iter().zip(&table.columns);
    named.map(|(column, def)| OutputColumn { id: column.id, name: def.name.clone() }).collect()
}

/// A table that is updated under two names must not have its rows moved: they would be looked for where they were.
fn refuse_moving_twice(relations: &[Relation], targets: &[(usize, Target)]) -> Result<(), Error> {
    for (at, (first, target)) in targets.iter().enumerate() {
        let mut others = targets[at + 1..].iter();
        let Some((second, other)) = others.find(|(_, other)| other.table.id == target.table.id) else {
            continue;
        };
        let table = &target.table;
        let dealt = table.partitioning.as_ref().map_or(&[][..], |p| &p.columns);
        let moves = |o: &usize| dealt.contains(o) || (table.clustered && table.key.contains(o));
        if target.assigned.iter().chain(&other.assigned).any(moves) {
            let (first, second) = (relations[*first].alias.to_string(), relations[*second].alias.to_string());
            return Err(Error::KeyUpdatedTwice { first, second });
        }
    }
    Ok(())
}

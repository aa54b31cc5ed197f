//! INSERT, UPDATE, DELETE: the rows they work on, as a query.

mod change;
mod duplicate;

use std::sync::Arc;

use allod_storage::schema::{
    ColumnDef, ColumnDefault, ColumnType, Datum, SqlType, TableDescriptor, ZERO_DATE, ZERO_DATETIME,
};
use sqlparser::ast::{self, AssignmentTarget, ObjectName, SetExpr, TableObject};

use super::alter::nothing;
use super::binder::{Binder, Block};
use super::expression::not_supported;
use super::scope::Relation;
use super::{Dml, PartitionFunction, generated};
use crate::account::Privilege;
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::{Expr, Family, Function, types};
use crate::logical::{OutputColumn, Plan};
use crate::physical::{OnDuplicate, PlanWarning};

/// MariaDB's number for a value that is not looked at.
const GENERATED_IGNORED: u16 = 1906;

impl Binder<'_> {
    /// INSERT … VALUES, SELECT, SET.
    pub fn insert(&mut self, insert: &ast::Insert) -> Result<(Block, Dml), Error> {
        if insert.returning.is_some() {
            return Err(not_supported("this form of INSERT"));
        }
        self.lenient(insert.ignore);
        let TableObject::TableName(name) = &insert.table else {
            return Err(not_supported("INSERT into a function"));
        };
        let full = self.table_name(name)?;
        self.check_table(Privilege::Insert, &full)?;
        self.refuse_sequence("insert into", &full)?;
        let (full, table) = self.table(name)?;
        let table = table.descriptor;
        if insert.replace_into {
            self.check_table(Privilege::Delete, &full)?;
        }
        let mut dealing = self.partition_function(&table)?;
        if let Some(names) = &insert.partitioned {
            let name = |e: &ast::Expr| match e {
                ast::Expr::Identifier(name) => Ok(name.clone()),
                other => {
                    let message = format!("expected the name of a partition, found {other}");
                    Err(Error::syntax(message, super::binder::place(other)))
                }
            };
            let names: Vec<ast::Ident> = names.iter().map(name).collect::<Result<_, Error>>()?;
            let allowed = self.named_partitions(&table, &names)?;
            dealing = dealing.map(|d| PartitionFunction { allowed, ..d });
        }
        let (mut block, sources) = self.insert_source(insert, &table)?;
        let on_duplicate = self.on_duplicate(insert, &table, &mut block, sources)?;
        let (partition, generated) = (dealing.map(Arc::new), self.generated_columns(&table)?);
        let checks = self.row_checks(&table)?;
        let as_parent = matches!(on_duplicate, OnDuplicate::Replace | OnDuplicate::Update(_));
        let foreign = self.foreign_keys(&[&table], as_parent)?;
        Ok((block, Dml::Insert { table, partition, generated, checks, foreign, on_duplicate }))
    }

    /// The rows to insert, and the tables of the SELECT that they come from.
    fn insert_source(
        &mut self,
        insert: &ast::Insert,
        table: &Arc<TableDescriptor>,
    ) -> Result<(Block, Vec<Relation>), Error> {
        let of_values = |block| Ok((block, Vec::new()));
        if !insert.assignments.is_empty() {
            let mut targets = Vec::new();
            let mut values = Vec::new();
            for assignment in &insert.assignments {
                targets.push(self.target(table, &assignment.target)?);
                values.push(assignment.value.clone());
            }
            each_once(table, &targets)?;
            self.check_given(table, &targets, true)?;
            return of_values(self.insert_values(table, &targets, &[&values])?);
        }
        let targets = match insert.columns.as_slice() {
            [] => table.visible_columns().collect(),
            columns => {
                let mut targets = Vec::with_capacity(columns.len());
                for column in columns {
                    targets.push(self.column_of(table, column)?);
                }
                targets
            }
        };
        each_once(table, &targets)?;
        self.check_given(table, &targets, !insert.columns.is_empty())?;
        let Some(source) = &insert.source else {
            // INSERT INTO t () VALUES ()
            return of_values(self.insert_values(table, &[], &[&[]])?);
        };
        match &*source.body {
            SetExpr::Values(values) if source.with.is_none() && source.order_by.is_none() => {
                let rows: Vec<&[ast::Expr]> = values.rows.iter().map(|r| r.content.as_slice()).collect();
                // `VALUES ()` is a row of defaults.
                let targets = if rows.iter().all(|r| r.is_empty()) && insert.columns.is_empty() {
                    &[][..]
                } else {
                    &targets
                };
                of_values(self.insert_values(table, targets, &rows)?)
            }
            _ => {
                self.insert_sources = Some((self.scopes.len() + 1, Vec::new()));
                let takes = |o: &usize| Family::of(&table.columns[*o].ty.sql).is_number();
                self.digits_taken = Some((self.scopes.len() + 1, targets.iter().map(takes).collect()));
                let block = self.query(source);
                self.digits_taken = None;
                let block = block?;
                let sources = self.insert_sources.take().map(|(_, sources)| sources);
                Ok((self.insert_query(table, &targets, block)?, sources.unwrap_or_default()))
            }
        }
    }

    fn insert_values(
        &mut self,
        table: &Arc<TableDescriptor>,
        targets: &[usize],
        rows: &[&[ast::Expr]],
    ) -> Result<Block, Error> {
        let visible: Vec<usize> = table.visible_columns().collect();
        let mut nullable = vec![false; visible.len()];
        let mut out = Vec::with_capacity(rows.len());
        let mut attached = None;
        if let Some(at) = rows.iter().position(|row| row.len() != targets.len()) {
            return Err(Error::ValueCount { row: at + 1 });
        }
        // A value may name columns of its own row: what they were given before it, or their defaults.
        let is_plain = |e: &ast::Expr| is_keyword_default(e) || matches!(e, ast::Expr::Value(_));
        let own = match rows.iter().all(|row| row.iter().all(is_plain)) {
            true => None,
            false => Some(self.row_that_is_there(table)),
        };
        let own_ids: Vec<ColumnId> = own.iter().flat_map(|own| &own.columns).map(|c| c.id).collect();
        for row in rows {
            let (row, pending) = self.in_block(|b| {
                b.scope().relations = own.iter().cloned().collect();
                let mut given: Vec<Option<Expr>> = vec![None; table.columns.len()];
                for (&ordinal, e) in targets.iter().zip(*row) {
                    if is_default(e, &table.columns[ordinal]) {
                        continue;
                    }
                    if b.passes_over(table, ordinal) {
                        continue;
                    }
                    generated::check_given(table, ordinal)?;
                    let of = default_argument(e).and_then(|name| table.column(name));
                    if of.is_some_and(|of| table.columns[of].generated.is_some()) {
                        return Err(generated::refused(table, ordinal));
                    }
                    let mut value = b.expr_for(e, &table.columns[ordinal].ty.sql)?;
                    for id in value.columns() {
                        let Some(named) = own_ids.iter().position(|own| *own == id) else { continue };
                        let known = match &given[named] {
                            Some(known) => known.clone(),
                            // It is computed of the row, which is not there yet.
                            None if table.columns[named].generated.is_some()
                                && !table.columns[named].ty.nullable =>
                            {
                                b.nothing_of(&table.columns[named])?
                            }
                            None => b.default_or_nothing(&table.columns[named])?,
                        };
                        value = value.transform(&mut |e| match &e {
                            Expr::Column { id: of, .. } if *of == id => known.clone(),
                            Expr::Column { .. } | Expr::Constant { .. } | Expr::Call { .. } => e,
                        });
                    }
                    given[ordinal] = Some(b.stored(value, &table.columns[ordinal])?);
                }
                let mut full = Vec::with_capacity(visible.len());
                for ordinal in &visible {
                    full.push(match given[*ordinal].take() {
                        Some(value) => value,
                        None => b.default(&table.columns[*ordinal])?,
                    });
                }
                Ok((full, std::mem::take(&mut b.scope().pending)))
            })?;
            if pending.iter().any(|p| p.needs(&own_ids, &self.ctes)) {
                return Err(not_supported("subqueries of the row itself in VALUES"));
            }
            for (flag, e) in nullable.iter_mut().zip(&row) {
                *flag |= e.ty().nullable;
            }
            if !pending.is_empty() {
                if rows.len() > 1 {
                    return Err(not_supported("subqueries in VALUES of several rows"));
                }
                let one_row = Plan::Values { rows: vec![vec![]], columns: vec![] };
                attached = Some(self.attach(one_row, pending));
            }
            out.push(row);
        }
        let mut columns = Vec::with_capacity(visible.len());
        let mut output = Vec::with_capacity(visible.len());
        for (ordinal, nullable) in visible.iter().zip(nullable) {
            let def = &table.columns[*ordinal];
            let id = self.columns.add_computed(def.name.clone(), ColumnType { nullable, ..def.ty.clone() });
            columns.push(id);
            output.push(OutputColumn { id, name: def.name.clone() });
        }
        let plan = match (attached, out.pop()) {
            (Some(input), Some(row)) => {
                Plan::Project { input: Box::new(input), exprs: columns.into_iter().zip(row).collect() }
            }
            (_, last) => {
                out.extend(last);
                Plan::Values { rows: out, columns }
            }
        };
        Ok(Block { plan, output })
    }

    /// Whether a value that is given for a column is not looked at, with a warning: MariaDB's dumps have values for generated
    /// columns, and are loaded without a strict mode.
    fn passes_over(&mut self, table: &TableDescriptor, ordinal: usize) -> bool {
        let column = &table.columns[ordinal];
        let passes = column.generated.is_some() && !self.mode.strict;
        let message = || {
            let (column, table) = (&column.name, &table.name);
            format!("The value specified for generated column '{column}' in table '{table}' has been ignored")
        };
        if passes {
            let said = PlanWarning { code: GENERATED_IGNORED, message: message() };
            if !self.warnings.contains(&said) {
                self.warnings.push(said);
            }
        }
        passes
    }

    fn insert_query(
        &mut self,
        table: &TableDescriptor,
        targets: &[usize],
        block: Block,
    ) -> Result<Block, Error> {
        if block.output.len() != targets.len() {
            return Err(Error::ValueCount { row: 1 });
        }
        let mut exprs = Vec::new();
        let mut output = Vec::new();
        for ordinal in table.visible_columns() {
            let def = &table.columns[ordinal];
            let value = match targets.iter().position(|t| *t == ordinal) {
                Some(at) => {
                    generated::check_given(table, ordinal)?;
                    let value = self.column(block.output[at].id);
                    self.stored(value, def)?
                }
                None => self.default(def)?,
            };
            let id = self.columns.add_computed(def.name.clone(), value.ty().clone());
            exprs.push((id, value));
            output.push(OutputColumn { id, name: def.name.clone() });
        }
        Ok(Block { plan: Plan::Project { input: Box::new(block.plan), exprs }, output })
    }

    /// The value as the column holds it. NULL asks an AUTO_INCREMENT column for the next number.
    pub fn stored(&mut self, value: Expr, column: &ColumnDef) -> Result<Expr, Error> {
        if !column.auto_increment {
            return self.rw.assign(value, column);
        }
        let mut column = column.clone();
        column.ty.nullable = true;
        self.rw.assign(value, &column)
    }

    /// What assignments come to, for each column that they assign to. `column` finds out which that is. `in_turn`: they take
    /// effect from left to right; else all of them see the rows as they were.
    fn assigned(
        &mut self,
        assignments: &[ast::Assignment],
        in_turn: bool,
        mut column: impl FnMut(&mut Self, &AssignmentTarget) -> Result<Assigned, Error>,
    ) -> Result<Vec<(ColumnId, Expr)>, Error> {
        let mut new: Vec<(ColumnId, Expr)> = Vec::with_capacity(assignments.len());
        for assignment in assignments {
            let Assigned { id, table, ordinal, nullable } = column(self, &assignment.target)?;
            let mut def = table.columns[ordinal].clone();
            def.ty.nullable |= nullable;
            let to_default = is_default(&assignment.value, &def);
            if !to_default {
                generated::check_given(&table, ordinal)?;
            } else if def.generated.is_some() {
                // It is computed anyway.
                continue;
            }
            let value = if to_default {
                let held = self.default(&def)?;
                self.kept(held, &def)?
            } else {
                let given = self.expr_for(&assignment.value, &def.ty.sql)?;
                let value = given.transform(&mut |e| match &e {
                    Expr::Column { id, .. } if in_turn => {
                        let known = new.iter().find(|(known, _)| known == id);
                        known.map_or(e.clone(), |(_, value)| value.clone())
                    }
                    Expr::Column { .. } | Expr::Constant { .. } | Expr::Call { .. } => e,
                });
                self.rw.assign(value, &def)?
            };
            match new.iter_mut().find(|(assigned, _)| *assigned == id) {
                Some((_, known)) => *known = value,
                None => new.push((id, value)),
            }
        }
        Ok(new)
    }

    /// What a column holds when nothing is given.
    pub(super) fn default(&mut self, column: &ColumnDef) -> Result<Expr, Error> {
        let constant = |value: Datum, nullable: bool| Expr::Constant {
            value,
            ty: ColumnType { sql: column.ty.sql.clone(), nullable },
        };
        match &column.default {
            // Until the row is written.
            _ if column.generated.is_some() => Ok(constant(Datum::Null, true)),
            Some(ColumnDefault::Value(value)) => Ok(constant(value.clone(), value.is_null())),
            Some(ColumnDefault::Now) => Ok(self.now(&column.ty.sql)),
            Some(ColumnDefault::Expr(text)) => {
                let written = crate::parse::parse_expression(text)?;
                let value = self.in_block(|b| b.expr_for(&written, &column.ty.sql))?;
                self.rw.assign(value, column)
            }
            None if column.auto_increment || column.ty.nullable => Ok(constant(Datum::Null, true)),
            // The first member, as in MySQL.
            None if matches!(column.ty.sql, SqlType::Enum(_)) => Ok(constant(Datum::UInt(1), false)),
            None if self.rw.lenient => {
                let message = format!("Field '{}' doesn't have a default value", column.name);
                let said = PlanWarning { code: 1364, message };
                if !self.warnings.contains(&said) {
                    self.warnings.push(said);
                }
                self.nothing_of(column)
            }
            None => Err(Error::NoDefault(column.name.to_string())),
        }
    }

    /// From here on losses are no errors, if `sql_mode` is not strict or the statement says IGNORE.
    pub(super) fn lenient(&mut self, ignore: bool) {
        self.rw.lenient = ignore || !self.mode.strict;
    }

    /// What a column holds that has no default, where that is no error.
    fn nothing_of(&mut self, column: &ColumnDef) -> Result<Expr, Error> {
        let constant =
            |value: Datum| Expr::Constant { value, ty: ColumnType::not_null(column.ty.sql.clone()) };
        match column.ty.sql {
            SqlType::Date => Ok(constant(Datum::Date(ZERO_DATE))),
            SqlType::DateTime(_) | SqlType::Timestamp(_) => Ok(constant(Datum::DateTime(ZERO_DATETIME))),
            _ => {
                let nothing = Expr::constant(nothing(&column.ty.sql), SqlType::varchar(20));
                self.rw.assign(nothing, column)
            }
        }
    }

    /// The same, but where that would be an error the nothing of the column's type: 0, an empty text.
    fn default_or_nothing(&mut self, column: &ColumnDef) -> Result<Expr, Error> {
        match self.default(column) {
            Err(Error::NoDefault(_)) => self.nothing_of(column),
            default => default,
        }
    }

    /// CURRENT_TIMESTAMP, as exact as a column of this type.
    fn now(&mut self, ty: &SqlType) -> Expr {
        let digits = match ty {
            SqlType::DateTime(fsp) | SqlType::Timestamp(fsp) => *fsp,
            _ => 0,
        };
        let unit = 10i64.pow(6u32.saturating_sub(digits.into()));
        let now_us = match ty {
            SqlType::Timestamp(_) => self.rw.utc_now_us(),
            _ => self.rw.now_us(),
        };
        Expr::constant(Datum::DateTime(now_us.div_euclid(unit) * unit), ty.clone())
    }

    /// ON UPDATE CURRENT_TIMESTAMP: columns that nothing is assigned to have the time if one of those that are assigned to becomes
    /// another one. `old`: the columns of the row before; `new`: what is assigned to some of them, to which this adds. Returns
    /// the ordinals of what it adds.
    fn touch_row(
        &mut self,
        table: &TableDescriptor,
        old: &[ColumnId],
        new: &mut Vec<(ColumnId, Expr)>,
    ) -> Result<Vec<usize>, Error> {
        let is_assigned = |ordinal: &usize| new.iter().any(|(id, _)| *id == old[*ordinal]);
        let touched: Vec<usize> =
            (0..table.columns.len()).filter(|o| table.columns[*o].on_update_now && !is_assigned(o)).collect();
        if touched.is_empty() {
            return Ok(touched);
        }
        let mut same = Vec::new();
        for (id, after) in new.iter().filter(|(id, _)| old.contains(id)) {
            // A text of the same weight is another one.
            let [before, after] =
                [self.column(*id), after.clone()].map(|e| match e.ty().sql.collation().is_plain() {
                    true => e,
                    false => {
                        let ty = types::binary(types::text_length(&e.ty().sql).saturating_mul(4));
                        self.rw.explicit_cast(e, ty)
                    }
                });
            same.push(self.rw.compare(Function::NullEq, before, after)?);
        }
        let same = self.rw.all_of(same);
        for &ordinal in &touched {
            let def = &table.columns[ordinal];
            let (before, now) = (self.column(old[ordinal]), self.now(&def.ty.sql));
            let value = self.rw.case(vec![(same.clone(), before)], Some(now));
            let mut def = def.clone();
            def.ty.nullable |= value.ty().nullable;
            new.push((old[ordinal], self.kept(value, &def)?));
        }
        Ok(touched)
    }

    /// `DEFAULT(c)`: what a column holds when nothing is given.
    pub fn default_of(&mut self, column: &ast::Expr) -> Result<Expr, Error> {
        let id = self.named_column(column)?.ok_or_else(|| Error::BadArguments("DEFAULT".into()))?;
        let of = |relation: &Relation| {
            let ordinal = relation.columns.iter().position(|c| c.id == id)?;
            relation.table.as_ref().map(|table| table.columns[ordinal].clone())
        };
        let relations = self.scopes.iter().rev().flat_map(|scope| &scope.relations);
        match relations.into_iter().find_map(of) {
            Some(def) => self.default(&def).map(|held| self.told(held)),
            None => Err(Error::NoDefault(column.to_string())),
        }
    }

    fn target(&self, table: &TableDescriptor, target: &AssignmentTarget) -> Result<usize, Error> {
        match target {
            AssignmentTarget::ColumnName(name) => self.column_of(table, name),
            AssignmentTarget::Tuple(_) => Err(not_supported("assignment to a row")),
        }
    }

    fn column_of(&self, table: &TableDescriptor, name: &ObjectName) -> Result<usize, Error> {
        let column = name.0.last().and_then(|p| p.as_ident());
        let ordinal = column.and_then(|c| table.column(&c.value)).filter(|o| !table.columns[*o].hidden);
        ordinal.ok_or_else(|| Error::UnknownColumn {
            name: name.to_string().replace('`', ""),
            clause: "field list",
            position: super::binder::place(name),
        })
    }
}

/// A column that is assigned to.
struct Assigned {
    /// What it is called before.
    id: ColumnId,
    table: Arc<TableDescriptor>,
    ordinal: usize,
    /// Whether NULL is no error yet.
    nullable: bool,
}

/// Refuses a list that names a column twice.
fn each_once(table: &TableDescriptor, targets: &[usize]) -> Result<(), Error> {
    match targets.iter().enumerate().find(|(i, target)| targets[..*i].contains(target)) {
        Some((_, target)) => Err(Error::ColumnTwice(table.columns[*target].name.to_string())),
        None => Ok(()),
    }
}

/// Whether a column is given what it holds anyway: DEFAULT, or of a generated column DEFAULT(itself).
fn is_default(e: &ast::Expr, column: &ColumnDef) -> bool {
    let itself = || default_argument(e).is_some_and(|name| name.eq_ignore_ascii_case(&column.name));
    is_keyword_default(e) || column.generated.is_some() && itself()
}

/// The column of `DEFAULT(column)`.
fn default_argument(e: &ast::Expr) -> Option<&str> {
    let ast::Expr::Function(function) = e else { return None };
    let ast::FunctionArguments::List(list) = &function.args else { return None };
    let is_default = function.name.to_string().eq_ignore_ascii_case("default");
    match list.args.as_slice() {
        [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(column))] if is_default => match column {
            ast::Expr::Identifier(name) => Some(&name.value),
            ast::Expr::CompoundIdentifier(parts) => parts.last().map(|name| name.value.as_str()),
            _ => None,
        },
        _ => None,
    }
}

/// The DEFAULT keyword, which parses as a name.
fn is_keyword_default(e: &ast::Expr) -> bool {
    matches!(e, ast::Expr::Identifier(i) if i.quote_style.is_none() && i.value.eq_ignore_ascii_case("default"))
}

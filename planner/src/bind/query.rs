//! Queries: WITH, set operations, VALUES, and what stands above them (ORDER BY, LIMIT).

use std::sync::Arc;

use allod_storage::schema::{ColumnType, Datum, SqlType};
use sqlparser::ast::{self, LimitClause, OrderByKind, SetExpr, SetOperator, SetQuantifier};

use super::binder::{Binder, Block, CteName, place};
use super::expression::not_supported;
use super::from::is_plain;
use super::scope::{Clause, Relation, RelationColumn};
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::{AggregateCall, AggregateFunction, Expr, Family, Function, collate, order_key_of, types};
use crate::logical::{Join, JoinKind, OutputColumn, Plan, SortKey};

impl Binder<'_> {
    /// Binds a query as a block of its own.
    pub fn query(&mut self, query: &ast::Query) -> Result<Block, Error> {
        self.query_locking(query, &query.locks)
    }

    /// The same with these locking clauses.
    pub fn query_locking(&mut self, query: &ast::Query, locks: &[ast::LockClause]) -> Result<Block, Error> {
        let names = self.cte_names.len();
        let block = self.query_with_ctes(query, locks);
        self.cte_names.truncate(names);
        block
    }

    fn query_with_ctes(&mut self, query: &ast::Query, locks: &[ast::LockClause]) -> Result<Block, Error> {
        let answers = std::mem::take(&mut self.answers);
        if query.fetch.is_some() {
            return Err(not_supported("FETCH"));
        }
        if let Some(with) = &query.with {
            self.with(with)?;
        }
        let order: &[ast::OrderByExpr] = match &query.order_by {
            None => &[],
            Some(order) => match &order.kind {
                OrderByKind::Expressions(items) => items,
                OrderByKind::All(_) => return Err(not_supported("ORDER BY ALL")),
            },
        };
        let mut block = match &*query.body {
            SetExpr::Select(select) => self.select(select, order, locks)?,
            body => {
                let block = self.set_expr(body, locks)?;
                self.order_output(block, order)?
            }
        };
        if let Some(limit) = &query.limit_clause {
            if answers && counts_all(&query.body) {
                self.uncut = Some(self.limit_of(limit)?);
            } else {
                block.plan = self.limit(block.plan, limit)?;
            }
        } else if answers && let Some(count) = self.limit_of_session() {
            match counts_all(&query.body) {
                true => self.uncut = Some((0, Some(count))),
                false => {
                    let input = Box::new(block.plan);
                    block.plan = Plan::Limit { input, offset: 0, count: Some(count) };
                }
            }
        }
        Ok(block)
    }

    /// WITH: from here on its names are in sight.
    pub(super) fn with(&mut self, with: &ast::With) -> Result<(), Error> {
        for (at, cte) in with.cte_tables.iter().enumerate() {
            let name = &cte.alias.name.value;
            let same = |other: &ast::Cte| other.alias.name.value.eq_ignore_ascii_case(name);
            if with.cte_tables[..at].iter().any(same) {
                return Err(Error::DuplicateAlias(name.clone()));
            }
            self.cte(cte, with.recursive)?;
        }
        Ok(())
    }

    fn cte(&mut self, cte: &ast::Cte, recursive: bool) -> Result<(), Error> {
        let name: Arc<str> = cte.alias.name.value.as_str().into();
        let block = match recursive {
            true => self.perhaps_recursive(cte, &name)?,
            false => {
                self.derives = is_plain(&cte.query);
                self.query(&cte.query)?
            }
        };
        let columns = renamed(&block.output, &cte.alias.columns, &name)?;
        self.ctes.push(block.plan);
        self.cte_names.push(CteName { name, index: self.ctes.len() - 1, columns });
        Ok(())
    }

    pub(super) fn set_expr(&mut self, body: &SetExpr, locks: &[ast::LockClause]) -> Result<Block, Error> {
        match body {
            SetExpr::Select(select) => self.select(select, &[], locks),
            // `(SELECT …) FOR UPDATE`; with a clause within, that is the one.
            SetExpr::Query(query) if query.locks.is_empty() => self.query_locking(query, locks),
            SetExpr::Query(query) => self.query(query),
            SetExpr::Values(values) => self.values(values),
            SetExpr::SetOperation { .. } => self.set_operations(body, locks),
            SetExpr::Table(table) => {
                let parts: Vec<ast::Ident> = [&table.schema_name, &table.table_name]
                    .into_iter()
                    .flatten()
                    .map(|n| ast::Ident::new(n.clone()))
                    .collect();
                self.whole_table(ast::ObjectName::from(parts))
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(not_supported("changes of rows inside a query"))
            }
        }
    }

    /// A chain of set operations, which the parser leaves deep on its left side.
    fn set_operations(&mut self, body: &SetExpr, locks: &[ast::LockClause]) -> Result<Block, Error> {
        let mut links = Vec::new();
        let mut first = body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = first {
            links.push((op, set_quantifier, &**right));
            first = left;
        }
        let mut blocks = vec![self.set_expr(first, &[])?];
        for (at, (_, _, right)) in links.iter().enumerate().rev() {
            let locks = if at == 0 && !matches!(right, SetExpr::Query(_)) { locks } else { &[] };
            blocks.push(self.set_expr(right, locks)?);
        }
        let mut blocks = self.as_texts(blocks).into_iter();
        let mut so_far = blocks.next().ok_or_else(|| not_supported("a query of nothing"))?;
        for ((op, quantifier, _), right) in links.into_iter().rev().zip(blocks) {
            let all = match quantifier {
                SetQuantifier::All => true,
                SetQuantifier::Distinct | SetQuantifier::None => false,
                _ => return Err(not_supported("BY NAME")),
            };
            so_far = match op {
                SetOperator::Union => self.union(so_far, right, all)?,
                SetOperator::Except | SetOperator::Minus if !all => {
                    self.semi(so_far, right, JoinKind::Anti)?
                }
                SetOperator::Intersect if !all => self.semi(so_far, right, JoinKind::Semi)?,
                _ => return Err(not_supported(&format!("{op} ALL"))),
            };
        }
        Ok(so_far)
    }

    /// Columns that are texts in the end are so from the beginning: on its way a number would take the digits of another.
    fn as_texts(&mut self, blocks: Vec<Block>) -> Vec<Block> {
        let width = blocks[0].output.len();
        if blocks.len() < 3 || blocks.iter().any(|block| block.output.len() != width) {
            return blocks;
        }
        let sorts = |column: usize| -> Vec<&SqlType> {
            blocks.iter().map(|block| &self.columns.ty(block.output[column].id).sql).collect()
        };
        let text = |column: usize| types::common(&sorts(column)).filter(|ty| Family::of(ty).is_text());
        let texts: Vec<Option<SqlType>> = (0..width).map(text).collect();
        let cast = |block: Block| {
            let own = |o: &OutputColumn| self.columns.ty(o.id).sql.clone();
            let wanted = block.output.iter().zip(&texts).map(|(o, text)| match (own(o), text) {
                (own, Some(text)) if !Family::of(&own).is_text() && Family::of(&own) != Family::Null => {
                    text.clone()
                }
                (own, _) => own,
            });
            let wanted: Vec<SqlType> = wanted.collect();
            self.cast_block(block, &wanted)
        };
        blocks.into_iter().map(cast).collect()
    }

    pub(super) fn union(&mut self, left: Block, right: Block, all: bool) -> Result<Block, Error> {
        let (left, right) = self.agree(left, right)?;
        let names: Vec<Arc<str>> = left.output.iter().map(|o| o.name.clone()).collect();
        let ids = |block: &Block| block.output.iter().map(|o| o.id).collect::<Vec<_>>();
        let nullable: Vec<bool> = ids(&left)
            .into_iter()
            .zip(ids(&right))
            .map(|(a, b)| self.columns.ty(a).nullable || self.columns.ty(b).nullable)
            .collect();
        // UNION ALL of a UNION ALL is one union.
        let (mut inputs, columns) = match left.plan {
            Plan::Union { inputs, columns, recursion: None } if ids_equal(&columns, &left.output) => {
                (inputs, columns)
            }
            plan => {
                let columns = left
                    .output
                    .iter()
                    .map(|o| self.columns.add_computed(o.name.clone(), self.columns.ty(o.id).clone()))
                    .collect();
                (vec![(plan, left.output.iter().map(|o| o.id).collect())], columns)
            }
        };
        for (id, nullable) in columns.iter().zip(nullable) {
            if nullable {
                self.columns.set_nullable(*id);
            }
        }
        inputs.push((right.plan, right.output.iter().map(|o| o.id).collect()));
        let output = columns.iter().zip(names).map(|(id, name)| OutputColumn { id: *id, name }).collect();
        let plan = Plan::Union { inputs, columns: columns.clone(), recursion: None };
        Ok(Block { plan: if all { plan } else { self.distinct(plan, &columns) }, output })
    }

    /// INTERSECT and EXCEPT: distinct rows of the left that have, or have not, an equal row on the right.
    fn semi(&mut self, left: Block, right: Block, kind: JoinKind) -> Result<Block, Error> {
        let (left, right) = self.agree(left, right)?;
        let ids: Vec<ColumnId> = left.output.iter().map(|o| o.id).collect();
        let plan = self.distinct(left.plan, &ids);
        let mut on = Vec::with_capacity(ids.len());
        for (a, b) in left.output.iter().zip(&right.output) {
            let (a, b) = (self.column(a.id), self.column(b.id));
            let function = if a.ty().nullable || b.ty().nullable { Function::NullEq } else { Function::Eq };
            on.push(self.rw.compare(function, a, b)?);
        }
        let join = Join {
            kind,
            left: Box::new(plan),
            right: Box::new(right.plan),
            on,
            null_aware: vec![],
            mirrored: false,
        };
        Ok(Block { plan: Plan::Join(join), output: left.output })
    }

    /// Casts the columns of two blocks to common types.
    fn agree(&mut self, left: Block, right: Block) -> Result<(Block, Block), Error> {
        if left.output.len() != right.output.len() {
            return Err(Error::UnionColumnCount);
        }
        let mut wanted = Vec::with_capacity(left.output.len());
        for (a, b) in left.output.iter().zip(&right.output) {
            let pair = [&self.columns.ty(a.id).sql, &self.columns.ty(b.id).sql];
            let mut ty = types::common(&pair).unwrap_or(types::NULL_TYPE);
            if ty.is_string() {
                let columns = [self.defined(&left.plan, a.id), self.defined(&right.plan, b.id)];
                match collate::mixed(columns.iter().filter(|c| c.ty().sql.is_string())) {
                    Some((_, Some(_))) => return Err(Error::IllegalMixOfAll("UNION".into())),
                    Some((of, None)) => ty = ty.with_collation(of.collation),
                    None => {}
                }
            }
            wanted.push(ty);
        }
        Ok((self.cast_block(left, &wanted), self.cast_block(right, &wanted)))
    }

    /// What a column of a block is, if the block says it: a literal insists less on its collation than a column does.
    fn defined(&self, plan: &Plan, id: ColumnId) -> Expr {
        let expr = match plan {
            Plan::Project { exprs, .. } => {
                exprs.iter().find(|(known, _)| *known == id).map(|(_, e)| e.clone())
            }
            _ => None,
        };
        expr.unwrap_or_else(|| self.column(id))
    }

    pub(super) fn cast_block(&mut self, block: Block, wanted: &[allod_storage::schema::SqlType]) -> Block {
        let mut exprs: Vec<(ColumnId, Expr)> = Vec::with_capacity(wanted.len());
        let mut output = Vec::with_capacity(wanted.len());
        let mut changed = false;
        for (o, ty) in block.output.into_iter().zip(wanted) {
            let column = self.column(o.id);
            let other = ty.is_string()
                && column.ty().sql.is_string()
                && column.ty().sql.collation() != ty.collation();
            let cast = match other {
                true => self.rw.explicit_cast(column.clone(), ty.clone()),
                false => self.rw.cast(column.clone(), ty),
            };
            let id = if cast == column {
                o.id
            } else {
                changed = true;
                let ty = ColumnType { sql: ty.clone(), nullable: cast.ty().nullable };
                self.columns.add_computed(o.name.clone(), ty)
            };
            if !exprs.iter().any(|(known, _)| *known == id) {
                exprs.push((id, cast));
            }
            output.push(OutputColumn { id, name: o.name });
        }
        let plan = if changed { Plan::Project { input: Box::new(block.plan), exprs } } else { block.plan };
        Block { plan, output }
    }

    /// DISTINCT: a grouping without aggregates.
    pub fn distinct(&mut self, plan: Plan, ids: &[ColumnId]) -> Plan {
        let mut group_by: Vec<(ColumnId, Expr)> = Vec::with_capacity(ids.len());
        for id in ids {
            if !group_by.iter().any(|(known, _)| known == id) {
                group_by.push((*id, self.column(*id)));
            }
        }
        self.grouped(plan, group_by, vec![])
    }

    /// An aggregation. Documents are grouped by the keys of their order, texts by those of their collation; which of the equal
    /// ones is shown is open.
    pub fn grouped(
        &mut self,
        input: Plan,
        mut group_by: Vec<(ColumnId, Expr)>,
        mut aggregates: Vec<(ColumnId, AggregateCall)>,
    ) -> Plan {
        for (id, key) in &mut group_by {
            let ordered = match key.ty().sql == SqlType::Json {
                true => order_key_of(key.clone()),
                false => collate::ordered_by(key.clone()),
            };
            if ordered == *key {
                continue;
            }
            let document = std::mem::replace(key, ordered);
            let (function, ty) = (AggregateFunction::AnyValue, document.ty().clone());
            aggregates.push((*id, AggregateCall { function, args: vec![document], distinct: false, ty }));
            *id = self.columns.add_computed(Arc::from("order key"), key.ty().clone());
        }
        Plan::Aggregate { input: Box::new(input), group_by, aggregates }
    }

    fn values(&mut self, values: &ast::Values) -> Result<Block, Error> {
        let width = values.rows.first().map_or(0, |row| row.content.len());
        let mut rows = Vec::with_capacity(values.rows.len());
        for (i, row) in values.rows.iter().enumerate() {
            if row.content.len() != width {
                return Err(Error::ValueCount { row: i + 1 });
            }
            rows.push(self.in_block(|b| {
                let row = b.exprs(&row.content)?;
                if b.scope().pending.is_empty() {
                    Ok(row)
                } else {
                    Err(not_supported("subqueries in VALUES"))
                }
            })?);
        }
        let mut columns = Vec::with_capacity(width);
        let mut output = Vec::with_capacity(width);
        for at in 0..width {
            let (cast, sql) = self.rw.unify(rows.iter().map(|row: &Vec<Expr>| row[at].clone()).collect());
            let nullable = cast.iter().any(|e| e.ty().nullable);
            for (row, e) in rows.iter_mut().zip(cast) {
                row[at] = e;
            }
            let name: Arc<str> = format!("column_{at}").into();
            let id = self.columns.add_computed(name.clone(), ColumnType { sql, nullable });
            columns.push(id);
            output.push(OutputColumn { id, name });
        }
        Ok(Block { plan: Plan::Values { rows, columns }, output })
    }

    /// ORDER BY above a set operation or VALUES: only the output columns are in sight.
    fn order_output(&mut self, block: Block, order: &[ast::OrderByExpr]) -> Result<Block, Error> {
        if order.is_empty() {
            return Ok(block);
        }
        let Block { plan, output } = block;
        let relation = Relation {
            alias: "".into(),
            database: None,
            columns: output
                .iter()
                .map(|o| RelationColumn { name: o.name.clone(), id: o.id, qualified_only: false })
                .collect(),
            table: None,
        };
        self.in_block(|b| {
            b.scope().relations.push(relation);
            b.scope().clause = Clause::Order;
            let mut keys = Vec::with_capacity(order.len());
            for (at, item) in order.iter().enumerate() {
                let expr = match ordinal(&item.expr, output.len(), Clause::Order)? {
                    Some(i) => b.column(output[i].id),
                    None => b.expr(&item.expr).map_err(|error| match error {
                        Error::InvalidAggregate => Error::AggregateInUnionOrder(at + 1),
                        other => other,
                    })?,
                };
                let expr = collate::ordered_by(expr);
                keys.push(SortKey { expr, descending: item.options.asc == Some(false) });
            }
            let pending = std::mem::take(&mut b.scope().pending);
            let input = Box::new(b.attach(plan, pending));
            Ok(Block { plan: Plan::Sort { input, keys }, output })
        })
    }

    /// LIMIT in its three forms.
    pub fn limit(&mut self, plan: Plan, limit: &LimitClause) -> Result<Plan, Error> {
        let (offset, count) = self.limit_of(limit)?;
        Ok(Plan::Limit { input: Box::new(plan), offset, count })
    }

    /// `sql_select_limit`: how many rows a query answers with that has no LIMIT; `None` = all.
    fn limit_of_session(&self) -> Option<u64> {
        let Datum::UInt(count) = self.cx.session.variables.system("sql_select_limit", false)? else {
            return None;
        };
        (count < u64::MAX).then_some(count)
    }

    /// What to skip and what to take; `None` = all.
    fn limit_of(&mut self, limit: &LimitClause) -> Result<(u64, Option<u64>), Error> {
        let (count, offset) = match limit {
            LimitClause::LimitOffset { limit, offset, limit_by } if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref().map(|o| &o.value))
            }
            LimitClause::LimitOffset { .. } => return Err(not_supported("LIMIT BY")),
            LimitClause::OffsetCommaLimit { offset, limit } => (Some(limit), Some(offset)),
        };
        let count = count.map(|e| self.row_count(e)).transpose()?;
        let offset = offset.map(|e| self.row_count(e)).transpose()?.unwrap_or(0);
        Ok((offset, count))
    }

    /// A number of rows: a literal, or a parameter.
    pub fn row_count(&mut self, e: &ast::Expr) -> Result<u64, Error> {
        let number = || {
            let message = format!("expected a number of rows, found {e}");
            Error::syntax(message, place(e))
        };
        match e {
            ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(text, _), .. }) => {
                text.parse().map_err(|_| number())
            }
            ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Placeholder(_), .. }) => {
                match self.in_block(|b| b.constant(e, "LIMIT"))? {
                    Datum::Int(n) => u64::try_from(n).map_err(|_| Error::BadArguments("LIMIT".into())),
                    Datum::UInt(n) => Ok(n),
                    _ => Err(Error::BadArguments("LIMIT".into())),
                }
            }
            _ => Err(number()),
        }
    }
}

/// Whether the first SELECT says SQL_CALC_FOUND_ROWS.
fn counts_all(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.select_modifiers.as_ref().is_some_and(|m| m.sql_calc_found_rows),
        SetExpr::Query(query) => counts_all(&query.body),
        SetExpr::SetOperation { left, .. } => counts_all(left),
        _ => false,
    }
}

/// The output columns under the names of a column list.
pub(super) fn renamed(
    output: &[OutputColumn],
    names: &[ast::TableAliasColumnDef],
    relation: &str,
) -> Result<Vec<OutputColumn>, Error> {
    if !names.is_empty() && names.len() != output.len() {
        return Err(Error::ColumnListCount(relation.into()));
    }
    let mut out = output.to_vec();
    for (o, name) in out.iter_mut().zip(names) {
        o.name = name.name.value.as_str().into();
    }
    for (i, o) in out.iter().enumerate() {
        if out[..i].iter().any(|earlier| earlier.name.eq_ignore_ascii_case(&o.name)) {
            return Err(Error::DuplicateColumn(o.name.to_string()));
        }
    }
    Ok(out)
}

/// `ORDER BY 2`, `GROUP BY 2`: the position from 0.
pub(super) fn ordinal(e: &ast::Expr, width: usize, clause: Clause) -> Result<Option<usize>, Error> {
    let ast::Expr::Value(v) = e else { return Ok(None) };
    let ast::Value::Number(text, _) = &v.value else { return Ok(None) };
    match text.parse::<usize>() {
        Ok(n) if (1..=width).contains(&n) => Ok(Some(n - 1)),
        Ok(_) => Err(Error::UnknownColumn {
            name: text.clone(),
            clause: clause.name(),
            position: crate::parse::position(v.span.start),
        }),
        Err(_) => Ok(None),
    }
}

fn ids_equal(columns: &[ColumnId], output: &[OutputColumn]) -> bool {
    columns.len() == output.len() && columns.iter().zip(output).all(|(c, o)| *c == o.id)
}

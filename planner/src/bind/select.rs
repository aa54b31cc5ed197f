//! SELECT: one query block.
//!
//! Clauses are bound in the order in which names come into being: FROM, WHERE, the select list, GROUP BY, HAVING, ORDER
//! BY. All of them are bound over the columns of FROM, aggregates being columns that do not exist yet. If there turn out
//! to be aggregates or groups, everything above the aggregation is then restated over what the aggregation yields
//! ([`Grouping`]; see [`super::rollup`] for WITH ROLLUP): a group expression becomes its column; a bare column that the groups determine becomes ANY_VALUE.
//!
//! The plan, from below: FROM, joins for the subqueries of WHERE, Filter, Lock, Aggregate, joins for the subqueries above,
//! Filter (HAVING), Window, Project, Aggregate (DISTINCT), Sort.

use std::sync::Arc;

use allod_storage::schema::ColumnType;
use sqlparser::ast::{
    self, Distinct, GroupByExpr, GroupByWithModifier, SelectItem, SelectItemQualifiedWildcardKind, Spanned,
};

use super::binder::{Binder, Block};
use super::expression::{not_supported, unnested};
use super::from::From;
use super::generated::bind_generated;
use super::locking::rows_of;
use super::naming;
use super::query::ordinal;
use super::scope::{Clause, Pending, Relation};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::error::Error;
use crate::expr::{
    AggregateCall, AggregateFunction, CollateFunction, Exact, Expr, Function, collate, shows_as,
};
use crate::generated::GeneratedColumns;
use crate::logical::dependencies::{Dependencies, Lore};
use crate::logical::{OutputColumn, Plan, Scan, SortKey};
use crate::parse;

impl Binder<'_> {
    /// Binds one SELECT with the ORDER BY and the locking clauses of its query.
    pub fn select(
        &mut self,
        select: &ast::Select,
        order: &[ast::OrderByExpr],
        locks: &[ast::LockClause],
    ) -> Result<Block, Error> {
        refuse(select)?;
        let block = self.block_at(select.select_token.0.span.start);
        self.in_block(|b| {
            b.scope().block = block;
            if select.select_modifiers.as_ref().is_some_and(|m| m.straight_join) {
                b.straight_join();
            }
            b.select_block(select, order, locks)
        })
    }

    fn select_block(
        &mut self,
        select: &ast::Select,
        order: &[ast::OrderByExpr],
        locks: &[ast::LockClause],
    ) -> Result<Block, Error> {
        let derives = std::mem::take(&mut self.derives);
        self.scope().selects = true;
        self.scope().groups = select.having.is_some()
            || !matches!(&select.group_by, GroupByExpr::Expressions(e, _) if e.is_empty());
        self.scope().clause = Clause::From;
        let From { mut plan, relations, star } = self.from(&select.from)?;
        if let Some((depth, sources)) = &mut self.insert_sources
            && *depth == self.scopes.len()
        {
            sources.clone_from(&relations);
        }
        self.scope().relations = relations;
        let mut scans = Vec::new();
        if !locks.is_empty() {
            rows_of(&plan, &mut scans);
        }
        let scans: Vec<Scan> = scans.into_iter().cloned().collect();

        if let Some(condition) = &select.selection {
            plan = self.filter(plan, condition, Clause::Where)?;
        }
        if !locks.is_empty() {
            plan = self.lock_rows(plan, &scans, locks)?;
        }

        let rolls_up = rolls_up(&select.group_by);
        self.scope().rolls_up = rolls_up;
        self.scope().clause = Clause::Fields;
        self.named_windows(&select.named_window)?;
        let mut items = self.select_list(select, &star)?;
        self.scope().aliases =
            items.iter().filter(|i| i.aliased).map(|i| (i.name.clone(), i.expr.clone())).collect();
        self.scope().digits = items.iter().filter_map(|i| Some((i.expr.clone(), i.all.clone()?))).collect();
        let distinct = matches!(select.distinct, Some(Distinct::Distinct));
        if !distinct {
            self.give_digits(&mut items);
        }

        let group_by = self.group_by(select, &items, &plan.column_set())?;
        if select.having.is_some() {
            let named = items.iter().map(|item| &item.expr).chain(group_by.iter().map(|(_, key)| key));
            self.scope().shown = named.filter_map(|e| self.shown_column(e)).collect();
        }
        self.scope().clause = Clause::Having;
        let mut having = match &select.having {
            Some(condition) => self.conjuncts(condition)?,
            None => vec![],
        };
        self.scope().clause = Clause::Order;
        let before_order = self.scope().aggregates.len();
        let mut keys = self.order_keys(order, &items)?;

        let scope = self.scope();
        let mut pending = std::mem::take(&mut scope.pending);
        let below = std::mem::take(&mut scope.pending_below);
        let aggregates = std::mem::take(&mut scope.aggregates);
        let mut windows = std::mem::take(&mut scope.windows);
        let groupings = std::mem::take(&mut scope.groupings);
        plan = self.attach(plan, below);
        if !group_by.is_empty()
            || !aggregates.is_empty()
            || !matches!(&select.group_by, GroupByExpr::Expressions(e, _) if e.is_empty())
        {
            let (group_by, level) = match rolls_up {
                true => {
                    let (rolled, keys, level) = self.rolled_up(plan, group_by);
                    plan = rolled;
                    (keys, Some(level))
                }
                false => (group_by, None),
            };
            if group_by.is_empty() && level.is_none() && before_order > 0 {
                // There is one row: in whatever order.
                keys.clear();
            }
            let only_ordered = before_order == 0 && group_by.is_empty() && having.is_empty();
            let aggregate = |key: &Expr| {
                key.columns().iter().any(|id| aggregates.iter().any(|(aggregate, _)| aggregate == id))
            };
            let aggregated_key = keys.iter().position(|(key, _)| aggregate(key)).filter(|_| only_ordered);
            let mut grouping = Grouping::new(self, &plan, group_by, aggregates, level);
            for (at, item) in items.iter_mut().enumerate() {
                grouping.place = ("SELECT list", at);
                item.expr = grouping.above(self, &item.expr).map_err(|error| match aggregated_key {
                    Some(key) if matches!(error, Error::MixedAggregate { .. }) => {
                        Error::AggregateInOrder(key + 1)
                    }
                    _ => error,
                })?;
                if let Some(all) = &mut item.all {
                    all.expr = grouping.above(self, &all.expr)?;
                }
            }
            for (at, condition) in having.iter_mut().enumerate() {
                grouping.place = ("HAVING clause", at);
                *condition = grouping.above(self, condition)?;
            }
            for (at, (key, _)) in keys.iter_mut().enumerate() {
                grouping.place = ("ORDER BY", at);
                *key = grouping.above(self, key)?;
            }
            grouping.place = ("SELECT list", 0);
            for p in &mut pending {
                grouping.pending_above(self, p)?;
            }
            for window in &mut windows {
                window.map(|e| grouping.above(self, e))?;
            }
            let Grouping { keys, aggregates, .. } = grouping;
            plan = match level {
                None => self.grouped(plan, keys, aggregates),
                Some(level) => {
                    let standing = keys.iter().map(|(id, _)| *id).chain([level]);
                    let standing = standing.map(|id| (id, self.column(id))).collect();
                    let plan = self.grouped(plan, standing, aggregates);
                    self.grouping_numbers(plan, groupings, &keys, level)?
                }
            };
        }
        plan = self.attach(plan, pending);
        plan = self.assigned_before(plan, &mut having, &mut items, &mut keys);
        if !having.is_empty() {
            plan = Plan::Filter { input: Box::new(plan), predicates: having };
        }
        plan = self.attach_windows(plan, windows);
        if distinct || !derives {
            items.iter_mut().for_each(|item| item.all = None);
        }
        self.project(plan, items, keys, distinct)
    }

    /// Puts a condition above a plan: simple conjuncts first, then the joins of its subqueries, then what uses them.
    pub fn filter(&mut self, plan: Plan, condition: &ast::Expr, clause: Clause) -> Result<Plan, Error> {
        self.scope().clause = clause;
        let conjuncts = self.conjuncts(condition)?;
        let pending = std::mem::take(&mut self.scope().pending);
        let (late, early): (Vec<Expr>, Vec<Expr>) = conjuncts
            .into_iter()
            .partition(|e| e.columns().iter().any(|id| pending.iter().any(|p| p.makes(*id))));
        let filtered = |plan: Plan, predicates: Vec<Expr>| {
            if predicates.is_empty() { plan } else { Plan::Filter { input: Box::new(plan), predicates } }
        };
        let plan = filtered(plan, early);
        let plan = self.attach(plan, pending);
        Ok(filtered(plan, late))
    }

    fn select_list(
        &mut self,
        select: &ast::Select,
        star: &[(Arc<str>, ColumnId)],
    ) -> Result<Vec<Item>, Error> {
        let mut texts: Option<Vec<String>> = None;
        let mut items = Vec::with_capacity(select.projection.len());
        for (i, item) in select.projection.iter().enumerate() {
            match item {
                SelectItem::ExprWithAlias { expr, alias } => {
                    items.push(self.item(expr, alias.value.as_str().into(), true)?);
                }
                SelectItem::UnnamedExpr(e) => {
                    let name: Arc<str> = match unnested(e) {
                        ast::Expr::Identifier(ident) => ident.value.as_str().into(),
                        // `@@global.x` is called as it is written.
                        ast::Expr::CompoundIdentifier(parts)
                            if !parts.iter().any(|part| part.value.starts_with('@')) =>
                        {
                            parts.last().map_or("", |p| p.value.as_str()).into()
                        }
                        e if let Some(name) = super::ask::given_name(e) => name.into(),
                        _ => {
                            let texts = texts.get_or_insert_with(|| {
                                parse::select_item_texts(self.parsed, select.select_token.0.span.end)
                            });
                            let text = match texts.get(i).filter(|_| texts.len() == select.projection.len()) {
                                Some(text) => text.clone(),
                                None => e.to_string(),
                            };
                            naming::literal(e, &text).unwrap_or(text).into()
                        }
                    };
                    // What a literal is called says nothing within the block.
                    let is_bare = |e: &ast::Expr| {
                        matches!(
                            e,
                            ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) | ast::Expr::Value(_)
                        )
                    };
                    let aliased = !is_bare(unnested(e));
                    items.push(self.item(e, name, aliased)?);
                }
                SelectItem::Wildcard(options) => {
                    if star.is_empty() && self.scope().relations.is_empty() {
                        return Err(Error::NoTables);
                    }
                    self.check_star(star)?;
                    self.note_star(options.wildcard_token.0.span, star);
                    items.extend(star.iter().map(|(name, id)| self.bare(name, *id)));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    let parts: Vec<&str> =
                        name.0.iter().filter_map(|p| p.as_ident()).map(|i| i.value.as_str()).collect();
                    let (database, table) = match parts.as_slice() {
                        [t] => (None, *t),
                        [d, t] => (Some(*d), *t),
                        _ => return Err(Error::UnknownRelation(name.to_string())),
                    };
                    let relation =
                        self.scope().relations.iter().find(|r| r.matches(database, table)).cloned();
                    let relation = relation.ok_or_else(|| Error::UnknownRelation(name.to_string()))?;
                    let columns: Vec<_> = visible(&relation).collect();
                    self.check_star(&columns)?;
                    self.note_star(name.span().union(&options.wildcard_token.0.span), &columns);
                    items.extend(columns.iter().map(|(name, id)| self.bare(name, *id)));
                }
                other => return Err(not_supported(&format!("'{other}' in the select list"))),
            }
        }
        Ok(items)
    }

    fn bare(&mut self, name: &Arc<str>, id: ColumnId) -> Item {
        Item { expr: self.seen(id), all: None, name: name.clone(), aliased: false }
    }

    fn item(&mut self, e: &ast::Expr, name: Arc<str>, aliased: bool) -> Result<Item, Error> {
        let exact = self.as_shown(e)?;
        let expr = self.rw.shown(exact.clone());
        Ok(Item { expr, all: Some(exact).filter(Exact::hides), name, aliased })
    }

    /// Gives all digits to whoever takes them from this select list.
    fn give_digits(&mut self, items: &mut [Item]) {
        let Some((depth, taken)) = &self.digits_taken else { return };
        if *depth != self.scopes.len() {
            return;
        }
        for (item, _) in items.iter_mut().zip(taken).filter(|(_, taken)| **taken) {
            if let Some(all) = item.all.take() {
                item.expr = all.expr;
            }
        }
    }

    fn group_by(
        &mut self,
        select: &ast::Select,
        items: &[Item],
        input: &ColumnSet,
    ) -> Result<Vec<(ColumnId, Expr)>, Error> {
        let exprs = match &select.group_by {
            GroupByExpr::Expressions(exprs, _) => exprs,
            GroupByExpr::All(_) => return Err(not_supported("GROUP BY ALL")),
        };
        // Subqueries of GROUP BY belong below the aggregation, those of the select list above, unless it is grouped by them:
        // `SELECT (SELECT ...) AS a ... GROUP BY a`.
        let above = std::mem::take(&mut self.scope().pending);
        self.scope().clause = Clause::Group;
        let scope = self.scope();
        let windows = scope.windows.iter().map(|window| window.id);
        let later: ColumnSet = scope.aggregates.iter().map(|(id, _)| *id).chain(windows).collect();
        let mut keys: Vec<(ColumnId, Expr)> = Vec::with_capacity(exprs.len());
        let mut names = Vec::new();
        for e in exprs {
            let bound = match ordinal(e, items.len(), Clause::Group)? {
                Some(i) => items[i].expr.clone(),
                None => self.expr(e)?,
            };
            let asks = |p: &Pending, id: ColumnId| p.makes(id) && p.used(&self.ctes).intersects(&later);
            let is_later = |id: ColumnId| later.contains(id) || above.iter().any(|p| asks(p, id));
            if bound.columns().into_iter().any(is_later) {
                return Err(Error::CannotGroupOn(e.to_string()));
            }
            if let ast::Expr::Identifier(ident) = e {
                names.push(Arc::from(ident.value.as_str()));
            }
            if keys.iter().any(|(_, known)| *known == bound) {
                continue;
            }
            let id = match &bound {
                Expr::Column { id, .. } if input.contains(*id) => *id,
                other => self.columns.add_computed(e.to_string(), other.ty().clone()),
            };
            keys.push((id, bound));
        }
        let scope = self.scope();
        scope.group_names = names;
        let grouped =
            |pending: &Pending| keys.iter().any(|(_, key)| key.columns().iter().any(|id| pending.makes(*id)));
        let (grouped, above): (Vec<Pending>, Vec<Pending>) = above.into_iter().partition(grouped);
        let below = std::mem::replace(&mut scope.pending, above);
        scope.pending_below.extend(grouped);
        scope.pending_below.extend(below);
        Ok(keys)
    }

    fn order_keys(&mut self, order: &[ast::OrderByExpr], items: &[Item]) -> Result<Vec<(Expr, bool)>, Error> {
        let mut keys = Vec::with_capacity(order.len());
        for item in order {
            let expr = match ordinal(&item.expr, items.len(), Clause::Order)? {
                Some(i) => items[i].expr.clone(),
                None => self.expr(&item.expr)?,
            };
            keys.push((expr, item.options.asc == Some(false)));
        }
        Ok(keys)
    }

    /// What HAVING shares with the select list is computed once, before it, if it is not the same twice: `SELECT @n := @n + 1
    /// AS n … HAVING n > 3`.
    fn assigned_before(
        &mut self,
        plan: Plan,
        having: &mut [Expr],
        items: &mut [Item],
        keys: &mut [(Expr, bool)],
    ) -> Plan {
        let shared: Vec<(ColumnId, Expr)> = items
            .iter()
            .filter(|item| item.expr.in_turn() && having.iter().any(|e| has_part(e, &item.expr)))
            .map(|item| {
                (self.columns.add_computed(item.name.clone(), item.expr.ty().clone()), item.expr.clone())
            })
            .collect();
        if shared.is_empty() {
            return plan;
        }
        let computed = |e: &mut Expr| *e = over_outputs(&shared, e);
        having.iter_mut().for_each(computed);
        items.iter_mut().map(|item| &mut item.expr).for_each(computed);
        keys.iter_mut().map(|(key, _)| key).for_each(computed);
        let columns = plan.columns().into_iter().map(|id| (id, self.column(id)));
        let exprs = columns.chain(shared.iter().cloned()).collect();
        Plan::Project { input: Box::new(plan), exprs }
    }

    /// The select list, DISTINCT and ORDER BY.
    fn project(
        &mut self,
        plan: Plan,
        items: Vec<Item>,
        keys: Vec<(Expr, bool)>,
        distinct: bool,
    ) -> Result<Block, Error> {
        let mut input = plan.columns();
        input.sort_unstable();
        let mut exprs: Vec<(ColumnId, Expr)> = Vec::with_capacity(items.len());
        let mut output = Vec::with_capacity(items.len());
        let mut longer = Vec::new();
        for Item { expr, all, name, .. } in items {
            let id = self.output_id(&mut exprs, &input, &expr, &name);
            longer.extend(all.map(|all| (id, all.expr, name.clone())));
            output.push(OutputColumn { id, name });
        }
        let visible = exprs.len();
        for (id, all, name) in longer {
            let all = self.output_id(&mut exprs, &input, &all, &name);
            self.all_digits.insert(id, all);
        }
        let mut sort = Vec::with_capacity(keys.len());
        for (expr, descending) in keys {
            if matches!(expr, Expr::Constant { .. }) {
                continue;
            }
            let before = exprs.len();
            let name: Arc<str> = "order by".into();
            let expr = if distinct { expr } else { collate::ordered_by(expr) };
            let id = if distinct {
                let over = over_outputs(&exprs, &expr);
                let own: Vec<ColumnId> = exprs.iter().map(|(id, _)| *id).collect();
                if over.columns().iter().any(|c| !own.contains(c)) {
                    let shown =
                        self.columns.explain_name(expr.columns().first().copied().unwrap_or(ColumnId(0)));
                    return Err(Error::OrderByNotInDistinct(shown));
                }
                sort.push(SortKey { expr: collate::ordered_by(over), descending });
                continue;
            } else {
                self.output_id(&mut exprs, &input, &expr, &name)
            };
            debug_assert!(exprs.len() <= before + 1);
            sort.push(SortKey { expr: self.column(id), descending });
        }
        let ids: Vec<ColumnId> = exprs[..visible].iter().map(|(id, _)| *id).collect();
        let mut plan = Plan::Project { input: Box::new(plan), exprs };
        if distinct {
            plan = self.distinct(plan, &ids);
        }
        if !sort.is_empty() {
            plan = Plan::Sort { input: Box::new(plan), keys: sort };
        }
        Ok(Block { plan, output })
    }

    /// The id under which a projection shows an expression; a column of the input keeps its own.
    fn output_id(
        &mut self,
        exprs: &mut Vec<(ColumnId, Expr)>,
        input: &[ColumnId],
        expr: &Expr,
        name: &Arc<str>,
    ) -> ColumnId {
        if let Some((id, _)) = exprs.iter().find(|(_, known)| known == expr) {
            return *id;
        }
        let id = match expr {
            Expr::Column { id, .. } if input.binary_search(id).is_ok() => *id,
            other => self.columns.add_computed(name.clone(), other.ty().clone()),
        };
        exprs.push((id, expr.clone()));
        id
    }
}

/// One item of the select list.
struct Item {
    expr: Expr,
    /// The same with all digits, if some do not show.
    all: Option<Exact>,
    name: Arc<str>,
    /// Whether `name` is not simply the column's own.
    aliased: bool,
}

fn visible(relation: &Relation) -> impl Iterator<Item = (Arc<str>, ColumnId)> + '_ {
    let hidden = |i: usize| relation.table.as_ref().is_some_and(|t| t.columns[i].hidden);
    relation.columns.iter().enumerate().filter(move |(i, _)| !hidden(*i)).map(|(_, c)| (c.name.clone(), c.id))
}

/// Whether `part` is the expression, or somewhere in it.
fn has_part(e: &Expr, part: &Expr) -> bool {
    e == part || e.children().iter().any(|child| has_part(child, part))
}

/// The expression with every part that is an output column replaced by that column.
fn over_outputs(outputs: &[(ColumnId, Expr)], expr: &Expr) -> Expr {
    if let Some((id, known)) = outputs.iter().find(|(_, known)| known == expr || shows_as(expr, known)) {
        return Expr::column(*id, known.ty().clone());
    }
    match expr {
        Expr::Call { function, args, ty } => Expr::Call {
            function: function.clone(),
            args: args.iter().map(|a| over_outputs(outputs, a)).collect(),
            ty: ty.clone(),
        },
        leaf => leaf.clone(),
    }
}

/// An aggregation, and how what stands above it sees what is below.
struct Grouping {
    keys: Vec<(ColumnId, Expr)>,
    aggregates: Vec<(ColumnId, AggregateCall)>,
    /// Columns of the input: only these need restating.
    input: ColumnSet,
    /// Columns that the groups determine, through keys of tables and equalities of WHERE and ON.
    determined: ColumnSet,
    /// Columns that became ANY_VALUE, and as what.
    any_values: Vec<(ColumnId, ColumnId)>,
    /// Whether `sql_mode` has ONLY_FULL_GROUP_BY: if not, any value of the group is as good as another.
    strict: bool,
    /// What is restated: of which clause, the how manieth.
    place: (&'static str, usize),
}

impl Grouping {
    fn new(
        binder: &Binder,
        input: &Plan,
        keys: Vec<(ColumnId, Expr)>,
        aggregates: Vec<(ColumnId, AggregateCall)>,
        level: Option<ColumnId>,
    ) -> Grouping {
        let bare: ColumnSet = keys.iter().filter_map(|(_, e)| e.as_column()).collect();
        let determined = match level {
            None => {
                let lore = Lore { generators: &generators, ctes: &binder.ctes };
                Dependencies::with(input, &lore).closure(&bare)
            }
            // Where a key stands for all, it determines nothing.
            Some(_) => ColumnSet::default(),
        };
        Grouping {
            keys,
            aggregates,
            input: input.column_set(),
            determined,
            any_values: vec![],
            strict: binder.mode.only_full_group_by,
            place: ("SELECT list", 0),
        }
    }

    /// An expression as it is above the aggregation.
    fn above(&mut self, binder: &mut Binder, expr: &Expr) -> Result<Expr, Error> {
        // Groups are made by what shows of a number.
        if let Some((id, key)) = self.keys.iter().find(|(_, key)| key == expr || shows_as(expr, key)) {
            return Ok(Expr::column(*id, key.ty().clone()));
        }
        // A comparison in the collation of the key `s COLLATE c` names the sort key of `s`.
        if let Expr::Call { function: Function::Collate(CollateFunction::SortKey(collation)), args, .. } =
            expr && let Some((id, key)) = self.keys.iter().find(|(_, key)| {
            matches!(key, Expr::Call { function: Function::Collate(CollateFunction::Collate), args: text, ty }
                    if text.first() == args.first() && ty.sql.collation() == *collation)
        }) {
            return Ok(collate::sort_key_of(Expr::column(*id, key.ty().clone()), *collation));
        }
        match expr {
            Expr::Constant { .. } => Ok(expr.clone()),
            Expr::Call { function, args, ty } => {
                let args: Result<Vec<Expr>, Error> = args.iter().map(|a| self.above(binder, a)).collect();
                Ok(Expr::Call { function: function.clone(), args: args?, ty: ty.clone() })
            }
            Expr::Column { id, ty } if self.input.contains(*id) => {
                if let Some((_, new)) = self.any_values.iter().find(|(old, _)| old == id) {
                    return Ok(binder.column(*new));
                }
                if self.strict && !self.determined.contains(*id) {
                    let column = binder.columns.explain_name(*id);
                    let (clause, at) = self.place;
                    let place = format!("expression #{} of {clause}", at + 1);
                    return Err(if self.keys.is_empty() {
                        Error::MixedAggregate { place, column }
                    } else {
                        Error::NotGrouped { place, column }
                    });
                }
                let call = binder.rw.aggregate(AggregateFunction::AnyValue, vec![expr.clone()], false);
                let ty = ColumnType { nullable: ty.nullable || self.keys.is_empty(), ..call.ty.clone() };
                let mut info = binder.columns.get(*id).clone();
                info.ty = ty;
                let new = binder.columns.add(info);
                self.aggregates.push((new, call));
                self.any_values.push((*id, new));
                Ok(binder.column(new))
            }
            Expr::Column { .. } => Ok(expr.clone()),
        }
    }

    /// A subquery above the aggregation: the columns of the input that it uses are restated, too.
    fn pending_above(&mut self, binder: &mut Binder, pending: &mut Pending) -> Result<(), Error> {
        for e in pending.on.iter_mut().chain(&mut pending.null_aware) {
            *e = self.above(binder, e)?;
        }
        let mut failed = None;
        let empty = Plan::Values { rows: vec![], columns: vec![] };
        let plan = std::mem::replace(&mut pending.plan, empty);
        let mut restate = |e: Expr| match self.above(binder, &e) {
            Ok(new) => new,
            Err(error) => {
                failed = Some(error);
                e
            }
        };
        pending.plan = plan.transform_up(&mut |node| node.map_own_exprs(&mut restate));
        failed.map_or(Ok(()), Err)
    }
}

/// The generated columns of a table. The texts were checked when they were defined.
fn generators(scan: &Scan) -> Option<Arc<GeneratedColumns>> {
    let known = || bind_generated(&scan.table).ok().flatten().map(Arc::new);
    scan.generated.clone().or_else(known)
}

/// Whether it is GROUP BY … WITH ROLLUP.
fn rolls_up(group_by: &GroupByExpr) -> bool {
    match group_by {
        GroupByExpr::Expressions(exprs, modifiers) => {
            !exprs.is_empty() && modifiers.iter().any(|m| matches!(m, GroupByWithModifier::Rollup))
        }
        GroupByExpr::All(_) => false,
    }
}

/// Clauses of other dialects, and those of MySQL that are not here yet.
fn refuse(select: &ast::Select) -> Result<(), Error> {
    let refused = [
        (select.top.is_some(), "TOP"),
        (select.into.is_some(), "SELECT … INTO"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (select.qualify.is_some(), "QUALIFY"),
        (select.exclude.is_some(), "EXCLUDE"),
        (matches!(select.distinct, Some(Distinct::On(_))), "DISTINCT ON"),
    ];
    match refused.iter().find(|(found, _)| *found) {
        Some((_, what)) => Err(not_supported(what)),
        None => Ok(()),
    }
}

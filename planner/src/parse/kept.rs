//! Of which statements TiDB keeps plans.
//!
//! Allod keeps more of them, and `@@last_plan_from_cache` tells of those that TiDB would have found, too: of statements that
//! come as text ([`Parsed::text_is_kept`]) simple queries of one or two tables, made of the syntax below and nothing else. Of
//! prepared statements TiDB keeps all but a few, and says why not ([`Parsed::unkept`]); there Allod does as it says.

use sqlparser::ast::{
    self, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, JoinConstraint,
    JoinOperator, OrderByKind, SelectItem, SetExpr, TableFactor, Value,
};

use super::{Parsed, Statement};

/// Constants that a statement may have, and members of its lists.
const CONSTANTS_MAX: usize = 200;

/// Functions whose calls TiDB does not keep, or not in texts.
const UNKEPT: &[&str] = &[
    "AES_DECRYPT",
    "AES_ENCRYPT",
    "COALESCE",
    "CONNECTION_ID",
    "CURRENT_RESOURCE_GROUP",
    "CURRENT_ROLE",
    "CURRENT_USER",
    "DATABASE",
    "FOUND_ROWS",
    "JSON_ARRAY",
    "JSON_EXTRACT",
    "JSON_OBJECT",
    "LAST_INSERT_ID",
    "ROW_COUNT",
    "SCHEMA",
    "SESSION_USER",
    "SYSTEM_USER",
    "USER",
    "VERSION",
];

/// Why plans are not kept whose statements say something by hints.
const IGNORED: &str = "ignore plan cache by hint";
const SETS: &str = "SET_VAR is used in the SQL";
const NOTED: &str = "WRITE_SLOW_LOG is used in the SQL";

/// What the session's variables say of prepared statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepRules {
    /// `tidb_enable_plan_cache_for_param_limit`.
    pub limits: bool,
    /// `tidb_enable_plan_cache_for_subquery`.
    pub subqueries: bool,
}

/// A text whose plan TiDB keeps if the tables are tables, and not views.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptText {
    /// The names that its conditions use, in lower case: none of them may be that of a column of JSON, ENUM, SET or BIT.
    pub names: Vec<String>,
    /// Its tables.
    pub tables: Vec<String>,
}

impl Parsed {
    /// Why the plan of this statement is not kept if it is prepared.
    pub fn unkept(&self, rules: KeepRules) -> Option<&'static str> {
        let Statement::Sql(statement) = &self.statement else { return None };
        if self.blocks.says("ignore_plan_cache") {
            return Some(IGNORED);
        }
        if self.blocks.says("set_var") {
            return Some(SETS);
        }
        if self.blocks.says("write_slow_log") {
            return Some(NOTED);
        }
        if self.blocks.selects.len() > subquery_free(statement) && !rules.subqueries {
            return Some("query has sub-queries is un-cacheable");
        }
        match &**statement {
            ast::Statement::Insert(insert) => {
                let rows = insert.source.as_deref().map_or(0, |source| match &*source.body {
                    SetExpr::Values(values) => values.rows.len(),
                    _ => 0,
                });
                (rows > CONSTANTS_MAX).then_some("too many values in the insert statement")
            }
            ast::Statement::Query(query) => {
                let by_parameter = |order: &ast::OrderBy| match &order.kind {
                    OrderByKind::Expressions(keys) => keys.iter().any(|key| is_parameter(&key.expr)),
                    OrderByKind::All(_) => false,
                };
                if query.order_by.as_ref().is_some_and(by_parameter) {
                    return Some("query has 'order by ?' is un-cacheable");
                }
                if query.limit_clause.is_some() && !rules.limits && self.limits_by_parameter(query) {
                    return Some("query has 'limit ?' is un-cacheable");
                }
                let mut lists = 0;
                if let SetExpr::Select(select) = &*query.body {
                    select.selection.iter().for_each(|e| lists += in_lists(e));
                }
                (lists > CONSTANTS_MAX).then_some("too many values in in-list")
            }
            _ => None,
        }
    }

    fn limits_by_parameter(&self, query: &ast::Query) -> bool {
        match &query.limit_clause {
            Some(ast::LimitClause::LimitOffset { limit, offset, .. }) => {
                limit.as_ref().is_some_and(is_parameter)
                    || offset.as_ref().is_some_and(|offset| is_parameter(&offset.value))
            }
            Some(ast::LimitClause::OffsetCommaLimit { offset, limit }) => {
                is_parameter(offset) || is_parameter(limit)
            }
            None => false,
        }
    }

    /// Whether it is to be planned each time, for its own hints say so or ask for more than a plan.
    pub fn is_planned_each_time(&self, rules: KeepRules) -> bool {
        matches!(self.unkept(rules), Some(IGNORED | SETS | NOTED))
    }

    /// Variables that SET_VAR sets while it runs, with their values.
    pub fn hinted_variables(&self) -> Vec<(String, String)> {
        use ast::Statement as S;
        let sql = match &self.statement {
            Statement::Sql(sql) => sql,
            Statement::Explain { statement, .. } => match &**statement {
                Statement::Sql(sql) => sql,
                _ => return vec![],
            },
            _ => return vec![],
        };
        let may = matches!(**sql, S::Query(_) | S::Insert(_) | S::Update(_) | S::Delete(_));
        if may && self.blocks.says("set_var") { self.blocks.variables() } else { vec![] }
    }

    /// The resource group that a hint puts the statement into.
    pub fn hinted_group(&self) -> Option<String> {
        if self.blocks.says("resource_group") { self.blocks.resource_group() } else { None }
    }

    /// Whether it is to be noted as slow however long it takes.
    pub fn is_noted(&self) -> bool {
        self.blocks.says("write_slow_log")
    }

    /// What the plan of this text must be for TiDB to keep it; `None` = it does not. `dml`: those of changes are kept, too,
    /// and of what locks.
    pub fn text_is_kept(&self, dml: bool) -> Option<KeptText> {
        let Statement::Sql(statement) = self.explained() else { return None };
        if !self.blocks.comments.is_empty() || self.blocks.stray > 0 {
            return None;
        }
        let mut walk = Walk::default();
        let kept = match &**statement {
            ast::Statement::Query(query) => (dml || query.locks.is_empty()) && walk.query(query),
            ast::Statement::Insert(_) | ast::Statement::Update(_) | ast::Statement::Delete(_) => dml,
            _ => false,
        };
        let Walk { constants, names, tables, .. } = walk;
        (kept && constants <= CONSTANTS_MAX).then_some(KeptText { names, tables })
    }
}

impl Parsed {
    /// What TiDB says of a text whose plan it does not keep.
    pub fn why_unkept(&self) -> &'static str {
        match self.explained() {
            Statement::Sql(_) if !self.blocks.comments.is_empty() => {
                "queries that have hints, having-clause, window-function are not supported"
            }
            Statement::Sql(statement) if self.blocks.selects.len() > subquery_free(statement) => {
                "queries that have sub-queries are not supported"
            }
            Statement::Sql(_) => "query has some unsupported Node",
            _ => "not a SELECT/UPDATE/INSERT/DELETE/SET statement",
        }
    }

    /// The statement, or that which EXPLAIN explains.
    fn explained(&self) -> &Statement {
        match &self.statement {
            Statement::Explain { statement, .. } => statement,
            own => own,
        }
    }
}

/// How many SELECTs a statement without subqueries has.
fn subquery_free(statement: &ast::Statement) -> usize {
    match statement {
        ast::Statement::Query(query) => selects(&query.body),
        ast::Statement::Insert(insert) => insert.source.as_deref().map_or(0, |source| selects(&source.body)),
        _ => 0,
    }
}

fn selects(body: &SetExpr) -> usize {
    match body {
        SetExpr::SetOperation { left, right, .. } => selects(left) + selects(right),
        SetExpr::Query(query) => selects(&query.body),
        SetExpr::Select(_) => 1,
        _ => 0,
    }
}

fn is_parameter(e: &Expr) -> bool {
    matches!(e, Expr::Value(value) if matches!(value.value, Value::Placeholder(_)))
}

/// The members of the IN lists of a condition.
fn in_lists(e: &Expr) -> usize {
    match e {
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            in_lists(left) + in_lists(right)
        }
        Expr::Nested(e) => in_lists(e),
        Expr::InList { list, .. } => list.len(),
        _ => 0,
    }
}

/// What was met on the way through a query.
#[derive(Default)]
struct Walk {
    constants: usize,
    tables: Vec<String>,
    in_condition: bool,
    names: Vec<String>,
}

impl Walk {
    fn query(&mut self, query: &ast::Query) -> bool {
        let SetExpr::Select(select) = &*query.body else { return false };
        let ordered = query.order_by.as_ref().is_none_or(|order| match &order.kind {
            OrderByKind::Expressions(keys) => keys.iter().all(|key| is_column(&key.expr)),
            OrderByKind::All(_) => false,
        });
        query.with.is_none() && ordered && self.select(select)
    }

    fn select(&mut self, select: &ast::Select) -> bool {
        let grouped = match &select.group_by {
            GroupByExpr::Expressions(keys, modifiers) => modifiers.is_empty() && keys.iter().all(is_column),
            GroupByExpr::All(_) => false,
        };
        grouped
            && select.having.is_none()
            && select.named_window.is_empty()
            && !select.from.is_empty()
            && select.from.iter().all(|from| self.table(from))
            && self.tables.len() <= 2
            && select.projection.iter().all(|item| match item {
                SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } => self.expr(e),
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => true,
                SelectItem::ExprWithAliases { .. } => false,
            })
            && select.selection.as_ref().is_none_or(|condition| self.condition(condition))
    }

    fn table(&mut self, from: &ast::TableWithJoins) -> bool {
        let mut plain = |table: &TableFactor| {
            let TableFactor::Table { name, .. } = table else { return false };
            self.tables.extend(name.0.last().and_then(|part| part.as_ident()).map(|name| name.value.clone()));
            true
        };
        if !plain(&from.relation) || !from.joins.iter().all(|join| plain(&join.relation)) {
            return false;
        }
        from.joins.iter().all(|join| match &join.join_operator {
            JoinOperator::Join(on)
            | JoinOperator::Inner(on)
            | JoinOperator::CrossJoin(on)
            | JoinOperator::Left(on)
            | JoinOperator::LeftOuter(on)
            | JoinOperator::Right(on)
            | JoinOperator::RightOuter(on) => match on {
                JoinConstraint::On(condition) => self.condition(condition),
                JoinConstraint::Using(_) | JoinConstraint::Natural | JoinConstraint::None => true,
            },
            _ => false,
        })
    }

    fn condition(&mut self, e: &Expr) -> bool {
        let outside = std::mem::replace(&mut self.in_condition, true);
        let kept = self.expr(e);
        self.in_condition = outside;
        kept
    }

    fn exprs<'e>(&mut self, all: impl IntoIterator<Item = &'e Expr>) -> bool {
        all.into_iter().all(|e| self.expr(e))
    }

    fn expr(&mut self, e: &Expr) -> bool {
        match e {
            Expr::Identifier(name) => {
                self.name(&name.value);
                !name.value.starts_with('@')
            }
            Expr::CompoundIdentifier(parts) => {
                parts.last().into_iter().for_each(|name| self.name(&name.value));
                !parts.iter().any(|part| part.value.starts_with('@'))
            }
            Expr::Value(value) => {
                self.constants += 1;
                !matches!(value.value, Value::Null | Value::NationalStringLiteral(_))
            }
            Expr::Nested(e) => self.expr(e),
            Expr::Tuple(all) => self.exprs(all),
            Expr::BinaryOp { left, op, right } => {
                !matches!(op, BinaryOperator::Arrow | BinaryOperator::LongArrow | BinaryOperator::Assignment)
                    && self.expr(left)
                    && self.expr(right)
            }
            Expr::Between { expr, low, high, .. } => self.exprs([&**expr, low, high]),
            Expr::InList { expr, list, .. } => self.expr(expr) && self.exprs(list),
            Expr::Function(f) => {
                let name = f.name.to_string();
                let args: &[FunctionArg] = match &f.args {
                    FunctionArguments::None => &[],
                    FunctionArguments::List(list) => &list.args,
                    FunctionArguments::Subquery(_) => return false,
                };
                f.over.is_none()
                    && !UNKEPT.iter().any(|unkept| name.eq_ignore_ascii_case(unkept))
                    && args.iter().all(|arg| match arg {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => self.expr(e),
                        FunctionArg::Unnamed(_) => true,
                        _ => false,
                    })
            }
            _ => false,
        }
    }

    fn name(&mut self, name: &str) {
        if self.in_condition {
            self.names.push(name.to_lowercase());
        }
    }
}

fn is_column(e: &Expr) -> bool {
    matches!(e, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}

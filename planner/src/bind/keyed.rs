//! Whether the parameters of a statement are so plainly used that a plan for some of their values can be one for others.

use sqlparser::ast::{
    self, AssignmentTarget, BinaryOperator, Expr, FromTable, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, GroupByExpr, OrderByKind, SelectItem, SetExpr, TableFactor, UnaryOperator, Value,
};

use super::expression::unnested;
use crate::parse::{Parsed, Statement};

/// What the WHERE of a statement says, if all of its parameters are plainly used:
///
/// - in a SELECT, UPDATE or DELETE of one table, whose WHERE is a conjunction of comparisons of columns with parameters and
///   literals, each column compared once (or once from below and once from above) and named nowhere else but as a bare
///   column;
/// - in what an UPDATE assigns: a parameter, or arithmetic of other columns;
/// - as a value of INSERT … VALUES.
///
/// Then no value of a parameter, NULL excepted, can make the planner see an implication; that a range is empty it can.
pub(crate) fn plain_conditions(parsed: &Parsed) -> Option<Vec<Condition>> {
    let Statement::Sql(statement) = &parsed.statement else { return None };
    let mut plain = Plain::default();
    match &**statement {
        ast::Statement::Query(query) => plain.query(query)?,
        ast::Statement::Update(update) => plain.update(update)?,
        ast::Statement::Delete(delete) => {
            let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
            let [table] = tables.as_slice() else { return None };
            if !is_plain(table) || !delete.order_by.is_empty() || delete.limit.is_some() {
                return None;
            }
            plain.conditions(delete.selection.as_ref()?)?;
        }
        ast::Statement::Insert(insert) => plain.insert(insert)?,
        _ => return None,
    }
    (plain.params == parsed.param_count).then_some(plain.compared)
}

/// What was found so far.
#[derive(Default)]
struct Plain {
    compared: Vec<Condition>,
    /// Parameters.
    params: usize,
}

/// What is said of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Its name in lower case.
    pub column: String,
    /// Whether that it is one of several values.
    pub listed: bool,
    /// Whether it has a lower bound.
    below: bool,
    /// Whether it has an upper bound.
    above: bool,
}

impl Plain {
    fn query(&mut self, query: &ast::Query) -> Option<()> {
        let SetExpr::Select(select) = &*query.body else { return None };
        let [table] = select.from.as_slice() else { return None };
        // What a key implies of a HAVING is folded away, and would be missed with another key.
        if query.with.is_some() || select.having.is_some() || !is_plain(table) {
            return None;
        }
        self.conditions(select.selection.as_ref()?)?;
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } => {
                    self.elsewhere(e)?
                }
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {}
                _ => return None,
            }
        }
        match &select.group_by {
            GroupByExpr::Expressions(by, _) => by.iter().try_for_each(|e| self.elsewhere(e))?,
            GroupByExpr::All(_) => return None,
        }
        match query.order_by.as_ref().map(|by| &by.kind) {
            None => Some(()),
            Some(OrderByKind::Expressions(by)) => by.iter().try_for_each(|by| self.elsewhere(&by.expr)),
            Some(OrderByKind::All(_)) => None,
        }
    }

    fn update(&mut self, update: &ast::Update) -> Option<()> {
        if !is_plain(&update.table) || !update.order_by.is_empty() || update.limit.is_some() {
            return None;
        }
        let (mut named, mut targets, mut set) = (vec![], vec![], vec![]);
        for assignment in &update.assignments {
            let AssignmentTarget::ColumnName(target) = &assignment.target else { return None };
            let column = target.0.last()?.as_ident()?.value.to_lowercase();
            if targets.contains(&column) {
                return None;
            }
            let before = self.params;
            let mut own = vec![];
            if !self.parameter(&assignment.value) {
                self.names(&assignment.value, &mut own)?;
            }
            // Assignments take effect from left to right: this one would have the parameter's value in it.
            if own.iter().any(|name| set.contains(name)) {
                return None;
            }
            if self.params > before {
                set.push(column.clone());
            }
            named.extend(own);
            targets.push(column);
        }
        self.conditions(update.selection.as_ref()?)?;
        let compared = |name: &String| self.is_compared(name);
        (!named.iter().chain(&targets).any(compared)).then_some(())
    }

    fn insert(&mut self, insert: &ast::Insert) -> Option<()> {
        // Parameters of ON DUPLICATE KEY UPDATE are not counted, so there may be none.
        if insert.returning.is_some() {
            return None;
        }
        for assignment in &insert.assignments {
            self.given(&assignment.value)?;
        }
        let Some(source) = &insert.source else { return Some(()) };
        let SetExpr::Values(values) = &*source.body else { return None };
        values.rows.iter().flat_map(|row| &row.content).try_for_each(|e| self.given(e))
    }

    /// A value of INSERT: a parameter, a literal, DEFAULT.
    fn given(&mut self, e: &Expr) -> Option<()> {
        let plain = self.parameter(e) || is_literal(e) || matches!(unnested(e), Expr::Identifier(_));
        plain.then_some(())
    }

    /// Counts a parameter, if it is one.
    fn parameter(&mut self, e: &Expr) -> bool {
        let is = is_placeholder(unnested(e));
        self.params += usize::from(is);
        is
    }

    fn conditions(&mut self, condition: &Expr) -> Option<()> {
        match unnested(condition) {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.conditions(left)?;
                self.conditions(right)
            }
            Expr::BinaryOp { left, op, right } => {
                let (below, above) = match op {
                    BinaryOperator::Eq => (true, true),
                    BinaryOperator::Lt | BinaryOperator::LtEq => (false, true),
                    BinaryOperator::Gt | BinaryOperator::GtEq => (true, false),
                    _ => return None,
                };
                self.compare(left, (below, above), false)?;
                self.operand(right)
            }
            Expr::Between { expr, negated: false, low, high } => {
                self.compare(expr, (true, true), false)?;
                self.operand(low)?;
                self.operand(high)
            }
            Expr::InList { expr, list, negated: false } => {
                self.compare(expr, (true, true), true)?;
                list.iter().try_for_each(|e| self.operand(e))
            }
            _ => None,
        }
    }

    fn operand(&mut self, e: &Expr) -> Option<()> {
        (self.parameter(e) || is_literal(e)).then_some(())
    }

    fn compare(&mut self, compared: &Expr, (below, above): (bool, bool), listed: bool) -> Option<()> {
        let column = column(unnested(compared))?;
        match self.compared.iter_mut().find(|c| c.column == column) {
            Some(known) if (known.below && below) || (known.above && above) => return None,
            Some(known) => (known.below, known.above) = (true, true),
            None => self.compared.push(Condition { column, listed, below, above }),
        }
        Some(())
    }

    fn is_compared(&self, name: &str) -> bool {
        self.compared.iter().any(|c| c.column == name)
    }

    /// An expression outside of WHERE: a bare column, or something of columns that WHERE says nothing of.
    fn elsewhere(&mut self, e: &Expr) -> Option<()> {
        if column(unnested(e)).is_some() {
            return Some(());
        }
        let (before, mut own) = (self.params, vec![]);
        self.names(e, &mut own)?;
        (self.params == before && !own.iter().any(|name| self.is_compared(name))).then_some(())
    }

    /// The columns that arithmetic and plain calls name; `None` if it is anything else.
    fn names(&mut self, e: &Expr, out: &mut Vec<String>) -> Option<()> {
        match unnested(e) {
            Expr::BinaryOp { left, right, .. } => {
                self.names(left, out)?;
                self.names(right, out)
            }
            Expr::UnaryOp { expr, .. } => self.names(expr, out),
            Expr::Function(Function {
                args: FunctionArguments::List(list),
                filter: None,
                over: None,
                ..
            }) => list.args.iter().try_for_each(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => self.names(e, out),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => Some(()),
                _ => None,
            }),
            e @ Expr::Value(_) => {
                self.parameter(e);
                Some(())
            }
            e => {
                out.push(column(e)?);
                Some(())
            }
        }
    }
}

fn is_plain(table: &ast::TableWithJoins) -> bool {
    let TableFactor::Table { partitions, .. } = &table.relation else { return false };
    table.joins.is_empty() && partitions.is_empty()
}

fn is_placeholder(e: &Expr) -> bool {
    matches!(e, Expr::Value(value) if matches!(value.value, Value::Placeholder(_)))
}

/// A literal, with a sign or without.
fn is_literal(e: &Expr) -> bool {
    match unnested(e) {
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_literal(expr),
        Expr::Value(value) => !matches!(value.value, Value::Placeholder(_)),
        _ => false,
    }
}

fn column(e: &Expr) -> Option<String> {
    let name = match e {
        Expr::Identifier(name) => name,
        Expr::CompoundIdentifier(parts) => parts.last()?,
        _ => return None,
    };
    Some(name.value.to_lowercase())
}

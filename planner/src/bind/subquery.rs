//! Subqueries become joins.
//!
//! An expression cannot hold a plan. So a subquery is bound to a plan of its own, which waits in its block's `pending`
//! until the clause is bound and is then joined to the plan below ([`Binder::attach`]): as an Apply if it uses columns of
//! that plan, else as a plain join. What is left in the expression is a column of that join.
//!
//! | subquery | join | in the expression |
//! |---|---|---|
//! | `(SELECT …)` | Left, one row at most | its column |
//! | `EXISTS (…)`, `x IN (…)`, `x > ANY (…)` as a conjunct of WHERE or HAVING | Semi | nothing: the join is the filter |
//! | the same under NOT, `x NOT IN (…)`, `x > ALL (…)` | Anti | nothing |
//! | the same anywhere else | Mark | the mark |
//!
//! `x > ALL (…)` is `NOT (x <= ANY (…))`. Where NULLs could make the answer NULL, the comparison goes to `null_aware`.

use std::sync::Arc;

use allod_storage::schema::{ColumnType, SqlType};
use sqlparser::ast::{self, BinaryOperator, UnaryOperator};

use super::binder::{Binder, Block, scalar_join};
use super::expression::{comparison, unnested};
use super::scope::Pending;
use crate::error::Error;
use crate::expr::{Expr, Function};
use crate::logical::{JoinKind, Plan};

/// ANY or ALL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
}

impl Binder<'_> {
    /// Splits a condition at its ANDs; a conjunct that is a subquery predicate becomes a pending semi or anti join and
    /// leaves no expression.
    pub fn conjuncts(&mut self, e: &ast::Expr) -> Result<Vec<Expr>, Error> {
        let mut parts = Vec::new();
        let mut rest = vec![e];
        while let Some(e) = rest.pop() {
            match e {
                ast::Expr::Nested(inner) => rest.push(inner),
                ast::Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                    rest.push(right);
                    rest.push(left);
                }
                other => parts.push(other),
            }
        }
        let mut out = Vec::with_capacity(parts.len());
        for part in parts {
            if self.filtering_subquery(part)? {
                continue;
            }
            let bound = self.expr(part)?;
            out.extend(split(self.rw.condition(bound)));
        }
        Ok(out)
    }

    /// Makes a semi or anti join of a conjunct that is a subquery predicate.
    fn filtering_subquery(&mut self, e: &ast::Expr) -> Result<bool, Error> {
        let mut negated = false;
        let mut e = e;
        loop {
            match e {
                ast::Expr::Nested(inner) => e = inner,
                ast::Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::BangNot, expr } => {
                    negated = !negated;
                    e = expr;
                }
                _ => break,
            }
        }
        match e {
            ast::Expr::Exists { subquery, negated: not } => {
                let block = self.subquery(subquery)?;
                let kind = if negated != *not { JoinKind::Anti } else { JoinKind::Semi };
                self.scope().pending.push(Pending { kind, plan: block.plan, on: vec![], null_aware: vec![] });
            }
            ast::Expr::InSubquery { expr, subquery, negated: not } => {
                let (plan, pairs) = self.any_comparison(expr, &BinaryOperator::Eq, subquery)?;
                self.filter_by(plan, pairs, negated != *not);
            }
            ast::Expr::AnyOp { left, compare_op, right, .. } => {
                let ast::Expr::Subquery(query) = unnested(right) else { return Ok(false) };
                let (plan, pairs) = self.any_comparison(left, compare_op, query)?;
                self.filter_by(plan, pairs, negated);
            }
            ast::Expr::AllOp { left, compare_op, right } => {
                let ast::Expr::Subquery(query) = unnested(right) else { return Ok(false) };
                let (plan, pairs) = self.any_comparison(left, &opposite(compare_op)?, query)?;
                self.filter_by(plan, pairs, !negated);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn filter_by(&mut self, plan: Plan, pairs: Vec<Expr>, anti: bool) {
        let pending = if anti {
            // NULL means "perhaps equal", and then the row is dropped; without NULLs it is a plain condition.
            let (null_aware, on) = pairs.into_iter().partition(|p| p.ty().nullable);
            Pending { kind: JoinKind::Anti, plan, on, null_aware }
        } else {
            Pending { kind: JoinKind::Semi, plan, on: pairs, null_aware: vec![] }
        };
        self.scope().pending.push(pending);
    }

    /// EXISTS as a value.
    pub fn exists(&mut self, query: &ast::Query) -> Result<Expr, Error> {
        let block = self.subquery(query)?;
        Ok(self.mark(block.plan, vec![], vec![], "exists"))
    }

    /// `left op ANY (query)` or `left op ALL (query)` as a value.
    pub fn quantified(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        query: &ast::Query,
        quantifier: Quantifier,
    ) -> Result<Expr, Error> {
        let all = quantifier == Quantifier::All;
        let op = if all { opposite(op)? } else { op.clone() };
        let (plan, pairs) = self.any_comparison(left, &op, query)?;
        let (null_aware, on) = pairs.into_iter().partition(|p: &Expr| p.ty().nullable);
        let found = self.mark(plan, on, null_aware, "in");
        Ok(if all { self.rw.not(found) } else { found })
    }

    fn mark(&mut self, plan: Plan, on: Vec<Expr>, null_aware: Vec<Expr>, name: &str) -> Expr {
        let ty = ColumnType { sql: SqlType::BOOL, nullable: !null_aware.is_empty() };
        let id = self.columns.add_computed(Arc::from(name), ty);
        self.scope().pending.push(Pending { kind: JoinKind::Mark(id), plan, on, null_aware });
        self.column(id)
    }

    /// The plan of the subquery and the comparisons of `left` with its columns.
    fn any_comparison(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        query: &ast::Query,
    ) -> Result<(Plan, Vec<Expr>), Error> {
        let left = match unnested(left) {
            ast::Expr::Tuple(items) => self.exprs(items)?,
            other => vec![self.expr(other)?],
        };
        let block = self.subquery(query)?;
        if block.output.len() != left.len() {
            return Err(Error::OperandColumns(left.len()));
        }
        let right: Vec<Expr> = block.output.iter().map(|o| self.column(o.id)).collect();
        let pairs = match comparison(op) {
            Some(Function::Eq) => {
                let mut pairs = Vec::with_capacity(left.len());
                for (a, b) in left.into_iter().zip(right) {
                    pairs.push(self.rw.compare(Function::Eq, a, b)?);
                }
                pairs
            }
            Some(_) => vec![self.compare_rows(op, left, right)?],
            None => return Err(Error::NotSupported(format!("{op} ANY"))),
        };
        Ok((block.plan, pairs))
    }

    /// A subquery where a value is wanted.
    pub fn scalar_subquery(&mut self, query: &ast::Query) -> Result<Expr, Error> {
        let mut row = self.row_subquery(query, 1)?;
        row.pop().ok_or(Error::OperandColumns(1))
    }

    /// A subquery where a row of `width` values is wanted.
    pub fn row_subquery(&mut self, query: &ast::Query, width: usize) -> Result<Vec<Expr>, Error> {
        let Block { plan, output } = self.subquery(query)?;
        if output.len() != width {
            return Err(Error::OperandColumns(width));
        }
        let plan = if at_most_one_row(&plan) { plan } else { Plan::MaxOneRow { input: Box::new(plan) } };
        // No row is NULL.
        for o in &output {
            self.columns.set_nullable(o.id);
        }
        self.scope().pending.push(scalar_join(plan));
        Ok(output.iter().map(|o| self.column(o.id)).collect())
    }

    fn subquery(&mut self, query: &ast::Query) -> Result<Block, Error> {
        self.query(query)
    }
}

/// The conjuncts of a bound condition.
pub(super) fn split(e: Expr) -> Vec<Expr> {
    match e {
        Expr::Call { function: Function::And, args, .. } => args,
        // TRUE filters nothing.
        Expr::Constant { value, .. } if value.as_f64().is_some_and(|v| v != 0.0) => vec![],
        other => vec![other],
    }
}

/// Whether a plan cannot have two rows: an aggregation without groups below what keeps rows one to one.
fn at_most_one_row(plan: &Plan) -> bool {
    match plan {
        Plan::Aggregate { group_by, .. } => group_by.is_empty(),
        Plan::Project { input, .. }
        | Plan::Filter { input, .. }
        | Plan::Lock { input, .. }
        | Plan::Sort { input, .. }
        | Plan::Window { input, .. } => at_most_one_row(input),
        Plan::Limit { input, count, .. } => *count == Some(1) || *count == Some(0) || at_most_one_row(input),
        Plan::Values { rows, .. } => rows.len() <= 1,
        Plan::MaxOneRow { .. } => true,
        Plan::Join(join) | Plan::Apply { join, .. } => {
            let right_is_one = !join.kind.keeps_right() || at_most_one_row(&join.right);
            right_is_one && at_most_one_row(&join.left)
        }
        Plan::Scan(_) | Plan::Union { .. } | Plan::CteScan { .. } => false,
    }
}

/// The comparison that is true where this one is false.
fn opposite(op: &BinaryOperator) -> Result<BinaryOperator, Error> {
    Ok(match op {
        BinaryOperator::Eq => BinaryOperator::NotEq,
        BinaryOperator::NotEq => BinaryOperator::Eq,
        BinaryOperator::Lt => BinaryOperator::GtEq,
        BinaryOperator::LtEq => BinaryOperator::Gt,
        BinaryOperator::Gt => BinaryOperator::LtEq,
        BinaryOperator::GtEq => BinaryOperator::Lt,
        other => return Err(Error::NotSupported(format!("{other} ALL"))),
    })
}

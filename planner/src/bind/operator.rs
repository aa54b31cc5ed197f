//! Operators, and whatever else computes with numbers: here they keep all of their digits ([`Exact`]).

use allod_storage::schema::{Datum, SqlType};
use sqlparser::ast::{self, BinaryOperator, CaseWhen, UnaryOperator, Value};

use super::binder::Binder;
use super::expression::{comparison, not_supported, unnested};
use super::types::cast_type;
use crate::error::Error;
use crate::expr::{Exact, Expr, Family, Function, literal};

/// Operators other than AND and OR in one chain: the typed expression is as deep.
const CHAIN_MAX: usize = 500;

/// Functions that compute with numbers, or choose between them.
const COMPUTING: &[&str] = &[
    "ABS", "ACOS", "ASIN", "ATAN", "ATAN2", "CEIL", "CEILING", "COALESCE", "COS", "COT", "DEGREES", "EXP",
    "FLOOR", "GREATEST", "IF", "IFNULL", "LEAST", "LN", "LOG", "LOG10", "LOG2", "MOD", "NULLIF", "POW",
    "POWER", "RADIANS", "ROUND", "SIGN", "SIN", "SQRT", "TAN", "TRUNCATE",
];

/// Whether a function of this name takes all digits of its arguments.
pub(super) fn computes(name: &str) -> bool {
    COMPUTING.binary_search(&name).is_ok()
}

/// The operator, if it is one of arithmetic.
fn arithmetic(op: &BinaryOperator) -> Option<Function> {
    Some(match op {
        BinaryOperator::Plus => Function::Plus,
        BinaryOperator::Minus => Function::Minus,
        BinaryOperator::Multiply => Function::Mul,
        BinaryOperator::Divide => Function::Div,
        BinaryOperator::MyIntegerDivide => Function::IntDiv,
        BinaryOperator::Modulo => Function::Mod,
        _ => return None,
    })
}

impl Binder<'_> {
    /// Binds an expression of the current clause with all digits, for whoever computes with it.
    pub(super) fn exact(&mut self, e: &ast::Expr) -> Result<Exact, Error> {
        use ast::Expr as E;
        stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || match e {
            E::Nested(inner) => self.exact(inner),
            E::BinaryOp { op: BinaryOperator::Assignment, .. } => self.expr(e).map(Exact::from),
            E::BinaryOp { .. } => self.chain(e),
            E::UnaryOp { op, expr } => self.unary(op, expr),
            E::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            E::Function(f) => self.function(f, e, true),
            E::Identifier(_) | E::CompoundIdentifier(_) => {
                let shown = self.expr(e)?;
                Ok(self.digits_of(shown))
            }
            E::Floor { .. } | E::Ceil { .. } => self.expr(e).map(Exact::from),
            _ => self.expr(e).map(Exact::from),
        })
    }

    /// A value that is shown as it is, with the digits that it happens to have: none is computed for them alone.
    pub(super) fn as_shown(&mut self, e: &ast::Expr) -> Result<Exact, Error> {
        match unnested(e) {
            ast::Expr::Function(f) => self.function(f, unnested(e), false),
            ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) => self.expr(e).map(Exact::from),
            e => self.exact(e),
        }
    }

    /// What a name stands for, with all of its digits: of the select list, or a column of a derived table.
    fn digits_of(&mut self, shown: Expr) -> Exact {
        if Family::of(&shown.ty().sql) != Family::Decimal {
            return shown.into();
        }
        let sql = shown.ty().sql.clone();
        let scope = self.scope();
        if let Some((_, all)) = scope.digits.iter().find(|(known, _)| *known == shown) {
            return all.clone();
        }
        let stands_above = scope.groups && !scope.in_aggregate;
        let own = shown.as_column().filter(|id| scope.has(*id) && !stands_above);
        match own.and_then(|id| self.all_digits.get(&id)) {
            Some(all) => Exact::new(self.column(*all), &sql),
            _ => shown.into(),
        }
    }

    /// A function that takes all digits of its arguments.
    pub(super) fn computed(&mut self, name: &str, args: &[&ast::Expr]) -> Result<Exact, Error> {
        let args = args.iter().map(|e| self.exact(e)).collect::<Result<Vec<Exact>, Error>>()?;
        self.rw.exactly(args, |rw, args| {
            rw.function(name, args)?
                .ok_or_else(|| Error::Internal(format!("there is no function {name}").into()))
        })
    }

    pub(super) fn cast(&mut self, e: &ast::Expr, data_type: &ast::DataType) -> Result<Expr, Error> {
        let exact = self.exact(e)?;
        let ty = cast_type(data_type, &exact.expr)?;
        let expr = self.read_as(exact, &ty);
        Ok(self.rw.explicit_cast(expr, ty))
    }

    /// Binds an expression whose value becomes one of this type.
    pub(super) fn expr_for(&mut self, e: &ast::Expr, ty: &SqlType) -> Result<Expr, Error> {
        let exact = self.exact(e)?;
        Ok(self.read_as(exact, ty))
    }

    /// A number is made of all digits, anything else of those that show.
    fn read_as(&mut self, exact: Exact, ty: &SqlType) -> Expr {
        if Family::of(ty).is_number() { exact.expr } else { self.rw.shown(exact) }
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        branches: &[CaseWhen],
        otherwise: Option<&ast::Expr>,
    ) -> Result<Exact, Error> {
        let operand = operand.map(|o| self.expr(o)).transpose()?;
        let mut conditions = Vec::with_capacity(branches.len());
        let mut results = Vec::with_capacity(branches.len() + 1);
        for when in branches {
            conditions.push(match &operand {
                Some(operand) => {
                    let value = self.expr(&when.condition)?;
                    self.rw.compare(Function::Eq, operand.clone(), value)?
                }
                None => self.exact(&when.condition)?.expr,
            });
            results.push(self.exact(&when.result)?);
        }
        if let Some(otherwise) = otherwise {
            results.push(self.exact(otherwise)?);
        }
        self.rw.exactly(results, |rw, mut results| {
            rw.agreeing(&results, "case")?;
            let otherwise = if results.len() > conditions.len() { results.pop() } else { None };
            Ok(rw.case(conditions.iter().cloned().zip(results).collect(), otherwise))
        })
    }

    /// A chain of binary operators, which the parser leaves as a tree that is deep on its left side.
    pub(super) fn chain(&mut self, e: &ast::Expr) -> Result<Exact, Error> {
        let mut links: Vec<(&BinaryOperator, &ast::Expr)> = Vec::new();
        let mut first = e;
        let mut others = 0;
        while let ast::Expr::BinaryOp { left, op, right } = first {
            others += usize::from(!matches!(op, BinaryOperator::And | BinaryOperator::Or));
            links.push((op, right));
            first = left;
        }
        if others > CHAIN_MAX {
            return Err(Error::TooComplex(format!("more than {CHAIN_MAX} operators in one chain")));
        }
        links.reverse();
        // With a row or an interval at the left end the first operator decides what it means.
        let mut i = 0;
        let mut so_far = match (first, links.first()) {
            (ast::Expr::Tuple(_) | ast::Expr::Interval(_), Some((op, right))) => {
                i = 1;
                self.syntactic(first, op, right)?.ok_or(Error::OperandColumns(1))?.into()
            }
            _ => self.exact(first)?,
        };
        while i < links.len() {
            let (op, right) = links[i];
            if matches!(op, BinaryOperator::And | BinaryOperator::Or) {
                let mut operands = vec![so_far.expr];
                while i < links.len() && links[i].0 == op {
                    operands.push(self.exact(links[i].1)?.expr);
                    i += 1;
                }
                so_far = match op {
                    BinaryOperator::And => self.rw.all_of(operands).into(),
                    _ => self.rw.any_of(operands).into(),
                };
            } else {
                so_far = self.binary(so_far, op, right)?;
                i += 1;
            }
        }
        Ok(so_far)
    }

    /// Operators whose left operand is no value: rows and intervals.
    fn syntactic(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
    ) -> Result<Option<Expr>, Error> {
        match (left, op) {
            (ast::Expr::Interval(interval), BinaryOperator::Plus) => {
                let moment = self.expr(right)?;
                self.add_interval(moment, interval, false).map(Some)
            }
            (ast::Expr::Tuple(left), op) if comparison(op).is_some() => match unnested(right) {
                ast::Expr::Tuple(right) => {
                    let (left, right) = (self.exprs(left)?, self.exprs(right)?);
                    self.compare_rows(op, left, right).map(Some)
                }
                ast::Expr::Subquery(query) => {
                    let left = self.exprs(left)?;
                    let right = self.row_subquery(query, left.len())?;
                    self.compare_rows(op, left, right).map(Some)
                }
                _ => Err(Error::OperandColumns(left.len())),
            },
            _ => Ok(None),
        }
    }

    fn binary(&mut self, left: Exact, op: &BinaryOperator, right: &ast::Expr) -> Result<Exact, Error> {
        if let Some(function) = arithmetic(op)
            && !matches!(unnested(right), ast::Expr::Interval(_))
        {
            let right = self.exact(right)?;
            return Ok(self.rw.exact_arithmetic(function, left, right));
        }
        if *op == BinaryOperator::Xor {
            let right = self.exact(right)?;
            return Ok(self.rw.xor(left.expr, right.expr).into());
        }
        let left = self.rw.shown(left);
        self.of_shown(left, op, right).map(Exact::from)
    }

    /// Operators that see what shows of their operands.
    fn of_shown(&mut self, left: Expr, op: &BinaryOperator, right: &ast::Expr) -> Result<Expr, Error> {
        if let ast::Expr::Interval(interval) = unnested(right) {
            return match op {
                BinaryOperator::Plus => self.add_interval(left, interval, false),
                BinaryOperator::Minus => self.add_interval(left, interval, true),
                _ => Err(Error::BadArguments(op.to_string())),
            };
        }
        let right = self.expr(right)?;
        if matches!(op, BinaryOperator::Arrow | BinaryOperator::LongArrow) {
            let found = self.json_call("JSON_EXTRACT", vec![left, right])?;
            return if *op == BinaryOperator::Arrow {
                Ok(found)
            } else {
                self.json_call("JSON_UNQUOTE", vec![found])
            };
        }
        if let Some(function) = comparison(op) {
            return self.rw.compare(function, left, right);
        }
        Ok(match op {
            BinaryOperator::BitwiseAnd => self.rw.bits(Function::BitAnd, vec![left, right]),
            BinaryOperator::BitwiseOr => self.rw.bits(Function::BitOr, vec![left, right]),
            BinaryOperator::BitwiseXor => self.rw.bits(Function::BitXor, vec![left, right]),
            BinaryOperator::PGBitwiseShiftLeft => self.rw.bits(Function::ShiftLeft, vec![left, right]),
            BinaryOperator::PGBitwiseShiftRight => self.rw.bits(Function::ShiftRight, vec![left, right]),
            _ => return Err(not_supported(&format!("the operator {op}"))),
        })
    }

    /// `(a, b) op (c, d)`: lexicographic.
    pub fn compare_rows(
        &mut self,
        op: &BinaryOperator,
        left: Vec<Expr>,
        right: Vec<Expr>,
    ) -> Result<Expr, Error> {
        if left.len() != right.len() {
            return Err(Error::OperandColumns(left.len()));
        }
        let function = comparison(op).ok_or(Error::OperandColumns(1))?;
        let strict = match function {
            Function::Eq | Function::NullEq => {
                let pairs = left.into_iter().zip(right);
                let all: Result<Vec<Expr>, Error> =
                    pairs.map(|(a, b)| self.rw.compare(function.clone(), a, b)).collect();
                return Ok(self.rw.all_of(all?));
            }
            Function::Ne => {
                let pairs = left.into_iter().zip(right);
                let any: Result<Vec<Expr>, Error> =
                    pairs.map(|(a, b)| self.rw.compare(Function::Ne, a, b)).collect();
                return Ok(self.rw.any_of(any?));
            }
            Function::Lt | Function::Le => Function::Lt,
            _ => Function::Gt,
        };
        // a < c OR (a = c AND (b < d OR …)); only the last pair keeps `=`.
        let mut pairs: Vec<(Expr, Expr)> = left.into_iter().zip(right).collect();
        let (a, b) = pairs.pop().ok_or(Error::OperandColumns(1))?;
        let mut out = self.rw.compare(function, a, b)?;
        while let Some((a, b)) = pairs.pop() {
            let before = self.rw.compare(strict.clone(), a.clone(), b.clone())?;
            let equal = self.rw.compare(Function::Eq, a, b)?;
            let rest = self.rw.all_of(vec![equal, out]);
            out = self.rw.any_of(vec![before, rest]);
        }
        Ok(out)
    }

    pub(super) fn unary(&mut self, op: &UnaryOperator, expr: &ast::Expr) -> Result<Exact, Error> {
        // A sign in front of a number is part of it: -9223372036854775808 is a BIGINT.
        if let (UnaryOperator::Minus, ast::Expr::Value(v)) = (op, expr)
            && let Value::Number(text, _) = &v.value
        {
            return Ok(Exact::from(match literal::number(text)? {
                // What no BIGINT holds is a DECIMAL, as it would be without the sign beyond 18446744073709551615.
                Expr::Constant { value: Datum::UInt(v), .. } if v > 1 << 63 => {
                    literal::datum(Datum::Decimal { value: -i128::from(v), scale: 0 })
                }
                number => self.rw.negate(number),
            }));
        }
        let exact = self.exact(expr)?;
        match op {
            UnaryOperator::Plus => Ok(exact),
            UnaryOperator::Minus => Ok(self.rw.exact_negation(exact)),
            UnaryOperator::Not | UnaryOperator::BangNot => Ok(self.rw.not(exact.expr).into()),
            UnaryOperator::BitwiseNot => {
                let shown = self.rw.shown(exact);
                Ok(self.rw.bits(Function::BitNot, vec![shown]).into())
            }
            _ => Err(not_supported(&format!("the operator {op}"))),
        }
    }
}

//! Syntax of expressions to typed expressions.
//!
//! This file only walks: what an operator or a function means is decided by [`Rewriter`](crate::expr::Rewriter), what a
//! subquery becomes by [`super::subquery`].

use allod_storage::schema::{ColumnType, Datum, SqlType};
use sqlparser::ast::{
    self, BinaryOperator, CeilFloorKind, DateTimeField, DuplicateTreatment, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, Ident, ObjectNamePart, TrimWhereField, Value,
};

use super::aggregate::aggregate_function;
use super::binder::{Binder, place};
use super::operator::computes;
use super::scope::{Clause, Found};
use super::subquery::Quantifier;
use super::window::{WindowFault, is_window_function};
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::{BlockMode, Exact, Expr, Function, TimeUnit, literal, types};
use crate::sql_mode::SqlMode;

impl Binder<'_> {
    /// Binds an expression of the current clause: a number with the digits that show.
    pub fn expr(&mut self, e: &ast::Expr) -> Result<Expr, Error> {
        stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, || self.expr_inner(e))
    }

    pub fn exprs(&mut self, list: &[ast::Expr]) -> Result<Vec<Expr>, Error> {
        list.iter().map(|e| self.expr(e)).collect()
    }

    fn expr_inner(&mut self, e: &ast::Expr) -> Result<Expr, Error> {
        use ast::Expr as E;
        match e {
            E::Identifier(ident) if ident.quote_style.is_none() && ident.value.starts_with('@') => {
                self.variable(std::slice::from_ref(ident))
            }
            E::CompoundIdentifier(parts) if parts[0].value.starts_with('@') => self.variable(parts),
            E::Identifier(ident) => self.name(std::slice::from_ref(ident)),
            E::CompoundIdentifier(parts) => self.name(parts),
            E::Value(v) => self.value(v),
            E::Nested(inner) => self.expr(inner),
            E::TypedString(t) => typed_string(t, self.mode),
            E::Prefixed { prefix, value } => match (&**value, prefix.value.eq_ignore_ascii_case("_binary")) {
                (value, true) => {
                    let text = self.expr(value)?;
                    let length = types::text_length(&text.ty().sql).max(1);
                    Ok(self.rw.explicit_cast(text, SqlType::VarBinary(length.saturating_mul(4))))
                }
                (value, false) => self.introduced(&prefix.value, value),
            },
            E::Collate { expr, collation } => {
                let expr = self.expr(expr)?;
                self.collated(expr, &collation.to_string())
            }
            E::BinaryOp { left, op: BinaryOperator::Assignment, right } => self.assignment(left, right),
            E::BinaryOp { .. } => {
                let exact = self.chain(e)?;
                Ok(self.rw.shown(exact))
            }
            E::UnaryOp { op, expr } => {
                let exact = self.unary(op, expr)?;
                Ok(self.rw.shown(exact))
            }
            E::IsNull(x) => self.is(Function::IsNull, x, false),
            E::IsNotNull(x) => self.is(Function::IsNull, x, true),
            E::IsTrue(x) => self.is(Function::IsTrue, x, false),
            E::IsNotTrue(x) => self.is(Function::IsTrue, x, true),
            E::IsFalse(x) => self.is(Function::IsFalse, x, false),
            E::IsNotFalse(x) => self.is(Function::IsFalse, x, true),
            E::IsUnknown(x) => self.is(Function::IsNull, x, false),
            E::IsNotUnknown(x) => self.is(Function::IsNull, x, true),
            E::Between { expr, negated, low, high } => {
                let (expr, low, high) = (self.expr(expr)?, self.expr(low)?, self.expr(high)?);
                self.rw.between(expr, low, high, *negated)
            }
            E::InList { expr, list, negated } => {
                let found = self.in_list(expr, list)?;
                Ok(if *negated { self.rw.not(found) } else { found })
            }
            E::Like { negated, any: false, expr, pattern, escape_char } => {
                let (text, pattern) = (self.expr(expr)?, self.expr(pattern)?);
                let like = self.rw.like(text, pattern, escape(escape_char.as_ref())?)?;
                Ok(if *negated { self.rw.not(like) } else { like })
            }
            E::RLike { negated, expr, pattern, .. } => {
                let (text, pattern) = (self.expr(expr)?, self.expr(pattern)?);
                let found = self.rw.regexp(text, pattern)?;
                Ok(if *negated { self.rw.not(found) } else { found })
            }
            E::Case { operand, conditions, else_result, .. } => {
                let exact = self.case(operand.as_deref(), conditions, else_result.as_deref())?;
                Ok(self.rw.shown(exact))
            }
            E::Cast { expr, data_type, array: false, .. } => self.cast(expr, data_type),
            E::Convert { expr, data_type: Some(data_type), .. } => self.cast(expr, data_type),
            E::Convert { expr, data_type: None, charset, .. } => {
                let expr = self.expr(expr)?;
                let charset = charset.as_ref().map(ToString::to_string).unwrap_or_default();
                self.convert_using(expr, &charset)
            }
            E::Extract { field, expr, .. } => {
                let unit = time_unit(field)?;
                let x = self.expr(expr)?;
                Ok(self.rw.extract(unit, x))
            }
            E::Ceil { expr, field } => self.ceil_floor("CEIL", expr, field),
            E::Floor { expr, field } => self.ceil_floor("FLOOR", expr, field),
            E::Position { expr, r#in } => {
                let args = vec![self.expr(expr)?, self.expr(r#in)?];
                self.call("LOCATE", args, e)
            }
            E::Substring { expr, substring_from, substring_for, .. } => {
                let mut args = vec![self.expr(expr)?];
                match (substring_from, substring_for) {
                    (Some(from), _) => args.push(self.expr(from)?),
                    (None, Some(_)) => args.push(Expr::constant(Datum::Int(1), SqlType::BIGINT)),
                    (None, None) => {
                        let message = format!("expected where {} begins", shortened(e));
                        return Err(Error::syntax(message, place(e)));
                    }
                }
                if let Some(length) = substring_for {
                    args.push(self.expr(length)?);
                }
                self.call("SUBSTRING", args, e)
            }
            E::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                let text = self.expr(expr)?;
                let mut args = vec![self.rw.text(text)];
                if let Some(what) = trim_what {
                    let what = self.expr(what)?;
                    args.push(self.rw.text(what));
                }
                let function = match trim_where {
                    Some(TrimWhereField::Leading) => Function::TrimLeading,
                    Some(TrimWhereField::Trailing) => Function::TrimTrailing,
                    Some(TrimWhereField::Both) | None => Function::Trim,
                };
                let (ty, nullable) = (args[0].ty().sql.clone(), args.iter().any(|a| a.ty().nullable));
                let ty = types::string(types::text_length(&ty));
                let ty = crate::expr::of_bytes(&args, ty);
                Ok(self.rw.call(function, args, ty, nullable))
            }
            E::MemberOf(member) => {
                let args = vec![self.expr(&member.value)?, self.expr(&member.array)?];
                self.json_call("JSON_MEMBEROF", args)
            }
            E::Function(f) => {
                let exact = self.function(f, e, false)?;
                Ok(self.rw.shown(exact))
            }
            E::Subquery(query) => self.scalar_subquery(query),
            E::Exists { subquery, negated } => {
                let found = self.exists(subquery)?;
                Ok(if *negated { self.rw.not(found) } else { found })
            }
            E::InSubquery { expr, subquery, negated } => {
                let found = self.quantified(expr, &BinaryOperator::Eq, subquery, Quantifier::Any)?;
                Ok(if *negated { self.rw.not(found) } else { found })
            }
            E::AnyOp { left, compare_op, right, .. } => match subquery_of(right) {
                Some(query) => self.quantified(left, compare_op, query, Quantifier::Any),
                None => Err(not_supported("ANY without a subquery")),
            },
            E::AllOp { left, compare_op, right } => match subquery_of(right) {
                Some(query) => self.quantified(left, compare_op, query, Quantifier::All),
                None => Err(not_supported("ALL without a subquery")),
            },
            E::Tuple(items) if items.len() != 1 => Err(Error::OperandColumns(1)),
            E::Interval(_) => Err(Error::syntax("INTERVAL where there is no date to add it to", place(e))),
            _ => Err(not_supported(&format!("the expression '{}'", shortened(e)))),
        }
    }

    pub(super) fn value(&mut self, v: &ast::ValueWithSpan) -> Result<Expr, Error> {
        match &v.value {
            Value::Number(text, _) => literal::number(text),
            Value::SingleQuotedString(s) | Value::DoubleQuotedString(s) | Value::NationalStringLiteral(s) => {
                Ok(literal::string_of(s, self.rw.connection))
            }
            Value::HexStringLiteral(hex) => literal::hexadecimal(hex),
            Value::SingleQuotedByteStringLiteral(digits) | Value::DoubleQuotedByteStringLiteral(digits) => {
                literal::bits(digits)
            }
            Value::Boolean(b) => Ok(Expr::boolean(*b)),
            Value::Null => Ok(Expr::constant(Datum::Null, types::NULL_TYPE)),
            Value::Placeholder(_) => self.parameter(v.span.start),
            other => Err(not_supported(&format!("the literal {other}"))),
        }
    }

    fn in_list(&mut self, expr: &ast::Expr, list: &[ast::Expr]) -> Result<Expr, Error> {
        if let ast::Expr::Tuple(row) = unnested(expr) {
            let row = self.exprs(row)?;
            let mut any = Vec::with_capacity(list.len());
            for item in list {
                let ast::Expr::Tuple(item) = unnested(item) else {
                    return Err(Error::OperandColumns(row.len()));
                };
                let item = self.exprs(item)?;
                any.push(self.compare_rows(&BinaryOperator::Eq, row.clone(), item)?);
            }
            return Ok(self.rw.any_of(any));
        }
        let expr = self.expr(expr)?;
        let list = self.exprs(list)?;
        self.rw.in_list(expr, list)
    }

    fn is(&mut self, function: Function, expr: &ast::Expr, negated: bool) -> Result<Expr, Error> {
        let expr = self.exact(expr)?.expr;
        let is = self.rw.is(function, expr);
        Ok(if negated { self.rw.not(is) } else { is })
    }

    fn ceil_floor(&mut self, name: &str, expr: &ast::Expr, field: &CeilFloorKind) -> Result<Expr, Error> {
        if !matches!(field, CeilFloorKind::DateTimeField(DateTimeField::NoDateTime)) {
            return Err(Error::ArgumentCount(name.into()));
        }
        let exact = self.computed(name, &[expr])?;
        Ok(self.rw.shown(exact))
    }

    /// `moment + INTERVAL …`.
    pub fn add_interval(
        &mut self,
        moment: Expr,
        interval: &ast::Interval,
        minus: bool,
    ) -> Result<Expr, Error> {
        let field =
            interval.leading_field.as_ref().ok_or_else(|| not_supported("INTERVAL without a unit"))?;
        let unit = time_unit(field)?;
        let amount = self.expr(&interval.value)?;
        Ok(self.rw.shift(moment, amount, unit, minus))
    }

    // Names.

    /// A column or a name of the select list.
    fn name(&mut self, parts: &[Ident]) -> Result<Expr, Error> {
        let written = || parts.iter().map(|p| p.value.as_str()).collect::<Vec<_>>().join(".");
        let position = parts.first().and_then(|p| crate::parse::position(p.span.start));
        let (database, table, column) = match parts {
            [c] => (None, None, c.value.as_str()),
            [t, c] => (None, Some(t.value.as_str()), c.value.as_str()),
            [d, t, c] => (Some(d.value.as_str()), Some(t.value.as_str()), c.value.as_str()),
            _ => {
                return Err(Error::UnknownColumn {
                    name: written(),
                    clause: self.scope().clause.name(),
                    position,
                });
            }
        };
        let clause = self.scopes.last().map_or(Clause::Fields, |s| s.clause);
        for (depth, scope) in self.scopes.iter().enumerate().rev() {
            let own = depth + 1 == self.scopes.len();
            // HAVING and ORDER BY know them in their subqueries, too.
            let knows = own || matches!(scope.clause, Clause::Having | Clause::Order);
            let ambiguous = || Error::AmbiguousColumn { name: written(), clause: clause.name(), position };
            let windowed = |e: &Expr| e.columns().iter().any(|id| scope.windows.iter().any(|w| w.id == *id));
            let alias = || {
                let known = knows && table.is_none() && !scope.in_aggregate;
                Some(match known.then(|| scope.find_alias(column))?? {
                    Ok(e) if scope.clause != Clause::Order && windowed(e) => {
                        Err(WindowFault::Alias(column.into()).into())
                    }
                    found => found.cloned().map_err(|()| ambiguous()),
                })
            };
            let before = match scope.clause {
                Clause::Order => true,
                Clause::Having => !scope.group_names.iter().any(|g| g.eq_ignore_ascii_case(column)),
                _ => false,
            };
            if before && let Some(found) = alias() {
                return found;
            }
            match scope.find(database, table, column, own) {
                Found::One(id) => {
                    self.check_read(id)?;
                    if !scope.rolls_up {
                        return Ok(self.seen(id));
                    }
                    let ty = ColumnType { nullable: true, ..self.columns.ty(id).clone() };
                    return Ok(self.seen_in(Expr::column(id, ty), id));
                }
                Found::Ambiguous => return Err(ambiguous()),
                Found::None => {}
            }
            if matches!(scope.clause, Clause::Group | Clause::Having)
                && let Some(found) = alias()
            {
                return found;
            }
            // `SELECT a AS b … HAVING SUM(b) > 0`, unless it is an aggregate itself.
            let aggregate = |id: &ColumnId| scope.aggregates.iter().any(|(known, _)| known == id);
            if own
                && table.is_none()
                && scope.in_aggregate
                && scope.clause == Clause::Having
                && let Some(Ok(found)) = scope.find_alias(column)
                && !found.columns().iter().any(aggregate)
            {
                return Ok(found.clone());
            }
        }
        Err(Error::UnknownColumn { name: written(), clause: clause.name(), position })
    }

    // Functions.

    /// A scalar function by name.
    fn call(&mut self, name: &str, mut args: Vec<Expr>, e: &ast::Expr) -> Result<Expr, Error> {
        if name == "WEEK" && args.len() == 1 {
            let mode = self.cx.session.variables.system("default_week_format", false);
            args.push(literal::datum(mode.unwrap_or(Datum::Int(0))));
        }
        if name.starts_with("AES_")
            && let Some(Datum::String(mode)) =
                self.cx.session.variables.system("block_encryption_mode", false)
        {
            self.rw.block_mode = BlockMode::of_name(&mode).unwrap_or_default();
        }
        match self.rw.function(name, args)? {
            Some(call) => Ok(call),
            None => Err(self.no_function(&[], name, e)),
        }
    }

    /// A function that there is not, in the current database unless another one is said.
    fn no_function(&self, database: &[ObjectNamePart], name: &str, e: &ast::Expr) -> Error {
        let database = match database.last().and_then(|part| part.as_ident()) {
            Some(ident) => ident.value.as_str(),
            None => match self.cx.database {
                Some(current) => current,
                None => return Error::NoDatabase,
            },
        };
        let name = format!("{database}.{}", name.to_lowercase());
        Error::UnknownFunction { name, position: place(e) }
    }

    /// A function that an operator stands for.
    pub(super) fn json_call(&mut self, name: &'static str, args: Vec<Expr>) -> Result<Expr, Error> {
        let call = self.rw.function(name, args)?;
        call.ok_or_else(|| Error::UnknownFunction { name: name.into(), position: None })
    }

    /// A function by name; an aggregate with `all_digits` or with those that show.
    pub(super) fn function(
        &mut self,
        f: &ast::Function,
        e: &ast::Expr,
        all_digits: bool,
    ) -> Result<Exact, Error> {
        let (last, database) =
            f.name.0.split_last().ok_or(Error::Internal("a function without a name".into()))?;
        let name = last.as_ident().map(|i| i.value.to_ascii_uppercase()).unwrap_or_default();
        // What a database has are functions that somebody has stored there.
        if !database.is_empty() {
            return Err(self.no_function(database, &name, e));
        }
        if f.over.is_some() {
            return self.window_function(f, &name, e);
        }
        let (args, distinct, clauses): (&[FunctionArg], bool, &[FunctionArgumentClause]) = match &f.args {
            FunctionArguments::None => (&[], false, &[]),
            FunctionArguments::List(list) => (
                &list.args,
                matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct)),
                &list.clauses,
            ),
            FunctionArguments::Subquery(_) => return Err(not_supported("a subquery as the only argument")),
        };
        if let Some(function) = aggregate_function(&name) {
            return self.aggregate(function, args, distinct, clauses, e, all_digits);
        }
        if is_window_function(&name) {
            let message = format!("expected OVER behind {}", shortened(e));
            return Err(Error::syntax(message, place(e)));
        }
        let mut exprs = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => exprs.push(e),
                _ => return Err(Error::ArgumentCount(name)),
            }
        }
        if let Some(special) = self.asking_function(&name, &exprs)? {
            return Ok(special.into());
        }
        if !crate::expr::function_exists(&name) {
            return Err(self.no_function(database, &name, e));
        }
        if computes(&name) {
            return self.computed(&name, &exprs);
        }
        let mut args = Vec::with_capacity(exprs.len());
        for e in exprs {
            // FORMAT writes as many digits as it is told to.
            args.push(match name == "FORMAT" && args.is_empty() {
                true => self.expr_for(e, &SqlType::Double)?,
                false => self.expr(e)?,
            });
        }
        self.call(&name, args, e).map(Exact::from)
    }
}

/// The expression inside parentheses.
pub(super) fn unnested(mut e: &ast::Expr) -> &ast::Expr {
    while let ast::Expr::Nested(inner) = e {
        e = inner;
    }
    e
}

fn subquery_of(e: &ast::Expr) -> Option<&ast::Query> {
    match unnested(e) {
        ast::Expr::Subquery(query) => Some(query),
        _ => None,
    }
}

pub(super) fn not_supported(what: &str) -> Error {
    Error::NotSupported(what.into())
}

pub(super) fn shortened(e: &impl std::fmt::Display) -> String {
    e.to_string().chars().take(60).collect()
}

/// The comparison that an operator is.
pub(super) fn comparison(op: &BinaryOperator) -> Option<Function> {
    Some(match op {
        BinaryOperator::Eq => Function::Eq,
        BinaryOperator::NotEq => Function::Ne,
        BinaryOperator::Lt => Function::Lt,
        BinaryOperator::LtEq => Function::Le,
        BinaryOperator::Gt => Function::Gt,
        BinaryOperator::GtEq => Function::Ge,
        BinaryOperator::Spaceship => Function::NullEq,
        _ => return None,
    })
}

fn typed_string(t: &ast::TypedString, mode: SqlMode) -> Result<Expr, Error> {
    let text = match &t.value.value {
        Value::SingleQuotedString(s) | Value::DoubleQuotedString(s) => s,
        other => return Err(not_supported(&format!("the literal {other}"))),
    };
    match &t.data_type {
        ast::DataType::Date => literal::date(text, mode),
        ast::DataType::Time(..) => literal::time(text),
        ast::DataType::Timestamp(..) | ast::DataType::Datetime(..) => literal::datetime(text, mode),
        other => Err(not_supported(&format!("the literal {other} '…'"))),
    }
}

fn escape(value: Option<&ast::ValueWithSpan>) -> Result<Option<char>, Error> {
    let Some(value) = value else { return Ok(Some('\\')) };
    let text = match &value.value {
        Value::SingleQuotedString(s) | Value::DoubleQuotedString(s) => s,
        _ => return Err(Error::BadArguments("ESCAPE".into())),
    };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (only, None) => Ok(only),
        _ => Err(Error::BadArguments("ESCAPE".into())),
    }
}

fn time_unit(field: &DateTimeField) -> Result<TimeUnit, Error> {
    Ok(match field {
        DateTimeField::Microsecond => TimeUnit::Microsecond,
        DateTimeField::Second => TimeUnit::Second,
        DateTimeField::Minute => TimeUnit::Minute,
        DateTimeField::Hour => TimeUnit::Hour,
        DateTimeField::Day => TimeUnit::Day,
        DateTimeField::Week(None) => TimeUnit::Week,
        DateTimeField::Month => TimeUnit::Month,
        DateTimeField::Quarter => TimeUnit::Quarter,
        DateTimeField::Year => TimeUnit::Year,
        DateTimeField::Custom(name) => {
            return TimeUnit::of_name(&name.value).ok_or_else(|| {
                Error::syntax(format!("{name} is no unit of time"), crate::parse::position(name.span.start))
            });
        }
        other => {
            let message = format!("{other} is no unit of time");
            return Err(Error::syntax(message, None));
        }
    })
}

/// The unit of TIMESTAMPADD and TIMESTAMPDIFF, which looks like a column name.
pub(super) fn unit_argument(e: &ast::Expr) -> Result<TimeUnit, Error> {
    let unit = match e {
        ast::Expr::Identifier(ident) => {
            let name = ident.value.to_ascii_uppercase();
            TimeUnit::of_name(name.strip_prefix("SQL_TSI_").unwrap_or(&name))
        }
        _ => None,
    };
    let expected = || Error::syntax(format!("expected a unit of time, found {}", shortened(e)), place(e));
    unit.filter(|u| u.ends().is_none()).ok_or_else(expected)
}

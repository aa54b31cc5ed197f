//! CHECK constraints: `CHECK (a < b) [[NOT] ENFORCED]`, of a table or behind a column.
//!
//! As with generated columns the condition is kept as text in the table's descriptor and goes through the same rewriter as
//! everything else, once for each statement that writes to the table: [`bind_checks`] makes [`RowChecks`] of it, plain data
//! that travels with the plan. Whoever writes rows holds the finished row against them, its generated columns included:
//!
//! ```text
//! t (a int check (a > 1), b int, constraint c check (a < b))      kept: c: `a` < `b`; t_chk_1: `a` > 1
//! INSERT INTO t VALUES (5, 3)      isfalse(5 < 3) = 1      error 3819, IGNORE: a warning, and the row is left out
//! INSERT INTO t VALUES (5, NULL)   isfalse(5 < NULL) = 0   comes: what is not known to be false is no violation
//! ```
//!
//! Those of the table are kept before those of columns, and who has no name is `t_chk_1`, `t_chk_2`, …, as in TiDB. As there
//! nothing of this is done while `tidb_enable_check_constraint` is OFF, which it is by default: the clauses are read over.
//!
//! ```text
//! fault    what can be wrong with all of that
//! ```

mod fault;

use std::collections::BTreeSet;
use std::sync::Arc;

use allod_storage::schema::{CheckConstraint, ColumnDef, Datum, TableDescriptor};
use sqlparser::ast::{self, BinaryOperator, FunctionArguments, Ident, UnaryOperator, Value};

use super::binder::Binder;
use super::ddl::TableName;
use super::generated::{Offence, names, of_text, offence, spelled, used};
use super::partition::{bind_over, bind_over_in};
use crate::checks::RowChecks;
use crate::error::Error;
use crate::expr::{Expr, Function, FunctionUsage, Rewriter};
use crate::parse::parse_expression;
use crate::physical::PlanWarning;
use crate::zone::Zone;

pub use fault::CheckFault;

/// Characters of a name, at most.
const NAME_CHARACTERS_MAX: usize = 64;

/// Functions that yield true or false.
const BOOLEAN: [&str; 13] = [
    "ISNULL",
    "IS_IPV4",
    "IS_IPV4_COMPAT",
    "IS_IPV4_MAPPED",
    "IS_IPV6",
    "IS_UUID",
    "JSON_CONTAINS",
    "JSON_CONTAINS_PATH",
    "JSON_MEMBEROF",
    "JSON_OVERLAPS",
    "JSON_SCHEMA_VALID",
    "JSON_VALID",
    "REGEXP_LIKE",
];

/// A CHECK clause.
pub(super) struct Written<'a> {
    name: Option<&'a Ident>,
    expr: &'a ast::Expr,
    enforced: bool,
    /// The column that it stands behind.
    column: Option<&'a str>,
}

impl<'a> Written<'a> {
    /// Of a table.
    pub fn of_table(check: &'a ast::CheckConstraint) -> Written<'a> {
        let enforced = check.enforced != Some(false);
        Written { name: check.name.as_ref(), expr: &check.expr, enforced, column: None }
    }

    /// Those behind a column.
    pub fn of_column(column: &'a ast::ColumnDef) -> impl Iterator<Item = Written<'a>> {
        column.options.iter().filter_map(|option| match &option.option {
            ast::ColumnOption::Check(check) => Some(Written {
                name: option.name.as_ref(),
                column: Some(&column.name.value),
                ..Written::of_table(check)
            }),
            _ => None,
        })
    }
}

/// Binds those constraints of a table that are enforced: `None` if there are none. The texts were checked when they were
/// defined, so an error means that the descriptor is damaged. They see moments as the clocks of who writes show them.
pub fn bind_checks(table: &TableDescriptor, zone: Zone) -> Result<Option<RowChecks>, Error> {
    let mut checks = Vec::new();
    let mut usage = FunctionUsage::default();
    for check in table.constraints.checks.iter().filter(|check| check.enforced) {
        let (expr, functions) = bind_over_in(&parse_expression(&check.expr)?, zone, names(&table.columns))?;
        usage.merge(&functions);
        checks.push((Arc::clone(&check.name), Rewriter::new(0).is(Function::IsFalse, expr)));
    }
    Ok((!checks.is_empty()).then_some(RowChecks { checks, usage }))
}

/// The constraints that are left when a column goes: one that is about nothing else goes with it.
///
/// # Errors
/// 3959: one is about other columns too.
pub(super) fn without_column(
    checks: &mut Vec<CheckConstraint>,
    columns: &[ColumnDef],
    at: usize,
) -> Result<(), Error> {
    let mut gone = Vec::new();
    for (place, check) in checks.iter().enumerate() {
        let about = columns_of(check, columns)?;
        if about.contains(&at) {
            if about.len() > 1 {
                return Err(dependency(check, &columns[at]));
            }
            gone.push(place);
        }
    }
    gone.into_iter().rev().for_each(|place| drop(checks.remove(place)));
    Ok(())
}

/// Ordinals of the columns that a constraint is about.
pub(super) fn columns_of(check: &CheckConstraint, columns: &[ColumnDef]) -> Result<BTreeSet<usize>, Error> {
    Ok(used(&of_text(&check.expr, columns)?.0).collect())
}

/// A column that gets another name is in no constraint (error 3959).
pub(super) fn check_independent(
    checks: &[CheckConstraint],
    columns: &[ColumnDef],
    at: usize,
) -> Result<(), Error> {
    for check in checks {
        if columns_of(check, columns)?.contains(&at) {
            return Err(dependency(check, &columns[at]));
        }
    }
    Ok(())
}

fn dependency(check: &CheckConstraint, column: &ColumnDef) -> Error {
    let (check, column) = (check.name.to_string(), column.name.to_string());
    CheckFault::Dependency { check, column }.into()
}

impl Binder<'_> {
    /// Whether CHECK means anything; if not, `warnings` gets TiDB's warning.
    pub(super) fn checks_are_on(&self, warnings: &mut Vec<PlanWarning>) -> bool {
        let name = "tidb_enable_check_constraint";
        let on = self.cx.session.variables.system(name, false) == Some(Datum::Int(1));
        if !on {
            warnings.push(PlanWarning { code: 1105, message: format!("{name} is off") });
        }
        on
    }

    /// Adds constraints to those that a table has. `unknown`: what to call a column that is not there.
    pub(super) fn define_checks(
        &mut self,
        checks: &mut Vec<CheckConstraint>,
        written: &[Written<'_>],
        (table, columns): (&TableName, &[ColumnDef]),
        unknown: fn(String, String) -> CheckFault,
    ) -> Result<(), Error> {
        let mut taken: BTreeSet<String> = checks.iter().map(|check| check.name.to_lowercase()).collect();
        for name in written.iter().filter_map(|written| written.name) {
            fits(&name.value)?;
            if !taken.insert(name.value.to_lowercase()) {
                return Err(CheckFault::DuplicateName(name.value.to_lowercase()).into());
            }
        }
        let mut number = 1;
        for Written { name, expr, enforced, column } in written {
            let name = match name {
                Some(name) => name.value.clone(),
                None => loop {
                    let name = format!("{}_chk_{number}", table.table);
                    number += 1;
                    if taken.insert(name.to_lowercase()) {
                        break name;
                    }
                },
            };
            fits(&name)?;
            let expr = condition(&name, expr, *column, (table, columns), unknown)?;
            checks.push(CheckConstraint { name: name.into(), expr: expr.into(), enforced: *enforced });
        }
        Ok(())
    }

    /// The constraints of a table that the statement writes to; counts the functions that they use.
    pub(super) fn row_checks(&mut self, table: &TableDescriptor) -> Result<Option<Arc<RowChecks>>, Error> {
        let checks = bind_checks(table, self.cx.zone)?;
        if let Some(checks) = &checks {
            self.rw.usage.merge(&checks.usage);
        }
        Ok(checks.map(Arc::new))
    }
}

fn fits(name: &str) -> Result<(), Error> {
    match name.chars().count() <= NAME_CHARACTERS_MAX {
        true => Ok(()),
        false => Err(CheckFault::NameTooLong(name.into()).into()),
    }
}

/// The text to keep of a condition.
fn condition(
    check: &str,
    expr: &ast::Expr,
    column: Option<&str>,
    (table, columns): (&TableName, &[ColumnDef]),
    unknown: fn(String, String) -> CheckFault,
) -> Result<String, Error> {
    let name = || check.to_owned();
    match offence(expr) {
        Some(Offence::Function(function)) => {
            return Err(CheckFault::Function { check: name(), function: function.to_lowercase() }.into());
        }
        Some(Offence::Subquery) => return Err(CheckFault::Subquery(name()).into()),
        Some(Offence::Variable | Offence::Parameter) => return Err(CheckFault::Variable(name()).into()),
        None => {}
    }
    let (bound, _) = bind_over(expr, Some(table), names(columns)).map_err(|error| match error {
        Error::UnknownColumn { .. } if column.is_some() => CheckFault::OtherColumn(name()).into(),
        Error::UnknownColumn { name: column, .. } => unknown(name(), column).into(),
        other => other,
    })?;
    let is_own = |o: usize| column.is_none_or(|own| columns[o].name.eq_ignore_ascii_case(own));
    if !used(&bound).all(is_own) {
        return Err(CheckFault::OtherColumn(name()).into());
    }
    if !is_boolean(expr) {
        return Err(CheckFault::NotBoolean(name()).into());
    }
    if used(&bound).any(|o| columns[o].auto_increment) {
        return Err(CheckFault::AutoIncrement(name()).into());
    }
    let text = spelled(expr, columns);
    match of_text(&text, columns) {
        Ok((again, _)) if again == bound => Ok(text),
        _ => Err(super::expression::not_supported(&format!("'{expr}' in a check constraint"))),
    }
}

/// Whether it is a condition and no other value, by its form as in MySQL: `a > 1` is, `1` and `a + 1` are not.
fn is_boolean(expr: &ast::Expr) -> bool {
    match expr {
        ast::Expr::Nested(inner) => is_boolean(inner),
        ast::Expr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
                | BinaryOperator::Spaceship
                | BinaryOperator::And
                | BinaryOperator::Or
                | BinaryOperator::Xor
        ),
        ast::Expr::UnaryOp { op, .. } => matches!(op, UnaryOperator::Not | UnaryOperator::BangNot),
        ast::Expr::Value(value) => matches!(value.value, Value::Boolean(_)),
        ast::Expr::Function(f) => {
            let name = f.name.0.last().and_then(|p| p.as_ident()).map_or("", |i| &i.value);
            matches!(f.args, FunctionArguments::List(_))
                && BOOLEAN.iter().any(|b| name.eq_ignore_ascii_case(b))
        }
        ast::Expr::IsNull(_)
        | ast::Expr::IsNotNull(_)
        | ast::Expr::IsTrue(_)
        | ast::Expr::IsNotTrue(_)
        | ast::Expr::IsFalse(_)
        | ast::Expr::IsNotFalse(_)
        | ast::Expr::IsUnknown(_)
        | ast::Expr::IsNotUnknown(_)
        | ast::Expr::Between { .. }
        | ast::Expr::InList { .. }
        | ast::Expr::Like { .. }
        | ast::Expr::RLike { .. }
        | ast::Expr::MemberOf(_) => true,
        _ => false,
    }
}

/// Whether a change of columns leaves all conditions what they were: they still bind.
pub(super) fn check_all(checks: &[CheckConstraint], columns: &[ColumnDef]) -> Result<(), Error> {
    checks.iter().try_for_each(|check| of_text(&check.expr, columns).map(|_: (Expr, _)| ()))
}

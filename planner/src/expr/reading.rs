//! Values that are numbers where a number is wanted, though they are texts to everybody else.
//!
//! MySQL asks each function for what is wanted: DAYNAME has a text and a number, and IF, CASE and ELT hand the question on to the
//! values that they choose from. So a member of an ENUM is its number even behind a choice:
//!
//! ```text
//! DAYNAME('2024-01-01') + 1       weekday('2024-01-01') + 1
//! IF(a, e, 'x') + 1               if(a, number of e, 0) + 1        e ENUM('x', 'y')
//! ```

use allod_storage::schema::SqlType;

use super::rewrite::family;
use super::types::Family;
use super::{Expr, Function, Rewriter};

/// The member that a text is the name of: a column of a type that prints as text and counts as a number.
fn member(expr: &Expr) -> Option<&Expr> {
    match expr {
        _ if expr.ty().sql.is_choice() => Some(expr),
        Expr::Call { function: Function::Cast, args, ty } if ty.sql.is_string() => member(args.first()?),
        _ => None,
    }
}

/// Which arguments of a choice are its values.
fn is_value(function: &Function, count: usize, at: usize) -> bool {
    match function {
        Function::If | Function::Elt => at > 0,
        Function::Case => at % 2 == 1 || at + 1 == count,
        _ => true,
    }
}

impl Rewriter {
    /// The number of a text that is one where a number is wanted.
    pub(super) fn numeric_reading(&mut self, expr: &Expr) -> Option<Expr> {
        let Expr::Call { function, args, ty } = expr else { return None };
        match function {
            Function::DayName => {
                let day = args.first().cloned().into_iter().collect();
                Some(self.call(Function::WeekDay, day, SqlType::BIGINT, ty.nullable))
            }
            Function::If | Function::Case | Function::IfNull | Function::Coalesce | Function::Elt
                if family(expr) == Family::String =>
            {
                let count = args.len();
                let value = |at: &usize| is_value(function, count, *at);
                if !(0..count).filter(value).any(|at| member(&args[at]).is_some()) {
                    return None;
                }
                let numbers: Vec<Expr> = (0..count)
                    .filter(value)
                    .map(|at| match member(&args[at]) {
                        Some(of) => self.explicit_cast(of.clone(), SqlType::BIGINT_UNSIGNED),
                        None => self.number(args[at].clone()),
                    })
                    .collect();
                let (numbers, sql) = self.unify(numbers);
                let mut numbers = numbers.into_iter();
                let args = (0..count).map(|at| match value(&at) {
                    true => numbers.next().unwrap_or_else(|| args[at].clone()),
                    false => args[at].clone(),
                });
                let args = args.collect();
                Some(self.call(function.clone(), args, sql, ty.nullable))
            }
            _ => None,
        }
    }
}

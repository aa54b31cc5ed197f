//! Conditions that compare a column with a constant, both whole numbers of one type.

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function};
use allod_planner::physical::{Node, Plan};
use allod_storage::schema::Datum;

use super::aggregate::{is_whole, scale_of};
use super::compile::At;

/// A condition; what it compares with is in the plan, and so is how.
#[derive(Debug)]
pub(super) struct Test {
    pub at: At,
}

impl Test {
    /// Of conjuncts, all of which must be that simple.
    pub fn of(predicates: &[Expr], at: impl Fn(ColumnId) -> Option<At>) -> Option<Vec<Test>> {
        let test = |predicate: &Expr| {
            let (_, id, _) = parts(predicate)?;
            Some(Test { at: at(id)? })
        };
        predicates.iter().map(test).collect()
    }

    /// Whether it holds for a value; `None` if the predicate is not the one that it was made of.
    pub fn holds(predicate: &Expr, value: i128) -> Option<bool> {
        let (function, _, constant) = parts(predicate)?;
        Some(match function {
            Function::Eq => value == constant,
            Function::Ne => value != constant,
            Function::Lt => value < constant,
            Function::Le => value <= constant,
            Function::Gt => value > constant,
            Function::Ge => value >= constant,
            _ => return None,
        })
    }
}

/// What is selected, and by which conjuncts; of how many rows at most, if there is a limit above.
pub(super) fn selected(plan: &Plan) -> (&Plan, &[Expr], Option<u64>) {
    let (plan, most) = match &plan.node {
        Node::Limit { input, offset: 0, count: Some(count) } => (&**input, Some(*count)),
        _ => (plan, None),
    };
    match &plan.node {
        Node::Selection { input, predicates } => (input, predicates, most),
        _ => (plan, &[], most),
    }
}

/// Column, comparison, constant in units of the column; binding has put the column first.
fn parts(predicate: &Expr) -> Option<(&Function, ColumnId, i128)> {
    let Expr::Call { function, args, .. } = predicate else { return None };
    let [Expr::Column { id, ty }, Expr::Constant { value, ty: constant }] = &**args else { return None };
    let ty = ty.arrow();
    let value = match (value, scale_of(&ty)) {
        (Datum::Decimal { value, scale }, Some(units)) => {
            // A constant with more digits is equal to no value, and lies between two.
            let digits = u32::from(units.unsigned_abs()).checked_sub((*scale).into())?;
            value.checked_mul(10i128.checked_pow(digits)?)?
        }
        (Datum::Int(value) | Datum::DateTime(value), _) if ty == constant.arrow() => (*value).into(),
        (Datum::UInt(value), _) if ty == constant.arrow() => (*value).into(),
        (Datum::Date(value), _) if ty == constant.arrow() => (*value).into(),
        _ => return None,
    };
    let is_comparison = matches!(
        function,
        Function::Eq | Function::Ne | Function::Lt | Function::Le | Function::Gt | Function::Ge
    );
    (is_comparison && is_whole(&ty)).then_some((function, *id, value))
}

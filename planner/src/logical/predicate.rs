//! Small words for predicates: building, taking apart, and what NULLs do to them.

use allod_storage::schema::{ColumnType, Datum, SqlType};

use crate::column_set::ColumnSet;
use crate::expr::{Expr, Function};
use crate::logical::{JoinKind, Plan};

/// The type of a comparison or a connective over these arguments.
pub(crate) fn boolean_type(args: &[Expr]) -> ColumnType {
    ColumnType { sql: SqlType::BOOL, nullable: args.iter().any(|a| a.ty().nullable) }
}

/// `function(args…)` where the result is a truth value that is NULL only if an argument may be.
pub(crate) fn boolean_call(function: Function, args: Vec<Expr>) -> Expr {
    let ty = boolean_type(&args);
    Expr::call(function, args, ty)
}

/// `a = b`.
pub(crate) fn equals(a: Expr, b: Expr) -> Expr {
    boolean_call(Function::Eq, vec![a, b])
}

/// The conjunction as one expression.
pub(crate) fn conjunction(mut conjuncts: Vec<Expr>) -> Expr {
    match conjuncts.len() {
        0 => Expr::boolean(true),
        1 => conjuncts.swap_remove(0),
        _ => boolean_call(Function::And, conjuncts),
    }
}

/// The disjunction as one expression.
pub(crate) fn disjunction(mut branches: Vec<Expr>) -> Expr {
    match branches.len() {
        0 => Expr::boolean(false),
        1 => branches.swap_remove(0),
        _ => boolean_call(Function::Or, branches),
    }
}

/// Arguments of a call of the function.
pub(crate) fn args_of<'e>(e: &'e Expr, wanted: &Function) -> Option<&'e [Expr]> {
    match e {
        Expr::Call { function, args, .. } if function == wanted => Some(args),
        Expr::Call { .. } | Expr::Column { .. } | Expr::Constant { .. } => None,
    }
}

/// The two sides, if it is `a = b`.
pub(crate) fn equality(e: &Expr) -> Option<(&Expr, &Expr)> {
    match args_of(e, &Function::Eq) {
        Some([a, b]) => Some((a, b)),
        Some(_) | None => None,
    }
}

/// As a constant's truth: `Some(None)` is NULL.
pub(crate) fn constant_truth(e: &Expr) -> Option<Option<bool>> {
    match e {
        Expr::Constant { value: Datum::Null, .. } => Some(None),
        Expr::Constant { value, .. } => value.as_f64().map(|v| Some(v != 0.0)),
        Expr::Column { .. } | Expr::Call { .. } => None,
    }
}

/// Whether the value is NULL in every row where all columns of `nulls` are NULL.
pub(crate) fn is_null_when(e: &Expr, nulls: &ColumnSet) -> bool {
    match e {
        Expr::Column { id, .. } => nulls.contains(*id),
        Expr::Constant { value, .. } => value.is_null(),
        Expr::Call { function, args, .. } => match function {
            Function::NullEq | Function::IsNull | Function::IsTrue | Function::IsFalse => false,
            // FALSE AND NULL is FALSE; TRUE OR NULL is TRUE: only if all are NULL is the result sure to be.
            Function::And | Function::Or | Function::Coalesce | Function::IfNull => {
                args.iter().all(|a| is_null_when(a, nulls))
            }
            Function::Case | Function::If => false,
            Function::In
            | Function::NullIf
            | Function::ConcatWs
            | Function::Elt
            | Function::MakeSet
            | Function::Assign { .. } => args.first().is_some_and(|a| is_null_when(a, nulls)),
            function if function.takes_null() => false,
            _ => args.iter().any(|a| is_null_when(a, nulls)),
        },
    }
}

/// Whether the predicate does not hold (is FALSE or NULL) in every row where all columns of `nulls` are NULL: such a
/// predicate above an outer join throws away the rows that the join padded.
pub(crate) fn rejects_nulls(e: &Expr, nulls: &ColumnSet) -> bool {
    if matches!(constant_truth(e), Some(None | Some(false))) || is_null_when(e, nulls) {
        return true;
    }
    match e {
        Expr::Call { function: Function::And, args, .. } => args.iter().any(|a| rejects_nulls(a, nulls)),
        Expr::Call { function: Function::Or, args, .. } => args.iter().all(|a| rejects_nulls(a, nulls)),
        Expr::Call { function: Function::IsTrue, args, .. } => args.iter().all(|a| rejects_nulls(a, nulls)),
        Expr::Call { function: Function::IsFalse, args, .. } => args.iter().all(|a| is_null_when(a, nulls)),
        // NOT (x IS NULL) holds only if x is not NULL.
        Expr::Call { function: Function::Not, args, .. } => {
            args.iter().any(|a| args_of(a, &Function::IsNull).is_some_and(|x| is_null_when(&x[0], nulls)))
        }
        Expr::Call { .. } | Expr::Column { .. } | Expr::Constant { .. } => false,
    }
}

/// The conjuncts of the filters below that hold for every row that the plan yields.
pub(crate) fn known(plan: &Plan) -> Vec<Expr> {
    fn collect(plan: &Plan, out: &mut Vec<Expr>) {
        match plan {
            Plan::Scan(scan) => out.extend(scan.predicates.iter().cloned()),
            Plan::Filter { input, predicates } => {
                out.extend(predicates.iter().cloned());
                collect(input, out);
            }
            Plan::Project { input, .. }
            | Plan::Aggregate { input, .. }
            | Plan::Sort { input, .. }
            | Plan::Window { input, .. }
            | Plan::Limit { input, .. }
            | Plan::Lock { input, .. } => collect(input, out),
            Plan::Join(join) => {
                collect(&join.left, out);
                if join.kind == JoinKind::Inner {
                    collect(&join.right, out);
                }
            }
            Plan::Apply { join, .. } => collect(&join.left, out),
            // MaxOneRow yields a row of NULLs if there is none.
            Plan::MaxOneRow { .. } | Plan::Union { .. } | Plan::Values { .. } | Plan::CteScan { .. } => {}
        }
    }
    let mut out = Vec::new();
    collect(plan, &mut out);
    out
}

/// Adds a conjunct unless it is there.
pub(crate) fn add_conjunct(conjuncts: &mut Vec<Expr>, e: Expr) {
    if !conjuncts.contains(&e) {
        conjuncts.push(e);
    }
}

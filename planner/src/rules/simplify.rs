//! Brings predicates into shape.
//!
//! ```sql
//! where (p = l and a < 1) or (p = l and b < 2)   -- p = l and (a < 1 or b < 2): the join key comes out of the OR
//! where not (a < 1 or b is null)                 -- a >= 1 and not (b is null)
//! where x = 1 or x = 2 or x in (3, 4)            -- x in (1, 2, 3, 4)
//! where 5 < a and a <> null                      -- a > 5 and FALSE, so FALSE
//! ```
//! What would break it: as a *value*, `a or a and b` may be NULL where `a` is 0, so only what holds in three-valued logic
//! is done to values; that NULL counts as FALSE is used on conjuncts of a condition alone.

use allod_storage::schema::Datum;

use super::Context;
use crate::expr::{Expr, Function, Rewriter, is_boolean};
use crate::logical::predicate::{
    add_conjunct, args_of, boolean_call, conjunction, constant_truth, disjunction,
};
use crate::logical::{Join, Plan};

pub(super) fn apply(plan: Plan, _cx: &mut Context) -> Plan {
    plan.transform_up(&mut node)
}

fn node(plan: Plan) -> Plan {
    let plan = plan.map_own_exprs(&mut value);
    match plan {
        Plan::Filter { input, predicates } => match conjuncts(predicates) {
            none if none.is_empty() => *input,
            predicates => Plan::Filter { input, predicates },
        },
        Plan::Join(join) => Plan::Join(Join { on: conjuncts(join.on), ..join }),
        Plan::Apply { join, correlated } => {
            Plan::Apply { join: Join { on: conjuncts(join.on), ..join }, correlated }
        }
        Plan::Scan(mut scan) => {
            scan.predicates = conjuncts(scan.predicates);
            Plan::Scan(scan)
        }
        same @ (Plan::Values { .. }
        | Plan::Project { .. }
        | Plan::Aggregate { .. }
        | Plan::Sort { .. }
        | Plan::Window { .. }
        | Plan::Limit { .. }
        | Plan::Union { .. }
        | Plan::MaxOneRow { .. }
        | Plan::Lock { .. }
        | Plan::CteScan { .. }) => same,
    }
}

/// The conjuncts of a condition: flat, without repeats, without TRUE; just FALSE if one can never hold.
pub(super) fn conjuncts(predicates: Vec<Expr>) -> Vec<Expr> {
    let mut out = Vec::new();
    for e in predicates {
        split(e, &mut out);
    }
    if out.iter().any(|e| matches!(constant_truth(e), Some(None | Some(false)))) {
        return vec![Expr::boolean(false)];
    }
    out
}

fn split(e: Expr, out: &mut Vec<Expr>) {
    match e {
        Expr::Call { function: Function::And, args, .. } => args.into_iter().for_each(|a| split(a, out)),
        Expr::Call { function: Function::Or, args, .. } => factor(args, out),
        Expr::Call { function: Function::IsTrue, mut args, .. } if args.len() == 1 => {
            split(args.swap_remove(0), out)
        }
        e if constant_truth(&e) == Some(Some(true)) => {}
        e => add_conjunct(out, e),
    }
}

/// The conjuncts of a disjunction: what all branches share comes out.
fn factor(branches: Vec<Expr>, out: &mut Vec<Expr>) {
    let mut branches: Vec<Vec<Expr>> = branches.into_iter().map(|b| conjuncts(vec![b])).collect();
    branches.retain(|b| !matches!(b.as_slice(), [e] if constant_truth(e) == Some(Some(false))));
    let Some(first) = branches.first() else { return out.push(Expr::boolean(false)) };
    let shared: Vec<Expr> =
        first.iter().filter(|e| branches[1..].iter().all(|b| b.contains(e))).cloned().collect();
    for branch in &mut branches {
        branch.retain(|e| !shared.contains(e));
    }
    shared.into_iter().for_each(|e| add_conjunct(out, e));
    if branches.iter().any(Vec::is_empty) {
        return;
    }
    let branches = merge_members(branches.into_iter().map(conjunction).collect());
    add_conjunct(out, disjunction(branches));
}

/// `x = 1 or x in (2, 3)` as `x in (1, 2, 3)`; other branches stay.
fn merge_members(branches: Vec<Expr>) -> Vec<Expr> {
    let mut out: Vec<Expr> = Vec::new();
    for branch in branches {
        let Some((subject, members)) = membership(&branch) else {
            add_conjunct(&mut out, branch);
            continue;
        };
        let known = out.iter_mut().find(|e| membership(e).is_some_and(|(s, _)| s == subject));
        match known {
            Some(e) => {
                let mut args = vec![subject.clone()];
                args.extend(membership(e).into_iter().flat_map(|(_, m)| m.to_vec()));
                for member in members {
                    add_conjunct(&mut args, member.clone());
                }
                *e = boolean_call(Function::In, args);
            }
            None => out.push(branch),
        }
    }
    out
}

/// `x = constant` and `x in (constants)` as x and the constants.
fn membership(e: &Expr) -> Option<(&Expr, &[Expr])> {
    let args = args_of(e, &Function::Eq).or_else(|| args_of(e, &Function::In))?;
    let (subject, members) = args.split_first()?;
    let constants = members.iter().all(|m| matches!(m, Expr::Constant { .. }));
    (constants && !matches!(subject, Expr::Constant { .. })).then_some((subject, members))
}

/// What holds for any use of the expression, NULL included.
pub(super) fn value(e: Expr) -> Expr {
    e.transform(&mut |e| match e {
        Expr::Call { function, args, ty } => call(function, args, ty),
        leaf @ (Expr::Column { .. } | Expr::Constant { .. }) => leaf,
    })
}

fn call(function: Function, mut args: Vec<Expr>, ty: allod_storage::schema::ColumnType) -> Expr {
    let constant = |e: &Expr| matches!(e, Expr::Constant { .. });
    match function {
        Function::And | Function::Or => connective(function, args, ty),
        Function::Not => negate(args, ty),
        // The column on the left, so that every reader needs to look only there.
        comparison if comparison.is_comparison() && constant(&args[0]) && !constant(&args[1]) => {
            args.swap(0, 1);
            Expr::call(mirrored(comparison), args, ty)
        }
        Function::Eq | Function::Ne | Function::Lt | Function::Le | Function::Gt | Function::Ge
            if args.iter().any(|a| matches!(a, Expr::Constant { value: Datum::Null, .. })) =>
        {
            Expr::Constant { value: Datum::Null, ty: allod_storage::schema::ColumnType::nullable(ty.sql) }
        }
        Function::In if args.len() == 2 => Expr::call(Function::Eq, args, ty),
        // A rule may have put constants where columns were.
        function if !args.is_empty() && args.iter().all(constant) => {
            Rewriter::new(0).call(function, args, ty.sql, ty.nullable)
        }
        function => Expr::call(function, args, ty),
    }
}

fn connective(function: Function, args: Vec<Expr>, ty: allod_storage::schema::ColumnType) -> Expr {
    let decides = function == Function::Or;
    let mut flat = Vec::new();
    for arg in args {
        match arg {
            Expr::Call { function: inner, args, .. } if inner == function => flat.extend(args),
            arg => flat.push(arg),
        }
    }
    if flat.iter().any(|a| constant_truth(a) == Some(Some(decides))) {
        return Expr::boolean(decides);
    }
    let mut kept = Vec::new();
    for arg in flat {
        if constant_truth(&arg) != Some(Some(!decides)) {
            add_conjunct(&mut kept, arg);
        }
    }
    match kept.len() {
        0 => Expr::boolean(!decides),
        1 if is_boolean(&kept[0]) => kept.swap_remove(0),
        1 => {
            kept.push(Expr::boolean(!decides));
            Expr::call(function, kept, ty)
        }
        _ => Expr::call(function, kept, ty),
    }
}

/// NOT moves down: De Morgan's laws and turned comparisons hold in three-valued logic too.
fn negate(mut args: Vec<Expr>, ty: allod_storage::schema::ColumnType) -> Expr {
    let arg = args.swap_remove(0);
    match arg {
        Expr::Constant { .. } => match constant_truth(&arg) {
            Some(Some(truth)) => Expr::boolean(!truth),
            Some(None) => arg,
            None => Expr::call(Function::Not, vec![arg], ty),
        },
        Expr::Call { function, args, ty: inner } => match turned(&function) {
            Some(opposite) => Expr::call(opposite, args, inner),
            None => match function {
                Function::And | Function::Or => {
                    let other = if function == Function::And { Function::Or } else { Function::And };
                    let args = args.into_iter().map(|a| negate(vec![a], ty.clone())).collect();
                    connective(other, args, ty)
                }
                Function::Not if is_boolean(&args[0]) => {
                    args.into_iter().next().unwrap_or(Expr::boolean(true))
                }
                function => Expr::call(Function::Not, vec![Expr::call(function, args, inner)], ty),
            },
        },
        column @ Expr::Column { .. } => Expr::call(Function::Not, vec![column], ty),
    }
}

/// The comparison that is TRUE where this one is FALSE.
fn turned(function: &Function) -> Option<Function> {
    Some(match function {
        Function::Eq => Function::Ne,
        Function::Ne => Function::Eq,
        Function::Lt => Function::Ge,
        Function::Le => Function::Gt,
        Function::Gt => Function::Le,
        Function::Ge => Function::Lt,
        _ => return None,
    })
}

/// The comparison with its sides exchanged.
fn mirrored(function: Function) -> Function {
    match function {
        Function::Lt => Function::Gt,
        Function::Le => Function::Ge,
        Function::Gt => Function::Lt,
        Function::Ge => Function::Le,
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::{ColumnType, SqlType};

    use super::*;
    use crate::column::ColumnId;
    use crate::logical::predicate::equals;

    fn column(id: u32) -> Expr {
        Expr::column(ColumnId(id), ColumnType::nullable(SqlType::BIGINT))
    }

    fn is(id: u32, value: i64) -> Expr {
        equals(column(id), Expr::constant(Datum::Int(value), SqlType::BIGINT))
    }

    #[test]
    fn what_all_branches_share_comes_out() {
        let (join, a, b) = (equals(column(1), column(2)), is(3, 1), is(4, 2));
        let branch = |x: &Expr| conjunction(vec![join.clone(), x.clone()]);
        let out = conjuncts(vec![disjunction(vec![branch(&a), branch(&b)])]);
        assert_eq!(out, vec![join.clone(), disjunction(vec![a.clone(), b])]);
        // A branch that adds nothing absorbs the others.
        assert_eq!(conjuncts(vec![disjunction(vec![join.clone(), branch(&a)])]), vec![join]);
    }

    #[test]
    fn equalities_of_one_subject_become_a_list() {
        let out = conjuncts(vec![disjunction(vec![is(1, 1), is(1, 2), is(1, 1)])]);
        let Some(args) = args_of(&out[0], &Function::In) else { panic!("{out:?}") };
        assert_eq!(args.len(), 3);
    }

    #[test]
    fn not_moves_down_to_the_comparisons() {
        let not = |e| boolean_call(Function::Not, vec![e]);
        let e = value(not(disjunction(vec![is(1, 1), boolean_call(Function::IsNull, vec![column(2)])])));
        let args = args_of(&e, &Function::And).expect("an AND");
        assert!(args_of(&args[0], &Function::Ne).is_some());
        assert!(args_of(&args[1], &Function::Not).is_some());
    }

    #[test]
    fn null_in_a_condition_is_false() {
        let null = Expr::constant(Datum::Null, SqlType::BIGINT);
        let e = value(equals(column(1), null));
        assert_eq!(conjuncts(vec![is(2, 1), e]), vec![Expr::boolean(false)]);
    }
}

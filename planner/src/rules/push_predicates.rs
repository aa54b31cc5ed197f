//! Predicates move to where the rows come from.
//!
//! - Through projections (by substitution), grouping (group columns only), UNION, sorting.
//! - Into both sides of a join; into the side that an outer, semi or anti join does not pad or keep.
//! - An outer join whose padded rows a predicate throws away is an inner join.
//! - What `a = b` says of `a` it says of `b`: `a = b and a in (1, 2)` filters both tables.
//! - What assigns to a variable, or reads one that is assigned to, stays where it was written, and is asked of the rows that all
//!   else leaves, as in TiDB and MariaDB.
//! - From `(n1 = 'F' and n2 = 'G') or (n1 = 'G' and n2 = 'F')`, which spans two tables, each table gets its part:
//!   `n1 in ('F', 'G')`.
//!
//! What would break it:
//! ```sql
//! a left join b on a.x = 1                  -- filters no row of a
//! a left join b on … where b.y is null      -- sees the padded rows: must stay above
//! select * from (select … limit 5) where …  -- the filter must not change which five
//! select count(*) … having 1 = 0            -- without GROUP BY there is one row before HAVING
//! from a, b where … and (@n := @n + 1) < 9  -- counts pairs of rows, not rows of a
//! ```

use hashbrown::HashMap;

use super::Context;
use super::simplify::{conjuncts, value};
use crate::column::ColumnId;
use crate::column_set::ColumnSet;
use crate::expr::{Expr, Function};
use crate::logical::predicate::{add_conjunct, conjunction, disjunction, equality, known, rejects_nulls};
use crate::logical::{Join, JoinKind, Plan};

pub(super) fn apply(plan: Plan, _cx: &mut Context) -> Plan {
    push(plan, vec![])
}

/// Puts the conjuncts as far down into the plan as they go.
pub(super) fn push(plan: Plan, predicates: Vec<Expr>) -> Plan {
    match plan {
        Plan::Scan(mut scan) => {
            predicates.into_iter().for_each(|e| add_conjunct(&mut scan.predicates, e));
            Plan::Scan(scan)
        }
        Plan::Filter { input, predicates: own } => {
            let (here, own): (Vec<_>, Vec<_>) = own.into_iter().partition(Expr::in_turn);
            let (above, below): (Vec<_>, Vec<_>) = predicates.into_iter().partition(Expr::in_turn);
            let input = push(*input, conjuncts(below.into_iter().chain(own).collect()));
            filter(input, here.into_iter().chain(above).collect())
        }
        Plan::Project { input, exprs } => {
            let by: HashMap<ColumnId, Expr> = exprs.iter().cloned().collect();
            // What a row's assignments see are the rows before it: none is left out below them.
            let stops = exprs.iter().any(|(_, e)| e.in_turn());
            let (above, below): (Vec<_>, Vec<_>) =
                predicates.into_iter().partition(|e| stops || is_of_volatile(e, &by));
            let below = below.into_iter().map(|e| value(e.substitute(&by))).collect();
            filter(Plan::Project { input: Box::new(push(*input, conjuncts(below))), exprs }, above)
        }
        Plan::Aggregate { input, group_by, aggregates } => {
            let groups: HashMap<ColumnId, Expr> = group_by.iter().cloned().collect();
            let below = |e: &Expr| {
                let used = e.columns();
                !used.is_empty()
                    && used.iter().all(|id| groups.contains_key(id))
                    && !is_of_volatile(e, &groups)
            };
            let (down, above): (Vec<_>, Vec<_>) = predicates.into_iter().partition(below);
            let down = down.into_iter().map(|e| value(e.substitute(&groups))).collect();
            let input = Box::new(push(*input, down));
            filter(Plan::Aggregate { input, group_by, aggregates }, above)
        }
        Plan::Sort { input, keys } => Plan::Sort { input: Box::new(push(*input, predicates)), keys },
        // A condition on whole partitions may as well hold before; one that takes some rows of a partition would change what
        // functions say of the others.
        Plan::Window { input, window } => {
            let whole: ColumnSet = window.partition_by.iter().filter_map(Expr::as_column).collect();
            let passes = |e: &Expr| {
                let used = e.column_set();
                !used.is_empty() && used.is_subset(&whole)
            };
            let (down, above): (Vec<_>, Vec<_>) = predicates.into_iter().partition(passes);
            filter(Plan::Window { input: Box::new(push(*input, down)), window }, above)
        }
        Plan::Lock { input, lock } => Plan::Lock { input: Box::new(push(*input, predicates)), lock },
        // What a round is made of need not be what is asked for.
        union @ Plan::Union { recursion: Some(_), .. } => {
            filter(union.map_children(&mut |child| push(child, vec![])), predicates)
        }
        Plan::Union { inputs, columns, recursion } => {
            let inputs = inputs.into_iter().map(|(input, ids)| {
                let rename: HashMap<ColumnId, ColumnId> =
                    columns.iter().copied().zip(ids.iter().copied()).collect();
                let own = predicates.iter().map(|e| {
                    e.clone().transform(&mut |part| match part {
                        Expr::Column { id, ty } => {
                            Expr::Column { id: rename.get(&id).copied().unwrap_or(id), ty }
                        }
                        other @ (Expr::Constant { .. } | Expr::Call { .. }) => other,
                    })
                });
                (push(input, own.collect()), ids)
            });
            Plan::Union { inputs: inputs.collect(), columns, recursion }
        }
        Plan::Join(join) => push_join(join, predicates),
        Plan::Apply { join, correlated } => push_apply(join, correlated, predicates),
        stop @ (Plan::Limit { .. } | Plan::MaxOneRow { .. }) => {
            filter(stop.map_children(&mut |child| push(child, vec![])), predicates)
        }
        leaf @ (Plan::Values { .. } | Plan::CteScan { .. }) => filter(leaf, predicates),
    }
}

fn filter(input: Plan, predicates: Vec<Expr>) -> Plan {
    if predicates.is_empty() { input } else { Plan::Filter { input: Box::new(input), predicates } }
}

fn push_join(join: Join, mut above: Vec<Expr>) -> Plan {
    let left = join.left.column_set();
    let right = join.right.column_set();
    let only_left = |e: &Expr| !e.column_set().intersects(&right);
    let only_right = |e: &Expr| !e.column_set().intersects(&left);
    match join.kind {
        JoinKind::Inner => push_inner(join, above),
        JoinKind::Left if above.iter().any(|e| rejects_nulls(e, &right)) => {
            push_inner(Join { kind: JoinKind::Inner, ..join }, above)
        }
        JoinKind::Left | JoinKind::Anti | JoinKind::Mark(_) => {
            // Rows of the left side are kept whatever the condition says of them.
            let mark = match join.kind {
                JoinKind::Mark(id) => Some(id),
                _ => None,
            };
            let passes = |e: &Expr| only_left(e) && mark.is_none_or(|id| !e.column_set().contains(id));
            let to_left: Vec<Expr> = above.extract_if(.., |e| passes(e)).collect();
            let (mut to_right, on): (Vec<_>, Vec<_>) =
                join.on.into_iter().partition(|e| only_right(e) && e.column_set().intersects(&right));
            let mut of_left = to_left.clone();
            of_left.extend(known(&join.left));
            for e in copies(&on, &of_left) {
                if only_right(&e) {
                    add_conjunct(&mut to_right, e);
                }
            }
            let join = Join {
                left: Box::new(push(*join.left, to_left)),
                right: Box::new(push(*join.right, to_right)),
                on,
                ..join
            };
            filter(Plan::Join(join), above)
        }
        JoinKind::Semi => {
            let (mut to_left, rest): (Vec<_>, Vec<_>) =
                join.on.into_iter().partition(|e| only_left(e) && e.column_set().intersects(&left));
            let (mut to_right, on): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|e| only_right(e) && e.column_set().intersects(&right));
            above.into_iter().for_each(|e| add_conjunct(&mut to_left, e));
            let mut of_both: Vec<Expr> = to_left.iter().chain(&to_right).cloned().collect();
            of_both.extend(known(&join.left));
            of_both.extend(known(&join.right));
            for e in copies(&on, &of_both) {
                if only_right(&e) {
                    add_conjunct(&mut to_right, e);
                } else if only_left(&e) {
                    add_conjunct(&mut to_left, e);
                }
            }
            Plan::Join(Join {
                left: Box::new(push(*join.left, to_left)),
                right: Box::new(push(*join.right, to_right)),
                on,
                ..join
            })
        }
    }
}

/// An Apply keeps its condition where it is, except for what filters one side alone.
fn push_apply(join: Join, correlated: Vec<ColumnId>, mut above: Vec<Expr>) -> Plan {
    let right = join.right.column_set();
    let left = join.left.column_set();
    let mark = match join.kind {
        JoinKind::Mark(id) => Some(id),
        _ => None,
    };
    let passes = |e: &Expr| {
        let used = e.column_set();
        !used.intersects(&right) && mark.is_none_or(|id| !used.contains(id))
    };
    let to_left: Vec<Expr> = above.extract_if(.., |e| passes(e)).collect();
    let (to_right, on): (Vec<_>, Vec<_>) = join
        .on
        .into_iter()
        .partition(|e| e.column_set().intersects(&right) && !e.column_set().intersects(&left));
    let join = Join {
        left: Box::new(push(*join.left, to_left)),
        right: Box::new(push(*join.right, to_right)),
        on,
        ..join
    };
    filter(Plan::Apply { join, correlated }, above)
}

/// Inner joins that touch each other are one set of relations and one set of conjuncts.
fn push_inner(join: Join, above: Vec<Expr>) -> Plan {
    let (mut relations, mut predicates) = (Vec::new(), above);
    flatten(Plan::Join(join), &mut relations, &mut predicates);
    let mut predicates = conjuncts(predicates);
    let produced: Vec<ColumnSet> = relations.iter().map(Plan::column_set).collect();
    let touched = |e: &Expr| -> Vec<usize> {
        let used = e.column_set();
        (0..produced.len()).filter(|&i| produced[i].intersects(&used)).collect()
    };

    let mut single: Vec<Expr> = predicates.iter().filter(|e| touched(e).len() == 1).cloned().collect();
    single.extend(relations.iter().flat_map(known));
    for e in copies(&predicates, &single) {
        add_conjunct(&mut predicates, e);
    }
    for i in 0..predicates.len() {
        let spanned = touched(&predicates[i]);
        if spanned.len() > 1 {
            for relation in spanned {
                if let Some(part) = implied(&predicates[i], &produced[relation]) {
                    conjuncts(vec![part]).into_iter().for_each(|e| add_conjunct(&mut predicates, e));
                }
            }
        }
    }

    let mut own: Vec<Vec<Expr>> = vec![Vec::new(); relations.len()];
    let mut shared: Vec<(Vec<usize>, Expr)> = Vec::new();
    for e in predicates {
        match touched(&e).as_slice() {
            [] => own[0].push(e),
            [relation] => own[*relation].push(e),
            several => shared.push((several.to_vec(), e)),
        }
    }
    let mut inputs = relations.into_iter().zip(own).map(|(relation, own)| push(relation, own));
    let Some(first) = inputs.next() else { return Plan::Values { rows: vec![], columns: vec![] } };
    // Each conjunct sits at the lowest join that has all its columns; the order is chosen by another rule.
    inputs.enumerate().fold(first, |left, (i, right)| {
        let on = shared.extract_if(.., |(needs, _)| needs.iter().all(|r| *r <= i + 1)).map(|(_, e)| e);
        Plan::Join(Join {
            kind: JoinKind::Inner,
            on: on.collect(),
            null_aware: vec![],
            mirrored: false,
            left: Box::new(left),
            right: Box::new(right),
        })
    })
}

fn flatten(plan: Plan, relations: &mut Vec<Plan>, predicates: &mut Vec<Expr>) {
    match plan {
        Plan::Join(join) if join.kind == JoinKind::Inner => {
            flatten(*join.left, relations, predicates);
            flatten(*join.right, relations, predicates);
            predicates.extend(join.on);
        }
        Plan::Filter { input, predicates: own } if !own.iter().any(Expr::in_turn) => {
            predicates.extend(own);
            flatten(*input, relations, predicates);
        }
        relation => relations.push(relation),
    }
}

/// Predicates on one column, repeated for every column that the equalities among `on` make equal to it.
fn copies(on: &[Expr], held: &[Expr]) -> Vec<Expr> {
    let mut classes: Vec<Vec<Expr>> = Vec::new();
    for (a, b) in on.iter().filter_map(equality) {
        if a.as_column().is_none() || b.as_column().is_none() || a.ty().sql != b.ty().sql {
            continue;
        }
        let holds = |class: &Vec<Expr>, e: &Expr| class.iter().any(|m| m.as_column() == e.as_column());
        let mut merged = vec![a.clone()];
        if a != b {
            merged.push(b.clone());
        }
        classes.retain(|class| {
            let touches = holds(class, a) || holds(class, b);
            if touches {
                for member in class {
                    if !holds(&merged, member) {
                        merged.push(member.clone());
                    }
                }
            }
            !touches
        });
        classes.push(merged);
    }
    let mut out = Vec::new();
    for e in held.iter().filter(|e| is_cheap_restriction(e)) {
        let Some(subject) = e.columns().first().copied() else { continue };
        for class in classes.iter().filter(|c| c.iter().any(|m| m.as_column() == Some(subject))) {
            for member in class.iter().filter(|m| m.as_column() != Some(subject)) {
                let by = HashMap::from([(subject, member.clone())]);
                let copy = e.clone().substitute(&by);
                if !held.contains(&copy) {
                    add_conjunct(&mut out, copy);
                }
            }
        }
    }
    out
}

/// Whether it asks for a value that would be another one if it were computed once more.
fn is_of_volatile(e: &Expr, computed: &HashMap<ColumnId, Expr>) -> bool {
    e.columns().iter().any(|id| computed.get(id).is_some_and(Expr::is_volatile))
}

/// A comparison of one column with constants.
fn is_cheap_restriction(e: &Expr) -> bool {
    let Expr::Call { function, args, .. } = e else { return false };
    let comparison = matches!(
        function,
        Function::Eq | Function::Lt | Function::Le | Function::Gt | Function::Ge | Function::In
    );
    comparison
        && matches!(args.first(), Some(Expr::Column { .. }))
        && args[1..].iter().all(|a| matches!(a, Expr::Constant { .. }))
}

/// What a predicate over several relations says of one of them alone.
fn implied(e: &Expr, columns: &ColumnSet) -> Option<Expr> {
    match e {
        Expr::Call { function: Function::Or, args, .. } => {
            args.iter().map(|a| implied(a, columns)).collect::<Option<Vec<_>>>().map(disjunction)
        }
        Expr::Call { function: Function::And, args, .. } => {
            let parts: Vec<Expr> = args.iter().filter_map(|a| implied(a, columns)).collect();
            (!parts.is_empty()).then(|| conjunction(parts))
        }
        Expr::Call { .. } | Expr::Column { .. } | Expr::Constant { .. } => {
            let used = e.column_set();
            (!used.is_empty() && used.is_subset(columns)).then(|| e.clone())
        }
    }
}

//! An expression that a generated column with a key holds is read from that column, so that the key can be used.
//!
//! ```sql
//! create table t (a int, b int as (a + 1), key (b))
//! select * from t where a + 1 = 5 order by a + 1        -- where b = 5 order by b
//! ```
//! Conditions, what is ordered by, and what is shown; elsewhere there is no key to gain. Both sides went through the same rewriter, so
//! that equal expressions are equal data.
//!
//! What would break it: above an outer join the column of a padded row is NULL and `ifnull(a, 0)` is not, so the column stands
//! for the expression only as long as it comes from rows of the table; and a column whose type cannot hold all values of the
//! expression holds something else (`varchar(5) as (concat(a, b))` loses blanks).

use allod_storage::schema::{Datum, SqlType};
use hashbrown::HashMap;

use super::Context;
use crate::column::{ColumnId, Columns};
use crate::expr::collate::{SORT_KEY, sort_key_of};
use crate::expr::types::{Family, text_length};
use crate::expr::{CollateFunction, Expr, Function};
use crate::logical::predicate::boolean_call;
use crate::logical::{Join, JoinKind, Plan, Scan};

pub(super) fn apply(plan: Plan, cx: &mut Context) -> Plan {
    let mut any = false;
    plan.walk(&mut |node| any |= matches!(node, Plan::Scan(scan) if scan.generated.is_some()));
    if any { rewrite(plan, cx.columns).0 } else { plan }
}

/// Expressions, each with the column that holds its value in every row of a plan.
type Held = Vec<(Expr, Expr)>;

fn rewrite(plan: Plan, columns: &Columns) -> (Plan, Held) {
    match plan {
        Plan::Scan(mut scan) => {
            let held = held_by(&scan, columns);
            scan.predicates = known_of(scan.predicates, &held);
            (Plan::Scan(scan), held)
        }
        Plan::Filter { input, predicates } => {
            let (input, held) = boxed(*input, columns);
            let predicates = known_of(predicates, &held);
            (Plan::Filter { input, predicates }, held)
        }
        Plan::Sort { input, mut keys } => {
            let (input, held) = boxed(*input, columns);
            for key in &mut keys {
                key.expr = replaced(key.expr.clone(), &held);
            }
            (Plan::Sort { input, keys }, held)
        }
        Plan::Window { input, window } => {
            let (input, held) = boxed(*input, columns);
            (Plan::Window { input, window }, held)
        }
        Plan::Limit { input, offset, count } => {
            let (input, held) = boxed(*input, columns);
            (Plan::Limit { input, offset, count }, held)
        }
        Plan::Lock { input, lock } => {
            let (input, held) = boxed(*input, columns);
            (Plan::Lock { input, lock }, held)
        }
        Plan::Project { input, exprs } => {
            let (input, mut held) = boxed(*input, columns);
            // What a query shows keeps its type.
            let shown = |e: Expr| match replaced(e.clone(), &held) {
                new if new.ty().sql == e.ty().sql => new,
                _ => e,
            };
            let exprs: Vec<_> = exprs.into_iter().map(|(id, e)| (id, shown(e))).collect();
            let passed = |e: &Expr| exprs.iter().any(|(id, from)| e.as_column() == Some(*id) && from == e);
            held.retain(|(_, column)| passed(column));
            (Plan::Project { input, exprs }, held)
        }
        Plan::Join(join) => {
            let (join, held) = rewrite_join(join, columns);
            (Plan::Join(join), held)
        }
        Plan::Apply { join, correlated } => {
            let (join, held) = rewrite_join(join, columns);
            (Plan::Apply { join, correlated }, held)
        }
        // Their columns are others, or stand for more than a row of the table.
        other @ (Plan::Values { .. }
        | Plan::Aggregate { .. }
        | Plan::Union { .. }
        | Plan::MaxOneRow { .. }
        | Plan::CteScan { .. }) => (other.map_children(&mut |child| rewrite(child, columns).0), vec![]),
    }
}

fn boxed(plan: Plan, columns: &Columns) -> (Box<Plan>, Held) {
    let (plan, held) = rewrite(plan, columns);
    (Box::new(plan), held)
}

fn rewrite_join(join: Join, columns: &Columns) -> (Join, Held) {
    let (left, mut held) = boxed(*join.left, columns);
    let (right, of_right) = boxed(*join.right, columns);
    let of_left = held.len();
    held.extend(of_right);
    let on = join.on.into_iter().map(|e| replaced(e, &held)).collect();
    let null_aware = join.null_aware.into_iter().map(|e| replaced(e, &held)).collect();
    if join.kind != JoinKind::Inner {
        held.truncate(of_left);
    }
    (Join { left, right, on, null_aware, kind: join.kind, mirrored: join.mirrored }, held)
}

/// Conditions over what columns hold, and what LIKE says of sort keys besides: `c LIKE 'ab%'` is a range of them.
fn known_of(predicates: Vec<Expr>, held: &Held) -> Vec<Expr> {
    let ranges: Vec<_> = predicates.iter().filter_map(|e| beginning(e, held)).collect();
    let mut out: Vec<Expr> = predicates.into_iter().map(|e| replaced(e, held)).collect();
    let bound = |bytes: &[u8]| Expr::constant(Datum::Bytes(bytes.into()), SORT_KEY);
    for (column, low, high) in ranges {
        let above = boolean_call(Function::Ge, vec![column.clone(), bound(&low)]);
        let below = boolean_call(Function::Lt, vec![column, bound(&high)]);
        out.extend([above, below].into_iter().filter(|e| !out.contains(e)).collect::<Vec<_>>());
    }
    out
}

/// The column of sort keys, the least key and the least one beyond all that texts have which LIKE finds.
fn beginning(e: &Expr, held: &Held) -> Option<(Expr, Vec<u8>, Vec<u8>)> {
    let Expr::Call { function: Function::Like { .. }, args, .. } = e else { return None };
    let [
        Expr::Call { function: Function::Collate(CollateFunction::Fold(collation)), args: text, .. },
        pattern,
    ] = args.as_slice()
    else {
        return None;
    };
    let Expr::Constant { value: Datum::String(pattern), .. } = pattern else { return None };
    let key = sort_key_of(text.first()?.clone(), *collation);
    let (_, column) = held.iter().find(|(expr, _)| *expr == key)?;
    let low = collation.key_of_folded_prefix(pattern);
    let last = low.iter().rposition(|b| *b != 0xFF)?;
    let mut high = low[..=last].to_vec();
    high[last] += 1;
    Some((column.clone(), low, high))
}

fn replaced(e: Expr, held: &Held) -> Expr {
    if held.is_empty() {
        return e;
    }
    e.transform(&mut |part| match &part {
        Expr::Call { .. } => match held.iter().find(|(expr, _)| is_same(expr, &part)) {
            Some((_, column)) => column.clone(),
            None => part,
        },
        Expr::Column { .. } | Expr::Constant { .. } => part,
    })
}

/// Whether two expressions are the same one: texts that are written in them may be of other sets and collations, for sessions write
/// in theirs. Where that matters, what is made of such a text is of another type or function.
fn is_same(a: &Expr, b: &Expr) -> bool {
    match (a, b) {
        (Expr::Constant { value: x, ty: of_x }, Expr::Constant { value: y, ty: of_y }) => {
            x == y && (of_x == of_y || of_x.sql.is_string() && of_y.sql.is_string())
        }
        (Expr::Call { function: f, args: xs, ty: of_x }, Expr::Call { function: g, args: ys, ty: of_y }) => {
            f == g && of_x == of_y && xs.len() == ys.len() && xs.iter().zip(ys).all(|(x, y)| is_same(x, y))
        }
        _ => a == b,
    }
}

/// What the columns of a table hold.
fn held_by(scan: &Scan, columns: &Columns) -> Held {
    let Some(generated) = &scan.generated else { return vec![] };
    let column = |ordinal: usize| {
        let (id, _) = scan.columns.iter().find(|(_, o)| *o == ordinal)?;
        Some(Expr::column(*id, columns.ty(*id).clone()))
    };
    let ordinals = (0..scan.table.columns.len()).filter_map(|o| Some((ColumnId(o as u32), column(o)?)));
    let ids: HashMap<ColumnId, Expr> = ordinals.collect();
    let in_key = |ordinal: usize| scan.table.indexes.iter().any(|i| i.columns.contains(&ordinal));
    let held = |(ordinal, expr): &(usize, Expr)| {
        let expr = match expr {
            Expr::Call { function: Function::Assign { .. }, args, .. } => args.first()?,
            expr => expr,
        };
        let column = column(*ordinal)?;
        let fits = in_key(*ordinal) && keeps(&column.ty().sql, &expr.ty().sql);
        (fits && matches!(expr, Expr::Call { .. })).then(|| (expr.clone().substitute(&ids), column))
    };
    generated.columns.iter().filter_map(held).collect()
}

/// Whether a column holds all values of the type as they are; what it cannot hold at all is an error when it is written.
fn keeps(column: &SqlType, expr: &SqlType) -> bool {
    match (column, expr) {
        (SqlType::Int { .. }, SqlType::Int { .. }) => Family::of(column) == Family::of(expr),
        (SqlType::Decimal { scale: a, .. }, SqlType::Decimal { scale: b, .. }) => a == b,
        (SqlType::VarChar(..) | SqlType::Text(..), SqlType::VarChar(..) | SqlType::Text(..)) => {
            text_length(expr) <= text_length(column)
        }
        (column, expr) => column == expr && !matches!(column, SqlType::Char(..) | SqlType::Float),
    }
}

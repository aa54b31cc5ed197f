//! Logical plans and expressions as text, for tests to compare.

use crate::column::{ColumnId, Columns};
use crate::expr::{AggregateCall, Expr, Function};
use crate::logical::{Join, JoinKind, Plan};

/// `function(args):type` with columns by name and constants as literals.
pub(crate) fn expr_text(expr: &Expr, columns: &Columns) -> String {
    match expr {
        Expr::Column { id, .. } => column_text(*id, columns),
        Expr::Constant { value, .. } => match value {
            allod_storage::schema::Datum::String(s) => format!("'{s}'"),
            other => other.to_string(),
        },
        Expr::Call { function, args, ty } => {
            let args: Vec<String> = args.iter().map(|a| expr_text(a, columns)).collect();
            match function {
                Function::Cast => format!("cast({} as {})", args.join(", "), ty.sql),
                Function::Assign { column, .. } => format!("assign({} to {column})", args.join(", ")),
                Function::Extract(unit) | Function::DateAdd(unit) | Function::DateSub(unit) => {
                    format!("{}_{unit:?}({})", function.name(), args.join(", "))
                }
                _ => format!("{}({})", function.name(), args.join(", ")),
            }
        }
    }
}

fn column_text(id: ColumnId, columns: &Columns) -> String {
    let info = columns.get(id);
    match &info.qualifier {
        Some(q) => format!("{}.{}{id}", q.strip_prefix("test.").unwrap_or(q), info.name),
        None => id.to_string(),
    }
}

/// The tree, one node a line, inputs indented.
pub(crate) fn plan_text(plan: &Plan, columns: &Columns) -> String {
    let mut out = String::new();
    render(plan, columns, 0, &mut out);
    out
}

fn render(plan: &Plan, columns: &Columns, depth: usize, out: &mut String) {
    let list = |exprs: &[Expr]| exprs.iter().map(|e| expr_text(e, columns)).collect::<Vec<_>>().join(", ");
    let named = |exprs: &[(ColumnId, Expr)]| {
        let each = exprs.iter().map(|(id, e)| match e {
            Expr::Column { id: source, .. } if source == id => column_text(*id, columns),
            e => format!("{id}={}", expr_text(e, columns)),
        });
        each.collect::<Vec<_>>().join(", ")
    };
    let join_text = |name: &str, join: &Join| {
        let kind = match join.kind {
            JoinKind::Mark(id) => format!("Mark({id})"),
            other => format!("{other:?}"),
        };
        let mut text = format!("{name} {kind}");
        if !join.on.is_empty() {
            text += &format!(" on {}", list(&join.on));
        }
        if !join.null_aware.is_empty() {
            text += &format!(" null-aware {}", list(&join.null_aware));
        }
        text
    };
    let text = match plan {
        Plan::Scan(scan) => match &scan.partitions {
            None => format!("Scan {}", scan.alias),
            Some(p) => format!("Scan {} partitions {p:?}", scan.alias),
        },
        Plan::Values { rows, .. } => {
            format!("Values {}", rows.iter().map(|r| format!("({})", list(r))).collect::<Vec<_>>().join(", "))
        }
        Plan::Filter { predicates, .. } => format!("Filter {}", list(predicates)),
        Plan::Project { exprs, .. } => format!("Project {}", named(exprs)),
        Plan::Join(join) => join_text("Join", join),
        Plan::Apply { join, correlated } => {
            let by: Vec<String> = correlated.iter().map(|id| column_text(*id, columns)).collect();
            format!("{} by {}", join_text("Apply", join), by.join(", "))
        }
        Plan::Aggregate { group_by, aggregates, .. } => {
            let calls = aggregates.iter().map(|(id, AggregateCall { function, args, distinct, .. })| {
                format!("{id}={function:?}({}{})", if *distinct { "distinct " } else { "" }, list(args))
            });
            format!("Aggregate [{}] [{}]", named(group_by), calls.collect::<Vec<_>>().join(", "))
        }
        Plan::Sort { keys, .. } => {
            let keys =
                keys.iter().map(|k| expr_text(&k.expr, columns) + if k.descending { " desc" } else { "" });
            format!("Sort {}", keys.collect::<Vec<_>>().join(", "))
        }
        Plan::Window { window, .. } => {
            let calls = window
                .calls
                .iter()
                .map(|(id, call)| format!("{id}={:?}({})", call.function, list(&call.args)));
            format!("Window {}", calls.collect::<Vec<_>>().join(", "))
        }
        Plan::Limit { offset, count, .. } => format!("Limit {offset}, {count:?}"),
        Plan::Union { .. } => "Union".to_owned(),
        Plan::MaxOneRow { .. } => "MaxOneRow".to_owned(),
        Plan::Lock { lock, .. } => {
            let tables = lock.tables.iter().map(|locked| &*locked.table.name).collect::<Vec<_>>();
            format!("Lock {}", tables.join(", "))
        }
        Plan::CteScan { cte, .. } => format!("CteScan {cte}"),
    };
    out.push_str(&"  ".repeat(depth));
    out.push_str(text.trim_end());
    out.push('\n');
    for child in plan.children() {
        render(child, columns, depth + 1, out);
    }
}

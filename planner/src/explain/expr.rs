//! Expressions in TiDB's words: `eq(d.t.a, 1)`, `sum(d.t.b)`.

use allod_storage::schema::{Datum, SqlType};

use crate::column::Columns;
use crate::expr::{
    AggregateCall, AggregateFunction, ConcatForm, Expr, Function, JsonFunction, WindowCall, WindowFunction,
    printed,
};
use crate::zone::Zone;

/// Writes expressions; columns by the names of the statement.
pub(super) struct Words<'a> {
    pub(super) columns: &'a Columns,
    /// That of the session: in which moments are shown.
    pub(super) zone: Zone,
}

impl Words<'_> {
    /// Expressions, separated by commas.
    pub(super) fn list(&self, exprs: &[Expr]) -> String {
        exprs.iter().map(|e| self.expr(e)).collect::<Vec<_>>().join(", ")
    }

    /// An expression.
    pub(super) fn expr(&self, e: &Expr) -> String {
        match e {
            Expr::Column { id, .. } => self.columns.explain_name(*id),
            Expr::Constant { value, ty } => {
                let value = self.value(value, &ty.sql);
                constant(printed(&value, &ty.sql).as_ref().unwrap_or(&value))
            }
            Expr::Call { function, args, ty } => match function {
                // The first argument is a name.
                Function::Volatile { what, .. } if what.is_variable() => match args.as_slice() {
                    [Expr::Constant { value, .. }, value_of @ ..] => {
                        let parts =
                            std::iter::once(value.to_string()).chain(value_of.iter().map(|e| self.expr(e)));
                        format!("{}({})", what.name(), parts.collect::<Vec<_>>().join(", "))
                    }
                    _ => format!("{}({})", what.name(), self.list(args)),
                },
                Function::Cast => format!("cast({}, {} BINARY)", self.list(args), ty.sql),
                Function::Like { escape } => {
                    let escape = escape.map_or(0, u32::from);
                    format!("like({}, {escape})", self.list(args))
                }
                Function::Extract(unit) => format!("extract({}, {})", unit.name(), self.list(args)),
                Function::DateAdd(unit) | Function::DateSub(unit) => {
                    format!("{}({}, {})", function.name(), self.list(args), unit.name())
                }
                Function::TimestampDiff(unit) => {
                    format!("timestampdiff({}, {})", unit.name(), self.list(args))
                }
                // What a time is held as is nothing that a statement says.
                Function::Assign { .. }
                | Function::ClockOf(_)
                | Function::MomentOf(_)
                | Function::Json(JsonFunction::OrderKey | JsonFunction::Plain)
                | Function::Collate(_) => self.list(args),
                Function::Json(JsonFunction::ToJson { .. }) => {
                    format!("cast({}, {} BINARY)", self.list(args), ty.sql)
                }
                function => format!("{}({})", function.name(), self.list(args)),
            },
        }
    }

    /// A value of this type as the session sees it.
    pub(super) fn value(&self, value: &Datum, ty: &SqlType) -> Datum {
        match (value, ty) {
            (Datum::DateTime(us), SqlType::Timestamp(_)) => Datum::DateTime(self.zone.local(*us)),
            (value, _) => value.clone(),
        }
    }

    /// A window function without its window.
    pub(super) fn window_call(&self, call: &WindowCall) -> String {
        let (name, number) = match call.function {
            WindowFunction::Aggregate(function) => {
                let (args, ty) = (call.args.clone(), call.ty.clone());
                return self.aggregate(&AggregateCall { function, args, distinct: false, ty });
            }
            WindowFunction::RowNumber => ("row_number", None),
            WindowFunction::Rank => ("rank", None),
            WindowFunction::DenseRank => ("dense_rank", None),
            WindowFunction::PercentRank => ("percent_rank", None),
            WindowFunction::CumeDist => ("cume_dist", None),
            WindowFunction::Ntile(n) => ("ntile", Some(n)),
            WindowFunction::Lag(n) => ("lag", Some(n)),
            WindowFunction::Lead(n) => ("lead", Some(n)),
            WindowFunction::FirstValue => ("first_value", None),
            WindowFunction::LastValue => ("last_value", None),
            WindowFunction::NthValue(n) => ("nth_value", Some(n)),
        };
        let mut args: Vec<String> = call.args.iter().map(|e| self.expr(e)).collect();
        if let Some(n) = number {
            args.insert(args.len().min(1), n.to_string());
        }
        format!("{name}({})", args.join(", "))
    }

    /// An aggregate.
    pub(super) fn aggregate(&self, call: &AggregateCall) -> String {
        let name = match call.function {
            AggregateFunction::CountAll => return "count(1)".into(),
            AggregateFunction::Count => "count",
            // A sum of integers is a decimal, but for that of the counts of parts.
            AggregateFunction::Sum if call.ty.sql.is_integer() => "count",
            AggregateFunction::Sum => "sum",
            AggregateFunction::Avg => "avg",
            AggregateFunction::Min => "min",
            AggregateFunction::Max => "max",
            AggregateFunction::AnyValue => "firstrow",
            AggregateFunction::BitAnd => "bit_and",
            AggregateFunction::BitOr => "bit_or",
            AggregateFunction::BitXor => "bit_xor",
            AggregateFunction::StdDevPop => "stddev_pop",
            AggregateFunction::StdDevSamp => "stddev_samp",
            AggregateFunction::VarPop => "var_pop",
            AggregateFunction::VarSamp => "var_samp",
            AggregateFunction::GroupConcat(form) => return self.group_concat(call, form),
            AggregateFunction::ApproxCountDistinct => "approx_count_distinct",
            AggregateFunction::JsonArrayAgg => "json_arrayagg",
            AggregateFunction::JsonObjectAgg => "json_objectagg",
            AggregateFunction::ApproxPercentile { percent } => {
                return format!("approx_percentile({}, {percent})", self.list(&call.args));
            }
        };
        let distinct = if call.distinct { "distinct " } else { "" };
        format!("{name}({distinct}{})", self.list(&call.args))
    }

    /// `group_concat(d.t.a order by d.t.b desc separator ",")`.
    fn group_concat(&self, call: &AggregateCall, form: ConcatForm) -> String {
        let distinct = if call.distinct { "distinct " } else { "" };
        let [text, separator, keys @ ..] = &call.args[..] else {
            return format!("group_concat({})", self.list(&call.args));
        };
        let key = |(at, key): (usize, &Expr)| {
            let desc = if form.descending >> at & 1 == 1 { " desc" } else { "" };
            format!("{}{desc}", self.expr(key))
        };
        let keys: Vec<String> = keys.iter().enumerate().map(key).collect();
        let order = if keys.is_empty() { String::new() } else { format!(" order by {}", keys.join(", ")) };
        format!("group_concat({distinct}{}{order} separator {})", self.expr(text), self.expr(separator))
    }
}

fn constant(value: &Datum) -> String {
    match value {
        Datum::String(s) => format!("\"{s}\""),
        Datum::Bytes(_) => format!("0x{}", hex(value)),
        other => other.to_string(),
    }
}

/// The bytes of a binary string as hexadecimal digits.
pub(super) fn hex(value: &Datum) -> String {
    match value {
        Datum::Bytes(bytes) => bytes.iter().map(|b| format!("{b:02x}")).collect(),
        other => other.to_string(),
    }
}

//! Aggregates, and which query block computes one.
//!
//! An aggregate is a column that the aggregation of a block will compute. Which block's, its arguments say: that of the
//! innermost block that has one of their columns, if an aggregate may stand where that block is being bound.
//!
//! ```text
//! select (select sum(t.a) from u limit 1) from t                a sum of t's rows: the answer has one row
//! select a from t having (select count(*) from u where u.b < sum(t.a)) > 0      of t's, for u's WHERE has no aggregates
//! select a from t where (select sum(t.a) from u) > 5            of u's rows: t's WHERE has none either
//! ```
//!
//! Where the arguments have no column it is the innermost block that may have it. To the blocks in between it is a column of
//! an outer block like any other.

use std::sync::Arc;

use allod_storage::schema::Datum;
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArgumentClause, Value};

use super::binder::{Binder, place};
use super::expression::{not_supported, shortened};
use super::scope::{Clause, Pending, Scope};
use crate::column_set::ColumnSet;
use crate::error::Error;
use crate::expr::{AggregateFunction, ConcatForm, Exact, Expr, collate, literal};

/// TiDB's `group_concat_max_len` where there is no session.
const CONCAT_BYTES_MAX: u64 = 1 << 20;

impl Binder<'_> {
    /// An aggregate. `all_digits`: an average has those that do not show, too.
    pub(super) fn aggregate(
        &mut self,
        function: AggregateFunction,
        args: &[FunctionArg],
        distinct: bool,
        clauses: &[FunctionArgumentClause],
        e: &ast::Expr,
        all_digits: bool,
    ) -> Result<Exact, Error> {
        if !self.scopes.iter().any(Scope::allows_aggregates) {
            return Err(Error::InvalidAggregate);
        }
        let (function, args) = match (function, args) {
            (AggregateFunction::ApproxPercentile { .. }, [value, percent]) => {
                let FunctionArg::Unnamed(FunctionArgExpr::Expr(percent)) = percent else {
                    return Err(Error::ArgumentCount("approx_percentile".into()));
                };
                let percent = match self.constant(percent, "APPROX_PERCENTILE")? {
                    Datum::Int(percent @ 1..=100) => percent as u8,
                    other => return Err(Error::PercentOutOfRange(other.to_string())),
                };
                (AggregateFunction::ApproxPercentile { percent }, std::slice::from_ref(value))
            }
            (AggregateFunction::ApproxPercentile { .. }, _) => {
                return Err(Error::ArgumentCount("approx_percentile".into()));
            }
            other => other,
        };
        let scope = self.scope();
        let star = matches!(args, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
        let function = match (function, star, args.len()) {
            (AggregateFunction::Count, true, _) if !distinct => AggregateFunction::CountAll,
            (_, true, _) | (_, _, 0) => return Err(miscounted(e)),
            (AggregateFunction::Count, _, 2..) if !distinct => return Err(miscounted(e)),
            (AggregateFunction::JsonObjectAgg, _, count) if count != 2 => return Err(miscounted(e)),
            (
                AggregateFunction::Count
                | AggregateFunction::GroupConcat(_)
                | AggregateFunction::ApproxCountDistinct
                | AggregateFunction::JsonObjectAgg,
                _,
                _,
            )
            | (_, _, 1) => function,
            _ => return Err(miscounted(e)),
        };
        // Subqueries in the arguments belong below the aggregation.
        let above = std::mem::take(&mut scope.pending);
        let within = std::mem::replace(&mut scope.in_aggregate, true);
        let mut bound: Vec<Expr> = Vec::with_capacity(args.len());
        let least =
            matches!(function, AggregateFunction::Min | AggregateFunction::Max | AggregateFunction::AnyValue);
        let takes_digits = function.computes() && !distinct || least && all_digits;
        let mut number = None;
        let mut failed = None;
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) if takes_digits => match self.exact(e) {
                    Ok(e) => {
                        bound.push(e.expr.clone());
                        number = Some(e);
                    }
                    Err(e) => failed = failed.or(Some(e)),
                },
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => match self.expr(e) {
                    Ok(e) => bound.push(e),
                    Err(e) => failed = failed.or(Some(e)),
                },
                _ if star => {}
                _ => failed = failed.or(Some(Error::ArgumentCount(e.to_string()))),
            }
        }
        let mut function = function;
        match (&mut function, &failed) {
            (AggregateFunction::GroupConcat(form), None) => {
                match self.concat_arguments(std::mem::take(&mut bound), clauses, form) {
                    Ok(args) => bound = args,
                    Err(e) => failed = Some(e),
                }
            }
            (_, None) if !clauses.is_empty() => {
                failed = Some(not_supported(&format!("'{}'", shortened(e))));
            }
            _ => {}
        }
        let scope = self.scope();
        scope.in_aggregate = within;
        let below = std::mem::replace(&mut scope.pending, above);
        if let Some(error) = failed {
            return Err(error);
        }
        let home = self.home_of(&bound, &below).filter(|home| !self.scopes[*home].in_aggregate);
        let home = home.ok_or(Error::InvalidAggregate)?;
        if distinct && matches!(function, AggregateFunction::JsonArrayAgg | AggregateFunction::JsonObjectAgg)
        {
            return Err(not_supported(&format!("'{}'", shortened(e))));
        }
        // MIN and MAX of distinct values are the same.
        let distinct = distinct && !matches!(function, AggregateFunction::Min | AggregateFunction::Max);
        // The least text is that with the least key, which then has its text behind it.
        let mut shown = None;
        if matches!(function, AggregateFunction::Min | AggregateFunction::Max)
            && let Some(arg) = bound.pop()
        {
            let (arg, ty) = collate::keyed(arg);
            bound.push(arg);
            shown = ty;
        }
        let (call, less) = match number {
            Some(number) if least && number.hides() => self.rw.exact_aggregate(function, number, true),
            Some(number) if !least => self.rw.exact_aggregate(function, number, all_digits),
            _ => (self.rw.aggregate(function, bound, distinct), None),
        };
        let scope = &mut self.scopes[home];
        scope.pending_below.extend(below);
        let known = scope.aggregates.iter().find(|(_, known)| *known == call).map(|(id, _)| *id);
        let id = match known {
            Some(id) => id,
            None => {
                let id = self.columns.add_computed(Arc::from(e.to_string()), call.ty.clone());
                scope.aggregates.push((id, call));
                id
            }
        };
        let result = self.column(id);
        Ok(match (shown, less) {
            (Some(ty), _) => collate::unkeyed(result, ty).into(),
            (None, Some(less)) => Exact::new(result, &less),
            (None, None) => result.into(),
        })
    }

    /// The block that computes an aggregate of these arguments, whose subqueries are `below`; `None` = it stands where no block
    /// may have one.
    fn home_of(&self, args: &[Expr], below: &[Pending]) -> Option<usize> {
        let allows = |at: &usize| self.scopes[*at].allows_aggregates();
        let own = self.scopes.len().checked_sub(1)?;
        let level = self.level_of(args, below);
        let between = level.map_or(0, |level| level + 1)..own;
        let wanted = Some(level.unwrap_or(own)).filter(allows);
        wanted.or_else(|| between.rev().find(allows)).or(Some(own).filter(allows))
    }

    /// The innermost block that has a column of these expressions or of their subqueries. What an aggregation yields is a
    /// column of none.
    fn level_of(&self, args: &[Expr], below: &[Pending]) -> Option<usize> {
        let mut used: ColumnSet = args.iter().flat_map(Expr::columns).collect();
        below.iter().for_each(|pending| used.union_with(&pending.used(&self.ctes)));
        self.scopes.iter().rposition(|scope| used.iter().any(|id| scope.has(id)))
    }

    /// The arguments of GROUP_CONCAT: what is put together, the separator, the keys of its ORDER BY.
    fn concat_arguments(
        &mut self,
        bound: Vec<Expr>,
        clauses: &[FunctionArgumentClause],
        form: &mut ConcatForm,
    ) -> Result<Vec<Expr>, Error> {
        if let Some(Datum::Int(bytes)) = self.cx.session.variables.system("group_concat_max_len", false) {
            form.max_bytes = bytes.unsigned_abs();
        }
        let mut separator = literal::string(",");
        let mut keys = Vec::new();
        for clause in clauses {
            match clause {
                FunctionArgumentClause::Separator(v) => separator = self.value(v)?,
                FunctionArgumentClause::OrderBy(list) => {
                    if list.len() > ConcatForm::KEYS_MAX {
                        return Err(Error::TooComplex("more than 64 keys in GROUP_CONCAT".into()));
                    }
                    for (at, key) in list.iter().enumerate() {
                        form.descending |= u64::from(key.options.asc == Some(false)) << at;
                        keys.push(self.concat_key(&bound, &key.expr)?);
                    }
                }
                _ => return Err(not_supported("this clause of GROUP_CONCAT")),
            }
        }
        let texts: Vec<Expr> = bound.into_iter().map(|e| self.rw.text(e)).collect();
        let text = match <[Expr; 1]>::try_from(texts) {
            Ok([text]) => text,
            Err(texts) => match self.rw.function("CONCAT", texts)? {
                Some(text) => text,
                None => return Err(Error::ArgumentCount("GROUP_CONCAT".into())),
            },
        };
        let mut args = vec![text, separator];
        args.extend(keys);
        Ok(args)
    }

    /// One key of GROUP_CONCAT's ORDER BY: a number names an argument.
    fn concat_key(&mut self, bound: &[Expr], key: &ast::Expr) -> Result<Expr, Error> {
        let ast::Expr::Value(ast::ValueWithSpan { value: Value::Number(number, _), .. }) = key else {
            return self.expr(key);
        };
        let position = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        position.and_then(|at| bound.get(at)).cloned().ok_or_else(|| Error::UnknownColumn {
            name: number.clone(),
            clause: Clause::Order.name(),
            position: place(key),
        })
    }
}

/// How many arguments an aggregate has is a part of MySQL's grammar.
fn miscounted(e: &ast::Expr) -> Error {
    Error::syntax(format!("the number of arguments of {}", shortened(e)), place(e))
}

/// The aggregate of a name.
pub(super) fn aggregate_function(name: &str) -> Option<AggregateFunction> {
    use AggregateFunction as A;
    Some(match name {
        "COUNT" => A::Count,
        "SUM" => A::Sum,
        "AVG" => A::Avg,
        "MIN" => A::Min,
        "MAX" => A::Max,
        "ANY_VALUE" => A::AnyValue,
        "BIT_AND" => A::BitAnd,
        "BIT_OR" => A::BitOr,
        "BIT_XOR" => A::BitXor,
        "STD" | "STDDEV" | "STDDEV_POP" => A::StdDevPop,
        "STDDEV_SAMP" => A::StdDevSamp,
        "VAR_POP" | "VARIANCE" => A::VarPop,
        "VAR_SAMP" => A::VarSamp,
        "GROUP_CONCAT" => A::GroupConcat(ConcatForm { max_bytes: CONCAT_BYTES_MAX, descending: 0 }),
        "APPROX_COUNT_DISTINCT" => A::ApproxCountDistinct,
        "JSON_ARRAYAGG" => A::JsonArrayAgg,
        "JSON_OBJECTAGG" => A::JsonObjectAgg,
        "APPROX_PERCENTILE" => A::ApproxPercentile { percent: 50 },
        _ => return None,
    })
}

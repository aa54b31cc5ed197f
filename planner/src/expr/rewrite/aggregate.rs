//! Aggregates: what each takes and gives.

use allod_storage::schema::{ColumnType, Datum, SqlType};

use super::{Rewriter, family};
use crate::expr::types::{self, Family};
use crate::expr::{
    AggregateCall, AggregateFunction, Exact, Expr, Function, collate, exact, is_cut_off, order_key_of,
};

impl Rewriter {
    /// What shows of SUM or AVG of numbers with so many digits.
    fn total(&self, function: AggregateFunction, whole: u32, scale: u32) -> SqlType {
        let more = self.quotient_digits;
        match function {
            AggregateFunction::Sum => types::decimal(whole + scale + 22, scale),
            _ => types::decimal(whole + scale + more, scale + more),
        }
    }

    /// An aggregate of a number, and the type that shows of it if that has fewer digits. A sum has all digits of what is summed;
    /// an average those of a quotient if they are asked for, or if it could not be rounded otherwise; the least, the greatest
    /// and any number have theirs.
    pub fn exact_aggregate(
        &mut self,
        function: AggregateFunction,
        number: Exact,
        all_digits: bool,
    ) -> (AggregateCall, Option<SqlType>) {
        let of_less = number.hides().then(|| number.digits());
        if matches!(function, AggregateFunction::Min | AggregateFunction::Max | AggregateFunction::AnyValue) {
            let Exact { expr, shown } = number;
            return (self.aggregate(function, vec![expr], false), shown);
        }
        let mut call = self.aggregate(function, vec![number.expr], false);
        let (SqlType::Decimal { .. }, Some(arg)) = (&call.ty.sql, call.args.first()) else {
            return (call, None);
        };
        let (whole, all) = types::type_digits(&arg.ty().sql);
        let (whole, scale) = of_less.unwrap_or((whole, all));
        let shown = self.total(function, whole, scale);
        call.ty.sql = match function {
            AggregateFunction::Sum => types::decimal_of(whole + all + 22, all),
            _ => {
                let rounds = of_less.is_none()
                    || !matches!(shown, SqlType::Decimal { scale, .. } if is_cut_off(scale));
                let all = exact::of_quotient(all, 0, self.quotient_digits);
                let longer = exact::hiding(&shown, whole, all, &Function::Div);
                longer.filter(|_| all_digits || !rounds).unwrap_or_else(|| shown.clone())
            }
        };
        let less = (call.ty.sql != shown).then_some(shown);
        (call, less)
    }

    /// An aggregate with its arguments cast and its type.
    pub fn aggregate(
        &mut self,
        function: AggregateFunction,
        mut args: Vec<Expr>,
        distinct: bool,
    ) -> AggregateCall {
        use AggregateFunction as A;
        let mut nullable = true;
        let sql = match function {
            A::CountAll | A::Count | A::ApproxCountDistinct => {
                nullable = false;
                args = args
                    .into_iter()
                    .map(|a| match family(&a) {
                        Family::Null => self.cast(a, &SqlType::BIGINT),
                        Family::Json if distinct => order_key_of(a),
                        Family::String if distinct || function == A::ApproxCountDistinct => {
                            collate::ordered_by(a)
                        }
                        _ => a,
                    })
                    .collect();
                SqlType::BIGINT
            }
            A::Sum | A::Avg => {
                args = args.into_iter().map(|a| self.number(a)).collect();
                let (whole, scale) = args.first().map_or((1, 0), |a| types::type_digits(&a.ty().sql));
                match args.first().map(family) {
                    Some(Family::Double) => SqlType::Double,
                    _ => self.total(function, whole, scale),
                }
            }
            A::Min | A::Max | A::AnyValue => {
                if function != A::AnyValue {
                    args = args.into_iter().map(|a| self.ordered(a)).collect();
                }
                if function == A::AnyValue {
                    nullable = args.first().is_none_or(|a| a.ty().nullable);
                }
                args.first().map_or(types::NULL_TYPE, |a| a.ty().sql.clone())
            }
            A::ApproxPercentile { .. } => {
                // Texts have no percentiles.
                let text = args.first().is_none_or(|a| matches!(family(a), Family::String | Family::Binary));
                args = args
                    .into_iter()
                    .map(|a| match family(&a) {
                        _ if text => Expr::constant(Datum::Null, SqlType::BIGINT),
                        Family::Null => self.cast(a, &SqlType::BIGINT),
                        Family::Choice => self.number(a),
                        _ => a,
                    })
                    .collect();
                args.first().map_or(SqlType::BIGINT, |a| a.ty().sql.clone())
            }
            A::BitAnd | A::BitOr | A::BitXor => {
                nullable = false;
                args = args.into_iter().map(|a| self.bit_pattern(a)).collect();
                SqlType::BIGINT_UNSIGNED
            }
            A::StdDevPop | A::StdDevSamp | A::VarPop | A::VarSamp => {
                args = args
                    .into_iter()
                    .map(|a| {
                        let a = self.number(a);
                        self.cast(a, &SqlType::Double)
                    })
                    .collect();
                SqlType::Double
            }
            A::JsonArrayAgg => {
                args = args.into_iter().map(|a| self.json_element(a)).collect();
                SqlType::Json
            }
            A::JsonObjectAgg => {
                args = args
                    .into_iter()
                    .enumerate()
                    .map(|(at, a)| if at == 0 { self.json_key(a) } else { self.json_element(a) })
                    .collect();
                SqlType::Json
            }
            A::GroupConcat(_) => {
                let mut parts = Vec::with_capacity(args.len());
                for (at, arg) in args.into_iter().enumerate() {
                    parts.push(match (at, family(&arg)) {
                        (0 | 1, _) => self.text(arg),
                        (_, Family::Null) => self.cast(arg, &SqlType::BIGINT),
                        (_, Family::Json) => order_key_of(arg),
                        (_, Family::String) => collate::ordered_by(arg),
                        _ => arg,
                    });
                }
                args = parts;
                match args.first() {
                    Some(text) if family(text) == Family::Binary => SqlType::Blob(u32::MAX),
                    Some(text) => SqlType::Text(u32::MAX, text.ty().sql.collation()),
                    None => SqlType::text(u32::MAX),
                }
            }
        };
        AggregateCall { function, args, distinct, ty: ColumnType { sql, nullable } }
    }
}

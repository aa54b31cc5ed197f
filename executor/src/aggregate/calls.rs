//! From the aggregates of a plan to accumulators: what can be shared is accumulated once.
//!
//! `SUM(x), AVG(x), COUNT(x)` need one sum and one count; a count of what is never NULL is the count of rows. Equal
//! arguments are evaluated once.

use allod_planner::expr::{AggregateCall, AggregateFunction, ConcatForm, Expr};
use allod_storage::schema::{Datum, SqlType};
use arrow::array::ArrayRef;

use super::accumulator::{Accumulator, BitOp, CutTexts, Joined, Kind, OrderKey, Spread};
use crate::error::{Error, Result};

/// An accumulator to be kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spec {
    pub kind: Kind,
    /// Positions in [`Calls::args`].
    pub args: Vec<usize>,
    /// Whether it takes in each set of arguments once per group: the position in [`Calls::sets`].
    pub set: Option<usize>,
    /// Type of the first argument.
    pub ty: SqlType,
}

/// How an output column is made of accumulators.
#[derive(Clone, Debug)]
enum Output {
    /// One accumulator; NULL where the other counts 0.
    Plain { of: usize, present: Option<usize> },
    /// Sum by count.
    Average { sum: usize, count: usize, scale: u8 },
    /// Variance.
    Spread { of: usize, spread: Spread },
}

/// Everything about the aggregates of a GROUP BY.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Arguments, each once.
    pub args: Vec<Expr>,
    /// Accumulators, each once.
    pub specs: Vec<Spec>,
    /// Arguments of which distinct values are collected, as positions in `args`.
    pub sets: Vec<Vec<usize>>,
    outputs: Vec<(Output, SqlType)>,
}

impl Calls {
    /// Of these aggregates. Over no group columns a group may have no rows, so sums count them.
    pub fn new<'a>(calls: impl IntoIterator<Item = &'a AggregateCall>, single: bool) -> Result<Calls> {
        let mut all = Calls::default();
        for call in calls {
            let output = all.add(call, single)?;
            all.outputs.push((output, call.ty.sql.clone()));
        }
        Ok(all)
    }

    fn add(&mut self, call: &AggregateCall, single: bool) -> Result<Output> {
        use AggregateFunction as F;
        if let F::GroupConcat(form) = call.function {
            return self.concat(call, form);
        }
        let values = &call.args[..];
        if values.is_empty() && call.function != F::CountAll {
            return Err(Error::Plan(format!("{:?} without an argument", call.function)));
        }
        let args: Vec<usize> = values.iter().map(|arg| self.arg(arg)).collect();
        // Least, greatest and any are the same over each value once.
        let idempotent = matches!(
            call.function,
            F::Min | F::Max | F::AnyValue | F::BitAnd | F::BitOr | F::ApproxCountDistinct
        );
        let set = (call.distinct && !idempotent && !args.is_empty()).then(|| self.set(&args));
        let nullable = values.iter().any(|a| a.ty().nullable);
        let rows = || Spec { kind: Kind::Rows, args: Vec::new(), set: None, ty: SqlType::BIGINT };
        let count = || match nullable || set.is_some() {
            true => Spec { kind: Kind::Present, args: args.clone(), set, ty: SqlType::BIGINT },
            false => rows(),
        };
        let ty = values.first().map_or(SqlType::BIGINT, |a| a.ty().sql.clone());
        let of = |kind: Kind| Spec { kind, args: args.clone(), set, ty: ty.clone() };
        let float = matches!(call.ty.sql, SqlType::Float | SqlType::Double);
        let sum = || of(if float { Kind::SumFloat } else { Kind::Sum });
        // Whether some group may have no value at all.
        let hollow = nullable || single;
        let spread = |sample, deviation| Spread { sample, deviation };
        Ok(match call.function {
            F::CountAll => Output::Plain { of: self.spec(rows()), present: None },
            F::Count => Output::Plain { of: self.spec(count()), present: None },
            F::Sum => {
                let present = hollow.then(|| self.spec(count()));
                Output::Plain { of: self.spec(sum()), present }
            }
            F::Avg => {
                let scale = match &ty {
                    SqlType::Decimal { scale, .. } => *scale,
                    _ => 0,
                };
                Output::Average { count: self.spec(count()), sum: self.spec(sum()), scale }
            }
            F::Min | F::Max => {
                let present = hollow.then(|| self.spec(count()));
                let kind = Kind::Extreme { greatest: call.function == F::Max };
                Output::Plain { of: self.spec(of(kind)), present }
            }
            F::JsonArrayAgg | F::JsonObjectAgg => {
                let object = call.function == F::JsonObjectAgg;
                Output::Plain { of: self.spec(of(Kind::Document { object })), present: None }
            }
            F::AnyValue => Output::Plain { of: self.spec(of(Kind::Any)), present: None },
            F::BitAnd => Output::Plain { of: self.spec(of(Kind::Bits(BitOp::And))), present: None },
            F::BitOr => Output::Plain { of: self.spec(of(Kind::Bits(BitOp::Or))), present: None },
            F::BitXor => Output::Plain { of: self.spec(of(Kind::Bits(BitOp::Xor))), present: None },
            F::StdDevPop => Output::Spread { of: self.spec(of(Kind::Moments)), spread: spread(false, true) },
            F::StdDevSamp => Output::Spread { of: self.spec(of(Kind::Moments)), spread: spread(true, true) },
            F::VarPop => Output::Spread { of: self.spec(of(Kind::Moments)), spread: spread(false, false) },
            F::VarSamp => Output::Spread { of: self.spec(of(Kind::Moments)), spread: spread(true, false) },
            F::ApproxCountDistinct => Output::Plain { of: self.spec(of(Kind::Uniques)), present: None },
            F::ApproxPercentile { percent } => {
                Output::Plain { of: self.spec(of(Kind::Percentile(percent))), present: None }
            }
            F::GroupConcat(_) => return Err(Error::Plan("GROUP_CONCAT is made by itself".into())),
        })
    }

    /// GROUP_CONCAT: text, separator, and what it is ordered by.
    fn concat(&mut self, call: &AggregateCall, form: ConcatForm) -> Result<Output> {
        let [text, separator, keys @ ..] = &call.args[..] else {
            return Err(Error::Plan("GROUP_CONCAT without an argument".into()));
        };
        let Expr::Constant { value: Datum::String(separator), .. } = separator else {
            return Err(Error::Plan(format!("{separator:?} as the separator of GROUP_CONCAT")));
        };
        let max_bytes = usize::try_from(form.max_bytes).unwrap_or(usize::MAX);
        let of = match text.columns().first() {
            Some(column) => format!("Column#{}", column.0),
            None => "a constant".to_owned(),
        };
        let joined = Joined { separator: separator.as_bytes().into(), max_bytes, of: of.into() };
        let ty = text.ty().sql.clone();
        let args: Vec<usize> = std::iter::once(text).chain(keys).map(|arg| self.arg(arg)).collect();
        let by_sort_key = call.distinct && ty.is_string() && !ty.collation().is_plain();
        let (kind, set) = if keys.is_empty() && !by_sort_key {
            (Kind::Concat(joined), call.distinct.then(|| self.set(&args)))
        } else {
            let key = |(at, key): (usize, &Expr)| OrderKey {
                ty: key.ty().clone(),
                descending: form.descending >> at & 1 == 1,
            };
            let keys = keys.iter().enumerate().map(key).collect();
            (Kind::Ordered { joined, keys, distinct: call.distinct }, None)
        };
        Ok(Output::Plain { of: self.spec(Spec { kind, args, set, ty }), present: None })
    }

    fn arg(&mut self, arg: &Expr) -> usize {
        self.args.iter().position(|have| have == arg).unwrap_or_else(|| {
            self.args.push(arg.clone());
            self.args.len() - 1
        })
    }

    fn spec(&mut self, spec: Spec) -> usize {
        find_or_push(&mut self.specs, spec)
    }

    fn set(&mut self, args: &[usize]) -> usize {
        find_or_push(&mut self.sets, args.to_vec())
    }

    /// The output columns of finished accumulators.
    pub fn finish(&self, accumulators: &[Accumulator], cut: &mut CutTexts) -> Result<Vec<ArrayRef>> {
        self.outputs
            .iter()
            .map(|(output, ty)| match *output {
                Output::Plain { of, present } => {
                    let present = present.map(|p| accumulators[p].counts()).transpose()?;
                    accumulators[of].finish(present, ty, cut)
                }
                Output::Average { sum, count, scale } => {
                    accumulators[sum].average(accumulators[count].counts()?, scale, ty)
                }
                Output::Spread { of, spread } => accumulators[of].spread(spread),
            })
            .collect()
    }
}

fn find_or_push<T: PartialEq>(all: &mut Vec<T>, one: T) -> usize {
    all.iter().position(|have| *have == one).unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    })
}

//! Aggregate functions.

use allod_storage::schema::ColumnType;

use super::Expr;

/// Which aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// COUNT(*): rows. No argument.
    CountAll,
    /// COUNT(x): rows where no argument is NULL.
    Count,
    /// SUM: decimal for exact arguments (scale kept, precision + 22), double for floats; NULL over no rows.
    Sum,
    /// AVG: decimal(p + 4, s + 4) for exact arguments, or with all digits of the quotient; double for floats.
    Avg,
    /// MIN.
    Min,
    /// MAX.
    Max,
    /// The value of any row of the group; for columns that the group key determines.
    AnyValue,
    /// BIT_AND, on BIGINT UNSIGNED.
    BitAnd,
    /// BIT_OR, on BIGINT UNSIGNED.
    BitOr,
    /// BIT_XOR, on BIGINT UNSIGNED.
    BitXor,
    /// STDDEV_POP, double.
    StdDevPop,
    /// STDDEV_SAMP, double.
    StdDevSamp,
    /// VAR_POP, double.
    VarPop,
    /// VAR_SAMP, double.
    VarSamp,
    /// GROUP_CONCAT. Its arguments: what is put together, the separator (a constant), and what the ORDER BY has.
    GroupConcat(ConcatForm),
    /// APPROX_COUNT_DISTINCT: rows where no argument is NULL, equal ones counted once, nearly.
    ApproxCountDistinct,
    /// JSON_ARRAYAGG of JSON values, NULL being `null` already.
    JsonArrayAgg,
    /// JSON_OBJECTAGG of keys and JSON values; a key that is NULL is error 3158.
    JsonObjectAgg,
    /// APPROX_PERCENTILE(x, percent), from 1 to 100.
    ApproxPercentile {
        /// The second argument.
        percent: u8,
    },
}

impl AggregateFunction {
    /// Whether it computes with its argument, and so with all of its digits.
    pub fn computes(self) -> bool {
        use AggregateFunction as A;
        match self {
            A::Sum | A::Avg | A::StdDevPop | A::StdDevSamp | A::VarPop | A::VarSamp => true,
            A::CountAll
            | A::Count
            | A::Min
            | A::Max
            | A::AnyValue
            | A::BitAnd
            | A::BitOr
            | A::BitXor
            | A::GroupConcat(_)
            | A::ApproxCountDistinct
            | A::JsonArrayAgg
            | A::JsonObjectAgg
            | A::ApproxPercentile { .. } => false,
        }
    }
}

/// What GROUP_CONCAT has beside its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConcatForm {
    /// `group_concat_max_len`: the result is cut to so many bytes.
    pub max_bytes: u64,
    /// For each key of the ORDER BY a bit, the lowest for the first: whether it is DESC.
    pub descending: u64,
}

impl ConcatForm {
    /// The most keys of an ORDER BY.
    pub const KEYS_MAX: usize = 64;
}

/// One aggregate of a GROUP BY.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateCall {
    /// Which.
    pub function: AggregateFunction,
    /// Arguments over the aggregation's input.
    pub args: Vec<Expr>,
    /// Whether equal arguments count once.
    pub distinct: bool,
    /// Type of the result.
    pub ty: ColumnType,
}

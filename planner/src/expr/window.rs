//! Window functions.

use allod_storage::schema::ColumnType;

use super::{AggregateFunction, Expr};

/// Which window function. Counts and distances are constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowFunction {
    /// ROW_NUMBER: 1, 2, 3, … BIGINT UNSIGNED, as all that count.
    RowNumber,
    /// RANK: 1 + the rows before the first peer.
    Rank,
    /// DENSE_RANK: 1 + the groups of peers before.
    DenseRank,
    /// PERCENT_RANK: (rank - 1) / (rows - 1), 0 for one row. DOUBLE.
    PercentRank,
    /// CUME_DIST: the rows up to the last peer / rows. DOUBLE.
    CumeDist,
    /// NTILE(n): in which of n groups of rows as equal as can be.
    Ntile(u64),
    /// LAG(x, n, default): x of the row n before, otherwise the second argument, otherwise NULL.
    Lag(u64),
    /// LEAD(x, n, default): x of the row n behind.
    Lead(u64),
    /// FIRST_VALUE(x): x of the first row of the frame; NULL if that is empty.
    FirstValue,
    /// LAST_VALUE(x).
    LastValue,
    /// NTH_VALUE(x, n): x of the nth row of the frame, from 1.
    NthValue(u64),
    /// An aggregate over the frame.
    Aggregate(AggregateFunction),
}

/// One window function over the rows of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowCall {
    /// Which.
    pub function: WindowFunction,
    /// Arguments over the input's rows; those of LAG and LEAD are cast to one type.
    pub args: Vec<Expr>,
    /// The rows it looks at, for those that look at a frame (not ranks, LAG and LEAD).
    pub frame: Frame,
    /// Type of the result.
    pub ty: ColumnType,
}

/// Which rows of a partition belong to the frame of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// ROWS: the current row is that row. Otherwise RANGE: it is all its peers, which ORDER BY does not tell apart.
    pub rows: bool,
    /// Where it begins.
    pub start: Bound,
    /// Where it ends.
    pub end: Bound,
    /// What bounds by value are compared with: the one key of ORDER BY, in a type that both have.
    pub key: Option<Expr>,
}

/// One end of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// UNBOUNDED PRECEDING.
    First,
    /// UNBOUNDED FOLLOWING.
    Last,
    /// CURRENT ROW.
    Current,
    /// ROWS n PRECEDING (negative) or n FOLLOWING.
    Row(i64),
    /// RANGE x PRECEDING or FOLLOWING: the first (last) row whose key is not before (behind) this value of the current row.
    Value(Expr),
}

impl Frame {
    /// The whole partition.
    pub fn whole() -> Frame {
        Frame { rows: false, start: Bound::First, end: Bound::Last, key: None }
    }

    /// What there is without a word about frames: up to the current row's last peer if there is an order.
    pub fn default_of(ordered: bool) -> Frame {
        Frame { end: if ordered { Bound::Current } else { Bound::Last }, ..Frame::whole() }
    }

    /// Its expressions.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.key.iter().chain(self.start.value()).chain(self.end.value())
    }

    /// The same with every expression replaced by `f` of it.
    pub fn map(self, f: &mut dyn FnMut(Expr) -> Expr) -> Frame {
        let mut bound = |bound| match bound {
            Bound::Value(e) => Bound::Value(f(e)),
            other @ (Bound::First | Bound::Last | Bound::Current | Bound::Row(_)) => other,
        };
        let (start, end) = (bound(self.start), bound(self.end));
        Frame { rows: self.rows, start, end, key: self.key.map(f) }
    }
}

impl Bound {
    fn value(&self) -> Option<&Expr> {
        match self {
            Bound::Value(e) => Some(e),
            Bound::First | Bound::Last | Bound::Current | Bound::Row(_) => None,
        }
    }
}

impl WindowFunction {
    /// Whether the frame matters.
    pub fn has_frame(&self) -> bool {
        match self {
            WindowFunction::RowNumber
            | WindowFunction::Rank
            | WindowFunction::DenseRank
            | WindowFunction::PercentRank
            | WindowFunction::CumeDist
            | WindowFunction::Ntile(_)
            | WindowFunction::Lag(_)
            | WindowFunction::Lead(_) => false,
            WindowFunction::FirstValue
            | WindowFunction::LastValue
            | WindowFunction::NthValue(_)
            | WindowFunction::Aggregate(_) => true,
        }
    }
}

//! The physical plan: how a statement runs, as a closed tree of plain data. It crosses the crate line to the executor.
//!
//! Node names are TiDB's, so EXPLAIN reads as its users expect. A `TableReader` (or `IndexReader`) marks the border
//! between what runs region by region beside the data (`cop[tikv]`: scan, selection, projection, partial work) and what
//! runs at the root; the executor runs both in one pipeline when the store is in the same process.

mod access;
mod lower;

use std::sync::Arc;

use allod_storage::schema::{ColumnType, Datum, TableDescriptor};

use crate::column::{ColumnId, Columns};
use crate::expr::{AggregateCall, Expr};
pub use crate::logical::{JoinKind, OutputColumn, SortKey};

pub(crate) use lower::lower;

/// An operator with what every operator has.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Number within the statement, shown by EXPLAIN behind the name: `HashJoin_13`.
    pub id: u32,
    /// Estimated rows out.
    pub rows: f64,
    /// Output columns, in the order in which batches carry them.
    pub columns: Vec<ColumnId>,
    /// What it does.
    pub node: Node,
}

/// What an operator does.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Literal rows (TiDB prints `TableDual rows:n` if they have no columns).
    Values {
        /// Constant expressions.
        rows: Vec<Vec<Expr>>,
    },
    /// Rows of a table's records.
    TableScan(TableScan),
    /// Entries of a secondary index.
    IndexScan(IndexScan),
    /// Border to the store: rows of the input, which is a chain down to one TableScan.
    TableReader {
        /// The part beside the data.
        input: Box<Plan>,
    },
    /// Border to the store: the input is a chain down to one IndexScan.
    IndexReader {
        /// The part beside the data.
        input: Box<Plan>,
    },
    /// At most `keys.len()` rows by their whole primary key or by a whole unique index; PointGet if there is one key,
    /// BatchPointGet if more.
    PointGet(PointGet),
    /// Rows where every predicate holds.
    Selection {
        /// Input.
        input: Box<Plan>,
        /// Conjuncts, cheapest and most selective first.
        predicates: Vec<Expr>,
    },
    /// Computes columns.
    Projection {
        /// Input.
        input: Box<Plan>,
        /// Output columns in order.
        exprs: Vec<(ColumnId, Expr)>,
    },
    /// Hash join.
    HashJoin(HashJoin),
    /// A join without equalities, or Apply without decorrelation: the right side is run for each left row (once for
    /// each distinct set of correlated values).
    Apply(Apply),
    /// Grouping by hashing.
    HashAgg(Aggregation),
    /// Grouping of input that is sorted by the group columns.
    StreamAgg(Aggregation),
    /// ORDER BY.
    Sort {
        /// Input.
        input: Box<Plan>,
        /// Most significant first.
        keys: Vec<SortKey>,
    },
    /// ORDER BY with LIMIT.
    TopN {
        /// Input.
        input: Box<Plan>,
        /// Most significant first.
        keys: Vec<SortKey>,
        /// Rows to skip.
        offset: u64,
        /// Rows to return.
        count: u64,
    },
    /// LIMIT.
    Limit {
        /// Input.
        input: Box<Plan>,
        /// Rows to skip.
        offset: u64,
        /// Rows to return; `None` = all.
        count: Option<u64>,
    },
    /// UNION ALL: input `i` carries the output columns in the order of its own `inputs[i].1`.
    Union {
        /// Inputs and the ids of their columns in output order.
        inputs: Vec<(Plan, Vec<ColumnId>)>,
    },
    /// Error 1242 if the input has more than one row; one row of NULLs if it has none.
    MaxOneRow {
        /// Input.
        input: Box<Plan>,
    },
    /// Reads a materialised common table expression.
    CteScan {
        /// Index into [`Query::ctes`].
        cte: usize,
        /// For each output column the id of the column of the CTE's plan.
        source: Vec<ColumnId>,
    },
    /// INSERT: the source yields every column of the table, in order, cast and with defaults filled in (the hidden row id
    /// excepted, which the executor numbers).
    Insert {
        /// Target.
        table: Arc<TableDescriptor>,
        /// Which partition a row is dealt to, as an expression over the table's own columns: `ColumnId(n)` is ordinal n, and
        /// not a column of the statement. `None` if the table is not partitioned.
        partition: Option<Expr>,
        /// Rows to insert.
        source: Box<Plan>,
    },
    /// UPDATE: the source yields every column of the old row, hidden ones included, then every visible column of the new.
    Update {
        /// Target.
        table: Arc<TableDescriptor>,
        /// Which partition a row is dealt to, as an expression over the table's own columns: `ColumnId(n)` is ordinal n, and
        /// not a column of the statement. `None` if the table is not partitioned.
        partition: Option<Expr>,
        /// Old and new rows.
        source: Box<Plan>,
    },
    /// DELETE: the source yields every column of the old row, hidden ones included.
    Delete {
        /// Target.
        table: Arc<TableDescriptor>,
        /// Which partition a row is dealt to, as an expression over the table's own columns: `ColumnId(n)` is ordinal n, and
        /// not a column of the statement. `None` if the table is not partitioned.
        partition: Option<Expr>,
        /// Rows to delete.
        source: Box<Plan>,
    },
}

/// Scan of a table's records.
#[derive(Clone, Debug, PartialEq)]
pub struct TableScan {
    /// The table.
    pub table: Arc<TableDescriptor>,
    /// Alias, or the table's name.
    pub alias: Arc<str>,
    /// For each output column the ordinal it comes from.
    pub ordinals: Vec<usize>,
    /// Positions of the partitions to read, ascending; `None` = all.
    pub partitions: Option<Vec<usize>>,
    /// Ranges over the leading columns of the table's key, sorted, disjoint; `None` = everything.
    pub ranges: Option<Vec<Range>>,
    /// Predicates that storage may use to skip blocks by zone map; they are also in the Selection above.
    pub zone: Vec<ZonePredicate>,
    /// Whether rows must come in key order.
    pub keep_order: bool,
    /// Whether in descending key order.
    pub descending: bool,
    /// Whether the statistics are guesses.
    pub pseudo: bool,
}

/// Scan of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexScan {
    /// The table.
    pub table: Arc<TableDescriptor>,
    /// Alias, or the table's name.
    pub alias: Arc<str>,
    /// Position in `table.indexes`.
    pub index: usize,
    /// For each output column its position in the index space (`TableDescriptor::index_space`).
    pub ordinals: Vec<usize>,
    /// Positions of the partitions to read; `None` = all.
    pub partitions: Option<Vec<usize>>,
    /// Ranges over the leading columns of the index; `None` = everything.
    pub ranges: Option<Vec<Range>>,
    /// Whether rows must come in index order.
    pub keep_order: bool,
    /// Whether in descending index order.
    pub descending: bool,
    /// Whether the statistics are guesses.
    pub pseudo: bool,
}

/// A range over the leading columns of a key: `low` and `high` are prefixes (possibly of different length, possibly
/// empty). A prefix bound covers every key that starts with it: included, all of them are in; excluded, none.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// Values of the lower bound.
    pub low: Vec<Datum>,
    /// Whether keys that start with `low` are in.
    pub low_inclusive: bool,
    /// Values of the upper bound.
    pub high: Vec<Datum>,
    /// Whether keys that start with `high` are in.
    pub high_inclusive: bool,
}

/// `column BETWEEN low AND high` as data, on the ordinal of a table column; both bounds inclusive, `None` = open. Rows
/// that are NULL never satisfy it.
#[derive(Clone, Debug, PartialEq)]
pub struct ZonePredicate {
    /// Ordinal of the column in the scanned space.
    pub ordinal: usize,
    /// Least value wanted.
    pub low: Option<Datum>,
    /// Greatest value wanted.
    pub high: Option<Datum>,
}

/// Rows by whole key.
#[derive(Clone, Debug, PartialEq)]
pub struct PointGet {
    /// The table.
    pub table: Arc<TableDescriptor>,
    /// Alias, or the table's name.
    pub alias: Arc<str>,
    /// `None` = the table's own key; else the position of a unique index.
    pub index: Option<usize>,
    /// For each output column the ordinal it comes from.
    pub ordinals: Vec<usize>,
    /// For each wanted row the values of the key columns, none NULL, cast to the columns' types.
    pub keys: Vec<Vec<Datum>>,
    /// Positions of the partitions the keys may be in; `None` = all.
    pub partitions: Option<Vec<usize>>,
}

/// Which input of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The left one.
    Left,
    /// The right one.
    Right,
}

/// A hash join; kinds are seen from the left input, whichever side builds.
#[derive(Clone, Debug, PartialEq)]
pub struct HashJoin {
    /// Which rows come out.
    pub kind: JoinKind,
    /// Left input.
    pub left: Box<Plan>,
    /// Right input.
    pub right: Box<Plan>,
    /// The side whose rows go into the hash table.
    pub build: Side,
    /// Equalities: expression over the left input, expression over the right, of one family and (for decimals) any
    /// scales. May be empty: every pair is then a candidate.
    pub keys: Vec<(Expr, Expr)>,
    /// Further conjuncts over both inputs.
    pub residual: Vec<Expr>,
    /// See [`crate::logical::Join::null_aware`].
    pub null_aware: Vec<Expr>,
}

/// A right side that is run anew for each left row.
#[derive(Clone, Debug, PartialEq)]
pub struct Apply {
    /// Which rows come out.
    pub kind: JoinKind,
    /// Outer input.
    pub left: Box<Plan>,
    /// Inner plan, which uses `correlated` as if they were constants.
    pub right: Box<Plan>,
    /// Columns of the left input.
    pub correlated: Vec<ColumnId>,
    /// Conjuncts over both inputs.
    pub on: Vec<Expr>,
    /// See [`crate::logical::Join::null_aware`].
    pub null_aware: Vec<Expr>,
}

/// GROUP BY.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregation {
    /// Input.
    pub input: Box<Plan>,
    /// Group columns.
    pub group_by: Vec<(ColumnId, Expr)>,
    /// Aggregates.
    pub aggregates: Vec<(ColumnId, AggregateCall)>,
}

/// A whole statement, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The root.
    pub root: Plan,
    /// Common table expressions, each before any that uses it; computed once and shared.
    pub ctes: Vec<Plan>,
    /// The visible columns and their headers; empty for DML.
    pub output: Vec<OutputColumn>,
    /// What the column ids stand for.
    pub columns: Arc<Columns>,
}

impl Query {
    /// Header and type of each visible column.
    pub fn output_types(&self) -> impl Iterator<Item = (&str, &ColumnType)> {
        self.output.iter().map(|c| (&*c.name, self.columns.ty(c.id)))
    }
}

impl Plan {
    /// Its inputs, to be changed.
    pub(crate) fn children_mut(&mut self) -> Vec<&mut Plan> {
        match &mut self.node {
            Node::Values { .. }
            | Node::TableScan(_)
            | Node::IndexScan(_)
            | Node::PointGet(_)
            | Node::CteScan { .. } => vec![],
            Node::TableReader { input }
            | Node::IndexReader { input }
            | Node::Selection { input, .. }
            | Node::Projection { input, .. }
            | Node::Sort { input, .. }
            | Node::TopN { input, .. }
            | Node::Limit { input, .. }
            | Node::MaxOneRow { input } => vec![input],
            Node::HashAgg(agg) | Node::StreamAgg(agg) => vec![&mut agg.input],
            Node::HashJoin(join) => vec![&mut join.left, &mut join.right],
            Node::Apply(apply) => vec![&mut apply.left, &mut apply.right],
            Node::Union { inputs } => inputs.iter_mut().map(|(p, _)| p).collect(),
            Node::Insert { source, .. } | Node::Update { source, .. } | Node::Delete { source, .. } => {
                vec![source]
            }
        }
    }

    /// Its inputs; for a join left then right.
    pub fn children(&self) -> Vec<&Plan> {
        match &self.node {
            Node::Values { .. }
            | Node::TableScan(_)
            | Node::IndexScan(_)
            | Node::PointGet(_)
            | Node::CteScan { .. } => vec![],
            Node::TableReader { input }
            | Node::IndexReader { input }
            | Node::Selection { input, .. }
            | Node::Projection { input, .. }
            | Node::Sort { input, .. }
            | Node::TopN { input, .. }
            | Node::Limit { input, .. }
            | Node::MaxOneRow { input } => vec![input],
            Node::HashAgg(agg) | Node::StreamAgg(agg) => vec![&agg.input],
            Node::HashJoin(join) => vec![&join.left, &join.right],
            Node::Apply(apply) => vec![&apply.left, &apply.right],
            Node::Union { inputs } => inputs.iter().map(|(p, _)| p).collect(),
            Node::Insert { source, .. } | Node::Update { source, .. } | Node::Delete { source, .. } => {
                vec![source]
            }
        }
    }
}

//! The logical plan: what a statement means, as a closed tree of plain data.
//!
//! `bind` makes it, `rules` rewrite it, `physical` chooses how to run it. Columns are named by [`ColumnId`]; every node
//! knows which columns it produces ([`Plan::columns`]).

mod check;
pub(crate) mod dependencies;
pub(crate) mod keys;
pub(crate) mod predicate;
mod walk;

use std::sync::Arc;

use allod_storage::schema::TableDescriptor;

use crate::column::ColumnId;
use crate::expr::{AggregateCall, Expr, WindowCall};
use crate::generated::GeneratedColumns;
use crate::partition::PartitionFunction;
use crate::physical::Recursion;
use crate::stats::TableStats;

pub(crate) use check::check;

/// A relational operator and its inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Rows of a table.
    Scan(Scan),
    /// Literal rows; `Values { rows: vec![vec![]], columns: vec![] }` is the one row of a SELECT without FROM.
    Values {
        /// Each as long as `columns`.
        rows: Vec<Vec<Expr>>,
        /// Ids of the columns.
        columns: Vec<ColumnId>,
    },
    /// Rows where every predicate holds.
    Filter {
        /// Input.
        input: Box<Plan>,
        /// Conjuncts.
        predicates: Vec<Expr>,
    },
    /// Computes columns; an output column that is just an input column keeps its id: `(id, Expr::Column { id, .. })`.
    Project {
        /// Input.
        input: Box<Plan>,
        /// Output columns in order.
        exprs: Vec<(ColumnId, Expr)>,
    },
    /// A join (see [`JoinKind`]).
    Join(Join),
    /// A join whose right side uses columns of the left row. Decorrelation turns most of these into plain joins.
    Apply {
        /// The join that is made for each left row; `join.right` may use columns of `join.left`.
        join: Join,
        /// The columns of the left side that the right side uses.
        correlated: Vec<ColumnId>,
    },
    /// GROUP BY; with no group columns exactly one row. DISTINCT is this without aggregates.
    Aggregate {
        /// Input.
        input: Box<Plan>,
        /// Group columns; as in Project, a plain column keeps its id.
        group_by: Vec<(ColumnId, Expr)>,
        /// Aggregates.
        aggregates: Vec<(ColumnId, AggregateCall)>,
    },
    /// ORDER BY.
    Sort {
        /// Input.
        input: Box<Plan>,
        /// Most significant first.
        keys: Vec<SortKey>,
    },
    /// Window functions: every row of the input, with a column more for each function. The input is sorted by the keys of
    /// `partition_by` and `order_by` (a Sort stands right below unless there are none).
    Window {
        /// Input.
        input: Box<Plan>,
        /// The window and the functions over it.
        window: Window,
    },
    /// LIMIT count OFFSET offset.
    Limit {
        /// Input.
        input: Box<Plan>,
        /// Rows to skip.
        offset: u64,
        /// Rows to return; `None` = all.
        count: Option<u64>,
    },
    /// UNION ALL; UNION is an Aggregate above it.
    Union {
        /// Inputs, each with the ids of its columns in output order; types are already cast to agree.
        inputs: Vec<(Plan, Vec<ColumnId>)>,
        /// Output ids.
        columns: Vec<ColumnId>,
        /// Whether the second input is run again and again; all columns are then needed.
        recursion: Option<Recursion>,
    },
    /// Error 1242 if the input has more than one row; one row of NULLs if it has none.
    MaxOneRow {
        /// Input.
        input: Box<Plan>,
    },
    /// FOR UPDATE, FOR SHARE: lets all rows through, and locks the rows of tables that they are made of.
    Lock {
        /// Input.
        input: Box<Plan>,
        /// Which, and how.
        lock: RowLock,
    },
    /// Reads a common table expression that is computed once for the statement.
    CteScan {
        /// Index into [`Query::ctes`].
        cte: usize,
        /// For each output column its own id and the id of the column of the CTE's plan.
        columns: Vec<(ColumnId, ColumnId)>,
    },
}

/// Rows of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// The table.
    pub table: Arc<TableDescriptor>,
    /// Statistics of the version that is used.
    pub stats: Arc<TableStats>,
    /// Alias, or the table's name.
    pub alias: Arc<str>,
    /// Number of the query block whose FROM names it, as hints count them: 1 for the outermost (`sel_1`), then in the order
    /// in which their SELECTs begin.
    pub block: u32,
    /// Derived tables that it is a part of, innermost first: alias, and the query block whose FROM names it. For hints.
    pub within: Vec<(Arc<str>, u32)>,
    /// Output columns and the ordinals they come from; `prune_columns` shortens this.
    pub columns: Vec<(ColumnId, usize)>,
    /// How the table's rows are dealt; `None` if it is not partitioned. Its columns are ordinals, not ids of the statement.
    pub dealing: Option<Arc<PartitionFunction>>,
    /// The table's generated columns, over its ordinals, if there is a key on one of them.
    pub generated: Option<Arc<GeneratedColumns>>,
    /// Positions of the partitions to read (`PARTITION (p0, p1)`, then pruning); `None` = all.
    pub partitions: Option<Vec<usize>>,
    /// Conjuncts that were pushed down to the scan.
    pub predicates: Vec<Expr>,
}

/// A join of two inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// Which rows come out.
    pub kind: JoinKind,
    /// Left input.
    pub left: Box<Plan>,
    /// Right input.
    pub right: Box<Plan>,
    /// Conjuncts of the join condition. A pair of rows matches if all hold.
    pub on: Vec<Expr>,
    /// For Anti and Mark: further conjuncts where NULL means "perhaps" (from `NOT IN` and `IN`). Anti drops a left row
    /// if for any right row that satisfies `on` the conjunction of these is TRUE or NULL; Mark is then NULL unless some
    /// pair is TRUE. Empty otherwise.
    pub null_aware: Vec<Expr>,
    /// Whether it was written with its sides exchanged, as a RIGHT JOIN; that is what EXPLAIN says.
    pub mirrored: bool,
}

/// Kinds of join. RIGHT is bound as LEFT with the sides exchanged; CROSS is INNER without conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// Matching pairs.
    Inner,
    /// Matching pairs, and left rows without a match beside NULLs.
    Left,
    /// Left rows with a match, once.
    Semi,
    /// Left rows without a match.
    Anti,
    /// Every left row once, with one more column: whether it has a match (TRUE, FALSE, and NULL if `null_aware` says so).
    Mark(ColumnId),
}

impl JoinKind {
    /// Whether the columns of the right input come out.
    pub fn keeps_right(self) -> bool {
        match self {
            JoinKind::Inner | JoinKind::Left => true,
            JoinKind::Semi | JoinKind::Anti | JoinKind::Mark(_) => false,
        }
    }
}

/// One ORDER BY item. NULLs come first when ascending, last when descending.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// What to order by.
    pub expr: Expr,
    /// DESC.
    pub descending: bool,
}

/// A window, and the functions over it.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// PARTITION BY.
    pub partition_by: Vec<Expr>,
    /// ORDER BY.
    pub order_by: Vec<SortKey>,
    /// Functions, each with the column that it makes.
    pub calls: Vec<(ColumnId, WindowCall)>,
}

impl Window {
    /// All expressions.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let calls = self.calls.iter().flat_map(|(_, call)| call.args.iter().chain(call.frame.exprs()));
        self.partition_by.iter().chain(self.order_by.iter().map(|key| &key.expr)).chain(calls)
    }

    /// The same with every expression replaced by `f` of it.
    pub fn map(self, f: &mut dyn FnMut(Expr) -> Expr) -> Window {
        let partition_by = self.partition_by.into_iter().map(&mut *f).collect();
        let order_by = self.order_by.into_iter().map(|key| SortKey { expr: f(key.expr), ..key }).collect();
        let call = |(id, call): (ColumnId, WindowCall)| {
            let args = call.args.into_iter().map(&mut *f).collect();
            (id, WindowCall { args, frame: call.frame.map(f), ..call })
        };
        Window { partition_by, order_by, calls: self.calls.into_iter().map(call).collect() }
    }

    /// The columns that it adds.
    pub fn columns(&self) -> impl Iterator<Item = ColumnId> + '_ {
        self.calls.iter().map(|(id, _)| *id)
    }
}

/// What a locking clause locks.
#[derive(Clone, Debug, PartialEq)]
pub struct RowLock {
    /// The tables, each with where its rows are found again.
    pub tables: Vec<LockedTable>,
    /// FOR UPDATE or FOR SHARE.
    pub strength: LockStrength,
    /// What to do about rows that others have locked.
    pub wait: LockingWait,
}

/// A table whose rows are locked.
#[derive(Clone, Debug, PartialEq)]
pub struct LockedTable {
    /// The table.
    pub table: Arc<TableDescriptor>,
    /// How its rows are dealt; `None` if it is not partitioned.
    pub dealing: Option<Arc<PartitionFunction>>,
    /// What tells a row's key and partition: the ordinals of these columns of the table, and the ids that carry them. NULL
    /// throughout where an outer join found no row.
    pub columns: Vec<(usize, ColumnId)>,
}

/// Whom a lock keeps out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockStrength {
    /// FOR UPDATE: all others who lock.
    Update,
    /// FOR SHARE, LOCK IN SHARE MODE.
    Share,
}

/// What to do about rows that others have locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockingWait {
    /// NOWAIT: fail.
    No,
    /// WAIT n: wait so many seconds.
    Seconds(u64),
    /// Wait as the session's variable says.
    Wait,
}

/// A whole query: the plan, what it shares, and what it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The root.
    pub plan: Plan,
    /// Common table expressions that more than one place reads, each before any that uses it.
    pub ctes: Vec<Plan>,
    /// The visible columns, in order, and their headers.
    pub output: Vec<OutputColumn>,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputColumn {
    /// Which column of the root.
    pub id: ColumnId,
    /// The header.
    pub name: Arc<str>,
}

impl Plan {
    /// The columns this node produces, in order.
    pub fn columns(&self) -> Vec<ColumnId> {
        match self {
            Plan::Scan(scan) => scan.columns.iter().map(|(id, _)| *id).collect(),
            Plan::Values { columns, .. } | Plan::Union { columns, .. } => columns.clone(),
            Plan::Filter { input, .. }
            | Plan::Sort { input, .. }
            | Plan::Limit { input, .. }
            | Plan::Lock { input, .. }
            | Plan::MaxOneRow { input } => input.columns(),
            Plan::Window { input, window } => {
                let mut columns = input.columns();
                columns.extend(window.columns());
                columns
            }
            Plan::Project { exprs, .. } => exprs.iter().map(|(id, _)| *id).collect(),
            Plan::Join(join) | Plan::Apply { join, .. } => join.columns(),
            Plan::Aggregate { group_by, aggregates, .. } => {
                group_by.iter().map(|(id, _)| *id).chain(aggregates.iter().map(|(id, _)| *id)).collect()
            }
            Plan::CteScan { columns, .. } => columns.iter().map(|(id, _)| *id).collect(),
        }
    }

    /// Its inputs.
    pub fn children(&self) -> Vec<&Plan> {
        match self {
            Plan::Scan(_) | Plan::Values { .. } | Plan::CteScan { .. } => vec![],
            Plan::Filter { input, .. }
            | Plan::Project { input, .. }
            | Plan::Aggregate { input, .. }
            | Plan::Sort { input, .. }
            | Plan::Window { input, .. }
            | Plan::Limit { input, .. }
            | Plan::Lock { input, .. }
            | Plan::MaxOneRow { input } => vec![input],
            Plan::Join(join) | Plan::Apply { join, .. } => vec![&join.left, &join.right],
            Plan::Union { inputs, .. } => inputs.iter().map(|(p, _)| p).collect(),
        }
    }

    /// Rebuilds the node with each input replaced by `f` of it.
    pub fn map_children(self, f: &mut impl FnMut(Plan) -> Plan) -> Plan {
        let mut boxed = |p: Box<Plan>| Box::new(f(*p));
        match self {
            leaf @ (Plan::Scan(_) | Plan::Values { .. } | Plan::CteScan { .. }) => leaf,
            Plan::Filter { input, predicates } => Plan::Filter { input: boxed(input), predicates },
            Plan::Project { input, exprs } => Plan::Project { input: boxed(input), exprs },
            Plan::Join(join) => Plan::Join(Join { left: boxed(join.left), right: boxed(join.right), ..join }),
            Plan::Apply { join, correlated } => Plan::Apply {
                join: Join { left: boxed(join.left), right: boxed(join.right), ..join },
                correlated,
            },
            Plan::Aggregate { input, group_by, aggregates } => {
                Plan::Aggregate { input: boxed(input), group_by, aggregates }
            }
            Plan::Sort { input, keys } => Plan::Sort { input: boxed(input), keys },
            Plan::Window { input, window } => Plan::Window { input: boxed(input), window },
            Plan::Limit { input, offset, count } => Plan::Limit { input: boxed(input), offset, count },
            Plan::Union { inputs, columns, recursion } => {
                let inputs = inputs.into_iter().map(|(p, ids)| (f(p), ids)).collect();
                Plan::Union { inputs, columns, recursion }
            }
            Plan::MaxOneRow { input } => Plan::MaxOneRow { input: boxed(input) },
            Plan::Lock { input, lock } => Plan::Lock { input: boxed(input), lock },
        }
    }
}

impl Join {
    /// The columns that come out.
    pub fn columns(&self) -> Vec<ColumnId> {
        let mut out = self.left.columns();
        match self.kind {
            JoinKind::Inner | JoinKind::Left => out.extend(self.right.columns()),
            JoinKind::Mark(mark) => out.push(mark),
            JoinKind::Semi | JoinKind::Anti => {}
        }
        out
    }
}

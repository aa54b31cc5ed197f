//! The physical plan: how a statement runs, as a closed tree of plain data. It crosses the crate line to the executor.
//!
//! Node names are TiDB's, so EXPLAIN reads as its users expect. A `TableReader` (or `IndexReader`) marks the border
//! between what runs region by region beside the data (`cop[tikv]`: scan, selection, projection, partial work) and what
//! runs at the root; the executor runs both in one pipeline when the store is in the same process.

mod access;
mod duplicate;
mod search;
mod target;

use std::sync::Arc;

use allod_storage::schema::{ColumnType, Datum, TableDescriptor};

use crate::checks::RowChecks;
use crate::column::{ColumnId, Columns, Origin};
use crate::expr::{AggregateCall, Expr};
use crate::foreign::ForeignKeys;
use crate::generated::GeneratedColumns;
pub use crate::logical::{
    JoinKind, LockStrength, LockedTable, LockingWait, OutputColumn, RowLock, SortKey, Window,
};
use crate::options::PruneMode;
use crate::partition::PartitionFunction;

pub use duplicate::{OnDuplicate, RowUpdate};
pub use target::Target;

pub(crate) use access::{AccessContext, unmatched, unmerged};
pub(crate) use search::{Wishes, alias_of, is_named, lower};

/// An operator with what every operator has.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Number within the statement, shown by EXPLAIN behind the name: `HashJoin_13`.
    pub id: u32,
    /// Estimated rows out.
    pub rows: f64,
    /// Estimated cost of this operator and its inputs, in the cost module's units; 0 if nobody asked.
    pub cost: f64,
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
    /// Rows of a table by way of an index that does not hold every wanted column: double read.
    IndexLookUp(IndexLookUp),
    /// Rows of a table by way of several indexes.
    IndexMerge(IndexMerge),
    /// One input for each partition, each a reader of just that one; the inputs carry the same columns in the same order
    /// (static pruning, `tidb_partition_prune_mode`).
    PartitionUnion {
        /// In the order of partitions.
        inputs: Vec<Plan>,
    },
    /// Hash join.
    HashJoin(HashJoin),
    /// Join by looking the rows of the inner side up, for batches of outer rows.
    IndexJoin(IndexJoin),
    /// Join of inputs that are sorted by the keys.
    MergeJoin(MergeJoin),
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
    /// Window functions over rows that come sorted by partition and order.
    Window {
        /// Input.
        input: Box<Plan>,
        /// The window and the functions over it.
        window: Window,
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
        /// Whether the second input is run again and again.
        recursion: Option<Recursion>,
    },
    /// Error 1242 if the input has more than one row; one row of NULLs if it has none.
    MaxOneRow {
        /// Input.
        input: Box<Plan>,
    },
    /// FOR UPDATE, FOR SHARE: lets all rows through, and locks the rows of tables that they are made of.
    SelectLock {
        /// Input.
        input: Box<Plan>,
        /// Which, and how.
        lock: RowLock,
    },
    /// Reads a materialised common table expression.
    CteScan {
        /// Index into [`Query::ctes`].
        cte: usize,
        /// For each output column the id of the column of the CTE's plan.
        source: Vec<ColumnId>,
    },
    /// INSERT, REPLACE: the source yields every column of the table, in order, cast and with defaults filled in (the hidden row
    /// id excepted, which the executor numbers; generated columns are NULL until it computes them), and then what else
    /// `on_duplicate` needs.
    Insert {
        /// Target.
        table: Arc<TableDescriptor>,
        /// How rows are dealt; `None` if the table is not partitioned.
        partition: Option<Arc<PartitionFunction>>,
        /// Generated columns; `None` if the table has none.
        generated: Option<Arc<GeneratedColumns>>,
        /// CHECK constraints; `None` if none is enforced.
        checks: Option<Arc<RowChecks>>,
        /// The foreign keys to heed; `None` if there are none.
        foreign: Option<Arc<ForeignKeys>>,
        /// What happens to a row of which a key is taken.
        on_duplicate: OnDuplicate,
        /// Rows to insert.
        source: Box<Plan>,
    },
    /// UPDATE: for each of its tables the source yields every column of the old row, hidden ones included, then every visible
    /// column of the new one. NULL throughout where an outer join found no row.
    Update {
        /// The tables, each as often as it is updated under a name of its own.
        targets: Arc<[Target]>,
        /// UPDATE IGNORE: a row whose new key is taken stays as it is, with a warning.
        ignore: bool,
        /// Old and new rows.
        source: Box<Plan>,
    },
    /// DELETE: for each of its tables the source yields every column of the old row, hidden ones included.
    Delete {
        /// The tables, each as often as its rows go under a name of its own.
        targets: Arc<[Target]>,
        /// DELETE IGNORE: a row that others refer to stays, with a warning.
        ignore: bool,
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
    /// Number of its query block (see [`crate::logical::Scan::block`]).
    pub block: u32,
    /// For each output column the ordinal it comes from.
    pub ordinals: Vec<usize>,
    /// Positions of the partitions to read, ascending; `None` = all.
    pub partitions: Option<Vec<usize>>,
    /// Which keys.
    pub ranges: Ranges,
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
    /// Number of its query block (see [`crate::logical::Scan::block`]).
    pub block: u32,
    /// Position in `table.indexes`.
    pub index: usize,
    /// For each output column its position in the index space (`TableDescriptor::index_space`).
    pub ordinals: Vec<usize>,
    /// Positions of the partitions to read; `None` = all.
    pub partitions: Option<Vec<usize>>,
    /// Which keys.
    pub ranges: Ranges,
    /// Whether rows must come in index order.
    pub keep_order: bool,
    /// Whether in descending index order.
    pub descending: bool,
    /// Whether the statistics are guesses.
    pub pseudo: bool,
}

/// Which keys of a space a scan reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Ranges {
    /// Every key: a full scan.
    All,
    /// Keys in ranges over the leading columns: sorted, disjoint.
    Fixed(Vec<Range>),
    /// Keys that the outer rows of an [`IndexJoin`] ask for; such a scan stands on the join's inner side only.
    Lookup(Lookup),
    /// Rows whose keys the index side of an [`IndexLookUp`] or an [`IndexMerge`] hands over (`TableRowIDScan`).
    Handles,
}

impl Ranges {
    /// The ranges, if they are known when the statement is planned.
    pub fn fixed(&self) -> Option<&[Range]> {
        match self {
            Ranges::Fixed(ranges) => Some(ranges),
            Ranges::All | Ranges::Lookup(_) | Ranges::Handles => None,
        }
    }
}

/// The keys that one outer row asks for: `prefix` equal, and the next column of the key within bounds.
///
/// The expressions are over columns of the outer input (or constant) and need not be of the type of the key's column: the
/// executor converts each value exactly. A prefix value that is NULL (unless `null_safe`), out of range or changed by the
/// conversion matches nothing; a bound that is NULL matches nothing; a bound that the type cannot hold is rounded so that
/// no row is lost and none comes too many.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// For each of the leading columns of the key its value.
    pub prefix: Vec<LookupKey>,
    /// Constants of the next column, ascending, none of them NULL: every key is looked up with each. If there are any the
    /// bounds are empty.
    pub points: Vec<Datum>,
    /// Conditions `column >= e` (inclusive) or `column > e` on the next column; all must hold.
    pub low: Vec<(Expr, bool)>,
    /// Conditions `column <= e` or `column < e` on the next column.
    pub high: Vec<(Expr, bool)>,
    /// For a partitioned table, if an outer row tells the partition. Keys are then grouped by partition before they are
    /// looked up, and one that belongs to no partition matches nothing. `None` = every partition in the scan's set.
    pub routing: Option<Routing>,
}

/// How an outer row tells the partition of the rows it asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    /// How the inner table's rows are dealt.
    pub function: Arc<PartitionFunction>,
    /// What the row says of every column of the partition scheme: ordinal of the table, expression over the outer input.
    pub values: Vec<(usize, Expr)>,
}

/// One column of a lookup's prefix.
#[derive(Clone, Debug, PartialEq)]
pub struct LookupKey {
    /// Its value.
    pub value: Expr,
    /// Whether NULL means "is NULL" (`<=>`, or the constant of IS NULL) and not "no match".
    pub null_safe: bool,
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
    /// Number of its query block (see [`crate::logical::Scan::block`]).
    pub block: u32,
    /// `None` = the table's own key; else the position of a unique index.
    pub index: Option<usize>,
    /// For each output column the ordinal it comes from.
    pub ordinals: Vec<usize>,
    /// For each wanted row the values of the key columns, none NULL, cast to the columns' types.
    pub keys: Vec<Vec<Datum>>,
    /// For each key the position of the partition it is in; `None` = each may be in any, and all are asked. The table's key and
    /// every unique index hold the columns that rows are dealt by, so a key tells its partition.
    pub places: Option<Vec<usize>>,
    /// How the table deals its rows; `None` if it is not partitioned. Whoever puts other keys in asks it for their places.
    pub dealing: Option<Arc<PartitionFunction>>,
    /// Whether the rows are locked, and their keys where there is no row.
    pub lock: Option<(LockStrength, LockingWait)>,
}

impl PointGet {
    /// The partitions that are asked, ascending; `None` = all.
    pub fn partitions(&self) -> Option<Vec<usize>> {
        let mut partitions = self.places.clone()?;
        partitions.sort_unstable();
        partitions.dedup();
        Some(partitions)
    }

    /// The ordinals of the columns that each key gives values for.
    pub fn key_columns(&self) -> &[usize] {
        match self.index {
            None => &self.table.key,
            Some(index) => &self.table.indexes[index].columns,
        }
    }
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
    /// See [`crate::logical::Join::mirrored`].
    pub mirrored: bool,
}

/// Double read (tidb.md A6): index entries first, then the rows they point to.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexLookUp {
    /// Beside the data: an [`IndexScan`], maybe under a Selection and a Limit; its columns hold at least the table's key.
    pub index: Box<Plan>,
    /// Beside the data: a [`TableScan`] of `Ranges::Handles`, maybe under a Selection. A row that the index names and the table
    /// does not have is error 8133.
    pub table: Box<Plan>,
    /// For each column of the table's key (see `TableDescriptor::key`) the column of `index` that carries it.
    pub handle: Vec<ColumnId>,
    /// In which partition the row of an entry of a global index is: expressions over the columns of `index`. `None`: a row
    /// is in the partition that its entry is in.
    pub routing: Option<Routing>,
    /// Whether rows come in the order of the index.
    pub keep_order: bool,
    /// A limit (skip, take), if each entry is a row: the index side ends in a Limit of as many entries together, and the rows of
    /// those that are skipped are not fetched. `None` = all.
    pub limit: Option<(u64, u64)>,
}

/// WITH RECURSIVE: a union of the rows to begin with and of what is made of them, and of what is made of that, until there is
/// nothing new (SQL:1999; tidb.md D).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recursion {
    /// The common table expression that stands for the rows of the last round; it has no rows but those. Index into
    /// [`Query::ctes`]; its columns have the ids of the union's.
    pub working: usize,
    /// UNION DISTINCT: only rows that have not been there are rows of a round. The output columns that tell: for texts and
    /// documents they hold what these are compared by.
    pub distinct: Option<Vec<ColumnId>>,
    /// Rounds after which it is error 3636 that there is still something new (`cte_max_recursion_depth`).
    pub rounds_max: u64,
    /// LIMIT: it ends when there are so many rows.
    pub rows_max: Option<u64>,
}

/// Several partial scans of one table, their keys united or intersected, then the rows (tidb.md A6).
#[derive(Clone, Debug, PartialEq)]
pub struct IndexMerge {
    /// Beside the data: each an [`IndexScan`] or a [`TableScan`], maybe under a Selection, with the columns of its key.
    pub partial: Vec<IndexMergePart>,
    /// Beside the data: a [`TableScan`] of `Ranges::Handles`, maybe under a Selection.
    pub table: Box<Plan>,
    /// Whether a row must be in all partial scans (AND) and not just in one (OR).
    pub intersection: bool,
}

/// One partial scan of an [`IndexMerge`].
#[derive(Clone, Debug, PartialEq)]
pub struct IndexMergePart {
    /// The scan.
    pub plan: Plan,
    /// For each column of the table's key the column of `plan` that carries it.
    pub handle: Vec<ColumnId>,
}

/// Index lookup join (tidb.md A6). The inner input is a chain of Projection, Selection, HashAgg or StreamAgg (grouping by at
/// least the inner sides of `keys`) over a TableReader, IndexReader or IndexLookUp whose scan has `Ranges::Lookup`.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexJoin {
    /// Which rows come out; seen from the left input. Only an inner join may have its outer side on the right.
    pub kind: JoinKind,
    /// Left input.
    pub left: Box<Plan>,
    /// Right input.
    pub right: Box<Plan>,
    /// Which of them asks for the rows of the other.
    pub outer: Side,
    /// How the two sides are matched and in which order rows come.
    pub variant: IndexJoinVariant,
    /// Equalities: expression over the outer input, expression over the inner. Those that are in the lookup's prefix hold for
    /// every row that is found; the executor checks the others.
    pub keys: Vec<(Expr, Expr)>,
    /// Further conjuncts over both inputs, range conditions on the next index column included.
    pub residual: Vec<Expr>,
    /// See [`crate::logical::Join::null_aware`].
    pub null_aware: Vec<Expr>,
    /// See [`crate::logical::Join::mirrored`].
    pub mirrored: bool,
}

/// TiDB's index joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexJoinVariant {
    /// `IndexJoin`: rows come in the order of the outer input.
    Ordered,
    /// `IndexHashJoin`.
    Hash {
        /// Whether rows come in the order of the outer input.
        keep_outer_order: bool,
    },
}

/// A merge join: both inputs come sorted by their keys, NULLs first.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeJoin {
    /// Which rows come out; seen from the left input.
    pub kind: JoinKind,
    /// Left input, sorted by the left keys. Rows come out in its order.
    pub left: Box<Plan>,
    /// Right input, sorted by the right keys.
    pub right: Box<Plan>,
    /// Equalities in the order of the sort, at least one: expression over the left input, expression over the right.
    pub keys: Vec<(Expr, Expr)>,
    /// Whether both inputs are sorted descending, NULLs last.
    pub descending: bool,
    /// Further conjuncts over both inputs.
    pub residual: Vec<Expr>,
    /// See [`crate::logical::Join::null_aware`].
    pub null_aware: Vec<Expr>,
    /// See [`crate::logical::Join::mirrored`].
    pub mirrored: bool,
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
    /// What hints say of how the statement is run.
    pub limits: StatementLimits,
    /// What its user should know: hints that could not be followed, for instance.
    pub warnings: Vec<PlanWarning>,
    /// How it was pruned. Under static pruning a scan reads one partition, and EXPLAIN names it there.
    pub prune_mode: PruneMode,
    /// Query blocks of its text; those of views have greater numbers.
    pub blocks: u32,
}

/// Limits of one statement, from its hints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatementLimits {
    /// `MEMORY_QUOTA`, in place of the session's.
    pub memory_quota_bytes: Option<u64>,
    /// `MAX_EXECUTION_TIME`, in place of the session's.
    pub max_execution_time_ms: Option<u64>,
}

/// A warning that planning gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanWarning {
    /// MySQL's or TiDB's code.
    pub code: u16,
    /// Text.
    pub message: String,
}

impl Query {
    /// Header and type of each visible column.
    pub fn output_types(&self) -> impl Iterator<Item = (&str, &ColumnType)> {
        self.output.iter().map(|c| (&*c.name, self.columns.ty(c.id)))
    }

    /// Of each visible column the column of a table that it is.
    pub fn origins(&self) -> impl Iterator<Item = Option<&Origin>> {
        self.output.iter().map(|c| self.columns.get(c.id).origin.as_ref())
    }

    /// The tables whose rows it reads or changes, one as often as it is named; not those in memory.
    pub fn tables(&self) -> Vec<&Arc<TableDescriptor>> {
        let mut tables = Vec::new();
        self.ctes.iter().chain([&self.root]).for_each(|plan| plan.add_tables(&mut tables));
        tables
    }
}

impl Query {
    /// The tables whose rows its locking clauses lock, each as often as it is named.
    pub fn locked_tables(&self) -> Vec<&Arc<TableDescriptor>> {
        let mut tables = Vec::new();
        for plan in self.ctes.iter().chain([&self.root]) {
            plan.add_locked(&mut tables);
        }
        tables
    }
}

impl Plan {
    fn add_locked<'a>(&'a self, tables: &mut Vec<&'a Arc<TableDescriptor>>) {
        match &self.node {
            Node::SelectLock { lock, .. } => tables.extend(lock.tables.iter().map(|locked| &locked.table)),
            Node::PointGet(PointGet { table, lock: Some(_), .. }) => tables.push(table),
            _ => {}
        }
        self.children().into_iter().for_each(|input| input.add_locked(tables));
    }

    fn add_tables<'a>(&'a self, tables: &mut Vec<&'a Arc<TableDescriptor>>) {
        match &self.node {
            Node::TableScan(TableScan { table, .. })
            | Node::IndexScan(IndexScan { table, .. })
            | Node::PointGet(PointGet { table, .. })
            | Node::Insert { table, .. } => tables.push(table),
            Node::Update { targets, .. } | Node::Delete { targets, .. } => {
                tables.extend(targets.iter().map(|target| &target.table));
            }
            Node::Values { .. }
            | Node::CteScan { .. }
            | Node::TableReader { .. }
            | Node::IndexReader { .. }
            | Node::Selection { .. }
            | Node::Projection { .. }
            | Node::IndexLookUp(_)
            | Node::IndexMerge(_)
            | Node::PartitionUnion { .. }
            | Node::HashJoin(_)
            | Node::IndexJoin(_)
            | Node::MergeJoin(_)
            | Node::Apply(_)
            | Node::HashAgg(_)
            | Node::StreamAgg(_)
            | Node::Sort { .. }
            | Node::Window { .. }
            | Node::TopN { .. }
            | Node::Limit { .. }
            | Node::Union { .. }
            | Node::SelectLock { .. }
            | Node::MaxOneRow { .. } => {}
        }
        self.children().into_iter().for_each(|input| input.add_tables(tables));
    }

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
            | Node::Window { input, .. }
            | Node::TopN { input, .. }
            | Node::Limit { input, .. }
            | Node::SelectLock { input, .. }
            | Node::MaxOneRow { input } => vec![input],
            Node::HashAgg(agg) | Node::StreamAgg(agg) => vec![&mut agg.input],
            Node::HashJoin(join) => vec![&mut join.left, &mut join.right],
            Node::IndexJoin(join) => vec![&mut join.left, &mut join.right],
            Node::MergeJoin(join) => vec![&mut join.left, &mut join.right],
            Node::IndexLookUp(lookup) => vec![&mut lookup.index, &mut lookup.table],
            Node::IndexMerge(merge) => {
                merge.partial.iter_mut().map(|part| &mut part.plan).chain([&mut *merge.table]).collect()
            }
            Node::PartitionUnion { inputs } => inputs.iter_mut().collect(),
            Node::Apply(apply) => vec![&mut apply.left, &mut apply.right],
            Node::Union { inputs, .. } => inputs.iter_mut().map(|(p, _)| p).collect(),
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
            | Node::Window { input, .. }
            | Node::TopN { input, .. }
            | Node::Limit { input, .. }
            | Node::SelectLock { input, .. }
            | Node::MaxOneRow { input } => vec![input],
            Node::HashAgg(agg) | Node::StreamAgg(agg) => vec![&agg.input],
            Node::HashJoin(join) => vec![&join.left, &join.right],
            Node::IndexJoin(join) => vec![&join.left, &join.right],
            Node::MergeJoin(join) => vec![&join.left, &join.right],
            Node::IndexLookUp(lookup) => vec![&lookup.index, &lookup.table],
            Node::IndexMerge(merge) => {
                merge.partial.iter().map(|part| &part.plan).chain([&*merge.table]).collect()
            }
            Node::PartitionUnion { inputs } => inputs.iter().collect(),
            Node::Apply(apply) => vec![&apply.left, &apply.right],
            Node::Union { inputs, .. } => inputs.iter().map(|(p, _)| p).collect(),
            Node::Insert { source, .. } | Node::Update { source, .. } | Node::Delete { source, .. } => {
                vec![source]
            }
        }
    }
}

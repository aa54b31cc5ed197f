//! Names to things: from syntax to the logical plan.
//!
//! ```text
//! statement ── query ── select ── from          one query block: clauses in the order names come into being
//!     │          │         └───── expression    walks syntax; meaning and types come from `expr::Rewriter`
//!     │          │                  └ operator  what computes with numbers, and so with all of their digits
//!     │          └ cte            └── subquery  subqueries become joins below the expression
//!     ├ aggregate                               sum(…): a column of the block that its arguments belong to
//!     ├ window                                  f(…) OVER (…): above the grouping, below DISTINCT and ORDER BY
//!     ├ view                                    a view is bound like a derived table, by itself
//!     ├ dml                                     INSERT, UPDATE, DELETE: a query, and what is done with its rows
//!     ├ variable                                @a, @@b, and @a := x
//!     ├ temporary                               which tables hide others, and what cannot be done with them
//!     └ define, key, option, partition, generated, check, foreign  CREATE, ALTER, DROP: plain data for the engine
//! ```
//!
//! Binding is one pass. All state is in a `binder::Binder` that lives for the statement; scopes are a stack, innermost
//! query block last. A column that is found in an outer block is an ordinary column of that block's plan; that makes the
//! subquery correlated, which is noticed when its plan is joined.

mod access;
mod admin;
mod aggregate;
mod alter;
mod ask;
mod batch;
mod binder;
mod binding;
mod check;
mod collation;
mod create_as;
mod cte;
mod ddl;
mod default;
mod define;
mod dml;
mod expression;
mod foreign;
mod from;
mod generated;
mod hint;
mod key;
mod key_calls;
mod keyed;
mod limits;
mod locking;
mod naming;
mod numbers;
mod operator;
mod option;
mod partition;
mod query;
mod recursion;
mod rollup;
mod scope;
mod select;
mod sequence;
mod sight;
mod statement;
mod stored;
mod subquery;
mod temporary;
mod transaction;
mod types;
mod upkeep;
mod variable;
mod view;
mod window;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use allod_storage::fault::Step;
use allod_storage::schema::{Datum, SqlType, TableDescriptor};

use crate::account::{AccountChange, ShownAccount};
use crate::catalog::Catalog;
use crate::checks::RowChecks;
use crate::column::Columns;
use crate::error::Error;
use crate::expr::FunctionUsage;
use crate::foreign::ForeignKeys;
use crate::generated::GeneratedColumns;
use crate::hints::Hints;
use crate::logical::Query;
use crate::parse::Parsed;
pub use crate::parse::{
    Absent, DryRun, Listing, LoadError, LoadField, LoadFormat, LoadInsert, OutFile, Shown, StatsChange,
    Upkeep, ViewHow,
};
use crate::partition::PartitionFunction;
use crate::physical::{OnDuplicate, PlanWarning, Target};
use crate::sequence::Sequence;
use crate::zone::Zone;

pub use admin::{Spaces, SplitPoints};
pub use batch::Batch;
pub use binding::{BindingStatement, WhichBinding};
pub use check::{CheckFault, bind_checks};
pub use ddl::{
    AlterTable, AlteredKey, CreateTable, Ddl, IndexSpec, PartitionBound, PartitionChange, PartitionLabel,
    PartitionSpec, Restart, TableName,
};
pub use foreign::ForeignFault;
pub use generated::{GeneratedFault, bind_generated};
pub use key::KeyFault;
pub(crate) use keyed::{Condition, plain_conditions};
pub use limits::LimitFault;
pub use locking::{SkipLocked, SkippedTable};
pub use option::OptionFault;
pub use partition::{PartitionFault, PartitionPlan, PlannedPartition, bind_partition, plan_partitions};
pub use recursion::RecursionFault;
pub use stored::bind_stored;
pub use temporary::TemporaryFault;
pub use transaction::{
    AfterTransaction, Characteristics, TransactionControl, TransactionMode, TransactionScope,
};
pub use upkeep::Kept;
pub use window::WindowFault;

/// What a statement is bound and planned against: everything it may depend on, as values and immutable views.
#[derive(Clone, Copy)]
pub struct PlanContext<'a> {
    /// The version of the schema, and statistics.
    pub catalog: &'a dyn Catalog,
    /// The database that bare table names belong to.
    pub database: Option<&'a str>,
    /// When it is, in microseconds since 1970, UTC.
    pub now_us: i64,
    /// Of which zone the clocks of the session are.
    pub zone: Zone,
    /// And those of the machine, `SYSTEM`.
    pub system_zone: Zone,
    /// Values of the `?`.
    pub params: &'a [Datum],
    /// What the statement may ask of its session.
    pub session: SessionInfo<'a>,
}

/// What functions like USER() and expressions like `@@version` see of the session.
#[derive(Clone, Copy)]
pub struct SessionInfo<'a> {
    /// CONNECTION_ID().
    pub connection_id: u64,
    /// USER(), `name@host`: who is connected, from where.
    pub user: &'a str,
    /// CURRENT_USER(), `name@host`: the account that this is.
    pub account: &'a str,
    /// CURRENT_ROLE(): the roles that it plays, `` `name`@`host` `` each, with commas between them, or NONE.
    pub roles: &'a str,
    /// VERSION().
    pub version: &'a str,
    /// TIDB_VERSION().
    pub release: &'a str,
    /// LAST_INSERT_ID().
    pub last_insert_id: u64,
    /// ROW_COUNT().
    pub row_count: i64,
    /// Errors and warnings of the last statement: `@@warning_count`.
    pub warnings: u64,
    /// Errors of the last statement: `@@error_count`.
    pub errors: u64,
    /// FOUND_ROWS().
    pub found_rows: u64,
    /// System and user variables.
    pub variables: &'a dyn Variables,
}

/// A read-only view of variables.
pub trait Variables {
    /// `@@name`, `@@session.name` (`global` = false) or `@@global.name`; `None` = unknown.
    fn system(&self, name: &str, global: bool) -> Option<Datum>;
    /// `@name`, in lower case; `None` = never set, which reads as NULL.
    fn user(&self, name: &str) -> Option<(Datum, SqlType)>;
}

/// No variables at all, for tests and for expressions of the schema.
#[derive(Clone, Copy, Debug)]
pub struct NoVariables;

impl Variables for NoVariables {
    fn system(&self, _name: &str, _global: bool) -> Option<Datum> {
        None
    }

    fn user(&self, _name: &str) -> Option<(Datum, SqlType)> {
        None
    }
}

impl<'a> PlanContext<'a> {
    /// A context with nothing but a catalog and a database, at 1970.
    pub fn new(catalog: &'a dyn Catalog, database: Option<&'a str>) -> PlanContext<'a> {
        let session = SessionInfo {
            connection_id: 0,
            user: "root@%",
            account: "root@%",
            roles: "NONE",
            version: "8.0.11-TiDB",
            release: "none",
            last_insert_id: 0,
            row_count: -1,
            warnings: 0,
            errors: 0,
            found_rows: 0,
            variables: &NoVariables,
        };
        PlanContext {
            catalog,
            database,
            now_us: 0,
            zone: Zone::UTC,
            system_zone: Zone::UTC,
            params: &[],
            session,
        }
    }
}

/// A statement with its names resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// SELECT, INSERT, UPDATE, DELETE: goes on to the rules.
    Query(BoundQuery),
    /// EXPLAIN of one of those.
    Explain {
        /// EXPLAIN ANALYZE.
        analyze: bool,
        /// FORMAT.
        format: ExplainFormat,
        /// The statement.
        query: BoundQuery,
    },
    /// TRACE of one of those.
    Trace {
        /// FORMAT.
        format: TraceFormat,
        /// The statement.
        query: BoundQuery,
    },
    /// EXPLAIN FOR CONNECTION.
    ExplainOther {
        /// CONNECTION_ID() of whom.
        connection: u64,
        /// FORMAT.
        format: ExplainFormat,
    },
    /// A change of the schema.
    Ddl(Ddl),
    /// CREATE TABLE … SELECT.
    CreateTableAs {
        /// The table.
        create: Box<CreateTable>,
        /// The INSERT that fills it, bound when it is there.
        insert: Box<Parsed>,
    },
    /// ANALYZE TABLE.
    Analyze {
        /// Tables in order.
        tables: Vec<TableName>,
    },
    /// USE.
    Use {
        /// The database; it exists.
        database: Arc<str>,
    },
    /// ADMIN CHECK: whether indexes hold what their tables do.
    Check(Vec<Spaces>),
    /// ADMIN CHECKSUM TABLE.
    Checksum(Vec<Spaces>),
    /// ADMIN CANCEL DDL JOBS: those with these numbers.
    CancelJobs(Vec<u64>),
    /// SPLIT TABLE.
    Split {
        /// Of what.
        spaces: Spaces,
        /// Where.
        at: SplitPoints,
    },
    /// SHOW and DESCRIBE.
    Show(Show),
    /// SHOW … WHERE.
    ShowWhere {
        /// What is shown.
        show: Show,
        /// Which of its rows: a query of the table [`SHOWN`](crate::parse::SHOWN), bound when that is there.
        rows: Box<Parsed>,
    },
    /// DO: the query is run, its rows are dropped.
    Do(BoundQuery),
    /// CREATE, DROP and SET BINDING.
    Binding {
        /// Of all sessions, or of the one.
        global: bool,
        /// What it does.
        statement: BindingStatement,
    },
    /// SELECT … INTO: the values of its row are those of these user variables.
    Into {
        /// The query.
        query: BoundQuery,
        /// One for each of its columns, in lower case.
        variables: Vec<Arc<str>>,
    },
    /// SELECT … INTO OUTFILE: its rows go to a file of the server.
    IntoFile {
        /// The query.
        query: BoundQuery,
        /// The file.
        file: OutFile,
    },
    /// CHECK TABLE and its like.
    Upkeep {
        /// What is done.
        what: Upkeep,
        /// To which tables.
        tables: Vec<Kept>,
    },
    /// SET.
    Set(Vec<SetVariable>),
    /// BEGIN, COMMIT, ROLLBACK, savepoints.
    Transaction(TransactionControl),
    /// PREPARE name FROM text.
    Prepare {
        /// Name of the prepared statement.
        name: Arc<str>,
        /// Its text.
        text: Arc<str>,
    },
    /// EXECUTE name USING ….
    Execute {
        /// Name of the prepared statement.
        name: Arc<str>,
        /// Values of the user variables.
        params: Vec<Datum>,
    },
    /// DEALLOCATE PREPARE.
    Deallocate {
        /// Name of the prepared statement.
        name: Arc<str>,
    },
    /// LOAD DATA INFILE.
    LoadData(LoadData),
    /// BATCH … LIMIT n of a change.
    Batch(Batch),
    /// SET RESOURCE GROUP: the session is in it from now on.
    SetResourceGroup(Arc<str>),
    /// KILL.
    Kill {
        /// CONNECTION_ID() of whom.
        connection: u64,
        /// KILL QUERY: the connection goes on.
        only_statement: bool,
    },
    /// SIMULATE: something goes wrong in a simulated cluster, now or later.
    Simulate(Step),
    /// A statement that does nothing here, or has nothing to do.
    Nothing {
        /// What its user should know.
        told: PlanWarning,
        /// Whether that is no more than a note.
        is_note: bool,
    },
    /// A change of accounts, or of the roles of the session.
    Account(Box<AccountChange>),
}

/// A bound query or a bound change of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundQuery {
    /// The plan; for DML the rows that it works on (see [`Dml`]).
    pub query: Query,
    /// What the column ids stand for; rules add to it.
    pub columns: Columns,
    /// For INSERT, UPDATE, DELETE what happens to the rows of `query`.
    pub dml: Option<Dml>,
    /// Functions used, by signature.
    pub usage: FunctionUsage,
    /// What the statement's hints ask for.
    pub hints: Hints,
    /// Query blocks of its text.
    pub blocks: u32,
    /// What binding found worth a warning.
    pub warnings: Vec<PlanWarning>,
    /// Whether the same text and parameters have the same plan again, as long as schema, statistics and variables stay:
    /// nothing of NOW(), of variables or of the session's last statement is in it. (The catalog knows whether a table in
    /// memory is.)
    pub cacheable: bool,
    /// FOR UPDATE SKIP LOCKED: what it locks as its rows come.
    pub skip: Option<SkipLocked>,
    /// AS OF TIMESTAMP: what it reads is what there was at this time.
    pub as_of: Option<Datum>,
    /// The sequences that its expressions ask, each once.
    pub sequences: Vec<Arc<Sequence>>,
    /// Whether it assigns to user variables, or reads those that its statement assigns to.
    pub assigning: bool,
    /// The user variables that its expressions assign to (`:=`), in lower case, with what they hold then.
    pub assigned: Vec<(Arc<str>, SqlType)>,
    /// SQL_CALC_FOUND_ROWS: the LIMIT that is not in the plan, as what to skip and what to take, for all rows are to be
    /// counted.
    pub uncut: Option<(u64, Option<u64>)>,
}

/// What a change of rows does with the rows of its query, and what `BoundQuery::query.output` lists for that.
#[derive(Clone, Debug, PartialEq)]
pub enum Dml {
    /// Every visible column of the table in order, cast and with defaults filled in; NULL in an AUTO_INCREMENT column
    /// where the engine is to number the row, and in generated columns. Then what else ON DUPLICATE KEY UPDATE needs.
    Insert {
        /// The target.
        table: Arc<TableDescriptor>,
        /// How its rows are dealt; `None` if it is not partitioned.
        partition: Option<Arc<PartitionFunction>>,
        /// Its generated columns; `None` if it has none.
        generated: Option<Arc<GeneratedColumns>>,
        /// Its CHECK constraints; `None` if none is enforced.
        checks: Option<Arc<RowChecks>>,
        /// The foreign keys to heed; `None` if there are none.
        foreign: Option<Arc<ForeignKeys>>,
        /// What happens to a row of which a key is taken.
        on_duplicate: OnDuplicate,
    },
    /// For each table every column of the old row, hidden ones included, then every visible column of the new one.
    Update {
        /// The tables.
        targets: Arc<[Target]>,
        /// Whether a row whose new key is taken stays as it is.
        ignore: bool,
    },
    /// For each table every column of the old row, hidden ones included.
    Delete {
        /// The tables.
        targets: Arc<[Target]>,
        /// Whether a row that others refer to stays.
        ignore: bool,
    },
}

impl Dml {
    /// The tables that it changes, as often as it names them to be changed.
    pub fn tables(&self) -> Vec<&Arc<TableDescriptor>> {
        match self {
            Dml::Insert { table, .. } => vec![table],
            Dml::Update { targets, .. } | Dml::Delete { targets, .. } => {
                targets.iter().map(|t| &t.table).collect()
            }
        }
    }

    /// The foreign keys that it must heed.
    pub fn foreign(&self) -> Option<&ForeignKeys> {
        match self {
            Dml::Insert { foreign, .. } => foreign.as_deref(),
            Dml::Update { targets, .. } | Dml::Delete { targets, .. } => targets.first()?.foreign.as_deref(),
        }
    }

    /// [`Dml::tables`], and then those whose rows it looks at or changes because of foreign keys: nobody may change their
    /// definitions meanwhile.
    pub fn entered(&self) -> Vec<&Arc<TableDescriptor>> {
        let mut tables = self.tables();
        tables.extend(self.foreign().into_iter().flat_map(ForeignKeys::descriptors));
        tables
    }
}

/// LOAD DATA INFILE: rows of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadData {
    /// The client's name for the text, or its path.
    pub file: Arc<str>,
    /// LOCAL: whether it is the client's, and no file of the server.
    pub local: bool,
    /// How fields and lines are told apart.
    pub format: LoadFormat,
    /// The statements that its rows make.
    pub rows: LoadInsert,
}

/// FORMAT of EXPLAIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExplainFormat {
    /// `row`, `traditional`.
    #[default]
    Row,
    /// `brief`: names without numbers.
    Brief,
    /// `verbose`: with costs.
    Verbose,
    /// `dot`: a graph for Graphviz.
    Dot,
    /// `tidb_json`, `json`: operators nested.
    Json,
    /// `hint`: the hints that make this plan of the statement.
    Hint,
    /// `plan_tree`: names without numbers, and no figures.
    PlanTree,
    /// `plan_cache`: as `row`, and why TiDB would not find the plan again.
    PlanCache,
    /// `cost_trace`: with costs, and what they are made of.
    CostTrace,
}

/// FORMAT of TRACE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// `row`: spans as a tree.
    Row,
    /// `log`: when each begins and ends.
    Log,
    /// `json`: as a trace of Appdash.
    Json,
}

/// SHOW statements; `pattern` is a LIKE pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the parts of MySQL's statements")]
pub enum Show {
    Databases { pattern: Option<String> },
    Tables { database: Arc<str>, full: bool, pattern: Option<String> },
    TableStatus { database: Arc<str>, pattern: Option<String> },
    OpenTables { database: Arc<str> },
    Columns { table: TableName, full: bool, pattern: Option<String> },
    CreateTable { table: TableName },
    CreateView { view: TableName },
    CreateSequence { sequence: TableName },
    CreateDatabase { name: Arc<str>, if_not_exists: bool },
    Index { table: TableName },
    NextRowId { table: TableName },
    Variables { global: bool, pattern: Option<String> },
    Status { global: bool, pattern: Option<String> },
    Warnings(Shown),
    Errors(Shown),
    Counted { errors: bool },
    ProcessList { full: bool },
    Engines,
    Absent(Absent),
    Listing(Listing),
    Charset { pattern: Option<String> },
    Collation { pattern: Option<String> },
    Simulation,
    Bindings { global: bool, pattern: Option<String> },
    Regions(Spaces),
    Account(ShownAccount),
}

/// One assignment of SET.
#[derive(Clone, Debug, PartialEq)]
pub struct SetVariable {
    /// Which variable.
    pub target: SetTarget,
    /// Its new value.
    pub value: SetValue,
}

/// What SET assigns.
#[derive(Clone, Debug, PartialEq)]
pub enum SetValue {
    /// DEFAULT.
    Default,
    /// This.
    Constant(Datum),
    /// The value of this query's row, bound when the assignments before it are done.
    Query(Box<Parsed>),
}

/// What SET assigns to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetTarget {
    /// `@name`.
    User(Arc<str>),
    /// A system variable of the session.
    Session(Arc<str>),
    /// A system variable for sessions to come.
    Global(Arc<str>),
}

/// Binds a statement. Pure: it reads `cx` and returns everything it learned.
pub fn bind(parsed: &Parsed, cx: &PlanContext) -> Result<Bound, Error> {
    let bind = |types: &variable::Types| statement::bind(&parsed.statement, parsed, cx, types);
    let bound = crate::stack::roomy(|| variable::settled(parsed, bind));
    bound.map_err(|error| error.within(&parsed.text, parsed.start))
}

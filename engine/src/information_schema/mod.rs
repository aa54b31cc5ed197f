//! `information_schema`: what the engine knows of itself, as tables that every session can read.
//!
//! A table here has no spaces. When a statement names one, binding asks the [`Catalog`] of the session for it, its rows are
//! made there and then from the version of the schema that the statement uses, and the plan holds them as literal rows: all of
//! SQL works on them, and nothing below the planner knows that they are there. Two consequences: one statement sees one state
//! (the rows are an immutable value), and every mention of a table makes its rows anew, so a self join makes them twice.
//! Nobody writes to these tables (error 1044), and a plan over them must not be kept for another statement.
//!
//! ```sql
//! select table_name, partition_name, partition_description from information_schema.partitions where table_schema = 'test';
//! ```
//!
//! Names compare without regard to case; columns are in upper case and in MySQL's order. Left out: columns that make no sense
//! here stay NULL where clients expect them and are absent where they do not. What there is none of, triggers or routines, has
//! tables without rows.
//!
//! Who may not do everything is shown a version of the schema that has only what concerns them ([`Version::seen_with`]), so no
//! table here asks for privileges itself, but for those about other users. The tables of the database `mysql` (`system_tables`)
//! are of the same kind.

mod absent;
mod checks;
mod cluster;
mod columns;
mod constraints;
pub(crate) mod jobs;
pub(crate) mod keys;
mod keywords;
mod locks;
mod partitions;
pub(crate) mod placement;
mod privileges;
pub(crate) mod processlist;
mod regions;
mod resources;
mod roles;
mod schemata;
mod sequences;
pub(crate) mod settings;
pub(crate) mod slow;
mod statistics;
pub(crate) mod stats;
pub(crate) mod status;
pub(crate) mod summary;
pub(crate) mod tables;
pub(crate) mod transactions;
mod usage;
pub(crate) mod variables;
mod views;

use std::cell::Cell;
use std::sync::Arc;

use allod_planner::account::{Access, AccountName, Privilege};
use allod_planner::catalog::{Catalog, MemoryTable, Table, View};
use allod_planner::error::Error as PlannerError;
use allod_planner::expr::FunctionUsage;
use allod_planner::parse::SHOWN;
use allod_planner::sequence::Sequence;
use allod_storage::client::Client;
use allod_storage::cluster::Cluster;
use allod_storage::schema::{
    Collation, ColumnDef, ColumnType, Constraints, Datum, PartitionDescriptor, SpaceId, SqlType,
    TableDescriptor, TableId, Timestamp,
};

use crate::accounts::{self, Account, Rights};
use crate::catalog::{Entry, Version};
use crate::counts::Counts;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::performance_schema;
use crate::processes::{Cipher, Processes};
use crate::slow::SlowLog;
use crate::summary::OwnSummary;
use crate::system_tables;
use crate::transactions::Transactions;
use crate::usage::Usage;
use crate::variables::Variables;

/// Name of the database.
pub(crate) const DATABASE: &str = "information_schema";
/// Characters of a column of what a SHOW statement shows.
const SHOWN_CHARACTERS: u32 = 1024;

/// The catalog as one session sees it while a statement is bound: a version of the schema, and the tables in memory.
pub(crate) struct SessionCatalog<'a> {
    /// The version that the statement uses.
    pub version: &'a Version,
    /// What there is to know beside it.
    pub facts: Facts<'a>,
    /// Whether a table in memory was asked for: the plan then is good for this one time.
    pub momentary: Cell<bool>,
    /// What a SHOW statement shows, for its WHERE.
    pub shown: Option<MemoryTable>,
}

/// Names of the databases whose tables are in memory, in order.
pub(crate) const DATABASES: [&str; 3] = [DATABASE, system_tables::DATABASE, performance_schema::DATABASE];

/// Where the rows of tables in memory come from.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// CONNECTION_ID().
    pub connection: u64,
    /// The database.
    pub owner: &'a Database,
    /// Statements that the session was asked to run.
    pub questions: u64,
    /// What it has counted besides.
    pub counts: &'a Counts,
    /// What it has counted of the cost of statements, and not yet given away.
    pub summary: &'a OwnSummary,
    /// How what it says to its client is encrypted.
    pub cipher: Option<&'a Cipher>,
    /// Who is connected.
    pub processes: &'a Processes,
    /// The transactions of sessions.
    pub transactions: &'a Transactions,
    /// To see who waits for whose locks.
    pub cluster: &'a Cluster,
    /// The name with which the session logged in, without a host.
    pub user: &'a str,
    /// The roles that the session plays.
    pub roles: &'a [AccountName],
    /// CURRENT_USER().
    pub account: &'a AccountName,
    /// What it may do.
    pub rights: &'a Rights,
    /// The current schema.
    pub database: Option<&'a str>,
    /// Variables of the session, and the global ones.
    pub variables: &'a Variables,
    /// Statements that took long.
    pub slow: &'a SlowLog,
    /// What changes the schema, and has changed it.
    pub catalog: &'a crate::catalog::Catalog,
    /// To be forked by whoever must ask the cluster.
    pub client: &'a Client,
    /// What was counted of functions: in all sessions, and in this one.
    pub usage: (&'a Usage, &'a FunctionUsage),
}

impl Facts<'_> {
    /// A moment as the session's clocks show it: microseconds of UTC.
    pub fn moment(&self, us: i64) -> Datum {
        Datum::DateTime(self.variables.settings().zone.local(us))
    }

    /// The same of a timestamp of the cluster, in whole seconds.
    pub fn moment_of(&self, at: Timestamp) -> Datum {
        let seconds = i64::try_from(at.physical_ms() / 1000).unwrap_or(i64::MAX / 1_000_000);
        self.moment(seconds.saturating_mul(1_000_000))
    }

    /// Refuses who may not see what others do.
    pub fn see_others(&self) -> Result<()> {
        if self.rights.has(Privilege::Process) { Ok(()) } else { Err(accounts::needs("PROCESS")) }
    }

    /// Whether an account is to be seen: one's own, or by who may read the tables of accounts.
    pub fn sees_account(&self, account: &Account) -> bool {
        account.name == *self.account || self.rights.on_database("mysql").has(Privilege::Select)
    }
}

/// The rows of a table in memory.
pub(crate) type Rows = Vec<Vec<Datum>>;

/// A table in memory: what it is called, its columns, and who makes its rows.
pub(crate) struct Definition {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    pub rows: fn(&Version, &Facts) -> Result<Vec<Vec<Datum>>>,
}

/// Types of columns; there are few.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Text of at most so many characters.
    Text(u32),
    /// A whole number.
    Number,
    /// A number with a fraction.
    Double,
    /// A date and time, with so many digits of its second's fraction.
    Moment(u8),
}

/// Sorted by name.
const TABLES: &[Definition] = &[
    jobs::ANALYSES,
    roles::APPLICABLE,
    usage::TABLE,
    settings::CHARACTER_SETS,
    checks::TABLE,
    cluster::INFO,
    cluster::PROCESSES,
    slow::CLUSTER,
    summary::CLUSTER,
    transactions::CLUSTER,
    settings::APPLICABILITY,
    settings::COLLATIONS,
    privileges::COLUMNS,
    absent::COLUMN_STATISTICS,
    columns::TABLE,
    locks::WAITS,
    jobs::JOBS,
    locks::DEADLOCKS,
    roles::ENABLED,
    settings::ENGINES,
    absent::EVENTS,
    absent::FILES,
    status::GLOBAL,
    variables::GLOBAL,
    constraints::KEY_COLUMN_USAGE,
    keywords::TABLE,
    absent::OPTIMIZER_TRACE,
    absent::PARAMETERS,
    partitions::TABLE,
    placement::TABLE,
    absent::PLUGINS,
    processlist::TABLE,
    absent::PROFILING,
    constraints::REFERENTIAL_CONSTRAINTS,
    resources::TABLE,
    absent::ROUTINES,
    privileges::SCHEMAS,
    schemata::TABLE,
    sequences::TABLE,
    status::SESSION,
    variables::SESSION,
    slow::TABLE,
    summary::TABLE,
    summary::HISTORY,
    statistics::TABLE,
    constraints::TABLE_CONSTRAINTS,
    privileges::TABLES,
    cluster::STORAGE,
    tables::TABLE,
    checks::TIDB_TABLE,
    keys::TIDB,
    transactions::TABLE,
    cluster::PEERS,
    regions::TABLE,
    cluster::STORES,
    absent::TRIGGERS,
    privileges::ATTRIBUTES,
    privileges::USERS,
    variables::INFO,
    views::TABLE,
];

/// The database's name, if it is one whose tables are in memory; compared without regard to case.
pub(crate) fn named(database: &str) -> Option<&'static str> {
    DATABASES.into_iter().find(|known| database.eq_ignore_ascii_case(known))
}

/// Whether the tables of this database are in memory.
pub(crate) fn is_it(database: &str) -> bool {
    named(database).is_some()
}

fn definitions(database: &str) -> &'static [Definition] {
    match named(database) {
        Some(DATABASE) => TABLES,
        Some(performance_schema::DATABASE) => performance_schema::TABLES,
        Some(_) => system_tables::TABLES,
        None => &[],
    }
}

/// Names of the tables of such a database, in order.
pub(crate) fn names(database: &str) -> impl Iterator<Item = &'static str> {
    definitions(database).iter().map(|t| t.name)
}

/// MySQL's word for what the tables of such a database are.
pub(crate) fn kind(database: &str) -> &'static str {
    if database.eq_ignore_ascii_case(DATABASE) { "SYSTEM VIEW" } else { "BASE TABLE" }
}

/// What a table looks like.
pub(crate) fn descriptor(database: &str, table: &str) -> Option<TableDescriptor> {
    let found = definitions(database).iter().find(|t| t.name.eq_ignore_ascii_case(table))?;
    Some(found.descriptor(named(database)?))
}

/// A table of rows of text.
pub(crate) fn of_text(columns: &[String], rows: Vec<Vec<Datum>>) -> MemoryTable {
    let column = |name: &String| (name.as_str().into(), Kind::Text(SHOWN_CHARACTERS));
    let descriptor = described(SHOWN.0, SHOWN.1, columns.iter().map(column));
    MemoryTable { descriptor: Arc::new(descriptor), rows: Arc::new(rows) }
}

fn described(database: &str, name: &str, columns: impl Iterator<Item = (Arc<str>, Kind)>) -> TableDescriptor {
    let column = |(name, kind)| {
        let ty = match kind {
            Kind::Text(characters) => SqlType::varchar(characters),
            Kind::Number => SqlType::BIGINT,
            Kind::Double => SqlType::Double,
            Kind::Moment(digits) => SqlType::DateTime(digits),
        };
        (name, ColumnType::nullable(ty))
    };
    without_rows(database, name, columns.map(column))
}

/// A view, as if it were a table.
pub(crate) fn of_view(view: &View) -> TableDescriptor {
    without_rows(&view.database, &view.name, view.columns.iter().cloned())
}

/// A table that has no space.
fn without_rows(
    database: &str,
    name: &str,
    columns: impl Iterator<Item = (Arc<str>, ColumnType)>,
) -> TableDescriptor {
    let column = |(name, ty): (Arc<str>, ColumnType)| ColumnDef::new(name, ty);
    TableDescriptor {
        id: TableId(0),
        database: database.into(),
        name: name.into(),
        columns: columns.map(column).collect(),
        key: Vec::new(),
        clustered: false,
        indexes: Vec::new(),
        partitioning: None,
        partitions: vec![PartitionDescriptor {
            name: "p0".into(),
            records: SpaceId(0),
            indexes: Vec::new(),
            comment: "".into(),
            placement: None,
        }],
        comment: "".into(),
        constraints: Constraints::default(),
        collation: Default::default(),
        options: Default::default(),
        temporary: None,
        numbering: Default::default(),
    }
}

impl Definition {
    fn descriptor(&self, database: &str) -> TableDescriptor {
        described(database, self.name, self.columns.iter().map(|(name, kind)| ((*name).into(), *kind)))
    }
}

impl Catalog for SessionCatalog<'_> {
    fn table(&self, database: &str, table: &str) -> Option<Table> {
        self.version.table(database, table)
    }

    fn view(&self, database: &str, view: &str) -> Option<Arc<View>> {
        self.version.view(database, view)
    }

    fn sequence(&self, database: &str, sequence: &str) -> Option<Arc<Sequence>> {
        self.version.sequence(database, sequence)
    }

    fn all_tables(&self) -> Vec<Arc<TableDescriptor>> {
        self.version.seen_with(self.facts.rights).all_tables()
    }

    fn lasting_table(&self, database: &str, table: &str) -> Option<Table> {
        self.version.lasting_table(database, table)
    }

    fn lasting_view(&self, database: &str, view: &str) -> Option<Arc<View>> {
        self.version.lasting_view(database, view)
    }

    fn has_database(&self, database: &str) -> bool {
        is_it(database) || self.version.has_database(database)
    }

    fn collation(&self, database: &str) -> Collation {
        self.version.collation(database)
    }

    fn with_foreign_keys(&self) -> Vec<Arc<TableDescriptor>> {
        self.version.with_foreign_keys()
    }

    fn is_read_only(&self, database: &str) -> bool {
        is_it(database)
    }

    fn restricts(&self) -> bool {
        self.facts.rights.restricts()
    }

    fn may(&self, who: Option<&str>, access: Access<'_>, partly: bool) -> bool {
        let definer = who.map(|who| self.version.accounts().rights_of_definer(&AccountName::of_text(who)));
        definer.as_ref().unwrap_or(self.facts.rights).may(access, partly)
    }

    fn memory_table(&self, database: &str, table: &str) -> Result<Option<MemoryTable>, PlannerError> {
        if let Some(shown) = self.shown.as_ref().filter(|_| (database, table) == SHOWN) {
            return Ok(Some(shown.clone()));
        }
        let found = definitions(database).iter().find(|t| t.name.eq_ignore_ascii_case(table));
        let (Some(definition), Some(database)) = (found, named(database)) else { return Ok(None) };
        let seen = self.version.seen_with(self.facts.rights);
        let rows = (definition.rows)(&seen, &self.facts).map_err(not_made)?;
        self.momentary.set(true);
        let descriptor = Arc::new(definition.descriptor(database));
        debug_assert!(
            rows.iter().all(|row| row.len() == descriptor.columns.len()),
            "a row of {}",
            definition.name
        );
        Ok(Some(MemoryTable { descriptor, rows: Arc::new(rows) }))
    }
}

/// Why a table's rows could not be made, on its way through the planner.
fn not_made(error: Error) -> PlannerError {
    PlannerError::MemoryTable { code: error.code(), message: error.message().to_owned() }
}

/// Tables of all databases, in order of database and name.
pub(crate) fn entries(version: &Version) -> impl Iterator<Item = &Entry> {
    version.databases().flat_map(|database| version.entries(database))
}

/// Positions, clustered or not, of a table's indexes: name, whether unique, ordinals of the columns. The key comes first.
fn indexes(table: &TableDescriptor) -> impl Iterator<Item = (&str, bool, &[usize])> {
    let key = table.clustered.then_some(("PRIMARY", true, table.key.as_slice()));
    key.into_iter().chain(table.indexes.iter().map(|i| (&*i.name, i.unique, i.columns.as_slice())))
}

/// Where this server tells its state, as the tables of clusters have it.
const INSTANCE: &str = "127.0.0.1:10080";

/// Rows of this server's table as that of the cluster has them: with the server in front.
fn of_cluster(mut rows: Rows, instance: &str) -> Rows {
    rows.iter_mut().for_each(|row| row.insert(0, text(instance)));
    rows
}

pub(crate) fn text(s: impl AsRef<str>) -> Datum {
    Datum::string(s.as_ref())
}

pub(crate) fn number(n: u64) -> Datum {
    Datum::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

fn yes_no(yes: bool) -> Datum {
    text(if yes { "YES" } else { "NO" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;

    #[test]
    fn the_list_is_sorted_and_every_table_can_be_read() {
        for tables in [TABLES, system_tables::TABLES, performance_schema::TABLES] {
            assert!(tables.windows(2).all(|w| w[0].name < w[1].name));
        }
        let mut session = Database::new().session();
        session.run("set global tidb_enable_check_constraint = on").unwrap();
        session
            .run("create table r (id int primary key, up int, foreign key (up) references r (id))")
            .unwrap();
        session
            .run("create table t (id int primary key, v int check (v > 0), key (v)) partition by hash (id) partitions 3")
            .unwrap();
        session.run("insert into t values (1, 5), (2, 5), (3, 6)").unwrap();
        session.run("analyze table t").unwrap();
        let tables =
            DATABASES.into_iter().flat_map(|database| names(database).map(move |name| (database, name)));
        for (database, name) in tables {
            let rows = session.execute(&format!("select * from {database}.{name}")).unwrap().rows();
            // Where there is nothing to be seen unless somebody does something.
            let may_be_empty = [
                "builtin_function_usage",
                "cluster_slow_query",
                "cluster_statements_summary",
                "events_statements_summary_by_digest",
                "column_statistics",
                "statements_summary",
                "statements_summary_history",
                "cluster_tidb_trx",
                "column_privileges",
                "columns_priv",
                "data_lock_waits",
                "db",
                "deadlocks",
                "sequences",
                "slow_query",
                "session_account_connect_attrs",
                "session_connect_attrs",
                "default_roles",
                "global_grants",
                "role_edges",
                "schema_privileges",
                "table_privileges",
                "tables_priv",
                "tidb_trx",
                "views",
                "events",
                "files",
                "optimizer_trace",
                "applicable_roles",
                "help_topic",
                "general_log",
                "slow_log",
                "enabled_roles",
                "parameters",
                "placement_policies",
                "plugins",
                "profiling",
                "routines",
                "triggers",
            ];
            assert!(
                rows.collect::<crate::Result<Vec<_>>>().is_ok_and(|rows| !rows.is_empty())
                    || may_be_empty.contains(&name),
                "{name}"
            );
        }
    }

    #[test]
    fn a_failure_comes_out_of_the_planner_as_it_was() {
        let error = Error::new(9001, "placement driver timeout");
        let out = Error::from(not_made(error.clone()));
        assert_eq!((&out, out.code(), out.message()), (&error, 9001, "Placement driver timeout"));
        let conflict = Error::new(crate::error::code::SCHEMA_CHANGED, "the table was dropped");
        assert!(Error::from(not_made(conflict)).is_retryable());
    }

    #[test]
    fn nobody_writes_to_it() {
        let mut session = Database::new().session();
        for sql in [
            "insert into information_schema.tables (table_name) values ('t')",
            "update information_schema.tables set table_name = 't'",
            "delete from information_schema.tables",
            "create table information_schema.t (id int)",
            "drop table information_schema.tables",
            "truncate table information_schema.tables",
            "drop database information_schema",
            "rename table information_schema.tables to test.t",
        ] {
            assert_eq!(session.execute(sql).unwrap_err().code(), 1044, "{sql}");
        }
        assert_eq!(session.execute("select * from information_schema.nope").unwrap_err().code(), 1146);
        assert_eq!(session.execute("create database information_schema").unwrap_err().code(), 1007);
    }
}

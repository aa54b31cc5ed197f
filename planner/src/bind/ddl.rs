//! Data definition as plain data: checked, names resolved to a database, nothing looked up that the engine must decide
//! atomically (whether the table exists, which ids it gets).

use std::sync::Arc;

use allod_storage::schema::{
    Collation, ColumnDef, Constraints, Datum, IndexOptions, Numbering, PartitionScheme, RangeBound,
    TableDescriptor, TableOptions, Temporary,
};

use crate::catalog::View;
use crate::expr::Expr;
use crate::parse::StatsChange;
use crate::parse::ViewHow;
use crate::physical::PlanWarning;
use crate::placement::PolicyChange;
use crate::resource::ResourceChange;
use crate::sequence::{SequenceClause, SequenceOptions};
use crate::zone::Zone;

/// A table by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    /// Database, resolved.
    pub database: Arc<str>,
    /// Table, as written.
    pub table: Arc<str>,
}

/// A statement that changes the schema.
#[derive(Clone, Debug, PartialEq)]
pub enum Ddl {
    /// CREATE DATABASE.
    CreateDatabase {
        /// Name.
        name: Arc<str>,
        /// IF NOT EXISTS.
        if_not_exists: bool,
        /// That of tables that say nothing of theirs.
        collation: Collation,
        /// The placement policy of such tables.
        placement: Option<Arc<str>>,
    },
    /// ALTER DATABASE: for tables to come.
    AlterDatabase {
        /// Name.
        name: Arc<str>,
        /// That of tables that say nothing of theirs; `None` = as it was.
        collation: Option<Collation>,
        /// The placement policy of such tables; `None` = as it was.
        placement: Option<Arc<str>>,
    },
    /// CREATE, ALTER, DROP PLACEMENT POLICY.
    Policy(PolicyChange),
    /// CREATE, ALTER, DROP RESOURCE GROUP.
    Resource(ResourceChange),
    /// DROP DATABASE.
    DropDatabase {
        /// Name.
        name: Arc<str>,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// CREATE TABLE.
    CreateTable(CreateTable),
    /// CREATE TABLE … LIKE.
    CreateTableLike {
        /// The new table.
        name: TableName,
        /// The one to copy the definition of.
        like: TableName,
        /// IF NOT EXISTS.
        if_not_exists: bool,
        /// `CREATE [GLOBAL] TEMPORARY TABLE`.
        temporary: Option<Temporary>,
    },
    /// CREATE VIEW, ALTER VIEW.
    CreateView {
        /// The view.
        view: Arc<View>,
        /// What becomes of one that is there.
        how: ViewHow,
    },
    /// DROP VIEW.
    DropViews {
        /// Views in order.
        views: Vec<TableName>,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// CREATE SEQUENCE.
    CreateSequence {
        /// The sequence.
        name: TableName,
        /// Which numbers it gives out.
        options: SequenceOptions,
        /// COMMENT.
        comment: Arc<str>,
        /// IF NOT EXISTS.
        if_not_exists: bool,
    },
    /// ALTER SEQUENCE.
    AlterSequence {
        /// The sequence.
        name: TableName,
        /// What changes.
        clauses: Vec<SequenceClause>,
        /// COMMENT; `None` = as it was.
        comment: Option<Arc<str>>,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// DROP SEQUENCE.
    DropSequences {
        /// Sequences in order.
        sequences: Vec<TableName>,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// DROP TABLE.
    DropTables {
        /// Tables in order.
        tables: Vec<TableName>,
        /// IF EXISTS.
        if_exists: bool,
        /// `DROP [GLOBAL] TEMPORARY TABLE`: no other ones.
        temporary: Option<Temporary>,
    },
    /// RECOVER TABLE, FLASHBACK TABLE.
    Flashback {
        /// The table that was dropped.
        table: TableName,
        /// What it is called now, in the same database.
        to: Arc<str>,
    },
    /// FLASHBACK DATABASE.
    FlashbackDatabase {
        /// The database that was dropped.
        name: Arc<str>,
        /// What it is called now.
        to: Arc<str>,
    },
    /// DROP STATS and its like.
    Stats {
        /// What becomes of them.
        change: StatsChange,
        /// Tables in order.
        tables: Vec<TableName>,
    },
    /// TRUNCATE TABLE.
    Truncate {
        /// The table.
        table: TableName,
    },
    /// RENAME TABLE, and ALTER TABLE … RENAME.
    RenameTables {
        /// From and to, in order.
        renames: Vec<(TableName, TableName)>,
    },
    /// CREATE INDEX, and ALTER TABLE … ADD INDEX.
    CreateIndex {
        /// The table.
        table: TableName,
        /// The table as it was bound; of any other the index's columns might be others.
        base: Arc<TableDescriptor>,
        /// The index.
        index: IndexSpec,
        /// IF NOT EXISTS.
        if_not_exists: bool,
    },
    /// DROP INDEX, and ALTER TABLE … DROP INDEX.
    DropIndex {
        /// The table.
        table: TableName,
        /// The index.
        index: Arc<str>,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// ALTER TABLE … of columns, keys and options.
    AlterTable(AlterTable),
    /// ALTER TABLE … of its partitions.
    AlterPartitions {
        /// The table.
        table: TableName,
        /// What happens to its partitions.
        change: PartitionChange,
    },
}

/// A change of a table's partitions. It was checked against the version of the table that was bound; the engine repeats what
/// it must decide atomically.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionChange {
    /// ADD PARTITION (…) of RANGE (behind the others) and LIST.
    Add(Vec<PartitionSpec>),
    /// ADD PARTITION PARTITIONS n (or n empty definitions) of HASH and KEY: that many more, and every row is dealt again.
    AddHash(Vec<PartitionLabel>),
    /// DROP PARTITION, with its rows.
    Drop {
        /// Their names.
        names: Vec<Arc<str>>,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// TRUNCATE PARTITION; empty = ALL.
    Truncate(Vec<Arc<str>>),
    /// COALESCE PARTITION n: that many fewer, the last ones go, and every row is dealt again.
    Coalesce(u64),
    /// REORGANIZE PARTITION … INTO (…).
    Reorganize {
        /// Neighbours in the order of the table, for RANGE; empty = all, by the same definition (HASH and KEY).
        names: Vec<Arc<str>>,
        /// What stands in their place.
        into: Vec<PartitionSpec>,
    },
    /// EXCHANGE PARTITION … WITH TABLE.
    Exchange {
        /// The partition.
        partition: Arc<str>,
        /// A table of the same columns and keys, not partitioned.
        with: TableName,
        /// WITH VALIDATION: whether each of its rows must belong to the partition (else error 1737).
        validation: bool,
    },
    /// PARTITION … PLACEMENT POLICY.
    Place {
        /// The partition.
        partition: Arc<str>,
        /// The policy; `None` = that of its table.
        placement: Option<Arc<str>>,
    },
    /// REMOVE PARTITIONING.
    Remove,
    /// PARTITION BY …: another scheme, and every row is dealt again.
    Repartition {
        /// The new scheme.
        scheme: PartitionScheme,
        /// Its partitions.
        partitions: Vec<PartitionLabel>,
        /// For each index whether it is global from now on.
        global: Vec<bool>,
        /// What is not as it was asked for.
        warnings: Vec<PlanWarning>,
    },
}

/// A partition's name, and what its definition says of it besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLabel {
    /// Its name.
    pub name: Arc<str>,
    /// COMMENT.
    pub comment: Arc<str>,
    /// PLACEMENT POLICY.
    pub placement: Option<Arc<str>>,
}

impl PartitionLabel {
    /// That of a partition as it is defined.
    pub fn of_spec(spec: &PartitionSpec) -> PartitionLabel {
        let PartitionSpec { name, bound: _, comment, placement } = spec.clone();
        PartitionLabel { name, comment, placement }
    }

    /// A name without a comment.
    pub fn new(name: impl Into<Arc<str>>) -> PartitionLabel {
        PartitionLabel { name: name.into(), comment: "".into(), placement: None }
    }
}

/// A partition as it is defined.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionSpec {
    /// Its name.
    pub name: Arc<str>,
    /// What it takes.
    pub bound: PartitionBound,
    /// COMMENT.
    pub comment: Arc<str>,
    /// PLACEMENT POLICY.
    pub placement: Option<Arc<str>>,
}

/// What a partition takes.
#[derive(Clone, Debug, PartialEq)]
pub enum PartitionBound {
    /// What the hash says.
    Hash,
    /// `VALUES LESS THAN`: a bound for each value of the scheme.
    Range(Vec<RangeBound>),
    /// `VALUES IN`.
    List {
        /// Tuples.
        values: Vec<Vec<Datum>>,
        /// Whether DEFAULT is among them.
        default: bool,
    },
}

/// A new table.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    /// Its name.
    pub name: TableName,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Declared columns in order. The engine appends the hidden row id if `key` is empty.
    pub columns: Vec<ColumnDef>,
    /// Ordinals of the clustered primary key; empty = rows get a hidden row id.
    pub key: Vec<usize>,
    /// Secondary indexes, a non-clustered primary key (named `PRIMARY`) first.
    pub indexes: Vec<IndexSpec>,
    /// How rows are dealt to partitions.
    pub partitioning: Option<PartitionScheme>,
    /// The partitions; empty without `partitioning`.
    pub partitions: Vec<PartitionLabel>,
    /// What is not as it was asked for.
    pub warnings: Vec<PlanWarning>,
    /// COMMENT.
    pub comment: Arc<str>,
    /// What its rows must obey besides.
    pub constraints: Constraints,
    /// AUTO_INCREMENT = n, or AUTO_RANDOM_BASE = n.
    pub auto_increment: Option<u64>,
    /// How its rows are numbered.
    pub numbering: Numbering,
    /// What its user may want to know.
    pub notes: Vec<PlanWarning>,
    /// That of columns that say nothing of theirs.
    pub collation: Collation,
    /// What it is declared with besides.
    pub options: TableOptions,
    /// `CREATE [GLOBAL] TEMPORARY TABLE`.
    pub temporary: Option<Temporary>,
}

/// The new definition of a table, made for one version of it.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterTable {
    /// Its name.
    pub table: TableName,
    /// The version that it was made for.
    pub base: Arc<TableDescriptor>,
    /// Declared columns in order.
    pub columns: Vec<ColumnDef>,
    /// For each of them the ordinal of the old column that it is; `None` = it is new.
    pub from: Vec<Option<usize>>,
    /// Ordinals of the clustered primary key; empty = rows have a hidden row id.
    pub key: Vec<usize>,
    /// Secondary indexes.
    pub indexes: Vec<AlteredKey>,
    /// How rows are dealt to the partitions, which stay.
    pub partitioning: Option<PartitionScheme>,
    /// What each column is made of, where `ColumnId(i)` is column `i` of the old row; NULL for a generated one, which is
    /// computed then; `None` = the rows stay as they are.
    pub rows: Option<Vec<Expr>>,
    /// Whose clocks the conditions of its rows see.
    pub zone: Zone,
    /// COMMENT.
    pub comment: Arc<str>,
    /// What its rows must obey besides. Those that are there are held against what the old version did not ask of them.
    pub constraints: Constraints,
    /// That of columns that say nothing of theirs.
    pub collation: Collation,
    /// What it is declared with besides.
    pub options: TableOptions,
    /// Whether rows that are there are held against foreign keys that are new.
    pub holds_foreign_keys: bool,
    /// AUTO_INCREMENT = n and AUTO_RANDOM_BASE = n, in order.
    pub restarts: Vec<Restart>,
    /// How its rows are numbered.
    pub numbering: Numbering,
    /// RENAME TO.
    pub rename: Option<TableName>,
    /// `IF EXISTS` of what does not.
    pub notes: Vec<PlanWarning>,
    /// What is not as it was asked for.
    pub warnings: Vec<PlanWarning>,
}

/// Where the numbers of rows go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// `AUTO_INCREMENT`, `AUTO_RANDOM_BASE`.
    pub option: &'static str,
    /// The next number.
    pub next: u64,
    /// FORCE: even if it has been given.
    pub force: bool,
}

/// An index of an altered table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlteredKey {
    /// The index, over the new columns.
    pub spec: IndexSpec,
    /// The position of the index that it was; `None` = it is new.
    pub from: Option<usize>,
}

/// A new index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexSpec {
    /// Name, chosen as MySQL does if none was given.
    pub name: Arc<str>,
    /// UNIQUE.
    pub unique: bool,
    /// Ordinals of the columns.
    pub columns: Vec<usize>,
    /// What it is declared with besides.
    pub options: IndexOptions,
}

//! What can be wrong with a statement before it runs.
//!
//! Nearly every variant is the fault of whoever wrote the statement and names the object in MySQL's words; the number in
//! its doc comment is MySQL's. The engine turns variants into codes and SQLSTATEs, nobody else does.

use std::fmt;
use std::sync::Arc;

use crate::bind::{
    CheckFault, ForeignFault, GeneratedFault, KeyFault, LimitFault, OptionFault, PartitionFault,
    TemporaryFault, WindowFault,
};
use crate::parse::SyntaxFault;

/// A place in the text given to [`parse`](crate::parse::parse), counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

/// Why a statement cannot be planned.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// 1064: the text is not SQL.
    #[error("{0}")]
    Syntax(Box<SyntaxFault>),
    /// 1436: nested too deeply, or a chain of operators is too long, to be handled safely.
    #[error("statement is too complex: {0}")]
    TooComplex(String),
    /// 1235: valid MySQL that Allod does not have.
    #[error("this version does not yet support {0}")]
    NotSupported(String),
    /// 1105: BATCH of what cannot be cut.
    #[error("{0}")]
    Batch(String),
    /// 8135: AS OF TIMESTAMP with what is no time to read at.
    #[error("invalid as of timestamp: {0}")]
    AsOf(String),
    /// A binding of statements that differ in more than values and hints.
    #[error(
        "hinted sql and origin sql don't match when hinted sql erase the hint info, after erase hint info, originSQL:{of}, hintedSQL:{by}"
    )]
    BindingMismatch {
        /// The shape of the one.
        of: String,
        /// That of the other.
        by: String,
    },
    /// 1791.
    #[error("unknown EXPLAIN format name: '{0}'")]
    UnknownExplainFormat(String),
    /// 1105: a read lock on all tables.
    #[error("FLUSH TABLES WITH READ LOCK is not supported.  Please use @@tidb_snapshot")]
    ReadLock,
    /// 1105: replicas by column, for which there is no server.
    #[error("the tiflash replica count: {0} should be less than the total tiflash server count: 0")]
    ColumnarReplicas(u64),
    /// 1105.
    #[error("trace format should be one of 'row', 'log' or 'json'")]
    TraceFormat,
    /// 1046: a bare table name, and no database chosen.
    #[error("no database selected")]
    NoDatabase,
    /// 1049.
    #[error("unknown database '{0}'")]
    UnknownDatabase(String),
    /// 1044: a change of a database that nobody may change.
    #[error("access denied for user {user} to database '{database}'")]
    AccessDenied {
        /// `'root'@'%'`.
        user: String,
        /// The database.
        database: String,
    },
    /// 1142: something with a table that the user may not do.
    #[error("{command} command denied to user {user} for table '{table}'")]
    TableDenied {
        /// What: the name of a privilege.
        command: &'static str,
        /// `'root'@'%'`.
        user: String,
        /// The table.
        table: String,
    },
    /// 1143: the same with a column.
    #[error("{command} command denied to user {user} for column '{column}' in table '{table}'")]
    ColumnDenied {
        /// What: the name of a privilege.
        command: &'static str,
        /// `'root'@'%'`.
        user: String,
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// 1345.
    #[error("EXPLAIN/SHOW can not be issued; lacking privileges for underlying table")]
    ViewNotExplained,
    /// 1146.
    #[error("table '{database}.{table}' doesn't exist")]
    UnknownTable {
        /// Database.
        database: String,
        /// Table.
        table: String,
        /// Where it is named.
        position: Option<Position>,
    },
    /// 1347: a view or another thing that is no table, or the other way round.
    #[error("'{database}.{name}' is not {wanted}")]
    WrongObject {
        /// Database.
        database: String,
        /// Its name.
        name: String,
        /// `VIEW`, `BASE TABLE`.
        wanted: &'static str,
    },
    /// 8212: SPLIT TABLE with something that is no place.
    #[error("Failed to split region ranges: {0}")]
    Split(String),
    /// 1105: a number that is too large.
    #[error("table option {0} overflows int64")]
    TableOptionOverflow(String),
    /// 1105: AUTO_ID_CACHE = 1 numbers in another way.
    #[error("Can't Alter AUTO_ID_CACHE between 1 and non-1, the underlying implementation is different")]
    AutoIdCache,
    /// 8216: AUTO_RANDOM where it cannot be.
    #[error("Invalid auto random: {0}")]
    AutoRandom(String),
    /// 3770: a function that a DEFAULT cannot have.
    #[error("Default value expression of column '{column}' contains a disallowed function: `{function}`.")]
    DefaultFunction {
        /// The column.
        column: String,
        /// The function.
        function: String,
    },
    /// 4136: a sequence that could not give out a number.
    #[error("Sequence '{database}.{name}' values are conflicting")]
    SequenceConflict {
        /// Database.
        database: String,
        /// Its name.
        name: String,
    },
    /// 8227: a table's option that a sequence does not have.
    #[error("Unsupported sequence table-option: {0}")]
    SequenceTableOption(String),
    /// 8228: DEFAULT NEXTVAL of a column that holds no whole numbers.
    #[error("Unsupported sequence default value for column type '{0}'")]
    SequenceDefaultType(String),
    /// 8230: ADD COLUMN … DEFAULT NEXTVAL.
    #[error("Unsupported using sequence as default value in add column '{0}'")]
    SequenceDefaultAdded(String),
    /// 1105: a change of what is in a sequence, as if it were a table.
    #[error("{0} sequence {1} is not supported now")]
    SequenceWritten(&'static str, String),
    /// 1096: `*` where there is nothing.
    #[error("No tables used")]
    NoTables,
    /// 1351.
    #[error("view's SELECT contains a variable or parameter")]
    ViewVariable,
    /// 1356: what a view is made of is not there any more.
    #[error(
        "view '{0}' references invalid table(s) or column(s) or function(s) or definer/invoker of view lack rights to use them"
    )]
    InvalidView(String),
    /// 1462.
    #[error("`{database}`.`{name}` contains view recursion")]
    ViewRecursion {
        /// Database.
        database: String,
        /// The view.
        name: String,
    },
    /// 1051: `t.*` names no relation of the FROM clause.
    #[error("unknown table '{0}'")]
    UnknownRelation(String),
    /// 3568: OF names no relation of the FROM clause.
    #[error("unresolved table name '{0}' in locking clause")]
    UnresolvedLock(String),
    /// 3569.
    #[error("table '{0}' appears in multiple locking clauses")]
    LockedTwice(String),
    /// 1054.
    #[error("unknown column '{name}' in '{clause}'")]
    UnknownColumn {
        /// As written.
        name: String,
        /// `field list`, `where clause`, …
        clause: &'static str,
        /// Where.
        position: Option<Position>,
    },
    /// 1052.
    #[error("column '{name}' in {clause} is ambiguous")]
    AmbiguousColumn {
        /// As written.
        name: String,
        /// `field list`, `where clause`, …
        clause: &'static str,
        /// Where.
        position: Option<Position>,
    },
    /// 1066: two relations of one FROM clause with one name.
    #[error("not unique table/alias: '{0}'")]
    DuplicateAlias(String),
    /// 1305.
    #[error("FUNCTION {name} does not exist")]
    UnknownFunction {
        /// With its database.
        name: String,
        /// Where.
        position: Option<Position>,
    },
    /// 1305: there are none at all.
    #[error("PROCEDURE {0} does not exist")]
    UnknownProcedure(String),
    /// 1582.
    #[error("incorrect parameter count in the call to native function '{}'", .0.to_lowercase())]
    ArgumentCount(String),
    /// 1210: an argument that the function cannot take (for instance a constant was wanted).
    #[error("incorrect arguments to {0}")]
    BadArguments(String),
    /// 1105, as in TiDB: APPROX_PERCENTILE of no percentage.
    #[error("percentage value {0} is out of range [1, 100]")]
    PercentOutOfRange(String),
    /// 1111: an aggregate where there can be none.
    #[error("invalid use of group function")]
    InvalidAggregate,
    /// 1056: `GROUP BY` an alias of an aggregate.
    #[error("can't group on '{0}'")]
    CannotGroupOn(String),
    /// 3602: an argument, counted from 0.
    #[error("argument #{0} of GROUPING function is not in GROUP BY")]
    GroupingOfNoKey(usize),
    /// 1055: a column that the group key does not determine, and what uses it: `expression #1 of SELECT list`.
    #[error(
        "{place} is not in GROUP BY clause and contains nonaggregated column '{column}' which is not functionally dependent on columns in GROUP BY clause; this is incompatible with sql_mode=only_full_group_by"
    )]
    NotGrouped {
        /// What uses it.
        place: String,
        /// The column.
        column: String,
    },
    /// 8123: the same without a GROUP BY clause.
    #[error(
        "in aggregated query without GROUP BY, {place} contains nonaggregated column '{column}'; this is incompatible with sql_mode=only_full_group_by"
    )]
    MixedAggregate {
        /// What uses it.
        place: String,
        /// The column.
        column: String,
    },
    /// 3029: `SELECT a … ORDER BY COUNT(b)`; a key, counted from 1.
    #[error(
        "expression #{0} of ORDER BY contains aggregate function and applies to the result of a non-aggregated query"
    )]
    AggregateInOrder(usize),
    /// 3028: an aggregate in the ORDER BY of a set operation; which key, from 1.
    #[error("expression #{0} of ORDER BY contains aggregate function and applies to the result of a UNION")]
    AggregateInUnionOrder(usize),
    /// 3065: `SELECT DISTINCT a … ORDER BY b`.
    #[error("expression '{0}' of ORDER BY clause is not in SELECT list, which is incompatible with DISTINCT")]
    OrderByNotInDistinct(String),
    /// 3573 to 3577: a common table expression that reads itself in a way that it cannot.
    #[error("{}", fault.message(name))]
    Recursion {
        /// The expression.
        name: String,
        /// What is wrong.
        fault: crate::bind::RecursionFault,
    },
    /// The name of a common table expression in its own rows to begin with; the binder catches it.
    #[error("recursive Common Table Expression '{0}' reads itself")]
    RecursiveReference(String),
    /// 1222.
    #[error("the used SELECT statements have a different number of columns")]
    UnionColumnCount,
    /// 1241: a row where a value was wanted, or a row of another width.
    #[error("operand should contain {0} column(s)")]
    OperandColumns(usize),
    /// 1248.
    #[error("every derived table must have its own alias")]
    DerivedWithoutAlias,
    /// 1353: a column list of another width than the query.
    #[error("the column list of '{0}' and its query have different column counts")]
    ColumnListCount(String),
    /// 1136.
    #[error("column count doesn't match value count at row {row}")]
    ValueCount {
        /// From 1.
        row: usize,
    },
    /// 1110.
    #[error("column '{0}' specified twice")]
    ColumnTwice(String),
    /// 1364.
    #[error("field '{0}' doesn't have a default value")]
    NoDefault(String),
    /// 1292: a literal that is no value of its type.
    #[error("incorrect {kind} value: '{value}'")]
    IncorrectLiteral {
        /// `date`, `datetime`, `time`.
        kind: &'static str,
        /// As written.
        value: String,
    },
    /// 1292: a literal of which not all counts.
    #[error("truncated incorrect {kind} value: '{value}'")]
    TruncatedLiteral {
        /// `DOUBLE`, `INTEGER SIGNED`, …
        kind: &'static str,
        /// As written.
        value: String,
    },
    /// 1048.
    #[error("column '{0}' cannot be null")]
    ColumnNotNull(String),
    /// 1367: a number or string literal that cannot be held.
    #[error("illegal {kind} '{value}' value found during parsing")]
    IllegalLiteral {
        /// `double`, `decimal`, …
        kind: &'static str,
        /// As written.
        value: String,
    },
    /// 1690.
    #[error("{sql_type} value is out of range in '{expression}'")]
    OutOfRange {
        /// `BIGINT`, `DECIMAL`, …
        sql_type: &'static str,
        /// The expression.
        expression: String,
    },
    /// 1193.
    #[error("unknown system variable '{0}'")]
    UnknownVariable(String),
    /// 1210: parameters given do not match the `?` of the statement.
    #[error("incorrect arguments to EXECUTE")]
    ParameterCount {
        /// Number of `?`.
        expected: usize,
        /// Number of values.
        given: usize,
    },
    /// 1060.
    #[error("duplicate column name '{0}'")]
    DuplicateColumn(String),
    /// 1061.
    #[error("duplicate key name '{0}'")]
    DuplicateKeyName(String),
    /// 1068.
    #[error("multiple primary key defined")]
    MultiplePrimaryKeys,
    /// 1072.
    #[error("key column '{0}' doesn't exist in table")]
    UnknownKeyColumn(String),
    /// 1176: an index hint names an index that the table has not.
    #[error("key '{key}' doesn't exist in table '{table}'")]
    UnknownKey {
        /// As written.
        key: String,
        /// Table.
        table: String,
    },
    /// 1091.
    #[error("can't DROP '{0}'; check that column/key exists")]
    CannotDrop(String),
    /// 1090.
    #[error("can't drop only column {column} in table {table}")]
    LastColumn {
        /// The column.
        column: String,
        /// Its table.
        table: String,
    },
    /// 3855.
    #[error("column '{0}' has a partitioning function dependency and cannot be dropped or renamed")]
    PartitionDependency(String),
    /// 8200: a change of a table that there is in MySQL, and not in TiDB.
    #[error("unsupported {0}")]
    Unsupported(String),
    /// 1113.
    #[error("a table must have at least 1 column")]
    NoColumns,
    /// 1171.
    #[error("all parts of a PRIMARY KEY must be NOT NULL")]
    NullablePrimaryKey,
    /// 1170: a BLOB or TEXT column in a key.
    #[error("BLOB/TEXT column '{0}' used in key specification without a key length")]
    BlobKey(String),
    /// 3152: a JSON column in a key.
    #[error("JSON column '{0}' supports indexing only via generated columns on a specified JSON path.")]
    JsonKey(String),
    /// 1101: a default that is not NULL, of a type that has none.
    #[error("BLOB/TEXT/JSON column '{0}' can't have a default value")]
    DefaultNotAllowed(String),
    /// 1115.
    #[error("Unknown character set: '{0}'")]
    UnknownCharset(String),
    /// 1253.
    #[error("COLLATION '{collation}' is not valid for CHARACTER SET '{charset}'")]
    CollationCharset {
        /// The collation.
        collation: String,
        /// Not its own.
        charset: String,
    },
    /// 1267.
    #[error("Illegal mix of collations {operands} for operation '{operation}'")]
    IllegalMix {
        /// Collations and how much the operands insist on them.
        operands: String,
        /// As TiDB calls it.
        operation: String,
    },
    /// 1270.
    #[error("Illegal mix of collations {operands} for operation '{operation}'")]
    IllegalMixOfThree {
        /// Collations and how much the operands insist on them.
        operands: String,
        /// As TiDB calls it.
        operation: String,
    },
    /// 1271.
    #[error("Illegal mix of collations for operation '{0}'")]
    IllegalMixOfAll(String),
    /// 1115: `_gbk 'text'`.
    #[error("Unsupported character introducer: '{0}'")]
    UnsupportedIntroducer(&'static str),
    /// 3854: bytes beside texts that are no text of their set.
    #[error("Cannot convert string '{value}' from binary to {to}")]
    CannotConvertString {
        /// The bytes.
        value: String,
        /// The character set.
        to: &'static str,
    },
    /// 1273.
    #[error("Unknown collation: '{0}'")]
    UnknownCollation(String),
    /// 1302.
    #[error("Conflicting declarations: 'CHARACTER SET {0}' and 'CHARACTER SET {1}'")]
    ConflictingCharsets(String, String),
    /// 3144: bytes where a document is due.
    #[error("Cannot create a JSON value from a string with CHARACTER SET 'binary'.")]
    JsonCharacterSet,
    /// 3064.
    #[error("incorrect type for argument {argument} in function {function}.")]
    ArgumentType {
        /// Counted from 1.
        argument: usize,
        /// Its name.
        function: &'static str,
    },
    /// 3146: neither JSON nor a string where a document is due.
    #[error(
        "Invalid data type for JSON data in argument {argument} to function {function}; a JSON string or JSON type is required."
    )]
    JsonArgumentType {
        /// Counted from 1.
        argument: usize,
        /// Its name.
        function: &'static str,
    },
    /// 1067.
    #[error("invalid default value for '{0}'")]
    InvalidDefault(String),
    /// 1063.
    #[error("incorrect column specifier for column '{0}'")]
    ColumnSpecifier(String),
    /// 1075.
    #[error("there can be only one auto column and it must be defined as a key")]
    AutoColumn,
    /// 1425 and 1426: DECIMAL(p, s) with too large a p or s, or 1074: too long a CHAR.
    #[error("too big {what} {given} specified for column '{column}', maximum is {max}")]
    TooBig {
        /// `precision`, `scale`, `length`.
        what: &'static str,
        /// As written.
        given: u64,
        /// The column.
        column: String,
        /// The limit.
        max: u64,
    },
    /// 1426: NOW(7).
    #[error("too-big precision {given} specified for '{function}'. Maximum is 6")]
    TooBigPrecision {
        /// As written.
        given: i64,
        /// The function.
        function: String,
    },
    /// 1291: two members of an ENUM or a SET are the same.
    #[error("column '{column}' has duplicated value '{value}' in {kind}")]
    DuplicatedMember {
        /// The column.
        column: String,
        /// The member.
        value: String,
        /// `ENUM` or `SET`.
        kind: &'static str,
    },
    /// 1097: more members than a SET has bits, or an ENUM numbers.
    #[error("too many strings for column {0} and SET")]
    TooManyMembers(String),
    /// 1439: BIT of more bits than there are, FLOAT of more digits.
    #[error("display width out of range for column '{column}' (max = {max})")]
    TooBigDisplayWidth {
        /// The column.
        column: String,
        /// The limit.
        max: u64,
    },
    /// 3013: BIT of no bits.
    #[error("invalid size for column '{0}'")]
    InvalidSize(String),
    /// 1427.
    #[error("for float(M,D), double(M,D) or decimal(M,D), M must be >= D (column '{0}')")]
    ScaleAbovePrecision(String),
    /// Partitions that cannot be; the number is with each fault.
    #[error(transparent)]
    Partition(#[from] PartitionFault),
    /// Generated columns that cannot be; the number is with each fault.
    #[error(transparent)]
    Generated(#[from] GeneratedFault),
    /// CHECK constraints that cannot be; the number is with each fault.
    #[error(transparent)]
    Check(#[from] CheckFault),
    /// Foreign keys that cannot be; the number is with each fault.
    #[error(transparent)]
    Foreign(#[from] ForeignFault),
    /// Names that cannot be, and too many of something; the number is with each fault.
    #[error(transparent)]
    Limit(#[from] LimitFault),
    /// Options of tables and indexes that cannot be; the number is with each fault.
    #[error(transparent)]
    Option(#[from] OptionFault),
    /// What cannot be done with temporary tables; the number is with each fault.
    #[error(transparent)]
    Temporary(#[from] TemporaryFault),
    /// What is wrong with a window.
    #[error(transparent)]
    Window(#[from] WindowFault),
    /// Keys that cannot be; the number is with each fault.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// 1503.
    #[error("a {0} must include all columns in the table's partitioning function")]
    UniqueKeyWithoutPartitionColumn(&'static str),
    /// 1564.
    #[error("this partition function is not allowed")]
    PartitionFunction,
    /// 1491: the partition expression is not an integer.
    #[error("the PARTITION function returns the wrong type")]
    PartitionFunctionType,
    /// 1504 (none) and 1499 (too many).
    #[error("{}", if *given == 0 {
        "number of partitions = 0 is not an allowed value"
    } else {
        "too many partitions (including subpartitions) were defined"
    })]
    PartitionCount {
        /// As written.
        given: u64,
        /// The limit.
        max: u64,
    },
    /// 1735.
    #[error("unknown partition '{partition}' in table '{table}'")]
    UnknownPartition {
        /// As written.
        partition: String,
        /// The table.
        table: String,
    },
    /// 1093 and 1288: the statement's target cannot be written.
    #[error("the target table {table} of the {statement} is not updatable")]
    NotUpdatable {
        /// The table.
        table: String,
        /// UPDATE or DELETE.
        statement: &'static str,
    },
    /// 1109: a DELETE names a table that its FROM does not have.
    #[error("unknown table '{0}' in MULTI DELETE")]
    UnknownTarget(String),
    /// 1294: ON UPDATE of a column that holds no time, or one of another precision.
    #[error("invalid ON UPDATE clause for '{0}' column")]
    InvalidOnUpdate(String),
    /// 1221: clauses that do not go together.
    #[error("incorrect usage of {of} and {and}")]
    IncorrectUsage {
        /// A statement or a clause.
        of: &'static str,
        /// Another one.
        and: &'static str,
    },
    /// 1706: an UPDATE of one table under two names that moves rows of it.
    #[error(
        "primary key/partition key update is not allowed since the table is updated both as '{first}' and '{second}'"
    )]
    KeyUpdatedTwice {
        /// One name.
        first: String,
        /// The other name.
        second: String,
    },
    /// The number that is with it: the catalog could not make the rows of a table in memory.
    #[error("{message}")]
    MemoryTable {
        /// MySQL's number.
        code: u16,
        /// The text.
        message: String,
    },
    /// 1105: a promise inside the planner was broken; never the user's fault.
    #[error("internal error in the planner: {0}")]
    Internal(Arc<str>),
}

impl Error {
    /// Where in the text the error is, if known.
    pub fn position(&self) -> Option<Position> {
        match self {
            Error::Syntax(fault) => fault.position(),
            Error::UnknownTable { position, .. }
            | Error::UnknownColumn { position, .. }
            | Error::AmbiguousColumn { position, .. }
            | Error::UnknownFunction { position, .. } => *position,
            _ => None,
        }
    }

    /// What was expected there and found, of an error of syntax.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Error::Syntax(fault) => Some(fault.hint()),
            _ => None,
        }
    }
}

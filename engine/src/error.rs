//! One error type for everything that reaches a user, with MySQL's code and SQLSTATE, and the one table that gives them.
//!
//! The lower crates say whose fault it is in enums of their own; here, and nowhere else, a variant becomes a number. An
//! error that has no number in MySQL gets 1105 (unknown error), as in TiDB.

mod fault;

use std::fmt;

use allod_planner::Position;

use fault::{recursion_fault, window_fault};

/// What went wrong, as a MySQL client would see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    code: u16,
    message: String,
    position: Option<Position>,
}

/// Result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with a code of [`code`].
    pub(crate) fn new(code: u16, message: impl Into<String>) -> Error {
        let mut message: String = message.into();
        // The lower crates begin messages in lower case, as Rust programs do; MySQL begins them with a capital.
        if let Some(first) = message.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Error { code, message, position: None }
    }

    /// An error that is nobody's fault but Allod's.
    pub(crate) fn internal(message: impl fmt::Display) -> Error {
        Error::new(code::UNKNOWN, format!("internal error: {message}"))
    }

    /// A file that cannot be read.
    pub fn file(path: &std::path::Path, error: std::io::Error) -> Error {
        Error::new(code::FILE_NOT_FOUND, format!("cannot read '{}': {error}", path.display()))
    }

    fn at(mut self, position: Option<Position>) -> Error {
        self.position = position;
        self
    }

    /// MySQL's error number.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The SQLSTATE that goes with the number.
    pub fn sqlstate(&self) -> &'static str {
        sqlstate(self.code)
    }

    /// The text, without number and place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The place in the text of the statement that the error is about, if there is one.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Whether the same statement may well succeed when it is run again: it lost against another writer.
    pub fn is_retryable(&self) -> bool {
        matches!(self.code, code::WRITE_CONFLICT | code::SCHEMA_CHANGED)
    }
}

/// `ERROR 1146 (42S02): Table 'test.t' doesn't exist`, as the mysql client prints it.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ERROR {} ({}): {}", self.code, self.sqlstate(), self.message)
    }
}

impl std::error::Error for Error {}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $state:literal;)*) => {
        /// MySQL's error numbers (and TiDB's, from 8000 on), by name.
        pub mod code {
            $($(#[$doc])* pub const $name: u16 = $code;)*
        }

        fn sqlstate(code: u16) -> &'static str {
            match code {
                $($code => $state,)*
                _ => "HY000",
            }
        }
    };
}

codes! {
    /// CREATE DATABASE of one that exists.
    DATABASE_EXISTS = 1007 "HY000";
    /// DROP DATABASE of one that does not.
    DATABASE_NOT_FOUND_DROP = 1008 "HY000";
    /// A file that is not there or cannot be read.
    FILE_NOT_FOUND = 1017 "HY000";
    /// More connections than are allowed.
    TOO_MANY_CONNECTIONS = 1040 "08004";
    /// A login that is not right.
    ACCESS_DENIED_USER = 1045 "28000";
    /// A command that there is not.
    UNKNOWN_COMMAND = 1047 "08S01";
    /// KILL of a connection that there is not.
    NO_SUCH_THREAD = 1094 "HY000";
    /// A file of a client that does not give any.
    LOCAL_INFILE_DISABLED = 1148 "42000";
    /// A packet that is longer than is allowed.
    PACKET_TOO_LARGE = 1153 "08S01";
    /// Packets whose numbers do not count.
    PACKETS_OUT_OF_ORDER = 1156 "08S01";
    /// A line with too few fields.
    TOO_FEW_FIELDS = 1261 "01000";
    /// A line with too many.
    TOO_MANY_FIELDS = 1262 "01000";
    /// A text that is not in the character set that it should be in.
    INVALID_CHARACTER_STRING = 1300 "HY000";
    /// Fetching without a cursor.
    NO_CURSOR = 1421 "HY000";
    /// Too many prepared statements.
    TOO_MANY_STATEMENTS = 1461 "42000";
    /// A packet that is not what it should be.
    MALFORMED_PACKET = 1835 "HY000";
    /// Several statements in a text of a client that may send one.
    MULTI_STATEMENTS_DISABLED = 8130 "HY000";
    /// A change of a database that nobody may change.
    ACCESS_DENIED = 1044 "42000";
    /// KILL of somebody else's connection.
    KILL_DENIED = 1095 "HY000";
    /// Something that was never granted.
    NO_SUCH_GRANT = 1141 "42000";
    /// A statement about a table that its user may not do.
    TABLE_DENIED = 1142 "42000";
    /// The same about a column.
    COLUMN_DENIED = 1143 "42000";
    /// GRANT of a privilege on something that it is not for.
    ILLEGAL_GRANT = 1144 "42000";
    /// Something that was never granted on a table.
    NO_SUCH_TABLE_GRANT = 1147 "42000";
    /// SET PASSWORD of nobody.
    PASSWORD_NO_MATCH = 1133 "42000";
    /// A privilege is missing.
    SPECIFIC_ACCESS_DENIED = 1227 "42000";
    /// A statement about accounts that are not there, or must not be.
    CANNOT_USER = 1396 "HY000";
    /// GRANT to nobody.
    CANNOT_CREATE_WITH_GRANT = 1410 "42000";
    /// A name that is too long.
    WRONG_STRING_LENGTH = 1470 "HY000";
    /// A way to log in that there is not.
    PLUGIN_NOT_LOADED = 1524 "HY000";
    /// A hash of a password that is none.
    PASSWORD_FORMAT = 1827 "HY000";
    /// A login with a password that is too old.
    PASSWORD_EXPIRED = 1862 "HY000";
    /// A login to an account that is locked.
    ACCOUNT_LOCKED = 3118 "HY000";
    /// A role that there is not.
    UNKNOWN_AUTHORIZATION = 3523 "HY000";
    /// A role that is not granted.
    ROLE_NOT_GRANTED = 3530 "HY000";
    /// A role that would play itself.
    ROLE_IN_CIRCLE = 4027 "HY000";
    /// A dynamic privilege on something.
    ILLEGAL_PRIVILEGE_LEVEL = 3619 "HY000";
    /// A dynamic privilege that there is not.
    DYNAMIC_PRIVILEGE_UNKNOWN = 3929 "HY000";
    /// INTO of a query that has no row.
    NO_DATA = 1329 "02000";
    /// INTO of a query that has several.
    TOO_MANY_ROWS = 1172 "42000";
    /// A bare table name, and no database chosen.
    NO_DATABASE = 1046 "3D000";
    /// NULL for a column that has none.
    COLUMN_NOT_NULL = 1048 "23000";
    /// A database that does not exist.
    UNKNOWN_DATABASE = 1049 "42000";
    /// CREATE TABLE of one that exists.
    TABLE_EXISTS = 1050 "42S01";
    /// DROP TABLE of one that does not, or `t.*` without a `t`.
    UNKNOWN_TABLE = 1051 "42S02";
    /// A name that could mean several columns.
    AMBIGUOUS_COLUMN = 1052 "23000";
    /// A column that does not exist.
    UNKNOWN_COLUMN = 1054 "42S22";
    /// A column that GROUP BY does not determine.
    NOT_GROUPED = 1055 "42000";
    /// GROUP BY of an aggregate.
    CANNOT_GROUP_ON = 1056 "42000";
    /// GROUPING of what it is not grouped by.
    GROUPING_OF_NO_KEY = 3602 "HY000";
    /// Two columns of one name.
    DUPLICATE_COLUMN = 1060 "42S21";
    /// Two keys of one name.
    DUPLICATE_KEY_NAME = 1061 "42000";
    /// A row whose key another row has.
    DUPLICATE_ENTRY = 1062 "23000";
    /// A column option that its type does not have.
    COLUMN_SPECIFIER = 1063 "42000";
    /// Not SQL.
    SYNTAX = 1064 "42000";
    /// Two relations of one name.
    DUPLICATE_ALIAS = 1066 "42000";
    /// A DEFAULT that is no value of its column.
    INVALID_DEFAULT = 1067 "42000";
    /// Two primary keys.
    MULTIPLE_PRIMARY_KEYS = 1068 "42000";
    /// A key on a column that is not there.
    UNKNOWN_KEY_COLUMN = 1072 "42000";
    /// A CHAR that is too long.
    TOO_LONG = 1074 "42000";
    /// Several AUTO_INCREMENT columns, or one that is no key.
    AUTO_COLUMN = 1075 "42000";
    /// DROP COLUMN of the last one.
    LAST_COLUMN = 1090 "42000";
    /// DROP INDEX of one that does not exist.
    CANNOT_DROP = 1091 "42000";
    /// More members than a SET can have.
    TOO_MANY_MEMBERS = 1097 "HY000";
    /// Everything that has no number.
    UNKNOWN = 1105 "HY000";
    /// A DELETE names a table that its FROM does not have.
    UNKNOWN_TARGET = 1109 "42S02";
    /// `*` where there is nothing.
    NO_TABLES = 1096 "HY000";
    /// A table has no number left for a row.
    NO_NUMBER_LEFT = 1467 "HY000";
    /// AUTO_RANDOM where it cannot be, or a value for it.
    AUTO_RANDOM = 8216 "HY000";
    /// A function that a DEFAULT cannot have.
    DEFAULT_FUNCTION = 3770 "HY000";
    /// A sequence that has given out all that it has.
    SEQUENCE_RUN_OUT = 4135 "HY000";
    /// A sequence that could not give out a number.
    SEQUENCE_CONFLICT = 4136 "HY000";
    /// A sequence that there is not.
    UNKNOWN_SEQUENCE = 4139 "HY000";
    /// A table's option that a sequence does not have.
    SEQUENCE_TABLE_OPTION = 8227 "HY000";
    /// DEFAULT NEXTVAL of a column that holds no whole numbers.
    SEQUENCE_DEFAULT_TYPE = 8228 "HY000";
    /// ADD COLUMN with DEFAULT NEXTVAL.
    SEQUENCE_DEFAULT_ADDED = 8230 "HY000";
    /// A column that is named twice.
    COLUMN_TWICE = 1110 "42000";
    /// A default of a type that has none.
    DEFAULT_NOT_ALLOWED = 1101 "42000";
    /// An aggregate where there can be none.
    INVALID_AGGREGATE = 1111 "HY000";
    /// A table without columns.
    NO_COLUMNS = 1113 "42000";
    /// A row of another width than the column list.
    VALUE_COUNT = 1136 "21S01";
    /// ALTER TABLE makes a column NOT NULL, and a row has none.
    INVALID_USE_OF_NULL = 1138 "22004";
    /// A regular expression that is none.
    REGEXP = 1139 "42000";
    /// Aggregates beside columns.
    MIXED_AGGREGATE = 8123 "HY000";
    /// ORDER BY an aggregate of a query that has none.
    AGGREGATE_IN_ORDER = 3029 "HY000";
    /// GET_LOCK of what is no name.
    WRONG_LOCK_NAME = 3057 "42000";
    /// A table that does not exist.
    NO_SUCH_TABLE = 1146 "42S02";
    /// A TEXT column in a key.
    BLOB_KEY = 1170 "42000";
    /// A primary key that could be NULL.
    NULLABLE_PRIMARY_KEY = 1171 "42000";
    /// An index hint that names no index of its table.
    UNKNOWN_KEY = 1176 "42000";
    /// SET of a variable that does not exist.
    UNKNOWN_VARIABLE = 1193 "HY000";
    /// A lock that another transaction did not give back in time.
    LOCK_WAIT_TIMEOUT = 1205 "HY000";
    /// Arguments that a function or statement cannot take.
    WRONG_ARGUMENTS = 1210 "HY000";
    /// A wait that would never have ended.
    DEADLOCK = 1213 "40001";
    /// Clauses that do not go together.
    INCORRECT_USAGE = 1221 "HY000";
    /// UNION of queries of different width.
    UNION_COLUMN_COUNT = 1222 "21000";
    /// ON UPDATE of a column that holds no time.
    INVALID_ON_UPDATE = 1294 "HY000";
    /// SET SESSION of a variable that no session has for itself.
    GLOBAL_VARIABLE = 1229 "HY000";
    /// SET of a variable to what it cannot be.
    WRONG_VALUE_FOR_VARIABLE = 1231 "42000";
    /// SET of a variable that takes numbers to something else.
    WRONG_TYPE_FOR_VARIABLE = 1232 "42000";
    /// Something that Allod does not have.
    NOT_SUPPORTED = 1235 "42000";
    /// SET of a variable that cannot be set.
    READ_ONLY_VARIABLE = 1238 "HY000";
    /// A row where a value was wanted.
    OPERAND_COLUMNS = 1241 "21000";
    /// WITH RECURSIVE without UNION.
    RECURSION_NO_UNION = 3573 "HY000";
    /// WITH RECURSIVE without rows to begin with.
    RECURSION_NO_SEED = 3574 "HY000";
    /// Grouping or windows in the step of WITH RECURSIVE.
    RECURSION_AGGREGATES = 3575 "HY000";
    /// WITH RECURSIVE reads itself right of a LEFT JOIN.
    RECURSION_FAR_SIDE = 3576 "HY000";
    /// WITH RECURSIVE reads itself twice, or in a subquery.
    RECURSION_REFERENCED_TWICE = 3577 "HY000";
    /// WITH RECURSIVE does not end.
    RECURSION_DEPTH = 3636 "HY000";
    /// Several rows where a value was wanted.
    SUBQUERY_ROWS = 1242 "21000";
    /// EXECUTE of what was not prepared.
    UNKNOWN_STATEMENT = 1243 "HY000";
    /// A derived table without a name.
    DERIVED_WITHOUT_ALIAS = 1248 "42000";
    /// A number that does not fit its column.
    ASSIGN_OUT_OF_RANGE = 1264 "22003";
    /// A value that does not fit its column without losing something.
    ASSIGN_TRUNCATED = 1265 "01000";
    /// A write to what cannot be written.
    NOT_UPDATABLE = 1288 "HY000";
    /// A member of ENUM or SET that is there already.
    DUPLICATED_MEMBER = 1291 "HY000";
    /// A text that is no value of the type.
    TRUNCATED_WRONG_VALUE = 1292 "22007";
    /// A time zone that there is not.
    UNKNOWN_TIME_ZONE = 1298 "HY000";
    /// A string that is larger than a packet may be.
    PACKET_OVERFLOW = 1301 "HY000";
    /// A function or a savepoint that does not exist.
    DOES_NOT_EXIST = 1305 "42000";
    /// Stopped by the user.
    INTERRUPTED = 1317 "70100";
    /// EXPLAIN of a view that its reader may not look into.
    VIEW_NOT_EXPLAINED = 1345 "HY000";
    /// A view where a table should be, or the other way round.
    WRONG_OBJECT = 1347 "HY000";
    /// A variable or a parameter in a view.
    VIEW_VARIABLE = 1351 "HY000";
    /// A column list of another width than its query.
    COLUMN_LIST_COUNT = 1353 "HY000";
    /// A view of something that is not there any more.
    INVALID_VIEW = 1356 "HY000";
    /// A column that was left out and has no default.
    NO_DEFAULT = 1364 "HY000";
    /// A divisor is zero.
    DIVISION_BY_ZERO = 1365 "22012";
    /// A text that is no number.
    ASSIGN_INCORRECT = 1366 "HY000";
    /// A literal that cannot be held.
    ILLEGAL_LITERAL = 1367 "22007";
    /// A string that is longer than its column.
    ASSIGN_TOO_LONG = 1406 "22001";
    /// Text or bytes that a function cannot read.
    WRONG_VALUE_FOR_FUNCTION = 1411 "HY000";
    /// DECIMAL with too large a scale.
    TOO_BIG_SCALE = 1425 "42000";
    /// DECIMAL with too large a precision.
    TOO_BIG_PRECISION = 1426 "42000";
    /// DECIMAL with a scale above its precision.
    SCALE_ABOVE_PRECISION = 1427 "42000";
    /// Nested too deeply.
    TOO_COMPLEX = 1436 "HY000";
    /// BIT of more than 64 bits.
    TOO_BIG_DISPLAY_WIDTH = 1439 "42000";
    /// A view that would read itself.
    VIEW_RECURSION = 1462 "HY000";
    /// SPLIT TABLE with something that is no place.
    SPLIT_REGION = 8212 "HY000";
    /// An index that does not hold what its table does.
    DATA_INCONSISTENT = 8223 "HY000";
    /// A partition expression of the wrong type.
    PARTITION_FUNCTION_TYPE = 1491 "HY000";
    /// Too many partitions.
    TOO_MANY_PARTITIONS = 1499 "HY000";
    /// A unique key without the partition column.
    UNIQUE_WITHOUT_PARTITION_COLUMN = 1503 "HY000";
    /// No partitions.
    NO_PARTITIONS = 1504 "HY000";
    /// A literal that is no value of its type.
    INCORRECT_VALUE = 1525 "HY000";
    /// A row that no partition takes.
    NO_PARTITION_FOR_VALUE = 1526 "HY000";
    /// A partition expression that is not allowed.
    PARTITION_FUNCTION = 1564 "HY000";
    /// Too few arguments, or too many.
    ARGUMENT_COUNT = 1582 "42000";
    /// A key of more bytes than a key may have.
    KEY_TOO_LONG = 1071 "42000";
    /// A computed value that does not fit its type.
    OUT_OF_RANGE = 1690 "22003";
    /// An UPDATE of one table under two names that moves rows of it.
    KEY_UPDATED_TWICE = 1706 "HY000";
    /// EXCHANGE PARTITION of a table with a global index.
    EXCHANGE_ATTRIBUTE = 1731 "HY000";
    /// A partition that does not exist.
    UNKNOWN_PARTITION = 1735 "HY000";
    /// EXCHANGE PARTITION with a row of another partition.
    ROW_DOES_NOT_MATCH = 1737 "HY000";
    /// EXCHANGE PARTITION with a table that has foreign keys.
    EXCHANGE_FOREIGN_KEY = 1740 "HY000";
    /// A row outside the partitions that a statement names.
    NOT_IN_PARTITION_SET = 1748 "HY000";
    /// A write in a transaction that reads only.
    READ_ONLY_TRANSACTION = 1792 "25006";
    /// EXPLAIN in a format that does not exist.
    UNKNOWN_EXPLAIN_FORMAT = 1791 "HY000";
    /// SET TRANSACTION of the next transaction, within one.
    IN_TRANSACTION = 1568 "25001";
    /// A column of no bits.
    INVALID_SIZE = 3013 "HY000";
    /// A text that is stored in a JSON column and is no document.
    INVALID_JSON_TEXT = 3140 "22032";
    /// An argument that is no document.
    INVALID_JSON_ARGUMENT = 3141 "22032";
    /// A path of JSON that is none.
    INVALID_JSON_PATH = 3143 "42000";
    /// No such character set.
    UNKNOWN_CHARSET = 1115 "42000";
    /// A collation of another character set.
    COLLATION_CHARSET = 1253 "42000";
    /// Two collations of which neither counts more.
    ILLEGAL_MIX = 1267 "HY000";
    /// Three texts of collations that do not go together.
    ILLEGAL_MIX_OF_THREE = 1270 "HY000";
    /// Bytes that are no text.
    CANNOT_CONVERT_STRING = 3854 "HY000";
    /// Several collations of which none counts most.
    ILLEGAL_MIX_OF_ALL = 1271 "HY000";
    /// No such collation.
    UNKNOWN_COLLATION = 1273 "HY000";
    /// Two character sets for one thing.
    CONFLICTING_CHARSETS = 1302 "HY000";
    /// Bytes where a document is due.
    JSON_CHARACTER_SET = 3144 "22032";
    /// Neither JSON nor a string where a document is due.
    JSON_ARGUMENT_TYPE = 3146 "22032";
    /// A path to several places where there must be one.
    JSON_PATH_WILDCARD = 3149 "42000";
    /// A JSON column in a key.
    JSON_KEY = 3152 "42000";
    /// The path `$` where it cannot be meant.
    JSON_VACUOUS_PATH = 3153 "42000";
    /// Neither 'one' nor 'all'.
    JSON_ONE_OR_ALL = 3154 "42000";
    /// A document that is nested too deeply.
    JSON_TOO_DEEP = 3157 "22032";
    /// A key that is NULL.
    JSON_NULL_KEY = 3158 "22032";
    /// A path that is not one to a cell of an array.
    JSON_NOT_A_CELL = 3165 "42000";
    /// A query that ran longer than it may.
    TIMED_OUT = 3024 "HY000";
    /// ORDER BY of what DISTINCT does not keep.
    ORDER_BY_NOT_IN_DISTINCT = 3065 "HY000";
    /// A locking clause of a table that is not in FROM.
    UNRESOLVED_TABLE_LOCK = 3568 "HY000";
    /// Two locking clauses of one table.
    DUPLICATE_TABLE_LOCK = 3569 "HY000";
    /// A lock that NOWAIT does not wait for.
    LOCK_NOWAIT = 3572 "HY000";
    /// AS OF TIMESTAMP with what is no time to read at.
    AS_OF = 8135 "HY000";
    /// A row to which another one refers.
    PARENT_ROW = 1451 "23000";
    /// A row that refers to none.
    NO_PARENT_ROW = 1452 "23000";
    /// Foreign keys whose actions go too far.
    CASCADE_DEPTH = 3008 "HY000";
    /// A row that a CHECK constraint is false for.
    CHECK_VIOLATED = 3819 "HY000";
    /// More memory than the query may have.
    MEMORY = 8175 "HY000";
    /// An index points to rows that its table does not have.
    LOST_ROWS = 8133 "HY000";
    /// A level of isolation that there is not.
    ISOLATION_LEVEL = 8048 "HY000";
    /// The schema changed while the statement ran.
    SCHEMA_CHANGED = 8028 "HY000";
    /// A change of a table that TiDB does not make.
    UNSUPPORTED_DDL = 8200 "HY000";
    /// A column that partitions go by is renamed or dropped.
    PARTITION_DEPENDENCY = 3855 "HY000";
    /// An argument of a search that there is not.
    REGEXP_ARGUMENT = 3685 "HY000";
    /// A search that begins outside the text.
    REGEXP_INDEX = 3686 "HY000";
    /// A cipher needs a longer initialisation vector.
    SHORT_VECTOR = 1882 "HY000";
    /// A read at a time whose versions are gone.
    SNAPSHOT_TOO_OLD = 9006 "HY000";
    /// Another transaction was first.
    WRITE_CONFLICT = 9007 "HY000";
    /// Nobody knows whether the transaction was committed.
    UNDETERMINED = 8501 "HY000";
    /// No statement in the text.
    EMPTY_QUERY = 1065 "42000";
}

/// Partitions have numbers of their own, all with the general SQLSTATE.
fn partition_fault(fault: &allod_planner::bind::PartitionFault) -> u16 {
    use allod_planner::bind::PartitionFault as F;
    match fault {
        F::RequiresValues { .. } => 1479,
        F::WrongValues { .. } => 1480,
        F::MaxValueNotLast => 1481,
        F::CountMismatch => 1484,
        F::ConstantExpression => 1486,
        F::FieldNotFound => 1488,
        F::MustBeDefined(_) => 1492,
        F::NotIncreasing => 1493,
        F::DuplicateConstant => 1495,
        F::BlobField => 1502,
        F::NotPartitioned => 1505,
        F::UnknownInList(_) => 1507,
        F::CannotRemoveAll => 1508,
        F::CoalesceOnlyHash => 1509,
        F::ReorganizeSameNumber => 1510,
        F::ReorganizeWithoutParameters => 1511,
        F::OnlyRangeList(_) => 1512,
        F::NothingToAdd => 1514,
        F::NothingToCoalesce => 1515,
        F::DuplicateName(_) => 1517,
        F::NotConsecutive => 1519,
        F::ReorganizeOutsideRange => 1520,
        F::ConstantDomain => 1563,
        F::NullBound => 1566,
        F::DuplicateField(_) => 1652,
        F::ColumnList => 1653,
        F::ColumnValueType => 1654,
        F::TooManyFields(_) => 1655,
        F::FieldType(_) => 1659,
        F::ValueNotInteger(_) => 1697,
        F::ExchangePartitioned(_) => 1732,
        F::DifferentDefinitions => 1736,
        F::ClauseOnNonPartitioned => 1747,
        F::GlobalNeeded(_) => 8264,
    }
}

/// Generated columns have numbers of their own too.
fn generated_fault(fault: &allod_planner::bind::GeneratedFault) -> u16 {
    use allod_planner::bind::GeneratedFault as F;
    match fault {
        F::Usage(_) => 1221,
        F::Function(_) => 3102,
        F::Value { .. } => 3105,
        F::Unsupported(_) => 3106,
        F::NonPrior => 3107,
        F::Dependency(_) => 3108,
        F::AutoIncrement(_) => 3109,
    }
}

/// And CHECK constraints.
fn check_fault(fault: &allod_planner::bind::CheckFault) -> u16 {
    use allod_planner::bind::CheckFault as F;
    match fault {
        F::Unknown { .. } => code::UNKNOWN_COLUMN,
        F::NameTooLong(_) => 1059,
        F::NotBoolean(_) => 3812,
        F::OtherColumn(_) => 3813,
        F::Function { .. } => 3814,
        F::Subquery(_) => 3815,
        F::Variable(_) => 3816,
        F::AutoIncrement(_) => 3818,
        F::NoSuchColumn { .. } => 3820,
        F::DuplicateName(_) => 3822,
        F::NotFound(_) => 3940,
        F::Dependency { .. } => 3959,
    }
}

/// Names and numbers.
fn limit_fault(fault: &allod_planner::bind::LimitFault) -> u16 {
    use allod_planner::bind::LimitFault as F;
    match fault {
        F::Name(_) => 1059,
        F::Keys => 1069,
        F::Columns => 1117,
        F::ColumnName(_) => 1166,
        F::IndexName(_) => 1280,
    }
}

/// Options.
fn option_fault(fault: &allod_planner::bind::OptionFault) -> u16 {
    use allod_planner::bind::OptionFault as F;
    match fault {
        F::CompactPartitions { .. } => 1105,
        F::InvisiblePrimaryKey => 3522,
        F::TtlColumnType(_) => 8148,
        F::TtlColumnNeeded(_) => 8149,
        F::NoTtl(_) => 8150,
        F::TtlReferred => 8152,
        F::TtlPrimaryKey => 8153,
        F::Union => 8232,
        F::InsertMethod => 8233,
        F::Cached(_) => 8242,
    }
}

/// And temporary tables.
fn temporary_fault(fault: &allod_planner::bind::TemporaryFault) -> u16 {
    use allod_planner::bind::TemporaryFault as F;
    match fault {
        F::ForeignKey => 1215,
        F::InView(_) => 1352,
        F::Partitioned => 1562,
        F::Exchanged(_) => 1733,
        F::Unsupported(_) => 8006,
        F::NotGlobal => 8007,
        F::Ttl => 8151,
        F::Local(_) | F::PreserveRows => 8200,
    }
}

/// And foreign keys.
fn foreign_fault(fault: &allod_planner::bind::ForeignFault) -> u16 {
    use allod_planner::bind::ForeignFault as F;
    match fault {
        F::CountMismatch(_) => 1239,
        F::Partitioned => 1506,
        F::IndexNeeded(_) => 1553,
        F::CannotTruncate(_) => 1701,
        F::NoIndex { .. } => 1822,
        F::NoTable(_) => 1824,
        F::DuplicateName(_) => 1826,
        F::ColumnNeeded { .. } => 1828,
        F::ColumnReferred { .. } => 1829,
        F::NotNull { .. } => 1830,
        F::ColumnUsed { .. } => 1832,
        F::ColumnUsedBy { .. } => 1833,
        F::Generated(_) => 3104,
        F::CannotDrop { .. } => 3730,
        F::NoColumn { .. } => 3734,
        F::Incompatible { .. } => 3780,
        F::Checked { .. } => 3823,
    }
}

/// And keys.
fn key_fault(fault: &allod_planner::bind::KeyFault) -> u16 {
    use allod_planner::bind::KeyFault as F;
    match fault {
        F::TooLong(_) => code::KEY_TOO_LONG,
        F::Prefix => 1089,
        F::NoLength(_) => 1391,
        F::Json => 3753,
        F::AutoIncrement(_) => 3754,
        F::Primary => 3756,
        F::Text => 3757,
        F::Function(_) => 3758,
        F::NotIndexable(_) => 3761,
        F::Column => 3762,
        F::Row(_) => 3800,
        F::Dependency(_) => 3837,
        F::Clustered => 8200,
    }
}

impl From<allod_planner::Error> for Error {
    fn from(error: allod_planner::Error) -> Error {
        use allod_planner::Error as E;
        let code = match &error {
            E::Syntax { .. } => code::SYNTAX,
            E::TooComplex(_) => code::TOO_COMPLEX,
            E::NotSupported(_) => code::NOT_SUPPORTED,
            E::AsOf(_) => code::AS_OF,
            E::UnknownExplainFormat(_) => code::UNKNOWN_EXPLAIN_FORMAT,
            E::NoDatabase => code::NO_DATABASE,
            E::AccessDenied { .. } => code::ACCESS_DENIED,
            E::TableDenied { .. } => code::TABLE_DENIED,
            E::ColumnDenied { .. } => code::COLUMN_DENIED,
            E::ViewNotExplained => code::VIEW_NOT_EXPLAINED,
            E::UnknownDatabase(_) => code::UNKNOWN_DATABASE,
            E::UnknownTable { .. } => code::NO_SUCH_TABLE,
            E::WrongObject { .. } => code::WRONG_OBJECT,
            E::ViewVariable => code::VIEW_VARIABLE,
            E::DefaultFunction { .. } => code::DEFAULT_FUNCTION,
            E::TableOptionOverflow(_) | E::AutoIdCache => code::UNKNOWN,
            E::AutoRandom(_) => code::AUTO_RANDOM,
            E::SequenceConflict { .. } => code::SEQUENCE_CONFLICT,
            E::SequenceTableOption(_) => code::SEQUENCE_TABLE_OPTION,
            E::SequenceDefaultType(_) => code::SEQUENCE_DEFAULT_TYPE,
            E::SequenceDefaultAdded(_) => code::SEQUENCE_DEFAULT_ADDED,
            E::SequenceWritten(..) => code::UNKNOWN,
            E::NoTables => code::NO_TABLES,
            E::Split(_) => code::SPLIT_REGION,
            E::InvalidView(_) => code::INVALID_VIEW,
            E::ViewRecursion { .. } => code::VIEW_RECURSION,
            E::UnknownRelation(_) => code::UNKNOWN_TABLE,
            E::UnresolvedLock(_) => code::UNRESOLVED_TABLE_LOCK,
            E::LockedTwice(_) => code::DUPLICATE_TABLE_LOCK,
            E::UnknownColumn { .. } => code::UNKNOWN_COLUMN,
            E::AmbiguousColumn { .. } => code::AMBIGUOUS_COLUMN,
            E::DuplicateAlias(_) => code::DUPLICATE_ALIAS,
            E::UnknownFunction { .. } => code::DOES_NOT_EXIST,
            E::ArgumentCount(_) => code::ARGUMENT_COUNT,
            E::BadArguments(_) | E::ParameterCount { .. } => code::WRONG_ARGUMENTS,
            E::InvalidAggregate => code::INVALID_AGGREGATE,
            E::CannotGroupOn(_) => code::CANNOT_GROUP_ON,
            E::Recursion { fault, .. } => recursion_fault(*fault),
            E::RecursiveReference(_) => code::RECURSION_NO_SEED,
            E::GroupingOfNoKey(_) => code::GROUPING_OF_NO_KEY,
            E::NotGrouped { .. } => code::NOT_GROUPED,
            E::MixedAggregate { .. } => code::MIXED_AGGREGATE,
            E::AggregateInOrder(_) => code::AGGREGATE_IN_ORDER,
            E::OrderByNotInDistinct(_) => code::ORDER_BY_NOT_IN_DISTINCT,
            E::UnionColumnCount => code::UNION_COLUMN_COUNT,
            E::OperandColumns(_) => code::OPERAND_COLUMNS,
            E::DerivedWithoutAlias => code::DERIVED_WITHOUT_ALIAS,
            E::ColumnListCount(_) => code::COLUMN_LIST_COUNT,
            E::ValueCount { .. } => code::VALUE_COUNT,
            E::ColumnTwice(_) => code::COLUMN_TWICE,
            E::NoDefault(_) => code::NO_DEFAULT,
            E::ColumnNotNull(_) => code::COLUMN_NOT_NULL,
            E::IncorrectValue { .. } => code::INCORRECT_VALUE,
            E::IncorrectLiteral { .. } => code::TRUNCATED_WRONG_VALUE,
            E::DuplicatedMember { .. } => code::DUPLICATED_MEMBER,
            E::TooManyMembers(_) => code::TOO_MANY_MEMBERS,
            E::TooBigDisplayWidth { .. } => code::TOO_BIG_DISPLAY_WIDTH,
            E::InvalidSize(_) => code::INVALID_SIZE,
            E::IllegalLiteral { .. } => code::ILLEGAL_LITERAL,
            E::OutOfRange { .. } => code::OUT_OF_RANGE,
            E::UnknownVariable(_) => code::UNKNOWN_VARIABLE,
            E::DuplicateColumn(_) => code::DUPLICATE_COLUMN,
            E::DuplicateKeyName(_) => code::DUPLICATE_KEY_NAME,
            E::UnknownKey { .. } => code::UNKNOWN_KEY,
            E::CannotDrop(_) => code::CANNOT_DROP,
            E::LastColumn { .. } => code::LAST_COLUMN,
            E::PartitionDependency(_) => code::PARTITION_DEPENDENCY,
            E::Unsupported(_) => code::UNSUPPORTED_DDL,
            E::MultiplePrimaryKeys => code::MULTIPLE_PRIMARY_KEYS,
            E::UnknownKeyColumn(_) => code::UNKNOWN_KEY_COLUMN,
            E::NoColumns => code::NO_COLUMNS,
            E::NullablePrimaryKey => code::NULLABLE_PRIMARY_KEY,
            E::BlobKey(_) => code::BLOB_KEY,
            E::JsonKey(_) => code::JSON_KEY,
            E::DefaultNotAllowed(_) => code::DEFAULT_NOT_ALLOWED,
            E::UnknownCharset(_) => code::UNKNOWN_CHARSET,
            E::UnsupportedIntroducer(_) => code::UNKNOWN_CHARSET,
            E::CollationCharset { .. } => code::COLLATION_CHARSET,
            E::IllegalMix { .. } => code::ILLEGAL_MIX,
            E::IllegalMixOfThree { .. } => code::ILLEGAL_MIX_OF_THREE,
            E::CannotConvertString { .. } => code::CANNOT_CONVERT_STRING,
            E::IllegalMixOfAll(_) => code::ILLEGAL_MIX_OF_ALL,
            E::UnknownCollation(_) => code::UNKNOWN_COLLATION,
            E::ConflictingCharsets(..) => code::CONFLICTING_CHARSETS,
            E::JsonCharacterSet => code::JSON_CHARACTER_SET,
            E::JsonArgumentType { .. } => code::JSON_ARGUMENT_TYPE,
            E::InvalidDefault(_) => code::INVALID_DEFAULT,
            E::ColumnSpecifier(_) => code::COLUMN_SPECIFIER,
            E::AutoColumn => code::AUTO_COLUMN,
            E::TooBig { what: "scale", .. } => code::TOO_BIG_SCALE,
            E::TooBig { what: "precision", .. } | E::TooBigPrecision { .. } => code::TOO_BIG_PRECISION,
            E::TooBig { .. } => code::TOO_LONG,
            E::ScaleAbovePrecision(_) => code::SCALE_ABOVE_PRECISION,
            E::UniqueKeyWithoutPartitionColumn(_) => code::UNIQUE_WITHOUT_PARTITION_COLUMN,
            E::Partition(fault) => partition_fault(fault),
            E::Generated(fault) => generated_fault(fault),
            E::Check(fault) => check_fault(fault),
            E::Foreign(fault) => foreign_fault(fault),
            E::Option(fault) => option_fault(fault),
            E::Limit(fault) => limit_fault(fault),
            E::Temporary(fault) => temporary_fault(fault),
            E::Window(fault) => window_fault(fault),
            E::Key(fault) => key_fault(fault),
            E::PartitionFunction => code::PARTITION_FUNCTION,
            E::PartitionFunctionType => code::PARTITION_FUNCTION_TYPE,
            E::PartitionCount { given: 0, .. } => code::NO_PARTITIONS,
            E::PartitionCount { .. } => code::TOO_MANY_PARTITIONS,
            E::UnknownPartition { .. } => code::UNKNOWN_PARTITION,
            E::NotUpdatable(_) => code::NOT_UPDATABLE,
            E::UnknownTarget(_) => code::UNKNOWN_TARGET,
            E::InvalidOnUpdate(_) => code::INVALID_ON_UPDATE,
            E::IncorrectUsage { .. } => code::INCORRECT_USAGE,
            E::KeyUpdatedTwice { .. } => code::KEY_UPDATED_TWICE,
            E::MemoryTable { code, .. } => *code,
            E::Internal(_) | E::PercentOutOfRange(_) | E::BindingMismatch { .. } => code::UNKNOWN,
        };
        Error::new(code, error.to_string()).at(error.position())
    }
}

impl From<allod_executor::Error> for Error {
    fn from(error: allod_executor::Error) -> Error {
        use allod_executor::Error as E;
        let code = match &error {
            E::OutOfRange { .. } | E::ConstantOverflow { .. } => code::OUT_OF_RANGE,
            E::AssignOutOfRange { .. } => code::ASSIGN_OUT_OF_RANGE,
            E::AssignTruncated { .. } | E::AssignLongValue { .. } => code::ASSIGN_TRUNCATED,
            E::AssignIncorrectTime { .. } | E::TruncatedWrongValue { .. } | E::WrongValue { .. } => {
                code::TRUNCATED_WRONG_VALUE
            }
            E::DivisionByZero => code::DIVISION_BY_ZERO,
            E::PacketOverflow { .. } => code::PACKET_OVERFLOW,
            E::AssignIncorrectNumber { .. } | E::AssignIncorrectText { .. } => code::ASSIGN_INCORRECT,
            E::AssignTooLong { .. } => code::ASSIGN_TOO_LONG,
            E::AssignNull { .. } => code::COLUMN_NOT_NULL,
            E::Json(fault) => fault.code(),
            E::WrongArguments(_) | E::BadArguments(_) => code::WRONG_ARGUMENTS,
            E::Regexp { .. } => code::REGEXP,
            E::WrongLockName(_) => code::WRONG_LOCK_NAME,
            E::RegexpArgument => code::REGEXP_ARGUMENT,
            E::RegexpIndex => code::REGEXP_INDEX,
            E::WrongValueForFunction { .. } => code::WRONG_VALUE_FOR_FUNCTION,
            E::ShortVector { .. } => code::SHORT_VECTOR,
            E::SequenceRunOut { .. } => code::SEQUENCE_RUN_OUT,
            E::NoNumberLeft => code::NO_NUMBER_LEFT,
            E::AutoRandomGiven => code::AUTO_RANDOM,
            E::SubqueryRows => code::SUBQUERY_ROWS,
            E::RecursionDepth { .. } => code::RECURSION_DEPTH,
            E::DuplicateEntry { .. } => code::DUPLICATE_ENTRY,
            E::ParentRow { .. } => code::PARENT_ROW,
            E::NoParentRow { .. } => code::NO_PARENT_ROW,
            E::CascadeDepth => code::CASCADE_DEPTH,
            E::CheckViolated { .. } => code::CHECK_VIOLATED,
            E::NoPartition { .. } => code::NO_PARTITION_FOR_VALUE,
            E::NotInPartitionSet => code::NOT_IN_PARTITION_SET,
            E::WriteConflict { .. } => code::WRITE_CONFLICT,
            E::LostRows { .. } => code::LOST_ROWS,
            E::Undetermined => code::UNDETERMINED,
            E::Storage(error) => return error.clone().into(),
            E::Cancelled => code::INTERRUPTED,
            E::TimedOut => code::TIMED_OUT,
            E::Memory { .. } => code::MEMORY,
            E::Plan(_) | E::Panic(_) => code::UNKNOWN,
        };
        Error::new(code, error.to_string())
    }
}

impl From<allod_storage::error::Error> for Error {
    fn from(error: allod_storage::error::Error) -> Error {
        use allod_storage::error::Error as E;
        let code = match &error {
            E::Exhausted(exhausted) => exhausted.mysql_code(),
            E::DuplicateKey { .. } => code::DUPLICATE_ENTRY,
            // A space goes away when its table is dropped or truncated.
            E::UnknownSpace(_) => {
                return Error::new(code::SCHEMA_CHANGED, "the table was dropped or changed meanwhile");
            }
            E::SnapshotTooOld { .. } => code::SNAPSHOT_TOO_OLD,
            E::Blocked { .. } => code::LOCK_WAIT_TIMEOUT,
            E::Interrupted => code::INTERRUPTED,
            E::SpaceExists(_)
            | E::NoReplica { .. }
            | E::TypeMismatch(_)
            | E::BadRows(_)
            | E::IngestAbandoned
            | E::Internal(_) => code::UNKNOWN,
        };
        Error::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_keeps_its_number_and_its_place() {
        let place = Position { line: 2, column: 7 };
        let error = allod_planner::Error::Syntax { message: "expected FROM".into(), position: Some(place) };
        let error = Error::from(error);
        assert_eq!((error.code(), error.sqlstate(), error.position()), (1064, "42000", Some(place)));
        assert!(error.to_string().starts_with("ERROR 1064 (42000): You have an error"), "{error}");
    }

    #[test]
    fn codes_without_a_state_of_their_own_have_the_general_one() {
        assert_eq!(sqlstate(1105), "HY000");
        assert_eq!(sqlstate(4711), "HY000");
        assert_eq!(sqlstate(1062), "23000");
    }
}

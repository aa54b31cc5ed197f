//! MySQL's error numbers (and TiDB's, from 8000 on), by name, with the SQLSTATE that goes with each.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $state:literal;)*) => {
        $($(#[$doc])* pub const $name: u16 = $code;)*

        /// The SQLSTATE of a number.
        pub(super) fn sqlstate(code: u16) -> &'static str {
            match code {
                $($code => $state,)*
                _ => "HY000",
            }
        }
    };
}

codes! {
    /// A file that cannot be made.
    CANNOT_CREATE_FILE = 1 "HY000";
    /// A file that cannot be written to.
    ERROR_ON_WRITE = 3 "HY000";
    /// A file of the server that is not there.
    FILE_NOT_THERE = 29 "HY000";
    /// A file that is to be made is there.
    FILE_EXISTS = 1086 "HY000";
    /// What an option of the server forbids.
    OPTION_PREVENTS_STATEMENT = 1290 "HY000";
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
    /// A GROUP_CONCAT that is longer than allowed.
    CONCAT_CUT = 1260 "HY000";
    /// A date and an interval that come to what is no date.
    DATETIME_OVERFLOW = 1441 "22008";
    /// Something that will go.
    DEPRECATED = 1681 "HY000";
    /// `tidb_enable_ddl` of the only server.
    DDL_SETTING = 8246 "HY000";
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
    /// ORDER BY an aggregate where the query is a set operation.
    AGGREGATE_IN_UNION_ORDER = 3028 "HY000";
    /// An argument of a type that the function does not take.
    ARGUMENT_TYPE = 3064 "HY000";
    /// Names of months and days in a language that nobody speaks here.
    UNKNOWN_LOCALE = 1649 "HY000";
    /// GET_LOCK of what is no name.
    WRONG_LOCK_NAME = 3057 "42000";
    /// A table that does not exist.
    NO_SUCH_TABLE = 1146 "42S02";
    /// A TEXT column in a key.
    BLOB_KEY = 1170 "42000";
    /// A key on a column that holds nothing.
    KEY_OF_NOTHING = 1167 "42000";
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
    /// A name that no database can have.
    WRONG_DATABASE_NAME = 1102 "42000";
    /// A name that no table can have.
    WRONG_TABLE_NAME = 1103 "42000";
    /// PREPARE of a statement that cannot be prepared.
    NOT_PREPARABLE = 1295 "HY000";
    /// SET GLOBAL of a variable that only sessions have.
    SESSION_VARIABLE = 1228 "HY000";
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
    /// A hint that names what there is not.
    UNRESOLVED_HINT = 3128 "HY000";
    /// SET_VAR of a variable that may not do what is hoped for.
    NOT_HINTED = 3637 "HY000";
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
    /// A change of the schema that somebody has ended.
    CANCELLED_JOB = 8214 "HY000";
    /// A change of the schema that there is not.
    NO_SUCH_JOB = 8224 "HY000";
    /// A change of the schema that has ended.
    JOB_FINISHED = 8225 "HY000";
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
    /// A document of another type than a function takes.
    JSON_NO_OBJECT = 3853 "22032";
    /// A placement policy of that name is there.
    POLICY_EXISTS = 8238 "HY000";
    /// There is no such placement policy.
    UNKNOWN_POLICY = 8239 "HY000";
    /// Something has the placement policy.
    POLICY_IN_USE = 8241 "HY000";
    /// A resource group of that name is there.
    RESOURCE_GROUP_EXISTS = 8248 "HY000";
    /// There is no such resource group.
    UNKNOWN_RESOURCE_GROUP = 8249 "HY000";
    /// `tidb_enable_resource_control` is off.
    NO_RESOURCE_CONTROL = 8250 "HY000";
    /// A role is in no resource group.
    RESOURCE_GROUP_OF_ROLE = 8257 "HY000";
    /// A path that leads to no value.
    JSON_VALUE_MISSING = 3966 "22035";
    /// A path that leads to more than one value.
    JSON_VALUES_SEVERAL = 3967 "22034";
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
    /// What was dropped is gone for good.
    OLDER_THAN_SAFE_POINT = 8055 "HY000";
    /// A piece of BATCH that failed.
    BATCH_FAILED = 8143 "HY000";
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
    /// Others have kept a key locked for too long.
    RESOLVE_LOCK_TIMEOUT = 9004 "HY000";
    /// A read at a time whose versions are gone.
    SNAPSHOT_TOO_OLD = 9006 "HY000";
    /// Another transaction was first.
    WRITE_CONFLICT = 9007 "HY000";
    /// Nobody knows whether the transaction was committed.
    UNDETERMINED = 8501 "HY000";
    /// No statement in the text.
    EMPTY_QUERY = 1065 "42000";
}

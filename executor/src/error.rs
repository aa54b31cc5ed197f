//! Errors of the executor, each saying whose fault it is. The engine maps them to MySQL's codes, which the comments name.

use std::sync::Arc;

use crate::kernel::JsonFault;

/// Why a statement could not run to its end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// 1690: a computed value does not fit its type.
    #[error("{ty} value is out of range in '{expression}'")]
    OutOfRange {
        /// `BIGINT`, `BIGINT UNSIGNED`, `DOUBLE` or `DECIMAL`.
        ty: &'static str,
        /// The expression as SQL.
        expression: Arc<str>,
    },
    /// 1264: a number does not fit the column it is stored in.
    #[error("Out of range value for column '{column}' at row {row}")]
    AssignOutOfRange {
        /// Column.
        column: Arc<str>,
        /// Row of the statement, from 1.
        row: u64,
    },
    /// 1265: a value does not fit the column without losing something.
    #[error("Data truncated for column '{column}' at row {row}")]
    AssignTruncated {
        /// Column.
        column: Arc<str>,
        /// Row of the statement, from 1.
        row: u64,
    },
    /// 1265, of which no more than a note is made: what a column does not show of a value.
    #[error("Data truncated for column '{column}' at row {row}")]
    AssignUnseen {
        /// Column.
        column: Arc<str>,
        /// Row of the statement, from 1.
        row: u64,
    },
    /// 1292: a string is no date or time.
    #[error("Incorrect {ty} value: '{value}' for column '{column}' at row {row}")]
    AssignIncorrectTime {
        /// `date`, `datetime` or `time`.
        ty: &'static str,
        /// The value.
        value: String,
        /// Column.
        column: Arc<str>,
        /// Row of the statement, from 1.
        row: u64,
    },
    /// 1366: a string is no number.
    #[error("Incorrect {ty} value: '{value}' for column '{column}' at row {row}")]
    AssignIncorrectNumber {
        /// `integer`, `decimal` or `double`.
        ty: &'static str,
        /// The value.
        value: String,
        /// Column.
        column: Arc<str>,
        /// Row of the statement, from 1.
        row: u64,
    },
    /// 1366: bytes that are no text of the column's character set, or a character that the set lacks.
    #[error("Incorrect string value: '{value}' for column '{column}' at row {row}")]
    AssignIncorrectText {
        /// The bytes from the first one that does not fit.
        value: String,
        /// Column.
        column: Arc<str>,
        /// Row of the statement, from 1.
        row: u64,
    },
    /// 1406: a string is longer than the column.
    #[error("Data too long for column '{column}' at row {row}")]
    AssignTooLong {
        /// Column.
        column: Arc<str>,
        /// Row of the statement, from 1.
        row: u64,
    },
    /// 1406: CAST to CHAR(n) or BINARY(n) of something longer.
    #[error("Data Too Long, field len {limit}, data len {length}")]
    CutTooLong {
        /// Characters or bytes that there is room for.
        limit: u32,
        /// Those that there are.
        length: usize,
    },
    /// 1690: a number does not fit the type that its column is to become.
    #[error("constant {value} overflows {ty}")]
    ConstantOverflow {
        /// The number.
        value: String,
        /// The type.
        ty: String,
    },
    /// 1265: a string is longer than what its column is to become.
    #[error("Data truncated for column '{column}', value is '{value}'")]
    AssignLongValue {
        /// Column.
        column: Arc<str>,
        /// The string.
        value: String,
    },
    /// 1048: NULL for a column that has none.
    #[error("Column '{column}' cannot be null")]
    AssignNull {
        /// Column.
        column: Arc<str>,
    },
    /// 1292, from a conversion that must not lose anything.
    #[error("Truncated incorrect {ty} value: '{value}'")]
    TruncatedWrongValue {
        /// `INTEGER`, `DOUBLE`, `DECIMAL`.
        ty: &'static str,
        /// The value.
        value: String,
    },
    /// 1292, from a conversion of what is no date.
    #[error("Incorrect {ty} value: '{value}'")]
    WrongValue {
        /// `datetime`, `date`, `timestamp`.
        ty: &'static str,
        /// The value.
        value: String,
    },
    /// 1260: a GROUP_CONCAT was longer than `group_concat_max_len`.
    #[error("Some rows were cut by GROUPCONCAT({expression})")]
    ConcatCut {
        /// What it puts together, as SQL.
        expression: Arc<str>,
    },
    /// 1441: a date and an interval come to what is no date.
    #[error("Datetime function: datetime field overflow")]
    DatetimeOverflow,
    /// 1365: a divisor is zero.
    #[error("Division by 0")]
    DivisionByZero,
    /// 1301: a text or byte string would be larger than a packet may be.
    #[error("Result of {function}() was larger than max_allowed_packet ({limit}) - truncated")]
    PacketOverflow {
        /// The function.
        function: &'static str,
        /// Bytes that there may be.
        limit: u64,
    },
    /// A document, a path or an argument of a function of JSON is not what it must be.
    #[error(transparent)]
    Json(#[from] JsonFault),
    /// 1210: arguments that a function cannot take.
    #[error("Incorrect arguments to {0}")]
    WrongArguments(&'static str),
    /// 1139: REGEXP with a pattern that is none.
    #[error("Got error '{message}' from regexp")]
    Regexp {
        /// What the regular expression compiler said.
        message: String,
    },
    /// 1210: an argument that the function cannot take.
    #[error("Incorrect arguments to {0}")]
    BadArguments(&'static str),
    /// 3057: GET_LOCK of what is no name of a lock.
    #[error("Incorrect user-level lock name '{0}'.")]
    WrongLockName(String),
    /// 3685: REGEXP_INSTR with what is neither 0 nor 1.
    #[error("Illegal argument to a regular expression.")]
    RegexpArgument,
    /// 3686: a search that begins outside the text.
    #[error("Index out of bounds in regular expression search.")]
    RegexpIndex,
    /// 1411: text or bytes that a function cannot read.
    #[error("Incorrect {ty} value: '{value}' for function {function}")]
    WrongValueForFunction {
        /// What it was to be.
        ty: &'static str,
        /// The value.
        value: String,
        /// The function.
        function: &'static str,
    },
    /// 1882: a cipher needs a longer initialisation vector.
    #[error(
        "The initialization vector supplied to {function} is too short. Must be at least {bytes} bytes long"
    )]
    ShortVector {
        /// The function.
        function: &'static str,
        /// How long it has to be.
        bytes: usize,
    },
    /// 1242: a subquery that must give one value gave several.
    #[error("Subquery returns more than 1 row")]
    SubqueryRows,
    /// 4135: a sequence that has given out all that it has.
    #[error("Sequence '{name}' has run out")]
    SequenceRunOut {
        /// `database.sequence`.
        name: String,
    },
    /// 1467: there are no numbers left for rows.
    #[error("Failed to read auto-increment value from storage engine")]
    NoNumberLeft,
    /// 8216: a value for an AUTO_RANDOM column.
    #[error(
        "Invalid auto random: Explicit insertion on auto_random column is disabled. Try to set @@allow_auto_random_explicit_insert = true."
    )]
    AutoRandomGiven,
    /// 3636: WITH RECURSIVE still finds something new.
    #[error(
        "recursive query aborted after {rounds} iterations. Try increasing @@cte_max_recursion_depth to a larger value"
    )]
    RecursionDepth {
        /// How often the step would have been run.
        rounds: u64,
    },
    /// 1062: a key is taken.
    #[error("Duplicate entry '{value}' for key '{key}'")]
    DuplicateEntry {
        /// The key's values.
        value: String,
        /// `table.index`.
        key: String,
    },
    /// 1526: a row for which there is no partition.
    #[error("Table has no partition for value {value}")]
    NoPartition {
        /// The value of the partition expression, or `from column_list`.
        value: String,
    },
    /// 1748: a row outside the partitions that the statement names.
    #[error("Found a row not matching the given partition set")]
    NotInPartitionSet,
    /// 3819: a row that a CHECK constraint is false for.
    #[error("Check constraint '{name}' is violated.")]
    CheckViolated {
        /// The constraint.
        name: Arc<str>,
    },
    /// 1451: a row to which another one refers.
    #[error("Cannot delete or update a parent row: a foreign key constraint fails ({key})")]
    ParentRow {
        /// The foreign key, and whose it is.
        key: Arc<str>,
    },
    /// 1452: a row that refers to none.
    #[error("Cannot add or update a child row: a foreign key constraint fails ({key})")]
    NoParentRow {
        /// The foreign key, and whose it is.
        key: Arc<str>,
    },
    /// 3008: actions of foreign keys that set off others, and these others.
    #[error("Foreign key cascade delete/update exceeds max depth of 15.")]
    CascadeDepth,
    /// 9007: another transaction changed a row after this statement's snapshot; the session may try again.
    #[error("write conflict on '{key}' of table {table}")]
    WriteConflict {
        /// `database.table`.
        table: String,
        /// The key's values.
        key: String,
    },
    /// 8133: an index has entries for which the table has no rows.
    #[error(
        "data inconsistency in table: {table}, index: {index}, index-count:{entries} != record-count:{rows}"
    )]
    LostRows {
        /// The table.
        table: Arc<str>,
        /// The index.
        index: Arc<str>,
        /// Different rows that entries of one batch point to.
        entries: u64,
        /// Rows that are there.
        rows: u64,
    },
    /// 8501: whether the statement's transaction was committed is not known.
    #[error("result of the transaction is undetermined")]
    Undetermined,
    /// The store could not do what was asked.
    #[error(transparent)]
    Storage(#[from] allod_storage::error::Error),
    /// 1317: the session asked to stop, or dropped the result.
    #[error("query execution was interrupted")]
    Cancelled,
    /// 3024: the statement ran longer than it may.
    #[error("Query execution was interrupted, maximum statement execution time exceeded")]
    TimedOut,
    /// 8175: the statement wanted more memory than it may have.
    #[error("out of memory quota: the limit is {limit} bytes")]
    Memory {
        /// The limit.
        limit: u64,
    },
    /// The plan asks for what the executor cannot do: a bug of whoever made the plan.
    #[error("cannot execute this plan: {0}")]
    Plan(String),
    /// A bug: a worker panicked. Only this statement suffers.
    #[error("internal error: {0}")]
    Panic(String),
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Error {
        Error::Panic(error.to_string())
    }
}

/// Result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The error with the columns of its expression under these names, by the number of their ids.
    pub(crate) fn naming(self, name: impl Fn(u32) -> Option<String>) -> Error {
        let (Error::OutOfRange { expression, .. } | Error::ConcatCut { expression }) = &self else {
            return self;
        };
        let mut named = String::with_capacity(expression.len());
        let mut parts = expression.split("Column#");
        named.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            match part[..digits].parse().ok().and_then(&name) {
                Some(name) => named.push_str(&name),
                None => {
                    named.push_str("Column#");
                    named.push_str(&part[..digits]);
                }
            }
            named.push_str(&part[digits..]);
        }
        let expression = named.into();
        match self {
            Error::OutOfRange { ty, .. } => Error::OutOfRange { ty, expression },
            _ => Error::ConcatCut { expression },
        }
    }
}

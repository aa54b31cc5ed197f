//! One error type for everything that reaches a user, with MySQL's code and SQLSTATE, and the one table that gives them.
//!
//! The lower crates say whose fault it is in enums of their own; here, and nowhere else, a variant becomes a number. An
//! error that has no number in MySQL gets 1105 (unknown error), as in TiDB.

pub mod code;
mod planner;

use std::fmt;

use allod_planner::Position;

/// What went wrong, as a MySQL client would see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    code: u16,
    message: String,
    position: Option<Position>,
    hint: Option<String>,
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
        Error { code, message, position: None, hint: None }
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

    fn hinting(mut self, hint: Option<&str>) -> Error {
        self.hint = hint.map(String::from);
        self
    }

    /// MySQL's error number.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The SQLSTATE that goes with the number.
    pub fn sqlstate(&self) -> &'static str {
        code::sqlstate(self.code)
    }

    /// The text, without number and place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The place in the text of the statement that the error is about, if there is one.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// What was expected there, of an error of syntax: more than MySQL's message says.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the same statement may well succeed when it is run again: it lost against another writer.
    pub fn is_retryable(&self) -> bool {
        matches!(self.code, code::WRITE_CONFLICT | code::SCHEMA_CHANGED)
    }

    /// Whether a statement that is a transaction by itself runs again: also if it was chosen to end a deadlock, for it held nothing
    /// that it had before.
    pub(crate) fn is_retryable_alone(&self) -> bool {
        self.is_retryable() || self.code == code::DEADLOCK
    }
}

/// `ERROR 1146 (42S02): Table 'test.t' doesn't exist`, as the mysql client prints it.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ERROR {} ({}): {}", self.code, self.sqlstate(), self.message)
    }
}

impl std::error::Error for Error {}

impl From<allod_executor::Error> for Error {
    fn from(error: allod_executor::Error) -> Error {
        use allod_executor::Error as E;
        let code = match &error {
            E::OutOfRange { .. } | E::ConstantOverflow { .. } => code::OUT_OF_RANGE,
            E::AssignOutOfRange { .. } => code::ASSIGN_OUT_OF_RANGE,
            E::AssignTruncated { .. } | E::AssignUnseen { .. } | E::AssignLongValue { .. } => {
                code::ASSIGN_TRUNCATED
            }
            E::AssignIncorrectTime { .. } | E::TruncatedWrongValue { .. } | E::WrongValue { .. } => {
                code::TRUNCATED_WRONG_VALUE
            }
            E::ConcatCut { .. } => code::CONCAT_CUT,
            E::DatetimeOverflow => code::DATETIME_OVERFLOW,
            E::DivisionByZero => code::DIVISION_BY_ZERO,
            E::PacketOverflow { .. } => code::PACKET_OVERFLOW,
            E::AssignIncorrectNumber { .. } | E::AssignIncorrectText { .. } => code::ASSIGN_INCORRECT,
            E::AssignTooLong { .. } | E::CutTooLong { .. } => code::ASSIGN_TOO_LONG,
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
        let error = Error::from(allod_planner::parse("select 1,\n2 fro t").unwrap_err());
        assert_eq!((error.code(), error.sqlstate(), error.position()), (1064, "42000", Some(place)));
        assert!(error.to_string().starts_with("ERROR 1064 (42000): You have an error"), "{error}");
    }

    #[test]
    fn codes_without_a_state_of_their_own_have_the_general_one() {
        assert_eq!(code::sqlstate(1105), "HY000");
        assert_eq!(code::sqlstate(4711), "HY000");
        assert_eq!(code::sqlstate(1062), "23000");
    }
}

//! What may be wrong with documents, paths and the arguments of functions of JSON.

use std::sync::Arc;

use allod_storage::schema::json::JsonFault as TextFault;

/// Why a function of JSON failed, in MySQL's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// 3140: a text that is stored in a column is no document.
    #[error("Invalid JSON text: \"{message}\" at position {position} in value for column '{column}'.")]
    Text {
        /// What is wrong.
        message: &'static str,
        /// Where, in bytes from 0.
        position: usize,
        /// The column.
        column: Arc<str>,
    },
    /// 3141: an argument is no document.
    #[error(
        "Invalid JSON text in argument {argument} to function {function}: \"{message}\" at position {position}."
    )]
    Argument {
        /// What is wrong.
        message: &'static str,
        /// Where, in bytes from 0.
        position: usize,
        /// Counted from 1.
        argument: usize,
        /// Its name.
        function: &'static str,
    },
    /// 3143: a path is none.
    #[error("Invalid JSON path expression. The error is around character position {0}.")]
    Path(usize),
    /// 3144: bytes where a document is due.
    #[error("Cannot create a JSON value from a string with CHARACTER SET 'binary'.")]
    CharacterSet,
    /// 3853: another document where an object is due.
    #[error("Invalid JSON type in argument {argument} to function {function}; an object is required.")]
    NoObject {
        /// Counted from 1.
        argument: usize,
        /// Its name.
        function: &'static str,
    },
    /// 3149: a path that may lead to several places where there must be one.
    #[error("In this situation, path expressions may not contain the * and ** tokens or an array range.")]
    Wildcard,
    /// 3153: `$` where the document itself cannot be meant.
    #[error("The path expression '$' is not allowed in this context.")]
    Vacuous,
    /// 3154: neither 'one' nor 'all'.
    #[error("The oneOrAll argument to {0} may take these values: 'one' or 'all'.")]
    OneOrAll(&'static str),
    /// 3157: a document is nested too deeply.
    #[error("The JSON document exceeds the maximum depth.")]
    TooDeep,
    /// 3158: a key is NULL.
    #[error("JSON documents may not contain NULL member names.")]
    NullKey,
    /// 3966: JSON_VALUE finds nothing.
    #[error("No value was found by '{0}' on the specified path.")]
    Missing(&'static str),
    /// 3967: JSON_VALUE finds several values.
    #[error("More than one value was found by '{0}' on the specified path.")]
    Several(&'static str),
    /// 1690: what JSON_VALUE finds is none of its type.
    #[error("{ty} value is out of range in '{function}'")]
    OutOfRange {
        /// The type.
        ty: &'static str,
        /// Its name.
        function: &'static str,
    },
    /// 3165: a path does not end in a cell of an array.
    #[error("A path expression is not a path to a cell in an array.")]
    NotACell,
}

impl JsonFault {
    /// MySQL's number.
    pub fn code(&self) -> u16 {
        match self {
            JsonFault::Text { .. } => 3140,
            JsonFault::Argument { .. } => 3141,
            JsonFault::Path(_) => 3143,
            JsonFault::CharacterSet => 3144,
            JsonFault::NoObject { .. } => 3853,
            JsonFault::Wildcard => 3149,
            JsonFault::Vacuous => 3153,
            JsonFault::OneOrAll(_) => 3154,
            JsonFault::TooDeep => 3157,
            JsonFault::NullKey => 3158,
            JsonFault::NotACell => 3165,
            JsonFault::Missing(_) => 3966,
            JsonFault::Several(_) => 3967,
            JsonFault::OutOfRange { .. } => 1690,
        }
    }

    /// Of a text that is an argument of a function.
    pub(super) fn of_argument(fault: TextFault, argument: usize, function: &'static str) -> JsonFault {
        match fault {
            TextFault::Syntax { message, position } => {
                JsonFault::Argument { message, position, argument, function }
            }
            TextFault::TooDeep => JsonFault::TooDeep,
        }
    }

    /// Of a text that is stored.
    pub(super) fn of_column(fault: TextFault, column: &Arc<str>) -> JsonFault {
        match fault {
            TextFault::Syntax { message, position } => {
                JsonFault::Text { message, position, column: Arc::clone(column) }
            }
            TextFault::TooDeep => JsonFault::TooDeep,
        }
    }
}

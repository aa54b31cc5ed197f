//! Errors of the executor, each saying whose fault it is.

/// Why a statement could not run to its end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The session asked to stop, or dropped the result.
    #[error("query execution was interrupted")]
    Cancelled,
    /// The statement wanted more memory than it may have.
    #[error("out of memory quota: the limit is {limit} bytes")]
    Memory {
        /// The limit.
        limit: u64,
    },
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

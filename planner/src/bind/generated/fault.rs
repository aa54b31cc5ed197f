//! What can be wrong with a generated column.

/// Faults of generated columns. The numbers are MySQL's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeneratedFault {
    /// 1221.
    #[error("incorrect usage of {0} and generated column")]
    Usage(&'static str),
    /// 3102: what it yields would depend on more than the row.
    #[error("expression of generated column '{0}' contains a disallowed function.")]
    Function(String),
    /// 3105.
    #[error("the value specified for generated column '{column}' in table '{table}' is not allowed.")]
    Value {
        /// The column.
        column: String,
        /// Its table.
        table: String,
    },
    /// 3106: a change or a use that only other columns know.
    #[error("'{0}' is not supported for generated columns.")]
    Unsupported(&'static str),
    /// 3107.
    #[error("generated column can refer only to generated columns defined prior to it.")]
    NonPrior,
    /// 3108: the column cannot be dropped or renamed.
    #[error("column '{0}' has a generated column dependency.")]
    Dependency(String),
    /// 3109.
    #[error("generated column '{0}' cannot refer to auto-increment column.")]
    AutoIncrement(String),
}

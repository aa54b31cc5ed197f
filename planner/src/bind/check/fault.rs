//! What can be wrong with a CHECK constraint.

/// Faults of CHECK constraints. The numbers are MySQL's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckFault {
    /// 1054: ALTER TABLE with a condition of what is no column.
    #[error("Unknown column '{column}' in 'check constraint {check} expression'")]
    Unknown {
        /// The constraint.
        check: String,
        /// What is no column.
        column: String,
    },
    /// 1059.
    #[error("Identifier name '{0}' is too long")]
    NameTooLong(String),
    /// 3812: the condition is a value of which nobody says that it is true or false.
    #[error("An expression of non-boolean type specified to a check constraint '{0}'.")]
    NotBoolean(String),
    /// 3813: what stands behind one column is about that column.
    #[error("Column check constraint '{0}' references other column.")]
    OtherColumn(String),
    /// 3814: what it yields would depend on more than the row.
    #[error("An expression of a check constraint '{check}' contains disallowed function: {function}.")]
    Function {
        /// The constraint.
        check: String,
        /// The function.
        function: String,
    },
    /// 3815: a subquery.
    #[error("An expression of a check constraint '{0}' contains disallowed function.")]
    Subquery(String),
    /// 3816.
    #[error("An expression of a check constraint '{0}' cannot refer to a user or system variable.")]
    Variable(String),
    /// 3818.
    #[error("Check constraint '{0}' cannot refer to an auto-increment column.")]
    AutoIncrement(String),
    /// 3820: CREATE TABLE with a condition of what is no column.
    #[error("Check constraint '{check}' refers to non-existing column '{column}'.")]
    NoSuchColumn {
        /// The constraint.
        check: String,
        /// What is no column.
        column: String,
    },
    /// 3822.
    #[error("Duplicate check constraint name '{0}'.")]
    DuplicateName(String),
    /// 3940: DROP or ALTER of what is not there.
    #[error("Constraint '{0}' does not exist.")]
    NotFound(String),
    /// 3959: the column cannot be dropped or renamed.
    #[error("Check constraint '{check}' uses column '{column}', hence column cannot be dropped or renamed.")]
    Dependency {
        /// The constraint.
        check: String,
        /// The column.
        column: String,
    },
}

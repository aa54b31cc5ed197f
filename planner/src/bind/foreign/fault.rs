//! What can be wrong with a foreign key.

/// Faults of foreign keys. The numbers are MySQL's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignFault {
    /// 1239.
    #[error("Incorrect foreign key definition for '{0}': Key reference and table reference don't match")]
    CountMismatch(String),
    /// 1506. The words are MySQL's and TiDB's, who have no foreign keys on partitioned tables.
    #[error("Foreign key clause is not yet supported in conjunction with partitioning")]
    Partitioned,
    /// 1553.
    #[error("Cannot drop index '{0}': needed in a foreign key constraint")]
    IndexNeeded(String),
    /// 1701: TRUNCATE of a table that another one refers to.
    #[error("Cannot truncate a table referenced in a foreign key constraint ({0})")]
    CannotTruncate(String),
    /// 1822.
    #[error(
        "Failed to add the foreign key constraint. Missing index for constraint '{key}' in the referenced table '{table}'"
    )]
    NoIndex {
        /// The foreign key.
        key: String,
        /// The table that it refers to.
        table: String,
    },
    /// 1824.
    #[error("Failed to open the referenced table '{0}'")]
    NoTable(String),
    /// 1826.
    #[error("Duplicate foreign key constraint name '{0}'")]
    DuplicateName(String),
    /// 1828.
    #[error("Cannot drop column '{column}': needed in a foreign key constraint '{key}'")]
    ColumnNeeded {
        /// The column.
        column: String,
        /// The foreign key.
        key: String,
    },
    /// 1829.
    #[error("Cannot drop column '{column}': needed in a foreign key constraint '{key}' of table '{table}'")]
    ColumnReferred {
        /// The column.
        column: String,
        /// The foreign key.
        key: String,
        /// Whose it is.
        table: String,
    },
    /// 1830.
    #[error("Column '{column}' cannot be NOT NULL: needed in a foreign key constraint '{key}' SET NULL")]
    NotNull {
        /// The column.
        column: String,
        /// The foreign key.
        key: String,
    },
    /// 1832.
    #[error("Cannot change column '{column}': used in a foreign key constraint '{key}'")]
    ColumnUsed {
        /// The column.
        column: String,
        /// The foreign key.
        key: String,
    },
    /// 1833.
    #[error("Cannot change column '{column}': used in a foreign key constraint '{key}' of table '{table}'")]
    ColumnUsedBy {
        /// The column.
        column: String,
        /// The foreign key.
        key: String,
        /// `database.table`.
        table: String,
    },
    /// 3104: SET NULL or CASCADE would write to a generated column.
    #[error("Cannot define foreign key with {0} clause on a generated column.")]
    Generated(&'static str),
    /// 3730: DROP of a table that another one refers to.
    #[error("Cannot drop table '{table}' referenced by a foreign key constraint '{key}' on table '{child}'.")]
    CannotDrop {
        /// The table.
        table: String,
        /// The foreign key.
        key: String,
        /// Whose it is.
        child: String,
    },
    /// 3734.
    #[error(
        "Failed to add the foreign key constraint. Missing column '{column}' for constraint '{key}' in the referenced table '{table}'"
    )]
    NoColumn {
        /// What is no column.
        column: String,
        /// The foreign key.
        key: String,
        /// The table that it refers to.
        table: String,
    },
    /// 3978: whose rows nobody has looked at yet.
    #[error(
        "Foreign key creation is not allowed with CREATE TABLE as SELECT and CREATE TABLE LIKE statement."
    )]
    WithSelect,
    /// 3780.
    #[error(
        "Referencing column '{column}' and referenced column '{referenced}' in foreign key constraint '{key}' are incompatible."
    )]
    Incompatible {
        /// The column.
        column: String,
        /// The column that it refers to.
        referenced: String,
        /// The foreign key.
        key: String,
    },
    /// 3823.
    #[error(
        "Column '{column}' cannot be used in a check constraint '{check}': needed in a foreign key constraint referential action."
    )]
    Checked {
        /// The column.
        column: String,
        /// The CHECK constraint.
        check: String,
    },
}

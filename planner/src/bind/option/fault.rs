//! What can be wrong with options of tables and indexes.

/// Faults of options. The numbers are MySQL's and TiDB's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionFault {
    /// 1105: COMPACT PARTITION of a table that has none.
    #[error("table:{table} is not a partition table, but user specify partition name list:[{list}]")]
    CompactPartitions {
        /// The table.
        table: String,
        /// The names, with blanks between them.
        list: String,
    },
    /// 3522: INVISIBLE of a primary key, or of the UNIQUE key that stands for one.
    #[error("A primary key index cannot be invisible")]
    InvisiblePrimaryKey,
    /// 8148.
    #[error("Field '{0}' is of a not supported type for TTL config, expect DATETIME, DATE or TIMESTAMP")]
    TtlColumnType(String),
    /// 8149.
    #[error("Cannot drop column '{0}': needed in TTL config")]
    TtlColumnNeeded(String),
    /// 8150.
    #[error("Cannot set {0} on a table without TTL config")]
    NoTtl(&'static str),
    /// 8152.
    #[error("Set TTL for a table referenced by foreign key is not allowed")]
    TtlReferred,
    /// 8153.
    #[error("Unsupported clustered primary key type FLOAT/DOUBLE for TTL")]
    TtlPrimaryKey,
    /// 8232.
    #[error("CREATE/ALTER table with union option is not supported")]
    Union,
    /// 8233.
    #[error("CREATE/ALTER table with insert method option is not supported")]
    InsertMethod,
    /// 8242: what may not be done to a cached table, or what table may not be cached.
    #[error("'{0}' is unsupported on cache tables.")]
    Cached(&'static str),
}

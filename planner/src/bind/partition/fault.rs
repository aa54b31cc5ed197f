//! What can be wrong with partitions, in MySQL's and TiDB's words.

/// Why partitions cannot be defined or changed so. The number in each doc comment is MySQL's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartitionFault {
    /// 1479: RANGE or LIST, and a partition without VALUES.
    #[error("syntax : {method} PARTITIONING requires definition of VALUES {values} for each partition")]
    RequiresValues {
        /// `RANGE`, `LIST`.
        method: &'static str,
        /// `LESS THAN`, `IN`.
        values: &'static str,
    },
    /// 1480: VALUES of another method.
    #[error("only {method} PARTITIONING can use VALUES {values} in partition definition")]
    WrongValues {
        /// `RANGE`, `LIST`.
        method: &'static str,
        /// `LESS THAN`, `IN`.
        values: &'static str,
    },
    /// 1481.
    #[error("MAXVALUE can only be used in last partition definition")]
    MaxValueNotLast,
    /// 1484.
    #[error("wrong number of partitions defined, mismatch with previous setting")]
    CountMismatch,
    /// 1486.
    #[error(
        "constant, random or timezone-dependent expressions in (sub)partitioning function are not allowed"
    )]
    ConstantExpression,
    /// 1488.
    #[error("field in list of fields for partition function not found in table")]
    FieldNotFound,
    /// 1492.
    #[error("for {0} partitions each partition must be defined")]
    MustBeDefined(&'static str),
    /// 1493.
    #[error("VALUES LESS THAN value must be strictly increasing for each partition")]
    NotIncreasing,
    /// 1495.
    #[error("multiple definition of same constant in list partitioning")]
    DuplicateConstant,
    /// 1500.
    #[error(
        "it is only possible to mix RANGE/LIST partitioning with HASH/KEY partitioning for subpartitioning"
    )]
    Subpartition,
    /// 1502.
    #[error("a BLOB field is not allowed in partition function")]
    BlobField,
    /// 1505.
    #[error("partition management on a not partitioned table is not possible")]
    NotPartitioned,
    /// 1507.
    #[error("error in list of partitions to {0}")]
    UnknownInList(&'static str),
    /// 1508.
    #[error("cannot remove all partitions, use DROP TABLE instead")]
    CannotRemoveAll,
    /// 1509.
    #[error("COALESCE PARTITION can only be used on HASH/KEY partitions")]
    CoalesceOnlyHash,
    /// 1510.
    #[error("REORGANIZE PARTITION can only be used to reorganize partitions not to change their numbers")]
    ReorganizeSameNumber,
    /// 1511.
    #[error(
        "REORGANIZE PARTITION without parameters can only be used on auto-partitioned tables using HASH PARTITIONs"
    )]
    ReorganizeWithoutParameters,
    /// 1512: `ADD`, `DROP`, `REORGANIZE` with values.
    #[error("{0} PARTITION can only be used on RANGE/LIST partitions")]
    OnlyRangeList(&'static str),
    /// 1514.
    #[error("at least one partition must be added")]
    NothingToAdd,
    /// 1515.
    #[error("at least one partition must be coalesced")]
    NothingToCoalesce,
    /// 1517.
    #[error("duplicate partition name {0}")]
    DuplicateName(String),
    /// 8200, where MySQL has 1519.
    #[error("unsupported REORGANIZE PARTITION of RANGE; not adjacent partitions")]
    NotConsecutive,
    /// 1520.
    #[error(
        "reorganize of range partitions cannot change total ranges except for last partition where it can extend the range"
    )]
    ReorganizeOutsideRange,
    /// 1563.
    #[error("partition constant is out of partition function domain")]
    ConstantDomain,
    /// 1566.
    #[error("not allowed to use NULL value in VALUES LESS THAN")]
    NullBound,
    /// 1652.
    #[error("duplicate partition field name '{0}'")]
    DuplicateField(String),
    /// 1567: a name that is empty or ends with a blank.
    #[error("incorrect partition name")]
    WrongName,
    /// 1653.
    #[error("inconsistency in usage of column lists for partitioning")]
    ColumnList,
    /// 1654.
    #[error("partition column values of incorrect type")]
    ColumnValueType,
    /// 1655: more than 16.
    #[error("too many fields in '{0}'")]
    TooManyFields(&'static str),
    /// 1659.
    #[error("field '{0}' is of a not allowed type for this type of partitioning")]
    FieldType(String),
    /// 1697.
    #[error("VALUES value for partition '{0}' must have type INT")]
    ValueNotInteger(String),
    /// 1732.
    #[error("table to exchange with partition is partitioned: '{0}'")]
    ExchangePartitioned(String),
    /// 1736.
    #[error("tables have different definitions")]
    DifferentDefinitions,
    /// 8264.
    #[error(
        "Global Index is needed for index '{0}', since the unique index is not including all partitioning columns, and GLOBAL is not given as IndexOption"
    )]
    GlobalNeeded(String),
    /// 1747.
    #[error("PARTITION () clause on non partitioned table")]
    ClauseOnNonPartitioned,
}

//! The numbers of what the planner says.

use super::{Error, code};

impl From<allod_planner::Error> for Error {
    fn from(error: allod_planner::Error) -> Error {
        use allod_planner::Error as E;
        let code = match &error {
            E::Syntax(_) => code::SYNTAX,
            E::TooComplex(_) => code::TOO_COMPLEX,
            E::NotSupported(_) => code::NOT_SUPPORTED,
            E::AsOf(_) => code::AS_OF,
            E::Batch(_) | E::TraceFormat | E::ReadLock | E::ColumnarReplicas(_) => code::UNKNOWN,
            E::UnknownExplainFormat(_) => code::UNKNOWN_EXPLAIN_FORMAT,
            E::NoDatabase => code::NO_DATABASE,
            E::AccessDenied { .. } => code::ACCESS_DENIED,
            E::TableDenied { .. } => code::TABLE_DENIED,
            E::ColumnDenied { .. } => code::COLUMN_DENIED,
            E::ViewNotExplained => code::VIEW_NOT_EXPLAINED,
            E::UnknownDatabase(_) => code::UNKNOWN_DATABASE,
            E::UnknownTable { .. } => code::NO_SUCH_TABLE,
            E::WrongObject { .. } => code::WRONG_OBJECT,
            E::ViewVariable => code::VIEW_VARIABLE,
            E::DefaultFunction { .. } => code::DEFAULT_FUNCTION,
            E::TableOptionOverflow(_) | E::AutoIdCache => code::UNKNOWN,
            E::AutoRandom(_) => code::AUTO_RANDOM,
            E::SequenceConflict { .. } => code::SEQUENCE_CONFLICT,
            E::SequenceTableOption(_) => code::SEQUENCE_TABLE_OPTION,
            E::SequenceDefaultType(_) => code::SEQUENCE_DEFAULT_TYPE,
            E::SequenceDefaultAdded(_) => code::SEQUENCE_DEFAULT_ADDED,
            E::SequenceWritten(..) => code::UNKNOWN,
            E::NoTables => code::NO_TABLES,
            E::Split(_) => code::SPLIT_REGION,
            E::InvalidView(_) => code::INVALID_VIEW,
            E::ViewRecursion { .. } => code::VIEW_RECURSION,
            E::UnknownRelation(_) => code::UNKNOWN_TABLE,
            E::UnresolvedLock(_) => code::UNRESOLVED_TABLE_LOCK,
            E::LockedTwice(_) => code::DUPLICATE_TABLE_LOCK,
            E::UnknownColumn { .. } => code::UNKNOWN_COLUMN,
            E::AmbiguousColumn { .. } => code::AMBIGUOUS_COLUMN,
            E::DuplicateAlias(_) => code::DUPLICATE_ALIAS,
            E::UnknownFunction { .. } | E::UnknownProcedure(_) => code::DOES_NOT_EXIST,
            E::ArgumentCount(_) => code::ARGUMENT_COUNT,
            E::BadArguments(_) | E::ParameterCount { .. } => code::WRONG_ARGUMENTS,
            E::InvalidAggregate => code::INVALID_AGGREGATE,
            E::CannotGroupOn(_) => code::CANNOT_GROUP_ON,
            E::Recursion { fault, .. } => recursion_fault(*fault),
            E::RecursiveReference(_) => code::RECURSION_NO_SEED,
            E::GroupingOfNoKey(_) => code::GROUPING_OF_NO_KEY,
            E::NotGrouped { .. } => code::NOT_GROUPED,
            E::MixedAggregate { .. } => code::MIXED_AGGREGATE,
            E::AggregateInOrder(_) => code::AGGREGATE_IN_ORDER,
            E::AggregateInUnionOrder(_) => code::AGGREGATE_IN_UNION_ORDER,
            E::OrderByNotInDistinct(_) => code::ORDER_BY_NOT_IN_DISTINCT,
            E::UnionColumnCount => code::UNION_COLUMN_COUNT,
            E::OperandColumns(_) => code::OPERAND_COLUMNS,
            E::DerivedWithoutAlias => code::DERIVED_WITHOUT_ALIAS,
            E::ColumnListCount(_) => code::COLUMN_LIST_COUNT,
            E::ValueCount { .. } => code::VALUE_COUNT,
            E::ColumnTwice(_) => code::COLUMN_TWICE,
            E::NoDefault(_) => code::NO_DEFAULT,
            E::ColumnNotNull(_) => code::COLUMN_NOT_NULL,
            E::IncorrectLiteral { .. } | E::TruncatedLiteral { .. } => code::TRUNCATED_WRONG_VALUE,
            E::DuplicatedMember { .. } => code::DUPLICATED_MEMBER,
            E::TooManyMembers(_) => code::TOO_MANY_MEMBERS,
            E::TooBigDisplayWidth { .. } => code::TOO_BIG_DISPLAY_WIDTH,
            E::InvalidSize(_) => code::INVALID_SIZE,
            E::IllegalLiteral { .. } => code::ILLEGAL_LITERAL,
            E::OutOfRange { .. } => code::OUT_OF_RANGE,
            E::UnknownVariable(_) => code::UNKNOWN_VARIABLE,
            E::DuplicateColumn(_) => code::DUPLICATE_COLUMN,
            E::DuplicateKeyName(_) => code::DUPLICATE_KEY_NAME,
            E::UnknownKey { .. } => code::UNKNOWN_KEY,
            E::CannotDrop(_) => code::CANNOT_DROP,
            E::LastColumn { .. } => code::LAST_COLUMN,
            E::PartitionDependency(_) => code::PARTITION_DEPENDENCY,
            E::Unsupported(_) => code::UNSUPPORTED_DDL,
            E::MultiplePrimaryKeys => code::MULTIPLE_PRIMARY_KEYS,
            E::UnknownKeyColumn(_) => code::UNKNOWN_KEY_COLUMN,
            E::NoColumns => code::NO_COLUMNS,
            E::NullablePrimaryKey => code::NULLABLE_PRIMARY_KEY,
            E::BlobKey(_) => code::BLOB_KEY,
            E::JsonKey(_) => code::JSON_KEY,
            E::DefaultNotAllowed(_) => code::DEFAULT_NOT_ALLOWED,
            E::UnknownCharset(_) => code::UNKNOWN_CHARSET,
            E::UnsupportedIntroducer(_) => code::UNKNOWN_CHARSET,
            E::CollationCharset { .. } => code::COLLATION_CHARSET,
            E::IllegalMix { .. } => code::ILLEGAL_MIX,
            E::IllegalMixOfThree { .. } => code::ILLEGAL_MIX_OF_THREE,
            E::CannotConvertString { .. } => code::CANNOT_CONVERT_STRING,
            E::IllegalMixOfAll(_) => code::ILLEGAL_MIX_OF_ALL,
            E::UnknownCollation(_) => code::UNKNOWN_COLLATION,
            E::ConflictingCharsets(..) => code::CONFLICTING_CHARSETS,
            E::JsonCharacterSet => code::JSON_CHARACTER_SET,
            E::ArgumentType { .. } => code::ARGUMENT_TYPE,
            E::JsonArgumentType { .. } => code::JSON_ARGUMENT_TYPE,
            E::InvalidDefault(_) => code::INVALID_DEFAULT,
            E::ColumnSpecifier(_) => code::COLUMN_SPECIFIER,
            E::AutoColumn => code::AUTO_COLUMN,
            E::TooBig { what: "scale", .. } => code::TOO_BIG_SCALE,
            E::TooBig { what: "precision", .. } | E::TooBigPrecision { .. } => code::TOO_BIG_PRECISION,
            E::TooBig { .. } => code::TOO_LONG,
            E::ScaleAbovePrecision(_) => code::SCALE_ABOVE_PRECISION,
            E::UniqueKeyWithoutPartitionColumn(_) => code::UNIQUE_WITHOUT_PARTITION_COLUMN,
            E::Partition(fault) => partition_fault(fault),
            E::Generated(fault) => generated_fault(fault),
            E::Check(fault) => check_fault(fault),
            E::Foreign(fault) => foreign_fault(fault),
            E::Option(fault) => option_fault(fault),
            E::Limit(fault) => limit_fault(fault),
            E::Temporary(fault) => temporary_fault(fault),
            E::Window(fault) => window_fault(fault),
            E::Key(fault) => key_fault(fault),
            E::PartitionFunction => code::PARTITION_FUNCTION,
            E::PartitionFunctionType => code::PARTITION_FUNCTION_TYPE,
            E::PartitionCount { given: 0, .. } => code::NO_PARTITIONS,
            E::PartitionCount { .. } => code::TOO_MANY_PARTITIONS,
            E::UnknownPartition { .. } => code::UNKNOWN_PARTITION,
            E::NotUpdatable { .. } => code::NOT_UPDATABLE,
            E::UnknownTarget(_) => code::UNKNOWN_TARGET,
            E::InvalidOnUpdate(_) => code::INVALID_ON_UPDATE,
            E::IncorrectUsage { .. } => code::INCORRECT_USAGE,
            E::KeyUpdatedTwice { .. } => code::KEY_UPDATED_TWICE,
            E::MemoryTable { code, .. } => *code,
            E::Internal(_) | E::PercentOutOfRange(_) | E::BindingMismatch { .. } => code::UNKNOWN,
        };
        Error::new(code, error.to_string()).at(error.position()).hinting(error.hint())
    }
}

/// Expressions that read themselves have a number for each fault.
fn recursion_fault(fault: allod_planner::bind::RecursionFault) -> u16 {
    use allod_planner::bind::RecursionFault as F;
    match fault {
        F::NoUnion => code::RECURSION_NO_UNION,
        F::NoSeed => code::RECURSION_NO_SEED,
        F::Aggregates => code::RECURSION_AGGREGATES,
        F::FarSide => code::RECURSION_FAR_SIDE,
        F::ReferencedTwice => code::RECURSION_REFERENCED_TWICE,
    }
}

/// So have windows.
fn window_fault(fault: &allod_planner::bind::WindowFault) -> u16 {
    use allod_planner::bind::WindowFault as F;
    match fault {
        F::Unknown(_) => 3579,
        F::Circular => 3580,
        F::ChildPartitions => 3581,
        F::ParentFrame(_) => 3582,
        F::TwoOrders { .. } => 3583,
        F::FrameStart(_) => 3584,
        F::FrameEnd(_) => 3585,
        F::FrameValue(_) => 3586,
        F::RangeKey(_) => 3587,
        F::RangeOfTime(_) => 3588,
        F::RangeOfNumbers(_) => 3589,
        F::Twice(_) => 3591,
        F::Misplaced(_) => 3593,
        F::Alias(_) => 3594,
        F::IntervalOfRows(_) => 3596,
    }
}

/// Partitions have numbers of their own, all with the general SQLSTATE.
fn partition_fault(fault: &allod_planner::bind::PartitionFault) -> u16 {
    use allod_planner::bind::PartitionFault as F;
    match fault {
        F::RequiresValues { .. } => 1479,
        F::WrongValues { .. } => 1480,
        F::MaxValueNotLast => 1481,
        F::CountMismatch => 1484,
        F::ConstantExpression => 1486,
        F::FieldNotFound => 1488,
        F::MustBeDefined(_) => 1492,
        F::NotIncreasing => 1493,
        F::DuplicateConstant => 1495,
        F::Subpartition => 1500,
        F::BlobField => 1502,
        F::NotPartitioned => 1505,
        F::UnknownInList(_) => 1507,
        F::CannotRemoveAll => 1508,
        F::CoalesceOnlyHash => 1509,
        F::ReorganizeSameNumber => 1510,
        F::ReorganizeWithoutParameters => 1511,
        F::OnlyRangeList(_) => 1512,
        F::NothingToAdd => 1514,
        F::NothingToCoalesce => 1515,
        F::DuplicateName(_) => 1517,
        F::NotConsecutive => 8200,
        F::ReorganizeOutsideRange => 1520,
        F::ConstantDomain => 1563,
        F::NullBound => 1566,
        F::DuplicateField(_) => 1652,
        F::ColumnList => 1653,
        F::WrongName => 1567,
        F::ColumnValueType => 1654,
        F::TooManyFields(_) => 1655,
        F::FieldType(_) => 1659,
        F::ValueNotInteger(_) => 1697,
        F::ExchangePartitioned(_) => 1732,
        F::DifferentDefinitions => 1736,
        F::ClauseOnNonPartitioned => 1747,
        F::GlobalNeeded(_) => 8264,
    }
}

/// Generated columns have numbers of their own too.
fn generated_fault(fault: &allod_planner::bind::GeneratedFault) -> u16 {
    use allod_planner::bind::GeneratedFault as F;
    match fault {
        F::Usage(_) => 1221,
        F::Function(_) => 3102,
        F::Value { .. } => 3105,
        F::Unsupported(_) => 3106,
        F::NonPrior => 3107,
        F::Dependency(_) => 3108,
        F::AutoIncrement(_) => 3109,
    }
}

/// And CHECK constraints.
fn check_fault(fault: &allod_planner::bind::CheckFault) -> u16 {
    use allod_planner::bind::CheckFault as F;
    match fault {
        F::Unknown { .. } => code::UNKNOWN_COLUMN,
        F::NameTooLong(_) => 1059,
        F::NotBoolean(_) => 3812,
        F::OtherColumn(_) => 3813,
        F::Function { .. } => 3814,
        F::Subquery(_) => 3815,
        F::Variable(_) => 3816,
        F::AutoIncrement(_) => 3818,
        F::NoSuchColumn { .. } => 3820,
        F::DuplicateName(_) => 3822,
        F::NotFound(_) => 3940,
        F::Dependency { .. } => 3959,
    }
}

/// Names and numbers.
fn limit_fault(fault: &allod_planner::bind::LimitFault) -> u16 {
    use allod_planner::bind::LimitFault as F;
    match fault {
        F::Name(_) => 1059,
        F::DatabaseName(_) => code::WRONG_DATABASE_NAME,
        F::TableName(_) => code::WRONG_TABLE_NAME,
        F::Keys => 1069,
        F::Columns => 1117,
        F::ColumnName(_) => 1166,
        F::IndexName(_) => 1280,
    }
}

/// Options.
fn option_fault(fault: &allod_planner::bind::OptionFault) -> u16 {
    use allod_planner::bind::OptionFault as F;
    match fault {
        F::CompactPartitions { .. } => 1105,
        F::InvisiblePrimaryKey => 3522,
        F::TtlColumnType(_) => 8148,
        F::TtlColumnNeeded(_) => 8149,
        F::NoTtl(_) => 8150,
        F::TtlReferred => 8152,
        F::TtlPrimaryKey => 8153,
        F::Union => 8232,
        F::InsertMethod => 8233,
        F::Cached(_) => 8242,
    }
}

/// And temporary tables.
fn temporary_fault(fault: &allod_planner::bind::TemporaryFault) -> u16 {
    use allod_planner::bind::TemporaryFault as F;
    match fault {
        F::ForeignKey => 1215,
        F::InView(_) => 1352,
        F::Partitioned => 1562,
        F::Exchanged(_) => 1733,
        F::Unsupported(_) => 8006,
        F::NotGlobal => 8007,
        F::Ttl => 8151,
        F::Local(_) | F::PreserveRows => 8200,
    }
}

/// And foreign keys.
fn foreign_fault(fault: &allod_planner::bind::ForeignFault) -> u16 {
    use allod_planner::bind::ForeignFault as F;
    match fault {
        F::CountMismatch(_) => 1239,
        F::Partitioned => 1506,
        F::WithSelect => 3978,
        F::IndexNeeded(_) => 1553,
        F::CannotTruncate(_) => 1701,
        F::NoIndex { .. } => 1822,
        F::NoTable(_) => 1824,
        F::DuplicateName(_) => 1826,
        F::ColumnNeeded { .. } => 1828,
        F::ColumnReferred { .. } => 1829,
        F::NotNull { .. } => 1830,
        F::ColumnUsed { .. } => 1832,
        F::ColumnUsedBy { .. } => 1833,
        F::Generated(_) => 3104,
        F::CannotDrop { .. } => 3730,
        F::NoColumn { .. } => 3734,
        F::Incompatible { .. } => 3780,
        F::Checked { .. } => 3823,
    }
}

/// And keys.
fn key_fault(fault: &allod_planner::bind::KeyFault) -> u16 {
    use allod_planner::bind::KeyFault as F;
    match fault {
        F::Empty(_) => code::KEY_OF_NOTHING,
        F::TooLong(_) => code::KEY_TOO_LONG,
        F::Prefix => 1089,
        F::NoLength(_) => 1391,
        F::Json => 3753,
        F::AutoIncrement(_) => 3754,
        F::Primary => 3756,
        F::Text => 3757,
        F::Function(_) => 3758,
        F::NotIndexable(_) => 3761,
        F::Column => 3762,
        F::Row(_) => 3800,
        F::Dependency(_) => 3837,
        F::Clustered => 8200,
    }
}

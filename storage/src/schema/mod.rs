//! What a table is, as plain data: types, columns, keys, indexes, partitions.
//!
//! Everything here is immutable once published. The catalog (in the engine) makes new versions; the planner, the executor
//! and the store only read them.

mod collation;
mod constraint;
mod date;
mod datum;
mod ids;
pub mod json;
mod members;
mod numbering;
mod options;
mod table;
mod types;

pub use collation::{Charset, Collation, unpadded};
pub use constraint::{CheckConstraint, Constraints, ForeignKey, ReferenceAction};
pub use date::{
    FIRST_DAY, ZERO_DATE, ZERO_DATETIME, civil_from_days, days_in_month, irregular_day, irregular_parts,
};
pub use datum::{Datum, DatumKey, nearest_double};
pub use ids::{IndexId, RegionId, SpaceId, StoreId, TableId, Timestamp};
pub use members::{ENUM_MEMBERS_MAX, Members, SET_MEMBERS_MAX};
pub use numbering::{AutoRandom, Numbering};
pub use options::{IndexOptions, TableOptions, TimeToLive};
pub use table::{
    ColumnDef, ColumnDefault, FloatDigits, Generated, GeneratedKind, IndexDescriptor, IndexState, KeyPart,
    PartitionDescriptor, PartitionMethod, PartitionScheme, ROW_ID_NAME, RangeBound, SpaceSchema,
    TableDescriptor, Temporary,
};
pub use types::{
    ColumnType, DECIMAL_PRECISION_MAX, DECIMAL_SCALE_MAX, DECIMAL64_PRECISION_MAX, IntWidth, SqlType,
    bit_bytes,
};

//! Newtypes for ids and timestamps, so that one cannot be passed for another.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }
    };
}

id!(
    /// A table, for as long as it exists; TRUNCATE gives it new spaces but keeps the id.
    TableId, "t"
);
id!(
    /// An index of one table.
    IndexId, "i"
);
id!(
    /// A sorted run of rows: the records of one table partition, or the entries of one index of it.
    SpaceId, "s"
);
id!(
    /// A key range of one space, the unit of placement, leadership and write ownership.
    RegionId, "r"
);
id!(
    /// A failure domain that holds replicas.
    StoreId, "store "
);

/// A point in the cluster's time, from the placement driver: milliseconds since 1970 shifted left by 18, plus a counter
/// (tidb.md A3, TSO). Strictly increasing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Later than any timestamp that is ever handed out.
    pub const MAX: Timestamp = Timestamp(u64::MAX);
    /// Bits of the logical counter.
    pub const LOGICAL_BITS: u32 = 18;

    /// From wall-clock milliseconds and a counter below 2^18.
    pub fn from_parts(physical_ms: u64, logical: u64) -> Timestamp {
        Timestamp(physical_ms << Self::LOGICAL_BITS | logical)
    }

    /// Milliseconds since 1970.
    pub fn physical_ms(self) -> u64 {
        self.0 >> Self::LOGICAL_BITS
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

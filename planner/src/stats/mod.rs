//! What is known of a table's rows.

pub(crate) mod cardinality;
mod collect;
mod distinct;
pub(crate) mod histogram;
pub(crate) mod selectivity;

use std::sync::Arc;

use allod_storage::schema::{Datum, Timestamp};

pub use collect::{ColumnCollector, collect};

/// Statistics of a table, immutable once published.
#[derive(Clone, Debug, PartialEq)]
pub struct TableStats {
    /// Whether nothing is known and TiDB's guesses stand in: 10,000 rows, equality 1/1000, range 1/3.
    pub pseudo: bool,
    /// Number of rows.
    pub rows: u64,
    /// One for each column of the descriptor; empty when pseudo.
    pub columns: Vec<Arc<ColumnStats>>,
    /// When the number of rows was told last; 0 = never.
    pub told: Timestamp,
    /// When the columns were looked at; `None` = never.
    pub analyzed: Option<Timestamp>,
}

impl TableStats {
    /// Rows of a table that nothing is known of.
    pub const PSEUDO_ROWS: u64 = 10_000;

    /// The guesses for a table that was never analysed.
    pub fn pseudo() -> TableStats {
        TableStats {
            pseudo: true,
            rows: Self::PSEUDO_ROWS,
            columns: Vec::new(),
            told: Timestamp::default(),
            analyzed: None,
        }
    }
}

/// Statistics of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnStats {
    /// Rows that are NULL.
    pub nulls: u64,
    /// Estimated number of distinct values, NULL not counted.
    pub distinct: u64,
    /// Least value; `None` if every row is NULL.
    pub min: Option<Datum>,
    /// Greatest value.
    pub max: Option<Datum>,
    /// Equi-depth histogram of the values that are not NULL; may be empty.
    pub histogram: Vec<Bucket>,
    /// Average bytes of a value.
    pub width: f64,
}

/// One bucket: the values in `lower..=upper`.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// Least value in the bucket.
    pub lower: Datum,
    /// Greatest value in the bucket.
    pub upper: Datum,
    /// Rows in this bucket and all before it.
    pub cumulative: u64,
    /// Rows equal to `upper`.
    pub repeats: u64,
    /// Distinct values in the bucket.
    pub distinct: u64,
}

//! What tables and indexes are declared with beside their columns.

use std::sync::Arc;

/// Options of an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexOptions {
    /// INVISIBLE: kept up and held to be unique as any other, but no query is planned with it.
    pub invisible: bool,
    /// COMMENT.
    pub comment: Arc<str>,
    /// GLOBAL: one space for the entries of all partitions.
    pub global: bool,
}

/// Options of a table that say nothing of its rows. They are kept and shown; nothing comes of them on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// ALTER TABLE … CACHE. Reads are from memory anyway; the table may not be altered meanwhile.
    pub cached: bool,
    /// TTL. Kept; rows are not deleted when their time has come.
    pub ttl: Option<TimeToLive>,
    /// SHARD_ROW_ID_BITS; 0 = none.
    pub shard_row_id_bits: u8,
    /// PRE_SPLIT_REGIONS; 0 = none.
    pub pre_split_regions: u8,
    /// PLACEMENT POLICY: where its rows are wished to be.
    pub placement: Option<Arc<str>>,
}

/// `TTL = column + INTERVAL amount unit`: for how long rows are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeToLive {
    /// The column with the time from which on it counts, of type DATE, DATETIME or TIMESTAMP.
    pub column: Arc<str>,
    /// The amount as SQL: `5`, `_utf8mb4'15:20'`.
    pub amount: Arc<str>,
    /// `DAY`, `HOUR_MINUTE`, ….
    pub unit: Arc<str>,
    /// TTL_ENABLE.
    pub enabled: bool,
    /// TTL_JOB_INTERVAL, as written: `1h`.
    pub job_interval: Arc<str>,
}

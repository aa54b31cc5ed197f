//! Lookups: for each of many keys (or prefixes of keys) all the rows that have it.
//!
//! This is how index joins and double reads fetch: a batch of keys goes out as Arrow columns, sorted, is cut by region, and
//! comes back as columns, with the number of the lookup that each row belongs to. No key is encoded, compared or answered by
//! itself.

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::Client;
use crate::error::{Error, Result};
use crate::schema::{SpaceId, Timestamp};

/// Keys to look up.
#[derive(Clone, Debug)]
pub struct LookupRequest {
    /// The space.
    pub space: SpaceId,
    /// Values of the leading columns of the space's key, a column of the stored type for each, as many rows as there are
    /// lookups; in ascending order of keys. NULL is a value like any other. If there are no bounds no two are alike.
    pub prefix: Vec<ArrayRef>,
    /// Lower bounds of the next column of the key, one for each lookup.
    pub low: Option<LookupBound>,
    /// Upper bounds of the next column of the key.
    pub high: Option<LookupBound>,
    /// Number of lookups (for a request without prefix columns).
    pub lookups: usize,
    /// As of when.
    pub ts: Timestamp,
    /// Columns to return.
    pub ordinals: Arc<[usize]>,
    /// Whether one row of each lookup is enough (the first in key order): existence.
    pub first_only: bool,
}

/// Bounds of one column, one for each lookup; no bound where it is NULL. A lookup with any bound finds no row that is NULL there.
#[derive(Clone, Debug)]
pub struct LookupBound {
    /// Of the stored type.
    pub values: ArrayRef,
    /// Whether the value itself is within.
    pub inclusive: bool,
}

/// Rows that were found.
#[derive(Clone, Debug)]
pub struct LookupResult {
    /// The wanted columns.
    pub columns: Vec<ArrayRef>,
    /// Rows found.
    pub rows: usize,
    /// For each row the number of the lookup that found it, ascending; rows of one lookup are in key order.
    pub positions: Vec<u32>,
}

impl Client {
    /// The rows with these keys at a timestamp.
    pub async fn lookup(&mut self, request: &LookupRequest) -> Result<LookupResult> {
        let _ = request;
        Err(Error::Internal("lookups are still to be written".into()))
    }
}

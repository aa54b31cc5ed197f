//! Filters that one pipeline makes for another: what a hash join knows of its build keys prunes the scan below its probe
//! side.
//!
//! Build sides run before the pipeline that probes them is built, so a filter is simply passed down to the scan, by value
//! and immutable. The scan gives its bounds to storage, to skip whole blocks, and asks it for each batch which rows may
//! have a match; it stops asking if the answer is mostly "all of them".

use std::fmt;

use allod_storage::schema::Datum;
use arrow::array::ArrayRef;

/// What is known of the values that have a match.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bounds {
    /// No value has a match: the scan yields nothing.
    Empty,
    /// All of them are in `low..=high`.
    Between(Datum, Datum),
    /// Nothing.
    Unknown,
}

/// Which values of a column may have a match. A NULL never has one.
pub(crate) trait RuntimeFilter: Send + Sync + fmt::Debug {
    /// Bounds of the values, for zone maps, as datums of the scanned column's type.
    fn bounds(&self) -> Bounds;
    /// Keeps of `among` (row positions, ascending) those whose value in `column` may have a match; `None` = all rows.
    fn retain(&self, column: &ArrayRef, among: Option<Vec<u32>>) -> Vec<u32>;
}

//! What it costs to get rows out of storage.
//!
//! Measured on this engine, on one core: a value of a sequential scan takes 0.1 to 0.5 ns, a row that is fetched by its handle
//! 40 ns if handles come sorted and close together and 100 ns if not, the search for one key 150 ns, and to open a scan of a
//! partition a microsecond.

/// Opening one scan of one partition.
const OPEN: f64 = 1_000.0;
/// Finding where a range begins.
const SEEK: f64 = 150.0;
/// Fetching one row by its handle, handles of a batch being sorted.
const FETCH: f64 = 60.0;
/// One more column of a fetched row.
const FETCHED_VALUE: f64 = 5.0;
/// One predicate on one row.
const PREDICATE: f64 = 0.5;
/// Uniting or intersecting one handle.
const HANDLE: f64 = 30.0;
/// What a scan that must keep the order pays more for each row, for it cannot be read in pieces side by side.
const ORDERED: f64 = 0.3;

/// Opening scans of so many partitions with so many ranges each.
pub(crate) fn open(partitions: usize, ranges: usize) -> f64 {
    partitions as f64 * (OPEN + ranges as f64 * SEEK)
}

/// Reading `rows` rows of `columns` columns one after the other and evaluating `predicates` on each.
pub(crate) fn read(rows: f64, columns: usize, predicates: usize) -> f64 {
    super::scan(rows, columns) + rows * PREDICATE * predicates as f64
}

/// What it costs more to read them in the order of the key.
pub(crate) fn in_order(rows: f64) -> f64 {
    rows * ORDERED
}

/// Fetching rows by handle and evaluating predicates on each.
pub(crate) fn fetch(rows: f64, columns: usize, predicates: usize) -> f64 {
    rows * (FETCH + FETCHED_VALUE * columns as f64 + PREDICATE * predicates as f64)
}

/// Looking up one whole key or the beginning of a range.
pub(crate) fn look_up(keys: f64) -> f64 {
    keys * SEEK
}

/// Uniting or intersecting so many handles.
pub(crate) fn merge_handles(handles: f64) -> f64 {
    handles * HANDLE
}

//! What operators cost, in units of "one row through one cheap step", about a nanosecond on one core.
//!
//! The model has four figures that matter: a scanned value is nearly free, a row that is probed costs more the larger
//! the table it is probed against (caches), a row that is built costs about twice that, and a row that comes out costs
//! the gathering of its columns. Everything runs on the same workers, so parallelism divides all costs alike and is left
//! out.

mod access;

pub(crate) use access::{fetch, in_order, look_up, merge_handles, open, read};

/// Rows whose hash table stays in the nearest caches.
const CACHED_ROWS: f64 = 16_384.0;

/// Reading `rows` rows of which `columns` columns are wanted.
pub(crate) fn scan(rows: f64, columns: usize) -> f64 {
    rows * (0.1 + 0.1 * columns as f64)
}

/// How much slower a random access is in a table of that many rows.
fn miss(rows: f64) -> f64 {
    1.0 + (rows / CACHED_ROWS).max(1.0).log2() * 0.5
}

/// A hash join: the table over `build` rows, `probe` rows against it, `out` rows out. If a row that finds nothing is dropped,
/// the filter of keys that goes ahead into the scan nearly always does so, and it never gets to the table.
pub(crate) fn hash_join(build: f64, probe: f64, out: f64, keeps_unmatched: bool) -> f64 {
    let looked_up = if keeps_unmatched { probe } else { probe.min(out) };
    build * 3.0 * miss(build) + probe + looked_up * (miss(build) - 1.0) + out
}

/// A join without a key to hash: every pair is looked at.
pub(crate) fn nested_loops(left: f64, right: f64, out: f64) -> f64 {
    left * right + out
}

/// Grouping `rows` rows into `groups` groups.
pub(crate) fn hash_aggregate(rows: f64, groups: f64) -> f64 {
    rows * 2.0 * miss(groups) + groups * 3.0
}

/// Grouping rows that come sorted by the group columns; the groups are put in order.
pub(crate) fn stream_aggregate(rows: f64, groups: f64) -> f64 {
    hash_aggregate(rows, groups) + groups * 2.0
}

/// A merge join: keys of both sides are normalised, the right side is kept, the left one streams past it.
pub(crate) fn merge_join(left: f64, right: f64, out: f64) -> f64 {
    left * 10.0 + right * 12.0 + out
}

/// Gathering one looked-up row and bringing it to the outer row that asked for it: rows of a lookup are few and far apart.
pub(crate) const GATHERED_ROW: f64 = 40.0;

/// An index join without its lookups: keys are made, sorted and grouped for `outer` rows, and `out` rows come out.
pub(crate) fn index_join(outer: f64, out: f64) -> f64 {
    2000.0 + outer * 30.0 + out * 2.0
}

/// Evaluating so many simple expressions for each row.
pub(crate) fn evaluate(rows: f64, exprs: usize) -> f64 {
    rows * 0.5 * exprs as f64
}

/// Keeping the first `kept` of `rows` rows in order.
pub(crate) fn top_n(rows: f64, kept: f64) -> f64 {
    rows * 1.0 + sort(kept.min(rows))
}

/// Sorting.
pub(crate) fn sort(rows: f64) -> f64 {
    rows * rows.max(2.0).log2() * 0.5
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_smaller_side_builds() {
        assert!(super::hash_join(1e3, 1e6, 1e3, false) < super::hash_join(1e6, 1e3, 1e3, false));
    }
}

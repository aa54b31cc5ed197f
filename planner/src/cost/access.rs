//! What it costs to get rows out of storage.
//!
//! Measured on this engine: a value of a sequential scan takes 0.1 to 0.5 ns, a row that is fetched by its handle some 60 ns if
//! its neighbours are fetched too and up to 370 ns if it is alone in a table that no cache holds, the search for one key 80 to
//! 120 ns, and to open a scan of a partition a microsecond. TPC-H at scale factor 1 shows where one way overtakes the other:
//!
//! | rows | of | double read | scan |
//! |---|---|---|---|
//! | 9,000 | 6,000,000 (`l_partkey`) | faster by half | |
//! | 30,000 | 6,000,000 | 11 ms | 7.7 ms |
//! | 1,500 | 1,500,000 (`o_custkey`) | 0.1 ms | 1.4 ms |
//! | 15,000 | 1,500,000 | 1.7 ms | 1.5 ms |

/// Opening one scan of one partition.
const OPEN: f64 = 1_000.0;
/// Finding where a range begins. The search itself takes less where keys are few and found again; this is what keeps large joins
/// by hashing, which are quicker on all cores.
const SEEK: f64 = 150.0;
/// Fetching one row by its handle, handles of a batch being sorted.
const FETCH: f64 = 60.0;
/// What it costs more if the row is alone, in a table that is far larger than the caches.
const ALONE: f64 = 220.0;
/// When at least one of so many rows is fetched, a row has neighbours.
const NEIGHBOURS: f64 = 16.0;
/// Rows of a table that the nearer caches hold.
const CACHED_ROWS: f64 = 16_384.0;
/// How many times that table must be doubled until no cache helps.
const DOUBLINGS: f64 = 8.0;
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

/// Fetching `rows` of the `of` rows of a table by handle and evaluating predicates on each.
pub(crate) fn fetch(rows: f64, of: f64, columns: usize, predicates: usize) -> f64 {
    let lonely = 1.0 - (rows / of.max(1.0) * NEIGHBOURS).min(1.0);
    let far = ((of / CACHED_ROWS).max(1.0).log2() / DOUBLINGS).min(1.0);
    rows * (FETCH + ALONE * lonely * far + FETCHED_VALUE * columns as f64 + PREDICATE * predicates as f64)
}

/// Looking up one whole key or the beginning of a range.
pub(crate) fn look_up(keys: f64) -> f64 {
    keys * SEEK
}

/// Uniting or intersecting so many handles.
pub(crate) fn merge_handles(handles: f64) -> f64 {
    handles * HANDLE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reading all rows of a table of TPC-H for two columns, one of them under two predicates, and fetching some of them.
    fn scan_and_fetch(rows: f64, of: f64) -> (f64, f64) {
        (read(of, 2, 2), read(rows, 2, 0) + fetch(rows, of, 1, 0))
    }

    #[test]
    fn double_reads_and_scans_cross_where_they_were_measured_to() {
        for (rows, of, fetches) in [
            (9e3, 6e6, true),
            (4e4, 6e6, false),
            (9e4, 6e6, false),
            (1.5e3, 1.5e6, true),
            (1.5e4, 1.5e6, false),
        ] {
            let (scan, fetch) = scan_and_fetch(rows, of);
            assert_eq!(fetch < scan, fetches, "{rows} of {of}: {fetch} against {scan}");
        }
    }

    #[test]
    fn rows_with_neighbours_and_rows_of_small_tables_are_cheap() {
        assert_eq!(fetch(5e3, 1e4, 0, 0), 5e3 * FETCH);
        assert_eq!(fetch(1.0, 1e4, 0, 0), FETCH);
        assert_eq!(fetch(1e6, 6e6, 0, 0), 1e6 * FETCH);
        assert!(fetch(1e3, 6e6, 0, 0) > 3.9 * 1e3 * FETCH);
    }
}

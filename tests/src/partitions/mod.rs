//! Random partitioned tables beside the same tables without partitions: schemes of all kinds, over columns of most types, with
//! values at the edges where pruning has gone wrong before (tidb.md A5: negatives, unsigned values above 2^63, NULLs, ends of
//! ranges, overflows).
//!
//! ```text
//! column      the columns of the table, and literals out of small domains
//! scheme      PARTITION BY clauses whose bounds and lists are values that the rows have
//! predicate   conditions over the columns and over the partition expression
//! pair        one table in two layouts: what is done to one is done to the other, and both must answer alike
//! ```

pub mod column;
pub mod pair;
pub mod predicate;
pub mod scheme;

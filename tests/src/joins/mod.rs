//! Random joins, each to be asked for by every method there is.
//!
//! [`tables`] makes an outer table `o` and an inner table `i` whose columns are of many types, with NULLs and duplicates, keys
//! and partitions of every kind, and an index on every column of `i`. [`queries`] makes joins of every kind over them: keys
//! of one type or of two, several keys, `<=>`, ranges on the next column of an index that the outer row decides, conditions
//! that no index serves, semi joins, their opposites and their values, and inner sides that are derived tables.
//!
//! A query is text with a place for hints, so that one query can be run by each method. What is right was checked with
//! MariaDB 10.11, over some thousand queries of the same grammar.

pub mod queries;
pub mod tables;

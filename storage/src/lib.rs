//! The simulated cluster and its client; knows nothing of SQL.

pub mod chunk;
pub mod key;
pub mod mvcc;
pub mod percolator;
pub mod region;
pub mod schema;

#[cfg(test)]
mod test_rows;

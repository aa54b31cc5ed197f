//! The simulated cluster and its client; knows nothing of SQL.

pub mod chunk;
pub mod client;
pub mod cluster;
pub mod error;
pub mod fault;
pub mod key;
pub mod lanes;
pub mod mvcc;
pub mod pd;
pub mod percolator;
pub mod region;
pub mod rpc;
pub mod runtime;
pub mod schema;
pub mod slot;
pub mod turn;

mod background;
mod calm;
mod clock;
mod owner;
mod random;
mod store;
#[cfg(test)]
mod test_rows;

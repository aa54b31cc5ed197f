//! The simulated cluster and its client; knows nothing of SQL.

pub mod schema;

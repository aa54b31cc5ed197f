//! The same random statement on Allod, laid out in several ways, and on SQLite.

pub mod query;
pub mod schema;
pub mod sql;

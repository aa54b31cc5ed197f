//! Allod: a distributed SQL engine that fits in one process.

pub mod bench;
mod catalog;
mod database;
mod error;
pub mod format;
pub mod import;
mod like;
mod params;
pub mod repl;
mod result;
mod rows;
mod session;
mod variables;

pub use allod_executor::Cancel;
pub use allod_planner::Position;
pub use allod_storage::cluster::{ClusterConfig, SimulatedConfig, TransportConfig};
pub use allod_storage::schema::{ColumnType, Datum, SqlType};

pub use catalog::Version;
pub use database::{Builder, Database};
pub use error::{Error, Result, code};
pub use params::ToValue;
pub use result::{Column, ColumnIndex, FromValue, ResultSet, Row, Rows, Warning};
pub use session::{Prepared, Session};

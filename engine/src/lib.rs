//! Allod: a distributed SQL engine that fits in one process.
//!
//! MySQL's dialect over a store that is cut into regions, percolator transactions, vectorised execution on Arrow. This
//! crate is the library that programs embed; the program `allod` (a shell and benchmarks) is a thin wrapper around it.
//!
//! ```
//! use allod::{Database, params};
//!
//! # fn main() -> allod::Result<()> {
//! let database = Database::new();
//! let mut session = database.session();
//! session.run("create table pet (id bigint primary key auto_increment, name varchar(20), born date)")?;
//! session.run("insert into pet (name, born) values ('Rex', '2019-05-01'), ('Mia', '2021-03-17')")?;
//! for row in session.execute_with("select name, born from pet where born < ?", params!["2020-01-01"])?.rows() {
//!     let row = row?;
//!     println!("{} was born on {}", row.get::<String>("name")?, row.get::<chrono::NaiveDate>("born")?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Results
//!
//! A [`ResultSet`] is an iterator of Arrow batches that are computed while they are taken; dropping it cancels the rest.
//! [`ResultSet::rows`] gives typed access to single rows instead.
//!
//! ```
//! # use allod::Database;
//! # fn main() -> allod::Result<()> {
//! let mut session = Database::new().session();
//! let result = session.execute("select 1 as n, 'one' as name union all select 2, 'two'")?;
//! assert_eq!(result.schema().field(1).name(), "name");
//! let rows: usize = result.map(|batch| batch.map(|b| b.num_rows())).sum::<allod::Result<usize>>()?;
//! assert_eq!(rows, 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! An [`Error`] has MySQL's number and SQLSTATE and, where there is one, the place in the statement. A session goes on
//! after any error.
//!
//! ```
//! # use allod::Database;
//! let mut session = Database::new().session();
//! let error = session.execute("select *\nfrom nowhere").unwrap_err();
//! assert_eq!((error.code(), error.sqlstate()), (1146, "42S02"));
//! assert_eq!(error.position().map(|place| (place.line, place.column)), Some((2, 6)));
//! ```
//!
//! # Threads
//!
//! A [`Database`] is cheap to clone and may be used from any thread; a [`Session`] belongs to one thread at a time. A
//! statement runs on all cores by itself. [`Session::cancel_handle`] stops it from another thread.
//!
//! # Data from elsewhere
//!
//! [`Session::load_parquet`] and [`Session::load_csv`] load files, [`import::tpch`] makes the tables of TPC-H.
//!
//! # What is not there
//!
//! Everything is in memory and gone with the database. For other programs there is a [`server`].

mod accounts;
pub mod bench;
mod bindings;
mod catalog;
mod counts;
mod database;
mod error;
pub mod format;
mod history;
pub mod import;
mod information_schema;
mod like;
mod named_locks;
mod params;
mod partitioning;
mod performance_schema;
mod processes;
pub mod repl;
mod result;
mod rows;
pub mod server;
mod session;
mod slow;
mod span;
mod summary;
mod system_tables;
mod transactions;
mod usage;
mod variables;
mod zone;

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
pub use usage::{UsageCounts, UsageReport};

//! Bulk loading: rows go from where they are to base chunks, past the transaction machinery, with statistics on the way.
//!
//! A load is all or nothing for the table's records and, if the table was empty, for its indexes too. While it runs the
//! table is open to others; what it adds becomes visible space by space, so index lookups may miss rows that a scan sees
//! until it has returned.

mod convert;
mod csv;
mod load;
mod parquet;
mod progress;
mod tpch;

pub use progress::{Progress, Step, no_progress, terminal_progress};
pub use tpch::{TABLES as TPCH_TABLES, check_scale_factor, tpch};

use std::path::Path;

use crate::error::{Error, Result, code};
use crate::session::Session;

impl Session {
    /// Loads a Parquet file into a table, column by name, and returns the number of rows. If there is no such table it
    /// is made from the file's schema.
    ///
    /// # Errors
    /// 1017 if the file cannot be opened, 1105 if it is not Parquet; 1054, 1364 or 1366 if it has a column that the table
    /// has not, lacks one that has no default, or has one of another type; 1062 if a key is there already. The table is
    /// then as it was.
    pub fn load_parquet(&mut self, table: &str, path: impl AsRef<Path>) -> Result<u64> {
        parquet::load(self, table, path.as_ref())
    }

    /// Loads a CSV file (RFC 4180, with a header that names the table's columns) into a table and returns the number of
    /// rows. An empty cell is NULL.
    ///
    /// # Errors
    /// As [`Session::load_parquet`]; and 1146 if there is no such table.
    pub fn load_csv(&mut self, table: &str, path: impl AsRef<Path>) -> Result<u64> {
        csv::load(self, table, path.as_ref())
    }
}

fn open(path: &Path) -> Result<std::fs::File> {
    std::fs::File::open(path).map_err(|error| {
        Error::new(code::FILE_NOT_FOUND, format!("can't find file: '{}' ({error})", path.display()))
    })
}

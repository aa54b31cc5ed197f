//! Bulk loading: rows go from where they are to base chunks, past the transaction machinery, with statistics on the way.
//!
//! A load is all or nothing for the table's records and, if the table was empty, for its indexes too. While it runs the
//! table is open to others; what it adds becomes visible space by space, so index lookups may miss rows that a scan sees
//! until it has returned.

mod convert;
mod csv;
mod lines;
mod load;
mod parquet;
mod progress;
mod tpch;

pub(crate) use lines::Lines;
pub(crate) use load::{deal, ingest};

pub use progress::{Progress, Step, no_progress, terminal_progress};
pub use tpch::{TABLES as TPCH_TABLES, check_scale_factor, tpch, tpch_partitioned};

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

/// Opens a file.
pub(crate) fn open(path: &Path) -> Result<std::fs::File> {
    std::fs::File::open(path).map_err(|error| {
        Error::new(code::FILE_NOT_FOUND, format!("can't find file: '{}' ({error})", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::PathBuf;
    use std::sync::Arc;

    use ::parquet::arrow::ArrowWriter;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use tempfile::TempDir;

    use super::*;
    use crate::Database;

    fn csv(dir: &TempDir, text: &str) -> PathBuf {
        let path = dir.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn parquet(dir: &TempDir, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
        let path = dir.path().join("t.parquet");
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path
    }

    /// The rows of a query, cells apart by commas.
    fn query(session: &mut Session, sql: &str) -> Vec<String> {
        let rows = session.execute(sql).unwrap().rows().map(|row| {
            let row = row.unwrap();
            let cells: Vec<String> = (0..row.columns().len()).map(|c| row.value(c).to_string()).collect();
            cells.join(",")
        });
        rows.collect()
    }

    #[test]
    fn csv_columns_go_where_their_names_say() {
        let dir = TempDir::new().unwrap();
        let mut session = Database::new().session();
        session
            .run("create table t (id int auto_increment primary key, name varchar(5) not null, d date, x decimal(6,2) default 1.5)")
            .unwrap();
        let path = csv(&dir, "D,Name\n2020-02-29,\"a,b\"\n,\n");
        assert_eq!(session.load_csv("t", &path).unwrap(), 2);
        let want = ["1,a,b,2020-02-29,1.50", "2,,NULL,1.50"];
        assert_eq!(query(&mut session, "select * from t order by id"), want);
        // Numbers go on behind those that the file was given.
        session.run("insert into t (name) values ('c')").unwrap();
        assert_eq!(query(&mut session, "select id from t where name = 'c'"), ["3"]);
    }

    #[test]
    fn nobody_loads_rows_that_all_would_see() {
        let dir = TempDir::new().unwrap();
        let mut session = Database::new().session();
        session.run("create global temporary table g (id int) on commit delete rows").unwrap();
        let path = csv(&dir, "id\n1\n");
        assert_eq!(session.load_csv("g", &path).unwrap_err().code(), 1105);
        assert!(query(&mut session, "select * from g").is_empty());
    }

    #[test]
    fn a_file_that_does_not_fit_changes_nothing() {
        let dir = TempDir::new().unwrap();
        let mut session = Database::new().session();
        session
            .run("create table t (id int primary key, name varchar(5) not null, unique key (name))")
            .unwrap();
        session.run("insert into t values (1, 'one')").unwrap();
        for (text, code) in [
            ("id,nope\n2,x\n", 1054),
            ("id\n2\n", 1364),
            ("id,name,id\n2,x,3\n", 1110),
            ("id,name\nx,x\n", 1366),
            ("id,name\n2,toolong\n", 1406),
            ("id,name\n99999999999,x\n", 1264),
            ("id,name\n1,two\n", 1062),
            ("id,name\n2,two\n3,one\n", 1062),
            ("id,name\n2,two\n2,three\n", 1062),
        ] {
            let error = session.load_csv("t", csv(&dir, text)).unwrap_err();
            assert_eq!(error.code(), code, "{text}: {error}");
            assert_eq!(query(&mut session, "select id, name from t"), ["1,one"], "after {text}");
            assert_eq!(query(&mut session, "select id from t where name = 'two'"), [""; 0], "after {text}");
        }
        assert_eq!(session.load_csv("t", dir.path().join("missing")).unwrap_err().code(), 1017);
        assert_eq!(session.load_csv("nope", csv(&dir, "a\n1\n")).unwrap_err().code(), 1146);
        assert_eq!(session.load_csv("t", csv(&dir, "id,name\n2,two\n")).unwrap(), 1);
        assert_eq!(query(&mut session, "select id from t where name = 'two'"), ["2"]);
    }

    #[test]
    fn parquet_makes_its_table_or_must_fit_it() {
        let dir = TempDir::new().unwrap();
        let mut session = Database::new().session();
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![3, 1, 2]));
        let names: ArrayRef = Arc::new(StringArray::from(vec![Some("c"), None, Some("b")]));
        let path = parquet(&dir, vec![("id", ids.clone()), ("name", names)]);
        assert_eq!(session.load_parquet("made", &path).unwrap(), 3);
        assert_eq!(query(&mut session, "select id, name from made order by id"), ["1,NULL", "2,b", "3,c"]);

        session.run("create table narrow (id int primary key)").unwrap();
        assert_eq!(session.load_parquet("narrow", &path).unwrap_err().code(), 1054);
        session.run("create table texts (id varchar(9) primary key, name varchar(9))").unwrap();
        assert_eq!(session.load_parquet("texts", &path).unwrap_err().code(), 1366);
        let not_parquet = csv(&dir, "id\n1\n");
        assert_eq!(session.load_parquet("narrow", &not_parquet).unwrap_err().code(), 1105);
    }

    #[test]
    fn rows_are_dealt_to_partitions_and_indexes() {
        let dir = TempDir::new().unwrap();
        let mut session = Database::new().session();
        session
            .run("create table p (id bigint primary key, v bigint, key (v)) partition by hash (id) partitions 3")
            .unwrap();
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values((0..1000).map(|i| i * 7 % 1000)));
        let path = parquet(&dir, vec![("id", ids), ("v", values)]);
        assert_eq!(session.load_parquet("p", &path).unwrap(), 1000);
        assert_eq!(query(&mut session, "select v from p where id = 500"), ["500"]);
        assert_eq!(query(&mut session, "select id from p where v = 7"), ["1"]);
        assert_eq!(query(&mut session, "select count(*), sum(id), sum(v) from p"), ["1000,499500,499500"]);
    }
}

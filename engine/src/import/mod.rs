//! Bulk loading: rows go from where they are to base chunks, past the transaction machinery, with statistics on the way.
//!
//! A load is all or nothing, for all partitions and indexes of the table, and others see all of it at once. While it runs the
//! table is open to them.

mod convert;
mod csv;
mod intake;
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
    /// has not, lacks one that has no default, or has one of another type; 1062 if a key is there already; 1452 if a row
    /// refers to none; 8175 if it holds more than `tidb_mem_quota_query`; 1317 if it was stopped. The table is then as it was.
    pub fn load_parquet(&mut self, table: &str, path: impl AsRef<Path>) -> Result<u64> {
        let cancel = self.begin_load();
        parquet::load(self, table, path.as_ref(), &cancel)
    }

    /// Loads a CSV file (RFC 4180, with a header that names the table's columns) into a table and returns the number of
    /// rows. An empty cell is NULL.
    ///
    /// # Errors
    /// As [`Session::load_parquet`]; and 1146 if there is no such table.
    pub fn load_csv(&mut self, table: &str, path: impl AsRef<Path>) -> Result<u64> {
        let cancel = self.begin_load();
        csv::load(self, table, path.as_ref(), &cancel)
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
        session.cancel_handle().cancel();
        assert_eq!(session.load_csv("t", &path).unwrap_err().code(), 1317);
        assert!(query(&mut session, "select * from t").is_empty());
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
    fn what_is_stored_is_what_an_insert_stores() {
        let dir = TempDir::new().unwrap();
        let mut session = Database::new().session();
        session.run("set time_zone = '+02:00'").unwrap();
        let cases: &[(&str, &[&str])] = &[
            ("year", &["70", "2020", "0", "1900"]),
            ("float", &["0.1", "1e40"]),
            ("double", &["0.1", "inf", "1e400"]),
            ("double(5, 2)", &["1.236", "9999.99"]),
            ("decimal(10, 2)", &["1.235", "1e3", "123456789"]),
            ("decimal(25, 3)", &["-1.2345", "1e30"]),
            ("int", &["1.5", "+7", "1e3", "12abc", "2147483648"]),
            ("bigint unsigned", &["18446744073709551615", "-1"]),
            ("date", &["20200101", "2020-02-30", "2020-1-2"]),
            ("datetime", &["2020-01-01 10:00:00.6", "20200101100000"]),
            ("datetime(3)", &["2020-01-01 10:00:00.0006"]),
            ("datetime(6)", &["2020-01-01 10:00:00.000123"]),
            ("timestamp", &["2020-01-01 10:00:00.7", "1960-01-01 00:00:00"]),
            ("time", &["10:00:00", "-10:00:00.6", "101112", "839:00:00"]),
            ("char(5)", &["a  ", "abcdef"]),
            ("varchar(3)", &["abc ", "ab  ", "abcd"]),
            ("tinytext", &["x "]),
            ("binary(3)", &["ab", "abcd"]),
            ("varchar(5) charset latin1", &["é", "日"]),
            ("varchar(5) charset ascii", &["é"]),
            ("bit(5)", &["a"]),
            ("enum('a', '2', 'b')", &["b", "2", "B", "c"]),
            ("set('a', 'b')", &["b,a", "3", "c"]),
        ];
        for (at, (ty, texts)) in cases.iter().enumerate() {
            for text in *texts {
                let (loaded, written) = (format!("loaded{at}"), format!("written{at}"));
                for table in [&loaded, &written] {
                    session.run(&format!("drop table if exists {table}")).unwrap();
                    session.run(&format!("create table {table} (v {ty})")).unwrap();
                }
                let load = session.load_csv(&loaded, csv(&dir, &format!("v\n\"{text}\"\n")));
                let write = session.run(&format!("insert into {written} values ('{text}')"));
                assert_eq!(load.map_err(|e| e.code()), write.map_err(|e| e.code()), "{text} as {ty}");
                let mut values =
                    |table| query(&mut session, &format!("select v, hex(v), v + 0 from {table}"));
                assert_eq!(values(&loaded), values(&written), "{text} as {ty}");
            }
        }
        // Defaults of columns that the file lacks.
        let columns = "id int primary key, y year default 0, e enum('2', 'a') default 'a', b varbinary(3) default 'x', \
            t time default '10:00:00', d datetime default '2020-01-01 10:00:00', m timestamp default '2020-01-01 10:00:00'";
        for table in ["with_load", "with_insert"] {
            session.run(&format!("create table {table} ({columns})")).unwrap();
        }
        session.load_csv("with_load", csv(&dir, "id\n1\n")).unwrap();
        session.run("insert into with_insert (id) values (1)").unwrap();
        assert_eq!(
            query(&mut session, "select * from with_load"),
            query(&mut session, "select * from with_insert")
        );
    }

    #[test]
    fn nothing_stays_in_any_partition_or_index_of_what_fails_in_one() {
        let dir = TempDir::new().unwrap();
        let mut session = Database::new().session();
        session
            .run("create table p (id int primary key, v int, w int, key w (w), unique key v (v) global) partition by hash (id) partitions 4")
            .unwrap();
        session.run("insert into p values (3, 30, 30)").unwrap();
        for (text, of) in [
            ("id,v,w\n0,0,0\n1,10,0\n2,20,0\n3,31,0\n", "'3' for key 'p.PRIMARY'"),
            ("id,v,w\n0,0,0\n1,10,0\n2,30,0\n", "'30' for key 'p.v'"),
            ("id,v,w\n0,0,0\n1,10,0\n2,10,0\n", "'10' for key 'p.v'"),
            ("id,v,w\n0,0,0\n1,10,0\n4,40,0\n4,41,0\n", "'4' for key 'p.PRIMARY'"),
        ] {
            let error = session.load_csv("p", csv(&dir, text)).unwrap_err();
            assert_eq!((error.code(), error.message()), (1062, &*format!("Duplicate entry {of}")));
            assert_eq!(query(&mut session, "select * from p"), ["3,30,30"], "after {text}");
            session.run("admin check table p").unwrap();
        }
        assert_eq!(session.load_csv("p", csv(&dir, "id,v,w\n0,0,0\n1,10,0\n7,20,\n")).unwrap(), 3);
        session.run("admin check table p").unwrap();
        assert_eq!(query(&mut session, "select id from p where v = 20"), ["7"]);
        assert_eq!(query(&mut session, "select count(*), count(w) from p"), ["4,3"]);
    }

    #[test]
    fn what_rows_refer_to_is_there_or_comes_with_them() {
        let dir = TempDir::new().unwrap();
        let mut session = Database::new().session();
        session.run("create table parent (id int primary key, s varchar(20) unique key)").unwrap();
        session.run("insert into parent values (1, 'one'), (2, 'two'), (3, null)").unwrap();
        session
            .run("create table child (id int primary key, p int, s varchar(5), foreign key (p) references parent (id), foreign key (s) references parent (s))")
            .unwrap();
        for (text, outcome) in [
            ("id,p,s\n1,1,one\n2,9,two\n", Err(1452)),
            ("id,p,s\n1,1,one\n2,2,three\n", Err(1452)),
            // What INSERT would tell first.
            ("id,p,s\n1,1,one\n1,2,two\n", Err(1062)),
            ("id,p,s\n1,1,one\n2,,two\n3,2,\n4,1,one\n", Ok(4)),
        ] {
            let loaded = session.load_csv("child", csv(&dir, text)).map_err(|e| e.code());
            assert_eq!(loaded, outcome, "{text}");
            let rows = outcome.unwrap_or(0).to_string();
            assert_eq!(query(&mut session, "select count(*) from child"), [rows], "{text}");
        }
        assert_eq!(session.run("delete from parent where id = 1").map_err(|e| e.code()), Err(1451));
        session.run("delete from parent where id = 3").unwrap();
        session.run("admin check table child").unwrap();

        let orphans = csv(&dir, "id,p,s\n10,77,none\n");
        session.run("set foreign_key_checks = 0").unwrap();
        assert_eq!(session.load_csv("child", &orphans).unwrap(), 1);
        session.run("set foreign_key_checks = 1").unwrap();
        // A table that was there when the key was made, and is gone.
        session.run("delete from child").unwrap();
        session.run("set foreign_key_checks = 0").unwrap();
        session.run("drop table parent").unwrap();
        session.run("set foreign_key_checks = 1").unwrap();
        assert_eq!(session.load_csv("child", &orphans).map_err(|e| e.code()), Err(1452));
        assert_eq!(session.load_csv("child", csv(&dir, "id\n10\n")).map_err(|e| e.code()), Ok(1));

        session
            .run("create table tree (id int primary key, up int, foreign key (up) references tree (id))")
            .unwrap();
        let text: String = (1..20_000).rev().map(|id| format!("{id},{}\n", id / 2)).collect();
        let whole = csv(&dir, &format!("id,up\n0,\n{text}"));
        assert_eq!(
            session.load_csv("tree", csv(&dir, &format!("id,up\n{text}"))).map_err(|e| e.code()),
            Err(1452)
        );
        assert_eq!(query(&mut session, "select count(*) from tree"), ["0"]);
        assert_eq!(session.load_csv("tree", csv(&dir, "id,up\n0,0\n")).unwrap(), 1);
        assert_eq!(session.load_csv("tree", whole).map_err(|e| e.code()), Err(1062));
        assert_eq!(session.load_csv("tree", csv(&dir, &format!("id,up\n{text}"))).unwrap(), 19_999);
        assert_eq!(session.run("delete from tree where id = 0").map_err(|e| e.code()), Err(1451));
    }

    #[test]
    fn nobody_takes_a_parent_away_while_rows_are_loaded() {
        let dir = TempDir::new().unwrap();
        let database = Database::new();
        let (mut session, mut other) = (database.session(), database.session());
        session.run("create table parent (id int primary key)").unwrap();
        session.run("insert into parent values (1), (2), (3)").unwrap();
        session
            .run("create table child (id int primary key, p int, foreign key (p) references parent (id))")
            .unwrap();
        let path = csv(&dir, "id,p\n1,1\n2,2\n");
        // Who saw the parents before there were children of them.
        for (round, begin) in ["begin optimistic", "begin pessimistic"].into_iter().enumerate() {
            other.run(begin).unwrap();
            assert_eq!(query(&mut other, "select count(*) from child"), ["0"]);
            assert_eq!(session.load_csv("child", &path).unwrap(), 2);
            let gone = other.run("delete from parent where id = 1").and_then(|_| other.run("commit"));
            assert!(gone.is_err(), "{begin}");
            other.run("rollback").unwrap();
            let orphans =
                "select count(*) from child left join parent on p = parent.id where parent.id is null";
            assert_eq!(query(&mut session, orphans), ["0"], "{round}");
            session.run("delete from child").unwrap();
        }
        // Who is about to take one away has come first.
        other.run("begin").unwrap();
        other.run("delete from parent where id = 2").unwrap();
        let loading = std::thread::spawn(move || session.load_csv("child", path).map_err(|e| e.code()));
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!loading.is_finished());
        other.run("commit").unwrap();
        assert_eq!(loading.join().unwrap(), Err(1452));
    }

    #[test]
    fn rows_that_wait_for_the_end_count_for_the_quota() {
        let dir = TempDir::new().unwrap();
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, v int)").unwrap();
        session.run("create table i (id int primary key, v int, key (v))").unwrap();
        let text = |ids: &mut dyn Iterator<Item = i32>| {
            format!("id,v\n{}", ids.map(|id| format!("{id},{id}\n")).collect::<String>())
        };
        let path = csv(&dir, &text(&mut (0..100_000)));
        session.run("set tidb_mem_quota_query = 800000").unwrap();
        for table in ["t", "i"] {
            let error = session.load_csv(table, &path).unwrap_err();
            assert_eq!(error.code(), 8175, "{error}");
            assert_eq!(query(&mut session, &format!("select count(*) from {table}")), ["0"]);
        }
        session.run("set tidb_mem_quota_query = 2000000").unwrap();
        assert_eq!(session.load_csv("t", &path).unwrap(), 100_000);
        assert_eq!(session.load_csv("i", &path).unwrap(), 100_000);
    }

    #[test]
    fn rows_that_come_to_others_are_counted() {
        let dir = TempDir::new().unwrap();
        let mut session = Database::new().session();
        session.run("create table t (id int primary key)").unwrap();
        session.run("insert into t values (-1)").unwrap();
        session.run("analyze table t").unwrap();
        let text: String = (0..5000).map(|id| format!("{id}\n")).collect();
        session.load_csv("t", csv(&dir, &format!("id\n{text}"))).unwrap();
        assert_eq!(
            query(&mut session, "select table_rows from information_schema.tables where table_name = 't'"),
            ["5001"]
        );
        let plan = query(&mut session, "explain select * from t").concat();
        assert!(plan.contains("5001.00"), "{plan}");
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

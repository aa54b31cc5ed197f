//! LOAD DATA LOCAL INFILE: of a program that embeds the database the file is read here; a server asks its client for it.

use std::io::Read;
use std::path::Path;

use allod_planner::bind::LoadData;

use super::Session;
use crate::error::{Error, Result, code};
use crate::import::{Load, open};
use crate::result::ResultSet;

/// Bytes of a file that are read at once.
const PIECE: usize = 1 << 20;

impl Session {
    pub(super) fn load_data(&mut self, spec: &LoadData) -> Result<ResultSet> {
        let mut load = Load::begin(self, spec)?;
        if self.remote {
            return Ok(ResultSet::asking(&spec.file, load));
        }
        let mut file = open(Path::new(&*spec.file))?;
        let mut piece = vec![0; PIECE];
        loop {
            let read = file.read(&mut piece).map_err(|error| {
                Error::new(code::FILE_NOT_FOUND, format!("can't read file: '{}' ({error})", spec.file))
            })?;
            if read == 0 {
                break;
            }
            load.feed(&piece[..read])?;
        }
        let rows = load.finish(self)?;
        Ok(ResultSet::loaded(rows))
    }
}

#[cfg(test)]
mod tests {
    use crate::Database;

    #[test]
    fn what_a_file_has_for_generated_columns_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.txt");
        let mut session = Database::new().session();
        session
            .run("create table t (a int, b int as (a + 1) not null, c int as (b * 2) stored, key (c))")
            .unwrap();
        let mut load = |text: &str, tail: &str| {
            std::fs::write(&path, text).unwrap();
            let sql = format!("load data local infile '{}' into table t {tail}", path.display());
            let loaded = session.run(&sql).map_err(|e| e.code());
            // By the key, and by the rows.
            let rows =
                session.execute("select a, b, c from t where c > 0 union all select a, b, c from t").unwrap();
            let cells =
                |row: crate::Row| (0..3).map(|c| row.value(c).to_string()).collect::<Vec<_>>().join(",");
            let rows: Vec<String> = rows.rows().map(|row| cells(row.unwrap())).collect();
            session.run("delete from t").unwrap();
            (loaded, rows.join(" "))
        };
        assert_eq!(load("1\tx\t\\N\n", ""), (Ok(1), "1,2,4 1,2,4".into()));
        assert_eq!(load("7\n", "(a)"), (Ok(1), "7,8,16 7,8,16".into()));
        assert_eq!(load("\\N\n", "(a)"), (Err(1048), String::new()));
        assert_eq!(load("2147483647\n", "(a)"), (Err(1264), String::new()));
    }

    #[test]
    fn a_file_is_loaded_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.txt");
        let mut session = Database::new().session();
        session
            .run("create table t (id int primary key, s varchar(5), b varbinary(5), n int default 7)")
            .unwrap();
        let mut load = |text: &[u8], tail: &str| {
            std::fs::write(&path, text).unwrap();
            let result =
                session.execute(&format!("load data local infile '{}' into table t {tail}", path.display()));
            let info =
                result.map(|done| (done.affected_rows(), done.info().to_string())).map_err(|e| e.code());
            let rows = session.execute("select id, s, hex(b), n from t order by id").unwrap().rows();
            let rows: Vec<String> = rows
                .map(|row| row.unwrap())
                .map(|row| (0..4).map(|c| row.value(c).to_string()).collect::<Vec<_>>().join(","))
                .collect();
            session.run("delete from t").unwrap();
            (info, rows.join(" "))
        };
        let info = |n: u64| Ok((n, format!("Records: {n}  Deleted: 0  Skipped: 0  Warnings: 0")));
        assert_eq!(load(b"1\ta\tx\t2\n2\t\\N\t\xff\t\\N\n", ""), (info(2), "1,a,78,2 2,NULL,FF,NULL".into()));
        let csv = "fields terminated by ',' ignore 1 lines (s, @dummy, id)";
        assert_eq!(load(b"head\nx,y,1\n,,2\n", csv), (info(2), "1,x,NULL,7 2,,NULL,7".into()));
        assert_eq!(load(b"", ""), (info(0), String::new()));
        let failed = |code| (Err(code), String::new());
        assert_eq!(load(b"1\ta\tx\t2\n1\tb\ty\t3\n", ""), failed(1062));
        assert_eq!(load(b"1\ta\tx\n", ""), failed(1261));
        assert_eq!(load(b"1\ta\tx\t2\t3\n", ""), failed(1262));
        assert_eq!(load(b"one\ta\tx\t2\n", ""), failed(1366));
        assert_eq!(load(b"1\t\xff\tx\t2\n", ""), failed(1300));
        assert_eq!(load(b"1\tlonger\tx\t2\n", ""), failed(1406));
        assert_eq!(load(b"1\n", "(nope)"), failed(1054));
        session.run("begin").unwrap();
        session.run("insert into t (id) values (1)").unwrap();
        assert_eq!(session.run("load data local infile 'x' into table t").unwrap_err().code(), 1235);
        session.run("rollback").unwrap();
        assert_eq!(session.run("load data local infile 'nope' into table t").unwrap_err().code(), 1017);
        assert_eq!(session.run("load data local infile 'x' into table nope").unwrap_err().code(), 1146);
        assert_eq!(session.run("load data infile 'x' into table t").unwrap_err().code(), 1235);
    }
}

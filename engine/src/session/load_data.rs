//! LOAD DATA INFILE. LOCAL: of a program that embeds the database the file is read here; a server asks its client for it. Without
//! LOCAL it is a file of the server (`outfile`).
//!
//! The text comes piece by piece, its rows are taken a batch at a time, and each batch is an INSERT
//! ([`allod_planner::bind::LoadInsert`]) like any other: conversions, defaults, checks, generated columns and keys that are taken
//! mean what they mean there, foreign keys too. All of them are one transaction, the session's if it has one; of a load that fails
//! nothing stays.
//!
//! What is held is one batch, of a bounded number of rows and bytes; a row that is not whole yet, as long as it is; and what the
//! transaction has written. `tidb_mem_quota_query` is the limit of the text and the transaction together (8175).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use allod_executor::{Affected, Cancel};
use allod_planner::Parsed;
use allod_planner::bind::{Bound, LoadData, LoadError, LoadField, LoadInsert};

use super::Session;
use super::lock::Changed;
use super::transaction::Options;
use crate::error::{Error, Result, code};
use crate::import::{Lines, open};
use crate::result::{ResultSet, Warning};

/// Bytes of a file that are read at once.
const PIECE: usize = 1 << 20;
/// Rows of one INSERT,
const BATCH_ROWS: usize = 4096;
/// and the bytes of text from which on no more rows are waited for.
const BATCH_BYTES: usize = 8 << 20;
/// A savepoint that no statement names.
const SAVEPOINT: &str = "\0load data";

/// A load that is under way.
pub(crate) struct Load {
    rows: LoadInsert,
    lines: Lines,
    /// Rows of the batches that are done.
    before: u64,
    batch: Vec<Vec<LoadField>>,
    /// Whether its transaction is its own; `None` = it has not begun, and there is nothing to be undone if it never does.
    alone: Option<bool>,
    cancel: Cancel,
    total: Affected,
    warnings: Vec<Warning>,
    /// How many are kept; the others are counted (`max_error_count`).
    warnings_max: usize,
    /// Those that are not kept too.
    warned: u64,
}

impl Session {
    pub(super) fn load_data(&mut self, spec: &LoadData, cancel: &Cancel) -> Result<ResultSet> {
        let mut load = Load::new(self, spec, cancel);
        if self.remote && spec.local {
            return Ok(ResultSet::asking(&spec.file, load));
        }
        let failed =
            |error| Error::new(code::FILE_NOT_FOUND, format!("can't read file: '{}' ({error})", spec.file));
        let mut file = match spec.local {
            true => open(Path::new(&*spec.file))?,
            false => File::open(self.server_file(&spec.file)?).map_err(|error| {
                Error::new(code::FILE_NOT_THERE, format!("File '{}' not found ({error})", spec.file))
            })?,
        };
        let mut piece = vec![0; PIECE];
        loop {
            let read = file.read(&mut piece).or_else(|error| load.undo(self, failed(error)))?;
            if read == 0 {
                return load.finish(self);
            }
            load.feed(self, &piece[..read])?;
        }
    }

    /// Runs the INSERT of a batch, within the transaction of the load.
    fn insert_batch(&mut self, parsed: &Parsed, cancel: &Cancel) -> Result<Changed> {
        let version = self.version();
        let bound = allod_planner::bind(parsed, &self.plan_context(&self.catalog(&version), &[]))?;
        let Bound::Query(query) = bound else {
            return Err(Error::internal("rows of a file are an INSERT"));
        };
        let planned = self.plan(query, &version, &[])?;
        if self.make_room(&planned)? {
            return self.insert_batch(parsed, cancel);
        }
        drop(version);
        self.change(&planned, cancel, false)
    }
}

impl Load {
    fn new(session: &Session, spec: &LoadData, cancel: &Cancel) -> Load {
        Load {
            rows: spec.rows.clone(),
            lines: Lines::new(spec.format.clone()),
            before: 0,
            batch: Vec::new(),
            alone: None,
            cancel: cancel.clone(),
            total: Affected::default(),
            warnings: Vec::new(),
            warnings_max: session.settings().warnings_max,
            warned: 0,
        }
    }

    /// Begins a transaction, if there is none. Only now that there are rows: a client that is asked for a file may not have it.
    fn begin(&mut self, session: &mut Session) -> Result<()> {
        if self.alone.is_some() {
            return Ok(());
        }
        session.begin_unless_autocommit()?;
        self.alone = Some(!session.in_transaction());
        match &mut session.transaction {
            Some(active) => {
                active.save(SAVEPOINT);
                Ok(())
            }
            None => session.begin(Options::default()),
        }
    }

    /// Takes the next piece of the text.
    ///
    /// # Errors
    /// As of an INSERT; 1261 and 1262 if a row has too few fields or too many, and the load is a REPLACE. Nothing of it stays then,
    /// and it must not go on.
    pub fn feed(&mut self, session: &mut Session, text: &[u8]) -> Result<()> {
        self.take(session, text, false)
    }

    /// The text has ended.
    ///
    /// # Errors
    /// As [`Load::feed`], and what can go wrong at a commit.
    pub fn finish(mut self, session: &mut Session) -> Result<ResultSet> {
        self.take(session, &[], true)?;
        let batch = std::mem::take(&mut self.batch);
        session.noting(|session| self.insert(session, &batch)).or_else(|error| self.undo(session, error))?;
        session.noting(|session| {
            match (&mut session.transaction, self.alone) {
                (_, None) => {}
                (Some(active), Some(false)) => active.release(SAVEPOINT)?,
                (_, Some(_)) => session.commit(&self.cancel)?,
            }
            let Affected { rows, last_insert_id, records, duplicates, .. } = self.total;
            session.row_count = i64::try_from(rows).unwrap_or(i64::MAX);
            if last_insert_id != 0 {
                session.last_insert_id = last_insert_id;
            }
            // A row that is there is passed over, or goes.
            let (deleted, skipped) = if self.rows.is_lenient() { (0, duplicates) } else { (duplicates, 0) };
            let warned = self.warned;
            let info =
                format!("Records: {records}  Deleted: {deleted}  Skipped: {skipped}  Warnings: {warned}");
            let unkept = warned - self.warnings.len() as u64;
            let done = ResultSet::done(rows, last_insert_id).with_info(info);
            Ok(done.with_warnings(self.warnings).with_unkept(unkept))
        })
    }

    fn take(&mut self, session: &mut Session, text: &[u8], end: bool) -> Result<()> {
        let mut whole = std::mem::take(&mut self.batch);
        let Ok(()) = self.lines.feed(text, end, |row| {
            whole.push(row);
            Ok::<(), std::convert::Infallible>(())
        });
        let held = bytes_of(&whole) + self.lines.pending_bytes() as u64;
        let limit = session.settings().memory_quota;
        if limit != u64::MAX && session.buffered_bytes().saturating_add(held) > limit {
            return self.undo(session, allod_executor::Error::Memory { limit }.into());
        }
        let size = self.rows.rows_at_once(BATCH_ROWS);
        while whole.len() >= size || bytes_of(&whole) >= BATCH_BYTES as u64 {
            let rest = whole.split_off(batch_rows(&whole, size));
            session
                .noting(|session| self.insert(session, &whole))
                .or_else(|error| self.undo(session, error))?;
            whole = rest;
        }
        self.batch = whole;
        Ok(())
    }

    /// Leaves nothing of the load, and gives back why.
    fn undo<T>(&self, session: &mut Session, error: Error) -> Result<T> {
        match (&mut session.transaction, self.alone) {
            (_, None) => {}
            (Some(active), Some(false)) => {
                active.roll_back_to(SAVEPOINT)?;
                active.release(SAVEPOINT)?;
            }
            (_, Some(_)) => session.roll_back(),
        }
        Err(error)
    }

    fn insert(&mut self, session: &mut Session, batch: &[Vec<LoadField>]) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.begin(session)?;
        let fits = self.rows.needed()..=self.rows.width();
        for (number, row) in (self.before + 1..).zip(batch).filter(|(_, row)| !fits.contains(&row.len())) {
            let (code, message) = match row.len() < *fits.start() {
                true => (code::TOO_FEW_FIELDS, format!("Row {number} doesn't contain data for all columns")),
                false => {
                    let what = "it contained more data than there were input columns";
                    (code::TOO_MANY_FIELDS, format!("Row {number} was truncated; {what}"))
                }
            };
            if !self.rows.is_lenient() {
                return Err(Error::new(code, message));
            }
            self.warn(Warning { level: "Warning", code, message });
        }
        let statement = self.rows.statement(batch).map_err(|error| match error {
            LoadError::NotUtf8(at) => {
                let message =
                    format!("invalid utf8mb4 character string in row {}", self.before + at as u64 + 1);
                Error::new(code::INVALID_CHARACTER_STRING, message)
            }
            LoadError::Other(error) => error.into(),
        })?;
        let Changed { affected, said: (said, total), metrics: _ } =
            session.insert_batch(&statement, &self.cancel)?;
        self.warned += total - said.len() as u64;
        for warning in said {
            let message = moved(&warning.message, self.before);
            self.warn(Warning { message, ..warning });
        }
        let total = &mut self.total;
        total.rows += affected.rows;
        total.records += batch.len() as u64;
        total.duplicates += affected.duplicates;
        if total.last_insert_id == 0 {
            total.last_insert_id = affected.last_insert_id;
        }
        self.before += batch.len() as u64;
        Ok(())
    }

    fn warn(&mut self, warning: Warning) {
        self.warned += 1;
        if self.warnings.len() < self.warnings_max {
            self.warnings.push(warning);
        }
    }
}

/// Bytes of text in these rows.
fn bytes_of(rows: &[Vec<LoadField>]) -> u64 {
    rows.iter().map(|row| bytes_of_row(row)).sum()
}

fn bytes_of_row(row: &[LoadField]) -> u64 {
    let fields = row.iter().flatten().map(|field| field.len() as u64);
    fields.sum::<u64>() + size_of_val(row) as u64
}

/// How many of these rows are a batch: not more than `rows_max`, and of the bytes of a batch with the last of them.
fn batch_rows(rows: &[Vec<LoadField>], rows_max: usize) -> usize {
    let mut bytes = 0;
    let full = rows.iter().take(rows_max).position(|row| {
        bytes += bytes_of_row(row);
        bytes >= BATCH_BYTES as u64
    });
    full.map_or(rows_max.min(rows.len()), |last| last + 1)
}

/// A message about a row of a batch, with the row's number in the file.
fn moved(message: &str, before: u64) -> String {
    let number = |(text, row): (&str, &str)| Some((text.len(), row.parse::<u64>().ok()?));
    match message.rsplit_once(" at row ").and_then(number) {
        Some((text, row)) => format!("{} at row {}", &message[..text], row + before),
        None => message.into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Database, Session};

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
        // What is beyond the type becomes its end, as with INSERT IGNORE.
        let most = "2147483647,2147483647,2147483647";
        assert_eq!(load("2147483647\n", "(a)"), (Ok(1), format!("{most} {most}")));
    }

    /// Runs statements over a file `@` (LOAD DATA LOCAL INFILE '@' …) of this text: what the last one of them tells, or its code.
    fn load(session: &mut Session, text: &[u8], tail: &str) -> Result<String, u16> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.txt");
        std::fs::write(&path, text).unwrap();
        let sql = format!("load data local infile '{}' {tail}", path.display());
        session
            .execute(&sql)
            .map(|done| format!("{} {}", done.affected_rows(), done.info()))
            .map_err(|e| e.code())
    }

    fn rows(session: &mut Session, sql: &str) -> String {
        let rows: Vec<String> = session
            .execute(sql)
            .unwrap()
            .rows()
            .map(|row| row.unwrap())
            .map(|row| {
                (0..row.columns().len()).map(|c| row.value(c).to_string()).collect::<Vec<_>>().join(",")
            })
            .collect();
        rows.join(" ")
    }

    fn told(affected: u64, records: u64, deleted: u64, skipped: u64, warnings: u64) -> Result<String, u16> {
        Ok(format!(
            "{affected} Records: {records}  Deleted: {deleted}  Skipped: {skipped}  Warnings: {warnings}"
        ))
    }

    #[test]
    fn rows_refer_to_what_is_there() {
        let mut session = Database::new().session();
        session.run("create table parent (id int primary key)").unwrap();
        session.run("insert into parent values (1), (2)").unwrap();
        session.run("create table child (id int primary key, p int references parent (id), foreign key (p) references parent (id))").unwrap();
        let text = b"1\t1\n2\t7\n3\t\\N\n";
        assert_eq!(load(&mut session, text, "replace into table child"), Err(1452));
        assert_eq!(rows(&mut session, "select * from child"), "");
        assert_eq!(load(&mut session, text, "into table child"), told(2, 3, 0, 1, 1));
        assert_eq!(rows(&mut session, "select * from child"), "1,1 3,NULL");
        session.run("set foreign_key_checks = 0").unwrap();
        assert_eq!(load(&mut session, b"2\t7\n", "replace into table child"), told(1, 1, 0, 0, 0));
    }

    #[test]
    fn a_load_holds_no_more_than_it_may() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, s longtext)").unwrap();
        // Rows of many bytes are loaded a few at a time.
        let long = "x".repeat(3 << 20);
        let text: String = (0..8).map(|id| format!("{id}\t{long}\n")).collect();
        assert_eq!(load(&mut session, text.as_bytes(), "into table t"), told(8, 8, 0, 0, 0));
        assert_eq!(rows(&mut session, "select count(*), min(length(s)), sum(id) from t"), "8,3145728,28");
        // The text of a row that does not end, and what the transaction has written.
        session.run("delete from t where id > 0").unwrap();
        session.run("set tidb_mem_quota_query = 4000000").unwrap();
        let endless = format!("9\t{}", "x".repeat(5 << 20));
        assert_eq!(load(&mut session, endless.as_bytes(), "into table t"), Err(8175));
        let many: String = (10..100_000).map(|id| format!("{id}\tx\n")).collect();
        assert_eq!(load(&mut session, many.as_bytes(), "into table t"), Err(8175));
        assert_eq!(rows(&mut session, "select count(*) from t"), "1");
        session.run("set tidb_mem_quota_query = -1").unwrap();
        assert_eq!(load(&mut session, many.as_bytes(), "into table t"), told(99_990, 99_990, 0, 0, 0));
    }

    #[test]
    fn warnings_are_kept_as_many_as_max_error_count_says() {
        let mut session = Database::new().session();
        session.run("create table t (id int)").unwrap();
        session.run("set max_error_count = 2").unwrap();
        assert_eq!(load(&mut session, b"a\nb\nc\n", "into table t"), told(3, 3, 0, 0, 3));
        assert_eq!(rows(&mut session, "show count(*) warnings"), "3");
        let said = rows(&mut session, "show warnings");
        assert_eq!(said.matches("Warning").count(), 2, "{said}");
    }

    // What MariaDB 10.11 does with the same files and statements, but for the column that a line lacks: there it is 0, here its
    // default, as MySQL's manual has it.
    #[test]
    fn local_passes_over_what_it_cannot_insert() {
        let mut session = Database::new().session();
        session
            .run("create table t (id int primary key, s varchar(5), b varbinary(5), n int default 7)")
            .unwrap();
        let mut check = |text: &[u8], tail: &str, outcome, wanted: &str| {
            assert_eq!(load(&mut session, text, &format!("into table t {tail}")), outcome, "{tail}");
            assert_eq!(rows(&mut session, "select id, s, hex(b), n from t order by id"), wanted, "{tail}");
            session.run("delete from t").unwrap();
        };
        check(b"1\ta\tx\t2\n2\t\\N\t\xff\t\\N\n", "", told(2, 2, 0, 0, 0), "1,a,78,2 2,NULL,FF,NULL");
        let csv = "fields terminated by ',' ignore 1 lines (s, @dummy, id)";
        check(b"head\nx,y,1\n,,2\n", csv, told(2, 2, 0, 0, 0), "1,x,NULL,7 2,,NULL,7");
        check(b"", "", told(0, 0, 0, 0, 0), "");
        check(b"1\n", "(id, @x, @y) set s = @x", told(1, 1, 0, 0, 0), "1,NULL,NULL,7");
        check(b"1\n", "(id, @x, s)", told(1, 1, 0, 0, 1), "1,NULL,NULL,7");
        // A key twice; too few fields; too many.
        check(b"1\ta\tx\t2\n1\tb\ty\t3\n", "", told(1, 2, 0, 1, 1), "1,a,78,2");
        check(b"1\ta\tx\n", "", told(1, 1, 0, 0, 1), "1,a,78,7");
        check(b"1\ta\tx\t2\t3\n", "", told(1, 1, 0, 0, 1), "1,a,78,2");
        assert_eq!(rows(&mut session, "show warnings"), "");
        load(&mut session, b"1\ta\tx\n2\ta\tx\t2\t3\n1\n", "into table t").unwrap();
        assert_eq!(
            rows(&mut session, "show warnings"),
            "Warning,1261,Row 1 doesn't contain data for all columns \
             Warning,1262,Row 2 was truncated; it contained more data than there were input columns \
             Warning,1261,Row 3 doesn't contain data for all columns \
             Warning,1062,Duplicate entry '1' for key 't.PRIMARY'"
        );
    }

    // What MariaDB 10.11 does with the same files and statements.
    #[test]
    fn set_computes_from_variables_and_columns() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, s varchar(20), n int default (3 + 4))").unwrap();
        session.run("create table u (k int)").unwrap();
        session.run("insert into u values (9)").unwrap();
        let mut check = |text: &[u8], tail: &str, outcome, wanted: &str| {
            assert_eq!(load(&mut session, text, &format!("into table t {tail}")), outcome, "{tail}");
            assert_eq!(rows(&mut session, "select * from t order by id"), wanted, "{tail}");
            session.run("delete from t").unwrap();
        };
        let two = b"1\ta'b\n2\t\\N\n";
        check(
            two,
            "(id, @x) set s = concat(@x, '!'), n = id * 10",
            told(2, 2, 0, 0, 0),
            "1,a'b!,10 2,NULL,20",
        );
        check(two, "(id, s) set s = upper(s)", told(2, 2, 0, 0, 0), "1,A'B,7 2,NULL,7");
        check(
            two,
            "(id, @x) set n = default, s = ifnull(@x, @@version_comment is null)",
            told(2, 2, 0, 0, 0),
            "1,a'b,7 2,0,7",
        );
        check(two, "(id, @x) set n = (select max(k) from u)", told(2, 2, 0, 0, 0), "1,NULL,9 2,NULL,9");
        check(b"5\n", "(id, @x) set s = @x", told(1, 1, 0, 0, 0), "5,NULL,7");
        assert_eq!(load(&mut session, two, "into table t (id, @x) set nope = 1"), Err(1054));
        assert_eq!(load(&mut session, two, "into table t (id, @x) set s = nope"), Err(1054));
        assert_eq!(load(&mut session, two, "into table t (id, @x) set s ="), Err(1064));
    }

    #[test]
    fn replace_removes_rows_that_are_in_the_way() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, s varchar(5), unique key (s))").unwrap();
        session.run("insert into t values (1, 'a'), (2, 'b')").unwrap();
        assert_eq!(load(&mut session, b"1\tc\n3\tb\n4\td\n", "replace into table t"), told(5, 3, 2, 0, 0));
        assert_eq!(rows(&mut session, "select * from t order by id"), "1,c 3,b 4,d");
        // It is strict, and as a whole or not at all.
        assert_eq!(load(&mut session, b"7\tx\n8\n", "replace into table t"), Err(1261));
        assert_eq!(load(&mut session, b"7\tx\n8\ty\tz\n", "replace into table t"), Err(1262));
        assert_eq!(load(&mut session, b"7\tx\n8\tlonger\n", "replace into table t"), Err(1406));
        assert_eq!(rows(&mut session, "select * from t order by id"), "1,c 3,b 4,d");
        assert_eq!(rows(&mut session, "show warnings"), "");
    }

    #[test]
    fn a_load_is_part_of_the_transaction_or_one_itself() {
        let mut session = Database::new().session();
        let mut other = session.owner().session();
        session
            .run("create table t (id int primary key, s varchar(5)) partition by hash (id) partitions 2")
            .unwrap();
        let count = |session: &mut Session| rows(session, "select count(*) from t");
        // More rows than one INSERT has.
        let many: String = (0..10_000).map(|i| format!("{i}\tx\n")).collect();
        session.run("begin").unwrap();
        session.run("insert into t values (-1, 'y')").unwrap();
        assert_eq!(load(&mut session, many.as_bytes(), "into table t"), told(10_000, 10_000, 0, 0, 0));
        assert_eq!((count(&mut session), count(&mut other)), ("10001".into(), "0".into()));
        // One that fails leaves what was before.
        let bad = format!("{many}1\n").replace("\tx", "\tz");
        assert_eq!(load(&mut session, bad.as_bytes(), "replace into table t"), Err(1261));
        assert_eq!(rows(&mut session, "select count(*) from t where s = 'z'"), "0");
        session.run("rollback").unwrap();
        assert_eq!(count(&mut session), "0");
        assert_eq!(load(&mut session, bad.as_bytes(), "replace into table t"), Err(1261));
        assert!(!session.in_transaction());
        assert_eq!(count(&mut session), "0");
        assert_eq!(load(&mut session, b"1\tx\n2\tx\n", "into table t partition (p1)"), told(1, 2, 0, 1, 1));
        assert_eq!(load(&mut session, many.as_bytes(), "into table t"), told(9_999, 10_000, 0, 1, 1));
        assert_eq!(count(&mut other), "10000");
        assert!(!session.in_transaction());
        session.run("set autocommit = 0").unwrap();
        session.run("delete from t").unwrap();
        session.run("commit").unwrap();
        load(&mut session, b"1\tx\n", "into table t").unwrap();
        assert_eq!(count(&mut other), "0");
        session.run("commit").unwrap();
        assert_eq!(count(&mut other), "1");
    }

    #[test]
    fn what_is_no_load_is_refused() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, s varchar(5))").unwrap();
        assert_eq!(load(&mut session, b"1\t\xff\n", "into table t"), Err(1300));
        assert_eq!(load(&mut session, b"1\n", "into table t (nope)"), Err(1054));
        assert_eq!(load(&mut session, b"1\n", "into table nope"), Err(1146));
        assert_eq!(load(&mut session, b"1\t2\n", "into table t (id, id)"), Err(1110));
        let code = |session: &mut Session, sql: &str| session.run(sql).unwrap_err().code();
        assert_eq!(code(&mut session, "load data local infile 'nope' into table t"), 1017);
        assert_eq!(code(&mut session, "load data infile 'x' into table t"), 29);
        assert!(!session.in_transaction());
    }
}

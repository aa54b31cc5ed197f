//! Files of the server: SELECT … INTO OUTFILE, and the texts of LOAD DATA without LOCAL.
//!
//! Who reads or writes one needs the privilege FILE, and `secure_file_priv` says in which folder it may be: anywhere if it is empty
//! (as in TiDB, and here unless `serve` was told otherwise), nowhere if it is NULL. A file that is there is not written (1086), and of a query that
//! fails no file stays.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use allod_executor::Cancel;
use allod_planner::account::Privilege;
use allod_planner::bind::{LoadFormat, OutFile};
use allod_storage::schema::SqlType;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, UInt64Type};

use super::Session;
use super::statement::Planned;
use crate::accounts;
use crate::error::{Error, Result, code};
use crate::format::cell_text;
use crate::result::ResultSet;

impl Session {
    /// Writes the rows of a query to a file.
    pub(super) fn select_into_file(
        &mut self,
        planned: &Planned,
        file: &OutFile,
        cancel: &Cancel,
    ) -> Result<ResultSet> {
        let path = self.server_file(&file.path)?;
        self.join_transaction(planned)?;
        let out = File::create_new(&path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                Error::new(code::FILE_EXISTS, format!("File '{}' already exists", file.path))
            }
            _ => Error::new(
                code::CANNOT_CREATE_FILE,
                format!("Can't create/write to file '{}' ({error})", file.path),
            ),
        })?;
        let written = self.query(planned, cancel).and_then(|mut result| {
            let rows = write_rows(&mut result, planned, file, out)?;
            let (warnings, total) = (result.warnings().to_vec(), result.warning_count());
            let unkept = total - warnings.len() as u64;
            Ok(ResultSet::done(rows, 0).with_warnings(warnings).with_unkept(unkept))
        });
        match &written {
            Ok(done) => self.row_count = i64::try_from(done.affected_rows()).unwrap_or(i64::MAX),
            // It is this statement's own: what is wrong with it is wrong with the statement.
            Err(_) => drop(std::fs::remove_file(&path)),
        }
        written
    }

    /// Where a file of the server is, if the session may have it.
    pub(super) fn server_file(&self, path: &str) -> Result<PathBuf> {
        if !self.identity.rights.has(Privilege::File) {
            return Err(accounts::needs("FILE"));
        }
        let (path, globals) = (Path::new(path), self.database.shared().globals.load());
        let folder = globals.file_folder();
        if folder.is_empty() {
            return Ok(path.into());
        }
        // Of a file that is to be made there is the folder.
        let real = path.canonicalize().or_else(|error| match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
            _ => Err(error),
        });
        match (real, Path::new(folder).canonicalize()) {
            (Ok(real), Ok(folder)) if real.starts_with(&folder) => Ok(real),
            _ => {
                let message = "The MySQL server is running with the --secure-file-priv option so it cannot execute this statement";
                Err(Error::new(code::OPTION_PREVENTS_STATEMENT, message))
            }
        }
    }
}

/// How many rows a query has, which are in the file by then.
fn write_rows(result: &mut ResultSet, planned: &Planned, file: &OutFile, out: File) -> Result<u64> {
    let failed = |error: std::io::Error| {
        Error::new(code::ERROR_ON_WRITE, format!("Error writing file '{}' ({error})", file.path))
    };
    let types: Vec<SqlType> = planned.columns().iter().map(|column| column.ty.sql.clone()).collect();
    let (mut out, mut rows, mut line) = (BufWriter::new(out), 0, Vec::new());
    for batch in result {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            rows += 1;
            if file.format.is_none() && rows > 1 {
                return Err(Error::new(code::TOO_MANY_ROWS, "result consisted of more than one row"));
            }
            let cells = batch.columns().iter().zip(&types);
            let cells = cells.map(|(column, ty)| (cell_bytes(column, ty, row), is_text(ty)));
            line.clear();
            match &file.format {
                Some(format) => push_line(&mut line, cells, format),
                None => cells.for_each(|(cell, _)| line.extend_from_slice(&cell.unwrap_or_default())),
            }
            out.write_all(&line).map_err(failed)?;
        }
    }
    out.flush().map_err(failed)?;
    Ok(rows)
}

/// What a cell is in a file; `None` = NULL.
fn cell_bytes<'a>(column: &'a ArrayRef, ty: &SqlType, row: usize) -> Option<Cow<'a, [u8]>> {
    if column.is_null(row) {
        return None;
    }
    match column.data_type() {
        DataType::BinaryView if *ty != SqlType::Json => Some(column.as_binary_view().value(row).into()),
        DataType::UInt64 if matches!(ty, SqlType::Bit(_)) => {
            ty.print_number(column.as_primitive::<UInt64Type>().value(row)).map(|bytes| bytes.to_vec().into())
        }
        _ => cell_text(column, ty, row).map(|text| text.into_bytes().into()),
    }
}

/// Whether OPTIONALLY ENCLOSED BY encloses it: what is no number.
fn is_text(ty: &SqlType) -> bool {
    !matches!(
        ty,
        SqlType::Null
            | SqlType::Int { .. }
            | SqlType::Float
            | SqlType::Double
            | SqlType::Decimal { .. }
            | SqlType::Year
    )
}

/// Adds a line as LOAD DATA of this format reads it.
fn push_line<'a>(
    line: &mut Vec<u8>,
    cells: impl Iterator<Item = (Option<Cow<'a, [u8]>>, bool)>,
    format: &LoadFormat,
) {
    line.extend_from_slice(format.lines_starting.as_bytes());
    for (at, (cell, is_text)) in cells.enumerate() {
        if at > 0 {
            line.extend_from_slice(format.fields_terminated.as_bytes());
        }
        let enclosed = format.enclosed.filter(|_| is_text || !format.optionally);
        match (cell, format.escaped) {
            (None, Some(escape)) => line.extend([escape, b'N']),
            (None, None) => line.extend_from_slice(b"NULL"),
            (Some(bytes), _) => {
                line.extend(enclosed);
                push_escaped(line, &bytes, format, enclosed);
                line.extend(enclosed);
            }
        }
    }
    line.extend_from_slice(format.lines_terminated.as_bytes());
}

/// Escaped is what would end the field or the line, or look like an escape.
fn push_escaped(line: &mut Vec<u8>, bytes: &[u8], format: &LoadFormat, enclosed: Option<u8>) {
    let Some(escape) = format.escaped else { return line.extend_from_slice(bytes) };
    let field_end = format.enclosed.or(format.fields_terminated.bytes().next());
    let line_end = format.lines_terminated.bytes().next();
    for &byte in bytes {
        match byte {
            0 => line.extend([escape, b'0']),
            _ if byte == escape || Some(byte) == field_end || Some(byte) == line_end => {
                line.extend([escape, byte]);
            }
            // Of a field that nothing encloses though others are.
            _ if enclosed.is_none() && Some(byte) == format.fields_terminated.bytes().next() => {
                line.extend([escape, byte]);
            }
            _ => line.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use crate::{Database, Error, Session};

    fn with_rows() -> (Database, Session, TempDir) {
        let database = Database::new();
        let mut session = database.session();
        session
            .run("create table t (id int primary key, s varchar(20), b varbinary(9), d decimal(5, 2))")
            .unwrap();
        session.run("insert into t values (1, 'a\\tb', x'00FF', 1.5), (2, null, 'x', null), (3, 'q\"\\\\,', '', -1)").unwrap();
        (database, session, tempfile::tempdir().unwrap())
    }

    /// What a query leaves in a file.
    fn written(session: &mut Session, folder: &TempDir, rest: &str) -> Result<Vec<u8>, Error> {
        let path = folder.path().join("rows");
        drop(std::fs::remove_file(&path));
        session.execute(&format!("select * from t order by id into outfile '{}' {rest}", path.display()))?;
        Ok(std::fs::read(path).unwrap())
    }

    /// As MariaDB writes them.
    #[test]
    fn fields_and_lines_are_as_asked() {
        let (_database, mut session, folder) = with_rows();
        let mut written = |rest: &str| written(&mut session, &folder, rest).unwrap();
        assert_eq!(written(""), b"1\ta\\\tb\t\\0\xFF\t1.50\n2\t\\N\tx\t\\N\n3\tq\"\\\\,\t\t-1.00\n");
        assert_eq!(
            written("fields terminated by ',' optionally enclosed by '\"' lines terminated by '\\r\\n'"),
            b"1,\"a\tb\",\"\\0\xFF\",1.50\r\n2,\\N,\"x\",\\N\r\n3,\"q\\\"\\\\,\",\"\",-1.00\r\n"
        );
        assert_eq!(
            written("fields terminated by ',' enclosed by '\"' escaped by '' lines starting by '>'"),
            b">\"1\",\"a\tb\",\"\0\xFF\",\"1.50\"\n>\"2\",NULL,\"x\",NULL\n>\"3\",\"q\"\\,\",\"\",\"-1.00\"\n"
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (_database, mut session, folder) = with_rows();
        for format in ["", "fields terminated by ';' optionally enclosed by '''' lines terminated by '|'"] {
            written(&mut session, &folder, format).unwrap();
            session.run("drop table if exists u").unwrap();
            session.run("create table u like t").unwrap();
            let path = folder.path().join("rows");
            let load = format!("load data infile '{}' into table u {format}", path.display());
            assert_eq!(session.execute(&load).unwrap().affected_rows(), 3);
            let differ =
                "select count(*) from t join u using (id) where t.s <=> u.s and t.b <=> u.b and t.d <=> u.d";
            let same: Vec<_> = session.execute(differ).unwrap().rows().collect::<Result<_, _>>().unwrap();
            assert_eq!(same[0].get::<i64>(0).unwrap(), 3, "{format}");
            // Without LOCAL a key that is taken is an error.
            assert_eq!(session.execute(&load).unwrap_err().code(), 1062);
            assert_eq!(session.execute(&load.replace(" into", " ignore into")).unwrap().affected_rows(), 0);
        }
    }

    #[test]
    fn files_that_are_there_stay_and_those_of_failures_go() {
        let (database, mut session, folder) = with_rows();
        let path = folder.path().join("f");
        let into = format!("into outfile '{}'", path.display());
        let mut code =
            |sql: String| session.execute(&sql).map(|done| done.affected_rows()).map_err(|e| e.code());
        assert_eq!(code(format!("select 1 {into} from t")), Ok(3));
        assert_eq!(code(format!("select 1 {into}")), Err(1086));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(code(format!("select (select id from t) {into}")), Err(1242));
        assert!(!path.exists());
        assert_eq!(code(format!("select b from t where id = 1 into dumpfile '{}'", path.display())), Ok(1));
        assert_eq!(std::fs::read(&path).unwrap(), b"\0\xFF");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(code(format!("select b from t into dumpfile '{}'", path.display())), Err(1172));
        assert!(!path.exists());
        assert_eq!(code("select 1 into outfile '/nowhere/at/all'".into()), Err(1));
        assert_eq!(code("load data infile '/nowhere/at/all' into table t".into()), Err(29));
        // A folder, and what leads out of it.
        let inside = folder.path().join("in");
        std::fs::create_dir(&inside).unwrap();
        database.confine_files(inside.to_str().unwrap());
        assert_eq!(code(format!("select 1 {into}")), Err(1290));
        assert_eq!(code(format!("select 1 into outfile '{}/../f'", inside.display())), Err(1290));
        assert_eq!(code(format!("select 1 into outfile '{}/f'", inside.display())), Ok(1));
        assert_eq!(code(format!("load data infile '{}/g' into table t", inside.display())), Err(29));
        database.confine_files("NULL");
        assert_eq!(code(format!("select 1 into outfile '{}/h'", inside.display())), Err(1290));
    }
}

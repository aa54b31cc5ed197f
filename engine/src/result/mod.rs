//! What a statement returns: a schema and batches that come as they are asked for, or a count of changed rows.

mod cell;
mod row;

use std::sync::{Arc, OnceLock};
use std::vec;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringViewArray};
use arrow::datatypes::{Field, Schema, SchemaRef};

use allod_planner::catalog::MemoryTable;
use allod_storage::schema::{ColumnType, SqlType};

use crate::error::{Error, Result};
pub use crate::format::Header as Column;
use crate::information_schema;
use crate::session::Load;

pub(crate) use cell::datum_at;
pub use row::{ColumnIndex, FromValue, Row, Rows};

/// Something that went not quite as asked, but did not end the statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// `Note`, `Warning`, `Error`.
    pub level: &'static str,
    /// MySQL's number.
    pub code: u16,
    /// The text.
    pub message: String,
}

impl Warning {
    /// An error, as SHOW WARNINGS shows it.
    pub(crate) fn error(error: &Error) -> Warning {
        Warning { level: "Error", code: error.code(), message: error.message().to_string() }
    }
}

/// What SHOW WARNINGS shows of a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Diagnostics {
    /// No more than `max_error_count`.
    pub list: Vec<Warning>,
    /// `@@warning_count`: how many there were.
    pub total: u64,
    /// `@@error_count`.
    pub errors: u64,
}

impl Diagnostics {
    /// Of these, which are the first of `total`; no more than `limit` are kept.
    pub fn new(mut list: Vec<Warning>, total: u64, limit: usize) -> Diagnostics {
        let errors = list.iter().filter(|w| w.level == "Error").count() as u64;
        list.truncate(limit);
        Diagnostics { list, total, errors }
    }
}

/// What is known of a query when it has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What there is to say.
    pub diagnostics: Diagnostics,
    /// Rows that it had.
    pub rows: u64,
}

/// Where a query that runs leaves that.
pub(crate) type Late = Arc<OnceLock<Ended>>;

/// The result of one statement.
///
/// For a query it is an iterator of Arrow batches (in the types of the table in `allod_storage::schema`), or of typed
/// rows by [`ResultSet::rows`]. Batches are computed while they are taken; dropping the result cancels the rest. For a
/// statement that returns no rows, `columns` is empty and the counts say what it did.
pub struct ResultSet {
    columns: Arc<[Column]>,
    schema: SchemaRef,
    source: Source,
    affected_rows: u64,
    /// `None` = as many as were changed.
    found_rows: Option<u64>,
    last_insert_id: u64,
    info: String,
    warnings: Vec<Warning>,
    /// Warnings beside those, which nobody kept.
    unkept: u64,
    /// Of a query that runs: all that there is to say, when it has ended.
    late: Option<Late>,
    keeps_warnings: bool,
    /// LOAD DATA waits for the text of this file.
    request: Option<(Arc<str>, Box<Load>)>,
}

/// What a result's columns are, made once for a plan.
#[derive(Clone)]
pub(crate) struct Header {
    columns: Arc<[Column]>,
    schema: SchemaRef,
}

impl Header {
    /// Of these columns, with the schema of their batches.
    pub fn new(columns: Vec<Column>, schema: SchemaRef) -> Header {
        Header { columns: columns.into(), schema }
    }

    /// The columns.
    pub fn columns(&self) -> Arc<[Column]> {
        Arc::clone(&self.columns)
    }
}

enum Source {
    /// Everything is there.
    Ready(vec::IntoIter<RecordBatch>),
    /// Comes as the executor delivers it.
    Running(Box<dyn Iterator<Item = Result<RecordBatch>> + Send>),
    /// Ended, with or without an error.
    Ended,
}

impl ResultSet {
    /// The result of a statement that returns no rows.
    pub(crate) fn done(affected_rows: u64, last_insert_id: u64) -> ResultSet {
        let header = Header { columns: Arc::new([]), schema: Arc::new(Schema::empty()) };
        ResultSet { affected_rows, last_insert_id, ..ResultSet::of(header, Source::Ended) }
    }

    fn of(header: Header, source: Source) -> ResultSet {
        ResultSet {
            columns: header.columns,
            schema: header.schema,
            source,
            affected_rows: 0,
            found_rows: None,
            last_insert_id: 0,
            info: String::new(),
            warnings: Vec::new(),
            unkept: 0,
            late: None,
            keeps_warnings: false,
            request: None,
        }
    }

    /// What stands for the result of a load until the client has sent a file.
    pub(crate) fn asking(file: &Arc<str>, load: Load) -> ResultSet {
        ResultSet { request: Some((Arc::clone(file), Box::new(load))), ..ResultSet::done(0, 0) }
    }

    /// The file that is asked for, and the load that waits for it.
    pub(crate) fn take_request(&mut self) -> Option<(Arc<str>, Box<Load>)> {
        self.request.take()
    }

    /// The result of a query that runs.
    pub(crate) fn running(
        header: Header,
        batches: impl Iterator<Item = Result<RecordBatch>> + Send + 'static,
    ) -> ResultSet {
        ResultSet::of(header, Source::Running(Box::new(batches)))
    }

    /// The result of a query that has run to its end.
    pub(crate) fn ready(header: Header, batches: Vec<RecordBatch>) -> ResultSet {
        ResultSet::of(header, Source::Ready(batches.into_iter()))
    }

    /// A result of text columns that is there as a whole: SHOW, EXPLAIN.
    pub(crate) fn text(names: &[&str], rows: Vec<Vec<Option<String>>>) -> Result<ResultSet> {
        let columns: Vec<Column> = names
            .iter()
            .map(|&name| Column {
                name: name.into(),
                ty: ColumnType::nullable(SqlType::varchar(1024)),
                origin: None,
            })
            .collect();
        // As for queries: every column admits NULL.
        let field = |c: &Column| Field::new(c.name.as_str(), c.ty.arrow(), true);
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        let arrays: Vec<ArrayRef> = (0..names.len())
            .map(|c| -> ArrayRef {
                Arc::new(StringViewArray::from_iter(rows.iter().map(|row| row[c].as_deref())))
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)
            .map_err(Error::internal)?;
        let batches = if rows.is_empty() { vec![] } else { vec![batch] };
        Ok(ResultSet::of(Header::new(columns, schema), Source::Ready(batches.into_iter())))
    }

    /// A result of text columns as a table that can be queried.
    pub(crate) fn into_table(self) -> Result<MemoryTable> {
        let names: Vec<String> = self.columns().iter().map(|c| c.name.clone()).collect();
        let mut rows = Vec::new();
        for row in self.rows() {
            let row = row?;
            rows.push((0..names.len()).map(|c| row.value(c).clone()).collect());
        }
        Ok(information_schema::of_text(&names, rows))
    }

    pub(crate) fn with_found_rows(mut self, rows: u64) -> ResultSet {
        self.found_rows = Some(rows);
        self
    }

    pub(crate) fn with_info(mut self, info: impl Into<String>) -> ResultSet {
        self.info = info.into();
        self
    }

    /// Marks the result of SHOW WARNINGS, after which the warnings it showed are still there.
    pub(crate) fn keeping_warnings(mut self) -> ResultSet {
        self.keeps_warnings = true;
        self
    }

    pub(crate) fn keeps_warnings(&self) -> bool {
        self.keeps_warnings
    }

    pub(crate) fn with_warnings(mut self, warnings: Vec<Warning>) -> ResultSet {
        self.warnings = warnings;
        self
    }

    /// With the number of warnings that nobody kept.
    pub(crate) fn with_unkept(mut self, unkept: u64) -> ResultSet {
        self.unkept = unkept;
        self
    }

    /// With what will be said at the end.
    pub(crate) fn with_late(mut self, late: Late) -> ResultSet {
        self.late = Some(late);
        self
    }

    /// Where it will be said.
    pub(crate) fn late(&self) -> Option<Late> {
        self.late.clone()
    }

    /// How many warnings there are so far.
    pub(crate) fn warning_count(&self) -> u64 {
        match self.late.as_ref().and_then(|late| late.get()) {
            Some(all) => all.diagnostics.total,
            None => self.warnings.len() as u64 + self.unkept,
        }
    }

    /// Header and MySQL type of each column; empty if the statement returns no rows.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub(crate) fn shared_columns(&self) -> Arc<[Column]> {
        Arc::clone(&self.columns)
    }

    /// The schema of the batches.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Whether the statement returns rows (perhaps none).
    pub fn is_query(&self) -> bool {
        !self.columns.is_empty()
    }

    /// Rows that INSERT, UPDATE or DELETE changed.
    pub fn affected_rows(&self) -> u64 {
        self.affected_rows
    }

    /// Rows that INSERT or DELETE changed, or that UPDATE found, those included that were already as they were to be.
    pub fn found_rows(&self) -> u64 {
        self.found_rows.unwrap_or(self.affected_rows)
    }

    /// The first number that an AUTO_INCREMENT column gave to a row of this INSERT; 0 if none did.
    pub fn last_insert_id(&self) -> u64 {
        self.last_insert_id
    }

    /// What MySQL says besides the counts: `Rows matched: 1  Changed: 1  Warnings: 0`.
    pub fn info(&self) -> &str {
        &self.info
    }

    /// Warnings of the statement; of a query those of computing its rows, too, when all of them have been taken.
    pub fn warnings(&self) -> &[Warning] {
        let ended = self.late.as_ref().and_then(|late| late.get());
        ended.map_or(&self.warnings, |all| &all.diagnostics.list)
    }

    /// The rows one at a time, with typed access by name or position.
    pub fn rows(self) -> Rows {
        Rows::new(self)
    }

    /// All batches.
    ///
    /// # Errors
    /// The one that ended the statement.
    pub fn collect_batches(mut self) -> Result<Vec<RecordBatch>> {
        match std::mem::replace(&mut self.source, Source::Ended) {
            // The very list.
            Source::Ready(batches) => Ok(batches.collect()),
            Source::Running(batches) => batches.collect(),
            Source::Ended => Ok(Vec::new()),
        }
    }
}

impl Iterator for ResultSet {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let next = match &mut self.source {
            Source::Ready(batches) => batches.next().map(Ok),
            Source::Running(batches) => batches.next(),
            Source::Ended => None,
        };
        // An error is the last thing that comes, and what is left of the execution is freed at once.
        if !matches!(next, Some(Ok(_))) {
            self.source = Source::Ended;
        }
        next
    }
}

impl std::fmt::Debug for ResultSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResultSet")
            .field("columns", &self.columns)
            .field("affected_rows", &self.affected_rows)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_results_have_a_schema_even_without_rows() {
        let set = ResultSet::text(&["a", "b"], vec![]).unwrap();
        assert!(set.is_query());
        assert_eq!(set.schema().fields().len(), 2);
        assert_eq!(set.collect_batches().unwrap().len(), 0);
    }

    #[test]
    fn nothing_comes_after_an_error() {
        let batches = vec![Err(Error::internal("x")), Err(Error::internal("y"))].into_iter();
        let column = Column { name: "a".into(), ty: ColumnType::nullable(SqlType::BIGINT), origin: None };
        let mut set = ResultSet::running(Header::new(vec![column], Arc::new(Schema::empty())), batches);
        assert!(set.next().unwrap().is_err());
        assert!(set.next().is_none());
    }
}

//! What a statement answers: a result on its way from batches to packets.

use std::sync::Arc;

use allod_storage::schema::Charset;
use arrow::array::RecordBatch;

use crate::error::Result;
use crate::result::{Column, ResultSet};
use crate::server::Ended;
use crate::server::connection::{Connection, status_of};
use crate::server::desk::Pace;
use crate::server::protocol::cells::{Cells, Encoded};
use crate::server::protocol::column::Wire;
use crate::server::protocol::constants::capability;
use crate::server::protocol::payload::put_lenenc;
use crate::server::protocol::reply::{self, Done};
use crate::server::protocol::{binary, column, text};
use crate::session::Load;
use crate::{Error, Session};

/// A statement that has run, or has begun to return rows.
pub(crate) struct Answer {
    result: ResultSet,
    /// The first batch, so that an error which comes before it comes before the columns.
    first: Option<RecordBatch>,
    /// How rows are written.
    rows: Rows,
    /// Flags of the session behind the statement.
    pub status: u16,
    warnings: u16,
    /// The set that the client reads.
    results: Option<Charset>,
    /// Of the next batches.
    pace: Pace,
}

/// How rows are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// As text.
    Text,
    /// As values.
    Binary,
}

/// Writes rows of a result with these columns.
pub(crate) struct RowWriter {
    pub columns: Arc<[Column]>,
    /// `None` = as text.
    wires: Option<Vec<Wire>>,
    results: Option<Charset>,
}

impl Answer {
    /// Of what a statement returned: takes the first batch of a query.
    ///
    /// # Errors
    /// What the query ended with before it returned rows.
    pub fn new(session: &Session, mut result: ResultSet, rows: Rows, pace: Pace) -> Result<Answer> {
        let first = if result.is_query() { result.next().transpose()? } else { None };
        let warnings = count_of(&result);
        let results = session.wording().results;
        Ok(Answer { first, rows, status: status_of(session), warnings, results, pace, result })
    }

    /// The file that it waits for.
    pub fn take_request(&mut self) -> Option<(Arc<str>, Box<Load>)> {
        self.result.take_request()
    }

    /// Whether it has rows.
    pub fn is_query(&self) -> bool {
        self.result.is_query()
    }

    /// Its first batch, what comes behind that, and the number of warnings.
    pub fn into_parts(self) -> (Option<RecordBatch>, ResultSet, u16) {
        (self.first, self.result, self.warnings)
    }

    /// What writes its rows.
    pub fn writer(&self) -> RowWriter {
        let columns = self.result.shared_columns();
        let wires = match self.rows {
            Rows::Text => None,
            Rows::Binary => Some(columns.iter().map(|c| Wire::of(&c.ty.sql)).collect()),
        };
        RowWriter { columns, wires, results: self.results }
    }
}

impl RowWriter {
    /// Puts the number of columns and their definitions.
    pub fn put_columns(&self, connection: &mut Connection, status: u16, warnings: u16) {
        let count = self.columns.len() as u64;
        connection.wire.put(|out| put_lenenc(out, count));
        for definition in self.columns.iter() {
            connection.wire.put(|out| column::definition(out, definition, self.results));
        }
        if !connection.can(capability::DEPRECATE_EOF) {
            connection.wire.put(|out| reply::eof(out, status, warnings));
        }
    }

    /// Puts rows of a batch, sending what is written when it is much.
    pub async fn put_rows(
        &self,
        connection: &mut Connection,
        batch: &RecordBatch,
        rows: std::ops::Range<usize>,
    ) -> Result<(), Ended> {
        let written = self.results.map(|charset| Encoded::of(batch, &self.columns, charset));
        let cells = match &written {
            None => Cells::of(batch, &self.columns),
            Some(written) => written.cells(),
        };
        for row in rows {
            connection.wire.put(|out| match &self.wires {
                None => text::row(out, &cells, row),
                Some(wires) => binary::row(out, &cells, wires, row),
            });
            if connection.wire.is_full() {
                connection.wire.flush().await?;
            }
        }
        Ok(())
    }
}

/// Puts a result with these flags, and sends it but for its end.
///
/// # Errors
/// If the connection is to end. An error of the statement is told to the client, and none here.
pub(crate) async fn send(connection: &mut Connection, answer: Answer, status: u16) -> Result<(), Ended> {
    if !answer.is_query() {
        let (result, found) = (&answer.result, connection.can(capability::FOUND_ROWS));
        let done = Done {
            affected_rows: if found { result.found_rows() } else { result.affected_rows() },
            last_insert_id: result.last_insert_id(),
            status,
            warnings: answer.warnings,
            info: result.info(),
        };
        connection.wire.put(|out| reply::ok(out, done));
        return Ok(());
    }
    let (writer, pace) = (answer.writer(), answer.pace);
    let (first, mut rest, warnings) = answer.into_parts();
    writer.put_columns(connection, status, warnings);
    let mut batch = first;
    while let Some(current) = batch {
        writer.put_rows(connection, &current, 0..current.num_rows()).await?;
        match next(connection, rest, pace).await? {
            (Ok(next), left) => (batch, rest) = (next, left),
            (Err(error), _) => {
                connection.fail(&error);
                return Ok(());
            }
        }
    }
    let capabilities = connection.capabilities;
    // What there was to say of the rows is known behind the last of them.
    let warnings = count_of(&rest);
    connection.wire.put(|out| reply::end_of_rows(out, capabilities, status, warnings));
    Ok(())
}

/// The number of warnings, as far as the protocol can count.
fn count_of(result: &ResultSet) -> u16 {
    u16::try_from(result.warning_count()).unwrap_or(u16::MAX)
}

/// The next batch of a result; `None` = there is none.
pub(super) async fn next(
    connection: &mut Connection,
    mut result: ResultSet,
    pace: Pace,
) -> Result<(Result<Option<RecordBatch>, Error>, ResultSet), Ended> {
    let (next, _) = connection
        .run(pace, move |_| {
            let next = result.next().transpose();
            (next, result)
        })
        .await?;
    Ok(next)
}

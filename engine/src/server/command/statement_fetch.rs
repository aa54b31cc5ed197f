//! COM_STMT_FETCH: the next rows of a cursor.
//!
//! A cursor is a result whose batches have not all been taken: rows are computed when they are fetched, from the snapshot of
//! the statement, which is kept for as long as the cursor is open.

use arrow::array::RecordBatch;

use super::answer::{self, RowWriter};
use crate::error::{Error, code};
use crate::result::ResultSet;
use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::desk::Pace;
use crate::server::protocol::constants::status;
use crate::server::protocol::payload::Payload;
use crate::server::protocol::reply;

/// A result that is fetched piece by piece.
pub(in crate::server) struct Cursor {
    writer: RowWriter,
    batch: Option<RecordBatch>,
    /// The first row of the batch that was not fetched.
    row: usize,
    /// Behind the batch; `None` = nothing.
    rest: Option<ResultSet>,
}

impl Cursor {
    /// Before the first row.
    pub fn new(writer: RowWriter, first: Option<RecordBatch>, rest: ResultSet) -> Cursor {
        Cursor { writer, batch: first, row: 0, rest: Some(rest) }
    }

    /// Puts so many rows, and returns whether there are none left.
    async fn fetch(
        &mut self,
        connection: &mut Connection,
        mut wanted: usize,
    ) -> Result<Result<bool, Error>, Ended> {
        loop {
            if let Some(batch) = self.batch.as_ref().filter(|batch| self.row < batch.num_rows()) {
                if wanted == 0 {
                    return Ok(Ok(false));
                }
                let end = batch.num_rows().min(self.row.saturating_add(wanted));
                self.writer.put_rows(connection, batch, self.row..end).await?;
                wanted -= end - self.row;
                self.row = end;
                continue;
            }
            let Some(rest) = self.rest.take() else { return Ok(Ok(true)) };
            let (next, rest) = answer::next(connection, rest, Pace::Long).await?;
            match next {
                Ok(None) => return Ok(Ok(true)),
                Ok(batch) => (self.batch, self.row, self.rest) = (batch, 0, Some(rest)),
                Err(error) => return Ok(Err(error)),
            }
        }
    }
}

/// Sends the next rows, and says whether they were the last.
pub(super) async fn answer(connection: &mut Connection, packet: &[u8]) -> Result<(), Ended> {
    let mut payload = Payload::new(packet);
    let (id, wanted) = (payload.u32()?, payload.u32()?);
    let found = connection.statement(id, "mysqld_stmt_fetch").and_then(|statement| {
        let text = statement.prepared.shared_text();
        let none = || Error::new(code::NO_CURSOR, format!("the statement ({id}) has no open cursor"));
        statement.cursor.take().map(|cursor| (cursor, text)).ok_or_else(none)
    });
    let (mut cursor, text) = match found {
        Ok(found) => found,
        Err(error) => {
            connection.fail(&error);
            return Ok(());
        }
    };
    connection.does("Fetch", text, 0)?;
    match cursor.fetch(connection, wanted as usize).await? {
        Ok(last) => {
            let flag = if last { status::LAST_ROW_SENT } else { status::CURSOR_EXISTS };
            let (flags, capabilities) = (connection.status()? | flag, connection.capabilities);
            connection.wire.put(|out| reply::end_of_rows(out, capabilities, flags, 0));
            if let Some(statement) = connection.statements.get_mut(&id).filter(|_| !last) {
                statement.cursor = Some(cursor);
            }
        }
        Err(error) => connection.fail(&error),
    }
    Ok(())
}

//! COM_STMT_EXECUTE.

use std::sync::Arc;

use allod_storage::schema::{Charset, Datum};

use super::answer::{Answer, Rows};
use super::statement_fetch::Cursor;
use super::statement_prepare::Statement;

use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::protocol::constants::{capability, status};
use crate::server::protocol::payload::{Malformed, Payload};
use crate::server::protocol::{parameter, reply};

/// The client wants to fetch the rows.
const CURSOR_READ_ONLY: u8 = 1;

/// Runs a prepared statement with the values that come along.
pub(super) async fn answer(connection: &mut Connection, packet: &[u8]) -> Result<(), Ended> {
    let mut payload = Payload::new(packet);
    let (id, flags, _iterations) = (payload.u32()?, payload.u8()?, payload.u32()?);
    let client = connection.wording()?.client;
    let statement = match connection.statement(id, "mysqld_stmt_execute") {
        Ok(statement) => statement,
        Err(error) => {
            connection.fail(&error);
            return Ok(());
        }
    };
    // What was left of the last time is closed, whatever comes of this time.
    statement.cursor = None;
    let params = params(statement, &mut payload, client);
    statement.long_data.iter_mut().for_each(|data| *data = None);
    let failed = statement.long_data_error.take();
    let (params, prepared, pace) = (params?, Arc::clone(&statement.prepared), statement.pace);
    let shape = statement.shape;
    if let Some(error) = failed {
        connection.fail(&error);
        return Ok(());
    }
    connection.does("Execute", prepared.shared_text(), shape)?;
    let work = move |session: &mut crate::Session| {
        let result = session.execute_prepared(&prepared, &params)?;
        Answer::new(session, result, Rows::Binary, pace)
    };
    let (answer, taken) = connection.run(pace, work).await?;
    if let Some(statement) = connection.statements.get_mut(&id) {
        statement.pace = taken;
    }
    match answer {
        Ok(answer) if answer.is_query() && flags & CURSOR_READ_ONLY != 0 => {
            let (flags, writer) = (answer.status | status::CURSOR_EXISTS, answer.writer());
            let (first, rest, warnings) = answer.into_parts();
            writer.put_columns(connection, flags, warnings);
            // It says that there is a cursor, also to a client that wants no EOF behind the columns.
            let capabilities = connection.capabilities;
            if connection.can(capability::DEPRECATE_EOF) {
                connection.wire.put(|out| reply::end_of_rows(out, capabilities, flags, warnings));
            }
            if let Some(statement) = connection.statements.get_mut(&id) {
                statement.cursor = Some(Cursor::new(writer, first, rest));
            }
            Ok(())
        }
        Ok(answer) => connection.send(answer, false).await,
        Err(error) => {
            connection.fail(&error);
            Ok(())
        }
    }
}

/// The values, in order. A type that is told is remembered, for the next time it may not be.
fn params(
    statement: &mut Statement,
    payload: &mut Payload<'_>,
    client: Option<Charset>,
) -> Result<Vec<Datum>, Malformed> {
    let count = statement.prepared.param_count();
    if count == 0 {
        return Ok(Vec::new());
    }
    let nulls = payload.bytes(count.div_ceil(8))?;
    if payload.u8()? == 1 {
        statement.types = parameter::types(payload, count)?;
    }
    if statement.types.len() != count {
        return Err(Malformed);
    }
    (0..count)
        .map(|at| match statement.long_data[at].take() {
            Some(bytes) => Ok(parameter::long(bytes, Some(statement.types[at]), client)),
            None if nulls[at / 8] & 1 << (at % 8) != 0 => Ok(Datum::Null),
            None => parameter::value(payload, statement.types[at], client),
        })
        .collect()
}

//! COM_STMT_PREPARE.

use std::sync::Arc;

use bytes::Bytes;

use super::statement_fetch::Cursor;
use crate::error::{Error, code};
use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::desk::{self, Pace};
use crate::server::protocol::constants::capability;
use crate::server::protocol::parameter::ParameterType;
use crate::server::protocol::{column, reply, sql};
use crate::session::Prepared;

/// Statements that a connection may have prepared at a time, as MySQL's `max_prepared_stmt_count`.
const STATEMENTS_MAX: usize = 16_382;

/// A prepared statement of a connection.
pub(in crate::server) struct Statement {
    pub prepared: Arc<Prepared>,
    /// Types of its parameters, once they have been told.
    pub types: Vec<ParameterType>,
    /// Values that came in pieces, by parameter.
    pub long_data: Vec<Option<Vec<u8>>>,
    /// What went wrong with them, told when it is executed.
    pub long_data_error: Option<Error>,
    /// Rows that are still to be fetched.
    pub cursor: Option<Cursor>,
    /// How long it took the last time.
    pub pace: Pace,
    /// A number for the shape of its text.
    pub shape: u64,
}

/// Prepares a statement and tells its parameters and columns.
pub(super) async fn answer(connection: &mut Connection, packet: Bytes) -> Result<(), Ended> {
    let wording = connection.wording()?;
    let Some(text) = sql::text(&packet, wording.client) else {
        let error = Error::new(code::INVALID_CHARACTER_STRING, "invalid utf8mb4 character string");
        connection.fail(&error);
        return Ok(());
    };
    if connection.statements.len() >= STATEMENTS_MAX {
        let message = format!("can't create more than {STATEMENTS_MAX} prepared statements");
        connection.fail(&Error::new(code::TOO_MANY_STATEMENTS, message));
        return Ok(());
    }
    let text: Arc<str> = Arc::from(text);
    let shape = desk::shape(&text);
    connection.does("Prepare", Arc::clone(&text), shape)?;
    let work = move |session: &mut crate::Session| {
        let prepared = session.prepare(&text)?;
        let columns = session.describe(&prepared)?;
        Ok((prepared, columns))
    };
    let (prepared, columns) = match connection.run(Pace::SHORT, work).await?.0 {
        Ok(made) => made,
        Err(error) => {
            connection.fail(&error);
            return Ok(());
        }
    };
    let id = connection.next_statement;
    connection.next_statement = connection.next_statement.wrapping_add(1).max(1);
    let (status, eof) = (connection.status()?, !connection.can(capability::DEPRECATE_EOF));
    let params = prepared.param_count();
    connection.wire.put(|out| {
        out.push(0);
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(&(columns.len() as u16).to_le_bytes());
        out.extend_from_slice(&(params as u16).to_le_bytes());
        // Nothing, and no warnings.
        out.extend_from_slice(&[0, 0, 0]);
    });
    for _ in 0..params {
        connection.wire.put(column::parameter);
    }
    if eof && params > 0 {
        connection.wire.put(|out| reply::eof(out, status, 0));
    }
    for found in columns.iter() {
        connection.wire.put(|out| column::definition(out, found, wording.results));
    }
    if eof && !columns.is_empty() {
        connection.wire.put(|out| reply::eof(out, status, 0));
    }
    let statement = Statement {
        long_data: vec![None; params],
        prepared: Arc::new(prepared),
        types: Vec::new(),
        long_data_error: None,
        cursor: None,
        pace: Pace::default(),
        shape,
    };
    connection.statements.insert(id, statement);
    Ok(())
}

impl Connection {
    /// A prepared statement, or the error that there is none.
    pub(in crate::server) fn statement(&mut self, id: u32, to: &str) -> Result<&mut Statement, Error> {
        self.statements.get_mut(&id).ok_or_else(|| {
            let message = format!("unknown prepared statement handler ({id}) given to {to}");
            Error::new(code::UNKNOWN_STATEMENT, message)
        })
    }
}

//! Commands, one a file.

mod answer;
mod change_user;
mod field_list;
mod infile;
mod init_db;
mod process_kill;
mod query;
mod reset_connection;
mod set_option;
mod statement_close;
mod statement_execute;
mod statement_fetch;
mod statement_long_data;
mod statement_prepare;
mod statement_reset;
mod statistics;

use bytes::{Buf, Bytes};

use super::Ended;
use super::connection::Connection;
use super::protocol::payload::Payload;
use crate::error::{Error, code};

pub(super) use answer::{Answer, send};
pub(super) use statement_prepare::Statement;

/// The first byte of each command.
mod number {
    pub const QUIT: u8 = 1;
    pub const INIT_DB: u8 = 2;
    pub const QUERY: u8 = 3;
    pub const FIELD_LIST: u8 = 4;
    pub const REFRESH: u8 = 7;
    pub const STATISTICS: u8 = 9;
    pub const PROCESS_KILL: u8 = 12;
    pub const DEBUG: u8 = 13;
    pub const PING: u8 = 14;
    pub const CHANGE_USER: u8 = 17;
    pub const STATEMENT_PREPARE: u8 = 22;
    pub const STATEMENT_EXECUTE: u8 = 23;
    pub const STATEMENT_SEND_LONG_DATA: u8 = 24;
    pub const STATEMENT_CLOSE: u8 = 25;
    pub const STATEMENT_RESET: u8 = 26;
    pub const SET_OPTION: u8 = 27;
    pub const STATEMENT_FETCH: u8 = 28;
    pub const RESET_CONNECTION: u8 = 31;
}

/// Answers a command. What is answered may still have to be flushed.
///
/// # Errors
/// If the connection is to end.
pub(super) async fn answer(connection: &mut Connection, mut packet: Bytes) -> Result<(), Ended> {
    let command = Payload::new(&packet).u8()?;
    packet.advance(1);
    match command {
        number::QUIT => Err(Ended::Quit),
        number::INIT_DB => init_db::answer(connection, &packet).await,
        number::QUERY => query::answer(connection, packet).await,
        number::FIELD_LIST => field_list::answer(connection, &packet),
        number::STATISTICS => statistics::answer(connection),
        number::PROCESS_KILL => process_kill::answer(connection, &packet).await,
        // What could be out of date is not (see FLUSH).
        number::REFRESH | number::DEBUG | number::PING => connection.ok().await,
        number::CHANGE_USER => change_user::answer(connection, &packet).await,
        number::STATEMENT_PREPARE => statement_prepare::answer(connection, packet).await,
        number::STATEMENT_EXECUTE => statement_execute::answer(connection, &packet).await,
        number::STATEMENT_SEND_LONG_DATA => statement_long_data::take(connection, &packet),
        number::STATEMENT_CLOSE => statement_close::close(connection, &packet),
        number::STATEMENT_RESET => statement_reset::answer(connection, &packet).await,
        number::SET_OPTION => set_option::answer(connection, &packet),
        number::STATEMENT_FETCH => statement_fetch::answer(connection, &packet).await,
        number::RESET_CONNECTION => reset_connection::answer(connection).await,
        // Replication, and what MySQL itself has given up.
        _ => {
            connection.fail(&Error::new(code::UNKNOWN_COMMAND, "unknown command"));
            Ok(())
        }
    }
}

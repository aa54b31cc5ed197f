//! COM_STMT_SEND_LONG_DATA: a piece of a parameter's value. There is no answer; what is wrong is told when the statement is
//! executed.

use crate::error::{Error, code};
use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::protocol::payload::Payload;

/// Keeps the piece.
pub(super) fn take(connection: &mut Connection, packet: &[u8]) -> Result<(), Ended> {
    let mut payload = Payload::new(packet);
    let (id, at) = (payload.u32()?, usize::from(payload.u16()?));
    let limit = connection.desk.session()?.packet_bytes_max();
    // For a statement that there is not there is nobody to tell.
    let Ok(statement) = connection.statement(id, "mysqld_stmt_send_long_data") else { return Ok(()) };
    let piece = payload.rest();
    match statement.long_data.get_mut(at) {
        Some(data) if data.as_ref().map_or(0, Vec::len) + piece.len() <= limit => {
            data.get_or_insert_default().extend_from_slice(piece);
        }
        Some(data) => {
            *data = None;
            let message = "parameter of prepared statement which is set through mysql_send_long_data() is longer than 'max_allowed_packet' bytes";
            statement.long_data_error = Some(Error::new(code::UNKNOWN, message));
        }
        None => {
            let message = "incorrect arguments to mysqld_stmt_send_long_data";
            statement.long_data_error = Some(Error::new(code::WRONG_ARGUMENTS, message));
        }
    }
    Ok(())
}

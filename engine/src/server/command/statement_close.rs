//! COM_STMT_CLOSE. There is no answer.

use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::protocol::payload::Payload;

/// Forgets a prepared statement.
pub(super) fn close(connection: &mut Connection, packet: &[u8]) -> Result<(), Ended> {
    let id = Payload::new(packet).u32()?;
    connection.statements.remove(&id);
    Ok(())
}

//! COM_SET_OPTION: whether texts may have several statements.

use crate::error::{Error, code};
use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::protocol::constants::capability;
use crate::server::protocol::payload::Payload;
use crate::server::protocol::reply;

/// Switches it on (0) or off (1).
pub(super) fn answer(connection: &mut Connection, packet: &[u8]) -> Result<(), Ended> {
    match Payload::new(packet).u16()? {
        0 => connection.capabilities |= capability::MULTI_STATEMENTS,
        1 => connection.capabilities &= !capability::MULTI_STATEMENTS,
        _ => {
            connection.fail(&Error::new(code::UNKNOWN_COMMAND, "unknown command"));
            return Ok(());
        }
    }
    let (status, capabilities) = (connection.status()?, connection.capabilities);
    connection.wire.put(|out| reply::end_of_rows(out, capabilities, status, 0));
    Ok(())
}

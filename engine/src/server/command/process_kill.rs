//! COM_PROCESS_KILL: KILL.

use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::protocol::payload::Payload;

/// Ends a connection, perhaps this one.
pub(super) async fn answer(connection: &mut Connection, packet: &[u8]) -> Result<(), Ended> {
    let id = Payload::new(packet).u32()?;
    match connection.desk.session()?.kill(id.into(), false) {
        Ok(()) => connection.ok().await,
        Err(error) => {
            connection.fail(&error);
            Ok(())
        }
    }
}

//! COM_STMT_RESET: forgets the pieces of values, and closes the cursor.

use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::protocol::payload::Payload;

/// Makes a statement as if it had just been prepared.
pub(super) async fn answer(connection: &mut Connection, packet: &[u8]) -> Result<(), Ended> {
    let id = Payload::new(packet).u32()?;
    match connection.statement(id, "mysqld_stmt_reset") {
        Ok(statement) => {
            statement.cursor = None;
            statement.long_data_error = None;
            statement.long_data.iter_mut().for_each(|data| *data = None);
            connection.ok().await
        }
        Err(error) => {
            connection.fail(&error);
            Ok(())
        }
    }
}

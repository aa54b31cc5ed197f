//! COM_INIT_DB: USE.

use crate::server::Ended;
use crate::server::connection::Connection;

/// Changes the schema that bare names belong to.
pub(super) async fn answer(connection: &mut Connection, name: &[u8]) -> Result<(), Ended> {
    let name = String::from_utf8_lossy(name);
    match connection.desk.session()?.use_database(&name) {
        Ok(()) => connection.ok().await,
        Err(error) => {
            connection.fail(&error);
            Ok(())
        }
    }
}

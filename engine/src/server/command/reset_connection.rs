//! COM_RESET_CONNECTION: a new session on the same connection, in the same database.

use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::desk::Pace;

/// Rolls back, forgets variables and prepared statements.
pub(super) async fn answer(connection: &mut Connection) -> Result<(), Ended> {
    connection.statements.clear();
    // To roll back may take a while.
    connection.run(Pace::Long, |session| session.reset()).await?;
    connection.ok().await
}

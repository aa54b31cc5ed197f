//! COM_STATISTICS: a line for `mysqladmin status`.

use crate::server::Ended;
use crate::server::connection::Connection;

/// Answers with the line, which is a packet of its own kind.
pub(super) fn answer(connection: &mut Connection) -> Result<(), Ended> {
    let server = &connection.server;
    let version = server.database.catalog();
    let tables: usize = version.databases().map(|database| version.tables(database).count()).sum();
    let line = format!(
        "Uptime: {}  Threads: {}  Tables: {tables}",
        server.database.uptime().as_secs(),
        server.processes().list().len(),
    );
    connection.wire.put(|out| out.extend_from_slice(line.as_bytes()));
    Ok(())
}

//! COM_CHANGE_USER: another login on the same connection, with a new session.

use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::desk::Pace;
use crate::server::login;
use crate::server::protocol::auth;
use crate::server::protocol::constants::capability;
use crate::server::protocol::handshake::{self, Login};
use crate::server::protocol::payload::Payload;

/// Who is not let in loses the connection, as in MySQL.
pub(super) async fn answer(connection: &mut Connection, packet: &[u8]) -> Result<(), Ended> {
    let mut login = Login::read_change_user(&mut Payload::new(packet), connection.capabilities)?;
    let mut salt = auth::salt();
    let password = connection.server.options.password.clone();
    // The salt of the greeting is used up: the client is asked to answer to a new one.
    if connection.can(capability::PLUGIN_AUTH) && (password.is_some() || !login.answer.is_empty()) {
        let plugin = login.plugin.unwrap_or(handshake::PROPOSED);
        salt = auth::salt();
        connection.wire.put(|out| handshake::switch(out, plugin, &salt));
        connection.wire.flush().await?;
        login.answer = connection.packet().await?.to_vec();
        login.plugin = Some(plugin);
    }
    let host = connection.process.host.clone();
    let host = host.rsplit_once(':').map_or(&*host, |(host, _)| host);
    let capabilities = connection.capabilities;
    login::admit(&mut connection.wire, &login, capabilities, password.as_ref(), &salt, host).await?;
    connection.statements.clear();
    connection.run(Pace::Long, |session| session.reset()).await?;
    let session = connection.desk.session()?;
    session.leave_database();
    match login.database.map_or(Ok(()), |name| session.use_database(&name)) {
        Ok(()) => connection.ok().await,
        Err(error) => Err(Ended::Refused(error)),
    }
}

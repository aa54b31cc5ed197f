//! COM_CHANGE_USER: another login on the same connection, with a new session.

use crate::processes::Who;
use crate::server::Ended;
use crate::server::connection::Connection;
use crate::server::desk::Pace;
use crate::server::login::{self, Way};
use crate::server::protocol::auth;
use crate::server::protocol::constants::capability;
use crate::server::protocol::handshake::{self, Login};
use crate::server::protocol::payload::Payload;

/// Who is not let in loses the connection, as in MySQL.
pub(super) async fn answer(connection: &mut Connection, packet: &[u8]) -> Result<(), Ended> {
    let mut login = Login::read_change_user(&mut Payload::new(packet), connection.capabilities)?;
    let mut salt = auth::salt();
    let host = connection.process.host.clone();
    let host = host.rsplit_once(':').map_or(&*host, |(host, _)| host);
    let database = connection.server.database.clone();
    let known = database.catalog();
    let has_password = known.accounts().of_visitor(&login.user, host).is_none_or(|a| !a.secret.is_none());
    // The salt of the greeting is used up: the client is asked to answer to a new one.
    if connection.can(capability::PLUGIN_AUTH) && (has_password || !login.answer.is_empty()) {
        let plugin = login.plugin.unwrap_or(handshake::PROPOSED);
        salt = auth::salt();
        connection.wire.put(|out| handshake::switch(out, plugin, &salt));
        connection.wire.flush().await?;
        login.answer = connection.packet().await?.to_vec();
        login.plugin = Some(plugin);
    }
    let way = Way { capabilities: connection.capabilities, encrypted: connection.encrypted };
    let account = login::admit(&mut connection.wire, &login, way, &database, &salt, host).await?;
    let (user, attributes) = (login.user.clone(), login.attributes.clone());
    connection.process.becomes(Who { user, attributes });
    connection.statements.clear();
    connection.run(Pace::Long, |session| session.reset()).await?;
    let session = connection.desk.session()?;
    session.log_in(&format!("{}@{host}", login.user), &account, database.catalog().accounts());
    session.leave_database();
    if let Err(error) = session.set_names(login.collation) {
        return Err(Ended::Refused(error));
    }
    match login.database.map_or(Ok(()), |name| session.use_database(&name)) {
        Ok(()) => connection.ok().await,
        Err(error) => Err(Ended::Refused(error)),
    }
}

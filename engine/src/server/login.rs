//! The first packets of a connection: greeting, answer, perhaps another way to answer, and yes or no.

use super::Ended;
use super::protocol::auth::{self, Password, Plugin, SALT};
use super::protocol::constants::capability;
use super::protocol::handshake::{self, CAPABILITIES, Login, Response};
use super::protocol::payload::Malformed;
use super::protocol::reply;
use super::tls::Tls;
use super::wire::Wire;
use crate::error::{Error, code};
use crate::variables::VERSION;

/// The one account.
pub(super) const USER: &str = "root";
/// `caching_sha2_password`: what the server says before OK when the answer was right.
const FAST_AUTH_SUCCESS: [u8; 2] = [1, 3];

/// Who has come in, and what both can do.
pub(super) struct Visitor {
    pub capabilities: u32,
    pub login: Login,
}

/// Greets, and lets in who may come in; OK is not said yet.
///
/// # Errors
/// If the client is not let in, or is gone.
pub(super) async fn greet(
    wire: &mut Wire,
    connection: u64,
    password: Option<&Password>,
    tls: Option<&Tls>,
    host: &str,
) -> Result<Visitor, Ended> {
    let salt = auth::salt();
    let offered = CAPABILITIES | if tls.is_some() { capability::SSL } else { 0 };
    wire.put(|out| handshake::greeting(out, VERSION, connection, &salt, offered));
    wire.flush().await?;
    let mut response = Response::read(&wire.packet().await?, offered)?;
    if let (None, Some(tls)) = (&response.login, tls) {
        wire.encrypt(tls.acceptor()).await?;
        response = Response::read(&wire.packet().await?, offered)?;
    }
    wire.read_ahead();
    let Response { capabilities, login } = response;
    let login = login.ok_or(Malformed)?;
    admit(wire, &login, capabilities, password, &salt, host).await?;
    Ok(Visitor { capabilities, login })
}

/// Checks an answer, asking for one that can be checked if need be.
///
/// # Errors
/// 1045 if it is not right.
pub(super) async fn admit(
    wire: &mut Wire,
    login: &Login,
    capabilities: u32,
    password: Option<&Password>,
    salt: &[u8; SALT],
    host: &str,
) -> Result<(), Ended> {
    let (mut plugin, mut answer, mut salt) = (login.plugin, login.answer.clone(), *salt);
    if plugin.is_none() && capabilities & capability::PLUGIN_AUTH != 0 {
        let other = Plugin::CachingSha2;
        salt = auth::salt();
        wire.put(|out| handshake::switch(out, other, &salt));
        wire.flush().await?;
        answer = wire.packet().await?.to_vec();
        plugin = Some(other);
    }
    let plugin = plugin.unwrap_or(Plugin::Native);
    if login.user != USER || !auth::check(password, plugin, &salt, &answer) {
        let using = if answer.is_empty() { "NO" } else { "YES" };
        let message = format!("access denied for user '{}'@'{host}' (using password: {using})", login.user);
        return Err(Ended::Refused(Error::new(code::ACCESS_DENIED_USER, message)));
    }
    if plugin == Plugin::CachingSha2 && !answer.is_empty() {
        wire.put(|out| out.extend_from_slice(&FAST_AUTH_SUCCESS));
    }
    Ok(())
}

/// Tells a client that it is let go, and why. It may be gone.
pub(super) async fn refuse(wire: &mut Wire, capabilities: u32, error: &Error) {
    wire.put(|out| reply::error(out, capabilities, error));
    // It is let go either way.
    let _ = wire.flush().await;
}

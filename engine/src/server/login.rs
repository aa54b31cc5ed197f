//! The first packets of a connection: greeting, answer, perhaps another way to answer, and yes or no.
//!
//! Who somebody is, is looked up among the accounts by name and address ([`crate::accounts`]); then the answer to the salt is
//! checked against what is kept of that account's password, in the way in which the client has answered if that can be checked,
//! else the client is asked to answer in another way.

use std::sync::Arc;

use allod_planner::account::Requirement;

use super::Ended;
use super::protocol::auth::{self, SALT};
use super::protocol::constants::capability;
use super::protocol::handshake::{self, CAPABILITIES, Login, Response};
use super::protocol::payload::Malformed;
use super::protocol::reply;
use super::tls::Tls;
use super::wire::Wire;
use crate::Database;
use crate::accounts::{Account, Plugin};
use crate::error::{Error, code};
use crate::variables::VERSION;

/// `caching_sha2_password`: what the server says before OK when the answer was right.
const FAST_AUTH_SUCCESS: [u8; 2] = [1, 3];
/// And when it cannot know: the client is to send the password.
const FULL_AUTH: [u8; 2] = [1, 4];

/// Who has come in, and what both can do.
pub(super) struct Visitor {
    pub capabilities: u32,
    pub login: Login,
    pub account: Arc<Account>,
    /// Whether what both say is encrypted.
    pub encrypted: bool,
}

/// Greets, and lets in who may come in; OK is not said yet.
///
/// # Errors
/// If the client is not let in, or is gone.
pub(super) async fn greet(
    wire: &mut Wire,
    connection: u64,
    database: &Database,
    tls: Option<&Tls>,
    host: &str,
) -> Result<Visitor, Ended> {
    let salt = auth::salt();
    let offered = CAPABILITIES | if tls.is_some() { capability::SSL } else { 0 };
    wire.put(|out| handshake::greeting(out, VERSION, connection, &salt, offered));
    wire.flush().await?;
    let mut response = Response::read(&wire.packet().await?, offered)?;
    let mut encrypted = false;
    if let (None, Some(tls)) = (&response.login, tls) {
        wire.encrypt(tls.acceptor()).await?;
        encrypted = true;
        response = Response::read(&wire.packet().await?, offered)?;
    }
    wire.read_ahead();
    let Response { capabilities, login } = response;
    let login = login.ok_or(Malformed)?;
    let way = Way { capabilities, encrypted };
    let account = admit(wire, &login, way, database, &salt, host).await?;
    Ok(Visitor { capabilities, login, account, encrypted })
}

/// How a client talks.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub capabilities: u32,
    /// Whether nobody else can hear it.
    pub encrypted: bool,
}

/// Checks an answer, asking for one that can be checked if need be; the account that the client turns out to be.
///
/// # Errors
/// 1045 if it is not right; 3118, 1862 if it is, but the account is locked or its password too old.
pub(super) async fn admit(
    wire: &mut Wire,
    login: &Login,
    way: Way,
    database: &Database,
    salt: &[u8; SALT],
    host: &str,
) -> Result<Arc<Account>, Ended> {
    let version = database.catalog();
    let (mut plugin, mut answer, mut salt) = (login.plugin, login.answer.clone(), *salt);
    let denied = |answer: &[u8]| {
        let using = if answer.is_empty() { "NO" } else { "YES" };
        let message = format!("access denied for user '{}'@'{host}' (using password: {using})", login.user);
        Ended::Refused(Error::new(code::ACCESS_DENIED_USER, message))
    };
    let Some(account) = version.accounts().of_visitor(&login.user, host) else { return Err(denied(&answer)) };
    let secret = &account.secret;
    if let Plugin::Elsewhere(_) = secret.plugin {
        return Err(denied(&answer));
    }
    // One whose answers can be checked, and if there is none the one for which the password itself will do.
    let asked = if secret.knows(Plugin::CachingSha2) { Plugin::CachingSha2 } else { secret.plugin };
    let good = plugin.is_some_and(|given| secret.knows(given) || given == asked);
    if !good && way.capabilities & capability::PLUGIN_AUTH != 0 {
        salt = auth::salt();
        wire.put(|out| handshake::switch(out, asked, &salt));
        wire.flush().await?;
        answer = wire.packet().await?.to_vec();
        plugin = Some(asked);
    }
    let plugin = plugin.unwrap_or(Plugin::Native);
    let right = if secret.knows(plugin) {
        auth::check(secret.password.as_ref(), plugin, &salt, &answer)
    } else if plugin == Plugin::CachingSha2 && secret.plugin == plugin && way.encrypted {
        wire.put(|out| out.extend_from_slice(&FULL_AUTH));
        wire.flush().await?;
        let text = wire.packet().await?;
        secret.is_text(text.strip_suffix(&[0]).unwrap_or(&text))
    } else {
        false
    };
    let connects = match &account.require {
        Requirement::None => true,
        Requirement::Ssl => way.encrypted,
        // Nobody asks clients for certificates.
        Requirement::X509 | Requirement::Specified { .. } => false,
    };
    if !right || !connects {
        return Err(denied(&answer));
    }
    if account.locked {
        let message = format!("access denied for user '{}'@'{host}'. Account is locked.", login.user);
        return Err(Ended::Refused(Error::new(code::ACCOUNT_LOCKED, message)));
    }
    if account.is_expired(chrono::Utc::now().timestamp_micros(), database.password_lifetime()) {
        let message = "your password has expired. To log in you must change it using a client that supports expired passwords.";
        return Err(Ended::Refused(Error::new(code::PASSWORD_EXPIRED, message)));
    }
    if plugin == Plugin::CachingSha2 && !answer.is_empty() && secret.knows(plugin) {
        wire.put(|out| out.extend_from_slice(&FAST_AUTH_SUCCESS));
    }
    Ok(Arc::clone(account))
}

/// Tells a client that it is let go, and why. It may be gone.
pub(super) async fn refuse(wire: &mut Wire, capabilities: u32, error: &Error) {
    wire.put(|out| reply::error(out, capabilities, error, None));
    // It is let go either way.
    let _ = wire.flush().await;
}

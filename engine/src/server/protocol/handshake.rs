//! The first packets: who the server is, who the client is, what both can do.

use super::auth::SALT;
use super::constants::{capability, collation, status};
use super::payload::{Malformed, Payload};
use crate::accounts::Plugin;

/// What the server can do; and [`capability::SSL`] if it has a certificate.
pub(crate) const CAPABILITIES: u32 = capability::LONG_PASSWORD
    | capability::FOUND_ROWS
    | capability::LONG_FLAG
    | capability::CONNECT_WITH_DB
    | capability::LOCAL_FILES
    | capability::IGNORE_SPACE
    | capability::PROTOCOL_41
    | capability::INTERACTIVE
    | capability::TRANSACTIONS
    | capability::SECURE_CONNECTION
    | capability::MULTI_STATEMENTS
    | capability::MULTI_RESULTS
    | capability::PS_MULTI_RESULTS
    | capability::PLUGIN_AUTH
    | capability::CONNECT_ATTRS
    | capability::PLUGIN_AUTH_LENENC_CLIENT_DATA
    | capability::DEPRECATE_EOF;

/// The plugin that the server proposes. TiDB's; clients that have lost it answer with the other one.
pub(crate) const PROPOSED: Plugin = Plugin::Native;

/// The server's first packet.
pub(crate) fn greeting(
    out: &mut Vec<u8>,
    version: &str,
    connection: u64,
    salt: &[u8; SALT],
    capabilities: u32,
) {
    let [c0, c1, c2, c3] = capabilities.to_le_bytes();
    out.push(10);
    out.extend_from_slice(version.as_bytes());
    out.push(0);
    // All that the protocol has room for.
    out.extend_from_slice(&(connection as u32).to_le_bytes());
    out.extend_from_slice(&salt[..8]);
    out.extend_from_slice(&[0, c0, c1, collation::UTF8MB4_BIN as u8]);
    out.extend_from_slice(&status::AUTOCOMMIT.to_le_bytes());
    out.extend_from_slice(&[c2, c3, SALT as u8 + 1]);
    out.extend_from_slice(&[0; 10]);
    out.extend_from_slice(&salt[8..]);
    out.push(0);
    out.extend_from_slice(PROPOSED.name().as_bytes());
    out.push(0);
}

/// Asks the client to answer in another way, to a new salt.
pub(crate) fn switch(out: &mut Vec<u8>, plugin: Plugin, salt: &[u8; SALT]) {
    out.push(0xfe);
    out.extend_from_slice(plugin.name().as_bytes());
    out.push(0);
    out.extend_from_slice(salt);
    out.push(0);
}

/// Who wants to be who: of the client's first packet, and of COM_CHANGE_USER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub user: String,
    /// The answer to the salt.
    pub answer: Vec<u8>,
    /// The schema to begin with.
    pub database: Option<String>,
    /// The number of the collation of what it says.
    pub collation: u16,
    /// The plugin that the answer was made by; `None` = one that there is not here.
    pub plugin: Option<Plugin>,
    /// What the client tells of itself: `program_name`, `_pid`.
    pub attributes: Vec<(String, String)>,
}

/// The client's first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// What both can do.
    pub capabilities: u32,
    /// `None` = it wants TLS, and will say the rest there.
    pub login: Option<Login>,
}

impl Response {
    /// Reads it.
    ///
    /// # Errors
    /// If it is cut off, or of a client from before version 4.1.
    pub fn read(bytes: &[u8], offered: u32) -> Result<Response, Malformed> {
        let mut payload = Payload::new(bytes);
        let capabilities = payload.u32()? & offered;
        if capabilities & capability::PROTOCOL_41 == 0 {
            return Err(Malformed);
        }
        // The longest packet, the collation, and nothing.
        payload.u32()?;
        let collation = payload.u8()?.into();
        payload.bytes(23)?;
        if capabilities & capability::SSL != 0 && payload.is_empty() {
            return Ok(Response { capabilities, login: None });
        }
        let user = text(payload.until_zero()?);
        let answer = if capabilities & capability::PLUGIN_AUTH_LENENC_CLIENT_DATA != 0 {
            payload.lenenc_bytes()?
        } else if capabilities & capability::SECURE_CONNECTION != 0 {
            let n = payload.u8()?;
            payload.bytes(n.into())?
        } else {
            payload.until_zero_or_end()
        };
        let answer = answer.to_vec();
        let mut database = None;
        if capabilities & capability::CONNECT_WITH_DB != 0 && !payload.is_empty() {
            database = Some(text(payload.until_zero_or_end())).filter(|name| !name.is_empty());
        }
        let (plugin, attributes) = tail(&mut payload, capabilities)?;
        Ok(Response {
            capabilities,
            login: Some(Login { user, answer, database, collation, plugin, attributes }),
        })
    }
}

impl Login {
    /// Reads COM_CHANGE_USER, behind its first byte.
    ///
    /// # Errors
    /// If it is cut off.
    pub fn read_change_user(payload: &mut Payload<'_>, capabilities: u32) -> Result<Login, Malformed> {
        let user = text(payload.until_zero()?);
        let n = payload.u8()?;
        let answer = payload.bytes(n.into())?.to_vec();
        let database = Some(text(payload.until_zero_or_end())).filter(|name| !name.is_empty());
        let collation = if payload.is_empty() { collation::UTF8MB4_BIN } else { payload.u16()? };
        let (plugin, attributes) = tail(payload, capabilities)?;
        Ok(Login { user, answer, database, collation, plugin, attributes })
    }
}

/// The plugin's name and the attributes.
fn tail(
    payload: &mut Payload<'_>,
    capabilities: u32,
) -> Result<(Option<Plugin>, Vec<(String, String)>), Malformed> {
    let mut plugin = Some(Plugin::Native);
    if capabilities & capability::PLUGIN_AUTH != 0 && !payload.is_empty() {
        plugin = Plugin::named(payload.until_zero_or_end());
    }
    let mut attributes = Vec::new();
    if capabilities & capability::CONNECT_ATTRS != 0 && !payload.is_empty() {
        let mut rest = Payload::new(payload.lenenc_bytes()?);
        while !rest.is_empty() {
            attributes.push((text(rest.lenenc_bytes()?), text(rest.lenenc_bytes()?)));
        }
    }
    Ok((plugin, attributes))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first packet of a client of version 8, from the protocol's documentation.
    fn response() -> Vec<u8> {
        let capabilities = capability::PROTOCOL_41
            | capability::CONNECT_WITH_DB
            | capability::PLUGIN_AUTH
            | capability::PLUGIN_AUTH_LENENC_CLIENT_DATA
            | capability::CONNECT_ATTRS;
        let mut out = capabilities.to_le_bytes().to_vec();
        out.extend_from_slice(&[0, 0, 0, 1, 255]);
        out.extend_from_slice(&[0; 23]);
        out.extend_from_slice(b"root\0\x03abcshop\0caching_sha2_password\0\x06\x02k1\x02v1");
        out
    }

    #[test]
    fn a_response_is_read() {
        let read = Response::read(&response(), CAPABILITIES).unwrap();
        let login = read.login.unwrap();
        assert_eq!(
            (&*login.user, &login.answer[..], login.database.as_deref()),
            ("root", &b"abc"[..], Some("shop"))
        );
        assert_eq!(login.plugin, Some(Plugin::CachingSha2));
        assert_eq!(login.attributes, [("k1".to_string(), "v1".to_string())]);
    }

    #[test]
    fn a_response_that_is_cut_off_is_refused_or_short() {
        let whole = response();
        for n in 0..whole.len() {
            // Never a panic; and before the answer to the salt ends it is no response.
            let read = Response::read(&whole[..n], CAPABILITIES);
            assert!(n >= 41 || read.is_err(), "{n}");
        }
    }

    #[test]
    fn the_greeting_is_laid_out_as_documented() {
        let mut out = Vec::new();
        greeting(&mut out, "8", 0x0102, b"12345678abcdefghijkl", 0x0a0b_0c0d);
        let want = b"\x0a8\x00\x02\x01\x00\x0012345678";
        assert_eq!(&out[..15], want);
        assert_eq!(out[15..25], [0, 0x0d, 0x0c, 46, 2, 0, 0x0b, 0x0a, 21, 0]);
        assert!(out.ends_with(b"abcdefghijkl\0mysql_native_password\0"));
    }

    #[test]
    fn a_change_of_user_is_read() {
        let body = b"root\0\x02xyshop\0\x2e\0mysql_native_password\0";
        let login = Login::read_change_user(&mut Payload::new(body), CAPABILITIES).unwrap();
        assert_eq!((login.answer, login.database.as_deref()), (b"xy".to_vec(), Some("shop")));
    }
}
